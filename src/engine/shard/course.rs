//! The course of a session: its number, when each part of its opening ended, how it is encrypted. What events say of it.
//!
//! Leaves to others: when something is worth an event (`watch`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::clock::Instant;
use crate::mail::event::{SessionSpans, Spans, Tls, Via};
use crate::smtp::client::Marks;
use crate::tls::Client;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Course {
    /// The session's number in this run.
    pub(super) number: u64,
    pub(super) remote: SocketAddr,
    source: Arc<str>,
    local: Option<IpAddr>,
    opened: Instant,
    connected: Option<Instant>,
    greeted: Option<Instant>,
    heard: Option<Instant>,
    tls_began: Option<Instant>,
    tls_done: Option<Instant>,
    tls: Option<Tls>,
    /// Transactions begun.
    pub(super) transactions: u64,
    /// What broke TLS.
    pub(super) tls_trouble: Option<Box<str>>,
}

impl Course {
    pub(super) fn new(
        number: u64,
        remote: SocketAddr,
        (source, local): (Arc<str>, Option<IpAddr>),
        now: Instant,
    ) -> Self {
        Self {
            number,
            remote,
            source,
            local,
            opened: now,
            connected: None,
            greeted: None,
            heard: None,
            tls_began: None,
            tls_done: None,
            tls: None,
            transactions: 0,
            tls_trouble: None,
        }
    }

    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The name of the source that it leaves from.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Octets came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        if self.greeted.is_none() {
            self.greeted = Some(now);
        }
    }

    /// Since when the peer has said nothing.
    pub(super) fn silent_since(&self) -> Instant {
        self.heard.or(self.connected).unwrap_or(self.opened)
    }

    pub(super) fn tls_began(&mut self, now: Instant) {
        self.tls_began = Some(now);
    }

    /// The handshake is done; `verified` says what the certificate had to fulfil. How it is encrypted.
    pub(super) fn tls_done(&mut self, client: &Client, verified: &'static str, now: Instant) -> Tls {
        let version = match client.version() {
            Some("TLSv1_2") => "TLSv1.2",
            Some("TLSv1_3") => "TLSv1.3",
            other => other.unwrap_or_default(),
        };
        let cipher = client.cipher().unwrap_or_default();
        let tls = Tls { version, cipher, resumed: client.is_resumed(), verified };
        self.tls_done = Some(now);
        self.tls = Some(tls);
        tls
    }

    /// How long the session has lasted.
    pub(super) fn lasted(&self, now: Instant) -> std::time::Duration {
        now.since(self.opened)
    }

    /// How long the parts of the opening took; the session is ready `now`.
    pub(super) fn opening(&self, now: Instant) -> SessionSpans {
        let tls = self.tls_done.zip(self.tls_began).map(|(done, began)| done.since(began));
        SessionSpans {
            connect: self.connected.map(|at| at.since(self.opened)),
            greeting: self.greeted.zip(self.connected).map(|(to, from)| to.since(from)),
            tls,
            hello: self.greeted.map(|from| now.since(from).saturating_sub(tls.unwrap_or_default())),
        }
    }

    /// Whom it is with, and how.
    pub(super) fn via<'a>(&'a self, site: &'a str, host: &'a str, ehlo: &'a str) -> Via<'a> {
        let Self { number: session, remote, local, tls, .. } = *self;
        Via { session, site, host, remote, source: &self.source, local, ehlo, tls }
    }
}

/// Where the time of a transaction went.
pub(super) fn spans(marks: &Marks, verdict: Instant) -> Spans {
    Spans::between(marks.began, [marks.mail, marks.rcpt, marks.data, marks.sent], verdict)
}
