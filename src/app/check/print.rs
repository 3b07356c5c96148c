//! The findings as a page for people, and as one JSON object.
//!
//! Guarantees: what is foreign is escaped; the object has the same keys whatever was found.

use super::Look;
use super::found::lines;
use crate::base::many::Many;
use crate::mail::finding::{Finding, Severity};
use crate::mail::reply::Printable;
use serde_json::{Value, json};
use std::path::Path;

/// The page.
pub(super) fn text(look: &Look, campaign: &Path) -> String {
    let mut text = format!("{}: {}\n", Printable(campaign.display().to_string().as_bytes()), summary(look));
    if let Some(counts) = &look.recipients {
        text += &format!("{}\n", counts.words());
    }
    if !look.campaign.is_empty() {
        text += &format!("{}\n", Printable(look.dns.words().as_bytes()));
    }
    for finding in &look.findings {
        text += &format!("\n{}", lines(finding));
    }
    text
}

fn summary(look: &Look) -> String {
    let kinds = [
        Many(look.count(Severity::Error) as u64, "error", "errors"),
        Many(look.count(Severity::Warning) as u64, "warning", "warnings"),
        Many(look.count(Severity::Note) as u64, "note", "notes"),
    ];
    let found: Vec<String> = kinds.iter().filter(|kind| kind.0 > 0).map(ToString::to_string).collect();
    if found.is_empty() { "nothing is found wrong".to_owned() } else { found.join(", ") }
}

/// The object, with a line end.
pub(super) fn json(look: &Look) -> String {
    let object = json!({
        "campaign": look.campaign,
        "errors": look.count(Severity::Error),
        "warnings": look.count(Severity::Warning),
        "notes": look.count(Severity::Note),
        "list": look.recipients,
        "dns": look.dns.json(),
        "findings": look.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    format!("{object}\n")
}

/// A finding as an object.
#[must_use]
pub fn finding(finding: &Finding) -> Value {
    let Finding { severity, check, place, says, excerpt, hint, draws } = finding;
    json!({
        "severity": severity.word(),
        "check": check,
        "place": place,
        "says": says,
        "excerpt": excerpt,
        "hint": hint,
        "draws": draws,
    })
}
