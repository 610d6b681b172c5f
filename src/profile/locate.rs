//! A place in a text file, and how an error shows it: file, line, column, the line itself and a caret.

use std::fmt;
use std::ops::Range;

/// Where in which file. Lines and columns count from 1; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The whole line, without its end.
    pub text: String,
    /// Number of characters that the caret underlines, at least 1.
    pub width: usize,
}

impl Place {
    /// The place of a byte range in `source`. A range past the end points at the end.
    pub fn of(file: &str, source: &str, span: Range<usize>) -> Self {
        let mut start = span.start.min(source.len());
        while !source.is_char_boundary(start) {
            start -= 1;
        }
        let before = &source[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let text = source[line_start..].lines().next().unwrap_or("").to_owned();
        let column = source[line_start..start].chars().count() + 1;
        let rest_of_line = text.chars().count().saturating_sub(column - 1);
        let width = source.get(start..span.end).map_or(1, |s| s.chars().count()).clamp(1, rest_of_line.max(1));
        Place { file: file.to_owned(), line: before.matches('\n').count() + 1, column, text, width }
    }

    /// The place of a `toml` error.
    pub fn of_toml(file: &str, source: &str, error: &toml::de::Error) -> Self {
        Place::of(file, source, error.span().unwrap_or(0..0))
    }
}

/// `file:line:column` on the first line, then the line with a caret.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = " ".repeat(self.line.to_string().len());
        writeln!(f, "{}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{} | {}", self.line, self.text)?;
        write!(f, "{gutter} | {}{}", " ".repeat(self.column - 1), "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_on_the_second_line_is_shown_with_its_caret() {
        let source = "a = 1\nµ = tru\n";
        let at = source.find("tru").expect("it is there");
        let place = Place::of("x.toml", source, at..at + 3);
        assert_eq!((place.line, place.column, place.width), (2, 5, 3));
        assert_eq!(place.to_string(), "x.toml:2:5\n  |\n2 | µ = tru\n  |     ^^^");
    }

    #[test]
    fn a_span_past_the_end_points_at_the_end() {
        let place = Place::of("x", "ab", 9..12);
        assert_eq!((place.line, place.column, place.width), (1, 3, 1));
    }
}
