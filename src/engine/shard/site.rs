//! The sites of a shard: what each has in stock, who is hungry, and which domains have lost their way.
//!
//! Leaves to others: what is in the queue (`queue`), the sessions themselves (`connection`), where they connect to
//! (`target`), the pace (`group`), and looking a route up (`router`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::{Instant, Now, UnixTime};
use crate::base::wheel::Wheel;
use crate::engine::directory::Site as Place;
use crate::engine::settings::Delivery;
use crate::engine::shard::group::Group;
use crate::engine::shard::holds::Holds;
use crate::engine::shard::lifetime::Failure;
use crate::engine::shard::ready::Ready;
use crate::engine::shard::secure::Refusal;
use crate::engine::shard::target::{Target, targets_of};
use crate::engine::source::Source;
use crate::journal::record::Held;
use crate::observe::{Observer, Publisher, SiteCounters};
use crate::queue::{DomainId, SiteId};
use crate::shape::site::{Limits, Pace};
use crate::wire::io::ConnectionId;

/// A site begins with so many messages ahead, and doubles while its sessions run dry.
const AHEAD_MIN: u32 = 16;
/// Rows in one render job when every recipient has its own message.
const JOB_ROWS: u32 = 16;
/// What a message that is not rendered yet is taken to weigh at least, for the bound on the stock.
const CONTENT_GUESS_BYTES: usize = 8 * 1024;
/// How long a domain without a route rests before it is looked up again, at first and at most.
const ROUTE_REST_MIN: Duration = Duration::from_secs(30);
/// See above.
const ROUTE_REST_MAX: Duration = Duration::from_secs(3600);

/// One site.
pub(super) struct Site {
    pub(super) place: Arc<Place>,
    /// The place of its group among `Sites::groups`.
    pub(super) group: usize,
    /// Holds this site alone: while no host of it gives the TLS that is demanded, or all that its policy leaves refuse us.
    pub(super) guard: Pace,
    /// Since when that is so.
    pub(super) insecure_since: Option<UnixTime>,
    /// What recipients are told meanwhile.
    pub(super) refusal: Option<Box<Refusal>>,
    /// How TLS failed last, where nothing is sent without.
    tls_failure: Box<str>,
    /// The last session that failed for that.
    pub(super) failure: Option<Box<Failure>>,
    /// Whether that is so in this process too.
    pub(super) in_vain: bool,
    pub(super) sessions: u32,
    /// Of these, the ones that are not let in yet (at a server of our own: whose connection does not stand yet).
    pub(super) opening: u32,
    /// Sessions that had room when the stock was empty.
    pub(super) hungry: VecDeque<ConnectionId>,
    pub(super) targets: Vec<Target>,
    pub(super) turn: usize,
    pub(super) stock: VecDeque<Ready>,
    /// Messages that are being rendered, or whose attempts are not durable yet.
    pub(super) cooking: u32,
    ahead: u32,
    touched: bool,
    /// In the list of the sites that wait for octets of stock.
    crowded_out: bool,
    wakes_at: Option<Instant>,
}

/// See the head of this file.
pub(super) struct Sites {
    pub(super) sites: Vec<Site>,
    by_name: HashMap<Arc<str>, SiteId>,
    pub(super) groups: Vec<Group>,
    pub(super) by_group: HashMap<Arc<str>, usize>,
    /// Until when the route of each domain holds.
    routed_until: Vec<UnixTime>,
    touched: VecDeque<SiteId>,
    crowded_out: Vec<SiteId>,
    wakes: Wheel<SiteId>,
    /// How long domains without a route rest before their next look-up.
    lost: HashMap<DomainId, Duration>,
    lost_due: Wheel<DomainId>,
    /// Those that were denied, which is not believed yet.
    doubted: HashSet<DomainId>,
    /// Sites whose rest is over, to be told of.
    pub(super) resumed: Vec<SiteId>,
    pub(super) observer: Observer,
    /// Groups where nothing more is sent in this run.
    pub(super) held: Vec<usize>,
    /// Groups that are shown by themselves.
    pub(super) published: Vec<usize>,
    /// All others together.
    pub(super) others: (Publisher, SiteCounters),
    pub(super) limits: Arc<Limits>,
    pub(super) sources: Vec<Source>,
    /// Sources whose address is on a block list, as several sites say, and until when they are no way to any.
    pub(super) listed: Vec<(Arc<str>, Instant)>,
    pub(super) trusted: bool,
    pub(super) holds: Holds,
    route_rest_min: Duration,
    shareable: bool,
    rows_max: u32,
    ahead_max: u32,
    stock_bytes: usize,
    stock_bytes_max: usize,
    /// What a message that is not rendered yet is taken to weigh.
    guess_bytes: usize,
}

impl Site {
    fn new(place: Arc<Place>, targets: Vec<Target>, group: usize, limits: Arc<Limits>, ahead_max: u32) -> Self {
        Self {
            place,
            group,
            guard: Pace::new(limits, true),
            insecure_since: None,
            refusal: None,
            tls_failure: Box::default(),
            failure: None,
            in_vain: false,
            sessions: 0,
            opening: 0,
            hungry: VecDeque::new(),
            targets,
            turn: 0,
            stock: VecDeque::new(),
            cooking: 0,
            ahead: AHEAD_MIN.min(ahead_max),
            touched: false,
            crowded_out: false,
            wakes_at: None,
        }
    }
}

impl Sites {
    pub(super) fn new(shareable: bool, delivery: &Delivery, observer: Observer, holds: Holds) -> Self {
        Self {
            sites: Vec::new(),
            by_name: HashMap::new(),
            groups: Vec::new(),
            by_group: HashMap::new(),
            routed_until: Vec::new(),
            touched: VecDeque::new(),
            crowded_out: Vec::new(),
            wakes: Wheel::new(),
            lost: HashMap::new(),
            lost_due: Wheel::new(),
            doubted: HashSet::new(),
            resumed: Vec::new(),
            others: (observer.other_sites(), SiteCounters::default()),
            observer,
            published: Vec::new(),
            held: Vec::new(),
            limits: Arc::new(Limits {
                window_max: delivery.sessions_per_site,
                window_whole: delivery.sessions_whole,
                backoff_min: delivery.backoff_min,
                ..Limits::default()
            }),
            sources: delivery.sources.clone(),
            listed: Vec::new(),
            trusted: delivery.trusted,
            holds,
            route_rest_min: ROUTE_REST_MIN.min(delivery.backoff_min),
            shareable,
            rows_max: delivery.recipients_per_transaction.max(1),
            ahead_max: delivery.ahead_max.max(1),
            stock_bytes: 0,
            stock_bytes_max: delivery.ahead_bytes_max,
            guess_bytes: CONTENT_GUESS_BYTES,
        }
    }

    /// The same where each message weighs at least so many octets that no other one shares.
    pub(super) fn weighing(self, octets: u64) -> Self {
        let guess_bytes = usize::try_from(octets).unwrap_or(usize::MAX).max(CONTENT_GUESS_BYTES);
        Self { guess_bytes, ..self }
    }

    /// The site of this place, made if it is new.
    pub(super) fn enter(&mut self, place: Arc<Place>) -> SiteId {
        let targets = targets_of(&place, &self.sources);
        if let Some(&id) = self.by_name.get(&place.name) {
            if let Some(site) = self.site_mut(id) {
                site.renew_targets(targets);
                site.place = place;
            }
            return id;
        }
        let id = SiteId(self.sites.len() as u32);
        self.by_name.insert(place.name.clone(), id);
        let group = self.enter_group(&place.group, id);
        let insecure_since = self.holds.since(Held::Security, &place.name);
        let site = Site::new(place, targets, group, self.limits.clone(), self.ahead_max);
        self.sites.push(Site { insecure_since, ..site });
        id
    }

    pub(super) fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.get(id.0 as usize)
    }

    pub(super) fn site_mut(&mut self, id: SiteId) -> Option<&mut Site> {
        self.sites.get_mut(id.0 as usize)
    }

    /// Every site.
    pub(super) fn ids(&self) -> impl Iterator<Item = SiteId> + use<> {
        (0..self.sites.len() as u32).map(SiteId)
    }

    /// What reports call the site.
    pub(super) fn name(&self, id: SiteId) -> &str {
        self.site(id).map_or("", |site| &site.place.group)
    }

    /// TLS failed there, for this reason.
    pub(super) fn tls_failed(&mut self, id: SiteId, what: &str) {
        if let Some(site) = self.site_mut(id) {
            site.tls_failure = what.into();
        }
    }

    /// Why it failed last; empty if it did not.
    pub(super) fn tls_failure(&self, id: SiteId) -> &str {
        self.site(id).map_or("", |site| &site.tls_failure)
    }

    // -- who is to be looked at --------------------------------------------------------------------------------------

    /// Something happened to the site: it is fed at the end of this turn.
    pub(super) fn touch(&mut self, id: SiteId) {
        if let Some(site) = self.sites.get_mut(id.0 as usize)
            && !site.touched
        {
            site.touched = true;
            self.touched.push_back(id);
        }
    }

    pub(super) fn touched(&self) -> usize {
        self.touched.len()
    }

    pub(super) fn next_touched(&mut self) -> Option<SiteId> {
        let id = self.touched.pop_front()?;
        if let Some(site) = self.site_mut(id) {
            site.touched = false;
        }
        Some(id)
    }

    /// When a site is to be fed, or [`Sites::next_wake`].
    pub(super) fn next_due(&self) -> Option<Instant> {
        if self.touched.is_empty() { self.next_wake() } else { Some(Instant::default()) }
    }

    /// When a resting site or a lost domain is due.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        [self.wakes.next_due(), self.lost_due.next_due()].into_iter().flatten().min()
    }

    /// Touches the sites whose rest is over; the domains that should look for a route again.
    pub(super) fn wake_due(&mut self, now: Instant) -> Vec<DomainId> {
        let mut due = Vec::new();
        self.wakes.poll(now, usize::MAX, |id| due.push(id));
        for id in due {
            if let Some(site) = self.site_mut(id) {
                site.wakes_at = None;
            }
            self.touch(id);
        }
        let mut domains = Vec::new();
        self.lost_due.poll(now, usize::MAX, |domain| domains.push(domain));
        domains
    }

    /// Has the site looked at again when its pace next changes, or when it is to be given up.
    pub(super) fn rest(&mut self, id: SiteId, now: Now) {
        let guard = self.site(id).and_then(|site| site.guard.next_due());
        let at = self.group_mut(id).and_then(|group| group.pace.next_due());
        let given_up = self.given_up_in(id, now).map(|left| now.mono.after(left));
        if let Some(at) = guard.max(at) {
            self.wake(id, given_up.map_or(at, |given_up| at.min(given_up)));
        }
    }

    /// Has the site looked at again then, or before.
    pub(super) fn wake(&mut self, id: SiteId, at: Instant) {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return };
        if site.wakes_at.is_none_or(|already| at < already) {
            site.wakes_at = Some(at);
            self.wakes.insert(at, id);
        }
    }

    // -- stock -------------------------------------------------------------------------------------------------------

    /// Rows a batch should have.
    pub(super) fn job_rows(&self) -> u32 {
        if self.shareable { self.rows_max } else { JOB_ROWS }
    }

    /// Shared bytes end at multiples of this row number, so batches do too.
    pub(super) fn block(&self) -> Option<u32> {
        self.shareable.then_some(self.rows_max)
    }

    /// Whether the site should have more messages ahead. Refused for want of octets, it is touched once some are free.
    pub(super) fn wants_stock(&mut self, id: SiteId) -> bool {
        let Some(site) = self.sites.get_mut(id.0 as usize) else { return false };
        if (site.stock.len() as u32).saturating_add(site.cooking) >= site.ahead {
            return false;
        }
        let room = self.stock_bytes < self.stock_bytes_max;
        if !room && !site.crowded_out {
            site.crowded_out = true;
            self.crowded_out.push(id);
        }
        room
    }

    /// Octets of stock were freed.
    fn free_stock(&mut self, octets: usize) {
        self.stock_bytes = self.stock_bytes.saturating_sub(octets);
        if self.stock_bytes < self.stock_bytes_max {
            for id in std::mem::take(&mut self.crowded_out) {
                if let Some(site) = self.site_mut(id) {
                    site.crowded_out = false;
                }
                self.touch(id);
            }
        }
    }

    /// A job was cut for the site: it will become so many messages (one, where bytes are shared).
    pub(super) fn cooking(&mut self, id: SiteId, rows: usize) {
        let count = self.messages_of(rows);
        let bytes = self.bytes_guess(count);
        self.stock_bytes += bytes;
        if let Some(site) = self.site_mut(id) {
            site.cooking += count;
        }
    }

    /// That job is done.
    pub(super) fn cooked(&mut self, id: SiteId, rows: usize) {
        let count = self.messages_of(rows);
        let bytes = self.bytes_guess(count);
        self.free_stock(bytes);
        if let Some(site) = self.site_mut(id) {
            site.cooking = site.cooking.saturating_sub(count);
        }
        self.touch(id);
    }

    fn messages_of(&self, rows: usize) -> u32 {
        if self.shareable { 1 } else { rows as u32 }
    }

    /// What so many messages will weigh; constant between `cooking` and `cooked` of a job.
    fn bytes_guess(&self, count: u32) -> usize {
        (count as usize).saturating_mul(self.guess_bytes)
    }

    pub(super) fn stock(&mut self, id: SiteId, ready: Ready) {
        self.stock_bytes += ready.message.content.own_octets();
        if let Some(site) = self.site_mut(id) {
            site.stock.push_back(ready);
        }
        self.touch(id);
    }

    /// Some of the domains that the site has messages in stock for.
    pub(super) fn stock_domains(&self, id: SiteId, most: usize) -> Vec<DomainId> {
        let mut domains: Vec<DomainId> = self.site(id).into_iter().flat_map(|s| &s.stock).map(|r| r.domain).collect();
        domains.sort_unstable_by_key(|domain| domain.0);
        domains.dedup();
        domains.truncate(most);
        domains
    }

    /// Whether the site has no session, and in stock a message of which `which` says so, by row and attempts before this one.
    pub(super) fn has_idle_stock(&self, id: SiteId, which: impl Fn(u32, u16) -> bool) -> bool {
        let Some(site) = self.site(id).filter(|site| site.sessions == 0) else { return false };
        let tried = site.stock.iter().filter(|ready| ready.attempts > 1);
        tried
            .flat_map(|ready| ready.message.rows.iter().map(|&row| (row, ready.attempts - 1)))
            .any(|(r, a)| which(r, a))
    }

    /// Whether the site has a message in stock for somebody who was never tried before.
    pub(super) fn has_fresh_stock(&self, id: SiteId) -> bool {
        self.site(id).is_some_and(|site| site.stock.iter().any(|ready| ready.attempts == 1))
    }

    pub(super) fn has_stock(&self, id: SiteId) -> bool {
        self.site(id).is_some_and(|site| !site.stock.is_empty())
    }

    /// Whether nothing is in stock, and nothing is on its way there.
    pub(super) fn is_bare(&self, id: SiteId) -> bool {
        self.site(id).is_none_or(|site| site.stock.is_empty() && site.cooking == 0)
    }

    /// The next message of the site's stock.
    pub(super) fn take_stock(&mut self, id: SiteId) -> Option<Ready> {
        let ready = self.site_mut(id)?.stock.pop_front()?;
        self.free_stock(ready.message.content.own_octets());
        self.touch(id);
        Some(ready)
    }

    /// The next message of the stock, with at most `most` recipients of at most `domains_most` domains: what is beyond stays in
    /// stock. Also how many messages that added.
    pub(super) fn take_stock_within(&mut self, id: SiteId, most: usize, domains_most: usize) -> Option<(Ready, u64)> {
        let ready = self.take_stock(id)?;
        if ready.fits(most, domains_most) {
            return Some((ready, 0));
        }
        let (ready, rest) = ready.split(most, domains_most);
        let added = u64::from(rest.is_some());
        if let (Some(site), Some(rest)) = (self.sites.get_mut(id.0 as usize), rest) {
            self.stock_bytes += rest.message.content.own_octets();
            site.stock.push_front(rest);
        }
        Some((ready, added))
    }

    /// A session has room and found no stock.
    pub(super) fn hunger(&mut self, id: SiteId, connection: ConnectionId) {
        let ahead_max = self.ahead_max;
        if let Some(site) = self.site_mut(id) {
            site.hungry.push_back(connection);
            // Dry although half of what is kept ahead was on its way: twice as much is kept ahead.
            if site.cooking > 0 && site.cooking.saturating_mul(2) >= site.ahead {
                site.ahead = site.ahead.saturating_mul(2).min(ahead_max);
            }
        }
        self.touch(id);
    }

    pub(super) fn next_hungry(&mut self, id: SiteId) -> Option<ConnectionId> {
        self.site_mut(id)?.hungry.pop_front()
    }

    // -- routes ------------------------------------------------------------------------------------------------------

    /// Whether the domain's site, or its addresses, may be others by now.
    pub(super) fn is_stale(&self, domain: DomainId, now: Now) -> bool {
        self.routed_until.get(domain.0 as usize).is_some_and(|&until| until < now.unix)
    }

    /// The domain has a route again, which holds until then.
    pub(super) fn found_route(&mut self, domain: DomainId, name: &str, until: UnixTime) {
        self.forget_lost(domain, name);
        let index = domain.0 as usize;
        if self.routed_until.len() <= index {
            self.routed_until.resize(index + 1, UnixTime(u32::MAX));
        }
        if let Some(place) = self.routed_until.get_mut(index) {
            *place = until;
        }
    }

    /// The domain has none for now: when it is looked up again, and whether it has been without one for a lifetime.
    pub(super) fn defer_route(
        &mut self,
        domain: DomainId,
        name: &str,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> (Duration, bool) {
        let since = self.holds.begin(Held::Domain, name, now.unix);
        let left = self.holds.left(since, now.unix);
        let lost = self.lost.entry(domain).or_insert(self.route_rest_min);
        let rest = lost.mul_f64(0.8 + 0.4 * rng.f64());
        *lost = lost.saturating_mul(2).min(ROUTE_REST_MAX);
        // Not beyond the end of the lifetime: what has expired is to be told then.
        let rest = if left.is_zero() { rest } else { rest.min(left) };
        self.lost_due.insert(now.mono.after(rest), domain);
        (rest, left.is_zero())
    }

    /// Whether the domain was looked up in vain.
    pub(super) fn is_lost(&self, domain: DomainId) -> bool {
        self.lost.contains_key(&domain)
    }

    /// The domain is denied, which is not believed: it is looked up again then.
    pub(super) fn doubt(&mut self, domain: DomainId, until: Instant) {
        self.doubted.insert(domain);
        self.lost_due.insert(until, domain);
    }

    /// Whether it was, and waits for that, or for its answer.
    pub(super) fn is_doubted(&self, domain: DomainId) -> bool {
        self.doubted.contains(&domain)
    }

    /// It is believed now.
    pub(super) fn believe(&mut self, domain: DomainId) {
        self.doubted.remove(&domain);
    }

    /// The domain has a route, or nobody waits for one.
    pub(super) fn forget_lost(&mut self, domain: DomainId, name: &str) {
        self.lost.remove(&domain);
        self.doubted.remove(&domain);
        self.holds.end(Held::Domain, name);
    }
}
