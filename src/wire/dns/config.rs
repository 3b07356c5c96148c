//! How to ask: which servers, how long, and who proves the answers.
//!
//! Guarantees: what cannot work is refused here, with the key and what to write instead, and not at the first look-up.
//! Leaves to others: reading the engine's configuration file.

use hickory_resolver::proto::dnssec::TrustAnchors;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// No more of its servers are asked, as in the C library (`MAXNS`).
const SYSTEM_SERVERS_MAX: usize = 3;
/// No more of its suffixes are tried.
const SUFFIXES_MAX: usize = 6;
/// The C library takes no more dots.
const NDOTS_MAX: usize = 15;
/// A file of trust anchors is no longer, in octets: the root's keys are two lines.
const ANCHOR_OCTETS_MAX: u64 = 1 << 20;

/// How to ask.
#[derive(Clone, Debug)]
pub struct ResolverConfig {
    /// Servers, `address:port` or a bare address (port 53), IPv6 in brackets when a port follows. Empty: those of
    /// `/etc/resolv.conf`.
    pub servers: Vec<String>,
    /// How long one round of asking all servers may take.
    pub timeout: Duration,
    /// How many such rounds there are before a question counts as failed; at least 1.
    pub attempts: u32,
    /// How many answers the cache holds, at about 1.5 KB each; what is asked for often stays. Routes are kept by the
    /// directory, so this is for the addresses of exchangers that many domains share. 0: none, each question is asked.
    pub cache_entries: u64,
    /// Look into `/etc/hosts` before asking for an address. For hosts of our own (a smarthost), not for the world's.
    pub hosts_file: bool,
    /// Seeds the order of exchangers of equal preference: the same seed and domain give the same order.
    pub seed: u64,
    /// Whether answers are proven by DNSSEC, and who proves them.
    pub dnssec: Dnssec,
    /// The keys that validation starts from, in a file of DNSKEY records; `None`: the root's, as hickory ships them.
    pub trust_anchor: Option<PathBuf>,
    /// Ask for the TLSA records of hosts whose addresses are proven (RFC 7672). Nothing without `dnssec`.
    pub dane: bool,
    /// The port that TLSA records are asked for: the one that is connected to.
    pub tlsa_port: u16,
    /// What this system is called and where it listens: an exchanger that is one of these ends the list of exchangers
    /// (RFC 5321 §5.1), else mail would come back to where it left.
    pub ourselves: Vec<Ourself>,
    /// Whether the addresses of this machine's interfaces are `ourselves` too.
    pub interfaces: bool,
    /// Whether exchangers of a domain may be on this machine: loopback, its interfaces, "localhost", names without a dot.
    pub allow_loopback: bool,
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
            interfaces: false,
            allow_loopback: false,
        }
    }
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
    /// Answers of this server cannot be believed unseen.
    #[error(
        "[dns] dnssec = \"trust\": the server {0} is not on loopback, and anyone between could forge its word. \
         hint: run a validating resolver here (unbound) and name it in servers, or set dnssec = \"validate\""
    )]
    Trust(SocketAddr),
    /// The trust anchor cannot be used.
    #[error(
        "[dns] trust_anchor: {path}: {reason}. hint: a DNSKEY record a line: \". 172800 IN DNSKEY 257 3 8 AwEAA…\""
    )]
    Anchor {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// hickory refused it.
    #[error("the DNS resolver does not start: {0}. hint: check [dns] in the engine's configuration")]
    Refused(String),
}

impl ResolverConfig {
    /// What people call the servers that are asked.
    #[must_use]
    pub fn title(&self) -> String {
        let servers = self.name_servers().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>();
        let whence = if self.servers.is_empty() { " (of /etc/resolv.conf)" } else { "" };
        let many = if servers.len() == 1 { "" } else { "s" };
        format!("the resolver{many} {}{whence}", servers.join(", "))
    }

    /// The servers to ask, in order; at least one.
    pub(super) fn name_servers(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let servers = if self.servers.is_empty() {
            let text = std::fs::read_to_string(RESOLV_CONF).map_err(|e| ConfigError::System(e.to_string()))?;
            system_servers(&text)
        } else {
            self.servers.iter().map(|text| server(text)).collect::<Result<_, _>>()?
        };
        if servers.is_empty() {
            return Err(ConfigError::System("names no server".to_owned()));
        }
        let believed = self.dnssec == Dnssec::TrustResolver;
        if let Some(&far) = servers.iter().find(|server| believed && !server.ip().is_loopback()) {
            return Err(ConfigError::Trust(far));
        }
        Ok(servers)
    }

    /// The names that a host of our own may have, in the order in which they are tried: by the system's search list, where
    /// its servers are asked too. Not for what is no short name of ours: a recipient's domain is what it is.
    pub(super) fn names_of(&self, host: &str) -> Vec<String> {
        let text = match self.servers.as_slice() {
            [] => std::fs::read_to_string(RESOLV_CONF).unwrap_or_default(),
            _ => String::new(),
        };
        searched(host, &text)
    }

    /// The keys to start validation from; `None` where nothing is validated here.
    pub(super) fn anchors(&self) -> Result<Option<Arc<TrustAnchors>>, ConfigError> {
        match (self.dnssec, &self.trust_anchor) {
            (Dnssec::Validate, Some(path)) => anchors(path)
                .map(|anchors| Some(Arc::new(anchors)))
                .map_err(|reason| ConfigError::Anchor { path: path.clone(), reason }),
            (Dnssec::Validate, None) => Ok(Some(Arc::new(TrustAnchors::default()))),
            (Dnssec::Off | Dnssec::TrustResolver, _) => Ok(None),
        }
    }
}

/// The names of `host` by the search list of a `resolv.conf`, as resolv.conf(5) has it: as it is first, where it has
/// `ndots` dots; but a name without any is tried as it is first, since it may stand in the hosts file.
pub(super) fn searched(host: &str, text: &str) -> Vec<String> {
    let (mut suffixes, mut ndots) = (Vec::new(), 1);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("search" | "domain") if line.starts_with(['s', 'd']) => {
                suffixes = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase()).collect();
            }
            Some("options") => {
                let given = words.filter_map(|word| word.strip_prefix("ndots:")?.parse::<usize>().ok()).next_back();
                ndots = given.unwrap_or(ndots).min(NDOTS_MAX);
            }
            _ => {}
        }
    }
    let dots = host.bytes().filter(|octet| *octet == b'.').count();
    let mut names: Vec<String> =
        suffixes.iter().filter(|suffix| !suffix.is_empty()).map(|suffix| format!("{host}.{suffix}")).collect();
    names.truncate(SUFFIXES_MAX);
    let place = if dots == 0 || dots >= ndots { 0 } else { names.len() };
    names.insert(place, host.to_owned());
    names
}

/// The servers that a `resolv.conf` names. For its search list, see [`searched`].
pub(super) fn system_servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        // "nameserver" begins its line, by resolv.conf(5); a scope ("%eth0") is not understood here.
        if !line.starts_with("nameserver") || words.next() != Some("nameserver") {
            return None;
        }
        Some(SocketAddr::new(words.next()?.parse().ok()?, 53))
    });
    named.take(SYSTEM_SERVERS_MAX).collect()
}

fn server(text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| ConfigError::Server(text.to_owned()))
}

fn anchors(path: &Path) -> Result<TrustAnchors, String> {
    let len = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if len > ANCHOR_OCTETS_MAX {
        return Err(format!("{len} octets are too many"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    // hickory's reader wants the name in each line, and a line's end at the end.
    let anchors = TrustAnchors::from_str(&format!("{text}\n")).map_err(|e| e.to_string())?;
    if !text.contains("DNSKEY") {
        return Err("holds no DNSKEY record".to_owned());
    }
    Ok(anchors)
}

#[cfg(test)]
mod tests {
    use super::searched;

    #[test]
    fn a_host_of_our_own_is_looked_for_by_the_search_list() {
        let text =
            "nameserver 192.0.2.1\nsearch old.example\nsearch corp.example. Lan.Example\noptions timeout:1 ndots:2\n";
        for (host, names) in [
            ("relay", "relay relay.corp.example relay.lan.example"),
            ("relay.mail", "relay.mail.corp.example relay.mail.lan.example relay.mail"),
            ("relay.mail.example", "relay.mail.example relay.mail.example.corp.example relay.mail.example.lan.example"),
        ] {
            assert_eq!(searched(host, text).join(" "), names);
        }
        assert_eq!(searched("relay.mail", "search a.example").join(" "), "relay.mail relay.mail.a.example");
        assert_eq!(searched("relay", ""), ["relay"]);
        assert_eq!(searched("relay", "#search a\n search b\nsearch\noptions ndots:99 ndots:x"), ["relay"]);
    }
}
