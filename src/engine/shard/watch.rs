//! What a shard tells its watchers: sessions that open and end, sites that rest, recipients that are settled without a
//! session. (Verdicts are told where they are given: `desk`, `ledger`.)
//!
//! Costs one look at an `Option` where nobody watches. Leaves to others: how an event is written (`observe`).

use std::fmt;
use std::time::Duration;

use crate::base::clock::{Instant, Now};
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::mail::ReplyRef;
use crate::mail::event::{Event, Via};
use crate::mail::reply::Nameless;
use crate::queue::SiteId;
use crate::smtp::client::End;
use crate::wire::io::Io;

/// How often a shard that waits for the event log looks whether it may go on.
const CROWDED_LOOK: Duration = Duration::from_millis(10);

impl<I: Io> Shard<I> {
    /// The number of the next session: no two of a run have the same.
    pub(super) fn number_session(&mut self) -> u64 {
        let (shards, shard) = (self.ports.peers.len().max(1) as u64, u64::from(self.ledger.shard()));
        self.sessions_begun += 1;
        (self.sessions_begun - 1) * shards + shard + 1
    }

    /// When the event log wants to be looked at.
    pub(super) fn watch_due(&self) -> Option<Instant> {
        let lane = self.ledger.lane.as_ref()?;
        let look = self.crowded.map(|at| at.after(CROWDED_LOOK));
        [lane.next_due(), look].into_iter().flatten().min()
    }

    /// Hands over events that have waited. While too many wait to be written nothing begins; then work goes on.
    pub(super) fn watch(&mut self, now: Now) {
        self.tell_resumed(now);
        let Some(lane) = &mut self.ledger.lane else { return };
        lane.flush_due(now.mono);
        let crowded = lane.is_crowded().then_some(now.mono);
        if std::mem::replace(&mut self.crowded, crowded).is_some() && crowded.is_none() {
            self.touch_sites();
        }
    }

    /// A session is ready for transactions.
    pub(super) fn tell_opened(&mut self, connection: &mut Connection, now: Now) {
        if let Some(trace) = &mut connection.trace {
            trace.ready();
        }
        let Some(lane) = &mut self.ledger.lane else { return };
        let via = via(connection, self.sites.name(connection.site));
        lane.write(now, &Event::SessionOpened { via: &via, spans: connection.course.opening(now.mono) });
    }

    /// A session is over.
    pub(super) fn tell_ended(&mut self, connection: &mut Connection, end: &End, now: Now) {
        let trouble = connection.course.tls_trouble.take();
        let (word, phase, reply, why) = match (end, &trouble) {
            (_, Some(trouble)) => ("tls_failed", "STARTTLS", None, &**trouble),
            (End::Lost(phase), _) if connection.cut => ("lost", phase.word(), None, "cut: this process ends"),
            (End::Done, _) => ("done", "QUIT", None, ""),
            (End::Refused(reply, phase), _) => ("refused", phase.word(), Some(reply.by_ref()), ""),
            (End::Unauthenticated(reply) | End::LoginWithheld(reply), _) => {
                ("refused", "AUTH", Some(reply.by_ref()), "")
            }
            (End::Timeout(phase), _) => ("timed_out", phase.word(), None, "timed out"),
            (End::Lost(phase), _) => ("lost", phase.word(), None, "the connection was lost"),
            (End::Protocol(rule, phase), _) => ("protocol", phase.word(), None, *rule),
            (End::NoTls(why), _) => ("tls_failed", "STARTTLS", None, *why),
        };
        self.tell_end(connection, &Ended { word, phase, reply, why }, now);
    }

    /// A connection could not be had.
    pub(super) fn tell_unreachable(&mut self, connection: &mut Connection, why: &str, now: Now) {
        tracing::debug!(host = %connection.host, address = %connection.remote, phase = "connect", why, "no session");
        self.tell_end(connection, &Ended { word: "unreachable", phase: "connect", reply: None, why }, now);
    }

    fn tell_end(&mut self, connection: &mut Connection, ended: &Ended<'_>, now: Now) {
        if let Some(trace) = &mut connection.trace {
            let (transactions, delivered) = (connection.course.transactions, connection.delivered);
            trace.ended(now.mono, &format!("{ended}; transactions {transactions}, recipients delivered {delivered}"));
        }
        self.note_failure(connection, ended, now);
        let Some(lane) = &mut self.ledger.lane else { return };
        let Ended { word: end, phase, reply, why } = *ended;
        let via = via(connection, self.sites.name(connection.site));
        let transactions = connection.course.transactions;
        let (delivered, lasted) = (connection.delivered, connection.course.lasted(now.mono));
        let event = Event::SessionEnded { via: &via, end, phase, reply, why, transactions, delivered, lasted };
        lane.write(now, &event);
    }

    /// A site rests: people and watchers are told for how long, and why.
    pub(super) fn tell_rest(&mut self, site: SiteId, why: &str, binding: &str, now: Now) {
        let name = self.sites.name(site);
        // A server of our own is expected to be there: that it is not is told loudly, once.
        if self.delivery.trusted && !std::mem::replace(&mut self.told_of_ours, true) {
            tracing::warn!(site = name, why = %Nameless(why), binding, "the site rests");
        } else {
            tracing::info!(site = name, why = %Nameless(why), binding, "the site rests");
        }
        if let (Some(lane), Some(until)) = (&mut self.ledger.lane, self.sites.rests_until(site)) {
            lane.write(now, &Event::SitePaused { site: name, pause: until.since(now.mono), why });
        }
    }

    fn tell_resumed(&mut self, now: Now) {
        for site in std::mem::take(&mut self.sites.resumed) {
            let site = self.sites.name(site);
            tracing::info!(site, "the site takes sessions again");
            if let Some(lane) = &mut self.ledger.lane {
                lane.write(now, &Event::SiteResumed { site });
            }
        }
    }
}

fn via<'a>(connection: &'a Connection, site: &'a str) -> Via<'a> {
    connection.course.via(site, &connection.host, &connection.config.ehlo)
}

/// How a session ended, in the words of the event log.
pub(super) struct Ended<'a> {
    pub(super) word: &'static str,
    pub(super) phase: &'static str,
    pub(super) reply: Option<ReplyRef<'a>>,
    pub(super) why: &'a str,
}

impl fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.word, self.why) {
            ("done", _) => f.write_str("done"),
            (word, "") => write!(f, "{} at {}", word.replace('_', " "), self.phase),
            (word, why) => write!(f, "{} at {}: {why}", word.replace('_', " "), self.phase),
        }
    }
}
