//! `tinyprec profile`: the boards that can be priced.

use super::{Outcome, Status, Terminal};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use tinyprec::profile::{self, Profile};
use tinyprec::report::memory_size;

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// Built-in profiles
    List {
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// One profile with the source of every number
    Show {
        /// Built-in name or TOML file
        profile: String,
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Writes a commented profile of your own to start from
    New {
        /// Its name; the file is NAME.toml
        name: String,
        /// Built-in profile to start from
        #[arg(long, value_name = "X", default_value = "stm32l4r5")]
        like: String,
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks a profile: what is missing, inconsistent, still copied, or assumed; exit status 3 where numbers contradict
    Check {
        /// TOML file, or a built-in name; overrides may follow after commas
        file: String,
        /// Prints the result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Lists, shows or checks.
pub fn run(args: &ProfileArgs, terminal: &Terminal) -> Outcome {
    let (value, text, as_json) = match &args.command {
        ProfileCommand::List { json } => {
            let boards = profile::board_names().into_iter().map(profile::load).collect::<Result<Vec<_>, _>>()?;
            let lines = boards.iter().map(headline).collect::<Vec<_>>().join("\n");
            (Value::from(boards.iter().map(summary).collect::<Vec<_>>()), lines, *json)
        }
        ProfileCommand::Show { profile, json } => {
            let board = profile::load(profile)?;
            (whole(&board), described(&board), *json)
        }
        ProfileCommand::New { name, like, json } => {
            (json!({ "written": create(name, like)? }), template_said(name), *json)
        }
        ProfileCommand::Check { file, json } => return check(file, *json, terminal),
    };
    terminal.result(&if as_json { serde_json::to_string_pretty(&value)? } else { text })?;
    Ok(Status::Done)
}

/// Reads, and says what is odd. What is missing or out of range is an error with its line.
fn check(file: &str, as_json: bool, terminal: &Terminal) -> Outcome {
    let board = profile::load(file)?;
    let (wrong, copied, assumed) = (board.inconsistencies(), board.still_copied()?, board.assumed());
    if as_json {
        let texts = |list: &[profile::Finding]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut value = summary(&board);
        value["inconsistent"] = texts(&wrong).into();
        value["still_copied"] = texts(&copied).into();
        value["assumptions"] = assumed
            .iter()
            .map(|(key, value, source)| json!({ "key": key, "value": value, "source": source }))
            .collect();
        terminal.result(&serde_json::to_string_pretty(&value)?)?;
    } else {
        let n = board.quantities().len();
        let verdict = if wrong.is_empty() { "good" } else { "inconsistent" };
        let mut lines = vec![format!("{file}: {verdict}, {n} numbers, {} assumed", assumed.len())];
        lines.extend(wrong.iter().map(|f| format!("inconsistent: {f}")));
        lines.extend(copied.iter().map(|f| format!("copied: {f}")));
        lines.extend(assumed.iter().map(|(key, value, source)| format!("assumed: {key} = {value}: {source}")));
        terminal.result(&lines.join("\n"))?;
    }
    Ok(if wrong.is_empty() { Status::Done } else { Status::ValidationFailed })
}

const TEMPLATE: &str = "\
# Your board. Go through it from the top: replace value, kind and source of every number, then delete `based_on`.
#   kind    measured (on this part; say by whom), vendor (manual, data sheet, header), model (somebody's model of the core),
#           assumed (needs low and high: predictions print the interval that they span)
#   units   are in the names: mhz, kib, bytes, cycles, mw
#   [fetch], [constants], [data] are the paths of code, weights and everything else; each [[….level]] is one cache, nearest
#           first; none means that the memory never waits. `over_wait_states` comes on top of flash.wait_states; give
#           `miss_cycles` instead where there is no flash behind. `hidden_share` is what prefetch and overlap hide, `repeated_hidden_share`
#           the same for what a computing loop reads again (optional).
# `tinyprec profile check FILE` lists what is missing, inconsistent, assumed, or still the other board's.
";

/// Writes NAME.toml, never over a file that is there.
fn create(name: &str, like: &str) -> Result<String, super::Failure> {
    let fail = |message: String| super::Failure::new(message);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(fail(format!("`{name}` is no profile name; use letters, digits, - and _")));
    }
    let known = || profile::board_names().join(", ");
    let text =
        profile::board_text(like).ok_or_else(|| fail(format!("there is no profile `{like}`; there is {}", known())))?;
    let named = format!("name = \"{name}\"\nbased_on = \"{like}\"");
    let body = text.replacen(&format!("name = \"{like}\""), &named, 1);
    let path = format!("{name}.toml");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|e| fail(format!("{path}: {e}; choose another name, or move that file away")))?;
    file.write_all(format!("{TEMPLATE}\n{body}").as_bytes()).map_err(|e| fail(format!("{path}: {e}")))?;
    Ok(path)
}

fn template_said(name: &str) -> String {
    format!("wrote {name}.toml; change its numbers, then run `tinyprec profile check {name}.toml`")
}

fn headline(p: &Profile) -> String {
    let ram = memory_size(p.ram.kib.value);
    let flash = p.flash.as_ref().map_or(String::new(), |f| format!(", flash {}", memory_size(f.kib.value)));
    format!("{:<12} {}, {} at {} MHz, RAM {ram}{flash}", p.name, p.board, p.core.core, p.clock_mhz.value)
}

fn summary(p: &Profile) -> Value {
    json!({
        "profile": p.name,
        "board": p.board,
        "core": p.core.core,
        "clock_mhz": p.clock_mhz.value,
        "ram_kib": p.ram.kib.value,
        "flash_kib": p.flash.as_ref().map(|f| f.kib.value),
        "numbers": p.quantities().len(),
        "assumed": p.assumed().len(),
    })
}

fn whole(p: &Profile) -> Value {
    let number = |(key, q): (String, &profile::Quantity)| {
        json!({
            "key": key, "value": q.value, "low": q.low, "high": q.high, "kind": q.kind.code(), "source": q.source,
        })
    };
    let mut value = summary(p);
    value["notes"] = Value::from(p.notes.clone());
    value["quantities"] = p.terms().into_iter().map(number).collect();
    value
}

fn described(p: &Profile) -> String {
    let mut lines = vec![headline(p), p.notes.clone()];
    let line =
        |(key, q): (String, &profile::Quantity)| format!("{key} = {} ({}): {}", q.text(), q.kind.code(), q.source);
    lines.extend(p.terms().into_iter().map(line));
    lines.join("\n")
}
