//! Plays a scenario over real sockets on the loopback: the shard on the ring, the peer on a listener in a thread.
//!
//! Nothing is said about how long things take; a scenario that does not come to its end is given up after a while. The
//! peer's thread wakes the shard now and then, so that it looks whether that is so.

use crate::machine;
use crate::peer::{Cut, Outward, Pace, Peer, SessionLog};
use crate::scenario::{Outcome, Scenario};
use crate::script::Wait;
use crate::sender::{Patience, Sender};
use crate::{logs, pem};
use posthaste::base::clock::Instant;
use posthaste::wire::io::{Io as _, Waker};
use posthaste::wire::ring::{Options, Ring};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const RING: Options = Options { receive_buffers: 64, receive_buffer_bytes: 4096, submissions: 64 };
/// What is not over by then never will be.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// What should be over is watched for so long still.
const GRACE: Duration = Duration::from_millis(80);

fn patience(scenario: &Scenario) -> Patience {
    let reply = if scenario.patience { Duration::from_millis(600) } else { Duration::from_secs(20) };
    Patience { reply, end: reply, backoff: Duration::from_millis(40), idle: Duration::from_secs(10) }
}

fn pace(scenario: &Scenario) -> Pace {
    let ms = Duration::from_millis;
    Pace { reply: if scenario.pipelining { ms(2) } else { ms(1) }, gap: ms(0), moment: ms(20), long: ms(150) }
}

/// How long the peer sleeps between two looks at its sockets.
const TURN: Duration = Duration::from_micros(300);
/// After so many of them it wakes the shard.
const WAKE_TURNS: u64 = 100;

struct Connection {
    /// `None`: it was reset.
    stream: Option<TcpStream>,
    peer: Peer,
    unsent: Vec<u8>,
    reads: bool,
    slowly: bool,
    open: bool,
}

/// What both threads see.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    /// Sessions that the peer has seen.
    sessions: AtomicUsize,
    /// The shard's.
    waker: OnceLock<Waker>,
}

/// Ends the peer's thread with its scope, also by a panic.
struct Ends<'s>(&'s Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// The peer's side.
struct Host<'s> {
    scenario: &'s Scenario,
    listener: TcpListener,
    began: std::time::Instant,
    connections: Vec<Connection>,
}

impl Host<'_> {
    fn run(mut self, shared: &Shared) -> Vec<SessionLog> {
        for turn in 0_u64.. {
            if shared.over.load(Ordering::Relaxed) {
                break;
            }
            self.turn();
            shared.sessions.store(self.connections.len(), Ordering::Relaxed);
            if turn % WAKE_TURNS == 0 {
                shared.waker.get().inspect(|waker| waker.wake());
            }
            std::thread::sleep(TURN);
        }
        self.connections.iter().map(|c| c.peer.log().clone()).collect()
    }

    fn turn(&mut self) {
        let now = Instant(self.began.elapsed().as_micros() as u64);
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let open = self.connections.iter().filter(|c| c.open).count();
            let crowd = self.scenario.crowd.as_ref().filter(|(most, _)| open >= *most);
            let play = crowd.map_or_else(|| self.scenario.play(self.connections.len()), |(_, play)| play.clone());
            let tls = pem::server(self.scenario.starttls);
            let peer = Peer::new(Arc::new(play), Cut::Whole, pace(self.scenario), tls, now);
            self.connections.push(Connection {
                stream: Some(stream),
                peer,
                unsent: Vec::new(),
                reads: true,
                slowly: false,
                open: true,
            });
        }
        self.connections.iter_mut().filter(|c| c.open).for_each(|c| c.turn(now));
    }
}

impl Connection {
    fn turn(&mut self, now: Instant) {
        self.read(now);
        self.send();
        while self.open
            && self.unsent.is_empty()
            && let Some(outward) = self.peer.poll(now)
        {
            match outward {
                Outward::Octets(octets) => self.unsent = octets,
                Outward::Fin => drop(self.stream.as_ref().map(|s| s.shutdown(Shutdown::Write))),
                Outward::Reset => {
                    self.stream.iter().for_each(machine::reset_on_close);
                    self.stream = None;
                    self.open = false;
                }
                Outward::StopReading => self.reads = false,
                Outward::ReadSlowly => self.slowly = true,
            }
            self.send();
        }
    }

    fn read(&mut self, now: Instant) {
        let mut buffer = [0; 65_536];
        let most = if self.slowly { 4096 } else { buffer.len() };
        while let Some(stream) = self.stream.as_mut().filter(|_| self.reads && self.open) {
            match stream.read(&mut buffer[..most]) {
                Ok(octets @ 1..) => self.peer.hear(now, &buffer[..octets]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => self.open = false,
            }
            if self.slowly || self.peer.due().is_some_and(|due| due <= now) {
                return;
            }
        }
    }

    fn send(&mut self) {
        while !self.unsent.is_empty()
            && let Some(stream) = &mut self.stream
        {
            match stream.write(&self.unsent) {
                Ok(octets) => drop(self.unsent.drain(..octets)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.unsent.clear();
                    self.open = false;
                }
            }
        }
    }
}

/// Plays it.
pub fn play(scenario: &Scenario) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    machine::small_receive_buffer(&listener);
    let remote = listener.local_addr().unwrap();
    let host = Host { scenario, listener, began: std::time::Instant::now(), connections: Vec::new() };
    let shared = Shared::default();
    std::thread::scope(|scope| {
        let peer = scope.spawn(|| host.run(&shared));
        let ends = Ends(&shared);
        let (mut outcome, lines) = logs::caught(|| send(scenario, remote, &shared));
        drop(ends);
        outcome.lines = lines;
        outcome.sessions = peer.join().unwrap();
        outcome
    })
}

fn send(scenario: &Scenario, remote: SocketAddr, shared: &Shared) -> Outcome {
    let ring = Ring::new(RING).unwrap();
    let _ = shared.waker.set(ring.waker());
    let mut sender = Sender::new(ring, scenario, remote, patience(scenario), pem::client());
    sender.load(scenario.recipients);
    let began = std::time::Instant::now();
    let mut later = scenario.later.map(|(wait, more)| {
        let pace = pace(scenario);
        let span = match wait {
            Wait::Moment => pace.moment,
            Wait::Long => pace.long,
        };
        (span, more)
    });
    if later.is_none() {
        sender.end_load();
    }
    let mut settled: Option<std::time::Instant> = None;
    while !sender.ended() && began.elapsed() < GIVEN_UP {
        sender.turn();
        if let Some((_, more)) = later.take_if(|(span, _)| began.elapsed() >= *span) {
            sender.load(more);
            sender.end_load();
        }
        let so_far = Outcome { rows: std::mem::take(&mut sender.rows), ..Outcome::default() };
        let met = shared.sessions.load(Ordering::Relaxed) >= scenario.session_count.0;
        let done = later.is_none() && met && scenario.stands(&so_far);
        sender.rows = so_far.rows;
        settled = if done { settled.or_else(|| Some(std::time::Instant::now())) } else { None };
        if settled.is_some_and(|at| at.elapsed() >= GRACE) {
            break;
        }
    }
    Outcome { rows: std::mem::take(&mut sender.rows), ..Outcome::default() }
}
