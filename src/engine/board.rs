//! The board: where shards show their counts, and where progress, metrics and the final summary read them.
//!
//! A shard shows its counts a few times a second; between two showings it touches only its own memory. Guarantees: what
//! one shard shows is of one moment; whoever reads sees all shards at once, and recipients on their way from one shard
//! to another as waiting: so the counts add up at each reading (G2). Leaves to others: what is done with them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::base::clock::Instant;
use crate::engine::held::Halt;
use crate::engine::message::{Chunk, Withdrawn};
use crate::engine::sight::Sight;
use crate::mail::Disposition;
use crate::observe::ShardCounters;
use crate::queue::Taken;

/// The counts of one shard since its process began, except that `waiting` and the outcomes include what a replayed
/// journal told of.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each name is a word of the field, and says it all")]
pub struct Counters {
    pub loaded: u64,
    pub waiting: u64,
    pub in_flight: u64,
    pub delivered: u64,
    /// Of those that wait, the ones that were tried before.
    pub deferred: u64,
    /// Attempts that ended in a deferral: one recipient may have several.
    pub deferrals: u64,
    pub bounced: u64,
    pub expired: u64,
    pub suppressed: u64,
    pub cancelled: u64,
    pub uncertain: u64,
    /// Recipients who may have got, or may get, a second copy.
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
    /// Rows that were waiting here and are another shard's now, in all.
    pub given_away: u64,
    /// Rows that were another shard's, in all.
    pub taken_over: u64,
    /// When the first delivery of this process settled.
    pub first_delivery: Option<Instant>,
}

impl Counters {
    /// All shards together. What one has given away and no other has taken over yet is waiting.
    pub fn sum<'a>(shards: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        shards.into_iter().for_each(|shard| sum.add(shard));
        sum.waiting += sum.given_away.saturating_sub(sum.taken_over);
        sum
    }

    fn add(&mut self, other: &Self) {
        let first = [self.first_delivery, other.first_delivery].into_iter().flatten().min();
        self.loaded += other.loaded;
        self.waiting += other.waiting;
        self.in_flight += other.in_flight;
        self.delivered += other.delivered;
        self.deferred += other.deferred;
        self.deferrals += other.deferrals;
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
        self.given_away += other.given_away;
        self.taken_over += other.taken_over;
        self.first_delivery = first;
    }

    /// Recipients came to the table.
    pub(super) fn load(&mut self, chunk: &Chunk) {
        self.loaded += u64::from(chunk.rows);
        self.suppressed += u64::from(chunk.suppressed);
        self.waiting += u64::from(chunk.rows.saturating_sub(chunk.suppressed));
    }

    /// These rows wait here.
    pub(super) fn wait(&mut self, rows: &[Taken]) {
        for taken in rows {
            self.waiting += u64::from(taken.count);
            self.deferred += if taken.attempts > 0 { u64::from(taken.count) } else { 0 };
        }
    }

    /// Nobody has withdrawn this recipient: it stands as the journal says.
    pub(super) fn stay(&mut self, withdrawn: &Withdrawn) {
        self.waiting += 1;
        self.deferred += u64::from(withdrawn.attempts > 0);
    }

    /// These rows do not wait here any more.
    pub(super) fn wait_no_more(&mut self, rows: &[Taken]) {
        for taken in rows {
            self.leave_queue(u64::from(taken.count), taken.attempts > 0);
        }
    }

    /// So many recipients do not wait any more; `tried`: they were tried before.
    pub(super) fn leave_queue(&mut self, count: u64, tried: bool) {
        self.waiting = self.waiting.saturating_sub(count);
        if tried {
            self.deferred = self.deferred.saturating_sub(count);
        }
    }

    /// Enters where recipients stand into what metrics show.
    fn stand_in(&self, seen: &mut ShardCounters) {
        for (disposition, count) in [
            (Disposition::Delivered, self.delivered),
            (Disposition::Bounced, self.bounced),
            (Disposition::Expired, self.expired),
            (Disposition::Suppressed, self.suppressed),
            (Disposition::Cancelled, self.cancelled),
            (Disposition::Uncertain, self.uncertain),
        ] {
            seen.recipients.add(disposition, count);
        }
        // Counts may be newer than the queue's, where domains moved on since.
        seen.scheduled = seen.scheduled.min(self.waiting);
        seen.waiting = self.waiting - seen.scheduled;
        seen.in_flight = self.in_flight;
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

/// What shards show, each for itself or all together.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Where recipients stand, and what was done.
    pub counters: Counters,
    /// What metrics show.
    pub seen: ShardCounters,
    /// What binds the rate, in one clause.
    pub binding: String,
    /// How many recipients that is about: of several shards, the one with most to do is heard.
    pub bound: u64,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Board {
    shards: Mutex<Vec<Shown>>,
    first_delivery: OnceLock<std::time::Instant>,
    /// The rows of those who may get a second copy: few, and each counted once, whichever shard has it.
    doubtful: Mutex<HashSet<u32>>,
    /// Shards that have work, and domains on their way from one shard to another: while there is one, no shard may end.
    busy: AtomicUsize,
    /// Somebody looks: what is shown is not to be old.
    watched: AtomicBool,
    halt: Halt,
    sight: Sight,
}

impl Board {
    /// A board for so many shards.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        Self {
            shards: Mutex::new((0..shards).map(|_| Shown::default()).collect()),
            first_delivery: OnceLock::new(),
            doubtful: Mutex::default(),
            busy: AtomicUsize::new(shards),
            watched: AtomicBool::new(false),
            halt: Halt::default(),
            sight: Sight::default(),
        }
    }

    /// Shows what a shard has to show.
    pub fn show(&self, shard: u16, shown: Shown, now: Instant) {
        if let Some(first) = shown.counters.first_delivery {
            self.first_delivery.get_or_init(|| std::time::Instant::now() - now.since(first));
        }
        if let Some(slot) = self.shown().get_mut(usize::from(shard)) {
            *slot = shown;
        }
    }

    /// Shows the counts of a shard that are of moment to another one.
    pub fn note(&self, shard: u16, counters: &Counters) {
        if let Some(slot) = self.shown().get_mut(usize::from(shard)) {
            slot.counters.clone_from(counters);
        }
    }

    fn shown(&self) -> MutexGuard<'_, Vec<Shown>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All shards together, as of one moment, and what binds the one with most to do.
    #[must_use]
    pub fn total(&self) -> Shown {
        self.watched.store(true, Ordering::Relaxed);
        let shards = self.shown();
        let counters = Counters::sum(shards.iter().map(|shown| &shown.counters));
        let mut seen = ShardCounters::default();
        shards.iter().for_each(|shown| seen.add(&shown.seen));
        let heard = shards.iter().filter(|shown| !shown.binding.is_empty()).max_by_key(|shown| shown.bound);
        let (binding, bound) = heard.map(|shown| (shown.binding.clone(), shown.bound)).unwrap_or_default();
        drop(shards);
        counters.stand_in(&mut seen);
        Shown { counters, seen, binding, bound }
    }

    /// Whether somebody has looked at it.
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// These recipients may get a second copy, as is known and counted already.
    pub fn know_doubtful(&self, rows: impl IntoIterator<Item = u32>) {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }

    /// This recipient may get a second copy; whether that is new.
    pub fn doubt(&self, row: u32) -> bool {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).insert(row)
    }

    /// What holds the mailing, if something does.
    #[must_use]
    pub fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Whether the suppression files were looked at in time.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.sight
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

    fn show(board: &Board, shard: u16, counters: &Counters) {
        let binding = if shard == 1 { "window 1 of 20" } else { "" };
        let shown = Shown { counters: counters.clone(), binding: binding.into(), ..Shown::default() };
        board.show(shard, shown, Instant(9));
    }

    #[test]
    fn shards_are_added_and_checked() {
        let board = Board::new(2);
        let mine =
            Counters { loaded: 3, delivered: 2, in_flight: 1, first_delivery: Some(Instant(9)), ..Counters::default() };
        show(&board, 0, &mine);
        show(&board, 1, &Counters { loaded: 1, waiting: 1, ..Counters::default() });
        let Shown { counters: total, seen, binding, .. } = board.total();
        assert!(total.adds_up());
        assert_eq!((total.loaded, total.first_delivery), (4, Some(Instant(9))));
        assert_eq!((seen.recipients.get(Disposition::Delivered), seen.waiting, seen.in_flight), (2, 1, 1));
        assert_eq!(binding, "window 1 of 20");
        assert!(!Counters { loaded: 1, ..Counters::default() }.adds_up());
    }

    #[test]
    fn rows_on_their_way_between_two_shards_are_waiting() {
        let board = Board::new(2);
        let mut giver = Counters { loaded: 9, waiting: 9, ..Counters::default() };
        show(&board, 0, &giver);
        (giver.waiting, giver.given_away) = (2, 7);
        board.note(0, &giver);
        let total = board.total();
        assert!(total.counters.adds_up() && total.counters.waiting == 9, "{total:?}");
        assert_eq!(total.seen.waiting, 9);
        show(&board, 1, &Counters { taken_over: 7, waiting: 5, delivered: 2, ..Counters::default() });
        let total = board.total();
        assert!(total.counters.adds_up() && total.counters.waiting == 7, "{total:?}");
    }
}
