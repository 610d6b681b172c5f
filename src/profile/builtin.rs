//! Profiles and core tables that are part of the program.

const BOARDS: [(&str, &str); 3] = [
    ("stm32l4r5", include_str!("../../hw_profiles/stm32l4r5.toml")),
    ("stm32f746", include_str!("../../hw_profiles/stm32f746.toml")),
    ("rpi3b-plus", include_str!("../../hw_profiles/rpi3b-plus.toml")),
];

const CORES: [(&str, &str); 3] = [
    ("cortex-m4", include_str!("../../hw_profiles/cores/cortex-m4.toml")),
    ("cortex-m7", include_str!("../../hw_profiles/cores/cortex-m7.toml")),
    ("cortex-a53", include_str!("../../hw_profiles/cores/cortex-a53.toml")),
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
