//! What is priced: an experiment, a list of layers, or a network by file or by name.

use super::{Failure, load};
use clap::Args;
use std::fs;
use std::path::Path;
use tinyprec::config;
use tinyprec::cost::{KernelSet, kernel_set_for};
use tinyprec::profile::{self, Profile};
use tinyprec::run::Workload;
use tinyprec::trace::{ListType, layer_list};

/// Kernel set where none is named.
const KERNEL_SET: &str = "gcc12-o2";

/// Arguments that name the work.
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// An experiment (.toml), a list of layers (.csv), a network's file, or a published network's name (`tinyprec model list`)
    input: String,
    /// Type that a list of layers is computed in: i8, f32 or b1
    #[arg(long, value_name = "T", default_value = "i8")]
    dtype: String,
    /// Kernel set, where no profile names one by `kernel_set=`
    #[arg(long, value_name = "SET", default_value = KERNEL_SET)]
    kernel_set: String,
    /// Puts integer thresholds in the place of batch normalisations whose signs alone are read (networks only): the same bits
    #[arg(long)]
    fold: bool,
}

impl WorkArgs {
    /// Reads it; an experiment gives one workload a precision.
    pub fn load(&self) -> Result<Vec<Workload>, Failure> {
        let path = Path::new(&self.input);
        let name = path.file_name().map_or(self.input.clone(), |n| n.to_string_lossy().into_owned());
        match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => Ok(Workload::of_experiment(&config::load(path)?)?),
            Some("csv") => {
                let kind = ListType::from_code(&self.dtype)
                    .ok_or_else(|| Failure::new(format!("--dtype `{}` is not known; use i8, f32 or b1", self.dtype)))?;
                let text = fs::read_to_string(path).map_err(|e| {
                    Failure::new(format!("{}: {e}; give a CSV with a row for each layer", path.display()))
                })?;
                Ok(vec![Workload::of_calls(&name, layer_list(&self.input, &text, kind)?.calls)])
            }
            _ => {
                let graph = load::model(&self.input, None)?.graph;
                let graph = if self.fold { graph.with_thresholds()? } else { graph };
                Ok(vec![Workload::of_network(&name, &graph)])
            }
        }
    }

    /// Kernel set as asked for.
    pub fn kernel_set(&self) -> &str {
        &self.kernel_set
    }
}

/// A board with its overrides.
pub fn board(spec: &str) -> Result<Profile, Failure> {
    Ok(profile::load(spec)?)
}

/// The board's kernel set: the override's, else the one asked for.
pub fn kernel_set_of(board: &Profile, asked: &str) -> Result<KernelSet, Failure> {
    Ok(kernel_set_for(board, board.kernel_set.as_deref().unwrap_or(asked))?)
}
