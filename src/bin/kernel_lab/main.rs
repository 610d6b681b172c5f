//! `kernel-lab`: compiles the C twins, runs them in an emulator against the Rust references, and reads their loop nests.
//!
//! ```text
//! kernel-lab list                      the twins, their kernel sets and the operations they carry out
//! kernel-lab verify  [--core NAME]     outputs equal the Rust references; dynamic instruction counts and bytes moved equal the
//!                                      committed loop nests on every case; the committed files are what extraction gives
//! kernel-lab verify  --seed N          the same on other operands, without the last
//! kernel-lab extract [--core NAME]     writes hw_profiles/kernels/<core>/<set>.kernels
//! ```
//!
//! Flow: specs → cases → blob → emulator + counting plugin → counts per instruction → basic blocks → levels → kernel file.

mod cases;
mod cycles;
mod disasm;
mod header;
mod kernel_file;
mod levels;
mod machine;
mod measure;
mod specs;
mod verify;

use clap::{Parser, Subcommand};
use machine::{CLANG, CORES, Core, LEVELS, Level, Maker, Sources};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The packages of Debian 12 that hold the tools.
const INSTALL: &str = "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi gcc-aarch64-linux-gnu gcc-riscv64-unknown-elf qemu-system-arm qemu-user qemu-system-misc gcc";

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
    /// One core only: cortex-m4, cortex-m7, cortex-a53 or rv32imc.
    #[arg(long, global = true)]
    core: Option<String>,
    /// One level of optimisation only: gcc12-o2, gcc12-os, gcc12-o0 or clang14-o3.
    #[arg(long, global = true)]
    level: Option<String>,
    /// Folder of C sources to use instead of those built in, laid out as src/export/c.
    #[arg(long, global = true)]
    sources: Option<PathBuf>,
    /// Programs built and run at a time.
    #[arg(long, global = true, default_value_t = 2)]
    jobs: usize,
    /// Other operands than those that the files were extracted from: verify compares no file then.
    #[arg(long, global = true, default_value_t = 0)]
    seed: u64,
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
    let cores: Vec<&Core> = CORES.iter().filter(|core| chosen(core.name)).collect();
    if cores.is_empty() {
        let known: Vec<&str> = CORES.iter().map(|c| c.name).collect();
        return Err(LabError::Failed(format!("there is no such core; there are {}", known.join(", "))));
    }
    let levels: Vec<Level> =
        LEVELS.into_iter().filter(|l| arguments.level.as_deref().is_none_or(|name| name == l.set)).collect();
    let wanted = |symbol: &str| arguments.only.as_deref().is_none_or(|part| symbol.contains(part));
    let specs: Vec<_> = specs::all().into_iter().filter(|spec| wanted(spec.symbol)).collect();
    if let Action::List = arguments.command {
        for spec in &specs {
            println!("{:40} {:12} {}", spec.symbol, spec.set, kernel_file::key(spec));
        }
        return Ok(());
    }
    let twins = measure::twins(specs, arguments.seed)?;
    let sources = Sources::new(arguments.sources.as_deref())?;
    let jobs = cores.iter().flat_map(|c| levels.iter().map(|l| (*c, *l)));
    let some = |core: &Core, level: Level| twins.iter().any(|t| t.spec.is_for(core, level));
    let jobs: Vec<(&Core, Level)> = jobs.filter(|(core, level)| some(core, *level)).collect();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.clamp(1, 8) {
            scope.spawn(|| {
                while let Some((core, level)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found =
                        one(arguments, core, *level, (&twins, &sources)).unwrap_or_else(|e| vec![e.to_string()]);
                    problems.lock().expect("no job panics while it holds the lock").extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("all jobs have ended");
    if problems.is_empty() { Ok(()) } else { Err(LabError::Failed(problems.join("\n"))) }
}

/// One core at one level of optimisation; gives the problems found.
fn one(
    arguments: &Arguments,
    core: &Core,
    level: Level,
    (twins, sources): (&[measure::Twin], &Sources),
) -> Result<Vec<String>, LabError> {
    if let Some(tool) = core.missing_tool() {
        return Ok(vec![format!("{}: {tool} not found; {INSTALL}", core.name)]);
    }
    if level.maker == Maker::Clang && Command::new(CLANG).arg("--version").output().is_err() {
        eprintln!("skipped: {} {}: {CLANG} not found; apt-get install {CLANG}", core.name, level.set);
        return Ok(Vec::new());
    }
    let work = arguments.work.join(format!("{}-{}", core.name, level.set));
    let measured = measure::measure(core, level, twins, (&work, sources))?;
    let (only, files) = (arguments.only.is_some() || arguments.seed != 0, (arguments.kernels.as_path(), sources));
    match arguments.command {
        Action::Extract => kernel_file::extract(core, level, &measured, files, only).map(|()| Vec::new()),
        _ => verify::verify(core, level, &measured, files, only),
    }
}
