//! What a workbook unfolds to, measured before it is read: a small archive may hold gigabytes, and a cell stand for millions.
//!
//! Guarantees: everything in the archive is unpacked once, piece by piece and as far as its bound, whatever the archive says
//! of its sizes; repeated cells and rows of an OpenDocument sheet are counted as often as they are repeated. Leaves to
//! others: reading it.

use super::sheet::{AS_CSV, FILE_OCTETS_MAX};
use crate::mail::reply::Printable;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Bounds of what is unpacked, in octets: a sheet, its strings, and any other part; and all of them together.
const SHEET_OCTETS_MAX: u64 = 256 << 20;
const STRINGS_OCTETS_MAX: u64 = 96 << 20;
const PART_OCTETS_MAX: u64 = 8 << 20;
const MEDIA_OCTETS_MAX: u64 = 64 << 20;
const ALL_OCTETS_MAX: u64 = 384 << 20;
/// So many texts may be announced.
const STRINGS_MAX: u64 = 16 << 20;
/// What the cells of an OpenDocument sheet may come to, in octets, and what an empty one comes to.
const CELLS_OCTETS_MAX: u64 = 512 << 20;
const CELL_OCTETS: u64 = 64;
/// Parts that are named where an archive is no workbook.
const NAMES: usize = 5;

/// The kinds of workbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Office Open XML (`.xlsx`).
    Excel,
    /// OpenDocument (`.ods`).
    OpenDocument,
}

/// Which kind of workbook it is. The error says what it is instead, or that it is too much.
pub fn look(octets: &[u8]) -> Result<Kind, String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!("an archive that cannot be read: {}\n{AS_CSV}", Printable(error.to_string().as_bytes()))
    };
    let mut archive = ZipArchive::new(Cursor::new(octets)).map_err(|error| broken(&error))?;
    // What is encrypted looks like anything.
    if is_encrypted(&mut archive) {
        return Err(format!("a workbook with a password\n{AS_CSV}, or save it without one"));
    }
    let (mut all, mut names, mut kind) = (0u64, Vec::new(), None);
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?.into_owned();
        let most = most_of(&name).min(ALL_OCTETS_MAX.saturating_sub(all));
        // What is looked into is kept.
        let front = if name == "content.xml" { most } else { 4096 };
        let (front, unpacked) = unpack(part, front, most).map_err(|error| broken(&error))?;
        if unpacked > most {
            return Err(too_much(&name));
        }
        all += unpacked;
        match name.as_str() {
            "xl/workbook.xml" => kind = Some(Kind::Excel),
            "xl/workbook.bin" => return Err(format!("a binary Excel workbook (.xlsb)\n{AS_CSV}, or save it as .xlsx")),
            "mimetype" if front.starts_with(b"application/vnd.oasis.opendocument.spreadsheet") => {
                kind = Some(Kind::OpenDocument);
            }
            "content.xml" if cells_of(&front)? > CELLS_OCTETS_MAX => return Err(too_much(&name)),
            name if are_strings(name) && number_of(&front, b"uniqueCount")?.is_some_and(|n| n > STRINGS_MAX) => {
                return Err(too_much(name));
            }
            _ => {}
        }
        names.push(name);
    }
    kind.ok_or_else(|| no_workbook(&names))
}

/// Whether an OpenDocument says that parts of it are encrypted (OpenDocument 1.3 part 2 §4.8.1).
fn is_encrypted(archive: &mut ZipArchive<Cursor<&[u8]>>) -> bool {
    let Ok(part) = archive.by_name("META-INF/manifest.xml") else { return false };
    unpack(part, PART_OCTETS_MAX, PART_OCTETS_MAX)
        .is_ok_and(|(text, _)| memchr::memmem::find(&text, b"encryption-data").is_some())
}

fn are_strings(part: &str) -> bool {
    part.to_ascii_lowercase().ends_with("sharedstrings.xml")
}

fn too_much(part: &str) -> String {
    let part = Printable(part.as_bytes());
    let mib = FILE_OCTETS_MAX >> 20;
    format!(
        "a workbook that unfolds to too much ({part}); workbooks of {mib} MiB, and a few million cells, are read\n{AS_CSV}"
    )
}

fn no_workbook(names: &[String]) -> String {
    if names.iter().any(|name| name.starts_with("Index/") || name == "Metadata/Properties.plist") {
        return format!("a workbook of Numbers\n{AS_CSV}, or as .xlsx");
    }
    let named: Vec<String> = names.iter().take(NAMES).map(|name| name.escape_debug().to_string()).collect();
    let more = if names.len() > NAMES { ", …" } else { "" };
    format!("a zip archive of {}{more}\nhint: unpack it, and name the list in it", named.join(", "))
}

fn most_of(name: &str) -> u64 {
    let name = name.to_ascii_lowercase();
    match name.rsplit_once('.').map(|(_, end)| end) {
        _ if name == "content.xml" || name.contains("/worksheets/sheet") => SHEET_OCTETS_MAX,
        _ if are_strings(&name) => STRINGS_OCTETS_MAX,
        Some("png" | "jpg" | "jpeg" | "gif" | "emf" | "wmf" | "bin" | "svg") => MEDIA_OCTETS_MAX,
        _ if name.ends_with(".csv") || name.ends_with(".txt") => SHEET_OCTETS_MAX,
        _ => PART_OCTETS_MAX,
    }
}

/// The first octets of a part, and how many it has, as far as one more than `most`.
fn unpack(part: impl Read, front: u64, most: u64) -> std::io::Result<(Vec<u8>, u64)> {
    let mut part = part.take(most.saturating_add(1));
    let mut kept = Vec::new();
    let read = (&mut part).take(front.saturating_add(1)).read_to_end(&mut kept)? as u64;
    Ok((kept, read + std::io::copy(&mut part, &mut std::io::sink())?))
}

/// What the cells of an OpenDocument sheet come to once each stands as often as it is repeated.
fn cells_of(xml: &[u8]) -> Result<u64, String> {
    let mut count = Count::default();
    let mut starts = memchr::memchr_iter(b'<', xml).peekable();
    while let Some(at) = starts.next() {
        // No value of an attribute holds a `<`: the tag ends before the next one.
        let end = starts.peek().copied().unwrap_or(xml.len());
        count.tag(at, xml.get(at + 1..end).unwrap_or_default())?;
    }
    Ok(count.octets.saturating_add(count.rows.saturating_mul(count.width).saturating_mul(CELL_OCTETS / 2)))
}

#[derive(Default)]
struct Count {
    octets: u64,
    /// Rows up to the last that has something, empty rows behind it, and the widest row.
    rows: u64,
    empty_rows: u64,
    width: u64,
    /// The row in hand: how often it stands, its cells and their octets, and empty cells behind them.
    row_repeats: u64,
    row_width: u64,
    row_octets: u64,
    empty_cells: u64,
    /// The cell in hand: where it began, and how often it stands; and the blanks that it only counts.
    cell: Option<(usize, u64)>,
    blanks: u64,
}

impl Count {
    fn tag(&mut self, at: usize, tag: &[u8]) -> Result<(), String> {
        let is = |name: &[u8]| {
            let behind = tag.strip_prefix(name).and_then(<[u8]>::first);
            behind.is_some_and(|octet| !octet.is_ascii_alphanumeric() && *octet != b'-')
        };
        if is(b"table:table-row") {
            self.row_repeats = number_of(tag, b"table:number-rows-repeated")?.unwrap_or(1);
            (self.row_width, self.row_octets, self.empty_cells) = (0, 0, 0);
            if tag.trim_ascii_end().ends_with(b"/>") {
                self.end_row();
            }
        } else if is(b"table:table-cell") || is(b"table:covered-table-cell") {
            let repeats = number_of(tag, b"table:number-columns-repeated")?.unwrap_or(1);
            let holds = |name: &[u8]| memchr::memmem::find(tag, name).is_some();
            if tag.trim_ascii_end().ends_with(b"/>") && !holds(b"office:") && !holds(b"formula") {
                self.empty_cells = self.empty_cells.saturating_add(repeats);
                return Ok(());
            }
            self.row_width = self.row_width.saturating_add(self.empty_cells).saturating_add(repeats);
            self.row_octets = self.row_octets.saturating_add(self.empty_cells.saturating_mul(CELL_OCTETS));
            self.empty_cells = 0;
            (self.cell, self.blanks) = (Some((at, repeats)), 0);
            if tag.trim_ascii_end().ends_with(b"/>") {
                self.end_cell(at + tag.len());
            }
        } else if is(b"text:s") {
            self.blanks = self.blanks.saturating_add(number_of(tag, b"text:c")?.unwrap_or(1));
        } else if is(b"/table:table-cell") || is(b"/table:covered-table-cell") {
            self.end_cell(at);
        } else if is(b"/table:table-row") {
            self.end_row();
        } else if tag.starts_with(b"!") {
            return Err(format!(
                "a workbook with a comment or declaration in its content, which no office writes\n{AS_CSV}"
            ));
        }
        Ok(())
    }

    fn end_cell(&mut self, at: usize) {
        if let Some((from, repeats)) = self.cell.take() {
            let octets = CELL_OCTETS.saturating_add(at.saturating_sub(from) as u64).saturating_add(self.blanks);
            self.row_octets = self.row_octets.saturating_add(octets.saturating_mul(repeats));
        }
    }

    fn end_row(&mut self) {
        if self.row_octets == 0 {
            self.empty_rows = self.empty_rows.saturating_add(self.row_repeats);
            return;
        }
        self.octets = self.octets.saturating_add(self.row_octets.saturating_mul(self.row_repeats));
        self.rows = self.rows.saturating_add(self.empty_rows).saturating_add(self.row_repeats);
        self.width = self.width.max(self.row_width);
        self.empty_rows = 0;
    }
}

/// The number that is the value of an attribute; the greatest, where it stands in a tag more than once.
fn number_of(tag: &[u8], attribute: &[u8]) -> Result<Option<u64>, String> {
    let odd = || format!("a workbook whose content has an odd number\n{AS_CSV}");
    let mut greatest = None;
    for at in memchr::memmem::find_iter(tag, attribute) {
        let value = tag.get(at + attribute.len()..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii_start();
        let (quote, value) = value.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\'')).ok_or_else(odd)?;
        let digits = value.split(|octet| octet == quote).next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        greatest = greatest.max(Some(digits.and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(odd)?));
    }
    Ok(greatest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    /// An archive of these parts.
    fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, octets) in parts {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(octets).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    const ODS: (&str, &[u8]) = ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet");

    #[test]
    fn kinds_are_told_and_other_archives_are_named() {
        assert_eq!(look(&archive(&[("xl/workbook.xml", b"<workbook/>")])), Ok(Kind::Excel));
        assert_eq!(look(&archive(&[ODS, ("content.xml", b"<x/>")])), Ok(Kind::OpenDocument));
        for (parts, said) in [
            (&[("xl/workbook.bin", &b""[..])][..], ".xlsb"),
            (
                &[("subscribed.csv", b"email\n"), ("cleaned.csv", b"")],
                "a zip archive of subscribed.csv, cleaned.csv\nhint: unpack",
            ),
            (&[("Index/Document.iwa", b"")], "Numbers"),
        ] {
            let what = look(&archive(parts)).unwrap_err();
            assert!(what.contains(said), "{what}");
        }
        assert!(look(b"PK\x03\x04 and nothing more").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn what_would_eat_the_memory_is_refused_unread() {
        let zeros = vec![0; PART_OCTETS_MAX as usize + 1];
        let told = look(&archive(&[("xl/styles.xml", &zeros), ("xl/workbook.xml", b"")])).unwrap_err();
        assert!(told.contains("unfolds to too much (xl/styles.xml)") && told.contains("hint: "), "{told}");
        let strings = b"<sst uniqueCount=\"99999999999999\"><si/></sst>";
        assert!(look(&archive(&[("xl/sharedStrings.xml", strings)])).unwrap_err().contains("too much"));
        let cell = "<table:table-cell office:value-type=\"string\" table:number-columns-repeated='16384'><text:p>x</text:p></table:table-cell>";
        for (row, content) in [
            (r#"<table:table-row table:number-rows-repeated="1000000">"#, cell),
            ("<table:table-row >", &*cell.replace("16384", "99999999999")),
            ("<table:table-row >", &*cell.replace("16384", "&#49;")),
            ("<table:table-row >", &*cell.replace("16384", "1").replace("x<", "<text:s text:c=\"9999999999\"/><")),
            ("<table:table-row ><!--", "-->"),
        ] {
            let xml = format!("<table:table >{row}{content}</table:table-row></table:table>");
            assert!(look(&archive(&[ODS, ("content.xml", xml.as_bytes())])).is_err(), "{xml}");
        }
        // Two cells that are far apart.
        let one = cell.replace("16384", "1");
        let far = format!(
            "<table:table-row >{one}</table:table-row><table:table-row table:number-rows-repeated=\"1000000\"/>\
             <table:table-row table:number-rows-repeated=\"1000000\"></table:table-row><table:table-row >\
             <table:table-cell table:number-columns-repeated=\"16000\"/>{one}</table:table-row>"
        );
        assert!(look(&archive(&[ODS, ("content.xml", far.as_bytes())])).is_err());
    }

    #[test]
    fn a_workbook_with_a_password_is_told_as_that() {
        let manifest =
            b"<manifest:manifest><manifest:file-entry manifest:full-path=\"content.xml\"><manifest:encryption-data/>\
                         </manifest:file-entry></manifest:manifest>";
        // Octets that look like a comment.
        let parts = [ODS, ("content.xml", &b"\x93<!\xff"[..]), ("META-INF/manifest.xml", &manifest[..])];
        let told = look(&archive(&parts)).unwrap_err();
        assert!(told.starts_with("a workbook with a password\nhint: "), "{told}");
    }

    #[test]
    fn empty_cells_and_rows_at_the_ends_cost_nothing() {
        let row = "<table:table-row ><table:table-cell office:value-type=\"string\"><text:p>x</text:p></table:table-cell>\
                   <table:table-cell table:number-columns-repeated=\"16383\"/></table:table-row>";
        let end = "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell \
                   table:number-columns-repeated=\"16384\"/></table:table-row>";
        let xml = format!("{}{end}", row.repeat(1000));
        assert_eq!(look(&archive(&[ODS, ("content.xml", xml.as_bytes())])), Ok(Kind::OpenDocument));
        assert!(cells_of(xml.as_bytes()).unwrap() < 1_000_000);
    }
}
