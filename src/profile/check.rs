//! What is odd about a profile that can be read: numbers that contradict each other, and numbers that are still another board's.

use super::board::{Path, Profile};
use super::error::ProfileError;
use super::load::builtin;
use std::fmt;

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The number's key.
    pub key: String,
    /// Line in the profile's file, 0 where it is no single number's.
    pub line: usize,
    /// What is odd, and the way out.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.key, self.message),
            line => write!(f, "line {line}: {}: {}", self.key, self.message),
        }
    }
}

impl Profile {
    /// Numbers that contradict each other.
    pub fn inconsistencies(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut say = |key: &str, line: usize, message: String| {
            found.push(Finding { key: key.to_owned(), line, message });
        };
        let ram = &self.ram;
        if ram.reserved_kib.low >= ram.kib.value {
            say("ram.reserved_kib", ram.reserved_kib.line, format!("reserves all of the {} KiB", ram.kib.value));
        }
        if let Some(fast) = ram.fast_kib.as_ref().filter(|fast| fast.value > ram.kib.value) {
            say("ram.fast_kib", fast.line, format!("{} KiB are more than ram.kib = {}", fast.value, ram.kib.value));
        }
        if let Some(flash) = &self.flash {
            if flash.reserved_kib.low >= flash.kib.value {
                say("flash.reserved_kib", flash.reserved_kib.line, format!("reserves all of {} KiB", flash.kib.value));
            }
            if let (Some(states), Some(each)) = (&flash.wait_states, &flash.mhz_per_wait_state) {
                let clock = self.clock_mhz.value / flash.cycles_per_wait_state.as_ref().map_or(1.0, |q| q.value);
                let needed = (clock / each.value).ceil() - 1.0;
                if states.value < needed {
                    let message = format!(
                        "{} wait states at {clock} MHz of flash clock, but {} MHz a wait state need {needed}; raise it or lower the clock",
                        states.value, each.value
                    );
                    say("flash.wait_states", states.line, message);
                }
            }
        }
        if let Some(idle) = self.power.idle_mw.as_ref().filter(|idle| idle.value > self.power.active_mw.value) {
            say("power.idle_mw", idle.line, "waiting takes more than computing".to_owned());
        }
        for (name, path) in [("fetch", &self.fetch), ("constants", &self.constants), ("data", &self.data)] {
            path_findings(name, path, &mut say);
        }
        found
    }

    /// Numbers that still equal those of the profile that this one says it is based on.
    ///
    /// # Errors
    /// The profile that it names is not built in.
    pub fn still_copied(&self) -> Result<Vec<Finding>, ProfileError> {
        let Some(base) = &self.based_on else { return Ok(Vec::new()) };
        let base = builtin(base)?;
        let theirs = base.quantities();
        let same = |(key, q): &(String, &super::quantity::Quantity)| {
            theirs.iter().any(|(k, t)| k == key && t.value == q.value && t.source == q.source)
        };
        let finding = |(key, q): (String, &super::quantity::Quantity)| Finding {
            message: format!(
                "still {}'s {} from its source; check it, then give this board's source",
                base.name,
                q.text()
            ),
            line: q.line,
            key,
        };
        Ok(self.quantities().into_iter().filter(same).map(finding).collect())
    }
}

fn path_findings(name: &str, path: &Path, say: &mut impl FnMut(&str, usize, String)) {
    let mut nearer: Option<(&str, f64)> = None;
    for level in &path.levels {
        let (cache, line) = (&level.cache_bytes, &level.line_bytes);
        let key = |part: &str| format!("{name}.{}.{part}", level.name);
        if cache.value > 0.0 && line.low > cache.value {
            say(
                &key("line_bytes"),
                line.line,
                format!("a line of {} bytes in a cache of {}", line.text(), cache.value),
            );
        }
        if let Some((other, bytes)) = nearer.filter(|(_, bytes)| cache.value > 0.0 && *bytes > cache.value) {
            let message = format!("{} bytes behind `{other}` of {bytes}; list the nearest cache first", cache.value);
            say(&key("cache_bytes"), cache.line, message);
        }
        nearer = Some((&level.name, cache.value));
    }
}
