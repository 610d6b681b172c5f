//! Sums of call costs by site and by phase.

use super::pipeline::Range;
use super::table::{Bound, CallCost, Cost, PhaseCost, SiteCost};
use crate::trace::Phase;
use std::collections::HashMap;
use std::iter::Sum;
use std::ops::Add;

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            cycles: self.cycles + other.cycles,
            latency_ms: self.latency_ms + other.latency_ms,
            energy_uj: self.energy_uj + other.energy_uj,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), Add::add)
    }
}

impl Cost {
    /// Divided by a number of repetitions above 0, e.g. a batch's cost for one sample.
    pub fn per(self, repetitions: f64) -> Cost {
        let by = Range::exact(1.0 / repetitions);
        Cost { cycles: self.cycles * by, latency_ms: self.latency_ms * by, energy_uj: self.energy_uj * by }
    }
}

/// Same phase and site together, in order of first appearance.
pub(super) fn sites(calls: &[CallCost]) -> Vec<SiteCost> {
    let mut at: HashMap<(Phase, &str), usize> = HashMap::new();
    let mut groups: Vec<Vec<&CallCost>> = Vec::new();
    for call in calls {
        let slot = *at.entry((call.phase, &call.site)).or_insert(groups.len());
        if slot == groups.len() {
            groups.push(Vec::new());
        }
        groups[slot].push(call);
    }
    let site = |group: &Vec<&CallCost>| {
        let mut kernels: Vec<&str> = Vec::new();
        for call in group {
            if !kernels.contains(&call.kernel.as_str()) {
                kernels.push(&call.kernel);
            }
        }
        let (cost, memory_share) = sum(group.iter().copied());
        let slowest = group.iter().max_by(|a, b| a.cost.cycles.mid.total_cmp(&b.cost.cycles.mid));
        let bound = slowest.map_or(Bound::Issue, |call| call.bound.clone());
        SiteCost {
            phase: group[0].phase,
            site: group[0].site.clone(),
            kernel: kernels.join("+"),
            cost,
            memory_share,
            bound,
        }
    };
    groups.iter().map(site).collect()
}

/// Same phase together.
pub(super) fn phases(calls: &[CallCost]) -> Vec<PhaseCost> {
    let order = [Phase::Inference, Phase::HeadForward, Phase::Backward, Phase::Update, Phase::Consolidate];
    let phase = |phase| {
        let (cost, memory_share) = sum(calls.iter().filter(|c| c.phase == phase));
        PhaseCost { phase, cost, memory_share }
    };
    order.into_iter().filter(|&p| calls.iter().any(|c| c.phase == p)).map(phase).collect()
}

/// Cost, and the share of its middle cycles that waits for memory.
fn sum<'a>(calls: impl Iterator<Item = &'a CallCost>) -> (Cost, f64) {
    let (cost, waiting) = calls.fold((Cost::default(), 0.0), |(cost, waiting), call| {
        (cost + call.cost, waiting + call.memory_share * call.cost.cycles.mid)
    });
    (cost, if cost.cycles.mid > 0.0 { waiting / cost.cycles.mid } else { 0.0 })
}
