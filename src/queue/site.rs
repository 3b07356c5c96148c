//! The sites of a shard: which domains of each take turns, what waits for it, and which sites have something ready.

use super::SiteId;
use super::domain::{Domain, NIL};
use hashbrown::HashMap;
use std::collections::VecDeque;

/// Rows that a domain may cut in its turn before the next one has its own.
pub(super) const QUANTUM: u32 = 32;

/// One site: its domains with something ready form a list; the first one has the turn.
pub(super) struct Site {
    pub(super) id: SiteId,
    pub(super) head: u32,
    tail: u32,
    /// Rows that the first domain may still cut in this turn.
    pub(super) credit: u32,
    /// Domains in the list.
    pub(super) domains: u32,
    /// Its place among the ready sites; `NIL` if it has nothing ready.
    place: u32,
    /// Whether it stands in `news`.
    told: bool,
    pub(super) ready: u64,
    pub(super) scheduled: u64,
}

/// All sites of the shard.
#[derive(Default)]
pub(super) struct Sites {
    slots: HashMap<SiteId, u32>,
    sites: Vec<Site>,
    /// The slots of the sites with something ready, in no order.
    ready: Vec<u32>,
    /// Sites that got something ready since they were last asked for.
    news: VecDeque<u32>,
}

impl Sites {
    pub(super) fn find(&self, id: SiteId) -> Option<u32> {
        self.slots.get(&id).copied()
    }

    pub(super) fn at(&self, slot: u32) -> &Site {
        &self.sites[slot as usize]
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> &mut Site {
        &mut self.sites[slot as usize]
    }

    /// The slot of a site, made at its first use.
    pub(super) fn slot(&mut self, id: SiteId) -> u32 {
        *self.slots.entry(id).or_insert_with(|| {
            self.sites.push(Site {
                id,
                head: NIL,
                tail: NIL,
                credit: QUANTUM,
                domains: 0,
                place: NIL,
                told: false,
                ready: 0,
                scheduled: 0,
            });
            self.sites.len() as u32 - 1
        })
    }

    pub(super) fn ready(&self) -> impl ExactSizeIterator<Item = SiteId> + '_ {
        self.ready.iter().map(|slot| self.sites[*slot as usize].id)
    }

    pub(super) fn poll_ready(&mut self) -> Option<SiteId> {
        while let Some(slot) = self.news.pop_front() {
            let site = &mut self.sites[slot as usize];
            site.told = false;
            if site.head != NIL {
                return Some(site.id);
            }
        }
        None
    }

    /// Puts a domain at the end of its site's turn.
    pub(super) fn link(&mut self, domains: &mut [Domain], slot: u32) {
        let index = domains[slot as usize].site;
        let site = &mut self.sites[index as usize];
        let old = std::mem::replace(&mut site.tail, slot);
        let domain = &mut domains[slot as usize];
        debug_assert!(!domain.linked);
        (domain.prev, domain.next, domain.linked) = (old, NIL, true);
        site.domains += 1;
        if old != NIL {
            domains[old as usize].next = slot;
            return;
        }
        site.head = slot;
        site.credit = QUANTUM;
        site.place = self.ready.len() as u32;
        self.ready.push(index);
        if !std::mem::replace(&mut site.told, true) {
            self.news.push_back(index);
        }
    }

    /// Takes a domain out of its site's turn.
    pub(super) fn unlink(&mut self, domains: &mut [Domain], slot: u32) {
        let domain = &mut domains[slot as usize];
        debug_assert!(domain.linked);
        let (prev, next) = (domain.prev, domain.next);
        (domain.prev, domain.next, domain.linked) = (NIL, NIL, false);
        let site = &mut self.sites[domain.site as usize];
        site.domains -= 1;
        match prev {
            NIL => {
                site.head = next;
                site.credit = QUANTUM;
            }
            prev => domains[prev as usize].next = next,
        }
        match next {
            NIL => site.tail = prev,
            next => domains[next as usize].prev = prev,
        }
        if site.head != NIL {
            return;
        }
        let place = std::mem::replace(&mut site.place, NIL);
        self.ready.swap_remove(place as usize);
        if let Some(moved) = self.ready.get(place as usize) {
            self.sites[*moved as usize].place = place;
        }
    }

    /// Gives the turn to the next domain.
    pub(super) fn rotate(&mut self, domains: &mut [Domain], index: u32) {
        let site = &mut self.sites[index as usize];
        site.credit = QUANTUM;
        let (head, tail) = (site.head, site.tail);
        if head == tail {
            return;
        }
        let second = domains[head as usize].next;
        (site.head, site.tail) = (second, head);
        domains[second as usize].prev = NIL;
        domains[tail as usize].next = head;
        (domains[head as usize].prev, domains[head as usize].next) = (tail, NIL);
    }
}
