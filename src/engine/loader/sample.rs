//! The first rows of a list, for whoever writes the campaign for it.
//!
//! Guarantees: no more than the rows asked for are read; rows that are none are left out. Leaves to others: what they mean.

use super::error::LoadError;
use super::records::Step;
use super::{List, Look, look_at};
use crate::content::bare;

/// A list's columns and its first rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The columns, as they are headed; those that share a heading are none.
    pub columns: Vec<String>,
    /// Rows: a value for each column.
    pub rows: Vec<Vec<String>>,
    /// Sheets of the workbook besides the one that was read.
    pub others: Vec<String>,
    /// The key under which an array of objects stands.
    pub inner: Option<String>,
    /// Whether the list is one of JSON: then a value that begins with [`JSON_MARK`](crate::content::JSON_MARK) is no text.
    pub is_json: bool,
}

/// Reads the columns and at most so many rows.
///
/// # Errors
/// An unreadable or empty list, or a bad header line.
pub fn sample(list: &List, rows_max: usize) -> Result<Sample, LoadError> {
    let Look { columns: listed, sheet, inner, is_json, .. } = look_at(list)?;
    let stands_once = |name: &&String| listed.iter().filter(|other| other == name).count() == 1;
    let columns: Vec<String> = listed.iter().filter(stands_once).cloned().collect();
    let mut records = list.open()?;
    let header = if records.has_header() { records.header()? } else { Vec::new() };
    records.select(&columns, &header)?;
    let mut rows = Vec::new();
    for _ in 0..rows_max {
        match records.advance()? {
            Step::End => break,
            Step::Bad(_) => {}
            Step::Record => {
                let field = |index| if is_json { records.field(index) } else { bare(records.field(index)) };
                let value = |index| String::from_utf8_lossy(field(index)).into_owned();
                rows.push((0..columns.len()).map(value).collect());
            }
        }
    }
    let others = sheet.map(|(_, others)| others).unwrap_or_default();
    Ok(Sample { columns, rows, others, inner, is_json })
}
