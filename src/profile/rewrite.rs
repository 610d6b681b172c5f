//! A profile's text with some of its numbers replaced: what calibration writes, comments and order kept.

use super::board::Profile;
use super::quantity::Quantity;
use std::collections::BTreeMap;

impl Profile {
    /// `text`, which this profile was read from, under the name `name`, with `changes` by key of [`Profile::terms`] in place
    /// of their numbers and `comment` in front. Keys of the core go to `[core_numbers]`, factors to `[software]`.
    ///
    /// A key that the text does not have in a line of its own (one that an override made) is left out; the answer lists those.
    pub fn rewritten(
        &self,
        text: &str,
        name: &str,
        comment: &str,
        changes: &BTreeMap<String, Quantity>,
    ) -> (String, Vec<String>) {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut left_out = Vec::new();
        let own: BTreeMap<String, usize> = self.quantities().into_iter().map(|(key, q)| (key, q.line)).collect();
        for (key, number) in changes {
            if let Some(rest) = key.strip_prefix("core.") {
                in_table(&mut lines, "core_numbers", &format!("\"{rest}\""), number);
            } else if let Some(class) = key.strip_prefix("software.") {
                in_table(&mut lines, "software", class, number);
            } else {
                let line = own.get(key).and_then(|line| lines.get_mut(line.checked_sub(1)?));
                let replaced = line.and_then(|line| {
                    *line = format!("{}{}", &line[..line.find('{')?], inline(number));
                    Some(())
                });
                if replaced.is_none() {
                    left_out.push(key.clone());
                }
            }
        }
        if let Some(line) = lines.iter_mut().find(|line| line.starts_with("name = ")) {
            *line = format!("name = {}", toml::Value::from(name));
        }
        let front = comment.lines().map(|l| format!("# {l}").trim_end().to_owned());
        let mut whole = front.chain(lines).collect::<Vec<_>>().join("\n");
        whole.push('\n');
        (whole, left_out)
    }
}

/// `{ value = …, low = …, high = …, kind = "…", source = "…" }`.
fn inline(q: &Quantity) -> String {
    let ends = if q.is_uncertain() { format!("low = {}, high = {}, ", q.low, q.high) } else { String::new() };
    format!(
        "{{ value = {}, {ends}kind = \"{}\", source = {} }}",
        q.value,
        q.kind.code(),
        toml::Value::from(q.source.as_str())
    )
}

/// Puts `key` into `[table]`, which is made at the end where it is not there.
fn in_table(lines: &mut Vec<String>, table: &str, key: &str, number: &Quantity) {
    let header = format!("[{table}]");
    let at = lines.iter().position(|line| line.trim() == header).unwrap_or_else(|| {
        lines.extend([String::new(), header]);
        lines.len() - 1
    });
    let ends = lines[at + 1..].iter().position(|line| line.starts_with('[')).map_or(lines.len(), |n| at + 1 + n);
    let is_key = |line: &String| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let text = format!("{key} = {}", inline(number));
    match (at + 1..ends).find(|n| is_key(&lines[*n])) {
        Some(old) => lines[old] = text,
        None => lines.insert(at + 1, text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, board_text, builtin};
    use super::*;

    fn measured(value: f64) -> Quantity {
        Quantity {
            value,
            low: value * 0.9,
            high: value * 1.1,
            kind: Kind::Measured,
            source: "calibrated on \"three\" rows".to_owned(),
            line: 0,
        }
    }

    #[test]
    fn every_term_of_every_board_can_be_written_and_read_again() {
        for board in super::super::board_names() {
            let profile = builtin(board).unwrap_or_else(|e| panic!("{e}"));
            let text = board_text(board).expect("built in");
            let shares = |key: &str| key.ends_with("share");
            let mut changes: BTreeMap<String, Quantity> = profile
                .terms()
                .into_iter()
                .filter(|(_, q)| q.is_uncertain())
                .map(|(key, _)| (key.clone(), measured(if shares(&key) { 0.5 } else { 7.0 })))
                .collect();
            changes.insert("software.cmsis-nn".to_owned(), measured(1.25));
            let (new, left_out) = profile.rewritten(text, "mine", "first\nsecond", &changes);
            assert_eq!(left_out, Vec::<String>::new());
            let read = Profile::parse("mine.toml", &new).unwrap_or_else(|e| panic!("{board}: {e}\n{new}"));
            assert!(new.starts_with("# first\n# second\n") && read.name == "mine");
            for (key, want) in &changes {
                let (_, got) = read.terms().into_iter().find(|(k, _)| k == key).unwrap_or_else(|| panic!("{key}"));
                assert!(
                    got.value == want.value && got.low == want.low && got.kind == Kind::Measured,
                    "{board} {key} {got:?}"
                );
            }
            // Once more: tables that are there are changed, not made again.
            changes.values_mut().for_each(|q| *q = measured(q.value * 0.5));
            let (again, _) = read.rewritten(&new, "mine", "", &changes);
            let read = Profile::parse("mine.toml", &again).unwrap_or_else(|e| panic!("{board}: {e}\n{again}"));
            assert_eq!(read.software["cmsis-nn"].value, 0.625);
            assert_eq!(again.matches("[core_numbers]").count(), new.matches("[core_numbers]").count());
        }
    }

    #[test]
    fn an_unknown_core_number_is_an_error_with_its_line() {
        let text = board_text("stm32l4r5").expect("built in").to_owned()
            + "\n[core_numbers]\n\"branch.bubble\" = { value = 1, kind = \"measured\", source = \"x\" }\n";
        let said = Profile::parse("my.toml", &text).expect_err("no such number").to_string();
        let line = text.lines().count();
        assert!(said.contains(&format!("my.toml:{line}")) && said.contains("branch.taken_extra"), "{said}");
    }
}
