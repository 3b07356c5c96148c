//! Columns by which a list says that somebody shall get nothing, and that nothing acts on: `status`, `opt_out`, `bounced`.
//!
//! Guarantees: nobody is left out for them; what they say is counted and told, where the letter does not use them itself. Leaves
//! to others: who gets nothing (`engine::suppression`).

use super::super::check::file_of;
use super::super::config::CampaignConfig;
use crate::base::many::{Many, figure};
use crate::engine::loader::{List, Look, each_of};
use crate::mail::finding::{Finding, Severity};
use std::collections::BTreeMap;

/// Rows that are looked at before a campaign begins, and before it goes on.
pub const ROWS: u64 = 5_000_000;
pub const ROWS_AGAIN: u64 = 100_000;
/// Values that are told of a column.
const VALUES_TOLD: usize = 5;
/// What columns of words are called, in small letters and digits alone.
const WORDS_IN: [&str; 17] = [
    "status",
    "state",
    "emailstatus",
    "memberstatus",
    "subscriptionstatus",
    "subscriberstatus",
    "contactstatus",
    "mailstatus",
    "newsletterstatus",
    "marketingstatus",
    "marketingcontactstatus",
    "emailmarketingstatus",
    "subscription",
    "optin",
    "optinstatus",
    "deliverability",
    "zustand",
];
/// What they say of people who shall get nothing.
const WORDS: [&str; 40] = [
    "blocklisted",
    "blacklisted",
    "blocked",
    "unsubscribed",
    "unsubscribe",
    "cleaned",
    "bounced",
    "bounce",
    "hard bounce",
    "hardbounce",
    "soft bounce",
    "complained",
    "complaint",
    "spam",
    "abuse",
    "disabled",
    "inactive",
    "opted out",
    "opted-out",
    "opted_out",
    "optout",
    "opt-out",
    "opt out",
    "suppressed",
    "deleted",
    "invalid",
    "undeliverable",
    "non-subscribed",
    "nonsubscribed",
    "not subscribed",
    "archived",
    "non-marketing contact",
    "abgemeldet",
    "gesperrt",
    "inaktiv",
    "ungültig",
    "désabonné",
    "désinscrit",
    "baja",
    "disiscritto",
];
/// What columns are called that say yes or no, or when.
const YES_IN: [&str; 24] = [
    "optout",
    "optedout",
    "emailoptout",
    "hasoptedout",
    "hasoptedoutofemail",
    "unsubscribed",
    "isunsubscribed",
    "unsubscribedat",
    "unsubscribedate",
    "unsubscribetime",
    "unsubtime",
    "bounced",
    "isbounced",
    "bouncedat",
    "hardbounced",
    "blocklisted",
    "blacklisted",
    "blocked",
    "donotemail",
    "donotcontact",
    "suppressed",
    "complained",
    "abgemeldet",
    "gesperrt",
];
/// What they say where the answer is no.
const NO: [&str; 14] = [
    "0",
    "false",
    "no",
    "n",
    "nein",
    "non",
    "falsch",
    "faux",
    "f",
    "-",
    "null",
    "none",
    "0000-00-00",
    "0000-00-00 00:00:00",
];

/// What the first `most` rows of a list say of people who shall get nothing; `used`: the columns that the letter reads.
#[must_use]
pub fn findings(campaign: &CampaignConfig, list: &List, looked: &Look, used: &[String], most: u64) -> Vec<Finding> {
    let email = &campaign.recipients.email.value;
    let stands_once = |name: &&String| looked.columns.iter().filter(|other| other == name).count() == 1;
    let says = |name: &&String| kind_of(name).is_some() && !used.contains(name) && *name != email;
    let columns: Vec<String> = looked.columns.iter().filter(stands_once).filter(says).cloned().collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let (mut rows, mut seen) = (0, vec![Counts::default(); columns.len()]);
    let read = each_of(list, &columns, most, |line, fields| {
        rows += 1;
        for ((column, field), counts) in columns.iter().zip(fields).zip(&mut seen) {
            counts.look(column, field, line);
        }
    });
    // What keeps the list from being read is told by whoever loads it.
    if read.is_err() {
        return Vec::new();
    }
    let file = file_of(campaign);
    columns.iter().zip(&seen).filter_map(|(column, counts)| counts.told(column, rows, &file)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Words,
    YesOrNo,
}

fn kind_of(column: &str) -> Option<Kind> {
    let plain: String = column.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    if WORDS_IN.contains(&plain.as_str()) {
        return Some(Kind::Words);
    }
    YES_IN.contains(&plain.as_str()).then_some(Kind::YesOrNo)
}

/// What a column says against its rows: each word, and how often.
#[derive(Clone, Default)]
struct Counts {
    words: BTreeMap<String, u64>,
    all: u64,
    first: u64,
}

impl Counts {
    fn look(&mut self, column: &str, field: &[u8], line: u64) {
        let Some(kind) = kind_of(column) else { return };
        let text = std::str::from_utf8(field).unwrap_or_default().trim_start_matches('\0');
        let word = text.trim().trim_matches('"').to_lowercase();
        let is_against = match kind {
            Kind::Words => WORDS.contains(&word.as_str()),
            Kind::YesOrNo => !word.is_empty() && !NO.contains(&word.as_str()),
        };
        if !is_against {
            return;
        }
        self.first = if self.all == 0 { line } else { self.first };
        self.all += 1;
        if self.words.len() < VALUES_TOLD || self.words.contains_key(&word) {
            *self.words.entry(word.chars().take(40).collect()).or_default() += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_speak_against_rows_are_known_by_name_and_word() {
        let against = |column: &str, cells: &[&str]| {
            let mut counts = Counts::default();
            cells.iter().for_each(|cell| counts.look(column, cell.as_bytes(), 2));
            counts.all
        };
        assert_eq!(against("status", &["enabled", "blocklisted", "Unsubscribed", "cleaned", "subscribed", ""]), 3);
        assert_eq!(against("Email Opt Out", &["0", "1", "", "FALSE", "true", "no"]), 2);
        assert_eq!(against("unsubscribed_at", &["", "2026-01-02 03:04", "0000-00-00 00:00:00"]), 1);
        assert_eq!(against("Marketing contact status", &["Marketing contact", "Non-marketing contact"]), 1);
        assert_eq!(against("opt_out", &["\0true", "\0false"]), 1);
        assert_eq!(against("order_status", &["cleaned"]) + against("city", &["spam"]), 0);
    }
}
