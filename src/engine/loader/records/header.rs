//! The header of a list: where it is, the names in it, and the columns that are chosen by them.
//!
//! Guarantees: a column that is not there, or is there twice, is an error with its line. Leaves to others: cutting records.

use super::super::List;
use super::super::error::LoadError;
use super::super::headings::{self, Front, heading};
use super::super::json::others_of;
use super::super::look::no_column;
use super::{HEAD_OCTETS, Records, Step};
use crate::mail::Mailbox;
use crate::mail::reply::Printable;

/// How much of a first line that is no header is shown.
const FIRST_OCTETS: usize = 80;

impl Records {
    /// The line of the header, where something stands above it.
    pub(super) fn header_in_front(&self, list: &List) -> Option<u64> {
        let (octets, is_whole) = (self.head(), self.eof && self.end <= HEAD_OCTETS);
        let front = Front { octets, is_whole, form: self.form, is_sheet: self.is_sheet, charset: self.charset };
        let email = list.email.as_deref();
        let emails: Vec<&str> =
            email.into_iter().chain(email.into_iter().flat_map(|n| others_of(n, &list.aliases))).collect();
        headings::line_of(front, list.dialect.header_line, &emails)
    }

    /// Reads the header line: the names of the columns, as they stand there; empty where one has none.
    pub fn header(&mut self) -> Result<Vec<String>, LoadError> {
        let mut step = self.advance()?;
        while !matches!(step, Step::End) && self.header_at.is_some_and(|at| self.line() < at) {
            step = self.advance()?;
        }
        if let Some(at) = self.header_at.filter(|at| *at != self.line()) {
            let what = format!("is said to be line {at} (header_line), and no row begins there");
            return Err(self.bad_header(what));
        }
        match step {
            Step::End => return Err(LoadError::Empty { path: self.path.clone() }),
            Step::Bad(reason) => return Err(self.bad_header(format!("cannot be read: {reason}"))),
            Step::Record => self.header_line = self.line(),
        }
        let mut names = Vec::with_capacity(self.fields.len());
        for i in 0..self.fields.len() {
            let name = std::str::from_utf8(self.at(i)).map_err(|_| {
                let why = "is not UTF-8, and its encoding is not certain";
                self.bad_header(format!("{why}\nhint: save the list as UTF-8, or say encoding = \"…\" in [recipients]"))
            })?;
            names.push(heading(name));
        }
        if names.iter().any(|name| name.contains('@') && Mailbox::parse(name.as_bytes()).is_ok()) {
            let first = self.sample();
            let cut = if first.len() > FIRST_OCTETS { "…" } else { "" };
            let first = Printable(first.get(..FIRST_OCTETS).unwrap_or(first)).to_string();
            let hint = "hint: put a line with the names of the columns before it, such as email,first_name";
            return Err(self.bad_header(format!("is missing: the first line is {first}{cut}\n{hint}")));
        }
        self.columns = names.len();
        self.named = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        self.needed = self.named;
        Ok(names)
    }

    fn bad_header(&self, what: String) -> LoadError {
        LoadError::Header { path: self.path.clone(), line: self.line(), what }
    }

    /// Chooses the columns that [`Records::field`] numbers. `header`: what [`Records::header`] gave, if it was asked.
    pub fn select(&mut self, wanted: &[String], header: &[String]) -> Result<(), LoadError> {
        self.names = wanted.to_vec();
        self.others = (0..wanted.len()).filter(|index| wanted.get(*index) != self.email.as_ref()).collect();
        if !self.has_header() {
            self.places = (0..wanted.len()).collect();
            return Ok(());
        }
        self.places.clear();
        for name in wanted {
            let called = if header.contains(name) { None } else { self.other_name(name, header) };
            let name = called.as_ref().unwrap_or(name);
            let mut places = header.iter().enumerate().filter(|(_, column)| *column == name).map(|(place, _)| place);
            let Some(place) = places.next() else {
                return Err(no_column(&self.path, self.header_line, name, header));
            };
            if let Some(second) = places.next() {
                let what = format!("names the column {name:?} twice");
                let hint = format!("hint: rename one of them: the columns {} and {}", place + 1, second + 1);
                return Err(self.bad_header(format!("{what}\n{hint}")));
            }
            self.places.push(place);
        }
        self.needed = self.places.iter().max().map_or(0, |last| last + 1);
        Ok(())
    }

    /// What else the campaign calls a column that is not there, or the column behind that name, where the list has it.
    fn other_name(&self, name: &str, header: &[String]) -> Option<String> {
        others_of(name, &self.aliases).find(|other| header.iter().any(|column| column == other)).map(str::to_owned)
    }
}
