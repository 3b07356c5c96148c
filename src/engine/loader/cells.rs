//! Cells that no row may hold, and what a row keeps beside those of the letter.
//!
//! Guarantees: a record without a fault becomes rows that the table takes. Leaves to others: what becomes of one with a fault.

use super::recipient;
use super::records::Records;
use crate::content::{self, JSON_MARK};
use crate::engine::table;

/// What a sheet shows where a formula has no value.
const SHEET_ERRORS: [&[u8]; 9] =
    [b"#N/A", b"#NV", b"#REF!", b"#BEZUG!", b"#VALUE!", b"#WERT!", b"#NAME?", b"#DIV/0!", b"#NULL!"];

/// What keeps the stored columns of the record in hand out of the table, if anything does; `has_keys`: some of them are for reports
/// alone. Each of the mailboxes gets a row.
pub fn fault_of<'m>(
    records: &Records,
    columns: &[(String, bool)],
    has_keys: bool,
    mut mailboxes: impl Iterator<Item = &'m [u8]>,
) -> Option<String> {
    let mut octets = 0;
    for (i, (name, strict)) in columns.iter().enumerate() {
        let field = records.field(i + 1);
        octets += field.len();
        // A value of a JSON list that is no text has its mark in front.
        let field = field.strip_prefix(&[JSON_MARK]).filter(|_| !records.has_header()).unwrap_or(field);
        if let Some(what) = wrong(field, *strict) {
            return Some(format!("column {name}: {what}"));
        }
        if records.is_transcoded() && memchr::memmem::find(field, "\u{fffd}".as_bytes()).is_some() {
            return Some(format!("column {name}: a character that is none in the encoding of the list"));
        }
    }
    let is_too_long = |mailbox: &'m [u8]| {
        let fields = (1..=columns.len()).map(|i| records.field(i));
        let beside = beside_of(records, mailbox, has_keys);
        table::octets_of_row(mailbox, fields.chain(beside)) > table::ROW_OCTETS_MAX
    };
    // Hardly any row comes near the bound, and is worth the exact sum.
    let is_too_long = octets > table::ROW_OCTETS_MAX / 2 && mailboxes.any(is_too_long);
    is_too_long.then(|| "its columns together are longer than 64 KiB".to_owned())
}

/// The address as the list has it, where a row of this mailbox keeps it, or a place for it: before keys there is one.
pub fn beside_of<'r>(records: &'r Records, mailbox: &[u8], has_keys: bool) -> Option<&'r [u8]> {
    let written = recipient::written(records.field(0), mailbox);
    (has_keys || !written.is_empty()).then_some(written)
}

/// What keeps `field` out of the table, if anything does.
fn wrong(field: &[u8], strict: bool) -> Option<&'static str> {
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
