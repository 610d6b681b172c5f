//! Thumb-2 with VFP: classes and operands of one instruction.

use super::Insn;
use super::operands::{address, indexed, is_register, register_list};
use tinyprec::profile::{Class, Operand, Width};

const CONDITIONS: [&str; 16] =
    ["eq", "ne", "cs", "cc", "hs", "ls", "mi", "pl", "vs", "vc", "hi", "lo", "ge", "lt", "gt", "le"];

/// A mnemonic without width and condition: base name, sets flags, predicated.
struct Name<'a> {
    base: &'a str,
    sets_flags: bool,
    predicated: bool,
}

/// `None` for an instruction that this table does not know.
pub fn parse(mnemonic: &str, args: &[String]) -> Option<Insn> {
    let plain = mnemonic.trim_end_matches(".w").trim_end_matches(".n");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Some(branch) = branch(plain, &args) {
        return Some(branch);
    }
    if plain.starts_with('v') {
        return float(plain, &args).map(|insn| halves(insn, plain.contains(".f64")));
    }
    let name = name(plain)?;
    let mut insn = body(&name, &args)?;
    if name.sets_flags {
        insn = insn.to(&["flags"]);
    }
    if name.predicated {
        let old: Vec<String> = insn.d.iter().filter(|r| *r != "flags").cloned().collect();
        for r in old {
            insn = insn.from(&[&r], Operand::Data);
        }
        insn = insn.from(&["flags"], Operand::Flag);
    }
    Some(insn)
}

fn branch(name: &str, args: &[&str]) -> Option<Insn> {
    match name {
        "b" => Some(Insn::new(Class::BrTaken)),
        "bx" => Some(Insn::new(Class::BrExit).from(args, Operand::Data)),
        "bl" => Some(Insn::new(Class::BrExit).to(&["lr"])),
        "cbz" | "cbnz" => Some(Insn::new(Class::BrTaken).from(&args[..1], Operand::Data)),
        "nop" => Some(Insn::new(Class::Nop)),
        _ if CONDITIONS.iter().any(|c| name.strip_prefix('b') == Some(c)) => {
            Some(Insn::new(Class::BrTaken).from(&["flags"], Operand::Flag))
        }
        // A call or return inside an IT block.
        _ if ["bx", "bl"].iter().any(|b| name.strip_prefix(b).is_some_and(|c| CONDITIONS.contains(&c))) => {
            Some(Insn::new(Class::BrExit).from(args, Operand::Data).from(&["flags"], Operand::Flag))
        }
        _ if name.starts_with("it") && name[2..].chars().all(|c| c == 't' || c == 'e') => Some(Insn::new(Class::It)),
        _ => None,
    }
}

fn class_of(base: &str) -> Option<Class> {
    Some(match base {
        "mov" | "movw" | "movt" | "mvn" | "add" | "addw" | "sub" | "subw" | "rsb" | "adc" | "sbc" | "and" | "orr"
        | "orn" | "eor" | "bic" | "neg" | "cmp" | "cmn" | "tst" | "teq" => Class::Alu,
        "lsl" | "lsr" | "asr" | "ror" | "rrx" => Class::Shift,
        "sbfx" | "ubfx" | "bfi" | "bfc" | "rev" | "rev16" | "sxtb" | "sxth" | "uxtb" | "uxth" => Class::Bitfield,
        "clz" | "rbit" | "sxtab" | "sxtah" | "uxtab" | "uxtah" | "sxtb16" | "uxtb16" | "sxtab16" | "pkhbt"
        | "pkhtb" | "uadd8" | "sel" | "ssub16" | "sadd16" | "uxtab16" => Class::Dsp,
        "ssat" | "usat" | "qadd" | "qsub" => Class::Sat,
        "mul" | "smulbb" | "smulbt" | "smultb" | "smultt" => Class::Mul,
        "mla" | "mls" | "smlabb" | "smlabt" | "smlatb" | "smlatt" | "smlad" | "smmul" | "smmulr" | "smmla"
        | "smlawb" => Class::Mac,
        "smull" | "umull" => Class::Mul64,
        "smlal" | "umlal" | "umaal" | "smlalbb" | "smlald" => Class::Mac64,
        "sdiv" | "udiv" => Class::Div,
        "ldr" => Class::LdW,
        "ldrb" | "ldrh" | "ldrsb" | "ldrsh" => Class::LdN,
        "ldrd" => Class::LdPair,
        "ldm" | "ldmia" | "ldmdb" | "pop" => Class::LdMulti,
        "str" => Class::StW,
        "strb" | "strh" => Class::StN,
        "strd" => Class::StPair,
        "stm" | "stmia" | "stmdb" | "push" => Class::StMulti,
        _ => return None,
    })
}

fn name(plain: &str) -> Option<Name<'_>> {
    let known = |base: &str| class_of(base).is_some();
    let (always, compares) = (plain, ["cmp", "cmn", "tst", "teq"]);
    if known(always) {
        return Some(Name { base: always, sets_flags: compares.contains(&always), predicated: false });
    }
    if let Some(base) = plain.strip_suffix('s').filter(|b| known(b)) {
        return Some(Name { base, sets_flags: true, predicated: false });
    }
    let stems = CONDITIONS.iter().filter_map(|c| plain.strip_suffix(c));
    let (base, sets_flags) = stems.clone().find(|b| known(b)).map(|b| (b, compares.contains(&b))).or_else(|| {
        let flagged = stems.filter_map(|b| b.strip_suffix('s')).find(|b| known(b));
        flagged.map(|b| (b, true))
    })?;
    Some(Name { base, sets_flags, predicated: true })
}

fn body(name: &Name, args: &[&str]) -> Option<Insn> {
    let class = class_of(name.base)?;
    let insn = Insn::new(class);
    Some(match class {
        Class::Alu => alu(name.base, args),
        Class::Shift => shifted(insn, args),
        Class::Bitfield | Class::Dsp | Class::Sat => {
            let kind = if class == Class::Bitfield { Operand::Shift } else { Operand::Data };
            let kept = if matches!(name.base, "bfi" | "bfc") { &args[..1] } else { &[] };
            insn.to(&args[..1]).from(kept, Operand::Data).from(&args[1..], kind)
        }
        // Two operands: the destination is also a factor.
        Class::Mul if args.len() == 2 => insn.to(&args[..1]).from(args, Operand::Mul),
        Class::Mul | Class::Mac => {
            insn.to(&args[..1]).from(args.get(1..3.min(args.len()))?, Operand::Mul).from(args.get(3..)?, Operand::Acc)
        }
        Class::Mul64 => insn.to(args.get(..2)?).from(&args[2..], Operand::Mul),
        Class::Mac64 => insn.to(args.get(..2)?).from(&args[2..], Operand::Mul).from(&args[..2], Operand::Acc),
        Class::Div => insn.to(&args[..1]).from(&args[1..], Operand::Data).width(Width::W),
        Class::LdW | Class::LdN | Class::LdPair => memory(insn, args, true)?,
        Class::StW | Class::StN | Class::StPair => {
            let mut insn = memory(insn, args, false)?;
            if args.iter().any(|a| a.starts_with('[') && indexed(a)) {
                insn.class = Class::StReg;
                insn.w = Some(if class == Class::StN { Width::B } else { Width::W });
            }
            insn
        }
        _ => multiple(insn, name.base, args)?,
    })
}

fn alu(base: &str, args: &[&str]) -> Insn {
    let shift = args.last().is_some_and(|a| ["lsl ", "lsr ", "asr ", "ror ", "rrx"].iter().any(|s| a.starts_with(s)));
    let list = if shift { &args[..args.len() - 1] } else { args };
    let compares = matches!(base, "cmp" | "cmn" | "tst" | "teq");
    let moves = matches!(base, "mov" | "movw" | "mvn" | "neg");
    if shift && moves && base == "mov" {
        return Insn::new(Class::Shift).to(&list[..1]).from(&list[1..], Operand::Shift);
    }
    let mut insn = Insn::new(if shift { Class::AluShift } else { Class::Alu });
    let sources = if compares {
        list
    } else {
        insn = insn.to(&list[..1]);
        // With two operands the destination is also the first source, except for moves; `movt` keeps the low half.
        if base == "movt" || (list.len() == 2 && !moves) { list } else { &list[1..] }
    };
    let (last, first) = sources.split_last().expect("every data-processing instruction has a source");
    insn = insn.from(first, Operand::Data).from(&[last], if shift { Operand::Shift } else { Operand::Data });
    if matches!(base, "adc" | "sbc") { insn.from(&["flags"], Operand::Flag) } else { insn }
}

fn shifted(insn: Insn, args: &[&str]) -> Insn {
    let sources = if args.len() == 2 && is_register(args[1]) { args } else { &args[1..] };
    insn.to(&args[..1]).from(sources, Operand::Shift)
}

fn memory(insn: Insn, args: &[&str], load: bool) -> Option<Insn> {
    let at = args.iter().position(|a| a.starts_with('['))?;
    let insn = if load { insn.to(&args[..at]) } else { insn.from(&args[..at], Operand::Data) };
    Some(address(insn, args[at], args.get(at + 1).copied()))
}

fn multiple(mut insn: Insn, base: &str, args: &[&str]) -> Option<Insn> {
    let list = register_list(args.last()?);
    let stack = matches!(base, "push" | "pop");
    let registers: Vec<&str> = list.iter().map(String::as_str).collect();
    let pointer = if stack { "sp" } else { args.first()?.trim_end_matches('!') };
    insn.n = u32::try_from(registers.len()).ok();
    insn = insn.from(&[pointer], Operand::Addr);
    if stack || args[0].ends_with('!') {
        insn.wb = Some(pointer.to_owned());
    }
    Some(if insn.class == Class::LdMulti { insn.to(&registers) } else { insn.from(&registers, Operand::Data) })
}

fn float(plain: &str, args: &[&str]) -> Option<Insn> {
    let full = plain.split('.').next().unwrap_or(plain);
    let (base, predicated) = match float_class(full, args) {
        Some(_) => (full, false),
        None => (CONDITIONS.iter().find_map(|c| full.strip_suffix(c))?, true),
    };
    let class = float_class(base, args)?;
    let insn = Insn::new(class);
    let mut insn = match base {
        "vldr" => memory(insn, args, true)?,
        "vstr" => memory(insn, args, false)?,
        "vldmia" | "vpop" | "vstmia" | "vpush" | "vstmdb" | "vldmdb" => {
            let load = class == Class::Fld;
            let list = register_list(args.last()?);
            let registers: Vec<&str> = list.iter().map(String::as_str).collect();
            let pointer = if args.len() == 1 { "sp" } else { args[0].trim_end_matches('!') };
            let mut insn = insn.from(&[pointer], Operand::Addr);
            insn.wb = (args.len() == 1 || args[0].ends_with('!')).then(|| pointer.to_owned());
            insn.n = u32::try_from(registers.len()).ok();
            if registers.len() > 1 {
                insn.class = if load { Class::LdMulti } else { Class::StMulti };
                insn.w = Some(if registers[0].starts_with('d') { Width::D } else { Width::S });
            }
            if load { insn.to(&registers) } else { insn.from(&registers, Operand::Data) }
        }
        "vcmp" | "vcmpe" => insn.to(&["fpflags"]).from(args, Operand::Data),
        "vmrs" => insn.to(&["flags"]).from(&["fpflags"], Operand::Data),
        "vmla" | "vmls" | "vfma" | "vfms" | "vnmls" | "vnmla" | "vfnma" | "vfnms" => {
            insn.to(&args[..1]).from(&args[1..], Operand::Mul).from(&args[..1], Operand::Acc)
        }
        _ if base.starts_with("vsel") => {
            insn.to(&args[..1]).from(&args[1..], Operand::Data).from(&["flags"], Operand::Flag)
        }
        "vmov" if args.len() == 4 => insn.to(&args[..2]).from(&args[2..], Operand::Data),
        "vmov" if args.len() == 3 && args[0].starts_with('d') => insn.to(&args[..1]).from(&args[1..], Operand::Data),
        "vmov" if args.len() == 3 => insn.to(&args[..2]).from(&args[2..], Operand::Data),
        "vmul" | "vnmul" => insn.to(&args[..1]).from(&args[1..], Operand::Mul),
        _ => insn.to(&args[..1]).from(&args[1..], Operand::Data),
    };
    if predicated {
        let old = insn.d.clone();
        for r in old {
            insn = insn.from(&[&r], Operand::Data);
        }
        insn = insn.from(&["flags"], Operand::Flag);
    }
    Some(insn)
}

/// Names double registers by the two single ones that they are made of, so that each sees what the other wrote.
fn halves(mut insn: Insn, is_double: bool) -> Insn {
    let pair = |name: &str| {
        let number = name.strip_prefix('d').and_then(|n| n.parse::<u32>().ok()).filter(|&n| n < 16);
        number.map_or(vec![name.to_owned()], |n| vec![format!("s{}", 2 * n), format!("s{}", 2 * n + 1)])
    };
    if is_double {
        insn.w = Some(Width::D);
    }
    // Lists that are pushed and popped count their registers; nothing in a body waits for them.
    if !matches!(insn.class, Class::LdMulti | Class::StMulti) {
        insn.d = insn.d.iter().flat_map(|name| pair(name)).collect();
        insn.s = insn.s.iter().flat_map(|(name, kind)| pair(name).into_iter().map(|half| (half, *kind))).collect();
    }
    insn
}

fn float_class(base: &str, args: &[&str]) -> Option<Class> {
    Some(match base {
        "vldr" | "vldmia" | "vpop" | "vldmdb" => Class::Fld,
        "vstr" | "vstmia" | "vpush" | "vstmdb" => Class::Fst,
        "vadd" | "vsub" | "vneg" | "vabs" | "vmaxnm" | "vminnm" => Class::Fadd,
        "vmul" | "vnmul" => Class::Fmul,
        "vmla" | "vmls" | "vfma" | "vfms" | "vnmls" | "vnmla" | "vfnma" | "vfnms" => Class::Fma,
        "vdiv" => Class::Fdiv,
        "vsqrt" => Class::Fsqrt,
        "vcmp" | "vcmpe" => Class::Fcmp,
        "vmov" | "vmrs" => Class::Fmov,
        "vselgt" | "vselge" | "vseleq" | "vselvs" => Class::Fmov,
        "vcvt" | "vcvtr" | "vcvta" | "vcvtn" | "vrintn" | "vrinta" | "vrintm" | "vrintz" => Class::Fcvt,
        _ => return None,
    })
    .filter(|_| !args.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mnemonic: &str, args: &str) -> Insn {
        parse(mnemonic, &super::super::operands::split(args)).unwrap_or_else(|| panic!("{mnemonic} {args}"))
    }

    #[test]
    fn operand_kinds_follow_the_instruction() {
        let kinds = |i: &Insn| i.s.iter().map(|(r, k)| format!("{r}:{k:?}")).collect::<Vec<_>>().join(" ");
        assert_eq!(kinds(&parsed("mla", "r6, r7, r1, r6")), "r7:Mul r1:Mul r6:Acc");
        assert_eq!(kinds(&parsed("add", "r3, sl")), "r3:Data sl:Data");
        assert_eq!(kinds(&parsed("mov.w", "r3, sl, lsr #1")), "sl:Shift");
        assert_eq!(parsed("mov.w", "r3, sl, lsr #1").class, Class::Shift);
        assert_eq!(kinds(&parsed("movge", "r7, #32")), "r7:Data flags:Flag");
        assert_eq!(parsed("subs", "r2, #4").d, ["r2", "flags"]);
        assert_eq!(kinds(&parsed("smlal", "r0, r1, r2, r3")), "r2:Mul r3:Mul r0:Acc r1:Acc");
        assert_eq!(kinds(&parsed("str.w", "r3, [r0, r1, lsl #2]")), "r3:Data r0:Addr r1:Addr");
        assert_eq!(parsed("vldmia", "r0!, {s15}").wb.as_deref(), Some("r0"));
        assert_eq!(parsed("ldmia.w", "sp!, {r4-r6, pc}").n, Some(4));
        assert_eq!(parsed("bls.n", "10").class, Class::BrTaken);
        assert_eq!(parsed("lsls", "r2, r2, #2").class, Class::Shift);
        assert_eq!(kinds(&parsed("vfma.f32", "s0, s1, s2")), "s1:Mul s2:Mul s0:Acc");
    }
}
