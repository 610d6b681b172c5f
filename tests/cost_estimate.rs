//! Whole predictions against closed forms: hand-written kernels, then the committed kernel sets.

use tinyprec::cost::{self, Bound, CostError, Estimator, KernelSet};
use tinyprec::profile::{self, Profile};
use tinyprec::trace::{Access, BufferKind, BufferUse, Dims, Elem, KernelCall, Op, Phase};

const HAND: &str = include_str!("golden/cost_kernels_m4.kernels");

fn hand() -> KernelSet {
    KernelSet::parse("hand.kernels", HAND).unwrap_or_else(|e| panic!("{e}"))
}

fn m4() -> Profile {
    profile::load("stm32l4r5").unwrap_or_else(|e| panic!("{e}"))
}

fn dense(rows: u64, words: u64) -> KernelCall {
    KernelCall::new(Op::BinaryDense, Phase::Inference, "fc")
        .dims(Dims::new().with("rows", rows).with("words", words))
        .elems(&[Elem::B1, Elem::B1, Elem::I32])
        .buffer(BufferUse::new("fc.weight", rows * words * 4, BufferKind::Weights, Access::Read))
        .buffer(BufferUse::new("fc.in", words * 4, BufferKind::Activation, Access::Read))
        .buffer(BufferUse::new("fc.out", rows * 4, BufferKind::Activation, Access::Write))
}

fn softmax(classes: u64) -> KernelCall {
    KernelCall::new(Op::Softmax, Phase::HeadForward, "softmax")
        .dims(Dims::new().with("classes", classes))
        .elems(&[Elem::I32, Elem::I32])
}

#[test]
fn cycles_follow_the_closed_form() {
    let (board, kernels) = (m4(), hand());
    let table = cost::estimate(&[dense(64, 8)], &board, &kernels).expect("priced");
    // Word: two loads in a run 3, eor 1, add 1, taken branch 1 + 2 = 8. Row: movs 1, str 1, subs 1, branch 3 = 6.
    let pipeline = 64.0 * 8.0 * 8.0 + 64.0 * 6.0;
    // Weights: 2048 bytes read once from flash, 8 at a time, 5 cycles each, not hidden. Code: 64 bytes, half hidden.
    let weights = 2048.0 / 8.0 * 5.0;
    let code = 8.0 * 5.0 * 0.5;
    assert_eq!(table.total.cycles.mid, pipeline + weights + code);
    let ms = table.total.cycles.mid / 120e3;
    assert!((table.total.latency_ms.mid - ms).abs() < 1e-12);
    assert!((table.total.energy_uj.mid - ms * 44.8).abs() < 1e-9);
    let share = (weights + code) / (pipeline + weights + code);
    assert!((table.calls[0].memory_share - share).abs() < 1e-12);
    assert_eq!(table.calls[0].bound, Bound::Issue);
    let (low, high) = (table.total.cycles.low, table.total.cycles.high);
    // Favourable: branch + 1, lines of 16, code resident. Unfavourable: branch + 3, lines of 8, code fetched, nothing hidden.
    assert_eq!(low, 64.0 * 8.0 * 7.0 + 64.0 * 5.0 + 2048.0 / 16.0 * 5.0);
    assert_eq!(high, 64.0 * 8.0 * 9.0 + 64.0 * 7.0 + 2048.0 / 8.0 * 5.0 + 8.0 * 5.0);
}

#[test]
fn times_multiply_and_phases_and_sites_add_up() {
    let (board, kernels) = (m4(), hand());
    let estimator = Estimator::new(&board, &kernels).expect("timed");
    let mut many = softmax(10);
    many.times = 100;
    let one = estimator.estimate(&[softmax(10)]).expect("priced");
    let hundred = estimator.estimate(&[many.clone()]).expect("priced");
    // 128 bytes of code are fetched once for the whole run of equal calls.
    let code = 16.0 * 5.0 * 0.5;
    assert!((hundred.total.cycles.mid - ((one.total.cycles.mid - code) * 100.0 + code)).abs() < 1e-6);
    let table = estimator.estimate(&[dense(4, 4), many, dense(4, 4)]).expect("priced");
    let sum: f64 = table.phases.iter().map(|p| p.cost.cycles.mid).sum();
    assert!((sum - table.total.cycles.mid).abs() < 1e-9);
    assert_eq!(table.sites.iter().map(|s| s.site.as_str()).collect::<Vec<_>>(), ["fc", "softmax"]);
    assert_eq!(table.phase(Phase::Inference).expect("given").cost, table.sites[0].cost);
    assert_eq!(table.phase(Phase::Update), None);
    let doubled = estimator.explain(&softmax(10)).expect("priced")[0].trips;
    assert_eq!((doubled.low, doubled.mid, doubled.high), (10.0, 10.0, 20.0), "data-dependent trips");
}

#[test]
fn what_cannot_be_priced_is_an_error_with_a_way_out() {
    let (board, kernels) = (m4(), hand());
    let message = |calls: &[KernelCall]| cost::estimate(calls, &board, &kernels).expect_err("refused").to_string();
    assert_eq!(
        message(&[dense(1, 1).elems(&[Elem::B1, Elem::B1, Elem::B1])]),
        "no kernel binary_dense [b1 b1 b1] in kernel set `hand` of cortex-m4, needed by `fc`; it has binary_dense [b1 b1 i32]; \
         write the C twin, run `kernel-lab extract`, or choose another format"
    );
    assert!(message(&[KernelCall::new(Op::Add, Phase::Update, "a")]).contains("it has no kernel of this operation"));
    assert_eq!(
        message(&[dense(1, 1).dims(Dims::new().with("rows", 3))]),
        "kernel `hand_bdense` at `fc`, trips of level `loop word`: `rows*words` needs the dimension `words`; the call has rows=3"
    );
    let other = dense(8, 8);
    assert!(message(&[dense(4, 4), other]).contains(
        "buffer `fc.weight` is 64 bytes of weights in one call and 256 bytes of weights at `fc`; the same name must be the same memory"
    ));
    let huge = softmax(1).buffer(BufferUse::new("s", u64::MAX, BufferKind::State, Access::Read));
    assert!(message(&[huge]).contains("more than 2^64 bytes"));
    let pi = profile::load("rpi3b-plus").expect("built in");
    assert_eq!(
        cost::estimate(&[], &pi, &kernels).expect_err("another core").to_string(),
        "kernel set `hand` is for cortex-m4, the profile `rpi3b-plus` has a cortex-a53; use hw_profiles/kernels/cortex-a53/"
    );
    let vector = KernelSet::parse("v.kernels", &HAND.replacen("  div", "  vec_alu", 1));
    let error = cost::estimate(&[softmax(1)], &board, &vector.expect("good")).expect_err("no row");
    assert!(matches!(error, CostError::MissingClass { .. }));
    assert!(error.to_string().contains(
        "cortex-m4 has no class `vec_alu` (`udiv r0, r0, r1`); add a row to hw_profiles/cores/cortex-m4.toml"
    ));
}

#[test]
fn buffers_live_from_first_to_last_use_and_the_verdict_says_what_is_missing() {
    let (mut board, kernels) = (m4(), hand());
    let buffer = |name: &str, bytes, kind| BufferUse::new(name, bytes, kind, Access::ReadWrite);
    let step = |site: &str| KernelCall { site: site.to_owned(), ..softmax(2) };
    let calls = [
        step("a").buffer(buffer("x", 1000, BufferKind::Activation)).buffer(buffer("tmp", 500, BufferKind::Scratch)),
        step("b").buffer(buffer("x", 1000, BufferKind::Activation)).buffer(buffer("y", 700, BufferKind::Activation)),
        step("c").buffer(buffer("y", 700, BufferKind::Activation)).buffer(buffer("tmp", 900, BufferKind::Scratch)),
        step("d").buffer(buffer("master", 4000, BufferKind::State)).buffer(buffer("w", 300, BufferKind::Weights)),
    ];
    let memory = cost::estimate(&calls, &board, &kernels).expect("priced").memory;
    assert_eq!(memory.arena.bytes, 1000 + 704, "x with y; tmp of `a` lies over y, tmp of `c` over x");
    assert_eq!(memory.arena.lower_bound, memory.arena.bytes);
    assert_eq!((memory.state_bytes, memory.constant_bytes), (4000, 304));
    assert_eq!((memory.code_bytes, memory.table_bytes, memory.stack_bytes), (128, 32, 48));
    assert_eq!(memory.ram_bytes, 4000 + 1704 + 48 + 4096);
    assert_eq!(memory.flash_bytes, 304 + 128 + 32 + 12 * 1024);
    let live: Vec<u64> = memory.timeline.iter().map(|p| p.arena_bytes).collect();
    assert_eq!(live, [1500, 1700, 1600, 0]);
    assert!(memory.fits());

    board.ram.kib.value = 8.0;
    let tight = cost::estimate(&calls, &board, &kernels).expect("priced").memory;
    assert!(!tight.fits());
    assert_eq!(tight.missing_ram_bytes(), tight.ram_bytes - 8 * 1024);
    assert_eq!(tight.missing_flash_bytes(), 0);

    board.flash = None;
    let loaded = cost::estimate(&calls, &board, &kernels).expect("priced").memory;
    assert_eq!((loaded.flash_bytes, loaded.flash_size_bytes), (0, None));
    assert_eq!(loaded.ram_bytes, 4000 + 1704 + 48 + 4096 + 304 + 128 + 32);
}

#[test]
fn committed_kernel_sets_are_read_and_timed_on_their_boards() {
    for name in profile::board_names() {
        let board = profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        if !cost::kernel_sets().iter().any(|&(core, _)| core == board.core.core) {
            println!("skipped: {name}: no kernel set of {}", board.core.core);
            continue;
        }
        let kernels = cost::kernel_set(&board.core.core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let estimator = Estimator::new(&board, &kernels).unwrap_or_else(|e| panic!("{e}"));
        let small = estimator.estimate(&[dense(64, 8)]).unwrap_or_else(|e| panic!("{e}"));
        let large = estimator.estimate(&[dense(64, 16)]).unwrap_or_else(|e| panic!("{e}"));
        for (low, high) in
            [(small.total.cycles.low, small.total.cycles.mid), (small.total.cycles.mid, small.total.cycles.high)]
        {
            assert!(low <= high, "{name}");
        }
        let more = large.total.cycles.mid - small.total.cycles.mid;
        // 64 × 8 words more, of a word-parallel popcount with 9 to 40 instructions a word on any of the cores.
        assert!((2.0..60.0).contains(&(more / 512.0)), "{name}: {more} cycles for 512 words");
    }
    let unknown = cost::kernel_set("cortex-m4", "gcc99").expect_err("not there").to_string();
    assert!(unknown.starts_with("there is no kernel set `gcc99` for cortex-m4; there is gcc12-o2, "), "{unknown}");
}
