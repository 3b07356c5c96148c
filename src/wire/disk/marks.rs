//! The mark of a journal: the file `mark` beside its segments; and, where that is asked for, the same in a folder outside of all
//! that belongs to the journal, under its identity: it tells when all of it was put back from an older copy.
//!
//! Guarantees: the mark outside is never newer than the one beside the segments, and never there without a mark in it. A mark that
//! is waited for is on stable storage, in both slots. Others are written by a thread of their own, the newest one first and only
//! that, so that no commit waits for a mark; the thread rests so long between two of them that the device is hardly busier. A failed
//! write is told at the next mark, and nothing is written after it. What lies in a mark's place and is no file (a directory, a link
//! to itself, a pipe) is put aside when a mark is written: that it could not be read was told before.

use super::access::{make_directory, own};
use super::fault;
use crate::journal::disk::Fault;
use crate::journal::frame::PAGE;
use crate::journal::mark::{Mark, SLOTS};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The file's name.
const NAME: &str = "mark";
/// More than a mark's file ever has: what is longer is none.
const OCTETS_MAX: u64 = 4 * (SLOTS * PAGE) as u64;
/// Things in a mark's place that are kept under other names.
const ASIDE_MAX: u32 = 100;
/// The thread rests so many times as long as its last write took…
const REST: u32 = 100;
/// …but not shorter than this…
const REST_MIN: Duration = Duration::from_millis(50);
/// …and not longer than this.
const REST_MAX: Duration = Duration::from_secs(1);

/// The mark's file beside the segments in `directory`.
pub(super) fn beside(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// The mark's file of a journal in a folder for those of all journals.
pub(super) fn outside(folder: &Path, journal: u64) -> PathBuf {
    folder.join(format!("{journal:016x}"))
}

/// The octets of a mark's file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    // Opened like this, a pipe is not waited for.
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let octets = open.and_then(|file| {
        let mut octets = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, OCTETS_MAX), &mut octets)?;
        Ok(octets)
    });
    match octets {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        octets => octets.map(Some).map_err(|e| fault("read", path, &e)),
    }
}

/// Writes the marks of one journal.
#[derive(Debug)]
pub(super) struct Marks {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    wanted: Mutex<Wanted>,
    wake: Condvar,
    slots: Mutex<Slots>,
}

/// What the thread is to do.
#[derive(Debug, Default)]
struct Wanted {
    mark: Option<Mark>,
    fault: Option<Fault>,
    over: bool,
    /// The thread waits for a mark: one that rests is not woken.
    idle: bool,
}

/// The files, made when the first mark is set.
#[derive(Debug)]
struct Slots {
    directory: PathBuf,
    file: Option<File>,
    /// The folder outside, if there is one, and the file in it.
    outside: Option<PathBuf>,
    kept: Option<File>,
    next: usize,
}

impl Marks {
    pub(super) fn new(directory: &Path, outside: Option<PathBuf>) -> Self {
        let slots = Slots { directory: directory.to_owned(), file: None, outside, kept: None, next: 0 };
        let shared = Shared { wanted: Mutex::default(), wake: Condvar::new(), slots: Mutex::new(slots) };
        Self { shared: Arc::new(shared), thread: None }
    }

    /// Makes a mark durable, now.
    pub(super) fn set(&self, mark: &Mark) -> Result<(), Fault> {
        let mut slots = held(&self.shared.slots);
        let mut wanted = held(&self.shared.wanted);
        wanted.mark = None;
        if let Some(fault) = &wanted.fault {
            return Err(fault.clone());
        }
        drop(wanted);
        (0..SLOTS).try_for_each(|_| slots.write(mark))
    }

    /// Makes a mark durable some time.
    pub(super) fn set_soon(&mut self, mark: &Mark) -> Result<(), Fault> {
        if self.thread.is_none() {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("journal-mark".to_owned()).spawn(move || shared.run());
            let place = &held(&self.shared.slots).directory;
            self.thread = Some(thread.map_err(|e| fault("start a thread for", place, &e))?);
        }
        let mut wanted = held(&self.shared.wanted);
        wanted.mark = Some(*mark);
        if wanted.idle {
            self.shared.wake.notify_one();
        }
        wanted.fault.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        held(&self.shared.wanted).over = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has no way to panic, and nothing to say if it did.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut rest = Duration::ZERO;
        loop {
            let begun = Instant::now();
            let mut wanted = held(&self.wanted);
            while !wanted.over && (wanted.mark.is_none() || begun.elapsed() < rest) {
                let left = rest.saturating_sub(begun.elapsed());
                wanted.idle = left.is_zero();
                wanted = if left.is_zero() {
                    self.wake.wait(wanted).unwrap_or_else(PoisonError::into_inner)
                } else {
                    self.wake.wait_timeout(wanted, left).unwrap_or_else(PoisonError::into_inner).0
                };
            }
            wanted.idle = false;
            let over = wanted.over || wanted.fault.is_some();
            drop(wanted);
            if over {
                return;
            }
            let begun = Instant::now();
            self.write_wanted();
            rest = (begun.elapsed() * REST).clamp(REST_MIN, REST_MAX);
        }
    }

    /// Whoever has the slots takes the mark: so none is written after a newer one.
    fn write_wanted(&self) {
        let mut slots = held(&self.slots);
        let Some(mark) = held(&self.wanted).mark.take() else { return };
        if let Err(fault) = slots.write(&mark) {
            held(&self.wanted).fault = Some(fault);
        }
    }
}

impl Slots {
    fn write(&mut self, mark: &Mark) -> Result<(), Fault> {
        let (octets, offset) = (mark.encode(), (self.next * PAGE) as u64);
        let path = beside(&self.directory);
        put(&mut self.file, &path, &octets, offset).map_err(|e| fault("write", &path, &e))?;
        if let Some(folder) = self.outside.as_ref() {
            let path = outside(folder, mark.journal);
            // One that is removed while it is written to is not made again.
            let made = if self.kept.is_none() { make_directory(folder) } else { Ok(()) };
            made.and_then(|()| put(&mut self.kept, &path, &octets, offset)).map_err(|e| fault("write", &path, &e))?;
        }
        self.next = (self.next + 1) % SLOTS;
        Ok(())
    }
}

fn put(file: &mut Option<File>, path: &Path, octets: &[u8], offset: u64) -> io::Result<()> {
    if file.is_none() {
        *file = open(path)?;
    }
    match file {
        Some(file) => file.write_all_at(octets, offset),
        None => make(path, octets, offset).map(|made| *file = Some(made)),
    }
}

/// Opens a mark's file; `None` where there is none.
fn open(path: &Path) -> io::Result<Option<File>> {
    match options().open(path) {
        Ok(file) => own(&file).map(|()| Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => match e.raw_os_error() {
            Some(libc::EISDIR | libc::ELOOP | libc::ENXIO) => put_aside(path).map(|()| None),
            _ => Err(e),
        },
    }
}

/// Makes a mark's file, durably by name. It has its name once the mark is in it: an empty one is always damage.
fn make(path: &Path, octets: &[u8], offset: u64) -> io::Result<File> {
    let unnamed = path.with_extension("tmp");
    let file = options().create(true).truncate(true).open(&unnamed)?;
    own(&file)?;
    file.write_all_at(octets, offset)?;
    fs::rename(&unnamed, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(file)
}

/// A pipe is not waited for, and what is written is on stable storage.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(libc::O_DSYNC | libc::O_NONBLOCK);
    options
}

/// Gives another name to what lies in the place of a mark's file.
fn put_aside(path: &Path) -> io::Result<()> {
    let names = (1..=ASIDE_MAX).map(|n| path.with_extension(format!("aside-{n}")));
    let mut free = names.filter(|name| fs::symlink_metadata(name).is_err());
    let aside = free.next().ok_or_else(|| io::Error::other("too much lies beside it that was put aside"))?;
    fs::rename(path, aside)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
