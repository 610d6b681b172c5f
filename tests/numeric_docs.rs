//! docs/numerics.md and the code cite each other completely.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every `N` followed by digits at the start of a word, ranges such as `N2–N6` filled in.
fn cited(text: &str) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut open = None;
    for (at, _) in text.match_indices('N') {
        let before = text[..at].chars().next_back();
        let digits: String = text[at + 1..].chars().take_while(char::is_ascii_digit).collect();
        let after = text[at + 1 + digits.len()..].chars().next();
        let Ok(number) = digits.parse::<u32>() else { continue };
        if before.is_some_and(|c| c.is_alphanumeric()) || after.is_some_and(char::is_alphanumeric) {
            continue;
        }
        if let Some(first) = open.take()
            && before == Some('–')
        {
            found.extend(first..number);
        }
        found.insert(number);
        open = (after == Some('–')).then_some(number);
    }
    found
}

#[test]
fn equations_and_citations_match() {
    assert_eq!(cited("(N2–N4, N7) not SN9, N8x"), BTreeSet::from([2, 3, 4, 7]));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/numerics.md")).expect("the page");
    let defined: BTreeSet<u32> =
        page.split("**").skip(1).step_by(2).flat_map(|bold| cited(bold).into_iter().collect::<Vec<_>>()).collect();
    assert_eq!(defined, (1..=43).collect(), "every equation is defined, in bold");
    let mut files = Vec::new();
    rust_files(&root.join("src/numeric"), &mut files);
    let code: String = files.iter().map(|f| std::fs::read_to_string(f).expect("a source file")).collect();
    let cited = cited(&code);
    let missing: Vec<_> = defined.symmetric_difference(&cited).collect();
    assert!(missing.is_empty(), "cited in only one of the two: {missing:?}");
}
