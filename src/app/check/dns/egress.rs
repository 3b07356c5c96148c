//! The addresses that receivers see the mail come from, as far as they are known.
//!
//! Guarantees: none is guessed: a private address, a SOCKS5 proxy or a smarthost sends from another one, and that is said.

use super::super::super::destination::Destination;
use crate::engine::source::{Family, Proxy, Source};
use crate::identity::is_routable;
use crate::mail::finding::{Finding, Severity};
use crate::wire::interfaces;
use std::net::IpAddr;
use std::sync::Arc;

/// An address that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) address: IpAddr,
    /// The name that we say from there; `None`: another server says its own.
    pub(super) ehlo: Option<Arc<str>>,
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Egress {
    pub(super) known: Vec<Known>,
    /// What has addresses that are not known, and why.
    unknown: Vec<String>,
}

impl Egress {
    /// `given` goes before everything else.
    pub(super) fn of(given: &[IpAddr], destination: &Destination, sources: &[Source]) -> Self {
        let mut egress = Self::default();
        if !given.is_empty() {
            for address in given {
                egress.add(*address, ehlo_of(*address, destination, sources));
            }
            return egress;
        }
        if let Destination::Smarthost(host, _) = destination {
            egress.unknown.push(format!("the smarthost {host} sends from addresses of its own"));
            return egress;
        }
        for source in sources {
            egress.take(source);
        }
        egress
    }

    fn take(&mut self, source: &Source) {
        if !source.public.is_empty() {
            source.public.iter().for_each(|address| self.add(*address, Some(source.ehlo.clone())));
            return;
        }
        if let Some(Proxy::Socks5(address, _)) = &source.proxy {
            self.unknown.push(format!("the SOCKS5 proxy {address} sends from addresses of its own"));
            return;
        }
        let bound: Vec<IpAddr> =
            [source.ipv4.map(IpAddr::V4), source.ipv6.map(IpAddr::V6)].into_iter().flatten().collect();
        let is_bound = !bound.is_empty();
        let chosen = if is_bound { bound } else { interfaces::outgoing() };
        let wanted = |address: &&IpAddr| match source.family {
            Family::OnlyIpv4 => address.is_ipv4(),
            Family::OnlyIpv6 => address.is_ipv6(),
            Family::Any | Family::PreferIpv4 | Family::PreferIpv6 | Family::Race => true,
        };
        let before = self.known.len() + self.unknown.len();
        for address in chosen.iter().filter(wanted) {
            if is_routable(*address) {
                self.add(*address, Some(source.ehlo.clone()));
            } else if is_bound {
                let why = "is not seen from outside (NAT, or a network of one's own)";
                self.unknown.push(format!("{address} of the source {:?} {why}", source.title()));
            } else {
                self.unknown.push(format!("the system would choose {address}, which is not seen from outside (NAT)"));
            }
        }
        if self.known.len() + self.unknown.len() == before {
            self.unknown.push("this machine has no address that leads outside".to_owned());
        }
    }

    fn add(&mut self, address: IpAddr, ehlo: Option<Arc<str>>) {
        let known = Known { address: address.to_canonical(), ehlo };
        if !self.known.contains(&known) {
            self.known.push(known);
        }
    }

    /// That addresses are not known, if it is so.
    pub(super) fn findings(&self) -> Option<Finding> {
        let why = self.unknown.first()?;
        let more = self.unknown.len().saturating_sub(1);
        let more = if more > 0 { format!(", and {more} more like that") } else { String::new() };
        let says = format!(
            "an address that mail leaves from is not known, so that SPF, PTR and EHLO name are not looked at for it: {why}{more}"
        );
        let hint = "name it: public_address of its [[source]], or posthaste check … --public-address ADDR (several with commas)";
        Some(Finding::new(Severity::Note, "public-address", "", says).hint(hint))
    }
}

/// What we say from an address that was given: what the source with it says, or all sources do.
fn ehlo_of(address: IpAddr, destination: &Destination, sources: &[Source]) -> Option<Arc<str>> {
    if matches!(destination, Destination::Smarthost(..)) {
        return None;
    }
    let is_of = |source: &&Source| source.address_for(address) == Some(address) || source.public.contains(&address);
    let own = sources.iter().find(is_of);
    let (first, rest) = sources.split_first()?;
    let one = rest.iter().all(|source| source.ehlo == first.ehlo).then_some(first);
    own.or(one).map(|source| source.ehlo.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(name: &str, address: [u8; 4], ehlo: &str) -> Source {
        let mut source = Source::unbound(ehlo.into());
        (source.name, source.ipv4) = (name.into(), Some(Ipv4Addr::from(address)));
        source
    }

    fn known(egress: &Egress) -> Vec<(String, Option<&str>)> {
        egress.known.iter().map(|known| (known.address.to_string(), known.ehlo.as_deref())).collect()
    }

    #[test]
    fn sources_with_public_addresses_are_known_and_others_are_not_guessed() {
        let mx = Destination::Exchangers(25);
        let mut socks = source("c", [192, 0, 2, 7], "c.example");
        socks.proxy = Some(Proxy::Socks5("192.0.2.9:1080".parse().unwrap(), None));
        let sources = [source("a", [192, 0, 2, 1], "a.example"), source("b", [10, 0, 0, 1], "b.example"), socks];
        let egress = Egress::of(&[], &mx, &sources);
        assert_eq!(known(&egress), [("192.0.2.1".to_owned(), Some("a.example"))]);
        let says = egress.findings().unwrap().says;
        assert!(
            says.contains("10.0.0.1 of the source \"b\" is not seen") && says.ends_with(", and 1 more like that"),
            "{says}"
        );
    }

    #[test]
    fn a_source_behind_nat_or_a_proxy_is_known_by_its_public_addresses() {
        let mx = Destination::Exchangers(25);
        let mut behind = [source("a", [10, 0, 0, 1], "a.example"), source("b", [10, 0, 0, 2], "b.example")];
        behind[0].public = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        behind[1].public = [[192, 0, 2, 2].into()].into();
        behind[1].proxy = Some(Proxy::Socks5("10.0.0.9:1080".parse().unwrap(), None));
        let egress = Egress::of(&[], &mx, &behind);
        let [a, b] = ["a.example", "b.example"].map(Some);
        let wanted = [("192.0.2.1", a), ("2001:db8::1", a), ("192.0.2.2", b)];
        assert_eq!(known(&egress), wanted.map(|(address, ehlo)| (address.to_owned(), ehlo)));
        assert_eq!(egress.findings(), None);
        let given = Egress::of(&["192.0.2.2".parse().unwrap()], &mx, &behind);
        assert_eq!(known(&given), [("192.0.2.2".to_owned(), b)], "each says its own name");
    }

    #[test]
    fn addresses_that_are_given_go_before_all_others() {
        let mx = Destination::Exchangers(25);
        let given: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let sources = [source("a", [192, 0, 2, 1], "a.example"), source("b", [10, 0, 0, 1], "b.example")];
        let egress = Egress::of(&given, &mx, &sources);
        assert_eq!(known(&egress), [("192.0.2.1".to_owned(), Some("a.example")), ("192.0.2.2".to_owned(), None)]);
        assert_eq!(egress.findings(), None);
        let one = Egress::of(&given, &mx, &sources[1..]);
        assert_eq!(known(&one)[0].1, Some("b.example"), "all sources say it");
        let smarthost = Destination::Smarthost("relay.example".into(), 25);
        assert_eq!(known(&Egress::of(&given, &smarthost, &sources))[0].1, None);
        let unknown = Egress::of(&[], &smarthost, &sources);
        assert!(unknown.known.is_empty() && unknown.findings().unwrap().says.contains("the smarthost relay.example"));
    }
}
