//! The route to a domain: its exchangers in order, or the reply that stands for "there is none".

use super::config::Ourself;
use super::here::{Leads, leads};
use super::host::{Found, Whither, all};
use super::lookup::{Answer, Missing, Resolver};
use super::name::{host_name, is_host_name, literal};
use super::site::{order, site_name};
use crate::mail::{Enhanced, Reply};
use crate::tls::dane::Tlsa;
use hickory_resolver::proto::rr::rdata::MX;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A route has no more exchangers than this: the preferred ones are kept.
pub const EXCHANGERS_MAX: usize = 16;
/// A route has no more addresses than this, and none of its exchangers more than a quarter of it.
pub const ADDRESSES_MAX: usize = 32;
const ADDRESSES_EACH_MAX: usize = ADDRESSES_MAX / 4;
// However many exchangers there are, each has room for an address of both families.
const _: () = assert!(2 * EXCHANGERS_MAX <= ADDRESSES_MAX);

/// A host has no more TLSA records than this: the rest is not looked at.
pub const TLSA_MAX: usize = 32;

/// A route is good for at least this long: a TTL of 0 would mean a look-up for each session.
pub const VALID_MIN: Duration = Duration::from_secs(30);
/// A route is good for at most this long.
pub const VALID_MAX: Duration = Duration::from_secs(86_400);
/// A route that is short of an address because a look-up failed is asked for again after this time.
const VALID_DEGRADED: Duration = Duration::from_secs(300);

/// What a name like "mail" is.
const BARE: &str = "a name without a dot, which means another host on each machine";

/// What an empty answer that names no zone says (RFC 2308 §2.2).
const UNSURE: &str = "the server had no answer, and nothing that proves that there is none";

/// One host that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanger {
    /// Lower is better.
    pub preference: u16,
    /// A host name in lower case without a final dot, or an address literal in brackets.
    pub host: Arc<str>,
    /// At least one; IPv4 before IPv6, each in the order of the answer. Both families are kept where both are there:
    /// which one a source uses is its own affair.
    pub addresses: Vec<IpAddr>,
    /// Whether DNSSEC proved the addresses (with every alias on the way to them). Always false where it is off.
    pub authentic: bool,
    /// The TLSA records for the port of mail. [`TlsaAnswer::Absent`] wherever they are not to be asked for.
    pub tlsa: TlsaAnswer,
    /// The name that they belong to, if it is not `host` but the end of its aliases: the peer's certificate may be for
    /// that one (RFC 7672 §3.2.2).
    pub tlsa_base: Option<Box<str>>,
}

/// What is known of a host's TLSA records (RFC 7672 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsaAnswer {
    /// None apply: DANE is off, the way to the host is not secured by DNSSEC, or it is proven that there are none.
    Absent,
    /// Proven by DNSSEC, at most [`TLSA_MAX`]; usable or not is for `tls::dane` to judge.
    Records(Arc<[Tlsa]>),
    /// The look-up failed or was bogus, with the reason: the host must not be used now (RFC 7672 §2.1.1).
    Unknown(Box<str>),
}

impl Exchanger {
    /// An exchanger without any proof by DNSSEC.
    #[must_use]
    pub fn plain(preference: u16, host: Arc<str>, addresses: Vec<IpAddr>) -> Self {
        Self { preference, host, addresses, authentic: false, tlsa: TlsaAnswer::Absent, tlsa_base: None }
    }
}

/// An exchanger that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What the MX record said; made printable by DNS' own escapes.
    pub host: Box<str>,
    /// A half sentence.
    pub reason: Box<str>,
}

/// How to reach a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Best preference first; equal ones in an order that the seed and the domain give. Never empty.
    pub exchangers: Vec<Exchanger>,
    /// The same for all domains with the same set of exchangers, reachable or not, however they prefer them.
    pub site: Arc<str>,
    /// For how long, from now.
    pub valid_for: Duration,
    /// Exchangers that were left out.
    pub skipped: Vec<Skipped>,
    /// Whether DNSSEC proved the MX records, or that there are none. Always false where it is off.
    pub authentic: bool,
}

impl Route {
    /// The name of the site together with the order in which its exchangers are preferred: domains that prefer them
    /// otherwise have another name.
    #[must_use]
    pub fn ordered(&self) -> Arc<str> {
        let order = order(&self.exchangers.iter().map(|e| (e.preference, &*e.host)).collect::<Vec<_>>());
        if order.is_empty() { self.site.clone() } else { format!("{}/{order}", self.site).into() }
    }
}

/// There is no route: what stands in the place of a peer's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError {
    /// Our own reply, with an enhanced code (RFC 3463, RFC 7505).
    pub reply: Reply,
    /// Whether it is no use to ask again.
    pub permanent: bool,
}

impl RouteError {
    fn permanent(code: u16, enhanced: Enhanced, text: &str) -> Self {
        Self { reply: Reply::own(code, enhanced, text), permanent: true }
    }

    /// 451 4.4.3, "directory server failure" (RFC 3463 §3.5).
    fn temporary(text: &str) -> Self {
        Self { reply: Reply::own(451, Enhanced::new(4, 4, 3), text), permanent: false }
    }

    /// 550 5.1.2, "bad destination system address" (RFC 3463 §3.2).
    fn no_such(text: &str) -> Self {
        Self::permanent(550, Enhanced::new(5, 1, 2), text)
    }
}

/// An exchanger before its addresses are known.
struct Wanted {
    preference: u16,
    host: Arc<str>,
}

/// What is known of a domain before its exchangers' addresses are.
struct Plan {
    wanted: Vec<Wanted>,
    site: String,
    /// Whether the hosts were named by a domain that is not ours: then none of them may be this machine.
    foreign: bool,
    /// Whether the list of exchangers is proven; `None`: there is none, and the host speaks for itself.
    authentic: Option<bool>,
    /// Whether that there is no list is more than one server's silence about it.
    sure: bool,
    valid_until: Instant,
    skipped: Vec<Skipped>,
}

impl Resolver {
    /// The exchangers of `domain` (lower case, ASCII, or an address literal in brackets), by RFC 5321 §5.1: MX records
    /// in order of preference; without any, the domain itself.
    ///
    /// # Errors
    /// The reply to give its recipients: permanent for a domain that does not exist, takes no mail (RFC 7505) or leads
    /// back here; temporary when nobody could say.
    pub async fn resolve_mx(&self, domain: &str) -> Result<Route, RouteError> {
        match tokio::time::timeout(self.budget(), self.mx(domain)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_long(domain, self.budget())),
        }
    }

    /// The addresses of one host (a smarthost), without a look at MX records.
    ///
    /// # Errors
    /// As [`Resolver::resolve_mx`].
    pub async fn resolve_host(&self, host: &str) -> Result<Route, RouteError> {
        let mut missing = None;
        for name in self.config().names_of(host) {
            match tokio::time::timeout(self.budget(), self.host(&name, Instant::now() + VALID_MAX, true, false)).await {
                Ok(Ok(route)) => return Ok(called(host, route)),
                // It may be there under its next name.
                Ok(Err(error)) if error.permanent => _ = missing.get_or_insert(error),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(too_long(&name, self.budget())),
            }
        }
        Err(missing.unwrap_or_else(|| RouteError::no_such(&format!("{host} is no host name"))))
    }

    async fn mx(&self, domain: &str) -> Result<Route, RouteError> {
        if let Some(address) = literal(domain) {
            return self.literal_route(domain, address);
        }
        if !is_host_name(domain) {
            return Err(RouteError::no_such(&format!("{domain} is no domain name")));
        }
        match self.records(domain, RecordType::MX).await {
            Ok(answer) => self.by_mx(domain, &answer).await,
            Err(Missing::Name) => Err(RouteError::no_such(&format!("the domain {domain} does not exist"))),
            // RFC 5321 §5.1: "If an empty list of MXs is returned, the address is treated as if it was associated with
            // an implicit MX RR with a preference of 0, pointing to that host."
            Err(Missing::Record { .. }) if self.is_our_name(domain) => Err(self.loops(domain, domain, None)),
            Err(Missing::Record { .. }) if self.is_bare(domain) => {
                Err(RouteError::no_such(&format!("{domain} has no MX record and is {BARE}")))
            }
            Err(Missing::Record { until, sure }) => self.host(domain, until, sure, true).await,
            Err(Missing::Unknown(reason)) => {
                Err(RouteError::temporary(&format!("the MX look-up of {domain} failed: {reason}")))
            }
        }
    }

    async fn by_mx(&self, domain: &str, answer: &Answer) -> Result<Route, RouteError> {
        let records: Vec<&MX> = answer.data.iter().filter_map(mx_of).collect();
        // RFC 7505 §3: a single MX with preference 0 and the root as exchanger says "accepts no mail".
        if records.iter().all(|mx| mx.exchange.is_root()) {
            let text = format!("the domain {domain} accepts no mail (null MX)");
            return Err(RouteError::permanent(556, Enhanced::new(5, 1, 10), &text));
        }
        let (mut wanted, mut skipped, more) = exchangers(&records);
        wanted.retain(|w| {
            let bare = self.is_bare(&w.host);
            if bare {
                skipped.push(Skipped { host: (&*w.host).into(), reason: format!("is {BARE}").into() });
            }
            !bare
        });
        let site = site_name(&wanted.iter().map(|w| &*w.host).collect::<Vec<_>>());
        // Sorted by preference already. RFC 5321 §5.1: "all MX RRs at that preference level and higher-numbered ones
        // MUST be discarded".
        if let Some(Wanted { preference, host }) = wanted.iter().find(|w| self.is_our_name(&w.host)) {
            let (preference, host) = (*preference, host.clone());
            wanted.retain(|w| w.preference < preference);
            if wanted.is_empty() {
                return Err(self.loops(domain, &host, None));
            }
            skipped.push(Skipped { host: (&*host).into(), reason: "is this system".into() });
        }
        fastrand::Rng::with_seed(self.seed(domain)).shuffle(&mut wanted);
        wanted.sort_by_key(|w| w.preference);
        let (authentic, valid_until) = (Some(answer.authentic), answer.valid_until);
        let plan = Plan { wanted, site, foreign: true, authentic, sure: true, valid_until, skipped };
        self.with_addresses(domain, plan).await.map_err(|error| match more {
            true if error.permanent => {
                RouteError::temporary(&format!("{} (of its exchangers, the {EXCHANGERS_MAX} preferred)", error.reply))
            }
            _ => error,
        })
    }

    /// `valid_until`: of the answer that there is no MX record; `sure`: whether that is proven.
    async fn host(&self, host: &str, valid_until: Instant, sure: bool, foreign: bool) -> Result<Route, RouteError> {
        if !is_host_name(host) {
            return Err(RouteError::no_such(&format!("{host} is no host name")));
        }
        let wanted = vec![Wanted { preference: 0, host: host.into() }];
        let (site, skipped) = (site_name(&[host]), Vec::new());
        let plan = Plan { wanted, site, foreign, authentic: None, sure, valid_until, skipped };
        self.with_addresses(host, plan).await
    }

    async fn with_addresses(&self, domain: &str, plan: Plan) -> Result<Route, RouteError> {
        let Plan { wanted, site, foreign, authentic, sure, mut valid_until, mut skipped } = plan;
        let found = all(wanted.iter().map(|w| self.found(&w.host, authentic.unwrap_or(true))).collect()).await;
        let mut exchangers: Vec<Exchanger> = Vec::with_capacity(wanted.len());
        let (mut room, mut later) = (ADDRESSES_MAX, wanted.len());
        // The first trouble, which is that of the best preference, and the first exchanger that is this system.
        let (mut trouble, mut ourself, mut nowhere) = (None, None, None);
        if !sure {
            // There may be exchangers that are preferred to what is here.
            trouble = Some((None, UNSURE.to_owned()));
        }
        let implicit = authentic.is_none();
        let ours = if foreign { self.our_addresses() } else { Vec::new() };
        for (Wanted { preference, host }, mut found) in wanted.into_iter().zip(found) {
            later -= 1;
            valid_until = valid_until.min(found.valid_until);
            let whither = if foreign {
                found.sift(&ours, self.config().allow_loopback)
            } else {
                found.keep_connectable();
                Whither::Out
            };
            let addresses = found.addresses(ADDRESSES_EACH_MAX.min(room - 2 * later));
            room -= addresses.len();
            let Found { authentic, tlsa, tlsa_base, trouble: failed, doubt, .. } = found;
            let reason = failed.or((doubt && addresses.is_empty()).then(|| UNSURE.to_owned()));
            match whither {
                Whither::Here(address) if ourself.is_none() => ourself = Some((preference, host.clone(), address)),
                Whither::Here(_) => {}
                Whither::Nowhere(address) => {
                    nowhere = Some(address);
                    let reason = format!("has no address that mail can go to ({address})");
                    skipped.push(Skipped { host: (&*host).into(), reason: reason.into() });
                }
                Whither::Out if addresses.is_empty() => {
                    let reason = reason.as_deref().unwrap_or("has no address");
                    skipped.push(Skipped { host: (&*host).into(), reason: reason.into() });
                }
                Whither::Out => {
                    let host = host.clone();
                    exchangers.push(Exchanger { preference, host, addresses, authentic, tlsa, tlsa_base });
                }
            }
            trouble = trouble.or(reason.map(|reason| (Some(preference), reason)));
        }
        if let Some((preference, host, address)) = ourself {
            exchangers.retain(|e| e.preference < preference);
            let better = trouble.as_ref().is_some_and(|(of, _)| *of < Some(preference));
            if exchangers.is_empty() && !better {
                return Err(self.loops(domain, &host, Some(address)));
            }
            skipped.push(Skipped { host: (&*host).into(), reason: format!("is this system ({address})").into() });
        }
        let trouble = trouble.map(|(_, reason)| reason);
        let Some(first) = exchangers.first() else {
            return Err(match implicit {
                true => no_address(domain, trouble, nowhere),
                false => unreachable(domain, &skipped, trouble),
            });
        };
        let authentic = authentic.unwrap_or(first.authentic);
        let unusable = exchangers.iter().any(|e| matches!(e.tlsa, TlsaAnswer::Unknown(_)));
        let valid_for = valid_for(valid_until, trouble.is_some() || unusable);
        Ok(Route { exchangers, site: site.into(), valid_for, skipped, authentic })
    }

    /// RFC 6761 §6.3: "localhost" and all names below it are this machine.
    fn is_our_name(&self, host: &str) -> bool {
        let of_this_machine = host == "localhost" || host.ends_with(".localhost");
        (of_this_machine && !self.config().allow_loopback)
            || self.config().ourselves.iter().any(|ourself| matches!(ourself, Ourself::Name(name) if **name == *host))
    }

    /// A name that means something only to the machine that is asked: each would reach another host by it.
    fn is_bare(&self, host: &str) -> bool {
        !host.contains('.') && !self.config().allow_loopback && !self.is_our_name(host)
    }

    /// What is configured, and what the interfaces have.
    fn our_addresses(&self) -> Vec<IpAddr> {
        let configured = self.config().ourselves.iter().filter_map(|ourself| match ourself {
            Ourself::Address(address) => Some(address.to_canonical()),
            Ourself::Name(_) => None,
        });
        let mut ours: Vec<IpAddr> = configured.collect();
        if self.config().interfaces && !self.config().allow_loopback {
            ours.extend(self.interfaces().iter());
        }
        ours
    }

    fn literal_route(&self, domain: &str, address: IpAddr) -> Result<Route, RouteError> {
        let allowed = self.config().allow_loopback;
        let to = leads(address);
        if (to == Leads::Here && !allowed) || self.our_addresses().contains(&address.to_canonical()) {
            return Err(self.loops(domain, domain, Some(address)));
        }
        if to == Leads::Nowhere {
            let text = format!("{domain} is no address that mail can go to");
            return Err(RouteError::permanent(550, Enhanced::new(5, 4, 4), &text));
        }
        Ok(Route {
            exchangers: vec![Exchanger::plain(0, domain.into(), vec![address])],
            site: domain.into(),
            valid_for: VALID_MAX,
            skipped: Vec::new(),
            authentic: false,
        })
    }

    /// RFC 3463 §3.5, X.4.6: "a routing loop caused the message to be forwarded too many times".
    fn loops(&self, domain: &str, host: &str, address: Option<IpAddr>) -> RouteError {
        let which = address.map_or_else(String::new, |address| format!(" ({address})"));
        let mut text = format!("mail for {domain} would come back here: its exchanger {host} is this system{which}");
        let configured = self.config().ourselves.iter().any(|ourself| match ourself {
            Ourself::Name(name) => **name == *host,
            Ourself::Address(own) => address.is_some_and(|address| own.to_canonical() == address.to_canonical()),
        });
        if !configured {
            text.push_str(". hint: where that is meant, as in a lab, set dns.allow_loopback = true");
        }
        RouteError::permanent(554, Enhanced::new(5, 4, 6), &text)
    }
}

fn mx_of(data: &RData) -> Option<&MX> {
    match data {
        RData::MX(mx) => Some(mx),
        _ => None,
    }
}

/// The exchangers in order of preference and name, each host once, and those that are none; whether there are more.
fn exchangers(records: &[&MX]) -> (Vec<Wanted>, Vec<Skipped>, bool) {
    let mut skipped = Vec::new();
    let mut wanted: Vec<Wanted> = Vec::with_capacity(records.len().min(EXCHANGERS_MAX));
    let mut named: Vec<(u16, String)> = Vec::with_capacity(records.len());
    for mx in records {
        match host_name(&mx.exchange) {
            Some(host) => named.push((mx.preference, host)),
            None if skipped.len() < EXCHANGERS_MAX => {
                let text = mx.exchange.to_ascii();
                let is_address = text.trim_end_matches('.').parse::<IpAddr>().is_ok();
                let reason = if is_address { "is an address and no host name" } else { "is no host name" };
                skipped.push(Skipped { host: text.into(), reason: reason.into() });
            }
            None => {}
        }
    }
    named.sort_unstable();
    let mut more = false;
    for (preference, host) in named {
        match wanted.iter().any(|w| *w.host == *host) {
            true => {}
            false if wanted.len() < EXCHANGERS_MAX => wanted.push(Wanted { preference, host: host.into() }),
            false => more = true,
        }
    }
    (wanted, skipped, more)
}

/// Under the name that it was asked for by: that is what people know it as, and what its certificate is to prove.
fn called(host: &str, mut route: Route) -> Route {
    route.site = site_name(&[host]).into();
    route.exchangers.iter_mut().for_each(|exchanger| exchanger.host = host.into());
    route
}

fn valid_for(until: Instant, degraded: bool) -> Duration {
    let max = if degraded { VALID_DEGRADED } else { VALID_MAX };
    until.saturating_duration_since(Instant::now()).clamp(VALID_MIN, max)
}

/// A domain without exchangers that has no address either, or whose address nobody could tell.
fn no_address(host: &str, trouble: Option<String>, nowhere: Option<IpAddr>) -> RouteError {
    match trouble {
        Some(reason) => RouteError::temporary(&format!("the address look-up of {host} failed: {reason}")),
        None => RouteError::no_such(&match nowhere {
            Some(address) => format!("{host} has no address that mail can go to ({address})"),
            None => format!("{host} has neither an MX nor an address record"),
        }),
    }
}

fn unreachable(domain: &str, skipped: &[Skipped], trouble: Option<String>) -> RouteError {
    let why = skipped.iter().take(3).map(|s| format!("{} {}", s.host, s.reason)).collect::<Vec<_>>().join(", ");
    let text = format!("none of the exchangers of {domain} has an address: {why}");
    if trouble.is_some() {
        RouteError::temporary(&text)
    } else {
        // RFC 3463 §3.5, X.4.4: "unable to route".
        RouteError::permanent(550, Enhanced::new(5, 4, 4), &text)
    }
}

fn too_long(name: &str, budget: Duration) -> RouteError {
    RouteError::temporary(&format!("the look-ups for {name} took longer than {budget:?}"))
}
