//! Power as a fit sees it: one number for each supply of a board, and a factor for each firmware that was measured on it.
//!
//! A board's power hardly depends on the network (6 % over MLPerf Tiny's four), but on what else a firmware keeps clocked: the same
//! engine under Mbed OS and under Zephyr takes 42 and 51 mW on one NUCLEO-L4R5ZI. Structure and type of the kernels do not matter, so
//! that rows of closed engines take part.
//!
//! ```
//! use tinyprec::validate::{PowerModel, published};
//! let rows = published()?;
//! let power = PowerModel::new(&rows);
//! let active = power.parameters().iter().find(|p| p.key == "stm32l4r5 power.active_mw").expect("rows of that board");
//! assert!(active.low <= active.value && power.evidence().iter().all(|row| row.measured > 0.0));
//! # Ok::<(), tinyprec::validate::MeasurementError>(())
//! ```

use super::board::row_board;
use super::boards::{Scope, build_of, listed};
use super::calibrate::{Evidence, Model, Parameter};
use super::measurement::Measurement;
use super::statistics::median;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Prior of a firmware's factor: 95 % within a quarter, for two builds of one engine on one board and supply differ by 1.22.
const FIRMWARE_PRIOR: (f64, f64, f64) = (1.0, 0.75, 1.25);

/// A profile's key.
const ACTIVE: &str = "power.active_mw";

/// Rows with a power, or with energy and time, and what they depend on.
#[derive(Debug, Clone)]
pub struct PowerModel {
    evidence: Vec<Evidence>,
    parameters: Vec<Parameter>,
    keys: Vec<(Scope, String)>,
    /// Of each row the places of its supply's number and of its firmware's factor.
    factors: Vec<[usize; 2]>,
}

impl PowerModel {
    /// Whole networks that are not doubtful, on boards with a profile; one row for each board, firmware and network, by the median.
    pub fn new(rows: &[Measurement]) -> Self {
        let mut groups: BTreeMap<[String; 3], (Vec<f64>, &Measurement)> = BTreeMap::new();
        let mut priors: BTreeMap<(Scope, String), (f64, f64, f64)> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_whole() && !row.is_doubtful()) {
            let (Some(power), Ok(board)) = (row.milliwatts(), row_board(row)) else { continue };
            let active = &board.profile.power.active_mw;
            priors
                .insert((Scope::Board(board.spec.clone()), ACTIVE.to_owned()), (active.value, active.low, active.high));
            priors.insert((Scope::Build(build_of(row)), "build".to_owned()), FIRMWARE_PRIOR);
            let network = if row.layers.is_empty() { &row.workload } else { &row.layers };
            groups.entry([board.spec, build_of(row), network.clone()]).or_insert((Vec::new(), row)).0.push(power);
        }
        let (parameters, keys) = listed(&priors);
        // The keys are sorted, and every one that is asked for is among them.
        let place = |scope: Scope, key: &str| keys.binary_search(&(scope, key.to_owned())).unwrap_or_else(|at| at);
        let (mut evidence, mut factors) = (Vec::new(), Vec::new());
        for ([spec, build, network], (powers, row)) in groups {
            factors.push([place(Scope::Board(spec.clone()), ACTIVE), place(Scope::Build(build), "build")]);
            evidence.push(Evidence {
                id: row.id.clone(),
                measured: median(powers),
                spread: 0.0,
                groups: vec![network, format!("{spec} {}", row.board)],
            });
        }
        PowerModel { evidence, parameters, keys, factors }
    }

    /// Milliwatts that were measured; groups are network and board.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Milliwatts of each supply, factors of each firmware.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Scope and key of every parameter. Another supply than a profile's own is a scope of its own.
    pub fn keys(&self) -> &[(Scope, String)] {
        &self.keys
    }
}

impl Model for PowerModel {
    type Error = Infallible;

    /// Formula: mW of the supply × factor of the firmware.
    fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Infallible> {
        Ok(rows.iter().map(|row| self.factors[*row].iter().map(|at| values[*at]).product()).collect())
    }

    fn depends(&self, row: usize, parameter: usize) -> bool {
        self.factors[row].contains(&parameter)
    }
}
