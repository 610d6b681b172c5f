//! AR1*: CWR* on the head, synaptic intelligence on the layer below it (S14).
//!
//! Below the latent nothing learns. Above it stands one binary dense layer ([`BinaryLayer`]), trained straight through with the head,
//! in the first experience and in all later ones. Synaptic intelligence keeps what mattered: each step adds `g·ΔV` (the gradient of
//! the whole loss times the movement as stored) to a path integral; at the end of an experience `total += path / ((V − V*)² + 1e-7)`,
//! `F = min(−total, 0.001)`, and the next experiences pull by `λ·F·(V − V*)`. The sums run in f32, whatever the slots are.
//!
//! Source: method_details.md §3.1 (the authors' PyTorch and Caffe code, Avalanche).

use super::super::calls::Tensor;
use super::super::consolidate::reals_of;
use super::super::samples::OwnSamples;
use super::super::slot_state::{SlotState, narrow_real};
use super::super::{CwrStar, FeatureTable, Head, LearnError, SlotName, StepReport, Strategy, TrainingSamples};
use super::layer::{BinaryLayer, Passed};
use super::pull::{Penalty, Pulls, pull_slot};
use crate::trace::{Phase, Sink};

/// Keeps the importance of a weight that did not move finite.
const DAMPING: f32 = 1e-7;
/// Largest importance.
const MOST: f32 = 1e-3;
/// Samples that are classified at a time.
const CHUNK: usize = 64;

/// AR1*.
#[derive(Debug, Clone)]
pub(super) struct Ar1Star {
    cwr: CwrStar,
    layer: BinaryLayer,
    lambda: f64,
    path: Vec<f32>,
    total: Vec<f32>,
    /// V*: the layer's weights when the experience began.
    start: Vec<f64>,
    penalty: Option<Penalty>,
    pull_slot: SlotState,
    pulls: Pulls,
}

impl Ar1Star {
    /// On a fresh head; `rate` is the layer's learning rate.
    pub fn new(head: Head, lambda: f64, rate: f64) -> Result<Self, LearnError> {
        let layer = BinaryLayer::new(&head, rate)?;
        let pull_slot = pull_slot("layer.pull", head.config(), head.seed)?;
        let n = head.features() * head.features();
        Ok(Self {
            cwr: CwrStar::of(head, false),
            layer,
            lambda,
            path: vec![0.0; n],
            total: vec![0.0; n],
            start: Vec::new(),
            penalty: None,
            pull_slot,
            pulls: Pulls::None,
        })
    }

    /// The layer's step with its penalty, and what it adds to the path integral.
    fn learn_layer(&mut self, inputs: &FeatureTable, sink: &mut dyn Sink) -> Result<(), LearnError> {
        let layer = &mut self.layer;
        let (mut before, mut after, mut gradient) = (Vec::new(), Vec::new(), Vec::new());
        reals_of(&layer.param.master, &mut before);
        self.pulls.take(&mut layer.param, self.penalty.as_slice(), layer.config.learning_rate)?;
        layer.gradients(inputs)?;
        layer.step()?;
        self.pulls.apply(&mut layer.param)?;
        // Codes of the gradient are only made by the step.
        layer.param.gradient.device(&mut gradient);
        self.penalty.iter().for_each(|p| p.add_gradient(&before, &mut gradient));
        reals_of(&layer.param.master, &mut after);
        for (((path, g), before), after) in self.path.iter_mut().zip(&gradient).zip(&before).zip(&after) {
            *path += narrow_real(*g) * narrow_real(after - before);
        }
        let (samples, pulled) = (inputs.len(), self.penalty.is_some());
        self.cwr.head().tell(sink, |calls| calls.layer_update(samples, pulled));
        Ok(())
    }

    /// The experience's path integral becomes importance, and the weights as they are its anchor.
    fn remember(&mut self) -> Result<(), LearnError> {
        let mut now = Vec::new();
        reals_of(&self.layer.param.master, &mut now);
        let moved = now.iter().zip(&self.start).map(|(now, start)| narrow_real(now - start));
        for ((total, path), moved) in self.total.iter_mut().zip(&mut self.path).zip(moved) {
            *total += *path / (moved * moved + DAMPING);
            *path = 0.0;
        }
        let pull: Vec<f64> = self.total.iter().map(|t| self.lambda * f64::from((-t).min(MOST))).collect();
        self.penalty = Some(Penalty::new(&mut self.layer.param, &mut self.pull_slot, &pull)?);
        Ok(())
    }
}

impl Strategy for Ar1Star {
    fn head(&self) -> &Head {
        self.cwr.head()
    }

    fn head_mut(&mut self) -> &mut Head {
        self.cwr.head_mut()
    }

    fn begin_experience(&mut self, counts: &[u32], sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.layer.param.reset_velocity();
        reals_of(&self.layer.param.master, &mut self.start);
        self.cwr.head().tell(sink, |calls| [calls.layer_keep(Phase::Consolidate, "layer.start")]);
        self.cwr.begin_experience(counts, sink)
    }

    fn observe(&mut self, batch: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<StepReport, LearnError> {
        self.head().check_batch(batch)?;
        self.layer.refresh();
        let Passed { features, inputs } = self.layer.forward(batch.table(), batch.rows())?;
        self.head().tell(sink, |calls| calls.layer_forward_batch(batch.len()));
        let above = OwnSamples::new(features, batch.labels().collect())?;
        let above = above.samples();
        let head = self.cwr.head_mut();
        head.refresh(above.table(), Phase::Update, sink)?;
        head.errors_of_batch(above, sink)?;
        head.quantise_errors(above.len(), sink)?;
        self.layer.backward(head, above.len())?;
        head.tell(sink, |calls| calls.layer_backward(above.len()));
        let report = head.descend_from_errors(above, sink)?;
        self.learn_layer(&inputs, sink)?;
        let more = self.layer.param.last;
        Ok(self.head_mut().with_updates(report, more))
    }

    fn end_experience(&mut self, samples: TrainingSamples<'_>, sink: &mut dyn Sink) -> Result<(), LearnError> {
        self.layer.refresh();
        self.remember()?;
        self.head().tell(sink, |calls| calls.layer_end());
        // The head looks at samples only for a calibration; their scale, the layer's outputs share with its inputs.
        if !self.head().awaits_range() {
            return self.cwr.end_experience(samples, sink);
        }
        let passed = self.layer.forward(samples.table(), samples.rows())?;
        let above = OwnSamples::new(passed.features, samples.labels().collect())?;
        self.cwr.end_experience(above.samples(), sink)
    }

    fn predict(&mut self, table: &FeatureTable, row: usize, sink: &mut dyn Sink) -> Result<usize, LearnError> {
        self.head().check_rows(table, &[row])?;
        let passed = self.layer.forward(table, &[row])?;
        self.head().tell(sink, |calls| calls.layer_forward());
        self.head_mut().predict(&passed.features, 0, sink)
    }

    fn predict_rows(&mut self, table: &FeatureTable, rows: &[usize]) -> Result<Vec<usize>, LearnError> {
        self.head().check_rows(table, rows)?;
        let mut classes = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(CHUNK) {
            let passed = self.layer.forward(table, chunk)?;
            let all: Vec<usize> = (0..chunk.len()).collect();
            classes.extend(self.head_mut().predict_rows(&passed.features, &all)?);
        }
        Ok(classes)
    }

    /// CWR*'s, the layer's, two f32 sums a latent weight, and after the first experience an anchor and a pull.
    fn state_bytes(&self) -> u64 {
        let n = self.path.len();
        let calls = &self.head().calls;
        let kept = calls.consolidated(Tensor::Layer).storage_bytes(n) + calls.format(SlotName::Past).storage_bytes(n);
        let penalty = self.penalty.as_ref().map_or(0, |_| kept);
        self.cwr.state_bytes() + u64::try_from(self.layer.state_bytes() + 8 * n + penalty).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{HeadConfig, Precision};
    use super::*;
    use crate::numeric::{Format, QParams, Values};
    use crate::trace::NullSink;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        head_rate: f64,
        layer_share: f64,
        lambda: f64,
        epochs: usize,
        first: Vec<f64>,
        experiences: Vec<After>,
    }

    #[derive(Deserialize)]
    struct After {
        layer: Vec<f64>,
        total: Vec<f64>,
        consolidated: Vec<f64>,
    }

    /// Numerical Recipes' generator and the draws of `tests/peers/head_integer.py`: three experiences of 24 samples.
    fn drawn() -> (Vec<f32>, Vec<usize>) {
        let mut state = 2026u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for current in [&[0usize, 1, 2][..], &[2, 3, 4], &[0, 1, 2, 3, 4]] {
            for _ in 0..24 {
                let n = u32::try_from(current.len()).unwrap();
                let label = current[usize::try_from(next(n)).unwrap()];
                for k in 0..13 {
                    let lean = if k % 5 == label { 40.0 } else { 0.0 };
                    let x = f64::from(next(161)) - 80.0 + lean;
                    features.push(narrow_real(x.clamp(-127.0, 127.0) / 40.0));
                }
                labels.push(label);
            }
        }
        (features, labels)
    }

    fn assert_close(found: &[f64], expected: &[f64], what: &str) {
        let largest = expected.iter().fold(1e-6f64, |m, x| m.max(x.abs()));
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() <= 1e-4 * largest, "{what}, {i}: {a} and {b}");
        }
    }

    #[test]
    fn float_follows_the_script_written_from_the_formulas() {
        let path = format!("{}/tests/peers/ar1_star.json", env!("CARGO_MANIFEST_DIR"));
        let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (features, labels) = drawn();
        let table = FeatureTable::new(13, Format::F32, Values::Real(features)).unwrap();
        let mut config = HeadConfig::new(Precision::preset("float").unwrap(), golden.head_rate);
        config.batch = 8;
        let head = Head::new(config, 5, 13, 0).unwrap();
        let mut ar1 = Ar1Star::new(head, golden.lambda, golden.layer_share * golden.head_rate).unwrap();
        *ar1.layer.param.master = Values::Real(golden.first.iter().map(|&x| narrow_real(x)).collect());
        for (i, after) in golden.experiences.iter().enumerate() {
            let rows: Vec<usize> = (i * 24..(i + 1) * 24).collect();
            let samples = TrainingSamples::new(&table, &labels, &rows).unwrap();
            ar1.begin_experience(&samples.class_counts(5).unwrap(), &mut NullSink).unwrap();
            for _ in 0..golden.epochs {
                for batch in samples.batches(8) {
                    ar1.observe(batch, &mut NullSink).unwrap();
                }
            }
            ar1.end_experience(samples, &mut NullSink).unwrap();
            let mut layer = Vec::new();
            reals_of(&ar1.layer.param.master, &mut layer);
            assert_close(&layer, &after.layer, "layer");
            assert_close(&ar1.head().consolidated().to_f64(), &after.consolidated, "consolidated");
            let total: Vec<f64> = ar1.total.iter().map(|&t| t.into()).collect();
            assert_close(&total, &after.total, "total");
        }
    }

    /// Integer gradients become codes in the step, whose path integral must be of these codes and not of what stood there before.
    #[test]
    fn the_path_integral_is_of_the_codes_that_moved_the_weights() {
        let (features, labels) = drawn();
        let codes = features.iter().map(|x| codes_near(*x)).collect();
        let format: Format = "int8:static(-4,4)".parse().unwrap();
        let params = QParams::of_format(&format).unwrap();
        let table = FeatureTable::new(13, format, Values::Codes { codes, params }).unwrap();
        let mut config = HeadConfig::new(Precision::preset("hybrid-16").unwrap(), 0.1);
        config.batch = 8;
        let mut ar1 = Ar1Star::new(Head::new(config, 5, 13, 0).unwrap(), 1.0, 0.1).unwrap();
        let rows: Vec<usize> = (0..24).collect();
        let labels = &labels[..];
        let samples = TrainingSamples::new(&table, labels, &rows).unwrap();
        ar1.begin_experience(&samples.class_counts(5).unwrap(), &mut NullSink).unwrap();
        for _ in 0..8 {
            ar1.observe(samples.batches(8).next().unwrap(), &mut NullSink).unwrap();
        }
        // A step goes against its gradient.
        assert!(ar1.path.iter().all(|p| *p <= 0.0) && ar1.path.iter().any(|p| *p < 0.0), "{:?}", ar1.path);
    }

    fn codes_near(x: f32) -> i32 {
        (-127..=127).min_by(|a, b| (*a as f32 / 40.0 - x).abs().total_cmp(&(*b as f32 / 40.0 - x).abs())).unwrap()
    }
}
