//! Octets in an encoding whose characters are not one octet each, read as UTF-8.
//!
//! Guarantees: memory is a few pieces; what is no character comes out as U+FFFD. Leaves to others: which encoding it is.

use crate::base::charset::{Charset, Transcoder};
use std::io::{self, Read};

const PIECE_OCTETS: usize = 64 * 1024;

/// See the head of this file.
pub struct Transcoded<R> {
    from: R,
    transcoder: Transcoder,
    piece: Vec<u8>,
    text: Vec<u8>,
    taken: usize,
    is_over: bool,
}

impl<R: Read> Transcoded<R> {
    /// What `from` gives, which is written in `charset`.
    pub fn new(from: R, charset: Charset) -> Self {
        let transcoder = Transcoder::new(charset);
        Self { from, transcoder, piece: vec![0; PIECE_OCTETS], text: Vec::new(), taken: 0, is_over: false }
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.text.len() && !self.is_over {
            let octets = self.from.read(&mut self.piece)?;
            self.is_over = octets == 0;
            self.taken = 0;
            self.text.clear();
            let piece = self.piece.get(..octets).unwrap_or_default();
            self.transcoder.append(piece, self.is_over, &mut self.text);
        }
        let from = self.text.get(self.taken..).unwrap_or_default();
        let octets = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), from.get(..octets)) {
            to.copy_from_slice(from);
        }
        self.taken += octets;
        Ok(octets)
    }
}
