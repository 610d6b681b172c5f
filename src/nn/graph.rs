//! A network: layers in the order they run, checked once, then run without surprises.

use super::counts::products;
use super::fast::Program;
use super::infer::{Info, infer};
use super::{Layer, NnError, Shape, TensorType};

/// Where a layer reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The image.
    Image,
    /// The output of an earlier node, by its place in the list.
    Node(usize),
}

/// One layer with its name and inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique; buffers and costs carry it.
    pub name: String,
    /// What it does.
    pub layer: Layer,
    /// What it reads.
    pub inputs: Vec<Source>,
    /// Of a convolution whose filters are dilated or grouped ones written out with zeros: products in one output value without
    /// those zeros (0 for a map of constants), which are no weights and count no multiply-accumulates. `None`: one a weight.
    pub products: Option<usize>,
}

impl Node {
    /// A node whose filters are all weights.
    pub fn new(name: &str, layer: Layer, inputs: Vec<Source>) -> Self {
        Self { name: name.to_owned(), layer, inputs, products: None }
    }
}

/// A network as it is described, before any check.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphSpec {
    /// Name of the network.
    pub name: String,
    /// What it reads.
    pub input: TensorType,
    /// Layers in an order in which each one's inputs come before it; the last one's output is the network's.
    pub nodes: Vec<Node>,
    /// The layer that turns features into scores, if the network has one: features are then what it reads.
    pub classifier: Option<String>,
    /// Classes that the network was trained on.
    pub trained_classes: Vec<usize>,
    /// Origin, licence, how it was made.
    pub notes: String,
    /// Whether the weights are stand-ins of the right size: such a network can be counted and priced, but not run.
    pub shapes_only: bool,
}

impl GraphSpec {
    /// An empty network over u8 images.
    pub fn new(name: &str, input: Shape) -> Self {
        let input = TensorType::new(input, super::Kind::U8);
        let (nodes, notes) = (Vec::new(), String::new());
        let (classifier, trained_classes, shapes_only) = (None, Vec::new(), false);
        Self { name: name.to_owned(), input, nodes, classifier, trained_classes, notes, shapes_only }
    }

    /// Adds a layer that reads the one before it (the image, if it is the first).
    pub fn then(mut self, name: &str, layer: Layer) -> Self {
        let input = self.nodes.len().checked_sub(1).map_or(Source::Image, Source::Node);
        self.nodes.push(Node::new(name, layer, vec![input]));
        self
    }

    /// Adds a layer with its inputs.
    pub fn node(mut self, name: &str, layer: Layer, inputs: &[Source]) -> Self {
        self.nodes.push(Node::new(name, layer, inputs.to_vec()));
        self
    }

    /// The first node that holds the very filters of this one ([`BitFilters::is_same`](super::BitFilters::is_same)): itself, unless layers share them.
    pub fn filters_of(&self, node: usize) -> usize {
        let Some(own) = self.nodes[node].layer.filters() else { return node };
        let holds = |n: &Node| n.layer.filters().is_some_and(|filters| filters.is_same(own));
        self.nodes[..node].iter().position(holds).unwrap_or(node)
    }
}

/// What runs as one operation on a device: a node, or a convolution with the threshold or output transform that alone reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The node that does the work.
    pub node: usize,
    /// The threshold or output transform fused into it.
    pub fused: Option<usize>,
}

impl Step {
    /// The node whose output the step writes.
    pub fn output(self) -> usize {
        self.fused.unwrap_or(self.node)
    }
}

/// A checked network.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) spec: GraphSpec,
    pub(crate) infos: Vec<Info>,
    pub(crate) steps: Vec<Step>,
    /// How this machine runs it; none without weights.
    pub(crate) program: Option<Program>,
    /// How many readers each node has, those outside of the network counted.
    pub(crate) readers: Vec<usize>,
    classifier: Option<usize>,
}

impl Graph {
    /// Checks a network: names, order, shapes, types, finite weights, sums within 32 bits.
    ///
    /// # Errors
    /// [`NnError`] says which layer is wrong and how.
    pub fn new(spec: GraphSpec) -> Result<Self, NnError> {
        spec.input.shape.checked("the input image")?;
        if spec.nodes.is_empty() {
            return Err(NnError::Empty);
        }
        let mut infos: Vec<Info> = Vec::with_capacity(spec.nodes.len());
        for (i, node) in spec.nodes.iter().enumerate() {
            let taken = spec.nodes[..i].iter().any(|n| n.name == node.name);
            if node.name.is_empty() || node.name == "image" || node.name == "input" || taken {
                return Err(NnError::BadName(node.name.clone()));
            }
            let mut inputs = Vec::with_capacity(node.inputs.len());
            for source in &node.inputs {
                inputs.push(match source {
                    Source::Image => Info::new(spec.input),
                    Source::Node(n) if *n < i => infos[*n],
                    Source::Node(n) => {
                        let input = spec.nodes.get(*n).map_or_else(|| format!("#{n}"), |n| n.name.clone());
                        return Err(NnError::UnknownInput { node: node.name.clone(), input });
                    }
                });
            }
            infos.push(infer(&node.layer, &node.name, &inputs)?);
            check_products(node, inputs[0].ty.shape)?;
        }
        let classifier = find_classifier(&spec, &infos)?;
        let readers = count_readers(&spec, classifier);
        let steps = plan(&spec, &readers);
        let mut graph = Self { spec, infos, steps, program: None, readers, classifier };
        // Stand-ins are never multiplied, so nothing is laid out for them.
        if !graph.spec.shapes_only {
            let features = graph.feature_source();
            graph.program = Some(Program::new(&graph.spec, &graph.infos, &graph.readers, features));
        }
        Ok(graph)
    }

    /// The description it was made from.
    pub fn spec(&self) -> &GraphSpec {
        &self.spec
    }

    /// Name of the network.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What it reads.
    pub fn input(&self) -> TensorType {
        self.spec.input
    }

    /// What its last layer gives.
    pub fn output(&self) -> TensorType {
        self.infos[self.infos.len() - 1].ty
    }

    /// What its features are: the classifier's input, or the output where there is no classifier.
    pub fn feature_type(&self) -> TensorType {
        self.source_type(self.feature_source())
    }

    /// What follows the features, as a network that reads them instead of images. `None` without a classifier, where something
    /// else than the features reaches behind it, and where features are bits or sums, which no network can read.
    pub fn head(&self) -> Option<Self> {
        let (first, features) = (self.classifier?, self.feature_source());
        let moved = |source: &Source| match source {
            s if *s == features => Some(Source::Image),
            Source::Node(n) => n.checked_sub(first).map(Source::Node),
            Source::Image => None,
        };
        let node = |n: &Node| {
            let inputs = n.inputs.iter().map(moved).collect::<Option<_>>()?;
            Some(Node { inputs, ..n.clone() })
        };
        let nodes = self.spec.nodes[first..].iter().map(node).collect::<Option<_>>()?;
        Self::new(GraphSpec { input: self.feature_type(), nodes, ..self.spec.clone() }).ok()
    }

    /// The classifier's place among the nodes, if there is one.
    pub fn classifier(&self) -> Option<usize> {
        self.classifier
    }

    /// Shape and type of a node's output.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn node_type(&self, node: usize) -> TensorType {
        self.infos[node].ty
    }

    pub(crate) fn feature_source(&self) -> Source {
        match self.classifier {
            Some(n) => self.spec.nodes[n].inputs[0],
            None => Source::Node(self.spec.nodes.len() - 1),
        }
    }

    pub(crate) fn source_type(&self, source: Source) -> TensorType {
        match source {
            Source::Image => self.spec.input,
            Source::Node(n) => self.infos[n].ty,
        }
    }

    /// Largest magnitude that an integer of a map can have, at most 2^30.
    pub(super) fn bound(&self, source: Source) -> i32 {
        let bound = match source {
            Source::Image => Info::new(self.spec.input).bound,
            Source::Node(n) => self.infos[n].bound,
        };
        i32::try_from(bound.min(1 << 30)).expect("at most 2^30")
    }

    /// How many read a node: layers, the output and the features.
    pub(super) fn readers(&self, node: usize) -> usize {
        self.readers[node]
    }

    /// Bytes of all weights, thresholds and tables as a device stores them.
    pub fn weight_bytes(&self) -> u64 {
        crate::trace::constant_bytes(&self.calls())
    }
}

fn find_classifier(spec: &GraphSpec, infos: &[Info]) -> Result<Option<usize>, NnError> {
    let Some(name) = &spec.classifier else { return Ok(None) };
    let problem = |p: &str| NnError::Classifier { node: name.clone(), problem: p.to_owned() };
    let Some(found) = spec.nodes.iter().position(|n| n.name == *name) else {
        return Err(problem("there is no layer of that name"));
    };
    let output = infos[infos.len() - 1].ty;
    if output.shape.pixels() != 1 {
        return Err(problem("the network's output must be one score a class (a 1x1 map)"));
    }
    if output.shape.c < 2 {
        return Err(problem("there must be at least two classes"));
    }
    Ok(Some(found))
}

/// Readers of each node; the output and the features are read once more, by whoever asked for them.
fn count_readers(spec: &GraphSpec, classifier: Option<usize>) -> Vec<usize> {
    let mut readers = vec![0; spec.nodes.len()];
    let features = classifier.and_then(|n| spec.nodes[n].inputs.first());
    for source in spec.nodes.iter().flat_map(|n| &n.inputs).chain(features) {
        if let Source::Node(n) = source {
            readers[*n] += 1;
        }
    }
    if let Some(last) = readers.last_mut() {
        *last += 1;
    }
    readers
}

/// Nodes in order, each threshold or output transform merged into the linear layer that it alone and directly reads.
fn plan(spec: &GraphSpec, readers: &[usize]) -> Vec<Step> {
    let fuses = |linear: &Layer, next: &Layer| match next {
        Layer::Threshold(_) => {
            matches!(linear, Layer::InputConv { .. } | Layer::BinaryConv { .. } | Layer::BinaryDense { .. })
        }
        Layer::OutputTransform(_) => matches!(linear, Layer::BinaryConv { .. } | Layer::BinaryDense { .. }),
        _ => false,
    };
    let mut steps: Vec<Step> = Vec::with_capacity(spec.nodes.len());
    for (i, node) in spec.nodes.iter().enumerate() {
        if let (Some(Source::Node(n)), Some(last)) = (node.inputs.first(), steps.last_mut())
            && last.node == *n
            && last.fused.is_none()
            && readers[*n] == 1
            && fuses(&spec.nodes[*n].layer, &node.layer)
        {
            last.fused = Some(i);
        } else {
            steps.push(Step { node: i, fused: None });
        }
    }
    steps
}

/// Written-out filters have no product that was not there.
fn check_products(node: &Node, from: Shape) -> Result<(), NnError> {
    let most = products(&node.layer, from);
    match node.products {
        Some(n) if n > most => Err(NnError::OutOfRange {
            what: format!("{}.products", node.name),
            value: n.to_string(),
            allowed: format!("0 to {most}, the weights of one of its filters"),
        }),
        _ => Ok(()),
    }
}
