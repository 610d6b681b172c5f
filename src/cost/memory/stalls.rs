//! Cycles that the core waits for memory: misses of small caches by capacity, and bandwidth behind them.

use crate::profile::{CacheLevel, End, Path};

/// Bytes of one kind of buffer that a call touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident {
    /// Size of the buffers.
    pub bytes: f64,
    /// Bytes that the kernel reads and writes there; more than `bytes` means that bytes are used again.
    pub traffic: f64,
    /// Bytes that the kernel touches between two uses of the same byte; `None`: the working set of the call.
    pub reuse_bytes: Option<f64>,
}

impl Resident {
    /// The share of it that a path sees.
    pub fn scaled(self, share: f64) -> Self {
        Resident { bytes: self.bytes * share, traffic: self.traffic * share, ..self }
    }
}

/// What a call asks of one path.
#[derive(Debug, Clone, Copy, Default)]
pub struct StallInput {
    /// By kind of buffer.
    pub residents: [Option<Resident>; 4],
    /// Bytes of everything that competes for the path's caches in this call.
    pub working_set: f64,
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
/// Formula (C6), for the first cache, K bytes in lines of L: a buffer of B bytes with T bytes of traffic misses
/// first touches = min(B, T)/L lines, and its repeated uses (T − B)/L × m lines. m is 0 where the reuse distance D fits
/// (D ≤ K) and 1 − K/D where it does not; at the unfavourable end 0 only where D ≤ K/2, else 1. First touches are free at
/// the favourable end where the whole list fits in the cache. Each further cache sees the lines before it as traffic and
/// misses the share 1 − K/F of the footprint F of the whole list, none where it fits, all at the unfavourable end.
/// Waiting = Σ lines × miss cycles × (1 − hidden share); bandwidth = bytes from behind / bytes a cycle.
pub fn data_stalls(path: &Path, input: &StallInput, end: End) -> Stalls {
    let mut stalls = Stalls::default();
    let exposed = 1.0 - path.hidden_share.capacity(end);
    let mut bytes_in = 0.0;
    for (depth, level) in path.levels.iter().enumerate() {
        let line = level.line_bytes.capacity(end);
        let lines = if depth == 0 {
            input.residents.iter().flatten().map(|r| first_level_lines(level, r, input, end)).sum::<f64>()
        } else {
            bytes_in / line * further_share(level.cache_bytes.capacity(end), input.footprint, end)
        };
        stalls.cycles += lines * level.miss_cycles.cost(end) * exposed;
        bytes_in = lines * line;
        stalls.line_nj += level.line_nj.as_ref().map_or(0.0, |nj| lines * nj.cost(end));
        if let Some(bandwidth) = &level.next_bytes_per_cycle {
            stalls.bandwidth_cycles = stalls.bandwidth_cycles.max(bytes_in / bandwidth.capacity(end));
        }
    }
    stalls
}

fn first_level_lines(level: &CacheLevel, resident: &Resident, input: &StallInput, end: End) -> f64 {
    let (cache, line) = (level.cache_bytes.capacity(end), level.line_bytes.capacity(end));
    let touched = resident.bytes.min(resident.traffic);
    let first =
        if end == End::Favourable && input.footprint <= cache && cache > 0.0 { 0.0 } else { (touched / line).ceil() };
    let again = (resident.traffic - resident.bytes).max(0.0) / line;
    let distance = resident.reuse_bytes.unwrap_or(input.working_set);
    let share = match end {
        _ if cache == 0.0 => 1.0,
        End::Unfavourable if distance > cache / 2.0 => 1.0,
        _ if distance <= cache => 0.0,
        _ => 1.0 - cache / distance,
    };
    first + again * share
}

fn further_share(cache: f64, footprint: f64, end: End) -> f64 {
    match end {
        _ if cache == 0.0 => 1.0,
        End::Unfavourable => 1.0,
        _ if footprint <= cache => 0.0,
        _ => 1.0 - cache / footprint,
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
    let once = (code_bytes / line).ceil();
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
