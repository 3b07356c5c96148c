//! Cells that no row may hold.
//!
//! Leaves to others: what becomes of their record.

use crate::content;

/// What a sheet shows where a formula has no value.
const SHEET_ERRORS: [&[u8]; 9] =
    [b"#N/A", b"#NV", b"#REF!", b"#BEZUG!", b"#VALUE!", b"#WERT!", b"#NAME?", b"#DIV/0!", b"#NULL!"];

/// What keeps `field` out of the table, if anything does.
pub fn wrong(field: &[u8], strict: bool) -> Option<&'static str> {
    if field.iter().all(|b| matches!(b, b' '..=b'~')) {
        let is_error = field.first() == Some(&b'#') && SHEET_ERRORS.contains(&field);
        return is_error.then_some("an error of the sheet, and no value");
    }
    let Ok(text) = std::str::from_utf8(field) else {
        return Some("not UTF-8, the encoding of the list (encoding in [recipients] names another one)");
    };
    if text.contains('\0') {
        return Some("a NUL character");
    }
    // Tabs and line breaks become a blank there.
    if strict && text.chars().any(|c| c.is_control() && !content::folds(c)) {
        return Some("a control character, which a header may not hold");
    }
    if text.contains('\u{1b}') {
        return Some("an escape character (ESC): the list is of another encoding, or was written for a terminal");
    }
    None
}
