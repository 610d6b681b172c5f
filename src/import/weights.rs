//! Files of weights alone: which published network they belong to, and its graph with those weights.
//!
//! A network is recognised by its tensors: each of the published ones says what it would ask for, and the file must hold all
//! of it, by name and dimensions. Keras' automatic numbers may start anywhere (they restart only with the process that made
//! the network), PyTorch's names may carry `module.`.

use super::container::Tensors;
use super::{ImportError, LoadOptions};
use crate::nn::networks::{ARCHITECTURES, Architecture, Options, Parameters, Shapes};
use crate::nn::{Graph, NnError};
use safetensors::Dtype;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every published network has more; building all of them to compare is not for every small file that lost its metadata.
const FEWEST_TENSORS: usize = 20;

/// A network's first tensors. A file that has none of them is not compared with the rest, for that means building the network.
const PROBED: usize = 4;

/// Named float tensors of a file.
pub(super) trait FloatTensors {
    /// Names and dimensions.
    fn list(&self) -> BTreeMap<String, Vec<usize>>;
    /// Values of a tensor of the list, in the file's order.
    fn values(&self, name: &str) -> Result<Vec<f32>, String>;
}

/// F32, and I8 whose latent weight is a 128th of the number.
impl FloatTensors for Tensors<'_> {
    fn list(&self) -> BTreeMap<String, Vec<usize>> {
        let shape = |name: &str| self.get(name).map(|raw| (name.to_owned(), raw.shape));
        self.names().into_iter().filter_map(shape).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, String> {
        let raw = self.get(name).ok_or("is missing")?;
        match raw.dtype {
            Dtype::F32 => Ok(raw.f32s()),
            Dtype::I8 => Ok(raw.i8s().into_iter().map(|v| f32::from(v) / 128.0).collect()),
            other => Err(format!("is {other:?}, expected F32, or I8 of 128ths")),
        }
    }
}

/// The network of a file of weights.
pub(super) fn load(path: &Path, tensors: &dyn FloatTensors, wanted: &LoadOptions) -> Result<Graph, ImportError> {
    let list = tensors.list();
    if list.len() < FEWEST_TENSORS {
        return Err(ImportError::UnknownWeights { path: path.to_owned(), closest: String::new() });
    }
    let names = Names::new(list);
    let network = |source| ImportError::Network { path: path.to_owned(), source };
    let mut closest: Option<(usize, &Architecture, String)> = None;
    for architecture in ARCHITECTURES {
        let options = wanted.options(architecture);
        // Tensors are those of the published size, whatever size is wanted; a few networks have another stem for small images.
        let sizes = [architecture.input, options.input];
        let sizes = if sizes[0] == sizes[1] { &sizes[1..] } else { &sizes[..] };
        for (input, top) in sizes.iter().flat_map(|size| [(*size, true), (*size, false)]) {
            match names.fit(architecture, Options { input, top, ..options }) {
                Ok(classes) => {
                    let mut source = Source { names: &names, tensors };
                    let options = Options { top, classes, ..options };
                    let built = architecture.build(options, &mut source).map_err(network)?;
                    return Graph::new(built.spec).map_err(network);
                }
                Err((found, problem)) if closest.as_ref().is_none_or(|c| found > c.0) => {
                    closest = Some((found, architecture, problem));
                }
                Err(_) => {}
            }
        }
    }
    let closest = closest.filter(|c| c.0 > 0).map(|(_, a, problem)| format!("; closest is {}, but {problem}", a.name));
    Err(ImportError::UnknownWeights { path: path.to_owned(), closest: closest.unwrap_or_default() })
}

/// A file's tensors under the names that networks ask for.
struct Names {
    list: BTreeMap<String, Vec<usize>>,
    /// Name asked for → name in the file, where they differ.
    aliases: BTreeMap<String, String>,
}

impl Names {
    fn new(list: BTreeMap<String, Vec<usize>>) -> Self {
        let mut aliases = renumbered(list.keys());
        for name in list.keys() {
            let plain = name.strip_prefix("module.").unwrap_or(name);
            // ReActNet's authors call the latent kernels of 1×1 and 3×3 layers `weights`.
            for alias in [plain, plain.strip_suffix('s').unwrap_or(plain)] {
                if !list.contains_key(alias) {
                    aliases.entry(alias.to_owned()).or_insert_with(|| name.clone());
                }
            }
        }
        Self { list, aliases }
    }

    /// The file's name for a tensor.
    fn find(&self, name: &str) -> Option<(&String, &Vec<usize>)> {
        let renamed = self.aliases.get(name).and_then(|n| self.list.get_key_value(n));
        // A number that was moved stands for another tensor under its old name, so the moved one goes first.
        renamed.or_else(|| self.list.get_key_value(name))
    }

    /// Whether the file has any of a network's first tensors.
    fn begins(&self, architecture: &Architecture, options: Options) -> bool {
        let mut probe = Probe(Vec::new());
        // It ends with the probe's own error, or with another one: what was asked for until then is what counts.
        let _ = architecture.build(options, &mut probe);
        probe.0.iter().any(|(name, dims)| self.find(name).is_some_and(|(_, given)| same(given, dims)))
    }

    /// The number of classes if the file has all that a network asks for; else how much it has and what is wrong first.
    fn fit(&self, architecture: &Architecture, options: Options) -> Result<usize, (usize, String)> {
        if !self.begins(architecture, options) {
            return Err((0, "its first tensors are missing".to_owned()));
        }
        let built = architecture.build(options, &mut Shapes).map_err(|e| (0, e.to_string()))?;
        let mut classes = options.classes;
        let (mut found, mut problem) = (0, None);
        for (name, dims) in &built.tensors {
            match self.find(name) {
                Some((_, given)) if same(given, dims) => found += 1,
                // The classifier's own dimension may be another than the published one.
                Some((_, given)) if options.top && differs_in_classes(given, dims, options.classes).is_some() => {
                    classes = differs_in_classes(given, dims, options.classes).unwrap_or(classes);
                    found += 1;
                }
                Some((file_name, given)) => {
                    problem.get_or_insert_with(|| format!("`{file_name}` has shape {given:?}, expected {dims:?}"));
                }
                None => {
                    problem.get_or_insert_with(|| format!("`{name}` {dims:?} is missing"));
                }
            }
        }
        match problem {
            None => Ok(classes),
            Some(problem) => Err((found, problem)),
        }
    }
}

/// Writes down what a network asks for first, and ends it there.
struct Probe(Vec<(String, Vec<usize>)>);

impl Parameters for Probe {
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        if self.0.len() == PROBED {
            return Err(NnError::Parameter { name: name.to_owned(), problem: "is not asked for".to_owned() });
        }
        self.0.push((name.to_owned(), dims.to_vec()));
        Ok(vec![0.0; dims.iter().product()])
    }

    fn integers(&mut self, name: &str, _: usize) -> Result<Vec<i32>, NnError> {
        Err(NnError::Parameter { name: name.to_owned(), problem: "is no float tensor".to_owned() })
    }

    fn stand_ins(&self) -> bool {
        true
    }
}

/// Equal but for dimensions of 1, or a flat list of as many elements.
fn same(given: &[usize], dims: &[usize]) -> bool {
    let squeezed = |d: &[usize]| d.iter().copied().filter(|n| *n != 1).collect::<Vec<_>>();
    let (given, dims) = (squeezed(given), squeezed(dims));
    given == dims || (given.len() == 1 && given.iter().product::<usize>() == dims.iter().product::<usize>())
}

fn differs_in_classes(given: &[usize], dims: &[usize], published: usize) -> Option<usize> {
    let mut other = None;
    if given.len() != dims.len() {
        return None;
    }
    for (g, d) in given.iter().zip(dims) {
        match (g == d, *d == published && other.is_none()) {
            (true, _) => {}
            (false, true) => other = Some(*g),
            (false, false) => return None,
        }
    }
    other.filter(|classes| *classes >= 2)
}

/// Keras names with automatic numbers counted from 0 again: `conv2d_7/kernel:0` → `conv2d/kernel:0` where 7 is the smallest.
fn renumbered<'a>(names: impl Iterator<Item = &'a String> + Clone) -> BTreeMap<String, String> {
    let split = |name: &'a String| {
        let (layer, tensor) = name.split_once('/')?;
        let numbered = layer.rsplit_once('_').and_then(|(base, n)| Some((base, n.parse::<usize>().ok()?)));
        Some((numbered.unwrap_or((layer, 0)), tensor))
    };
    let mut numbers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for ((base, n), _) in names.clone().filter_map(split) {
        numbers.entry(base).or_default().insert(n);
    }
    let mut moved = BTreeMap::new();
    for name in names {
        let Some(((base, n), tensor)) = split(name) else { continue };
        let Some(rank) = numbers.get(base).and_then(|all| all.iter().position(|other| *other == n)) else { continue };
        let layer = if rank == 0 { base.to_owned() } else { format!("{base}_{rank}") };
        if rank != n {
            moved.insert(format!("{layer}/{tensor}"), name.clone());
        }
    }
    moved
}

/// The file as a source of weights.
struct Source<'a> {
    names: &'a Names,
    tensors: &'a dyn FloatTensors,
}

impl Source<'_> {
    fn named(&self, name: &str, dims: &[usize]) -> Result<&String, NnError> {
        let wrong = |problem: String| NnError::Parameter { name: name.to_owned(), problem };
        let (file_name, given) = self.names.find(name).ok_or_else(|| wrong("is missing".to_owned()))?;
        if same(given, dims) { Ok(file_name) } else { Err(wrong(format!("has shape {given:?}, expected {dims:?}"))) }
    }
}

impl Parameters for Source<'_> {
    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, NnError> {
        let file_name = self.named(name, dims)?;
        self.tensors.values(file_name).map_err(|problem| NnError::Parameter { name: file_name.clone(), problem })
    }

    fn integers(&mut self, name: &str, _: usize) -> Result<Vec<i32>, NnError> {
        Err(NnError::Parameter { name: name.to_owned(), problem: "is no float tensor".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::networks;

    /// Tensors of a network, all zeros, under changed names.
    struct Renamed(BTreeMap<String, Vec<usize>>);

    impl FloatTensors for Renamed {
        fn list(&self) -> BTreeMap<String, Vec<usize>> {
            self.0.clone()
        }
        fn values(&self, name: &str) -> Result<Vec<f32>, String> {
            Ok(vec![0.5; self.0[name].iter().product()])
        }
    }

    fn tensors(network: &str, classes: usize, rename: impl Fn(&str) -> String) -> Renamed {
        let a = networks::find(network).unwrap();
        let built = a.build(Options { classes, ..a.options() }, &mut Shapes).unwrap();
        Renamed(built.tensors.into_iter().map(|(name, dims)| (rename(&name), dims)).collect())
    }

    fn loaded(tensors: &Renamed) -> Result<Graph, ImportError> {
        load(Path::new("w"), tensors, &LoadOptions { input: Some([64, 64]), ..LoadOptions::default() })
    }

    #[test]
    fn networks_are_known_by_their_tensors_whatever_number_keras_began_with() {
        let later = |name: &str| {
            let (layer, tensor) = name.split_once('/').unwrap();
            let (base, n) =
                layer.rsplit_once('_').and_then(|(b, n)| Some((b, n.parse().ok()?))).unwrap_or((layer, 0_usize));
            format!("{base}_{}/{tensor}", n + 7)
        };
        let graph = loaded(&tensors("QuickNetSmall", 10, later)).unwrap();
        assert_eq!((graph.name(), graph.output().shape.c), ("QuickNetSmall", 10));
        let module = |name: &str| format!("module.{}", name.replace("binary_conv.weight", "binary_conv.weights"));
        assert_eq!(loaded(&tensors("ReActNet-ResNet18", 1000, module)).unwrap().name(), "ReActNet-ResNet18");
    }

    #[test]
    fn a_network_without_its_classifier_gives_features() {
        let mut bare = tensors("BiRealNet", 1000, str::to_owned);
        bare.0.retain(|name, _| !name.starts_with("dense"));
        let graph = loaded(&bare).unwrap();
        assert_eq!((graph.name(), graph.output().shape.c, graph.classifier()), ("BiRealNet", 512, None));
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut broken = tensors("QuickNet", 1000, str::to_owned);
        broken.0.remove("batch_normalization_4/beta:0");
        let message = loaded(&broken).unwrap_err().to_string();
        assert!(
            message.contains("closest is QuickNet, but `batch_normalization_4/beta:0` [64] is missing"),
            "{message}"
        );
        let nothing = Renamed(BTreeMap::from([("x".to_owned(), vec![3])]));
        assert!(loaded(&nothing).unwrap_err().to_string().contains("no known network"));
    }
}
