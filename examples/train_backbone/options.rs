//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Trains the embedded binary backbone with a straight-through estimator and writes it in tinyprec's format.
#[derive(Parser, Debug)]
pub struct Options {
    /// Folder with MNIST's idx files (plain or .gz).
    #[arg(long, default_value = "experiments/data/mnist")]
    pub data: PathBuf,
    /// Where the trained graph goes.
    #[arg(long, default_value = "experiments/backbones/mnist-bcnn.safetensors")]
    pub out: PathBuf,
    /// The digits the backbone may see; every other label is dropped on reading.
    #[arg(long, value_delimiter = ',', default_values_t = [0u8, 1, 2, 3])]
    pub classes: Vec<u8>,
    /// Seed of the weights, the order and the deformations.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Passes over the training images.
    #[arg(long, default_value_t = 24)]
    pub epochs: usize,
    /// Images a step.
    #[arg(long, default_value_t = 64)]
    pub batch: usize,
    /// Adam's step at the start; it falls to zero along a half cosine.
    #[arg(long, default_value_t = 0.005)]
    pub learning_rate: f64,
    /// Use at most this many training images (a smoke test).
    #[arg(long)]
    pub limit: Option<usize>,
}
