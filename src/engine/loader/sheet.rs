//! A sheet of an Excel or OpenDocument workbook, as CSV with a line for each of its rows.
//!
//! A number is written as people see it (no `.0`, at most 15 digits), a date as ISO 8601, a time as `14:30:00`, a truth as
//! `true` or `false`, an error as the sheet shows it (`#N/A`); formulas are their last values. Empty rows are empty lines, so
//! that lines are numbered as rows are; every other row is as wide as the first. What the format of a cell makes of a number
//! is kept as `format_code` says: `01067`, `12.5%`, `19.90`; what is left out of it is told. A number with a decimal point has
//! the mark of one ([`field_of_number`]), for what text says so is another number in some places.
//! Guarantees: what a small file unfolds to is measured before any of it is kept: nothing is read that would hold more than
//! a few hundred megabytes of memory. Leaves to others: what the rows mean.

use super::format_code::Written;
use super::formatted::{Formatted, Kind as Shows, Told, strftime};
use super::hidden::{Beside, Runs};
use super::styles::Styles;
use super::{hidden, opendocument, unfolded};
use crate::base::caught::caught;
use crate::content::field_of_number;
use crate::mail::reply::Printable;
use calamine::{Data, DataRef, ExcelDateTime, Ods, Range, Reader, Sheet, SheetType, SheetVisible, Xlsx};
use std::io::Cursor;

/// The most octets of a workbook.
pub const FILE_OCTETS_MAX: usize = 64 << 20;
/// The most octets that its sheet may come to.
const TEXT_OCTETS_MAX: usize = 256 << 20;
/// Excel has no more rows, and columns.
const ROWS_MAX: u32 = 1_048_576;
const COLUMNS_MAX: u32 = 16_384;
/// Names of sheets that are told.
const NAMES: usize = 8;
/// How a date is written here.
const ISO_DATE: &str = "%Y-%m-%d";
/// The way on where a workbook is too much, or is not understood.
pub const AS_CSV: &str = "hint: save the sheet as CSV (UTF-8), and name that file";

/// A sheet that was read.
pub struct Read {
    /// Its rows.
    pub text: Vec<u8>,
    /// Its name…
    pub name: String,
    /// …and those of the others that people see.
    pub others: Vec<String>,
    /// What is odd in it.
    pub oddities: Oddities,
    /// Cells that it shows otherwise.
    pub formatted: Vec<Formatted>,
    /// Columns that people do not see.
    pub hidden_columns: Runs,
}

/// What is odd in a sheet, and worth knowing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Rows of it that people do not see.
    pub hidden: Option<Hidden>,
    /// Formulas without values: whoever wrote the workbook has left them to whoever opens it.
    pub uncalculated: Option<Cells>,
    /// Areas of merged cells below the heading, each by its first cell: of the others nothing is read.
    pub merged: Option<Cells>,
    /// Numbers of more digits than a sheet keeps: those behind the fifteenth are lost.
    pub overlong: Option<Cells>,
}

/// Cells that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells {
    /// How many there are; at least one.
    pub count: u64,
    /// The row and the column of the first, from 1.
    pub first: (u32, u32),
}

impl Cells {
    /// Counts the cell of this row and column, from 0.
    fn note(known: &mut Option<Self>, row: u32, column: u32) {
        let first = (row.saturating_add(1), column.saturating_add(1));
        known.get_or_insert(Self { count: 0, first }).count += 1;
    }
}

/// Rows with something in them that people do not see, and that are read as all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// How many there are; at least one.
    pub rows: u64,
    /// The number of the first, from 1.
    pub first: u64,
}

/// Reads a sheet: the one that is named, or the first that people see and that is not empty. The error says what the list is,
/// and what to do.
pub fn read(octets: &[u8], wanted: Option<&str>) -> Result<Read, String> {
    let kind = unfolded::look(octets)?;
    let broken = |why: &dyn std::fmt::Display| format!("a workbook that cannot be read: {why}\n{AS_CSV}");
    let work = || match kind {
        unfolded::Kind::Excel => of_excel(octets, wanted),
        unfolded::Kind::OpenDocument => of_open_document(octets, wanted),
    };
    caught(work).unwrap_or_else(|why| Err(Fault::Broken(why))).map_err(|fault| match fault {
        Fault::Broken(why) => broken(&Printable(why.as_bytes())),
        Fault::Told(what) => what,
    })
}

enum Fault {
    /// What the library said.
    Broken(String),
    /// All that is to be said.
    Told(String),
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::Broken(error.to_string())
}

fn of_excel(octets: &[u8], wanted: Option<&str>) -> Result<Read, Fault> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(octets)).map_err(broken)?;
    let sheets = workbook.sheets_metadata().to_vec();
    let mut found = Err(Fault::Told(format!("a workbook without a sheet that has rows\n{AS_CSV}")));
    let (mut styles, asks) = (Styles::of(octets), hidden::asks_to_be_calculated(octets));
    for name in candidates(&sheets, wanted)? {
        let mut rows = Rows::of(hidden::of_excel(octets, place_of(&sheets, &name)));
        note_styles(&mut workbook, &name, &mut styles)?;
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(broken)?;
        let mut uncalculated = None;
        while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(broken)? {
            let ((row, column), value) = (cell.pos, &cell.value);
            let is_nothing = match value {
                DataRef::Empty => true,
                // What such a writer puts there in place of a value.
                DataRef::Float(n) => asks && *n == 0.0,
                _ => false,
            };
            if is_nothing && cell.formula.is_some() {
                Cells::note(&mut uncalculated, row, column);
                continue;
            }
            if number_in(value).is_some_and(is_overlong) {
                Cells::note(&mut rows.overlong, row, column);
            }
            let text = written(value, cell.pos, &mut styles, &mut rows.told);
            let text = text.unwrap_or_else(|| shown(value));
            match number_in(value) {
                Some(_) => rows.put_number(row, column, &text)?,
                None => rows.put(row, column, &text)?,
            }
        }
        let (formatted, hidden_columns) =
            (std::mem::take(&mut rows.told).into_all(), std::mem::take(&mut rows.beside.columns));
        let (text, oddities) = rows.end()?;
        if !text.is_empty() {
            let oddities = Oddities { uncalculated, ..oddities };
            found = Ok(Read { text, others: others(&sheets, &name), name, oddities, formatted, hidden_columns });
            break;
        }
    }
    found
}

/// Notes which styles the numbers and dates of a sheet have.
fn note_styles(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str, styles: &mut Styles) -> Result<(), Fault> {
    styles.forget_cells();
    if !styles.say_something() {
        return Ok(());
    }
    let mut cells = workbook.worksheet_cells_reader(name).map_err(broken)?;
    while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(broken)? {
        if matches!(cell.get_value(), DataRef::Float(_) | DataRef::Int(_) | DataRef::DateTime(_)) {
            styles.note(cell.get_position(), style);
        }
    }
    Ok(())
}

/// What the format of a cell makes of its number, if that says something; what the list does not have of it is told.
fn written(value: &DataRef<'_>, at: (u32, u32), styles: &mut Styles, told: &mut Told) -> Option<String> {
    let format = styles.format(at)?;
    if let DataRef::DateTime(_) = value {
        let pattern = strftime(format.code());
        if !told.knows(at.1) && pattern.as_deref() != Some(ISO_DATE) {
            let code = format.code().split(';').next().unwrap_or_default().replace('\\', "");
            let format = if code.is_empty() { "a date" } else { code.as_str() };
            told.note(at, &shown(value), format, Shows::Date(pattern));
        }
        return None;
    }
    let number_of_cell = number_in(value)?;
    let Written { arrives, shown } = format.write(number_of_cell, || number(number_of_cell))?;
    if let Some((shown, kind)) = shown {
        told.note(at, &arrives, &shown, kind);
    }
    Some(arrives)
}

fn number_in(value: &DataRef<'_>) -> Option<f64> {
    match value {
        DataRef::Float(n) => Some(*n),
        DataRef::Int(n) => Some(*n as f64),
        _ => None,
    }
}

/// Whether a number has more digits than a sheet keeps, as those of cards have.
fn is_overlong(number: f64) -> bool {
    number.abs() >= 1e15 && number.abs() < 1e20
}

fn of_open_document(octets: &[u8], wanted: Option<&str>) -> Result<Read, Fault> {
    let mut workbook: Ods<_> = Ods::new(Cursor::new(octets)).map_err(broken)?;
    let sheets = workbook.sheets_metadata().to_vec();
    for name in candidates(&sheets, wanted)? {
        let range = workbook.worksheet_range(&name).map_err(broken)?;
        let formulas = workbook.worksheet_formula(&name).map_err(broken)?;
        let (first, left) = range.start().unwrap_or_default();
        let opendocument::Sheet { beside, mut shown, told } = opendocument::look(octets, place_of(&sheets, &name));
        let mut rows = Rows::of(beside);
        for (row, cells) in (first..).zip(range.rows()) {
            for (column, cell) in (left..).zip(cells) {
                match cell {
                    Data::Float(number) => match shown.of(row, column) {
                        Some(text) => rows.put_number(row, column, text)?,
                        None => rows.put_number(row, column, &self::number(*number))?,
                    },
                    _ => rows.put(row, column, &shown_data(cell))?,
                }
                if matches!(cell, Data::Float(number) if is_overlong(*number)) {
                    Cells::note(&mut rows.overlong, row, column);
                }
            }
        }
        let hidden_columns = std::mem::take(&mut rows.beside.columns);
        let (text, oddities) = rows.end()?;
        if !text.is_empty() {
            let oddities = Oddities { uncalculated: uncalculated(&range, &formulas), ..oddities };
            let formatted = told.into_all();
            return Ok(Read { text, others: others(&sheets, &name), name, oddities, formatted, hidden_columns });
        }
    }
    Err(Fault::Told(format!("a workbook without a sheet that has rows\n{AS_CSV}")))
}

/// Formulas of which no value is in the file: they may stand beside all that has one.
fn uncalculated(values: &Range<Data>, formulas: &Range<String>) -> Option<Cells> {
    let (first, left) = formulas.start().unwrap_or_default();
    let mut found = None;
    for (row, column, formula) in formulas.used_cells() {
        let at = (first.saturating_add(row as u32), left.saturating_add(column as u32));
        let has_value = values.get_value(at).is_some_and(|value| !matches!(value, Data::Empty));
        if !formula.is_empty() && !has_value {
            Cells::note(&mut found, at.0, at.1);
        }
    }
    found
}

/// Which of all sheets it is.
fn place_of(sheets: &[Sheet], name: &str) -> usize {
    sheets.iter().position(|sheet| sheet.name == name).unwrap_or(usize::MAX)
}

fn is_seen(sheet: &&Sheet) -> bool {
    sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible
}

/// The sheets that may be the list, in order.
fn candidates(sheets: &[Sheet], wanted: Option<&str>) -> Result<Vec<String>, Fault> {
    let names = |sheets: Vec<&Sheet>| sheets.into_iter().map(|sheet| sheet.name.clone()).collect();
    let Some(wanted) = wanted else { return Ok(names(sheets.iter().filter(is_seen).collect())) };
    let same = |sheet: &&Sheet| sheet.name.trim() == wanted.trim();
    match sheets.iter().find(same) {
        Some(sheet) => Ok(vec![sheet.name.clone()]),
        None => {
            let all: Vec<String> = names(sheets.iter().collect());
            let hint = super::did_you_mean(wanted, &all, "the sheets are");
            Err(Fault::Told(format!("a workbook without a sheet {wanted:?}\n{hint}")))
        }
    }
}

fn others(sheets: &[Sheet], name: &str) -> Vec<String> {
    sheets
        .iter()
        .filter(is_seen)
        .filter(|sheet| sheet.name != name)
        .map(|sheet| sheet.name.clone())
        .take(NAMES)
        .collect()
}

/// Rows that become lines.
#[derive(Default)]
struct Rows {
    text: Vec<u8>,
    /// The row in hand, and its fields so far.
    row: u32,
    line: Vec<u8>,
    fields: u32,
    /// Fields of the first row, and its number.
    width: u32,
    first: u32,
    /// What stands beside the values, and what of it is in rows that have fields.
    beside: Beside,
    hidden: Option<Hidden>,
    overlong: Option<Cells>,
    told: Told,
}

impl Rows {
    /// None yet, of a sheet in which this stands besides.
    fn of(beside: Beside) -> Self {
        Self { beside, ..Self::default() }
    }

    /// A number, as people see it; those in front of the rows are headings.
    fn put_number(&mut self, row: u32, column: u32, text: &str) -> Result<(), Fault> {
        let is_heading = self.width == 0 && (self.fields == 0 || row == self.row);
        match field_of_number(text).filter(|_| !is_heading) {
            Some(field) => self.put_field(row, column, &field),
            None => self.put(row, column, text),
        }
    }

    fn put(&mut self, row: u32, column: u32, text: &str) -> Result<(), Fault> {
        self.put_field(row, column, text.as_bytes())
    }

    fn put_field(&mut self, row: u32, column: u32, field: &[u8]) -> Result<(), Fault> {
        if field.is_empty() {
            return Ok(());
        }
        if row >= ROWS_MAX || column >= COLUMNS_MAX || row < self.row || (row == self.row && column < self.fields) {
            return Err(Fault::Broken(format!("its cell in row {row}, column {column} is out of place")));
        }
        self.go_to(row)?;
        // A field is closed by the separator before the next one.
        for _ in self.fields..column {
            self.line.push(b',');
        }
        if self.fields > 0 {
            self.line.push(b',');
        }
        self.fields = column + 1;
        write_field(field, &mut self.line);
        Ok(())
    }

    fn go_to(&mut self, row: u32) -> Result<(), Fault> {
        while self.row < row {
            self.end_line()?;
            self.row += 1;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Fault> {
        if self.fields > 0 {
            self.look_at_row();
            if self.width == 0 {
                (self.width, self.first) = (self.fields, self.row);
            }
            for _ in self.fields..self.width {
                self.line.push(b',');
            }
        }
        self.text.extend_from_slice(&self.line);
        self.text.push(b'\n');
        self.line.clear();
        self.fields = 0;
        if self.text.len() > TEXT_OCTETS_MAX {
            let mib = TEXT_OCTETS_MAX >> 20;
            return Err(Fault::Told(format!("a workbook whose sheet comes to more than {mib} MiB\n{AS_CSV}")));
        }
        Ok(())
    }

    /// Whether the row in hand is one that people see.
    fn look_at_row(&mut self) {
        let Runs(unseen) = &self.beside.hidden;
        let behind = unseen.partition_point(|rows| rows.end <= self.row);
        if unseen.get(behind).is_some_and(|rows| rows.contains(&self.row)) {
            let first = u64::from(self.row) + 1;
            self.hidden.get_or_insert(Hidden { rows: 0, first }).rows += 1;
        }
    }

    /// All lines, and what is odd in them; nothing, where no row has a cell.
    fn end(mut self) -> Result<(Vec<u8>, Oddities), Fault> {
        if self.fields > 0 {
            self.end_line()?;
        }
        let mut merged = None;
        // What is merged above the rows, a title or a heading, takes nothing from anybody.
        for (row, column) in self.beside.merged.into_iter().filter(|(row, _)| (self.first + 1..=self.row).contains(row))
        {
            Cells::note(&mut merged, row, column);
        }
        Ok((self.text, Oddities { hidden: self.hidden, merged, overlong: self.overlong, uncalculated: None }))
    }
}

fn write_field(field: &[u8], line: &mut Vec<u8>) {
    let is_plain = memchr::memchr3(b',', b'"', b'\n', field).is_none() && !field.contains(&b'\r');
    if is_plain {
        return line.extend_from_slice(field);
    }
    line.push(b'"');
    for part in field.split_inclusive(|octet| *octet == b'"') {
        line.extend_from_slice(part);
        line.extend(part.ends_with(b"\"").then_some(b'"'));
    }
    line.push(b'"');
}

/// A cell of Excel.
fn shown(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::String(text) => text.clone(),
        other => shown_data(&Data::from(other.clone())),
    }
}

/// A cell as people see it.
fn shown_data(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::Int(n) => n.to_string(),
        Data::Float(n) => number(*n),
        Data::String(text) => text.clone(),
        Data::Bool(truth) => truth.to_string(),
        Data::DateTime(when) => date(when),
        Data::DateTimeIso(text) => date_of(text).to_owned(),
        Data::DurationIso(text) => duration(text).unwrap_or_else(|| text.clone()),
        Data::Error(error) => error.to_string(),
    }
}

/// A number with the 15 digits that a sheet keeps.
pub(super) fn number(n: f64) -> String {
    let rounded = format!("{n:.14e}").parse().unwrap_or(n);
    // Adding nothing turns -0 to 0.
    (rounded + 0.0).to_string()
}

fn date(when: &ExcelDateTime) -> String {
    const DAY_SECONDS: f64 = 86_400.0;
    let value = when.as_f64();
    if !(0.0..2_958_466.0).contains(&value) {
        return number(value);
    }
    if when.is_duration() || value < 1.0 {
        let seconds = (value * DAY_SECONDS).round() as u64;
        return format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = when.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        return date;
    }
    format!("{date}T{hour:02}:{minute:02}:{second:02}")
}

/// A date without a time that is none, and a time without parts of a second.
fn date_of(text: &str) -> &str {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    text.strip_suffix("T00:00:00").unwrap_or(text)
}

/// `PT14H30M00S` as `14:30:00`.
fn duration(text: &str) -> Option<String> {
    let (hours, rest) = text.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?.split(['.', ',']).next()?;
    let [hours, minutes, seconds] = [hours, minutes, seconds].map(|digits| digits.parse::<u32>().ok());
    Some(format!("{:02}:{:02}:{:02}", hours?, minutes?, seconds?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};

    #[test]
    fn cells_are_as_people_see_them() {
        let when = |value, kind| Data::DateTime(ExcelDateTime::new(value, kind, false));
        for (cell, text) in [
            (Data::Float(42.0), "42"),
            (Data::Float(19.9), "19.9"),
            (Data::Float(0.1 + 0.2), "0.3"),
            (Data::Float(-0.0), "0"),
            (Data::Float(491_701_234_567.0), "491701234567"),
            (Data::Float(1e21), "1000000000000000000000"),
            (Data::Int(-7), "-7"),
            (Data::Bool(true), "true"),
            (Data::Empty, ""),
            (when(46_355.0, DateTime), "2026-11-29"),
            (when(46_355.604_166_666_664, DateTime), "2026-11-29T14:30:00"),
            (when(0.5, DateTime), "12:00:00"),
            (when(1.25, TimeDelta), "30:00:00"),
            (Data::DateTimeIso("2026-11-29".into()), "2026-11-29"),
            (Data::DateTimeIso("2026-11-29T00:00:00".into()), "2026-11-29"),
            (Data::DateTimeIso("2026-11-29T14:30:00.500000000".into()), "2026-11-29T14:30:00"),
            (Data::DurationIso("PT14H30M00S".into()), "14:30:00"),
            (Data::DurationIso("odd".into()), "odd"),
            (Data::Error(calamine::CellErrorType::NA), "#N/A"),
        ] {
            assert_eq!(shown_data(&cell), text, "{cell:?}");
        }
    }

    #[test]
    fn rows_are_lines_with_empty_ones_where_nothing_is() {
        let merged = vec![(1, 0), (3, 1), (4, 0), (20, 0)];
        let mut rows = Rows::of(Beside { hidden: Runs(vec![0..3, 9..10]), merged, ..Beside::default() });
        for (row, column, text) in
            [(1, 0, "email"), (1, 2, "first, name"), (3, 0, "a@b.example"), (4, 2, "say \"x\"\ny"), (9, 1, "")]
        {
            assert!(rows.put(row, column, text).is_ok());
        }
        let (text, oddities) = rows.end().unwrap_or_default();
        assert_eq!(oddities.hidden, Some(Hidden { rows: 1, first: 2 }));
        assert_eq!(oddities.merged, Some(Cells { count: 2, first: (4, 2) }), "not of the heading, nor behind the last");
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "\nemail,,\"first, name\"\n\na@b.example,,\n,,\"say \"\"x\"\"\ny\"\n");
        let mut rows = Rows::default();
        assert!(rows.put(2, 0, "x").is_ok() && rows.put(1, 0, "x").is_err());
        assert!(rows.put(ROWS_MAX, 0, "x").is_err() && rows.put(3, COLUMNS_MAX, "x").is_err());
    }
}
