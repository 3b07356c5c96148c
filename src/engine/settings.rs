//! What the engine is told: plain typed data, made by the application from its configuration.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::source::Source;
use crate::shape::retry::Schedule;
use crate::smtp::client::{Config, Credentials, Options, Starttls, Timeouts};

/// Chunked mode: transactions sent and not yet answered, at most.
const WINDOW_TRANSACTIONS: usize = 32;
/// Chunked mode: octets of content sent and not yet answered, at most, unless one message alone is larger.
const WINDOW_BYTES: usize = 1 << 20;
/// After so many refused recipients a session makes room for another one. Postfix hangs up on the 20th error without a
/// delivered message between, and others sleep before each answer once they have seen some.
const REFUSED_MAX: u32 = 100;

/// What becomes of a recipient whose content was sent and whose reply never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUncertain {
    /// It is tried again: a second copy is possible, and the recipient is listed as a possible duplicate.
    Retry,
    /// It is held: counted as uncertain, not tried again.
    Hold,
}

/// How a shard delivers.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Egress sources, used by their weights; at least one.
    pub sources: Vec<Source>,
    /// The port of exchangers.
    pub port: u16,
    /// The most sessions at one site.
    pub sessions_per_site: u32,
    /// Start at that ceiling (a smarthost of our own), instead of finding the site's safe number from below.
    pub trusted: bool,
    /// Everything goes to one server that others run for us, whose refusals of us are about all of the mailing.
    pub smarthost: bool,
    /// The share of the last outcomes that may be bounces before the mailing is held; `None`: all of them.
    pub max_bounced: Option<f64>,
    /// The most recipients in one transaction.
    pub recipients_per_transaction: u32,
    /// The most transactions in one session.
    pub messages_per_session: u32,
    /// TLS begins before the greeting (RFC 8314).
    pub implicit_tls: bool,
    /// Whom sessions log in as.
    pub auth: Option<Arc<Credentials>>,
    /// What each transaction asks for beyond delivery.
    pub options: Option<Arc<Options>>,
    /// Use PIPELINING where it is offered.
    pub pipelining: bool,
    /// Use CHUNKING where it is offered.
    pub chunking: bool,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long each phase of a session may take.
    pub timeouts: Timeouts,
    /// When a deferred recipient is tried again, and for how long.
    pub retry: Schedule,
    /// What becomes of uncertain recipients.
    pub on_uncertain: OnUncertain,
    /// The most messages a site may have rendered ahead.
    pub ahead_max: u32,
    /// The most octets of content rendered ahead, over all sites of a shard.
    pub ahead_bytes_max: usize,
    /// How long an idle session is kept.
    pub idle: Duration,
    /// How long sessions may take to finish when the engine drains.
    pub drain: Duration,
    /// The first pause after a site could not be reached; doubles from there.
    pub backoff_min: Duration,
}

impl Delivery {
    /// How a session from this source runs.
    #[must_use]
    pub fn session_config(&self, source: &Source, starttls: Starttls) -> Config {
        Config {
            ehlo: (*source.ehlo).into(),
            pipelining: self.pipelining,
            chunking: self.chunking,
            starttls: if self.implicit_tls { Starttls::Implicit } else { starttls },
            auth: self.auth.clone(),
            refused_max: REFUSED_MAX,
            transactions_max: self.messages_per_session,
            window_transactions_max: WINDOW_TRANSACTIONS,
            window_bytes_max: WINDOW_BYTES,
            timeouts: self.timeouts,
        }
    }

    /// The part of one shard, when so many share a site: its sessions and its octets ahead are divided.
    #[must_use]
    pub fn shared_by(mut self, shards: u16) -> Self {
        self.sessions_per_site = self.sessions_per_site.div_ceil(u32::from(shards.max(1)));
        self.sources.iter_mut().for_each(|source| source.share(shards));
        self.ahead_bytes_max = self.ahead_bytes_max.div_ceil(usize::from(shards.max(1)));
        self
    }
}
