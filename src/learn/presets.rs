//! The named precisions: two families of hybrid quantisation, and float.
//!
//! `hybrid-b`: the device-friendly family: master and consolidated weights are b-bit codes of a static range ±1, error and
//! gradient b-bit affine with the batch's range, the forward copy and the features 8-bit symmetric.
//! `paper-b`: the authors' scripts carried out in integers: affine min-max everywhere, stored weights with a range taken anew
//! each step, update based on the 8-bit forward copy, frozen ranges of features and error, gradient left in its accumulator,
//! consolidation in f32. What either family loses at 8 bits follows from η·2^b/R, not from 8 bits as such.

use super::{Precision, Slot, SlotFormat, SlotName, UpdateBase};
use crate::numeric::{AccumulatorFormat, Check, Format, Overflow, Rounding};

/// Real values per code range of the default 8-bit features: ±4 standard deviations.
const FEATURES: &str = "int8:static(-4,4)";

pub(super) fn by_name(name: &str) -> Option<Precision> {
    match name {
        "float" => Some(float()),
        "hybrid-8" => Some(hybrid(8)),
        "hybrid-16" => Some(hybrid(16)),
        "hybrid-32" => Some(hybrid(32)),
        "paper-8" => Some(paper(8)),
        "paper-16" => Some(paper(16)),
        "paper-32" => Some(paper(32)),
        _ => None,
    }
}

fn accumulator(bits: u32) -> AccumulatorFormat {
    AccumulatorFormat::new(bits, Check::EachAdd, Overflow::Saturate).expect("32 and 64 are accumulator widths")
}

fn float() -> Precision {
    Precision::from_parts("float", [Slot::new(Format::F32); 11], [accumulator(32); 2])
}

fn set(p: &mut Precision, slot: SlotName, text: &str) {
    p.slot_mut(slot).format = text.parse().expect("preset formats are valid, see the tests");
}

fn hybrid(bits: u32) -> Precision {
    // 32-bit error codes times 8-bit features: only a 64-bit accumulator is provably safe.
    let wide = accumulator(if bits > 16 { 64 } else { 32 });
    let mut p = Precision::from_parts(&format!("hybrid-{bits}"), [Slot::new(Format::F32); 11], [accumulator(32), wide]);
    let master = format!("int{bits}:static(-1,1)");
    let backward = format!("int{bits}:affine");
    set(&mut p, SlotName::Features, FEATURES);
    set(&mut p, SlotName::WeightsForward, "int8:static(-1,1)");
    set(&mut p, SlotName::WeightsMaster, &master);
    set(&mut p, SlotName::Bias, &master);
    p.slot_mut(SlotName::Logits).format = SlotFormat::Accumulator;
    set(&mut p, SlotName::Probabilities, "q1.30");
    set(&mut p, SlotName::Error, &backward);
    set(&mut p, SlotName::Gradient, &backward);
    set(&mut p, SlotName::Update, "q7.24");
    set(&mut p, SlotName::Consolidated, &master);
    set(&mut p, SlotName::Past, "q15.16");
    p.slot_mut(SlotName::Past).rounding = Rounding::Floor;
    p
}

fn paper(bits: u32) -> Precision {
    let mut p = Precision::from_parts(&format!("paper-{bits}"), [Slot::new(Format::F32); 11], [accumulator(32); 2]);
    set(&mut p, SlotName::Features, "int8:affine:frozen");
    set(&mut p, SlotName::WeightsForward, "int8:affine");
    set(&mut p, SlotName::WeightsMaster, &format!("int{bits}:affine"));
    set(&mut p, SlotName::Bias, "int32:static(-8,8)");
    p.slot_mut(SlotName::Logits).format = SlotFormat::Accumulator;
    set(&mut p, SlotName::Probabilities, "int8:affine:static(0,1)");
    set(&mut p, SlotName::Error, "int8:affine:frozen");
    p.slot_mut(SlotName::Gradient).format = SlotFormat::Accumulator;
    set(&mut p, SlotName::Update, "q7.24");
    set(&mut p, SlotName::Consolidated, "f32");
    set(&mut p, SlotName::Past, "f32");
    p.update_base = UpdateBase::Forward;
    p.forward_margin_percent = 2;
    p
}
