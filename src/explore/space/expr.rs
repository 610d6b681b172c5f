//! Constraints: a small language of comparisons over the axes and the resolved precision.
//!
//! ```text
//! or   := and ("or" and)*        and := not ("and" not)*        not := "not" not | cmp
//! cmp  := sum (("<=" | "<" | ">=" | ">" | "==" | "!=") sum)?
//! sum  := term (("+" | "-") term)*     term := unary (("*" | "/") unary)*     unary := "-" unary | atom
//! atom := number | 'text' | name | "(" or ")"
//! ```
//!
//! Names: an axis; `SLOT.bits`, `SLOT.format`, `SLOT.rounding`, `SLOT.overflow`; `accumulators.logits.bits`,
//! `accumulators.gradient.bits`; `training.batch` and the other numbers of `[training]`.

use super::axis::Axis;
use super::names::{Name, Value};
use crate::config::{Diagnostic, Source};
use std::ops::Range;

/// A condition that every point must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// As written.
    pub text: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    expr: Expr,
}

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Value(Value),
    Name(Name),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Or,
    And,
    LessEqual,
    Less,
    GreaterEqual,
    Greater,
    Equal,
    NotEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Constraint {
    /// Parses the constraint that stands at `span` of the file, quotes included.
    ///
    /// # Errors
    /// Points at the word in the file that is at fault.
    pub fn parse(source: &Source, text: &str, span: Range<usize>, axes: &[Axis]) -> Result<Self, Diagnostic> {
        let mut parser = Parser { source, text, start: span.start + 1, at: 0, axes };
        let expr = parser.or()?;
        if let Some((word, at)) = parser.peek() {
            let help = "join conditions with `and` or `or`";
            return Err(parser.complain(at..at + word.len(), &format!("`{word}` is not expected here"), help));
        }
        Ok(Self { text: text.to_owned(), span, expr })
    }

    /// Does a point meet it? `value` gives the value of a name.
    ///
    /// # Errors
    /// A text that says which operation does not fit its operands.
    pub fn holds(&self, value: &dyn Fn(&Name) -> Option<Value>) -> Result<bool, String> {
        match evaluate(&self.expr, value)? {
            Value::Truth(b) => Ok(b),
            other => Err(format!("`{}` is {other}, not true or false", self.text)),
        }
    }
}

fn evaluate(expr: &Expr, value: &dyn Fn(&Name) -> Option<Value>) -> Result<Value, String> {
    let truth = |e: &Expr| match evaluate(e, value)? {
        Value::Truth(b) => Ok(b),
        other => Err(format!("{other} is not true or false")),
    };
    Ok(match expr {
        Expr::Value(v) => v.clone(),
        Expr::Name(name) => value(name).ok_or_else(|| format!("`{name}` has no value at this point"))?,
        Expr::Negate(e) => match evaluate(e, value)? {
            Value::Number(x) => Value::Number(-x),
            other => return Err(format!("−{other}: only numbers have a sign")),
        },
        Expr::Not(e) => Value::Truth(!truth(e)?),
        Expr::Binary(Op::Or, a, b) => Value::Truth(truth(a)? || truth(b)?),
        Expr::Binary(Op::And, a, b) => Value::Truth(truth(a)? && truth(b)?),
        Expr::Binary(op, a, b) => binary(*op, &evaluate(a, value)?, &evaluate(b, value)?)?,
    })
}

fn binary(op: Op, a: &Value, b: &Value) -> Result<Value, String> {
    Ok(match (op, a, b) {
        (Op::Equal, a, b) => Value::Truth(a == b),
        (Op::NotEqual, a, b) => Value::Truth(a != b),
        (Op::LessEqual, Value::Number(a), Value::Number(b)) => Value::Truth(a <= b),
        (Op::Less, Value::Number(a), Value::Number(b)) => Value::Truth(a < b),
        (Op::GreaterEqual, Value::Number(a), Value::Number(b)) => Value::Truth(a >= b),
        (Op::Greater, Value::Number(a), Value::Number(b)) => Value::Truth(a > b),
        (Op::Add, Value::Number(a), Value::Number(b)) => Value::Number(a + b),
        (Op::Subtract, Value::Number(a), Value::Number(b)) => Value::Number(a - b),
        (Op::Multiply, Value::Number(a), Value::Number(b)) => Value::Number(a * b),
        (Op::Divide, Value::Number(a), Value::Number(b)) => Value::Number(a / b),
        _ => return Err(format!("{a} and {b} cannot be compared or calculated with; only numbers can")),
    })
}

struct Parser<'a> {
    source: &'a Source,
    text: &'a str,
    start: usize,
    at: usize,
    axes: &'a [Axis],
}

const SIGNS: [&str; 12] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")"];

impl<'a> Parser<'a> {
    fn complain(&self, at: Range<usize>, message: &str, help: &str) -> Diagnostic {
        self.source.at(self.start + at.start..self.start + at.end, format!("in a constraint: {message}"), help)
    }

    /// The next word and its place, without taking it.
    fn peek(&self) -> Option<(&'a str, usize)> {
        let rest = &self.text[self.at..];
        let at = self.at + (rest.len() - rest.trim_start().len());
        let rest = rest.trim_start();
        let first = rest.chars().next()?;
        if let Some(sign) = SIGNS.iter().find(|s| rest.starts_with(**s)) {
            return Some((&rest[..sign.len()], at));
        }
        let end = if first == '\'' {
            rest[1..].find('\'').map_or(rest.len(), |i| i + 2)
        } else {
            // Names may carry a minus, as `kernel-set` does; a sum needs blanks around its own.
            let inside = |c: char| c.is_alphanumeric() || "_.-".contains(c);
            rest.find(|c| !inside(c)).unwrap_or(rest.len()).max(first.len_utf8())
        };
        Some((&rest[..end], at))
    }

    fn take_if(&mut self, word: &str) -> bool {
        match self.peek() {
            Some((found, at)) if found == word => {
                self.at = at + found.len();
                true
            }
            _ => false,
        }
    }

    fn or(&mut self) -> Result<Expr, Diagnostic> {
        let mut left = self.and()?;
        while self.take_if("or") {
            left = Expr::Binary(Op::Or, Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Diagnostic> {
        let mut left = self.not()?;
        while self.take_if("and") {
            left = Expr::Binary(Op::And, Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Diagnostic> {
        if self.take_if("not") { Ok(Expr::Not(Box::new(self.not()?))) } else { self.comparison() }
    }

    fn comparison(&mut self) -> Result<Expr, Diagnostic> {
        const SIGNS: [(&str, Op); 6] = [
            ("<=", Op::LessEqual),
            ("<", Op::Less),
            (">=", Op::GreaterEqual),
            (">", Op::Greater),
            ("==", Op::Equal),
            ("!=", Op::NotEqual),
        ];
        let left = self.chain(&[("+", Op::Add), ("-", Op::Subtract)], |p| {
            p.chain(&[("*", Op::Multiply), ("/", Op::Divide)], Self::unary)
        })?;
        for (sign, op) in SIGNS {
            if self.take_if(sign) {
                let right = self.chain(&[("+", Op::Add), ("-", Op::Subtract)], |p| {
                    p.chain(&[("*", Op::Multiply), ("/", Op::Divide)], Self::unary)
                })?;
                return Ok(Expr::Binary(op, Box::new(left), Box::new(right)));
            }
        }
        Ok(left)
    }

    fn chain(
        &mut self,
        signs: &[(&str, Op)],
        next: impl Fn(&mut Self) -> Result<Expr, Diagnostic>,
    ) -> Result<Expr, Diagnostic> {
        let mut left = next(self)?;
        while let Some(&(_, op)) = signs.iter().find(|(sign, _)| self.take_if(sign)) {
            left = Expr::Binary(op, Box::new(left), Box::new(next(self)?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Diagnostic> {
        if self.take_if("-") { Ok(Expr::Negate(Box::new(self.unary()?))) } else { self.atom() }
    }

    fn atom(&mut self) -> Result<Expr, Diagnostic> {
        let Some((word, at)) = self.peek() else {
            let end = self.text.len();
            return Err(self.complain(end..end + 1, "something is missing here", "give a name, a number or a 'text'"));
        };
        let span = at..at + word.len();
        self.at = span.end;
        if word == "(" {
            let inner = self.or()?;
            if !self.take_if(")") {
                return Err(self.complain(span, "this parenthesis is not closed", "add `)`"));
            }
            return Ok(inner);
        }
        if let Some(text) = word.strip_prefix('\'') {
            let Some(text) = text.strip_suffix('\'') else {
                return Err(self.complain(span, "this text is not closed", "add `'`"));
            };
            return Ok(Expr::Value(Value::Text(text.to_owned())));
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return match word.parse::<f64>() {
                Ok(x) => Ok(Expr::Value(Value::Number(x))),
                Err(_) => Err(self.complain(span, &format!("`{word}` is not a number"), "")),
            };
        }
        if SIGNS.contains(&word) || ["and", "or", "not"].contains(&word) {
            let help = "give a name, a number or a 'text'";
            return Err(self.complain(span, &format!("`{word}` is not expected here"), help));
        }
        Name::parse(word, self.axes)
            .map(Expr::Name)
            .ok_or_else(|| self.complain(span, &format!("`{word}` is not known"), &Name::help(word, self.axes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Constraint, Diagnostic> {
        let source = Source { path: "s.toml".into(), text: format!("c = \"{text}\"\n") };
        Constraint::parse(&source, text, 4..source.text.len() - 1, &[])
    }

    fn holds(text: &str) -> Result<bool, String> {
        let value = |name: &Name| match name.to_string().as_str() {
            "features.bits" => Some(Value::Number(8.0)),
            "weights.forward.bits" => Some(Value::Number(4.0)),
            "update.rounding" => Some(Value::Text("stochastic".into())),
            _ => None,
        };
        parse(text).unwrap().holds(&value)
    }

    #[test]
    fn conditions_mean_what_they_say() {
        for (text, expected) in [
            ("features.bits <= weights.forward.bits", false),
            ("features.bits > weights.forward.bits", true),
            ("features.bits == 2 * weights.forward.bits", true),
            ("features.bits - weights.forward.bits - 2 == 2", true),
            ("features.bits / 2 / 2 >= 2 + 0 * 7", true),
            ("not features.bits == 8 or update.rounding == 'stochastic'", true),
            ("features.bits == 8 and not (update.rounding == 'stochastic')", false),
            ("-features.bits < 0", true),
            ("update.rounding != 'floor'", true),
        ] {
            assert_eq!(holds(text), Ok(expected), "{text}");
        }
        assert!(holds("features.bits + 1").unwrap_err().contains("not true or false"));
        assert!(holds("update.rounding < 3").unwrap_err().contains("only numbers can"));
    }

    #[test]
    fn errors_point_at_the_word() {
        for (text, column, needle) in [
            ("features.bitz <= 8", 6, "`features.bitz` is not known"),
            ("features.bits <= ", 23, "something is missing"),
            ("features.bits <= (8", 23, "not closed"),
            ("features.bits <= 8 8", 25, "not expected"),
            ("features.bits == 'x", 23, "not closed"),
            ("features.bits <= <", 23, "`<` is not expected"),
            ("1.2.3 < 2", 6, "not a number"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (1, column), "{error}");
            assert!(error.message.contains(needle), "{error}");
        }
        assert!(parse("featurs.bits < 3").unwrap_err().help.contains("did you mean `features.bits`"));
    }
}
