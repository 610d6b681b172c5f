//! HARD_SWISH of 8-bit codes, x·relu6(x + 3)/6, in 16-bit fixed point: one code out for each code in.
//!
//! Equals `HardSwish` of TensorFlow Lite's reference kernels, which works on x in units of scale/128.

use super::flatbuffer::Wrong;
use crate::nn::Multiplier;
use crate::numeric::narrow::saturate_i32;

/// A multiplier of 15 bits and the power of two beside it.
struct Factor {
    mantissa: i32,
    exponent: i32,
}

impl Factor {
    /// The 31 bits of [`Multiplier`] rounded to 15, ties up.
    fn of(real: f32) -> Result<Self, Wrong> {
        let wide = Multiplier::from_f64(real.into()).ok_or("has scales whose factor is out of range")?;
        let (mantissa, exponent) = wide.parts();
        let mantissa = if mantissa >= i32::MAX - (1 << 15) { 0x7fff } else { (mantissa + (1 << 15)) >> 16 };
        Ok(Self { mantissa, exponent })
    }
}

/// The code out for each code in, from −128 on. `from` and `to` are scale and zero point.
pub(super) fn table(from: (f32, i32), to: (f32, i32)) -> Result<Vec<i8>, Wrong> {
    let unit = 1.0 / 128.0 * from.0;
    let (output, reluish) = (Factor::of(unit / to.0)?, Factor::of(unit / (3.0 / 32768.0))?);
    if output.exponent > 0 {
        return Err("has an output scale too small for its input's".to_owned());
    }
    let entry = |code: i32| {
        let fine = saturate_i16((code - from.1) * 128);
        let scaled = doubling_high(fine, output.mantissa, true);
        // relu6(x + 3)/6 as 0 … 32767, from x/3 saturated at ±1.
        let mut gate = fine;
        if reluish.exponent > 0 {
            gate = saturate_i16(shifted(gate, reluish.exponent - 1));
        }
        gate = doubling_high(gate, reluish.mantissa, true);
        if reluish.exponent > 0 {
            gate = saturate_i16(shifted(gate, 1));
        }
        gate = divided(gate, -reluish.exponent);
        gate = (gate + (1 << 15)) >> 1;
        let value = divided(doubling_high(gate, scaled, false), -output.exponent) + to.1;
        i8::try_from(value.clamp(-128, 127)).expect("clamped")
    };
    Ok((-128..=127).map(entry).collect())
}

fn saturate_i16(x: i32) -> i32 {
    x.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// `x·2^n` for n ≥ 0, saturated to 32 bits.
fn shifted(x: i32, n: i32) -> i32 {
    saturate_i32(i64::from(x) << n.clamp(0, 31))
}

/// `x·2^−n`, ties away from zero; x itself where n ≤ 0.
fn divided(x: i32, n: i32) -> i32 {
    if n <= 0 {
        return x;
    }
    let half = 1i64 << (n - 1).min(40);
    let magnitude = (i64::from(x.abs()) + half) >> n.min(41);
    saturate_i32(if x < 0 { -magnitude } else { magnitude })
}

/// `a·b·2^−15` of 16-bit numbers, rounded with ties away from zero (as a sum with ±half, then towards zero) or cut towards zero.
fn doubling_high(a: i32, b: i32, round: bool) -> i32 {
    let product = a * b;
    let nudge = match (round, product >= 0) {
        (false, _) => 0,
        (true, true) => 1 << 14,
        (true, false) => 1 - (1 << 14),
    };
    saturate_i16((product + nudge) / (1 << 15))
}
