//! The domains that the sender uses: they exist, take mail, and their zones have a head (SOA).

use super::{Judged, Sender};
use crate::base::many::Many;
use crate::identity::{Facts, Kind, Lack, is_routable, organisation_of};
use crate::mail::finding::{Finding, Severity};
use crate::wire::dns::is_host_name;
use std::net::IpAddr;

/// What a domain that does not exist draws (RFC 3463, X.1.8), and one that takes no mail (RFC 7505 §4.2).
const DRAWS_MISSING: &str = "550 5.1.8";
const DRAWS_NULL: &str = "550 5.7.27";
/// What Yahoo answers to a domain without a zone.
const DRAWS_ZONE: &str = "451 4.1.8, 553 5.1.8";

/// What a domain is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    From,
    ReversePath,
    ReplyTo,
    Unsubscribe,
}

/// Each domain, and what it is used for.
pub(super) fn of(sender: &Sender) -> Vec<(String, Vec<Role>)> {
    let from = sender.from.iter().map(|domain| (domain, Role::From));
    let paths = sender.paths.iter().map(|path| (&path.domain, Role::ReversePath));
    let reply = sender.reply.iter().map(|domain| (domain, Role::ReplyTo));
    let leave = sender.leave.iter().map(|domain| (domain, Role::Unsubscribe));
    let mut domains: Vec<(String, Vec<Role>)> = Vec::new();
    for (domain, role) in from.chain(paths).chain(reply).chain(leave) {
        match domains.iter_mut().find(|(known, _)| known == domain) {
            Some((_, roles)) => roles.push(role),
            None => domains.push((domain.clone(), vec![role])),
        }
    }
    domains
}

/// `is_lab`: servers may be on this machine.
pub(super) fn judge(facts: &Facts, domain: &str, roles: &[Role], is_lab: bool) -> Judged {
    // Both are left open at once.
    let (mx, addresses) = (facts.look(domain, Kind::Mx), facts.addresses(domain));
    let mx = mx?;
    let draws = |draws| if is_senders(roles) { draws } else { "" };
    let severity = if is_senders(roles) { Severity::Error } else { Severity::Warning };
    let find = |severity, check, says: String| Finding::new(severity, check, domain, says);
    let what = words(roles);
    if !mx.exists {
        let says = format!("the domain of {what} does not exist");
        let hint = "mend its spelling, or register it and publish MX and A records";
        return Ok(vec![find(severity, "domain-missing", says).hint(hint).draws(draws(DRAWS_MISSING))]);
    }
    let hosts = mx.exchangers();
    if hosts == [""] {
        let says = format!("the domain of {what} takes no mail (null MX): {}", lost(roles));
        let hint = format!("{domain}. MX 10 HOST., where HOST is a server that takes its mail");
        return Ok(vec![find(severity, "null-mx", says).hint(hint).draws(draws(DRAWS_NULL))]);
    }
    if hosts.is_empty() && addresses?.is_empty() {
        let says = format!("the domain of {what} has neither an MX nor an address record: {}", lost(roles));
        let hint = format!("{domain}. MX 10 HOST., where HOST is a server that takes its mail");
        return Ok(vec![find(severity, "no-mx", says).hint(hint).draws(draws(DRAWS_MISSING))]);
    }
    let unreachable = exchangers(facts, (domain, &hosts), severity, roles, is_lab)?;
    Ok(unreachable.into_iter().chain(aliases(facts, (domain, &hosts), roles)?).collect())
}

/// Exchangers that are aliases, which servers are free not to follow.
fn aliases(facts: &Facts, (domain, hosts): (&str, &[&str]), roles: &[Role]) -> Result<Option<Finding>, Lack> {
    let mut found: Vec<String> = Vec::new();
    let mut ends: Vec<&str> = Vec::new();
    for host in hosts.iter().filter(|host| is_host_name(host)) {
        if let Some(end) = facts.look(host, Kind::A)?.alias_of().or(facts.look(host, Kind::Aaaa)?.alias_of()) {
            found.push(format!("{host} for {end}"));
            ends.push(end);
        }
    }
    let Some(end) = ends.first() else { return Ok(None) };
    let says = format!(
        "of the {} MX of {}, {} (CNAME: {}), which no MX may name (RFC 2181 §10.3): some servers deliver nothing there",
        hosts.len(),
        words(roles),
        Many(found.len() as u64, "is an alias", "are aliases"),
        found.join(", ")
    );
    let hint =
        format!("name the host itself: {domain}. MX 10 {end}.; or give the name address records (A, AAAA) of its own");
    Ok(Some(Finding::new(Severity::Warning, "mx-alias", domain, says).hint(hint)))
}

/// Whether the zone that the domain is in has a head; whether there is such a domain is told elsewhere.
pub(super) fn judge_zone(facts: &Facts, domain: &str, roles: &[Role]) -> Judged {
    let (mx, has_head) = (facts.look(domain, Kind::Mx), has_head(facts, domain));
    if has_head? || !mx?.exists || !is_senders(roles) {
        return Ok(Vec::new());
    }
    let says =
        format!("no zone with a head (SOA) is found for the domain of {}: Yahoo and others refuse it", words(roles));
    let hint = "have whoever serves the zone mend its delegation: a zone has a SOA record at its top";
    Ok(vec![Finding::new(Severity::Error, "soa", domain, says).hint(hint).draws(DRAWS_ZONE)])
}

/// Exchangers that nobody can reach.
fn exchangers(
    facts: &Facts,
    (domain, hosts): (&str, &[&str]),
    severity: Severity,
    roles: &[Role],
    is_lab: bool,
) -> Result<Option<Finding>, Lack> {
    let looked: Vec<Result<Vec<IpAddr>, Lack>> = hosts.iter().map(|host| facts.addresses(host)).collect();
    let mut gone: Vec<String> = Vec::new();
    for (host, addresses) in hosts.iter().zip(looked) {
        if !is_host_name(host) {
            gone.push(format!("{host} is no host name"));
            continue;
        }
        let addresses = addresses?;
        match addresses.first() {
            None => gone.push(format!("{host} has no address")),
            Some(first) if !is_lab && !addresses.iter().any(|address| is_routable(*address)) => {
                gone.push(format!("{host} has an address that nobody outside reaches, {first}"));
            }
            Some(_) => {}
        }
    }
    if gone.is_empty() {
        return Ok(None);
    }
    let (severity, end) = match gone.len() == hosts.len() {
        true => (severity, format!(": {}", lost(roles))),
        false => (Severity::Warning, String::new()),
    };
    let says = format!(
        "of the {} MX of {}, {} cannot be reached ({}){end}",
        hosts.len(),
        words(roles),
        gone.len(),
        gone.join(", ")
    );
    let hint = "an MX names a host with an address (A, AAAA), never an address itself";
    Ok(Some(Finding::new(severity, "mx-host", domain, says).hint(hint)))
}

/// Whether there is a zone's head at the domain, or above it up to the organisation's.
fn has_head(facts: &Facts, domain: &str) -> Result<bool, Lack> {
    let organisation = organisation_of(domain).unwrap_or(domain);
    let mut name = domain;
    loop {
        if !facts.look(name, Kind::Soa)?.records.is_empty() {
            return Ok(true);
        }
        match name.split_once('.') {
            Some((_, above)) if name != organisation && above.contains('.') => name = above,
            _ => return Ok(false),
        }
    }
}

/// Whether receivers judge the sender by it.
fn is_senders(roles: &[Role]) -> bool {
    roles.iter().any(|role| matches!(role, Role::From | Role::ReversePath))
}

fn words(roles: &[Role]) -> String {
    let word = |role: &Role| match role {
        Role::From => "From",
        Role::ReversePath => "the reverse-path",
        Role::ReplyTo => "Reply-To",
        Role::Unsubscribe => "the mailto: of [unsubscribe]",
    };
    roles.iter().map(word).collect::<Vec<_>>().join(" and ")
}

fn lost(roles: &[Role]) -> &'static str {
    if roles.contains(&Role::ReversePath) {
        "bounces cannot come back, and receivers refuse such senders"
    } else if roles.contains(&Role::From) {
        "answers cannot come back, and receivers refuse such senders"
    } else {
        "answers cannot come back"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchangers_that_nobody_outside_reaches_are_none() {
        let mut facts = Facts::of(
            "here.example MX 10 mx.here.example
             mx.here.example A 127.0.0.1
             both.example MX 10 mx.here.example
             both.example MX 20 mx.there.example
             mx.there.example A 192.0.2.1",
        );
        let mut found = |domain: &str, is_lab| {
            let found = facts.judged(|facts| judge(facts, domain, &[Role::From], is_lab)).unwrap();
            found.iter().map(|found| (found.severity, found.says.clone())).collect::<Vec<_>>()
        };
        let [(severity, says)] = &found("here.example", false)[..] else { panic!("one finding") };
        assert!(*severity == Severity::Error && says.contains("nobody outside reaches, 127.0.0.1"), "{says}");
        assert_eq!(found("both.example", false)[0].0, Severity::Warning);
        assert!(found("here.example", true).is_empty());
    }

    #[test]
    fn an_exchanger_that_is_an_alias_is_told() {
        let mut facts = Facts::of(
            "acme.example MX 10 mx.acme.example
             acme.example MX 20 alias.acme.example
             mx.acme.example A 192.0.2.1
             alias.acme.example A 192.0.2.2
             alias.acme.example CNAME host.other.example",
        );
        let found = facts.judged(|facts| judge(facts, "acme.example", &[Role::From], false)).unwrap();
        let [found] = &found[..] else { panic!("{found:?}") };
        assert_eq!((found.check, found.severity), ("mx-alias", Severity::Warning));
        assert!(
            found
                .says
                .starts_with("of the 2 MX of From, 1 is an alias (CNAME: alias.acme.example for host.other.example)")
        );
        assert!(found.hint.contains("acme.example. MX 10 host.other.example."), "{}", found.hint);
    }

    #[test]
    fn a_zones_head_is_looked_for_up_to_the_organisations_domain() {
        let mut facts = Facts::of(
            "a.bounce.acme.example MX 10 mx.acme.example
             bounce.acme.example A 192.0.2.1
             acme.example SOA
             headless.example MX 10 mx.acme.example
             example SOA",
        );
        let mut checks = |domain: &str, roles: &[Role]| -> Vec<&'static str> {
            let found = facts.judged(|facts| judge_zone(facts, domain, roles)).unwrap();
            found.iter().map(|finding| finding.check).collect()
        };
        assert!(checks("a.bounce.acme.example", &[Role::ReversePath]).is_empty());
        assert_eq!(checks("headless.example", &[Role::From]), ["soa"]);
        assert!(checks("headless.example", &[Role::ReplyTo]).is_empty());
        assert!(checks("gone.example", &[Role::From]).is_empty(), "that it is not there is told elsewhere");
    }
}
