//! Sites and their groups over time, without connections; shards whose peers have ended.

use crossbeam_channel::{Receiver, unbounded};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::holds::Holds;
use super::ledger::Ledger;
use super::lifetime::wants_security;
use super::site::Sites;
use super::target::Whom;
use super::{Ports, SHOW_AGAIN, Shard, Start};
use crate::base::clock::{Ahead, Instant, Now, UnixTime};
use crate::base::out::Out;
use crate::content::OctetsMin;
use crate::engine::board::{Board, Counters};
use crate::engine::budget::Descriptors;
use crate::engine::directory::{Directory, Question, Site as Place};
use crate::engine::dispatch::shard_of;
use crate::engine::message::Past;
use crate::engine::message::{
    Append, Baggage, Chunk, Line, Message, Recorded, Rendered, Resumed, Run, ToShard, Withdrawn,
};
use crate::engine::settings::{Delivery, OnUncertain};
use crate::engine::source::Source;
use crate::journal::record::Held;
use crate::mail::{Enhanced, Envelope, ReplyRef};
use crate::observe::Observer;
use crate::queue::{Batch, DomainId, Queue, Rows, SiteId, Taken};
use crate::shape::retry::Schedule;
use crate::shape::{NextHop, Phase, classify};
use crate::smtp::client::Timeouts;
use crate::tls::policy::Level;
use crate::wire::dns::{Exchanger, Route};
use crate::wire::io::{Buffer, ConnectSpec, ConnectionId, Event, Io, ListenerId, Waker};
use crate::wire::sim::{Network, SimIo, Weather};

/// What tests need no more of than that it is there.
pub(in crate::engine) fn delivery(sources: Vec<Source>) -> Delivery {
    Delivery {
        sources,
        port: 25,
        sessions_per_site: 20,
        sessions_whole: 20,
        trusted: false,
        smarthost: false,
        max_bounced: None,
        recipients_per_transaction: 1,
        messages_per_session: 100,
        implicit_tls: false,
        auth: None,
        options: None,
        pipelining: true,
        chunking: true,
        connect_timeout: Duration::from_secs(1),
        timeouts: Timeouts {
            greeting: Duration::from_secs(1),
            hello: Duration::from_secs(1),
            mail: Duration::from_secs(1),
            rcpt: Duration::from_secs(1),
            data: Duration::from_secs(1),
            content: Duration::from_secs(1),
            end: Duration::from_secs(1),
            quit: Duration::from_secs(1),
        },
        retry: Schedule { steps: vec![Duration::from_secs(1)], lifetime: Duration::from_secs(1) },
        on_uncertain: OnUncertain::Retry,
        ahead_max: 1,
        ahead_bytes_max: 1,
        idle: Duration::from_secs(1),
        drain: Duration::from_secs(1),
        backoff_min: Duration::from_secs(1),
    }
}

fn sites_of(delivery: &Delivery) -> Sites {
    let holds = Holds::new(&Default::default(), Ahead::default(), delivery.retry.lifetime);
    Sites::new(false, delivery, Observer::off(), holds)
}

fn at(ms: u64) -> Now {
    Now { mono: Instant(ms * 1000), ..Now::default() }
}

/// Sites, and two members of one group among them.
fn two() -> (Sites, [SiteId; 2]) {
    let mut sites = sites_of(&delivery(vec![Source::unbound("me.example".into())]));
    let place = Place::fixed("mx.example", ([192, 0, 2, 1], 25).into());
    let other = Place { name: "mx.example#other".into(), ..place.clone() };
    let ids = [place, other].map(|place| sites.enter(Arc::new(place)));
    (sites, ids)
}

/// Takes all that is to be looked at by then.
fn looked_at(sites: &mut Sites, now: Now) -> Vec<SiteId> {
    sites.wake_due(now.mono);
    std::iter::from_fn(|| sites.next_touched()).collect()
}

#[test]
fn who_is_put_off_by_the_session_ahead_is_looked_at_again_when_its_time_is_over() {
    let (mut sites, [first, other]) = two();
    assert!(sites.wants_session(first, true, at(0)));
    sites.session_opened(first, at(0));
    // Another look is due before: it must not be the last one.
    sites.wake(other, at(500).mono);
    assert!(!sites.wants_session(other, true, at(10)));
    assert_eq!(looked_at(&mut sites, at(501)), [other]);
    assert!(!sites.wants_session(other, true, at(501)));
    assert!(sites.next_wake().is_some_and(|due| due <= at(1001).mono));
    assert_eq!(looked_at(&mut sites, at(1001)), [other]);
    assert!(sites.wants_session(other, true, at(1001)), "the first one was never let in");
}

#[test]
fn the_session_ahead_lets_the_others_go_when_it_is_let_in_and_when_it_is_gone() {
    let (mut sites, [first, other]) = two();
    sites.session_opened(first, at(0));
    assert!(!sites.wants_session(other, true, at(1)));
    sites.session_ready(first);
    assert_eq!(looked_at(&mut sites, at(2)), [other, first]);
    assert!(sites.wants_session(other, true, at(2)));
    sites.session_unready(first);
    sites.session_closed(first, true, true);
    assert_eq!(looked_at(&mut sites, at(3)), [other, first]);
    sites.session_opened(other, at(4));
    assert!(!sites.wants_session(first, true, at(5)));
    sites.session_closed(other, false, false);
    assert!(looked_at(&mut sites, at(6)).contains(&first));
    assert!(sites.wants_session(first, true, at(6)), "nobody is ahead, and nothing is being opened");
    assert!(sites.site(other).is_some_and(|site| (site.sessions, site.opening) == (0, 0)));
}

const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

/// A place of the group with these preferences for `a.example` and `b.example`.
fn ordered(name: &str, a: u16, b: u16) -> Arc<Place> {
    let mut exchangers =
        vec![Exchanger::plain(a, "a.example".into(), vec![A]), Exchanger::plain(b, "b.example".into(), vec![B])];
    exchangers.sort_by_key(|exchanger| exchanger.preference);
    let fixed = Place::fixed("(a|b).example", (A, 25).into());
    Arc::new(Place { name: name.into(), exchangers, demands: vec![Arc::default(); 2], ..fixed })
}

/// From the only source.
fn whom(host: &'static str, remote: IpAddr) -> Whom<'static> {
    Whom { host, remote, source: "" }
}

fn sites() -> (Sites, Source) {
    let source = Source::unbound("me.example".into());
    (sites_of(&delivery(vec![source.clone()])), source)
}

fn picked(sites: &mut Sites, id: SiteId, source: &Source, now: Now) -> IpAddr {
    sites.pick_target(id, 25, source, now.mono).unwrap().remote.ip()
}

#[test]
fn two_orders_of_the_same_exchangers_share_the_pace_and_keep_their_order() {
    let (mut sites, source) = sites();
    let (ab, ba) = (sites.enter(ordered("g/0.1", 10, 20)), sites.enter(ordered("g/1.0", 20, 10)));
    assert_ne!(ab, ba);
    assert_eq!(sites.groups.len(), 1);
    for _ in 0..3 {
        assert_eq!(picked(&mut sites, ab, &source, at(0)), A);
        assert_eq!(picked(&mut sites, ba, &source, at(0)), B);
        // A newer answer for one of them leaves the other one alone.
        assert_eq!(sites.enter(ordered("g/0.1", 10, 20)), ab);
    }
    (0..20).for_each(|_| sites.session_opened(ab, at(0)));
    assert!(!sites.wants_session(ba, true, at(2000)), "twenty sessions are twenty, whoever has them");
}

#[test]
fn a_target_that_fails_is_passed_over_longer_each_time_and_tried_by_one_session() {
    let (mut sites, source) = sites();
    let id = sites.enter(ordered("g/0.1", 10, 20));
    let (a, b) = (whom("a.example", A), whom("b.example", B));
    // Sessions that began together fail together.
    (0..4).for_each(|_| assert!(sites.pass_over(id, a, at(0).mono)));
    assert_eq!(picked(&mut sites, id, &source, at(59_999)), B);
    // Its rest is over: one session tries it, others do not wait for that.
    assert_eq!(picked(&mut sites, id, &source, at(60_000)), A);
    assert_eq!(picked(&mut sites, id, &source, at(60_001)), B);
    // A newer answer forgets nothing of this.
    sites.enter(ordered("g/0.1", 10, 20));
    assert_eq!(picked(&mut sites, id, &source, at(60_002)), B);
    assert!(sites.pass_over(id, a, at(61_000).mono));
    assert_eq!(picked(&mut sites, id, &source, at(180_999)), B);
    assert_eq!(picked(&mut sites, id, &source, at(181_000)), A);
    sites.served(id, a, true, at(181_000).mono);
    (0..3).for_each(|_| assert_eq!(picked(&mut sites, id, &source, at(181_001)), A));
    // When none is left that does not rest, the site is in trouble, and the last one is not passed over.
    assert!(sites.pass_over(id, a, at(182_000).mono));
    assert!(!sites.pass_over(id, b, at(182_000).mono));
    assert_eq!(picked(&mut sites, id, &source, at(182_001)), B);
}

#[test]
fn a_lost_session_is_one_loss_while_others_are_let_in_and_a_failure_when_they_all_go() {
    let (mut sites, _) = sites();
    let id = sites.enter(ordered("g/0.1", 10, 20));
    let a = whom("a.example", A);
    assert!(!sites.is_one_loss(id, a, false, at(0).mono), "it was not let in, and none is");
    sites.served(id, a, true, at(0).mono);
    (0..3).for_each(|_| sites.target_ready(id, a, true, false));
    assert!(sites.is_one_loss(id, a, false, at(0).mono) && sites.is_one_loss(id, a, true, at(0).mono));
    sites.served(id, a, true, at(0).mono);
    let losses = (0..10).take_while(|_| sites.is_one_loss(id, a, true, at(0).mono)).count();
    assert_eq!(losses, 5, "three, and one for each other session");
    assert!(!sites.moves_on(id, a, at(0).mono), "others show that it serves");
    assert!(sites.moves_on(id, whom("b.example", B), at(0).mono));
}

#[test]
fn a_pause_counts_against_the_lifetime_until_something_is_delivered_and_the_next_process_knows_it() {
    let (mut sites, [id, _]) = two();
    let at = |second: u32| Now { mono: Instant(u64::from(second) * 1_000_000), unix: UnixTime(1000 + second) };
    let reply = ReplyRef { code: 421, enhanced: Some(Enhanced::new(4, 7, 28)), text: b"too much for <ann@a.example>" };
    let judgement = classify(reply, Phase::Mail, NextHop::Exchanger);
    assert!(sites.judged(id, &judgement, &reply.to_string(), at(0), &mut fastrand::Rng::with_seed(1)).is_some());
    assert_eq!(sites.holds.take_changes(), [(Held::Hosts, "mx.example".into(), UnixTime(1000))]);
    assert!(sites.is_failing(id) && !sites.is_given_up(id, at(0)) && sites.is_given_up(id, at(1)));
    let said = sites.take_failure(id).unwrap().reply.to_string();
    assert!(said.contains("421 4.7.28 too much for <…>"), "{said}");
    // What was begun before the pause may end well in it, and helps nobody who waits.
    sites.succeeded(id, 1, at(1));
    assert!(sites.is_failing(id) && sites.is_given_up(id, at(1)) && sites.holds.take_changes().is_empty());
    sites.succeeded(id, 1, at(661));
    assert!(!sites.is_failing(id) && !sites.is_given_up(id, at(661)));
    assert_eq!(sites.holds.take_changes(), [(Held::Hosts, "mx.example".into(), UnixTime(0))]);
}

#[test]
fn what_binds_is_the_journals_disk_or_rendering_while_nothing_is_in_stock() {
    let delivery = delivery(vec![Source::unbound("me.example".into())]);
    let (mut sites, mut queue, mut rng) = (sites_of(&delivery), Queue::new(), fastrand::Rng::with_seed(1));
    let site = sites.enter(Arc::new(Place::fixed("mx.example", ([192, 0, 2, 1], 25).into())));
    let board = Arc::new(Board::new(1));
    let mut ledger = Ledger::new((0, 0, Ahead::default()), Counters::default(), &delivery, None, board);
    let job = |ledger: &mut Ledger, sites: &mut Sites, row: u32| {
        sites.cooking(site, 1);
        let batch = Batch { domain: DomainId(0), attempts: 0, rows: Rows::List(vec![row]) };
        ledger.clear(site, batch, at(0))
    };
    let jobs = [0, 1].map(|row| job(&mut ledger, &mut sites, row));
    let ticket = ledger.take_append(at(0)).unwrap().ticket;
    assert_eq!(ledger.binding(at(20).mono), None, "a disk that takes its usual time");
    let disk = "the journal's disk: what is recorded takes 80 ms to be on stable storage";
    assert_eq!(ledger.binding(at(80).mono).unwrap(), disk);
    ledger.handle_durable(ticket, &mut queue, &mut sites, at(80), &mut rng);
    assert_eq!(ledger.binding(at(80).mono).unwrap(), "rendering: 2 batches are being made");
    let rendered = |job, messages| Rendered { job, messages, ..Rendered::default() };
    ledger.handle_rendered(rendered(jobs[0], Vec::new()), &mut sites, &mut queue, at(81));
    assert_eq!(ledger.binding(at(81).mono).unwrap(), "rendering: 1 batch is being made");
    let rows = [1].into_iter().collect();
    let envelope = Envelope::new(b"news@me.example");
    let message = Message { rows, envelope, content: b"x".to_vec().into(), eight_bit: false };
    ledger.handle_rendered(rendered(jobs[1], vec![message]), &mut sites, &mut queue, at(82));
    assert_eq!(ledger.binding(at(82).mono), None, "there is something to send");
}

/// The first of two shards, the board, and the other's inbox.
struct Pair<I: Io = SimIo> {
    shard: Shard<I>,
    board: Arc<Board>,
    lines: Vec<Line>,
    other: Receiver<ToShard>,
    journal: Receiver<Append>,
}

/// Domains that are known to belong to the other shard, `d0.example` and so on.
const FOREIGN: u32 = 3;

fn pair() -> Pair {
    pair_on(|io| io)
}

/// The first shard's driver is made of a good one.
fn pair_on<I: Io>(driver: impl FnOnce(SimIo) -> I) -> Pair<I> {
    let network = Network::new(1, Weather::FAIR);
    let drivers = [1, 2].map(|n| network.party(IpAddr::V4(Ipv4Addr::new(10, 1, 0, n))));
    let wakers = drivers.each_ref().map(|io| io.waker());
    let [(inbox_to, inbox), (other_to, other)] = [unbounded(), unbounded()];
    let [waker, other_waker] = wakers;
    let lines = vec![Line { inbox: inbox_to, waker }, Line { inbox: other_to, waker: other_waker }];
    let directory = Directory::mx();
    let [io, _] = drivers;
    let site = (0..).map(|n| format!("mx{n}.example")).find(|name| shard_of(name, 2) == 1).unwrap();
    for n in 0..FOREIGN {
        let exchanger = Exchanger::plain(10, site.as_str().into(), vec![Ipv4Addr::new(10, 0, 0, 1).into()]);
        let route = Route {
            exchangers: vec![exchanger],
            site: site.as_str().into(),
            valid_for: Duration::from_secs(86_400),
            skipped: Vec::new(),
            authentic: false,
        };
        directory.insert(&Question::Mx(format!("d{n}.example").into()), route, io.now().unix);
    }
    let (journal_to, journal) = unbounded();
    let board = Arc::new(Board::new(2));
    let ports = Ports {
        inbox,
        journal: journal_to,
        render: unbounded().0,
        router: None,
        peers: lines.clone(),
        board: board.clone(),
    };
    let start = Start {
        number: 0,
        delivery: delivery(vec![Source::unbound("me.example".into())]),
        descriptors: Descriptors::of_sessions(1000),
        directory: Arc::new(directory),
        memory: Arc::default(),
        tls: crate::tls::ClientConfig::new(&crate::tls::ClientOptions::default()).unwrap(),
        earlier: Default::default(),
        shareable: false,
        octets_min: OctetsMin { all: 1, own: 1 },
        seed: 1,
        observer: Observer::off(),
        watch: crate::engine::watch::Watch::default(),
        settled: Counters::default(),
    };
    Pair { shard: Shard::new(driver(io), ports, start), board, lines, other, journal }
}

impl<I: Io> Pair<I> {
    /// The first shard is given rows of each foreign domain.
    fn load(&self) {
        let runs = (0..FOREIGN).map(|domain| Run { domain, first: domain * 10, count: 10 }).collect();
        let new_domains = (0..FOREIGN).map(|n| format!("d{n}.example").into()).collect();
        self.lines[0].tell(ToShard::Chunk(Chunk { rows: FOREIGN * 10, runs, new_domains, ..Chunk::default() }));
    }

    fn turns_to_the_end(&mut self) -> usize {
        (1..100)
            .find(|_| {
                self.shard.turn().unwrap();
                for append in self.journal.try_iter() {
                    self.lines[0].tell(ToShard::Recorded(Recorded::Durable(append.ticket)));
                }
                self.shard.ended()
            })
            .expect("the shard ends")
    }
}

/// A driver that breaks, or panics.
struct Breaking(SimIo, bool);

impl Io for Breaking {
    fn now(&self) -> Now {
        self.0.now()
    }
    fn connect(&mut self, spec: &ConnectSpec) -> io::Result<ConnectionId> {
        self.0.connect(spec)
    }
    fn listen(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        self.0.listen(address)
    }
    fn out(&mut self, id: ConnectionId) -> &mut Out {
        self.0.out(id)
    }
    fn unsent(&self, id: ConnectionId) -> usize {
        self.0.unsent(id)
    }
    fn untouched(&self, id: ConnectionId) -> usize {
        self.0.untouched(id)
    }
    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.0.bytes(buffer)
    }
    fn release(&mut self, buffer: Buffer) {
        self.0.release(buffer);
    }
    fn quick_ack(&mut self, id: ConnectionId) {
        self.0.quick_ack(id);
    }
    fn close(&mut self, id: ConnectionId) {
        self.0.close(id);
    }
    fn abort(&mut self, id: ConnectionId) {
        self.0.abort(id);
    }
    fn set_deadline(&mut self, id: ConnectionId, at: Option<Instant>) {
        self.0.set_deadline(id, at);
    }
    fn waker(&self) -> Waker {
        self.0.waker()
    }
    fn poll(&mut self, _: Option<Instant>, _: &mut Vec<Event>) -> io::Result<()> {
        assert!(!self.1, "no such ring");
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }
}

#[test]
fn a_shard_that_breaks_ends_the_others_and_what_it_was_handed_waits() {
    for (panics, why) in
        [(false, "its driver fails: Bad file descriptor (os error 9)"), (true, "it panicked: no such ring")]
    {
        let mut pair = pair_on(|io| Breaking(io, panics));
        pair.load();
        let error = pair.shard.run().unwrap_err().to_string();
        assert_eq!(error, format!("shard 0 cannot go on: {why}"));
        assert!(matches!(pair.other.try_recv(), Ok(ToShard::Drain)));
        // From one that has not heard of it yet.
        let handed = Counters { loaded: 5, given_away: 5, ..Counters::default() };
        let rows = vec![Taken { first: 90, count: 5, attempts: 0 }];
        pair.lines[0].tell(ToShard::Adopted(FOREIGN, rows, Baggage::default()));
        let total = Counters::sum([&handed, &pair.shard.into_late().settle()]);
        assert!(total.adds_up() && total.waiting == u64::from(FOREIGN) * 10 + 5, "{total:?}");
    }
}

#[test]
fn who_is_withdrawn_from_a_shard_that_has_ended_stands_as_before() {
    let mut pair = pair();
    pair.lines[0].tell(ToShard::Stop);
    pair.turns_to_the_end();
    let withdrawn = [0, 2].into_iter().zip(0..).map(|(attempts, row)| Withdrawn { domain: 0, row, attempts });
    let withdrawn = withdrawn.collect();
    pair.lines[0].tell(ToShard::Resumed(Box::new(Resumed { withdrawn, ..Resumed::default() })));
    let mut counters = pair.shard.into_late().settle();
    counters.loaded += 2;
    assert!(counters.adds_up(), "{counters:?}");
    assert_eq!((counters.waiting, counters.deferred, counters.in_flight), (2, 1, 0));
}

#[test]
fn a_site_that_is_given_up_without_a_word_of_what_failed_loses_nobody() {
    let mut pair = pair();
    pair.load();
    pair.lines[0].tell(ToShard::Pause(true));
    let place = Arc::new(Place::fixed("mx.example", ([192, 0, 2, 1], 25).into()));
    let (site, now) = (pair.shard.sites.enter(place), pair.shard.io.now());
    let domain = DomainId(FOREIGN);
    pair.shard.ledger.counters.loaded += 10;
    pair.shard.ledger.counters.waiting += 10;
    pair.shard.queue.push_run(domain, 900, 10);
    pair.shard.queue.route(domain, site);
    assert!(pair.shard.sites.take_failure(site).is_none());
    pair.shard.expire_site(site, now);
    let ticket = pair.shard.ledger.take_append(now).unwrap().ticket;
    let Shard { ledger, sites, queue, rng, .. } = &mut pair.shard;
    ledger.handle_durable(ticket, queue, sites, now, rng);
    let counters = pair.shard.counters();
    assert!(counters.adds_up() && counters.expired == 10, "{counters:?}");
}

#[test]
fn what_failed_for_want_of_tls_is_the_sites_matter_where_tls_is_demanded() {
    let levels = [Level::Never, Level::Opportunistic, Level::Required, Level::Verified];
    assert_eq!(levels.map(|level| wants_security("STARTTLS", level)), [false, false, true, true]);
    assert!(!wants_security("EHLO", Level::Verified));
}

#[test]
fn a_shard_that_drains_hands_nothing_over() {
    let mut pair = pair();
    pair.lines[0].tell(ToShard::Drain);
    pair.load();
    pair.turns_to_the_end();
    assert!(pair.other.is_empty(), "{:?}", pair.other.try_recv());
    assert_eq!(pair.shard.counters().waiting, u64::from(FOREIGN) * 10);
}

#[test]
fn what_is_handed_over_is_waiting_until_the_other_shard_has_it() {
    let mut pair = pair();
    pair.load();
    pair.shard.turn().unwrap();
    assert_eq!((pair.other.len(), pair.shard.counters().waiting), (FOREIGN as usize, 0));
    let total = pair.board.total().counters;
    assert!(total.adds_up() && total.waiting == u64::from(FOREIGN) * 10, "{total:?}");
    assert!(!pair.board.is_done());
}

#[test]
fn a_shard_without_sessions_ends_in_the_turn_in_which_nothing_is_left_anywhere() {
    let mut pair = pair();
    pair.lines[0].tell(ToShard::LoadEnded);
    pair.shard.turn().unwrap();
    assert!(!pair.shard.ended(), "the other one has work");
    assert!(pair.board.let_go());
    pair.lines[0].tell(ToShard::Done);
    pair.shard.turn().unwrap();
    assert!(pair.shard.ended(), "it would sleep until a QUIT is given up that nobody said");
}

#[test]
fn a_shard_that_fails_does_not_keep_the_others_waiting_for_it() {
    let mut pair = pair();
    pair.lines[0].tell(ToShard::Rendered(Rendered { failed: Some("gone".into()), ..Rendered::default() }));
    assert_eq!(pair.turns_to_the_end(), 1);
    assert!(matches!(pair.other.try_recv(), Ok(ToShard::Drain)));
}

#[test]
fn while_a_look_at_the_suppression_is_overdue_nobody_is_handed_over() {
    let mut pair = pair();
    let late = |s: u64| {
        let Now { mono, unix } = pair.shard.io.now();
        Now { mono: mono.after(Duration::from_secs(s)), unix: UnixTime(unix.0 + s as u32) }
    };
    let (now, soon, stopped) = (late(0), late(1), late(10));
    let slept = Now { mono: soon.mono, unix: stopped.unix };
    let Pair { shard, board, .. } = &mut pair;
    shard.ledger.counters.in_flight = 1;
    board.sight().of("no.txt".to_owned());
    board.sight().clear(0, now);
    shard.heed_suppression(soon);
    assert!(!shard.is_held_up() && shard.next_due().is_none(), "a look each second will do");
    for overdue in [stopped, slept] {
        shard.heed_suppression(overdue);
        assert!(shard.is_held_up() && shard.next_due().is_some(), "{overdue:?}: who waits looks again");
        let words = "the suppression: no.txt could not be looked at for 10s, and nobody is handed over meanwhile";
        assert_eq!(shard.binding(overdue), (u64::MAX, words.to_owned()));
        board.sight().clear(1, overdue);
        shard.heed_suppression(overdue);
        assert!(!shard.is_held_up() && !shard.ledger.asks_for(1), "another edition is in force");
        board.sight().clear(0, now);
    }
    // The end of a pause wants a look that began later, in the same turn.
    shard.pause(true, now);
    board.sight().want(Instant(now.mono.0 + 1));
    shard.pause(false, now);
    assert!(shard.is_held_up(), "the last look was before");
}

#[test]
fn who_became_overdue_while_the_process_was_stopped_is_tried_once_more() {
    let later = |now: Now, mono_s: u64, unix_s: u64| Now {
        mono: now.mono.after(Duration::from_secs(mono_s)),
        unix: UnixTime(now.unix.0 + unix_s as u32),
    };
    for slept in [false, true] {
        let mut shard = pair().shard;
        let now = shard.io.now();
        shard.ledger.take_over(7, Past { first: now.unix, ..Past::default() });
        let busy = later(now, 30, 30);
        shard.note_stop(now, Some(now.mono), busy);
        let stopped = later(busy, if slept { 1 } else { 7200 }, 7200);
        assert!(shard.ledger.is_overdue(7, 1, false, stopped));
        shard.note_stop(busy, slept.then(|| later(busy, 600, 0).mono), stopped);
        assert!(shard.ledger.is_overdue(7, 1, false, stopped) != slept, "nothing was due");
        shard.note_stop(busy, Some(busy.mono), stopped);
        assert!(!shard.ledger.is_overdue(7, 1, false, stopped), "slept: {slept}");
    }
}

#[test]
fn while_somebody_looks_what_recipients_wait_for_is_not_old() {
    let mut pair = pair();
    pair.lines[0].tell(ToShard::Pause(true));
    pair.shard.queue.push_run(DomainId(0), 0, 10);
    pair.shard.unshown = false;
    assert_eq!(pair.shard.wait_until(None), None, "nobody looks: it sleeps");
    assert_eq!(pair.board.total().counters.delivered, 0);
    assert_eq!(pair.shard.wait_until(None), Some(pair.shard.published.after(SHOW_AGAIN)));
    assert_eq!(pair.shard.queue.take_all(DomainId(0)).count(), 1);
    assert_eq!(pair.shard.wait_until(None), None, "nobody waits");
}
