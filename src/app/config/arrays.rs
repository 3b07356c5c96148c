//! `[[dkim]]`, and what the shipped file says of the tables that may stand several times.
//!
//! Guarantees: names that stand for one thing stand once; every error has its place.
//! Leaves to others: the keys that stand once (`engine`), `[[source]]` (`source`), and opening key files.

use super::document::{ConfigError, Item, Section};
use super::engine::host;
use crate::mail::address::parse_domain_into;
use std::path::PathBuf;

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
# Where mail leaves from. Without one the system chooses an address. Of what is left out the default is shown.
# [[source]]
# name = "a"
# address = "192.0.2.10"                     # or one of each family: ["192.0.2.10", "2001:db8::10"]
# public_address = "192.0.2.99"              # behind NAT or a proxy: what others see instead, one or a list; `check` looks at it
# ehlo = "mx1.acme.example"                  # the name whose address records lead back to this address
# pool = ""                                  # delivery.pool, or pool of a campaign, chooses the sources of one pool
# weight = 1                                 # its share of the sessions, 1 to 1000
# sessions_max = 500                         # sessions at once, over all sites; left out: no limit
# messages_per_hour = 20000                  # left out: no limit
# family = "any"                             # any | prefer-ipv4 | prefer-ipv6 | only-ipv4 | only-ipv6 | race
# proxy = { kind = "haproxy", address = "192.0.2.9:2525" }   # connects from `address` for us, as a PROXY header tells it
# proxy = { kind = "socks5", address = "192.0.2.9:1080", user = "jo", password_file = "proxy.secret" }

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

impl Dkim {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &["domain", "selector", "key", "second"];

    pub(super) fn read_all(root: &Section<'_>, all: &[String]) -> Result<Vec<Self>, ConfigError> {
        let mut domains: Vec<Self> = Vec::new();
        for item in root.get("dkim").map(|list| list.list()).transpose()?.unwrap_or_default() {
            let section = item.section(Self::KEYS, all)?;
            let place = section.require("domain")?;
            let domain = domain(&place)?;
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
        let (key, place) = (section.require("key")?, section.require("selector")?);
        let selector = host(&place)?;
        if let Some((before, _)) = selector.split_once("._domainkey") {
            let hint = format!("write selector = {before:?}");
            return Err(place.error("is the name before ._domainkey alone").hint(hint));
        }
        Ok(Self { selector, file: key.document().relative(key.text()?) })
    }
}

/// A domain as signatures name it: in lower case and A-labels, without a dot at its end.
fn domain(place: &Item<'_>) -> Result<String, ConfigError> {
    let text = place.text()?;
    if text.is_ascii() {
        let host = host(place)?.to_ascii_lowercase();
        return Ok(host.strip_suffix('.').unwrap_or(&host).to_owned());
    }
    let mut ascii = Vec::new();
    parse_domain_into(text.trim_end_matches('.').as_bytes(), &mut ascii).map_err(|error| place.error(error))?;
    Ok(String::from_utf8_lossy(&ascii).into_owned())
}
