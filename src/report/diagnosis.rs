//! The failure signatures of on-device learning, named where a record shows them, each with its remedy.
//!
//! They are those of reports/study/README.md: accuracy stays behind because updates vanish, weights saturate or their grid runs away,
//! the board's RAM is too small, and learning takes longer than samples take to arrive.

use super::numbers::{percent, three};
use super::verdict::loses;
use crate::record::{CostResult, PrecisionResult, RunRecord};

/// From this share of vanished updates on, they are the mechanism of a loss.
const MANY_VANISHED: f64 = 0.5;
/// Growth of one code of the stored weights in the second half of the first experience, when a sound range has settled.
const MUCH_GROWTH: f64 = 3.0;
/// From this share of saturated weights on, the range is too small.
const MANY_CLIPPED: f64 = 0.01;

/// One sentence for each signature found; empty where nothing is wrong.
pub(super) fn diagnoses(record: &RunRecord) -> Vec<String> {
    let mut found: Vec<String> = record.precisions.iter().filter(|p| loses(p)).map(why).collect();
    found.extend(record.costs.iter().filter_map(|c| ram(record, c)));
    found.extend(record.costs.iter().filter_map(|c| arrival(record, c)));
    found
}

fn why(p: &PrecisionResult) -> String {
    let vanished = p.vanished_updates.unwrap_or(0.0);
    if let Some((before, after)) = growth(p).filter(|(before, after)| after / before >= MUCH_GROWTH) {
        return format!(
            "{} drifts: one code of its weights grew from {} to {} within the first experience, since every step rounds them anew on a grid \
             that moves with them. update_base = \"stored\", more bits or a static range for weights.master holds them.",
            p.name,
            three(before),
            three(after)
        );
    }
    if vanished >= MANY_VANISHED {
        return format!(
            "{} plateaus for want of bits: {} % of its updates are below half a step of its weights. {} brings them back.",
            p.name,
            percent(vanished),
            remedies(p)
        );
    }
    #[allow(clippy::cast_precision_loss, reason = "a share of counts far below 2^53")]
    let clipped = p.overflows.iter().filter(|o| o.site.ends_with("master") && o.total > 0);
    let worst = clipped.map(|o| o.overflowed as f64 / o.total as f64).fold(0.0, f64::max);
    if worst >= MANY_CLIPPED {
        return format!(
            "{} clips: {} % of its stored weights saturate. A wider range for weights.master gives them room.",
            p.name,
            percent(worst)
        );
    }
    format!(
        "{} loses although only {} % of its updates vanish: look at features, weights.forward and error in fidelity.csv.",
        p.name,
        percent(vanished)
    )
}

/// What lets small updates through and is not done yet.
fn remedies(p: &PrecisionResult) -> String {
    let slot = |name: &str| p.slots.iter().find(|(slot, _)| slot == name).map_or("", |(_, format)| format);
    let bits = if slot("weights.master").contains("static") {
        "More bits or a smaller range for weights.master, "
    } else {
        "More bits for weights.master, "
    };
    let drawn = if slot("update").contains("stochastic") { "" } else { "stochastic rounding of update, " };
    format!("{bits}{drawn}or a larger learning rate")
}

/// One code of the stored weights in the middle and at the end of the first experience.
fn growth(p: &PrecisionResult) -> Option<(f64, f64)> {
    let points = p.seeds.first()?.fidelity.iter().filter(|f| f.experience == 0 && f.role == "weights.master");
    let codes: Vec<f64> = points.filter_map(|f| f.lsb).collect();
    Some((*codes.get(codes.len() / 2)?, *codes.last()?))
}

fn ram(record: &RunRecord, c: &CostResult) -> Option<String> {
    let board = record.boards.iter().find(|b| b.profile == c.profile)?;
    if c.ram_kib <= board.ram_kib {
        return None;
    }
    let peak = c.ram_timeline.iter().max_by_key(|p| p.state_bytes + p.arena_bytes)?;
    let (what, remedy) = if peak.state_bytes >= peak.arena_bytes {
        ("learning state", "fewer bits for weights.master and consolidated, or a smaller buffer")
    } else {
        ("working buffers", "a smaller batch, fewer bits for gradient, or the gradient left in its accumulator")
    };
    Some(format!(
        "{} needs {} KiB of RAM on {}, which has {}: at {} most of it is {what}; {remedy} would shrink it.",
        c.precision,
        three(c.ram_kib),
        c.profile,
        three(board.ram_kib),
        peak.site
    ))
}

/// A device cannot see samples faster than its backbone runs; if it then learns slower than that, they queue up.
#[allow(clippy::cast_precision_loss, reason = "epochs and minibatches are small")]
fn arrival(record: &RunRecord, c: &CostResult) -> Option<String> {
    let epochs = *record.stream.epochs.last()? as f64;
    let learning = epochs * c.step_latency_ms.mid / record.stream.batch as f64;
    let inference = c.inference_latency_ms.mid;
    (learning > inference).then(|| {
        format!(
            "{} on {} learns slower than samples can arrive: {} ms a sample in {epochs} epochs against {} ms of inference. Fewer epochs, or \
             a cheaper update, keeps up.",
            c.precision,
            c.profile,
            three(learning),
            three(inference)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Interval, RamPoint};

    fn record() -> RunRecord {
        let text = include_str!("../../reports/quickstart/record.json");
        serde_json::from_str(text).expect("the committed record")
    }

    #[test]
    fn each_signature_is_named_and_absent_otherwise() {
        let mut r = record();
        for c in &mut r.costs {
            c.step_latency_ms = Interval { low: 0.0, mid: 0.0, high: 0.0 };
        }
        for p in &mut r.precisions {
            p.minus_float = None;
        }
        assert_eq!(diagnoses(&r), Vec::<String>::new());
        let mut slow = r.clone();
        slow.costs.truncate(1);
        slow.costs[0].step_latency_ms.mid = 1e6;
        assert!(diagnoses(&slow)[0].contains("slower than samples can arrive"));
        let mut big = r.clone();
        big.costs.truncate(1);
        big.costs[0].ram_kib = 1e6;
        big.costs[0].ram_timeline =
            vec![RamPoint { call: 0, site: "head.update".into(), state_bytes: 9, arena_bytes: 1 }];
        assert!(diagnoses(&big)[0].contains("learning state"));
        let mut drifting = r.clone();
        let p = drifting.precisions.last_mut().expect("one");
        p.minus_float = Some(crate::record::Summary { mean: -0.2, half_width_95: Some(0.01), n: 3 });
        let first = p.seeds[0].fidelity.iter_mut().filter(|f| f.experience == 0 && f.role == "weights.master");
        first.enumerate().for_each(|(i, f)| f.lsb = Some(1e-4 * 2f64.powi(i32::try_from(i).expect("few"))));
        assert!(diagnoses(&drifting)[0].contains("drifts"), "{:?}", diagnoses(&drifting));
        let mut lost = r;
        let p = lost.precisions.last_mut().expect("one");
        p.minus_float = Some(crate::record::Summary { mean: -0.2, half_width_95: Some(0.01), n: 3 });
        p.vanished_updates = Some(0.99);
        assert!(diagnoses(&lost)[0].contains("plateaus for want of bits"));
        let set = |lost: &mut RunRecord, slot: &str, format: &str| {
            let p = lost.precisions.last_mut().expect("one");
            p.slots.iter_mut().filter(|(name, _)| name == slot).for_each(|(_, f)| *f = format.to_owned());
            diagnoses(lost).remove(0)
        };
        assert!(set(&mut lost, "weights.master", "int8:static(-1,1) ties-even saturate").contains("a smaller range"));
        assert!(!set(&mut lost, "weights.master", "int8:affine ties-even saturate").contains("a smaller range"));
        assert!(set(&mut lost, "update", "q7.24 ties-even saturate").contains("stochastic rounding"));
        assert!(!set(&mut lost, "update", "q7.24 stochastic saturate").contains("stochastic rounding"));
    }
}
