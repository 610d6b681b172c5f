//! Twins of ranges that are taken anew and of anchors in single precision. Scales are `numeric::Requantiser`'s; pulls in reals, which the
//! simulator computes in f64, are held to the same formula in f32, in order.

use tinyprec::numeric::{IntFormat, Requantiser, Scale};
use tinyprec::trace::BufferKind;
use tinyprec::trace::Elem::{self, F32, I8, I16, I32, I64};
use tinyprec::trace::Op;

use super::head::{codes, each_length, factor, n_dims, stored, width};
use super::strategies::reals;
use super::{N, small, w32};
use crate::cases::{Arg, Case, Random, Spec, dims, input, output, real, update, value};

const A: Option<BufferKind> = Some(BufferKind::Activation);
const T: Option<BufferKind> = Some(BufferKind::State);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const ONCE: &[&str] = &["n", "n*33", "n*34"];
const PULL: &[Option<BufferKind>] = &[T, T, T, A];
const KEEP: &[Option<BufferKind>] = &[A, T, T, T];
const KEEP_RUNNING: &[Option<BufferKind>] = &[A, T, T, T, T];

/// Scales of ranges; pulls, moved weights and anchors in reals.
pub fn specs() -> Vec<Spec> {
    let spec = Spec::new;
    let pull = |elems, symbol, cases| Spec::new(Op::AnchorPull, elems, symbol, N, PULL, cases);
    let moved = |elems, symbol, cases| Spec::new(Op::MoveWeights, elems, symbol, N, &[A, T, S, None], cases);
    let keep = |elems, symbol, cases| Spec::new(Op::KeepAnchor, elems, symbol, N, KEEP, cases);
    let running =
        |elems, symbol, cases| Spec::new(Op::KeepAnchor, elems, symbol, N, KEEP_RUNNING, cases).when("running");
    vec![
        spec(Op::RangeScale, &[I32], "tp_range_scale_i32", ONCE, &[None, None, None], |r| scales(r, I32)),
        spec(Op::RangeScale, &[I64], "tp_range_scale_i64", ONCE, &[None, None, None], |r| scales(r, I64)),
        pull(&[I8, F32, F32], "tp_anchor_pull_i8_f32", |r| pulls(r, I8)),
        pull(&[I16, F32, F32], "tp_anchor_pull_i16_f32", |r| pulls(r, I16)),
        pull(&[I32, F32, F32], "tp_anchor_pull_i32_f32", |r| pulls(r, I32)),
        moved(&[F32, I8], "tp_move_weights_i8", |r| moves(r, I8)),
        moved(&[F32, I16], "tp_move_weights_i16", |r| moves(r, I16)),
        moved(&[F32, I32], "tp_move_weights_i32", |r| moves(r, I32)).doubles(),
        keep(&[F32, I8, F32, F32], "tp_keep_anchor_i8_f32", |r| anchors(r, I8, false)),
        keep(&[F32, I16, F32, F32], "tp_keep_anchor_i16_f32", |r| anchors(r, I16, false)),
        keep(&[F32, I32, F32, F32], "tp_keep_anchor_i32_f32", |r| anchors(r, I32, false)),
        running(&[F32, I8, F32, F32], "tp_keep_running_i8_f32", |r| anchors(r, I8, true)),
        running(&[F32, I16, F32, F32], "tp_keep_running_i16_f32", |r| anchors(r, I16, true)),
        running(&[F32, I32, F32, F32], "tp_keep_running_i32_f32", |r| anchors(r, I32, true)),
    ]
}

/// Ranges of all sizes, one side or both or none, in symmetric and affine formats.
fn scales(random: &mut Random, elem: Elem) -> Vec<Case> {
    let case = |random: &mut Random, i: usize| {
        let bits = random.integer(1, if elem == I64 { 60 } else { 31 });
        let (mut lo, mut hi) = (-random.integer(0, (1 << bits) - 1), random.integer(0, (1 << bits) - 1));
        match i {
            0 => (lo, hi) = (0, 0),
            1 => lo = 0,
            2 => hi = 0,
            _ => {}
        }
        let text = ["int8:affine", "int16:affine", "int32:affine", "int8", "int16", "int5:affine", "int12:affine"];
        let format: IntFormat = match text[i % 7].parse().expect("a format") {
            tinyprec::numeric::Format::Int(int) => int,
            _ => unreachable!("all of these are integers"),
        };
        let unit = {
            let e = random.integer(-40, 5);
            factor(random, e)
        };
        let to = Requantiser::from_integers(&format, lo, hi, unit);
        let parts = |s: Scale| [w32(i64::from(s.mantissa())), s.exponent()];
        let [sm, se] = parts(to.params.scale);
        let [fm, fe] = parts(to.factor);
        let affine = text[i % 7].contains("affine");
        let range = if elem == I64 { input(&[lo, hi]) } else { input(&[w32(lo), w32(hi)]) };
        let mut args = vec![range, output(&[sm, se, fm, fe, to.params.zero_point]), input(&parts(unit))];
        let steps = i64::try_from(format.steps()).expect("32 bits");
        args.extend([steps, format.qmin(), format.qmax(), i64::from(affine)].map(value));
        Case { dims: dims(&[("n", 1)]), args }
    };
    (0..21).map(|i| case(random, i)).collect()
}

/// Zero point and scale of codes as reals.
fn grid(random: &mut Random) -> (i32, f32) {
    (w32(random.integer(-100, 100)), random.unit().abs() / 64.0 + 1e-4)
}

fn real_of(code: i32, (zero, scale): (i32, f32)) -> f32 {
    (i64::from(code) - i64::from(zero)) as f32 * scale
}

fn pulls(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let (w, anchor, pull, before) = (codes(random, n, elem), reals(random, n), reals(random, n), reals(random, n));
        let (grid, rate) = (grid(random), 0.01f32);
        let after: Vec<f32> = (0..n).map(|i| before[i] + rate * pull[i] * (real_of(w[i], grid) - anchor[i])).collect();
        let mut args = vec![Arg::In(stored(&w, elem)), input(&anchor), input(&pull), update(&before, &after)];
        args.extend([value(i64::from(grid.0)), real(grid.1), real(rate), value(small(n))]);
        Case { dims: n_dims(n), args }
    })
}

fn moves(random: &mut Random, elem: Elem) -> Vec<Case> {
    each_length(random, |random, n| {
        let half = 1i64 << (width(elem) - 1);
        let w: Vec<i32> = (0..n).map(|_| w32(random.integer(-half / 2, half / 2))).collect();
        let grid = (w32(random.integer(-100, 100)), random.unit().abs() / half as f32 + 1e-12);
        let moves: Vec<f32> = (0..n).map(|_| random.unit() * 0.3 + 0.01).collect();
        let x: Vec<f32> = (0..n).map(|i| real_of(w[i], grid) - moves[i]).collect();
        let (least, most) = x.iter().fold((0f32, 0f32), |(l, m), &x| (l.min(x), m.max(x)));
        let steps = (2 * half - 1) as f32;
        let (span, by) = (most - least, steps / (most - least));
        let limit = |x: i64| w32(x.clamp(-half, half - 1));
        let nearest = |x: f32| f64::from(x).round_ties_even();
        let whole = |x: f32| format!("{}", nearest(x)).parse::<i64>().expect("a whole number below 2^51");
        let zero = limit(-half + whole(-least * by));
        let after: Vec<i32> = x.iter().map(|x| limit(whole(x * by) + i64::from(zero))).collect();
        let before_grid = [w32(i64::from(grid.1.to_bits())), grid.0];
        let after_grid = [w32(i64::from((span / steps).to_bits())), zero];
        let mut args = vec![update(&moves, &vec![0f32; n]), Arg::InOut(stored(&w, elem), stored(&after, elem))];
        args.extend([Arg::Scratch(4 * n), update(&before_grid, &after_grid), real(steps)]);
        args.extend([-half, half - 1, small(n)].map(value));
        Case { dims: n_dims(n), args }
    })
}

fn anchors(random: &mut Random, elem: Elem, running: bool) -> Vec<Case> {
    each_length(random, |random, n| {
        let (importance, old) = (reals(random, n), reals(random, n));
        let (w, grid, by) = (codes(random, n, elem), grid(random), 0.7f32);
        let (keep, take) = (0.9f32, 0.4f32);
        let kept = |i: usize| if running { keep * old[i] + take * importance[i] } else { importance[i] };
        let f: Vec<f32> = (0..n).map(kept).collect();
        let anchor: Vec<f32> = w.iter().map(|w| real_of(*w, grid)).collect();
        let pull: Vec<f32> = f.iter().map(|f| by * f).collect();
        let mut args = vec![input(&importance), Arg::In(stored(&w, elem)), output(&anchor), output(&pull)];
        if running {
            args.extend([update(&old, &f), real(keep), real(take)]);
        }
        args.extend([value(i64::from(grid.0)), real(grid.1), real(by), value(small(n))]);
        Case { dims: if running { n_dims(n).with("running", 1) } else { n_dims(n) }, args }
    })
}
