//! The simulated network itself: virtual time, links between parties, and what is on its way.

use super::Weather;
use crate::base::clock::Instant;
use crate::wire::io::{Closed, ConnectSpec, ConnectionId, ListenerId};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What becomes known to a party, in the order in which it became so.
#[derive(Debug)]
pub(super) enum News {
    Connected,
    ConnectFailed(i32),
    Accepted(ListenerId, SocketAddr),
    Data(Vec<u8>),
    Closed(Closed),
    Deadline,
}

/// What happens when its time comes.
#[derive(Debug)]
enum Happening {
    /// A connect reaches the listener's side.
    Syn {
        link: usize,
        to: SocketAddr,
        from: SocketAddr,
    },
    /// Its answer reaches the client.
    SynAnswer {
        link: usize,
        refused: bool,
    },
    ConnectTimeout {
        party: usize,
        id: ConnectionId,
    },
    Segment {
        link: usize,
        side: usize,
        octets: Vec<u8>,
    },
    Fin {
        link: usize,
        side: usize,
    },
    Reset {
        link: usize,
        side: usize,
    },
    /// The other side takes more again.
    Room {
        party: usize,
    },
    /// Our own close is through.
    Gone {
        party: usize,
        id: ConnectionId,
    },
    Deadline {
        party: usize,
        id: ConnectionId,
        at: Instant,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Connecting,
    Open,
    Closing,
    /// Its last news is waiting to be heard.
    Ended,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) state: State,
    link: usize,
    side: usize,
    deadline: Option<Instant>,
}

/// A connection: side 0 made it, side 1 accepted it.
#[derive(Debug)]
struct Link {
    ends: [Option<(usize, ConnectionId)>; 2],
    /// When the last thing on its way to each side arrives: nothing overtakes it.
    arrival: [Instant; 2],
    /// How many octets each side takes still; `None`: all that come.
    room: [Option<usize>; 2],
    /// It has died without telling anyone.
    silent: bool,
}

pub(super) struct Party {
    pub(super) address: IpAddr,
    pub(super) alive: bool,
    pub(super) slots: Vec<Slot>,
    free: Vec<u32>,
    pub(super) news: VecDeque<(ConnectionId, News)>,
    /// Has touched an output since its last poll.
    pub(super) dirty: bool,
    /// When its last poll wanted to be over.
    pub(super) until: Option<Instant>,
    pub(super) bell: Arc<AtomicBool>,
    listeners: u32,
    /// What the wall clock was ahead of the virtual time when the party joined.
    pub(super) wall_ahead_s: i64,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) random: fastrand::Rng,
    weather: Weather,
    pub(super) parties: Vec<Party>,
    links: Vec<Link>,
    listeners: HashMap<SocketAddr, (usize, ListenerId)>,
    queue: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    next_port: u16,
    /// Parties at this address have so many sockets for connections that they make, all together.
    pub(super) sockets: Option<(IpAddr, usize)>,
    /// How often there was none.
    pub(super) no_socket: u64,
    /// What the wall clock is ahead of the virtual time.
    pub(super) wall_ahead_s: i64,
}

impl World {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        Self {
            now: Instant(0),
            random: fastrand::Rng::with_seed(seed),
            weather,
            parties: Vec::new(),
            links: Vec::new(),
            listeners: HashMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            next_port: 30_000,
            sockets: None,
            no_socket: 0,
            wall_ahead_s: 0,
        }
    }

    pub(super) fn join(&mut self, address: IpAddr) -> usize {
        self.parties.push(Party {
            address,
            alive: true,
            slots: Vec::new(),
            free: Vec::new(),
            news: VecDeque::new(),
            dirty: false,
            until: None,
            bell: Arc::new(AtomicBool::new(false)),
            listeners: 0,
            wall_ahead_s: self.wall_ahead_s,
        });
        self.parties.len() - 1
    }

    /// Lets time pass until the next thing happens. Not while a party has something to hear or to send.
    pub(super) fn step(&mut self) -> bool {
        let alive = || self.parties.iter().filter(|p| p.alive);
        if alive().any(|p| p.dirty || !p.news.is_empty() || p.bell.load(Ordering::SeqCst)) {
            return true;
        }
        let polls: Vec<_> = alive().filter_map(|p| p.until).collect();
        self.forget_stale();
        let Some(next) = self.queue.first_key_value().map(|(key, _)| key.0).into_iter().chain(polls).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= self.now
        {
            let happening = entry.remove();
            self.happen(happening);
        }
        for party in &mut self.parties {
            party.until = party.until.filter(|&at| at > self.now);
        }
        true
    }

    /// Drops timers at the head of the queue that were moved or have nothing to time any more.
    fn forget_stale(&mut self) {
        while let Some((&key, happening)) = self.queue.first_key_value() {
            let (party, id, at) = match *happening {
                Happening::Deadline { party, id, at } => (party, id, Some(at)),
                Happening::ConnectTimeout { party, id } => (party, id, None),
                _ => return,
            };
            let alive = self.parties[party].alive;
            let slot = self.slot(party, id).filter(|_| alive);
            let live = slot.is_some_and(|s| at.map_or(s.state == State::Connecting, |at| s.deadline == Some(at)));
            if live {
                return;
            }
            self.queue.remove(&key);
        }
    }

    fn schedule(&mut self, at: Instant, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), happening);
    }

    fn latency(&mut self) -> Duration {
        let (min, max) = (self.weather.latency.0.as_micros() as u64, self.weather.latency.1.as_micros() as u64);
        Duration::from_micros(self.random.u64(min..=max.max(min)))
    }

    /// When what leaves now for a side of a link arrives.
    fn arrival(&mut self, link: usize, side: usize) -> Instant {
        let at = self.now.after(self.latency()).max(self.links[link].arrival[side]);
        self.links[link].arrival[side] = at;
        at
    }

    fn chance(&mut self, odds: f64) -> bool {
        odds > 0.0 && self.random.f64() < odds
    }

    pub(super) fn slot(&mut self, party: usize, id: ConnectionId) -> Option<&mut Slot> {
        let slot = self.parties[party].slots.get_mut(id.index as usize)?;
        (slot.generation == id.generation && slot.state != State::Free).then_some(slot)
    }

    fn seat(&mut self, party: usize, state: State, link: usize, side: usize) -> ConnectionId {
        let party = &mut self.parties[party];
        let index = party.free.pop().unwrap_or_else(|| {
            party.slots.push(Slot { generation: 0, state: State::Free, link, side, deadline: None });
            (party.slots.len() - 1) as u32
        });
        let slot = &mut party.slots[index as usize];
        (slot.state, slot.link, slot.side, slot.deadline) = (state, link, side, None);
        ConnectionId { index, generation: slot.generation }
    }

    /// The party has heard the last of a connection.
    pub(super) fn vacate(&mut self, party: usize, id: ConnectionId) {
        if let Some(slot) = self.slot(party, id) {
            slot.state = State::Free;
            slot.generation = slot.generation.wrapping_add(1);
            self.parties[party].free.push(id.index);
        }
    }

    pub(super) fn listen(&mut self, party: usize, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        let owner = self.parties[party].address;
        if !address.ip().is_unspecified() && address.ip() != owner {
            return Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        }
        let port = if address.port() == 0 { self.port() } else { address.port() };
        let bound = SocketAddr::new(owner, port);
        if self.listeners.contains_key(&bound) {
            return Err(io::Error::from_raw_os_error(libc::EADDRINUSE));
        }
        let id = ListenerId(self.parties[party].listeners);
        self.parties[party].listeners += 1;
        self.listeners.insert(bound, (party, id));
        Ok((id, bound))
    }

    fn port(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(30_000);
        self.next_port
    }

    pub(super) fn connect(&mut self, party: usize, spec: &ConnectSpec) -> ConnectionId {
        let link = self.links.len();
        let address = self.parties[party].address;
        if self.sockets.is_some_and(|(of, most)| of == address && self.connections_from(address) >= most) {
            self.no_socket += 1;
            let id = self.seat(party, State::Connecting, link, 0);
            self.links.push(Link { ends: [None; 2], arrival: [self.now; 2], room: [None; 2], silent: true });
            self.end(party, id, News::ConnectFailed(libc::EMFILE));
            return id;
        }
        let from = SocketAddr::new(spec.local.unwrap_or(self.parties[party].address), self.port());
        let id = self.seat(party, State::Connecting, link, 0);
        let silent = self.chance(self.weather.silence);
        self.links.push(Link { ends: [Some((party, id)), None], arrival: [self.now; 2], room: [None; 2], silent });
        if self.chance(self.weather.refusal) {
            let at = self.arrival(link, 0);
            self.schedule(at, Happening::SynAnswer { link, refused: true });
        } else {
            let at = self.arrival(link, 1);
            self.schedule(at, Happening::Syn { link, to: spec.remote, from });
        }
        self.schedule(self.now.after(spec.timeout), Happening::ConnectTimeout { party, id });
        id
    }

    /// Connections that parties at this address have made and not yet heard the last of.
    pub(super) fn connections_from(&self, address: IpAddr) -> usize {
        let parties = self.parties.iter().filter(|party| party.alive && party.address == address);
        parties.flat_map(|party| &party.slots).filter(|slot| slot.state != State::Free && slot.side == 0).count()
    }

    /// How many octets the peer of a connection takes now.
    pub(super) fn room(&mut self, party: usize, id: ConnectionId) -> usize {
        let Some(slot) = self.slot(party, id) else { return usize::MAX };
        let (link, side) = (slot.link, 1 - slot.side);
        self.links[link].room[side].unwrap_or(usize::MAX)
    }

    /// A party takes so many octets more, and tells its peer.
    pub(super) fn allow(&mut self, party: usize, id: ConnectionId, octets: usize) {
        let Some(slot) = self.slot(party, id) else { return };
        let (link, side) = (slot.link, slot.side);
        let room = &mut self.links[link].room[side];
        *room = Some(room.unwrap_or_default().saturating_add(octets));
        if let Some((peer, _)) = self.links[link].ends[1 - side].filter(|_| octets > 0) {
            let at = self.now.after(self.latency());
            self.schedule(at, Happening::Room { party: peer });
        }
    }

    /// Sends octets of a party, cut at random.
    pub(super) fn send(&mut self, party: usize, id: ConnectionId, mut octets: &[u8]) {
        let Some(slot) = self.slot(party, id) else { return };
        let (link, side) = (slot.link, 1 - slot.side);
        if let Some(room) = &mut self.links[link].room[side] {
            *room = room.saturating_sub(octets.len());
        }
        while !octets.is_empty() {
            let whole = self.random.bool();
            let cut = if whole { octets.len() } else { self.random.usize(1..=octets.len()) };
            let (segment, rest) = octets.split_at(cut);
            octets = rest;
            let at = self.arrival(link, side);
            if self.chance(self.weather.reset) {
                self.schedule(at, Happening::Reset { link, side });
                let at = self.arrival(link, 1 - side);
                return self.schedule(at, Happening::Reset { link, side: 1 - side });
            }
            self.links[link].silent |= self.chance(self.weather.silence);
            self.schedule(at, Happening::Segment { link, side, octets: segment.to_vec() });
        }
    }

    pub(super) fn close(&mut self, party: usize, id: ConnectionId) {
        let Some(slot) = self.slot(party, id) else { return };
        let (link, side, state) = (slot.link, slot.side, slot.state);
        match state {
            State::Connecting => self.abort(party, id),
            State::Open => {
                (slot.state, slot.deadline) = (State::Closing, None);
                let at = self.arrival(link, 1 - side);
                self.schedule(at, Happening::Fin { link, side: 1 - side });
                let gone = at.after(self.latency());
                self.schedule(gone, Happening::Gone { party, id });
            }
            State::Closing | State::Ended | State::Free => {}
        }
    }

    pub(super) fn abort(&mut self, party: usize, id: ConnectionId) {
        let Some(slot) = self.slot(party, id) else { return };
        let (link, side, state) = (slot.link, slot.side, slot.state);
        if state == State::Ended {
            return;
        }
        let at = self.arrival(link, 1 - side);
        self.schedule(at, Happening::Reset { link, side: 1 - side });
        self.end(party, id, News::Closed(Closed::Local));
    }

    pub(super) fn set_deadline(&mut self, party: usize, id: ConnectionId, at: Option<Instant>) {
        let now = self.now;
        let Some(slot) = self.slot(party, id).filter(|s| matches!(s.state, State::Connecting | State::Open)) else {
            return;
        };
        if slot.deadline == at {
            return;
        }
        slot.deadline = at;
        if let Some(at) = at {
            self.schedule(at.max(now), Happening::Deadline { party, id, at });
        }
    }

    /// All connections of a party vanish. What it had sent arrives up to some point, then the reset.
    pub(super) fn crash(&mut self, party: usize) {
        self.parties[party].alive = false;
        self.parties[party].news.clear();
        self.listeners.retain(|_, (owner, _)| *owner != party);
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].ends[side].is_none_or(|(owner, _)| owner != party) {
                    continue;
                }
                self.links[link].ends[side] = None;
                self.cut(link, 1 - side);
                let at = self.arrival(link, 1 - side);
                self.schedule(at, Happening::Reset { link, side: 1 - side });
            }
        }
    }

    /// Loses what is on its way to a side, from a random point on.
    fn cut(&mut self, link: usize, side: usize) {
        let on_way = |h: &Happening| match h {
            Happening::Segment { link: l, side: s, .. } | Happening::Fin { link: l, side: s } => {
                (*l, *s) == (link, side)
            }
            _ => false,
        };
        let keys: Vec<_> = self.queue.iter().filter(|(_, h)| on_way(h)).map(|(key, _)| *key).collect();
        let keep = self.random.usize(0..=keys.len());
        for key in keys.iter().skip(keep) {
            self.queue.remove(key);
        }
    }

    fn tell(&mut self, party: usize, id: ConnectionId, news: News) {
        self.parties[party].news.push_back((id, news));
    }

    /// The last news of a connection.
    fn end(&mut self, party: usize, id: ConnectionId, news: News) {
        let Some(slot) = self.slot(party, id).filter(|s| s.state != State::Ended) else { return };
        slot.state = State::Ended;
        slot.deadline = None;
        let (link, side) = (slot.link, slot.side);
        self.links[link].ends[side] = None;
        self.tell(party, id, news);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Syn { link, to, from } => self.syn(link, to, from),
            Happening::SynAnswer { link, refused } => {
                let Some((party, id)) = self.links[link].ends[0].filter(|_| !self.links[link].silent) else { return };
                if refused {
                    self.end(party, id, News::ConnectFailed(libc::ECONNREFUSED));
                } else if let Some(slot) = self.slot(party, id) {
                    slot.state = State::Open;
                    self.tell(party, id, News::Connected);
                }
            }
            Happening::ConnectTimeout { party, id } => {
                if self.slot(party, id).is_some_and(|s| s.state == State::Connecting) {
                    self.end(party, id, News::ConnectFailed(libc::ETIMEDOUT));
                }
            }
            Happening::Segment { link, side, octets } => {
                if let Some((party, id)) = self.links[link].ends[side].filter(|_| !self.links[link].silent)
                    && self.slot(party, id).is_some_and(|s| s.state == State::Open)
                {
                    self.tell(party, id, News::Data(octets));
                }
            }
            Happening::Fin { link, side } => self.broken(link, side, Closed::Eof),
            Happening::Reset { link, side } => self.broken(link, side, Closed::Error(libc::ECONNRESET)),
            Happening::Room { party } => self.parties[party].dirty = true,
            Happening::Gone { party, id } => {
                if self.slot(party, id).is_some_and(|s| s.state == State::Closing) {
                    self.end(party, id, News::Closed(Closed::Local));
                }
            }
            Happening::Deadline { party, id, at } => {
                if let Some(slot) = self.slot(party, id).filter(|s| s.deadline == Some(at)) {
                    slot.deadline = None;
                    self.tell(party, id, News::Deadline);
                }
            }
        }
    }

    fn syn(&mut self, link: usize, to: SocketAddr, from: SocketAddr) {
        if self.links[link].silent || self.links[link].ends[0].is_none() {
            return;
        }
        let listener = self.listeners.get(&to).copied();
        if let Some((party, listener)) = listener {
            let id = self.seat(party, State::Open, link, 1);
            self.links[link].ends[1] = Some((party, id));
            self.tell(party, id, News::Accepted(listener, from));
        }
        let at = self.arrival(link, 0);
        self.schedule(at, Happening::SynAnswer { link, refused: listener.is_none() });
    }

    /// The peer's end reaches a side.
    fn broken(&mut self, link: usize, side: usize, how: Closed) {
        let Some((party, id)) = self.links[link].ends[side].filter(|_| !self.links[link].silent) else { return };
        match self.slot(party, id).map(|s| s.state) {
            Some(State::Connecting) => self.end(party, id, News::ConnectFailed(libc::ECONNRESET)),
            Some(State::Open) => self.end(party, id, News::Closed(how)),
            _ => {}
        }
    }
}
