//! Packing: a slow campaign makes a page of each small commit; once a segment is full, its frames are worth keeping without
//! their padding.
//!
//! Guarantees: a packed segment replays as the original does. A segment with anything in it but whole frames and zeros is
//! not packed: it is evidence.

use super::RECORD_OCTETS;
use super::window::{Look, Window};
use crate::journal::disk::Segments;
use std::io::{self, Write};

/// Writes the frames of a finished segment of `octets` octets without their padding; how many octets that took.
///
/// # Errors
/// Those of `out`, and `InvalidData` when the segment is damaged: throw away what was written.
pub fn pack(source: &mut dyn Segments, segment: u32, octets: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut window = Window::new();
    window.open(segment);
    let (mut offset, mut packed) = (0, 0);
    while offset < octets {
        let step = match window.look(source, offset) {
            Look::End => break,
            Look::Blank(step) => step,
            Look::Frame(header, payload)
                if payload.len().is_multiple_of(RECORD_OCTETS) && header.segment == segment =>
            {
                out.write_all(&header.encode())?;
                out.write_all(payload)?;
                packed += header.unpadded() as u64;
                header.unpadded()
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a damaged segment is not packed")),
        };
        offset += step as u64;
    }
    Ok(packed)
}
