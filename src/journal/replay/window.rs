//! A window that slides over a segment, and what it shows at an offset.
//!
//! Frames begin at multiples of 16 octets: at pages as they are written, closer together in a packed segment. A page that
//! cannot be read costs the frame that it belongs to, and no other.

use super::{WINDOW_OCTETS, What};
use crate::journal::disk::{Fault, FaultKind, Segments};
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
    /// A frame whose payload is damaged, or cannot be read.
    BadPayload(Header, What),
    /// A whole frame.
    Frame(Header, &'a [u8]),
}

pub(super) struct Window {
    buffer: Vec<u8>,
    segment: u32,
    from: u64,
    len: usize,
    /// Why the octets behind those in the window cannot be read, if they cannot.
    pub(super) fault: Option<Fault>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; WINDOW_OCTETS], segment: 0, from: 0, len: 0, fault: None }
    }

    pub(super) fn open(&mut self, segment: u32) {
        (self.segment, self.from, self.len, self.fault) = (segment, 0, 0, None);
    }

    pub(super) fn look(&mut self, source: &mut dyn Segments, offset: u64) -> Look<'_> {
        self.load(source, offset, HEADER_OCTETS);
        if self.octets(offset).is_empty() {
            return if self.fault.is_some() { Look::Bad(What::Unreadable, to_page_end(offset)) } else { Look::End };
        }
        if let Some(header) = Header::decode(self.octets(offset)) {
            self.load(source, offset, header.unpadded());
            return match self.octets(offset).get(HEADER_OCTETS..header.unpadded()) {
                Some(payload) if crc32fast::hash(payload) == header.payload_crc => Look::Frame(header, payload),
                None if self.fault.is_some() => Look::BadPayload(header, What::Unreadable),
                _ => Look::BadPayload(header, What::BadPayload),
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

    /// Sees to it that `need` octets from `offset` on are in the window, as far as the segment has them and they can be read.
    fn load(&mut self, source: &mut dyn Segments, offset: u64, need: usize) {
        let end = self.from + self.len as u64;
        let inside = (self.from..=end).contains(&offset);
        if !inside || (offset + need as u64 > end && self.fault.is_none()) {
            self.fill(source, offset);
        }
    }

    /// A long read that fails tells little: from there on it is read by pages, up to the one that cannot be read.
    fn fill(&mut self, source: &mut dyn Segments, offset: u64) {
        (self.from, self.len, self.fault) = (offset, 0, None);
        let mut by_pages = false;
        while let Some(rest) = self.buffer.get_mut(self.len..).filter(|r| !r.is_empty()) {
            let at = offset + self.len as u64;
            let at_once = if by_pages { to_page_end(at).min(rest.len()) } else { rest.len() };
            match source.read(self.segment, at, rest.split_at_mut(at_once).0) {
                Ok(0) => break,
                Ok(n) => self.len += n,
                // A segment that was never written to may be removed beside a reader.
                Err(fault) if fault.kind == FaultKind::Missing => break,
                Err(_) if !by_pages => by_pages = true,
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
        }
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
