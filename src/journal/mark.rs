//! The mark: how far the journal had come, kept outside of its segments. Without it nobody could tell an end that was cut
//! off from one that was never written.
//!
//! Guarantees: a mark is a lower bound: all frames up to [`Mark::lsn`] were on stable storage when it was made, so what is
//! missing of them is damage. It is exact after a stop in order, and lags behind a crash by as long as one more write of it takes.
//! It lies in two slots that are written by turns: what tears one of them leaves the other. Leaves to others: when it is
//! written (`engine::recorder`, `wire::disk`), and what follows from it (`replay`).
//!
//! ```text
//! slot   0 magic | 12 epoch u32 | 16 lsn u64 | 24 journal u64 | 32 octets u64 | 40 segment u32 | 44 crc of octets 0..44 u32
//! ```

use super::frame::PAGE;

/// Slots in a mark's file, each of them a page.
pub const SLOTS: usize = 2;

/// The length of a mark's file.
pub const OCTETS: u64 = (SLOTS * PAGE) as u64;

const MAGIC: &[u8; 12] = b"posthaste-m1";
const MARK_OCTETS: usize = 48;

/// How far a journal had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The journal's identity.
    pub journal: u64,
    /// How often it had been opened; 0: never yet.
    pub epoch: u32,
    /// All frames up to this one were on stable storage.
    pub lsn: u64,
    /// The segment that was written to, or that was to be the first of the epoch.
    pub segment: u32,
    /// While it was written to, its file was so long; 0 where nothing can be told of that.
    pub octets: u64,
}

/// What the octets of a mark's file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The newest mark of this journal.
    Mark(Mark),
    /// A mark of another journal.
    Foreign,
    /// No mark.
    Nothing,
}

impl Mark {
    /// The mark of a journal that was never opened.
    #[must_use]
    pub fn fresh(journal: u64) -> Self {
        Self { journal, epoch: 0, lsn: 0, segment: 0, octets: 0 }
    }

    /// Whether it was made after another one of the same journal.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        order(self) > order(other)
    }

    /// A slot with this mark: a whole page.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut slot = Vec::with_capacity(PAGE);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&self.epoch.to_le_bytes());
        slot.extend_from_slice(&self.lsn.to_le_bytes());
        slot.extend_from_slice(&self.journal.to_le_bytes());
        slot.extend_from_slice(&self.octets.to_le_bytes());
        slot.extend_from_slice(&self.segment.to_le_bytes());
        let crc = crc32fast::hash(&slot);
        slot.extend_from_slice(&crc.to_le_bytes());
        debug_assert_eq!(slot.len(), MARK_OCTETS, "the layout that decoding reads");
        slot.resize(PAGE, 0);
        slot
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let slot = slot.first_chunk::<MARK_OCTETS>()?;
        let u32_at = |at: usize| slot.get(at..)?.first_chunk().map(|o| u32::from_le_bytes(*o));
        let u64_at = |at: usize| slot.get(at..)?.first_chunk().map(|o| u64::from_le_bytes(*o));
        if !slot.starts_with(MAGIC) || crc32fast::hash(slot.get(..44)?) != u32_at(44)? {
            return None;
        }
        Some(Self {
            epoch: u32_at(12)?,
            lsn: u64_at(16)?,
            journal: u64_at(24)?,
            octets: u64_at(32)?,
            segment: u32_at(40)?,
        })
    }
}

/// What a mark's file says about the journal of this identity.
#[must_use]
pub fn read(octets: &[u8], journal: u64) -> Found {
    match slots(octets).filter(|mark| mark.journal == journal).max_by_key(order) {
        Some(newest) => Found::Mark(newest),
        None if newest(octets).is_some() => Found::Foreign,
        None => Found::Nothing,
    }
}

/// The newest mark in a mark's file, of whatever journal.
#[must_use]
pub fn newest(octets: &[u8]) -> Option<Mark> {
    slots(octets).max_by_key(order)
}

fn slots(octets: &[u8]) -> impl Iterator<Item = Mark> {
    octets.chunks(PAGE).take(SLOTS).filter_map(Mark::decode)
}

fn order(mark: &Mark) -> (u32, u64) {
    (mark.epoch, mark.lsn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { journal: 7, epoch: 3, lsn: 81, segment: 5, octets: 1 << 22 };

    #[test]
    fn the_newest_slot_counts_and_a_damaged_one_leaves_the_other() {
        let older = Mark { lsn: 80, ..MARK };
        let mut octets = [MARK.encode(), older.encode()].concat();
        assert_eq!(read(&octets, 7), Found::Mark(MARK));
        for bit in 0..8 * MARK_OCTETS {
            octets[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&octets, 7), Found::Mark(older), "bit {bit}");
            octets[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(read(&octets[..PAGE + 47], 7), Found::Mark(MARK), "cut");
        assert_eq!(read(&octets[..47], 7), Found::Nothing);
        assert_eq!(read(&[0; 2 * PAGE], 7), Found::Nothing);
    }

    #[test]
    fn a_mark_of_another_journal_is_none_of_ours() {
        let octets = [MARK.encode(), Mark { journal: 8, epoch: 9, ..MARK }.encode()].concat();
        assert_eq!(read(&octets, 7), Found::Mark(MARK));
        assert_eq!(read(&octets, 9), Found::Foreign);
    }
}
