//! What sessions with a host taught, for the next one with it: values, kept and handed on by the owner.
//!
//! Guarantees: of fixed size, whatever a peer does; knowing nothing is the default. Leaves to others: keeping it for
//! each host, and forgetting it after a while, for servers get mended.

use crate::smtp::capabilities::Capabilities;
use serde::{Deserialize, Serialize};

/// What is known of a host before the session with it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// It offers PIPELINING and loses count of pipelined commands: one command at a time.
    pub pipelining_broken: bool,
    /// It offers CHUNKING and does not know BDAT: DATA is used.
    pub chunking_broken: bool,
    /// PIPELINING was seen to work there: a broken session is not blamed on it.
    pub pipelining_works: bool,
    /// A session broke in its first pipelined group: the next one goes without, to see whether that is better.
    pub pipelining_suspect: bool,
    /// It was better: PIPELINING is tried once more, and if it breaks the session again it is broken.
    pub lockstep_works: bool,
    /// CHUNKING was seen to work there: the first window need not be a single transaction.
    pub chunking_works: bool,
    /// It does not know EHLO: HELO is said at once, unless TLS is required or there is a user to log in.
    pub ehlo_refused: bool,
    /// It closed a connection over EHLO: the next session says HELO, under the same conditions, and then EHLO is tried again.
    pub ehlo_closed: bool,
    /// STARTTLS or the handshake behind it fails: where TLS is only a wish, it is not asked for, unless a login needs it.
    pub starttls_broken: bool,
    /// Transactions that it takes in one session; at least 1.
    pub transactions_max: Option<u32>,
    /// After so many transactions it closed a session without a word; a session that sees the same number again takes it
    /// for a limit.
    pub closed_after: Option<u32>,
    /// Recipients that it takes in one transaction; at least 1.
    pub recipients_max: Option<u32>,
    /// It lets EHLO leave before the greeting (Exim's PIPECONNECT), and this is what it offered last.
    pub early: Option<Capabilities>,
}

/// One thing that a session found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lesson {
    /// See [`Known::pipelining_broken`].
    PipeliningBroken,
    /// See [`Known::chunking_broken`].
    ChunkingBroken,
    /// See [`Known::pipelining_works`].
    PipeliningWorks,
    /// See [`Known::pipelining_suspect`].
    PipeliningSuspect,
    /// See [`Known::lockstep_works`].
    LockstepWorks,
    /// See [`Known::chunking_works`].
    ChunkingWorks,
    /// See [`Known::ehlo_refused`].
    EhloRefused,
    /// See [`Known::ehlo_closed`].
    EhloClosed(bool),
    /// See [`Known::starttls_broken`].
    StarttlsBroken,
    /// See [`Known::transactions_max`].
    TransactionsMax(u32),
    /// See [`Known::closed_after`].
    ClosedAfter(u32),
    /// See [`Known::recipients_max`].
    RecipientsMax(u32),
    /// See [`Known::early`]; `None`: it is offered no longer, or was a lie.
    Early(Option<Capabilities>),
}

impl Lesson {
    /// Whether it is something that a server should not do: worth a line for people.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::PipeliningBroken
            | Self::ChunkingBroken
            | Self::EhloRefused
            | Self::EhloClosed(true)
            | Self::StarttlsBroken
            | Self::TransactionsMax(_)
            | Self::RecipientsMax(_) => true,
            Self::PipeliningWorks
            | Self::PipeliningSuspect
            | Self::LockstepWorks
            | Self::EhloClosed(false)
            | Self::ChunkingWorks
            | Self::ClosedAfter(_)
            | Self::Early(_) => false,
        }
    }

    /// Whether the next session does not come to STARTTLS for it, where TLS is only a wish.
    #[must_use]
    pub fn keeps_tls_away(&self) -> bool {
        matches!(self, Self::StarttlsBroken | Self::EhloRefused | Self::EhloClosed(true))
    }
}

impl Known {
    /// Whether a session may leave out STARTTLS for what is known ([`Lesson::keeps_tls_away`]).
    #[must_use]
    pub fn keeps_tls_away(&self) -> bool {
        self.starttls_broken || self.ehlo_refused || self.ehlo_closed
    }

    /// Takes a lesson in; says whether it was new. A limit only ever falls: it rises again when all is forgotten.
    pub fn learn(&mut self, lesson: &Lesson) -> bool {
        let before = *self;
        let lower = |known: Option<u32>, new: u32| Some(known.map_or(new, |known| known.min(new)).max(1));
        match *lesson {
            Lesson::PipeliningBroken => (self.pipelining_broken, self.pipelining_works) = (true, false),
            Lesson::ChunkingBroken => (self.chunking_broken, self.chunking_works) = (true, false),
            Lesson::PipeliningWorks if self.pipelining_broken => {}
            Lesson::PipeliningWorks => (self.pipelining_works, self.pipelining_suspect) = (true, false),
            Lesson::PipeliningSuspect => self.pipelining_suspect = !self.pipelining_works,
            Lesson::LockstepWorks => self.lockstep_works = true,
            Lesson::ChunkingWorks => self.chunking_works = !self.chunking_broken,
            Lesson::EhloRefused => self.ehlo_refused = true,
            Lesson::EhloClosed(closed) => self.ehlo_closed = closed,
            Lesson::StarttlsBroken => self.starttls_broken = true,
            Lesson::TransactionsMax(max) => self.transactions_max = lower(self.transactions_max, max),
            Lesson::ClosedAfter(count) => self.closed_after = Some(count),
            Lesson::RecipientsMax(max) => self.recipients_max = lower(self.recipients_max, max),
            Lesson::Early(early) => self.early = early,
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_new_once_and_a_limit_only_falls() {
        let mut known = Known::default();
        for lesson in [
            Lesson::PipeliningSuspect,
            Lesson::LockstepWorks,
            Lesson::PipeliningWorks,
            Lesson::PipeliningBroken,
            Lesson::ChunkingWorks,
            Lesson::ChunkingBroken,
            Lesson::EhloRefused,
            Lesson::EhloClosed(true),
            Lesson::EhloClosed(false),
            Lesson::StarttlsBroken,
            Lesson::TransactionsMax(100),
            Lesson::RecipientsMax(0),
            Lesson::Early(Some(Capabilities { pipelining: true, ..Capabilities::default() })),
        ] {
            assert!(known.learn(&lesson), "{lesson:?}");
            assert!(!known.learn(&lesson), "{lesson:?} again");
        }
        assert!(!known.learn(&Lesson::TransactionsMax(101)) && known.learn(&Lesson::TransactionsMax(50)));
        assert_eq!((known.transactions_max, known.recipients_max), (Some(50), Some(1)));
        assert!(!known.pipelining_works && !known.learn(&Lesson::PipeliningWorks));
        assert!(known.learn(&Lesson::Early(None)) && known.early.is_none());
    }

    #[test]
    fn what_is_known_survives_being_written_down() {
        let mut known = Known::default();
        known.learn(&Lesson::TransactionsMax(7));
        known.learn(&Lesson::Early(Some(Capabilities::parse(b"mx\nSIZE 10\nLIMITS RCPTMAX=3\nAUTH PLAIN"))));
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<Known>(&text).unwrap(), known);
        assert_eq!(serde_json::from_str::<Known>("{}").unwrap(), Known::default());
    }
}
