//! What a software adds to each call of a kernel (dispatch, checks, set-up): instructions of control code, as cycles of a core.
//!
//! ```
//! use tinyprec::validate::{Dispatch, TFLM};
//!
//! let (fast, small) = (TFLM.cycles("cortex-m7", "gcc12-o2"), TFLM.cycles("cortex-m7", "gcc12-os"));
//! assert!(fast.mid < small.mid && fast.mid < TFLM.cycles("cortex-m4", "gcc12-o2").mid);
//! assert_eq!(Dispatch::same(0.0, 10.0, 20.0).cycles("cortex-m4", "gcc12-os").mid, 13.5);
//! ```

use crate::cost::Range;

/// Instructions that a call adds to its kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispatch {
    /// In a build for speed.
    pub fast: Range,
    /// In a build for size, or without optimisation.
    pub small: Range,
}

/// A library that is called directly: arguments by way of structures, checks of their sizes (assumed).
pub const LIBRARY: Dispatch = Dispatch::same(40.0, 150.0, 450.0);

/// TensorFlow Lite for Microcontrollers, one operation of `Invoke` and its kernel's preparation. Counted in the emulator: its sources of
/// June 2020 by GCC 12 for the Cortex-M7, dense float networks of 2, 3 and 11 layers, instructions a layer beyond its products and rows.
/// Its paper (arXiv 2010.08678) has less than 0.1 % of a visual wake words network of 31 operations, and about 3 % of a small keyword network.
pub const TFLM: Dispatch = Dispatch {
    fast: Range { low: 150.0, mid: 290.0, high: 500.0 },
    small: Range { low: 250.0, mid: 408.0, high: 700.0 },
};

/// Its version 2.1, which on each run looks up every operation, parses its options and copies its lists of tensors: counted as [`TFLM`], with
/// these steps put back into the loop over operations.
pub const TFLM_2_1: Dispatch = Dispatch {
    fast: Range { low: 400.0, mid: 531.0, high: 800.0 },
    small: Range { low: 600.0, mid: 967.0, high: 1300.0 },
};

impl Dispatch {
    /// The same number of instructions in every build.
    pub const fn same(low: f64, mid: f64, high: f64) -> Self {
        let range = Range { low, mid, high };
        Dispatch { fast: range, small: range }
    }

    /// Cycles of a call on a core, built as a kernel set is.
    pub fn cycles(&self, core: &str, kernel_set: &str) -> Range {
        let is_small = ["-os", "-o0"].iter().any(|level| kernel_set.contains(level));
        let instructions = if is_small { self.small } else { self.fast };
        instructions * cycles_an_instruction(core)
    }
}

/// Of control code: branches, loads of fields, calls. M4: what the blocks outside loops of the reference kernels cost in this model (1.2 to 1.6).
/// M7: the M4's by the published CoreMark of both (3.42 and 5.01 a MHz). A53: assumed.
fn cycles_an_instruction(core: &str) -> Range {
    match core {
        "cortex-m7" => Range { low: 0.65, mid: 0.92, high: 1.2 },
        "cortex-a53" => Range { low: 0.7, mid: 1.0, high: 1.4 },
        _ => Range { low: 1.2, mid: 1.35, high: 1.6 },
    }
}
