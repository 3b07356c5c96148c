//! Files that survive a crash: the few calls that the table needs, with errors that name the file.

use crate::base::remedy;
use crate::wire::disk::access::{self, refuse_pipe};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An error of the same kind that says what was being done, to which file, and what to do about it.
pub fn named(doing: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {doing} {}: {}", path.display(), remedy::told(error)))
}

/// The error of a file whose content cannot be right.
pub fn damaged(path: &Path, offset: u64, what: &str) -> io::Error {
    let path = path.display();
    let message = format!(
        "{path} is damaged at octet {offset}: {what}; hint: restore this file from a copy, and leave the folder j beside it as it is: it knows who got mail"
    );
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The damage of a file that has more octets than it should.
pub fn surplus(path: &Path, end: u64, octets: u64) -> io::Error {
    let path = path.display();
    let message = format!(
        "{path} is damaged at octet {end}: {octets} octets lie behind its end, and were not written there; hint: cut them off: \
         truncate -s {end} {path}"
    );
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Reads a file whole.
pub fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    refuse_pipe(path).and_then(|()| fs::read(path)).map_err(|e| named("read", path, &e))
}

/// Opens a file for reading.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    refuse_pipe(path).and_then(|()| File::open(path)).map_err(|e| named("open", path, &e))
}

/// Opens what is a file, and nothing else, for reading.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let file = open_to_read(path)?;
    let is_file = file.metadata().map_err(|e| named("examine", path, &e))?.is_file();
    let other = || named("open", path, &io::Error::new(io::ErrorKind::InvalidData, "it is no file"));
    if is_file { Ok(file) } else { Err(other()) }
}

/// Opens a file for appending at a place of our choice, making it if it is not there.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let opened = refuse_pipe(path).and_then(|()| open());
    opened.and_then(|file| access::own(&file).map(|()| file)).map_err(|e| named("open", path, &e))
}

/// The length of an open file.
pub fn length(file: &File, path: &Path) -> io::Result<u64> {
    file.metadata().map(|m| m.len()).map_err(|e| named("examine", path, &e))
}

/// Fills `buffer` from `offset`; a file that ends before is damaged.
pub fn read_at(file: &File, path: &Path, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    match file.read_exact_at(buffer, offset) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(damaged(path, offset, "the file ends too early")),
        result => result.map_err(|e| named("read", path, &e)),
    }
}

/// Cuts off, durably, what a file has beyond its first `octets`; never makes it longer.
pub fn cut(file: &File, path: &Path, octets: u64) -> io::Result<()> {
    if length(file, path)? > octets {
        file.set_len(octets).map_err(|e| named("truncate", path, &e))?;
        sync(file, path)?;
    }
    Ok(())
}

/// Makes what was written to `file` durable. After a failure the state of the file is unknown: never call it again.
pub fn sync(file: &File, path: &Path) -> io::Result<()> {
    file.sync_data().map_err(|e| named("sync", path, &e))
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|d| d.sync_all()).map_err(|e| named("sync", path, &e))
}

/// Puts `content` in the place of `path`: after a crash the old content is there or the new one, whole.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new).map_err(|e| named("create", &new, &e))?;
    access::own(&file).map_err(|e| named("create", &new, &e))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|e| named("write", &new, &e))?;
    fs::rename(&new, path).map_err(|e| named("replace", path, &e))?;
    path.parent().map_or(Ok(()), sync_directory)
}
