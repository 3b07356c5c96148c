//! Floor 6: what people touch: the command line, the configuration, progress, reports.
//!
//! [`config`] reads the two kinds of files, [`cli`] the command line; [`progress`] and [`report`] turn plain facts into
//! text, JSON, CSV and HTML. Nothing here decides how mail is sent.

mod check;
pub mod cli;
pub mod config;
mod convert;
pub mod destination;
pub mod exit;
pub mod figures;
pub mod held;
mod manual;
mod new;
mod open_files;
mod owner;
mod preview;
mod probe;
pub mod progress;
pub mod report;
pub mod send;
mod settings;
mod shown;
mod signals;
mod sink;
mod tls_report;
pub mod token;

use crate::base::remedy;
use crate::observe::{self, terminal};
use crate::wire::disk;
use clap::ColorChoice;
use cli::Command;
use exit::{Exit, Failure};
use signals::Signals;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::panic;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What the deepest of all that is read takes, many times over.
const STACK_OCTETS: usize = 8 << 20;

/// How long nobody may read before what is still to be said is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the program on its arguments (the first one is its own name), and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let signals = match open_files::begin().and_then(|()| Signals::begin()) {
        Ok(signals) => signals,
        Err(failure) => {
            failure.print();
            terminal::flush(PATIENCE);
            return failure.exit;
        }
    };
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    with_stack(|| run_command(&arguments, &signals))
}

/// Runs it in a thread that has a stack of its own, whatever `ulimit -s` leaves to the first one.
fn with_stack(run: impl Fn() -> Exit + Sync) -> Exit {
    thread::scope(|scope| {
        match thread::Builder::new().name("main".to_owned()).stack_size(STACK_OCTETS).spawn_scoped(scope, &run) {
            Ok(main) => main.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
            // No room for another thread: then in this one.
            Err(_) => run(),
        }
    })
}

fn run_command(arguments: &[OsString], signals: &Signals) -> Exit {
    disk::access::begin();
    signals::survive_file_limits();
    let line = match cli::parse(arguments.iter().cloned()) {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    match line.color {
        ColorChoice::Auto => {}
        ColorChoice::Always => terminal::set_colored(true),
        ColorChoice::Never => terminal::set_colored(false),
    }
    let exit = dispatch(line.command, signals).map_err(open_files::explained).unwrap_or_else(|failure| {
        observe::logs::conclude();
        failure.print();
        failure.exit
    });
    observe::logs::conclude();
    terminal::flush(PATIENCE);
    exit
}

fn dispatch(command: Command, signals: &Signals) -> Result<Exit, Failure> {
    let prepares = matches!(
        command,
        Command::Send(_) | Command::Preview(_) | Command::Check(_) | Command::Sink(_) | Command::TlsReport(_)
    );
    if !prepares {
        // What they have said stays said, and nothing of theirs has to last.
        signals.leave()?;
    }
    match command {
        Command::Config(args) => settings::run(&args),
        Command::New(args) => new::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Completions(args) => print_out(&manual::completions(args.shell)?),
        Command::Man(args) => manual::run(&args),
        Command::Send(args) => send::run(&args, signals),
        Command::Preview(args) => preview::run(&args, signals),
        Command::Check(args) => check::run(&args, signals),
        Command::Report(args) => report::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Sink(args) => sink::run(&args, signals),
        Command::TlsReport(args) => tls_report::run(&args, signals),
        Command::Probe(args) => probe::run(&args),
    }
}

/// The configuration that a command uses; one that was found, and that nobody named in the command, is told.
fn configured(flag: Option<&Path>) -> Result<config::EngineConfig, Failure> {
    let found = config::Found::look(flag);
    if let Some(words) = found.unasked() {
        terminal::notice(words.as_bytes());
    }
    Ok(found.load()?)
}

/// Has the group that `engine.group` names read what is written, if it names one.
fn share(config: &config::EngineConfig) -> Result<(), Failure> {
    let Some(group) = &config.engine.group else { return Ok(()) };
    disk::access::share_with(&group.text).map_err(|e| group.error(e).into())
}

/// As [`print_out`], for the end of what may run unwatched: not longer than somebody reads.
fn print_last(text: &str) -> Result<Exit, Failure> {
    if io::stdout().is_terminal() {
        // What was said before stands above it.
        terminal::flush(PATIENCE);
    }
    match terminal::last_words(text.as_bytes(), PATIENCE) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {}", remedy::told(&e))))
        }
        _ => Ok(Exit::Settled),
    }
}

/// As [`print_out`], with sentences on lines as wide as the terminal; for programs and files they stay whole.
fn print_folded(text: &str) -> Result<Exit, Failure> {
    print_out(&figures::folded(text, terminal::columns_out()))
}

/// Writes to standard output; a reader that went away (`posthaste config | head`) is no failure.
fn print_out(text: &str) -> Result<Exit, Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {}", remedy::told(&e))))
        }
        _ => Ok(Exit::Settled),
    }
}
