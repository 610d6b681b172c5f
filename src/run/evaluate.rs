//! A frozen network over a data set: predictions, scores, features. The library's half of `tinyprec eval`.

use super::features::{FeatureValues, Features};
use super::images::{ImageError, chunk, misfit, tensors};
use crate::data::Dataset;
use crate::import::Data;
use crate::nn::{Graph, Kind, Map, NnError, Pass, Tensor};
use thiserror::Error;

/// A network that cannot be evaluated on a data set.
#[derive(Debug, Error)]
pub enum EvalError {
    /// Images that are not what the network reads.
    #[error("model `{model}` on `{data}`: {problem}; choose data of that shape, resize or crop it, or another model")]
    Misfit {
        /// Network.
        model: String,
        /// Data set.
        data: String,
        /// What does not fit.
        problem: String,
    },
    /// The network has no scores to compare with labels.
    #[error(
        "model `{model}` is a backbone without a classifier, so there is nothing to count; write its features with --features FILE.safetensors"
    )]
    NoClassifier {
        /// Network.
        model: String,
    },
    /// An image cannot be read, or the network refused it.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The network refused an image.
    #[error(transparent)]
    Network(#[from] NnError),
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Images whose first largest score is their label's; `None` for a network without a classifier.
    pub correct: Option<usize>,
    /// Images.
    pub total: usize,
    /// Images whose label the network cannot give, for it has fewer classes; they count as wrong.
    pub labels_beyond_classes: usize,
    /// Scores of each image in order, `classes` of them; empty without a classifier.
    pub scores: Vec<f64>,
    /// Scores an image.
    pub classes: usize,
    /// Features of each image in order, if they were asked for.
    pub features: Option<Data>,
    /// Features an image.
    pub feature_len: usize,
}

impl Evaluation {
    /// `correct / total`.
    #[allow(clippy::cast_precision_loss, reason = "counts of images are far below 2^53")]
    pub fn accuracy(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.total as f64)
    }

    /// Scores of one image.
    pub fn image_scores(&self, image: usize) -> &[f64] {
        &self.scores[image * self.classes..][..self.classes]
    }
}

/// Runs every image on all threads; the result does not depend on their number. `progress` hears how many images are done.
///
/// # Errors
/// [`EvalError`]; shapes are checked before the first image runs.
pub fn evaluate(
    graph: &Graph,
    data: &Dataset,
    with_features: bool,
    mut progress: impl FnMut(usize),
) -> Result<Evaluation, EvalError> {
    if let Some(problem) = misfit(graph, data) {
        return Err(EvalError::Misfit { model: graph.name().to_owned(), data: data.name().to_owned(), problem });
    }
    if graph.classifier().is_none() && !with_features {
        return Err(EvalError::NoClassifier { model: graph.name().to_owned() });
    }
    let mut found = Evaluation::new(graph, data, with_features);
    let chunk = chunk(data);
    for start in (0..data.len()).step_by(chunk) {
        let end = (start + chunk).min(data.len());
        let images = tensors(graph, data, start..end)?;
        for (pass, label) in graph.passes(&images)?.into_iter().zip(&data.labels()[start..end]) {
            found.take(pass, usize::from(*label));
        }
        progress(end);
    }
    Ok(found)
}

/// [`evaluate`] of a network whose features of these images are known already: only what follows them is run. `None` where
/// that cannot be run by itself ([`Graph::head`]), or where the features are not this network's.
pub fn evaluate_features(graph: &Graph, data: &Dataset, features: &Features) -> Option<Result<Evaluation, EvalError>> {
    let head = graph.head()?;
    let shape = head.input().shape;
    let FeatureValues::Reals(values) = &features.values else { return None };
    if (head.input().kind, features.width, features.samples()) != (Kind::F32, shape.len(), data.len()) {
        return None;
    }
    let mut found = Evaluation::new(graph, data, false);
    for (rows, labels) in values.chunks(HEAD_IMAGES * shape.len()).zip(data.labels().chunks(HEAD_IMAGES)) {
        let maps = rows.chunks_exact(shape.len()).map(|row| Map::new(shape, row.to_vec()).map(Tensor::F32));
        let passes = maps.collect::<Result<Vec<_>, _>>().and_then(|maps| head.passes(&maps));
        match passes {
            Ok(passes) => passes.into_iter().zip(labels).for_each(|(pass, l)| found.take(pass, usize::from(*l))),
            Err(error) => return Some(Err(error.into())),
        }
    }
    Some(Ok(found))
}

/// Images whose features go through the head together.
const HEAD_IMAGES: usize = 1024;

impl Evaluation {
    fn new(graph: &Graph, data: &Dataset, with_features: bool) -> Self {
        let classes = graph.classifier().map_or(0, |_| graph.output().shape.len());
        Self {
            correct: graph.classifier().map(|_| 0),
            total: data.len(),
            labels_beyond_classes: data.labels().iter().filter(|l| classes > 0 && usize::from(**l) >= classes).count(),
            scores: Vec::with_capacity(data.len() * classes),
            classes,
            features: with_features.then(|| empty(graph.feature_type().kind)),
            feature_len: graph.feature_type().shape.len(),
        }
    }

    /// The features as a [`FeatureStore`](super::FeatureStore) keeps them, if they were asked for.
    pub fn to_features(&self) -> Option<Features> {
        let ints = |values: &mut dyn Iterator<Item = i32>| FeatureValues::Ints(values.collect());
        let values = match self.features.as_ref()? {
            Data::U8(x) => ints(&mut x.iter().map(|v| i32::from(*v))),
            Data::I8(x) => ints(&mut x.iter().map(|v| i32::from(*v))),
            Data::I32(x) => ints(&mut x.iter().copied()),
            Data::F32(x) => FeatureValues::Reals(x.clone()),
            Data::I64(_) => return None,
        };
        Some(Features { width: self.feature_len, values })
    }

    fn take(&mut self, pass: Pass, label: usize) {
        if let Some(correct) = &mut self.correct {
            let scores = pass.output.reals();
            *correct += usize::from(first_largest(&scores) == Some(label));
            self.scores.extend(scores);
        }
        match (&mut self.features, pass.features) {
            (Some(Data::U8(all)), Tensor::U8(x)) => all.extend(x.data()),
            (Some(Data::I8(all)), Tensor::I8(x)) => all.extend(x.data()),
            (Some(Data::I8(all)), Tensor::Bits(x)) => {
                all.extend(x.values().into_iter().map(|v| i8::try_from(v).expect("-1, 0 or 1")));
            }
            (Some(Data::I32(all)), Tensor::I32(x)) => all.extend(x.data()),
            (Some(Data::F32(all)), Tensor::F32(x)) => all.extend(x.data()),
            _ => {}
        }
    }
}

fn empty(kind: Kind) -> Data {
    match kind {
        Kind::U8 => Data::U8(Vec::new()),
        Kind::I8 | Kind::Bits { .. } => Data::I8(Vec::new()),
        Kind::I32 => Data::I32(Vec::new()),
        Kind::F32 => Data::F32(Vec::new()),
    }
}

/// Index of the largest score, the first of equals.
fn first_largest(scores: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, score) in scores.iter().enumerate() {
        if best.is_none_or(|(_, b)| *score > b) {
            best = Some((i, *score));
        }
    }
    best.map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::first_largest;

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(first_largest(&[1.0, 3.0, 3.0, 2.0]), Some(1));
        assert_eq!(first_largest(&[]), None);
    }
}
