//! What leaves the project for a device: the C twins of the operations, each proven equal to its Rust reference.
//!
//! Must not know boards or costs. `src/export/c/README.md` says how to build and flash the twins; `kernel-lab` compiles them,
//! runs them in an emulator against the references and reads their instruction streams into `hw_profiles/kernels/`.
//!
//! ```
//! let (name, header) = tinyprec::export::C_SOURCES[0];
//! assert_eq!(name, "tinyprec.h");
//! assert!(header.contains("void tp_binary_dense("));
//! ```

mod probe;

pub use probe::{PROBE_SOURCES, Probe, RUNS, probes};

/// Name and text of every C source a device needs, header first.
pub const C_SOURCES: &[(&str, &str)] = &[
    ("tinyprec.h", include_str!("c/tinyprec.h")),
    ("learning.h", include_str!("c/learning.h")),
    ("popcount.h", include_str!("c/popcount.h")),
    ("arith.h", include_str!("c/arith.h")),
    ("bits.h", include_str!("c/bits.h")),
    ("float.h", include_str!("c/float.h")),
    ("softmax.h", include_str!("c/softmax.h")),
    ("fine.h", include_str!("c/fine.h")),
    ("rules.h", include_str!("c/rules.h")),
    ("rounding.h", include_str!("c/rounding.h")),
    ("window.h", include_str!("c/window.h")),
    ("int8.h", include_str!("c/int8.h")),
    ("smlad.h", include_str!("c/smlad.h")),
    ("bits.c", include_str!("c/bits.c")),
    ("bits_variants.c", include_str!("c/bits_variants.c")),
    ("conv_padded.c", include_str!("c/conv_padded.c")),
    ("layers.c", include_str!("c/layers.c")),
    ("conv_f32.c", include_str!("c/conv_f32.c")),
    ("int8.c", include_str!("c/int8.c")),
    ("int8_simd.c", include_str!("c/int8_simd.c")),
    ("head.c", include_str!("c/head.c")),
    ("head_wide.c", include_str!("c/head_wide.c")),
    ("rows.c", include_str!("c/rows.c")),
    ("head_f32.c", include_str!("c/head_f32.c")),
    ("formats.c", include_str!("c/formats.c")),
    ("rounding.c", include_str!("c/rounding.c")),
    ("stochastic.c", include_str!("c/stochastic.c")),
    ("strategies.c", include_str!("c/strategies.c")),
    ("ranges.c", include_str!("c/ranges.c")),
    ("ar1.c", include_str!("c/ar1.c")),
    ("mixed.c", include_str!("c/mixed.c")),
    ("wide.c", include_str!("c/wide.c")),
];

/// Name and text of the twins of measured software's classes: what `validate` prices published measurements with. No device needs them.
pub const CLASS_SOURCES: &[(&str, &str)] = &[
    ("classes.h", include_str!("c/classes.h")),
    ("cmsis_nn.c", include_str!("c/cmsis_nn.c")),
    ("cmsis_softmax.c", include_str!("c/cmsis_softmax.c")),
    ("cmsis_q7.c", include_str!("c/cmsis_q7.c")),
    ("cmsis_u8.c", include_str!("c/cmsis_u8.c")),
    ("tflm.c", include_str!("c/tflm.c")),
    ("tinymaix.c", include_str!("c/tinymaix.c")),
    ("tinyol.c", include_str!("c/tinyol.c")),
    ("gemm.c", include_str!("c/gemm.c")),
    ("gemm_int8.c", include_str!("c/gemm_int8.c")),
    ("bitserial.c", include_str!("c/bitserial.c")),
    ("float_dots.c", include_str!("c/float_dots.c")),
    ("lce.c", include_str!("c/lce.c")),
];

/// Name and text of the sources that only the test programs need: start-up, runner, linker script, counting plugin.
pub const LAB_SOURCES: &[(&str, &str)] = &[
    ("platform.h", include_str!("c/lab/platform.h")),
    ("main.c", include_str!("c/lab/main.c")),
    ("semihost.h", include_str!("c/lab/semihost.h")),
    ("start_cortex_m.c", include_str!("c/lab/start_cortex_m.c")),
    ("start_aarch64.c", include_str!("c/lab/start_aarch64.c")),
    ("start_riscv.c", include_str!("c/lab/start_riscv.c")),
    ("virt.ld", include_str!("c/lab/virt.ld")),
    ("mps2.ld", include_str!("c/lab/mps2.ld")),
    ("plugin.c", include_str!("c/lab/plugin.c")),
];
