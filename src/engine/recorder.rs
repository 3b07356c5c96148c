//! The journal's thread: takes batches of entries from the shards, commits them in groups, tells each shard what is durable.
//!
//! Guarantees: [`Recorded::Durable`] is said only after the write has come back from stable storage, in the order of tickets. After
//! a failed write, or a panic, every shard is told, nothing more is acknowledged and nothing is tried again. When all senders are
//! gone, everything taken is written before the thread ends, the journal's mark says so, and the last segment keeps no more
//! room than it needs. A segment's file that is removed, moved or cut while it is written to is a failed write, noticed within
//! a quarter of a second of the next commit and before the end. Idle, it sleeps.
//!
//! One commit is under way at a time: while it is, the next one gathers in the channel, so a slow disk makes larger
//! commits and not a longer queue of small ones. A segment is made when a quarter of the one before it is used. When that
//! cannot be done (a disk without room for it and the reserve) a shard is told ([`Recorded::Short`]), so that nothing new
//! begins; the rest of the segment is for what is under way. Only when that is full too does recording fail.

use crate::base::caught::caught;
use crate::base::clock::Instant;
use crate::engine::message::{Append, Recorded};
use crate::journal::disk::{Disk, Fault, FaultKind};
use crate::journal::frame::Header;
use crate::journal::mark::Mark;
use crate::journal::writer::{Journal, Refused, Write};
use crate::observe::{JournalCounters, Spread};
use crossbeam_channel::{Receiver, TryRecvError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most octets that one [`Append`] may hold.
pub const APPEND_OCTETS_MAX: usize = 64 * 1024;
/// Appends taken before the journal is asked for a write again.
const APPENDS_A_TURN: usize = 4096;
/// How long after a failure a new segment is asked for again.
const PREPARE_AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked at, while something is written, whether the segment's file is still there.
const LOOK: Duration = Duration::from_millis(250);
/// When the last turn took so many octets of entries, the inbox is looked at each [`NAP`] while a window is open, so that
/// enough octets end the window early; when it took less, only at the window's end.
const BUSY_OCTETS: usize = 4096;
/// See [`BUSY_OCTETS`].
const NAP: Duration = Duration::from_millis(1);
/// The longest sleep with a window open: how late the end of the senders is seen.
const SLEEP_MAX: Duration = Duration::from_millis(20);

/// What the recorder has done; read by anyone at any time.
#[derive(Debug, Default)]
pub struct Counters {
    /// Commits on stable storage.
    pub commits: AtomicU64,
    /// Octets written for them, headers and padding included.
    pub octets: AtomicU64,
    /// Octets of entries taken.
    pub entry_octets: AtomicU64,
    /// Segments made.
    pub segments: AtomicU64,
    /// The time all writes took, in microseconds…
    pub sync_us: AtomicU64,
    /// …the longest one…
    pub sync_us_max: AtomicU64,
    /// …and how they were spread.
    pub sync: Mutex<Spread>,
    /// Recording has failed: nothing more becomes durable.
    pub failed: AtomicBool,
    /// No new segment could be made: nothing new begins.
    pub short_of_room: AtomicBool,
}

impl Counters {
    /// What metrics show of it.
    #[must_use]
    pub fn facts(&self) -> JournalCounters {
        JournalCounters {
            commits: self.commits.load(Relaxed),
            octets: self.octets.load(Relaxed),
            sync: self.sync.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            failed: u64::from(self.failed.load(Relaxed)),
        }
    }
}

/// How a shard is told. Called on the recorder's thread; must not block.
pub type Notify = Box<dyn Fn(u16, Recorded) + Send>;

/// Where a recording that ended well left the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The last frame.
    pub lsn: u64,
    /// The segment it is in.
    pub segment: u32,
}

/// A running journal thread.
#[derive(Debug)]
pub struct Recorder {
    thread: JoinHandle<Result<Closed, Arc<str>>>,
    counters: Arc<Counters>,
}

impl Recorder {
    /// Starts the thread. It ends when all senders of `inbox` are dropped and everything is written.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn spawn(
        disk: Box<dyn Disk + Send>,
        journal: Journal,
        inbox: Receiver<Append>,
        notify: Notify,
    ) -> Result<Self, Fault> {
        let counters = Arc::new(Counters::default());
        let recording = Recording {
            disk,
            journal,
            inbox,
            notify,
            counters: counters.clone(),
            origin: std::time::Instant::now(),
            shards: Vec::new(),
            preparing: false,
            short: None,
            told_short: false,
            filling: (0, 0, 0),
            look_at: Instant(0),
            turn_octets: 0,
        };
        let thread =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || recording.run()).map_err(|e| {
                Fault {
                    what: "start a thread for",
                    place: "the journal".to_owned(),
                    why: e.to_string(),
                    kind: FaultKind::Broken,
                }
            })?;
        Ok(Self { thread, counters })
    }

    /// What it has done so far.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end; drop all senders first.
    ///
    /// # Errors
    /// Why recording failed.
    pub fn join(self) -> Result<Closed, Arc<str>> {
        self.thread.join().unwrap_or_else(|_| Err("the journal's thread panicked".into()))
    }
}

struct Recording {
    disk: Box<dyn Disk + Send>,
    journal: Journal,
    inbox: Receiver<Append>,
    notify: Notify,
    counters: Arc<Counters>,
    origin: std::time::Instant,
    shards: Vec<u16>,
    preparing: bool,
    /// Why no new segment could be made, until a shard is told.
    short: Option<Arc<str>>,
    told_short: bool,
    /// The segment that is written to, octets written to it, and how many of them are padding.
    filling: (u32, usize, usize),
    /// When its file is looked at next.
    look_at: Instant,
    /// Octets of entries that the last turn took.
    turn_octets: usize,
}

impl Recording {
    fn run(mut self) -> Result<Closed, Arc<str>> {
        let recorded = caught(|| self.record().and_then(|()| self.close()));
        match recorded.unwrap_or_else(|why| Err(format!("the journal's thread panicked: {why}").into())) {
            Ok(closed) => Ok(closed),
            Err(reason) => {
                self.refuse(&reason);
                Err(reason)
            }
        }
    }

    fn record(&mut self) -> Result<(), Arc<str>> {
        loop {
            self.prepare()?;
            while let Some(write) = self.journal.poll_write(self.now()) {
                self.write(write)?;
                self.prepare()?;
            }
            if self.journal.is_closed() {
                return Ok(());
            }
            self.gather()?;
        }
    }

    /// Takes what has come; waits for it when there is nothing to write.
    fn gather(&mut self) -> Result<(), Arc<str>> {
        let mut next = match self.journal.deadline() {
            None => match self.inbox.recv() {
                Ok(append) => append,
                Err(_) => {
                    self.journal.close();
                    return Ok(());
                }
            },
            Some(at) => {
                // Not on the channel: a sender would have to wake this thread for each append, and pay for that.
                let nap_max = if self.turn_octets >= BUSY_OCTETS { NAP } else { SLEEP_MAX };
                std::thread::sleep(at.since(self.now()).min(nap_max));
                match self.inbox.try_recv() {
                    Ok(append) => append,
                    Err(TryRecvError::Empty) => return Ok(()),
                    Err(TryRecvError::Disconnected) => {
                        self.journal.close();
                        return Ok(());
                    }
                }
            }
        };
        let now = self.now();
        self.turn_octets = 0;
        for _ in 0..APPENDS_A_TURN {
            self.take(&next, now)?;
            if !self.journal.fits(APPEND_OCTETS_MAX) {
                return Ok(());
            }
            next = match self.inbox.try_recv() {
                Ok(append) => append,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    self.journal.close();
                    return Ok(());
                }
            };
        }
        self.take(&next, now)
    }

    fn take(&mut self, append: &Append, now: Instant) -> Result<(), Arc<str>> {
        if !self.shards.contains(&append.shard) {
            self.shards.push(append.shard);
        }
        self.tell_short();
        self.turn_octets += append.entries.len();
        self.counters.entry_octets.fetch_add(append.entries.len() as u64, Relaxed);
        match self.journal.append(append.shard, append.ticket, &append.entries, now) {
            Ok(()) => Ok(()),
            Err(Refused::Poisoned(reason)) => Err(reason),
            // Room was asked for before each take, so these are a shard that breaks its bound.
            Err(refused @ (Refused::Full | Refused::TooLong)) => {
                Err(format!("shard {} appended {} octets at once: {refused}", append.shard, append.entries.len())
                    .into())
            }
        }
    }

    /// Sees to it that there is a segment to write to, waiting only when a commit needs one.
    fn prepare(&mut self) -> Result<(), Arc<str>> {
        loop {
            let now = self.now();
            let starved = self.journal.is_starved();
            if let Some(wanted) = self.journal.poll_prepare(if starved { Instant::FAR } else { now }) {
                self.disk.prepare(wanted.segment, wanted.octets);
                self.preparing = true;
            }
            if !self.preparing {
                return Ok(());
            }
            let Some(prepared) = self.disk.prepared(starved) else {
                self.preparing = !starved;
                return if starved { Err("the thread that makes journal segments has ended".into()) } else { Ok(()) };
            };
            self.preparing = false;
            if prepared.is_err() {
                // Where the whole journal is gone, that is the cause.
                self.look(self.filling.0)?;
            }
            match prepared {
                Ok(_) => {
                    self.counters.segments.fetch_add(1, Relaxed);
                    self.journal.handle_prepared();
                }
                Err(fault) if starved => {
                    self.counters.short_of_room.store(true, Relaxed);
                    return Err(fault.to_string().into());
                }
                Err(fault) => {
                    self.counters.short_of_room.store(true, Relaxed);
                    self.journal.handle_not_prepared(now.after(PREPARE_AGAIN));
                    self.short = Some(fault.to_string().into());
                    self.tell_short();
                }
            }
            if !self.journal.is_starved() {
                return Ok(());
            }
        }
    }

    /// One shard is told that nothing new should begin: it tells the others.
    fn tell_short(&mut self) {
        if let Some(&shard) = self.shards.first()
            && let Some(reason) = self.short.take()
            && !std::mem::replace(&mut self.told_short, true)
        {
            (self.notify)(shard, Recorded::Short(reason));
        }
    }

    fn write(&mut self, write: Write) -> Result<(), Arc<str>> {
        let begun = std::time::Instant::now();
        let written = self.disk.write(write.segment, write.offset, write.block.octets());
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Err(fault) = written {
            return Err(fault.to_string().into());
        }
        self.count(write.block.octets().len(), took_us);
        if self.now() >= self.look_at || write.segment != self.filling.0 {
            self.look(self.filling.0)?;
            self.look(write.segment)?;
        }
        self.pack_when_full(&write);
        self.journal.handle_synced(write.lsn, write.block);
        while let Some(durable) = self.journal.poll_durable() {
            (self.notify)(durable.who, Recorded::Durable(durable.ticket));
        }
        self.set_mark(&self.journal.mark(), false)
    }

    /// What is written to a file that is gone is as good as not written.
    fn look(&mut self, segment: u32) -> Result<(), Arc<str>> {
        self.look_at = self.now().after(LOOK);
        if segment == 0 {
            // Nothing is written yet.
            return Ok(());
        }
        self.disk.look(segment).map_err(|fault| fault.to_string().into())
    }

    /// A full segment that is more padding than frames is packed. All of it is durable: one write is under way at a time.
    fn pack_when_full(&mut self, write: &Write) {
        let octets = write.block.octets();
        let padding = octets.len() - Header::decode(octets).map_or(0, |h| h.unpadded());
        let (segment, written, padded) = self.filling;
        if segment == write.segment {
            self.filling = (segment, written + octets.len(), padded + padding);
            return;
        }
        if padded > written / 2 {
            self.disk.pack(segment);
        }
        self.filling = (write.segment, octets.len(), padding);
    }

    fn count(&self, octets: usize, took_us: u64) {
        let counters = &self.counters;
        counters.commits.fetch_add(1, Relaxed);
        counters.octets.fetch_add(octets as u64, Relaxed);
        counters.sync_us.fetch_add(took_us, Relaxed);
        counters.sync_us_max.fetch_max(took_us, Relaxed);
        counters.sync.lock().unwrap_or_else(PoisonError::into_inner).record(Duration::from_micros(took_us));
    }

    /// Nothing will become durable any more: says so to all shards, and to each that appends later, until all are gone.
    fn refuse(&mut self, reason: &Arc<str>) {
        self.counters.failed.store(true, Relaxed);
        self.journal.handle_failed(reason.clone());
        for shard in &self.shards {
            (self.notify)(*shard, Recorded::Failed(reason.clone()));
        }
        for append in &self.inbox {
            if !self.shards.contains(&append.shard) {
                self.shards.push(append.shard);
                (self.notify)(append.shard, Recorded::Failed(reason.clone()));
            }
        }
    }

    /// Everything is written. A segment that was made ahead and not used, and the unused end of the last one, are only room taken.
    fn close(&mut self) -> Result<Closed, Arc<str>> {
        self.look(self.filling.0)?;
        if let Some(spare) = self.journal.spare_segment() {
            // If it stays, the next replay names it as unused.
            let _ = self.disk.remove(spare);
        }
        let end = self.journal.mark();
        // From here on the length of the segment's file tells nothing.
        self.set_mark(&Mark { octets: 0, ..end }, true)?;
        let (segment, written, padding) = self.filling;
        if segment == end.segment && (written - padding) as u64 * 2 < end.octets {
            self.disk.pack(segment);
        }
        Ok(Closed { lsn: end.lsn, segment: end.segment })
    }

    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Arc<str>> {
        let set = self.disk.set_mark(mark, wait);
        if set.is_err() {
            // Where the whole journal is gone, that is the cause.
            self.look(self.filling.0)?;
        }
        set.map_err(|fault| fault.to_string().into())
    }

    fn now(&self) -> Instant {
        Instant(0).after(self.origin.elapsed())
    }
}

#[cfg(test)]
mod tests;
