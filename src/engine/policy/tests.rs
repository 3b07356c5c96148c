//! Routes and what their domains publish, and what follows.

use super::rules::{Pattern, Rule, Rules};
use super::*;
use crate::tls::dane::Tlsa;

const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: *.mx.example\nmax_age: 1000";

fn tlsa(usage: u8) -> TlsaAnswer {
    TlsaAnswer::Records([Tlsa { usage, selector: 1, matching: 1, data: [1; 32].into() }].into())
}

fn exchanger(host: &str, tlsa: TlsaAnswer) -> Exchanger {
    Exchanger { authentic: true, tlsa, ..Exchanger::plain(10, host.into(), vec![[192, 0, 2, 1].into()]) }
}

fn route(exchangers: Vec<Exchanger>) -> Route {
    Route {
        exchangers,
        site: "mx.example".into(),
        valid_for: Duration::from_secs(300),
        skipped: Vec::new(),
        authentic: true,
    }
}

fn sts(text: &str) -> Answer {
    let policy = Policy::parse(text.as_bytes()).unwrap();
    Answer { policy: Some(Arc::new(policy)), valid_for: Duration::from_secs(100), failure: None }
}

fn nothing() -> Answer {
    Answer::default()
}

fn rules(all: Level, named: &[(&str, Level)]) -> Policies {
    let rule = |level| Rule { level, names: Vec::new() };
    let named = named.iter().map(|&(name, level)| (vec![Pattern::new(name)], rule(level))).collect();
    Policies::new(Rules::new(rule(all), named), None)
}

fn securities(placement: &Placement) -> Vec<(Source, Level)> {
    placement.demands.iter().map(|demand| (demand.security.source, demand.security.level)).collect()
}

#[test]
fn dane_goes_before_mta_sts_and_mta_sts_before_the_configuration_for_each_host() {
    let policies = rules(Level::Never, &[]);
    let hosts = || vec![exchanger("dane.mx.example", tlsa(3)), exchanger("sts.mx.example", TlsaAnswer::Absent)];
    let both = policies.place("a.example", route(hosts()), &sts(ENFORCE)).unwrap();
    assert_eq!(securities(&both), [(Source::Dane, Level::Verified), (Source::MtaSts, Level::Verified)]);
    assert!(matches!(&both.demands[0].verification, Verification::Dane(d) if d.names.len() == 2));
    assert_eq!(both.demands[1].verification, Verification::Names(["sts.mx.example".into()].into()));
    assert_eq!(both.valid_for, Duration::from_secs(100), "no longer than the policy's announcement");
    let dane = policies.place("a.example", route(hosts()), &nothing()).unwrap();
    assert_eq!(securities(&dane), [(Source::Dane, Level::Verified), (Source::Configured, Level::Never)]);
    assert!(both.name != dane.name && both.group == dane.group);
    // DANE may name a host that the MTA-STS policy does not.
    let foreign = policies.place("a.example", route(vec![exchanger("other.example", tlsa(3))]), &sts(ENFORCE)).unwrap();
    assert_eq!(securities(&foreign), [(Source::Dane, Level::Verified)]);
}

#[test]
fn a_host_whose_tlsa_is_unknown_or_that_the_policy_does_not_list_is_not_used() {
    let policies = rules(Level::Opportunistic, &[]);
    let unknown = || exchanger("first.mx.example", TlsaAnswer::Unknown("bogus".into()));
    let second = policies.place(
        "a.example",
        route(vec![unknown(), exchanger("second.mx.example", TlsaAnswer::Absent)]),
        &nothing(),
    );
    assert_eq!(&*second.unwrap().exchangers[0].host, "second.mx.example");
    let error = policies.place("a.example", route(vec![unknown()]), &nothing()).unwrap_err();
    assert!(!error.permanent);
    assert_eq!(
        error.reply.to_string(),
        "451 4.4.3 the TLSA look-up of first.mx.example, exchanger of a.example, failed: bogus"
    );
    let unlisted = || exchanger("mx.evil.example", TlsaAnswer::Absent);
    let error = policies.place("a.example", route(vec![unlisted()]), &sts(ENFORCE)).unwrap_err();
    assert!(!error.permanent);
    assert_eq!(
        error.reply.to_string(),
        "450 4.7.5 no exchanger of a.example is in its MTA-STS policy: mx.evil.example is not"
    );
    let listed = exchanger("b.mx.example", TlsaAnswer::Absent);
    let one = policies.place("a.example", route(vec![unlisted(), listed]), &sts(ENFORCE)).unwrap();
    assert_eq!(one.exchangers.len(), 1);
}

#[test]
fn unusable_tlsa_records_demand_tls_and_never_less_than_others_do() {
    let hosts = || route(vec![exchanger("a.mx.example", tlsa(1))]);
    let place = |all, answer: &Answer| rules(all, &[]).place("a.example", hosts(), answer).unwrap();
    let lax = place(Level::Opportunistic, &nothing());
    assert_eq!(securities(&lax), [(Source::Dane, Level::Required)]);
    assert_eq!(lax.demands[0].verification, Verification::Opportunistic);
    assert_eq!(securities(&place(Level::Never, &nothing())), [(Source::Dane, Level::Required)]);
    assert_eq!(securities(&place(Level::Verified, &nothing())), [(Source::Configured, Level::Verified)]);
    assert_eq!(securities(&place(Level::Never, &sts(ENFORCE))), [(Source::MtaSts, Level::Verified)]);
}

#[test]
fn testing_demands_nothing_and_is_audited_and_none_is_no_policy() {
    let policies = rules(Level::Opportunistic, &[]);
    let hosts =
        || route(vec![exchanger("a.mx.example", TlsaAnswer::Absent), exchanger("b.example", TlsaAnswer::Absent)]);
    let testing = policies.place("a.example", hosts(), &sts(&ENFORCE.replace("enforce", "testing"))).unwrap();
    assert_eq!(securities(&testing), [(Source::Configured, Level::Opportunistic); 2]);
    let audits: Vec<bool> = testing.demands.iter().filter_map(|d| d.audit.as_ref()).map(|audit| audit.listed).collect();
    assert_eq!(audits, [true, false]);
    assert_ne!(testing.name, testing.group);
    let none = policies.place("a.example", hosts(), &sts(&ENFORCE.replace("enforce", "none"))).unwrap();
    assert!(none.name == none.group && none.demands.iter().all(|demand| **demand == Demand::default()));
}

#[test]
fn a_rule_names_a_domain_or_all_below_it() {
    let policies = rules(Level::Opportunistic, &[("a.example", Level::Verified), (".B.example", Level::Required)]);
    let level = |domain: &str| {
        let hosts = route(vec![exchanger("a.mx.example", TlsaAnswer::Absent)]);
        policies.place(domain, hosts, &nothing()).unwrap().demands[0].security.level
    };
    assert_eq!(level("a.example"), Level::Verified);
    assert_eq!(level("x.a.example"), Level::Opportunistic);
    assert_eq!(level("b.example"), Level::Opportunistic);
    assert_eq!([level("x.b.example"), level("y.x.b.example")], [Level::Required; 2]);
    assert_eq!(level("xb.example"), Level::Opportunistic);
}

#[test]
fn a_message_that_requires_tls_goes_to_verified_hosts_only_whatever_is_configured() {
    let named = ["own.mx.example".into()];
    let rule = |level, names: &[Box<str>]| Rule { level, names: names.to_vec() };
    let of_domains = vec![
        (vec![Pattern::new("never.example")], rule(Level::Never, &[])),
        (vec![Pattern::new("named.example")], rule(Level::Verified, &named)),
    ];
    let rules = Rules::new(rule(Level::Opportunistic, &[]), of_domains);
    let policies = Policies::new(rules.verified(), None);
    let hosts = |tlsa| route(vec![exchanger("a.mx.example", tlsa)]);
    let demand = |domain, tlsa, sts: &Answer| policies.place(domain, hosts(tlsa), sts).unwrap().demands[0].clone();
    let by_name = |name: &str| Verification::Names([name.into()].into());
    for (domain, name) in
        [("a.example", "a.mx.example"), ("never.example", "a.mx.example"), ("named.example", &named[0])]
    {
        let demand = demand(domain, TlsaAnswer::Absent, &nothing());
        let security = Security { source: Source::Configured, level: Level::Verified };
        assert_eq!((demand.security, demand.verification.clone()), (security, by_name(name)), "{domain}");
    }
    // What a domain publishes goes before it, unless it proves less.
    let dane = demand("a.example", tlsa(3), &nothing());
    assert!(dane.security.source == Source::Dane && matches!(dane.verification, Verification::Dane(_)));
    assert_eq!(demand("a.example", TlsaAnswer::Absent, &sts(ENFORCE)).security.source, Source::MtaSts);
    for proves_less in [
        demand("a.example", tlsa(1), &nothing()),
        demand("a.example", TlsaAnswer::Absent, &sts(&ENFORCE.replace("enforce", "testing"))),
    ] {
        assert_eq!(
            (proves_less.security.level, &proves_less.verification),
            (Level::Verified, &by_name("a.mx.example"))
        );
    }
    assert_eq!(policies.of_host("192.0.2.1").verification, by_name("192.0.2.1"));
}
