//! The names that we say in EHLO, looked at before anybody hears them: a name that is no full name of a public host makes
//! servers refuse everything.
//!
//! Leaves to others: whether the name leads to the address that we connect from (`probe`, and DNS).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::engine::source::Source;
use crate::mail::finding::{Finding, Severity};
use crate::observe::terminal;

/// Warns on standard error of each name that servers may not take.
pub fn warn_of<'s>(sources: impl IntoIterator<Item = &'s Source>) {
    for Finding { says, hint, .. } in findings(sources) {
        terminal::warn(&format!("warning: {says}\n  hint: {hint}\n"));
    }
}

/// Each name that servers may not take, once.
pub fn findings<'s>(sources: impl IntoIterator<Item = &'s Source>) -> Vec<Finding> {
    let warning = |source: &'s Source| {
        let (name, trouble) = (&source.ehlo, trouble(&source.ehlo)?);
        let key = match &*source.name {
            "" => "engine.hostname".to_owned(),
            name => format!("ehlo of the [[source]] {name:?}, or engine.hostname,"),
        };
        let says = format!("the EHLO name {name:?} {trouble}: many servers refuse all mail of such a host");
        Some((says, format!("set {key} to this machine's public name, which leads to its address")))
    };
    let told: BTreeSet<(String, String)> = sources.into_iter().filter_map(warning).collect();
    let finding = |(says, hint)| Finding::new(Severity::Warning, "ehlo-name", "", says).hint(hint).draws("504 5.5.2");
    told.into_iter().map(finding).collect()
}

/// Whether servers take the EHLO name, and it is one that DNS can lead somewhere.
#[must_use]
pub fn is_public(name: &str) -> bool {
    trouble(name).is_none() && !name.starts_with('[')
}

/// Why servers may not take this EHLO name (RFC 5321 §4.1.1.1: a full domain name, or an address in brackets).
fn trouble(name: &str) -> Option<&'static str> {
    if name.starts_with('[') && name.ends_with(']') {
        return None;
    }
    if name.parse::<IpAddr>().is_ok() {
        return Some("is an address without brackets");
    }
    let is_label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > 255 || !name.split('.').all(is_label) {
        return Some("is no host name (letters, digits, hyphens, and single dots between)");
    }
    let lower = name.to_ascii_lowercase();
    let ours_alone = ["localhost", "localdomain", "local", "internal", "lan"];
    match lower.rsplit_once('.') {
        None => Some("is not full: it has no dot"),
        Some((_, last)) if ours_alone.contains(&last) => Some("is known to nobody else"),
        Some((_, last)) if last.bytes().all(|b| b.is_ascii_digit()) => Some("is no host name: it ends in a number"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_servers_refuse_are_told_from_those_that_they_take() {
        for name in [
            "mail.acme.example",
            "a.b",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
            "MX-1.Acme.example",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(trouble(name), None, "{name}");
        }
        let refused = [
            "",
            ".",
            "localhost",
            "box",
            "3f2a9c1d0b7e",
            "my_host.acme.example",
            "192.0.2.1",
            "2001:db8::1",
            "localhost.localdomain",
            "box.local",
            "mail.acme.example.",
            "mail..example",
            "-a.example",
            "a-.example",
            "a b.example",
            "1.2.3",
            "bücher.example",
            "kube.svc.cluster.local",
        ];
        for name in refused {
            assert!(trouble(name).is_some(), "{name}");
        }
    }

    #[test]
    fn each_name_is_warned_of_once_with_its_key() {
        let mut named = Source::unbound("box".into());
        named.name = "a".into();
        let sources =
            [Source::unbound("box".into()), Source::unbound("box".into()), Source::unbound("m.example".into()), named];
        let said: Vec<String> = findings(&sources).into_iter().map(|finding| finding.hint).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said.iter().any(|line| line.contains("set engine.hostname to")), "{said:?}");
        assert!(said.iter().any(|line| line.contains("set ehlo of the [[source]] \"a\"")), "{said:?}");
    }
}
