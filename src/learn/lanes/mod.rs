//! The head's operations over whole batches and tensors, shaped for vector registers.
//!
//! Same integers as [`super::kernels`], which stay the definition: sums of products run modulo 2^32 where the caller has
//! proven that the result fits, so their order is free; each rounding is written without branches; a block with a value out
//! of range goes back to the plain kernel, which counts it. Codes of up to 16 bits are multiplied two at a time.
//!
//! Flow: `matrix` (batches of dot and outer products; `bytes` where both operands are 8-bit codes), `rounding` (by one fused multiply-add where that is exact), with which
//! `elementwise` (requantising, SGD's step, in the `blocks` of a tensor) and `wide` (64-bit sums, weights of a moving range) run, `softmax`, `reals` (the float head's sums); each compiled
//! for the widest registers of the level by `simd`. Whole tensors go the `way` they are told: on one thread, or two halves of the
//! rows side by side. Sums are exact and every value is one thread's own, so the way decides no byte.

mod blocks;
pub(crate) mod bytes;
mod descent;
mod elementwise;
mod matrix;
mod narrow;
mod reals;
mod rounding;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod simd;
mod softmax;
mod way;
mod wide;

pub(crate) use blocks::range;
pub(crate) use descent::requant_and_step;
pub(crate) use elementwise::{requant, requant_in_place, sgd};
pub(crate) use matrix::{Halves, Lanes, Pairs, Rows, to_lanes};
pub(crate) use reals::{Turned, outer_of_reals};
pub(crate) use rounding::codes_of_reals;
pub(crate) use softmax::softmax;
pub(crate) use way::Way;
pub(crate) use wide::{Codes, Twice, count_below, step_fine};

/// Which registers the loops are compiled for; all give the same integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Whatever the target has without asking.
    Plain,
    /// x86-64 with AVX2, FMA and BMI2.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Avx512,
}

impl Level {
    /// The widest of this level.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni");
            let fused = is_x86_feature_detected!("fma") && is_x86_feature_detected!("bmi2");
            if wide && fused {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && fused {
                return Self::Avx2;
            }
        }
        Self::Plain
    }

    /// A fused multiply-add is one instruction.
    fn fused(self) -> bool {
        self != Self::Plain
    }

    /// All that this machine has, for tests.
    #[cfg(test)]
    pub fn available() -> Vec<Self> {
        match Self::best() {
            Self::Plain => vec![Self::Plain],
            Self::Avx2 => vec![Self::Plain, Self::Avx2],
            Self::Avx512 => vec![Self::Plain, Self::Avx2, Self::Avx512],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::{self, Requant, Site, Step};
    use crate::numeric::{Overflow, Rounding, Scale, elementary};
    use proptest::prelude::*;

    /// Sums and those that moved nothing, from what quantising lost and what the step lost.
    fn of_sums((non_zero, lost): (u64, u64), step: kernels::StepCount) -> kernels::StepCount {
        kernels::StepCount { non_zero, vanished: lost + step.vanished }
    }

    fn overflow(i: usize) -> Overflow {
        [Overflow::Saturate, Overflow::Wrap][i % 2]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn steps_on_the_fine_grid_equal_the_plain_kernels(
            pairs in prop::collection::vec((any::<i32>(), any::<i32>()), 1..300), small in (8u32..32, 0u32..32), zeros in (-200i32..200, -200i32..200),
            mantissas in ((1u32 << 30)..(1 << 31), (1u32 << 30)..(1 << 31)), exponents in (-30i32..8, -40i32..8), wide in any::<bool>(),
            limit in 0f64..300.0,
        ) {
            let (base, gradient): (Vec<i32>, Vec<i32>) = pairs.iter().map(|&(a, b)| (a >> small.0, b >> small.1)).unzip();
            let of_base = Scale::from_parts(mantissas.0, exponents.0).unwrap();
            let of_step = Scale::from_parts(mantissas.1, exponents.1).unwrap();
            let wides: Vec<i64> = gradient.iter().map(|&g| i64::from(g) << if wide { 18 } else { 0 }).collect();
            let most = |x: &mut dyn Iterator<Item = i64>, zero: i32| x.map(|x| x.abs_diff(zero.into())).max().unwrap_or(0);
            let base_most = most(&mut base.iter().map(|&x| x.into()), zeros.0);
            let mut expected = vec![0i64; base.len()];
            kernels::widen(&base, zeros.0, of_base.mul(Scale::pow2(-kernels::WIDE_FRACTION)), &mut expected);
            let mut rounder = crate::numeric::Rounder::new(Rounding::TiesEven, 0, 0);
            let centred = wides.iter().map(|&g| g - i64::from(zeros.1));
            let counted = kernels::subtract_step_wide(&mut expected, centred.clone(), of_step, &mut rounder);
            let expected = (&expected, Some((counted.non_zero, kernels::gradient_range_wide(&expected))));
            let below = centred.filter(|&g| g != 0 && (g as f64).abs() < limit).count();
            for way in Way::available() {
                let mut out = vec![7; base.len()];
                let from = (&wides[..], zeros.1, of_step, most(&mut wides.iter().copied(), zeros.1));
                let base = (&base[..], zeros.0, of_base, base_most);
                let found = step_fine(way, base, from, Rounding::TiesEven, &mut out);
                prop_assert!(found.is_none() || (&out, found) == expected, "{:?}", way);
                prop_assert_eq!(count_below(way, &wides, zeros.1, limit), u64::try_from(below).unwrap());
                if !wide {
                    let from = (&gradient[..], zeros.1, of_step, from.3);
                    let found = step_fine(way, base, from, Rounding::TiesEven, &mut out);
                    prop_assert!(found.is_none() || (&out, found) == expected, "{:?}", way);
                    prop_assert_eq!(count_below(way, &gradient, zeros.1, limit), u64::try_from(below).unwrap());
                }
            }
        }

        #[test]
        fn dots_and_outer_products_equal_the_plain_kernels(
            classes in 1usize..11, columns in 1usize..100, samples in 1usize..10, seed in 0u32..1000, bits in 2u32..17,
            zero in -40_000i32..40_000, w_zero in -200i32..200,
        ) {
            let mut state = seed;
            let mut code = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.cast_signed() >> (32 - bits)
            };
            let w: Vec<i32> = (0..classes * columns).map(|_| code()).collect();
            let a: Vec<i32> = (0..samples * columns).map(|_| code()).collect();
            let e: Vec<i32> = (0..samples * classes).map(|_| code()).collect();
            let (mut lanes, mut la, mut pairs) = (Lanes::default(), Vec::new(), Pairs::default());
            to_lanes(Level::best(), a.chunks(columns), columns, &mut la);
            let moved = bytes::Bytes::moved(&a, columns);
            let all = if bits <= 8 && Level::best() == Level::Avx512 && seed % 2 == 0 { Rows::Bytes(&moved, 0) } else { Rows::Lanes(&la) };
            let rows: Vec<usize> = (0..samples).collect();
            for way in Way::available() {
                for codes in [Some(&w[..]), None] {
                    let mut z = vec![0; samples * classes];
                    lanes.dots(way, (codes, w_zero), (all, &rows), (classes, columns), &mut z);
                    let halves = Halves { samples, classes, first: way.half(classes) };
                    for (b, a) in a.chunks(columns).enumerate() {
                        let mut expected = vec![0; classes];
                        kernels::head_forward(&w, w_zero, a, 0, &mut expected);
                        prop_assert_eq!(halves.of(&z, b).concat(), expected, "{:?}", way);
                    }
                }
                let (mut acc, mut expected) = (vec![7; classes * columns], vec![0; classes * columns]);
                let range = pairs.outer(way, (&e, zero, classes), (all, &rows), (columns, &mut acc));
                for (a, e) in a.chunks(columns).zip(e.chunks(classes)) {
                    kernels::gradient_accumulate(&mut expected, e, zero, a, 0);
                }
                prop_assert_eq!(&acc, &expected, "{:?}", way);
                let (lo, hi) = kernels::range_with_zero(&expected);
                prop_assert_eq!((i64::from(range.0), i64::from(range.1)), (lo, hi), "{:?}", way);
                if bits > 12 {
                    // Halves of wide errors would not fit 32 bits over the batch.
                    continue;
                }
                let (mut acc, mut expected) = (vec![7; classes * columns], vec![0; classes * columns]);
                let wide: Vec<i32> = e.iter().map(|&e| e.wrapping_mul(65_537)).collect();
                let range = pairs.outer_wide(way, (&wide, zero, classes), (all, &rows), (columns, &mut acc));
                for (a, e) in a.chunks(columns).zip(wide.chunks(classes)) {
                    kernels::gradient_accumulate_wide(&mut expected, e, zero, a, 0);
                }
                prop_assert_eq!((&acc, range), (&expected, kernels::gradient_range_wide(&expected)), "{:?}", way);
            }
        }

        #[test]
        fn requantising_and_steps_equal_the_plain_kernels(
            values in prop::collection::vec(any::<i32>(), 1..600), wide in any::<bool>(), small in 0u32..32,
            mantissa in (1u32 << 30)..(1 << 31), exponent in -40i32..34, mode in 0usize..6, rule in 0usize..2,
            zeros in (any::<i32>(), -200i32..200), bits in 2u32..33, bounded in any::<bool>(),
        ) {
            let (mode, overflow) = (Rounding::ALL[mode], overflow(rule));
            let factor = Scale::from_parts(mantissa, exponent).unwrap();
            let (lo, hi) = (i32::MIN >> (32 - bits), i32::MAX >> (32 - bits));
            let values: Vec<i32> = values.into_iter().map(|v| v >> small).collect();
            let src_zero = zeros.0 >> small;
            let requant_to = Requant { src_zero, factor, dst_zero: zeros.1.clamp(lo, hi), lo, hi, overflow };
            let step = Step { src_zero, factor, lo, hi, overflow };
            let wide_values: Vec<i64> = values.iter().map(|&v| i64::from(v) << if wide { 20 } else { 0 }).collect();
            let site = || Site::new("x", mode, 1, 2);
            let master: Vec<i32> = values.iter().map(|v| (v ^ 0x55).clamp(lo, hi)).collect();
            let most = |x: &[i64], zero: i32| bounded.then(|| x.iter().map(|&x| x.abs_diff(zero.into())).max().unwrap_or(0));
            let (most_narrow, most_wide) = (
                most(&values.iter().map(|&v| v.into()).collect::<Vec<_>>(), src_zero), most(&wide_values, src_zero),
            );
            // Around the sums' own zero; most are far within.
            let range_to = |most: u64| {
                let far = i64::try_from(most).unwrap() + i64::from(src_zero).abs();
                (-far, far)
            };
            for way in Way::available() {
                let (mut a, mut b) = (vec![0; values.len()], vec![0; values.len()]);
                let (mut sa, mut sb) = (site(), site());
                let counted = requant(way, (&values, most_narrow), &requant_to, &mut sa, &mut a).unwrap();
                let expected = kernels::quantise_gradient(&values, &requant_to, &mut sb, &mut b).unwrap();
                prop_assert_eq!(&a, &b);
                prop_assert_eq!(&sa.count, &sb.count);
                prop_assert_eq!(counted, expected);
                requant(way, (&wide_values, most_wide), &requant_to, &mut sa, &mut a).unwrap();
                kernels::quantise_gradient_wide(&wide_values, &requant_to, &mut sb, &mut b).unwrap();
                prop_assert_eq!(&a, &b);
                prop_assert_eq!(&sa.count, &sb.count);
                let (mut wa, mut wb) = (master.clone(), master.clone());
                let (mut ua, mut ub) = (site(), site());
                let ca = sgd(way, &mut wa, (&values, most_narrow), &step, (&mut ua, &mut sa)).unwrap();
                let cb = kernels::sgd_update(&mut wb, &values, &step, &mut ub, &mut sb).unwrap();
                prop_assert_eq!((&wa, ca, &sa.count), (&wb, cb, &sb.count));
                let of_codes = Step { src_zero: requant_to.dst_zero, ..step };
                let farthest = bounded.then(|| lo.abs_diff(of_codes.src_zero).max(hi.abs_diff(of_codes.src_zero)).into());
                for wide in [false, true] {
                    let (mut codes, mut sq) = (vec![0; values.len()], site());
                    let (to, sites) = ((&requant_to, &mut sq), (&mut ua, &mut sa));
                    let stepped = if wide {
                        requant_and_step(way, (&wide_values, most_wide.map(range_to)), to, &mut codes, (&mut wa, &of_codes, farthest), sites)
                    } else {
                        requant_and_step(way, (&values, most_narrow.map(range_to)), to, &mut codes, (&mut wa, &of_codes, farthest), sites)
                    };
                    let (mut expected, mut sb2) = (vec![0; values.len()], site());
                    let lost = if wide {
                        kernels::quantise_gradient_wide(&wide_values, &requant_to, &mut sb2, &mut expected).unwrap()
                    } else {
                        kernels::quantise_gradient(&values, &requant_to, &mut sb2, &mut expected).unwrap()
                    };
                    let cb = kernels::sgd_update(&mut wb, &expected, &of_codes, &mut ub, &mut sb).unwrap();
                    let done = stepped.unwrap();
                    if done.kept { prop_assert_eq!(&codes, &expected); }
                    prop_assert_eq!((&wa, &sa.count, &sq.count), (&wb, &sb.count, &sb2.count));
                    prop_assert_eq!(done.count, of_sums(lost, cb));
                }
            }
        }

        #[test]
        fn steps_in_registers_equal_the_plain_kernels(
            pairs in prop::collection::vec((-(1i32 << 20)..(1 << 20), any::<i32>()), 1..700), bits in 2u32..17, rule in 0usize..2, zero in -3i32..4,
            (narrower, step) in (-3i32..6, -12i32..4), mantissas in ((1u32 << 30)..(1 << 31), (1u32 << 30)..(1 << 31)),
        ) {
            let (lo, hi) = (i32::MIN >> (32 - bits), i32::MAX >> (32 - bits));
            let overflow = overflow(rule);
            let (sums, master): (Vec<i32>, Vec<i32>) = pairs.iter().map(|&(g, w)| (g, w >> (32 - bits))).unzip();
            // Around the factor that just fills the codes, so that some blocks hold values out of range and some do not.
            let exponent = i32::try_from(bits).unwrap() - 20 - narrower;
            let to = Requant {
                src_zero: 0, factor: Scale::from_parts(mantissas.0, exponent).unwrap(), dst_zero: zero.clamp(lo, hi), lo, hi, overflow,
            };
            let step = Step { src_zero: to.dst_zero, factor: Scale::from_parts(mantissas.1, step).unwrap(), lo, hi, overflow };
            let site = || Site::new("x", Rounding::TiesEven, 1, 2);
            let (mut codes, mut expected) = (vec![0; sums.len()], vec![0; sums.len()]);
            let (mut sq, mut su, mut ss, mut plain) = (site(), site(), site(), master.clone());
            let lost = kernels::quantise_gradient(&sums, &to, &mut sq, &mut expected).unwrap();
            let count = kernels::sgd_update(&mut plain, &expected, &step, &mut su, &mut ss).unwrap();
            for way in Way::available() {
                let (mut q, mut u, mut s, mut w) = (site(), site(), site(), master.clone());
                let (range, farthest) = (Some((-(1 << 20), 1 << 20)), Some(u64::from(hi.abs_diff(lo))));
                let found = requant_and_step(
                    way, (&sums, range), (&to, &mut q), &mut codes, (&mut w, &step, farthest), (&mut u, &mut s),
                ).unwrap();
                prop_assert_eq!((&w, found.count), (&plain, of_sums(lost, count)), "{:?}", way);
                prop_assert_eq!((&s.count, &q.count), (&ss.count, &sq.count), "{:?}", way);
                prop_assert!(!found.kept || codes == expected, "{:?}", way);
            }
        }

        #[test]
        fn softmax_equals_the_plain_one(logits in prop::collection::vec(any::<i32>(), 1..120), small in 0u32..31, exponent in -70i32..20) {
            let logits: Vec<i32> = logits.into_iter().map(|z| z >> small).collect();
            let unit = Scale::from_parts(1_234_567_890, exponent).unwrap();
            let mut expected = vec![0; logits.len()];
            elementary::softmax(&logits, unit, &mut expected);
            for level in Level::available() {
                let mut p = vec![0; logits.len()];
                softmax(level, &logits, unit, &mut p);
                prop_assert_eq!(&p, &expected, "{:?}", level);
            }
        }
    }
}
