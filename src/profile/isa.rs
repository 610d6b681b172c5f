//! Instruction classes, operand kinds and operand widths: the vocabulary that core tables and kernel files share.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an instruction does to the pipeline. A core table gives each class its cost; a kernel body is a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Add, subtract, logic, compare, move of an immediate or a register.
    Alu,
    /// As `Alu` with a shifted or extended second operand.
    AluShift,
    /// Shift or rotate by an immediate or a register.
    Shift,
    /// Bit-field insert and extract, sign and zero extension, byte reversal.
    Bitfield,
    /// SIMD within a core register and its relatives (SXTB16, UADD8, PKH, SEL, CLZ).
    Dsp,
    /// Saturation (SSAT, USAT, QADD).
    Sat,
    /// 32-bit product.
    Mul,
    /// 32-bit product with accumulate, dual 16-bit products, high-word products.
    Mac,
    /// 32×32→64 product.
    Mul64,
    /// 32×32→64 product with accumulate.
    Mac64,
    /// Integer division; its width is that of the quotient.
    Div,
    /// Load of a word (or of a 64-bit register on AArch64).
    LdW,
    /// Load of a byte or halfword.
    LdN,
    /// Load of two registers.
    LdPair,
    /// Load of `n` registers.
    LdMulti,
    /// Store of a word, immediate offset or pre/post-indexed.
    StW,
    /// Store of a byte or halfword, immediate offset or pre/post-indexed.
    StN,
    /// Store with a register offset.
    StReg,
    /// Store of two registers.
    StPair,
    /// Store of `n` registers.
    StMulti,
    /// Branch that is taken.
    BrTaken,
    /// Conditional branch that falls through.
    BrNot,
    /// Call and return.
    BrExit,
    /// Thumb `IT` block opener.
    It,
    /// Float add, subtract.
    Fadd,
    /// Float product.
    Fmul,
    /// Float multiply-accumulate, fused or not.
    Fma,
    /// Float division.
    Fdiv,
    /// Float square root.
    Fsqrt,
    /// Float compare.
    Fcmp,
    /// Move between float registers, or between a float and a core register.
    Fmov,
    /// Conversion between integer and float, or between float formats.
    Fcvt,
    /// Float load.
    Fld,
    /// Float store.
    Fst,
    /// NEON logic.
    VecLogic,
    /// NEON add, count, shift, min, max, compare.
    VecAlu,
    /// NEON pairwise and across-lane sums, saturating narrow.
    VecPairwise,
    /// NEON pairwise add with accumulate (UADALP, SADALP).
    VecAdalp,
    /// NEON integer products.
    VecMul,
    /// NEON float arithmetic.
    VecFp,
    /// NEON load.
    VecLd,
    /// NEON store.
    VecSt,
    /// Moves between NEON and core registers, duplication of lanes.
    VecMov,
    /// No operation.
    Nop,
}

impl Class {
    /// Every class, in the order of the enumeration.
    pub const ALL: [Class; 44] = [
        Class::Alu,
        Class::AluShift,
        Class::Shift,
        Class::Bitfield,
        Class::Dsp,
        Class::Sat,
        Class::Mul,
        Class::Mac,
        Class::Mul64,
        Class::Mac64,
        Class::Div,
        Class::LdW,
        Class::LdN,
        Class::LdPair,
        Class::LdMulti,
        Class::StW,
        Class::StN,
        Class::StReg,
        Class::StPair,
        Class::StMulti,
        Class::BrTaken,
        Class::BrNot,
        Class::BrExit,
        Class::It,
        Class::Fadd,
        Class::Fmul,
        Class::Fma,
        Class::Fdiv,
        Class::Fsqrt,
        Class::Fcmp,
        Class::Fmov,
        Class::Fcvt,
        Class::Fld,
        Class::Fst,
        Class::VecLogic,
        Class::VecAlu,
        Class::VecPairwise,
        Class::VecAdalp,
        Class::VecMul,
        Class::VecFp,
        Class::VecLd,
        Class::VecSt,
        Class::VecMov,
        Class::Nop,
    ];

    /// The name in kernel and core files.
    pub fn code(self) -> &'static str {
        match self {
            Class::Alu => "alu",
            Class::AluShift => "alu_shift",
            Class::Shift => "shift",
            Class::Bitfield => "bitfield",
            Class::Dsp => "dsp",
            Class::Sat => "sat",
            Class::Mul => "mul",
            Class::Mac => "mac",
            Class::Mul64 => "mul64",
            Class::Mac64 => "mac64",
            Class::Div => "div",
            Class::LdW => "ld_w",
            Class::LdN => "ld_n",
            Class::LdPair => "ld_pair",
            Class::LdMulti => "ld_multi",
            Class::StW => "st_w",
            Class::StN => "st_n",
            Class::StReg => "st_reg",
            Class::StPair => "st_pair",
            Class::StMulti => "st_multi",
            Class::BrTaken => "br_taken",
            Class::BrNot => "br_not",
            Class::BrExit => "br_exit",
            Class::It => "it",
            Class::Fadd => "fadd",
            Class::Fmul => "fmul",
            Class::Fma => "fma",
            Class::Fdiv => "fdiv",
            Class::Fsqrt => "fsqrt",
            Class::Fcmp => "fcmp",
            Class::Fmov => "fmov",
            Class::Fcvt => "fcvt",
            Class::Fld => "fld",
            Class::Fst => "fst",
            Class::VecLogic => "vec_logic",
            Class::VecAlu => "vec_alu",
            Class::VecPairwise => "vec_pairwise",
            Class::VecAdalp => "vec_adalp",
            Class::VecMul => "vec_mul",
            Class::VecFp => "vec_fp",
            Class::VecLd => "vec_ld",
            Class::VecSt => "vec_st",
            Class::VecMov => "vec_mov",
            Class::Nop => "nop",
        }
    }

    /// The class of a name, `None` for a name that is not one.
    pub fn from_code(code: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.code() == code)
    }

    /// Reads memory.
    pub fn is_load(self) -> bool {
        matches!(self, Class::LdW | Class::LdN | Class::LdPair | Class::LdMulti | Class::Fld | Class::VecLd)
    }

    /// Writes memory.
    pub fn is_store(self) -> bool {
        matches!(
            self,
            Class::StW | Class::StN | Class::StReg | Class::StPair | Class::StMulti | Class::Fst | Class::VecSt
        )
    }

    /// Moves `n` registers in one instruction.
    pub fn is_multi(self) -> bool {
        matches!(self, Class::LdMulti | Class::StMulti)
    }

    /// Leaves the straight line.
    pub fn redirects(self) -> bool {
        matches!(self, Class::BrTaken | Class::BrExit)
    }

    /// Float arithmetic in scalar registers, whose result the next instruction may have to wait for.
    pub fn is_float_arithmetic(self) -> bool {
        matches!(self, Class::Fadd | Class::Fmul | Class::Fma | Class::Fdiv | Class::Fsqrt | Class::Fcvt)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How an instruction uses a source register, which decides how late the value may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// Base or index of an address.
    Addr,
    /// Source of a shifter or shift amount.
    Shift,
    /// Factor of a product.
    Mul,
    /// Addend of a multiply-accumulate.
    Acc,
    /// Anything else. Written `data` in kernel files.
    Data,
    /// Condition flags.
    Flag,
    /// Value that a store writes: core tables only; a kernel file writes `data`.
    Store,
    /// Flags that a branch tests: core tables only; a kernel file writes `flag`.
    Branch,
}

impl Operand {
    /// The kind of a suffix in a kernel file, `None` for a name that is not one.
    pub fn from_code(code: &str) -> Option<Operand> {
        Some(match code {
            "addr" => Operand::Addr,
            "shift" => Operand::Shift,
            "mul" => Operand::Mul,
            "acc" => Operand::Acc,
            "data" => Operand::Data,
            "flag" => Operand::Flag,
            _ => return None,
        })
    }
}

/// Width of the operands, where a core's table tells widths apart (`[class."vec_ld.q"]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    /// 8 bits.
    B,
    /// 16 bits.
    H,
    /// 32-bit core register.
    W,
    /// 64-bit core register.
    X,
    /// Single-precision or 32-bit lane register.
    S,
    /// 64-bit vector or double precision.
    D,
    /// 128-bit vector.
    Q,
}

impl Width {
    /// The letter in kernel and core files.
    pub fn code(self) -> &'static str {
        match self {
            Width::B => "b",
            Width::H => "h",
            Width::W => "w",
            Width::X => "x",
            Width::S => "s",
            Width::D => "d",
            Width::Q => "q",
        }
    }

    /// The width of a letter, `None` for one that is not a width.
    pub fn from_code(code: &str) -> Option<Width> {
        [Width::B, Width::H, Width::W, Width::X, Width::S, Width::D, Width::Q].into_iter().find(|w| w.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_read_back() {
        for class in Class::ALL {
            assert_eq!(Class::from_code(class.code()), Some(class));
            let json = serde_json::to_string(&class).expect("a unit variant");
            assert_eq!(json, format!("\"{}\"", class.code()), "serde and code() must agree");
        }
    }
}
