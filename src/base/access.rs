//! Who may read the files that this process makes: its user alone, or one group besides.
//!
//! Numbers only; whoever makes a file obeys them. They hold for the whole process, so they are kept here once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// 0: nobody else; else the group's number and one.
static GROUP: AtomicU64 = AtomicU64::new(0);

/// From here on this group may read.
pub fn share_with(group: u32) {
    GROUP.store(u64::from(group) + 1, Relaxed);
}

/// The group that may read too.
#[must_use]
pub fn group() -> Option<u32> {
    GROUP.load(Relaxed).checked_sub(1).and_then(|group| u32::try_from(group).ok())
}

/// The permissions of a file.
#[must_use]
pub fn file_mode() -> u32 {
    if group().is_some() { 0o640 } else { 0o600 }
}

/// The permissions of a directory.
#[must_use]
pub fn directory_mode() -> u32 {
    if group().is_some() { 0o750 } else { 0o700 }
}

/// What a umask must take away.
#[must_use]
pub fn mask() -> u32 {
    0o777 & !directory_mode()
}
