//! Feeding: from the queue through the render threads into the sessions, site by site.
//!
//! A site keeps a small stock of rendered messages whose attempts are durable, so that a session that has room need
//! not wait for the journal or a signature. The stock doubles while sessions run dry, up to a bound in messages and,
//! over all sites, in octets. A session is opened only while there is stock that no open session has room for.

use crate::base::clock::{Instant, Now};
use crate::engine::message::RenderJob;
use crate::engine::shard::{Shard, Stage};
use crate::queue::SiteId;
use crate::wire::io::Io;
use std::time::Duration;

/// How often a shard that waits for a look at the suppression sees whether there was one.
pub(super) const BLIND_LOOK: Duration = Duration::from_millis(20);
/// It waits for so long before that is told.
const BLIND_TOLD: Duration = Duration::from_secs(5);

/// The suppression was not looked at in time.
pub(super) struct Blind {
    since: Instant,
    told: bool,
}

impl<I: Io> Shard<I> {
    /// Whether nothing may begin for now.
    pub(super) fn is_held_up(&self) -> bool {
        self.paused || self.crowded.is_some() || self.blind.is_some()
    }

    /// A pause begins or ends.
    pub(super) fn pause(&mut self, paused: bool, now: Now) {
        self.paused = paused;
        if !paused {
            self.ledger.wake(now);
            self.heed_suppression(now);
        }
        self.touch_sites();
    }

    /// Sees whether the suppression was looked at in time; takes back what was rendered under an older one, and, where nobody
    /// knows whether it is older, what sessions would say next.
    pub(super) fn heed_suppression(&mut self, now: Now) {
        let sight = self.ports.board.sight();
        let (is_clear, edition) = (sight.is_clear(now), sight.edition());
        if self.ledger.asks_for(edition) {
            self.take_back(now);
        }
        if is_clear {
            if self.blind.take().is_some() {
                self.touch_sites();
            }
            return;
        }
        if self.blind.is_none() {
            self.blind = Some(Blind { since: now.mono, told: false });
            self.take_back_planned(now);
        }
        let Some(blind) = &mut self.blind else { return };
        if !blind.told && now.mono.since(blind.since) >= BLIND_TOLD {
            blind.told = true;
            tracing::warn!("{}", self.ports.board.sight().binding(now));
        }
    }

    pub(super) fn touch_sites(&mut self) {
        for site in self.sites.ids() {
            self.sites.touch(site);
        }
    }

    /// Feeds every site that something happened to.
    pub(super) fn feed_sites(&mut self, now: Now) {
        if self.stage != Stage::Running || self.is_held_up() {
            return;
        }
        // A bound, because feeding one site may touch it again: the rest is done next turn.
        for _ in 0..self.sites.touched() {
            let Some(site) = self.sites.next_touched() else { return };
            self.feed_site(site, now);
        }
    }

    /// What was rendered under an older suppression list is rendered again: somebody in it may be on the new one. It comes from
    /// the stock first, for sessions are fed from that as they give back theirs.
    fn take_back(&mut self, now: Now) {
        for site in self.sites.ids() {
            self.ledger.release_stock(site, &mut self.sites, &mut self.queue, now);
            self.sites.touch(site);
        }
        self.take_back_planned(now);
    }

    fn feed_site(&mut self, site: SiteId, now: Now) {
        if self.sites.window(site, now) == 0 {
            if !self.defer_refused(site, now) {
                self.ledger.release_stock(site, &mut self.sites, &mut self.queue, now);
            }
            if self.sites.is_given_up(site, now) {
                self.expire_site(site, now);
            }
            return self.sites.rest(site, now);
        }
        self.cut(site, now);
        while self.sites.has_stock(site)
            && let Some(id) = self.sites.next_hungry(site)
        {
            self.feed_hungry(id, now);
        }
        self.cut(site, now);
        while self.sites.wants_session(site, self.queue.ready(site), now) {
            if !self.open_session(site, now) {
                return;
            }
        }
        if let Some(giver) = self.sites.wants_room(site, self.queue.ready(site), now) {
            self.give_up_session(giver);
        }
    }

    /// Cuts batches until the site's stock is what it should be.
    fn cut(&mut self, site: SiteId, now: Now) {
        while self.queue.ready(site) && self.sites.wants_stock(site) {
            let Some(batch) = self.queue.cut(site, self.sites.job_rows(), self.sites.block()) else { return };
            let domain = batch.domain;
            if self.sites.is_stale(domain, now) && self.by_domain {
                self.queue.give_back(batch);
                self.queue.unroute(domain);
                self.want_route(domain, now);
                continue;
            }
            let Some(batch) = self.refuse_too_large(site, batch, now) else { continue };
            let rows = batch.rows.clone();
            self.sites.cooking(site, rows.len());
            let job = self.ledger.clear(site, batch, now);
            let domain = self.domains.get(domain.0 as usize).filter(|_| self.by_domain).cloned();
            let order = RenderJob { shard: self.ledger.shard(), job, rows, domain, date: now.unix };
            if self.ports.render.send(order).is_err() {
                return self.fail("the render threads have ended".into());
            }
        }
    }
}
