//! The tables of the engine's configuration that may stand several times: `[[source]]` and `[[dkim]]`.
//!
//! Guarantees: names that stand for one thing stand once; every error has its place.
//! Leaves to others: the keys that stand once (`engine`), and opening what is named (addresses, key files).

use super::document::{ConfigError, Section};
use super::engine::host;
use std::net::IpAddr;
use std::path::PathBuf;

/// One `[[source]]`: a local address to send from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What reports and metrics call it.
    pub name: String,
    /// The local address.
    pub address: IpAddr,
    /// The name announced in EHLO from there; `None`: that of `engine.hostname`.
    pub ehlo: Option<String>,
}

/// One `[[dkim]]`: a domain whose mail is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    /// The signing domain, in lower case.
    pub domain: String,
    /// The first signature's key.
    pub key: DkimKey,
    /// Another signature on the same message, usually Ed25519.
    pub second: Option<DkimKey>,
}

/// A selector and the private key behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// The selector.
    pub selector: String,
    /// The PEM file, as seen from the working directory.
    pub file: PathBuf,
}

/// What the shipped file says of them.
pub(super) const ARRAYS: &str = r#"
# Addresses to send from. Without one the system chooses.
# [[source]]
# name = "a"
# address = "192.0.2.10"
# ehlo = "mx1.acme.example"                  # the name whose address records lead back to this address

# Domains to sign for (DKIM). The From address of a campaign chooses; key files are relative to this file. To make keys:
#   openssl genrsa -out s1.pem 2048
#   openssl rsa -in s1.pem -pubout -outform DER | openssl base64 -A       # TXT s1._domainkey: v=DKIM1; k=rsa; p=…
#   openssl genpkey -algorithm ed25519 -out s2.pem
#   openssl pkey -in s2.pem -pubout -outform DER | tail -c 32 | openssl base64 -A   # TXT s2._domainkey: v=DKIM1; k=ed25519; p=…
# [[dkim]]
# domain = "acme.example"
# selector = "s1"
# key = "s1.pem"
# second = { selector = "s2", key = "s2.pem" }   # a second signature on the same message; leave it out to sign once
"#;

impl Source {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &["name", "address", "ehlo"];

    pub(super) fn read_all(root: &Section<'_>, all: &[String]) -> Result<Vec<Self>, ConfigError> {
        let mut sources: Vec<Self> = Vec::new();
        for item in root.get("source").map(|list| list.list()).transpose()?.unwrap_or_default() {
            let section = item.section(Self::KEYS, all)?;
            let name = section.require("name")?;
            let address = section.require("address")?;
            let source = Self {
                name: name.text()?.to_owned(),
                address: address.text()?.parse().map_err(|_| address.error("is no IP address"))?,
                ehlo: section.get("ehlo").map(|item| host(&item)).transpose()?,
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if !(1..=64).contains(&source.name.len()) || !source.name.chars().all(plain) {
                return Err(name.error("must be 1 to 64 letters, digits, dots, hyphens or underscores"));
            }
            if sources.iter().any(|s| s.name == source.name) {
                return Err(name.error(format!("{:?} stands here twice", source.name)));
            }
            sources.push(source);
        }
        Ok(sources)
    }
}

impl Dkim {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &["domain", "selector", "key", "second"];

    pub(super) fn read_all(root: &Section<'_>, all: &[String]) -> Result<Vec<Self>, ConfigError> {
        let mut domains: Vec<Self> = Vec::new();
        for item in root.get("dkim").map(|list| list.list()).transpose()?.unwrap_or_default() {
            let section = item.section(Self::KEYS, all)?;
            let place = section.require("domain")?;
            let domain = host(&place)?.to_ascii_lowercase();
            if domains.iter().any(|d| d.domain == domain) {
                let hint = "a second key of the same domain is `second = { selector, key }` of its [[dkim]]";
                return Err(place.error(format!("{domain:?} stands here twice")).hint(hint));
            }
            let key = DkimKey::read(&section)?;
            let second = match section.get("second") {
                Some(item) => Some(DkimKey::read(&item.section(&["selector", "key"], all)?)?),
                None => None,
            };
            domains.push(Self { domain, key, second });
        }
        Ok(domains)
    }
}

impl DkimKey {
    fn read(section: &Section<'_>) -> Result<Self, ConfigError> {
        let key = section.require("key")?;
        Ok(Self { selector: host(&section.require("selector")?)?, file: key.document().relative(key.text()?) })
    }
}
