//! A server's reply (RFC 5321 §4.2) and its enhanced status code (RFC 3463).
//!
//! Guarantees: text from a peer is kept as bytes and escaped when it is displayed, so it reaches no log raw.
//! Leaves to others: reading replies off a stream (`smtp::reader`), and what they mean for a recipient (`shape`).

use std::fmt;

/// The class of a reply, by the first digit of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2yz: done.
    Positive,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: never.
    Permanent,
}

/// An enhanced status code, `class.subject.detail`; subject and detail have one to three digits (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl Enhanced {
    /// The code with these three parts.
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// Splits a leading enhanced code, and the blank behind it, off `text`. `None` leaves the text whole.
    #[must_use]
    pub fn split(text: &[u8]) -> (Option<Self>, &[u8]) {
        match Self::prefix(text) {
            Some((code, rest)) => (Some(code), rest),
            None => (None, text),
        }
    }

    fn prefix(text: &[u8]) -> Option<(Self, &[u8])> {
        let (class, rest) = text.split_first()?;
        if !matches!(class, b'2' | b'4' | b'5') {
            return None;
        }
        let (subject, rest) = number(rest.strip_prefix(b".")?)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        let rest = match rest {
            [] => rest,
            [b' ' | b'\t', rest @ ..] => rest,
            _ => return None,
        };
        Some((Self { class: class - b'0', subject, detail }, rest))
    }
}

/// One to three digits at the front of `text`, and what follows them.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let (head, rest) = text.split_at(digits);
    Some((head.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0')), rest))
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A reply by reference: valid while the input it was read from is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyRef<'a> {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code, when the text began with one of the code's class.
    pub enhanced: Option<Enhanced>,
    /// The text behind the codes; the lines of a multi-line reply are joined by a newline. Raw bytes of the peer.
    pub text: &'a [u8],
}

impl ReplyRef<'_> {
    /// The class of the code.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.code / 100 {
            2 => Class::Positive,
            3 => Class::Intermediate,
            5 => Class::Permanent,
            _ => Class::Transient,
        }
    }

    /// A copy that lives on its own.
    #[must_use]
    pub fn to_owned(&self) -> Reply {
        Reply { code: self.code, enhanced: self.enhanced, text: self.text.into() }
    }
}

impl fmt::Display for ReplyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(e) = self.enhanced {
            write!(f, " {e}")?;
        }
        write!(f, " {}", Printable(self.text))
    }
}

/// A reply that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code, if there was one.
    pub enhanced: Option<Enhanced>,
    /// The text behind the codes: raw bytes of the peer.
    pub text: Box<[u8]>,
}

impl Reply {
    /// A reply of our own making, for what has no peer to say it (a name that does not exist, a refused connection).
    #[must_use]
    pub fn own(code: u16, enhanced: Enhanced, text: &str) -> Self {
        debug_assert_eq!(code / 100, u16::from(enhanced.class), "RFC 3463 §2: the class is the code's: {text}");
        Self { code, enhanced: Some(enhanced), text: text.as_bytes().into() }
    }

    /// The reply by reference.
    #[must_use]
    pub fn by_ref(&self) -> ReplyRef<'_> {
        ReplyRef { code: self.code, enhanced: self.enhanced, text: &self.text }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by_ref().fmt(f)
    }
}

/// Displays foreign bytes on one line: printable text (UTF-8 too) as it is, a line break as a blank, all else as `\xNN`.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' | '\t' => f.write_char(' ')?,
                    '\\' => f.write_str("\\\\")?,
                    // Bidirectional and other format characters could make a log line lie.
                    c if c.is_control()
                        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
                    {
                        for b in c.encode_utf8(&mut [0; 4]).bytes() {
                            write!(f, "\\x{b:02x}")?;
                        }
                    }
                    c => f.write_char(c)?,
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        Ok(())
    }
}

/// Displays a text as it may stand in a log that many read: words with an `@` are left out, for servers like to quote the
/// recipient's address. The text is to be printable already.
#[derive(Clone, Copy, Debug)]
pub struct Nameless<'a>(pub &'a str);

impl fmt::Display for Nameless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = |c: char| c.is_whitespace() || "<>()[]{}\"',;:=".contains(c);
        for part in self.0.split_inclusive(ends) {
            let word = part.trim_end_matches(ends);
            let behind = part.get(word.len()..).unwrap_or_default();
            f.write_str(if word.contains('@') { "…" } else { word })?;
            f.write_str(behind)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_left_out_of_a_log() {
        let said = "450 4.7.1 <ann+x@a.example>: Recipient address rejected: greylisted, ann@b.example; see http://c.example/?a=b@c";
        let shown = "450 4.7.1 <…>: Recipient address rejected: greylisted, …; see http://c.example/?a=…";
        assert_eq!(Nameless(said).to_string(), shown);
        assert_eq!(Nameless("@").to_string() + &Nameless("").to_string(), "…");
    }

    #[test]
    fn three_digit_details_are_one_number() {
        assert_eq!(Enhanced::split(b"4.7.500 slow down"), (Some(Enhanced::new(4, 7, 500)), &b"slow down"[..]));
        assert_eq!(Enhanced::split(b"2.0.0"), (Some(Enhanced::new(2, 0, 0)), &b""[..]));
    }

    #[test]
    fn what_is_no_enhanced_code_stays_text() {
        for text in ["", "2", "2.", "2.0", "2.0.", "3.0.0 x", "2.0000.0 x", "2.0.0x", "Ok 2.0.0"] {
            assert_eq!(Enhanced::split(text.as_bytes()), (None, text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn foreign_text_is_shown_on_one_line_and_escaped() {
        assert_eq!(Printable(b"a\nb\x1b[2J\xff\\\xc3\xa9").to_string(), "a b\\x1b[2J\\xff\\\\\u{e9}");
    }
}
