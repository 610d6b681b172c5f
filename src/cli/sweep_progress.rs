//! Progress of a sweep on stderr: points, pace, time to go, the frontier so far. Quiet where nobody watches.

use super::{Terminal, store};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tinyprec::explore::{Event, Objective, frontier, values};
use tinyprec::run;

/// What has been seen so far.
pub struct Progress<'a> {
    terminal: &'a Terminal,
    objectives: &'a [Objective],
    state: Mutex<State>,
}

struct State {
    start: Instant,
    learning: Option<(Instant, usize)>,
    done: usize,
    frontier: Vec<Vec<f64>>,
}

impl<'a> Progress<'a> {
    /// Starts the clock.
    pub fn new(terminal: &'a Terminal, objectives: &'a [Objective]) -> Self {
        let state = State { start: Instant::now(), learning: None, done: 0, frontier: Vec::new() };
        Self { terminal, objectives, state: Mutex::new(state) }
    }

    /// Shows an event.
    pub fn show(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Inputs(run::Event::Features { done, of }) => {
                self.terminal.status_line(&format!("backbone: {done} of {of} images"));
            }
            Event::Inputs(run::Event::Stored { images, path, origin }) => {
                store::tell(self.terminal, *images, path, origin)
            }
            Event::Inputs(_) => {}
            Event::Point { done, of, result } => {
                state.done += 1;
                if let Some(values) = values(result, None, self.objectives) {
                    state.frontier.push(values);
                    let kept = frontier(&state.frontier);
                    state.frontier = kept.into_iter().map(|i| state.frontier[i].clone()).collect();
                }
                let own = state.done;
                let (since, before) = *state.learning.get_or_insert((Instant::now(), own));
                let pace = (own - before) as f64 / since.elapsed().as_secs_f64().max(1e-9);
                let to_go = if pace > 0.0 { duration((of - done) as f64 / pace) } else { "…".to_owned() };
                let best = state.frontier.iter().map(|v| v[0]).fold(f64::NEG_INFINITY, f64::max);
                let best = if best.is_finite() && self.objectives[0] == Objective::Accuracy {
                    format!(", best {:.1} %", best * 100.0)
                } else {
                    String::new()
                };
                self.terminal.status_line(&format!(
                    "{done} of {of} points, {pace:.1}/s, {to_go} to go; frontier of {}{best}",
                    state.frontier.len()
                ));
            }
        }
    }

    /// One line at the end.
    pub fn summary(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = state.start.elapsed().as_secs_f64();
        if state.done > 0 {
            let pace = state.done as f64 / seconds.max(1e-9);
            self.terminal.progress(&format!("{} points in {}, {pace:.2} points/s", state.done, duration(seconds)));
        }
    }
}

/// `12 s`, `3 min 20 s`, `5 h 12 min`.
pub fn duration(seconds: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is as good as any for centuries"
    )]
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0 => format!("{seconds:.1} s"),
        1..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}
