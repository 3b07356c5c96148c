//! DNS: from a domain to the exchangers that take its mail (RFC 5321 §5.1, RFC 7505). The only room that names hickory.
//!
//! `route` asks for what `host` and `lookup` find out; `lookup` asks what the `cache` does not know, by way of
//! `transport` and `port`, and where answers are to be proven, through hickory, which asks the same way.
//!
//! Guarantees: every look-up ends within a bound; a route has at most [`EXCHANGERS_MAX`] exchangers and
//! [`ADDRESSES_MAX`] addresses; names that come from the network are taken only if they are host names (letters,
//! digits, `-`, `_`), so they may stand in logs and metrics; no route to a domain leads back to this machine, unless that is
//! allowed; the cache is bounded and keeps to the records' TTL.
//! Leaves to others: which domain to ask for, and when again (`engine::router`); which address to try first.

mod ask;
mod cache;
mod config;
mod denial;
#[cfg(test)]
#[path = "../../../tests/support/dns_server.rs"]
pub(crate) mod dns_server;
mod here;
mod host;
mod lookup;
mod name;
mod port;
mod question;
mod route;
#[cfg(test)]
#[path = "../../../tests/support/signed_zones.rs"]
pub(crate) mod signed_zones;
mod site;
#[cfg(test)]
mod tests;
mod text;
mod transport;

pub use config::{ConfigError, Dnssec, Ourself, ResolverConfig};
pub use lookup::Resolver;
pub use name::is_host_name;
pub use route::{
    ADDRESSES_MAX, EXCHANGERS_MAX, Exchanger, Route, RouteError, Skipped, TLSA_MAX, TlsaAnswer, VALID_MAX, VALID_MIN,
};
pub use text::{Txt, TxtMissing};
