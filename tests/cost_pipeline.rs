//! Pipeline models against the published facts that their tables rest on: each line is a measurement that somebody made
//! on silicon (sources in hw_profiles/cores/), so a table or a model that breaks one is wrong.

mod cost_support;

use cost_support::{steady, time};

fn check(core: &str, cases: &[(&str, &[&str], f64)]) {
    for (what, body, want) in cases {
        assert_eq!(steady(core, body), *want, "{core}: {what}");
    }
}

#[test]
fn m4_loads_and_stores_pair_as_the_manual_says() {
    let ld = |d: &'static str| d;
    check(
        "cortex-m4",
        &[
            ("one instruction, one cycle", &["alu r0 = r0:data"], 1.0),
            ("shifted operand free", &["alu_shift r0 = r1:data r2:shift"], 1.0),
            ("load then use", &["ld_w r0 = r1:addr", "alu r2 = r0:data"], 3.0),
            (
                "three loads in a run take four",
                &[ld("ld_w r0 = r8:addr"), "ld_w r1 = r8:addr", "ld_w r2 = r8:addr", "alu r3 = r3:data"],
                5.0,
            ),
            (
                "load then immediate store take two",
                &["ld_w r0 = r8:addr", "st_w = r0:data r9:addr", "alu r3 = r3:data"],
                3.0,
            ),
            (
                "load then register-offset store do not pair",
                &["ld_w r0 = r8:addr", "st_reg = r0:data r9:addr r7:addr", "alu r3 = r3:data"],
                5.0,
            ),
            (
                "store then load costs one more",
                &["st_w = r0:data r9:addr", "ld_w r0 = r8:addr", "alu r3 = r3:data"],
                5.0,
            ),
            (
                "address from the previous instruction costs one more",
                &["alu r8 = r7:data", "ld_w r0 = r8:addr", "alu r3 = r3:data"],
                5.0,
            ),
            ("a chain over its own base does not pipeline", &["ld_w r0 = r8:addr !r8"], 2.0),
            (
                "loads over two bases pipeline",
                &["ld_w r0 = r8:addr !r8", "ld_w r1 = r9:addr !r9", "alu r3 = r3:data"],
                4.0,
            ),
            ("LDM of four", &["ld_multi r0,r1,r2,r3 = r8:addr #4"], 5.0),
            ("taken branch 1 + 2", &["br_taken = flags:flag"], 3.0),
            (
                "float result consumed by the next",
                &["fmul s0 = s1:mul", "fadd s2 = s2:data s0:data", "alu r0 = r0:data"],
                4.0,
            ),
            (
                "float result consumed later",
                &["fmul s0 = s1:mul", "alu r0 = r0:data", "fadd s2 = s2:data s0:data", "alu r1 = r1:data"],
                4.0,
            ),
        ],
    );
    let branch = time("cortex-m4", true, &["alu r0 = r0:data", "br_taken = flags:flag"]).cycles;
    assert_eq!((branch.low, branch.mid, branch.high), (3.0, 4.0, 5.0), "P from 1 to 3");
    let divide = time("cortex-m4", true, &["div r0 = r1:data r2:data"]).cycles;
    assert_eq!((divide.low, divide.mid, divide.high), (2.0, 8.0, 12.0));
}

#[test]
fn m7_eight_measured_facts_hold() {
    check(
        "cortex-m7",
        &[
            ("two independent ALU operations pair", &["alu r0 = r8:data", "alu r1 = r8:data"], 1.0),
            ("an ALU chain runs one a cycle", &["alu r0 = r0:data", "alu r0 = r0:data"], 2.0),
            ("two loads a cycle", &["ld_w r0 = r8:addr", "ld_w r1 = r9:addr"], 1.0),
            ("load to ALU use: next cycle", &["ld_w r0 = r8:addr", "alu r1 = r0:data", "ld_pair r2,r3 = r7:addr"], 3.0),
            ("independent products: one a cycle", &["mul r0 = r8:mul r9:mul", "mul r1 = r8:mul r9:mul"], 2.0),
            ("accumulate chain: one a cycle", &["mac64 r0,r1 = r8:mul r9:mul r0:acc r1:acc"], 1.0),
            ("stores: one a cycle", &["st_w = r0:data r8:addr", "st_w = r1:data r9:addr"], 2.0),
            ("a load and a store pair", &["ld_w r0 = r8:addr", "st_w = r1:data r9:addr"], 1.0),
        ],
    );
}

#[test]
fn m7_a_float_multiply_accumulate_keeps_its_distance() {
    check(
        "cortex-m7",
        &[
            (
                "no VLDM in the three cycles behind",
                &["fma s0 = s1:mul s2:mul s0:acc", "fld s1 = r8:addr !r8", "fld s2 = r9:addr !r9"],
                6.0,
            ),
            (
                "VLDR only in the older slot",
                &["fma s0 = s1:mul s2:mul s0:acc", "fld s1 = r8:addr", "fld s2 = r9:addr"],
                3.0,
            ),
            ("no VADD either", &["fma s0 = s1:mul s2:mul s0:acc", "fadd s3 = s4 s5"], 5.0),
            ("a move into a float register takes three", &["fmov s0 = s0 | vmov.f32 s0, s0"], 3.0),
            ("a move out of one takes one", &["fmov r0 = s0 | vmov r0, s0", "alu r1 = r0 r1"], 1.0),
        ],
    );
}

#[test]
fn m7_sums_done_early_reach_the_other_slot_of_their_cycle() {
    let behind = |first: &'static str| [first, "alu r1 = r0 | eor r1, r0, r9", "ld_pair r2,r3 = r7:addr"];
    for (first, want) in [
        ("alu r0 = r8 | add.w r0, r8, r9", 2.0),
        ("alu r0 = r8 | movs r0, r8", 2.0),
        ("shift r0 = r8:shift | lsl.w r0, r8, #2", 2.0),
        ("alu r0 = r8 | and.w r0, r8, r9", 3.0),
    ] {
        assert_eq!(steady("cortex-m7", &behind(first)), want, "{first}");
    }
}

#[test]
fn m7_operand_kinds_forward_at_their_time() {
    check(
        "cortex-m7",
        &[
            ("product of a product: two cycles", &["mul r0 = r0:mul r9:mul"], 2.0),
            ("load to address: two cycles", &["ld_w r0 = r0:addr"], 2.0),
            ("late ALU to address: two cycles", &["ld_w r0 = r0:addr", "alu r0 = r0:data"], 3.0),
            ("load to factor: two cycles, then the product's two", &["ld_w r0 = r1:addr", "mul r1 = r0:mul"], 4.0),
            ("shifted source one cycle early", &["alu_shift r0 = r8:data r0:shift"], 2.0),
            (
                "two shifter operations do not pair",
                &["alu_shift r0 = r8:data r9:shift", "alu_shift r1 = r8:data r9:shift"],
                2.0,
            ),
            ("bit-field operations never two a cycle", &["bitfield r0 = r8:data", "bitfield r1 = r8:data"], 2.0),
            (
                "a bit-field operation only in the older slot",
                &["alu r1 = r9:data", "bitfield r0 = r8:data", "bitfield r2 = r8:data"],
                2.0,
            ),
            ("a product does not pair with a store", &["mul r0 = r8:mul", "st_w = r1:data r9:addr"], 2.0),
            ("a store takes a value of the same cycle", &["alu r1 = r8:data", "st_w = r1:data r9:addr"], 1.0),
            ("LDM of five holds three cycles", &["ld_multi r0,r1,r2,r3,r4 = r8:addr #5"], 3.0),
            ("byte load to ALU: two cycles", &["ld_n r0 = r0:data", "alu r0 = r0:data"], 3.0),
            ("float add chain", &["fadd s0 = s0:data s1:data"], 3.0),
            ("fused accumulate chain", &["fma s0 = s1:mul s2:mul s0:acc"], 3.0),
            (
                "a division holds its unit, other work goes on behind it",
                &["div r0 = r8:data r9:data", "alu r1 = r8:data"],
                7.0,
            ),
        ],
    );
}

#[test]
fn a53_measured_facts_hold() {
    check(
        "cortex-a53",
        &[
            ("two ALU operations a cycle", &["alu x0 = x8:data", "alu x1 = x8:data"], 1.0),
            ("shifted source one cycle early", &["alu_shift x0 = x8:data x0:shift"], 2.0),
            ("pointer chase: three cycles", &["ld_w x0 = x0:addr"], 3.0),
            ("one load a cycle", &["ld_w x0 = x8:addr", "ld_w x1 = x8:addr"], 2.0),
            ("a pair of registers in two cycles", &["ld_pair x0,x1 = x8:addr"], 2.0),
            ("32-bit product", &["mul w0 = w0:mul @w"], 3.0),
            ("64-bit product", &["mul x0 = x0:mul @x"], 4.0),
            ("64-bit products: one in two cycles", &["mul x0 = x8:mul @x", "mul x1 = x8:mul @x"], 4.0),
            ("D form: two a cycle", &["vec_alu v0 = v8:data @d", "vec_alu v1 = v8:data @d"], 1.0),
            ("Q form: one a cycle", &["vec_alu v0 = v8:data @q", "vec_alu v1 = v8:data @q"], 2.0),
            (
                "pairwise accumulate: one in two cycles",
                &["vec_adalp v0 = v8:data v0:acc @q", "vec_adalp v1 = v8:data v1:acc @q"],
                4.0,
            ),
            ("128-bit load: two cycles of the pipe", &["vec_ld v0 = x8:addr @q"], 2.0),
            ("float multiply-add chain", &["fma s0 = s1:mul s2:mul s0:acc"], 4.0),
            ("integer multiply-add chain", &["vec_mul v0 = v1:mul v2:mul v0:acc @q"], 1.0),
        ],
    );
}

/// Whole loops whose cycles an iteration were published with their number of instructions (docs/cost-model.md §6).
#[test]
fn published_loops_come_out() {
    let m7_dot = [
        "fld s14 = r0:addr !r0",
        "fld s15 = r1:addr !r1",
        "alu flags = r0:data r2:data",
        "fmul s14 = s14:data s15:data",
        "fadd s0 = s0:data s14:data",
        "br_taken = flags:flag",
    ];
    assert_eq!(steady("cortex-m7", &m7_dot), 6.0, "float dot product without contraction, 6 instructions");
    assert_eq!(steady("cortex-m4", &m7_dot), 10.0, "published 9 with the compare between product and sum");
    let mut scheduled = m7_dot;
    scheduled.swap(2, 3);
    assert_eq!(steady("cortex-m4", &scheduled), 9.0, "9 in that order");
    // Word-parallel popcount of one 32-bit word, GCC 12 for each core, as committed in hw_profiles/kernels/.
    for (core, n, cycles) in [("cortex-m4", 17, 20.0), ("cortex-m7", 17, 17.0), ("cortex-a53", 9, 14.0)] {
        let set = tinyprec::cost::kernel_set(core, "gcc12-o2").unwrap_or_else(|e| panic!("{e}"));
        let dense = set.kernels().iter().find(|k| k.symbol == "tp_binary_dense").expect("the set has it");
        let hot = |l: &&tinyprec::cost::Level| l.steady && l.body.len() == n && !l.name.contains("last");
        let level = dense.levels.iter().find(hot).expect("a word loop");
        let table = cost_support::board_of(core).core;
        assert_eq!(
            tinyprec::cost::body_time(level, &table).expect("rows").cycles.mid,
            cycles,
            "{core}: xor, popcount, add"
        );
    }
    let a53_dot = [
        "fld s1 = x0:addr !x0",
        "fld s2 = x1:addr !x1",
        "alu x2 = x2:data",
        "alu flags = x2:data",
        "fmul s1 = s1:data s2:data",
        "fadd s0 = s0:data s1:data",
        "br_taken = flags:flag",
    ];
    assert_eq!(steady("cortex-a53", &a53_dot), 10.0, "float dot product, 7 instructions");
    let a53_bits = [
        "vec_ld v1 = x0:addr !x0 @q",
        "vec_ld v2 = x1:addr !x1 @q",
        "alu x2,flags = x2:data",
        "vec_logic v1 = v1:data v2:data @q",
        "vec_alu v1 = v1:data @q",
        "vec_pairwise v1 = v1:data @q",
        "vec_adalp v0 = v1:data v0:acc @q",
        "br_taken = flags:flag",
    ];
    let cycles = time("cortex-a53", true, &a53_bits).cycles;
    assert!((13.0..=14.0).contains(&cycles.mid), "published 14 with 9 instructions, here 8: {cycles:?}");
    assert!(cycles.low < cycles.high, "the load's latency is uncertain");
}

#[test]
fn a_single_pass_ends_with_its_last_issue_and_its_high_end_with_its_last_result() {
    let pass = time("cortex-a53", false, &["ld_n x0 = x8:addr", "alu x1 = x8:data", "alu x2 = x8:data"]).cycles;
    assert_eq!((pass.low, pass.mid, pass.high), (2.0, 2.0, 3.0));
    let falls = time("cortex-m7", false, &["br_not = flags:flag"]);
    assert_eq!((falls.cycles.low, falls.cycles.mid, falls.cycles.high), (1.0, 1.0, 1.0));
    assert_eq!((falls.of_a_break.low, falls.of_a_break.mid, falls.of_a_break.high), (0.0, 0.5 * 7.0, 8.0));
}

#[test]
fn random_bodies_are_never_faster_than_their_bounds_and_intervals_rise() {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let forms = [
        "alu D = A:data B:data",
        "alu_shift D = A:data B:shift",
        "bitfield D = A:data",
        "mul D = A:mul B:mul @w",
        "mac D = A:mul B:mul D:acc @w",
        "ld_w D = A:addr !A",
        "ld_n D = A:addr",
        "st_w = A:data B:addr",
        "fadd D = A:data B:data",
        "fma D = A:mul B:mul D:acc",
        "div D = A:data B:data",
        "br_taken = A:flag",
    ];
    for round in 0..400 {
        let n = rng.random_range(1..14);
        let lines: Vec<String> = (0..n)
            .map(|_| {
                let reg = |rng: &mut rand_chacha::ChaCha8Rng| format!("r{}", rng.random_range(0..6));
                let form = forms[rng.random_range(0..forms.len())];
                form.replace('D', &reg(&mut rng)).replace('A', &reg(&mut rng)).replace('B', &reg(&mut rng))
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        for core in ["cortex-m7", "cortex-a53"] {
            let time = time(core, true, &lines);
            let bound = time.bounds.expect("a scoreboard core").cycles();
            assert!(
                time.cycles.mid >= bound - 1e-9,
                "{core} round {round}: {} < {bound} for {lines:#?}",
                time.cycles.mid
            );
            assert!(time.cycles.mid <= 400.0);
        }
        let m4 = time("cortex-m4", true, &lines).cycles;
        assert!(m4.low <= m4.mid && m4.mid <= m4.high, "{m4:?}");
    }
}
