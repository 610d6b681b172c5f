//! Why predictions miss: the pattern of the misses names the likely cause.
//!
//! Each hypothesis is a one- or two-parameter model of `r = ln(measured / predicted)` over the rows of one run; the one with
//! the lowest Bayesian information criterion wins, is removed, and the rest is looked at again.

use super::statistics::{count, median};

/// One site of one run: a layer, a kernel, or a whole network.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Name.
    pub site: String,
    /// What kind of operation it is: rows of one kind share a kernel.
    pub kind: String,
    /// Predicted milliseconds, positive.
    pub predicted_ms: f64,
    /// Measured milliseconds, positive.
    pub measured_ms: f64,
    /// Bytes it touches: weights and activations.
    pub working_set_bytes: f64,
}

/// A pattern in the misses.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// Every site by the same factor (measured / predicted).
    Uniform {
        /// The factor.
        ratio: f64,
    },
    /// Sites of one kind by a factor.
    Kind {
        /// The kind.
        kind: String,
        /// The factor.
        ratio: f64,
    },
    /// Sites whose working set is over a size by a factor.
    Size {
        /// Largest working set that still fits the prediction, in bytes.
        over_bytes: f64,
        /// The factor.
        ratio: f64,
    },
    /// Every site by the same time.
    Offset {
        /// Milliseconds, measured − predicted.
        ms: f64,
    },
    /// One site alone.
    Single {
        /// The site.
        site: String,
        /// The factor.
        ratio: f64,
    },
}

/// A pattern with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was seen.
    pub pattern: Pattern,
    /// Share of Σ r² that it explains, 0 to 1.
    pub explained: f64,
    /// Sites that it is seen in.
    pub sites: usize,
    /// What usually causes it and what to check.
    pub likely_cause: String,
}

/// Misses below this are not looked into: repeated runs and an honest model differ by as much.
pub const NOISE: f64 = 0.05;

/// Findings from the strongest on, three at most; none where the predictions hold within [`NOISE`].
///
/// `clock_mhz` is the clock that the predictions assume.
pub fn diagnose(observations: &[Observation], clock_mhz: f64) -> Vec<Finding> {
    let mut rest: Vec<Observation> =
        observations.iter().filter(|o| o.predicted_ms > 0.0 && o.measured_ms > 0.0).cloned().collect();
    let start = energy(&rest);
    let mut findings = Vec::new();
    while findings.len() < 3 && !rest.is_empty() && energy(&rest) > count(rest.len()) * NOISE * NOISE {
        let plain = criterion(&rest, 0.0);
        let scored = hypotheses(&rest).into_iter().map(|(pattern, parameters)| {
            let corrected = correct(&rest, &pattern);
            (criterion(&corrected, parameters), pattern, corrected)
        });
        let Some((score, pattern, corrected)) = scored.min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        if score >= plain - 2.0 {
            break;
        }
        let explained = ((energy(&rest) - energy(&corrected)) / start).clamp(0.0, 1.0);
        let sites = rest.iter().filter(|o| applies(&pattern, o)).count();
        let likely_cause = cause(&pattern, clock_mhz);
        findings.push(Finding { pattern, explained, sites, likely_cause });
        rest = corrected;
    }
    findings
}

fn log_ratio(o: &Observation) -> f64 {
    (o.measured_ms / o.predicted_ms).ln()
}

fn energy(rows: &[Observation]) -> f64 {
    rows.iter().map(|o| log_ratio(o).powi(2)).sum()
}

/// Bayesian information criterion with the noise floor as the least standard deviation.
fn criterion(rows: &[Observation], parameters: f64) -> f64 {
    let n = count(rows.len());
    n * (energy(rows) / n + NOISE * NOISE / 4.0).ln() + parameters * n.max(2.0).ln()
}

fn hypotheses(rows: &[Observation]) -> Vec<(Pattern, f64)> {
    let typical = |picked: &dyn Fn(&Observation) -> bool| {
        median(rows.iter().filter(|o| picked(o)).map(log_ratio).collect()).exp()
    };
    let mut all = vec![(Pattern::Uniform { ratio: typical(&|_| true) }, 1.0)];
    if rows.len() < 3 {
        return all;
    }
    let offset = median(rows.iter().map(|o| o.measured_ms - o.predicted_ms).collect());
    all.push((Pattern::Offset { ms: offset }, 1.0));
    let mut kinds: Vec<&str> = rows.iter().map(|o| o.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds.into_iter().filter(|k| rows.iter().any(|o| o.kind != *k)) {
        all.push((Pattern::Kind { kind: kind.to_owned(), ratio: typical(&|o| o.kind == kind) }, 2.0));
    }
    let mut sizes: Vec<f64> = rows.iter().map(|o| o.working_set_bytes).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    sizes.pop();
    for over_bytes in sizes {
        all.push((Pattern::Size { over_bytes, ratio: typical(&|o| o.working_set_bytes > over_bytes) }, 2.0));
    }
    for o in rows {
        // A site can only be said to be alone in its miss where others of its kind do not miss.
        all.push((Pattern::Single { site: o.site.clone(), ratio: log_ratio(o).exp() }, 2.5));
    }
    all
}

fn applies(pattern: &Pattern, o: &Observation) -> bool {
    match pattern {
        Pattern::Uniform { .. } | Pattern::Offset { .. } => true,
        Pattern::Kind { kind, .. } => o.kind == *kind,
        Pattern::Size { over_bytes, .. } => o.working_set_bytes > *over_bytes,
        Pattern::Single { site, .. } => o.site == *site,
    }
}

/// The rows with the pattern taken into the prediction.
fn correct(rows: &[Observation], pattern: &Pattern) -> Vec<Observation> {
    let corrected = |o: &Observation| {
        let predicted_ms = match pattern {
            _ if !applies(pattern, o) => o.predicted_ms,
            // A prediction never falls below a tenth of itself: a negative offset must not turn its sign.
            Pattern::Offset { ms } => (o.predicted_ms + ms).max(0.1 * o.predicted_ms),
            Pattern::Uniform { ratio }
            | Pattern::Kind { ratio, .. }
            | Pattern::Size { ratio, .. }
            | Pattern::Single { ratio, .. } => o.predicted_ms * ratio,
        };
        Observation { predicted_ms, ..o.clone() }
    };
    rows.iter().map(corrected).collect()
}

/// Clocks that boards run at when nobody set them up.
const DEFAULT_CLOCKS_MHZ: [f64; 6] = [4.0, 8.0, 16.0, 25.0, 48.0, 64.0];

fn cause(pattern: &Pattern, clock_mhz: f64) -> String {
    match pattern {
        Pattern::Uniform { ratio } => {
            let real = clock_mhz / ratio;
            let unset = DEFAULT_CLOCKS_MHZ.iter().find(|c| (real / **c - 1.0).abs() < 0.05);
            match unset {
                Some(c) => format!(
                    "everything runs {ratio:.2} times as long: as if the clock were {c:.0} MHz, an oscillator's default; check that the PLL is set up"
                ),
                None if *ratio > 1.0 => format!(
                    "everything runs {ratio:.2} times as long: another clock ({real:.0} MHz would explain it), more flash wait states, caches or prefetch off, or a lower optimisation level"
                ),
                None => format!(
                    "everything runs {ratio:.2} times as long: another clock ({real:.0} MHz would explain it), fewer wait states, or a better compiler or kernel library than the one priced"
                ),
            }
        }
        Pattern::Kind { kind, ratio } => format!(
            "only `{kind}` differs ({ratio:.2}): another kernel than the one priced, or a fall back to a reference kernel; compare kernel sets"
        ),
        Pattern::Size { over_bytes, ratio } => format!(
            "only sites that touch more than {:.0} KiB differ ({ratio:.2}): a cache or fast memory of about that size, or tensors placed in slower memory",
            over_bytes / 1024.0
        ),
        Pattern::Offset { ms } => format!(
            "every site by {ms:+.4} ms: the timer, a call around the kernel, or a tick interrupt is measured with it; subtract an empty run"
        ),
        Pattern::Single { site, ratio } => format!(
            "only `{site}` differs ({ratio:.2}): an unaligned tensor, a shape that falls back to another kernel, or a misread row"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty sites of three kinds over a wide range of sizes, with a per cent or two of deterministic noise.
    fn run(measure: impl Fn(usize, &Observation) -> f64) -> Vec<Observation> {
        let make = |i: usize| {
            let scale = 1.35f64.powi(i32::try_from(i * 7 % 30).unwrap());
            let kind = ["conv", "dw", "pw"][i % 3].to_owned();
            let o = Observation {
                site: format!("l{i}"),
                kind,
                predicted_ms: 0.05 * scale,
                measured_ms: 0.0,
                working_set_bytes: 700.0 * scale * if i.is_multiple_of(2) { 1.0 } else { 1.8 },
            };
            let noise = 1.0 + 0.01 * (count(i * 13 % 5) - 2.0);
            Observation { measured_ms: measure(i, &o) * noise, ..o }
        };
        (0..30).map(make).collect()
    }

    fn first(rows: &[Observation]) -> Pattern {
        diagnose(rows, 216.0).into_iter().next().expect("a finding").pattern
    }

    #[test]
    fn each_disturbance_is_recognised() {
        let uniform = run(|_, o| o.predicted_ms * 13.5);
        assert!(matches!(first(&uniform), Pattern::Uniform { ratio } if (ratio - 13.5).abs() < 0.3));
        assert!(diagnose(&uniform, 216.0)[0].likely_cause.contains("16 MHz"), "216 / 13.5 is the default oscillator");
        let kind = run(|_, o| o.predicted_ms * if o.kind == "dw" { 2.4 } else { 1.0 });
        assert!(matches!(first(&kind), Pattern::Kind { kind, ratio } if kind == "dw" && (ratio - 2.4).abs() < 0.1));
        let size = run(|_, o| o.predicted_ms * if o.working_set_bytes > 16384.0 { 1.6 } else { 1.0 });
        assert!(matches!(first(&size), Pattern::Size { over_bytes, ratio }
            if over_bytes < 16384.0 && over_bytes > 8192.0 && (ratio - 1.6).abs() < 0.1));
        let offset = run(|_, o| o.predicted_ms + 0.4);
        assert!(matches!(first(&offset), Pattern::Offset { ms } if (ms - 0.4).abs() < 0.02));
        let single = run(|i, o| o.predicted_ms * if i == 11 { 3.0 } else { 1.0 });
        assert!(matches!(first(&single), Pattern::Single { site, .. } if site == "l11"));
    }

    /// What is found goes when its cause goes: each disturbance is corrected as its finding says, and nothing is left to find.
    #[test]
    fn a_cause_that_is_removed_is_no_longer_found() {
        let disturbed = [
            run(|_, o| o.predicted_ms * 3.0),
            run(|_, o| o.predicted_ms * if o.kind == "dw" { 2.4 } else { 1.0 }),
            run(|_, o| o.predicted_ms * if o.working_set_bytes > 16384.0 { 1.6 } else { 1.0 }),
            run(|_, o| o.predicted_ms + 0.4),
        ];
        for rows in disturbed {
            let pattern = first(&rows);
            let mended = correct(&rows, &pattern);
            assert!(!diagnose(&mended, 216.0).iter().any(|f| f.pattern == pattern), "{pattern:?}");
            assert!(energy(&mended) < 0.05 * energy(&rows), "{pattern:?} explains what was disturbed");
        }
    }

    #[test]
    fn two_disturbances_are_found_one_after_the_other_and_none_where_there_is_none() {
        let both = run(|_, o| o.predicted_ms * 2.0 * if o.kind == "conv" { 1.7 } else { 1.0 });
        let found = diagnose(&both, 216.0);
        assert!(found.iter().any(|f| matches!(f.pattern, Pattern::Uniform { .. })), "{found:?}");
        assert!(found.iter().any(|f| matches!(&f.pattern, Pattern::Kind { kind, .. } if kind == "conv")), "{found:?}");
        assert!(found.iter().map(|f| f.explained).sum::<f64>() > 0.98);
        assert!(diagnose(&run(|_, o| o.predicted_ms), 216.0).is_empty());
        assert!(diagnose(&[], 216.0).is_empty());
    }
}
