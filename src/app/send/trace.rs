//! The trace of a send: what `--trace` asks for, and where it goes; every session where the log is to say everything.

use super::super::cli::SendArgs;
use super::super::exit::Failure;
use crate::observe::logs::Level;
use crate::observe::trace::{Filter, Target, Trace, TraceError};

/// Begins the trace, if one is asked for.
///
/// # Errors
/// A value that names nothing, or a file that cannot be written (bad input); a thread that does not start.
pub fn begin(args: &SendArgs, level: Level) -> Result<Option<Trace>, Failure> {
    let filter = match args.trace.as_slice() {
        [] if level == Level::Trace => Filter::all(),
        [] => return Ok(None),
        wanted => Filter::parse(wanted.iter().map(String::as_str)).map_err(|e| Failure::usage(e.to_string()))?,
    };
    let target = match &args.trace_file {
        None => Target::Stderr,
        Some(file) if file.as_os_str() == "-" => Target::Stdout,
        Some(file) => Target::File(file.clone()),
    };
    Trace::begin(filter, &target).map(Some).map_err(|error| match error {
        TraceError::Thread(_) => Failure::failed(error.to_string()),
        _ => Failure::usage(error.to_string()),
    })
}
