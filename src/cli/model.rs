//! `tinyprec model`: what a network is made of, and how fast it runs here.

use super::load::{self, Model};
use super::model_table::{described, whole};
use super::model_time::{Timing, time};
use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use serde_json::{Value, json};
use tinyprec::nn::networks::{ARCHITECTURES, Random};

/// Seed of the weights that are timed.
const SEED: u64 = 0;

/// Arguments of `model`.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A published network's name, a network file of any known format, or `list`
    model: String,
    /// Image size, N for N × N or H,W (default: the one it was published with)
    #[arg(long, value_name = "N|H,W", value_parser = super::eval::sides)]
    input: Option<(usize, usize)>,
    /// Runs it on one image at a time and prints latency_ms; published networks run on seeded random weights
    #[arg(long)]
    time: bool,
    /// Threads over which --time spreads images for its images/s; one image runs on one thread, so latency_ms stays
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Puts integer thresholds in the place of batch normalisations whose signs alone are read: the same bits
    #[arg(long)]
    fold: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the table, or the list of networks.
pub fn run(args: &ModelArgs, terminal: &Terminal) -> Outcome {
    if args.model == "list" {
        return list(args, terminal);
    }
    let input = args.input.map(|(h, w)| [h, w]);
    let mut model = match load::named(&args.model) {
        Some(architecture) if args.time => load::published(architecture, input, &mut Random::new(SEED))?,
        _ => load::model(&args.model, input)?,
    };
    if args.fold {
        model.graph = model.graph.with_thresholds()?;
    }
    if args.threads == 0 {
        return Err(Failure::new("--threads 0 runs nothing; give at least 1"));
    }
    let timing = if args.time { Some(time(&model.graph, args.threads)?) } else { None };
    terminal.result(&if args.json {
        format!("{:#}", with_timing(whole(&model), timing.as_ref()))
    } else {
        let table = described(&model, terminal.width);
        timing.map_or_else(|| table.clone(), |t| format!("{table}\n\n{}", t.described(terminal.width)))
    })?;
    Ok(Status::Done)
}

fn with_timing(mut value: Value, timing: Option<&Timing>) -> Value {
    if let (Some(timing), Value::Object(fields)) = (timing, &mut value) {
        fields.extend(timing.fields());
    }
    value
}

fn list(args: &ModelArgs, terminal: &Terminal) -> Outcome {
    let rows: Result<Vec<(Value, String)>, Failure> = ARCHITECTURES
        .iter()
        .map(|a| {
            let Model { graph, published } = load::model(a.name, None)?;
            let (counts, parameters) = (graph.counts(), published.map_or(0, |p| p.1));
            let of = |by: &tinyprec::nn::ByBits, one: bool| {
                by.iter().filter(|(bits, _)| (**bits <= 2) == one).map(|(_, n)| n).sum::<u64>()
            };
            let (macs, [h, w, c]) = (counts.macs(), a.input);
            let value = json!({
                "name": a.name, "input": a.input, "classes": a.classes, "parameters": parameters,
                "packed_kib": kib(counts.packed_bytes()), "binary_macs": of(&macs, true), "other_macs": of(&macs, false),
                "source": a.source,
            });
            let size = format!("{h}x{w}x{c}");
            let line = format!(
                "{:<24} {size:>10} {:>9.1} KiB {:>8.1} M binary {:>6.1} M other MACs  {}",
                a.name,
                kib(counts.packed_bytes()),
                millions(of(&macs, true)),
                millions(of(&macs, false)),
                a.source
            );
            Ok((value, line))
        })
        .collect();
    let (values, lines): (Vec<Value>, Vec<String>) = rows?.into_iter().unzip();
    terminal.result(&if args.json { format!("{:#}", Value::from(values)) } else { lines.join("\n") })?;
    Ok(Status::Done)
}

/// Bytes as KiB.
pub fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

fn millions(n: u64) -> f64 {
    n as f64 / 1e6
}
