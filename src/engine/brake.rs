//! The brake: a list is not burnt by what no rule knows. When too many of the last outcomes are bounces, sending stops.
//!
//! Counted are the outcomes that servers gave, delivered and bounced, and the rows that no server would take for their size.
//! Those of a domain that takes no mail say nothing of a server, and are counted by themselves (`denials`); those for whom no message could be made
//! count among those for whom one could. A window begins anew with each run. Guarantees: bounded memory; never holds for
//! fewer outcomes than [`SAMPLE_MIN`] ([`SITE_SAMPLE_MIN`] at one site), so that a test list of a few rows runs to its end
//! whatever becomes of it.
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
/// The number of all others.
const OTHERS: u16 = u16::MAX;
/// Replies of one site that are told apart, and octets that are kept of each.
const SITE_REPLIES_MAX: usize = 8;
/// See above.
const SITE_REPLY_OCTETS: usize = 512;

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
    ///
    /// In which order they came is not known: the bounces count as spread among the deliveries.
    pub fn count(&mut self, delivered: u32, bounces: &[Box<str>], max: f64) -> Option<Excess> {
        let delivered = delivered as usize;
        // Whatever comes before the last ones of them is pushed out again by these.
        let skipped = (delivered + bounces.len()).saturating_sub(LAST);
        let mut pushed = 0;
        for (index, reply) in bounces.iter().enumerate() {
            let before = delivered * (index + 1) / (bounces.len() + 1);
            (skipped.max(pushed + index)..before + index).for_each(|_| self.push(0));
            pushed = before;
            if before + index >= skipped {
                let number = self.number(reply);
                self.push(number);
            }
        }
        (skipped.max(pushed + bounces.len())..delivered + bounces.len()).for_each(|_| self.push(0));
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
        if self.counts.len() < REPLIES_MAX {
            self.counts.push((reply.into(), 0));
            let number = self.counts.len() as u16;
            self.numbers.insert(reply.into(), number);
            return number;
        }
        // One that none of the last ones was told makes room. Where each is told another, none is the most frequent.
        let Some((number, (unused, _))) = (1..).zip(&mut self.counts).find(|(_, (_, count))| *count == 0) else {
            return OTHERS;
        };
        self.numbers.remove(unused);
        *unused = reply.into();
        self.numbers.insert(reply.into(), number);
        number
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

/// The same for one of very many sites: the outcomes of the last one or two halves of a window. Nothing is kept of replies
/// where nobody bounces, and little where many do.
#[derive(Clone, Debug, Default)]
pub struct SiteBrake {
    /// Outcomes, and how many of them bounced: of the half before, and of this one.
    before: (u16, u16),
    now: (u16, u16),
    /// What the bounced were told.
    said: Vec<Said>,
}

/// A reply, and how many of the half before and of this one were told it.
#[derive(Clone, Debug)]
struct Said {
    reply: Box<str>,
    before: u16,
    now: u16,
}

impl Said {
    fn count(&self) -> u32 {
        u32::from(self.before) + u32::from(self.now)
    }
}

impl SiteBrake {
    /// Counts outcomes; says so if more than the share `max` of the last ones are bounces.
    pub fn count(&mut self, delivered: u32, bounces: &[Box<str>], max: f64) -> Option<Excess> {
        let all = delivered as usize + bounces.len();
        // More than a half holds are one half, of which the same share bounced.
        let of = all.min(LAST / 2);
        let bounced = bounces.len() * of / all.max(1);
        self.now.0 = self.now.0.saturating_add(of as u16);
        self.now.1 = self.now.1.saturating_add(bounced as u16);
        bounces.iter().take(bounced).for_each(|reply| self.hear(reply));
        let of = u32::from(self.before.0) + u32::from(self.now.0);
        let bounced = u32::from(self.before.1) + u32::from(self.now.1);
        let exceeds = of >= SITE_SAMPLE_MIN && f64::from(bounced) > max * f64::from(of);
        let excess = exceeds.then(|| Excess { bounced, of, reply: self.most_frequent() });
        if usize::from(self.now.0) >= LAST / 2 {
            (self.before, self.now) = (self.now, (0, 0));
            self.said.iter_mut().for_each(|said| (said.before, said.now) = (said.now, 0));
            self.said.retain(|said| said.before > 0);
        }
        excess
    }

    fn hear(&mut self, reply: &str) {
        let fits = (0..=SITE_REPLY_OCTETS.min(reply.len())).rev().find(|&at| reply.is_char_boundary(at));
        let reply = fits.and_then(|at| reply.get(..at)).unwrap_or_default();
        if let Some(said) = self.said.iter_mut().find(|said| &*said.reply == reply) {
            said.now += 1;
            return;
        }
        if self.said.len() >= SITE_REPLIES_MAX {
            // The oldest that came once makes room: one that comes again and again stays, among any number of others.
            let Some(once) = self.said.iter().position(|said| said.count() == 1) else { return };
            self.said.remove(once);
        }
        self.said.push(Said { reply: reply.into(), before: 0, now: 1 });
    }

    fn most_frequent(&self) -> (Box<str>, u32) {
        let most = self.said.iter().max_by_key(|said| said.count());
        most.map(|said| (said.reply.clone(), said.count())).unwrap_or_default()
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
    fn many_outcomes_at_once_are_judged_by_the_share_that_they_have() {
        assert_eq!(Brake::default().count(2000, &bounces(110, "550 a"), 0.2), None, "5 %");
        assert_eq!(Brake::default().count(2000, &bounces(110, "550 a"), 0.06), None, "5 %");
        let excess = Brake::default().count(2000, &bounces(600, "550 a"), 0.2).unwrap();
        assert!(excess.of == 500 && (114..118).contains(&excess.bounced), "23 %: {excess:?}");
        assert_eq!(Brake::default().count(3, &bounces(1000, "550 a"), 0.2).unwrap().of, 500);
        assert_eq!(SiteBrake::default().count(400, &bounces(60, "550 a"), 0.2), None, "13 %");
        let excess = SiteBrake::default().count(400, &bounces(200, "550 a"), 0.2).unwrap();
        assert_eq!((excess.bounced, excess.of, excess.reply.1), (83, 250, 83), "33 %");
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
        assert!(brake.numbers.len() == brake.counts.len() && brake.counts.iter().all(|(_, count)| *count <= 1));
        assert_eq!(brake.bounced, LAST as u32);
    }

    #[test]
    fn the_reply_that_explains_most_is_named_whatever_came_before_it() {
        let mut brake = Brake::default();
        for n in 0..600 {
            brake.count(10, &bounces(1, &format!("550 {n}")), 0.2);
        }
        let excess = brake.count(0, &bounces(200, "550 blocked"), 0.2).unwrap();
        assert_eq!(excess.reply, ("550 blocked".into(), 200));
        let mut site = SiteBrake::default();
        for n in 0..600 {
            site.count(10, &bounces(1, &format!("550 {n}")), 0.2);
        }
        let mixed =
            |n: usize| if n.is_multiple_of(4) { "550 blocked".to_owned() } else { format!("550 no such user {n}") };
        let excess = (0..200).find_map(|n| site.count(0, &bounces(1, &mixed(n)), 0.3)).unwrap();
        assert!(&*excess.reply.0 == "550 blocked" && excess.reply.1 > excess.bounced / 8, "{excess:?}");
        assert!(site.said.len() <= SITE_REPLIES_MAX);
    }

    #[test]
    fn a_site_is_judged_by_its_own_last_outcomes() {
        let mut site = SiteBrake::default();
        assert_eq!(site.count(0, &bounces(48, "550 a"), 0.2), None);
        assert_eq!(site.count(0, &bounces(1, "550 b"), 0.2), None);
        let excess = site.count(0, &bounces(1, "550 b"), 0.2);
        assert_eq!(excess, Some(Excess { bounced: 50, of: 50, reply: ("550 a".into(), 48) }), "not the last one");
        let mut site = SiteBrake::default();
        for _ in 0..10 {
            assert_eq!(site.count(80, &bounces(20, "550 a"), 0.2), None);
        }
        assert_eq!(site.count(0, &bounces(200, "550 c"), 0.2).unwrap().reply, ("550 c".into(), 200));
        for _ in 0..10 {
            site.count(100, &[], 0.0);
        }
        assert_eq!(site.count(0, &bounces(1, "550 a"), 0.2), None);
        assert_eq!(site.said.len(), 1, "what is long past is forgotten");
    }

    #[test]
    fn a_long_reply_of_a_site_is_cut() {
        let mut site = SiteBrake::default();
        let excess = site.count(0, &bounces(50, &"é".repeat(4000)), 0.2).unwrap();
        assert_eq!(excess.reply, ("é".repeat(SITE_REPLY_OCTETS / 2).into(), 50));
    }
}
