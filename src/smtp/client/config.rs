//! What a session may do, and for how long: values that its owner chose.

use crate::smtp::client::{Credentials, Phase};
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
    /// Whether the session is to be inside TLS, and how it comes there.
    pub starttls: Starttls,
    /// Whom to log in as; where that fails the session ends ([`End::Unauthenticated`](crate::smtp::client::End)).
    pub auth: Option<Arc<Credentials>>,
    /// After so many refusals (4yz and 5yz to MAIL, RCPT and content) the session says QUIT, once what is under way is
    /// answered: servers slow down, or hang up on, a session that earns many. At least 1.
    pub refused_max: u32,
    /// After so many transactions the session says QUIT; at least 1.
    pub transactions_max: u32,
    /// Chunked mode: transactions sent and not yet answered; 1 to [`WINDOW_MAX`](crate::smtp::client::WINDOW_MAX).
    pub window_transactions_max: usize,
    /// Chunked mode: octets of their content; one transaction may always be under way, whatever its size.
    pub window_bytes_max: usize,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}

impl Config {
    /// Whether there is a login that is not said outside of TLS: clear text is no way on then.
    #[must_use]
    pub fn login_needs_tls(&self) -> bool {
        self.auth.as_ref().is_some_and(|credentials| !credentials.in_clear)
    }
}

/// Whether a session is to be inside TLS, and how it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Starttls {
    /// STARTTLS is not used.
    Never,
    /// STARTTLS is used where it is offered (RFC 3207); a refusal of it goes on in clear text, unless there is a login that
    /// needs TLS ([`Config::login_needs_tls`]).
    Offered,
    /// Without TLS no transaction begins: a server that does not offer STARTTLS, or refuses it, ends the session.
    Required,
    /// TLS stands before the greeting (RFC 8314 §3.3); the owner runs it.
    Implicit,
}

/// RFC 5321 §4.5.3.2: how long a client waits, by phase.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to EHLO, HELO, STARTTLS, AUTH.
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

impl Timeouts {
    /// The wait that belongs to a phase; none between transactions, where the owner decides.
    #[must_use]
    pub fn of(&self, phase: Phase) -> Option<Duration> {
        Some(match phase {
            Phase::Greeting => self.greeting,
            Phase::Hello | Phase::StartTls | Phase::Auth => self.hello,
            Phase::Mail => self.mail,
            Phase::Rcpt => self.rcpt,
            Phase::Data => self.data,
            Phase::Content => self.content,
            Phase::End => self.end,
            Phase::Quit => self.quit,
            Phase::Idle => return None,
        })
    }
}

/// How transactions leave: what the peer offers, cut down by the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One command, one reply. (No PIPELINING.)
    #[default]
    Lockstep,
    /// MAIL, RCPT… and DATA together, then the content. (PIPELINING, and the session takes one transaction only.)
    Pipelined,
    /// As pipelined, and the next transaction's MAIL, RCPT… and DATA ride behind the content.
    Overlapped,
    /// Whole transactions behind one another, content included (BDAT). (PIPELINING and CHUNKING.)
    Chunked,
}
