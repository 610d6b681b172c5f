//! The stack machine.

use super::{Node, Pickle, PickleError, Value};
use std::collections::HashMap;
use std::ops::Range;

/// More containers and strings than any data set's pickle has.
const MOST_NODES: usize = 4_000_000;

struct Machine {
    input: Vec<u8>,
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<usize, Value>,
}

type Step<T> = Result<T, PickleError>;

/// Runs a pickle to its end.
pub fn run(input: Vec<u8>) -> Step<Pickle> {
    let (nodes, stack) = (Vec::new(), Vec::new());
    let mut machine = Machine { input, at: 0, nodes, stack, marks: Vec::new(), memo: HashMap::new() };
    while machine.step()? {}
    let root = machine.pop()?;
    Ok(Pickle { input: machine.input, nodes: machine.nodes, root })
}

impl Machine {
    fn wrong<T>(&self, problem: impl Into<String>) -> Step<T> {
        Err(PickleError { at: self.at, problem: problem.into() })
    }

    /// The next `n` bytes as a range of the file.
    fn range(&mut self, n: usize) -> Step<Range<usize>> {
        match self.at.checked_add(n).filter(|end| *end <= self.input.len()) {
            Some(end) => Ok(std::mem::replace(&mut self.at, end)..end),
            None => self.wrong(format!("the file ends before {n} bytes that it announces; it is truncated")),
        }
    }

    fn byte(&mut self) -> Step<u8> {
        let range = self.range(1)?;
        Ok(self.input[range.start])
    }

    /// A little-endian unsigned number of `n` ≤ 8 bytes.
    fn number(&mut self, n: usize) -> Step<usize> {
        let range = self.range(n)?;
        let value = self.input[range].iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
        usize::try_from(value).or_else(|_| self.wrong("a length beyond this machine's memory"))
    }

    fn line(&mut self) -> Step<Range<usize>> {
        match self.input[self.at..].iter().position(|b| *b == b'\n') {
            Some(n) => {
                let line = self.range(n)?;
                self.at += 1;
                Ok(line)
            }
            None => self.wrong("a line without an end; the file is truncated"),
        }
    }

    fn text(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(&self.input[range]).into_owned()
    }

    fn push(&mut self, node: Node) -> Step<()> {
        if self.nodes.len() == MOST_NODES {
            return self.wrong(format!("more than {MOST_NODES} strings and containers; this is no data set"));
        }
        self.nodes.push(node);
        self.stack.push(Value::Node(self.nodes.len() - 1));
        Ok(())
    }

    fn pop(&mut self) -> Step<Value> {
        match self.stack.pop() {
            Some(value) => Ok(value),
            None => self.wrong("it takes a value from an empty stack"),
        }
    }

    /// Everything above the last mark.
    fn marked(&mut self) -> Step<Vec<Value>> {
        match self.marks.pop().filter(|m| *m <= self.stack.len()) {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.wrong("it goes back to a mark that is not there"),
        }
    }

    fn top(&mut self) -> Step<&mut Node> {
        match self.stack.last() {
            Some(Value::Node(at)) if *at < self.nodes.len() => Ok(&mut self.nodes[*at]),
            _ => self.wrong("it fills something that is no container"),
        }
    }

    fn extend(&mut self, items: Vec<Value>) -> Step<()> {
        match self.top()? {
            Node::List(list) => list.extend(items),
            _ => return self.wrong("it appends to something that is no list"),
        }
        Ok(())
    }

    fn insert(&mut self, items: &[Value]) -> Step<()> {
        match self.top()? {
            Node::Dict(entries) => entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => return self.wrong("it sets an item of something that is no dictionary"),
        }
        Ok(())
    }

    fn remember(&mut self, key: usize) -> Step<()> {
        let Some(value) = self.stack.last().copied() else { return self.wrong("it remembers an empty stack") };
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: usize) -> Step<()> {
        let Some(value) = self.memo.get(&key).copied() else { return self.wrong("it recalls what it never stored") };
        self.stack.push(value);
        Ok(())
    }

    fn line_number(&mut self) -> Step<i64> {
        let line = self.line()?;
        let text = self.text(line);
        text.trim_end_matches('L').parse().or_else(|_| self.wrong(format!("`{text}` is no 64-bit integer")))
    }

    fn line_key(&mut self) -> Step<usize> {
        let n = self.line_number()?;
        usize::try_from(n).or_else(|_| self.wrong("a negative place"))
    }

    /// One opcode; `false` at the end.
    fn step(&mut self) -> Step<bool> {
        let op = self.byte()?;
        match op {
            b'.' => return Ok(false),
            0x80 => drop(self.byte()?),
            0x95 => drop(self.number(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.marked()?),
            b'2' => {
                let Some(value) = self.stack.last().copied() else { return self.wrong("it copies an empty stack") };
                self.stack.push(value);
            }
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a | b'I' | b'L' | b'G' | b'F' => self.scalar(op)?,
            b'S' | b'V' => {
                let line = self.line()?;
                self.push(if op == b'S' { unquoted(&self.input[line]) } else { Node::Slice(line) })?;
            }
            b'T' | b'X' | b'B' => self.counted(4)?,
            b'U' | 0x8c | b'C' => self.counted(1)?,
            0x8d | 0x8e | 0x96 => self.counted(8)?,
            b']' | b')' => self.push(Node::List(Vec::new()))?,
            b'}' => self.push(Node::Dict(Vec::new()))?,
            b'l' | b't' => {
                let items = self.marked()?;
                self.push(Node::List(items))?;
            }
            0x85..=0x87 => {
                let n = usize::from(op - 0x84);
                let Some(from) = self.stack.len().checked_sub(n) else {
                    return self.wrong("it takes from an empty stack");
                };
                let items = self.stack.split_off(from);
                self.push(Node::List(items))?;
            }
            b'd' => {
                let items = self.marked()?;
                self.push(Node::Dict(Vec::new()))?;
                self.insert(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(&[key, value])?;
            }
            b'u' => {
                let items = self.marked()?;
                self.insert(&items)?;
            }
            b'c' | 0x93 | b'R' | 0x81 | b'b' => self.call(op)?,
            b'p' | b'q' | b'r' | 0x94 => {
                let key = match op {
                    b'p' => self.line_key()?,
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    _ => self.memo.len(),
                };
                self.remember(key)?;
            }
            b'g' | b'h' | b'j' => {
                let key = match op {
                    b'g' => self.line_key()?,
                    b'h' => self.number(1)?,
                    _ => self.number(4)?,
                };
                self.recall(key)?;
            }
            other => return self.wrong(format!("opcode {other:#04x} is none that data sets use")),
        }
        Ok(true)
    }

    fn counted(&mut self, digits: usize) -> Step<()> {
        let n = self.number(digits)?;
        let range = self.range(n)?;
        self.push(Node::Slice(range))
    }

    fn scalar(&mut self, op: u8) -> Step<()> {
        let value = match op {
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(i64::try_from(self.number(2)?).expect("16 bits")),
            b'J' => {
                let range = self.range(4)?;
                let bytes: [u8; 4] = self.input[range].try_into().expect("four bytes");
                Value::Int(i64::from(i32::from_le_bytes(bytes)))
            }
            0x8a => {
                let n = usize::from(self.byte()?);
                let range = self.range(n)?;
                let bytes = &self.input[range];
                if n > 8 {
                    return self.wrong("an integer of more than 64 bits");
                }
                let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
                let mut whole = [sign; 8];
                whole[..n].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(whole))
            }
            b'G' => {
                let range = self.range(8)?;
                Value::Float(f64::from_be_bytes(self.input[range].try_into().expect("eight bytes")))
            }
            b'F' => {
                let line = self.line()?;
                let text = self.text(line);
                Value::Float(text.parse().or_else(|_| self.wrong(format!("`{text}` is no number")))?)
            }
            _ => match &self.input[self.at..] {
                [b'0', b'0', b'\n', ..] => (Value::Bool(false), self.line()?).0,
                [b'0', b'1', b'\n', ..] => (Value::Bool(true), self.line()?).0,
                _ => Value::Int(self.line_number()?),
            },
        };
        self.stack.push(value);
        Ok(())
    }

    /// Names, calls and states: noted, never carried out.
    fn call(&mut self, op: u8) -> Step<()> {
        match op {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let global = format!("{} {}", self.text(module), self.text(name));
                self.push(Node::Global(global))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let word = |v: Value| match v {
                    Value::Node(at) => match self.nodes.get(at) {
                        Some(Node::Slice(range)) => self.text(range.clone()),
                        _ => String::new(),
                    },
                    _ => String::new(),
                };
                let global = format!("{} {}", word(module), word(name));
                self.push(Node::Global(global))
            }
            b'b' => {
                let state = self.pop()?;
                match self.top()? {
                    Node::Call(_, _, slot) => *slot = Some(state),
                    _ => return self.wrong("it sets the state of something that was not made by a call"),
                }
                Ok(())
            }
            _ => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.push(Node::Call(callee, arguments, None))
            }
        }
    }
}

/// A quoted string of protocol 0 with its escapes undone.
fn unquoted(line: &[u8]) -> Node {
    let inner = line.get(1..line.len().saturating_sub(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let [escape, tail @ ..] = rest else { break };
        rest = tail;
        match escape {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            b'x' => {
                let hex = rest.get(..2).and_then(|h| std::str::from_utf8(h).ok());
                bytes.extend(hex.and_then(|h| u8::from_str_radix(h, 16).ok()));
                rest = rest.get(2..).unwrap_or_default();
            }
            other => bytes.push(*other),
        }
    }
    Node::Bytes(bytes)
}
