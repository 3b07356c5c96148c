//! What TLS a destination domain demands: DANE before MTA-STS before the configuration (RFC 8461 §2).
//!
//! Guarantees: what is demanded is bound to the domain that was asked for: it is part of its site's name, so domains
//! with other demands never share a session. An exchanger that policy forbids is not in the site; when none is left the
//! domain is deferred with a reply that says why. Nothing here lets a published policy be outvoted by a laxer one.
//! Leaves to others: the look-ups (`wire::dns`), proving who a peer is (`tls`), and what a session does (`shard`).

mod demand;
mod kept;
pub mod rules;
pub mod sts;
pub mod tally;
#[cfg(test)]
mod tests;

pub use demand::{Audit, Demand, site_name};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::mail::{Enhanced, Reply};
use crate::tls::dane::Dane;
use crate::tls::policy::{Level, Security, Source};
use crate::tls::sts::{Mode, Policy};
use crate::tls::{Failure, Verification};
use crate::wire::dns::{Exchanger, Resolver, Route, RouteError, TlsaAnswer};
use rules::Rules;
use sts::{Answer, Sts};
use tally::{About, Outcome, Teller};

/// Where a domain's mail goes, and what is demanded there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What identifies the site; see [`site_name`].
    pub name: Arc<str>,
    /// What sites with the same exchangers share, whatever is demanded there and whichever goes first.
    pub group: Arc<str>,
    /// The exchangers that may be used; never empty.
    pub exchangers: Vec<Exchanger>,
    /// What is demanded of each of them.
    pub demands: Vec<Arc<Demand>>,
    /// For how long this holds, from now.
    pub valid_for: Duration,
}

impl From<Route> for Placement {
    /// Without any demand: TLS where it is offered.
    fn from(route: Route) -> Self {
        let usual = Arc::new(Demand::default());
        Self {
            name: route.ordered(),
            group: route.site,
            demands: route.exchangers.iter().map(|_| usual.clone()).collect(),
            exchangers: route.exchangers,
            valid_for: route.valid_for,
        }
    }
}

/// See the head of this file. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    rules: Arc<Rules>,
    sts: Option<Sts>,
    teller: Option<Teller>,
}

impl Policies {
    /// Policies of these rules, and those that domains publish: MTA-STS where `sts` is given, DANE where the resolver
    /// brings TLSA records.
    #[must_use]
    pub fn new(rules: Rules, sts: Option<Sts>) -> Self {
        Self { rules: Arc::new(rules), sts, teller: None }
    }

    /// The same, and what policies do to routes is told.
    #[must_use]
    pub fn telling(self, teller: Teller) -> Self {
        Self { teller: Some(teller), ..self }
    }

    /// Who is told how TLS goes, if anyone is.
    #[must_use]
    pub fn teller(&self) -> Option<&Teller> {
        self.teller.as_ref()
    }

    fn tell(&self, domain: &str, about: About, host: Option<(Arc<str>, IpAddr)>, failure: Failure, why: &str) {
        if let Some(teller) = &self.teller {
            teller.tell(Outcome { domain: domain.into(), about, host, failure: Some((failure, why.into())) });
        }
    }

    /// What is demanded of a next hop that is no domain's exchanger: the configured level, of the host itself.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Arc<Demand> {
        self.rules.of(host).demand(host)
    }

    /// The MTA-STS policies.
    #[must_use]
    pub fn sts(&self) -> Option<&Sts> {
        self.sts.as_ref()
    }

    /// The domain's MTA-STS policy.
    pub async fn sts_of(&self, domain: &Arc<str>, resolver: &Resolver) -> Answer {
        let Some(sts) = &self.sts else { return Answer::default() };
        let answer = sts.policy(domain, resolver).await;
        if let Some(failure) = answer.failure {
            self.tell(domain, About::Sts, None, failure, "the policy that is announced cannot be had");
        }
        answer
    }

    /// What follows for the route to `domain`.
    ///
    /// # Errors
    /// No exchanger may be used now: the reply says why.
    pub fn place(&self, domain: &str, route: Route, sts: &Answer) -> Result<Placement, RouteError> {
        let rule = self.rules.of(domain);
        let ordered = route.ordered();
        let (mut exchangers, mut demands) = (Vec::new(), Vec::new());
        let mut forbidden = None;
        for exchanger in route.exchangers {
            let proven = (route.authentic && exchanger.authentic).then_some(domain);
            match demand_of(&exchanger, proven, sts.policy.as_deref(), |host| rule.demand(host)) {
                Ok(demand) => {
                    exchangers.push(exchanger);
                    demands.push(demand);
                }
                Err(why) => {
                    let address = exchanger.addresses.first().copied();
                    let (about, failure) = why.told();
                    let text = why.error(domain).reply.to_string();
                    self.tell(domain, about, address.map(|ip| (exchanger.host.clone(), ip)), failure, &text);
                    forbidden.get_or_insert(why);
                }
            }
        }
        if let (true, Some(why)) = (exchangers.is_empty(), forbidden) {
            return Err(why.error(domain));
        }
        let name = site_name(&ordered, &exchangers, &demands, self.rules.usual());
        let valid_for = route.valid_for.min(sts.valid_for);
        Ok(Placement { name, group: route.site, exchangers, demands, valid_for })
    }
}

/// Why an exchanger may not be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Forbidden {
    /// RFC 7672 §2.1.1: a host whose TLSA look-up failed "MUST NOT" be used.
    Tlsa(Arc<str>, Box<str>),
    /// RFC 8461 §5: enforce, and the host matches no `mx` of the policy.
    Unlisted(Arc<str>),
}

impl Forbidden {
    fn error(&self, domain: &str) -> RouteError {
        let (code, enhanced, text) = match self {
            Self::Tlsa(host, why) => (
                451,
                Enhanced::new(4, 4, 3),
                format!("the TLSA look-up of {host}, exchanger of {domain}, failed: {why}"),
            ),
            // RFC 7672 and RFC 8461 leave the code open: X.7.5 is "cryptographic failure", X.7.10 "encryption needed".
            Self::Unlisted(host) => (
                450,
                Enhanced::new(4, 7, 5),
                format!("no exchanger of {domain} is in its MTA-STS policy: {host} is not"),
            ),
        };
        RouteError { reply: Reply::own(code, enhanced, &text), permanent: false }
    }

    /// How it is reported: RFC 8460 §4.3.
    fn told(&self) -> (About, Failure) {
        match self {
            Self::Tlsa(..) => (About::Tlsa, Failure::DnssecInvalid),
            Self::Unlisted(_) => (About::Sts, Failure::ValidationFailure),
        }
    }
}

/// What is demanded of one exchanger. `proven` is the domain, if DNSSEC proved the way to the exchanger.
fn demand_of(
    exchanger: &Exchanger,
    proven: Option<&str>,
    sts: Option<&Policy>,
    configured: impl Fn(&str) -> Arc<Demand>,
) -> Result<Arc<Demand>, Forbidden> {
    let host = &exchanger.host;
    let records = match &exchanger.tlsa {
        TlsaAnswer::Unknown(why) => return Err(Forbidden::Tlsa(host.clone(), why.clone())),
        TlsaAnswer::Records(records) => Some(records),
        TlsaAnswer::Absent => None,
    };
    // The name at which the records stand goes first.
    let names = [exchanger.tlsa_base.as_deref(), Some(&**host), proven].into_iter().flatten().map(Box::from).collect();
    if let Some(dane) = records.and_then(|records| Dane::of(records, names)) {
        let security = Security { source: Source::Dane, level: Level::Verified };
        let verification = Verification::Dane(Arc::new(dane));
        return Ok(Arc::new(Demand { security, verification, audit: None }));
    }
    let by_name = || Verification::Names([Box::from(&**host)].into());
    let below = match sts {
        Some(policy) if policy.mode == Mode::Enforce => {
            if !policy.allows(host) {
                return Err(Forbidden::Unlisted(host.clone()));
            }
            let security = Security { source: Source::MtaSts, level: Level::Verified };
            Arc::new(Demand { security, verification: by_name(), audit: None })
        }
        Some(policy) if policy.mode == Mode::Testing => {
            let audit = Audit { listed: policy.allows(host), verification: by_name() };
            Arc::new(Demand { audit: Some(audit), ..(*configured(host)).clone() })
        }
        _ => configured(host),
    };
    // RFC 7672 §2.2: TLSA records of which none is usable still say that the host has TLS: clear text is out.
    if records.is_some() && below.security.level < Level::Required {
        let security = Security { source: Source::Dane, level: Level::Required };
        return Ok(Arc::new(Demand { security, ..(*below).clone() }));
    }
    Ok(below)
}
