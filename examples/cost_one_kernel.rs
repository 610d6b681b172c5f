//! Prices one binary dense layer on every built-in board and says where the cycles go.
//!
//! `cargo run --release --example cost_one_kernel -- [ROWS] [WORDS]`

use std::error::Error;
use tinyprec::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};
use tinyprec::{cost, profile};

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let rows = numbers.next().transpose()?.unwrap_or(512);
    let words = numbers.next().transpose()?.unwrap_or(8);
    let bytes = |n: u64| n.saturating_mul(4);
    let call = KernelCall::new(Op::BinaryDense, Phase::Inference, "fc")
        .dims(Dims::new().with("rows", rows).with("words", words))
        .elems(&[Elem::B1, Elem::B1, Elem::I32])
        .buffer(BufferUse::new("fc.weight", bytes(rows.saturating_mul(words)), BufferKind::Weights, Access::Read))
        .buffer(BufferUse::new("fc.in", bytes(words), BufferKind::Activation, Access::Read))
        .buffer(BufferUse::new("fc.out", bytes(rows), BufferKind::Activation, Access::Write));
    for name in profile::board_names() {
        let board = profile::load(name)?;
        let kernels = cost::kernel_set(&board.core.core, "gcc12-o2")?;
        let estimator = cost::Estimator::new(&board, &kernels)?;
        let table = estimator.estimate(std::slice::from_ref(&call))?;
        let (ms, uj) = (table.total.latency_ms, table.total.energy_uj);
        println!("{}: {rows} rows of {words} words", board.board);
        println!(
            "  {:.4} ms ({:.4} to {:.4}), {:.2} µJ ({:.2} to {:.2})",
            ms.mid, ms.low, ms.high, uj.mid, uj.low, uj.high
        );
        let of = &table.calls[0];
        println!("  {} waits for {}, memory {:.0} %", of.kernel, of.bound.text(), of.memory_share * 100.0);
        for level in estimator.explain(&call)? {
            println!(
                "  {:28} {:>9} trips × {:6.2} cycles for {:2} instructions, {}",
                level.name,
                level.trips.mid,
                level.body_cycles.mid,
                level.instructions,
                level.bound.text()
            );
        }
    }
    Ok(())
}
