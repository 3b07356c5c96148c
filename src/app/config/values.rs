//! The small languages inside values: durations (`"5m"`), percentages (`"5%"`), host and port.
//!
//! Guarantees: nothing is guessed; a number without its unit is an error that says which units there are.

use crate::base::span;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration: a whole number and its unit, one or several of them: `"100ms"`, `"90s"`, `"1h30m"`, `"4d"`.
///
/// # Errors
/// A sentence that says what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    span::parse(text).map_err(|_| {
        format!("{text:?} is no duration: write a number and a unit (ms, s, m, h, d), like \"90s\" or \"1h30m\"")
    })
}

/// Writes a duration as [`duration`] reads it, with the largest units that fit; what is below a millisecond is dropped.
#[must_use]
pub fn duration_text(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit_ms) in UNITS.iter().rev() {
        if rest >= *unit_ms {
            text.push_str(&format!("{}{name}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads a percentage, `"5%"` or `"0.5%"`, as a share from 0 to 1.
///
/// # Errors
/// A sentence that says what was expected.
pub fn percentage(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no percentage: write a number from 0 to 100 and a %, like \"5%\"");
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim();
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let percent = number.parse::<f64>().ok().filter(|p| plain && (0.0..=100.0).contains(p)).ok_or_else(wrong)?;
    Ok(percent / 100.0)
}

/// A host, by name or address, and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port, where one was given.
    pub port: Option<u16>,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (false, None) => f.write_str(&self.host),
            (true, None) => write!(f, "[{}]", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

impl std::str::FromStr for HostPort {
    type Err = String;

    /// Reads `host`, `host:port`, `192.0.2.1:25`, `[2001:db8::1]:25`, `2001:db8::1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no host and port: write HOST:PORT, like \"relay.example:25\" or \"[::1]:25\"");
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('[') {
            let (host, behind) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
            let port = match behind.strip_prefix(':') {
                Some(port) => Some(port_of(port).ok_or_else(wrong)?),
                None if behind.is_empty() => None,
                None => return Err(wrong()),
            };
            return Ok(Self { host: host.to_owned(), port });
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self { host: text.to_owned(), port: None });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port_of(port).ok_or_else(wrong)?)),
            None => (text, None),
        };
        if !is_host(host) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

fn port_of(text: &str) -> Option<u16> {
    text.parse::<u16>().ok().filter(|&port| port != 0)
}

/// Whether a text may be the name of a host: letters, digits, hyphens and dots, at most 253 octets.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    text.len() <= 253
        && (text.parse::<IpAddr>().is_ok() || text.strip_suffix('.').unwrap_or(text).split('.').all(label))
}
