//! Trains the embedded backbone `experiments/backbones/mnist-bcnn.safetensors`.
//!
//! ```text
//! cargo run --release --features train --example train_backbone
//! ```
//!
//! The way: digits of the backbone's own classes (`idx`) → a pretext task of recombined shapes (`augment`) → a binary
//! network with straight-through gradients (`net`, `ste`) → integer thresholds and a graph file (`fold`), checked bit
//! for bit against the float network.

mod augment;
mod idx;
mod net;
mod options;
mod ste;

use candle_core::{Device, Tensor};
use clap::Parser;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

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
    scratch_dump(&net, &options)?;
    Ok(())
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

fn scratch_dump(net: &Net, options: &Options) -> Res<()> {
    for part in ["train", "t10k"] {
        let all = Digits::read(&options.data, part)?;
        let mut bytes = Vec::new();
        for chunk in all.pixels.chunks(500 * idx::AREA) {
            let f = net.features(chunk)?.flatten_all()?.to_vec1::<f32>()?;
            bytes.extend(f.iter().map(|v| u8::from(*v > 0.0)));
        }
        std::fs::write(format!("{}.{part}.feat", options.out.display()), bytes)?;
        std::fs::write(format!("{}.{part}.lab", options.out.display()), &all.labels)?;
    }
    Ok(())
}
