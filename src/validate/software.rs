//! Which kernel set a measured software is priced with: the one table that decides it.

use super::measurement::{DataType, Measurement, SoftwareClass};
use crate::cost::Range;
use crate::trace::ListType;

/// A measured software's structure: its kernels, and what it adds to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Software {
    /// Name in reports.
    pub name: &'static str,
    /// Class of the rows that it prices.
    pub class: SoftwareClass,
    /// The row's software must contain one of these, in any case; none: any software of the class.
    pub contains: &'static [&'static str],
    /// Cores that it prices; none: all.
    pub cores: &'static [&'static str],
    /// Kernel set, where the row's profile names none.
    pub kernel_set: &'static str,
    /// Cycles that one call adds to its kernel: dispatch, checks, set-up of parameters.
    pub call_cycles: Range,
    /// Cycles of the whole over those of the kernel set: 1 where the structure is open, else the stated efficiency of an engine
    /// that is closed, measured on other rows than those it prices.
    pub factor: Range,
    /// Where structure, call cycles and factor come from.
    pub source: &'static str,
}

const fn range(low: f64, mid: f64, high: f64) -> Range {
    Range { low, mid, high }
}

const ONE: Range = range(1.0, 1.0, 1.0);
/// A library that is called directly: arguments by way of structures, checks of their sizes.
const LIBRARY: Range = range(50.0, 200.0, 600.0);
/// TensorFlow Lite for Microcontrollers: 3,700 cycles over the 31 operations of its visual wake words network, 1,400 over
/// the few of a keyword network, both on a Cortex-M4 (arXiv 2010.08678, table 2).
const TFLM: Range = range(100.0, 250.0, 800.0);

const NO: &[&str] = &[];
const M: &[&str] = &["cortex-m4", "cortex-m7"];
const A53: &[&str] = &["cortex-a53"];

/// First match prices a row; special structures stand before general ones.
pub const SOFTWARE: &[Software] = &[
    Software {
        name: "plain C",
        class: SoftwareClass::PlainC,
        contains: NO,
        cores: NO,
        kernel_set: "gcc12-o2-plain",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "loops in plain C, one product at a time; kernels compiled here",
    },
    Software {
        name: "TFLM + CMSIS-NN",
        class: SoftwareClass::CmsisNn,
        contains: &["tflm", "tflite"],
        cores: M,
        kernel_set: "gcc12-o2",
        call_cycles: TFLM,
        factor: ONE,
        source: "im2col into 16 bit, SXTB16 and SMLAD in blocks of two by two; dispatch from arXiv 2010.08678",
    },
    Software {
        name: "CMSIS-NN",
        class: SoftwareClass::CmsisNn,
        contains: NO,
        cores: M,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "im2col into 16 bit, SXTB16 and SMLAD in blocks of two by two",
    },
    Software {
        name: "float on the FPU",
        class: SoftwareClass::FloatFpu,
        contains: NO,
        cores: M,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "float32 loops compiled here",
    },
    Software {
        name: "TFLM float",
        class: SoftwareClass::Interpreter,
        contains: NO,
        cores: M,
        kernel_set: "gcc12-o2",
        call_cycles: TFLM,
        factor: ONE,
        source: "float32 loops compiled here; dispatch from arXiv 2010.08678",
    },
    Software {
        name: "bit-serial",
        class: SoftwareClass::BitSerial,
        contains: NO,
        cores: A53,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "one binary convolution for each pair of planes",
    },
    Software {
        name: "binary GEMM",
        class: SoftwareClass::BinaryGemm,
        contains: NO,
        cores: A53,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "bit-packed convolution with NEON counts",
    },
    Software {
        name: "float GEMM",
        class: SoftwareClass::GemmFloat,
        contains: NO,
        cores: A53,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "float32 loops compiled here",
    },
    Software {
        name: "int8 GEMM",
        class: SoftwareClass::GemmInt8,
        contains: NO,
        cores: A53,
        kernel_set: "gcc12-o2",
        call_cycles: LIBRARY,
        factor: ONE,
        source: "smull and sadalp",
    },
];

impl Software {
    /// The structure that prices a row; `None` where its class on its core is not modelled.
    pub fn of(row: &Measurement) -> Option<&'static Software> {
        let words = row.software.to_ascii_lowercase();
        SOFTWARE.iter().find(|s| {
            s.class == row.class
                && (s.cores.is_empty() || s.cores.contains(&row.core.as_str()))
                && (s.contains.is_empty() || s.contains.iter().any(|word| words.contains(word)))
        })
    }

    /// Whether its structure is open, so that no factor stands for what is not known.
    pub fn is_open(&self) -> bool {
        self.factor == ONE
    }
}

/// What a layer list is computed in for a row's data types; `None` where its class has no such kernels.
pub fn list_type(row: &Measurement) -> Option<ListType> {
    use SoftwareClass as C;
    match (row.class, row.dtype) {
        (C::PlainC | C::CmsisNn | C::GemmInt8 | C::Closed | C::Interpreter, DataType::Int8) => Some(ListType::I8),
        (C::PlainC | C::FloatFpu | C::FloatTraining | C::GemmFloat | C::Interpreter | C::Closed, DataType::Float32) => {
            Some(ListType::F32)
        }
        (C::BitSerial | C::BinaryGemm, DataType::Bits { .. }) => Some(ListType::Bits),
        _ => None,
    }
}
