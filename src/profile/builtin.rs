//! Profiles and core tables that are part of the program.

const BOARDS: [(&str, &str); 21] = [
    ("stm32l4r5", include_str!("../../hw_profiles/stm32l4r5.toml")),
    ("stm32f401", include_str!("../../hw_profiles/stm32f401.toml")),
    ("stm32f407", include_str!("../../hw_profiles/stm32f407.toml")),
    ("stm32f446", include_str!("../../hw_profiles/stm32f446.toml")),
    ("stm32f746", include_str!("../../hw_profiles/stm32f746.toml")),
    ("stm32h743", include_str!("../../hw_profiles/stm32h743.toml")),
    ("stm32h7a3", include_str!("../../hw_profiles/stm32h7a3.toml")),
    ("stm32f767", include_str!("../../hw_profiles/stm32f767.toml")),
    ("stm32h747", include_str!("../../hw_profiles/stm32h747.toml")),
    ("stm32h750", include_str!("../../hw_profiles/stm32h750.toml")),
    ("imxrt1062", include_str!("../../hw_profiles/imxrt1062.toml")),
    ("nrf52832", include_str!("../../hw_profiles/nrf52832.toml")),
    ("nrf52840", include_str!("../../hw_profiles/nrf52840.toml")),
    ("samd51", include_str!("../../hw_profiles/samd51.toml")),
    ("at32f403a", include_str!("../../hw_profiles/at32f403a.toml")),
    ("lpc4337", include_str!("../../hw_profiles/lpc4337.toml")),
    ("rpi3b-plus", include_str!("../../hw_profiles/rpi3b-plus.toml")),
    ("rpi-zero-2w", include_str!("../../hw_profiles/rpi-zero-2w.toml")),
    ("rk3399", include_str!("../../hw_profiles/rk3399.toml")),
    ("core-v-mcu", include_str!("../../hw_profiles/core-v-mcu.toml")),
    ("esp32-c3", include_str!("../../hw_profiles/esp32-c3.toml")),
];

const CORES: [(&str, &str); 4] = [
    ("cortex-m4", include_str!("../../hw_profiles/cores/cortex-m4.toml")),
    ("cortex-m7", include_str!("../../hw_profiles/cores/cortex-m7.toml")),
    ("cortex-a53", include_str!("../../hw_profiles/cores/cortex-a53.toml")),
    ("rv32imc", include_str!("../../hw_profiles/cores/rv32imc.toml")),
];

/// Names of the built-in boards.
pub fn board_names() -> Vec<&'static str> {
    BOARDS.iter().map(|(name, _)| *name).collect()
}

/// The file of a built-in board, as a template for one's own.
pub fn board_text(name: &str) -> Option<&'static str> {
    BOARDS.iter().find(|(board, _)| *board == name).map(|(_, text)| *text)
}

/// Names of the cores that have a table.
pub fn core_names() -> Vec<&'static str> {
    CORES.iter().map(|(name, _)| *name).collect()
}

/// The file of a core's table.
pub fn core_text(name: &str) -> Option<&'static str> {
    CORES.iter().find(|(core, _)| *core == name).map(|(_, text)| *text)
}
