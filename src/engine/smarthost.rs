//! A smarthost: the one fixed next hop of all mail.

use crate::wire::dns::is_host_name;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A host, or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Smarthost {
    /// An address: nothing is to be resolved.
    Address(SocketAddr),
    /// A host name, in lower case; its addresses are looked up, its MX records are not (RFC 5321 §5.1 is for domains).
    Host(Arc<str>, u16),
}

/// Why a text names no smarthost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmarthostError {
    /// No port, or nothing before it.
    #[error(
        "smarthost {0:?}: no host and port. hint: write \"relay.example:25\", \"192.0.2.1:25\" or \"[2001:db8::1]:25\""
    )]
    Form(String),
    /// The port is no number from 1 to 65535.
    #[error("smarthost {0:?}: {1:?} is no port. hint: a number from 1 to 65535, usually 25 or 587")]
    Port(String, String),
    /// The host is no host name.
    #[error("smarthost {0:?}: {1:?} is neither a host name nor an address. hint: an IPv6 address stands in brackets")]
    Host(String, String),
}

/// Parses `host:port`, `192.0.2.1:port` or `[2001:db8::1]:port`; blanks around it are allowed.
///
/// # Errors
/// What is wrong, and how it is written right.
pub fn parse_smarthost(text: &str) -> Result<Smarthost, SmarthostError> {
    let whole = || text.to_owned();
    let (host, port) = text.trim().rsplit_once(':').ok_or_else(|| SmarthostError::Form(whole()))?;
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if host.is_empty() || (bracketed.is_none() && host.contains(':')) {
        return Err(SmarthostError::Form(whole()));
    }
    let port = match port.parse::<u16>() {
        Ok(number) if number != 0 && port.bytes().all(|b| b.is_ascii_digit()) => number,
        _ => return Err(SmarthostError::Port(whole(), port.to_owned())),
    };
    if let Ok(address) = bracketed.unwrap_or(host).parse::<IpAddr>() {
        return Ok(Smarthost::Address(SocketAddr::new(address, port)));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if !is_host_name(&host) {
        return Err(SmarthostError::Host(whole(), host));
    }
    Ok(Smarthost::Host(host.into(), port))
}

impl fmt::Display for Smarthost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_with_a_port_are_taken() {
        for (text, shown) in [
            ("Relay.Acme.example:587", "relay.acme.example:587"),
            ("relay.example.:25", "relay.example:25"),
            ("localhost:2525", "localhost:2525"),
            ("192.0.2.1:25", "192.0.2.1:25"),
            (" [2001:db8::1]:25 ", "[2001:db8::1]:25"),
        ] {
            assert_eq!(parse_smarthost(text).map(|s| s.to_string()).as_deref(), Ok(shown));
        }
        assert!(matches!(parse_smarthost("[192.0.2.1]:25"), Ok(Smarthost::Address(_))));
        assert!(matches!(parse_smarthost("relay.example:25"), Ok(Smarthost::Host(..))));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, word) in [
            ("", "no host and port"),
            ("relay.example", "no host and port"),
            (":25", "no host and port"),
            ("2001:db8::1:25", "no host and port"),
            ("relay.example:", "no port"),
            ("relay.example:0", "no port"),
            ("relay.example:+25", "no port"),
            ("relay.example:70000", "no port"),
            ("smtp://relay.example:25", "no host and port"),
            ("re lay.example:25", "neither a host name"),
            ("192.0.2.300:25", "neither a host name"),
            ("[relay.example]:25", "neither a host name"),
        ] {
            let error = parse_smarthost(text).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("hint: "), "{text:?}: {error}");
        }
    }
}
