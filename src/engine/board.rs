//! The board: where shards show their counts, and where progress, metrics and the final summary read them.
//!
//! A shard shows its counts a few times a second; between two showings it touches only its own memory. Guarantees: what
//! one shard shows is of one moment, so the counts add up (G2). Leaves to others: what is done with them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::base::clock::Instant;
use crate::engine::held::Halt;
use crate::observe::ShardCounters;

/// The counts of one shard since its process began, except that `waiting` and the outcomes include what a replayed
/// journal told of.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each name is a word of the field, and says it all")]
pub struct Counters {
    pub loaded: u64,
    pub waiting: u64,
    pub in_flight: u64,
    pub delivered: u64,
    /// Deferrals: one recipient may be deferred several times.
    pub deferred: u64,
    pub bounced: u64,
    pub expired: u64,
    pub suppressed: u64,
    pub cancelled: u64,
    pub uncertain: u64,
    /// Recipients that were tried again although an earlier attempt may have delivered.
    pub possible_duplicates: u64,
    /// Attempts taken back before their content was sent.
    pub released: u64,
    /// Contents that were accepted for at least one recipient.
    pub messages: u64,
    /// Transactions begun in a session.
    pub transactions: u64,
    pub messages_rendered: u64,
    pub render_failures: u64,
    pub route_failures: u64,
    pub sessions_tried: u64,
    /// Connections that stood.
    pub sessions: u64,
    pub sessions_failed: u64,
    pub sessions_refused: u64,
    pub sessions_lost: u64,
    pub open_sessions: u64,
    /// Handshakes begun.
    pub tls_handshakes: u64,
    /// Handshakes done.
    pub tls_sessions: u64,
    /// Of these, those that resumed an earlier session.
    pub tls_resumed: u64,
    /// When the first delivery of this process settled.
    pub first_delivery: Option<Instant>,
}

impl Counters {
    /// Adds the counts of another shard.
    pub fn add(&mut self, other: &Self) {
        let first = [self.first_delivery, other.first_delivery].into_iter().flatten().min();
        self.loaded += other.loaded;
        self.waiting += other.waiting;
        self.in_flight += other.in_flight;
        self.delivered += other.delivered;
        self.deferred += other.deferred;
        self.bounced += other.bounced;
        self.expired += other.expired;
        self.suppressed += other.suppressed;
        self.cancelled += other.cancelled;
        self.uncertain += other.uncertain;
        self.possible_duplicates += other.possible_duplicates;
        self.released += other.released;
        self.messages += other.messages;
        self.transactions += other.transactions;
        self.messages_rendered += other.messages_rendered;
        self.render_failures += other.render_failures;
        self.route_failures += other.route_failures;
        self.sessions_tried += other.sessions_tried;
        self.sessions += other.sessions;
        self.sessions_failed += other.sessions_failed;
        self.sessions_refused += other.sessions_refused;
        self.sessions_lost += other.sessions_lost;
        self.open_sessions += other.open_sessions;
        self.tls_handshakes += other.tls_handshakes;
        self.tls_sessions += other.tls_sessions;
        self.tls_resumed += other.tls_resumed;
        self.first_delivery = first;
    }

    /// Whether the counts add up: guarantee G2.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let parts = [
            self.delivered,
            self.bounced,
            self.expired,
            self.suppressed,
            self.cancelled,
            self.uncertain,
            self.waiting,
            self.in_flight,
        ];
        self.loaded == parts.iter().sum::<u64>()
    }
}

/// See the head of this file.
#[derive(Debug)]
pub struct Board {
    shards: Vec<Mutex<(Counters, ShardCounters, String)>>,
    first_delivery: OnceLock<std::time::Instant>,
    /// Shards that have work, and domains on their way from one shard to another: while there is one, no shard may end.
    busy: AtomicUsize,
    halt: Halt,
}

impl Board {
    /// A board for so many shards.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            first_delivery: OnceLock::new(),
            busy: AtomicUsize::new(shards),
            halt: Halt::default(),
        }
    }

    /// Shows the counts of a shard, and the sentence that says what binds its rate.
    pub fn show(&self, shard: u16, counters: &Counters, seen: &ShardCounters, binding: String, now: Instant) {
        if let Some(first) = counters.first_delivery {
            self.first_delivery.get_or_init(|| std::time::Instant::now() - now.since(first));
        }
        if let Some(slot) = self.shards.get(usize::from(shard)) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = (counters.clone(), seen.clone(), binding);
        }
    }

    /// All shards together, and what binds (the first shard that has something to say).
    #[must_use]
    pub fn total(&self) -> (Counters, String) {
        let mut total = Counters::default();
        let mut binding = String::new();
        for slot in &self.shards {
            let shown = slot.lock().unwrap_or_else(PoisonError::into_inner);
            total.add(&shown.0);
            if binding.is_empty() {
                binding.clone_from(&shown.2);
            }
        }
        (total, binding)
    }

    /// What metrics show of all shards together.
    #[must_use]
    pub fn seen(&self) -> ShardCounters {
        let mut total = ShardCounters::default();
        for slot in &self.shards {
            total.add(&slot.lock().unwrap_or_else(PoisonError::into_inner).1);
        }
        total
    }

    /// What holds the mailing, if something does.
    #[must_use]
    pub fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Something that keeps every shard from ending has begun.
    pub fn hold(&self) {
        self.busy.fetch_add(1, Ordering::AcqRel);
    }

    /// It is over; whether it was the last.
    pub fn let_go(&self) -> bool {
        self.busy.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether nothing keeps the shards from ending.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// When the first delivery of this process was settled.
    #[must_use]
    pub fn first_delivery(&self) -> Option<std::time::Instant> {
        self.first_delivery.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_added_and_checked() {
        let board = Board::new(2);
        let mine =
            Counters { loaded: 3, delivered: 2, in_flight: 1, first_delivery: Some(Instant(9)), ..Counters::default() };
        let seen = ShardCounters::default();
        board.show(0, &mine, &seen, String::new(), Instant(9));
        let other = Counters { loaded: 1, waiting: 1, ..Counters::default() };
        board.show(1, &other, &seen, "window 1 of 20".into(), Instant(9));
        let (total, binding) = board.total();
        assert!(total.adds_up());
        assert_eq!((total.loaded, total.first_delivery), (4, Some(Instant(9))));
        assert_eq!(binding, "window 1 of 20");
        assert!(!Counters { loaded: 1, ..Counters::default() }.adds_up());
    }
}
