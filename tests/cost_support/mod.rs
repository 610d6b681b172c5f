//! Short notation for bodies: `class d1,d2 = s1:kind s2:kind !base @width #n`, one instruction a line; behind a `|` its assembly.
#![allow(dead_code)]

use tinyprec::cost::{BodyTime, KernelSet, body_time};
use tinyprec::profile::{Pipeline, Profile, builtin};

/// One line of the short notation as an instruction of a kernel file.
fn instr(line: &str) -> String {
    let (line, assembly) = line.split_once(" | ").unwrap_or((line, line));
    let (mut left, mut right, mut class) = (String::new(), String::new(), String::new());
    let mut words = line.split_whitespace();
    class += words.next().expect("a class");
    let mut after = false;
    for word in words {
        match word.chars().next() {
            Some('=') => after = true,
            Some('!') => left += &format!(" {word}"),
            Some('@') => class += &format!(".{}", &word[1..]),
            Some('#') => class += &format!("*{}", &word[1..]),
            _ if after => right += &format!(" {}", word.trim_end_matches(":data")),
            _ => left += &format!(" {}", word.replace(',', " ")),
        }
    }
    // A class's width stands before its number of registers.
    if let Some((name, width)) = class.split_once('.').filter(|_| class.contains('*')) {
        let (n, width) = width.split_once('*').map_or(("", width), |(w, n)| (n, w));
        class = format!("{}.{width}*{n}", name.split('*').next().unwrap_or(name)).trim_end_matches('*').to_owned();
    }
    let reads = if right.is_empty() { String::new() } else { format!(" <{right}") };
    format!("  {class}{left}{reads} | {assembly}")
}

/// A kernel set with one kernel of one level.
pub fn one_level(core: &str, steady: bool, lines: &[&str]) -> KernelSet {
    let body: Vec<String> = lines.iter().map(|l| instr(l)).collect();
    let kind = if steady { "loop" } else { "block" };
    let text = format!(
        "tinyprec-kernels 2\ncore {core}\nset t\ncompiler none\nflags none\nsources 0\n\
         kernel add\nsymbol k\ncode 64 stack 8\n{kind} l: n\n{}\n",
        body.join("\n")
    );
    KernelSet::parse("t.kernels", &text).unwrap_or_else(|e| panic!("{e}"))
}

pub fn board_of(core: &str) -> Profile {
    let name = match core {
        "cortex-m4" => "stm32l4r5",
        "cortex-m7" => "stm32f746",
        "rv32imc" => "core-v-mcu",
        _ => "rpi3b-plus",
    };
    builtin(name).unwrap_or_else(|e| panic!("{e}"))
}

pub fn time(core: &str, steady: bool, lines: &[&str]) -> BodyTime {
    let set = one_level(core, steady, lines);
    let table = board_of(core).core;
    assert_eq!(matches!(table.pipeline, Pipeline::RuleSum(_)), matches!(core, "cortex-m4" | "rv32imc"));
    body_time(&set.kernels()[0].levels[0], &table).expect("every class has a row")
}

/// Middle cycles an iteration of a steady body.
pub fn steady(core: &str, lines: &[&str]) -> f64 {
    time(core, true, lines).cycles.mid
}
