//! The table `[[tls_policy]]`: what is demanded of TLS for domains by name.
//!
//! Guarantees: every pattern is a domain, or a dot before one; every error has its place.
//! Leaves to others: what follows for a domain (`engine::policy`).

use super::document::{ConfigError, Item, Section};
use super::engine::demanded;
use super::values::is_host;
use crate::tls::policy::Level;

/// One `[[tls_policy]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPolicy {
    /// Domains in lower case; a leading dot stands for all below one. At least one.
    pub domains: Vec<String>,
    /// What is demanded of their exchangers.
    pub level: Level,
    /// The names of which a certificate must have one, in lower case; empty: the exchanger's.
    pub names: Vec<String>,
}

/// What the shipped file says of it.
pub(super) const ABOUT: &str = r#"
# What is demanded of TLS for domains by name; the first that names a domain counts. What a domain publishes (DANE, MTA-STS)
# goes before it. With a smarthost the name is the smarthost's.
# [[tls_policy]]
# domains = ["acme.example", ".acme.example"]   # a leading dot: all below it
# level = "verified"                            # opportunistic, off, required or verified
# names = ["mx.acme.example", "*.acme.example"] # the certificate must be of one of these; leave it out for the exchanger's own
"#;

impl TlsPolicy {
    /// Its keys.
    pub(super) const KEYS: &'static [&'static str] = &["domains", "level", "names"];

    pub(super) fn read_all(root: &Section<'_>, all: &[String]) -> Result<Vec<Self>, ConfigError> {
        let mut policies = Vec::new();
        for item in root.get("tls_policy").map(|list| list.list()).transpose()?.unwrap_or_default() {
            let section = item.section(Self::KEYS, all)?;
            let domains = section.require("domains")?;
            let level = section.require("level")?;
            let named = section.get("names");
            let policy = Self {
                domains: names(&domains, ".")?,
                level: demanded(&level)?,
                names: named.as_ref().map(|list| names(list, "*.")).transpose()?.unwrap_or_default(),
            };
            if policy.domains.is_empty() {
                return Err(domains.error("must name at least one domain"));
            }
            if let (false, Some(named)) = (policy.level == Level::Verified || policy.names.is_empty(), named) {
                return Err(named.error("means nothing unless level is \"verified\""));
            }
            policies.push(policy);
        }
        Ok(policies)
    }
}

/// Host names in lower case, each of which may have `prefix` before it.
fn names(list: &Item<'_>, prefix: &str) -> Result<Vec<String>, ConfigError> {
    let one = |item: &Item<'_>| {
        let text = item.text()?.to_ascii_lowercase();
        match is_host(text.strip_prefix(prefix).unwrap_or(&text)) {
            true => Ok(text),
            false => Err(item.error(format!("{text:?} is no domain, nor one behind {prefix:?}"))),
        }
    };
    list.list()?.iter().map(one).collect()
}
