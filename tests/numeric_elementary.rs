//! Integer and f32 elementary functions against f64, with the bounds that docs/numerics.md states.

use proptest::prelude::*;
use tinyprec::numeric::Scale;
use tinyprec::numeric::elementary::{
    exp_f32, exp_neg, exp2_neg, isqrt, ln, log2, nll, reciprocal, softmax, softmax_f32, sqrt_ratio,
};

const Q30: f64 = (1u64 << 30) as f64;
const Q26: f64 = (1u64 << 26) as f64;

#[test]
fn all_32_bit_roots_around_squares_and_the_ends() {
    for root in (0..=u64::from(u16::MAX)).chain([u64::from(u32::MAX) - 1, u64::from(u32::MAX)]) {
        let square = root * root;
        assert_eq!(u64::from(isqrt(square)), root);
        assert_eq!(u64::from(isqrt(square + 2 * root)), root, "just below the next square");
        if square > 0 {
            assert_eq!(u64::from(isqrt(square - 1)), root - 1);
        }
    }
    assert_eq!(isqrt(u64::MAX), u32::MAX);
    // UQ16.16: √(1/4) = 0.5, √2 = 1.41421 rounded down.
    assert_eq!((sqrt_ratio(1, 4), sqrt_ratio(2, 1), sqrt_ratio(0, 9), sqrt_ratio(7, 7)), (1 << 15, 92681, 0, 1 << 16));
    assert_eq!(sqrt_ratio(u32::MAX, 1), u32::MAX); // √(2^32 − 1) = 2^16 · (1 − 2^−33), cut off
}

#[test]
fn powers_of_two_fall_from_one_within_four_steps_of_the_truth() {
    assert_eq!((exp2_neg(0), exp2_neg(1 << 27), exp2_neg(30 << 27), exp2_neg(u32::MAX)), (1 << 30, 1 << 29, 1, 0));
    let mut before = u32::MAX;
    let mut worst = 0f64;
    for high in 0..=u32::from(u16::MAX) {
        for low in [0, 1, 0x5555, 0xffff] {
            let y = high << 16 | low;
            let found = exp2_neg(y);
            assert!(found <= before, "2^−y rises at {y:#x}");
            before = found;
            worst = worst.max((f64::from(found) - (-f64::from(y) / f64::from(1u32 << 27)).exp2() * Q30).abs());
        }
    }
    println!("exp2_neg: largest error {worst:.3} of 2^-30");
    assert!(worst < 3.5, "{worst}");
}

#[test]
fn exponentials_of_counts_follow_their_unit() {
    let mut worst = 0f64;
    for unit in [1.0, 0.1, 1e-3, 1e-6, 3e-9, 1e-30, 40.0, 1e9, 1e30] {
        let scale = Scale::from_f64(unit).expect("positive");
        assert_eq!(exp_neg(0, scale), 1 << 30);
        for t in (0..2000).chain((0..2000).map(|i| i * 1_000_003)).chain([u32::MAX]) {
            let truth = (-f64::from(t) * scale.to_f64()).exp() * Q30;
            worst = worst.max((f64::from(exp_neg(t, scale)) - truth).abs());
        }
    }
    println!("exp_neg: largest error {worst:.3} of 2^-30");
    assert!(worst < 6.0, "{worst}");
}

#[test]
fn logarithms_of_all_16_bit_integers_and_the_ends() {
    let (mut worst_log2, mut worst_ln) = (0f64, 0f64);
    let edges = (0..64).flat_map(|k| [1u64 << k, (1u64 << k) - 1 + u64::from(k == 0), (1 << k) + (1 << k) / 3]);
    let mut all: Vec<u64> = (1..=1 << 16).chain(edges).chain([u64::MAX]).collect();
    all.sort_unstable();
    let mut before = 0;
    for x in all {
        let found = log2(x);
        assert!(found >= before, "log2 falls at {x}");
        before = found;
        worst_log2 = worst_log2.max((f64::from(found) - (x as f64).log2() * Q26).abs());
        worst_ln = worst_ln.max((f64::from(ln(x)) - (x as f64).ln() * Q26).abs());
        if x.is_power_of_two() {
            assert_eq!(found, x.trailing_zeros() << 26);
        }
    }
    println!("log2: {worst_log2:.3}, ln: {worst_ln:.3} of 2^-26");
    assert!(worst_log2 < 2.0 && worst_ln < 2.0, "{worst_log2} {worst_ln}");
    assert_eq!((log2(0), ln(0), ln(1)), (0, 0, 0));
}

#[test]
fn softmax_of_integers_is_softmax() {
    let (mut worst, mut worst_sum, mut worst_loss) = (0f64, 0i64, 0f64);
    let mut state = 1u64;
    let mut random = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for _ in 0..3000 {
        let classes = usize::try_from(random(60) + 1).expect("small");
        let spread = 1u64 << (random(31) + 1);
        let unit = Scale::from_f64(8.0 / spread as f64 * (random(1000) + 1) as f64 / 250.0).expect("positive");
        let logits: Vec<i32> =
            (0..classes).map(|_| i32::try_from(random(spread)).expect("31 bits") - (1 << 30)).collect();
        let mut found = vec![0; classes];
        softmax(&logits, unit, &mut found);
        let most = *logits.iter().max().expect("not empty");
        let exp: Vec<f64> = logits.iter().map(|&z| ((f64::from(z) - f64::from(most)) * unit.to_f64()).exp()).collect();
        let sum: f64 = exp.iter().sum();
        for (&p, e) in found.iter().zip(&exp) {
            worst = worst.max((f64::from(p) - e / sum * Q30).abs());
            if p > 1 << 20 {
                worst_loss = worst_loss.max((f64::from(nll(p)) / Q26 + (e / sum).ln()).abs());
            }
        }
        worst_sum = worst_sum.max((found.iter().map(|&p| i64::from(p)).sum::<i64>() - (1 << 30)).abs());
    }
    println!("softmax: largest error {worst:.3} of 2^-30, sum off by {worst_sum}, loss by {worst_loss:.2e}");
    assert!(worst < 4.0 && worst_sum <= 64 && worst_loss < 4e-6, "{worst} {worst_sum} {worst_loss}");
}

#[test]
fn softmax_at_the_ends() {
    let run = |logits: &[i32], unit: f64| {
        let mut out = vec![-1; logits.len()];
        softmax(logits, Scale::from_f64(unit).expect("positive"), &mut out);
        out
    };
    assert_eq!(run(&[], 1.0), [0i32; 0]);
    assert_eq!(run(&[i32::MIN], 1.0), [1 << 30]);
    assert_eq!(run(&[5; 4], 1.0), [1 << 28; 4]);
    assert_eq!(run(&[i32::MIN, i32::MAX], 1.0), [0, 1 << 30]);
    assert_eq!(run(&[i32::MIN, i32::MAX], 1e-300), [1 << 29; 2]);
    assert_eq!(run(&[0, 1], 1e300), [0, 1 << 30]);
    // Shifting all logits changes nothing, to the last bit.
    assert_eq!(run(&[3, -9, 27], 0.1), run(&[1003, 991, 1027], 0.1));
    assert_eq!((nll(1 << 30), nll(i32::MAX)), (0, 0));
    assert_eq!(nll(0), nll(1));
    assert!((f64::from(nll(0)) / Q26 - 30.0 * std::f64::consts::LN_2).abs() < 1e-7);
}

/// |found − truth| in units of the last place of the f32 nearest to the truth.
fn ulps(found: f32, truth: f64) -> f64 {
    let unit = f64::from(f32::from_bits((truth as f32).to_bits() + 1)) - f64::from(truth as f32);
    (f64::from(found) - truth).abs() / unit
}

#[test]
fn f32_exponential_keeps_its_stated_error_over_its_whole_range() {
    let (mut normal, mut at) = (0f64, 0f32);
    let mut subnormal = 0f64;
    // Every 2557th f32 from ±0 to the ends: 1.7 million arguments, all exponents alike.
    for bits in (0..0x42d0_0000u32).step_by(1277) {
        for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
            let truth = f64::from(x).exp();
            if truth > f64::from(f32::MAX) {
                continue;
            }
            let error = ulps(exp_f32(x), truth);
            if truth < f64::from(f32::MIN_POSITIVE) {
                subnormal = subnormal.max(error);
            } else if error > normal {
                (normal, at) = (error, x);
            }
        }
    }
    println!("exp_f32: {normal:.4} ulp at {at:e}, subnormal results {subnormal:.4}");
    assert!(normal < 1.0 && subnormal < 1.01, "{normal} {subnormal}");
    assert_eq!(
        (exp_f32(0.0), exp_f32(-0.0), exp_f32(f32::NEG_INFINITY), exp_f32(f32::INFINITY)),
        (1.0, 1.0, 0.0, f32::INFINITY)
    );
    assert_eq!(
        (exp_f32(-104.0), exp_f32(-1e30), exp_f32(88.73), exp_f32(1e30)),
        (0.0, 0.0, f32::INFINITY, f32::INFINITY)
    );
    assert!(exp_f32(f32::NAN).is_nan() && exp_f32(88.72).is_finite() && exp_f32(-103.2) > 0.0);
    // Pinned bits: the C twin has to give the same.
    let pinned = [-0.1f32, -1.0, -10.0, -87.5, -100.0, 0.5, 10.0].map(|x| exp_f32(x).to_bits());
    assert_eq!(pinned.map(|b| format!("{b:08x}")), PINNED_EXP);
}
const PINNED_EXP: [&str; 7] = ["3f67a36d", "3ebc5ab2", "383e6bce", "006cb2bc", "0000001b", "3fd3094c", "46ac14ee"];

#[test]
fn f32_softmax_sums_to_one_and_follows_the_truth() {
    let logits = [0.3f32, -2.0, 5.5, 5.4, -80.0];
    let mut found = [0.0; 5];
    softmax_f32(&logits, &mut found);
    let exp = logits.map(|z| f64::from(z - 5.5).exp());
    let sum: f64 = exp.iter().sum();
    for (p, e) in found.iter().zip(exp) {
        assert!(ulps(*p, e / sum) < 3.0, "{p} {}", e / sum);
    }
    softmax_f32(&[], &mut []);
    let mut two = [0.0; 2];
    softmax_f32(&[-f32::MAX, f32::MAX], &mut two);
    assert_eq!(two, [0.0, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, rng_seed: proptest::test_runner::RngSeed::Fixed(13), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_root_is_the_floor(x: u64) {
        let root = u128::from(isqrt(x));
        prop_assert!(root * root <= x.into() && (root + 1) * (root + 1) > x.into());
    }

    #[test]
    fn any_ratio_root_is_the_floor(num: u32, den in 1u32..) {
        let root = u128::from(sqrt_ratio(num, den));
        let (scaled, den) = (u128::from(num) << 32, u128::from(den));
        prop_assert!(root * root * den <= scaled && (root + 1) * (root + 1) * den > scaled);
    }

    #[test]
    fn any_reciprocal_is_within_two_parts_in_2_to_30(sum in 1u64.., down in 0u32..63) {
        let sum = (sum >> down).max(1);
        let by = reciprocal(sum);
        prop_assert!(((1 << 30)..=1 << 31).contains(&by.multiplier));
        prop_assert_eq!(by.shift, 64 - sum.leading_zeros());
        let one = f64::from(by.multiplier) * sum as f64 / 2f64.powi(30 + i32::try_from(by.shift).expect("≤ 64"));
        prop_assert!((one - 1.0).abs() <= 2f64.powi(-29), "{one}");
    }
}
