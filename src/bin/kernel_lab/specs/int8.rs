//! Twins of 8-bit layers but those with weights. The references are written here on `numeric::requantise_double`, as TensorFlow Lite's
//! kernels are specified.

use tinyprec::nn::{Geometry, Shape};
use tinyprec::numeric::{Scale, requantise_double};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::I8;
use tinyprec::trace::{Dims, Op};

use super::windows::{Case2, window_block, windows};
use super::{LENGTHS, N, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
pub(super) const POOL: &[&str] = &["oh", "oh*ow", "oh*ow*channels", "rows_in*ow*channels", "rows_in*cols_in*channels"];
const PIXELS: &[&str] = &["pixels", "channels", "pixels*channels"];

/// Twins of 8-bit layers without weights.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Int8Add, &[I8, I8, I8], "tp_int8_add", N, &[A, A, A, None, None, None], add),
        spec(Op::Int8Mul, &[I8, I8, I8], "tp_int8_mul", N, &[A, A, A, None, None, None], mul),
        spec(Op::Int8Gate, &[I8, I8, I8], "tp_int8_gate", PIXELS, &[A, A, A, None, None, None], gate),
        spec(Op::Int8Rescale, &[I8, I8], "tp_int8_rescale", N, &[A, A, None, None], rescale),
        spec(Op::Int8PRelu, &[I8, I8], "tp_int8_prelu", PIXELS, &[A, W, A, None, None], prelu),
        spec(Op::Lookup, &[I8, I8], "tp_int8_lookup", N, &[A, W, A], lookup),
        spec(Op::Int8MaxPool, &[I8, I8], "tp_int8_max_pool", POOL, &[A, A, None, None], |r| pool(r, true)),
        spec(Op::Int8AvgPool, &[I8, I8], "tp_int8_avg_pool", POOL, &[A, A, None, None], |r| pool(r, false)),
        spec(Op::Int8Mean, &[I8, I8], "tp_int8_mean", PIXELS, &[A, A, None, None], mean),
    ]
}

pub(super) fn codes(random: &mut Random, n: usize) -> Vec<i8> {
    (0..n).map(|_| i8::try_from(random.integer(-128, 127)).expect("8 bits")).collect()
}

pub(super) fn weights(random: &mut Random, n: usize) -> Vec<i8> {
    (0..n).map(|_| i8::try_from(random.integer(-127, 127)).expect("8 bits")).collect()
}

/// A factor as TensorFlow Lite holds it, with its value.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    multiplier: i32,
    shift: i32,
    scale: Scale,
}

pub(super) fn factor(random: &mut Random, low: i64, high: i64) -> Factor {
    let mantissa = if random.next().is_multiple_of(4) { 1 << 30 } else { random.integer(1 << 30, (1 << 31) - 1) };
    let shift = w32(random.integer(low, high));
    let scale = Scale::from_parts(u32::try_from(mantissa).expect("31 bits"), shift).expect("normalised");
    Factor { multiplier: w32(mantissa), shift, scale }
}

pub(super) fn factor_block(list: &[Factor]) -> Arg {
    input(&list.iter().flat_map(|f| [f.multiplier, f.shift]).collect::<Vec<i32>>())
}

/// Zero points and the range of the result, now and then a fused activation's.
#[derive(Clone, Copy)]
pub(super) struct Quant {
    pub input_zero: i32,
    pub zero: i32,
    low: i32,
    high: i32,
}

pub(super) fn quant(random: &mut Random) -> Quant {
    let mut code = |lo| w32(random.integer(lo, 127));
    let (input_zero, zero) = (code(-128), code(-128));
    let (low, high) = if code(-128) < 0 { (-128, 127) } else { (zero.min(100), 110.max(zero)) };
    Quant { input_zero, zero, low, high }
}

impl Quant {
    pub fn block(self) -> Arg {
        input(&[self.input_zero, self.zero, self.low, self.high])
    }

    fn limit(self, x: i32) -> i8 {
        i8::try_from(x.clamp(self.low, self.high)).expect("8 bits")
    }

    pub fn code(self, sum: i32, by: Factor) -> i8 {
        self.limit(requantise_double(sum, by.scale) + self.zero)
    }
}

/// What a call says of a window, as `nn` emits it.
pub(super) fn window_dims(c: &Case2, g: &Geometry) -> Dims {
    let (rows, cols) = (g.rows().inside().taps, g.columns().inside().taps);
    let list = [("oh", g.oh), ("ow", g.ow), ("ih", g.ih), ("iw", g.iw), ("stride", c.window.stride[0])];
    let all = dims(&list).with("rows_in", rows).with("cols_in", cols);
    let [kh, kw] = c.window.kernel;
    all.with("kh", kh as u64).with("kw", kw as u64).with("pad_top", g.top as u64).with("pad_left", g.left as u64)
}

/// Every (output pixel, tap inside, input pixel).
pub(super) fn taps(g: &Geometry) -> impl Iterator<Item = (usize, usize, usize)> {
    let [kh, kw] = g.window.kernel;
    (0..g.oh * g.ow).flat_map(move |p| {
        (0..kh * kw).filter_map(move |t| {
            let (y, x) = g.source(p / g.ow, p % g.ow, t / kw, t % kw)?;
            Some((p, t, y * g.iw + x))
        })
    })
}

fn add(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, n: usize| {
        let (a, b, q) = (codes(random, n), codes(random, n), quant(random));
        let zeros = [w32(random.integer(-128, 127)), w32(random.integer(-128, 127))];
        let by = [factor(random, -3, 0), factor(random, -3, 0), factor(random, -21, -18)];
        let scaled = |v: i8, i: usize| requantise_double((i32::from(v) - zeros[i]) << 20, by[i].scale);
        let y: Vec<i8> = a.iter().zip(&b).map(|(a, b)| q.code(scaled(*a, 0) + scaled(*b, 1), by[2])).collect();
        let args = vec![input(&a), input(&b), output(&y), input(&zeros), factor_block(&by), q.block(), value(small(n))];
        Case { dims: dims(&[("n", n)]), args }
    };
    LENGTHS.iter().map(|n| case(random, *n)).collect()
}

fn mul(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, n: usize| {
        let (a, b, q) = (codes(random, n), codes(random, n), quant(random));
        let zeros = [w32(random.integer(-128, 127)), w32(random.integer(-128, 127))];
        let by = factor(random, -10, -4);
        let product = |(a, b): (&i8, &i8)| q.code((i32::from(*a) - zeros[0]) * (i32::from(*b) - zeros[1]), by);
        let y: Vec<i8> = a.iter().zip(&b).map(product).collect();
        let args =
            vec![input(&a), input(&b), output(&y), input(&zeros), factor_block(&[by]), q.block(), value(small(n))];
        Case { dims: dims(&[("n", n)]), args }
    };
    LENGTHS.iter().map(|n| case(random, *n)).collect()
}

fn per_map(random: &mut Random, case: impl Fn(&mut Random, Shape) -> Case) -> Vec<Case> {
    super::maps::MAPS.iter().map(|&(h, w, c)| case(random, Shape::new(h, w, c))).collect()
}

fn channelwise(shape: Shape) -> (Dims, [Arg; 2]) {
    let dims = dims(&[("pixels", shape.pixels()), ("channels", shape.c)]);
    (dims, [value(small(shape.pixels())), value(small(shape.c))])
}

fn gate(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (a, b, q) = (codes(random, shape.len()), codes(random, shape.c), quant(random));
        let zeros = [w32(random.integer(-128, 127)), w32(random.integer(-128, 127))];
        let by = factor(random, -10, -4);
        let product = |(a, b): (&i8, &i8)| q.code((i32::from(*a) - zeros[0]) * (i32::from(*b) - zeros[1]), by);
        let y: Vec<i8> = a.iter().zip(b.iter().cycle()).map(product).collect();
        let (dims, [p, c]) = channelwise(shape);
        let args = vec![input(&a), input(&b), output(&y), input(&zeros), factor_block(&[by]), q.block(), p, c];
        Case { dims, args }
    })
}

fn rescale(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, n: usize| {
        let (x, q, by) = (codes(random, n), quant(random), factor(random, -2, 2));
        let y: Vec<i8> = x.iter().map(|x| q.code(i32::from(*x) - q.input_zero, by)).collect();
        let args = vec![input(&x), output(&y), factor_block(&[by]), q.block(), value(small(n))];
        Case { dims: dims(&[("n", n)]), args }
    };
    LENGTHS.iter().map(|n| case(random, *n)).collect()
}

fn prelu(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (x, q) = (codes(random, shape.len()), quant(random));
        let alpha: Vec<i32> = (0..shape.c).map(|_| w32(random.integer(-255, 255))).collect();
        let by = [factor(random, -1, 1), factor(random, -9, -6)];
        let code = |(i, x): (usize, &i8)| {
            let v = i32::from(*x) - q.input_zero;
            let bent = requantise_double(v * alpha[i % shape.c], by[1].scale);
            q.limit(if v >= 0 { requantise_double(v, by[0].scale) } else { bent } + q.zero)
        };
        let y: Vec<i8> = x.iter().enumerate().map(code).collect();
        let (dims, [p, c]) = channelwise(shape);
        Case { dims, args: vec![input(&x), input(&alpha), output(&y), factor_block(&by), q.block(), p, c] }
    })
}

fn lookup(random: &mut Random) -> Vec<Case> {
    let case = |random: &mut Random, n: usize| {
        let (x, table) = (codes(random, n), codes(random, 256));
        let y: Vec<i8> = x.iter().map(|x| table[usize::try_from(i32::from(*x) + 128).expect("a byte")]).collect();
        Case { dims: dims(&[("n", n)]), args: vec![input(&x), input(&table), output(&y), value(small(n))] }
    };
    LENGTHS.iter().map(|n| case(random, *n)).collect()
}

pub(super) fn pool(random: &mut Random, max: bool) -> Vec<Case> {
    let case = |random: &mut Random, c: &Case2| {
        let g = c.window.over(c.shape, "").expect("fits");
        let (x, q, channels) = (codes(random, c.shape.len()), quant(random), c.shape.c);
        let mut folds = vec![if max { -128 } else { 0i32 }; g.oh * g.ow * channels];
        let mut inside = vec![0i32; g.oh * g.ow];
        for (p, _, from) in taps(&g) {
            inside[p] += 1;
            for (o, fold) in folds[p * channels..][..channels].iter_mut().enumerate() {
                let v = i32::from(x[from * channels + o]);
                *fold = if max { v.max(*fold) } else { *fold + v };
            }
        }
        let mean = |(i, f): (usize, &i32)| {
            let n = inside[i / channels];
            q.limit(if max { *f } else { (if *f > 0 { f + n / 2 } else { f - n / 2 }) / n })
        };
        let y: Vec<i8> = folds.iter().enumerate().map(mean).collect();
        let dims = window_dims(c, &g).with("channels", channels as u64);
        let block = window_block(&dims, channels, 0, 0);
        Case { dims, args: vec![input(&x), output(&y), q.block(), block] }
    };
    windows().iter().map(|c| case(random, c)).collect()
}

fn mean(random: &mut Random) -> Vec<Case> {
    per_map(random, |random, shape| {
        let (x, q, by) = (codes(random, shape.len()), quant(random), factor(random, -6, -1));
        let mut sums = vec![0i32; shape.c];
        for pixel in x.chunks_exact(shape.c) {
            sums.iter_mut().zip(pixel).for_each(|(s, v)| *s += i32::from(*v) - q.input_zero);
        }
        let y: Vec<i8> = sums.iter().map(|s| q.code(*s, by)).collect();
        let (dims, [p, c]) = channelwise(shape);
        Case { dims, args: vec![input(&x), output(&y), factor_block(&[by]), q.block(), p, c] }
    })
}
