//! Addresses that mail comes from, as receivers see them: the name under which DNS has their names (RFC 1035 §3.5, RFC 3596
//! §2.5), whether anybody outside sees them, and names that a provider gave to a whole range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parts of names that providers give to lines and ranges, not to servers.
const OF_RANGES: [&str; 22] = [
    "adsl",
    "broadband",
    "cable",
    "client",
    "customer",
    "cust",
    "dhcp",
    "dial",
    "dialin",
    "dialup",
    "dsl",
    "dyn",
    "dynamic",
    "dynamicip",
    "ftth",
    "pool",
    "ppp",
    "pppoe",
    "unassigned",
    "unknown",
    "unused",
    "vdsl",
];

/// The name under which the names of an address stand.
#[must_use]
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// Whether mail that leaves from an address arrives from that one: it is not private (RFC 1918, RFC 4193), shared by a
/// provider's customers (RFC 6598), of this machine or of this link.
#[must_use]
pub fn is_routable(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_routable_v4(v4),
        IpAddr::V6(v6) => is_routable_v6(v6),
    }
}

fn is_routable_v4(address: Ipv4Addr) -> bool {
    let is_shared = matches!(address.octets(), [100, 64..=127, ..]);
    let is_here = matches!(address.octets(), [0 | 127, ..]);
    !(is_here
        || is_shared
        || address.is_private()
        || address.is_link_local()
        || matches!(address.octets(), [224..=255, ..]))
}

fn is_routable_v6(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address.is_unique_local())
}

/// What in a host's name shows that it was made for a range of addresses, if something does: a word such as `dynamic`, or the
/// address itself.
#[must_use]
pub fn generic_part(name: &str, address: IpAddr) -> Option<String> {
    let name = name.to_ascii_lowercase();
    // The domain itself may be called anything.
    let organisation = super::organisation_of(&name).unwrap_or_default();
    let host = name.strip_suffix(organisation).unwrap_or(&name);
    let mut words = host.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    if let Some(word) = words.find(|word| OF_RANGES.contains(word)) {
        return Some(word.to_owned());
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => generic_v4(host, v4),
        IpAddr::V6(v6) => generic_v6(host, v6),
    }
}

/// The four numbers of the address, in its order or in the other one; or all of it as one number.
fn generic_v4(host: &str, address: Ipv4Addr) -> Option<String> {
    let octets = address.octets();
    let numbers: Vec<&str> = host.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let parsed: Vec<Option<u8>> = numbers.iter().map(|number| number.parse().ok()).collect();
    let is_in =
        |wanted: [u8; 4]| parsed.windows(4).any(|four| four.iter().zip(wanted).all(|(is, want)| *is == Some(want)));
    let [a, b, c, d] = octets;
    let written = [
        format!("{a:03}{b:03}{c:03}{d:03}"),
        format!("{d:03}{c:03}{b:03}{a:03}"),
        format!("{a:02x}{b:02x}{c:02x}{d:02x}"),
    ];
    let is_written = written.iter().any(|form| host.split(['.', '-', '_']).any(|part| part.ends_with(form.as_str())));
    (is_in(octets) || is_in([d, c, b, a]) || is_written).then(|| address.to_string())
}

/// The last eight digits of the address as one, or its last four groups.
fn generic_v6(host: &str, address: Ipv6Addr) -> Option<String> {
    let groups = address.segments();
    let tail: Vec<String> = groups.iter().skip(4).map(|group| format!("{group:x}")).collect();
    let full: String = groups.iter().map(|group| format!("{group:04x}")).collect();
    let digits: String = host.chars().filter(char::is_ascii_hexdigit).collect();
    let parts: Vec<&str> = host.split(['.', '-', '_']).collect();
    let is_in = parts.windows(4).any(|four| four.iter().zip(&tail).all(|(part, group)| part == group));
    (is_in || digits.contains(&full)).then(|| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_backwards() {
        assert_eq!(reverse_name("192.0.2.10".parse().unwrap()), "10.2.0.192.in-addr.arpa");
        assert_eq!(
            reverse_name("2001:db8::567:89ab".parse().unwrap()),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }

    #[test]
    fn nobody_outside_sees_private_addresses() {
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_routable(text.parse().unwrap()), "{text}");
        }
        for text in
            ["192.0.2.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "8.8.8.8", "2001:db8::1", "::ffff:192.0.2.1"]
        {
            assert!(is_routable(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn names_of_ranges_are_told_from_names_of_servers() {
        for (name, address) in [
            ("192-0-2-10.provider.example", "192.0.2.10"),
            ("host10.2.0.192.provider.example", "192.0.2.10"),
            ("static.10.2.0.192.clients.provider.example", "192.0.2.10"),
            ("ip192000002010.provider.example", "192.0.2.10"),
            ("c000020a.provider.example", "192.0.2.10"),
            ("p5-dynamic.provider.example", "192.0.2.10"),
            ("pool-7.provider.example", "192.0.2.10"),
            ("dsl.provider.example", "192.0.2.10"),
            ("20010db80000000000000000056789ab.v6.provider.example", "2001:db8::567:89ab"),
            ("2001-db8-0-0-0-0-567-89ab.v6.provider.example", "2001:db8::567:89ab"),
        ] {
            assert!(generic_part(name, address.parse().unwrap()).is_some(), "{name}");
        }
        for (name, address) in [
            ("mail.acme.example", "192.0.2.10"),
            ("mx1-10.acme.example", "192.0.2.10"),
            ("out-192-0-2.acme.example", "192.0.2.10"),
            ("dynamic.example", "192.0.2.10"),
            ("mail.pool.example", "192.0.2.10"),
            ("mta7.dynamics.acme.example", "192.0.2.7"),
            ("mail.acme.example", "2001:db8::1"),
        ] {
            assert_eq!(generic_part(name, address.parse().unwrap()), None, "{name}");
        }
    }
}
