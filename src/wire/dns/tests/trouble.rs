//! Servers that fail, forge, lose and flap; domains that lead back here or nowhere.

use super::super::config::system_servers;
use super::*;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS};
use std::time::Instant;

const PATIENCE: Duration = Duration::from_secs(20);

fn acme() -> Zone {
    Zone::new().mx("acme.example", &[(10, "mx.example")]).address("mx.example", "192.0.2.1")
}

fn asking(servers: &[&DnsServer], config: ResolverConfig) -> Resolver {
    let servers = servers.iter().map(|server| server.address()).collect();
    Resolver::new(&ResolverConfig { servers, ..config }).unwrap()
}

fn with_ourselves(zone: Zone, ourselves: &[Ourself], domain: &str) -> Result<Route, RouteError> {
    let server = DnsServer::start(zone);
    let config = ResolverConfig { ourselves: ourselves.to_vec(), timeout: PATIENCE, ..ResolverConfig::default() };
    run(asking(&[&server], config).resolve_mx(domain))
}

#[test]
fn a_server_that_works_every_other_time_is_good_enough() {
    let zone = acme().manner("acme.example", Manner::Flapping).manner("mx.example", Manner::Flapping);
    assert_eq!(hosts(&route(zone, "acme.example").unwrap()), ["mx.example"]);
}

#[test]
fn what_one_server_cannot_say_the_next_one_is_asked() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let (sick, well) = (DnsServer::answering(move |_, _| refusal(code)), DnsServer::start(acme()));
        let resolver = asking(&[&sick, &well], ResolverConfig { timeout: PATIENCE, ..ResolverConfig::default() });
        assert_eq!(hosts(&run(resolver.resolve_mx("acme.example")).unwrap()), ["mx.example"], "{code}");
    }
}

fn refusal(code: ResponseCode) -> dns_server::Answer {
    dns_server::Answer::new(code, Vec::new())
}

#[test]
fn a_silent_server_costs_its_share_of_three_questions_and_is_asked_last_from_then_on() {
    let silent =
        DnsServer::answering(|_, _| dns_server::Answer { manner: Manner::Silent, ..refusal(ResponseCode::NoError) });
    let well =
        DnsServer::start((0..6).fold(Zone::new(), |zone, n| zone.address(&format!("d{n}.example"), "192.0.2.1")));
    let config = ResolverConfig { timeout: Duration::from_millis(400), ..ResolverConfig::default() };
    let resolver = asking(&[&silent, &well], config);
    run(async {
        for n in 0..3 {
            resolver.resolve_host(&format!("d{n}.example")).await.unwrap();
        }
        let asked = silent.questions();
        for n in 3..6 {
            resolver.resolve_host(&format!("d{n}.example")).await.unwrap();
        }
        assert!(asked >= 3);
        assert_eq!(silent.questions(), asked);
    });
}

#[test]
fn a_question_or_an_answer_that_got_lost_is_sent_again() {
    let zone = acme().manner("acme.example", Manner::LostFirst);
    assert_eq!(hosts(&route(zone, "acme.example").unwrap()), ["mx.example"]);
}

#[test]
fn an_answer_may_take_its_time() {
    let zone = acme().manner("acme.example", Manner::Slow(300));
    let began = Instant::now();
    assert_eq!(hosts(&route(zone, "acme.example").unwrap()), ["mx.example"]);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn an_answer_to_another_question_is_ignored_though_its_id_is_right() {
    let zone = Zone::new().manner("acme.example", Manner::OtherQuestionFirst).address("acme.example", "192.0.2.1");
    let route = route(zone, "acme.example").unwrap();
    assert_eq!(route.exchangers[0].addresses[0].to_string(), "192.0.2.1");
}

#[test]
fn a_server_without_edns_is_asked_without() {
    let zone = acme().manner("acme.example", Manner::WithoutEdns);
    assert_eq!(hosts(&route(zone, "acme.example").unwrap()), ["mx.example"]);
}

#[test]
fn records_of_another_owner_are_no_answer() {
    let server = DnsServer::answering(|_, kind| {
        let stranger = |data| Record::from_rdata(dns_server::name("stranger.example"), 60, data);
        let data = match kind {
            RecordType::MX => RData::MX(MX::new(10, dns_server::name("evil.example"))),
            _ => RData::A(A::new(203, 0, 113, 66)),
        };
        dns_server::Answer::new(ResponseCode::NoError, vec![stranger(data)])
    });
    let resolver = resolver_with(&server, PATIENCE, 1);
    let error = run(resolver.resolve_mx("acme.example")).unwrap_err();
    assert!(!error.permanent, "{}", shown(&error));
}

/// What each kind of answer that is none is made of: its code, AA, RA, and what stands where a denial has its SOA record.
fn no_answers() -> Vec<(&'static str, dns_server::Answer)> {
    let ns = |zone: &str| Record::from_rdata(dns_server::name(zone), 60, RData::NS(NS(dns_server::name("ns.example"))));
    let made = |code, authoritative, recursion, authorities: &[Record]| dns_server::Answer {
        authoritative,
        recursion,
        authorities: authorities.to_vec(),
        ..refusal(code)
    };
    let (ok, no_name) = (ResponseCode::NoError, ResponseCode::NXDomain);
    let (ours, theirs) = (dns_server::soa("example", 60), dns_server::soa("stranger.test", 60));
    vec![
        ("a referral by a server that does not recurse", made(ok, false, false, &[ns("example")])),
        ("an upward referral", made(ok, false, false, &[ns(".")])),
        ("a referral by one that says it does", made(ok, false, true, &[ns("example")])),
        ("nothing at all, without recursion", made(ok, false, false, &[])),
        ("nothing at all, and AA", made(ok, true, false, &[])),
        ("nothing at all, and RA", made(ok, false, true, &[])),
        ("nothing at all, AA and RA", made(ok, true, true, &[])),
        ("no such name, without recursion", made(no_name, false, false, std::slice::from_ref(&ours))),
        ("no such name, AA without a zone", made(no_name, true, false, &[])),
        ("no such name in another zone", made(no_name, false, true, std::slice::from_ref(&theirs))),
        ("no such record in another zone", made(ok, true, true, &[theirs])),
        ("BADVERS", made(ResponseCode::BADVERS, true, true, std::slice::from_ref(&ours))),
        ("BADMODE, whose low bits are those of NXDOMAIN", made(ResponseCode::BADMODE, true, true, &[ours])),
        ("REFUSED", made(ResponseCode::Refused, false, false, &[])),
        ("SERVFAIL", made(ResponseCode::ServFail, false, true, &[])),
        ("NOTIMP", made(ResponseCode::NotImp, false, true, &[])),
        ("FORMERR", made(ResponseCode::FormErr, false, true, &[])),
        ("NOTAUTH", made(ResponseCode::NotAuth, false, true, &[])),
    ]
}

#[test]
fn what_is_no_answer_bounces_nobody_and_the_next_server_is_asked() {
    for (what, answer) in no_answers() {
        let lame = DnsServer::answering(move |_, _| answer.clone());
        let config = ResolverConfig { timeout: PATIENCE, attempts: 1, ..ResolverConfig::default() };
        let error = run(asking(&[&lame], config.clone()).resolve_mx("acme.example")).unwrap_err();
        assert!(!error.permanent && shown(&error).starts_with("later: 451 4.4.3 "), "{what}: {}", shown(&error));
        let error = run(asking(&[&lame], config.clone()).resolve_host("acme.example")).unwrap_err();
        assert!(!error.permanent, "{what}: {}", shown(&error));
        if what.starts_with("nothing at all") && what.contains("RA") {
            // Of a server that looks up for others this is an answer, only no proof.
            continue;
        }
        let well = DnsServer::start(acme());
        let route = run(asking(&[&lame, &well], config.clone()).resolve_mx("acme.example"));
        assert_eq!(hosts(&route.unwrap()), ["mx.example"], "{what}");
        let gone = run(asking(&[&lame, &well], config).resolve_mx("gone.example")).unwrap_err();
        assert!(gone.permanent, "{what}: {}", shown(&gone));
    }
}

#[test]
fn an_address_that_is_no_answer_makes_its_exchanger_one_that_may_come_back() {
    for (what, answer) in no_answers() {
        let zone = Zone::new().mx("acme.example", &[(10, "mx.example")]);
        let server = DnsServer::answering(move |owner, kind| match kind {
            RecordType::MX => zone.answer(owner, kind),
            _ => answer.clone(),
        });
        let config = ResolverConfig { timeout: PATIENCE, attempts: 1, ..ResolverConfig::default() };
        let error = run(asking(&[&server], config).resolve_mx("acme.example")).unwrap_err();
        assert!(!error.permanent, "{what}: {}", shown(&error));
    }
}

#[test]
fn a_denial_is_believed_of_who_speaks_for_the_zone_or_asks_for_others() {
    for (code, authoritative, recursion) in
        [ResponseCode::NoError, ResponseCode::NXDomain].into_iter().flat_map(|c| [(c, true, false), (c, false, true)])
    {
        let server = DnsServer::answering(move |_, _| dns_server::Answer {
            authoritative,
            recursion,
            authorities: vec![dns_server::soa("example", 60)],
            ..refusal(code)
        });
        let error = run(resolver_with(&server, PATIENCE, 1).resolve_mx("acme.example")).unwrap_err();
        assert!(error.permanent, "{code} AA {authoritative} RA {recursion}: {}", shown(&error));
    }
    // Stub resolvers (systemd-resolved) leave the SOA record out: the domain's own address still takes its mail.
    let zone = Zone::new().without_soa().address("acme.example", "192.0.2.1");
    assert_eq!(hosts(&route(zone.clone(), "acme.example").unwrap()), ["acme.example"]);
    assert!(route(zone, "gone.example").unwrap_err().permanent, "NXDOMAIN is said in so many words");
}

#[test]
fn an_answer_that_is_cut_and_cannot_be_had_whole_or_is_to_another_question_is_none() {
    for manner in [Manner::TruncatedForEver, Manner::OtherQuestion] {
        let zone = Zone::new().manner("acme.example", manner);
        let server = DnsServer::start(zone);
        let error = run(resolver_with(&server, Duration::from_millis(200), 1).resolve_mx("acme.example")).unwrap_err();
        assert!(!error.permanent, "{manner:?}: {}", shown(&error));
    }
}

#[test]
fn an_alias_that_leads_nowhere_denies_only_what_its_target_s_zone_denies() {
    let alias = |target: &str, owner: &str| {
        vec![Record::from_rdata(dns_server::name(owner), 60, RData::CNAME(CNAME(dns_server::name(target))))]
    };
    let answered = move |code, zone: &'static str| {
        DnsServer::answering(move |owner, _| dns_server::Answer {
            records: if owner == "acme.example" { alias("gone.other", owner) } else { Vec::new() },
            authorities: vec![dns_server::soa(zone, 60)],
            ..refusal(code)
        })
    };
    let asked = |server: DnsServer| run(resolver_with(&server, PATIENCE, 1).resolve_mx("acme.example")).unwrap_err();
    assert!(asked(answered(ResponseCode::NXDomain, "other")).permanent);
    let error = asked(answered(ResponseCode::NXDomain, "example"));
    assert!(!error.permanent, "{}", shown(&error));
}

#[test]
fn a_domain_that_is_an_alias_has_the_exchangers_of_its_target() {
    let zone = acme().cname("alias.example", "other.example").cname("other.example", "acme.example");
    let aliased = route(zone, "alias.example").unwrap();
    assert_eq!((hosts(&aliased), &*aliased.site), (vec!["mx.example"], "mx.example"));
    let bare = Zone::new().cname("alias.example", "web.example").address("web.example", "192.0.2.8");
    let bare = route(bare, "alias.example").unwrap();
    assert_eq!(hosts(&bare), ["alias.example"]);
    assert_eq!(bare.exchangers[0].addresses[0].to_string(), "192.0.2.8");
}

#[test]
fn aliases_in_a_circle_come_to_an_end() {
    let server = DnsServer::start(Zone::new().cname("a.example", "b.example").cname("b.example", "a.example"));
    let error = run(resolver_with(&server, PATIENCE, 1).resolve_mx("a.example")).unwrap_err();
    assert!(!error.permanent, "{}", shown(&error));
    assert!(server.questions() < 50, "{} questions", server.questions());
    let endless = DnsServer::answering(|owner, _| {
        let target = dns_server::name(&format!("x.{}", &owner[..owner.len().min(60)]));
        let alias = Record::from_rdata(dns_server::name(owner), 60, RData::CNAME(CNAME(target)));
        dns_server::Answer::new(ResponseCode::NoError, vec![alias])
    });
    let error = run(resolver_with(&endless, PATIENCE, 1).resolve_mx("a.example")).unwrap_err();
    assert!(!error.permanent, "{}", shown(&error));
    assert!(endless.questions() < 50, "{} questions", endless.questions());
}

#[test]
fn our_own_name_ends_the_list_of_exchangers() {
    let zone = || {
        let list = [(10, "first.example"), (20, "us.example"), (20, "peer.example"), (30, "last.example")];
        list.iter().fold(Zone::new().mx("acme.example", &list), |zone, (_, host)| zone.address(host, "192.0.2.1"))
    };
    let us = [Ourself::Name("us.example".into())];
    let cut = with_ourselves(zone(), &us, "acme.example").unwrap();
    assert_eq!(hosts(&cut), ["first.example"]);
    assert_eq!(&*cut.skipped[0].reason, "is this system");
    let first = [Ourself::Name("first.example".into())];
    let error = with_ourselves(zone(), &first, "acme.example").unwrap_err();
    let text =
        "never: 554 5.4.6 mail for acme.example would come back here: its exchanger first.example is this system";
    assert_eq!(shown(&error), text);
}

#[test]
fn our_own_address_ends_it_too_and_a_domain_may_be_ourselves_without_mx() {
    let zone = Zone::new()
        .mx("acme.example", &[(10, "first.example"), (20, "us.example")])
        .address("first.example", "192.0.2.1")
        .address("us.example", "2001:db8::7")
        .address("us.example", "192.0.2.7");
    let us = [Ourself::Address("2001:db8::7".parse().unwrap())];
    assert_eq!(hosts(&with_ourselves(zone.clone(), &us, "acme.example").unwrap()), ["first.example"]);
    for us in [us[0].clone(), Ourself::Name("us.example".into())] {
        let error = with_ourselves(zone.clone(), &[us], "us.example").unwrap_err();
        assert!(shown(&error).starts_with("never: 554 5.4.6 mail for us.example would come back"), "{}", shown(&error));
    }
}

fn permitting(zone: Zone, allow_loopback: bool, domain: &str) -> Result<Route, RouteError> {
    let server = DnsServer::start(zone);
    let config = ResolverConfig { interfaces: true, allow_loopback, timeout: PATIENCE, ..ResolverConfig::default() };
    run(asking(&[&server], config).resolve_mx(domain))
}

/// acme.example with three exchangers, the second of which has this address.
fn second_at(address: &str) -> Zone {
    Zone::new()
        .mx("acme.example", &[(10, "first.example"), (20, "odd.example"), (30, "last.example")])
        .address("first.example", "198.51.100.1")
        .address("odd.example", address)
        .address("last.example", "198.51.100.3")
}

#[test]
fn an_exchanger_on_this_machine_ends_the_list_unless_that_is_allowed() {
    let own = crate::wire::interfaces::addresses().unwrap();
    let others = |ip: &&std::net::IpAddr| !ip.is_loopback() && !ip.to_string().starts_with("fe80");
    let mut here: Vec<String> = own.iter().filter(others).map(ToString::to_string).collect();
    here.extend(
        ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1", "::ffff:127.1.2.3", "0.0.0.0", "::"].map(str::to_owned),
    );
    for address in here {
        let cut = permitting(second_at(&address), false, "acme.example").unwrap();
        assert_eq!(hosts(&cut), ["first.example"], "{address}");
        assert!(cut.skipped[0].reason.starts_with("is this system ("), "{:?}", cut.skipped);
        for zone in [
            Zone::new()
                .mx("acme.example", &[(10, "odd.example"), (20, "last.example")])
                .address("odd.example", &address),
            Zone::new().address("acme.example", &address),
        ] {
            let error = permitting(zone.address("last.example", "198.51.100.3"), false, "acme.example").unwrap_err();
            let text = shown(&error);
            assert!(text.starts_with("never: 554 5.4.6 mail for acme.example would come back here"), "{text}");
            assert!(text.contains("dns.allow_loopback"), "{text}");
        }
        let allowed = permitting(second_at(&address), true, "acme.example").unwrap();
        let usable = !["0.0.0.0", "::"].contains(&&*address);
        assert_eq!(hosts(&allowed).contains(&"odd.example"), usable, "{address}");
        assert!(hosts(&allowed).contains(&"last.example"), "{address}");
    }
    for address in ["[127.0.0.1]", "[IPv6:::1]", "[IPv6:::ffff:127.0.0.1]", "[0.0.0.0]"] {
        let error = permitting(Zone::new(), false, address).unwrap_err();
        assert!(shown(&error).starts_with("never: 554 5.4.6 "), "{}", shown(&error));
    }
    assert!(permitting(Zone::new(), true, "[127.0.0.1]").is_ok());
    assert!(permitting(Zone::new(), false, "[224.0.0.1]").unwrap_err().permanent);
}

#[test]
fn a_stray_loopback_address_beside_a_true_one_costs_itself_only() {
    let zone = second_at("127.0.0.1").address("odd.example", "198.51.100.2");
    let route = permitting(zone, false, "acme.example").unwrap();
    assert_eq!(hosts(&route), ["first.example", "odd.example", "last.example"]);
    assert_eq!(route.exchangers[1].addresses, ["198.51.100.2".parse::<std::net::IpAddr>().unwrap()]);
    for private in ["10.250.251.252", "172.31.255.7", "192.168.77.7", "fd00::77"] {
        let route = permitting(second_at(private), false, "acme.example").unwrap();
        assert_eq!(hosts(&route), ["first.example", "odd.example", "last.example"], "{private}");
    }
}

#[test]
fn localhost_is_this_machine_and_a_name_without_a_dot_is_no_machine() {
    for name in ["localhost", "mx.localhost"] {
        let zone = Zone::new()
            .mx("acme.example", &[(10, "first.example"), (20, name), (30, "last.example")])
            .mx("own.example", &[(5, name)])
            .address("first.example", "198.51.100.1")
            .address("last.example", "198.51.100.3");
        assert_eq!(hosts(&permitting(zone.clone(), false, "acme.example").unwrap()), ["first.example"]);
        for domain in ["own.example", name] {
            let error = permitting(zone.clone(), false, domain).unwrap_err();
            assert!(shown(&error).starts_with("never: 554 5.4.6 "), "{}", shown(&error));
        }
        assert_eq!(hosts(&permitting(zone, true, "own.example").unwrap()), [name]);
    }
    let zone = Zone::new()
        .mx("acme.example", &[(10, "mail"), (20, "mx.example")])
        .mx("bare.example", &[(10, "mail")])
        .address("mail", "198.51.100.1")
        .address("mx.example", "198.51.100.2");
    let route = permitting(zone.clone(), false, "acme.example").unwrap();
    assert_eq!(
        (hosts(&route), &*route.skipped[0].host),
        (vec!["mx.example"], "mail"),
        "a mistyped name hides no other"
    );
    let error = permitting(zone.clone(), false, "bare.example").unwrap_err();
    assert!(
        shown(&error).starts_with("never: 550 5.4.4 ") && shown(&error).contains("without a dot"),
        "{}",
        shown(&error)
    );
    let error = permitting(zone.clone(), false, "mail").unwrap_err();
    assert!(shown(&error).starts_with("never: 550 5.1.2 mail has no MX record and is a name"), "{}", shown(&error));
    assert_eq!(hosts(&permitting(zone, true, "acme.example").unwrap()), ["mail", "mx.example"]);
}

#[test]
fn who_is_preferred_to_ourselves_and_cannot_be_looked_up_now_may_come_back() {
    let zone = Zone::new()
        .mx("acme.example", &[(10, "sick.example"), (20, "us.example")])
        .code("sick.example", None, ResponseCode::ServFail)
        .address("us.example", "127.0.0.1");
    let error = permitting(zone, false, "acme.example").unwrap_err();
    assert!(!error.permanent && shown(&error).contains("sick.example"), "{}", shown(&error));
    let behind = Zone::new()
        .mx("acme.example", &[(10, "us.example"), (20, "sick.example")])
        .code("sick.example", None, ResponseCode::ServFail)
        .address("us.example", "127.0.0.1");
    assert!(permitting(behind, false, "acme.example").unwrap_err().permanent, "who is behind ourselves is not asked");
}

#[test]
fn addresses_that_nobody_has_are_left_out() {
    let zone = Zone::new().mx("acme.example", &[(10, "mx.example")]);
    let zone = ["224.0.0.1", "ff02::1", "255.255.255.255", "169.254.1.1", "fe80::1"]
        .iter()
        .fold(zone, |zone, address| zone.address("mx.example", address));
    let error = route(zone, "acme.example").unwrap_err();
    let text = "never: 550 5.4.4 none of the exchangers of acme.example has an address: mx.example has no address that \
                mail can go to (224.0.0.1)";
    assert_eq!(shown(&error), text);
}

#[test]
fn both_families_are_kept_however_many_addresses_there_are() {
    let mut zone = Zone::new().mx("acme.example", &[(10, "mx.example")]);
    for n in 1..30 {
        zone = zone.address("mx.example", &format!("192.0.2.{n}"));
    }
    zone = zone.address("mx.example", "2001:db8::1").address("mx.example", "2001:db8::2");
    let route = route(zone, "acme.example").unwrap();
    let v4 = route.exchangers[0].addresses.iter().filter(|ip| ip.is_ipv4()).count();
    assert_eq!((v4, route.exchangers[0].addresses.len()), (6, 8));
    assert!(route.exchangers[0].addresses[0].is_ipv4());
}

#[test]
fn a_ttl_of_nothing_is_asked_for_again_and_the_denial_of_an_mx_bounds_the_route() {
    let server = DnsServer::start(Zone::new().ttl(0).address("acme.example", "192.0.2.1").negative_ttl(60));
    run(async {
        let resolver = resolver_with(&server, PATIENCE, 1);
        let route = resolver.resolve_mx("acme.example").await.unwrap();
        assert_eq!(route.valid_for, VALID_MIN);
        assert_eq!(server.questions(), 3);
        resolver.resolve_mx("acme.example").await.unwrap();
        assert_eq!(server.questions(), 4, "only the address expired");
    });
    let denied = Zone::new().address("acme.example", "192.0.2.1").negative_ttl(60);
    let route = route(denied, "acme.example").unwrap();
    assert!((VALID_MIN..=Duration::from_secs(60)).contains(&route.valid_for), "{:?}", route.valid_for);
}

#[test]
fn an_answer_as_long_as_can_be_is_cut_to_what_is_of_use() {
    let list: Vec<_> = (0..1_000).map(|n| (n, format!("mx{n}.acme.example"))).collect();
    let mut zone = Zone::new().manner("acme.example", Manner::Truncated);
    for (preference, host) in &list {
        zone = zone.mx("acme.example", &[(*preference, host)]).address(host, "192.0.2.1");
    }
    let route = route(zone, "acme.example").unwrap();
    assert_eq!((route.exchangers.len(), &*route.exchangers[0].host), (EXCHANGERS_MAX, "mx0.acme.example"));
    let endless = Zone::new().manner("acme.example", Manner::Truncated).txt("acme.example", &["x"; 40_000]);
    let server = DnsServer::start(endless);
    let config = ResolverConfig { timeout: Duration::from_millis(200), ..ResolverConfig::default() };
    let answer = run(asking(&[&server], config).txt("acme.example"));
    assert!(matches!(answer, Err(TxtMissing::Unknown(_))), "no message is so long: {answer:?}");
}

#[test]
fn our_own_names_ask_nobody() {
    let server = DnsServer::start(Zone::new());
    let resolver = resolver_with(&server, PATIENCE, 1);
    let addresses = run(resolver.resolve_host("localhost")).unwrap().exchangers[0].addresses.clone();
    assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1", "::1"]);
    assert_eq!(server.questions(), 0);
}

#[test]
fn many_look_ups_at_once_all_get_their_answers() {
    const DOMAINS: usize = 2_000;
    let server = DnsServer::answering(|owner, kind| {
        let record = |data| vec![Record::from_rdata(dns_server::name(owner), 60, data)];
        let records = match kind {
            RecordType::MX => record(RData::MX(MX::new(10, dns_server::name(&format!("mx.{owner}"))))),
            RecordType::A => record(RData::A(A::new(192, 0, 2, 1))),
            _ => Vec::new(),
        };
        dns_server::Answer::new(ResponseCode::NoError, records)
    });
    run(async {
        let resolver = resolver_with(&server, PATIENCE, 1);
        let mut asked = tokio::task::JoinSet::new();
        for n in 0..DOMAINS {
            let resolver = resolver.clone();
            asked.spawn(async move { resolver.resolve_mx(&format!("d{n}.example")).await.unwrap() });
        }
        while let Some(route) = asked.join_next().await {
            assert_eq!(route.unwrap().exchangers.len(), 1);
        }
    });
    assert!(server.questions() >= 3 * DOMAINS);
}

#[test]
fn texts_are_joined_and_what_is_no_text_is_left_out() {
    let long = "x".repeat(255);
    let zone = Zone::new()
        .txt("_mta-sts.acme.example", &["v=STSv1; ", "id=1;"])
        .txt("_mta-sts.acme.example", &["caf\u{e9}"])
        .txt("_mta-sts.acme.example", &[&*long; 17])
        .manner("_mta-sts.acme.example", Manner::Truncated)
        .address("bare.example", "192.0.2.1")
        .code("sick.example", None, ResponseCode::ServFail);
    let server = DnsServer::start(zone);
    run(async {
        let resolver = resolver_with(&server, PATIENCE, 1);
        let txt = resolver.txt("_mta-sts.acme.example").await.unwrap();
        assert_eq!(txt.strings, ["v=STSv1; id=1;".into()]);
        assert!(txt.valid_for <= Duration::from_secs(3600));
        for absent in ["bare.example", "gone.example", "no name"] {
            assert_eq!(resolver.txt(absent).await, Err(TxtMissing::Absent), "{absent}");
        }
        let sick = resolver.txt("sick.example").await;
        assert!(matches!(sick, Err(TxtMissing::Unknown(_))), "{sick:?}");
    });
}

#[test]
fn the_systems_servers_are_read_as_the_c_library_does() {
    let text = "# nameserver 192.0.2.1\nsearch --\nnameserver 192.0.2.53\n nameserver 192.0.2.2\n\
                nameserver\t2001:db8::53 trailing\nnameserverx 1.1.1.1\nnameserver nonsense\noptions edns0\n\
                nameserver 192.0.2.54\nnameserver 192.0.2.55\n";
    let servers: Vec<_> = system_servers(text).iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:53", "192.0.2.54:53"]);
}
