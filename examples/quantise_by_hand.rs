//! The worked example of docs/numerics.md §8, step by step: a row of weights and a feature vector to codes, their dot product,
//! its softmax, and the error back to 8 bits, in integers only.
//!
//! `cargo run --example quantise_by_hand`

use tinyprec::numeric::elementary::{nll, softmax};
use tinyprec::numeric::{
    AccumulatorFormat, Format, Narrow, Overflow, Requantiser, Rounder, Rounding, Scale, Values, dot, quantise,
    range_of_integers, requantise_tensor, safe_bits,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rounder = Rounder::new(Rounding::TiesEven, 0, 0);
    let mut count = Narrow::new("example");

    // Two classes, three features (N19, N22–N24, N26).
    let weights: Format = "int8:symmetric:static(-1,1)".parse()?;
    let features: Format = "int8".parse()?;
    let mut codes = |reals: &[f32], format: &Format| -> Result<_, Box<dyn std::error::Error>> {
        match quantise(reals, format, &mut rounder, Overflow::Saturate, &mut count)? {
            Values::Codes { codes, params } => Ok((codes, params)),
            Values::Real(_) => Err("an integer format has codes".into()),
        }
    };
    let (a, a_params) = codes(&[0.75, -2.0, 1.25], &features)?;
    let (w0, w_params) = codes(&[0.5, -0.25, 1.5], &weights)?;
    let (w1, _) = codes(&[-0.125, 0.3, 0.0], &weights)?;
    println!("features {a:?}, one code is {:.6}", a_params.scale.to_f64());
    println!(
        "weights  {w0:?} {w1:?}, one code is {:.6}; {} saturated: {:?}",
        w_params.scale.to_f64(),
        count.overflowed,
        count.first
    );

    // Logits in 32 bits, and the width that would have been safe (N17, N18).
    let acc: AccumulatorFormat = "acc32:error".parse()?;
    let mut sums = Narrow::new("logits");
    let logits = [dot(&w0, &a, acc, &mut sums)?, dot(&w1, &a, acc, &mut sums)?];
    let unit = a_params.scale.mul(w_params.scale);
    println!("logits   {logits:?} of {:.9} each; {} bits are always enough", unit.to_f64(), safe_bits(3, 127, 127));

    // Probabilities in q1.30 and the loss in UQ6.26 (N39, N40).
    let logits = [i32::try_from(logits[0])?, i32::try_from(logits[1])?];
    let mut p = [0; 2];
    softmax(&logits, unit, &mut p);
    println!("softmax  {p:?} of 2^-30: {:.6} and {:.6}", real(p[0]), real(p[1]));
    println!("loss     {:.6} if the class is 1", f64::from(nll(p[1])) / f64::from(1 << 26));

    // The error p − onehot(1), to 8 bits with the range of this batch, in integers (N25, N27).
    let error = [p[0], p[1] - (1 << 30)];
    let Format::Int(int8) = "int8:affine".parse()? else { return Err("an integer format".into()) };
    let (lo, hi) = range_of_integers(&error);
    let by = Requantiser::from_integers(&int8, lo, hi, Scale::pow2(-30));
    let codes = requantise_tensor(&error, &int8, by, &mut rounder, Overflow::Saturate, &mut Narrow::new("error"))?;
    println!("error    {codes:?} around {}, one code is {:.6}", by.params.zero_point, by.params.scale.to_f64());
    println!("         that is {:.6} and {:.6}", by.params.real(codes[0]), by.params.real(codes[1]));
    Ok(())
}

fn real(p: i32) -> f64 {
    f64::from(p) / f64::from(1 << 30)
}
