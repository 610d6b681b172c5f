//! Kernel sets that are part of the program.

use super::KernelSet;
use crate::profile::Profile;
use flate2::{Decompress, FlushDecompress};

/// Core, name and file of every built-in set, as `build.rs` packs it; a set that has a base comes after it.
const SETS: &[(&str, &str, &[u8])] = &{
    macro_rules! sets {
        ($($core:literal $set:literal,)*) => {
            [$(($core, $set, include_bytes!(concat!(env!("OUT_DIR"), "/kernels/", $core, "/", $set, ".kernels"))),)*]
        };
    }
    sets! {
        "cortex-m4" "gcc12-o2",
        "cortex-m4" "gcc12-o2-libcall",
        "cortex-m4" "gcc12-o2-table",
        "cortex-m4" "gcc12-o2-harley-seal",
        "cortex-m4" "gcc12-o2-im2col",
        "cortex-m4" "gcc12-o2-plain",
        "cortex-m4" "gcc12-o2-tflm-ref",
        "cortex-m4" "gcc12-o2-tflm-ref-wide-exp",
        "cortex-m4" "gcc12-o2-tinymaix",
        "cortex-m4" "gcc12-o2-tinymaix-simd",
        "cortex-m4" "gcc12-o2-tinymaix-o1",
        "cortex-m4" "gcc12-o2-tinymaix-o1-simd",
        "cortex-m4" "gcc12-o2-cmsis-nn",
        "cortex-m4" "gcc12-o2-cmsis-nn-q7",
        "cortex-m4" "gcc12-o2-cmsis-nn-u8",
        "cortex-m4" "gcc12-o2-tinyol",
        "cortex-m4" "gcc12-o2-dots-f32",
        "cortex-m4" "gcc12-o2-dots-f32-x4",
        "cortex-m4" "gcc12-o2-pairs-f32",
        "cortex-m4" "clang14-o3-tinymaix",
        "cortex-m4" "clang14-o3-tinymaix-o1",
        "cortex-m4" "clang14-o3-tinymaix-o1-simd",
        "cortex-m4" "clang14-o3-tinymaix-simd",
        "cortex-m4" "gcc12-os",
        "cortex-m4" "gcc12-os-libcall",
        "cortex-m4" "gcc12-os-table",
        "cortex-m4" "gcc12-os-harley-seal",
        "cortex-m4" "gcc12-os-im2col",
        "cortex-m4" "gcc12-os-plain",
        "cortex-m4" "gcc12-os-tflm-ref",
        "cortex-m4" "gcc12-os-tflm-ref-wide-exp",
        "cortex-m4" "gcc12-os-tinymaix",
        "cortex-m4" "gcc12-os-tinymaix-simd",
        "cortex-m4" "gcc12-os-tinymaix-o1",
        "cortex-m4" "gcc12-os-tinymaix-o1-simd",
        "cortex-m4" "gcc12-os-cmsis-nn",
        "cortex-m4" "gcc12-os-cmsis-nn-q7",
        "cortex-m4" "gcc12-os-cmsis-nn-u8",
        "cortex-m4" "gcc12-os-tinyol",
        "cortex-m4" "gcc12-os-dots-f32",
        "cortex-m4" "gcc12-os-dots-f32-x4",
        "cortex-m4" "gcc12-os-pairs-f32",
        "cortex-m4" "gcc12-o0-tinyol",
        "cortex-m7" "gcc12-o2",
        "cortex-m7" "gcc12-o2-libcall",
        "cortex-m7" "gcc12-o2-table",
        "cortex-m7" "gcc12-o2-harley-seal",
        "cortex-m7" "gcc12-o2-im2col",
        "cortex-m7" "gcc12-o2-plain",
        "cortex-m7" "gcc12-o2-tflm-ref",
        "cortex-m7" "gcc12-o2-tflm-ref-wide-exp",
        "cortex-m7" "gcc12-o2-tinymaix",
        "cortex-m7" "gcc12-o2-tinymaix-simd",
        "cortex-m7" "gcc12-o2-tinymaix-o1",
        "cortex-m7" "gcc12-o2-tinymaix-o1-simd",
        "cortex-m7" "gcc12-o2-cmsis-nn",
        "cortex-m7" "gcc12-o2-cmsis-nn-q7",
        "cortex-m7" "gcc12-o2-cmsis-nn-u8",
        "cortex-m7" "gcc12-o2-dots-f32",
        "cortex-m7" "gcc12-o2-dots-f32-x4",
        "cortex-m7" "gcc12-o2-pairs-f32",
        "cortex-m7" "clang14-o3-tinymaix",
        "cortex-m7" "clang14-o3-tinymaix-o1",
        "cortex-m7" "clang14-o3-tinymaix-o1-simd",
        "cortex-m7" "clang14-o3-tinymaix-simd",
        "cortex-m7" "gcc12-o2-sp",
        "cortex-m7" "gcc12-o2-sp-tflm-ref-wide-exp",
        "cortex-m7" "gcc12-os",
        "cortex-m7" "gcc12-os-libcall",
        "cortex-m7" "gcc12-os-table",
        "cortex-m7" "gcc12-os-harley-seal",
        "cortex-m7" "gcc12-os-im2col",
        "cortex-m7" "gcc12-os-plain",
        "cortex-m7" "gcc12-os-tflm-ref",
        "cortex-m7" "gcc12-os-tflm-ref-wide-exp",
        "cortex-m7" "gcc12-os-tinymaix",
        "cortex-m7" "gcc12-os-tinymaix-simd",
        "cortex-m7" "gcc12-os-tinymaix-o1",
        "cortex-m7" "gcc12-os-tinymaix-o1-simd",
        "cortex-m7" "gcc12-os-cmsis-nn",
        "cortex-m7" "gcc12-os-cmsis-nn-q7",
        "cortex-m7" "gcc12-os-cmsis-nn-u8",
        "cortex-m7" "gcc12-os-dots-f32",
        "cortex-m7" "gcc12-os-dots-f32-x4",
        "cortex-m7" "gcc12-os-pairs-f32",
        "cortex-m7" "gcc12-os-sp",
        "cortex-m7" "gcc12-os-sp-tflm-ref-wide-exp",
        "cortex-a53" "gcc12-o2",
        "cortex-a53" "gcc12-o2-libcall",
        "cortex-a53" "gcc12-o2-table",
        "cortex-a53" "gcc12-o2-harley-seal",
        "cortex-a53" "gcc12-o2-im2col",
        "cortex-a53" "gcc12-o2-swar",
        "cortex-a53" "gcc12-o2-plain",
        "cortex-a53" "gcc12-o2-tflm-ref",
        "cortex-a53" "gcc12-o2-gemm",
        "cortex-a53" "gcc12-o2-bitserial",
        "cortex-a53" "gcc12-o2-tinymaix",
        "cortex-a53" "gcc12-o2-tinymaix-simd",
        "cortex-a53" "gcc12-o2-tinymaix-o1",
        "cortex-a53" "gcc12-o2-tinymaix-o1-simd",
        "cortex-a53" "gcc12-o2-tinymaix-integers",
        "cortex-a53" "gcc12-o2-tinymaix-o1-integers",
        "cortex-a53" "gcc12-o2-lce",
        "cortex-a53" "gcc12-os",
        "cortex-a53" "gcc12-os-libcall",
        "cortex-a53" "gcc12-os-table",
        "cortex-a53" "gcc12-os-harley-seal",
        "cortex-a53" "gcc12-os-im2col",
        "cortex-a53" "gcc12-os-swar",
        "cortex-a53" "gcc12-os-plain",
        "cortex-a53" "gcc12-os-tflm-ref",
        "cortex-a53" "gcc12-os-gemm",
        "cortex-a53" "gcc12-os-bitserial",
        "cortex-a53" "gcc12-os-tinymaix",
        "cortex-a53" "gcc12-os-tinymaix-simd",
        "cortex-a53" "gcc12-os-tinymaix-o1",
        "cortex-a53" "gcc12-os-tinymaix-o1-simd",
        "cortex-a53" "gcc12-os-tinymaix-integers",
        "cortex-a53" "gcc12-os-tinymaix-o1-integers",
        "cortex-a53" "gcc12-os-lce",
        "rv32imc" "gcc12-o2",
        "rv32imc" "gcc12-o2-libcall",
        "rv32imc" "gcc12-o2-table",
        "rv32imc" "gcc12-o2-harley-seal",
        "rv32imc" "gcc12-o2-im2col",
        "rv32imc" "gcc12-o2-tflm-ref",
        "rv32imc" "gcc12-os",
        "rv32imc" "gcc12-os-libcall",
        "rv32imc" "gcc12-os-table",
        "rv32imc" "gcc12-os-harley-seal",
        "rv32imc" "gcc12-os-im2col",
        "rv32imc" "gcc12-os-tflm-ref",
    }
};

/// A kernel set that is not part of the program, or is broken there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelSetError {
    /// No such set for this core.
    #[error("there is no kernel set `{name}` for {core}; there is {}", known.join(", "))]
    Unknown {
        /// Core.
        core: String,
        /// Set.
        name: String,
        /// Built-in sets of that core; `core/set` of every core where it has none.
        known: Vec<String>,
    },
    /// The file itself.
    #[error(transparent)]
    File(#[from] super::KernelFileError),
}

/// A built-in kernel set of a core, e.g. `cortex-m4`, `gcc12-o2`, with the kernels of its base. Only these files are read, in
/// some milliseconds: keep the result.
pub fn kernel_set(core: &str, name: &str) -> Result<KernelSet, KernelSetError> {
    let found = SETS.iter().find(|(c, n, _)| *c == core && *n == name);
    let (core, name, packed) = found.ok_or_else(|| KernelSetError::Unknown {
        core: core.to_owned(),
        name: name.to_owned(),
        known: known(core),
    })?;
    Ok(KernelSet::parse(&format!("hw_profiles/kernels/{core}/{name}.kernels"), &unpacked(packed))?)
}

/// The text that `build.rs` packed: its length in four bytes, least significant first, and a zlib stream.
fn unpacked(packed: &[u8]) -> String {
    let (length, stream) = packed.split_first_chunk::<4>().expect("build.rs wrote a length");
    let length = usize::try_from(u32::from_le_bytes(*length)).expect("a text that fits the memory");
    let mut text = Vec::with_capacity(length);
    let inflated = Decompress::new(true).decompress_vec(stream, &mut text, FlushDecompress::Finish);
    inflated.expect("build.rs wrote a zlib stream");
    String::from_utf8(text).expect("a text, as build.rs read it")
}

fn known(core: &str) -> Vec<String> {
    let own: Vec<String> = SETS.iter().filter(|(c, ..)| *c == core).map(|(_, name, _)| (*name).to_owned()).collect();
    if own.is_empty() { SETS.iter().map(|(c, n, _)| format!("{c}/{n}")).collect() } else { own }
}

/// As [`kernel_set`] of a board's core; where its float unit has no double precision, with the kernels of the sets `…-sp` and `…-sp-CLASS` of
/// the same compiler and flags for those that compute in double.
pub fn kernel_set_for(board: &Profile, name: &str) -> Result<KernelSet, KernelSetError> {
    let core = &board.core.core;
    let set = kernel_set(core, name)?;
    let level = name.split('-').take(2).collect::<Vec<_>>().join("-");
    let rest = name.strip_prefix(level.as_str()).unwrap_or_default();
    let singles = [format!("{level}-sp"), format!("{level}-sp{rest}")];
    let there = singles.iter().filter(|single| SETS.iter().any(|(c, n, _)| c == core && n == single));
    there
        .filter(|_| board.single_precision)
        .try_fold(set, |set, single| Ok(set.with_same_functions_of(&kernel_set(core, single)?)))
}

/// Core and name of every built-in kernel set.
pub fn kernel_sets() -> Vec<(&'static str, &'static str)> {
    SETS.iter().map(|&(core, name, _)| (core, name)).collect()
}
