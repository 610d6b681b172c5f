//! `tinyprec profile`: the boards that can be priced.

use super::{Outcome, Status, Terminal};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tinyprec::profile::{self, Profile};

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
    /// Checks a profile file: every number there, in range, with unit and source
    Check {
        /// TOML file
        file: PathBuf,
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
        ProfileCommand::Check { file, json } => {
            let text = fs::read_to_string(file)
                .map_err(|e| super::Failure::new(format!("{}: {e}; give a profile's TOML file", file.display())))?;
            let board = Profile::parse(&file.display().to_string(), &text)?;
            let n = board.quantities().len();
            let line = format!("{}: good, {n} numbers, {} assumed", file.display(), board.assumed().len());
            (summary(&board), line, *json)
        }
    };
    terminal.result(&if as_json { serde_json::to_string_pretty(&value)? } else { text })?;
    Ok(Status::Done)
}

fn headline(p: &Profile) -> String {
    format!("{:<12} {}, {} at {} MHz, RAM {} KiB", p.name, p.board, p.core.core, p.clock_mhz.value, p.ram.kib.value)
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
    value["quantities"] = p.quantities().into_iter().map(number).collect();
    value
}

fn described(p: &Profile) -> String {
    let mut lines = vec![headline(p), p.notes.clone()];
    let line =
        |(key, q): (String, &profile::Quantity)| format!("{key} = {} ({}): {}", q.text(), q.kind.code(), q.source);
    lines.extend(p.quantities().into_iter().map(line));
    lines.join("\n")
}
