//! Design points a second: `cargo bench --bench estimator`.
//!
//! A QuickNet-like backbone with a learning head on one board: bodies are timed and expressions multiplied out once, then every
//! point has its own image size, width, batch and classes. Prints points a second on one core, and the time of a point over
//! the number of calls, which must grow linearly.

#[path = "../tests/cost_support/quicknet.rs"]
mod quicknet;

use quicknet::{calls, head};
use std::hint::black_box;
use std::time::Instant;
use tinyprec::cost::{self, Estimator};
use tinyprec::profile;
use tinyprec::trace::KernelCall;

/// Shapes that every measurement goes round.
fn shapes(blocks: usize) -> Vec<Vec<KernelCall>> {
    let mut list = Vec::new();
    for image in [96, 128, 160, 224] {
        for width in [32, 64, 96] {
            for (batch, classes) in [(1, 10), (8, 50), (32, 100)] {
                list.push(calls(image, width, blocks, &head("hybrid-8", batch), classes));
            }
        }
    }
    list
}

/// Of the same list, no two calls with the same numbers, so that each is priced on its own.
fn all_different(mut list: Vec<KernelCall>) -> Vec<KernelCall> {
    for (call, at) in list.iter_mut().zip(0..) {
        let name = ["pixels", "oh"].into_iter().find(|name| call.dims.get(name).is_some());
        name.map(|name| call.dims.set(name, 20 + at));
    }
    list
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for name in ["stm32l4r5", "stm32h743", "rpi3b-plus"] {
        let board = profile::load(name)?;
        let kernels = cost::kernel_set(&board.core.core, "gcc12-o2")?;
        let estimator = Estimator::new(&board, &kernels)?;
        // A body is timed when a list first asks for it.
        let list = shapes(1);
        let started = Instant::now();
        estimator.compile(&list[0])?;
        let spent = started.elapsed().as_secs_f64() * 1e3;
        println!("{name}: the kernels of {} calls timed in {spent:.1} ms", list[0].len());
        let mut first = None;
        for (blocks, is_repeated) in [(1, true), (2, true), (4, true), (8, true), (16, true), (4, false), (16, false)] {
            let list = shapes(blocks);
            let list = if is_repeated { list } else { list.into_iter().map(all_different).collect() };
            let mut compiled = estimator.compile(&list[0])?;
            let rounds = 2000 / blocks / list.len() + 1;
            let mut fastest = f64::MAX;
            for _ in 0..5 {
                let started = Instant::now();
                for shape in (0..rounds).flat_map(|_| &list) {
                    black_box(compiled.price(shape)?);
                }
                fastest = fastest.min(started.elapsed().as_secs_f64() / (rounds * list.len()) as f64);
            }
            let per_call = fastest * 1e9 / list[0].len() as f64;
            println!(
                "  {:>3} calls{}: {:>8.0} points/s, {per_call:>5.0} ns a call ({:.2} of the first)",
                list[0].len(),
                if is_repeated { "" } else { ", no two alike" },
                1.0 / fastest,
                per_call / *first.get_or_insert(per_call)
            );
        }
    }
    Ok(())
}
