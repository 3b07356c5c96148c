//! The DKIM-Signature field of one campaign: written with room for the hashes, which are filled in when they are known.

use super::super::error::ComposeError;
use super::canon::relaxed_header;
use super::key::Signer;
use crate::base::base64;
use crate::base::clock::UnixTime;
use std::io::Write as _;

/// Fields that are signed once more than they are there, so that a second one breaks the signature.
const OVERSIGNED: [&str; 3] = ["From", "To", "Subject"];
/// Characters of a SHA-256 in base 64.
const HASH_LEN: usize = 44;
/// Characters of the signature on one line.
const LINE: usize = 74;

/// A signer and the parts of its field that are the same for every message.
#[derive(Debug)]
pub(crate) struct Prepared {
    signer: Signer,
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// Where in the message one signature stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    start: usize,
    hash: usize,
    value: usize,
}

impl Prepared {
    /// Prepares signatures over fields of these names, in the order in which the messages have them.
    pub(crate) fn new(signer: Signer, signed: &[String]) -> Self {
        let mut head = Vec::new();
        // Writing to a Vec cannot fail.
        let _ = write!(
            head,
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n d={};\r\n s={}; t=",
            signer.algorithm(),
            signer.domain,
            signer.selector
        );
        let mut tail = b";\r\n h=".to_vec();
        let mut col = 3;
        for (i, name) in signed.iter().map(String::as_str).chain(OVERSIGNED).enumerate() {
            if i > 0 {
                tail.push(b':');
                col += 1;
            }
            if col + name.len() > LINE {
                tail.extend_from_slice(b"\r\n  ");
                col = 2;
            }
            tail.extend_from_slice(name.as_bytes());
            col += name.len();
        }
        tail.extend_from_slice(b";\r\n b=");
        Self { signer, head, tail }
    }

    /// Appends the field with blanks for the body hash and the signature.
    pub(crate) fn write(&self, date: UnixTime, out: &mut Vec<u8>) -> Room {
        let start = out.len();
        out.extend_from_slice(&self.head);
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{};\r\n bh=", date.0);
        let hash = out.len();
        out.resize(hash + HASH_LEN, b' ');
        out.extend_from_slice(&self.tail);
        let value = out.len();
        out.resize(value + folded_len(self.signer.signature_len()), b' ');
        out.extend_from_slice(b"\r\n");
        Room { start, hash, value }
    }

    /// Fills in the field at `room`. `signed` holds the canonical fields; `text` is working room.
    pub(crate) fn fill(
        &self,
        room: Room,
        body_hash: &[u8; 32],
        signed: &mut Vec<u8>,
        text: &mut Vec<u8>,
        message: &mut [u8],
    ) -> Result<(), ComposeError> {
        self.try_fill(room, body_hash, signed, text, message).ok_or_else(|| ComposeError::Sign {
            domain: self.signer.domain.clone(),
            selector: self.signer.selector.clone(),
        })
    }

    fn try_fill(
        &self,
        room: Room,
        body_hash: &[u8; 32],
        signed: &mut Vec<u8>,
        text: &mut Vec<u8>,
        message: &mut [u8],
    ) -> Option<()> {
        text.clear();
        base64::encode(body_hash, text);
        message.get_mut(room.hash..room.hash + HASH_LEN)?.copy_from_slice(text.get(..HASH_LEN)?);

        // RFC 6376 §3.7: the field itself comes last, with an empty b= and without its CRLF.
        let others = signed.len();
        relaxed_header(message.get(room.start..room.value)?, signed);
        let mut signature = [0; 1024];
        let signature = signature.get_mut(..self.signer.signature_len())?;
        let made = self.signer.sign(signed, signature);
        signed.truncate(others);
        made?;

        text.clear();
        base64::encode(signature, text);
        let mut at = room.value;
        for (i, line) in text.chunks(LINE).enumerate() {
            if i > 0 {
                message.get_mut(at..at + 3)?.copy_from_slice(b"\r\n ");
                at += 3;
            }
            message.get_mut(at..at + line.len())?.copy_from_slice(line);
            at += line.len();
        }
        Some(())
    }
}

/// Octets of a signature in base 64 with its folds.
fn folded_len(octets: usize) -> usize {
    let text = octets.div_ceil(3) * 4;
    text + (text.div_ceil(LINE) - 1) * 3
}
