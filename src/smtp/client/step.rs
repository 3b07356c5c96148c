//! In step: whether the replies answer the commands that they seem to answer.
//!
//! A reply names no command. A peer that says one too many (`250` twice to MAIL, a word that nobody asked for) makes each
//! one behind it the answer to the command before its own: a recipient that was refused looks taken, a content that was
//! refused looks delivered. A surplus is *seen* when a reply comes that no command is left for, or one that cannot be
//! its command's answer (2yz to DATA, 354 to MAIL, 221 to RCPT, 500 to a MAIL or RSET that this server has taken before). So
//! what a transaction came to is told only when its replies are known to be in step, and is *held* until then. They are when
//!
//! 1. DATA was answered with 354: nothing else is;
//! 2. QUIT was answered with 221;
//! 3. a content was accepted in words that are no answer to MAIL, RCPT or RSET here ([`Core::mark_of`]): an enhanced code that
//!    is not about addresses where those to MAIL and RCPT are, or a number (the id under which it was queued) where those
//!    have none. That says so of whatever came before; of the content itself the next MAIL's answer does, when that has what
//!    the content's has not, and a RSET between the two was taken. For a word too many may look like the content's answer,
//!    and then that one itself would be in the place of RSET's or MAIL's. Nearly every server speaks so, and then nothing waits
//!    longer than for the next flight. Behind a 354 such a word cannot have come with the answers to RCPT: where nothing else
//!    is awaited what is said of the content holds when nothing more comes in the same read;
//! 4. nothing need be proven of those that are only deferred while their content was not given out. Whoever is refused for
//!    good waits for the proof like anybody else: a refusal that comes one too many, and late, stands in the place of the next
//!    command's answer.
//!
//! What is held waits for the next of 1 to 3. A session that has nothing to do and holds a chunk that waits for the next MAIL
//! alone says RSET after [`ASKS`] or [`ASKS_BETWEEN`], whose answer does as well: the chunk's own answer would come before it,
//! or in its place. One that holds something else says QUIT after [`SETTLES`]; one that holds [`HELD_MAX`] transactions, or
//! [`REFUSED_MAX`] that were refused, says it when they are answered. No command is added to a flight, and nothing is sent
//! later than it was.
//!
//! Guarantees: where a surplus is seen, in the same read or in a later one, what was held and what is under way is neither
//! delivered nor bounced nor returned: it is uncertain if its content was given out, else deferred; the session ends, and the
//! next one with the host has one command under way at a time. Where none is seen until the connection ends, what is held
//! is told as it stands; but in chunked mode what was accepted in words that are no answer to a content here, where others were
//! answered in such, is as uncertain as if the surplus had been seen, and all that is held with it: a reply too many puts the
//! answer to RCPT in the place of the content's, and a peer that then hangs up never says the last one.
//!
//! What no client can know: a surplus in the words of what is due next (a made-up id, a whole transaction's replies), one
//! that makes up for a reply that is missing, one whose consequences the peer never comes to say because it closes first;
//! behind a 354, where nothing else is awaited, that a content whose acceptance was read is refused later (with its 2yz a
//! server has taken the responsibility, RFC 5321 §6.1); and at the first chunk that a host was ever given, the word that BDAT is not known, which is taken for what it says.

use crate::mail::{Class, Content, ReplyRef};
use crate::smtp::client::end::GARBLED;
use crate::smtp::client::running::{Running, own};
use crate::smtp::client::{Core, Event, Lesson, Mode, Phase, Sink, State, Verdict};
use std::time::Duration;

/// How long a session without work waits before it asks by RSET whether the replies are in step, where no more work is to
/// come: a mailing ends no later for it.
const ASKS: Duration = Duration::from_millis(5);

/// The same where more is to come: longer than it takes to come to each of some hundred sessions that share the pace of a
/// disk or a resolver. A round trip behind each message costs both sides more than the message's own words do.
const ASKS_BETWEEN: Duration = Duration::from_millis(250);

/// How long a session without work holds something before it says QUIT.
pub(super) const SETTLES: Duration = Duration::from_millis(500);

/// A session that holds so many transactions takes no more.
pub(super) const HELD_MAX: usize = 100;

/// Nor does one that holds so many of which nobody was accepted: what refuses everybody is to be known soon.
const REFUSED_MAX: usize = 4;

/// How much of a text is looked at.
const LOOKED_AT: usize = 256;

/// What the answer to a content has, and those to MAIL and RCPT have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// An enhanced code that is not about addresses, as theirs are.
    Code,
    /// A number in its text.
    Number,
}

impl Core {
    /// By what a 2yz is known for the answer to the content of the oldest transaction, and to no other command.
    pub(super) fn mark_of(&self, reply: ReplyRef<'_>) -> Option<Mark> {
        let front = self.running.front()?;
        if is_about_addresses(reply) || front.taken == 0 || !front.mail_accepted {
            return None;
        }
        // Behind a 354 only the words count.
        let chunked = self.mode == Mode::Chunked;
        if reply.enhanced.is_some() && (front.addressing || !chunked) {
            return Some(Mark::Code);
        }
        ((!front.numbered || !chunked) && has_number(reply.text)).then_some(Mark::Number)
    }

    /// A 2yz to MAIL: whether nothing came too many ahead of it, behind a chunk that is held.
    pub(super) fn is_next(&self, reply: ReplyRef<'_>) -> bool {
        match self.held.back().and_then(|last| last.mark) {
            Some(Mark::Code) => is_about_addresses(reply),
            Some(Mark::Number) => !has_number(reply.text),
            None => false,
        }
    }

    /// RSET was answered behind a chunk that is held. The answer may be the chunk's.
    pub(super) fn note_reset(&mut self, reply: ReplyRef<'_>) {
        let Some(last) = self.held.back_mut() else { return };
        let is_numbered = last.mark == Some(Mark::Number) && has_number(reply.text);
        // An id where none belongs: contents are answered with one here.
        self.contents_worded |= last.mark.is_none() && !last.numbered && has_number(reply.text);
        if reply.class() != Class::Positive || is_numbered {
            (last.mark, last.worded) = (None, false);
        }
    }

    /// Whether RSET would tell. Behind a content that was refused its answer may be the one that accepts that.
    pub(super) fn may_ask(&self) -> bool {
        self.held.back().is_some_and(|last| last.mark.is_some() && last.is_taken())
    }

    /// How long a session without work waits for more.
    pub(super) fn patience(&self) -> Duration {
        match (self.may_ask(), self.more_comes) {
            (true, false) => ASKS,
            (true, true) => ASKS_BETWEEN,
            (false, _) => SETTLES,
        }
    }

    /// The replies are in step: what is held is told.
    pub(super) fn prove(&mut self, on: &mut Sink<'_>) {
        for mut held in self.held.drain(..) {
            held.tell(on);
            on(Event::Finished { key: held.key });
        }
    }

    /// No more replies come: what is held is told as it stands, unless it is doubtful.
    pub(super) fn close_out(&mut self, on: &mut Sink<'_>) {
        let worded = self.contents_worded;
        if self.mode == Mode::Chunked && self.held.iter().any(|held| held.is_doubtful(worded)) {
            return self.distrust("the replies are not in step with the commands", on);
        }
        self.prove(on);
    }

    /// Whether the oldest transaction may be told though nothing shows that the replies are in step: see 4.
    pub(super) fn is_harmless(&self) -> bool {
        self.running.front().is_some_and(|front| front.is_harmless())
    }

    /// Keeps what a transaction came to.
    pub(super) fn hold(&mut self, mut running: Box<Running>, on: &mut Sink<'_>) {
        running.content = Content::default();
        self.held.push_back(running);
        let refused = self.held.iter().filter(|held| !held.is_taken()).count();
        if self.held.len() >= HELD_MAX || refused >= REFUSED_MAX {
            self.quit = true;
            self.return_unstarted(None, on);
        }
    }

    /// Whether the session waits for nothing but to be proven in step.
    pub(super) fn is_settling(&self) -> bool {
        let idle = self.state == State::Ready && self.running.is_empty() && self.ledger.is_empty();
        idle && !self.held.is_empty() && !self.quit && self.closing.is_none()
    }

    /// A reply came too many: the host is remembered for it.
    pub(super) fn surplus(&mut self, rule: &'static str, phase: Phase, on: &mut Sink<'_>) {
        if self.mode != Mode::Lockstep && !self.doubts_pipelining() {
            self.group_seen = true;
            self.learn(Lesson::PipeliningBroken, on);
        }
        self.protocol(rule, phase, on);
    }

    /// The peer broke the protocol: nobody knows whom its words were about.
    pub(super) fn distrust(&mut self, rule: &'static str, on: &mut Sink<'_>) {
        self.running.iter_mut().for_each(|running| running.forget());
        for mut held in self.held.drain(..) {
            held.forget();
            let verdict = if held.is_handed_out() {
                Verdict::Uncertain
            } else {
                Verdict::Cut(own(451, GARBLED, rule.as_bytes()), Phase::Data)
            };
            held.settle_open(verdict, on);
            on(Event::Finished { key: held.key });
        }
    }
}

/// RFC 3463 §3.2: X.1.X is about addresses: an answer to MAIL or RCPT.
pub(super) fn is_about_addresses(reply: ReplyRef<'_>) -> bool {
    reply.class() == Class::Positive && reply.enhanced.is_some_and(|e| e.subject == 1)
}

/// Whether a word has a digit and is no mailbox.
pub(super) fn has_number(text: &[u8]) -> bool {
    let text = text.get(..LOOKED_AT).unwrap_or(text);
    let words = text.split(u8::is_ascii_whitespace);
    words.into_iter().any(|word| word.iter().any(u8::is_ascii_digit) && !word.contains(&b'@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_and_a_mailbox_is_none() {
        for text in ["OK id=1rXYZ0-000abc-1A", "ok 1700000000 qp 12345", "4ABC", "OK\nid 7"] {
            assert!(has_number(text.as_bytes()), "{text}");
        }
        for text in ["ok", "", "Accepted", "<user1@d2.example> ok", "ok dirdel"] {
            assert!(!has_number(text.as_bytes()), "{text}");
        }
    }
}
