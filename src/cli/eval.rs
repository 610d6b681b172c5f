//! `tinyprec eval`: a frozen network over a data set.

use super::progress::Progress;
use super::store::{self, StoreArgs};
use super::{Failure, Outcome, Status, Terminal, load};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tinyprec::data::transform::{Filter, Size, Transform};
use tinyprec::data::{self, Dataset};
use tinyprec::files::replace;
use tinyprec::import::{self, Data, TensorMap};
use tinyprec::nn::Graph;
use tinyprec::run::evaluate::{Evaluation, evaluate, evaluate_features};
use tinyprec::run::{FeatureKey, FeatureStore, Origin, hash_file};

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Network file of any known format (docs/import.md)
    model: String,
    /// CIFAR-10/100 or MLPerf Tiny keyword binary file, or a directory with an idx pair (gzip or not)
    data: PathBuf,
    /// Resizes each image to N × N, or H,W
    #[arg(long, value_name = "N|H,W", value_parser = sides, conflicts_with = "resize_short")]
    resize: Option<(usize, usize)>,
    /// Resizes each image so that its shorter side is N
    #[arg(long, value_name = "N")]
    resize_short: Option<usize>,
    /// Filter of a resize: nearest, area, bilinear or bicubic
    #[arg(long, value_name = "NAME", default_value = "bilinear", value_parser = filter)]
    filter: Filter,
    /// Crops the middle N × N, or H,W
    #[arg(long, value_name = "N|H,W", value_parser = sides)]
    crop: Option<(usize, usize)>,
    /// Only every N-th image, beginning with the first
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Only the first N images
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Writes label and scores of every image
    #[arg(long, value_name = "FILE.csv")]
    scores: Option<PathBuf>,
    /// Writes the features of every image
    #[arg(long, value_name = "FILE.safetensors")]
    features: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
    /// Threads; the result does not depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// `N` or `H,W`.
pub fn sides(text: &str) -> Result<(usize, usize), String> {
    let side = |s: &str| s.trim().parse::<usize>().map_err(|_| format!("`{text}` is neither N nor H,W"));
    match text.split_once(',') {
        Some((h, w)) => Ok((side(h)?, side(w)?)),
        None => side(text).map(|n| (n, n)),
    }
}

fn filter(name: &str) -> Result<Filter, String> {
    let names = || Filter::NAMES.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ");
    Filter::NAMES.iter().find(|(n, _)| *n == name).map(|(_, f)| *f).ok_or_else(|| format!("filters: {}", names()))
}

fn transform(args: &EvalArgs) -> Transform {
    let size = args.resize.map(|(h, w)| Size::Exact(h, w)).or(args.resize_short.map(Size::Short));
    Transform { resize: size.map(|s| (s, args.filter)), crop: args.crop, ..Transform::default() }
}

/// Evaluates and renders the counts.
pub fn run(args: &EvalArgs, terminal: &Terminal) -> Outcome {
    if args.limit == Some(0) {
        return Err(Failure::new("--limit 0 leaves no image to run; give at least 1"));
    }
    if args.every == 0 {
        return Err(Failure::new("--every 0 leaves no image to run; give at least 1"));
    }
    let mut data = data::load(&args.data)?.transformed(transform(args))?;
    let [h, w, _] = data.shape();
    let graph = load::model_for(&args.model, [h, w], data.transform().normalise.is_none())?;
    let kept: Vec<usize> = (0..data.len()).step_by(args.every).collect();
    data = data.select(&kept).unwrap_or(data);
    if let Some(limit) = args.limit {
        data = data.head(limit);
    }
    // Files that cannot be written fail now, not after the run.
    for path in args.scores.iter().chain(&args.features) {
        writable(path)?;
    }
    let threads = usize::from(args.threads.unwrap_or(0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool =
        pool.map_err(|e| Failure::new(format!("cannot start {threads} threads: {e}; give fewer with --threads")))?;
    let start = Instant::now();
    let kept = Kept::new(args, &data)?;
    let found = match kept.as_ref().and_then(|kept| kept.known(args, &graph, &data, terminal)) {
        Some(found) => found?,
        None => {
            let (total, mut progress) = (data.len(), Progress::new(terminal, "eval"));
            let with_features = args.features.is_some() || (kept.is_some() && graph.classifier().is_some());
            let found = pool.install(|| evaluate(&graph, &data, with_features, |done| progress.show(done, total)));
            progress.finish();
            let found = found?;
            if let Some(kept) = &kept {
                kept.keep(&found, terminal);
            }
            found
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    if found.labels_beyond_classes > 0 {
        let (n, classes) = (found.labels_beyond_classes, found.classes);
        terminal.progress(&format!(
            "note: {n} images have labels beyond the model's {classes} classes; they count as wrong"
        ));
    }
    if let (Some(path), true) = (&args.scores, found.classes > 0) {
        put(path, &scores_csv(&found, &data))?;
    }
    if let (Some(path), Some(features)) = (&args.features, &found.features) {
        write_features(path, &graph, &data, &found, features)?;
    }
    let images_per_second = found.total as f64 / seconds.max(f64::MIN_POSITIVE);
    if args.json {
        terminal.result(&json(&graph, &data, &found, images_per_second))?;
    } else {
        terminal.result(&text(&graph, &data, &found, images_per_second))?;
    }
    Ok(Status::Done)
}

/// Where the features of these images are kept, if they are.
struct Kept {
    store: FeatureStore,
    key: FeatureKey,
}

impl Kept {
    /// `None` with `--no-cache`, and where the folder cannot be made: that costs time later and no result now.
    fn new(args: &EvalArgs, data: &Dataset) -> Result<Option<Self>, Failure> {
        let Some(store) = args.store.folder().and_then(|dir| FeatureStore::open(&dir).ok()) else { return Ok(None) };
        let model = hash_file(Path::new(&args.model)).map_err(|e| Failure::new(format!("{}: {e}", args.model)))?;
        Ok(Some(Self { store, key: FeatureKey::new(&model, data, "")? }))
    }

    /// The result by features that are kept already. They are counted only: who wants them in a file has them computed.
    fn known(
        &self,
        args: &EvalArgs,
        graph: &Graph,
        data: &Dataset,
        terminal: &Terminal,
    ) -> Option<Result<Evaluation, Failure>> {
        let features = if args.features.is_none() { self.store.find(&self.key).ok().flatten() } else { None }?;
        let found = evaluate_features(graph, data, &features)?;
        store::tell(terminal, data.len(), &self.store.path(&self.key), &Origin::Found);
        Some(found.map_err(Failure::from))
    }

    fn keep(&self, found: &Evaluation, terminal: &Terminal) {
        let Some(features) = found.to_features() else { return };
        let origin = match self.store.keep(&self.key, &features) {
            Ok(()) => Origin::Computed,
            Err(e) => Origin::NotKept(e.to_string()),
        };
        store::tell(terminal, found.total, &self.store.path(&self.key), &origin);
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: cannot be written: {error}; choose another path", path.display()))
}

/// Whether a result can be written there. Nothing is left behind: whoever stops a run finds no empty file in its place.
fn writable(path: &Path) -> Result<(), Failure> {
    let tried = if path.exists() {
        fs::OpenOptions::new().append(true).open(path).map(drop)
    } else {
        replace(path, &[]).and_then(|()| fs::remove_file(path))
    };
    tried.map_err(|e| cannot_write(path, &e))
}

/// Writes a file whole or not at all; what is no file, a device or a pipe, is written to as it comes.
fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let special = fs::metadata(path).is_ok_and(|found| !found.is_file());
    let written = if special { fs::write(path, text) } else { replace(path, text.as_bytes()) };
    written.map_err(|e| cannot_write(path, &e))
}

fn scores_csv(found: &Evaluation, data: &Dataset) -> String {
    let mut csv = String::from("label");
    for class in 0..found.classes {
        let _ = write!(csv, ",s{class}");
    }
    for (i, label) in data.labels().iter().enumerate() {
        let _ = write!(csv, "\n{label}");
        for score in found.image_scores(i) {
            let _ = write!(csv, ",{score}");
        }
    }
    csv.push('\n');
    csv
}

fn write_features(
    path: &Path,
    graph: &Graph,
    data: &Dataset,
    found: &Evaluation,
    features: &Data,
) -> Result<(), Failure> {
    let labels = data.labels().iter().map(|l| i32::from(*l)).collect();
    let tensors = TensorMap::from([
        ("features".to_owned(), (vec![found.total, found.feature_len], features.clone())),
        ("labels".to_owned(), (vec![found.total], Data::I32(labels))),
    ]);
    let metadata = BTreeMap::from([
        ("format".to_owned(), "tinyprec-features-1".to_owned()),
        ("model".to_owned(), graph.name().to_owned()),
        ("data".to_owned(), data.name().to_owned()),
    ]);
    Ok(import::write(path, &metadata, &tensors)?)
}

fn json(graph: &Graph, data: &Dataset, found: &Evaluation, images_per_second: f64) -> String {
    let value = serde_json::json!({
        "model": graph.name(),
        "data": data.name(),
        "correct": found.correct,
        "total": found.total,
        "accuracy": found.accuracy(),
        "classes": found.classes,
        "features": found.feature_len,
        "labels_beyond_classes": found.labels_beyond_classes,
        "images_per_second": images_per_second,
    });
    format!("{value:#}")
}

fn text(graph: &Graph, data: &Dataset, found: &Evaluation, images_per_second: f64) -> String {
    let (model, set) = (graph.name(), data.name());
    let rate = format!("{images_per_second:.0} images/s");
    match (found.correct, found.accuracy()) {
        (Some(correct), Some(accuracy)) => {
            format!("{model} on {set}: {:.2} % ({correct} of {}), {rate}", accuracy * 100.0, found.total)
        }
        _ => format!("{model} on {set}: {} features of each of {} images, {rate}", found.feature_len, found.total),
    }
}
