//! The values of `[dns]` that no other table has: who proves answers, from which keys, and what this system is called.
//!
//! Guarantees: as for the other values, an error names file, line and way out. Leaves to others: the table itself
//! (`engine`), whether the servers can be believed and the file of keys can be read (`wire::dns`).

use super::document::{ConfigError, Item};
use super::engine::{Key, Setting, choice};
use super::values;
use crate::wire::dns::{Dnssec, Ourself};
use std::path::PathBuf;

impl Setting for Dnssec {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        choice(item, &[("off", Self::Off), ("validate", Self::Validate), ("trust", Self::TrustResolver)])
    }
}

impl Setting for Option<PathBuf> {
    /// Relative to the file that names it.
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        match item.text()? {
            "" => Ok(None),
            path => Ok(Some(item.document().relative(path))),
        }
    }
}

impl Setting for Vec<Ourself> {
    fn read(item: &Item<'_>, _: &Key) -> Result<Self, ConfigError> {
        item.list()?.iter().map(ourself).collect()
    }
}

fn ourself(item: &Item<'_>) -> Result<Ourself, ConfigError> {
    let text = item.text()?;
    match text.parse() {
        Ok(address) => Ok(Ourself::Address(address)),
        Err(_) if values::is_host(text) => Ok(Ourself::Name(text.trim_end_matches('.').to_ascii_lowercase().into())),
        Err(_) => Err(item
            .error(format!("{text:?} is no name of a host and no address"))
            .hint("write it like \"mx.example.com\" or \"192.0.2.25\"")),
    }
}
