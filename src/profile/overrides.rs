//! One-line changes to a profile where it is named: `stm32f746,clock_mhz=168,weights=ram,cache=off`.

use super::board::Profile;
use super::error::ProfileError;
use super::quantity::{Kind, Quantity};

/// Keys with a meaning of their own; besides them every key of [`Profile::quantities`] can be given.
const KEYS: [&str; 7] = ["clock_mhz", "wait_states", "cache", "weights", "kernel_set", "flags", "supply"];

impl Profile {
    /// Applies `key=value` parts in order and puts them into the profile's name.
    ///
    /// * `clock_mhz=168`: another clock; wait states follow where the profile says what clock each allows, and power follows
    ///   as an assumption: 0.2 + 0.8·r of it at r times the clock, between r and (1 + r)/2 (to r² above 1).
    /// * `wait_states=3`, `cache=off`, `weights=ram` or `flash`, `supply=NAME`.
    /// * `kernel_set=gcc12-os`, or `flags=-Os`: what whoever prices takes in place of its own choice.
    /// * `constants.l1d.miss_cycles=20`: any number by its key.
    ///
    /// # Errors
    /// [`ProfileError::Override`] names the part, what is wrong with it, and what there is.
    pub fn with(mut self, parts: &[&str]) -> Result<Self, ProfileError> {
        for part in parts {
            let problem = |problem: String| ProfileError::Override { part: (*part).to_owned(), problem };
            let Some((key, value)) = part.split_once('=') else {
                return Err(problem(format!("write key=value; keys are {}", self.override_keys())));
            };
            self.apply(key.trim(), value.trim(), parts).map_err(problem)?;
        }
        for part in parts {
            self.name = format!("{},{part}", self.name);
        }
        Ok(self)
    }

    fn override_keys(&self) -> String {
        let numbers = self.quantities().into_iter().map(|(key, _)| key);
        KEYS.into_iter().map(str::to_owned).chain(numbers).collect::<Vec<_>>().join(", ")
    }

    fn apply(&mut self, key: &str, value: &str, all: &[&str]) -> Result<(), String> {
        match (key, value) {
            ("clock_mhz", value) => self.set_clock(number(value, f64::MIN_POSITIVE)?, all),
            ("wait_states", value) => self.set_wait_states(number(value, 0.0)?)?,
            ("cache", "off") => self.switch_caches_off(),
            ("cache", "on") => {}
            ("cache", _) => return Err("cache is on or off".to_owned()),
            ("weights", "ram" | "flash") => match &mut self.flash {
                Some(flash) => flash.weights_in_ram = value == "ram",
                None => return Err("this board has no flash; its weights lie in RAM".to_owned()),
            },
            ("weights", _) => return Err("weights are in ram or in flash".to_owned()),
            ("kernel_set", name) => self.kernel_set = Some(name.to_owned()),
            ("flags", flags) => {
                let level = flags.trim_start_matches('-').to_ascii_lowercase();
                if !["o2", "os"].contains(&level.as_str()) {
                    return Err("flags are -O2 or -Os; name other sets by kernel_set".to_owned());
                }
                self.kernel_set = Some(format!("gcc12-{level}"));
            }
            ("supply", name) => self.set_supply(name)?,
            (key, value) => {
                let Some((_, old)) = self.quantities().into_iter().find(|(k, _)| k == key) else {
                    return Err(format!("there is no `{key}`; keys are {}", self.override_keys()));
                };
                let least = if key.ends_with("mhz") || key.ends_with("mw") || key.ends_with("line_bytes") {
                    f64::MIN_POSITIVE
                } else {
                    0.0
                };
                let value = number(value, least)?;
                if key.ends_with("hidden_share") && value > 1.0 {
                    return Err("a share is 0 to 1".to_owned());
                }
                let new = Quantity::given(value, &format!("given; the profile has {}", old.text()));
                self.set(key, new);
            }
        }
        Ok(())
    }

    fn set_clock(&mut self, mhz: f64, all: &[&str]) {
        let ratio = mhz / self.clock_mhz.value;
        let has = |key: &str| all.iter().any(|part| part.starts_with(key));
        self.clock_mhz = Quantity::given(mhz, &format!("given; the profile has {}", self.clock_mhz.text()));
        if let Some(flash) = &mut self.flash
            && let (Some(states), Some(each)) = (&mut flash.wait_states, &flash.mhz_per_wait_state)
            && !has("wait_states")
        {
            let flash_mhz = mhz / flash.cycles_per_wait_state.as_ref().map_or(1.0, |q| q.value);
            let needed = (flash_mhz / each.value).ceil() - 1.0;
            let source = format!("{flash_mhz} MHz at {} MHz a wait state", each.value);
            *states = Quantity::given(needed.max(0.0), &source);
        }
        self.renew_wait_states();
        if !has("supply") && !has("power.") {
            self.power.active_mw = scaled(&self.power.active_mw, ratio);
            self.power.idle_mw = self.power.idle_mw.as_ref().map(|q| scaled(q, ratio));
        }
    }

    fn set_wait_states(&mut self, value: f64) -> Result<(), String> {
        let states = self.flash.as_mut().and_then(|f| f.wait_states.as_mut());
        let states = states.ok_or("this profile gives no flash.wait_states; change its miss_cycles by key")?;
        *states = Quantity::given(value, &format!("given; the profile has {}", states.text()));
        self.renew_wait_states();
        Ok(())
    }

    fn switch_caches_off(&mut self) {
        for path in [&mut self.fetch, &mut self.constants, &mut self.data] {
            for level in &mut path.levels {
                level.cache_bytes = Quantity::given(0.0, "switched off");
                if let Some(access) = &level.uncached_bytes {
                    level.line_bytes = access.clone();
                }
            }
        }
    }

    fn set_supply(&mut self, name: &str) -> Result<(), String> {
        let found = self.power.supplies.iter().find(|s| s.name == name);
        let supply = found.ok_or_else(|| {
            let known: Vec<&str> = self.power.supplies.iter().map(|s| s.name.as_str()).collect();
            let known = if known.is_empty() { "none besides its own".to_owned() } else { known.join(", ") };
            format!("this profile has no supply `{name}`; it has {known}")
        })?;
        (self.power.active_mw, self.power.idle_mw) = (supply.active_mw.clone(), supply.idle_mw.clone());
        Ok(())
    }
}

fn number(text: &str, least: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= least => Ok(value),
        _ => Err(format!("`{text}` is not a number {}", if least > 0.0 { "above 0" } else { "of 0 or more" })),
    }
}

/// Power at r times the clock: part of it goes with the clock, and above it with the voltage too.
fn scaled(power: &Quantity, r: f64) -> Quantity {
    let half = 0.5 + 0.5 * r;
    let (low, high) = if r <= 1.0 { (r, half) } else { (half, r * r) };
    Quantity {
        value: power.value * (0.2 + 0.8 * r),
        low: power.low * low,
        high: power.high * high,
        kind: Kind::Assumed,
        source: format!("scaled from {} mW by {r:.3} of the clock", power.text()),
        line: power.line,
    }
}
