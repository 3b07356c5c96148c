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
use super::frame::{FRAME_OCTETS_MAX, PAGE};
use super::record::RECORD_OCTETS;
use super::snapshot::Mark;
use super::writer::{IN_FLIGHT_MAX, Start};
use std::fmt;

mod pack;
mod sequence;
mod window;

pub use pack::pack;
use sequence::Sequence;
use window::{Look, Window};

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
/// only haste, a second one reads up to what was durable before it began: holes in that are real. When they are all of them, what
/// the first pass read counts, because it saw further.
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
    let again = pass(Range { until: found.durable.min(range.until), ..range })?;
    if again.1.damage == found.damage {
        return Ok((into, found));
    }
    Ok(again)
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
        let look = window.look(source, offset);
        all_blank &= matches!(look, Look::Blank(_) | Look::End);
        let step = match look {
            Look::End => break,
            Look::Blank(step) => {
                // Zeros up to the page's end are the padding of the frame before.
                let page = offset.next_multiple_of(PAGE as u64);
                if page < offset + step as u64 {
                    sequence.suspect(segment, page, What::Zeroed);
                }
                step
            }
            Look::Bad(what, step) => {
                sequence.suspect(segment, offset, what);
                step
            }
            Look::BadPayload(header) | Look::Frame(header, _) if !sequence.belongs(&header, segment) => {
                sequence.suspect(segment, offset, What::Foreign);
                RECORD_OCTETS
            }
            Look::BadPayload(header) => {
                sequence.suspect(segment, offset, What::BadPayload);
                header.unpadded().next_multiple_of(RECORD_OCTETS)
            }
            Look::Frame(header, payload) => {
                sequence.frame(header, payload, offset);
                header.unpadded().next_multiple_of(RECORD_OCTETS)
            }
        };
        offset += step as u64;
    }
    all_blank
}

#[cfg(test)]
mod tests;
