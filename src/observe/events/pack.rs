//! What becomes of rotated log files: packed with zstd, and the oldest removed, on a thread of its own.
//!
//! Guarantees: a packed file appears under its name only when it is whole, and the plain one goes only after that; a
//! process that was killed in between leaves the plain one, which the next process packs.

use super::file::{self, Options};
use crate::base::remedy;
use crate::observe::private;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Fast, and JSON lines shrink to a fifteenth.
const LEVEL: i32 = 3;

/// The thread that packs.
pub(super) struct Packer {
    to: Sender<()>,
    thread: JoinHandle<()>,
}

impl Packer {
    /// A packer for the rotated files of the log at `path`, those of earlier processes too.
    pub(super) fn spawn(path: PathBuf, options: Options) -> io::Result<Self> {
        let (to, from) = unbounded();
        let builder = std::thread::Builder::new().name("events-pack".to_owned());
        let thread = builder.spawn(move || run(&path, &options, &from))?;
        let packer = Self { to, thread };
        packer.look();
        Ok(packer)
    }

    /// A file was rotated.
    pub(super) fn look(&self) {
        let _ = self.to.send(());
    }

    /// Waits until everything is packed.
    pub(super) fn join(self) {
        drop(self.to);
        let _ = self.thread.join();
    }
}

fn run(path: &Path, options: &Options, from: &Receiver<()>) {
    while let Ok(()) = from.recv() {
        if options.compress {
            for (_, file) in file::rotated(path).into_iter().filter(|(_, file)| !is_packed(file)) {
                if let Err(error) = pack(&file) {
                    let error = remedy::in_line(&error);
                    tracing::warn!(file = %file.display(), error, "a rotated event log cannot be packed; it stays as it is");
                }
            }
        }
        if options.keep > 0 {
            let mut files = file::rotated(path);
            files.truncate(files.len().saturating_sub(options.keep as usize));
            for (_, file) in files {
                if let Err(error) = std::fs::remove_file(&file) {
                    tracing::warn!(file = %file.display(), %error, "an old event log cannot be removed");
                }
            }
        }
    }
}

fn is_packed(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "zst")
}

fn pack(file: &Path) -> io::Result<()> {
    let with = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (partial, packed) = (with(".zst.partial"), with(".zst"));
    let written = (|| {
        let to = File::create(&partial)?;
        private::own(&to, &partial);
        zstd::stream::copy_encode(File::open(file)?, &to, LEVEL)?;
        to.sync_data()?;
        std::fs::rename(&partial, &packed)
    })();
    match written {
        Ok(()) => std::fs::remove_file(file),
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            Err(error)
        }
    }
}
