//! A small stream for the head's tests.
#![allow(dead_code)] // Each test binary uses a part.

use tinyprec::learn::*;
use tinyprec::trace::NullSink;

/// Integer features in which class c leans to one side at k ≡ c.
#[derive(Clone)]
pub struct Toy {
    pub classes: usize,
    pub features: usize,
    pub raw: Vec<i32>,
    pub labels: Vec<usize>,
    pub seed: u64,
}

impl Toy {
    pub fn new(classes: usize, features: usize, samples: usize) -> Self {
        let mut state = 12_345u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i32::try_from((state >> 16) % n).unwrap()
        };
        let labels: Vec<usize> = (0..samples).map(|i| i % classes).collect();
        let lean = |y: usize, k: usize| if k % classes == y { 50 } else { 0 };
        let raw =
            labels.iter().flat_map(|&y| (0..features).map(|k| next(121) + lean(y, k)).collect::<Vec<_>>()).collect();
        Self { classes, features, raw, labels, seed: 3 }
    }

    pub fn table(&self, config: &HeadConfig) -> FeatureTable {
        let raw = RawFeatures::Ints(&self.raw);
        let stage = FeatureStage::calibrate(&config.precision, raw, self.features, Standardise::PerFeature, self.seed);
        stage.unwrap().prepare(raw).unwrap()
    }

    /// These rows of such a table.
    pub fn samples<'a>(&'a self, table: &'a FeatureTable, rows: &'a [usize]) -> TrainingSamples<'a> {
        TrainingSamples::new(table, &self.labels, rows).unwrap()
    }
}

/// Two experiences over the halves of the samples, so that every class has a past.
pub fn try_train(config: &HeadConfig, toy: &Toy, epochs: usize) -> Result<CwrStar, LearnError> {
    let mut cwr = CwrStar::new(config.clone(), toy.classes, toy.features, toy.seed)?;
    let table = toy.table(config);
    let half = toy.labels.len() / 2;
    for (i, rows) in [(0..half).collect::<Vec<_>>(), (half..2 * half).collect()].iter().enumerate() {
        let plan = (i, epochs, EpochOrder::new(7));
        train_experience(&mut cwr, toy.samples(&table, rows), plan, &mut NullSink, &mut |_, _| {})?;
    }
    Ok(cwr)
}

pub fn train(config: &HeadConfig, toy: &Toy, epochs: usize) -> CwrStar {
    try_train(config, toy, epochs).unwrap()
}

/// Share of the samples whose class is found.
pub fn accuracy(cwr: &mut CwrStar, toy: &Toy) -> f64 {
    let table = toy.table(&cwr.head().config().clone());
    let hits = (0..table.len()).filter(|&i| cwr.predict(&table, i, &mut NullSink).unwrap() == toy.labels[i]).count();
    hits as f64 / table.len() as f64
}
