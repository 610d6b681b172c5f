//! What a software adds to each call of a kernel (dispatch, checks, set-up): instructions of control code, as cycles of a core.
//!
//! ```
//! use tinyprec::validate::{Dispatch, TFLM};
//!
//! let (fast, small) = (TFLM.cycles("cortex-m7", "gcc12-o2"), TFLM.cycles("cortex-m7", "gcc12-os"));
//! assert!(fast.mid < small.mid && fast.mid < TFLM.cycles("cortex-m4", "gcc12-o2").mid);
//! assert_eq!(Dispatch::same(0.0, 10.0, 20.0).cycles("cortex-m4", "gcc12-o2").mid, 13.5);
//! ```

use crate::cost::Range;

/// Instructions that a call adds to its kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispatch {
    /// In a build for speed.
    pub fast: Range,
    /// In a build for size, or without optimisation.
    pub small: Range,
    /// Of an operation without weights, as a share of one with them.
    pub without_weights: f64,
}

/// A library that is called directly: arguments by way of structures, checks of their sizes (assumed).
pub const LIBRARY: Dispatch = Dispatch::same(40.0, 150.0, 450.0);

/// TensorFlow Lite for Microcontrollers, one operation of `Invoke` and its kernel's preparation. Counted in the emulator: its sources of
/// June 2020 by GCC 12 for the Cortex-M7, dense float networks of 2, 3 and 11 layers, instructions a layer beyond its products and rows
/// (GCC 8 on M4 and M7: 256 to 299, for size 364 to 409). A softmax, counted in the same way (one to three of them behind a dense layer, 3, 10
/// and 17 classes), takes 236 (362) beyond its classes, 0.81 to 0.89 of a dense layer, which hands over two tensors more. The engine's paper
/// (arXiv 2010.08678) has less than 0.1 % of a visual wake words network of 31 operations, and about 3 % of a small keyword network.
pub const TFLM: Dispatch = Dispatch {
    fast: Range { low: 150.0, mid: 290.0, high: 500.0 },
    small: Range { low: 250.0, mid: 408.0, high: 700.0 },
    without_weights: 0.85,
};

impl Dispatch {
    /// The same number of instructions in every build.
    pub const fn same(low: f64, mid: f64, high: f64) -> Self {
        let range = Range { low, mid, high };
        Dispatch { fast: range, small: range, without_weights: 1.0 }
    }

    /// Cycles of a call with weights on a core, built as a kernel set is.
    pub fn cycles(&self, core: &str, kernel_set: &str) -> Range {
        let is_small = ["-os", "-o0"].iter().any(|level| kernel_set.contains(level));
        let instructions = if is_small { self.small } else { self.fast };
        instructions * cycles_an_instruction(core, is_small)
    }
}

/// Of control code (branches, loads of fields, calls), built for speed or for size: what the blocks outside loops of every twin cost in this model
/// per instruction, caches and mispredictions apart; a test holds the middles to it. Ends: the quarters of the blocks; the M7's upper
/// end holds what its CoreMark says too (5.01 a MHz where the M4 has 3.42: 0.92 here), caches and mispredictions with it.
fn cycles_an_instruction(core: &str, is_small: bool) -> Range {
    let [low, mid, high] = match (core, is_small) {
        ("cortex-m7", false) => [0.62, 0.74, 1.1],
        ("cortex-m7", true) => [0.63, 0.78, 1.1],
        ("cortex-a53", false) => [0.7, 0.94, 1.4],
        ("cortex-a53", true) => [0.7, 1.02, 1.5],
        (_, false) => [1.13, 1.35, 1.52],
        (_, true) => [1.19, 1.46, 1.76],
    };
    Range { low, mid, high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{body_time, kernel_set};
    use crate::profile::builtin;

    #[test]
    fn control_code_takes_what_the_pipelines_say_of_code_outside_loops() {
        for (core, board) in [("cortex-m4", "stm32f407"), ("cortex-m7", "stm32h743"), ("cortex-a53", "rpi3b-plus")] {
            let board = builtin(board).unwrap_or_else(|e| panic!("{e}"));
            for set in ["gcc12-o2", "gcc12-os"] {
                let kernels = kernel_set(core, set).unwrap_or_else(|e| panic!("{e}"));
                let levels = kernels.kernels().iter().flat_map(|k| &k.levels);
                let (mut instructions, mut cycles) = (0.0, 0.0);
                for level in levels.filter(|level| !level.steady && level.body.len() >= 3) {
                    let Ok(time) = body_time(level, &board.core) else { continue };
                    instructions += level.body.len() as f64;
                    cycles += time.cycles.mid;
                }
                let (found, used) = (cycles / instructions, cycles_an_instruction(core, set == "gcc12-os"));
                println!("{core} {set}: {found:.3} cycles an instruction");
                assert!((found / used.mid - 1.0).abs() < 0.02, "{core} {set}: {found}, used {used:?}");
            }
        }
    }
}
