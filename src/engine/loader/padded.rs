//! Numbers that a sheet shows with zeros before them: postcodes and customers' numbers in a format such as `00000`.
//!
//! Guarantees: a format is obeyed where it is digits and signs between them, and a number where it is whole; all others stay as
//! they are. Leaves to others: reading cells.

use super::hidden::{Archive, attribute, each_tag, is, number_of};
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::ControlFlow;
use zip::ZipArchive;

/// The longest format and the longest number in one, and the largest number that a sheet keeps whole.
const FORMAT_OCTETS_MAX: usize = 40;
pub(super) const SHOWN_OCTETS_MAX: usize = FORMAT_OCTETS_MAX;
const NUMBER_MAX: f64 = 1e15;

/// The styles of cells whose format writes zeros, by their number.
pub fn styles(octets: &[u8]) -> HashMap<usize, String> {
    ZipArchive::new(Cursor::new(octets)).map(|mut archive| of_styles(&mut archive)).unwrap_or_default()
}

fn of_styles(archive: &mut Archive<'_>) -> HashMap<usize, String> {
    let (mut formats, mut styles) = (HashMap::new(), HashMap::new());
    let (mut in_cells, mut style) = (false, 0);
    each_tag(archive, "xl/styles.xml", |tag| {
        if is(tag, b"numFmt") {
            let pattern = attribute(tag, b"formatCode").and_then(pattern_of);
            formats.extend(attribute(tag, b"numFmtId").and_then(number_of).zip(pattern));
        } else if is(tag, b"cellXfs") {
            in_cells = true;
        } else if in_cells && is(tag, b"xf") {
            let format = attribute(tag, b"numFmtId").and_then(number_of).and_then(|id| formats.get(&id));
            styles.extend(format.map(|format: &String| (style, format.clone())));
            style += 1;
        } else if is(tag, b"cellStyles") || is(tag, b"dxfs") {
            in_cells = false;
        }
        ControlFlow::Continue(())
    });
    styles
}

/// What a format writes: zeros, and signs between them; `None`, where it does anything else.
fn pattern_of(code: &[u8]) -> Option<String> {
    let code = std::str::from_utf8(code).ok().filter(|code| code.len() <= FORMAT_OCTETS_MAX)?;
    let code = code.replace("&quot;", "").replace('\\', "");
    let first = code.split(';').next().unwrap_or_default();
    let zeros = first.bytes().filter(|octet| *octet == b'0').count();
    (zeros > 1 && first.bytes().all(|octet| matches!(octet, b'0' | b'-' | b' ' | b'/'))).then(|| first.to_owned())
}

/// Whether a number is shown in such a format: with zeros before it, or with signs between its digits that set off no thousands.
pub fn is_shown_so(text: &str, number: f64) -> bool {
    let is_digit = |octet: u8| octet.is_ascii_digit();
    let are_ends = text.bytes().next().is_some_and(is_digit) && text.bytes().last().is_some_and(is_digit);
    let is_plain = text.bytes().all(|octet| is_digit(octet) || matches!(octet, b'-' | b' ' | b'/'));
    if !are_ends || !is_plain || text.len() > SHOWN_OCTETS_MAX || !is_kept_whole(number) {
        return false;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_longer = digits.len() > number.to_string().len();
    digits.parse() == Ok(number) && (is_longer || text.contains(['-', '/']))
}

fn is_kept_whole(number: f64) -> bool {
    (0.0..NUMBER_MAX).contains(&number) && number.fract() == 0.0
}

/// A number in such a format.
pub fn shown(number: f64, pattern: &str) -> Option<String> {
    if !is_kept_whole(number) {
        return None;
    }
    let zeros = pattern.bytes().filter(|octet| *octet == b'0').count();
    let digits = format!("{number:0>zeros$}");
    // What is longer than its format stands before it.
    let (front, rest) = digits.split_at_checked(digits.len().saturating_sub(zeros))?;
    let mut rest = rest.chars();
    let mut written = String::with_capacity(digits.len() + pattern.len());
    for sign in pattern.chars() {
        match sign {
            '0' => {
                if rest.as_str().len() == zeros {
                    written.push_str(front);
                }
                written.extend(rest.next());
            }
            sign => written.push(sign),
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sheet_shows_is_told_from_a_number_as_others_write_it() {
        for (text, number, is_so) in [
            ("01067", 1067.0, true),
            ("02110-1234", 21_101_234.0, true),
            ("94105-1234", 941_051_234.0, true),
            ("007 12", 712.0, true),
            ("00", 0.0, true),
            ("1067", 1067.0, false),
            ("1 067", 1067.0, false),
            ("1.067", 1067.0, false),
            ("01067", 1068.0, false),
            ("-5", -5.0, false),
            ("0,5", 0.5, false),
            ("05", 5.5, false),
            ("", 0.0, false),
            ("4.9E+10", 49_170_123_456.0, false),
        ] {
            assert_eq!(is_shown_so(text, number), is_so, "{text}");
        }
    }

    #[test]
    fn zeros_are_written_where_the_format_has_them() {
        for (code, number, text) in [
            ("00000", 1067.0, Some("01067")),
            ("00000", 123_456.0, Some("123456")),
            ("00000\\-0000", 21_101_234.0, Some("02110-1234")),
            ("000&quot;-&quot;00;@", 7.0, Some("000-07")),
            ("00000", 1.5, None),
            ("00000", -1.0, None),
        ] {
            let pattern = pattern_of(code.as_bytes()).unwrap();
            assert_eq!(shown(number, &pattern).as_deref(), text, "{code} {number}");
        }
        for code in ["0", "0.00", "#,##0", "00%", "yyyy", "[<=99999]00000;00000-0000", "00:00"] {
            assert_eq!(pattern_of(code.as_bytes()), None, "{code}");
        }
    }
}
