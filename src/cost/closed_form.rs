//! A kernel's expressions as one sum of products over a call's dimensions: Σ coefficient × monomial, shared by all of its numbers.
//!
//! Sixty loop levels whose trip counts are products of a few dimensions collapse to a dozen monomials. What is not a
//! polynomial (`/`, `%`, `ceil_div`, `min`, `max`) becomes a factor of its own, evaluated once. Everything is exact below
//! 2⁵³; a test holds it against [`Expr::eval`].

use super::expr::{Expr, Step};
use std::collections::BTreeMap;

/// Factors of a monomial, sorted; each an index into the form's factors.
type Monomial = Vec<usize>;
/// Coefficient of each monomial; the empty one is the constant.
type Polynomial = BTreeMap<Monomial, f64>;

#[derive(Debug, Clone, PartialEq)]
enum Factor {
    Dim(String),
    Other(Step, Polynomial, Polynomial),
}

/// Collects factors while expressions are read.
#[derive(Debug, Default)]
pub struct Former {
    factors: Vec<Factor>,
    outputs: Vec<Polynomial>,
}

/// Evaluates the outputs of a [`Former`] for one shape after the other, without allocating.
#[derive(Debug, Clone)]
pub struct ClosedForm {
    /// In an order in which each needs earlier ones only.
    factors: Vec<Compiled>,
    /// Factors of each monomial.
    monomials: Vec<Monomial>,
    /// Monomials and coefficients of each output.
    outputs: Vec<Vec<(usize, f64)>>,
    dims: Vec<String>,
}

#[derive(Debug, Clone)]
enum Compiled {
    Dim(usize),
    Other(Step, Vec<(Monomial, f64)>, Vec<(Monomial, f64)>),
}

impl Former {
    /// An output 0 so far; its index.
    pub fn output(&mut self) -> usize {
        self.outputs.push(Polynomial::new());
        self.outputs.len() - 1
    }

    /// Adds `weight` × the expression to an output.
    pub fn add(&mut self, output: usize, expr: &Expr, weight: f64) {
        let poly = self.polynomial(expr);
        for (monomial, coefficient) in poly {
            *self.outputs[output].entry(monomial).or_insert(0.0) += coefficient * weight;
        }
    }

    fn polynomial(&mut self, expr: &Expr) -> Polynomial {
        let mut stack: Vec<Polynomial> = Vec::new();
        for step in expr.program() {
            let value = match step {
                // Literals of kernel files are far below 2⁵³.
                Step::Number(n) => Polynomial::from([(Monomial::new(), *n as f64)]),
                Step::Dim(name) => {
                    let factor = self.factor(Factor::Dim(name.clone()));
                    Polynomial::from([(vec![factor], 1.0)])
                }
                operator => {
                    let b = stack.pop().expect("the parser pushes two operands before an operator");
                    let a = stack.pop().expect("the parser pushes two operands before an operator");
                    match operator {
                        Step::Add => sum(a, &b, 1.0),
                        Step::Sub => sum(a, &b, -1.0),
                        Step::Mul => product(&a, &b),
                        other => {
                            let factor = self.factor(Factor::Other(other.clone(), a, b));
                            Polynomial::from([(vec![factor], 1.0)])
                        }
                    }
                }
            };
            stack.push(value);
        }
        stack.pop().expect("a parsed expression leaves one value")
    }

    fn factor(&mut self, factor: Factor) -> usize {
        self.factors.iter().position(|f| *f == factor).unwrap_or_else(|| {
            self.factors.push(factor);
            self.factors.len() - 1
        })
    }

    /// The form of everything added.
    pub fn finish(self) -> ClosedForm {
        let mut dims = Vec::new();
        let terms = |poly: Polynomial| poly.into_iter().filter(|(_, c)| *c != 0.0).collect::<Vec<_>>();
        let compile = |factor| match factor {
            Factor::Dim(name) => {
                dims.push(name);
                Compiled::Dim(dims.len() - 1)
            }
            Factor::Other(step, a, b) => Compiled::Other(step, terms(a), terms(b)),
        };
        let factors = self.factors.into_iter().map(compile).collect();
        let mut monomials: Vec<Monomial> = Vec::new();
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for output in self.outputs {
            let mut sums = Vec::with_capacity(output.len());
            for (monomial, coefficient) in terms(output) {
                let at = monomials.iter().position(|m| *m == monomial).unwrap_or_else(|| {
                    monomials.push(monomial);
                    monomials.len() - 1
                });
                sums.push((at, coefficient));
            }
            outputs.push(sums);
        }
        ClosedForm { factors, monomials, outputs, dims }
    }
}

impl ClosedForm {
    /// Names of the dimensions, in the order in which [`ClosedForm::eval`] takes their values.
    pub fn dims(&self) -> &[String] {
        &self.dims
    }

    /// Every output for one shape; `scratch` is working space. Not finite where an expression divides by zero.
    pub fn eval(&self, dims: &[f64], scratch: &mut Vec<f64>, outputs: &mut Vec<f64>) {
        scratch.clear();
        for factor in &self.factors {
            let value = match factor {
                Compiled::Dim(at) => dims[*at],
                Compiled::Other(step, a, b) => apply(step, value_of(a, scratch), value_of(b, scratch)),
            };
            scratch.push(value);
        }
        let n_factors = scratch.len();
        for monomial in &self.monomials {
            let value = monomial.iter().map(|&f| scratch[f]).product();
            scratch.push(value);
        }
        outputs.clear();
        let of = |sums: &Vec<(usize, f64)>| sums.iter().map(|&(at, c)| c * scratch[n_factors + at]).sum::<f64>();
        outputs.extend(self.outputs.iter().map(of));
    }
}

fn value_of(terms: &[(Monomial, f64)], factors: &[f64]) -> f64 {
    terms.iter().map(|(monomial, c)| c * monomial.iter().map(|&f| factors[f]).product::<f64>()).sum()
}

/// As [`Expr::eval`]: `/` and `%` round towards minus infinity.
fn apply(step: &Step, a: f64, b: f64) -> f64 {
    match step {
        Step::Div => (a / b).floor(),
        Step::Rem => a - b * (a / b).floor(),
        Step::CeilDiv => (a / b).ceil(),
        Step::Min => a.min(b),
        Step::Max => a.max(b),
        Step::Number(_) | Step::Dim(_) | Step::Add | Step::Sub | Step::Mul => {
            unreachable!("the former keeps polynomials apart")
        }
    }
}

fn sum(mut a: Polynomial, b: &Polynomial, sign: f64) -> Polynomial {
    for (monomial, coefficient) in b {
        *a.entry(monomial.clone()).or_insert(0.0) += sign * coefficient;
    }
    a
}

fn product(a: &Polynomial, b: &Polynomial) -> Polynomial {
    let mut result = Polynomial::new();
    for (left, x) in a {
        for (right, y) in b {
            let mut monomial: Monomial = left.iter().chain(right).copied().collect();
            monomial.sort_unstable();
            *result.entry(monomial).or_insert(0.0) += x * y;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Dims;
    use proptest::prelude::*;

    const TEXTS: [&str; 6] = [
        "oh*ow*(oc-1)*ceil_div(words,4) + oh*ow",
        "(oh-1)*(ow-1)/2 + max(oc-words, 0)",
        "min(oh, 3)*oc%words + 7",
        "ceil_div(oh*ow, 4)*((oc+3)/4)*words",
        "oh*ow*oc*words - oh*ow*oc",
        "max(min(oh-1, ow), oc/3)*(words+1)*(words+1)",
    ];

    proptest! {
        #[test]
        fn the_form_equals_the_expressions(
            oh in 1u64..60, ow in 1u64..60, oc in 1u64..400, words in 1u64..40, weights in prop::collection::vec(0u32..9, 6),
        ) {
            let dims = Dims::new().with("oh", oh).with("ow", ow).with("oc", oc).with("words", words);
            let mut former = Former::default();
            let output = former.output();
            let mut want = 0.0;
            for (text, weight) in TEXTS.iter().zip(weights) {
                let (expr, weight) = (Expr::parse(text).expect("valid"), f64::from(weight) / 2.0);
                former.add(output, &expr, weight);
                want += expr.eval(&dims).expect("valid") as f64 * weight;
            }
            let form = former.finish();
            let values: Vec<f64> = form.dims().iter().map(|d| dims.get(d).expect("given") as f64).collect();
            let (mut scratch, mut outputs) = (Vec::new(), Vec::new());
            form.eval(&values, &mut scratch, &mut outputs);
            prop_assert!((outputs[0] - want).abs() <= 1e-9 * want.abs(), "{} {want}", outputs[0]);
        }
    }
}
