//! Streams of experiences: which samples arrive together, and in which order the experiences come.
//!
//! Flow: labels (and recording sessions) + [`Scenario`] → [`cut`] → [`Stream`] of [`Experience`]s, as positions in the sets.
//!
//! ```
//! use tinyprec::data::{Samples, Scenario, cut};
//! let (train, test) = (Samples::labelled(&[0, 1, 0, 1]), Samples::labelled(&[0, 1]));
//! let stream = cut(&Scenario::NewClasses(vec![vec![1], vec![0]]), &train, &test, 2)?;
//! assert_eq!(stream.experiences[0].train, [1, 3]);
//! # Ok::<(), tinyprec::data::StreamError>(())
//! ```

mod error;
mod mixed;

pub use error::StreamError;
pub use mixed::Mixed;

use super::class_order::{self, ClassOrder};
use super::order::shuffled;
use std::ops::Range;

/// How the stream is cut out of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scenario {
    /// New classes: each experience brings the listed classes, and all of their samples.
    NewClasses(Vec<Vec<usize>>),
    /// New classes by an order: so many at first and so many at a time, those of a published order where `None`.
    Split(ClassOrder, Option<(usize, usize)>),
    /// New instances: every experience has all classes; each class' samples are dealt out evenly, drawn by `seed`.
    NewInstances {
        /// Number of experiences.
        experiences: usize,
        /// Decides which sample goes where.
        seed: u64,
    },
    /// New instances by recording session: one session an experience, ascending or in an order drawn by the seed.
    Sessions(Option<u64>),
    /// New instances and classes, a few sequences at a time (NICv2).
    Mixed(Mixed),
    /// One experience for each domain of a set that [`Dataset::in_domains`](super::Dataset::in_domains) repeated.
    Domains(usize),
    /// The experiences that the data set's own lists give.
    Listed,
}

/// What a scenario knows of the samples of a set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Samples<'a> {
    /// Class of each.
    pub labels: &'a [usize],
    /// Recording session of each; empty where the set has none.
    pub sessions: &'a [u32],
    /// Experiences given with the data, as ranges of positions; empty where there are none.
    pub parts: &'a [Range<usize>],
}

impl<'a> Samples<'a> {
    /// Samples of which only the class is known.
    pub fn labelled(labels: &'a [usize]) -> Self {
        Self { labels, ..Self::default() }
    }
}

/// What arrives together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experience {
    /// Classes with at least one training sample, ascending.
    pub classes: Vec<usize>,
    /// Training samples as positions in the training set, ascending.
    pub train: Vec<usize>,
    /// Test samples of this experience (of these classes; of this domain) as positions in the test set, ascending.
    pub test: Vec<usize>,
}

/// The whole stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// In order of arrival.
    pub experiences: Vec<Experience>,
    /// Classes that the stream brings, ascending.
    pub classes: Vec<usize>,
    /// Test samples of all experiences as positions in the test set, ascending.
    pub test: Vec<usize>,
    /// Whether the test set grows: accuracy after experience i is then over the samples of experiences 0 … i, not over all.
    pub growing: bool,
}

impl Stream {
    /// Positions of the test samples that accuracy after experience `after` is taken over, ascending.
    ///
    /// Fixed: all of the stream's, always. Growing: those of the experiences so far.
    pub fn tested(&self, after: usize) -> Vec<usize> {
        if !self.growing {
            return self.test.clone();
        }
        union(self.experiences.iter().take(after + 1).map(|e| &e.test))
    }
}

/// Cuts a stream out of a data set, given what is known of its training and test samples. The test set is fixed.
///
/// # Errors
/// [`StreamError`] names the experience and the class that are wrong, or what the data set lacks.
pub fn cut(
    scenario: &Scenario,
    train: &Samples<'_>,
    test: &Samples<'_>,
    n_classes: usize,
) -> Result<Stream, StreamError> {
    let experiences = match scenario {
        Scenario::NewClasses(lists) => new_classes(lists, train.labels, test.labels, n_classes)?,
        Scenario::Split(order, sizes) => {
            let lists = class_order::split(order, *sizes, n_classes)?;
            new_classes(&lists, train.labels, test.labels, n_classes)?
        }
        Scenario::NewInstances { experiences, seed } => {
            of_parts(deal(*experiences, *seed, train.labels, n_classes)?, train.labels, test.labels)?
        }
        Scenario::Sessions(seed) => of_parts(sessions(train, *seed)?, train.labels, test.labels)?,
        Scenario::Mixed(mixed) => of_parts(mixed.parts(train, n_classes)?, train.labels, test.labels)?,
        Scenario::Domains(n) => domains(*n, train.labels, test.labels)?,
        Scenario::Listed if train.parts.is_empty() => {
            let problem =
                "the data set has no lists of experiences; give `lists` in [data], or another scenario".into();
            return Err(StreamError::Unsuited { problem });
        }
        Scenario::Listed => {
            of_parts(train.parts.iter().map(|r| r.clone().collect()).collect(), train.labels, test.labels)?
        }
    };
    let mut classes: Vec<usize> = experiences.iter().flat_map(|e| e.classes.iter().copied()).collect();
    classes.sort_unstable();
    classes.dedup();
    let test = union(experiences.iter().map(|e| &e.test));
    Ok(Stream { experiences, classes, test, growing: false })
}

fn new_classes(
    lists: &[Vec<usize>],
    train: &[usize],
    test: &[usize],
    n_classes: usize,
) -> Result<Vec<Experience>, StreamError> {
    if lists.is_empty() {
        return Err(StreamError::Empty { what: "no experience at all".to_owned() });
    }
    let mut home: Vec<Option<usize>> = vec![None; n_classes];
    for (experience, list) in lists.iter().enumerate() {
        if list.is_empty() {
            return Err(StreamError::Empty { what: format!("experience {experience} lists no class") });
        }
        for &class in list {
            let last = n_classes.saturating_sub(1);
            let slot = home.get_mut(class).ok_or(StreamError::OutOfRange { experience, class, last })?;
            if let Some(first) = slot.replace(experience) {
                return Err(StreamError::Twice { class, first, second: experience });
            }
            need_samples(experience, class, train, test)?;
        }
    }
    Ok(lists.iter().map(|list| of_classes(list, train, test)).collect())
}

fn of_classes(list: &[usize], train: &[usize], test: &[usize]) -> Experience {
    let mut classes = list.to_vec();
    classes.sort_unstable();
    Experience { train: positions(train, &classes), test: positions(test, &classes), classes }
}

/// Every class' samples dealt out evenly.
fn deal(n: usize, seed: u64, train: &[usize], n_classes: usize) -> Result<Vec<Vec<usize>>, StreamError> {
    if n == 0 || n_classes == 0 {
        return Err(StreamError::Empty { what: format!("{n} experiences of {n_classes} classes") });
    }
    let mut parts = vec![Vec::new(); n];
    // Dealing goes on from where the class before stopped, so that no experience gets every class' odd sample.
    let mut next = 0;
    for class in 0..n_classes {
        let own = positions(train, &[class]);
        let order = shuffled(own.len(), seed, u64::try_from(class).expect("a class fits 64 bits"));
        for at in order {
            parts[next % n].push(own[at]);
            next += 1;
        }
    }
    Ok(parts)
}

/// One part for each recording session.
fn sessions(train: &Samples<'_>, seed: Option<u64>) -> Result<Vec<Vec<usize>>, StreamError> {
    if train.sessions.len() != train.labels.len() {
        let problem = "the data set has no recording sessions; give `n_experiences` to deal its samples out".into();
        return Err(StreamError::Unsuited { problem });
    }
    let mut names: Vec<u32> = train.sessions.to_vec();
    names.sort_unstable();
    names.dedup();
    let order = seed.map_or_else(|| (0..names.len()).collect(), |seed| shuffled(names.len(), seed, 0));
    let part = |at: usize| {
        train.sessions.iter().enumerate().filter(|(_, s)| **s == names[at]).map(|(place, _)| place).collect()
    };
    Ok(order.into_iter().map(part).collect())
}

/// Experiences of the given training samples, tested on the classes they bring.
fn of_parts(parts: Vec<Vec<usize>>, train: &[usize], test: &[usize]) -> Result<Vec<Experience>, StreamError> {
    let n = parts.len();
    let mut experiences = Vec::with_capacity(n);
    for (experience, mut part) in parts.into_iter().enumerate() {
        part.sort_unstable();
        let mut classes: Vec<usize> = part.iter().map(|&at| train[at]).collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.is_empty() {
            return Err(StreamError::Empty { what: format!("experience {experience} of {n} gets no sample") });
        }
        for &class in &classes {
            need_samples(experience, class, train, test)?;
        }
        experiences.push(Experience { train: part, test: positions(test, &classes), classes });
    }
    Ok(experiences)
}

/// One experience a domain: the d-th of `n` equal stretches of both sets.
fn domains(n: usize, train: &[usize], test: &[usize]) -> Result<Vec<Experience>, StreamError> {
    let stretch = |len: usize, d: usize| (len / n * d..len / n * (d + 1)).collect::<Vec<usize>>();
    if n == 0 || train.len() < n || test.len() < n {
        return Err(StreamError::Empty { what: format!("{n} domains") });
    }
    let whole = of_parts((0..n).map(|d| stretch(train.len(), d)).collect(), train, test)?;
    Ok(whole.into_iter().enumerate().map(|(d, e)| Experience { test: stretch(test.len(), d), ..e }).collect())
}

/// Positions of the samples whose label is among `classes` (ascending).
fn positions(labels: &[usize], classes: &[usize]) -> Vec<usize> {
    labels.iter().enumerate().filter(|(_, l)| classes.binary_search(l).is_ok()).map(|(at, _)| at).collect()
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<usize>>) -> Vec<usize> {
    let mut all: Vec<usize> = lists.flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn need_samples(experience: usize, class: usize, train: &[usize], test: &[usize]) -> Result<(), StreamError> {
    let count = |labels: &[usize]| labels.iter().filter(|&&l| l == class).count();
    let (train, test) = (count(train), count(test));
    if train == 0 || test == 0 {
        return Err(StreamError::NoSamples { experience, class, train, test });
    }
    Ok(())
}
