//! What the resolver denies, and whether it is believed: a resolver that goes wrong (its way to the world is gone, a portal
//! answers in its place) denies everything, and a list must not be burnt by that.
//!
//! Denied is a domain that has no way for mail by our own word: it does not exist, has no exchanger, takes no mail, leads
//! nowhere or back here. Guarantees: while no domain of a run was found nobody bounces for a denial, but for one or two
//! domains with which a short list ends; three or more that are all there is hold the mailing. Afterwards a row of
//! [`ROW_MAX`] denied domains, or a share of the last ones that is above `max_bounced` or [`DOUBTED_SHARE`], is believed only
//! once domains that were found before are found again, past every cache; whoever is denied meanwhile waits, and is looked up
//! again. More than `max_bounced` of all whom a run has to send to holds it, however sure the denials are. How many may
//! bounce says nothing of the resolver: all but that last one stands whatever `max_bounced` is. Bounded memory.
//! Leaves to others: asking, waiting and bouncing (`shard`), and the words (`held`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::brake::{Brake, LAST, SAMPLE_MIN};

/// So many domains that are denied one after the other are not believed unseen.
pub const ROW_MAX: u32 = 10;
/// More of the last recipients than this have a domain that is denied: it is not believed unseen, however many may bounce.
pub const DOUBTED_SHARE: f64 = 0.2;
/// How long the recipients of a domain wait that is denied and not believed to be, before it is looked up again.
pub const DOUBT_REST: Duration = Duration::from_secs(1);
/// Where nothing is found, the fewest domains that say something of the resolver, instead of themselves.
const DOMAINS_MIN: usize = 3;
/// So often a domain is looked up where nothing is found, before it is believed, or holds the mailing.
const TIMES: u32 = 3;
/// The same, though others are still looked up, or the list is still being read.
const TIMES_MAX: u32 = 60;
/// Where nothing is found, so many domains are looked up, and no more.
const DOUBTED_MAX: usize = 500;
/// Domains that are kept because they were found, and those of them that are looked up again.
const KNOWN_MAX: usize = 8;
/// See above.
const ASKED: usize = 3;
/// So often in a row nobody can say whether the known ones are there, before the mailing is held for it.
const UNSURE_MAX: u32 = 5;
/// Domains in doubt that are told apart; replies that are.
const NAMES_MAX: usize = 10_000;
/// See above.
const REPLIES_MAX: usize = 64;

/// What becomes of the recipients of a domain that is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belief {
    /// They bounce.
    Bounces,
    /// They wait for [`DOUBT_REST`]; these domains are to be looked up now, past every cache.
    Waits(Vec<Arc<str>>),
    /// The mailing is held.
    Holds(Denied),
}

/// Why the resolver is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// What it did.
    pub why: Why,
    /// Its most frequent answer, without the domain's name.
    pub reply: Box<str>,
}

/// See [`Denied`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It denies so many domains, and nothing was found.
    Everything(usize),
    /// It denies so many of so many domains that it found before.
    Known(u32, u32),
    /// It denies domain after domain, and has no answer for those that it found before.
    Unsure,
    /// So many of so many recipients have a domain that it denies.
    Share(u64, u64),
}

/// A domain that is denied.
#[derive(Clone, Copy, Debug)]
pub struct Denial<'a> {
    /// Its name.
    pub name: &'a Arc<str>,
    /// Who waits for it.
    pub recipients: u64,
    /// What they are to be told.
    pub reply: &'a str,
    /// The whole list is loaded.
    pub is_loaded: bool,
    /// The share that may bounce.
    pub max: f64,
}

/// Domains found before that are looked up again.
#[derive(Clone, Copy, Debug, Default)]
struct Check {
    asked: u32,
    found: u32,
    denied: u32,
    failed: u32,
}

/// See the head of this file; of one run.
#[derive(Debug, Default)]
pub struct Denials {
    /// Domains that are looked up for the first time just now.
    open: u64,
    /// Recipients of this run.
    offered: u64,
    /// Domains that were found, the newest last.
    known: VecDeque<Arc<str>>,
    /// Where nothing was found: how often each was denied, and its recipients.
    nothing: HashMap<Arc<str>, (u32, u64)>,
    /// Domains denied since one was found.
    row: u32,
    /// The recipients of those looked up last.
    brake: Brake,
    check: Option<Check>,
    unsure: u32,
    /// Denied while it was not sure whether that is so; and those of whom it is since.
    doubted: HashSet<Arc<str>>,
    believed: HashSet<Arc<str>>,
    bounced: u64,
    said: HashMap<Box<str>, u32>,
    holds: Option<Denied>,
}

impl Denials {
    /// Recipients came that are to be sent to in this run.
    pub fn offer(&mut self, recipients: u64) {
        self.offered += recipients;
    }

    /// A domain is looked up that was not before.
    pub fn ask(&mut self) {
        self.open += 1;
    }

    /// One of these has an answer, whatever it is.
    pub fn answered(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// A domain was found, for so many recipients.
    pub fn found(&mut self, name: &Arc<str>, recipients: u64) {
        if self.known.len() >= KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(name.clone());
        self.nothing.clear();
        self.believed.remove(name);
        self.row = 0;
        self.brake.count(u32::try_from(recipients).unwrap_or(u32::MAX), &[], 1.0);
    }

    /// A domain is denied.
    pub fn denied(&mut self, denial: &Denial<'_>) -> Belief {
        self.hear(denial);
        if let Some(denied) = &self.holds {
            return Belief::Holds(denied.clone());
        }
        if self.known.is_empty() {
            return self.denied_as_all(denial);
        }
        if self.check.is_some() {
            return self.doubt(denial, Vec::new());
        }
        if !self.believed.remove(denial.name) {
            let bounces = vec![Box::default(); usize::try_from(denial.recipients).unwrap_or(LAST).min(LAST)];
            let excess = self.brake.count(0, &bounces, denial.max.min(DOUBTED_SHARE));
            self.row += 1;
            if self.row >= ROW_MAX || excess.is_some() {
                let asked: Vec<_> = self.known.iter().rev().take(ASKED).cloned().collect();
                self.check = Some(Check { asked: asked.len() as u32, ..Check::default() });
                return self.doubt(denial, asked);
            }
        }
        self.bounce(denial)
    }

    /// One of the domains that [`Belief::Waits`] named was looked up: found, denied, or nobody could say. Why the mailing is
    /// to be held, if it is.
    pub fn checked(&mut self, found: Option<bool>) -> Option<Denied> {
        let check = self.check.as_mut()?;
        match found {
            Some(true) => check.found += 1,
            Some(false) => check.denied += 1,
            None => check.failed += 1,
        }
        let Check { asked, found, denied, failed } = *check;
        if found + denied + failed < asked {
            return None;
        }
        self.check = None;
        if found + denied == 0 {
            self.unsure += 1;
            return (self.unsure >= UNSURE_MAX).then(|| self.hold(Why::Unsure));
        }
        if denied >= found {
            return Some(self.hold(Why::Known(denied, asked)));
        }
        (self.unsure, self.row, self.brake) = (0, 0, Brake::default());
        if self.believed.len() < NAMES_MAX {
            self.believed.extend(self.doubted.drain());
        }
        self.doubted.clear();
        None
    }

    /// Nothing was found in this run.
    fn denied_as_all(&mut self, denial: &Denial<'_>) -> Belief {
        let (times, recipients) = self.nothing.entry(denial.name.clone()).or_default();
        *times += 1;
        *recipients = denial.recipients;
        let is_last = *times >= TIMES && self.open == 0 && denial.is_loaded || *times >= TIMES_MAX;
        let domains = self.nothing.len();
        if !is_last && domains < DOUBTED_MAX {
            return Belief::Waits(Vec::new());
        }
        let recipients: u64 = self.nothing.values().map(|(_, recipients)| recipients).sum();
        if domains >= DOMAINS_MIN || recipients >= u64::from(SAMPLE_MIN) {
            return Belief::Holds(self.hold(Why::Everything(domains)));
        }
        self.bounced += denial.recipients;
        Belief::Bounces
    }

    fn doubt(&mut self, denial: &Denial<'_>, asked: Vec<Arc<str>>) -> Belief {
        if self.doubted.len() < NAMES_MAX {
            self.doubted.insert(denial.name.clone());
        }
        Belief::Waits(asked)
    }

    fn bounce(&mut self, denial: &Denial<'_>) -> Belief {
        let (bounced, of) = (self.bounced + denial.recipients, self.offered);
        if bounced >= u64::from(SAMPLE_MIN) && bounced as f64 > denial.max * of as f64 {
            return Belief::Holds(self.hold(Why::Share(bounced, of)));
        }
        self.bounced = bounced;
        Belief::Bounces
    }

    fn hold(&mut self, why: Why) -> Denied {
        let most = self.said.iter().max_by_key(|(_, count)| **count);
        let reply = most.map(|(reply, _)| reply.clone()).unwrap_or_default();
        self.holds.insert(Denied { why, reply }).clone()
    }

    /// All are told of another domain: what they have in common is of interest.
    fn hear(&mut self, denial: &Denial<'_>) {
        let Denial { name, reply, .. } = denial;
        let reply = reply.split(". hint: ").next().unwrap_or(reply);
        let reply = if name.contains('.') { reply.replace(&***name, "…") } else { reply.to_owned() };
        if let Some(count) = self.said.get_mut(reply.as_str()) {
            *count += 1;
        } else if self.said.len() < REPLIES_MAX {
            self.said.insert(reply.into(), 1);
        }
    }
}

#[cfg(test)]
mod tests;
