//! The journal's writing side, as a state machine: entries in, frames to write out, tickets back once durable.
//!
//! Guarantees: entries become durable in the order they were appended, and those of one append together; a ticket comes
//! back only after everything before it is on stable storage; after a failed write nothing is acknowledged any more.
//! Bounds: at most [`Config::in_flight_max`] frames under way and [`GATHERED_MAX`] waiting; beyond that [`Journal::fits`]
//! says no. Leaves to others: the writing itself, and making segments when [`Journal::poll_prepare`] asks.

use super::frame::{Block, FRAME_OCTETS_MAX, Header, PAGE, PAYLOAD_MAX};
use super::mark::Mark;
use crate::base::clock::Instant;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Frames that may wait to be written.
pub const GATHERED_MAX: usize = 8;
/// The most frames that can be under way, whatever the configuration says; replay counts on it.
pub const IN_FLIGHT_MAX: usize = 32;

/// How a journal is written.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long entries may wait for others to share their commit.
    pub window: Duration,
    /// So many octets of entries are committed without waiting for the window to pass.
    pub commit_octets: usize,
    /// Commits under way at once; 1 to [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// Size of the first segment: small, so that a start costs little. Each next one is four times as large…
    pub first_segment_octets: u64,
    /// …up to this.
    pub segment_octets: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(5),
            commit_octets: 64 * 1024,
            in_flight_max: 8,
            first_segment_octets: 4 << 20,
            segment_octets: 64 << 20,
        }
    }
}

/// Where an epoch begins: what [`super::replay`] found, or a new journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The journal's identity.
    pub journal: u64,
    /// How often it had been opened.
    pub epoch: u32,
    /// The first segment of the epoch.
    pub segment: u32,
    /// The first frame of the epoch.
    pub lsn: u64,
}

impl Start {
    /// A new journal; `journal` is its identity, best a random number.
    #[must_use]
    pub fn fresh(journal: u64) -> Self {
        Self { journal, epoch: 1, segment: 1, lsn: 1 }
    }
}

/// A frame to be written.
#[derive(Debug)]
pub struct Write {
    /// Its number, for [`Journal::handle_synced`].
    pub lsn: u64,
    /// Where to.
    pub segment: u32,
    /// Where in the segment.
    pub offset: u64,
    /// What.
    pub block: Block,
}

/// A segment to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Its number.
    pub segment: u32,
    /// Its size.
    pub octets: u64,
}

/// Everything up to and including `ticket` of `who` is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// Who appended.
    pub who: u16,
    /// The last of its tickets that is durable.
    pub ticket: u64,
}

/// Why entries were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// [`Journal::fits`] would have said so: take writes first.
    #[error("the journal is full of entries that wait to be written")]
    Full,
    /// More than [`PAYLOAD_MAX`] octets at once.
    #[error("more entries at once than a frame holds")]
    TooLong,
    /// A write has failed: nothing becomes durable any more.
    #[error("the journal has stopped: {0}")]
    Poisoned(Arc<str>),
}

#[derive(Debug)]
struct Gathered {
    block: Block,
    since: Instant,
    tickets: Vec<Durable>,
}

#[derive(Debug)]
struct Flight {
    lsn: u64,
    synced: bool,
    tickets: Vec<Durable>,
}

#[derive(Debug)]
struct Place {
    segment: u32,
    octets: u64,
    used: u64,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    config: Config,
    start: Start,
    next_lsn: u64,
    durable_lsn: u64,
    /// The highest durable LSN that a written frame tells of.
    attested: u64,
    gathered: VecDeque<Gathered>,
    in_flight: VecDeque<Flight>,
    durable: VecDeque<Durable>,
    free: Vec<Block>,
    place: Option<Place>,
    asked: Option<Prepare>,
    ready: Option<Prepare>,
    retry_at: Instant,
    next_segment: Prepare,
    flushing: bool,
    closing: bool,
    closed: bool,
    poisoned: Option<Arc<str>>,
}

impl Journal {
    /// A journal that begins a new epoch at `start`.
    #[must_use]
    pub fn new(config: Config, start: Start) -> Self {
        let in_flight_max = config.in_flight_max.clamp(1, IN_FLIGHT_MAX);
        let segment_octets = config.segment_octets.max(FRAME_OCTETS_MAX as u64).next_multiple_of(PAGE as u64);
        let first = config.first_segment_octets.clamp(FRAME_OCTETS_MAX as u64, segment_octets);
        let first = first.next_multiple_of(PAGE as u64);
        Self {
            config: Config { in_flight_max, segment_octets, ..config },
            start,
            next_lsn: start.lsn,
            durable_lsn: start.lsn.saturating_sub(1),
            // What came before this epoch is attested by the epoch's own beginning.
            attested: start.lsn.saturating_sub(1),
            gathered: VecDeque::new(),
            in_flight: VecDeque::new(),
            durable: VecDeque::new(),
            free: Vec::new(),
            place: None,
            asked: None,
            ready: None,
            retry_at: Instant(0),
            next_segment: Prepare { segment: start.segment, octets: first },
            flushing: false,
            closing: false,
            closed: false,
            poisoned: None,
        }
    }

    /// Whether [`Journal::append`] would take so many octets now.
    #[must_use]
    pub fn fits(&self, octets: usize) -> bool {
        self.gathered.len() < GATHERED_MAX || self.gathered.back().is_some_and(|g| g.block.fits(octets))
    }

    /// Takes whole entries; `ticket` comes back through [`Journal::poll_durable`]. Tickets of one `who` rise.
    ///
    /// # Errors
    /// Nothing was taken; see [`Refused`].
    pub fn append(&mut self, who: u16, ticket: u64, entries: &[u8], now: Instant) -> Result<(), Refused> {
        if let Some(reason) = &self.poisoned {
            return Err(Refused::Poisoned(reason.clone()));
        }
        if entries.len() > PAYLOAD_MAX {
            return Err(Refused::TooLong);
        }
        if !self.gathered.back().is_some_and(|g| g.block.fits(entries.len())) {
            if self.gathered.len() >= GATHERED_MAX {
                return Err(Refused::Full);
            }
            let block = self.free.pop().unwrap_or_default();
            self.gathered.push_back(Gathered { block, since: now, tickets: Vec::new() });
        }
        if let Some(open) = self.gathered.back_mut() {
            open.block.append(entries);
            note(&mut open.tickets, Durable { who, ticket });
        }
        Ok(())
    }

    /// What has been gathered is committed without waiting for the window.
    pub fn flush(&mut self) {
        self.flushing = !self.gathered.is_empty();
    }

    /// Flushes, and ends the epoch with an empty frame that attests to the last one, so that even damage to the very
    /// last outcome is told from a torn tail. Done when [`Journal::is_closed`].
    pub fn close(&mut self) {
        self.flush();
        self.closing = true;
    }

    /// Whether a closing journal has nothing left to write.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let idle = self.gathered.is_empty() && self.in_flight.is_empty();
        self.closing && idle && (self.closed || self.attested == self.durable_lsn || !self.has_room(PAGE as u64))
    }

    /// The next frame to write, if one is due. Frames may be written at the same time, in any order.
    pub fn poll_write(&mut self, now: Instant) -> Option<Write> {
        if self.poisoned.is_some() || self.in_flight.len() >= self.config.in_flight_max {
            return None;
        }
        let due = self.due()? <= now;
        if !due {
            return None;
        }
        let octets = self.gathered.front().map_or(PAGE, |g| frame_octets(&g.block)) as u64;
        let (segment, offset) = self.take_room(octets)?;
        let gathered = self.gathered.pop_front();
        self.flushing &= !self.gathered.is_empty();
        self.closed = gathered.is_none();
        let (mut block, tickets) = match gathered {
            Some(g) => (g.block, g.tickets),
            None => (self.free.pop().unwrap_or_default(), Vec::new()),
        };
        let lsn = self.next_lsn;
        self.next_lsn += 1;
        self.attested = self.durable_lsn;
        block.seal(Header {
            lsn,
            durable: self.durable_lsn,
            epoch_first: self.start.lsn,
            journal: self.start.journal,
            epoch: self.start.epoch,
            segment,
            ..Header::default()
        });
        self.in_flight.push_back(Flight { lsn, synced: false, tickets });
        Some(Write { lsn, segment, offset, block })
    }

    /// When [`Journal::poll_write`] has something to give; `None` when only another event can change that.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.poisoned.is_some() || self.in_flight.len() >= self.config.in_flight_max {
            return None;
        }
        let octets = self.gathered.front().map_or(PAGE, |g| frame_octets(&g.block)) as u64;
        if self.has_room(octets) || self.ready.is_some() { self.due() } else { None }
    }

    /// A frame is on stable storage; its memory comes back.
    pub fn handle_synced(&mut self, lsn: u64, mut block: Block) {
        block.clear();
        if self.free.len() < GATHERED_MAX {
            self.free.push(block);
        }
        if self.poisoned.is_some() {
            return;
        }
        if let Some(flight) = self.in_flight.iter_mut().find(|f| f.lsn == lsn) {
            flight.synced = true;
        }
        while self.in_flight.front().is_some_and(|f| f.synced) {
            if let Some(flight) = self.in_flight.pop_front() {
                self.durable_lsn = flight.lsn;
                flight.tickets.into_iter().for_each(|t| note_back(&mut self.durable, t));
            }
        }
    }

    /// A write failed. Nothing is acknowledged or written any more: what the disk holds now is known only after a replay.
    pub fn handle_failed(&mut self, reason: Arc<str>) {
        self.poisoned.get_or_insert(reason);
        self.durable.clear();
    }

    /// Why the journal has stopped, if it has.
    #[must_use]
    pub fn poisoned(&self) -> Option<&Arc<str>> {
        self.poisoned.as_ref()
    }

    /// What has become durable since the last call.
    pub fn poll_durable(&mut self) -> Option<Durable> {
        self.durable.pop_front()
    }

    /// A segment that is to be made ahead of its need.
    pub fn poll_prepare(&mut self, now: Instant) -> Option<Prepare> {
        let ahead = self.place.as_ref().is_none_or(|p| p.used >= p.octets / 4);
        let wanted = if self.closing { self.is_starved() } else { ahead };
        let busy = self.asked.is_some() || self.ready.is_some() || self.poisoned.is_some();
        if !wanted || busy || now < self.retry_at {
            return None;
        }
        self.asked = Some(self.next_segment);
        self.asked
    }

    /// The segment asked for is there.
    pub fn handle_prepared(&mut self) {
        if let Some(made) = self.asked.take() {
            self.ready = Some(made);
            let octets = made.octets.saturating_mul(4).min(self.config.segment_octets);
            self.next_segment = Prepare { segment: made.segment + 1, octets };
        }
    }

    /// The segment asked for could not be made. That loses nothing: what room there is goes on being used, and the
    /// segment is asked for again at `retry_at`.
    pub fn handle_not_prepared(&mut self, retry_at: Instant) {
        self.asked = None;
        self.retry_at = retry_at;
    }

    /// Whether a frame is due that has no room until a segment is made.
    #[must_use]
    pub fn is_starved(&self) -> bool {
        let Some(front) = self.gathered.front() else { return false };
        self.ready.is_none() && !self.has_room(frame_octets(&front.block) as u64)
    }

    /// The number of the last frame that is on stable storage, and everything before it.
    #[must_use]
    pub fn durable_lsn(&self) -> u64 {
        self.durable_lsn
    }

    /// The segment that is being written.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.place.as_ref().map_or(self.start.segment, |p| p.segment)
    }

    /// How far it has come: what outlives it outside of its segments.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let Start { journal, epoch, .. } = self.start;
        let octets = self.place.as_ref().map_or(0, |p| p.octets);
        Mark { journal, epoch, lsn: self.durable_lsn, segment: self.segment(), octets }
    }

    /// A segment that was made, or asked for, and is not used yet.
    #[must_use]
    pub fn spare_segment(&self) -> Option<u32> {
        self.ready.or(self.asked).map(|r| r.segment)
    }

    fn due(&self) -> Option<Instant> {
        let Some(front) = self.gathered.front() else {
            let attest = self.closing && !self.closed && self.attested < self.durable_lsn && self.has_room(PAGE as u64);
            return (attest && self.in_flight.is_empty()).then_some(Instant(0));
        };
        let full = self.gathered.len() > 1 || front.block.payload() >= self.config.commit_octets;
        Some(if full || self.flushing || self.closing { Instant(0) } else { front.since.after(self.config.window) })
    }

    fn has_room(&self, octets: u64) -> bool {
        self.place.as_ref().is_some_and(|p| p.octets - p.used >= octets)
    }

    fn take_room(&mut self, octets: u64) -> Option<(u32, u64)> {
        if !self.has_room(octets) {
            let Prepare { segment, octets } = self.ready.take()?;
            self.place = Some(Place { segment, octets, used: 0 });
        }
        let place = self.place.as_mut()?;
        let offset = place.used;
        place.used += octets;
        Some((place.segment, offset))
    }
}

fn frame_octets(block: &Block) -> usize {
    Header { length: block.payload() as u32, ..Header::default() }.octets()
}

fn note(tickets: &mut Vec<Durable>, new: Durable) {
    match tickets.iter_mut().find(|t| t.who == new.who) {
        Some(known) => known.ticket = new.ticket,
        None => tickets.push(new),
    }
}

fn note_back(tickets: &mut VecDeque<Durable>, new: Durable) {
    match tickets.iter_mut().find(|t| t.who == new.who) {
        Some(known) => known.ticket = new.ticket,
        None => tickets.push_back(new),
    }
}

#[cfg(test)]
mod tests;
