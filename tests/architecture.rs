//! The invariants of ARCHITECTURE.md, each as a test over the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room → rooms it may use. `record` and `files` are the files `src/record.rs` and `src/files.rs`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("numeric", &[]),
    ("bits", &["numeric"]),
    ("trace", &["numeric"]),
    ("nn", &["bits", "numeric", "trace"]),
    ("import", &["nn", "bits", "numeric", "files"]),
    ("learn", &["nn", "bits", "numeric", "trace"]),
    ("data", &["numeric", "bits"]),
    ("metrics", &[]),
    ("profile", &[]),
    ("cost", &["profile", "trace", "numeric"]),
    ("validate", &["cost", "profile", "trace", "export"]),
    ("config", &["data", "learn", "numeric", "profile", "nn", "import"]),
    ("record", &["trace"]),
    ("files", &[]),
    (
        "run",
        &[
            "config", "data", "nn", "bits", "import", "learn", "metrics", "trace", "profile", "cost", "numeric",
            "record", "files",
        ],
    ),
    ("explore", &["run", "cost", "profile", "config", "record", "metrics", "files"]),
    ("export", &["nn", "learn", "profile", "numeric", "bits", "trace", "cost", "import"]),
    ("report", &["record", "trace", "validate", "cost", "files"]),
];

/// Rooms that compute and nothing else: no I/O, clock, global state or unseeded randomness.
const CORE: &[&str] = &["numeric", "bits", "trace", "nn", "learn", "cost"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    out.sort();
}

/// Sources under `src/` with their room and their text, comments and test modules cut away.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 20, "found only {} sources under {}", files.len(), src.display());
    files
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).expect("listed under src");
            let first = inside.components().next().expect("not empty").as_os_str().to_string_lossy().into_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            let text = code_only(&fs::read_to_string(&path).expect("source is UTF-8"));
            (room, path, text)
        })
        .collect()
}

/// Drops line comments and everything from the file's `#[cfg(test)]` module on.
fn code_only(text: &str) -> String {
    let cut = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..cut].lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Names after `crate::` (or `tinyprec::` in the binary), braces of a grouped `use crate::{…}` included.
fn used_rooms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(top_level_names(group));
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

fn top_level_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut word) = (0, Vec::new(), String::new());
    let mut at_start = true;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut word));
                at_start = true;
                continue;
            }
            c if depth == 0 && at_start && (c.is_alphanumeric() || c == '_') => word.push(c),
            c if !c.is_whitespace() && !word.is_empty() => at_start = false,
            _ => {}
        }
    }
    names.push(word);
    names.retain(|n| !n.is_empty());
    names
}

#[test]
fn rooms_depend_only_along_the_arrows() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().map(|(r, u)| (*r, *u)).collect();
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        if ["lib", "main", "cli", "bin"].contains(&room.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{}: room `{room}` is not in the map", path.display()));
            continue;
        };
        for used in used_rooms(&text) {
            if used != room && allowed.contains_key(used.as_str()) && !may.contains(&used.as_str()) {
                wrong.push(format!("{}: `{room}` must not use `{used}`", path.display()));
            }
            if used == "cli" {
                wrong.push(format!("{}: nothing sees `cli`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn assert_absent(rooms: impl Fn(&str) -> bool, forbidden: &[&str], why: &str) {
    let mut wrong = Vec::new();
    for (room, path, text) in sources() {
        if !rooms(&room) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for token in forbidden {
                if line.contains(token) {
                    wrong.push(format!("{}:{}: {token}: {why}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    assert_absent(
        |room| CORE.contains(&room),
        &["std::fs", "std::io", "std::net", "std::process", "std::env", "Instant", "SystemTime", "File::"],
        "the core takes slices, seeds and configurations",
    );
}

#[test]
fn the_core_holds_no_global_state() {
    // A list of cells inside a value remembers what that value determines, so it is no global state.
    assert_absent(
        |room| CORE.contains(&room),
        &["static mut", "thread_local!", ": OnceLock", "LazyLock", "Mutex", "AtomicU", "AtomicI", "lazy_static"],
        "global state breaks determinism",
    );
}

#[test]
fn randomness_comes_from_a_seed() {
    assert_absent(
        |room| room != "bin",
        &["thread_rng", "rand::rng()", "from_os_rng", "OsRng", "from_entropy", "RandomState::new"],
        "draw from a seeded ChaCha stream",
    );
}

#[test]
fn the_library_never_prints_or_exits() {
    assert_absent(
        |room| !["main", "cli", "bin"].contains(&room),
        &["println!", "print!(", "eprintln!", "eprint!(", "process::exit", "dbg!("],
        "only the binary talks to the user",
    );
}

#[test]
fn user_input_never_panics() {
    assert_absent(
        |room| !["bin"].contains(&room),
        &[".unwrap()", "panic!(", "todo!(", "unimplemented!("],
        "return a typed error, or `expect` with the reason why it holds",
    );
}

#[test]
fn unsafe_lives_in_simd_files_only() {
    let mut wrong = Vec::new();
    for (_, path, text) in sources() {
        if path.file_name().is_some_and(|n| n == "simd.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.into_iter().any(|w| w == "unsafe") {
                wrong.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "unsafe outside simd.rs:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_small() {
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches", "examples"] {
        rust_files(&root().join(dir), &mut files);
    }
    let long: Vec<_> = files
        .iter()
        .map(|p| (fs::read_to_string(p).expect("source is UTF-8").lines().count(), p.display()))
        .filter(|(n, _)| *n > 400)
        .map(|(n, p)| format!("{p}: {n} lines, 400 at the most"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_checks_above_can_fail() {
    assert_eq!(used_rooms("use crate::{bits::{pack, dot}, nn}; crate::cost::x"), ["bits", "nn", "cost"]);
    assert_eq!(code_only("let a = 1; // println!\n#[cfg(test)]\nmod tests { panic!() }"), "let a = 1; ");
}
