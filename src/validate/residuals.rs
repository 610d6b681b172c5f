//! What single layers' misses have in common: by kind of operation and size.

use super::score::Scored;
use super::statistics::median;
use std::collections::BTreeMap;

/// Layers of one kind and size, measured one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// Core, class of software, kind of operation.
    pub core: String,
    /// Name of the class.
    pub class: &'static str,
    /// As [`super::Prediction::kind`].
    pub kind: &'static str,
    /// Bytes of weights and maps, smallest and largest of the group.
    pub working_set_bytes: (f64, f64),
    /// Layers.
    pub n: usize,
    /// Median of (predicted − measured) / measured.
    pub bias: f64,
    /// Median of its size.
    pub median_ape: f64,
}

/// Core, class of software, kind of operation.
type Key<'a> = (&'a str, &'static str, &'static str);

/// Groups by core, class and kind; kinds of four layers and more are split at the median of their working sets.
pub fn residuals(rows: &[Scored]) -> Vec<Residual> {
    let mut by: BTreeMap<Key<'_>, Vec<(f64, f64)>> = BTreeMap::new();
    for scored in rows.iter().filter(|s| !s.row.is_whole() && !s.row.is_doubtful()) {
        if let (Ok(p), Some(error)) = (&scored.outcome, scored.latency_error()) {
            let key = (scored.row.core.as_str(), scored.row.class.name(), p.kind);
            by.entry(key).or_default().push((p.working_set_bytes, error));
        }
    }
    let mut all = Vec::new();
    for ((core, class, kind), mut layers) in by {
        layers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let middle = if layers.len() < 4 { layers.len() } else { layers.len() / 2 };
        let (smaller, larger) = layers.split_at(middle);
        all.extend([smaller, larger].into_iter().filter(|part| !part.is_empty()).map(|part| Residual {
            core: core.to_owned(),
            class,
            kind,
            working_set_bytes: (part[0].0, part[part.len() - 1].0),
            n: part.len(),
            bias: median(part.iter().map(|l| l.1).collect()),
            median_ape: median(part.iter().map(|l| l.1.abs()).collect()),
        }));
    }
    all
}
