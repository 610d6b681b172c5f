//! `tinyprec diff`: the first step and element where two precisions, or a run and a board's dump, part.

use super::store::StoreArgs;
use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tinyprec::config::{self, Experiment};
use tinyprec::import::{self, Data, TensorMap};
use tinyprec::learn::HeadConfig;
use tinyprec::run::Prepared;
use tinyprec::run::diff::{Divergence, Dump, compare_dump, compare_runs, dump};
use tinyprec::run::replay::{Replay, first_overflow};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Experiment, with the precision's name after a colon where it has several: x.toml:hybrid-8
    a: String,
    /// The same of another precision, or a dump of steps (safetensors, tensors named STEP.ROLE)
    #[arg(required_unless_present_any = ["write_dump", "replay_overflow"])]
    b: Option<String>,
    /// Seed [default: the experiment's first]
    #[arg(long)]
    seed: Option<u64>,
    /// Writes the tensors of some steps of A, as a board would
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "b")]
    write_dump: Option<PathBuf>,
    /// Steps to write
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "0", requires = "write_dump")]
    steps: Vec<u64>,
    /// Carries the first step with an overflow out again in wide arithmetic
    #[arg(long, conflicts_with_all = ["b", "write_dump"])]
    replay_overflow: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Compares and renders.
pub fn run(args: &DiffArgs, terminal: &Terminal) -> Outcome {
    let (experiment, head) = side(&args.a)?;
    let seed = args.seed.unwrap_or(experiment.seeds[0]);
    let prepare = |e: &Experiment| Prepared::read(e, args.store.folder().as_deref(), &|_| {});
    if args.replay_overflow {
        let replay = first_overflow(&prepare(&experiment)?, &experiment, &head, seed)?;
        terminal.result(&if args.json { serde_json::to_string_pretty(&replay)? } else { replayed(&replay) })?;
        return Ok(Status::Done);
    }
    if let Some(path) = &args.write_dump {
        let steps = dump(&prepare(&experiment)?, &experiment, &head, (seed, &args.steps))?;
        write(path, &steps, &head)?;
        terminal.result(&format!("{} steps: {}", steps.len(), path.display()))?;
        return Ok(Status::Done);
    }
    let b = args.b.as_deref().unwrap_or_default();
    let found = if b.ends_with(".safetensors") {
        let theirs = read(Path::new(b))?;
        compare_dump(&prepare(&experiment)?, &experiment, (&head, &theirs, b), seed)?
    } else {
        let (other, second) = side(b)?;
        if Prepared::key(&experiment) != Prepared::key(&other) || experiment.training != other.training {
            let message = "their data, backbone, stream or training differ, so their steps do not belong together";
            return Err(Failure::new(format!(
                "{} and {b}: {message}; compare two precisions of one experiment",
                args.a
            )));
        }
        compare_runs(&prepare(&experiment)?, &experiment, (&head, &second), seed)?
    };
    terminal.result(&if args.json { serde_json::to_string_pretty(&found)? } else { described(&found) })?;
    Ok(Status::Done)
}

/// `file.toml:precision`; the name may be left out where there is one precision.
fn side(text: &str) -> Result<(Experiment, HeadConfig), Failure> {
    let (file, name) = match text.rsplit_once(".toml:") {
        Some((file, name)) => (format!("{file}.toml"), Some(name)),
        None => (text.to_owned(), None),
    };
    let experiment = config::load(Path::new(&file))?;
    let names: Vec<&str> = experiment.heads.iter().map(|h| h.precision.name.as_str()).collect();
    let head = match name {
        Some(name) => experiment.heads.iter().find(|h| h.precision.name == name),
        None => experiment.heads.first().filter(|_| names.len() == 1),
    };
    match head {
        Some(head) => Ok((experiment.clone(), head.clone())),
        None => Err(Failure::new(format!("{text}: name one of its precisions after a colon: {}", names.join(", ")))),
    }
}

fn write(path: &Path, steps: &[(u64, Vec<tinyprec::learn::Snapshot>)], head: &HeadConfig) -> Result<(), Failure> {
    let mut tensors = TensorMap::new();
    for (step, snapshots) in steps {
        for s in snapshots {
            let shape = vec![s.values.len() / s.columns.max(1), s.columns];
            #[allow(clippy::cast_possible_truncation, reason = "a dump is f32")]
            let values = s.values.iter().map(|&x| x as f32).collect();
            tensors.insert(format!("{step}.{}", s.role), (shape, Data::F32(values)));
        }
    }
    let metadata = BTreeMap::from([
        ("format".to_owned(), "tinyprec-steps-1".to_owned()),
        ("precision".to_owned(), head.precision.name.clone()),
    ]);
    Ok(import::write(path, &metadata, &tensors)?)
}

fn read(path: &Path) -> Result<Dump, Failure> {
    let mut dump = Dump::new();
    for (name, (_, data)) in import::read(path)? {
        let Some((step, role)) = name.split_once('.').and_then(|(s, r)| Some((s.parse().ok()?, r.to_owned()))) else {
            let message = "tensors of a dump are called STEP.ROLE, for example 0.weights.master";
            return Err(Failure::new(format!("{}: tensor `{name}`: {message}", path.display())));
        };
        let values = match data {
            Data::F32(x) => x.into_iter().map(f64::from).collect(),
            Data::I32(x) => x.into_iter().map(f64::from).collect(),
            Data::I8(x) => x.into_iter().map(f64::from).collect(),
            Data::U8(x) => x.into_iter().map(f64::from).collect(),
            #[allow(clippy::cast_precision_loss, reason = "codes of a step are below 2^53")]
            Data::I64(x) => x.into_iter().map(|x| x as f64).collect(),
        };
        dump.insert((step, role), values);
    }
    Ok(dump)
}

fn described(d: &Divergence) -> String {
    let Some(first) = &d.first else {
        return format!("{} and {}: no difference in {} steps (seed {})", d.a, d.b, d.steps, d.seed);
    };
    let (row, column) = first.element;
    let mut lines = vec![format!(
        "{} and {} part at step {} (experience {}, seed {}): {} [{row}, {column}] is {:e} and {:e}",
        d.a,
        d.b,
        first.step,
        first.experience + 1,
        d.seed,
        first.role,
        first.values.0,
        first.values.1
    )];
    lines.push(format!(
        "In that step {} of {} samples would be decided otherwise.",
        first.changed_decisions, first.batch
    ));
    lines.push("Differences by size, in least significant bits (of the coarser side):".to_owned());
    lines.push(format!("{:<16} {:>9} {:>9}  0 | ≤1 | ≤2 | ≤4 | … | more", "tensor", "elements", "differ"));
    for t in &first.tensors {
        let last = t.histogram.iter().rposition(|n| *n > 0).map_or(1, |k| k + 1);
        let counts: Vec<String> = t.histogram[..last].iter().map(usize::to_string).collect();
        let real = if t.lsb.is_some() { "" } else { "  (real: 2^−24 of the largest value)" };
        lines.push(format!("{:<16} {:>9} {:>9}  {}{real}", t.role, t.elements, t.different, counts.join(" | ")));
    }
    for (i, (changed, (a, b))) in d.changed_decisions.iter().zip(&d.accuracy).enumerate() {
        lines.push(format!(
            "After experience {}: {changed} of {} test samples decided otherwise, accuracy {:.2} % and {:.2} %",
            i + 1,
            d.test_samples,
            100.0 * a,
            100.0 * b
        ));
    }
    lines.join("\n")
}

fn replayed(r: &Replay) -> String {
    let Some(event) = &r.event else {
        return format!("{}: nothing overflowed in {} steps (seed {})", r.precision, r.steps, r.seed);
    };
    let mut lines = vec![format!(
        "{}: first overflow at step {} (experience {}, seed {})",
        r.precision,
        event.step,
        event.experience + 1,
        r.seed
    )];
    for (site, n, first) in &event.sites {
        let values: Vec<String> = first.iter().map(i64::to_string).collect();
        lines.push(format!("  {site}: {n} values did not fit, the first before narrowing: {}", values.join(", ")));
    }
    lines.push("The same step from the same state in wide arithmetic:".to_owned());
    for t in &event.tensors {
        let off = t.relative_l2.map_or("–".to_owned(), |x| format!("{:.2} %", 100.0 * x));
        let (row, column) = t.worst;
        lines.push(format!(
            "  {:<16} off by {off}; worst at [{row}, {column}]: {:e} instead of {:e}",
            t.role, t.device, t.wide
        ));
    }
    lines.push(format!("{} of {} samples would be decided otherwise.", event.changed_decisions, event.batch));
    lines.join("\n")
}
