//! The file of the event log: appended to, rotated by size and age, its torn end cut off.
//!
//! The lines are in `FILE`; what was rotated away is `FILE.000001`, `FILE.000002`, … and, once packed, the same with
//! `.zst`. Numbers go on across processes. Guarantees: the file is one process's at a time; a file that holds something
//! else is left alone; a write that failed in the middle leaves no torn line behind; a file that is moved away or removed while
//! it is written does not take lines along unheard ([`LogFile::gone`]).

use super::write::EventsError;
use crate::observe::private;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To standard output.
    Stdout,
    /// To this file.
    File(PathBuf),
    /// Among the lines of the log, at the debug level.
    Log,
}

/// How an event log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the lines go.
    pub target: Target,
    /// A file of so many octets is rotated.
    pub rotate_octets: u64,
    /// A file that was begun so long ago is rotated.
    pub rotate_age: Duration,
    /// Rotated files kept, the oldest go first; 0: all.
    pub keep: u32,
    /// Whether rotated files are packed with zstd.
    pub compress: bool,
}

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    octets: u64,
    /// When it was begun.
    begun: Instant,
    /// The number of the next rotated file.
    next: u64,
    /// Which file it is; nothing for a pipe or a device, which cannot go.
    place: Option<(u64, u64)>,
    /// Lines that this process has written to it.
    lines: u64,
}

/// What became of a file that is not at its path any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It has another name now, and its lines with it.
    Moved,
    /// It is nowhere, and so many lines of this process with it.
    Removed(u64),
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, EventsError> {
        let fails = |error: io::Error| EventsError::open(path, error);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fails)?;
        private::own(&file, path);
        if !file.metadata().map_err(fails)?.is_file() {
            let (path, begun) = (path.to_owned(), Instant::now());
            return Ok(Self { path, file, octets: 0, begun, next: u64::MAX, place: None, lines: 0 });
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EventsError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(fails(error)),
        }
        let octets = whole(&mut file).map_err(fails)?.ok_or_else(|| EventsError::Foreign(path.to_owned()))?;
        file.set_len(octets).map_err(fails)?;
        let age = if octets == 0 { Duration::ZERO } else { age_of(&file) };
        let begun = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        let next = rotated(path).last().map_or(1, |(number, _)| number + 1);
        let place = place_of(&file);
        Ok(Self { path: path.to_owned(), file, octets, begun, next, place, lines: 0 })
    }

    /// What became of it, if another file or none lies at its path now. What the system does not tell is no trouble.
    pub(super) fn gone(&self) -> Option<Gone> {
        let there = match std::fs::metadata(&self.path) {
            Ok(found) => Some((found.dev(), found.ino())),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
            Err(_) => return None,
        };
        if self.place.is_none() || there == self.place {
            return None;
        }
        let is_left = self.file.metadata().map_or(true, |found| found.nlink() > 0);
        Some(if is_left { Gone::Moved } else { Gone::Removed(self.lines) })
    }

    /// Goes on in a file at its path.
    pub(super) fn anew(&self) -> Result<Self, EventsError> {
        Self::open(&self.path)
    }

    /// Appends whole lines. After an error the file ends where it ended before.
    pub(super) fn append(&mut self, lines: &[u8], count: u64) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.octets += lines.len() as u64;
                self.lines += count;
                Ok(())
            }
            Err(error) => {
                // What cannot be cut off is a torn line, which the next opening cuts off.
                let _ = self.file.set_len(self.octets);
                Err(error)
            }
        }
    }

    pub(super) fn is_due(&self, options: &Options) -> bool {
        let can = self.next < u64::MAX && self.octets > 0;
        can && (self.octets >= options.rotate_octets || self.begun.elapsed() >= options.rotate_age)
    }

    /// Puts the file away and begins a new one. After an error it is never due again.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let away = numbered(&self.path, self.next);
        let next = std::mem::replace(&mut self.next, u64::MAX).saturating_add(1);
        std::fs::rename(&self.path, &away)?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path).inspect_err(|_| {
            // It goes on under its own name.
            let _ = std::fs::rename(&away, &self.path);
        })?;
        private::own(&file, &self.path);
        // Nobody else opens a file of this name between two lines; if so, both append whole lines.
        let _ = file.try_lock();
        self.place = place_of(&file);
        self.file = file;
        (self.octets, self.lines) = (0, 0);
        self.begun = Instant::now();
        self.next = next;
        Ok(())
    }
}

/// How many octets of a log are whole lines; `None`: it is no event log.
fn whole(file: &mut File) -> io::Result<Option<u64>> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut first = [0; 1];
    if len > 0 {
        file.rewind()?;
        file.read_exact(&mut first)?;
        if first != *b"{" {
            return Ok(None);
        }
    }
    let mut end = len;
    let mut block = vec![0; 64 << 10];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let part = block.get_mut(..(end - start) as usize).unwrap_or_default();
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(Some(start + at as u64 + 1));
        }
        end = start;
    }
    Ok(Some(0))
}

fn place_of(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|found| (found.dev(), found.ino()))
}

fn age_of(file: &File) -> Duration {
    let made = file.metadata().and_then(|m| m.created().or_else(|_| m.modified()));
    made.ok().and_then(|made| SystemTime::now().duration_since(made).ok()).unwrap_or_default()
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:06}"));
    name.into()
}

/// The rotated files of a log, by number, each with its path: packed or not.
pub(super) fn rotated(path: &Path) -> Vec<(u64, PathBuf)> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let other = entry.file_name().to_string_lossy().into_owned();
            let rest = other.strip_prefix(&name)?.strip_prefix('.')?;
            let digits = rest.strip_suffix(".zst").unwrap_or(rest);
            let sound = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
            sound.then(|| digits.parse().ok()).flatten().map(|number| (number, entry.path()))
        })
        .collect();
    found.sort();
    found
}
