//! One line of a kernel file's body: `class[.width][*registers] writes !base < reads | assembly`.

use super::error::{KernelFileError, KernelProblem};
use super::read::{Reader, Text};
use super::set::{Instr, Source};
use crate::profile::{Class, Operand, Width};
use std::collections::HashMap;

/// The body of a level while it is read.
#[derive(Default)]
pub(super) struct Body {
    pub instrs: Vec<Instr>,
    /// Where branches stand that are taken on every pass but the last.
    pub back_edges: Vec<usize>,
}

impl Body {
    /// The body of the last pass: its back edge falls through.
    pub fn falling(&self) -> Vec<Instr> {
        let mut body = self.instrs.clone();
        for &at in &self.back_edges {
            body[at].class = Class::BrNot;
        }
        body
    }
}

/// Reads instructions and numbers register names in order of appearance in the file.
pub(super) struct InstrReader<'r, 'a> {
    reader: &'r Reader<'a>,
    registers: HashMap<&'a str, u16>,
    classes: HashMap<&'static str, Class>,
}

impl<'r, 'a> InstrReader<'r, 'a> {
    pub fn new(reader: &'r Reader<'a>) -> Self {
        let classes = Class::ALL.into_iter().map(|c| (c.code(), c)).collect();
        InstrReader { reader, registers: HashMap::new(), classes }
    }

    /// A file has far fewer than 2¹⁶ register names; beyond that, names share the last number, which only adds waits.
    fn register(&mut self, name: &'a str) -> u16 {
        let next = u16::try_from(self.registers.len()).unwrap_or(u16::MAX);
        *self.registers.entry(name).or_insert(next)
    }

    /// Adds one line to a body.
    pub fn push(&mut self, body: &mut Body, line: Text<'a>) -> Result<(), KernelFileError> {
        let (operation, assembly) = line.split_once('|').map_or((line, ""), |(o, a)| (o, a.trim()));
        let (left, right) = operation.split_once('<').unwrap_or((operation, ""));
        let mut words = left.split_whitespace();
        let head = words.next().unwrap_or("");
        let (head_class, count) = head.split_once('*').map_or((head, None), |(h, n)| (h, Some(n)));
        let (name, width) = head_class.split_once('.').map_or((head_class, None), |(c, w)| (c, Some(w)));
        let class = match self.classes.get(name) {
            Some(class) => *class,
            None if name == "br_back" => {
                body.back_edges.push(body.instrs.len());
                Class::BrTaken
            }
            None => self.reader.word::<Class>(name)?,
        };
        let n_registers = match (count.map(str::parse::<u32>), class.is_multi()) {
            (Some(Ok(n)), true) if (1..=16).contains(&n) => n,
            (None, false) => 1,
            _ => return Err(self.reader.error(head, KernelProblem::Registers)),
        };
        let width = width.map(|w| {
            let problem = || self.reader.error(w, KernelProblem::Width { text: w.to_owned() });
            Width::from_code(w).ok_or_else(problem)
        });
        let mut instr = Instr {
            class,
            width: width.transpose()?,
            writes: Vec::new(),
            write_back: None,
            reads: Vec::new(),
            n_registers,
            assembly: assembly.to_owned(),
        };
        for word in words {
            match word.strip_prefix('!') {
                Some(base) => instr.write_back = Some(self.register(base)),
                None => instr.writes.push(self.register(word)),
            }
        }
        for word in right.split_whitespace() {
            let (register, kind) =
                word.split_once(':').map_or((word, Some(Operand::Data)), |(r, k)| (r, Operand::from_code(k)));
            let Some(operand) = kind.filter(|_| !register.is_empty()) else {
                return Err(self.reader.error(word, KernelProblem::Source { text: word.to_owned() }));
            };
            instr.reads.push(Source { register: self.register(register), operand });
        }
        body.instrs.push(instr);
        Ok(())
    }
}
