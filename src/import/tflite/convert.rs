//! Operators in their order → layers: what each tensor is in the graph, and which function turns which operator into layers.

use super::flatbuffer::{Table, Wrong};
use super::model::{CUSTOM, ElementType, Model, Operator};
use super::spread::Spread;
use crate::nn::{Fill, GraphSpec, Info, Kind, Layer, Node, Pad, Shape, Source, TensorType, Window, infer};

/// More channels than this are a broken file; every channel costs memory in each layer that has a number a channel.
const MOST_CHANNELS: usize = 1 << 20;

/// Where a tensor's values come from, and how the file sees them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub source: Source,
    /// The file's shape: another than the map's after a reshape.
    pub view: Shape,
    /// Rows and columns of zeros around it, `[top, left, bottom, right]`, still to be applied.
    pub pad: [usize; 4],
}

/// A network under construction.
pub(super) struct Converter<'a> {
    pub model: &'a Model<'a>,
    pub spec: GraphSpec,
    infos: Vec<Info>,
    /// By tensor.
    places: Vec<Option<Place>>,
    /// Constants under another number, by tensor: dequantised half-precision weights.
    pub aliases: Vec<Option<usize>>,
}

/// What turns one operator into layers.
type Convert<'a> = fn(&mut Converter<'a>, &Op<'_, 'a>) -> Result<Place, Wrong>;

/// One operator with the name of its layer.
pub(super) struct Op<'o, 'a> {
    pub operator: &'o Operator<'a>,
    /// `<operator in lower case>_<place>`.
    pub name: String,
}

/// What converts an operator, if anything does.
pub(super) fn handler<'a>(operator: &Operator<'a>) -> Option<Convert<'a>> {
    Some(match (operator.code, operator.custom.as_str()) {
        (CUSTOM, "LceQuantize") => Converter::lce_quantize,
        (CUSTOM, "LceDequantize") => Converter::lce_dequantize,
        (CUSTOM, "LceBconv2d") => Converter::lce_bconv,
        (CUSTOM, "LceBMaxPool2d") => Converter::lce_max_pool,
        (CUSTOM, _) => return None,
        (0, _) => Converter::add,
        (1 | 17, _) => Converter::pool,
        (2, _) => Converter::concatenation,
        (3, _) => Converter::conv,
        (4, _) => Converter::depthwise,
        (6, _) => Converter::dequantize,
        (9, _) => Converter::fully_connected,
        (14, _) => Converter::logistic,
        (18, _) => Converter::mul,
        (19..=21, _) => Converter::relu,
        (22 | 43 | 70, _) => Converter::reshape,
        (25, _) => Converter::softmax,
        (28, _) => Converter::tanh,
        (34 | 60, _) => Converter::pad,
        (40, _) => Converter::mean,
        (41, _) => Converter::sub,
        (54, _) => Converter::prelu,
        (114, _) => Converter::quantize,
        (117, _) => Converter::hard_swish,
        _ => return None,
    })
}

impl<'a> Converter<'a> {
    /// An empty network over the file's only activation input.
    pub(super) fn new(model: &'a Model<'a>, name: &str) -> Result<Self, Wrong> {
        let [input] = model.inputs.as_slice() else {
            return Err(format!("has {} inputs, networks with one are read", model.inputs.len()));
        };
        let tensor = &model.tensors[*input];
        let kind = match tensor.ty {
            ElementType::F32 => Kind::F32,
            ElementType::I8 => Kind::I8,
            other => return Err(format!("reads {other:?}, networks that read F32 or I8 are read")),
        };
        let shape = map_shape(&tensor.dims)?;
        let mut spec = GraphSpec::new(name, shape);
        spec.input = TensorType::new(shape, kind);
        spec.notes.clone_from(&model.description);
        let mut places = vec![None; model.tensors.len()];
        places[*input] = Some(Place { source: Source::Image, view: shape, pad: [0; 4] });
        let aliases = vec![None; model.tensors.len()];
        Ok(Self { model, spec, infos: Vec::new(), places, aliases })
    }

    /// Converts one operator.
    pub(super) fn operator(&mut self, index: usize) -> Result<(), Wrong> {
        let operator = &self.model.operators[index];
        let name = format!("{}_{index}", operator.name().to_ascii_lowercase());
        let op = Op { operator, name };
        let convert = handler(operator).ok_or("is not an operator that can be run")?;
        let [output] = operator.outputs.as_slice() else {
            return Err(format!("has {} outputs, expected 1", operator.outputs.len()));
        };
        if self.places[*output].is_some() {
            return Err(format!("writes tensor {output} a second time"));
        }
        if self.constant_alias(&op, *output)? {
            return Ok(());
        }
        let place = convert(self, &op)?;
        self.check_shape(*output, place)?;
        self.places[*output] = Some(place);
        Ok(())
    }

    /// Half-precision weights stay constants.
    fn constant_alias(&mut self, op: &Op<'_, 'a>, output: usize) -> Result<bool, Wrong> {
        let input = op.operator.inputs.first().copied().flatten();
        let is_half =
            |i: &usize| self.model.tensors[*i].ty == ElementType::F16 && !self.model.tensors[*i].data.is_empty();
        let found = input.filter(|i| op.operator.code == 6 && is_half(i));
        self.aliases[output] = found;
        Ok(found.is_some())
    }

    /// The file's own word on an output's shape.
    fn check_shape(&self, tensor: usize, place: Place) -> Result<(), Wrong> {
        let info = &self.model.tensors[tensor];
        let mut expected = place.view;
        expected.h += place.pad[0] + place.pad[2];
        expected.w += place.pad[1] + place.pad[3];
        if info.ty == ElementType::I32 {
            expected.c = expected.c.div_ceil(32);
        }
        let found = map_shape(&info.dims)?;
        if found == expected { Ok(()) } else { Err(format!("gives {expected}, but the file says {found}")) }
    }

    /// Adds a layer.
    pub(super) fn push(&mut self, name: &str, layer: Layer, inputs: &[Source]) -> Result<Place, Wrong> {
        let read: Vec<Info> = inputs.iter().map(|s| self.info(*s)).collect();
        let info = infer(&layer, name, &read).map_err(|e| e.to_string())?;
        let view = info.ty.shape;
        if view.c > MOST_CHANNELS {
            return Err(format!("gives {} channels, at most {MOST_CHANNELS} are read", view.c));
        }
        self.infos.push(info);
        self.spec.nodes.push(Node::new(name, layer, inputs.to_vec()));
        Ok(Place { source: Source::Node(self.spec.nodes.len() - 1), view, pad: [0; 4] })
    }

    /// Marks the last layer's filters as written out with zeros, if they are.
    pub(super) fn written_out(&mut self, spread: &Spread) {
        if spread.has_zeros() {
            self.own_products(spread.taps[0] * spread.taps[1] * spread.products);
        }
    }

    /// Says how many products an output value of the last layer has without written-out zeros.
    pub(super) fn own_products(&mut self, products: usize) {
        if let Some(node) = self.spec.nodes.last_mut() {
            node.products = Some(products);
        }
    }

    /// Adds a layer named `<operator>_<what>` behind another.
    pub(super) fn after(&mut self, op: &Op<'_, 'a>, place: Place, what: &str, layer: Layer) -> Result<Place, Wrong> {
        self.push(&format!("{}_{what}", op.name), layer, &[place.source])
    }

    fn info(&self, source: Source) -> Info {
        match source {
            Source::Image => Info::new(self.spec.input),
            Source::Node(n) => self.infos[n],
        }
    }

    /// Shape and kind of what is really there.
    pub(super) fn ty(&self, source: Source) -> TensorType {
        self.info(source).ty
    }

    /// The activation that is input `i`, as the file sees it.
    pub(super) fn place(&self, op: &Op<'_, 'a>, i: usize) -> Result<Place, Wrong> {
        let tensor = self.tensor(op, i)?;
        let name = &self.model.tensors[tensor].name;
        self.places[tensor].ok_or_else(|| format!("reads `{name}`, which is a constant or computed later"))
    }

    /// The activation that is input `i`, without a reshape or padding still to be applied.
    pub(super) fn map(&self, op: &Op<'_, 'a>, i: usize) -> Result<Source, Wrong> {
        let place = self.place(op, i)?;
        if place.pad != [0; 4] {
            return Err("follows a PAD; only a convolution without padding of its own may".to_owned());
        }
        let real = self.ty(place.source).shape;
        if place.view != real {
            return Err(format!("reads {real} reshaped to {}; only FULLY_CONNECTED may", place.view));
        }
        Ok(place.source)
    }

    /// Number of the tensor that is input `i`.
    pub(super) fn tensor(&self, op: &Op<'_, 'a>, i: usize) -> Result<usize, Wrong> {
        let found = self.optional(op, i);
        found.ok_or_else(|| format!("lacks input {i}"))
    }

    /// As [`Converter::tensor`], for inputs that may be left out.
    pub(super) fn optional(&self, op: &Op<'_, 'a>, i: usize) -> Option<usize> {
        let tensor = op.operator.inputs.get(i).copied().flatten()?;
        Some(self.aliases[tensor].unwrap_or(tensor))
    }

    /// Whether input `i` is a constant.
    pub(super) fn is_constant(&self, op: &Op<'_, 'a>, i: usize) -> Result<bool, Wrong> {
        let tensor = self.tensor(op, i)?;
        Ok(self.places[tensor].is_none() && !self.model.tensors[tensor].data.is_empty())
    }

    /// Where a tensor's values come from, once they are computed.
    pub(super) fn output_place(&self, tensor: usize) -> Option<Place> {
        self.places[tensor]
    }

    /// Number of the operator's output.
    pub(super) fn output(&self, op: &Op<'_, 'a>) -> usize {
        op.operator.outputs[0]
    }

    /// Whether the operator works on 8-bit codes: input `i` is of that type.
    pub(super) fn is_int8(&self, op: &Op<'_, 'a>, i: usize) -> Result<bool, Wrong> {
        let tensor = &self.model.tensors[self.tensor(op, i)?];
        match tensor.ty {
            ElementType::I8 => Ok(true),
            ElementType::F32 => Ok(false),
            other => Err(format!("reads {other:?}, expected F32 or I8")),
        }
    }

    /// How often a tensor is read.
    pub(super) fn readers(&self, tensor: usize) -> usize {
        let inputs = self.model.operators.iter().flat_map(|o| &o.inputs);
        inputs.filter(|i| **i == Some(tensor)).count()
    }
}

impl<'a> Op<'_, 'a> {
    /// The built-in options; operators may leave them out only if they have none.
    pub(super) fn options(&self) -> Result<Table<'a>, Wrong> {
        self.operator.options.ok_or_else(|| "has no options".to_owned())
    }

    /// Kernel, stride and padding of a window from the fields `padding`, `stride_w`, `stride_h` (0 to 2).
    pub(super) fn window(&self, kernel: [usize; 2], pad: [usize; 4]) -> Result<Window, Wrong> {
        let options = self.options()?;
        let stride = |field| size(options.i32(field, 0)?, "stride");
        let pad = match (options.u8(0)?, pad) {
            (0, [0, 0, 0, 0]) => Pad::Same,
            (1, [0, 0, 0, 0]) => Pad::Valid,
            (1, pad) => Pad::Explicit(pad),
            (0, _) => return Err("has padding of its own behind a PAD".to_owned()),
            (other, _) => return Err(format!("has padding {other}, known are 0 (SAME) and 1 (VALID)")),
        };
        Ok(Window { kernel, stride: [stride(2)?, stride(1)?], pad, fill: Fill::Zero })
    }

    /// Dilation down and right, from the fields of columns and rows.
    pub(super) fn dilation(&self, [columns, rows]: [usize; 2]) -> Result<[usize; 2], Wrong> {
        let options = self.options()?;
        let of = |field| match options.i32(field, 1)? {
            d @ 1..=4096 => size(d, "dilation"),
            d => Err(format!("has dilation {d}, allowed: 1 to 4096")),
        };
        Ok([of(rows)?, of(columns)?])
    }
}

/// A size from the file.
pub(super) fn size(value: i32, what: &str) -> Result<usize, Wrong> {
    usize::try_from(value).map_err(|_| format!("has {what} {value}"))
}

/// Height, width and channels of `[1, h, w, c]`, `[1, w, c]`, `[1, c]` or `[c]`.
pub(super) fn map_shape(dims: &[usize]) -> Result<Shape, Wrong> {
    let shape = match *dims {
        [1, h, w, c] => Shape::new(h, w, c),
        [1, w, c] => Shape::new(1, w, c),
        [1, c] | [c] => Shape::new(1, 1, c),
        _ => return Err(format!("has a map of shape {dims:?}; one image of at most three dimensions is read")),
    };
    let shape = shape.checked("a map").map_err(|e| e.to_string())?;
    if shape.c > MOST_CHANNELS { Err(format!("has a map of {} channels", shape.c)) } else { Ok(shape) }
}
