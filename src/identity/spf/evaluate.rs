//! Whether one address may send (RFC 7208 §4, `check_host`).
//!
//! Guarantees: as receivers do it: terms in their order up to the first that matches, within their limits.

use super::expand::{asks_for_name, expand};
use super::record::{Directive, Fault, Mechanism, Network, Prefix, Qualifier, Record, is_record};
use super::{LOOKUPS_MAX, NAMES_MAX, VOID_MAX};
use crate::identity::{Facts, Kind, Lack, Looked, is_below, reverse_name};
use std::net::IpAddr;

/// The address itself.
const EXACT: Prefix = Prefix { v4: 32, v6: 128 };

/// Who sends.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// From where, as the receiver sees it.
    pub address: IpAddr,
    /// The local-part of the reverse-path.
    pub local: &'a str,
    /// The domain of the reverse-path.
    pub domain: &'a str,
    /// The name in EHLO.
    pub ehlo: &'a str,
}

/// What a record says of an address (RFC 7208 §2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is no record.
    None,
    /// A term matched; or, as neutral, none did.
    Matched(Qualifier),
    /// The record cannot be used; receivers refuse by it.
    PermError(Fault),
}

/// What an evaluation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// See there.
    pub verdict: Verdict,
    /// The term that matched, with its record's domain where that is another one; empty where none did.
    pub by: String,
}

/// Evaluates the record of `domain` for a sender.
///
/// # Errors
/// [`Lack`].
pub fn check_host(facts: &Facts, sender: &Sender<'_>, domain: &str) -> Result<Checked, Lack> {
    let mut evaluation = Evaluation { facts, sender, lookups: 0, voids: 0 };
    match evaluation.host(domain, true) {
        Ok((verdict, by)) => Ok(Checked { verdict, by }),
        Err(Stop::Lack(lack)) => Err(lack),
        Err(Stop::PermError(fault)) => Ok(Checked { verdict: Verdict::PermError(fault), by: String::new() }),
    }
}

/// Why an evaluation ends before a verdict.
enum Stop {
    Lack(Lack),
    PermError(Fault),
}

impl From<Lack> for Stop {
    fn from(lack: Lack) -> Self {
        Self::Lack(lack)
    }
}

struct Evaluation<'a> {
    facts: &'a Facts,
    sender: &'a Sender<'a>,
    lookups: usize,
    voids: usize,
}

impl Evaluation<'_> {
    /// The depth is bounded: each way to another record counts.
    fn host(&mut self, domain: &str, is_first: bool) -> Result<(Verdict, String), Stop> {
        let Some(record) = self.record(domain)? else { return Ok((Verdict::None, String::new())) };
        for directive in &record.directives {
            if self.matches(directive, domain)? {
                let text = &directive.text;
                let by = if is_first { text.clone() } else { format!("{text} of {domain}") };
                return Ok((Verdict::Matched(directive.qualifier), by));
            }
        }
        let Some(redirect) = &record.redirect else { return Ok((Verdict::Matched(Qualifier::Neutral), String::new())) };
        let term = format!("redirect={redirect}");
        self.count(&term)?;
        let target = self.expanded(&term, redirect, domain)?;
        match self.host(&target, false)? {
            // RFC 7208 §6.1.
            (Verdict::None, _) => Err(Stop::PermError(Fault::new(&term, "leads to a domain without an SPF record"))),
            verdict => Ok(verdict),
        }
    }

    /// RFC 7208 §4.5.
    fn record(&self, domain: &str) -> Result<Option<Record>, Stop> {
        let texts = self.facts.texts(domain)?;
        let mut records = texts.into_iter().filter(|text| is_record(text));
        let Some(text) = records.next() else { return Ok(None) };
        if records.next().is_some() {
            return Err(Stop::PermError(Fault::new("", format!("{domain} has more than one SPF record"))));
        }
        Record::read(text).map(Some).map_err(Stop::PermError)
    }

    fn matches(&mut self, directive: &Directive, domain: &str) -> Result<bool, Stop> {
        let term = directive.text.as_str();
        if !matches!(directive.mechanism, Mechanism::All | Mechanism::Ip(_)) {
            self.count(term)?;
        }
        match &directive.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip(network) => Ok(network.contains(self.sender.address)),
            Mechanism::Include(target) => {
                let target = self.expanded(term, target, domain)?;
                match self.host(&target, false)?.0 {
                    Verdict::Matched(qualifier) => Ok(qualifier == Qualifier::Pass),
                    // RFC 7208 §5.2.
                    _ => Err(Stop::PermError(Fault::new(term, "includes a domain without an SPF record"))),
                }
            }
            Mechanism::A(name, prefix) => {
                let name = self.target(term, name.as_deref(), domain)?;
                let is_void = self.addresses(&name)?.records.is_empty();
                let matches = self.is_around(&name, *prefix)?;
                self.count_void(term, is_void)?;
                Ok(matches)
            }
            Mechanism::Mx(name, prefix) => self.mx(term, name.as_deref(), *prefix, domain),
            Mechanism::Ptr(name) => self.ptr(term, name.as_deref(), domain),
            Mechanism::Exists(name) => {
                let name = self.expanded(term, name, domain)?;
                // RFC 7208 §5.7: an A record, whatever the sender's family.
                let is_void = self.facts.look(&name, Kind::A)?.records.is_empty();
                self.count_void(term, is_void)?;
                Ok(!is_void)
            }
        }
    }

    fn mx(&mut self, term: &str, name: Option<&str>, prefix: Prefix, domain: &str) -> Result<bool, Stop> {
        let name = self.target(term, name, domain)?;
        let hosts = self.facts.look(&name, Kind::Mx)?.exchangers();
        self.count_void(term, hosts.is_empty())?;
        if hosts.len() > NAMES_MAX {
            return Err(Stop::PermError(Fault::new(
                term,
                format!("has {} exchangers, more than {NAMES_MAX}", hosts.len()),
            )));
        }
        for host in hosts.into_iter().filter(|host| !host.is_empty()) {
            if self.is_around(host, prefix)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5: of the address' names one that leads back to it, and is the domain's.
    fn ptr(&mut self, term: &str, name: Option<&str>, domain: &str) -> Result<bool, Stop> {
        let above = self.target(term, name, domain)?.to_ascii_lowercase();
        let names: Vec<&str> = self.facts.look(&reverse_name(self.sender.address), Kind::Ptr)?.names().collect();
        self.count_void(term, names.is_empty())?;
        for name in names.into_iter().take(NAMES_MAX) {
            if is_below(name, &above) && self.is_around(name, EXACT)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The addresses of a name in the sender's family.
    fn addresses(&self, name: &str) -> Result<Looked<'_>, Lack> {
        let kind = if self.sender.address.to_canonical().is_ipv4() { Kind::A } else { Kind::Aaaa };
        self.facts.look(name, kind)
    }

    fn is_around(&self, name: &str, prefix: Prefix) -> Result<bool, Stop> {
        let is_in = |address| Network::contains(&prefix.around(address), self.sender.address);
        Ok(self.addresses(name)?.addresses().any(is_in))
    }

    fn target(&self, term: &str, name: Option<&str>, domain: &str) -> Result<String, Stop> {
        name.map_or_else(|| Ok(domain.to_owned()), |name| self.expanded(term, name, domain))
    }

    fn expanded(&self, term: &str, name: &str, domain: &str) -> Result<String, Stop> {
        let named = if asks_for_name(name) { self.named(domain)? } else { String::new() };
        let mut name =
            expand(name, self.sender, domain, &named).map_err(|why| Stop::PermError(Fault::new(term, why)))?;
        // A domain with its last dot is the same one.
        name.truncate(name.strip_suffix('.').unwrap_or(&name).len());
        Ok(name)
    }

    /// RFC 7208 §7.3: a name of the address that leads back to it, the domain itself or one below it before others; "unknown"
    /// where there is none.
    fn named(&self, domain: &str) -> Result<String, Stop> {
        let names = self.facts.look(&reverse_name(self.sender.address), Kind::Ptr)?.names().take(NAMES_MAX);
        let mut confirmed: Vec<&str> = Vec::new();
        for name in names {
            if self.is_around(name, EXACT)? {
                confirmed.push(name);
            }
        }
        let own = |name: &&&str| name.eq_ignore_ascii_case(domain);
        let below = |name: &&&str| is_below(name, &domain.to_ascii_lowercase());
        let best = confirmed.iter().find(own).or_else(|| confirmed.iter().find(below)).or(confirmed.first());
        Ok(best.map_or("unknown", |name| name).to_owned())
    }

    fn count(&mut self, term: &str) -> Result<(), Stop> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX {
            let why = format!("would be look-up {}, and receivers make {LOOKUPS_MAX}", self.lookups);
            return Err(Stop::PermError(Fault::new(term, why)));
        }
        Ok(())
    }

    fn count_void(&mut self, term: &str, is_void: bool) -> Result<(), Stop> {
        self.voids += usize::from(is_void);
        if self.voids > VOID_MAX {
            let why = format!("is the {}rd look-up in vain, and receivers bear {VOID_MAX}", self.voids);
            return Err(Stop::PermError(Fault::new(term, why)));
        }
        Ok(())
    }
}
