//! Finding the end of content after DATA (RFC 5321 §4.1.1.4), and undoing dot-stuffing (§4.5.2) where asked.
//!
//! Guarantees: every octet is handed on by reference, in order, the CRLF before the final dot included, the dot not;
//! however the input is split, the content is the same. Only CRLF ends a line: a bare LF or CR is content.

use memchr::memmem::Finder;
use std::sync::LazyLock;

static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n.\r\n"));
static DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Where in a line the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At its first octet.
    Start,
    /// Behind a dot that is its first octet; not handed on yet.
    Dot,
    /// Behind a CR behind that dot; neither handed on yet.
    DotCr,
    /// Behind a CR.
    Cr,
    /// Anywhere else.
    Inside,
}

/// The end finder of one content.
#[derive(Debug)]
pub(super) struct Content {
    at: At,
    unstuff: bool,
}

impl Content {
    pub(super) fn new(unstuff: bool) -> Self {
        Self { at: At::Start, unstuff }
    }

    /// Hands the content in `input` to `take`. Returns how many octets were consumed, and whether the end was among them.
    pub(super) fn feed(&mut self, input: &[u8], take: &mut dyn FnMut(&[u8])) -> (usize, bool) {
        let mut used = 0;
        while let Some(&octet) = input.get(used) {
            let rest = &input[used..];
            match (self.at, octet) {
                (At::Inside, _) => {
                    let (consumed, ended) = self.inside(rest, take);
                    used += consumed;
                    if ended {
                        return (used, true);
                    }
                    continue;
                }
                (At::Start, b'.') => self.at = At::Dot,
                (At::Dot, b'\r') => self.at = At::DotCr,
                (At::DotCr, b'\n') => return (used + 1, true),
                (At::Dot | At::DotCr, _) => {
                    let held: &[u8] = if self.at == At::Dot { b"." } else { b".\r" };
                    let held = if self.unstuff { &held[1..] } else { held };
                    if !held.is_empty() {
                        take(held);
                    }
                    self.at = if self.at == At::Dot { At::Inside } else { At::Cr };
                    continue;
                }
                (At::Start, b'\r') | (At::Cr, b'\r') => {
                    take(&rest[..1]);
                    self.at = At::Cr;
                }
                (At::Cr, b'\n') => {
                    take(&rest[..1]);
                    self.at = At::Start;
                }
                (At::Start | At::Cr, _) => {
                    self.at = At::Inside;
                    continue;
                }
            }
            used += 1;
        }
        (used, false)
    }

    /// From inside a line: in bulk, up to what needs a closer look.
    fn inside(&mut self, input: &[u8], take: &mut dyn FnMut(&[u8])) -> (usize, bool) {
        let found = if self.unstuff { DOT.find(input) } else { END.find(input) };
        if let Some(place) = found {
            take(&input[..place + 2]);
            if !self.unstuff {
                return (place + 5, true);
            }
            self.at = At::Start;
            return (place + 2, false);
        }
        // What might be the beginning of the end is handed on up to its dot.
        let (at, held) = if input.ends_with(b"\r\n.\r") {
            (At::DotCr, 2)
        } else if input.ends_with(b"\r\n.") {
            (At::Dot, 1)
        } else if input.ends_with(b"\r\n") {
            (At::Start, 0)
        } else if input.ends_with(b"\r") {
            (At::Cr, 0)
        } else {
            (At::Inside, 0)
        };
        take(&input[..input.len() - held]);
        self.at = at;
        (input.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content found in `input` when it comes in these pieces, and what is left.
    fn read<'a>(pieces: &[&'a [u8]], unstuff: bool) -> (Vec<u8>, Option<&'a [u8]>) {
        let mut content = Content::new(unstuff);
        let mut got = Vec::new();
        for piece in pieces {
            let (used, ended) = content.feed(piece, &mut |octets| got.extend_from_slice(octets));
            if ended {
                return (got, Some(&piece[used..]));
            }
            assert_eq!(used, piece.len());
        }
        (got, None)
    }

    #[test]
    fn every_split_of_the_input_gives_the_same_content() {
        let cases: [(&[u8], &[u8], &[u8]); 9] = [
            (b".\r\n", b"", b""),
            (b"a\r\n.\r\n", b"a\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b"..\r\n", b".\r\n"),
            (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n..b\r\n...\r\n", b"a\r\n.b\r\n..\r\n"),
            (b"a\n.\nb\r.\r\r\n.\r\n", b"a\n.\nb\r.\r\r\n", b"a\n.\nb\r.\r\r\n"),
            (b".\rx\r\n.\r\r\n.\r\n", b".\rx\r\n.\r\r\n", b"\rx\r\n\r\r\n"),
            (b"\r\n\r\n.\r\n", b"\r\n\r\n", b"\r\n\r\n"),
            (b"a\r\n.\r.\r\n.\r\n", b"a\r\n.\r.\r\n", b"a\r\n\r.\r\n"),
            (b".a\r\n.b\r\n\r\n.\r\n", b".a\r\n.b\r\n\r\n", b"a\r\nb\r\n\r\n"),
        ];
        for (input, raw, plain) in cases {
            let input = [input, b"NEXT"].concat();
            for first in 0..input.len() {
                for second in first..input.len() {
                    let pieces = [&input[..first], &input[first..second], &input[second..]];
                    for (unstuff, expect) in [(false, raw), (true, plain)] {
                        let (got, rest) = read(&pieces, unstuff);
                        assert_eq!(got, expect, "{} at {first}, {second}", input.escape_ascii());
                        assert!(rest.is_some_and(|r| b"NEXT".starts_with(r) || input.ends_with(r)));
                    }
                }
            }
        }
    }

    #[test]
    fn content_without_an_end_goes_on() {
        assert_eq!(read(&[b"a\r\n.\rb\r\n.\n.\n"], false), (b"a\r\n.\rb\r\n.\n.\n".to_vec(), None));
    }
}
