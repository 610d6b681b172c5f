//! Logs → the sweep's record: completeness checked, points in order, analysis, the best points told in full.

use super::SweepError;
use super::analysis::analyse;
use super::logs::{self, Finished};
use super::space::{Axis, Choices};
use super::sweep::{Options, Runner, Sweep};
use crate::files::{replace, replace_with};
use crate::record::{AxisInfo, BoardAnalysis, BoardInfo, PointResult, RunRecord, SWEEP_VERSION, SweepRecord};
use crate::run::{Board, Prepared};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the record.
pub const SWEEP_RECORD: &str = "sweep.json";
/// Name of the points, one a line.
pub const RESULTS: &str = "results.jsonl";
/// Points told in full at the most: a knee and an equal a board.
const MOST_DETAILS: usize = 8;

impl Sweep {
    /// Merges the logs of some folders, writes `results.jsonl` and `sweep.json` into `out`, and gives the record.
    ///
    /// # Errors
    /// Points are missing, two logs differ on one, or a log is of another sweep file, input or version.
    pub fn merge(&self, folders: &[PathBuf], options: &Options) -> Result<SweepRecord, SweepError> {
        let (out, jobs) = (options.out.as_path(), options.jobs);
        let finished = logs::read(folders, &self.header)?;
        let ids = self.complete(&finished)?;
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| SweepError::Io { path, source }
        };
        std::fs::create_dir_all(out).map_err(io(out))?;
        let path = out.join(RESULTS);
        let points = self.write_results(&finished, &ids, &path)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build();
        let pool = pool.map_err(|e| SweepError::Usage(format!("cannot start threads: {e}; give fewer with --jobs")))?;
        let record = pool.install(|| self.record(points, &finished, options.features.as_deref()))?;
        let path = out.join(SWEEP_RECORD);
        let mut bytes =
            serde_json::to_vec(&record).map_err(|e| SweepError::Io { path: path.clone(), source: e.into() })?;
        bytes.push(b'\n');
        replace(&path, &bytes).map_err(io(&path))?;
        Ok(record)
    }

    /// Index and rung of what stands for each point: in full, or where a search stopped it.
    fn complete(&self, finished: &Finished) -> Result<Vec<(usize, Option<usize>)>, SweepError> {
        let points = self.header.points;
        let mut last: Vec<Option<Option<usize>>> = vec![None; points];
        for (index, rung) in finished.ids().filter(|(i, _)| *i < points) {
            let further = |old: Option<usize>| old.is_some() && (rung.is_none() || rung > old);
            if last[index].is_none_or(further) {
                last[index] = Some(rung);
            }
        }
        let full = last.iter().filter(|l| **l == Some(None)).count();
        let wanted = self.space.search.as_ref().map_or(points, |s| s.entering(points, s.rungs));
        let missing: Vec<usize> = last.iter().enumerate().filter(|(_, l)| l.is_none()).map(|(i, _)| i).collect();
        if !missing.is_empty() {
            return Err(SweepError::Incomplete { missing, of: points });
        }
        if full < wanted {
            let message =
                format!("the search is not through: {full} of {wanted} points were run in full; go on with --resume");
            return Err(SweepError::Usage(message));
        }
        Ok(last.into_iter().enumerate().filter_map(|(i, l)| Some((i, l?))).collect())
    }

    fn write_results(
        &self,
        finished: &Finished,
        ids: &[(usize, Option<usize>)],
        path: &Path,
    ) -> Result<Vec<PointResult>, SweepError> {
        let mut points = Vec::with_capacity(ids.len());
        for &(index, rung) in ids {
            points.push(finished.get(index, rung)?.expect("listed by the logs"));
        }
        let lines = |out: &mut dyn Write| {
            points.iter().try_for_each(|point| {
                serde_json::to_writer(&mut *out, point)?;
                out.write_all(b"\n")
            })
        };
        replace_with(path, lines).map_err(|source| SweepError::Io { path: path.to_owned(), source })?;
        Ok(points)
    }

    fn record(
        &self,
        points: Vec<PointResult>,
        finished: &Finished,
        features: Option<&Path>,
    ) -> Result<SweepRecord, SweepError> {
        let axes: Vec<AxisInfo> = self.space.axes.iter().map(axis).collect();
        let one = |board: &super::Priced| {
            analyse(&points, &axes, &board.label, &self.space.objectives, self.space.battery.as_ref())
        };
        let analysis: Vec<BoardAnalysis> = self.boards.par_iter().map(one).collect();
        let (details, boards) = self.details(&points, &analysis, (finished, features))?;
        let notes = notes(&self.notes, &points);
        Ok(SweepRecord {
            sweep_version: SWEEP_VERSION,
            header: self.header.clone(),
            sweep_toml: self.space.source.text.clone(),
            command: format!("tinyprec sweep {}", self.space.source.path),
            axes,
            objectives: self.space.objectives.iter().map(|o| o.name().to_owned()).collect(),
            boards,
            points,
            analysis,
            details,
            notes,
        })
    }

    /// Full records of the points that the analysis names, and the boards with what the first of these points' intervals rest on.
    /// The points are learnt once more: a log line does not hold every step.
    fn details(
        &self,
        points: &[PointResult],
        analysis: &[BoardAnalysis],
        (finished, features): (&Finished, Option<&Path>),
    ) -> Result<(Vec<RunRecord>, Vec<BoardInfo>), SweepError> {
        let equal = analysis.iter().filter_map(|a| a.cheapest_equal);
        let best = analysis.iter().filter_map(|a| a.frontier.first().map(|f| f.index));
        let knees = analysis.iter().filter_map(|a| a.knee);
        let mut wanted = BTreeSet::new();
        for index in equal.chain(best).chain(knees) {
            if wanted.len() < MOST_DETAILS {
                wanted.insert(index);
            }
        }
        let mut tasks = Vec::new();
        for point in self.space.points().take(wanted.last().map_or(0, |l| l + 1)) {
            let point = point?;
            if wanted.contains(&point.index) && points.iter().any(|p| p.index == point.index && p.learnt.is_some()) {
                tasks.push(point);
            }
        }
        let boards = || self.boards.iter().map(|b| &b.board);
        let mut infos: Option<Vec<BoardInfo>> = None;
        let mut last: Option<(String, Prepared)> = None;
        let mut one = |point: &super::Point| -> Result<RunRecord, SweepError> {
            let key = Prepared::key(&point.experiment);
            let prepared = match last.take() {
                Some((k, prepared)) if k == key => prepared,
                _ => Prepared::read(&point.experiment, features, &|_| {})?,
            };
            let baseline = Runner::baseline_of(self, point)?.and_then(|(key, _)| finished.baselines.get(&key));
            let command = format!("tinyprec sweep run {} --index {}", self.space.source.path, point.index);
            let labelled = self.boards.iter().map(|b| (b.label.as_str(), &b.board));
            let given = (command.as_str(), baseline.map(Vec::as_slice));
            let record = prepared.record(&point.experiment, labelled, given)?;
            if infos.is_none() {
                infos = Some(prepared.board_infos(&point.experiment, boards())?);
            }
            last = Some((key, prepared));
            Ok(record)
        };
        let details = tasks.iter().map(&mut one).collect::<Result<_, _>>()?;
        Ok((details, infos.unwrap_or_else(|| boards().map(Board::info).collect())))
    }
}

fn axis(axis: &Axis) -> AxisInfo {
    let choices = match &axis.choices {
        Choices::List(choices) => choices.iter().map(|c| c.label.clone()).collect(),
        Choices::Range { .. } => {
            let n = axis.choices.grid_len().unwrap_or(0);
            (0..n).map(|i| axis.choices.grid(i).label).collect()
        }
    };
    AxisInfo { name: axis.name.clone(), choices }
}

/// What could not be learnt or priced, each reason once with the number of its points.
fn notes(own: &[String], points: &[PointResult]) -> Vec<String> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    let mut count = |text: String| match reasons.iter_mut().find(|(t, _)| *t == text) {
        Some((_, n)) => *n += 1,
        None => reasons.push((text, 1)),
    };
    for point in points {
        if let Some(why) = &point.failure {
            count(format!("Not learnt: {why}"));
        }
        point
            .unpriced
            .iter()
            .for_each(|(board, why)| count(format!("No cost on {board}: {}", why.split(';').next().unwrap_or(why))));
    }
    let told = reasons.into_iter().map(|(text, n)| format!("{text} ({n} point{}).", if n == 1 { "" } else { "s" }));
    own.iter().cloned().chain(told).collect()
}
