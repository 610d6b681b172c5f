//! RAM and flash of a list of calls on a board.

use super::super::error::CostError;
use super::super::expr::Expr;
use super::super::kernel::Kernel;
use super::arena::{ArenaPlan, Lifetime, Placement, Spans};
use crate::profile::Profile;
use crate::trace::{BufferKind, BufferUse, KernelCall};
use std::collections::{HashMap, HashSet};

/// Live bytes while one call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePoint {
    /// Position in the list of calls.
    pub call: usize,
    /// Permanent state, and constants where they lie in RAM.
    pub state_bytes: u64,
    /// Bytes of arena buffers alive in this call, without gaps.
    pub arena_bytes: u64,
}

/// One memory of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionUse {
    /// `tightly coupled RAM`, `RAM`, `flash`.
    pub name: &'static str,
    /// What lies there, in words.
    pub holds: String,
    /// Bytes in use, the reserve included.
    pub used_bytes: u64,
    /// Its size.
    pub size_bytes: u64,
}

/// Bytes of everything, without names: what changes from shape to shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryTotals {
    /// Size of the arena.
    pub arena_bytes: u64,
    /// Buffers kept between steps, each aligned.
    pub state_bytes: u64,
    /// Weights and other constants, each aligned.
    pub constant_bytes: u64,
    /// RAM in use: state, arena, stack, reserve; also constants where they lie there, and without flash tables and code.
    pub ram_bytes: u64,
    /// Flash in use: code, tables, constants, reserve; 0 without flash.
    pub flash_bytes: u64,
}

/// Where everything lies, and whether it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    /// Offsets of activations and scratch.
    pub arena: ArenaPlan,
    /// Buffers kept between steps and constants, by name, kind and bytes, in order of first use.
    pub permanent: Vec<(String, BufferKind, u64)>,
    /// Buffers kept between steps, each aligned.
    pub state_bytes: u64,
    /// Weights and other constants, each aligned.
    pub constant_bytes: u64,
    /// Code of the kernels in use, each symbol once.
    pub code_bytes: u64,
    /// Constant tables of the kernels in use.
    pub table_bytes: u64,
    /// Deepest stack of a kernel in use.
    pub stack_bytes: u64,
    /// Bytes that the profile sets aside in RAM.
    pub reserved_ram_bytes: u64,
    /// Bytes that the profile sets aside in flash.
    pub reserved_flash_bytes: u64,
    /// RAM in use: state, arena, stack, reserve; also constants where they lie there, and without flash tables and code.
    pub ram_bytes: u64,
    /// Flash in use: code, tables, constants, reserve; 0 without flash.
    pub flash_bytes: u64,
    /// RAM of the board.
    pub ram_size_bytes: u64,
    /// The part of the RAM that never waits, filled first.
    pub fast_size_bytes: Option<u64>,
    /// Flash of the board.
    pub flash_size_bytes: Option<u64>,
    /// One point a call.
    pub timeline: Vec<LivePoint>,
}

impl MemoryPlan {
    /// Both memories hold everything.
    pub fn fits(&self) -> bool {
        self.missing_ram_bytes() == 0 && self.missing_flash_bytes() == 0
    }

    /// Bytes of RAM that are missing, else 0.
    pub fn missing_ram_bytes(&self) -> u64 {
        self.ram_bytes.saturating_sub(self.ram_size_bytes)
    }

    /// Bytes of flash that are missing, else 0.
    pub fn missing_flash_bytes(&self) -> u64 {
        self.flash_size_bytes.map_or(0, |size| self.flash_bytes.saturating_sub(size))
    }

    /// Arena buffers alive while a call runs.
    pub fn live_at(&self, call: usize) -> impl Iterator<Item = &Placement> {
        self.arena.placements.iter().filter(move |p| p.buffer.first <= call && call <= p.buffer.last)
    }

    /// Adds a buffer that is kept between calls and that no call names, e.g. the stored samples of an experience.
    pub fn store(&mut self, name: &str, bytes: u64, align: u64) {
        let aligned = bytes.checked_next_multiple_of(align.max(1)).unwrap_or(u64::MAX);
        self.permanent.push((name.to_owned(), BufferKind::State, bytes));
        self.state_bytes = self.state_bytes.saturating_add(aligned);
        self.ram_bytes = self.ram_bytes.saturating_add(aligned);
        self.timeline.iter_mut().for_each(|point| point.state_bytes = point.state_bytes.saturating_add(aligned));
    }

    /// Each memory with what it holds: tightly coupled RAM takes stack, reserve, arena and state in that order, as far as it goes.
    pub fn regions(&self) -> Vec<RegionUse> {
        let mut regions = Vec::with_capacity(3);
        let held = |parts: &[(&str, u64)]| {
            let parts = parts.iter().filter(|(_, bytes)| *bytes > 0);
            parts.map(|(what, bytes)| format!("{what} {bytes}")).collect::<Vec<_>>().join(", ")
        };
        let fast = self.fast_size_bytes.map_or(0, |size| size.min(self.ram_bytes));
        let rest = self.reserved_ram_bytes + self.stack_bytes + self.arena.bytes;
        let of_ram = self.ram_bytes.saturating_sub(rest).saturating_sub(self.state_bytes);
        let parts = [
            ("reserve", self.reserved_ram_bytes),
            ("stack", self.stack_bytes),
            ("arena", self.arena.bytes),
            ("state", self.state_bytes),
            ("constants and code", of_ram),
        ];
        if let Some(size) = self.fast_size_bytes {
            let holds = format!("the first {fast} bytes of: {}", held(&parts));
            regions.push(RegionUse { name: "tightly coupled RAM", holds, used_bytes: fast, size_bytes: size });
        }
        let size_bytes = self.ram_size_bytes - self.fast_size_bytes.unwrap_or(0).min(self.ram_size_bytes);
        let holds = if fast > 0 { "the rest".to_owned() } else { held(&parts) };
        regions.push(RegionUse { name: "RAM", holds, used_bytes: self.ram_bytes - fast, size_bytes });
        if let Some(size_bytes) = self.flash_size_bytes {
            let parts = [
                ("reserve", self.reserved_flash_bytes),
                ("code", self.code_bytes),
                ("tables", self.table_bytes),
                ("constants", self.constant_bytes),
            ];
            regions.push(RegionUse { name: "flash", holds: held(&parts), used_bytes: self.flash_bytes, size_bytes });
        }
        regions
    }
}

/// Whose bytes they are: position of the call and of its buffer, or [`WORK`].
type Slot = (usize, usize);

/// In place of a buffer's position: working space of the call's kernel.
const WORK: usize = usize::MAX;

/// Names, kinds and lifetimes of a list of calls; sizes are read anew for every plan.
#[derive(Debug, Clone)]
pub struct Layout {
    arena: Vec<(Lifetime, Slot)>,
    spans: Spans,
    permanent: Vec<(BufferKind, Slot)>,
    /// Working space of the kernels whose calls name none, by call.
    work: HashMap<usize, Expr>,
    pub code_bytes: u64,
    pub table_bytes: u64,
    pub stack_bytes: u64,
    last_site: String,
}

impl Layout {
    /// `kernels` gives the kernel of each call. An activation lives from the first to the last call that names it (an input
    /// from its first read); scratch lives in its call; state is permanent (C9).
    pub fn new(calls: &[KernelCall], kernels: &[&Kernel]) -> Result<Self, CostError> {
        let last_site = calls.last().map_or(String::new(), |c| c.site.clone());
        let too_large = || CostError::TooLarge { site: last_site.clone() };
        let (mut arena, permanent) = collect(calls)?;
        let mut work = HashMap::new();
        for ((index, call), kernel) in calls.iter().enumerate().zip(kernels) {
            let named = call.buffers.iter().any(|b| b.kind == BufferKind::Scratch);
            let Some(bytes) = kernel.scratch_bytes.as_ref().filter(|_| !named) else { continue };
            let fault = |problem| CostError::Expr {
                kernel: kernel.symbol.clone(),
                site: call.site.clone(),
                what: "working space".to_owned(),
                problem,
            };
            let name = format!("{}.work", call.site);
            let bytes_now = bytes.eval(&call.dims).map_err(fault)?;
            arena.push((Lifetime { name, bytes: bytes_now, first: index, last: index }, (index, WORK)));
            work.insert(index, bytes.clone());
        }
        let mut symbols = HashSet::new();
        let used: Vec<&&Kernel> = kernels.iter().filter(|k| symbols.insert(k.symbol.as_str())).collect();
        let sum = |bytes: fn(&Kernel) -> u64| used.iter().try_fold(0u64, |sum, k| sum.checked_add(bytes(k)));
        Ok(Layout {
            spans: Spans::new(arena.iter().map(|(b, _)| (b.first, b.last)).collect()),
            code_bytes: sum(|k| k.code_bytes).ok_or_else(too_large)?,
            table_bytes: sum(|k| k.rodata_bytes).ok_or_else(too_large)?,
            stack_bytes: used.iter().map(|k| k.stack_bytes).max().unwrap_or(0),
            arena,
            permanent,
            work,
            last_site,
        })
    }

    /// Formula (C9): every buffer rounded up to the profile's alignment; constants lie in flash, or in RAM where the board has
    /// none; constants that are copied to RAM take room in both. Sizes of the board are the profile's middle values.
    pub fn totals(&self, calls: &[KernelCall], profile: &Profile) -> Result<MemoryTotals, CostError> {
        let arena = self.spans.plan(&self.arena_sizes(calls), profile.ram.align_bytes);
        self.totals_with(calls, profile, arena.ok_or_else(|| self.too_large())?.bytes)
    }

    fn totals_with(&self, calls: &[KernelCall], profile: &Profile, arena: u64) -> Result<MemoryTotals, CostError> {
        let align = profile.ram.align_bytes;
        let total = |kind| {
            let mut of_kind = self.permanent.iter().filter(|(k, _)| *k == kind);
            of_kind.try_fold(0u64, |sum, &(_, (call, buffer))| {
                sum.checked_add(calls[call].buffers[buffer].bytes.checked_next_multiple_of(align)?)
            })
        };
        let add = |parts: &[Option<u64>]| {
            let sum = parts.iter().try_fold(0u64, |sum, &part| sum.checked_add(part?));
            sum.ok_or_else(|| self.too_large())
        };
        let (state, constants) = (add(&[total(BufferKind::State)])?, add(&[total(BufferKind::Weights)])?);
        let (reserved_ram, reserved_flash) = reserves(profile);
        let ram = add(&[Some(state), Some(arena), Some(self.stack_bytes), Some(reserved_ram)])?;
        let program = add(&[Some(constants), Some(self.code_bytes), Some(self.table_bytes)])?;
        let (ram_bytes, flash_bytes) = match &profile.flash {
            None => (add(&[Some(ram), Some(program)])?, 0),
            Some(flash) => {
                let copied = if flash.weights_in_ram { constants } else { 0 };
                (add(&[Some(ram), Some(copied)])?, add(&[Some(program), Some(reserved_flash)])?)
            }
        };
        Ok(MemoryTotals { arena_bytes: arena, state_bytes: state, constant_bytes: constants, ram_bytes, flash_bytes })
    }

    /// The whole plan, with names and timeline.
    pub fn plan(&self, calls: &[KernelCall], profile: &Profile) -> Result<MemoryPlan, CostError> {
        let offsets = self.spans.plan(&self.arena_sizes(calls), profile.ram.align_bytes);
        let offsets = offsets.ok_or_else(|| self.too_large())?;
        let totals = self.totals_with(calls, profile, offsets.bytes)?;
        let placed = self.arena.iter().zip(&offsets.offsets);
        let place = |((lifetime, slot), &offset): (&(Lifetime, Slot), &u64)| Placement {
            buffer: Lifetime { bytes: self.bytes_of(calls, *slot), ..lifetime.clone() },
            offset,
        };
        let arena = ArenaPlan {
            placements: placed.map(place).collect(),
            bytes: offsets.bytes,
            lower_bound: offsets.lower_bound,
            planner: offsets.planner,
        };
        let named = |&(kind, (call, buffer)): &(BufferKind, Slot)| {
            let buffer = &calls[call].buffers[buffer];
            (buffer.name.clone(), kind, buffer.bytes)
        };
        let resident = if profile.constants_in_ram() { totals.constant_bytes } else { 0 };
        let (reserved_ram_bytes, reserved_flash_bytes) = reserves(profile);
        Ok(MemoryPlan {
            timeline: timeline(calls.len(), totals.state_bytes.saturating_add(resident), &arena.placements),
            arena,
            permanent: self.permanent.iter().map(named).collect(),
            state_bytes: totals.state_bytes,
            constant_bytes: totals.constant_bytes,
            code_bytes: self.code_bytes,
            table_bytes: self.table_bytes,
            stack_bytes: self.stack_bytes,
            reserved_ram_bytes,
            reserved_flash_bytes,
            ram_bytes: totals.ram_bytes,
            flash_bytes: totals.flash_bytes,
            ram_size_bytes: kib_to_bytes(profile.ram.kib.value),
            fast_size_bytes: profile.ram.fast_kib.as_ref().map(|q| kib_to_bytes(q.value)),
            flash_size_bytes: profile.flash.as_ref().map(|f| kib_to_bytes(f.kib.value)),
        })
    }

    fn arena_sizes(&self, calls: &[KernelCall]) -> Vec<u64> {
        self.arena.iter().map(|(_, slot)| self.bytes_of(calls, *slot)).collect()
    }

    /// A working space that these dimensions give no size is larger than any memory.
    fn bytes_of(&self, calls: &[KernelCall], (call, buffer): Slot) -> u64 {
        match self.work.get(&call).filter(|_| buffer == WORK) {
            Some(bytes) => bytes.eval(&calls[call].dims).unwrap_or(u64::MAX),
            None => calls[call].buffers[buffer].bytes,
        }
    }

    fn too_large(&self) -> CostError {
        CostError::TooLarge { site: self.last_site.clone() }
    }
}

fn reserves(profile: &Profile) -> (u64, u64) {
    let flash = profile.flash.as_ref().map_or(0, |f| kib_to_bytes(f.reserved_kib.value));
    (kib_to_bytes(profile.ram.reserved_kib.value), flash)
}

/// Whole bytes of a size in KiB, rounded down; sizes of boards are far below 2³² KiB.
fn kib_to_bytes(kib: f64) -> u64 {
    let bytes = (kib * 1024.0).floor();
    // Bisection keeps the conversion exact without a narrowing cast.
    let (mut low, mut high) = (0u64, 1u64 << 52);
    while low < high {
        let mid = (low + high).div_ceil(2);
        if (mid as f64) <= bytes { low = mid } else { high = mid - 1 }
    }
    low
}

type Collected = (Vec<(Lifetime, Slot)>, Vec<(BufferKind, Slot)>);

fn collect(calls: &[KernelCall]) -> Result<Collected, CostError> {
    let mut seen: HashMap<&str, (&BufferUse, usize)> = HashMap::new();
    let (mut arena, mut permanent): Collected = (Vec::new(), Vec::new());
    for (call, index) in calls.iter().zip(0..) {
        for (buffer, at) in call.buffers.iter().zip(0..) {
            let lifetime = Lifetime { name: buffer.name.clone(), bytes: buffer.bytes, first: index, last: index };
            if buffer.kind == BufferKind::Scratch {
                arena.push((lifetime, (index, at)));
                continue;
            }
            match seen.get(buffer.name.as_str()) {
                Some((first, _)) if (first.bytes, first.kind) != (buffer.bytes, buffer.kind) => {
                    let text = |b: &BufferUse| format!("{} bytes of {:?}", b.bytes, b.kind).to_lowercase();
                    let (first, second) = (text(first), text(buffer));
                    return Err(CostError::Buffer {
                        name: buffer.name.clone(),
                        first,
                        second,
                        site: call.site.clone(),
                    });
                }
                Some(&(_, slot)) if buffer.kind == BufferKind::Activation => arena[slot].0.last = index,
                Some(_) => {}
                None => {
                    seen.insert(&buffer.name, (buffer, arena.len()));
                    if buffer.kind == BufferKind::Activation {
                        arena.push((lifetime, (index, at)));
                    } else {
                        permanent.push((buffer.kind, (index, at)));
                    }
                }
            }
        }
    }
    Ok((arena, permanent))
}

fn timeline(n_calls: usize, state_bytes: u64, arena: &[Placement]) -> Vec<LivePoint> {
    let live = |call| {
        let alive = arena.iter().filter(|p| p.buffer.first <= call && call <= p.buffer.last);
        alive.map(|p| p.buffer.bytes).sum()
    };
    (0..n_calls).map(|call| LivePoint { call, state_bytes, arena_bytes: live(call) }).collect()
}
