//! Evaluations and surveys, after RFC 7208 and its examples.

mod suite;

use super::*;
use crate::identity::{Facts, Lack};

/// The zones of RFC 7208's appendix A, and some of our own.
const ZONES: &str = "
example.com TXT v=spf1 +mx a:colo.example.com/28 -all
example.com MX 10 mail-a.example.com
example.com MX 20 mail-b.example.com
example.com A 192.0.2.10
example.com A 192.0.2.11
amy.example.com A 192.0.2.65
mail-a.example.com A 192.0.2.129
mail-b.example.com A 192.0.2.130
colo.example.com A 192.0.2.3
example.org TXT v=spf1 include:example.com include:example.net -all
example.net TXT v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all
la.example.org TXT v=spf1 redirect=example.org
void.example TXT v=spf1 a:no1.example a:no2.example a:no3.example ip4:192.0.2.1 -all
voids.example TXT v=spf1 a:no1.example mx:no2.example ip4:192.0.2.1 -all
exists.example TXT v=spf1 exists:%{ir}.list.exists.example -all
1.2.0.192.list.exists.example A 127.0.0.2
ptr.example TXT v=spf1 ptr -all
1.2.0.192.in-addr.arpa PTR mail.ptr.example
2.2.0.192.in-addr.arpa PTR mail.ptr.example
mail.ptr.example A 192.0.2.1
dotted.example TXT v=spf1 ptr:ptr.example. -all
two.example TXT v=spf1 -all
two.example TXT v=spf1 +all
gone.example TXT v=spf1 include:nothing.example -all
loop.example TXT v=spf1 include:loop.example -all
ring1.example TXT v=spf1 include:ring2.example -all
ring2.example TXT v=spf1 include:ring1.example -all
many.example TXT v=spf1 a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example ip4:192.0.2.1 -all
late.example TXT v=spf1 ip4:192.0.2.1 a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example a:m.example -all
m.example A 203.0.113.1
silent.example TXT ? no answer within 5s
half.example TXT v=spf1 ip4:192.0.2.1 include:silent.example -all
open.example TXT v=spf1 ip4:192.0.2.1
broken.example TXT v=spf1 ipv4:192.0.2.1 -all
";

fn checked(domain: &str, address: &str) -> Result<Checked, Lack> {
    let sender = Sender { address: address.parse().unwrap(), local: "news", domain, ehlo: "mail.example.com" };
    Facts::of(ZONES).judged(|facts| check_host(facts, &sender, domain))
}

fn surveyed(domain: &str) -> Result<Survey, Lack> {
    Facts::of(ZONES).judged(|facts| survey(facts, domain))
}

#[test]
fn addresses_pass_and_fail_by_the_term_that_matches_first() {
    let (pass, fail, soft) = (Qualifier::Pass, Qualifier::Fail, Qualifier::SoftFail);
    for (domain, address, qualifier, by) in [
        ("example.com", "192.0.2.129", pass, "+mx"),
        ("example.com", "192.0.2.14", pass, "a:colo.example.com/28"),
        ("example.com", "192.0.2.16", fail, "-all"),
        ("example.com", "::ffff:192.0.2.129", pass, "+mx"),
        ("example.com", "2001:db8::1", fail, "-all"),
        ("example.org", "192.0.2.130", pass, "include:example.com"),
        ("example.org", "198.51.100.7", pass, "include:example.net"),
        ("example.org", "2001:db8:1::1", pass, "include:example.net"),
        ("example.org", "203.0.113.1", fail, "-all"),
        ("la.example.org", "198.51.100.7", pass, "include:example.net of example.org"),
        ("example.net", "203.0.113.1", soft, "~all"),
        ("voids.example", "192.0.2.1", pass, "ip4:192.0.2.1"),
        ("exists.example", "192.0.2.1", pass, "exists:%{ir}.list.exists.example"),
        ("exists.example", "192.0.2.2", fail, "-all"),
        ("ptr.example", "192.0.2.1", pass, "ptr"),
        ("ptr.example", "192.0.2.2", fail, "-all"),
        ("dotted.example", "192.0.2.1", pass, "ptr:ptr.example."),
        ("late.example", "192.0.2.1", pass, "ip4:192.0.2.1"),
        ("half.example", "192.0.2.1", pass, "ip4:192.0.2.1"),
        ("open.example", "192.0.2.2", Qualifier::Neutral, ""),
    ] {
        let wanted = Checked { verdict: Verdict::Matched(qualifier), by: by.to_owned() };
        assert_eq!(checked(domain, address), Ok(wanted), "{domain} {address}");
    }
}

#[test]
fn what_makes_receivers_give_up_is_told_by_its_term() {
    for (domain, address, said) in [
        ("void.example", "192.0.2.1", "`a:no3.example` is the 3rd look-up in vain"),
        ("two.example", "192.0.2.1", "more than one SPF record"),
        ("gone.example", "192.0.2.1", "`include:nothing.example` includes a domain without an SPF record"),
        ("loop.example", "192.0.2.1", "would be look-up 11"),
        ("ring1.example", "192.0.2.1", "would be look-up 11"),
        ("many.example", "192.0.2.1", "`a:m.example` would be look-up 11"),
        ("late.example", "192.0.2.2", "would be look-up 11"),
        ("broken.example", "192.0.2.1", "`ipv4:192.0.2.1` is no mechanism of SPF: an address is written ip4:"),
    ] {
        match checked(domain, address).unwrap().verdict {
            Verdict::PermError(fault) => assert!(fault.to_string().contains(said), "{domain}: {fault}"),
            other => panic!("{domain}: {other:?}"),
        }
    }
    assert_eq!(checked("nothing.example", "192.0.2.1").unwrap().verdict, Verdict::None);
    assert_eq!(
        checked("half.example", "192.0.2.2"),
        Err(Lack::Unknown("TXT silent.example: no answer within 5s".into()))
    );
}

#[test]
fn a_survey_counts_all_of_a_record() {
    let found = surveyed("example.org").unwrap();
    assert_eq!((found.lookups, found.lets_pass), (4, true));
    assert_eq!(found.parts, [("include:example.com".to_owned(), 3), ("include:example.net".to_owned(), 1)]);
    assert_eq!(found.costs(), "include:example.com 3, include:example.net 1");
    let late = surveyed("late.example").unwrap();
    assert_eq!((late.lookups, late.costs().as_str()), (11, "a:m.example 11"));
    assert_eq!(surveyed("la.example.org").unwrap().parts, [("redirect=example.org".to_owned(), 5)]);
    assert_eq!(
        surveyed("voids.example").unwrap().voids,
        ["a:no1.example of voids.example", "mx:no2.example of voids.example"]
    );
    assert_eq!(surveyed("ptr.example").unwrap().ptrs, ["ptr of ptr.example"]);
    assert_eq!(surveyed("nothing.example"), Ok(Survey::default()));
    assert!(surveyed("half.example").is_err());
}

#[test]
fn a_survey_ends_and_tells_what_is_broken_behind_the_first_match() {
    for (domain, whose, said) in [
        ("gone.example", "gone.example", "`include:nothing.example` includes a domain without an SPF record"),
        ("loop.example", "loop.example", "`include:loop.example` leads back to itself"),
        ("broken.example", "broken.example", "`ipv4:192.0.2.1` is no mechanism"),
    ] {
        let found = surveyed(domain).unwrap();
        let (at, fault) = &found.faults[0];
        assert!(at == whose && fault.to_string().contains(said), "{domain}: {found:?}");
    }
    let ring = surveyed("ring1.example").unwrap();
    assert!(ring.lookups > LOOKUPS_MAX, "{ring:?}");
}

#[test]
fn terms_are_read_as_rfc_7208_writes_them() {
    let record =
        Record::read("v=spf1 A:a.example/24//64 ?mx ~Include:%{d}.x.example  exp=e.example x-y=1 -ALL").unwrap();
    let signs: String = record.directives.iter().map(|directive| directive.qualifier.sign()).collect();
    assert_eq!((signs.as_str(), record.unknown.as_slice()), ("+?~-", ["x-y=1".to_owned()].as_slice()));
    assert!(record.all().is_some());
    for good in [
        "v=spf1",
        "V=SPF1 ",
        "v=spf1 a/24",
        "v=spf1 mx//64",
        "v=spf1 ip4:10.0.0.0/0 ip6:::1",
        "v=spf1 a:%{d1r/}.example/8",
    ] {
        assert!(Record::read(good).is_ok(), "{good}");
    }
    for (bad, term) in [
        ("v=spf10 -all", ""),
        ("v=spf1 all:x", "all:x"),
        ("v=spf1 include:", "include:"),
        ("v=spf1 include", "include"),
        ("v=spf1 include:localhost", "include:localhost"),
        ("v=spf1 ip4:192.0.2.1/33", "ip4:192.0.2.1/33"),
        ("v=spf1 ip4:192.0.2", "ip4:192.0.2"),
        ("v=spf1 ip4:2001:db8::1", "ip4:2001:db8::1"),
        ("v=spf1 ip6:192.0.2.1", "ip6:192.0.2.1"),
        ("v=spf1 ip4:mail.example.com", "ip4:mail.example.com"),
        ("v=spf1 a:/24", "a:/24"),
        ("v=spf1 a/024", "a/024"),
        ("v=spf1 ptr/24", "ptr/24"),
        ("v=spf1 redirect=a.example redirect=b.example", "redirect=b.example"),
        ("v=spf1 exists:%{q}.example", "exists:%{q}.example"),
        ("v=spf1 ~ all", "~"),
        ("v=spf1 include: a.example", "include:"),
        ("v=spf1 192.0.2.1", "192.0.2.1"),
        ("v=spf1 -all v=spf1 mx", ""),
        ("v=spf1 \u{2013}all", "\u{2013}all"),
    ] {
        match Record::read(bad) {
            Err(fault) => assert!(term.is_empty() || fault.term == term, "{bad}: {fault}"),
            // A second version is an unknown modifier, which is passed over.
            Ok(record) => assert_eq!(record.unknown, ["v=spf1"], "{bad}"),
        }
    }
}

#[test]
fn what_was_meant_to_be_a_record_is_told_from_other_texts() {
    for text in ["v=spf1", "v=spf1 -all", "V=SPF1 mx"] {
        assert!(is_record(text) && !reads_as_record(text), "{text}");
    }
    for text in
        ["\u{201c}v=spf1 -all\u{201d}", " v=spf1 -all", "v=spf1include:a.example", "v=spf2.0/pra -all", "v= spf1 a"]
    {
        assert!(!is_record(text) && reads_as_record(text), "{text}");
    }
    assert!(!reads_as_record("google-site-verification=x"));
}
