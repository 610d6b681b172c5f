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
        ("stm32f401", "cortex-m4", 84.0, 96.0, Some(512.0)),
        ("stm32f407", "cortex-m4", 168.0, 192.0, Some(1024.0)),
        ("stm32f446", "cortex-m4", 180.0, 128.0, Some(512.0)),
        ("stm32f746", "cortex-m7", 216.0, 320.0, Some(1024.0)),
        ("stm32h743", "cortex-m7", 480.0, 992.0, Some(2048.0)),
        ("stm32h7a3", "cortex-m7", 280.0, 1312.0, Some(2048.0)),
        ("stm32f767", "cortex-m7", 216.0, 512.0, Some(2048.0)),
        ("stm32h747", "cortex-m7", 480.0, 992.0, Some(2048.0)),
        ("stm32h750", "cortex-m7", 480.0, 992.0, Some(128.0)),
        ("imxrt1062", "cortex-m7", 600.0, 1024.0, Some(2048.0)),
        ("nrf52832", "cortex-m4", 64.0, 64.0, Some(512.0)),
        ("nrf52840", "cortex-m4", 64.0, 256.0, Some(1024.0)),
        ("samd51", "cortex-m4", 120.0, 192.0, Some(512.0)),
        ("at32f403a", "cortex-m4", 240.0, 96.0, Some(1024.0)),
        ("lpc4337", "cortex-m4", 204.0, 136.0, Some(1024.0)),
        ("rpi3b-plus", "cortex-a53", 1400.0, 1048576.0, None),
        ("rpi-zero-2w", "cortex-a53", 1000.0, 524288.0, None),
        ("rk3399", "cortex-a53", 1416.0, 3967000.0, None),
        ("core-v-mcu", "rv32imc", 100.0, 512.0, None),
        ("esp32-c3", "rv32imc", 160.0, 400.0, Some(4096.0)),
    ] {
        let board = profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((board.name.as_str(), board.core.core.as_str()), (name, core));
        assert_eq!((board.clock_mhz.value, board.ram.kib.value), (mhz, ram_kib));
        assert_eq!(board.flash.as_ref().map(|f| f.kib.value), flash_kib);
        assert!(board.quantities().iter().all(|(_, q)| !q.source.trim().is_empty()));
        let assumed = board.quantities().into_iter().filter(|(_, q)| q.kind == Kind::Assumed).count();
        assert_eq!(board.inconsistencies(), [], "{name}");
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
            "there is no core `cortex-m3`; there are cortex-m4, cortex-m7, cortex-a53, rv32imc",
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
        "there is no profile `esp32`; built in are stm32l4r5, stm32f401, stm32f407, stm32f446, stm32f746, stm32h743, stm32h7a3, stm32f767, stm32h747, stm32h750, imxrt1062, nrf52832, nrf52840, samd51, at32f403a, lpc4337, rpi3b-plus, rpi-zero-2w, rk3399, core-v-mcu, esp32-c3; or give the path of a .toml file"
    );
    assert!(error("no/such.toml").starts_with("cannot read the profile no/such.toml: "));
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("scratch");
    std::fs::write(file.path(), GOOD).expect("scratch");
    let loaded = profile::load(file.path().to_str().expect("utf-8")).expect("the same text");
    let built_in = profile::load("stm32l4r5").expect("built in");
    assert_eq!(Profile { file: built_in.file.clone(), ..loaded }, built_in);
}

#[test]
fn truncated_profiles_never_panic() {
    for end in 0..GOOD.len() {
        if GOOD.is_char_boundary(end) {
            let _ = Profile::parse("my.toml", &GOOD[..end]);
        }
    }
}

#[test]
fn overrides_change_one_board_in_one_line() {
    let with = |spec: &str| profile::load(spec).unwrap_or_else(|e| panic!("{e}"));
    let plain = with("stm32f746");
    let slow = with("stm32f746,clock_mhz=168");
    let states = |p: &Profile| p.flash.as_ref().and_then(|f| f.wait_states.as_ref()).expect("given").value;
    assert_eq!((states(&plain), states(&slow)), (7.0, 5.0), "30 MHz a wait state");
    assert_eq!(slow.constants.levels[0].miss_cycles.value, plain.constants.levels[0].miss_cycles.value - 2.0);
    assert_eq!(slow.name, "stm32f746,clock_mhz=168");
    assert!(slow.power.active_mw.value < plain.power.active_mw.value && slow.power.active_mw.kind == Kind::Assumed);
    assert_eq!(states(&with("stm32f746,clock_mhz=168,wait_states=3")), 3.0, "what is given wins");
    assert!(with("stm32f746,weights=ram").constants_in_ram() && !plain.constants_in_ram());
    let off = with("stm32f746,cache=off");
    assert!([&off.fetch, &off.constants, &off.data].iter().all(|p| p.levels[0].cache_bytes.value == 0.0));
    assert_eq!(off.fetch.levels[0].line_bytes.value, 8.0, "one access of the bus");
    assert_eq!(with("stm32f746,kernel_set=gcc12-o2-swar").kernel_set.as_deref(), Some("gcc12-o2-swar"));
    assert_eq!(with("stm32f746,flags=-Os").kernel_set.as_deref(), Some("gcc12-os"));
    let ldo = with("stm32l4r5,supply=3v0-ldo,constants.art_d.cache_bytes=0");
    assert_eq!((ldo.power.active_mw.value, ldo.constants.levels[0].cache_bytes.value), (74.3, 0.0));
    // The H743's flash runs at half the core's clock: 400 MHz are 200 MHz of bus, two wait states, four core cycles.
    let h743 = with("stm32h743,clock_mhz=400");
    assert_eq!((states(&h743), h743.constants.levels[0].miss_cycles.value), (2.0, 16.0));
}

#[test]
fn overrides_that_cannot_be_applied_say_what_can() {
    let error = |spec: &str| profile::load(spec).expect_err(spec).to_string();
    assert!(error("stm32f746,clock=168").starts_with(
        "profile override `clock=168`: there is no `clock`; keys are clock_mhz, wait_states, cache, weights, kernel_set, flags, supply, clock.core_mhz"
    ));
    assert!(error("stm32f746,cache").contains("write key=value; keys are clock_mhz"));
    assert_eq!(error("stm32f746,clock_mhz=fast"), "profile override `clock_mhz=fast`: `fast` is not a number above 0");
    assert!(error("stm32f746,wait_states=-1").contains("`-1` is not a number of 0 or more"));
    assert!(error("rpi3b-plus,weights=flash").contains("this board has no flash"));
    assert!(error("rpi3b-plus,wait_states=2").contains("gives no flash.wait_states"));
    assert!(error("stm32l4r5,supply=usb").contains("has no supply `usb`; it has 3v0-ldo"));
    assert!(error("stm32l4r5,fetch.hidden_share=2").contains("a share is 0 to 1"));
    assert!(error("stm32l4r5,flags=-O3").contains("flags are -O2 or -Os"));
}

#[test]
fn numbers_that_contradict_each_other_are_found() {
    let found = |from: &str, to: &str| {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let board = Profile::parse("my.toml", &text).unwrap_or_else(|e| panic!("{e}"));
        board.inconsistencies().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(found("wait_states = { value = 5", "wait_states = { value = 2").contains("need 5"));
    assert!(found("kib = { value = 640", "kib = { value = 1").contains("ram.reserved_kib: reserves all of the 1 KiB"));
    assert!(found("cache_bytes = { value = 1024", "cache_bytes = { value = 6").contains("a line of 8"));
    assert!(
        found("idle_mw = { value = 15, low = 7, high = 27", "idle_mw = { value = 99, low = 7, high = 99")
            .contains("waiting takes more")
    );
    let copied = GOOD.replacen("name = \"stm32l4r5\"", "name = \"mine\"\nbased_on = \"stm32l4r5\"", 1);
    let copied = copied.replacen("value = 120, kind", "value = 96, kind", 1);
    let board = Profile::parse("my.toml", &copied).unwrap_or_else(|e| panic!("{e}"));
    let still = board.still_copied().expect("built in");
    assert!(still.iter().any(|f| f.key == "ram.kib") && !still.iter().any(|f| f.key == "clock.core_mhz"));
}
