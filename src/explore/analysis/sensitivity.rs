//! What one more or one less of each axis changes, all else equal.

use super::values::cost;
use crate::metrics::summarise;
use crate::record::{AxisInfo, PointResult, Sensitivity, Summary};
use std::collections::HashMap;

/// A change in cost smaller than this share of the cost is none.
const NEGLIGIBLE: f64 = 1e-9;

/// Sensitivities of one board: for each axis and each neighbouring pair of its choices, the changes over all pairs of points
/// that agree in every other axis. Axes without listed choices have no neighbours.
pub fn sensitivities(points: &[&PointResult], axes: &[AxisInfo], board: &str) -> Vec<Sensitivity> {
    let by_choices: HashMap<&[String], &PointResult> = points.iter().map(|p| (p.choices.as_slice(), *p)).collect();
    let mut all = Vec::new();
    for (number, axis) in axes.iter().enumerate() {
        for pair in axis.choices.windows(2) {
            let mut sums = Sums::default();
            for from in points.iter().filter(|p| p.choices[number] == pair[0]) {
                let mut key = from.choices.clone();
                key[number].clone_from(&pair[1]);
                if let Some(to) = by_choices.get(key.as_slice()) {
                    sums.add(from, to, board);
                }
            }
            all.extend(sums.finish(&axis.name, &pair[0], &pair[1]));
        }
    }
    all
}

#[derive(Default)]
struct Sums {
    pairs: usize,
    accuracy: Vec<f64>,
    costs: [f64; 4],
    scale: [f64; 4],
}

impl Sums {
    fn add(&mut self, from: &PointResult, to: &PointResult, board: &str) {
        let (Some(a), Some(b)) = (&from.learnt, &to.learnt) else { return };
        let (Some(c), Some(d)) = (cost(from, Some(board)), cost(to, Some(board))) else { return };
        self.pairs += 1;
        self.accuracy.extend(b.accuracy_by_seed.iter().zip(&a.accuracy_by_seed).map(|(b, a)| b - a));
        let costs = |c: &crate::record::PointCost| {
            [c.step_latency_ms.mid, c.step_energy_uj.mid, c.inference_latency_ms.mid, c.ram_kib + c.flash_kib]
        };
        for (i, (before, after)) in costs(c).into_iter().zip(costs(d)).enumerate() {
            self.costs[i] += after - before;
            self.scale[i] += before.abs();
        }
    }

    fn finish(self, axis: &str, from: &str, to: &str) -> Option<Sensitivity> {
        let accuracy = summarise(&self.accuracy)?;
        let n = self.pairs as f64;
        let [step_latency_ms, step_energy_uj, inference_latency_ms, memory_kib] = self.costs.map(|c| c / n);
        let gains = accuracy.half_width_95.is_some_and(|half| accuracy.mean > half);
        let loses = accuracy.half_width_95.is_some_and(|half| -accuracy.mean > half);
        let changed = |i: &usize| self.costs[*i].abs() > NEGLIGIBLE * self.scale[*i];
        let dearer = (0..4).filter(changed).any(|i| self.costs[i] > 0.0);
        let cheaper = (0..4).filter(changed).any(|i| self.costs[i] < 0.0);
        let verdict = match (gains, loses, cheaper, dearer) {
            (_, _, true, true) => "trade-off",
            (true, _, _, false) => "better for free",
            (true, _, false, true) => "buys accuracy",
            (_, true, true, false) => "costs accuracy",
            (_, true, false, _) => "only loses",
            (false, false, true, false) => "saves at no loss",
            (false, false, false, true) => "pays for nothing",
            (false, false, false, false) => "no difference",
        };
        Some(Sensitivity {
            axis: axis.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            pairs: self.pairs,
            accuracy: Summary { mean: accuracy.mean, half_width_95: accuracy.half_width_95, n: accuracy.n },
            step_latency_ms,
            step_energy_uj,
            inference_latency_ms,
            memory_kib,
            verdict: verdict.to_owned(),
        })
    }
}
