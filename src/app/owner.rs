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
    let command: Vec<String> = std::env::args_os().map(|word| shell(&word.to_string_lossy())).collect();
    let (command, place) = (command.join(" "), shell(&directory.display().to_string()));
    let user = shell(&user);
    Err(Failure::failed(format!(
        "the data directory {place} is the user {user}'s, and this is root: what root makes in there {user} could not read or \
         write later; nothing was done\n\
         hint: run it as that user: sudo -u {user} {command}\n\
         hint: where there is no sudo: runuser -u {user} -- {command}\n\
         hint: if it is to be root's from now on: chown -R root {place}"
    )))
}
