//! The calls of a QuickNet-like backbone with a learning head, from shapes alone, with kernels that every set has.

use tinyprec::learn::{HeadConfig, HeadUnit, Precision, head_calls};
use tinyprec::trace::{Access, BufferKind, BufferUse, CallLog, Dims, Elem, KernelCall, Op, Phase, Sink};

/// Blocks and filters of QuickNet's four sections.
pub const SECTIONS: [(usize, u64); 4] = [(4, 64), (4, 128), (4, 256), (4, 512)];

/// A threshold and a 3×3 binary convolution a block at half the resolution a section, then the sum over pixels, one image
/// through the head, one step and one consolidation. `image` is the height and width, `width` scales the filters.
pub fn calls(image: u64, width: u64, blocks: usize, head: &HeadConfig, classes: usize) -> Vec<KernelCall> {
    let mut calls = Vec::new();
    let mut size = image / 4;
    let mut input = String::new();
    let mut channels = SECTIONS[0].1 * width / 64;
    for (section, &(_, filters)) in SECTIONS.iter().enumerate() {
        for block in 0..blocks {
            let site = format!("s{section}.b{block}");
            let out = filters * width / 64;
            // A section starts with a map of its own, half as large.
            if block == 0 {
                input = format!("{site}.in");
            }
            calls.extend(convolution(&site, &input, size, channels, out));
            (input, channels) = (format!("{site}.sum"), out);
        }
        size = size.div_ceil(2);
    }
    let pixels = (2 * size - 1) * (2 * size - 1);
    let act = |name: &str, bytes, access| BufferUse::new(name, bytes, BufferKind::Activation, access);
    calls.push(
        KernelCall::new(Op::GlobalSum, Phase::Inference, "pool")
            .dims(Dims::new().with("pixels", pixels).with("channels", channels))
            .elems(&[Elem::I32, Elem::I32])
            .buffer(act("pool.in", pixels * channels * 4, Access::Read))
            .buffer(act("head.raw", channels * 4, Access::Write)),
    );
    let features = usize::try_from(channels).expect("small");
    for unit in [
        HeadUnit::Forward,
        HeadUnit::Step { batch: head.batch },
        HeadUnit::Begin,
        HeadUnit::Consolidation { current: 2 },
    ] {
        calls.extend(head_calls(head, classes, features, unit).expect("valid"));
    }
    // As a run records them: equal neighbours are one call that runs many times.
    let mut log = CallLog::default();
    calls.into_iter().for_each(|call| log.record(call));
    log.into_calls()
}

fn convolution(site: &str, input: &str, size: u64, channels: u64, out: u64) -> Vec<KernelCall> {
    let pixels = size * size;
    let words = channels.div_ceil(32);
    let bits = format!("{site}.bits");
    let act = |name: &str, bytes, access| BufferUse::new(name, bytes, BufferKind::Activation, access);
    let weights = |name: String, bytes| BufferUse::new(&name, bytes, BufferKind::Weights, Access::Read);
    let pack = KernelCall::new(Op::Threshold, Phase::Inference, site)
        .dims(Dims::new().with("pixels", pixels).with("channels", channels))
        .elems(&[Elem::I32, Elem::B1])
        .buffer(act(input, pixels * channels * 4, Access::Read))
        .buffer(weights(format!("{site}.threshold"), channels * 4))
        .buffer(act(&bits, pixels * words * 4, Access::Write));
    let dims = [
        ("oh", size),
        ("ow", size),
        ("oc", out),
        ("kh", 3),
        ("kw", 3),
        ("words", words),
        ("ih", size + 2),
        ("iw", size + 2),
        ("stride", 1),
        ("terms", 9 * channels),
    ];
    let dims = dims.iter().fold(Dims::new(), |all, (name, value)| all.with(name, *value));
    let conv = KernelCall::new(Op::BinaryConv, Phase::Inference, site)
        .dims(dims)
        .elems(&[Elem::B1, Elem::B1, Elem::I32])
        .buffer(act(&bits, pixels * words * 4, Access::Read))
        .buffer(weights(format!("{site}.weight"), out * 9 * words * 4))
        .buffer(act(&format!("{site}.sum"), pixels * out * 4, Access::Write));
    vec![pack, conv]
}

/// A head in a preset.
pub fn head(preset: &str, batch: usize) -> HeadConfig {
    let mut head = HeadConfig::new(Precision::preset(preset).expect("a preset"), 0.01);
    head.batch = batch;
    head
}
