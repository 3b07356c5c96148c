//! Columns by which a list says that somebody shall get nothing, and that nothing acts on: `status`, `opt_out`, `consent`.
//!
//! Guarantees: nobody is left out for them; what they say is counted and told, where the letter does not use them itself. Leaves
//! to others: who gets nothing (`engine::suppression`), and by which words a list says so (`leaving`).

use super::super::check::file_of;
use super::super::config::CampaignConfig;
use super::leaving::{Kind, kind_of, speaks_against};
use crate::base::many::{Many, figure};
use crate::engine::loader::{List, Look, each_of};
use crate::mail::finding::{Finding, Severity};
use std::collections::BTreeMap;

/// Rows that are looked at before a campaign begins, and before it goes on.
pub const ROWS: u64 = 5_000_000;
pub const ROWS_AGAIN: u64 = 100_000;
/// Values that are told of a column.
const VALUES_TOLD: usize = 5;
/// Characters of a value that are shown.
const CHARACTERS: usize = 40;
/// Rows of which columns are looked at whose names say nothing.
const ROWS_OF_ANY: u64 = 10_000;

/// What the first `most` rows of a list say of people who shall get nothing; `used`: the columns that the letter reads.
#[must_use]
pub fn findings(campaign: &CampaignConfig, list: &List, looked: &Look, used: &[String], most: u64) -> Vec<Finding> {
    let email = &campaign.recipients.email.value;
    let stands_once = |name: &&String| looked.columns.iter().filter(|other| other == name).count() == 1;
    let may_say = |name: &&String| !used.contains(name) && *name != email;
    let columns: Vec<String> = looked.columns.iter().filter(stands_once).filter(may_say).cloned().collect();
    let kinds: Vec<Kind> = columns.iter().map(|column| kind_of(column)).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let most = if kinds.iter().all(|kind| *kind == Kind::Any) { most.min(ROWS_OF_ANY) } else { most };
    let (mut rows, mut seen) = (0, vec![Counts::default(); columns.len()]);
    let read = each_of(list, &columns, most, |line, fields| {
        rows += 1;
        for ((kind, field), counts) in kinds.iter().zip(fields).zip(&mut seen) {
            if *kind != Kind::Any || rows <= ROWS_OF_ANY {
                counts.look(*kind, field, line);
            }
        }
    });
    // What keeps the list from being read is told by whoever loads it.
    if read.is_err() {
        return Vec::new();
    }
    let file = file_of(campaign);
    let looked_at = |kind: Kind| if kind == Kind::Any { rows.min(ROWS_OF_ANY) } else { rows };
    let told = columns.iter().zip(&kinds).zip(&seen);
    told.filter_map(|((column, kind), counts)| counts.told(column, looked_at(*kind), &file)).collect()
}

/// What a column says against its rows: each word, and how often.
#[derive(Clone, Default)]
struct Counts {
    words: BTreeMap<String, u64>,
    all: u64,
    first: u64,
}

impl Counts {
    fn look(&mut self, kind: Kind, field: &[u8], line: u64) {
        let text = std::str::from_utf8(field).unwrap_or_default().trim_start_matches('\0');
        let text = text.trim().trim_matches('"');
        if !speaks_against(kind, text) {
            return;
        }
        self.first = if self.all == 0 { line } else { self.first };
        self.all += 1;
        let word: String = text.to_lowercase().chars().take(CHARACTERS).collect();
        if self.words.len() < VALUES_TOLD || self.words.contains_key(&word) {
            *self.words.entry(word).or_default() += 1;
        }
    }

    fn told(&self, column: &str, rows: u64, file: &str) -> Option<Finding> {
        let words: Vec<String> = self.words.iter().map(|(word, count)| format!("{word} {}", figure(*count))).collect();
        let more = if self.words.values().sum::<u64>() < self.all { ", …" } else { "" };
        let says = format!(
            "by the column {column:?} {} of {} shall get nothing ({}{more}), and nothing acts on it: they get the letter",
            figure(self.all),
            Many(rows, "row", "rows"),
            words.join(", ")
        );
        let hint = "leave them out of the export, or write their addresses to a file that engine.suppression names";
        let finding = Finding::new(Severity::Warning, "status-unused", format!("{file}:{}", self.first), says);
        (self.all > 0).then(|| finding.hint(hint))
    }
}
