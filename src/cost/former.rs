//! A kernel's expressions → one [`ClosedForm`].

use super::closed_form::{Builder, ClosedForm};
use super::expr::{Expr, Step};
use super::polynomial::{Monomial, Polynomial};

/// What a monomial is a product of.
#[derive(Debug, Clone, PartialEq)]
pub enum Factor {
    /// A dimension of the call.
    Dim(String),
    /// What is not a polynomial of the others.
    Other(Step, Polynomial, Polynomial),
}

/// Collects factors while expressions are read.
#[derive(Debug, Default)]
pub struct Former {
    factors: Vec<Factor>,
    /// By factor, what it is never below; −∞ where nothing is known.
    least: Vec<f64>,
    outputs: Vec<Polynomial>,
}

/// What a dimension is never below: of all dimensions, only a border may be missing.
pub fn least_of_dim(name: &str) -> f64 {
    if name.starts_with("pad") { 0.0 } else { 1.0 }
}

impl Former {
    /// An output 0 so far; its index.
    pub fn output(&mut self) -> usize {
        self.outputs.push(Polynomial::default());
        self.outputs.len() - 1
    }

    /// Adds `weight` × a sum to an output.
    pub fn add(&mut self, output: usize, sum: &Polynomial, weight: f64) {
        self.outputs[output].add(sum, weight);
    }

    /// An expression that counts something, 0 where it is negative, as [`Expr::eval_or_zero`].
    pub fn count(&mut self, expr: &Expr) -> Polynomial {
        let sum = self.value(expr);
        self.extreme(Step::Max, sum, Polynomial::default())
    }

    /// An expression as it is.
    pub fn value(&mut self, expr: &Expr) -> Polynomial {
        let mut stack: Vec<Polynomial> = Vec::new();
        for step in expr.program() {
            let value = match step {
                // Literals of kernel files are far below 2⁵³.
                Step::Number(n) => Polynomial::term(Monomial::new(), *n as f64),
                Step::Dim(name) => self.factor(Factor::Dim(name.clone()), least_of_dim(name)),
                operator => {
                    let b = stack.pop().expect("the parser pushes two operands before an operator");
                    let a = stack.pop().expect("the parser pushes two operands before an operator");
                    match operator {
                        Step::Add => a.plus(&b, 1.0),
                        Step::Sub => a.plus(&b, -1.0),
                        Step::Mul => a.times(&b),
                        Step::Min | Step::Max => self.extreme(operator.clone(), a, b),
                        other => self.quotient(other.clone(), a, b),
                    }
                }
            };
            stack.push(value);
        }
        stack.pop().expect("a parsed expression leaves one value")
    }

    /// The smaller or larger of two: one of them where that is certain, else a factor of what they do not share.
    fn extreme(&mut self, step: Step, a: Polynomial, b: Polynomial) -> Polynomial {
        let is_min = step == Step::Min;
        if a.clone().plus(&b, -1.0).least(&self.least) >= 0.0 {
            return if is_min { b } else { a };
        }
        if b.clone().plus(&a, -1.0).least(&self.least) >= 0.0 {
            return if is_min { a } else { b };
        }
        let common = Polynomial::common(&a, &b, |factor| self.least[factor] >= 0.0);
        let (a, b) = (a.divided(&common), b.divided(&common));
        let (of_a, of_b) = (a.least(&self.least), b.least(&self.least));
        let least = if is_min { of_a.min(of_b) } else { of_a.max(of_b) };
        self.factor(Factor::Other(step, a, b), least).times(&Polynomial::term(common, 1.0))
    }

    fn quotient(&mut self, step: Step, a: Polynomial, b: Polynomial) -> Polynomial {
        let (of_a, of_b) = (a.least(&self.least), b.least(&self.least));
        let least = match step {
            Step::Rem if of_b >= 1.0 => 0.0,
            Step::CeilDiv if of_a >= 1.0 && of_b >= 1.0 => 1.0,
            _ if of_a >= 0.0 && of_b >= 1.0 => 0.0,
            _ => f64::NEG_INFINITY,
        };
        self.factor(Factor::Other(step, a, b), least)
    }

    fn factor(&mut self, factor: Factor, least: f64) -> Polynomial {
        let index = self.factors.iter().position(|f| *f == factor).unwrap_or_else(|| {
            self.factors.push(factor);
            self.least.push(least);
            self.factors.len() - 1
        });
        Polynomial::term(vec![index], 1.0)
    }

    /// The form of everything added.
    pub fn finish(self) -> ClosedForm {
        let mut builder = Builder::default();
        // A factor needs earlier ones only; dimensions are there before any of them is computed.
        let dims = self.factors.iter().filter_map(|f| if let Factor::Dim(name) = f { Some(name) } else { None });
        dims.for_each(|name| builder.dim(name));
        self.factors.iter().for_each(|factor| builder.factor(factor));
        builder.finish(&self.outputs)
    }
}
