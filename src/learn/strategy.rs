//! What a learning strategy is to the rest of the program, and the order in which samples come.

use super::{FeatureTable, Head, LearnError, StepReport, TrainingSamples};
use crate::trace::Sink;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A way of learning a stream of experiences with one head.
///
/// One experience: [`begin_experience`](Strategy::begin_experience), any number of [`observe`](Strategy::observe),
/// [`end_experience`](Strategy::end_experience); then [`predict`](Strategy::predict) as often as wanted.
pub trait Strategy {
    /// The head, for reports.
    fn head(&self) -> &Head;

    /// The head that the defaults below run on.
    fn head_mut(&mut self) -> &mut Head;

    /// Starts an experience with `counts[class]` training samples of each class. By default the optimiser starts anew.
    fn begin_experience(&mut self, counts: &[u32], _sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.head().check_counts(counts)?;
        self.head_mut().reset_velocity();
        Ok(())
    }

    /// Learns one minibatch. By default [`Head::step`].
    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head_mut().step(batch, sink)
    }

    /// Ends the experience. `samples` are all of its own, for calibrations that need a pass over them.
    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError>;

    /// Class of sample `row`.
    fn predict(&mut self, table: &FeatureTable, row: usize, sink: &mut dyn Sink) -> Result<usize, LearnError> {
        self.head_mut().predict(table, row, sink)
    }

    /// Classes of many samples, as [`predict`](Strategy::predict) gives them one by one.
    fn predict_rows(&mut self, table: &FeatureTable, rows: &[usize]) -> Result<Vec<usize>, LearnError> {
        self.head_mut().predict_rows(table, rows)
    }

    /// The head where [`observe`](Strategy::observe) is [`Head::step`] and nothing more, so that the f64 twin can run beside it.
    fn plain_head(&mut self) -> Option<&mut Head> {
        None
    }

    /// Largest minibatch of new samples.
    fn batch(&self) -> usize {
        self.head().config().batch
    }

    /// Bytes of learning state that must live between steps, in the formats of the slots. By default the head's.
    fn state_bytes(&self) -> u64 {
        self.head().state_bytes()
    }
}

/// Order of the samples of each epoch: a Fisher–Yates shuffle from ChaCha8, one stream an experience and epoch.
///
/// ```
/// use tinyprec::learn::EpochOrder;
/// let (mut a, mut b) = (vec![10, 11, 12, 13], vec![10, 11, 12, 13]);
/// EpochOrder::new(7).shuffle(0, 2, &mut a);
/// EpochOrder::new(7).shuffle(0, 2, &mut b);
/// assert_eq!(a, b);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochOrder {
    seed: u64,
}

impl EpochOrder {
    /// Orders of one seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Shuffles the sample numbers of `epoch` of `experience`. Lemire's multiply method with rejection: no bias.
    pub fn shuffle(&self, experience: usize, epoch: usize, rows: &mut [usize]) {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&u64::try_from(experience).unwrap_or(u64::MAX).to_le_bytes());
        key[16..24].copy_from_slice(b"mb-order");
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(u64::try_from(epoch).unwrap_or(u64::MAX));
        for last in (1..rows.len()).rev() {
            let n = u64::try_from(last + 1).unwrap_or(u64::MAX);
            rows.swap(last, usize::try_from(below(&mut random, n)).unwrap_or(last));
        }
    }
}

/// Uniform in `0 … n − 1`.
fn below(random: &mut ChaCha8Rng, n: u64) -> u64 {
    let threshold = n.wrapping_neg() % n;
    loop {
        let product = u128::from(random.next_u64()) * u128::from(n);
        let low = u64::try_from(product & u128::from(u64::MAX)).expect("masked to 64 bits");
        if low >= threshold {
            return u64::try_from(product >> 64).expect("below n");
        }
    }
}

/// One whole experience: begin, `epochs` shuffled passes in minibatches, end. The last minibatch may be smaller.
///
/// `each_step` sees the strategy after every step.
pub fn train_experience<S: Strategy + ?Sized>(
    strategy: &mut S,
    samples: TrainingSamples<'_>,
    (experience, epochs, order): (usize, usize, EpochOrder),
    sink: &mut dyn Sink,
    each_step: &mut dyn FnMut(&S, StepReport),
) -> Result<(), LearnError> {
    let counts = samples.class_counts(strategy.head().classes())?;
    strategy.begin_experience(&counts, sink)?;
    let mut room = Vec::new();
    let beside = strategy.head().beside();
    beside.accompanied(|| {
        for epoch in 0..epochs {
            for batch in samples.in_order(order, (experience, epoch), &mut room).batches(strategy.batch()) {
                let report = strategy.observe(batch, sink)?;
                each_step(strategy, report);
            }
        }
        Ok::<_, LearnError>(())
    })?;
    strategy.end_experience(samples, sink)
}
