//! What a page says of its own encoding: `<meta charset>`, `http-equiv`, `<?xml encoding?>`, `@charset` of a style sheet.
//!
//! Guarantees: what is declared decides, unless the octets contradict it: then it is an error that says both, or UTF-8 where they are
//! UTF-8 for certain. A text whose declaration was obeyed declares UTF-8 then, which it is. Leaves to others: reading files.

use super::{Charset, Fault, Text, Undecodable, by_nuls, decode, decode_as, guess, malformed_at, marked, placed};
use std::ops::Range;

/// Octets in which a declaration is looked for.
const FRONT_OCTETS: usize = 16 * 1024;
/// The longest name of an encoding.
const LABEL_OCTETS: usize = 40;
/// So many characters of UTF-8 are no chance in an encoding whose characters are of two octets.
const CHANCES: usize = 8;

/// The characters of a page, or of a part of one: written in what its mark says, in `named`, in what it declares, or in what is
/// certain.
///
/// # Errors
/// It is not written in that, or nothing is certain.
pub fn decode_page(octets: &[u8], named: Option<Charset>) -> Result<Text, Undecodable> {
    if marked(octets).is_some() || by_nuls(octets).is_some() {
        return decode(octets);
    }
    let is_utf_8 = |charset| is_utf_8_after_all(octets, charset);
    let label = label_of(octets).and_then(|range| octets.get(range));
    let declared = label.map(|label| String::from_utf8_lossy(label).into_owned());
    let wanted = match (named, &declared) {
        (Some(named), _) => named,
        (None, None) => return decode(octets),
        (None, Some(label)) => match Charset::named(label).filter(|charset| !charset.is_utf_16()) {
            Some(charset) => charset,
            None => return decode(octets).map_err(|why| unknown(octets, why, label)),
        },
    };
    if octets.is_ascii() && wanted.is_octet_by_octet() || is_utf_8(wanted) {
        return decode(octets);
    }
    let (at, why) = match decode_as(octets, wanted) {
        Ok(text) => match misfit_at(octets, &text.text, wanted) {
            None => return Ok(Text { text: declaring_utf_8(text.text), ..text }),
            Some(at) => (at, placed(octets, at, 1, Fault::Malformed(wanted))),
        },
        Err(why) if matches!(why.fault, Fault::Malformed(_) | Fault::Unknown(_)) => (malformed_at(octets, wanted), why),
        Err(why) => return Err(why),
    };
    match declared.filter(|_| named.is_none()) {
        Some(declared) => Err(contradicted(octets, at, why.places, declared)),
        None => Err(why),
    }
}

/// Whether octets that should be something else are UTF-8, which no chance makes of them.
fn is_utf_8_after_all(octets: &[u8], wanted: Charset) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let beyond = text.chars().filter(|c| !c.is_ascii()).count();
    wanted == Charset::UTF_8 || (beyond > 0 && (wanted.is_octet_by_octet() || beyond >= CHANCES))
}

fn unknown(octets: &[u8], why: Undecodable, label: &str) -> Undecodable {
    match octets.iter().position(|octet| !octet.is_ascii()).and_then(|at| octets.get(at).map(|octet| (at, *octet))) {
        Some((at, octet)) if matches!(why.fault, Fault::Unknown(_)) => {
            let fault = Fault::Undeclared { declared: label.to_owned(), octet };
            Undecodable { readings: why.readings, ..placed(octets, at, why.places, fault) }
        }
        _ => why,
    }
}

/// The error of a page that is not what it declares, as the octet at `at` shows.
fn contradicted(octets: &[u8], at: usize, places: u64, declared: String) -> Undecodable {
    let octet = octets.get(at).copied().unwrap_or_default();
    let (seems, readings) = match guess(octets) {
        Ok(found) if !found.is_ascii => (format!("; it seems to be {}", found.charset.name()), Vec::new()),
        Ok(_) => (String::new(), Vec::new()),
        Err(other) => (String::new(), other.readings),
    };
    let fault = Fault::Contradicted { declared, octet, seems };
    Undecodable { readings, ..placed(octets, at, places, fault) }
}

/// The first octet that is read as something that no page has: a control character of U+0080 to U+009F, where each octet is one;
/// else a character for private use.
fn misfit_at(octets: &[u8], text: &str, charset: Charset) -> Option<usize> {
    if !charset.is_octet_by_octet() {
        let is_private = text.contains(|c: char| matches!(c, '\u{e000}'..='\u{f8ff}'));
        return octets.iter().position(|octet| !octet.is_ascii()).filter(|_| is_private && charset != Charset::UTF_8);
    }
    octets.iter().position(|octet| {
        let mut read = Vec::new();
        *octet >= 0x80 && {
            charset.append(&[*octet], &mut read);
            matches!(read.as_slice(), [0xc2, 0x80..=0x9f])
        }
    })
}

/// The text with its declaration, if it has one, saying UTF-8.
fn declaring_utf_8(mut text: String) -> String {
    if let Some(range) = label_of(text.as_bytes())
        && text.is_char_boundary(range.start)
        && text.is_char_boundary(range.end)
    {
        text.replace_range(range, "utf-8");
    }
    text
}

/// Where the name of the encoding stands that a page declares.
fn label_of(page: &[u8]) -> Option<Range<usize>> {
    let front = page.get(..page.len().min(FRONT_OCTETS))?;
    let start = front.len() - front.trim_ascii_start().len();
    let text = front.get(start..)?;
    if text.starts_with(b"<?xml") {
        let end = memchr::memchr(b'>', text)?;
        if let Some(range) = value_of(text.get(..end)?, b"encoding") {
            return Some(range.start + start..range.end + start);
        }
    }
    if text.starts_with(b"@charset") {
        let range = quoted_at(text, b"@charset".len())?;
        return Some(range.start + start..range.end + start);
    }
    in_meta(front)
}

fn in_meta(front: &[u8]) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = front.get(from..).and_then(|rest| memchr::memchr(b'<', rest)) {
        let at = from + found;
        let rest = front.get(at..)?;
        let comment = rest.starts_with(b"<!--").then(|| memchr::memmem::find(rest, b"-->")).flatten();
        if let Some(end) = comment {
            from = at + end;
            continue;
        }
        let is_meta = rest.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"<meta"))
            && rest.get(5).is_some_and(|next| next.is_ascii_whitespace() || *next == b'/');
        if is_meta {
            let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
            if let Some(range) = value_of(rest.get(..end)?, b"charset") {
                return Some(range.start + at..range.end + at);
            }
        }
        from = at + 1;
    }
    None
}

/// Where the value of `name=` stands in a tag; quotes around it, and what follows it, are left out.
fn value_of(tag: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let small = tag.to_ascii_lowercase();
    memchr::memmem::find_iter(&small, name).find_map(|at| {
        let behind = small.get(at + name.len()..)?;
        let equals = behind.len() - behind.trim_ascii_start().len();
        (behind.get(equals) == Some(&b'=')).then(|| quoted_at(tag, at + name.len() + equals + 1)).flatten()
    })
}

/// The word at `at`, behind blanks and a quote.
fn quoted_at(tag: &[u8], at: usize) -> Option<Range<usize>> {
    let is_of_label = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_:.+".contains(octet);
    let rest = tag.get(at..)?;
    let lead = rest.iter().position(|octet| !octet.is_ascii_whitespace() && !matches!(octet, b'"' | b'\''))?;
    let word = rest.get(lead..)?;
    let octets = word.iter().position(|octet| !is_of_label(octet)).unwrap_or(word.len());
    (1..=LABEL_OCTETS).contains(&octets).then(|| at + lead..at + lead + octets)
}
