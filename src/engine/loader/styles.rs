//! The styles of an Excel workbook's cells, as far as they say how numbers and dates are written.
//!
//! Guarantees: of a sheet a few octets are held for each change of the style in a column. Leaves to others: what a format
//! writes (`format_code`).

use super::format_code::FormatCode;
use super::hidden::{Archive, attribute, each_tag, is, number_of};
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::{ControlFlow, Range};
use zip::ZipArchive;

/// Formats that every workbook has, by their number (ECMA-376 part 1 §18.8.30).
const BUILT_IN: [(u32, &str); 19] = [
    (1, "0"),
    (2, "0.00"),
    (3, "#,##0"),
    (4, "#,##0.00"),
    (9, "0%"),
    (10, "0.00%"),
    (12, "# ?/?"),
    (13, "# ??/??"),
    (14, ""),
    (15, "d-mmm-yy"),
    (16, "d-mmm"),
    (17, "mmm-yy"),
    (18, "h:mm AM/PM"),
    (20, "h:mm"),
    (22, ""),
    (37, "#,##0;-#,##0"),
    (38, "#,##0;-#,##0"),
    (39, "#,##0.00;-#,##0.00"),
    (40, "#,##0.00;-#,##0.00"),
];

/// The formats of a workbook's styles, and which style each cell of a sheet has.
#[derive(Debug, Default)]
pub struct Styles {
    formats: Vec<Option<FormatCode>>,
    columns: HashMap<u32, Column>,
}

/// The rows of a column by their styles, in order.
#[derive(Debug, Default)]
struct Column {
    runs: Vec<(Range<u32>, usize)>,
    /// The run that was asked about last.
    at: usize,
}

impl Styles {
    /// Those of a workbook; of its cells nothing is known yet.
    pub fn of(octets: &[u8]) -> Self {
        let formats = ZipArchive::new(Cursor::new(octets)).map(|mut archive| formats(&mut archive)).unwrap_or_default();
        Self { formats, ..Self::default() }
    }

    /// Whether any of them says something.
    pub fn say_something(&self) -> bool {
        self.formats.iter().any(Option::is_some)
    }

    /// Forgets the cells of a sheet.
    pub fn forget_cells(&mut self) {
        self.columns.clear();
    }

    /// Notes the style of a cell, row by row.
    pub fn note(&mut self, (row, column): (u32, u32), style: usize) {
        let runs = &mut self.columns.entry(column).or_default().runs;
        match runs.last_mut() {
            // Cells between them that were not noted are not asked about.
            Some((rows, known)) if *known == style => rows.end = row.saturating_add(1),
            _ => runs.push((row..row.saturating_add(1), style)),
        }
    }

    /// The format of a cell that was noted. Rows are asked about in their order.
    pub fn format(&mut self, (row, column): (u32, u32)) -> Option<&FormatCode> {
        let column = self.columns.get_mut(&column)?;
        while column.runs.get(column.at).is_some_and(|(rows, _)| rows.end <= row) {
            column.at += 1;
        }
        let (_, style) = column.runs.get(column.at).filter(|(rows, _)| rows.contains(&row))?;
        self.formats.get(*style)?.as_ref()
    }
}

fn formats(archive: &mut Archive<'_>) -> Vec<Option<FormatCode>> {
    let mut codes: HashMap<u32, String> = BUILT_IN.iter().map(|(id, code)| (*id, (*code).to_owned())).collect();
    let (mut styles, mut in_cells) = (Vec::new(), false);
    each_tag(archive, "xl/styles.xml", |tag| {
        if is(tag, b"numFmt") {
            let id = attribute(tag, b"numFmtId").and_then(number_of);
            codes.extend(id.zip(attribute(tag, b"formatCode").map(unescaped)));
        } else if is(tag, b"cellXfs") {
            in_cells = true;
        } else if in_cells && is(tag, b"xf") {
            let code = attribute(tag, b"numFmtId").and_then(number_of).and_then(|id| codes.get(&id));
            styles.push(code.and_then(|code| FormatCode::of(code)));
        } else if is(tag, b"cellStyles") || is(tag, b"dxfs") {
            in_cells = false;
        }
        ControlFlow::Continue(())
    });
    styles
}

/// The text of an attribute, or between tags: with the five entities of XML, and numbered ones.
pub(super) fn unescaped(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let mut pieces = value.split('&');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';').unwrap_or(("", piece));
        let number = name.strip_prefix("#x").map(|hex| u32::from_str_radix(hex, 16));
        let number = number.or_else(|| name.strip_prefix('#').map(str::parse));
        let known = [("quot", '"'), ("amp", '&'), ("lt", '<'), ("gt", '>'), ("apos", '\'')];
        let of_name = known.into_iter().find(|(known, _)| *known == name).map(|(_, c)| c);
        text.extend(of_name.or_else(|| char::from_u32(number?.ok()?)));
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_of_a_cell_is_found_by_its_row_and_column() {
        let formats = vec![None, FormatCode::of("0%"), FormatCode::of("00000")];
        let mut styles = Styles { formats, ..Styles::default() };
        for (row, column, style) in [(1, 0, 1), (2, 0, 1), (2, 3, 2), (3, 0, 0), (5, 0, 1), (9, 3, 9)] {
            styles.note((row, column), style);
        }
        for (row, column, code) in
            [(0, 0, None), (1, 0, Some("0%")), (2, 3, Some("00000")), (3, 0, None), (5, 0, Some("0%")), (9, 3, None)]
        {
            assert_eq!(styles.format((row, column)).map(FormatCode::code), code, "{row} {column}");
        }
    }

    #[test]
    fn entities_of_a_format_are_the_signs_that_they_stand_for() {
        assert_eq!(unescaped(b"#,##0\\ &quot;&#8364;&quot;;&lt;&amp;&#x20AC;&gt; &"), "#,##0\\ \"€\";<&€> ");
    }
}
