//! The router: a thread that answers "where does this domain's mail go?".
//!
//! Two threads in truth. `router` takes asks off the shards' crossbeam channel and answers at once what the directory
//! knows; the rest it hands to `dns`, a tokio runtime of its own, through a tokio channel: so nobody polls, neither
//! channel is ever waited for in the wrong world, and an ask that is known never waits behind look-ups that are not.
//!
//! Guarantees: each ask gets exactly one answer, also where finding it panics, unless the channel of asks is closed first:
//! then both threads end soon, look-ups under way are abandoned. At most [`LOOK_UPS_MAX`] look-ups run at once; asks that wait are bounded by
//! who asks (a shard asks once for a domain until it is answered).
//! Leaves to others: asking again after an error (the retry schedule).

use super::directory::{Directory, Found, Question};
use super::policy::sts::Answer;
use super::policy::{Placement, Policies};
use crate::base::caught::caught;
use crate::mail::{Enhanced, Reply};
use crate::observe::DnsCounters;
use crate::wire::clock::unix_now;
use crate::wire::dns::{ConfigError, Resolver, ResolverConfig, RouteError};
use crossbeam_channel::Receiver;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

/// Look-ups under way at once, each of several questions.
pub const LOOK_UPS_MAX: usize = 256;

/// A shard wants to know where a domain's mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteAsk {
    /// The asker's number for the domain: comes back.
    pub domain: u32,
    /// The domain: lower case, ASCII.
    pub name: Arc<str>,
    /// Who asks.
    pub shard: u16,
    /// What is known already does not do: the servers are asked now.
    pub fresh: bool,
}

/// What it is told.
#[derive(Clone, Debug)]
pub struct RouteAnswer {
    /// The number that was asked with.
    pub domain: u32,
    /// The site, or why there is none: permanent, or to be asked again later.
    pub result: Result<Found, Arc<RouteError>>,
}

/// Takes an answer to its shard. Called from the router's threads; must not block.
pub type Deliver = Box<dyn Fn(u16, RouteAnswer) + Send + Sync>;

/// Why the router does not start.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The resolver's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system refused a thread or a runtime.
    #[error("the router does not start: {0}. hint: check the limits on threads and open files (ulimit -u, ulimit -n)")]
    System(#[from] io::Error),
}

/// Why a smarthost is not found.
#[derive(Debug, thiserror::Error)]
pub enum SmarthostError {
    /// Nobody can be asked.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// What the look-up says.
    #[error("{}", .0.reply)]
    Route(RouteError),
}

/// Looks the smarthost up, and enters it into the directory.
///
/// # Errors
/// [`SmarthostError`]: it does not exist, or nobody could say.
pub fn find_smarthost(
    config: &ResolverConfig,
    directory: &Directory,
    policies: &Policies,
) -> Result<(), SmarthostError> {
    let Some(question) = directory.question(&"".into()) else { return Ok(()) };
    let resolver = Resolver::new(&ResolverConfig { hosts_file: true, ..config.clone() }).map_err(RouterError::from)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RouterError::from)?;
    let placed = runtime.block_on(placement(&question, &resolver, policies)).map_err(SmarthostError::Route)?;
    directory.insert(&question, placed, unix_now());
    Ok(())
}

/// The running router.
#[derive(Debug)]
pub struct Router {
    thread: JoinHandle<()>,
    counters: Arc<Mutex<DnsCounters>>,
}

impl Router {
    /// Starts the router. It ends when all senders of `asks` are gone.
    ///
    /// # Errors
    /// [`RouterError`]; a directory that needs no look-ups needs no resolver either, and never fails by it.
    pub fn spawn(
        config: &ResolverConfig,
        directory: Arc<Directory>,
        policies: Policies,
        asks: Receiver<RouteAsk>,
        answer: Deliver,
    ) -> Result<Self, RouterError> {
        let counters = Arc::new(Mutex::new(DnsCounters::default()));
        let desk = Arc::new(Desk { directory, policies, answer, counters: counters.clone() });
        let look_ups = match desk.directory.needs_look_ups() {
            true => Some(LookUps::start(config, desk.clone())?),
            false => None,
        };
        let thread =
            std::thread::Builder::new().name("router".to_owned()).spawn(move || take_asks(&asks, &desk, look_ups))?;
        Ok(Self { thread, counters })
    }

    /// What its look-ups came to so far; stays good after its end.
    #[must_use]
    pub fn counters(&self) -> Arc<Mutex<DnsCounters>> {
        self.counters.clone()
    }

    /// Waits for its end; the channel of asks must be closed for that.
    pub fn join(self) {
        // A panic there has been printed; nothing is left to save.
        let _ended = self.thread.join();
    }
}

/// What both threads need.
struct Desk {
    directory: Arc<Directory>,
    policies: Policies,
    answer: Deliver,
    counters: Arc<Mutex<DnsCounters>>,
}

impl Desk {
    fn tell(&self, ask: &RouteAsk, result: Result<Found, Arc<RouteError>>) {
        (self.answer)(ask.shard, RouteAnswer { domain: ask.domain, result });
    }

    fn count(&self, took: Duration, failed: bool) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.lookups += 1;
        counters.failures += u64::from(failed);
        counters.answer.record(took);
    }

    /// Answers from the directory, if it knows.
    fn tell_known(&self, ask: &RouteAsk) -> bool {
        let known = self.directory.get(&ask.name, unix_now()).filter(|_| !ask.fresh);
        known.map(|found| self.tell(ask, Ok(found))).is_some()
    }
}

fn take_asks(asks: &Receiver<RouteAsk>, desk: &Desk, look_ups: Option<LookUps>) {
    for ask in asks {
        match (caught(|| desk.tell_known(&ask)), &look_ups) {
            (Ok(false), Some(look_ups)) => look_ups.ask(ask, desk),
            // Without look-ups the directory knows every domain.
            (Ok(_), _) => {}
            (Err(why), _) => desk.tell(&ask, Err(no_answer(&format!("the router panicked: {why}")))),
        }
    }
    if let Some(look_ups) = look_ups {
        look_ups.stop();
    }
}

/// The thread with the resolver.
struct LookUps {
    asks: UnboundedSender<RouteAsk>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl LookUps {
    fn start(config: &ResolverConfig, desk: Arc<Desk>) -> Result<Self, RouterError> {
        // A smarthost is a host of our own, and may stand in /etc/hosts.
        let hosts_file = config.hosts_file || desk.directory.has_smarthost();
        let config = ResolverConfig { hosts_file, ..config.clone() };
        let fresh = Resolver::new(&ResolverConfig { cache_entries: 0, ..config.clone() })?;
        let resolvers = Resolvers { usual: Resolver::new(&config)?, fresh };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (asks, incoming) = unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("dns".to_owned()).spawn(move || {
            runtime.spawn(look_up_all(incoming, resolvers, desk));
            // Ends when the sender is dropped; dropping the runtime then abandons what is under way.
            let _stopped = runtime.block_on(stopped);
        })?;
        Ok(Self { asks, stop, thread })
    }

    fn ask(&self, ask: RouteAsk, desk: &Desk) {
        // The receiver lives as long as the runtime, which lives until `stop`, if it does not panic.
        if let Err(refused) = self.asks.send(ask) {
            desk.tell(&refused.0, Err(no_answer("the thread of the look-ups has ended")));
        }
    }

    fn stop(self) {
        drop(self.stop);
        let _ended = self.thread.join();
    }
}

/// Who is asked.
struct Resolvers {
    usual: Resolver,
    /// Keeps no answers.
    fresh: Resolver,
}

async fn look_up_all(mut asks: UnboundedReceiver<RouteAsk>, resolvers: Resolvers, desk: Arc<Desk>) {
    let room = Arc::new(Semaphore::new(LOOK_UPS_MAX));
    while let Some(ask) = asks.recv().await {
        // The semaphore is never closed.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let resolver = if ask.fresh { &resolvers.fresh } else { &resolvers.usual };
        let (resolver, desk) = (resolver.clone(), desk.clone());
        tokio::spawn(async move {
            let (asked, told) = (ask.clone(), desk.clone());
            let looked = tokio::spawn(async move { look_up(&asked, &resolver, &told).await });
            if looked.await.is_err_and(|error| error.is_panic()) {
                desk.tell(&ask, Err(no_answer("the look-up panicked")));
            }
            drop(permit);
        });
    }
}

async fn look_up(ask: &RouteAsk, resolver: &Resolver, desk: &Desk) {
    let Some(question) = desk.directory.question(&ask.name) else { return };
    // Someone else may have asked while this one waited.
    if desk.tell_known(ask) {
        return;
    }
    let asked = std::time::Instant::now();
    let answer = placement(&question, resolver, &desk.policies).await.map_err(|error| match question {
        Question::Mx(_) => error,
        Question::Host(_) => not_forever(error),
    });
    desk.count(asked.elapsed(), answer.is_err());
    let found = answer.map(|placed| desk.directory.insert(&question, placed, unix_now()));
    desk.tell(ask, found.map_err(Arc::new));
}

/// The route, and the domain's policy, which are looked up at the same time.
async fn placement(question: &Question, resolver: &Resolver, policies: &Policies) -> Result<Placement, RouteError> {
    match question {
        Question::Mx(domain) => {
            // Dropped with this function: where there is no route, nobody waits for the policy.
            let mut published = JoinSet::new();
            let (asking, asked, with) = (policies.clone(), domain.clone(), resolver.clone());
            published.spawn(async move { asking.sts_of(&asked, &with).await });
            let route = resolver.resolve_mx(domain).await?;
            let published = published.join_next().await.and_then(Result::ok).unwrap_or_default();
            policies.place(domain, route, &published)
        }
        // A policy of MTA-STS is about a domain's exchangers: a smarthost is none.
        Question::Host(host) => {
            let route = resolver.resolve_host(host).await?;
            policies.place(host, route, &Answer::default())
        }
    }
}

/// Nobody could find out where a domain's mail goes, for a reason of our own: it is asked again later.
fn no_answer(why: &str) -> Arc<RouteError> {
    Arc::new(RouteError { reply: Reply::own(451, Enhanced::new(4, 3, 0), why), permanent: false })
}

/// A smarthost without an address is a fault of the configuration: no recipient may bounce for it.
fn not_forever(error: RouteError) -> RouteError {
    if !error.permanent {
        return error;
    }
    let text = format!("smarthost: {}", String::from_utf8_lossy(&error.reply.text));
    RouteError { reply: Reply::own(451, Enhanced::new(4, 4, 3), &text), permanent: false }
}

#[cfg(test)]
mod tests;
