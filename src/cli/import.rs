//! `tinyprec import`: what a network file holds, what of it cannot be run, and the same network in this project's format.

use super::eval::sides;
use super::{Failure, Outcome, Status, Terminal};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use tinyprec::import::{self, Inspection, LoadOptions, OperatorCount};
use tinyprec::nn::Graph;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Network: .tflite (TensorFlow Lite, Larq Compute Engine), .h5 (Larq Zoo weights) or .safetensors (docs/import.md)
    file: PathBuf,
    /// Writes the network as a tinyprec-graph-1 file (docs/backbone-format.md)
    #[arg(short, long, value_name = "OUT.safetensors")]
    output: Option<PathBuf>,
    /// Image size of weights that leave it open: N × N, or H,W [default: the published one]
    #[arg(long, value_name = "N|H,W", value_parser = sides)]
    input: Option<(usize, usize)>,
    /// Writes integer thresholds in the place of batch normalisations whose signs alone are read: the same bits
    #[arg(long, requires = "output")]
    fold: bool,
    /// Prints the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Inspects, converts and renders.
pub fn run(args: &ImportArgs, terminal: &Terminal) -> Outcome {
    let found =
        import::inspect(&args.file, &LoadOptions { input: args.input.map(|(h, w)| [h, w]), ..LoadOptions::default() })?;
    if let (Some(path), Ok(graph)) = (&args.output, &found.graph) {
        import::save_graph(&if args.fold { graph.with_thresholds()? } else { graph.clone() }, path)?;
        terminal.progress(&format!("wrote {}", path.display()));
    }
    terminal.result(&if args.json { json(&found) } else { text(&found) })?;
    found.graph.map(|_| Status::Done).map_err(Failure::from)
}

/// A map's type, its shape and what it is.
fn maps(graph: &Graph) -> [(&'static str, String); 3] {
    let features = match graph.classifier() {
        Some(n) => format!("{}, read by {}", graph.feature_type(), graph.spec().nodes[n].name),
        None => format!("{}, the output: there is no classifier", graph.feature_type()),
    };
    [("input", graph.input().to_string()), ("output", graph.output().to_string()), ("features", features)]
}

fn text(found: &Inspection) -> String {
    let mut text = format!("format     {}, {:.1} KiB\n", found.format, kib(found.bytes));
    for (i, OperatorCount { name, count, runs }) in found.operators.iter().enumerate() {
        let label = if i == 0 { "operators" } else { "" };
        let note = if *runs { "" } else { "   cannot be run" };
        let _ = writeln!(text, "{label:<10} {count:>4} {name}{note}");
    }
    match &found.graph {
        Ok(graph) => {
            for (label, value) in maps(graph) {
                let _ = writeln!(text, "{label:<10} {value}");
            }
            let bytes = usize::try_from(graph.weight_bytes()).unwrap_or(usize::MAX);
            let _ = writeln!(text, "on device  {} layers, {:.1} KiB of weights", graph.spec().nodes.len(), kib(bytes));
        }
        Err(_) => text.push_str("runs       no\n"),
    }
    text
}

fn json(found: &Inspection) -> String {
    let operator = |o: &OperatorCount| serde_json::json!({"name": o.name, "count": o.count, "runs": o.runs});
    let network = found.graph.as_ref().ok().map(|graph| {
        serde_json::json!({
            "name": graph.name(),
            "input": graph.input().to_string(),
            "output": graph.output().to_string(),
            "features": graph.feature_type().to_string(),
            "classifier": graph.classifier().map(|n| graph.spec().nodes[n].name.clone()),
            "layers": graph.spec().nodes.len(),
            "weight_bytes": graph.weight_bytes(),
            "notes": graph.spec().notes,
        })
    });
    let value = serde_json::json!({
        "format": found.format,
        "file_bytes": found.bytes,
        "operators": found.operators.iter().map(operator).collect::<Vec<_>>(),
        "runs": found.graph.is_ok(),
        "problem": found.graph.as_ref().err().map(ToString::to_string),
        "network": network,
    });
    format!("{value:#}")
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}
