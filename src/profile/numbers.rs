//! The numbers of a profile by key: list them, change one, say which are assumed.

use super::board::{CacheLevel, Path, Profile};
use super::core::{CoreNumber, core_numbers};
use super::quantity::{End, Kind, Quantity};

impl Profile {
    /// Every number of the board file with its key, in the file's order. The core's are in [`Profile::core_numbers`].
    pub fn quantities(&self) -> Vec<(String, &Quantity)> {
        let mut list = Numbers(Vec::with_capacity(40));
        list.add("clock.core_mhz", Some(&self.clock_mhz));
        list.add("ram.kib", Some(&self.ram.kib));
        list.add("ram.reserved_kib", Some(&self.ram.reserved_kib));
        list.add("ram.fast_kib", self.ram.fast_kib.as_ref());
        if let Some(flash) = &self.flash {
            list.add("flash.kib", Some(&flash.kib));
            list.add("flash.reserved_kib", Some(&flash.reserved_kib));
            list.add("flash.wait_states", flash.wait_states.as_ref());
            list.add("flash.mhz_per_wait_state", flash.mhz_per_wait_state.as_ref());
            list.add("flash.cycles_per_wait_state", flash.cycles_per_wait_state.as_ref());
        }
        list.add_path("fetch", &self.fetch);
        if self.flash.is_some() {
            list.add_path("constants", &self.constants);
        }
        list.add_path("data", &self.data);
        list.add("power.active_mw", Some(&self.power.active_mw));
        list.add("power.idle_mw", self.power.idle_mw.as_ref());
        list.0
    }

    /// Every continuous number: the board's, the core's after `core.`, and the factors of software after `software.`.
    pub fn terms(&self) -> Vec<(String, &Quantity)> {
        let core = self.core.quantities().into_iter().map(|(key, q)| (format!("core.{key}"), q));
        let software = self.software.iter().map(|(class, q)| (format!("software.{class}"), q));
        self.quantities().into_iter().chain(core).chain(software).collect()
    }

    /// Every number of the core's table with its key (`branch.taken_extra`, `class.div`, …).
    pub fn core_numbers(&self) -> Vec<CoreNumber> {
        core_numbers(&self.core)
    }

    /// Puts a number in place of the one with this key of [`Profile::terms`]; `false` where the profile has none.
    pub fn set(&mut self, key: &str, number: Quantity) -> bool {
        let found = self.slot(key).map(|slot| *slot = number).is_some();
        if found {
            self.renew_wait_states();
        }
        found
    }

    /// A copy in which one number has no interval and stands at one end of it; `None` where there is no such number.
    ///
    /// Keys are those of [`Profile::quantities`], and those of [`Profile::core_numbers`] after `core.`.
    pub fn pinned(&self, key: &str, end: End) -> Option<Profile> {
        let mut copy = self.clone();
        if let Some(core_key) = key.strip_prefix("core.") {
            return copy.core.pin(core_key, end).then_some(copy);
        }
        let quantity = self.quantities().into_iter().find(|(k, _)| k == key)?.1;
        let number = quantity.pinned(quantity.cost(end));
        copy.set(key, number).then_some(copy)
    }

    /// Everything that rests on an assumption: (key, value, source), the board's numbers first, then the core's.
    pub fn assumed(&self) -> Vec<(String, String, String)> {
        let board = self.quantities().into_iter().filter(|(_, q)| q.kind == Kind::Assumed);
        let mut list: Vec<_> = board.map(|(key, q)| (key, q.text(), q.source.clone())).collect();
        let core = self.core.assumed.iter().cloned();
        list.extend(core.map(|(key, value, source)| (format!("{}: {key}", self.core.core), value, source)));
        list
    }

    fn slot(&mut self, key: &str) -> Option<&mut Quantity> {
        let (section, rest) = key.split_once('.')?;
        match (section, rest) {
            ("clock", "core_mhz") => Some(&mut self.clock_mhz),
            ("ram", "kib") => Some(&mut self.ram.kib),
            ("ram", "reserved_kib") => Some(&mut self.ram.reserved_kib),
            ("ram", "fast_kib") => self.ram.fast_kib.as_mut(),
            ("flash", "kib") => self.flash.as_mut().map(|f| &mut f.kib),
            ("flash", "reserved_kib") => self.flash.as_mut().map(|f| &mut f.reserved_kib),
            ("flash", "wait_states") => self.flash.as_mut()?.wait_states.as_mut(),
            ("flash", "mhz_per_wait_state") => self.flash.as_mut()?.mhz_per_wait_state.as_mut(),
            ("flash", "cycles_per_wait_state") => self.flash.as_mut()?.cycles_per_wait_state.as_mut(),
            ("core", rest) => self.core.slot(rest),
            ("software", class) => self.software.get_mut(class),
            ("power", "active_mw") => Some(&mut self.power.active_mw),
            ("power", "idle_mw") => self.power.idle_mw.as_mut(),
            ("fetch", rest) => path_slot(&mut self.fetch, rest),
            ("constants", rest) => path_slot(&mut self.constants, rest),
            ("data", rest) => path_slot(&mut self.data, rest),
            _ => None,
        }
    }

    pub(super) fn renew_wait_states(&mut self) {
        let Some(flash) = self.flash.clone() else { return };
        for path in [&mut self.fetch, &mut self.constants, &mut self.data] {
            path.levels.iter_mut().for_each(|level| level.set_wait_states(&flash));
        }
    }
}

/// Key and number, of those that are there.
struct Numbers<'a>(Vec<(String, &'a Quantity)>);

impl<'a> Numbers<'a> {
    fn add(&mut self, key: &str, number: Option<&'a Quantity>) {
        self.0.extend(number.map(|q| (key.to_owned(), q)));
    }

    fn add_path(&mut self, name: &str, path: &'a Path) {
        self.add(&format!("{name}.hidden_share"), Some(&path.hidden_share));
        self.add(&format!("{name}.repeated_hidden_share"), path.repeated_hidden_share.as_ref());
        for level in &path.levels {
            let over = level.over_wait_states.as_ref();
            let numbers = [
                ("cache_bytes", Some(&level.cache_bytes)),
                ("line_bytes", Some(&level.line_bytes)),
                ("over_wait_states", over),
                ("miss_cycles", over.is_none().then_some(&level.miss_cycles)),
                ("uncached_bytes", level.uncached_bytes.as_ref()),
                ("line_nj", level.line_nj.as_ref()),
                ("next_bytes_per_cycle", level.next_bytes_per_cycle.as_ref()),
            ];
            for (key, number) in numbers {
                self.add(&format!("{name}.{}.{key}", level.name), number);
            }
        }
    }
}

fn path_slot<'a>(path: &'a mut Path, rest: &str) -> Option<&'a mut Quantity> {
    match rest {
        "hidden_share" => return Some(&mut path.hidden_share),
        "repeated_hidden_share" => return path.repeated_hidden_share.as_mut(),
        _ => {}
    }
    let (name, key) = rest.split_once('.')?;
    let level: &mut CacheLevel = path.levels.iter_mut().find(|level| level.name == name)?;
    match key {
        "cache_bytes" => Some(&mut level.cache_bytes),
        "line_bytes" => Some(&mut level.line_bytes),
        "miss_cycles" if level.over_wait_states.is_none() => Some(&mut level.miss_cycles),
        "over_wait_states" => level.over_wait_states.as_mut(),
        "uncached_bytes" => level.uncached_bytes.as_mut(),
        "line_nj" => level.line_nj.as_mut(),
        "next_bytes_per_cycle" => level.next_bytes_per_cycle.as_mut(),
        _ => None,
    }
}
