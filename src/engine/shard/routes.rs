//! Which site a domain belongs to: asking for it, and what follows from the answer.
//!
//! Guarantees: a domain with rows has a site, or is being looked for; one whose site belongs to another shard moves there
//! whole; a denial bounces nobody while it is not believed (`denials`), nor once nothing begins any more. Leaves to others:
//! looking up (`router`), and how long a domain rests that has no answer (`site`).

use std::sync::Arc;

use crate::base::clock::Now;
use crate::engine::denials::{Belief, DOUBT_REST, Denial, Denied};
use crate::engine::directory::Found;
use crate::engine::dispatch::shard_of;
use crate::engine::held::Held;
use crate::engine::message::{Run, ToShard};
use crate::engine::router::{RouteAnswer, RouteAsk};
use crate::engine::shard::{Shard, Stage, count_of};
use crate::mail::Reply;
use crate::queue::{DomainId, Taken};
use crate::wire::io::Io;

/// The number of a domain that was found before, and is asked for again to know whether the resolver is to be believed.
const CHECK: u32 = u32::MAX;

impl<I: Io> Shard<I> {
    /// Sees to it that every domain with rows has a site, or that one is being looked for.
    pub(super) fn route_strays(&mut self, now: Now) {
        if self.stage != Stage::Running {
            // Nothing begins any more: a domain without a site waits for the next run.
            return;
        }
        for domain in self.sites.wake_due(now.mono) {
            if !self.queue.holds(domain) {
                self.sites.forget_lost(domain, &self.domain_name(domain));
            } else if self.queue.site_of(domain).is_none() {
                self.want_route(domain, now);
            }
        }
        // A bound, because what one is given back is a stray again: it is looked at next turn.
        for _ in 0..self.queue.strays() {
            let Some(domain) = self.queue.poll_unrouted() else { return };
            self.want_route(domain, now);
        }
    }

    pub(super) fn want_route(&mut self, domain: DomainId, now: Now) {
        let name = self.domain_name(domain);
        if let Some(found) = self.directory.get(&name, now.unix) {
            return self.route(domain, found);
        }
        let fresh = self.sites.is_doubted(domain);
        if self.by_domain && !fresh {
            self.ports.board.halt().denials().ask();
        }
        self.ask(RouteAsk { domain: domain.0, name, shard: self.ledger.shard(), fresh }, now);
    }

    fn ask(&mut self, ask: RouteAsk, now: Now) {
        if self.ports.router.as_ref().is_some_and(|router| router.send(ask).is_err()) {
            self.halt("the router's thread has ended".into(), now);
        }
    }

    fn domain_name(&self, domain: DomainId) -> Arc<str> {
        self.domains.get(domain.0 as usize).cloned().unwrap_or_else(|| Arc::from(""))
    }

    pub(super) fn handle_route(&mut self, answer: RouteAnswer, now: Now) {
        if answer.domain == CHECK {
            let found = answer.result.map(|_| true).or_else(|error| error.permanent.then_some(false).ok_or(()));
            let denied = self.ports.board.halt().denials().checked(found.ok());
            return denied.into_iter().for_each(|denied| self.hold_for_denied(&denied, now));
        }
        let domain = DomainId(answer.domain);
        if self.by_domain {
            let (name, recipients) = (self.domain_name(domain), self.queue.count_of(domain));
            let mut denials = self.ports.board.halt().denials();
            if !self.sites.is_doubted(domain) {
                denials.answered();
            }
            if answer.result.is_ok() {
                denials.found(&name, recipients);
            }
        }
        match answer.result {
            Ok(found) => self.route(domain, found),
            Err(error) if error.permanent => self.deny_domain(domain, &error.reply, now),
            Err(error) => self.defer_domain(domain, &error.reply, now),
        }
    }

    /// The resolver denies the domain: it will never have a route, if that is to be believed.
    fn deny_domain(&mut self, domain: DomainId, reply: &Reply, now: Now) {
        let Some(max) = self.delivery.max_bounced else {
            return self.bounce_domain(domain, reply, now);
        };
        if self.stage != Stage::Running {
            // Whoever goes on looks it up again.
            return;
        }
        let (name, recipients, said) = (self.domain_name(domain), self.queue.count_of(domain), reply.to_string());
        let is_loaded = self.load_ended;
        let denial = Denial { name: &name, recipients, reply: &said, is_loaded, max };
        let belief = self.ports.board.halt().denials().denied(&denial);
        match belief {
            Belief::Bounces => {
                self.sites.believe(domain);
                self.bounce_domain(domain, reply, now);
            }
            Belief::Waits(known) => {
                tracing::debug!(domain = %name, %reply, "denied, which is not believed yet");
                self.sites.doubt(domain, now.mono.after(DOUBT_REST));
                let shard = self.ledger.shard();
                known.into_iter().for_each(|name| self.ask(RouteAsk { domain: CHECK, name, shard, fresh: true }, now));
            }
            Belief::Holds(denied) => self.hold_for_denied(&denied, now),
        }
    }

    fn hold_for_denied(&mut self, denied: &Denied, now: Now) {
        let held = Held::denied(self.ports.board.halt().resolver(), denied);
        self.hold_mailing(held, now);
    }

    /// Recipients came, some of them to be tried again.
    pub(super) fn offer(&mut self, runs: &[Run], again: usize) {
        if self.by_domain {
            let fresh: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
            self.ports.board.halt().denials().offer(fresh + again as u64);
        }
    }

    /// The domain's site is known: it is this shard's, or the domain moves to the shard that owns the site.
    fn route(&mut self, domain: DomainId, found: Found) {
        let Found { site: place, expires } = found;
        if self.stage != Stage::Running {
            // Nothing begins any more, here or there.
            return;
        }
        self.no_smarthost = None;
        self.sites.found_route(domain, &self.domain_name(domain), expires);
        let owner = shard_of(&place.group, self.ports.peers.len());
        match self.ports.peers.get(owner) {
            Some(peer) if self.by_domain && owner != usize::from(self.ledger.shard()) => {
                let rows: Vec<Taken> = self.queue.take_all(domain).collect();
                self.ledger.counters.wait_no_more(&rows);
                self.ledger.counters.given_away += count_of(&rows);
                // Shown before the other shard can show that it has them: nobody sees them twice, or not at all.
                self.ledger.show();
                // Held until the other shard has taken it.
                self.ports.board.hold();
                let baggage = self.ledger.pack(&rows);
                // Should it have ended by a drain or a failure, of which word is on its way: its inbox is counted (`late`).
                peer.tell(ToShard::Adopted(domain.0, rows, baggage));
            }
            _ => {
                let site = self.sites.enter(place);
                self.trace_route(domain, site);
                self.queue.route(domain, site);
            }
        }
    }
}
