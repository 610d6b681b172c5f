//! What a run reports about its numbers: overflows by site, accumulator widths.

use super::Head;
use super::kernels::bits_seen;
use crate::numeric::Narrow;

/// Widths of one accumulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccumulatorReport {
    /// Where.
    pub site: String,
    /// Bits that can never overflow, by the formats and the number of terms (N18).
    pub safe_bits: u32,
    /// Bits in use.
    pub used_bits: u32,
    /// Bits that the largest sum seen needs.
    pub seen_bits: u32,
}

impl Head {
    /// Overflow counters of every site that has narrowed at least one value.
    pub fn overflows(&self) -> Vec<Narrow> {
        let mut all: Vec<Narrow> = vec![
            self.forward.slot.count().clone(),
            self.forward.acc_count.clone(),
            self.loss.probability_slot.count().clone(),
            self.loss.error_slot.count().clone(),
        ];
        all.extend(self.forward.logits_slot.as_ref().map(|s| s.count().clone()));
        if self.bias.is_some() {
            all.push(self.forward.bias_count().clone());
        }
        for (_, param) in self.params() {
            all.push(param.gradient.acc_count.clone());
            all.extend(param.gradient.slot.as_ref().map(|s| s.count().clone()));
            all.push(param.update_slot.count().clone());
            all.push(param.master_slot.count().clone());
            all.push(param.consolidated_slot.count().clone());
        }
        all.retain(|count| count.total > 0);
        all
    }

    /// Safe, used and seen width of the integer accumulators; empty where everything is real.
    pub fn accumulators(&self) -> Vec<AccumulatorReport> {
        let mut all = Vec::new();
        if self.forward.integer {
            all.push(AccumulatorReport {
                site: "head.logits".to_owned(),
                safe_bits: self.forward.safe_bits,
                used_bits: self.forward.accumulator.bits(),
                seen_bits: bits_seen(self.forward.seen),
            });
        }
        for (tensor, param) in self.params().filter(|(_, p)| p.gradient.is_integer()) {
            all.push(AccumulatorReport {
                site: super::calls::Calls::name(tensor, "gradient"),
                safe_bits: param.gradient.safe_bits,
                used_bits: self.config.precision.gradient_accumulator.bits(),
                seen_bits: bits_seen(param.gradient.seen),
            });
        }
        all
    }
}
