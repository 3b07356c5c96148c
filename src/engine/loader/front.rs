//! The first recipients of a list: enough to make a letter of, and no more is read.
//!
//! Leaves to others: bad records (they are passed over here, and rejected by the load).

use super::recipient::{self, Several};
use super::records::{Step, Tidied};
use super::{List, LoadError, fault_of};

/// A recipient, as the table would keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its line on the list.
    pub line: u64,
    /// Its canonical mailbox.
    pub mailbox: String,
    /// The columns asked for.
    pub fields: Vec<Vec<u8>>,
}

/// The first `count` good records of a list, with these columns of them.
///
/// # Errors
/// The list cannot be read.
pub fn first_of(list: &List, email: &str, columns: &[String], count: usize) -> Result<Vec<Sampled>, LoadError> {
    Ok(front_of(list, email, columns, count)?.0)
}

/// The same, and whether these are all.
///
/// # Errors
/// The list cannot be read.
pub fn front_of(list: &List, email: &str, columns: &[String], count: usize) -> Result<(Vec<Sampled>, bool), LoadError> {
    let (sampled, are_all, _) = tidied_front_of(list, email, columns, count)?;
    Ok((sampled, are_all))
}

/// The same, and what was done to their cells.
///
/// # Errors
/// The list cannot be read.
pub fn tidied_front_of(
    list: &List,
    email: &str,
    columns: &[String],
    count: usize,
) -> Result<(Vec<Sampled>, bool, Tidied), LoadError> {
    let mut records = list.open()?;
    let wanted: Vec<String> =
        [email].into_iter().chain(columns.iter().map(String::as_str)).map(str::to_owned).collect();
    let header = if records.has_header() { records.header()? } else { Vec::new() };
    records.select(&wanted, &header)?;
    let stored: Vec<(String, bool)> = columns.iter().map(|name| (name.clone(), false)).collect();
    let mut sampled = Vec::new();
    let (mut mailbox, mut more) = (Vec::new(), Vec::new());
    // Of a list of bad records no more is read than is judged together.
    for _ in 0..super::FIRST_RECORDS {
        match records.advance()? {
            Step::End => return Ok((sampled, true, records.tidied().clone())),
            Step::Bad(_) => continue,
            Step::Record => {}
        }
        let read = recipient::read(records.field(0), Several::First, &mut mailbox, &mut more);
        if read.is_err() || fault_of(&records, &stored, false, std::iter::once(mailbox.as_slice())).is_some() {
            continue;
        }
        let fields = (1..=columns.len()).map(|i| records.field(i).to_vec()).collect();
        sampled.push(Sampled { line: records.line(), mailbox: String::from_utf8_lossy(&mailbox).into_owned(), fields });
        if sampled.len() == count {
            break;
        }
    }
    Ok((sampled, false, records.tidied().clone()))
}

/// Gives the values of these columns to `visit`, row by row with its line, of at most `count` records; bad ones are passed over.
///
/// # Errors
/// The list cannot be read.
pub fn each_of(
    list: &List,
    columns: &[String],
    count: u64,
    mut visit: impl FnMut(u64, &[&[u8]]),
) -> Result<(), LoadError> {
    let mut records = list.open()?;
    let header = if records.has_header() { records.header()? } else { Vec::new() };
    records.select(columns, &header)?;
    for _ in 0..count {
        match records.advance()? {
            Step::End => break,
            Step::Bad(_) => {}
            Step::Record => {
                let fields: Vec<&[u8]> = (0..columns.len()).map(|index| records.field(index)).collect();
                visit(records.line(), &fields);
            }
        }
    }
    Ok(())
}
