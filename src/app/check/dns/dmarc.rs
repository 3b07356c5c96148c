//! The DMARC record of the From domain (RFC 7489): it is there, receivers can use it, and its reports arrive.

use super::{Judged, quoted, txt_line};
use crate::identity::{Dmarc, Facts, Found, Lack, Policy, discover, is_policy, organisation_of};
use crate::mail::finding::{Finding, Severity};

/// What Google answers.
const DRAWS: &str = "550 5.7.40";

pub(super) fn judge(facts: &Facts, from: &str) -> Judged {
    let error = |check, place: &str, says: String| Finding::new(Severity::Error, check, place, says).draws(DRAWS);
    let (name, text, is_above, says) = match discover(facts, from)? {
        Found::Nothing(meant) => return Ok(vec![missing(facts, from, &meant)?]),
        Found::Several(name, count) => {
            let says = format!("there are {count} DMARC records, so that receivers use none");
            return Ok(vec![error("dmarc-several", &name, says).hint("leave one of them")]);
        }
        Found::One { name, text, is_above, says } => (name, text, is_above, says),
    };
    let dmarc = match says {
        Ok(dmarc) => dmarc,
        Err(why) => {
            let says = format!("receivers pass the DMARC record over: {why}; it is {}", quoted(&text));
            return Ok(vec![error("dmarc-syntax", &name, says).hint(line(&name, from))]);
        }
    };
    let mut findings = written(&name, &text, &dmarc, is_above, from);
    findings.extend(strangers(facts, &name, &dmarc)?);
    Ok(findings)
}

/// A record to begin with.
fn line(name: &str, from: &str) -> String {
    let domain = organisation_of(from).unwrap_or(from);
    txt_line(name, &format!("v=DMARC1; p=none; rua=mailto:dmarc@{domain}"))
}

fn missing(facts: &Facts, from: &str, meant: &[String]) -> Result<Finding, Lack> {
    let name = format!("_dmarc.{}", organisation_of(from).unwrap_or(from));
    // Where people put it by mistake: at the domain itself, or with the domain behind the name twice.
    let doubled = format!("{name}.{}", organisation_of(from).unwrap_or(from));
    let mut strayed = None;
    for place in [from, doubled.as_str()] {
        match facts.texts(place) {
            Ok(texts) if texts.iter().any(|text| is_policy(text)) => strayed = Some(place.to_owned()),
            Err(Lack::Open) => return Err(Lack::Open),
            Ok(_) | Err(Lack::Unknown(_)) => {}
        }
    }
    let nearly = match (meant.first(), strayed) {
        (Some(text), _) => format!("; one text is nearly one, and must begin with `v=DMARC1;`: {}", quoted(text)),
        (None, Some(place)) => format!("; one stands at {place}, where nobody looks"),
        (None, None) => String::new(),
    };
    let says = format!("there is no DMARC record for {from}{nearly}");
    Ok(Finding::new(Severity::Error, "dmarc-missing", &name, says).hint(line(&name, from)).draws(DRAWS))
}

/// What is wrong with a record that receivers use.
fn written(name: &str, text: &str, dmarc: &Dmarc, is_above: bool, from: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |severity, check, says: String, hint: String| {
        findings.push(Finding::new(severity, check, name, says).hint(hint));
    };
    if let Some(why) = &dmarc.assumed {
        let says = format!("receivers take the DMARC record for p=none, for it has a rua= and no policy: {why}");
        let domain = organisation_of(from).unwrap_or(from);
        let hint = txt_line(name, &format!("v=DMARC1; p=none; rua=mailto:dmarc@{domain}"));
        say(Severity::Warning, "dmarc-syntax", says, hint);
    }
    let effective = if is_above { dmarc.below() } else { dmarc.policy };
    if effective == Policy::None && dmarc.assumed.is_none() {
        let says = format!("the DMARC policy for {from} is none: whoever forges mail from there is not stopped");
        let hint = "once the reports show nothing but your own mail: p=quarantine, then p=reject";
        say(Severity::Note, "dmarc-policy", says, hint.to_owned());
    }
    if dmarc.below() < dmarc.policy {
        let says = format!(
            "mail from domains below is let through (sp={}), while the domain asks for {}",
            dmarc.below().word(),
            dmarc.policy.word()
        );
        say(Severity::Warning, "dmarc-subdomains", says, "leave sp= out, or make it as strict as p=".to_owned());
    }
    if dmarc.percent < 100 && dmarc.policy != Policy::None {
        let says = format!(
            "the policy is for {} % of the mail only (pct=), which receivers no longer tell apart",
            dmarc.percent
        );
        say(Severity::Note, "dmarc-policy", says, "leave pct= out".to_owned());
    }
    if dmarc.reports.is_empty() {
        let says = "nobody gets reports (rua=): what fails is not seen".to_owned();
        let domain = organisation_of(from).unwrap_or(from);
        let with = format!("{}; rua=mailto:dmarc@{domain}", text.trim_end().trim_end_matches(';'));
        say(Severity::Warning, "dmarc-rua", says, txt_line(name, &with));
    }
    for report in dmarc.reports.iter().filter(|report| report.domain.is_none()) {
        let says = format!("reports cannot go to `{}`: it is no mailto: and an address", report.uri);
        say(Severity::Warning, "dmarc-rua", says, "write rua=mailto:dmarc@…".to_owned());
    }
    if !dmarc.ignored.is_empty() {
        let says =
            format!("receivers pass over what they do not know in the DMARC record: {}", dmarc.ignored.join(", "));
        let hint = "p, sp: none, quarantine, reject; adkim, aspf: r, s; rua, ruf: mailto:…; pct: 0 to 100";
        say(Severity::Warning, "dmarc-syntax", says, hint.to_owned());
    }
    findings
}

/// Others who get reports must have said that they take them (RFC 7489 §7.1).
fn strangers(facts: &Facts, name: &str, dmarc: &Dmarc) -> Judged {
    let own = name.strip_prefix("_dmarc.").unwrap_or(name);
    let mut findings = Vec::new();
    let domains = dmarc.reports.iter().filter_map(|report| report.domain.as_deref());
    for domain in domains.filter(|domain| organisation_of(domain) != organisation_of(own)) {
        let permit = format!("{own}._report._dmarc.{domain}");
        if !facts.texts(&permit)?.iter().any(|text| is_policy(text)) {
            let says = format!("{domain} has not said that it takes reports about {own}: receivers send it none");
            let hint = format!("whoever has {domain} publishes {}", txt_line(&permit, "v=DMARC1"));
            findings.push(Finding::new(Severity::Warning, "dmarc-rua", name, says).hint(hint));
        }
    }
    Ok(findings)
}
