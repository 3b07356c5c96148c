//! Takes replies off a stream (RFC 5321 §4.2), whatever the pieces it arrives in.
//!
//! Guarantees: a reply of one line that lies whole in the input is given by reference, nothing is copied; else its text
//! is gathered in a buffer that is bounded ([`LINE_MAX`], [`LINES_MAX`], [`TEXT_MAX`]) and reused. Foreign bytes are
//! kept as they are. A bare LF ends a line as CRLF does. Leaves to others: what a reply means.

use crate::mail::{Enhanced, ReplyRef};
use memchr::memchr;

/// The longest line, its end not counted. RFC 5321 §4.5.3.1.5 allows 512; some servers say more.
pub const LINE_MAX: usize = 2048;
/// The most lines of one reply.
pub const LINES_MAX: usize = 128;
/// How much text of a reply is kept. The line that would pass it, and those behind it, are read and dropped.
pub const TEXT_MAX: usize = 4096;

/// A rule that the peer broke; the stream cannot be trusted from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// See [`LINE_MAX`].
    #[error("a reply line is longer than 2048 octets")]
    LongLine,
    /// See [`LINES_MAX`].
    #[error("a reply has more than 128 lines")]
    ManyLines,
    /// No three digits, or the first is not 2, 3, 4 or 5.
    #[error("a reply does not begin with a code from 200 to 599")]
    Code,
    /// Behind the code stands neither a blank, a hyphen nor the end of the line.
    #[error("a reply code is followed by neither a blank nor a hyphen")]
    Separator,
    /// A later line of a reply has another code than its first.
    #[error("the lines of a reply have different codes")]
    CodesDiffer,
}

impl Malformed {
    /// The rule as a fixed sentence.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::LongLine => "a reply line is longer than 2048 octets",
            Self::ManyLines => "a reply has more than 128 lines",
            Self::Code => "a reply does not begin with a code from 200 to 599",
            Self::Separator => "a reply code is followed by neither a blank nor a hyphen",
            Self::CodesDiffer => "the lines of a reply have different codes",
        }
    }
}

/// Reads replies; holds what has come of the one that is not whole yet.
#[derive(Debug, Default)]
pub struct Reader {
    /// A line whose end has not come.
    partial: Vec<u8>,
    /// The text of the lines that are whole, joined by newlines.
    text: Vec<u8>,
    code: u16,
    enhanced: Option<Enhanced>,
    lines: usize,
    /// A line did not fit into [`TEXT_MAX`]: none behind it is kept.
    full: bool,
    /// The text belongs to a reply that was given out.
    given: bool,
}

/// One line, taken apart.
struct Line<'a> {
    code: u16,
    last: bool,
    text: &'a [u8],
}

impl Reader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next reply of `input`, which moves behind it; `None` when the input is used up.
    ///
    /// # Errors
    /// The rule that the peer broke. Nothing more can be read then.
    pub fn next<'r, 'i: 'r>(&'r mut self, input: &mut &'i [u8]) -> Result<Option<ReplyRef<'r>>, Malformed> {
        if self.given {
            self.restart();
        }
        if self.lines == 0 && self.partial.is_empty() {
            let Some(line) = take_line(input)? else {
                return self.hold(input);
            };
            let line = Line::parse(line)?;
            if line.last {
                let (enhanced, text) = split_enhanced(line.code, line.text);
                return Ok(Some(ReplyRef { code: line.code, enhanced, text }));
            }
            self.gather(&line)?;
        }
        loop {
            let Some(line) = take_line(input)? else {
                return self.hold(input);
            };
            if self.line(line)? {
                break;
            }
        }
        self.given = true;
        Ok(Some(ReplyRef { code: self.code, enhanced: self.enhanced, text: &self.text }))
    }

    /// Forgets what was begun, and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Octets of memory that are held.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.partial.capacity() + self.text.capacity()
    }

    fn restart(&mut self) {
        self.text.clear();
        self.lines = 0;
        self.full = false;
        self.given = false;
    }

    /// Keeps the beginning of a line until its end comes.
    fn hold<'r>(&mut self, input: &mut &[u8]) -> Result<Option<ReplyRef<'r>>, Malformed> {
        // One octet more than a line may have: the CR.
        if self.partial.len() + input.len() > LINE_MAX + 1 {
            return Err(Malformed::LongLine);
        }
        self.partial.extend_from_slice(input);
        *input = &[];
        Ok(None)
    }

    /// Adds a line that is now whole, `end` being the part of it in the input. Says whether it was the last.
    fn line(&mut self, end: &[u8]) -> Result<bool, Malformed> {
        if self.partial.is_empty() {
            let line = Line::parse(end)?;
            self.gather(&line)?;
            return Ok(line.last);
        }
        if self.partial.len() + end.len() > LINE_MAX + 1 {
            return Err(Malformed::LongLine);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(end);
        let line = Line::parse(&whole)?;
        self.gather(&line)?;
        let last = line.last;
        whole.clear();
        self.partial = whole;
        Ok(last)
    }

    fn gather(&mut self, line: &Line<'_>) -> Result<(), Malformed> {
        let (enhanced, text) = split_enhanced(line.code, line.text);
        if self.lines == 0 {
            self.code = line.code;
            self.enhanced = enhanced;
            self.text.extend_from_slice(text);
        } else if self.code != line.code {
            return Err(Malformed::CodesDiffer);
        } else if self.lines == LINES_MAX {
            return Err(Malformed::ManyLines);
        } else {
            // Servers repeat the enhanced code on each line; another one than the first line's is text.
            let text = if enhanced.is_some() && enhanced == self.enhanced { text } else { line.text };
            self.full |= self.text.len() + 1 + text.len() > TEXT_MAX;
            if !self.full {
                self.text.push(b'\n');
                self.text.extend_from_slice(text);
            }
        }
        self.lines += 1;
        Ok(())
    }
}

/// Splits the first line off `input`, with its CR but without its LF.
fn take_line<'i>(input: &mut &'i [u8]) -> Result<Option<&'i [u8]>, Malformed> {
    let Some(end) = memchr(b'\n', input) else {
        return Ok(None);
    };
    if end > LINE_MAX + 1 {
        return Err(Malformed::LongLine);
    }
    let (line, rest) = input.split_at(end);
    *input = rest.get(1..).unwrap_or_default();
    Ok(Some(line))
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > LINE_MAX {
            return Err(Malformed::LongLine);
        }
        let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else {
            return Err(Malformed::Code);
        };
        let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
        match rest {
            [] => Ok(Self { code, last: true, text: rest }),
            [b' ', text @ ..] => Ok(Self { code, last: true, text }),
            [b'-', text @ ..] => Ok(Self { code, last: false, text }),
            _ => Err(Malformed::Separator),
        }
    }
}

/// An enhanced code counts only when its class is that of the reply (RFC 2034 §4).
fn split_enhanced(code: u16, text: &[u8]) -> (Option<Enhanced>, &[u8]) {
    match Enhanced::split(text) {
        (Some(e), rest) if u16::from(e.class) == code / 100 => (Some(e), rest),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Reply;

    /// What a reader makes of `pieces`; the reader too.
    fn read(pieces: &[&[u8]]) -> (Result<Vec<Reply>, Malformed>, Reader) {
        let mut reader = Reader::new();
        let mut replies = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            loop {
                match reader.next(&mut input) {
                    Ok(Some(reply)) => replies.push(reply.to_owned()),
                    Ok(None) => break,
                    Err(e) => return (Err(e), reader),
                }
            }
        }
        (Ok(replies), reader)
    }

    fn shown(stream: &[u8]) -> Vec<String> {
        read(&[stream]).0.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn replies_come_one_by_one_with_their_codes() {
        assert_eq!(
            shown(b"250 2.1.0 Ok\r\n354 go\r\n550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n250\r\n250 \n"),
            ["250 2.1.0 Ok", "354 go", "550 5.1.1 no such user", "250 ", "250 "]
        );
    }

    #[test]
    fn an_enhanced_code_of_another_class_is_text() {
        assert_eq!(shown(b"250 5.1.1 x\r\n"), ["250 5.1.1 x"]);
        let (replies, _) = read(&[b"250 5.1.1 x\r\n"]);
        assert_eq!(replies.unwrap().first().unwrap().enhanced, None);
    }

    #[test]
    fn nul_and_octets_above_127_are_kept() {
        let (replies, _) = read(&[b"250-a\0b\r\n250 \xff\xfe\r\n"]);
        assert_eq!(&*replies.unwrap().first().unwrap().text, b"a\0b\n\xff\xfe");
    }

    #[test]
    fn every_split_gives_the_same_replies() {
        let stream = b"220 mx ready\r\n250-mx\n250-SIZE 10\r\n250 8BITMIME\r\n451-4.7.1 a\r\n451 4.7.1 b\r\n250\r\n";
        let whole = read(&[stream]).0.unwrap();
        assert_eq!(whole.len(), 4);
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(read(&[a, b]).0.unwrap(), whole, "split at {at}");
        }
        let octets: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&octets).0.unwrap(), whole);
    }

    #[test]
    fn each_broken_rule_has_its_name() {
        let long = [b"250 ".as_slice(), &[b'x'; LINE_MAX]].concat();
        let many = b"250-x\r\n".repeat(LINES_MAX + 1);
        for (stream, error) in [
            (&b"hello\r\n"[..], Malformed::Code),
            (b"199 x\r\n", Malformed::Code),
            (b"600 x\r\n", Malformed::Code),
            (b"\r\n", Malformed::Code),
            (b"25\r\n", Malformed::Code),
            (b"250\tx\r\n", Malformed::Separator),
            (b"2500 x\r\n", Malformed::Separator),
            (b"250-a\r\n251 b\r\n", Malformed::CodesDiffer),
            (&long, Malformed::LongLine),
            (&many, Malformed::ManyLines),
        ] {
            assert_eq!(read(&[stream]).0, Err(error), "{:?}", &stream[..stream.len().min(20)]);
            let octets: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(read(&octets).0, Err(error));
            assert_eq!(error.rule(), error.to_string());
        }
    }

    #[test]
    fn the_longest_reply_is_read_and_its_text_is_bounded() {
        let line = [b"250-".as_slice(), &[b'x'; LINE_MAX - 4], b"\r\n"].concat();
        let mut stream = line.repeat(LINES_MAX - 1);
        stream.extend_from_slice(b"250 end\r\n");
        let pieces: Vec<&[u8]> = stream.chunks(7).collect();
        let (replies, reader) = read(&pieces);
        assert_eq!(replies.unwrap().first().unwrap().text.len(), 2 * (LINE_MAX - 4) + 1);
        assert!(reader.memory() <= 2 * (TEXT_MAX + LINE_MAX), "{}", reader.memory());
    }
}
