//! A kernel's expressions as one program over a call's dimensions: Σ coefficient × monomial, shared by all of its numbers.
//!
//! Sixty loop levels whose trip counts are products of a few dimensions collapse to a dozen monomials. What is not a
//! polynomial (`/`, `%`, `ceil_div`, `min`, `max`) becomes a factor of its own, evaluated once. Everything is exact below
//! 2⁵³; a test holds it against [`super::expr::Expr::eval`].

use super::expr::Step;
use super::former::{Factor, least_of_dim};
use super::polynomial::{Monomial, Polynomial};
use super::whole::{ceil, floor};
use std::collections::HashMap;
use std::ops::Range;

/// The first outputs have most monomials in common and are added up side by side.
pub const N_ABREAST: usize = 6;

/// Evaluates the outputs of a [`super::former::Former`] for one shape after the other, without allocating.
#[derive(Debug, Clone)]
pub struct ClosedForm {
    dims: Vec<String>,
    /// What each dimension must be at least.
    least: Vec<f64>,
    /// Fills one register after the other, behind those of 1 and of the dimensions.
    program: Vec<Instruction>,
    /// Registers and coefficients of every sum.
    terms: Vec<(usize, f64)>,
    abreast: Vec<(usize, [f64; N_ABREAST])>,
    /// Terms of each output behind those.
    outputs: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
enum Instruction {
    /// Of two registers.
    Product(usize, usize),
    /// Of two sums of terms.
    Other(Step, Range<usize>, Range<usize>),
}

/// Turns factors and monomials into registers, each computed once.
#[derive(Debug, Default)]
pub struct Builder {
    dims: Vec<String>,
    program: Vec<Instruction>,
    terms: Vec<(usize, f64)>,
    of_factor: Vec<usize>,
    of_monomial: HashMap<Monomial, usize>,
}

impl Builder {
    /// A dimension: all of them before any factor.
    pub fn dim(&mut self, name: &str) {
        self.dims.push(name.to_owned());
    }

    /// The next factor.
    pub fn factor(&mut self, factor: &Factor) {
        let register = match factor {
            Factor::Dim(name) => 1 + self.dims.iter().position(|dim| dim == name).expect("dimensions are there first"),
            Factor::Other(step, a, b) => {
                let (a, b) = (self.sum(a), self.sum(b));
                self.push(Instruction::Other(step.clone(), a, b))
            }
        };
        self.of_factor.push(register);
    }

    fn push(&mut self, instruction: Instruction) -> usize {
        self.program.push(instruction);
        self.dims.len() + self.program.len()
    }

    fn register(&mut self, monomial: &[usize]) -> usize {
        let Some((&last, before)) = monomial.split_last() else { return 0 };
        if before.is_empty() {
            return self.of_factor[last];
        }
        if let Some(&register) = self.of_monomial.get(monomial) {
            return register;
        }
        let before = self.register(before);
        let register = self.push(Instruction::Product(before, self.of_factor[last]));
        self.of_monomial.insert(monomial.to_vec(), register);
        register
    }

    fn sum(&mut self, sum: &Polynomial) -> Range<usize> {
        let terms: Vec<(usize, f64)> = sum.terms().map(|(monomial, c)| (self.register(monomial), c)).collect();
        let start = self.terms.len();
        self.terms.extend(terms);
        start..self.terms.len()
    }

    /// The form with these outputs.
    pub fn finish(mut self, outputs: &[Polynomial]) -> ClosedForm {
        let mut abreast: Vec<(usize, [f64; N_ABREAST])> = Vec::new();
        for (lane, output) in outputs.iter().enumerate().take(N_ABREAST) {
            for (monomial, c) in output.terms() {
                let register = self.register(monomial);
                let at = abreast.iter().position(|(r, _)| *r == register).unwrap_or_else(|| {
                    abreast.push((register, [0.0; N_ABREAST]));
                    abreast.len() - 1
                });
                abreast[at].1[lane] = c;
            }
        }
        let outputs = outputs.iter().skip(N_ABREAST).map(|output| self.sum(output)).collect();
        let least = self.dims.iter().map(|name| least_of_dim(name)).collect();
        ClosedForm { least, dims: self.dims, program: self.program, terms: self.terms, abreast, outputs }
    }
}

impl ClosedForm {
    /// Names of the dimensions, in the order in which [`ClosedForm::eval`] takes their values.
    pub fn dims(&self) -> &[String] {
        &self.dims
    }

    /// Whether it holds for these values: a loop over nothing may have fewer passes than entries, which it does not know of.
    pub fn holds(&self, dims: &[f64]) -> bool {
        dims.iter().zip(&self.least).all(|(value, least)| value >= least)
    }

    /// Every output for one shape; `registers` is working space. Not finite where an expression divides by zero.
    pub fn eval(&self, dims: &[f64], registers: &mut Vec<f64>, outputs: &mut Vec<f64>) {
        registers.clear();
        registers.push(1.0);
        registers.extend_from_slice(dims);
        for instruction in &self.program {
            let value = match instruction {
                Instruction::Product(a, b) => registers[*a] * registers[*b],
                Instruction::Other(step, a, b) => {
                    apply(step, self.sum(a.clone(), registers), self.sum(b.clone(), registers))
                }
            };
            registers.push(value);
        }
        let mut sums = [0.0; N_ABREAST];
        for (register, coefficients) in &self.abreast {
            let value = registers[*register];
            sums.iter_mut().zip(coefficients).for_each(|(sum, c)| *sum += value * c);
        }
        outputs.clear();
        outputs.extend_from_slice(&sums);
        outputs.extend(self.outputs.iter().map(|terms| self.sum(terms.clone(), registers)));
    }

    fn sum(&self, terms: Range<usize>, registers: &[f64]) -> f64 {
        self.terms[terms].iter().map(|&(register, c)| c * registers[register]).sum()
    }
}

/// As [`super::expr::Expr::eval`]: `/` and `%` round towards minus infinity. What divides by zero is not a number, nor is what uses it.
fn apply(step: &Step, a: f64, b: f64) -> f64 {
    match step {
        Step::Div | Step::Rem | Step::CeilDiv if b == 0.0 => f64::NAN,
        Step::Div => floor(a / b),
        Step::Rem => a - b * floor(a / b),
        Step::CeilDiv => ceil(a / b),
        Step::Min if b < a || b.is_nan() => b,
        Step::Max if b > a || b.is_nan() => b,
        Step::Min | Step::Max => a,
        Step::Number(_) | Step::Dim(_) | Step::Add | Step::Sub | Step::Mul => {
            unreachable!("the former keeps polynomials apart")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::expr::Expr;
    use super::super::former::Former;
    use crate::trace::Dims;
    use proptest::prelude::*;

    const TEXTS: [&str; 9] = [
        "oh*ow*(oc-1)*ceil_div(words,4) + oh*ow",
        "(oh-1)*(ow-1)/2 + max(oc-words, 0)",
        "min(oh, 3)*oc%words + 7",
        "ceil_div(oh*ow, 4)*((oc+3)/4)*words",
        "oh*ow*oc*words - oh*ow*oc",
        "max(min(oh-1, ow), oc/3)*(words+1)*(words+1)",
        "oh*ow*(words-2) - oh*pad",
        "min(oh*(words-1), oh) - ow",
        "min(oh*(words-2)-ow, oh*words) + oc%8 - 3",
    ];

    proptest! {
        #[test]
        fn the_form_equals_the_expressions(
            oh in 1u64..60, ow in 1u64..60, oc in 1u64..400, words in 1u64..40, pad in 0u64..4,
            weights in prop::collection::vec(0u32..9, 9),
        ) {
            let dims = Dims::new().with("oh", oh).with("ow", ow).with("oc", oc).with("words", words).with("pad", pad);
            let mut former = Former::default();
            let (output, rest) = (former.output(), (1..8).map(|_| former.output()).last().expect("seven"));
            let mut want = 0.0;
            for (text, weight) in TEXTS.iter().zip(weights) {
                let (expr, weight) = (Expr::parse(text).expect("valid"), f64::from(weight) / 2.0);
                let count = former.count(&expr);
                former.add(output, &count, weight);
                former.add(rest, &count, weight);
                want += expr.eval_or_zero(&dims).expect("valid") as f64 * weight;
            }
            let form = former.finish();
            let values: Vec<f64> = form.dims().iter().map(|d| dims.get(d).expect("given") as f64).collect();
            let (mut registers, mut outputs) = (Vec::new(), Vec::new());
            prop_assert!(form.holds(&values));
            form.eval(&values, &mut registers, &mut outputs);
            prop_assert!((outputs[output] - want).abs() <= 1e-9 * want.abs(), "{} {want}", outputs[output]);
            prop_assert!((outputs[rest] - want).abs() <= 1e-9 * want.abs(), "{} {want}", outputs[rest]);
        }
    }
}
