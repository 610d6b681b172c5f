//! New instances and classes: short experiences of a few recorded sequences each, classes new and known (NICv2).

use super::{Samples, StreamError, positions};
use crate::data::order::shuffled;
use std::collections::VecDeque;

/// How sequences make experiences. A sequence is one class in one recording session, or a stretch of the class' samples.
///
/// The first experience has one sequence of each of `first_classes` classes. The later ones share the other sequences evenly. Each
/// class that is still new comes in a later experience of its own, drawn by the seed; where an experience would otherwise stay
/// short of known classes' sequences, the next new class comes early. CORe50's 50 objects in 8 sessions give NICv2's counts: 10
/// sequences at first, then 78 × 5, 195 × 2 or 390 × 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixed {
    /// Number of experiences.
    pub experiences: usize,
    /// Classes of the first experience.
    pub first_classes: usize,
    /// Stretches that each class is cut into, in the set's order; `None` takes the recording sessions.
    pub sequences_per_class: Option<usize>,
    /// Draws first classes, order and arrival of new classes.
    pub seed: u64,
}

/// A sequence that has not come yet.
struct Sequence {
    class: usize,
    rows: Vec<usize>,
}

impl Mixed {
    /// Training positions of each experience.
    pub(super) fn parts(&self, train: &Samples<'_>, n_classes: usize) -> Result<Vec<Vec<usize>>, StreamError> {
        let by_class = self.sequences(train, n_classes)?;
        let order = shuffled(n_classes, self.seed, 0);
        let (first, new) = order.split_at(self.first_classes.min(n_classes));
        let total: usize = by_class.iter().map(Vec::len).sum();
        let (later, rest) = (self.experiences.saturating_sub(1), total - first.len());
        if self.experiences == 0 || first.is_empty() || (later == 0) != (rest == 0) || rest < later {
            let problem = format!(
                "{total} sequences cannot be {} at first and the rest in {later} later experiences; change `n_experiences`, `first_classes` or `sequences_per_class`",
                first.len()
            );
            return Err(StreamError::Unsuited { problem });
        }
        let (mut opening, mut pending) = (Vec::new(), Vec::new());
        for (class, sequences) in by_class.into_iter().enumerate() {
            for (n, rows) in sequences.into_iter().enumerate() {
                if n == 0 && first.contains(&class) {
                    opening.extend(rows);
                } else {
                    pending.push(Sequence { class, rows });
                }
            }
        }
        let mut parts = vec![opening];
        if later > 0 {
            parts.extend(self.later(pending, first, new, later));
        }
        Ok(parts)
    }

    /// Rows of each sequence of each class.
    fn sequences(&self, train: &Samples<'_>, n_classes: usize) -> Result<Vec<Vec<Vec<usize>>>, StreamError> {
        let of_class = |class: usize| {
            let own = positions(train.labels, &[class]);
            let Some(n) = self.sequences_per_class else {
                let mut by_session = std::collections::BTreeMap::<u32, Vec<usize>>::new();
                for at in own {
                    by_session.entry(train.sessions[at]).or_default().push(at);
                }
                return by_session.into_values().collect();
            };
            // Stretches differ by one sample at most.
            let edge = |i: usize| i * own.len() / n.max(1);
            let stretches = (0..n).map(|i| own[edge(i)..edge(i + 1)].to_vec());
            stretches.filter(|s: &Vec<usize>| !s.is_empty()).collect()
        };
        if self.sequences_per_class.is_none() && train.sessions.len() != train.labels.len() {
            let problem = "the data set has no recording sessions; give `sequences_per_class`".to_owned();
            return Err(StreamError::Unsuited { problem });
        }
        let all: Vec<Vec<Vec<usize>>> = (0..n_classes).map(of_class).collect();
        match all.iter().position(Vec::is_empty) {
            Some(class) => Err(StreamError::NoSamples { experience: 0, class, train: 0, test: 0 }),
            None => Ok(all),
        }
    }

    fn later(&self, pending: Vec<Sequence>, first: &[usize], new: &[usize], later: usize) -> Vec<Vec<usize>> {
        let total = pending.len();
        let mut pending: Vec<Option<Sequence>> = {
            let mut slots: Vec<Option<Sequence>> = pending.into_iter().map(Some).collect();
            shuffled(total, self.seed, 1).into_iter().map(|at| slots[at].take()).collect()
        };
        let mut take = |wanted: &dyn Fn(usize) -> bool| {
            pending.iter_mut().find(|s| s.as_ref().is_some_and(|s| wanted(s.class))).and_then(Option::take)
        };
        let mut arrivals: Vec<usize> = if new.len() <= later {
            shuffled(later, self.seed, 2).into_iter().take(new.len()).collect()
        } else {
            (0..new.len()).map(|i| i * later / new.len()).collect()
        };
        arrivals.sort_unstable();
        let mut waiting: VecDeque<(usize, usize)> = arrivals.into_iter().zip(new.iter().copied()).collect();
        let mut known = first.to_vec();
        let mut parts = Vec::with_capacity(later);
        for experience in 0..later {
            // Sizes differ by one sequence at most.
            let size = total * (experience + 1) / later - total * experience / later;
            let mut part = Vec::new();
            for _ in 0..size {
                let due = waiting.front().is_some_and(|(at, _)| *at <= experience);
                let found = if due { None } else { take(&|class| known.contains(&class)) };
                let sequence = found.or_else(|| {
                    let (_, class) = waiting.pop_front()?;
                    known.push(class);
                    take(&|c| c == class)
                });
                // Due classes may be used up; then whatever known sequence is left.
                let sequence = sequence.or_else(|| take(&|class| known.contains(&class)));
                part.extend(sequence.into_iter().flat_map(|s| s.rows));
            }
            parts.push(part);
        }
        parts
    }
}
