//! The line of a list on which the names of its columns stand: people write a title above them.
//!
//! Guarantees: it is the first line that holds anything, unless the campaign says another, or a line near the front has the
//! column of addresses by its name, or only single cells stand above one that is followed by an address. What is found depends on
//! the front and the settings alone. Leaves to others: reading the names (`records`).

use super::form::{Form, Kind};
use super::quoted::{self, Marks, Quoted};
use crate::base::charset::Charset;
use crate::base::letters::is_nothing;
use crate::mail::Mailbox;

/// Rows that are looked at.
const ROWS: usize = 40;

/// The front of a list, and how it is written.
#[derive(Clone, Copy)]
pub struct Front<'a> {
    /// Its first octets, decoded.
    pub octets: &'a [u8],
    /// Whether these are all.
    pub is_whole: bool,
    pub form: Form,
    /// Whether it is a sheet: a row is one line, whatever its cells hold.
    pub is_sheet: bool,
    /// What single octets stand for; `None`: they are UTF-8.
    pub charset: Option<Charset>,
}

/// A row: its line, from 1, and its cells as headings.
type Row = (u64, Vec<String>);

/// The line of the headings, from 1, where that is not the first one that holds anything. `said`: the line that the campaign
/// names; `emails`: what it calls the column of addresses.
pub fn line_of(front: Front<'_>, said: Option<u64>, emails: &[&str]) -> Option<u64> {
    let rows = rows(front);
    let (first, names) = rows.first()?;
    if let Some(said) = said {
        return Some(said).filter(|said| said != first);
    }
    let has_it = |names: &[String]| names.iter().any(|name| emails.contains(&name.as_str()));
    if has_it(names) {
        return None;
    }
    let named = rows.iter().find(|(_, names)| has_it(names));
    named.or_else(|| below_title(&rows)).map(|(line, _)| *line)
}

/// The row above the first address, where nothing but single cells stands above that.
fn below_title(rows: &[Row]) -> Option<&Row> {
    let is_filled = |cell: &&String| !cell.is_empty();
    let is_address = |cell: &String| cell.contains('@') && Mailbox::parse(cell.as_bytes()).is_ok();
    let below = rows.iter().position(|(_, cells)| cells.iter().any(is_address))?;
    let (titles, headings) = rows.get(..below)?.split_at_checked(below.checked_sub(1)?)?;
    let are_titles = !titles.is_empty() && titles.iter().all(|(_, cells)| cells.iter().filter(is_filled).count() == 1);
    headings.first().filter(|(_, cells)| are_titles && cells.iter().filter(is_filled).count() > 1)
}

/// The first rows that hold anything.
fn rows(front: Front<'_>) -> Vec<Row> {
    let Front { octets, is_whole, form, is_sheet, charset } = front;
    let Kind::Separated(delimiter) = form.kind else { return Vec::new() };
    let marks = Marks { delimiter, line_end: form.line_end };
    let (mut rest, mut line) = (octets.get(form.front_octets..).unwrap_or_default(), form.front_lines + 1);
    let (mut rows, mut scratch, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    while rows.len() < ROWS && !rest.is_empty() {
        let end = memchr::memchr(form.line_end, rest).map(|at| at + 1);
        let Some(mut octets) = end.or_else(|| is_whole.then_some(rest.len())) else { break };
        let text = rest.get(..octets).unwrap_or_default();
        let mut cells = Vec::new();
        if memchr::memchr(b'"', text).is_none() {
            cells.extend(text.trim_ascii_end().split(|b| *b == delimiter).map(|cell| named(cell, charset)));
        } else {
            match quoted::parse(rest, is_whole, marks, &mut scratch, &mut fields) {
                Quoted::Whole(length) => octets = length,
                Quoted::More => break,
                Quoted::Open | Quoted::Broken => fields.clear(),
            }
            let cell = |&(from, to): &(u32, u32)| scratch.get(from as usize..to as usize).unwrap_or_default();
            cells.extend(fields.iter().map(|field| named(cell(field), charset)));
        }
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push((line, cells));
        }
        let record = rest.get(..octets).unwrap_or_default();
        line += if is_sheet { 1 } else { memchr::memchr_iter(form.line_end, record).count().max(1) as u64 };
        rest = rest.get(octets..).unwrap_or_default();
    }
    rows
}

fn named(cell: &[u8], charset: Option<Charset>) -> String {
    let mut decoded = Vec::new();
    let cell = match charset {
        Some(charset) => {
            charset.append(cell, &mut decoded);
            &decoded
        }
        None => cell,
    };
    heading(&String::from_utf8_lossy(cell))
}

/// What a heading is called: blanks of every kind are one, and none stand at its ends.
pub fn heading(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_nothing(*c)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn line(list: &str, said: Option<u64>, emails: &[&str]) -> Option<u64> {
        let form = Form::of(list.as_bytes(), true, Format::Csv, None);
        let front = Front { octets: list.as_bytes(), is_whole: true, form, is_sheet: false, charset: None };
        line_of(front, said, emails)
    }

    #[test]
    fn headings_below_a_title_are_found() {
        for (list, found) in [
            ("email,name\na@b.example,A\n", None),
            ("\n,,\nemail,name\na@b.example,A\n", None),
            ("Customers 2026\nemail,name\na@b.example,A\n", Some(2)),
            ("Customers 2026;\n\nas of May;;\nemail;name\na@b.example;A\n", Some(4)),
            ("\"Customers,\n2026\",\nemail,name\na@b.example,A\n", Some(3)),
            ("from,2026-01-01\nto,2026-02-01\nname,email\nA,a@b.example\n", Some(3)),
            ("Customers\nmail,name\nA,B\na@b.example,A\n", None),
            ("Customers\nmail,name\na@b.example,A\n", Some(2)),
            ("mail,name\n,A\na@b.example,A\n", None),
            ("mail\nx\na@b.example\n", None),
            ("", None),
        ] {
            assert_eq!(line(list, None, &["email"]), found, "{list:?}");
        }
        assert_eq!(line("Customers;\nE-Mail;Name\na@b.example;A\n", None, &[]), Some(2));
        assert_eq!(line("Customers\nE-Mail;Name\na@b.example;A\n", None, &[]), Some(2));
    }

    #[test]
    fn the_line_that_a_campaign_names_is_taken() {
        let list = "x,email\nname,email\nA,a@b.example\n";
        assert_eq!(line(list, Some(2), &["email"]), Some(2));
        assert_eq!(line(list, Some(1), &["email"]), None);
        assert_eq!(line(list, None, &["email"]), None);
    }
}
