//! RV32IMC as `objdump` shows it: compressed instructions under their full names, aliases expanded to classes.

use super::Insn;
use tinyprec::profile::{Class, Operand, Width};

/// `None` for an instruction that this table does not know.
pub fn parse(mnemonic: &str, args: &[String]) -> Option<Insn> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if let Some(insn) = branch(mnemonic, &args) {
        return Some(insn);
    }
    let insn = Insn::new(class_of(mnemonic)?);
    Some(match insn.class {
        Class::LdW | Class::LdN => insn.to(&args[..1]).from(&[base(args.get(1)?)], Operand::Addr),
        Class::StW | Class::StN => insn.from(&args[..1], Operand::Data).from(&[base(args.get(1)?)], Operand::Addr),
        Class::Mul | Class::Mul64 => insn.to(&args[..1]).from(&args[1..], Operand::Mul),
        Class::Div => insn.to(&args[..1]).from(&args[1..], Operand::Data).width(Width::W),
        Class::Shift => insn.to(&args[..1]).from(&args[1..], Operand::Shift),
        _ => insn.to(&args[..1]).from(&args[1..], Operand::Data),
    })
}

/// Branches read registers, not flags. Calls and returns leave the function.
fn branch(mnemonic: &str, args: &[&str]) -> Option<Insn> {
    Some(match mnemonic {
        "j" => Insn::new(Class::BrTaken),
        "ret" => Insn::new(Class::BrExit).from(&["ra"], Operand::Data),
        "jr" => Insn::new(Class::BrExit).from(args, Operand::Data),
        "jal" => Insn::new(Class::BrExit).to(&["ra"]),
        "nop" => Insn::new(Class::Nop),
        "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu" | "bgt" | "ble" | "bgtu" | "bleu" => {
            Insn::new(Class::BrTaken).from(args.get(..2)?, Operand::Data)
        }
        "beqz" | "bnez" | "bltz" | "bgez" | "blez" | "bgtz" => {
            Insn::new(Class::BrTaken).from(args.get(..1)?, Operand::Data)
        }
        _ => return None,
    })
}

fn class_of(mnemonic: &str) -> Option<Class> {
    Some(match mnemonic {
        "add" | "addi" | "sub" | "neg" | "and" | "andi" | "or" | "ori" | "xor" | "xori" | "not" | "li" | "lui"
        | "auipc" | "mv" | "slt" | "slti" | "sltu" | "sltiu" | "seqz" | "snez" | "sltz" | "sgtz" | "zext.b" => {
            Class::Alu
        }
        "sll" | "slli" | "srl" | "srli" | "sra" | "srai" => Class::Shift,
        "mul" => Class::Mul,
        "mulh" | "mulhu" | "mulhsu" => Class::Mul64,
        "div" | "divu" | "rem" | "remu" => Class::Div,
        "lw" => Class::LdW,
        "lb" | "lbu" | "lh" | "lhu" => Class::LdN,
        "sw" => Class::StW,
        "sb" | "sh" => Class::StN,
        _ => return None,
    })
}

/// The register of `offset(register)`.
fn base(text: &str) -> &str {
    text.rsplit_once('(').map_or(text, |(_, r)| r.trim_end_matches(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_of_loads_stores_and_branches() {
        let kinds = |mnemonic: &str, args: &str| {
            let i = parse(mnemonic, &super::super::operands::split(args)).expect("known");
            (i.class, i.d.join(" "), i.s.iter().map(|(r, k)| format!("{r}:{k:?}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(kinds("lw", "a5,-4(s0)"), (Class::LdW, "a5".into(), "s0:Addr".into()));
        assert_eq!(kinds("sb", "t1,0(a0)"), (Class::StN, String::new(), "t1:Data a0:Addr".into()));
        assert_eq!(kinds("mulhu", "a4,a5,t6"), (Class::Mul64, "a4".into(), "a5:Mul t6:Mul".into()));
        assert_eq!(kinds("bltu", "a0,a1,80000010 <f+0x10>"), (Class::BrTaken, String::new(), "a0:Data a1:Data".into()));
        assert_eq!(kinds("slli", "a0,a0,0x2"), (Class::Shift, "a0".into(), "a0:Shift".into()));
        assert!(parse("fadd.s", &["fa0".into()]).is_none());
    }
}
