//! Which kernel set a measured software is priced with: the one table that decides it.

use super::dispatch::{Dispatch, LIBRARY, TFLM};
use super::engines::Efficiency;
use super::measurement::{DataType, Measurement, SoftwareClass};
use crate::cost::kernel_sets;
use crate::profile::Profile;
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
    /// Kernel sets without their optimisation level (`-plain`), the first that the core has prices, see [`Software::set_of`].
    pub variants: &'static [&'static str],
    /// What one call adds to its kernel: dispatch, checks, set-up of parameters.
    pub call: Dispatch,
    /// Cycles of MLPerf Tiny's four networks (autoencoder, ResNet-8, DS-CNN, MobileNetV1) over those of the kernel set where the
    /// engine is closed, measured on other rows than those it prices; `None` where the structure is open.
    pub over_open: Option<[f64; 4]>,
    /// Where structure, call cycles and factor come from.
    pub source: &'static str,
}

const NO: &[&str] = &[];
const M: &[&str] = &["cortex-m4", "cortex-m7"];
/// Kernel sets with the structure of CMSIS-NN.
const CMSIS: &[&str] = &["-cmsis-nn", ""];
/// Kernel sets of matrix products.
const GEMM: &[&str] = &["-gemm", ""];
const A53: &[&str] = &["cortex-a53"];
const M_AND_A53: &[&str] = &["cortex-m4", "cortex-m7", "cortex-a53"];
/// Reference kernels of the interpreter, with products fused as compilers do by default; the plain loops where there are none.
const FUSED: &[&str] = &["-tflm-ref", ""];

/// First match prices a row; special structures stand before general ones.
pub const SOFTWARE: &[Software] = &[
    open(
        "twins",
        (SoftwareClass::Twins, NO, NO),
        &[""],
        Dispatch::same(4.0, 15.0, 45.0),
        "one of our own twins between two readings of the cycle counter",
    ),
    open(
        "TinyMaix by integers, level 1",
        (SoftwareClass::PlainC, &["opt1 cpu, fixed-point"], A53),
        &["-tinymaix-o1-integers", "-plain"],
        LIBRARY,
        "as TinyMaix level 1, results by divisions of whole numbers (TM_FASTSCALE in the port's tm_port.h)",
    ),
    open(
        "TinyMaix by integers",
        (SoftwareClass::PlainC, &["opt0 cpu, fixed-point"], A53),
        &["-tinymaix-integers", "-plain"],
        LIBRARY,
        "as TinyMaix, results by divisions of whole numbers (TM_FASTSCALE in the port's tm_port.h)",
    ),
    open(
        "TinyMaix, level 1",
        (SoftwareClass::PlainC, &["tinymaix o1", "tinymaix cpu o1", "tinymaix opt1"], M_AND_A53),
        &["-tinymaix-o1", "-plain"],
        LIBRARY,
        "TinyMaix's documented loops: patches of several pixels at once, float requantisation",
    ),
    open(
        "TinyMaix",
        (SoftwareClass::PlainC, &["tinymaix"], M_AND_A53),
        &["-tinymaix", "-plain"],
        LIBRARY,
        "TinyMaix's documented loops: one patch, one output at a time, float requantisation",
    ),
    open(
        "TFLM reference kernels",
        (SoftwareClass::PlainC, &["tflm", "tflite", "tensorflow"], M),
        &["-tflm-ref", "-plain"],
        TFLM,
        "seven nested loops with a bounds check and an offset a product; dispatch counted in the emulator",
    ),
    open(
        "plain C",
        (SoftwareClass::PlainC, NO, NO),
        &["-plain"],
        LIBRARY,
        "loops in plain C, one product at a time; kernels compiled here",
    ),
    open(
        "TinyMaix SIMD, level 1",
        (SoftwareClass::SimdDot, &["tinymaix o1", "tinymaix simd o1", "tinymaix opt1"], M_AND_A53),
        &["-tinymaix-o1-simd", ""],
        LIBRARY,
        "as TinyMaix level 1, dot products with SXTB16 and SMLAD, or in lanes of NEON",
    ),
    open(
        "TinyMaix SIMD",
        (SoftwareClass::SimdDot, &["tinymaix"], M_AND_A53),
        &["-tinymaix-simd", ""],
        LIBRARY,
        "as TinyMaix, dot products with SXTB16 and SMLAD, or in lanes of NEON",
    ),
    open(
        "SIMD dot products",
        (SoftwareClass::SimdDot, NO, A53),
        &[""],
        LIBRARY,
        "smull and sadalp, one output at a time",
    ),
    open(
        "CMSIS-NN, 8-bit fixed point",
        (SoftwareClass::CmsisNn, &["nnom", "legacy", "q7", "onnc"], M),
        &["-cmsis-nn-q7", ""],
        LIBRARY,
        "the library before requantisation by channel: powers of two as scales; ONNC's calibrator writes Qm.n numbers and calls of \
         this library (skymizer.com, 21 May 2021)",
    ),
    open(
        "CMSIS-NN, unsigned",
        (SoftwareClass::CmsisNn, &["uint8", "int-q"], M),
        &["-cmsis-nn-u8", ""],
        LIBRARY,
        "the extension for asymmetric unsigned 8 bit: offsets added while the patch is widened",
    ),
    open(
        "TFLM + CMSIS-NN",
        (SoftwareClass::CmsisNn, &["tflm", "tflite"], M),
        CMSIS,
        TFLM,
        "im2col into 16 bit, SXTB16 and SMLAD in blocks of two by two; dispatch counted in the emulator",
    ),
    open(
        "CMSIS-NN",
        (SoftwareClass::CmsisNn, NO, M),
        CMSIS,
        LIBRARY,
        "im2col into 16 bit, SXTB16 and SMLAD in blocks of two by two",
    ),
    open(
        "X-CUBE-AI float, compressed",
        (SoftwareClass::FloatFpu, &["weight compression", "compressed"], M),
        &["-dots-f32-x4", "-dots-f32"],
        LIBRARY,
        "its published headers: dot products four in a row, one a row of a window; dense weights of 8 bits choose among 256 values, what meets \
         each of them is added up first (the slope and the constant of its layers' cycles an output)",
    ),
    open(
        "X-CUBE-AI float",
        (SoftwareClass::FloatFpu, &["cube"], M),
        &["-dots-f32"],
        LIBRARY,
        "its published headers: dot products four in a row, one a row of a window, onto the output in memory",
    ),
    open(
        "float in pairs",
        (SoftwareClass::FloatFpu, &["hale", "tinymaix"], M),
        &["-pairs-f32"],
        LIBRARY,
        "patches, two filters a pass, four products in a row (TinyMaix's float layers of level 1); HALE's are not published",
    ),
    open("float on the FPU", (SoftwareClass::FloatFpu, NO, M), &[""], LIBRARY, "float32 loops compiled here"),
    open(
        "last-layer training",
        (SoftwareClass::FloatTraining, NO, &["cortex-m4"]),
        &["-tinyol"],
        Dispatch::same(0.0, 37.0, 150.0),
        "the thesis' program: forward, softmax in double precision, update, consolidation, as C compiled here",
    ),
    open(
        "TFLM float",
        (SoftwareClass::Interpreter, NO, M),
        FUSED,
        TFLM,
        "float32 reference loops compiled here; dispatch counted in the emulator",
    ),
    open(
        "bit-serial",
        (SoftwareClass::BitSerial, NO, A53),
        &["-bitserial", ""],
        LIBRARY,
        "one binary convolution for each pair of planes",
    ),
    open(
        "LCE",
        (SoftwareClass::BinaryGemm, &["lce", "larq", "dabnn"], A53),
        &["-lce", ""],
        LIBRARY,
        "Larq Compute Engine's indirect product: four pixels by eight filters, counts added by bytes; its scaling to single precision left \
         out; for daBNN the nearest open structure",
    ),
    open(
        "binary GEMM",
        (SoftwareClass::BinaryGemm, NO, A53),
        &[""],
        LIBRARY,
        "bit-packed convolution with NEON counts",
    ),
    open(
        "float GEMM",
        (SoftwareClass::GemmFloat, NO, A53),
        GEMM,
        LIBRARY,
        "panels of twelve pixels by eight filters with loads beside the products, Winograd's F(6 x 6, 3 x 3), depthwise taps in registers",
    ),
    open(
        "int8 GEMM",
        (SoftwareClass::GemmInt8, NO, A53),
        GEMM,
        LIBRARY,
        "patches gathered, blocks of pixels by filters, smull and sadalp",
    ),
    closed("X-CUBE-AI 9 and later", &["x-cube-ai 9", "x-cube-ai 10"], [0.660, 0.434, 0.474, 0.3175]),
    closed("X-CUBE-AI 8.1", &["x-cube-ai 8.1"], [0.964, 0.504, 0.630, 0.383]),
    closed("X-CUBE-AI 7.3 and 8.0", &["x-cube-ai 7.3", "x-cube-ai 8.0"], [0.964, 0.549, 0.723, 0.715]),
    closed("X-CUBE-AI", &["x-cube-ai"], [1.139, 0.622, 0.896, 0.812]),
    closed("Plumerai 2023", &["plumerai inference engine 2023"], [0.730, 0.410, 0.491, 0.319]),
    closed("Plumerai", &["plumerai"], [0.964, 0.421, 0.579, 0.573]),
    closed("HALE", &["hale"], [0.756, 0.474, 0.631, 0.642]),
];

/// A structure that is open: class, words and cores that it prices, its kernels, what it adds to a call.
const fn open(
    name: &'static str,
    (class, contains, cores): (SoftwareClass, &'static [&'static str], &'static [&'static str]),
    variants: &'static [&'static str],
    call: Dispatch,
    source: &'static str,
) -> Software {
    Software { name, class, contains, cores, variants, call, over_open: None, source }
}

/// An engine whose kernels are not published, priced as CMSIS-NN times factors: its cycles over those of microTVM with CMSIS-NN,
/// both on a Cortex-M33 (MLPerf Tiny v0.7 to v1.1: NUCLEO-U575ZI at 160 MHz, B-U585I for Plumerai's v1.0 round, nRF5340 DK at 128), by
/// network. No row that it prices is among them. Versions 9.0 and 10.2 of X-CUBE-AI are one, by their geometric means.
const fn closed(name: &'static str, contains: &'static [&'static str], over_open: [f64; 4]) -> Software {
    Software {
        name,
        class: SoftwareClass::Closed,
        contains,
        cores: M,
        variants: CMSIS,
        call: LIBRARY,
        over_open: Some(over_open),
        source: "over CMSIS-NN by family of layers, both measured on a Cortex-M33 with the four networks of MLPerf Tiny v0.7 to v1.1",
    }
}

impl Software {
    /// Kernel set of a row whose profile names none. Optimised for size where compiler flags or software say `-Os`, and under
    /// Arduino, whose cores build with it unless told otherwise; not at all where they say `-O0`, and for training programs without
    /// flags (STM32CubeIDE's default); else for speed. Arm Compiler 6 is LLVM: its rows take Clang's kernels where there are any.
    /// Where the C library computes exponentials in double precision, so do the interpreter's.
    pub fn set_of(&self, row: &Measurement, board: &Profile) -> String {
        let said = format!("{} {}", row.software, row.flags.as_deref().unwrap_or_default()).to_ascii_lowercase();
        let fast = ["-o2", "-o3", "-ofast"].iter().any(|flag| said.contains(flag));
        let for_size = said.contains("-os") || (said.contains("arduino") && !fast);
        let unoptimised = said.contains("-o0") || (row.class == SoftwareClass::FloatTraining && row.flags.is_none());
        let level = match () {
            () if unoptimised => "gcc12-o0",
            () if for_size => "gcc12-os",
            () => "gcc12-o2",
        };
        let is_llvm = row.compiler.as_deref().is_some_and(|c| c.to_ascii_lowercase().contains("clang"));
        let levels: Vec<&str> =
            is_llvm.then_some("clang14-o3").into_iter().filter(|_| level == "gcc12-o2").chain([level]).collect();
        let sets = kernel_sets();
        let is_wide = has_wide_exponential(row, board);
        let wide = |v: &'static str| if is_wide && v == "-tflm-ref" { "-tflm-ref-wide-exp" } else { v };
        let names = || levels.iter().flat_map(|level| self.variants.iter().map(move |v| format!("{level}{}", wide(v))));
        let there = |name: &String| sets.contains(&(row.core.as_str(), name));
        let last = || self.variants.first().map(|variant| format!("{level}{variant}"));
        names().find(there).or_else(last).unwrap_or_default()
    }

    /// The structure that prices a row; `None` where its class on its core is not modelled. Factors over 8-bit kernels say nothing of
    /// single precision: a closed engine's rows in it are priced as the structures of that class.
    pub fn of(row: &Measurement) -> Option<&'static Software> {
        let words = row.software.to_ascii_lowercase();
        let class = match (row.class, row.dtype) {
            (SoftwareClass::Closed, DataType::Float32) => SoftwareClass::FloatFpu,
            (class, _) => class,
        };
        SOFTWARE.iter().find(|s| {
            s.class == class
                && (s.cores.is_empty() || s.cores.contains(&row.core.as_str()))
                && (s.contains.is_empty() || s.contains.iter().any(|word| words.contains(word)))
        })
    }

    /// Its name as a key of a profile's `[software]`: small letters, digits and hyphens.
    pub fn key(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
        self.name.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
    }

    /// Whether its structure is open, so that no factor stands for what is not known.
    pub fn is_open(&self) -> bool {
        self.over_open.is_none()
    }

    /// Its cycles over those of its kernel set; 1 where the structure is open.
    pub fn efficiency(&self) -> Efficiency {
        self.over_open.map_or(Efficiency::ONE, Efficiency::of_networks)
    }
}

/// Whether the C library of a row's build computes `expf` in double precision.
///
/// newlib does so since October 2017 (commit "New expf, exp2f, logf, log2f and powf implementations", whose message names all 32-bit Arm
/// targets with a float unit), and from 2018 on with double-precision units only (`__ARM_FP & 8` in `machine/ieeefp.h` of 3.0.0). The
/// Arduino core on Mbed OS brings the compiler of that winter (7-2017-q4), so that its single-precision boards do it in software;
/// Teensyduino up to 1.56 brings GCC 5.4 with the library before it.
fn has_wide_exponential(row: &Measurement, board: &Profile) -> bool {
    let words = |text: &str, any: &[&str]| any.iter().any(|word| text.to_ascii_lowercase().contains(word));
    let compiler = row.compiler.as_deref().unwrap_or_default();
    let is_on_mbed = words(&row.software, &["arduino"])
        && words(&row.board, &["nano 33 ble", "portenta", "giga r1", "nicla", "opta", "nano rp2040"]);
    let is_old = words(compiler, &["gcc 4", "gcc 5", "gcc 6"]) || words(&row.board, &["teensy"]);
    is_on_mbed || words(compiler, &["7-2017"]) || (row.core == "cortex-m7" && !board.single_precision && !is_old)
}

/// What a layer list is computed in for a row's data types; `None` where its class has no such kernels.
pub fn list_type(row: &Measurement) -> Option<ListType> {
    use SoftwareClass as C;
    match (row.class, row.dtype) {
        (C::PlainC | C::CmsisNn | C::SimdDot | C::GemmInt8 | C::Closed | C::Interpreter, DataType::Int8) => {
            Some(ListType::I8)
        }
        (C::PlainC | C::FloatFpu | C::FloatTraining | C::GemmFloat | C::Interpreter | C::Closed, DataType::Float32) => {
            Some(ListType::F32)
        }
        (C::BitSerial | C::BinaryGemm, DataType::Bits { .. }) => Some(ListType::Bits),
        _ => None,
    }
}
