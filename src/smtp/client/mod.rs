//! The client session: one SMTP connection from greeting to QUIT.
//!
//! Sans-IO: bytes from the peer go in through [`Session::handle_input`], bytes to the peer come out of
//! [`Session::poll_transmit`], `now` is an argument. Two cursors: a sender that runs ahead, and a [`Ledger`] of what each
//! reply will answer; replies always concern the oldest transaction.
//!
//! How it is driven: after each `handle_*`, [`Session::begin`] or [`Session::quit`] call [`Session::poll_transmit`], then
//! set the timer to [`Session::deadline`]. Content above [`OUT_MAX`] leaves in slices, so also poll when the output has
//! drained.
//!
//! Guarantees:
//! - Each recipient of a transaction that [`Session::begin`] took gets exactly one verdict or is returned, then its
//!   transaction is finished; whatever the peer says, and whenever the connection ends.
//! - Nobody is accepted by a word that came before the whole content had reached the peer (`early`).
//! - A recipient is `Uncertain` only if the last octet of its content was given out and may have left
//!   ([`Session::handle_unsent`]), and then it is neither `Returned` nor `Cut`, unless the server said 421 and closed without
//!   another word.
//! - A verdict is told only when the replies are known to be in step with the commands (`step`), or the connection is over.
//! - What is malformed, out of count or about the session bounces nobody (`end`); what a peer was found to do wrong is
//!   told as a [`Lesson`], and a session that is given it ([`Known`]) does not run into it again (`lessons`).
//! - Credentials leave only inside TLS unless their owner said otherwise ([`Phase::Auth`] is when they do).
//! - Memory is bounded: the reader's buffer, the ledger, at most [`Session::room`] more transactions, and the envelopes of
//!   what is held. No allocation for a reply, but for those that are kept until it is proven whose they were.
//!
//! Where a RSET stands. A transaction ends the server's state when its content was answered (RFC 5321 §4.1.1.4), and
//! then none is said. After MAIL without a content (all recipients refused, DATA refused) one goes ahead of the next
//! MAIL. In chunked mode the next MAIL leaves before it is known how the transaction before it ends; servers that refuse
//! a BDAT for lack of recipients may keep its reverse-path (Exim does), so that the next RCPT and BDAT would go out
//! under another transaction's sender, or to its recipients. So a RSET goes ahead of every MAIL that is pipelined behind
//! a BDAT; it costs no round trip. And a session that has nothing to do may ask by one whether the replies are in step (`step`).
//!
//! Leaves to others: the TLS handshake, retries, what a refusal means (`shape`), how long an idle session is kept, keeping
//! lessons for each host.

mod auth;
mod config;
mod credentials;
mod dsn;
mod early;
mod end;
mod event;
mod intake;
mod known;
mod lessons;
mod marks;
mod opening;
mod replies;
mod running;
mod scram;
mod send;
mod step;
#[cfg(test)]
mod tests;
mod window;

pub use config::{Config, Mode, Starttls, Timeouts};
pub use credentials::{Credentials, Mechanism};
pub use dsn::{Dsn, Notify, Options, Ret};
pub use event::{End, Event, Phase, Sink, Transaction, Verdict};
pub use known::{Known, Lesson};
pub use marks::Marks;
pub use send::OUT_MAX;
pub use window::WINDOW_MAX;

use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::mail::Reply;
use crate::smtp::capabilities::{Capabilities, Size};
use crate::smtp::ledger::{Expected, Ledger};
use crate::smtp::reader::Reader;
use auth::Exchange;
use running::{Obstacle, Running, Stage};
use std::collections::VecDeque;
use std::sync::Arc;
use window::Window;

/// The most recipients that a transaction may have, where the peer names no limit.
pub const RECIPIENTS_MAX: usize = 1000;

/// The most recipients of a transaction whose RCPT commands leave together ahead of a DATA: RFC 5321 §4.5.3.1.8 has a
/// server take 100. There are servers that work commands off recursively: some 450 in one segment overflow the stack of
/// Haraka, which then refuses good recipients with 501 and falls silent.
pub const GROUP_MAX: usize = 100;

/// What is counted over the life of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transactions whose MAIL was sent.
    pub transactions: u64,
    /// Of these, those that left before the one before them was answered.
    pub overlapped: u64,
    /// Transactions that ended with 2yz to their content.
    pub messages: u64,
    /// Recipients that were accepted.
    pub accepted: u64,
    /// RSET commands sent.
    pub resets: u64,
    /// Replies read.
    pub replies: u64,
}

/// What the session's own part of the dialogue is about. `due`: the command has not been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The greeting is awaited.
    Greeting,
    /// EHLO.
    Ehlo { due: bool },
    /// HELO.
    Helo { due: bool },
    /// STARTTLS.
    StartTls { due: bool },
    /// The owner runs the TLS handshake.
    Handshake,
    /// AUTH, and the responses to its challenges.
    Auth { due: bool },
    /// Transactions.
    Ready,
    /// QUIT.
    Quit { due: bool },
    /// Over.
    Ended,
}

/// A client session.
#[derive(Debug)]
pub struct Session {
    reader: Reader,
    core: Core,
}

/// All of a session but its reader, so that a reply can borrow from the reader while it is dealt with.
#[derive(Debug)]
struct Core {
    config: Arc<Config>,
    known: Known,
    state: State,
    capabilities: Capabilities,
    mode: Mode,
    ledger: Ledger,
    /// Begun and not finished; the first `started` of them have had their MAIL sent. Each has a place of its own: it is handed on,
    /// and the next one takes the place that is warm.
    running: VecDeque<Box<Running>>,
    started: usize,
    /// Answered to their end by replies that are not known to be in step (`step`).
    held: VecDeque<Box<Running>>,
    /// The session ends with the input at hand, by this 421.
    parting: Option<Reply>,
    /// Cannot be said to this server, to be told of.
    unsendable: Vec<(Running, Option<Obstacle>)>,
    /// Something is to be told of that the peer has no part in: there, or in a running transaction.
    unsaid: bool,
    window: Window,
    /// Octets of content of the started transactions.
    octets: usize,
    /// Octets of content of all transactions under way.
    octets_held: usize,
    /// Transactions that may still begin.
    left: u32,
    recipients_max: usize,
    /// A 354 came that no recipient wants.
    lone_dot: bool,
    /// The server may hold the state of a transaction that had no content.
    unclean: bool,
    /// So many of the started transactions were sent behind one that failed (chunked mode): a 503 to these is about the
    /// sequence, not about them.
    suspects: usize,
    quit: bool,
    /// So many refusals have come.
    refusals: u32,
    /// Some recipient was refused for itself.
    judges: bool,
    /// The peer said that it takes no more in this session: that it then hangs up is no news.
    full: bool,
    /// MAIL commands that were accepted.
    mails_accepted: u32,
    /// A pipelined group was answered to its end, and a chunk was accepted.
    group_seen: bool,
    chunk_seen: bool,
    /// Some content was accepted in words that no other command is answered in here.
    contents_worded: bool,
    /// Its owner has more for it, or for the sessions beside it.
    more_comes: bool,
    /// BDAT was answered, whatever it was.
    chunk_known: bool,
    /// RSET was accepted.
    reset_seen: bool,
    /// RSET is to be said to know whether the replies are in step; it was, and its answer is awaited.
    asks: bool,
    asked: bool,
    /// 421 came while whole transactions were on their way; since then not another reply did.
    shutting: bool,
    shut_silent: bool,
    /// The content that was being sent was refused ahead of its end (`early`): if the peer hangs up now.
    refused_early: bool,
    tls: bool,
    /// EHLO was answered with 500 or 502.
    ehlo_unknown: bool,
    exchange: Option<Box<Exchange>>,
    /// The end to report once the session has been wound up.
    closing: Option<End>,
    /// When the head of the ledger began to be awaited.
    since: Instant,
    /// When the last reply came.
    answered_at: Instant,
    /// When content last moved: given out, or drained.
    progress: Instant,
    drained: bool,
    /// Octets given out, and how many of these, the last ones, the peer has provably not seen.
    given: u64,
    unsent: u64,
    /// Of these, so many the peer had not got when it said what is being read.
    unheard: u64,
    counters: Counters,
}

impl Session {
    /// A session on a connection that stands; the greeting is awaited from `now`. `known`: what earlier sessions with the
    /// host taught.
    #[must_use]
    pub fn new(config: Arc<Config>, known: Known, now: Instant) -> Self {
        let mut ledger = Ledger::default();
        ledger.push(Expected::Greeting, 1);
        let tls = config.starttls == Starttls::Implicit;
        let mut core = Core {
            window: Window::new(config.window_transactions_max, known.chunking_works && !known.chunking_broken),
            left: config.transactions_max.max(1),
            config,
            known,
            state: State::Greeting,
            capabilities: Capabilities::default(),
            mode: Mode::Lockstep,
            ledger,
            running: VecDeque::new(),
            started: 0,
            held: VecDeque::new(),
            parting: None,
            unsendable: Vec::new(),
            unsaid: false,
            octets: 0,
            octets_held: 0,
            recipients_max: RECIPIENTS_MAX,
            lone_dot: false,
            unclean: false,
            suspects: 0,
            quit: false,
            refusals: 0,
            judges: false,
            full: false,
            mails_accepted: 0,
            group_seen: false,
            chunk_seen: false,
            contents_worded: false,
            more_comes: false,
            chunk_known: false,
            reset_seen: false,
            asks: false,
            asked: false,
            shutting: false,
            shut_silent: false,
            refused_early: false,
            tls,
            ehlo_unknown: false,
            exchange: None,
            closing: None,
            since: now,
            answered_at: now,
            progress: now,
            drained: true,
            given: 0,
            unsent: 0,
            unheard: 0,
            counters: Counters::default(),
        };
        // PIPECONNECT: a host that offered it last time lets EHLO leave before the greeting.
        let hello = core.hello_state();
        if known.early.is_some() && matches!(hello, State::Ehlo { .. }) {
            core.state = hello;
        }
        Self { reader: Reader::new(), core }
    }

    /// Octets came from the peer (after TLS: plain text).
    pub fn handle_input(&mut self, now: Instant, input: &[u8], on: &mut dyn FnMut(Event<'_>)) {
        self.hear(now, input, on);
        (self.core.unsent, self.core.unheard) = (0, 0);
    }

    fn hear(&mut self, now: Instant, input: &[u8], on: &mut dyn FnMut(Event<'_>)) {
        let Self { reader, core } = self;
        core.say_unsendable(on);
        let mut input = input;
        while !matches!(core.state, State::Handshake | State::Ended) {
            match reader.next(&mut input) {
                Ok(Some(reply)) => core.reply(now, reply, on),
                Ok(None) => return core.end_of_input(on),
                Err(malformed) => core.protocol(malformed.rule(), core.phase(), on),
            }
        }
        // RFC 3207 §6: what came in clear text behind the reply to STARTTLS is not to be trusted.
        reader.clear();
    }

    /// The connection ended.
    pub fn handle_closed(&mut self, now: Instant, on: &mut dyn FnMut(Event<'_>)) {
        self.core.say_unsendable(on);
        self.core.lost(now, on);
    }

    /// The deadline may have passed.
    pub fn handle_deadline(&mut self, now: Instant, on: &mut dyn FnMut(Event<'_>)) {
        self.core.say_unsendable(on);
        if self.core.deadline().is_some_and(|at| at <= now) {
            self.core.timeout(on);
        }
        self.core.unsent = 0;
    }

    /// Everything that [`Session::poll_transmit`] gave has been handed to the kernel (moves the content timeout).
    pub fn handle_drained(&mut self, now: Instant) {
        let core = &mut self.core;
        core.progress = now;
        if !core.drained && matches!(core.ledger.head(), Some(Expected::Content | Expected::Chunk)) {
            core.since = now;
        }
        core.drained = true;
    }

    /// Of what [`Session::poll_transmit`] gave, the last `octets` have not left, and will not should the
    /// session end now: call ahead of a handler that may end it. Contents that end among them leave nobody uncertain.
    pub fn handle_unsent(&mut self, octets: u64) {
        self.core.unsent = octets;
    }

    /// Of what [`Session::poll_transmit`] gave, the last `octets` had not reached the peer's machine when what comes next had left
    /// it: call ahead of [`Session::handle_input`], while [`Session::awaits_verdict`]. Less may be told, never more. A content that
    /// ends among them is not what a 2yz in there accepts.
    pub fn handle_unheard(&mut self, octets: u64) {
        self.core.unheard = octets;
    }

    /// Whether the next reply may be about a content that was given out whole, and `input`, as far as it can be seen, does not
    /// show by itself that all of the content was read.
    #[must_use]
    pub fn awaits_verdict(&self, input: &[u8]) -> bool {
        self.core.running.front().is_some_and(|front| front.is_handed_out()) && !self.core.shows_content_read(input)
    }

    /// Octets that [`Session::poll_transmit`] has given so far.
    #[must_use]
    pub fn octets_given(&self) -> u64 {
        self.core.given
    }

    /// The TLS handshake is done: EHLO is said again.
    pub fn handle_tls(&mut self, now: Instant) {
        if self.core.state == State::Handshake {
            self.core.tls = true;
            // RFC 3207 §4.2: what was learnt before the handshake is forgotten.
            self.core.capabilities = Capabilities::default();
            self.core.state = State::Ehlo { due: true };
            self.core.since = now;
        }
    }

    /// How many more transactions the session would take now: 0 before it is ready, when it is full, or at its end.
    ///
    /// A session holds more than it has sent, so that the next flight never waits for its owner: in lockstep 2 (one
    /// running, one ahead), overlapped 4 (one whose content awaits its reply, one whose DATA does, two ahead), chunked
    /// twice the window, ahead of which at most `window_bytes_max` octets of content wait.
    #[must_use]
    pub fn room(&self) -> usize {
        self.core.room()
    }

    /// How many recipients a transaction may have here: RCPTMAX, or fewer as learnt from 452; at most [`GROUP_MAX`] with
    /// PIPELINING and DATA; at least 1.
    #[must_use]
    pub fn recipients_max(&self) -> usize {
        self.core.recipients_max
    }

    /// How many different domains the recipients of a transaction may have here (RCPTDOMAINMAX).
    #[must_use]
    pub fn recipient_domains_max(&self) -> usize {
        self.core.capabilities.limits.rcpt_domain_max.map_or(usize::MAX, |n| n as usize)
    }

    /// The largest content that the server takes, in octets, if it said so. A larger one is refused by the session
    /// itself (552 5.3.4).
    #[must_use]
    pub fn content_max(&self) -> Option<u64> {
        match self.core.capabilities.size {
            Size::Max(max) => Some(max),
            Size::Absent | Size::Unlimited => None,
        }
    }

    /// Takes a transaction; call only while [`Session::room`] is not 0.
    ///
    /// Recipients that this server cannot be asked for are refused by a reply of our own; it comes with the next
    /// `handle_*`, for which [`Session::deadline`] is then due at once.
    ///
    /// # Errors
    /// Gives the transaction back: there is no room, it has no recipient, or more of them, or of their domains, than
    /// [`Session::recipients_max`] and [`Session::recipient_domains_max`] allow.
    pub fn begin(&mut self, transaction: Transaction) -> Result<(), Transaction> {
        self.core.begin(transaction)
    }

    /// Of what was begun, that of which no word was said yet comes back untried: its owner has second thoughts.
    pub fn take_back(&mut self, on: &mut dyn FnMut(Event<'_>)) {
        let core = &mut self.core;
        core.say_unsendable(on);
        // They do not count among those that the session takes.
        core.left = core.left.saturating_add(core.running.len().saturating_sub(core.started) as u32);
        core.return_unstarted(None, on);
    }

    /// Whether its owner has more work, which it may come to: what is held then waits for that for a while.
    pub fn expect_more(&mut self, more: bool) {
        self.core.more_comes = more;
    }

    /// No more transactions: QUIT as soon as those under way are answered.
    pub fn quit(&mut self) {
        self.core.quit = true;
    }

    /// Appends what is to be sent now; stops when `out` holds [`OUT_MAX`] octets or more.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Out) {
        self.core.transmit(now, out);
    }

    /// When [`Session::handle_deadline`] is due. None while idle.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }

    /// Whether replies are outstanding (the owner then asks for quick acknowledgements).
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        !self.core.ledger.is_empty()
    }

    /// Transactions begun and not finished.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.core.running.len() + self.core.unsendable.len() + self.core.held.len()
    }

    /// What the session waits for.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.core.phase()
    }

    /// Since when the session waits for the peer's next word on what is under way, or for the peer to take more of a content.
    #[must_use]
    pub fn waits_since(&self) -> Option<Instant> {
        (self.under_way() > 0 && self.phase() != Phase::Idle).then(|| self.core.waits_since(self.phase()))
    }

    /// How transactions leave; lockstep until the session is ready.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.core.mode
    }

    /// What the server offers.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.core.capabilities
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.core.counters
    }

    /// Chunked mode: how many transactions may be unanswered now.
    #[must_use]
    pub fn window(&self) -> usize {
        self.core.window.size()
    }

    /// Whether [`Event::Ended`] has come.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.core.state == State::Ended
    }
}

impl Core {
    fn phase(&self) -> Phase {
        if let Some(expected) = self.ledger.head() {
            return self.phase_of(expected);
        }
        match self.state {
            State::Greeting => Phase::Greeting,
            State::Ehlo { .. } | State::Helo { .. } => Phase::Hello,
            State::StartTls { .. } | State::Handshake => Phase::StartTls,
            State::Auth { .. } => Phase::Auth,
            State::Quit { .. } => Phase::Quit,
            State::Ended => Phase::Idle,
            State::Ready if self.started == 0 => Phase::Idle,
            State::Ready => match self.running.front().map(|r| r.stage) {
                None => Phase::Idle,
                Some(Stage::Mail) => Phase::Mail,
                Some(Stage::Rcpt) => Phase::Rcpt,
                Some(Stage::Data | Stage::GoAhead) => Phase::Data,
                Some(Stage::Content) => Phase::Content,
                Some(Stage::End) => Phase::End,
            },
        }
    }

    fn phase_of(&self, expected: Expected) -> Phase {
        match expected {
            Expected::Greeting => Phase::Greeting,
            Expected::Ehlo | Expected::Helo => Phase::Hello,
            Expected::StartTls => Phase::StartTls,
            Expected::Auth => Phase::Auth,
            Expected::Reset | Expected::Mail => Phase::Mail,
            Expected::Rcpt => Phase::Rcpt,
            Expected::Data => Phase::Data,
            Expected::Content | Expected::Chunk if self.drained => Phase::End,
            Expected::Content | Expected::Chunk => Phase::Content,
            Expected::LoneDot => Phase::End,
            Expected::Quit => Phase::Quit,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.state == State::Ended {
            return None;
        }
        if self.unsaid {
            return Some(Instant::default());
        }
        if self.is_settling() {
            return Some(self.since.after(self.patience()));
        }
        let phase = if self.shutting { Phase::Quit } else { self.phase() };
        self.config.timeouts.of(phase).map(|span| self.waits_since(phase).after(span))
    }

    fn waits_since(&self, phase: Phase) -> Instant {
        if phase == Phase::Content { self.progress.max(self.since) } else { self.since }
    }
}
