//! Base 64 (RFC 4648 §4) and base 32 in lower case (§6), for MIME, keys, signatures and tokens.
//!
//! Guarantees: what is encoded decodes to the same octets; decoding refuses what is not base 64 instead of guessing.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHABET32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Octets of input that make one line of a MIME body: 57 of them are 76 characters (RFC 2045 §6.8).
const LINE_OCTETS: usize = 57;

/// Appends `input` in base 64, padded, without line breaks.
pub(crate) fn encode(input: &[u8], out: &mut Vec<u8>) {
    out.reserve(input.len().div_ceil(3) * 4);
    for group in input.chunks(3) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digit = |shift: u32| ALPHABET[(bits >> shift & 63) as usize];
        let mut text = [digit(18), digit(12), digit(6), digit(0)];
        text[group.len() + 1..].fill(b'=');
        out.extend_from_slice(&text);
    }
}

/// Appends `input` as a MIME body: lines of 76 characters, each ended by CRLF.
pub(crate) fn encode_lines(input: &[u8], out: &mut Vec<u8>) {
    out.reserve(input.len().div_ceil(LINE_OCTETS) * 78);
    for line in input.chunks(LINE_OCTETS) {
        encode(line, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Decodes `text`; blanks and line breaks are skipped. `None` when it is not base 64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        let value = ALPHABET.iter().position(|&c| c == byte)? as u32;
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | value;
        count += 1;
        if count % 4 == 0 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => out.push((bits >> 4) as u8),
        (3, 1) => out.extend_from_slice(&((bits >> 2) as u16).to_be_bytes()),
        _ => return None,
    }
    Some(out)
}

/// `input`, whose length is a multiple of five, in lower-case base 32.
pub(crate) fn encode32(input: &[u8], out: &mut [u8]) {
    for (group, text) in input.chunks_exact(5).zip(out.chunks_exact_mut(8)) {
        let bits = group.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
        for (i, c) in text.iter_mut().enumerate() {
            *c = ALPHABET32[(bits >> (35 - 5 * i) & 31) as usize];
        }
    }
}

/// Fills `out`, whose length is a multiple of five, from base 32 in either case. `None` when `text` is not exactly that.
pub(crate) fn decode32(text: &[u8], out: &mut [u8]) -> Option<()> {
    if text.len() * 5 != out.len() * 8 {
        return None;
    }
    for (text, group) in text.chunks_exact(8).zip(out.chunks_exact_mut(5)) {
        let mut bits = 0u64;
        for &c in text {
            bits = bits << 5 | ALPHABET32.iter().position(|&a| a == c.to_ascii_lowercase())? as u64;
        }
        group.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            let mut out = Vec::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        let mut out = [0; 8];
        encode32(b"fooba", &mut out);
        assert_eq!(&out, b"mzxw6ytb");
    }

    #[test]
    fn what_is_not_base_64_is_refused() {
        for text in ["A", "AA", "AAA", "AA=A", "AA=", "A===", "AA!=", "A\u{e9}=="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(input in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut lines = Vec::new();
            encode_lines(&input, &mut lines);
            let text = String::from_utf8(lines).unwrap();
            prop_assert!(text.lines().all(|l| l.len() <= 76));
            prop_assert_eq!(decode(&text), Some(input));
        }

        #[test]
        fn base_32_survives_a_change_of_case(input in any::<[u8; 20]>()) {
            let mut text = [0; 32];
            encode32(&input, &mut text);
            let mut back = [0; 20];
            prop_assert_eq!(decode32(&text.to_ascii_uppercase(), &mut back), Some(()));
            prop_assert_eq!(back, input);
        }
    }
}
