//! What points are priced on: boards × kernel sets × overrides.

use super::SweepError;
use super::evaluate::Priced;
use super::space::{Override, Point, Space};
use crate::config::{BoardRef, Experiment};
use crate::record::KERNELS;
use crate::run;
use std::path::Path;

/// The boards of a space, and notes on the combinations that cannot be priced.
///
/// # Errors
/// Points at the board or kernel set in the file that is not there.
pub(super) fn boards(space: &Space, first: &Point) -> Result<(Vec<Priced>, Vec<String>), SweepError> {
    let pricing = &space.pricing;
    let mut experiment = first.experiment.clone();
    experiment.source = space.source.clone();
    let folder = Path::new(&space.source.path).parent().unwrap_or(Path::new("")).to_path_buf();
    let of = |(given, span): &(String, std::ops::Range<usize>)| BoardRef {
        given: given.clone(),
        file: given.ends_with(".toml").then(|| folder.join(given)),
        span: span.clone(),
    };
    let named: Vec<BoardRef> =
        if pricing.boards.is_empty() { relocated(space, &experiment) } else { pricing.boards.iter().map(of).collect() };
    let sets: Vec<String> = if pricing.kernel_sets.is_empty() {
        vec![experiment.kernel_set.clone()]
    } else {
        pricing.kernel_sets.iter().map(|(name, _)| name.clone()).collect()
    };
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    for board in named.iter().flat_map(|board| overridden(board, &pricing.overrides)) {
        for set in &sets {
            experiment.boards = vec![board.clone()];
            experiment.kernel_set.clone_from(set);
            let label = if sets.len() > 1 { format!("{}{KERNELS}{set}", board.given) } else { board.given.clone() };
            match run::boards(&experiment) {
                Ok(found) => all.extend(found.into_iter().map(|board| Priced { label: label.clone(), board })),
                // With several sets one may be made for one core only; a note tells.
                Err(error) if sets.len() > 1 => {
                    notes.push(format!("No cost on {label}: {}", first_line(&error.to_string())))
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    if all.is_empty() && !notes.is_empty() {
        return Err(SweepError::Usage(notes.join("\n")));
    }
    Ok((all, notes))
}

/// A board with each override: `key=value` parts after its name, as `tinyprec cost --profile` takes them.
fn overridden(board: &BoardRef, overrides: &[Override]) -> Vec<BoardRef> {
    if overrides.is_empty() {
        return vec![board.clone()];
    }
    let with = |o: &Override| {
        let parts: String = o.set.iter().map(|(key, value)| format!(",{key}={value}")).collect();
        let mut file = board.file.clone();
        if let Some(path) = &mut file {
            path.as_mut_os_string().push(&parts);
        }
        BoardRef { given: format!("{}{parts}", board.given), file, span: o.span.clone() }
    };
    overrides.iter().map(with).collect()
}

/// The experiment's own boards, with their places in the sweep file rather than in the point's text.
fn relocated(space: &Space, experiment: &Experiment) -> Vec<BoardRef> {
    let place = |b: &BoardRef| {
        let at = space.source.text.find(&format!("\"{}\"", b.given)).unwrap_or(0);
        BoardRef { span: at..at + b.given.len() + 2, ..b.clone() }
    };
    experiment.boards.iter().map(place).collect()
}

/// An error without the quotation of the file below it.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}
