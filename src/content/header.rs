//! Header fields (RFC 5322 §2.2, §3): written folded and encoded, so that no value can break out of its field.
//!
//! Guarantees: tabs and line breaks become a blank, another control character is refused, never written; lines are folded at 78 columns where there is a blank to
//! fold at, and are at most 990 octets in any case; a continuation line begins with a blank, never with a dot. Addresses
//! are never encoded.

use super::error::ComposeError;
use super::words;
use crate::base::clock::UnixTime;
use std::borrow::Cow;
use std::io::Write as _;

/// Most octets of one value before encoding.
pub(crate) const VALUE_MAX: usize = 8 * 1024;
/// Column to fold before (RFC 5322 §2.1.1).
pub(crate) const FOLD: usize = 78;
/// Longest word that is written as it is. With a name and a fold it stays under 990.
pub(crate) const WORD_MAX: usize = 850;

/// The value as it may stand in a header: each run of tabs and line breaks is one blank.
pub(crate) fn folded<'v>(field: &str, value: &'v str) -> Result<Cow<'v, str>, ComposeError> {
    if value.len() > VALUE_MAX {
        return Err(ComposeError::TooLong { field: format!("{field} header"), max: VALUE_MAX });
    }
    if first_control(value).is_none() {
        return Ok(Cow::Borrowed(value));
    }
    let mut folded = String::with_capacity(value.len());
    for part in value.split(folds).filter(|part| !part.is_empty()) {
        folded.push_str(if folded.is_empty() { "" } else { " " });
        folded.push_str(part);
    }
    match first_control(&folded) {
        None => Ok(Cow::Owned(folded)),
        Some(c) => Err(ComposeError::Control { field: format!("{field} header"), code: u32::from(c) }),
    }
}

/// Whether a character becomes a blank in a header: tabs and all kinds of line breaks.
#[must_use]
pub fn folds(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The first control character of `value` (C0, DEL, C1, and the line and paragraph separators).
pub(crate) fn first_control(value: &str) -> Option<char> {
    // All of them are looked at, several at once: hardly a value has one.
    if value.bytes().fold(true, |plain, b| plain & (b' '..=b'~').contains(&b)) {
        return None;
    }
    value.chars().find(|&c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Appends an unstructured field.
pub(crate) fn text(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), ComposeError> {
    let value = folded(name, value)?;
    let value = value.trim_matches(' ');
    let mut col = begin(name, out);
    if is_plain(value) {
        fold(value, out, &mut col);
    } else {
        words::encode(value, out, &mut col);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a field that holds one mailbox. `address` has been validated.
pub(crate) fn mailbox(name: &str, display: &str, address: &str, out: &mut Vec<u8>) -> Result<(), ComposeError> {
    let mut col = begin(name, out);
    write_mailbox(name, display, address, out, &mut col)?;
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_mailbox(
    name: &str,
    display: &str,
    address: &str,
    out: &mut Vec<u8>,
    col: &mut usize,
) -> Result<(), ComposeError> {
    let display = folded(name, display)?;
    let display = display.trim_matches(' ');
    if first_control(address).is_some() {
        return Err(ComposeError::Address { field: name.to_owned(), reason: "it has a control character".to_owned() });
    }
    if display.is_empty() {
        out.extend_from_slice(address.as_bytes());
        *col += address.len();
    } else {
        phrase(display, out, col);
        // With its brackets, and the comma that may follow.
        blank_or_fold(address.len() + 3, out, col);
        out.push(b'<');
        out.extend_from_slice(address.as_bytes());
        out.push(b'>');
        *col += address.len() + 2;
    }
    Ok(())
}

/// A field of several addresses while it is written (RFC 5322 §3.4).
pub(crate) struct AddressList<'o> {
    name: &'o str,
    out: &'o mut Vec<u8>,
    start: usize,
    col: usize,
    /// What parts the next address from what is there.
    parting: &'static str,
}

impl<'o> AddressList<'o> {
    pub(crate) fn begin(name: &'o str, out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        let col = begin(name, out);
        Self { name, out, start, col, parting: "" }
    }

    /// The next mailbox. `address` has been validated.
    pub(crate) fn mailbox(&mut self, display: &str, address: &str) -> Result<(), ComposeError> {
        self.part(display.len().min(FOLD / 2) + address.len());
        write_mailbox(self.name, display, address, self.out, &mut self.col)?;
        self.parting = ",";
        Ok(())
    }

    /// What follows is of a group of this name, until [`close`](Self::close).
    pub(crate) fn open(&mut self, group: &str) -> Result<(), ComposeError> {
        self.part(group.len().min(FOLD / 2));
        phrase(folded(self.name, group)?.trim_matches(' '), self.out, &mut self.col);
        self.out.push(b':');
        self.col += 1;
        self.parting = " ";
        Ok(())
    }

    pub(crate) fn close(&mut self) {
        self.out.push(b';');
        self.col += 1;
        self.parting = ",";
    }

    /// Ends the field; one without any address goes.
    pub(crate) fn end(self) {
        match self.parting {
            "" => self.out.truncate(self.start),
            _ => self.out.extend_from_slice(b"\r\n"),
        }
    }

    fn part(&mut self, next: usize) {
        if self.parting == "," {
            self.out.push(b',');
            self.col += 1;
        }
        if !self.parting.is_empty() {
            blank_or_fold(next, self.out, &mut self.col);
        }
    }
}

/// Appends a word that stands as it is; one that is longer than a line may be is folded before its blanks. On an error its
/// octets.
pub(crate) fn long_word(word: &str, out: &mut Vec<u8>, col: &mut usize) -> Result<(), usize> {
    if word.len() <= WORD_MAX {
        out.extend_from_slice(word.as_bytes());
        *col += word.len();
        return Ok(());
    }
    if word.contains("        ") || word.split(' ').any(|part| part.len() > WORD_MAX) {
        return Err(word.len());
    }
    fold(word, out, col);
    Ok(())
}

/// Appends a field of addresses of the web or of mail in angle brackets (RFC 2369 §2), one on each line. They have been
/// validated.
pub(crate) fn bracketed<'a>(name: &str, addresses: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    begin(name, out);
    for (i, address) in addresses.enumerate() {
        out.extend_from_slice(if i > 0 { b",\r\n <" } else { b"<" });
        out.extend_from_slice(address.as_bytes());
        out.push(b'>');
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the Date field (RFC 5322 §3.3), in UTC.
pub(crate) fn date(at: UnixTime, out: &mut Vec<u8>) {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (at.0 / 86_400, at.0 % 86_400);
    let (year, month, day) = civil(days);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "Date: {}, {day:02} {} {year} {:02}:{:02}:{:02} +0000\r\n",
        DAYS[(days % 7) as usize],
        MONTHS[(month - 1) as usize],
        second / 3600,
        second / 60 % 60,
        second % 60
    );
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u32) -> (u32, u32, u32) {
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u32::from(month <= 2), month, day)
}

fn begin(name: &str, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    name.len() + 2
}

/// Whether `value` can stand as it is: printable ASCII, no word or run of blanks too long to fold around, nothing like an
/// encoded word.
fn is_plain(value: &str) -> bool {
    value.is_ascii()
        && !value.contains("=?")
        && !value.contains("        ")
        && value.split(' ').all(|word| word.len() <= WORD_MAX)
}

/// Writes a display name: as it is, quoted, or encoded.
fn phrase(value: &str, out: &mut Vec<u8>, col: &mut usize) {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    if is_plain(value) && value.bytes().all(|b| atom(b) || b == b' ') && !value.contains("  ") {
        return fold(value, out, col);
    }
    let quoted = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    match is_plain(&quoted) {
        true => fold(&quoted, out, col),
        false => words::encode(value, out, col),
    }
}

/// Writes ASCII text, folding before blanks.
fn fold(value: &str, out: &mut Vec<u8>, col: &mut usize) {
    let mut rest = value.as_bytes();
    let mut first = true;
    while !rest.is_empty() {
        let blanks = rest.iter().take_while(|&&b| b == b' ').count();
        let word = rest[blanks..].iter().take_while(|&&b| b != b' ').count();
        let (segment, tail) = rest.split_at(blanks + word);
        if !first && *col + segment.len() > FOLD && word > 0 {
            out.extend_from_slice(b"\r\n");
            *col = 0;
        }
        out.extend_from_slice(segment);
        *col += segment.len();
        rest = tail;
        first = false;
    }
}

fn blank_or_fold(next: usize, out: &mut Vec<u8>, col: &mut usize) {
    if *col + 1 + next > FOLD {
        out.extend_from_slice(b"\r\n ");
        *col = 1;
    } else {
        out.push(b' ');
        *col += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subject(value: &str) -> String {
        let mut out = Vec::new();
        text("Subject", value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn to(display: &str) -> String {
        let mut out = Vec::new();
        mailbox("To", display, "a@b.example", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_control_character_is_found_wherever_it_stands() {
        let controls = (0..0x3000u32).filter_map(char::from_u32);
        for c in controls {
            let expected = (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')).then_some(c);
            for value in [format!("{c}"), format!("a subject of some length, {c}and\tmore"), format!("\u{f6}{c}")] {
                let tab = value.contains('\t').then_some('\t');
                assert_eq!(first_control(&value), expected.or(tab), "{value:?}");
            }
        }
    }

    #[test]
    fn display_names_are_quoted_or_encoded_as_they_need() {
        assert_eq!(to(""), "To: a@b.example\r\n");
        assert_eq!(to("Ann O'Hara"), "To: Ann O'Hara <a@b.example>\r\n");
        assert_eq!(to("Smith, J. \"Jo\" \\"), "To: \"Smith, J. \\\"Jo\\\" \\\\\" <a@b.example>\r\n");
        assert_eq!(to("a@b.example>"), "To: \"a@b.example>\" <a@b.example>\r\n");
        assert_eq!(to("J\u{f6}rg"), "To: =?UTF-8?B?SsO2cmc=?= <a@b.example>\r\n");
        assert_eq!(to("=?UTF-8?Q?x?="), "To: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <a@b.example>\r\n");
    }

    #[test]
    fn long_subjects_are_folded_before_column_78() {
        let folded = subject(&"word ".repeat(40));
        assert!(folded.lines().all(|l| l.len() <= FOLD), "{folded}");
        assert_eq!(folded.replace("\r\n ", " ").trim_end(), format!("Subject: {}", "word ".repeat(40).trim_end()));
        let long = subject(&"x".repeat(5000));
        assert!(long.lines().all(|l| l.len() <= FOLD), "an endless word is encoded");
    }

    #[test]
    fn control_characters_are_refused() {
        for bad in ["a\0b", "a\u{1b}[2Jb", "a\u{7f}", "a\u{9b}b"] {
            assert!(text("Subject", bad, &mut Vec::new()).is_err(), "{bad:?}");
            assert!(mailbox("To", bad, "a@b.example", &mut Vec::new()).is_err(), "{bad:?}");
        }
        assert!(mailbox("To", "A", "a@b.example\r\nBcc: x", &mut Vec::new()).is_err());
    }

    #[test]
    fn tabs_and_line_breaks_become_one_blank() {
        for (value, expected) in [
            ("Ann\tLee", "Ann Lee"),
            ("Ann\r\nLee\n", "Ann Lee"),
            ("\u{2028}Ann\u{85}\u{b}Lee", "Ann Lee"),
            ("a\r\nBcc: x@y.example", "a Bcc: x@y.example"),
            ("\t\n", ""),
        ] {
            assert_eq!(subject(value), format!("Subject: {expected}\r\n"), "{value:?}");
        }
        assert_eq!(to("Ann\tLee"), "To: Ann Lee <a@b.example>\r\n");
    }

    #[test]
    fn lists_of_addresses_are_folded_between_them() {
        let mut out = Vec::new();
        let mut list = AddressList::begin("Cc", &mut out);
        list.mailbox("", "a@b.example").unwrap();
        list.open("The team, all").unwrap();
        (0..4).for_each(|n| list.mailbox(&format!("J\u{f6}rg {n}"), "joerg@team.example").unwrap());
        list.close();
        list.mailbox("Lee, Ann", "ann@b.example").unwrap();
        list.end();
        let written = String::from_utf8(out).unwrap();
        assert!(written.lines().all(|line| line.len() <= FOLD), "{written}");
        let unfolded = written.replace("\r\n ", " ");
        assert!(unfolded.starts_with("Cc: a@b.example, \"The team, all\": =?UTF-8?"), "{unfolded}");
        assert!(unfolded.ends_with("<joerg@team.example>;, \"Lee, Ann\" <ann@b.example>\r\n"), "{unfolded}");
        let mut out = b"x".to_vec();
        AddressList::begin("Cc", &mut out).end();
        assert_eq!(out, b"x", "a field without addresses is none");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20"),
            (u32::MAX, "Sun, 07 Feb 2106 06:28:15"),
        ] {
            let mut out = Vec::new();
            date(UnixTime(at), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("Date: {want} +0000\r\n"));
        }
    }

    proptest! {
        #[test]
        fn one_field_stays_one_field(value in "\\PC{0,300}", long in "[a-z,\" ]{0,2000}") {
            let value = value.replace(['\u{2028}', '\u{2029}'], "");
            for value in [value, long] {
                for line_set in [subject(&value), to(&value)] {
                    let mut lines = line_set.strip_suffix("\r\n").unwrap().split("\r\n");
                    prop_assert!(lines.next().unwrap().len() <= 990);
                    for line in lines {
                        prop_assert!(line.len() <= 990 && line.starts_with(' ') && !line.trim().is_empty(), "{line:?}");
                    }
                    prop_assert!(line_set.is_ascii() && !line_set.replace("\r\n", "").contains(['\r', '\n']));
                }
            }
        }
    }
}
