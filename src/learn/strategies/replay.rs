//! Replay of stored latents: SGD on the new samples and on some of a buffer's, which may be kept in one bit a feature (S12, S13).
//!
//! The buffer's bytes are part of the learning state: `buffer × (⌈features · bits / 8⌉ + 2)`, two bytes for the label.

use super::super::samples::OwnSamples;
use super::super::slot_state::narrow_real;
use super::super::{FeatureTable, Head, LearnError, SlotName, StepReport, Strategy, TrainingSamples};
use super::StoredLatent;
use crate::numeric::narrow::saturate_i32;
use crate::numeric::{Format, Rounder, Rounding, Values};
use crate::trace::{Phase, Sink};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stored latent.
#[derive(Debug, Clone)]
struct Item {
    label: usize,
    latent: Latent,
}

#[derive(Debug, Clone)]
enum Latent {
    Codes(Vec<i32>),
    Reals(Vec<f32>),
    Signs(Vec<bool>),
}

/// SGD with replay.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    head: Head,
    capacity: usize,
    per_step: usize,
    stored: StoredLatent,
    balanced: bool,
    random: ChaCha8Rng,
    items: Vec<Item>,
    /// Samples of each class offered so far.
    offered: Vec<u64>,
    /// What a stored sign is worth: a code, or a real.
    magnitude: Option<(i32, f32)>,
}

impl Replay {
    pub fn new(
        head: Head,
        (capacity, per_step): (usize, usize),
        stored: StoredLatent,
        balanced: bool,
        seed: u64,
    ) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[16..22].copy_from_slice(b"replay");
        let offered = vec![0; head.classes()];
        Self {
            head,
            capacity,
            per_step,
            stored,
            balanced,
            random: ChaCha8Rng::from_seed(key),
            items: Vec::new(),
            offered,
            magnitude: None,
        }
    }

    /// Uniform in `0 … n − 1`, by the high half of a product (bias below n / 2^64).
    fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.random.next_u64()) * u128::try_from(n).unwrap_or(1);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// The mean magnitude of the first experience's features, which a stored sign stands for.
    fn measure(&mut self, samples: TrainingSamples<'_>) {
        let (table, rows) = (samples.table(), samples.rows());
        let k = table.n_features();
        let n = (rows.len() * k).max(1) as f64;
        let at = |&row: &usize| row * k..(row + 1) * k;
        self.magnitude = Some(match table.values() {
            Values::Codes { codes, params } => {
                let zero = i64::from(params.zero_point);
                let all = rows.iter().flat_map(|r| &codes[at(r)]);
                let sum: u64 = all.map(|&c| (i64::from(c) - zero).unsigned_abs()).sum();
                (saturate_i32(Rounder::new(Rounding::TiesAway, 0, 0).real(sum as f64 / n)), 0.0)
            }
            Values::Real(reals) => {
                let sum: f64 = rows.iter().flat_map(|r| &reals[at(r)]).map(|x| f64::from(x.abs())).sum();
                (0, narrow_real(sum / n))
            }
        });
    }

    fn latent(&self, table: &FeatureTable, row: usize) -> Latent {
        let k = table.n_features();
        let at = row * k..(row + 1) * k;
        match (table.values(), self.stored) {
            (Values::Codes { codes, .. }, StoredLatent::Features) => Latent::Codes(codes[at].to_vec()),
            (Values::Real(reals), StoredLatent::Features) => Latent::Reals(reals[at].to_vec()),
            (Values::Codes { codes, params }, StoredLatent::OneBit) => {
                Latent::Signs(codes[at].iter().map(|&c| c < params.zero_point).collect())
            }
            (Values::Real(reals), StoredLatent::OneBit) => Latent::Signs(reals[at].iter().map(|&x| x < 0.0).collect()),
        }
    }

    /// Offers a sample: one reservoir over the stream, or one of equal quota a class.
    fn offer(&mut self, table: &FeatureTable, row: usize, label: usize) {
        self.offered[label] += 1;
        let item = Item { label, latent: self.latent(table, row) };
        if !self.balanced {
            let seen = self.offered.iter().sum::<u64>();
            if self.items.len() < self.capacity {
                self.items.push(item);
            } else {
                let place = self.below(usize::try_from(seen).unwrap_or(usize::MAX));
                if place < self.capacity {
                    self.items[place] = item;
                }
            }
            return;
        }
        let classes = self.offered.iter().filter(|&&n| n > 0).count();
        let quota = (self.capacity / classes).max(1);
        let own: Vec<usize> = (0..self.items.len()).filter(|&i| self.items[i].label == label).collect();
        if own.len() < quota {
            if self.items.len() >= self.capacity {
                self.drop_from_largest();
            }
            self.items.push(item);
            return;
        }
        let place = self.below(usize::try_from(self.offered[label]).unwrap_or(usize::MAX));
        if let Some(&at) = own.get(place) {
            self.items[at] = item;
        }
    }

    /// Removes a random item of the class that holds most (the first of equals).
    fn drop_from_largest(&mut self) {
        let mut held = vec![0usize; self.offered.len()];
        self.items.iter().for_each(|i| held[i.label] += 1);
        let most = held.iter().copied().max().unwrap_or(0);
        let Some(class) = held.iter().position(|&n| n == most) else { return };
        let own: Vec<usize> = (0..self.items.len()).filter(|&i| self.items[i].label == class).collect();
        let at = own[self.below(own.len())];
        self.items.remove(at);
    }

    /// The new samples and the replayed ones, of which the first experience has none, as one small table.
    fn mixed(&mut self, batch: TrainingSamples<'_>) -> Result<OwnSamples, LearnError> {
        let (table, rows) = (batch.table(), batch.rows());
        let n = self.per_step.min(self.items.len());
        let mut picks: Vec<usize> = (0..self.items.len()).collect();
        for i in 0..n {
            let j = i + self.below(picks.len() - i);
            picks.swap(i, j);
        }
        let k = table.n_features();
        let (code, real) = self.magnitude.unwrap_or((0, 0.0));
        let at = |&row: &usize| row * k..(row + 1) * k;
        let values = match table.values() {
            Values::Codes { codes, params } => {
                let mut out: Vec<i32> = rows.iter().flat_map(|r| &codes[at(r)]).copied().collect();
                for &pick in &picks[..n] {
                    match &self.items[pick].latent {
                        Latent::Codes(codes) => out.extend(codes),
                        Latent::Signs(signs) => out.extend(
                            signs
                                .iter()
                                .map(|&minus| params.zero_point.saturating_add(if minus { -code } else { code })),
                        ),
                        Latent::Reals(_) => {}
                    }
                }
                Values::Codes { codes: out, params: *params }
            }
            Values::Real(reals) => {
                let mut out: Vec<f32> = rows.iter().flat_map(|r| &reals[at(r)]).copied().collect();
                for &pick in &picks[..n] {
                    match &self.items[pick].latent {
                        Latent::Reals(reals) => out.extend(reals),
                        Latent::Signs(signs) => out.extend(signs.iter().map(|&minus| if minus { -real } else { real })),
                        Latent::Codes(_) => {}
                    }
                }
                Values::Real(out)
            }
        };
        let labels = batch.labels().chain(picks[..n].iter().map(|&p| self.items[p].label)).collect();
        OwnSamples::new(FeatureTable::new(k, table.format(), values)?, labels)
    }
}

/// Bytes of one stored latent and its label.
pub(super) fn item_bytes(stored: StoredLatent, features: Format, k: usize) -> usize {
    let format = if stored == StoredLatent::OneBit { Format::Binary } else { features };
    format.storage_bytes(k) + 2
}

impl Strategy for Replay {
    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head.check_batch(batch)?;
        let mixed = self.mixed(batch)?;
        let replayed = mixed.samples().len() - batch.len();
        self.head.tell(sink, |calls| std::iter::repeat_n(calls.latent(self.stored, self.capacity, true), replayed));
        self.head.step(mixed.samples(), sink)
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head.calibrate(samples)?;
        if self.magnitude.is_none() {
            self.measure(samples);
        }
        for (row, label) in samples.pairs() {
            self.offer(samples.table(), row, label);
            self.head.tell(sink, |calls| [calls.latent(self.stored, self.capacity, false)]);
        }
        self.head.refresh(samples.table(), Phase::Consolidate, sink)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn batch(&self) -> usize {
        self.head.config().batch - self.per_step
    }

    fn state_bytes(&self) -> u64 {
        let format = self.head.calls.format(SlotName::Features);
        let buffer = self.capacity * item_bytes(self.stored, format, self.head.features());
        self.head.state_bytes() + u64::try_from(buffer).unwrap_or(u64::MAX)
    }
}
