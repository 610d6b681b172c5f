//! Images as the tensors a network reads.

use crate::data::transform::Normalise;
use crate::data::{DataError, Dataset};
use crate::nn::{Graph, Kind, Map, NnError, Shape, Tensor};
use rayon::prelude::*;
use std::ops::Range;
use thiserror::Error;

/// An image that cannot be read or that the network refuses.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NnError),
}

/// Bytes of images that are in flight at once.
const IN_FLIGHT: usize = 16 << 20;

/// How many images of a set to run at a time: bounds the memory, changes no result.
pub fn chunk(set: &Dataset) -> usize {
    let bytes: usize = set.shape().iter().product();
    (IN_FLIGHT / bytes.max(1)).clamp(16, 512)
}

/// Why images of a set are not what a network reads; `None` if they are.
pub fn misfit(graph: &Graph, set: &Dataset) -> Option<String> {
    let (wanted, [h, w, c]) = (graph.input(), set.shape());
    if wanted.shape != Shape::new(h, w, c) {
        return Some(format!(
            "the network reads images of {} × {} × {}, the data set has {h} × {w} × {c}",
            wanted.shape.h, wanted.shape.w, wanted.shape.c
        ));
    }
    match (wanted.kind, &set.transform().normalise) {
        (Kind::U8, Some(_)) => Some("the network reads bytes, so there is nothing to normalise".to_owned()),
        (Kind::U8 | Kind::I8 | Kind::F32, None) => None,
        (Kind::I8 | Kind::F32, Some(normalise)) if [1, c].contains(&normalise.channels()) => None,
        (Kind::I8 | Kind::F32, Some(normalise)) => {
            Some(format!("`normalise` has numbers for {} channels, the images have {c}", normalise.channels()))
        }
        (other, _) => Some(format!("the network reads {other}, which no image can become")),
    }
}

/// The tensors of some images of a set, in order, read on all threads.
///
/// Bytes for a network that reads bytes. Without [`Normalise`], int8 is `p − 128` and float is `p`.
///
/// # Errors
/// [`ImageError`] of the first image that fails.
pub fn tensors(graph: &Graph, set: &Dataset, which: Range<usize>) -> Result<Vec<Tensor>, ImageError> {
    let shape = graph.input().shape;
    let plain = |mean: f64| Normalise { mean: vec![mean], scale: vec![1.0] };
    let one = |index: usize| {
        let pixels = set.image(index)?.pixels;
        let normalise = set.transform().normalise.as_ref();
        Ok(match graph.input().kind {
            Kind::I8 => Tensor::I8(Map::new(shape, normalise.unwrap_or(&plain(128.0)).codes(&pixels, shape.c))?),
            Kind::F32 => Tensor::F32(Map::new(shape, normalise.unwrap_or(&plain(0.0)).reals(&pixels, shape.c))?),
            _ => Tensor::image(shape, &pixels)?,
        })
    };
    let read: Vec<Result<Tensor, ImageError>> = which.into_par_iter().map(one).collect();
    read.into_iter().collect()
}
