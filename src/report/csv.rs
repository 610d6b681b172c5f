//! Tables for other programs: comma-separated, one header line, RFC 4180 quoting, numbers in full.

use crate::record::{CostResult, Interval, PrecisionResult, RunRecord, SeedResult};

/// All tables: file name and text.
pub fn tables(record: &RunRecord) -> Vec<(&'static str, String)> {
    vec![
        ("precisions.csv", precisions(record)),
        ("accuracy.csv", accuracy(record)),
        ("costs.csv", costs(record)),
        ("phases.csv", phases(record)),
        ("fidelity.csv", fidelity(record)),
        ("gradient.csv", gradient(record)),
    ]
}

fn line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|c| {
        if c.contains([',', '"', '\n', '\r']) { format!("\"{}\"", c.replace('"', "\"\"")) } else { c.clone() }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

pub(super) fn table(header: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("{header}\r\n");
    rows.into_iter().for_each(|row| text.push_str(&line(&row)));
    text
}

/// Every precision with each of its seeds.
fn seeds(record: &RunRecord) -> impl Iterator<Item = (&PrecisionResult, &SeedResult)> {
    record.precisions.iter().flat_map(|p| p.seeds.iter().map(move |s| (p, s)))
}

fn number(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| x.to_string())
}

fn precisions(record: &RunRecord) -> String {
    let rows = record.precisions.iter().map(|p| {
        let (accuracy, minus, forgetting) = (p.final_accuracy, p.minus_float, p.forgetting);
        vec![
            p.name.clone(),
            number(Some(accuracy.mean)),
            number(accuracy.half_width_95),
            number(minus.map(|m| m.mean)),
            number(minus.and_then(|m| m.half_width_95)),
            number(forgetting.map(|f| f.mean)),
            number(p.vanished_updates),
            accuracy.n.to_string(),
            number(p.metrics.as_ref().map(|m| m.average_accuracy.mean)),
            number(p.metrics.as_ref().map(|m| m.average_over_time.mean)),
            number(p.metrics.as_ref().and_then(|m| m.backward_transfer).map(|b| b.mean)),
            number(p.metrics.as_ref().and_then(|m| m.forward_transfer).map(|f| f.mean)),
            number(p.metrics.as_ref().map(|m| m.amca.mean)),
            number(p.versus_float.and_then(|v| v.t_p)),
            number(p.versus_float.and_then(|v| v.signed_rank_p)),
        ]
    });
    let header = "precision,accuracy,accuracy_half_width_95,minus_float,minus_float_half_width_95,forgetting,\
                  vanished_updates,n_seeds,average_accuracy,average_over_time,backward_transfer,forward_transfer,amca,\
                  versus_float_t_p,versus_float_signed_rank_p";
    table(header, rows)
}

fn accuracy(record: &RunRecord) -> String {
    let after = seeds(record).flat_map(|(p, s)| s.accuracy.iter().enumerate().map(move |(i, on)| (p, s, i, on)));
    let rows = after.flat_map(|(p, s, i, on)| {
        let stream = number(s.stream_accuracy.get(i).copied());
        on.iter().enumerate().map(move |(j, a)| {
            let [seed, i, j] = [s.seed.to_string(), i.to_string(), j.to_string()];
            vec![p.name.clone(), seed, i, j, a.to_string(), stream.clone()]
        })
    });
    table("precision,seed,training_exp,eval_exp,eval_accuracy,stream_accuracy", rows)
}

fn ends(i: &Interval) -> [String; 3] {
    [i.low, i.mid, i.high].map(|x| x.to_string())
}

fn costs(record: &RunRecord) -> String {
    let row = |c: &CostResult| {
        let mut row = vec![c.precision.clone(), c.profile.clone(), c.kernel_set.clone()];
        let predictions = [
            &c.inference_latency_ms,
            &c.inference_energy_uj,
            &c.step_latency_ms,
            &c.step_energy_uj,
            &c.consolidation_latency_ms,
            &c.consolidation_energy_uj,
        ];
        row.extend(predictions.into_iter().flat_map(ends));
        row.extend([c.ram_kib, c.flash_kib, c.missing_kib].map(|x| x.to_string()));
        row.push(c.fits.to_string());
        let unpriced = c.unpriced.iter().map(|u| format!("{} {} ×{}", u.unit, u.kernel, u.times));
        row.push(unpriced.collect::<Vec<_>>().join("; "));
        row
    };
    let mut header = "precision,profile,kernel_set".to_owned();
    for quantity in ["inference", "step", "consolidation"] {
        for unit in ["latency_ms", "energy_uj"] {
            for end in ["low", "mid", "high"] {
                header.push_str(&format!(",{quantity}_{unit}_{end}"));
            }
        }
    }
    table(&(header + ",ram_kib,flash_kib,missing_kib,fits,unpriced"), record.costs.iter().map(row))
}

fn phases(record: &RunRecord) -> String {
    let mut rows = Vec::new();
    for c in &record.costs {
        for p in &c.phases {
            let mut row =
                vec![c.precision.clone(), c.profile.clone(), super::view::phase_name(p.phase).replace(' ', "_")];
            row.push(p.unit.clone());
            row.extend([&p.cycles, &p.latency_ms, &p.energy_uj].into_iter().flat_map(ends));
            rows.push(row);
        }
    }
    let header = "precision,profile,phase,unit,cycles_low,cycles_mid,cycles_high,latency_ms_low,latency_ms_mid,latency_ms_high,\
                  energy_uj_low,energy_uj_mid,energy_uj_high";
    table(header, rows)
}

fn fidelity(record: &RunRecord) -> String {
    let rows = seeds(record).flat_map(|(p, s)| {
        s.fidelity.iter().map(move |f| {
            let place = [s.seed.to_string(), f.step.to_string(), f.experience.to_string(), f.role.clone()];
            let numbers = [Some(f.relative_l2), f.mape, f.vanished, f.lsb].map(number);
            std::iter::once(p.name.clone()).chain(place).chain(numbers).collect()
        })
    });
    table("precision,seed,step,experience,role,relative_l2,mape,vanished,lsb", rows)
}

/// The gradient's error by epoch.
fn gradient(record: &RunRecord) -> String {
    let rows = seeds(record).flat_map(|(p, s)| {
        s.gradient_by_epoch.iter().map(move |g| {
            let place = [s.seed.to_string(), g.experience.to_string(), g.epoch.to_string(), g.steps.to_string()];
            let numbers = [g.mape, g.relative_l2].map(|x| x.to_string());
            std::iter::once(p.name.clone()).chain(place).chain(numbers).collect()
        })
    });
    table("precision,seed,experience,epoch,steps,mape,relative_l2", rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_break_a_line_are_quoted() {
        let cells = ["a,b", "say \"x\"", "plain", "two\nlines"].map(str::to_owned);
        assert_eq!(line(&cells), "\"a,b\",\"say \"\"x\"\"\",plain,\"two\nlines\"\r\n");
    }
}
