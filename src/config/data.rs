//! `[data]` and `[transform]`: which images, and what happens to them on the way to the network.

use super::Diagnostic;
use super::check::{count, one_of, within};
use super::diagnostic::Source;
use super::experiment::{NamedPath, named};
use super::raw::{At, Numbers, RawData, RawTransform, Sides};
use crate::data::transform::{Filter, LARGEST_SIDE, Normalise, Size, Transform};
use std::path::Path;

/// File format of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// A directory with the `train-` and `t10k-` pairs of idx files, gzip or not.
    Idx,
    /// CIFAR-10 binary files.
    Cifar10,
    /// CIFAR-100 binary files (fine labels).
    Cifar100,
}

/// The images.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFiles {
    /// Format.
    pub kind: DataKind,
    /// Training set: a file, or the directory of the idx pairs.
    pub train: NamedPath,
    /// Test set: a file, or the same directory.
    pub test: NamedPath,
    /// At most so many training samples a class, the first in the file.
    pub train_per_class: Option<usize>,
    /// At most so many test samples a class, the first in the file.
    pub test_per_class: Option<usize>,
    /// What happens to each image.
    pub transform: Transform,
}

/// Checks both tables.
pub fn check(
    source: &Source,
    base: &Path,
    (raw, transform): (&RawData, Option<&RawTransform>),
) -> Result<DataFiles, Diagnostic> {
    const KINDS: &[(&str, DataKind)] =
        &[("idx", DataKind::Idx), ("cifar10", DataKind::Cifar10), ("cifar100", DataKind::Cifar100)];
    let kind = one_of(source, "kind", &raw.kind, KINDS)?;
    let need = |key: &str, value: &Option<At<String>>| match value {
        Some(value) => named(source, base, key, value),
        None => {
            let help = "idx needs `path`, a directory; cifar10 and cifar100 need `train` and `test`, two files";
            Err(source.at(raw.kind.span(), format!("data of this kind needs the key `{key}`"), help))
        }
    };
    let (train, test) = match kind {
        DataKind::Idx => (need("path", &raw.path)?, need("path", &raw.path)?),
        DataKind::Cifar10 | DataKind::Cifar100 => (need("train", &raw.train)?, need("test", &raw.test)?),
    };
    let limit = |key: &str, value: &Option<At<i64>>| match value {
        Some(value) => count(source, key, value, 1, i64::from(i32::MAX)).map(Some),
        None => Ok(None),
    };
    let train_per_class = limit("train_per_class", &raw.train_per_class)?;
    let test_per_class = limit("test_per_class", &raw.test_per_class)?;
    let transform = transform.map_or(Ok(Transform::default()), |t| self::transform(source, t))?;
    Ok(DataFiles { kind, train, test, train_per_class, test_per_class, transform })
}

fn transform(source: &Source, raw: &RawTransform) -> Result<Transform, Diagnostic> {
    let sides = |key: &str, value: &At<Sides>| {
        let of = |n: i64| {
            usize::try_from(n).ok().filter(|n| (1..=LARGEST_SIDE).contains(n)).ok_or_else(|| {
                let help =
                    format!("{key} is one number for a square or [height, width], each from 1 to {LARGEST_SIDE}");
                source.at(value.span(), format!("{key}: a side of {n}"), help)
            })
        };
        match *value.get_ref() {
            Sides::Square(n) => Ok((of(n)?, of(n)?)),
            Sides::Both([h, w]) => Ok((of(h)?, of(w)?)),
        }
    };
    let largest = i64::try_from(LARGEST_SIDE).unwrap_or(i64::MAX);
    let size = match (&raw.resize, &raw.resize_short) {
        (Some(_), Some(short)) => {
            let help = "`resize` gives both sides, `resize_short` the shorter one and keeps the aspect ratio; drop one";
            return Err(source.at(short.span(), "`resize` and `resize_short` are both given", help));
        }
        (Some(both), None) => Some(sides("resize", both).map(|(h, w)| Size::Exact(h, w))?),
        (None, Some(short)) => Some(Size::Short(count(source, "resize_short", short, 1, largest)?)),
        (None, None) => None,
    };
    let filter = raw.filter.as_ref().map(|f| one_of(source, "filter", f, Filter::NAMES)).transpose()?;
    if let (None, Some(at)) = (size, &raw.filter) {
        return Err(source.at(
            at.span(),
            "a filter without a size",
            "add `resize` or `resize_short`, or drop `filter`",
        ));
    }
    let channels = raw.channels.as_ref().map(|c| count(source, "channels", c, 1, 3)).transpose()?;
    if let (Some(2), Some(at)) = (channels, &raw.channels) {
        return Err(source.at(at.span(), "channels = 2 is out of range", "1 is grey, 3 is colour"));
    }
    Ok(Transform {
        channels,
        resize: size.map(|s| (s, filter.unwrap_or_default())),
        crop: raw.crop.as_ref().map(|c| sides("crop", c)).transpose()?,
        normalise: normalise(source, raw)?,
    })
}

fn normalise(source: &Source, raw: &RawTransform) -> Result<Option<Normalise>, Diagnostic> {
    let numbers = |key: &str, value: &Option<At<Numbers>>, default: f64| {
        let Some(value) = value else { return Ok(vec![default]) };
        let list = match value.get_ref() {
            Numbers::One(x) => vec![*x],
            Numbers::Many(list) => list.clone(),
        };
        if list.is_empty() || list.len() == 2 || list.len() > 3 {
            let help = format!("{key} is one number, or one for each of 1 or 3 channels");
            return Err(source.at(value.span(), format!("{key} has {} numbers", list.len()), help));
        }
        for &x in &list {
            within(source, key, &At::new(value.span(), x), -1e6, 1e6, "pixels are 0 to 255")?;
        }
        Ok(list)
    };
    if raw.mean.is_none() && raw.scale.is_none() {
        return Ok(None);
    }
    let (mean, scale) = (numbers("mean", &raw.mean, 0.0)?, numbers("scale", &raw.scale, 1.0)?);
    Ok(Some(Normalise { mean, scale }))
}
