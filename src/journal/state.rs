//! What the journal says, folded: where each recipient stands, in sixteen octets each, the words behind the last outcomes,
//! and what is held up as a whole.
//!
//! Guarantees: the counts of all dispositions always add up to the recipients loaded (G2); an attempt without an outcome
//! is listed by name (G3); folding is the same whether it began with a snapshot or with nothing. Leaves to others: what
//! to do with open attempts.

use super::record::{Accepted, Define, Entry, Held, Hold, Kind, RECORD_OCTETS, Record, entries, recipients};
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

/// So many records are folded together.
const AT_ONCE: usize = 64;

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

/// What a record does to where its recipient stands, by its kind.
struct Effect {
    /// The disposition behind it…
    after: Disposition,
    /// …if it does not go back to what was before the attempt.
    goes_back: bool,
    /// The flags that it sets…
    sets: u8,
    /// …and those that it takes away.
    clears: u8,
    /// Its time is that of an attempt's outcome.
    ends_an_attempt: bool,
    /// Its words are those of the last outcome.
    has_words: bool,
}

impl Effect {
    /// Constants only, and no way that depends on them: kinds alternate, and millions of records are folded at a start.
    const fn of(kind: Kind) -> Self {
        const OUTCOME: Effect = Effect {
            after: Disposition::Waiting,
            goes_back: false,
            sets: 0,
            clears: 0,
            ends_an_attempt: true,
            has_words: true,
        };
        // No attempt ended with it: the last one did before.
        const DECISION: Effect = Effect { ends_an_attempt: false, ..OUTCOME };
        const NEWS_OF_NONE: Effect = Effect { has_words: false, ..DECISION };
        match kind {
            Kind::Attempt => Self { after: Disposition::InFlight, ..NEWS_OF_NONE },
            Kind::Released => Self { goes_back: true, ..NEWS_OF_NONE },
            Kind::Delivered => Self { after: Disposition::Delivered, ..OUTCOME },
            Kind::Bounced => Self { after: Disposition::Bounced, ..OUTCOME },
            Kind::Expired => Self { after: Disposition::Expired, ..DECISION },
            Kind::Cancelled => Self { after: Disposition::Cancelled, ..DECISION },
            Kind::Suppressed => Self { after: Disposition::Suppressed, ..DECISION },
            Kind::Deferred => Self { after: Disposition::Deferred, sets: DEFERRED, ..OUTCOME },
            Kind::UncertainHeld => Self { after: Disposition::Uncertain, sets: POSSIBLE_DUPLICATE, ..OUTCOME },
            Kind::UncertainRetry => Self { sets: POSSIBLE_DUPLICATE, clears: DEFERRED, ..OUTCOME },
        }
    }
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

    /// Makes room for so many rows in all.
    pub fn reserve(&mut self, rows: u32) {
        self.standings.reserve_exact((rows as usize).saturating_sub(self.standings.len()));
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
        let mut left = entries(octets);
        while !left.rest().is_empty() {
            self.fetch(left.rest());
            for _ in 0..AT_ONCE {
                if let Some(record) = left.next_record() {
                    self.apply(&record);
                    continue;
                }
                match left.next() {
                    None => break,
                    Some(Ok(Entry::Record(record))) => self.apply(&record),
                    Some(Ok(Entry::Define(define))) => self.learn(&define),
                    Some(Ok(Entry::Hold(hold))) => self.hold(&hold),
                    Some(Ok(Entry::Accepted(accepted))) => self.accept(accepted),
                    Some(Err(_)) => self.oddities.bad += 1,
                }
            }
        }
        debug_assert!(octets.len().is_multiple_of(RECORD_OCTETS) || self.oddities.bad > 0);
    }

    /// Has the memory read where the next records' recipients stand. Neighbours in a journal are none in the table: one after
    /// another each would be waited for; at once they are waited for together.
    fn fetch(&self, entries: &[u8]) {
        let rows = recipients(entries).take(AT_ONCE);
        let read = rows.filter_map(|row| self.standings.get(row as usize)).fold(0, |all, one| all ^ one.context);
        std::hint::black_box(read);
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
        let before = *standing;
        let effect = Effect::of(record.kind);
        let doubted = if before.misses_an_outcome(record) { DOUBTED } else { 0 };
        let after = match effect.after {
            Disposition::Waiting if effect.goes_back && before.was_deferred() => Disposition::Deferred,
            after => after,
        };
        *standing = Standing {
            first: first_attempt(before.first, record),
            tried: if effect.ends_an_attempt { record.at } else { before.tried },
            context: if effect.has_words { record.extra } else { before.context },
            attempts: record.attempts,
            disposition: after,
            flags: before.flags & !effect.clears | effect.sets | doubted,
        };
        // A flag never goes again.
        self.doubtful += u64::from(standing.possible_duplicate() & !before.possible_duplicate());
        *count(&mut self.counts, before.disposition) -= 1;
        *count(&mut self.counts, after) += 1;
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
    let kept = if counts { before } else { UnixTime(0) };
    if begins | is_lost { record.at } else { kept }
}

fn count(counts: &mut [u64; Disposition::ALL.len()], disposition: Disposition) -> &mut u64 {
    &mut counts[disposition as usize]
}

#[cfg(test)]
mod tests;
