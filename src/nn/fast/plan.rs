//! From layers to instructions: which layers run together, and where their maps lie.

use super::binary::Binary;
use super::conv::Conv;
use super::elementwise::Unary;
use super::input_conv::InputConv;
use super::int8::Eight;
use super::places;
use super::pool::Windowed;
use super::tail::{Post, Scale, Signs};
use crate::nn::run::{geometry, whole};
use crate::nn::{Geometry, GraphSpec, Info, Kind, Layer, Source, TensorType};

/// A network as this machine runs it.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(super) instructions: Vec<Instruction>,
    /// Type of every place for a map.
    pub(super) slots: Vec<TensorType>,
    /// Where the output and the features lie.
    pub(super) output: Operand,
    pub(super) features: Operand,
}

/// What an instruction reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Image,
    Slot(usize),
}

/// One layer and those that follow it while its results are in the first-level cache.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub kernel: Kernel,
    pub inputs: Vec<Operand>,
    /// What becomes of integer sums.
    pub ints: Ints,
    /// What becomes of floats, one after the other.
    pub posts: Vec<Post>,
    /// Where the result goes, if anybody but `signs` wants it.
    pub out: Option<usize>,
    /// Where the signs of a float result go.
    pub signs: Option<usize>,
    /// Channels of the result.
    pub channels: usize,
    /// The first of the nodes that run here.
    pub head: usize,
    /// The last one.
    pub node: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kernel {
    Binary(Binary),
    Input(InputConv),
    /// A convolution over floats, or over a map that these operations make of its input row by row.
    Float(Conv<f32>, Vec<Unary>),
    Windowed(Windowed),
    /// The input as floats, for elementwise layers that follow nothing else.
    Floats,
    /// The sums of an earlier layer.
    Sums,
    MaxPoolBits(Geometry),
    Eight(Eight),
    /// The reference kernel.
    Reference,
}

#[derive(Debug, Clone)]
pub(super) enum Ints {
    Keep,
    Signs(Signs),
    Scale(Scale),
}

impl Program {
    /// Lays a checked network out; `readers` counts those of each node, the output's and the features' included.
    pub(crate) fn new(spec: &GraphSpec, infos: &[Info], readers: &[usize], features: Source) -> Self {
        let mut planner = Planner::new(spec, infos, readers);
        for node in 0..spec.nodes.len() {
            if !planner.done[node] && !planner.is_prologue(node) {
                planner.instruction(node);
            }
        }
        planner.finish(features)
    }
}

/// An instruction before its maps have places.
pub(super) struct Draft {
    pub instruction: Instruction,
    pub inputs: Vec<Source>,
    /// Maps that [`Post::Add`]s read, in order.
    pub added: Vec<Source>,
    /// Nodes whose result is the signs of this one's.
    pub signs: Vec<usize>,
}

struct Planner<'a> {
    spec: &'a GraphSpec,
    infos: &'a [Info],
    readers: &'a [usize],
    consumers: Vec<Vec<usize>>,
    done: Vec<bool>,
    drafts: Vec<Draft>,
}

impl<'a> Planner<'a> {
    fn new(spec: &'a GraphSpec, infos: &'a [Info], readers: &'a [usize]) -> Self {
        let mut consumers = vec![Vec::new(); spec.nodes.len()];
        for (i, node) in spec.nodes.iter().enumerate() {
            for source in &node.inputs {
                if let Source::Node(n) = source {
                    consumers[*n].push(i);
                }
            }
        }
        Self { spec, infos, readers, consumers, done: vec![false; spec.nodes.len()], drafts: Vec::new() }
    }

    fn type_of(&self, source: Source) -> TensorType {
        match source {
            Source::Image => self.spec.input,
            Source::Node(n) => self.infos[n].ty,
        }
    }

    /// The one layer that reads a node, if nobody else wants it.
    fn only_reader(&self, node: usize) -> Option<usize> {
        match (self.readers[node], self.consumers[node].as_slice()) {
            (1, [next]) if !self.done[*next] => Some(*next),
            _ => None,
        }
    }

    /// Whether a node scales the image for a convolution that alone reads it: then it runs where that reads.
    fn is_prologue(&self, node: usize) -> bool {
        let spec = &self.spec.nodes[node];
        let next = self.only_reader(node).map(|n| &self.spec.nodes[n].layer);
        matches!(spec.layer, Layer::Affine { .. })
            && spec.inputs == [Source::Image]
            && matches!(next, Some(Layer::FloatConv { .. } | Layer::SignConv { .. }))
    }

    fn instruction(&mut self, node: usize) {
        let spec = &self.spec.nodes[node];
        let mut kernel = self.kernel(node);
        let mut inputs = spec.inputs.clone();
        if let (Kernel::Float(_, before), [Source::Node(n)]) = (&mut kernel, spec.inputs.as_slice())
            && self.is_prologue(*n)
            && let Some(Post::Unary(op)) = Post::unary(&self.spec.nodes[*n].layer)
        {
            self.done[*n] = true;
            before.push(op);
            inputs.clone_from(&self.spec.nodes[*n].inputs);
        }
        let mut draft = Draft {
            instruction: Instruction {
                kernel,
                inputs: Vec::new(),
                ints: Ints::Keep,
                posts: Vec::new(),
                out: None,
                signs: None,
                channels: 0,
                head: node,
                node,
            },
            inputs,
            added: Vec::new(),
            signs: Vec::new(),
        };
        self.done[node] = true;
        let last = match draft.instruction.kernel {
            Kernel::Binary(_) | Kernel::Input(_) => self.after_sums(node, &mut draft),
            Kernel::Float(..) | Kernel::Windowed(_) => Some(node),
            Kernel::Sums => self.consume_sums(node, false, &mut draft),
            Kernel::Floats => self.consume(node, &mut draft),
            Kernel::MaxPoolBits(_) | Kernel::Eight(_) | Kernel::Reference => None,
        };
        if let Some(last) = last {
            self.after_floats(last, &mut draft);
        }
        draft.instruction.channels = self.infos[draft.instruction.node].ty.shape.c;
        self.drafts.push(draft);
    }

    /// The kernel of a node that begins an instruction.
    fn kernel(&self, node: usize) -> Kernel {
        let spec = &self.spec.nodes[node];
        let input = self.type_of(spec.inputs[0]);
        let (shape, over) = (input.shape, |window| geometry(window, input.shape));
        let float = |conv| Kernel::Float(conv, Vec::new());
        let kernel = match (&spec.layer, input.kind) {
            (Layer::BinaryConv { weights, window }, Kind::Bits { planes }) => {
                Binary::new(weights, planes, &over(*window)).map(Kernel::Binary)
            }
            (Layer::BinaryDense { weights }, Kind::Bits { planes }) => {
                Binary::new(weights, planes, &whole(shape)).map(Kernel::Binary)
            }
            (Layer::InputConv { weights, window, offset }, _) => {
                InputConv::new(weights, *offset, input, &over(*window)).map(Kernel::Input)
            }
            (Layer::Int8(layer), _) => Eight::new(layer, input).map(Kernel::Eight),
            (Layer::FloatConv { weights, out, bias, window }, _) => {
                Conv::new(weights, *out, bias, shape.c, &over(*window)).map(float)
            }
            (Layer::SignConv { weights, window }, _) => {
                let values: Vec<f32> = weights.values().iter().map(|w| f32::from(*w)).collect();
                Conv::new(&values, weights.size().out, &[], shape.c, &over(*window)).map(float)
            }
            (Layer::FloatDense { weights, out, bias }, _) => {
                Conv::new(weights, *out, bias, shape.c, &whole(shape)).map(float)
            }
            (
                Layer::DepthwiseConv { window, .. } | Layer::AvgPool { window } | Layer::MaxPool { window },
                Kind::F32,
            ) => Windowed::new(&spec.layer, shape.c, over(*window)).map(Kernel::Windowed),
            (Layer::GlobalAvgPool, _) => Windowed::new(&spec.layer, shape.c, whole(shape)).map(Kernel::Windowed),
            (Layer::MaxPoolBits { window }, _) => Some(Kernel::MaxPoolBits(over(*window))),
            (Layer::Threshold(_) | Layer::OutputTransform(_), _) => Some(Kernel::Sums),
            (Layer::Affine { .. }, Kind::I32) => Some(Kernel::Sums),
            (Layer::Affine { .. }, _) => Some(Kernel::Floats),
            (Layer::Add | Layer::Relu | Layer::PRelu { .. } | Layer::Bias { .. } | Layer::Sign, Kind::F32) => {
                Some(Kernel::Floats)
            }
            _ => None,
        };
        kernel.unwrap_or(Kernel::Reference)
    }

    /// Follows integer sums; gives the last node whose result is floats, if they become floats.
    fn after_sums(&mut self, node: usize, draft: &mut Draft) -> Option<usize> {
        let next = self.only_reader(node)?;
        if !matches!(self.spec.nodes[next].layer, Layer::Relu) {
            return self.consume_sums(next, false, draft);
        }
        // A ReLU is fused where floats follow it: then it is a clamp.
        let after = self.only_reader(next)?;
        let floats = Scale::of(&self.spec.nodes[after].layer, true, self.infos[after].ty.shape.c).is_some();
        if floats {
            self.done[next] = true;
            return self.consume_sums(after, true, draft);
        }
        None
    }

    /// Takes in the layer that turns sums into signs or floats; gives it if floats come out.
    fn consume_sums(&mut self, node: usize, relu: bool, draft: &mut Draft) -> Option<usize> {
        let layer = &self.spec.nodes[node].layer;
        if let Layer::Threshold(t) = layer {
            draft.instruction.ints = Ints::Signs(Signs::new(t));
            self.take(node, draft);
            return None;
        }
        draft.instruction.ints = Ints::Scale(Scale::of(layer, relu, self.infos[node].ty.shape.c)?);
        self.take(node, draft);
        Some(node)
    }

    fn take(&mut self, node: usize, draft: &mut Draft) {
        self.done[node] = true;
        draft.instruction.node = node;
    }

    /// Takes in the elementwise layer that begins an instruction.
    fn consume(&mut self, node: usize, draft: &mut Draft) -> Option<usize> {
        let spec = &self.spec.nodes[node];
        match &spec.layer {
            Layer::Sign => {
                draft.signs.push(node);
                return None;
            }
            Layer::Add => {
                draft.inputs.truncate(1);
                draft.instruction.posts.push(Post::Add(Operand::Image));
                draft.added.push(spec.inputs[1]);
            }
            layer => draft.instruction.posts.extend(Post::unary(layer)),
        }
        Some(node)
    }

    /// Takes in the elementwise layers after `node`, and the signs of the last one.
    fn after_floats(&mut self, mut node: usize, draft: &mut Draft) {
        while let Some(next) = self.only_reader(node) {
            let spec = &self.spec.nodes[next];
            if let Some(post) = Post::unary(&spec.layer) {
                draft.instruction.posts.push(post);
            } else if let (Layer::Add, [a, b]) = (&spec.layer, spec.inputs.as_slice()) {
                let other = if *a == Source::Node(node) { *b } else { *a };
                // The other map must be there by now, and be a map of its own.
                let ready = match other {
                    Source::Image => true,
                    Source::Node(n) => n != node && self.has_place(n),
                };
                if !ready {
                    break;
                }
                draft.instruction.posts.push(Post::Add(Operand::Image));
                draft.added.push(other);
            } else {
                break;
            }
            self.take(next, draft);
            node = next;
        }
        for next in self.consumers[node].clone() {
            if matches!(self.spec.nodes[next].layer, Layer::Sign) && !self.done[next] {
                self.done[next] = true;
                draft.signs.push(next);
            }
        }
    }

    /// Whether an earlier instruction leaves this node's result in memory.
    fn has_place(&self, node: usize) -> bool {
        self.drafts.iter().any(|d| d.instruction.node == node || d.signs.contains(&node))
    }

    fn finish(self, features: Source) -> Program {
        places::assign(self.spec, self.infos, self.readers, self.drafts, features)
    }
}
