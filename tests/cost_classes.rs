//! Every instruction class of the published timings (sources in hw_profiles/cores/), core by core.

mod cost_support;

use cost_support::{steady, time};

fn check(core: &str, cases: &[(&str, &[&str], f64)]) {
    for (what, body, want) in cases {
        assert_eq!(steady(core, body), *want, "{core}: {what}");
    }
}

#[test]
fn m4_every_class_takes_its_issue_cycles() {
    let one = [
        "alu",
        "alu_shift",
        "shift",
        "bitfield",
        "dsp",
        "sat",
        "mul",
        "mac",
        "mul64",
        "mac64",
        "br_not",
        "it",
        "fadd",
        "fmul",
        "fcmp",
        "fmov",
        "fcvt",
        "nop",
    ];
    for class in one {
        assert_eq!(steady("cortex-m4", &[&format!("{class} r0 = r8:data")]), 1.0, "{class}");
    }
    check(
        "cortex-m4",
        &[
            ("byte loads pair as words do", &["ld_n r0 = r8:addr", "ld_n r1 = r9:addr", "alu r3 = r3:data"], 4.0),
            ("immediate-offset store", &["st_w = r0:data r9:addr", "alu r3 = r3:data"], 2.0),
            ("narrow store", &["st_n = r0:data r9:addr", "alu r3 = r3:data"], 2.0),
            ("register-offset store", &["st_reg = r0:data r9:addr r7:addr", "alu r3 = r3:data"], 3.0),
            ("LDRD", &["ld_pair r0,r1 = r8:addr", "alu r3 = r3:data"], 4.0),
            ("STRD", &["st_pair = r0:data r1:data r8:addr", "alu r3 = r3:data"], 4.0),
            ("STM of six", &["st_multi = r0:data r8:addr #6", "alu r3 = r3:data"], 8.0),
            (
                "fused multiply-add whose result is not used next",
                &["fma s0 = s1:mul s2:mul s3:acc", "alu r3 = r3:data"],
                4.0,
            ),
            ("fused multiply-add whose result is used next", &["fma s0 = s1:mul s2:mul s0:acc"], 4.0),
            ("float division", &["fdiv s0 = s1:data s2:data", "alu r3 = r3:data"], 15.0),
            ("float square root", &["fsqrt s0 = s1:data", "alu r3 = r3:data"], 15.0),
            ("float load", &["fld s0 = r8:addr", "alu r3 = r3:data"], 3.0),
        ],
    );
    for (width, high) in [("w", 12.0), ("h", 7.0), ("b", 5.0)] {
        let time = time("cortex-m4", true, &[&format!("div r0 = r1:data r2:data @{width}")]).cycles;
        assert_eq!((time.low, time.high), (2.0, high), "a division takes the longer the wider its quotient may be");
    }
}

#[test]
fn m7_every_class_has_its_latency_and_pairing() {
    check(
        "cortex-m7",
        &[
            ("saturation chain", &["sat r0 = r0:data"], 2.0),
            ("DSP chain", &["dsp r0 = r0:data"], 1.0),
            ("DSP never two a cycle", &["dsp r0 = r8:data", "dsp r1 = r9:data"], 2.0),
            (
                "one MAC a cycle, whatever its width",
                &["mac r0 = r8:mul r9:mul r0:acc", "mul64 r1,r2 = r8:mul r9:mul"],
                2.0,
            ),
            ("LDRD does not pair", &["ld_pair r0,r1 = r8:addr", "alu r3 = r9:data"], 2.0),
            ("STM of four", &["st_multi = r0:data r8:addr #4", "alu r3 = r9:data"], 3.0),
            ("a store and an ALU operation pair", &["st_n = r1:data r9:addr", "alu r3 = r8:data"], 1.0),
            ("branch not taken pairs", &["alu r3 = r9:data", "br_not = flags:flag"], 1.0),
            ("two float operations do not pair", &["fadd s0 = s8:data s9:data", "fmul s1 = s8:data s9:data"], 2.0),
            ("float product chain", &["fmul s0 = s0:data s8:data"], 3.0),
            ("fused multiply-add from its factors", &["fma s0 = s0:mul s8:mul s9:acc"], 5.0),
            ("float division chain", &["fdiv s0 = s0:data s8:data"], 16.0),
            ("float square root chain", &["fsqrt s0 = s0:data"], 14.0),
            (
                "float load to accumulator",
                &["fld s0 = r0:addr", "fma s1 = s8:mul s9:mul s0:acc", "fmov r0 = s1:data"],
                9.0,
            ),
        ],
    );
    let branch = time("cortex-m7", true, &["alu r0 = r0:data", "br_taken = flags:flag"]).cycles;
    assert_eq!(
        (branch.low, branch.mid, branch.high),
        (1.0, 1.0, 2.0),
        "predicted branches fold; a bubble by alignment"
    );
}

#[test]
fn a53_every_class_has_its_latency_and_throughput() {
    check(
        "cortex-a53",
        &[
            ("immediate shift chain", &["shift x0 = x0:data"], 2.0),
            ("bit-field chain", &["bitfield x0 = x0:data"], 2.0),
            ("high product chain", &["mul64 x0 = x0:mul x8:mul @x"], 6.0),
            ("high products: one in four cycles", &["mul64 x0 = x8:mul @x", "mul64 x1 = x9:mul @x"], 8.0),
            ("64-bit multiply-add from its factors", &["mac x0 = x0:mul x8:mul x9:acc @x"], 5.0),
            ("byte load to use", &["ld_n x0 = x0:addr"], 4.0),
            ("one store a cycle", &["st_w = x0:data x8:addr", "st_n = x1:data x9:addr"], 2.0),
            ("a load and an ALU operation pair", &["ld_w x0 = x8:addr", "alu x1 = x9:data"], 1.0),
            ("scalar float: two a cycle", &["fadd s0 = s8:data", "fmul s1 = s9:data"], 1.0),
            ("float chain", &["fadd s0 = s0:data"], 4.0),
            ("multiply-add from its factors", &["fma s0 = s0:mul s8:mul s9:acc"], 8.0),
            (
                "Q multiply-add: one a cycle",
                &["fma v0 = v8:mul v9:mul v10:acc @q", "fma v1 = v8:mul v9:mul v11:acc @q"],
                2.0,
            ),
            ("float division chain", &["fdiv s0 = s0:data"], 18.0),
            ("logic chain", &["vec_logic v0 = v0:data @q"], 1.0),
            ("count or add chain", &["vec_alu v0 = v0:data @q"], 2.0),
            ("pairwise chain", &["vec_pairwise v0 = v0:data @q"], 3.0),
            ("product chain", &["vec_mul v0 = v0:mul v8:mul @q"], 4.0),
            ("float vector chain", &["vec_fp v0 = v0:data @q"], 4.0),
            ("pairwise accumulate from its source", &["vec_adalp v0 = v0:data v8:acc @q"], 4.0),
            ("vector to core register", &["vec_mov x0 = x0:data"], 3.0),
            ("64-bit vector load: one a cycle", &["vec_ld v0 = x8:addr @d", "vec_ld v1 = x9:addr @d"], 2.0),
        ],
    );
    for (width, low, high) in [("w", 3.0, 16.0), ("h", 3.0, 9.0), ("b", 3.0, 6.0)] {
        let time = time("cortex-a53", true, &[&format!("div x0 = x0:data x8:data @{width}")]).cycles;
        assert_eq!((time.low, time.high), (low, high), "{width}");
    }
}

#[test]
fn rv32_follows_the_published_cycle_table() {
    check(
        "rv32imc",
        &[
            ("ALU", &["alu a0 = a1:data"], 1.0),
            ("load whose result is used later", &["ld_w a0 = s0:addr", "alu a1 = a2:data", "alu a3 = a0:data"], 3.0),
            (
                "load whose result is used next: one more",
                &["ld_w a0 = s0:addr", "alu a1 = a0:data", "alu a3 = a2:data"],
                4.0,
            ),
            ("store", &["st_w = a0:data s0:addr", "alu a1 = a2:data"], 2.0),
            ("mul", &["mul a0 = a1:mul a2:mul"], 1.0),
            ("mulh", &["mul64 a0 = a1:mul a2:mul"], 5.0),
            ("branch not taken", &["br_not = a0:data"], 1.0),
            ("branch taken", &["br_taken = a0:data"], 3.0),
        ],
    );
    let division = time("rv32imc", true, &["div a0 = a1:data a2:data"]).cycles;
    assert_eq!((division.low, division.high), (3.0, 37.0));
}
