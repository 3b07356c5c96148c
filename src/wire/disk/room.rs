//! Free space, and what is kept of it: new work never takes the last of a disk.
//!
//! Guarantees: whoever asks with [`room_for`] before it writes leaves [`RESERVE_OCTETS`], so that what is under way ends in
//! order: small files are replaced, a start makes its first segment. Leaves to others: quotas, which the system tells only
//! when they are reached.

use super::fault;
use crate::journal::disk::{Fault, FaultKind};
use std::io;
use std::path::Path;

/// What new work leaves on the disk.
pub const RESERVE_OCTETS: u64 = 8 << 20;

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

/// Whether so many octets more find room at `path`, and leave the reserve. Where the system does not tell how much is free,
/// the writing itself will.
///
/// # Errors
/// They do not: how much there is, and how much it takes.
pub fn room_for(what: &'static str, path: &Path, octets: u64) -> Result<(), Fault> {
    match free_octets(path) {
        Ok(free) if free < octets.saturating_add(RESERVE_OCTETS) => Err(short(what, path, octets, free)),
        _ => Ok(()),
    }
}

fn short(what: &'static str, path: &Path, octets: u64, free: u64) -> Fault {
    let full = io::Error::from_raw_os_error(libc::ENOSPC);
    let kib = |octets: u64| octets.div_ceil(1024);
    let why = format!(
        "{full}: {} KiB are free; it takes {} KiB, and {} KiB are kept so that what is under way ends in order",
        kib(free),
        kib(octets),
        kib(RESERVE_OCTETS)
    );
    Fault { what, place: path.display().to_string(), why, kind: FaultKind::Full }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_the_reserve_is_refused_with_both_numbers() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(room_for("load a list into", home.path(), 0).map_err(|f| f.kind), Ok(()));
        let refused = room_for("load a list into", home.path(), u64::MAX - RESERVE_OCTETS).unwrap_err().to_string();
        assert!(refused.starts_with("cannot load a list into "), "{refused}");
        assert!(refused.contains("No space left on device") && refused.contains("8192 KiB are kept"), "{refused}");
        assert!(refused.contains("hint: make room"), "{refused}");
        let said = short("write", Path::new("/d"), 4 << 20, 5 << 20).to_string();
        assert!(said.contains("5120 KiB are free; it takes 4096 KiB"), "{said}");
    }
}
