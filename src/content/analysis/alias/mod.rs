//! Names that a template gives to columns: `{% set p = points %}`, an argument of a macro, what a loop over columns takes, what
//! stands in a list, an object or a namespace; through files that are included and imported, too.
//!
//! Guarantees: something stands for columns only where each of its values is one, or stands in the template; of arguments and of
//! loops each value counts by itself. Leaves to others: what that means for a condition (`truth`), for
//! an address (`lint::by_row`).

mod bound;
mod gaps;
mod parts;
mod values;

use super::super::names::Names;
use super::super::uses::Spot;
use bound::Unit;
pub(crate) use gaps::bare_columns;
use minijinja::machinery;
use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::syntax::SyntaxConfig;
pub(crate) use parts::{Part, Prints, Way, product};
use std::collections::{BTreeMap, BTreeSet};
use values::{Passed, Reader};

/// What an expression stands for.
#[derive(Debug, Default)]
pub(crate) struct Alias {
    /// The columns, and what stands in those of JSON.
    pub(crate) spots: BTreeSet<Spot>,
    /// Whether some of it comes in small letters or capitals: `{% set p = plan|lower %}`.
    pub(crate) is_folded: bool,
    /// Whether some of it comes without blanks at its ends.
    pub(crate) is_trimmed: bool,
}

/// What expressions of one file stand for, by the first octet of each and the one behind it.
pub(crate) type Places = BTreeMap<(usize, usize), Alias>;

/// The columns that names and what is taken out of them stand for, in a template and in each file that it reads.
#[derive(Debug, Default)]
pub(crate) struct Aliases(BTreeMap<String, Places>);

impl Aliases {
    /// Of these files by their names, of which the first is the template itself.
    pub(crate) fn of(files: &[(String, String)], syntax: &SyntaxConfig, names: &mut Names<'_>) -> Self {
        let trees = trees_of(files, syntax);
        let trees: Vec<(&str, &Stmt<'_>)> = trees.iter().map(|(name, tree)| (*name, tree)).collect();
        let unit = Unit::of(&trees);
        let mut reader = Reader::of(&unit, names);
        let mut found = BTreeMap::<String, Places>::new();
        for at in &unit.exprs {
            if !matches!(at.expr, Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_)) {
                continue;
            }
            reader.passed = Passed::default();
            if let (Some(columns), Some((name, _))) = (reader.stands_for(*at), trees.get(unit.file_of(at.scope))) {
                let span = super::tree::span(at.expr);
                let alias = found.entry((*name).to_owned()).or_default().entry(span).or_default();
                alias.spots.extend(columns);
                alias.is_folded |= reader.passed.folds;
                alias.is_trimmed |= reader.passed.trims;
            }
        }
        Self(found)
    }

    /// Those of a file.
    pub(crate) fn in_file(&self, name: &str) -> Option<&Places> {
        self.0.get(name)
    }
}

/// The trees of these files; what is no template is told by whoever compiles it.
fn trees_of<'f>(files: &'f [(String, String)], syntax: &SyntaxConfig) -> Vec<(&'f str, Stmt<'f>)> {
    let tree =
        |(name, text): &'f (String, String)| Some((name.as_str(), machinery::parse(text, name, syntax.clone()).ok()?));
    files.iter().filter_map(tree).collect()
}
