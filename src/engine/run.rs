//! A running engine: its threads, and how they are started, told things, and ended.
//!
//! Threads: one for each shard, one for each render worker, the recorder, the loader, the memory's, and the router's
//! two where domains are looked up. Guarantees: an error at the start ends every thread that was started; the end is
//! orderly: the shards first, then whoever served them, the recorder last, so that all that was recorded is durable; where a
//! thread breaks, whoever waits for it is told, and the engine ends by itself, with the reason.
//! Leaves to others: signals, progress, and what the exit code says (`app`).

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::caught::caught;
use crate::base::remedy;
use crate::content::Composer;
use crate::engine::board::{Board, Counters};
use crate::engine::budget::Descriptors;
use crate::engine::campaign::{Campaign, OpenError, Rest};
use crate::engine::directory::Directory;
use crate::engine::dispatch::Dispatch;
use crate::engine::load::{self, Load, LoadEnd, Loading};
use crate::engine::loader::{LoadError, Loaded};
use crate::engine::memory::{self, Keeper};
use crate::engine::message::{Append, Line, RenderJob, ToShard};
use crate::engine::policy::Policies;
use crate::engine::policy::tally::Tally;
use crate::engine::recorder::{self, Recorder};
use crate::engine::render::{self, Press};
use crate::engine::router::{Router, RouterError};
use crate::engine::settings::Delivery;
use crate::engine::shard::{Late, Ports, Shard, Start};
use crate::engine::suppressions::Watcher;
use crate::engine::table::TableWriter;
use crate::engine::watch::Watch;
use crate::journal::disk::{Disk, Fault};
use crate::journal::writer::{Config as JournalConfig, Journal};
use crate::observe::events::{EventLog, Written};
use crate::observe::trace::Trace;
use crate::observe::{DnsCounters, Observer};
use crate::tls;
use crate::wire::clock::unix_now;
use crate::wire::dns::ResolverConfig;
use crate::wire::io::{Io, Waker};
use crate::wire::ring::{Options as RingOptions, Ring, SetupError};

/// What an engine is made of, besides the campaign.
pub struct Setup {
    /// The journal's disk: the one the campaign was opened with.
    pub disk: Box<dyn Disk + Send>,
    /// Makes the messages.
    pub composer: Arc<Composer>,
    /// How to deliver.
    pub delivery: Delivery,
    /// Where domains are delivered.
    pub directory: Arc<Directory>,
    /// How they are looked up, if they are.
    pub resolver: ResolverConfig,
    /// What TLS they demand.
    pub policies: Policies,
    /// Where it is counted how TLS goes, if it is: the one that `policies` tell.
    pub tally: Option<Tally>,
    /// What every TLS connection shares.
    pub tls: tls::ClientConfig,
    /// Shards; at least 1.
    pub shards: u16,
    /// Render threads; at least 1.
    pub render_threads: usize,
    /// Metrics.
    pub observer: Observer,
    /// The event log, if one is kept.
    pub events: Option<EventLog>,
    /// The trace, if one is written.
    pub trace: Option<Trace>,
    /// How long entries wait for others to share their commit.
    pub journal_window: Duration,
    /// The file of what hosts taught.
    pub hosts: PathBuf,
    /// The list, and how it is loaded.
    pub load: Load,
    /// The files that this process may open.
    pub open_files: OpenFiles,
}

/// The files that a process may open.
#[derive(Clone, Copy, Debug)]
pub struct OpenFiles {
    /// Their limit.
    pub limit: u64,
    /// How many a session takes: two where its other end is in this process too.
    pub each: u64,
}

/// Files that others than sessions may come to have open: the journal's next segments, the list, the table, what is replaced
/// as a whole, scrapes of metrics.
const FILES_RESERVED: u64 = 32;
/// The same for look-ups: sockets towards name servers and hosts of policies.
const LOOK_UP_FILES_RESERVED: u64 = 96;

/// What is left for sessions once everything else has begun.
fn session_descriptors(files: &OpenFiles, look_ups: bool) -> io::Result<Descriptors> {
    const OPEN: &str = "/proc/self/fd";
    let listed = std::fs::read_dir(OPEN);
    let listed = listed.map_err(|e| io::Error::new(e.kind(), format!("cannot read {OPEN}: {}", remedy::told(&e))))?;
    let open = listed.count() as u64;
    let reserve = FILES_RESERVED + if look_ups { LOOK_UP_FILES_RESERVED } else { 0 };
    Ok(Descriptors::under(files.limit, open, reserve, files.each))
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The campaign.
    #[error(transparent)]
    Campaign(#[from] OpenError),
    /// The ring.
    #[error(transparent)]
    Ring(#[from] SetupError),
    /// The router.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// The journal, or another file of the data directory.
    #[error(transparent)]
    File(#[from] Fault),
    /// A thread, or the table.
    #[error("the engine cannot start: {}", remedy::told(.0))]
    System(#[from] io::Error),
}

/// A running engine.
pub struct Engine {
    board: Arc<Board>,
    shards: Vec<JoinHandle<EndOfShard>>,
    lines: Vec<Line>,
    render: Vec<JoinHandle<()>>,
    render_counters: Arc<render::Counters>,
    router: Option<Router>,
    events: Option<EventLog>,
    trace: Option<Trace>,
    tally: Option<Tally>,
    keeper: Keeper,
    watcher: Watcher,
    dns: Arc<Mutex<DnsCounters>>,
    recorder: Recorder,
    recorder_counters: Arc<recorder::Counters>,
    loader: JoinHandle<()>,
    loading: Arc<Loading>,
    stop_loading: Arc<AtomicBool>,
}

/// How an engine ended.
#[derive(Debug)]
pub struct Ended {
    /// The last counts: what the journal says.
    pub counters: Counters,
    /// How loading went.
    pub load: LoadEnd,
    /// What broke, if something did.
    pub failure: Option<String>,
    /// What became of the event log.
    pub events: Option<Written>,
}

impl Engine {
    /// Starts the threads and sets them to work on the campaign.
    ///
    /// # Errors
    /// [`StartError`]; nothing was sent.
    pub fn start(campaign: Campaign, setup: Setup) -> Result<Self, StartError> {
        let Setup {
            observer,
            events,
            trace,
            disk,
            composer,
            delivery,
            directory,
            resolver,
            policies,
            tally,
            tls,
            shards,
            render_threads,
            journal_window,
            hosts,
            load,
            open_files,
        } = setup;
        let (memory, damage) = memory::open(&hosts, unix_now())?;
        if let Some(damage) = damage {
            tracing::warn!(%damage, "what hosts taught is lost: it is learnt again");
        }
        let memory = Arc::new(memory);
        let rest = campaign.rest(&delivery.retry, unix_now()).map_err(OpenError::from)?;
        let table = Arc::new(campaign.table.reader()?);
        let by_domain = directory.needs_look_ups() && !directory.has_smarthost();
        let shard_count = if by_domain { shards.max(1) } else { delivery.lanes(shards) };
        let board = Arc::new(Board::new(usize::from(shard_count)));
        board.know_doubtful(campaign.doubtful());
        let mut crew = Crew::hire(shard_count)?;
        let lines: Vec<Line> = crew.lines();
        let (journal_to, journal_from) = unbounded::<Append>();
        let recorder = Self::spawn_recorder(&campaign, disk, journal_window, journal_from, lines.clone())?;
        let (render_to, render_from) = unbounded::<RenderJob>();
        let render_counters = Arc::new(render::Counters::default());
        let mut render = Vec::new();
        for _ in 0..render_threads.max(1) {
            let press = Press::new(table.clone(), composer.clone(), delivery.recipients_per_transaction as usize)
                .heeding(load.suppressions.clone());
            let (jobs, lines, counters) = (render_from.clone(), lines.clone(), render_counters.clone());
            let builder = std::thread::Builder::new().name("render".to_owned());
            render.push(builder.spawn(move || press.run(&jobs, &lines, &counters))?);
        }
        let teller = policies.teller().cloned();
        let (route_to, route_from) = unbounded();
        let router = if directory.needs_look_ups() {
            let lines = lines.clone();
            let deliver = Box::new(move |shard: u16, answer| {
                if let Some(line) = lines.get(usize::from(shard)) {
                    line.tell(ToShard::Routed(answer));
                }
            });
            board.halt().name_resolver(resolver.title());
            Some(Router::spawn(&resolver, directory.clone(), policies, route_from, deliver)?)
        } else {
            None
        };
        let keeper = Keeper::spawn(memory.clone(), hosts)?;
        let descriptors = session_descriptors(&open_files, router.is_some())?;
        let seed = fastrand::u64(..);
        for number in 0..shard_count {
            let ports = Ports {
                inbox: crew.inbox(number),
                journal: journal_to.clone(),
                render: render_to.clone(),
                router: router.is_some().then(|| route_to.clone()),
                peers: lines.clone(),
                board: board.clone(),
            };
            let start = Start {
                number,
                delivery: delivery.clone().part_of(number, shard_count, !by_domain),
                descriptors: descriptors.clone(),
                directory: directory.clone(),
                memory: memory.clone(),
                tls: tls.clone(),
                earlier: campaign.earlier(number),
                shareable: composer.is_shareable(),
                octets_min: composer.octets_min(),
                seed: seed ^ u64::from(number),
                observer: observer.clone(),
                watch: Watch {
                    events: events.as_ref().map(EventLog::lane),
                    trace: trace.as_ref().map(Trace::tracer),
                    tls: teller.clone(),
                },
                settled: if number == 0 { campaign.settled() } else { Default::default() },
            };
            crew.send_to_work(number, ports, start);
        }
        let watcher = Watcher::spawn(load.suppressions.clone(), lines.clone(), board.clone())?;
        let dispatch = Dispatch::new(lines.clone(), (!by_domain).then(|| delivery.shares(shard_count)));
        let loading = Arc::new(Loading::default());
        let stop_loading = Arc::new(AtomicBool::new(false));
        let loader =
            spawn_loader(campaign.table, composer, load, rest, dispatch, loading.clone(), stop_loading.clone())?;
        Ok(Self {
            board,
            shards: crew.threads,
            lines,
            render,
            render_counters,
            dns: router.as_ref().map(Router::counters).unwrap_or_default(),
            router,
            events,
            trace,
            tally,
            keeper,
            watcher,
            recorder_counters: recorder.counters(),
            recorder,
            loader,
            loading,
            stop_loading,
        })
    }

    fn spawn_recorder(
        campaign: &Campaign,
        mut disk: Box<dyn Disk + Send>,
        window: Duration,
        inbox: Receiver<Append>,
        lines: Vec<Line>,
    ) -> Result<Recorder, StartError> {
        let journal = Journal::new(JournalConfig { window, ..JournalConfig::default() }, campaign.start());
        // From here on nothing is told by the length of the segment that a process which was killed left behind.
        disk.set_mark(&journal.mark(), true)?;
        if let Some(loose) = campaign.replayed.loose {
            disk.pack(loose);
        }
        let notify = Box::new(move |shard: u16, recorded| {
            if let Some(line) = lines.get(usize::from(shard)) {
                line.tell(ToShard::Recorded(recorded));
            }
        });
        Ok(Recorder::spawn(disk, journal, inbox, notify)?)
    }

    /// Where the shards show their counts.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What the loader shows.
    #[must_use]
    pub fn loading(&self) -> &Loading {
        &self.loading
    }

    /// What the recorder has done.
    #[must_use]
    pub fn recorder(&self) -> &recorder::Counters {
        &self.recorder_counters
    }

    /// What the render threads have done.
    #[must_use]
    pub fn render(&self) -> &render::Counters {
        &self.render_counters
    }

    /// What look-ups of domains came to.
    #[must_use]
    pub fn dns(&self) -> DnsCounters {
        self.dns.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether every shard has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shards.iter().all(JoinHandle::is_finished)
    }

    /// Finish what is under way, begin nothing new.
    pub fn drain(&self) {
        self.stop_loading.store(true, Ordering::Relaxed);
        self.lines.iter().for_each(|line| line.tell(ToShard::Drain));
    }

    /// End at once; what is under way becomes a possible duplicate.
    pub fn stop(&self) {
        self.stop_loading.store(true, Ordering::Relaxed);
        self.lines.iter().for_each(|line| line.tell(ToShard::Stop));
    }

    /// Begin nothing new until told otherwise.
    pub fn pause(&self, paused: bool) {
        self.watcher.pause(paused);
    }

    /// Waits for the end of every thread.
    #[must_use]
    pub fn join(self) -> Ended {
        let (mut failure, mut late) = (None, Vec::new());
        for shard in self.shards {
            let panicked = |_| (Err(io::Error::other("a shard panicked")), None);
            let (ended, left) = shard.join().unwrap_or_else(panicked);
            failure = failure.or(ended.err().map(|error| error.to_string()));
            late.extend(left);
        }
        self.stop_loading.store(true, Ordering::Relaxed);
        let _ = self.loader.join();
        self.render.into_iter().for_each(|thread| drop(thread.join()));
        if let Some(router) = self.router {
            router.join();
        }
        if let Some(tally) = self.tally {
            tally.join();
        }
        self.keeper.join();
        self.watcher.join();
        if let Err(reason) = self.recorder.join() {
            failure = failure.or(Some(reason.to_string()));
        }
        late.into_iter().for_each(|late| _ = late.settle());
        let counters = self.board.total().counters;
        let load = self.loading.take_end();
        let events = self.events.map(EventLog::close);
        if let Some(trace) = self.trace {
            trace.end();
        }
        Ended { counters, load, failure, events }
    }
}

fn spawn_loader(
    mut table: TableWriter,
    letter: Arc<Composer>,
    load: Load,
    rest: Rest,
    dispatch: Dispatch,
    loading: Arc<Loading>,
    stop: Arc<AtomicBool>,
) -> io::Result<JoinHandle<()>> {
    let run = move |dispatch: &mut Dispatch, loading: &Loading| {
        dispatch.resume(rest);
        let progress = table.progress();
        loading.count(progress.rejected, progress.duplicates, progress.cleaned);
        let mut end = LoadEnd::Open;
        load.load_into(&letter, &mut table, &stop, loading, |loaded| {
            match loaded {
                Loaded::Chunk(chunk) => {
                    loading.count(chunk.rejected, chunk.duplicates, chunk.cleaned);
                    dispatch.chunk(chunk);
                    return ControlFlow::Continue(());
                }
                Loaded::Found(found) => {
                    load::warn_of(&found);
                    return ControlFlow::Continue(());
                }
                Loaded::End(totals) => {
                    loading.count(totals.rejected, totals.duplicates, totals.cleaned);
                    dispatch.tell_all(|| ToShard::LoadEnded);
                    end = LoadEnd::Complete(totals);
                }
                Loaded::Stopped(rejections) => end = LoadEnd::Stopped(rejections),
                Loaded::Failed(error) => end = LoadEnd::Failed(error),
            }
            ControlFlow::Break(())
        });
        if let Some(rejections) = end.rejections() {
            loading.count_rejected(rejections.rejected);
        }
        end
    };
    let builder = std::thread::Builder::new().name("loader".to_owned());
    builder.spawn(move || load_to_the_end(dispatch, &loading, run))
}

/// Loads, and has the shards end if that comes to no end: they wait for it.
fn load_to_the_end(mut dispatch: Dispatch, loading: &Loading, load: impl FnOnce(&mut Dispatch, &Loading) -> LoadEnd) {
    let panicked = |why| LoadEnd::Failed(LoadError::Table(io::Error::other(format!("the loader panicked: {why}"))));
    let end = caught(|| load(&mut dispatch, loading)).unwrap_or_else(panicked);
    if !matches!(end, LoadEnd::Complete(_)) {
        // What is loaded and under way is finished; the rest is for the next run.
        dispatch.tell_all(|| ToShard::Drain);
    }
    loading.end_with(end);
}

/// How a shard's thread ended, and what is left of the shard, if it ever began.
type EndOfShard = (io::Result<()>, Option<Late>);

/// What a shard's thread waits for before it begins.
type Orders = (Ports, Start);

/// The shards' threads before they have work: each makes its ring, and says what wakes it.
struct Crew {
    threads: Vec<JoinHandle<EndOfShard>>,
    orders: Vec<Sender<Orders>>,
    wakers: Vec<Waker>,
    inboxes: Vec<(Sender<ToShard>, Receiver<ToShard>)>,
}

impl Crew {
    fn hire(count: u16) -> Result<Self, StartError> {
        let mut crew = Self { threads: Vec::new(), orders: Vec::new(), wakers: Vec::new(), inboxes: Vec::new() };
        for number in 0..count {
            let (ready_to, ready) = bounded::<Result<Waker, SetupError>>(1);
            let (orders_to, orders) = bounded::<Orders>(1);
            let thread = std::thread::Builder::new().name(format!("shard-{number}")).spawn(move || {
                // A ring belongs to the thread that made it.
                let ring = match Ring::new(RingOptions::SENDER) {
                    Ok(ring) => ring,
                    Err(error) => {
                        let _ = ready_to.send(Err(error));
                        return (Ok(()), None);
                    }
                };
                let _ = ready_to.send(Ok(ring.waker()));
                match orders.recv() {
                    Ok((ports, start)) => {
                        let mut shard = Shard::new(ring, ports, start);
                        (shard.run(), Some(shard.into_late()))
                    }
                    // The engine did not start after all.
                    Err(_) => (Ok(()), None),
                }
            })?;
            crew.threads.push(thread);
            crew.orders.push(orders_to);
            let waker = ready.recv().map_err(|_| io::Error::other("a shard's thread ended at its start"))?;
            crew.wakers.push(waker?);
            crew.inboxes.push(unbounded());
        }
        Ok(crew)
    }

    fn lines(&self) -> Vec<Line> {
        let inboxes = self.inboxes.iter().zip(&self.wakers);
        inboxes.map(|((inbox, _), waker)| Line { inbox: inbox.clone(), waker: waker.clone() }).collect()
    }

    fn inbox(&self, number: u16) -> Receiver<ToShard> {
        self.inboxes.get(usize::from(number)).map_or_else(crossbeam_channel::never, |(_, inbox)| inbox.clone())
    }

    fn send_to_work(&mut self, number: u16, ports: Ports, start: Start) {
        if let Some(orders) = self.orders.get(usize::from(number)) {
            let _ = orders.send((ports, start));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sim::{Network, Weather};

    #[test]
    fn shards_do_not_wait_for_a_loader_that_panicked() {
        let waker = Network::new(1, Weather::FAIR).party(std::net::Ipv4Addr::LOCALHOST.into()).waker();
        let (inbox, told) = unbounded();
        let dispatch = Dispatch::new(vec![Line { inbox, waker }], None);
        let loading = Loading::default();
        load_to_the_end(dispatch, &loading, |dispatch, _| {
            dispatch.resume(Rest::default());
            assert!(told.is_empty(), "no such list");
            LoadEnd::Open
        });
        assert!(matches!(told.try_recv(), Ok(ToShard::Resumed(_))));
        assert!(matches!(told.try_recv(), Ok(ToShard::Drain)));
        let end = loading.take_end();
        let LoadEnd::Failed(error) = end else { panic!("{end:?}") };
        assert!(loading.is_over() && error.to_string() == "the loader panicked: no such list", "{error}");
    }
}
