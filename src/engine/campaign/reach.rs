//! Whom a run of a campaign may send to, where that is not everybody who waits.
//!
//! Guarantees: whoever is beyond the reach keeps the standing that the journal tells, and is counted as waiting (G2). Leaves
//! to others: who is chosen, and why.

use super::Campaign;
use crate::mail::Disposition;

/// Those who wait and are not sent to in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// How many they are.
    pub waiting: u64,
    /// Those of them who were tried before.
    pub tried: u64,
}

impl Campaign {
    /// Whether this recipient is still to be sent to, in this run or a later one.
    #[must_use]
    pub fn is_open(&self, row: u32) -> bool {
        let open = [Disposition::Waiting, Disposition::Deferred, Disposition::InFlight];
        let stands = self.state.get(row).is_some_and(|standing| open.contains(&standing.disposition));
        stands && self.withdrawn.binary_search(&row).is_err()
    }

    /// Whether this run leaves the recipient alone.
    #[must_use]
    pub fn is_beyond(&self, row: u32) -> bool {
        self.reach.as_ref().is_some_and(|rows| rows.binary_search(&row).is_err())
    }

    /// Who waits and is beyond the reach.
    #[must_use]
    pub fn withheld(&self) -> Withheld {
        let mut withheld = Withheld::default();
        if self.reach.is_none() {
            return withheld;
        }
        for (row, standing) in (0..).zip(self.state.standings()) {
            if self.is_open(row) && self.is_beyond(row) {
                withheld.waiting += 1;
                withheld.tried += u64::from(standing.attempts > 0);
            }
        }
        withheld
    }
}
