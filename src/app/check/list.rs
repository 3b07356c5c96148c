//! What the list gives to think about: rows that are rejected, gaps in the letter, addresses that are nobody's.
//!
//! Guarantees: of each kind a bounded number is told, with the line or the address. Leaves to others: reading the list, and
//! rejecting its rows (`engine::loader`).

use super::super::config::{CampaignConfig, campaign::ListSource};
use super::super::exit::Failure;
use super::super::send::content::Content;
use super::super::send::dry_run::List;
use crate::base::many::Many;
use crate::engine::loader::REJECTS;
use crate::engine::table::Table;
use crate::mail::finding::{Finding, Severity};
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::Path;

/// Rejected rows that are told of one by one.
const REJECTED_TOLD: usize = 20;
/// Mailboxes of a role: many read them, and nobody of them has asked for this.
const ROLES: [&str; 14] = [
    "abuse",
    "postmaster",
    "hostmaster",
    "webmaster",
    "noreply",
    "no-reply",
    "donotreply",
    "do-not-reply",
    "mailer-daemon",
    "spam",
    "root",
    "admin",
    "administrator",
    "security",
];

/// What the list came to.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    recipients: u64,
    suppressed: u64,
    rejected: u64,
    duplicates: u64,
    domains: u64,
}

impl Counts {
    pub(super) fn of(list: &List) -> Self {
        let totals = &list.totals;
        Self {
            recipients: totals.rows,
            suppressed: list.suppressed,
            rejected: totals.rejected,
            duplicates: totals.duplicates,
            domains: list.domains.len() as u64,
        }
    }

    /// One line for people.
    pub(super) fn words(&self) -> String {
        let rows = Many(self.recipients, "recipient", "recipients");
        let domains = Many(self.domains, "domain", "domains");
        format!(
            "{rows} at {domains}; {} suppressed, {} rejected, {} duplicates",
            self.suppressed, self.rejected, self.duplicates
        )
    }
}

/// The list as people name it.
pub(super) fn file_of(campaign: &CampaignConfig) -> String {
    match &campaign.recipients.from {
        ListSource::File(path) => path.display().to_string(),
        ListSource::Stdin => "standard input".to_owned(),
    }
}

/// A list that was loaded into a table of its own.
pub(super) struct Looked<'a> {
    pub(super) file: String,
    pub(super) home: &'a Path,
    pub(super) content: Option<&'a Content>,
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
    pub(super) fn rejected(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(mut rejects) = csv::Reader::from_path(self.home.join(REJECTS)) else { return findings };
        let mut more = 0;
        for record in rejects.records().flatten() {
            let [line, reason, text] = [0, 1, 2].map(|i| record.get(i).unwrap_or_default());
            if findings.len() == REJECTED_TOLD {
                more += 1;
                continue;
            }
            let (what, hint) = reason.split_once("hint: ").unwrap_or((reason, "mend the row, or take it out"));
            let says = format!("the row of {text:?} is rejected: {}", what.trim());
            let place = format!("{}:{line}", self.file);
            findings.push(Finding::new(Severity::Warning, "rejected-row", place, says).hint(hint));
        }
        if more > 0 {
            let more = Many(more, "more row is rejected", "more rows are rejected");
            findings.push(Finding::new(Severity::Warning, "rejected-row", &self.file, more.to_string()));
        }
        findings
    }

    /// What stands in the rows that were taken in.
    pub(super) fn rows(&self, list: &List) -> Result<Vec<Finding>, Failure> {
        let failed = |error: std::io::Error| Failure::failed(error.to_string());
        let bare = self.content.map(|content| content.bare.as_slice()).unwrap_or_default();
        let mut gaps: Vec<(u64, String)> = vec![(0, String::new()); bare.len()];
        let (mut roles, mut first_role) = (0, String::new());
        let table = Table::open(self.home).map_err(failed)?;
        let walked = table.walk(|row| {
            for ((place, _), (count, first)) in bare.iter().zip(&mut gaps) {
                if row.field(*place).is_some_and(|field| field.trim_ascii().is_empty()) {
                    if *count == 0 {
                        row.mailbox.clone_into(first);
                    }
                    *count += 1;
                }
            }
            let local = row.mailbox.get(..row.at()).unwrap_or_default();
            if ROLES.iter().any(|role| local.eq_ignore_ascii_case(role)) {
                if roles == 0 {
                    row.mailbox.clone_into(&mut first_role);
                }
                roles += 1;
            }
            ControlFlow::Continue(())
        });
        walked.map_err(failed)?;
        let rows = list.totals.rows;
        let mut findings = Vec::new();
        for ((_, name), (count, first)) in bare.iter().zip(gaps).filter(|(_, (count, _))| *count > 0) {
            let says =
                format!("{count} of {rows} rows have nothing in {name:?} (the first: {first}): readers see a gap");
            let hint = "give it a default: {{ name|default(\"…\", true) }}, or fill the column";
            findings.push(Finding::new(Severity::Warning, "empty-field", &self.file, says).hint(hint));
        }
        if roles > 0 {
            let says = format!("{} no person's (the first: {first_role})", Many(roles, "address is", "addresses are"));
            let hint = "take them off the list: who reads there did not ask, and reports it";
            findings.push(Finding::new(Severity::Warning, "role-address", &self.file, says).hint(hint));
        }
        if list.totals.duplicates > 0 {
            let says = format!("{} on it twice", Many(list.totals.duplicates, "row is", "rows are"));
            let hint = "nobody gets two: there is nothing to do";
            findings.push(Finding::new(Severity::Note, "duplicates", &self.file, says).hint(hint));
        }
        if list.suppressed > 0 {
            let says = format!("{} suppressed", Many(list.suppressed, "recipient is", "recipients are"));
            findings.push(Finding::new(Severity::Note, "suppressed", &self.file, says));
        }
        Ok(findings)
    }
}
