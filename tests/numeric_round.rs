//! Rounding, narrowing, accumulating and packing against exact integers; the oracle picks a neighbour by its definition.

use proptest::prelude::*;
use tinyprec::numeric::pack::{pack, pack_binary, packed_bytes, unpack, unpack_binary};
use tinyprec::numeric::{
    AccumulatorFormat, Check, Narrow, Overflow, Rounder, Rounding, Scale, dot, max_abs, narrow, narrow_range,
    narrow_slice, requantise_single, requantise_slice, safe_bits,
};

const DETERMINISTIC: [Rounding; 5] =
    [Rounding::TiesEven, Rounding::TiesAway, Rounding::TiesUp, Rounding::Floor, Rounding::TowardZero];

fn rounder(mode: Rounding) -> Rounder {
    Rounder::new(mode, 7, 0)
}

/// The integer that `num / den` (den > 0) rounds to, by comparing the distances of the three integers around it.
fn oracle(num: i128, den: i128, mode: Rounding) -> i128 {
    let near = [num / den - 1, num / den, num / den + 1];
    let distance = |c: i128| (num - c * den).abs();
    let least = near.iter().map(|&c| distance(c)).min().expect("three candidates");
    let nearest = near.iter().copied().filter(|&c| distance(c) == least);
    match mode {
        Rounding::TiesEven => {
            let both: Vec<_> = nearest.collect();
            if both.len() == 1 { both[0] } else { both.into_iter().find(|c| c % 2 == 0).expect("one of two is even") }
        }
        Rounding::TiesAway => nearest.max_by_key(|c| c.abs()).expect("at least one"),
        Rounding::TiesUp => nearest.max().expect("at least one"),
        Rounding::Floor => near.into_iter().filter(|c| c * den <= num).max().expect("the first is below"),
        Rounding::TowardZero => near
            .into_iter()
            .filter(|c| c.abs() * den <= num.abs())
            .max_by_key(|c| (c.abs(), c * num >= 0))
            .expect("0 or the quotient"),
        Rounding::Stochastic => unreachable!("not deterministic"),
    }
}

#[test]
fn the_oracle_itself_knows_the_ties() {
    let all = |num| DETERMINISTIC.map(|mode| oracle(num, 2, mode));
    assert_eq!(all(5), [2, 3, 3, 2, 2]); // 2.5
    assert_eq!(all(7), [4, 4, 4, 3, 3]); // 3.5
    assert_eq!(all(-5), [-2, -3, -2, -3, -2]); // −2.5
    assert_eq!(all(-1), [0, -1, 0, -1, 0]); // −0.5
}

#[test]
fn all_16_bit_codes_times_all_shifts() {
    for mode in DETERMINISTIC {
        let mut r = rounder(mode);
        for shift in 0..=17 {
            for x in i16::MIN..=i16::MAX {
                let expected = oracle(x.into(), 1 << shift, mode);
                assert_eq!(i128::from(r.shift(x.into(), shift)), expected, "{mode}: {x} >> {shift}");
            }
        }
    }
}

#[test]
fn all_8_bit_quotients_of_both_signs() {
    for mode in DETERMINISTIC {
        let mut r = rounder(mode);
        for num in -1024i64..1024 {
            for den in (-64i64..=64).filter(|&d| d != 0) {
                let expected = oracle((num * den.signum()).into(), den.abs().into(), mode);
                assert_eq!(i128::from(r.divide(num, den)), expected, "{mode}: {num} / {den}");
            }
        }
        assert_eq!(r.divide(i64::MIN, -1), i64::MAX);
    }
}

#[test]
fn all_16_bit_reals_in_256ths() {
    for mode in DETERMINISTIC {
        let mut r = rounder(mode);
        for x in i16::MIN..=i16::MAX {
            let expected = oracle(x.into(), 256, mode);
            assert_eq!(i128::from(r.real(f64::from(x) / 256.0)), expected, "{mode}: {x}/256");
        }
        assert_eq!((r.real(f64::NAN), r.real(f64::INFINITY), r.real(-1e300)), (0, i64::MAX, i64::MIN));
        // The largest f64 below one half must not be lifted to a half by an addition on the way.
        assert_eq!(r.real(0.499_999_999_999_999_94), 0);
    }
}

#[test]
fn huge_shifts_leave_only_the_sign() {
    for shift in [63, 64, 65, 100, 126, 127, 128, 1000, u32::MAX] {
        for (mode, below, above) in [
            (Rounding::TiesEven, 0, 0),
            (Rounding::TiesAway, 0, 0),
            (Rounding::TiesUp, 0, 0),
            (Rounding::Floor, -1, 0),
            (Rounding::TowardZero, 0, 0),
        ] {
            let mut r = rounder(mode);
            assert_eq!((r.shift(-3, shift), r.shift(3, shift)), (below, above), "{mode} {shift}");
        }
    }
    // −2^63 / 2^64 is exactly −1/2.
    let tie = DETERMINISTIC.map(|mode| rounder(mode).shift(i64::MIN, 64));
    assert_eq!(tie, [0, -1, 0, -1, 0]);
}

#[test]
fn stochastic_rounding_is_unbiased_and_reproducible() {
    const DRAWS: i64 = 4096;
    let mut total_error = 0.0;
    let mut variance = 0.0;
    let mut r = Rounder::new(Rounding::Stochastic, 2026, 3);
    for x in -256i64..256 {
        let sum: i64 = (0..DRAWS).map(|_| r.shift(x, 8)).sum();
        let p = (x.rem_euclid(256)) as f64 / 256.0;
        let (expected, sd) = (x as f64 / 256.0 * DRAWS as f64, (DRAWS as f64 * p * (1.0 - p)).sqrt());
        assert!((sum as f64 - expected).abs() <= 5.0 * sd, "{x}: {sum} draws up, expected {expected} ± {sd}");
        total_error += sum as f64 - expected;
        variance += sd * sd;
    }
    assert!(total_error.abs() < 4.0 * variance.sqrt(), "bias {total_error} against a spread of {}", variance.sqrt());

    let sums = |seed, stream| {
        let mut r = Rounder::new(Rounding::Stochastic, seed, stream);
        let thirds: i64 = (0..30_000).map(|_| r.divide(-1, 3)).sum();
        let reals: i64 = (0..30_000).map(|_| r.real(2.25)).sum();
        let wide: i64 = (0..30_000).map(|_| r.product(1 << 40, Scale::pow2(-42))).sum();
        (thirds, reals, wide)
    };
    let (thirds, reals, wide) = sums(1, 1);
    assert!((thirds + 10_000).abs() < 400, "{thirds}");
    assert!((reals - 67_500).abs() < 400, "{reals}");
    assert!((wide - 7_500).abs() < 400, "{wide}");
    assert_eq!(sums(1, 1), (thirds, reals, wide));
    assert_ne!(sums(1, 2), (thirds, reals, wide));
    assert_ne!(sums(2, 1), (thirds, reals, wide));
    // Whole numbers never move.
    assert!((0..1000).all(|_| r.shift(-512, 8) == -2 && r.divide(9, 3) == 3 && r.real(-4.0) == -4));
}

#[test]
fn the_random_stream_is_pinned() {
    // ChaCha8, key = seed in its first 8 bytes, stream 5: a record made today must be made again tomorrow.
    let mut r = Rounder::new(Rounding::Stochastic, 1, 5);
    let drawn: Vec<i64> = (0..32).map(|_| r.shift(1, 1)).collect();
    let mut again = Rounder::new(Rounding::Stochastic, 1, 5);
    assert!(drawn.iter().all(|&d| again.shift(1, 1) == d));
    let as_bits = drawn.iter().rev().fold(0u32, |bits, &d| bits << 1 | u32::from(d == 1));
    assert_eq!(as_bits, 0xe7b3_a96c, "{as_bits:#010x}");
}

#[test]
fn all_16_bit_values_into_every_narrower_width() {
    for bits in 1..=17 {
        let (lo, hi) = (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1);
        let mut count = Narrow::new("test");
        let mut wrapped = Narrow::new("test");
        for x in i64::from(i16::MIN)..=i64::from(i16::MAX) {
            let fits = (lo..=hi).contains(&x);
            assert_eq!(narrow(x, bits, Overflow::Saturate, &mut count), Ok(x.max(lo).min(hi)));
            let modulo = narrow(x, bits, Overflow::Wrap, &mut wrapped).expect("wrapping never fails");
            assert!((lo..=hi).contains(&modulo) && (modulo - x) % (1 << bits) == 0, "{x} in {bits}: {modulo}");
            let strict = narrow(x, bits, Overflow::Error, &mut Narrow::new("here"));
            assert_eq!(strict.is_ok(), fits);
            if let Err(error) = strict {
                assert_eq!((error.site.as_str(), error.value, error.lo, error.hi), ("here", x, lo, hi));
            }
        }
        assert_eq!((count.total, count.overflowed), (1 << 16, (1u64 << 16).saturating_sub(1 << bits)));
        assert_eq!((wrapped.total, wrapped.overflowed), (count.total, count.overflowed));
        if bits < 16 {
            assert_eq!(
                count.first.iter().map(|o| (o.index, o.value)).collect::<Vec<_>>(),
                [(0, -32768), (1, -32767), (2, -32766), (3, -32765)]
            );
        }
    }
    for x in i64::from(i16::MIN)..=i64::from(i16::MAX) {
        let byte = i64::from(i8::from_le_bytes([i16::try_from(x).expect("16 bits").to_le_bytes()[0]]));
        assert_eq!(narrow(x, 8, Overflow::Wrap, &mut Narrow::default()), Ok(byte));
    }
    for (x, bits, to) in [(i64::MIN, 64, i64::MIN), (i64::MAX, 64, i64::MAX), (i64::MIN, 1, 0), (-3, 1, -1)] {
        assert_eq!(narrow(x, bits, Overflow::Wrap, &mut Narrow::default()), Ok(to), "{x} in {bits}");
    }
    // A symmetric range wraps modulo its 255 codes.
    assert_eq!(narrow_range(128, -127, 127, Overflow::Wrap, &mut Narrow::default()), Ok(-127));
}

#[test]
fn counters_keep_the_first_operands_and_merge_in_order() {
    let mut a = Narrow::new("head");
    for x in [1, 300, 2, -300, 400] {
        narrow(x, 8, Overflow::Saturate, &mut a).expect("saturates");
    }
    let mut b = Narrow::new("head");
    for x in [500, 3, 600] {
        narrow(x, 8, Overflow::Wrap, &mut b).expect("wraps");
    }
    a.merge(&b);
    assert_eq!((a.total, a.overflowed, a.share()), (8, 5, 0.625));
    assert_eq!(
        a.first.iter().map(|o| (o.index, o.value)).collect::<Vec<_>>(),
        [(1, 300), (3, -300), (4, 400), (5, 500)]
    );
}

#[test]
fn accumulators_differ_by_when_they_are_checked() {
    let sum = |terms: &[i32], text: &str| {
        let format: AccumulatorFormat = text.parse().expect(text);
        let mut count = Narrow::new("acc");
        (dot(terms, &vec![1; terms.len()], format, &mut count).ok(), count.overflowed)
    };
    let terms = [100, 100, -100];
    assert_eq!(sum(&terms, "acc8"), (Some(27), 1)); // 100, 127, 27
    assert_eq!(sum(&terms, "acc8:at-end"), (Some(100), 0));
    assert_eq!(sum(&terms, "acc8:wrap"), (Some(100), 2)); // 100, −56, 100: wraps twice and is right again
    assert_eq!(sum(&terms, "acc8:error"), (None, 1));
    assert_eq!(sum(&[100, 100], "acc8:at-end:wrap"), (Some(-56), 1));
}

#[test]
fn safe_width_is_the_smallest_that_no_sum_leaves() {
    for (n, a, w) in
        [(1, 127, 127), (256, 127, 127), (1024, 128, 128), (3, 1, 1), (0, 5, 5), (1 << 40, 1 << 40, 1 << 40)]
    {
        let bits = safe_bits(n, a, w);
        let bound = u128::from(n) * u128::from(a) * u128::from(w);
        assert!(bound < 1 << (bits - 1) && (bits == 1 || bound >= 1 << (bits - 2)), "{n}·{a}·{w}: {bits}");
    }
    assert_eq!(safe_bits(256, 127, 127), 23);
    assert_eq!((max_abs(8), max_abs(16), max_abs(64)), (128, 32768, 1 << 63));
    // The bound is reached and holds: 4 · 128 · 127 in exactly safe_bits.
    let bits = safe_bits(4, 128, 127);
    let format = AccumulatorFormat::new(bits, Check::EachAdd, Overflow::Error).expect("wide enough");
    assert_eq!(dot(&[-128; 4], &[127; 4], format, &mut Narrow::default()), Ok(-65024));
    let format = AccumulatorFormat::new(bits - 1, Check::EachAdd, Overflow::Error).expect("still 8 or more");
    assert!(dot(&[-128; 4], &[127; 4], format, &mut Narrow::default()).is_err());
}

#[test]
fn all_sub_byte_codes_survive_packing() {
    for bits in 2..=8 {
        let codes: Vec<i32> = (-(1 << (bits - 1))..1 << (bits - 1)).collect();
        for n in (0..=codes.len()).filter(|n| *n < 20 || *n == codes.len()) {
            let bytes = pack(&codes[..n], bits).expect("all in range");
            assert_eq!(bytes.len(), packed_bytes(n, bits));
            assert_eq!(unpack(&bytes, n, bits).expect("enough bytes"), codes[..n]);
            assert_eq!(unpack(&bytes, n + 8, bits), None);
        }
        assert_eq!(pack(&[1 << (bits - 1)], bits), None);
    }
    assert_eq!(pack(&[1, -1, 2], 4).as_deref(), Some(&[0xf1, 0x02][..]));
    assert_eq!((pack(&[0], 1), pack(&[0], 9)), (None, None));
    // Bit 1 is −1, least significant first, tail 0.
    assert_eq!(pack_binary(&[-1, 1, 1, -1, 1, 1, 1, 1, -1]).as_deref(), Some(&[0b1001, 1][..]));
    assert_eq!(unpack_binary(&[0b1001, 1], 9), Some(vec![-1, 1, 1, -1, 1, 1, 1, 1, -1]));
    assert_eq!((pack_binary(&[0]), unpack_binary(&[0], 9)), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: proptest::test_runner::RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shift_and_quotient_is_the_oracles(x: i64, den in 1i64.., shift in 0u32..120, small in 0u32..63) {
        for mode in DETERMINISTIC {
            let mut r = rounder(mode);
            prop_assert_eq!(i128::from(r.shift(x, shift)), oracle(x.into(), 1 << shift, mode));
            let x = x >> small;
            prop_assert_eq!(i128::from(r.divide(x, den >> (small / 2) | 1)), oracle(x.into(), (den >> (small / 2) | 1).into(), mode));
        }
    }

    #[test]
    fn slices_are_the_scalar_functions(xs in prop::collection::vec(any::<i64>(), 0..300), small in 0u32..63, minus in -300i64..300, mantissa in 1u32 << 30..1 << 31, exponent in -40i32..8, mode in 0usize..6) {
        let xs: Vec<i64> = xs.into_iter().map(|x| x >> small).collect();
        let factor = Scale::from_parts(mantissa, exponent).expect("a normal mantissa");
        let mode = Rounding::ALL[mode];
        let (mut one, mut many) = (Rounder::new(mode, 1, 2), Rounder::new(mode, 1, 2));
        let mut out = vec![0; xs.len()];
        requantise_slice(&xs, minus, factor, &mut many, &mut out);
        for (&x, &y) in xs.iter().zip(&out) {
            prop_assert_eq!(y, requantise_single(x.saturating_sub(minus), factor, &mut one));
        }
        for rule in [Overflow::Saturate, Overflow::Wrap] {
            let (mut c1, mut c2) = (Narrow::new("s"), Narrow::new("s"));
            let mut codes = vec![0; out.len()];
            narrow_slice(&out, -127, 127, rule, &mut c1, &mut codes).expect("never fails");
            for (&x, &code) in out.iter().zip(&codes) {
                prop_assert_eq!(narrow_range(x, -127, 127, rule, &mut c2), Ok(i64::from(code)));
            }
            prop_assert_eq!(c1, c2);
        }
    }
}
