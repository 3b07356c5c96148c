//! The output of one connection: an ordered run of bytes, part of it copied in, part of it shared.
//!
//! Small pieces are copied together so that they leave in one send; a large content is queued by reference, so that a
//! body shared by a thousand connections exists once. Leaves to others: sending it (`wire`), and bounding it (whoever
//! appends asks [`Out::len`] first).

use bytes::Bytes;
use std::collections::VecDeque;

/// A shared piece shorter than this is copied: below it a memcpy costs less than a part of its own in a send.
pub const SHARE_MIN: usize = 4 * 1024;

/// Sent buffers that are kept for later appends, at most.
const SPARES_MAX: usize = 32;
/// What those may hold together, in octets: what one connection costs while it has nothing to say.
const SPARE_OCTETS_MAX: usize = 256 * 1024;

/// One contiguous piece of output.
#[derive(Debug)]
pub enum Piece {
    /// Bytes copied in; consecutive small appends end up in one piece.
    Owned(Vec<u8>),
    /// Bytes held by reference.
    Shared(Bytes),
}

impl Piece {
    /// The bytes of the piece.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(v) => v,
            Self::Shared(b) => b,
        }
    }
}

/// Bytes waiting to be sent on one connection, in order.
#[derive(Debug, Default)]
pub struct Out {
    pieces: VecDeque<Piece>,
    len: usize,
    spares: Vec<Vec<u8>>,
    /// The capacity of the spares together.
    spare_octets: usize,
}

impl Out {
    /// An empty output.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Octets queued and not yet taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies `bytes` to the end.
    pub fn append(&mut self, bytes: &[u8]) {
        self.tail().extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Puts `bytes` at the end: by reference when they are long, else copied.
    pub fn share(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_MIN {
            self.append(bytes);
        } else {
            self.len += bytes.len();
            self.pieces.push_back(Piece::Shared(bytes.clone()));
        }
    }

    /// Everything that is queued, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Piece::as_slice)
    }

    /// Puts all of another output at the end, and leaves that one empty.
    pub fn take_all(&mut self, other: &mut Self) {
        while let Some(piece) = other.take() {
            match piece {
                Piece::Owned(octets) => self.append(&octets),
                Piece::Shared(octets) => self.share(&octets),
            }
        }
    }

    /// Takes the next piece to send.
    pub fn take(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.len -= piece.as_slice().len();
        Some(piece)
    }

    /// Gives back a piece that was sent: a later append fills its buffer instead of a new allocation. What is kept so is
    /// bounded.
    pub fn recycle(&mut self, piece: Piece) {
        let Piece::Owned(mut buffer) = piece else { return };
        let octets = self.spare_octets + buffer.capacity();
        if octets <= SPARE_OCTETS_MAX && self.spares.len() < SPARES_MAX {
            buffer.clear();
            self.spares.push(buffer);
            self.spare_octets = octets;
        }
    }

    fn tail(&mut self) -> &mut Vec<u8> {
        if !matches!(self.pieces.back(), Some(Piece::Owned(_))) {
            let buffer = self.spares.pop().unwrap_or_default();
            self.spare_octets -= buffer.capacity();
            self.pieces.push_back(Piece::Owned(buffer));
        }
        match self.pieces.back_mut() {
            Some(Piece::Owned(v)) => v,
            _ => unreachable!("an owned piece was just pushed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_join_and_long_content_is_shared_in_order() {
        let mut out = Out::new();
        out.append(b"ab");
        out.append(b"cd");
        let body = Bytes::from(vec![7u8; SHARE_MIN]);
        out.share(&body);
        out.share(&Bytes::from_static(b"small"));
        assert_eq!(out.len(), 4 + SHARE_MIN + 5);
        let mut all = Out::new();
        all.append(b"x");
        all.take_all(&mut out);
        assert!(out.is_empty());
        let mut out = all;
        assert_eq!(out.pieces().map(<[u8]>::len).collect::<Vec<_>>(), [5, SHARE_MIN, 5]);
        assert!(matches!(out.take(), Some(Piece::Owned(v)) if v == b"xabcd"));
        assert!(matches!(out.take(), Some(Piece::Shared(b)) if b == body));
        assert!(matches!(out.take(), Some(Piece::Owned(v)) if v == b"small"));
        assert!(out.take().is_none() && out.is_empty());
    }

    #[test]
    fn what_is_kept_of_sent_buffers_is_bounded() {
        let mut out = Out::new();
        for octets in [1, SPARE_OCTETS_MAX - 1, 1].into_iter().chain([0; 2 * SPARES_MAX]) {
            out.recycle(Piece::Owned(Vec::with_capacity(octets)));
        }
        assert_eq!((out.spares.len(), out.spare_octets), (SPARES_MAX, SPARE_OCTETS_MAX));
        let largest = out.spares.iter().position(|b| b.capacity() > 1).unwrap();
        out.spares.truncate(largest + 1);
        out.append(b"x");
        assert_eq!((out.spares.len(), out.spare_octets), (largest, 1));
        assert!(matches!(out.take(), Some(Piece::Owned(v)) if v == b"x" && v.capacity() == SPARE_OCTETS_MAX - 1));
    }
}
