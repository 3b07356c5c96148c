//! What a session concludes from what a peer did: adverts that were lies, and limits that nobody told us.
//!
//! Each conclusion needs evidence that an honest peer gives rarely, and costs little when it is wrong: a host that is
//! thought to break PIPELINING gets one command at a time until it is forgotten. Guarantees: no lesson bounces a
//! recipient, and each is told once a session. Leaves to others: keeping lessons (`known`).

use crate::base::clock::Instant;
use crate::mail::{Limit, ReplyRef};
use crate::smtp::client::{Core, Event, Lesson, Mode, Phase, Sink, State};
use crate::smtp::ledger::Expected;
use memchr::memmem;
use std::time::Duration;

/// A connection that is closed so soon after a reply was not closed for being idle.
const PROMPT: Duration = Duration::from_secs(2);

/// How a session broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    Closed,
    Silent,
    Garbled,
}

impl Core {
    pub(super) fn learn(&mut self, lesson: Lesson, on: &mut Sink<'_>) {
        if self.known.learn(&lesson) {
            on(Event::Learnt(lesson));
        }
    }

    /// A pipelined group was answered to its end.
    pub(super) fn group_answered(&mut self, on: &mut Sink<'_>) {
        if !self.group_seen && self.mode != Mode::Lockstep {
            self.group_seen = true;
            self.learn(Lesson::PipeliningWorks, on);
        }
    }

    /// Whether a failure now may be due to PIPELINING: no group was ever answered in full.
    pub(super) fn doubts_pipelining(&self) -> bool {
        self.mode != Mode::Lockstep && !self.group_seen && !self.known.pipelining_works
    }

    /// The first group of the session ended in silence, a close or a garbled reply: servers that throw away what is
    /// pipelined do that, and so do busy ones. So it is an experiment: a session without PIPELINING, and when that is
    /// better one more with it. Says whether PIPELINING may be at fault.
    pub(super) fn blames_pipelining(&mut self, phase: Phase, break_: Break, on: &mut Sink<'_>) -> bool {
        let begun = match (phase, break_) {
            (Phase::Rcpt, _) | (Phase::Data, Break::Garbled) => true,
            // Not for a connection that had idled away before the group was sent.
            (Phase::Mail, Break::Closed) => self.since.since(self.answered_at) <= PROMPT,
            _ => false,
        };
        let blames = begun && self.state == State::Ready && self.started > 0 && self.doubts_pipelining();
        if blames {
            let again = self.known.pipelining_suspect && self.known.lockstep_works;
            self.learn(if again { Lesson::PipeliningBroken } else { Lesson::PipeliningSuspect }, on);
        }
        blames
    }

    /// A message was taken.
    pub(super) fn message_taken(&mut self, on: &mut Sink<'_>) {
        if self.mode == Mode::Lockstep && self.capabilities.pipelining && self.known.pipelining_suspect {
            self.learn(Lesson::LockstepWorks, on);
        }
    }

    /// The first chunk was not answered, or not in words that can be read: it goes as DATA next time.
    pub(super) fn blames_chunking(&mut self, on: &mut Sink<'_>) {
        let chunk = self.ledger.head() == Some(Expected::Chunk);
        if chunk && !self.chunk_seen && !self.known.chunking_works {
            self.learn(Lesson::ChunkingBroken, on);
        }
    }

    /// The connection was closed over EHLO: servers that do not know it do that (RFC 1869 §4.7), and so do those that just
    /// went down. So HELO is tried once, and EHLO again after it.
    pub(super) fn blames_ehlo(&mut self, on: &mut Sink<'_>) {
        let closed = match self.state {
            State::Ehlo { due: false } => !self.tls && self.ledger.head() == Some(Expected::Ehlo),
            State::Helo { .. } => self.ehlo_unknown,
            _ => return,
        };
        self.learn(Lesson::EhloClosed(closed), on);
    }

    /// TLS that was only wished for took the session down.
    pub(super) fn blames_starttls(&mut self, on: &mut Sink<'_>) {
        // A server that wants another client's certificate, say, hangs up behind the handshake.
        let starts = match self.state {
            State::StartTls { due: false } | State::Handshake => true,
            State::Ehlo { due: false } => self.tls,
            _ => false,
        };
        if starts && self.may_go_on_in_clear() {
            self.learn(Lesson::StarttlsBroken, on);
        }
    }

    /// The server closed without a word, between transactions: after how many.
    pub(super) fn closed_between(&mut self, now: Instant, phase: Phase, on: &mut Sink<'_>) {
        let between = self.state == State::Ready && matches!(phase, Phase::Idle | Phase::Mail) && !self.quit;
        // After MAIL was sent its wait tells nothing; what counts is how long the session had idled before it.
        let until = if phase == Phase::Mail { self.since } else { now };
        if between && self.counters.messages > 0 && until.since(self.answered_at) <= PROMPT {
            let count = self.mails_accepted;
            let again = self.known.closed_after == Some(count);
            self.learn(if again { Lesson::TransactionsMax(count) } else { Lesson::ClosedAfter(count) }, on);
        }
    }
}

/// A refusal of MAIL that is about the number of transactions in this session (OpenSMTPD: `452 4.5.3 Too many messages
/// sent`).
pub(super) fn is_session_full(reply: ReplyRef<'_>) -> bool {
    match (reply.code, reply.enhanced.map(|e| (e.subject, e.detail))) {
        (452, Some((5, 3))) => true,
        (452, None | Some((5, _))) if has_word(reply.text, b"too many") => true,
        _ => Limit::of(reply) == Some(Limit::Session),
    }
}

/// A reply that says in words that the server cannot have commands pipelined (Exim: `554 SMTP synchronization error`).
pub(super) fn is_about_pipelining(reply: ReplyRef<'_>) -> bool {
    matches!(reply.code, 421 | 500..=503 | 554)
        && [b"pipelining".as_slice(), b"synchroni"].iter().any(|word| has_word(reply.text, word))
}

/// Looks at the first 256 octets, whatever their case.
fn has_word(text: &[u8], word: &[u8]) -> bool {
    let mut lower = [0; 256];
    let len = text.len().min(lower.len());
    for (to, from) in lower.iter_mut().zip(text) {
        *to = from.to_ascii_lowercase();
    }
    memmem::find(lower.get(..len).unwrap_or_default(), word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Enhanced;

    fn reply(code: u16, enhanced: Option<(u16, u16)>, text: &str) -> ReplyRef<'_> {
        let enhanced = enhanced.map(|(subject, detail)| Enhanced::new((code / 100) as u8, subject, detail));
        ReplyRef { code, enhanced, text: text.as_bytes() }
    }

    #[test]
    fn a_full_session_is_told_from_a_full_disk() {
        assert!(is_session_full(reply(452, Some((5, 3)), "Too many messages sent")));
        assert!(is_session_full(reply(452, None, "Too many mails in this session")));
        assert!(is_session_full(reply(421, Some((7, 0)), "Too many messages in this connection")));
        assert!(!is_session_full(reply(452, Some((3, 1)), "too many blocks used")));
        assert!(!is_session_full(reply(452, None, "insufficient system storage")));
        assert!(!is_session_full(reply(421, Some((7, 0)), "too many messages from your address")));
        assert!(!is_session_full(reply(450, Some((5, 3)), "too many messages")));
        assert!(is_session_full(reply(450, Some((7, 0)), "Too many messages in this session")));
        assert!(is_session_full(reply(554, Some((7, 0)), "Too many messages for this session")));
        assert!(is_session_full(reply(503, None, "too many transactions")));
        assert!(!is_session_full(reply(250, None, "too many transactions")));
        assert!(!is_session_full(reply(554, None, "Too many connections from your host")));
    }

    #[test]
    fn only_words_about_pipelining_blame_it() {
        assert!(is_about_pipelining(reply(554, None, "SMTP Synchronization error (next input sent too soon)")));
        assert!(is_about_pipelining(reply(503, Some((5, 0)), "improper use of SMTP command PIPELINING")));
        assert!(!is_about_pipelining(reply(554, None, "no valid recipients")));
        assert!(!is_about_pipelining(reply(250, None, "PIPELINING")));
    }
}
