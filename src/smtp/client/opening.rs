//! From the greeting to the first transaction: EHLO or HELO, STARTTLS, AUTH, and what the capabilities settle.
//!
//! Guarantees: credentials leave only under TLS, unless their owner said otherwise; nothing leaves together with
//! STARTTLS (RFC 3207 §4). Leaves to others: the exchange of AUTH itself (`auth`).

use crate::mail::{Class, ReplyRef};
use crate::smtp::capabilities::Capabilities;
use crate::smtp::client::auth::Exchange;
use crate::smtp::client::replies::clipped;
use crate::smtp::client::{Core, End, Event, GROUP_MAX, Lesson, Mode, Phase, Sink, Starttls, State, running};
use crate::smtp::ledger::Expected;

/// Transactions of a session that says HELO because a connection was closed over EHLO, which may have been chance.
const HELO_TRIAL: u32 = 10;

impl Core {
    pub(super) fn on_greeting(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        // EHLO has left already when the host lets it.
        let early = self.ledger.head() == Some(Expected::Ehlo);
        match reply.class() {
            Class::Positive if early => {}
            Class::Positive => self.state = self.hello_state(),
            Class::Intermediate => self.protocol("the greeting has an intermediate code", Phase::Greeting, on),
            Class::Transient | Class::Permanent => {
                if early && reply.class() == Class::Permanent {
                    self.learn(Lesson::Early(None), on);
                }
                self.end(End::Refused(reply.to_owned(), Phase::Greeting), on);
            }
        }
    }

    /// EHLO, or HELO where EHLO is known to be refused and nothing is needed that only EHLO offers.
    pub(super) fn hello_state(&self) -> State {
        let needs_ehlo = self.config.starttls == Starttls::Required || self.config.auth.is_some();
        if (self.known.ehlo_refused || self.known.ehlo_closed) && !needs_ehlo {
            State::Helo { due: true }
        } else {
            State::Ehlo { due: true }
        }
    }

    pub(super) fn on_ehlo(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let first = !self.tls || self.config.starttls == Starttls::Implicit;
        match reply.class() {
            Class::Positive => {
                self.capabilities = Capabilities::parse(reply.text);
                if first && (self.capabilities.pipe_connect || self.known.early.is_some()) {
                    let early = self.capabilities.pipe_connect.then_some(self.capabilities);
                    self.learn(Lesson::Early(early), on);
                }
                self.secure(on);
            }
            Class::Intermediate => self.protocol("the reply to EHLO has an intermediate code", Phase::Hello, on),
            // RFC 5321 §3.2: a server that does not know EHLO.
            Class::Permanent => {
                self.ehlo_unknown = matches!(reply.code, 500 | 502);
                if self.known.early.is_some() {
                    self.learn(Lesson::Early(None), on);
                }
                self.state = State::Helo { due: true };
            }
            Class::Transient => self.end(End::Refused(clipped(reply).to_owned(), Phase::Hello), on),
        }
    }

    pub(super) fn on_helo(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive => {
                if self.ehlo_unknown {
                    self.learn(Lesson::EhloRefused, on);
                }
                if self.known.ehlo_closed {
                    // A trial, for it has neither TLS nor PIPELINING: EHLO is said again soon.
                    self.left = self.left.min(HELO_TRIAL);
                    self.learn(Lesson::EhloClosed(false), on);
                }
                self.secure(on);
            }
            Class::Intermediate => self.protocol("the reply to HELO has an intermediate code", Phase::Hello, on),
            Class::Transient | Class::Permanent => self.end(End::Refused(reply.to_owned(), Phase::Hello), on),
        }
    }

    /// Goes on to TLS if it is wanted and to be had.
    fn secure(&mut self, on: &mut Sink<'_>) {
        if self.tls {
            return self.log_in(on);
        }
        match (self.config.starttls, self.capabilities.starttls) {
            (Starttls::Required, false) => self.part(End::NoTls("the server does not offer STARTTLS")),
            (Starttls::Required, true) => self.state = State::StartTls { due: true },
            (Starttls::Offered, true) if !self.known.starttls_broken || self.config.login_needs_tls() => {
                self.state = State::StartTls { due: true };
            }
            _ => self.log_in(on),
        }
    }

    /// Whether a session whose STARTTLS fails has another way on.
    pub(super) fn may_go_on_in_clear(&self) -> bool {
        self.config.starttls == Starttls::Offered && !self.config.login_needs_tls()
    }

    pub(super) fn on_starttls(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        match reply.class() {
            Class::Positive => {
                self.state = State::Handshake;
                on(Event::StartTls);
            }
            Class::Intermediate => self.protocol("the reply to STARTTLS has an intermediate code", Phase::StartTls, on),
            Class::Transient | Class::Permanent if !self.may_go_on_in_clear() => {
                self.part(End::NoTls("the server offers STARTTLS and refuses it"));
            }
            // Opportunistic: what is offered and then refused is as if it had not been offered.
            class => {
                if class == Class::Permanent {
                    self.learn(Lesson::StarttlsBroken, on);
                }
                self.log_in(on);
            }
        }
    }

    /// Begins AUTH if we have credentials.
    fn log_in(&mut self, on: &mut Sink<'_>) {
        let Some(credentials) = &self.config.auth else { return self.ready(on) };
        match Exchange::begin(credentials.clone(), self.capabilities.auth, self.tls) {
            Ok(exchange) => {
                self.exchange = Some(Box::new(exchange));
                self.state = State::Auth { due: true };
            }
            Err(reply) => self.part(End::LoginWithheld(reply.to_owned())),
        }
    }

    pub(super) fn on_auth(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        match reply.class() {
            Class::Positive if exchange.is_satisfied() => {
                self.exchange = None;
                self.ready(on);
            }
            Class::Positive => {
                self.end(End::Unauthenticated(running::UNPROVEN.to_owned()), on);
            }
            // In the middle of an exchange QUIT would be taken for a part of it, so none is said.
            Class::Intermediate => match exchange.answer(reply.text) {
                Ok(()) => self.state = State::Auth { due: true },
                Err(reply) => self.end(End::Unauthenticated(reply.to_owned()), on),
            },
            Class::Transient | Class::Permanent => self.part(End::Unauthenticated(reply.to_owned())),
        }
    }

    /// Says QUIT before any transaction, for a reason that is told when the session is over.
    fn part(&mut self, end: End) {
        self.closing.get_or_insert(end);
        self.exchange = None;
        self.state = State::Quit { due: true };
    }

    fn ready(&mut self, on: &mut Sink<'_>) {
        let (limits, known) = (self.capabilities.limits, self.known);
        if let Some(max) = [limits.mail_max, known.transactions_max].into_iter().flatten().min() {
            self.left = self.left.min(max).max(1);
        }
        if let Some(max) = [limits.rcpt_max, known.recipients_max].into_iter().flatten().min() {
            self.recipients_max = self.recipients_max.min(max as usize).max(1);
        }
        let lockstep = known.pipelining_broken || (known.pipelining_suspect && !known.lockstep_works);
        let pipelining = self.config.pipelining && self.capabilities.pipelining && !lockstep;
        let chunking = self.config.chunking && self.capabilities.chunking && !known.chunking_broken;
        self.mode = match (pipelining, chunking) {
            (false, _) => Mode::Lockstep,
            (true, true) => Mode::Chunked,
            (true, false) if self.left <= 1 => Mode::Pipelined,
            (true, false) => Mode::Overlapped,
        };
        if matches!(self.mode, Mode::Pipelined | Mode::Overlapped) {
            self.recipients_max = self.recipients_max.min(GROUP_MAX);
        }
        self.state = State::Ready;
        on(Event::Ready);
    }
}
