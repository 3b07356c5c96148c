//! Whether the cells of some columns are numbers, all of them: a look at the whole list.
//!
//! Guarantees: nothing is kept of a list but counts and the first cell of each column that is no number. Records that are
//! none are passed over: the load tells of them.

use super::records::Step;
use super::{List, LoadError};
use crate::content::is_plainly_number;

/// Most characters of a cell that are shown.
const SHOWN: usize = 40;

/// What the cells of one column are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Cells with something in them.
    pub filled: u64,
    /// Empty cells, and the line of the first.
    pub empty: u64,
    /// See [`Self::empty`].
    pub first_empty: Option<u64>,
    /// The first cell that is not plainly a number: its line, and its front.
    pub other: Option<(u64, String)>,
}

/// Looks at all cells of `columns` in `list`.
///
/// # Errors
/// The list cannot be read, or has no such column.
pub fn figures(list: &List, columns: &[String]) -> Result<Vec<Figures>, LoadError> {
    let mut records = list.open()?;
    let header = records.header()?;
    records.select(columns, &header)?;
    let mut all = vec![Figures::default(); columns.len()];
    loop {
        match records.advance()? {
            Step::End => return Ok(all),
            Step::Bad(_) => continue,
            Step::Record => {}
        }
        for (i, figures) in all.iter_mut().enumerate() {
            let cell = records.field(i).trim_ascii();
            if cell.is_empty() {
                figures.empty += 1;
                figures.first_empty = figures.first_empty.or(Some(records.line()));
            } else if is_plainly_number(cell) {
                figures.filled += 1;
            } else if figures.other.is_none() {
                let text = String::from_utf8_lossy(cell).chars().take(SHOWN).collect();
                figures.other = Some((records.line(), text));
            }
        }
    }
}
