//! What the configuration demands of TLS: a level for all, and others for domains by name.
//!
//! Guarantees: the first rule that names a domain counts. Leaves to others: what domains publish, which goes before it.

use std::sync::Arc;

use super::Demand;
use crate::tls::Verification;
use crate::tls::policy::{Level, Security, Source};

/// Domains by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This one, in lower case.
    Domain(Box<str>),
    /// All below it, not itself: with the dot in front.
    Below(Box<str>),
}

impl Pattern {
    /// A leading dot stands for all subdomains.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        if text.starts_with('.') { Self::Below(text.into()) } else { Self::Domain(text.into()) }
    }

    fn fits(&self, domain: &str) -> bool {
        match self {
            Self::Domain(name) => **name == *domain,
            Self::Below(end) => domain.len() > end.len() && domain.ends_with(&**end),
        }
    }
}

/// What is demanded where no policy is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// How much.
    pub level: Level,
    /// The names one of which a certificate must be of, at [`Level::Verified`]: host names, `*.` before one. Empty: the
    /// exchanger's own name, which DNS gave.
    pub names: Vec<Box<str>>,
}

impl Rule {
    /// The demand on an exchanger.
    #[must_use]
    pub fn demand(&self, host: &str) -> Arc<Demand> {
        let verification = match self.level {
            Level::Verified if self.names.is_empty() => Verification::Names([Box::from(bare(host))].into()),
            Level::Verified => Verification::Names(self.names.clone().into()),
            Level::Never | Level::Opportunistic | Level::Required => Verification::Opportunistic,
        };
        let security = Security { source: Source::Configured, level: self.level };
        Arc::new(Demand { security, verification, audit: None })
    }

    /// This, and no less than the proof of the exchanger's own name.
    fn verified(self) -> Self {
        match self.level {
            Level::Verified => self,
            Level::Never | Level::Opportunistic | Level::Required => Self { level: Level::Verified, names: Vec::new() },
        }
    }
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    all: Rule,
    of_domains: Vec<(Vec<Pattern>, Rule)>,
    usual: Demand,
}

impl Rules {
    /// `all` for every domain that no other rule names.
    #[must_use]
    pub fn new(all: Rule, of_domains: Vec<(Vec<Pattern>, Rule)>) -> Self {
        let usual = (*all.demand("")).clone();
        Self { all, of_domains, usual }
    }

    /// The same rules, and no domain is demanded less of than a verified host (RFC 8689 §4.2.1: the name of the MX record is
    /// the certificate's). A rule that demands as much already keeps the names that it has.
    #[must_use]
    pub fn verified(self) -> Self {
        let of_domains = self.of_domains.into_iter().map(|(patterns, rule)| (patterns, rule.verified())).collect();
        Self::new(self.all.verified(), of_domains)
    }

    /// The rule for a domain (lower case, ASCII).
    #[must_use]
    pub fn of(&self, domain: &str) -> &Rule {
        let named = self.of_domains.iter().find(|(patterns, _)| patterns.iter().any(|pattern| pattern.fits(domain)));
        named.map_or(&self.all, |(_, rule)| rule)
    }

    /// The demand that needs no name of its own for a site: that of domains without a rule and without a policy, where it
    /// does not depend on the exchanger.
    #[must_use]
    pub fn usual(&self) -> &Demand {
        &self.usual
    }
}

/// Without the brackets of an address literal (RFC 5321 §4.1.3).
fn bare(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(literal) => literal.strip_prefix("IPv6:").unwrap_or(literal),
        None => host,
    }
}
