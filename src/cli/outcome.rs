//! How a command ends: a status for the shell, and a message for whoever must act on it.

use super::terminal::Terminal;
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done.
    Done,
    /// 1: usage or bad input.
    BadInput,
    /// 2: a budget was violated.
    BudgetViolated,
    /// 3: a validation failed.
    #[allow(dead_code, reason = "part of the contract of exit statuses")]
    ValidationFailed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Done => 0,
            Status::BadInput => 1,
            Status::BudgetViolated => 2,
            Status::ValidationFailed => 3,
        })
    }
}

/// Why a command could not be done. Any library error turns into one with `?`.
#[derive(Debug)]
pub struct Failure {
    message: String,
    quiet: bool,
}

impl Failure {
    /// A failure that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), quiet: false }
    }
}

// `Failure` is no `Error` itself, so that this covers all of them.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let first: &(dyn Error + 'static) = &error;
        let quiet = first.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        let mut message = first.to_string();
        let mut cause = first.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            // Many errors already quote their cause.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        Self { message, quiet }
    }
}

/// What a command gives back.
pub type Outcome = Result<Status, Failure>;

/// Prints a failure and gives the exit status; a closed pipe is nobody's failure.
pub fn finish(outcome: Outcome, terminal: &Terminal) -> ExitCode {
    match outcome {
        Ok(status) => status.into(),
        Err(failure) if failure.quiet => Status::Done.into(),
        Err(failure) => {
            terminal.progress(&format!("{} {}", terminal.red("error:"), failure.message));
            Status::BadInput.into()
        }
    }
}
