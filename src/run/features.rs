//! Features of all images, once for all precisions and seeds: the backbone is frozen.

use super::{RunError, images};
use crate::data::Dataset;
use crate::data::stored::{Matrix, Stored};
use crate::learn::RawFeatures;
use crate::nn::{Graph, Tensor};

/// Backbone outputs, `samples × features`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Features a sample.
    pub width: usize,
    pub(super) values: FeatureValues,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum FeatureValues {
    Ints(Vec<i32>),
    Reals(Vec<f32>),
}

impl Features {
    /// Runs the network over all images of a set, images in parallel, results in the set's order.
    ///
    /// `progress` hears how many images are done.
    ///
    /// # Errors
    /// [`RunError`] if an image cannot be read or is not what the network reads.
    pub fn of(graph: &Graph, set: &Dataset, progress: &dyn Fn(usize)) -> Result<Self, RunError> {
        let width = graph.feature_type().shape.len();
        let is_real = matches!(graph.feature_type().kind, crate::nn::Kind::F32);
        let (mut ints, mut reals) = (Vec::new(), Vec::new());
        let chunk = images::chunk(set);
        for start in (0..set.len()).step_by(chunk) {
            let end = (start + chunk).min(set.len());
            for pass in graph.passes(&images::tensors(graph, set, start..end)?)? {
                match (is_real, &pass.features) {
                    (true, Tensor::F32(map)) => reals.extend_from_slice(map.data()),
                    (_, features) => ints.extend(features.integers().unwrap_or_default()),
                }
            }
            progress(end);
        }
        let values = if is_real { FeatureValues::Reals(reals) } else { FeatureValues::Ints(ints) };
        Ok(Self { width, values })
    }

    /// Samples.
    pub fn samples(&self) -> usize {
        let values = match &self.values {
            FeatureValues::Ints(x) => x.len(),
            FeatureValues::Reals(x) => x.len(),
        };
        values / self.width
    }

    /// Features as they were stored.
    pub(super) fn stored(stored: Stored) -> Self {
        let values = match stored.matrix {
            Matrix::Ints(x) => FeatureValues::Ints(x),
            Matrix::Reals(x) => FeatureValues::Reals(x),
        };
        Self { width: stored.width, values }
    }

    /// All samples, as the head's feature stage takes them.
    pub fn raw(&self) -> RawFeatures<'_> {
        match &self.values {
            FeatureValues::Ints(x) => RawFeatures::Ints(x),
            FeatureValues::Reals(x) => RawFeatures::Reals(x),
        }
    }

    /// The samples at these places, in that order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let pick = |at: &usize| at * self.width..(at + 1) * self.width;
        let values = match &self.values {
            FeatureValues::Ints(x) => FeatureValues::Ints(rows.iter().flat_map(|r| &x[pick(r)]).copied().collect()),
            FeatureValues::Reals(x) => FeatureValues::Reals(rows.iter().flat_map(|r| &x[pick(r)]).copied().collect()),
        };
        Self { width: self.width, values }
    }
}
