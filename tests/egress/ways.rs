//! Ways to a site: an address that refuses us, or one of our sources, leaves its place to the others at once.

use super::dns_server::{DnsServer, Zone};
use super::limits::by_mx;
use super::refusals::figure;
use super::servers::{Memory, Odd, Server};
use super::{Desk, source};
use std::net::TcpListener;

/// One port at each of these addresses of loopback.
fn listen(addresses: &[&str]) -> (u16, Vec<TcpListener>) {
    loop {
        let first = TcpListener::bind((addresses[0], 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let others = addresses[1..].iter().map(|address| TcpListener::bind((*address, port)));
        if let Ok(others) = others.collect::<Result<Vec<_>, _>>() {
            return (port, std::iter::once(first).chain(others).collect());
        }
    }
}

/// A server at each of them.
fn at(addresses: &[&str], odds: &[Odd]) -> (u16, Vec<Server>) {
    let (port, listeners) = listen(addresses);
    (port, listeners.into_iter().zip(odds).map(|(listener, odd)| Server::smtp(listener, *odd)).collect())
}

const FINE: Odd = |_| None;
const NO_PTR: Odd = |command| command.starts_with("MAIL").then_some("550 5.7.25 no PTR record");

#[test]
fn an_ipv6_address_without_ptr_costs_nobody_the_mail_and_is_named() {
    let (port, servers) = at(&["::1", "127.0.0.2"], &[NO_PTR, FINE]);
    let zone =
        Zone::new().mx("a.example", &[(10, "mx.test")]).address("mx.test", "::1").address("mx.test", "127.0.0.2");
    let (desk, dns) = (Desk::new(1000), DnsServer::start(zone));
    let said = desk.delivers(&by_mx(port, &dns, "lifetime = \"20s\"\n"));
    assert_eq!(servers[1].seen().messages, 1000);
    assert!(servers[0].seen().sessions.len() <= 5, "{:?}", servers[0].seen().sessions);
    let named = "we are refused at this address: another way is taken host=mx.test address=::1";
    assert!(said.contains(named) && said.contains("550 5.7.25 no PTR record"), "{said}");
    assert!(!said.contains("the site rests"), "{said}");
    let report = desk.report("w");
    assert_eq!(
        ["deferred", "bounced", "expired"].map(|word| figure(&report, word)),
        [0, 0, 0].map(serde_json::Value::from),
        "{report}"
    );
}

#[test]
fn domains_that_prefer_the_same_exchangers_otherwise_know_of_each_other_which_one_refuses_us() {
    let (port, servers) = at(&["127.0.0.2", "127.0.0.3"], &[NO_PTR, FINE]);
    let zone = Zone::new()
        .mx("d0.example", &[(10, "mx0.test"), (20, "mx1.test")])
        .mx("d1.example", &[(20, "mx0.test"), (10, "mx1.test")])
        .address("mx0.test", "127.0.0.2")
        .address("mx1.test", "127.0.0.3");
    let (desk, dns) = (super::limits::desk_of(400, 2), DnsServer::start(zone));
    desk.delivers(&by_mx(port, &dns, ""));
    assert_eq!(servers[1].seen().messages, 400);
    assert!((1..=5).contains(&servers[0].seen().sessions.len()), "{:?}", servers[0].seen().sessions);
}

/// Refuses the name of source a, in the words of one who refuses names, wherever it may.
fn refuses_a() -> Memory {
    let mut is_a = false;
    Box::new(move |command| {
        is_a |= command == "EHLO a.test";
        (is_a && command.starts_with("RCPT"))
            .then_some("504 5.5.2 Helo command rejected: need fully-qualified hostname")
    })
}

#[test]
fn a_source_that_every_address_refuses_leaves_the_site_to_the_others() {
    let (port, listeners) = listen(&["127.0.0.2", "127.0.0.3"]);
    let servers: Vec<Server> = listeners.into_iter().map(|on| Server::minding(on, refuses_a)).collect();
    let zone = Zone::new().mx("a.example", &[(10, "mx.test")]);
    let zone = zone.address("mx.test", "127.0.0.2").address("mx.test", "127.0.0.3");
    let (desk, dns) = (Desk::new(300), DnsServer::start(zone));
    let sources = source("a", "address = \"127.0.0.4\"") + &source("b", "address = \"127.0.0.5\"");
    let said = desk.delivers(&by_mx(port, &dns, &format!("messages_per_session = 10\n{sources}")));
    let seen: Vec<_> = servers.iter().map(Server::seen).collect();
    assert_eq!(seen.iter().map(|seen| seen.messages).sum::<usize>(), 300, "{said}");
    let by_a: Vec<_> = seen.iter().map(|seen| seen.from("127.0.0.4")).collect();
    assert!(by_a.iter().all(|sessions| (1..=4).contains(sessions)), "{by_a:?}");
    assert!(
        said.contains("another way is taken") && said.contains("source=\"a\"") && !said.contains("the site rests"),
        "{said}"
    );
}

#[test]
fn where_every_address_refuses_us_the_site_rests_and_each_is_named() {
    let odds: [Odd; 2] = [NO_PTR, |command| command.starts_with("RCPT").then_some("550 5.7.1 your IP is blocked")];
    let (port, servers) = at(&["127.0.0.2", "127.0.0.3"], &odds);
    let zone = Zone::new().mx("a.example", &[(10, "mx0.test"), (20, "mx1.test")]);
    let zone = zone.address("mx0.test", "127.0.0.2").address("mx1.test", "127.0.0.3");
    let (desk, dns) = (Desk::new(20), DnsServer::start(zone));
    let mut sending = desk.start("w", &by_mx(port, &dns, "retry = [\"1s\"]\nlifetime = \"6s\"\n"));
    let said = sending.says("bound by ");
    assert!(said.contains("the site rests") && said.contains("mx1.test[127.0.0.3] said"), "{said}");
    assert!(said.contains("paused for ") && said.contains("your IP is blocked"), "{said}");
    // Nobody outlives the lifetime by more than a look.
    let (code, said) = sending.wait();
    assert_eq!(code, Some(0), "{said}");
    let report = desk.report("w");
    assert_eq!(
        ["expired", "bounced", "delivered"].map(|word| figure(&report, word)),
        [20, 0, 0].map(serde_json::Value::from),
        "{report}"
    );
    assert!(servers.iter().all(|server| server.seen().sessions.len() <= 8));
}

#[test]
fn a_smarthost_that_trusts_one_of_its_clients_addresses_only_gets_all_there() {
    let relay: Odd = |command| command.starts_with("RCPT").then_some("554 5.7.1 Relay access denied");
    let (port, servers) = at(&["::1", "127.0.0.2"], &[relay, FINE]);
    let zone = Zone::new().address("relay.test", "::1").address("relay.test", "127.0.0.2");
    let (desk, dns) = (Desk::new(200), DnsServer::start(zone));
    let config = format!(
        "[delivery]\nsmarthost = \"relay.test:{port}\"\n[dns]\nallow_loopback = true\nservers = [\"{}\"]\n",
        dns.address()
    );
    let said = desk.delivers(&config);
    assert_eq!((servers[0].seen().messages, servers[1].seen().messages), (0, 200), "{said}");
    assert!(said.contains("we are refused at this address") && said.contains("address=::1"), "{said}");
    assert_eq!(figure(&desk.report("w"), "deferred"), 0);
}

#[test]
fn whoever_expires_is_told_what_one_address_said_and_not_that_another_one_was_away() {
    let (port, listeners) = listen(&["127.0.0.2", "127.0.0.3"]);
    let mut listeners = listeners.into_iter();
    let server = Server::smtp(listeners.next().unwrap(), NO_PTR);
    // Nobody listens at the other one.
    drop(listeners);
    let zone = Zone::new().mx("a.example", &[(10, "mx0.test"), (20, "mx1.test")]);
    let zone = zone.address("mx0.test", "127.0.0.2").address("mx1.test", "127.0.0.3");
    let (desk, dns) = (Desk::new(20), DnsServer::start(zone));
    let (code, said) = desk.start("w", &by_mx(port, &dns, "retry = [\"1s\"]\nlifetime = \"10s\"\n")).wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(!server.seen().sessions.is_empty());
    let report = desk.report("w");
    assert_eq!(figure(&report, "expired"), 20, "{report}");
    let report = report.to_string();
    assert!(report.contains("5.7.25") && !report.contains("efused at connect"), "{report}");
}
