//! What hosts demand by DANE (RFC 7672). The server's AD bit stands for the proof of DNSSEC.

use crate::certificates::self_signed;
use crate::world::World;
use posthaste::sink::Options;

#[test]
fn a_key_that_its_record_names_is_enough_and_any_other_gets_nothing() {
    let mut world = World::new();
    world.with_dane();
    // DANE-EE: neither the name, nor the date, nor the issuer counts (RFC 7672 §3.1.1).
    let expired = world.authority.expired(&["somewhere.example"]);
    let wrong = world.authority.issue(&["mx.wrong.example"]);
    let right = world.exchanger("mx.right.example", Some(&expired));
    let other = world.exchanger("mx.wrong.example", Some(&wrong));
    let stripped = world.exchanger("mx.stripped.example", None);
    let implicit = world.exchanger("implicit.example", Some(&wrong));
    for what in ["right", "wrong", "stripped"] {
        world.domain(&format!("{what}.example"), &[(10, &format!("mx.{what}.example"))]);
        world.tlsa(&format!("mx.{what}.example"), &expired.spki);
    }
    // Without MX records the domain is its own exchanger.
    world.tlsa("implicit.example", &expired.spki);
    let sent = world.send(&["a@right.example", "a@wrong.example", "a@stripped.example", "a@implicit.example"]);
    sent.expect(1, 3).said("source=\"DANE\"");
    right.took(1);
    other.took(0);
    stripped.took(0);
    implicit.took(0);
}

#[test]
fn a_failed_look_up_forbids_the_host_and_records_that_are_not_proven_are_none() {
    let mut world = World::new();
    world.with_dane();
    let identity = self_signed(&["whatever.example"]);
    let failing = world.exchanger("mx.failing.example", Some(&identity));
    let second = world.exchanger("mx2.failing.example", Some(&identity));
    let unproven = world.exchanger("mx.unproven.example", Some(&identity));
    world.domain("failing.example", &[(10, "mx.failing.example")]);
    world.domain("both.example", &[(10, "mx.failing.example"), (20, "mx2.failing.example")]);
    world.tlsa_fails("mx.failing.example");
    world.domain("unproven.example", &[(10, "mx.unproven.example")]);
    world.tlsa("mx.unproven.example", b"another key");
    world.unsigned("unproven.example");
    let sent = world.send(&["a@failing.example", "a@both.example", "a@unproven.example"]);
    sent.expect(2, 1).said("the TLSA look-up of mx.failing.example");
    failing.took(0);
    second.took(1);
    unproven.took(1);
}

#[test]
fn dane_goes_before_mta_sts_either_way() {
    let mut world = World::new();
    world.with_dane();
    let good = world.authority.issue(&["mx.a.example"]);
    let anyone = self_signed(&["anyone.example"]);
    let by_sts = world.exchanger("mx.a.example", Some(&good));
    let by_dane = world.exchanger("mx.b.example", Some(&anyone));
    world.domain("a.example", &[(10, "mx.a.example")]);
    world.domain("b.example", &[(10, "mx.b.example")]);
    // The policy would be fulfilled, the record is not; and the other way round.
    world.tlsa("mx.a.example", &anyone.spki);
    world.tlsa("mx.b.example", &anyone.spki);
    let policy = "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 604800\n";
    world.announce("a.example", "1", policy);
    world.announce("b.example", "1", policy);
    world.send(&["a@a.example", "b@b.example"]).expect(1, 1).said("source=\"DANE\"");
    by_sts.took(0);
    by_dane.took(1);
}

#[test]
fn records_that_change_while_mail_waits_hold_for_the_next_attempt() {
    let mut world = World::new();
    world.with_dane();
    // The first retry comes after the 30 s that a route holds at least, and well before the lifetime ends, whatever jitter
    // does.
    (world.retry, world.lifetime) = ("40s", "65s");
    world.more = "[metrics]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    let greylisting = Options { defer_percent: 100.0, ..Options::default() };
    let identity = self_signed(&["mx.a.example"]);
    let exchanger = world.exchanger_that("mx.a.example", Some(&identity), greylisting);
    world.domain("a.example", &[(10, "mx.a.example")]);
    world.tlsa("mx.a.example", &identity.spki);
    let sending = world.begin(&["a@a.example"]);
    sending.wait_for_metric("posthaste_deferrals_total", 1);
    world.tlsa("mx.a.example", b"the next key");
    sending.wait().expect(0, 1).said("does not fit the TLSA record");
    let counters = exchanger.stop();
    assert_eq!((counters.messages, counters.deferred), (0, 1), "{counters:?}");
}
