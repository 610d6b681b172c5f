//! The BNN-PYNQ family beyond the three files at hand: random small members (W2A2 with pooling, LFC with three-valued
//! activations, W1A1 with other class counts) against a direct reading of the README's definitions, in plain integers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tinyprec::import::{self, Data, TensorMap};
use tinyprec::nn::{Shape, Tensor};

struct Layer {
    conv: bool,
    inp: usize,
    out: usize,
    pool: bool,
}

const fn layer(conv: bool, inp: usize, out: usize, pool: bool) -> Layer {
    Layer { conv, inp, out, pool }
}

struct Family {
    layers: Vec<Layer>,
    ternary_weights: bool,
    three_valued: bool,
    last_thresholds: bool,
}

/// Weights by layer as integers, thresholds by layer as (neuron, column).
type Params = (Vec<Vec<i64>>, Vec<Vec<i64>>);

fn random_member(f: &Family, rng: &mut ChaCha8Rng, path: &std::path::Path) -> Params {
    let (mut tensors, mut weights, mut thresholds) = (TensorMap::new(), Vec::new(), Vec::new());
    let columns = if f.three_valued { 2 } else { 1 };
    for (n, l) in f.layers.iter().enumerate() {
        let fan_in = if l.conv { 9 * l.inp } else { l.inp };
        let value = |rng: &mut ChaCha8Rng| {
            if f.ternary_weights { rng.random_range(-1..=1) } else { [-1, 1][rng.random_range(0..2)] }
        };
        let w: Vec<i64> = (0..l.out * fan_in).map(|_| value(rng)).collect();
        let data = if f.ternary_weights {
            (vec![l.out, fan_in], Data::I8(w.iter().map(|v| i8::try_from(*v).unwrap()).collect()))
        } else {
            let byte = |row: &[i64]| row.iter().enumerate().fold(0u8, |b, (i, v)| b | u8::from(*v > 0) << i);
            let bytes = w.chunks_exact(fan_in).flat_map(|row| row.chunks(8).map(byte)).collect();
            (vec![l.out, fan_in.div_ceil(8)], Data::U8(bytes))
        };
        tensors.insert(format!("l{n}.weight"), data);
        let last = n + 1 == f.layers.len();
        let columns = if last { 1 } else { columns };
        let k = i64::try_from(fan_in).unwrap();
        // Around the middle of the domain that the layer compares in.
        let (middle, spread) = match (n == 0 && l.conv, f.three_valued) {
            (true, _) => (0, 40 * k),
            (false, true) => (0, k / 8 + 2),
            (false, false) => (k / 2, k / 8 + 2),
        };
        let t: Vec<i64> = if last && !f.last_thresholds {
            vec![0; l.out]
        } else {
            (0..l.out * columns).map(|_| middle + rng.random_range(-spread..=spread)).collect()
        };
        if !last || f.last_thresholds {
            let values = t.iter().map(|v| i32::try_from(*v).unwrap()).collect();
            tensors.insert(format!("l{n}.threshold"), (vec![l.out, columns], Data::I32(values)));
        }
        weights.push(w);
        thresholds.push(t);
    }
    let describe = |(n, l): (usize, &Layer)| {
        let kind = if l.conv { "conv" } else { "fc" };
        serde_json::json!({"name": format!("l{n}"), "kind": kind, "inp": l.inp, "out": l.out, "maxpool2_after": l.pool})
    };
    let list: Vec<_> = f.layers.iter().enumerate().map(describe).collect();
    let metadata = BTreeMap::from([("spec".to_owned(), serde_json::json!({"layers": list}).to_string())]);
    import::write(path, &metadata, &tensors).unwrap();
    (weights, thresholds)
}

/// Scores as the README defines them.
fn scores(f: &Family, params: &Params, pixels: &[u8], side: usize) -> Vec<i64> {
    let conv_input = f.layers[0].conv;
    let quantise = |p: u8| ((f64::from(p) / 255.0 * 2.0 - 1.0) * 128.0 + 0.5).floor().clamp(-128.0, 127.0) as i64;
    let mut x: Vec<i64> = if conv_input {
        pixels.iter().map(|p| quantise(*p)).collect()
    } else {
        pixels.iter().map(|p| if f64::from(*p) / 255.0 * 2.0 - 1.0 >= 0.0 { 1 } else { -1 }).collect()
    };
    let mut side = side;
    for (n, l) in f.layers.iter().enumerate() {
        let (w, t) = (&params.0[n], &params.1[n]);
        let (k, out_side) = if l.conv { (9 * l.inp, side - 2) } else { (l.inp, 1) };
        let last = n + 1 == f.layers.len();
        let columns = t.len() / l.out;
        let mut y = Vec::new();
        for (oy, ox) in (0..out_side).flat_map(|a| (0..out_side).map(move |b| (a, b))) {
            let patch: Vec<i64> = if l.conv {
                let taps = (0..9).flat_map(|tap| (0..l.inp).map(move |c| (oy + tap / 3, ox + tap % 3, c)));
                taps.map(|(yy, xx, c)| x[(yy * side + xx) * l.inp + c]).collect()
            } else {
                x.clone()
            };
            for o in 0..l.out {
                let acc: i64 = patch.iter().zip(&w[o * k..]).map(|(a, b)| a * b).sum();
                let pop = (acc + i64::try_from(k).unwrap()) / 2;
                let compared = match (n == 0 && l.conv, f.three_valued) {
                    (true, _) => 2 * acc,
                    (false, true) => acc,
                    (false, false) => pop,
                };
                let above = t[o * columns..][..columns].iter().filter(|t| compared > **t).count();
                y.push(match (last, f.three_valued) {
                    (true, _) => compared - t[o],
                    (false, true) => i64::try_from(above).unwrap() - 1,
                    (false, false) => 2 * i64::try_from(above).unwrap() - 1,
                });
            }
        }
        (x, side) = (y, out_side);
        if l.pool {
            let half = side / 2;
            let cell = |y: usize, xx: usize, c: usize| x[(y * side + xx) * l.out + c];
            let pooled = (0..half * half * l.out).map(|i| {
                let (y, xx, c) = (i / l.out / half * 2, i / l.out % half * 2, i % l.out);
                [cell(y, xx, c), cell(y, xx + 1, c), cell(y + 1, xx, c), cell(y + 1, xx + 1, c)]
                    .into_iter()
                    .max()
                    .unwrap()
            });
            (x, side) = (pooled.collect(), half);
        }
    }
    x
}

fn check(f: &Family, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("member.safetensors");
    let params = random_member(f, &mut rng, &path);
    let graph = import::load(&path).unwrap();
    let Shape { h, c, .. } = graph.input().shape;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let pixels: Vec<u8> = (0..h * h * c).map(|_| rng.random()).collect();
        let image = Tensor::image(graph.input().shape, &pixels).unwrap();
        let found: Vec<i64> = graph.run(&image).unwrap().integers().unwrap().into_iter().map(i64::from).collect();
        assert_eq!(found, scores(f, &params, &pixels, h));
        seen.insert(found);
    }
    assert!(seen.len() > 1, "the random network must depend on its input");
}

#[test]
fn cnv_members_with_one_and_two_bit_weights_and_activations() {
    for (seed, (ternary_weights, three_valued)) in [(false, false), (false, true), (true, true)].into_iter().enumerate()
    {
        let layers = vec![
            layer(true, 3, 9, false),
            layer(true, 9, 33, true),
            layer(true, 33, 5, true),
            layer(false, 180, 40, false),
            layer(false, 40, 7, false),
        ];
        check(
            &Family { layers, ternary_weights, three_valued, last_thresholds: false },
            10 + u64::try_from(seed).unwrap(),
        );
    }
}

#[test]
fn lfc_members_with_one_and_two_bit_activations() {
    for (seed, three_valued) in [false, true].into_iter().enumerate() {
        let layers = vec![layer(false, 784, 70, false), layer(false, 70, 65, false), layer(false, 65, 13, false)];
        check(
            &Family { layers, ternary_weights: false, three_valued, last_thresholds: true },
            20 + u64::try_from(seed).unwrap(),
        );
    }
}
