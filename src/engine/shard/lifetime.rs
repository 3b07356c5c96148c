//! The end of a recipient's lifetime: who is given up, when, and by what words.
//!
//! Guarantees: a recipient that was tried has expired when its next attempt would lie beyond its lifetime, counted from its
//! first attempt, and one that is ready and does not get that attempt at most a rest later. Nobody that was overdue when the
//! process began, or went on after a pause or a stop, goes without a last try: its own, or that of its site or domain, which failed.
//! One that was never tried has expired when its site or domain was held up for a lifetime, whoever is to blame for that (its
//! hosts, their pauses, our own sources), and a try fails still. Whoever expires keeps what its last attempt came to.
//! Leaves to others: the schedule (`shape::retry`), and what is held up since when (`holds`).

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::{Instant, Now, UnixTime};
use crate::engine::shard::connection::Connection;
use crate::engine::shard::watch::Ended;
use crate::engine::shard::{Shard, Stage};
use crate::mail::{Enhanced, Reply};
use crate::queue::{DomainId, SiteId, Taken};
use crate::smtp::client::Phase;
use crate::tls::policy::Level;
use crate::wire::io::Io;

/// Overdue recipients are looked for so many times in a lifetime, within bounds.
const LOOKS: u32 = 64;
const LOOK_MIN: Duration = Duration::from_secs(1);
const LOOK_MAX: Duration = Duration::from_secs(60);

/// A process that does nothing for so long was stopped.
const STOPPED: Duration = Duration::from_secs(60);

/// For so long what a server said is the reason, whatever tries in which none spoke came to: no address that refuses us rests
/// for longer.
const SAID_KEPT_S: u32 = 2 * 3600;

/// The last try of a site or a domain that failed.
pub(super) struct Failure {
    /// The exchanger; empty where there is none.
    pub(super) host: Arc<str>,
    /// The phase that the session was in.
    pub(super) phase: &'static str,
    /// What was said, or what happened.
    pub(super) reply: Reply,
    /// Whether the server said it.
    pub(super) said: bool,
    /// When.
    pub(super) at: UnixTime,
}

impl Failure {
    /// Nobody said anything: what happened.
    pub(super) fn own(what: &str, at: UnixTime) -> Self {
        Self { host: "".into(), phase: "", reply: outlived(what), said: false, at }
    }

    /// Whether it says more than a `newer` one: of several addresses one spoke, and another was not even reached.
    pub(super) fn outweighs(&self, newer: &Self) -> bool {
        self.said && !newer.said && newer.at.0.saturating_sub(self.at.0) <= SAID_KEPT_S
    }
}

/// RFC 3463 §3.5: X.4.7, "delivery time expired".
pub(super) fn outlived(what: &str) -> Reply {
    Reply::own(550, Enhanced::new(5, 4, 7), &format!("not delivered within its lifetime; {what}"))
}

/// Whether a session that ended in this phase did so for want of TLS, however it ended: a matter of its site, not of the
/// hosts, which may serve others.
pub(super) fn wants_security(phase: &str, demanded: Level) -> bool {
    phase == Phase::StartTls.word() && !demanded.allows_clear_text()
}

impl<I: Io> Shard<I> {
    /// A session ended without having delivered anything: what is said to whoever expires for want of another one.
    pub(super) fn note_failure(&mut self, connection: &Connection, ended: &Ended<'_>, now: Now) {
        if ended.word == "done" || connection.cut || connection.delivered > 0 {
            return;
        }
        let Ended { phase, reply, why, .. } = *ended;
        let said = reply.is_some();
        let reply = match reply {
            Some(reply) => reply.to_owned(),
            None => outlived(&format!("{} at {phase}: {why}", connection.remote)),
        };
        let at = self.ledger.time(now);
        let failure = Failure { host: connection.host.clone(), phase, reply, said, at };
        let insecure = wants_security(phase, connection.demand.security.level);
        self.sites.failed(connection.site, failure, insecure);
    }

    /// What was `due` is looked after much later, or the machine slept since `before`: the process was stopped, and goes on as
    /// after a pause.
    pub(super) fn note_stop(&mut self, before: Now, due: Option<Instant>, now: Now) {
        let late = due.map_or(Duration::ZERO, |due| now.mono.since(due.max(before.mono)));
        let passed = Duration::from_secs(now.unix.0.saturating_sub(before.unix.0).into());
        if late >= STOPPED || passed.saturating_sub(now.mono.since(before.mono)) >= STOPPED {
            self.ledger.wake(now);
        }
    }

    /// When overdue recipients are looked for.
    pub(super) fn look_due(&self) -> Option<Instant> {
        let counts = self.queue.counts();
        let waits = counts.ready + counts.unrouted > 0 && self.ledger.keeps_pasts();
        (waits && self.stage == Stage::Running && !self.paused).then_some(self.looks_at)
    }

    /// Gives up whoever waits for its next attempt beyond its lifetime.
    pub(super) fn expire_overdue(&mut self, now: Now) {
        if self.stage != Stage::Running || self.paused || now.mono < self.looks_at {
            return;
        }
        self.looks_at = now.mono.after((self.delivery.retry.lifetime / LOOKS).clamp(LOOK_MIN, LOOK_MAX));
        if !self.ledger.may_be_overdue(now) {
            return;
        }
        for site in self.sites.ids() {
            if self.sites.has_idle_stock(site, |row, attempts| self.ledger.is_overdue(row, attempts, false, now)) {
                self.ledger.release_stock(site, &mut self.sites, &mut self.queue, now);
            }
        }
        for site in self.queue.sites_ready().collect::<Vec<_>>() {
            let in_vain = self.sites.is_failing(site);
            let overdue = |row, attempts| self.ledger.is_overdue(row, attempts, in_vain, now);
            let gone = self.queue.extract_due(site, overdue);
            self.expire_tried(&gone, now);
        }
        for domain in self.queue.unrouted().collect::<Vec<_>>() {
            self.expire_lost(domain, self.sites.is_lost(domain), now);
        }
    }

    /// Gives up the recipients of a domain without a route whose own lifetime has passed.
    fn expire_lost(&mut self, domain: DomainId, in_vain: bool, now: Now) {
        let overdue = |row, attempts| self.ledger.is_overdue(row, attempts, in_vain, now);
        let gone = self.queue.extract_due_of(domain, overdue);
        self.expire_tried(&gone, now);
    }

    fn expire_tried(&mut self, gone: &[(DomainId, Taken)], now: Now) {
        for (domain, taken) in gone {
            for row in taken.rows() {
                self.ledger.expire(*domain, row, taken.attempts, None, now);
            }
        }
    }

    /// Nothing could be sent to the site for a lifetime: those that were never tried have expired.
    pub(super) fn expire_site(&mut self, site: SiteId, now: Now) {
        let fresh = self.queue.take_fresh(site);
        if fresh.is_empty() {
            return;
        }
        let name = self.sites.name(site).to_owned();
        let unknown = || Box::new(Failure::own("nothing could be sent there", self.ledger.time(now)));
        let failure = self.sites.take_failure(site).unwrap_or_else(unknown);
        for (domain, taken) in fresh {
            for row in taken.rows() {
                self.ledger.expire(domain, row, 0, Some((&name, &failure)), now);
            }
        }
        self.sites.put_failure(site, failure);
    }

    /// No source can be used for the site: that is no trouble of the site's, and it bounds its recipients' lifetime all the
    /// same.
    pub(super) fn no_way_to(&mut self, site: SiteId, why: &str, now: Now) {
        let failure = Failure::own(why, self.ledger.time(now));
        self.sites.cut_off(site, failure, now);
        if self.sites.is_given_up(site, now) {
            if self.sites.has_fresh_stock(site) {
                self.ledger.release_stock(site, &mut self.sites, &mut self.queue, now);
            }
            self.expire_site(site, now);
        } else if let Some(left) = self.sites.given_up_in(site, now) {
            self.sites.wake(site, now.mono.after(left));
        }
    }

    /// A domain will never have a route.
    pub(super) fn bounce_domain(&mut self, domain: DomainId, reply: &Reply, now: Now) {
        for taken in self.queue.take_all(domain) {
            for row in taken.rows() {
                self.ledger.refuse_locally(domain, row, taken.attempts, reply, now);
            }
        }
    }

    /// A domain has no route for now: it is looked up again, and whoever has waited for it long enough is given up. As
    /// nothing was attempted, no other recipient is marked.
    pub(super) fn defer_domain(&mut self, domain: DomainId, reply: &Reply, now: Now) {
        self.ledger.counters.route_failures += 1;
        if !self.by_domain && self.no_smarthost.replace(reply.to_string()).is_none() {
            tracing::warn!(%reply, "the smarthost cannot be found: its mail waits");
        }
        let name = self.domains.get(domain.0 as usize).cloned().unwrap_or_else(|| Arc::from(""));
        let (rests, over) = self.sites.defer_route(domain, &name, now, &mut self.rng);
        tracing::info!(domain = %name, %reply, retry_s = rests.as_secs(), "no route");
        if over {
            let failure = Failure::own(&format!("no route: {reply}"), self.ledger.time(now));
            for taken in self.queue.take_fresh_of(domain) {
                for row in taken.rows() {
                    self.ledger.expire(domain, row, 0, Some(("", &failure)), now);
                }
            }
        }
        self.expire_lost(domain, true, now);
    }
}
