//! Compares a list with the table of a campaign: who is new on it, who is gone from it, and who was withdrawn and is back.
//!
//! Guarantees: a list that changes meanwhile, that has nobody on it, or that a load would refuse for its records, is refused
//! rather than compared: whoever seems gone may be cancelled for it. Whoever stands on the list is on it, whatever the other
//! columns hold; records whose address cannot be read are counted, for they may be anybody's, and so are rows that none of
//! their mailbox's records gives any more. Nothing is written, but a list of the records that are rejected where that is asked for. Memory: 44 octets a mailbox of the list, 4 a row that is gone. Leaves to others: what becomes of any.

use super::recipient::Addressed;
use super::records::Step;
use super::rejects::Rejects;
use super::{EXAMPLES, FIRST_RECORDS, List, LoadError, Rejections};
use super::{fault_of, fold, print, recipient, secret_of, too_many};
use crate::engine::keyset::KeySet;
use crate::engine::table::{ListPrint, TableWriter};
use crate::mail::address;
use crate::wire::disk::access;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// What to compare with a table, and how.
pub struct Comparison<'a> {
    /// The list.
    pub list: &'a List,
    /// The column of addresses.
    pub email: &'a str,
    /// Stored columns that reach headers.
    pub header_columns: &'a [String],
    /// The fraction of records that may be rejected.
    pub max_rejected: f64,
    /// Rows that were withdrawn, in order, and that can be taken in again.
    pub withdrawn: &'a [u32],
    /// A list that was written to so lately is watched until it is older.
    pub quiet: Duration,
    /// Where the records are listed that are rejected, if they are.
    pub rejects: Option<&'a Path>,
}

/// How a list differs from a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// By what the list is known again.
    pub print: ListPrint,
    /// Mailboxes that the table does not have.
    pub new: u64,
    /// Mailboxes of whom the table has only rows that were withdrawn.
    pub back: u64,
    /// Rows whose mailbox is not on the list, in order.
    pub gone: Vec<u32>,
    /// Rows that are on it with other values.
    pub altered: u64,
    /// Records whose address cannot be read, and the first of them: its line and why.
    pub unreadable: u64,
    /// See [`Self::unreadable`].
    pub first_unreadable: Option<(u64, String)>,
}

/// What was read of a list.
struct Listed {
    mailboxes: KeySet,
    /// The same with the values of the columns that the table has.
    records: KeySet,
    print: ListPrint,
    unreadable: u64,
    first_unreadable: Option<(u64, String)>,
}

impl Comparison<'_> {
    /// Compares them.
    ///
    /// # Errors
    /// The list cannot be read or loaded, has nobody on it, or changes; the table cannot be read.
    pub fn with(&self, table: &TableWriter) -> Result<Difference, LoadError> {
        let Listed { mailboxes, records, print, unreadable, first_unreadable } = self.read(table)?;
        let mut back = KeySet::new(secret_of(table));
        let (mut gone, mut met, mut folded) = (Vec::new(), 0, Vec::new());
        // Who was taken in again stands behind the row that was withdrawn.
        let (mut again, mut altered) = (0, 0);
        let (columns, mut whole) = (table.manifest().columns.len(), Vec::new());
        let walked = table.reader().map_err(LoadError::Table)?.walk(|row| {
            fold(&row, &mut folded);
            if !mailboxes.contains(&folded) {
                gone.push(row.number);
            } else if self.withdrawn.binary_search(&row.number).is_ok() {
                back.insert(&folded);
            } else if back.contains(&folded) {
                again += 1;
            } else {
                met += 1;
                write_whole(&folded, (0..columns).map(|i| row.field(i).unwrap_or_default()), &mut whole);
                altered += u64::from(!records.contains(&whole));
            }
            ControlFlow::Continue(())
        });
        walked.map_err(LoadError::Table)?;
        let known = met + back.len() as u64;
        let new = (mailboxes.len() as u64).saturating_sub(known);
        let back = (back.len() as u64).saturating_sub(again);
        Ok(Difference { print, new, back, gone, altered, unreadable, first_unreadable })
    }

    fn read(&self, table: &TableWriter) -> Result<Listed, LoadError> {
        let mut records = self.list.open()?;
        let print = print::print_of(self.list, &records, self.email);
        let stored = &table.manifest().columns;
        let all = || stored.iter().chain(&table.manifest().keys);
        let wanted: Vec<String> =
            [self.email].into_iter().chain(all().map(String::as_str)).map(str::to_owned).collect();
        let header = if records.has_header() { records.header()? } else { Vec::new() };
        records.select(&wanted, &header)?;
        let columns: Vec<(String, bool)> =
            all().map(|name| (name.clone(), self.header_columns.contains(name))).collect();
        let [mailboxes, whole_records] = [(); 2].map(|()| KeySet::new(secret_of(table)));
        let mut listed = Listed { mailboxes, records: whole_records, print, unreadable: 0, first_unreadable: None };
        let (mut mailbox, mut more, mut folded, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut judge = Judge {
            path: &self.list.path,
            max_rejected: self.max_rejected,
            rejected: 0,
            records: 0,
            examples: Vec::new(),
            file: self.rejects,
            rejects: None,
        };
        loop {
            let (fault, is_readable) = match records.advance()? {
                Step::End => break,
                Step::Bad(reason) => (Some(reason), false),
                Step::Record => match recipient::read(records.field(0), self.list.several, &mut mailbox, &mut more) {
                    Err(reason) => (Some(reason), false),
                    Ok(Addressed { at, .. }) => {
                        let first = (mailbox.as_slice(), at);
                        let all = more.iter().map(|other| (other.as_str().as_bytes(), other.local_part().len()));
                        let all = std::iter::once(first).chain(all);
                        for (mailbox, at) in all.clone() {
                            folded.clear();
                            address::fold_into(mailbox, at, &mut folded);
                            listed.mailboxes.insert(&folded);
                            write_whole(&folded, (1..=stored.len()).map(|i| records.field(i)), &mut whole);
                            listed.records.insert(&whole);
                        }
                        let mailboxes = all.map(|(mailbox, _)| mailbox);
                        (fault_of(&records, &columns, stored.len() < columns.len(), mailboxes), true)
                    }
                },
            };
            if let (Some(reason), false) = (&fault, is_readable) {
                listed.unreadable += 1;
                listed.first_unreadable.get_or_insert_with(|| (records.line(), reason.clone()));
            }
            if let Some(reason) = &fault {
                judge.list(records.line(), reason, if is_readable { records.field(0) } else { records.sample() })?;
            }
            judge.count(fault.map(|reason| (records.line(), reason)))?;
        }
        judge.end()?;
        if listed.mailboxes.is_empty() {
            return Err(judge.nobody());
        }
        records.finish(self.quiet)?;
        Ok(listed)
    }
}

/// What two records have in common that say the same of the same mailbox.
fn write_whole<'a>(folded: &[u8], fields: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(folded);
    for field in fields {
        out.push(0);
        out.extend_from_slice(&(field.len() as u64).to_le_bytes());
        out.extend_from_slice(field);
    }
}

/// Refuses a list where a load would stop for its records.
struct Judge<'a> {
    path: &'a Path,
    max_rejected: f64,
    rejected: u64,
    records: u64,
    examples: Vec<(u64, String)>,
    file: Option<&'a Path>,
    rejects: Option<Rejects>,
}

impl Judge<'_> {
    /// Lists a record that is rejected.
    fn list(&mut self, line: u64, reason: &str, text: &[u8]) -> Result<(), LoadError> {
        let Some(path) = self.file else { return Ok(()) };
        if self.rejects.is_none() {
            let folder = path.parent().map_or(Ok(()), access::make_directory);
            self.rejects = Some(folder.and_then(|()| Rejects::open_at(path.to_owned(), 0)).map_err(LoadError::Table)?);
        }
        self.rejects.as_mut().map_or(Ok(()), |rejects| rejects.add(line, reason, text)).map_err(LoadError::Table)
    }

    fn count(&mut self, fault: Option<(u64, String)>) -> Result<(), LoadError> {
        self.records += 1;
        let is_bad = fault.is_some();
        self.rejected += u64::from(is_bad);
        self.examples.extend(fault.filter(|_| self.examples.len() < EXAMPLES));
        if self.records == FIRST_RECORDS || (is_bad && self.records > FIRST_RECORDS) { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), LoadError> {
        let &mut Self { max_rejected, rejected, records, .. } = self;
        if too_many(rejected, records, max_rejected) { Err(self.refusal()?) } else { Ok(()) }
    }

    /// Why there is nobody on the list.
    fn nobody(&mut self) -> LoadError {
        if self.rejected == 0 {
            return LoadError::Empty { path: self.path.to_owned() };
        }
        self.refusal().unwrap_or_else(|error| error)
    }

    fn refusal(&mut self) -> Result<LoadError, LoadError> {
        let &mut Self { path, rejected, records, .. } = self;
        if let Some(rejects) = &mut self.rejects {
            rejects.flush().map_err(LoadError::Table)?;
        }
        let rejects = self.rejects.as_ref().map(|rejects| rejects.path().to_owned());
        let rejections =
            Rejections { rejected, records, examples: std::mem::take(&mut self.examples), rejects, only_looked: true };
        Ok(LoadError::TooManyRejected { path: path.to_owned(), rejections })
    }
}
