//! numpy arrays in pickles: the note of a call to numpy's `_reconstruct` with the state that it would have been given, or of
//! `_frombuffer` with its arguments (protocol 5).

use super::{Node, Pickle, Value};
use std::borrow::Cow;

/// A numpy array, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<'a> {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Kind (`u`, `i`, `f`, `b`) and bytes an item.
    pub item: (char, usize),
    /// Whether the bytes of an item come most significant first.
    pub big_endian: bool,
    /// `product of shape · bytes an item` bytes.
    pub data: Cow<'a, [u8]>,
}

impl Pickle {
    /// A numpy array of plain numbers in C order; `None` for anything else, or where size and bytes do not agree.
    pub fn array(&self, value: Value) -> Option<Array<'_>> {
        let (callee, arguments, state) = self.called(value)?;
        let (shape, dtype, fortran, data) = if callee.ends_with("multiarray _reconstruct") {
            let [_, shape, dtype, fortran, data] = self.list(state?)? else { return None };
            (shape, dtype, *fortran == Value::Bool(true), data)
        } else if callee.ends_with("numeric _frombuffer") {
            let [data, dtype, shape, order] = self.list(arguments)? else { return None };
            (shape, dtype, self.bytes(*order)? != b"C", data)
        } else {
            return None;
        };
        let dimension = |v: &Value| if let Value::Int(n) = v { usize::try_from(*n).ok() } else { None };
        let shape = self.list(*shape)?.iter().map(dimension).collect::<Option<Vec<usize>>>()?;
        let (_, arguments, dtype_state) = self.called(*dtype).filter(|(c, ..)| *c == "numpy dtype")?;
        let code = std::str::from_utf8(self.bytes(*self.list(arguments)?.first()?)?).ok()?;
        let kind = code.chars().next().filter(|k| "uifb".contains(*k))?;
        let size: usize = code.get(1..)?.parse().ok()?;
        let order = dtype_state.and_then(|s| self.bytes(*self.list(s)?.get(1)?));
        let data = self.raw(*data)?;
        let whole = shape.iter().try_fold(size, |n, d| n.checked_mul(*d));
        if whole != Some(data.len()) || ![1, 2, 4, 8].contains(&size) || (fortran && shape.len() > 1) {
            return None;
        }
        Some(Array { shape, item: (kind, size), big_endian: order == Some(b">"), data })
    }

    fn called(&self, value: Value) -> Option<(&str, Value, Option<Value>)> {
        let Node::Call(callee, arguments, state) = self.node(value)? else { return None };
        let Node::Global(name) = self.node(*callee)? else { return None };
        Some((name, *arguments, *state))
    }

    /// Bytes as they are, or as the text that Python 3 writes for them in protocol 2: `_codecs.encode(text, 'latin1')`.
    fn raw(&self, value: Value) -> Option<Cow<'_, [u8]>> {
        if let Some(bytes) = self.bytes(value) {
            return Some(Cow::Borrowed(bytes));
        }
        let (_, arguments, _) = self.called(value).filter(|(c, ..)| *c == "_codecs encode")?;
        let text = std::str::from_utf8(self.bytes(*self.list(arguments)?.first()?)?).ok()?;
        let latin = |c: char| u8::try_from(u32::from(c)).ok();
        text.chars().map(latin).collect::<Option<Vec<u8>>>().map(Cow::Owned)
    }
}

impl Array<'_> {
    /// The items of an integer array of one dimension.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let (kind, size) = self.item;
        if self.shape.len() != 1 || !"ui".contains(kind) {
            return None;
        }
        let one = |item: &[u8]| {
            let mut bytes = item.to_vec();
            if self.big_endian {
                bytes.reverse();
            }
            let negative = kind == 'i' && bytes.last().is_some_and(|b| b & 0x80 != 0);
            bytes.resize(8, if negative { 0xff } else { 0 });
            let value = i64::from_le_bytes(bytes.try_into().ok()?);
            (kind == 'i' || value >= 0).then_some(value)
        };
        self.data.chunks_exact(size).map(one).collect()
    }
}
