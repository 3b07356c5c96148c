//! The name of a site: the set of exchangers that a group of domains shares, rolled up so that a person can read it.

use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;

/// No name is longer, in octets.
pub(super) const NAME_MAX: usize = 120;
const DIGEST_OCTETS: usize = 16;

/// Names the site with these exchangers: the same set gives the same name, in whatever order and with whatever
/// preferences, and two sets never share one. (What a host can bear does not depend on who else is behind it; which of
/// them goes first is each domain's own affair: [`order`].)
///
/// - one host: the host;
/// - hosts that share two labels or more at their end: `(alt1|alt2|).aspmx.l.google.com`;
/// - others: `mx.a.example|mx.b.example`;
/// - longer than 120 octets: the beginning, `~`, and 128 bits of the whole name's SHA-256 (a name can be chosen by
///   whoever owns the domain, hence no weaker hash).
///
/// `hosts` are host names in lower case: they contain neither `(`, `|` nor `~`.
pub(super) fn site_name(hosts: &[&str]) -> String {
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable();
    hosts.dedup();
    let name = match hosts.as_slice() {
        [one] => (*one).to_owned(),
        all => roll_up(all, common_suffix(all)),
    };
    if name.len() <= NAME_MAX { name } else { shortened(&name) }
}

/// Tells apart the orders in which domains prefer the same hosts: the rank of each host, in the order of their names.
/// Empty where all are alike.
pub(super) fn order(hosts: &[(u16, &str)]) -> Box<str> {
    let mut preferences: Vec<u16> = hosts.iter().map(|(preference, _)| *preference).collect();
    preferences.sort_unstable();
    preferences.dedup();
    if preferences.len() < 2 {
        return "".into();
    }
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable_by_key(|(_, host)| *host);
    let rank = |preference: u16| preferences.partition_point(|other| *other < preference).to_string();
    hosts.iter().map(|(preference, _)| rank(*preference)).collect::<Vec<_>>().join(".").into()
}

/// The longest end, in whole labels, that all hosts share; empty if it has fewer than two labels.
fn common_suffix<'a>(hosts: &[&'a str]) -> &'a str {
    let Some((first, others)) = hosts.split_first() else { return "" };
    let shared = others.iter().fold(first.split('.').count(), |shared, host| {
        let same = first.rsplit('.').zip(host.rsplit('.')).take_while(|(a, b)| a == b).count();
        shared.min(same)
    });
    if shared < 2 {
        return "";
    }
    let len = first.rsplit('.').take(shared).map(|label| label.len() + 1).sum::<usize>() - 1;
    first.get(first.len() - len..).unwrap_or_default()
}

fn roll_up(hosts: &[&str], suffix: &str) -> String {
    if suffix.is_empty() {
        return hosts.join("|");
    }
    let heads = hosts.iter().filter_map(|host| host.strip_suffix(suffix)?.strip_suffix('.'));
    let mut heads: Vec<&str> = heads.collect();
    if hosts.contains(&suffix) {
        heads.push("");
    }
    format!("({}).{suffix}", heads.join("|"))
}

fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(NAME_MAX - 1 - 2 * DIGEST_OCTETS).collect();
    short.push('~');
    for octet in digest(&SHA256, name.as_bytes()).as_ref().iter().take(DIGEST_OCTETS) {
        let _infallible = write!(short, "{octet:02x}");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_rolled_up_at_their_common_end() {
        let google = ["aspmx.l.google.com", "alt2.aspmx.l.google.com", "alt1.aspmx.l.google.com"];
        assert_eq!(site_name(&google), "(alt1|alt2|).aspmx.l.google.com");
        assert_eq!(site_name(&["mx2.a.example", "mx1.a.example"]), "(mx1|mx2).a.example");
        assert_eq!(site_name(&["mx.a.example", "mx.b.example"]), "mx.a.example|mx.b.example");
        assert_eq!(site_name(&["one.a.example"]), "one.a.example");
        assert_eq!(site_name(&["a.example", "mx.a.example"]), "(mx|).a.example");
        assert_eq!(site_name(&["xa.example.com", "a.example.com"]), "(a|xa).example.com");
    }

    #[test]
    fn order_and_repetition_do_not_matter_but_membership_does() {
        assert_eq!(
            site_name(&["b.x.example", "a.x.example", "b.x.example"]),
            site_name(&["a.x.example", "b.x.example"])
        );
        assert_ne!(site_name(&["b.x.example", "a.x.example"]), site_name(&["a.x.example", "b.y.example"]));
        assert_ne!(site_name(&["b.x.example", "a.x.example"]), site_name(&["a.x.example"]));
    }

    #[test]
    fn an_order_is_what_preferences_say_and_no_more() {
        assert_eq!(&*order(&[(10, "a.example"), (20, "b.example")]), "0.1");
        assert_eq!(&*order(&[(5, "b.example"), (7, "a.example")]), "1.0");
        assert_eq!(order(&[(10, "a.example"), (20, "b.example")]), order(&[(2, "b.example"), (1, "a.example")]));
        assert_eq!(&*order(&[(30, "c.example"), (10, "a.example"), (10, "b.example")]), "0.0.1");
        assert_eq!(&*order(&[(10, "a.example"), (10, "b.example")]), "");
        assert_eq!(&*order(&[(10, "a.example")]), "");
    }

    #[test]
    fn a_long_name_is_cut_and_stays_unlike_its_neighbour() {
        let hosts: Vec<String> = (0..16).map(|n| format!("inbound-mail-{n}.very-long-provider-name.example")).collect();
        let all: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (whole, less) = (site_name(&all), site_name(&all[..15]));
        assert!(whole.len() <= NAME_MAX && less.len() <= NAME_MAX, "{whole}");
        assert_ne!(whole, less);
        assert!(whole.starts_with("(inbound-mail-0|inbound-mail-1|"), "{whole}");
    }
}
