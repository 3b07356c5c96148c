//! The lock of a data directory: one process writes it at a time.
//!
//! Locked are the directory itself and a file in it, which tells the holder: whoever deletes or replaces that file lets
//! nobody in. Guarantees: the lock goes with the process, however that ends (`flock`). Readers need none, and may ask whether
//! somebody holds it: that keeps nobody out. Some network file systems lock no directories: there only the file holds.

use super::access::{own, refuse_pipe};
use super::fault;
use crate::journal::disk::{Fault, FaultKind};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// The file that is locked; it tells the holder's process id.
const NAME: &str = "lock";

/// How often the file is opened anew because another one has taken its place.
const TRIES: usize = 10;
/// How long a reader that asks is waited for, each time.
const PAUSE: Duration = Duration::from_millis(2);

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    _directory: File,
    _file: File,
}

impl Lock {
    /// Locks `directory`, which must exist.
    ///
    /// # Errors
    /// Another process holds it (the fault names its process id), or the directory cannot be written.
    pub fn take(directory: &Path) -> Result<Self, Fault> {
        let path = directory.join(NAME);
        let trouble = |e: io::Error| fault("lock", &path, &e);
        let opened = File::open(directory).map_err(|e| fault("lock", directory, &e))?;
        let held = || Fault {
            what: "use",
            place: directory.display().to_string(),
            why: format!("{} is using it", holder(&path, &opened)),
            kind: FaultKind::Held,
        };
        // Where directories cannot be locked the file's lock holds alone.
        if matches!(lock(&opened), Err(TryLockError::WouldBlock)) {
            return Err(held());
        }
        for _ in 0..TRIES {
            refuse_pipe(&path).map_err(trouble)?;
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(trouble)?;
            match lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held()),
                Err(TryLockError::Error(e)) => return Err(trouble(e)),
            }
            if !is_at(&file, &path).map_err(trouble)? {
                continue;
            }
            own(&file).map_err(trouble)?;
            file.set_len(0).map_err(trouble)?;
            file.rewind().map_err(trouble)?;
            writeln!(file, "{}", std::process::id()).map_err(trouble)?;
            return Ok(Self { _directory: opened, _file: file });
        }
        Err(trouble(io::Error::other("another file takes its place again and again")))
    }

    /// Whether a process holds the lock of `directory` now. What cannot be asked counts as held.
    #[must_use]
    pub fn is_held(directory: &Path) -> bool {
        let free = |path: &Path| match refuse_pipe(path).and_then(|()| File::open(path)) {
            Ok(file) => !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        };
        !free(directory) || !free(&directory.join(NAME))
    }
}

/// Locks it for us alone. A reader that asks holds it for an instant and is waited for; who holds it alone is not.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
                file.unlock().map_err(TryLockError::Error)?;
                std::thread::sleep(PAUSE);
            }
            locked => return locked,
        }
    }
    file.try_lock()
}

/// Whether the open file is still the one of this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, there) = (file.metadata()?, std::fs::metadata(path));
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
}

/// Who holds it: as the file says, or, when somebody removed that, as the kernel does.
fn holder(path: &Path, directory: &File) -> String {
    let mut said = String::new();
    let read =
        refuse_pipe(path).and_then(|()| File::open(path)).and_then(|file| file.take(20).read_to_string(&mut said));
    let told = read.ok().and_then(|_| said.trim().parse::<u32>().ok());
    match told.or_else(|| directory.metadata().ok().and_then(|found| locker(found.ino()))) {
        Some(process) => format!("the process {process}"),
        None => "another process".to_owned(),
    }
}

/// The process that holds the lock of an inode: `1: FLOCK ADVISORY WRITE 1234 fe:01:5678 0 EOF`.
fn locker(inode: u64) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let found = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, process, place) = (words.next()?, words.nth(2)?, words.next()?);
        let here = kind == "FLOCK" && place.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        here.then_some(process)
    });
    found?.parse().ok()
}
