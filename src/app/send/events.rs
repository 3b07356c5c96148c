//! The event log of a send: where it goes, and how it finds the addresses of rows.

use std::path::Path;

use super::super::cli::SendArgs;
use super::super::config::EngineConfig;
use super::super::exit::Failure;
use super::super::figures::counted;
use crate::engine::table::{RowBlock, Table};
use crate::observe::events::{EventLog, EventsError, LookUp, Options, Target, Written};
use crate::observe::logs::Level;

/// Opens the event log, if one is to be kept: `--events` goes before `events.file`. Without one, a log at the debug level
/// has the events.
///
/// # Errors
/// It cannot be written (bad input), or its thread does not start.
pub fn open(
    args: &SendArgs,
    config: &EngineConfig,
    level: Level,
    campaign: &str,
    home: &Path,
) -> Result<Option<EventLog>, Failure> {
    let options = Options {
        target: match args.events.as_ref().or(config.events.file.as_ref()) {
            Some(file) if file.as_os_str() == "-" => Target::Stdout,
            Some(file) => Target::File(file.clone()),
            None if level >= Level::Debug => Target::Log,
            None => return Ok(None),
        },
        rotate_octets: u64::from(config.events.rotate_mib) << 20,
        rotate_age: config.events.rotate_age,
        keep: config.events.keep,
        compress: config.events.compress,
    };
    let table = Table::open(home).map_err(|e| Failure::failed(format!("the recipient table: {e}")))?;
    let log = EventLog::open(options, campaign, look_up(table)).map_err(|error| match error {
        EventsError::Thread(_) => Failure::failed(error.to_string()),
        _ => Failure::usage(error.to_string()),
    })?;
    Ok(Some(log))
}

fn look_up(table: Table) -> LookUp {
    let mut block = RowBlock::new();
    let mut said = false;
    Box::new(move |row, address| {
        if let Err(error) = table.read(row, 1, &mut block) {
            // Once: where one row is damaged others may be, and a report names them all.
            if !std::mem::replace(&mut said, true) {
                tracing::error!(%error, "events of this row have no address");
            }
            return false;
        }
        let Some(found) = block.row(0) else { return false };
        address.extend_from_slice(found.mailbox.as_bytes());
        true
    })
}

/// Events that were lost are said at the end, however the send went.
///
/// # Errors
/// Some were.
pub fn conclude(written: Option<Written>, campaign: &str) -> Result<(), Failure> {
    match written {
        Some(Written { lost, why: Some(why), .. }) if lost > 0 => Err(Failure::failed(format!(
            "{}: {why}\nhint: every outcome is in the journal all the same: posthaste report {campaign} --csv FILE",
            counted(lost, "event is lost", "events are lost")
        ))),
        _ => Ok(()),
    }
}
