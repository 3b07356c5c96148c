//! Makes segments of zeros, on a thread of its own so that commits go on meanwhile.
//!
//! A segment is made under its final name: if the process dies in between, a short segment of zeros is left, which a replay
//! reads as unused. Direct writes where the file system takes them, else buffered ones.

use super::files::{Opened, name_of, open_for_writing};
use super::{fault, sync_directory};
use crate::journal::disk::Fault;
use crate::journal::frame::PAGE;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Zeros written at once: long enough to be cheap, short enough not to hold up a commit.
const PIECE: usize = 1 << 20;

/// The thread that makes segments.
#[derive(Debug)]
pub(super) struct Zeros {
    orders: Option<Sender<(u32, u64)>>,
    made: Receiver<Result<(u32, Opened), Fault>>,
    thread: Option<JoinHandle<()>>,
    pub(super) under_way: bool,
}

impl Zeros {
    pub(super) fn spawn(directory: PathBuf) -> Result<Self, Fault> {
        let (orders, inbox) = bounded::<(u32, u64)>(1);
        let (outbox, made) = bounded(1);
        let place = directory.clone();
        let thread = std::thread::Builder::new()
            .name("journal-zeros".to_owned())
            .spawn(move || {
                for (segment, octets) in inbox {
                    if outbox.send(make(&directory, segment, octets).map(|f| (segment, f))).is_err() {
                        return;
                    }
                }
            })
            .map_err(|e| fault("start a thread for", &place, &e))?;
        Ok(Self { orders: Some(orders), made, thread: Some(thread), under_way: false })
    }

    pub(super) fn order(&mut self, segment: u32, octets: u64) {
        // The journal asks for one at a time, so the channel has room.
        self.under_way = self.orders.as_ref().is_some_and(|o| o.try_send((segment, octets)).is_ok());
    }

    pub(super) fn take(&mut self, wait: bool) -> Option<Result<(u32, Opened), Fault>> {
        if !self.under_way {
            return None;
        }
        let made = if wait { self.made.recv().ok() } else { self.made.try_recv().ok() };
        self.under_way = made.is_none();
        made
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        self.orders = None;
        let left_over = self.take(true);
        drop(left_over);
        if let Some(thread) = self.thread.take() {
            // It has no way to panic, and nothing to say if it did.
            let _ = thread.join();
        }
    }
}

fn make(directory: &Path, segment: u32, octets: u64) -> Result<Opened, Fault> {
    let path = name_of(directory, segment);
    let trouble = |e: io::Error| fault("make the journal segment", &path, &e);
    // A file that exists already is not ours to touch: this fails then, before anything is removed.
    let opened = open_for_writing(&path, true).map_err(trouble)?;
    let made = match fill(&opened, octets) {
        Ok(()) => Ok(opened),
        // Some file systems take the flag and refuse the writing.
        Err(e) if opened.direct && e.raw_os_error() == Some(libc::EINVAL) => make_buffered(&path, octets),
        Err(e) => Err(e),
    };
    let made = made.map_err(|e| {
        // Half a segment is of no use and may hold the very room that is missing.
        let _ = fs::remove_file(&path);
        trouble(e)
    })?;
    sync_directory(directory)?;
    Ok(made)
}

fn make_buffered(path: &Path, octets: u64) -> io::Result<Opened> {
    fs::remove_file(path)?;
    let opened = open_for_writing(path, false)?;
    fill(&opened, octets)?;
    Ok(opened)
}

fn fill(opened: &Opened, octets: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE + PAGE];
    let aligned = zeros.get(zeros.as_ptr().align_offset(PAGE)..).unwrap_or_default();
    let mut offset = 0;
    while offset < octets {
        let len = (octets - offset).min(PIECE as u64);
        let piece = aligned.get(..len as usize).unwrap_or_default();
        opened.zeroing.write_all_at(piece, offset)?;
        offset += len;
    }
    opened.zeroing.sync_all()
}
