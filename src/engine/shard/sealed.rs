//! What left a session under TLS, told from what was sealed: records are longer than what they hold, and of no use to the
//! peer until they are whole.
//!
//! Guarantees: of fixed size; never tells more to be unsent than is.

use std::collections::VecDeque;

/// No more places are held: what is farther behind has left, or counts as if it had.
const PLACES_MAX: usize = 32;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    /// Octets sealed so far.
    octets: u64,
    /// How many octets of the session were sealed when so many sealed ones had been made; the last ones.
    places: VecDeque<(u64, u64)>,
}

impl Sealed {
    /// `given` octets of the session are sealed by now, the last ones in `sealed` octets.
    pub(super) fn note(&mut self, given: u64, sealed: usize) {
        self.octets += sealed as u64;
        match self.places.back_mut() {
            Some(last) if last.0 == given => last.1 = self.octets,
            _ => {
                if self.places.len() >= PLACES_MAX {
                    self.places.pop_front();
                }
                self.places.push_back((given, self.octets));
            }
        }
    }

    /// Of `given` octets, how many lie in records of which the last octets, and only such, are among the last `untouched` sealed
    /// ones or behind them.
    pub(super) fn unsent(&self, untouched: u64, given: u64) -> u64 {
        let touched = self.octets.saturating_sub(untouched);
        let seen = self.places.iter().find(|(_, sealed)| *sealed >= touched).map_or(given, |(given, _)| *given);
        if untouched == 0 { 0 } else { given.saturating_sub(seen) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_behind_the_last_record_that_may_have_left_is_unsent() {
        let mut sealed = Sealed::default();
        sealed.note(100, 120);
        sealed.note(300, 220);
        sealed.note(300, 0);
        sealed.note(900, 630);
        // Nothing is left, a part of the last one, all of it, a part of the one before.
        for (untouched, unsent) in
            [(0, 0), (1, 0), (629, 0), (630, 600), (631, 600), (849, 600), (850, 800), (969, 800), (970, 800)]
        {
            assert_eq!(sealed.unsent(untouched, 900), unsent, "{untouched}");
        }
        for n in 0..100 {
            sealed.note(1000 + n, 10);
        }
        assert!(sealed.places.len() <= PLACES_MAX);
        assert_eq!([0, 5, 25, 1_000_000].map(|untouched| sealed.unsent(untouched, 1099)), [0, 0, 2, 31]);
    }
}
