//! `kernel-lab`: compiles the C twins, runs them in an emulator against the Rust references, and reads their loop nests.
//!
//! ```text
//! kernel-lab list                      the twins and the operations they carry out
//! kernel-lab verify  [--core NAME]     outputs equal the Rust references; dynamic instruction counts and bytes moved equal the
//!                                      committed loop nests on every case; the committed files are what extraction gives
//! kernel-lab extract [--core NAME]     writes hw_profiles/kernels/<core>/gcc12-o2.kernels
//! ```
//!
//! Flow: specs → cases → blob → emulator + counting plugin → counts per instruction → basic blocks → levels → kernel file.

mod cases;
mod disasm;
mod header;
mod kernel_file;
mod levels;
mod machine;
mod measure;
mod specs;
mod verify;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What can go wrong in the lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{0}")]
    Tool(String),
    #[error("spec: {0}")]
    Spec(String),
    #[error("{symbol}: the instruction `{text}` is not known; add it to src/bin/kernel_lab/disasm")]
    Instruction { symbol: String, text: String },
    #[error("argument {argument} differs from the Rust reference around byte {byte}: want {want}, got {got}")]
    Differs { argument: usize, byte: usize, want: String, got: String },
    #[error(
        "{symbol} +0x{at:x}: no expression of the spec's trips gives the counts {counts:?}; add a candidate or rewrite the kernel"
    )]
    Unmatched { symbol: String, at: u64, counts: Vec<i128> },
    #[error("{0}")]
    Failed(String),
}

#[derive(Parser)]
#[command(
    name = "kernel-lab",
    about = "C twins of tinyprec's operations: check them in an emulator, read their loop nests"
)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
    /// Folder of the kernel files.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/hw_profiles/kernels"))]
    kernels: PathBuf,
    /// Folder for generated sources, programs and counts.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kernel-lab"))]
    work: PathBuf,
    /// One core only: cortex-m4, cortex-m7 or cortex-a53.
    #[arg(long, global = true)]
    core: Option<String>,
    /// Kernels whose symbol contains this text only (verify compares no file then; extract prints instead of writing).
    #[arg(long, global = true)]
    only: Option<String>,
}

#[derive(Subcommand)]
enum Action {
    /// Prints the twins and their operations.
    List,
    /// Checks outputs, counts and the committed files.
    Verify,
    /// Writes the kernel files.
    Extract,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kernel-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), LabError> {
    let chosen = |name: &str| arguments.core.as_deref().is_none_or(|core| core == name);
    let cores: Vec<_> = machine::CORES.iter().filter(|core| chosen(core.name)).collect();
    if cores.is_empty() {
        return Err(LabError::Failed("there is no such core; there are cortex-m4, cortex-m7 and cortex-a53".into()));
    }
    let wanted = |symbol: &str| arguments.only.as_deref().is_none_or(|part| symbol.contains(part));
    let specs: Vec<_> = specs::all().into_iter().filter(|spec| wanted(spec.symbol)).collect();
    if let Action::List = arguments.command {
        for spec in &specs {
            println!("{:36} {}", spec.symbol, kernel_file::key(spec));
        }
        return Ok(());
    }
    let mut problems = Vec::new();
    for core in cores {
        if let Some(tool) = core.missing_tool() {
            problems.push(format!("{}: {tool} not found; apt-get install gcc-arm-none-eabi gcc-aarch64-linux-gnu qemu-system-arm qemu-user gcc", core.name));
            continue;
        }
        let measured = measure::measure(core, &specs, &arguments.work.join(core.name))?;
        let file = arguments.kernels.join(core.name).join(format!("{}.kernels", machine::KERNEL_SET));
        match arguments.command {
            Action::Extract => kernel_file::extract(core, &specs, &measured, &file, arguments.only.is_some())?,
            _ => problems.extend(verify::verify(core, &specs, &measured, &file, arguments.only.is_some())?),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(LabError::Failed(problems.join("\n"))) }
}
