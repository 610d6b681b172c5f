//! Formats: text there and back, ranges, storage, and errors that name the way out.

use tinyprec::numeric::{AccumulatorFormat, Check, FixedFormat, Format, IntFormat, Overflow, Range, Rounding, Scheme};

fn parse(text: &str) -> Format {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn every_integer_and_fixed_format_survives_its_text() {
    let mut seen = 0;
    for bits in 2..=32 {
        for scheme in ["", ":affine"] {
            for granularity in ["", ":per-channel"] {
                for kind in ["", ":pow2"] {
                    for range in ["", ":frozen", ":static(-1,1)", ":static(-0.1,0.1)"] {
                        let text = format!("int{bits}{scheme}{granularity}{kind}{range}");
                        let format = parse(&text);
                        assert_eq!(format.to_string(), text);
                        assert_eq!(format.bits(), bits);
                        let json = serde_json::to_string(&format).expect("text");
                        assert_eq!(json, format!("\"{text}\""));
                        assert_eq!(serde_json::from_str::<Format>(&json).expect("its own text"), format);
                        seen += 1;
                    }
                }
            }
        }
    }
    for integer in 0..=31u32 {
        for fraction in 0..=31 - integer {
            if integer + fraction > 0 {
                let format = parse(&format!("q{integer}.{fraction}"));
                assert_eq!(format.to_string(), format!("q{integer}.{fraction}"));
                assert_eq!(format.bits(), integer + fraction + 1);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 31 * 32 + 527);
    for text in ["binary", "f32", "f16", "bf16"] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn defaults_may_be_written_and_order_is_free() {
    let long = parse(" int8:dynamic:real:per-tensor:symmetric ");
    assert_eq!(long, parse("int8"));
    assert_eq!(parse("int8:static( -2 , 3 ):affine").to_string(), "int8:affine:static(-2,3)");
    let Format::Int(int) = parse("int4:affine:static(-2,3)") else { panic!("an integer format") };
    assert_eq!((int.scheme(), int.range()), (Scheme::Affine, Range::Static { lo: -2.0, hi: 3.0 }));
}

#[test]
fn impossible_formats_say_what_is_possible() {
    for (text, needle) in [
        ("int1", "2 to 32 bits"),
        ("int0", "2 to 32 bits"),
        ("int33", "2 to 32 bits"),
        ("int99999999999999999999999", "2 to 32 bits"),
        ("q40.2", "I + F must be from 1 to 31"),
        ("q16.16", "I + F must be from 1 to 31"),
        ("q0.0", "I + F must be from 1 to 31"),
        ("q99999999999999999999.4", "I + F must be from 1 to 31"),
        ("q7", "qI.F"),
        ("q-1.3", "qI.F"),
        ("int", "int2 … int32"),
        ("int+8", "int2 … int32"),
        ("", "int2 … int32"),
        ("f64", "f32, f16 or bf16"),
        ("f32:affine", "write `f32`"),
        ("q7.8:affine", "write `q7.8`"),
        ("int8:", "no option"),
        ("int8:afine", "options are symmetric, affine"),
        ("int8:affine:symmetric", "scheme twice"),
        ("int8:frozen:static(-1,1)", "range twice"),
        ("int8:static(1,-1)", "below the upper end"),
        ("int8:static(-1,2)", "write affine"),
        ("int8:static(-inf,inf)", "finite"),
        ("int8:static(nan,1)", "finite"),
        ("int8:static(-1;1)", "no option"),
    ] {
        let error = text.parse::<Format>().expect_err(text).to_string();
        assert!(error.contains(needle), "{text}: `{error}` lacks `{needle}`");
    }
    let from_json = serde_json::from_str::<Format>("\"int1\"").expect_err("no such format").to_string();
    assert!(from_json.contains("2 to 32 bits"), "{from_json}");
    assert!(IntFormat::new(1).is_err() && IntFormat::new(33).is_err());
    assert!(FixedFormat::new(u32::MAX, 1).is_err());
}

#[test]
fn codes_have_the_ranges_of_their_format() {
    for (text, lo, hi) in [
        ("binary", -1, 1),
        ("int2", -1, 1),
        ("int2:affine", -2, 1),
        ("int8", -127, 127),
        ("int8:affine", -128, 127),
        ("int32", -2_147_483_647, 2_147_483_647),
        ("int32:affine", -2_147_483_648, 2_147_483_647),
        ("q7.8", -32_768, 32_767),
        ("q1.30", -2_147_483_648, 2_147_483_647),
        ("q1.0", -2, 1),
    ] {
        let format = parse(text);
        assert_eq!((format.qmin(), format.qmax()), (Some(lo), Some(hi)), "{text}");
        assert!(format.is_integer());
    }
    for text in ["f32", "f16", "bf16"] {
        assert_eq!((parse(text).qmin(), parse(text).is_integer()), (None, false));
    }
}

#[test]
fn storage_is_packed_below_a_byte_and_whole_above() {
    for (text, n, bytes) in [
        ("binary", 0, 0),
        ("binary", 1, 1),
        ("binary", 8, 1),
        ("binary", 9, 2),
        ("int4", 3, 2),
        ("int3", 8, 3),
        ("int3", 9, 4),
        ("int7", 100, 88),
        ("int8", 100, 100),
        ("int9", 100, 200),
        ("int16", 100, 200),
        ("int17", 100, 400),
        ("q7.24", 100, 400),
        ("f16", 100, 200),
        ("f32", 100, 400),
    ] {
        assert_eq!(parse(text).storage_bytes(n), bytes, "{text} × {n}");
    }
}

#[test]
fn rules_and_accumulators_survive_their_text() {
    for &rule in Rounding::ALL {
        assert_eq!(rule.to_string().parse(), Ok(rule));
    }
    for &rule in Overflow::ALL {
        assert_eq!(rule.to_string().parse(), Ok(rule));
        for &check in Check::ALL {
            for bits in 8..=64 {
                let format = AccumulatorFormat::new(bits, check, rule).expect("8 to 64 bits");
                assert_eq!(format.to_string().parse(), Ok(format));
            }
        }
    }
    let error = "nearest".parse::<Rounding>().expect_err("says nothing of ties").to_string();
    assert!(error.contains("ties-even, ties-away, ties-up, floor, toward-zero, stochastic"), "{error}");
    assert!("acc7".parse::<AccumulatorFormat>().expect_err("too narrow").to_string().contains("8 to 64"));
    assert!("acc65".parse::<AccumulatorFormat>().is_err() && "acc32:maybe".parse::<AccumulatorFormat>().is_err());
    assert_eq!("acc16:wrap:at-end".parse(), AccumulatorFormat::new(16, Check::AtEnd, Overflow::Wrap));
}
