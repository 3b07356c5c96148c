//! One record: its terms (RFC 7208 §4.6.1, §5, §6).
//!
//! Guarantees: whatever a receiver would refuse as a permanent error is refused here, with the term and a way to write it.
//! Leaves to others: where its names lead.

use super::expand;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What every record begins with.
const VERSION: &str = "v=spf1";

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`: it may send.
    Pass,
    /// `-`: it may not.
    Fail,
    /// `~`: it probably may not.
    SoftFail,
    /// `?`: nothing is said.
    Neutral,
}

/// The bits of an address that are compared, for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// An address of it.
    pub address: IpAddr,
    /// The bits that all of its addresses share.
    pub bits: u8,
}

/// What is compared with the sender. Names are macro strings; none: the domain that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Whom another record lets pass.
    Include(String),
    /// The addresses of a name.
    A(Option<String>, Prefix),
    /// The addresses of a domain's exchangers.
    Mx(Option<String>, Prefix),
    /// Whoever has such a name; not to be used any more (RFC 7208 §5.5).
    Ptr(Option<String>),
    /// These addresses.
    Ip(Network),
    /// Everybody, if the name has an address.
    Exists(String),
}

/// A mechanism, and what a match means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// As it is written.
    pub text: String,
    /// What a match means.
    pub qualifier: Qualifier,
    /// What is compared.
    pub mechanism: Mechanism,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In the order in which they are compared.
    pub directives: Vec<Directive>,
    /// Whose record goes on where nothing matches: a macro string.
    pub redirect: Option<String>,
    /// Modifiers that nobody knows, and everybody passes over.
    pub unknown: Vec<String>,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The term, as it is written; empty: the record.
    pub term: String,
    /// What is wrong with it: a half sentence.
    pub why: String,
}

impl Fault {
    pub(super) fn new(term: &str, why: impl Into<String>) -> Self {
        Self { term: term.to_owned(), why: why.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.term.as_str() {
            "" => f.write_str(&self.why),
            term => write!(f, "`{term}` {}", self.why),
        }
    }
}

/// Whether a text is an SPF record (RFC 7208 §4.5).
#[must_use]
pub fn is_record(text: &str) -> bool {
    after_version(text).is_some()
}

/// Whether a text is none, and was meant to be one: with a quote or a blank before it, without a blank after the version.
#[must_use]
pub fn reads_as_record(text: &str) -> bool {
    !is_record(text) && text.to_ascii_lowercase().replace(' ', "").contains("v=spf")
}

fn after_version(text: &str) -> Option<&str> {
    let (version, rest) = text.split_at_checked(VERSION.len())?;
    (version.eq_ignore_ascii_case(VERSION) && (rest.is_empty() || rest.starts_with(' '))).then_some(rest)
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// The first term that makes receivers refuse it.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let terms = after_version(text).ok_or_else(|| Fault::new("", "does not begin with `v=spf1 `"))?;
        let mut record = Self::default();
        let mut has_explanation = false;
        for term in terms.split(' ').filter(|term| !term.is_empty()) {
            match modifier(term) {
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                    if record.redirect.replace(domain(term, value)?).is_some() {
                        return Err(Fault::new(term, "is the second redirect"));
                    }
                }
                Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                    domain(term, value)?;
                    if std::mem::replace(&mut has_explanation, true) {
                        return Err(Fault::new(term, "is the second exp"));
                    }
                }
                Some((_, value)) => {
                    expand::check(value).map_err(|why| Fault::new(term, why))?;
                    record.unknown.push(term.to_owned());
                }
                None => record.directives.push(directive(term)?),
            }
        }
        Ok(record)
    }

    /// Where everybody matches.
    #[must_use]
    pub fn all(&self) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.mechanism == Mechanism::All)
    }
}

/// `name=value`, where the name is one (RFC 7208 §12).
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_name.then_some((name, value))
}

fn directive(term: &str) -> Result<Directive, Fault> {
    let (qualifier, rest) = match term.as_bytes().first() {
        Some(b'+') => (Qualifier::Pass, term.get(1..)),
        Some(b'-') => (Qualifier::Fail, term.get(1..)),
        Some(b'~') => (Qualifier::SoftFail, term.get(1..)),
        Some(b'?') => (Qualifier::Neutral, term.get(1..)),
        _ => (Qualifier::Pass, Some(term)),
    };
    let rest = rest.unwrap_or_default();
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, argument) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let value = argument.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "all" => return Err(Fault::new(term, "takes nothing behind it")),
        "include" => Mechanism::Include(domain(term, needed(term, value)?)?),
        "exists" => Mechanism::Exists(domain(term, needed(term, value)?)?),
        "a" => addresses(term, argument).map(|(name, prefix)| Mechanism::A(name, prefix))?,
        "mx" => addresses(term, argument).map(|(name, prefix)| Mechanism::Mx(name, prefix))?,
        "ptr" => match (argument, value) {
            ("", _) => Mechanism::Ptr(None),
            (_, Some(value)) => Mechanism::Ptr(Some(domain(term, value)?)),
            _ => return Err(Fault::new(term, "takes a name and no length")),
        },
        "ip4" => Mechanism::Ip(network(term, needed(term, value)?, true)?),
        "ip6" => Mechanism::Ip(network(term, needed(term, value)?, false)?),
        _ => return Err(Fault::new(term, format!("is no mechanism of SPF{}", meant(name)))),
    };
    Ok(Directive { text: term.to_owned(), qualifier, mechanism })
}

/// What people write instead.
fn meant(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "ip" | "ipv4" => ": an address is written ip4:192.0.2.1 or ip6:2001:db8::1",
        "ipv6" => ": an address is written ip6:2001:db8::1",
        "" => ": a blank stands before a colon, or a qualifier alone",
        name if name.parse::<IpAddr>().is_ok() => ": an address is written ip4:192.0.2.1",
        name if name.contains('.') => ": a name is written include:, a: or mx: and the name",
        _ => "",
    }
}

fn needed<'t>(term: &str, value: Option<&'t str>) -> Result<&'t str, Fault> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| Fault::new(term, "needs a colon and a value behind it"))
}

/// A macro string that ends as a domain does (RFC 7208 §7.1, domain-spec).
fn domain(term: &str, text: &str) -> Result<String, Fault> {
    expand::check(text).map_err(|why| Fault::new(term, why))?;
    let bare = text.strip_suffix('.').unwrap_or(text);
    let top = bare.rsplit('.').next().unwrap_or_default();
    let is_top = bare.contains('.')
        && top.bytes().any(|b| b.is_ascii_alphabetic())
        && top.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !top.starts_with('-')
        && !top.ends_with('-');
    if text.ends_with('}') || is_top {
        return Ok(text.to_owned());
    }
    Err(Fault::new(term, if text.is_empty() { "names no domain" } else { "does not end like a domain" }))
}

/// `:name/24//64`, each part of which may be left out. The name may have slashes of its own, so that the lengths are what ends it.
fn addresses(term: &str, argument: &str) -> Result<(Option<String>, Prefix), Fault> {
    let (name, lengths) = match argument.strip_prefix(':') {
        None => (None, argument),
        Some(rest) => {
            let (name, lengths) = rest.split_at_checked(lengths_at(rest)).unwrap_or((rest, ""));
            (Some(domain(term, name)?), lengths)
        }
    };
    let (v4, v6) = match lengths.split_once("//") {
        Some((v4, v6)) => (v4, Some(v6)),
        None => (lengths, None),
    };
    let v4 = match v4.strip_prefix('/') {
        Some(bits) => length(term, bits, 32)?,
        None if v4.is_empty() => 32,
        None => return Err(Fault::new(term, "has something behind its name that is no length")),
    };
    Ok((name, Prefix { v4, v6: v6.map_or(Ok(128), |bits| length(term, bits, 128))? }))
}

/// Where `/24`, `//64` or `/24//64` stands at the end of a text; its end where nothing of that does.
fn lengths_at(text: &str) -> usize {
    let without = |text: &str, slash: &str| {
        let bare = text.trim_end_matches(|c: char| c.is_ascii_digit());
        bare.strip_suffix(slash).filter(|_| bare.len() < text.len()).map_or(text.len(), str::len)
    };
    let v6 = without(text, "//");
    let v4 = without(text.get(..v6).unwrap_or(text), "/");
    // One slash of two is no length of IPv4.
    if text.get(..v4).is_some_and(|rest| rest.ends_with('/')) { v6 } else { v4 }
}

fn length(term: &str, bits: &str, most: u8) -> Result<u8, Fault> {
    let is_number =
        !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let bits = bits.parse().ok().filter(|bits| is_number && *bits <= most);
    bits.ok_or_else(|| Fault::new(term, format!("has a length that is no number from 0 to {most}")))
}

fn network(term: &str, text: &str, is_v4: bool) -> Result<Network, Fault> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let parsed = if is_v4 {
        address.parse::<Ipv4Addr>().map(IpAddr::V4).ok()
    } else {
        address.parse::<Ipv6Addr>().map(IpAddr::V6).ok()
    };
    let most = if is_v4 { 32 } else { 128 };
    let Some(address) = parsed else {
        let other = match (is_v4, address.parse::<IpAddr>()) {
            (true, Ok(_)) => ": it is one of IPv6, which is written ip6:",
            (false, Ok(_)) => ": it is one of IPv4, which is written ip4:",
            (_, Err(_)) => "; a name is written a:",
        };
        return Err(Fault::new(term, format!("has no address of its family{other}")));
    };
    Ok(Network { address, bits: bits.map_or(Ok(most), |bits| length(term, bits, most))? })
}

impl Network {
    /// Whether an address is in it; one that is mapped to IPv6 is one of IPv4 (RFC 7208 §5).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.bits));
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.bits));
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl Prefix {
    /// The range around an address.
    pub(super) fn around(self, address: IpAddr) -> Network {
        Network { address, bits: if address.is_ipv4() { self.v4 } else { self.v6 } }
    }
}

impl Qualifier {
    /// The sign before a mechanism.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Pass => '+',
            Self::Fail => '-',
            Self::SoftFail => '~',
            Self::Neutral => '?',
        }
    }
}
