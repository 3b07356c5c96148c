//! The journal's reading side: frames in order, and an honest account of what is missing.
//!
//! Guarantees: entries come in the order in which they were appended, each at most once, and none is made up. A frame
//! that had been acknowledged (a later frame, a later epoch or the journal's mark attests to it) and is not there is
//! [`Damage`]; what follows it is still read. A frame that nothing attests to and that is incomplete is a torn tail: it and
//! what follows it in its epoch had been promised to nobody, and are given up, always in the same way. What no crash
//! leaves behind (pages that cannot be read, frames of another journal, a file that was cut, a mark that is gone) is
//! damage at the tail as well: at least one commit is taken for lost there. Nothing is written or cut.
//!
//! Memory: one window over the segment, the frames not yet attested to (a few), and what is damaged (40 octets a place).
//!
//! While another process writes, reading runs behind the writing: a page may be read before it is written and a later
//! one after, which looks like damage. [`replay_live`] tells the two apart.

use super::disk::{Disk, Fault, FaultKind, Segments};
use super::frame::{FRAME_OCTETS_MAX, PAGE};
use super::mark::Mark;
use super::record::RECORD_OCTETS;
use super::snapshot::Covered;
use super::writer::{IN_FLIGHT_MAX, Start};
use std::fmt;

mod pack;
mod sequence;
mod window;

pub use pack::pack;
pub use sequence::FIRST_TO_NAME;
use sequence::Sequence;
use window::{Look, Window};

/// Damages that are told apart; the last one of so many takes in whatever follows it.
pub const DAMAGES_MAX: usize = 1 << 20;
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
    /// Frames of epochs before this one are not looked for.
    pub epoch: u32,
    /// What else is known of the journal's end.
    pub end: End,
}

/// What is known of a journal's end, besides what its segments say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing.
    Unknown,
    /// It lies behind this mark, which was made before the segments are read.
    Behind(Mark),
    /// There ought to be a mark, and there is none.
    MarkLost,
}

impl Range {
    /// The whole journal.
    pub const ALL: Self =
        Self { after: 0, from_segment: 0, until: u64::MAX, journal: None, epoch: 0, end: End::Unknown };

    /// What a snapshot does not cover.
    #[must_use]
    pub fn beyond(covered: &Covered) -> Self {
        let Covered { lsn, segment, epoch, journal } = *covered;
        Self { after: lsn, from_segment: segment, journal: Some(journal), epoch, ..Self::ALL }
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
    /// It cannot be read.
    Unreadable,
    /// The segment file is shorter than it was.
    Cut,
    /// The mark is gone, and with it the knowledge of where the journal ended.
    MarkLost,
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
            Self::Unreadable => "it cannot be read",
            Self::Cut => "the segment file ends too early",
            Self::MarkLost => "the mark is missing or damaged, so the journal's end is not known",
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
        write!(f, "segment {segment:04} offset {offset}: {}; ", what.words())?;
        if matches!(what, What::MarkLost | What::Cut) {
            return write!(f, "commits from {first_lsn} on may be lost");
        }
        write!(f, "acknowledged commits {first_lsn} to {last_lsn} are lost")
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

/// Octets behind the end of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The segment…
    pub segment: u32,
    /// …and where in it they begin.
    pub offset: u64,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset } = self;
        write!(
            f,
            "segment {segment:04} offset {offset}: octets behind the journal's end, which are no part of it; nothing is lost"
        )
    }
}

/// What a replay hands out, in the order of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// The entries of a whole frame, with its number.
    Entries(u64, &'a [u8]),
    /// Here frames are lost.
    Lost(Lost),
}

/// Frames that are lost, where they were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The last of them.
    pub last_lsn: u64,
    /// Whether they may be those of an epoch that accepted earlier damage, and named whoever that concerned: of the epochs
    /// that they may be of, one is not known to have sent.
    pub may_have_named: bool,
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
    /// The unfinished end, if there is one.
    pub torn: Option<Torn>,
    /// What lies behind an end that was reached in order: it was never written there, and nothing is lost by it.
    pub behind: Option<Behind>,
    /// Segments at the end that hold nothing but zeros: made ahead, and never written to.
    pub unused: Vec<u32>,
    /// The last segment with frames, when less than half of its file is used: a process that was killed left it so.
    pub loose: Option<u32>,
    /// Why something could not be read, the first time.
    pub fault: Option<Fault>,
    journal: Option<u64>,
    epoch: u32,
    last_segment: u32,
}

impl Replayed {
    /// An epoch was written after the replay, and ended there.
    pub fn went_on_to(&mut self, end: &Mark) {
        (self.last_lsn, self.epoch, self.last_segment) = (end.lsn, end.epoch, end.segment);
    }

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
/// The segments cannot be listed, or may not be read. Everything else that is wrong is told in [`Replayed`].
pub fn replay(source: &mut dyn Segments, range: Range, on: &mut dyn FnMut(u64, &[u8])) -> Result<Replayed, Fault> {
    replay_with_losses(source, range, &mut |told| {
        if let Told::Entries(lsn, entries) = told {
            on(lsn, entries);
        }
    })
}

/// As [`replay`], and tells where frames are lost.
///
/// # Errors
/// Those of [`replay`].
pub fn replay_with_losses(
    source: &mut dyn Segments,
    range: Range,
    on: &mut dyn FnMut(Told<'_>),
) -> Result<Replayed, Fault> {
    let mut sequence = Sequence::new(range, on);
    let mut window = Window::new();
    let mut blank = Vec::new();
    let mut previous = None;
    let segments = source.segments()?;
    for &(segment, octets) in &segments {
        let found = &mut sequence.found;
        found.last_segment = found.last_segment.max(segment);
        if segment < range.from_segment {
            continue;
        }
        if previous.is_some_and(|p: u32| p + 1 < segment) {
            sequence.suspect(segment - 1, 0, 0, What::MissingSegment);
        }
        previous = Some(segment);
        let used = scan(source, segment, octets, &mut window, &mut sequence)?;
        if used == 0 {
            blank.push(segment);
        } else {
            blank.clear();
            sequence.found.loose = (used < octets / 2).then_some(segment);
        }
    }
    if let End::Behind(mark) = range.end {
        let length = segments.iter().find(|(segment, _)| *segment == mark.segment).map(|(_, octets)| *octets);
        sequence.compare_length(&mark, length);
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
    on: impl Fn(&mut T, Told<'_>),
) -> Result<(T, Replayed), Fault> {
    let mut pass = |range| {
        let mut into = fresh();
        let found = replay_with_losses(source, range, &mut |told| on(&mut into, told))?;
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

/// Reads one segment; returns where the last of it that is not zeros ends.
///
/// # Errors
/// This user may not read it: that is no damage.
fn scan(
    source: &mut dyn Segments,
    segment: u32,
    octets: u64,
    window: &mut Window,
    sequence: &mut Sequence<'_>,
) -> Result<u64, Fault> {
    window.open(segment);
    let mut used = 0;
    let mut offset = 0;
    while offset < octets {
        let look = window.look(source, offset);
        let is_blank = matches!(look, Look::Blank(_));
        let step = match look {
            Look::End => break,
            Look::Blank(step) => {
                // Zeros up to the page's end are the padding of the frame before.
                let page = offset.next_multiple_of(PAGE as u64);
                if page < offset + step as u64 {
                    sequence.suspect(segment, page, step, What::Zeroed);
                }
                step
            }
            Look::Bad(what, step) => {
                sequence.suspect(segment, offset, step, what);
                step
            }
            Look::BadPayload(header, _) | Look::Frame(header, _) if !sequence.belongs(&header, segment) => {
                sequence.suspect(segment, offset, RECORD_OCTETS, What::Foreign);
                RECORD_OCTETS
            }
            Look::BadPayload(header, what) => {
                sequence.suspect(segment, offset, header.unpadded(), what);
                header.unpadded().next_multiple_of(RECORD_OCTETS)
            }
            Look::Frame(header, payload) => {
                sequence.frame(header, payload, offset);
                header.unpadded().next_multiple_of(RECORD_OCTETS)
            }
        };
        offset += step as u64;
        if !is_blank {
            used = offset;
        }
        if let Some(fault) = &window.fault {
            if fault.kind == FaultKind::Denied {
                return Err(fault.clone());
            }
            sequence.found.fault.get_or_insert_with(|| fault.clone());
        }
    }
    Ok(used)
}

#[cfg(test)]
mod tests;
