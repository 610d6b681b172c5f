//! Twins of what stands at the ends of an 8-bit network: conversions from and to f32, and softmax; the references are networks of two
//! layers, run by the plain kernels.

use tinyprec::nn::{GraphSpec, Int8, Layer, Shape, Softmax, Tensor};
use tinyprec::numeric::Scale;
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{F32, I8};
use tinyprec::trace::Op;

use super::bits::{call_dims, image, run};
use super::layers::{f32s, floats};
use super::maps::MAPS;
use super::{N, small};
use crate::cases::{Case, Random, Spec, input, output, real, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const SOFTMAX: &[&str] = &["pixels", "pixels*channels", "pixels*channels*7", "pixels*31", "pixels*32", "pixels*3"];

/// Quantise, dequantise, softmax computed and by a table of its 256 exponentials.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let softmax = |symbol, buffers, cases| Spec::new(Op::Int8Softmax, &[I8, I8], symbol, SOFTMAX, buffers, cases);
    vec![
        spec(Op::Int8Convert, &[F32, I8], "tp_int8_quantise", N, &[A, A], quantise),
        spec(Op::Int8Convert, &[I8, F32], "tp_int8_dequantise", N, &[A, A], dequantise),
        softmax("tp_int8_softmax", &[A, A, None], |r| probabilities(r, false)),
        softmax("tp_int8_softmax_table", &[A, W, A], |r| probabilities(r, true)).set("lut"),
    ]
}

fn codes(tensor: &Tensor) -> Vec<i8> {
    let Tensor::I8(map) = tensor else { panic!("the network ends in 8-bit codes") };
    map.data().to_vec()
}

/// A network that turns a random image into 8-bit codes, and those.
fn eight_bits(random: &mut Random, shape: Shape) -> (GraphSpec, Tensor, Vec<i8>) {
    let (_, image) = image(random, shape);
    let code = |_| i8::try_from(random.integer(-128, 127)).expect("8 bits");
    let table = (0..256).map(code).collect();
    let spec = GraphSpec::new("t", shape).then("codes", Layer::Lookup { table });
    let x = codes(&run(spec.clone(), &image));
    (spec, image, x)
}

fn each_map(random: &mut Random, case: impl Fn(&mut Random, Shape) -> Case) -> Vec<Case> {
    MAPS.iter().map(|&(h, w, c)| case(random, Shape::new(h, w, c))).collect()
}

fn a_scale(random: &mut Random) -> f32 {
    // Halves occur where the scale is a power of two.
    if random.next().is_multiple_of(2) { 0.03125 } else { random.unit().abs() / 16.0 + 0.001 }
}

fn quantise(random: &mut Random) -> Vec<Case> {
    each_map(random, |random, shape| {
        let (spec, image, x) = floats(random, shape);
        let (scale, zero) = (a_scale(random), i32::try_from(random.integer(-128, 127)).expect("8 bits"));
        let spec = spec.then("codes", Layer::Int8(Int8::Quantise { scale, zero }));
        let dims = call_dims(&spec, 1);
        let y = codes(&run(spec, &image));
        let args = vec![input(&x), output(&y), real(scale), value(i64::from(zero)), value(small(x.len()))];
        Case { dims, args }
    })
}

fn dequantise(random: &mut Random) -> Vec<Case> {
    each_map(random, |random, shape| {
        let (spec, image, x) = eight_bits(random, shape);
        let (scale, zero) = (a_scale(random), i32::try_from(random.integer(-128, 127)).expect("8 bits"));
        let spec = spec.then("reals", Layer::Int8(Int8::Dequantise { scale, zero }));
        let dims = call_dims(&spec, 1);
        let y = f32s(&run(spec, &image));
        let args = vec![input(&x), output(&y), real(scale), value(i64::from(zero)), value(small(x.len()))];
        Case { dims, args }
    })
}

/// `table`: with the exponentials in a table.
pub(super) fn probabilities(random: &mut Random, table: bool) -> Vec<Case> {
    each_map(random, |random, shape| {
        let (spec, image, x) = eight_bits(random, shape);
        // From one large difference that counts to all of them.
        let unit = Scale::from_parts(1 << 30, -i32::try_from(random.integer(1, 7)).expect("small")).expect("a scale");
        let softmax = Softmax::new(unit.to_f64()).expect("in range");
        let spec = spec.then("softmax", Layer::Int8(Int8::Softmax(softmax)));
        let dims = call_dims(&spec, 1);
        let y = codes(&run(spec, &image));
        let (multiplier, shift, least) = softmax.parts();
        let mut args = if table {
            vec![input(&x), input(&softmax.table()), output(&y)]
        } else {
            vec![input(&x), output(&y), input(&[multiplier, shift]), value(i64::from(least))]
        };
        args.extend([value(small(shape.pixels())), value(small(shape.c))]);
        Case { dims, args }
    })
}
