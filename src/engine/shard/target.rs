//! The targets of a site: each address of each exchanger, how sessions with it went, and which one is next.
//!
//! RFC 5321 §5.1: "the SMTP client MUST try (and retry) each of the relevant addresses in this list in order, until a
//! delivery attempt succeeds". Guarantees: a target that did not serve a session is passed over while another one is left,
//! twice as long each time, and then tried by one session first; the site is in trouble only when none is left.
//! Leaves to others: what counts as not having served (`connection`), from where a target refuses us (`ways`), and the pace
//! (`group`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::site::{Site, Sites};
use super::ways::Ways;
use crate::base::clock::Instant;
use crate::engine::directory::Site as Place;
use crate::engine::memory::Host;
use crate::engine::policy::Demand;
use crate::engine::source::Source;
use crate::queue::SiteId;

/// How long a target that failed is passed over while others are left, at first and at most.
pub(super) const REST_MIN: Duration = Duration::from_secs(60);
/// See above.
const REST_MAX: Duration = Duration::from_secs(15 * 60);
/// So many sessions that were let in may break, one after the other, before the target counts as failed; and one more for
/// each other session that is with it.
const LOSSES_MAX: u32 = 3;

/// One address of one exchanger.
pub(super) struct Target {
    host: Arc<str>,
    demand: Arc<Demand>,
    pub(super) remote: IpAddr,
    preference: u16,
    pub(super) rests_until: Instant,
    /// One session tries it, and the others pass it over meanwhile.
    on_trial: bool,
    /// Failures in a row: how long it rests.
    failures: u32,
    /// Sessions that it let in.
    ready: u32,
    /// Of these, the ones inside TLS.
    encrypted: u32,
    /// Sessions that broke, since one last did its work.
    losses: u32,
    /// Whether a session did its work since it last failed.
    serves: bool,
    /// It did not serve whoever last tried it.
    pub(super) failed: bool,
    /// It has taken a message.
    pub(super) took: bool,
}

impl Target {
    fn is_for(&self, source: &Source, ways: &Ways, now: Instant) -> bool {
        self.rests_until <= now && source.reaches(self.remote) && ways.is_open(&source.name, self.remote, now)
    }

    fn is(&self, whom: Whom<'_>) -> bool {
        self.remote == whom.remote && *self.host == *whom.host
    }
}

/// A target by host and address, for its place changes when the route is looked up again; and the source that it is asked
/// from.
#[derive(Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) host: &'a str,
    pub(super) remote: IpAddr,
    pub(super) source: &'a str,
}

/// Where a new session goes.
pub(super) struct Picked {
    pub(super) host: Arc<str>,
    pub(super) remote: SocketAddr,
    pub(super) demand: Arc<Demand>,
}

/// The addresses that a source can reach.
pub(super) fn targets_of(place: &Place, sources: &[Source]) -> Vec<Target> {
    let exchangers = place.exchangers.iter().zip(&place.demands);
    exchangers
        .flat_map(|(exchanger, demand)| {
            exchanger.addresses.iter().map(|&remote| Target {
                host: exchanger.host.clone(),
                demand: demand.clone(),
                remote,
                preference: exchanger.preference,
                rests_until: Instant::default(),
                on_trial: false,
                failures: 0,
                ready: 0,
                encrypted: 0,
                losses: 0,
                serves: false,
                failed: false,
                took: false,
            })
        })
        .filter(|target| sources.iter().any(|source| source.reaches(target.remote)))
        .collect()
}

impl Site {
    /// The targets of a newer answer. What is known of those that stay is kept.
    pub(super) fn renew_targets(&mut self, mut targets: Vec<Target>) {
        for target in &mut targets {
            let same = |known: &&Target| known.remote == target.remote && known.host == target.host;
            if let Some(known) = self.targets.iter().find(same) {
                target.rests_until = known.rests_until;
                target.on_trial = known.on_trial;
                target.failures = known.failures;
                target.ready = known.ready;
                target.encrypted = known.encrypted;
                target.losses = known.losses;
                target.serves = known.serves;
                target.failed = known.failed;
                target.took = known.took;
            }
        }
        self.targets = targets;
    }

    fn target(&mut self, whom: Whom<'_>) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| target.is(whom))
    }

    fn picked(&self, target: &Target, port: u16) -> Picked {
        let remote = SocketAddr::new(target.remote, self.place.port.unwrap_or(port));
        Picked { host: target.host.clone(), remote, demand: target.demand.clone() }
    }
}

impl Sites {
    /// Where the next session from `source` goes: the best preference, in it the family that the source prefers, in turn
    /// among the addresses, passing over those at rest and those that refuse it.
    pub(super) fn pick_target(&mut self, id: SiteId, port: u16, source: &Source, now: Instant) -> Option<Picked> {
        let site = self.sites.get_mut(id.0 as usize)?;
        let group = self.groups.get_mut(site.group)?;
        let ways = &group.ways;
        let rank = |t: &Target| (t.preference, source.rank(t.remote));
        let best = site.targets.iter().filter(|t| t.is_for(source, ways, now)).map(rank).min()?;
        let usable = |t: &Target| t.is_for(source, ways, now) && rank(t) == best;
        let count = site.targets.iter().filter(|t| usable(t)).count();
        let nth = site.turn % count.max(1);
        site.turn = site.turn.wrapping_add(1);
        let (index, target) = site.targets.iter().enumerate().filter(|(_, t)| usable(t)).nth(nth)?;
        let (picked, failed, remote) = (site.picked(target, port), target.failures > 0, target.remote);
        let mut others = site.targets.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.any(|(_, t)| t.is_for(source, ways, now));
        if let Some(target) = site.targets.get_mut(index).filter(|_| failed && others) {
            (target.on_trial, target.rests_until) = (true, now.after(REST_MIN));
        }
        if others || self.sources.len() > 1 {
            group.ways.try_out(&source.name, remote, now);
        }
        Some(picked)
    }

    /// The second of a race: of the first one's preference and of the other family; best of the same host.
    pub(super) fn pick_rival(&self, id: SiteId, first: Whom<'_>, port: u16, now: Instant) -> Option<Picked> {
        let site = self.site(id)?;
        let ways = &self.groups.get(site.group)?.ways;
        let rival_of = site.targets.iter().find(|target| target.is(first))?;
        let rivals = site.targets.iter().filter(|t| {
            t.rests_until <= now
                && ways.is_open(first.source, t.remote, now)
                && t.preference == rival_of.preference
                && t.remote.is_ipv4() != rival_of.remote.is_ipv4()
        });
        rivals.min_by_key(|t| t.host != rival_of.host).map(|target| site.picked(target, port))
    }

    /// Whether the source could have a session there now.
    pub(super) fn has_target(&self, id: SiteId, source: &Source, now: Instant) -> bool {
        self.with_group(id)
            .is_some_and(|(site, group)| site.targets.iter().any(|target| target.is_for(source, &group.ways, now)))
    }

    /// Its servers, by name and port; one with several addresses comes several times.
    pub(super) fn servers(&self, id: SiteId, port: u16) -> impl Iterator<Item = Host> + '_ {
        let site = self.site(id);
        let port = site.and_then(|site| site.place.port).unwrap_or(port);
        let targets = site.map(|site| site.targets.as_slice()).unwrap_or_default();
        targets.iter().map(move |target| Host { name: target.host.clone(), port })
    }

    /// Whether no source sends to any of its addresses.
    pub(super) fn is_out_of_reach(&self, id: SiteId) -> bool {
        self.site(id).is_none_or(|site| site.targets.is_empty())
    }

    /// The target did not serve: it is passed over for a while, if another one is left. Whether that is so.
    pub(super) fn pass_over(&mut self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        let others = self.has_other(id, whom, now);
        if let Some(target) = self.site_mut(id).and_then(|site| site.target(whom)) {
            (target.serves, target.failed) = (false, true);
            // Sessions that began together fail together: that is one failure.
            if others && (target.on_trial || target.rests_until <= now) {
                let rest = REST_MIN.saturating_mul(1 << target.failures.min(10)).min(REST_MAX);
                target.failures = target.failures.saturating_add(1);
                (target.on_trial, target.rests_until) = (false, now.after(rest));
            }
        }
        others
    }

    /// Whether a message that this target does not take now should be tried at another one: there is one, and no other
    /// session shows that this one serves.
    pub(super) fn moves_on(&self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        let Some(site) = self.site(id) else { return false };
        self.has_other(id, whom, now) && !site.targets.iter().any(|t| t.is(whom) && t.serves && t.ready > 1)
    }

    /// Whether another target could be asked now.
    pub(super) fn has_other(&self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        let Some(site) = self.site(id).filter(|site| site.targets.len() > 1) else { return false };
        let mut others = site.targets.iter().filter(|target| target.rests_until <= now && !target.is(whom));
        others.any(|target| self.is_reached(id, target.remote, now))
    }

    /// A session did its work there; `took`: a message, too.
    pub(super) fn served(&mut self, id: SiteId, whom: Whom<'_>, took: bool, now: Instant) {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return };
        if let Some(group) = self.groups.get_mut(site.group) {
            group.ways.served(whom.source, whom.remote, now);
        }
        if let Some(target) = site.target(whom) {
            (target.rests_until, target.on_trial) = (Instant::default(), false);
            (target.failures, target.losses, target.serves, target.failed) = (0, 0, true, false);
            target.took |= took;
        }
    }

    /// The target let a session in, or such a session is gone.
    pub(super) fn target_ready(&mut self, id: SiteId, whom: Whom<'_>, ready: bool, encrypted: bool) {
        let Some(target) = self.site_mut(id).and_then(|site| site.target(whom)) else { return };
        let counted = |count: u32| if ready { count + 1 } else { count.saturating_sub(1) };
        target.ready = counted(target.ready);
        if encrypted {
            target.encrypted = counted(target.encrypted);
        }
    }

    /// Whether a session that the target has let in is inside TLS.
    pub(super) fn is_encrypted(&self, id: SiteId, whom: Whom<'_>) -> bool {
        self.site(id).is_some_and(|site| site.targets.iter().any(|t| t.is(whom) && t.encrypted > 0))
    }

    /// How many sessions the target has let in.
    pub(super) fn target_sessions(&self, id: SiteId, whom: Whom<'_>) -> u32 {
        self.site(id).and_then(|site| site.targets.iter().find(|t| t.is(whom))).map_or(0, |target| target.ready)
    }

    /// A session broke. Whether that is the loss of one session, and no reason to think that the target does not serve:
    /// it had been let in (`ready`) or others are, and not too many in a row went so. Of a target that has not served yet
    /// that much is not awaited while another one is left.
    pub(super) fn is_one_loss(&mut self, id: SiteId, whom: Whom<'_>, ready: bool, now: Instant) -> bool {
        let has_other = self.has_other(id, whom, now);
        let Some(target) = self.site_mut(id).and_then(|site| site.target(whom)) else { return false };
        let others = target.ready.saturating_sub(u32::from(ready));
        target.losses = target.losses.saturating_add(1);
        (ready || others > 0) && (target.serves || !has_other) && target.losses <= LOSSES_MAX.saturating_add(others)
    }

    /// Resting addresses have their second chance when a pause ends.
    pub(super) fn refresh_targets(&mut self, id: SiteId) {
        if let Some(site) = self.site_mut(id) {
            for target in &mut site.targets {
                (target.on_trial, target.rests_until) = (false, Instant::default());
            }
        }
    }
}
