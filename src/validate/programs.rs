//! Programs that are no list of layers: one learning step on a device, as kernel calls.

use crate::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};

const CLASSES: u64 = 8;
const FEATURES: u64 = 128;
/// Samples between two consolidations or weight updates.
const BATCH: u64 = 16;

/// Calls of a named program, and the steps that they make together; `None` for another name.
///
/// The three of the F401RE thesis on last-layer training (8 classes, 128 features, float32), by its program's structure:
/// * `tinyol`: forward, softmax, weights −= error × feature × rate;
/// * `tinyol-batch`: forward, softmax, gradient added up; weights after 16 samples;
/// * `cwr`: forward and softmax of both weight sets, the training set updated; after 16 samples consolidation and copy.
pub fn program(name: &str) -> Option<(Vec<KernelCall>, u64)> {
    let forward =
        [call(Op::HeadForward, Phase::HeadForward, 3, BATCH), call(Op::Softmax, Phase::HeadForward, 2, BATCH)];
    let update = call(Op::OuterUpdate, Phase::Update, 3, BATCH);
    let rest = match name {
        "tinyol" => vec![update],
        "tinyol-batch" => {
            vec![call(Op::GradientAccumulate, Phase::Backward, 3, BATCH), call(Op::SgdUpdate, Phase::Update, 2, 1)]
        }
        "cwr" => {
            let [again, softmax] = forward.clone();
            let consolidate = |op| call(op, Phase::Consolidate, 2, 1);
            vec![again, softmax, update, consolidate(Op::ConsolidateRows), consolidate(Op::ForwardCopy)]
        }
        _ => return None,
    };
    Some((forward.into_iter().chain(rest).collect(), BATCH))
}

fn call(op: Op, phase: Phase, n_elems: usize, times: u64) -> KernelCall {
    let weights = BufferUse::new("weights", CLASSES * (FEATURES + 1) * 4, BufferKind::State, Access::ReadWrite);
    let dims = Dims::new().with("classes", CLASSES).with("features", FEATURES);
    let dims = dims.with("rows", CLASSES).with("n", CLASSES * FEATURES);
    let call = KernelCall::new(op, phase, "0 step").dims(dims).elems(&[Elem::F32; 3][..n_elems]).buffer(weights);
    KernelCall { times, ..call }
}
