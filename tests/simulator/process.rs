//! One sending process: what `engine::run` makes of threads is pumped here by hand, in virtual time. Loader, dispatch,
//! shards, render presses and journal are the real ones.
//!
//! Guarantees: every answer takes a while that the seed chooses; after each turn the counters are compared (G1, G2).

use crate::counts::settled_within;
use crate::ground::{Ground, Left};
use crate::scenario::{Ending, Loads, Mutation, Routing, Scenario};
use crate::seen::Ability;
use crate::storage::{Said, Storage};
use crate::words::without_attempts;
use crossbeam_channel::{Receiver, unbounded};
use posthaste::base::clock::Instant;
use posthaste::engine::board::{Board, Counters};
use posthaste::engine::budget::Descriptors;
use posthaste::engine::campaign::Campaign;
use posthaste::engine::directory::Directory;
use posthaste::engine::dispatch::Dispatch;
use posthaste::engine::loader::{self, List, LoadSpec, Loaded};
use posthaste::engine::message::{Append, Line, Recorded, RenderJob, Rendered, ToShard};
use posthaste::engine::render::Press;
use posthaste::engine::router::RouteAsk;
use posthaste::engine::shard::{Late, Ports, Shard, Start};
use posthaste::engine::table::TableWriter;
use posthaste::journal::record::{Entry, entries};
use posthaste::journal::state::State;
use posthaste::wire::io::Io as _;
use posthaste::wire::sim::SimIo;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Turns at one instant of virtual time: more, and something spins.
const TURNS_AT_ONCE_MAX: u64 = 20_000;
/// So many descriptors are never short.
const ENOUGH: u32 = 1000;
/// Where it sends from.
pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));
/// Turns of one process.
const TURNS_MAX: u64 = 3_000_000;

/// What happens later.
enum Later {
    Load,
    LoadEnded,
    Rendered(u16, Rendered),
    Route(RouteAsk),
    GoOn,
}

struct Process<'g, 'a> {
    ground: &'g mut Ground<'a>,
    shards: Vec<Option<Shard<SimIo>>>,
    /// What is left of those that have ended.
    late: Vec<Option<Late>>,
    counters: Vec<Counters>,
    lines: Vec<Line>,
    journal: Receiver<Append>,
    render: Receiver<RenderJob>,
    routes: Receiver<RouteAsk>,
    directory: Arc<Directory>,
    dispatch: Dispatch,
    press: Press,
    /// Shows the clock of this process.
    clock: SimIo,
    storage: Storage,
    table: TableWriter,
    loads: Loads,
    later: BTreeMap<(Instant, u64), Later>,
    sequence: u64,
    acknowledged: State,
    appended: usize,
    board: Arc<Board>,
    descriptors: Descriptors,
}

/// Runs one process on the campaign until it ends as it is to.
pub fn live(ground: &mut Ground<'_>, campaign: Campaign, ending: Ending) -> Result<Left, String> {
    let mut process = Process::start(ground, campaign, ending);
    let mut turn = 0;
    let mut turns_at_once = 0;
    let mut drained = None;
    let through = loop {
        turn += 1;
        if matches!(ending, Ending::Crash { turn: last, .. } if turn >= last) {
            return Ok(process.leave(false, false));
        }
        if matches!(ending, Ending::Stop { turn: last } if turn == last) {
            process.tell_all(|| ToShard::Stop);
        }
        let drains = if let Ending::Drain { turn: first } = ending { process.drain(first, turn) } else { false };
        let held = process.board.halt().held().is_some();
        if process.ground.scenario.pause == Some(turn) {
            process.tell_all(|| ToShard::Pause(true));
            process.later(600_000_000, Later::GoOn);
        }
        for &(_, ahead_s) in process.ground.scenario.jumps.iter().filter(|(at, _)| *at == turn) {
            process.ground.set_wall(ahead_s);
        }
        let before = process.ground.network.now();
        process.note_drain(ending, turn, drains);
        if held || matches!(ending, Ending::Drain { turn: first } if turn >= first) && !drains {
            let end = *drained.get_or_insert(before.after(process.drains_within()));
            if before > end {
                return Err(format!("stuck after a drain: {before:?} is past {end:?}; {:?}", process.total()));
            }
        }
        process.turn()?;
        if process.shards.iter().all(Option::is_none) {
            break !matches!(ending, Ending::Drain { turn: last } | Ending::Stop { turn: last } if turn >= last)
                && process.board.halt().held().is_none()
                && process.board.halt().held_sites().1 == 0;
        }
        if !process.pass_time() && !drains {
            if process.loads == Loads::Everything {
                return Err(format!("stuck: nothing will ever happen; {:?}", process.total()));
            }
            // It is where it was to be: now it dies.
            return Ok(process.leave(false, false));
        }
        turns_at_once = if process.ground.network.now() == before { turns_at_once + 1 } else { 0 };
        if turns_at_once > TURNS_AT_ONCE_MAX || turn > TURNS_MAX {
            let now = process.ground.network.now();
            return Err(format!("it spins at {now:?} in turn {turn}: {:?}", process.total()));
        }
    };
    process.close();
    process.settle_late();
    let failed = process.storage.has_failed();
    let stopped = matches!(ending, Ending::Stop { turn: last } if turn >= last);
    let mut left = process.leave(!failed && !stopped, through && !failed);
    left.exact = !failed;
    Ok(left)
}

impl<'g, 'a> Process<'g, 'a> {
    fn start(ground: &'g mut Ground<'a>, campaign: Campaign, ending: Ending) -> Self {
        let scenario = ground.scenario;
        let address = HOME;
        let clock = ground.network.party(address);
        let now = clock.now();
        let delivery = ground.delivery();
        let rest = campaign.rest(&delivery.retry, now.unix).unwrap();
        let table = Arc::new(campaign.table.reader().unwrap());
        let directory = Arc::new(ground.town.directory());
        let begin = campaign.start();
        let written = (scenario.journal_window, scenario.journal_flights);
        let mut storage = Storage::new(begin, written, scenario.sync_us_max, scenario.shards, ground.mutation);
        storage.open(&mut ground.disk);
        if let Ending::JournalFails { writes } = ending {
            storage.fail_after(writes);
        }
        let by_domain = matches!(scenario.routing, Routing::Sites(_));
        let count = if by_domain { scenario.shards } else { delivery.lanes(scenario.shards) };
        let drivers: Vec<SimIo> = (0..count).map(|_| ground.network.party(address)).collect();
        let inboxes: Vec<_> = drivers.iter().map(|_| unbounded::<ToShard>()).collect();
        let lines: Vec<Line> = (inboxes.iter().zip(&drivers))
            .map(|((inbox, _), io)| Line { inbox: inbox.clone(), waker: io.waker() })
            .collect();
        let (journal_to, journal) = unbounded();
        let (render_to, render) = unbounded();
        let (routes_to, routes) = unbounded();
        let board = Arc::new(Board::new(usize::from(count)));
        board.know_doubtful(campaign.doubtful());
        let unheard_of = if ground.mutation == Mutation::DescriptorsForgotten { 3 } else { 0 };
        let descriptors = Descriptors::of_sessions(scenario.descriptors + unheard_of);
        let shards = drivers.into_iter().zip(inboxes).zip(0u16..).map(|((io, (_, inbox)), number)| {
            let ports = Ports {
                inbox,
                journal: journal_to.clone(),
                render: render_to.clone(),
                router: directory.needs_look_ups().then(|| routes_to.clone()),
                peers: lines.clone(),
                board: board.clone(),
            };
            let start = Start {
                observer: posthaste::observe::Observer::off(),
                number,
                delivery: delivery.clone().part_of(number, count, !by_domain),
                descriptors: descriptors.clone(),
                directory: directory.clone(),
                memory: ground.memory.clone(),
                tls: ground.tls.clone(),
                earlier: campaign.earlier(number),
                shareable: ground.composer.is_shareable(),
                octets_min: ground.composer.octets_min(),
                seed: scenario.seed ^ u64::from(number),
                watch: Default::default(),
                settled: if number == 0 { campaign.settled() } else { Counters::default() },
            };
            Some(Shard::new(io, ports, start))
        });
        let shards: Vec<_> = shards.collect();
        let mut dispatch = Dispatch::new(lines.clone(), (!by_domain).then(|| delivery.shares(count)));
        dispatch.resume(rest);
        let recipients_max = scenario.delivery.recipients_per_transaction as usize;
        let mut process = Self {
            press: Press::new(table, ground.composer.clone(), recipients_max),
            clock,
            ground,
            late: shards.iter().map(|_| None).collect(),
            counters: vec![Counters::default(); shards.len()],
            shards,
            lines,
            journal,
            render,
            routes,
            directory,
            dispatch,
            storage,
            table: campaign.table,
            loads: if let Ending::Crash { loads, .. } = ending { loads } else { Loads::Everything },
            later: BTreeMap::new(),
            sequence: 0,
            acknowledged: campaign.state,
            appended: 0,
            board,
            descriptors,
        };
        if process.loads != Loads::Nothing {
            process.later(50_000, Later::Load);
        }
        process
    }

    /// Everybody does what there is to do.
    fn turn(&mut self) -> Result<(), String> {
        for slot in 0..self.shards.len() {
            let Some(Some(shard)) = self.shards.get_mut(slot) else { continue };
            shard.turn().unwrap();
            self.counters[slot] = shard.counters().clone();
            if shard.ended() {
                self.late[slot] = self.shards[slot].take().map(Shard::into_late);
            }
        }
        self.ground.town.turn(self.ground.network.now());
        self.pump();
        self.check()
    }

    /// Carries messages between the rooms.
    fn pump(&mut self) {
        let jobs: Vec<_> = self.render.try_iter().collect();
        for job in jobs {
            let rendered = self.press.render(&job);
            self.later(self.ground.scenario.render_us_max, Later::Rendered(job.shard, rendered));
        }
        let asks: Vec<_> = self.routes.try_iter().collect();
        asks.into_iter().for_each(|ask| self.later(2_000_000, Later::Route(ask)));
        let now = self.ground.network.now();
        while let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            let later = entry.remove();
            self.happen(later);
        }
        self.write_journal();
    }

    fn write_journal(&mut self) {
        for mut append in self.journal.try_iter() {
            if self.ground.mutation == Mutation::AttemptsUnrecorded {
                append.entries = without_attempts(&append.entries);
            }
            self.appended += append.entries.len();
            let records = entries(&append.entries).filter_map(|entry| match entry {
                Ok(Entry::Record(record)) => Some((self.ground.network.now(), record)),
                _ => None,
            });
            self.ground.told.extend(records);
            self.ground.trace.note(&append.entries);
            self.storage.take(append);
        }
        let Ground { disk, rng, network, trace, words, .. } = &mut *self.ground;
        let (acknowledged, lines) = (&mut self.acknowledged, &self.lines);
        self.storage.turn(disk, rng, network.now(), &mut |said| match said {
            Said::Durable(appends) => {
                for append in &appends {
                    acknowledged.fold(&append.entries);
                    words.note(&append.entries, acknowledged);
                }
                if let Some(last) = appends.last() {
                    trace.note(&last.ticket.to_le_bytes());
                    lines[usize::from(last.shard)].tell(ToShard::Recorded(Recorded::Durable(last.ticket)));
                }
            }
            Said::Failed => {
                lines.iter().for_each(|line| line.tell(ToShard::Recorded(Recorded::Failed("the disk broke".into()))));
            }
        });
    }

    fn happen(&mut self, later: Later) {
        match later {
            Later::Load => self.load(),
            Later::GoOn => self.tell_all(|| ToShard::Pause(false)),
            Later::LoadEnded => self.dispatch.tell_all(|| ToShard::LoadEnded),
            Later::Rendered(shard, rendered) => self.lines[usize::from(shard)].tell(ToShard::Rendered(rendered)),
            Later::Route(ask) => {
                let now = self.clock.now().unix;
                let answer = self.ground.town.answer(&ask, &self.directory, now);
                self.lines[usize::from(ask.shard)].tell(ToShard::Routed(answer));
            }
        }
    }

    fn load(&mut self) {
        let spec = LoadSpec {
            list: List::at(self.ground.list.to_owned()),
            email: "email".to_owned(),
            header_columns: vec!["name".to_owned()],
            letter: None,
            max_rejected: 1.0,
            suppression: &self.ground.suppression,
            readmitted: &[],
            quiet: Duration::ZERO,
            onlooker: None,
        };
        let mut ended = false;
        loader::load(&spec, &mut self.table, &AtomicBool::new(false), |loaded| match loaded {
            Loaded::Chunk(chunk) => {
                self.acknowledged.load(chunk.rows, chunk.suppressed);
                self.dispatch.chunk(chunk);
                if self.loads == Loads::AChunk { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Loaded::End(_) => {
                ended = true;
                ControlFlow::Break(())
            }
            other => panic!("{other:?}"),
        });
        if ended && self.loads == Loads::Everything {
            self.later(200_000, Later::LoadEnded);
        }
    }

    fn later(&mut self, us_max: u64, later: Later) {
        self.sequence += 1;
        let at = self.ground.network.now().after(Duration::from_micros(self.ground.rng.u64(0..=us_max)));
        self.later.insert((at, self.sequence), later);
    }

    /// Lets time pass to what comes next; `false` if nothing ever does.
    fn pass_time(&mut self) -> bool {
        let shards = self.shards.iter().flatten().filter_map(Shard::next_due);
        let later = self.later.keys().next().map(|(at, _)| *at);
        let due = shards.chain(later).chain(self.storage.next_due()).min();
        let busy = self.shards.iter().zip(&self.lines).any(|(shard, line)| shard.is_some() && !line.inbox.is_empty());
        if busy || due.is_some_and(|due| due <= self.ground.network.now()) {
            return true;
        }
        self.ground.clock.poll(due, &mut Vec::new()).unwrap();
        self.ground.network.step()
    }

    /// Tells the shards whose turn it is to hear of the drain; whether others will hear of it later.
    fn drain(&self, first: u64, turn: u64) -> bool {
        let (lag, backwards) = self.ground.scenario.drain_lag;
        let count = self.lines.len() as u64;
        for (slot, line) in (0u64..).zip(&self.lines) {
            let nth = if backwards { count - 1 - slot } else { slot };
            let deaf = self.ground.mutation == Mutation::DeafToDrains && slot + 1 == count;
            if turn == first + nth * lag && !deaf {
                line.tell(ToShard::Drain);
            }
        }
        (first..first + (count - 1) * lag).contains(&turn)
    }

    /// Notes what a drain that begins, or is being heard of, meets.
    fn note_drain(&mut self, ending: Ending, turn: u64, drains: bool) {
        let Ending::Drain { turn: first } = ending else { return };
        if turn < first || self.shards.len() < 2 || self.total().in_flight == 0 {
            return;
        }
        if turn == first {
            self.ground.seen.note(Ability::DrainOfSeveral);
        }
        if drains {
            self.ground.seen.note(Ability::DrainHeardLate);
        }
    }

    /// How long a drain may take from when all shards have heard of it: what is under way may be waited for until it is cut,
    /// what that leaves is written, and some time is a connection's own.
    fn drains_within(&self) -> Duration {
        let Scenario { delivery, sync_us_max, .. } = self.ground.scenario;
        let written = Duration::from_micros(*sync_us_max) * 20;
        delivery.drain + delivery.connect_timeout + delivery.timeouts.quit + written + Duration::from_secs(60)
    }

    fn tell_all(&self, message: impl Fn() -> ToShard) {
        self.lines.iter().for_each(|line| line.tell(message()));
    }

    fn total(&self) -> Counters {
        Counters::sum(&self.counters)
    }

    /// G1 and G2, now, and what the machine has.
    fn check(&mut self) -> Result<(), String> {
        let total = self.total();
        self.check_descriptors(&total)?;
        self.ground.trace.note_counters(self.ground.network.now(), &total);
        if !total.adds_up() {
            return Err(format!("G2: the counters do not add up: {total:?}"));
        }
        settled_within(&total, &self.acknowledged).map_err(|e| format!("G1: before it was said to be durable: {e}"))
    }

    /// No more sessions are open than there are descriptors for.
    fn check_descriptors(&mut self, total: &Counters) -> Result<(), String> {
        let most = self.ground.scenario.descriptors;
        if most >= ENOUGH {
            return Ok(());
        }
        if total.waiting > 0 && !self.descriptors.sessions.waiting.shards().is_empty() {
            self.ground.seen.note(Ability::ShortOfDescriptors);
        }
        let open = self.ground.network.connections_from(HOME);
        if open > most as usize {
            return Err(format!("{open} connections are open, and there are {most} descriptors"));
        }
        Ok(())
    }

    /// The end of a process that ends in order: what it appended is written.
    fn close(&mut self) {
        self.later.clear();
        while !self.storage.is_closed() {
            self.storage.close();
            self.ground.town.turn(self.ground.network.now());
            self.write_journal();
            if self.storage.is_closed() || !self.pass_time() {
                return;
            }
        }
    }

    /// What became durable after the shards had ended is counted.
    fn settle_late(&mut self) {
        for (late, counters) in self.late.iter_mut().zip(&mut self.counters) {
            if let Some(late) = late.take() {
                *counters = late.settle();
            }
        }
    }

    fn leave(self, in_order: bool, through: bool) -> Left {
        let counters = self.total();
        let halt = self.board.halt();
        Left {
            counters,
            acknowledged: self.acknowledged,
            in_order,
            exact: false,
            through,
            appended: self.appended,
            held: halt.held().cloned(),
            held_sites: halt.held_sites().0,
        }
    }
}
