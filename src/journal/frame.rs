//! A frame: one commit's form on the disk: a header of 64 octets, the entries, zeros up to a whole page.
//!
//! Guarantees: a header or payload with a changed bit is known as such, each on its own: damage to a payload still tells
//! which frame it was and where the next begins. A frame from another journal, or left in a recycled file, is known by
//! its identity and segment. Leaves to others: the order of frames (`replay`).
//!
//! ```text
//! 0 magic | 12 length u32 | 16 lsn u64 | 24 durable u64 | 32 epoch_first u64 | 40 journal u64
//! 48 epoch u32 | 52 segment u32 | 56 crc of the payload u32 | 60 crc of octets 0..60 u32
//! ```

/// The unit of writing: acknowledged octets never share one with octets that come later.
pub const PAGE: usize = 4096;
/// The size of a header.
pub const HEADER_OCTETS: usize = 64;
/// The largest frame, header and padding included.
pub const FRAME_OCTETS_MAX: usize = 256 * 1024;
/// The most octets of entries that one frame takes.
pub const PAYLOAD_MAX: usize = FRAME_OCTETS_MAX - HEADER_OCTETS;

const MAGIC: &[u8; 12] = b"posthaste-j1";
const _: () = assert!(FRAME_OCTETS_MAX.is_multiple_of(PAGE));

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Octets of entries.
    pub length: u32,
    /// The frame's number: 1, 2, 3… over the whole life of a journal.
    pub lsn: u64,
    /// When this frame was made, all frames up to this number were on stable storage.
    pub durable: u64,
    /// The first frame of this epoch. Frames of earlier epochs with this number or a higher one were given up.
    pub epoch_first: u64,
    /// The journal's identity.
    pub journal: u64,
    /// How often the journal had been opened.
    pub epoch: u32,
    /// The segment the frame was written to.
    pub segment: u32,
    /// The payload's checksum.
    pub payload_crc: u32,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_OCTETS] {
        let mut octets = [0; HEADER_OCTETS];
        octets[0..12].copy_from_slice(MAGIC);
        octets[12..16].copy_from_slice(&self.length.to_le_bytes());
        octets[16..24].copy_from_slice(&self.lsn.to_le_bytes());
        octets[24..32].copy_from_slice(&self.durable.to_le_bytes());
        octets[32..40].copy_from_slice(&self.epoch_first.to_le_bytes());
        octets[40..48].copy_from_slice(&self.journal.to_le_bytes());
        octets[48..52].copy_from_slice(&self.epoch.to_le_bytes());
        octets[52..56].copy_from_slice(&self.segment.to_le_bytes());
        octets[56..60].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32fast::hash(&octets[..60]);
        octets[60..64].copy_from_slice(&crc.to_le_bytes());
        octets
    }

    /// Reads a header; `None` when these octets are none, or are damaged.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let octets = octets.first_chunk::<HEADER_OCTETS>()?;
        if !octets.starts_with(MAGIC) || crc32fast::hash(&octets[..60]) != u32_at(octets, 60) {
            return None;
        }
        let header = Self {
            length: u32_at(octets, 12),
            lsn: u64_at(octets, 16),
            durable: u64_at(octets, 24),
            epoch_first: u64_at(octets, 32),
            journal: u64_at(octets, 40),
            epoch: u32_at(octets, 48),
            segment: u32_at(octets, 52),
            payload_crc: u32_at(octets, 56),
        };
        let sane = header.length as usize <= PAYLOAD_MAX
            && header.durable < header.lsn
            && header.epoch_first <= header.lsn
            && header.lsn < u64::MAX;
        sane.then_some(header)
    }

    /// Header and payload.
    #[must_use]
    pub fn unpadded(&self) -> usize {
        HEADER_OCTETS + self.length as usize
    }

    /// What the frame takes when it is written: header, payload and padding.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.unpadded().next_multiple_of(PAGE)
    }
}

fn u32_at(octets: &[u8; HEADER_OCTETS], at: usize) -> u32 {
    octets.get(at..).and_then(|o| o.first_chunk()).map_or(0, |o| u32::from_le_bytes(*o))
}

fn u64_at(octets: &[u8; HEADER_OCTETS], at: usize) -> u64 {
    octets.get(at..).and_then(|o| o.first_chunk()).map_or(0, |o| u64::from_le_bytes(*o))
}

/// The memory of one frame: page-aligned, as direct writes want it, and of a fixed capacity.
#[derive(Debug)]
pub struct Block {
    buffer: Vec<u8>,
    start: usize,
}

impl Block {
    /// An empty frame.
    #[must_use]
    pub fn new() -> Self {
        // The buffer never grows beyond this capacity, so it never moves and stays aligned.
        let buffer: Vec<u8> = Vec::with_capacity(FRAME_OCTETS_MAX + PAGE);
        let start = buffer.as_ptr().align_offset(PAGE).min(PAGE);
        let mut block = Self { buffer, start };
        block.clear();
        block
    }

    /// Makes it an empty frame again.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.resize(self.start + HEADER_OCTETS, 0);
    }

    /// Octets of entries in it.
    #[must_use]
    pub fn payload(&self) -> usize {
        self.buffer.len() - self.start - HEADER_OCTETS
    }

    /// Whether so many more octets of entries fit.
    #[must_use]
    pub fn fits(&self, octets: usize) -> bool {
        octets <= PAYLOAD_MAX - self.payload()
    }

    /// Adds entries; the caller has asked [`Block::fits`].
    pub fn append(&mut self, entries: &[u8]) {
        debug_assert!(self.fits(entries.len()), "a frame has a fixed capacity");
        self.buffer.extend_from_slice(entries);
    }

    /// Pads the frame and writes its header; `length` and the checksums are filled in here.
    pub fn seal(&mut self, header: Header) {
        let length = self.payload();
        let body = self.start + HEADER_OCTETS;
        let payload_crc = self.buffer.get(body..).map_or(0, crc32fast::hash);
        let sealed = Header { length: length as u32, payload_crc, ..header };
        self.buffer.resize(self.start + sealed.octets(), 0);
        if let Some(head) = self.buffer.get_mut(self.start..body) {
            head.copy_from_slice(&sealed.encode());
        }
    }

    /// The sealed frame: whole pages.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }
}

impl Default for Block {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(payload: &[u8]) -> Block {
        let mut block = Block::new();
        block.append(payload);
        block.seal(Header {
            lsn: 9,
            durable: 8,
            epoch_first: 3,
            journal: 77,
            epoch: 2,
            segment: 5,
            ..Header::default()
        });
        block
    }

    #[test]
    fn a_frame_is_whole_pages_in_aligned_memory_and_reads_back() {
        let block = sealed(&[0xab; 5000]);
        assert_eq!(block.octets().len(), 2 * PAGE);
        assert_eq!(block.octets().as_ptr().align_offset(PAGE), 0);
        let header = Header::decode(block.octets()).unwrap();
        assert_eq!((header.length, header.lsn, header.durable, header.epoch_first), (5000, 9, 8, 3));
        assert_eq!((header.journal, header.epoch, header.segment), (77, 2, 5));
        assert_eq!(header.payload_crc, crc32fast::hash(&[0xab; 5000]));
    }

    #[test]
    fn a_block_takes_its_fill_and_does_not_move() {
        let mut block = Block::new();
        let before = block.octets().as_ptr();
        assert!(block.fits(PAYLOAD_MAX) && !block.fits(PAYLOAD_MAX + 1));
        block.append(&vec![1; PAYLOAD_MAX]);
        assert!(!block.fits(1));
        block.seal(Header { lsn: 1, ..Header::default() });
        assert_eq!((block.octets().len(), block.octets().as_ptr()), (FRAME_OCTETS_MAX, before));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_seen() {
        let block = sealed(b"x");
        for bit in 0..HEADER_OCTETS * 8 {
            let mut octets = block.octets().to_vec();
            octets[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&octets), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_header(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Header::decode(&octets), None);
        }
    }
}
