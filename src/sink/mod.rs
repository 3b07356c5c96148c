//! The sink: a receiving MX that takes mail, counts it, and throws it away. `posthaste sink` is this room on the ring;
//! `posthaste send --sink` runs one inside.
//!
//! Guarantees: a duplicate (the same Message-ID to the same recipient again) is always counted, see `seen` for how
//! seldom a new one is mistaken; a client that does not take its replies, or says nothing for [`IDLE_MAX`], is cut off.
//! With a round trip set, each batch of replies leaves that much later than the octets that caused it came, and
//! batches do not wait for each other: a flight costs one round trip, however many messages it carries.

mod desk;
mod keep;
mod message_id;
mod run;
mod seen;
#[cfg(test)]
mod tests;

pub use run::{Running, run, spawn};

use crate::base::clock::Instant;
use crate::base::out::{Out, Piece};
use crate::base::remedy;
use crate::smtp::server::{Config, Session};

pub use crate::smtp::server::Login;
use crate::tls;
use crate::wire::io::{Buffer, ConnectionId, Event, Io};
use crate::wire::ring::SetupError;
use desk::{Books, Desk, Visit};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A client may say nothing for so long (RFC 5321 §4.5.3.2.7).
pub const IDLE_MAX: Duration = Duration::from_secs(300);

/// Replies that a client has not taken, in octets; more, and it is cut off.
const UNTAKEN_MAX: usize = 1 << 20;

/// The first reply twice, then what follows it.
fn said_twice(replies: &[u8]) -> Vec<u8> {
    let mut first = 0;
    for line in replies.split_inclusive(|&b| b == b'\n') {
        first += line.len();
        if line.get(3) != Some(&b'-') {
            break;
        }
    }
    let (first, _) = replies.split_at(first.min(replies.len()));
    [first, replies].concat()
}

/// The replies, and behind one of them a word that nobody asked for, in the manner of the answer to a content. Not behind a
/// 354: what comes there may be the answer to the content, for all that a client can know.
fn strayed(replies: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let (mut at, mut ends) = (0, Vec::new());
    for line in replies.split_inclusive(|&b| b == b'\n') {
        at += line.len();
        if line.get(3) != Some(&b'-') && !line.starts_with(b"354") {
            ends.push(at);
        }
    }
    let Some(&end) = ends.get(rng.usize(..ends.len().max(1))) else { return replies.to_vec() };
    let (before, behind) = replies.split_at(end.min(replies.len()));
    let word: &[u8] = if rng.bool() { b"250 2.0.0 stray\r\n" } else { b"250 2.6.0 stray 7\r\n" };
    [before, word, behind].concat()
}

/// How a sink behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name in the greeting.
    pub hostname: String,
    /// Offer CHUNKING.
    pub chunking: bool,
    /// Offer PIPELINING.
    pub pipelining: bool,
    /// Replies leave so much later than what they answer came.
    pub rtt: Duration,
    /// Keep each message as a file in this folder.
    pub keep: Option<PathBuf>,
    /// Refuse so many percent of all recipients for good; always the same ones for one seed.
    pub reject_percent: f64,
    /// Refuse so many percent of all recipients once, for now; always the same ones for one seed.
    pub defer_percent: f64,
    /// Says a reply twice, or behind one a word that nobody asked for, so many percent of the times that it says something.
    pub surplus_percent: f64,
    /// Chooses who is refused, and what is said twice.
    pub seed: u64,
    /// Keep a list of the recipients that got a message twice (the first million of them).
    pub list_duplicates: bool,
    /// Offer STARTTLS with this certificate.
    pub tls: Option<tls::ServerConfig>,
    /// Offer AUTH, and take mail from this user only.
    pub login: Option<Login>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hostname: "sink.invalid".into(),
            chunking: true,
            pipelining: true,
            rtt: Duration::ZERO,
            keep: None,
            reject_percent: 0.0,
            defer_percent: 0.0,
            surplus_percent: 0.0,
            seed: 0,
            list_duplicates: false,
            tls: None,
            login: None,
        }
    }
}

/// A step of a session that a client may be refused at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The greeting.
    Greeting,
    /// EHLO, HELO.
    Hello,
    /// MAIL.
    Mail,
    /// RCPT of a mailbox that there is.
    Recipient,
    /// DATA, or the first chunk.
    Data,
    /// The end of the content.
    Content,
}

/// A refusal of every client, whoever the mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it is said.
    pub at: Step,
    /// What is said: code, enhanced code and text.
    pub reply: &'static str,
}

/// What a sink has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Connections that were greeted.
    pub sessions: u64,
    /// MAIL commands accepted.
    pub transactions: u64,
    /// Contents accepted.
    pub messages: u64,
    /// Recipients of accepted contents.
    pub recipients: u64,
    /// Contents with a Message-ID not seen before, or with none.
    pub unique_messages: u64,
    /// Recipients that had the same Message-ID before.
    pub duplicates: u64,
    /// Octets of accepted contents.
    pub bytes: u64,
    /// RCPT commands refused for good.
    pub rejected: u64,
    /// RCPT commands refused for now.
    pub deferred: u64,
    /// TLS handshakes that were completed, those that resumed an earlier session included.
    pub tls_sessions: u64,
    /// TLS handshakes that resumed an earlier session.
    pub tls_resumed: u64,
}

/// What a sink has to say at its end.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The sums.
    pub counters: Counters,
    /// Recipients that got a message again, once for each time; empty unless asked for.
    pub duplicated: Vec<String>,
}

/// Why a sink does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ring was refused.
    #[error("{0}")]
    Ring(#[from] SetupError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}\nhint: choose another port, or end what uses it (ss -ltnp)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Messages cannot be kept.
    #[error(
        "cannot keep messages in {folder}: {source}\nhint: {}", remedy::of(.source).unwrap_or("the folder must be writable")
    )]
    Keep {
        /// The folder.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The driver broke, or no thread could be started.
    #[error("the sink broke down: {0}")]
    Broken(#[from] io::Error),
}

/// One client.
struct Peer {
    id: ConnectionId,
    session: Session,
    visit: Visit,
    tls: Option<Box<tls::Server>>,
    /// Replies that the round trip holds back.
    delayed: VecDeque<(Instant, Vec<u8>)>,
    delayed_octets: usize,
}

/// Server sessions on a driver.
pub struct Sink<I> {
    io: I,
    server: Arc<Config>,
    tls: Option<tls::ServerConfig>,
    rtt: Duration,
    /// The odds that a reply is said twice, and what draws them.
    surplus: (f64, fastrand::Rng),
    said_twice: u64,
    books: Books,
    /// By the index of their connection.
    peers: Vec<Option<Peer>>,
    replies: Out,
    /// What a client said, out of TLS.
    plain: Vec<u8>,
    events: Vec<Event>,
}

impl<I: Io> Sink<I> {
    /// A sink on `io`, not listening yet.
    ///
    /// # Errors
    /// The folder for messages cannot be made.
    pub fn new(io: I, options: &Options) -> io::Result<Self> {
        let server = Config {
            hostname: options.hostname.as_str().into(),
            chunking: options.chunking,
            pipelining: options.pipelining,
            size_max: 100 << 20,
            recipients_max: 10_000,
            unstuff: options.keep.is_some(),
            starttls: options.tls.is_some(),
            login: options.login.clone(),
        };
        Ok(Self {
            io,
            server: Arc::new(server),
            tls: options.tls.clone(),
            rtt: options.rtt,
            surplus: (options.surplus_percent / 100.0, fastrand::Rng::with_seed(options.seed)),
            said_twice: 0,
            books: Books::new(options)?,
            peers: Vec::new(),
            replies: Out::new(),
            plain: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Takes connections at `address` too; returns the bound address.
    ///
    /// # Errors
    /// The address is taken, or not ours.
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        Ok(self.io.listen(address)?.1)
    }

    /// What it has seen so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.books.counters
    }

    /// Refuses every client so from now on; `None`: none.
    pub fn refuse(&mut self, refusal: Option<Refusal>) {
        self.books.refusal = refusal;
    }

    /// How often it refused a client so.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.books.refused
    }

    /// How often it said a reply twice, or a word that nobody asked for.
    #[must_use]
    pub fn said_twice(&self) -> u64 {
        self.said_twice
    }

    /// The driver: for its clock and its waker.
    #[must_use]
    pub fn io(&self) -> &I {
        &self.io
    }

    /// Polls the driver once, and serves what happened.
    ///
    /// # Errors
    /// The driver broke.
    pub fn turn(&mut self, until: Option<Instant>) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        let result = self.io.poll(until, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Data(id, buffer) => self.hear(id, buffer),
                Event::Accepted(_, id, _) => self.welcome(id),
                Event::Closed(id, _) => self.forget(id),
                Event::Deadline(id) => self.due(id),
                Event::Connected(_) | Event::ConnectFailed(..) | Event::Drained(_) | Event::Inbox => {}
            }
        }
        self.events = events;
        result
    }

    /// Ends it: waits for what is kept, and sums up.
    ///
    /// # Errors
    /// A message could not be kept.
    pub fn finish(self) -> io::Result<Report> {
        let (counters, duplicated) = self.books.close()?;
        Ok(Report { counters, duplicated })
    }

    fn welcome(&mut self, id: ConnectionId) {
        let mut visit = Visit::default();
        let mut desk = Desk { books: &mut self.books, visit: &mut visit };
        let session = Session::new(Arc::clone(&self.server), &mut desk, &mut self.replies);
        let index = id.index as usize;
        if index >= self.peers.len() {
            self.peers.resize_with(index + 1, || None);
        }
        self.peers[index] = Some(Peer { id, session, visit, tls: None, delayed: VecDeque::new(), delayed_octets: 0 });
        self.answer(id);
    }

    fn hear(&mut self, id: ConnectionId, buffer: Buffer) {
        let mut broken = false;
        if let Some(peer) = peer(&mut self.peers, id) {
            let octets = self.io.bytes(&buffer);
            match &mut peer.tls {
                None => {
                    let mut desk = Desk { books: &mut self.books, visit: &mut peer.visit };
                    peer.session.handle_input(octets, &mut desk, &mut self.replies);
                }
                Some(_) => broken = !peer.read_tls(octets, &mut self.books, &mut self.plain, &mut self.replies),
            }
        }
        self.io.release(buffer);
        self.answer(id);
        if broken {
            // The alert is on its way; nothing that follows could be trusted.
            return self.io.close(id);
        }
        self.start_tls(id);
    }

    /// The reply to STARTTLS has been sent in clear text: what comes next is a handshake.
    fn start_tls(&mut self, id: ConnectionId) {
        let (Some(peer), Some(config)) = (peer(&mut self.peers, id), &self.tls) else { return };
        if peer.tls.is_none() && peer.session.wants_handshake() {
            match tls::Server::new(config) {
                Ok(server) => peer.tls = Some(Box::new(server)),
                Err(_) => self.io.abort(id),
            }
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(peer) = peer(&mut self.peers, id) {
            peer.session.handle_closed(&mut Desk { books: &mut self.books, visit: &mut peer.visit });
            self.peers[id.index as usize] = None;
        }
    }

    /// Sends what was replied, or holds it back for the round trip.
    fn answer(&mut self, id: ConnectionId) {
        let now = self.io.now().mono;
        let Some(peer) = peer(&mut self.peers, id) else {
            self.replies = Out::new();
            return;
        };
        if let Some(tls) = &mut peer.tls {
            seal(tls, peer.session.is_over(), &mut self.replies);
        }
        while let Some(piece) = self.replies.take() {
            let Piece::Owned(mut octets) = piece else { continue };
            let (odds, rng) = &mut self.surplus;
            if *odds > 0.0 && peer.tls.is_none() && rng.f64() < *odds {
                octets = if rng.bool() { said_twice(&octets) } else { strayed(&octets, rng) };
                self.said_twice += 1;
            }
            if self.rtt.is_zero() {
                self.io.out(id).append(&octets);
                self.replies.recycle(Piece::Owned(octets));
            } else {
                peer.delayed_octets += octets.len();
                peer.delayed.push_back((now.after(self.rtt), octets));
            }
        }
        if self.io.unsent(id) + peer.delayed_octets > UNTAKEN_MAX {
            return self.io.abort(id);
        }
        self.settle(id, now);
    }

    /// Closes a session that is over, or sets the deadline for what comes next.
    fn settle(&mut self, id: ConnectionId, now: Instant) {
        let Some(peer) = peer(&mut self.peers, id) else { return };
        match peer.delayed.front() {
            Some((due, _)) => self.io.set_deadline(id, Some(*due)),
            None if peer.session.is_over() => self.io.close(id),
            None => self.io.set_deadline(id, Some(now.after(IDLE_MAX))),
        }
    }

    fn due(&mut self, id: ConnectionId) {
        let now = self.io.now().mono;
        let Some(peer) = peer(&mut self.peers, id) else { return };
        if peer.delayed.is_empty() {
            self.replies.append(b"421 4.4.2 Idle for too long\r\n");
            self.answer(id);
            return self.io.close(id);
        }
        while peer.delayed.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, octets)) = peer.delayed.pop_front()
        {
            peer.delayed_octets -= octets.len();
            self.io.out(id).append(&octets);
        }
        self.settle(id, now);
    }
}

impl Peer {
    /// Takes octets of a connection that is inside TLS; `false` if they break it.
    fn read_tls(&mut self, octets: &[u8], books: &mut Books, plain: &mut Vec<u8>, replies: &mut Out) -> bool {
        let Some(tls) = &mut self.tls else { return true };
        let handshaking = tls.is_handshaking();
        plain.clear();
        let read = tls.read(octets, plain);
        if handshaking && !tls.is_handshaking() {
            books.counters.tls_sessions += 1;
            books.counters.tls_resumed += u64::from(tls.is_resumed());
            self.session.handle_tls();
        }
        self.session.handle_input(plain, &mut Desk { books, visit: &mut self.visit }, replies);
        read.is_ok()
    }
}

/// Puts replies into TLS, with whatever TLS itself has to say; the last ones are followed by close_notify.
fn seal(tls: &mut tls::Server, last: bool, replies: &mut Out) {
    let mut sealed = Out::new();
    let mut sent = Ok(());
    while let (Ok(()), Some(piece)) = (&sent, replies.take()) {
        sent = tls.write(piece.as_slice(), &mut sealed);
    }
    if last {
        tls.close();
    }
    // On a connection that is broken only the alert is left to be said.
    let _alert = tls.write(&[], &mut sealed);
    *replies = sealed;
}

/// The client behind a connection, if it is still there.
fn peer(peers: &mut [Option<Peer>], id: ConnectionId) -> Option<&mut Peer> {
    peers.get_mut(id.index as usize)?.as_mut().filter(|p| p.id == id)
}
