//! `[[source]]`: where mail leaves from, by which way, and how much.
//!
//! Guarantees: a source that could never send (a family that it has no address for, a proxy without what it needs) is an
//! error with its place. Leaves to others: whether the addresses are this machine's (`send`), and reading passwords.

use super::document::{ConfigError, Item, Section};
use super::engine::{choice, host};
use super::secret::{Given, Login};
use crate::engine::source::Family;
use crate::identity::is_routable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What reports and metrics call it.
    pub name: String,
    /// The local IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// The local IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// The addresses that others see its mail come from, where those are not its own.
    pub public: Vec<IpAddr>,
    /// The name announced in EHLO from there; `None`: that of `engine.hostname`.
    pub ehlo: Option<String>,
    /// The pool that it belongs to; empty: none.
    pub pool: String,
    /// Its share of the sessions.
    pub weight: u32,
    /// Sessions at once.
    pub sessions_max: Option<u32>,
    /// Messages in an hour.
    pub messages_per_hour: Option<u32>,
    /// Which addresses it connects to.
    pub family: Family,
    /// Who connects for it.
    pub proxy: Option<Proxy>,
    /// An error at the place of its address.
    at: ConfigError,
}

/// Who connects for a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Where it listens.
    pub address: SocketAddr,
    /// How we log in.
    pub login: Option<Login>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// By a PROXY header, version 2.
    Haproxy,
    /// SOCKS5.
    Socks5,
}

const WEIGHTS: (u64, u64) = (1, 1000);
const COUNTS: (u64, u64) = (1, 1_000_000_000);

impl Source {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &[
        "name",
        "address",
        "public_address",
        "ehlo",
        "pool",
        "weight",
        "sessions_max",
        "messages_per_hour",
        "family",
        "proxy",
    ];

    pub(super) fn read_all(root: &Section<'_>, all: &[String]) -> Result<Vec<Self>, ConfigError> {
        let mut sources: Vec<Self> = Vec::new();
        for item in root.get("source").map(|list| list.list()).transpose()?.unwrap_or_default() {
            let section = item.section(Self::KEYS, all)?;
            let name = section.require("name")?;
            let source = Self::read(&item, &section, all)?;
            if sources.iter().any(|s| s.name == source.name) {
                return Err(name.error(format!("{:?} stands here twice", source.name)));
            }
            sources.push(source);
        }
        Ok(sources)
    }

    fn read(item: &Item<'_>, section: &Section<'_>, all: &[String]) -> Result<Self, ConfigError> {
        let address = section.get("address");
        let (ipv4, ipv6) = address.as_ref().map(addresses).transpose()?.unwrap_or_default();
        let count = |key| section.get(key).map(|item| item.count(COUNTS).map(|n| n as u32)).transpose();
        let source = Self {
            name: word(&section.require("name")?)?,
            ipv4,
            ipv6,
            public: section.get("public_address").map(|item| public(&item)).transpose()?.unwrap_or_default(),
            ehlo: section.get("ehlo").map(|item| host(&item)).transpose()?,
            pool: section.get("pool").map(|item| word(&item)).transpose()?.unwrap_or_default(),
            weight: section.get("weight").map(|item| item.count(WEIGHTS)).transpose()?.unwrap_or(1) as u32,
            sessions_max: count("sessions_max")?,
            messages_per_hour: count("messages_per_hour")?,
            family: section.get("family").map(|item| family(&item)).transpose()?.unwrap_or_default(),
            proxy: section.get("proxy").map(|item| Proxy::read(&item, all)).transpose()?,
            at: address.as_ref().unwrap_or(item).error(""),
        };
        source.check_way(section)?;
        source.check_family(section)?;
        Ok(source)
    }

    fn is_bound(&self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }

    fn check_way(&self, section: &Section<'_>) -> Result<(), ConfigError> {
        let Some(proxy) = &self.proxy else { return Ok(()) };
        let item = section.require("proxy")?;
        let family = if proxy.address.is_ipv4() { self.ipv4.is_some() } else { self.ipv6.is_some() };
        match proxy.kind {
            ProxyKind::Haproxy if !self.is_bound() => Err(item
                .error("the source has no address")
                .hint("add address = \"…\": the one that the proxy sends from")),
            ProxyKind::Haproxy if proxy.login.is_some() => {
                Err(item.error("the PROXY protocol knows no login").hint("leave out user and password, or use socks5"))
            }
            ProxyKind::Socks5 if self.is_bound() && !family => Err(item
                .error(format!("the source has no address to reach {} from", proxy.address))
                .hint("to a SOCKS5 proxy, address is the local one that leads there; leave it out if any will do")),
            ProxyKind::Haproxy | ProxyKind::Socks5 => Ok(()),
        }
    }

    fn check_family(&self, section: &Section<'_>) -> Result<(), ConfigError> {
        let Some(item) = section.get("family") else { return Ok(()) };
        let socks = self.proxy.as_ref().is_some_and(|proxy| proxy.kind == ProxyKind::Socks5);
        let limited = self.is_bound() && !socks;
        let lacks = match self.family {
            Family::Any => None,
            Family::Race if self.proxy.is_some() => {
                let hint = "use any, or an order: prefer-ipv4, prefer-ipv6";
                return Err(item.error("there is no race behind a proxy").hint(hint));
            }
            Family::OnlyIpv4 => (limited && self.ipv4.is_none()).then_some("IPv4"),
            Family::OnlyIpv6 => (limited && self.ipv6.is_none()).then_some("IPv6"),
            Family::Race | Family::PreferIpv4 | Family::PreferIpv6 => match (self.ipv4, self.ipv6) {
                (Some(_), None) => limited.then_some("IPv6"),
                (None, Some(_)) => limited.then_some("IPv4"),
                _ => None,
            },
        };
        match lacks {
            None => Ok(()),
            Some(family) => Err(item
                .error(format!("the source has no {family} address"))
                .hint("give it one of each family: address = [\"192.0.2.10\", \"2001:db8::10\"]")),
        }
    }

    /// An error at the place of its address.
    #[must_use]
    pub fn error(&self, message: impl std::fmt::Display) -> ConfigError {
        ConfigError { message: format!("source {:?}: {message}", self.name), ..self.at.clone() }
    }
}

impl Proxy {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &["kind", "address", "user", "password_file", "password_env"];

    fn read(item: &Item<'_>, all: &[String]) -> Result<Self, ConfigError> {
        let section = item.section(Self::KEYS, all)?;
        let given = |key| section.get(key).map(|item| Given::read(&item)).transpose().map(Option::flatten);
        let kinds = [("haproxy", ProxyKind::Haproxy), ("socks5", ProxyKind::Socks5)];
        let place = section.require("address")?;
        let address = place.text()?.parse().map_err(|_| {
            place
                .error("is no address and port")
                .hint("write the proxy's IP address and port, like \"192.0.2.9:1080\" or \"[2001:db8::9]:1080\"")
        })?;
        Ok(Self {
            kind: choice(&section.require("kind")?, &kinds)?,
            address,
            login: Login::of(given("user")?, given("password_file")?, given("password_env")?)?,
        })
    }
}

fn addresses(item: &Item<'_>) -> Result<(Option<Ipv4Addr>, Option<Ipv6Addr>), ConfigError> {
    let list = item.list().unwrap_or_else(|_| vec![item.clone()]);
    let (mut v4, mut v6) = (None, None);
    for item in &list {
        let twice = match item.text()?.parse() {
            Ok(IpAddr::V4(ip)) => v4.replace(ip).is_some(),
            Ok(IpAddr::V6(ip)) => v6.replace(ip).is_some(),
            Err(_) => return Err(item.error("is no IP address")),
        };
        if twice {
            return Err(item
                .error("is the second address of its family")
                .hint("a source has one address of each family; make a second [[source]]"));
        }
    }
    if list.is_empty() {
        return Err(item.error("must not be empty"));
    }
    Ok((v4, v6))
}

/// One address, or a list of them.
fn public(item: &Item<'_>) -> Result<Vec<IpAddr>, ConfigError> {
    let list = item.list().unwrap_or_else(|_| vec![item.clone()]);
    if list.is_empty() {
        return Err(item.error("must not be empty"));
    }
    let address = |item: &Item<'_>| {
        let address: IpAddr = item.text()?.parse().map_err(|_| item.error("is no IP address"))?;
        if is_routable(address) {
            return Ok(address);
        }
        Err(item.error("is no address that others see").hint("name the one that NAT or the proxy sends from"))
    };
    list.iter().map(address).collect()
}

fn family(item: &Item<'_>) -> Result<Family, ConfigError> {
    choice(
        item,
        &[
            ("any", Family::Any),
            ("prefer-ipv4", Family::PreferIpv4),
            ("prefer-ipv6", Family::PreferIpv6),
            ("only-ipv4", Family::OnlyIpv4),
            ("only-ipv6", Family::OnlyIpv6),
            ("race", Family::Race),
        ],
    )
}

fn word(item: &Item<'_>) -> Result<String, ConfigError> {
    let text = item.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(1..=64).contains(&text.len()) || !text.chars().all(plain) {
        return Err(item.error("must be 1 to 64 letters, digits, dots, hyphens or underscores"));
    }
    Ok(text.to_owned())
}
