//! Who stands where on a list, and which rows of a table these are.
//!
//! Guarantees: the order is the list's; whoever the loader would refuse for the address is told as such, and of several in one cell each stands there; of the list nothing
//! is kept but 22 octets for each recipient that still waits. Nothing is written. Leaves to others: what the other columns
//! hold, and what becomes of the rows.

use super::records::Step;
use super::{List, LoadError, Several, fold, recipient, secret_of};
use crate::engine::keyset::KeySet;
use crate::engine::table::{Row, TableWriter};
use crate::mail::address;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// A record of a list.
#[derive(Debug)]
pub struct Place<'a> {
    /// The line, from 1, where it begins.
    pub line: u64,
    /// Its mailbox as it is compared, or why it has none.
    pub mailbox: Result<&'a [u8], String>,
}

/// Walks the records of a list in its order; ends early when told to.
///
/// # Errors
/// The list cannot be read, or has no such column.
pub fn walk(list: &List, email: &str, mut visit: impl FnMut(Place<'_>) -> ControlFlow<()>) -> Result<(), LoadError> {
    let mut records = list.open()?;
    let header = if records.has_header() { records.header()? } else { Vec::new() };
    records.select(&[email.to_owned()], &header)?;
    let (mut mailbox, mut folded, mut more) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let found = match records.advance()? {
            Step::End => return Ok(()),
            Step::Bad(reason) => Err(reason),
            Step::Record => {
                folded.clear();
                let read = recipient::read(records.field(0), Several::Each, &mut mailbox, &mut more);
                read.map(|addressed| address::fold_into(&mailbox, addressed.at, &mut folded))
            }
        };
        let line = records.line();
        if visit(Place { line, mailbox: found.map(|_| folded.as_slice()) }).is_break() {
            return Ok(());
        }
        for other in more.drain(..) {
            folded.clear();
            address::fold_into(other.as_str().as_bytes(), other.local_part().len(), &mut folded);
            if visit(Place { line, mailbox: Ok(&folded) }).is_break() {
                return Ok(());
            }
        }
    }
}

/// The rows, in order, of the first `most` mailboxes of the list of whom `is_open` says that they wait. Where fewer of them
/// are on it, those that are no longer on it follow, in the order of the table.
///
/// # Errors
/// The list or the table cannot be read.
pub fn first_open(
    list: &List,
    email: &str,
    table: &TableWriter,
    most: u64,
    is_open: &dyn Fn(u32) -> bool,
) -> Result<Vec<u32>, LoadError> {
    let mut open = KeySet::new(secret_of(table));
    each(table, |row, mailbox| {
        if is_open(row.number) {
            open.insert(mailbox);
        }
    })?;
    let mut chosen = KeySet::new(secret_of(table));
    let is_enough = |chosen: &KeySet| chosen.len() as u64 >= most;
    // A list that is gone has no order any more.
    if list.path.exists() && !is_enough(&chosen) {
        walk(list, email, |place| {
            if let Some(mailbox) = place.mailbox.ok().filter(|mailbox| open.contains(mailbox)) {
                chosen.insert(mailbox);
            }
            if is_enough(&chosen) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    let (mut rows, mut others) = (Vec::new(), Vec::new());
    each(table, |row, mailbox| {
        if !is_open(row.number) {
            return;
        }
        if chosen.contains(mailbox) {
            rows.push(row.number);
        } else if (others.len() as u64) < most {
            others.push(row.number);
        }
    })?;
    let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(rows.len());
    rows.extend(others.into_iter().take(room));
    rows.sort_unstable();
    Ok(rows)
}

/// The rows, in order, of these mailboxes, which are given as they are compared; and which of them have none, by their
/// places among them.
///
/// # Errors
/// The table cannot be read.
pub fn rows_of<'a>(
    mailboxes: impl IntoIterator<Item = &'a [u8]>,
    table: &TableWriter,
) -> Result<(Vec<u32>, Vec<usize>), LoadError> {
    let mut wanted: HashMap<&[u8], (usize, bool)> = HashMap::new();
    for (place, mailbox) in mailboxes.into_iter().enumerate() {
        wanted.entry(mailbox).or_insert((place, false));
    }
    let mut rows = Vec::new();
    each(table, |row, mailbox| {
        if let Some((_, is_met)) = wanted.get_mut(mailbox) {
            *is_met = true;
            rows.push(row.number);
        }
    })?;
    let mut missing: Vec<usize> = wanted.into_values().filter(|(_, is_met)| !is_met).map(|(place, _)| place).collect();
    missing.sort_unstable();
    Ok((rows, missing))
}

/// Visits each row with its mailbox as it is compared.
fn each(table: &TableWriter, mut visit: impl FnMut(&Row<'_>, &[u8])) -> Result<(), LoadError> {
    let mut folded = Vec::new();
    let reader = table.reader().map_err(LoadError::Table)?;
    let walked = reader.walk(|row| {
        fold(&row, &mut folded);
        visit(&row, &folded);
        ControlFlow::Continue(())
    });
    walked.map_err(LoadError::Table)
}
