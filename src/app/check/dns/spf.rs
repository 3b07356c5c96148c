//! Whether SPF lets the sources send (RFC 7208): one record, that can be read, and passes for each address.

use super::egress::{Egress, Known};
use super::{Judged, Path, quoted, txt_line};
use crate::identity::spf::{
    Checked, LOOKUPS_MAX, Mechanism, Network, Qualifier, Record, Sender, Verdict, check_host, is_record,
    reads_as_record, survey,
};
use crate::identity::{Facts, Lack};
use crate::mail::finding::{Finding, Severity};
use std::net::IpAddr;

/// What Google and Microsoft answer.
pub(super) const DRAWS: &str = "550 5.7.27, 550 5.7.515";
/// Networks of so few bits are nobody's own.
const WIDE_V4: u8 = 7;
const WIDE_V6: u8 = 15;
/// Of several records so many are shown.
const SHOWN: usize = 3;
/// Words at the beginning of terms that nobody reads because an equals sign stands where a colon should.
const MECHANISMS: [&str; 7] = ["include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

pub(super) fn judge(facts: &Facts, path: &Path, egress: &Egress) -> Judged {
    let texts = facts.texts(&path.domain)?;
    let records: Vec<&str> = texts.iter().copied().filter(|text| is_record(text)).collect();
    let text = match records.as_slice() {
        [] => return Ok(vec![missing(path, egress, texts.into_iter().find(|text| reads_as_record(text)))]),
        [one] => *one,
        several => return Ok(vec![several_of(path, several)]),
    };
    let record = match Record::read(text) {
        Ok(record) => record,
        Err(fault) => {
            let says = format!("receivers give up on the SPF record: {fault}; it is {}", quoted(text));
            return Ok(vec![
                error(path, "spf-syntax", says).hint("mend the term; receivers take a broken record for a failure"),
            ]);
        }
    };
    let mut findings = written(path, text, &record);
    findings.extend(sources(facts, path, egress, text)?);
    Ok(findings)
}

/// What SPF says of each address that is known.
pub(super) fn check_all<'e>(facts: &Facts, path: &Path, egress: &'e Egress) -> Result<Vec<(&'e Known, Checked)>, Lack> {
    let check = |known: &'e Known| {
        let ehlo = known.ehlo.as_deref().unwrap_or("unknown");
        let sender = Sender { address: known.address, local: &path.local, domain: &path.domain, ehlo };
        check_host(facts, &sender, &path.domain).map(|checked| (known, checked))
    };
    // All of them are heard, so that everything is left open at once.
    let checked: Vec<Result<_, Lack>> = egress.known.iter().map(check).collect();
    checked.into_iter().collect()
}

fn sources(facts: &Facts, path: &Path, egress: &Egress, text: &str) -> Judged {
    let checked = check_all(facts, path, egress)?;
    let (mut refused, mut broken) = (Vec::new(), Vec::new());
    for (known, Checked { verdict, by }) in checked {
        let word = match verdict {
            Verdict::Matched(Qualifier::Pass) => continue,
            Verdict::PermError(fault) => {
                broken.push((known.address, format!("{fault}{}", cost(facts, &path.domain)?)));
                continue;
            }
            Verdict::Matched(Qualifier::Fail) => "fail",
            Verdict::Matched(Qualifier::SoftFail) => "softfail",
            Verdict::Matched(Qualifier::Neutral) | Verdict::None => "neutral",
        };
        let by = if by.is_empty() { "nothing in it matches".to_owned() } else { format!("by {by}") };
        refused.push((known.address, format!("{} ({word}, {by})", known.address)));
    }
    let line = |of: &[(IpAddr, String)]| {
        let addresses: Vec<IpAddr> = of.iter().map(|(address, _)| *address).collect();
        txt_line(&path.domain, &amended(text, &addresses))
    };
    let mut findings = Vec::new();
    // What it is for one it is for all, as a rule.
    if let Some((_, fault)) = broken.first() {
        let of: Vec<String> = broken.iter().map(|(address, _)| address.to_string()).collect();
        let says = format!("SPF ends in an error for {}: {fault}", of.join(", "));
        let hint =
            format!("name the addresses before what asks: {}; and leave out what sends no longer", line(&broken));
        findings.push(error(path, "spf-error", says).hint(hint));
    }
    if !refused.is_empty() {
        let words: Vec<&str> = refused.iter().map(|(_, words)| words.as_str()).collect();
        let says = format!("the SPF record does not let send: {}", words.join(", "));
        findings.push(error(path, "spf-source", says).hint(line(&refused)));
    }
    Ok(findings)
}

/// Where the look-ups go, if they are too many.
fn cost(facts: &Facts, domain: &str) -> Result<String, Lack> {
    match survey(facts, domain) {
        Ok(found) if found.lookups > LOOKUPS_MAX => {
            Ok(format!("; the whole record asks {} times: {}", found.lookups, found.costs()))
        }
        Err(Lack::Open) => Err(Lack::Open),
        Ok(_) | Err(Lack::Unknown(_)) => Ok(String::new()),
    }
}

/// What is wrong with the record whoever sends.
fn written(path: &Path, text: &str, record: &Record) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut warn = |check, says: String, hint: String| {
        findings.push(Finding::new(Severity::Warning, check, &path.domain, says).hint(hint));
    };
    for term in &record.unknown {
        let name = term.split('=').next().unwrap_or_default().to_ascii_lowercase();
        if MECHANISMS.contains(&name.as_str()) || name == "all" {
            let hint = txt_line(&path.domain, &text.replace(term.as_str(), &term.replacen('=', ":", 1)));
            warn("spf-syntax", format!("receivers pass over `{term}`: a colon stands behind a mechanism"), hint);
        }
    }
    let behind = record.directives.iter().skip_while(|directive| directive.mechanism != Mechanism::All).skip(1);
    let mut unread: Vec<String> = behind.map(|directive| directive.text.clone()).collect();
    if record.all().is_some() {
        unread.extend(record.redirect.iter().map(|target| format!("redirect={target}")));
    }
    if !unread.is_empty() {
        let says = format!("nobody reads what stands behind `all`: {}", unread.join(" "));
        warn("spf-syntax", says, "put `all` last".to_owned());
    }
    let is_wide = |network: &Network| network.bits <= if network.address.is_ipv4() { WIDE_V4 } else { WIDE_V6 };
    let wide = record.directives.iter().filter(|directive| {
        directive.qualifier == Qualifier::Pass
            && matches!(&directive.mechanism, Mechanism::Ip(network) if is_wide(network))
    });
    let wide: Vec<String> = wide.map(|directive| directive.text.clone()).collect();
    if !wide.is_empty() {
        let says = format!(
            "the SPF record lets a large part of the internet send ({}), which filters count as +all",
            wide.join(", ")
        );
        warn("spf-all", says, "name the addresses that send, or their own network".to_owned());
    }
    match record.all().map(|all| all.qualifier) {
        Some(Qualifier::Pass) => {
            let hint = "end it with -all or ~all".to_owned();
            warn("spf-all", "the SPF record lets everybody send (+all), which filters count".to_owned(), hint);
        }
        Some(Qualifier::Neutral) => {
            warn(
                "spf-all",
                "the SPF record says nothing of others (?all)".to_owned(),
                "end it with -all or ~all".to_owned(),
            );
        }
        None if record.redirect.is_none() => {
            let hint = txt_line(&path.domain, &format!("{} ~all", text.trim_end()));
            warn("spf-all", "the SPF record says nothing of others: it does not end with `all`".to_owned(), hint);
        }
        _ => {}
    }
    findings
}

fn missing(path: &Path, egress: &Egress, nearly: Option<&str>) -> Finding {
    let nearly = nearly
        .map(|text| format!("; one text is nearly one, and must begin with `v=spf1 `: {}", quoted(text)))
        .unwrap_or_default();
    let says = format!("the domain of the reverse-path has no SPF record{nearly}");
    error(path, "spf-missing", says).hint(match egress.known.as_slice() {
        [] => format!(
            "{}; put into it what whoever sends for you names (include:…, ip4:…)",
            txt_line(&path.domain, "v=spf1 ip4:ADDRESS -all")
        ),
        known => {
            let addresses: Vec<IpAddr> = known.iter().map(|known| known.address).collect();
            txt_line(&path.domain, &amended("v=spf1 -all", &addresses))
        }
    })
}

fn several_of(path: &Path, records: &[&str]) -> Finding {
    let shown: Vec<String> = records.iter().take(SHOWN).map(|text| quoted(text)).collect();
    let more = if records.len() > SHOWN { ", …" } else { "" };
    let says =
        format!("there are {} SPF records, so that receivers use none: {}{more}", records.len(), shown.join(", "));
    let terms = records.iter().flat_map(|text| text.split_ascii_whitespace().skip(1));
    let mut merged: Vec<&str> = Vec::new();
    let (mut all, mut redirect) = (None, None);
    for term in terms {
        match term.trim_start_matches(['+', '-', '~', '?']) {
            "all" => all = all.or(Some(term)),
            _ if term.starts_with("redirect=") => redirect = redirect.or(Some(term)),
            _ if merged.contains(&term) => {}
            _ => merged.push(term),
        }
    }
    merged.extend(all.or(redirect));
    let line = txt_line(&path.domain, &format!("v=spf1 {}", merged.join(" ")));
    error(path, "spf-several", says).hint(format!("one record, with all of it: {line}"))
}

/// The record with these addresses, before everything that asks.
fn amended(text: &str, addresses: &[IpAddr]) -> String {
    let term = |address: &IpAddr| match address {
        IpAddr::V4(v4) => format!("ip4:{v4} "),
        IpAddr::V6(v6) => format!("ip6:{v6} "),
    };
    let rest = text.split_once(' ').map_or("", |(_, rest)| rest.trim_start());
    let terms: String = addresses.iter().map(term).collect();
    format!("v=spf1 {terms}{rest}").trim_end().to_owned()
}

fn error(path: &Path, check: &'static str, says: String) -> Finding {
    Finding::new(Severity::Error, check, &path.domain, says).draws(DRAWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_before_everything_that_asks() {
        let addresses = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(
            amended("v=spf1  include:a.example -all", &addresses),
            "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:a.example -all"
        );
        assert_eq!(amended("v=spf1", &addresses[..1]), "v=spf1 ip4:192.0.2.1");
    }

    #[test]
    fn several_records_become_one() {
        let path = Path { local: "b".into(), domain: "a.example".into() };
        let found = several_of(&path, &["v=spf1 mx include:b.example ~all", "v=spf1 mx ip4:192.0.2.1 -all"]);
        assert!(
            found.hint.ends_with("a.example. TXT \"v=spf1 mx include:b.example ip4:192.0.2.1 ~all\""),
            "{}",
            found.hint
        );
    }
}
