//! Since when domains and sites are held up: the lifetime of recipients there that were never tried counts from then.
//!
//! Guarantees: what an earlier process knew is known; each change is handed out once, to be recorded. Whoever was loaded
//! later counts from the last loading. Leaves to others: when something is held up (`group`, `site`), and the journal.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::clock::{Ahead, UnixTime};
use crate::journal::record::Held;
use crate::journal::state;

/// Loading is recorded again after so long.
const LOADING_EVERY_S: u32 = 60;

/// A change, to be recorded: what is held, its name, and since when (0: no longer).
pub(super) type Change = (Held, Box<str>, UnixTime);

/// See the head of this file.
pub(super) struct Holds {
    known: HashMap<(Held, Box<str>), UnixTime>,
    changes: Vec<Change>,
    clock: Ahead,
    lifetime: Duration,
    loaded: UnixTime,
}

impl Holds {
    pub(super) fn new(earlier: &state::Holds, clock: Ahead, lifetime: Duration) -> Self {
        let known: HashMap<_, _> = earlier.iter().map(|(key, since)| (key.clone(), *since)).collect();
        let loaded = known.get(&(Held::Loading, "".into())).copied().unwrap_or_default();
        Self { known, changes: Vec::new(), clock, lifetime, loaded }
    }

    /// The journal's time.
    pub(super) fn time(&self, now: UnixTime) -> UnixTime {
        self.clock.at(now)
    }

    /// Since when that is held up, as far as an earlier process or this one knows.
    pub(super) fn since(&self, held: Held, name: &str) -> Option<UnixTime> {
        // Hardly ever is anything held up, and then the name need not be copied.
        if self.known.is_empty() { None } else { self.known.get(&(held, name.into())).copied() }
    }

    /// It is held up now: since when.
    pub(super) fn begin(&mut self, held: Held, name: &str, now: UnixTime) -> UnixTime {
        let at = self.clock.at(now);
        *self.known.entry((held, name.into())).or_insert_with(|| {
            self.changes.push((held, name.into(), at));
            at
        })
    }

    /// It is not, or no longer.
    pub(super) fn end(&mut self, held: Held, name: &str) {
        if self.since(held, name).is_some() {
            self.known.remove(&(held, name.into()));
            self.changes.push((held, name.into(), UnixTime(0)));
        }
    }

    /// Recipients are being loaded.
    pub(super) fn loading(&mut self, now: UnixTime) {
        let at = self.clock.at(now);
        if self.loaded.0 == 0 || at.0.saturating_sub(self.loaded.0) >= LOADING_EVERY_S {
            self.loaded = at;
            self.changes.push((Held::Loading, "".into(), at));
        }
    }

    /// How long those that were never tried have left, where that is held up since then.
    pub(super) fn left(&self, since: UnixTime, now: UnixTime) -> Duration {
        let passed_s = self.clock.at(now).0.saturating_sub(since.max(self.loaded).0);
        self.lifetime.saturating_sub(Duration::from_secs(passed_s.into()))
    }

    /// What is to be recorded.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(earlier: &[(Held, &str, u32)], newest: u32, now: u32) -> Holds {
        let earlier = earlier.iter().map(|&(held, name, since)| ((held, name.into()), UnixTime(since))).collect();
        Holds::new(&earlier, Ahead::of(UnixTime(newest), UnixTime(now)), Duration::from_secs(1000))
    }

    #[test]
    fn what_an_earlier_process_knew_goes_on_and_changes_are_told_once() {
        let mut holds = holds(&[(Held::Hosts, "a", 100)], 500, 600);
        assert_eq!(holds.begin(Held::Hosts, "a", UnixTime(600)), UnixTime(100));
        assert_eq!(holds.take_changes(), []);
        assert_eq!(holds.begin(Held::Domain, "a", UnixTime(600)), UnixTime(600));
        assert_eq!(holds.begin(Held::Domain, "a", UnixTime(700)), UnixTime(600));
        holds.end(Held::Hosts, "a");
        holds.end(Held::Hosts, "a");
        let told = [(Held::Domain, "a".into(), UnixTime(600)), (Held::Hosts, "a".into(), UnixTime(0))];
        assert_eq!(holds.take_changes(), told);
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on_from_the_newest_record() {
        let mut holds = holds(&[], 5000, 10);
        assert_eq!(holds.begin(Held::Domain, "a", UnixTime(10)), UnixTime(5000));
        assert_eq!(holds.left(UnixTime(5000), UnixTime(410)), Duration::from_secs(600));
    }

    #[test]
    fn whoever_was_loaded_later_counts_from_there() {
        let mut holds = holds(&[(Held::Loading, "", 100)], 500, 600);
        assert_eq!(holds.left(UnixTime(50), UnixTime(600)), Duration::from_secs(500));
        holds.loading(UnixTime(600));
        assert_eq!(holds.left(UnixTime(50), UnixTime(600)), Duration::from_secs(1000));
        holds.loading(UnixTime(601));
        assert_eq!(holds.take_changes().len(), 1);
        assert_eq!(holds.left(UnixTime(50), UnixTime(1700)), Duration::ZERO);
    }
}
