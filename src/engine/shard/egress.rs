//! The egress of a shard: which source the next session leaves from, and what each source, and this machine, may still
//! do.
//!
//! Sources share the sessions by their weights (smooth weighted round robin: spread evenly, not in runs). Guarantees: all
//! shards together have no more sessions and send no more messages in an hour than a source may, and no more sessions
//! than this machine has descriptors for; a source that fails rests, longer each time, while the others go on; a site for
//! which nothing is free waits its turn and is not forgotten, and a shard that gives something back lets others go first.
//! Leaves to others: what addresses a site has (`site`), the connection (`connection`), and waking other shards.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::many::Many;
use crate::base::span::Span;
use crate::engine::budget::{Budget, Descriptors, Rate, Shards};
use crate::engine::settings::Delivery;
use crate::engine::shard::shortage::Shortage;
use crate::engine::source::Source;
use crate::mail::reply::Nameless;
use crate::queue::SiteId;
use crate::smtp::client::{Config, Starttls};
use crate::wire::io::ConnectionId;

/// The first rest of a source that failed; doubles from there.
const REST_MIN: Duration = Duration::from_secs(5);
/// Its longest.
const REST_MAX: Duration = Duration::from_secs(300);
/// How often sites that wait for a source are looked at, whatever else happens.
const LOOK: Duration = Duration::from_millis(100);
/// Waiting sites looked at together.
const LOOKED_AT: usize = 64;
/// What a session may do about TLS.
const WAYS: [Starttls; 3] = [Starttls::Never, Starttls::Offered, Starttls::Required];

/// A source as this shard uses it.
struct Lane {
    source: Source,
    /// How its sessions run, by what is done about TLS.
    configs: [Arc<Config>; 3],
    /// Smooth weighted round robin: who has waited longest for its share.
    credit: i64,
    rests_until: Instant,
    /// Why it rests.
    failure: Box<str>,
    /// Its address is on a block list: it is not used until then.
    listed_until: Instant,
    failures: u32,
    /// A connection by IPv6 has stood.
    stood_v6: bool,
    sessions: Option<Arc<Budget>>,
    rate: Option<Arc<Rate>>,
    /// Sessions that have room and may not send yet.
    held: VecDeque<ConnectionId>,
}

impl Lane {
    fn new(source: Source, delivery: &Delivery) -> Self {
        let configs = WAYS.map(|starttls| Arc::new(delivery.session_config(&source, starttls)));
        Self {
            configs,
            credit: 0,
            rests_until: Instant::default(),
            failure: Box::default(),
            listed_until: Instant::default(),
            failures: 0,
            stood_v6: false,
            sessions: source.sessions().cloned(),
            rate: source.rate().cloned(),
            held: VecDeque::new(),
            source,
        }
    }

    /// When it may send its next message.
    fn sends_at(&self, shard: u16) -> Instant {
        self.rate.as_ref().map_or_else(Instant::default, |rate| rate.opens_at(shard))
    }

    fn has_room(&self, shard: u16, now: Instant) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.is_free(shard, now))
    }

    fn is_free(&self, shard: u16, now: Instant) -> bool {
        self.rests_until.max(self.listed_until) <= now && self.has_room(shard, now) && self.sends_at(shard) <= now
    }
}

/// See the head of this file.
pub(super) struct Egress {
    shard: u16,
    lanes: Vec<Lane>,
    /// The descriptors that sessions may have.
    descriptors: Arc<Budget>,
    /// The limit on open files.
    limit: u64,
    shortage: Shortage,
    /// Sites that want a session and found nothing free.
    waiting: VecDeque<SiteId>,
    waits: HashSet<SiteId>,
    /// When they are looked at next.
    look_at: Instant,
    /// Shards that wait for what was given back, or that are to give something back, since they were last asked for.
    stirred: Shards,
    /// When idle sessions are looked at next, for those that wait for one.
    idle_at: Instant,
}

impl Egress {
    pub(super) fn new(delivery: &Delivery, shard: u16, descriptors: Descriptors) -> Self {
        Self {
            shard,
            lanes: delivery.sources.iter().map(|source| Lane::new(source.clone(), delivery)).collect(),
            descriptors: descriptors.sessions,
            limit: descriptors.limit,
            shortage: Shortage::default(),
            waiting: VecDeque::new(),
            waits: HashSet::new(),
            look_at: Instant::default(),
            stirred: Shards::default(),
            idle_at: Instant::default(),
        }
    }

    pub(super) fn source(&self, index: usize) -> Option<&Source> {
        self.lanes.get(index).map(|lane| &lane.source)
    }

    /// How the sessions of a source run.
    pub(super) fn config(&self, index: usize, starttls: Starttls) -> Option<Arc<Config>> {
        let way = WAYS.iter().position(|way| *way == starttls)?;
        self.lanes.get(index)?.configs.get(way).cloned()
    }

    /// The source of the next session, of those that are free and that `suits`; one of its sessions is taken, to be given
    /// back with [`Egress::leave`].
    pub(super) fn pick(&mut self, now: Instant, suits: impl Fn(&Source) -> bool) -> Option<usize> {
        if !self.has_descriptor(now) {
            return None;
        }
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if !lane.is_free(self.shard, now) || !suits(&lane.source) {
                continue;
            }
            let weight = i64::from(lane.source.weight);
            total += weight;
            lane.credit += weight;
            if best.is_none_or(|(_, credit)| lane.credit > credit) {
                best = Some((index, lane.credit));
            }
        }
        let (index, _) = best?;
        self.lanes.get_mut(index)?.credit -= total;
        // Another shard may have taken the last one just now.
        self.enter(index).then_some(index)
    }

    /// Whether this machine has no socket for a session at present.
    pub(super) fn is_short(&self, now: Instant) -> bool {
        self.shortage.lasts(now)
    }

    fn has_descriptor(&self, now: Instant) -> bool {
        !self.shortage.lasts(now) && self.descriptors.is_free(self.shard, now)
    }

    /// This machine had no socket for a session: that is no site's fault and no source's. Nothing is opened for a moment, and
    /// no more sessions than there are now, for a while.
    pub(super) fn short(&mut self, errno: i32, now: Instant) {
        if errno != libc::EADDRNOTAVAIL {
            self.descriptors.narrow();
        }
        self.shortage.begins(errno, now, self.limit, self.descriptors.taken());
    }

    /// Takes one more session of a source, if it may have one.
    pub(super) fn enter(&mut self, index: usize) -> bool {
        let Some(lane) = self.lanes.get(index) else { return false };
        if lane.sessions.as_ref().is_some_and(|sessions| !sessions.take(self.shard)) {
            return false;
        }
        let taken = self.descriptors.take(self.shard);
        if let (false, Some(sessions)) = (taken, &lane.sessions) {
            self.stirred = self.stirred.and(sessions.give(Instant::default()));
        }
        taken
    }

    /// A session of the source is gone.
    pub(super) fn leave(&mut self, index: usize, now: Instant) {
        let Some(lane) = self.lanes.get(index) else { return };
        let of_source = lane.sessions.as_ref().map(|sessions| sessions.give(now)).unwrap_or_default();
        self.stirred = self.stirred.and(of_source).and(self.descriptors.give(now));
        // Whoever waits is looked at in this turn.
        self.look_at = Instant::default();
    }

    /// A connection of the source stands.
    pub(super) fn stood(&mut self, index: usize, remote: SocketAddr) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.failures = 0;
            lane.stood_v6 |= remote.is_ipv6();
        }
    }

    /// Whether a connection of the source to an address of this family ever stood.
    pub(super) fn has_stood(&self, index: usize, remote: SocketAddr) -> bool {
        self.lanes.get(index).is_some_and(|lane| remote.is_ipv4() || lane.stood_v6)
    }

    /// The source cannot be used for now.
    pub(super) fn failed(&mut self, index: usize, why: &str, now: Instant) {
        let Some(lane) = self.lanes.get_mut(index) else { return };
        // Sessions that began together fail together: that is one failure.
        if lane.rests_until > now {
            return;
        }
        let rest = REST_MIN.saturating_mul(1 << lane.failures.min(10)).min(REST_MAX);
        lane.failures = lane.failures.saturating_add(1);
        lane.rests_until = now.after(rest);
        lane.failure = why.into();
        let others = self.lanes.iter().any(|lane| lane.rests_until <= now);
        let name = self.source(index).map_or("", Source::title);
        tracing::warn!(source = name, why, rest_s = rest.as_secs(), others, "the source rests");
    }

    /// Why no source that `suits` can be used now, where all of them have failed or are on a block list.
    pub(super) fn failing(&self, now: Instant, suits: impl Fn(&Source) -> bool) -> Option<String> {
        let mut suitable = self.lanes.iter().filter(|lane| suits(&lane.source));
        let rests = |lane: &Lane| lane.rests_until.max(lane.listed_until) > now;
        let failed = suitable.clone().find(|lane| lane.rests_until > now)?;
        suitable.all(rests).then(|| format!("the source {}: {}", failed.source.title(), failed.failure))
    }

    /// The source's address is on a block list: it is not used for a while.
    pub(super) fn list(&mut self, index: usize, why: &str, rest: Duration, now: Instant) {
        let Some(lane) = self.lanes.get_mut(index).filter(|lane| lane.listed_until <= now) else { return };
        lane.listed_until = now.after(rest);
        let others = self.has_unlisted(now);
        let name = self.source(index).map_or("", Source::title);
        let why = Nameless(why);
        tracing::warn!(source = name, %why, rest_s = rest.as_secs(), others, "the source rests: its address is on a block list");
    }

    /// Whether there is a source whose address is on no block list, as far as we know.
    pub(super) fn has_unlisted(&self, now: Instant) -> bool {
        self.lanes.iter().any(|lane| lane.listed_until <= now)
    }

    /// The same, beside this one.
    pub(super) fn has_another(&self, index: usize, now: Instant) -> bool {
        self.lanes.len() > 1
            && self.lanes.iter().enumerate().any(|(other, lane)| other != index && lane.listed_until <= now)
    }

    /// All sources.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.lanes.iter().map(|lane| &lane.source)
    }

    /// Whether a message may leave by the source now; if so it is counted.
    pub(super) fn send(&self, index: usize, now: Instant) -> bool {
        let shard = self.shard;
        let Some(rate) = self.lanes.get(index).and_then(|lane| lane.rate.as_ref()) else { return true };
        rate.send(shard, now)
    }

    /// The session waits until the source may send again.
    pub(super) fn hold(&mut self, index: usize, id: ConnectionId) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.held.push_back(id);
            if let Some(rate) = &lane.rate {
                rate.waiting.enter(self.shard);
            }
        }
    }

    /// A session that waited and may send again.
    pub(super) fn next_released(&mut self, now: Instant) -> Option<ConnectionId> {
        let shard = self.shard;
        self.lanes.iter_mut().filter(|lane| lane.sends_at(shard) <= now).find_map(|lane| {
            let released = lane.held.pop_front();
            if let Some(rate) = &lane.rate
                && lane.held.is_empty()
            {
                rate.waiting.leave(shard);
            }
            released
        })
    }

    /// The site waits until something is free that it can use.
    pub(super) fn wait(&mut self, site: SiteId, now: Instant, suits: impl Fn(&Source) -> bool) {
        if self.waits.insert(site) {
            if self.waiting.is_empty() {
                self.look_at = now.after(LOOK);
            }
            self.waiting.push_back(site);
        }
        let suitable = self.lanes.iter().filter(|lane| suits(&lane.source)).filter_map(|lane| lane.sessions.as_ref());
        for budget in suitable.chain([&self.descriptors]) {
            // Said first, looked at again then: what is given back meanwhile is seen by one of the two.
            if !budget.has_room() && budget.waiting.enter(self.shard) {
                // The others may have idle sessions to give up.
                self.stirred = Shards::all();
                if budget.has_room() {
                    self.look_at = now;
                }
            }
        }
    }

    /// Other shards that are to look at what was given back, or at what they could give back; asked for once.
    pub(super) fn stirred(&mut self) -> Shards {
        std::mem::take(&mut self.stirred).but(self.shard)
    }

    /// Whether a site, of this shard or of another one, waits for a session: idle ones then make room.
    pub(super) fn is_scarce(&self) -> bool {
        let budgets = self.lanes.iter().filter_map(|lane| lane.sessions.as_ref());
        budgets.chain([&self.descriptors]).any(|budget| !budget.waiting.shards().is_empty())
    }

    /// Whether idle sessions should make room now; the next look is a while later.
    pub(super) fn wants_idle(&mut self, now: Instant) -> bool {
        let wants = self.idle_at <= now && self.is_scarce();
        if wants {
            self.idle_at = now.after(LOOK);
        }
        wants
    }

    /// Sites that waited, if it is time to look whether a source is free; the next look is a while later.
    pub(super) fn next_waiting(&mut self, now: Instant) -> Vec<SiteId> {
        let shard = self.shard;
        if self.waiting.is_empty() || self.look_at > now {
            return Vec::new();
        }
        self.look_at = now.after(LOOK);
        if self.shortage.may_widen(now) {
            self.descriptors.widen();
        }
        if !self.has_descriptor(now) || !self.lanes.iter().any(|lane| lane.is_free(shard, now)) {
            return Vec::new();
        }
        let count = self.waiting.len().min(LOOKED_AT);
        let sites: Vec<SiteId> = self.waiting.drain(..count).collect();
        for site in &sites {
            self.waits.remove(site);
        }
        if self.waiting.is_empty() {
            self.wait_no_more();
        }
        sites
    }

    /// No site of this shard waits: nobody leaves anything to it.
    fn wait_no_more(&self) {
        for budget in self.lanes.iter().filter_map(|lane| lane.sessions.as_ref()).chain([&self.descriptors]) {
            budget.waiting.leave(self.shard);
        }
    }

    /// Nothing begins here any more.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
        self.waits.clear();
        self.wait_no_more();
        self.lanes.iter().filter_map(|lane| lane.rate.as_ref()).for_each(|rate| rate.waiting.leave(self.shard));
    }

    /// When something of the above is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.lanes.iter().filter(|lane| !lane.held.is_empty()).map(|lane| lane.sends_at(self.shard));
        held.chain((!self.waiting.is_empty()).then_some(self.look_at)).min()
    }

    /// What to say when sites wait for a source, or sessions for its next message; `None` if none does.
    pub(super) fn binding(&self, now: Instant) -> Option<String> {
        if self.waiting.is_empty() {
            let held = self.lanes.iter().find(|lane| !lane.held.is_empty())?;
            let next = Span(held.sends_at(self.shard).since(now)).rough();
            let sessions = Many(held.held.len() as u64, "session waits", "sessions wait");
            let name = held.source.title();
            return Some(format!("messages_per_hour of {name}: {sessions}, the next message leaves in {next}"));
        }
        let sites = Many(self.waiting.len() as u64, "site waits", "sites wait");
        if self.shortage.is_recent(now) || !self.descriptors.has_room() {
            return Some(format!("{}: {sites}", self.shortage.words(self.limit, self.descriptors.taken())));
        }
        let lane = self.lanes.iter().find(|lane| !lane.is_free(self.shard, now))?;
        let why = if lane.listed_until > now {
            "rests: its address is on a block list"
        } else if lane.rests_until > now {
            "rests after a failure"
        } else if !lane.has_room(self.shard, now) {
            "has all the sessions that it may have"
        } else {
            "has sent its messages_per_hour for now"
        };
        Some(format!("the source {} {why}: {sites}", lane.source.title()))
    }
}

#[cfg(test)]
mod tests;
