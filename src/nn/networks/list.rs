//! The list of networks, and how one is built.

use super::builder::{Builder, Naming};
use super::parameters::{Parameters, Shapes};
use super::{MxNode, abcnet, alexnet, bmxnet, bnn_pynq, densenet, mlperf_tiny, quicknet, reactnet, residual};
use crate::nn::{GraphSpec, Kind, NnError};

/// A published network.
#[derive(Debug, Clone, Copy)]
pub struct Architecture {
    /// Its usual name.
    pub name: &'static str,
    /// Paper and definition.
    pub source: &'static str,
    /// Rows, columns and channels that it was published with.
    pub input: [usize; 3],
    /// Classes that it was published with.
    pub classes: usize,
    naming: Naming,
    /// Type of the image where it is not the options' choice.
    input_kind: Option<Kind>,
    layers: fn(&mut Builder<'_>) -> Result<(), NnError>,
}

/// What can be chosen about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Rows, columns and channels of the image.
    pub input: [usize; 3],
    /// Whether it reads pixels (u8; the first layer then applies the mean and scale it was trained with) or floats prepared so.
    pub pixels: bool,
    /// Whether the classifier is there; without it the output is the features.
    pub top: bool,
    /// Classes.
    pub classes: usize,
}

/// A network as built: its description, and each tensor it asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The description.
    pub spec: GraphSpec,
    /// Names and dimensions of the tensors, in the order of asking.
    pub tensors: Vec<(String, Vec<usize>)>,
}

impl Built {
    /// Elements of all its tensors: the parameters as the framework counts them, running means and variances included.
    pub fn parameters(&self) -> u64 {
        let product = |dims: &[usize]| dims.iter().product::<usize>();
        self.tensors.iter().map(|(_, dims)| u64::try_from(product(dims)).unwrap_or(u64::MAX)).sum()
    }
}

const IMAGENET: [usize; 3] = [224, 224, 3];

const fn keras(
    name: &'static str,
    layers: fn(&mut Builder<'_>) -> Result<(), NnError>,
    source: &'static str,
) -> Architecture {
    Architecture { name, source, input: IMAGENET, classes: 1000, naming: Naming::Keras, input_kind: None, layers }
}

const fn torch(
    name: &'static str,
    layers: fn(&mut Builder<'_>) -> Result<(), NnError>,
    source: &'static str,
) -> Architecture {
    Architecture { naming: Naming::Torch, ..keras(name, layers, source) }
}

const fn pynq(
    name: &'static str,
    layers: fn(&mut Builder<'_>) -> Result<(), NnError>,
    input: [usize; 3],
) -> Architecture {
    let source = "Umuroglu et al., FPGA 2017; BNN-PYNQ";
    Architecture { name, source, input, classes: 10, naming: Naming::Torch, input_kind: Some(Kind::U8), layers }
}

const fn tiny(
    name: &'static str,
    layers: fn(&mut Builder<'_>) -> Result<(), NnError>,
    input: [usize; 3],
    classes: usize,
) -> Architecture {
    let source = "Banbury et al., NeurIPS 2021; MLPerf Tiny 1.0, int8";
    Architecture { name, source, input, classes, naming: Naming::Torch, input_kind: Some(Kind::I8), layers }
}

/// All networks, in the order in which they are listed.
pub const ARCHITECTURES: &[Architecture] = &[
    keras("QuickNetSmall", quicknet::small, "Bannink et al., MLSys 2021; larq-zoo 2.4"),
    keras("QuickNet", quicknet::medium, "Bannink et al., MLSys 2021; larq-zoo 2.4"),
    keras("QuickNetLarge", quicknet::large, "Bannink et al., MLSys 2021; larq-zoo 2.4"),
    keras("BiRealNet", residual::bireal, "Liu et al., ECCV 2018; larq-zoo 2.4"),
    keras("RealToBinaryNet", residual::real_to_binary, "Martinez et al., ICLR 2020; larq-zoo 2.4"),
    keras("XNORNet", alexnet::xnornet, "Rastegari et al., ECCV 2016; larq-zoo 2.4"),
    keras("BinaryAlexNet", alexnet::binary_alexnet, "Hubara et al., NIPS 2016; larq-zoo 2.4"),
    keras("BinaryResNetE18", residual::resnet_e, "Bethge et al., 2019; larq-zoo 2.4"),
    keras("BinaryDenseNet28", densenet::densenet28, "Bethge et al., 2019; larq-zoo 2.4"),
    keras("BinaryDenseNet37", densenet::densenet37, "Bethge et al., 2019; larq-zoo 2.4"),
    keras("BinaryDenseNet45", densenet::densenet45, "Bethge et al., 2019; larq-zoo 2.4"),
    keras("MeliusNet22", densenet::meliusnet22, "Bethge et al., 2020; larq-zoo 2.4"),
    torch("ReActNet-A", reactnet::reactnet_a, "Liu et al., ECCV 2020; the authors' PyTorch code"),
    torch("ReActNet-ResNet18", reactnet::reactnet_resnet18, "Liu et al., ECCV 2020; the authors' PyTorch code"),
    torch("ABCNet-ResNet18-5x5", abcnet::resnet18_5x5, "Lin et al., NIPS 2017; 5 weight and 5 activation bases"),
    torch("ABCNet-ResNet18-5x3", abcnet::resnet18_5x3, "Lin et al., NIPS 2017; 5 weight and 3 activation bases"),
    Architecture {
        naming: Naming::Mxnet,
        ..keras("BMXNet-ResNet18", bmxnet::imagenet, "Yang et al., ACM MM 2017; BMXNet, float first stage")
    },
    Architecture {
        input: [32, 32, 3],
        classes: 10,
        naming: Naming::Mxnet,
        ..keras("BMXNet-ResNet18-CIFAR10", bmxnet::cifar10, "Yang et al., ACM MM 2017; BMXNet")
    },
    pynq("CNV-W1A1", bnn_pynq::cnv_w1a1, [32, 32, 3]),
    pynq("CNV-W1A2", bnn_pynq::cnv_w1a2, [32, 32, 3]),
    pynq("CNV-W2A2", bnn_pynq::cnv_w2a2, [32, 32, 3]),
    pynq("LFC-W1A1", bnn_pynq::lfc_w1a1, [28, 28, 1]),
    pynq("LFC-W1A2", bnn_pynq::lfc_w1a2, [28, 28, 1]),
    tiny("ResNet-8", mlperf_tiny::resnet8, [32, 32, 3], 10),
    tiny("DS-CNN", mlperf_tiny::ds_cnn, [49, 10, 1], 12),
    tiny("MobileNetV1-0.25", mlperf_tiny::mobilenet, [96, 96, 3], 2),
    tiny("AD-Autoencoder", mlperf_tiny::autoencoder, [1, 1, 640], 640),
];

/// The network of that name; case, hyphens and underscores do not matter.
pub fn find(name: &str) -> Option<&'static Architecture> {
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    ARCHITECTURES.iter().find(|a| plain(a.name) == plain(name))
}

impl Architecture {
    /// As it was published: its own image size and classes, reading pixels.
    pub fn options(&self) -> Options {
        Options { input: self.input, pixels: true, top: true, classes: self.classes }
    }

    /// Whether it is Keras' (larq-zoo's): its tensors are named `layer/weight:0` and numbered by layer type.
    pub fn is_keras(&self) -> bool {
        self.naming == Naming::Keras
    }

    /// Builds it with the weights of a source; with [`Shapes`] it can be counted and priced, but not run.
    ///
    /// # Errors
    /// [`NnError::InputSize`] names sides that work where this one does not; [`NnError::Parameter`] a tensor that the source lacks.
    pub fn build(&self, options: Options, from: &mut dyn Parameters) -> Result<Built, NnError> {
        let [h, w, c] = options.input;
        // Sizes first, and without weights, so that a wrong one costs nothing and says which sides work.
        if let Err(problem) = self.layers(options, &mut Shapes) {
            let sides = self.sides_near(options, h, w);
            if sides.is_empty() || c != self.input[2] {
                return Err(problem);
            }
            let network = self.name.to_owned();
            return Err(NnError::InputSize { network, h, w, problem: problem.to_string(), sides: sides.join(", ") });
        }
        self.layers(options, from)
    }

    fn layers(&self, options: Options, from: &mut dyn Parameters) -> Result<Built, NnError> {
        let mut builder = Builder::new(self.name, self.naming, options, from);
        if let Some(kind) = self.input_kind {
            builder.set_input_kind(kind);
        }
        (self.layers)(&mut builder)?;
        let (mut spec, tensors) = builder.finish();
        self.source.clone_into(&mut spec.notes);
        Ok(Built { spec, tensors })
    }

    /// Square sides that work, nearest first, at most four.
    fn sides_near(&self, options: Options, h: usize, w: usize) -> Vec<String> {
        let from = h.min(w).min(4096);
        let works = |side: &usize| {
            let input = [*side, *side, options.input[2]];
            self.layers(Options { input, ..options }, &mut Shapes).is_ok()
        };
        let near =
            (0..=64).flat_map(|d| [from.checked_sub(d), (d > 0).then_some(from + d)]).flatten().filter(|s| *s > 0);
        let published = self.input[0];
        near.filter(works).take(3).chain([published]).map(|s| s.to_string()).collect()
    }
}

/// A network given as MXNet's node list (BMXNet's files).
///
/// # Errors
/// As [`Architecture::build`].
pub fn mxnet(name: &str, nodes: &[MxNode], options: Options, from: &mut dyn Parameters) -> Result<Built, NnError> {
    let mut builder = Builder::new(name, Naming::Mxnet, options, from);
    bmxnet::translate(&mut builder, nodes)?;
    let (spec, tensors) = builder.finish();
    Ok(Built { spec, tensors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Graph;

    #[test]
    fn every_network_is_found_by_its_name_and_fits_together() {
        for a in ARCHITECTURES {
            assert_eq!(find(&a.name.to_uppercase().replace('-', "_")).map(|f| f.name), Some(a.name));
            let built = a.build(a.options(), &mut Shapes).unwrap_or_else(|e| panic!("{}: {e}", a.name));
            let graph = Graph::new(built.spec).unwrap_or_else(|e| panic!("{}: {e}", a.name));
            assert_eq!(graph.output().shape.len(), a.classes, "{}", a.name);
            let mut names: Vec<_> = built.tensors.iter().map(|(n, _)| n).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|w| w[0] != w[1]), "{}: a tensor twice", a.name);
        }
        assert!(find("AlexNet").is_none());
    }

    #[test]
    fn a_wrong_size_says_which_sides_work() {
        let error = |name: &str, side: usize| {
            let a = find(name).unwrap();
            a.build(Options { input: [side, side, 3], ..a.options() }, &mut Shapes).unwrap_err().to_string()
        };
        assert!(error("QuickNet", 8).contains("QuickNet does not take 8x8 images"), "{}", error("QuickNet", 8));
        assert!(error("ReActNet-A", 100).ends_with("nearest first: 96, 95, 127, 224"), "{}", error("ReActNet-A", 100));
        assert!(error("XNORNet", 300).contains("248"), "{}", error("XNORNet", 300));
    }
}
