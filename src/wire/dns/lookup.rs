//! One look-up: hickory-resolver over our own transport, bounded in time, in cache and in questions under way.
//!
//! Guarantees: records are taken only from the end of the chain of aliases that starts at the name asked for; an answer
//! is authentic only if each link of that chain and each record is proven; where answers are to be proven, what is
//! neither proven nor proven to need no proof is no answer.
//! Leaves to others: what the records mean (`route`, `text`, `tlsa`).

use super::config::{ConfigError, Dnssec, ResolverConfig};
use super::transport::Transport;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig as Servers};
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Questions under way at once. What is more waits here, where waiting costs nothing.
const QUESTIONS_MAX: usize = 512;

/// The shortest time for which "no such record" is believed; servers that give none of their own get this too.
const NEGATIVE_MIN: Duration = Duration::from_secs(30);
const NEGATIVE_MAX: Duration = Duration::from_secs(3600);

/// Aliases (CNAME) in a row that are followed.
const ALIASES_MAX: usize = 8;

/// Why a look-up brought no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The name does not exist (NXDOMAIN).
    Name,
    /// The name exists and has no such record, and will not have one for this time.
    Record(Duration),
    /// Nobody could say: the reason, for people. May be better later.
    Unknown(String),
}

/// The records at the end of a chain of aliases; at least one.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// All of the type that was asked for.
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

/// Asks DNS servers. Cheap to clone; must be used on a tokio runtime.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hickory: hickory_resolver::Resolver<Transport>,
    room: Semaphore,
    config: ResolverConfig,
}

impl Resolver {
    /// A resolver; opens no socket yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: &ResolverConfig) -> Result<Self, ConfigError> {
        let servers = config.name_servers()?;
        let anchors = config.anchors()?;
        let believed = config.dnssec == Dnssec::TrustResolver;
        let transport = Transport::new(&servers, config.timeout, believed);
        // For hickory the transport is one server; this address is never looked at.
        let stand_in = NameServerConfig::udp(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut builder =
            hickory_resolver::Resolver::builder_with_config(Servers::from_name_servers(vec![stand_in]), transport);
        let options = builder.options_mut();
        options.timeout = config.timeout;
        options.attempts = config.attempts.saturating_sub(1) as usize;
        options.cache_size = config.cache_entries;
        options.use_hosts_file = if config.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
        options.negative_min_ttl = Some(NEGATIVE_MIN);
        options.negative_max_ttl = Some(NEGATIVE_MAX);
        // The aliases are part of the proof.
        options.preserve_intermediates = true;
        if let Some(anchors) = anchors {
            options.validate = true;
            builder = builder.with_trust_anchor(anchors);
        }
        let hickory = builder.build().map_err(|e| ConfigError::Refused(e.to_string()))?;
        Ok(Self(Arc::new(Inner { hickory, room: Semaphore::new(QUESTIONS_MAX), config: config.clone() })))
    }

    /// The records of one type. `name` is taken as it is: no search list.
    pub(super) async fn records(&self, name: &str, kind: RecordType) -> Result<Answer, Missing> {
        let mut query = Name::from_ascii(name).map_err(|e| Missing::Unknown(format!("not a domain name: {e}")))?;
        query.set_fqdn(true);
        // The semaphore is never closed, so this only waits.
        let _room = self.0.room.acquire().await;
        match self.0.hickory.lookup(query.clone(), kind).await {
            Ok(lookup) => self.answer(query, kind, lookup.answers(), lookup.valid_until()),
            Err(error) => self.failed(query, kind, error),
        }
    }

    /// How it was told to ask.
    pub(super) fn config(&self) -> &ResolverConfig {
        &self.0.config
    }

    /// A number that depends on the seed and on `name` only.
    pub(super) fn seed(&self, name: &str) -> u64 {
        let mut hash = SipHasher13::new_with_keys(self.0.config.seed, 0);
        hash.write(name.as_bytes());
        hash.finish()
    }

    /// The longest that a whole route may take: a chain of three questions, each with all its attempts.
    pub(super) fn budget(&self) -> Duration {
        self.0.config.timeout.saturating_mul(self.0.config.attempts.max(1)).saturating_mul(3)
    }

    /// What stands at the end of the chain of aliases that begins at `name`.
    fn answer(&self, mut name: Name, kind: RecordType, records: &[Record], until: Instant) -> Result<Answer, Missing> {
        let mut proofs = Vec::with_capacity(records.len());
        let mut aliased = false;
        for _ in 0..ALIASES_MAX {
            let alias = records.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == name => Some((&target.0, record.proof)),
                _ => None,
            });
            let Some((target, proof)) = alias else { break };
            proofs.push(proof);
            name = target.clone();
            aliased = true;
        }
        let mut data = Vec::with_capacity(records.len());
        for record in records.iter().filter(|record| record.record_type() == kind && record.name == name) {
            proofs.push(record.proof);
            data.push(record.data.clone());
        }
        if data.is_empty() {
            return Err(Missing::Record(NEGATIVE_MIN));
        }
        let authentic = self.proven(&name, &proofs)?;
        let first_link_authentic =
            self.0.config.dnssec != Dnssec::Off && proofs.first().is_some_and(|proof| proof.is_secure());
        Ok(Answer { data, alias_of: aliased.then_some(name), authentic, first_link_authentic, valid_until: until })
    }

    /// Whether all is proven. What was to be proven and could not be is an error.
    fn proven(&self, name: &Name, proofs: &[Proof]) -> Result<bool, Missing> {
        let all = |wanted: &[Proof]| proofs.iter().all(|proof| wanted.contains(proof));
        match self.0.config.dnssec {
            Dnssec::Off => Ok(false),
            Dnssec::TrustResolver => Ok(all(&[Proof::Secure])),
            Dnssec::Validate if all(&[Proof::Secure]) => Ok(true),
            Dnssec::Validate if all(&[Proof::Secure, Proof::Insecure]) => Ok(false),
            // These never went through DNS.
            Dnssec::Validate if all(&[Proof::Indeterminate]) && (self.0.config.hosts_file || name.is_localhost()) => {
                Ok(false)
            }
            Dnssec::Validate => Err(unproven()),
        }
    }

    fn failed(&self, name: Name, kind: RecordType, error: NetError) -> Result<Answer, Missing> {
        let missing = match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => self.absent(&none),
            // A denial that needs no proof, for its zone asks more of a prover than is reasonable (RFC 9276 §3.2).
            NetError::Dns(DnsError::Nsec { response, proof: Proof::Insecure, .. }) => {
                if response.answers.is_empty() {
                    absent(response.response_code, NEGATIVE_MIN)
                } else {
                    return self.answer(name, kind, &response.answers, Instant::now() + NEGATIVE_MIN);
                }
            }
            NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => unproven(),
            NetError::Timeout => {
                let config = &self.0.config;
                Missing::Unknown(format!("no answer within {:?}, {} attempts", config.timeout, config.attempts.max(1)))
            }
            NetError::Dns(DnsError::ResponseCode(code)) => Missing::Unknown(format!("the server said {code}")),
            NetError::Io(error) => Missing::Unknown(error.to_string()),
            other => Missing::Unknown(other.to_string()),
        };
        Err(missing)
    }

    fn absent(&self, none: &NoRecords) -> Missing {
        let authorities = none.authorities.as_deref().unwrap_or_default();
        // hickory takes a denial for insecure when all records that come with it are, whatever zone they are of: one
        // of a stranger's unsigned zone would then deny the records of a signed one.
        let of_the_zone = |record: &Record| {
            matches!(record.proof, Proof::Secure | Proof::Insecure) && record.name.zone_of(none.query.name())
        };
        let validates = self.0.config.dnssec == Dnssec::Validate;
        if validates && !authorities.is_empty() && !authorities.iter().any(of_the_zone) {
            return unproven();
        }
        let ttl = none.negative_ttl.map_or(NEGATIVE_MIN, |ttl_s| Duration::from_secs(ttl_s.into()));
        absent(none.response_code, ttl)
    }
}

fn absent(code: ResponseCode, ttl: Duration) -> Missing {
    match code {
        ResponseCode::NXDomain => Missing::Name,
        _ => Missing::Record(ttl.clamp(NEGATIVE_MIN, NEGATIVE_MAX)),
    }
}

fn unproven() -> Missing {
    Missing::Unknown("its signatures (DNSSEC) do not prove the answer".to_owned())
}
