//! `posthaste preview`: the letter of each row as its readers would see it, on a page of this machine.
//!
//! Guarantees: nothing is sent and no campaign is read or begun; the page is served on loopback, to whoever has its address,
//! which nobody can guess; what stands in a letter runs no script, and fetches nothing from elsewhere unless the reader asks for it.
//! Leaves to others: making letters (`send::galley`).

mod desk;
mod frame;
mod marks;
mod serve;

use super::cli::PreviewArgs;
use super::exit::{Exit, Failure};
use super::signals::Signals;
use crate::base::remedy;
use crate::observe::terminal;
use crate::wire::disk::{self, access};
use crate::wire::ring;
use desk::Desk;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the command.
///
/// # Errors
/// An address that is not this machine's own, a campaign that cannot be shown (with `--write`), or the machine.
pub(super) fn run(args: &PreviewArgs, signals: &Signals) -> Result<Exit, Failure> {
    signals.prepare("interrupted: nothing was shown or written")?;
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {}: the page shows who is on the list, and is for this machine alone\nhint: --listen 127.0.0.1:0; to look at \
             it from elsewhere, let ssh bring the port over",
            args.listen
        )));
    }
    ring::check().map_err(|e| Failure::failed(e.to_string()))?;
    let mut desk = Desk::new(args, signals)?;
    if let Some(folder) = &args.write {
        return write(&mut desk, args, folder);
    }
    serve::run(desk, args, signals)
}

/// Writes the letter of one row as files.
fn write(desk: &mut Desk, args: &PreviewArgs, folder: &Path) -> Result<Exit, Failure> {
    desk.refresh();
    let written = desk.written(args.row.as_deref())?;
    access::make_directory(folder).map_err(|e| {
        Failure::failed(format!("the folder {} cannot be made: {}", folder.display(), remedy::told(&e)))
    })?;
    let mut text = String::new();
    for (ending, octets) in written.files {
        let file = folder.join(format!("{}-{}.{ending}", written.campaign, written.number));
        disk::replace(&file, |to| to.write_all(&octets)).map_err(|fault| Failure::failed(fault.to_string()))?;
        text += &format!("{}\n", file.display());
    }
    super::print_out(&text)
}

/// Opens the page in the browser that people use; where there is none the address is printed all the same.
fn open(url: &str) {
    let begun =
        Command::new("xdg-open").arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = begun {
        let said = format!("warning: no browser opens by xdg-open ({error}): open the address yourself\n");
        terminal::print(said.as_bytes());
    }
}
