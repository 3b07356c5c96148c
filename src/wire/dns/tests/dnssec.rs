//! Signed zones, whole and broken: what is proven, what needs no proof, and what must not be believed.

use super::super::dns_server::{Answer, name};
use super::super::signed_zones::{Signing, World};
use super::*;
use crate::tls::dane::Tlsa;
use hickory_resolver::proto::rr::rdata::{A, SOA};
use hickory_resolver::proto::rr::{Record, RecordType};
use std::io::Write as _;
use std::sync::Arc;

const PATIENCE: Duration = Duration::from_secs(20);
const DIGEST: [u8; 32] = [7; 32];

/// acme.example, signed, with a signed exchanger that has a TLSA record; plain.example, unsigned.
fn world() -> World {
    World::new()
        .zone("example", Signing::Signed)
        .zone("acme.example", Signing::Signed)
        .zone("plain.example", Signing::Unsigned)
        .mx("acme.example", 10, "mx.acme.example")
        .address("mx.acme.example", "192.0.2.1")
        .address("mx.acme.example", "2001:db8::1")
        .tlsa("_25._tcp.mx.acme.example", DIGEST)
        .address("bare.acme.example", "192.0.2.3")
        .mx("plain.example", 10, "mx.plain.example")
        .address("mx.plain.example", "192.0.2.2")
}

fn validating(server: &DnsServer, anchor: &str) -> Resolver {
    keeping(ResolverConfig::default().cache_entries, server, anchor)
}

/// The same, with a cache of so many answers.
fn keeping(cache_entries: u64, server: &DnsServer, anchor: &str) -> Resolver {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(anchor.as_bytes()).unwrap();
    let config = ResolverConfig {
        servers: vec![server.address()],
        timeout: PATIENCE,
        dnssec: Dnssec::Validate,
        trust_anchor: Some(file.path().to_owned()),
        dane: true,
        cache_entries,
        ..ResolverConfig::default()
    };
    Resolver::new(&config).unwrap()
}

/// The route to `domain` in a world whose answers were tampered with.
fn tampered(
    world: World,
    domain: &str,
    tamper: impl Fn(&str, RecordType, Answer) -> Answer + Send + Sync + 'static,
) -> Result<Route, RouteError> {
    let anchor = world.trust_anchor();
    let server = DnsServer::answering(move |owner, kind| tamper(owner, kind, world.answer(owner, kind)));
    run(validating(&server, &anchor).resolve_mx(domain))
}

fn intact(world: World, domain: &str) -> Result<Route, RouteError> {
    tampered(world, domain, |_, _, answer| answer)
}

fn records(digest: [u8; 32]) -> TlsaAnswer {
    let record = Tlsa { usage: 3, selector: 1, matching: 1, data: digest.into() };
    TlsaAnswer::Records(Arc::new([record]))
}

fn unsigned(mut answer: Answer) -> Answer {
    answer.records.retain(|record| record.record_type() != RecordType::RRSIG);
    answer
}

fn is_unproven(result: Result<Route, RouteError>) {
    let error = result.unwrap_err();
    assert!(shown(&error).starts_with("later: 451 4.4.3 ") && shown(&error).contains("DNSSEC"), "{}", shown(&error));
}

fn is_unknown(route: &Route) {
    assert!(matches!(route.exchangers[0].tlsa, TlsaAnswer::Unknown(_)), "{route:?}");
    assert!(route.valid_for <= Duration::from_secs(300), "it is asked for again soon");
}

#[test]
fn a_signed_domain_is_proven_down_to_the_tlsa_records_of_its_exchanger() {
    let route = intact(world(), "acme.example").unwrap();
    assert!(route.authentic && route.exchangers[0].authentic, "{route:?}");
    assert_eq!(route.exchangers[0].tlsa, records(DIGEST));
    assert_eq!(route.exchangers[0].addresses.len(), 2);
}

#[test]
fn without_a_cache_it_is_proven_too_and_the_server_is_asked_each_time() {
    let world = world();
    let anchor = world.trust_anchor();
    let server = DnsServer::answering(move |owner, kind| world.answer(owner, kind));
    let resolver = keeping(0, &server, &anchor);
    for _ in 0..2 {
        let before = server.questions();
        assert!(run(resolver.resolve_mx("acme.example")).unwrap().authentic);
        assert!(server.questions() > before);
    }
}

#[test]
fn an_unsigned_domain_is_reached_as_ever_and_nobody_asks_for_tlsa() {
    let route = tampered(world(), "plain.example", |owner, kind, answer| {
        assert_ne!(kind, RecordType::TLSA, "{owner}");
        answer
    });
    let route = route.unwrap();
    assert!(!route.authentic && !route.exchangers[0].authentic, "{route:?}");
    assert_eq!(route.exchangers[0].tlsa, TlsaAnswer::Absent);
}

#[test]
fn a_signed_host_that_an_unsigned_domain_names_is_not_asked_for_tlsa() {
    let world = world().zone("lazy.example", Signing::Unsigned).mx("lazy.example", 10, "mx.acme.example");
    let route = intact(world, "lazy.example").unwrap();
    assert!(!route.authentic && route.exchangers[0].authentic, "{route:?}");
    assert_eq!(route.exchangers[0].tlsa, TlsaAnswer::Absent);
}

#[test]
fn an_unsigned_host_that_a_signed_domain_names_is_reached_without_dane() {
    let route = intact(world().mx("out.acme.example", 10, "mx.plain.example"), "out.acme.example").unwrap();
    assert!(route.authentic && !route.exchangers[0].authentic, "{route:?}");
    assert_eq!(route.exchangers[0].tlsa, TlsaAnswer::Absent);
}

#[test]
fn a_domain_without_mx_is_proven_by_its_own_address() {
    let world = world().tlsa("_25._tcp.bare.acme.example", DIGEST);
    let route = intact(world, "bare.acme.example").unwrap();
    assert!(route.authentic);
    assert_eq!(route.exchangers[0].tlsa, records(DIGEST));
}

#[test]
fn that_there_are_no_tlsa_records_is_proven_too() {
    let route = intact(world(), "bare.acme.example").unwrap();
    assert!(route.exchangers[0].authentic);
    assert_eq!(route.exchangers[0].tlsa, TlsaAnswer::Absent);
    let nothing = intact(world(), "gone.acme.example").unwrap_err();
    assert_eq!(shown(&nothing), "never: 550 5.1.2 the domain gone.acme.example does not exist");
}

#[test]
fn an_answer_that_was_changed_is_no_answer() {
    let other = |kind: RecordType, answer: Answer, data: fn() -> RData| {
        let mut answer = answer;
        answer.records.iter_mut().filter(|record| record.record_type() == kind).for_each(|r| r.data = data());
        answer
    };
    is_unproven(tampered(world(), "acme.example", move |_, kind, answer| match kind {
        RecordType::MX => other(kind, answer, || RData::MX(MX::new(1, name("evil.example")))),
        _ => answer,
    }));
    let evil = || RData::A(A::new(203, 0, 113, 66));
    let route = tampered(world(), "acme.example", move |_, kind, answer| match kind {
        RecordType::A => other(kind, answer, evil),
        _ => answer,
    });
    let addresses = route.unwrap().exchangers[0].addresses.clone();
    assert_eq!(addresses, ["2001:db8::1".parse::<std::net::IpAddr>().unwrap()], "the true one is left");
}

#[test]
fn tlsa_records_that_were_changed_or_cannot_be_had_make_the_host_unusable() {
    let is_tlsa = |kind| kind == RecordType::TLSA;
    is_unknown(
        &tampered(world(), "acme.example", move |owner, kind, mut answer| {
            if is_tlsa(kind) {
                let forged = Zone::new().tlsa(owner, [9; 32]).answer(owner, kind).records;
                answer.records[0] = forged[0].clone();
            }
            answer
        })
        .unwrap(),
    );
    is_unknown(
        &tampered(world(), "acme.example", move |_, kind, answer| match is_tlsa(kind) {
            true => unsigned(answer),
            false => answer,
        })
        .unwrap(),
    );
    is_unknown(
        &tampered(world(), "acme.example", move |_, kind, answer| match is_tlsa(kind) {
            true => Answer::new(ResponseCode::ServFail, Vec::new()),
            false => answer,
        })
        .unwrap(),
    );
}

#[test]
fn a_denial_without_proof_hides_no_tlsa_record() {
    for code in [ResponseCode::NXDomain, ResponseCode::NoError] {
        is_unknown(
            &tampered(world(), "acme.example", move |_, kind, answer| match kind {
                RecordType::TLSA => Answer::new(code, Vec::new()),
                _ => answer,
            })
            .unwrap(),
        );
        // The SOA of a zone that needs no signatures, and has nothing to say here.
        is_unknown(
            &tampered(world(), "acme.example", move |_, kind, answer| match kind {
                RecordType::TLSA => {
                    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 3600, 600, 86_400, 60);
                    let mut denial = Answer::new(code, Vec::new());
                    denial.authorities = vec![Record::from_rdata(name("plain.example"), 60, RData::SOA(soa))];
                    denial
                }
                _ => answer,
            })
            .unwrap(),
        );
    }
    // The true denial of another name.
    let elsewhere = world();
    is_unknown(
        &tampered(world(), "acme.example", move |_, kind, answer| match kind {
            RecordType::TLSA => elsewhere.answer("zzz.example", kind),
            _ => answer,
        })
        .unwrap(),
    );
}

#[test]
fn a_domain_whose_signatures_were_stripped_is_not_taken_for_unsigned() {
    is_unproven(tampered(world(), "acme.example", |_, _, answer| unsigned(answer)));
    is_unproven(tampered(world(), "acme.example", |owner, _, answer| match owner {
        "acme.example" => unsigned(answer),
        _ => answer,
    }));
    // Nor if its delegation is denied without proof.
    is_unproven(tampered(world(), "acme.example", |owner, kind, answer| match (owner, kind) {
        ("acme.example", RecordType::DS) => Answer::new(ResponseCode::NoError, Vec::new()),
        ("acme.example", _) => unsigned(answer),
        _ => answer,
    }));
}

#[test]
fn signatures_that_have_ended_prove_nothing() {
    let world = world()
        .zone("old.example", Signing::Expired)
        .mx("old.example", 10, "mx.old.example")
        .address("mx.old.example", "192.0.2.4");
    is_unproven(intact(world, "old.example"));
}

#[test]
fn a_root_that_is_not_ours_proves_nothing() {
    let world = world();
    let server = DnsServer::answering(move |owner, kind| world.answer(owner, kind));
    is_unproven(run(
        validating(&server, &super::super::signed_zones::World::new().trust_anchor()).resolve_mx("acme.example")
    ));
}

#[test]
fn records_of_a_stranger_are_not_taken_though_they_are_signed() {
    let world = world().zone("evil.example", Signing::Signed).mx("evil.example", 1, "mx.evil.example");
    let anchor = world.trust_anchor();
    let server = DnsServer::answering(move |owner, kind| {
        let mut answer = world.answer(owner, kind);
        if (owner, kind) == ("acme.example", RecordType::MX) {
            answer.records.extend(world.answer("evil.example", kind).records);
        }
        answer
    });
    let route = run(validating(&server, &anchor).resolve_mx("acme.example")).unwrap();
    assert_eq!(hosts(&route), ["mx.acme.example"]);
}

#[test]
fn tlsa_records_are_looked_for_at_the_end_of_the_aliases_then_at_the_beginning() {
    let aliased =
        || world().mx("a.acme.example", 10, "alias.acme.example").cname("alias.acme.example", "mx.acme.example");
    let at_the_end = intact(aliased(), "a.acme.example").unwrap();
    assert!(at_the_end.exchangers[0].authentic);
    assert_eq!(at_the_end.exchangers[0].tlsa_base.as_deref(), Some("mx.acme.example"));
    assert_eq!(at_the_end.exchangers[0].tlsa, records(DIGEST));
    let both = intact(aliased().tlsa("_25._tcp.alias.acme.example", [1; 32]), "a.acme.example").unwrap();
    assert_eq!(both.exchangers[0].tlsa, records(DIGEST), "the end goes before");
    let bare = world()
        .mx("b.acme.example", 10, "alias.acme.example")
        .cname("alias.acme.example", "bare.acme.example")
        .tlsa("_25._tcp.alias.acme.example", [1; 32]);
    assert_eq!(intact(bare, "b.acme.example").unwrap().exchangers[0].tlsa, records([1; 32]));
    let leaving = world()
        .mx("c.acme.example", 10, "alias.acme.example")
        .cname("alias.acme.example", "mx.plain.example")
        .tlsa("_25._tcp.alias.acme.example", [2; 32])
        .tlsa("_25._tcp.mx.plain.example", [3; 32]);
    let leaving = intact(leaving, "c.acme.example").unwrap();
    assert!(!leaving.exchangers[0].authentic);
    assert_eq!(leaving.exchangers[0].tlsa, records([2; 32]), "the alias itself is proven");
}

#[test]
fn an_alias_whose_signature_is_gone_leads_nowhere() {
    let world = world().mx("a.acme.example", 10, "alias.acme.example").cname("alias.acme.example", "mx.acme.example");
    is_unproven(tampered(world, "a.acme.example", |owner, _, mut answer| {
        if owner == "alias.acme.example" {
            let of_alias = |record: &Record| record.name == name(owner) && record.record_type() == RecordType::RRSIG;
            answer.records.retain(|record| !of_alias(record));
        }
        answer
    }));
}

#[test]
fn a_validating_server_on_loopback_may_be_believed() {
    let zone = Zone::new()
        .mx("acme.example", &[(10, "mx.acme.example")])
        .address("mx.acme.example", "192.0.2.1")
        .tlsa("_25._tcp.mx.acme.example", DIGEST);
    for (authentic, tlsa) in [(true, records(DIGEST)), (false, TlsaAnswer::Absent)] {
        let zone = zone.clone();
        let server = DnsServer::answering(move |owner, kind| Answer { authentic, ..zone.answer(owner, kind) });
        let config = |dnssec, servers| ResolverConfig { servers, dnssec, dane: true, ..ResolverConfig::default() };
        let trusting = Resolver::new(&config(Dnssec::TrustResolver, vec![server.address()])).unwrap();
        let route = run(trusting.resolve_mx("acme.example")).unwrap();
        assert_eq!((route.authentic, route.exchangers[0].authentic), (authentic, authentic));
        assert_eq!(route.exchangers[0].tlsa, tlsa);
        let off = Resolver::new(&config(Dnssec::Off, vec![server.address()])).unwrap();
        let route = run(off.resolve_mx("acme.example")).unwrap();
        assert_eq!((route.authentic, &route.exchangers[0].tlsa), (false, &TlsaAnswer::Absent));
        let far = Resolver::new(&config(Dnssec::TrustResolver, vec![server.address(), "192.0.2.53".to_owned()]));
        let text = far.unwrap_err().to_string();
        assert!(text.contains("192.0.2.53:53 is not on loopback") && text.contains("hint: "), "{text}");
    }
}

#[test]
fn a_file_of_trust_anchors_that_is_of_no_use_says_why() {
    let with = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let (dnssec, trust_anchor) = (Dnssec::Validate, Some(file.path().to_owned()));
        let servers = vec!["127.0.0.1:5300".to_owned()];
        Resolver::new(&ResolverConfig { servers, dnssec, trust_anchor, ..ResolverConfig::default() })
    };
    assert!(with(&World::new().trust_anchor()).is_ok());
    let digest = "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5";
    for bad in ["", "; nothing\n", "nonsense\n", &format!(". 3600 IN DS 20326 8 2 {digest}\n")] {
        let text = with(bad).unwrap_err().to_string();
        assert!(text.starts_with("[dns] trust_anchor: /") && text.contains("hint: "), "{bad:?}: {text}");
    }
    let gone = ResolverConfig {
        dnssec: Dnssec::Validate,
        trust_anchor: Some("/nowhere/root.key".into()),
        servers: vec!["127.0.0.1".to_owned()],
        ..ResolverConfig::default()
    };
    assert!(Resolver::new(&gone).unwrap_err().to_string().contains("/nowhere/root.key: No such file"));
}
