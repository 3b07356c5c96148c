//! Compares a list with the table of a campaign: who is new on it, and who is gone from it.
//!
//! Guarantees: a list that changes meanwhile, or has nobody on it, is refused rather than compared: whoever seems gone may
//! be cancelled for it. Whoever stands on the list is on it, whatever the other columns hold. Memory: 22 octets a mailbox of
//! the list, 4 a row that is gone. Leaves to others: what becomes of either.

use super::records::Step;
use super::{Format, List, LoadError, fold, secret_of};
use crate::engine::keyset::KeySet;
use crate::engine::table::TableWriter;
use crate::mail::address;
use std::ops::ControlFlow;
use std::time::Duration;

/// How a list differs from a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Mailboxes that the table does not have.
    pub new: u64,
    /// Rows whose mailbox is not on the list, in order.
    pub gone: Vec<u32>,
}

/// Compares them; `email` is the column of addresses, and a list that was written to within `quiet` is watched.
///
/// # Errors
/// The list cannot be read, has nobody on it, or changes; the table cannot be read.
pub fn compare(list: &List, email: &str, quiet: Duration, table: &TableWriter) -> Result<Difference, LoadError> {
    let mut records = list.open()?;
    let header = if list.format() == Format::Jsonl { Vec::new() } else { records.header()? };
    records.select(&[email.to_owned()], &header)?;
    let mut listed = KeySet::new(secret_of(table));
    let (mut mailbox, mut folded) = (Vec::new(), Vec::new());
    loop {
        match records.advance()? {
            Step::End => break,
            Step::Bad(_) => continue,
            Step::Record => {}
        }
        mailbox.clear();
        if let Ok(at) = address::parse_into(records.field(0), &mut mailbox) {
            folded.clear();
            address::fold_into(&mailbox, at, &mut folded);
            listed.insert(&folded);
        }
    }
    if listed.is_empty() {
        return Err(LoadError::Empty { path: list.path.clone() });
    }
    records.finish(quiet)?;
    let (mut gone, mut met) = (Vec::new(), 0);
    let walked = table.reader().map_err(LoadError::Table)?.walk(|row| {
        fold(&row, &mut folded);
        if listed.contains(&folded) {
            met += 1;
        } else {
            gone.push(row.number);
        }
        ControlFlow::Continue(())
    });
    walked.map_err(LoadError::Table)?;
    Ok(Difference { new: (listed.len() as u64).saturating_sub(met), gone })
}
