//! Places where a template wants more of a column than what stands in it, and nobody has said what it holds: a number, whether
//! it is true, words that are looked for in it.
//!
//! Leaves to others: what the list holds.

use super::compose::Composer;
use super::error::{ContentError, Place};
use super::page::Origin;
use std::collections::BTreeSet;

/// A place where a template computes with a column of which nobody has said that it holds numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberUse {
    /// The file or the key.
    pub place: Place,
    /// Line and column, from 1.
    pub position: (usize, usize),
    /// The index of the column.
    pub column: usize,
    /// Whether the template says what an empty cell counts as, or comes here on some condition only.
    pub copes_with_empty: bool,
}

/// A place where a template reads a column as amounts of one kind: it computes with it, or writes it by `money` or `number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountUse {
    /// The file or the key.
    pub place: Place,
    /// Line and column, from 1.
    pub position: (usize, usize),
    /// The index of the column.
    pub column: usize,
    /// Whether it is written by a filter, and not computed with.
    pub is_written: bool,
    /// Whether each row comes here.
    pub is_certain: bool,
    /// The locale that the filter names for itself.
    pub locale: Option<String>,
}

/// A place where columns stand in a sum, of which nobody has said what they hold: text is joined there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumUse {
    /// The file or the key.
    pub place: Place,
    /// Line and column, from 1.
    pub position: (usize, usize),
    /// What each term is called there, and the indices of the columns that it stands for.
    pub terms: Vec<(String, Vec<usize>)>,
}

/// A place where a template asks what a column says, of which nobody has said what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthUse {
    /// The file or the key.
    pub place: Place,
    /// Line and column, from 1.
    pub position: (usize, usize),
    /// The column, or what in it.
    pub spot: Spot,
    /// What is asked.
    pub asks: Asks,
    /// Whether the same template prints it: then it may well be asked whether there is something to print.
    pub printed: bool,
    /// What the template calls it there, where it has given it a name of its own: `{% set p = points %}`.
    pub called: Option<String>,
    /// The words that the same template compares the column with.
    pub words: Vec<Word>,
    /// Those of them that it is compared with before this place is reached.
    pub known: Vec<Word>,
    /// Whether it is asked that it does not hold: `not vip`.
    pub is_not: bool,
}

/// A step into a value of JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What an object has under a key.
    Key(String),
    /// What a list has at a place.
    Place(usize),
    /// Each item of a list.
    Each,
}

/// A column, or what stands in its lists and objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The index of the column.
    pub column: usize,
    /// The way to it; none to the cell itself.
    pub path: Vec<Step>,
}

impl Spot {
    /// A whole cell.
    pub(crate) fn of(column: usize) -> Self {
        Self { column, path: Vec::new() }
    }

    /// What stands one step further.
    pub(crate) fn behind(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    /// The column, where it is the cell itself.
    #[must_use]
    pub fn cell(&self) -> Option<usize> {
        self.path.is_empty().then_some(self.column)
    }
}

/// What a template asks of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Whether it holds: any text does.
    Holds,
    /// Whether it is `true` or `false`: no text is.
    IsTruth,
    /// Whether it is this word; or whether it is not.
    IsWord(Word, bool),
    /// Nothing: it is printed as it stands.
    Prints,
}

/// A word that stands in a template, and a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Whether the cells come in small letters or capitals.
    pub is_folded: bool,
    /// Whether the cells come without blanks at their ends.
    pub is_trimmed: bool,
}

impl Word {
    /// Whether a cell is it.
    #[must_use]
    pub fn is(&self, cell: &str) -> bool {
        let cell = if self.is_trimmed { cell.trim() } else { cell };
        cell == self.text || self.is_folded && cell.to_lowercase() == self.text.to_lowercase()
    }
}

/// All that the templates of a campaign want of columns.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) numbers: Vec<NumberUse>,
    pub(crate) truths: Vec<TruthUse>,
    pub(crate) amounts: Vec<AmountUse>,
    pub(crate) sums: Vec<SumUse>,
    /// Columns that are printed, or taken as text.
    pub(crate) printed: BTreeSet<usize>,
    /// Columns on which it depends what is shown.
    pub(crate) deciding: BTreeSet<usize>,
    /// Columns, and words of the templates that they are compared with.
    pub(crate) words: Vec<(usize, Word)>,
}

impl Wanted {
    /// Be about what people wrote, where the texts were made from that.
    pub(crate) fn be_told(&mut self, origins: &[Origin]) {
        let numbers = self.numbers.iter_mut().map(|one| (&mut one.place, &mut one.position));
        let truths = self.truths.iter_mut().map(|one| (&mut one.place, &mut one.position));
        let amounts = self.amounts.iter_mut().map(|one| (&mut one.place, &mut one.position));
        let sums = self.sums.iter_mut().map(|one| (&mut one.place, &mut one.position));
        for (place, position) in numbers.chain(truths).chain(amounts).chain(sums) {
            told_as_written(place, position, origins);
        }
    }
}

impl Composer {
    /// Columns that templates compute with though nobody says that they hold numbers: each cell of them must be one.
    #[must_use]
    pub fn numbers_wanted(&self) -> &[NumberUse] {
        &self.wanted.numbers
    }

    /// Columns of which templates ask whether they are true though nobody says that their cells say yes or no.
    #[must_use]
    pub fn truths_wanted(&self) -> &[TruthUse] {
        &self.wanted.truths
    }

    /// Columns that templates read as amounts of one kind.
    #[must_use]
    pub fn amounts_wanted(&self) -> &[AmountUse] {
        &self.wanted.amounts
    }

    /// Sums of columns of which nobody says that they hold numbers.
    #[must_use]
    pub fn sums_wanted(&self) -> &[SumUse] {
        &self.wanted.sums
    }

    /// Columns that templates print, or take as text, as they stand in the list.
    #[must_use]
    pub fn columns_printed(&self) -> &BTreeSet<usize> {
        &self.wanted.printed
    }

    /// Columns on which it depends what is shown: conditions ask them.
    #[must_use]
    pub fn columns_deciding(&self) -> Vec<usize> {
        self.wanted.deciding.iter().copied().collect()
    }

    /// Whether templates print what stands at this place of a row as it stands there, or take it as text.
    #[must_use]
    pub fn prints_at(&self, place: usize) -> bool {
        self.wanted.printed.iter().any(|index| self.places.get(*index) == Some(&place))
    }

    /// Whether conditions ask of what stands at this place no more, as far as is known, than whether it is one of their words, or
    /// whether there is anything.
    #[must_use]
    pub fn asks_plainly_at(&self, place: usize) -> bool {
        let is_it = |index: usize| self.places.get(index) == Some(&place);
        let holds = |one: &TruthUse| one.asks == Asks::Holds && one.spot.cell().is_some_and(is_it);
        self.wanted.words.iter().any(|(index, _)| is_it(*index)) || self.wanted.truths.iter().any(holds)
    }

    /// Whether templates compare what stands at this place of a row with this very text: they know what it means.
    #[must_use]
    pub fn compares_at(&self, place: usize, cell: &str) -> bool {
        self.wanted.words.iter().any(|(index, word)| self.places.get(*index) == Some(&place) && word.is(cell))
    }
}

fn told_as_written(place: &mut Place, position: &mut (usize, usize), origins: &[Origin]) {
    let Some(origin) = origins.iter().find(|origin| origin.is_of(place)) else { return };
    let told = origin.told(ContentError { position: Some(*position), ..ContentError::new(place, "", "") });
    (*place, *position) = (told.place, told.position.unwrap_or(*position));
}

/// Whether people read what is printed behind `front`, in a text that stands in `place`: it is in no tag of HTML, no address and
/// no field for programs.
pub(crate) fn is_for_readers(place: &Place, front: &str) -> bool {
    if matches!(place, Place::Key(key) if key.starts_with("headers.") || key.starts_with("unsubscribe")) {
        return false;
    }
    let (mut is_in_tag, mut rest) = (false, front);
    while let Some(at) = rest.find(['<', '>', '{']) {
        let (sign, behind) = (rest.as_bytes().get(at), rest.get(at + 1..).unwrap_or_default());
        let tag = behind.strip_prefix(['%', '{']).filter(|_| sign == Some(&b'{'));
        match (tag, sign) {
            // What stands in a tag of the template is none of the page's.
            (Some(tag), _) => {
                let end = tag.find("%}").into_iter().chain(tag.find("}}")).min();
                rest = end.and_then(|end| tag.get(end + 2..)).unwrap_or_default();
                continue;
            }
            (None, Some(b'<')) => is_in_tag |= behind.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/'),
            (None, Some(b'>')) => is_in_tag = false,
            _ => {}
        }
        rest = behind;
    }
    let word = front.rsplit(char::is_whitespace).next().unwrap_or_default();
    !is_in_tag && !word.contains("://") && !word.ends_with('=')
}
