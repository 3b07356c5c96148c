//! What the list gives to think about: rows that are rejected, gaps in the letter, addresses that are nobody's.
//!
//! Guarantees: of each kind a bounded number is told, with the line or the address. Leaves to others: reading the list, and
//! rejecting its rows (`engine::loader`).

use super::super::config::{CampaignConfig, campaign::ListSource};
use super::super::exit::Failure;
use super::super::figures::{count as figure, counted};
use super::super::send::content::Content;
use super::super::send::dry_run::Loaded;
use super::super::send::galley::lines_of;
use super::found::in_its_tags;
use super::rows::{Amiss, Seen, Tally};
use crate::content::{ColumnType, RowRef, identifier};
use crate::engine::loader::{List, REJECTS, Rejections, front_of};
use crate::engine::table::Table;
use crate::mail::finding::{Finding, Severity};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// Rejected rows that are told of one by one.
const REJECTED_TOLD: usize = 20;
/// Those that a send tells of.
const REJECTED_QUOTED: usize = 3;

/// What the list came to.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    /// What is `None` is not known of a list that was not taken in.
    recipients: Option<u64>,
    suppressed: Option<u64>,
    rejected: u64,
    duplicates: Option<u64>,
    domains: Option<u64>,
}

impl Counts {
    pub(super) fn of(list: &Loaded) -> Self {
        let totals = &list.totals;
        Self {
            recipients: Some(totals.rows),
            suppressed: Some(list.suppressed),
            rejected: totals.rejected,
            duplicates: Some(totals.duplicates),
            domains: Some(list.domains.len() as u64),
        }
    }

    /// Of a list of which too many records are bad.
    pub(super) fn refused(rejections: &Rejections) -> Self {
        Self { recipients: None, suppressed: None, rejected: rejections.rejected, duplicates: None, domains: None }
    }

    /// One line for people.
    pub(super) fn words(&self) -> String {
        let rejected = figure(self.rejected);
        let (Some(recipients), Some(suppressed), Some(duplicates), Some(domains)) =
            (self.recipients, self.suppressed, self.duplicates, self.domains)
        else {
            return format!("{rejected} rejected");
        };
        let rows = counted(recipients, "recipient", "recipients");
        let domains = counted(domains, "domain", "domains");
        let (suppressed, duplicates) = (figure(suppressed), counted(duplicates, "duplicate", "duplicates"));
        format!("{rows} at {domains}; {suppressed} suppressed, {rejected} rejected, {duplicates}")
    }
}

/// What a send says of the rows that were rejected: how many, the first of them with their reasons, and where all are.
#[must_use]
pub fn rejects_told(file: &str, home: &Path, rejected: u64) -> String {
    let rows = counted(rejected, "row", "rows");
    let (are, they) = if rejected == 1 { ("is", "it gets") } else { ("are", "they get") };
    let mut text = format!("warning: {rows} of {file} {are} rejected, and {they} no letter\n");
    let path = home.join(REJECTS);
    let Ok(mut rejects) = csv::Reader::from_path(&path) else { return text };
    for record in rejects.records().flatten().take(REJECTED_QUOTED) {
        let [line, reason, row] = [0, 1, 2].map(|i| record.get(i).unwrap_or_default());
        let what = reason.split_once("hint: ").map_or(reason, |(what, _)| what).trim();
        let row = written(row);
        text += &format!("  {file}:{line}: \"{row}\": {what}\n");
    }
    text + &format!("  hint: mend them, and send --add; all of them are in {}\n", path.display())
}

/// The same of a campaign that goes on, in one line: the rows were told when they were rejected.
#[must_use]
pub fn rejects_told_again(file: &str, home: &Path, rejected: u64) -> String {
    let (rows, it) = (counted(rejected, "row", "rows"), if rejected == 1 { "it gets" } else { "they get" });
    let were = if rejected == 1 { "was" } else { "were" };
    let path = home.join(REJECTS);
    format!("warning: {rows} of {file} {were} rejected, and {it} no letter: see {}\n", path.display())
}

/// What a cell of the rejects file holds, escaped, without what keeps spreadsheets from taking it for a formula.
fn written(cell: &str) -> &str {
    let bare = cell.strip_prefix('\'').filter(|bare| bare.starts_with(['=', '+', '-', '@']));
    bare.unwrap_or(cell)
}

/// The list as people name it.
#[must_use]
pub fn file_of(campaign: &CampaignConfig) -> String {
    match &campaign.recipients.from {
        ListSource::File(path) => path.display().to_string(),
        ListSource::Stdin => "standard input".to_owned(),
    }
}

/// A list that was loaded into a table of its own.
pub struct Looked<'a> {
    /// The list as people name it.
    pub file: String,
    /// The directory of the table.
    pub home: &'a Path,
    /// The list.
    pub list: &'a List,
    /// The campaign.
    pub campaign: &'a CampaignConfig,
    /// Its letter, where it compiles.
    pub content: Option<&'a Content>,
    /// No more of its rows are looked at.
    pub rows_max: u64,
}

impl Looked<'_> {
    /// An error of the list as people would look for it: its rows are told here, and what is loaded goes with the look.
    pub(super) fn place(&self, finding: &mut Finding) {
        if let Some(says) = finding.says.strip_prefix(&format!("{}: ", self.file)).map(str::to_owned) {
            finding.says = says;
            finding.place.clone_from(&self.file);
        }
        if finding.hint.contains(&self.home.display().to_string()) {
            finding.hint = "mend these rows, or raise recipients.max_rejected".to_owned();
        }
    }

    /// The rows that were rejected, as far as they are told one by one.
    #[must_use]
    pub fn rejected(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(mut rejects) = csv::Reader::from_path(self.home.join(REJECTS)) else { return findings };
        let mut more = 0;
        for record in rejects.records().flatten() {
            let [line, reason, text] = [0, 1, 2].map(|i| record.get(i).unwrap_or_default());
            if findings.len() == REJECTED_TOLD {
                more += 1;
                continue;
            }
            let text = written(text);
            let (what, hint) = reason.split_once("hint: ").unwrap_or((reason, "mend the row, or take it out"));
            let says = format!("the row of \"{text}\" is rejected: {}", what.trim());
            let place = format!("{}:{line}", self.file);
            findings.push(Finding::new(Severity::Warning, "rejected-row", place, says).hint(hint));
        }
        if more > 0 {
            let more = counted(more, "more row is rejected", "more rows are rejected");
            findings.push(Finding::new(Severity::Warning, "rejected-row", &self.file, more));
        }
        findings
    }

    /// What stands in the rows that were taken in; those of these numbers are suppressed.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn rows(&self, table: &Table, suppressed: &[Range<u32>]) -> Result<Vec<Finding>, Failure> {
        let (mut seen, mut rows) = (Seen::by(self.content, suppressed), 0);
        let walked = table.walk(|row| {
            seen.look(&row);
            rows += 1;
            if rows < self.rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        walked.map_err(|error| Failure::failed(error.to_string()))?;
        // Only what is told is looked for on the list.
        let lines = lines_of(self.list, &self.campaign.recipients.email.value, &seen.firsts()).unwrap_or_default();
        Ok(self.told(&seen, &lines, rows, &counted(rows, "row", "rows")))
    }

    /// Letters that show nothing.
    fn blank(&self, seen: &Seen<'_>, lines: &HashMap<String, u64>, rows: u64, of: &str) -> Option<Finding> {
        let Tally { count, first } = &seen.letters;
        let hint = "give it words of its own for these rows, behind {% else %}";
        if *count > 0 && *count + seen.suppressed.count == rows {
            let file = self.campaign.html.as_ref().or(self.campaign.text.as_ref());
            let place = file.map_or(String::new(), |file| file.display().to_string());
            let says = "the letter comes out empty for everybody";
            return Some(Finding::new(Severity::Error, "empty-letter", place, says).hint(hint));
        }
        let line = lines.get(first).map_or(String::new(), |line| format!(":{line}"));
        let says = format!("the letter comes out empty for {} of {of} (such as {first})", figure(*count));
        let found = Finding::new(Severity::Warning, "empty-letter", format!("{}{line}", self.file), says);
        (*count > 0).then(|| found.hint(hint))
    }

    /// What stands in the first rows of the list itself, with these columns of it, but for who `is_suppressed`.
    #[must_use]
    pub fn first_rows(&self, columns: &[String], is_suppressed: &mut dyn FnMut(&str) -> bool) -> Vec<Finding> {
        let most = usize::try_from(self.rows_max).unwrap_or(usize::MAX);
        // Why it cannot be read is told by the load.
        let front = front_of(self.list, &self.campaign.recipients.email.value, columns, most);
        let (mut sampled, is_whole) = front.unwrap_or_default();
        sampled.retain(|row| !is_suppressed(&row.mailbox));
        let mut seen = Seen::by(self.content, &[]);
        for (number, row) in (0..).zip(&sampled) {
            let fields: Vec<&[u8]> = row.fields.iter().map(Vec::as_slice).collect();
            seen.look_at(&RowRef { number, mailbox: &row.mailbox, fields: &fields });
        }
        // Of rows that share an address the first one counts.
        let lines = sampled.iter().rev().map(|row| (row.mailbox.clone(), row.line)).collect();
        let rows = sampled.len() as u64;
        let of = match is_whole {
            true => counted(rows, "row", "rows"),
            false => format!("the first {}", counted(rows, "row", "rows")),
        };
        self.told(&seen, &lines, rows, &of)
    }

    /// `of`: the rows that were looked at, in words.
    fn told(&self, seen: &Seen<'_>, lines: &HashMap<String, u64>, rows: u64, of: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tell = |severity, check, tally: &Tally, says: String, hint: &str| {
            if tally.count > 0 {
                let line = lines.get(&tally.first).map_or(String::new(), |line| format!(":{line}"));
                findings.push(Finding::new(severity, check, format!("{}{line}", self.file), says).hint(hint));
            }
        };
        for ((_, name), gap) in self.content.iter().flat_map(|content| &content.bare).zip(&seen.gaps) {
            let Tally { count, first } = gap;
            let says =
                format!("{} of {of} have nothing in {name:?} (such as {first}): readers see a gap", figure(*count));
            let slot = self.campaign.syntax.slot(&format!("{}|default(\"…\", true)", identifier(name)));
            tell(
                Severity::Warning,
                "empty-field",
                gap,
                says,
                &format!("give it a default: {slot}, or fill the column"),
            );
        }
        for Amiss { tally, fault, .. } in &seen.addresses {
            let Tally { count, first } = tally;
            let says = format!(
                "in {} of {of}, by what they have in {:?}, {} (such as {first})",
                figure(*count),
                fault.columns,
                fault.says
            );
            tell(Severity::Warning, fault.check, tally, says, &fault.hint);
        }
        for (declared, (tally, why)) in
            self.content.iter().flat_map(|content| content.composer.declared()).zip(&seen.misfits)
        {
            let (column, kind, Tally { count, first }) = (&declared.column, declared.kind.word(), tally);
            let (cells, are) = (counted(*count, "cell", "cells"), if *count == 1 { "is" } else { "are" });
            let says = format!("{cells} of {column:?} {are} not of its type, {kind}: {why} (such as {first})");
            let numbers = matches!(declared.kind, ColumnType::Number | ColumnType::Integer);
            let written = match self.campaign.locale.is_none() && numbers {
                true => ", say how numbers are written there (locale = \"de_DE\": 1.234,5)",
                false => "",
            };
            let hint = format!(
                "mend the list{written}, or leave the column out of [recipients.types]: where the letter then needs more than text, \
                 that is told"
            );
            tell(Severity::Warning, "column-type", tally, says, &hint);
        }
        let Tally { count, first } = &seen.encoded;
        let says =
            format!("{} of {of} have words that are encoded as in mail headers (such as {first})", figure(*count));
        let hint = "readers see =?utf-8?…?= as it stands: export the list again as text";
        tell(Severity::Warning, "encoded-word", &seen.encoded, says, hint);
        let roles = counted(seen.roles.count, "address is", "addresses are");
        let says = format!("{roles} no person's (such as {})", seen.roles.first);
        let hint = "take them off the list: who reads there did not ask, and reports it";
        tell(Severity::Warning, "role-address", &seen.roles, says, hint);
        let Tally { count, first } = &seen.suppressed;
        let says = format!("{} suppressed (such as {first})", counted(*count, "recipient is", "recipients are"));
        tell(Severity::Note, "suppressed", &seen.suppressed, says, "");
        let Tally { count, first } = &seen.subjects;
        let hint = "give it a default, such as {{ name|default(\"…\", true) }}";
        if *count > 0 && *count + seen.suppressed.count == rows {
            let (file, subject) = (self.campaign.file.display(), &self.campaign.subject);
            let place = format!("{file}:{}:{}", subject.line, subject.column);
            let says = "the subject comes out empty for everybody";
            findings.push(Finding::new(Severity::Warning, "empty-subject", place, says).hint(hint));
        } else {
            let says = format!("the subject comes out empty for {} of {of} (such as {first})", figure(*count));
            tell(Severity::Warning, "empty-subject", &seen.subjects, says, hint);
        }
        findings.extend(self.blank(seen, lines, rows, of));
        in_its_tags(self.campaign, &mut findings);
        findings
    }
}
