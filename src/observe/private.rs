//! The permissions of files that observers write, which may lie anywhere: for this user, and for one group if that is
//! asked for ([`access`]).

use crate::base::access;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

/// Gives a file the permissions and the group that it should have. Pipes, terminals and the like are left alone. Where they
/// cannot be had that is said, and the file is written all the same.
pub(super) fn own(file: &File, path: &Path) {
    if let Err(error) = set(file) {
        tracing::warn!(file = %path.display(), %error, "others may be able to read this file: its permissions cannot be set");
    }
}

fn set(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Ok(());
    }
    if let Some(group) = access::group().filter(|group| *group != found.gid()) {
        fchown(file, None, Some(group))?;
    }
    if found.mode() & 0o7777 != access::file_mode() {
        file.set_permissions(Permissions::from_mode(access::file_mode()))?;
    }
    Ok(())
}
