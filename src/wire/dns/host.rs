//! What is known of one host: its addresses, whether they are proven, and its TLSA records (RFC 7672 §2.2).
//!
//! Guarantees: addresses that nobody can connect to are left out; TLSA records are asked for only where the way to the
//! host is proven, and a look-up of them that fails is never taken for "there are none".
//! Leaves to others: which hosts there are (`route`), which records are usable and what they prove (`tls::dane`).

use super::config::Dnssec;
use super::here::{Leads, leads};
use super::lookup::{Answer, Missing, Resolver};
use super::route::{TLSA_MAX, TlsaAnswer, VALID_MAX};
use crate::tls::dane::Tlsa;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

/// What the look-ups of one host brought.
pub(super) struct Found {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
    /// Whether all addresses are proven.
    pub(super) authentic: bool,
    /// Its TLSA records, if they were to be asked for.
    pub(super) tlsa: TlsaAnswer,
    /// Where they stand, if not at the host itself.
    pub(super) tlsa_base: Option<Box<str>>,
    /// Why addresses may be missing.
    pub(super) trouble: Option<String>,
    /// Whether a look-up found nothing, and nothing proves that there is nothing.
    pub(super) doubt: bool,
    /// When the first answer expires.
    pub(super) valid_until: Instant,
}

impl Resolver {
    /// Addresses and TLSA records of a host. `chosen_safely`: whether what led to this host is proven.
    pub(super) async fn found(&self, host: &str, chosen_safely: bool) -> Found {
        let asked = [RecordType::A, RecordType::AAAA].map(|kind| self.records(host, kind));
        let answers = all(asked.into()).await;
        let mut found = Found::nothing();
        let mut bases = Bases::default();
        for answer in answers {
            match answer {
                Ok(answer) => {
                    found.take(&answer);
                    bases.take(&answer);
                }
                Err(Missing::Unknown(reason)) => found.trouble = Some(reason.into()),
                Err(Missing::Record { sure: false, .. }) => found.doubt = true,
                Err(Missing::Name | Missing::Record { .. }) => {}
            }
        }
        found.authentic = bases.authentic && (!found.v4.is_empty() || !found.v6.is_empty());
        let config = self.config();
        if config.dane && config.dnssec != Dnssec::Off && chosen_safely {
            self.ask_tlsa(host, &bases, &mut found).await;
        }
        found
    }

    /// RFC 7672 §2.2.3: the name at the end of the aliases is tried first, if all of them are proven; then the first.
    async fn ask_tlsa(&self, host: &str, bases: &Bases, found: &mut Found) {
        if let (true, Some(target)) = (bases.authentic, &bases.target) {
            let mut name = target.to_ascii().to_ascii_lowercase();
            name.truncate(name.trim_end_matches('.').len());
            self.tlsa(&name, found).await;
            if matches!(found.tlsa, TlsaAnswer::Records(_)) {
                found.tlsa_base = Some(name.into());
            }
        }
        if bases.first_link_authentic && found.tlsa == TlsaAnswer::Absent {
            self.tlsa(host, found).await;
        }
    }

    async fn tlsa(&self, base: &str, found: &mut Found) {
        let name = format!("_{}._tcp.{base}", self.config().tlsa_port);
        found.tlsa = match self.records(&name, RecordType::TLSA).await {
            // RFC 7672 §2.2: an insecure answer counts as none.
            Ok(answer) if answer.authentic => {
                found.valid_until = found.valid_until.min(answer.valid_until);
                TlsaAnswer::Records(answer.data.iter().filter_map(record).take(TLSA_MAX).collect())
            }
            Ok(_) | Err(Missing::Name) => TlsaAnswer::Absent,
            Err(Missing::Record { until, .. }) => {
                found.valid_until = found.valid_until.min(until);
                TlsaAnswer::Absent
            }
            Err(Missing::Unknown(reason)) => {
                TlsaAnswer::Unknown(format!("the TLSA look-up of {name} failed: {reason}").into())
            }
        };
    }
}

/// The names at which TLSA records may be.
#[derive(Default)]
struct Bases {
    /// Whether each link from the host to its addresses is proven.
    authentic: bool,
    /// Whether the first link is: then the host is in a signed zone, wherever it leads.
    first_link_authentic: bool,
    /// The end of the aliases.
    target: Option<Name>,
    taken: bool,
}

impl Bases {
    fn take(&mut self, answer: &Answer) {
        self.authentic = answer.authentic && (self.authentic || !self.taken);
        self.first_link_authentic = answer.first_link_authentic && (self.first_link_authentic || !self.taken);
        self.target = self.target.take().or_else(|| answer.alias_of.clone());
        self.taken = true;
    }
}

/// Where a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whither {
    /// Elsewhere, or nobody knows.
    Out,
    /// It is this system, by this address.
    Here(IpAddr),
    /// None of its addresses can be meant; this is one of them.
    Nowhere(IpAddr),
}

impl Found {
    fn nothing() -> Self {
        Self {
            v4: Vec::new(),
            v6: Vec::new(),
            authentic: false,
            tlsa: TlsaAnswer::Absent,
            tlsa_base: None,
            trouble: None,
            doubt: false,
            valid_until: Instant::now() + VALID_MAX,
        }
    }

    fn take(&mut self, answer: &Answer) {
        self.valid_until = self.valid_until.min(answer.valid_until);
        for data in &answer.data {
            match data {
                RData::A(a) => self.v4.push(a.0.into()),
                RData::AAAA(aaaa) => self.v6.push(aaaa.0.into()),
                _ => {}
            }
        }
    }

    /// Drops the addresses that nobody can connect to.
    pub(super) fn keep_connectable(&mut self) {
        let connectable = |address: &IpAddr| {
            let address = address.to_canonical();
            !(address.is_unspecified() || address.is_multicast() || address == Ipv4Addr::BROADCAST)
        };
        self.v4.retain(connectable);
        self.v6.retain(connectable);
    }

    /// Drops the addresses that a stranger's host cannot have, and says where the host is. It is this system by any of `ours`; by
    /// an address that leads to whoever uses it (`loopback`: these are allowed) only if it has no other.
    pub(super) fn sift(&mut self, ours: &[IpAddr], loopback: bool) -> Whither {
        let own = |address: &&IpAddr| ours.contains(&address.to_canonical());
        if let Some(&address) = self.v4.iter().chain(&self.v6).find(own) {
            return Whither::Here(address);
        }
        let all = || self.v4.iter().chain(&self.v6).copied();
        let (first, here) = (all().next(), all().find(|&address| leads(address) == Leads::Here));
        let usable = |address: &IpAddr| match leads(*address) {
            Leads::Out => true,
            Leads::Here => loopback && !address.to_canonical().is_unspecified(),
            Leads::Nowhere => false,
        };
        self.v4.retain(usable);
        self.v6.retain(usable);
        match (first, here) {
            (Some(first), here) if self.v4.is_empty() && self.v6.is_empty() => {
                here.filter(|_| !loopback).map_or(Whither::Nowhere(first), Whither::Here)
            }
            _ => Whither::Out,
        }
    }

    /// At most `max` addresses (2 or more), of both families if there are both: IPv4 first, each in the order of its
    /// answer.
    pub(super) fn addresses(&self, max: usize) -> Vec<IpAddr> {
        let v6 = self.v6.len().min(max.saturating_sub(self.v4.len()).max(max / 2));
        let v4 = self.v4.len().min(max - v6);
        self.v4.iter().take(v4).chain(self.v6.iter().take(v6)).copied().collect()
    }
}

fn record(data: &RData) -> Option<Tlsa> {
    let RData::TLSA(tlsa) = data else { return None };
    Some(Tlsa {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.as_slice().into(),
    })
}

/// Waits for all; the outputs in the order of the futures. For a few: each waking polls all that are left.
pub(super) async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    poll_fn(|cx| {
        for (future, output) in &mut waiting {
            if let Some(Poll::Ready(done)) = future.as_mut().map(|future| Pin::new(future).poll(cx)) {
                (*future, *output) = (None, Some(done));
            }
        }
        if waiting.iter().all(|(future, _)| future.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
