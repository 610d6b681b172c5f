//! What a layer gives for what it reads: shapes, types and the limits of sums, checked before anything runs.

use super::error::{check_finite, check_len};
use super::{Fill, FilterSize, Kind, Layer, NnError, Shape, TensorType, Window};

/// A map's type and the largest magnitude an integer in it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Info {
    pub ty: TensorType,
    pub bound: u128,
}

impl Info {
    pub(crate) fn new(ty: TensorType) -> Self {
        let bound = match ty.kind {
            Kind::U8 => 255,
            Kind::I8 => 128,
            Kind::Bits { .. } => 1,
            Kind::I32 => 1 << 31,
            Kind::F32 => 0,
        };
        Self { ty, bound }
    }
}

/// Result of a layer on its inputs.
pub(crate) fn infer(layer: &Layer, name: &str, inputs: &[Info]) -> Result<Info, NnError> {
    let (least, most) = layer.arity();
    if !(least..=most).contains(&inputs.len()) {
        let (found, expected) = (inputs.len(), least);
        return Err(NnError::Arity { node: name.to_owned(), op: layer.op(), found, expected });
    }
    let cx = Cx { layer, name, input: inputs[0] };
    let shape = cx.input.ty.shape;
    let per_channel = |what: &str, n: usize| check_len(&format!("{name}.{what}"), n, shape.c);
    let info = match layer {
        Layer::PackInput { flatten, .. } => {
            let out = if *flatten { Shape::new(1, 1, shape.len()) } else { shape };
            cx.reads(&[Kind::U8])?.gives(out, Kind::Bits { planes: 1 }, 1)
        }
        Layer::Lookup { table } => {
            check_len(&format!("{name}.table"), table.len(), 256)?;
            cx.reads(&[Kind::U8])?.gives(shape, Kind::I8, 128)
        }
        Layer::InputConv { weights, window, offset } => {
            cx.reads(&[Kind::U8, Kind::I8])?;
            if window.fill == Fill::One && window.pad != super::Pad::Valid {
                return Err(cx.window("an 8-bit convolution pads with zero only"));
            }
            if offset.unsigned_abs() > 1 << 15 {
                let (what, value) = (format!("{name}.offset"), offset.to_string());
                return Err(NnError::OutOfRange { what, value, allowed: "-32768 to 32768".into() });
            }
            let out = cx.conv(*window, weights.size())?;
            let widest = weights.values().iter().map(|v| u128::from(v.unsigned_abs())).max().unwrap_or(0);
            let x = cx.input.bound + u128::from(offset.unsigned_abs());
            cx.sum(out, u128::try_from(weights.size().fan_in()).unwrap_or(u128::MAX).saturating_mul(x * widest))?
        }
        Layer::BinaryConv { weights, window } => {
            cx.reads_bits()?;
            let out = cx.conv(*window, weights.size())?;
            cx.sum(out, u128::try_from(weights.size().fan_in()).unwrap_or(u128::MAX))?
        }
        Layer::BinaryDense { weights } => {
            cx.reads_bits()?;
            let size = weights.size();
            check_len(&format!("{name}.weight row"), size.fan_in(), shape.len())?;
            check_len(&format!("{name}.weight channels"), size.ic, shape.c)?;
            cx.sum(Shape::new(1, 1, size.out), u128::try_from(size.fan_in()).unwrap_or(u128::MAX))?
        }
        Layer::Threshold(t) => {
            per_channel("threshold", t.channels())?;
            cx.reads(&[Kind::I32])?.gives(shape, Kind::Bits { planes: t.planes() }, 1)
        }
        Layer::MaxPoolBits { window } => cx.reads_bits()?.gives(cx.pool(*window)?, cx.input.ty.kind, 1),
        Layer::GlobalSumBits => {
            let out = Shape::new(1, 1, shape.c);
            cx.reads(&[Kind::Bits { planes: 1 }])?.sum(out, u128::try_from(shape.pixels()).unwrap_or(u128::MAX))?
        }
        Layer::GlobalSum => {
            let pixels = u128::try_from(shape.pixels()).unwrap_or(u128::MAX);
            cx.reads(&[Kind::I32])?.sum(Shape::new(1, 1, shape.c), pixels.saturating_mul(cx.input.bound))?
        }
        Layer::Add => {
            let other = inputs[1];
            if other.ty != cx.input.ty {
                return Err(cx.input_error(other.ty, format!("two maps of one type, the first is {}", cx.input.ty)));
            }
            cx.reads(&[Kind::I32, Kind::F32])?;
            match cx.input.ty.kind {
                Kind::F32 => cx.gives(shape, Kind::F32, 0),
                _ => cx.sum(shape, cx.input.bound + other.bound)?,
            }
        }
        Layer::OffsetShift { offset, shift } => {
            per_channel("offset", offset.len())?;
            if *shift > 31 {
                let what = format!("{name}.shift");
                return Err(NnError::OutOfRange { what, value: shift.to_string(), allowed: "0 to 31".into() });
            }
            let largest = offset.iter().map(|o| u128::from(o.unsigned_abs())).max().unwrap_or(0);
            cx.reads(&[Kind::I32])?.sum(shape, cx.input.bound + largest)?
        }
        Layer::Standardise(s) => {
            per_channel("multiplier", s.channels())?;
            cx.reads(&[Kind::I32])?.gives(shape, Kind::I8, 127)
        }
        Layer::Int8(layer) => super::int8::infer(layer, &cx, inputs.get(1).copied())?,
        Layer::OutputTransform(t) => {
            t.check(name, shape.c)?;
            cx.reads(&[Kind::I32])?.gives(shape, Kind::F32, 0)
        }
        Layer::CombineBases { bases, coefficients } => {
            per_channel("coefficients", coefficients.len())?;
            check_finite(&format!("{name}.coefficients"), coefficients)?;
            if *bases == 0 || !shape.c.is_multiple_of(*bases) {
                let allowed = format!("a divisor of the {} channels it reads", shape.c);
                return Err(NnError::OutOfRange { what: format!("{name}.bases"), value: bases.to_string(), allowed });
            }
            cx.reads(&[Kind::I32])?.gives(Shape::new(shape.h, shape.w, shape.c / bases), Kind::F32, 0)
        }
        Layer::Gate | Layer::Concat | Layer::AddLast => joined(&cx, inputs)?,
        _ => float(&cx, per_channel)?,
    };
    info.ty.shape.checked(&format!("the output of `{name}`"))?;
    Ok(info)
}

/// Float layers of several inputs.
fn joined(cx: &Cx<'_>, inputs: &[Info]) -> Result<Info, NnError> {
    let kinds: &[Kind] = if matches!(cx.layer, Layer::Concat) { &[Kind::F32, Kind::I8] } else { &[Kind::F32] };
    let TensorType { shape, kind } = cx.reads(kinds)?.input.ty;
    let Shape { h, w, c } = shape;
    let (fits, expected): (fn(Shape, Shape) -> bool, String) = match cx.layer {
        Layer::Gate => (|a, b| b == Shape::new(1, 1, a.c), format!("f32 of 1x1x{c} as its gate")),
        Layer::AddLast => {
            (|a, b| (a.h, a.w) == (b.h, b.w) && b.c <= a.c, format!("f32 of {h}x{w} with at most {c} channels"))
        }
        _ => (|a, b| (a.h, a.w) == (b.h, b.w), format!("{kind} maps of {h}x{w}")),
    };
    if let Some(other) = inputs[1..].iter().find(|i| i.ty.kind != kind || !fits(shape, i.ty.shape)) {
        return Err(cx.input_error(other.ty, expected));
    }
    let channels = inputs.iter().map(|i| i.ty.shape.c).fold(0, usize::saturating_add);
    let out = if matches!(cx.layer, Layer::Concat) { Shape::new(h, w, channels) } else { shape };
    Ok(cx.gives(out, kind, cx.input.bound))
}

fn float(cx: &Cx<'_>, per_channel: impl Fn(&str, usize) -> Result<(), NnError>) -> Result<Info, NnError> {
    let (name, shape) = (cx.name, cx.input.ty.shape);
    let finite = |what: &str, values: &[f32]| check_finite(&format!("{name}.{what}"), values);
    let bias_ok = |bias: &[f32], out: usize| {
        finite("bias", bias)?;
        if bias.is_empty() { Ok(()) } else { check_len(&format!("{name}.bias"), bias.len(), out) }
    };
    match cx.layer {
        Layer::Affine { mul, add } => {
            per_channel("mul", mul.len())?;
            per_channel("add", add.len())?;
            finite("mul", mul)?;
            finite("add", add)?;
            return Ok(cx.gives(shape, Kind::F32, 0));
        }
        Layer::Relu => {
            let cx = cx.reads(&[Kind::I32, Kind::F32])?;
            return Ok(cx.gives(shape, cx.input.ty.kind, cx.input.bound));
        }
        Layer::MaxPool { window } => {
            let cx = cx.reads(&[Kind::I32, Kind::F32])?;
            return Ok(cx.gives(cx.pool(*window)?, cx.input.ty.kind, cx.input.bound));
        }
        Layer::Sign => return Ok(cx.reads(&[Kind::F32])?.gives(shape, Kind::Bits { planes: 1 }, 1)),
        _ => cx.reads(&[Kind::F32])?,
    };
    let out = match cx.layer {
        Layer::PRelu { alpha } => {
            per_channel("alpha", alpha.len())?;
            finite("alpha", alpha)?;
            shape
        }
        Layer::Bias { bias } => {
            per_channel("bias", bias.len())?;
            finite("bias", bias)?;
            shape
        }
        Layer::Sigmoid | Layer::Tanh | Layer::HardSwish | Layer::Softmax => shape,
        Layer::Clamp { low, high } => {
            if !low.is_finite() || !high.is_finite() || low > high {
                return Err(cx.out_of_range(
                    "limits",
                    format!("{low} and {high}"),
                    "two finite numbers, the lower one first",
                ));
            }
            shape
        }
        Layer::Slice { start, len } => {
            if *len == 0 || start.checked_add(*len).is_none_or(|end| end > shape.c) {
                let (what, value) = (format!("{name}.slice"), format!("{start}+{len}"));
                return Err(NnError::OutOfRange {
                    what,
                    value,
                    allowed: format!("a range within {} channels", shape.c),
                });
            }
            Shape::new(shape.h, shape.w, *len)
        }
        Layer::SignConv { weights, window } => {
            check_len(&format!("{name}.weight planes"), weights.planes(), 1)?;
            cx.conv(*window, weights.size())?
        }
        Layer::FloatConv { weights, out, bias, window } => {
            finite("weight", weights)?;
            bias_ok(bias, *out)?;
            let size = FilterSize { out: *out, taps: window.taps(), ic: shape.c };
            check_len(&format!("{name}.weight"), weights.len(), out.saturating_mul(size.fan_in()))?;
            cx.conv(*window, size)?
        }
        Layer::DepthwiseConv { weights, bias, window } => {
            finite("weight", weights)?;
            bias_ok(bias, shape.c)?;
            check_len(&format!("{name}.weight"), weights.len(), window.taps().saturating_mul(shape.c))?;
            cx.pool(*window)?
        }
        Layer::FloatDense { weights, out, bias } => {
            finite("weight", weights)?;
            bias_ok(bias, *out)?;
            check_len(&format!("{name}.weight"), weights.len(), out.saturating_mul(shape.len()))?;
            Shape::new(1, 1, *out)
        }
        Layer::AvgPool { window } => cx.pool(*window)?,
        Layer::GlobalAvgPool => Shape::new(1, 1, shape.c),
        other => unreachable!("`{}` is handled with the integer layers", other.op()),
    };
    Ok(cx.gives(out, Kind::F32, 0))
}

/// One layer, its name and its first input.
pub(super) struct Cx<'a> {
    layer: &'a Layer,
    name: &'a str,
    pub(super) input: Info,
}

impl Cx<'_> {
    pub(super) fn input_error(&self, found: TensorType, expected: String) -> NnError {
        NnError::Input { node: self.name.to_owned(), op: self.layer.op(), found: found.to_string(), expected }
    }

    /// Name of one of the layer's tensors or numbers.
    pub(super) fn part(&self, what: &str) -> String {
        format!("{}.{what}", self.name)
    }

    pub(super) fn out_of_range(&self, what: &str, value: impl std::fmt::Display, allowed: &str) -> NnError {
        NnError::OutOfRange { what: self.part(what), value: value.to_string(), allowed: allowed.to_owned() }
    }

    /// A zero point: one of the 8-bit codes.
    pub(super) fn code(&self, what: &str, value: i32) -> Result<(), NnError> {
        i8::try_from(value).map(drop).map_err(|_| self.out_of_range(what, value, "-128 to 127"))
    }

    /// Refuses sums that 32 bits cannot hold.
    pub(super) fn fits_i32(&self, bound: u128) -> Result<(), NnError> {
        if bound < 1 << 31 {
            return Ok(());
        }
        Err(NnError::Overflow { what: format!("layer `{}`", self.name), bound })
    }

    fn window(&self, problem: &str) -> NnError {
        NnError::BadWindow { what: format!("layer `{}`", self.name), problem: problem.to_owned() }
    }

    pub(super) fn reads(&self, kinds: &[Kind]) -> Result<&Self, NnError> {
        if kinds.contains(&self.input.ty.kind) {
            return Ok(self);
        }
        let names: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        Err(self.input_error(self.input.ty, names.join(" or ")))
    }

    fn reads_bits(&self) -> Result<&Self, NnError> {
        self.reads(&[Kind::Bits { planes: 1 }, Kind::Bits { planes: 2 }])
    }

    pub(super) fn gives(&self, shape: Shape, kind: Kind, bound: u128) -> Info {
        Info { ty: TensorType::new(shape, kind), bound }
    }

    /// An i32 map whose sums are at most `bound`, or an error where that does not fit.
    pub(super) fn sum(&self, shape: Shape, bound: u128) -> Result<Info, NnError> {
        // Half of the range stays free, so that 2·popcount and comparisons cannot wrap either.
        if bound > 1 << 30 {
            return Err(NnError::Overflow { what: format!("layer `{}`", self.name), bound });
        }
        Ok(self.gives(shape, Kind::I32, bound))
    }

    pub(super) fn conv(&self, window: Window, size: FilterSize) -> Result<Shape, NnError> {
        let g = window.over(self.input.ty.shape, &format!("layer `{}`", self.name))?;
        check_len(&format!("{}.weight taps", self.name), size.taps, window.taps())?;
        check_len(&format!("{}.weight channels", self.name), size.ic, self.input.ty.shape.c)?;
        Ok(Shape::new(g.oh, g.ow, size.out))
    }

    pub(super) fn pool(&self, window: Window) -> Result<Shape, NnError> {
        let g = window.over(self.input.ty.shape, &format!("layer `{}`", self.name))?;
        Ok(Shape::new(g.oh, g.ow, self.input.ty.shape.c))
    }
}
