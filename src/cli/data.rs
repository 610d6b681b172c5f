//! `tinyprec data`: fetches data sets and says which are there and whole.

use super::{Failure, Outcome, Status, Terminal};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tinyprec::data::fetch::{self, CATALOGUE, FileState, Patience, Presence, RemoteSet};

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The data sets that can be fetched, and how they are below the folder
    List(Where),
    /// Checks files against their published checksums; exit status 3 if any is not whole
    Check {
        /// Data sets [default: all]
        names: Vec<String>,
        #[command(flatten)]
        place: Where,
    },
    /// Fetches a data set into FOLDER/NAME, going on where an earlier attempt broke off
    Fetch {
        /// Data set
        name: String,
        #[command(flatten)]
        place: Where,
        /// Another server's folder that holds the files under the same names
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
        /// Seconds of one attempt; the next goes on from there
        #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
        patience: u32,
    },
}

#[derive(Debug, Args)]
struct Where {
    /// Folder that holds one folder for each data set
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    dir: PathBuf,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Lists, checks or fetches.
pub fn run(args: &DataArgs, terminal: &Terminal) -> Outcome {
    match &args.action {
        Action::List(place) => list(place, terminal),
        Action::Check { names, place } => check(names, place, terminal),
        Action::Fetch { name, place, mirror, patience } => {
            let set = known(name)?;
            let patience = Patience { body: Duration::from_secs(u64::from(*patience)), ..Patience::default() };
            let folder = place.dir.join(set.name);
            terminal.progress(&format!("{}\nLicence: {}", set.title, set.licence));
            let fetched = fetch::fetch(set, &folder, mirror.as_deref(), &patience, &mut |name, got, of| {
                let of = of.map_or(String::new(), |n| format!(" of {}", mib(n)));
                terminal.status_line(&format!("{name}: {}{of}", mib(got)));
            });
            terminal.status_line("");
            let fetched = fetched?;
            let text = if place.json {
                let files: Vec<String> = fetched.iter().map(|p| p.display().to_string()).collect();
                let folder = folder.display().to_string();
                format!("{:#}", json!({ "name": set.name, "folder": folder, "fetched": files, "licence": set.licence }))
            } else {
                let n = fetched.len();
                format!(
                    "{}: {n} files fetched, all whole in {}\nIn an experiment: {}",
                    set.name,
                    folder.display(),
                    set.usage
                )
            };
            terminal.result(&text)?;
            Ok(Status::Done)
        }
    }
}

fn known(name: &str) -> Result<&'static RemoteSet, Failure> {
    let names = || CATALOGUE.iter().map(|s| s.name).collect::<Vec<_>>().join(", ");
    let unknown = || Failure::new(format!("there is no data set `{name}` to fetch; there are {}", names()));
    CATALOGUE.iter().find(|s| s.name == name).ok_or_else(unknown)
}

fn list(place: &Where, terminal: &Terminal) -> Outcome {
    let states: Vec<(&RemoteSet, Vec<FileState>)> =
        CATALOGUE.iter().map(|s| (s, fetch::check(s, &place.dir.join(s.name)))).collect();
    let line = |(set, files): &(&RemoteSet, Vec<FileState>)| {
        let whole = files.iter().filter(|f| f.presence == Presence::Whole).count();
        let state = match whole {
            n if n == files.len() => "whole".to_owned(),
            0 if files.iter().all(|f| f.presence == Presence::Missing) => "not here".to_owned(),
            n => format!("{n} of {} files whole", files.len()),
        };
        format!("{:<16} {state:<20} {}", set.name, set.title)
    };
    let text = if place.json {
        format!("{:#}", Value::from(states.iter().map(|(s, f)| described(s, f)).collect::<Vec<_>>()))
    } else {
        states.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    terminal.result(&text)?;
    Ok(Status::Done)
}

fn check(names: &[String], place: &Where, terminal: &Terminal) -> Outcome {
    let sets: Vec<&RemoteSet> = if names.is_empty() {
        CATALOGUE.iter().collect()
    } else {
        names.iter().map(|n| known(n)).collect::<Result<_, _>>()?
    };
    let states: Vec<(&RemoteSet, Vec<FileState>)> =
        sets.into_iter().map(|s| (s, fetch::check(s, &place.dir.join(s.name)))).collect();
    let all = states.iter().flat_map(|(_, files)| files);
    let whole = all.clone().all(|f| f.presence == Presence::Whole);
    let text = if place.json {
        format!("{:#}", Value::from(states.iter().map(|(s, f)| described(s, f)).collect::<Vec<_>>()))
    } else {
        all.map(|f| format!("{}: {}", f.path.display(), words(&f.presence))).collect::<Vec<_>>().join("\n")
    };
    terminal.result(&text)?;
    Ok(if whole { Status::Done } else { Status::ValidationFailed })
}

fn words(presence: &Presence) -> String {
    match presence {
        Presence::Whole => "whole".to_owned(),
        Presence::Missing => "missing".to_owned(),
        Presence::Partial(n) => format!("a part of {n} bytes; fetch goes on from there"),
        Presence::Corrupt(found) => format!("corrupt (MD5 {found}); remove it and fetch it again"),
        Presence::Unreadable(why) => format!("cannot be read: {why}"),
    }
}

fn described(set: &RemoteSet, files: &[FileState]) -> Value {
    let file = |f: &FileState| json!({ "path": path_text(&f.path), "state": words(&f.presence) });
    json!({
        "name": set.name,
        "title": set.title,
        "licence": set.licence,
        "usage": set.usage,
        "whole": files.iter().all(|f| f.presence == Presence::Whole),
        "files": files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
