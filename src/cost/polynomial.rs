//! Sums of products over the factors of a closed form: Σ coefficient × monomial.

use std::collections::BTreeMap;

/// Factors of a monomial, sorted; each an index into the form's factors. The empty one is the constant.
pub type Monomial = Vec<usize>;

/// Longest monomial that [`Polynomial::least`] multiplies out.
const MAX_EXPANDED: usize = 10;

/// Coefficient of each monomial, none of them 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polynomial(BTreeMap<Monomial, f64>);

impl Polynomial {
    /// A coefficient times a monomial.
    pub fn term(monomial: Monomial, coefficient: f64) -> Self {
        let mut result = Polynomial::default();
        result.add_term(monomial, coefficient);
        result
    }

    /// Monomials and coefficients, in the monomials' order.
    pub fn terms(&self) -> impl Iterator<Item = (&Monomial, f64)> {
        self.0.iter().map(|(monomial, &c)| (monomial, c))
    }

    fn add_term(&mut self, monomial: Monomial, coefficient: f64) {
        let sum = self.0.get(&monomial).copied().unwrap_or(0.0) + coefficient;
        if sum == 0.0 {
            self.0.remove(&monomial);
        } else {
            self.0.insert(monomial, sum);
        }
    }

    /// Adds `weight` × another.
    pub fn add(&mut self, other: &Polynomial, weight: f64) {
        other.terms().for_each(|(monomial, c)| self.add_term(monomial.clone(), c * weight));
    }

    /// This plus `weight` × another.
    pub fn plus(mut self, other: &Polynomial, weight: f64) -> Self {
        self.add(other, weight);
        self
    }

    /// The product.
    pub fn times(&self, other: &Polynomial) -> Self {
        let mut result = Polynomial::default();
        for (left, x) in self.terms() {
            for (right, y) in other.terms() {
                let mut monomial: Monomial = left.iter().chain(right).copied().collect();
                monomial.sort_unstable();
                result.add_term(monomial, x * y);
            }
        }
        result
    }

    /// A number that no value is below where every factor is at least its number in `of`; −∞ where none is known.
    ///
    /// Each factor is written as its least plus what it has more: where no coefficient of what there is more is negative, the constant
    /// is the least value. A factor without a least leaves none.
    pub fn least(&self, of: &[f64]) -> f64 {
        let mut over_least = Polynomial::default();
        for (monomial, c) in self.terms() {
            if monomial.len() > MAX_EXPANDED || monomial.iter().any(|&f| of[f] == f64::NEG_INFINITY) {
                return f64::NEG_INFINITY;
            }
            let shifted =
                |&f: &usize| Polynomial::term(vec![f], 1.0).plus(&Polynomial::term(Monomial::new(), of[f]), 1.0);
            let one = Polynomial::term(Monomial::new(), 1.0);
            over_least.add(&monomial.iter().map(shifted).fold(one, |all, factor| all.times(&factor)), c);
        }
        let constant = over_least.0.remove(&Monomial::new()).unwrap_or(0.0);
        if over_least.0.values().all(|&c| c > 0.0) { constant } else { f64::NEG_INFINITY }
    }

    /// The monomial that divides every term of both, of factors that are not negative.
    pub fn common(a: &Polynomial, b: &Polynomial, is_positive: impl Fn(usize) -> bool) -> Monomial {
        let mut terms = a.0.keys().chain(b.0.keys());
        let Some(first) = terms.next() else { return Monomial::new() };
        let first = first.iter().copied().filter(|&f| is_positive(f)).collect();
        terms.fold(first, |common: Monomial, monomial| {
            let mut left = monomial.clone();
            let is_in = |f: &usize| left.iter().position(|l| l == f).map(|at| left.swap_remove(at)).is_some();
            common.into_iter().filter(is_in).collect()
        })
    }

    /// Divided by a monomial that is in every term.
    pub fn divided(&self, by: &Monomial) -> Self {
        let divide = |(monomial, c): (&Monomial, f64)| {
            let mut left = monomial.clone();
            by.iter().for_each(|f| {
                if let Some(at) = left.iter().position(|l| l == f) {
                    left.remove(at);
                }
            });
            (left, c)
        };
        Polynomial(self.terms().map(divide).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poly(terms: &[(&[usize], f64)]) -> Polynomial {
        terms.iter().fold(Polynomial::default(), |sum, (m, c)| sum.plus(&Polynomial::term(m.to_vec(), *c), 1.0))
    }

    #[test]
    fn the_least_value_is_found_where_the_factors_leave_no_doubt() {
        let least = [1.0, 1.0, 0.0, f64::NEG_INFINITY];
        assert_eq!(poly(&[(&[0, 1], 1.0), (&[0], -1.0)]).least(&least), 0.0, "a·b − a with a, b ≥ 1");
        assert_eq!(poly(&[(&[0, 1], 2.0), (&[], 3.0)]).least(&least), 5.0);
        assert_eq!(poly(&[(&[0], 1.0), (&[], -2.0)]).least(&least), -1.0, "one pass less two");
        assert_eq!(poly(&[(&[0], 1.0), (&[1], -1.0)]).least(&least), f64::NEG_INFINITY);
        assert_eq!(poly(&[(&[0, 2], 1.0), (&[0], -1.0)]).least(&least), f64::NEG_INFINITY, "nothing times a, less a");
        assert_eq!(poly(&[(&[3], 1.0)]).least(&least), f64::NEG_INFINITY);
    }

    #[test]
    fn what_two_sums_share_is_taken_out() {
        let (a, b) = (poly(&[(&[0, 1, 2], 1.0), (&[0, 1], -2.0)]), poly(&[(&[0, 1], 3.0)]));
        let common = Polynomial::common(&a, &b, |f| f != 1);
        assert_eq!(common, [0]);
        assert_eq!(a.divided(&common), poly(&[(&[1, 2], 1.0), (&[1], -2.0)]));
        assert_eq!(Polynomial::common(&a, &b, |_| true), [0, 1]);
        assert_eq!(Polynomial::common(&a, &poly(&[(&[], 1.0)]), |_| true), Monomial::new());
    }
}
