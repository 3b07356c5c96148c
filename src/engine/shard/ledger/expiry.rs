//! What the ledger keeps of recipients that are tried again, and how it gives them up.
//!
//! Guarantees: whoever expires keeps the reply of its last attempt, with its host and its time, in the journal and in the
//! events. Leaves to others: when that is (`lifetime`).

use std::collections::BTreeSet;
use std::time::Duration;

use super::{APPEND_OCTETS, Ledger, own};
use crate::base::clock::{Now, UnixTime};
use crate::engine::message::{Baggage, Past};
use crate::engine::shard::holds::Change;
use crate::engine::shard::ledger::Verdict;
use crate::engine::shard::lifetime::{Failure, outlived};
use crate::journal::record::{Entry, Hold, Kind, entries};
use crate::mail::ReplyRef;
use crate::mail::event::{Event, Last, Told};
use crate::queue::{DomainId, Taken};

/// For so long at least a recipient that is overdue waits for its turn: a site's own rest may last as long.
const REST_MIN: Duration = Duration::from_secs(15 * 60);

impl Ledger {
    /// Gives a waiting recipient up: its lifetime has passed. It keeps what its last attempt came to; where it never had
    /// one, the failure of its site (by name) or its domain says why.
    pub(in crate::engine::shard) fn expire(
        &mut self,
        domain: DomainId,
        row: u32,
        attempts: u16,
        failure: Option<(&str, &Failure)>,
        now: Now,
    ) {
        self.leave_queue(attempts);
        let past = self.pasts.take(row).filter(|past| past.context != 0);
        let (code, context) = match (past, failure) {
            (Some(past), _) => (self.tell_expired(row, attempts, &past, now), past.context),
            (None, Some((site, failure))) => {
                let Failure { host, reply, .. } = failure;
                let (phase, reply) = (failure.phase, reply.by_ref());
                self.tell_last(row, attempts, phase, reply, Last { site, host, tried: failure.at }, now);
                let said = Verdict {
                    kind: Kind::Expired,
                    site,
                    host,
                    phase,
                    reply,
                    taken_back: false,
                    rests: None,
                    detail: None,
                };
                (reply.code, self.context(&said))
            }
            (None, None) => {
                let reply = outlived("what its last attempt came to is not known");
                self.tell(Kind::Expired, row, attempts, &reply, now);
                (reply.code, self.own_context(&reply))
            }
        };
        self.outcome(domain, row, attempts, Kind::Expired, code, context, now);
    }

    /// Tells watchers what the last attempt of an expired recipient came to; its code.
    fn tell_expired(&mut self, row: u32, attempts: u16, past: &Past, now: Now) -> u16 {
        let Some(define) = self.dictionary.words(past.context) else {
            let reply = outlived("the journal has what its last attempt came to");
            self.tell(Kind::Expired, row, attempts, &reply, now);
            return 0;
        };
        let reply = ReplyRef { code: define.code, enhanced: define.enhanced, text: define.text };
        let last = Last { site: define.site, host: define.host, tried: past.tried };
        if let Some(lane) = &mut self.lane {
            let told = own(Kind::Expired, row, attempts, reply);
            lane.write(now, &Event::Recipient(Told { phase: define.phase, last: Some(last), ..told }));
        }
        define.code
    }

    fn tell_last(&mut self, row: u32, attempts: u16, phase: &str, reply: ReplyRef<'_>, last: Last<'_>, now: Now) {
        if let Some(lane) = &mut self.lane {
            let told = own(Kind::Expired, row, attempts, reply);
            lane.write(now, &Event::Recipient(Told { phase, last: Some(last), ..told }));
        }
    }

    /// The journal's time.
    pub(in crate::engine::shard) fn time(&self, now: Now) -> UnixTime {
        self.clock.at(now.unix)
    }

    /// Sending begins, or goes on after a pause: whoever is overdue by then is tried once more.
    pub(in crate::engine::shard) fn wake(&mut self, now: Now) {
        self.awake = self.time(now);
    }

    /// Whether anybody waits for another attempt.
    pub(in crate::engine::shard) fn keeps_pasts(&self) -> bool {
        !self.pasts.is_empty()
    }

    /// Whether the lifetime of anybody who waits may have passed.
    pub(in crate::engine::shard) fn may_be_overdue(&mut self, now: Now) -> bool {
        let lifetime_s = u32::try_from(self.retry.lifetime.as_secs()).unwrap_or(u32::MAX);
        let Some(begun) = self.time(now).0.checked_sub(lifetime_s) else { return false };
        self.pasts.any_since(UnixTime(begun))
    }

    /// Whether a waiting recipient is to be given up: its lifetime has passed, and a try of its site or domain failed
    /// (`in_vain`), or it has waited for its turn long enough.
    pub(in crate::engine::shard) fn is_overdue(&self, row: u32, attempts: u16, in_vain: bool, now: Now) -> bool {
        let Some(past) = self.pasts.get(row) else { return false };
        let end = self.retry.ends(past.first);
        if in_vain {
            return self.time(now) >= end;
        }
        // Its turn comes: that of a retry within a rest, that of many who became overdue together within a lifetime.
        let end = if end <= self.awake { self.retry.ends(self.awake) } else { end };
        let rest = self.retry.step(attempts.into()).max(REST_MIN);
        self.time(now) >= UnixTime(end.0.saturating_add(u32::try_from(rest.as_secs()).unwrap_or(u32::MAX)))
    }

    /// Records what is held up, or no longer is.
    pub(in crate::engine::shard) fn record_hold(&mut self, change: &Change) {
        if self.entries.len() >= APPEND_OCTETS {
            self.seal();
        }
        let (held, name, since) = change;
        Hold { held: *held, name, since: *since }.encode_into(&mut self.entries);
    }

    /// An attempt had its outcome: what is to be known of it at the next one is kept.
    pub(in crate::engine::shard) fn note_attempt(
        &mut self,
        kind: Kind,
        row: u32,
        cleared: UnixTime,
        context: u32,
        now: Now,
    ) {
        if matches!(kind, Kind::Deferred | Kind::UncertainRetry) {
            self.pasts.tried(row, cleared, self.clock.at(now.unix), context);
        }
    }

    /// Learns the definitions of an earlier process or of another shard.
    pub(in crate::engine::shard) fn learn(&mut self, words: &[u8]) {
        for entry in entries(words) {
            if let Ok(Entry::Define(define)) = entry {
                self.dictionary.adopt(&define);
            }
        }
    }

    /// Takes over what is known of a row that was tried.
    pub(in crate::engine::shard) fn take_over(&mut self, row: u32, past: Past) {
        self.pasts.put(row, past);
    }

    /// What goes with rows that another shard takes over.
    pub(in crate::engine::shard) fn pack(&mut self, rows: &[Taken]) -> Baggage {
        let tried = rows.iter().filter(|taken| taken.attempts > 0).flat_map(Taken::rows);
        let pasts: Vec<(u32, Past)> = tried.filter_map(|row| Some((row, self.pasts.take(row)?))).collect();
        let contexts: BTreeSet<u32> = pasts.iter().map(|(_, past)| past.context).collect();
        let mut words = Vec::new();
        contexts.iter().filter_map(|&id| self.dictionary.words(id)).for_each(|define| define.encode_into(&mut words));
        Baggage { pasts, words }
    }

    /// See [`Ledger::pack`].
    pub(in crate::engine::shard) fn unpack(&mut self, baggage: &Baggage) {
        self.learn(&baggage.words);
        baggage.pasts.iter().for_each(|&(row, past)| self.pasts.put(row, past));
    }
}
