//! The limit on open files: raised as far as it may be, and looked at before anything else is done.
//!
//! Guarantees: whoever has too few is told the limit, how many are needed, and how to raise it, with code 1, before anything is
//! written or sent; and what fails for want of them all the same is no fault of what was given. Leaves to others: sessions,
//! which are kept below the limit (`engine`).

use super::exit::{Exit, Failure};
use crate::wire::ring;
use std::io;
use std::os::fd::AsFd as _;

/// So many may be opened besides those that a process begins with: what the hungriest command needs to begin (a send to a
/// receiver of its own), and a few for what it does then.
const NEEDED: u64 = 40;
/// What is worth asking for.
const WORTH: u64 = 65_536;

/// Has as many files as the system lets this process have.
///
/// # Errors
/// They are too few.
pub fn begin() -> Result<(), Failure> {
    // Where it cannot be raised it stays as it is, and may do.
    let limit = ring::raise_descriptor_limit();
    let Err((had, error)) = try_for(NEEDED) else { return Ok(()) };
    let what = match limit {
        Ok(limit) if error.raw_os_error() == Some(libc::EMFILE) => {
            format!(
                "the limit on open files is {limit}, and posthaste needs at least {}: nothing was done",
                limit.saturating_sub(had) + NEEDED
            )
        }
        _ => format!("no more files can be opened: {error}"),
    };
    Err(Failure::failed(format!("{what}\n{}", hint())))
}

/// Whether so many can be open at once; else how many can, and why not more.
fn try_for(needed: u64) -> Result<(), (u64, io::Error)> {
    let error = io::stderr();
    let mut open = Vec::new();
    while (open.len() as u64) < needed {
        match error.as_fd().try_clone_to_owned() {
            Ok(file) => open.push(file),
            Err(e) => return Err((open.len() as u64, e)),
        }
    }
    Ok(())
}

fn hint() -> String {
    format!("hint: raise it: ulimit -n {WORTH}, or LimitNOFILE={WORTH} in the systemd unit")
}

/// A failure for want of files is one of this machine, whoever met it.
#[must_use]
pub fn explained(failure: Failure) -> Failure {
    let [ours, everybodys] = [libc::EMFILE, libc::ENFILE].map(|n| failure.message.contains(&format!("(os error {n})")));
    if !ours && !everybodys {
        return failure;
    }
    let limit = ring::raise_descriptor_limit().ok().filter(|_| ours);
    let limit = limit.map_or(String::new(), |limit| format!("\nhint: the limit on open files is {limit}"));
    let more = if failure.message.contains("LimitNOFILE") { String::new() } else { format!("\n{}", hint()) };
    Failure { exit: Exit::Failed, message: failure.message + &limit + &more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_for_want_of_files_is_no_fault_of_the_input_and_other_failures_stay() {
        let told = explained(Failure::usage("cannot read w.csv: Too many open files (os error 24)"));
        assert_eq!(told.exit, Exit::Failed);
        assert!(
            told.message.contains("the limit on open files is ") && told.message.contains("LimitNOFILE"),
            "{told:?}"
        );
        let told = explained(Failure::usage("cannot open x: Too many open files in system (os error 23)"));
        assert!(told.exit == Exit::Failed && !told.message.contains("limit on open files is"), "{told:?}");
        let other = Failure::usage("cannot read w.csv: No such file or directory (os error 2)");
        assert_eq!(explained(other.clone()), other);
    }
}
