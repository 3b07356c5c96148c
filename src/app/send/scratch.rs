//! A folder for what is only looked at: it goes with its owner.
//!
//! Guarantees: it is new, and this user's alone; what was left by a process that was killed is swept up by the next one that
//! makes a folder of the same kind.

use super::super::exit::Failure;
use crate::base::remedy;
use crate::wire::disk::access;
use std::fs;
use std::path::{Path, PathBuf};

/// See the head of this file.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in `parent`, which is made too; where that is another user's, and this is root, among what is temporary.
    ///
    /// # Errors
    /// The disk's.
    pub fn make(parent: &Path, kind: &str) -> Result<Self, Failure> {
        let temporary = access::other_owner(parent).map(|_| std::env::temp_dir());
        // Among what is others', the name says whose it is.
        let ours = if temporary.is_some() { "posthaste-" } else { "" };
        let (parent, kind) = (temporary.as_deref().unwrap_or(parent), &*format!("{ours}{kind}"));
        sweep(parent, kind);
        let path = parent.join(format!("{kind}-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        // Where others may write, too, somebody could have made it before.
        let made = access::make_directory(parent).and_then(|()| fs::create_dir(&path));
        made.and_then(|()| access::own(&fs::File::open(&path)?)).map_err(|e| {
            Failure::failed(format!("the folder {} cannot be made: {}", path.display(), remedy::told(&e)))
        })?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is only room taken.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what was left by processes that are gone.
fn sweep(parent: &Path, kind: &str) {
    for found in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = found.file_name();
        let behind = name.to_str().and_then(|name| name.strip_prefix(kind)?.strip_prefix('-'));
        let process = behind.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // What is left of it is only room taken.
            let _ = fs::remove_dir_all(found.path());
        }
    }
}
