//! Events: typed facts for observers, worth a line in a log.
//!
//! Guarantees: displaying one gives a single line with foreign text escaped; only [`Event::RecipientRefused`] holds an
//! address. Leaves to others: what happens so often that it is only counted (deliveries), and where lines go (`observe`).

use super::reply::Printable;
use super::{Mailbox, Reply};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// One fact.
#[derive(Clone, Debug)]
pub enum Event {
    /// A campaign begins, or goes on.
    CampaignStarted {
        /// Its name.
        name: Arc<str>,
        /// Recipients known from an earlier run; 0 for a new campaign.
        resumed: u64,
    },
    /// The whole list has been read.
    LoadFinished {
        /// Recipients.
        loaded: u64,
        /// Rows without a usable recipient.
        rejected: u64,
        /// Rows whose recipient had come before.
        duplicates: u64,
    },
    /// Too many rows are bad: nothing more is sent.
    LoadPaused {
        /// Rows without a usable recipient.
        rejected: u64,
        /// Rows read.
        rows: u64,
    },
    /// A session stands.
    SessionOpened {
        /// The site.
        site: Arc<str>,
        /// The exchanger.
        host: Arc<str>,
        /// Its address.
        address: SocketAddr,
    },
    /// A session ended in trouble.
    SessionFailed {
        /// The site.
        site: Arc<str>,
        /// The exchanger.
        host: Arc<str>,
        /// Where it stood ("greeting", "MAIL", …).
        phase: &'static str,
        /// What went wrong.
        reason: Trouble,
    },
    /// A site is left alone for a while.
    SiteBackoff {
        /// The site.
        site: Arc<str>,
        /// For how long.
        pause: Duration,
        /// What it said or did.
        reason: Trouble,
    },
    /// A site takes mail again.
    SiteResumed {
        /// The site.
        site: Arc<str>,
    },
    /// No way to a domain was found.
    RouteFailed {
        /// The domain.
        domain: Arc<str>,
        /// Why: a DNS failure, a null MX.
        reason: Arc<str>,
    },
    /// A recipient was refused or deferred.
    RecipientRefused {
        /// The site.
        site: Arc<str>,
        /// The recipient.
        recipient: Mailbox,
        /// The reply.
        reply: Reply,
    },
    /// The journal holds octets that are not what was written.
    JournalDamage {
        /// Segment, offset and log numbers, as the journal tells them.
        report: Arc<str>,
    },
    /// The journal cannot be written any more.
    JournalFailed {
        /// What the disk said.
        reason: Arc<str>,
    },
    /// No new transactions begin; those under way are finished.
    Draining,
}

/// What a peer, or the way to it, did wrong.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It said so.
    Reply(Reply),
    /// Something else: a refused connection, a time-out.
    Text(Arc<str>),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => reply.fmt(f),
            Self::Text(text) => clean(text).fmt(f),
        }
    }
}

/// Names come from lists and from DNS.
fn clean(text: &str) -> Printable<'_> {
    Printable(text.as_bytes())
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CampaignStarted { name, resumed: 0 } => write!(f, "campaign {}: begins", clean(name)),
            Self::CampaignStarted { name, resumed } => {
                write!(f, "campaign {}: goes on with {resumed} recipients known from earlier", clean(name))
            }
            Self::LoadFinished { loaded, rejected, duplicates } => {
                write!(f, "list read: {loaded} recipients, {rejected} rows rejected, {duplicates} duplicates")
            }
            Self::LoadPaused { rejected, rows } => write!(f, "list: {rejected} of {rows} rows are bad; sending pauses"),
            Self::SessionOpened { site, host, address } => {
                write!(f, "site {}: session with {} [{address}]", clean(site), clean(host))
            }
            Self::SessionFailed { site, host, phase, reason } => {
                write!(f, "site {}: session with {} failed at {phase}: {reason}", clean(site), clean(host))
            }
            Self::SiteBackoff { site, pause, reason } => {
                write!(f, "site {}: paused for {} s: {reason}", clean(site), pause.as_secs())
            }
            Self::SiteResumed { site } => write!(f, "site {}: takes mail again", clean(site)),
            Self::RouteFailed { domain, reason } => write!(f, "domain {}: no route: {}", clean(domain), clean(reason)),
            Self::RecipientRefused { site, recipient, reply } => {
                write!(f, "site {}: {}: {reply}", clean(site), clean(recipient.as_str()))
            }
            Self::JournalDamage { report } => write!(f, "journal damaged: {}", clean(report)),
            Self::JournalFailed { reason } => write!(f, "journal failed, nothing more is sent: {}", clean(reason)),
            Self::Draining => f.write_str("draining: no new transactions, those under way are finished"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Enhanced;

    #[test]
    fn a_peer_cannot_forge_a_line() {
        let reply = Reply::own(421, Enhanced::new(4, 7, 0), "slow\r\nERROR forged \x1b[2J");
        let event = Event::SiteBackoff {
            site: "mx.a.example\nx".into(),
            pause: Duration::from_secs(60),
            reason: Trouble::Reply(reply),
        };
        let line = event.to_string();
        assert_eq!(line, "site mx.a.example x: paused for 60 s: 421 4.7.0 slow\\x0d ERROR forged \\x1b[2J");
    }
}
