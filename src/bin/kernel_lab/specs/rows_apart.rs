//! Twins of rows kept in fewer than 8 bits or in halves; the references are `numeric::pack` and `learn::kernels`.

use tinyprec::learn::kernels;
use tinyprec::numeric::{Format, half_float, pack};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, Bf16, F16, F32, I8};
use tinyprec::trace::Op;

use super::formats::{narrow_bits, packed, packed_exactly, reals, to_half};
use super::head::{each_length, n_dims, stored};
use super::{N, small, w32};
use crate::cases::{Arg, Case, Random, Spec, input, output, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);

/// Unpacking and packing.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    vec![
        spec(Op::Unpack, &[I8, I8], "tp_unpack_i8", N, &[T, A], |r| narrow(r, false)).when("packed"),
        spec(Op::Pack, &[I8, I8], "tp_pack_i8", &["n", "min(1,n-1)"], &[A, T], |r| narrow(r, true)).when("packed"),
        spec(Op::Unpack, &[F16, F32], "tp_unpack_f16", N, &[T, A], |r| widened(r, F16)),
        spec(Op::Pack, &[F32, F16], "tp_pack_f16", N, &[A, T], |r| halved(r, F16)),
        spec(Op::Unpack, &[Bf16, F32], "tp_unpack_bf16", N, &[T, A], |r| widened(r, Bf16)),
        spec(Op::Pack, &[F32, Bf16], "tp_pack_bf16", N, &[A, T], |r| halved(r, Bf16)),
    ]
}

fn narrow(random: &mut Random, pack: bool) -> Vec<Case> {
    each_length(random, |random, n| {
        let bits = narrow_bits(random);
        let half = 1i64 << (bits - 1);
        let x: Vec<i32> = (0..n).map(|_| w32(random.integer(-half, half - 1))).collect();
        let codes = stored(&x, I8);
        let mut args = if pack {
            vec![Arg::In(codes), Arg::Out(packed_exactly(&x, bits))]
        } else {
            vec![Arg::In(packed(&x, bits)), Arg::Out(codes)]
        };
        args.extend([value(i64::from(bits)), value(small(n))]);
        assert_eq!(pack::unpack(&packed(&x, bits), n, bits), Some(x));
        Case { dims: n_dims(n).with("packed", u64::from(bits)), args }
    })
}

fn format(elem: Elem) -> (Format, f32) {
    match elem {
        F16 => (Format::F16, half_float::f16_to_f32(0x7bff)),
        _ => (Format::Bf16, half_float::bf16_to_f32(0x7f7f)),
    }
}

fn widened(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (format, largest) = format(elem);
        let x: Vec<f32> = reals(random, n).iter().map(|x| kernels::round_to_format(*x, format)).collect();
        let x: Vec<f32> = x.iter().map(|x| x.clamp(-largest, largest)).collect();
        let halves: Vec<u16> = x.iter().map(|x| to_half(*x, elem)).collect();
        Case { dims: n_dims(n), args: vec![input(&halves), output(&x), value(small(n))] }
    })
}

fn halved(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (format, largest) = format(elem);
        let x = reals(random, n);
        let rounded = |x: &f32| to_half(kernels::round_to_format(*x, format).clamp(-largest, largest), elem);
        let y: Vec<u16> = x.iter().map(rounded).collect();
        Case { dims: n_dims(n), args: vec![input(&x), output(&y), value(small(n))] }
    })
}
