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
#[derive(Default)]
pub(super) struct Pasts(HashMap<u32, Past>);

const _: () = assert!(size_of::<(u32, Past)>() == 16);

impl Pasts {
    /// Takes over what is known of a row.
    pub(super) fn put(&mut self, row: u32, past: Past) {
        self.0.insert(row, past);
    }

    pub(super) fn get(&self, row: u32) -> Option<Past> {
        self.0.get(&row).copied()
    }

    /// An attempt that is to be followed by another one had its outcome; `first` is when the row's first attempt began, if
    /// nothing is known of it yet.
    pub(super) fn tried(&mut self, row: u32, first: UnixTime, at: UnixTime, context: u32) {
        let past = self.0.entry(row).or_insert(Past { first, ..Past::default() });
        (past.tried, past.context) = (at, context);
    }

    /// The row is done, or is another shard's.
    pub(super) fn take(&mut self, row: u32) -> Option<Past> {
        let past = self.0.remove(&row)?;
        if self.0.capacity() > KEPT_MIN && self.0.len() < self.0.capacity() / 8 {
            self.0.shrink_to(self.0.len() * 2);
        }
        Some(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_stays_and_what_is_done_takes_no_room() {
        let mut pasts = Pasts::default();
        for row in 0..100_000 {
            pasts.tried(row, UnixTime(5), UnixTime(6), 1);
            pasts.tried(row, UnixTime(50), UnixTime(60), 2);
        }
        let past = Past { first: UnixTime(5), tried: UnixTime(60), context: 2 };
        assert_eq!(pasts.get(7), Some(past));
        for row in 0..100_000 {
            assert_eq!(pasts.take(row), Some(past));
        }
        assert_eq!((pasts.take(7), pasts.0.len()), (None, 0));
        assert!(pasts.0.capacity() <= 2 * KEPT_MIN, "{}", pasts.0.capacity());
    }
}
