//! A calibration of one core's boards with the error it has on rows that it never saw.

use super::boards::{BoardModel, Scope};
use super::calibrate::{
    Calibrated, Calibration, Evidence, Linear, Model, Parameter, at_priors, calibrate, leave_one_out, linearise,
};
use super::measurement::Measurement;
use super::power::PowerModel;
use super::predict::Refusal;
use super::propose::{Candidate, Proposal, propose};
use super::statistics::{ErrorStats, error_stats};
use crate::export::{Probe, probes};
use std::collections::BTreeMap;

/// Place of the network and of the board in [`super::Evidence::groups`].
const NETWORK: usize = 0;
const BOARD: usize = 1;

/// Errors of one group of rows, before and after, always of rows that the fit had not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossed {
    /// Class of software, data type, `network` or `layer`.
    pub group: String,
    /// With the profiles as they are.
    pub uncalibrated: ErrorStats,
    /// Calibrated on the other networks.
    pub other_networks: Option<ErrorStats>,
    /// Calibrated on the other boards.
    pub other_boards: Option<ErrorStats>,
}

/// One core.
pub struct Study<'a> {
    /// The core.
    pub core: String,
    /// Its rows and parameters.
    pub model: BoardModel<'a>,
    /// The fit to all of them.
    pub fit: Calibration,
    /// Cross-validated errors: all rows, then by group.
    pub crossed: Vec<Crossed>,
    /// What each row is predicted by fits that never saw it.
    pub left_out: LeftOut,
    /// Its boards' power, where any was measured.
    pub power: Option<PowerStudy>,
}

/// Power of one core's boards.
pub struct PowerStudy {
    /// Rows and parameters.
    pub model: PowerModel,
    /// The fit to all of them.
    pub fit: Calibration,
    /// Errors of milliwatts, and so of an energy beyond those of its time.
    pub crossed: Option<Crossed>,
}

/// Predictions of every row, in the order of the model's; `None` where there is nothing else to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// By a fit to the other networks.
    pub other_networks: Option<Vec<f64>>,
    /// By a fit to the other boards.
    pub other_boards: Option<Vec<f64>>,
}

impl Study<'_> {
    /// Numbers of the time's fit and of the power's, each with its scope and key and the rows that it was fitted to.
    pub fn numbers(&self) -> impl Iterator<Item = (&(Scope, String), &Calibrated, &[Evidence])> {
        let of_time = (self.model.keys(), &self.fit, self.model.evidence());
        let of_power = self.power.iter().map(|p| (p.model.keys(), &p.fit, p.model.evidence()));
        std::iter::once(of_time)
            .chain(of_power)
            .flat_map(|(keys, fit, rows)| keys.iter().zip(&fit.parameters).map(move |(key, p)| (key, p, rows)))
    }

    /// What the fits say of each number.
    pub fn parameters(&self) -> impl Iterator<Item = &Calibrated> {
        self.numbers().map(|(_, p, _)| p)
    }

    /// Errors of the time, by group, and of the power.
    pub fn errors(&self) -> impl Iterator<Item = &Crossed> {
        self.crossed.iter().chain(self.power.iter().flat_map(|power| &power.crossed))
    }

    /// Ranks probes on `board` by what they would take off the uncertainty of this core's rows, those of the board alone where
    /// there are any: (probe, proposal), best first.
    ///
    /// # Errors
    /// No such profile, or no kernel for a probe.
    pub fn proposals(&self, board: &str) -> Result<Vec<(Probe, Proposal)>, Refusal> {
        let values: Vec<f64> = self.fit.parameters.iter().map(|p| p.value).collect();
        let is_mine = |row: &usize| self.model.evidence()[*row].groups[BOARD].starts_with(&format!("{board} "));
        let all: Vec<usize> = (0..self.model.rows().len()).collect();
        let own: Vec<usize> = all.iter().copied().filter(is_mine).collect();
        let linear =
            linearise(&self.model, if own.is_empty() { &all } else { &own }, self.model.parameters(), &values)?;
        let relative = |(slopes, predicted): (&Vec<f64>, &f64)| slopes.iter().map(|s| s / predicted).collect();
        let targets: Vec<Vec<f64>> = linear.slopes.iter().zip(&linear.predicted).map(relative).collect();
        let probes = probes();
        let candidate = |probe: &Probe| {
            let slopes = self.model.probe_slopes(board, &probe.call(), &values)?;
            Ok(Candidate { name: probe.name.to_owned(), slopes })
        };
        let candidates = probes.iter().map(candidate).collect::<Result<Vec<_>, Refusal>>()?;
        let ranked = propose(&self.fit, &targets, &candidates);
        Ok(ranked.into_iter().map(|p| (probes[p.candidate].clone(), p)).collect())
    }
}

/// Calibrates each core of the rows by itself; cores without a row that can be priced are left out.
///
/// `extra` names a profile whose numbers count as parameters although no row is of it, so that a measurement can be proposed.
///
/// # Errors
/// A row that could be priced with the profile as it is, but not with other values of its numbers.
pub fn study<'a>(
    rows: &[Measurement],
    layers: &'a dyn Fn(&str) -> Option<String>,
    extra: Option<&str>,
) -> Result<Vec<Study<'a>>, Refusal> {
    let mut cores: Vec<&str> = rows.iter().map(|row| row.core.as_str()).collect();
    cores.sort_unstable();
    cores.dedup();
    let mut studies = Vec::new();
    for core in cores {
        let mine: Vec<Measurement> = rows.iter().filter(|row| row.core == core).cloned().collect();
        let model = BoardModel::new(&mine, layers, extra);
        if model.rows().is_empty() {
            continue;
        }
        let all: Vec<usize> = (0..model.rows().len()).collect();
        let parameters = model.parameters();
        let first = at_priors(&model, &all, parameters)?;
        let fit = calibrate(&model, model.evidence(), parameters, &first)?;
        let left_out = left_out(&model, model.evidence(), parameters, &first)?;
        let crossed = crossed(&model, &first, &left_out);
        studies.push(Study { core: core.to_owned(), fit, crossed, left_out, power: power(&mine), model });
    }
    Ok(studies)
}

fn power(rows: &[Measurement]) -> Option<PowerStudy> {
    let model = PowerModel::new(rows);
    let (evidence, parameters) = (model.evidence(), model.parameters());
    if evidence.is_empty() {
        return None;
    }
    let all: Vec<usize> = (0..evidence.len()).collect();
    let Ok(first) = at_priors(&model, &all, parameters);
    let Ok(fit) = calibrate(&model, evidence, parameters, &first);
    let Ok(left) = left_out(&model, evidence, parameters, &first);
    let crossed = one_group("power".to_owned(), evidence, &all, &first, &left);
    Some(PowerStudy { fit, crossed, model })
}

fn left_out<M: Model>(
    model: &M,
    evidence: &[Evidence],
    parameters: &[Parameter],
    first: &Linear,
) -> Result<LeftOut, M::Error> {
    let several = |kind: usize| {
        let mut names: Vec<&String> = evidence.iter().map(|e| &e.groups[kind]).collect();
        names.sort();
        names.dedup();
        names.len() > 1
    };
    let left = |kind: usize| {
        let fit = several(kind).then(|| leave_one_out(model, evidence, parameters, first, kind));
        fit.transpose().map(|rows| rows.map(|rows| rows.into_iter().map(|(_, p)| p).collect::<Vec<f64>>()))
    };
    Ok(LeftOut { other_networks: left(NETWORK)?, other_boards: left(BOARD)? })
}

/// Errors of all rows and by group, before calibration and of rows left out.
fn crossed(model: &BoardModel<'_>, first: &Linear, left: &LeftOut) -> Vec<Crossed> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in model.rows().iter().enumerate() {
        let scope = if row.is_whole() { "network" } else { "layer" };
        groups.entry(format!("{} {} {scope}", row.class.name(), row.dtype)).or_default().push(at);
        groups.entry(format!(" all {scope}s")).or_default().push(at);
    }
    let one = |(group, rows): (String, Vec<usize>)| {
        one_group(group.trim_start().to_owned(), model.evidence(), &rows, first, left)
    };
    groups.into_iter().filter_map(one).collect()
}

fn one_group(group: String, evidence: &[Evidence], rows: &[usize], first: &Linear, left: &LeftOut) -> Option<Crossed> {
    let stats = |predicted: &Vec<f64>| {
        let pairs: Vec<(f64, f64)> = rows.iter().map(|r| (predicted[*r], evidence[*r].measured)).collect();
        error_stats(&pairs, 1)
    };
    Some(Crossed {
        group,
        uncalibrated: stats(&first.predicted)?,
        other_networks: left.other_networks.as_ref().and_then(stats),
        other_boards: left.other_boards.as_ref().and_then(stats),
    })
}
