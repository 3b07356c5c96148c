//! What hosts taught: kept for the next session with each, over all shards and over restarts.
//!
//! Guarantees: at most [`HOSTS_MAX`] hosts are held, the one that taught first goes first; a lesson is forgotten
//! [`KEPT`] after it was last confirmed (a broken STARTTLS after [`KEPT_STARTTLS`]), so that a server that was mended
//! is treated as mended; reading takes no lock that a writer of another host holds. A host is a name and a port: what
//! the servers behind one name can do is taken to be the same.
//! Leaves to others: what a lesson is, and what a session makes of it (`smtp::client`); the file (`file`).

mod file;

pub use file::{Keeper, open};

use dashmap::DashMap;
use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::UnixTime;
use crate::smtp::client::{Known, Lesson};

/// No more hosts are held.
pub const HOSTS_MAX: usize = 65_536;
/// How long a lesson is believed.
pub const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How long a host whose STARTTLS failed is spoken to in clear text, where policy allows that: no longer than a
/// certificate takes to be renewed.
pub const KEPT_STARTTLS: Duration = Duration::from_secs(86_400);
/// How long it is believed that a host takes no larger messages than it said: recipients are refused for it.
pub const KEPT_SIZE: Duration = Duration::from_secs(3600);
/// A lesson that is confirmed again is written anew no more often than this.
const CONFIRMED_EACH: Duration = Duration::from_secs(3600);

/// A server, by the name of its exchanger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// The exchanger's name, in lower case, or its address literal.
    pub name: Arc<str>,
    /// The port.
    pub port: u16,
}

/// A lesson and the second in which it was last learnt.
type Learnt = (Lesson, UnixTime);

/// See the head of this file.
#[derive(Debug)]
pub struct Memory {
    /// Each with one lesson of a kind at most.
    hosts: DashMap<Host, Vec<Learnt>>,
    /// Hosts, in the order in which they came. One that was forgotten is still listed until it is its turn.
    order: Mutex<VecDeque<Host>>,
    /// Octets of a message that a host takes at most, where that was too little. Not written down.
    sizes: DashMap<Host, (u64, UnixTime)>,
    has_sizes: AtomicBool,
    hosts_max: usize,
    /// Whether there is something that the file does not have.
    changed: AtomicBool,
}

impl Default for Memory {
    fn default() -> Self {
        Self::bounded(HOSTS_MAX)
    }
}

impl Memory {
    fn bounded(hosts_max: usize) -> Self {
        Self {
            hosts: DashMap::new(),
            order: Mutex::new(VecDeque::new()),
            sizes: DashMap::new(),
            has_sizes: AtomicBool::new(false),
            hosts_max: hosts_max.max(1),
            changed: AtomicBool::new(false),
        }
    }

    /// What the next session with `host` should know.
    #[must_use]
    pub fn known(&self, host: &Host, now: UnixTime) -> Known {
        let mut known = Known::default();
        if let Some(lessons) = self.hosts.get(host) {
            for (lesson, _) in lessons.iter().filter(|learnt| is_kept(learnt, now)) {
                known.learn(lesson);
            }
        }
        known
    }

    /// Keeps what a session with `host` found out; whether it was new.
    pub fn learn(&self, host: &Host, lesson: Lesson, now: UnixTime) -> bool {
        if let Some(lessons) = self.hosts.get(host)
            && lessons.iter().any(|learnt| is_confirmed(learnt, &lesson, now))
        {
            return false;
        }
        let new = self.known(host, now).learn(&lesson);
        if let Some(mut lessons) = self.hosts.get_mut(host) {
            enter(&mut lessons, (lesson, now), new);
            self.changed.store(true, Ordering::Relaxed);
        } else if new {
            self.hosts.insert(host.clone(), vec![(lesson, now)]);
            self.changed.store(true, Ordering::Relaxed);
            self.make_room(host);
        }
        new
    }

    /// Forgets those lessons of `host` that `which` is true of: it has shown that they hold no longer.
    pub fn forget(&self, host: &Host, which: impl Fn(&Lesson) -> bool) {
        let Some(mut lessons) = self.hosts.get_mut(host) else { return };
        let before = lessons.len();
        lessons.retain(|(lesson, _)| !which(lesson));
        if lessons.len() < before {
            self.changed.store(true, Ordering::Relaxed);
        }
    }

    /// Keeps the size (RFC 1870) of the largest message that `host` takes.
    pub fn learn_size(&self, host: &Host, octets: u64, now: UnixTime) {
        if self.sizes.len() >= self.hosts_max {
            // They are worth an hour each: that so many hosts are too small for a campaign is no case to be clever in.
            self.sizes.clear();
        }
        self.sizes.insert(host.clone(), (octets, now));
        self.has_sizes.store(true, Ordering::Relaxed);
    }

    /// What [`Memory::learn_size`] was told of `host` lately.
    #[must_use]
    pub fn size(&self, host: &Host, now: UnixTime) -> Option<u64> {
        let entry = self.sizes.get(host)?;
        let (octets, at) = *entry;
        (u64::from(now.0.saturating_sub(at.0)) < KEPT_SIZE.as_secs()).then_some(octets)
    }

    /// Whether the size of any host was kept.
    #[must_use]
    pub fn has_sizes(&self) -> bool {
        self.has_sizes.load(Ordering::Relaxed)
    }

    /// Lists a new host, and drops those that came first while there are too many.
    fn make_room(&self, host: &Host) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.push_back(host.clone());
        while order.len() > self.hosts_max
            && let Some(oldest) = order.pop_front()
        {
            self.hosts.remove(&oldest);
        }
    }

    /// Hosts held now.
    #[must_use]
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Forgets what has had its time, and gives the rest, in the order in which the hosts came.
    fn kept(&self, now: UnixTime) -> Vec<(Host, Vec<Learnt>)> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.retain(|host| {
            if let Some(mut lessons) = self.hosts.get_mut(host) {
                lessons.retain(|learnt| is_kept(learnt, now));
            }
            self.hosts.remove_if(host, |_, lessons| lessons.is_empty());
            self.hosts.contains_key(host)
        });
        order.iter().filter_map(|host| Some((host.clone(), self.hosts.get(host)?.clone()))).collect()
    }
}

/// Whether `learnt` is `lesson`, and recent enough to be left as it is.
fn is_confirmed((known, at): &Learnt, lesson: &Lesson, now: UnixTime) -> bool {
    known == lesson && u64::from(now.0.saturating_sub(at.0)) < CONFIRMED_EACH.as_secs()
}

fn is_kept((lesson, at): &Learnt, now: UnixTime) -> bool {
    let kept = if *lesson == Lesson::StarttlsBroken { KEPT_STARTTLS } else { KEPT };
    u64::from(now.0.saturating_sub(at.0)) < kept.as_secs()
}

/// Puts a lesson in the place of what was known of its kind. One that teaches nothing new (`new`) and is not the one
/// that is known (a higher limit, say) changes nothing.
fn enter(lessons: &mut Vec<Learnt>, learnt: Learnt, new: bool) {
    let (lesson, now) = learnt;
    let same_kind = |(known, _): &Learnt| discriminant(known) == discriminant(&lesson);
    match lessons.iter_mut().find(|known| same_kind(known)) {
        Some(known) if new || known.0 == lesson => *known = (lesson, now),
        Some(_) => {}
        None if new => lessons.push(learnt),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Host {
        Host { name: name.into(), port: 25 }
    }

    const DAY: u32 = 86_400;

    #[test]
    fn what_a_host_taught_is_known_to_the_next_session_with_it_and_with_no_other() {
        let memory = Memory::default();
        let (mx, now) = (host("mx.example"), UnixTime(1_000));
        assert!(memory.learn(&mx, Lesson::PipeliningBroken, now));
        assert!(!memory.learn(&mx, Lesson::PipeliningBroken, now), "it is known");
        assert!(memory.learn(&mx, Lesson::RecipientsMax(50), now));
        assert!(!memory.learn(&mx, Lesson::RecipientsMax(80), now), "a limit only falls");
        assert!(memory.learn(&mx, Lesson::RecipientsMax(20), now));
        let known = memory.known(&mx, now);
        assert_eq!((known.pipelining_broken, known.recipients_max), (true, Some(20)));
        assert_eq!(memory.known(&host("other.example"), now), Known::default());
        assert_eq!(memory.known(&Host { port: 587, ..mx }, now), Known::default(), "another port is another server");
    }

    #[test]
    fn each_lesson_is_forgotten_after_its_time_unless_it_is_confirmed() {
        let memory = Memory::default();
        let mx = host("mx.example");
        memory.learn(&mx, Lesson::StarttlsBroken, UnixTime(0));
        memory.learn(&mx, Lesson::ChunkingBroken, UnixTime(0));
        memory.learn(&mx, Lesson::TransactionsMax(10), UnixTime(0));
        let known = |at| memory.known(&mx, UnixTime(at));
        assert!(known(DAY - 1).starttls_broken && !known(DAY).starttls_broken);
        memory.learn(&mx, Lesson::ChunkingBroken, UnixTime(3 * DAY));
        assert_eq!(known(7 * DAY - 1).transactions_max, Some(10));
        assert_eq!((known(7 * DAY).transactions_max, known(7 * DAY).chunking_broken), (None, true));
        assert!(!known(10 * DAY).chunking_broken);
        // A limit may rise once the old one is forgotten.
        assert!(memory.learn(&mx, Lesson::TransactionsMax(100), UnixTime(8 * DAY)));
        assert_eq!(known(8 * DAY).transactions_max, Some(100));
        assert!(memory.kept(UnixTime(20 * DAY)).is_empty() && memory.hosts() == 0, "nothing is held for nothing");
    }

    #[test]
    fn a_lesson_that_holds_no_longer_is_forgotten_alone_and_can_be_learnt_again() {
        let (memory, mx, now) = (Memory::default(), host("mx.example"), UnixTime(0));
        for lesson in [Lesson::StarttlsBroken, Lesson::EhloRefused, Lesson::EhloClosed(true), Lesson::ChunkingBroken] {
            memory.learn(&mx, lesson, now);
        }
        memory.changed.store(false, Ordering::Relaxed);
        memory.forget(&host("other.example"), Lesson::keeps_tls_away);
        memory.forget(&mx, |lesson| *lesson == Lesson::PipeliningBroken);
        assert!(memory.known(&mx, now).keeps_tls_away() && !memory.changed.load(Ordering::Relaxed));
        memory.forget(&mx, Lesson::keeps_tls_away);
        assert_eq!(memory.known(&mx, now), Known { chunking_broken: true, ..Known::default() });
        assert!(memory.changed.load(Ordering::Relaxed), "the file has to be told");
        assert!(memory.learn(&mx, Lesson::StarttlsBroken, now) && memory.known(&mx, now).starttls_broken);
    }

    #[test]
    fn the_host_that_came_first_goes_first() {
        let memory = Memory::bounded(3);
        for n in 0..10 {
            memory.learn(&host(&format!("mx{n}.example")), Lesson::EhloRefused, UnixTime(n));
        }
        assert_eq!(memory.hosts(), 3);
        assert!(memory.known(&host("mx9.example"), UnixTime(10)).ehlo_refused);
        assert!(!memory.known(&host("mx6.example"), UnixTime(10)).ehlo_refused);
    }

    #[test]
    fn a_size_is_believed_for_an_hour_and_no_more_are_kept_than_hosts() {
        let memory = Memory::bounded(2);
        assert!(!memory.has_sizes());
        memory.learn_size(&host("a.example"), 1000, UnixTime(0));
        assert_eq!(memory.size(&host("a.example"), UnixTime(3599)), Some(1000));
        assert_eq!(memory.size(&host("a.example"), UnixTime(3600)), None);
        assert_eq!(memory.size(&host("b.example"), UnixTime(0)), None);
        for n in 0..9 {
            memory.learn_size(&host(&format!("mx{n}.example")), n, UnixTime(0));
            assert!(memory.has_sizes() && memory.sizes.len() <= 2);
        }
    }

    #[test]
    fn what_is_offered_no_longer_is_unlearnt() {
        let memory = Memory::default();
        let (mx, now) = (host("mx.example"), UnixTime(0));
        let offers = crate::smtp::capabilities::Capabilities { pipelining: true, ..Default::default() };
        assert!(memory.learn(&mx, Lesson::Early(Some(offers)), now));
        assert_eq!(memory.known(&mx, now).early, Some(offers));
        assert!(memory.learn(&mx, Lesson::Early(None), now));
        assert_eq!(memory.known(&mx, now).early, None);
    }
}
