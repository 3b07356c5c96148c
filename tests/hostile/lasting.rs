//! What lasts: a smarthost that does not want us for now, a site that pauses again and again, a peer that says nothing, a
//! proxy that is gone. What is held, who expires and why, and what is said meanwhile.
//!
//! Over the simulated network, in virtual time. Leaves to others: what single sessions do (`behaviours`), and refusals
//! that hold at once (`tests/egress`).

use crate::logs;
use crate::over_sim::{self, CLOCK, PATIENCE, PEER, US};
use crate::peer::{Cut, SessionLog};
use crate::pem;
use crate::scenario::{Fact, HOST, Scenario};
use crate::script::{Act, On, Play, say};
use crate::sender::{self, Sender};
use posthaste::base::clock::{Instant, UnixTime};
use posthaste::engine::held::Held;
use posthaste::engine::memory::Host;
use posthaste::engine::settings::Delivery;
use posthaste::engine::source::{Proxy, Source};
use posthaste::journal::record::Kind;
use posthaste::shape::retry::Schedule;
use posthaste::smtp::client::{Credentials, Known};
use posthaste::wire::io::Io as _;
use posthaste::wire::sim::{Network, Weather};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const TURNS_MAX: u64 = 2_000_000;
const HOUR: Duration = Duration::from_secs(3600);

/// What came of it.
struct Came {
    /// By row: its records.
    rows: Vec<Vec<Fact>>,
    sessions: Vec<SessionLog>,
    held: Option<Held>,
    /// What bound the sending, in each different clause.
    bindings: Vec<String>,
    /// What was learnt of the host.
    known: Known,
    /// The shard came to its end.
    ended: bool,
    took: Duration,
}

impl Came {
    fn last(&self, kind: Kind) -> usize {
        self.rows.iter().filter(|facts| facts.last().is_some_and(|fact| fact.kind == kind)).count()
    }

    fn records(&self, kind: Kind) -> usize {
        self.rows.iter().flatten().filter(|fact| fact.kind == kind).count()
    }

    fn was_bound_by(&self, words: &str) -> bool {
        self.bindings.iter().any(|binding| binding.contains(words))
    }
}

/// Sends to the peer at `port` for so long at most, one session at a time.
fn play(peer: &Scenario, port: u16, most: Duration, change: impl FnOnce(&mut Delivery)) -> Came {
    logs::caught(|| run(peer, port, (most, None), change)).0
}

fn run(
    peer: &Scenario,
    port: u16,
    (most, drains): (Duration, Option<Duration>),
    change: impl FnOnce(&mut Delivery),
) -> Came {
    let network = Network::new(11, Weather::FAIR);
    let mut clock = network.party(CLOCK);
    let remote = SocketAddr::new(PEER, port);
    let mut host = over_sim::Host::listening(remote, &network, peer, Cut::Whole);
    let mut delivery = sender::delivery(peer, PATIENCE);
    change(&mut delivery);
    let site = sender::site(remote, peer.starttls);
    let mut sender = Sender::delivering(network.party(US), peer, site, delivery, pem::client());
    sender.load(peer.recipients);
    sender.end_load();
    let end = Instant::default().after(most);
    let mut drain_at = drains.map(|after| Instant::default().after(after));
    let mut bindings: Vec<String> = Vec::new();
    for turn in 0.. {
        assert!(turn < TURNS_MAX, "{}: it spins at {:?}", peer.name, network.now());
        sender.turn();
        host.turn();
        let binding = sender.board.total().binding;
        if bindings.last() != Some(&binding) {
            bindings.push(binding);
        }
        let now = network.now();
        if drain_at.take_if(|at| *at <= now).is_some() {
            sender.drain();
        }
        if sender.ended() || now >= end {
            break;
        }
        let dues = [sender.next_due(), host.due(), drain_at];
        if sender.busy() || dues.into_iter().flatten().any(|at| at <= now) {
            continue;
        }
        clock.poll(dues.into_iter().chain([Some(end)]).flatten().min(), &mut Vec::new()).unwrap();
        assert!(network.step(), "{}: nothing would ever happen again", peer.name);
    }
    Came {
        rows: std::mem::take(&mut sender.rows),
        sessions: host.logs(),
        held: sender.board.halt().held().cloned(),
        bindings,
        known: sender.memory.known(&Host { name: HOST.into(), port }, UnixTime(1_800_000_100)),
        ended: sender.ended(),
        took: network.now().since(Instant::default()),
    }
}

fn peer(name: &str, plays: impl Into<Vec<Play>>, recipients: u32) -> Scenario {
    Scenario { retry_s: 60, ..Scenario::new(name, plays).to(recipients, 1) }
}

fn good() -> Play {
    Play::honest(&["PIPELINING"])
}

fn smarthost(delivery: &mut Delivery) {
    (delivery.smarthost, delivery.backoff_min) = (true, Duration::from_millis(500));
}

/// Refusals of us that a smarthost may think better of, each with the reason for which it holds the mailing.
fn passing() -> [(&'static str, On, &'static str); 3] {
    [
        ("450 4.1.8 sender domain not found", On::Mail, "sender"),
        ("451 4.7.26 unauthenticated", On::Dot, "authentication"),
        ("450 4.7.25 client host rejected: cannot find your reverse hostname", On::Rcpt, "reverse_name"),
    ]
}

#[test]
fn a_refusal_that_may_pass_rests_a_smarthost_and_holds_the_mailing_if_it_lasts() {
    for (reply, on, reason) in passing() {
        let bad = || good().on(on, [say(reply)]);
        let came = play(&peer(reply, [bad()], 40), 25, 4 * HOUR, smarthost);
        let held = came.held.as_ref().unwrap_or_else(|| panic!("{reply}: not held in {:?}", came.took));
        assert_eq!((held.reason, held.reply.as_str()), (reason, reply));
        assert!(came.ended && held.says.contains(&format!("\"{reply}\"")), "{held}");
        assert_eq!((came.records(Kind::Bounced), came.records(Kind::Expired)), (0, 0), "{reply}");
        assert!(came.records(Kind::Deferred) > 0, "{reply}: the attempt counts, it may have been about the recipient");
        // Not at the first word, and not after many.
        assert!((120..600).contains(&came.took.as_secs()), "{reply}: {:?}", came.took);
        assert!((3..12).contains(&came.sessions.len()), "{reply}: {} sessions", came.sessions.len());
        assert!(came.was_bound_by("paused for"), "{reply}: {:?}", came.bindings);
        // It thinks better of us in time: everybody gets the message.
        let came = play(&peer(reply, [bad(), bad(), good()], 40), 25, 4 * HOUR, smarthost);
        assert_eq!((came.held.clone(), came.last(Kind::Delivered)), (None, 40), "{reply}");
    }
}

#[test]
fn a_login_that_cannot_be_judged_now_is_tried_again_and_holds_the_mailing_if_it_lasts() {
    let reply = "454 4.7.0 Temporary authentication failure";
    let login = || Play::honest(&["PIPELINING", "AUTH PLAIN"]);
    let bad = || login().on(On::Unknown, [say(reply)]);
    let logs_in = |delivery: &mut Delivery| {
        smarthost(delivery);
        delivery.auth = Some(Arc::new(Credentials::new("jo", "hunter2", None, true, [7; 32])));
    };
    let came = play(&peer(reply, [bad()], 20), 25, 4 * HOUR, logs_in);
    let held = came.held.as_ref().unwrap();
    assert_eq!((held.reason, held.reply.as_str()), ("login", reply));
    assert!(held.says.contains("does not take our login") && held.says.contains("AUTH"), "{held}");
    assert_eq!((came.sessions.len(), came.ended), (6, true));
    let tried = [Kind::Bounced, Kind::Expired, Kind::Deferred].map(|kind| came.records(kind));
    assert_eq!(tried, [0; 3], "nobody was asked for");
    let well = login().on(On::Unknown, [say("235 2.7.0 welcome")]);
    let came = play(&peer(reply, [bad(), bad(), bad(), well], 20), 25, 4 * HOUR, logs_in);
    assert_eq!((came.held.clone(), came.last(Kind::Delivered)), (None, 20));
}

#[test]
fn who_is_silent_and_in_which_phase_is_what_binds_and_nobody_bounces() {
    let deaf = |on, offers: &[&'static str]| Play::honest(offers).on(on, [Act::Deaf]);
    let cases = [
        ("the greeting of", deaf(On::Connect, &[]), 25, ""),
        (
            "the greeting of",
            deaf(On::Connect, &[]),
            465,
            "; hint: port 465 speaks TLS first: [smarthost] tls = \"implicit\"",
        ),
        ("an answer to EHLO from", deaf(On::Ehlo, &[]), 25, ""),
        ("an answer to EHLO from", deaf(On::Ehlo, &[]), 465, ""),
        ("the TLS handshake with", deaf(On::Handshake, &["STARTTLS"]), 25, ""),
        ("the login at", deaf(On::Unknown, &["AUTH PLAIN"]), 25, ""),
    ];
    for (what, play_of, port, hint) in cases {
        let peer = Scenario { starttls: true, ..peer(what, [play_of], 3) };
        let came = play(&peer, port, Duration::from_secs(200), |delivery| {
            smarthost(delivery);
            delivery.auth = Some(Arc::new(Credentials::new("jo", "hunter2", None, true, [7; 32])));
        });
        let starts = format!("{what} {HOST}:{port}, which has not come for ");
        let told = came.bindings.iter().find(|binding| binding.starts_with(&starts));
        let told = told.unwrap_or_else(|| panic!("{starts}: {:?}", came.bindings));
        assert!(told.ends_with(hint) && (told.contains("hint") != hint.is_empty()), "{told}");
        assert!(came.held.is_none() && came.records(Kind::Bounced) == 0, "{what}");
    }
}

/// Nor is it the configured sessions that bind where a server goes silent that let them in.
#[test]
fn a_server_that_says_nothing_more_is_what_binds_whatever_it_was_asked() {
    for (what, on, offers) in [
        ("an answer to MAIL from", On::Mail, &[][..]),
        ("an answer to MAIL from", On::Mail, &["PIPELINING"]),
        ("an answer to RCPT from", On::Rcpt, &[]),
        ("an answer to DATA from", On::Data, &["PIPELINING"]),
        ("the answer to the content from", On::Dot, &["PIPELINING"]),
        ("the answer to the content from", On::Bdat, &["PIPELINING", "CHUNKING"]),
    ] {
        let peer = peer(what, [Play::honest(offers).on(on, [Act::Deaf])], 40);
        let came = play(&peer, 25, Duration::from_secs(60), |delivery| {
            smarthost(delivery);
            delivery.sessions_per_site = 3;
        });
        let is_told = |binding: &String| {
            let rest = binding.strip_prefix(&format!("{what} {HOST}:25, which has not come for "));
            rest.is_some_and(|rest| rest.ends_with(" wait") || rest.ends_with(" waits"))
        };
        assert!(came.bindings.iter().any(is_told), "{what}, {on:?}: {:?}", came.bindings);
        let first = came.bindings.iter().position(is_told).unwrap_or(0);
        let later = came.bindings.iter().skip(first).find(|binding| binding.contains("configured"));
        assert_eq!(later, None, "{what}, {on:?}: {:?}", came.bindings);
    }
}

#[test]
fn a_drain_waits_for_no_session_that_was_not_let_in_and_holds_its_end_against_nobody() {
    let deaf = |on, offers: &[&'static str]| Play::honest(offers).on(on, [Act::Deaf]);
    for (phase, silent) in [
        ("greeting", deaf(On::Connect, &[])),
        ("EHLO", deaf(On::Ehlo, &[])),
        ("STARTTLS", deaf(On::Handshake, &["STARTTLS"])),
    ] {
        let peer = Scenario { starttls: true, ..peer(phase, [silent], 3) };
        let limits = (HOUR, Some(Duration::from_secs(20)));
        let (came, lines) = logs::caught(|| run(&peer, 25, limits, smarthost));
        assert!(came.ended && came.took < Duration::from_secs(21), "{phase}: {:?}", came.took);
        assert_eq!(came.known, Known::default(), "{phase}: a silence that we ended is nothing that a host does wrong");
        let blamed = lines.iter().find(|line| line.message.contains("rests") || line.message.contains("failed"));
        assert!(blamed.is_none(), "{phase}: {blamed:?}");
        assert_eq!([Kind::Bounced, Kind::Deferred, Kind::UncertainHeld].map(|kind| came.records(kind)), [0; 3]);
    }
}

/// A source by a proxy at an address where nobody listens.
fn by_proxy(socks: bool) -> Source {
    let address = "10.0.0.77:1080".parse().unwrap();
    let proxy = Some(if socks { Proxy::Socks5(address, None) } else { Proxy::Haproxy(address) });
    let mut source = Source::unbound("me.example".into());
    (source.name, source.ipv4, source.proxy) = ("a".into(), Some([10, 1, 0, 1].into()), proxy);
    source
}

#[test]
fn who_waits_behind_a_source_that_fails_for_ever_expires_and_is_told_why() {
    let lifetime = Schedule { steps: vec![Duration::from_secs(600)], lifetime: HOUR };
    for socks in [true, false] {
        let came = play(&peer("a proxy that is gone", [good()], 60), 25, 10 * HOUR, |delivery| {
            (delivery.sources, delivery.retry) = (vec![by_proxy(socks)], lifetime.clone());
        });
        assert!(came.ended, "somebody waits for ever: {:?}", came.bindings.last());
        assert_eq!((came.last(Kind::Expired), came.sessions.len()), (60, 0));
        for fact in came.rows.iter().filter_map(|facts| facts.last()) {
            assert!(fact.words.contains("the source a: ") && fact.words.contains("proxy 10.0.0.77:1080"), "{fact:?}");
            assert!(fact.words.contains("cannot be reached"), "{fact:?}");
        }
        let late = came.took.saturating_sub(HOUR);
        assert!(came.took >= HOUR && late < Duration::from_secs(300), "{:?}", came.took);
        // Another source works: nobody expires.
        let came = play(&peer("one of two is gone", [good()], 60), 25, 10 * HOUR, |delivery| {
            (delivery.sources, delivery.retry) = (vec![by_proxy(socks), Source::unbound("b".into())], lifetime.clone());
        });
        assert_eq!(came.last(Kind::Delivered), 60);
    }
}

#[test]
fn who_waits_at_a_site_that_pauses_again_and_again_expires_and_keeps_its_word() {
    let reply = "421 4.7.28 unusual rate of mail";
    for bad in [reply, "421 4.7.0 try again later"] {
        let pauses = good().on(On::Mail, [say(bad), Act::Fin]);
        let came = play(&peer(bad, [pauses], 400), 25, 10 * HOUR, |delivery| {
            delivery.retry = Schedule { steps: vec![HOUR * 2], lifetime: HOUR };
        });
        assert!(came.ended, "somebody waits for ever: {:?}", came.bindings.last());
        assert_eq!(came.last(Kind::Expired), 400, "{bad}");
        let told = came.rows.iter().filter_map(|facts| facts.last()).filter(|fact| fact.words.contains(&bad[4..]));
        assert_eq!(told.count(), 400, "{bad}: each keeps what the site said");
        assert!(came.took < HOUR + Duration::from_secs(1000), "{bad}: {:?}", came.took);
    }
    // One message gets through now and then: nothing holds the site up for a lifetime.
    let trickles = good().from(On::Mail, 1, [say(reply), Act::Fin]);
    let came = play(&peer("it trickles", [trickles], 20), 25, 10 * HOUR, |delivery| {
        delivery.retry = Schedule { steps: vec![Duration::from_secs(60)], lifetime: HOUR };
    });
    assert!(came.last(Kind::Delivered) > 3, "{}", came.last(Kind::Delivered));
}
