//! A checked board profile.

use super::builtin;
use super::core::{CoreTable, read_core};
use super::error::{Problem, ProfileError};
use super::quantity::{Domain, Quantity, RawQuantity};
use super::raw::{RawFlash, RawLevel, RawPath, RawPower, RawProfile, RawRegion};
use super::source::SourceText;
use std::collections::BTreeMap;
use toml::Spanned;

/// One board: core, clock, memories, power.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Short name, e.g. `stm32l4r5`, with the overrides it was asked for.
    pub name: String,
    /// The file it was read from.
    pub file: String,
    /// The board in words.
    pub board: String,
    /// Configuration that the numbers hold for.
    pub notes: String,
    /// The profile that a new one was copied from and is still compared with.
    pub based_on: Option<String>,
    /// The float unit has no double precision although others of the core have it: the compiler's library computes in double.
    pub single_precision: bool,
    /// Kernel set that an override asks for; otherwise whoever prices chooses.
    pub kernel_set: Option<String>,
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
    /// Power.
    pub power: Power,
    /// Cycles of measured software over those of the kernel set it is priced with, by the software's key: what calibration
    /// has found of compilers and versions. Empty: 1.
    pub software: BTreeMap<String, Quantity>,
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
    /// Wait states of a read at the profile's clock, where the paths from flash are given on top of them.
    pub wait_states: Option<Quantity>,
    /// Clock that each wait state allows, so that another clock brings its own wait states.
    pub mhz_per_wait_state: Option<Quantity>,
    /// Core cycles of one wait state; 1 where the flash runs at the core's clock.
    pub cycles_per_wait_state: Option<Quantity>,
    /// Constants are copied to RAM at start: they are read from there and take room in both.
    pub weights_in_ram: bool,
}

/// Power by state.
#[derive(Debug, Clone, PartialEq)]
pub struct Power {
    /// What the numbers cover, in words.
    pub scope: String,
    /// While the core computes.
    pub active_mw: Quantity,
    /// While it waits for work, in the same configuration.
    pub idle_mw: Option<Quantity>,
    /// The same board on other supplies, chosen by `supply=NAME`.
    pub supplies: Vec<Supply>,
}

/// Power on one supply.
#[derive(Debug, Clone, PartialEq)]
pub struct Supply {
    /// Name.
    pub name: String,
    /// While the core computes.
    pub active_mw: Quantity,
    /// While it waits for work.
    pub idle_mw: Option<Quantity>,
}

/// Caches between a memory and the core, nearest first; none means that the memory never waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Share of each miss that prefetch and overlap hide.
    pub hidden_share: Quantity,
    /// The same for bytes that come again, in loops that compute meanwhile; as [`Self::hidden_share`] where it is not given.
    pub repeated_hidden_share: Option<Quantity>,
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
    /// Size; 0 where it is switched off.
    pub cache_bytes: Quantity,
    /// Bytes that one miss brings.
    pub line_bytes: Quantity,
    /// Cycles that the core waits for a line from behind, wait states of the flash included.
    pub miss_cycles: Quantity,
    /// The part of `miss_cycles` on top of the flash's wait states, where the file gives it that way.
    pub over_wait_states: Option<Quantity>,
    /// Bytes of one access when the cache is off; a line where it is not given.
    pub uncached_bytes: Option<Quantity>,
    /// Energy of bringing one line, where a source gives it.
    pub line_nj: Option<Quantity>,
    /// Bandwidth of what is behind, where it can be the limit.
    pub next_bytes_per_cycle: Option<Quantity>,
}

impl Profile {
    /// Reads a profile. `file` names it in errors and explanations.
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
        let flash = raw.flash.map(|raw| flash(&at, raw)).transpose()?;
        let data = path(&at, "data", raw.data, flash.as_ref())?;
        let constants = match raw.constants {
            Some(constants) => path(&at, "constants", constants, flash.as_ref())?,
            None => Path { shares_data_cache: true, ..data.clone() },
        };
        let positive = |key: &str, raw| at.quantity(key, raw, Domain::Positive);
        let not_negative = |key: &str, raw| at.quantity(key, raw, Domain::NotNegative);
        let mut core = read_core(&format!("hw_profiles/cores/{}.toml", raw.core.get_ref()), core_text)?;
        for (key, number) in raw.core_numbers {
            let domain = if key.get_ref().ends_with("share") { Domain::Share } else { Domain::NotNegative };
            let number = at.quantity(&format!("core_numbers.{}", key.get_ref()), number, domain)?;
            let known = core.quantities().into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(", ");
            let Some(slot) = core.slot(key.get_ref()) else {
                let message = format!("{} has no `{}`; its numbers are {known}", raw.core.get_ref(), key.get_ref());
                return Err(at.error(key.span(), Problem::Row(message)));
            };
            // Its line is one of this file, not of the core's, so the source says where it stands.
            *slot =
                Quantity { source: format!("{} ({file}:{})", number.source, number.line), line: slot.line, ..number };
        }
        let software = raw.software.into_iter().map(|(class, raw)| {
            let number = at.quantity(&format!("software.{class}"), raw, Domain::Positive)?;
            Ok::<_, ProfileError>((class, number))
        });
        Ok(Profile {
            software: software.collect::<Result<_, _>>()?,
            name: raw.name,
            file: file.to_owned(),
            board: raw.board,
            notes: raw.notes,
            based_on: raw.based_on,
            single_precision: raw.single_precision,
            kernel_set: None,
            core,
            clock_mhz: positive("clock.core_mhz", raw.clock.core_mhz)?,
            ram: Ram {
                kib: positive("ram.kib", raw.ram.kib)?,
                reserved_kib: not_negative("ram.reserved_kib", raw.ram.reserved_kib)?,
                fast_kib: raw.ram.fast_kib.map(|raw| not_negative("ram.fast_kib", raw)).transpose()?,
                align_bytes: alignment(&at, raw.ram.align_bytes)?,
            },
            fetch: path(&at, "fetch", raw.fetch, flash.as_ref())?,
            constants,
            data,
            flash,
            power: power(&at, raw.power)?,
        })
    }

    /// The path that constants take: from flash, or the data's where they are copied to RAM.
    pub fn constants_path(&self) -> &Path {
        if self.constants_in_ram() { &self.data } else { &self.constants }
    }

    /// Constants lie in RAM: there is no flash, or they are copied from it at start.
    pub fn constants_in_ram(&self) -> bool {
        self.flash.as_ref().is_none_or(|f| f.weights_in_ram)
    }

    /// Constants and data compete for the same caches.
    pub fn constants_share_data_cache(&self) -> bool {
        self.constants.shares_data_cache || self.constants_in_ram()
    }
}

impl CacheLevel {
    /// `miss_cycles` again from the flash's wait states and what comes on top of them.
    pub(super) fn set_wait_states(&mut self, flash: &Flash) {
        if let (Some(over), Some(states)) = (&self.over_wait_states, &flash.wait_states) {
            self.miss_cycles = on_top(over, states, flash.cycles_per_wait_state.as_ref());
        }
    }
}

/// over + states × cycles of a state, at each end; as uncertain as the less certain of its parts.
fn on_top(over: &Quantity, states: &Quantity, each: Option<&Quantity>) -> Quantity {
    let part = |pick: fn(&Quantity) -> f64| pick(over) + pick(states) * each.map_or(1.0, pick);
    Quantity {
        value: part(|q| q.value),
        low: part(|q| q.low),
        high: part(|q| q.high),
        kind: over.kind.max(states.kind),
        source: format!("{} wait states ({}) + {} ({})", states.text(), states.source, over.text(), over.source),
        line: over.line,
    }
}

fn flash(at: &SourceText<'_>, raw: RawFlash) -> Result<Flash, ProfileError> {
    let positive = |key: &str, raw| at.quantity(&format!("flash.{key}"), raw, Domain::Positive);
    let not_negative = |key: &str, raw| at.quantity(&format!("flash.{key}"), raw, Domain::NotNegative);
    Ok(Flash {
        kib: positive("kib", raw.kib)?,
        reserved_kib: not_negative("reserved_kib", raw.reserved_kib)?,
        wait_states: raw.wait_states.map(|raw| not_negative("wait_states", raw)).transpose()?,
        mhz_per_wait_state: raw.mhz_per_wait_state.map(|raw| positive("mhz_per_wait_state", raw)).transpose()?,
        cycles_per_wait_state: raw
            .cycles_per_wait_state
            .map(|raw| positive("cycles_per_wait_state", raw))
            .transpose()?,
        weights_in_ram: matches!(raw.weights, RawRegion::Ram),
    })
}

fn power(at: &SourceText<'_>, raw: RawPower) -> Result<Power, ProfileError> {
    let positive = |key: &str, raw| at.quantity(&format!("power.{key}"), raw, Domain::Positive);
    let supply = |raw: super::raw::RawSupply| {
        Ok::<_, ProfileError>(Supply {
            active_mw: positive(&format!("{}.active_mw", raw.name), raw.active_mw)?,
            idle_mw: raw.idle_mw.map(|q| positive(&format!("{}.idle_mw", raw.name), q)).transpose()?,
            name: raw.name,
        })
    };
    Ok(Power {
        scope: raw.scope,
        active_mw: positive("active_mw", raw.active_mw)?,
        idle_mw: raw.idle_mw.map(|raw| positive("idle_mw", raw)).transpose()?,
        supplies: raw.supply.into_iter().map(supply).collect::<Result<_, _>>()?,
    })
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

fn path(at: &SourceText<'_>, name: &str, raw: RawPath, flash: Option<&Flash>) -> Result<Path, ProfileError> {
    let levels = raw.level.into_iter().map(|raw| level(at, name, raw, flash)).collect::<Result<_, _>>()?;
    let repeated = |raw| at.quantity(&format!("{name}.repeated_hidden_share"), raw, Domain::Share);
    Ok(Path {
        hidden_share: at.quantity(&format!("{name}.hidden_share"), raw.hidden_share, Domain::Share)?,
        repeated_hidden_share: raw.repeated_hidden_share.map(repeated).transpose()?,
        shares_data_cache: raw.shares_data_cache,
        levels,
    })
}

fn level(at: &SourceText<'_>, path: &str, raw: RawLevel, flash: Option<&Flash>) -> Result<CacheLevel, ProfileError> {
    let name = raw.name;
    let span = raw.cache_bytes.span();
    let quantity =
        |key: &str, raw: Spanned<RawQuantity>, domain| at.quantity(&format!("{path}.{name}.{key}"), raw, domain);
    let optional =
        |key: &str, raw: Option<Spanned<RawQuantity>>, domain| raw.map(|raw| quantity(key, raw, domain)).transpose();
    let over_wait_states = optional("over_wait_states", raw.over_wait_states, Domain::NotNegative)?;
    let miss_cycles = optional("miss_cycles", raw.miss_cycles, Domain::NotNegative)?;
    let states = flash.and_then(|f| f.wait_states.as_ref().map(|states| (f, states)));
    let miss_cycles = match (miss_cycles, &over_wait_states, states) {
        (Some(cycles), None, _) => cycles,
        (None, Some(over), Some((flash, states))) => on_top(over, states, flash.cycles_per_wait_state.as_ref()),
        _ => {
            let message = format!(
                "{path}.{name}: give `miss_cycles`, or `over_wait_states` where [flash] gives `wait_states`, not both"
            );
            return Err(at.error(span, Problem::Row(message)));
        }
    };
    Ok(CacheLevel {
        cache_bytes: quantity("cache_bytes", raw.cache_bytes, Domain::NotNegative)?,
        line_bytes: quantity("line_bytes", raw.line_bytes, Domain::Positive)?,
        miss_cycles,
        over_wait_states,
        uncached_bytes: optional("uncached_bytes", raw.uncached_bytes, Domain::Positive)?,
        line_nj: optional("line_nj", raw.line_nj, Domain::NotNegative)?,
        next_bytes_per_cycle: optional("next_bytes_per_cycle", raw.next_bytes_per_cycle, Domain::Positive)?,
        name,
    })
}
