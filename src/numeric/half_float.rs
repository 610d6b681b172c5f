//! Rounding to f16 and bf16, once and correctly, also from f64.

/// A binary floating-point format: fraction bits and largest exponent.
#[derive(Clone, Copy)]
struct Kind {
    fraction: u32,
    max_exponent: i32,
    exponent_bits: u32,
}

/// The largest finite half.
pub const F16_MAX: f32 = 65504.0;

/// The largest finite bfloat16.
pub const BF16_MAX: f32 = f32::from_bits(0x7f7f_0000);

const F16: Kind = Kind { fraction: 10, max_exponent: 15, exponent_bits: 5 };
const BF16: Kind = Kind { fraction: 7, max_exponent: 127, exponent_bits: 8 };

/// `x` to IEEE half (N42); the bit pattern.
///
/// * Range: any f64; subnormal halves included, infinity from 65520 on, NaN gives a quiet NaN of the same sign.
/// * Rounding: one, to nearest, ties to even. (Through f32 there would be two: `half`'s own `from_f64` does that on some machines.)
/// * Equals: `FCVT Hd, Dn` on AArch64.
pub fn f64_to_f16(x: f64) -> u16 {
    encode(x, F16)
}

/// `x` to bfloat16 (N42); the bit pattern. One rounding to nearest, ties to even, as [`f64_to_f16`].
pub fn f64_to_bf16(x: f64) -> u16 {
    encode(x, BF16)
}

/// The exact value of a half's bit pattern.
pub fn f16_to_f32(bits: u16) -> f32 {
    half::f16::from_bits(bits).to_f32()
}

/// The exact value of a bfloat16's bit pattern.
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The f32 that `x` becomes when stored as f16 (N42). Equals `VCVTB.F16.F32`.
pub fn round_f16(x: f32) -> f32 {
    f16_to_f32(f64_to_f16(f64::from(x)))
}

/// The f32 that `x` becomes when stored as bf16 (N42). Equals `BFCVT`.
pub fn round_bf16(x: f32) -> f32 {
    bf16_to_f32(f64_to_bf16(f64::from(x)))
}

fn encode(x: f64, kind: Kind) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 63) << (kind.fraction + kind.exponent_bits);
    let field = i32::try_from((bits >> 52) & 0x7ff).expect("11 bits");
    let fraction = bits & ((1 << 52) - 1);
    let infinity = ((1u64 << kind.exponent_bits) - 1) << kind.fraction;
    if field == 0x7ff {
        let quiet = if fraction == 0 { 0 } else { 1 << (kind.fraction - 1) };
        return pattern(sign | infinity | quiet);
    }
    // Both targets' smallest subnormals are far above f64's, so field 0 rounds to zero below.
    let significand = if field == 0 { fraction } else { fraction | 1 << 52 };
    let exponent = (field - 1023).max(-1022);
    let min_exponent = 1 - kind.max_exponent;
    // Drop to the target's fraction, and further where the target is subnormal.
    let below = u32::try_from((min_exponent - exponent).max(0)).expect("not negative");
    let drop = (52 - kind.fraction + below).min(63);
    let kept = significand >> drop;
    let rest = significand & ((1 << drop) - 1);
    let half = 1u64 << (drop - 1);
    let rounded = kept + u64::from(rest > half || (rest == half && kept & 1 == 1));
    // A normal result carries its hidden bit into the exponent field; so does a carry out of the fraction.
    let biased = u64::try_from(exponent.max(min_exponent) - min_exponent).expect("not negative");
    pattern(sign | (rounded + (biased << kind.fraction)).min(infinity))
}

fn pattern(bits: u64) -> u16 {
    u16::try_from(bits).expect("sign, exponent and fraction are 16 bits")
}
