//! What a walk finds: faults, and what it wants of columns, each at an octet of the text.

use super::super::rewrite::Edit;
use super::super::uses::{Spot, Word};
use super::truth::TruthWanted;
use std::collections::BTreeSet;

/// Something that is wrong, at an octet of the text.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) problem: String,
    pub(crate) hint: String,
}

/// Files of which one is read.
#[derive(Debug)]
pub(crate) struct FileUse {
    pub(crate) at: usize,
    pub(crate) names: Vec<String>,
    pub(crate) ignore_missing: bool,
}

/// A column whose cells must be numbers, and nobody has said that they are.
#[derive(Debug)]
pub(crate) struct NumberWanted {
    pub(crate) at: usize,
    pub(crate) column: usize,
    /// Whether an empty cell counts as something there, or this is not reached for every row.
    pub(crate) copes_with_empty: bool,
}

/// A column whose cells must be amounts of one kind.
#[derive(Debug)]
pub(crate) struct AmountWanted {
    pub(crate) at: usize,
    pub(crate) column: usize,
    /// Whether it is written by a filter.
    pub(crate) is_written: bool,
    /// Whether it is reached for every row.
    pub(crate) is_certain: bool,
    /// The locale that the filter names.
    pub(crate) locale: Option<String>,
}

/// A sum of columns, of which nobody has said what they hold.
#[derive(Debug)]
pub(crate) struct SumWanted {
    pub(crate) at: usize,
    /// What each term is called there, and the columns that it stands for.
    pub(crate) terms: Vec<(String, Vec<usize>)>,
}

/// What a walk has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) edits: Vec<Edit>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) files: Vec<FileUse>,
    pub(crate) numbers: Vec<NumberWanted>,
    pub(crate) truths: Vec<TruthWanted>,
    pub(crate) amounts: Vec<AmountWanted>,
    pub(crate) sums: Vec<SumWanted>,
    /// Columns that are printed, or taken as text.
    pub(crate) printed: BTreeSet<usize>,
    /// Columns on which it depends what is shown.
    pub(crate) deciding: BTreeSet<usize>,
    /// Columns, and the words of the template that each is compared with.
    pub(crate) words: Vec<(Spot, Word)>,
    /// Every name that the template binds somewhere: what it includes sees them.
    pub(crate) bound: BTreeSet<String>,
}
