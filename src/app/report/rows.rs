//! Rows for spreadsheets and programs: one for each recipient, or one for each attempt.
//!
//! Guarantees: whatever is in a cell, no spreadsheet takes it for a formula, unless it is asked for raw; times are UTC; recipients
//! come in the order of the table, whose numbers are no rows of the list. Leaves to others: where the facts come from.

use super::{Facts, Unread, look, stands, write_failed};
use crate::app::exit::Failure;
use crate::base::clock::UnixTime;
use crate::base::spreadsheet::harmless;
use crate::content::JSON_MARK;
use crate::engine::table::Row;
use crate::mail::reply::Printable;
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

/// Writes rows, each cell as is asked for.
struct Rows<W: Write> {
    to: csv::Writer<W>,
    raw: bool,
}

impl<W: Write> Rows<W> {
    fn new(to: W, raw: bool) -> Self {
        Self { to: csv::Writer::from_writer(to), raw }
    }

    fn cell(&mut self, text: &str) -> Result<(), Failure> {
        let text = if self.raw { Cow::Borrowed(text) } else { harmless(text) };
        self.to.write_field(text.as_bytes()).map_err(failed)
    }

    fn cells<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Result<(), Failure> {
        texts.into_iter().try_for_each(|text| self.cell(text))
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.to.write_record(None::<&[u8]>).map_err(failed)
    }
}

fn failed(e: csv::Error) -> Failure {
    write_failed(e.into())
}

fn code(code: u16) -> String {
    if code == 0 { String::new() } else { code.to_string() }
}

fn time(at: Option<UnixTime>) -> String {
    at.map(look::utc).unwrap_or_default()
}

/// The cells of a row, as the list has them: the address, the columns of the letter, the keys.
pub(super) fn of_list<'r>(row: &Row<'r>) -> impl Iterator<Item = Cow<'r, str>> + use<'r> {
    std::iter::once(Cow::Borrowed(row.written())).chain(row.fields.chain(row.keys()).map(cell))
}

/// A cell of the list; a value of a JSON list that is no text is JSON.
fn cell(field: &[u8]) -> Cow<'_, str> {
    match field.strip_prefix(&[JSON_MARK]) {
        Some(b"null") => Cow::Borrowed(""),
        Some(json) => String::from_utf8_lossy(json),
        None => String::from_utf8_lossy(field),
    }
}

/// Before the rows of a file for people: without this mark Excel takes UTF-8 for something else.
pub(super) fn mark(file: &Path, raw: bool, to: &mut dyn Write) -> Result<(), Failure> {
    let is_for_people = !raw && file != Path::new("-");
    if is_for_people { to.write_all(BYTE_ORDER_MARK).map_err(write_failed) } else { Ok(()) }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const OF_RECIPIENTS: [&str; 13] = [
    "recipient",
    "disposition",
    "code",
    "enhanced",
    "text",
    "site",
    "host",
    "attempts",
    "first_at",
    "last_at",
    "tried_at",
    "table_row",
    "token",
];

/// A row for each recipient: what became of it, its token, and what the list has of it, under `list.` and the list's heading.
pub(super) fn recipients(facts: &dyn Facts, raw: bool, to: &mut dyn Write) -> Result<Unread, Failure> {
    let mut rows = Rows::new(to, raw);
    let about = facts.about();
    rows.cells(OF_RECIPIENTS)?;
    about.columns.iter().try_for_each(|column| rows.cell(&format!("list.{column}")))?;
    rows.end()?;
    let unread = facts.each(&mut |r| {
        rows.cells([
            r.address,
            stands(r).word(),
            &code(r.code),
            &r.enhanced.map(|e| e.to_string()).unwrap_or_default(),
            &Printable(r.text).to_string(),
            r.site,
            r.host,
            &r.attempts.to_string(),
            &time(r.first_at),
            &time(r.last_at),
            &time(r.tried_at),
            &r.row.to_string(),
            &facts.token(r.row),
        ])?;
        let mut cells = r.listed.iter().flat_map(of_list);
        // A row that cannot be read has none.
        for _ in &about.columns {
            rows.cell(&cells.next().unwrap_or_default())?;
        }
        rows.end()
    })?;
    rows.to.flush().map_err(write_failed)?;
    Ok(unread)
}

const OF_ATTEMPTS: [&str; 11] =
    ["recipient", "table_row", "attempt", "at", "outcome", "code", "enhanced", "text", "phase", "site", "host"];

/// A row for each outcome of an attempt, and for each end without one.
pub(super) fn attempts(facts: &dyn Facts, raw: bool, to: &mut dyn Write) -> Result<Unread, Failure> {
    let mut rows = Rows::new(to, raw);
    rows.cells(OF_ATTEMPTS)?;
    rows.end()?;
    let unread = facts.attempts(&mut |row, address, step| {
        rows.cells([
            address,
            &row.to_string(),
            &step.attempt.to_string(),
            &look::utc(step.at),
            &step.what.replace(", ", "_").replace(' ', "_"),
            &code(step.code),
            &step.enhanced.map(|e| e.to_string()).unwrap_or_default(),
            &Printable(&step.text).to_string(),
            &step.phase,
            &step.site,
            &step.host,
        ])?;
        rows.end()
    })?;
    rows.to.flush().map_err(write_failed)?;
    Ok(unread)
}
