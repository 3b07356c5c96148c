//! What stands in a workbook's sheet beside its values: rows and columns that people do not see, taken from view by hand or by a filter, which
//! are rows all the same, and cells that are merged, of which only one has a value.
//!
//! Guarantees: no more of a sheet is held than one tag, a range for each row that is hidden, and a place for each area that is
//! merged; what is odd in a workbook hides nothing and is told by whoever reads it. Leaves to others: how large a workbook may be
//! (`unfolded`, which is asked first), and the sheets of OpenDocument (`opendocument`).

use std::io::{Cursor, Read};
use std::ops::{ControlFlow, Range};
use zip::ZipArchive;

/// Octets that are unpacked at once.
const PIECE_OCTETS: usize = 64 * 1024;
/// No tag of a sheet is longer.
const TAG_OCTETS_MAX: usize = 1 << 20;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Beside {
    /// Rows that are hidden: from 0, and in order.
    pub hidden: Runs,
    /// The first row and column, from 0, of each area that is merged.
    pub merged: Vec<(u32, u32)>,
    /// Columns that are hidden: from 0, and in order.
    pub columns: Runs,
}

pub(super) type Archive<'o> = ZipArchive<Cursor<&'o [u8]>>;

/// What stands beside the values in the sheet of an Excel workbook with this place among all of its sheets.
pub fn of_excel(octets: &[u8], sheet: usize) -> Beside {
    ZipArchive::new(Cursor::new(octets)).map(|mut archive| beside(&mut archive, sheet)).unwrap_or_default()
}

fn beside(archive: &mut Archive<'_>, sheet: usize) -> Beside {
    let Some(part) = part_of(archive, sheet) else { return Beside::default() };
    let (mut beside, mut next) = (Beside::default(), 0);
    each_tag(archive, &part, |tag| {
        if is(tag, b"row") {
            // ECMA-376 part 1 §18.3.1.73: without a number it is the one behind the last.
            let number = attribute(tag, b"r").and_then(number_of).and_then(|n| n.checked_sub(1)).unwrap_or(next);
            next = number.saturating_add(1);
            if matches!(attribute(tag, b"hidden"), Some(b"1" | b"true")) {
                beside.hidden.add(number..next);
            }
        } else if is(tag, b"col") && matches!(attribute(tag, b"hidden"), Some(b"1" | b"true")) {
            let [first, last] = [b"min", b"max"].map(|name| attribute(tag, name).and_then(number_of));
            if let Some((first, last)) = first.and_then(|first| first.checked_sub(1)).zip(last) {
                beside.columns.add(first..last);
            }
        } else if is(tag, b"mergeCell") {
            beside.merged.extend(attribute(tag, b"ref").and_then(first_of));
        }
        ControlFlow::Continue(())
    });
    beside
}

/// The first cell of `B2:B4`, by row and column from 0.
fn first_of(area: &[u8]) -> Option<(u32, u32)> {
    let first = area.split(|b| *b == b':').next()?;
    let letters = first.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let (letters, digits) = first.split_at_checked(letters)?;
    let column = letters
        .iter()
        .try_fold(0u32, |all, letter| all.checked_mul(26)?.checked_add(u32::from(letter.checked_sub(b'A')?) + 1))?;
    Some((number_of(digits)?.checked_sub(1)?, column.checked_sub(1)?))
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

/// Numbers of rows, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Runs(pub Vec<Range<u32>>);

impl Runs {
    /// Adds those behind, or among, the last.
    pub(super) fn add(&mut self, rows: Range<u32>) {
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

/// Gives each tag of a part to `visit`: what stands between its brackets.
pub(super) fn each_tag(archive: &mut Archive<'_>, part: &str, mut visit: impl FnMut(&[u8]) -> ControlFlow<()>) {
    each_piece(archive, part, |tag, _| visit(tag));
}

/// The same, and the text behind each tag, as far as the next one.
pub(super) fn each_piece(
    archive: &mut Archive<'_>,
    part: &str,
    mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) {
    let Ok(mut part) = archive.by_name(part) else { return };
    let (mut buffer, mut piece) = (Vec::new(), vec![0; PIECE_OCTETS]);
    loop {
        let Ok(octets) = part.read(&mut piece) else { return };
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
            let behind = tag.get(end + 1..).unwrap_or_default();
            let text = match memchr::memchr(b'<', behind) {
                Some(next) => next,
                // The rest of it is still to come.
                None if octets > 0 => {
                    from += open;
                    break;
                }
                None => behind.len(),
            };
            if visit(tag.get(..end).unwrap_or_default(), behind.get(..text).unwrap_or_default()).is_break() {
                return;
            }
            from += open + end + 2 + text;
        }
        if octets == 0 {
            return;
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
    fn told(octets: &[u8], sheet: usize) -> Vec<(u32, u32)> {
        of_excel(octets, sheet).hidden.0.into_iter().map(|rows| (rows.start + 1, rows.end)).collect()
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
            (
                "xl/worksheets/one.xml",
                "<worksheet><cols><col min=\"1\" max=\"1\"/><col min='2' max='3' hidden='1'/><col min='5' max='5' hidden='true'/></cols><row r=\"3\" hidden=\"1\"/><mergeCells><mergeCell ref=\"B2:B4\"/><mergeCell ref='AA10:AB10'/>\
                 <mergeCell ref='7'/></mergeCells></worksheet>",
            ),
            ("xl/worksheets/two.xml", &rows),
        ]);
        assert_eq!(of_excel(&octets, 0).columns, Runs(vec![1..3, 4..5]));
        assert_eq!(told(&octets, 0), [(3, 3)]);
        assert_eq!(told(&octets, 1), [(2, 3), (70_000, 70_000)]);
        assert!(told(&octets, 2).is_empty());
        assert_eq!(of_excel(&octets, 0).merged, [(1, 1), (9, 26)]);
        assert!(told(b"PK", 0).is_empty());
    }
}
