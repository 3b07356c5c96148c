//! Events: typed facts about recipients, sessions and sites, for whoever watches a campaign.
//!
//! Guarantees: an event borrows all that it says, so making one costs no allocation. Leaves to others: when something
//! is an event (`engine`), and how it is written (`observe`).

use super::{Disposition, ReplyRef};
use crate::base::clock::{Instant, UnixTime};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One fact.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A recipient's attempt ended, or the recipient was settled without one.
    Recipient(Told<'a>),
    /// A session stands: greeted, and EHLO (and STARTTLS) done.
    SessionOpened {
        /// The session.
        via: &'a Via<'a>,
        /// How long that took.
        spans: SessionSpans,
    },
    /// A session ended, or a connection could not be had.
    SessionEnded {
        /// The session.
        via: &'a Via<'a>,
        /// How it came to be over.
        end: &'static str,
        /// Where it stood: the word of a phase.
        phase: &'static str,
        /// What the peer said, if that ended it.
        reply: Option<ReplyRef<'a>>,
        /// Why, where no reply says it; may be empty.
        why: &'a str,
        /// Transactions that were begun in it.
        transactions: u64,
        /// Recipients that were delivered in it.
        delivered: u64,
        /// From the first octet of the connection attempt to now.
        lasted: Duration,
    },
    /// A site is left alone for a while.
    SitePaused {
        /// The site.
        site: &'a str,
        /// For how long.
        pause: Duration,
        /// What it said or did.
        why: &'a str,
    },
    /// The mailing is held: nothing more begins until the command is run again.
    MailingHeld {
        /// Why, in a word.
        reason: &'a str,
        /// Who is to blame, if somebody is.
        host: &'a str,
        /// What it said, if it said something.
        reply: &'a str,
        /// All of it in one sentence.
        says: &'a str,
    },
    /// A site that was left alone takes mail again.
    SiteResumed {
        /// The site.
        site: &'a str,
    },
}

/// What became of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The attempt was taken back before it could do anything: it counts as none.
    Released,
    /// The content was sent and its reply never came; it is tried again, and may be a second copy.
    UncertainRetried,
    /// Where the recipient stands now.
    Stands(Disposition),
}

impl Outcome {
    /// The word that the event log uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::UncertainRetried => "uncertain",
            Self::Stands(disposition) => disposition.word(),
        }
    }

    /// Whether the recipient is done: no other event of it follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stands(disposition) if disposition.is_final())
    }
}

/// What became of one recipient, and how.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What became of it.
    pub outcome: Outcome,
    /// Its row in the campaign's table.
    pub row: u32,
    /// Its address; `None`: to be read from its row.
    pub path: Option<&'a [u8]>,
    /// The attempt's number, from 1; 0: nothing was tried.
    pub attempt: u16,
    /// The session, if there was one.
    pub via: Option<&'a Via<'a>>,
    /// The last try, where none was made now: whose `phase` and `reply` these are.
    pub last: Option<Last<'a>>,
    /// The phase that decided it: its word; empty outside of a session.
    pub phase: &'a str,
    /// What the peer's reply is about, in a word; empty where nothing was refused, or nobody said so.
    pub cause: &'a str,
    /// The peer's reply, or one of our own making; code 0: only a text.
    pub reply: ReplyRef<'a>,
    /// Octets of the content; 0 where there was none.
    pub octets: u32,
    /// Where the time went.
    pub spans: Spans,
}

/// The last try of a recipient that is given up.
#[derive(Clone, Copy, Debug)]
pub struct Last<'a> {
    /// The site; may be empty.
    pub site: &'a str,
    /// The exchanger; may be empty.
    pub host: &'a str,
    /// When it ended.
    pub tried: UnixTime,
}

/// Whom a session is with, and how.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// The session's number in this run, from 1.
    pub session: u64,
    /// The site.
    pub site: &'a str,
    /// The exchanger.
    pub host: &'a str,
    /// Its address.
    pub remote: SocketAddr,
    /// The source's name; may be empty.
    pub source: &'a str,
    /// The local address that was asked for; `None`: the system chose.
    pub local: Option<IpAddr>,
    /// The EHLO name.
    pub ehlo: &'a str,
    /// How it is encrypted; `None`: not at all.
    pub tls: Option<Tls>,
}

/// How a session is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// "TLSv1_3".
    pub version: &'static str,
    /// The suite's IANA name.
    pub cipher: &'static str,
    /// Whether the handshake resumed an earlier session.
    pub resumed: bool,
    /// What the certificate had to fulfil: "opportunistic", "names", "dane".
    pub verified: &'static str,
}

/// How long the parts of a session's opening took; `None`: there was none, or it was not finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionSpans {
    /// Until the connection stood.
    pub connect: Option<Duration>,
    /// From there to the first octets of the greeting.
    pub greeting: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the greeting to readiness, without the handshake.
    pub hello: Option<Duration>,
}

/// How long the phases of a transaction took, each from the end of the one before it; `None`: it was not passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// From MAIL to its reply.
    pub mail: Option<Duration>,
    /// To the last reply to RCPT.
    pub rcpt: Option<Duration>,
    /// To the reply to DATA.
    pub data: Option<Duration>,
    /// To the last octet of the content.
    pub content: Option<Duration>,
    /// To the verdict.
    pub end: Option<Duration>,
    /// From MAIL to the verdict.
    pub total: Option<Duration>,
}

impl Spans {
    /// The spans between milestones: `began`, then when each phase ended, then the verdict. A phase that ended before the
    /// one in front of it (content that left before its RCPT was answered) took no time of its own.
    #[must_use]
    pub fn between(began: Option<Instant>, ends: [Option<Instant>; 4], verdict: Instant) -> Self {
        let Some(began) = began else { return Self::default() };
        let mut at = began;
        let spans = ends.map(|end| {
            let span = end?.since(at);
            at = at.max(end?);
            Some(span)
        });
        let [mail, rcpt, data, content] = spans;
        Self { mail, rcpt, data, content, end: Some(verdict.since(at)), total: Some(verdict.since(began)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_add_up_in_whatever_order_the_phases_ended() {
        let at = |us| Some(Instant(us));
        let us = |us| Some(Duration::from_micros(us));
        let spans = Spans::between(at(10), [at(20), at(35), at(60), at(61)], Instant(100));
        let expected = Spans { mail: us(10), rcpt: us(15), data: us(25), content: us(1), end: us(39), total: us(90) };
        assert_eq!(spans, expected);
        // BDAT: everything had left before the first reply.
        let spans = Spans::between(at(10), [at(20), at(35), None, at(11)], Instant(100));
        let expected = Spans { mail: us(10), rcpt: us(15), data: None, content: us(0), end: us(65), total: us(90) };
        assert_eq!(spans, expected);
        assert_eq!(Spans::between(None, [None; 4], Instant(9)), Spans::default());
    }

    #[test]
    fn what_is_final_is_said() {
        assert!(Outcome::Stands(Disposition::Uncertain).is_final() && !Outcome::UncertainRetried.is_final());
        assert!(!Outcome::Stands(Disposition::Deferred).is_final() && !Outcome::Released.is_final());
        assert_eq!(Outcome::UncertainRetried.word(), Outcome::Stands(Disposition::Uncertain).word());
    }
}
