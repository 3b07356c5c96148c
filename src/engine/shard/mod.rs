//! A shard: one thread, one driver, and the sites it owns. It alone decides what its sessions do next.
//!
//! One turn of the loop: wait for the driver, walk its events through the sessions, take the inbox, move due retries,
//! cut and feed, then hand the turn's records to the journal in one append. Guarantees: G1 and G3 as `ledger` keeps
//! them; whoever waits for a shard that breaks is told; what a turn takes in has a bound. Locks are taken to show counts, and
//! where a turn had outcomes that all shards judge together (`refused`); never for a message. What concerns a whole site or
//! domain (its rows expire, move, are taken back) is walked through at once. The same code runs under the simulator, which
//! calls [`Shard::turn`] itself.

mod connection;
mod course;
mod desk;
mod dial;
mod egress;
mod ended;
mod feed;
mod group;
mod halt;
mod holds;
mod late;
mod ledger;
mod lifetime;
mod past;
mod ready;
mod refused;
mod routes;
mod sealed;
mod secure;
mod shortage;
mod show;
mod site;
mod size;
mod standing;
mod target;
#[cfg(test)]
pub(in crate::engine) mod tests;
mod trace;
mod watch;
mod ways;

use crossbeam_channel::{Receiver, Sender};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::base::caught::caught;
use crate::base::clock::{Ahead, Instant, Now};
use crate::base::out::Out;
use crate::content::OctetsMin;
use crate::engine::board::{Board, Counters};
use crate::engine::budget::Descriptors;
use crate::engine::campaign::Earlier;
use crate::engine::directory::Directory;
use crate::engine::memory::Memory;
use crate::engine::message::{Append, Baggage, Chunk, Line, Recorded, RenderJob, Rendered, Resumed, ToShard};
use crate::engine::policy::tally::Teller;
use crate::engine::router::RouteAsk;
use crate::engine::settings::Delivery;
use crate::engine::watch::Watch;
use crate::observe::Observer;
use crate::observe::trace::Tracer;
use crate::queue::{DomainId, Queue, SiteId, Taken};
use crate::wire::io::{ConnectionId, Event, Io};
use connection::Connection;
use egress::Egress;
use holds::Holds;
pub use late::Late;
use ledger::Ledger;
use site::Sites;

/// Events taken from the inbox in one turn, so that a flood of chunks does not starve the sessions.
const INBOX_TURN_MAX: usize = 256;
/// How often the counters are published.
const PUBLISH: Duration = Duration::from_millis(100);

/// How often they are while nothing happens and sessions are open.
const SHOW_AGAIN: Duration = Duration::from_secs(2);

/// What a shard is connected to.
pub struct Ports {
    /// What arrives.
    pub inbox: Receiver<ToShard>,
    /// To the recorder.
    pub journal: Sender<Append>,
    /// To the render threads.
    pub render: Sender<RenderJob>,
    /// To the router; `None` where the directory knows every domain.
    pub router: Option<Sender<RouteAsk>>,
    /// All shards, this one too, by number.
    pub peers: Vec<Line>,
    /// Where the counters are shown.
    pub board: Arc<Board>,
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Sending.
    Running,
    /// Nothing new begins.
    Draining {
        /// After this, sessions are cut.
        until: Instant,
    },
    /// Everything is settled and closed, or was told to stop.
    Ended,
}

/// A shard on the driver `I`.
pub struct Shard<I: Io> {
    io: I,
    ports: Ports,
    delivery: Delivery,
    directory: Arc<Directory>,
    /// Whether domains have their own routes; else one queue serves them all.
    by_domain: bool,
    queue: Queue,
    sites: Sites,
    ledger: Ledger,
    connections: Vec<Option<Box<Connection>>>,
    open: usize,
    domains: Vec<Arc<str>>,
    events: Vec<Event>,
    stage: Stage,
    paused: bool,
    load_ended: bool,
    /// The sessions were told that more is to come.
    more_comes: bool,
    /// Whether this shard keeps the others from ending.
    holds: bool,
    failed: Option<Arc<str>>,
    /// Outcomes that the brake has not counted.
    recent: refused::Recent,
    /// Why the smarthost is not found at present.
    no_smarthost: Option<String>,
    /// It was told that no session can be had with a server of our own, and none could since.
    told_of_ours: bool,
    /// Since when the event log has more to write than it should; nothing begins meanwhile.
    crowded: Option<Instant>,
    /// The suppression was not looked at in time; nothing begins meanwhile.
    blind: Option<feed::Blind>,
    tracer: Option<Tracer>,
    /// Where mail to the wanted recipients goes.
    traced_sites: HashSet<SiteId>,
    sessions_begun: u64,
    dirty: Vec<ConnectionId>,
    /// When overdue recipients are looked for.
    looks_at: Instant,
    published: Instant,
    /// Whether something may have changed since.
    unshown: bool,
    rng: fastrand::Rng,
    memory: Arc<Memory>,
    tls: crate::tls::ClientConfig,
    /// Who is told how TLS goes.
    teller: Option<Teller>,
    egress: Egress,
    /// No message has fewer octets.
    octets_min: u64,
    /// What was decrypted last.
    plain: Vec<u8>,
    /// What a session says, before TLS seals it; empty between turns.
    unsealed: Out,
}

/// What a new shard is given besides its ports.
pub struct Start {
    /// Its number.
    pub number: u16,
    /// How it delivers.
    pub delivery: Delivery,
    /// The descriptors that all shards' sessions may have.
    pub descriptors: Descriptors,
    /// Which site a domain belongs to.
    pub directory: Arc<Directory>,
    /// What hosts taught.
    pub memory: Arc<Memory>,
    /// TLS for its sessions.
    pub tls: crate::tls::ClientConfig,
    /// What earlier processes left in the journal.
    pub earlier: Earlier,
    /// Whether messages can share bytes: batches are then cut as large as a transaction may be.
    pub shareable: bool,
    /// No message has fewer octets.
    pub octets_min: OctetsMin,
    /// Seeds jitter.
    pub seed: u64,
    /// Where the sites' counts are shown.
    pub observer: Observer,
    /// Who watches.
    pub watch: Watch,
    /// The counts that a replayed journal told of, for the shard that shows them.
    pub settled: Counters,
}

impl<I: Io> Shard<I> {
    /// A shard that has nothing to do yet.
    pub fn new(io: I, ports: Ports, start: Start) -> Self {
        let Earlier { last_context, newest, holds } = start.earlier;
        let clock = Ahead::of(newest, io.now().unix);
        let holds = Holds::new(&holds, clock, start.delivery.retry.lifetime);
        let mut ledger = Ledger::new(
            (start.number, last_context, clock),
            start.settled,
            &start.delivery,
            start.watch.events,
            ports.board.clone(),
        );
        ledger.wake(io.now());
        Self {
            io,
            queue: Queue::new(),
            sites: Sites::new(start.shareable, &start.delivery, start.observer, holds).weighing(start.octets_min.own),
            egress: Egress::new(&start.delivery, start.number, start.descriptors),
            octets_min: start.octets_min.all,
            ledger,
            ports,
            teller: start.watch.tls,
            delivery: start.delivery,
            by_domain: start.directory.needs_look_ups() && !start.directory.has_smarthost(),
            directory: start.directory,
            connections: Vec::new(),
            open: 0,
            domains: Vec::new(),
            events: Vec::with_capacity(1024),
            stage: Stage::Running,
            paused: false,
            load_ended: false,
            more_comes: false,
            holds: true,
            failed: None,
            recent: refused::Recent::default(),
            no_smarthost: None,
            told_of_ours: false,
            crowded: None,
            blind: None,
            tracer: start.watch.trace,
            traced_sites: HashSet::new(),
            sessions_begun: 0,
            dirty: Vec::new(),
            looks_at: Instant::default(),
            published: Instant::default(),
            unshown: true,
            rng: fastrand::Rng::with_seed(start.seed),
            memory: start.memory,
            tls: start.tls,
            plain: Vec::new(),
            unsealed: Out::new(),
        }
    }

    /// Runs until the campaign is settled, drained or stopped.
    ///
    /// # Errors
    /// The shard broke, its driver, or the journal: the reason. Everything durable stays so, and no other shard waits for
    /// this one.
    pub fn run(&mut self) -> io::Result<()> {
        match caught(|| self.turn_to_the_end()) {
            Ok(Ok(())) => self.publish(self.io.now()),
            Ok(Err(error)) => self.give_out(&format!("its driver fails: {error}")),
            Err(why) => self.give_out(&format!("it panicked: {why}")),
        }
        match &self.failed {
            Some(reason) => Err(io::Error::other(reason.to_string())),
            None => Ok(()),
        }
    }

    fn turn_to_the_end(&mut self) -> io::Result<()> {
        while self.stage != Stage::Ended {
            self.turn()?;
        }
        Ok(())
    }

    /// Whether the shard has ended.
    pub fn ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// When the shard next has something to do of its own accord, for whoever moves time.
    pub fn next_due(&self) -> Option<Instant> {
        if !self.dirty.is_empty() {
            return Some(Instant::default());
        }
        // What cannot begin now is not due: a shard that waits for it would never sleep.
        let sites = match self.stage {
            Stage::Draining { until } => return Some(until),
            _ if self.is_held_up() => self.sites.next_wake(),
            _ => [self.sites.next_due(), self.egress.next_due()].into_iter().flatten().min(),
        };
        let sight = self.blind.as_ref().map(|_| self.io.now().mono.after(feed::BLIND_LOOK));
        [self.queue.next_due(), sites, self.watch_due(), self.look_due(), sight].into_iter().flatten().min()
    }

    /// The counters as they stand.
    pub fn counters(&self) -> &Counters {
        &self.ledger.counters
    }

    /// One turn: see the head of this file.
    ///
    /// # Errors
    /// The driver broke.
    pub fn turn(&mut self) -> io::Result<()> {
        let before = self.io.now();
        let due = if self.ports.inbox.is_empty() { self.next_due() } else { Some(Instant::default()) };
        let mut events = std::mem::take(&mut self.events);
        self.io.poll(self.wait_until(due), &mut events)?;
        let now = self.io.now();
        self.unshown |= !events.is_empty();
        self.note_stop(before, due, now);
        self.heed_suppression(now);
        for event in events.drain(..) {
            self.handle_event(event, now);
        }
        self.events = events;
        self.take_inbox(now);
        self.queue.poll_due(now.mono);
        self.route_strays(now);
        while let Some(site) = self.queue.poll_ready() {
            self.sites.touch(site);
        }
        self.watch(now);
        self.use_sources(now);
        self.expire_overdue(now);
        self.feed_sites(now);
        self.tell_what_comes();
        self.transmit(now);
        self.brake(now);
        self.write_journal(now);
        self.advance_stage(now);
        self.stir_others();
        if now.mono.since(self.published) >= PUBLISH {
            self.publish(now);
        }
        Ok(())
    }

    /// Wakes the shards that wait for what this one gave back, or that have what it waits for.
    fn stir_others(&mut self) {
        let stirred = self.egress.stirred();
        if stirred.is_empty() {
            return;
        }
        for (number, peer) in (0u16..).zip(&self.ports.peers) {
            if stirred.has(number) {
                peer.waker.wake();
            }
        }
    }

    fn wait_until(&self, due: Option<Instant>) -> Option<Instant> {
        // What has changed is shown soon. When nothing changes the shard sleeps until something is due; but what sessions
        // wait for, or recipients while somebody looks, and for how long, is not to be old.
        let ages = || self.open > 0 || self.ports.board.is_watched() && self.queue.counts().waiting() > 0;
        let again = if self.unshown { Some(PUBLISH) } else { ages().then_some(SHOW_AGAIN) };
        let show = again.map(|again| self.published.after(again));
        [due, show].into_iter().flatten().min()
    }

    fn handle_event(&mut self, event: Event, now: Now) {
        match event {
            Event::Connected(id) => self.handle_connected(id, now),
            Event::ConnectFailed(id, errno) => self.handle_connect_failed(id, errno, now),
            Event::Data(id, buffer) => self.handle_data(id, buffer, now),
            Event::Drained(id) => self.handle_drained(id, now),
            Event::Closed(id, _) => self.handle_closed(id, now),
            Event::Deadline(id) => self.handle_deadline(id, now),
            Event::Accepted(_, id, _) => self.io.abort(id),
            Event::Inbox => {}
        }
    }

    fn take_inbox(&mut self, now: Now) {
        for _ in 0..INBOX_TURN_MAX {
            let Ok(message) = self.ports.inbox.try_recv() else { return };
            match message {
                ToShard::Chunk(chunk) => self.add_chunk(&chunk, now),
                ToShard::Resumed(resumed) => self.resume(*resumed, now),
                ToShard::Adopted(domain, rows, baggage) => self.adopt(DomainId(domain), &rows, &baggage),
                ToShard::LoadEnded => self.load_ended = true,
                ToShard::Rendered(rendered) => self.handle_rendered(rendered, now),
                ToShard::Recorded(recorded) => self.handle_recorded(recorded, now),
                ToShard::Routed(answer) => self.handle_route(answer, now),
                ToShard::Done => {}
                ToShard::Pause(paused) => self.pause(paused, now),
                ToShard::Drain => self.drain(now),
                ToShard::Stop => self.stop(),
            }
        }
    }

    fn add_chunk(&mut self, chunk: &Chunk, now: Now) {
        self.sites.holds.loading(now.unix);
        self.ledger.tell_suppressed(chunk, now);
        self.ledger.counters.load(chunk);
        if self.by_domain {
            self.domains.extend(chunk.new_domains.iter().cloned());
        }
        for run in &chunk.runs {
            self.queue.push_run(self.domain(run.domain), run.first, run.count);
        }
        self.offer(&chunk.runs, 0);
    }

    fn resume(&mut self, resumed: Resumed, now: Now) {
        self.domains.extend(resumed.domains);
        for run in &resumed.runs {
            self.ledger.counters.waiting += u64::from(run.count);
            self.queue.push_run(self.domain(run.domain), run.first, run.count);
        }
        self.offer(&resumed.runs, resumed.retries.len());
        self.ledger.learn(&resumed.words);
        for retry in &resumed.retries {
            self.ledger.counters.waiting += 1;
            // Where no attempt counts, no lifetime runs.
            if retry.attempts > 0 {
                self.ledger.counters.deferred += 1;
                self.ledger.take_over(retry.row, retry.past);
            }
            let rests = Duration::from_secs(retry.rests_s.into());
            self.queue.schedule(self.domain(retry.domain), retry.row, retry.attempts, now.mono.after(rests));
        }
        for open in &resumed.reopened {
            self.ledger.reopen(self.domain(open.domain), open, now);
        }
        for withdrawn in &resumed.withdrawn {
            self.ledger.withdraw(self.domain(withdrawn.domain), withdrawn, now);
        }
    }

    /// Where everything goes to one site there is one queue: adjacent runs merge, whatever their domains.
    fn domain(&self, number: u32) -> DomainId {
        DomainId(if self.by_domain { number } else { 0 })
    }

    /// Takes over a domain whose site belongs to this shard.
    fn adopt(&mut self, domain: DomainId, rows: &[Taken], baggage: &Baggage) {
        self.ledger.unpack(baggage);
        self.ledger.counters.taken_over += count_of(rows);
        self.ledger.counters.wait(rows);
        rows.iter().for_each(|taken| self.queue.give_back(taken.batch(domain)));
        self.take_hold();
        self.ports.board.let_go();
    }

    /// This shard has work again: no other may end.
    fn take_hold(&mut self) {
        if !self.holds {
            self.holds = true;
            self.ports.board.hold();
        }
    }

    fn handle_rendered(&mut self, rendered: Rendered, now: Now) {
        if let Some(reason) = &rendered.failed {
            return self.halt(reason.as_str().into(), now);
        }
        self.ledger.handle_rendered(rendered, &mut self.sites, &mut self.queue, now);
    }

    fn handle_recorded(&mut self, recorded: Recorded, now: Now) {
        match recorded {
            Recorded::Durable(ticket) => {
                self.ledger.handle_durable(ticket, &mut self.queue, &mut self.sites, now, &mut self.rng);
            }
            Recorded::Short(reason) => self.halt(reason, now),
            Recorded::Failed(reason) => self.fail(reason),
        }
    }

    fn write_journal(&mut self, now: Now) {
        for change in self.sites.holds.take_changes() {
            self.ledger.record_hold(&change);
        }
        while let Some(append) = self.ledger.take_append(now) {
            if self.ports.journal.send(append).is_err() {
                return self.fail("the journal's thread has ended".into());
            }
        }
    }

    fn drain(&mut self, now: Now) {
        if self.stage == Stage::Running {
            self.stage = Stage::Draining { until: now.mono.after(self.delivery.drain) };
            self.ledger.release_all(&mut self.sites, &mut self.queue, now);
            self.egress.end();
            // Nothing is under way in a session that was not let in, and that may take minutes.
            self.cut_connections(|connection| !connection.ready && !connection.ended);
            self.for_each_connection(|connection| connection.session.quit());
        }
    }

    fn stop(&mut self) {
        self.cut_connections(|_| true);
        self.egress.end();
        self.stage = Stage::Ended;
    }

    /// Tells the sessions whether they may get more: one that waits for it in vain would hold up the end.
    fn tell_what_comes(&mut self) {
        let more = !self.load_ended || self.queue.counts().waiting() > 0;
        if std::mem::replace(&mut self.more_comes, more) != more {
            self.for_each_connection(|connection| connection.session.expect_more(more));
        }
    }

    fn advance_stage(&mut self, now: Now) {
        match self.stage {
            Stage::Running if self.load_ended && self.is_settled() => {
                if std::mem::take(&mut self.holds) && self.ports.board.let_go() {
                    self.ports.peers.iter().for_each(|peer| peer.tell(ToShard::Done));
                }
                if !self.ports.board.is_done() {
                    return;
                }
                if self.ledger.has_unmade() {
                    return self.judge_unmade(true, now);
                }
                self.stage =
                    Stage::Draining { until: now.mono.after(self.delivery.timeouts.quit.min(self.delivery.drain)) };
                self.for_each_connection(|connection| connection.session.quit());
            }
            Stage::Draining { until } if now.mono >= until => {
                self.cut_connections(|_| true);
                self.stage = Stage::Draining { until: Instant::FAR };
            }
            _ => {}
        }
        // With nothing open nothing would wake it again.
        if matches!(self.stage, Stage::Draining { .. }) && self.open == 0 && self.ledger.is_quiet() {
            self.stage = Stage::Ended;
        }
    }
}

fn count_of(rows: &[Taken]) -> u64 {
    rows.iter().map(|taken| u64::from(taken.count)).sum()
}
