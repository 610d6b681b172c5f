//! Cycles that the core waits for memory: misses of small caches by capacity, and bandwidth behind them.

use super::super::whole::ceil;
use crate::profile::{End, Path, Quantity};

/// Kinds of buffers that are told apart: see `terms::SLOTS`.
pub const N_SLOTS: usize = 5;

/// Bytes of one kind of buffer that a call touches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident {
    /// Size of the buffers.
    pub bytes: f64,
    /// Bytes that the kernel reads and writes there; more than `bytes` means that bytes are used again.
    pub traffic: f64,
    /// Of these, bytes that are used again soon after they came: rows of a window, a panel that many filters meet.
    pub near_bytes: f64,
    /// Bytes that the kernel touches between two such uses of the same byte.
    pub near_distance: f64,
    /// The share of the buffers that lies between two uses of the same byte, 0 to 1: the rows of a window in a map, else 1.
    pub swept_share: f64,
    /// Bytes that the kernel touches between two other uses of the same byte, see [`reuse_distance`].
    pub reuse_bytes: f64,
    /// Bytes touched since a byte was used before this call: what the list touches for constants and state, what the call touches
    /// for maps, which the call before wrote.
    pub since_bytes: f64,
}

impl Resident {
    /// The share of it that a path sees.
    pub fn scaled(self, share: f64) -> Self {
        let near_bytes = self.near_bytes * share;
        Resident { bytes: self.bytes * share, traffic: self.traffic * share, near_bytes, ..self }
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
    let passes = if own.bytes > 0.0 { ((own.traffic - own.near_bytes) / own.bytes).max(1.0) } else { 1.0 };
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
/// is not; at the unfavourable end 0 only where D ≤ K/2, else 1. The part N of repeated uses that the kernel file gives a distance
/// of its own takes that one. First touches miss by the same m of the bytes since the last
/// use; at the unfavourable end all miss, in the first cache those of constants and state do at the middle as well, and none
/// does at the favourable end where the whole list fits. Each cache is asked for what the buffers need, not for what the
/// cache before it missed: capacity decides. Waiting = Σ lines × miss cycles × (1 − hidden share); bandwidth = bytes
/// from behind / bytes a cycle. Repeated uses come beside the arithmetic of the loop that repeats them and take the path's repeated
/// hidden share where it gives one: with a prefetcher they wait for the bandwidth of the whole call (C8), while first touches, of
/// loops that copy and pack, wait for it line by line.
pub fn data_stalls(path: &Path, input: &StallInput, end: End) -> Stalls {
    let mut stalls = Stalls::default();
    let exposed = |share: &Quantity| 1.0 - share.capacity(end);
    let repeated_share = path.repeated_hidden_share.as_ref().unwrap_or(&path.hidden_share);
    let (first_exposed, again_exposed) = (exposed(&path.hidden_share), exposed(repeated_share));
    for (depth, level) in path.levels.iter().enumerate() {
        let (cache, line) = (level.cache_bytes.capacity(end), level.line_bytes.capacity(end));
        let fits = end == End::Favourable && input.footprint <= cache && cache > 0.0;
        let (mut first_lines, mut again_lines) = (0.0, 0.0);
        for r in input.residents.iter().flatten() {
            let is_lasting = r.since_bytes >= input.footprint;
            let first = match end {
                _ if fits => 0.0,
                End::Unfavourable => 1.0,
                _ if depth == 0 && is_lasting => 1.0,
                _ => missing_share(cache, r.since_bytes, end),
            };
            let far_bytes = (r.traffic - r.bytes - r.near_bytes).max(0.0);
            let again = far_bytes * missing_share(cache, r.reuse_bytes, end);
            let near = r.near_bytes * missing_share(cache, r.near_distance, end);
            first_lines += ceil(r.touched_bytes() / line) * first;
            again_lines += (again + near) / line;
        }
        let lines = first_lines + again_lines;
        stalls.cycles += level.miss_cycles.cost(end) * (first_lines * first_exposed + again_lines * again_exposed);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::CacheLevel;

    /// 32 KiB in lines of 64 bytes, 100 cycles a miss, 0.8 (0.7 to 0.95) of it hidden.
    fn path(bandwidth: Option<f64>, repeated: Option<f64>) -> Path {
        let number = |value| Quantity::given(value, "test");
        let level = CacheLevel {
            name: "l1".to_owned(),
            cache_bytes: number(32768.0),
            line_bytes: number(64.0),
            miss_cycles: number(100.0),
            over_wait_states: None,
            uncached_bytes: None,
            line_nj: None,
            next_bytes_per_cycle: bandwidth.map(number),
        };
        let hidden_share = Quantity { low: 0.7, high: 0.95, ..number(0.8) };
        let repeated_hidden_share = repeated.map(number);
        Path { hidden_share, repeated_hidden_share, shares_data_cache: true, levels: vec![level] }
    }

    /// A border of 1 MiB that is written, read, and whose rows meet nine taps.
    fn border(near_bytes: f64, near_distance: f64) -> StallInput {
        let mib = 1048576.0;
        let resident = Resident {
            bytes: mib,
            traffic: 2.0 * mib + near_bytes,
            near_bytes,
            near_distance,
            swept_share: 1.0,
            reuse_bytes: 64.0 * 32768.0,
            since_bytes: 64.0 * 32768.0,
        };
        let mut residents = [None; N_SLOTS];
        residents[3] = Some(resident);
        StallInput { residents, footprint: 128.0 * 32768.0 }
    }

    #[test]
    fn working_space_waits_for_each_pass_and_near_uses_for_none() {
        let (lines, m) = (16384.0, 1.0 - 1.0 / 64.0);
        let once = data_stalls(&path(None, None), &border(0.0, 0.0), End::Mid);
        assert!((once.cycles - 2.0 * lines * m * 100.0 * 0.2).abs() < 1e-6, "{once:?}");
        let near = data_stalls(&path(None, None), &border(9.0 * 1048576.0, 8192.0), End::Mid);
        assert_eq!(near, once);
        let far = data_stalls(&path(None, None), &border(9.0 * 1048576.0, 65536.0), End::Mid);
        assert!((far.cycles - once.cycles - 9.0 * lines * 0.5 * 100.0 * 0.2).abs() < 1e-6, "{far:?}");
    }

    #[test]
    fn prefetched_lines_wait_for_bandwidth_where_a_loop_computes() {
        let (lines, m) = (16384.0, 1.0 - 1.0 / 64.0);
        let stalls = data_stalls(&path(Some(2.0), Some(0.95)), &border(0.0, 0.0), End::Mid);
        assert!((stalls.cycles - lines * m * 100.0 * (0.2 + 0.05)).abs() < 1e-6, "{stalls:?}");
        assert!((stalls.bandwidth_cycles - 2.0 * lines * m * 64.0 / 2.0).abs() < 1e-6, "{stalls:?}");
        let worst = data_stalls(&path(Some(2.0), None), &border(0.0, 0.0), End::Unfavourable);
        assert!((worst.cycles - 2.0 * lines * 100.0 * 0.3).abs() < 1e-6, "{worst:?}");
    }
}
