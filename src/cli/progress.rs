//! A bar for work that is counted in images.

use super::Terminal;
use super::sweep_progress::duration;
use std::time::{Duration, Instant};

/// Time between two drawings of a bar.
const REDRAW: Duration = Duration::from_millis(100);
/// Characters of a bar.
const BAR: usize = 24;

/// How far many images are, on a terminal's stderr: a bar, images a second, time left. Silent elsewhere.
#[derive(Debug)]
pub struct Progress {
    terminal: Terminal,
    label: &'static str,
    start: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Starts the clock.
    pub fn new(terminal: &Terminal, label: &'static str) -> Self {
        Self { terminal: *terminal, label, start: Instant::now(), drawn: None }
    }

    /// Draws, but not more often than anybody can read.
    pub fn show(&mut self, done: usize, of: usize) {
        if done < of && self.drawn.is_some_and(|at| at.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        self.terminal.status_line(&progress_line(self.label, done, of, self.start.elapsed()));
    }

    /// Wipes the bar.
    pub fn finish(&self) {
        self.terminal.status_line("");
    }
}

fn progress_line(label: &str, done: usize, of: usize, elapsed: Duration) -> String {
    let full = (BAR * done.min(of)).checked_div(of).unwrap_or(BAR);
    let bar = "#".repeat(full) + &"-".repeat(BAR - full);
    let seconds = elapsed.as_secs_f64();
    if done == 0 || seconds <= 0.0 {
        return format!("{label} [{bar}] {done}/{of}");
    }
    let rate = done as f64 / seconds;
    let left = of.saturating_sub(done) as f64 / rate;
    format!("{label} [{bar}] {done}/{of} images, {rate:.0} images/s, {} left", duration(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_far_how_fast_and_how_long() {
        let line = progress_line("eval", 50, 200, Duration::from_secs(5));
        assert_eq!(line, "eval [######------------------] 50/200 images, 10 images/s, 15 s left");
        assert_eq!(progress_line("eval", 0, 200, Duration::ZERO), "eval [------------------------] 0/200");
        assert!(progress_line("eval", 1, 9_001, Duration::from_secs(2)).ends_with("5 h 0 min left"));
    }
}
