//! Whether exchangers are believed that bounce recipients for a reason that may be anybody's, before any site has taken a
//! message in this run.
//!
//! Each of them may mean its recipient; but where nobody takes anything it is likelier about the sender, or the letter. So
//! whoever is bounced like that waits for some seconds: sites that take the mailing show it in that time. Guarantees: one or two
//! such recipients bounce in the end, whatever becomes of others; several, who were refused again, hold the mailing and do not
//! bounce; bounded memory. Leaves to others: which bounces say nothing of a mailbox (`shape::classify`), smarthosts
//! (`shard::standing`), what is done then (`shard`).

use std::collections::HashMap;

/// So many recipients are refused again before it is about them all.
const AGAIN_MIN: usize = 3;
/// The refusal that is believed of one of fewer.
const BELIEVED_AT: u8 = 3;
/// Recipients that are remembered; others are tried again.
const ROWS_MAX: usize = 10_000;

/// What becomes of such a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubted {
    /// It waits, not for long.
    Waits,
    /// It bounces.
    Bounces,
    /// The mailing is held.
    Holds,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Doubts {
    /// How often each was refused.
    rows: HashMap<u32, u8>,
    /// How many were more than once.
    again: usize,
}

impl Doubts {
    /// An exchanger bounces this recipient.
    pub fn note(&mut self, row: u32) -> Doubted {
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&row) {
            return Doubted::Waits;
        }
        let count = self.rows.entry(row).or_default();
        *count = count.saturating_add(1);
        let count = *count;
        self.again += usize::from(count == 2);
        match (count, self.again) {
            (2.., AGAIN_MIN..) => Doubted::Holds,
            (BELIEVED_AT.., _) => Doubted::Bounces,
            _ => Doubted::Waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_bounce_the_third_time_and_the_third_who_is_refused_again_holds() {
        let mut doubts = Doubts::default();
        for round in 1..=3 {
            let expected = if round < 3 { Doubted::Waits } else { Doubted::Bounces };
            assert_eq!([1, 2].map(|row| doubts.note(row)), [expected; 2], "{round}");
        }
        let mut doubts = Doubts::default();
        (0..90).for_each(|row| assert_eq!(doubts.note(row), Doubted::Waits));
        assert_eq!(
            [7, 8, 9, 7].map(|row| doubts.note(row)),
            [Doubted::Waits, Doubted::Waits, Doubted::Holds, Doubted::Holds]
        );
    }

    #[test]
    fn whoever_is_beyond_its_memory_waits() {
        let mut doubts = Doubts::default();
        (0..ROWS_MAX as u32 + 5).for_each(|row| assert_eq!(doubts.note(row), Doubted::Waits));
        assert_eq!(doubts.rows.len(), ROWS_MAX);
    }
}
