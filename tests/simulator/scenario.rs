//! What one seed stands for: the list, the content, how it is delivered, the weather, the sites, and what befalls the
//! process that sends.
//!
//! Guarantees: everything is drawn from the seed, in one order, and from nothing else.

use crate::refusals::{self, Refusals};
use fastrand::Rng;
use posthaste::engine::settings::{Delivery, OnUncertain};
use posthaste::engine::source::Source;
use posthaste::shape::retry::Schedule;
use posthaste::smtp::client::Timeouts;
use posthaste::wire::sim::Weather;
use std::time::Duration;

/// How domains are routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// All to one address.
    Fixed,
    /// All to one host, whose addresses are looked up.
    Named,
    /// By their exchangers, over so many sites.
    Sites(usize),
}

/// How the life of one sending process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The campaign is through.
    Through,
    /// It is killed, and the power goes, in this turn. `loads` is how far it gets with the list at most.
    Crash {
        /// The turn.
        turn: u64,
        /// How much of the list it loads before.
        loads: Loads,
    },
    /// It is asked to drain from this turn on: its shards hear of it one after the other.
    Drain {
        /// The turn.
        turn: u64,
    },
    /// It is stopped at once in this turn.
    Stop {
        /// The turn.
        turn: u64,
    },
    /// So many writes of the journal succeed, the next one does not.
    JournalFails {
        /// Writes that succeed.
        writes: u64,
    },
}

/// How far a process gets with its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loads {
    /// Nowhere.
    Nothing,
    /// A chunk is in the table, and the list is not known to be at its end.
    AChunk,
    /// To the end.
    Everything,
}

/// What is done wrong on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing.
    None,
    /// The recorder says that entries are durable as soon as it has them.
    SettleBeforeSync,
    /// No attempt is recorded.
    AttemptsUnrecorded,
    /// The last shard never hears of a drain.
    DeafToDrains,
    /// Refusals of us come in words that are a recipient's.
    RefusalsUnknown,
    /// The engine is told of other lifetimes, as many times as long.
    Lifetimes(u32),
    /// Of lifetimes half as long.
    HalfLifetimes,
    /// The engine is told of more descriptors than there are.
    DescriptorsForgotten,
    /// Processes follow the wall clock when it is set.
    ClocksFollow,
}

/// How a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// It takes mail, as the scenario says.
    Takes,
    /// It refuses every recipient for now.
    Defers,
    /// Nobody listens at its address.
    Silent,
    /// The look-up of its domains fails, each time.
    Lost,
}

/// What a source may do.
#[derive(Clone, Debug)]
pub struct Limits {
    pub weight: u32,
    pub sessions_max: Option<u32>,
    pub messages_per_hour: Option<u32>,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub recipients: u32,
    pub domains: u32,
    pub shareable: bool,
    pub routing: Routing,
    pub shards: u16,
    /// Descriptors that sessions may have.
    pub descriptors: u32,
    /// The machine has fewer sockets than it says.
    pub sockets: Option<usize>,
    /// Its sources are made anew by each process: [`Scenario::delivery`].
    pub delivery: Delivery,
    pub sources: Vec<Limits>,
    pub weather: Weather,
    /// No weather and no crash may hurt: then nothing is sent twice.
    pub fair: bool,
    /// Turns between two shards' hearing of a drain, and whether the last shard hears of it first.
    pub drain_lag: (u64, bool),
    pub sink_pipelining: bool,
    pub sink_chunking: bool,
    pub rtt: Duration,
    /// Percent of its words that a sink says twice, or with another one behind: nothing is fair then.
    pub surplus_percent: f64,
    pub reject_percent: f64,
    pub defer_percent: f64,
    /// Percent of the domains that have no route at first, and of those that never have one.
    pub lost_percent: (u32, u32),
    pub suppressed_percent: u32,
    pub render_us_max: u64,
    pub sync_us_max: u64,
    pub journal_window: Duration,
    pub journal_flights: usize,
    /// In this turn sending is paused for a while.
    pub pause: Option<u64>,
    /// How the sites are, by number; those beyond take mail.
    pub tempers: Vec<Temper>,
    /// Servers refuse us.
    pub refusals: Option<Refusals>,
    /// In this turn of a process the wall clock is set: so many seconds ahead of the true time.
    pub jumps: Vec<(u64, i64)>,
    /// How long nobody sends after each process; chosen at random where nothing is said.
    pub downtimes: Option<Vec<u64>>,
    /// The ends of the processes, one after the other; behind the last one comes [`Ending::Through`].
    pub endings: Vec<Ending>,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut scenario = Self::without_refusals(seed);
        refusals::add_to(&mut scenario);
        if scenario.refusals.is_none() && seed % 16 == 7 {
            scenario.brake();
        }
        // Silence would keep the few that there are for whole timeouts.
        if seed % 8 == 5 && scenario.weather.silence == 0.0 {
            scenario.sockets = Some([1, 2, 5][(seed / 8 % 3) as usize]);
        }
        if scenario.shards > 1 && !seed.is_multiple_of(3) {
            scenario.drain_early();
        }
        scenario
    }

    /// Its first process drains while much is to be done yet.
    fn drain_early(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x6472_6169);
        let magnitude = rng.u32(4..11);
        self.endings.insert(0, Ending::Drain { turn: 1 + rng.u64(..1 << magnitude) });
    }

    /// So many bounce that the brake may stop it.
    fn brake(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x6272_616b);
        self.delivery.max_bounced = Some([0.0, 0.2, 0.2, 0.6][rng.usize(..4)]);
        self.recipients = rng.u32(100..=300);
        self.reject_percent = [5.0, 40.0, 100.0][rng.usize(..3)];
        self.suppressed_percent = 0;
    }

    /// The same, and nobody refuses us.
    #[must_use]
    pub fn without_refusals(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let weather_is_fair = rng.u8(..3) == 0;
        let recipients = match rng.u8(..4) {
            0 => rng.u32(1..=8),
            1 | 2 => rng.u32(1..=80),
            _ => rng.u32(1..=300),
        };
        let routing = match rng.u8(..6) {
            0..=2 => Routing::Fixed,
            3 => Routing::Named,
            _ => Routing::Sites(rng.usize(1..=5)),
        };
        let endings = endings(rng);
        let surplus_percent = [0.0, 0.0, 0.0, 4.0][(seed / 4 % 4) as usize];
        let fair = weather_is_fair
            && surplus_percent == 0.0
            && endings.iter().all(|ending| matches!(ending, Ending::Through | Ending::Drain { .. }));
        Self {
            seed,
            recipients,
            domains: rng.u32(1..=20),
            shareable: rng.bool(),
            routing,
            shards: if rng.u8(..4) == 0 { 2 + (seed % 3) as u16 } else { 1 },
            descriptors: [1, 2, 5, 1000, 1000, 1000, 1000, 1000][(seed / 16 % 8) as usize],
            sockets: None,
            delivery: delivery(rng, weather_is_fair),
            sources: sources(seed),
            weather: if weather_is_fair { Weather::FAIR } else { foul(rng) },
            fair,
            surplus_percent,
            drain_lag: ([0, 1, 7, 60][(seed / 2 % 4) as usize], (seed / 8).is_multiple_of(2)),
            sink_pipelining: rng.u8(..4) != 0,
            sink_chunking: rng.u8(..3) != 0,
            rtt: Duration::from_millis([0, 0, 5, 40][rng.usize(..4)]),
            reject_percent: [0.0, 0.0, 5.0, 40.0, 100.0][rng.usize(..5)],
            defer_percent: [0.0, 0.0, 10.0, 50.0, 100.0][rng.usize(..5)],
            lost_percent: [(0, 0), (0, 0), (40, 20), (100, 0)][rng.usize(..4)],
            suppressed_percent: [0, 0, 10, 100][rng.usize(..4)],
            render_us_max: [1, 1000, 50_000][rng.usize(..3)],
            sync_us_max: [1, 300, 20_000, 3_000_000][rng.usize(..4)],
            journal_window: Duration::from_micros([0, 5000, 5000, 100_000][rng.usize(..4)]),
            journal_flights: [1, 1, 4, 8][rng.usize(..4)],
            pause: (rng.u8(..8) == 0).then(|| rng.u64(1..300)),
            tempers: Vec::new(),
            refusals: None,
            jumps: Vec::new(),
            downtimes: None,
            endings,
        }
    }
}

impl Scenario {
    /// How a new process delivers: nobody has a session of its sources yet.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        let source = |limits: &Limits| {
            let mut source = Source::unbound("sender.example".into());
            source.weight = limits.weight;
            source.limit(limits.sessions_max, limits.messages_per_hour);
            source
        };
        Delivery { sources: self.sources.iter().map(source).collect(), ..self.delivery.clone() }
    }
}

/// Drawn apart, one source without limits more often than not.
fn sources(seed: u64) -> Vec<Limits> {
    let rng = &mut Rng::with_seed(seed ^ 0x7372_6373);
    let count = if rng.bool() { 1 } else { rng.usize(1..=3) };
    let limited = rng.u8(..3) == 0;
    let limits = |_| Limits {
        weight: rng.u32(1..=5),
        sessions_max: (limited && rng.bool()).then(|| rng.u32(1..=3)),
        messages_per_hour: (limited && rng.u8(..4) == 0).then(|| rng.u32(100..=7200)),
    };
    (0..count).map(limits).collect()
}

fn endings(rng: &mut Rng) -> Vec<Ending> {
    let count = [0, 0, 1, 1, 2, 3][rng.usize(..6)];
    (0..count)
        .map(|_| {
            // Early turns as often as late ones.
            let magnitude = rng.u32(1..12);
            let turn = 1 + rng.u64(..1 << magnitude);
            match rng.u8(..8) {
                0..=3 => Ending::Crash { turn, loads: Loads::Everything },
                4 => Ending::Crash { turn, loads: if rng.bool() { Loads::AChunk } else { Loads::Nothing } },
                5 => Ending::Drain { turn },
                6 => Ending::Stop { turn },
                _ => Ending::JournalFails { writes: rng.u64(..30) },
            }
        })
        .collect()
}

fn foul(rng: &mut Rng) -> Weather {
    let odds = |rng: &mut Rng| [0.0, 0.002, 0.02, 0.15][rng.usize(..4)];
    let most = [2, 20, 200, 2000][rng.usize(..4)];
    Weather {
        latency: (Duration::from_millis(1), Duration::from_millis(most)),
        refusal: odds(rng),
        reset: odds(rng),
        silence: odds(rng),
    }
}

fn delivery(rng: &mut Rng, fair: bool) -> Delivery {
    let seconds = |choices: &[u64], rng: &mut Rng| Duration::from_secs(choices[rng.usize(..choices.len())]);
    // In foul weather impatience is a part of the play.
    let wait = if fair { Duration::from_secs(300) } else { seconds(&[3, 20, 300], rng) };
    let steps = (0..rng.usize(..5)).map(|_| seconds(&[1, 30, 300, 3600], rng)).collect();
    Delivery {
        sources: Vec::new(),
        port: 25,
        sessions_per_site: rng.u32(1..=20),
        sessions_whole: 20,
        trusted: rng.bool(),
        smarthost: false,
        max_bounced: None,
        recipients_per_transaction: [1, 3, 10, 100][rng.usize(..4)],
        messages_per_session: [1, 3, 20, 1000][rng.usize(..4)],
        implicit_tls: false,
        auth: None,
        options: None,
        pipelining: rng.u8(..4) != 0,
        chunking: rng.u8(..3) != 0,
        connect_timeout: wait,
        timeouts: Timeouts {
            greeting: wait,
            hello: wait,
            mail: wait,
            rcpt: wait,
            data: wait,
            content: wait,
            end: wait,
            quit: wait,
        },
        retry: Schedule { steps, lifetime: seconds(&[60, 3600, 86_400, 345_600], rng) },
        on_uncertain: if rng.u8(..3) == 0 { OnUncertain::Hold } else { OnUncertain::Retry },
        ahead_max: [1, 16, 512][rng.usize(..3)],
        ahead_bytes_max: [1, 100_000, 16 << 20][rng.usize(..3)],
        idle: seconds(&[1, 10, 60], rng),
        drain: if fair { Duration::from_secs(600) } else { seconds(&[1, 30, 600], rng) },
        backoff_min: seconds(&[1, 30], rng),
    }
}
