//! Whether the cells of some columns are numbers, all of them: a look at the whole list.
//!
//! Guarantees: nothing is kept of a list but counts and the first cell of each column that is no number. Records that are
//! none are passed over: the load tells of them.

use super::records::Step;
use super::{List, LoadError};
use crate::content::{Amounts, bare, is_plainly_number};

/// Most characters of a cell that are shown.
const SHOWN: usize = 40;

/// What the cells of one column are.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Cells with something in them.
    pub filled: u64,
    /// Empty cells, and the line of the first.
    pub empty: u64,
    /// See [`Self::empty`].
    pub first_empty: Option<u64>,
    /// The first cell that is not plainly a number: its line, and its front.
    pub other: Option<(u64, String)>,
    /// What the cells are as amounts.
    pub amounts: Amounts,
}

impl Figures {
    fn new(locale: Option<&str>) -> Self {
        Self { filled: 0, empty: 0, first_empty: None, other: None, amounts: Amounts::new(locale) }
    }

    fn take(&mut self, line: u64, cell: &[u8]) {
        if cell.is_empty() {
            self.empty += 1;
            self.first_empty = self.first_empty.or(Some(line));
            return;
        }
        let is_number = is_plainly_number(bare(cell));
        self.filled += u64::from(is_number);
        if is_number && self.filled > 1 && !cell.contains(&b'.') {
            // Whole numbers are read alike by everybody: one says as much as all.
            return;
        }
        self.amounts.take_field(line, cell);
        let text = String::from_utf8_lossy(cell);
        if !is_number && self.other.is_none() {
            self.other = Some((line, text.chars().take(SHOWN).collect()));
        }
    }
}

/// Looks at all cells of `columns` in `list`, of a campaign that names this locale.
///
/// # Errors
/// The list cannot be read, or has no such column.
pub fn figures(list: &List, columns: &[String], locale: Option<&str>) -> Result<Vec<Figures>, LoadError> {
    let mut records = list.open()?;
    let header = records.header()?;
    records.select(columns, &header)?;
    let mut all = vec![Figures::new(locale); columns.len()];
    loop {
        match records.advance()? {
            Step::End => return Ok(all),
            Step::Bad(_) => continue,
            Step::Record => {}
        }
        for (i, figures) in all.iter_mut().enumerate() {
            figures.take(records.line(), records.field(i).trim_ascii());
        }
    }
}
