//! A plain list of layers (CSV) → kernel calls: a network known by its shapes only.

use super::{Access, Axis, BufferKind, BufferUse, Dims, Elem, Inside, KernelCall, Op, Phase};

/// What the layers are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// 8-bit maps and weights, requantised.
    I8,
    /// Single precision.
    F32,
    /// Maps and weights of one bit; the first convolution reads 8-bit pixels; what has no product is left out.
    B1,
    /// As `B1`, every convolution with maps of bits: layers inside a binary network, each by itself.
    Bits,
}

impl ListType {
    /// `i8`, `f32`, `b1`.
    pub fn from_code(code: &str) -> Option<Self> {
        [("i8", ListType::I8), ("f32", ListType::F32), ("b1", ListType::B1)]
            .into_iter()
            .find_map(|(name, kind)| (name == code).then_some(kind))
    }
}

/// A list that cannot be read; the file is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct LayerListError {
    /// As given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and the way out.
    pub problem: String,
}

/// The calls, and rows that cost nothing by themselves (reshapes and the like).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerList {
    /// One call a row, named `idx op`.
    pub calls: Vec<KernelCall>,
    /// Names of rows without a call.
    pub left_out: Vec<String>,
}

/// Reads the columns `idx op in_h in_w in_c out_h out_w out_c kh kw stride pad groups` (others are ignored) of a CSV with a header.
///
/// Operations are the names of TensorFlow Lite in any case: CONV_2D, DEPTHWISE_CONV_2D, GROUP_CONV, FULLY_CONNECTED, ADD,
/// AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, SOFTMAX, …, passes over maps (RELU and HARD_SWISH clamp; CONCAT, SLICE and SHUFFLE copy), and the
/// short forms conv, pw, dw, fc, avgpool. Each row reads the map that the row before it wrote.
pub fn layer_list(file: &str, text: &str, kind: ListType) -> Result<LayerList, LayerListError> {
    let fail = |line: usize, problem: String| LayerListError { file: file.to_owned(), line, problem };
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let header: Vec<&str> = lines.next().map(|(line, _)| line.split(',').map(str::trim).collect()).unwrap_or_default();
    for needed in ["op", "in_h", "in_w", "in_c", "out_h", "out_w", "out_c"] {
        if !header.contains(&needed) {
            return Err(fail(1, format!("no column `{needed}`; the header needs op,in_h,in_w,in_c,out_h,out_w,out_c")));
        }
    }
    let mut list = LayerList { calls: Vec::new(), left_out: Vec::new() };
    let mut map = "map.0".to_owned();
    for (line, number) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let row = Row { header: &header, cells, is_first: list.calls.is_empty(), kind };
        let name = format!("{} {}", row.cell("idx").unwrap_or(&number.to_string()), row.cell("op").unwrap_or("?"));
        let next = format!("map.{}", list.calls.len() + 1);
        match row.call(&name).map_err(|problem| fail(number, problem))? {
            Some((call, [read, weights, write])) => {
                let act = |name: &str, bytes, access| BufferUse::new(name, bytes, BufferKind::Activation, access);
                let mut call = call.buffer(act(&map, read, Access::Read));
                if weights > 0 {
                    let name = format!("{name}.weight");
                    call = call.buffer(BufferUse::new(&name, weights, BufferKind::Weights, Access::Read));
                }
                // A row whose input is not the last row's output (a branch) reads a map of its own.
                let is_chain = list
                    .calls
                    .last()
                    .is_none_or(|last: &KernelCall| last.buffers.last().is_none_or(|b| b.bytes == read));
                if !is_chain {
                    call.buffers[0].name = format!("{name}.in");
                }
                list.calls.push(call.buffer(act(&next, write, Access::Write)));
                map = next;
            }
            None => list.left_out.push(name),
        }
    }
    Ok(list)
}

struct Row<'a> {
    header: &'a [&'a str],
    cells: Vec<&'a str>,
    is_first: bool,
    kind: ListType,
}

impl Row<'_> {
    fn cell(&self, name: &str) -> Option<&str> {
        let at = self.header.iter().position(|h| *h == name)?;
        self.cells.get(at).copied().filter(|c| !c.is_empty())
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let text = self.cell(name).ok_or_else(|| format!("`{name}` is missing"))?;
        side(name, text, text)
    }

    /// Stride down and across: `2`, `2x2` or `2x1`.
    fn strides(&self) -> Result<(u64, u64), String> {
        let text = self.cell("stride").unwrap_or("1");
        let (down, across) = text.split_once('x').unwrap_or((text, text));
        Ok((side("stride", text, down)?, side("stride", text, across)?))
    }

    fn or_one(&self, name: &str) -> Result<u64, String> {
        if self.cell(name).is_some() { self.number(name) } else { Ok(1) }
    }

    /// The call without its buffers, and the bytes that it reads, its weights, and the bytes that it writes.
    fn call(&self, site: &str) -> Result<Option<(KernelCall, [u64; 3])>, String> {
        let op = self.cell("op").ok_or("`op` is missing")?.to_ascii_uppercase();
        let call = |op, dims, elems: &[Elem]| KernelCall::new(op, Phase::Inference, site).dims(dims).elems(elems);
        let pass = |op, dims, elems: &[Elem]| Ok::<_, String>(Some((call(op, dims, elems), self.bytes(0)?)));
        let whole = || {
            let (_, to) = self.maps()?;
            Ok::<_, String>(Dims::new().with("n", to.len()).with("pixels", to.pixels()).with("channels", to.c))
        };
        let same = |op, elems: &[Elem]| pass(op, whole()?, elems);
        let pool = |op, elems: &[Elem]| {
            let dims = self.window()?.with("channels", self.maps()?.1.c);
            pass(op, dims, elems)
        };
        let global = |op, elems: &[Elem]| {
            let (from, _) = self.maps()?;
            let dims = Dims::new().with("pixels", from.pixels()).with("channels", from.c);
            pass(op, dims, elems)
        };
        let (i8, f32) = (Elem::I8, Elem::F32);
        match (op.as_str(), self.kind) {
            ("CONV_2D" | "CONV" | "PW" | "GROUP_CONV", _) => self.convolution(site).map(Some),
            ("DEPTHWISE_CONV_2D" | "DW", kind) => {
                let weights = self.taps()? * self.maps()?.1.c;
                let (from, to) = self.maps()?;
                let mut dims = self.window()?.with("channels", to.c);
                if to.c > from.c && to.c.is_multiple_of(from.c) {
                    dims = dims.with("multiplier", to.c / from.c);
                }
                Ok(match kind {
                    ListType::I8 => Some((call(Op::Int8DepthwiseConv, dims, &[i8, i8, i8]), self.bytes(weights)?)),
                    ListType::F32 => Some((call(Op::DepthwiseConv, dims, &[f32, f32, f32]), self.bytes(4 * weights)?)),
                    ListType::B1 | ListType::Bits => None,
                })
            }
            ("FULLY_CONNECTED" | "FC", kind) => {
                let (rows, columns) = (self.maps()?.1.len(), self.maps()?.0.len());
                let dims = Dims::new().with("rows", rows).with("columns", columns);
                let binary = Dims::new().with("rows", rows).with("words", columns.div_ceil(32)).with("terms", columns);
                Ok(Some(match kind {
                    ListType::I8 => (call(Op::Int8Dense, dims, &[i8, i8, i8]), self.bytes(rows * columns)?),
                    ListType::F32 => (call(Op::FloatDense, dims, &[f32, f32, f32]), self.bytes(4 * rows * columns)?),
                    ListType::B1 | ListType::Bits => {
                        let elems = [Elem::B1, Elem::B1, Elem::I32];
                        let bytes = [columns.div_ceil(32) * 4, rows * columns.div_ceil(32) * 4, rows * 4];
                        (call(Op::BinaryDense, binary, &elems), bytes)
                    }
                }))
            }
            (_, ListType::B1 | ListType::Bits) => Ok(None),
            ("ADD" | "ADD/MUL", ListType::I8) => same(Op::Int8Add, &[i8, i8, i8]),
            ("ADD" | "ADD/MUL", ListType::F32) => same(Op::Add, &[f32, f32, f32]),
            ("RELU" | "HARD_SWISH", ListType::F32) => same(Op::Relu, &[f32, f32]),
            ("CONCAT" | "SLICE" | "SHUFFLE", ListType::F32) => {
                pass(Op::Slice, whole()?.with("from", self.maps()?.1.c), &[f32, f32])
            }
            ("AVERAGE_POOL_2D" | "AVGPOOL" | "MEAN", ListType::I8) => global(Op::Int8Mean, &[i8, i8]),
            ("AVERAGE_POOL_2D" | "AVGPOOL" | "MEAN", ListType::F32) => global(Op::GlobalAvgPool, &[f32, f32]),
            ("MAX_POOL_2D" | "POOL", ListType::I8) => pool(Op::Int8MaxPool, &[i8, i8]),
            ("MAX_POOL_2D" | "POOL", ListType::F32) => pool(Op::MaxPool, &[f32, f32]),
            ("SOFTMAX", ListType::I8) => same(Op::Int8Softmax, &[i8, i8]),
            ("SOFTMAX", ListType::F32) => same(Op::FloatSoftmax, &[f32, f32]),
            // An 8-bit layer's own requantisation clamps; channels lie together where they are to be joined.
            ("RELU" | "HARD_SWISH" | "CONCAT" | "SLICE" | "SHUFFLE", ListType::I8) => Ok(None),
            ("RESHAPE" | "PAD" | "PACK" | "SHAPE" | "STRIDED_SLICE" | "TOP5" | "OP", _) => Ok(None),
            (other, _) => Err(format!(
                "`{other}` is no operation of a layer list; there are CONV_2D, DEPTHWISE_CONV_2D, GROUP_CONV, FULLY_CONNECTED, \
                 ADD, RELU, HARD_SWISH, CONCAT, SLICE, SHUFFLE, AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, SOFTMAX, RESHAPE, PAD"
            )),
        }
    }

    fn convolution(&self, site: &str) -> Result<(KernelCall, [u64; 3]), String> {
        let (from, to) = self.maps()?;
        let groups = self.or_one("groups")?;
        let ic = (from.c / groups).max(1);
        let weights = to.c * self.taps()? * ic;
        let dims = self.window()?.with("oc", to.c).with("terms", self.taps()? * ic);
        let call = |op, dims, elems: &[Elem]| KernelCall::new(op, Phase::Inference, site).dims(dims).elems(elems);
        Ok(match self.kind {
            ListType::I8 => (call(Op::Int8Conv, dims.with("ic", ic), &[Elem::I8; 3]), self.bytes(weights)?),
            ListType::F32 => (call(Op::FloatConv, dims.with("ic", ic), &[Elem::F32; 3]), self.bytes(4 * weights)?),
            ListType::B1 if self.is_first => {
                let words = (self.taps()? * ic).div_ceil(32);
                let elems = [Elem::U8, Elem::B1, Elem::I32];
                (call(Op::InputConv, dims.with("ic", ic), &elems), [from.len(), to.c * words * 4, to.len() * 4])
            }
            ListType::B1 | ListType::Bits => {
                let words = ic.div_ceil(32);
                let elems = [Elem::B1, Elem::B1, Elem::I32];
                let bytes = [from.pixels() * words * 4, to.c * self.taps()? * words * 4, to.len() * 4];
                (call(Op::BinaryConv, dims.with("words", words), &elems), bytes)
            }
        })
    }

    fn maps(&self) -> Result<(Map, Map), String> {
        let map = |h, w, c| Ok::<_, String>(Map { h: self.or_one(h)?, w: self.or_one(w)?, c: self.number(c)? });
        Ok((map("in_h", "in_w", "in_c")?, map("out_h", "out_w", "out_c")?))
    }

    fn taps(&self) -> Result<u64, String> {
        Ok(self.or_one("kh")? * self.or_one("kw")?)
    }

    /// Padding is what the sizes ask for: half of what the window needs beyond the map, rounded down, at the top and left. A map
    /// with windows that see nothing of it counts as padded beforehand. `stride` is the one down.
    fn window(&self) -> Result<Dims, String> {
        let (from, to) = self.maps()?;
        let (kh, kw) = (self.or_one("kh")?, self.or_one("kw")?);
        let (down, across) = self.strides()?;
        let (ih, top, rows) = side_of(to.h, from.h, kh, down);
        let (iw, left, columns) = side_of(to.w, from.w, kw, across);
        let dims = Dims::new().with("oh", to.h).with("ow", to.w).with("ih", ih).with("iw", iw);
        let dims = dims.with("stride", down).with("kh", kh).with("kw", kw);
        let dims = dims.with("rows_in", rows.taps).with("cols_in", columns.taps);
        if rows.taps == to.h * kh && columns.taps == to.w * kw {
            return Ok(dims);
        }
        // These lists' networks pad with nothing.
        let dims = dims.with("rows_full", rows.full).with("cols_full", columns.full);
        Ok(dims.with("pad_top", top).with("pad_left", left).with("pad_value", 0))
    }

    /// Bytes of the map read, of the weights, and of the map written.
    fn bytes(&self, weights: u64) -> Result<[u64; 3], String> {
        let (from, to) = self.maps()?;
        let size = if self.kind == ListType::F32 { 4 } else { 1 };
        Ok([from.len() * size, weights, to.len() * size])
    }
}

/// One number of a cell, 1 to 2^20.
fn side(name: &str, cell: &str, text: &str) -> Result<u64, String> {
    let value = text.parse::<u64>().map_err(|_| format!("{name} = `{cell}` is not a whole number"))?;
    if value == 0 || value > 1 << 20 {
        return Err(format!("{name} = {value}; it must be 1 to 1048576"));
    }
    Ok(value)
}

/// Size of a map's side, padding before it and what of the windows lies inside; with the padding where a window sees nothing of
/// the map.
fn side_of(outputs: u64, size: u64, kernel: u64, stride: u64) -> (u64, u64, Inside) {
    let needed = (outputs - 1) * stride + kernel;
    let laid = |size: u64| {
        let before = needed.saturating_sub(size) / 2;
        let [outputs, length, kernel, stride, border] =
            [outputs, size, kernel, stride, before].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let axis = Axis { outputs, size: length, kernel, stride, before: border };
        ((size, before, axis.inside()), (0..outputs).any(|o| axis.taps(o).is_empty()))
    };
    let (plain, sees_nothing) = laid(size);
    if sees_nothing { laid(needed).0 } else { plain }
}

#[derive(Clone, Copy)]
struct Map {
    h: u64,
    w: u64,
    c: u64,
}

impl Map {
    fn pixels(self) -> u64 {
        self.h * self.w
    }

    fn len(self) -> u64 {
        self.pixels() * self.c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "idx,op,in_h,in_w,in_c,out_h,out_w,out_c,kh,kw,stride,pad,groups,macs,weights,note\n\
                        0,CONV_2D,32,32,3,16,16,32,5,5,2x2,SAME,1,614400,2400,\n\
                        1,DEPTHWISE_CONV_2D,16,16,32,16,16,32,3,3,1x1,SAME,32,,,\n\
                        2,ADD,16,16,32,16,16,32,,,,,,0,,\n\
                        3,RESHAPE,16,16,32,1,1,8192,,,,,,0,,\n\
                        4,FULLY_CONNECTED,1,1,8192,1,1,10,,,,,,81920,81920,\n";

    #[test]
    fn rows_become_calls_that_read_what_the_row_before_wrote() {
        let list = layer_list("l.csv", LIST, ListType::I8).expect("good");
        let ops: Vec<Op> = list.calls.iter().map(|c| c.op).collect();
        assert_eq!(ops, [Op::Int8Conv, Op::Int8DepthwiseConv, Op::Int8Add, Op::Int8Dense]);
        assert_eq!(list.left_out, ["3 RESHAPE"]);
        let conv = &list.calls[0];
        let dims: Vec<u64> =
            ["oh", "oc", "terms", "stride", "pad_top"].iter().filter_map(|d| conv.dims.get(d)).collect();
        assert_eq!(dims, [16, 32, 75, 2, 1]);
        assert_eq!(conv.buffers.iter().map(|b| b.bytes).collect::<Vec<_>>(), [3072, 2400, 8192]);
        assert_eq!(list.calls[1].buffers[0].name, conv.buffers[2].name);
        assert_eq!(list.calls[3].buffers[0].name, list.calls[2].buffers[1].name, "8192 bytes either way");
        let float = layer_list("l.csv", LIST, ListType::F32).expect("good");
        assert_eq!(float.calls[0].buffers[1].bytes, 9600);
        let pool =
            "op,in_h,in_w,in_c,out_h,out_w,out_c,kh,kw,stride\npool,13,6,4,6,6,4,2,1,2x1\nconv,14,14,4,16,16,8,1,1,1\n";
        let pool = layer_list("l.csv", pool, ListType::I8).expect("good");
        let dim = |call: usize, name: &str| pool.calls[call].dims.get(name);
        assert_eq!((dim(0, "rows_in"), dim(0, "cols_in"), dim(0, "pad_top")), (Some(12), Some(6), None));
        assert_eq!(
            (dim(1, "rows_in"), dim(1, "ih"), dim(1, "pad_top")),
            (Some(16), Some(16), None),
            "padded beforehand"
        );
        let binary = layer_list("l.csv", LIST, ListType::B1).expect("good");
        assert_eq!(binary.calls.iter().map(|c| c.op).collect::<Vec<_>>(), [Op::InputConv, Op::BinaryDense]);
    }

    #[test]
    fn passes_over_maps_move_each_of_their_values_once() {
        let text = "op,in_h,in_w,in_c,out_h,out_w,out_c\nrelu,4,5,6,4,5,6\nconcat,4,5,12,4,5,12\nslice,4,5,6,4,5,6\n";
        let list = layer_list("l.csv", text, ListType::F32).expect("good");
        assert_eq!(list.calls.iter().map(|c| c.op).collect::<Vec<_>>(), [Op::Relu, Op::Slice, Op::Slice]);
        let bytes = |call: &KernelCall| call.buffers.iter().map(|b| b.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(&list.calls[1]), [960, 960]);
        assert_eq!((list.calls[1].dims.get("from"), list.calls[1].dims.get("channels")), (Some(12), Some(12)));
        let eight = layer_list("l.csv", text, ListType::I8).expect("good");
        assert_eq!((eight.calls.len(), eight.left_out.len()), (0, 3), "a requantisation clamps by itself");
    }

    #[test]
    fn broken_lists_name_line_and_column() {
        let error = |text: &str| layer_list("l.csv", text, ListType::I8).expect_err(text).to_string();
        assert!(error("").contains("l.csv:1: no column `op`"));
        assert!(error(&LIST.replace("32,32,3,16", "32,x,3,16")).contains("l.csv:2: in_w = `x` is not a whole number"));
        assert!(error(&LIST.replace("32,32,3,16", "32,32,0,16")).contains("in_c = 0; it must be 1 to 1048576"));
        assert!(error(&LIST.replace("2,ADD", "2,FOO")).contains("l.csv:4: `FOO` is no operation"));
    }
}
