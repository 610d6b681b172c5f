//! Numbers as a reader wants them: three significant digits, one sign of minus, a dash for what is not there.

use crate::record::{Interval, Summary};

/// Shown where there is no number.
pub const NONE: &str = "–";

/// Three significant digits, never in exponent form: `0.00123 1.23 12.3 123 12345`.
pub fn three(x: f64) -> String {
    if !x.is_finite() {
        return NONE.to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    // Digits before the point; negative for leading zeros behind it.
    let magnitude = rounded(x).abs().log10().floor();
    let decimals = (2.0 - magnitude).clamp(0.0, 9.0);
    let places = (0..=9usize).find(|&p| p as f64 >= decimals).unwrap_or(9);
    minus(format!("{x:.places$}"))
}

/// Rounds to three significant digits, so that 9.999 counts as 10.0 when digits are counted.
fn rounded(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

/// A memory size with its unit, in MiB from 10 MiB on.
pub fn size(kib: f64) -> String {
    if kib >= 10_240.0 { format!("{} MiB", three(kib / 1024.0)) } else { format!("{} KiB", three(kib)) }
}

/// A share as percent with one decimal.
pub fn percent(share: f64) -> String {
    if share.is_finite() { minus(format!("{:.1}", share * 100.0)) } else { NONE.to_owned() }
}

/// A share over seeds as percent: `98.1 ± 0.3`, without the interval where there is none.
pub fn percent_summary(s: &Summary) -> String {
    match s.half_width_95 {
        Some(half) => format!("{} ± {}", percent(s.mean), percent(half)),
        None => percent(s.mean),
    }
}

/// A difference of shares in points, always with its sign: `−12.3 ± 1.1`.
pub fn points_summary(s: &Summary) -> String {
    let text = percent_summary(s);
    if s.mean >= 0.0005 { format!("+{text}") } else { text }
}

/// A prediction: its middle, and its ends where they differ by more than rounding.
pub fn interval(i: &Interval) -> String {
    match spread(i) {
        Some(range) => format!("{} ({range})", three(i.mid)),
        None => three(i.mid),
    }
}

/// `low–high` where a prediction has an interval worth showing.
pub fn spread(i: &Interval) -> Option<String> {
    let (low, high) = (three(i.low), three(i.high));
    (low != high).then(|| format!("{low}–{high}"))
}

/// Proper minus sign, and no negative zero.
fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        let cases = [
            (0.0, "0"),
            (0.0012345, "0.00123"),
            (0.9999, "1.00"),
            (9.999, "10.0"),
            (12.34, "12.3"),
            (999.6, "1000"),
            (123456.7, "123457"),
            (-1.5, "−1.50"),
            (f64::NAN, NONE),
            (1e-12, "0.000000000"),
        ];
        for (x, want) in cases {
            assert_eq!(three(x), want, "{x}");
        }
    }

    #[test]
    fn signs_and_intervals() {
        let s = |mean, half_width_95| Summary { mean, half_width_95, n: 3 };
        assert_eq!(percent_summary(&s(0.981, Some(0.003))), "98.1 ± 0.3");
        assert_eq!(points_summary(&s(-0.1234, None)), "−12.3");
        assert_eq!(points_summary(&s(0.012, None)), "+1.2");
        assert_eq!(points_summary(&s(-0.0001, None)), "0.0");
        assert_eq!(interval(&Interval { low: 1.0, mid: 1.1, high: 1.3 }), "1.10 (1.00–1.30)");
        assert_eq!(interval(&Interval { low: 1.0, mid: 1.0, high: 1.0 }), "1.00");
    }
}
