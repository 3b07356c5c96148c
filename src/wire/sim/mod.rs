//! The simulated driver: several parties in one process, under virtual time, repeatable from a seed.
//!
//! How it is used: poll each party in turn, then [`Network::step`]; time stands still while anybody has something to
//! hear or to send. [`SimIo::poll`](Io::poll) never waits: it returns what is due. Dropping a [`SimIo`] is a crash of
//! its party: listeners and connections vanish, and of what it had sent an arbitrary beginning arrives.
//!
//! Guarantees: the same seed and the same calls give the same run; octets of one connection arrive in order, cut and
//! joined at random, or, from some point on, not at all; events of different connections come in random order.
//! A party that calls [`SimIo::take_only`] reads slowly: what it does not take stays with the sender, undrained.
//! Leaves out: bandwidth.

#[cfg(test)]
mod tests;
mod world;

use crate::base::clock::{Instant, Now, UnixTime};
use crate::base::out::Out;
use crate::wire::io::{Buffer, ConnectSpec, ConnectionId, Event, Io, ListenerId, Wake, Waker};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use world::{News, State, World};

/// The wall clock's second at virtual time zero.
const EPOCH: u32 = 1_800_000_000;

/// How the network treats what it carries. Odds are from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The least and the most that something takes to arrive.
    pub latency: (Duration, Duration),
    /// That a connect is refused.
    pub refusal: f64,
    /// That a segment is lost and the connection reset instead.
    pub reset: f64,
    /// That a connection dies without a word, at its connect or at any segment.
    pub silence: f64,
}

impl Weather {
    /// Nothing goes wrong: 1 to 20 ms.
    pub const FAIR: Self =
        Self { latency: (Duration::from_millis(1), Duration::from_millis(20)), refusal: 0.0, reset: 0.0, silence: 0.0 };
}

/// A network of parties.
#[derive(Clone)]
pub struct Network(Rc<RefCell<World>>);

impl Network {
    /// A network without parties.
    #[must_use]
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self(Rc::new(RefCell::new(World::new(seed, weather))))
    }

    /// A new party at this address.
    #[must_use]
    pub fn party(&self, address: IpAddr) -> SimIo {
        let party = self.0.borrow_mut().join(address);
        SimIo {
            world: Rc::clone(&self.0),
            party,
            outs: Vec::new(),
            refuse: Out::new(),
            buffers: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Lets time pass to the next thing that happens, or to where a poll wanted to be over, unless a party has
    /// something to do now. False: nothing will ever happen.
    #[must_use]
    pub fn step(&self) -> bool {
        self.0.borrow_mut().step()
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// Sets everybody's wall clock: so many seconds ahead of the virtual time, or behind it. A party that has joined does
    /// not follow, as a process does not.
    pub fn set_wall(&self, ahead_s: i64) {
        self.0.borrow_mut().wall_ahead_s = ahead_s;
    }

    /// Has the parties that have joined follow the wall clock, once.
    pub fn follow_wall(&self) {
        let mut world = self.0.borrow_mut();
        let ahead_s = world.wall_ahead_s;
        world.parties.iter_mut().for_each(|party| party.wall_ahead_s = ahead_s);
    }

    /// Connections that parties at this address have made and not yet heard the last of.
    #[must_use]
    pub fn connections_from(&self, address: IpAddr) -> usize {
        self.0.borrow().connections_from(address)
    }

    /// From now on parties at this address have so many sockets for connections that they make, all together: one more
    /// fails with EMFILE.
    pub fn limit_sockets(&self, address: IpAddr, most: usize) {
        self.0.borrow_mut().sockets = Some((address, most));
    }

    /// How often a connection failed for want of a socket.
    #[must_use]
    pub fn no_socket(&self) -> u64 {
        self.0.borrow().no_socket
    }
}

/// What is to leave on a connection.
#[derive(Default)]
struct Output {
    out: Out,
    /// The peer takes no more of this for now.
    held: Vec<u8>,
}

struct Bell(Arc<AtomicBool>);

impl Wake for Bell {
    fn wake(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The driver of one party.
pub struct SimIo {
    world: Rc<RefCell<World>>,
    party: usize,
    /// By index: the generation it belongs to, and the output.
    outs: Vec<(u32, Output)>,
    /// What is appended for dead connections.
    refuse: Out,
    buffers: Vec<Vec<u8>>,
    free: Vec<u32>,
}

impl SimIo {
    /// Sends what was appended to one output, as far as the peer takes it; whether there was something, and all has left.
    fn flush(&mut self, id: ConnectionId) -> bool {
        let Some((_, output)) = self.outs.get_mut(id.index as usize).filter(|(g, _)| *g == id.generation) else {
            return false;
        };
        let mut sent = false;
        loop {
            // What is appended while something is on its way waits behind it, as a ring has it.
            if output.held.is_empty() {
                while let Some(piece) = output.out.take() {
                    output.held.extend_from_slice(piece.as_slice());
                }
            }
            let mut world = self.world.borrow_mut();
            let room = world.room(self.party, id).min(output.held.len());
            if room == 0 {
                return sent && output.held.is_empty();
            }
            let octets: Vec<u8> = output.held.drain(..room).collect();
            world.send(self.party, id, &octets);
            sent = true;
        }
    }

    /// From the first call on, the peer of the connection can send only so many octets more than earlier calls allowed;
    /// what was on its way then is not counted.
    pub fn take_only(&mut self, id: ConnectionId, octets: usize) {
        self.world.borrow_mut().allow(self.party, id, octets);
    }

    fn state(&self, id: ConnectionId) -> State {
        self.world.borrow_mut().slot(self.party, id).map_or(State::Free, |s| s.state)
    }

    /// All that is to be heard, connections taking turns at random, some data joined.
    fn news(&mut self) -> Vec<(ConnectionId, News)> {
        let mut world = self.world.borrow_mut();
        let mut queues: Vec<(ConnectionId, VecDeque<News>)> = Vec::new();
        for (id, news) in std::mem::take(&mut world.parties[self.party].news) {
            match queues.iter_mut().find(|(i, _)| *i == id) {
                Some((_, queue)) => queue.push_back(news),
                None => queues.push((id, VecDeque::from([news]))),
            }
        }
        let mut all: Vec<(ConnectionId, News)> = Vec::new();
        while !queues.is_empty() {
            let chosen = world.random.usize(..queues.len());
            let (id, queue) = &mut queues[chosen];
            match (queue.pop_front(), all.last_mut()) {
                (Some(News::Data(more)), Some((last, News::Data(octets)))) if last == id && world.random.bool() => {
                    octets.extend_from_slice(&more);
                }
                (Some(news), _) => all.push((*id, news)),
                (None, _) => drop(queues.swap_remove(chosen)),
            }
        }
        all
    }

    fn event(&mut self, id: ConnectionId, news: News) -> Option<Event> {
        let state = self.state(id);
        let event = match news {
            News::Connected => Event::Connected(id),
            News::Accepted(listener, from) => Event::Accepted(listener, id, from),
            News::Deadline => Event::Deadline(id),
            News::Data(_) | News::Closed(_) | News::ConnectFailed(_) if state == State::Free => return None,
            News::Data(_) if state == State::Closing => return None,
            News::Data(octets) => {
                let buffer = self.free.pop().unwrap_or_else(|| {
                    self.buffers.push(Vec::new());
                    (self.buffers.len() - 1) as u32
                });
                let len = octets.len() as u32;
                self.buffers[buffer as usize] = octets;
                Event::Data(id, Buffer { id: buffer, len })
            }
            News::Closed(how) => {
                self.world.borrow_mut().vacate(self.party, id);
                Event::Closed(id, how)
            }
            News::ConnectFailed(errno) => {
                self.world.borrow_mut().vacate(self.party, id);
                Event::ConnectFailed(id, errno)
            }
        };
        Some(event)
    }
}

impl Drop for SimIo {
    fn drop(&mut self) {
        self.world.borrow_mut().crash(self.party);
    }
}

impl Io for SimIo {
    fn now(&self) -> Now {
        let world = self.world.borrow();
        let ahead_s = world.parties.get(self.party).map_or(0, |party| party.wall_ahead_s);
        let seconds = i64::try_from(world.now.0 / 1_000_000).unwrap_or(i64::MAX).saturating_add(EPOCH.into());
        let unix = UnixTime(u32::try_from(seconds.saturating_add(ahead_s).max(0)).unwrap_or(u32::MAX));
        Now { mono: world.now, unix }
    }

    fn connect(&mut self, spec: &ConnectSpec) -> io::Result<ConnectionId> {
        Ok(self.world.borrow_mut().connect(self.party, spec))
    }

    fn listen(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        self.world.borrow_mut().listen(self.party, address)
    }

    fn out(&mut self, id: ConnectionId) -> &mut Out {
        if !matches!(self.state(id), State::Connecting | State::Open) {
            self.refuse = Out::new();
            return &mut self.refuse;
        }
        self.world.borrow_mut().parties[self.party].dirty = true;
        let index = id.index as usize;
        if index >= self.outs.len() {
            self.outs.resize_with(index + 1, Default::default);
        }
        let (generation, output) = &mut self.outs[index];
        if *generation != id.generation {
            (*generation, *output) = (id.generation, Output::default());
        }
        &mut output.out
    }

    fn unsent(&self, id: ConnectionId) -> usize {
        let output = self.outs.get(id.index as usize).filter(|(g, _)| *g == id.generation);
        output.map_or(0, |(_, output)| output.out.len() + output.held.len())
    }

    fn untouched(&self, id: ConnectionId) -> usize {
        self.unsent(id)
    }

    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.buffers.get(buffer.id as usize).map_or(&[], Vec::as_slice)
    }

    fn release(&mut self, buffer: Buffer) {
        if let Some(octets) = self.buffers.get_mut(buffer.id as usize) {
            octets.clear();
            self.free.push(buffer.id);
        }
    }

    fn quick_ack(&mut self, _id: ConnectionId) {}

    fn close(&mut self, id: ConnectionId) {
        if self.state(id) == State::Open {
            self.flush(id);
        }
        self.world.borrow_mut().close(self.party, id);
    }

    fn abort(&mut self, id: ConnectionId) {
        self.world.borrow_mut().abort(self.party, id);
    }

    fn set_deadline(&mut self, id: ConnectionId, at: Option<Instant>) {
        self.world.borrow_mut().set_deadline(self.party, id, at);
    }

    fn waker(&self) -> Waker {
        Arc::new(Bell(Arc::clone(&self.world.borrow().parties[self.party].bell)))
    }

    fn poll(&mut self, until: Option<Instant>, events: &mut Vec<Event>) -> io::Result<()> {
        for index in 0..self.outs.len() {
            let id = ConnectionId { index: index as u32, generation: self.outs[index].0 };
            if self.state(id) == State::Open && self.flush(id) {
                events.push(Event::Drained(id));
            }
        }
        let rung = {
            let mut world = self.world.borrow_mut();
            let now = world.now;
            let party = &mut world.parties[self.party];
            party.dirty = false;
            party.until = until.filter(|&at| at > now);
            party.bell.swap(false, Ordering::SeqCst)
        };
        if rung {
            events.push(Event::Inbox);
        }
        for (id, news) in self.news() {
            events.extend(self.event(id, news));
        }
        Ok(())
    }
}
