//! Streams of experiences: which samples arrive together, and in which order the experiences come.

use super::order::shuffled;
use thiserror::Error;

/// How the stream is cut out of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scenario {
    /// New classes: each experience brings the listed classes, and all of their samples.
    NewClasses(Vec<Vec<usize>>),
    /// New instances: every experience has all classes; each class' samples are dealt out evenly, drawn by `seed`.
    NewInstances {
        /// Number of experiences.
        experiences: usize,
        /// Decides which sample goes where.
        seed: u64,
    },
}

/// What arrives together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experience {
    /// Classes with at least one training sample, ascending.
    pub classes: Vec<usize>,
    /// Training samples as positions in the training set, ascending.
    pub train: Vec<usize>,
    /// Test samples of these classes as positions in the fixed test set, ascending.
    pub test: Vec<usize>,
}

/// The whole stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// In order of arrival.
    pub experiences: Vec<Experience>,
    /// Classes that the stream brings, ascending.
    pub classes: Vec<usize>,
    /// Test samples of all of these classes as positions in the test set, ascending. Never changes.
    pub test: Vec<usize>,
}

/// A stream that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StreamError {
    /// No experience, or one without classes.
    #[error("{what}: a stream needs at least one experience and each experience at least one class")]
    Empty {
        /// Which one.
        what: String,
    },
    /// A class that the data set does not have.
    #[error("experience {experience} asks for class {class}, but the data set has classes 0 to {last}")]
    OutOfRange {
        /// Experience, from 0.
        experience: usize,
        /// The class.
        class: usize,
        /// Highest class of the data set.
        last: usize,
    },
    /// A class in two places.
    #[error(
        "class {class} is in experience {first} and again in experience {second}; in scenario `nc` a class comes once"
    )]
    Twice {
        /// The class.
        class: usize,
        /// Where it was first, from 0.
        first: usize,
        /// Where it was again, from 0.
        second: usize,
    },
    /// Nothing to learn or to test with.
    #[error(
        "class {class} has {train} training and {test} test samples; experience {experience} needs at least one of each"
    )]
    NoSamples {
        /// Experience, from 0.
        experience: usize,
        /// The class.
        class: usize,
        /// Training samples of the class.
        train: usize,
        /// Test samples of the class.
        test: usize,
    },
}

/// Cuts a stream out of a data set, given the labels of its training and test samples.
///
/// # Errors
/// [`StreamError`] names the experience and the class that are wrong.
pub fn cut(scenario: &Scenario, train: &[usize], test: &[usize], n_classes: usize) -> Result<Stream, StreamError> {
    let experiences = match scenario {
        Scenario::NewClasses(lists) => new_classes(lists, train, test, n_classes)?,
        Scenario::NewInstances { experiences, seed } => new_instances(*experiences, *seed, train, test, n_classes)?,
    };
    let mut classes: Vec<usize> = experiences.iter().flat_map(|e| e.classes.iter().copied()).collect();
    classes.sort_unstable();
    classes.dedup();
    let test = positions(test, &classes);
    Ok(Stream { experiences, classes, test })
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

fn new_instances(
    n: usize,
    seed: u64,
    train: &[usize],
    test: &[usize],
    n_classes: usize,
) -> Result<Vec<Experience>, StreamError> {
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

/// Positions of the samples whose label is among `classes` (ascending).
fn positions(labels: &[usize], classes: &[usize]) -> Vec<usize> {
    labels.iter().enumerate().filter(|(_, l)| classes.binary_search(l).is_ok()).map(|(at, _)| at).collect()
}

fn need_samples(experience: usize, class: usize, train: &[usize], test: &[usize]) -> Result<(), StreamError> {
    let count = |labels: &[usize]| labels.iter().filter(|&&l| l == class).count();
    let (train, test) = (count(train), count(test));
    if train == 0 || test == 0 {
        return Err(StreamError::NoSamples { experience, class, train, test });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIN: [usize; 12] = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3];
    const TEST: [usize; 5] = [3, 2, 1, 0, 0];

    #[test]
    fn new_classes_bring_all_samples_of_their_classes_once() {
        let stream = cut(&Scenario::NewClasses(vec![vec![3, 1], vec![0]]), &TRAIN, &TEST, 4).unwrap();
        assert_eq!(stream.classes, [0, 1, 3]);
        assert_eq!(stream.test, [0, 2, 3, 4]);
        assert_eq!(stream.experiences[0].classes, [1, 3]);
        assert_eq!(stream.experiences[0].train, [1, 3, 5, 7, 9, 11]);
        assert_eq!(stream.experiences[0].test, [0, 2]);
        assert_eq!(stream.experiences[1].train, [0, 4, 8]);
    }

    #[test]
    fn new_instances_deal_every_sample_out_once_and_evenly() {
        let scenario = |seed| Scenario::NewInstances { experiences: 3, seed };
        let stream = cut(&scenario(5), &TRAIN, &TEST, 4).unwrap();
        let mut all: Vec<usize> = stream.experiences.iter().flat_map(|e| e.train.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        assert!(stream.experiences.iter().all(|e| e.train.len() == 4 && e.classes == [0, 1, 2, 3]), "{stream:?}");
        assert_eq!(stream, cut(&scenario(5), &TRAIN, &TEST, 4).unwrap());
        assert_ne!(stream, cut(&scenario(6), &TRAIN, &TEST, 4).unwrap());
    }

    #[test]
    fn what_cannot_be_cut_says_where() {
        let nc = |lists: &[&[usize]]| Scenario::NewClasses(lists.iter().map(|l| l.to_vec()).collect());
        let wrong = |s: &Scenario| cut(s, &TRAIN, &TEST, 4).unwrap_err();
        assert!(matches!(wrong(&nc(&[])), StreamError::Empty { .. }));
        assert!(matches!(wrong(&nc(&[&[0], &[]])), StreamError::Empty { .. }));
        assert_eq!(wrong(&nc(&[&[0], &[4]])), StreamError::OutOfRange { experience: 1, class: 4, last: 3 });
        assert_eq!(wrong(&nc(&[&[0, 1], &[1]])), StreamError::Twice { class: 1, first: 0, second: 1 });
        assert!(matches!(wrong(&Scenario::NewInstances { experiences: 0, seed: 1 }), StreamError::Empty { .. }));
        let none = cut(&nc(&[&[0]]), &[0], &[1], 2).unwrap_err();
        assert_eq!(none, StreamError::NoSamples { experience: 0, class: 0, train: 1, test: 0 });
    }
}
