//! Which campaign has a name: its identity, in `marks/names/NAME.name` of the data directory, outside of the campaign's own.
//!
//! Guarantees: a directory in a campaign's place that is of another identity, one that is empty where a campaign of that name had
//! begun, and one whose mark is missing outside of it, are told before anything is sent: whoever got mail might get it again. Of a
//! rehearsal nothing is kept.
//! Leaves to others: older copies of the same campaign (`engine::campaign`).

use super::super::exit::Failure;
use super::marks_of;
use crate::base::remedy;
use crate::engine::campaign::journal_of;
use crate::wire::disk::{self, access::make_directory};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder in that of the marks.
const FOLDER: &str = "names";

/// The campaign in `home` is the one that had the name last, or nobody had it.
///
/// # Errors
/// It is another one, or its mark is gone that tells whether it is an older copy.
pub fn check_same(home: &Path, identity: u64) -> Result<(), Failure> {
    let (Some(place), Some(marks)) = (place_of(home), marks_of(home)) else { return Ok(()) };
    match known(&place)? {
        Some(known) if known != Some(identity) => Err(Failure::failed(format!(
            "{} is not the campaign that had this name last: another directory, or an older copy, was put there; nothing was \
             sent\nhint: put the right one back; or, if it is meant, remove {}: whoever got mail from the other one gets it again",
            home.display(),
            place.display()
        ))),
        Some(_) if disk::has_mark(&marks, identity) => Ok(()),
        Some(_) => Err(Failure::failed(format!(
            "{} is gone: whether {} is an older copy than was sent from cannot be told; nothing was sent\nhint: restore it from a \
             copy; or, if the campaign's directory is surely the newest, remove {}",
            marks.join(format!("{identity:016x}")).display(),
            home.display(),
            place.display()
        ))),
        // It came from elsewhere, or all marks are gone. The name comes last: with it the mark is missed.
        None => {
            if !disk::has_mark(&marks, identity) {
                disk::keep_mark(&journal_of(home), &marks, identity)
                    .map_err(|fault| Failure::failed(fault.to_string()))?;
            }
            if disk::has_mark(&marks, identity) { keep(home, identity) } else { Ok(()) }
        }
    }
}

/// No campaign of that name had begun, or it was thrown away.
///
/// # Errors
/// One had, and its directory is empty.
pub fn check_free(home: &Path) -> Result<(), Failure> {
    let (Some(place), Some(marks)) = (place_of(home), marks_of(home)) else { return Ok(()) };
    let is_gone = match known(&place)? {
        None => false,
        Some(None) => true,
        Some(Some(identity)) if disk::has_begun(&marks, identity) => true,
        Some(Some(identity)) => {
            disk::forget_mark(&marks, identity).map_err(|fault| Failure::failed(fault.to_string()))?;
            false
        }
    };
    if !is_gone {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "nothing of the campaign is in {}, and it had begun: nothing was sent\nhint: put its directory back; or, to begin it anew, \
         which mails everybody again, remove {}",
        home.display(),
        place.display()
    )))
}

/// From here on the name is that campaign's.
///
/// # Errors
/// The disk's.
pub fn keep(home: &Path, identity: u64) -> Result<(), Failure> {
    let Some(place) = place_of(home) else { return Ok(()) };
    let folder = place.parent().unwrap_or(&place);
    make_directory(folder)
        .map_err(|error| Failure::failed(format!("cannot make {}: {}", folder.display(), remedy::told(&error))))?;
    disk::replace(&place, |out| writeln!(out, "{identity:016x}")).map_err(|fault| Failure::failed(fault.to_string()))
}

fn place_of(home: &Path) -> Option<PathBuf> {
    let mut name = home.file_name()?.to_owned();
    name.push(".name");
    Some(marks_of(home)?.join(FOLDER).join(name))
}

/// Whose name it is, if it is anybody's; `Some(None)`: nobody can tell.
fn known(place: &Path) -> Result<Option<Option<u64>>, Failure> {
    match disk::access::refuse_pipe(place).and_then(|()| fs::read_to_string(place)) {
        Ok(text) => Ok(Some(u64::from_str_radix(text.trim_end(), 16).ok())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(None)),
        Err(error) => Err(Failure::failed(format!("cannot read {}: {}", place.display(), remedy::told(&error)))),
    }
}
