//! What a shard keeps of recipients that were tried and are to be tried again: since when their lifetime runs, and what
//! their last attempt came to.
//!
//! Guarantees: about 20 octets for each recipient that waits for its next attempt, nothing for those that were never tried
//! or are done. Leaves to others: the words behind a context (`journal::context`).

use hashbrown::HashMap;

use crate::base::clock::UnixTime;
use crate::engine::message::Past;

/// Below so many entries no memory is given back.
const KEPT_MIN: usize = 1024;

/// See the head of this file.
pub(super) struct Pasts {
    rows: HashMap<u32, Past>,
    /// No first attempt is earlier.
    oldest: UnixTime,
}

const _: () = assert!(size_of::<(u32, Past)>() == 16);

impl Pasts {
    pub(super) fn new() -> Self {
        Self { rows: HashMap::new(), oldest: UnixTime(u32::MAX) }
    }

    /// Takes over what is known of a row.
    pub(super) fn put(&mut self, row: u32, past: Past) {
        self.oldest = self.oldest.min(past.first);
        self.rows.insert(row, past);
    }

    pub(super) fn get(&self, row: u32) -> Option<Past> {
        self.rows.get(&row).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a first attempt may be as early as that. Looks at every row when it may be.
    pub(super) fn any_since(&mut self, until: UnixTime) -> bool {
        if self.oldest <= until {
            self.oldest = self.rows.values().map(|past| past.first).min().unwrap_or(UnixTime(u32::MAX));
        }
        self.oldest <= until
    }

    /// An attempt that is to be followed by another one had its outcome; `first` is when the row's first attempt began, if
    /// nothing is known of it yet.
    pub(super) fn tried(&mut self, row: u32, first: UnixTime, at: UnixTime, context: u32) {
        let past = self.rows.entry(row).or_insert(Past { first, ..Past::default() });
        self.oldest = self.oldest.min(past.first);
        (past.tried, past.context) = (at, context);
    }

    /// The row is done, or is another shard's.
    pub(super) fn take(&mut self, row: u32) -> Option<Past> {
        let past = self.rows.remove(&row)?;
        if self.rows.capacity() > KEPT_MIN && self.rows.len() < self.rows.capacity() / 8 {
            self.rows.shrink_to(self.rows.len() * 2);
        }
        Some(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_stays_and_what_is_done_takes_no_room() {
        let mut pasts = Pasts::new();
        for row in 0..100_000 {
            pasts.tried(row, UnixTime(5), UnixTime(6), 1);
            pasts.tried(row, UnixTime(50), UnixTime(60), 2);
        }
        let past = Past { first: UnixTime(5), tried: UnixTime(60), context: 2 };
        assert_eq!(pasts.get(7), Some(past));
        assert!(pasts.any_since(UnixTime(5)) && !pasts.any_since(UnixTime(4)));
        for row in 0..100_000 {
            assert_eq!(pasts.take(row), Some(past));
        }
        assert!(pasts.take(7).is_none() && pasts.is_empty() && !pasts.any_since(UnixTime(5)));
        assert!(pasts.rows.capacity() <= 2 * KEPT_MIN, "{}", pasts.rows.capacity());
    }
}
