//! One look-up: hickory-resolver, bounded in time, in cache and in questions under way.

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig as Servers, ServerOrderingStrategy,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{TokioResolver, system_conf};
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// hickory hands questions to a connection through a queue of 32; one more, and the question is put off for 20 ms and
/// longer. So a resolver here is several of hickory's, a name always asks the same one (each has its own cache), and
/// none has more than this many questions under way.
const LANE_QUESTIONS_MAX: usize = 32;
const LANES: usize = 8;

/// The shortest time for which "no such record" is believed; servers that give none of their own get this too.
const NEGATIVE_MIN: Duration = Duration::from_secs(30);
const NEGATIVE_MAX: Duration = Duration::from_secs(3600);

/// How to ask.
#[derive(Clone, Debug)]
pub struct ResolverConfig {
    /// Servers, `address:port` or a bare address (port 53), IPv6 in brackets when a port follows. Empty: those of
    /// `/etc/resolv.conf`.
    pub servers: Vec<String>,
    /// How long a server may take to answer one question.
    pub timeout: Duration,
    /// How often a question is asked before it counts as failed; at least 1.
    pub attempts: u32,
    /// How many answers the cache holds, at about 1.5 KB each; what is asked for often stays. Routes are kept by the
    /// directory, so this is for the addresses of exchangers that many domains share.
    pub cache_entries: u64,
    /// Look into `/etc/hosts` before asking for an address. For hosts of our own (a smarthost), not for the world's.
    pub hosts_file: bool,
    /// Seeds the order of exchangers of equal preference: the same seed and domain give the same order.
    pub seed: u64,
    /// Whether answers are proven by DNSSEC, and who proves them.
    pub dnssec: Dnssec,
    /// The keys that DNSSEC starts from, in a file of DNSKEY or DS records; `None`: the root's, as hickory ships them.
    pub trust_anchor: Option<PathBuf>,
    /// Ask for the TLSA records of hosts whose addresses are proven (RFC 7672). Nothing without `dnssec`.
    pub dane: bool,
    /// The port that TLSA records are asked for: the one that is connected to.
    pub tlsa_port: u16,
    /// What this system is called and where it listens: an exchanger that is one of these ends the list of exchangers
    /// (RFC 5321 §5.1), else mail would come back to where it left.
    pub ourselves: Vec<Ourself>,
}

/// How answers are proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dnssec {
    /// Not at all: no answer is authentic.
    #[default]
    Off,
    /// Here, from the trust anchor down. A failed proof is a failed look-up.
    Validate,
    /// By the servers, whose AD bit is believed (RFC 4035 §3.2.3): they must be on loopback, since the way to them is
    /// not protected.
    TrustResolver,
}

/// A name or an address of this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ourself {
    /// A host name in lower case without a final dot.
    Name(Box<str>),
    /// An address that mail comes in at.
    Address(IpAddr),
}

impl Default for ResolverConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(5),
            attempts: 2,
            cache_entries: 32_768,
            hosts_file: false,
            seed: 0,
            dnssec: Dnssec::Off,
            trust_anchor: None,
            dane: false,
            tlsa_port: 25,
            ourselves: Vec::new(),
        }
    }
}

/// Why there can be no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A server is not an address.
    #[error(
        "[dns] servers: {0:?} is no address. hint: write \"192.0.2.53\", \"192.0.2.53:5300\" or \"[2001:db8::53]:53\""
    )]
    Server(String),
    /// The system's configuration is of no use.
    #[error("/etc/resolv.conf: {0}. hint: mend it, or name servers in [dns] servers = [\"192.0.2.53:53\"]")]
    System(String),
    /// hickory refused it.
    #[error("the DNS resolver does not start: {0}. hint: check [dns] in the engine's configuration")]
    Refused(String),
}

/// Why a look-up brought no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The name does not exist (NXDOMAIN).
    Name,
    /// The name exists and has no such record.
    Record,
    /// Nobody could say: the reason, for people. May be better later.
    Unknown(String),
}

/// Asks DNS servers. Cheap to clone; must be used on a tokio runtime.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Vec<Lane>,
    config: ResolverConfig,
}

#[derive(Debug)]
struct Lane {
    hickory: TokioResolver,
    room: Semaphore,
}

impl Resolver {
    /// A resolver; opens no socket yet.
    ///
    /// # Errors
    /// A server that is no address, or nothing usable in `/etc/resolv.conf`.
    pub fn new(config: &ResolverConfig) -> Result<Self, ConfigError> {
        let servers = servers(&config.servers)?;
        let lanes = (0..LANES).map(|_| lane(&servers, config)).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Inner { lanes, config: config.clone() })))
    }

    /// The records of one type. `name` is taken as it is: no search list.
    pub(super) async fn records(&self, name: &str, kind: RecordType) -> Result<Lookup, Missing> {
        let mut query = Name::from_ascii(name).map_err(|e| Missing::Unknown(format!("not a domain name: {e}")))?;
        query.set_fqdn(true);
        let lane = self.lane(name);
        // The semaphore is never closed, so this only waits.
        let _room = lane.room.acquire().await;
        lane.hickory.lookup(query, kind).await.map_err(|e| self.missing(&e))
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

    fn lane(&self, name: &str) -> &Lane {
        let lanes = &self.0.lanes;
        &lanes[self.seed(name) as usize % lanes.len()]
    }

    fn missing(&self, error: &NetError) -> Missing {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
                Missing::Name
            }
            NetError::Dns(DnsError::NoRecordsFound(_)) => Missing::Record,
            NetError::Dns(DnsError::ResponseCode(code)) => Missing::Unknown(format!("the server said {code}")),
            NetError::Timeout => {
                let config = &self.0.config;
                Missing::Unknown(format!("no answer within {:?}, {} attempts", config.timeout, config.attempts.max(1)))
            }
            other => Missing::Unknown(other.to_string()),
        }
    }
}

fn lane(servers: &Servers, config: &ResolverConfig) -> Result<Lane, ConfigError> {
    let mut builder = TokioResolver::builder_with_config(servers.clone(), TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.timeout = config.timeout;
    options.attempts = config.attempts.saturating_sub(1) as usize;
    options.cache_size = config.cache_entries / LANES as u64;
    options.use_hosts_file = if config.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
    options.negative_min_ttl = Some(NEGATIVE_MIN);
    options.negative_max_ttl = Some(NEGATIVE_MAX);
    options.max_active_requests = LANE_QUESTIONS_MAX;
    options.server_ordering_strategy = ServerOrderingStrategy::QueryStatistics;
    let hickory = builder.build().map_err(|e| ConfigError::Refused(e.to_string()))?;
    Ok(Lane { hickory, room: Semaphore::new(LANE_QUESTIONS_MAX) })
}

fn servers(texts: &[String]) -> Result<Servers, ConfigError> {
    let servers = if texts.is_empty() {
        let (system, _options) = system_conf::read_system_conf().map_err(|e| ConfigError::System(e.to_string()))?;
        system.name_servers
    } else {
        texts.iter().map(|text| server(text)).collect::<Result<_, _>>()?
    };
    if servers.is_empty() {
        return Err(ConfigError::System("names no server".to_owned()));
    }
    Ok(Servers::from_name_servers(servers))
}

fn server(text: &str) -> Result<NameServerConfig, ConfigError> {
    let address = text
        .parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| ConfigError::Server(text.to_owned()))?;
    let on_port = |protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = address.port();
        connection
    };
    Ok(NameServerConfig::new(address.ip(), true, vec![on_port(ProtocolConfig::Udp), on_port(ProtocolConfig::Tcp)]))
}
