//! A checked board profile.

use super::builtin;
use super::core::{CoreTable, read_core};
use super::error::{Problem, ProfileError};
use super::quantity::{Domain, Kind, Quantity, RawQuantity};
use super::raw::{RawPath, RawProfile};
use super::source::SourceText;
use toml::Spanned;

/// One board: core, clock, memories, power.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Short name, e.g. `stm32l4r5`.
    pub name: String,
    /// The board in words.
    pub board: String,
    /// Configuration that the numbers hold for.
    pub notes: String,
    /// The core's table.
    pub core: CoreTable,
    /// Core clock.
    pub clock_mhz: Quantity,
    /// RAM.
    pub ram: Ram,
    /// Flash; `None` where programs and constants are loaded to RAM.
    pub flash: Option<Flash>,
    /// Path of instructions to the core.
    pub fetch: Path,
    /// Path of constants to the core: from flash, or from RAM where there is no flash.
    pub constants: Path,
    /// Path of everything else in RAM.
    pub data: Path,
    /// What [`Profile::active_mw`] covers, in words.
    pub power_scope: String,
    /// Power while the core computes.
    pub active_mw: Quantity,
}

/// RAM that a program may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Ram {
    /// All of it.
    pub kib: Quantity,
    /// Taken by stack of the caller, C library, drivers.
    pub reserved_kib: Quantity,
    /// Part without wait (tightly coupled), filled first.
    pub fast_kib: Option<Quantity>,
    /// Alignment of every buffer.
    pub align_bytes: u64,
}

/// Flash for code, constants and tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Flash {
    /// All of it.
    pub kib: Quantity,
    /// Taken by start-up code, C library, drivers.
    pub reserved_kib: Quantity,
}

/// Caches between a memory and the core, nearest first; none means that the memory never waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Share of each miss that prefetch and overlap hide.
    pub hidden_share: Quantity,
    /// Constants compete with data for the same caches.
    pub shares_data_cache: bool,
    /// Caches.
    pub levels: Vec<CacheLevel>,
}

/// One cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheLevel {
    /// Name.
    pub name: String,
    /// Size.
    pub cache_bytes: Quantity,
    /// Bytes that one miss brings.
    pub line_bytes: Quantity,
    /// Cycles that the core waits for a line from behind.
    pub miss_cycles: Quantity,
    /// Bandwidth of what is behind, where it can be the limit.
    pub next_bytes_per_cycle: Option<Quantity>,
}

impl Profile {
    /// Reads a profile. `file` is only used in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        let at = SourceText { file, text };
        let raw: RawProfile = at.parse()?;
        if *raw.schema.get_ref() != 1 {
            return Err(at.error(raw.schema.span(), Problem::Schema { found: *raw.schema.get_ref() }));
        }
        let core_text = builtin::core_text(raw.core.get_ref()).ok_or_else(|| {
            let problem = Problem::Core { found: raw.core.get_ref().clone(), known: builtin::core_names() };
            at.error(raw.core.span(), problem)
        })?;
        let data = path(&at, "data", raw.data)?;
        let constants = match raw.constants {
            Some(constants) => path(&at, "constants", constants)?,
            None => Path { shares_data_cache: true, ..data.clone() },
        };
        let positive = |key: &str, raw| at.quantity(key, raw, Domain::Positive);
        let not_negative = |key: &str, raw| at.quantity(key, raw, Domain::NotNegative);
        Ok(Profile {
            name: raw.name,
            board: raw.board,
            notes: raw.notes,
            core: read_core(&format!("hw_profiles/cores/{}.toml", raw.core.get_ref()), core_text)?,
            clock_mhz: positive("clock.core_mhz", raw.clock.core_mhz)?,
            ram: Ram {
                kib: positive("ram.kib", raw.ram.kib)?,
                reserved_kib: not_negative("ram.reserved_kib", raw.ram.reserved_kib)?,
                fast_kib: raw.ram.fast_kib.map(|raw| not_negative("ram.fast_kib", raw)).transpose()?,
                align_bytes: alignment(&at, raw.ram.align_bytes)?,
            },
            flash: raw
                .flash
                .map(|flash| {
                    Ok::<_, ProfileError>(Flash {
                        kib: positive("flash.kib", flash.kib)?,
                        reserved_kib: not_negative("flash.reserved_kib", flash.reserved_kib)?,
                    })
                })
                .transpose()?,
            fetch: path(&at, "fetch", raw.fetch)?,
            constants,
            data,
            power_scope: raw.power.scope,
            active_mw: positive("power.active_mw", raw.power.active_mw)?,
        })
    }

    /// Every number of the board file with its key, in the file's order. The core's rows are in [`Profile::core`].
    pub fn quantities(&self) -> Vec<(String, &Quantity)> {
        let mut list = vec![("clock.core_mhz".to_owned(), &self.clock_mhz), ("ram.kib".to_owned(), &self.ram.kib)];
        list.push(("ram.reserved_kib".to_owned(), &self.ram.reserved_kib));
        list.extend(self.ram.fast_kib.iter().map(|q| ("ram.fast_kib".to_owned(), q)));
        if let Some(flash) = &self.flash {
            list.push(("flash.kib".to_owned(), &flash.kib));
            list.push(("flash.reserved_kib".to_owned(), &flash.reserved_kib));
        }
        let constants = self.flash.is_some().then_some(("constants", &self.constants));
        for (name, path) in [Some(("fetch", &self.fetch)), constants, Some(("data", &self.data))].into_iter().flatten()
        {
            list.push((format!("{name}.hidden_share"), &path.hidden_share));
            for level in &path.levels {
                list.push((format!("{name}.{}.cache_bytes", level.name), &level.cache_bytes));
                list.push((format!("{name}.{}.line_bytes", level.name), &level.line_bytes));
                list.push((format!("{name}.{}.miss_cycles", level.name), &level.miss_cycles));
                let bandwidth = level.next_bytes_per_cycle.iter();
                list.extend(bandwidth.map(|q| (format!("{name}.{}.next_bytes_per_cycle", level.name), q)));
            }
        }
        list.push(("power.active_mw".to_owned(), &self.active_mw));
        list
    }

    /// Everything that rests on an assumption: (key, value, source), the board's numbers first, then the core's.
    pub fn assumed(&self) -> Vec<(String, String, String)> {
        let board = self.quantities().into_iter().filter(|(_, q)| q.kind == Kind::Assumed);
        let mut list: Vec<_> = board.map(|(key, q)| (key, q.text(), q.source.clone())).collect();
        let core = self.core.assumed.iter().cloned();
        list.extend(core.map(|(key, value, source)| (format!("{}: {key}", self.core.core), value, source)));
        list
    }
}

fn alignment(at: &SourceText<'_>, raw: Option<Spanned<u64>>) -> Result<u64, ProfileError> {
    let Some(raw) = raw else { return Ok(8) };
    let align = *raw.get_ref();
    if align.is_power_of_two() && align <= 4096 {
        return Ok(align);
    }
    let message = format!("ram.align_bytes = {align}; it must be a power of two, at most 4096");
    Err(at.error(raw.span(), Problem::Row(message)))
}

fn path(at: &SourceText<'_>, name: &str, raw: RawPath) -> Result<Path, ProfileError> {
    let mut levels = Vec::with_capacity(raw.level.len());
    for level in raw.level {
        let quantity = |key: &str, raw: Spanned<RawQuantity>, domain| {
            at.quantity(&format!("{name}.{}.{key}", level.name), raw, domain)
        };
        levels.push(CacheLevel {
            cache_bytes: quantity("cache_bytes", level.cache_bytes, Domain::Positive)?,
            line_bytes: quantity("line_bytes", level.line_bytes, Domain::Positive)?,
            miss_cycles: quantity("miss_cycles", level.miss_cycles, Domain::NotNegative)?,
            next_bytes_per_cycle: level
                .next_bytes_per_cycle
                .map(|raw| quantity("next_bytes_per_cycle", raw, Domain::Positive))
                .transpose()?,
            name: level.name,
        });
    }
    Ok(Path {
        hidden_share: at.quantity(&format!("{name}.hidden_share"), raw.hidden_share, Domain::Share)?,
        shares_data_cache: raw.shares_data_cache,
        levels,
    })
}
