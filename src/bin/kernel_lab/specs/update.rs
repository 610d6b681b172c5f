//! Cases of SGD's step and of the velocity; the references are `learn::kernels`.

use tinyprec::learn::kernels::{self, Step};
use tinyprec::numeric::{Overflow, Rounding, Scale};
use tinyprec::trace::Elem::{self, I32};

use super::head::{codes, each_length, factor, factor_parts, n_dims, site, stored, width};
use super::{small, w32};
use crate::cases::{Arg, Bytes, Case, Random, input, value};

pub(super) fn sgd(random: &mut Random, gradient: Elem, master: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w) = (codes(random, n, gradient), codes(random, n, master));
        let half = 1i64 << (width(gradient) - 1);
        let top = w32((1i64 << (width(master) - 1)) - 1);
        let src_zero = w32(random.integer(-half, half - 1));
        let exponent = i64::from(width(master)) - i64::from(width(gradient)) + random.integer(-8, 2);
        let step = Step { src_zero, factor: factor(random, exponent), lo: -top, hi: top, overflow: Overflow::Saturate };
        let mut after = w.clone();
        kernels::sgd_update(&mut after, &g, &step, &mut site(rule), &mut site(rule)).expect("saturates");
        let [mantissa, shift] = factor_parts(step.factor);
        let args = vec![
            Arg::In(stored(&g, gradient)),
            Arg::InOut(stored(&w, master), stored(&after, master)),
            input(&[mantissa, shift, src_zero, 0, -top, top]),
            value(small(n)),
        ];
        Case { dims: n_dims(n), args }
    })
}

pub(super) fn velocity(random: &mut Random, elem: Elem, master: Elem, rule: Rounding) -> Vec<Case> {
    each_length(random, |random, n| {
        let (g, w, v) = (codes(random, n, elem), codes(random, n, master), codes(random, n, I32));
        let half = 1i64 << (width(elem) - 1);
        let zero = w32(random.integer(-half, half - 1));
        let up = 32 - i64::from(width(elem));
        let to = {
            let e = up + random.integer(-6, 0);
            factor(random, e)
        };
        let (momentum, decay) = (factor(random, 0), {
            let e = up + random.integer(-12, -4);
            factor(random, e)
        });
        let limits = (i32::MIN, i32::MAX, Overflow::Saturate);
        let mut after = v.clone();
        kernels::velocity(
            &mut after,
            (g.iter().map(|g| i64::from(*g) - i64::from(zero)), to),
            (&w, 0, Some(decay)),
            Some(momentum),
            limits,
            &mut site(rule),
        )
        .expect("saturates");
        let parameters = |scale: Scale, zero: i32| {
            let [mantissa, shift] = factor_parts(scale);
            input(&[mantissa, shift, zero, 0, i32::MIN, i32::MAX])
        };
        let args = vec![
            Arg::In(stored(&g, elem)),
            Arg::In(stored(&w, master)),
            Arg::InOut(v.bytes(), after.bytes()),
            parameters(to, zero),
            parameters(momentum, 0),
            parameters(decay, 0),
            value(small(n)),
        ];
        Case { dims: n_dims(n), args }
    })
}
