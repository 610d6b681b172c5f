//! Only the folders that the project promised stand at the top level.

use std::fs;
use std::path::Path;

const ALLOWED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
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

/// Every Rust file below a folder of the project, in one text.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the project is readable").flatten();
    let text = |path: &Path| if path.is_dir() { sources(path) } else { fs::read_to_string(path).unwrap_or_default() };
    entries
        .map(|e| e.path())
        .filter(|p| p.is_dir() || p.extension().is_some_and(|x| x == "rs"))
        .map(|p| text(&p))
        .collect()
}

/// A dependency that nothing uses costs every build; its comment would claim what is not so.
#[test]
fn every_dependency_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml")).expect("readable").parse().expect("TOML");
    let library = sources(&root.join("src")) + &sources(&root.join("examples"));
    let checks = sources(&root.join("tests")) + &sources(&root.join("benches")) + &library;
    let build = fs::read_to_string(root.join("build.rs")).expect("readable");
    for (section, text) in [("dependencies", &library), ("build-dependencies", &build), ("dev-dependencies", &checks)] {
        for package in manifest[section].as_table().expect("a table").keys() {
            // The one package whose library has another name.
            let name = if package == "md-5" { "md5".to_owned() } else { package.replace('-', "_") };
            assert!(text.contains(&format!("{name}::")), "{package} stands in Cargo.toml and nothing uses it");
        }
    }
}
