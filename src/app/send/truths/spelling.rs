//! Words of a template that cells have in other letters: `plan == "gold"`, and the list says `Gold`.
//!
//! Guarantees: told only where no comparison of the column is with the cell as it stands. Leaves to others: words for yes and no,
//! of which there are several (`asked`).

use super::asked::{Asked, Wrong};
use crate::content::{Asks, JSON_MARK, Word, truth_of};
use crate::engine::loader::Sampled;

/// The word for it.
const SPELT: &str = "word-spelling";
/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;

impl Asked<'_> {
    /// The first cell in these rows, at `place`, that is the word of the template but for capitals and blanks.
    pub(super) fn spelt_otherwise(&self, rows: &[Sampled], place: usize, path: &str) -> Option<Wrong> {
        let Asks::IsWord(word, is_not) = &self.wanted.asks else { return None };
        // What stands in lists and objects is for programs, and they write it in one way.
        if truth_of(&word.text).is_some() || self.wanted.spot.cell().is_none() {
            return None;
        }
        let cells = rows.iter().filter_map(|row| Some((row.line, text_of(row.fields.get(place)?)?)));
        let (line, cell) = cells.into_iter().find(|(_, cell)| is_like(word, cell) && !self.is_compared_with(cell))?;
        let shown: String = cell.chars().take(CHARACTERS).collect();
        let (called, text) = (self.called(), &word.text);
        let problem =
            format!("{called} is compared with {text:?}, which is not what {path}, line {line}, has: {shown:?}");
        Some((self.placed(problem, self.in_small_letters(word, *is_not, cell)), Some(SPELT)))
    }

    fn is_compared_with(&self, cell: &str) -> bool {
        self.wanted.words.iter().any(|word| word.is(cell))
    }
}

fn text_of(cell: &[u8]) -> Option<&str> {
    std::str::from_utf8(cell).ok().filter(|_| cell.first() != Some(&JSON_MARK))
}

/// Whether a cell is a word but for capitals and blanks.
fn is_like(word: &Word, cell: &str) -> bool {
    let (cell, text) = (cell.trim(), word.text.trim());
    !text.is_empty() && cell.len() == text.len() && cell.to_lowercase() == text.to_lowercase()
}
