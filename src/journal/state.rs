//! What the journal says, folded: where each recipient stands, in sixteen octets each, the words behind the last outcomes,
//! and what is held up as a whole.
//!
//! Guarantees: the counts of all dispositions always add up to the recipients loaded (G2); an attempt without an outcome
//! is listed by name (G3); folding is the same whether it began with a snapshot or with nothing. Leaves to others: what
//! to do with open attempts.

use super::record::{Accepted, Define, Entry, Held, Hold, Kind, RECORD_OCTETS, Record, entries};
use super::words::Words;
use crate::base::clock::UnixTime;
use crate::mail::Disposition;
use std::collections::BTreeMap;

/// Once at least one attempt ended with its content sent and no outcome known: a second copy is possible.
pub const POSSIBLE_DUPLICATE: u8 = 1;
/// The last outcome was a deferral (what a released attempt goes back to).
const DEFERRED: u8 = 2;
/// What told of a second copy may be among what is lost: taken for possible.
const DOUBTED: u8 = 4;

/// Where one recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When its first attempt that counts began; 0: none did.
    pub first: UnixTime,
    /// When its last attempt had its outcome; 0: none had one.
    pub tried: UnixTime,
    /// The context of its last outcome; 0: there is none.
    pub context: u32,
    /// Attempts that count, saturating.
    pub attempts: u16,
    /// Its disposition.
    pub disposition: Disposition,
    /// See [`POSSIBLE_DUPLICATE`].
    pub flags: u8,
}

impl Standing {
    const NEW: Self = Self {
        first: UnixTime(0),
        tried: UnixTime(0),
        context: 0,
        attempts: 0,
        disposition: Disposition::Waiting,
        flags: 0,
    };

    /// Whether it may get, or have got, a second copy.
    #[must_use]
    pub fn possible_duplicate(&self) -> bool {
        self.flags & (POSSIBLE_DUPLICATE | DOUBTED) != 0
    }

    /// Whether that is so only because what told of it may be lost.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.flags & (POSSIBLE_DUPLICATE | DOUBTED) == DOUBTED
    }

    /// Whether an attempt is known to have ended by this record whose outcome is not there: it may have been an uncertain one.
    fn misses_an_outcome(&self, record: &Record) -> bool {
        let known = self.attempts.saturating_sub(u16::from(self.disposition == Disposition::InFlight));
        // Kinds alternate: what is looked up by them costs a wrong guess of the processor for each record; these do not.
        let ends_none = matches!(record.kind, Kind::Released | Kind::Cancelled | Kind::Expired | Kind::Suppressed);
        record.attempts.saturating_sub(u16::from(!ends_none)) > known
    }

    /// Whether a deferral came before.
    #[must_use]
    pub fn was_deferred(&self) -> bool {
        self.flags & DEFERRED != 0
    }

    pub(super) fn encode(self) -> [u8; STANDING_OCTETS] {
        let mut octets = [0; STANDING_OCTETS];
        octets[0..4].copy_from_slice(&self.first.0.to_le_bytes());
        octets[4..8].copy_from_slice(&self.tried.0.to_le_bytes());
        octets[8..12].copy_from_slice(&self.context.to_le_bytes());
        octets[12..14].copy_from_slice(&self.attempts.to_le_bytes());
        octets[14..16].copy_from_slice(&[self.disposition as u8, self.flags]);
        octets
    }

    pub(super) fn decode(octets: [u8; STANDING_OCTETS]) -> Option<Self> {
        let [f0, f1, f2, f3, t0, t1, t2, t3, c0, c1, c2, c3, a0, a1, disposition, flags] = octets;
        Some(Self {
            first: UnixTime(u32::from_le_bytes([f0, f1, f2, f3])),
            tried: UnixTime(u32::from_le_bytes([t0, t1, t2, t3])),
            context: u32::from_le_bytes([c0, c1, c2, c3]),
            attempts: u16::from_le_bytes([a0, a1]),
            disposition: *Disposition::ALL.get(usize::from(disposition))?,
            flags,
        })
    }
}

/// What a standing takes, in memory and in a snapshot.
pub(super) const STANDING_OCTETS: usize = 16;
const _: () = assert!(size_of::<Standing>() == STANDING_OCTETS);

/// Entries that made no sense to the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Entries that could not be decoded.
    pub bad: u64,
    /// Records of recipients that the table does not have.
    pub strays: u64,
}

/// Where all recipients stand.
#[derive(Clone, Debug)]
pub struct State {
    standings: Vec<Standing>,
    counts: [u64; Disposition::ALL.len()],
    /// Recipients who may get, or have got, a second copy.
    doubtful: u64,
    last_contexts: Box<[u32; 256]>,
    words: Words,
    holds: Holds,
    newest: UnixTime,
    /// In order; none touches the next.
    accepted: Vec<Accepted>,
    /// What did not fit.
    pub oddities: Oddities,
}

/// Since when a domain or a site is held up, by what is held and its name.
pub type Holds = BTreeMap<(Held, Box<str>), UnixTime>;

/// Two states that say the same: of the words a snapshot keeps only those that are needed again.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        (&self.standings, &self.last_contexts, &self.holds) == (&other.standings, &other.last_contexts, &other.holds)
            && (self.newest, self.oddities, &self.accepted) == (other.newest, other.oddities, &other.accepted)
    }
}

impl Eq for State {}

impl Default for State {
    fn default() -> Self {
        Self {
            standings: Vec::new(),
            counts: Default::default(),
            doubtful: 0,
            last_contexts: Box::new([0; 256]),
            words: Words::default(),
            holds: Holds::new(),
            newest: UnixTime(0),
            accepted: Vec::new(),
            oddities: Oddities::default(),
        }
    }
}

impl State {
    /// No recipients yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_parts(standings: Vec<Standing>, last_contexts: Box<[u32; 256]>, newest: UnixTime) -> Self {
        let (mut counts, mut doubtful) = ([0; Disposition::ALL.len()], 0);
        for s in &standings {
            *count(&mut counts, s.disposition) += 1;
            doubtful += u64::from(s.possible_duplicate());
        }
        Self { standings, counts, doubtful, last_contexts, newest, ..Self::default() }
    }

    /// The table has these many more rows; the last `suppressed` of them are on the suppression list.
    pub fn load(&mut self, rows: u32, suppressed: u32) {
        let suppressed = suppressed.min(rows);
        let waiting = (rows - suppressed) as usize;
        self.standings.resize(self.standings.len() + waiting, Standing::NEW);
        let gone = Standing { disposition: Disposition::Suppressed, ..Standing::NEW };
        self.standings.resize(self.standings.len() + suppressed as usize, gone);
        *count(&mut self.counts, Disposition::Waiting) += waiting as u64;
        *count(&mut self.counts, Disposition::Suppressed) += u64::from(suppressed);
    }

    /// Folds the entries of a frame, or of a batch.
    pub fn fold(&mut self, octets: &[u8]) {
        for entry in entries(octets) {
            match entry {
                Ok(Entry::Record(record)) => self.apply(&record),
                Ok(Entry::Define(define)) => self.learn(&define),
                Ok(Entry::Hold(hold)) => self.hold(&hold),
                Ok(Entry::Accepted(accepted)) => self.accept(accepted),
                Err(_) => self.oddities.bad += 1,
            }
        }
        debug_assert!(octets.len().is_multiple_of(RECORD_OCTETS) || self.oddities.bad > 0);
    }

    /// Folds one record.
    pub fn apply(&mut self, record: &Record) {
        // Its definition may have been lost: its number is used all the same.
        self.note_context(record.extra);
        let Some(standing) = self.standings.get_mut(record.recipient as usize) else {
            self.oddities.strays += 1;
            return;
        };
        self.newest = self.newest.max(record.at);
        let Standing { first, mut tried, mut context, mut flags, .. } = *standing;
        let first = first_attempt(first, record);
        if standing.misses_an_outcome(record) {
            flags |= DOUBTED;
        }
        let after = match record.kind {
            Kind::Attempt => Disposition::InFlight,
            Kind::Released if flags & DEFERRED != 0 => Disposition::Deferred,
            Kind::Released => Disposition::Waiting,
            Kind::Delivered => Disposition::Delivered,
            Kind::Bounced => Disposition::Bounced,
            Kind::Expired => Disposition::Expired,
            Kind::Cancelled => Disposition::Cancelled,
            Kind::Suppressed => Disposition::Suppressed,
            Kind::Deferred => {
                flags |= DEFERRED;
                Disposition::Deferred
            }
            Kind::UncertainHeld => {
                flags |= POSSIBLE_DUPLICATE;
                Disposition::Uncertain
            }
            Kind::UncertainRetry => {
                flags = flags & !DEFERRED | POSSIBLE_DUPLICATE;
                Disposition::Waiting
            }
        };
        if standing.disposition != after {
            *count(&mut self.counts, standing.disposition) -= 1;
            *count(&mut self.counts, after) += 1;
        }
        match record.kind {
            Kind::Attempt | Kind::Released => {}
            // No attempt ended with these: the last one did before.
            Kind::Expired | Kind::Cancelled | Kind::Suppressed => context = record.extra,
            _ => (tried, context) = (record.at, record.extra),
        }
        let was_doubtful = standing.possible_duplicate();
        *standing = Standing { first, tried, context, attempts: record.attempts, disposition: after, flags };
        // A flag never goes again.
        self.doubtful += u64::from(standing.possible_duplicate() && !was_doubtful);
    }

    /// Here commits are lost. What was held up may no longer be. When they may have named people for a second copy, whoever was
    /// open then may be one of them.
    pub fn lose(&mut self, may_have_named: bool) {
        self.holds.retain(|(held, _), _| *held == Held::Loading);
        if may_have_named {
            let open = self.standings.iter_mut().filter(|standing| !standing.disposition.is_final());
            for standing in open {
                self.doubtful += u64::from(!standing.possible_duplicate());
                standing.flags |= DOUBTED;
            }
        }
    }

    fn note_context(&mut self, id: u32) {
        if let Some(last) = self.last_contexts.get_mut((id >> 24) as usize) {
            *last = id.max(*last);
        }
    }

    /// Learns the words behind a context.
    pub fn learn(&mut self, define: &Define<'_>) {
        self.note_context(define.id);
        self.words.learn(define);
    }

    fn hold(&mut self, hold: &Hold<'_>) {
        self.newest = self.newest.max(hold.since);
        let key = (hold.held, hold.name.into());
        match hold.since {
            UnixTime(0) => drop(self.holds.remove(&key)),
            since => drop(self.holds.insert(key, since)),
        }
    }

    /// The loss of these commits is accepted.
    pub fn accept(&mut self, new: Accepted) {
        let from = self.accepted.partition_point(|a| a.last_lsn.saturating_add(1) < new.first_lsn);
        let rest = self.accepted.get(from..).unwrap_or_default();
        let touched = rest.iter().take_while(|a| a.first_lsn <= new.last_lsn.saturating_add(1)).count();
        let all = rest.iter().take(touched).fold(new, |all, a| Accepted {
            first_lsn: all.first_lsn.min(a.first_lsn),
            last_lsn: all.last_lsn.max(a.last_lsn),
        });
        self.accepted.splice(from..from + touched, [all]);
    }

    /// Whether the loss of all commits from `first_lsn` to `last_lsn` was accepted. What a snapshot covers is not known of.
    #[must_use]
    pub fn has_accepted(&self, first_lsn: u64, last_lsn: u64) -> bool {
        let at = self.accepted.partition_point(|a| a.last_lsn < first_lsn);
        self.accepted.get(at).is_some_and(|a| a.first_lsn <= first_lsn && last_lsn <= a.last_lsn)
    }

    /// How many recipients there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standings.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.standings.is_empty()
    }

    /// Where one recipient stands.
    #[must_use]
    pub fn get(&self, recipient: u32) -> Option<Standing> {
        self.standings.get(recipient as usize).copied()
    }

    /// Where each stands, in the order of rows.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// How many recipients have this disposition.
    #[must_use]
    pub fn count(&self, disposition: Disposition) -> u64 {
        self.counts.get(disposition as usize).copied().unwrap_or(0)
    }

    /// Recipients with an attempt and no outcome: after a replay, those whose attempt was under way when the process died.
    pub fn open_attempts(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows(|s| s.disposition == Disposition::InFlight)
    }

    /// Recipients who may get, or have got, a second copy.
    pub fn possible_duplicates(&self) -> impl Iterator<Item = u32> + '_ {
        // As many as there are: behind the last one nobody is looked at.
        self.rows(|s| s.possible_duplicate()).take(self.doubtful as usize)
    }

    /// How many these are.
    #[must_use]
    pub fn doubtful(&self) -> u64 {
        self.doubtful
    }

    /// The highest context number that a shard has used; 0 if none.
    #[must_use]
    pub fn last_context(&self, shard: u8) -> u32 {
        self.last_contexts.get(usize::from(shard)).copied().unwrap_or(0)
    }

    /// The words behind the contexts.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// What is held up.
    #[must_use]
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The time of the newest record: no clock that is behind it can be right.
    #[must_use]
    pub fn newest(&self) -> UnixTime {
        self.newest
    }

    fn rows(&self, wanted: impl Fn(&Standing) -> bool) -> impl Iterator<Item = u32> {
        (0u32..).zip(&self.standings).filter(move |(_, s)| wanted(s)).map(|(row, _)| row)
    }

    pub(super) fn last_contexts(&self) -> &[u32; 256] {
        &self.last_contexts
    }
}

/// When the first attempt that counts began, as it is known with this record; `before`: without it. 0: none counts.
#[must_use]
pub fn first_attempt(before: UnixTime, record: &Record) -> UnixTime {
    let begins = record.kind == Kind::Attempt && record.attempts <= 1;
    // It was not made, or met a refusal of us: it does not count.
    let counts = record.attempts > 0 || !matches!(record.kind, Kind::Released | Kind::Deferred | Kind::Suppressed);
    // The record of its beginning is lost: nobody is older than is known.
    let is_lost = before.0 == 0 && record.attempts > 0;
    match (begins || is_lost, counts) {
        (true, _) => record.at,
        (false, true) => before,
        (false, false) => UnixTime(0),
    }
}

fn count(counts: &mut [u64; Disposition::ALL.len()], disposition: Disposition) -> &mut u64 {
    &mut counts[disposition as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tell(state: &mut State, recipient: u32, kind: Kind, attempts: u16) {
        state.apply(&Record { recipient, at: UnixTime(5), code: 0, kind, attempts, extra: 0 });
        let sum: u64 = Disposition::ALL.iter().map(|d| state.count(*d)).sum();
        assert_eq!(sum, state.len() as u64, "every recipient is counted once");
    }

    #[test]
    fn a_recipient_goes_its_way() {
        let mut state = State::new();
        state.load(4, 1);
        assert_eq!((state.count(Disposition::Waiting), state.count(Disposition::Suppressed)), (3, 1));
        assert_eq!(state.get(3).map(|s| s.disposition), Some(Disposition::Suppressed));
        tell(&mut state, 0, Kind::Attempt, 1);
        assert_eq!(state.open_attempts().collect::<Vec<_>>(), [0]);
        tell(&mut state, 0, Kind::Released, 0);
        assert_eq!(state.get(0), Some(Standing::NEW), "as if it had not been tried");
        tell(&mut state, 0, Kind::Attempt, 1);
        tell(&mut state, 0, Kind::Deferred, 1);
        tell(&mut state, 0, Kind::Attempt, 2);
        tell(&mut state, 0, Kind::Released, 1);
        assert_eq!(state.get(0).map(|s| (s.disposition, s.attempts)), Some((Disposition::Deferred, 1)));
        tell(&mut state, 0, Kind::Attempt, 2);
        tell(&mut state, 0, Kind::UncertainRetry, 2);
        assert_eq!(state.get(0).map(|s| s.disposition), Some(Disposition::Waiting));
        tell(&mut state, 0, Kind::Attempt, 3);
        tell(&mut state, 0, Kind::Delivered, 3);
        assert_eq!(state.possible_duplicates().collect::<Vec<_>>(), [0], "known by name for ever");
        assert_eq!(state.get(0).map(|s| (s.disposition, s.attempts)), Some((Disposition::Delivered, 3)));
        tell(&mut state, 9, Kind::Delivered, 1);
        assert_eq!(state.oddities, Oddities { bad: 0, strays: 1 });
    }

    proptest! {
        #[test]
        fn any_records_leave_every_recipient_counted_once(
            told in prop::collection::vec((0u32..12, 0usize..10, any::<u16>()), 0..200),
        ) {
            let mut state = State::new();
            state.load(10, 2);
            for (recipient, kind, attempts) in told {
                tell(&mut state, recipient, Kind::ALL[kind], attempts);
            }
            for d in Disposition::ALL {
                let counted = state.standings().iter().filter(|s| s.disposition == d).count();
                prop_assert_eq!(state.count(d), counted as u64);
            }
        }

        #[test]
        fn garbage_is_folded_without_harm(octets in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut state = State::new();
            state.load(3, 0);
            state.fold(&octets);
            prop_assert_eq!(Disposition::ALL.iter().map(|d| state.count(*d)).sum::<u64>(), 3);
        }
    }

    #[test]
    fn the_last_context_of_each_shard_is_known() {
        let mut state = State::new();
        let mut batch = Vec::new();
        for id in [5, (2 << 24) + 8, (2 << 24) + 3] {
            Define { id, ..Define::default() }.encode_into(&mut batch);
        }
        state.fold(&batch);
        assert_eq!((state.last_context(0), state.last_context(1), state.last_context(2)), (5, 0, (2 << 24) + 8));
    }

    #[test]
    fn the_first_attempt_is_kept_and_the_last_outcome() {
        let mut state = State::new();
        state.load(1, 0);
        let mut tell = |at, kind, attempts, extra| {
            state.apply(&Record { recipient: 0, at: UnixTime(at), code: 451, kind, attempts, extra });
            state.get(0).map(|s| (s.first.0, s.tried.0, s.context, s.attempts)).unwrap()
        };
        assert_eq!(tell(10, Kind::Attempt, 1, 0), (10, 0, 0, 1));
        assert_eq!(tell(11, Kind::Released, 0, 0), (0, 0, 0, 0));
        assert_eq!(tell(12, Kind::Attempt, 1, 0), (12, 0, 0, 1));
        assert_eq!(tell(13, Kind::Deferred, 0, 6), (0, 13, 6, 0), "one that does not count is no first one");
        assert_eq!(tell(20, Kind::Attempt, 1, 0), (20, 13, 6, 1));
        assert_eq!(tell(25, Kind::Deferred, 1, 7), (20, 25, 7, 1));
        assert_eq!(tell(90, Kind::Attempt, 2, 0), (20, 25, 7, 2));
        assert_eq!(tell(91, Kind::Released, 1, 0), (20, 25, 7, 1));
        assert_eq!(tell(95, Kind::Attempt, 2, 0), (20, 25, 7, 2));
        assert_eq!(tell(99, Kind::Deferred, 2, 8), (20, 99, 8, 2));
        assert_eq!(tell(500, Kind::Attempt, 60_000, 0), (20, 99, 8, 60_000));
        assert_eq!(tell(501, Kind::Deferred, 60_000, 8), (20, 501, 8, 60_000));
        assert_eq!(tell(700, Kind::Expired, 60_000, 8), (20, 501, 8, 60_000), "expiry is no attempt");
        assert_eq!(state.newest(), UnixTime(700));
    }

    #[test]
    fn whoever_s_beginning_is_lost_is_no_older_than_is_known() {
        const OUTCOMES: [Kind; 9] = [
            Kind::Attempt,
            Kind::Deferred,
            Kind::Released,
            Kind::UncertainHeld,
            Kind::UncertainRetry,
            Kind::Delivered,
            Kind::Bounced,
            Kind::Suppressed,
            Kind::Expired,
        ];
        let record = |at, kind, attempts| Record { recipient: 0, at: UnixTime(at), code: 0, kind, attempts, extra: 0 };
        let mut state = State::new();
        state.load(1, 0);
        for kind in OUTCOMES {
            let mut state = state.clone();
            state.apply(&record(70, kind, 2));
            state.apply(&record(90, Kind::Deferred, 2));
            assert_eq!(state.get(0).map(|s| s.first.0), Some(70), "{kind:?}");
        }
        // What said that an attempt does not count is lost: the one that does is the first.
        state.apply(&record(10, Kind::Attempt, 1));
        state.apply(&record(80, Kind::Attempt, 1));
        assert_eq!(state.get(0).map(|s| s.first.0), Some(80));
    }

    #[test]
    fn whoever_s_outcome_is_lost_may_have_got_a_second_copy() {
        use Kind::{Attempt, Bounced, Cancelled, Deferred, Delivered, Expired, Released, Suppressed, UncertainRetry};
        let ways: [(&[(Kind, u16)], bool); 12] = [
            (&[(Attempt, 1), (Delivered, 1)], false),
            (&[(Attempt, 1), (Attempt, 2), (Delivered, 2)], true),
            (&[(Attempt, 1), (Delivered, 2)], true),
            (&[(Delivered, 1)], false),
            (&[(Attempt, 2), (Bounced, 2)], true),
            (&[(Attempt, 1), (Expired, 1)], true),
            (&[(Attempt, 1), (Cancelled, 1)], true),
            (&[(Deferred, 1), (Expired, 1)], false),
            (&[(Attempt, 1), (Suppressed, 0)], false),
            (&[(Attempt, 1), (Deferred, 1), (Attempt, 2), (Released, 1), (Attempt, 2), (Deferred, 1)], false),
            (&[(Attempt, 1), (Released, 0), (Attempt, 1), (Deferred, 0), (Attempt, 1), (Delivered, 1)], false),
            (&[(UncertainRetry, 0), (Attempt, 1), (Delivered, 1)], true),
        ];
        for (way, named) in ways {
            let mut state = State::new();
            state.load(1, 0);
            way.iter().for_each(|&(kind, attempts)| tell(&mut state, 0, kind, attempts));
            assert_eq!(state.get(0).map(|s| s.possible_duplicate()), Some(named), "{way:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_lost_whoever_was_tried_has_a_first_attempt(
            told in prop::collection::vec((0usize..10, 0u16..4), 1..40),
        ) {
            let mut state = State::new();
            state.load(1, 0);
            for (at, (kind, attempts)) in (100..).zip(told) {
                tell_at(&mut state, at, Kind::ALL[kind], attempts);
                let standing = state.get(0).unwrap();
                prop_assert!(standing.attempts == 0 || standing.first.0 >= 100, "{:?}", standing);
            }
        }
    }

    fn tell_at(state: &mut State, at: u32, kind: Kind, attempts: u16) {
        state.apply(&Record { recipient: 0, at: UnixTime(at), code: 0, kind, attempts, extra: 0 });
    }

    #[test]
    fn what_is_held_up_is_known_until_it_no_longer_is() {
        let mut state = State::new();
        let mut told = Vec::new();
        for (held, name, since) in [
            (Held::Hosts, "mx.example", 5),
            (Held::Domain, "mx.example", 6),
            (Held::Hosts, "mx.example", 9),
            (Held::Domain, "mx.example", 0),
        ] {
            Hold { held, name, since: UnixTime(since) }.encode_into(&mut told);
        }
        state.fold(&told);
        let holds: Vec<_> = state.holds().iter().map(|((held, name), since)| (*held, &**name, since.0)).collect();
        assert_eq!(holds, [(Held::Hosts, "mx.example", 9)]);
        told.clear();
        Hold { held: Held::Loading, name: "", since: UnixTime(7) }.encode_into(&mut told);
        state.fold(&told);
        state.lose(false);
        let left: Vec<_> = state.holds().iter().map(|((held, _), since)| (*held, since.0)).collect();
        assert_eq!(left, [(Held::Loading, 7)], "what ended it may be lost");
    }
}
