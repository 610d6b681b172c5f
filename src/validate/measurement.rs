//! One measurement of a board: what ran, on what, how it was configured, and what was read off.

use serde::{Deserialize, Serialize};

/// Software whose structure decides the instruction stream; a prediction is only meant for rows of its own class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoftwareClass {
    /// Loops in plain C, one multiply-accumulate at a time (TFLM's reference kernels, TinyMaix without SIMD).
    PlainC,
    /// im2col into 16 bit and dual multiply-accumulates (SXTB16 + SMLAD), as CMSIS-NN documents.
    CmsisNn,
    /// Dot products of 8-bit rows in SIMD, one output at a time (TinyMaix with SIMD).
    SimdDot,
    /// Float32 on the FPU.
    FloatFpu,
    /// Float32 training of a dense layer with exponential and logarithm in double precision.
    FloatTraining,
    /// Bit-serial binary convolution with NEON counts.
    BitSerial,
    /// Bit-packed binary convolution as a blocked matrix product.
    BinaryGemm,
    /// Blocked matrix product in float with NEON.
    GemmFloat,
    /// Blocked matrix product in 8 bit with NEON.
    GemmInt8,
    /// An interpreter's overhead dominates.
    Interpreter,
    /// Closed source: priced as the nearest open class times a stated factor.
    Closed,
    /// This project's own C twins, as a probe runs them.
    Twins,
    /// None of these; never priced.
    Other,
}

impl SoftwareClass {
    /// All classes, in the order of reports.
    pub const ALL: [SoftwareClass; 13] = [
        SoftwareClass::PlainC,
        SoftwareClass::CmsisNn,
        SoftwareClass::SimdDot,
        SoftwareClass::FloatFpu,
        SoftwareClass::FloatTraining,
        SoftwareClass::BitSerial,
        SoftwareClass::BinaryGemm,
        SoftwareClass::GemmFloat,
        SoftwareClass::GemmInt8,
        SoftwareClass::Interpreter,
        SoftwareClass::Closed,
        SoftwareClass::Twins,
        SoftwareClass::Other,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            SoftwareClass::PlainC => "plain-c",
            SoftwareClass::CmsisNn => "cmsis-nn",
            SoftwareClass::SimdDot => "simd-dot",
            SoftwareClass::FloatFpu => "float-fpu",
            SoftwareClass::FloatTraining => "float-training",
            SoftwareClass::BitSerial => "bit-serial",
            SoftwareClass::BinaryGemm => "binary-gemm",
            SoftwareClass::GemmFloat => "gemm-float",
            SoftwareClass::GemmInt8 => "gemm-int8",
            SoftwareClass::Interpreter => "interpreter",
            SoftwareClass::Closed => "closed",
            SoftwareClass::Twins => "twins",
            SoftwareClass::Other => "other",
        }
    }
}

/// Bits of activations and weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataType {
    /// 8-bit integers, symmetric or affine.
    Int8,
    /// 16-bit integers.
    Int16,
    /// IEEE single.
    Float32,
    /// Packed bits: `activations` and `weights` planes of one bit each.
    Bits {
        /// Planes of the activations, 1 to 8.
        activations: u8,
        /// Planes of the weights, 1 to 8.
        weights: u8,
    },
}

impl DataType {
    /// Reads `int8`, `int16`, `float32` or `a<n>w<n>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "int8" => Some(Self::Int8),
            "int16" => Some(Self::Int16),
            "float32" => Some(Self::Float32),
            _ => {
                let (activations, weights) = text.strip_prefix('a')?.split_once('w')?;
                let planes = |t: &str| t.parse().ok().filter(|n| (1..=8).contains(n));
                Some(Self::Bits { activations: planes(activations)?, weights: planes(weights)? })
            }
        }
    }
}

impl std::fmt::Display for DataType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DataType::Int8 => f.write_str("int8"),
            DataType::Int16 => f.write_str("int16"),
            DataType::Float32 => f.write_str("float32"),
            DataType::Bits { activations, weights } => write!(f, "a{activations}w{weights}"),
        }
    }
}

/// A row of a measurement file. Everything that changes a number is a field; an empty cell means the source did not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Unique in the file.
    pub id: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Where it was published, so that anybody can look.
    pub source: String,
    /// The board in the source's words.
    pub board: String,
    /// Profile to price it with, overrides included (`stm32f746,clock_mhz=168`); empty: none matches.
    pub profile: String,
    /// `cortex-m4`, `cortex-m7`, `cortex-a53` or another.
    pub core: String,
    /// Clock of the run in MHz.
    pub clock_mhz: Option<f64>,
    /// Where the weights lay: `flash`, `ram`, `tcm` or `external`.
    pub weights_in: Option<String>,
    /// Flash wait states.
    pub wait_states: Option<u32>,
    /// `on`, `off`, or what of it was on.
    pub caches: Option<String>,
    /// Compiler and version.
    pub compiler: Option<String>,
    /// Its flags.
    pub flags: Option<String>,
    /// Software in the source's words.
    pub software: String,
    /// Its class.
    pub class: SoftwareClass,
    /// Network or program.
    pub workload: String,
    /// Layer list beside the file (`geometry/….csv`) or `kernel:` and a shape; empty: unknown.
    pub layers: String,
    /// Layer's `idx` in the list; `None` for all of it.
    pub layer: Option<usize>,
    /// Activations and weights.
    pub dtype: DataType,
    /// Threads.
    pub threads: u32,
    /// Multiply-accumulates, as the source counts them.
    pub macs: Option<u64>,
    /// Milliseconds of one run.
    pub latency_ms: Option<f64>,
    /// Cycles of one run.
    pub cycles: Option<f64>,
    /// Microjoules of one run.
    pub energy_uj: Option<f64>,
    /// Milliwatts while it ran.
    pub power_mw: Option<f64>,
    /// Bytes of RAM.
    pub ram_bytes: Option<u64>,
    /// Bytes of flash.
    pub flash_bytes: Option<u64>,
    /// Runs behind the figure.
    pub runs: Option<u32>,
    /// Spread of the runs in percent.
    pub spread_percent: Option<f64>,
    /// What the timer was around: `inference`, `step`, `consolidation` …
    pub trigger_phase: Option<String>,
    /// Anything that makes the row doubtful; the word `doubtful` keeps it out of the headline figures.
    pub notes: String,
}

impl Measurement {
    /// Milliseconds, measured or from cycles and clock; `None` where neither was given.
    pub fn milliseconds(&self) -> Option<f64> {
        self.latency_ms.or_else(|| Some(self.cycles? / (self.clock_mhz? * 1000.0)))
    }

    /// Milliwatts, measured or energy over time; `None` where neither was given.
    pub fn milliwatts(&self) -> Option<f64> {
        self.power_mw.or_else(|| Some(self.energy_uj? / self.milliseconds()?))
    }

    /// Whether whoever collected the row doubts it.
    pub fn is_doubtful(&self) -> bool {
        self.notes.contains("doubtful")
    }

    /// Whether it is of a whole network or program.
    pub fn is_whole(&self) -> bool {
        self.layer.is_none()
    }
}
