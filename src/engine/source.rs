//! Egress sources: where we connect from, by which way, and how much may leave there.
//!
//! Guarantees: a source whose address is not this machine's is found at the start ([`Source::check`]), with what to do;
//! what it may do is one budget for all shards. Leaves to others: choosing one (`engine::shard`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::engine::budget::{Budget, Rate};
use crate::wire::proxy::Login;

/// Which addresses of an exchanger a source connects to, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both, in turn.
    #[default]
    Any,
    /// IPv4 while it can be reached, else IPv6.
    PreferIpv4,
    /// IPv6 while it can be reached, else IPv4.
    PreferIpv6,
    /// IPv4 and nothing else.
    OnlyIpv4,
    /// IPv6 and nothing else.
    OnlyIpv6,
    /// IPv6, and IPv4 too when that does not stand at once (RFC 8305): the first to stand is used.
    Race,
}

/// Who connects for us.
#[derive(Clone, Debug)]
pub enum Proxy {
    /// A proxy that is told by a PROXY header (version 2) which address to connect from, and where to.
    Haproxy(SocketAddr),
    /// A SOCKS5 proxy.
    Socks5(SocketAddr, Option<Arc<Login>>),
}

impl Proxy {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Haproxy(address) | Self::Socks5(address, _) => *address,
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Haproxy(address) => write!(f, "the proxy {address}"),
            Self::Socks5(address, _) => write!(f, "the SOCKS5 proxy {address}"),
        }
    }
}

/// An egress source.
#[derive(Clone, Debug)]
pub struct Source {
    /// What reports call it; empty for the one that stands for "no source is configured".
    pub name: Arc<str>,
    /// The local address for exchangers that are reached by IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// The local address for exchangers that are reached by IPv6.
    pub ipv6: Option<Ipv6Addr>,
    /// What others see instead of these, where something in between sends from other addresses; empty: nothing does.
    pub public: Arc<[IpAddr]>,
    /// The EHLO name.
    pub ehlo: Arc<str>,
    /// Its share of the sessions, beside the weights of the other sources; at least 1.
    pub weight: u32,
    /// Which addresses it connects to.
    pub family: Family,
    /// Who connects for it.
    pub proxy: Option<Proxy>,
    sessions: Option<Arc<Budget>>,
    rate: Option<Arc<Rate>>,
}

impl Source {
    /// A source that leaves the choice of addresses to the kernel.
    #[must_use]
    pub fn unbound(ehlo: Arc<str>) -> Self {
        Self {
            name: "".into(),
            ipv4: None,
            ipv6: None,
            public: Arc::default(),
            ehlo,
            weight: 1,
            family: Family::Any,
            proxy: None,
            sessions: None,
            rate: None,
        }
    }

    /// What messages to people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.name.is_empty() { "the system's own addresses" } else { &self.name }
    }

    /// Sets the sessions that it may have at once, and the messages that it may send in an hour, over all sites and
    /// threads: clones share both.
    pub fn limit(&mut self, sessions_max: Option<u32>, messages_per_hour: Option<u32>) {
        self.sessions = sessions_max.map(|most| Arc::new(Budget::new(most)));
        self.rate = messages_per_hour.map(|most| Arc::new(Rate::per_hour(most)));
    }

    /// The sessions that it may have at once; `None`: any number.
    pub(crate) fn sessions(&self) -> Option<&Arc<Budget>> {
        self.sessions.as_ref()
    }

    /// How fast it may send; `None`: at any rate.
    pub(crate) fn rate(&self) -> Option<&Arc<Rate>> {
        self.rate.as_ref()
    }

    /// Whether it can connect to addresses of this family.
    #[must_use]
    pub fn reaches(&self, remote: IpAddr) -> bool {
        let by_policy = match self.family {
            Family::OnlyIpv4 => remote.is_ipv4(),
            Family::OnlyIpv6 => remote.is_ipv6(),
            Family::Any | Family::PreferIpv4 | Family::PreferIpv6 | Family::Race => true,
        };
        // To a SOCKS5 proxy the local address is only the way there.
        let bound = self.is_bound() && !matches!(self.proxy, Some(Proxy::Socks5(..)));
        by_policy && (!bound || self.address_for(remote).is_some())
    }

    /// The place of an address in the order of its family policy: lower is better.
    #[must_use]
    pub fn rank(&self, remote: IpAddr) -> u8 {
        match self.family {
            Family::PreferIpv6 | Family::Race => u8::from(remote.is_ipv4()),
            Family::PreferIpv4 => u8::from(remote.is_ipv6()),
            Family::Any | Family::OnlyIpv4 | Family::OnlyIpv6 => 0,
        }
    }

    fn is_bound(&self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }

    /// Its address in the family of `remote`.
    #[must_use]
    pub fn address_for(&self, remote: IpAddr) -> Option<IpAddr> {
        if remote.is_ipv4() { self.ipv4.map(IpAddr::V4) } else { self.ipv6.map(IpAddr::V6) }
    }

    /// The socket to make for a session with `remote`: where it connects to, and which address is bound.
    #[must_use]
    pub fn way_to(&self, remote: SocketAddr) -> (SocketAddr, Option<IpAddr>) {
        match &self.proxy {
            None => (remote, self.address_for(remote.ip())),
            // The address is that of the proxy's machine: it is said, not bound.
            Some(Proxy::Haproxy(address)) => (*address, None),
            Some(Proxy::Socks5(address, _)) => (*address, self.address_for(address.ip())),
        }
    }

    /// Whether its addresses are this machine's.
    ///
    /// # Errors
    /// [`SourceError`]: which is not.
    pub fn check(&self) -> Result<(), SourceError> {
        if matches!(self.proxy, Some(Proxy::Haproxy(_))) {
            return Ok(());
        }
        for address in [self.ipv4.map(IpAddr::V4), self.ipv6.map(IpAddr::V6)].into_iter().flatten() {
            // A datagram socket is bound without anybody noticing.
            UdpSocket::bind((address, 0)).map_err(|error| SourceError { address, error })?;
        }
        Ok(())
    }
}

/// An address that cannot be sent from.
#[derive(Debug, thiserror::Error)]
#[error("{address} is no address to send from here: {error}")]
pub struct SourceError {
    /// The address.
    pub address: IpAddr,
    /// What the system says.
    pub error: std::io::Error,
}
