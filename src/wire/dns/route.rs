//! The route to a domain: its exchangers in order, or the reply that stands for "there is none".

use super::lookup::{Missing, Resolver};
use super::site::site_name;
use crate::mail::{Enhanced, Reply};
use crate::tls::dane::Tlsa;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::proto::rr::rdata::MX;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A route has no more exchangers than this: the preferred ones are kept.
pub const EXCHANGERS_MAX: usize = 16;
/// A route has no more addresses than this, and none of its exchangers more than a quarter of it.
pub const ADDRESSES_MAX: usize = 32;
const ADDRESSES_EACH_MAX: usize = ADDRESSES_MAX / 4;

/// A host has no more TLSA records than this: the rest is not looked at.
pub const TLSA_MAX: usize = 32;

/// A route is good for at least this long: a TTL of 0 would mean a look-up for each session.
pub const VALID_MIN: Duration = Duration::from_secs(30);
/// A route is good for at most this long.
pub const VALID_MAX: Duration = Duration::from_secs(86_400);
/// A route that is short of an address because a look-up failed is asked for again after this time.
const VALID_DEGRADED: Duration = Duration::from_secs(300);

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
        Self { preference, host, addresses, authentic: false, tlsa: TlsaAnswer::Absent }
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
    /// The name of the site: the same for all domains with the same set of exchangers, reachable or not.
    pub site: Arc<str>,
    /// For how long, from now.
    pub valid_for: Duration,
    /// Exchangers that were left out.
    pub skipped: Vec<Skipped>,
    /// Whether DNSSEC proved the MX records, or that there are none. Always false where it is off.
    pub authentic: bool,
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

/// What the address look-ups of one exchanger brought.
#[derive(Default)]
struct Found {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
    trouble: Option<String>,
}

impl Resolver {
    /// The exchangers of `domain` (lower case, ASCII, or an address literal in brackets), by RFC 5321 §5.1: MX records
    /// in order of preference; without any, the domain itself.
    ///
    /// # Errors
    /// The reply to give its recipients: permanent for a domain that does not exist or takes no mail (RFC 7505),
    /// temporary when nobody could say.
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
        match tokio::time::timeout(self.budget(), self.host(host)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_long(host, self.budget())),
        }
    }

    async fn mx(&self, domain: &str) -> Result<Route, RouteError> {
        if let Some(address) = literal(domain) {
            return Ok(literal_route(domain, address));
        }
        if !is_host_name(domain) {
            return Err(RouteError::no_such(&format!("{domain} is no domain name")));
        }
        match self.records(domain, RecordType::MX).await {
            Ok(answer) => self.by_mx(domain, &answer).await,
            Err(Missing::Name) => Err(RouteError::no_such(&format!("the domain {domain} does not exist"))),
            // RFC 5321 §5.1: "If an empty list of MXs is returned, the address is treated as if it was associated with
            // an implicit MX RR with a preference of 0, pointing to that host."
            Err(Missing::Record) => self.host(domain).await,
            Err(Missing::Unknown(reason)) => {
                Err(RouteError::temporary(&format!("the MX look-up of {domain} failed: {reason}")))
            }
        }
    }

    async fn by_mx(&self, domain: &str, answer: &Lookup) -> Result<Route, RouteError> {
        let records: Vec<&MX> = answer.answers().iter().filter_map(|r| mx_of(&r.data)).collect();
        if records.is_empty() {
            return self.host(domain).await;
        }
        // RFC 7505 §3: a single MX with preference 0 and the root as exchanger says "accepts no mail".
        if records.iter().all(|mx| mx.exchange.is_root()) {
            let text = format!("the domain {domain} accepts no mail (null MX)");
            return Err(RouteError::permanent(556, Enhanced::new(5, 1, 10), &text));
        }
        let (mut wanted, skipped) = exchangers(&records);
        let site = site_name(&wanted.iter().map(|w| &*w.host).collect::<Vec<_>>());
        fastrand::Rng::with_seed(self.seed(domain)).shuffle(&mut wanted);
        wanted.sort_by_key(|w| w.preference);
        self.with_addresses(domain, wanted, site, answer.valid_until(), skipped).await
    }

    async fn host(&self, host: &str) -> Result<Route, RouteError> {
        if !is_host_name(host) {
            return Err(RouteError::no_such(&format!("{host} is no host name")));
        }
        let (found, valid_until) = self.addresses(&[Wanted { preference: 0, host: host.into() }]).await;
        let Some(found) = found.into_iter().next() else { return Err(RouteError::no_such(host)) };
        let degraded = found.trouble.clone();
        match (found.addresses(), &degraded) {
            (addresses, _) if !addresses.is_empty() => Ok(Route {
                exchangers: vec![Exchanger::plain(0, host.into(), addresses)],
                site: site_name(&[host]).into(),
                valid_for: valid_for(valid_until, degraded.is_some()),
                skipped: Vec::new(),
                authentic: false,
            }),
            (_, Some(reason)) => Err(RouteError::temporary(&format!("the address look-up of {host} failed: {reason}"))),
            _ => Err(RouteError::no_such(&format!("{host} has neither an MX nor an address record"))),
        }
    }

    async fn with_addresses(
        &self,
        domain: &str,
        wanted: Vec<Wanted>,
        site: String,
        mx_valid_until: Instant,
        mut skipped: Vec<Skipped>,
    ) -> Result<Route, RouteError> {
        let (found, valid_until) = self.addresses(&wanted).await;
        let (mut exchangers, mut room, mut trouble) = (Vec::with_capacity(wanted.len()), ADDRESSES_MAX, None);
        for (Wanted { preference, host }, found) in wanted.into_iter().zip(found) {
            trouble = trouble.or_else(|| found.trouble.as_ref().map(|reason| format!("{host}: {reason}")));
            let reason = found.trouble.clone();
            let mut addresses = found.addresses();
            addresses.truncate(room);
            room -= addresses.len();
            if addresses.is_empty() {
                let reason = reason.unwrap_or_else(|| "has no address".to_owned());
                skipped.push(Skipped { host: (&*host).into(), reason: reason.into() });
            } else {
                exchangers.push(Exchanger::plain(preference, host, addresses));
            }
        }
        if exchangers.is_empty() {
            return Err(unreachable(domain, &skipped, trouble.is_some()));
        }
        let valid_for = valid_for(valid_until.min(mx_valid_until), trouble.is_some());
        Ok(Route { exchangers, site: site.into(), valid_for, skipped, authentic: false })
    }

    /// All A and AAAA look-ups at once; the answers in the order of `wanted`, and the moment when the first expires.
    async fn addresses(&self, wanted: &[Wanted]) -> (Vec<Found>, Instant) {
        let mut asked = JoinSet::new();
        for (index, Wanted { host, .. }) in wanted.iter().enumerate() {
            for kind in [RecordType::A, RecordType::AAAA] {
                let (resolver, host) = (self.clone(), host.clone());
                asked.spawn(async move { (index, resolver.records(&host, kind).await) });
            }
        }
        let mut found: Vec<Found> = wanted.iter().map(|_| Found::default()).collect();
        let mut valid_until = Instant::now() + VALID_MAX;
        while let Some(done) = asked.join_next().await {
            let Ok((index, answer)) = done else { continue };
            let Some(found) = found.get_mut(index) else { continue };
            match answer {
                Ok(answer) => {
                    valid_until = valid_until.min(answer.valid_until());
                    answer.answers().iter().for_each(|record| found.take(&record.data));
                }
                Err(Missing::Unknown(reason)) => found.trouble = Some(reason),
                Err(Missing::Name | Missing::Record) => {}
            }
        }
        (found, valid_until)
    }
}

impl Found {
    fn take(&mut self, data: &RData) {
        match data {
            RData::A(a) if self.v4.len() < ADDRESSES_EACH_MAX => self.v4.push(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) if self.v6.len() < ADDRESSES_EACH_MAX => self.v6.push(IpAddr::V6(aaaa.0)),
            _ => {}
        }
    }

    fn addresses(self) -> Vec<IpAddr> {
        let mut all = self.v4;
        all.extend(self.v6);
        all.truncate(ADDRESSES_EACH_MAX);
        all
    }
}

fn mx_of(data: &RData) -> Option<&MX> {
    match data {
        RData::MX(mx) => Some(mx),
        _ => None,
    }
}

/// The exchangers in order of preference and name, each host once, and those that are none.
fn exchangers(records: &[&MX]) -> (Vec<Wanted>, Vec<Skipped>) {
    let mut skipped = Vec::new();
    let mut wanted: Vec<Wanted> = Vec::with_capacity(records.len().min(EXCHANGERS_MAX));
    let mut named: Vec<(u16, String)> = Vec::with_capacity(records.len());
    for mx in records {
        match host_name(&mx.exchange) {
            Some(host) => named.push((mx.preference, host)),
            None if skipped.len() < EXCHANGERS_MAX => {
                skipped.push(Skipped { host: mx.exchange.to_ascii().into(), reason: "is no host name".into() })
            }
            None => {}
        }
    }
    named.sort_unstable();
    for (preference, host) in named {
        if wanted.len() < EXCHANGERS_MAX && !wanted.iter().any(|w| *w.host == *host) {
            wanted.push(Wanted { preference, host: host.into() });
        }
    }
    (wanted, skipped)
}

/// The host name that a DNS name is, in lower case without a final dot. A name in DNS may hold any octet.
fn host_name(name: &Name) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        // What is no ASCII turns into something that `is_host_name` refuses.
        text.extend(label.iter().map(|&octet| char::from(octet).to_ascii_lowercase()));
        if label.contains(&b'.') {
            return None;
        }
    }
    is_host_name(&text).then_some(text)
}

/// Letters, digits, `-` and `_` in labels of 1 to 63 octets, 253 in all; the last label is not all digits, so that
/// nothing here looks like an IPv4 address.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let labels_good = text.split('.').all(|label| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    });
    let last_is_number = text.rsplit('.').next().is_none_or(|last| last.bytes().all(|b| b.is_ascii_digit()));
    labels_good && text.len() <= 253 && !last_is_number
}

/// An address literal (RFC 5321 §4.1.3): `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let v6 = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).and(inner.get(5..));
    match v6 {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => inner.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn literal_route(domain: &str, address: IpAddr) -> Route {
    Route {
        exchangers: vec![Exchanger::plain(0, domain.into(), vec![address])],
        site: domain.into(),
        valid_for: VALID_MAX,
        skipped: Vec::new(),
        authentic: false,
    }
}

fn valid_for(until: Instant, degraded: bool) -> Duration {
    let max = if degraded { VALID_DEGRADED } else { VALID_MAX };
    until.saturating_duration_since(Instant::now()).clamp(VALID_MIN, max)
}

fn unreachable(domain: &str, skipped: &[Skipped], temporary: bool) -> RouteError {
    let why = skipped.iter().take(3).map(|s| format!("{} {}", s.host, s.reason)).collect::<Vec<_>>().join(", ");
    let text = format!("none of the exchangers of {domain} has an address: {why}");
    if temporary {
        RouteError::temporary(&text)
    } else {
        // RFC 3463 §3.5, X.4.4: "unable to route".
        RouteError::permanent(550, Enhanced::new(5, 4, 4), &text)
    }
}

fn too_long(name: &str, budget: Duration) -> RouteError {
    RouteError::temporary(&format!("the look-ups for {name} took longer than {budget:?}"))
}
