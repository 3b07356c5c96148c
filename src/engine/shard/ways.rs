//! The ways to the hosts of a group: which pairs of a source and an address are closed, because the address refuses us.
//!
//! What a host says of us it says of one address of ours, at one of its own: the one without a PTR record, the one that its
//! list of networks leaves out. RFC 5321 §5.1 has each address tried in order until an attempt succeeds.
//! Guarantees: a way that is closed is passed over until its time is over, and then tried by one session first while another
//! one is left; no session that began before opens it again. It is shared by all sites of the group.
//! Leaves to others: what is a refusal of us (`shape::classify`), what follows where no way is left (`refused`), and targets
//! that do not serve anybody (`target`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::group::Group;
use super::site::{Site, Sites};
use super::target::{REST_MIN, Target, Whom};
use crate::base::clock::Instant;
use crate::base::many::figure;
use crate::engine::source::Source;
use crate::mail::reply::Nameless;
use crate::queue::SiteId;

/// So much of a reply is shown beside what binds.
const SHOWN_CHARS: usize = 120;

/// With so many addresses, those whose time is over are forgotten.
const ADDRESSES_KEPT: usize = 256;

/// A way that is closed.
struct Closed {
    source: Arc<str>,
    until: Instant,
    /// One session tries it, and the others pass it over meanwhile.
    on_trial: bool,
    says: Box<str>,
}

/// See the head of this file.
#[derive(Default)]
pub(super) struct Ways(HashMap<IpAddr, Vec<Closed>>);

impl Ways {
    pub(super) fn is_open(&self, source: &str, remote: IpAddr, now: Instant) -> bool {
        self.closed(source, remote).is_none_or(|closed| closed.until <= now)
    }

    fn closed(&self, source: &str, remote: IpAddr) -> Option<&Closed> {
        self.0.get(&remote)?.iter().find(|closed| *closed.source == *source)
    }

    fn closed_mut(&mut self, source: &str, remote: IpAddr) -> Option<&mut Closed> {
        self.0.get_mut(&remote)?.iter_mut().find(|closed| *closed.source == *source)
    }

    /// Closes the way until then; `false`: it was closed.
    fn close(&mut self, source: &str, remote: IpAddr, until: Instant, now: Instant, says: &str) -> bool {
        if self.0.len() >= ADDRESSES_KEPT {
            // Hosts may have had many addresses by now.
            self.0.retain(|_, closed| closed.iter().any(|closed| closed.until > now));
        }
        let Some(closed) = self.closed_mut(source, remote) else {
            let closed = Closed { source: source.into(), until, on_trial: false, says: says.into() };
            self.0.entry(remote).or_default().push(closed);
            return true;
        };
        let is_new = closed.until <= now || closed.on_trial;
        closed.until = if is_new { until } else { closed.until.max(until) };
        if is_new {
            (closed.on_trial, closed.says) = (false, says.into());
        }
        is_new
    }

    /// One session tries the way, whose time is over.
    pub(super) fn try_out(&mut self, source: &str, remote: IpAddr, now: Instant) {
        if let Some(closed) = self.closed_mut(source, remote) {
            (closed.on_trial, closed.until) = (true, now.after(REST_MIN));
        }
    }

    /// A session did its work there. One that began before the way was closed says nothing of it.
    pub(super) fn served(&mut self, source: &str, remote: IpAddr, now: Instant) {
        let Some(closed) = self.0.get_mut(&remote) else { return };
        closed.retain(|closed| *closed.source != *source || closed.until > now && !closed.on_trial);
        if closed.is_empty() {
            self.0.remove(&remote);
        }
    }

    /// What the addresses said by which ways are closed, the one that is closed for longest; `None` if none is.
    pub(super) fn words(&self, now: Instant) -> Option<String> {
        let closed = || self.0.values().flatten().filter(|closed| closed.until > now && !closed.on_trial);
        let longest = closed().max_by_key(|closed| (closed.until, &closed.says))?;
        let more = match closed().count() {
            ..2 => String::new(),
            count => format!(", and {} more", figure(count as u64 - 1)),
        };
        Some(format!("{}{more}", longest.says))
    }

    fn open_all(&mut self, now: Instant) {
        self.0.values_mut().flatten().for_each(|closed| closed.until = closed.until.min(now));
    }
}

/// What an address said, as it is shown beside what binds.
fn says_at(whom: Whom<'_>, reply: &str) -> String {
    let reply = Nameless(reply).to_string();
    let most = reply.char_indices().nth(SHOWN_CHARS).map(|(at, _)| at);
    let cut = most.and_then(|at| reply.get(..at)).map(|cut| format!("{cut}…"));
    format!("{} said \"{}\"", place(whom.host, whom.remote), cut.unwrap_or(reply))
}

/// An address of a host, in the words of a log.
pub(super) fn place(host: &str, remote: IpAddr) -> String {
    format!("{host}[{remote}]")
}

impl Sites {
    pub(super) fn with_group(&self, id: SiteId) -> Option<(&Site, &Group)> {
        let site = self.site(id)?;
        Some((site, self.groups.get(site.group)?))
    }

    /// The pairs of a source and a target that are not closed, and could be used if the target serves.
    fn ways_of(&self, id: SiteId, now: Instant) -> impl Iterator<Item = (&Source, &Target)> {
        let of = self.with_group(id);
        of.into_iter().flat_map(move |(site, group)| {
            site.targets.iter().flat_map(move |target| {
                let sources = self.sources.iter().filter(move |source| {
                    source.reaches(target.remote)
                        && group.ways.is_open(&source.name, target.remote, now)
                        && !self.is_listed(source, now)
                });
                sources.map(move |source| (source, target))
            })
        })
    }

    /// Whether a session could be had there now, as far as its hosts are concerned.
    pub(super) fn has_open_way(&self, id: SiteId, now: Instant) -> bool {
        self.ways_of(id, now).any(|(_, target)| target.rests_until <= now)
    }

    /// Whether the address may be asked, from whichever source.
    pub(super) fn is_reached(&self, id: SiteId, remote: IpAddr, now: Instant) -> bool {
        let closed = self.with_group(id).is_some_and(|(_, group)| group.ways.0.contains_key(&remote));
        !closed || self.ways_of(id, now).any(|(_, target)| target.remote == remote)
    }

    /// Whether whoever is refused for our sake at this address, from this source, may be taken by another way: one that is
    /// not known to fail, or that has taken mail and may come back.
    pub(super) fn has_way(&self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        self.ways_of(id, now).any(|(source, target)| {
            let same = target.remote == whom.remote && *source.name == *whom.source;
            !same && (target.took || target.rests_until <= now && !target.failed)
        })
    }

    /// Whether sessions go elsewhere from now on: the target did not serve, and another way may.
    pub(super) fn leaves(&mut self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        self.has_way(id, whom, now) && self.pass_over(id, whom, now)
    }

    /// The same as [`Sites::has_way`], from the same source.
    pub(super) fn has_address(&self, id: SiteId, whom: Whom<'_>, now: Instant) -> bool {
        self.ways_of(id, now).any(|(source, target)| {
            let other = target.remote != whom.remote && *source.name == *whom.source;
            other && (target.took || target.rests_until <= now && !target.failed)
        })
    }

    /// The address refuses us, as it `says`: whether that is new.
    pub(super) fn close_way(&mut self, id: SiteId, whom: Whom<'_>, rest: Duration, says: &str, now: Instant) -> bool {
        let Some(group) = self.group_mut(id) else { return false };
        let says = says_at(whom, says);
        group.ways.close(whom.source, whom.remote, now.after(rest), now, &says)
    }

    /// The time until the first way to the site may be tried again.
    pub(super) fn opens_in(&self, id: SiteId, now: Instant) -> Option<Duration> {
        let (site, group) = self.with_group(id)?;
        let opens = |source: &Source, target: &Target| {
            let closed = group.ways.closed(&source.name, target.remote).map_or(now, |closed| closed.until);
            let listed = self.listed.iter().find(|(name, _)| *name == source.name).map_or(now, |(_, until)| *until);
            let failed = if target.failed { now.after(REST_MIN) } else { now };
            closed.max(listed).max(target.rests_until.max(failed))
        };
        let pairs = site.targets.iter().flat_map(|target| self.sources.iter().map(move |source| (source, target)));
        let opens = pairs.filter(|(source, target)| source.reaches(target.remote)).map(|(s, t)| opens(s, t)).min();
        opens.map(|at| at.since(now))
    }

    /// Whether a site with the same hosts has a way that this one has not.
    pub(super) fn is_alone_without(&self, id: SiteId, now: Instant) -> bool {
        let members = self.with_group(id).map(|(_, group)| group.members.as_slice()).unwrap_or_default();
        members.iter().any(|&member| member != id && self.has_open_way(member, now))
    }

    /// What its addresses said by which ways are closed.
    pub(super) fn refusals(&self, id: SiteId, now: Instant) -> Option<String> {
        self.with_group(id).and_then(|(_, group)| group.ways.words(now))
    }

    /// Whether it has addresses that have to be told apart.
    pub(super) fn has_addresses(&self, id: SiteId) -> bool {
        self.site(id).is_some_and(|site| site.targets.len() > 1)
    }

    /// No host that a smarthost's name leads to serves: those that refuse us are asked again, and are believed then.
    pub(super) fn open_ways(&mut self, id: SiteId, now: Instant) {
        let took = self.site(id).is_some_and(|site| site.targets.iter().any(|target| target.took));
        if let Some(group) = self.group_mut(id).filter(|_| !took) {
            group.ways.open_all(now);
        }
    }

    /// The source's address is on a block list, as several sites say: it is no way to any.
    pub(super) fn list(&mut self, source: Arc<str>, until: Instant) {
        self.listed.retain(|(name, _)| *name != source);
        self.listed.push((source, until));
    }

    fn is_listed(&self, source: &Source, now: Instant) -> bool {
        self.listed.iter().any(|(name, until)| *name == source.name && *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn a_way_is_a_pair_and_its_time_ends_with_one_trial() {
        let (mut ways, a) = (Ways::default(), "a");
        assert!(ways.close(a, V6, at(900), at(0), "mx[::1] said \"550 no\""));
        assert!(!ways.close(a, V6, at(901), at(1), "again"), "sessions that began together are refused together");
        assert!(!ways.is_open("a", V6, at(900)) && ways.is_open("a", V4, at(0)) && ways.is_open("b", V6, at(0)));
        assert_eq!(ways.words(at(1)).as_deref(), Some("mx[::1] said \"550 no\""));
        // A session that began before ends well.
        ways.served("a", V6, at(2));
        assert!(!ways.is_open("a", V6, at(2)));
        assert!(ways.is_open("a", V6, at(901)) && ways.words(at(901)).is_none());
        ways.try_out("a", V6, at(901));
        assert!(!ways.is_open("a", V6, at(901)) && ways.words(at(901)).is_none());
        // Refused again, it is closed for as long again; served, it is open.
        assert!(ways.close(a, V6, at(1802), at(902), "again") && !ways.is_open("a", V6, at(1801)));
        ways.try_out("a", V6, at(1802));
        ways.served("a", V6, at(1803));
        assert!(ways.is_open("a", V6, at(1802)));
    }

    #[test]
    fn of_several_the_one_that_is_closed_for_longest_is_shown() {
        let (mut ways, a) = (Ways::default(), "a");
        let says = says_at(Whom { host: "mx", remote: V6, source: a }, &format!("550 {}", "x".repeat(200)));
        assert_eq!(says, format!("mx[2001:db8::1] said \"550 {}…\"", "x".repeat(116)));
        assert_eq!(
            says_at(Whom { host: "mx", remote: V4, source: a }, "550 <ann@a.example>: no"),
            "mx[192.0.2.1] said \"550 <…>: no\""
        );
        ways.close(a, V4, at(60), at(0), "one");
        ways.close(a, V6, at(900), at(0), "two");
        assert_eq!(ways.words(at(1)).as_deref(), Some("two, and 1 more"));
        ways.open_all(at(2));
        assert!(ways.is_open("a", V4, at(2)) && ways.is_open("a", V6, at(2)));
    }
}
