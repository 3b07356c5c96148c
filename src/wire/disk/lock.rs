//! The lock of a data directory: one process writes it at a time.
//!
//! Guarantees: the lock goes with the process, however that ends (`flock`). Readers need none.

use super::fault;
use crate::journal::disk::{Fault, FaultKind};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// The file that is locked; it tells the holder's process id.
const NAME: &str = "lock";

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks `directory`, which must exist.
    ///
    /// # Errors
    /// Another process holds it (the fault names its process id), or the directory cannot be written.
    pub fn take(directory: &Path) -> Result<Self, Fault> {
        let path = directory.join(NAME);
        let trouble = |e: std::io::Error| fault("lock", &path, &e);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(trouble)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Fault {
                    what: "use",
                    place: directory.display().to_string(),
                    why: format!("{} is using it", holder(&mut file)),
                    kind: FaultKind::Held,
                });
            }
            Err(TryLockError::Error(e)) => return Err(trouble(e)),
        }
        file.set_len(0).map_err(trouble)?;
        file.rewind().map_err(trouble)?;
        writeln!(file, "{}", std::process::id()).map_err(trouble)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut said = String::new();
    let read = file.take(20).read_to_string(&mut said);
    match said.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("the process {pid}"),
        _ => "another process".to_owned(),
    }
}
