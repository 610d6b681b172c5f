//! Only the folders that the project promised stand at the top level.

use std::fs;

const ALLOWED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rustfmt.toml",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "src",
    "hw_profiles",
    "experiments",
    "benches",
    "tests",
    "reports",
    "docs",
    "examples",
    "fuzz",
    "target",
    "out",
];

#[test]
fn nothing_else_stands_at_the_top() {
    let strangers: Vec<_> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .expect("the project is readable")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('.') && !ALLOWED.contains(&n.as_str()))
        .collect();
    assert!(strangers.is_empty(), "not part of the promised layout: {strangers:?}");
}
