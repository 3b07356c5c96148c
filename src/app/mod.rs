//! Floor 6: what people touch: the command line, the configuration, progress, reports.
//!
//! [`config`] reads the two kinds of files, [`cli`] the command line; [`progress`] and [`report`] turn plain facts into
//! text, JSON, CSV and HTML. Nothing here decides how mail is sent.

pub mod cli;
pub mod config;
pub mod exit;
mod probe;
pub mod progress;
pub mod report;
pub mod send;
mod sink;
mod tls_report;

use cli::Command;
use exit::{Exit, Failure};
use std::ffi::OsString;
use std::io::Write;

/// Runs the program on its arguments (the first one is its own name), and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let command = match cli::parse(arguments) {
        Ok(command) => command,
        Err(exit) => return exit,
    };
    dispatch(command).unwrap_or_else(|failure| {
        failure.print();
        failure.exit
    })
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Config => print_out(&config::EngineConfig::template()),
        Command::Send(args) => send::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Sink(args) => sink::run(&args),
        Command::TlsReport(args) => tls_report::run(&args),
        Command::Probe(args) => probe::run(&args),
    }
}

/// Writes to standard output; a reader that went away (`posthaste config | head`) is no failure.
fn print_out(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {e}")))
        }
        _ => Ok(Exit::Settled),
    }
}
