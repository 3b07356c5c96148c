//! What stands in an OpenDocument's sheet beside its values: hidden rows, merged cells, and numbers that it shows otherwise than as
//! numbers (postcodes, shares, amounts with their decimals).
//!
//! Guarantees: of a sheet no more is held than one tag with the text behind it, a range for each hidden row, and a few octets for
//! each merged area and each cell with such a number, however often it is repeated; what is odd changes nothing. Leaves to others: the values, how
//! large a workbook may be (`unfolded`, which is asked first), and what is made of what a number shows (`shown`).

use super::formatted::{Kind, Told};
use super::hidden::{Archive, Beside, attribute, each_piece, is, number_of};
use super::sheet;
use super::shown::{self, SHOWN_OCTETS_MAX, Said};
use super::styles::unescaped;
use std::io::Cursor;
use std::ops::{ControlFlow, Range};
use zip::ZipArchive;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Hidden rows and merged cells.
    pub beside: Beside,
    /// Numbers as they are shown.
    pub shown: Shown,
    /// What it shows otherwise than it is read.
    pub told: Told,
}

/// Numbers that are shown otherwise than as numbers, row by row.
#[derive(Debug, Default)]
pub struct Shown {
    blocks: Vec<Block>,
    /// The block that was asked about last.
    at: usize,
}

/// Rows that stand in the file once, and their cells with such numbers.
#[derive(Debug)]
struct Block {
    rows: Range<u32>,
    cells: Vec<(Range<u32>, Box<str>)>,
}

impl Shown {
    /// What a cell shows, if that is kept. Rows are asked about in their order.
    pub fn of(&mut self, row: u32, column: u32) -> Option<&str> {
        while self.blocks.get(self.at).is_some_and(|block| block.rows.end <= row) {
            self.at += 1;
        }
        let block = self.blocks.get(self.at).filter(|block| block.rows.contains(&row))?;
        block.cells.iter().find(|(columns, _)| columns.contains(&column)).map(|(_, text)| &**text)
    }
}

/// What stands beside the values in the sheet with this place among all of the workbook's.
pub fn look(octets: &[u8], sheet: usize) -> Sheet {
    ZipArchive::new(Cursor::new(octets)).map(|mut archive| looked(&mut archive, sheet)).unwrap_or_default()
}

fn looked(archive: &mut Archive<'_>, sheet: usize) -> Sheet {
    let (mut walk, mut tables) = (Walk::default(), 0);
    each_piece(archive, "content.xml", |tag, text| {
        if is(tag, b"table") && attribute(tag, b"table:name").is_some() {
            tables += 1;
        } else if tables == sheet + 1 {
            walk.take(tag, text);
        }
        if tables > sheet + 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    walk.sheet
}

#[derive(Default)]
struct Walk {
    sheet: Sheet,
    /// Groups of rows around, and the outermost of them that is folded away.
    groups: u32,
    folded: Option<u32>,
    /// Columns that were described.
    columns: u32,
    /// The rows in hand, and the next column.
    rows: Range<u32>,
    column: u32,
    /// The number or the date in hand, its columns, and what is shown of it.
    held: Option<(Held, Range<u32>)>,
    text: Vec<u8>,
    /// Within a comment.
    is_aside: bool,
}

enum Held {
    Number(f64, Said),
    Date(String),
}

impl Walk {
    fn take(&mut self, tag: &[u8], text: &[u8]) {
        let is_end = |name: &[u8]| tag.strip_prefix(b"/").is_some_and(|tag| is(tag, name));
        let is_alone = tag.trim_ascii_end().ends_with(b"/");
        if is(tag, b"table-row-group") {
            self.groups += 1;
            if self.folded.is_none() && attribute(tag, b"table:display") == Some(b"false") {
                self.folded = Some(self.groups);
            }
        } else if is_end(b"table-row-group") {
            self.folded = self.folded.filter(|group| *group != self.groups);
            self.groups = self.groups.saturating_sub(1);
        } else if is(tag, b"table-column") {
            let repeats = attribute(tag, b"table:number-columns-repeated").and_then(number_of).unwrap_or(1);
            let columns = self.columns..self.columns.saturating_add(repeats);
            self.columns = columns.end;
            if matches!(attribute(tag, b"table:visibility"), Some(b"collapse" | b"filter")) {
                self.sheet.beside.columns.add(columns);
            }
        } else if is(tag, b"table-row") {
            self.begin_row(tag);
        } else if is(tag, b"table-cell") || is(tag, b"covered-table-cell") {
            self.begin_cell(tag, is_alone);
        } else if is_end(b"table-cell") || is_end(b"covered-table-cell") {
            self.end_cell();
        } else if is(tag, b"annotation") {
            self.is_aside = !is_alone;
        } else if is_end(b"annotation") {
            self.is_aside = false;
        }
        if self.held.is_some() && !self.is_aside && self.text.len() <= SHOWN_OCTETS_MAX {
            self.text.extend_from_slice(text);
        }
    }

    fn begin_row(&mut self, tag: &[u8]) {
        let repeats = attribute(tag, b"table:number-rows-repeated").and_then(number_of).unwrap_or(1);
        self.rows = self.rows.end..self.rows.end.saturating_add(repeats);
        self.column = 0;
        let is_hidden = matches!(attribute(tag, b"table:visibility"), Some(b"collapse" | b"filter"));
        if is_hidden || self.folded.is_some() {
            self.sheet.beside.hidden.add(self.rows.clone());
        }
    }

    fn begin_cell(&mut self, tag: &[u8], is_alone: bool) {
        let number = |name: &[u8]| attribute(tag, name).and_then(number_of).unwrap_or(1);
        let columns = self.column..self.column.saturating_add(number(b"table:number-columns-repeated"));
        if number(b"table:number-columns-spanned") > 1 || number(b"table:number-rows-spanned") > 1 {
            self.sheet.beside.merged.push((self.rows.start, columns.start));
        }
        self.column = columns.end;
        self.text.clear();
        self.held = if is_alone { None } else { held(tag).map(|held| (held, columns)) };
    }

    fn end_cell(&mut self) {
        let Some((held, columns)) = self.held.take() else { return };
        let text = unescaped(&self.text);
        let (text, at) = (text.trim(), (self.rows.start, columns.start));
        let (number, said) = match held {
            Held::Number(number, said) => (number, said),
            Held::Date(date) => {
                if !text.is_empty() && text != date {
                    self.sheet.told.note(at, &date, text, Kind::Date(None));
                }
                return;
            }
        };
        let by_itself = sheet::number(number);
        let Some((arrives, kind)) = shown::read(text, number, &said, &by_itself) else { return };
        if let Some(kind) = kind {
            self.sheet.told.note(at, &arrives, text, kind);
        }
        if arrives == by_itself {
            return;
        }
        let blocks = &mut self.sheet.shown.blocks;
        if blocks.last().is_none_or(|block| block.rows != self.rows) {
            blocks.push(Block { rows: self.rows.clone(), cells: Vec::new() });
        }
        if let Some(block) = blocks.last_mut() {
            block.cells.push((columns, arrives.into()));
        }
    }
}

/// The number or the date that a cell holds.
fn held(tag: &[u8]) -> Option<Held> {
    let text = |name: &[u8]| attribute(tag, name).and_then(|value| std::str::from_utf8(value).ok());
    let said = match attribute(tag, b"office:value-type")? {
        b"float" => Said::Number,
        b"percentage" => Said::Share,
        b"currency" => Said::Money(text(b"office:currency").unwrap_or_default().to_owned()),
        b"date" => {
            let date = text(b"office:date-value")?;
            return Some(Held::Date(date.split("T00:00:00").next().unwrap_or(date).to_owned()));
        }
        _ => return None,
    };
    Some(Held::Number(text(b"office:value")?.parse().ok()?, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    fn document(xml: &str) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("content.xml", SimpleFileOptions::default()).unwrap();
        archive.write_all(xml.as_bytes()).unwrap();
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn hidden_rows_are_counted_as_often_as_they_are_repeated() {
        let xml = "<o><table:table table:name=\"a\"><table:table-row table:visibility=\"collapse\"/></table:table>\
                   <table:table table:name=\"b\"><table:table-row table:number-rows-repeated=\"4\"></table:table-row>\
                   <table:table-row table:visibility=\"filter\" table:number-rows-repeated=\"2\"/><table:table-row/>\
                   <table:table-row-group table:display=\"false\"><table:table-row/><table:table-row-group><table:table-row/>\
                   </table:table-row-group><table:table-row/></table:table-row-group><table:table-row-group><table:table-row/>\
                   </table:table-row-group><table:table-row table:visibility=\"visible\"/></table:table></o>";
        let octets = document(xml);
        // The first and the last of each run, from 1 as people count.
        let told = |sheet| {
            let hidden = look(&octets, sheet).beside.hidden.0;
            hidden.into_iter().map(|rows| (rows.start + 1, rows.end)).collect::<Vec<_>>()
        };
        assert_eq!(told(1), [(5, 6), (8, 10)]);
        assert_eq!(told(0), [(1, 1)]);
        assert!(look(b"PK", 0).beside.hidden.0.is_empty());
    }

    #[test]
    fn numbers_with_zeros_before_them_are_kept_as_they_are_shown() {
        let cell = |value: &str, text: &str, more: &str| {
            format!(
                "<table:table-cell table:style-name=\"ce1\" office:value-type=\"float\" office:value=\"{value}\"{more}>\
                 <text:p>{text}</text:p></table:table-cell>"
            )
        };
        let noted = "<table:table-cell office:value-type=\"float\" office:value=\"7\"><office:annotation><text:p>9</text:p>\
                     </office:annotation><text:p>00<text:span>7</text:span></text:p></table:table-cell>";
        let rows = [
            format!("<table:table-row table:number-rows-repeated=\"3\">{}</table:table-row>", cell("1", "1", "")),
            format!(
                "<table:table-row table:number-rows-repeated=\"2\"><table:table-cell/>{}{}</table:table-row>",
                cell("1067", "01067", " table:number-columns-repeated=\"2\""),
                cell("1200", "1.200", "") + &cell("19.9", "19,90", "")
            ),
            format!(
                "<table:table-row>{}<table:table-cell office:value-type=\"string\"><text:p>01</text:p></table:table-cell>{noted}</table:table-row>",
                cell("21101234", "02110-1234", "")
            ),
        ];
        let xml = format!("<o><table:table table:name=\"a\">{}</table:table></o>", rows.concat());
        let mut shown = look(&document(&xml), 0).shown;
        for (row, told) in [
            (0, [None; 5]),
            (3, [None, Some("01067"), Some("01067"), None, Some("19.90")]),
            (4, [None, Some("01067"), Some("01067"), None, Some("19.90")]),
            (5, [Some("02110-1234"), None, Some("007"), None, None]),
            (6, [None; 5]),
        ] {
            for (column, text) in (0..).zip(told) {
                assert_eq!(shown.of(row, column), text, "{row} {column}");
            }
        }
    }

    #[test]
    fn merged_cells_are_found_by_their_first() {
        let xml = "<o><table:table table:name=\"a\"><table:table-row><table:table-cell table:number-columns-repeated=\"2\"/>\
                   <table:table-cell table:number-columns-spanned=\"1\" table:number-rows-spanned=\"3\" office:value-type=\"string\">\
                   <text:p>x</text:p></table:table-cell></table:table-row><table:table-row><table:covered-table-cell/>\
                   <table:table-cell table:number-columns-spanned=\"2\" table:number-rows-spanned=\"1\"/></table:table-row></table:table></o>";
        assert_eq!(look(&document(xml), 0).beside.merged, [(0, 2), (1, 1)]);
    }

    #[test]
    fn hidden_columns_are_found() {
        let xml = "<o><table:table table:name=\"a\"><table:table-column table:number-columns-repeated=\"2\"/>\
                   <table:table-column table:visibility=\"collapse\"/><table:table-column/>\
                   <table:table-column table:visibility=\"filter\" table:number-columns-repeated=\"2\"/></table:table></o>";
        assert_eq!(look(&document(xml), 0).beside.columns.0, [2..3, 4..6]);
    }
}
