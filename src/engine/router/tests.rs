//! Shards that ask, a DNS server that answers, sulks or is not there.

use super::super::smarthost::parse_smarthost;
use super::*;
use crate::engine::directory::Site;
use crate::wire::dns::dns_server::{DnsServer, Manner, Zone};
use crossbeam_channel::{Sender, unbounded};
use hickory_resolver::proto::op::ResponseCode;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// So long nothing here takes; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    asks: Sender<RouteAsk>,
    answers: Receiver<(u16, RouteAnswer)>,
    router: Router,
}

fn bench(server: &str, directory: Directory) -> Bench {
    let config = ResolverConfig { servers: vec![server.to_owned()], timeout: PATIENCE, ..ResolverConfig::default() };
    let (asks, incoming) = unbounded();
    let (outgoing, answers) = unbounded();
    let deliver: Deliver = Box::new(move |shard, answer| outgoing.send((shard, answer)).unwrap());
    let router = Router::spawn(&config, Arc::new(directory), Policies::default(), incoming, deliver).unwrap();
    Bench { asks, answers, router }
}

impl Bench {
    fn ask(&self, domain: u32, name: &str, shard: u16) {
        self.asks.send(RouteAsk { domain, name: name.into(), shard, fresh: false }).unwrap();
    }

    fn ask_again(&self, name: &str) -> RouteAnswer {
        self.asks.send(RouteAsk { domain: 0, name: name.into(), shard: 0, fresh: true }).unwrap();
        self.answer().1
    }

    fn answer(&self) -> (u16, RouteAnswer) {
        self.answers.recv_timeout(PATIENCE).unwrap()
    }

    fn end(self) {
        drop(self.asks);
        self.router.join();
    }
}

#[test]
fn five_hundred_domains_on_three_exchangers_become_three_sites_each_answered_to_who_asked() {
    let mut zone = Zone::new();
    for n in 0..3 {
        zone = zone.address(&format!("mx.host{n}.example"), &format!("192.0.2.{n}"));
    }
    for n in 0..500 {
        zone = zone.mx(&format!("d{n}.example"), &[(10, &format!("mx.host{}.example", n % 3))]);
    }
    let server = DnsServer::start(zone);
    let bench = bench(&server.address(), Directory::mx());
    for n in 0..500u32 {
        bench.ask(n, &format!("d{n}.example"), (n % 7) as u16);
    }
    let mut sites: HashMap<Arc<str>, HashSet<*const Site>> = HashMap::new();
    let mut told = HashSet::new();
    for _ in 0..500 {
        let (shard, answer) = bench.answer();
        assert_eq!(u32::from(shard), answer.domain % 7);
        assert!(told.insert(answer.domain), "{} was answered twice", answer.domain);
        let site = answer.result.unwrap().site;
        assert_eq!(&*site.name, format!("mx.host{}.example", answer.domain % 3));
        sites.entry(site.name.clone()).or_default().insert(Arc::as_ptr(&site));
    }
    assert_eq!(sites.len(), 3);
    bench.end();
}

#[test]
fn what_the_directory_knows_is_answered_without_a_question() {
    let zone = Zone::new().mx("acme.example", &[(10, "mx.example")]).address("mx.example", "192.0.2.1");
    let server = DnsServer::start(zone);
    let bench = bench(&server.address(), Directory::mx());
    bench.ask(1, "acme.example", 0);
    let first = bench.answer().1.result.unwrap();
    let asked = server.questions();
    bench.ask(2, "acme.example", 3);
    let (shard, second) = bench.answer();
    assert_eq!((shard, second.domain, server.questions()), (3, 2, asked));
    assert!(Arc::ptr_eq(&first.site, &second.result.unwrap().site));
    bench.end();
}

#[test]
fn errors_say_whether_to_ask_again() {
    let zone = Zone::new().code("sick.example", None, ResponseCode::ServFail);
    let server = DnsServer::start(zone);
    let bench = bench(&server.address(), Directory::mx());
    bench.ask(1, "gone.example", 0);
    assert!(bench.answer().1.result.unwrap_err().permanent);
    bench.ask(2, "sick.example", 0);
    assert!(!bench.answer().1.result.unwrap_err().permanent);
    bench.end();
}

#[test]
fn a_domain_whose_server_is_silent_holds_up_no_other_and_not_the_end() {
    let zone = Zone::new().manner("silent.example", Manner::Silent).address("well.example", "192.0.2.1");
    let server = DnsServer::start(zone);
    let bench = bench(&server.address(), Directory::mx());
    bench.ask(1, "silent.example", 0);
    bench.ask(2, "well.example", 0);
    assert_eq!(bench.answer().1.domain, 2);
    // The silent one has minutes to go: the end must not wait for it (a test that hangs has failed).
    bench.end();
}

#[test]
fn who_is_asked_and_panics_answers_that_nobody_knows_yet() {
    let zone = Zone::new().mx("a.example", &[(10, "mx.a.example")]).address("mx.a.example", "192.0.2.1");
    let server = DnsServer::start(zone);
    let config = ResolverConfig { servers: vec![server.address()], timeout: PATIENCE, ..ResolverConfig::default() };
    let (asks, incoming) = unbounded();
    let (outgoing, answers) = unbounded();
    // The first two answers make whoever gives them panic: a look-up, and the router, which knows it then.
    let panics = std::sync::atomic::AtomicU32::new(0);
    let deliver: Deliver = Box::new(move |shard, answer| {
        let found = answer.result.is_ok();
        assert!(!found || panics.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 1, "no such shard");
        outgoing.send((shard, answer)).unwrap();
    });
    let router = Router::spawn(&config, Arc::new(Directory::mx()), Policies::default(), incoming, deliver).unwrap();
    let bench = Bench { asks, answers, router };
    for why in ["the look-up panicked", "the router panicked: no such shard"] {
        bench.ask(7, "a.example", 0);
        let error = bench.answer().1.result.unwrap_err();
        assert_eq!((error.permanent, error.reply.to_string()), (false, format!("451 4.3.0 {why}")));
    }
    bench.ask(7, "a.example", 0);
    assert!(bench.answer().1.result.is_ok(), "the threads live on");
    bench.end();
}

#[test]
fn a_fixed_site_needs_no_resolver() {
    let bench = bench("no address at all", Directory::smarthost(&parse_smarthost("127.0.0.1:2525").unwrap()));
    bench.ask(1, "a.example", 0);
    assert_eq!(&*bench.answer().1.result.unwrap().site.name, "127.0.0.1:2525");
    bench.end();
}

#[test]
fn a_smarthost_is_resolved_by_its_address_and_never_bounces_anyone() {
    let server = DnsServer::start(Zone::new().address("relay.example", "192.0.2.1"));
    let good = bench(&server.address(), Directory::smarthost(&parse_smarthost("relay.example:587").unwrap()));
    good.ask(1, "gone.example", 0);
    let site = good.answer().1.result.unwrap().site;
    assert_eq!((&*site.name, site.port), ("relay.example:587", Some(587)));
    good.end();
    let typo = bench(&server.address(), Directory::smarthost(&parse_smarthost("realy.example:587").unwrap()));
    typo.ask(1, "acme.example", 0);
    let error = typo.answer().1.result.unwrap_err();
    assert!(
        !error.permanent && error.reply.to_string().starts_with("451 4.4.3 smarthost: realy.example"),
        "{}",
        error.reply
    );
    typo.end();
}

#[test]
fn a_bad_server_is_said_at_the_start() {
    let config = ResolverConfig { servers: vec!["dns.example".to_owned()], ..ResolverConfig::default() };
    let (_asks, incoming) = unbounded();
    let error = Router::spawn(&config, Arc::new(Directory::mx()), Policies::default(), incoming, Box::new(|_, _| {}))
        .unwrap_err();
    assert!(error.to_string().contains("hint: "), "{error}");
}

#[test]
fn who_asks_past_the_caches_hears_what_the_server_says_now() {
    let is_there = Arc::new(AtomicBool::new(true));
    let there = is_there.clone();
    let server = DnsServer::answering(move |owner, kind| {
        let zone = Zone::new().negative_ttl(600).address("mx.example", "192.0.2.1");
        let zone = if there.load(Ordering::SeqCst) { zone.mx("a.example", &[(10, "mx.example")]) } else { zone };
        zone.answer(owner, kind)
    });
    let bench = bench(&server.address(), Directory::mx());
    let is_found = |name: &str, fresh: bool| {
        if fresh {
            return bench.ask_again(name).result.is_ok();
        }
        bench.ask(0, name, 0);
        bench.answer().1.result.is_ok()
    };
    assert!(is_found("a.example", false));
    is_there.store(false, Ordering::SeqCst);
    assert!(is_found("a.example", false) && !is_found("a.example", true), "it is known, and gone");
    is_there.store(true, Ordering::SeqCst);
    assert!(is_found("a.example", true), "nobody remembers that it was");
    bench.end();
}
