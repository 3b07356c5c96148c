//! Cells without what shows nothing, and with each letter in one piece: see [`letters`].
//!
//! Guarantees: a cell of plain ASCII costs one look at its octets; what is changed is counted, with the first such cell. The
//! column of addresses is left to whoever reads addresses. Leaves to others: telling it.

use super::Records;
use crate::base::letters;

/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;

/// What was done to the cells that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Characters that show nothing were taken out.
    pub shorter: Option<Tidy>,
    /// Letters were put together.
    pub composed: Option<Tidy>,
}

/// Cells of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidy {
    /// How many there are; at least one.
    pub count: u64,
    /// The line of the first.
    pub line: u64,
    /// Its column.
    pub column: String,
    /// Its front, as it was.
    pub cell: String,
}

impl Records {
    /// Tidies the wanted cells of the record in hand.
    pub(super) fn tidy(&mut self) {
        for place in 0..self.others.len() {
            let index = self.others.get(place).copied().unwrap_or(0);
            if !self.field(index).iter().all(|octet| matches!(octet, b' '..=b'~')) {
                self.tidy_cell(index);
            }
        }
    }

    #[cold]
    fn tidy_cell(&mut self, index: usize) {
        let Ok(text) = std::str::from_utf8(self.field(index)) else { return };
        let Some(tidied) = letters::tidied(text) else { return };
        let cell = text.chars().take(CHARACTERS).collect();
        let (line, column) = (self.line(), self.names.get(index).cloned().unwrap_or_default());
        let kind = if tidied.is_shorter { &mut self.tidied.shorter } else { &mut self.tidied.composed };
        kind.get_or_insert(Tidy { count: 0, line, column, cell }).count += 1;
        if !self.in_scratch {
            // The places of the fields are the same there.
            self.scratch.clear();
            self.scratch.extend_from_slice(self.buffer.get(self.start..self.next).unwrap_or_default());
            self.in_scratch = true;
        }
        let from = self.scratch.len() as u32;
        self.scratch.extend_from_slice(tidied.text.as_bytes());
        let to = self.scratch.len() as u32;
        if let Some(field) = self.places.get(index).and_then(|place| self.fields.get_mut(*place)) {
            *field = (from, to);
        }
    }

    /// What was done to the cells so far.
    pub fn tidied(&self) -> &Tidied {
        &self.tidied
    }
}
