//! Kernel files: what is read, and what is refused with which words.

use tinyprec::cost::KernelSet;
use tinyprec::trace::{Elem, Op};

const GOOD: &str = include_str!("golden/cost_kernels_m4.toml");

fn error_of(change: impl Fn(&str) -> String) -> String {
    let text = change(GOOD);
    assert_ne!(text, GOOD, "the change must hit something");
    KernelSet::parse("k.toml", &text).expect_err("must be refused").to_string()
}

#[test]
fn a_good_file_is_read_whole() {
    let set = KernelSet::parse("k.toml", GOOD).expect("good");
    assert_eq!((set.core(), set.name(), set.kernels().len()), ("cortex-m4", "hand", 2));
    let dense = &set.kernels()[set.find(Op::BinaryDense, &[Elem::B1, Elem::B1, Elem::I32]).expect("given")];
    assert_eq!(dense.key(), "binary_dense [b1 b1 i32]");
    assert_eq!(dense.levels[1].body.len(), 5);
    assert!(dense.levels[1].steady && !dense.levels[0].steady);
    assert_eq!(set.find(Op::BinaryDense, &[Elem::B1, Elem::B1, Elem::B1]), None);
    assert_eq!(set.find(Op::Add, &[]), None);
    let softmax = &set.kernels()[1];
    assert_eq!(softmax.levels[0].trips_high.text(), "2*classes");
    assert_eq!(softmax.levels[0].body[0].n_registers, 2);
}

#[test]
fn a_misspelt_class_names_the_place_and_the_choices() {
    let message = error_of(|text| text.replacen("\"alu\", d = [\"r4\"], a", "\"allu\", d = [\"r4\"], a", 1));
    assert!(message.starts_with("kernel file k.toml:20:9\n"), "{message}");
    assert!(message.contains("unknown variant `allu`, expected one of `alu`, `alu_shift`"), "{message}");
}

#[test]
fn other_mistakes_are_refused_with_a_way_out() {
    let cases: [(&str, &str, &str); 10] = [
        ("schema = 1", "schema = 7", "schema 7 is not known here"),
        ("r5:addr", "r5:address", "`r5:address` is not a source; write register:kind"),
        ("r5:addr", "r5", "`r5` is not a source"),
        ("n = 2", "n = 99", "`n` (number of registers, 1 to 16)"),
        (", n = 2", "", "`n` (number of registers, 1 to 16)"),
        ("w = \"w\"", "w = \"wide\"", "`wide` is not a width; use b, h, w, x, s, d or q"),
        ("\"rows*words\"", "\"rows**words\"", "`rows**words`: unexpected `*` at character 6"),
        ("stack_bytes = 16", "stack = 16", "unknown field `stack`, expected one of"),
        ("code_bytes = 64\n", "", "missing field `code_bytes`"),
        (
            "op = \"softmax\"\nelems = [\"i32\", \"i32\"]",
            "op = \"binary_dense\"\nelems = [\"b1\", \"b1\", \"i32\"]",
            "binary_dense [b1 b1 i32] is already given on line 11",
        ),
    ];
    for (from, to, want) in cases {
        let message = error_of(|text| text.replacen(from, to, 1));
        assert!(message.contains(want), "{from} -> {to}:\n{message}");
        assert!(message.starts_with("kernel file k.toml:"), "{message}");
    }
}

#[test]
fn truncated_files_never_panic() {
    for end in 0..GOOD.len() {
        let _ = KernelSet::parse("k.toml", &GOOD[..end]);
    }
}
