//! Puts frames in order and tells what is missing from what was never promised.
//!
//! Every frame waits until something attests to it: a later frame whose durable LSN passes it, a later epoch that began
//! beyond it, or the end of the journal with nothing missing before it.

use super::{DAMAGES_MAX, Damage, PENDING_MAX, Range, Replayed, Torn, What};
use crate::journal::frame::Header;
use std::collections::VecDeque;

/// A place where something other than the expected frame was seen.
#[derive(Clone, Copy)]
struct Suspect {
    segment: u32,
    offset: u64,
    what: What,
}

struct Pending {
    lsn: u64,
    payload: Vec<u8>,
    /// What was seen between the frame before and this one; the place of this one when nothing was.
    before: Suspect,
}

pub(super) struct Sequence<'a> {
    on: &'a mut dyn FnMut(u64, &[u8]),
    pub(super) found: Replayed,
    range: Range,
    /// The next frame to hand out.
    expected: u64,
    /// Frames of the present epoch that wait, in rising order.
    pending: VecDeque<Pending>,
    spare: Vec<Vec<u8>>,
    suspect: Option<Suspect>,
}

impl<'a> Sequence<'a> {
    pub(super) fn new(range: Range, on: &'a mut dyn FnMut(u64, &[u8])) -> Self {
        let (last_lsn, journal) = (range.after, range.journal);
        let found = Replayed { last_lsn, durable: last_lsn, journal, ..Replayed::default() };
        let expected = range.after + 1;
        Self { on, found, range, expected, pending: VecDeque::new(), spare: Vec::new(), suspect: None }
    }

    /// Something other than a frame of ours. The first such thing since the last frame says most.
    pub(super) fn suspect(&mut self, segment: u32, offset: u64, what: What) {
        let new = Suspect { segment, offset, what };
        let known = self.suspect.get_or_insert(new);
        // Zeros behind the last frame of a segment are its unused end; anything else tells more.
        if known.what == What::Zeroed && known.segment != segment {
            *known = new;
        }
    }

    /// Whether a whole header is of this journal and this segment.
    pub(super) fn belongs(&mut self, header: &Header, segment: u32) -> bool {
        let ours = *self.found.journal.get_or_insert(header.journal) == header.journal && header.segment == segment;
        if ours && header.lsn <= self.range.until && header.epoch > self.found.epoch {
            self.begin_epoch(header);
        }
        ours && (header.epoch == self.found.epoch || header.lsn > self.range.until)
    }

    /// A whole frame that belongs here.
    pub(super) fn frame(&mut self, header: Header, payload: &[u8], offset: u64) {
        if header.lsn <= self.range.after || header.lsn > self.range.until {
            self.suspect = None;
            return;
        }
        let newest = self.pending.back().map_or(self.expected - 1, |p| p.lsn);
        if header.lsn <= newest {
            return self.suspect(header.segment, offset, What::Foreign);
        }
        let here = Suspect { segment: header.segment, offset, what: What::Missing };
        let before = self.suspect.take().unwrap_or(here);
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.extend_from_slice(payload);
        self.pending.push_back(Pending { lsn: header.lsn, payload: copy, before });
        self.attest(header.durable);
        if self.pending.len() > PENDING_MAX {
            // So many cannot have been under way: whatever should attest to the oldest is itself damaged.
            let oldest = self.pending.front().map_or(0, |p| p.lsn);
            self.attest(oldest);
        }
    }

    pub(super) fn finish(mut self) -> Replayed {
        self.end_epoch();
        if let Some(s) = self.suspect.filter(|s| !matches!(s.what, What::Zeroed | What::MissingSegment)) {
            self.torn(s, 0);
        }
        self.found
    }

    /// A later epoch: whoever opened the journal then had read up to `epoch_first`, and gave up the rest.
    fn begin_epoch(&mut self, header: &Header) {
        let first = header.epoch_first;
        let kept = self.pending.iter().take_while(|p| p.lsn < first).count();
        if let Some(s) = self.pending.get(kept).map(|p| p.before) {
            self.torn(s, (self.pending.len() - kept) as u64);
        }
        self.pending.truncate(kept);
        if first > 1 {
            self.attest(first - 1);
        }
        self.found.epoch = header.epoch;
        if self.expected < first {
            let place = self.suspect.unwrap_or(Suspect { segment: header.segment, offset: 0, what: What::Missing });
            self.missing(first, place);
        } else {
            // The opener could not read what can be read now; what it wrote in its place counts as well.
            self.expected = first.max(self.range.after + 1);
        }
    }

    /// No more frames: those that follow each other are whole; behind a hole nothing was promised.
    fn end_epoch(&mut self) {
        while self.pending.front().is_some_and(|p| p.lsn == self.expected) {
            self.emit();
        }
        if let Some(s) = self.pending.front().map(|p| p.before) {
            self.torn(s, self.pending.len() as u64);
        }
        self.pending.clear();
    }

    /// All frames up to `lsn` were on stable storage.
    fn attest(&mut self, lsn: u64) {
        self.found.durable = self.found.durable.max(lsn);
        while let Some((next, before)) = self.pending.front().map(|p| (p.lsn, p.before)) {
            if self.expected > lsn {
                return;
            }
            if next > self.expected {
                // The hole reaches up to the next frame, but only what was attested to is a loss for sure.
                self.missing(next.min(lsn + 1), before);
            } else {
                self.emit();
            }
        }
    }

    fn emit(&mut self) {
        let Some(mut next) = self.pending.pop_front() else { return };
        if !next.payload.is_empty() {
            (self.on)(next.lsn, &next.payload);
        }
        self.found.frames += 1;
        self.found.octets += next.payload.len() as u64;
        self.found.last_lsn = next.lsn;
        self.expected = next.lsn + 1;
        next.payload.clear();
        self.spare.push(next.payload);
    }

    /// Frames from the expected one up to, not including, `next` were promised and are not there.
    fn missing(&mut self, next: u64, place: Suspect) {
        let Suspect { segment, offset, what } = place;
        let damage = Damage { segment, offset, first_lsn: self.expected, last_lsn: next - 1, what };
        if self.found.damage.len() < DAMAGES_MAX {
            self.found.damage.push(damage);
        } else {
            self.found.damage_more += 1;
        }
        self.found.last_lsn = next - 1;
        self.expected = next;
    }

    fn torn(&mut self, place: Suspect, frames: u64) {
        let before = self.found.torn.map_or(0, |t| t.frames);
        self.found.torn = Some(Torn { segment: place.segment, offset: place.offset, frames: before + frames });
    }
}
