//! The directory: domain → site. The only structure that the engine's threads share.
//!
//! Guarantees: domains with the same exchangers get a site of the same name, and as long as their answers are of one
//! age the very same [`Site`]; nothing is given out after its time; at most [`DOMAINS_MAX`] domains are held (those
//! that expire first go first), and each insertion does a bounded amount of cleaning.
//! Leaves to others: look-ups (`engine::router`), and the state of a site (its shard, which knows it by name).

use super::policy::{Demand, Placement};
use super::smarthost::Smarthost;
use crate::base::clock::UnixTime;
use crate::wire::dns::{Exchanger, VALID_MAX};
use dashmap::DashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// No more domains are held.
pub const DOMAINS_MAX: usize = 1 << 20;
/// Expired entries taken out with each insertion: more than one, so that cleaning outruns filling.
const CLEANED_EACH: usize = 4;

/// The exchangers that a group of domains shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What identifies it: sites of different names never share a session, nor an order of exchangers. The group's name,
    /// and something behind it where some exchangers are preferred, or where TLS is demanded that most of the group's
    /// domains do not demand.
    pub name: Arc<str>,
    /// What people call it, and what shares a pace: rolled up from the exchangers' names, or `host:port` of a smarthost. At
    /// most 120 octets.
    pub group: Arc<str>,
    /// The port to connect to; `None`: the configured one.
    pub port: Option<u16>,
    /// In order of preference; never empty, and each with an address.
    pub exchangers: Vec<Exchanger>,
    /// What is demanded of the TLS of each of them.
    pub demands: Vec<Arc<Demand>>,
    /// After this second the addresses may be others. Sessions that stand need not care.
    pub expires: UnixTime,
}

impl Site {
    /// A site that is one address and never expires; TLS is used there if it is offered.
    #[must_use]
    pub fn fixed(name: &str, address: SocketAddr) -> Self {
        let exchanger = Exchanger::plain(0, literal(address).into(), vec![address.ip()]);
        let name: Arc<str> = name.into();
        Self {
            group: name.clone(),
            name,
            port: Some(address.port()),
            exchangers: vec![exchanger],
            demands: vec![Arc::default()],
            expires: UnixTime(u32::MAX),
        }
    }

    /// The same site, and this demanded of the TLS there.
    #[must_use]
    pub fn demanding(mut self, demand: Arc<Demand>) -> Self {
        self.demands.fill(demand);
        self
    }

    /// Whether both have the same exchangers with the same addresses, whatever their order.
    fn same_as(&self, other: &Self) -> bool {
        let same_addresses = |a: &Exchanger, b: &Exchanger| {
            a.addresses.len() == b.addresses.len() && a.addresses.iter().all(|ip| b.addresses.contains(ip))
        };
        let found = |a: &Exchanger| {
            let twin = other.exchangers.iter().find(|b| b.host == a.host && b.preference == a.preference);
            twin.is_some_and(|b| same_addresses(a, b))
        };
        self.port == other.port
            && self.demands == other.demands
            && self.exchangers.len() == other.exchangers.len()
            && self.exchangers.iter().all(found)
    }
}

/// The site of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The site.
    pub site: Arc<Site>,
    /// After this second the domain may have another one.
    pub expires: UnixTime,
}

/// How domains are routed.
#[derive(Debug)]
enum Way {
    /// Each by its MX records.
    Mx,
    /// All to one host, whose addresses are looked up.
    Smarthost { host: Arc<str>, port: u16, name: Arc<str> },
    /// All to one site.
    Fixed(Arc<Site>),
}

#[derive(Debug)]
struct Entry {
    site: Arc<Site>,
    expires: UnixTime,
}

/// What is to be looked at when its time has come.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    expires: UnixTime,
    of_site: bool,
    name: Arc<str>,
}

/// The directory.
#[derive(Debug)]
pub struct Directory {
    way: Way,
    domains: DashMap<Arc<str>, Entry>,
    sites: DashMap<Arc<str>, Arc<Site>>,
    due: Mutex<BinaryHeap<Reverse<Due>>>,
    domains_max: usize,
}

/// What must be looked up to route a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The MX records of this domain.
    Mx(Arc<str>),
    /// The addresses of this host.
    Host(Arc<str>),
}

impl Directory {
    /// Routes each domain by its MX records.
    #[must_use]
    pub fn mx() -> Self {
        Self::new(Way::Mx)
    }

    /// Routes all domains to one site (the built-in sink); no look-up is ever made.
    #[must_use]
    pub fn fixed(site: Site) -> Self {
        Self::new(Way::Fixed(Arc::new(site)))
    }

    /// Routes all domains to a smarthost.
    #[must_use]
    pub fn smarthost(smarthost: &Smarthost) -> Self {
        let name = smarthost.to_string();
        match smarthost {
            Smarthost::Address(address) => Self::fixed(Site::fixed(&name, *address)),
            Smarthost::Host(host, port) => {
                Self::new(Way::Smarthost { host: host.clone(), port: *port, name: name.into() })
            }
        }
    }

    fn new(way: Way) -> Self {
        Self {
            way,
            domains: DashMap::new(),
            sites: DashMap::new(),
            due: Mutex::new(BinaryHeap::new()),
            domains_max: DOMAINS_MAX,
        }
    }

    /// The site of `domain`, if it is known and still good at `now`.
    #[must_use]
    pub fn get(&self, domain: &str, now: UnixTime) -> Option<Found> {
        let key = match &self.way {
            Way::Fixed(site) => return Some(Found { site: site.clone(), expires: site.expires }),
            Way::Smarthost { host, .. } => host,
            Way::Mx => domain,
        };
        let entry = self.domains.get(key)?;
        is_fresh(entry.expires, now).then(|| Found { site: entry.site.clone(), expires: entry.expires })
    }

    /// What to look up for `domain`; `None` if [`Directory::get`] always knows.
    #[must_use]
    pub fn question(&self, domain: &Arc<str>) -> Option<Question> {
        match &self.way {
            Way::Mx => Some(Question::Mx(domain.clone())),
            Way::Smarthost { host, .. } => Some(Question::Host(host.clone())),
            Way::Fixed(_) => None,
        }
    }

    /// Whether any domain needs a look-up.
    #[must_use]
    pub fn needs_look_ups(&self) -> bool {
        !matches!(self.way, Way::Fixed(_))
    }

    /// Whether all domains go to a smarthost that is a host name.
    #[must_use]
    pub fn has_smarthost(&self) -> bool {
        matches!(self.way, Way::Smarthost { .. })
    }

    /// Enters what a look-up brought, and what is demanded there; gives the site to use.
    pub fn insert(&self, question: &Question, placed: impl Into<Placement>, now: UnixTime) -> Found {
        let (Question::Mx(key) | Question::Host(key)) = question;
        let Placement { name, group, exchangers, demands, valid_for } = placed.into();
        let expires = UnixTime(now.0.saturating_add(u32::try_from(valid_for.as_secs()).unwrap_or(u32::MAX)));
        let (name, group, port) = match &self.way {
            // What stands behind the group in the site's name stays there.
            Way::Smarthost { port, name: own, .. } => {
                let demanded = name.strip_prefix(&*group).unwrap_or_default();
                let name = if demanded.is_empty() { own.clone() } else { format!("{own}{demanded}").into() };
                (name, own.clone(), Some(*port))
            }
            Way::Mx | Way::Fixed(_) => (name, group, None),
        };
        let site = self.shared(Site { name, group, port, exchangers, demands, expires });
        self.domains.insert(key.clone(), Entry { site: site.clone(), expires });
        self.clean(Due { expires, of_site: false, name: key.clone() }, now);
        Found { site, expires }
    }

    /// The site that the directory has under this name, if it is the same and lives as long; else `site`.
    fn shared(&self, site: Site) -> Arc<Site> {
        if let Some(known) = self.sites.get(&site.name)
            && known.expires >= site.expires
            && known.same_as(&site)
        {
            return known.clone();
        }
        let site = Arc::new(site);
        self.sites.insert(site.name.clone(), site.clone());
        self.later(Due { expires: site.expires, of_site: true, name: site.name.clone() });
        site
    }

    fn later(&self, due: Due) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).push(Reverse(due));
    }

    /// Notes `new`, and takes out a few entries that have expired, or that expire first while there are too many.
    fn clean(&self, new: Due, now: UnixTime) {
        self.later(new);
        for _ in 0..CLEANED_EACH {
            let crowded = self.domains.len() > self.domains_max;
            let Some(due) = self.next_due(now, crowded) else { return };
            // An entry that was renewed has a later note of its own.
            if due.of_site {
                self.sites.remove_if(&due.name, |_, site| site.expires == due.expires);
            } else {
                self.domains.remove_if(&due.name, |_, entry| entry.expires == due.expires);
            }
        }
    }

    fn next_due(&self, now: UnixTime, crowded: bool) -> Option<Due> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let first = due.peek()?;
        if !crowded && is_fresh(first.0.expires, now) {
            return None;
        }
        due.pop().map(|Reverse(due)| due)
    }

    /// Domains held now.
    #[must_use]
    pub fn domains(&self) -> usize {
        self.domains.len()
    }

    /// Sites held now.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites.len()
    }
}

/// Nothing is good for longer than [`VALID_MAX`]: should the wall clock jump back, entries do not outlive their time.
fn is_fresh(expires: UnixTime, now: UnixTime) -> bool {
    now < expires && u64::from(expires.0 - now.0) <= VALID_MAX.as_secs()
}

fn literal(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => format!("[{}]", v4.ip()),
        SocketAddr::V6(v6) => format!("[IPv6:{}]", v6.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::smarthost::parse_smarthost;
    use super::*;
    use crate::wire::dns::Route;
    use std::net::IpAddr;
    use std::time::Duration;

    fn route(site: &str, addresses: &[[u8; 4]], valid_s: u64) -> Route {
        let addresses = addresses.iter().map(|a| IpAddr::from(*a)).collect();
        Route {
            exchangers: vec![Exchanger::plain(10, site.into(), addresses)],
            site: site.into(),
            valid_for: Duration::from_secs(valid_s),
            skipped: Vec::new(),
            authentic: false,
        }
    }

    fn mx(domain: &str) -> Question {
        Question::Mx(domain.into())
    }

    #[test]
    fn domains_with_the_same_exchangers_share_one_site() {
        let directory = Directory::mx();
        let a =
            directory.insert(&mx("a.example"), route("mx.example", &[[1, 1, 1, 1], [2, 2, 2, 2]], 300), UnixTime(0));
        let b =
            directory.insert(&mx("b.example"), route("mx.example", &[[2, 2, 2, 2], [1, 1, 1, 1]], 200), UnixTime(9));
        assert!(Arc::ptr_eq(&a.site, &b.site), "addresses in another order are the same addresses");
        let moved = directory.insert(&mx("c.example"), route("mx.example", &[[3, 3, 3, 3]], 200), UnixTime(9));
        assert!(!Arc::ptr_eq(&a.site, &moved.site) && a.site.name == moved.site.name);
        assert_eq!((directory.domains(), directory.sites()), (3, 1));
    }

    #[test]
    fn nothing_is_given_out_after_its_time_or_when_the_clock_jumped_back() {
        let directory = Directory::mx();
        directory.insert(&mx("a.example"), route("mx.example", &[[1, 1, 1, 1]], 300), UnixTime(1_000_000));
        assert!(directory.get("a.example", UnixTime(1_000_299)).is_some());
        assert!(directory.get("a.example", UnixTime(1_000_300)).is_none());
        assert!(directory.get("a.example", UnixTime(800_000)).is_none());
        assert!(directory.get("b.example", UnixTime(1_000_000)).is_none());
    }

    #[test]
    fn expired_entries_go_and_renewed_ones_stay() {
        let directory = Directory::mx();
        for n in 0..100 {
            directory.insert(
                &mx(&format!("d{n}.example")),
                route(&format!("mx{n}.example"), &[[1, 1, 1, 1]], 60),
                UnixTime(0),
            );
        }
        directory.insert(&mx("d0.example"), route("mx0.example", &[[1, 1, 1, 1]], 600), UnixTime(50));
        for n in 0..100 {
            directory.insert(&mx("later.example"), route("later.example", &[[1, 1, 1, 1]], 60), UnixTime(100 + n));
        }
        assert_eq!((directory.domains(), directory.sites()), (2, 2));
        assert!(directory.get("d0.example", UnixTime(200)).is_some());
    }

    #[test]
    fn a_full_directory_drops_what_expires_first() {
        let mut directory = Directory::mx();
        directory.domains_max = 10;
        for n in 0..50 {
            directory.insert(
                &mx(&format!("d{n}.example")),
                route("mx.example", &[[1, 1, 1, 1]], 1000 + n),
                UnixTime(0),
            );
        }
        assert_eq!(directory.domains(), 10);
        assert!(
            directory.get("d49.example", UnixTime(1)).is_some() && directory.get("d0.example", UnixTime(1)).is_none()
        );
    }

    #[test]
    fn a_fixed_site_answers_every_domain_and_asks_nothing() {
        let directory = Directory::smarthost(&parse_smarthost("[2001:db8::1]:2525").unwrap());
        let site = directory.get("whatever.example", UnixTime(7)).unwrap().site;
        assert_eq!((&*site.name, site.port), ("[2001:db8::1]:2525", Some(2525)));
        assert_eq!(&*site.exchangers[0].host, "[IPv6:2001:db8::1]");
        assert_eq!(directory.question(&"a.example".into()), None);
        assert!(!directory.needs_look_ups());
    }

    #[test]
    fn a_named_smarthost_is_asked_for_once_and_answers_every_domain() {
        let directory = Directory::smarthost(&parse_smarthost("relay.example:587").unwrap());
        assert!(directory.get("a.example", UnixTime(0)).is_none());
        let question = directory.question(&"a.example".into()).unwrap();
        assert_eq!(question, Question::Host("relay.example".into()));
        directory.insert(&question, route("relay.example", &[[1, 1, 1, 1]], 300), UnixTime(0));
        let site = directory.get("b.example", UnixTime(1)).unwrap().site;
        assert_eq!((&*site.name, site.port), ("relay.example:587", Some(587)));
    }
}
