//! Quoted-printable (RFC 2045 §6.7), canonical for the wire.
//!
//! Guarantees: lines of at most 76 octets, ended by CRLF; 7-bit, and no TAB; no line begins with a dot, so the octets
//! need no dot-stuffing, nor with "From ", which some stores would quote and so break a signature; no blank stands raw
//! at the end of a piece, so pieces may be joined by a soft break or a line break.
//!
//! LF, CR and CRLF in the text are each one line break.

/// Octets of a line before its soft break "=".
const LINE_MAX: usize = 75;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Which octets stand for themselves within a line.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = b' ';
    while b <= b'~' {
        table[b as usize] = b != b'=';
        b += 1;
    }
    table
};

/// Appends a soft line break: it vanishes when decoded.
pub(crate) fn soft_break(out: &mut Vec<u8>, col: &mut usize) {
    out.extend_from_slice(b"=\r\n");
    *col = 0;
}

/// Appends `text` encoded. `col` is the column that the output stands in, before and after.
pub(crate) fn encode(mut text: &[u8], out: &mut Vec<u8>, col: &mut usize) {
    if stands_for_itself(text, *col) {
        out.extend_from_slice(text);
        *col += text.len();
        return;
    }
    while let Some(end) = memchr::memchr2(b'\n', b'\r', text) {
        let (line, rest) = text.split_at(end);
        encode_line(line, out, col);
        out.extend_from_slice(b"\r\n");
        *col = 0;
        text = rest.strip_prefix(b"\r\n").unwrap_or(&rest[1..]);
    }
    encode_line(text, out, col);
}

/// Whether `text` is encoded as it is: most values are short words in the middle of a line.
fn stands_for_itself(text: &[u8], col: usize) -> bool {
    col > 0
        && col + text.len() <= LINE_MAX
        && !text.ends_with(b" ")
        && text.iter().fold(true, |plain, b| plain & (b' '..=b'~').contains(b) & (*b != b'='))
}

fn encode_line(mut text: &[u8], out: &mut Vec<u8>, col: &mut usize) {
    while let Some(&first) = text.first() {
        let must_hide = match first {
            b'.' => *col == 0,
            b'F' => *col == 0 && text.starts_with(b"From "),
            b' ' => text.len() == 1,
            b => !PLAIN[usize::from(b)],
        };
        if must_hide {
            if *col + 3 > LINE_MAX {
                soft_break(out, col);
            }
            out.extend_from_slice(&[b'=', HEX[usize::from(first >> 4)], HEX[usize::from(first & 15)]]);
            *col += 3;
            text = &text[1..];
            continue;
        }
        let room = LINE_MAX.saturating_sub(*col);
        if room == 0 {
            soft_break(out, col);
            continue;
        }
        let mut run = plain_prefix(&text[..room.min(text.len())]);
        if run == text.len() && text.ends_with(b" ") {
            run -= 1;
        }
        out.extend_from_slice(&text[..run]);
        *col += run;
        text = &text[run..];
    }
}

fn plain_prefix(text: &[u8]) -> usize {
    text.iter().position(|&b| !PLAIN[usize::from(b)]).unwrap_or(text.len())
}

/// Decodes what [`encode`] made: the tests' judge, together with Python's.
#[cfg(test)]
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut i = 0;
    while i < text.len() {
        match text[i..] {
            [b'=', b'\r', b'\n', ..] => i += 3,
            [b'=', a, b, ..] => {
                let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
                out.push(digit(a) << 4 | digit(b));
                i += 3;
            }
            [b'\r', b'\n', ..] => {
                out.push(b'\n');
                i += 2;
            }
            [b, ..] => {
                out.push(b);
                i += 1;
            }
            [] => unreachable!(),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        encode(text.as_bytes(), &mut out, &mut 0);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_must_be_hidden_is_hidden() {
        assert_eq!(encoded("a = b\u{e9}"), "a =3D b=C3=A9");
        assert_eq!(encoded(".a.b\n.\n"), "=2Ea.b\r\n=2E\r\n");
        assert_eq!(encoded("From me\nFrome"), "=46rom me\r\nFrome");
        assert_eq!(encoded("a \nb\t\n "), "a=20\r\nb=09\r\n=20");
        assert_eq!(encoded("1\r\n2\r3\n\n"), "1\r\n2\r\n3\r\n\r\n");
    }

    #[test]
    fn a_dot_after_a_soft_break_is_hidden() {
        let text = format!("{}.end", "x".repeat(LINE_MAX));
        assert_eq!(encoded(&text), format!("{}=\r\n=2Eend", "x".repeat(LINE_MAX)));
    }

    proptest! {
        #[test]
        fn decodes_to_the_text_and_keeps_its_promises(text in "[ .=FromA-z\\t\\n\\r\u{e9}\u{1f600}\0]{0,400}", start in 0usize..76) {
            let mut out = vec![b'x'; start];
            let mut col = start;
            encode(text.as_bytes(), &mut out, &mut col);
            let want = text.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(decode(&out[start..]), want.as_bytes());
            for line in out.split(|&b| b == b'\n') {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                prop_assert!(line.len() <= 76 && !line.starts_with(b".") && !line.starts_with(b"From "));
                prop_assert!(!line.ends_with(b" ") && line.iter().all(|b| (b' '..=b'~').contains(b)));
            }
            prop_assert_eq!(col, out.len() - out.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1));
        }
    }
}
