//! The content of a message (RFC 5321 §2.3.1): what is its own, and behind that what it shares with others.
//!
//! Guarantees: what is shared is held once, however many messages end in it. Leaves to others: what the octets are
//! (`content`), and sending them (`smtp::client`).

use crate::base::out::Out;
use bytes::Bytes;
use std::ops::Range;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    own: Bytes,
    /// In a place of its own: hardly a letter has it, and all are passed on often.
    shared: Option<Box<Bytes>>,
}

impl Content {
    /// A content that begins with `own` and ends with `shared`.
    #[must_use]
    pub fn new(own: Bytes, shared: Bytes) -> Self {
        Self { own, shared: (!shared.is_empty()).then(|| Box::new(shared)) }
    }

    /// Its octets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.shared().len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets that no other message holds: what one more message costs in memory.
    #[must_use]
    pub fn own_octets(&self) -> usize {
        self.own.len()
    }

    /// Puts the octets of `range` to the end of `out`, by reference where that is worth it.
    pub fn give(&self, range: Range<usize>, out: &mut Out) {
        let split = self.own.len();
        let own = range.start.min(split)..range.end.min(split);
        let shared = range.start.max(split) - split..range.end.max(split) - split;
        for (octets, part) in [(&self.own, own), (self.shared(), shared)] {
            if part.is_empty() {
                continue;
            }
            match part.len() == octets.len() {
                true => out.share(octets),
                false => out.share(&octets.slice(part)),
            }
        }
    }

    /// All of it in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.own[..], &self.shared()[..]].concat()
    }

    fn shared(&self) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        self.shared.as_deref().unwrap_or(&NONE)
    }
}

impl From<Bytes> for Content {
    fn from(own: Bytes) -> Self {
        Self { own, shared: None }
    }
}

impl From<Vec<u8>> for Content {
    fn from(own: Vec<u8>) -> Self {
        Bytes::from(own).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_slices_of_a_content_make_it_whole() {
        let content = Content::new(Bytes::from_static(b"0123456789"), Bytes::from_static(b"abcde"));
        assert_eq!((content.len(), content.own_octets()), (15, 10));
        for step in 1..=16 {
            let mut out = Out::new();
            for start in (0..content.len()).step_by(step) {
                content.give(start..(start + step).min(content.len()), &mut out);
            }
            assert_eq!(out.pieces().collect::<Vec<_>>().concat(), content.to_vec(), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_shared_is_not_copied() {
        let shared = Bytes::from(vec![7; 1 << 20]);
        let content = Content::new(Bytes::from_static(b"head"), shared.clone());
        let mut out = Out::new();
        content.give(0..content.len(), &mut out);
        let pieces: Vec<&[u8]> = out.pieces().collect();
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[1].as_ptr(), shared.as_ptr());
    }
}
