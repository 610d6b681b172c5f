//! How often a branch can be mispredicted: a kernel file gives a branch that goes both ways a level for each.

use super::super::expr::Expr;
use super::set::Level;

/// Gives each level whose branch falls through while another of the same place is taken the smaller of both counts. A predictor with a
/// memory of the last times errs once where a branch breaks its habit; one that always goes the same way costs nothing.
pub(super) fn count_breaks(levels: &mut [Level]) {
    for at in 0..levels.len() {
        let name = &levels[at].name;
        let other = match (name.strip_suffix(", last pass"), name.strip_suffix(" not taken")) {
            (Some(loop_), _) => loop_.to_owned(),
            (None, Some(place)) => format!("{place} taken"),
            (None, None) => continue,
        };
        let Some(taken) = levels.iter().find(|level| level.name == other) else { continue };
        levels[at].breaks = Some(Expr::smaller(&taken.trips, &levels[at].trips));
    }
}
