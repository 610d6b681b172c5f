//! Running a program: instruction by instruction, block by block, in memory that is there already.

use super::binary::BinaryScratch;
use super::conv::{Conv, ConvScratch, Input};
use super::elementwise::Unary;
use super::input_conv::InputScratch;
use super::int8::EightScratch;
use super::plan::{Instruction, Ints, Kernel, Operand, Program};
use super::pool::max_pool_bits;
use super::tail::{self, Post};
use super::{binary, elementwise};
use crate::bits::{Isa, words};
use crate::nn::run::single;
use crate::nn::{BitMap, Graph, Map, Shape, Tensor};
use std::mem;
use std::ops::Range;

/// Values of a block where no kernel sets its size.
const BLOCK_VALUES: usize = 4096;

/// Memory of one image's way through a network: its maps and scratch. Made once, used for any number of images.
#[derive(Debug)]
pub(crate) struct Space {
    slots: Vec<Tensor>,
    scratch: Scratch,
}

#[derive(Debug, Default)]
struct Scratch {
    binary: BinaryScratch,
    input: InputScratch,
    float: ConvScratch<f32>,
    eight: EightScratch,
    block: Vec<f32>,
    sums: Vec<i32>,
}

impl Space {
    pub(crate) fn new(program: &Program) -> Self {
        Self { slots: program.slots.iter().map(|ty| Tensor::zeros(*ty)).collect(), scratch: Scratch::default() }
    }

    fn read<'a>(&'a self, image: &'a Tensor, operand: Operand) -> &'a Tensor {
        match operand {
            Operand::Image => image,
            Operand::Slot(slot) => &self.slots[slot],
        }
    }
}

impl Program {
    /// Runs it on one image; output and features are read from `space` afterwards. `after` hears the first node of what ran
    /// together.
    pub(crate) fn run(&self, graph: &Graph, image: &Tensor, isa: Isa, space: &mut Space, mut after: impl FnMut(usize)) {
        for instruction in &self.instructions {
            let mut scratch = mem::take(&mut space.scratch);
            let mut out = instruction.out.map(|slot| mem::replace(&mut space.slots[slot], empty()));
            let mut signs = instruction.signs.map(|slot| mem::replace(&mut space.slots[slot], empty()));
            let step = Step { instruction, graph, image, space, isa };
            step.run(out.as_mut(), signs.as_mut(), &mut scratch);
            for (slot, map) in [(instruction.out, out), (instruction.signs, signs)] {
                if let (Some(slot), Some(map)) = (slot, map) {
                    space.slots[slot] = map;
                }
            }
            space.scratch = scratch;
            after(instruction.head);
        }
    }

    pub(crate) fn output<'a>(&self, image: &'a Tensor, space: &'a Space) -> &'a Tensor {
        space.read(image, self.output)
    }

    pub(crate) fn features<'a>(&self, image: &'a Tensor, space: &'a Space) -> &'a Tensor {
        space.read(image, self.features)
    }
}

/// Stands in a place whose map is being written.
fn empty() -> Tensor {
    Tensor::U8(Map::zeros(Shape::new(0, 0, 0)))
}

/// One instruction at work.
struct Step<'a> {
    instruction: &'a Instruction,
    graph: &'a Graph,
    image: &'a Tensor,
    space: &'a Space,
    isa: Isa,
}

impl Step<'_> {
    fn input(&self, i: usize) -> &Tensor {
        self.space.read(self.image, self.instruction.inputs[i])
    }

    fn run(&self, out: Option<&mut Tensor>, signs: Option<&mut Tensor>, scratch: &mut Scratch) {
        let x = self.input(0);
        match (&self.instruction.kernel, x) {
            (Kernel::Binary(kernel), Tensor::Bits(x)) => self.binary(kernel, x, Out::new(out, signs), scratch),
            (Kernel::Input(kernel), x) => {
                let mut to = Out::new(out, signs);
                let Scratch { input, block, .. } = scratch;
                kernel.run(self.isa, x, input, |range, sums| self.sums(range, sums, block, &mut to));
            }
            (Kernel::Sums, Tensor::I32(x)) => {
                let mut to = Out::new(out, signs);
                let channels = self.instruction.channels;
                for range in blocks(x.shape().pixels(), channels) {
                    let sums = &x.data()[range.start * channels..range.end * channels];
                    self.sums(range, sums, &mut scratch.block, &mut to);
                }
            }
            (Kernel::Float(kernel, before), x) => {
                self.conv(kernel, before, x, Out::new(out, signs), &mut scratch.float)
            }
            (Kernel::Windowed(kernel), Tensor::F32(x)) => {
                self.blocks(kernel.pixels(), Out::new(out, signs), &mut scratch.block, |range, block| {
                    kernel.block(self.isa, x.data(), range, block);
                });
            }
            (Kernel::Floats, x) => {
                let channels = self.instruction.channels;
                self.blocks(x.shape().pixels(), Out::new(out, signs), &mut scratch.block, |range, block| {
                    elementwise::floats(self.isa, x, range.start * channels, block);
                });
            }
            (Kernel::MaxPoolBits(g), Tensor::Bits(x)) => {
                if let Some(Tensor::Bits(out)) = out {
                    max_pool_bits(x, g, out);
                }
            }
            (Kernel::Eight(kernel), x) => {
                let second = (self.instruction.inputs.len() > 1).then(|| self.input(1));
                if let Some(out) = out {
                    kernel.run(self.isa, x, second, &mut scratch.eight, out);
                }
            }
            _ => {
                let node = &self.graph.spec.nodes[self.instruction.node];
                let inputs: Vec<&Tensor> = (0..self.instruction.inputs.len()).map(|i| self.input(i)).collect();
                if let Some(out) = out {
                    *out = single(node, &inputs);
                }
            }
        }
    }

    fn conv(&self, kernel: &Conv<f32>, before: &[Unary], x: &Tensor, mut to: Out<'_>, scratch: &mut ConvScratch<f32>) {
        let made = |at: usize, row: &mut [f32]| {
            elementwise::floats(self.isa, x, at, row);
            before.iter().for_each(|op| elementwise::unary(self.isa, op, row));
        };
        let input = match x {
            Tensor::F32(x) if before.is_empty() => Input::Map(x.data()),
            _ => Input::Rows(&made),
        };
        match to.floats {
            Some(map) if !self.adds_in_place() => {
                kernel.run(self.isa, &input, scratch, Some(map), |range, values| {
                    self.finish(range, values, &mut to.signs);
                });
            }
            _ => kernel.run(self.isa, &input, scratch, None, |range, block| self.floats(range, block, &mut to)),
        }
    }

    /// Blocks of floats that a kernel fills and the tail finishes.
    fn blocks(&self, pixels: usize, mut to: Out<'_>, block: &mut Vec<f32>, fill: impl Fn(Range<usize>, &mut [f32])) {
        let n = self.instruction.channels;
        for range in blocks(pixels, n) {
            match to.floats.as_deref_mut() {
                Some(map) if !self.adds_in_place() => {
                    let values = &mut map[range.start * n..range.end * n];
                    fill(range.clone(), values);
                    self.finish(range, values, &mut to.signs);
                }
                _ => {
                    block.resize(block.len().max(range.len() * n), 0.0);
                    let values = &mut block[..range.len() * n];
                    fill(range.clone(), values);
                    self.floats(range, values, &mut to);
                }
            }
        }
    }

    /// Whether the first thing to do with floats is to add them to what their place holds.
    fn adds_in_place(&self) -> bool {
        matches!(self.instruction.posts.first(), Some(Post::AddInPlace))
    }

    fn binary(&self, kernel: &binary::Binary, x: &BitMap, mut to: Out<'_>, scratch: &mut Scratch) {
        let Scratch { binary, block, sums, .. } = scratch;
        let n = kernel.out();
        kernel.run(x, binary, |range, counted| {
            let Ints::Scale(scale) = &self.instruction.ints else {
                sums.resize(sums.len().max(range.len() * n), 0);
                let sums = &mut sums[..range.len() * n];
                counted.sums(self.isa, sums);
                return self.sums(range, sums, block, &mut to);
            };
            // Floats go straight to where they belong, onto a residual if one lies there.
            let in_place = self.adds_in_place();
            let pixels = range.start * n..range.end * n;
            let values = match to.floats.as_deref_mut() {
                Some(map) => &mut map[pixels],
                None => {
                    block.resize(block.len().max(pixels.len()), 0.0);
                    &mut block[..pixels.len()]
                }
            };
            counted.scale(self.isa, scale, in_place, values);
            self.posts(&self.instruction.posts[usize::from(in_place)..], range.start, values);
            to.signs.pack(self.isa, range, n, values);
        });
    }

    /// What becomes of a block of sums.
    fn sums(&self, range: Range<usize>, sums: &[i32], block: &mut Vec<f32>, to: &mut Out<'_>) {
        let n = self.instruction.channels;
        match (&self.instruction.ints, to.other.as_deref_mut()) {
            (Ints::Scale(scale), _) => {
                block.resize(block.len().max(sums.len()), 0.0);
                scale.sums(self.isa, sums, &mut block[..sums.len()]);
                self.floats(range, &mut block[..sums.len()], to);
            }
            (Ints::Signs(signs), Some(Tensor::Bits(out))) => {
                let words = out.pixel_words();
                signs.sums(self.isa, sums, &mut out.words_mut()[range.start * words..range.end * words]);
            }
            (Ints::Keep, Some(Tensor::I32(out))) => {
                out.data_mut()[range.start * n..range.end * n].copy_from_slice(sums);
            }
            _ => {}
        }
    }

    /// Finishes a block of floats that lies in a place of its own.
    fn floats(&self, range: Range<usize>, values: &mut [f32], to: &mut Out<'_>) {
        let n = self.instruction.channels;
        let Some(map) = to.floats.as_deref_mut() else { return self.finish(range, values, &mut to.signs) };
        let place = &mut map[range.start * n..range.end * n];
        if self.adds_in_place() {
            elementwise::add(self.isa, place, values);
            self.posts(&self.instruction.posts[1..], range.start, place);
            to.signs.pack(self.isa, range, n, place);
        } else {
            place.copy_from_slice(values);
            self.finish(range, place, &mut to.signs);
        }
    }

    /// All elementwise layers, and the signs of what they leave.
    fn finish(&self, range: Range<usize>, values: &mut [f32], signs: &mut Signs<'_>) {
        self.posts(&self.instruction.posts, range.start, values);
        signs.pack(self.isa, range, self.instruction.channels, values);
    }

    fn posts(&self, posts: &[Post], pixel: usize, values: &mut [f32]) {
        for post in posts {
            match post {
                Post::Unary(op) => elementwise::unary(self.isa, op, values),
                Post::Add(operand) => {
                    let Tensor::F32(other) = self.space.read(self.image, *operand) else {
                        unreachable!("types were checked when the network was built")
                    };
                    let at = pixel * self.instruction.channels;
                    elementwise::add(self.isa, values, &other.data()[at..at + values.len()]);
                }
                Post::AddInPlace => unreachable!("the first one, done by whoever wrote the values"),
            }
        }
    }
}

/// Where results go.
struct Out<'a> {
    floats: Option<&'a mut [f32]>,
    /// A map of anything else.
    other: Option<&'a mut Tensor>,
    signs: Signs<'a>,
}

impl<'a> Out<'a> {
    fn new(out: Option<&'a mut Tensor>, signs: Option<&'a mut Tensor>) -> Self {
        let signs = match signs {
            Some(Tensor::Bits(map)) => Signs(Some(map)),
            _ => Signs(None),
        };
        match out {
            Some(Tensor::F32(map)) => Self { floats: Some(map.data_mut()), other: None, signs },
            other => Self { floats: None, other, signs },
        }
    }
}

/// Where the signs of float results go, if anybody reads them.
struct Signs<'a>(Option<&'a mut BitMap>);

impl Signs<'_> {
    /// Packs the signs of these pixels.
    fn pack(&mut self, isa: Isa, range: Range<usize>, n: usize, values: &[f32]) {
        let Some(map) = self.0.as_deref_mut() else { return };
        let w = words(n);
        tail::signs(isa, values, n, &mut map.words_mut()[range.start * w..range.end * w]);
    }
}

/// Ranges of pixels whose `channels` values stay in the first-level cache.
fn blocks(pixels: usize, channels: usize) -> impl Iterator<Item = Range<usize>> {
    let n = (BLOCK_VALUES / channels).max(1);
    (0..pixels).step_by(n).map(move |start| start..(start + n).min(pixels))
}
