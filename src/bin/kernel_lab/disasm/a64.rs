//! AArch64 with NEON: classes and operands of one instruction.

use super::Insn;
use super::operands::{address, indexed, is_register, register, register_list};
use tinyprec::profile::{Class, Operand, Width};

/// `None` for an instruction that this table does not know.
pub fn parse(mnemonic: &str, args: &[String]) -> Option<Insn> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Some(insn) = branch(mnemonic, &args) {
        return Some(insn);
    }
    if args.iter().any(|a| a.starts_with('[')) {
        return memory(mnemonic, &args);
    }
    let insn = if args.iter().any(|a| is_vector(a)) { vector(mnemonic, &args) } else { None };
    let insn = insn.or_else(|| if args.iter().any(|a| is_float(a)) { float(mnemonic, &args) } else { None });
    // Integer NEON instructions on one 64-bit lane name their registers as floats do.
    let insn = insn.or_else(|| if args.iter().any(|a| is_float(a)) { vector(mnemonic, &args) } else { None });
    insn.or_else(|| integer(mnemonic, &args)).map(rename)
}

fn branch(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    Some(match mnemonic {
        "b" => Insn::new(Class::BrTaken),
        "ret" => Insn::new(Class::BrExit).from(&["x30"], Operand::Data),
        "bl" => Insn::new(Class::BrExit).to(&["x30"]),
        "nop" => Insn::new(Class::Nop),
        "cbz" | "cbnz" | "tbz" | "tbnz" => rename(Insn::new(Class::BrTaken).from(&args[..1], Operand::Data)),
        _ if mnemonic.starts_with("b.") => Insn::new(Class::BrTaken).from(&["flags"], Operand::Flag),
        _ => return None,
    })
}

fn is_vector(arg: &str) -> bool {
    arg.starts_with('v') && arg.contains('.') || arg.starts_with('{')
}

fn is_float(arg: &str) -> bool {
    is_register(arg) && matches!(arg.as_bytes()[0], b's' | b'd' | b'q' | b'h') && arg != "sp"
}

/// Views of one register share a name: `w3` is `x3`; `b3 h3 s3 d3 q3` are `v3`.
fn rename(mut insn: Insn) -> Insn {
    let canonical = |name: &str| -> String {
        let number = name.get(1..).filter(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
        match (name.as_bytes().first(), number) {
            (Some(b'w'), Some(n)) => format!("x{n}"),
            (Some(b'b' | b'h' | b's' | b'd' | b'q'), Some(n)) => format!("v{n}"),
            _ => name.to_owned(),
        }
    };
    insn.d.iter_mut().for_each(|r| *r = canonical(r));
    insn.s.iter_mut().for_each(|(r, _)| *r = canonical(r));
    insn.wb = insn.wb.map(|r| canonical(&r));
    insn
}

fn core_width(arg: &str) -> Width {
    if arg.starts_with('x') { Width::X } else { Width::W }
}

fn integer(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    let class = match mnemonic {
        "mov" | "movz" | "movn" | "movk" | "mvn" | "add" | "adds" | "sub" | "subs" | "neg" | "negs" | "and"
        | "ands" | "orr" | "orn" | "eor" | "eon" | "bic" | "cmp" | "cmn" | "tst" | "csel" | "cset" | "csetm"
        | "csinc" | "cinc" | "csinv" | "cinv" | "csneg" | "cneg" | "ccmp" | "ccmn" | "adr" | "adrp" | "adc" | "sbc" => {
            Class::Alu
        }
        "lsl" | "lsr" | "asr" | "ror" => Class::Shift,
        "ubfx" | "sbfx" | "ubfiz" | "sbfiz" | "bfi" | "bfxil" | "sxtw" | "sxtb" | "sxth" | "uxtb" | "uxth" | "uxtw"
        | "extr" | "rev" | "rbit" | "clz" | "cls" => Class::Bitfield,
        "mul" | "mneg" => Class::Mul,
        "madd" | "msub" => Class::Mac,
        "smull" | "umull" | "umulh" | "smulh" | "smnegl" => Class::Mul64,
        "smaddl" | "umaddl" | "smsubl" | "umsubl" => Class::Mac64,
        "sdiv" | "udiv" => Class::Div,
        _ => return None,
    };
    let width = core_width(args[0]);
    let insn = Insn::new(class);
    Some(match class {
        Class::Alu => alu(mnemonic, args),
        Class::Shift => insn.to(&args[..1]).from(&args[1..], Operand::Shift),
        Class::Bitfield => {
            let kept = if matches!(mnemonic, "bfi" | "bfxil") { &args[..1] } else { &[] };
            insn.to(&args[..1]).from(kept, Operand::Data).from(&args[1..], Operand::Shift)
        }
        Class::Div => insn.to(&args[..1]).from(&args[1..], Operand::Data).width(width),
        // `smulh` and `umulh` need the full 64 by 64 product.
        Class::Mul64 => {
            let width = if mnemonic.ends_with('h') { Width::X } else { Width::W };
            insn.to(&args[..1]).from(&args[1..], Operand::Mul).width(width)
        }
        _ => {
            let width = if class == Class::Mac64 { Width::W } else { width };
            insn.to(&args[..1]).from(args.get(1..3)?, Operand::Mul).from(args.get(3..)?, Operand::Acc).width(width)
        }
    })
}

fn alu(mnemonic: &str, args: &[&str]) -> Insn {
    let modifier =
        |a: &&str| ["lsl ", "lsr ", "asr ", "sxt", "uxt"].iter().any(|s| a.starts_with(s)) && !is_register(a);
    let shift = args.last().is_some_and(modifier) && !matches!(mnemonic, "mov" | "movk" | "movz" | "movn");
    let list = if shift { &args[..args.len() - 1] } else { args };
    let mut insn = Insn::new(if shift { Class::AluShift } else { Class::Alu });
    let compares = matches!(mnemonic, "cmp" | "cmn" | "tst" | "ccmp" | "ccmn");
    if compares || matches!(mnemonic, "adds" | "subs" | "ands" | "negs") {
        insn = insn.to(&["flags"]);
    }
    let sources = if compares { list } else { &list[usize::from(mnemonic != "movk")..] };
    if !compares {
        insn = insn.to(&list[..1]);
    }
    if let Some((last, first)) = sources.split_last() {
        insn = insn.from(first, Operand::Data).from(&[last], if shift { Operand::Shift } else { Operand::Data });
    }
    let conditional =
        mnemonic.starts_with("cs") || matches!(mnemonic, "cinc" | "cinv" | "cneg" | "ccmp" | "ccmn" | "adc" | "sbc");
    if conditional { insn.from(&["flags"], Operand::Flag) } else { insn }
}

fn memory(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    let at = args.iter().position(|a| a.starts_with('['))?;
    let list = if args[0].starts_with('{') {
        register_list(args[0])
    } else {
        args[..at].iter().map(|a| register(a).to_owned()).collect()
    };
    let registers: Vec<&str> = list.iter().map(String::as_str).collect();
    let first = args[0].trim_start_matches(['{', ' ']).as_bytes().first().copied()?;
    let vector = match first {
        b'q' => Some(Width::Q),
        b'd' => Some(Width::D),
        b's' if args[0] != "sp" => Some(Width::S),
        b'v' if args[0].contains(".16b")
            || args[0].contains(".8h")
            || args[0].contains(".4s")
            || args[0].contains(".2d") =>
        {
            Some(Width::Q)
        }
        b'v' => Some(Width::D),
        _ => None,
    };
    let load = mnemonic.starts_with("ld");
    let class = match (mnemonic, vector) {
        ("ldr" | "ldur" | "ldp" | "ld1" | "ld1r", Some(Width::Q)) | ("ld1" | "ld1r" | "ldp", Some(_)) => Class::VecLd,
        ("str" | "stur" | "stp" | "st1", Some(Width::Q)) | ("st1" | "stp", Some(_)) => Class::VecSt,
        ("ldr" | "ldur", Some(_)) => Class::Fld,
        ("str" | "stur", Some(_)) => Class::Fst,
        ("ldr" | "ldur" | "ldrsw" | "ldursw", None) => Class::LdW,
        ("ldrb" | "ldrh" | "ldrsb" | "ldrsh" | "ldurb" | "ldurh" | "ldursb" | "ldursh", None) => Class::LdN,
        ("ldp" | "ldpsw", None) => Class::LdPair,
        ("str" | "stur", None) if indexed(args[at]) => Class::StReg,
        ("strb" | "strh" | "sturb" | "sturh", None) if indexed(args[at]) => Class::StReg,
        ("str" | "stur", None) => Class::StW,
        ("strb" | "strh" | "sturb" | "sturh", None) => Class::StN,
        ("stp", None) => Class::StPair,
        _ => return None,
    };
    let insn = Insn::new(class).width(vector.unwrap_or_else(|| core_width(args[0])));
    let insn = if load { insn.to(&registers) } else { insn.from(&registers, Operand::Data) };
    Some(rename(address(insn, args[at], args.get(at + 1).copied())))
}

fn float(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    let width = if args.iter().any(|a| a.starts_with('d')) { Width::D } else { Width::S };
    let class = match mnemonic {
        "fadd" | "fsub" | "fneg" | "fabs" | "fmax" | "fmin" | "fmaxnm" | "fminnm" => Class::Fadd,
        "fmul" | "fnmul" => Class::Fmul,
        "fmadd" | "fmsub" | "fnmadd" | "fnmsub" => Class::Fma,
        "fdiv" => Class::Fdiv,
        "fsqrt" => Class::Fsqrt,
        "fcmp" | "fcmpe" => Class::Fcmp,
        "fmov" | "fcsel" => Class::Fmov,
        "movi" => Class::VecMov,
        "scvtf" | "ucvtf" | "fcvtzs" | "fcvtzu" | "fcvtns" | "fcvtas" | "fcvtms" | "frintn" | "frinta" | "frintm"
        | "frintz" | "fcvt" => Class::Fcvt,
        _ => return None,
    };
    let insn = Insn::new(class).width(width);
    Some(match mnemonic {
        "fcmp" | "fcmpe" => insn.to(&["flags"]).from(args, Operand::Data),
        "fcsel" => insn.to(&args[..1]).from(&args[1..3], Operand::Data).from(&["flags"], Operand::Flag),
        _ if class == Class::Fma => {
            insn.to(&args[..1]).from(args.get(1..3)?, Operand::Mul).from(args.get(3..)?, Operand::Acc)
        }
        _ if class == Class::Fmul => insn.to(&args[..1]).from(&args[1..], Operand::Mul),
        _ => insn.to(&args[..1]).from(&args[1..], Operand::Data),
    })
}

fn vector(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    let names: Vec<&str> = args.iter().map(|a| register(a)).collect();
    let wide = [".16b", ".8h", ".4s", ".2d"];
    let width = if args.iter().any(|a| wide.iter().any(|w| a.ends_with(w))) { Width::Q } else { Width::D };
    let class = match mnemonic {
        "and" | "orr" | "eor" | "bic" | "orn" | "mvn" | "not" | "bif" | "bit" | "bsl" => Class::VecLogic,
        "mov" if args.iter().all(|a| is_vector(a) && !a.contains('[')) => Class::VecLogic,
        "add" | "sub" | "cnt" | "shl" | "sshr" | "ushr" | "sshl" | "ushl" | "srshl" | "smax" | "smin" | "umax"
        | "umin" | "cmgt" | "cmge" | "cmeq" | "cmhi" | "cmhs" | "cmlt" | "cmle" | "cmtst" | "neg" | "abs" | "addw"
        | "addw2" | "uaddw" | "uaddw2" | "saddw" | "saddw2" | "uaddl" | "saddl" | "saddl2" | "sshll" | "sshll2"
        | "ushll" | "ushll2" | "sxtl" | "sxtl2" | "uxtl" | "uxtl2" | "xtn" | "xtn2" | "ext" | "zip1" | "zip2"
        | "uzp1" | "uzp2" | "trn1" | "trn2" | "rev64" | "ssra" | "usra" | "srshr" | "sli" | "ssubl" | "ssubl2"
        | "ssubw" | "ssubw2" => Class::VecAlu,
        "uaddlp" | "saddlp" | "addp" | "addv" | "uaddlv" | "saddlv" | "smaxv" | "sminv" | "umaxv" | "uminv"
        | "sqxtn" | "sqxtn2" | "sqrshrn" | "faddp" => Class::VecPairwise,
        "uadalp" | "sadalp" => Class::VecAdalp,
        "mul" | "mla" | "mls" | "smull" | "smull2" | "umull" | "umull2" | "smlal" | "smlal2" | "umlal" | "umlal2"
        | "smlsl" | "sqrdmulh" | "sqdmulh" => Class::VecMul,
        "fmla" | "fmls" => Class::Fma,
        "fadd" | "fsub" | "fmul" | "fneg" | "fabs" | "fmax" | "fmin" | "fmaxnm" | "fminnm" | "scvtf" | "fcvtzs"
        | "fcvtns" | "fcmgt" | "fcmge" | "fdiv" => Class::VecFp,
        "dup" | "ins" | "umov" | "smov" | "mov" | "movi" | "mvni" | "fmov" => Class::VecMov,
        _ => return None,
    };
    let insn = Insn::new(class).width(width);
    let keeps = matches!(mnemonic, "ins" | "bif" | "bit" | "bsl" | "ssra" | "usra" | "sli")
        || (mnemonic == "mov" && args[0].contains('['));
    let accumulates = matches!(
        mnemonic,
        "mla" | "mls" | "smlal" | "smlal2" | "umlal" | "umlal2" | "smlsl" | "fmla" | "fmls" | "uadalp" | "sadalp"
    );
    let kept = if keeps { &names[..1] } else { &[] };
    let acc = if accumulates { &names[..1] } else { &[] };
    let kind = if class == Class::VecMul || matches!(mnemonic, "fmul" | "fmla" | "fmls") {
        Operand::Mul
    } else {
        Operand::Data
    };
    Some(insn.to(&names[..1]).from(kept, Operand::Data).from(&names[1..], kind).from(acc, Operand::Acc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mnemonic: &str, args: &str) -> Insn {
        parse(mnemonic, &super::super::operands::split(args)).unwrap_or_else(|| panic!("{mnemonic} {args}"))
    }

    #[test]
    fn classes_widths_and_kinds() {
        let kinds = |i: &Insn| i.s.iter().map(|(r, k)| format!("{r}:{k:?}")).collect::<Vec<_>>().join(" ");
        let q = parsed("ldr", "q0, [x17, x15]");
        assert_eq!((q.class, q.w, kinds(&q).as_str()), (Class::VecLd, Some(Width::Q), "x17:Addr x15:Addr"));
        let a = parsed("uadalp", "v1.4s, v0.8h");
        assert_eq!((a.class, a.w, kinds(&a).as_str()), (Class::VecAdalp, Some(Width::Q), "v0:Data v1:Acc"));
        assert_eq!(kinds(&parsed("sub", "w0, w2, w0, lsl #1")), "x2:Data x0:Shift");
        assert_eq!(parsed("sub", "w0, w2, w0, lsl #1").class, Class::AluShift);
        assert_eq!(kinds(&parsed("madd", "w14, w14, w8, w5")), "x14:Mul x8:Mul x5:Acc");
        assert_eq!(parsed("stp", "x29, x30, [sp, #-128]!").wb.as_deref(), Some("sp"));
        assert_eq!(kinds(&parsed("csel", "w2, w3, w21, le")), "x3:Data x21:Data flags:Flag");
        assert_eq!((parsed("fmov", "w0, s0").class, parsed("dup", "v0.2s, w11").class), (Class::Fmov, Class::VecMov));
        assert_eq!(kinds(&parsed("ldr", "w11, [x27, x15, lsl #2]")), "x27:Addr x15:Addr");
        assert_eq!(parsed("fmadd", "s0, s1, s2, s3").class, Class::Fma);
    }
}
