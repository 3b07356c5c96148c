//! Small files, replaced whole: a reader, or a crash, sees the old one or the new one and nothing else.

use super::access::own;
use super::fault;
use crate::journal::disk::Fault;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `path` anew with what `fill` writes: into a temporary file beside it, synced, renamed over it, directory synced.
///
/// # Errors
/// Nothing was replaced; or, if only the last sync failed, it is unknown which of both a power loss leaves.
pub fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fault> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    write(&temporary, fill).and_then(|()| fs::rename(&temporary, path)).map_err(|e| {
        // What was begun only takes room; the trouble to tell of is the first one.
        let _ = fs::remove_file(&temporary);
        fault("write", path, &e)
    })?;
    sync_directory(&directory_of(path))
}

fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let file = File::create(path)?;
    own(&file)?;
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes the names in a directory durable: files made, renamed and removed in it.
///
/// # Errors
/// The directory cannot be opened or synced.
pub fn sync_directory(directory: &Path) -> Result<(), Fault> {
    File::open(directory).and_then(|d| d.sync_all()).map_err(|e| fault("sync the directory", directory, &e))
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
