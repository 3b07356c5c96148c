//! The client session: one SMTP connection from greeting to QUIT.
//!
//! Sans-IO: bytes from the peer go in through [`Session::handle_input`], bytes to the peer come out of
//! [`Session::poll_transmit`], `now` is an argument.

use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::mail::{Envelope, Reply, ReplyRef};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// What a session may do; shared by all sessions of a route.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name we announce.
    pub ehlo: Box<str>,
    /// Use PIPELINING where it is offered.
    pub pipelining: bool,
    /// Use CHUNKING where it is offered together with PIPELINING.
    pub chunking: bool,
    /// Ask for TLS where STARTTLS is offered.
    pub starttls: bool,
    /// After so many transactions the session says QUIT; at least 1.
    pub transactions_max: u32,
    /// Chunked mode: transactions, and octets of content, sent and not yet answered.
    pub window_transactions_max: usize,
    /// See above; one transaction may always be under way, whatever its size.
    pub window_bytes_max: usize,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

/// RFC 5321 §4.5.3.2: how long a client waits, by phase.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to EHLO, HELO, STARTTLS.
    pub hello: Duration,
    /// For the reply to MAIL.
    pub mail: Duration,
    /// For the reply to RCPT.
    pub rcpt: Duration,
    /// For the 354.
    pub data: Duration,
    /// For progress while content is sent.
    pub content: Duration,
    /// For the reply after the content.
    pub end: Duration,
    /// For the reply to QUIT.
    pub quit: Duration,
}

/// One transaction to run: an envelope and its content.
#[derive(Debug)]
pub struct Transaction {
    /// The owner's name for it; comes back in each event.
    pub key: u64,
    /// Reverse-path and recipients.
    pub envelope: Envelope,
    /// Canonical content: CRLF line ends, ends with CRLF, lines of at most 998 octets, **no line begins with a dot**
    /// (so the same bytes serve DATA and BDAT).
    pub content: Bytes,
    /// Whether the content holds octets above 127 (needs 8BITMIME).
    pub eight_bit: bool,
}

/// Where a session stood when something went wrong: for messages to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the handshake.
    StartTls,
    /// Between transactions.
    Idle,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, up to the 354.
    Data,
    /// The content, before its last octet was sent.
    Content,
    /// After the last octet of the content, before its reply.
    End,
    /// QUIT.
    Quit,
}

/// What became of one recipient in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Accepted: the reply to the content was 2yz.
    Accepted(ReplyRef<'a>),
    /// Refused by this reply, at this phase (`Mail`, `Rcpt`, `Data` or `End`).
    Refused(ReplyRef<'a>, Phase),
    /// The content was sent whole and the session ended before its reply came.
    Uncertain,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// We said QUIT after a clean run, or the peer closed or said 421 while nothing was under way.
    Done,
    /// The peer refused the session with this reply (greeting, EHLO/HELO, 421 anywhere, 4yz/5yz to STARTTLS is no end).
    Refused(Reply, Phase),
    /// It took too long.
    Timeout(Phase),
    /// The connection was closed or broke.
    Lost(Phase),
    /// The peer broke the protocol: which rule (a fixed sentence).
    Protocol(&'static str, Phase),
}

/// What a session has to say, in order.
#[derive(Debug)]
pub enum Event<'a> {
    /// The greeting and EHLO are done (again after TLS): transactions may begin.
    Ready,
    /// The peer agreed to STARTTLS: run a TLS handshake on the connection, then call [`Session::handle_tls`]. Input that
    /// came in clear text behind the reply has been thrown away.
    StartTls,
    /// Recipient `index` of transaction `key` has its verdict. Comes exactly once for each recipient of a transaction
    /// that is not returned.
    Recipient {
        /// The transaction.
        key: u64,
        /// The recipient's place in the envelope.
        index: usize,
        /// What became of it.
        verdict: Verdict<'a>,
    },
    /// All recipients of the transaction have had their verdict.
    Finished {
        /// The transaction.
        key: u64,
    },
    /// The transaction, or those of its recipients that are named, was not attempted (the session closed while idle, 421 or 452 at MAIL, 452 "too many
    /// recipients" for the rest of a batch): it counts as no attempt and is to be run again, on another session or later on this one.
    Returned {
        /// The transaction.
        key: u64,
        /// Indices of the recipients that come back; no other event follows for these. When it is all that were left, [`Event::Finished`] still follows.
        recipients: &'a [usize],
        /// What the peer said, if it said something.
        reply: Option<ReplyRef<'a>>,
    },
    /// The session is over: close the connection. The last event.
    Ended(End),
}

/// A client session.
pub struct Session {
    #[expect(dead_code, reason = "skeleton")]
    config: Arc<Config>,
}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "skeleton")]
impl Session {
    /// A session on a connection that is about to stand; the greeting is awaited from `now`.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        todo!()
    }
    /// Octets came from the peer (after TLS: plain text).
    pub fn handle_input(&mut self, now: Instant, input: &[u8], on: &mut dyn FnMut(Event<'_>)) {
        todo!()
    }
    /// The connection ended.
    pub fn handle_closed(&mut self, now: Instant, on: &mut dyn FnMut(Event<'_>)) {
        todo!()
    }
    /// The deadline may have passed.
    pub fn handle_deadline(&mut self, now: Instant, on: &mut dyn FnMut(Event<'_>)) {
        todo!()
    }
    /// Everything that [`Session::poll_transmit`] gave has been handed to the kernel (moves the content timeout).
    pub fn handle_drained(&mut self, now: Instant) {
        todo!()
    }
    /// The TLS handshake is done: EHLO is said again.
    pub fn handle_tls(&mut self, now: Instant) {
        todo!()
    }
    /// How many more transactions the session would take now (0 before it is ready, when it is full, or at its end).
    pub fn room(&self) -> usize {
        todo!()
    }
    /// How many recipients a transaction may have here (LIMITS RCPTMAX, learnt from 452), and the SIZE limit.
    pub fn recipients_max(&self) -> usize {
        todo!()
    }
    /// Takes a transaction; call only while [`Session::room`] is not 0 (else it is given back).
    pub fn begin(&mut self, transaction: Transaction) -> Result<(), Transaction> {
        todo!()
    }
    /// No more transactions: QUIT as soon as those under way are answered.
    pub fn quit(&mut self) {
        todo!()
    }
    /// Appends what is to be sent now; bounded by what `out` already holds.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Out) {
        todo!()
    }
    /// When [`Session::handle_deadline`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Whether replies are outstanding (the owner then asks for quick acknowledgements).
    pub fn awaits_reply(&self) -> bool {
        todo!()
    }
    /// Transactions begun and not finished.
    pub fn under_way(&self) -> usize {
        todo!()
    }
    pub fn phase(&self) -> Phase {
        todo!()
    }
}
