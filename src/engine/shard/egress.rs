//! The egress of a shard: which source the next session leaves from, and what each source may still do.
//!
//! Sources share the sessions by their weights (smooth weighted round robin: spread evenly, not in runs). Guarantees: a
//! source has no more sessions and sends no more messages in an hour than it may; one that fails rests, longer each
//! time, while the others go on; a site for which no source is free waits its turn and is not forgotten.
//! Leaves to others: what addresses a site has (`site`), and the connection (`connection`).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::engine::settings::Delivery;
use crate::engine::source::Source;
use crate::mail::reply::Nameless;
use crate::queue::SiteId;
use crate::smtp::client::{Config, Starttls};
use crate::wire::io::ConnectionId;

/// The first rest of a source that failed; doubles from there.
const REST_MIN: Duration = Duration::from_secs(5);
/// Its longest.
const REST_MAX: Duration = Duration::from_secs(300);
/// How often sites that wait for a source are looked at, whatever else happens: another shard may have given sessions
/// back.
const LOOK: Duration = Duration::from_millis(100);
/// Waiting sites looked at together.
const LOOKED_AT: usize = 64;
/// Messages may leave so much ahead of an even flow.
const BURST: Duration = Duration::from_secs(10);

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
    /// Its address is on a block list: it is not used until then.
    listed_until: Instant,
    failures: u32,
    /// The even spacing of its messages.
    spacing: Option<Duration>,
    /// When the next message would leave in an even flow.
    next: Instant,
    /// Sessions that have room and may not send yet.
    held: VecDeque<ConnectionId>,
}

impl Lane {
    fn new(source: Source, delivery: &Delivery) -> Self {
        let configs = WAYS.map(|starttls| Arc::new(delivery.session_config(&source, starttls)));
        let spacing = source.messages_per_hour.map(|most| Duration::from_secs(3600) / most.max(1));
        Self {
            source,
            configs,
            credit: 0,
            rests_until: Instant::default(),
            listed_until: Instant::default(),
            failures: 0,
            spacing,
            next: Instant::default(),
            held: VecDeque::new(),
        }
    }

    /// When it may send its next message.
    fn sends_at(&self) -> Instant {
        // Saturates: in the first seconds of the clock nothing is held.
        Instant(self.next.0.saturating_sub(u64::try_from(BURST.as_micros()).unwrap_or(u64::MAX)))
    }

    fn is_free(&self, now: Instant) -> bool {
        self.rests_until.max(self.listed_until) <= now
            && self.source.has_room()
            && (self.spacing.is_none() || self.sends_at() <= now)
    }
}

/// See the head of this file.
pub(super) struct Egress {
    lanes: Vec<Lane>,
    /// Sites that want a session and found no source free.
    waiting: VecDeque<SiteId>,
    waits: HashSet<SiteId>,
    /// When they are looked at next.
    look_at: Instant,
}

impl Egress {
    pub(super) fn new(delivery: &Delivery) -> Self {
        Self {
            lanes: delivery.sources.iter().map(|source| Lane::new(source.clone(), delivery)).collect(),
            waiting: VecDeque::new(),
            waits: HashSet::new(),
            look_at: Instant::default(),
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
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if !lane.is_free(now) || !suits(&lane.source) {
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
        let lane = self.lanes.get_mut(index)?;
        lane.credit -= total;
        // Another shard may have taken the last one just now.
        lane.source.enter().then_some(index)
    }

    /// Takes one more session of a source, if it may have one.
    pub(super) fn enter(&mut self, index: usize) -> bool {
        self.lanes.get(index).is_some_and(|lane| lane.source.enter())
    }

    /// A session of the source is gone.
    pub(super) fn leave(&mut self, index: usize) {
        if let Some(lane) = self.lanes.get(index) {
            lane.source.leave();
            // Whoever waits is looked at in this turn.
            self.look_at = Instant::default();
        }
    }

    /// A connection of the source stands.
    pub(super) fn stood(&mut self, index: usize) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.failures = 0;
        }
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
        let others = self.lanes.iter().any(|lane| lane.rests_until <= now);
        let name = self.source(index).map_or("", Source::title);
        tracing::warn!(source = name, why, rest_s = rest.as_secs(), others, "the source rests");
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
    pub(super) fn send(&mut self, index: usize, now: Instant) -> bool {
        let Some(lane) = self.lanes.get_mut(index) else { return true };
        let Some(spacing) = lane.spacing else { return true };
        if lane.sends_at() > now {
            return false;
        }
        lane.next = lane.next.max(now).after(spacing);
        true
    }

    /// The session waits until the source may send again.
    pub(super) fn hold(&mut self, index: usize, id: ConnectionId) {
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.held.push_back(id);
        }
    }

    /// A session that waited and may send again.
    pub(super) fn next_released(&mut self, now: Instant) -> Option<ConnectionId> {
        self.lanes.iter_mut().filter(|lane| lane.sends_at() <= now).find_map(|lane| lane.held.pop_front())
    }

    /// The site waits until a source is free.
    pub(super) fn wait(&mut self, site: SiteId, now: Instant) {
        if self.waits.insert(site) {
            if self.waiting.is_empty() {
                self.look_at = now.after(LOOK);
            }
            self.waiting.push_back(site);
        }
    }

    /// Whether a site waits for a source: idle sessions then make room.
    pub(super) fn is_scarce(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sites that waited, if it is time to look whether a source is free; the next look is a while later.
    pub(super) fn next_waiting(&mut self, now: Instant) -> Vec<SiteId> {
        if self.waiting.is_empty() || self.look_at > now {
            return Vec::new();
        }
        self.look_at = now.after(LOOK);
        if !self.lanes.iter().any(|lane| lane.is_free(now)) {
            return Vec::new();
        }
        let count = self.waiting.len().min(LOOKED_AT);
        let sites: Vec<SiteId> = self.waiting.drain(..count).collect();
        for site in &sites {
            self.waits.remove(site);
        }
        sites
    }

    /// When something of the above is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.lanes.iter().filter(|lane| !lane.held.is_empty()).map(Lane::sends_at);
        held.chain(self.is_scarce().then_some(self.look_at)).min()
    }

    /// What to say when sites wait for a source; `None` if none does.
    pub(super) fn binding(&self, now: Instant) -> Option<String> {
        if self.waiting.is_empty() {
            return None;
        }
        let lane = self.lanes.iter().find(|lane| !lane.is_free(now))?;
        let why = if lane.listed_until > now {
            "rests: its address is on a block list"
        } else if lane.rests_until > now {
            "rests after a failure"
        } else if !lane.source.has_room() {
            "has all the sessions that it may have"
        } else {
            "has sent what it may for now"
        };
        Some(format!("the source {} {why}: {} sites wait", lane.source.title(), self.waiting.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::shard::tests::delivery;

    fn source(name: &str, weight: u32) -> Source {
        let mut source = Source::unbound("me.example".into());
        (source.name, source.weight) = (name.into(), weight);
        source
    }

    fn egress(sources: Vec<Source>) -> Egress {
        Egress::new(&delivery(sources))
    }

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    fn picks(egress: &mut Egress, count: usize, now: Instant) -> String {
        let mut names = String::new();
        for _ in 0..count {
            let picked = egress.pick(now, |_| true).and_then(|index| egress.source(index));
            names.push_str(picked.map_or("-", |source| &source.name));
        }
        names
    }

    #[test]
    fn sessions_are_shared_by_weight_and_spread_evenly() {
        let mut egress = egress(vec![source("a", 5), source("b", 1), source("c", 2)]);
        let names = picks(&mut egress, 16, at(1));
        for (name, count) in [("a", 10), ("b", 2), ("c", 4)] {
            assert_eq!(names.matches(name).count(), count, "{names}");
        }
        assert!(!names.contains("aaaa"), "in no long runs: {names}");
    }

    #[test]
    fn a_source_that_does_not_suit_is_passed_over_and_gets_nothing_for_it_later() {
        let mut egress = egress(vec![source("a", 1), source("b", 1)]);
        for _ in 0..10 {
            let picked = egress.pick(at(1), |source| &*source.name == "b");
            assert_eq!(picked, Some(1));
        }
        let names = picks(&mut egress, 10, at(1));
        assert_eq!(names.matches('a').count(), 5, "{names}");
        assert_eq!(egress.pick(at(1), |_| false), None);
    }

    #[test]
    fn a_full_source_takes_no_more_until_one_is_given_back_whichever_shard_has_it() {
        let mut limited = source("a", 9);
        limited.sessions_max = Some(2);
        let mut one = egress(vec![limited.clone(), source("b", 1)]);
        let mut other = egress(vec![limited]);
        assert_eq!(picks(&mut one, 4, at(1)), "aabb");
        assert_eq!(picks(&mut other, 1, at(1)), "-");
        other.wait(SiteId(7), at(1));
        other.wait(SiteId(7), at(1));
        assert!(other.is_scarce() && other.binding(at(1)).unwrap().contains("all the sessions that it may have"));
        assert_eq!(other.next_waiting(at(2)), []);
        one.leave(0);
        assert_eq!(other.next_waiting(at(2)), [], "not looked at again so soon");
        let due = other.next_due().unwrap();
        assert_eq!(other.next_waiting(due), [SiteId(7)]);
        assert_eq!((other.is_scarce(), other.next_due()), (false, None));
        assert_eq!(picks(&mut other, 2, due), "a-");
    }

    #[test]
    fn a_source_that_fails_rests_longer_each_time_and_the_others_go_on() {
        let mut egress = egress(vec![source("a", 1), source("b", 1)]);
        egress.failed(0, "gone", at(10));
        egress.failed(0, "gone: of the same moment", at(11));
        assert_eq!(picks(&mut egress, 3, at(14)), "bbb");
        assert!(picks(&mut egress, 4, at(15)).contains('a'), "after 5 s");
        egress.failed(0, "gone", at(15));
        assert_eq!(picks(&mut egress, 3, at(24)), "bbb");
        assert!(picks(&mut egress, 4, at(25)).contains('a'), "after 10 s");
        for _ in 0..20 {
            egress.failed(0, "gone", at(1_000_000));
        }
        egress.stood(0);
        egress.failed(0, "gone", at(2_000_000));
        assert!(picks(&mut egress, 4, at(2_000_005)).contains('a'), "one that stood begins anew");
    }

    #[test]
    fn messages_leave_at_an_even_rate() {
        let mut limited = source("a", 1);
        limited.messages_per_hour = Some(3600);
        let mut egress = egress(vec![limited]);
        let id = ConnectionId { index: 3, generation: 0 };
        let sent = |egress: &mut Egress, now| (0..1000).take_while(|_| egress.send(0, now)).count();
        assert_eq!(sent(&mut egress, at(100)), 11, "what 10 s ahead may be, and the first");
        assert_eq!(picks(&mut egress, 1, at(100)), "-", "no session for nothing");
        egress.hold(0, id);
        assert_eq!(egress.next_released(at(100)), None);
        let due = egress.next_due().unwrap();
        assert_eq!(due, at(101));
        assert_eq!((egress.next_released(due), egress.next_released(due)), (Some(id), None));
        assert_eq!(sent(&mut egress, at(200)), 11);
        let hour: usize = (200..3800).map(|second| sent(&mut egress, at(second))).sum();
        assert!((3590..=3600).contains(&hour), "{hour}");
    }
}
