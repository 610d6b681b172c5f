//! The table of a network: layers with bits, shapes, weights, memory and multiply-accumulates, and what they add up to.

use super::load::Model;
use super::model::kib;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use serde_json::{Map, Value, json};
use tinyprec::nn::{ByBits, Counts, LayerCount};

const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// Bits that occur, smallest first.
fn bits_of(by: &ByBits) -> Vec<u32> {
    by.keys().copied().collect()
}

/// Terminals narrower than this get a list in the place of the table.
const LEAST_TABLE: usize = 80;
/// Columns of a name and of a figure in the footer.
const FOOT: [usize; 2] = [44, 14];

/// The table and its footer as text.
pub fn described(model: &Model, width: usize) -> String {
    let counts = model.graph.counts();
    let (weight_bits, mac_bits) = (bits_of(&counts.weights()), bits_of(&counts.macs()));
    let heads = ["layer", "operation", "bits in", "output"].map(str::to_owned).into_iter();
    let heads = heads.chain(weight_bits.iter().map(|b| format!("{b}-bit w"))).chain(["KiB".to_owned()]);
    let heads: Vec<String> = heads.chain(mac_bits.iter().map(|b| format!("{b}-bit MACs"))).collect();
    let rows = counts.layers.iter().map(|layer| row(layer, &weight_bits, &mac_bits));
    let rows: Vec<Vec<String>> = rows.chain([total(&counts, &weight_bits, &mac_bits)]).collect();
    let body = if width < LEAST_TABLE { listed(&heads, &rows, width) } else { tabled(&heads, &rows) };
    let graph = &model.graph;
    let head = wrapped(&format!("{}: {} → {}", graph.name(), graph.input(), graph.output()), width, "");
    let foot: Vec<String> =
        footer(model, &counts).into_iter().map(|(name, value, unit)| line(name, &value, unit, width)).collect();
    format!("{head}\n\n{body}\n\n{}", foot.join("\n"))
}

/// One line a layer.
fn tabled(heads: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(RULED);
    table.set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if i > 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A layer's name and operation, and below them what its other cells say, as many on a line as fit.
fn listed(heads: &[String], rows: &[Vec<String>], width: usize) -> String {
    let entry = |row: &Vec<String>| {
        let name = if row[1].is_empty() { row[0].clone() } else { format!("{}, {}", row[0], row[1]) };
        let cells = heads.iter().zip(row).skip(2).filter(|(_, cell)| !cell.is_empty() && *cell != "-");
        let cells: Vec<String> = cells.map(|(head, cell)| format!("{head}: {cell}")).collect();
        format!("{}\n  {}", wrapped(&name, width, "  "), wrapped(&cells.join(", "), width - 2, "  "))
    };
    rows.iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// Text broken after commas and at arrows so that each line fits; all lines but the first begin with `indent`.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for part in text.replace(" → ", "\u{0}→ ").replace(", ", ",\u{0}").split('\u{0}') {
        let last = lines.last_mut().expect("begun with one line");
        let gap = usize::from(!last.is_empty());
        if last.is_empty() || last.chars().count() + gap + part.chars().count() <= width {
            *last += if gap > 0 { " " } else { "" };
            *last += part;
        } else {
            lines.push(format!("{indent}{part}"));
        }
    }
    lines.join("\n")
}

fn line(name: &str, value: &Value, unit: &str, width: usize) -> String {
    let value = match value {
        Value::Number(n) if n.is_u64() => grouped(n.as_u64().unwrap_or_default()),
        Value::Number(n) => format!("{:.3}", n.as_f64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let label = name.replace('_', " ");
    let [names, figures] = FOOT;
    // In a narrow terminal the names give way, at last to a line of their own.
    let names = names.min(width.saturating_sub(figures + 1 + " MiB".len()));
    if label.chars().count() > names {
        return format!("{label}\n{}", line("", &Value::String(value), unit, width));
    }
    format!("{label:<names$} {value:>figures$} {unit}").trim_end().to_owned()
}

/// Digits in threes, with thin gaps.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let first = digits.len() % 3;
    let mut parts: Vec<&str> = if first > 0 { vec![&digits[..first]] } else { Vec::new() };
    parts.extend((first..digits.len()).step_by(3).map(|i| &digits[i..i + 3]));
    parts.join(" ")
}

fn cell(n: u64) -> String {
    if n == 0 { "-".to_owned() } else { grouped(n) }
}

fn row(layer: &LayerCount, weight_bits: &[u32], mac_bits: &[u32]) -> Vec<String> {
    let number = |by: &ByBits, bits: &u32| cell(by.get(bits).copied().unwrap_or_default());
    let mut cells =
        vec![layer.name.clone(), layer.op.to_owned(), layer.input_bits.to_string(), layer.output.to_string()];
    cells.extend(weight_bits.iter().map(|b| number(&layer.weights, b)));
    cells.push(if layer.packed_bytes == 0 { "-".to_owned() } else { format!("{:.2}", kib(layer.packed_bytes)) });
    cells.extend(mac_bits.iter().map(|b| number(&layer.macs, b)));
    cells
}

fn total(counts: &Counts, weight_bits: &[u32], mac_bits: &[u32]) -> Vec<String> {
    let (weights, macs) = (counts.weights(), counts.macs());
    let mut cells = vec!["total".to_owned(), String::new(), String::new(), String::new()];
    cells.extend(weight_bits.iter().map(|b| grouped(weights[b])));
    cells.push(format!("{:.2}", kib(counts.packed_bytes())));
    cells.extend(mac_bits.iter().map(|b| grouped(macs[b])));
    cells
}

/// Name, value and unit of each figure below the table.
fn footer(model: &Model, counts: &Counts) -> Vec<(&'static str, Value, &'static str)> {
    let mib = |bits: u64| bits as f64 / 8.0 / f64::from(1 << 20);
    let (weights, macs) = (counts.weights(), counts.macs());
    let binary = |by: &ByBits| by.iter().filter(|(b, _)| **b <= 2).map(|(_, n)| n).sum::<u64>();
    let all = |by: &ByBits| by.values().sum::<u64>();
    let mut lines = Vec::new();
    if let Some((_, parameters)) = model.published {
        lines.push(("parameters_of_the_framework", json!(parameters), ""));
    }
    lines.extend([
        ("parameters_deployed", json!(counts.parameters()), ""),
        ("binary_weights", json!(binary(&weights)), ""),
        ("other_weights", json!(all(&weights) - binary(&weights)), ""),
        ("size_mib", json!(mib(counts.weight_bits(32))), "MiB"),
        ("size_8_bit_rest_mib", json!(mib(counts.weight_bits(8))), "MiB"),
        ("size_float_mib", json!(mib(32 * counts.parameters())), "MiB"),
        ("packed_kib", json!(kib(counts.packed_bytes())), "KiB"),
        ("padding_kib", json!(kib(counts.padding_bytes())), "KiB"),
        ("binary_macs", json!(binary(&macs)), ""),
        ("other_macs", json!(all(&macs) - binary(&macs)), ""),
    ]);
    lines
}

/// All of it as JSON.
pub fn whole(model: &Model) -> Value {
    let counts = model.graph.counts();
    let by = |by: &ByBits| by.iter().map(|(bits, n)| (bits.to_string(), json!(n))).collect::<Map<_, _>>();
    let shape = |s: tinyprec::nn::Shape| json!([s.h, s.w, s.c]);
    let layer = |l: &LayerCount| {
        json!({
            "layer": l.name, "operation": l.op, "input_bits": l.input_bits, "output": shape(l.output),
            "weights_by_bits": by(&l.weights), "macs_by_bits": by(&l.macs),
            "packed_bytes": l.packed_bytes, "padding_bytes": l.padding_bytes,
        })
    };
    let graph = &model.graph;
    let mut value = json!({
        "model": graph.name(), "input": shape(graph.input().shape), "output": shape(graph.output().shape),
        "features": graph.feature_type().shape.len(), "has_weights": !graph.spec().shapes_only,
        "source": graph.spec().notes,
        "weights_by_bits": by(&counts.weights()), "macs_by_bits": by(&counts.macs()),
        "layers": counts.layers.iter().map(layer).collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = &mut value {
        fields.extend(footer(model, &counts).into_iter().map(|(name, value, _)| (name.to_owned(), value)));
    }
    value
}
