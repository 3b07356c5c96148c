//! The world around the sender: the sinks that take its mail, and what DNS says of the domains. It outlives every
//! sending process.

use crate::refusals::Refusals;
use crate::scenario::{Mutation, Routing, Scenario, Temper};
use posthaste::base::clock::{Instant, UnixTime};
use posthaste::engine::directory::{Directory, Question, Site};
use posthaste::engine::router::RouteAnswer;
use posthaste::engine::router::RouteAsk;
use posthaste::engine::smarthost::Smarthost;
use posthaste::mail::{Enhanced, Reply};
use posthaste::sink::{self, Sink};
use posthaste::wire::dns::{Exchanger, Route, RouteError};
use posthaste::wire::sim::{Network, SimIo};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What DNS has for a domain.
struct Zone {
    site: usize,
    /// Look-ups that fail before one succeeds.
    failures: u32,
    exists: bool,
}

/// See the head of this file.
pub struct Town {
    sinks: Vec<Sink<SimIo>>,
    routing: Routing,
    zones: HashMap<Arc<str>, Zone>,
    rng: fastrand::Rng,
    lost_percent: (u32, u32),
    tempers: Vec<Temper>,
    refusals: Option<Refusals>,
    mended: bool,
    /// In whose words refusals come: see [`Mutation::RefusalsUnknown`].
    mutation: Mutation,
    /// Whether each site refuses us now.
    refuse: Vec<bool>,
}

/// What a mailbox that there is not would be refused by, in other words than a sink's.
const UNKNOWN: &str = "550 5.1.1 Nobody of that name";

/// The name of a site's exchanger.
fn host(refusals: Option<&Refusals>, site: usize) -> String {
    refusals.map_or_else(|| format!("mx.s{site}.example"), |refusals| refusals.host(site))
}

fn address(site: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, site as u8 + 1))
}

impl Town {
    /// The sinks of a scenario, listening.
    pub fn new(scenario: &Scenario, network: &Network, mutation: Mutation) -> Self {
        let count = if let Routing::Sites(count) = scenario.routing { count } else { 1 };
        let temper = |site: usize| scenario.tempers.get(site).copied().unwrap_or(Temper::Takes);
        let options = |site: usize| sink::Options {
            hostname: host(scenario.refusals.as_ref(), site),
            chunking: scenario.sink_chunking,
            pipelining: scenario.sink_pipelining,
            rtt: scenario.rtt,
            surplus_percent: scenario.surplus_percent,
            reject_percent: scenario.reject_percent,
            defer_percent: if temper(site) == Temper::Defers { 100.0 } else { scenario.defer_percent },
            seed: scenario.seed ^ site as u64,
            list_duplicates: true,
            ..sink::Options::default()
        };
        let open = |site: usize| {
            let mut sink = Sink::new(network.party(address(site)), &options(site)).unwrap();
            if temper(site) != Temper::Silent {
                sink.listen(SocketAddr::new(address(site), 25)).unwrap();
            }
            sink
        };
        Self {
            sinks: (0..count).map(open).collect(),
            routing: scenario.routing,
            zones: HashMap::new(),
            rng: fastrand::Rng::with_seed(scenario.seed ^ 0x0070_7773),
            lost_percent: scenario.lost_percent,
            tempers: scenario.tempers.clone(),
            refusals: scenario.refusals.clone(),
            mended: false,
            mutation,
            refuse: vec![false; count],
        }
    }

    /// How the sender is told to route.
    pub fn directory(&self) -> Directory {
        match self.routing {
            Routing::Fixed => Directory::fixed(Site::fixed("sink", SocketAddr::new(address(0), 25))),
            Routing::Named => Directory::smarthost(&Smarthost::Host("relay.example".into(), 25)),
            Routing::Sites(_) => Directory::mx(),
        }
    }

    /// Each sink does what it has to do.
    pub fn turn(&mut self, now: Instant) {
        self.refuse(now);
        self.sinks.iter_mut().for_each(|sink| sink.turn(None).unwrap());
    }

    /// Sites begin to refuse us, and end it, as they are to.
    fn refuse(&mut self, now: Instant) {
        let Some(refusals) = self.refusals.as_ref().filter(|_| !self.mended) else { return };
        for (site, sink) in self.sinks.iter_mut().enumerate() {
            let mut refusal = refusals.at(site, now.0 / 1_000_000);
            if self.refuse[site] != refusal.is_some() {
                self.refuse[site] = refusal.is_some();
                if self.mutation == Mutation::RefusalsUnknown {
                    refusal = refusal.map(|refusal| sink::Refusal { reply: UNKNOWN, ..refusal });
                }
                sink.refuse(refusal);
            }
        }
    }

    /// Somebody does what it takes to be refused no longer.
    pub fn mend(&mut self) {
        self.mended = true;
        self.sinks.iter_mut().for_each(|sink| sink.refuse(None));
        self.refuse.fill(false);
    }

    /// How often each site has refused us so far.
    pub fn refused(&self) -> Vec<u64> {
        self.sinks.iter().map(Sink::refused).collect()
    }

    /// Replies that were said twice so far.
    pub fn said_twice(&self) -> u64 {
        self.sinks.iter().map(Sink::said_twice).sum()
    }

    /// What the router answers.
    pub fn answer(&mut self, ask: &RouteAsk, directory: &Directory, now: UnixTime) -> RouteAnswer {
        let Some(question) = directory.question(&ask.name) else { panic!("{} was asked for", ask.name) };
        let (Question::Mx(name) | Question::Host(name)) = &question;
        let (rng, count, (late, never)) = (&mut self.rng, self.sinks.len(), self.lost_percent);
        let zone = self.zones.entry(name.clone()).or_insert_with(|| Zone {
            site: rng.usize(..count),
            failures: if rng.u32(..100) < late { rng.u32(1..6) } else { 0 },
            exists: rng.u32(..100) >= never,
        });
        let lost = self.tempers.get(zone.site) == Some(&Temper::Lost);
        if zone.failures > 0 || lost {
            zone.failures = zone.failures.saturating_sub(1);
            let reply = Reply::own(451, Enhanced::new(4, 4, 3), "no server answers");
            let result = Err(Arc::new(RouteError { reply, permanent: false }));
            return RouteAnswer { domain: ask.domain, result };
        }
        if !zone.exists {
            let reply = Reply::own(550, Enhanced::new(5, 1, 2), "no such domain");
            let result = Err(Arc::new(RouteError { reply, permanent: true }));
            return RouteAnswer { domain: ask.domain, result };
        }
        let host: Arc<str> = host(self.refusals.as_ref(), zone.site).into();
        let exchanger =
            |preference, host: &Arc<str>, address| Exchanger::plain(preference, host.clone(), vec![address]);
        let mut exchangers = vec![exchanger(20, &host, address(zone.site))];
        // Some sites have a first exchanger where nobody listens.
        if zone.site % 2 == 1 {
            exchangers.insert(0, exchanger(10, &"dead.example".into(), address(200 + zone.site)));
        }
        let valid_for = Duration::from_secs([30, 300, 86_400][rng.usize(..3)]);
        let route = Route { exchangers, site: host, valid_for, skipped: Vec::new(), authentic: false };
        RouteAnswer { domain: ask.domain, result: Ok(directory.insert(&question, route, now)) }
    }

    /// The sums of all sinks.
    pub fn counters(&self) -> sink::Counters {
        let mut sum = sink::Counters::default();
        for counters in self.sinks.iter().map(Sink::counters) {
            sum.sessions += counters.sessions;
            sum.transactions += counters.transactions;
            sum.messages += counters.messages;
            sum.recipients += counters.recipients;
            sum.unique_messages += counters.unique_messages;
            sum.duplicates += counters.duplicates;
            sum.bytes += counters.bytes;
            sum.rejected += counters.rejected;
            sum.deferred += counters.deferred;
        }
        sum
    }

    /// Closes the sinks: every recipient that got a message again, once for each time.
    pub fn duplicated(self) -> Vec<String> {
        self.sinks.into_iter().flat_map(|sink| sink.finish().unwrap().duplicated).collect()
    }
}
