//! Trains the embedded backbone `experiments/backbones/mnist-bcnn.safetensors`.
//!
//! ```text
//! CANDLE_NUM_THREADS=1 RAYON_NUM_THREADS=1 cargo run --release --features train --example train_backbone
//! ```
//!
//! One thread: candle's worker threads spin between the many small operations and cost more than they bring.
//!
//! The way: digits of the backbone's own classes (`idx`) → a pretext task of recombined shapes (`augment`) → a binary
//! network with straight-through gradients (`net`, `ste`) → integer thresholds and a graph file (`fold`), checked bit
//! for bit against the float network.

mod augment;
mod fold;
mod idx;
mod net;
mod options;
mod ste;
mod verify;

use candle_core::{Device, Tensor};
use clap::Parser;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tinyprec::import::save_graph;
use tinyprec::nn::Graph;

use augment::Pretext;
use idx::{Digits, Res};
use net::Net;
use options::Options;

fn main() -> Res<()> {
    let options = Options::parse();
    let digits = own_digits(&options)?;
    let pretext = Pretext::new(&digits, &options.classes);
    println!("{} images of digits {:?}, {} pretext classes", digits.labels.len(), options.classes, pretext.classes());
    let net = train(&options, &pretext, digits.labels.len())?;
    let graph = Graph::new(fold::graph(&net, "mnist-bcnn", &options.classes, &notes(&options))?)?;
    let test = Digits::read(&options.data, "t10k")?;
    let compared = verify::agree(&net, &graph, &test)?;
    println!("integer graph = float network: {compared} features of {} test images, no difference", test.labels.len());
    save_graph(&graph, &options.out)?;
    println!("{}: {} bytes", options.out.display(), std::fs::metadata(&options.out)?.len());
    Ok(())
}

/// What the file says of its origin.
fn notes(options: &Options) -> String {
    let Options { seed, epochs, batch, learning_rate, classes, .. } = options;
    format!(
        "Trained by examples/train_backbone on MNIST (CC BY-SA 3.0) digits {classes:?} only: \
         seed {seed}, {epochs} epochs, batch {batch}, learning rate {learning_rate}."
    )
}

/// The training images of the backbone's own classes; no other image is looked at.
fn own_digits(options: &Options) -> Res<Digits> {
    let all = Digits::read(&options.data, "train")?;
    let mut keep: Vec<usize> = (0..all.labels.len()).filter(|&i| options.classes.contains(&all.labels[i])).collect();
    keep.truncate(options.limit.unwrap_or(usize::MAX));
    Ok(all.select(&keep))
}

/// Trains a network on the pretext task, `images` samples an epoch.
fn train(options: &Options, pretext: &Pretext, images: usize) -> Res<Net> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut net = Net::new(pretext.classes(), &mut rng)?;
    let mut adam = ste::Adam::new(net.vars())?;
    let steps_per_epoch = images.div_ceil(options.batch);
    let total = options.epochs * steps_per_epoch;
    for epoch in 0..options.epochs {
        let (mut loss_sum, mut hit_sum) = (0.0, 0.0);
        for step in 0..steps_per_epoch {
            let (pixels, labels) = batch(pretext, options.batch, &mut rng);
            let labels = Tensor::from_vec(labels, options.batch, &Device::Cpu)?;
            let (loss, hits) = ste::cross_entropy(&net.train(&pixels)?, &labels)?;
            let rate = cosine(options.learning_rate, epoch * steps_per_epoch + step, total);
            adam.step(&loss.backward()?, rate)?;
            loss_sum += loss.to_scalar::<f32>()?;
            hit_sum += hits;
        }
        let per_step = steps_per_epoch as f32;
        println!("epoch {:3}  loss {:.4}  pretext accuracy {:.4}", epoch + 1, loss_sum / per_step, hit_sum / per_step);
    }
    Ok(net)
}

/// `count` fresh samples of the pretext task: their pixels one after the other, and their labels.
fn batch(pretext: &Pretext, count: usize, rng: &mut ChaCha8Rng) -> (Vec<u8>, Vec<u32>) {
    let mut pixels = Vec::with_capacity(count * idx::AREA);
    let mut labels = Vec::with_capacity(count);
    for _ in 0..count {
        let (image, label) = pretext.draw(rng);
        pixels.extend(image);
        labels.push(label);
    }
    (pixels, labels)
}

/// A rate that falls from `start` to zero along a half cosine.
fn cosine(start: f64, step: usize, total: usize) -> f64 {
    let done = step as f64 / total as f64;
    start * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}
