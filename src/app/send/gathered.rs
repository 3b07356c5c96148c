//! What is found of the columns that templates ask: errors, each place once, and warnings.
//!
//! Guarantees: one error is enough to refuse, and then the warnings go along behind it. Leaves to others: what is wrong.

use super::super::check::{Refused, of_content};
use super::super::config::CampaignConfig;
use super::super::exit::Failure;
use crate::content::ContentError;
use crate::mail::finding::{Finding, Severity};

/// See the head of this file.
#[derive(Default)]
pub struct Gathered {
    faults: Vec<String>,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl Gathered {
    /// A place that may be meant so; `check` is the word for it. Two parts may be made from one file.
    pub fn warn(&mut self, campaign: &CampaignConfig, error: &ContentError, check: &'static str) {
        let finding = Finding { severity: Severity::Warning, check, ..of_content(campaign, error) };
        if !self.warnings.contains(&finding) {
            self.warnings.push(finding);
        }
    }

    /// A place that is wrong whatever is meant.
    pub fn refuse(&mut self, campaign: &CampaignConfig, error: &ContentError) {
        let fault = super::places::placed(campaign, error);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
            self.errors.push(of_content(campaign, error));
        }
    }

    /// The warnings.
    ///
    /// # Errors
    /// Something is wrong whatever is meant.
    pub fn end(mut self) -> Result<Vec<Finding>, Refused> {
        if self.faults.is_empty() {
            return Ok(self.warnings);
        }
        self.errors.append(&mut self.warnings);
        Err(Refused { failure: Failure::usage(self.faults.join("\n")), findings: self.errors, files: Vec::new() })
    }
}
