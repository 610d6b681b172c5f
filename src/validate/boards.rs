//! The cost model as calibration sees it: measured rows, and the numbers of profiles, cores and software that move them.

use super::board::row_board;
use super::calibrate::{Evidence, Model, Parameter};
use super::measurement::Measurement;
use super::predict::{Prediction, Refusal, predict, predict_with};
use super::statistics::median;
use crate::cost::{Estimator, estimate, kernel_set};
use crate::profile::{Kind, Profile, Quantity};
use crate::trace::KernelCall;
use std::collections::{BTreeMap, BTreeSet};

/// Prior of a class of software on a core: another compiler or version than the kernel set's, 95 % within a quarter.
const SOFTWARE_PRIOR: (f64, f64, f64) = (1.0, 0.75, 1.25);

/// What a parameter belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One board's profile, by its name.
    Board(String),
    /// A core, and so every board that has it.
    Core(String),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Board(name) | Scope::Core(name) => f.write_str(name),
        }
    }
}

/// Rows with time, and what their predictions rest on.
pub struct BoardModel<'a> {
    rows: Vec<Measurement>,
    layers: &'a dyn Fn(&str) -> Option<String>,
    parameters: Vec<Parameter>,
    keys: Vec<(Scope, String)>,
    depends: Vec<Vec<bool>>,
    evidence: Vec<Evidence>,
}

impl<'a> BoardModel<'a> {
    /// Keeps the rows that have a time, an open structure, and a price.
    ///
    /// Rows of one board, software, workload and layer are one: their median time, so that a board with many submissions of
    /// the same network does not outvote the others. Parameters are the uncertain numbers of the paths to memory, of the cores' continuous numbers, and a
    /// factor for each class of software on each core; `extra` names a profile whose numbers are parameters too.
    pub fn new(rows: &[Measurement], layers: &'a dyn Fn(&str) -> Option<String>, extra: Option<&str>) -> Self {
        let predictions = predict(rows, layers);
        let priced = rows.iter().zip(&predictions).filter_map(|(row, p)| Some((row, p.as_ref().ok()?)));
        let (rows, evidence) = merged(priced.filter(|(row, p)| p.is_open && row.milliseconds().is_some()));
        let (parameters, keys) = parameters(&rows, extra);
        let mut model = BoardModel { depends: Vec::new(), rows, layers, parameters, keys, evidence };
        model.depends = (0..model.rows.len()).map(|row| model.dependencies(row)).collect();
        model
    }

    /// The rows, in the order that [`Model`]'s indices count.
    pub fn rows(&self) -> &[Measurement] {
        &self.rows
    }

    /// What was measured: milliseconds; groups are network and board.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Every parameter, `scope key`.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Scope and key of every parameter.
    pub fn keys(&self) -> &[(Scope, String)] {
        &self.keys
    }

    /// Puts values into a profile that stands for `base`.
    pub fn apply(&self, base: &str, profile: &mut Profile, values: &[f64]) {
        for ((scope, key), value) in self.keys.iter().zip(values) {
            let mine = match scope {
                Scope::Board(name) => name == base,
                Scope::Core(name) => *name == profile.core.core,
            };
            if !mine {
                continue;
            }
            let number = Quantity::given(*value, "calibration");
            if let Some(class) = key.strip_prefix("software.") {
                profile.software.insert(class.to_owned(), number);
            } else if profile.terms().iter().any(|(k, q)| k == key && q.kind != Kind::Given) {
                // A number that the row's own configuration fixes is the row's.
                profile.set(key, number);
            }
        }
    }

    /// Relative change of a call's cycles on a board for one unit of each parameter, around `values`.
    ///
    /// # Errors
    /// No such profile, or no kernel for the call.
    pub fn probe_slopes(&self, board: &str, call: &KernelCall, values: &[f64]) -> Result<Vec<f64>, Refusal> {
        let kernel = |e: &dyn std::fmt::Display| Refusal::Kernel(e.to_string());
        let profile = crate::profile::load(board).map_err(|e| Refusal::Profile(e.to_string()))?;
        let kernels = kernel_set(&profile.core.core, "gcc12-o2").map_err(|e| kernel(&e))?;
        let kernels = Estimator::new(&profile, &kernels)
            .and_then(|e| e.used(std::slice::from_ref(call)))
            .map_err(|e| kernel(&e))?;
        let cycles = |values: &[f64]| {
            let mut changed = profile.clone();
            self.apply(board, &mut changed, values);
            let table = estimate(std::slice::from_ref(call), &changed, &kernels).map_err(|e| kernel(&e))?;
            Ok::<f64, Refusal>(table.total.cycles.mid)
        };
        let middle = cycles(values)?;
        let mut slopes = vec![0.0; values.len()];
        let mut moved = values.to_vec();
        for (k, (scope, key)) in self.keys.iter().enumerate() {
            let mine = matches!(scope, Scope::Board(name) if name == board)
                || matches!(scope, Scope::Core(core) if *core == profile.core.core);
            if !mine || key.starts_with("software.") {
                continue;
            }
            let step = (self.parameters[k].high - self.parameters[k].low) / 4.0;
            let below = (values[k] - step).max(0.0);
            let above = (values[k] + step).min(self.parameters[k].ceiling);
            moved[k] = above;
            let high = cycles(&moved)?;
            moved[k] = below;
            let low = cycles(&moved)?;
            moved[k] = values[k];
            slopes[k] = (high - low) / (above - below).max(f64::MIN_POSITIVE) / middle;
        }
        Ok(slopes)
    }

    fn dependencies(&self, row: usize) -> Vec<bool> {
        let row = &self.rows[row];
        let board = row_board(row).ok();
        let is_mine = |(scope, key): &(Scope, String)| match (scope, key.strip_prefix("software.")) {
            (Scope::Board(name), _) => board.as_ref().is_some_and(|b| b.base() == name),
            (Scope::Core(core), None) => *core == row.core,
            (Scope::Core(core), Some(class)) => *core == row.core && class == row.class.name(),
        };
        self.keys.iter().map(is_mine).collect()
    }
}

impl Model for BoardModel<'_> {
    type Error = Refusal;

    fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Refusal> {
        let chosen: Vec<Measurement> = rows.iter().map(|row| self.rows[*row].clone()).collect();
        let predictions = predict_with(&chosen, self.layers, &|base, profile| self.apply(base, profile, values));
        predictions.into_iter().map(|p| Ok(p?.latency_ms.mid)).collect()
    }

    fn depends(&self, row: usize, parameter: usize) -> bool {
        self.depends[row][parameter]
    }
}

/// One row for each board, software, workload, layer and type, with the median of the times.
fn merged<'r>(rows: impl Iterator<Item = (&'r Measurement, &'r Prediction)>) -> (Vec<Measurement>, Vec<Evidence>) {
    let mut groups: BTreeMap<String, Vec<(&Measurement, &Prediction)>> = BTreeMap::new();
    for (row, prediction) in rows {
        let key = format!(
            "{} {} {} {:?} {} {}",
            prediction.profile, row.software, row.layers, row.layer, row.dtype, row.board
        );
        groups.entry(key).or_default().push((row, prediction));
    }
    let mut out = (Vec::new(), Vec::new());
    for group in groups.into_values() {
        let (first, prediction) = group[0];
        let times: Vec<f64> = group.iter().filter_map(|(row, _)| row.milliseconds()).collect();
        let board = prediction.profile.split(',').next().unwrap_or_default();
        out.1.push(Evidence {
            id: first.id.clone(),
            measured: median(times),
            spread: first.spread_percent.map_or(0.0, |p| p / 100.0),
            groups: vec![first.layers.clone(), format!("{board} {}", first.board)],
        });
        out.0.push(first.clone());
    }
    out
}

fn parameters(rows: &[Measurement], extra: Option<&str>) -> (Vec<Parameter>, Vec<(Scope, String)>) {
    let mut found: BTreeMap<(Scope, String), (f64, f64, f64)> = BTreeMap::new();
    let mut names: BTreeSet<String> = extra.map(str::to_owned).into_iter().collect();
    for row in rows {
        let Ok(board) = row_board(row) else { continue };
        names.insert(board.base().to_owned());
        found.insert((Scope::Core(row.core.clone()), format!("software.{}", row.class.name())), SOFTWARE_PRIOR);
    }
    for name in names {
        let Ok(profile) = crate::profile::load(&name) else { continue };
        let core = Scope::Core(profile.core.core.clone());
        if rows.iter().any(|row| row.core != profile.core.core) {
            continue;
        }
        for (key, q) in profile.terms().into_iter().filter(|(key, q)| q.is_uncertain() && is_of_time(key)) {
            let scope = if key.starts_with("core.") { core.clone() } else { Scope::Board(name.clone()) };
            found.insert((scope, key), (q.value, q.low, q.high));
        }
    }
    let of = |((scope, key), (value, low, high)): (&(Scope, String), &(f64, f64, f64))| Parameter {
        key: format!("{scope} {key}"),
        value: *value,
        low: *low,
        high: *high,
        ceiling: if key.ends_with("share") { 1.0 } else { f64::INFINITY },
    };
    (found.iter().map(of).collect(), found.keys().cloned().collect())
}

/// Numbers that a wait or a bubble grows with; sizes and clocks are what they are.
fn is_of_time(key: &str) -> bool {
    let sized = ["cache_bytes", "line_bytes", "uncached_bytes", "line_nj", "mhz_per_wait_state"];
    let path = ["fetch.", "constants.", "data.", "core.", "flash.wait_states", "flash.cycles_per_wait_state"];
    path.iter().any(|p| key.starts_with(p)) && !sized.iter().any(|s| key.ends_with(s))
}
