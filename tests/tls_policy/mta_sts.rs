//! What domains demand by MTA-STS (RFC 8461).

use crate::certificates::self_signed;
use crate::web;
use crate::world::World;
use hickory_resolver::proto::op::ResponseCode;
use posthaste::sink::Options;

const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 604800\n";

fn testing() -> String {
    ENFORCE.replace("enforce", "testing")
}

#[test]
fn enforce_delivers_to_a_listed_host_that_proves_its_name() {
    let mut world = World::new();
    let identity = world.authority.issue(&["mx.a.example"]);
    let listed = world.exchanger("mx.a.example", Some(&identity));
    let unlisted = world.exchanger("mx.evil.example", Some(&identity));
    // The better preference is not in the policy: an attacker's, say.
    world.domain("a.example", &[(10, "mx.evil.example"), (20, "mx.a.example")]);
    world.announce("a.example", "1", ENFORCE);
    world.send(&["a@a.example"]).expect(1, 0);
    assert_eq!(world.web.requests(), ["GET /.well-known/mta-sts.txt HTTP/1.1 host: mta-sts.a.example"]);
    unlisted.took(0);
    listed.took(1);
}

#[test]
fn enforce_sends_nothing_to_hosts_that_do_not_prove_their_name_or_offer_no_tls() {
    for what in ["expired", "other name", "self-signed", "stripped"] {
        let mut world = World::new();
        let identity = match what {
            "expired" => Some(world.authority.expired(&["mx.a.example"])),
            "other name" => Some(world.authority.issue(&["mx.b.example"])),
            "self-signed" => Some(self_signed(&["mx.a.example"])),
            _ => None,
        };
        let exchanger = world.exchanger("mx.a.example", identity.as_ref());
        world.domain("a.example", &[(10, "mx.a.example")]);
        // On the same host, without a policy: not held up by the other's.
        world.domain("b.example", &[(10, "mx.a.example")]);
        world.announce("a.example", "1", ENFORCE);
        world.send(&["a@a.example", "b@b.example"]).expect(1, 1).said("source=\"MTA-STS\"");
        let counters = exchanger.stop();
        assert_eq!((counters.messages, counters.transactions), (1, 1), "{what}: {counters:?}");
    }
}

#[test]
fn enforce_sends_nothing_when_no_exchanger_is_listed() {
    let mut world = World::new();
    let identity = world.authority.issue(&["mx.evil.example"]);
    let evil = world.exchanger("mx.evil.example", Some(&identity));
    world.domain("a.example", &[(10, "mx.evil.example")]);
    world.announce("a.example", "1", ENFORCE);
    let sent = world.send(&["a@a.example"]);
    sent.expect(0, 1).said("450 4.7.5 no exchanger of a.example is in its MTA-STS policy: mx.evil.example is not");
    evil.took(0);
}

#[test]
fn testing_delivers_whatever_enforcement_would_have_said() {
    let mut world = World::new();
    let identity = self_signed(&["mx.evil.example"]);
    let evil = world.exchanger("mx.evil.example", Some(&identity));
    world.domain("a.example", &[(10, "mx.evil.example")]);
    world.announce("a.example", "1", &testing());
    world.send(&["a@a.example"]).expect(1, 0);
    evil.took(1);
}

#[test]
fn a_policy_that_was_kept_outlives_its_process_dns_and_the_web_until_a_newer_one_comes() {
    let mut world = World::new();
    let good = world.authority.issue(&["mx.a.example"]);
    let exchanger = world.exchanger("mx.a.example", Some(&good));
    world.domain("a.example", &[(10, "mx.a.example")]);
    world.announce("a.example", "1", ENFORCE);
    world.send(&["a@a.example"]).expect(1, 0);
    exchanger.took(1);
    assert_eq!(world.web.requests().len(), 1);
    // From here on somebody stands between us and the domain, and has no certificate of its name.
    let evil = world.exchanger("mx.evil.example", None);
    world.zone(|zone| zone.without("a.example").mx("a.example", &[(10, "mx.evil.example")]));
    // The announcement is denied.
    world.zone(|zone| zone.without("_mta-sts.a.example"));
    world.send(&["b@a.example"]).expect(0, 1).said("is in its MTA-STS policy");
    // It is unanswerable.
    world.zone(|zone| zone.code("_mta-sts.a.example", None, ResponseCode::ServFail));
    world.send(&["c@a.example"]).expect(0, 1).said("is in its MTA-STS policy");
    // It is forged, and what the web has under it is of a server that cannot prove its name, a redirect, a page, too long,
    // or no policy.
    let forged = ENFORCE.replace("mx.a.example", "mx.evil.example");
    let (own, strange) = (world.authority.issue(&["mta-sts.a.example"]), self_signed(&["mta-sts.a.example"]));
    let long = forged.clone() + &"x: y\n".repeat(20_000);
    let moved = web::answer("302 Found", "Location: https://mx.evil.example/\r\nContent-Type: text/plain\r\n", &forged);
    let answers = [
        (&strange, web::policy(&forged)),
        (&own, moved),
        (&own, web::answer("200 OK", "Content-Type: text/html\r\n", &forged)),
        (&own, web::policy(&long)),
        (&own, web::policy("version: STSv2\n")),
    ];
    for (id, (identity, answer)) in answers.into_iter().enumerate() {
        world.announce("a.example", &format!("forged{id}"), "");
        world.web.answers(answer);
        world.web.shows(identity.clone());
        let sent = world.send(&[&format!("d{id}@a.example")]);
        sent.expect(0, 1).said("the MTA-STS policy cannot be fetched").said("is in its MTA-STS policy");
    }
    evil.took(0);
    // The domain itself says that there is no policy any more.
    let clear = world.exchanger("mx2.evil.example", None);
    world.domain("a.example", &[(5, "mx2.evil.example")]);
    world.web.shows(own);
    world.announce("a.example", "2", "version: STSv1\nmode: none\nmax_age: 604800\n");
    world.send(&["e@a.example"]).expect(1, 0);
    clear.took_in_clear(1);
}

#[test]
fn without_a_policy_that_was_kept_one_that_cannot_be_fetched_is_none() {
    let mut world = World::new();
    let exchanger = world.exchanger("mx.a.example", None);
    world.domain("a.example", &[(10, "mx.a.example")]);
    world.announce("a.example", "1", ENFORCE);
    world.web.shows(self_signed(&["mta-sts.a.example"]));
    world.send(&["a@a.example"]).expect(1, 0).said("the MTA-STS policy cannot be fetched");
    exchanger.took_in_clear(1);
    assert!(world.web.requests().is_empty(), "no request goes to a server that does not prove its name");
}

#[test]
fn a_policy_that_comes_while_mail_waits_holds_for_the_next_attempt() {
    let mut world = World::new();
    // The first retry comes after the 30 s that a route holds at least, and well before the lifetime ends, whatever jitter does.
    (world.retry, world.lifetime) = ("40s", "65s");
    world.more = "[metrics]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    let greylisting = Options { defer_percent: 100.0, ..Options::default() };
    let identity = self_signed(&["mx.a.example"]);
    let exchanger = world.exchanger_that("mx.a.example", Some(&identity), greylisting);
    for domain in ["a.example", "b.example"] {
        world.domain(domain, &[(10, "mx.a.example")]);
    }
    let sending = world.begin(&["a@a.example", "b@b.example"]);
    // Both are tried once, where the certificate is nobody's business yet.
    sending.wait_for_metric("posthaste_deferrals_total", 2);
    world.announce("a.example", "1", ENFORCE);
    sending.wait().expect(1, 1).said("the certificate is self-signed");
    let counters = exchanger.stop();
    assert_eq!((counters.messages, counters.deferred), (1, 2), "{counters:?}");
}
