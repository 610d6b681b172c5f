//! `[data]` and `[transform]`: which images, and what happens to them on the way to the network.

use super::Diagnostic;
use super::check::{count, one_of, within};
use super::diagnostic::Source;
use super::experiment::{NamedPath, named};
use super::raw::{At, Numbers, RawData, RawTransform, Sides};
use crate::data::core50::{self, Level, Lists, TestList};
use crate::data::transform::{Filter, LARGEST_SIDE, Normalise, Size, Transform};
use std::path::Path;

/// Layout of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataKind {
    /// A directory with the `train-` and `t10k-` pairs of idx files, gzip or not.
    Idx,
    /// CIFAR-10: two binary files, or a folder or archive of the whole set.
    Cifar10,
    /// CIFAR-100 (fine labels), likewise.
    Cifar100,
    /// Image files in one folder a class.
    Folder,
    /// Image files that semicolon-separated tables label.
    Gtsrb,
    /// CORe50's tree or array.
    Core50(core50::Options),
    /// Features that are already computed.
    Features,
}

/// The images.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFiles {
    /// Format.
    pub kind: DataKind,
    /// Training set: a file or folder, or the path that holds both.
    pub train: NamedPath,
    /// Test set: a file or folder, or the same path.
    pub test: NamedPath,
    /// Whether one path holds both sets.
    pub one_path: bool,
    /// At most so many training samples a class, the first in the file.
    pub train_per_class: Option<usize>,
    /// At most so many test samples a class, the first in the file.
    pub test_per_class: Option<usize>,
    /// What happens to each image.
    pub transform: Transform,
    /// The record's hash of a folder of images covers their pixels too, not only names, sizes and labels.
    pub hash_contents: bool,
}

/// Checks both tables.
pub fn check(
    source: &Source,
    base: &Path,
    (raw, transform): (&RawData, Option<&RawTransform>),
) -> Result<DataFiles, Diagnostic> {
    const KINDS: &[(&str, (DataKind, Paths))] = &[
        ("idx", (DataKind::Idx, Paths::One)),
        ("cifar10", (DataKind::Cifar10, Paths::Either)),
        ("cifar100", (DataKind::Cifar100, Paths::Either)),
        ("folder", (DataKind::Folder, Paths::Two)),
        ("gtsrb", (DataKind::Gtsrb, Paths::Two)),
        ("core50", (DataKind::Core50(core50::Options::DEFAULT), Paths::One)),
        ("features", (DataKind::Features, Paths::Two)),
    ];
    let names: Vec<(&str, usize)> = KINDS.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
    let (kind, paths) = &KINDS[one_of(source, "kind", &raw.kind, &names)?].1;
    let one_path = match paths {
        Paths::One => true,
        Paths::Two => false,
        Paths::Either => raw.path.is_some(),
    };
    let need = |key: &str, value: &Option<At<String>>, use_it: bool| match value {
        Some(value) if use_it => named(source, base, key, value),
        Some(value) => {
            let help = "this kind has one `path`, or a `train` and a `test`, not both";
            Err(source.at(value.span(), format!("`{key}` has no place here"), help))
        }
        None => {
            let help = "idx and core50 need `path`; cifar10 and cifar100 need `path` or `train` and `test`; the others `train` and `test`";
            Err(source.at(raw.kind.span(), format!("data of this kind needs the key `{key}`"), help))
        }
    };
    for (key, value, is_used) in
        [("path", &raw.path, one_path), ("train", &raw.train, !one_path), ("test", &raw.test, !one_path)]
    {
        if value.is_some() && !is_used {
            need(key, value, false)?;
        }
    }
    let (train, test) = if one_path {
        (need("path", &raw.path, true)?, need("path", &raw.path, true)?)
    } else {
        (need("train", &raw.train, true)?, need("test", &raw.test, true)?)
    };
    let kind = match kind {
        DataKind::Core50(_) => DataKind::Core50(core50_options(source, raw)?),
        other => {
            let only = [
                ("labels", raw.labels.as_ref().map(At::span)),
                ("lists", raw.lists.as_ref().map(At::span)),
                ("run", raw.run.as_ref().map(At::span)),
                ("test_list", raw.test_list.as_ref().map(At::span)),
            ];
            if let Some((key, Some(at))) = only.into_iter().find(|(_, at)| at.is_some()) {
                return Err(source.at(at, format!("`{key}` has no place here"), "it is a key of kind `core50`"));
            }
            other.clone()
        }
    };
    if let (DataKind::Features, Some(_)) = (&kind, transform) {
        let help = "drop the table [transform]: features are past it";
        return Err(source.at(raw.kind.span(), "stored features cannot be transformed", help));
    }
    let limit = |key: &str, value: &Option<At<i64>>| match value {
        Some(value) => count(source, key, value, 1, i64::from(i32::MAX)).map(Some),
        None => Ok(None),
    };
    let train_per_class = limit("train_per_class", &raw.train_per_class)?;
    let test_per_class = limit("test_per_class", &raw.test_per_class)?;
    let transform = transform.map_or(Ok(Transform::default()), |t| self::transform(source, t))?;
    let hashes = [("names", false), ("contents", true)];
    let hash_contents = raw.hash.as_ref().map_or(Ok(false), |h| one_of(source, "hash", h, &hashes))?;
    Ok(DataFiles { kind, train, test, one_path, train_per_class, test_per_class, transform, hash_contents })
}

/// How many paths a kind has.
enum Paths {
    One,
    Two,
    Either,
}

fn core50_options(source: &Source, raw: &RawData) -> Result<core50::Options, Diagnostic> {
    const LEVELS: &[(&str, Level)] = &[("object", Level::Object), ("category", Level::Category)];
    const TESTS: &[(&str, TestList)] =
        &[("full", TestList::Full), ("reduced", TestList::Reduced), ("reduced-padded", TestList::ReducedPadded)];
    let level = raw.labels.as_ref().map_or(Ok(Level::Object), |l| one_of(source, "labels", l, LEVELS))?;
    let test = raw.test_list.as_ref().map_or(Ok(TestList::Full), |t| one_of(source, "test_list", t, TESTS))?;
    let scenarios: Vec<(&str, &str)> = core50::SCENARIOS.iter().map(|s| (s.0, s.0)).collect();
    let scenario = raw.lists.as_ref().map(|l| one_of(source, "lists", l, &scenarios)).transpose()?;
    let run = raw.run.as_ref().map_or(Ok(0), |r| count(source, "run", r, 0, 9))?;
    if let (None, Some(at)) = (scenario, &raw.run) {
        return Err(source.at(
            at.span(),
            "`run` without `lists`",
            "a run is one of the ten of a scenario's official lists",
        ));
    }
    let lists = scenario.map(|name| Lists { scenario: name.to_owned(), run });
    Ok(core50::Options { level, test, lists })
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
