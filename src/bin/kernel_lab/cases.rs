//! Test cases: a kernel's arguments with the outputs the Rust reference gives, and their way into and out of the emulator.

use tinyprec::trace::{BufferKind, Dims, Elem, Op};

use crate::LabError;
use crate::machine::{Core, Level, Maker};

/// One argument of a C twin.
#[derive(Debug, Clone)]
pub enum Arg {
    /// A buffer that the kernel only reads.
    In(Vec<u8>),
    /// A buffer that the kernel fills; what must stand in it afterwards.
    Out(Vec<u8>),
    /// A buffer updated in place: before and after.
    InOut(Vec<u8>, Vec<u8>),
    /// Working space of so many bytes; what stands in it afterwards is nobody's business.
    Scratch(usize),
    /// Working space that starts with these bytes.
    Work(Vec<u8>),
    /// A number's bits.
    Value(u64),
}

impl Arg {
    /// Bytes of a buffer.
    pub fn len(&self) -> usize {
        match self {
            Arg::In(b) | Arg::Out(b) | Arg::InOut(b, _) | Arg::Work(b) => b.len(),
            Arg::Scratch(len) => *len,
            Arg::Value(_) => 0,
        }
    }
}

/// One execution: the call's dimensions and the arguments in the prototype's order.
#[derive(Debug, Clone)]
pub struct Case {
    pub dims: Dims,
    pub args: Vec<Arg>,
}

/// One C twin: its identity, its loop structure and its tests.
pub struct Spec {
    pub op: Op,
    pub elems: &'static [Elem],
    pub symbol: &'static str,
    /// What trip counts may be made of: integer expressions over the dimensions.
    pub trips: &'static [&'static str],
    /// What each pointer argument holds, in order; `None` for a parameter block, which is no traffic.
    pub buffers: &'static [Option<BufferKind>],
    /// Cases on random and extreme operands; at least eight shapes, tails included.
    pub cases: fn(&mut Random) -> Vec<Case>,
    /// Kernel set that the twin belongs to: empty for the base set, else what the set's name adds, e.g. `table`.
    pub set: &'static str,
    /// Cores that it is for; empty for all.
    pub cores: &'static [&'static str],
    /// Constant tables that it reads, by symbol.
    pub tables: &'static [&'static str],
    /// Dimensions that make a call its own (`pad_top`, `kh=1`), where another twin has the same operation and element types.
    pub when: Option<&'static str>,
    /// Written after software that was measured: from the class sources, in a set of their own.
    pub class: bool,
    /// Computes in double precision, so that a single-precision float unit has another twin.
    pub doubles: bool,
    /// Also without optimisation.
    pub unoptimised: bool,
    /// Cores for which the other compiler makes it too.
    pub clang: &'static [&'static str],
    /// Bytes that it touches between two uses of the same byte of its working space, beyond one pass over all of it; where it
    /// keeps a part of a large one at hand.
    pub near: Option<&'static str>,
}

impl Spec {
    /// A twin of the base set for every core.
    pub fn new(
        op: Op,
        elems: &'static [Elem],
        symbol: &'static str,
        trips: &'static [&'static str],
        buffers: &'static [Option<BufferKind>],
        cases: fn(&mut Random) -> Vec<Case>,
    ) -> Self {
        Spec {
            op,
            elems,
            symbol,
            trips,
            buffers,
            cases,
            set: "",
            cores: &[],
            tables: &[],
            when: None,
            class: false,
            doubles: false,
            unoptimised: false,
            clang: &[],
            near: None,
        }
    }

    /// In a set that replaces some kernels of the base.
    pub fn set(self, set: &'static str) -> Self {
        Spec { set, ..self }
    }

    /// Of a class of measured software.
    pub fn class(self, set: &'static str) -> Self {
        Spec { set, class: true, ..self }
    }

    /// In double precision.
    pub fn doubles(self) -> Self {
        Spec { doubles: true, ..self }
    }

    /// At every level of optimisation, none included.
    pub fn unoptimised(self) -> Self {
        Spec { unoptimised: true, ..self }
    }

    /// Also from the other compiler, on some cores.
    pub fn clang(self, cores: &'static [&'static str]) -> Self {
        Spec { clang: cores, ..self }
    }

    /// On some cores only.
    pub fn cores(self, cores: &'static [&'static str]) -> Self {
        Spec { cores, ..self }
    }

    /// With constant tables.
    pub fn tables(self, tables: &'static [&'static str]) -> Self {
        Spec { tables, ..self }
    }

    /// Uses its working space again at a distance of so many bytes.
    pub fn near(self, distance: &'static str) -> Self {
        Spec { near: Some(distance), ..self }
    }

    /// For calls that have the dimensions, or have them at the values given.
    pub fn when(self, dimensions: &'static str) -> Self {
        Spec { when: Some(dimensions), ..self }
    }

    /// Whether a core has it at a level of optimisation.
    pub fn is_for(&self, core: &Core, level: Level) -> bool {
        let made = match level.maker {
            Maker::Gcc => self.unoptimised || !level.is_unoptimised(),
            Maker::Clang => self.clang.contains(&core.name),
        };
        let made = made && (!level.single || (self.doubles && core.has_two_float_units()));
        made && (self.cores.is_empty() || self.cores.contains(&core.name))
    }
}

/// Bytes of numbers, little endian.
pub trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

macro_rules! bytes_of {
    ($($t:ty),*) => {$(
        impl Bytes for [$t] {
            fn bytes(&self) -> Vec<u8> {
                self.iter().flat_map(|x| x.to_le_bytes()).collect()
            }
        }
    )*};
}
bytes_of!(u8, i8, i16, u16, u32, i32, i64, u64, f32);

/// A buffer to read.
pub fn input<T>(values: &[T]) -> Arg
where
    [T]: Bytes,
{
    Arg::In(values.bytes())
}

/// A buffer to fill.
pub fn output<T>(values: &[T]) -> Arg
where
    [T]: Bytes,
{
    Arg::Out(values.bytes())
}

/// A buffer to update.
pub fn update<T>(before: &[T], after: &[T]) -> Arg
where
    [T]: Bytes,
{
    Arg::InOut(before.bytes(), after.bytes())
}

/// An integer argument.
pub fn value(x: i64) -> Arg {
    Arg::Value(x.cast_unsigned())
}

/// A float argument.
pub fn real(x: f32) -> Arg {
    Arg::Value(u64::from(x.to_bits()))
}

/// A double argument.
pub fn double(x: f64) -> Arg {
    Arg::Value(x.to_bits())
}

/// Dimensions from names and values.
pub fn dims(list: &[(&str, usize)]) -> Dims {
    list.iter().fold(Dims::new(), |dims, &(name, n)| dims.with(name, n as u64))
}

/// SplitMix64: a small seeded stream of test data (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `lo..=hi`; every eighth is an end of the range.
    pub fn integer(&mut self, lo: i64, hi: i64) -> i64 {
        match self.next() % 16 {
            0 => lo,
            1 => hi,
            _ => {
                let span = hi.wrapping_sub(lo).cast_unsigned().wrapping_add(1);
                let step = if span == 0 { self.next() } else { self.next() % span };
                lo.wrapping_add(step.cast_signed())
            }
        }
    }

    /// A float in −1…1 with 24 random bits; one in eight is an end, zero, or too small to be normal: library routines branch on those.
    pub fn unit(&mut self) -> f32 {
        let drawn = self.next();
        match drawn % 40 {
            0 => 1.0,
            1 => -1.0,
            2 => 0.0,
            3 => f32::from_bits(0x0001_2345),
            4 => -f32::MIN_POSITIVE,
            _ => {
                let bits = i32::try_from(drawn >> 40).expect("24 bits");
                (bits as f32 - 8_388_608.0) / 8_388_608.0
            }
        }
    }
}

const GUARD: usize = 16;
const FILL: u8 = 0xa5;
const MAGIC: u64 = 0x0031_424c_5054;

/// Where a case's buffers lie in the blob, by argument.
pub struct Layout {
    pub blob: Vec<u8>,
    /// `places[case][argument]` = offset and length of a buffer.
    pub places: Vec<Vec<Option<(usize, usize)>>>,
}

/// Lays out all cases; `kernels[i]` is the dispatcher's number of case `i`.
pub fn encode(cases: &[&Case], kernels: &[usize]) -> Layout {
    let table: usize = 24 + cases.iter().map(|case| 16 + 8 * case.args.len()).sum::<usize>();
    let mut at = table.next_multiple_of(16);
    let (mut head, mut places): (Vec<u64>, Vec<Vec<_>>) = (Vec::new(), Vec::new());
    for (case, kernel) in cases.iter().zip(kernels) {
        head.extend([*kernel as u64, case.args.len() as u64]);
        let mut row = Vec::new();
        for arg in &case.args {
            let (word, place) = match arg {
                Arg::Value(bits) => (*bits, None),
                buffer => {
                    let (start, len) = (at, buffer.len());
                    at = (at + len + GUARD).next_multiple_of(16);
                    (start as u64, Some((start, len)))
                }
            };
            head.push(word);
            row.push(place);
        }
        places.push(row);
    }
    let mut blob: Vec<u8> =
        [MAGIC, cases.len() as u64, at as u64].iter().chain(&head).flat_map(|w| w.to_le_bytes()).collect();
    blob.resize(at, FILL);
    for (case, row) in cases.iter().zip(&places) {
        for (arg, place) in case.args.iter().zip(row) {
            if let (Arg::In(b) | Arg::InOut(b, _) | Arg::Work(b), Some((start, len))) = (arg, place) {
                blob[*start..start + len].copy_from_slice(b);
            }
        }
    }
    Layout { blob, places }
}

impl Layout {
    /// Compares one case's buffers with what they must hold, guards after them included.
    pub fn check(&self, index: usize, case: &Case, result: &[u8]) -> Result<(), LabError> {
        for (number, (arg, place)) in case.args.iter().zip(&self.places[index]).enumerate() {
            let Some((start, len)) = *place else { continue };
            let got = result.get(start..start + len + GUARD).unwrap_or_default();
            let anything = got.get(..len).unwrap_or_default();
            let want = match arg {
                Arg::In(b) | Arg::Out(b) | Arg::InOut(_, b) => b.as_slice(),
                Arg::Scratch(_) | Arg::Work(_) | Arg::Value(_) => anything,
            };
            let whole = want.iter().copied().chain([FILL; GUARD]);
            if let Some(byte) = whole
                .clone()
                .zip(got.iter().copied())
                .position(|(a, b)| a != b)
                .or((got.len() != len + GUARD).then_some(0))
            {
                let near = |bytes: &[u8]| {
                    bytes.iter().skip(byte / 8 * 8).take(16).map(|b| format!("{b:02x}")).collect::<String>()
                };
                let all: Vec<u8> = whole.collect();
                return Err(LabError::Differs { argument: number, byte, want: near(&all), got: near(got) });
            }
        }
        Ok(())
    }
}
