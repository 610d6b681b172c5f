//! The f32 loops shaped for vector registers: each sum in the order of [`kernels`](super::super::kernels), several sums side by side, no fused operation.

use super::Level;

/// Sums of one block.
const SIDE: usize = 64;

/// Weights turned to `[column][class]`, classes padded: the sums of one column's products lie side by side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turned {
    weights: Vec<f32>,
    sums: Vec<f32>,
}

impl Turned {
    /// From `classes × columns`.
    pub fn turn(&mut self, weights: &[f32], columns: usize) {
        let padded = (weights.len() / columns).next_multiple_of(SIDE);
        self.weights.resize(columns * padded, 0.0);
        self.sums.resize(padded, 0.0);
        // A few columns at a time, so that the lines that are written stay in the nearest cache.
        for from in (0..columns).step_by(16) {
            let to = (from + 16).min(columns);
            for (c, row) in weights.chunks_exact(columns).enumerate() {
                for (turned, &w) in
                    self.weights[from * padded..to * padded].chunks_exact_mut(padded).zip(&row[from..to])
                {
                    turned[c] = w;
                }
            }
        }
    }

    /// `out[c] += Σ_k weights[c][k] · features[k]`, k ascending, one rounding a product and one a sum.
    pub fn dots(&mut self, level: Level, features: &[f32], out: &mut [f32]) {
        self.sums[..out.len()].copy_from_slice(out);
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            super::simd::dots_of_reals(level, &self.weights, features, &mut self.sums);
            return out.copy_from_slice(&self.sums[..out.len()]);
        }
        let _ = level;
        dots(&self.weights, features, &mut self.sums);
        out.copy_from_slice(&self.sums[..out.len()]);
    }
}

#[inline(always)]
pub(super) fn dots(weights: &[f32], features: &[f32], sums: &mut [f32]) {
    let padded = sums.len();
    for (block, sums) in sums.chunks_exact_mut(SIDE).enumerate() {
        let mut side = [0f32; SIDE];
        side.copy_from_slice(sums);
        for (row, &a) in weights.chunks_exact(padded).zip(features) {
            let row = &row[block * SIDE..(block + 1) * SIDE];
            side.iter_mut().zip(row).for_each(|(sum, &w)| *sum += w * a);
        }
        sums.copy_from_slice(&side);
    }
}

/// One class: `acc[k] = Σ_b errors[b] · features[b][k]`, b ascending from zero.
#[inline(always)]
pub(super) fn row_of_outer(errors: &[f32], features: &[&[f32]], acc: &mut [f32]) {
    acc.fill(0.0);
    let (mut e, mut a) = (errors.chunks_exact(4), features.chunks_exact(4));
    for (e, a) in e.by_ref().zip(a.by_ref()) {
        let rows = a[0].iter().zip(a[1]).zip(a[2]).zip(a[3]);
        for (sum, (((&a0, &a1), &a2), &a3)) in acc.iter_mut().zip(rows) {
            *sum = (((*sum + e[0] * a0) + e[1] * a1) + e[2] * a2) + e[3] * a3;
        }
    }
    for (&e, a) in e.remainder().iter().zip(a.remainder()) {
        acc.iter_mut().zip(*a).for_each(|(sum, &a)| *sum += e * a);
    }
}

/// `acc[c][k] = Σ_b errors[b][c] · features[b][k]`, b ascending from zero; a row of `acc` stays in the nearest cache for all samples.
pub(crate) fn outer_of_reals(level: Level, errors: &[f32], features: &[&[f32]], acc: &mut [f32]) {
    let (Some(first), false) = (features.first(), errors.is_empty()) else { return };
    let classes = errors.len() / features.len();
    let mut of_class = vec![0.0; features.len()];
    for (c, acc) in acc.chunks_exact_mut(first.len()).enumerate() {
        of_class.iter_mut().zip(errors.chunks_exact(classes)).for_each(|(e, errors)| *e = errors[c]);
        #[cfg(target_arch = "x86_64")]
        if level != Level::Plain {
            super::simd::outer_of_reals(level, &of_class, features, acc);
            continue;
        }
        let _ = level;
        row_of_outer(&of_class, features, acc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_of_reals_equal_the_plain_kernels_bit_for_bit(
            classes in 1usize..140, columns in 1usize..70, samples in 1usize..10, seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut real = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from_bits(0x3000_0000 | (state >> 4) & 0x8fff_ffff)
            };
            let mut some = |n: usize| -> Vec<f32> { (0..n).map(|_| real()).collect() };
            let (w, a, e, bias) = (some(classes * columns), some(samples * columns), some(samples * classes), some(classes));
            let bits = |x: &[f32]| -> Vec<u32> { x.iter().map(|x| x.to_bits()).collect() };
            let rows: Vec<&[f32]> = a.chunks(columns).collect();
            let mut turned = Turned::default();
            for level in Level::available() {
                turned.turn(&w, columns);
                for a in &rows {
                    let (mut z, mut expected) = (bias.clone(), bias.clone());
                    turned.dots(level, a, &mut z);
                    kernels::head_forward_f32(&w, a, &mut expected);
                    prop_assert_eq!(bits(&z), bits(&expected), "{:?}", level);
                }
                let (mut acc, mut expected) = (vec![7.0; classes * columns], vec![0.0; classes * columns]);
                outer_of_reals(level, &e, &rows, &mut acc);
                rows.iter().zip(e.chunks(classes)).for_each(|(a, e)| kernels::gradient_accumulate_f32(&mut expected, e, a));
                prop_assert_eq!(bits(&acc), bits(&expected), "{:?}", level);
            }
        }
    }
}
