//! Where fewer bits cost more: a kernel that is slower than the same operation in a wider format on this board.

use super::error::CostError;
use super::estimate::Estimator;
use super::kernel::{Kernel, key_text};
use super::pipeline::Range;
use super::table::{Bound, CallCost};
use crate::trace::{Elem, KernelCall};

/// A lower precision that is slower than a higher one.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Site of the call.
    pub site: String,
    /// Operation on the element types in use.
    pub narrow: String,
    /// The same operation on wider ones.
    pub wide: String,
    /// Cycles as it is.
    pub narrow_cycles: Range,
    /// Cycles in the wider format.
    pub wide_cycles: Range,
    /// Even the favourable end is slower than the wider format's unfavourable end.
    pub is_certain: bool,
    /// Why, in words.
    pub why: String,
}

impl Alert {
    /// One sentence.
    pub fn text(&self) -> String {
        let factor = self.narrow_cycles.mid / self.wide_cycles.mid;
        let sure = if self.is_certain { "" } else { " (within the interval)" };
        format!("{}: {} takes {factor:.2} times {}{sure}: {}", self.site, self.narrow, self.wide, self.why)
    }
}

/// Prices each call also in every wider format that the kernel set has, and reports where that is faster.
pub fn alerts(calls: &[KernelCall], estimator: &Estimator<'_>) -> Result<Vec<Alert>, CostError> {
    let mut found: Vec<Alert> = Vec::new();
    for call in calls {
        let narrow = key_text(call.op, &call.elems);
        if found.iter().any(|a| a.site == call.site && a.narrow == narrow) {
            continue;
        }
        let own = one(estimator, call)?;
        let mut best: Option<Alert> = None;
        for elems in estimator.kernels.elems_of(call.op) {
            if !is_wider(elems, &call.elems) {
                continue;
            }
            let wide = widened(call, elems);
            let other = match one(estimator, &wide) {
                // The set has the types, but not for this call: sums as wide as these may need a check at each addition.
                Err(CostError::MissingKernel { .. }) => continue,
                other => other?,
            };
            let (a, b) = (own.cost.cycles, other.cost.cycles);
            if a.mid > b.mid && best.as_ref().is_none_or(|alert| b.mid < alert.wide_cycles.mid) {
                let why = reason(&own, &other, estimator.kernel(call)?, estimator.kernel(&wide)?);
                best = Some(Alert {
                    site: call.site.clone(),
                    narrow: narrow.clone(),
                    wide: key_text(call.op, elems),
                    narrow_cycles: a,
                    wide_cycles: b,
                    is_certain: a.low > b.high,
                    why,
                });
            }
        }
        found.extend(best);
    }
    Ok(found)
}

fn one(estimator: &Estimator<'_>, call: &KernelCall) -> Result<CallCost, CostError> {
    let mut table = estimator.estimate(std::slice::from_ref(call))?;
    Ok(table.calls.swap_remove(0))
}

fn bits(elem: Elem) -> u64 {
    match elem {
        Elem::B1 => 1,
        Elem::B2 => 2,
        Elem::U8 | Elem::I8 => 8,
        Elem::I16 | Elem::F16 | Elem::Bf16 => 16,
        Elem::I32 | Elem::F32 => 32,
        Elem::I64 => 64,
    }
}

/// No element narrower, and one wider. Accumulators follow their operands, so only inputs are compared.
fn is_wider(wide: &[Elem], narrow: &[Elem]) -> bool {
    let n_inputs = narrow.len().saturating_sub(1).max(1);
    let pairs = || wide.iter().zip(narrow).take(n_inputs);
    wide.len() == narrow.len()
        && pairs().all(|(w, n)| bits(*w) >= bits(*n))
        && pairs().any(|(w, n)| bits(*w) > bits(*n))
}

/// The same shape in other types: buffers grow with their element, the first ones with the inputs, the last with the output.
fn widened(call: &KernelCall, elems: &[Elem]) -> KernelCall {
    let mut wide = KernelCall { elems: elems.to_vec(), ..call.clone() };
    let growth = elems.iter().zip(&call.elems).map(|(w, n)| bits(*w).div_ceil(bits(*n)).max(1)).max().unwrap_or(1);
    for buffer in &mut wide.buffers {
        buffer.bytes = buffer.bytes.saturating_mul(growth);
    }
    wide
}

fn reason(narrow: &CallCost, wide: &CallCost, own: &Kernel, other: &Kernel) -> String {
    let per_trip = |kernel: &Kernel| {
        let steady = kernel.levels.iter().filter(|l| l.steady).map(|l| l.body.len());
        steady.max().unwrap_or_else(|| kernel.levels.iter().map(|l| l.body.len()).sum())
    };
    let divides = |kernel: &Kernel| {
        kernel.levels.iter().flat_map(|l| &l.body).filter(|i| i.class == crate::profile::Class::Div).count()
    };
    let waits = |cost: &CallCost| cost.cost.cycles.mid - cost.parts.pipeline.mid;
    let more = narrow.cost.cycles.mid - wide.cost.cycles.mid;
    if waits(narrow) - waits(wide) > more / 2.0 {
        return "it waits longer for memory".to_owned();
    }
    if divides(own) > divides(other) {
        return "its scale is found by a division that the wider format does not need".to_owned();
    }
    let (a, b) = (per_trip(own), per_trip(other));
    if a > b {
        return format!(
            "unpacking, widening, rounding and saturation: its longest loop has {a} instructions, the wider one {b}"
        );
    }
    match narrow.bound {
        Bound::Latency | Bound::Recurrence => "its results are waited for, the wider loop overlaps them".to_owned(),
        _ => format!("more cycles an instruction ({a} against {b} instructions in the longest loop)"),
    }
}
