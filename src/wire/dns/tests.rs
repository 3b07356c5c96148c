//! Dialogues with a DNS server of our own on 127.0.0.1.

mod dnssec;
mod trouble;

use super::dns_server::{DnsServer, Manner, Zone};
use super::*;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::MX;
use hickory_resolver::proto::rr::{Name, RData};
use std::collections::HashSet;
use std::time::Duration;

/// A short timeout only where the server is silent: elsewhere it is never reached.
fn resolver_with(server: &DnsServer, timeout: Duration, seed: u64) -> Resolver {
    let config = ResolverConfig { servers: vec![server.address()], timeout, seed, ..ResolverConfig::default() };
    Resolver::new(&config).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn route(zone: Zone, domain: &str) -> Result<Route, RouteError> {
    let server = DnsServer::start(zone);
    run(resolver_with(&server, Duration::from_secs(20), 1).resolve_mx(domain))
}

fn hosts(route: &Route) -> Vec<&str> {
    route.exchangers.iter().map(|e| &*e.host).collect()
}

fn shown(error: &RouteError) -> String {
    format!("{} {}", if error.permanent { "never:" } else { "later:" }, error.reply)
}

#[test]
fn exchangers_come_in_order_of_preference_with_ipv4_first() {
    let zone = Zone::new()
        .mx("acme.example", &[(20, "b.mx.example"), (10, "a.mx.example"), (30, "C.MX.example")])
        .address("a.mx.example", "2001:db8::1")
        .address("a.mx.example", "192.0.2.1")
        .address("b.mx.example", "192.0.2.2")
        .ttl(60)
        .address("c.mx.example", "2001:db8::3");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["a.mx.example", "b.mx.example", "c.mx.example"]);
    let first: Vec<_> = route.exchangers[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(first, ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(&*route.site, "(a|b|c).mx.example");
    assert!(route.skipped.is_empty());
    assert!((VALID_MIN..=Duration::from_secs(60)).contains(&route.valid_for), "{:?}", route.valid_for);
}

#[test]
fn equal_preferences_are_shuffled_by_seed_and_domain_and_share_a_site() {
    let exchangers = [(10, "a.mx.example"), (10, "b.mx.example"), (10, "c.mx.example"), (5, "first.mx.example")];
    let mut zone = Zone::new();
    for (_, host) in exchangers {
        zone = zone.address(host, "192.0.2.1");
    }
    for n in 0..40 {
        zone = zone.mx(&format!("d{n}.example"), &exchangers);
    }
    let server = DnsServer::start(zone);
    let orders = |seed| -> Vec<Vec<String>> {
        run(async {
            let resolver = resolver_with(&server, Duration::from_secs(20), seed);
            let mut all = Vec::new();
            for n in 0..40 {
                let route = resolver.resolve_mx(&format!("d{n}.example")).await.unwrap();
                assert_eq!(&*route.site, "(a|b|c|first).mx.example");
                assert_eq!(hosts(&route)[0], "first.mx.example");
                all.push(hosts(&route).iter().map(|h| (*h).to_owned()).collect());
            }
            all
        })
    };
    let once = orders(1);
    assert_eq!(once, orders(1), "the same seed gives the same order");
    assert_eq!(once.iter().collect::<HashSet<_>>().len(), 6, "40 domains see all six orders");
}

#[test]
fn domains_with_the_same_exchangers_share_a_site_and_each_keeps_its_own_order() {
    let zone = Zone::new()
        .mx("ab.example", &[(10, "a.mx.example"), (20, "b.mx.example")])
        .mx("too.example", &[(1, "a.mx.example"), (7, "b.mx.example")])
        .mx("ba.example", &[(20, "a.mx.example"), (10, "b.mx.example")])
        .mx("even.example", &[(10, "a.mx.example"), (10, "b.mx.example")])
        .address("a.mx.example", "192.0.2.1")
        .address("b.mx.example", "192.0.2.2");
    let server = DnsServer::start(zone);
    let resolver = resolver_with(&server, Duration::from_secs(20), 1);
    let found = |domain| run(resolver.resolve_mx(domain)).unwrap();
    let [ab, too, ba, even] = ["ab.example", "too.example", "ba.example", "even.example"].map(found);
    assert_eq!((hosts(&ab)[0], hosts(&too)[0], hosts(&ba)[0]), ("a.mx.example", "a.mx.example", "b.mx.example"));
    assert!([&ab, &too, &ba, &even].iter().all(|route| &*route.site == "(a|b).mx.example"));
    assert_eq!(&*ab.ordered(), "(a|b).mx.example/0.1");
    assert_eq!(ab.ordered(), too.ordered());
    assert_eq!((&*ba.ordered(), &*even.ordered()), ("(a|b).mx.example/1.0", "(a|b).mx.example"));
}

#[test]
fn without_mx_the_domain_itself_takes_the_mail() {
    let zone = Zone::new().address("acme.example", "192.0.2.9");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["acme.example"]);
    assert_eq!(&*route.site, "acme.example");
}

#[test]
fn what_does_not_exist_is_permanent_and_says_which_domain() {
    let nothing = route(Zone::new(), "gone.example").unwrap_err();
    assert_eq!(shown(&nothing), "never: 550 5.1.2 the domain gone.example does not exist");
    let zone = Zone::new().cname("bare.example", "target.example").mx("target.example", &[]);
    assert!(route(zone, "bare.example").unwrap_err().permanent);
    let text_only =
        Zone::new().mx("acme.example", &[(10, "no-address.example")]).mx("no-address.example", &[(1, "x.example")]);
    let error = route(text_only, "acme.example").unwrap_err();
    assert_eq!(
        shown(&error),
        "never: 550 5.4.4 none of the exchangers of acme.example has an address: no-address.example has no address"
    );
}

#[test]
fn where_there_are_more_exchangers_than_are_asked_nobody_bounces_for_these() {
    let hosts: Vec<String> = (0..20).map(|n| format!("m{n}.acme.example")).collect();
    let records: Vec<(u16, &str)> = (10..).zip(&hosts).map(|(preference, host)| (preference, host.as_str())).collect();
    let error = route(Zone::new().mx("acme.example", &records), "acme.example").unwrap_err();
    assert!(!error.permanent && shown(&error).contains("the 16 preferred"), "{}", shown(&error));
    let error = route(Zone::new().mx("acme.example", &records[..16]), "acme.example").unwrap_err();
    assert!(error.permanent, "{}", shown(&error));
}

#[test]
fn a_null_mx_is_permanent_and_one_among_others_is_skipped() {
    let null = Zone::new().mx("acme.example", &[(0, ".")]).address("acme.example", "192.0.2.1");
    let error = route(null, "acme.example").unwrap_err();
    assert_eq!(shown(&error), "never: 556 5.1.10 the domain acme.example accepts no mail (null MX)");
    let mixed =
        Zone::new().mx("acme.example", &[(0, "."), (5, "mx.acme.example")]).address("mx.acme.example", "192.0.2.1");
    let route = route(mixed, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["mx.acme.example"]);
    assert_eq!(&*route.skipped[0].reason, "is no host name");
}

#[test]
fn a_server_that_fails_or_refuses_is_temporary() {
    for (code, word) in [(ResponseCode::ServFail, "Server Failure"), (ResponseCode::Refused, "Refused")] {
        let zone = Zone::new().code("acme.example", None, code);
        let error = route(zone, "acme.example").unwrap_err();
        let text = shown(&error);
        assert!(text.starts_with("later: 451 4.4.3 the MX look-up of acme.example failed: the server said"), "{text}");
        assert!(text.contains(word), "{text}");
    }
    let zone = Zone::new().mx("acme.example", &[(10, "mx.example")]).code("mx.example", None, ResponseCode::ServFail);
    let text = shown(&route(zone, "acme.example").unwrap_err());
    assert!(
        text.starts_with("later: 451 4.4.3 none of the exchangers of acme.example has an address: mx.example "),
        "{text}"
    );
}

#[test]
fn one_failing_look_up_costs_its_exchanger_only_and_shortens_the_route() {
    let zone = Zone::new()
        .mx("acme.example", &[(10, "sick.example"), (20, "well.example")])
        .code("sick.example", None, ResponseCode::ServFail)
        .address("well.example", "192.0.2.1");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["well.example"]);
    assert_eq!(&*route.site, "sick.example|well.example", "the site's name does not depend on who is well");
    assert!(route.skipped[0].reason.starts_with("the server said"), "{:?}", route.skipped);
    assert!(route.valid_for <= Duration::from_secs(300));
}

#[test]
fn silence_is_temporary_and_bounded() {
    let zone = Zone::new().manner("acme.example", Manner::Silent).mx("acme.example", &[(10, "mx.example")]);
    let server = DnsServer::start(zone);
    let error = run(resolver_with(&server, Duration::from_millis(100), 1).resolve_mx("acme.example")).unwrap_err();
    let text = shown(&error);
    assert!(
        text.starts_with("later: 451 4.4.3 the MX look-up of acme.example failed: no answer within 100ms"),
        "{text}"
    );
}

#[test]
fn garbage_is_temporary() {
    let zone = Zone::new().manner("acme.example", Manner::Garbage);
    let server = DnsServer::start(zone);
    let error = run(resolver_with(&server, Duration::from_millis(100), 1).resolve_mx("acme.example")).unwrap_err();
    assert!(!error.permanent, "{}", shown(&error));
}

#[test]
fn no_server_at_all_is_temporary() {
    let gone = DnsServer::start(Zone::new()).address();
    let config =
        ResolverConfig { servers: vec![gone], timeout: Duration::from_millis(100), ..ResolverConfig::default() };
    let error = run(Resolver::new(&config).unwrap().resolve_mx("acme.example")).unwrap_err();
    assert!(!error.permanent, "{}", shown(&error));
}

#[test]
fn an_exchanger_that_is_an_alias_is_tolerated() {
    let zone = Zone::new()
        .mx("acme.example", &[(10, "alias.example")])
        .cname("alias.example", "real.example")
        .address("real.example", "192.0.2.5");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["alias.example"], "the host keeps the name that the MX record gave it");
    assert_eq!(route.exchangers[0].addresses[0].to_string(), "192.0.2.5");
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    let exchangers: Vec<(u16, String)> = (0..100).map(|n| (n, format!("mx{n:03}.acme.example"))).collect();
    let exchangers: Vec<(u16, &str)> = exchangers.iter().map(|(p, h)| (*p, &**h)).collect();
    let mut zone = Zone::new().manner("acme.example", Manner::Truncated).mx("acme.example", &exchangers);
    for (_, host) in &exchangers {
        for n in 0..10 {
            zone = zone.address(host, &format!("192.0.2.{n}"));
        }
    }
    let route = route(zone, "acme.example").unwrap();
    assert!(route.exchangers.len() <= EXCHANGERS_MAX);
    assert_eq!(route.exchangers[0].host, "mx000.acme.example".into());
    assert_eq!(route.exchangers.iter().map(|e| e.addresses.len()).sum::<usize>(), ADDRESSES_MAX);
    assert!(route.exchangers.iter().all(|e| e.addresses.len() == ADDRESSES_MAX / EXCHANGERS_MAX));
}

#[test]
fn an_answer_with_a_forged_id_is_ignored() {
    let zone = Zone::new().manner("acme.example", Manner::ForgedFirst).address("acme.example", "192.0.2.1");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(route.exchangers[0].addresses[0].to_string(), "192.0.2.1");
}

#[test]
fn exchangers_with_strange_names_are_skipped_with_a_reason() {
    let strange = Name::from_labels([&b"sp ace\r\n\xff"[..], b"example"]).unwrap();
    let zone = Zone::new()
        .mx("acme.example", &[(1, "192.0.2.77"), (3, "mx.example")])
        .record("acme.example", RData::MX(MX::new(2, strange)))
        .address("192.0.2.77", "192.0.2.77")
        .address("mx.example", "192.0.2.1");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["mx.example"]);
    assert_eq!(route.skipped.len(), 2);
    assert!(route.skipped.iter().all(|s| s.host.bytes().all(|b| b.is_ascii_graphic())), "{:?}", route.skipped);
}

#[test]
fn domains_that_are_no_names_ask_nobody() {
    let server = DnsServer::start(Zone::new());
    let resolver = resolver_with(&server, Duration::from_secs(20), 1);
    let long = "a".repeat(64) + ".example";
    for bad in ["", ".", "a..example", "192.0.2.1", "a b.example", "a\r\nb.example", &long] {
        let error = run(resolver.resolve_mx(bad)).unwrap_err();
        assert!(error.permanent && !error.reply.to_string().contains(['\r', '\n']), "{bad:?}");
    }
    let route = run(resolver.resolve_mx("[192.0.2.7]")).unwrap();
    assert_eq!(route.exchangers[0].addresses[0].to_string(), "192.0.2.7");
    let route = run(resolver.resolve_mx("[IPv6:2001:db8::7]")).unwrap();
    assert_eq!(route.exchangers[0].addresses[0].to_string(), "2001:db8::7");
    assert_eq!(server.questions(), 0);
}

#[test]
fn answers_are_cached_the_negative_ones_too() {
    let zone = Zone::new().mx("acme.example", &[(10, "mx.example")]).address("mx.example", "192.0.2.1");
    let server = DnsServer::start(zone);
    run(async {
        let resolver = resolver_with(&server, Duration::from_secs(20), 1);
        for domain in ["acme.example", "gone.example"] {
            let first = resolver.resolve_mx(domain).await;
            let asked = server.questions();
            let second = resolver.resolve_mx(domain).await;
            assert_eq!(first.map(|r| r.exchangers), second.map(|r| r.exchangers));
            assert_eq!(server.questions(), asked, "{domain} was asked for again");
        }
    });
}

#[test]
fn five_hundred_domains_on_three_exchangers_are_three_sites() {
    let mut zone = Zone::new();
    for n in 0..3 {
        zone = zone.address(&format!("mx{n}.host{n}.example"), &format!("192.0.2.{n}"));
    }
    for n in 0..500 {
        zone = zone.mx(&format!("d{n}.example"), &[(10, &format!("mx{0}.host{0}.example", n % 3))]);
    }
    let server = DnsServer::start(zone);
    let sites: HashSet<String> = run(async {
        let resolver = resolver_with(&server, Duration::from_secs(20), 1);
        let mut sites = HashSet::new();
        for n in 0..500 {
            sites.insert(resolver.resolve_mx(&format!("d{n}.example")).await.unwrap().site.to_string());
        }
        sites
    });
    assert_eq!(sites.len(), 3, "{sites:?}");
    assert_eq!(server.questions(), 500 + 3 * 2);
}

#[test]
fn a_host_is_resolved_without_its_mx() {
    let zone = Zone::new().mx("relay.example", &[(10, "mx.example")]).address("relay.example", "192.0.2.1");
    let server = DnsServer::start(zone);
    let resolver = resolver_with(&server, Duration::from_secs(20), 1);
    assert_eq!(hosts(&run(resolver.resolve_host("relay.example")).unwrap()), ["relay.example"]);
    assert!(run(resolver.resolve_host("gone.example")).unwrap_err().permanent);
}

#[test]
fn servers_are_addresses_with_or_without_a_port() {
    let make =
        |server: &str| Resolver::new(&ResolverConfig { servers: vec![server.to_owned()], ..ResolverConfig::default() });
    for good in ["192.0.2.53", "192.0.2.53:5300", "[2001:db8::53]:53", "2001:db8::53"] {
        assert!(make(good).is_ok(), "{good}");
    }
    for bad in ["", "dns.example", "dns.example:53", "192.0.2.53:", "192.0.2.53:99999"] {
        let error = make(bad).unwrap_err().to_string();
        assert!(error.contains(&format!("{bad:?}")) && error.contains("hint: "), "{error}");
    }
}
