//! `[stream]`: which samples arrive together, and in which order.

use super::check::{count, one_of};
use super::diagnostic::{Source, allowed_values};
use super::raw::{At, RawOrder, RawStream};
use super::{Diagnostic, MOST};
use crate::data::class_order::{ClassOrder, PUBLISHED};
use crate::data::{Domains, Mixed, Scenario};
use std::ops::Range;

/// Where things stand in the file, for errors that need the data or the network to be found.
#[derive(Debug, Clone)]
pub struct Places {
    pub stream: Range<usize>,
    pub classes: Vec<Vec<Range<usize>>>,
}

/// How the data arrive.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: &'static str,
    pub scenario: Scenario,
    pub domains: Domains,
    pub growing: bool,
    pub places: Places,
}

/// Scenarios, and the keys that each may have beside `scenario` and `test`.
const SCENARIOS: &[(&str, &[&str])] = &[
    ("nc", &["experiences", "order", "order_seed", "first_classes", "classes_per_experience"]),
    ("ni", &["n_experiences", "split_seed"]),
    ("sessions", &["split_seed"]),
    ("nic", &["n_experiences", "first_classes", "sequences_per_class", "split_seed"]),
    ("permuted", &["n_experiences", "split_seed", "plain_first"]),
    ("rotated", &["degrees"]),
    ("listed", &[]),
];

/// Checks the table.
pub fn check(source: &Source, raw: &RawStream) -> Result<Plan, Diagnostic> {
    let names: Vec<(&str, &(&str, &[&str]))> = SCENARIOS.iter().map(|s| (s.0, s)).collect();
    let &(name, keys) = one_of(source, "scenario", &raw.scenario, &names)?;
    only(source, raw, name, keys)?;
    let growing =
        raw.test.as_ref().map_or(Ok(false), |t| one_of(source, "test", t, &[("fixed", false), ("growing", true)]))?;
    let places = Places { stream: raw.scenario.span(), classes: Vec::new() };
    let plan = |scenario, domains| Plan { name, scenario, domains, growing, places: places.clone() };
    let seed = |value: &Option<At<i64>>| seed(source, "split_seed", value);
    let n = || needed(source, raw, "n_experiences", &raw.n_experiences, "n_experiences = 8");
    Ok(match name {
        "nc" => {
            let (scenario, places) = new_classes(source, raw)?;
            Plan { name, scenario, domains: Domains::None, growing, places }
        }
        "ni" => {
            let seed = seed(&raw.split_seed)?.unwrap_or(0);
            plan(Scenario::NewInstances { experiences: n()?, seed }, Domains::None)
        }
        "sessions" => plan(Scenario::Sessions(seed(&raw.split_seed)?), Domains::None),
        "nic" => {
            let first = needed(source, raw, "first_classes", &raw.first_classes, "first_classes = 10")?;
            let sequences = raw.sequences_per_class.as_ref();
            let mixed = Mixed {
                experiences: n()?,
                first_classes: first,
                sequences_per_class: sequences.map(|s| count(source, "sequences_per_class", s, 1, MOST)).transpose()?,
                seed: seed(&raw.split_seed)?.unwrap_or(0),
            };
            plan(Scenario::Mixed(mixed), Domains::None)
        }
        "permuted" => {
            let (n, seed) = (n()?, numpy_seed(source, "split_seed", raw.split_seed.as_ref())?);
            let plain_first = raw.plain_first.as_ref().is_none_or(|p| *p.get_ref());
            plan(Scenario::Domains(n), Domains::Permuted { n, seed, plain_first })
        }
        "rotated" => {
            let degrees = raw.degrees.as_ref();
            let degrees = degrees.ok_or_else(|| missing(source, raw, "degrees", "degrees = [0, 30, 60, 90]"))?;
            let list = degrees.get_ref();
            if list.is_empty() || list.iter().any(|d| !d.is_finite() || d.abs() > 360.0) {
                let help = "list an angle from -360 to 360 for each experience, counterclockwise";
                return Err(source.at(degrees.span(), "no such turn", help));
            }
            plan(Scenario::Domains(list.len()), Domains::Rotated(list.clone()))
        }
        _ => plan(Scenario::Listed, Domains::None),
    })
}

/// A key that another scenario has is an error here, not silence.
fn only(source: &Source, raw: &RawStream, name: &str, keys: &[&str]) -> Result<(), Diagnostic> {
    fn place<T>(value: &Option<At<T>>) -> Option<Range<usize>> {
        value.as_ref().map(At::span)
    }
    let given = [
        ("experiences", place(&raw.experiences)),
        ("order", place(&raw.order)),
        ("order_seed", place(&raw.order_seed)),
        ("first_classes", place(&raw.first_classes)),
        ("classes_per_experience", place(&raw.classes_per_experience)),
        ("n_experiences", place(&raw.n_experiences)),
        ("split_seed", place(&raw.split_seed)),
        ("sequences_per_class", place(&raw.sequences_per_class)),
        ("degrees", place(&raw.degrees)),
        ("plain_first", place(&raw.plain_first)),
    ];
    let stray = given.into_iter().find_map(|(key, at)| at.filter(|_| !keys.contains(&key)).map(|at| (key, at)));
    let Some((key, at)) = stray else { return Ok(()) };
    let help = format!("keys of this scenario: {}", keys.join(", "));
    Err(source.at(at, format!("scenario `{name}` has no `{key}`"), help))
}

fn missing(source: &Source, raw: &RawStream, key: &str, example: &str) -> Diagnostic {
    source.at(raw.scenario.span(), format!("this scenario needs `{key}`"), format!("for example {example}"))
}

fn needed(
    source: &Source,
    raw: &RawStream,
    key: &str,
    value: &Option<At<i64>>,
    example: &str,
) -> Result<usize, Diagnostic> {
    let value = value.as_ref().ok_or_else(|| missing(source, raw, key, example))?;
    count(source, key, value, 1, MOST)
}

fn seed(source: &Source, key: &str, value: &Option<At<i64>>) -> Result<Option<u64>, Diagnostic> {
    let read = |s: &At<i64>| count(source, key, s, 0, i64::MAX).map(|n| u64::try_from(n).unwrap_or(0));
    value.as_ref().map(read).transpose()
}

fn numpy_seed(source: &Source, key: &str, value: Option<&At<i64>>) -> Result<u32, Diagnostic> {
    let Some(value) = value else { return Ok(0) };
    let n = count(source, key, value, 0, i64::from(u32::MAX))?;
    Ok(u32::try_from(n).unwrap_or(u32::MAX))
}

fn new_classes(source: &Source, raw: &RawStream) -> Result<(Scenario, Places), Diagnostic> {
    match (&raw.experiences, &raw.order, &raw.classes_per_experience) {
        (Some(_), Some(order), _) => {
            let help = "`experiences` lists the classes, `order` draws them; drop one";
            Err(source.at(order.span(), "`experiences` and `order` are both given", help))
        }
        (None, None, None) => Err(missing(source, raw, "experiences", "experiences = [[0, 1], [2, 3]]")),
        (Some(_), None, _) => listed_classes(source, raw),
        (None, order, _) => {
            let span = order.as_ref().map_or(raw.scenario.span(), At::span);
            let order = order.as_ref().map_or(Ok(ClassOrder::Natural), |o| class_order(source, raw, o))?;
            let size =
                |key: &str, value: &Option<At<i64>>| value.as_ref().map(|v| count(source, key, v, 1, MOST)).transpose();
            let first = size("first_classes", &raw.first_classes)?;
            let each = size("classes_per_experience", &raw.classes_per_experience)?;
            let published = matches!(order, ClassOrder::Published(..));
            let sizes = match (first, each) {
                (first, Some(each)) => Some((first.unwrap_or(each), each)),
                (None, None) if published => None,
                (_, None) => return Err(missing(source, raw, "classes_per_experience", "classes_per_experience = 2")),
            };
            Ok((Scenario::Split(order, sizes), Places { stream: span, classes: Vec::new() }))
        }
    }
}

fn class_order(source: &Source, raw: &RawStream, order: &At<RawOrder>) -> Result<ClassOrder, Diagnostic> {
    let name = match order.get_ref() {
        RawOrder::Listed(list) => {
            let class = |&n: &i64| usize::try_from(n).ok();
            let classes: Option<Vec<usize>> = list.iter().map(class).collect();
            let bad = || source.at(order.span(), "a class is negative", "classes count from 0");
            return classes.map(ClassOrder::Given).ok_or_else(bad);
        }
        RawOrder::Named(name) => name.as_str(),
    };
    let drawn = |key| missing(source, raw, key, "order_seed = 42");
    match name {
        "natural" => Ok(ClassOrder::Natural),
        "random" => {
            seed(source, "order_seed", &raw.order_seed)?.map(ClassOrder::Seeded).ok_or_else(|| drawn("order_seed"))
        }
        "numpy" if raw.order_seed.is_none() => Err(drawn("order_seed")),
        "numpy" => Ok(ClassOrder::Numpy(numpy_seed(source, "order_seed", raw.order_seed.as_ref())?)),
        other => match PUBLISHED.iter().find(|p| p.name == other) {
            Some(p) => Ok(ClassOrder::Published(p.name, seed(source, "order_seed", &raw.order_seed)?)),
            None => {
                let known = ["natural", "random", "numpy"].into_iter().chain(PUBLISHED.iter().map(|p| p.name));
                let help = allowed_values(other, "allowed", known.collect::<Vec<_>>());
                Err(source.at(order.span(), format!("order = \"{other}\" is not known"), help))
            }
        },
    }
}

fn listed_classes(source: &Source, raw: &RawStream) -> Result<(Scenario, Places), Diagnostic> {
    let lists = raw
        .experiences
        .as_ref()
        .ok_or_else(|| missing(source, raw, "experiences", "experiences = [[0, 1], [2, 3]]"))?;
    if lists.get_ref().is_empty() {
        let help = "list the classes of each experience, e.g. [[0, 1], [2, 3]]";
        return Err(source.at(lists.span(), "a stream without experiences teaches nothing", help));
    }
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for list in lists.get_ref() {
        if list.get_ref().is_empty() {
            let help = "give it at least one class, or drop it";
            return Err(source.at(list.span(), "an experience with zero classes", help));
        }
        let mut own = Vec::new();
        for class in list.get_ref() {
            let value = count(source, "a class", class, 0, i64::from(u16::MAX))?;
            if own.contains(&value) || classes.iter().any(|c| c.contains(&value)) {
                let help = "in scenario nc a class comes once, with all of its samples";
                return Err(source.at(class.span(), format!("class {value} is listed twice"), help));
            }
            own.push(value);
        }
        classes.push(own);
    }
    let places = lists.get_ref().iter().map(|l| l.get_ref().iter().map(At::span).collect()).collect();
    Ok((Scenario::NewClasses(classes), Places { stream: lists.span(), classes: places }))
}
