//! RAM and flash of a list of calls on a board.

use super::super::error::CostError;
use super::super::kernel::Kernel;
use super::arena::{ArenaPlan, Lifetime, plan_arena};
use crate::profile::Profile;
use crate::trace::{BufferKind, BufferUse, KernelCall};
use std::collections::{HashMap, HashSet};

/// Live bytes while one call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePoint {
    /// Position in the list of calls.
    pub call: usize,
    /// Permanent state, and constants where there is no flash.
    pub state_bytes: u64,
    /// Bytes of arena buffers alive in this call, without gaps.
    pub arena_bytes: u64,
}

/// Where everything lies, and whether it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    /// Offsets of activations and scratch.
    pub arena: ArenaPlan,
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
    /// RAM in use: state, arena, stack, reserve; without flash also constants, tables and code.
    pub ram_bytes: u64,
    /// Flash in use: code, tables, constants, reserve; 0 without flash.
    pub flash_bytes: u64,
    /// RAM of the board.
    pub ram_size_bytes: u64,
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
}

/// Plans RAM and flash for a list of calls; `kernels` gives the kernel of each call.
///
/// Rules (C9): an activation lives from the first to the last call that names it (an input from its first read);
/// scratch lives in its call; state is permanent; constants lie in flash, or in RAM where the board has none.
/// Every buffer is rounded up to the profile's alignment. Sizes of the board are the profile's middle values.
pub fn plan_memory(calls: &[KernelCall], kernels: &[&Kernel], profile: &Profile) -> Result<MemoryPlan, CostError> {
    let align = profile.ram.align_bytes;
    let buffers = collect(calls)?;
    let too_large = || CostError::TooLarge { site: calls.last().map_or(String::new(), |c| c.site.clone()) };
    let total = |kind| buffers.total(kind, align).ok_or_else(too_large);
    let (state_bytes, constant_bytes) = (total(BufferKind::State)?, total(BufferKind::Weights)?);
    let arena = plan_arena(&buffers.arena, align).ok_or_else(too_large)?;
    let mut symbols = HashSet::new();
    let used: Vec<&&Kernel> = kernels.iter().filter(|k| symbols.insert(k.symbol.as_str())).collect();
    let sum = |bytes: fn(&Kernel) -> u64| used.iter().try_fold(0u64, |sum, k| sum.checked_add(bytes(k)));
    let code_bytes = sum(|k| k.code_bytes).ok_or_else(too_large)?;
    let table_bytes = sum(|k| k.rodata_bytes).ok_or_else(too_large)?;
    let stack_bytes = used.iter().map(|k| k.stack_bytes).max().unwrap_or(0);
    let reserved_ram_bytes = kib_to_bytes(profile.ram.reserved_kib.value);
    let reserved_flash_bytes = profile.flash.as_ref().map_or(0, |f| kib_to_bytes(f.reserved_kib.value));
    let add = |parts: &[u64]| parts.iter().try_fold(0u64, |sum, &part| sum.checked_add(part)).ok_or_else(too_large);
    let constants = add(&[constant_bytes, code_bytes, table_bytes])?;
    let ram = add(&[state_bytes, arena.bytes, stack_bytes, reserved_ram_bytes])?;
    let (ram_bytes, flash_bytes) = match profile.flash {
        Some(_) => (ram, add(&[constants, reserved_flash_bytes])?),
        None => (add(&[ram, constants])?, 0),
    };
    let resident = if profile.flash.is_some() { state_bytes } else { add(&[state_bytes, constant_bytes])? };
    Ok(MemoryPlan {
        timeline: timeline(calls.len(), resident, &buffers.arena),
        arena,
        state_bytes,
        constant_bytes,
        code_bytes,
        table_bytes,
        stack_bytes,
        reserved_ram_bytes,
        reserved_flash_bytes,
        ram_bytes,
        flash_bytes,
        ram_size_bytes: kib_to_bytes(profile.ram.kib.value),
        flash_size_bytes: profile.flash.as_ref().map(|f| kib_to_bytes(f.kib.value)),
    })
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

struct Buffers {
    permanent: Vec<(BufferKind, u64)>,
    arena: Vec<Lifetime>,
}

impl Buffers {
    fn total(&self, kind: BufferKind, align: u64) -> Option<u64> {
        let of_kind = self.permanent.iter().filter(|(k, _)| *k == kind);
        of_kind
            .map(|&(_, bytes)| bytes)
            .try_fold(0u64, |sum, bytes| sum.checked_add(bytes.checked_next_multiple_of(align)?))
    }
}

fn collect(calls: &[KernelCall]) -> Result<Buffers, CostError> {
    let mut seen: HashMap<&str, (&BufferUse, usize)> = HashMap::new();
    let mut buffers = Buffers { permanent: Vec::new(), arena: Vec::new() };
    for (call, index) in calls.iter().zip(0..) {
        for buffer in &call.buffers {
            let lifetime = Lifetime { name: buffer.name.clone(), bytes: buffer.bytes, first: index, last: index };
            if buffer.kind == BufferKind::Scratch {
                buffers.arena.push(lifetime);
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
                Some(&(_, slot)) if buffer.kind == BufferKind::Activation => buffers.arena[slot].last = index,
                Some(_) => {}
                None => {
                    seen.insert(&buffer.name, (buffer, buffers.arena.len()));
                    if buffer.kind == BufferKind::Activation {
                        buffers.arena.push(lifetime);
                    } else {
                        buffers.permanent.push((buffer.kind, buffer.bytes));
                    }
                }
            }
        }
    }
    Ok(buffers)
}

fn timeline(n_calls: usize, state_bytes: u64, arena: &[Lifetime]) -> Vec<LivePoint> {
    let live = |call| arena.iter().filter(|b| b.first <= call && call <= b.last).map(|b| b.bytes).sum();
    (0..n_calls).map(|call| LivePoint { call, state_bytes, arena_bytes: live(call) }).collect()
}
