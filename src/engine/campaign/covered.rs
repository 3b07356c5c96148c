//! Whether the segments that a snapshot covers are still there: nobody stands otherwise without them, but reports lack what
//! they told, and then the snapshot alone has it.
//!
//! Guarantees: a segment that is missing, blank or of another journal is told with the commits that are lost by it. Each
//! other one costs the reading of a header. Leaves to others: damage within a segment, which the report finds.

use crate::journal::disk::{Fault, Segments};
use crate::journal::frame::{HEADER_OCTETS, Header};
use crate::journal::replay::{Damage, Range, What, replay};
use crate::journal::snapshot::Covered;

/// What is missing of the segments below the snapshot.
///
/// # Errors
/// They cannot be listed, or may not be read.
pub(super) fn damage_below(disk: &mut dyn Segments, covered: &Covered) -> Result<Vec<Damage>, Fault> {
    let present: Vec<(u32, u64)> = disk.segments()?.into_iter().filter(|(n, _)| *n < covered.segment).collect();
    let mut damage = Vec::new();
    // The segment before the present one that is what it should be, and its first frame.
    let mut before: Option<(u32, Header)> = None;
    for &(segment, _) in &present {
        let Some(first) = first_of(disk, segment, covered.journal) else { continue };
        if before.as_ref().map_or(0, |(n, _)| *n) + 1 < segment {
            damage.extend(between(disk, &present, before, Some(segment), covered)?);
        }
        before = Some((segment, first));
    }
    if before.as_ref().map_or(0, |(n, _)| *n) + 1 < covered.segment {
        damage.extend(between(disk, &present, before, None, covered)?);
    }
    Ok(damage)
}

/// The header that a segment begins with, if it is one of its own.
fn first_of(disk: &mut dyn Segments, segment: u32, journal: u64) -> Option<Header> {
    let mut head = [0; HEADER_OCTETS];
    disk.read(segment, 0, &mut head).ok()?;
    Header::decode(&head).filter(|header| (header.journal, header.segment) == (journal, segment))
}

/// Between two segments others are missing, or were made ahead by a process that was killed, and never written to: the frames
/// tell which.
fn between(
    disk: &mut dyn Segments,
    present: &[(u32, u64)],
    from: Option<(u32, Header)>,
    to: Option<u32>,
    covered: &Covered,
) -> Result<Vec<Damage>, Fault> {
    let begin = from.map_or(0, |(segment, _)| segment);
    let within = |segment: u32| segment >= begin && to.is_none_or(|to| segment <= to);
    let only: Vec<(u32, u64)> = present.iter().copied().filter(|(segment, _)| within(*segment)).collect();
    let (after, epoch) = from.map_or((0, 0), |(_, first)| (first.lsn - 1, first.epoch));
    let range = Range { after, epoch, until: covered.lsn, journal: Some(covered.journal), ..Range::ALL };
    let mut found = replay(&mut Window { disk, only }, range, &mut |_, _| {})?;
    if to.is_none() && found.last_lsn < covered.lsn {
        let (first_lsn, last_lsn) = (found.last_lsn + 1, covered.lsn);
        found.damage.push(Damage { segment: begin + 1, offset: 0, first_lsn, last_lsn, what: What::MissingSegment });
    }
    Ok(found.damage)
}

/// Some segments of a journal.
struct Window<'a> {
    disk: &'a mut dyn Segments,
    only: Vec<(u32, u64)>,
}

impl Segments for Window<'_> {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        Ok(self.only.clone())
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        self.disk.read(segment, offset, into)
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }
}
