//! How a session ends, and what that means for the transactions under way.
//!
//! A recipient whose content was given out whole is uncertain, for the kernel may have sent it, unless its owner knows
//! that the end of it never left. The others of a
//! transaction that was being answered were tried: a 421 to their command is theirs, and a session that breaks there
//! cuts them off, which is a deferral, or one recipient that a server chokes on would come back first for ever. All that
//! stood behind comes back as not attempted. What was refused by name stays refused, unless the peer broke the protocol
//! before its count of replies was proven: then nobody knows whose refusal it was.

use crate::base::clock::Instant;
use crate::mail::{Enhanced, Limit, ReplyRef};
use crate::smtp::client::lessons::{Break, is_session_full};
use crate::smtp::client::running::{Conclusion, own};
use crate::smtp::client::{Core, End, Event, Lesson, Mode, Phase, Sink, State, Verdict};
use crate::smtp::ledger::Expected;

/// RFC 3463: bad connection.
const CUT: Enhanced = Enhanced::new(4, 4, 2);
/// RFC 3463: other protocol status.
pub(super) const GARBLED: Enhanced = Enhanced::new(4, 5, 0);

impl Core {
    /// Whether nothing is under way at the server.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Ready && self.started == 0
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, now: Instant, on: &mut Sink<'_>) {
        let phase = self.phase();
        let done = self.full || self.is_idle() || matches!(self.state, State::Quit { .. }) || self.refused_early;
        self.blames_ehlo(on);
        self.blames_starttls(on);
        self.blames_chunking(on);
        self.closed_between(now, phase, on);
        if !self.shutting && !self.full && !self.blames_pipelining(phase, Break::Closed, on) {
            self.cut(own(451, CUT, b"the connection was lost before the message was sent"), phase, on);
        }
        self.end(if done { End::Done } else { End::Lost(phase) }, on);
    }

    pub(super) fn timeout(&mut self, on: &mut Sink<'_>) {
        if self.is_settling() {
            match self.may_ask() {
                true => self.asks = true,
                false => self.quit = true,
            }
            return;
        }
        let phase = self.phase();
        let done = matches!(self.state, State::Quit { .. });
        self.blames_starttls(on);
        self.blames_chunking(on);
        if self.shutting {
            // It said that it closes, and neither did so nor said another word.
            self.shut_silent = false;
            if self.refused_early {
                self.forget_early(on);
            }
        } else if !self.blames_pipelining(phase, Break::Silent, on) {
            self.cut(own(451, CUT, b"the server did not answer in time; the message was not sent"), phase, on);
        }
        self.end(if done { End::Done } else { End::Timeout(phase) }, on);
    }

    /// The peer broke a rule.
    pub(super) fn protocol(&mut self, rule: &'static str, phase: Phase, on: &mut Sink<'_>) {
        let done = matches!(self.state, State::Quit { .. });
        self.distrust(rule, on);
        self.blames_chunking(on);
        if !self.blames_pipelining(phase, Break::Garbled, on) {
            self.cut(own(451, GARBLED, rule.as_bytes()), phase, on);
        }
        self.end(if done { End::Done } else { End::Protocol(rule, phase) }, on);
    }

    /// Octets that the server may have seen.
    fn seen(&self) -> u64 {
        self.given.saturating_sub(self.unsent)
    }

    /// The oldest transaction, if the server was answering it, is cut off.
    pub(super) fn cut(&mut self, reply: ReplyRef<'static>, phase: Phase, on: &mut Sink<'_>) {
        let seen = self.seen();
        let Some(front) =
            self.running.front_mut().filter(|front| front.answered && !front.is_decided() && !front.may_be_taken(seen))
        else {
            return;
        };
        let phase = if phase == Phase::Content { Phase::Data } else { phase };
        front.settle_open(Verdict::Cut(reply, phase), on);
    }

    /// 421: the server closes the connection (RFC 5321 §3.8), and what it answers is refused for now. Transactions that
    /// are on their way whole stay until the connection is closed: if not another word came until then, none was taken.
    pub(super) fn shut(&mut self, expected: Expected, reply: ReplyRef<'_>, phase: Phase, on: &mut Sink<'_>) {
        let idle = matches!(self.state, State::Quit { .. }) || (self.is_idle() && expected == Expected::LoneDot);
        if idle || self.state != State::Ready {
            let end = if idle { End::Done } else { End::Refused(reply.to_owned(), phase) };
            return self.end_with(end, Some(reply), on);
        }
        self.settle_shut(expected, reply, on);
        self.return_unstarted(Some(reply), on);
        self.quit = true;
        if self.closing.is_none() {
            let taken = match expected {
                Expected::Mail => self.mails_accepted,
                Expected::Rcpt => self.mails_accepted.saturating_sub(1),
                _ => 0,
            };
            let full = taken > 0 && is_session_full(reply);
            if full {
                self.learn(Lesson::TransactionsMax(taken), on);
            }
            self.closing = Some(if full { End::Done } else { End::Refused(reply.to_owned(), phase) });
        }
        if self.running.iter().any(|running| running.is_handed_out() && running.is_open()) {
            (self.shutting, self.shut_silent) = (true, true);
        } else if !self.held.is_empty() && self.ledger.is_empty() {
            // Another word in the same breath would say that it was no answer.
            self.parting = Some(reply.to_owned());
        } else {
            self.end_with(End::Done, Some(reply), on);
        }
    }

    /// Tells whom a 421 is about.
    fn settle_shut(&mut self, expected: Expected, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let chunked = self.mode == Mode::Chunked;
        let serves = self.refusals > 0 || self.counters.accepted > 0;
        let Some(front) = self.running.front_mut() else { return };
        match expected {
            Expected::Content | Expected::Chunk => {
                front.conclude(Conclusion::Refused(reply.to_owned(), Phase::End));
                self.finish_front(false, on);
            }
            Expected::Data if !front.is_decided() => {
                front.settle_open(Verdict::Refused(reply, Phase::Data), on);
            }
            Expected::Rcpt => match front.answer_rcpt(false) {
                Some(index) if serves && Limit::of(reply).is_some() => {
                    if chunked {
                        front.note_return(index, reply);
                    } else {
                        front.give_back(index, Some(reply), on);
                    }
                }
                Some(index) if chunked => front.refuse(index, reply),
                Some(index) => front.settle(index, Verdict::Refused(reply, Phase::Rcpt), on),
                None => {}
            },
            Expected::Mail => self.return_front(reply, on),
            _ => {}
        }
    }

    /// The input is used up: what it said of a content was not contradicted in the same breath, and a session that was shut
    /// with it is over.
    pub(super) fn end_of_input(&mut self, on: &mut Sink<'_>) {
        if self.ledger.is_empty() && self.held.back().is_some_and(|last| last.alone) {
            self.prove(on);
        }
        if let Some(reply) = self.parting.take() {
            self.end_with(End::Done, Some(reply.by_ref()), on);
        }
    }

    /// Ends the session: each transaction gets its due, then the end is told, once. An earlier reason to wind up goes
    /// before the way it came to be over.
    pub(super) fn end(&mut self, end: End, on: &mut Sink<'_>) {
        self.end_with(end, None, on);
    }

    /// The same; `reply` goes to those that come back.
    pub(super) fn end_with(&mut self, end: End, reply: Option<ReplyRef<'_>>, on: &mut Sink<'_>) {
        if self.state == State::Ended {
            return;
        }
        self.close_out(on);
        while let Some(mut running) = self.running.pop_front() {
            running.tell(on);
            if running.may_be_taken(self.seen()) && !self.shut_silent {
                running.settle_open(Verdict::Uncertain, on);
            } else {
                running.give_back_open(reply, on);
            }
            on(Event::Finished { key: running.key });
        }
        self.state = State::Ended;
        self.started = 0;
        self.ledger.clear();
        self.exchange = None;
        let end = self.closing.take().unwrap_or(end);
        on(Event::Ended(end));
    }

    /// Returns the transactions that have not left: the session winds up.
    pub(super) fn return_unstarted(&mut self, reply: Option<ReplyRef<'_>>, on: &mut Sink<'_>) {
        for mut running in self.running.drain(self.started..) {
            self.octets_held = self.octets_held.saturating_sub(running.content.len());
            running.give_back_open(reply, on);
            on(Event::Finished { key: running.key });
        }
    }
}
