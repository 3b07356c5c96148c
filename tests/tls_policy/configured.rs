//! What the configuration demands.

use crate::certificates::self_signed;
use crate::world::World;

#[test]
fn verified_takes_a_good_certificate_and_no_other_and_never_clear_text() {
    let mut world = World::new();
    world.delivery = "tls = \"verified\"".to_owned();
    let (good, authority) = (&["mx.good.example"], &world.authority);
    let identities = [
        ("good", Some(authority.issue(good))),
        ("expired", Some(authority.expired(&["mx.expired.example"]))),
        ("other", Some(authority.issue(&["mx.somewhere.example"]))),
        ("selfsigned", Some(self_signed(&["mx.selfsigned.example"]))),
        ("stripped", None),
    ];
    let mut exchangers = Vec::new();
    for (what, identity) in &identities {
        let host = format!("mx.{what}.example");
        exchangers.push(world.exchanger(&host, identity.as_ref()));
        world.domain(&format!("{what}.example"), &[(10, &host)]);
    }
    let sent = world.send(&[
        "a@good.example",
        "a@expired.example",
        "a@other.example",
        "a@selfsigned.example",
        "a@stripped.example",
    ]);
    sent.expect(1, 4);
    sent.said("the certificate expired at").said("the certificate is of mx.somewhere.example");
    sent.said("the certificate is self-signed").said("mx.stripped.example");
    sent.deferred_with(&["a@expired.example", "\"code\":450", "4.7.5", "the certificate expired"]);
    sent.deferred_with(&["a@stripped.example", "\"code\":450", "4.7.10", "STARTTLS"]);
    for (exchanger, messages) in exchangers.into_iter().zip([1, 0, 0, 0, 0]) {
        exchanger.took(messages);
    }
}

#[test]
fn required_takes_any_certificate_and_no_clear_text_and_opportunistic_falls_back() {
    let mut world = World::new();
    world.more = "[[tls_policy]]\ndomains = [\"must.example\", \".must.example\"]\nlevel = \"required\"\n\
                  [[tls_policy]]\ndomains = [\"never.example\"]\nlevel = \"off\"\n"
        .to_owned();
    let any = self_signed(&["whatever.example"]);
    let with = world.exchanger("mx.with.example", Some(&any));
    let without = world.exchanger("mx.without.example", None);
    let never = world.exchanger("mx.never.example", Some(&any));
    world.domain("must.example", &[(10, "mx.with.example")]);
    world.domain("also.must.example", &[(10, "mx.without.example")]);
    world.domain("may.example", &[(10, "mx.without.example")]);
    world.domain("never.example", &[(10, "mx.never.example")]);
    let sent = world.send(&["a@must.example", "a@also.must.example", "a@may.example", "a@never.example"]);
    sent.expect(3, 1).said("configuration");
    with.took(1);
    // Of two domains with one exchanger, the one that demands TLS got nothing through, and did not hold up the other.
    without.took_in_clear(1);
    never.took_in_clear(1);
}

#[test]
fn a_host_without_tls_leaves_its_place_to_one_with_it() {
    let mut world = World::new();
    world.delivery = "tls = \"required\"".to_owned();
    let identity = world.authority.issue(&["b.mx.example"]);
    let first = world.exchanger("a.mx.example", None);
    let second = world.exchanger("b.mx.example", Some(&identity));
    world.domain("a.example", &[(10, "a.mx.example"), (20, "b.mx.example")]);
    world.send(&["a@a.example", "b@a.example"]).expect(2, 0);
    first.took(0);
    second.took(2);
}

#[test]
fn a_campaign_that_requires_tls_goes_to_verified_hosts_only_and_another_one_does_not_care() {
    let mut world = World::new();
    world.campaign = "require_tls = true".to_owned();
    let (proven, any) = (world.authority.issue(&["mx.good.example"]), self_signed(&["mx.any.example"]));
    let good = world.exchanger("mx.good.example", Some(&proven));
    let other = world.exchanger("mx.any.example", Some(&any));
    world.domain("good.example", &[(10, "mx.good.example")]);
    world.domain("any.example", &[(10, "mx.any.example")]);
    let sent = world.send(&["a@good.example", "a@any.example"]);
    sent.expect(1, 1);
    sent.deferred_with(&["a@any.example", "\"code\":450", "4.7.5", "the certificate is self-signed"]);
    world.campaign.clear();
    world.send(&["a@any.example"]).expect(1, 0);
    // Of the two campaigns it took the one message that did not require TLS.
    good.took(1);
    other.took(1);
}
