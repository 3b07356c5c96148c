//! Puts frames in order and tells what is missing from what was never promised.
//!
//! Every frame waits until something attests to it: a later frame whose durable LSN passes it, a later epoch that began
//! beyond it, the journal's mark, or the end of the journal with nothing missing before it.

use super::{Behind, DAMAGES_MAX, Damage, End, Lost, PENDING_MAX, Range, Replayed, Told, Torn, What};
use crate::journal::frame::{Header, PAGE};
use crate::journal::mark::Mark;
use crate::journal::record::{Entry, Kind, Record, entries};
use std::collections::VecDeque;

/// The first epoch that can accept damage, or settle who is held: each is an epoch of its own behind one that sent.
pub const FIRST_TO_NAME: u32 = 2;

/// A place where something other than the expected frame was seen.
#[derive(Clone, Copy)]
struct Suspect {
    segment: u32,
    offset: u64,
    what: What,
}

impl Suspect {
    /// Whether no crash leaves this behind.
    fn is_odd(&self) -> bool {
        matches!(self.what, What::Unreadable | What::Foreign)
    }
}

struct Pending {
    lsn: u64,
    payload: Vec<u8>,
    /// What was seen between the frame before and this one; the place of this one when nothing was.
    before: Suspect,
}

/// Whether a frame is of an epoch that sent: accepting damage, and settling who is held, writes other entries.
fn tells_of_sending(payload: &[u8]) -> bool {
    const SETTLING: [Kind; 3] = [Kind::UncertainRetry, Kind::UncertainHeld, Kind::Cancelled];
    match entries(payload).next() {
        Some(Ok(Entry::Record(Record { kind, .. }))) => !SETTLING.contains(&kind),
        Some(Ok(Entry::Define(_) | Entry::Hold(_))) => true,
        Some(Ok(Entry::Accepted(_)) | Err(_)) | None => false,
    }
}

pub(super) struct Sequence<'a> {
    on: &'a mut dyn FnMut(Told<'_>),
    pub(super) found: Replayed,
    range: Range,
    /// The next frame to hand out.
    expected: u64,
    /// The present epoch is known to have sent.
    has_sent: bool,
    /// Frames of the present epoch that wait, in rising order.
    pending: VecDeque<Pending>,
    spare: Vec<Vec<u8>>,
    suspect: Option<Suspect>,
    /// The first octets since the last frame that are neither a frame nor zeros.
    scrap: Option<Suspect>,
    /// The first place behind the last frame where something lies that no crash leaves behind…
    odd: Option<Suspect>,
    /// …how many commits may have been there, and the last page of them.
    odd_frames: u64,
    odd_page: (u32, u64),
    /// The end of a file that was cut.
    cut: Option<Suspect>,
    /// The segment of the last frame, and where that ends in it.
    last_frame: (u32, u64),
}

impl<'a> Sequence<'a> {
    pub(super) fn new(range: Range, on: &'a mut dyn FnMut(Told<'_>)) -> Self {
        let (last_lsn, journal) = (range.after, range.journal);
        let last_segment = range.from_segment.saturating_sub(1);
        let epoch = range.epoch;
        let found = Replayed { last_lsn, durable: last_lsn, journal, last_segment, epoch, ..Replayed::default() };
        let expected = range.after + 1;
        let (pending, spare) = (VecDeque::new(), Vec::new());
        Self {
            on,
            found,
            range,
            expected,
            has_sent: false,
            pending,
            spare,
            suspect: None,
            scrap: None,
            odd: None,
            odd_frames: 0,
            odd_page: (0, 0),
            cut: None,
            last_frame: (0, 0),
        }
    }

    /// So many octets of something other than a frame of ours. The first such thing since the last frame says most.
    pub(super) fn suspect(&mut self, segment: u32, offset: u64, octets: usize, what: What) {
        let new = Suspect { segment, offset, what };
        if new.is_odd() {
            self.odd.get_or_insert(new);
            // The page that a frame's payload cannot be read from is met again behind the payload's end.
            let page = (segment, offset / PAGE as u64);
            self.odd_frames += u64::from(what != What::Unreadable || page != self.odd_page);
            self.odd_page = (segment, (offset + octets.max(1) as u64 - 1) / PAGE as u64);
        }
        if matches!(what, What::BadHeader | What::BadPayload) {
            self.scrap.get_or_insert(new);
        }
        let known = self.suspect.get_or_insert(new);
        // Zeros behind the last frame of a segment are its unused end; anything else tells more.
        if known.what == What::Zeroed && known.segment != segment || new.is_odd() && !known.is_odd() {
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
        self.last_frame = (header.segment, offset + header.unpadded() as u64);
        self.scrap = None;
        if header.lsn <= self.range.after || header.lsn > self.range.until {
            (self.suspect, self.odd, self.odd_frames) = (None, None, 0);
            return;
        }
        let newest = self.pending.back().map_or(self.expected - 1, |p| p.lsn);
        if header.lsn <= newest {
            return self.suspect(header.segment, offset, header.unpadded(), What::Foreign);
        }
        let here = Suspect { segment: header.segment, offset, what: What::Missing };
        let before = self.suspect.take().unwrap_or(here);
        (self.odd, self.odd_frames) = (None, 0);
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

    /// The file of the segment that the mark speaks of, and that is the last one with frames, may be longer than it was then,
    /// but not shorter. A segment that was packed has frames behind it.
    pub(super) fn compare_length(&mut self, mark: &Mark, octets: Option<u64>) {
        let is_last = self.last_frame.0 <= mark.segment;
        if is_last && octets.unwrap_or(0) < mark.octets {
            let what = if octets.is_some() { What::Cut } else { What::MissingSegment };
            self.cut = Some(Suspect { segment: mark.segment, offset: octets.unwrap_or(0), what });
        }
    }

    pub(super) fn finish(mut self) -> Replayed {
        let epoch = self.found.epoch;
        self.end_journal();
        // A mark that says nothing of the file's length was made at the end of its epoch, or before its first frame.
        let in_order = |mark: Mark| (mark.octets, mark.epoch, mark.lsn) == (0, epoch, self.found.last_lsn);
        if matches!(self.range.end, End::Behind(mark) if in_order(mark)) {
            self.found.behind = self.scrap.map(|Suspect { segment, offset, .. }| Behind { segment, offset });
        } else if let Some(s) = self.suspect.filter(|s| !matches!(s.what, What::Zeroed | What::MissingSegment)) {
            self.torn(s, 0);
        }
        self.found
    }

    /// What the mark, and what no crash leaves behind, say of the end.
    fn end_journal(&mut self) {
        let mut newest = self.found.epoch;
        if let End::Behind(mark) = self.range.end {
            self.attest(mark.lsn.min(self.range.until));
            newest = newest.max(mark.epoch);
            self.found.last_segment = self.found.last_segment.max(mark.segment);
        }
        self.emit_ready();
        while let Some(next) = self.pending.front().filter(|p| p.before.is_odd()).map(|p| p.lsn) {
            // Nobody can tell what was in the hole before it.
            self.attest(next);
            self.emit_ready();
        }
        self.end_epoch();
        let (mut next, mut place) = (self.expected, self.suspect);
        if let End::Behind(mark) = self.range.end
            && self.expected <= mark.lsn.min(self.range.until)
        {
            next = mark.lsn.min(self.range.until) + 1;
            // Zeros behind the last frame of an earlier segment are its unused end.
            let (segment, end) = self.last_frame;
            let offset = if segment == mark.segment { end } else { 0 };
            let here = Suspect { segment: mark.segment, offset, what: What::Missing };
            place = place.filter(|p| p.what != What::Zeroed || p.segment == mark.segment).or(Some(here));
        }
        if self.odd_frames > 0 {
            next = next.max(self.expected.saturating_add(self.odd_frames));
            place = self.odd;
        }
        let lost = Suspect { segment: self.found.last_segment, offset: 0, what: What::MarkLost };
        let lost = (self.range.end == End::MarkLost).then_some(lost);
        if let Some(end) = self.cut.or(lost) {
            next = next.max(self.expected.saturating_add(1));
            place = if self.odd_frames > 0 { place } else { Some(end) };
        }
        if let Some(place) = place.filter(|_| next > self.expected) {
            // As it is seen from the epoch that comes next.
            let may_have_named = self.may_have_named_before(newest.saturating_add(1));
            self.missing(next, place, may_have_named);
            (self.suspect, self.scrap) = (None, None);
        }
        self.found.epoch = newest;
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
        let may_have_named = self.may_have_named_before(header.epoch);
        (self.found.epoch, self.has_sent) = (header.epoch, false);
        if self.expected < first {
            let place = self.suspect.unwrap_or(Suspect { segment: header.segment, offset: 0, what: What::Missing });
            self.missing(first, place, may_have_named);
        } else {
            // The opener could not read what can be read now; what it wrote in its place counts as well.
            self.expected = first.max(self.range.after + 1);
        }
    }

    /// Whether frames that are lost between the present epoch and that one may be of one that only named people.
    fn may_have_named_before(&self, epoch: u32) -> bool {
        // The first epoch of a journal has nothing to accept.
        epoch > FIRST_TO_NAME && !(self.has_sent && epoch == self.found.epoch.saturating_add(1))
    }

    /// Whether frames that are lost before the first one that waits may be of an epoch that only named people.
    fn may_have_named(&self) -> bool {
        let next_has_sent = || self.pending.front().is_some_and(|next| tells_of_sending(&next.payload));
        self.found.epoch >= FIRST_TO_NAME && !self.has_sent && !next_has_sent()
    }

    /// No more frames: those that follow each other are whole; behind a hole nothing was promised.
    fn end_epoch(&mut self) {
        self.emit_ready();
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
                let may_have_named = self.may_have_named();
                self.missing(next.min(lsn + 1), before, may_have_named);
            } else {
                self.emit();
            }
        }
    }

    fn emit_ready(&mut self) {
        while self.pending.front().is_some_and(|p| p.lsn == self.expected) {
            self.emit();
        }
    }

    fn emit(&mut self) {
        let Some(mut next) = self.pending.pop_front() else { return };
        if !next.payload.is_empty() {
            self.has_sent |= !self.has_sent && tells_of_sending(&next.payload);
            (self.on)(Told::Entries(next.lsn, &next.payload));
        }
        self.found.frames += 1;
        self.found.octets += next.payload.len() as u64;
        self.found.last_lsn = next.lsn;
        self.expected = next.lsn + 1;
        next.payload.clear();
        self.spare.push(next.payload);
    }

    /// Frames from the expected one up to, not including, `next` were promised and are not there.
    fn missing(&mut self, next: u64, place: Suspect, may_have_named: bool) {
        let Suspect { segment, offset, what } = place;
        let damage = Damage { segment, offset, first_lsn: self.expected, last_lsn: next - 1, what };
        match self.found.damage.get_mut(DAMAGES_MAX - 1) {
            None => self.found.damage.push(damage),
            Some(last) => last.last_lsn = damage.last_lsn,
        }
        (self.on)(Told::Lost(Lost { last_lsn: next - 1, may_have_named }));
        self.found.last_lsn = next - 1;
        self.expected = next;
    }

    fn torn(&mut self, place: Suspect, frames: u64) {
        let before = self.found.torn.map_or(0, |t| t.frames);
        self.found.torn = Some(Torn { segment: place.segment, offset: place.offset, frames: before + frames });
    }
}
