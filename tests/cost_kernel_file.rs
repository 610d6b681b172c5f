//! Kernel files: what is read, and what is refused with which words.

use tinyprec::cost::{KernelSet, kernel_set, kernel_sets};
use tinyprec::profile::Class;
use tinyprec::trace::{Elem, Op};

const GOOD: &str = include_str!("golden/cost_kernels_m4.kernels");

fn error_of(change: impl Fn(&str) -> String) -> String {
    let text = change(GOOD);
    assert_ne!(text, GOOD, "the change must hit something");
    KernelSet::parse("k.kernels", &text).expect_err("must be refused").to_string()
}

#[test]
fn a_good_file_is_read_whole() {
    let set = KernelSet::parse("k.kernels", GOOD).expect("good");
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
    let message = error_of(|text| text.replacen("alu r4 |", "allu r4 |", 1));
    assert!(message.starts_with("kernel file k.kernels:16:3\n"), "{message}");
    assert!(message.contains("unknown variant `allu`, expected one of `alu`, `alu_shift`"), "{message}");
}

#[test]
fn other_mistakes_are_refused_with_a_way_out() {
    let cases: [(&str, &str, &str); 19] = [
        ("tinyprec-kernels 2", "tinyprec-kernels 7", "begins with `tinyprec-kernels 2`"),
        ("core cortex-m4\n", "", "missing line `core`"),
        ("compiler none", "compilers none", "expected core, set, base"),
        ("r5:addr", "r5:address", "`r5:address` is not a source; write register or register:kind"),
        ("r5:addr", ":addr", "`:addr` is not a source"),
        ("ld_multi*2", "ld_multi*99", "`*n` (number of registers, 1 to 16)"),
        ("ld_multi*2", "ld_multi", "`*n` (number of registers, 1 to 16)"),
        ("ld_w r0", "ld_w*2 r0", "`*n` (number of registers, 1 to 16)"),
        ("div.w", "div.wide", "`wide` is not a width; use b, h, w, x, s, d or q"),
        (": rows*words", ": rows**words", "`rows**words`: unexpected `*` at character 6"),
        ("stack 16", "stacks 16", "expected code, rodata or stack"),
        ("stack 16", "stack some", "`some` is not a number of bytes"),
        ("code 64 rodata 0 stack 16\n", "", "missing line `code`"),
        ("write activation", "writes activation", "or an indented instruction of a level"),
        ("br_taken", "br_back", "`br_back` is the branch of a level with `last`"),
        (": rows*words", ": rows*words last rows", "`br_back` is the branch of a level with `last`"),
        ("set hand", "set hand\nbase gcc99", "base set: there is no kernel set `gcc99` for cortex-m4"),
        ("kernel softmax i32 i32", "kernel softmax i32 i33", "unknown variant `i33`"),
        (
            "kernel softmax i32 i32",
            "kernel binary_dense b1 b1 i32",
            "binary_dense [b1 b1 i32] is already given on line 9",
        ),
    ];
    for (from, to, want) in cases {
        let message = error_of(|text| text.replacen(from, to, 1));
        assert!(message.contains(want), "{from} -> {to}:\n{message}");
        assert!(message.starts_with("kernel file k.kernels:"), "{message}");
    }
}

#[test]
fn a_last_pass_shares_the_body_and_falls_through() {
    let text = GOOD.replacen(": rows*words\n", ": rows*words-rows last rows\n", 1);
    let at = text.rfind("br_taken < flags:flag | bne word").expect("given");
    let text = format!("{}br_back{}", &text[..at], &text[at + 8..]);
    let set = KernelSet::parse("k.kernels", &text).expect("good");
    let levels = &set.kernels()[0].levels;
    assert_eq!((levels.len(), levels[2].name.as_str(), levels[2].steady), (3, "loop word, last pass", false));
    assert_eq!(levels[1].body[4].class, Class::BrTaken);
    assert_eq!(levels[2].body[4].class, Class::BrNot);
    assert_eq!(levels[1].body[..4], levels[2].body[..4]);
}

#[test]
fn a_set_with_a_base_has_its_kernels_and_replaces_some() {
    let base = tinyprec::cost::kernel_set("cortex-m4", "gcc12-o2").expect("built in");
    let set = KernelSet::parse("k.kernels", &GOOD.replacen("set hand", "set hand\nbase gcc12-o2", 1)).expect("good");
    assert_eq!((set.name(), set.kernels().len()), ("hand", base.kernels().len()));
    let key = [Elem::B1, Elem::B1, Elem::I32];
    let dense = set.find(Op::BinaryDense, &key).expect("replaced");
    assert_eq!(
        (dense, set.kernels()[dense].symbol.as_str()),
        (base.find(Op::BinaryDense, &key).expect("given"), "hand_bdense")
    );
    let conv = set.find(Op::BinaryConv, &key).expect("inherited");
    assert_eq!(set.kernels()[conv], base.kernels()[base.find(Op::BinaryConv, &key).expect("given")]);
}

/// `build.rs` packs the files into the program; the smallest set of each core stands for all.
#[test]
fn what_is_built_in_is_the_file() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/hw_profiles/kernels");
    let mut smallest = std::collections::BTreeMap::new();
    for (core, set) in kernel_sets() {
        let text = std::fs::read_to_string(format!("{root}/{core}/{set}.kernels")).expect("a file of the project");
        let least = smallest.entry(core).or_insert((set, text.clone()));
        if text.len() < least.1.len() {
            *least = (set, text);
        }
    }
    assert_eq!(smallest.len(), 4);
    for (core, (set, text)) in smallest {
        let file = KernelSet::parse(set, &text).unwrap_or_else(|e| panic!("{e}"));
        assert!(kernel_set(core, set).unwrap_or_else(|e| panic!("{e}")) == file, "{core} {set}");
    }
}

#[test]
fn truncated_files_never_panic() {
    for end in 0..GOOD.len() {
        let _ = KernelSet::parse("k.kernels", &GOOD[..end]);
    }
}

/// A loop that is entered at its test: body before, test behind, as `-Os` writes it.
const ENTERED_AT_TEST: &str = "tinyprec-kernels 2\ncore cortex-m7\nset t\ncompiler none\nflags none\nsources 0\n\nkernel add\nsymbol k\ncode 64 stack 8\n\
    block +0x0: 1\n  alu r0 | movs r0, #0\n  br_taken | b.n +0x1c\n\
    block +0x10: n\n  fma s0 < s1:mul s0:acc | vfma.f32 s0, s1, s2\n\
    block +0x1c: n last 1\n  alu flags < r0 | cmp r0, r1\n  br_back < flags:flag | blt.n +0x10\n";

#[test]
fn a_loop_entered_at_its_test_is_one_loop() {
    let levels = |text: &str| {
        let set = KernelSet::parse("k.kernels", text).expect("good");
        set.kernels()[0].levels.iter().map(|l| (l.name.clone(), l.body.len(), l.steady)).collect::<Vec<_>>()
    };
    let joined = levels(ENTERED_AT_TEST);
    let loops = ("loop +0x1c, entered at its test".to_owned(), 3, true);
    assert_eq!((joined.len(), &joined[1], joined[2].1), (3, &loops, 2), "{joined:?}");
    for (what, from, to) in [
        ("other trips", "block +0x10: n\n", "block +0x10: n-1\n"),
        (
            "a branch in the body",
            "  fma s0 < s1:mul s0:acc |",
            "  br_not < flags:flag | beq.n +0x1c\n  fma s0 < s1:mul s0:acc |",
        ),
        ("another target", "blt.n +0x10", "blt.n +0x0"),
        ("something between", "block +0x1c: n", "block +0x14: n\n  alu r2 | nop\nblock +0x1c: n"),
    ] {
        let text = ENTERED_AT_TEST.replacen(from, to, 1);
        assert_ne!(text, ENTERED_AT_TEST, "{what}");
        assert!(levels(&text).iter().all(|l| !l.2), "{what}");
    }
}
