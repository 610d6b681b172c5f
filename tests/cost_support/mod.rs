//! Short notation for bodies: `class d1,d2 = s1:kind s2:kind !base @width #n`, one instruction a line.
#![allow(dead_code)]

use tinyprec::cost::{BodyTime, KernelSet, body_time};
use tinyprec::profile::{Pipeline, Profile, builtin};

/// One line of the short notation as an instruction of a kernel file.
fn instr(line: &str) -> String {
    let (mut d, mut s, mut rest) = (Vec::new(), Vec::new(), String::new());
    let mut words = line.split_whitespace();
    let class = words.next().expect("a class");
    let mut after = false;
    for word in words {
        match word.chars().next() {
            Some('=') => after = true,
            Some('!') => rest += &format!(", wb = \"{}\"", &word[1..]),
            Some('@') => rest += &format!(", w = \"{}\"", &word[1..]),
            Some('#') => rest += &format!(", n = {}", &word[1..]),
            _ if after => s.push(format!("\"{word}\"")),
            _ => d = word.split(',').map(|r| format!("\"{r}\"")).collect(),
        }
    }
    format!("{{ c = \"{class}\", d = [{}], s = [{}]{rest}, a = \"{line}\" }}", d.join(", "), s.join(", "))
}

/// A kernel set with one kernel of one level.
pub fn one_level(core: &str, steady: bool, lines: &[&str]) -> KernelSet {
    let body: Vec<String> = lines.iter().map(|l| instr(l)).collect();
    let text = format!(
        "schema = 1\ncore = \"{core}\"\nkernel_set = \"t\"\ncompiler = \"\"\nflags = \"\"\nsource_sha256 = \"\"\n\
         [[kernel]]\nop = \"add\"\nelems = []\nsymbol = \"k\"\ncode_bytes = 64\nstack_bytes = 8\n\
         [[kernel.level]]\nname = \"l\"\ntrips = \"n\"\nsteady = {steady}\nbody = [\n{}\n]\n",
        body.join(",\n")
    );
    KernelSet::parse("t.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

pub fn board_of(core: &str) -> Profile {
    let name = match core {
        "cortex-m4" => "stm32l4r5",
        "cortex-m7" => "stm32f746",
        _ => "rpi3b-plus",
    };
    builtin(name).unwrap_or_else(|e| panic!("{e}"))
}

pub fn time(core: &str, steady: bool, lines: &[&str]) -> BodyTime {
    let set = one_level(core, steady, lines);
    let table = board_of(core).core;
    assert_eq!(matches!(table.pipeline, Pipeline::RuleSum(_)), core == "cortex-m4");
    body_time(&set.kernels()[0].levels[0], &table).expect("every class has a row")
}

/// Middle cycles an iteration of a steady body.
pub fn steady(core: &str, lines: &[&str]) -> f64 {
    time(core, true, lines).cycles.mid
}
