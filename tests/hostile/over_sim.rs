//! Plays a scenario over the simulated network, in virtual time: waits of minutes cost nothing.

use crate::peer::{Cut, Outward, Pace, Peer, SessionLog};
use crate::scenario::{Outcome, Scenario};
use crate::script::{Act, Wait};
use crate::sender::{Patience, Sender};
use crate::{logs, pem};
use posthaste::base::clock::Instant;
use posthaste::wire::io::{ConnectionId, Event, Io as _};
use posthaste::wire::sim::{Network, SimIo, Weather};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub const US: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));
pub const CLOCK: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 2, 0, 1));

pub const PATIENCE: Patience = Patience {
    reply: Duration::from_secs(300),
    end: Duration::from_secs(600),
    backoff: Duration::from_secs(30),
    idle: Duration::from_secs(60),
};
/// Replies take longer than the network's dispersion, so that who does not wait for them is seen.
const PACE: Pace = Pace {
    reply: Duration::from_millis(50),
    gap: Duration::from_millis(25),
    moment: Duration::from_secs(5),
    long: Duration::from_secs(290),
};
/// What is on its way at most to a peer that will stop reading.
const WINDOW_OCTETS: usize = 65_536;
/// What a slow reader reads in a second.
const SLOW_OCTETS: usize = 4096;
/// Turns at most.
const TURNS_MAX: u64 = 400_000;

/// The peer's side: its sessions on a simulated driver.
pub struct Host<'s> {
    io: SimIo,
    scenario: &'s Scenario,
    cut: Cut,
    sessions: Vec<Peer>,
    open: HashMap<ConnectionId, usize>,
    /// Those that read slowly, and when they read next.
    slow: HashMap<ConnectionId, Instant>,
    /// Those that will stop reading: what they read is made good, up to then.
    windowed: HashSet<ConnectionId>,
    events: Vec<Event>,
}

impl<'s> Host<'s> {
    pub fn new(network: &Network, scenario: &'s Scenario, cut: Cut) -> Self {
        Self::at(PEER, network, scenario, cut)
    }

    /// The peer at this address.
    pub fn at(address: IpAddr, network: &Network, scenario: &'s Scenario, cut: Cut) -> Self {
        Self::listening(SocketAddr::new(address, 25), network, scenario, cut)
    }

    /// The peer at this address and port.
    pub fn listening(address: SocketAddr, network: &Network, scenario: &'s Scenario, cut: Cut) -> Self {
        let mut io = network.party(address.ip());
        io.listen(address).unwrap();
        Self {
            io,
            scenario,
            cut,
            sessions: Vec::new(),
            open: HashMap::new(),
            slow: HashMap::new(),
            windowed: HashSet::new(),
            events: Vec::new(),
        }
    }

    /// Does what there is to do.
    pub fn turn(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        self.io.poll(self.due(), &mut events).unwrap();
        let now = self.io.now().mono;
        for event in events.drain(..) {
            match event {
                Event::Accepted(_, id, _) => self.accept(id, now),
                Event::Data(id, buffer) => {
                    if let Some(&session) = self.open.get(&id) {
                        self.sessions[session].hear(now, self.io.bytes(&buffer));
                    }
                    if self.windowed.contains(&id) {
                        self.io.take_only(id, buffer.len as usize);
                    }
                    self.io.release(buffer);
                }
                Event::Closed(id, _) => {
                    self.open.remove(&id);
                    self.slow.remove(&id);
                    self.windowed.remove(&id);
                }
                _ => {}
            }
        }
        self.events = events;
        for (&id, &session) in &self.open {
            while let Some(outward) = self.sessions[session].poll(now) {
                match outward {
                    Outward::Octets(octets) => self.io.out(id).append(&octets),
                    Outward::Fin => self.io.close(id),
                    Outward::Reset => self.io.abort(id),
                    Outward::StopReading => drop(self.windowed.remove(&id)),
                    Outward::ReadSlowly => drop(self.slow.insert(id, now)),
                }
            }
        }
        for (&id, next) in self.slow.iter_mut().filter(|(_, next)| **next <= now) {
            self.io.take_only(id, SLOW_OCTETS);
            *next = now.after(Duration::from_secs(1));
        }
    }

    fn accept(&mut self, id: ConnectionId, now: Instant) {
        let session = self.sessions.len();
        let crowd = self.scenario.crowd.as_ref().filter(|(most, _)| self.open.len() >= *most);
        let play = crowd.map_or_else(|| self.scenario.play(session), |(_, play)| play.clone());
        self.open.insert(id, session);
        if play.rules.iter().any(|r| r.acts.iter().any(|act| matches!(act, Act::StopReading))) {
            self.io.take_only(id, WINDOW_OCTETS);
            self.windowed.insert(id);
        }
        self.sessions.push(Peer::new(Arc::new(play), self.cut, PACE, pem::server(self.scenario.starttls), now));
    }

    pub fn due(&self) -> Option<Instant> {
        let sessions = self.open.values().filter_map(|&session| self.sessions[session].due());
        sessions.chain(self.slow.values().copied()).min()
    }

    pub fn logs(&self) -> Vec<SessionLog> {
        self.sessions.iter().map(|peer| peer.log().clone()).collect()
    }
}

/// Plays it with the peer's octets cut so.
pub fn play(scenario: &Scenario, cut: Cut) -> Outcome {
    let (mut outcome, lines) = logs::caught(|| run(scenario, cut));
    outcome.lines = lines;
    outcome
}

fn run(scenario: &Scenario, cut: Cut) -> Outcome {
    let network = Network::new(11, Weather::FAIR);
    let mut clock = network.party(CLOCK);
    let mut host = Host::new(&network, scenario, cut);
    let io = network.party(US);
    let mut sender = Sender::new(io, scenario, SocketAddr::new(PEER, 25), PATIENCE, pem::client());
    sender.load(scenario.recipients);
    let end = Instant::default().after(Duration::from_secs(scenario.minutes * 60));
    let mut later = scenario.later.map(|(wait, more)| {
        let span = match wait {
            Wait::Moment => PACE.moment,
            Wait::Long => PACE.long,
        };
        (Instant::default().after(span), more)
    });
    if later.is_none() {
        sender.end_load();
    }
    let mut stuck = false;
    for turn in 0.. {
        assert!(turn < TURNS_MAX, "{}: it spins at {:?}", scenario.name, network.now());
        sender.turn();
        host.turn();
        let now = network.now();
        if let Some((_, more)) = later.take_if(|(at, _)| *at <= now) {
            sender.load(more);
            sender.end_load();
        }
        if sender.ended() || now >= end {
            break;
        }
        let mine = [sender.next_due(), later.map(|(at, _)| at)];
        let due = mine.into_iter().flatten().min();
        if sender.busy() || due.is_some_and(|due| due <= now) {
            continue;
        }
        let theirs = host.due();
        if theirs.is_some_and(|due| due <= now) {
            continue;
        }
        clock.poll(due.into_iter().chain(theirs).chain([end]).min(), &mut Vec::new()).unwrap();
        if !network.step() {
            stuck = true;
            break;
        }
    }
    Outcome { rows: std::mem::take(&mut sender.rows), sessions: host.logs(), lines: Vec::new(), stuck }
}
