//! Encoded words (RFC 2047): text beyond ASCII in a header.
//!
//! Guarantees: each word is at most 75 octets, holds whole characters, and is made only of characters that may stand in
//! a display name, so the same words serve in unstructured headers and in phrases. Words are parted by CRLF and a blank,
//! which readers drop. B or Q, whichever is shorter.

use crate::base::base64;

const HEX: &[u8; 16] = b"0123456789ABCDEF";
/// `=?UTF-8?Q?` and `?=`.
const FRAME: usize = 12;
/// Longest encoded word (RFC 2047 §2).
const WORD_MAX: usize = 75;
/// A first word narrower than this is not worth squeezing in.
const ROOM_MIN: usize = 24;

/// Appends `text` as encoded words. `col` is the column of the output; the first word is cut to end by column 76.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>, col: &mut usize) {
    let with_q = q_length(text) <= text.len().div_ceil(3) * 4;
    let room = 76usize.saturating_sub(*col);
    let mut max = if room < ROOM_MIN { WORD_MAX } else { room.min(WORD_MAX) } - FRAME;
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() || first {
        if !first {
            out.extend_from_slice(b"\r\n ");
            *col = 1;
            max = WORD_MAX - FRAME;
        }
        let (head, tail) = rest.split_at(fitting(rest, max, with_q));
        let start = out.len();
        write_word(head, with_q, out);
        *col += out.len() - start;
        rest = tail;
        first = false;
    }
}

/// How many octets of `text`, in whole characters, fit into `max` encoded ones; at least one character.
fn fitting(text: &str, max: usize, with_q: bool) -> usize {
    let mut encoded = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        encoded = if with_q { encoded + q_length(&text[at..end]) } else { end.div_ceil(3) * 4 };
        if encoded > max && at > 0 {
            return at;
        }
    }
    text.len()
}

fn q_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'!' | b'*' | b'+' | b'-' | b'/')
}

fn q_length(text: &str) -> usize {
    text.bytes().map(|b| if q_plain(b) || b == b' ' { 1 } else { 3 }).sum()
}

fn write_word(text: &str, with_q: bool, out: &mut Vec<u8>) {
    if with_q {
        out.extend_from_slice(b"=?UTF-8?Q?");
        for b in text.bytes() {
            match b {
                b' ' => out.push(b'_'),
                b if q_plain(b) => out.push(b),
                b => out.extend_from_slice(&[b'=', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]),
            }
        }
    } else {
        out.extend_from_slice(b"=?UTF-8?B?");
        base64::encode(text.as_bytes(), out);
    }
    out.extend_from_slice(b"?=");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        encode(text, &mut out, &mut 9);
        String::from_utf8(out).unwrap()
    }

    fn decoded(words: &str) -> String {
        let mut out = Vec::new();
        for word in words.split("\r\n ") {
            assert!(word.len() <= WORD_MAX, "{word}");
            let inner = word.strip_suffix("?=").unwrap();
            let mut octets = Vec::new();
            if let Some(b) = inner.strip_prefix("=?UTF-8?B?") {
                octets = base64::decode(b).unwrap();
            } else {
                let q = inner.strip_prefix("=?UTF-8?Q?").unwrap().replace('_', " ");
                octets.extend(super::super::qp::decode(q.as_bytes()));
            }
            std::str::from_utf8(&octets).expect("whole characters");
            out.extend(octets);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shorter_encoding_is_taken() {
        assert_eq!(encoded("Caf\u{e9} au lait"), "=?UTF-8?Q?Caf=C3=A9_au_lait?=");
        assert_eq!(encoded("\u{65e5}\u{672c}\u{8a9e}"), "=?UTF-8?B?5pel5pys6Kqe?=");
    }

    proptest! {
        #[test]
        fn words_decode_to_the_text(text in "[a-z ?=_\"\u{e9}\u{5d0}\u{65e5}\u{1f600}]{1,200}", col in 0usize..100) {
            let mut out = Vec::new();
            let mut end = col;
            encode(&text, &mut out, &mut end);
            prop_assert_eq!(decoded(std::str::from_utf8(&out).unwrap()), text);
        }
    }
}
