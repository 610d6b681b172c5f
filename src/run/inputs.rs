//! What an experiment reads: images and the frozen network, checked against each other, with their hashes.

use super::Features;
use super::images::misfit;
use super::sets::{self, Sets};
use crate::config::{ConfigError, Experiment};
use crate::data::{Dataset, Samples, Stream};
use crate::import::{self, LoadOptions};
use crate::nn::Graph;

/// Everything that was read.
#[derive(Debug)]
pub struct Inputs {
    /// Training images.
    pub train: Dataset,
    /// Test images.
    pub test: Dataset,
    /// Features of both, where the data are features and not images.
    pub features: Option<(Features, Features)>,
    /// The frozen network.
    pub graph: Graph,
    /// How the training images arrive.
    pub stream: Stream,
    /// SHA-256 of the network's file.
    pub model_hash: String,
    /// Path as given and SHA-256 of every file.
    pub hashes: Vec<(String, String)>,
}

/// Reads and checks all files of an experiment.
///
/// # Errors
/// [`ConfigError`] points at the entry of the experiment file whose file is missing, broken or of another shape.
pub fn read(experiment: &Experiment) -> Result<Inputs, ConfigError> {
    let Sets { train, test, features } = sets::read(experiment)?;
    if (train.shape(), train.n_classes()) != (test.shape(), test.n_classes()) {
        let message = format!(
            "training images are {:?} of {} classes, test images {:?} of {}",
            train.shape(),
            train.n_classes(),
            test.shape(),
            test.n_classes()
        );
        return Err(experiment.complain(&experiment.data.test.span, &message, "both must be of one data set"));
    }
    let [h, w, _] = train.shape();
    // Images that are normalised on the way need no network that does it again.
    let wanted = LoadOptions {
        input: features.is_none().then_some([h, w]),
        pixels: experiment.data.transform.normalise.is_none(),
    };
    let graph = import::load_with(&experiment.backbone.path, &wanted).map_err(|error| {
        experiment.complain(&experiment.backbone.span, &error.to_string(), "docs/backbone-format.md describes the file")
    })?;
    match &features {
        Some((stored, _)) => check_features(experiment, &graph, stored)?,
        None => check_shape(experiment, &graph, &train)?,
    }
    let (train, test) = match experiment.domains.of(train.shape()) {
        Some(domains) => (train.in_domains(domains.clone()), test.in_domains(domains)),
        None => (train, test),
    };
    let stream = stream(experiment, &train, &test)?;
    let hashes = sets::hashes(experiment)?;
    let model_hash = hashes.last().map_or_else(String::new, |(_, hash)| hash.clone());
    Ok(Inputs { train, test, features, graph, stream, model_hash, hashes })
}

/// Cuts the stream out of both sets.
fn stream(experiment: &Experiment, train: &Dataset, test: &Dataset) -> Result<Stream, ConfigError> {
    let labels = |set: &Dataset| set.labels().iter().map(|&l| usize::from(l)).collect::<Vec<_>>();
    let (train_labels, test_labels) = (labels(train), labels(test));
    let samples = Samples { labels: &train_labels, sessions: train.sessions(), parts: train.parts() };
    experiment.stream(&samples, &Samples::labelled(&test_labels), train.n_classes())
}

fn check_shape(experiment: &Experiment, graph: &Graph, images: &Dataset) -> Result<(), ConfigError> {
    let Some(message) = misfit(graph, images) else { return Ok(()) };
    let help =
        "change the images in [transform] (resize, crop, channels, normalise), or use another network or data set";
    Err(experiment.complain(&experiment.backbone.span, &message, help))
}

/// Stored features must be as many as the network that they are priced with gives.
fn check_features(experiment: &Experiment, graph: &Graph, stored: &Features) -> Result<(), ConfigError> {
    let wanted = graph.feature_type().shape.len();
    if stored.width == wanted {
        return Ok(());
    }
    let message = format!("the network gives {wanted} features, the file has {} of each sample", stored.width);
    Err(experiment.complain(&experiment.data.train.span, &message, "name the network that the features come from"))
}
