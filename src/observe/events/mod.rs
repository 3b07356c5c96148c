//! The event log: every attempt, session and pause as a line of JSON, in a file that is rotated or on standard output.
//!
//! Threads that have events write lines into batches ([`Lane`]); a thread of the log's own carries the batches to the
//! file. Guarantees: a lane never waits for the disk and never loses a line in silence. While more than
//! [`QUEUED_OCTETS_MAX`] wait to be written a lane says that it is crowded, and whoever owns it begins nothing new: what
//! is under way bounds the rest. The end waits for a reader that takes nothing for seconds only. On a full disk the log tries
//! again every second, and at the end once more. Any other failure ends the log: lines are then counted as lost, as are those in
//! a file that is removed meanwhile, and [`EventLog::close`] says so. A file holds whole lines only: what a killed process left of
//! a line is cut off when the file is opened again. Leaves to others: what is an event (`mail::event`, `engine`).

mod file;
pub mod json;
mod pack;
#[cfg(test)]
mod tests;
mod told;
mod write;

pub use file::{Options, Target};
pub use write::{EventLog, EventsError, LookUp, Written};

use crate::base::clock::{Instant, Now};
use crate::mail::event::Event;
use crossbeam_channel::{Receiver, Sender};
use json::{Clock, Gap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Octets that may wait to be written before lanes are crowded.
pub const QUEUED_OCTETS_MAX: usize = 8 << 20;
/// A batch goes to the log once it has so many octets…
const BATCH_OCTETS: usize = 64 << 10;
/// …or its first line is so old.
const BATCH_AGE: Duration = Duration::from_millis(100);

/// Whole lines, and the addresses that are missing in them.
#[derive(Debug, Default)]
struct Batch {
    octets: Vec<u8>,
    gaps: Vec<Gap>,
    lines: u64,
}

impl Batch {
    fn clear(&mut self) {
        self.octets.clear();
        self.gaps.clear();
        self.lines = 0;
    }
}

/// One thread's way into the event log.
#[derive(Debug)]
pub struct Lane {
    to: Sender<Batch>,
    /// Batches that were written, to be filled again.
    spare: Receiver<Batch>,
    queued: Arc<AtomicUsize>,
    /// Lines among them.
    lines: Arc<AtomicU64>,
    campaign: Arc<str>,
    batch: Batch,
    began: Instant,
    clock: Option<Clock>,
}

impl Lane {
    /// Writes one event.
    pub fn write(&mut self, now: Now, event: &Event<'_>) {
        if self.batch.lines == 0 {
            self.began = now.mono;
        }
        let clock = self.clock.get_or_insert_with(|| Clock::new(now, unix_ms(now)));
        json::line(event, &self.campaign, now, clock, &mut self.batch.octets, &mut self.batch.gaps);
        self.batch.lines += 1;
        if self.batch.octets.len() >= BATCH_OCTETS {
            self.send();
        }
    }

    /// To be called once in a while: hands over lines that have waited.
    pub fn flush_due(&mut self, now: Instant) {
        if self.batch.lines > 0 && now >= self.began.after(BATCH_AGE) {
            self.send();
        }
    }

    /// When [`Lane::flush_due`] has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        (self.batch.lines > 0).then(|| self.began.after(BATCH_AGE))
    }

    /// Whether so much waits to be written that nothing new should begin.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > QUEUED_OCTETS_MAX
    }

    fn send(&mut self) {
        let next = self
            .spare
            .try_recv()
            .unwrap_or_else(|_| Batch { octets: Vec::with_capacity(BATCH_OCTETS + 4096), ..Batch::default() });
        let batch = std::mem::replace(&mut self.batch, next);
        self.queued.fetch_add(batch.octets.len(), Ordering::Relaxed);
        self.lines.fetch_add(batch.lines, Ordering::Relaxed);
        // The log outlives its lanes.
        let _ = self.to.send(batch);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.batch.lines > 0 {
            self.send();
        }
    }
}

/// The system's clock in milliseconds; where that is far from the driver's, time is virtual, and the driver's holds.
fn unix_ms(now: Now) -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let says = u64::from(now.unix.0);
    if since.as_secs().abs_diff(says) <= 1 { since.as_millis() as u64 } else { says * 1000 }
}
