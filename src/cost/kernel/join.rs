//! Loops of two blocks: a compiler that enters a loop at its test leaves the body before it and the test behind it.

use super::set::Level;
use crate::profile::Class;

/// Levels of which each pair that forms one loop is one: a block without a branch that falls into a block whose only branch, its last
/// instruction, goes back to the first; both as often, and nothing between them. What the pair does on a trip follows itself, which two
/// blocks on their own would not say. The last pass of the test stays a level of its own.
pub(super) fn joined(mut levels: Vec<Level>) -> Vec<Level> {
    let addresses: Vec<Option<u64>> = levels.iter().map(|level| address(&level.name)).collect();
    let pairs: Vec<(usize, usize)> = (0..levels.len())
        .filter_map(|test| {
            let target = back_to(&levels[test])?;
            let from = addresses[test].filter(|&from| target < from)?;
            let is_between = |at: &Option<u64>| at.is_some_and(|at| target < at && at < from);
            let body =
                (0..levels.len()).find(|&at| addresses[at] == Some(target) && is_body(&levels[at], &levels[test]))?;
            (!addresses.iter().any(is_between)).then_some((body, test))
        })
        .collect();
    for &(body, test) in &pairs {
        let first = std::mem::take(&mut levels[body].body);
        let level = &mut levels[test];
        level.name = level.name.replacen("block", "loop", 1) + ", entered at its test";
        level.steady = true;
        level.body.splice(0..0, first);
    }
    levels.retain(|level| !level.body.is_empty());
    levels
}

/// `0x1c` of `block +0x1c`, whatever follows.
fn address(name: &str) -> Option<u64> {
    let hex = name.split_once("+0x")?.1.split([',', ' ']).next()?;
    u64::from_str_radix(hex, 16).ok()
}

fn is_branch(class: Class) -> bool {
    matches!(class, Class::BrTaken | Class::BrNot | Class::BrExit)
}

/// Where the only branch of a block that does not follow itself goes, when it is its last instruction.
fn back_to(level: &Level) -> Option<u64> {
    let (last, before) = level.body.split_last()?;
    let is_test = !level.steady && last.class == Class::BrTaken && !before.iter().any(|i| is_branch(i.class));
    address(last.assembly.split_whitespace().last()?).filter(|_| is_test)
}

fn is_body(level: &Level, test: &Level) -> bool {
    let trips = |l: &Level| (l.trips.clone(), l.trips_low.clone(), l.trips_high.clone());
    !level.steady && !level.body.iter().any(|i| is_branch(i.class)) && trips(level) == trips(test)
}
