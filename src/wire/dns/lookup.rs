//! One look-up: from a name and a type of record to what stands at the end of its aliases, and whether it is proven.
//!
//! Where nothing is proven here, the questions go out as they are: a campaign to a million domains asks three million of
//! them. Where answers are to be validated, hickory's resolver asks, over the same transport, and proves.
//!
//! Guarantees: records are taken only from the end of the chain of aliases that starts at the name asked for; an answer
//! is authentic only if each link of that chain and each record is proven; where answers are to be proven, what is
//! neither proven nor proven to need no proof is no answer; what is no answer at all (`denial`) is a failure, never a
//! denial; answers and denials are kept as long as they hold, failures
//! for a moment (RFC 9520), and questions under way are bounded.
//! Leaves to others: what the records mean (`route`, `text`, `host`).

use super::cache::{Cache, Turn};
use super::config::{ConfigError, Dnssec, ResolverConfig};
use super::here::Interfaces;
use super::question::encode;
use super::transport::Transport;
use hickory_resolver::Hosts;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig as Servers};
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use siphasher::sip::SipHasher13;
use std::fmt;
use std::future::poll_fn;
use std::hash::Hasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Questions under way at once. What is more waits here, where waiting costs nothing.
const QUESTIONS_MAX: usize = 512;

/// The shortest time for which "no such record" is believed; servers that give none of their own get this too.
const NEGATIVE_MIN: Duration = Duration::from_secs(30);
const NEGATIVE_MAX: Duration = Duration::from_secs(3600);
/// So long nobody asks again what could not be answered (RFC 9520 §3.2: at least a second, at most five minutes).
const FAILURE: Duration = Duration::from_secs(5);
/// Nothing holds for longer.
const POSITIVE_MAX: Duration = Duration::from_secs(86_400);

/// Aliases (CNAME) in a row that are followed.
const ALIASES_MAX: usize = 8;
/// No more records of one answer are kept.
const RECORDS_MAX: usize = 256;
/// hickory's own cache, which is behind ours.
const PROVEN_MAX: u64 = 256;
/// What a unit of weight in the cache is, in octets of the answer.
const WEIGHT_OCTETS: usize = 512;

/// Why a look-up brought no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The name does not exist (NXDOMAIN).
    Name,
    /// The name exists and has no such record.
    Record {
        /// It will not have one until then.
        until: Instant,
        /// Whether the zone's own record stands behind that. If not, it is no reason to give anything up (RFC 2308
        /// §2.2: the same answer may be a referral).
        sure: bool,
    },
    /// Nobody could say: the reason, for people. May be better later.
    Unknown(Box<str>),
}

/// The records at the end of a chain of aliases; at least one.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Of the type that was asked for.
    pub(super) data: Vec<RData>,
    /// The name that has them, if it is not the one that was asked for.
    pub(super) alias_of: Option<Name>,
    /// Whether DNSSEC proves all of it.
    pub(super) authentic: bool,
    /// Whether it proves what stands at the name that was asked for: an alias, or the records.
    pub(super) first_link_authentic: bool,
    /// When the first of it expires.
    pub(super) valid_until: Instant,
}

type Known = Result<Arc<Answer>, Missing>;

/// What came of a question, how long that holds, and what it weighs.
struct Learnt {
    known: Known,
    until: Instant,
    weight: u64,
}

/// Asks DNS servers. Cheap to clone; must be used on a tokio runtime.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    transport: Transport,
    /// Proves answers, if they are to be proven here.
    validator: Option<hickory_resolver::Resolver<Transport>>,
    hosts: Hosts,
    cache: Cache<Known>,
    room: Semaphore,
    interfaces: Interfaces,
    config: ResolverConfig,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver; opens no socket yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &ResolverConfig) -> Result<Self, ConfigError> {
        let transport = Transport::new(&config.name_servers()?, config.timeout);
        // A file that is not there names nobody.
        let hosts = if config.hosts_file { Hosts::from_system().unwrap_or_default() } else { Hosts::default() };
        Ok(Self(Arc::new(Inner {
            validator: validator(config, &transport)?,
            transport,
            hosts,
            cache: Cache::new(config.cache_entries),
            room: Semaphore::new(QUESTIONS_MAX),
            interfaces: Interfaces::default(),
            config: config.clone(),
        })))
    }

    /// The records of one type. `name` is in lower case and taken as it is: no search list.
    pub(super) async fn records(&self, name: &str, kind: RecordType) -> Known {
        let inner = &*self.0;
        let asking = match inner.cache.turn(name, kind).await {
            Turn::Known(known) => return known,
            Turn::Ask(asking) => asking,
        };
        // In a box: the future is large, and what asks for a route moves several of these around.
        let learnt = Box::pin(inner.learn(name, kind)).await;
        asking.answered(&learnt.known, learnt.until, learnt.weight);
        learnt.known
    }

    /// How it was told to ask.
    pub(super) fn config(&self) -> &ResolverConfig {
        &self.0.config
    }

    /// The addresses of this machine's interfaces.
    pub(super) fn interfaces(&self) -> Arc<[IpAddr]> {
        self.0.interfaces.addresses()
    }

    /// A number that depends on the seed and on `name` only.
    pub(super) fn seed(&self, name: &str) -> u64 {
        let mut hash = SipHasher13::new_with_keys(self.0.config.seed, 0);
        hash.write(name.as_bytes());
        hash.finish()
    }

    /// The longest that a whole route may take: a chain of questions (exchangers, addresses, perhaps TLSA records at
    /// two names), each with all its attempts.
    pub(super) fn budget(&self) -> Duration {
        let config = &self.0.config;
        let questions = if config.dane && config.dnssec != Dnssec::Off { 5 } else { 3 };
        config.timeout.saturating_mul(config.attempts.max(1)).saturating_mul(questions)
    }
}

fn validator(
    config: &ResolverConfig,
    transport: &Transport,
) -> Result<Option<hickory_resolver::Resolver<Transport>>, ConfigError> {
    let Some(anchors) = config.anchors()? else { return Ok(None) };
    // For hickory the transport is one server; this address is never looked at.
    let stand_in = NameServerConfig::udp(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let servers = Servers::from_name_servers(vec![stand_in]);
    let mut builder = hickory_resolver::Resolver::builder_with_config(servers, transport.clone());
    let options = builder.options_mut();
    options.validate = true;
    options.timeout = config.timeout;
    options.attempts = config.attempts.saturating_sub(1) as usize;
    options.cache_size = PROVEN_MAX.min(config.cache_entries);
    options.use_hosts_file = ResolveHosts::Never;
    // The aliases are part of the proof.
    options.preserve_intermediates = true;
    let built = builder.with_trust_anchor(anchors).build();
    built.map(Some).map_err(|e| ConfigError::Refused(e.to_string()))
}

impl Inner {
    async fn learn(&self, name: &str, kind: RecordType) -> Learnt {
        let Some(query) = Name::from_ascii(name).ok().map(|mut query| {
            query.set_fqdn(true);
            query
        }) else {
            return Learnt::failed("it is no name for DNS".into());
        };
        if let Some(learnt) = self.told(&query, kind) {
            return learnt;
        }
        // The semaphore is never closed, so this only waits.
        let _room = self.room.acquire().await;
        let learnt = match &self.validator {
            Some(validator) => match contained(Box::pin(validator.lookup(query.clone(), kind))).await {
                Ok(Ok(lookup)) => self.proven(query, kind, lookup.answers(), lookup.valid_until()),
                Ok(Err(error)) => self.unproven(query, kind, error),
                Err(panicked) => Err(panicked),
            },
            None => contained(self.asked(query, kind)).await.flatten(),
        };
        learnt.unwrap_or_else(|error| Learnt::failed(self.reason(error)))
    }

    /// What needs no question: our own file, and the names of this system (RFC 6761 §6.3).
    fn told(&self, name: &Name, kind: RecordType) -> Option<Learnt> {
        if let Some(lookup) = self.hosts.lookup_static_host(&Query::query(name.clone(), kind)) {
            let mut chain = Chain::new(name.clone());
            chain.follow(lookup.answers().to_vec(), kind);
            return chain.learnt(|_| false, Instant::now() + POSITIVE_MAX, 0);
        }
        if !name.is_localhost() {
            return None;
        }
        let address: Option<RData> = match kind {
            RecordType::A => Some(RData::A(Ipv4Addr::LOCALHOST.into())),
            RecordType::AAAA => Some(RData::AAAA(Ipv6Addr::LOCALHOST.into())),
            _ => None,
        };
        let Some(address) = address else { return Some(Learnt::absent(ResponseCode::NoError, Some(0))) };
        let mut chain = Chain::new(name.clone());
        chain.follow(vec![Record::from_rdata(name.clone(), u32::MAX, address)], kind);
        chain.learnt(|_| false, Instant::now() + POSITIVE_MAX, 0)
    }

    /// Asks without proving anything here, and again where an alias leads on.
    async fn asked(&self, name: Name, kind: RecordType) -> Result<Learnt, NetError> {
        let mut chain = Chain::new(name);
        let mut octets = 0;
        for _ in 0..ALIASES_MAX {
            let (mut message, len) = self.exchange(&chain.end, kind).await?;
            octets += len;
            let believed = self.config.dnssec == Dnssec::TrustResolver && message.authentic_data;
            let proof = if believed { Proof::Secure } else { Proof::Insecure };
            message.answers.iter_mut().for_each(|record| record.proof = proof);
            let moved = chain.follow(std::mem::take(&mut message.answers), kind);
            let until = Instant::now() + Duration::from_secs(chain.ttl_s.into()).min(POSITIVE_MAX);
            if let Some(learnt) = chain.learnt(|proof| proof.is_secure(), until, octets) {
                return Ok(learnt);
            }
            let negative_ttl = negative_ttl(&message);
            if !moved || negative_ttl.is_some() || message.response_code == ResponseCode::NXDomain {
                return Ok(Learnt::absent(message.response_code, negative_ttl));
            }
        }
        Err(NetError::Message("it is an alias of an alias of an alias, without end"))
    }

    async fn exchange(&self, name: &Name, kind: RecordType) -> Result<(Message, usize), NetError> {
        let mut text = name.to_ascii();
        text.truncate(text.trim_end_matches('.').len());
        let believed = self.config.dnssec == Dnssec::TrustResolver;
        let question = encode(&text, kind, believed).ok_or(NetError::Message("it is no name for DNS"))?;
        let mut failed = NetError::NoConnections;
        for _ in 0..self.config.attempts.max(1) {
            match self.transport.ask(&mut question.clone(), true).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// What hickory has looked at, and said what it is worth.
    fn proven(&self, name: Name, kind: RecordType, records: &[Record], until: Instant) -> Result<Learnt, NetError> {
        let mut chain = Chain::new(name);
        chain.follow(records.to_vec(), kind);
        if !chain.proofs.iter().all(|proof| matches!(proof, Proof::Secure | Proof::Insecure)) {
            return Err(DnsError::DnssecBogus.into());
        }
        let octets = records.len() * 64;
        Ok(chain
            .learnt(|proof| proof.is_secure(), until, octets)
            .unwrap_or_else(|| Learnt::absent(ResponseCode::NoError, None)))
    }

    /// What hickory could not prove, or proved to be absent.
    fn unproven(&self, name: Name, kind: RecordType, error: NetError) -> Result<Learnt, NetError> {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) if is_denial(&none) => {
                let ttl = none.authorities.as_deref().and_then(soa_ttl);
                Ok(Learnt::absent(none.response_code, none.negative_ttl.or(ttl)))
            }
            NetError::Dns(DnsError::NoRecordsFound(_)) => Err(DnsError::DnssecBogus.into()),
            // A denial that needs no proof, for its zone asks more of a prover than is reasonable (RFC 9276 §3.2).
            NetError::Dns(DnsError::Nsec { response, proof: Proof::Insecure, .. }) => {
                if response.answers.is_empty() {
                    return Ok(Learnt::absent(response.response_code, soa_ttl(&response.authorities)));
                }
                self.proven(name, kind, &response.answers, Instant::now() + NEGATIVE_MIN)
            }
            other => Err(other),
        }
    }

    /// A half sentence for people.
    fn reason(&self, error: NetError) -> Box<str> {
        match error {
            NetError::Dns(DnsError::ResponseCode(code)) => format!("the server said {code}").into(),
            NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => {
                "its signatures (DNSSEC) do not prove the answer".into()
            }
            NetError::Timeout => {
                let ResolverConfig { timeout, attempts, .. } = &self.config;
                format!("no answer within {timeout:?}, {} attempts", attempts.max(&1)).into()
            }
            other => other.to_string().into(),
        }
    }
}

impl Learnt {
    fn failed(reason: Box<str>) -> Self {
        let weight = 1 + (reason.len() / WEIGHT_OCTETS) as u64;
        Self { known: Err(Missing::Unknown(reason)), until: Instant::now() + FAILURE, weight }
    }

    /// `ttl_s`: of the zone's SOA record, if that came along.
    fn absent(code: ResponseCode, ttl_s: Option<u32>) -> Self {
        let ttl = ttl_s.map_or(NEGATIVE_MIN, |ttl_s| Duration::from_secs(ttl_s.into()));
        let until = Instant::now() + ttl.clamp(NEGATIVE_MIN, NEGATIVE_MAX);
        let missing = match code {
            ResponseCode::NXDomain => Missing::Name,
            _ => Missing::Record { until, sure: ttl_s.is_some() },
        };
        Self { known: Err(missing), until, weight: 1 }
    }
}

/// A panic over an answer costs that answer only: whoever asked is told, and the thread lives on.
async fn contained<F: Future>(future: F) -> Result<F::Output, NetError> {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(NetError::Message("the answer made its reader panic"))),
    })
    .await
}

/// A chain of aliases, as far as it is known.
struct Chain {
    /// Where it ends.
    end: Name,
    aliases: usize,
    data: Vec<RData>,
    /// Of each link, then of the records.
    proofs: Vec<Proof>,
    /// The least of all.
    ttl_s: u32,
}

impl Chain {
    fn new(begin: Name) -> Self {
        Self { end: begin, aliases: 0, data: Vec::new(), proofs: Vec::new(), ttl_s: u32::MAX }
    }

    /// Follows the aliases among the records of one answer, and takes what is at the end; says whether there were any.
    fn follow(&mut self, records: Vec<Record>, kind: RecordType) -> bool {
        let before = self.aliases;
        while self.aliases - before < ALIASES_MAX {
            let target = |record: &Record| match &record.data {
                RData::CNAME(target) if record.name == self.end => Some((target.0.clone(), record.proof, record.ttl)),
                _ => None,
            };
            let Some((target, proof, ttl_s)) = records.iter().find_map(target) else { break };
            (self.end, self.aliases, self.ttl_s) = (target, self.aliases + 1, self.ttl_s.min(ttl_s));
            self.proofs.push(proof);
        }
        for record in records {
            if record.record_type() == kind && record.name == self.end && self.data.len() < RECORDS_MAX {
                self.proofs.push(record.proof);
                self.ttl_s = self.ttl_s.min(record.ttl);
                self.data.push(record.data);
            }
        }
        self.aliases > before
    }

    /// The answer, if there are records at the end.
    fn learnt(&mut self, is_proof: impl Fn(&Proof) -> bool, until: Instant, octets: usize) -> Option<Learnt> {
        if self.data.is_empty() {
            return None;
        }
        let answer = Answer {
            data: std::mem::take(&mut self.data),
            alias_of: (self.aliases > 0).then(|| self.end.clone()),
            authentic: self.proofs.iter().all(&is_proof),
            first_link_authentic: self.proofs.first().is_some_and(is_proof),
            valid_until: until,
        };
        Some(Learnt { known: Ok(Arc::new(answer)), until, weight: 1 + (octets / WEIGHT_OCTETS) as u64 })
    }
}

/// Whether hickory's word that there is nothing may be taken. It takes a denial for insecure when all records that come
/// with it are, whatever zone they are of: one of a stranger's unsigned zone would then hide the records of a signed one.
fn is_denial(none: &NoRecords) -> bool {
    let authorities = none.authorities.as_deref().unwrap_or_default();
    let of_the_zone = |record: &Record| {
        matches!(record.proof, Proof::Secure | Proof::Insecure) && record.name.zone_of(none.query.name())
    };
    authorities.is_empty() || authorities.iter().any(of_the_zone)
}

/// How long a denial holds (RFC 2308 §5); `None` if there is no SOA record, which says what the denial is about.
fn negative_ttl(message: &Message) -> Option<u32> {
    soa_ttl(&message.authorities)
}

fn soa_ttl(authorities: &[Record]) -> Option<u32> {
    authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_one_look_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panics = async {
            tokio::task::yield_now().await;
            std::hint::black_box(None::<u8>).expect("an answer")
        };
        assert!(runtime.block_on(contained(panics)).is_err());
        assert_eq!(runtime.block_on(contained(async { 7 })).ok(), Some(7));
    }
}
