//! What sites with the same exchangers share: one pace, one count of sessions, one place in the metrics.
//!
//! Sites of one group differ in which exchanger they prefer, or in what they demand of TLS. They never share a session, but to the hosts they are one
//! sender: the window, its back-off and its ceiling are the group's. A member's own trouble with TLS (`guard`) holds
//! that member only: a domain's policy must not slow down another domain's mail.
//! Leaves to others: the pace's rules (`shape::site`), targets and stock (`site`).

use std::sync::Arc;
use std::time::Duration;

use super::lifetime::Failure;
use super::secure::Refusal;
use super::site::Sites;
use super::standing::Standing;
use super::ways::Ways;
use crate::base::clock::{Instant, Now, UnixTime};
use crate::engine::brake::{Excess, SiteBrake};
use crate::journal::record::Held;
use crate::mail::Disposition;
use crate::mail::reply::Nameless;
use crate::observe::{Outcomes, Publisher, SiteCounters};
use crate::queue::{Queue, SiteId};
use crate::shape::classify::Judgement;
use crate::shape::site::{Pace, Trouble};

/// The first session with hosts that nobody knows yet goes ahead alone, for so long at most: what it learns (a session of
/// TLS to resume, a limit, a refusal) spares the others a full handshake, or the connection.
const AHEAD_ALONE: Duration = Duration::from_secs(1);
/// A session that is being opened will take so many messages at least before another one is worth its round trips, and its
/// handshake, which costs as much as dozens of messages.
const MESSAGES_EACH: u32 = 8;
/// Sites without sessions that are looked at for what binds.
const LOOKED_AT: usize = 1000;
/// A member without sessions asks another one to give one up at most once in this time.
const YIELD_REST: Duration = Duration::from_secs(1);

/// See the head of this file.
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) pace: Pace,
    pub(super) sessions: u32,
    /// Of these, the ones that the hosts let in: greeting and EHLO are done.
    ready: u32,
    /// Until then the first session is alone, unless it is let in before.
    alone_until: Instant,
    pub(super) members: Vec<SiteId>,
    /// Since when nothing was delivered and sessions failed, in earlier processes too.
    pub(super) unreachable_since: Option<UnixTime>,
    /// The last session of this process that failed, if none has delivered anything since.
    failure: Option<Box<Failure>>,
    /// Whether all that could be tried failed, in this process, and nothing was delivered since.
    in_vain: bool,
    yields_after: Instant,
    /// What its hosts have said of us.
    standing: Standing,
    brake: SiteBrake,
    /// Nothing more is sent there in this run.
    held: bool,
    /// By which they refuse us.
    pub(super) ways: Ways,
    /// Its rest was told of, its end was not.
    rests: bool,
    /// Where its counts are shown; `None` for the many small ones that share one place.
    publisher: Option<Publisher>,
    counters: SiteCounters,
}

impl Group {
    /// The sentence that says how long it rests, where that is no longer what it was.
    fn said(&mut self, held: Option<Instant>, now: Instant) -> Option<String> {
        if self.pace.next_due() == held {
            return None;
        }
        self.rests = true;
        Some(self.pace.binding(now).to_string())
    }
}

impl Sites {
    /// The group of this name, made if it is new.
    pub(super) fn enter_group(&mut self, name: &Arc<str>, member: SiteId) -> usize {
        if let Some(&index) = self.by_group.get(name) {
            if let Some(group) = self.groups.get_mut(index) {
                group.members.push(member);
            }
            return index;
        }
        let index = self.groups.len();
        let publisher = self.observer.site(name);
        if publisher.is_some() {
            self.published.push(index);
        }
        self.by_group.insert(name.clone(), index);
        self.groups.push(Group {
            name: name.clone(),
            pace: Pace::new(self.limits.clone(), self.trusted),
            sessions: 0,
            ready: 0,
            alone_until: Instant::default(),
            members: vec![member],
            unreachable_since: self.holds.since(Held::Hosts, name),
            failure: None,
            in_vain: false,
            yields_after: Instant::default(),
            standing: Standing::default(),
            brake: SiteBrake::default(),
            held: false,
            ways: Ways::default(),
            rests: false,
            publisher,
            counters: SiteCounters::default(),
        });
        index
    }

    pub(super) fn group_mut(&mut self, id: SiteId) -> Option<&mut Group> {
        let index = self.site(id)?.group;
        self.groups.get_mut(index)
    }

    fn group(&self, id: SiteId) -> Option<&Group> {
        self.groups.get(self.site(id)?.group)
    }

    /// Every member is looked at again; `id` last, so that the others have their turn.
    pub(super) fn touch_group(&mut self, id: SiteId) {
        let members = self.group(id).map(|group| group.members.len()).unwrap_or_default();
        for nth in 0..members {
            if let Some(&member) = self.group(id).and_then(|group| group.members.get(nth))
                && member != id
            {
                self.touch(member);
            }
        }
        self.touch(id);
    }

    /// How many sessions the site may have now.
    pub(super) fn window(&mut self, id: SiteId, now: Now) -> u32 {
        let (window, resumed) = self.group_mut(id).map_or((0, false), |group| {
            let resumed = group.pace.poll(now.mono) && std::mem::take(&mut group.rests);
            (if group.held { 0 } else { group.pace.window(now.mono) }, resumed)
        });
        if resumed {
            self.resumed.push(id);
        }
        self.site_mut(id).map_or(0, |site| {
            site.guard.poll(now.mono);
            site.guard.window(now.mono).min(window)
        })
    }

    /// Whether one more session should be opened: there is work that no open session has room for.
    pub(super) fn wants_session(&mut self, id: SiteId, queue_ready: bool, now: Now) -> bool {
        let Some(group) = self.group(id) else { return false };
        let alone = group.sessions > 0 && group.ready == 0 && now.mono < group.alone_until && !self.trusted;
        let (alone_until, room) = (group.alone_until, group.sessions < group.pace.window(now.mono));
        if !room || !self.lacks_session(id, queue_ready, now) {
            return false;
        }
        if alone {
            // Each member that was put off has to be looked at again by itself: the first session may never be let in.
            self.wake(id, alone_until);
        }
        !alone
    }

    fn lacks_session(&self, id: SiteId, queue_ready: bool, now: Now) -> bool {
        let Some(site) = self.site(id) else { return false };
        let work = site.stock.len() as u32 + u32::from(site.sessions == 0 && (queue_ready || site.cooking > 0));
        // While nobody was let in, the session that is being opened may be with a host that says nothing: no message
        // waits for it longer than it is alone.
        let each = if self.trusted || self.sessions_ready(id) == 0 { 1 } else { MESSAGES_EACH };
        site.sessions < site.guard.window(now.mono) && site.hungry.is_empty() && work.div_ceil(each) > site.opening
    }

    /// A member of the group that should give up a session, so that this one, which has none, gets its turn.
    pub(super) fn wants_room(&mut self, id: SiteId, queue_ready: bool, now: Now) -> Option<SiteId> {
        let without = self.site(id).is_some_and(|site| site.sessions == 0) && self.lacks_session(id, queue_ready, now);
        let group = self.group(id)?;
        if !without || group.members.len() < 2 || group.sessions < group.pace.window(now.mono) {
            return None;
        }
        let at = now.mono.after(YIELD_REST);
        let due = group.yields_after <= now.mono;
        let of = |member: &SiteId| self.site(*member).map_or(0, |site| site.sessions);
        let giver = group.members.iter().copied().max_by_key(of).filter(|member| of(member) > 0);
        self.wake(id, at);
        if !due {
            return None;
        }
        if let Some(group) = self.group_mut(id) {
            group.yields_after = at;
        }
        giver
    }

    pub(super) fn session_opened(&mut self, id: SiteId, now: Now) {
        if let Some(site) = self.site_mut(id) {
            site.sessions += 1;
            site.opening += 1;
        }
        let alone_until = now.mono.after(AHEAD_ALONE);
        if let Some(group) = self.group_mut(id) {
            group.sessions += 1;
            if group.sessions == 1 {
                group.alone_until = alone_until;
            }
        }
    }

    /// A connection stands. A server of our own needs no more before the next one is opened.
    pub(super) fn session_connected(&mut self, id: SiteId) {
        if self.trusted {
            self.no_longer_opening(id);
        }
    }

    fn no_longer_opening(&mut self, id: SiteId) {
        if let Some(site) = self.site_mut(id) {
            site.opening = site.opening.saturating_sub(1);
        }
    }

    /// A session was let in.
    pub(super) fn session_ready(&mut self, id: SiteId) {
        if !self.trusted {
            self.no_longer_opening(id);
        }
        if let Some(group) = self.group_mut(id) {
            group.ready += 1;
            if group.ready == 1 {
                self.touch_group(id);
            }
        }
    }

    /// How many sessions of the group were let in.
    pub(super) fn sessions_ready(&self, id: SiteId) -> u32 {
        self.group(id).map_or(0, |group| group.ready)
    }

    /// A session that was ready is gone.
    pub(super) fn session_unready(&mut self, id: SiteId) {
        if let Some(group) = self.group_mut(id) {
            group.ready = group.ready.saturating_sub(1);
        }
    }

    /// A session is gone: whether its connection ever stood, and whether it was let in.
    pub(super) fn session_closed(&mut self, id: SiteId, connected: bool, ready: bool) {
        if !(if self.trusted { connected } else { ready }) {
            self.no_longer_opening(id);
        }
        if let Some(site) = self.site_mut(id) {
            site.sessions = site.sessions.saturating_sub(1);
        }
        if let Some(group) = self.group_mut(id) {
            group.sessions = group.sessions.saturating_sub(1);
        }
        self.touch_group(id);
    }

    // -- pace --------------------------------------------------------------------------------------------------------

    /// Counts what became of recipients at the site.
    pub(super) fn count(&mut self, id: SiteId, outcomes: &Outcomes, deferrals: u64) {
        let Some(index) = self.site(id).map(|site| site.group) else { return };
        let counters = match self.groups.get_mut(index) {
            Some(Group { publisher: Some(_), counters, .. }) => counters,
            _ => &mut self.others.1,
        };
        for disposition in Disposition::ALL {
            counters.recipients.add(disposition, outcomes.get(disposition));
        }
        counters.deferrals += deferrals;
    }

    /// Shows the counts of the sites, where somebody may look.
    pub(super) fn publish(&mut self, now: Instant, queue: &Queue) {
        if !self.observer.is_on() {
            return;
        }
        for &index in &self.published {
            let Some(group) = self.groups.get_mut(index) else { continue };
            group.counters.sessions_open = u64::from(group.sessions);
            group.counters.window = u64::from(group.pace.window(now));
            group.counters.waiting = group.members.iter().map(|&id| queue.site_counts(id).waiting()).sum();
            group.counters.backoff_s = group.pace.next_due().map_or(0, |at| at.since(now).as_secs());
            if let Some(publisher) = &mut group.publisher {
                publisher.publish(&group.counters);
            }
        }
        let (publisher, counters) = &mut self.others;
        publisher.publish(counters);
    }

    /// Messages were accepted.
    pub(super) fn succeeded(&mut self, id: SiteId, messages: u64, now: Now) {
        self.no_longer_held(id, now);
        if let Some(group) = self.group_mut(id) {
            for _ in 0..messages {
                group.pace.handle_clean(now.mono);
            }
        }
    }

    /// Something was delivered there: nothing holds it up. What ends well during a hold was begun before it, and says nothing
    /// of those who wait for its end.
    pub(super) fn no_longer_held(&mut self, id: SiteId, now: Now) {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return };
        if site.guard.window(now.mono) > 0 && site.insecure_since.take().is_some() {
            (site.refusal, site.failure, site.in_vain) = (None, None, false);
            site.guard.handle_clean(now.mono);
            self.holds.end(Held::Security, &site.place.name);
        }
        if let Some(group) = self.groups.get_mut(site.group).filter(|group| group.pace.window(now.mono) > 0) {
            (group.failure, group.in_vain) = (None, false);
            if group.unreachable_since.take().is_some() {
                self.holds.end(Held::Hosts, &group.name);
            }
        }
    }

    /// A session ended without having delivered anything: for want of TLS, which concerns this site only, or otherwise.
    pub(super) fn failed(&mut self, id: SiteId, failure: Failure, insecure: bool) {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return };
        let kept = match self.groups.get_mut(site.group) {
            Some(group) if !insecure => &mut group.failure,
            _ => &mut site.failure,
        };
        if !kept.as_ref().is_some_and(|kept| kept.outweighs(&failure)) {
            *kept = Some(Box::new(failure));
        }
    }

    /// Nothing that could be tried at the group's hosts worked.
    fn tried_in_vain(&mut self, index: usize, why: &str, now: Now) {
        let Some(group) = self.groups.get_mut(index) else { return };
        let since = self.holds.begin(Held::Hosts, &group.name, now.unix);
        group.unreachable_since.get_or_insert(since);
        let at = self.holds.time(now.unix);
        group.failure.get_or_insert_with(|| Box::new(Failure::own(&Nameless(why).to_string(), at)));
        group.in_vain = true;
    }

    /// No session can leave for the site, for this reason.
    pub(super) fn cut_off(&mut self, id: SiteId, failure: Failure, now: Now) {
        let Some(index) = self.site(id).map(|site| site.group) else { return };
        self.failed(id, failure, false);
        self.tried_in_vain(index, "", now);
    }

    /// What failed last at the site, to be given back with [`Sites::put_failure`].
    pub(super) fn take_failure(&mut self, id: SiteId) -> Option<Box<Failure>> {
        let site = self.sites.get_mut(id.0 as usize)?;
        if site.in_vain && site.failure.is_some() {
            return site.failure.take();
        }
        self.groups.get_mut(site.group)?.failure.take()
    }

    /// See [`Sites::take_failure`].
    pub(super) fn put_failure(&mut self, id: SiteId, failure: Box<Failure>) {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return };
        if site.in_vain && site.failure.is_none() {
            site.failure = Some(failure);
        } else if let Some(group) = self.groups.get_mut(site.group) {
            group.failure = Some(failure);
        }
    }

    /// Whether all that could be tried there failed, in this process, and nothing was delivered since.
    pub(super) fn is_failing(&self, id: SiteId) -> bool {
        let Some((site, group)) = self.site(id).zip(self.group(id)) else { return false };
        group.in_vain || site.in_vain
    }

    /// A session was not let in. Where others were, they are as many as the hosts take: whether that is so.
    pub(super) fn crowded(&mut self, id: SiteId, now: Now) -> bool {
        let Some(group) = self.group_mut(id).filter(|group| group.ready > 0) else { return false };
        group.pace.handle_crowd(now.mono, group.ready);
        self.touch_group(id);
        true
    }

    /// One session of those that work broke: fewer are kept, and nothing rests.
    pub(super) fn lost_one(&mut self, id: SiteId, now: Now) {
        if let Some(group) = self.group_mut(id) {
            group.pace.handle_loss(now.mono);
        }
        self.touch_group(id);
    }

    /// A reply reaches further than its recipient. The sentence that says what follows, when the group's hold is new: then
    /// nothing is delivered there until the site thinks better of us, and its recipients' lifetime bounds that.
    pub(super) fn judged(
        &mut self,
        id: SiteId,
        judgement: &Judgement,
        why: &str,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<String> {
        let index = self.site(id)?.group;
        let group = self.groups.get_mut(index)?;
        let held = group.pace.next_due();
        group.pace.handle_judgement(now.mono, judgement, rng);
        let said = group.said(held, now.mono);
        // Whoever turns each session away during a pause is not reached either.
        if said.is_some() || self.group(id).is_some_and(|group| group.ready == 0 && group.failure.is_some()) {
            self.tried_in_vain(index, why, now);
        }
        self.touch_group(id);
        said
    }

    /// What the site's hosts have said of us.
    pub(super) fn standing(&self, id: SiteId) -> Standing {
        self.group(id).map_or_else(Standing::default, |group| group.standing)
    }

    pub(super) fn standing_mut(&mut self, id: SiteId) -> Option<&mut Standing> {
        self.group_mut(id).map(|group| &mut group.standing)
    }

    /// Counts what became of recipients at the site; says so if too many bounced: nothing more is sent there in this run.
    pub(super) fn brake(&mut self, id: SiteId, delivered: u32, bounces: &[Box<str>], max: f64) -> Option<Excess> {
        let index = self.site(id)?.group;
        let group = self.groups.get_mut(index).filter(|group| !group.held)?;
        let excess = group.brake.count(delivered, bounces, max)?;
        group.held = true;
        self.held.push(index);
        self.touch_group(id);
        Some(excess)
    }

    /// Recipients that wait at sites where nothing more is sent in this run.
    pub(super) fn waiting_held(&self, queue: &Queue) -> u64 {
        let members = self.held.iter().filter_map(|index| self.groups.get(*index)).flat_map(|group| &group.members);
        members.map(|&id| queue.site_counts(id).waiting()).sum()
    }

    /// Until when nothing is opened at the site's hosts, if they rest.
    pub(super) fn rests_until(&self, id: SiteId) -> Option<Instant> {
        let holds = [self.group(id)?.pace.next_due(), self.site(id)?.guard.next_due()];
        holds.into_iter().flatten().max()
    }

    /// No session could be had, or one broke: the group slows down or backs off. The sentence that says so, when its hold
    /// is new.
    pub(super) fn troubled(
        &mut self,
        id: SiteId,
        trouble: Trouble,
        why: &str,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<String> {
        let index = self.site(id)?.group;
        self.tried_in_vain(index, why, now);
        let group = self.groups.get_mut(index)?;
        let held = group.pace.next_due();
        group.pace.handle_trouble(now.mono, trouble, rng);
        let said = group.said(held, now.mono);
        self.refresh_targets(id);
        self.touch_group(id);
        said
    }

    /// No host of the site gave the TLS that is demanded: this site backs off, its group does not. The sentence that says
    /// so, when its hold is new.
    pub(super) fn insecure(&mut self, id: SiteId, now: Now, rng: &mut fastrand::Rng) -> Option<String> {
        let site = self.sites.get_mut(id.0 as usize)?;
        site.insecure_since.get_or_insert(self.holds.begin(Held::Security, &site.place.name, now.unix));
        site.in_vain = true;
        let held = site.guard.next_due();
        site.guard.handle_trouble(now.mono, Trouble::Insecure, rng);
        let said = (site.guard.next_due() != held).then(|| site.guard.binding(now.mono).to_string());
        self.refresh_targets(id);
        self.touch(id);
        said
    }

    /// We are refused by every way to the site, which rests for so long; `careful`: one session goes first then. The sentence
    /// that says so, when its hold is new. Where the hosts have another way for sites that demand less, this one rests alone.
    pub(super) fn rest_refused(
        &mut self,
        id: SiteId,
        (rest, careful): (Duration, bool),
        why: &str,
        now: Now,
    ) -> Option<String> {
        if self.is_alone_without(id, now.mono) {
            return self.rest_alone(id, rest, why, now);
        }
        let index = self.site(id)?.group;
        let group = self.groups.get_mut(index)?;
        let held = group.pace.next_due();
        if careful {
            group.pace.pause(now.mono, rest);
        } else {
            group.pace.rest(now.mono, rest);
        }
        let said = group.said(held, now.mono);
        self.tried_in_vain(index, why, now);
        self.touch_group(id);
        said
    }

    fn rest_alone(&mut self, id: SiteId, rest: Duration, why: &str, now: Now) -> Option<String> {
        let at = self.holds.time(now.unix);
        let site = self.sites.get_mut(id.0 as usize)?;
        site.insecure_since.get_or_insert(self.holds.begin(Held::Security, &site.place.name, now.unix));
        site.failure.get_or_insert_with(|| Box::new(Failure::own(&Nameless(why).to_string(), at)));
        site.in_vain = true;
        let held = site.guard.next_due();
        site.guard.rest(now.mono, rest);
        let said = (site.guard.next_due() != held).then(|| site.guard.binding(now.mono).to_string());
        self.touch(id);
        said
    }

    /// What the recipients of a site are told while it is held for want of TLS.
    pub(super) fn refuse(&mut self, id: SiteId, refusal: Refusal) {
        if let Some(site) = self.site_mut(id) {
            site.refusal = Some(Box::new(refusal));
        }
    }

    /// See [`Sites::refuse`], which is to be given it back; `None` while the site is not held for that.
    pub(super) fn take_refusal(&mut self, id: SiteId, now: Now) -> Option<Refusal> {
        let site = self.site_mut(id)?;
        let held = site.guard.window(now.mono) == 0;
        site.refusal.take_if(|_| held).map(|refusal| *refusal)
    }

    /// Whether nothing could be sent to the site for a lifetime, and it fails still.
    pub(super) fn is_given_up(&self, id: SiteId, now: Now) -> bool {
        let Some((site, group)) = self.site(id).zip(self.group(id)) else { return false };
        let over = |since: Option<UnixTime>| since.is_some_and(|since| self.holds.left(since, now.unix).is_zero());
        group.in_vain && over(group.unreachable_since) || site.in_vain && over(site.insecure_since)
    }

    /// The time until the site is given up, if it is in trouble and not given up already.
    pub(super) fn given_up_in(&self, id: SiteId, now: Now) -> Option<Duration> {
        let left = self.held_since(id).map(|since| self.holds.left(since, now.unix));
        left.filter(|left| !left.is_zero()).min()
    }

    fn held_since(&self, id: SiteId) -> impl Iterator<Item = UnixTime> {
        let hosts = self.group(id).and_then(|group| group.unreachable_since);
        let security = self.site(id).and_then(|site| site.insecure_since);
        [hosts, security].into_iter().flatten()
    }

    /// Whether the two have the same hosts.
    pub(super) fn share_hosts(&self, one: SiteId, other: SiteId) -> bool {
        self.site(one).zip(self.site(other)).is_some_and(|(one, other)| one.group == other.group)
    }

    /// The site with most to do; none, where sessions have all there is.
    pub(super) fn busiest(&self, queue: &Queue) -> Option<SiteId> {
        let stocked = self.groups.iter().filter(|group| group.sessions > 0).flat_map(|group| &group.members).copied();
        let ready = queue.sites_ready().take(LOOKED_AT);
        let work = |id: SiteId| {
            let ahead = self.site(id).map_or(0, |site| site.stock.len() as u64 + u64::from(site.cooking));
            queue.site_counts(id).ready + ahead
        };
        let bound = stocked.chain(ready).map(|id| (work(id), id)).filter(|(work, _)| *work > 0).max_by_key(|(n, _)| *n);
        bound.map(|(_, id)| id)
    }

    /// What binds the rate of that site.
    pub(super) fn binding(&self, queue: &Queue, now: Instant) -> String {
        let Some(group) = self.busiest(queue).and_then(|id| self.group(id)) else { return String::new() };
        let held = group.members.iter().filter_map(|&id| self.site(id)).find(|site| site.guard.window(now) == 0);
        let binding = match held {
            Some(site) if group.sessions == 0 => site.guard.binding(now),
            _ => group.pace.binding(now),
        };
        let refusals = group.ways.words(now).map(|words| format!("; {words}")).unwrap_or_default();
        format!("{}: {binding}{refusals}", group.name)
    }
}
