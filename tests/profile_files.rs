//! Profiles: built-in ones are whole, broken ones are refused with the place, the key and the way out.

use tinyprec::profile::{self, Kind, Pipeline, Profile};

const GOOD: &str = include_str!("../hw_profiles/stm32l4r5.toml");

fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "`{from}` must be in the file");
    Profile::parse("my.toml", &GOOD.replacen(from, to, 1)).expect_err(from).to_string()
}

#[test]
fn built_in_profiles_are_whole_and_name_their_sources() {
    for (name, core, mhz, ram_kib, flash_kib) in [
        ("stm32l4r5", "cortex-m4", 120.0, 640.0, Some(2048.0)),
        ("stm32f746", "cortex-m7", 216.0, 320.0, Some(1024.0)),
        ("rpi3b-plus", "cortex-a53", 1400.0, 1048576.0, None),
    ] {
        let board = profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((board.name.as_str(), board.core.core.as_str()), (name, core));
        assert_eq!((board.clock_mhz.value, board.ram.kib.value), (mhz, ram_kib));
        assert_eq!(board.flash.as_ref().map(|f| f.kib.value), flash_kib);
        assert!(board.quantities().iter().all(|(_, q)| !q.source.trim().is_empty()));
        let assumed = board.quantities().into_iter().filter(|(_, q)| q.kind == Kind::Assumed).count();
        assert!(assumed > 0 && board.assumed().len() >= assumed, "{name} says what it assumes");
        match &board.core.pipeline {
            Pipeline::RuleSum(rules) => assert!(rules.rows.values().all(|r| !r.source.trim().is_empty())),
            Pipeline::Scoreboard(board) => assert!(board.rows.values().all(|r| !r.source.trim().is_empty())),
        }
    }
}

#[test]
fn a_missing_number_is_named_with_its_place_and_a_way_out() {
    let message = refused("core_mhz = ", "core_hz = ");
    assert!(message.starts_with("profile my.toml:10:1\n"), "{message}");
    assert!(message.contains("10 | core_hz = { value = 120"), "{message}");
    assert!(message.contains("unknown field `core_hz`, expected `core_mhz`"), "{message}");
    let whole_line = GOOD.lines().find(|l| l.starts_with("core_mhz")).expect("there");
    let message = refused(whole_line, "");
    assert!(
        message.contains("missing field `core_mhz`; add it with its origin, e.g. { value = 1, kind = \"assumed\""),
        "{message}"
    );
    assert!(message.starts_with("profile my.toml:9:1\n"), "{message}");
}

#[test]
fn impossible_numbers_are_refused_with_exact_words() {
    let cases = [
        ("value = 120", "value = -120", "clock.core_mhz = -120; it must be a number above 0"),
        ("value = 120", "value = nan", "clock.core_mhz = NaN; it must be a number above 0"),
        (
            "value = 120",
            "value = 120, low = 130",
            "clock.core_mhz: low 130, value 120, high 120 are not in rising order",
        ),
        (
            "value = 0.5, low = 0, high = 0.9",
            "value = 1.5, low = 0, high = 2",
            "fetch.hidden_share = 1.5; it must be a number from 0 to 1",
        ),
        (
            "value = 4, low = 2, high = 16",
            "value = 4",
            "ram.reserved_kib is assumed, so it needs low and high: predictions print the interval that they span",
        ),
        (
            "source = \"[DS12023] maximum\"",
            "source = \" \"",
            "clock.core_mhz has an empty source; say which manual, measurement or reason it comes from",
        ),
        ("schema = 1", "schema = 2", "schema 2 is not known here; this version reads schema 1"),
        (
            "core = \"cortex-m4\"",
            "core = \"cortex-m3\"",
            "there is no core `cortex-m3`; there are cortex-m4, cortex-m7, cortex-a53",
        ),
        ("[ram]", "[ram]\nalign_bytes = 12", "ram.align_bytes = 12; it must be a power of two, at most 4096"),
        (
            "kind = \"vendor\"",
            "kind = \"guess\"",
            "unknown variant `guess`, expected one of `measured`, `vendor`, `model`, `assumed`",
        ),
        ("value = 120", "value = \"fast\"", "invalid type: string \"fast\", expected f64"),
    ];
    for (from, to, want) in cases {
        let message = refused(from, to);
        assert_eq!(message.lines().last(), Some(want), "{message}");
        assert!(message.starts_with("profile my.toml:"), "{message}");
    }
}

#[test]
fn names_and_files_that_do_not_exist_say_what_there_is() {
    let error = |name: &str| profile::load(name).expect_err(name).to_string();
    assert_eq!(
        error("esp32"),
        "there is no profile `esp32`; built in are stm32l4r5, stm32f746, rpi3b-plus; or give the path of a .toml file"
    );
    assert!(error("no/such.toml").starts_with("cannot read the profile no/such.toml: "));
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("scratch");
    std::fs::write(file.path(), GOOD).expect("scratch");
    let loaded = profile::load(file.path().to_str().expect("utf-8")).expect("the same text");
    assert_eq!(loaded, profile::load("stm32l4r5").expect("built in"));
}

#[test]
fn truncated_profiles_never_panic() {
    for end in 0..GOOD.len() {
        if GOOD.is_char_boundary(end) {
            let _ = Profile::parse("my.toml", &GOOD[..end]);
        }
    }
}
