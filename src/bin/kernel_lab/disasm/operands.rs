//! Operand lists of both instruction sets: splitting, registers and addresses.

use super::Insn;
use tinyprec::profile::Operand;

/// Splits at commas outside brackets and braces.
pub fn split(args: &str) -> Vec<String> {
    let (mut list, mut depth, mut word) = (Vec::new(), 0i32, String::new());
    for c in args.chars() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            list.push(word.trim().to_owned());
            word.clear();
        } else {
            word.push(c);
        }
    }
    if !word.trim().is_empty() {
        list.push(word.trim().to_owned());
    }
    list
}

/// A register's name, vector arrangement and lane dropped: `v3.16b` → `v3`, `q3`/`d3`/`s3` on AArch64 stay as written.
pub fn register(text: &str) -> &str {
    text.trim_end_matches('!').split(['.', '[']).next().unwrap_or(text)
}

/// Whether a word names a register whose value is carried (not an immediate, not the zero register).
pub fn is_register(text: &str) -> bool {
    const NAMED: [&str; 15] =
        ["sl", "fp", "ip", "lr", "sp", "pc", "flags", "fpflags", "wsp", "cpsr_f", "sb", "x29", "x30", "ra", "gp"];
    let mut chars = text.chars();
    let first = chars.next().unwrap_or(' ');
    NAMED.contains(&text) || ("rswxdqvbhat".contains(first) && text.len() > 1 && chars.all(|c| c.is_ascii_digit()))
}

/// Registers of a list in braces, ranges expanded: `{r4-r6, pc}`.
pub fn register_list(text: &str) -> Vec<String> {
    let mut list = Vec::new();
    for part in text.trim_matches(['{', '}', ' ']).split(',').map(str::trim) {
        let ends = part
            .split_once('-')
            .and_then(|(a, b)| Some((a.get(..1)?, a.get(1..)?.parse::<u32>().ok()?, b.get(1..)?.parse::<u32>().ok()?)));
        match ends {
            Some((letter, first, last)) => list.extend((first..=last).map(|i| format!("{letter}{i}"))),
            None => list.push(register(part).to_owned()),
        }
    }
    list
}

/// Adds an address's base, index and write-back to an instruction. `post` is the operand after the brackets, if any.
pub fn address(mut insn: Insn, memory: &str, post: Option<&str>) -> Insn {
    let inside = memory.trim_end_matches('!').trim_matches(['[', ']']);
    let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
    let registers: Vec<&str> = parts.iter().copied().filter(|p| is_register(p)).collect();
    insn = insn.from(&registers, Operand::Addr);
    if memory.ends_with('!') || post.is_some() {
        insn.wb = registers.first().map(|r| (*r).to_owned());
    }
    if let Some(step) = post.filter(|p| is_register(p)) {
        insn = insn.from(&[step], Operand::Addr);
    }
    insn
}

/// Whether an address has a register offset.
pub fn indexed(memory: &str) -> bool {
    memory.trim_matches(['[', ']', '!']).split(',').skip(1).any(|p| is_register(p.trim()))
}
