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
        // What is sealed behind them (an alert, a key) holds none of the session's.
        if self.places.back().is_none_or(|last| last.0 != given) {
            if self.places.len() >= PLACES_MAX {
                self.places.pop_front();
            }
            self.places.push_back((given, self.octets));
        }
    }

    /// Of `given` octets, how many lie in records that are not whole without the last `untouched` sealed octets. Where one record
    /// ends and the next begins is not known: of what was sealed together, and is there in part, only the last octet is told.
    pub(super) fn unsent(&self, untouched: u64, given: u64) -> u64 {
        let touched = self.octets.saturating_sub(untouched);
        let Some(at) = self.places.iter().position(|(_, sealed)| *sealed > touched) else { return 0 };
        let before = at.checked_sub(1).and_then(|before| self.places.get(before));
        match (before, self.places.get(at)) {
            (Some((seen, sealed)), _) if *sealed == touched => given.saturating_sub(*seen),
            (_, Some((last, _))) => given.saturating_sub(*last) + 1,
            (_, None) => 0,
        }
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
            [(0, 0), (1, 1), (629, 1), (630, 600), (631, 601), (849, 601), (850, 800), (851, 801), (970, 801)]
        {
            assert_eq!(sealed.unsent(untouched, 900), unsent, "{untouched}");
        }
        for n in 0..100 {
            sealed.note(1000 + n, 10);
        }
        assert!(sealed.places.len() <= PLACES_MAX);
        assert_eq!([0, 5, 25, 1_000_000].map(|untouched| sealed.unsent(untouched, 1099)), [0, 1, 3, 32]);
    }
}
