//! Cells that no row may hold, and what a row keeps beside those of the letter.
//!
//! Guarantees: a record without a fault becomes rows that the table takes. Leaves to others: what becomes of one with a fault.

use super::recipient;
use super::records::Records;
use crate::content::{self, JSON_MARK};
use crate::engine::table;

/// What a sheet shows where a formula has no value, in the words of Excel, LibreOffice and Google Sheets for several languages.
const SHEET_ERRORS: [&str; 40] = [
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#DIV/0!",
    "#NULL!",
    "#NUM!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#BUSY!",
    "#UNKNOWN!",
    "#GETTING_DATA",
    "#DATA!",
    "#ERROR!", // English
    "#NV",
    "#BEZUG!",
    "#WERT!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#KALK!", // German
    "#VALEUR!",
    "#NOM?",
    "#NOMBRE!",
    "#NUL!", // French
    "#N/D",
    "#¡REF!",
    "#¡VALOR!",
    "#¿NOMBRE?",
    "#¡DIV/0!",
    "#¡NUM!",
    "#¡NULO!", // Spanish
    "#RIF!",
    "#VALORE!",
    "#NOME?", // Italian
    "#ARG!",
    "#ADR!",
    "#LICZBA!", // Polish
];

/// Whether a cell is such an error. LibreOffice numbers those that have no word (`Err:502`).
fn is_sheet_error(field: &[u8]) -> bool {
    match field.strip_prefix(b"Err:") {
        Some(number) => number.len() == 3 && number.iter().all(u8::is_ascii_digit),
        None => field.first() == Some(&b'#') && SHEET_ERRORS.iter().any(|error| error.as_bytes() == field),
    }
}

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
        // A value of a JSON list that is no text has its mark in front, and so has a number of a workbook.
        let field = match records.has_header() {
            true if records.is_of_sheet() => content::bare(field),
            true => field,
            false => field.strip_prefix(&[JSON_MARK]).unwrap_or(field),
        };
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
    if matches!(field.first(), Some(b'#' | b'E')) && is_sheet_error(field) {
        return Some("an error of the sheet, and no value");
    }
    if field.iter().all(|b| matches!(b, b' '..=b'~')) {
        return None;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_sheet_are_no_values_and_what_looks_like_one_is() {
        for text in ["#N/A", "#NUM!", "#NV", "#¡VALOR!", "Err:502", "#ÜBERLAUF!"] {
            assert_eq!(wrong(text.as_bytes(), false), Some("an error of the sheet, and no value"), "{text}");
        }
        for text in ["#1", "#N/A ", "Err:5", "Err:5020", "Erna", "#", "", "N/A", "#metoo"] {
            assert_eq!(wrong(text.as_bytes(), false), None, "{text}");
        }
    }
}
