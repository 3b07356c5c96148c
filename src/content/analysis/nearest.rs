//! What was probably meant by a name that there is none of: the nearest of ours, or what another engine calls so.

use super::super::filters::FILTERS;
use super::super::{foreign, meanings};
use super::Walk;
use super::tree::start;
use minijinja::machinery::ast::Expr;

impl Walk<'_, '_> {
    /// `contact.FIRSTNAME`: an object in which another engine keeps what are columns here.
    pub(super) fn of_another_engine(&mut self, base: &Expr<'_>, attribute: &str) -> bool {
        let Expr::Var(root) = base else { return false };
        let is_ours = self.is_local(root.id) || self.loose.contains(root.id);
        if is_ours || !foreign::is_root(root.id) || self.names.resolve(root.id).is_ok() {
            return false;
        }
        let problem = format!("`{}.{attribute}` is how another engine names a column", root.id);
        let hint = match meanings::column(attribute, self.names.headings()) {
            Some(column) => format!("write {column}"),
            None => match meanings::served(attribute) {
                Some(advice) => advice.to_owned(),
                None => format!("write the column's name alone; there are: {}", self.names.list()),
            },
        };
        self.fault(start(base), problem, hint);
        true
    }
}

/// What to write instead of a filter that there is none of.
pub(super) fn filter(name: &str) -> String {
    match foreign::filter(name) {
        Some(ours) => format!("Liquid calls it so; here it is written {ours}"),
        None => suggestion(name, FILTERS.iter().map(|(name, ..)| *name).filter(|name| !name.starts_with("__"))),
    }
}

/// The nearest of the names that there are.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = |known: &str| {
        let is_part = known.len() > 3 && name.starts_with(known);
        if is_part { 1 } else { strsim::damerau_levenshtein(known, name) }
    };
    let nearest = known.clone().map(|known| (near(known), known)).min().filter(|(far, _)| *far <= 1 + name.len() / 4);
    match nearest {
        Some((_, nearest)) => format!("did you mean `{nearest}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}
