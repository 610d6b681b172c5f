//! Probes: little firmware programs around one C twin, whose cycles on a board tell a number of its profile.
//!
//! None of the twins branches on data, so what lies in the buffers does not matter; only where they lie does.

use crate::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};
use std::fmt::Write;

/// Header and counter that every probe's program includes, besides the twins.
pub const PROBE_SOURCES: &[(&str, &str)] = &[("cycles.h", include_str!("c/probe/cycles.h"))];

/// Times that a program runs its kernel; the first fills the caches, the median of the rest is the measurement.
pub const RUNS: usize = 11;

/// One buffer of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Buffer {
    c_type: &'static str,
    bytes_each: u64,
    name: &'static str,
    elements: u64,
    kind: BufferKind,
    access: Access,
}

/// A kernel at a shape, chosen because its cycles rest on few of a board's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Name in files: `short-rows`.
    pub name: &'static str,
    /// What it brings to light.
    pub shows: &'static str,
    symbol: &'static str,
    op: Op,
    dims: &'static [(&'static str, u64)],
    elems: &'static [Elem],
    buffers: Vec<Buffer>,
    arguments: String,
}

fn buffer(c_type: &'static str, name: &'static str, elements: u64, kind: BufferKind, access: Access) -> Buffer {
    let bytes_each = match c_type {
        "int8_t" | "uint8_t" => 1,
        "int16_t" => 2,
        _ => 4,
    };
    Buffer { c_type, bytes_each, name, elements, kind, access }
}

/// A packed binary layer: constants from flash, everything else small.
fn binary_dense(name: &'static str, shows: &'static str, dims: &'static [(&'static str, u64)]) -> Probe {
    let (rows, words) = (dims[0].1, dims[1].1);
    Probe {
        name,
        shows,
        symbol: "tp_binary_dense",
        op: Op::BinaryDense,
        dims,
        elems: &[Elem::B1, Elem::B1, Elem::I32],
        buffers: vec![
            buffer("uint32_t", "x", words, BufferKind::Activation, Access::Read),
            buffer("uint32_t", "weight", rows * words, BufferKind::Weights, Access::Read),
            buffer("int32_t", "y", rows, BufferKind::Activation, Access::Write),
        ],
        arguments: format!("x, weight, y, {}, {rows}, {words}", 32 * words),
    }
}

/// Weights that a step reads and writes in RAM.
fn sgd(name: &'static str, shows: &'static str, dims: &'static [(&'static str, u64)]) -> Probe {
    let n = dims[0].1;
    Probe {
        name,
        shows,
        symbol: "tp_sgd_update_f32",
        op: Op::SgdUpdate,
        dims,
        elems: &[Elem::F32, Elem::F32],
        buffers: vec![
            buffer("float", "gradient", n, BufferKind::Activation, Access::Read),
            buffer("float", "master", n, BufferKind::State, Access::ReadWrite),
        ],
        arguments: format!("gradient, master, 0.01f, {n}"),
    }
}

/// Every probe.
pub fn probes() -> Vec<Probe> {
    vec![
        binary_dense(
            "long-rows",
            "issue and load pairing: long inner loop, weights in the caches",
            &[("rows", 32), ("words", 32)],
        ),
        binary_dense("short-rows", "loop entry: one word a row", &[("rows", 512), ("words", 1)]),
        binary_dense("flash-stream", "flash stalls: 64 KiB of weights read once", &[("rows", 1024), ("words", 16)]),
        sgd("ram-small", "taken branches: the tightest loop, its data in the nearest RAM or cache", &[("n", 512)]),
        sgd("ram-stream", "bus and RAM: 64 KiB read and 32 KiB written once", &[("n", 8192)]),
        Probe {
            name: "float-rows",
            shows: "float loads and multiply-adds: 8 classes of 128 features",
            symbol: "tp_head_forward_f32",
            op: Op::HeadForward,
            dims: &[("classes", 8), ("features", 128)],
            elems: &[Elem::F32, Elem::F32, Elem::F32],
            buffers: vec![
                buffer("float", "feature", 128, BufferKind::Activation, Access::Read),
                buffer("float", "weight", 1024, BufferKind::State, Access::Read),
                buffer("float", "bias", 8, BufferKind::State, Access::Read),
                buffer("float", "z", 8, BufferKind::Activation, Access::Write),
            ],
            arguments: "feature, weight, bias, z, 8, 128".to_owned(),
        },
        Probe {
            name: "requantise",
            shows: "wide multiplications and shifts: a step's 8-bit update of 2048 weights",
            symbol: "tp_sgd_update_i8_i8",
            op: Op::SgdUpdate,
            dims: &[("n", 2048)],
            elems: &[Elem::I8, Elem::I8],
            buffers: vec![
                buffer("int8_t", "gradient", 2048, BufferKind::Activation, Access::Read),
                buffer("int8_t", "master", 2048, BufferKind::State, Access::ReadWrite),
            ],
            arguments: "gradient, master, &by, 2048".to_owned(),
        },
    ]
}

impl Probe {
    /// The type of its data as measurement files name it.
    pub fn dtype(&self) -> &'static str {
        match self.elems[0] {
            Elem::B1 => "a1w1",
            Elem::F32 => "float32",
            _ => "int8",
        }
    }

    /// The call as the cost model prices it.
    pub fn call(&self) -> KernelCall {
        let dims = self.dims.iter().fold(Dims::new(), |dims, (name, n)| dims.with(name, *n));
        let call = KernelCall::new(self.op, Phase::Inference, self.name).dims(dims).elems(self.elems);
        self.buffers.iter().fold(call, |call, b| {
            call.buffer(BufferUse::new(
                &format!("{}.{}", self.name, b.name),
                b.elements * b.bytes_each,
                b.kind,
                b.access,
            ))
        })
    }

    /// `probe.c`: the program. `tp_probe_cycles` holds one count a run; on Linux it prints their median.
    pub fn program(&self) -> String {
        let mut text = String::new();
        let mut line = |l: &str| {
            text.push_str(l);
            text.push('\n');
        };
        line(&format!("/* {}: {}. */", self.name, self.shows));
        line("#include \"tinyprec.h\"\n#include \"cycles.h\"\n");
        for b in &self.buffers {
            let constant = if b.kind == BufferKind::Weights { "const " } else { "" };
            line(&format!("static {constant}{} {}[{}] = {{ 1 }};", b.c_type, b.name, b.elements));
        }
        if self.arguments.contains("&by") {
            line("static const tp_requant by = { .mantissa = 1 << 30, .shift = 38, .lo = -127, .hi = 127 };");
        }
        line(&format!("\nenum {{ runs = {RUNS} }};\nvolatile uint64_t tp_probe_cycles[runs];\n"));
        line(
            "/* Call it once clocks, wait states and caches are set, interrupts off. 0, or 1 where cycles cannot be counted. */",
        );
        line("int tp_probe(void)\n{\n    if (tp_cycles_start()) return 1;");
        line("    for (int run = 0; run < runs; run++) {\n        const uint64_t start = tp_cycles();");
        line(&format!("        {}({});", self.symbol, self.arguments));
        line("        tp_probe_cycles[run] = (tp_cycles() - start) & TP_CYCLES_MASK;\n    }\n    return 0;\n}\n");
        line(LINUX_MAIN);
        text
    }

    /// How to build and run it, for a core and the flags that its kernel set was compiled with.
    pub fn readme(&self, compiler: &str, flags: &str, profile: &str) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "# Probe `{}`\n\n{}.\n", self.name, self.shows);
        let _ = writeln!(text, "    {compiler} {flags} -c probe.c *.c   # or -o probe on Linux\n");
        let _ = writeln!(
            text,
            "Call `tp_probe()` after clocks, wait states and caches are set, with interrupts off; read `tp_probe_cycles` with the \
             debugger. The first run fills the caches; take the median of the other {}. On Linux the program prints it. Put the \
             number into `cycles` of `measurement.csv`, say what you know of the board in the other columns, and run\n\n    \
             tinyprec calibrate measurement.csv --profile {profile} --out .",
            RUNS - 1
        );
        text
    }
}

const LINUX_MAIN: &str = "\
#if defined(__linux__)
#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    if (tp_probe()) {
        fputs(\"cycles cannot be counted; allow it with: sysctl kernel.perf_event_paranoid=1\\n\", stderr);
        return 1;
    }
    uint64_t sorted[runs - 1];
    for (int run = 1; run < runs; run++) sorted[run - 1] = tp_probe_cycles[run];
    qsort(sorted, runs - 1, sizeof sorted[0], by_value);
    printf(\"cycles %llu\\n\", (unsigned long long)sorted[(runs - 1) / 2]);
    return 0;
}
#endif";
