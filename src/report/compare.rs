//! Two records laid side by side: the change in every figure, as text, Markdown and JSON.

use super::numbers::{NONE, three};
use super::text::{draw, wrap};
use super::view::Table;
use crate::record::{RunRecord, SweepRecord};
use serde::Serialize;

/// A figure's name and value.
pub type Figure = (String, f64);

/// One figure on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Precision or point, board and quantity with its unit: `hybrid-8 on stm32l4r5: step_latency_ms`.
    pub figure: String,
    /// In the first record; `null` where it has no such figure.
    pub a: Option<f64>,
    /// In the second.
    pub b: Option<f64>,
    /// `b − a`.
    pub change: Option<f64>,
    /// Change in percent of `a`; `null` where `a` is zero.
    pub change_percent: Option<f64>,
}

/// Two records compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the first.
    pub a: String,
    /// Name of the second.
    pub b: String,
    /// Every figure of either, in the first record's order.
    pub changes: Vec<Change>,
}

/// Every figure of a run.
pub fn run_figures(record: &RunRecord) -> Vec<Figure> {
    let mut all = Vec::new();
    if let Some(joint) = &record.joint_upper_bound {
        all.push(("joint_upper_bound".to_owned(), joint.mean));
    }
    for p in &record.precisions {
        let mut add = |name: &str, x: Option<f64>| all.extend(x.map(|x| (format!("{}: {name}", p.name), x)));
        add("final_accuracy", Some(p.final_accuracy.mean));
        add("forgetting", p.forgetting.map(|f| f.mean));
        add("minus_float", p.minus_float.map(|m| m.mean));
        add("vanished_updates", p.vanished_updates);
        add("overflows", Some(p.overflows.iter().map(|o| o.overflowed as f64).sum()));
    }
    for c in &record.costs {
        let mut add = |name: &str, x: f64| all.push((format!("{} on {}: {name}", c.precision, c.profile), x));
        add("inference_latency_ms", c.inference_latency_ms.mid);
        add("inference_energy_uj", c.inference_energy_uj.mid);
        add("step_latency_ms", c.step_latency_ms.mid);
        add("step_energy_uj", c.step_energy_uj.mid);
        add("consolidation_latency_ms", c.consolidation_latency_ms.mid);
        add("consolidation_energy_uj", c.consolidation_energy_uj.mid);
        add("ram_kib", c.ram_kib);
        add("flash_kib", c.flash_kib);
    }
    all
}

/// Every figure of a sweep.
pub fn sweep_figures(record: &SweepRecord) -> Vec<Figure> {
    let mut all = Vec::new();
    for p in &record.points {
        let name = p.choices.join(" · ");
        if let Some(l) = &p.learnt {
            all.push((format!("{name}: final_accuracy"), l.accuracy.mean));
            all.extend(l.forgetting.map(|f| (format!("{name}: forgetting"), f.mean)));
        }
        for c in &p.costs {
            let mut add = |quantity: &str, x: f64| all.push((format!("{name} on {}: {quantity}", c.board), x));
            add("inference_latency_ms", c.inference_latency_ms.mid);
            add("inference_energy_uj", c.inference_energy_uj.mid);
            add("step_latency_ms", c.step_latency_ms.mid);
            add("step_energy_uj", c.step_energy_uj.mid);
            add("stream_energy_j", c.stream_energy_j.mid);
            add("ram_kib", c.ram_kib);
            add("flash_kib", c.flash_kib);
        }
    }
    all
}

/// Lays two lists of figures side by side.
pub fn compare((a, left): (&str, &[Figure]), (b, right): (&str, &[Figure])) -> Comparison {
    let find = |all: &[Figure], name: &str| all.iter().find(|(n, _)| n == name).map(|(_, x)| *x);
    let names = left.iter().chain(right.iter().filter(|(n, _)| find(left, n).is_none())).map(|(n, _)| n);
    let change = |name: &String| {
        let (x, y) = (find(left, name), find(right, name));
        let change = x.zip(y).map(|(x, y)| y - x);
        let change_percent = change.zip(x).filter(|(_, x)| *x != 0.0).map(|(d, x)| 100.0 * d / x.abs());
        Change { figure: name.clone(), a: x, b: y, change, change_percent }
    };
    Comparison { a: a.to_owned(), b: b.to_owned(), changes: names.map(change).collect() }
}

impl Comparison {
    /// Figures that are not equal on both sides.
    pub fn changed(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|c| c.change != Some(0.0))
    }

    fn summary(&self) -> String {
        let n = self.changed().count();
        match n {
            0 => format!("{} and {}: all {} figures are equal.", self.a, self.b, self.changes.len()),
            _ => format!("{} → {}: {n} of {} figures changed.", self.a, self.b, self.changes.len()),
        }
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let number = |x: Option<f64>| x.map_or(NONE.to_owned(), three);
        let signed =
            |x: Option<f64>| x.map_or(NONE.to_owned(), |x| if x > 0.0 { format!("+{}", three(x)) } else { three(x) });
        let row = |c: &Change| {
            let percent = c.change_percent.map_or(NONE.to_owned(), |p| format!("{} %", signed(Some(p))));
            vec![c.figure.clone(), number(c.a), number(c.b), signed(c.change), percent]
        };
        self.changed().map(row).collect()
    }

    fn header() -> Vec<String> {
        ["figure", "A", "B", "change", "in %"].map(str::to_owned).to_vec()
    }

    /// For a terminal of `width` columns; equal figures are left out.
    pub fn text(&self, width: usize) -> String {
        let head = wrap(&self.summary(), width);
        if self.changed().next().is_none() {
            return head + "\n";
        }
        let table = Table { title: String::new(), note: String::new(), header: Self::header(), rows: self.rows() };
        format!("{head}\n\n{}\n", draw(&table, width))
    }

    /// As Markdown, for a comment on a change; equal figures are left out.
    pub fn markdown(&self) -> String {
        let mut out = format!("{}\n", self.summary());
        if self.changed().next().is_some() {
            out.push_str("\n| figure | A | B | change | in % |\n| --- | ---: | ---: | ---: | ---: |\n");
            for row in self.rows() {
                out.push_str(&format!("| {} |\n", row.join(" | ").replace('\n', " ")));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_b_minus_a_and_missing_figures_stay_visible() {
        let a = vec![
            ("x: ms".to_owned(), 2.0),
            ("y: ms".to_owned(), 0.0),
            ("gone".to_owned(), 1.0),
            ("same".to_owned(), 5.0),
        ];
        let b = vec![
            ("x: ms".to_owned(), 2.5),
            ("y: ms".to_owned(), 1.0),
            ("new".to_owned(), 3.0),
            ("same".to_owned(), 5.0),
        ];
        let c = compare(("A", &a), ("B", &b));
        let x = &c.changes[0];
        assert_eq!((x.change, x.change_percent), (Some(0.5), Some(25.0)));
        assert_eq!((c.changes[1].change, c.changes[1].change_percent), (Some(1.0), None));
        assert_eq!(
            c.changes.iter().map(|c| c.figure.as_str()).collect::<Vec<_>>(),
            ["x: ms", "y: ms", "gone", "same", "new"]
        );
        assert_eq!(c.changed().count(), 4);
        assert!(c.markdown().contains("| x: ms | 2.00 | 2.50 | +0.500 | +25.0 % |"), "{}", c.markdown());
        assert!(compare(("A", &a), ("A", &a)).text(80).contains("all 4 figures are equal"));
    }
}
