//! Which numbers a prediction rests on: each uncertain one moved to its ends alone.

use super::error::CostError;
use super::estimate::Estimator;
use super::kernel::KernelSet;
use super::table::CostTable;
use crate::profile::{ClassKey, End, Kind, Profile};
use crate::trace::KernelCall;

/// What one number does to a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// Key in the board's file, or `core.` and the key in the core's file.
    pub key: String,
    /// Value with its interval.
    pub value: String,
    /// Origin.
    pub kind: Kind,
    /// Source.
    pub source: String,
    /// File and line.
    pub place: String,
    /// The result with this number alone at its favourable end.
    pub low: f64,
    /// The result with this number alone at its unfavourable end.
    pub high: f64,
    /// Share of the result that it moves: (high − low) / result.
    pub moves: f64,
    /// Its part of the sum of all movements, 0 to 1.
    pub share: f64,
}

/// For each of N results, every number with an interval that moves it, largest first. Numbers of instruction classes that no
/// kernel of the calls has are left out.
///
/// Formula (C10): result(number at low or high, all others at their value); a first-order view that does not see two
/// numbers acting together. Shares are of the sum of all movements.
pub fn sensitivities<const N: usize>(
    calls: &[KernelCall],
    profile: &Profile,
    kernels: &KernelSet,
    results: impl Fn(&CostTable) -> [f64; N],
) -> Result<[Vec<Sensitivity>; N], CostError> {
    let used = Estimator::new(profile, kernels)?.used(calls)?;
    let estimator = Estimator::new(profile, &used)?;
    let mid = results(&estimator.estimate(calls)?);
    let mut lists = [const { Vec::new() }; N];
    for number in numbers(profile, &used) {
        let price = |end: End| {
            let pinned = profile.pinned(&number.key, end);
            pinned.map(|p| Ok::<_, CostError>(results(&estimator.with_profile(p).estimate(calls)?))).transpose()
        };
        let (Some(one), Some(other)) = (price(End::Favourable)?, price(End::Unfavourable)?) else { continue };
        for (at, list) in lists.iter_mut().enumerate() {
            let (low, high) = (one[at].min(other[at]), one[at].max(other[at]));
            let moves = if mid[at] > 0.0 { (high - low) / mid[at] } else { 0.0 };
            if moves > 0.0 {
                list.push(Sensitivity { low, high, moves, ..number.clone() });
            }
        }
    }
    lists.iter_mut().for_each(|list| rank(list));
    Ok(lists)
}

/// Shares of the sum of all movements, and the order.
fn rank(list: &mut [Sensitivity]) {
    let all: f64 = list.iter().map(|s| s.moves).sum();
    list.iter_mut().for_each(|s| s.share = s.moves / all);
    list.sort_by(|a, b| b.moves.total_cmp(&a.moves).then_with(|| a.key.cmp(&b.key)));
}

/// Every uncertain number that the kernels may rest on, without its effect.
fn numbers(profile: &Profile, used: &KernelSet) -> Vec<Sensitivity> {
    let mut list = Vec::new();
    for (key, q) in profile.quantities().into_iter().filter(|(_, q)| q.is_uncertain()) {
        list.push(Sensitivity {
            place: format!("{}:{}", profile.file, q.line),
            value: q.text(),
            kind: q.kind,
            source: q.source.clone(),
            key,
            low: 0.0,
            high: 0.0,
            moves: 0.0,
            share: 0.0,
        });
    }
    for number in profile.core_numbers().into_iter().filter(|n| n.is_uncertain) {
        if number.class.is_some_and(|class| !appears(class, used)) {
            continue;
        }
        list.push(Sensitivity {
            key: format!("core.{}", number.key),
            value: number.text,
            kind: number.kind,
            source: number.source,
            place: format!("{}:{}", profile.core.file, number.line),
            low: 0.0,
            high: 0.0,
            moves: 0.0,
            share: 0.0,
        });
    }
    list
}

fn appears((class, width): ClassKey, used: &KernelSet) -> bool {
    let mut instrs = used.kernels().iter().flat_map(|k| &k.levels).flat_map(|l| &l.body);
    instrs.any(|i| i.class == class && (width.is_none() || i.width == width))
}
