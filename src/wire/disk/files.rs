//! The segment files of one journal, `<directory>/NNNN.jnl`, and its mark beside them.
//!
//! Writing: `O_DIRECT` and `O_DSYNC`, so that one call is one durable write; where the file system refuses direct
//! writing (some tmpfs, some network ones) the same without `O_DIRECT`. Reading: ordinary buffered reads, also while
//! another process writes.

use super::access::{make_directory, own};
use super::marks::{self, Marks};
use super::zeros::Zeros;
use super::{fault, replace, sync_directory};
use crate::journal::disk::{Disk, Fault, FaultKind, IN_NO_FILE, Segments};
use crate::journal::mark::{Mark, newest};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Segments whose files are kept open for writing: the one in use and the one before it, whose last frames may be under way.
const OPEN_MAX: usize = 2;

/// A segment file, open twice: the zeros are written without a sync for each piece.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) direct: bool,
    pub(super) zeroing: File,
    durable: File,
    /// Its length once it is made.
    pub(super) octets: u64,
}

impl Opened {
    /// What became of the file that lay at `path` when it was made; nothing, as a rule. What the system does not tell is no trouble.
    fn trouble(&self, path: &Path) -> Option<(FaultKind, String)> {
        let held = self.durable.metadata().ok()?;
        let (now, made) = (held.len(), self.octets);
        if now < made {
            let what =
                format!("it was cut from {made} octets to {now} while this run wrote to it: outcomes {IN_NO_FILE}");
            return Some((FaultKind::Lost, what));
        }
        let what = match fs::metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (held.dev(), held.ino()) => return None,
            Ok(_) => "another file lies in its place",
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                "it is not there any more"
            }
            Err(_) => return None,
        };
        Some(match held.nlink() {
            0 => {
                let lost = format!(
                    "{what}: it was removed while this run wrote to it; its outcomes, those since then included, {IN_NO_FILE}"
                );
                (FaultKind::Lost, lost)
            }
            _ => {
                (FaultKind::Moved, format!("{what}: it was moved away, with its outcomes, while this run wrote to it"))
            }
        })
    }
}

/// The name of a segment's file.
pub(super) fn name_of(directory: &Path, segment: u32) -> PathBuf {
    directory.join(format!("{segment:04}.jnl"))
}

/// Makes a segment's file; direct if that is wanted and the file system takes it.
pub(super) fn open_for_writing(path: &Path, direct: bool) -> io::Result<Opened> {
    let open = |flags: i32, new: bool| {
        OpenOptions::new().read(true).write(true).create_new(new).mode(0o600).custom_flags(flags).open(path)
    };
    let flag = if direct { libc::O_DIRECT } else { 0 };
    let zeroing = match open(flag, true) {
        Err(e) if direct && e.raw_os_error() == Some(libc::EINVAL) => {
            // The file may have been made before the flag was refused.
            let _ = fs::remove_file(path);
            return open_for_writing(path, false);
        }
        opened => opened?,
    };
    // Half made it is of no use, and its name would be taken when it is asked for again.
    let durable = own(&zeroing).and_then(|()| open(flag | libc::O_DSYNC, false)).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })?;
    Ok(Opened { direct, zeroing, durable, octets: 0 })
}

/// Reads the segments of a journal; needs no lock.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    /// The folder of marks outside of the journal.
    marks: Option<PathBuf>,
    open: Option<(u32, File)>,
}

impl Reader {
    /// Reads in `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), marks: None, open: None }
    }

    /// Marks of journals are kept in this folder, too.
    #[must_use]
    pub fn with_marks_in(self, folder: Option<PathBuf>) -> Self {
        Self { marks: folder, ..self }
    }

    fn file(&mut self, segment: u32) -> io::Result<&File> {
        let known = self.open.take().filter(|(n, _)| *n == segment);
        let (_, file) = match known {
            Some(open) => self.open.insert(open),
            None => self.open.insert((segment, open(&name_of(&self.directory, segment))?)),
        };
        Ok(file)
    }
}

impl Segments for Reader {
    /// A directory that does not exist has no segments.
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        let trouble = |e: io::Error| fault("list the journal in", &self.directory, &e);
        let mut found = Vec::new();
        let listed = match fs::read_dir(&self.directory) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
            listed => listed.map_err(trouble)?,
        };
        for file in listed {
            let file = file.map_err(trouble)?;
            let name = file.file_name();
            let number = name.to_str().and_then(|n| n.strip_suffix(".jnl")).and_then(|n| n.parse().ok());
            // `1.jnl` or `+0001.jnl` would parse as well, and is none of ours.
            if let Some(number) = number.filter(|n| name_of(&self.directory, *n) == file.path()) {
                match file.metadata() {
                    Ok(metadata) => found.push((number, metadata.len())),
                    // Removed since it was listed: it was made ahead and never written to.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(fault("examine", &file.path(), &e)),
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        let read = self.file(segment).and_then(|file| file.read_at(into, offset));
        read.map_err(|e| fault("read", &name_of(&self.directory, segment), &e))
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(marks::read(&marks::beside(&self.directory))?.unwrap_or_default())
    }

    fn kept_mark(&mut self, journal: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.marks.as_ref().map_or(Ok(None), |folder| marks::read(&marks::outside(folder, journal)))
    }
}

/// The segments of a journal that is written; hold the data directory's [`super::Lock`].
#[derive(Debug)]
pub struct Files {
    reader: Reader,
    zeros: Zeros,
    marks: Marks,
    open: Vec<(u32, Opened)>,
}

impl Files {
    /// Opens `directory`, and makes it if it does not exist. What a packing that was killed left behind is removed: the
    /// segments themselves are whole.
    ///
    /// # Errors
    /// The directory cannot be made, or not by name durably, or not listed.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        make_directory(directory).map_err(|e| fault("make the directory", directory, &e))?;
        sync_directory(directory)?;
        if let Some(parent) = directory.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        remove_temporaries(directory)?;
        let (zeros, marks) = (Zeros::spawn(directory.to_owned())?, Marks::new(directory, None));
        Ok(Self { reader: Reader::new(directory), zeros, marks, open: Vec::new() })
    }

    /// The journal's mark is kept in this folder, too.
    #[must_use]
    pub fn with_marks_in(self, folder: Option<PathBuf>) -> Self {
        let marks = Marks::new(&self.reader.directory, folder.clone());
        Self { reader: self.reader.with_marks_in(folder), marks, ..self }
    }
}

/// Removes the mark that is kept of a journal in this folder: nothing of it shall be missed.
///
/// # Errors
/// It is there and cannot be removed.
pub fn forget_mark(folder: &Path, journal: u64) -> Result<(), Fault> {
    let path = marks::outside(folder, journal);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(fault("remove", &path, &e)),
        _ => Ok(()),
    }
}

/// Opens a segment to read; what is a pipe is not waited for.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Whether the mark of this journal is in the folder of marks, whatever it says.
#[must_use]
pub fn has_mark(folder: &Path, journal: u64) -> bool {
    fs::symlink_metadata(marks::outside(folder, journal)).is_ok()
}

/// Whether the mark of this journal in the folder of marks tells of one that was written to; one that cannot be read may.
#[must_use]
pub fn has_begun(folder: &Path, journal: u64) -> bool {
    match marks::read(&marks::outside(folder, journal)) {
        Ok(None) => false,
        Ok(Some(octets)) => newest(&octets).is_none_or(|mark| mark.epoch > 0),
        Err(_) => true,
    }
}

/// Keeps the mark of the journal in `directory` in the folder of marks, if it has one.
///
/// # Errors
/// The disk's.
pub fn keep_mark(directory: &Path, folder: &Path, journal: u64) -> Result<(), Fault> {
    let Some(octets) = marks::read(&marks::beside(directory))? else { return Ok(()) };
    make_directory(folder).map_err(|e| fault("make", folder, &e))?;
    replace(&marks::outside(folder, journal), |out| out.write_all(&octets))
}

impl Segments for Files {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        self.reader.segments()
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        self.reader.read(segment, offset, into)
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        self.reader.mark()
    }

    fn kept_mark(&mut self, journal: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.reader.kept_mark(journal)
    }
}

fn remove_temporaries(directory: &Path) -> Result<(), Fault> {
    let trouble = |e: io::Error| fault("list the journal in", directory, &e);
    for file in fs::read_dir(directory).map_err(trouble)? {
        let path = file.map_err(trouble)?.path();
        if path.extension().is_some_and(|e| e == "tmp") {
            fs::remove_file(&path).map_err(|e| fault("remove", &path, &e))?;
        }
    }
    Ok(())
}

impl Disk for Files {
    fn prepare(&mut self, segment: u32, octets: u64) {
        self.zeros.order(segment, octets);
    }

    fn prepared(&mut self, wait: bool) -> Option<Result<u32, Fault>> {
        let made = self.zeros.take(wait)?;
        Some(made.map(|(segment, opened)| {
            if self.open.len() >= OPEN_MAX {
                self.open.remove(0);
            }
            self.open.push((segment, opened));
            segment
        }))
    }

    fn write(&mut self, segment: u32, offset: u64, octets: &[u8]) -> Result<(), Fault> {
        let path = || name_of(&self.reader.directory, segment);
        let Some((_, opened)) = self.open.iter().find(|(n, _)| *n == segment) else {
            return Err(fault("write to", &path(), &io::Error::other("the segment was not made in this run")));
        };
        opened.durable.write_all_at(octets, offset).map_err(|e| fault("write to the journal", &path(), &e))
    }

    fn look(&mut self, segment: u32) -> Result<(), Fault> {
        let Some((_, opened)) = self.open.iter().find(|(n, _)| *n == segment) else { return Ok(()) };
        let path = name_of(&self.reader.directory, segment);
        opened.trouble(&path).map_or(Ok(()), |(kind, why)| {
            Err(Fault { what: "record outcomes in", place: path.display().to_string(), why, kind })
        })
    }

    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Fault> {
        if wait { self.marks.set(mark) } else { self.marks.set_soon(mark) }
    }

    fn pack(&mut self, segment: u32) {
        self.zeros.order_pack(segment);
    }

    fn remove(&mut self, segment: u32) -> Result<(), Fault> {
        self.zeros.give_up(segment);
        self.open.retain(|(n, _)| *n != segment);
        let path = name_of(&self.reader.directory, segment);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fault("remove", &path, &e)),
            _ => {}
        }
        sync_directory(&self.reader.directory)
    }
}
