//! What a row ran, as kernel calls.

use super::measurement::{DataType, Measurement};
use super::predict::Refusal;
use super::programs::program;
use super::software::list_type;
use crate::trace::{Access, BufferKind, BufferUse, Dims, KernelCall, Op, Phase, layer_list};

/// Columns that a `kernel:` workload may give.
const SHAPE: [&str; 13] =
    ["idx", "op", "in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kh", "kw", "stride", "pad", "groups"];

/// Calls of the row's whole workload and how many runs of it they are; `layers` gives the text of a layer list by the name that the row uses.
///
/// `kernel:conv in_h=8 in_w=8 in_c=64 out_h=8 out_w=8 out_c=64 kh=3 kw=3` is a list of one row. Layers in planes of bits run one
/// binary product for each pair of planes, after packing the activations. `probe:short-rows` is one of [`crate::export::probes`].
///
/// # Errors
/// [`Refusal`] where the workload is unknown, its list is not there, or its data types have no kernels in its class.
pub fn row_calls(
    row: &Measurement,
    layers: &dyn Fn(&str) -> Option<String>,
) -> Result<(Vec<KernelCall>, u64), Refusal> {
    if let Some(name) = row.layers.strip_prefix("probe:") {
        let probe = crate::export::probes().into_iter().find(|probe| probe.name == name);
        return probe
            .map(|p| (vec![p.call()], 1))
            .ok_or_else(|| Refusal::Workload(format!("there is no probe `{name}`")));
    }
    let kind = list_type(row).ok_or_else(|| Refusal::DataType(format!("{} in {}", row.dtype, row.class.name())))?;
    let text = match row.layers.split_once(':') {
        Some(("kernel", shape)) => one_row(shape)?,
        Some(("program", name)) => {
            return program(name).ok_or_else(|| Refusal::Workload(format!("there is no program `{name}`")));
        }
        Some((form, _)) => {
            return Err(Refusal::Workload(format!("`{form}:` is no form of workload; there are kernel: and program:")));
        }
        None if row.layers.is_empty() => return Err(Refusal::Workload("its layers are not known".to_owned())),
        None => layers(&row.layers).ok_or_else(|| Refusal::Workload(format!("no layer list `{}`", row.layers)))?,
    };
    let list = layer_list(&row.layers, &text, kind).map_err(|e| Refusal::Workload(e.to_string()))?;
    let DataType::Bits { activations, weights } = row.dtype else { return Ok((list.calls, 1)) };
    let planes = (u64::from(activations), u64::from(weights));
    Ok((list.calls.into_iter().flat_map(|call| bit_serial(call, planes)).collect(), 1))
}

/// A header and one row of a layer list from `op key=value …`; sides of maps that are not given are 1.
fn one_row(shape: &str) -> Result<String, Refusal> {
    let mut words = shape.split_whitespace();
    let op = words.next().ok_or_else(|| Refusal::Workload("`kernel:` needs an operation".to_owned()))?;
    let (mut header, mut cells) = ("idx,op".to_owned(), format!("0,{op}"));
    for side in ["in_h", "in_w", "out_h", "out_w"].iter().filter(|side| !shape.contains(&format!("{side}="))) {
        header = format!("{header},{side}");
        cells = format!("{cells},1");
    }
    for word in words {
        let known = |(key, value)| SHAPE.contains(&key).then_some((key, value));
        let (key, value) = word.split_once('=').and_then(known).ok_or_else(|| {
            Refusal::Workload(format!("`{word}` in `kernel:`; write key=value with {}", SHAPE[2..].join(", ")))
        })?;
        header = format!("{header},{key}");
        cells = format!("{cells},{value}");
    }
    Ok(format!("{header}\n{cells}\n"))
}

/// Packing of the activations' planes, and the product once for each pair of planes.
fn bit_serial(mut call: KernelCall, (activations, weights): (u64, u64)) -> Vec<KernelCall> {
    let dim = |name: &str| call.dims.get(name).unwrap_or(1);
    if call.op != Op::BinaryConv {
        call.times = activations * weights;
        return vec![call];
    }
    let n = dim("ih") * dim("iw") * dim("words") * 32;
    let site = format!("{} packing", call.site);
    let buffer =
        |name: &str, bytes, access| BufferUse::new(&format!("{site}.{name}"), bytes, BufferKind::Activation, access);
    let mut pack = KernelCall::new(Op::PackInput, Phase::Inference, &call.site)
        .dims(Dims::new().with("n", n))
        .elems(&[crate::trace::Elem::U8, crate::trace::Elem::B1])
        .buffer(buffer("in", n, Access::Read))
        .buffer(buffer("out", n / 8, Access::Write));
    pack.times = activations;
    call.times = activations * weights;
    vec![pack, call]
}

/// Calls of one layer, by the layer's `idx`.
pub fn is_of_layer(call: &KernelCall, idx: usize) -> bool {
    call.site.split(' ').next() == Some(idx.to_string().as_str())
}

/// What a call is to somebody who looks for a pattern: rows of one kind share a kernel.
pub fn kind_of(call: &KernelCall) -> &'static str {
    let taps = call.dims.get("kh").unwrap_or(1) * call.dims.get("kw").unwrap_or(1);
    match call.op {
        Op::Int8Conv | Op::FloatConv | Op::InputConv | Op::SignConv => match call.dims.get("ic") {
            Some(1..=4) => "first convolution",
            _ if taps == 1 => "pointwise",
            _ => "convolution",
        },
        Op::BinaryConv | Op::PackInput => "binary convolution",
        Op::Int8DepthwiseConv | Op::DepthwiseConv => "depthwise",
        Op::Int8Dense | Op::FloatDense | Op::BinaryDense => "dense",
        Op::Int8MaxPool | Op::MaxPool | Op::Int8AvgPool | Op::AvgPool | Op::Int8Mean | Op::GlobalAvgPool => "pooling",
        Op::Int8Softmax | Op::FloatSoftmax => "softmax",
        Op::Int8Add | Op::Add => "addition",
        _ => "other",
    }
}
