//! Useful work of a call, for cycles a product.

use crate::trace::{KernelCall, Op};

/// Multiply-accumulates of one execution, as the field counts them: 1-bit products for binary operations; `None` where an
/// operation has none.
///
/// Formula: output elements × terms of each; forward, gradient and outer products of the head: classes × features.
pub fn macs(call: &KernelCall) -> Option<f64> {
    let dim = |name: &str| call.dims.get(name).map(|n| n as f64);
    let outputs = || Some(dim("oh")? * dim("ow")? * dim("oc")?);
    let taps = || Some(dim("kh")? * dim("kw")?);
    match call.op {
        Op::InputConv | Op::InputConvThreshold | Op::FloatConv | Op::SignConv | Op::Int8Conv => {
            Some(outputs()? * taps()? * dim("ic")?)
        }
        Op::BinaryConv | Op::BinaryConvThreshold | Op::BinaryConvTransform => {
            Some(outputs()? * dim("terms").or_else(|| Some(taps()? * dim("words")? * 32.0))?)
        }
        Op::BinaryDense | Op::BinaryDenseThreshold | Op::BinaryDenseTransform => {
            Some(dim("rows")? * dim("terms").or_else(|| Some(dim("words")? * 32.0))?)
        }
        Op::DepthwiseConv | Op::Int8DepthwiseConv => Some(dim("oh")? * dim("ow")? * dim("channels")? * taps()?),
        Op::FloatDense | Op::Int8Dense => Some(dim("rows")? * dim("columns")?),
        Op::HeadForward | Op::GradientAccumulate | Op::OuterUpdate => Some(dim("classes")? * dim("features")?),
        _ => None,
    }
}
