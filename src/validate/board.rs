//! Which profile a row is priced with, in the row's own configuration.

use super::measurement::Measurement;
use super::predict::Refusal;
use super::read::MeasurementError;
use crate::profile::{self, Profile, ProfileError};

/// Part in a board's name → profile, and whether the profile is of that very part or of a sibling with the same core and flash.
const PARTS: &[(&str, &str, bool)] = &[
    ("F746", "stm32f746", true),
    ("F756", "stm32f746", true),
    ("F767", "stm32f767", true),
    ("F769", "stm32f767", true),
    ("F765", "stm32f767", true),
    ("H743", "stm32h743", true),
    ("H745", "stm32h747", true),
    ("H747", "stm32h747", true),
    ("H757", "stm32h747", true),
    ("PORTENTA", "stm32h747", true),
    ("GIGA R1", "stm32h747", true),
    ("H750", "stm32h750", true),
    ("H753", "stm32h743", true),
    ("H7A3", "stm32h7a3", true),
    ("H7B3", "stm32h7a3", true),
    ("L4R5", "stm32l4r5", true),
    ("L4R9", "stm32l4r5", true),
    ("L4S5", "stm32l4r5", true),
    ("L476", "stm32l4r5", false),
    ("L475", "stm32l4r5", false),
    ("F401", "stm32f401", true),
    ("F411", "stm32f401", false),
    ("F405", "stm32f407", true),
    ("F407", "stm32f407", true),
    ("F427", "stm32f407", false),
    ("F429", "stm32f407", false),
    ("F413", "stm32f446", false),
    ("F446", "stm32f446", true),
    ("NRF52840", "nrf52840", true),
    ("NANO 33 BLE", "nrf52840", true),
    ("NRF52833", "nrf52840", false),
    ("NRF52832", "nrf52832", true),
    ("SAMD51", "samd51", true),
    ("SAME51", "samd51", true),
    ("SAME54", "samd51", true),
    ("FEATHER M4", "samd51", true),
    ("METRO M4", "samd51", true),
    ("AT32F403A", "at32f403a", true),
    ("AT32F407", "at32f403a", true),
    ("LPC4337", "lpc4337", true),
    ("LPC435", "lpc4337", false),
    ("RT1062", "imxrt1062", true),
    ("RT1060", "imxrt1062", true),
    ("TEENSY 4", "imxrt1062", true),
    ("RT1052", "imxrt1062", false),
    ("RT1050", "imxrt1062", false),
    ("PI 3B+", "rpi3b-plus", true),
    ("PI 3B", "rpi3b-plus", false),
    ("PI 3 MODEL B", "rpi3b-plus", false),
    ("ZERO 2", "rpi-zero-2w", true),
    ("RK3399", "rk3399", true),
    ("ROCKPRO64", "rk3399", true),
    ("NANOPC-T4", "rk3399", false),
];

/// Core → profile whose memories stand in where no profile is of the row's board.
const STAND_INS: &[(&str, &str)] =
    &[("cortex-m4", "stm32f407"), ("cortex-m7", "stm32h743"), ("cortex-a53", "rpi3b-plus")];

/// Part in a board's name → clock in MHz that its core for Arduino sets, and where that is written, where sources state the part's highest
/// clock instead.
const ARDUINO_CLOCKS: &[(&str, f64, &str)] = &[
    ("PORTENTA", 400.0, "Mbed OS, TARGET_PORTENTA_H7/system_clock_override.c: 25 MHz / 5 x 160 / 2"),
    ("H743ZI", 400.0, "STM32duino of 2019 and 2020, NUCLEO_H743ZI/variant.cpp: 4 MHz x 200 / 2"),
];

/// A clock beyond this multiple of the profile's is another part.
const CLOCK_REACH: f64 = 2.0;

/// A profile in a row's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct RowBoard {
    /// Name with overrides, as `profile::load` takes it.
    pub spec: String,
    /// Loaded.
    pub profile: Profile,
    /// What about it is doubtful for this row.
    pub flags: Vec<String>,
}

impl RowBoard {
    /// The profile's name without overrides.
    pub fn base(&self) -> &str {
        profile::base_name(&self.spec)
    }
}

/// Chooses and configures the profile of a row: the row's own `profile`, else the board's name, else a stand-in of the core
/// (flagged). The row's clock (the board's Arduino core's where that is known to be lower: flagged), wait states, caches and place of the
/// weights override the profile's.
///
/// # Errors
/// A core without a table, a `profile` that does not exist, weights in external memory, a clock out of reach.
pub fn row_board(row: &Measurement) -> Result<RowBoard, Refusal> {
    let mut flags = Vec::new();
    let name = row.board.to_ascii_uppercase();
    let part = PARTS.iter().find(|(part, ..)| name.contains(part));
    let stand_in = || STAND_INS.iter().find(|(core, _)| *core == row.core).map(|(_, profile)| *profile);
    let mut spec = match (row.profile.is_empty(), part) {
        (false, _) => row.profile.clone(),
        (true, Some((part, profile, is_exact))) => {
            if !is_exact {
                flags.push(format!("{part} has no profile: its sibling {profile} stands in"));
            }
            (*profile).to_owned()
        }
        (true, None) => {
            let profile = stand_in().ok_or_else(|| Refusal::Core(row.core.clone()))?;
            flags.push(format!("no profile of this board: the memories of {profile} stand in"));
            profile.to_owned()
        }
    };
    let unknown = |e: ProfileError| Refusal::Profile(e.to_string());
    let plain = profile::load(&spec).map_err(unknown)?;
    if plain.core.core != row.core {
        return Err(Refusal::Core(format!("{} (profile {} has a {})", row.core, spec, plain.core.core)));
    }
    let base = profile::load(profile::base_name(&spec)).map_err(unknown)?;
    let named = |key: &str| row.profile.split(',').skip(1).any(|part| part.trim_start().starts_with(key));
    let mut and = |key: &str, value: String| {
        if !named(key) {
            spec = format!("{spec},{key}={value}");
        }
    };
    if let Some((mhz, said)) = clock_of(row, named("clock_mhz")) {
        let reach = mhz / base.clock_mhz.value;
        if !flags.is_empty() || reach <= CLOCK_REACH {
            if reach > 1.0 && flags.is_empty() {
                flags.push(format!("clock {mhz} MHz is beyond the profile's {} MHz", base.clock_mhz.value));
            }
        } else {
            return Err(Refusal::Clock(format!("{mhz} MHz; the profile is of {} MHz", base.clock_mhz.value)));
        }
        flags.extend(said);
        if (mhz - plain.clock_mhz.value).abs() > 1e-9 {
            and("clock_mhz", mhz.to_string());
        }
    } else {
        flags.push(format!("no clock given: {} MHz of the profile", plain.clock_mhz.value));
    }
    if let Some(states) = row.wait_states
        && plain.flash.is_some()
    {
        and("wait_states", states.to_string());
    }
    match row.caches.as_deref() {
        Some("off") => and("cache", "off".to_owned()),
        Some("on") | None => {}
        Some(other) => flags.push(format!("caches `{other}`: priced with all of them on")),
    }
    match row.weights_in.as_deref() {
        Some("ram" | "tcm") if plain.flash.is_some() => and("weights", "ram".to_owned()),
        Some("external") => return Err(Refusal::Memory("weights in external memory".to_owned())),
        _ => {}
    }
    let profile = profile::load(&spec).map_err(unknown)?;
    Ok(RowBoard { spec, profile, flags })
}

/// The clock that a row ran at: the stated one, or what the board's Arduino core sets where that is lower and the row's profile does
/// not name a clock, with what there is to say of it.
fn clock_of(row: &Measurement, is_named: bool) -> Option<(f64, Option<String>)> {
    let stated = row.clock_mhz?;
    let board = row.board.to_ascii_uppercase();
    let is_arduino = row.software.to_ascii_lowercase().contains("arduino") && !is_named;
    let lower = ARDUINO_CLOCKS.iter().find(|(part, mhz, _)| is_arduino && *mhz < stated && board.contains(part));
    Some(lower.map_or((stated, None), |(_, mhz, source)| {
        let said = "MHz, which the board's Arduino core sets";
        (*mhz, Some(format!("{mhz} {said} ({source}), not the {stated} MHz that are stated")))
    }))
}

/// Every profile that rows name must exist and take the overrides that they give.
///
/// # Errors
/// [`MeasurementError::Cell`] with file, line and key for the first that does not.
pub fn check_profiles(path: &str, rows: &[Measurement]) -> Result<(), MeasurementError> {
    let mut seen = std::collections::BTreeSet::new();
    for row in rows.iter().filter(|r| !r.profile.is_empty()) {
        if seen.insert(&row.profile)
            && let Err(e) = profile::load(&row.profile)
        {
            return Err(MeasurementError::Cell {
                path: path.to_owned(),
                line: row.line,
                column: "profile",
                value: row.profile.clone(),
                want: e.to_string(),
            });
        }
    }
    Ok(())
}
