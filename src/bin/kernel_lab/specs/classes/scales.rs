//! How TinyMaix makes codes of sums: in single precision, or by whole numbers.

use super::super::int8_linear::Drawn;
use super::super::w32;
use crate::cases::{Arg, Random, input};

/// Results by whole numbers, a bit beside the level of optimisation.
pub(super) const INTEGERS: usize = 2;

/// Scales that bring the sums to about ten codes' hundreds, the output's unit and its reciprocal.
pub(super) struct Scales {
    pub scale: Vec<f32>,
    pub out: [f32; 2],
}

impl Scales {
    pub fn draw(random: &mut Random, n: usize, sums: &[i32]) -> Self {
        let most = sums.iter().map(|s| s.unsigned_abs()).max().unwrap_or(1).max(1) as f32;
        let out = 0.01 + random.unit().abs();
        let scale = (0..n).map(|_| (0.2 + random.unit().abs()) * 100.0 * out / most).collect();
        Scales { scale, out: [out, 1.0 / out] }
    }

    /// With the rectified linear unit of convolutions.
    pub fn code(&self, sum: i32, o: usize, zero: i32, level: usize) -> i8 {
        let v = sum as f32 * self.scale[o];
        let v = if v > 0.0 { v } else { 0.0 };
        low_byte(if level == 1 { v * self.out[1] } else { v / self.out[0] } + zero as f32)
    }
}

/// Towards zero, then the low eight bits.
pub(super) fn low_byte(v: f32) -> i8 {
    i8::from_le_bytes([(v as i32).to_le_bytes()[0]])
}

/// Scales, the output's unit, and the codes that they give.
pub(super) fn single_precision(random: &mut Random, n: usize, drawn: &Drawn, level: usize) -> (Arg, Arg, Vec<i8>) {
    let scales = Scales::draw(random, n, &drawn.sums);
    let code = |(i, s): (usize, &i32)| scales.code(*s, i % n, drawn.q.zero, level);
    let y = drawn.sums.iter().enumerate().map(code).collect();
    (input(&scales.scale), input(&scales.out), y)
}

/// The same for results by whole numbers, wrapping as the twin does.
pub(super) fn whole_numbers(random: &mut Random, n: usize, drawn: &Drawn) -> (Arg, Arg, Vec<i8>) {
    let scale: Vec<i32> = (0..n).map(|_| w32(random.integer(20, 5000))).collect();
    let out = w32(random.integer(100, 30_000));
    let code = |(i, s): (usize, &i32)| {
        let v = (s.wrapping_shl(8) / scale[i % n]).max(0);
        i8::from_le_bytes([((v.wrapping_mul(out) >> 16) + drawn.q.zero).to_le_bytes()[0]])
    };
    let y = drawn.sums.iter().enumerate().map(code).collect();
    (input(&scale), input(&[out]), y)
}
