//! One way to name a network on the command line: a published network's name, or a file of any known format.

use super::Failure;
use std::path::Path;
use tinyprec::import::{self, LoadOptions};
use tinyprec::nn::Graph;
use tinyprec::nn::networks::{self, Architecture, Options, Parameters, Shapes};

/// A network and where it came from.
pub struct Model {
    /// The network; without weights where it came from the list.
    pub graph: Graph,
    /// The published network, and its parameters as its framework counts them; `None` for a file.
    pub published: Option<(&'static Architecture, u64)>,
}

/// Loads a file, or builds a published network from shapes. `input` asks for rows and columns where the network leaves them open.
pub fn model(name: &str, input: Option<[usize; 2]>) -> Result<Model, Failure> {
    if let Some(architecture) = named(name) {
        return published(architecture, input, &mut Shapes);
    }
    let path = Path::new(name);
    if !path.exists() && !name.contains(['/', '.']) {
        let problem = "is neither a file nor a network of the list; `tinyprec model list` shows the names";
        return Err(Failure::new(format!("{name}: {problem}")));
    }
    let graph = file(path, input)?;
    Ok(Model { graph, published: None })
}

/// A network to run on images of a size: a file whose network takes them, or says why not.
pub fn model_for(name: &str, images: [usize; 2], pixels: bool) -> Result<Graph, Failure> {
    if let Some(architecture) = named(name) {
        let problem = "is a published network's name; weights are needed to run it, so give the file that has them";
        return Err(Failure::new(format!("{}: {problem}", architecture.name)));
    }
    Ok(import::load_with(Path::new(name), &LoadOptions { input: Some(images), pixels })?)
}

fn file(path: &Path, input: Option<[usize; 2]>) -> Result<Graph, Failure> {
    let graph = import::load_with(path, &LoadOptions { input, ..LoadOptions::default() })?;
    let shape = graph.input().shape;
    match input {
        Some([h, w]) if [h, w] != [shape.h, shape.w] => {
            let problem = format!("reads images of {shape} and no other size; leave --input out");
            Err(Failure::new(format!("{}: {problem}", path.display())))
        }
        _ => Ok(graph),
    }
}

/// The network of that name, unless a file has it.
pub fn named(name: &str) -> Option<&'static Architecture> {
    if Path::new(name).is_file() { None } else { networks::find(name) }
}

/// A published network with the weights of a source.
pub fn published(
    architecture: &'static Architecture,
    input: Option<[usize; 2]>,
    from: &mut dyn Parameters,
) -> Result<Model, Failure> {
    let mut options: Options = architecture.options();
    if let Some([h, w]) = input {
        options.input = [h, w, options.input[2]];
    }
    let built = architecture.build(options, from)?;
    let parameters = built.parameters();
    Ok(Model { graph: Graph::new(built.spec)?, published: Some((architecture, parameters)) })
}
