//! Cycles that the core waits for memory: misses of small caches by capacity, and bandwidth behind them.

use super::super::whole::ceil;
use crate::profile::{End, Path};

/// Kinds of buffers that are told apart: see `terms::SLOTS`.
pub const N_SLOTS: usize = 5;

/// Bytes of one kind of buffer that a call touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident {
    /// Size of the buffers.
    pub bytes: f64,
    /// Bytes that the kernel reads and writes there; more than `bytes` means that bytes are used again.
    pub traffic: f64,
    /// The share of the buffers that lies between two uses of the same byte, 0 to 1: the rows of a window in a map, else 1.
    pub swept_share: f64,
    /// Bytes that the kernel touches between two uses of the same byte; `None`: as [`reuse_distance`] has it.
    pub reuse_bytes: Option<f64>,
    /// Bytes touched since a byte was used before this call: what the list touches for constants and state, what the call touches
    /// for maps, which the call before wrote.
    pub since_bytes: f64,
}

impl Resident {
    /// The share of it that a path sees.
    pub fn scaled(self, share: f64) -> Self {
        Resident { bytes: self.bytes * share, traffic: self.traffic * share, ..self }
    }

    /// Bytes that it really touches.
    pub fn touched_bytes(&self) -> f64 {
        self.bytes.min(self.traffic)
    }

    fn swept_bytes(&self) -> f64 {
        self.touched_bytes() * self.swept_share
    }
}

/// Bytes touched between two uses of the same byte of `own`, where others share its caches.
///
/// Formula (C6): its own bytes that are swept, plus of each other buffer what one of `own`'s T/B passes moves, at most what is
/// swept there. A buffer that streams by once thus takes only its part.
pub fn reuse_distance<'a>(own: &Resident, others: impl Iterator<Item = &'a Resident>) -> f64 {
    let passes = if own.bytes > 0.0 { (own.traffic / own.bytes).max(1.0) } else { 1.0 };
    own.swept_bytes() + others.map(|other| other.swept_bytes().min(other.traffic / passes)).sum::<f64>()
}

/// What a call asks of one path.
#[derive(Debug, Clone, Copy, Default)]
pub struct StallInput {
    /// By kind of buffer.
    pub residents: [Option<Resident>; N_SLOTS],
    /// Bytes that the whole list of calls touches on this path.
    pub footprint: f64,
}

/// Waiting of one call on one path.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stalls {
    /// Cycles added to the pipeline's.
    pub cycles: f64,
    /// Cycles that the bandwidth behind the caches needs at least for the whole call.
    pub bandwidth_cycles: f64,
    /// Energy of the lines brought, where the profile has a source for it.
    pub line_nj: f64,
}

/// Waiting for data.
///
/// Formula (C6): a buffer of B bytes with T bytes of traffic asks a cache of K bytes in lines of L for first touches
/// = min(B, T)/L lines, and for repeated uses (T − B)/L × m(D) lines, D its reuse distance: m is 0 where D ≤ K and 1 − K/D where it
/// is not; at the unfavourable end 0 only where D ≤ K/2, else 1. First touches miss by the same m of the bytes since the last
/// use; at the unfavourable end all miss, in the first cache those of constants and state do at the middle as well, and none
/// does at the favourable end where the whole list fits. Each cache is asked for what the buffers need, not for what the
/// cache before it missed: capacity decides. Waiting = Σ lines × miss cycles × (1 − hidden share); bandwidth = bytes
/// from behind / bytes a cycle.
pub fn data_stalls(path: &Path, input: &StallInput, end: End) -> Stalls {
    let mut stalls = Stalls::default();
    let exposed = 1.0 - path.hidden_share.capacity(end);
    for (depth, level) in path.levels.iter().enumerate() {
        let (cache, line) = (level.cache_bytes.capacity(end), level.line_bytes.capacity(end));
        let fits = end == End::Favourable && input.footprint <= cache && cache > 0.0;
        let lines: f64 = input
            .residents
            .iter()
            .flatten()
            .map(|r| {
                let is_lasting = r.since_bytes >= input.footprint;
                let first = match end {
                    _ if fits => 0.0,
                    End::Unfavourable => 1.0,
                    _ if depth == 0 && is_lasting => 1.0,
                    _ => missing_share(cache, r.since_bytes, end),
                };
                let again = missing_share(cache, r.reuse_bytes.unwrap_or(r.bytes), end);
                let touched = ceil(r.touched_bytes() / line);
                touched * first + (r.traffic - r.bytes).max(0.0) / line * again
            })
            .sum();
        stalls.cycles += lines * level.miss_cycles.cost(end) * exposed;
        stalls.line_nj += level.line_nj.as_ref().map_or(0.0, |nj| lines * nj.cost(end));
        if let Some(bandwidth) = &level.next_bytes_per_cycle {
            stalls.bandwidth_cycles = stalls.bandwidth_cycles.max(lines * line / bandwidth.capacity(end));
        }
    }
    stalls
}

fn missing_share(cache: f64, distance: f64, end: End) -> f64 {
    match end {
        _ if cache == 0.0 => 1.0,
        End::Unfavourable if distance > cache / 2.0 => 1.0,
        _ if distance <= cache => 0.0,
        _ => 1.0 - cache / distance,
    }
}

/// Waiting for instructions of one execution of a kernel.
///
/// `again` is the number of lines that its levels fetch again ([`lines_again`] × trips), `back_to_back` how often the call
/// runs in a row, `all_code` the code of the whole list of calls.
///
/// Formula (C7): code of C bytes that fits in the cache (K, lines of L) is fetched once a run of equal calls: C/L lines
/// (never at the favourable end where the code of all calls fits; in every call at the unfavourable end). Code that does
/// not fit is fetched again in every trip of each level whose own bytes are not kept: C_level/L lines × m, with m = 0,
/// 1 − K/C, 1 at the three ends (1 at all of them where the cache is off); a steady level that fits on its own stays.
/// Waiting = lines × miss cycles × (1 − hidden).
pub fn fetch_stalls(path: &Path, code_bytes: f64, again: f64, back_to_back: f64, all_code: f64, end: End) -> Stalls {
    let Some(level) = path.levels.first() else { return Stalls::default() };
    let (cache, line) = (level.cache_bytes.capacity(end), level.line_bytes.capacity(end));
    let once = ceil(code_bytes / line);
    let lines = if code_bytes <= cache {
        match end {
            End::Favourable if all_code <= cache => 0.0,
            End::Unfavourable => once,
            _ => once / back_to_back.max(1.0),
        }
    } else {
        once + again
    };
    Stalls {
        cycles: lines * level.miss_cycles.cost(end) * (1.0 - path.hidden_share.capacity(end)),
        bandwidth_cycles: 0.0,
        line_nj: level.line_nj.as_ref().map_or(0.0, |nj| lines * nj.cost(end)),
    }
}

/// Lines that one trip of a level of `part_bytes` fetches again where the kernel's code does not fit; 0 where it does (C7).
pub fn lines_again(path: &Path, code_bytes: f64, part_bytes: f64, steady: bool, end: End) -> f64 {
    let Some(level) = path.levels.first() else { return 0.0 };
    let (cache, line) = (level.cache_bytes.capacity(end), level.line_bytes.capacity(end));
    if code_bytes <= cache || (steady && part_bytes <= cache) {
        return 0.0;
    }
    let share = match end {
        _ if cache == 0.0 => 1.0,
        End::Favourable => 0.0,
        End::Mid => 1.0 - cache / code_bytes,
        End::Unfavourable => 1.0,
    };
    (part_bytes / line).ceil() * share
}
