//! Which encoding a text is written in, and its characters.
//!
//! UTF-8 is taken for granted where the octets are UTF-8. What is not is decoded only where that is certain: UTF-16 by its
//! mark or by its NULs, ISO-2022-JP by its escapes, Windows-1252 where each letter beyond ASCII stands where words of Western
//! Europe have it (`western`). A page says itself what it is written in (`declared`), and that decides. Everything else is refused with its place, for a wrong letter in a name is worse than a question.
//!
//! Guarantees: a mark at the front, and a second one behind it, is no part of the text; a text that is returned holds no
//! NUL and no escape character. Leaves to others: reading files, and what a setting asks for.

mod declared;
mod readings;
mod western;

pub use declared::decode_page;
pub use readings::Reading;

use encoding_rs::{DecoderResult, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The mark that may stand in front of a text, as a character.
const MARK: char = '\u{feff}';
/// Places that are not UTF-8, below which one of them is rather a slip than another encoding.
pub const SLIPS_MAX: u64 = 2;
/// So many NULs are no slips.
const NULS_MIN: usize = 4;
/// Characters of a word that is shown.
const WORD_CHARACTERS: usize = 24;

/// An encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// UTF-8, and with it ASCII.
    pub const UTF_8: Self = Self(UTF_8);
    /// Windows-1252, "ANSI" of Western Europe, and with it ISO-8859-1.
    pub const WINDOWS_1252: Self = Self(WINDOWS_1252);

    /// The encoding that a label means (those of the Encoding Standard: `windows-1251`, `latin1`, `shift_jis`, `utf-16`).
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        Encoding::for_label_no_replacement(label.as_bytes()).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            encoding if encoding == WINDOWS_1252 => "Windows-1252",
            encoding => encoding.name(),
        }
    }

    /// Whether each octet is a character, and those of ASCII are ASCII's.
    #[must_use]
    pub fn is_octet_by_octet(self) -> bool {
        self.0.is_single_byte()
    }

    fn is_utf_16(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
    }

    /// This encoding, or the other order of octets where the front of the text says so.
    #[must_use]
    pub fn as_marked(self, front: &[u8]) -> Self {
        match marked(front) {
            Some(found) if self.is_utf_16() && found.is_utf_16() => found,
            _ => self,
        }
    }

    /// Appends the characters of octets that stand for one each ([`Self::is_octet_by_octet`]).
    pub fn append(self, octets: &[u8], out: &mut Vec<u8>) {
        let (text, _) = self.0.decode_without_bom_handling(octets);
        out.extend_from_slice(text.as_bytes());
    }
}

/// A text, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its characters.
    pub text: String,
    /// What it was written in.
    pub charset: Charset,
}

/// Why octets are no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}{}", readings::told(.readings))]
pub struct Undecodable {
    /// The line, from 1.
    pub line: u64,
    /// The octet of that line, from 1.
    pub column: u64,
    /// In how many places it is not UTF-8.
    pub places: u64,
    /// What is there.
    pub fault: Fault,
    /// Words of it, as they would be read in the likelier encodings.
    pub readings: Vec<Reading>,
}

/// What stands in the way of reading octets as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The encoding is known, and not read here.
    #[error("its encoding is {0}, which is not read here")]
    Known(&'static str),
    /// The encoding is known or was named, and an octet is none of it.
    #[error("its encoding seems to be {}, and here is something that is not: it is damaged, or of two encodings", .0.name())]
    Malformed(Charset),
    /// UTF-8 in some places only.
    #[error("its encoding is UTF-8 in some places, and another one in this: the octet {0:#04x} is not UTF-8")]
    Mixed(u8),
    /// Not UTF-8, and nothing else for certain.
    #[error("its encoding cannot be told: the octet {0:#04x} is not UTF-8, and it is not Windows-1252 for certain")]
    Unknown(u8),
    /// It declares an encoding, and an octet is none of it.
    #[error(
        "its encoding is {declared}, as it says itself, and it is not: the octet {octet:#04x} is no character of that{seems}"
    )]
    Contradicted {
        /// What it declares.
        declared: String,
        /// The first octet that says otherwise.
        octet: u8,
        /// What it would be read as otherwise.
        seems: String,
    },
    /// It declares an encoding that nobody knows.
    #[error(
        "its encoding is {declared:?}, as it says itself, which is not known here: the octet {octet:#04x} cannot be read"
    )]
    Undeclared {
        /// What it declares.
        declared: String,
        /// The first octet that is not ASCII.
        octet: u8,
    },
    /// NUL in what is no UTF-16.
    #[error("a NUL character, which no text has: its encoding cannot be told, or it is no text")]
    Nul,
    /// An escape character in what is no ISO-2022-JP.
    #[error(
        "an escape character (ESC), which no text has: its encoding cannot be told, or it was written for a terminal"
    )]
    Escape,
}

/// What the octets of a text, or of the front of one, are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The encoding.
    pub charset: Charset,
    /// Nothing but ASCII was seen: what follows may be anything that begins so.
    pub is_ascii: bool,
}

impl Text {
    /// How it was read, where that is not as UTF-8: a half sentence, with a word that shows whether it is right.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let word = || first_word_beyond_ascii(&self.text).map(|word| format!(" (\"{word}\")")).unwrap_or_default();
        (self.charset != Charset::UTF_8).then(|| format!("read as {}{}", self.charset.name(), word()))
    }
}

/// The characters of a whole text, whatever it is written in, where that is certain.
///
/// # Errors
/// It is not certain, or something in it is no text.
pub fn decode(octets: &[u8]) -> Result<Text, Undecodable> {
    decode_as(octets, guess(octets)?.charset)
}

/// The characters of a whole text that is written in `charset`.
///
/// # Errors
/// It is not, or something in it is no text.
pub fn decode_as(octets: &[u8], charset: Charset) -> Result<Text, Undecodable> {
    let charset = charset.as_marked(octets);
    let Some(text) = charset.0.decode_without_bom_handling_and_without_replacement(octets) else {
        let at = malformed_at(octets, charset);
        let fault = match octets.get(at) {
            Some(octet) if charset == Charset::UTF_8 => Fault::Unknown(*octet),
            _ => Fault::Malformed(charset),
        };
        return Err(placed(octets, at, 1, fault));
    };
    let text = text.trim_start_matches(MARK);
    if let Some(at) = text.find(['\0', '\u{1b}']) {
        let fault = if text.get(at..).is_some_and(|rest| rest.starts_with('\0')) { Fault::Nul } else { Fault::Escape };
        return Err(placed(text.as_bytes(), at, 0, fault));
    }
    Ok(Text { text: text.to_owned(), charset })
}

/// What a text is written in, by its octets or the front of them.
///
/// # Errors
/// That is not certain.
pub fn guess(front: &[u8]) -> Result<Guess, Undecodable> {
    let certain = |charset| Ok(Guess { charset, is_ascii: false });
    if let [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] = front {
        return Err(placed(front, 0, 0, Fault::Known("UTF-32")));
    }
    if let Some(charset) = marked(front) {
        return certain(charset);
    }
    if let Some(charset) = by_nuls(front) {
        return certain(charset);
    }
    if front.is_ascii() {
        return by_escapes(front);
    }
    let seen = Beyond::of(front);
    match seen.first {
        None => certain(Charset::UTF_8),
        Some((at, octet)) if seen.sequences > 0 && !seen.are_chances(front) => {
            Err(placed(front, at, seen.places, Fault::Mixed(octet)))
        }
        Some((at, octet)) if !western::is_certain(front) => {
            let why = placed(front, at, seen.places, Fault::Unknown(octet));
            Err(Undecodable { readings: readings::of(front), ..why })
        }
        Some(_) => certain(Charset::WINDOWS_1252),
    }
}

/// The first word that is not of ASCII alone, for people to see whether it was read rightly.
#[must_use]
pub fn first_word_beyond_ascii(text: &str) -> Option<String> {
    let at = text.find(|c: char| !c.is_ascii() && c.is_alphabetic())?;
    let in_word = |c: &char| c.is_alphanumeric();
    let before: Vec<char> = text.get(..at)?.chars().rev().take_while(in_word).take(WORD_CHARACTERS / 2).collect();
    let behind = text.get(at..)?.chars().take_while(in_word).take(WORD_CHARACTERS / 2);
    Some(before.into_iter().rev().chain(behind).collect())
}

/// Turns a stream of octets to UTF-8. What is no character becomes U+FFFD.
pub struct Transcoder {
    decoder: encoding_rs::Decoder,
    begun: bool,
    text: String,
}

impl Transcoder {
    /// One for texts in `charset`.
    #[must_use]
    pub fn new(charset: Charset) -> Self {
        Self { decoder: charset.0.new_decoder_without_bom_handling(), begun: false, text: String::new() }
    }

    /// Appends the characters that more octets bring; `is_last`: nothing follows them.
    pub fn append(&mut self, mut octets: &[u8], is_last: bool, out: &mut Vec<u8>) {
        self.text.clear();
        loop {
            let room = self.decoder.max_utf8_buffer_length(octets.len()).unwrap_or(octets.len());
            self.text.reserve(room.max(16));
            let (end, read, _) = self.decoder.decode_to_string(octets, &mut self.text, is_last);
            octets = octets.get(read..).unwrap_or_default();
            if end == encoding_rs::CoderResult::InputEmpty {
                break;
            }
        }
        let text = if self.begun { self.text.as_str() } else { self.text.trim_start_matches(MARK) };
        self.begun |= !text.is_empty();
        out.extend_from_slice(text.as_bytes());
    }
}

/// What the mark at the front says.
fn marked(front: &[u8]) -> Option<Charset> {
    match front {
        [0xef, 0xbb, 0xbf, ..] => Some(Charset::UTF_8),
        [0xff, 0xfe, ..] => Some(Charset(UTF_16LE)),
        [0xfe, 0xff, ..] => Some(Charset(UTF_16BE)),
        _ => None,
    }
}

/// UTF-16 without its mark: one of the two octets of many characters is NUL, always the same.
fn by_nuls(front: &[u8]) -> Option<Charset> {
    let mut nuls = [0usize; 2];
    for (octet, parity) in front.iter().zip([0usize, 1].into_iter().cycle()) {
        if let Some(count) = nuls.get_mut(parity).filter(|_| *octet == 0) {
            *count += 1;
        }
    }
    let often = |count: usize| count >= NULS_MIN && count.saturating_mul(4) >= front.len() / 2;
    match nuls {
        [high, 0] if often(high) => Some(Charset(UTF_16BE)),
        [0, high] if often(high) => Some(Charset(UTF_16LE)),
        _ => None,
    }
}

/// What octets of ASCII alone are: ASCII, or an encoding that escapes from it.
fn by_escapes(front: &[u8]) -> Result<Guess, Undecodable> {
    let ascii = Ok(Guess { charset: Charset::UTF_8, is_ascii: true });
    for at in memchr::memchr_iter(0x1b, front) {
        match front.get(at + 1..) {
            Some([b'$', b')' | b'*' | b'A' | b'+', ..]) => {
                return Err(placed(front, at, 0, Fault::Known("ISO-2022-KR or ISO-2022-CN")));
            }
            Some([b'$', b'B' | b'@', ..] | [b'(', b'J' | b'I', ..]) => {
                return Ok(Guess { charset: Charset(ISO_2022_JP), is_ascii: false });
            }
            _ => {}
        }
    }
    ascii
}

/// The octets beyond ASCII in a text that bears no mark.
struct Beyond {
    /// Characters of UTF-8.
    sequences: u64,
    /// Runs of octets that are not UTF-8, and the first such octet.
    places: u64,
    first: Option<(usize, u8)>,
}

impl Beyond {
    fn of(text: &[u8]) -> Self {
        let mut seen = Self { sequences: 0, places: 0, first: None };
        let (mut from, mut is_open) = (0, false);
        while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
            let (good, bad) = match std::str::from_utf8(rest) {
                Ok(all) => (all, None),
                Err(error) => {
                    let good = rest.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok());
                    // The front of a text may end amid a character.
                    (good.unwrap_or_default(), error.error_len())
                }
            };
            seen.sequences += good.chars().filter(|c| !c.is_ascii()).count() as u64;
            is_open &= good.is_empty();
            let Some(length) = bad else { break };
            let at = from + good.len();
            seen.first = seen.first.or_else(|| text.get(at).map(|octet| (at, *octet)));
            seen.places += u64::from(!is_open);
            is_open = true;
            from = at + length;
        }
        seen
    }

    /// Whether what seems to be UTF-8 is what characters of two octets each happen to be in some places.
    fn are_chances(&self, text: &[u8]) -> bool {
        self.sequences < self.places.saturating_mul(2) && readings::is_of_two_each(text)
    }
}

fn malformed_at(octets: &[u8], charset: Charset) -> usize {
    if charset == Charset::UTF_8 {
        return std::str::from_utf8(octets).map_or_else(|error| error.valid_up_to(), str::len);
    }
    let mut decoder = charset.0.new_decoder_without_bom_handling();
    let (mut at, mut room) = (0, [0u8; 4096]);
    loop {
        let rest = octets.get(at..).unwrap_or_default();
        let (end, read, _) = decoder.decode_to_utf8_without_replacement(rest, &mut room, true);
        at += read;
        match end {
            DecoderResult::OutputFull if read > 0 => {}
            DecoderResult::Malformed(length, behind) => return at.saturating_sub(usize::from(length + behind)),
            _ => return at,
        }
    }
}

fn placed(text: &[u8], at: usize, places: u64, fault: Fault) -> Undecodable {
    let before = text.get(..at).unwrap_or(text);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
    Undecodable { line, column: (at - line_start) as u64 + 1, places, fault, readings: Vec::new() }
}

#[cfg(test)]
mod tests;
