//! Disks: the segment files of a journal, small files replaced whole, the lock of a data directory, free space.
//!
//! Guarantees: what [`Files`] says is written is on stable storage (file and directory entry); trouble is a
//! [`Fault`] that says what, where and what to do. Writing never allocates: a segment is made of written zeros first, so no commit
//! waits for the file system's metadata and a full disk is met before it hurts.

mod files;
mod lock;
mod replace;
mod zeros;

pub use files::{Files, Reader};
pub use lock::Lock;
pub use replace::{replace, sync_directory};

use crate::journal::disk::{Fault, FaultKind};
use std::io;
use std::path::Path;

/// The trouble that an error of the system means, in the journal's words.
#[must_use]
pub fn fault(what: &'static str, place: &Path, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => FaultKind::Full,
        io::ErrorKind::ReadOnlyFilesystem => FaultKind::ReadOnly,
        io::ErrorKind::PermissionDenied => FaultKind::Denied,
        io::ErrorKind::NotFound => FaultKind::Missing,
        io::ErrorKind::WouldBlock => FaultKind::Held,
        _ => FaultKind::Broken,
    };
    Fault { what, place: place.display().to_string(), why: error.to_string(), kind }
}

/// Octets that this user may still write on the file system of `path`.
///
/// # Errors
/// The path does not exist, or the system does not say.
pub fn free_octets(path: &Path) -> Result<u64, Fault> {
    use std::os::unix::ffi::OsStrExt as _;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes())
        .map_err(|e| fault("ask for the free space of", path, &io::Error::from(e)))?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    #[expect(unsafe_code, reason = "statvfs has no safe face in std")]
    // SAFETY: `name` is a C string and `found` is as large as the call writes; it is read only when the call succeeded.
    let found = unsafe {
        if libc::statvfs(name.as_ptr(), found.as_mut_ptr()) != 0 {
            return Err(fault("ask for the free space of", path, &io::Error::last_os_error()));
        }
        found.assume_init()
    };
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests;
