//! Reads `objdump -d` into abstract instructions: class, registers with the kind of their use, branch targets.

mod a64;
mod operands;
mod rv32;
mod thumb;

use crate::LabError;
use crate::machine::Isa;
use tinyprec::profile::{Class, Operand, Width};

/// One instruction of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Insn {
    pub addr: u64,
    /// Assembly text, branch target as `+offset`.
    pub text: String,
    /// [`Class::BrTaken`] for every branch that stays in the function; the counts say which way it went.
    pub class: Class,
    /// Registers written; `flags` for the condition flags.
    pub d: Vec<String>,
    /// Registers read, with how.
    pub s: Vec<(String, Operand)>,
    /// Base register that an address mode writes back.
    pub wb: Option<String>,
    /// Number of registers of a multiple load or store.
    pub n: Option<u32>,
    pub w: Option<Width>,
    /// Where a branch goes, within its function.
    pub target: Option<u64>,
    /// Where a call, or a jump out of the function, goes.
    pub call: Option<u64>,
}

impl Insn {
    fn new(class: Class) -> Self {
        Insn {
            addr: 0,
            text: String::new(),
            class,
            d: Vec::new(),
            s: Vec::new(),
            wb: None,
            n: None,
            w: None,
            target: None,
            call: None,
        }
    }

    fn to(mut self, registers: &[&str]) -> Self {
        self.d.extend(registers.iter().filter(|r| operands::is_register(r)).map(|r| (*r).to_owned()));
        self
    }

    fn from(mut self, registers: &[&str], kind: Operand) -> Self {
        let real = registers.iter().filter(|r| operands::is_register(r));
        self.s.extend(real.map(|r| ((*r).to_owned(), kind)));
        self
    }

    fn width(mut self, w: Width) -> Self {
        self.w = Some(w);
        self
    }
}

/// A kernel, or a function of the compiler's library that a kernel calls.
#[derive(Debug, Clone)]
pub struct Function {
    pub symbol: String,
    pub start: u64,
    /// Bytes up to the next function: instructions and literals.
    pub bytes: u64,
    pub insns: Vec<Insn>,
    /// What it calls, and what that calls; each once, in the order of their addresses.
    pub callees: Vec<Function>,
}

impl Function {
    /// The function and everything that it calls.
    pub fn parts(&self) -> impl Iterator<Item = &Function> {
        std::iter::once(self).chain(&self.callees)
    }

    /// Whether an address lies in the function or in what it calls.
    pub fn holds(&self, addr: u64) -> bool {
        self.parts().any(|f| (f.start..f.start + f.bytes).contains(&addr))
    }
}

/// One function's lines.
struct Raw<'a> {
    symbol: &'a str,
    start: u64,
    end: u64,
    lines: Vec<&'a str>,
}

/// Every function of a listing whose name begins with `tp_`, with what it calls, and the address of `lab_mark`.
pub fn read_listing(listing: &str, isa: Isa) -> Result<(Vec<Function>, u64), LabError> {
    let raw = raw_functions(listing)?;
    let mark = raw.iter().find(|f| f.symbol == "lab_mark").map(|f| f.start);
    let mut functions = Vec::new();
    for kernel in raw.iter().filter(|f| f.symbol.starts_with("tp_")) {
        let mut function = one(kernel, isa)?;
        let mut open: Vec<u64> = function.insns.iter().filter_map(|i| i.call).collect();
        while let Some(target) = open.pop() {
            let known = function.parts().any(|f| (f.start..f.start + f.bytes).contains(&target));
            let callee = raw.iter().find(|f| (f.start..f.end).contains(&target)).filter(|_| !known);
            if let Some(callee) = callee {
                let callee = one(callee, isa)?;
                open.extend(callee.insns.iter().filter_map(|i| i.call));
                function.callees.push(callee);
            }
        }
        function.callees.sort_by_key(|f| f.start);
        functions.push(function);
    }
    Ok((functions, mark.ok_or_else(|| LabError::Tool("the listing has no lab_mark".into()))?))
}

fn raw_functions(listing: &str) -> Result<Vec<Raw<'_>>, LabError> {
    let mut list: Vec<Raw<'_>> = Vec::new();
    for line in listing.lines() {
        if let Some((address, symbol)) = line.strip_suffix(">:").and_then(|l| l.split_once(" <")) {
            let start =
                u64::from_str_radix(address, 16).map_err(|_| LabError::Tool(format!("cannot read `{line}`")))?;
            list.push(Raw { symbol, start, end: start, lines: Vec::new() });
        } else if let Some(open) = list.last_mut() {
            open.lines.push(line);
        }
    }
    for index in 0..list.len() {
        let last =
            list[index].lines.iter().rev().find_map(|l| u64::from_str_radix(l.split_once(":\t")?.0.trim(), 16).ok());
        let next = list.get(index + 1).map(|f| f.start);
        let end = last.map_or(list[index].start, |l| l + 4);
        list[index].end = next.filter(|n| *n > list[index].start && *n < end).unwrap_or(end);
    }
    Ok(list)
}

fn one(raw: &Raw<'_>, isa: Isa) -> Result<Function, LabError> {
    let (symbol, bytes) = (raw.symbol.to_owned(), raw.end - raw.start);
    let mut function = Function { symbol, start: raw.start, bytes, insns: Vec::new(), callees: Vec::new() };
    for line in &raw.lines {
        read_line(line, isa, &mut function)?;
    }
    Ok(function)
}

fn read_line(line: &str, isa: Isa, function: &mut Function) -> Result<(), LabError> {
    let Some((address, rest)) = line.split_once(":\t") else { return Ok(()) };
    let Ok(addr) = u64::from_str_radix(address.trim(), 16) else { return Ok(()) };
    let comment = if isa == Isa::Rv32 { ['#', ';'] } else { ['@', ';'] };
    let text = rest.split(comment).next().unwrap_or(rest).split("//").next().unwrap_or(rest).trim();
    if text.starts_with('.') || text.is_empty() {
        return Ok(());
    }
    let (mnemonic, args) = text.split_once('\t').unwrap_or((text, ""));
    let target = args.rsplit_once('<').and_then(|(before, _)| before.rsplit([' ', ',', '\t']).find(|t| !t.is_empty()));
    let target = target.and_then(|t| u64::from_str_radix(t, 16).ok());
    let list = operands::split(args);
    let parsed = match isa {
        Isa::Thumb2 => thumb::parse(mnemonic, &list),
        Isa::A64 => a64::parse(mnemonic, &list),
        Isa::Rv32 => rv32::parse(mnemonic, &list),
    };
    let mut insn = parsed
        .ok_or_else(|| LabError::Instruction { symbol: function.symbol.clone(), text: text.replace('\t', " ") })?;
    insn.addr = addr;
    let inside = target.is_some_and(|t| (function.start..function.start + function.bytes).contains(&t));
    if inside && insn.class == Class::BrTaken {
        insn.target = target;
        insn.text = shown(mnemonic, args, target, function.start);
    } else {
        insn.call = target.filter(|_| matches!(insn.class, Class::BrTaken | Class::BrExit));
        let name = args.rsplit_once('<').map(|(_, n)| n.trim_end_matches('>'));
        let before = args
            .rsplit_once('<')
            .map_or(args, |(b, _)| b.trim_end().rsplit_once([' ', ',', '\t']).map_or("", |(b, _)| b));
        insn.text = match (insn.call, name) {
            (Some(_), Some(name)) => format!("{mnemonic} {before} {name}").replace("  ", " "),
            _ => shown(mnemonic, args, None, function.start),
        };
    }
    function.insns.push(insn);
    Ok(())
}

/// The instruction as it stands in a kernel file: no absolute addresses, no tabs.
fn shown(mnemonic: &str, args: &str, target: Option<u64>, start: u64) -> String {
    let args = args.trim();
    let Some(target) = target else { return format!("{mnemonic} {args}").trim().to_owned() };
    let before = args.rsplit_once('<').map_or("", |(before, _)| before.trim());
    let kept = before.rsplit_once([' ', '\t']).map_or("", |(kept, _)| kept.trim());
    format!("{mnemonic} {kept} +0x{:x}", target.wrapping_sub(start)).replace("  ", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: &str = "00000100 <tp_f>:\n 100:\tstmdb\tsp!, {r4, lr}\n 104:\tldr.w\tr3, [r0, #4]!\n 108:\tadd.w\tr6, r6, r3, lsr #24\n 10c:\tbne.n\t104 <tp_f+0x4>\n 10e:\tbx\tlr\n\n00000110 <lab_mark>:\n 110:\tbx\tlr\n";

    #[test]
    fn a_listing_gives_functions_and_the_mark() {
        let (functions, mark) = read_listing(M, Isa::Thumb2).expect("readable");
        assert_eq!((functions.len(), mark, functions[0].bytes), (1, 0x110, 16));
        let insns = &functions[0].insns;
        assert_eq!((insns[0].class, insns[0].n, insns[0].wb.as_deref()), (Class::StMulti, Some(2), Some("sp")));
        assert_eq!((insns[1].class, insns[1].wb.as_deref()), (Class::LdW, Some("r0")));
        assert_eq!(insns[2].s, [("r6".to_owned(), Operand::Data), ("r3".to_owned(), Operand::Shift)]);
        assert_eq!(
            (insns[3].class, insns[3].target, insns[3].text.as_str()),
            (Class::BrTaken, Some(0x104), "bne.n +0x4")
        );
        assert_eq!(insns[4].class, Class::BrExit);
    }

    #[test]
    fn an_unknown_instruction_is_an_error() {
        assert!(read_listing("00000100 <tp_f>:\n 100:\tfrobnicate\tr0\n", Isa::Thumb2).is_err());
    }
}
