//! All of an SPF record with what it includes: what breaks it for others, or soon.
//!
//! Leaves to others: what stops our own sources already (`spf`); nothing more is told then.

use super::egress::Egress;
use super::spf::{DRAWS, check_all};
use super::{Judged, Path};
use crate::identity::spf::{LOOKUPS_MAX, Record, VOID_MAX, Verdict, is_record, survey};
use crate::identity::{Facts, Lack};
use crate::mail::finding::{Finding, Severity};

/// Terms that are named in a sentence.
const NAMED: usize = 5;

pub(super) fn judge(facts: &Facts, path: &Path, egress: &Egress) -> Judged {
    let texts = facts.texts(&path.domain)?;
    let mut records = texts.into_iter().filter(|text| is_record(text));
    // Whether there is one, and it can be read, is told elsewhere.
    let is_one = records.next().is_some_and(|text| Record::read(text).is_ok()) && records.next().is_none();
    let (found, checked) = (survey(facts, &path.domain), check_all(facts, path, egress));
    let is_broken = match checked {
        Ok(checked) => checked.iter().any(|(_, checked)| matches!(checked.verdict, Verdict::PermError(_))),
        Err(Lack::Open) => return Err(Lack::Open),
        Err(Lack::Unknown(_)) => false,
    };
    let found = found?;
    if !is_one || is_broken {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    // Of addresses that are known each is told.
    if !found.lets_pass && egress.known.is_empty() {
        let says = "the SPF record lets nobody send".to_owned();
        let hint = "put into it what whoever sends for you names (include:…, ip4:…)";
        findings.push(Finding::new(Severity::Error, "spf-source", &path.domain, says).hint(hint).draws(DRAWS));
    }
    let mut warn = |check, says: String, hint: &str| {
        findings.push(Finding::new(Severity::Warning, check, &path.domain, says).hint(hint));
    };
    if found.lookups > LOOKUPS_MAX {
        let says = format!(
            "the SPF record asks {} times, and receivers ask {LOOKUPS_MAX} times: {}; what passes stands before that, but others' \
             checks fail",
            found.lookups,
            found.costs()
        );
        warn("spf-lookups", says, "leave out what no longer sends for you, or name addresses (ip4:, ip6:)");
    }
    for (domain, fault) in found.faults.iter().take(NAMED) {
        let says = format!("behind what passes the SPF record is broken: in that of {domain} {fault}");
        warn("spf-include", says, "leave it out, or mend it: whoever is not matched before it gets an error");
    }
    if !found.voids.is_empty() {
        let named: Vec<&str> = found.voids.iter().take(NAMED).map(String::as_str).collect();
        let says = format!("the SPF record asks in vain, and receivers bear {VOID_MAX} times: {}", named.join(", "));
        warn("spf-void", says, "leave out what has no records");
    }
    if !found.ptrs.is_empty() {
        let says = format!(
            "the SPF record uses ptr, which is not to be used any more (RFC 7208 §5.5): {}",
            found.ptrs.join(", ")
        );
        warn("spf-ptr", says, "name the addresses: ip4:, ip6:, a: or mx:");
    }
    Ok(findings)
}
