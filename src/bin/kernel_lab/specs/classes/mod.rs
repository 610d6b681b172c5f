//! Twins of measured software's classes, a kernel set each.

mod bitserial;
mod cmsis;
mod fixed_point;
mod float_dots;
mod gemm;
mod gemm_float;
mod gemm_int8;
mod lce;
mod scales;
mod shapes;
mod tflm;
mod tinymaix;
mod tinyol;
mod winograd;

use crate::cases::Spec;
use tinyprec::trace::BufferKind;

const A: Option<BufferKind> = Some(BufferKind::Activation);
const W: Option<BufferKind> = Some(BufferKind::Weights);
const S: Option<BufferKind> = Some(BufferKind::Scratch);
const T: Option<BufferKind> = Some(BufferKind::State);
const M: &[&str] = &["cortex-m4", "cortex-m7"];

/// All classes.
pub fn specs() -> Vec<Spec> {
    [
        cmsis::specs(),
        fixed_point::specs(),
        tflm::specs(),
        tinymaix::specs(),
        tinyol::specs(),
        gemm::specs(),
        bitserial::specs(),
        float_dots::specs(),
        lce::specs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every product of one expression of each list; an empty one stands for 1. Specifications live as long as the program.
fn products(lists: &[&[&str]]) -> Vec<&'static str> {
    let join = |all: Vec<String>, list: &&[&str]| -> Vec<String> {
        let product = |a: &String, b: &str| match (a.as_str(), b) {
            ("", b) => b.to_owned(),
            (a, "") => a.to_owned(),
            (a, b) => format!("{a}*{b}"),
        };
        all.iter().flat_map(|a| list.iter().map(move |b| product(a, b))).collect()
    };
    let all = lists.iter().fold(vec![String::new()], join);
    all.into_iter().filter(|text| !text.is_empty()).map(|text| &*text.leak()).collect()
}

/// Several such lists as one specification wants them.
fn trips(lists: Vec<Vec<&'static str>>) -> &'static [&'static str] {
    lists.concat().leak()
}
