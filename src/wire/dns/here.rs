//! Where an address that DNS gave leads: out, back to this machine, or nowhere.
//!
//! Guarantees: an address that this machine answers itself is never taken for another machine's, in whatever form of IPv6
//! an IPv4 address comes. Private ranges (RFC 1918, RFC 4193) are other machines': whole companies are there.
//! Leaves to others: what follows for the mail (`route`).

use crate::wire::interfaces;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The interfaces' addresses are read anew after this time.
const FRESH: Duration = Duration::from_secs(60);

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To another machine, as far as the address tells.
    Out,
    /// To this one, whoever connects.
    Here,
    /// To no machine that could be meant: multicast, broadcast, reserved, link-local (which needs an interface beside it).
    Nowhere,
}

/// Where the address leads by its form.
pub(super) fn leads(address: IpAddr) -> Leads {
    match address {
        IpAddr::V4(v4) => leads_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => leads_v4(v4),
            None if v6.is_loopback() || v6.is_unspecified() => Leads::Here,
            None if v6.is_multicast() || v6.is_unicast_link_local() => Leads::Nowhere,
            None => Leads::Out,
        },
    }
}

fn leads_v4(address: Ipv4Addr) -> Leads {
    match address.octets() {
        // RFC 1122 §3.2.1.3: "this host on this network", and loopback.
        [0 | 127, ..] => Leads::Here,
        [169, 254, ..] | [224..=255, ..] => Leads::Nowhere,
        _ => Leads::Out,
    }
}

/// The IPv4 address that an IPv6 address is another form of: mapped and compatible (RFC 4291 §2.5.5), translated (RFC
/// 6052, RFC 2765), 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let low = |[.., a, b]: [u16; 8]| {
        let ([a, b], [c, d]) = (a.to_be_bytes(), b.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        all @ ([0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..]) => {
            Some(low(all))
        }
        [0x2002, a, b, ..] => Some(low([0, 0, 0, 0, 0, 0, a, b])),
        _ => None,
    }
}

/// The addresses of this machine's interfaces that others know it by.
#[derive(Debug, Default)]
pub(super) struct Interfaces(Mutex<Option<(Instant, Arc<[IpAddr]>)>>);

impl Interfaces {
    /// As they are now, or were a moment ago.
    pub(super) fn addresses(&self) -> Arc<[IpAddr]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, addresses)) = &*known
            && read.elapsed() < FRESH
        {
            return addresses.clone();
        }
        let addresses: Arc<[IpAddr]> = match interfaces::addresses() {
            Ok(all) => all.iter().map(IpAddr::to_canonical).filter(|ip| leads(*ip) == Leads::Out).collect(),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the addresses of this machine's interfaces are not known: an exchanger that is one of them is \
                     not recognised. hint: name them in [dns] ourselves"
                );
                known.take().map(|(_, addresses)| addresses).unwrap_or_default()
            }
        };
        *known = Some((Instant::now(), addresses.clone()));
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_an_address_leads_where_the_address_leads() {
        for (text, to) in [
            ("127.0.0.1", Leads::Here),
            ("127.255.3.4", Leads::Here),
            ("0.0.0.0", Leads::Here),
            ("0.1.2.3", Leads::Here),
            ("::", Leads::Here),
            ("::1", Leads::Here),
            ("::ffff:127.0.0.1", Leads::Here),
            ("::ffff:127.200.0.9", Leads::Here),
            ("::ffff:0.0.0.0", Leads::Here),
            ("::127.0.0.1", Leads::Here),
            ("::ffff:0:127.0.0.1", Leads::Here),
            ("64:ff9b::127.0.0.1", Leads::Here),
            ("2002:7f00:1::1", Leads::Here),
            ("224.0.0.1", Leads::Nowhere),
            ("255.255.255.255", Leads::Nowhere),
            ("240.0.0.1", Leads::Nowhere),
            ("169.254.7.7", Leads::Nowhere),
            ("fe80::1", Leads::Nowhere),
            ("ff02::1", Leads::Nowhere),
            ("::ffff:224.0.0.1", Leads::Nowhere),
            ("128.0.0.1", Leads::Out),
            ("126.255.255.255", Leads::Out),
            ("10.0.0.1", Leads::Out),
            ("172.16.0.1", Leads::Out),
            ("192.168.1.1", Leads::Out),
            ("::ffff:192.0.2.1", Leads::Out),
            ("64:ff9b::192.0.2.1", Leads::Out),
            ("fd00::1", Leads::Out),
            ("2001:db8::7f00:1", Leads::Out),
        ] {
            assert_eq!(leads(text.parse().unwrap()), to, "{text}");
        }
    }
}
