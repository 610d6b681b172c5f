//! `tinyprec cost`: what a network, an experiment or a list of layers costs on a board, without running it.

use super::cost_summary::summary;
use super::cost_view::{self, View};
use super::workload::{WorkArgs, board, kernel_set_of};
use super::{Outcome, Status, Terminal};
use clap::{Args, ValueEnum};
use tinyprec::cost::{Estimator, alerts, audit, sensitivities};

/// Arguments of `cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    #[command(flatten)]
    work: WorkArgs,
    /// Board profile: a built-in name or a TOML file, with overrides after commas (stm32f746,clock_mhz=168,weights=ram); may be
    /// given several times
    #[arg(long = "profile", value_name = "P", required = true)]
    profiles: Vec<String>,
    /// What a line of the table is
    #[arg(long, value_enum, default_value = "layer")]
    by: By,
    /// Adds RAM call by call, with the names of what lives there
    #[arg(long)]
    timeline: bool,
    /// Adds every assumed number that moves the result by more than 5 %
    #[arg(long)]
    assumptions: bool,
    /// Adds the speed-up audit of the binary layers: promised against attained, and where the rest goes
    #[arg(long)]
    audit: bool,
    /// One line of Markdown a board and precision, with intervals, in place of everything else
    #[arg(long, conflicts_with_all = ["json", "timeline", "audit"])]
    summary: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// How costs are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// By unit of work and site
    Layer,
    /// By phase
    Phase,
    /// By kernel
    Kernel,
}

/// Prices every workload on every board and renders it.
pub fn run(args: &CostArgs, terminal: &Terminal) -> Outcome {
    let works = args.work.load()?;
    let mut views = Vec::new();
    for spec in &args.profiles {
        let board = board(spec)?;
        let kernels = kernel_set_of(&board, args.work.kernel_set())?;
        let estimator = Estimator::new(&board, &kernels)?;
        for work in &works {
            let table = estimator.estimate(&work.calls)?;
            let assumptions = match args.assumptions {
                true => {
                    let [moves] = sensitivities(&work.calls, &board, &kernels, |t| [t.total.latency_ms.mid])?;
                    Some(moves)
                }
                false => None,
            };
            views.push(View {
                with_samples: work.memory_with_samples(&table, board.ram.align_bytes),
                alerts: alerts(&work.calls, &estimator)?,
                audit: if args.audit { audit(&work.calls, &table, &estimator)? } else { None },
                largest: work.largest(&estimator)?,
                idle_mw: board.power.idle_mw.as_ref().map(|q| q.value),
                active_mw: board.power.active_mw.value,
                power_scope: board.power.scope.clone(),
                assumptions,
                reserves: (board.ram.reserved_kib.clone(), board.flash.as_ref().map(|f| f.reserved_kib.clone())),
                work,
                table,
            });
        }
    }
    if args.summary {
        terminal.result(&summary(&views))?;
        return Ok(Status::Done);
    }
    let size_alerts = cost_view::size_alerts(&views);
    if args.json {
        let values: Vec<_> = views.iter().map(|view| view.json(args.timeline)).collect();
        terminal.result(&serde_json::to_string_pretty(&values)?)?;
    } else {
        let mut texts: Vec<String> = views.iter().map(|view| view.text(args.by, args.timeline)).collect();
        texts.extend(size_alerts);
        terminal.result(&texts.join("\n\n"))?;
    }
    Ok(Status::Done)
}
