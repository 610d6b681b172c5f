//! The speed-up audit of binary layers: what a word-parallel product promises, and where it goes.

use super::error::CostError;
use super::estimate::Estimator;
use super::pipeline::Range;
use super::table::CostTable;
use super::work::macs;
use crate::trace::{Dims, Elem, KernelCall, Op, Phase};

/// What cycles are spent on in a binary network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// One word operation for as many products as a word has bits: the promise.
    Ideal,
    /// Counting bits, loading words, looping: what the binary products take on top of the promise.
    Popcount,
    /// Signs and thresholds that pack maps to bits.
    Packing,
    /// Convolutions and products that are not binary: first and last layer.
    FirstLast,
    /// Everything else: additions, normalisation, activation, pooling.
    Glue,
}

impl Share {
    /// In the order of a report.
    pub const ALL: [Share; 5] = [Share::Ideal, Share::Popcount, Share::Packing, Share::FirstLast, Share::Glue];

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Share::Ideal => "promise of the word",
            Share::Popcount => "popcount, loads, loops",
            Share::Packing => "packing to bits",
            Share::FirstLast => "layers that are not binary",
            Share::Glue => "glue",
        }
    }
}

/// The audit of one list of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Bits of a word: 32, and 64 on 64-bit cores.
    pub word_bits: f64,
    /// 1-bit products.
    pub binary_macs: f64,
    /// Cycles that a float product takes on this board, from the kernel set's own float dot product.
    pub float_cycles_per_mac: f64,
    /// Cycles of the binary layers.
    pub binary_cycles: Range,
    /// Float products / binary products, of the binary layers alone.
    pub attained: f64,
    /// Cycles of the whole list, were its binary products float.
    pub float_network_cycles: f64,
    /// Middle cycles by what they are spent on; they add up to the whole list's.
    pub shares: Vec<(Share, f64)>,
    /// Each binary layer: site, 1-bit products, its speed-up.
    pub layers: Vec<(String, f64, f64)>,
}

/// Audits a priced list; `None` without binary products.
///
/// Formula (C11): attained = 1-bit MAC × float cycles a MAC / binary cycles; the promise is the same float cycles / word bits.
/// The float reference is the kernel set's `head_forward [f32 f32 f32]` on each layer's own shape.
pub fn audit(calls: &[KernelCall], table: &CostTable, estimator: &Estimator<'_>) -> Result<Option<Audit>, CostError> {
    let word_bits = if table.core == "cortex-a53" { 64.0 } else { 32.0 };
    let (mut binary_macs, mut float_cycles, mut binary) = (0.0, 0.0, Range::default());
    let mut by_share = [0.0; 5];
    let mut layers: Vec<(String, f64, f64)> = Vec::new();
    for (call, cost) in calls.iter().zip(&table.calls) {
        if is_binary(call.op) {
            let work = macs(call).unwrap_or(0.0) * call.times as f64;
            let float = work * float_per_mac(call, estimator)?;
            let ideal = (float / word_bits).min(cost.cost.cycles.mid);
            by_share[0] += ideal;
            by_share[1] += cost.cost.cycles.mid - ideal;
            (binary_macs, float_cycles) = (binary_macs + work, float_cycles + float);
            binary = binary + cost.cost.cycles;
            layers.push((call.site.clone(), work, float / cost.cost.cycles.mid));
        } else {
            by_share[place(call)] += cost.cost.cycles.mid;
        }
    }
    if binary_macs == 0.0 {
        return Ok(None);
    }
    Ok(Some(Audit {
        word_bits,
        binary_macs,
        float_cycles_per_mac: float_cycles / binary_macs,
        binary_cycles: binary,
        attained: float_cycles / binary.mid,
        float_network_cycles: table.total.cycles.mid - binary.mid + float_cycles,
        shares: Share::ALL.into_iter().zip(by_share).collect(),
        layers,
    }))
}

fn is_binary(op: Op) -> bool {
    matches!(
        op,
        Op::BinaryConv
            | Op::BinaryConvThreshold
            | Op::BinaryConvTransform
            | Op::BinaryDense
            | Op::BinaryDenseThreshold
            | Op::BinaryDenseTransform
    )
}

fn place(call: &KernelCall) -> usize {
    match call.op {
        Op::Threshold | Op::Sign | Op::PackInput => 2,
        _ if macs(call).is_some() => 3,
        _ => 4,
    }
}

/// Cycles of a float product in a dot product as long as the layer's.
fn float_per_mac(call: &KernelCall, estimator: &Estimator<'_>) -> Result<f64, CostError> {
    let columns = call.dims.get("terms").or_else(|| call.dims.get("words").map(|w| 32 * w)).unwrap_or(1).max(1);
    let rows = call.dims.get("oc").or_else(|| call.dims.get("rows")).unwrap_or(1).max(1);
    let float = KernelCall::new(Op::HeadForward, Phase::Inference, &call.site)
        .dims(Dims::new().with("classes", rows).with("features", columns))
        .elems(&[Elem::F32, Elem::F32, Elem::F32]);
    let cycles = estimator.estimate(&[float])?.calls[0].parts.pipeline.mid;
    Ok(cycles / (rows as f64 * columns as f64))
}
