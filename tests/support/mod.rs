//! A record made by hand, with every field filled and every awkward case in it, for tests of what reads records.
#![allow(dead_code)] // each test file uses its own part

use tinyprec::record::*;
use tinyprec::trace::Phase;

/// Profile, board, core, MHz, RAM and flash in KiB, relative cost.
type Board = (&'static str, &'static str, &'static str, f64, f64, Option<f64>, f64);

const BOARDS: [Board; 3] = [
    ("stm32l4r5", "NUCLEO-L4R5ZI", "cortex-m4", 120.0, 640.0, Some(2048.0), 1.0),
    ("stm32f746", "STM32F746G-DISCO", "cortex-m7", 216.0, 320.0, Some(1024.0), 0.31),
    ("rpi3b-plus", "Raspberry Pi 3B+", "cortex-a53", 1400.0, 983_040.0, None, 0.034),
];

/// Name, final accuracy, share of vanished updates, bytes of a stored weight, relative cost of a step.
const PRECISIONS: [(&str, f64, f64, f64, f64); 4] = [
    ("float", 0.951, 0.0, 4.0, 1.6),
    ("hybrid-8", 0.713, 0.994, 1.0, 0.82),
    ("hybrid-16", 0.949, 0.051, 2.0, 1.0),
    ("hybrid-32", 0.952, 0.0, 4.0, 1.9),
];

pub fn summary(mean: f64, half: f64) -> Summary {
    Summary { mean, half_width_95: Some(half), n: 3 }
}

fn interval(mid: f64, share: f64) -> Interval {
    Interval { low: mid * (1.0 - share), mid, high: mid * (1.0 + share) }
}

/// The record. Its numbers are made up.
pub fn record() -> RunRecord {
    RunRecord {
        schema_version: SCHEMA_VERSION,
        provenance: Provenance {
            tool: "tinyprec 0.1.0".into(),
            experiment: "fixture".into(),
            experiment_toml: "[experiment]\nname = \"fixture\" # <&>\n".into(),
            command: "tinyprec run fixture.toml".into(),
            inputs: vec![("data/train.gz".into(), "ab".repeat(32)), ("backbone.safetensors".into(), "cd".repeat(32))],
            seeds: vec![1, 2, 3],
        },
        stream: StreamInfo {
            dataset: "mnist".into(),
            scenario: "nc".into(),
            n_classes: 10,
            experience_classes: vec![vec![0, 1, 2, 3], vec![4, 5], vec![6, 7], vec![8, 9]],
            experience_samples: vec![1600, 800, 800, 800],
            test_samples: 2000,
            growing_test: false,
            epochs: vec![10, 5, 5, 5],
            batch: 32,
            backbone_classes: vec![0, 1, 2, 3],
        },
        backbone: BackboneInfo {
            name: "mnist-bcnn".into(),
            features: 256,
            packed_bytes: 143_360,
            binary_macs: 9_830_400,
            other_macs: 112_896,
        },
        joint_upper_bound: Some(summary(0.968, 0.002)),
        precisions: PRECISIONS.iter().map(precision).collect(),
        boards: BOARDS.iter().map(board).collect(),
        costs: BOARDS.iter().flat_map(|b| PRECISIONS.iter().map(move |p| cost(p, b))).collect(),
        notes: vec!["a note with <markup> & an ampersand".into()],
    }
}

fn precision(&(name, last, vanished, _, _): &(&str, f64, f64, f64, f64)) -> PrecisionResult {
    let float = PRECISIONS[0].1;
    let curve: Vec<f64> = [0.395, 0.58, 0.77, 1.0].iter().map(|s| s * last).collect();
    let seeds = [1u64, 2, 3].map(|seed| SeedResult {
        seed,
        accuracy: (0..4).map(|i| (0..4).map(|j| if j <= i { last } else { 0.0 }).collect()).collect(),
        initial_accuracy: vec![0.1; 4],
        stream_accuracy: curve.clone(),
        mean_class_accuracy: curve.clone(),
        confusion: vec![vec![20; 10]; 10],
        fidelity: if seed == 1 { fidelity(name, vanished) } else { Vec::new() },
        gradient_by_epoch: (seed == 1)
            .then_some(EpochGradient { experience: 0, epoch: 1, steps: 3, mape: 0.2, relative_l2: 0.1 })
            .into_iter()
            .collect(),
    });
    PrecisionResult {
        name: name.into(),
        slots: ["features", "weights.master", "error", "gradient"]
            .map(|s| (s.to_owned(), "int8:symmetric:static(-1,1) ties-even saturate".to_owned()))
            .to_vec(),
        final_accuracy: summary(last, 0.006),
        accuracy_by_experience: curve.iter().map(|&a| summary(a, 0.012)).collect(),
        forgetting: Some(summary(0.031, 0.004)),
        minus_float: (name != "float").then(|| summary(last - float, 0.008)),
        versus_float: (name != "float").then_some(PairedTestInfo {
            n: 3,
            t: Some(-2.1),
            t_p: Some(0.17),
            signed_rank: 1.0,
            signed_rank_p: Some(0.5),
        }),
        metrics: Some(StreamMetrics {
            average_accuracy: summary(last, 0.006),
            average_over_time: summary(0.68 * last, 0.006),
            backward_transfer: Some(summary(-0.031, 0.004)),
            forward_transfer: Some(summary(-0.1, 0.0)),
            amca: summary(0.68 * last, 0.006),
            per_class_accuracy: vec![Some(last); 10],
        }),
        seeds: seeds.to_vec(),
        vanished_updates: (name != "float").then_some(vanished),
        overflows: vec![
            OverflowInfo { site: "weights.master".into(), total: 123_456, overflowed: 17, first: vec![128, -140, 131] },
            OverflowInfo { site: "logits".into(), total: 1000, overflowed: 0, first: vec![] },
        ],
        accumulators: vec![
            AccumulatorInfo { site: "logits".into(), safe_bits: 24, used_bits: 32, seen_bits: 19 },
            AccumulatorInfo { site: "gradient".into(), safe_bits: 44, used_bits: 32, seen_bits: 27 },
        ],
    }
}

fn fidelity(name: &str, vanished: f64) -> Vec<FidelityPoint> {
    let size = match name {
        "hybrid-8" => 1e-2,
        "hybrid-16" => 5e-5,
        "hybrid-32" => 1e-6,
        _ => 1e-7,
    };
    let mut points = Vec::new();
    for k in 0..40u64 {
        let wave = 1.0 + 0.4 * (k as f64 * 0.9).sin();
        for role in ["logits", "error", "gradient", "weights.master", "update"] {
            points.push(FidelityPoint {
                step: k * 20,
                experience: usize::try_from(k / 10).unwrap(),
                role: role.into(),
                relative_l2: size * wave * if role == "update" { 3.0 } else { 1.0 },
                mape: (role == "gradient").then_some(size * 4.0),
                vanished: (role == "update").then_some((vanished * (0.9 + 0.1 * wave)).min(1.0)),
                lsb: (role == "weights.master").then_some(2f64.powi(-7)),
            });
        }
    }
    points
}

fn board(
    &(profile, name, core, clock_mhz, ram_kib, flash_kib, _): &(&str, &str, &str, f64, f64, Option<f64>, f64),
) -> BoardInfo {
    BoardInfo {
        profile: profile.into(),
        board: name.into(),
        core: core.into(),
        clock_mhz,
        ram_kib,
        flash_kib,
        assumed: vec![("power.run_mw".into(), "44.8 ± 10 %".into(), "no sheet gives it for this clock".into())],
        uncertainty: Some(Uncertainty {
            precision: "hybrid-16".into(),
            numbers: vec![UncertainNumber {
                key: "power.run_mw".into(),
                value: "44.8 ± 10 %".into(),
                origin: "assumed".into(),
                source: "no sheet gives it for this clock".into(),
                step_energy_share: 0.75,
                step_latency_share: 0.0,
                inference_latency_share: 0.0,
            }],
        }),
    }
}

fn cost(p: &(&str, f64, f64, f64, f64), b: &(&str, &str, &str, f64, f64, Option<f64>, f64)) -> CostResult {
    let (step, image) = (18.0 * p.4 * b.6, 96.0 * b.6);
    let power = 44.8 / b.6.sqrt();
    let phase = |phase, unit: &str, ms: f64| PhaseCost {
        phase,
        unit: unit.into(),
        cycles: interval(ms * b.3 * 1e3, 0.05),
        latency_ms: interval(ms, 0.05),
        energy_uj: interval(ms * power, 0.12),
    };
    let fits = !(p.0 == "hybrid-32" && b.0 == "stm32f746");
    CostResult {
        precision: p.0.into(),
        profile: b.0.into(),
        kernel_set: "gcc12-o2".into(),
        inference_latency_ms: interval(image, 0.05),
        inference_energy_uj: interval(image * power, 0.12),
        step_latency_ms: interval(step, 0.05),
        step_energy_uj: interval(step * power, 0.12),
        consolidation_latency_ms: interval(step * 0.3, 0.05),
        consolidation_energy_uj: interval(step * 0.3 * power, 0.12),
        phases: vec![
            phase(Phase::Inference, "image", image * 0.98),
            phase(Phase::HeadForward, "image", image * 0.02),
            phase(Phase::HeadForward, "step", step * 0.3),
            phase(Phase::Backward, "step", step * 0.55),
            phase(Phase::Update, "step", step * 0.15),
            phase(Phase::Consolidate, "consolidation", step * 0.3),
        ],
        sites: ["conv1", "conv2"]
            .map(|s| site(Phase::Inference, s))
            .into_iter()
            .chain([site(Phase::Backward, "head.gradient")])
            .collect(),
        ram_kib: 40.0 + 10.0 * p.3,
        flash_kib: 160.0,
        fits,
        missing_kib: if fits { 0.0 } else { 12.5 },
        stored_samples: None,
        ram_timeline: (0..24).map(|call| point(call, p.3)).collect(),
        unpriced: Vec::new(),
    }
}

fn site(phase: Phase, site: &str) -> SiteCost {
    SiteCost { phase, site: site.into(), kernel: "tp_bconv".into(), cycles: interval(1e5, 0.05), memory_share: 0.2 }
}

fn point(call: usize, bytes: f64) -> RamPoint {
    let arena = [8192, 16384, 12288, 4096][call / 6 % 4] + 512 * u64::try_from(call % 6).unwrap();
    let site = ["conv1", "conv2", "head.gradient", "head.gradient"][call / 6 % 4];
    let state = [1.0, 2.0, 4.0].iter().position(|b| *b == bytes).map_or(20_480, |i| 10_240 << i);
    RamPoint { call, site: site.into(), state_bytes: state, arena_bytes: arena }
}
