//! Integer expressions over a call's dimensions: trip counts and bytes of a kernel.
//!
//! Grammar: `+ - * / %`, parentheses, decimal literals, dimension names, `ceil_div(a,b)`, `min(a,b)`, `max(a,b)`.
//! `/` and `%` round towards minus infinity. Every step is checked; the result must not be negative.
//!
//! An expression is parsed once into a postfix program and run for every shape, so that a hostile file can neither
//! overflow the stack nor the numbers.

use crate::trace::Dims;
use std::fmt;

/// Longest text that is read as an expression.
pub const MAX_TEXT: usize = 1024;
/// Deepest nesting of parentheses and calls.
pub const MAX_DEPTH: usize = 32;

/// What is wrong with an expression or its numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// A character that starts nothing.
    #[error("`{text}`: unexpected {found} at character {at}; {expected} can stand here")]
    Unexpected {
        /// The expression.
        text: String,
        /// Character position, from 1.
        at: usize,
        /// What stands there.
        found: String,
        /// What could.
        expected: &'static str,
    },
    /// A function that does not exist.
    #[error("`{text}`: there is no function `{name}`; there are ceil_div, min and max")]
    Function {
        /// The expression.
        text: String,
        /// The name.
        name: String,
    },
    /// Longer than [`MAX_TEXT`] or deeper than [`MAX_DEPTH`].
    #[error(
        "an expression of {len} characters is too long or too deeply nested; at most {MAX_TEXT} characters and {MAX_DEPTH} levels"
    )]
    TooLarge {
        /// Its length.
        len: usize,
    },
    /// A dimension that the call does not have.
    #[error("`{text}` needs the dimension `{name}`; the call has {given}")]
    Dimension {
        /// The expression.
        text: String,
        /// The dimension.
        name: String,
        /// The dimensions that there are.
        given: String,
    },
    /// A product or sum outside 128-bit integers, or a result outside 0…2⁶⁴−1.
    #[error("`{text}` leaves 0…18446744073709551615 with {given}")]
    Overflow {
        /// The expression.
        text: String,
        /// The dimensions.
        given: String,
    },
    /// Division by zero.
    #[error("`{text}` divides by zero with {given}")]
    DivideByZero {
        /// The expression.
        text: String,
        /// The dimensions.
        given: String,
    },
}

/// One step of a postfix program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Number(i128),
    Dim(String),
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    CeilDiv,
    Min,
    Max,
}

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    text: String,
    program: Vec<Step>,
}

impl Expr {
    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        if text.len() > MAX_TEXT {
            return Err(ExprError::TooLarge { len: text.len() });
        }
        let mut parser = Parser { text, chars: text.chars().collect(), at: 0, depth: 0, program: Vec::new() };
        parser.sum()?;
        parser.skip_space();
        if parser.at < parser.chars.len() {
            return Err(parser.unexpected("an operator or the end"));
        }
        Ok(Self { text: text.to_owned(), program: parser.program })
    }

    /// The smaller of two.
    pub(super) fn smaller(a: &Expr, b: &Expr) -> Self {
        let program = a.program.iter().chain(&b.program).cloned().chain([Step::Min]).collect();
        Self { text: format!("min({},{})", a.text, b.text), program }
    }

    /// The names of the dimensions that it needs.
    pub fn dims(&self) -> impl Iterator<Item = &str> {
        self.program.iter().filter_map(|step| if let Step::Dim(name) = step { Some(name.as_str()) } else { None })
    }

    /// Operands and operators in postfix order.
    pub(super) fn program(&self) -> &[Step] {
        &self.program
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its value for one shape, 0…2⁶⁴−1.
    pub fn eval(&self, dims: &Dims) -> Result<u64, ExprError> {
        u64::try_from(self.signed(dims)?).map_err(|_| self.overflow(dims))
    }

    /// As [`Expr::eval`], 0 where the value is negative: how often a loop goes round is its passes minus its entries, and a shape that
    /// never enters it has no passes.
    pub fn eval_or_zero(&self, dims: &Dims) -> Result<u64, ExprError> {
        u64::try_from(self.signed(dims)?.max(0)).map_err(|_| self.overflow(dims))
    }

    fn signed(&self, dims: &Dims) -> Result<i128, ExprError> {
        let mut stack: Vec<i128> = Vec::with_capacity(8);
        for step in &self.program {
            let value = match step {
                Step::Number(n) => *n,
                Step::Dim(name) => i128::from(dims.get(name).ok_or_else(|| ExprError::Dimension {
                    text: self.text.clone(),
                    name: name.clone(),
                    given: given(dims),
                })?),
                binary => {
                    let b = stack.pop().expect("the parser pushes two operands before an operator");
                    let a = stack.pop().expect("the parser pushes two operands before an operator");
                    self.apply(binary, a, b, dims)?
                }
            };
            stack.push(value);
        }
        Ok(stack.pop().expect("a parsed expression leaves one value"))
    }

    fn apply(&self, step: &Step, a: i128, b: i128, dims: &Dims) -> Result<i128, ExprError> {
        let divides = matches!(step, Step::Div | Step::Rem | Step::CeilDiv);
        if divides && b == 0 {
            return Err(ExprError::DivideByZero { text: self.text.clone(), given: given(dims) });
        }
        let floor = |a: i128, b: i128| {
            let (q, r) = (a.checked_div(b)?, a.checked_rem(b)?);
            if r != 0 && (r < 0) != (b < 0) { q.checked_sub(1) } else { Some(q) }
        };
        match step {
            Step::Add => a.checked_add(b),
            Step::Sub => a.checked_sub(b),
            Step::Mul => a.checked_mul(b),
            Step::Div => floor(a, b),
            Step::Rem => floor(a, b).and_then(|q| a.checked_sub(q.checked_mul(b)?)),
            Step::CeilDiv => a.checked_neg().and_then(|n| floor(n, b)).and_then(i128::checked_neg),
            Step::Min => Some(a.min(b)),
            Step::Max => Some(a.max(b)),
            Step::Number(_) | Step::Dim(_) => unreachable!("operands are handled by eval"),
        }
        .ok_or_else(|| self.overflow(dims))
    }

    fn overflow(&self, dims: &Dims) -> ExprError {
        ExprError::Overflow { text: self.text.clone(), given: given(dims) }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The dimensions as `oh=26 ow=26`, or `no dimensions`.
pub(crate) fn given(dims: &Dims) -> String {
    let list: Vec<String> = dims.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if list.is_empty() { "no dimensions".to_owned() } else { list.join(" ") }
}

struct Parser<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    depth: usize,
    program: Vec<Step>,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.chars.get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> ExprError {
        let found = self.chars.get(self.at).map_or("end".to_owned(), |c| format!("`{c}`"));
        ExprError::Unexpected { text: self.text.to_owned(), at: self.at + 1, found, expected }
    }

    fn eat(&mut self, want: char, expected: &'static str) -> Result<(), ExprError> {
        if self.peek() != Some(want) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// Every recursion passes here, so that nesting is bounded.
    fn sum(&mut self) -> Result<(), ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExprError::TooLarge { len: self.text.len() });
        }
        self.product()?;
        while let Some(sign @ ('+' | '-')) = self.peek() {
            self.at += 1;
            self.product()?;
            self.program.push(if sign == '+' { Step::Add } else { Step::Sub });
        }
        self.depth -= 1;
        Ok(())
    }

    fn product(&mut self) -> Result<(), ExprError> {
        self.factor()?;
        while let Some(sign @ ('*' | '/' | '%')) = self.peek() {
            self.at += 1;
            self.factor()?;
            self.program.push(match sign {
                '*' => Step::Mul,
                '/' => Step::Div,
                _ => Step::Rem,
            });
        }
        Ok(())
    }

    fn factor(&mut self) -> Result<(), ExprError> {
        match self.peek() {
            Some('(') => {
                self.at += 1;
                self.sum()?;
                self.eat(')', "`)`")
            }
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.name(),
            _ => Err(self.unexpected("a number, a dimension, a function or `(`")),
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.chars.get(self.at).is_some_and(|&c| keep(c)) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn number(&mut self) -> Result<(), ExprError> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        let value: u64 = digits
            .parse()
            .map_err(|_| ExprError::Overflow { text: self.text.to_owned(), given: format!("the literal {digits}") })?;
        self.program.push(Step::Number(i128::from(value)));
        Ok(())
    }

    fn name(&mut self) -> Result<(), ExprError> {
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.peek() != Some('(') {
            self.program.push(Step::Dim(name));
            return Ok(());
        }
        let step = match name.as_str() {
            "ceil_div" => Step::CeilDiv,
            "min" => Step::Min,
            "max" => Step::Max,
            _ => return Err(ExprError::Function { text: self.text.to_owned(), name }),
        };
        self.at += 1;
        self.sum()?;
        self.eat(',', "`,`")?;
        self.sum()?;
        self.eat(')', "`)`")?;
        self.program.push(step);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<u64, ExprError> {
        let dims = Dims::new().with("oh", 26).with("oc", 64).with("big", u64::MAX).with("zero", 0);
        Expr::parse(text)?.eval(&dims)
    }

    #[test]
    fn values_follow_precedence_and_floor() {
        let cases = [
            ("2+3*4", 14),
            ("(2+3)*4", 20),
            ("7/2*2", 6),
            ("20-7-3", 10),
            ("oh*oc", 1664),
            ("ceil_div(oh, 4)", 7),
            ("min(oh,oc)+max(oh,oc)", 90),
            ("(3-10)/2+4", 0),
            ("(0-7)%4", 1),
            ("max(oh-30, 0)", 0),
            ("ceil_div(0-7, 2)+3", 0),
            ("big", u64::MAX),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, want) in cases {
            assert_eq!(value(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn hostile_text_is_refused_with_its_reason() {
        let message = |text: &str| value(text).expect_err(text).to_string();
        assert_eq!(
            message("oh*"),
            "`oh*`: unexpected end at character 4; a number, a dimension, a function or `(` can stand here"
        );
        assert_eq!(message("oh oc"), "`oh oc`: unexpected `o` at character 4; an operator or the end can stand here");
        assert_eq!(
            message("-1"),
            "`-1`: unexpected `-` at character 1; a number, a dimension, a function or `(` can stand here"
        );
        assert_eq!(message("pow(2,3)"), "`pow(2,3)`: there is no function `pow`; there are ceil_div, min and max");
        assert_eq!(
            message("iw+1"),
            "`iw+1` needs the dimension `iw`; the call has oh=26 oc=64 big=18446744073709551615 zero=0"
        );
        assert!(message("oh/zero").contains("divides by zero"));
        assert!(message("ceil_div(1,zero)").contains("divides by zero"));
        assert!(message("1-2").contains("leaves 0…"));
        assert!(message("big*big*big*big").contains("leaves 0…"));
        assert!(message("big+1").contains("leaves 0…"));
        assert!(message("99999999999999999999").contains("the literal 99999999999999999999"));
        assert!(matches!(value(&"(".repeat(200)), Err(ExprError::TooLarge { .. })));
        assert!(matches!(value(&"1+".repeat(2000)), Err(ExprError::TooLarge { .. })));
        assert!(matches!(value(""), Err(ExprError::Unexpected { .. })));
        assert!(matches!(value("oh)"), Err(ExprError::Unexpected { .. })));
        assert!(matches!(value("min(1)"), Err(ExprError::Unexpected { .. })));
    }
}
