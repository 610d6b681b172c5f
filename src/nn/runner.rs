//! A network with memory to run in.

use super::fast::{Program, Space};
use super::{Graph, NnError, Tensor};
use crate::bits::Isa;

/// Runs a network image by image in maps that are made once: the way to time a network, or to run many images.
///
/// ```
/// # use tinyprec::nn::{Graph, GraphSpec, Layer, Runner, Shape, Tensor};
/// # let spec = GraphSpec::new("g", Shape::new(2, 2, 3)).then("x", Layer::PackInput { threshold: 9, flatten: false });
/// let graph = Graph::new(spec.then("ones", Layer::GlobalSumBits))?;
/// let mut runner = Runner::new(&graph)?;
/// for pixel in [0, 200] {
///     let image = Tensor::image(Shape::new(2, 2, 3), &[pixel; 12])?;
///     let seen = runner.run(&image)?;
///     assert_eq!(seen.output.integers(), Some(vec![if pixel < 9 { 0 } else { 4 }; 3]));
/// }
/// # Ok::<(), tinyprec::nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct Runner<'g> {
    graph: &'g Graph,
    program: &'g Program,
    space: Space,
    isa: Isa,
}

/// What the last image gave, until the next one runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// The last layer's output.
    pub output: &'a Tensor,
    /// The classifier's input; the same as the output where there is no classifier.
    pub features: &'a Tensor,
}

impl<'g> Runner<'g> {
    /// With the fastest kernels of this machine.
    ///
    /// # Errors
    /// [`NnError::NoWeights`] if the network was built from shapes.
    pub fn new(graph: &'g Graph) -> Result<Self, NnError> {
        Self::with(graph, Isa::best())
    }

    /// With the kernels of one instruction set; those that the machine lacks fall back to portable ones.
    ///
    /// # Errors
    /// As [`Runner::new`].
    pub fn with(graph: &'g Graph, isa: Isa) -> Result<Self, NnError> {
        let program = graph.program.as_ref().ok_or_else(|| NnError::NoWeights(graph.name().to_owned()))?;
        Ok(Self { graph, program, space: Space::new(program), isa })
    }

    /// Runs one image.
    ///
    /// # Errors
    /// [`NnError::Image`] if the image is not what the network reads.
    pub fn run<'a>(&'a mut self, image: &'a Tensor) -> Result<Seen<'a>, NnError> {
        self.run_parts(image, |_| ())
    }

    /// Runs one image; `after` hears each time the node that began what just ran: it, and the elementwise layers behind it
    /// that ran with it. Whoever has a clock can tell from that where the time goes.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_parts<'a>(&'a mut self, image: &'a Tensor, after: impl FnMut(usize)) -> Result<Seen<'a>, NnError> {
        self.graph.check_image(image)?;
        self.program.run(self.graph, image, self.isa, &mut self.space, after);
        let output = self.program.output(image, &self.space);
        Ok(Seen { output, features: self.program.features(image, &self.space) })
    }
}
