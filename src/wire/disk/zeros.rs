//! Makes segments of zeros, and packs full ones, on a thread of its own so that commits go on meanwhile.
//!
//! A segment is made under its final name: if the process dies in between, a short segment of zeros is left, which a replay
//! reads as unused. Direct writes where the file system takes them, else buffered ones.

use super::files::{Opened, Reader, name_of, open_for_writing};
use super::{fault, replace, room_for, sync_directory};
use crate::journal::disk::Fault;
use crate::journal::frame::PAGE;
use crate::journal::replay::pack;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Zeros written at once: long enough to be cheap, short enough not to hold up a commit.
const PIECE: usize = 1 << 20;

/// Orders that wait; making comes one at a time, so packing never takes its room for long.
const ORDERS_MAX: usize = 4;

enum Order {
    /// A new segment of so many octets.
    Make(u32, u64),
    /// A full one, to be packed.
    Pack(u32),
}

/// The thread that makes segments.
#[derive(Debug)]
pub(super) struct Zeros {
    orders: Option<Sender<Order>>,
    made: Receiver<Result<(u32, Opened), Fault>>,
    thread: Option<JoinHandle<()>>,
    /// The segment that is being made.
    under_way: Option<u32>,
    unwanted: Arc<AtomicBool>,
}

impl Zeros {
    pub(super) fn spawn(directory: PathBuf) -> Result<Self, Fault> {
        let (orders, inbox) = bounded(ORDERS_MAX);
        let (outbox, made) = bounded(1);
        let place = directory.clone();
        let unwanted = Arc::new(AtomicBool::new(false));
        let given_up = unwanted.clone();
        let thread = std::thread::Builder::new()
            .name("journal-zeros".to_owned())
            .spawn(move || {
                for order in inbox {
                    let (segment, octets) = match order {
                        Order::Make(segment, octets) => (segment, octets),
                        Order::Pack(segment) => {
                            // It saves room when it works; the original is good when it does not.
                            let _ = pack_segment(&directory, segment);
                            continue;
                        }
                    };
                    if outbox.send(make(&directory, segment, octets, &given_up).map(|f| (segment, f))).is_err() {
                        return;
                    }
                }
            })
            .map_err(|e| fault("start a thread for", &place, &e))?;
        Ok(Self { orders: Some(orders), made, thread: Some(thread), under_way: None, unwanted })
    }

    pub(super) fn order(&mut self, segment: u32, octets: u64) {
        // The journal asks for one at a time, so the channel has room.
        let taken = self.orders.as_ref().is_some_and(|o| o.try_send(Order::Make(segment, octets)).is_ok());
        self.under_way = taken.then_some(segment);
    }

    pub(super) fn order_pack(&self, segment: u32) {
        // With the thread so far behind, the segment stays as it is.
        let _ = self.orders.as_ref().map(|o| o.try_send(Order::Pack(segment)));
    }

    pub(super) fn take(&mut self, wait: bool) -> Option<Result<(u32, Opened), Fault>> {
        self.under_way?;
        let made = if wait { self.made.recv().ok() } else { self.made.try_recv().ok() };
        if made.is_some() || wait {
            self.under_way = None;
        }
        made
    }

    /// Stops making `segment`, if that is what is being made; what there is of it is left to the caller.
    pub(super) fn give_up(&mut self, segment: u32) {
        if self.under_way == Some(segment) {
            self.unwanted.store(true, Relaxed);
            drop(self.take(true));
            self.unwanted.store(false, Relaxed);
        }
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(segment) = self.under_way {
            self.give_up(segment);
        }
        if let Some(thread) = self.thread.take() {
            // It has no way to panic, and nothing to say if it did.
            let _ = thread.join();
        }
    }
}

fn pack_segment(directory: &Path, segment: u32) -> Result<(), Fault> {
    let path = name_of(directory, segment);
    let octets = fs::metadata(&path).map_err(|e| fault("pack", &path, &e))?.len();
    replace(&path, |out| pack(&mut Reader::new(directory), segment, octets, out).map(drop))
}

fn make(directory: &Path, segment: u32, octets: u64, unwanted: &AtomicBool) -> Result<Opened, Fault> {
    let path = name_of(directory, segment);
    let trouble = |e: io::Error| fault("make the journal segment", &path, &e);
    room_for("make a journal segment in", directory, octets)?;
    // A file that exists already is not ours to touch: this fails then, before anything is removed.
    let opened = open_for_writing(&path, true).map_err(trouble)?;
    let made = match fill(&opened, octets, unwanted) {
        Ok(()) => Ok(opened),
        // Some file systems take the flag and refuse the writing.
        Err(e) if opened.direct && e.raw_os_error() == Some(libc::EINVAL) => make_buffered(&path, octets, unwanted),
        Err(e) => Err(e),
    };
    // What is not known to stay is not made.
    let made = made.map_err(trouble).and_then(|mut opened| {
        opened.octets = octets;
        sync_directory(directory).map(|()| opened)
    });
    made.inspect_err(|_| {
        // Half a segment is of no use, may hold the very room that is missing, and its name is needed again.
        let _ = fs::remove_file(&path);
    })
}

fn make_buffered(path: &Path, octets: u64, unwanted: &AtomicBool) -> io::Result<Opened> {
    fs::remove_file(path)?;
    let opened = open_for_writing(path, false)?;
    fill(&opened, octets, unwanted)?;
    Ok(opened)
}

fn fill(opened: &Opened, octets: u64, unwanted: &AtomicBool) -> io::Result<()> {
    let zeros = vec![0; PIECE + PAGE];
    let aligned = zeros.get(zeros.as_ptr().align_offset(PAGE)..).unwrap_or_default();
    let mut offset = 0;
    while offset < octets {
        if unwanted.load(Relaxed) {
            return Err(io::Error::other("it is not wanted any more"));
        }
        let len = (octets - offset).min(PIECE as u64);
        let piece = aligned.get(..len as usize).unwrap_or_default();
        opened.zeroing.write_all_at(piece, offset)?;
        offset += len;
    }
    opened.zeroing.sync_all()
}
