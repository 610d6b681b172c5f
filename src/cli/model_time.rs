//! Latency of one image, and which operations it goes to.

use super::Failure;
use super::model_table::wrapped;
use rayon::ThreadPoolBuilder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tinyprec::nn::{Engine, Graph, Kind, Map, Runner, Tensor};

/// Runs at least, and for at least as long.
const LEAST_RUNS: usize = 10;
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Times of one network.
pub struct Timing {
    threads: usize,
    /// Milliseconds of each run, ascending.
    runs: Vec<f64>,
    /// Images a second on all threads.
    images_per_second: f64,
    /// Operation and its share of the whole, largest first.
    parts: Vec<(String, f64)>,
}

/// Images that each thread takes at a time where several run.
const IMAGES_A_THREAD: usize = 16;

/// Runs one image again and again on one thread, and many side by side where there are more.
pub fn time(graph: &Graph, threads: usize) -> Result<Timing, Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Failure::new(e.to_string()))?;
    pool.install(|| timed(graph, threads))
}

fn timed(graph: &Graph, threads: usize) -> Result<Timing, Failure> {
    let image = image(graph)?;
    // Memory is made once: what is timed is the network, not the allocator.
    let mut runner = Runner::new(graph)?;
    runner.run(&image)?;
    let (mut runs, begin) = (Vec::new(), Instant::now());
    while runs.len() < LEAST_RUNS || begin.elapsed() < LEAST_TIME {
        let start = Instant::now();
        runner.run(&image)?;
        runs.push(start.elapsed().as_secs_f64() * 1e3);
    }
    runs.sort_by(f64::total_cmp);
    let mut parts = BTreeMap::<String, Duration>::new();
    for _ in 0..runs.len().min(LEAST_RUNS) {
        let mut last = Instant::now();
        // An operation's time includes that of the elementwise layers that run with it.
        runner.run_parts(&image, |node| {
            *parts.entry(graph.spec().nodes[node].layer.op().to_owned()).or_default() += last.elapsed();
            last = Instant::now();
        })?;
    }
    let images_per_second = if threads > 1 { rate(graph, &image, threads)? } else { 1e3 / runs[runs.len() / 2] };
    Ok(Timing { threads, runs, images_per_second, parts: shares(&parts) })
}

/// Images a second where every thread has images of its own.
fn rate(graph: &Graph, image: &Tensor, threads: usize) -> Result<f64, Failure> {
    let images = vec![image.clone(); threads * IMAGES_A_THREAD];
    graph.passes(&images)?;
    let (mut done, begin) = (0, Instant::now());
    while done == 0 || begin.elapsed() < LEAST_TIME {
        done += graph.passes(&images)?.len();
    }
    Ok(done as f64 / begin.elapsed().as_secs_f64())
}

/// A picture of slanting stripes: values do not matter, but they must not all be equal.
fn image(graph: &Graph) -> Result<Tensor, Failure> {
    let (shape, kind) = (graph.input().shape, graph.input().kind);
    let pixels: Vec<u8> = (0..shape.len()).map(|i| u8::try_from(i * 7 % 251).unwrap_or_default()).collect();
    Ok(match kind {
        Kind::F32 => Tensor::F32(Map::new(shape, pixels.iter().map(|p| f32::from(*p) / 128.0 - 1.0).collect())?),
        Kind::I8 => Tensor::I8(Map::new(shape, pixels.iter().map(|p| p.cast_signed()).collect())?),
        _ => Tensor::image(shape, &pixels)?,
    })
}

/// Each operation's share of the whole, largest first.
fn shares(parts: &BTreeMap<String, Duration>) -> Vec<(String, f64)> {
    let total: Duration = parts.values().sum();
    let share = |part: &Duration| part.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
    let mut shares: Vec<(String, f64)> = parts.iter().map(|(op, t)| (op.clone(), share(t))).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

impl Timing {
    fn median(&self) -> f64 {
        self.runs[self.runs.len() / 2]
    }

    /// Fields that join the table's JSON.
    pub fn fields(&self) -> Vec<(String, Value)> {
        let part =
            |(op, share): &(String, f64)| json!({"operation": op, "share": share, "latency_ms": share * self.median()});
        vec![
            ("latency_ms".to_owned(), json!({"median": self.median(), "min": self.runs[0]})),
            ("threads".to_owned(), json!(self.threads)),
            ("images_per_second".to_owned(), json!(self.images_per_second)),
            ("runs".to_owned(), json!(self.runs.len())),
            ("engine".to_owned(), json!(format!("{:?}", Engine::best()))),
            ("parts".to_owned(), self.parts.iter().map(part).collect()),
        ]
    }

    /// The same as text.
    pub fn described(&self, width: usize) -> String {
        let head = wrapped(
            &format!(
                "latency_ms {:.3} (median of {}), {:.3} (minimum), batch 1, {:.0} images/s, threads: {}, {:?}",
                self.median(),
                self.runs.len(),
                self.runs[0],
                self.images_per_second,
                self.threads,
                Engine::best()
            ),
            width,
            "  ",
        );
        // A narrow terminal cuts the gap behind the names.
        let names = 24.min(width.saturating_sub(24));
        let part = |(op, share): &(String, f64)| {
            format!("  {op:<names$} {:>5.1} % {:>9.3} ms", share * 100.0, share * self.median())
        };
        std::iter::once(head).chain(self.parts.iter().map(part)).collect::<Vec<_>>().join("\n")
    }
}
