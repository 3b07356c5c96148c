//! The brake: a list is not burnt by what no rule knows. When too many of the last outcomes are bounces, sending stops.
//!
//! Counted are the outcomes that servers gave: delivered and bounced. Rows that were refused without being sent
//! (rendering, size, a domain that takes no mail) say nothing of the sender, and do not count. A window begins anew with
//! each run. Guarantees: bounded memory; never holds for fewer outcomes than [`SAMPLE_MIN`] ([`SITE_SAMPLE_MIN`] at one
//! site), so that a test list of a few rows runs to its end whatever becomes of it.
//! Leaves to others: what is held then (`held`, `shard`).

use std::collections::{HashMap, VecDeque};

/// Outcomes that are looked at.
pub const LAST: usize = 500;
/// The fewest outcomes of a campaign that say something.
pub const SAMPLE_MIN: u32 = 100;
/// The fewest outcomes of one site.
pub const SITE_SAMPLE_MIN: u32 = 50;
/// Replies that are told apart.
const REPLIES_MAX: usize = 256;

/// The last outcomes, and what the bounces among them said.
#[derive(Debug, Default)]
pub struct Brake {
    /// 0: delivered; else the number of its reply, from 1.
    last: VecDeque<u16>,
    bounced: u32,
    numbers: HashMap<Box<str>, u16>,
    /// How many of the last ones said so, by number.
    counts: Vec<(Box<str>, u32)>,
}

/// Too many are bounces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// So many bounced…
    pub bounced: u32,
    /// …of so many.
    pub of: u32,
    /// The most frequent reply, and how many of the bounced were told it.
    pub reply: (Box<str>, u32),
}

impl Brake {
    /// Counts outcomes; says so if more than the share `max` of the last ones are bounces.
    pub fn count(&mut self, delivered: u32, bounces: &[Box<str>], max: f64) -> Option<Excess> {
        for _ in 0..(delivered as usize).min(LAST) {
            self.push(0);
        }
        for reply in bounces {
            let number = self.number(reply);
            self.push(number);
        }
        let of = u32::try_from(self.last.len()).unwrap_or(u32::MAX);
        let exceeds = of >= SAMPLE_MIN && f64::from(self.bounced) > max * f64::from(of);
        exceeds.then(|| {
            let reply = self.counts.iter().max_by_key(|(_, count)| *count).cloned().unwrap_or_default();
            Excess { bounced: self.bounced, of, reply }
        })
    }

    fn number(&mut self, reply: &str) -> u16 {
        if let Some(&number) = self.numbers.get(reply) {
            return number;
        }
        let known = self.counts.len();
        if known < REPLIES_MAX {
            self.counts.push((reply.into(), 0));
            self.numbers.insert(reply.into(), known as u16 + 1);
            return known as u16 + 1;
        }
        // Where each is another, none is the most frequent.
        REPLIES_MAX as u16
    }

    fn push(&mut self, outcome: u16) {
        if self.last.len() >= LAST
            && let Some(first) = self.last.pop_front()
        {
            self.bounced -= u32::from(first > 0);
            if let Some((_, count)) = self.counts.get_mut(usize::from(first).wrapping_sub(1)) {
                *count -= 1;
            }
        }
        self.last.push_back(outcome);
        self.bounced += u32::from(outcome > 0);
        if let Some((_, count)) = self.counts.get_mut(usize::from(outcome).wrapping_sub(1)) {
            *count += 1;
        }
    }
}

/// The same for one of very many sites: the outcomes of the last one or two halves of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteBrake {
    /// Outcomes, and how many of them bounced: of the half before, and of this one.
    before: (u16, u16),
    now: (u16, u16),
}

impl SiteBrake {
    /// Counts outcomes; how many bounced, and of how many, if that is more than the share `max`.
    pub fn count(&mut self, delivered: u32, bounced: u32, max: f64) -> Option<(u32, u32)> {
        let half = |n: u32| n.min(LAST as u32 / 2) as u16;
        self.now.0 = self.now.0.saturating_add(half(delivered.saturating_add(bounced)));
        self.now.1 = self.now.1.saturating_add(half(bounced));
        let of = u32::from(self.before.0) + u32::from(self.now.0);
        let bounced = u32::from(self.before.1) + u32::from(self.now.1);
        if usize::from(self.now.0) >= LAST / 2 {
            (self.before, self.now) = (self.now, (0, 0));
        }
        (of >= SITE_SAMPLE_MIN && f64::from(bounced) > max * f64::from(of)).then_some((bounced, of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounces(count: usize, reply: &str) -> Vec<Box<str>> {
        vec![reply.into(); count]
    }

    #[test]
    fn a_few_outcomes_say_nothing_and_more_than_the_share_of_the_last_ones_does() {
        let mut brake = Brake::default();
        assert_eq!(brake.count(0, &bounces(99, "550 a"), 0.2), None, "a test list");
        assert_eq!(brake.count(0, &bounces(1, "550 b"), 0.2).unwrap().of, 100);
        let mut brake = Brake::default();
        assert_eq!(brake.count(400, &bounces(100, "550 a"), 0.2), None, "just as many as may be");
        let excess = brake.count(0, &bounces(1, "550 b"), 0.2).unwrap();
        assert_eq!(excess, Excess { bounced: 101, of: 500, reply: ("550 a".into(), 100) });
        assert_eq!(brake.count(0, &[], 1.0), None, "all of them may be");
    }

    #[test]
    fn what_is_long_past_counts_no_more() {
        let mut brake = Brake::default();
        brake.count(80, &bounces(20, "550 a"), 0.5);
        assert_eq!(brake.count(1_000_000, &[], 0.0), None);
        assert_eq!(brake.count(0, &bounces(1, "550 c"), 0.0).unwrap().reply, ("550 c".into(), 1));
    }

    #[test]
    fn as_many_replies_as_there_are_recipients_are_bounded() {
        let mut brake = Brake::default();
        for n in 0..5000 {
            brake.count(0, &bounces(1, &format!("550 {n}")), 1.0);
        }
        assert!(brake.counts.len() <= REPLIES_MAX && brake.last.len() == LAST);
        assert_eq!(brake.counts.iter().map(|(_, count)| count).sum::<u32>(), LAST as u32);
        assert_eq!(brake.bounced, LAST as u32);
    }

    #[test]
    fn a_site_is_judged_by_its_own_last_outcomes() {
        let mut site = SiteBrake::default();
        assert_eq!(site.count(0, 49, 0.2), None);
        assert_eq!(site.count(0, 1, 0.2), Some((50, 50)));
        let mut site = SiteBrake::default();
        for _ in 0..10 {
            assert_eq!(site.count(80, 20, 0.2), None);
        }
        assert!(site.count(0, 200, 0.2).is_some());
        for _ in 0..10 {
            site.count(100, 0, 0.2);
        }
        assert_eq!(site.count(0, 1, 0.2), None);
    }
}
