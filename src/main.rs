//! `tinyprec`: reads the command line, calls the library, renders what it gave back.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
