//! What goes into a session and what it has to say.

use crate::mail::{Content, Envelope, Reply, ReplyRef};
use crate::smtp::client::Marks;
use crate::smtp::client::{Lesson, Options};
use std::sync::Arc;

/// One transaction to run: an envelope and its content.
#[derive(Debug)]
pub struct Transaction {
    /// The owner's name for it; comes back in each event.
    pub key: u64,
    /// Reverse-path and recipients.
    pub envelope: Envelope,
    /// Canonical content: CRLF line ends, ends with CRLF, lines of at most 998 octets, **no line begins with a dot**
    /// (so the same bytes serve DATA and BDAT).
    pub content: Content,
    /// Whether the content holds octets above 127 (needs 8BITMIME).
    pub eight_bit: bool,
    /// What it asks for beyond delivery.
    pub options: Option<Arc<Options>>,
}

/// Where a session stood when something went wrong: for messages to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS and the handshake.
    StartTls,
    /// AUTH. What is sent in this phase holds secrets: it may be shown to nobody.
    Auth,
    /// Between transactions.
    Idle,
    /// MAIL (and a RSET ahead of it).
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, up to the 354.
    Data,
    /// The content, before its last octet was sent.
    Content,
    /// After the last octet of the content, before its reply.
    End,
    /// QUIT.
    Quit,
}

impl Phase {
    /// The word for people and journals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Idle => "idle",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
            Self::End => "end of content",
            Self::Quit => "QUIT",
        }
    }
}

/// What became of one recipient in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Accepted: the reply to the content was 2yz.
    Accepted(ReplyRef<'a>),
    /// Refused by this reply, at this phase (`Mail`, `Rcpt`, `Data` or `End`). When the server could not have taken it
    /// (SIZE, 8BITMIME, SMTPUTF8) the reply is of our own making, at phase `Mail` or `Rcpt`, and nothing was sent.
    Refused(ReplyRef<'a>, Phase),
    /// The session broke while the server was being asked for it, and its content had not been sent whole: a deferral by a
    /// reply of our own making (451), at phase `Rcpt` or `Data`.
    Cut(ReplyRef<'a>, Phase),
    /// The content was sent whole and the session ended before its reply came.
    Uncertain,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// We said QUIT after a clean run, or the peer closed or said 421 while nothing was under way.
    Done,
    /// The peer refused the session with this reply: at the greeting, EHLO or HELO; 421 anywhere; 452, 503 or 530 to MAIL.
    /// (4yz or 5yz to STARTTLS is no end.)
    Refused(Reply, Phase),
    /// It took too long.
    Timeout(Phase),
    /// The connection was closed or broke.
    Lost(Phase),
    /// The peer broke the protocol: which rule (a fixed sentence).
    Protocol(&'static str, Phase),
    /// TLS is required, or the login needs it, and it cannot be had: why (a fixed sentence).
    NoTls(&'static str),
    /// The server refused our credentials with this reply, or one of our own making says why AUTH came to no end.
    Unauthenticated(Reply),
    /// Our credentials were not said at all: why, as a reply of our own making (538, 504).
    LoginWithheld(Reply),
}

/// What a session has to say, in order.
#[derive(Debug)]
pub enum Event<'a> {
    /// The greeting and EHLO are done (with STARTTLS: the second EHLO): transactions may begin. Comes once.
    Ready,
    /// The peer agreed to STARTTLS: run a TLS handshake on the connection, then call
    /// [`Session::handle_tls`](super::Session::handle_tls). Input that came in clear text behind the reply has been
    /// thrown away.
    StartTls,
    /// The session found out something that the next one with this host should know ([`Known::learn`](super::Known::learn)).
    Learnt(Lesson),
    /// Recipient `index` of transaction `key` has its verdict. Each recipient gets exactly one of this and
    /// [`Event::Returned`].
    Recipient {
        /// The transaction.
        key: u64,
        /// The recipient's place in the envelope.
        index: usize,
        /// What became of it.
        verdict: Verdict<'a>,
        /// Its forward-path.
        path: &'a [u8],
        /// How far the transaction had come, and when.
        marks: Marks,
        /// The server has taken somebody at RCPT in this transaction.
        takes: bool,
    },
    /// All recipients of the transaction have had their verdict or were returned.
    Finished {
        /// The transaction.
        key: u64,
    },
    /// Those recipients of the transaction that are named were not attempted (the session closed while idle, 421, 452 at
    /// MAIL, 452 "too many recipients" for the rest of a batch): it counts as no attempt, and they are to be run again,
    /// on another session or later on this one.
    Returned {
        /// The transaction.
        key: u64,
        /// Indices of the recipients that come back; no other event follows for these. When they are all that were left,
        /// [`Event::Finished`] still follows. Several such events may come for one transaction.
        recipients: &'a [usize],
        /// What the peer said, if it said something.
        reply: Option<ReplyRef<'a>>,
    },
    /// The session is over: close the connection. The last event.
    Ended(End),
}

/// Where a session's events go.
pub type Sink<'s> = dyn FnMut(Event<'_>) + 's;
