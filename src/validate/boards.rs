//! The cost model as calibration sees it: measured rows, and the numbers of profiles, cores and software that move them.

use super::board::row_board;
use super::calibrate::{Evidence, Model, Parameter, linearise};
use super::measurement::Measurement;
use super::predict::{Prediction, Refusal, predict, predict_with};
use super::ready::{Ready, ready};
use super::software::Software;
use super::statistics::median;
use crate::cost::{Estimator, KernelSet, estimate, kernel_set_for};
use crate::profile::{Kind, Profile, Quantity, base_name};
use crate::trace::KernelCall;
use std::collections::{BTreeMap, BTreeSet};

/// Prior of a software on a core: another compiler, flags or version than the kernel set's. Published builds of one library on one
/// board differ by 1.7 (microTVM's and ONNC's CMSIS-NN on the NUCLEO-L4R5ZI), so 95 % within 0.4.
const SOFTWARE_PRIOR: (f64, f64, f64) = (1.0, 0.6, 1.4);

/// Prior of one build over its software's factor: the same spread again.
const BUILD_PRIOR: (f64, f64, f64) = SOFTWARE_PRIOR;

/// What a parameter belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// One board's profile, by its name.
    Board(String),
    /// A core, and so every board that has it.
    Core(String),
    /// One build of a software: a board and the software in the source's words.
    Build(String),
}

impl Scope {
    /// Whether a number of this scope is one of a profile's: `board` is the profile's name or path, without overrides.
    pub fn covers(&self, board: &str, core: &str) -> bool {
        match self {
            Scope::Board(name) => name == board,
            Scope::Core(name) => name == core,
            Scope::Build(_) => false,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Board(name) | Scope::Core(name) | Scope::Build(name) => f.write_str(name),
        }
    }
}

/// Rows with time, and what their predictions rest on.
pub struct BoardModel<'a> {
    rows: Vec<Measurement>,
    /// Configuration of each row: a fit prices them thousands of times.
    ready: Vec<Result<Ready, Refusal>>,
    layers: &'a dyn Fn(&str) -> Option<String>,
    parameters: Vec<Parameter>,
    keys: Vec<(Scope, String)>,
    depends: Vec<Vec<bool>>,
    evidence: Vec<Evidence>,
}

impl<'a> BoardModel<'a> {
    /// Keeps the rows that have a time, an open structure, and a price, and that nobody doubts.
    ///
    /// Rows of one board, software, workload and layer are one: their median time, so that a board with many submissions of
    /// the same network does not outvote the others. Parameters are the uncertain numbers of the paths to memory, of the cores'
    /// continuous numbers, and a factor for each software on each core and for each of its builds; `extra` names a profile
    /// (without overrides) whose numbers are parameters too.
    pub fn new(rows: &[Measurement], layers: &'a dyn Fn(&str) -> Option<String>, extra: Option<&str>) -> Self {
        let predictions = predict(rows, layers);
        let priced = rows.iter().zip(&predictions).filter_map(|(row, p)| Some((row, p.as_ref().ok()?)));
        let (rows, evidence) =
            merged(priced.filter(|(row, p)| p.is_open && !row.is_doubtful() && row.milliseconds().is_some()));
        let (parameters, keys) = parameters(&rows, extra);
        let ready = ready(&rows);
        let mut model = BoardModel { depends: Vec::new(), ready, rows, layers, parameters, keys, evidence };
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
            if !scope.covers(base, &profile.core.core) {
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
        let probe = ProbeModel::new(self, board, call)?;
        let linear = linearise(&probe, &[0], &self.parameters, values)?;
        Ok(linear.slopes[0].iter().map(|slope| slope / linear.predicted[0]).collect())
    }

    fn dependencies(&self, row: usize) -> Vec<bool> {
        let (row, ready) = (&self.rows[row], self.ready[row].as_ref().ok());
        let base = ready.map_or("", |r| r.board.base());
        let is_mine = |(scope, key): &(Scope, String)| match scope {
            Scope::Build(build) => *build == build_of(row),
            _ => {
                let is_its_software = |class| ready.is_some_and(|r| r.software.key() == class);
                scope.covers(base, &row.core) && key.strip_prefix("software.").is_none_or(is_its_software)
            }
        };
        self.keys.iter().map(is_mine).collect()
    }
}

impl Model for BoardModel<'_> {
    type Error = Refusal;

    fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Refusal> {
        let chosen: Vec<_> = rows.iter().map(|row| (&self.rows[*row], &self.ready[*row])).collect();
        let predictions = predict_with(&chosen, self.layers, &|base, profile| self.apply(base, profile, values));
        let builds: Vec<(&String, f64)> = self
            .keys
            .iter()
            .zip(values)
            .filter_map(|((scope, _), value)| match scope {
                Scope::Build(build) => Some((build, *value)),
                _ => None,
            })
            .collect();
        let factor = |row: &Measurement| {
            let build = build_of(row);
            builds.iter().find(|(name, _)| **name == build).map_or(1.0, |(_, value)| *value)
        };
        chosen.iter().zip(predictions).map(|((row, _), p)| Ok(p?.latency_ms.mid * factor(row))).collect()
    }

    fn depends(&self, row: usize, parameter: usize) -> bool {
        self.depends[row][parameter]
    }
}

/// One kernel call on one board, with the numbers of a [`BoardModel`]: what a probe would measure.
struct ProbeModel<'m> {
    model: &'m BoardModel<'m>,
    board: &'m str,
    call: &'m KernelCall,
    profile: Profile,
    kernels: KernelSet,
}

impl<'m> ProbeModel<'m> {
    fn new(model: &'m BoardModel<'m>, board: &'m str, call: &'m KernelCall) -> Result<Self, Refusal> {
        let kernel = |e: &dyn std::fmt::Display| Refusal::Kernel(e.to_string());
        let profile = crate::profile::load(board).map_err(|e| Refusal::Profile(e.to_string()))?;
        let kernels = kernel_set_for(&profile, "gcc12-o2").map_err(|e| kernel(&e))?;
        let kernels = Estimator::new(&profile, &kernels)
            .and_then(|e| e.used(std::slice::from_ref(call)))
            .map_err(|e| kernel(&e))?;
        Ok(ProbeModel { model, board, call, profile, kernels })
    }
}

impl Model for ProbeModel<'_> {
    type Error = Refusal;

    fn predict(&self, rows: &[usize], values: &[f64]) -> Result<Vec<f64>, Refusal> {
        let mut profile = self.profile.clone();
        self.model.apply(self.board, &mut profile, values);
        let table = estimate(std::slice::from_ref(self.call), &profile, &self.kernels)
            .map_err(|e| Refusal::Kernel(e.to_string()))?;
        Ok(vec![table.total.cycles.mid; rows.len()])
    }

    fn depends(&self, _row: usize, parameter: usize) -> bool {
        let (scope, key) = &self.model.keys[parameter];
        scope.covers(self.board, &self.profile.core.core) && !key.starts_with("software.")
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
        let board = base_name(&prediction.profile);
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

/// Board and software in the source's words: rows of one build share compiler, flags and version, known or not.
pub(super) fn build_of(row: &Measurement) -> String {
    format!("{} with {}", row.board, row.software)
}

fn parameters(rows: &[Measurement], extra: Option<&str>) -> (Vec<Parameter>, Vec<(Scope, String)>) {
    let mut found: BTreeMap<(Scope, String), (f64, f64, f64)> = BTreeMap::new();
    let mut names: BTreeSet<String> = extra.map(str::to_owned).into_iter().collect();
    for row in rows {
        let Ok(board) = row_board(row) else { continue };
        names.insert(board.base().to_owned());
        if let Some(software) = Software::of(row) {
            found.insert((Scope::Core(row.core.clone()), format!("software.{}", software.key())), SOFTWARE_PRIOR);
        }
    }
    // Where a software was measured in one build only, its own factor says all that can be said.
    let mut builds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        builds.entry(Software::of(row).map_or(String::new(), |s| s.key())).or_default().insert(build_of(row));
    }
    for build in builds.into_values().filter(|builds| builds.len() > 1).flatten() {
        found.insert((Scope::Build(build), "build".to_owned()), BUILD_PRIOR);
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
    listed(&found)
}

/// Numbers with their priors (value, low, high) as parameters, and their scopes and keys in the same order, which is sorted.
pub(super) fn listed(priors: &BTreeMap<(Scope, String), (f64, f64, f64)>) -> (Vec<Parameter>, Vec<(Scope, String)>) {
    let of = |((scope, key), (value, low, high)): (&(Scope, String), &(f64, f64, f64))| Parameter {
        key: format!("{scope} {key}"),
        value: *value,
        low: *low,
        high: *high,
        ceiling: if key.ends_with("share") { 1.0 } else { f64::INFINITY },
    };
    (priors.iter().map(of).collect(), priors.keys().cloned().collect())
}

/// Numbers that a wait or a bubble grows with; sizes and clocks are what they are.
fn is_of_time(key: &str) -> bool {
    let sized = ["cache_bytes", "line_bytes", "uncached_bytes", "line_nj", "mhz_per_wait_state"];
    let path = ["fetch.", "constants.", "data.", "core.", "flash.wait_states", "flash.cycles_per_wait_state"];
    path.iter().any(|p| key.starts_with(p)) && !sized.iter().any(|s| key.ends_with(s))
}
