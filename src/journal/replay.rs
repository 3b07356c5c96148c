//! The journal's reading side: frames in order, and an honest account of what is missing.
//!
//! Guarantees: entries come in the order in which they were appended, each at most once, and none is made up. A frame
//! that had been acknowledged (a later frame, or a later epoch, attests to it) and is not there is [`Damage`]; what
//! follows it is still read. A frame that nothing attests to and that is incomplete is a torn tail: it and what follows
//! it in its epoch had been promised to nobody, and are given up, always in the same way. Nothing is written or cut.
//!
//! Memory: one window over the segment, and the frames not yet attested to (a few).
//!
//! While another process writes, reading runs behind the writing: a page may be read before it is written and a later
//! one after, which looks like damage. [`replay_live`] tells the two apart.

use super::disk::{Disk, Fault, Segments};
use super::frame::{FRAME_OCTETS_MAX, HEADER_OCTETS, Header, PAGE};
use super::snapshot::Mark;
use super::writer::{IN_FLIGHT_MAX, Start};
use std::fmt;

mod sequence;
use sequence::Sequence;

/// Damages that are described; more are counted.
pub const DAMAGES_MAX: usize = 1000;
/// How much of a segment is read at once.
const WINDOW_OCTETS: usize = 4 * FRAME_OCTETS_MAX;
/// Unattested frames kept; more than can be under way means that the attestation itself is damaged.
const PENDING_MAX: usize = 2 * IN_FLIGHT_MAX;

/// What to replay.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// Frames up to this one are covered by a snapshot; 0 for none.
    pub after: u64,
    /// Segments below this one need not be read.
    pub from_segment: u32,
    /// Frames beyond this one are not looked at.
    pub until: u64,
    /// The journal's identity, when it is known; else that of the first whole header counts.
    pub journal: Option<u64>,
}

impl Range {
    /// The whole journal.
    pub const ALL: Self = Self { after: 0, from_segment: 0, until: u64::MAX, journal: None };

    /// What a snapshot does not cover.
    #[must_use]
    pub fn beyond(mark: &Mark) -> Self {
        Self { after: mark.lsn, from_segment: mark.segment, until: u64::MAX, journal: Some(mark.journal) }
    }
}

/// How something acknowledged came to be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Zeros where the frame should be.
    Zeroed,
    /// Octets that are no frame.
    BadHeader,
    /// The header is whole, the entries are not.
    BadPayload,
    /// A frame of another journal, another segment or an earlier time.
    Foreign,
    /// The whole segment file is gone.
    MissingSegment,
    /// The device cannot read it.
    Unreadable,
    /// Nothing is there, and no trace of why.
    Missing,
}

impl What {
    /// The words for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Zeroed => "zeros instead of a frame",
            Self::BadHeader => "octets that are no frame",
            Self::BadPayload => "a frame whose entries are damaged",
            Self::Foreign => "a frame that does not belong here",
            Self::MissingSegment => "the segment file is missing",
            Self::Unreadable => "the device cannot read it",
            Self::Missing => "a frame is missing",
        }
    }
}

/// Acknowledged frames that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment where the first of them should be…
    pub segment: u32,
    /// …and where in it.
    pub offset: u64,
    /// The first frame that is missing…
    pub first_lsn: u64,
    /// …and the last.
    pub last_lsn: u64,
    /// What is there instead.
    pub what: What,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, first_lsn, last_lsn, what } = self;
        write!(
            f,
            "segment {segment:04} offset {offset}: {}; acknowledged commits {first_lsn} to {last_lsn} are lost",
            what.words()
        )
    }
}

/// An unfinished end: writes that were under way when the process or the power went. No damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The last such place: its segment…
    pub segment: u32,
    /// …and offset.
    pub offset: u64,
    /// Whole frames that were given up behind unfinished ones, in all epochs.
    pub frames: u64,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Frames whose entries were handed out.
    pub frames: u64,
    /// Octets of entries handed out.
    pub octets: u64,
    /// The number of the last frame handed out, or [`Range::after`].
    pub last_lsn: u64,
    /// The highest frame that another attests to.
    pub durable: u64,
    /// What is damaged, in order.
    pub damage: Vec<Damage>,
    /// Damages beyond [`DAMAGES_MAX`].
    pub damage_more: u64,
    /// The unfinished end, if there is one.
    pub torn: Option<Torn>,
    /// Segments at the end that hold nothing but zeros: made ahead, and never written to.
    pub unused: Vec<u32>,
    journal: Option<u64>,
    epoch: u32,
    last_segment: u32,
}

impl Replayed {
    /// Where the next epoch begins; `fresh` is the identity for a journal that has none yet.
    #[must_use]
    pub fn next(&self, fresh: u64) -> Start {
        Start {
            journal: self.journal.unwrap_or(fresh),
            epoch: self.epoch.saturating_add(1),
            segment: self.last_segment.saturating_add(1),
            lsn: self.last_lsn + 1,
        }
    }
}

/// Reads the segments in order and hands out the entries of each whole frame, with the frame's number.
///
/// # Errors
/// The segments cannot be listed. Everything else that is wrong is told in [`Replayed`].
pub fn replay(source: &mut dyn Segments, range: Range, on: &mut dyn FnMut(u64, &[u8])) -> Result<Replayed, Fault> {
    let mut sequence = Sequence::new(range, on);
    let mut window = Window::new();
    let mut blank = Vec::new();
    let mut previous = None;
    for (segment, octets) in source.segments()? {
        let found = &mut sequence.found;
        found.last_segment = found.last_segment.max(segment);
        if segment < range.from_segment {
            continue;
        }
        if previous.is_some_and(|p: u32| p + 1 < segment) {
            sequence.suspect(segment - 1, 0, What::MissingSegment);
        }
        previous = Some(segment);
        if scan(source, segment, octets, &mut window, &mut sequence) {
            blank.push(segment);
        } else {
            blank.clear();
        }
    }
    let mut found = sequence.finish();
    found.unused = blank;
    Ok(found)
}

/// Replays, and removes the segments at the end that were made ahead and never written to (a process that was killed leaves
/// them). With what it returns [`Replayed::next`] says where a new epoch begins.
///
/// # Errors
/// Those of [`replay`], and of the removal.
pub fn open(disk: &mut dyn Disk, range: Range, on: &mut dyn FnMut(u64, &[u8])) -> Result<Replayed, Fault> {
    let found = replay(disk, range, on)?;
    for segment in &found.unused {
        disk.remove(*segment)?;
    }
    Ok(found)
}

/// Replays a journal that another process may be writing, into what `fresh` makes. When the first pass meets holes, which may be
/// only haste, a second one reads up to what was durable before it began: holes in that are real.
///
/// # Errors
/// Those of [`replay`].
pub fn replay_live<T>(
    source: &mut dyn Segments,
    range: Range,
    fresh: impl Fn() -> T,
    on: impl Fn(&mut T, u64, &[u8]),
) -> Result<(T, Replayed), Fault> {
    let mut pass = |range| {
        let mut into = fresh();
        let found = replay(source, range, &mut |lsn, entries| on(&mut into, lsn, entries))?;
        Ok((into, found))
    };
    let (into, found) = pass(range)?;
    if found.damage.is_empty() {
        return Ok((into, found));
    }
    pass(Range { until: found.durable.min(range.until), ..range })
}

/// Reads one segment; true if it holds nothing but zeros.
fn scan(
    source: &mut dyn Segments,
    segment: u32,
    octets: u64,
    window: &mut Window,
    sequence: &mut Sequence<'_>,
) -> bool {
    window.open(segment);
    let mut all_blank = true;
    let mut offset = 0;
    while offset < octets {
        let step = match window.look(source, offset) {
            Look::Blank(step) => {
                sequence.suspect(segment, offset, What::Zeroed);
                offset += step as u64;
                continue;
            }
            Look::Bad(what) => {
                sequence.suspect(segment, offset, what);
                PAGE
            }
            Look::BadPayload(header) if !sequence.belongs(&header, segment) => {
                sequence.suspect(segment, offset, What::Foreign);
                PAGE
            }
            Look::BadPayload(header) => {
                sequence.suspect(segment, offset, What::BadPayload);
                header.octets()
            }
            Look::Frame(header, payload) if sequence.belongs(&header, segment) => {
                sequence.frame(header, payload, offset);
                header.octets()
            }
            Look::Frame(..) => {
                sequence.suspect(segment, offset, What::Foreign);
                PAGE
            }
        };
        all_blank = false;
        offset += step as u64;
    }
    all_blank
}

/// What lies at an offset.
enum Look<'a> {
    /// So many octets of zeros, whole pages.
    Blank(usize),
    /// No frame.
    Bad(What),
    /// A frame whose payload is damaged.
    BadPayload(Header),
    /// A whole frame.
    Frame(Header, &'a [u8]),
}

/// A window that slides over a segment.
struct Window {
    buffer: Vec<u8>,
    segment: u32,
    from: u64,
    len: usize,
    unreadable: bool,
}

impl Window {
    fn new() -> Self {
        Self { buffer: vec![0; WINDOW_OCTETS], segment: 0, from: 0, len: 0, unreadable: false }
    }

    fn open(&mut self, segment: u32) {
        (self.segment, self.from, self.len) = (segment, 0, 0);
    }

    fn look(&mut self, source: &mut dyn Segments, offset: u64) -> Look<'_> {
        self.load(source, offset, PAGE);
        if self.unreadable {
            return Look::Bad(What::Unreadable);
        }
        if let Some(header) = Header::decode(self.octets(offset)) {
            let whole = HEADER_OCTETS + header.length as usize;
            self.load(source, offset, whole);
            return match self.octets(offset).get(HEADER_OCTETS..whole) {
                Some(payload) if crc32fast::hash(payload) == header.payload_crc => Look::Frame(header, payload),
                _ => Look::BadPayload(header),
            };
        }
        let zeros = self.octets(offset).chunks(PAGE).take_while(|page| is_zero(page)).count() * PAGE;
        if zeros > 0 { Look::Blank(zeros) } else { Look::Bad(What::BadHeader) }
    }

    fn octets(&self, offset: u64) -> &[u8] {
        let at = usize::try_from(offset - self.from).unwrap_or(usize::MAX);
        self.buffer.get(at..self.len).unwrap_or_default()
    }

    /// Sees to it that `need` octets from `offset` on are in the window, as far as the segment has them.
    fn load(&mut self, source: &mut dyn Segments, offset: u64, need: usize) {
        if offset >= self.from && offset + need as u64 <= self.from + self.len as u64 && !self.unreadable {
            return;
        }
        (self.from, self.len, self.unreadable) = (offset, 0, false);
        while self.len < self.buffer.len() {
            let at = offset + self.len as u64;
            let Some(rest) = self.buffer.get_mut(self.len..) else { break };
            match source.read(self.segment, at, rest) {
                Ok(0) => break,
                Ok(n) => self.len += n,
                Err(_) => return self.load_page(source, offset),
            }
        }
    }

    /// A long read failed: take this one page, or nothing, so that only pages that cannot be read are lost.
    fn load_page(&mut self, source: &mut dyn Segments, offset: u64) {
        self.len = 0;
        while self.len < PAGE {
            let at = offset + self.len as u64;
            let Some(rest) = self.buffer.get_mut(self.len..PAGE) else { return };
            match source.read(self.segment, at, rest) {
                Ok(0) => return,
                Ok(n) => self.len += n,
                Err(_) => {
                    self.unreadable = true;
                    return;
                }
            }
        }
    }
}

fn is_zero(octets: &[u8]) -> bool {
    octets.chunks(64).all(|c| c.iter().fold(0, |a, b| a | b) == 0)
}

#[cfg(test)]
mod tests;
