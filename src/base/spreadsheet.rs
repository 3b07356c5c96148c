//! Text for a cell that a spreadsheet opens: never a formula.
//!
//! Guarantees: what is harmless stays as it is. Leaves to others: quotes and separators of the file.

use std::borrow::Cow;

/// Signs by which spreadsheets know a formula at the front of a cell (OWASP, "CSV Injection"), also in full width.
const FORMULA: &[char] = &['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// Blanks that make one of what follows, too, at the very front.
const FRONT: &[char] = &['\t', '\r', '\n'];
/// What another reader of the file than the one who is meant takes for the end of a cell.
const ENDS: &[char] = &[';', '\t', '\r', '\n'];

/// The text with a `'` in front of whatever a spreadsheet would take for a formula: at its front, and where a spreadsheet whose
/// separator is a semicolon or a tab would begin another cell.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    let begins = |part: &str| part.trim_start_matches([' ', '"', '\u{a0}']).starts_with(FORMULA);
    if !text.starts_with(FRONT) && !text.split(ENDS).any(begins) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for (n, part) in text.split_inclusive(ENDS).enumerate() {
        if begins(part) || n == 0 && part.starts_with(FRONT) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, safe) in [
            ("ann@a.example", "ann@a.example"),
            ("5.1.1", "5.1.1"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+49 351", "'+49 351"),
            ("-x@a.example", "'-x@a.example"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            ("\n=1", "'\n'=1"),
            (" =1", "' =1"),
            ("\"=1", "'\"=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("no; =cmd|' /C calc'!A0", "no;' =cmd|' /C calc'!A0"),
            ("a\r\n=1", "a\r\n'=1"),
            ("a=b, -c", "a=b, -c"),
            ("a;b", "a;b"),
        ] {
            assert_eq!(harmless(text), safe, "{text:?}");
        }
    }
}
