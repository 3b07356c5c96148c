//! A look at a list: its columns, and how it is written.
//!
//! Leaves to others: reading all of it.

use super::formatted::Formatted;
use super::records::Step;
use super::sheet::Oddities;
use super::{List, LoadError};
use std::collections::HashSet;
use std::path::Path;

/// JSON objects whose keys are the columns of a list, and how many octets are read for that.
const KEY_RECORDS: usize = 10_000;
const KEY_OCTETS: u64 = 4 << 20;

/// What a look at a list has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Its columns: those of the header that have a name, or the keys of its first objects. A name that stands there twice is
    /// here twice.
    pub columns: Vec<String>,
    /// The line of the header, from 1.
    pub line: u64,
    /// Whether other columns may turn up: its objects are many, and not all were looked at.
    pub is_open: bool,
    /// Whether its records are objects, which say themselves what their values are.
    pub is_json: bool,
    /// How it is written, where that is not as its name says: in words, for people.
    pub form: Vec<String>,
    /// What is odd in a sheet.
    pub oddities: Oddities,
    /// Cells that it shows otherwise than they are read: the column, and the first of it.
    pub formatted: Vec<(String, Formatted)>,
    /// Columns of it that people do not see.
    pub hidden_columns: Vec<String>,
    /// The sheet that it is, and the names of the others.
    pub sheet: Option<(String, Vec<String>)>,
    /// The key of an object under which an array of objects stands.
    pub inner: Option<String>,
}

impl Look {
    /// One sentence of how the list is read; `None` where it is as its name says.
    #[must_use]
    pub fn told(&self, name: &str) -> Option<String> {
        let columns = match self.columns.len() {
            1 => "1 column".to_owned(),
            n => format!("{n} columns"),
        };
        (!self.form.is_empty()).then(|| format!("{name} is read as {}; it has {columns}.", self.form.join(", ")))
    }
}

/// Looks at the front of a list.
///
/// # Errors
/// An unreadable or empty list, or a bad header line.
pub fn look_at(list: &List) -> Result<Look, LoadError> {
    let mut records = list.open()?;
    let form = records.form_words(list.format());
    if records.has_header() {
        let mut columns = records.header()?;
        let heading = |one: &Formatted| columns.get((one.at.1 as usize).checked_sub(1)?).cloned();
        let formatted: Vec<_> =
            records.formatted().iter().filter_map(|one| Some((heading(one)?, one.clone()))).collect();
        let hidden = (0..).zip(&columns).filter(|(place, name)| !name.is_empty() && records.is_hidden_column(*place));
        let hidden_columns = hidden.map(|(_, name)| name.clone()).collect();
        columns.retain(|name| !name.is_empty());
        let (line, oddities, sheet) = (records.header_line(), records.oddities(), records.sheet());
        return Ok(Look { columns, line, form, oddities, formatted, hidden_columns, sheet, ..Look::default() });
    }
    let inner = inner_array(records.head());
    let (mut columns, mut known, mut is_open, mut bad) = (Vec::new(), HashSet::new(), true, None);
    let mut objects = 0;
    for _ in 0..KEY_RECORDS {
        match records.advance()? {
            Step::End => {
                is_open = false;
                break;
            }
            Step::Bad(what) => bad = bad.or(Some((records.line(), what))),
            Step::Record => {
                objects += 1;
                for key in records.keys() {
                    if known.insert(key.clone()) {
                        columns.push(key);
                    }
                }
            }
        }
        if records.octets_done() > KEY_OCTETS {
            break;
        }
    }
    // An object that its first line does not end: lines within it may look like rows.
    let is_begun = |(line, what): &(u64, String)| *line == 1 && what.contains("EOF while parsing an object");
    let is_one_object = inner.is_some() && bad.as_ref().is_some_and(is_begun);
    if objects == 0 || is_one_object {
        let path = list.path.clone();
        return Err(match bad {
            Some((line, what)) => {
                let inner = inner.unwrap_or_else(|| "contacts".to_owned());
                LoadError::NoObject { path, line, what, inner }
            }
            None => LoadError::Empty { path },
        });
    }
    Ok(Look { columns, line: 1, is_open, is_json: true, form, inner, ..Look::default() })
}

/// The key of an object, at the front of a list, under which an array of objects stands: `{"contacts": [{…}, …]}`.
fn inner_array(head: &[u8]) -> Option<String> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memchr(b'[', rest)).map(|at| at + from) {
        from = at + 1;
        let holds_objects = text.get(from..)?.trim_ascii_start().starts_with(b"{");
        let key = text.get(..at)?.trim_ascii_end().strip_suffix(b":").map(<[u8]>::trim_ascii_end);
        let Some(key) = key.and_then(|key| key.strip_suffix(b"\"")).filter(|_| holds_objects) else { continue };
        let open = memchr::memrchr(b'"', key)?;
        let key = std::str::from_utf8(key.get(open + 1..)?).ok()?;
        let is_word = !key.is_empty() && key.len() <= 60 && !key.contains(|c: char| c.is_control() || c == '\\');
        return is_word.then(|| key.to_owned());
    }
    None
}

/// The error of a column that the list does not have, with the nearest that it has.
pub(super) fn no_column(path: &Path, line: u64, column: &str, known: &[String]) -> LoadError {
    let hint = did_you_mean(column, known, "the list has");
    LoadError::Column { path: path.to_owned(), line, column: column.to_owned(), hint }
}

/// A hint at the nearest of the names that are known, or, where none is near, at all of them.
#[must_use]
pub fn did_you_mean(name: &str, known: &[String], all: &str) -> String {
    let near = |known: &&String| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let nearest = known.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|name| near(name) > 0.7);
    match (nearest, known) {
        (_, [one, ..]) if one.starts_with(['{', '[']) => "hint: it looks like JSON: say format = \"jsonl\"".to_owned(),
        (Some(name), [_]) => format!("hint: did you mean {:?}?", cut(name)),
        (Some(name), _) => format!("hint: did you mean {:?}? ({all} {})", cut(name), named(known)),
        (None, [one]) => format!(
            "hint: {all} {} alone; if something else separates its columns, delimiter in [recipients] names that; if their names \
             stand further down, header_line names their line",
            cut(one).escape_debug()
        ),
        _ => format!("hint: {all} {}", named(known)),
    }
}

/// Some of a list's columns, for a message: what stands in a header line may be anything.
fn named(columns: &[String]) -> String {
    const NAMES: usize = 20;
    let shown = |name: &String| {
        let start = cut(name);
        let more = if start.len() < name.len() { "…" } else { "" };
        format!("{}{more}", start.escape_debug())
    };
    let names: Vec<String> = columns.iter().filter(|name| !name.is_empty()).take(NAMES).map(shown).collect();
    let more = columns.len().saturating_sub(NAMES);
    names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

fn cut(name: &str) -> String {
    const CHARACTERS: usize = 40;
    name.chars().take(CHARACTERS).collect()
}
