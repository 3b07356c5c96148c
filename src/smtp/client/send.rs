//! The sender: what may leave now, in which order (RFC 5321 §3.3, RFC 2920 §3.1, RFC 3030 §2).
//!
//! Only the last of the started transactions can have something to send; those before it are waiting for replies.

use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::smtp::capabilities::{Capabilities, Size};
use crate::smtp::client::running::{Running, Stage};
use crate::smtp::client::{Core, Mode, State};
use crate::smtp::ledger::Expected;

/// Nothing is appended to an output that holds so many octets; longer content leaves in slices of this size.
pub const OUT_MAX: usize = 256 * 1024;

impl Core {
    pub(super) fn transmit(&mut self, now: Instant, out: &mut Out) {
        // Each step appends something or changes the state for good, and the output is bounded.
        loop {
            let before = out.len();
            if before >= OUT_MAX || !self.step(now, out) {
                return;
            }
            self.given += out.len().saturating_sub(before) as u64;
            self.mark_end();
        }
    }

    /// Notes where the content that was just given out whole ends.
    fn mark_end(&mut self) {
        let given = self.given;
        let last = self.started.checked_sub(1).and_then(|last| self.running.get_mut(last));
        if let Some(last) = last.filter(|last| last.stage == Stage::End && last.end_at == 0) {
            last.end_at = given;
        }
    }

    /// Does the next thing; says whether there was one.
    fn step(&mut self, now: Instant, out: &mut Out) -> bool {
        match self.state {
            State::Ehlo { due: true } => {
                self.hello(b"EHLO ", out);
                self.expect(now, Expected::Ehlo, 1);
                self.state = State::Ehlo { due: false };
            }
            State::Helo { due: true } => {
                self.hello(b"HELO ", out);
                self.expect(now, Expected::Helo, 1);
                self.state = State::Helo { due: false };
            }
            State::StartTls { due: true } => {
                out.append(b"STARTTLS\r\n");
                self.expect(now, Expected::StartTls, 1);
                self.state = State::StartTls { due: false };
            }
            State::Auth { due: true } => {
                let Some(exchange) = &mut self.exchange else { return false };
                exchange.say(out);
                self.expect(now, Expected::Auth, 1);
                self.state = State::Auth { due: false };
            }
            State::Quit { due: true } => {
                out.append(b"QUIT\r\n");
                self.expect(now, Expected::Quit, 1);
                self.state = State::Quit { due: false };
            }
            State::Ready if !self.shutting => return self.step_mail(now, out),
            _ => return false,
        }
        true
    }

    fn hello(&self, verb: &[u8], out: &mut Out) {
        out.append(verb);
        out.append(self.config.ehlo.as_bytes());
        out.append(b"\r\n");
    }

    /// Notes what was sent. The wait begins now unless something else is awaited first.
    fn expect(&mut self, now: Instant, expected: Expected, count: u32) {
        if self.ledger.is_empty() {
            self.since = now;
        }
        self.ledger.push(expected, count);
    }

    fn step_mail(&mut self, now: Instant, out: &mut Out) -> bool {
        if std::mem::take(&mut self.lone_dot) {
            out.append(b".\r\n");
            self.expect(now, Expected::LoneDot, 1);
            return true;
        }
        if std::mem::take(&mut self.asks) {
            self.asked = true;
            self.reset(now, out);
            return true;
        }
        let last = self.started.checked_sub(1);
        match last.and_then(|last| self.running.get(last)).map(|r| r.stage) {
            Some(Stage::Content) => self.content(now, out),
            Some(Stage::Rcpt | Stage::Data) if self.ledger.is_empty() => self.lockstep(now, out),
            Some(Stage::Rcpt | Stage::Data | Stage::GoAhead) => return false,
            Some(Stage::Mail | Stage::End) | None if self.may_start() => self.start(now, out),
            _ if self.is_wound_up() => {
                self.state = State::Quit { due: true };
                self.since = now;
            }
            _ => return false,
        }
        true
    }

    /// Whether QUIT is due.
    fn is_wound_up(&self) -> bool {
        (self.quit || self.left == 0 || self.closing.is_some())
            && self.running.is_empty()
            && self.unsendable.is_empty()
            && self.ledger.is_empty()
    }

    /// Whether the next transaction's MAIL may leave; that nothing before it is half-sent is known.
    fn may_start(&self) -> bool {
        let Some(next) = self.running.get(self.started) else { return false };
        match self.mode {
            Mode::Lockstep => self.started == 0 && self.ledger.is_empty(),
            // RFC 2920 §3.1: content may be the first part of a group, so MAIL may stand behind it.
            Mode::Pipelined | Mode::Overlapped => self.started <= 1,
            Mode::Chunked => {
                let fits = self.octets.saturating_add(next.content.len()) <= self.config.window_bytes_max;
                self.started == 0 || (self.started < self.window.size() && fits && self.ledger.has_room())
            }
        }
    }

    /// Begins the transaction that is next: MAIL alone, or all that may go with it.
    fn start(&mut self, now: Instant, out: &mut Out) {
        let chunked = self.mode == Mode::Chunked;
        if self.unclean || (chunked && self.started > 0) {
            self.reset(now, out);
            if self.mode == Mode::Lockstep {
                return;
            }
        }
        self.expect(now, Expected::Mail, 1);
        let Some(next) = self.running.get_mut(self.started) else { return };
        mail(next, &self.capabilities, out);
        self.octets = self.octets.saturating_add(next.content.len());
        self.counters.transactions += 1;
        next.marks.began = Some(now);
        self.counters.overlapped += u64::from(self.started > 0);
        self.started += 1;
        if self.mode == Mode::Lockstep {
            next.stage = Stage::Rcpt;
            return;
        }
        let mut count = 0;
        for index in next.sendable() {
            rcpt(next, index, &self.capabilities, out);
            count += 1;
        }
        if chunked {
            bdat(next.content.len(), out);
            next.stage = Stage::Content;
        } else {
            out.append(b"DATA\r\n");
            next.stage = Stage::GoAhead;
        }
        self.ledger.push(Expected::Rcpt, count);
        self.ledger.push(if chunked { Expected::Chunk } else { Expected::Data }, 1);
        if chunked {
            self.content(now, out);
        }
    }

    fn reset(&mut self, now: Instant, out: &mut Out) {
        self.unclean = false;
        self.counters.resets += 1;
        out.append(b"RSET\r\n");
        self.expect(now, Expected::Reset, 1);
    }

    /// The next command of a transaction without PIPELINING.
    fn lockstep(&mut self, now: Instant, out: &mut Out) {
        let Some(front) = self.running.front_mut() else { return };
        let expected = match front.at() {
            Some(index) if front.stage == Stage::Rcpt => {
                rcpt(front, index, &self.capabilities, out);
                Expected::Rcpt
            }
            _ => {
                out.append(b"DATA\r\n");
                front.stage = Stage::GoAhead;
                Expected::Data
            }
        };
        self.expect(now, expected, 1);
    }

    /// Content, as a whole or the next slice; behind the last octet the dot that ends it, unless it is a chunk.
    fn content(&mut self, now: Instant, out: &mut Out) {
        self.progress = now;
        self.drained = false;
        let chunked = self.mode == Mode::Chunked;
        let Some(running) = self.started.checked_sub(1).and_then(|last| self.running.get_mut(last)) else { return };
        let content = &running.content;
        let end = content.len().min(running.offset.saturating_add(OUT_MAX));
        content.give(running.offset..end, out);
        running.offset = end;
        if end < content.len() {
            return;
        }
        running.stage = Stage::End;
        running.marks.sent = Some(now);
        if !chunked {
            out.append(b".\r\n");
            self.expect(now, Expected::Content, 1);
        }
    }
}

/// RFC 5321 §4.1.1.2, with what RFC 1870, 6152, 6531, 3461 and 8689 add.
fn mail(running: &Running, offered: &Capabilities, out: &mut Out) {
    out.append(b"MAIL FROM:<");
    out.append(running.envelope.reverse_path());
    out.append(b">");
    if offered.size != Size::Absent {
        out.append(b" SIZE=");
        decimal(running.content.len(), out);
    }
    if running.eight_bit && offered.eight_bit_mime {
        out.append(b" BODY=8BITMIME");
    }
    if running.utf8 {
        out.append(b" SMTPUTF8");
    }
    if let Some(options) = &running.options {
        options.mail(offered, out);
    }
    out.append(b"\r\n");
}

fn rcpt(running: &Running, index: usize, offered: &Capabilities, out: &mut Out) {
    let path = running.envelope.forward_path(index);
    out.append(b"RCPT TO:<");
    out.append(path);
    out.append(b">");
    if let Some(options) = &running.options {
        options.rcpt(path, offered, out);
    }
    out.append(b"\r\n");
}

fn bdat(octets: usize, out: &mut Out) {
    out.append(b"BDAT ");
    decimal(octets, out);
    out.append(b" LAST\r\n");
}

/// Without the formatting machinery, which would cost as much as the rest of the command.
fn decimal(mut n: usize, out: &mut Out) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        first = at;
        if n == 0 {
            break;
        }
    }
    out.append(digits.get(first..).unwrap_or_default());
}
