//! Published last-layer training steps on a Cortex-M4 against the predictions of the same program's structure.

use tinyprec::cost::{self, Range};
use tinyprec::profile;
use tinyprec::trace::{Access, BufferKind, BufferUse, Dims, Elem::F32, KernelCall, Op, Phase};
use tinyprec::validate::published;

const CLASSES: u64 = 8;
const FEATURES: u64 = 128;
/// Steps between two consolidations, or two updates of a batch.
const BATCH: f64 = 16.0;
/// The row that no optimised build explains: docs/validation.md.
const BATCHED: &str = "CWRM4-002";
/// Largest share of the 840 cycles between two ticks of the 100 kHz timer that the program measures itself with: the vendor's handler,
/// which tests eight flags one by one through two pointers, without optimisation. Entry and exit alone are 24 cycles.
const TICK: f64 = 190.0 / 840.0;

fn call(op: Op, dims: &[(&str, u64)]) -> KernelCall {
    let name = format!("head.{op:?}");
    let dims = dims.iter().fold(Dims::new(), |all, &(name, value)| all.with(name, value));
    let elems = if matches!(op, Op::HeadForward | Op::GradientAccumulate | Op::OuterUpdate) { 3 } else { 2 };
    KernelCall::new(op, Phase::Update, "head").dims(dims).elems(&[F32; 3][..elems]).buffer(BufferUse::new(
        &name,
        4 * CLASSES * FEATURES,
        BufferKind::State,
        Access::ReadWrite,
    ))
}

fn cycles(set: &str, calls: &[KernelCall]) -> Range {
    let board = profile::load("stm32f401").unwrap_or_else(|e| panic!("{e}"));
    let kernels = cost::kernel_set("cortex-m4", set).unwrap_or_else(|e| panic!("{e}"));
    cost::estimate(calls, &board, &kernels).unwrap_or_else(|e| panic!("{e}")).total.cycles
}

/// A step of each program: every step's calls, and those of every sixteenth.
fn programs() -> [(&'static str, Vec<KernelCall>, Vec<KernelCall>); 3] {
    let matrix = [("classes", CLASSES), ("features", FEATURES)];
    let rows = [("rows", CLASSES), ("n", CLASSES * FEATURES)];
    let (forward, softmax) = (call(Op::HeadForward, &matrix), call(Op::Softmax, &[("classes", CLASSES)]));
    let update = call(Op::OuterUpdate, &matrix);
    let inference = vec![forward, softmax];
    let with = |one: KernelCall| [inference.clone(), vec![one]].concat();
    [
        ("CWRM4-001", with(update.clone()), Vec::new()),
        ("CWRM4-002", with(call(Op::GradientAccumulate, &matrix)), vec![call(Op::SgdUpdate, &rows)]),
        (
            "CWRM4-007",
            [inference.clone(), with(update)].concat(),
            vec![call(Op::ConsolidateRows, &rows), call(Op::ForwardCopy, &rows)],
        ),
    ]
}

#[test]
fn measured_steps_lie_between_optimised_builds_but_for_the_batch() {
    let rows = published().unwrap_or_else(|e| panic!("{e}"));
    println!("cycles a step, 128 -> 8, single precision, 84 MHz");
    println!("row        measured      -O2      -Os      -O0   with the timer's load");
    let mut ends: Vec<(f64, f64)> = Vec::new();
    for (id, each, sixteenth) in programs() {
        let measured = rows.iter().find(|r| r.id == id).and_then(|r| r.cycles).expect("the row has cycles");
        let step = |set: &str| {
            let (a, b) =
                (cycles(set, &each), if sixteenth.is_empty() { Range::default() } else { cycles(set, &sixteenth) });
            Range { low: a.low + b.low / BATCH, mid: a.mid + b.mid / BATCH, high: a.high + b.high / BATCH }
        };
        let all = ["gcc12-o2-tinyol", "gcc12-os-tinyol", "gcc12-o0-tinyol"].map(step);
        let [o2, os, o0] = all.map(|r| r.mid);
        // An optimised build whose timer takes nothing at least, one for size under the slowest handler at most.
        let (low, high) = (o2.min(os), o2.max(os) / (1.0 - TICK));
        println!("{id}  {measured:8.0} {o2:8.0} {os:8.0} {o0:8.0}   {low:.0} to {high:.0}");
        assert!(o2 < o0 && os < o0, "{id}: optimisation makes it faster");
        if id == BATCHED {
            assert!(
                high < measured && measured < o0,
                "{id}: {measured} is explained by {low} to {high}, or not even by {o0}"
            );
        } else {
            assert!(low <= measured && measured <= high, "{id}: {measured} lies outside {low} to {high}");
        }
        ends.push((low, high));
    }
    // One forward pass and softmax more than TinyOL: CWR costs more at every level.
    assert!(ends[2].0 > ends[0].0 && ends[2].1 > ends[0].1);
}
