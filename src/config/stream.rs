//! `[stream]`: which samples arrive together, and in which order.

use super::check::{count, one_of};
use super::diagnostic::Source;
use super::raw::{At, RawStream};
use super::{Diagnostic, MOST};
use crate::data::Scenario;
use std::ops::Range;

/// Where things stand in the file, for errors that need the data or the network to be found.
#[derive(Debug, Clone)]
pub struct Places {
    pub stream: Range<usize>,
    pub classes: Vec<Vec<Range<usize>>>,
}

/// Checks the table.
pub fn check(source: &Source, raw: &RawStream) -> Result<(Scenario, Places), Diagnostic> {
    let nc = one_of(source, "scenario", &raw.scenario, &[("nc", true), ("ni", false)])?;
    let missing = |key: &str, example: &str| {
        source.at(raw.scenario.span(), format!("this scenario needs `{key}`"), format!("for example {example}"))
    };
    if !nc {
        let n = raw.n_experiences.as_ref().ok_or_else(|| missing("n_experiences", "n_experiences = 8"))?;
        let seed = raw.split_seed.as_ref().map_or(Ok(0), |s| count(source, "split_seed", s, 0, i64::MAX))?;
        let scenario = Scenario::NewInstances {
            experiences: count(source, "n_experiences", n, 1, MOST)?,
            seed: u64::try_from(seed).unwrap_or(0),
        };
        return Ok((scenario, Places { stream: n.span(), classes: Vec::new() }));
    }
    let lists = raw.experiences.as_ref().ok_or_else(|| missing("experiences", "experiences = [[0, 1], [2, 3]]"))?;
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
