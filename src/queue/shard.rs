//! The queue of one shard: putting rows in, saying where they go, scheduling them.

use super::domain::{Domain, NIL};
use super::fifo::Arena;
use super::site::Sites;
use super::{Batch, Counts, DomainId, SiteId, Taken};
use crate::base::clock::Instant;
use crate::base::wheel::Wheel;
use hashbrown::HashMap;
use std::collections::VecDeque;

/// Retries that one poll moves: what is due beyond it comes with the next poll, so a jump of time stalls nobody.
const POLL_MAX: usize = 65_536;

/// A retry in the wheel.
pub(super) struct Later {
    pub(super) slot: u32,
    pub(super) row: u32,
    pub(super) attempts: u16,
}

const _: () = assert!(size_of::<Later>() == 12);

/// Where a domain is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// It has rows: its slot.
    Live(u32),
    /// It has none, and belongs to the site in this slot.
    Drained(u32),
}

/// The rows of one shard that wait.
#[derive(Default)]
pub struct Queue {
    pub(super) places: HashMap<DomainId, Place>,
    pub(super) domains: Vec<Domain>,
    /// Slots in `domains` that hold none.
    free: Vec<u32>,
    pub(super) sites: Sites,
    pub(super) arena: Arena,
    pub(super) wheel: Wheel<Later>,
    /// Slots of the domains without a site, in no order.
    unrouted: Vec<u32>,
    /// Domains that became unrouted since they were last asked for.
    strays: VecDeque<DomainId>,
    due: Vec<Later>,
    pub(super) counts: Counts,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts fresh rows at the end of their domain's queue. Rows must not be in the queue already, and lie below
    /// `u32::MAX`.
    pub fn push_run(&mut self, domain: DomainId, first: u32, count: u32) {
        let count = count.min(u32::MAX - first);
        if count > 0 {
            let slot = self.slot(domain);
            self.domains[slot as usize].push(&mut self.arena, first, count);
            self.add_ready(slot, u64::from(count));
        }
    }

    /// Says to which site a domain belongs; moves it there with all its rows if it belonged to another.
    pub fn route(&mut self, domain: DomainId, site: SiteId) {
        let site = self.sites.slot(site);
        match self.places.get(&domain) {
            Some(Place::Live(slot)) => self.move_to(*slot, site),
            _ => drop(self.places.insert(domain, Place::Drained(site))),
        }
    }

    /// Takes a domain away from its site; its rows wait until it is routed again.
    pub fn unroute(&mut self, domain: DomainId) {
        match self.places.get(&domain) {
            Some(Place::Live(slot)) => self.move_to(*slot, NIL),
            Some(Place::Drained(_)) => drop(self.places.remove(&domain)),
            None => {}
        }
    }

    /// The site a domain belongs to.
    #[must_use]
    pub fn site_of(&self, domain: DomainId) -> Option<SiteId> {
        let site = match *self.places.get(&domain)? {
            Place::Live(slot) => self.domains[slot as usize].site,
            Place::Drained(site) => site,
        };
        (site != NIL).then(|| self.sites.at(site).id)
    }

    /// The domains with waiting rows and without a site, in no order.
    pub fn unrouted(&self) -> impl ExactSizeIterator<Item = DomainId> + '_ {
        self.unrouted.iter().map(|slot| self.domains[*slot as usize].id)
    }

    /// How often [`Queue::poll_unrouted`] has something to look at, at most.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.strays.len()
    }

    /// The next domain that came to have rows and no site: told once, until it is routed and unrouted again (or drained).
    pub fn poll_unrouted(&mut self) -> Option<DomainId> {
        while let Some(id) = self.strays.pop_front() {
            let place = self.places.get(&id);
            if matches!(place, Some(Place::Live(slot)) if self.domains[*slot as usize].site == NIL) {
                return Some(id);
            }
        }
        None
    }

    /// The sites with something ready, in no order; costs nothing for the others.
    pub fn sites_ready(&self) -> impl ExactSizeIterator<Item = SiteId> + '_ {
        self.sites.ready()
    }

    /// The next site that came to have something ready: told once, until it had nothing ready in between.
    pub fn poll_ready(&mut self) -> Option<SiteId> {
        self.sites.poll_ready()
    }

    /// Whether a cut for this site would give something.
    #[must_use]
    pub fn ready(&self, site: SiteId) -> bool {
        self.sites.find(site).is_some_and(|slot| self.sites.at(slot).head != NIL)
    }

    /// Schedules a row that is not in the queue: it becomes ready at `due`.
    pub fn schedule(&mut self, domain: DomainId, row: u32, attempts: u16, due: Instant) {
        let slot = self.slot(domain);
        let domain = &mut self.domains[slot as usize];
        domain.scheduled += 1;
        self.counts.scheduled += 1;
        if domain.site != NIL {
            self.sites.at_mut(domain.site).scheduled += 1;
        }
        self.wheel.insert(due, Later { slot, row, attempts });
    }

    /// When [`Queue::poll_due`] has something to do; `None` while nothing is scheduled.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.wheel.next_due()
    }

    /// Makes retries that are due ready, 65,536 at most (what is left is due at once); how many.
    pub fn poll_due(&mut self, now: Instant) -> usize {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.poll(now, POLL_MAX, |later| due.push(later));
        // Rows that were tried together and come due together go together again.
        due.sort_unstable_by_key(|l| (l.slot, l.attempts, l.row));
        let moved = due.len();
        for Later { slot, row, attempts } in due.drain(..) {
            let domain = &mut self.domains[slot as usize];
            domain.scheduled -= 1;
            self.counts.scheduled -= 1;
            if domain.site != NIL {
                self.sites.at_mut(domain.site).scheduled -= 1;
            }
            domain.push_due(&mut self.arena, row, attempts);
            self.add_ready(slot, 1);
        }
        due.shrink_to(1024);
        self.due = due;
        moved
    }

    /// Puts a batch back, in front of its domain's queue: it was not tried after all.
    pub fn give_back(&mut self, batch: Batch) {
        let count = batch.rows.len() as u64;
        if count > 0 {
            let slot = self.slot(batch.domain);
            self.domains[slot as usize].give_back(&mut self.arena, batch.attempts, &batch.rows);
            self.add_ready(slot, count);
        }
    }

    /// Takes every row of a domain out, the scheduled ones too: to bounce or expire it whole. Walks the shard's whole
    /// wheel if the domain has scheduled rows.
    pub fn take_all(&mut self, domain: DomainId) -> impl ExactSizeIterator<Item = Taken> + use<> {
        let mut taken = Vec::new();
        if let Some(&Place::Live(slot)) = self.places.get(&domain) {
            let domain = &mut self.domains[slot as usize];
            let (site, rows, scheduled) = (domain.site, domain.rows(), u64::from(domain.scheduled));
            domain.take_all(&mut self.arena, |first, count, attempts| taken.push(Taken { first, count, attempts }));
            if domain.scheduled > 0 {
                domain.scheduled = 0;
                let on = |l: Later| taken.push(Taken { first: l.row, count: 1, attempts: l.attempts });
                self.wheel.extract(|l| l.slot == slot, on);
            }
            self.counts.scheduled -= scheduled;
            if site != NIL {
                self.sites.at_mut(site).scheduled -= scheduled;
            }
            self.sub_ready(slot, rows);
        }
        taken.into_iter()
    }

    /// Takes out the retries of a site that are ready and for which `which` says so, by row and attempts.
    pub fn extract_due(&mut self, site: SiteId, mut which: impl FnMut(u32, u16) -> bool) -> Vec<(DomainId, Taken)> {
        let mut gone = Vec::new();
        for slot in self.linked(site) {
            self.extract_at(slot, &mut which, &mut gone);
        }
        gone
    }

    /// Takes out the retries of a domain that are ready and for which `which` says so, by row and attempts.
    pub fn extract_due_of(
        &mut self,
        domain: DomainId,
        mut which: impl FnMut(u32, u16) -> bool,
    ) -> Vec<(DomainId, Taken)> {
        let mut gone = Vec::new();
        if let Some(&Place::Live(slot)) = self.places.get(&domain) {
            self.extract_at(slot, &mut which, &mut gone);
        }
        gone
    }

    /// Takes out the rows of a site that were never tried.
    pub fn take_fresh(&mut self, site: SiteId) -> Vec<(DomainId, Taken)> {
        let domains: Vec<DomainId> = self.linked(site).iter().map(|slot| self.domains[*slot as usize].id).collect();
        domains.iter().flat_map(|&domain| self.take_fresh_of(domain).into_iter().map(move |t| (domain, t))).collect()
    }

    /// Takes out the rows of a domain that were never tried.
    pub fn take_fresh_of(&mut self, domain: DomainId) -> Vec<Taken> {
        let mut taken = Vec::new();
        if let Some(&Place::Live(slot)) = self.places.get(&domain) {
            let domain = &mut self.domains[slot as usize];
            domain.take_fresh(&mut self.arena, |first, count| taken.push(Taken { first, count, attempts: 0 }));
            let rows: u64 = taken.iter().map(|taken| u64::from(taken.count)).sum();
            if rows > 0 {
                self.sub_ready(slot, rows);
            }
        }
        taken
    }

    /// How many rows of the domain wait, the scheduled ones too.
    #[must_use]
    pub fn count_of(&self, domain: DomainId) -> u64 {
        let Some(&Place::Live(slot)) = self.places.get(&domain) else { return 0 };
        let domain = &self.domains[slot as usize];
        domain.rows() + u64::from(domain.scheduled)
    }

    /// Whether rows of the domain wait.
    #[must_use]
    pub fn holds(&self, domain: DomainId) -> bool {
        matches!(self.places.get(&domain), Some(Place::Live(_)))
    }

    /// The slots of the site's domains with something ready.
    fn linked(&self, site: SiteId) -> Vec<u32> {
        let head = self.sites.find(site).map_or(NIL, |slot| self.sites.at(slot).head);
        let next = |slot: &u32| Some(self.domains[*slot as usize].next).filter(|next| *next != NIL);
        std::iter::successors(Some(head).filter(|head| *head != NIL), next).collect()
    }

    fn extract_at(&mut self, slot: u32, which: &mut dyn FnMut(u32, u16) -> bool, gone: &mut Vec<(DomainId, Taken)>) {
        let before = gone.len();
        let domain = &mut self.domains[slot as usize];
        let id = domain.id;
        domain.extract_due(&mut self.arena, which, |first, attempts| {
            gone.push((id, Taken { first, count: 1, attempts }));
        });
        let rows = (gone.len() - before) as u64;
        if rows > 0 {
            self.sub_ready(slot, rows);
        }
    }

    /// How many rows wait.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many rows wait for one site.
    #[must_use]
    pub fn site_counts(&self, site: SiteId) -> Counts {
        let site = self.sites.find(site).map(|slot| self.sites.at(slot));
        site.map_or_else(Counts::default, |s| Counts { ready: s.ready, unrouted: 0, scheduled: s.scheduled })
    }

    /// `count` rows were put into a domain's queue.
    fn add_ready(&mut self, slot: u32, count: u64) {
        let domain = &self.domains[slot as usize];
        if domain.site == NIL {
            self.counts.unrouted += count;
            return;
        }
        self.counts.ready += count;
        self.sites.at_mut(domain.site).ready += count;
        if !domain.linked {
            self.sites.link(&mut self.domains, slot);
        }
    }

    /// `count` rows were taken out of a domain's queue; what is now empty is put away.
    pub(super) fn sub_ready(&mut self, slot: u32, count: u64) {
        let domain = &self.domains[slot as usize];
        if domain.site == NIL {
            self.counts.unrouted -= count;
        } else {
            self.counts.ready -= count;
            self.sites.at_mut(domain.site).ready -= count;
            if domain.rows() == 0 && domain.linked {
                self.sites.unlink(&mut self.domains, slot);
            }
        }
        if self.domains[slot as usize].is_drained() {
            self.retire(slot);
        }
    }

    /// Moves a domain with rows to another site, or to none.
    fn move_to(&mut self, slot: u32, to: u32) {
        let domain = &self.domains[slot as usize];
        let (from, rows, scheduled) = (domain.site, domain.rows(), u64::from(domain.scheduled));
        if from == to {
            return;
        }
        if from == NIL {
            self.forget_unrouted(slot);
            self.counts.unrouted -= rows;
        } else {
            if domain.linked {
                self.sites.unlink(&mut self.domains, slot);
            }
            self.counts.ready -= rows;
            let site = self.sites.at_mut(from);
            site.ready -= rows;
            site.scheduled -= scheduled;
        }
        self.domains[slot as usize].site = to;
        if to == NIL {
            self.note_unrouted(slot);
        } else {
            self.sites.at_mut(to).scheduled += scheduled;
        }
        if to == NIL || rows > 0 {
            self.add_ready(slot, rows);
        }
    }

    /// The slot of a domain that is about to have rows.
    fn slot(&mut self, id: DomainId) -> u32 {
        let site = match self.places.get(&id) {
            Some(Place::Live(slot)) => return *slot,
            Some(Place::Drained(site)) => *site,
            None => NIL,
        };
        let domain = Domain::new(id, site);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.domains[slot as usize] = domain;
                slot
            }
            None => {
                self.domains.push(domain);
                self.domains.len() as u32 - 1
            }
        };
        self.places.insert(id, Place::Live(slot));
        if site == NIL {
            self.note_unrouted(slot);
        }
        slot
    }

    /// Puts a drained domain away: of one with a site, the site is kept.
    fn retire(&mut self, slot: u32) {
        let Domain { id, site, .. } = self.domains[slot as usize];
        if site == NIL {
            self.forget_unrouted(slot);
            self.places.remove(&id);
        } else {
            self.places.insert(id, Place::Drained(site));
        }
        self.free.push(slot);
        if self.free.len() == self.domains.len() {
            self.domains = Vec::new();
            self.free = Vec::new();
        }
    }

    fn note_unrouted(&mut self, slot: u32) {
        let domain = &mut self.domains[slot as usize];
        domain.prev = self.unrouted.len() as u32;
        self.unrouted.push(slot);
        self.strays.push_back(domain.id);
    }

    fn forget_unrouted(&mut self, slot: u32) {
        let place = std::mem::replace(&mut self.domains[slot as usize].prev, NIL);
        self.unrouted.swap_remove(place as usize);
        if let Some(moved) = self.unrouted.get(place as usize) {
            self.domains[*moved as usize].prev = place;
        }
        // The strays are only a hint of what is unrouted: when nothing is, they are old.
        if self.unrouted.is_empty() {
            self.strays = VecDeque::new();
        }
    }
}
