//! Whose the data directory is: root makes no files in another user's.
//!
//! Guarantees: told before anything is written, with the command that is right. Leaves to others: what this user may not read.

use super::cli::shell;
use super::exit::Failure;
use crate::wire::disk::access;
use std::path::Path;

/// Whether this process may write to these: a data directory, or what is in it.
///
/// # Errors
/// It is root's process, and another user's directory.
pub fn check(directories: &[&Path]) -> Result<(), Failure> {
    let found = directories.iter().find_map(|directory| Some((directory, access::other_owner(directory)?)));
    let Some((directory, user)) = found else { return Ok(()) };
    let (command, place) = (command(), shell(&directory.display().to_string()));
    let user = shell(&user);
    Err(Failure::failed(format!(
        "the data directory {place} is the user {user}'s, and this is root: what root makes in there {user} could not read or \
         write later; nothing was done\n\
         hint: run it as that user: sudo -u {user} {command}\n\
         hint: where there is no sudo: runuser -u {user} -- {command}\n\
         hint: if it is to be root's from now on: chown -R root {place}"
    )))
}

/// What is to be said before root makes a data directory in another user's folder. It is allowed: in a container there may be no
/// other user than root.
#[must_use]
pub fn told_of_new(data: &Path) -> Option<String> {
    let user = access::host_of_new(data)?;
    let (command, place) = (command(), shell(&data.display().to_string()));
    Some(format!(
        "warning: the data directory {place} will be root's, in a folder of the user {user}, who could not go on with what is begun \
         here\nhint: run it as that user: sudo -u {} {command}\n",
        shell(&user)
    ))
}

/// This command.
fn command() -> String {
    std::env::args_os().map(|word| shell(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}
