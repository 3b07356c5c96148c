//! What a domain or a site waits for: one answer, for people.

use super::domain::NIL;
use super::shard::Place;
use super::{DomainId, Queue, SiteId};
use crate::base::clock::Instant;
use crate::base::many::Many;
use std::fmt;

/// What rows wait for. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// No row waits here.
    Nothing,
    /// To be told their site.
    Route {
        /// Rows that wait for it.
        rows: u64,
    },
    /// For a session of their site: its pace says why there is none.
    Session {
        /// The site.
        site: SiteId,
        /// Rows that could go.
        rows: u64,
        /// Domains of the site that have the turn with them, or before them.
        domains: u32,
    },
    /// For their retry.
    Retry {
        /// Rows that are scheduled.
        rows: u64,
        /// When the first of them is due.
        at: Instant,
    },
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing waits"),
            Self::Route { rows } => write!(f, "{} until the domain's exchangers are known", waiting(*rows)),
            Self::Session { rows, domains, .. } => {
                let domains = Many(u64::from(*domains), "domain", "domains");
                write!(f, "{} for a session, {domains} in turn", waiting(*rows))
            }
            Self::Retry { rows, .. } => write!(f, "{} for a retry", waiting(*rows)),
        }
    }
}

fn waiting(rows: u64) -> Many {
    Many(rows, "row waits", "rows wait")
}

impl Queue {
    /// What the rows of a domain wait for. Walks the shard's wheel when only scheduled rows are left: not for hot paths.
    #[must_use]
    pub fn explain_domain(&self, domain: DomainId) -> Wait {
        let Some(&Place::Live(slot)) = self.places.get(&domain) else { return Wait::Nothing };
        let domain = &self.domains[slot as usize];
        let rows = domain.rows();
        match domain.site {
            NIL => Wait::Route { rows: rows + u64::from(domain.scheduled) },
            site if rows > 0 => {
                let site = self.sites.at(site);
                Wait::Session { site: site.id, rows, domains: site.domains }
            }
            _ => self.first_retry(u64::from(domain.scheduled), |s| s == slot),
        }
    }

    /// What the rows of a site wait for. Walks the shard's wheel when only scheduled rows are left: not for hot paths.
    #[must_use]
    pub fn explain_site(&self, site: SiteId) -> Wait {
        let Some(index) = self.sites.find(site) else { return Wait::Nothing };
        let site = self.sites.at(index);
        if site.ready > 0 {
            return Wait::Session { site: site.id, rows: site.ready, domains: site.domains };
        }
        self.first_retry(site.scheduled, |slot| self.domains[slot as usize].site == index)
    }

    fn first_retry(&self, rows: u64, which: impl Fn(u32) -> bool) -> Wait {
        let due = self.wheel.iter().filter(|(_, later)| which(later.slot)).map(|(at, _)| at);
        due.min().map_or(Wait::Nothing, |at| Wait::Retry { rows, at })
    }
}
