//! Host names and address literals, as they stand in DNS and behind an `@`.
//!
//! Guarantees: what [`is_host_name`] takes holds nothing but letters, digits, `-`, `_` and dots, and is no address.
//! Leaves to others: international names, which are ASCII by the time they come here.

use hickory_resolver::proto::rr::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host name that a DNS name is, in lower case without a final dot. A name in DNS may hold any octet.
pub(super) fn host_name(name: &Name) -> Option<String> {
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
pub(super) fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let v6 = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).and(inner.get(5..));
    match v6 {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => inner.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}
