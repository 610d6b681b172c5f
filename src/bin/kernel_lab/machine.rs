//! The four cores and two levels of optimisation: compiler, flags, emulator, and the folder where they work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::LabError;

/// Flags that every core shares. No contraction and no errno make floats bit-identical; a free-standing build without loop
/// patterns keeps the compiler from calling `memset`; equal bodies stay functions of their own.
pub const SHARED_FLAGS: &[&str] = &[
    "-std=c11",
    "-ffreestanding",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-tree-loop-distribute-patterns",
    "-fno-ipa-icf",
];

/// The other compiler, of the age of those in vendors' tools (Arm Compiler 6.16 to 6.18 are LLVM 12 to 14).
pub const CLANG: &str = "clang-14";

/// What vendors' builds of it have set where the other's default does not (Arm Compiler 6: words may lie anywhere from Armv7 on).
const CLANG_ONLY: &str = "-munaligned-access";

/// Flags that only GCC knows.
const GCC_ONLY: &[&str] = &["-fno-tree-loop-distribute-patterns", "-fno-ipa-icf"];

/// Who compiles the twins of a set; everything else in the test program is GCC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Gcc,
    Clang,
}

/// A level of optimisation, the name of the kernel set that it makes, and the set that its other sets build on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub set: &'static str,
    pub flag: &'static str,
    pub base: &'static str,
    pub maker: Maker,
    /// For a float unit without double precision: a set of the twins that it makes another of.
    pub single: bool,
}

impl Level {
    /// Made for a few twins of software whose measurements may not have been optimised.
    pub fn is_unoptimised(self) -> bool {
        self.flag == "-O0"
    }
}

const GCC: Level = Level { set: "", flag: "", base: "", maker: Maker::Gcc, single: false };

/// For speed, for size, none, and for speed by the other compiler; the first two also for a single-precision float unit.
pub const LEVELS: [Level; 6] = [
    Level { set: "gcc12-o2", flag: "-O2", base: "gcc12-o2", ..GCC },
    Level { set: "gcc12-os", flag: "-Os", base: "gcc12-os", ..GCC },
    Level { set: "gcc12-o0", flag: "-O0", base: "gcc12-os", ..GCC },
    Level { set: "clang14-o3", flag: "-O3", base: "gcc12-o2", maker: Maker::Clang, ..GCC },
    Level { set: "gcc12-o2-sp", flag: "-O2", base: "gcc12-o2", single: true, ..GCC },
    Level { set: "gcc12-os-sp", flag: "-Os", base: "gcc12-os", single: true, ..GCC },
];

/// What a double-precision float unit is asked for by, and what a single-precision one is.
const FLOAT_UNITS: [&str; 2] = ["-mfpu=fpv5-d16", "-mfpu=fpv5-sp-d16"];

/// The C sources: those built into the program, or the files of the same names in a folder.
pub struct Sources {
    device: Vec<(&'static str, String)>,
    classes: Vec<(&'static str, String)>,
    lab: Vec<(&'static str, String)>,
}

impl Sources {
    /// From a folder laid out as `src/export/c`, if one is given.
    pub fn new(folder: Option<&Path>) -> Result<Self, LabError> {
        let read = |list: &[(&'static str, &'static str)], folder: Option<PathBuf>| {
            let one = |&(name, text): &(&'static str, &str)| match &folder {
                None => Ok((name, text.to_owned())),
                Some(folder) => {
                    let path = folder.join(name);
                    let text = fs::read_to_string(&path);
                    text.map(|t| (name, t)).map_err(|e| LabError::Tool(format!("{}: {e}", path.display())))
                }
            };
            list.iter().map(one).collect::<Result<Vec<_>, _>>()
        };
        let device = read(tinyprec::export::C_SOURCES, folder.map(Path::to_owned))?;
        let classes = read(tinyprec::export::CLASS_SOURCES, folder.map(Path::to_owned))?;
        let lab = read(tinyprec::export::LAB_SOURCES, folder.map(|f| f.join("lab")))?;
        Ok(Sources { device, classes, lab })
    }

    /// What a device needs, in the order they are compiled and hashed.
    pub fn device(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.device.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// The same with the classes of measured software.
    pub fn kernels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.device().chain(self.classes.iter().map(|(name, text)| (*name, text.as_str())))
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.kernels().chain(self.lab.iter().map(|(name, text)| (*name, text.as_str())))
    }

    /// The headers that hold the prototypes, one after the other.
    pub fn headers(&self) -> String {
        self.kernels()
            .filter(|(name, _)| matches!(*name, "tinyprec.h" | "learning.h" | "rounding.h" | "classes.h"))
            .map(|(_, text)| text)
            .collect()
    }
}

/// Instruction set, which decides how a disassembly is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Cortex-M4 and Cortex-M7.
    Thumb2,
    /// Cortex-A53.
    A64,
    /// RV32IMC, no float unit.
    Rv32,
}

/// One core: how its code is made and run.
#[derive(Debug)]
pub struct Core {
    pub name: &'static str,
    pub isa: Isa,
    prefix: &'static str,
    flags: &'static [&'static str],
    start: &'static str,
    /// Libraries that kernels may call, behind the objects.
    libraries: &'static [&'static str],
    /// Linker script of a bare machine, and what it needs to know.
    script: &'static [&'static str],
    emulator: &'static [&'static str],
}

/// Every core there is.
pub const CORES: [Core; 4] = [
    Core {
        name: "cortex-m4",
        isa: Isa::Thumb2,
        prefix: "arm-none-eabi-",
        flags: &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        start: "start_cortex_m.c",
        libraries: &["-lm", "-lc", "-lgcc"],
        script: &["-T", "mps2.ld", "-Wl,--defsym=lab_data=0x21000000"],
        emulator: &[
            "qemu-system-arm",
            "-M",
            "mps2-an386",
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
        ],
    },
    Core {
        name: "cortex-m7",
        isa: Isa::Thumb2,
        prefix: "arm-none-eabi-",
        flags: &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"],
        start: "start_cortex_m.c",
        libraries: &["-lm", "-lc", "-lgcc"],
        script: &["-T", "mps2.ld", "-Wl,--defsym=lab_data=0x60000000"],
        emulator: &[
            "qemu-system-arm",
            "-M",
            "mps2-an500",
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
        ],
    },
    Core {
        name: "cortex-a53",
        isa: Isa::A64,
        prefix: "aarch64-linux-gnu-",
        flags: &["-mcpu=cortex-a53"],
        start: "start_aarch64.c",
        libraries: &["-lgcc"],
        script: &[],
        emulator: &["qemu-aarch64", "-cpu", "cortex-a53"],
    },
    Core {
        name: "rv32imc",
        isa: Isa::Rv32,
        prefix: "riscv64-unknown-elf-",
        flags: &["-march=rv32imc", "-mabi=ilp32"],
        start: "start_riscv.c",
        libraries: &["-lgcc"],
        script: &["-T", "virt.ld", "-Wl,--no-warn-rwx-segments"],
        emulator: &[
            "qemu-system-riscv32",
            "-M",
            "virt",
            "-bios",
            "none",
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
        ],
    },
];

impl Core {
    /// The compiler's command.
    pub fn gcc(&self) -> String {
        format!("{}gcc", self.prefix)
    }

    /// The first tool that cannot be started, if any.
    pub fn missing_tool(&self) -> Option<String> {
        let tools = [self.gcc(), format!("{}objdump", self.prefix), self.emulator[0].to_owned(), "gcc".to_owned()];
        tools.into_iter().find(|tool| Command::new(tool).arg("--version").output().is_err())
    }

    /// Compiler's name and version, e.g. `arm-none-eabi-gcc 12.2.1`.
    pub fn compiler(&self, level: Level) -> Result<String, LabError> {
        if level.maker == Maker::Clang {
            return Ok(format!("clang {}", run(Command::new(CLANG).arg("-dumpversion"))?.trim()));
        }
        Ok(format!("{} {}", self.gcc(), run(Command::new(self.gcc()).arg("-dumpfullversion"))?.trim()))
    }

    /// All flags as one line.
    pub fn flag_line(&self, level: Level) -> String {
        let shared = SHARED_FLAGS.iter().filter(|f| level.maker == Maker::Gcc || !GCC_ONLY.contains(f));
        let own = (level.maker == Maker::Clang).then_some(CLANG_ONLY);
        std::iter::once(level.flag)
            .chain(shared.copied())
            .chain(self.flags(level))
            .chain(own)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Those that choose the processor.
    fn flags(&self, level: Level) -> impl Iterator<Item = &'static str> {
        let [double, single] = FLOAT_UNITS;
        self.flags.iter().map(move |f| if level.single && *f == double { single } else { *f })
    }

    /// Whether its float unit has double precision in some parts and not in others.
    pub fn has_two_float_units(&self) -> bool {
        self.flags.contains(&FLOAT_UNITS[0])
    }

    /// Compiles a source as a level does; at the other compiler's, what holds none of its twins is GCC's for speed.
    fn compile(&self, level: Level, source: &str) -> Command {
        let clang = level.maker == Maker::Clang && source == "tinymaix.c";
        let mut command = Command::new(if clang { CLANG.to_owned() } else { self.gcc() });
        if clang {
            command.arg("--target=arm-none-eabi");
        }
        let level = if clang || level.maker == Maker::Gcc { level } else { LEVELS[0] };
        command.args(self.flag_line(level).split(' '));
        command
    }
}

/// A linked test program of one core.
pub struct Image {
    folder: PathBuf,
    /// `objdump -d` of the whole program.
    pub listing: String,
    /// Lines of GCC's `-fstack-usage` files.
    pub stack: String,
    /// Address of the test's buffers.
    pub blob: u64,
    /// `objdump -t`.
    pub symbols: String,
}

/// Compiles kernels, dispatcher and start-up of one core into `folder`.
pub fn build(
    core: &Core,
    level: Level,
    (folder, sources): (&Path, &Sources),
    dispatch: &str,
) -> Result<Image, LabError> {
    let _ = fs::remove_dir_all(folder);
    write(folder, "dispatch.c", dispatch.as_bytes())?;
    for (name, text) in sources.all() {
        write(folder, name, text.as_bytes())?;
    }
    let (mut objects, mut stack) = (Vec::new(), String::new());
    let kernels = sources.kernels().map(|(name, _)| name).filter(|name| name.ends_with(".c"));
    for source in kernels.chain(["dispatch.c", "main.c", core.start]) {
        let object = source.replace(".c", ".o");
        let mut compiler = core.compile(level, source);
        compiler.current_dir(folder);
        run(compiler.args(["-Wall", "-Wextra", "-Werror", "-fstack-usage", "-c", source, "-o", &object]))?;
        stack += &fs::read_to_string(folder.join(source.replace(".c", ".su"))).unwrap_or_default();
        objects.push(object);
    }
    let mut link = Command::new(core.gcc());
    link.current_dir(folder).args(core.flags(level)).args(["-nostdlib", "-static", "-Wl,--build-id=none"]);
    run(link.args(core.script).args(&objects).args(core.libraries).args(["-o", "lab.elf"]))?;
    run(Command::new("gcc").current_dir(folder).args(["-O2", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so"]))?;
    let objdump = format!("{}objdump", core.prefix);
    let listing = run(Command::new(&objdump).current_dir(folder).args(["-d", "--no-show-raw-insn", "lab.elf"]))?;
    let symbols = run(Command::new(&objdump).current_dir(folder).args(["-t", "lab.elf"]))?;
    let blob =
        address_of(&symbols, "lab_blob").ok_or_else(|| LabError::Tool("the linked program has no lab_blob".into()))?;
    Ok(Image { folder: folder.to_owned(), listing, stack, blob, symbols })
}

/// What one run of the test program gave.
pub struct Results {
    /// The blob after all kernels ran.
    pub blob: Vec<u8>,
    /// The counting plugin's lines.
    pub counts: String,
}

/// Runs the program on a blob; `code` is the kernels' address range, `mark` the address of `lab_mark`.
pub fn emulate(core: &Core, image: &Image, blob: &[u8], code: (u64, u64), mark: u64) -> Result<Results, LabError> {
    let folder = &image.folder;
    write(folder, "cases.bin", blob)?;
    let end = image.blob + blob.len() as u64;
    let plugin = format!(
        "./plugin.so,out=counts.txt,lo={:x},hi={:x},mark={mark:x},mlo={:x},mhi={end:x}",
        code.0, code.1, image.blob
    );
    let mut qemu = Command::new(core.emulator[0]);
    qemu.current_dir(folder).args(&core.emulator[1..]).args(["-plugin", &plugin]);
    if !core.script.is_empty() {
        qemu.arg("-kernel");
    }
    run(qemu.arg("lab.elf"))?;
    let read =
        |name: &str| fs::read(folder.join(name)).map_err(|e| LabError::Tool(format!("{name} of {}: {e}", core.name)));
    Ok(Results { blob: read("results.bin")?, counts: String::from_utf8_lossy(&read("counts.txt")?).into_owned() })
}

impl Image {
    /// Size of an object by name, from the symbol table.
    pub fn size_of(&self, name: &str) -> Option<u64> {
        let line = self.symbols.lines().find(|line| line.split_whitespace().last() == Some(name))?;
        u64::from_str_radix(line.split_whitespace().rev().nth(1)?, 16).ok()
    }
}

fn address_of(symbols: &str, name: &str) -> Option<u64> {
    let line = symbols.lines().find(|line| line.split_whitespace().last() == Some(name))?;
    u64::from_str_radix(line.split_whitespace().next()?, 16).ok()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), LabError> {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a file in a folder has a parent"))
        .and_then(|()| fs::write(&path, bytes))
        .map_err(|e| LabError::Tool(format!("cannot write {}: {e}", path.display())))
}

fn run(command: &mut Command) -> Result<String, LabError> {
    let output = command.output().map_err(|e| LabError::Tool(format!("cannot start {command:?}: {e}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(LabError::Tool(format!("{command:?} ended with {}:\n{said}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
