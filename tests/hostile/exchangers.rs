//! Sites of several exchangers, and sites of which a part fails: who is asked next, and what rests meanwhile.
//!
//! Over the simulated network, in virtual time. Leaves to others: what single sessions do (`behaviours`).

use crate::logs;
use crate::over_sim::{CLOCK, Host, PATIENCE, US};
use crate::peer::{Cut, SessionLog};
use crate::pem;
use crate::scenario::{Fact, Scenario};
use crate::script::{Act, On, Play, say};
use crate::sender::Sender;
use posthaste::base::clock::Instant;
use posthaste::base::clock::UnixTime;
use posthaste::engine::directory::Site;
use posthaste::engine::policy::rules::Rule;
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
    logs::caught(|| run(peers, load, level)).0
}

fn run(peers: &[(u16, Scenario)], load: &Scenario, level: Level) -> Came {
    let network = Network::new(11, Weather::FAIR);
    let mut clock = network.party(CLOCK);
    let hosts = peers.iter().enumerate().map(|(nth, (_, peer))| Host::at(address(nth), &network, peer, Cut::Whole));
    let mut hosts: Vec<Host> = hosts.collect();
    let exchangers: Vec<Exchanger> = peers
        .iter()
        .enumerate()
        .map(|(nth, (preference, _))| {
            Exchanger::plain(*preference, format!("mx{nth}.example").into(), vec![address(nth)])
        })
        .collect();
    let site = Site {
        name: "several".into(),
        group: "several".into(),
        port: None,
        demands: exchangers.iter().map(|e| Rule { level, names: Vec::new() }.demand(&e.host)).collect(),
        exchangers,
        expires: UnixTime(u32::MAX),
    };
    let mut sender = Sender::to(network.party(US), load, site, PATIENCE, pem::client());
    sender.load(load.recipients);
    sender.end_load();
    let end = Instant::default().after(Duration::from_secs(load.minutes * 60));
    for turn in 0.. {
        assert!(turn < TURNS_MAX, "{}: it spins at {:?}", load.name, network.now());
        sender.turn();
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
    Came { rows: std::mem::take(&mut sender.rows), sessions: hosts.iter().map(Host::logs).collect(), took }
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
