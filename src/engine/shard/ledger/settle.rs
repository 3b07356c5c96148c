//! Settling: what follows for a recipient, and for the counts, once the record of its outcome is durable; and what binds
//! while records are not.

use std::time::Duration;

use super::{Ledger, Settle};
use crate::base::clock::{Instant, Now};
use crate::base::many::Many;
use crate::journal::record::Kind;
use crate::queue::Queue;
use crate::shape::retry::Next;

/// Durable records that take longer hold up the sending, whose next messages wait for them: a window and a sync are a few
/// milliseconds.
const SLOW_DISK: Duration = Duration::from_millis(50);

impl Ledger {
    pub(super) fn settle(&mut self, settle: Settle, queue: &mut Queue, now: Now, rng: &mut fastrand::Rng) {
        self.count_settled(&settle);
        let again = matches!(settle.kind, Kind::Deferred | Kind::UncertainRetry);
        // Of the first attempt of a row nothing was kept.
        if !again && settle.attempts > 1 {
            self.pasts.take(settle.row);
        }
        match settle.kind {
            Kind::Delivered => drop(self.counters.first_delivery.get_or_insert(now.mono)),
            Kind::Deferred | Kind::UncertainRetry => self.reschedule(&settle, queue, now, rng),
            _ => {}
        }
    }

    /// What became durable after the end of the shard is counted, and nothing else follows from it.
    pub(in crate::engine::shard) fn settle_late(&mut self, ticket: u64) {
        let durable = self.settling.iter().take_while(|settle| settle.ticket <= ticket).count();
        let settled: Vec<Settle> = self.settling.drain(..durable).collect();
        settled.iter().for_each(|settle| self.count_settled(settle));
    }

    fn count_settled(&mut self, settle: &Settle) {
        let counters = &mut self.counters;
        counters.in_flight -= 1.min(counters.in_flight);
        if matches!(settle.kind, Kind::UncertainRetry | Kind::UncertainHeld) && self.board.doubt(settle.row) {
            counters.possible_duplicates += 1;
        }
        match settle.kind {
            Kind::Delivered => counters.delivered += 1,
            Kind::Bounced => counters.bounced += 1,
            Kind::Expired => counters.expired += 1,
            Kind::UncertainHeld => counters.uncertain += 1,
            Kind::Deferred | Kind::UncertainRetry => {
                counters.waiting += 1;
                counters.deferred += u64::from(settle.attempts > 0);
                counters.deferrals += u64::from(settle.kind == Kind::Deferred);
            }
            Kind::Cancelled => counters.cancelled += 1,
            Kind::Suppressed => counters.suppressed += 1,
            Kind::Attempt | Kind::Released => {}
        }
    }

    fn reschedule(&mut self, settle: &Settle, queue: &mut Queue, now: Now, rng: &mut fastrand::Rng) {
        if let Some(rests) = settle.rests {
            let rests = rests.min(self.retry.step(settle.attempts.into()));
            return queue.schedule(settle.domain, settle.row, settle.attempts, now.mono.after(rests));
        }
        let at = self.time(now);
        let first = self.pasts.get(settle.row).map_or(at, |past| past.first);
        match self.retry.next(u32::from(settle.attempts), first, at, rng) {
            Next::After(rests) => {
                queue.schedule(settle.domain, settle.row, settle.attempts, now.mono.after(rests));
            }
            Next::Expired => self.expire(settle.domain, settle.row, settle.attempts, None, now),
        }
    }

    /// Recipients in transactions that have not ended.
    pub(in crate::engine::shard) fn under_way(&self) -> u32 {
        let rows = self.transactions.iter().map(|(_, transaction)| transaction.rows.len()).sum::<usize>();
        u32::try_from(rows).unwrap_or(u32::MAX)
    }

    /// What binds before a message is in stock: the journal's disk, or rendering; `None` while sessions find messages.
    pub(in crate::engine::shard) fn binding(&self, now: Instant) -> Option<String> {
        if self.stock > 0 {
            return None;
        }
        let oldest = self.handed.front().map(|at| now.since(*at)).unwrap_or_default();
        let takes = self.disk_takes.max(oldest);
        let waits = !self.clearing.is_empty() || self.transactions.is_empty() && !self.settling.is_empty();
        if waits && takes >= SLOW_DISK {
            let takes_ms = takes.as_millis();
            return Some(format!("the journal's disk: what is recorded takes {takes_ms} ms to be on stable storage"));
        }
        let made = self.jobs.iter().filter(|(_, job)| job.durable && job.rendered.is_none()).count();
        let batches = Many(made as u64, "batch is being made", "batches are being made");
        (made > 0 && self.clearing.is_empty()).then(|| format!("rendering: {batches}"))
    }
}
