//! Sites of several exchangers, and sites of which a part fails: who is asked next, and what rests meanwhile.
//!
//! Over the simulated network, in virtual time. Leaves to others: what single sessions do (`behaviours`).

use crate::logs;
use crate::over_sim::{CLOCK, Host, PATIENCE, US};
use crate::peer::{Cut, SessionLog};
use crate::pem;
use crate::scenario::{Fact, Scenario};
use crate::script::{Act, On, Play, say};
use crate::sender::{Sender, delivery};
use posthaste::base::clock::Instant;
use posthaste::base::clock::UnixTime;
use posthaste::engine::directory::Site;
use posthaste::engine::policy::rules::Rule;
use posthaste::engine::settings::Delivery;
use posthaste::journal::record::Kind;
use posthaste::tls::policy::Level;
use posthaste::wire::dns::Exchanger;
use posthaste::wire::io::Io as _;
use posthaste::wire::sim::{Network, Weather};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const FAST: &[&str] = &["PIPELINING", "CHUNKING"];
const TURNS_MAX: u64 = 2_000_000;

/// What came of it.
struct Came {
    /// By row: its records.
    rows: Vec<Vec<Fact>>,
    /// Of each exchanger: its sessions.
    sessions: Vec<Vec<SessionLog>>,
    /// When the last recipient had its outcome, from the beginning.
    took: Duration,
    /// Why the mailing is held; empty if it is not.
    held: String,
}

impl Came {
    fn delivered(&self) -> usize {
        self.rows.iter().filter(|facts| facts.last().is_some_and(|fact| fact.kind == Kind::Delivered)).count()
    }

    /// Records of a kind.
    fn records(&self, kind: Kind) -> usize {
        self.rows.iter().flatten().filter(|fact| fact.kind == kind).count()
    }

    /// Copies that the exchanger took.
    fn taken(&self, exchanger: usize) -> usize {
        self.sessions[exchanger].iter().flat_map(|session| &session.taken).map(|taken| taken.rows.len()).sum()
    }
}

fn address(nth: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1 + nth as u8))
}

/// One exchanger for each of `peers`, of these preferences; all is sent that `load` says.
fn play(peers: &[(u16, Scenario)], load: &Scenario) -> Came {
    play_demanding(peers, load, Level::Opportunistic)
}

/// The same, with this demanded of TLS.
fn play_demanding(peers: &[(u16, Scenario)], load: &Scenario, level: Level) -> Came {
    logs::caught(|| run(peers, load, level, Layout::Exchangers)).0
}

/// What the peers are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// An exchanger each.
    Exchangers,
    /// Addresses of one exchanger.
    Addresses,
    /// Addresses of a smarthost.
    Smarthost,
}

/// All is sent that `load` says to peers that are this.
fn play_as(layout: Layout, peers: &[(u16, Scenario)], load: &Scenario) -> Came {
    logs::caught(|| run(peers, load, Level::Opportunistic, layout)).0
}

/// The same to the addresses of a smarthost that offers STARTTLS, with this demanded of TLS.
fn play_smarthost(level: Level, peers: Vec<Vec<Play>>, load: &Scenario) -> Came {
    let of = |plays: Vec<Play>| (10, Scenario { starttls: true, ..peer(plays) });
    let peers: Vec<_> = peers.into_iter().map(of).collect();
    let load = Scenario { starttls: true, ..load.clone() };
    logs::caught(|| run(&peers, &load, level, Layout::Smarthost)).0
}

fn run(peers: &[(u16, Scenario)], load: &Scenario, level: Level, layout: Layout) -> Came {
    let network = Network::new(11, Weather::FAIR);
    let mut clock = network.party(CLOCK);
    let hosts = peers.iter().enumerate().map(|(nth, (_, peer))| Host::at(address(nth), &network, peer, Cut::Whole));
    let mut hosts: Vec<Host> = hosts.collect();
    let exchanger = |(nth, (preference, _)): (usize, &(u16, Scenario))| {
        Exchanger::plain(*preference, format!("mx{nth}.example").into(), vec![address(nth)])
    };
    let exchangers: Vec<Exchanger> = match layout {
        Layout::Exchangers => peers.iter().enumerate().map(exchanger).collect(),
        Layout::Addresses | Layout::Smarthost => {
            vec![Exchanger::plain(10, "mx.example".into(), (0..peers.len()).map(address).collect())]
        }
    };
    let site = Site {
        name: "several".into(),
        group: "several".into(),
        port: None,
        demands: exchangers.iter().map(|e| Rule { level, names: Vec::new() }.demand(&e.host)).collect(),
        exchangers,
        expires: UnixTime(u32::MAX),
    };
    let delivery = Delivery { smarthost: layout == Layout::Smarthost, ..delivery(load, PATIENCE) };
    let mut sender = Sender::delivering(network.party(US), load, site, delivery, pem::client());
    sender.load(load.recipients);
    sender.end_load();
    let mut drains = false;
    let end = Instant::default().after(Duration::from_secs(load.minutes * 60));
    for turn in 0.. {
        assert!(turn < TURNS_MAX, "{}: it spins at {:?}", load.name, network.now());
        sender.turn();
        if !drains && sender.board.halt().held().is_some() {
            drains = true;
            sender.drain();
        }
        hosts.iter_mut().for_each(Host::turn);
        let now = network.now();
        if sender.ended() || now >= end {
            break;
        }
        let due = sender.next_due();
        let theirs = hosts.iter().filter_map(Host::due).min();
        if sender.busy() || [due, theirs].into_iter().flatten().any(|at| at <= now) {
            continue;
        }
        clock.poll([due, theirs, Some(end)].into_iter().flatten().min(), &mut Vec::new()).unwrap();
        assert!(network.step(), "{}: nothing would ever happen again", load.name);
    }
    let took = network.now().since(Instant::default());
    let held = sender.board.halt().held().map(ToString::to_string).unwrap_or_default();
    Came { rows: std::mem::take(&mut sender.rows), sessions: hosts.iter().map(Host::logs).collect(), took, held }
}

fn peer(plays: impl Into<Vec<Play>>) -> Scenario {
    Scenario::new("a peer", plays)
}

fn good() -> Play {
    Play::honest(FAST)
}

/// So many recipients, one to a message.
fn load(name: &str, recipients: u32) -> Scenario {
    Scenario { sessions: 4, minutes: 60, connect_s: Some(30), ..Scenario::new(name, [good()]).to(recipients, 1) }
}

/// Each way in which a host answers and does not serve.
fn ways_not_to_serve() -> Vec<(&'static str, Play)> {
    let at = |on, acts: Vec<Act>| good().on(on, acts);
    vec![
        ("421 greeting", at(On::Connect, vec![say("421 4.3.2 not now"), Act::Fin])),
        ("450 greeting", at(On::Connect, vec![say("450 4.3.2 not now")])),
        ("554 greeting", at(On::Connect, vec![say("554 no service here")])),
        ("421 4.7.0 greeting", at(On::Connect, vec![say("421 4.7.0 too many connections"), Act::Fin])),
        ("closed at once", at(On::Connect, vec![Act::Fin])),
        ("reset at once", at(On::Connect, vec![Act::Reset])),
        ("silent", at(On::Connect, vec![Act::Deaf])),
        ("garbage", at(On::Connect, vec![say("SSH-2.0-OpenSSH_9.6")])),
        ("421 at EHLO", at(On::Ehlo, vec![say("421 4.3.2 not now"), Act::Fin])),
        ("451 at EHLO", at(On::Ehlo, vec![say("451 4.3.2 not now")])),
        ("EHLO and HELO refused", at(On::Ehlo, vec![say("550 no")]).on(On::Helo, vec![say("550 no")])),
        ("closed at EHLO", at(On::Ehlo, vec![Act::Fin]).on(On::Helo, vec![Act::Fin])),
        ("silent at EHLO", at(On::Ehlo, vec![Act::Deaf])),
        ("421 at MAIL", at(On::Mail, vec![say("421 4.3.2 shutting down"), Act::Fin])),
        ("450 at MAIL", at(On::Mail, vec![say("450 4.3.2 not now")])),
        ("451 at MAIL", at(On::Mail, vec![say("451 4.3.0 no")])),
        ("452 at MAIL", at(On::Mail, vec![say("452 4.3.1 full")])),
        ("reset at MAIL", at(On::Mail, vec![Act::Reset])),
        ("silent at MAIL", at(On::Mail, vec![Act::Deaf])),
    ]
}

#[test]
fn a_preferred_exchanger_that_does_not_serve_leaves_its_place_to_the_next_at_once() {
    for (way, bad) in ways_not_to_serve() {
        for offers in [&[][..], FAST] {
            let bad = Play { offers: offers.to_vec(), ..bad.clone() };
            let came = play(&[(10, peer([bad])), (20, peer([good()]))], &load(way, 20));
            // What had left whole when a session broke is uncertain, and held: no other exchanger may get it.
            let held = came.records(Kind::UncertainHeld);
            assert!(held == 0 || (way.ends_with("at MAIL") && offers == FAST), "{way}, {offers:?}: {held} are held");
            assert_eq!((came.delivered(), came.taken(1)), (20 - held, 20 - held), "{way}, {offers:?}");
            assert!(came.taken(1) > 0, "{way}, {offers:?}");
            assert!(!came.sessions[0].is_empty(), "{way}: the preferred one is asked first");
            assert_eq!(came.records(Kind::Deferred), 0, "{way}, {offers:?}: nobody waits for a retry");
            // Silence costs the time that a connection may take to stand, in a transaction 5 minutes; nothing else waits.
            let most = match way {
                "silent at MAIL" => 302,
                _ if way.contains("silent") => 35,
                _ => 10,
            };
            assert!(came.took <= Duration::from_secs(most), "{way}, {offers:?}: {:?}", came.took);
        }
    }
}

#[test]
fn each_exchanger_is_asked_in_order_until_one_serves() {
    let ways = ways_not_to_serve();
    let bad = |name: &str| peer([ways.iter().find(|(way, _)| *way == name).unwrap().1.clone()]);
    let came = play(
        &[(10, bad("421 greeting")), (20, bad("451 at MAIL")), (20, bad("reset at once")), (30, peer([good()]))],
        &load("three do not serve", 10),
    );
    assert_eq!((came.delivered(), came.taken(3)), (10, 10));
    assert!(came.sessions.iter().take(2).all(|sessions| !sessions.is_empty()));
    assert!(came.took < Duration::from_secs(10), "{:?}", came.took);
}

#[test]
fn where_no_exchanger_serves_the_site_rests_and_everybody_waits() {
    let ways = ways_not_to_serve();
    let bad = |name: &str| peer([ways.iter().find(|(way, _)| *way == name).unwrap().1.clone()]);
    let came = play(&[(10, bad("421 greeting")), (20, bad("closed at once"))], &load("none serves", 10));
    assert_eq!((came.delivered(), came.records(Kind::Deferred), came.records(Kind::Bounced)), (0, 0, 0));
    let sessions = came.sessions.iter().map(Vec::len).sum::<usize>();
    assert!((4..=40).contains(&sessions), "{sessions} sessions in an hour: each back-off is longer");
    assert!(came.sessions.iter().all(|sessions| sessions.len() > 1));
    let came = play(&[(10, bad("451 at MAIL")), (20, bad("451 at MAIL"))], &load("both put it off", 10));
    assert_eq!(came.delivered(), 0);
    assert!(came.records(Kind::Deferred) >= 10, "the last one's word stands");
    assert!(came.records(Kind::Attempt) <= 60, "and nobody goes to and fro: {}", came.records(Kind::Attempt));
}

#[test]
fn the_preferred_exchanger_has_its_place_again_after_its_rest() {
    let bad = Play { offers: FAST.to_vec(), ..Play::default() }.on(On::Connect, [say("421 4.3.2 not now"), Act::Fin]);
    // It serves from its second session on; what is sent lasts for longer than its rest.
    let slow = |play: Play| play.on(On::Bdat, [Act::Wait(crate::script::Wait::Moment), Act::Honest]);
    let sent = Scenario { messages_per_session: 5, sessions: 1, ..load("it comes back", 60) };
    let came = play(&[(10, peer([bad, slow(good())])), (20, peer([slow(good())]))], &sent);
    assert_eq!(came.delivered(), 60);
    assert!(came.taken(1) >= 5 && came.taken(0) >= 10, "{} and {}", came.taken(0), came.taken(1));
}

#[test]
fn one_lost_session_among_others_costs_no_rest() {
    let piped = || Play::honest(&["PIPELINING"]);
    for (way, others, play_of_one) in [
        ("a reset behind MAIL", good(), good().nth(On::Mail, 0, [Act::Reset])),
        ("a close at EHLO", good(), good().on(On::Ehlo, [Act::Fin])),
        ("a reset late", good(), good().nth(On::Mail, 40, [Act::Reset])),
        ("a reset in a content", piped(), piped().nth(On::Dot, 0, [Act::Reset])),
        ("a reset at DATA", piped(), piped().nth(On::Data, 3, [Act::Reset])),
    ] {
        let usual = play(&[(10, peer([others.clone()]))], &load("none is lost", 2_000));
        assert_eq!(usual.delivered(), 2_000);
        for unlucky in [0, 3] {
            let mut plays = vec![others.clone(); 5];
            plays[unlucky] = play_of_one.clone();
            let sent = Scenario { retry_s: 1, ..load(way, 2_000) };
            let came = play(&[(10, peer(plays))], &sent);
            let gone = came.records(Kind::UncertainHeld);
            assert_eq!(came.delivered() + gone, 2_000, "{way}, session {unlucky}");
            // The first of all is alone: when it is not even let in, no session works.
            let alone = way == "a close at EHLO" && unlucky == 0;
            let most = if alone { Duration::from_secs(40) } else { usual.took.mul_f64(1.3) + Duration::from_secs(8) };
            assert!(came.took < most, "{way}, session {unlucky}: {:?}, usually {:?}", came.took, usual.took);
        }
    }
}

#[test]
fn one_handshake_that_is_lost_among_others_neither_holds_the_site_nor_ends_tls() {
    for level in [Level::Opportunistic, Level::Required] {
        let tls = || Play::honest(&["PIPELINING", "STARTTLS"]);
        let of = |plays| Scenario { starttls: true, ..peer(plays) };
        let sent = Scenario { starttls: true, messages_per_session: 20, ..load("TLS", 400) };
        let usual = play_demanding(&[(10, of(vec![tls()]))], &sent, level);
        assert_eq!(usual.delivered(), 400, "{level:?}");
        // Not one of the first, which begin together.
        let mut plays = vec![tls(); 8];
        plays[5] = tls().on(On::Handshake, [Act::Fin]);
        let came = play_demanding(&[(10, of(plays))], &sent, level);
        assert_eq!((came.delivered(), came.records(Kind::Deferred)), (400, 0), "{level:?}");
        assert!(came.took < usual.took.mul_f64(1.5) + Duration::from_secs(2), "{level:?}: {:?}", came.took);
        let in_clear = |session: &&SessionLog| {
            session.heard.iter().any(|h| h.ends_with("MAIL")) && !session.heard.iter().any(|h| h == "STARTTLS")
        };
        assert_eq!(came.sessions[0].iter().filter(in_clear).count(), 0, "{level:?}");
    }
}

#[test]
fn a_host_that_breaks_every_session_is_not_asked_without_rest() {
    for way in [good().on(On::Mail, [Act::Reset]), good().on(On::Bdat, [Act::Reset]), good().on(On::Ehlo, [Act::Reset])]
    {
        let came = play(&[(10, peer([way]))], &Scenario { retry_s: 1, ..load("it breaks them all", 200) });
        let sessions = came.sessions[0].len();
        assert!(sessions <= 60, "{sessions} sessions in an hour");
    }
}

#[test]
fn a_recipient_whose_retry_is_due_at_once_and_breaks_each_session_starves_nobody() {
    // It takes nobody along for ever who shares its transaction.
    let sent = Scenario { retry_s: 1, minutes: 10, ..load("one breaks them", 300) }.to(300, 20);
    let breaks = Play::honest(&[]).on(On::RcptOf(47), [Act::Reset]);
    let came = play(&[(10, peer([breaks]))], &sent);
    assert!(came.delivered() >= 299, "{} of 300", came.delivered());
    // RCPT of one row breaks the session; it is retried a second later, and the site rests for 30 and more.
    for sessions in [1, 4] {
        let sent = Scenario { retry_s: 1, sessions, minutes: 10, ..load("one breaks them", 300) };
        for row in [0, 7, 150] {
            for offers in [&[][..], &["PIPELINING"], FAST] {
                let breaks = Play::honest(offers).on(On::RcptOf(row), [Act::Reset]);
                let came = play(&[(10, peer([breaks]))], &sent);
                let settled = came.delivered() + came.records(Kind::UncertainHeld);
                assert!(settled >= 299, "row {row}, {sessions} sessions, {offers:?}: {settled} of 300");
            }
        }
    }
}

/// Each way in which a host refuses us, and nobody else.
fn ways_to_refuse_us() -> Vec<(&'static str, Play)> {
    let at = |on, reply: &str| good().on(on, [say(reply)]);
    let name = "550 5.7.1 HELO rejected: bad hostname";
    vec![
        ("554 greeting", at(On::Connect, "554 5.7.1 Client host rejected: Access denied")),
        ("450 greeting", at(On::Connect, "450 4.7.25 Client host rejected: cannot find your reverse hostname")),
        ("EHLO name", at(On::Ehlo, name).on(On::Helo, [say(name)])),
        ("no PTR at MAIL", at(On::Mail, "550 5.7.25 no PTR record")),
        ("no word on why at MAIL", at(On::Mail, "550 5.7.1 go away")),
        ("block list at MAIL", at(On::Mail, "554 5.7.1 blocked using zen.spamhaus.org")),
        ("IP at RCPT", at(On::Rcpt, "550 5.7.1 your IP is blocked")),
        ("EHLO name at RCPT", at(On::Rcpt, "504 5.5.2 Helo command rejected: need fully-qualified hostname")),
        ("policy behind the content", {
            let reply = "550 5.7.26 unauthenticated";
            good().on(On::Bdat, [say(reply)]).on(On::Dot, [say(reply)])
        }),
    ]
}

#[test]
fn an_address_that_refuses_us_leaves_its_place_to_the_others_and_nobody_waits() {
    for (way, bad) in ways_to_refuse_us() {
        for offers in [&[][..], FAST] {
            let bad = peer([Play { offers: offers.to_vec(), ..bad.clone() }]);
            for layout in [Layout::Exchangers, Layout::Addresses, Layout::Smarthost] {
                let peers = [(10, bad.clone()), (20, bad.clone()), (30, peer([good()]))];
                let came = play_as(layout, &peers, &load(way, 40));
                let counts = [Kind::Deferred, Kind::Bounced, Kind::Expired].map(|kind| came.records(kind));
                assert_eq!((came.delivered(), counts), (40, [0; 3]), "{way}, {offers:?}: {}", came.held);
                assert!(came.took < Duration::from_secs(10), "{way}, {offers:?}: {:?}", came.took);
                // Sessions that began together are refused together, and the first of all is alone.
                let refused = [0, 1].map(|nth| came.sessions[nth].len());
                assert!(refused.iter().all(|sessions| (1..=4).contains(sessions)), "{way}, {offers:?}: {refused:?}");
            }
        }
    }
}

#[test]
fn where_each_address_refuses_us_all_were_asked_and_the_site_rests() {
    for (way, bad) in ways_to_refuse_us() {
        for layout in [Layout::Exchangers, Layout::Addresses] {
            let peers = [(10, peer([bad.clone()])), (20, peer([bad.clone()]))];
            let came = play_as(layout, &peers, &load(way, 40));
            assert_eq!((came.delivered(), came.records(Kind::Bounced), &*came.held), (0, 0, ""), "{way}");
            let sessions = came.sessions.iter().map(Vec::len).collect::<Vec<_>>();
            assert!(sessions.iter().all(|sessions| (1..=16).contains(sessions)), "{way}: {sessions:?} in an hour");
            // Nobody's attempts are spent on the way from one address to the next.
            let most = came.rows.iter().map(|facts| facts.iter().filter(|f| f.kind == Kind::Deferred).count()).max();
            assert!(most <= Some(5), "{way}: {most:?}");
        }
    }
}

#[test]
fn a_smarthost_holds_the_mailing_once_no_address_of_it_is_left() {
    let relay = || peer([good().on(On::Rcpt, [say("554 5.7.1 Relay access denied")])]);
    let dead = || peer([good().on(On::Connect, [Act::Reset])]);
    for (name, peers, within_s) in [
        ("both refuse", vec![(10, relay()), (10, relay())], 10),
        ("one refuses, the other is dead", vec![(10, relay()), (10, dead())], 300),
        ("one is dead, the other refuses", vec![(10, dead()), (10, relay())], 300),
    ] {
        let came = play_as(Layout::Smarthost, &peers, &load(name, 40));
        let counts = [Kind::Delivered, Kind::Bounced, Kind::Expired].map(|kind| came.records(kind));
        assert_eq!(counts, [0; 3], "{name}");
        let refusing = if name.starts_with("one is dead") { "mx.example[10.0.0.2]" } else { "mx.example[10.0.0." };
        assert!(came.held.contains(&format!("the smarthost {refusing}")), "{name}: {:?}", came.held);
        assert!(came.held.contains("does not relay for us: it answered RCPT"), "{name}: {}", came.held);
        assert!(came.took < Duration::from_secs(within_s), "{name}: {:?}", came.took);
    }
}

#[test]
fn an_address_that_refuses_us_holds_no_mailing_while_the_one_that_took_mail_is_away() {
    let relay = peer([good().on(On::Rcpt, [say("554 5.7.1 Relay access denied")])]);
    // It takes ten, is away for some sessions, and comes back.
    let away = || good().on(On::Connect, [Act::Reset]);
    let taking = || Play::honest(&[]).on(On::Data, [Act::Wait(crate::script::Wait::Moment), Act::Honest]);
    let other = peer([taking(), taking(), away(), away(), away(), away(), away(), taking()]);
    let sent = Scenario { messages_per_session: 5, sessions: 1, ..load("it comes back", 60) };
    let came = play_as(Layout::Smarthost, &[(10, relay), (10, other)], &sent);
    assert_eq!((came.delivered(), &*came.held), (60, ""));
}

#[test]
fn one_recipient_that_a_smarthost_of_several_addresses_refuses_keeps_nobody_from_the_mail() {
    let odd = || peer([good().on(On::RcptOf(7), [say("550 5.7.1 relaying denied")])]);
    let sent = Scenario { retry_s: 600, ..load("one is refused", 60) };
    let came = play_as(Layout::Smarthost, &[(10, odd()), (10, odd())], &sent);
    assert_eq!((came.delivered(), came.records(Kind::Bounced), &*came.held), (59, 0, ""));
}

/// It takes no mail in clear text.
fn wants_tls() -> Play {
    Play::honest(&["PIPELINING", "STARTTLS"]).on(On::Mail, [say("530 5.7.0 Must issue a STARTTLS command first")])
}

/// The same, and it takes mail inside of TLS.
fn has_tls() -> Play {
    Play::honest(&["PIPELINING", "STARTTLS"])
}

#[test]
fn a_smarthost_whose_tls_fails_on_holds_the_mailing_and_nobody_bounces_or_expires() {
    let broken = || wants_tls().on(On::Handshake, [Act::Fin]);
    for (level, who) in [
        (Level::Opportunistic, "it takes no mail without: it says \"530 5.7.0 Must issue a STARTTLS command first\""),
        (Level::Required, "demands TLS"),
    ] {
        for addresses in [1, 2] {
            for sessions in [1, 4] {
                let sent = Scenario { sessions, ..load("STARTTLS is broken", 40) };
                let came = play_smarthost(level, vec![vec![broken()]; addresses], &sent);
                let counts = [Kind::Delivered, Kind::Bounced, Kind::Expired].map(|kind| came.records(kind));
                assert_eq!(counts, [0; 3], "{level:?}");
                let held = &came.held;
                assert!(held.starts_with("held: TLS with the smarthost ") && held.contains(who), "{level:?}: {held:?}");
                assert!(held.contains("the connection was lost in the handshake"), "{level:?}: {held}");
                // Six rests, each twice as long: 15 minutes where the first is half a minute.
                assert!(came.took < Duration::from_secs(1500), "{level:?}: {:?}", came.took);
                let asked = came.sessions.iter().flatten().filter(|s| s.heard.iter().any(|h| h == "STARTTLS")).count();
                assert!(asked >= 3, "{level:?}: asked for {asked} times");
            }
        }
    }
}

#[test]
fn tls_that_fails_twice_and_then_stands_holds_nothing() {
    let broken = || has_tls().on(On::Handshake, [Act::Fin]);
    // Of those in clear text none is let in; the fifth session at the latest is encrypted.
    let plays = vec![broken(), wants_tls(), broken(), wants_tls(), has_tls()];
    let sent = Scenario { sessions: 1, ..load("it comes about", 40) };
    let came = play_smarthost(Level::Opportunistic, vec![plays], &sent);
    assert_eq!((came.delivered(), &*came.held), (40, ""));
}

#[test]
fn one_address_whose_tls_fails_leaves_its_place_to_the_one_whose_tls_stands() {
    let broken = || wants_tls().on(On::Handshake, [Act::Fin]);
    for level in [Level::Opportunistic, Level::Required] {
        for sessions in [1, 4] {
            let sent = Scenario { sessions, ..load("one of two is broken", 40) };
            let came = play_smarthost(level, vec![vec![broken()], vec![has_tls()]], &sent);
            assert_eq!((came.delivered(), came.records(Kind::Deferred), &*came.held), (40, 0, ""), "{level:?}");
            assert!(came.took < Duration::from_secs(10), "{level:?}: {:?}", came.took);
        }
    }
}
