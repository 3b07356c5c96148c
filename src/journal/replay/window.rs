//! A window that slides over a segment, and what it shows at an offset.
//!
//! Frames begin at multiples of 16 octets: at pages as they are written, closer together in a packed segment.

use super::{WINDOW_OCTETS, What};
use crate::journal::disk::Segments;
use crate::journal::frame::{HEADER_OCTETS, Header, PAGE};
use crate::journal::record::RECORD_OCTETS;

/// What lies at an offset.
pub(super) enum Look<'a> {
    /// The segment's end.
    End,
    /// So many octets of zeros.
    Blank(usize),
    /// No frame; look again so many octets on.
    Bad(What, usize),
    /// A frame whose payload is damaged.
    BadPayload(Header),
    /// A whole frame.
    Frame(Header, &'a [u8]),
}

pub(super) struct Window {
    buffer: Vec<u8>,
    segment: u32,
    from: u64,
    len: usize,
    unreadable: bool,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; WINDOW_OCTETS], segment: 0, from: 0, len: 0, unreadable: false }
    }

    pub(super) fn open(&mut self, segment: u32) {
        (self.segment, self.from, self.len, self.unreadable) = (segment, 0, 0, false);
    }

    pub(super) fn look(&mut self, source: &mut dyn Segments, offset: u64) -> Look<'_> {
        self.load(source, offset, HEADER_OCTETS);
        if self.unreadable {
            return Look::Bad(What::Unreadable, to_page_end(offset));
        }
        if self.octets(offset).is_empty() {
            return Look::End;
        }
        if let Some(header) = Header::decode(self.octets(offset)) {
            self.load(source, offset, header.unpadded());
            return match self.octets(offset).get(HEADER_OCTETS..header.unpadded()) {
                Some(payload) if crc32fast::hash(payload) == header.payload_crc => Look::Frame(header, payload),
                _ => Look::BadPayload(header),
            };
        }
        match zeros(self.octets(offset)) {
            0 => Look::Bad(What::BadHeader, RECORD_OCTETS),
            zeros => Look::Blank(zeros),
        }
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
        // A long read that fails tells little: the page alone is tried then, so that only what cannot be read is lost.
        self.unreadable =
            !self.fill(source, offset, self.buffer.len()) && !self.fill(source, offset, to_page_end(offset));
    }

    fn fill(&mut self, source: &mut dyn Segments, offset: u64, need: usize) -> bool {
        (self.from, self.len) = (offset, 0);
        while let Some(rest) = self.buffer.get_mut(self.len..need).filter(|r| !r.is_empty()) {
            match source.read(self.segment, offset + self.len as u64, rest) {
                Ok(0) => break,
                Ok(n) => self.len += n,
                Err(_) => return false,
            }
        }
        true
    }
}

fn to_page_end(offset: u64) -> usize {
    PAGE - (offset % PAGE as u64) as usize
}

/// Octets of zeros at the front, in whole units.
fn zeros(octets: &[u8]) -> usize {
    let is_zero = |chunk: &&[u8]| chunk.iter().fold(0, |a, b| a | b) == 0;
    let pages = octets.chunks_exact(PAGE).take_while(is_zero).count() * PAGE;
    let rest = octets.get(pages..).unwrap_or_default();
    pages + rest.chunks_exact(RECORD_OCTETS).take_while(is_zero).count() * RECORD_OCTETS
}
