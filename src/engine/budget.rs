//! What all shards may have together: sessions, descriptors, messages in an hour.
//!
//! Guarantees: never more is taken than there is, for any number of shards; nothing is kept for a shard that wants
//! none; who found nothing left is named to whoever gives something back, so that it can be woken at once.
//! Leaves to others: the waking, and who goes first (`engine::shard`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::clock::Instant;

/// Shards that can be told apart.
pub const SHARDS_MAX: u16 = 64;
/// The messages of so long may leave at once, if none left before.
const BURST: Duration = Duration::from_secs(10);
/// See [`Rate`].
const HOUR: Duration = Duration::from_secs(3600);

/// Some shards, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shards(u64);

impl Shards {
    /// This one.
    #[must_use]
    pub fn one(shard: u16) -> Self {
        Self(1 << (shard % SHARDS_MAX))
    }

    /// Whether `shard` is one of them.
    #[must_use]
    pub fn has(self, shard: u16) -> bool {
        self.0 & Self::one(shard).0 != 0
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without this one.
    #[must_use]
    pub fn but(self, shard: u16) -> Self {
        Self(self.0 & !Self::one(shard).0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self(u64::MAX)
    }
}

/// Who waits leaves what is free to each shard before it for so long; one that was woken is there much sooner.
const MANNERS: Duration = Duration::from_millis(2);

/// The shards that wait for something, which go round.
#[derive(Debug, Default)]
pub struct Waiting {
    shards: AtomicU64,
    /// Who was served last.
    last: AtomicU32,
}

impl Waiting {
    /// This shard waits from now on; whether it did not before.
    pub fn enter(&self, shard: u16) -> bool {
        let bit = Shards::one(shard).0;
        self.shards.fetch_or(bit, Ordering::SeqCst) & bit == 0
    }

    /// It does not wait any more.
    pub fn leave(&self, shard: u16) {
        // Most shards wait for nothing: a look costs them less than a change.
        if self.shards().has(shard) {
            self.shards.fetch_and(!Shards::one(shard).0, Ordering::SeqCst);
        }
    }

    /// Who waits.
    #[must_use]
    pub fn shards(&self) -> Shards {
        Shards(self.shards.load(Ordering::SeqCst))
    }

    fn served(&self, shard: u16) {
        self.last.store((shard % SHARDS_MAX).into(), Ordering::SeqCst);
    }

    /// How many others go before `shard`: those who wait, from the one behind the last that was served on.
    fn before(&self, shard: u16) -> u32 {
        let first = (self.last.load(Ordering::SeqCst) + 1) % u32::from(SHARDS_MAX);
        let round = self.shards().0.rotate_right(first);
        let place = (u32::from(shard % SHARDS_MAX) + u32::from(SHARDS_MAX) - first) % u32::from(SHARDS_MAX);
        (round & ((1 << place) - 1)).count_ones()
    }
}

/// A number of things that are taken one at a time, and given back.
#[derive(Debug)]
pub struct Budget {
    /// What was asked for.
    whole: u32,
    /// What there is now.
    most: AtomicU32,
    taken: AtomicU32,
    /// When one was given back last.
    given_us: AtomicU64,
    /// Who found nothing left.
    pub waiting: Waiting,
}

impl Budget {
    /// So many.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Self {
            whole: most,
            most: AtomicU32::new(most),
            taken: AtomicU32::new(0),
            given_us: AtomicU64::new(0),
            waiting: Waiting::default(),
        }
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }

    /// Whether one is left, and it is this shard's turn.
    #[must_use]
    pub fn is_free(&self, shard: u16, now: Instant) -> bool {
        let turn = || Instant(self.given_us.load(Ordering::SeqCst)).after(MANNERS * self.waiting.before(shard));
        self.has_room() && turn() <= now
    }

    /// Whether [`Budget::take`] would succeed.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.taken() < self.most.load(Ordering::SeqCst)
    }

    /// Takes one; `false` if none is left.
    #[must_use]
    pub fn take(&self, shard: u16) -> bool {
        let most = self.most.load(Ordering::SeqCst);
        let more = |taken| (taken < most).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok();
        if taken {
            self.waiting.served(shard);
        }
        taken
    }

    /// Gives one back; who waits for it.
    #[must_use]
    pub fn give(&self, now: Instant) -> Shards {
        self.given_us.fetch_max(now.0, Ordering::SeqCst);
        let fewer = |taken: u32| Some(taken.saturating_sub(1));
        let _ = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
        // Who says that it waits looks again behind that: one of the two sees the other.
        self.waiting.shards()
    }

    /// There are no more of them in truth than are taken now, but one may always be.
    pub fn narrow(&self) {
        self.most.fetch_min(self.taken().max(1), Ordering::SeqCst);
    }

    /// A few more may be tried again.
    pub fn widen(&self) {
        let more = |most: u32| (most < self.whole).then(|| (most + most / 8 + 1).min(self.whole));
        let _ = self.most.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
    }
}

/// What sessions may have of the files that this process may open.
#[derive(Clone, Debug)]
pub struct Descriptors {
    /// The sessions.
    pub sessions: Arc<Budget>,
    /// The limit on open files.
    pub limit: u64,
}

impl Descriptors {
    /// So many sessions, whatever the limit is.
    #[must_use]
    pub fn of_sessions(most: u32) -> Self {
        Self { sessions: Arc::new(Budget::new(most)), limit: u64::MAX }
    }

    /// Under this limit, with so many files open and so many more that others may need, a session being so many. Where
    /// little is left, half of it is the sessions'; one may always be.
    #[must_use]
    pub fn under(limit: u64, open: u64, reserve: u64, each: u64) -> Self {
        let left = limit.saturating_sub(open);
        let fit = left.saturating_sub(reserve).max(left / 2) / each.max(1);
        let most = u32::try_from(fit).unwrap_or(u32::MAX).max(1);
        Self { limit, ..Self::of_sessions(most) }
    }
}

/// Messages at an even rate, with some ahead: in no hour, whenever it begins, more than were asked for.
#[derive(Debug)]
pub struct Rate {
    spacing_ns: u64,
    /// How far ahead of the even rate messages may be.
    ahead_ns: u64,
    /// When the next message would leave at the even rate.
    next_ns: AtomicU64,
    /// Who has sessions that may not send.
    pub waiting: Waiting,
}

impl Rate {
    /// So many in an hour; at least 1.
    #[must_use]
    pub fn per_hour(most: u32) -> Self {
        let most = u64::from(most.max(1));
        // What may be ahead is a part of the hour's number: behind it the even rate is that much lower.
        let ahead = most * BURST.as_secs() / HOUR.as_secs();
        let spacing_ns = nanoseconds(HOUR).div_ceil(most - ahead);
        Self { spacing_ns, ahead_ns: ahead * spacing_ns, next_ns: AtomicU64::new(0), waiting: Waiting::default() }
    }

    /// The time between two messages at the even rate.
    fn spacing(&self) -> Duration {
        Duration::from_nanos(self.spacing_ns)
    }

    /// When the next message of this shard may leave.
    #[must_use]
    pub fn opens_at(&self, shard: u16) -> Instant {
        let at_ns = self.next_ns.load(Ordering::SeqCst).saturating_sub(self.ahead_ns);
        let manners = MANNERS.min(self.spacing() / 8);
        Instant(at_ns.div_ceil(1000)).after(manners * self.waiting.before(shard))
    }

    /// Whether a message may leave now; if so it is counted.
    #[must_use]
    pub fn send(&self, shard: u16, now: Instant) -> bool {
        if self.opens_at(shard) > now {
            return false;
        }
        let now_ns = now.0.saturating_mul(1000);
        let sent = |next: u64| {
            (next.saturating_sub(self.ahead_ns) <= now_ns).then(|| next.max(now_ns).saturating_add(self.spacing_ns))
        };
        let sent = self.next_ns.fetch_update(Ordering::SeqCst, Ordering::SeqCst, sent).is_ok();
        if sent {
            self.waiting.served(shard);
        }
        sent
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The part of `shard` when `whole` is divided among so many: the parts add up to the whole.
#[must_use]
pub fn part(whole: u64, shard: u16, shards: u16) -> u64 {
    let shards = u64::from(shards.max(1));
    whole / shards + u64::from(u64::from(shard) < whole % shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_more_is_taken_than_there_is_by_any_number_of_threads() {
        for (most, threads) in [(1, 8), (3, 8), (8, 3), (20, 2)] {
            let (budget, high) = (Budget::new(most), AtomicU32::new(0));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        for _ in 0..2000 {
                            if budget.take(0) {
                                high.fetch_max(budget.taken(), Ordering::SeqCst);
                                let _ = budget.give(Instant(1));
                            }
                        }
                    });
                }
            });
            assert!(high.load(Ordering::SeqCst) <= most && budget.taken() == 0);
        }
    }

    #[test]
    fn who_waits_is_named_to_whoever_gives_back() {
        let budget = Budget::new(1);
        assert!(budget.take(0) && !budget.take(1));
        assert!(budget.waiting.enter(3) && !budget.waiting.enter(3) && budget.waiting.enter(63));
        let woken = budget.give(Instant(5));
        assert!(woken.has(3) && woken.has(63) && !woken.has(0) && !woken.but(63).has(63));
        budget.waiting.leave(3);
        assert!(budget.has_room() && !budget.waiting.shards().has(3));
    }

    #[test]
    fn who_waits_goes_round() {
        let budget = Budget::new(1);
        assert!(budget.take(0));
        [0, 1, 5, 63].iter().for_each(|shard| _ = budget.waiting.enter(*shard));
        let mut turns = Vec::new();
        for ms in 1..9 {
            let now = Instant(ms * 1000);
            let _ = budget.give(now);
            let next: Vec<u16> = (0..64).filter(|shard| budget.is_free(*shard, now)).collect();
            // Who does not wait is no hindrance, and no rival: it has the others before it, or it is its turn.
            let next = *next.iter().find(|shard| budget.waiting.shards().has(**shard)).unwrap();
            assert!(budget.take(next));
            turns.push(next);
        }
        assert_eq!(turns, [1, 5, 63, 0, 1, 5, 63, 0]);
        let _ = budget.give(Instant(9000));
        assert!(
            !budget.is_free(0, Instant(9000)) && budget.is_free(0, Instant(15_000)),
            "who does not come is waited for once"
        );
    }

    #[test]
    fn what_proves_too_much_is_narrowed_and_comes_back() {
        let budget = Budget::new(100);
        (0..10).for_each(|_| assert!(budget.take(0)));
        budget.narrow();
        assert!(!budget.has_room());
        (0..10).for_each(|_| _ = budget.give(Instant(1)));
        budget.narrow();
        assert!(budget.take(0) && !budget.take(0), "one may always be");
        (0..100).for_each(|_| budget.widen());
        (0..99).for_each(|_| assert!(budget.take(0)));
        assert!(!budget.take(0), "no more than at first");
    }

    #[test]
    fn sessions_leave_descriptors_for_the_others() {
        let fit = |limit, each| Descriptors::under(limit, 40, 60, each).sessions.whole;
        assert_eq!([fit(1024, 1), fit(1024, 2), fit(120, 1), fit(41, 1), fit(10, 1)], [924, 462, 40, 1, 1]);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        for (whole, shards) in [(0, 3), (1, 8), (7, 3), (20, 1), (20, 3), (20, 8), (u64::MAX, 64)] {
            let parts: Vec<u64> = (0..shards).map(|shard| part(whole, shard, shards)).collect();
            assert_eq!(parts.iter().sum::<u64>(), whole, "{parts:?}");
            assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1);
        }
    }

    proptest! {
        #[test]
        fn in_no_hour_are_there_more_messages_than_asked_for(
            most in prop_oneof![1u32..20, 300u32..4000],
            gaps in proptest::collection::vec(0u64..200_000_000, 1..60),
        ) {
            let rate = Rate::per_hour(most);
            let (mut now, mut sent) = (Instant(1), Vec::new());
            for gap in gaps {
                now = now.after(Duration::from_micros(gap));
                while rate.send(0, now) {
                    sent.push(now.0);
                }
                prop_assert!(rate.opens_at(0) > now, "who waits until then does not spin");
                // Half the time right at the instant at which one may leave.
                if gap % 2 == 0 {
                    now = rate.opens_at(0);
                }
            }
            for (index, first) in sent.iter().enumerate() {
                let hour = sent[index..].iter().take_while(|at| **at < first + 3_600_000_000).count();
                prop_assert!(hour <= most as usize, "{hour} of {most}");
            }
        }

        #[test]
        fn the_rate_is_reached(most in 1u32..20_000) {
            let rate = Rate::per_hour(most);
            let mut now = Instant(0);
            let mut sent = 0;
            while now < Instant(3_600_000_000) {
                sent += u32::from(rate.send(0, now));
                now = now.max(rate.opens_at(0));
            }
            prop_assert!(sent <= most && f64::from(sent) >= f64::from(most) * 0.995 - 1.0, "{sent} of {most}");
        }
    }
}
