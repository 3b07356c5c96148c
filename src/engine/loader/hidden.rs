//! Rows of a workbook's sheet that people do not see: taken from view by hand, or by a filter. They are rows all the same.
//!
//! Guarantees: no more of a sheet is held than one tag, and a range for each row that is hidden; what is odd in a workbook hides
//! nothing and is told by whoever reads it. Leaves to others: how large a workbook may be (`unfolded`, which is asked first).

use super::unfolded::Kind;
use std::io::{Cursor, Read};
use std::ops::{ControlFlow, Range};
use zip::ZipArchive;

/// Octets that are unpacked at once.
const PIECE_OCTETS: usize = 64 * 1024;
/// No tag of a sheet is longer.
const TAG_OCTETS_MAX: usize = 1 << 20;

/// The rows, from 0 and in order, that are hidden in the sheet with this place among all of the workbook's.
pub fn rows(octets: &[u8], kind: Kind, sheet: usize) -> Vec<Range<u32>> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(octets)) else { return Vec::new() };
    match kind {
        Kind::Excel => of_excel(&mut archive, sheet),
        Kind::OpenDocument => of_open_document(&mut archive, sheet),
    }
}

pub(super) type Archive<'o> = ZipArchive<Cursor<&'o [u8]>>;

fn of_excel(archive: &mut Archive<'_>, sheet: usize) -> Vec<Range<u32>> {
    let Some(part) = part_of(archive, sheet) else { return Vec::new() };
    let (mut hidden, mut next) = (Hidden::default(), 0);
    each_tag(archive, &part, |tag| {
        if is(tag, b"row") {
            // ECMA-376 part 1 §18.3.1.73: without a number it is the one behind the last.
            let number = attribute(tag, b"r").and_then(number_of).and_then(|n| n.checked_sub(1)).unwrap_or(next);
            next = number.saturating_add(1);
            if matches!(attribute(tag, b"hidden"), Some(b"1" | b"true")) {
                hidden.add(number..next);
            }
        }
        ControlFlow::Continue(())
    });
    hidden.0
}

/// The part of an Excel workbook that holds a sheet.
fn part_of(archive: &mut Archive<'_>, sheet: usize) -> Option<String> {
    let (mut seen, mut id, mut target) = (0, None, None);
    each_tag(archive, "xl/workbook.xml", |tag| {
        if is(tag, b"sheet") {
            if seen == sheet {
                id = attribute(tag, b":id").map(<[u8]>::to_vec);
                return ControlFlow::Break(());
            }
            seen += 1;
        }
        ControlFlow::Continue(())
    });
    let id = id?;
    each_tag(archive, "xl/_rels/workbook.xml.rels", |tag| {
        if is(tag, b"Relationship") && attribute(tag, b"Id") == Some(id.as_slice()) {
            target = attribute(tag, b"Target").and_then(|target| String::from_utf8(target.to_vec()).ok());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let target = target?;
    Some(target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned))
}

fn of_open_document(archive: &mut Archive<'_>, sheet: usize) -> Vec<Range<u32>> {
    let (mut hidden, mut next, mut tables) = (Hidden::default(), 0u32, 0);
    each_tag(archive, "content.xml", |tag| {
        if is(tag, b"table") && attribute(tag, b"table:name").is_some() {
            tables += 1;
        } else if is(tag, b"table-row") && tables == sheet + 1 {
            let repeats = attribute(tag, b"table:number-rows-repeated").and_then(number_of).unwrap_or(1);
            let end = next.saturating_add(repeats);
            if matches!(attribute(tag, b"table:visibility"), Some(b"collapse" | b"filter")) {
                hidden.add(next..end);
            }
            next = end;
        }
        if tables > sheet + 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    hidden.0
}

#[derive(Default)]
struct Hidden(Vec<Range<u32>>);

impl Hidden {
    fn add(&mut self, rows: Range<u32>) {
        match self.0.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            Some(last) if rows.start < last.end => {}
            _ => self.0.push(rows),
        }
    }
}

/// Whether a workbook of Excel asks to be calculated when it is opened: whoever wrote it has calculated nothing.
pub fn asks_to_be_calculated(octets: &[u8]) -> bool {
    let mut asks = false;
    if let Ok(mut archive) = ZipArchive::new(Cursor::new(octets)) {
        each_tag(&mut archive, "xl/workbook.xml", |tag| {
            asks |= is(tag, b"calcPr") && matches!(attribute(tag, b"fullCalcOnLoad"), Some(b"1" | b"true"));
            ControlFlow::Continue(())
        });
    }
    asks
}

/// Gives each start tag of a part to `visit`: what stands between its brackets.
pub(super) fn each_tag(archive: &mut Archive<'_>, part: &str, mut visit: impl FnMut(&[u8]) -> ControlFlow<()>) {
    let Ok(mut part) = archive.by_name(part) else { return };
    let (mut buffer, mut piece) = (Vec::new(), vec![0; PIECE_OCTETS]);
    while let Ok(octets @ 1..) = part.read(&mut piece) {
        buffer.extend_from_slice(piece.get(..octets).unwrap_or_default());
        let mut from = 0;
        while let Some(rest) = buffer.get(from..) {
            let Some(open) = memchr::memchr(b'<', rest) else {
                from = buffer.len();
                break;
            };
            let tag = rest.get(open + 1..).unwrap_or_default();
            let Some(end) = end_of(tag) else {
                from += open;
                break;
            };
            if visit(tag.get(..end).unwrap_or_default()).is_break() {
                return;
            }
            from += open + end + 2;
        }
        buffer.drain(..from.min(buffer.len()));
        if buffer.len() > TAG_OCTETS_MAX {
            return;
        }
    }
}

/// Where a tag ends: in the value of an attribute `>` may stand.
fn end_of(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    tag.iter().position(|octet| match (quote, octet) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(*octet);
            false
        }
        (Some(open), octet) => {
            if open == *octet {
                quote = None;
            }
            false
        }
        _ => false,
    })
}

/// Whether it is the start of an element of this name, whatever stands for its namespace.
pub(super) fn is(tag: &[u8], name: &[u8]) -> bool {
    let whole = tag.split(|b| b.is_ascii_whitespace() || *b == b'/').next().unwrap_or_default();
    whole.rsplit(|b| *b == b':').next() == Some(name) && tag.first() != Some(&b'/')
}

/// The value of an attribute; a name that begins with a colon stands for that name in any namespace.
pub(super) fn attribute<'t>(tag: &'t [u8], name: &[u8]) -> Option<&'t [u8]> {
    let mut rest = tag;
    loop {
        let at = memchr::memchr(b'=', rest)?;
        let before = rest.get(..at)?.trim_ascii_end();
        let found = before.rsplit(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
        let value = rest.get(at + 1..)?.trim_ascii_start();
        let (quote, value) = value.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
        let end = memchr::memchr(*quote, value)?;
        if found == name || (name.first() == Some(&b':') && found.ends_with(name)) {
            return value.get(..end);
        }
        rest = value.get(end + 1..)?;
    }
}

pub(super) fn number_of(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// The first and the last of each run of hidden rows, from 1 as people count.
    fn told(octets: &[u8], kind: Kind, sheet: usize) -> Vec<(u32, u32)> {
        super::rows(octets, kind, sheet).into_iter().map(|rows| (rows.start + 1, rows.end)).collect()
    }

    #[test]
    fn hidden_rows_of_excel_are_found_in_the_sheet_that_is_read() {
        let far = "<row r=\"70000\" hidden=\"1\"><c t=\"str\" r='a>b'><v>x</v></c></row>";
        let rows = format!(
            "<x:row r=\"1\"/><x:row spans='1:2' hidden=\"true\" r=\"2\"><x:c r=\"A2\"/></x:row><row hidden=\"1\"/>\
             <row r=\"5\" hidden=\"0\"/>{}{far}",
            " ".repeat(PIECE_OCTETS)
        );
        let octets = archive(&[
            (
                "xl/workbook.xml",
                "<workbook><sheets><sheet name=\"a/&gt;\" sheetId=\"2\" r:id=\"rId9\"/><sheet name='b' q:id='rId1'/></sheets></workbook>",
            ),
            (
                "xl/_rels/workbook.xml.rels",
                "<Relationships><Relationship Target=\"/xl/worksheets/two.xml\" Id=\"rId1\"/><Relationship Id=\"rId9\" Target=\"worksheets/one.xml\"/></Relationships>",
            ),
            ("xl/worksheets/one.xml", "<worksheet><row r=\"3\" hidden=\"1\"/></worksheet>"),
            ("xl/worksheets/two.xml", &rows),
        ]);
        assert_eq!(told(&octets, Kind::Excel, 0), [(3, 3)]);
        assert_eq!(told(&octets, Kind::Excel, 1), [(2, 3), (70_000, 70_000)]);
        assert!(told(&octets, Kind::Excel, 2).is_empty());
    }

    #[test]
    fn hidden_rows_of_an_open_document_are_counted_as_often_as_they_are_repeated() {
        let xml = "<o><table:table table:name=\"a\"><table:table-row table:visibility=\"collapse\"/></table:table>\
                   <table:table table:name=\"b\"><table:table-row table:number-rows-repeated=\"4\"></table:table-row>\
                   <table:table-row table:visibility=\"filter\" table:number-rows-repeated=\"2\"/><table:table-row/>\
                   <table:table-row table:visibility=\"visible\"/></table:table></o>";
        let octets = archive(&[("content.xml", xml)]);
        assert_eq!(told(&octets, Kind::OpenDocument, 1), [(5, 6)]);
        assert_eq!(told(&octets, Kind::OpenDocument, 0), [(1, 1)]);
        assert!(told(b"PK", Kind::Excel, 0).is_empty());
    }
}
