//! What the engine is told: plain typed data, made by the application from its configuration.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::budget;
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

/// How the engine delivers; a shard: its part of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Egress sources, used by their weights; at least one.
    pub sources: Vec<Source>,
    /// The port of exchangers.
    pub port: u16,
    /// The most sessions at one site.
    pub sessions_per_site: u32,
    /// Those that were configured, of which these may be one shard's part.
    pub sessions_whole: u32,
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
    /// The most octets of content rendered ahead, over all sites.
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

    /// How many shards, of so many, can have a part of one site that they all send to: each needs a session and a message
    /// ahead, and there must be no more of these than was asked for.
    #[must_use]
    pub fn lanes(&self, shards: u16) -> u16 {
        let most = self.sessions_per_site.min(self.ahead_max);
        shards.min(u16::try_from(most).unwrap_or(u16::MAX)).max(1)
    }

    /// How many sessions each shard, of so many that send to one site, may have there.
    #[must_use]
    pub fn shares(&self, shards: u16) -> Vec<u32> {
        (0..shards).map(|shard| self.clone().part_of(shard, shards, true).sessions_per_site).collect()
    }

    /// The part of one shard, of so many. Where all of them send to one site ([`Delivery::lanes`] of them at most), its
    /// sessions and its messages ahead are divided; a site of a shard's own has all of them. Sources' budgets are shared.
    #[must_use]
    pub fn part_of(mut self, shard: u16, shards: u16, one_site: bool) -> Self {
        let part = |whole: u32| u32::try_from(budget::part(whole.into(), shard, shards)).unwrap_or(whole).max(1);
        if one_site {
            self.sessions_per_site = part(self.sessions_per_site);
            self.ahead_max = part(self.ahead_max);
        }
        let octets = budget::part(self.ahead_bytes_max as u64, shard, shards);
        self.ahead_bytes_max = usize::try_from(octets).unwrap_or(self.ahead_bytes_max).max(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::shard::tests::delivery;

    #[test]
    fn the_parts_of_a_site_add_up_to_its_limits_and_each_has_something() {
        for (sessions, ahead) in [(1, 512), (2, 512), (3, 2), (7, 512), (20, 512), (10_000, 1)] {
            for shards in [1, 2, 3, 8, 64] {
                let whole = Delivery { sessions_per_site: sessions, ahead_max: ahead, ..delivery(Vec::new()) };
                let lanes = whole.lanes(shards);
                let parts: Vec<Delivery> = (0..lanes).map(|n| whole.clone().part_of(n, lanes, true)).collect();
                assert!(parts.iter().all(|part| part.sessions_per_site > 0 && part.ahead_max > 0));
                assert_eq!(whole.shares(lanes).iter().sum::<u32>(), sessions, "{shards}");
                assert_eq!(parts.iter().map(|part| part.ahead_max).sum::<u32>(), ahead, "{shards}");
                let own = whole.clone().part_of(0, shards, false);
                assert_eq!((own.sessions_per_site, own.ahead_max), (sessions, ahead), "a site of its own is whole");
            }
        }
    }
}
