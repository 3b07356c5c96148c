//! What a reply does. Judged by class (RFC 5321 §4.2.1); single codes count only where they name a limit of the session
//! or of a batch: 421, 452 and 503.

use crate::base::clock::Instant;
use crate::mail::{Class, ReplyRef};
use crate::smtp::capabilities::Capabilities;
use crate::smtp::client::running::{Running, Stage};
use crate::smtp::client::{Core, End, Event, Mode, Phase, Sink, Starttls, State, Verdict};
use crate::smtp::ledger::Expected;

/// How much text of a reply is passed on, in octets.
const TEXT_MAX: usize = 1024;

impl Core {
    pub(super) fn reply(&mut self, now: Instant, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let phase = self.phase();
        let Some(expected) = self.ledger.pop() else {
            return self.unsolicited(clipped(reply), phase, on);
        };
        self.since = now;
        self.counters.replies += 1;
        if let Some(front) = self.running.front_mut() {
            front.marks.answered(expected, now);
        }
        if expected == Expected::Ehlo {
            return self.on_ehlo(reply, on);
        }
        let reply = clipped(reply);
        if reply.code == 421 {
            return self.shut(expected, reply, phase, on);
        }
        match expected {
            Expected::Greeting => self.on_greeting(reply, on),
            Expected::Ehlo => {}
            Expected::Helo => self.on_helo(reply, on),
            Expected::StartTls => self.on_starttls(reply, on),
            Expected::Reset => self.on_reset(reply, on),
            Expected::Mail => self.on_mail(reply, on),
            Expected::Rcpt => self.on_rcpt(reply, on),
            Expected::Data => self.on_data(reply, on),
            Expected::Content => self.on_content(reply, on),
            Expected::Chunk => self.on_chunk(reply, on),
            Expected::LoneDot => {}
            Expected::Quit => self.end(End::Done, None, on),
        }
    }

    /// Only 421 may come unasked (RFC 5321 §3.8).
    fn unsolicited(&mut self, reply: ReplyRef<'_>, phase: Phase, on: &mut Sink<'_>) {
        if reply.code == 421 {
            let end = if self.is_idle() { End::Done } else { End::Refused(reply.to_owned(), phase) };
            self.end(end, Some(reply), on);
        } else {
            self.protocol("a reply came that no command had asked for", phase, on);
        }
    }

    /// 421: the server closes the connection. Its answer to a content is about that content too.
    fn shut(&mut self, expected: Expected, reply: ReplyRef<'_>, phase: Phase, on: &mut Sink<'_>) {
        if let (Expected::Content | Expected::Chunk, Some(front)) = (expected, self.running.front_mut()) {
            front.settle_open(Verdict::Refused(reply, Phase::End), on);
        }
        let idle = matches!(self.state, State::Quit { .. }) || (self.is_idle() && expected == Expected::LoneDot);
        let end = if idle { End::Done } else { End::Refused(reply.to_owned(), phase) };
        self.end(end, Some(reply), on);
    }

    fn on_greeting(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive if self.known.ehlo_refused => self.state = State::Helo { due: true },
            Class::Positive => self.state = State::Ehlo { due: true },
            Class::Intermediate => self.protocol("the greeting has an intermediate code", Phase::Greeting, on),
            Class::Transient | Class::Permanent => {
                self.end(End::Refused(reply.to_owned(), Phase::Greeting), None, on);
            }
        }
    }

    fn on_ehlo(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive => {
                self.capabilities = Capabilities::parse(reply.text);
                let offered = self.capabilities.starttls && self.config.starttls != Starttls::Never;
                if offered && !self.tls && !self.tls_refused {
                    self.state = State::StartTls { due: true };
                } else {
                    self.ready(on);
                }
            }
            Class::Intermediate => self.protocol("the reply to EHLO has an intermediate code", Phase::Hello, on),
            // RFC 5321 §3.2: a server that does not know EHLO.
            Class::Permanent => self.state = State::Helo { due: true },
            Class::Transient => self.end(End::Refused(clipped(reply).to_owned(), Phase::Hello), None, on),
        }
    }

    fn on_helo(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive => self.ready(on),
            Class::Intermediate => self.protocol("the reply to HELO has an intermediate code", Phase::Hello, on),
            Class::Transient | Class::Permanent => self.end(End::Refused(reply.to_owned(), Phase::Hello), None, on),
        }
    }

    fn on_starttls(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive => {
                self.state = State::Handshake;
                on(Event::StartTls);
            }
            Class::Intermediate => self.protocol("the reply to STARTTLS has an intermediate code", Phase::StartTls, on),
            // Opportunistic: what is offered and then refused is as if it had not been offered.
            Class::Transient | Class::Permanent => {
                self.tls_refused = true;
                self.ready(on);
            }
        }
    }

    fn ready(&mut self, on: &mut Sink<'_>) {
        let limits = self.capabilities.limits;
        if let Some(max) = [limits.mail_max, self.known.transactions_max].into_iter().flatten().min() {
            self.left = self.left.min(max).max(1);
        }
        if let Some(max) = [limits.rcpt_max, self.known.recipients_max].into_iter().flatten().min() {
            self.recipients_max = self.recipients_max.min(max as usize).max(1);
        }
        let pipelining = self.config.pipelining && self.capabilities.pipelining && !self.known.pipelining_broken;
        let chunking = self.config.chunking && self.capabilities.chunking && !self.known.chunking_broken;
        self.mode = match (pipelining, chunking) {
            (false, _) => Mode::Lockstep,
            (true, true) => Mode::Chunked,
            (true, false) if self.left <= 1 => Mode::Pipelined,
            (true, false) => Mode::Overlapped,
        };
        self.state = State::Ready;
        on(Event::Ready);
    }

    /// A server that knows no RSET may keep the state of a transaction: nothing new is begun on it.
    fn on_reset(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        if reply.class() != Class::Positive {
            self.quit = true;
            self.return_unstarted(reply, on);
        }
    }

    fn on_mail(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let lockstep = self.mode == Mode::Lockstep;
        let out_of_sequence = self.is_out_of_sequence(reply);
        let Some(front) = self.running.front_mut() else { return };
        match reply.class() {
            Class::Positive => {
                front.mail_accepted = true;
                return;
            }
            Class::Intermediate => return self.protocol("the reply to MAIL has an intermediate code", Phase::Mail, on),
            Class::Transient if reply.code == 452 => {
                front.give_back_open(Some(reply), on);
                self.return_unstarted(reply, on);
                self.closing.get_or_insert(End::Refused(reply.to_owned(), Phase::Mail));
            }
            _ if out_of_sequence => {
                front.give_back_open(Some(reply), on);
                self.window.close();
            }
            class => {
                front.settle_open(Verdict::Refused(reply, Phase::Mail), on);
                if class == Class::Transient {
                    self.window.shrink();
                }
            }
        }
        if lockstep {
            self.finish_front(on);
        }
    }

    fn on_rcpt(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let out_of_sequence = self.is_out_of_sequence(reply);
        let Some(front) = self.running.front_mut() else { return };
        let index = front.answered();
        match (reply.class(), index) {
            (Class::Intermediate, _) => {
                return self.protocol("the reply to RCPT has an intermediate code", Phase::Rcpt, on);
            }
            // MAIL was refused: everyone has been told of.
            (_, None) => {}
            (Class::Positive, Some(index)) => front.accept(index),
            (_, Some(index)) if is_too_many(front, reply) => {
                self.recipients_max = self.recipients_max.min(front.accepted).max(1);
                front.give_back(index, Some(reply), on);
            }
            (_, Some(index)) if out_of_sequence => front.give_back(index, Some(reply), on),
            (_, Some(index)) => front.settle(index, Verdict::Refused(reply, Phase::Rcpt), on),
        }
        if front.stage == Stage::Rcpt && front.at().is_none() {
            if front.accepted > 0 {
                front.stage = Stage::Data;
            } else {
                self.unclean = true;
                self.finish_front(on);
            }
        }
    }

    fn on_data(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let Some(front) = self.running.front_mut() else { return };
        let wanted = front.mail_accepted && front.accepted > 0;
        match reply.class() {
            Class::Positive => self.protocol("the reply to DATA is neither 354 nor a refusal", Phase::Data, on),
            Class::Intermediate if wanted => front.stage = Stage::Content,
            Class::Intermediate => {
                // RFC 2920 §3.1: the client must end this content with a dot at once.
                self.lone_dot = true;
                self.finish_front(on);
            }
            Class::Transient | Class::Permanent => {
                front.settle_open(Verdict::Refused(reply, Phase::Data), on);
                self.unclean = front.mail_accepted;
                self.finish_front(on);
            }
        }
    }

    /// RFC 5321 §4.1.1.4: whatever the answer, the transaction's state is gone at the server.
    fn on_content(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let Some(front) = self.running.front_mut() else { return };
        match reply.class() {
            Class::Positive => self.delivered(reply, on),
            Class::Intermediate => {
                return self.protocol("the reply to the content has an intermediate code", Phase::End, on);
            }
            Class::Transient | Class::Permanent => {
                front.settle_open(Verdict::Refused(reply, Phase::End), on);
            }
        }
        self.finish_front(on);
    }

    /// RFC 3030 §2: a refused chunk has been read and dropped by the server.
    fn on_chunk(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let out_of_sequence = self.is_out_of_sequence(reply);
        let Some(front) = self.running.front_mut() else { return };
        let (class, mail_accepted) = (reply.class(), front.mail_accepted);
        match class {
            Class::Positive => self.delivered(reply, on),
            Class::Intermediate => return self.protocol("the reply to BDAT has an intermediate code", Phase::End, on),
            _ if out_of_sequence => front.give_back_open(Some(reply), on),
            Class::Transient | Class::Permanent => {
                if front.settle_open(Verdict::Refused(reply, Phase::End), on) > 0 && class == Class::Transient {
                    self.window.shrink();
                }
            }
        }
        // The transactions that are already on their way have a RSET ahead of them.
        self.unclean = class != Class::Positive && mail_accepted && self.started == 1;
        self.finish_front(on);
        if class == Class::Positive {
            self.window.grow();
        } else {
            self.suspects = self.started;
        }
    }

    fn delivered(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        if let Some(front) = self.running.front_mut() {
            self.counters.accepted += front.settle_open(Verdict::Accepted(reply), on) as u64;
            self.counters.messages += 1;
        }
    }

    /// A transaction that was pipelined behind one that failed is told "bad sequence": that says nothing about its
    /// recipients.
    fn is_out_of_sequence(&self, reply: ReplyRef<'_>) -> bool {
        reply.code == 503 && self.suspects > 0
    }

    /// The oldest transaction is done: all its replies have come.
    pub(super) fn finish_front(&mut self, on: &mut Sink<'_>) {
        let Some(front) = self.running.pop_front() else { return };
        self.started = self.started.saturating_sub(1);
        self.suspects = self.suspects.saturating_sub(1);
        self.octets = self.octets.saturating_sub(front.content.len());
        self.octets_held = self.octets_held.saturating_sub(front.content.len());
        on(Event::Finished { key: front.key });
    }
}

/// RFC 5321 §4.5.3.1.10: the server takes no more recipients in this transaction, which says nothing about those that
/// are left. An old server says 552 instead of 452. When not one was taken it is a plain refusal, or a batch would be cut
/// for ever.
fn is_too_many(front: &Running, reply: ReplyRef<'_>) -> bool {
    front.accepted > 0
        && match reply.enhanced {
            Some(e) => (e.subject, e.detail) == (5, 3),
            None => reply.code == 452,
        }
}

/// The reply with no more text than is passed on.
fn clipped(reply: ReplyRef<'_>) -> ReplyRef<'_> {
    ReplyRef { text: reply.text.get(..TEXT_MAX).unwrap_or(reply.text), ..reply }
}
