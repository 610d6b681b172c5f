//! From counts to loop nests: groups of basic blocks that run equally often, with their trips as expressions.

use std::collections::{BTreeMap, BTreeSet};

use crate::LabError;
use crate::cycles::{entries_a_call, repeating};
use crate::disasm::{Function, Insn};
use tinyprec::cost::Expr;
use tinyprec::profile::Class;
use tinyprec::trace::Dims;

/// How often each instruction ran and each branch was taken in one call.
pub type Counts = BTreeMap<u64, (u64, u64)>;

/// One level of a kernel file: instructions that run `trips` times.
#[derive(Debug, Clone)]
pub struct LoopLevel {
    /// Its place, e.g. `+0x24`, with what tells it from others there.
    pub name: String,
    pub trips: String,
    /// Passes in which the branch at `back` falls through; `trips` counts those in which it is taken.
    pub last: Option<String>,
    pub back: Option<usize>,
    /// Fewest and most trips that were seen, and what no run exceeds, where they depend on data.
    pub bounds: Option<[String; 3]>,
    pub steady: bool,
    pub body: Vec<Insn>,
}

/// An expression and its values over the cases.
pub struct Candidate {
    pub text: String,
    pub values: Vec<i128>,
}

/// Evaluates candidate expressions on every case; `1` is always one of them.
pub fn candidates(texts: &[&str], cases: &[&Dims]) -> Result<Vec<Candidate>, LabError> {
    let mut list = Vec::new();
    for text in std::iter::once(&"1").chain(texts) {
        let expr = Expr::parse(text).map_err(|e| LabError::Spec(e.to_string()))?;
        let values: Result<Vec<i128>, _> = cases.iter().map(|dims| expr.eval(dims).map(i128::from)).collect();
        list.push(Candidate { text: (*text).to_owned(), values: values.map_err(|e| LabError::Spec(e.to_string()))? });
    }
    Ok(list)
}

/// The simplest candidate, or sum and difference of up to three (each up to `factors`-fold), that has the wanted values.
pub fn find(list: &[Candidate], factors: &[i128], want: &[i128]) -> Option<String> {
    // Divisions and roots take a fixed number of steps.
    if let Some(first) = want.first().filter(|first| want.iter().all(|n| n == *first)) {
        return Some(first.to_string());
    }
    let scaled: Vec<(String, Vec<i128>)> = factors
        .iter()
        .flat_map(|&k| list.iter().map(move |c| (scaled_text(&c.text, k), c.values.iter().map(|v| v * k).collect())))
        .collect();
    if let Some((text, _)) = scaled.iter().find(|(_, v)| v == want) {
        return Some(text.clone());
    }
    let minus = |a: &[i128], b: &[i128]| -> Vec<i128> { a.iter().zip(b).map(|(x, y)| x - y).collect() };
    let by_value: BTreeMap<&[i128], &String> = scaled.iter().rev().map(|(t, v)| (v.as_slice(), t)).collect();
    for (a, va) in &scaled {
        let rest = minus(want, va);
        if let Some(b) = by_value.get(rest.as_slice()) {
            return Some(format!("{a}+{b}"));
        }
        let over = minus(va, want);
        if let Some(b) = by_value.get(over.as_slice()) {
            return Some(format!("{a}-{}", guarded(b)));
        }
    }
    for (a, va) in &scaled {
        for (b, vb) in &scaled {
            let sum: Vec<i128> = va.iter().zip(vb).map(|(x, y)| x + y).collect();
            if let Some(c) = by_value.get(minus(want, &sum).as_slice()) {
                return Some(format!("{a}+{b}+{c}"));
            }
            if let Some(c) = by_value.get(minus(&sum, want).as_slice()) {
                return Some(format!("{a}+{b}-{}", guarded(c)));
            }
            let difference = minus(&minus(va, vb), want);
            if let Some(c) = by_value.get(difference.as_slice()) {
                return Some(format!("{a}-{}-{}", guarded(b), guarded(c)));
            }
        }
    }
    None
}

fn scaled_text(text: &str, k: i128) -> String {
    match (text, k) {
        (_, 1) => text.to_owned(),
        ("1", _) => k.to_string(),
        _ => format!("{}*{k}", guarded(text)),
    }
}

fn guarded(text: &str) -> String {
    let mut depth = 0;
    let loose = text.chars().any(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && matches!(c, '+' | '-')
    });
    if loose { format!("({text})") } else { text.to_owned() }
}

/// A run of instructions with equal counts.
#[derive(Clone)]
struct Group {
    steady: bool,
    insns: Vec<Insn>,
    times: Vec<i128>,
}

/// The loop nest of one function from the counts of all its cases, then the code that it calls.
///
/// `counts` are those that expressions are matched on, `seen` all of them, which bounds must hold.
pub fn nest(
    function: &Function,
    counts: &[&Counts],
    list: &[Candidate],
    seen: &[(&Dims, &Counts)],
) -> Result<Vec<LoopLevel>, LabError> {
    let mut levels = Vec::new();
    let every: Vec<&Counts> = seen.iter().map(|(_, counts)| *counts).collect();
    for group in groups(&function.insns, counts, &every) {
        if group.times.iter().any(|n| *n != 0) {
            levels.extend(split(function, counts, list, group)?);
        }
    }
    levels.sort_by_key(|level| level.body.first().map(|i| i.addr));
    for callee in &function.callees {
        let (mut called, again) = (Vec::new(), repeating(callee));
        for group in groups(&callee.insns, counts, &every) {
            let ran = group.times.iter().any(|n| *n != 0);
            called.extend(match split(callee, counts, list, group.clone()) {
                Ok(exact) if ran => exact,
                _ => bounded(function, (callee, &again), (counts, list, seen), group)?,
            });
        }
        called.sort_by_key(|level| level.body.first().map(|i| i.addr));
        levels.extend(called);
    }
    for level in &mut levels {
        if let Some(callee) = function.callees.iter().find(|f| level.body.first().is_some_and(|i| f.holds(i.addr))) {
            level.name = format!("{}{}", callee.symbol, level.name);
        }
    }
    Ok(levels)
}

/// Library code that branches on data: trips as the share of its calls that was seen, with the smallest and the largest share, and what its
/// control flow allows: an instruction that cannot reach itself runs at most once a call, and more no operands can bring about.
fn bounded(
    function: &Function,
    (callee, again): (&Function, &BTreeSet<u64>),
    (counts, list, seen): (&[&Counts], &[Candidate], &[(&Dims, &Counts)]),
    group: Group,
) -> Result<Vec<LoopLevel>, LabError> {
    const UNIT: i128 = 4096;
    let at = group.insns[0].addr - callee.start;
    // Its own calls where their number is a closed form, else all calls that the kernel makes, else the spec's last expression.
    let entered = times(counts, callee.insns[0].addr, false);
    let all = function.insns.iter().filter(|i| i.call.is_some()).map(|i| times(counts, i.addr, false));
    let all = all.fold(vec![0; counts.len()], |sum: Vec<i128>, t| sum.iter().zip(&t).map(|(a, b)| a + b).collect());
    let factors: Vec<i128> = (1..=16).collect();
    // With each, how often at most the routine is entered for one of these calls, where that is known.
    let mut bases = [(entered, 1), (all, entries_a_call(function, callee))].into_iter();
    let last = || list.last().map(|candidate| (candidate.text.clone(), None));
    let found = bases.find_map(|(calls, entries)| Some((find(list, &factors, &calls)?, Some(entries)))).or_else(last);
    let (text, entries) = found.ok_or_else(|| LabError::Unmatched {
        symbol: format!("{} in {}", callee.symbol, function.symbol),
        at,
        counts: group.times.clone(),
    })?;
    let text = guarded(&text);
    // The same over all cases.
    let base = Expr::parse(&text).map_err(|e| LabError::Spec(e.to_string()))?;
    let calls: Result<Vec<i128>, _> = seen.iter().map(|(dims, _)| base.eval(dims).map(i128::from)).collect();
    let calls = calls.map_err(|e| LabError::Spec(e.to_string()))?;
    let counts: Vec<&Counts> = seen.iter().map(|(_, counts)| *counts).collect();
    let mut levels = Vec::new();
    let mut level = |insns: Vec<Insn>, seen: &[i128], name: String| {
        let share = |num: i128, den: i128| (UNIT * num).div_euclid(den.max(1));
        let pairs = || seen.iter().zip(&calls).filter(|(_, c)| **c > 0);
        let low = pairs().map(|(n, c)| share(*n, *c)).min().unwrap_or(0);
        let high = pairs().map(|(n, c)| -share(-*n, *c)).max().unwrap_or(0);
        let mid = share(seen.iter().sum(), calls.iter().sum());
        let scaled = |k: i128| if k == UNIT { text.clone() } else { format!("{text}*{k}/{UNIT}") };
        let top = if high == UNIT { text.clone() } else { format!("ceil_div({text}*{high},{UNIT})") };
        let visits = pairs().map(|(n, c)| -(-*n).div_euclid(*c)).max().unwrap_or(1).max(1);
        // Once for each time that its routine is entered; in a loop, or where that is not known, twice what was seen.
        let visits = match entries {
            Some(entries) if insns.iter().all(|i| !again.contains(&i.addr)) => entries,
            _ => 2 * visits,
        };
        let most = if visits == 1 { text.clone() } else { format!("{text}*{visits}") };
        let bounds = Some([if low == 0 { "0".to_owned() } else { scaled(low) }, top, most]);
        levels.push(LoopLevel { name, trips: scaled(mid), last: None, back: None, bounds, steady: false, body: insns });
    };
    let branches: Vec<Insn> = group.insns.iter().filter(|i| i.class == Class::BrTaken).cloned().collect();
    let straight: Vec<Insn> = group.insns.iter().filter(|i| i.class != Class::BrTaken).cloned().collect();
    if !straight.is_empty() {
        let all = times(&counts, straight[0].addr, false);
        level(straight, &all, format!("+0x{at:x}"));
    }
    for branch in branches {
        let all = times(&counts, branch.addr, false);
        let taken = times(&counts, branch.addr, true);
        let fallen: Vec<i128> = all.iter().zip(&taken).map(|(t, k)| t - k).collect();
        for (class, seen, what) in [(Class::BrTaken, taken, "taken"), (Class::BrNot, fallen, "not taken")] {
            if seen.iter().any(|n| *n > 0) {
                let name = format!("+0x{:x} {what}", branch.addr - callee.start);
                level(vec![Insn { class, ..branch.clone() }], &seen, name);
            }
        }
    }
    Ok(levels)
}

fn times(counts: &[&Counts], addr: u64, taken: bool) -> Vec<i128> {
    let of = |c: &&Counts| c.get(&addr).map_or(0, |&(times, taken_times)| if taken { taken_times } else { times });
    counts.iter().map(|c| i128::from(of(c))).collect()
}

/// Expressions are matched on two cases of three; the third only checks them. Of measured software's classes a fifth checks: their tails of
/// tails leave too many expressions that agree on fewer.
pub fn matched<T>(cases: &[T], class: bool) -> Vec<&T> {
    cases
        .iter()
        .enumerate()
        .filter(|(i, _)| if class { i % 5 != 4 } else { i % 3 != 2 })
        .map(|(_, case)| case)
        .collect()
}

/// Innermost loops first, each for itself; all other instructions gathered by counts that are equal in all the `seen` cases, in program
/// order. What ran in none of them is left out.
fn groups(insns: &[Insn], counts: &[&Counts], seen: &[&Counts]) -> Vec<Group> {
    let executed: Vec<(&Insn, Vec<i128>)> = insns
        .iter()
        .map(|insn| (insn, times(seen, insn.addr, false)))
        .filter(|(_, all)| all.iter().any(|&n| n != 0))
        .collect();
    let mut in_loop = vec![false; executed.len()];
    let mut groups: Vec<Group> = Vec::new();
    for (end, (insn, count)) in executed.iter().enumerate() {
        let Some(start) =
            insn.target.filter(|t| *t <= insn.addr).and_then(|t| executed.iter().position(|(i, _)| i.addr == t))
        else {
            continue;
        };
        let body = &executed[start..=end];
        let ends_here = body.iter().take(body.len() - 1).all(|(i, _)| i.target.is_none_or(|t| t > i.addr));
        if ends_here && body.iter().all(|(_, t)| t == count) {
            in_loop[start..=end].fill(true);
            groups.push(Group {
                steady: true,
                insns: body.iter().map(|(i, _)| (*i).clone()).collect(),
                times: times(counts, insn.addr, false),
            });
        }
    }
    let first = groups.len();
    let mut kinds: Vec<Vec<i128>> = Vec::new();
    for ((insn, all), _) in executed.into_iter().zip(in_loop).filter(|(_, inside)| !inside) {
        match kinds.iter().position(|kind| *kind == all) {
            Some(at) => groups[first + at].insns.push(insn.clone()),
            None => {
                let times = times(counts, insn.addr, false);
                groups.push(Group { steady: false, insns: vec![insn.clone()], times });
                kinds.push(all);
            }
        }
    }
    groups
}

/// How often a branch went each way in every case.
struct Ways {
    index: usize,
    taken: Vec<i128>,
    fallen: Vec<i128>,
}

/// A group whose branches all go one way is one level. Of the branches that go both ways, one (the back edge, if there is one)
/// splits the level in two: the usual way, and the way out. Any other becomes two levels of its own of one instruction, so that
/// no trip count can be negative for any shape.
fn split(
    function: &Function,
    counts: &[&Counts],
    list: &[Candidate],
    group: Group,
) -> Result<Vec<LoopLevel>, LabError> {
    let at = group.insns[0].addr - function.start;
    let expression = |want: &[i128]| {
        find(list, &[1, 2, 3, 4], want).ok_or_else(|| LabError::Unmatched {
            symbol: function.symbol.clone(),
            at,
            counts: want.to_vec(),
        })
    };
    let mut body = group.insns.clone();
    let mut mixed = Vec::new();
    for (index, insn) in group.insns.iter().enumerate().filter(|(_, i)| i.class == Class::BrTaken) {
        let taken = times(counts, insn.addr, true);
        let fallen: Vec<i128> = group.times.iter().zip(&taken).map(|(t, k)| t - k).collect();
        if taken.iter().all(|&n| n == 0) {
            body[index].class = Class::BrNot;
        } else if fallen.iter().any(|&n| n != 0) {
            mixed.push(Ways { index, taken, fallen });
        }
    }
    let plain = |name: String, trips: String, body: Vec<Insn>| LoopLevel {
        name,
        trips,
        last: None,
        back: None,
        bounds: None,
        steady: group.steady,
        body,
    };
    let back = mixed.iter().rposition(|w| group.insns[w.index].target.is_some_and(|t| t <= group.insns[w.index].addr));
    let edge = back.map(|i| mixed.remove(i));
    let mut levels = Vec::new();
    for ways in &mixed {
        for (class, trips, what) in [(Class::BrTaken, &ways.taken, "taken"), (Class::BrNot, &ways.fallen, "not taken")]
        {
            let branch = Insn { class, ..group.insns[ways.index].clone() };
            let name = format!("+0x{:x} {what}", branch.addr - function.start);
            levels.push(LoopLevel { steady: false, ..plain(name, expression(trips)?, vec![branch]) });
        }
    }
    let kept = body.iter().enumerate().filter(|(i, _)| mixed.iter().all(|w| w.index != *i));
    let (at_index, kept): (Vec<usize>, Vec<Insn>) = kept.map(|(i, insn)| (i, insn.clone())).unzip();
    let name = format!("+0x{at:x}");
    levels.push(match &edge {
        None => plain(name, expression(&group.times)?, kept),
        Some(ways) => LoopLevel {
            last: Some(expression(&ways.fallen)?),
            back: at_index.iter().position(|i| *i == ways.index),
            ..plain(name, expression(&ways.taken)?, kept)
        },
    });
    levels.retain(|level| !level.body.is_empty());
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplest_expression_wins() {
        let shapes: Vec<Dims> =
            [(2u64, 5u64), (3, 7), (4, 1)].iter().map(|&(a, b)| Dims::new().with("a", a).with("b", b)).collect();
        let cases: Vec<&Dims> = shapes.iter().collect();
        let list = candidates(&["a", "b", "a*b"], &cases).expect("they parse");
        assert_eq!(find(&list, &[1], &[10, 21, 4]).as_deref(), Some("a*b"));
        assert_eq!(find(&list, &[1], &[8, 18, 0]).as_deref(), Some("a*b-a"));
        assert_eq!(find(&list, &[1, 2], &[4, 6, 8]).as_deref(), Some("a*2"));
        assert_eq!(find(&list, &[1], &[9, 15, 1]).as_deref(), None);
    }
}
