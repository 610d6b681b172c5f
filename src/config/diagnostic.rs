//! Errors that point at the place in the file: path, line, column, the line itself, a caret, and the way out.

use std::fmt;
use std::ops::Range;

/// A text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path as the user gave it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// A diagnostic at a byte range of this text; ranges outside of it are drawn in.
    pub fn at(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        let start = self.floor(span.start);
        let end = self.floor(span.end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_text = self.text[line_start..].lines().next().unwrap_or("").to_owned();
        let marked_end = end.min(line_start + line_text.len()).max(start);
        Diagnostic {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            marked: self.text[start..marked_end].chars().count().max(1),
            line_text,
            message: message.into(),
            help: help.into(),
        }
    }

    fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// What is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// File.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself.
    pub line_text: String,
    /// Characters to mark.
    pub marked: usize,
    /// What is wrong.
    pub message: String,
    /// The way out; may be empty.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        // Tabs keep their width, so that the caret stands below its character.
        let lead: String =
            self.line_text.chars().take(self.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {}", self.line_text)?;
        write!(f, "{gutter} | {lead}{}", "^".repeat(self.marked))?;
        if !self.help.is_empty() {
            write!(f, "\n{gutter} = {}", self.help)?;
        }
        Ok(())
    }
}

/// The candidate nearest to a misspelt word, if it is near enough to be meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (distance(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= allowed)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// Help text for a word that is not among `allowed`.
pub fn allowed_values<'a>(word: &str, what: &str, allowed: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let list = allowed.clone().into_iter().collect::<Vec<_>>().join(", ");
    match did_you_mean(word, allowed) {
        Some(near) => format!("did you mean `{near}`? {what}: {list}"),
        None => format!("{what}: {list}"),
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_word() {
        let source = Source { path: "x.toml".into(), text: "a = 1\n[b]\n\tβ = int1 # no\n".into() };
        let at = source.text.find("int1").unwrap();
        let shown = source.at(at..at + 4, "no such format", "use int2").to_string();
        assert_eq!(shown, "x.toml:3:6: no such format\n  |\n3 | \tβ = int1 # no\n  | \t    ^^^^\n  = use int2");
    }

    #[test]
    fn a_span_outside_the_text_is_drawn_in() {
        let source = Source { path: "x".into(), text: "é".into() };
        for span in [0..0, 1..1, 5..9] {
            assert_eq!(source.at(span, "m", "").line, 1);
        }
        assert_eq!(Source { path: "x".into(), text: String::new() }.at(3..7, "m", "").column, 1);
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let keys = ["learning_rate", "batch", "momentum"];
        assert_eq!(did_you_mean("learnin_rate", keys), Some("learning_rate"));
        assert_eq!(did_you_mean("bacth", keys), Some("batch"));
        assert_eq!(did_you_mean("seeds", keys), None);
    }
}
