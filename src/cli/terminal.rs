//! What the terminal can show: width and colour; and the two ways out, results and progress.

use std::env;
use std::io::{self, IsTerminal, Write};

/// Width where stdout is no terminal, so that a file always looks the same.
const FILE_WIDTH: usize = 100;
/// Nothing is laid out narrower than this.
const LEAST_WIDTH: usize = 40;

/// Where results and progress go, and what they may look like there.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Columns that a result may use.
    pub width: usize,
    /// Whether stderr may carry colour and progress may rewrite its line.
    live: bool,
}

impl Terminal {
    /// Looks at stdout, stderr, `COLUMNS`, `NO_COLOR` and `TERM`.
    pub fn detect() -> Self {
        let plain =
            env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || env::var_os("TERM").is_some_and(|v| v == "dumb");
        let asked = env::var("COLUMNS").ok().and_then(|v| v.parse::<usize>().ok());
        let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(w, _)| usize::from(w.0));
        let width = asked.or_else(seen).unwrap_or(FILE_WIDTH).max(LEAST_WIDTH);
        Self { width, live: !plain && io::stderr().is_terminal() }
    }

    /// Writes a result to stdout and flushes it.
    ///
    /// # Errors
    /// Whatever stdout says; a closed pipe ends the program quietly.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes a line to stderr; that nobody listens there is no failure.
    pub fn progress(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Rewrites the last line of stderr on a terminal, and stays silent elsewhere.
    pub fn status_line(&self, line: &str) {
        if self.live {
            let cut: String = line.chars().take(self.width.saturating_sub(1)).collect();
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[2K{cut}");
            let _ = err.flush();
        }
    }

    /// Red on a terminal's stderr, plain elsewhere.
    pub fn red(&self, text: &str) -> String {
        if self.live { format!("\x1b[31;1m{text}\x1b[0m") } else { text.to_owned() }
    }
}
