//! Scales, requantising with one and with two roundings, formats of reals, quantised tensors.

use proptest::prelude::*;
use tinyprec::numeric::half_float::{bf16_to_f32, f16_to_f32, f64_to_bf16, f64_to_f16, round_bf16, round_f16};
use tinyprec::numeric::{
    Format, IntFormat, Narrow, Overflow, QParams, Requantiser, Rounder, Rounding, Scale, Scheme, TensorError, Values,
    quantise, quantise_channels, range_of_integers, requantise_double, requantise_single, requantise_tensor,
};

fn rounder(mode: Rounding) -> Rounder {
    Rounder::new(mode, 1, 0)
}

fn scale(x: f64) -> Scale {
    Scale::from_f64(x).expect("positive")
}

/// Is `kept · 2^drop` the nearest to `exact` among 31-bit mantissas, a tie going to the even one?
fn nearest_even(exact: i128, kept: i128, drop: u32) -> bool {
    let (error, half) = ((exact - (kept << drop)).abs() * 2, 1i128 << drop);
    error < half || (error == half && kept % 2 == 0)
}

#[test]
fn scales_hold_31_bits_and_refuse_what_is_no_scale() {
    for (x, mantissa, exponent) in [(1.0, 1 << 30, 1), (0.5, 1 << 30, 0), (3.0, 3 << 29, 2), (0.75, 3 << 29, 0)] {
        let s = scale(x);
        assert_eq!((s.mantissa(), s.exponent(), s.to_f64()), (mantissa, exponent, x));
    }
    // 2^31 + 1 and 2^31 + 3 halves: ties of the 31-bit mantissa.
    assert_eq!(scale(2147483649.0).mantissa(), 1 << 30);
    assert_eq!(scale(2147483651.0).mantissa(), (1 << 30) + 2);
    // All 32 ones round up into the next power of two.
    assert_eq!(scale(4294967295.0), Scale::pow2(32));
    for x in [f64::MIN_POSITIVE, 5e-324, 1.5e-310, f64::MAX] {
        assert!((scale(x).to_f64() / x - 1.0).abs() < 1e-9 || scale(x).to_f64() == f64::INFINITY, "{x:e}");
    }
    assert_eq!(scale(5e-324).to_f64(), 5e-324);
    for x in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Scale::from_f64(x).is_err(), "{x}");
    }
    assert!(Scale::ratio(0, 1).is_err() && Scale::ratio(1, 0).is_err());
    assert_eq!(Scale::ratio(u64::MAX, 1), Ok(Scale::pow2(64)));
    assert_eq!(Scale::from_parts(1 << 31, 0), None);
    assert_eq!(Scale::from_parts((1 << 30) - 1, 0), None);
}

#[test]
fn all_16_bit_codes_by_awkward_scales_are_rounded_once() {
    let factors = [1.0 / 127.0, 0.5, 2.0, 1.0, 0.3, 1.0 / 3.0, 0.9999999999, 1e-3, 7.77, 1e-12, 300.0];
    for factor in factors.map(scale) {
        let down = 31 - factor.exponent();
        for mode in [Rounding::TiesEven, Rounding::TiesAway, Rounding::TiesUp, Rounding::Floor, Rounding::TowardZero] {
            let mut r = rounder(mode);
            for x in i16::MIN..=i16::MAX {
                let exact = i128::from(x) * i128::from(factor.mantissa());
                let found = i128::from(requantise_single(x.into(), factor, &mut r));
                let error = exact - (found << down);
                let (unit, odd) = (1i128 << down, found % 2 != 0);
                let right = match mode {
                    Rounding::TiesEven => 2 * error.abs() < unit || (2 * error.abs() == unit && !odd),
                    Rounding::TiesAway => 2 * error.abs() < unit || (2 * error == -unit * exact.signum()),
                    Rounding::TiesUp => 2 * error < unit && 2 * error >= -unit,
                    Rounding::Floor => (0..unit).contains(&error),
                    _ => error.abs() < unit && error * exact.signum() >= 0,
                };
                assert!(right, "{mode}: {x} · {} gave {found}", factor.to_f64());
            }
        }
    }
}

#[test]
fn requantising_saturates_where_the_product_leaves_64_bits() {
    let mut r = rounder(Rounding::TiesEven);
    assert_eq!(requantise_single(i64::MAX, Scale::pow2(1), &mut r), i64::MAX);
    assert_eq!(requantise_single(i64::MIN, Scale::pow2(1), &mut r), i64::MIN);
    assert_eq!(requantise_single(i64::MIN, Scale::ONE, &mut r), i64::MIN);
    assert_eq!(requantise_single(1, Scale::pow2(62), &mut r), 1 << 62);
    assert_eq!(requantise_single(1, Scale::pow2(63), &mut r), i64::MAX);
    assert_eq!(requantise_single(-1, Scale::pow2(63), &mut r), i64::MIN);
    assert_eq!(requantise_single(-1, Scale::pow2(i32::MAX - 1), &mut r), i64::MIN);
    assert_eq!(requantise_single(0, Scale::pow2(i32::MAX - 1), &mut r), 0);
    assert_eq!(requantise_single(i64::MAX, Scale::pow2(i32::MIN), &mut r), 0);
    assert_eq!(requantise_single(3, Scale::pow2(40), &mut r), 3 << 40);
}

/// gemmlowp's `SaturatingRoundingDoublingHighMul` and `RoundingDivideByPOT`, written as the C++ has them.
fn gemmlowp(x: i32, multiplier: i32, shift: i32) -> i32 {
    let (left, right) = (shift.max(0), (-shift).max(0));
    let a = x << left;
    let ab = i64::from(a) * i64::from(multiplier);
    let nudge = if ab >= 0 { 1i64 << 30 } else { 1 - (1i64 << 30) };
    let high = i32::try_from((ab + nudge) / (1i64 << 31)).expect("no −2^31·−2^31 here");
    let mask = ((1i64 << right) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(high < 0);
    (high >> right) + i32::from((high & mask) > threshold)
}

#[test]
fn double_rounding_is_gemmlowps() {
    let mut differs = 0;
    for factor in [0.5, 0.3, 1.0 / 127.0, 0.000_123, 0.75, 1.5, 3.7].map(scale) {
        let mut single = rounder(Rounding::TiesAway);
        for x in (i32::from(i16::MIN)..=i32::from(i16::MAX)).map(|x| x * 769) {
            let expected = gemmlowp(x, i32::try_from(factor.mantissa()).expect("31 bits"), factor.exponent());
            assert_eq!(requantise_double(x, factor), expected, "{x} · {}", factor.to_f64());
            differs += i32::from(i64::from(expected) != requantise_single(x.into(), factor, &mut single));
        }
    }
    assert!(differs > 0, "two roundings must show somewhere");
    for k in [1, 4, 31, 32, 1000, i32::MAX] {
        assert_eq!(requantise_double(i32::MAX, Scale::pow2(k)), i32::MAX);
        assert_eq!(requantise_double(i32::MIN, Scale::pow2(k)), i32::MIN);
        assert_eq!(requantise_double(0, Scale::pow2(k)), 0);
    }
    assert_eq!(requantise_double(i32::MIN, Scale::pow2(-100)), 0);
}

#[test]
fn one_and_two_roundings_differ_in_the_documented_example() {
    // docs/numerics.md: 5 · 0.2999999998 = 1.499999999: one rounding gives 1; the high multiply at exponent −1 gives
    // first 3 (2.999999998), then 3 / 2 = 1.5, a tie, away from zero: 2.
    let factor = scale(0.2999999998);
    assert_eq!((factor.exponent(), requantise_double(5, factor)), (-1, 2));
    assert_eq!(requantise_single(5, factor, &mut rounder(Rounding::TiesAway)), 1);
}

#[test]
fn all_halves_survive_and_every_midpoint_goes_to_the_even_neighbour() {
    type ToBits = fn(f64) -> u16;
    type ToReal = fn(u16) -> f32;
    let kinds: [(ToBits, ToReal, u16); 2] = [(f64_to_f16, f16_to_f32, 0x7c00), (f64_to_bf16, bf16_to_f32, 0x7f80)];
    for (encode, decode, infinity) in kinds {
        for bits in 0..=u16::MAX {
            let value = decode(bits);
            if bits & 0x7fff > infinity {
                assert!(value.is_nan() && decode(encode(f64::NAN)).is_nan());
            } else {
                assert_eq!(encode(value.into()), bits);
            }
        }
        for bits in 0..infinity {
            let below = f64::from(decode(bits));
            // The step above the largest finite value is where IEEE rounds to infinity.
            let next =
                if bits + 1 == infinity { 2.0 * below - f64::from(decode(bits - 1)) } else { decode(bits + 1).into() };
            let middle = (below + next) / 2.0;
            for sign in [0, 0x8000] {
                let signed = |x: f64| if sign == 0 { x } else { -x };
                assert_eq!(encode(signed(middle)), sign | (bits + bits % 2), "middle above {below}");
                assert_eq!(encode(signed(middle.next_down())), sign | bits, "below the middle above {below}");
                assert_eq!(encode(signed(middle.next_up())), sign | (bits + 1), "above the middle above {below}");
            }
        }
        assert_eq!(
            (encode(f64::MAX), encode(f64::NEG_INFINITY), encode(5e-324), encode(-0.0)),
            (infinity, infinity | 0x8000, 0, 0x8000)
        );
    }
    // Where going through f32 rounds twice, and where dropping the low bits loses the sticky one.
    assert_eq!(f16_to_f32(f64_to_f16(1.0 + 2f64.powi(-11) + 2f64.powi(-22))), 1.000_976_6);
    assert_eq!(f16_to_f32(f64_to_f16(1.0 + 2f64.powi(-10) + 2f64.powi(-11) - 2f64.powi(-30))), 1.000_976_6);
    assert_eq!(f16_to_f32(f64_to_f16(1.0 + 2f64.powi(-11) + 2f64.powi(-50))), 1.000_976_6);
}

#[test]
fn half_agrees_where_it_is_right_which_is_from_f32() {
    for high in 0..=u16::MAX {
        for low in [0u32, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0xffff] {
            let x = f32::from_bits(u32::from(high) << 16 | low);
            if !x.is_nan() {
                assert_eq!(round_f16(x).to_bits(), half::f16::from_f32(x).to_f32().to_bits(), "{x:e}");
                assert_eq!(round_bf16(x).to_bits(), half::bf16::from_f32(x).to_f32().to_bits(), "{x:e}");
            }
        }
    }
}

#[test]
fn all_8_bit_products_are_fixeds() {
    use fixed::types::I4F4;
    let (mut floor, mut even) = (rounder(Rounding::Floor), rounder(Rounding::TiesEven));
    let q3_4: Format = "q3.4".parse().expect("8 bits");
    for a in i8::MIN..=i8::MAX {
        for b in i8::MIN..=i8::MAX {
            let product = i64::from(a) * i64::from(b);
            let wrapped = I4F4::from_bits(a).wrapping_mul(I4F4::from_bits(b)).to_bits();
            let ours = tinyprec::numeric::narrow(floor.shift(product, 4), 8, Overflow::Wrap, &mut Narrow::default());
            assert_eq!(ours, Ok(i64::from(wrapped)), "{a}·{b}");
            // As a real, to q3.4: fixed rounds to nearest, ties to even, and saturates when asked.
            let real = f32::from(i16::from(a)) * f32::from(i16::from(b)) / 256.0;
            let values = quantise(&[real], &q3_4, &mut even, Overflow::Saturate, &mut Narrow::default());
            assert_eq!(
                values.expect("finite").codes(),
                Some(&[i32::from(I4F4::saturating_from_num(real).to_bits())][..])
            );
        }
    }
}

#[test]
fn affine_ranges_hold_zero_exactly_and_both_ends_nearly() {
    for bits in 2..=16 {
        let format = IntFormat::new(bits).and_then(|f| f.with_scheme(Scheme::Affine)).expect("a valid width");
        for (lo, hi) in [(-1.0, 1.0), (0.0, 6.0), (-3.0, 0.0), (0.25, 0.5), (-0.7, -0.1), (-1.0, 2.99), (-1e-20, 3e-20)]
        {
            let params = QParams::from_range(&format, lo, hi).expect("a range");
            assert!((format.qmin()..=format.qmax()).contains(&i64::from(params.zero_point)));
            assert_eq!(params.real(params.zero_point), 0.0);
            let step = params.scale.to_f64();
            let end = |q: i64| params.real(i32::try_from(q).expect("16 bits"));
            assert!((end(format.qmin()) - lo.min(0.0)).abs() <= 0.5001 * step, "{bits} bits, {lo}…{hi}");
            assert!((end(format.qmax()) - hi.max(0.0)).abs() <= 0.5001 * step, "{bits} bits, {lo}…{hi}");
        }
    }
}

#[test]
fn static_frozen_and_dynamic_ranges_give_their_scales() {
    let of = |text: &str| QParams::of_format(&text.parse().expect(text));
    assert_eq!(of("int8:static(-1,1)").map(|p| p.scale), Some(scale(1.0 / 127.0)));
    assert_eq!(of("int8:pow2:static(-1,1)").map(|p| p.scale), Some(Scale::pow2(-6)));
    assert_eq!(of("int8:pow2:static(-127,127)").map(|p| p.scale), Some(Scale::ONE));
    assert_eq!(of("q7.8").map(|p| p.scale), Some(Scale::pow2(-8)));
    assert_eq!(of("binary").map(|p| p.scale), Some(Scale::ONE));
    assert_eq!((of("int8"), of("int8:frozen"), of("f32")), (None, None, None));
    let zeros = quantise(
        &[0.0; 3],
        &"int8".parse().expect("int8"),
        &mut rounder(Rounding::TiesEven),
        Overflow::Error,
        &mut Narrow::default(),
    );
    assert_eq!(zeros.expect("all zero is a tensor").codes(), Some(&[0, 0, 0][..]));
}

#[test]
fn integer_ranges_give_the_same_parameters_as_real_ones() {
    for text in
        ["int8:affine", "int8", "int16:affine", "int16", "int8:affine:pow2", "int8:pow2", "int32:affine", "int4:affine"]
    {
        let Format::Int(format) = text.parse().expect(text) else { unreachable!("an integer format") };
        for (lo, hi) in
            [(-1000, 3000), (0, 7), (-5, 0), (-2_000_000_000, 2_000_000_000), (17, 99), (-1, 1), (-(1 << 45), 1 << 40)]
        {
            let unit = scale(1.7e-5);
            let found = Requantiser::from_integers(&format, lo, hi, unit);
            let expected =
                QParams::from_range(&format, lo as f64 * unit.to_f64(), hi as f64 * unit.to_f64()).expect("a range");
            assert!((found.params.scale.to_f64() / expected.scale.to_f64() - 1.0).abs() < 1e-8, "{text} {lo}…{hi}");
            let slack = if format.bits() == 32 { 4 } else { 1 };
            assert!(found.params.zero_point.abs_diff(expected.zero_point) <= slack, "{text} {lo}…{hi}");
            assert!((found.factor.to_f64() * found.params.scale.to_f64() / unit.to_f64() - 1.0).abs() < 1e-8);
            let mut count = Narrow::new("t");
            let codes = requantise_tensor(
                &[lo, 0, hi],
                &format,
                found,
                &mut rounder(Rounding::TiesEven),
                Overflow::Saturate,
                &mut count,
            )
            .expect("saturates");
            assert_eq!(codes[1], found.params.zero_point, "{text}: 0 is exact");
            for (&code, x) in codes.iter().zip([lo, 0, hi]) {
                let error = (found.params.real(code) - x as f64 * unit.to_f64()).abs();
                assert!(error <= 1.01 * found.params.scale.to_f64() * f64::from(slack), "{text}: {x} became {code}");
            }
        }
        let empty = Requantiser::from_integers(&format, 0, 0, Scale::pow2(-3));
        assert_eq!((empty.params.zero_point, empty.params.scale), (0, Scale::pow2(-3)));
        Requantiser::from_integers(&format, i64::MIN, i64::MAX, Scale::ONE);
    }
    assert_eq!(range_of_integers(&[3i32, 9]), (0, 9));
    assert_eq!(range_of_integers::<i64>(&[]), (0, 0));
}

#[test]
fn tensors_refuse_nan_and_count_what_saturates() {
    let mut r = rounder(Rounding::TiesEven);
    let mut run = |values: &[f32], text: &str, rule| {
        let mut count = Narrow::new("site");
        let values = quantise(values, &text.parse().expect(text), &mut r, rule, &mut count);
        (values, count.overflowed, count.total)
    };
    for text in ["int8", "int8:static(-1,1)", "q3.4", "binary", "f16", "f32"] {
        let (found, ..) = run(&[1.0, f32::NAN], text, Overflow::Saturate);
        assert!(matches!(found, Err(TensorError::NotFinite { index: 1, .. })), "{text}");
    }
    let (found, n, total) = run(&[2.0, -0.5, -3.0], "int8:static(-1,1)", Overflow::Saturate);
    assert_eq!((found.expect("saturates").codes(), n, total), (Some(&[127, -64, -127][..]), 2, 3));
    assert!(matches!(run(&[2.0], "int8:static(-1,1)", Overflow::Error).0, Err(TensorError::Overflow(_))));
    assert_eq!(run(&[1e6, 1.0], "f16", Overflow::Saturate), (Ok(Values::Real(vec![65504.0, 1.0])), 1, 2));
    assert_eq!(run(&[-1e6], "f16", Overflow::Wrap), (Ok(Values::Real(vec![f32::NEG_INFINITY])), 1, 1));
    assert!(run(&[1e6], "f16", Overflow::Error).0.is_err());
    assert_eq!(run(&[-0.1, 0.0, 0.1], "binary", Overflow::Error).0.expect("signs").codes(), Some(&[-1, 1, 1][..]));
    let rows = quantise_channels(
        &[1.0, -2.0, 0.5, 0.25],
        2,
        &IntFormat::new(8).expect("8"),
        &mut r,
        Overflow::Error,
        &mut Narrow::default(),
    );
    let codes: Vec<_> = rows.expect("two rows").iter().map(|v| v.codes().expect("codes").to_vec()).collect();
    assert_eq!(codes, [vec![64, -127], vec![127, 64]]);
    assert!(
        quantise_channels(
            &[1.0; 3],
            2,
            &IntFormat::new(8).expect("8"),
            &mut r,
            Overflow::Error,
            &mut Narrow::default()
        )
        .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, rng_seed: proptest::test_runner::RngSeed::Fixed(12), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scale_arithmetic_rounds_once_to_even(a in 1u32 << 30..1 << 31, b in 1u32 << 30..1 << 31, ea in -50i32..50, eb in -50i32..50) {
        let (x, y) = (Scale::from_parts(a, ea).expect("normal"), Scale::from_parts(b, eb).expect("normal"));
        prop_assert_eq!(Scale::from_f64(x.to_f64()), Ok(x));
        let product = x.mul(y);
        let drop = u32::try_from(product.exponent() - ea - eb + 31).expect("30 or 31");
        prop_assert!(nearest_even(i128::from(a) * i128::from(b), product.mantissa().into(), drop));
        // quotient · b · 2^drop against a, doubled until the tie can be seen exactly.
        let quotient = x.div(y);
        let up = 31 - (quotient.exponent() - ea + eb);
        let (exact, kept) = (i128::from(a) << up, i128::from(quotient.mantissa()) * i128::from(b));
        let error = (exact - kept).abs() * 2;
        prop_assert!(error < i128::from(b) || (error == i128::from(b) && quotient.mantissa() % 2 == 0));
        prop_assert_eq!(y.recip(), Scale::ONE.div(y));
        let back = x.div(y).mul(y);
        prop_assert!((back.to_f64() / x.to_f64() - 1.0).abs() < 2f64.powi(-29));
    }

    #[test]
    fn ratios_round_once_to_even(num in 1u64.., den in 1u64.., down_num in 0u32..63, down_den in 0u32..63) {
        let (num, den) = ((num >> down_num).max(1), (den >> down_den).max(1));
        let ratio = Scale::ratio(num, den).expect("neither is 0");
        // num/den = m·2^(e−31): compare num·2^(31−e) with m·den, in 128 bits at most 95 + a few.
        let (mut left, mut right) = (i128::from(num), i128::from(den));
        let up = 31 - ratio.exponent();
        if up >= 0 { left <<= up.min(126 - 64) } else { right <<= -up }
        prop_assume!(up <= 62);
        let error = (left - i128::from(ratio.mantissa()) * right).abs() * 2;
        prop_assert!(error < right || (error == right && ratio.mantissa().is_multiple_of(2)));
    }

    #[test]
    fn any_f64_is_the_nearest_scale(bits in 1u64..0x7ff0_0000_0000_0000) {
        let x = f64::from_bits(bits);
        let s = scale(x);
        let error = (s.to_f64() - x).abs() / x;
        prop_assert!(error <= 2f64.powi(-31) || !(1e-300..=1e300).contains(&x), "{:e}: {error:e}", x);
    }

    #[test]
    fn double_rounding_is_gemmlowps_for_all_32_bits(x: i32, mantissa in 1u32 << 30..1 << 31, exponent in -30i32..1) {
        let factor = Scale::from_parts(mantissa, exponent).expect("normal");
        prop_assert_eq!(requantise_double(x, factor), gemmlowp(x, i32::try_from(mantissa).expect("31 bits"), exponent));
    }
}
