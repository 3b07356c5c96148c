//! Columns by which a list says that somebody shall get nothing, and that nothing acts on: `status`, `opt_out`, `consent`.
//!
//! Guarantees: nobody is left out for them; what they say is counted and told, where no condition of the letter asks them for a
//! word that they have, of those who would get it: whom the suppression stops is not counted. Leaves to others: who gets nothing
//! (`engine::suppression`), and by which words a list says so (`leaving`).

use super::super::check::file_of;
use super::super::config::CampaignConfig;
use super::leaving::{Kind, kind_of, speaks_against};
use crate::base::many::{Many, figure};
use crate::content::Composer;
use crate::engine::loader::{List, Look, each_of};
use crate::engine::suppression::Suppression;
use crate::mail::address;
use crate::mail::finding::{Finding, Severity};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Rows that are looked at before a campaign begins, and before it goes on.
pub const ROWS: u64 = 5_000_000;
pub const ROWS_AGAIN: u64 = 100_000;
/// Values that are told of a column.
const VALUES_TOLD: usize = 5;
/// Characters of a value that are shown.
const CHARACTERS: usize = 40;
/// Rows of which columns are looked at whose names say nothing.
const ROWS_OF_ANY: u64 = 10_000;

/// What may act on columns.
#[derive(Clone, Copy)]
pub struct Acts<'a> {
    /// The columns that the letter reads, and those of them that conditions ask.
    pub used: &'a [String],
    pub deciding: &'a [String],
    /// What reads rows of the columns in `used`.
    pub composer: &'a Composer,
    /// The files of the suppression.
    pub suppression: &'a [PathBuf],
}

impl Acts<'_> {
    /// Where in a row the column stands of which conditions ask only whether it is one of their words, or whether it is empty.
    fn asked_plainly(&self, column: &String) -> Option<usize> {
        let place = self.used.iter().position(|used| used == column)?;
        self.composer.asks_plainly_at(place).then_some(place)
    }
}

/// Whether a cell of the column at this place is a word that the letter asks it for.
type IsAsked<'a> = &'a dyn Fn(usize, &[u8]) -> bool;

/// What the first `most` rows of a list say of people who shall get nothing.
#[must_use]
pub fn findings(campaign: &CampaignConfig, list: &List, looked: &Look, acts: Acts<'_>, most: u64) -> Vec<Finding> {
    let email = &campaign.recipients.email.value;
    let stands_once = |name: &&String| looked.columns.iter().filter(|other| other == name).count() == 1;
    let is_used = |name: &String| {
        // A word in any column may be what the letter is to say, and so may all be of an answer to what somebody did.
        let may_be_said = campaign.is_transactional || kind_of(name) == Kind::Any;
        // By a word that no row has nothing is decided about those who shall get nothing, nor by whether there is one.
        let is_open = kind_of(name) == Kind::Words && acts.asked_plainly(name).is_some();
        (acts.deciding.contains(name) && !is_open) || (may_be_said && acts.used.contains(name))
    };
    let may_say = |name: &&String| !is_used(name) && *name != email;
    let columns: Vec<String> = looked.columns.iter().filter(stands_once).filter(may_say).cloned().collect();
    let kinds: Vec<Kind> = columns.iter().map(|column| kind_of(column)).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let most = if kinds.iter().all(|kind| *kind == Kind::Any) { most.min(ROWS_OF_ANY) } else { most };
    // What keeps the list from being read is told by whoever loads it.
    let asked: Vec<Option<usize>> = columns.iter().map(|column| acts.asked_plainly(column)).collect();
    let is_asked = |column: usize, cell: &[u8]| {
        let place = asked.get(column).copied().flatten();
        place.is_some_and(|place| acts.composer.compares_at(place, text_of(cell)))
    };
    let Some((mut rows, mut seen)) = count(list, &columns, (&kinds, &is_asked), most, None) else { return Vec::new() };
    if seen.iter().any(|counts| counts.all > 0)
        && let Some(suppression) = suppression(acts.suppression)
    {
        let columns: Vec<String> = columns.iter().chain([email]).cloned().collect();
        (rows, seen) = count(list, &columns, (&kinds, &is_asked), most, Some(&suppression)).unwrap_or_default();
    }
    let file = file_of(campaign);
    let looked_at = |kind: Kind| if kind == Kind::Any { rows.min(ROWS_OF_ANY) } else { rows };
    let told = columns.iter().zip(&kinds).zip(&seen);
    told.filter_map(|((column, kind), counts)| counts.told(column, looked_at(*kind), &file)).collect()
}

/// Who gets no mail; `None` where nobody is named. What is wrong with the files is told by whoever loads them.
fn suppression(files: &[PathBuf]) -> Option<Suppression> {
    let key = super::prepare::random_key().ok()?;
    let read = Suppression::read(key.first_chunk::<16>().copied()?, files).ok()?;
    (!read.is_empty()).then_some(read)
}

/// How many rows there are, what each column says of them, and whether it has a word that it is asked for; of whom the
/// suppression stops nothing, by the column behind the others.
fn count(
    list: &List,
    columns: &[String],
    (kinds, is_asked): (&[Kind], IsAsked<'_>),
    most: u64,
    stops: Option<&Suppression>,
) -> Option<(u64, Vec<Counts>)> {
    let (mut rows, mut seen) = (0, vec![Counts::default(); kinds.len()]);
    let (mut mailbox, mut folded) = (Vec::new(), Vec::new());
    let mut is_stopped = |field: &[u8]| {
        mailbox.clear();
        let at = address::parse_into(field, &mut mailbox);
        at.is_ok_and(|at| stops.is_some_and(|stops| stops.stops(&mailbox, at, &mut folded)))
    };
    let read = each_of(list, columns, most, |line, fields| {
        rows += 1;
        let says = |(kind, field): (&Kind, &&[u8])| {
            (*kind != Kind::Any || rows <= ROWS_OF_ANY) && speaks_against(*kind, text_of(field))
        };
        for (column, (field, counts)) in fields.iter().zip(&mut seen).enumerate() {
            counts.is_asked = counts.is_asked || is_asked(column, field);
        }
        if stops.is_some() && kinds.iter().zip(fields).any(says) && fields.last().is_some_and(|field| is_stopped(field))
        {
            return;
        }
        for ((kind, field), counts) in kinds.iter().zip(fields).zip(&mut seen) {
            if says((kind, field)) {
                counts.take(field, line);
            }
        }
    });
    read.ok().map(|()| (rows, seen))
}

/// What a field says.
fn text_of(field: &[u8]) -> &str {
    let text = std::str::from_utf8(field).unwrap_or_default().trim_start_matches('\0');
    text.trim().trim_matches('"')
}

/// What a column says against its rows: each word, and how often.
#[derive(Clone, Default)]
struct Counts {
    words: BTreeMap<String, u64>,
    all: u64,
    first: u64,
    /// The letter asks for a word that stands in it.
    is_asked: bool,
}

impl Counts {
    fn take(&mut self, field: &[u8], line: u64) {
        self.first = if self.all == 0 { line } else { self.first };
        self.all += 1;
        let word: String = text_of(field).to_lowercase().chars().take(CHARACTERS).collect();
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
        (self.all > 0 && !self.is_asked).then(|| finding.hint(hint))
    }
}
