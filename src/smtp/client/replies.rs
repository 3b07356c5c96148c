//! What a reply to a command of a transaction does. Judged by class (RFC 5321 §4.2.1); single codes count only where they
//! name a limit of the session or of a batch (421, 452), say that a command is not known or wanted now (500, 502, 503,
//! 530), or can be no answer at all (220, 221).

use crate::base::clock::Instant;
use crate::mail::{Class, Limit, ReplyRef};
use crate::smtp::client::early::TOO_EARLY;
use crate::smtp::client::lessons::{is_about_pipelining, is_session_full};
use crate::smtp::client::running::{Conclusion, Running, Stage};
use crate::smtp::client::step::Mark;
use crate::smtp::client::{Core, End, Lesson, Mode, Phase, Sink, State, Verdict};
use crate::smtp::ledger::Expected;

/// How much text of a reply is passed on, in octets.
const TEXT_MAX: usize = 1024;

impl Core {
    pub(super) fn reply(&mut self, now: Instant, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let phase = self.phase();
        let Some(expected) = self.ledger.pop() else {
            return self.unsolicited(now, clipped(reply), phase, on);
        };
        self.since = now;
        self.answered_at = now;
        self.shut_silent = false;
        self.counters.replies += 1;
        if let Some(front) = self.running.front_mut() {
            front.marks.answered(expected, now);
        }
        let answers = !matches!(expected, Expected::Greeting | Expected::StartTls | Expected::Auth | Expected::Quit);
        if answers && matches!(reply.code, 220 | 221) {
            return self.protocol("a greeting or a farewell came instead of an answer", phase, on);
        }
        if expected == Expected::Ehlo && reply.code != 421 {
            return self.on_ehlo(reply, on);
        }
        let reply = clipped(reply);
        if is_unknown(reply) && self.was_known(expected) {
            return self.surplus("a command that was taken before is said not to be known", phase, on);
        }
        if reply.code == 421 {
            return self.shut(expected, reply, phase, on);
        }
        match expected {
            Expected::Greeting => self.on_greeting(reply, on),
            Expected::Ehlo => {}
            Expected::Helo => self.on_helo(reply, on),
            Expected::StartTls => self.on_starttls(reply, on),
            Expected::Auth => self.on_auth(reply, on),
            Expected::Reset => self.on_reset(reply, on),
            Expected::Mail => self.on_mail(reply, on),
            Expected::Rcpt => self.on_rcpt(reply, on),
            Expected::Data => self.on_data(reply, on),
            Expected::Content => self.on_content(reply, on),
            Expected::Chunk => self.on_chunk(reply, on),
            Expected::LoneDot => {}
            Expected::Quit => self.on_quit(reply, on),
        }
        if self.state == State::Ready {
            self.after_reply(expected, reply, on);
        }
    }

    /// A peer that has refused much makes us wait, or hangs up: another session is opened instead. One that goes on
    /// behind a 421 is over when nothing is left to be answered.
    fn after_reply(&mut self, expected: Expected, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let counts = matches!(expected, Expected::Mail | Expected::Rcpt | Expected::Content | Expected::Chunk);
        if counts && reply.code >= 400 {
            self.refusals += 1;
            if self.refusals == self.config.refused_max.max(1) {
                self.quit = true;
                self.return_unstarted(None, on);
            }
        }
        if self.closing.is_some() && self.shutting && self.ledger.is_empty() {
            self.end(End::Done, on);
        }
    }

    /// Only 421 may come unasked (RFC 5321 §3.8).
    fn unsolicited(&mut self, now: Instant, reply: ReplyRef<'_>, phase: Phase, on: &mut Sink<'_>) {
        if self.may_refuse_early(reply) && reply.code != 421 {
            self.refuse_early(now, reply, on);
        } else if reply.code == 421 || (reply.code == 221 && self.is_idle()) {
            let end = if self.is_idle() { End::Done } else { End::Refused(reply.to_owned(), phase) };
            self.end_with(end, Some(reply), on);
        } else {
            self.surplus("a reply came that no command had asked for", phase, on);
        }
    }

    /// Only 221 answers QUIT (RFC 5321 §4.3.2). Behind anything else the right one may come, and then what was held was not
    /// in step.
    fn on_quit(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Intermediate => return self.surplus("the reply to QUIT has an intermediate code", Phase::Quit, on),
            _ if reply.code == 221 => self.prove(on),
            _ => {}
        }
        if self.held.is_empty() {
            self.end(End::Done, on);
        }
    }

    fn on_mail(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let lockstep = self.mode == Mode::Lockstep;
        let out_of_sequence = self.is_out_of_sequence(reply);
        let blames = self.blames(reply, on);
        let full = self.mails_accepted > 0 && is_session_full(reply);
        let is_next = reply.class() == Class::Positive && self.is_next(reply);
        let Some(front) = self.running.front_mut() else { return };
        front.answered = true;
        match reply.class() {
            Class::Positive => {
                front.mail_accepted = true;
                front.look_at(reply);
                self.mails_accepted = self.mails_accepted.saturating_add(1);
                if is_next {
                    self.prove(on);
                }
                return;
            }
            Class::Intermediate => return self.surplus("the reply to MAIL has an intermediate code", Phase::Mail, on),
            _ if full => {
                self.return_front(reply, on);
                self.learn(Lesson::TransactionsMax(self.mails_accepted), on);
                self.take_no_more(reply, on);
            }
            Class::Transient if reply.code == 452 => self.turned_away(reply, on),
            _ if out_of_sequence => {
                self.return_front(reply, on);
                self.window.close();
            }
            _ if blames => self.give_up_pipelining(reply, on),
            // Log in first, say STARTTLS first, say EHLO first: that is about the session, and bounces nobody.
            Class::Permanent if matches!(reply.code, 503 | 530) => self.turned_away(reply, on),
            class => {
                front.conclude(Conclusion::Refused(reply.to_owned(), Phase::Mail));
                if class == Class::Transient {
                    self.window.shrink();
                }
            }
        }
        if lockstep {
            let in_step = self.is_harmless();
            self.finish_front(in_step, on);
        }
    }

    /// The oldest transaction comes back. A content that was given out may have been taken all the same.
    pub(super) fn return_front(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let chunked = self.mode == Mode::Chunked;
        match self.running.front_mut() {
            Some(front) if chunked => front.conclude(Conclusion::Returned(reply.to_owned())),
            Some(front) => front.give_back_open(Some(reply), on),
            None => {}
        }
    }

    /// MAIL was refused for a reason that is about the session.
    fn turned_away(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        self.return_front(reply, on);
        self.return_unstarted(Some(reply), on);
        self.closing.get_or_insert(End::Refused(reply.to_owned(), Phase::Mail));
    }

    fn on_rcpt(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let out_of_sequence = self.is_out_of_sequence(reply);
        let blames = self.blames(reply, on);
        let (serves, chunked) = (self.counters.accepted > 0 || self.judges, self.mode == Mode::Chunked);
        let limit = limit_at_rcpt(reply);
        let Some(front) = self.running.front_mut() else { return };
        let index = front.answer_rcpt(reply.class() == Class::Positive);
        front.look_at(reply);
        let back = |front: &mut Running, index: usize, on: &mut Sink<'_>| match chunked {
            true => front.note_return(index, reply),
            false => front.give_back(index, Some(reply), on),
        };
        match (reply.class(), index) {
            (Class::Intermediate, _) => {
                return self.surplus("the reply to RCPT has an intermediate code", Phase::Rcpt, on);
            }
            // MAIL was refused: everyone has been told of.
            (_, None) => {}
            (Class::Positive, Some(index)) => front.accept(index),
            (_, Some(index)) if limit == Some(Limit::Recipients) && front.accepted > 0 => {
                let max = front.accepted;
                front.surplus = true;
                back(front, index, on);
                self.limit_recipients(max, on);
            }
            // Those that were taken wait for their content.
            (_, Some(index)) if limit == Some(Limit::Session) && front.accepted > 0 => {
                front.surplus = true;
                back(front, index, on);
                self.quit = true;
                self.return_unstarted(Some(reply), on);
            }
            // Not one was taken here, but some were earlier: the limit is the session's. One that takes and judges nobody
            // before says so is told of as any other, or the same one would come first for ever.
            (_, Some(index)) if limit.is_some() && serves && !is_storage(reply) => {
                back(front, index, on);
                if limit == Some(Limit::Session) && self.mails_accepted > 1 {
                    self.learn(Lesson::TransactionsMax(self.mails_accepted - 1), on);
                }
                self.take_no_more(reply, on);
            }
            (_, Some(index)) if out_of_sequence => back(front, index, on),
            (_, Some(index)) if blames => {
                back(front, index, on);
                self.quit = true;
                self.return_unstarted(Some(reply), on);
            }
            (_, Some(index)) => {
                front.refuse(index, reply);
                self.judges |= limit.is_none();
            }
        }
        self.after_rcpt(on);
    }

    /// The session takes no more: what has not left comes back.
    fn take_no_more(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        (self.quit, self.full) = (true, true);
        self.return_unstarted(Some(reply), on);
    }

    /// A transaction may have no more recipients here.
    fn limit_recipients(&mut self, max: usize, on: &mut Sink<'_>) {
        if max < self.recipients_max {
            self.recipients_max = max;
            self.learn(Lesson::RecipientsMax(u32::try_from(max).unwrap_or(u32::MAX)), on);
        }
    }

    /// In lockstep: what follows the last recipient.
    fn after_rcpt(&mut self, on: &mut Sink<'_>) {
        let Some(front) = self.running.front_mut() else { return };
        if front.stage == Stage::Rcpt && front.at().is_none() {
            if front.accepted > 0 {
                front.stage = Stage::Data;
            } else {
                self.unclean = true;
                let in_step = self.is_harmless();
                self.finish_front(in_step, on);
            }
        }
    }

    fn on_data(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let blames = self.running.front().is_some_and(|front| front.is_wanted()) && self.blames(reply, on);
        let Some(front) = self.running.front_mut() else { return };
        match reply.class() {
            Class::Positive => self.surplus("the reply to DATA is neither 354 nor a refusal", Phase::Data, on),
            Class::Intermediate if front.is_wanted() => {
                front.tell_notes(on);
                front.stage = Stage::Content;
                self.prove(on);
                self.group_answered(on);
            }
            // A dot would now give an empty message to those that the server took although it had refused MAIL.
            Class::Intermediate if front.taken > 0 => {
                self.protocol("DATA and RCPT were accepted although MAIL was refused", Phase::Data, on);
            }
            Class::Intermediate => {
                // RFC 2920 §3.1: the client must end this content with a dot at once.
                self.lone_dot = true;
                self.prove(on);
                self.finish_front(true, on);
            }
            Class::Transient | Class::Permanent if front.is_decided() && front.taken > 0 => {
                self.surplus("RCPT was accepted although MAIL was refused", Phase::Data, on);
            }
            Class::Transient | Class::Permanent => {
                self.unclean = front.mail_accepted;
                let max = limit_taken(front, reply);
                if blames {
                    self.give_up_pipelining(reply, on);
                } else if let Some(max) = max {
                    front.conclude(Conclusion::Returned(reply.to_owned()));
                    self.limit_recipients(max, on);
                } else {
                    front.conclude(Conclusion::Refused(reply.to_owned(), Phase::Data));
                }
                let in_step = self.is_harmless();
                self.finish_front(in_step, on);
            }
        }
    }

    /// RFC 5321 §4.1.1.4: whatever the answer, the transaction's state is gone at the server.
    fn on_content(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let early = self.is_early();
        let Some(front) = self.running.front_mut() else { return };
        match reply.class() {
            Class::Positive if early => self.surplus(TOO_EARLY, Phase::Content, on),
            Class::Positive => self.taken(reply, on),
            Class::Intermediate => self.surplus("the reply to the content has an intermediate code", Phase::End, on),
            // That is no word about a content: what it is about shows behind it.
            _ if is_unknown(reply) => {
                front.conclude(Conclusion::Refused(reply.to_owned(), Phase::End));
                self.finish_front(false, on);
            }
            Class::Transient | Class::Permanent => {
                let max = limit_taken(front, reply);
                front.conclude(match max {
                    Some(_) => Conclusion::Returned(reply.to_owned()),
                    None => Conclusion::Refused(reply.to_owned(), Phase::End),
                });
                front.mark = (front.addressing && !early).then_some(Mark::Code);
                self.finish_front(false, on);
                if let Some(max) = max {
                    self.limit_recipients(max, on);
                }
                if early {
                    self.quit = true;
                    self.return_unstarted(None, on);
                }
            }
        }
    }

    /// RFC 3030 §2: a refused chunk has been read and dropped by the server.
    fn on_chunk(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let out_of_sequence = self.is_out_of_sequence(reply);
        if reply.class() == Class::Positive && self.is_early() {
            return self.surplus(TOO_EARLY, Phase::Content, on);
        }
        let Some(front) = self.running.front_mut() else { return };
        let (class, mail_accepted, whole) = (reply.class(), front.mail_accepted, front.is_handed_out());
        // A server that does not know BDAT goes on to read the content as commands: its replies cannot be told apart
        // from here on.
        let unknown =
            matches!(reply.code, 500..=502 | 504) || (reply.code == 503 && front.is_wanted() && !out_of_sequence);
        if unknown && !self.chunk_known {
            front.tell_notes(on);
            // Of a host that knew it before, the word may be one too many.
            match self.known.chunking_works {
                true => drop(front.settle_open(Verdict::Uncertain, on)),
                false => front.give_back_open(Some(reply), on),
            }
            self.learn(Lesson::ChunkingBroken, on);
            return self.end_with(End::Done, Some(reply), on);
        }
        self.chunk_known |= !unknown && !out_of_sequence;
        if !whole && class != Class::Intermediate && front.is_wanted() && !out_of_sequence {
            return self.refuse_early(self.since, reply, on);
        }
        // The transactions that are already on their way have a RSET ahead of them.
        self.unclean = class != Class::Positive && mail_accepted && self.started == 1;
        match class {
            Class::Positive => {
                self.taken(reply, on);
                self.window.grow();
                self.group_answered(on);
                if !self.chunk_seen {
                    self.chunk_seen = true;
                    self.learn(Lesson::ChunkingWorks, on);
                }
                return;
            }
            Class::Intermediate => return self.surplus("the reply to BDAT has an intermediate code", Phase::End, on),
            _ if out_of_sequence => front.conclude(Conclusion::Returned(reply.to_owned())),
            Class::Transient | Class::Permanent => {
                if front.is_open() && !front.is_decided() {
                    let max = limit_taken(front, reply);
                    front.conclude(match max {
                        Some(_) => Conclusion::Returned(reply.to_owned()),
                        None => Conclusion::Refused(reply.to_owned(), Phase::End),
                    });
                    if let Some(max) = max {
                        self.limit_recipients(max, on);
                    }
                    if class == Class::Transient {
                        self.window.shrink();
                    }
                }
            }
        }
        let in_step = self.is_harmless();
        self.finish_front(in_step, on);
        self.suspects = self.started;
        if !whole {
            // What is said next would be taken for the rest of the chunk.
            self.end_with(End::Done, Some(reply), on);
        }
    }

    /// A server that knows no RSET may keep the state of a transaction: nothing new is begun on it, and no content goes
    /// out behind it.
    fn on_reset(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        self.note_reset(reply);
        let asked = std::mem::take(&mut self.asked);
        match reply.class() {
            Class::Positive => {
                self.reset_seen = true;
                if asked && self.may_ask() {
                    self.prove(on);
                }
                return;
            }
            Class::Intermediate => return self.surplus("the reply to RSET has an intermediate code", Phase::Mail, on),
            Class::Transient | Class::Permanent => {}
        }
        self.quit = true;
        self.return_unstarted(Some(reply), on);
        if matches!(self.mode, Mode::Pipelined | Mode::Overlapped) {
            self.protocol("RSET was refused", Phase::Mail, on);
        }
    }

    /// The content of the oldest transaction was accepted, if the replies are in step.
    fn taken(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let mark = self.mark_of(reply);
        if mark.is_some() {
            self.prove(on);
        }
        let alone = mark.is_some() && self.mode != Mode::Chunked && self.ledger.is_empty();
        let Some(front) = self.running.front_mut() else { return };
        self.counters.messages += 1;
        self.counters.accepted += front.accepted as u64;
        front.conclude(Conclusion::Accepted(reply.to_owned()));
        (front.mark, front.alone, front.worded) = (mark, alone, mark.is_some());
        self.contents_worded |= mark.is_some();
        self.message_taken(on);
        self.finish_front(false, on);
    }

    /// Whether this server has taken the same command in this session.
    fn was_known(&self, expected: Expected) -> bool {
        match expected {
            Expected::Mail => self.mails_accepted > 0,
            Expected::Reset => self.reset_seen,
            _ => false,
        }
    }

    /// A transaction that was pipelined behind one that failed is told "bad sequence": that says nothing about its
    /// recipients.
    fn is_out_of_sequence(&self, reply: ReplyRef<'_>) -> bool {
        reply.code == 503 && self.suspects > 0
    }

    /// Whether this refusal is one of PIPELINING and not of anybody: the server says so in words, or no group was ever
    /// answered to its end here and it finds a sequence bad that was good.
    fn blames(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) -> bool {
        let good = self.running.front().is_some_and(|front| front.mail_accepted);
        let says_so = self.mode != Mode::Lockstep && is_about_pipelining(reply);
        let blames = says_so || (reply.code == 503 && good && self.doubts_pipelining());
        if blames {
            self.learn(Lesson::PipeliningBroken, on);
        }
        blames
    }

    /// The front and all that has not left come back, and the session winds up.
    fn give_up_pipelining(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        self.return_front(reply, on);
        self.quit = true;
        self.return_unstarted(Some(reply), on);
    }

    /// The oldest transaction is done: all its replies have come. What they said is told, or held until they are known to
    /// be in step.
    pub(super) fn finish_front(&mut self, in_step: bool, on: &mut Sink<'_>) {
        let Some(mut front) = self.running.pop_front() else { return };
        self.started = self.started.saturating_sub(1);
        self.suspects = self.suspects.saturating_sub(1);
        self.octets = self.octets.saturating_sub(front.content.len());
        self.octets_held = self.octets_held.saturating_sub(front.content.len());
        if !in_step && (front.is_open() || front.has_notes()) {
            return self.hold(front, on);
        }
        if let Some(last) = self.held.back_mut() {
            // Another transaction's replies stand between it and the next MAIL.
            last.mark = None;
        }
        front.tell(on);
        on(crate::smtp::client::Event::Finished { key: front.key });
    }
}

/// RFC 5321 §4.2.4: the command is not known, or not implemented.
fn is_unknown(reply: ReplyRef<'_>) -> bool {
    matches!(reply.code, 500 | 502)
}

/// RFC 5321 §4.5.3.1.10: the server takes no more recipients, which says nothing about those that are left. An old server
/// says 552 instead of 452, others say what they like.
fn limit_at_rcpt(reply: ReplyRef<'_>) -> Option<Limit> {
    let bare = reply.code == 452 && reply.enhanced.is_none();
    Limit::of(reply).filter(|limit| *limit != Limit::Rate).or(bare.then_some(Limit::Recipients))
}

/// A bare 452 may be about the server's storage as well: no session is given up for it.
fn is_storage(reply: ReplyRef<'_>) -> bool {
    reply.code == 452 && Limit::of(reply).is_none()
}

/// How many recipients a transaction may have, where its content is refused because there were too many: those that were
/// taken when others were not, else half of them (Exim's `recipients_max_reject` refuses DATA behind the surplus). One alone
/// is not too many.
fn limit_taken(front: &Running, reply: ReplyRef<'_>) -> Option<usize> {
    let max = if front.surplus { front.accepted } else { front.accepted / 2 };
    (max > 0 && Limit::of(reply) == Some(Limit::Recipients)).then_some(max)
}

/// The reply with no more text than is passed on.
pub(super) fn clipped(reply: ReplyRef<'_>) -> ReplyRef<'_> {
    ReplyRef { text: reply.text.get(..TEXT_MAX).unwrap_or(reply.text), ..reply }
}
