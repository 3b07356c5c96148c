//! Disks: the segment files of a journal, small files replaced whole, the lock of a data directory, permissions, free space.
//!
//! Guarantees: what [`Files`] says is written is on stable storage (file and directory entry); trouble is a
//! [`Fault`] that says what, where and what to do. Writing never allocates: a segment is made of written zeros first, so no commit
//! waits for the file system's metadata and a full disk is met before it hurts.

pub mod access;
mod files;
mod lock;
mod marks;
mod replace;
mod room;
mod zeros;

pub use files::{Files, Reader, forget_mark, has_begun, has_mark, keep_mark};
pub use lock::Lock;
pub use replace::{replace, sync_directory};
pub use room::{RESERVE_OCTETS, free_octets, room_for};

use crate::journal::disk::{Fault, FaultKind};
use std::io;
use std::path::Path;

/// The trouble that an error of the system means, in the journal's words.
#[must_use]
pub fn fault(what: &'static str, place: &Path, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => FaultKind::Crowded,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FaultKind::Full,
        io::ErrorKind::FileTooLarge => FaultKind::Limited,
        io::ErrorKind::ReadOnlyFilesystem => FaultKind::ReadOnly,
        io::ErrorKind::PermissionDenied => FaultKind::Denied,
        io::ErrorKind::NotFound => FaultKind::Missing,
        io::ErrorKind::WouldBlock => FaultKind::Held,
        io::ErrorKind::IsADirectory => FaultKind::Blocked,
        _ => FaultKind::Broken,
    };
    Fault { what, place: place.display().to_string(), why: error.to_string(), kind }
}

#[cfg(test)]
mod tests;
