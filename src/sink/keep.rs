//! Keeping messages as files, written by a thread of their own.
//!
//! Guarantees: file names are numbers that rise in the order of acceptance; a file begins with the fields that final
//! delivery adds (RFC 5321 §4.4: `Return-Path`, here with one `Delivered-To` a recipient) and goes on with the content
//! as it came. At most [`QUEUE_MAX`] messages wait: a slow disk slows the sink.

use crate::wire::disk::access::make_directory;
use crossbeam_channel::{Sender, bounded};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::{fs, io};

/// How many messages may wait for the disk.
const QUEUE_MAX: usize = 256;

/// A folder that messages go into.
pub(super) struct Keep {
    queue: Sender<(u64, Vec<u8>)>,
    thread: JoinHandle<io::Result<()>>,
    next: u64,
}

impl Keep {
    /// Makes the folder, if need be, and starts the thread.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        make_directory(folder)?;
        let (queue, letters) = bounded::<(u64, Vec<u8>)>(QUEUE_MAX);
        let folder = PathBuf::from(folder);
        let thread = std::thread::Builder::new().name("sink-keep".into()).spawn(move || {
            for (number, octets) in letters {
                fs::write(folder.join(format!("{number:08}.eml")), octets)?;
            }
            Ok(())
        })?;
        Ok(Self { queue, thread, next: 1 })
    }

    /// Keeps one message. If the disk has failed it is dropped; [`Keep::finish`] tells.
    pub(super) fn put(&mut self, octets: Vec<u8>) {
        let _ = self.queue.send((self.next, octets));
        self.next += 1;
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// The first write that failed.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.queue);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that keeps messages panicked")))
    }
}
