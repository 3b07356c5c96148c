//! Names of another engine's template as ours has them: those of the list's columns, and of built-in values.

use super::{Cells, Holds};
use crate::content::{foreign, meanings, names};

/// Values that need no column.
const BUILT_IN: [&str; 4] = ["email", "token", "campaign", "unsubscribe_url"];

/// A name in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    /// The list is known, and has no such column.
    pub(super) is_missing: bool,
}

/// The list's columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vocabulary<'a> {
    columns: &'a [String],
    cells: Cells<'a>,
    complains: bool,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn new(columns: &'a [String], cells: Cells<'a>) -> Self {
        Self { columns, cells, complains: !columns.is_empty() }
    }

    /// Whether nothing is known of what columns hold.
    pub(super) fn is_unsure(&self) -> bool {
        matches!(self.cells, Cells::Unknown)
    }

    /// Whether every cell is text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.cells, Cells::Text | Cells::Figures(_))
    }

    /// What the column of this name of ours holds; nothing is said where that is not known.
    pub(super) fn holds(&self, ours: &str) -> Holds {
        let text = Holds { texts: true, ..Holds::default() };
        match self.cells {
            Cells::Unknown => Holds::default(),
            Cells::Text => text,
            Cells::Figures(figures) => {
                let place = self.columns.iter().position(|column| names::identifier(column) == ours);
                let figures = place.and_then(|place| figures.get(place)).copied().unwrap_or_default();
                Holds { figures, ..text }
            }
            Cells::Typed(holds) => {
                let place = self.columns.iter().position(|column| names::identifier(column) == ours);
                place.map_or(text, |place| holds.get(place).copied().unwrap_or_default())
            }
        }
    }

    /// Whether values in lists and objects are of kinds that ours prints otherwise than other engines.
    pub(super) fn has_kinds_within(&self) -> bool {
        matches!(self.cells, Cells::Typed(holds) if holds.iter().any(|one| one.within))
    }

    /// The same; a column that is missing is as good as another.
    pub(super) fn without_complaint(self) -> Self {
        Self { complains: false, ..self }
    }

    /// Whether there is an object without anything in it.
    pub(super) fn has_empty_objects(&self) -> bool {
        matches!(self.cells, Cells::Typed(holds) if holds.iter().any(|one| one.empty_objects))
    }

    /// Whether a name is that of a value which needs no column.
    pub(super) fn is_built_in(&self, theirs: &str) -> bool {
        self.known(theirs).is_some_and(|ours| BUILT_IN.contains(&ours.as_str()))
    }

    /// What a name is called here.
    pub(super) fn named(&self, theirs: &str) -> Named {
        match self.known(theirs) {
            Some(name) => Named { name, is_missing: false },
            None => {
                let name = names::identifier(theirs).into_owned();
                let is_missing = self.complains && !BUILT_IN.contains(&name.as_str());
                Named { name, is_missing }
            }
        }
    }

    /// What the list, or a built-in value, calls it; `None` where that is not known.
    pub(super) fn known(&self, theirs: &str) -> Option<String> {
        let theirs = theirs.trim();
        let exact = self.columns.iter().find(|column| *column == theirs || names::identifier(column) == theirs);
        if let Some(column) = exact {
            return Some(names::identifier(column).into_owned());
        }
        // Without a list a name is kept, but for the one that is no column anywhere.
        match meanings::column(theirs, self.columns) {
            Some(name) if !self.columns.is_empty() => Some(name),
            Some(name) if BUILT_IN.contains(&name.as_str()) => Some(name),
            _ => None,
        }
    }

    /// Whether a name of ours is one that the list, or every list, has.
    pub(super) fn is_column(&self, ours: &str) -> bool {
        BUILT_IN.contains(&ours) || self.columns.iter().any(|column| names::identifier(column) == ours)
    }

    /// A name with dots as a whole: a heading of the list, or its last word where the first one is what other engines call
    /// the recipient, and the list has no such object.
    pub(super) fn dotted(&self, path: &[String]) -> Option<String> {
        let (root, last) = (path.first()?, path.last()?);
        if self.columns.is_empty() || path.len() < 2 {
            return None;
        }
        let is_column =
            |name: &str| self.columns.iter().any(|column| column == name || names::identifier(column) == name);
        let whole = path.join(".");
        if is_column(&whole) {
            return Some(names::identifier(&whole).into_owned());
        }
        if is_column(root) || !foreign::is_root(root) {
            return None;
        }
        self.known(last)
    }
}
