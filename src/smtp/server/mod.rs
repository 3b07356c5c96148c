//! The server session: one SMTP connection as the receiving side sees it (RFC 5321, 1870, 2034, 2920, 3030, 3207, 3461,
//! 4954, 6152, 6531, 8689).
//!
//! Sans-IO: octets go in through [`Session::handle_input`], replies come out in an [`Out`]; what is decided and what
//! becomes of content is the [`Receiver`]'s. Content is handed on by reference, never copied.
//!
//! Guarantees: no input makes it panic or grow (a command line is at most [`LINE_MAX`] octets, a transaction has at
//! most `recipients_max` recipients); a session that only sends junk ends after [`JUNK_MAX`] commands; replies come in
//! the order of the commands, however these are split or joined.
//! Leaves to others: TLS, timeouts, bounding the replies that a peer does not take.

mod content;
mod login;
mod parameters;
#[cfg(test)]
mod tests;

use crate::base::out::Out;
use content::Content;
pub use login::Login;
use memchr::memchr;
use std::sync::Arc;

/// The longest command line: RFC 5321 §4.5.3.1.4 says 512, extensions and long UTF-8 paths add to it.
pub const LINE_MAX: usize = 2048;

/// After so many commands that are none, the session ends.
pub const JUNK_MAX: u32 = 20;

/// What a server offers.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name in the greeting.
    pub hostname: Box<str>,
    /// Offer CHUNKING (RFC 3030).
    pub chunking: bool,
    /// Offer PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// The largest message, in octets (SIZE, RFC 1870).
    pub size_max: u64,
    /// The most recipients of a transaction; more get 452.
    pub recipients_max: usize,
    /// Undo dot-stuffing in what [`Receiver::bytes`] sees; else it sees content as it came.
    pub unstuff: bool,
    /// Offer STARTTLS (RFC 3207); the owner runs the handshake.
    pub starttls: bool,
    /// Offer AUTH (RFC 4954), and take mail from this user only.
    pub login: Option<Login>,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the usual reply.
    Accept,
    /// No, with this 4yz or 5yz reply: code, enhanced code and text, no line end. A 421 also ends the session.
    Refuse(&'static str),
    /// Close the connection without a word.
    Close,
}

/// Decides, and takes the content. Every method but [`Receiver::bytes`] accepts unless it is written otherwise.
pub trait Receiver {
    /// A session begins: whether to greet it.
    fn greet(&mut self) -> Answer {
        Answer::Accept
    }
    /// EHLO or HELO, with the name that the client gives itself.
    fn hello(&mut self, _name: &[u8]) -> Answer {
        Answer::Accept
    }
    /// MAIL, with the reverse-path (empty: null).
    fn mail(&mut self, _reverse_path: &[u8]) -> Answer {
        Answer::Accept
    }
    /// RCPT, with the forward-path.
    fn rcpt(&mut self, _forward_path: &[u8]) -> Answer {
        Answer::Accept
    }
    /// DATA, or the first BDAT of a transaction: content follows if it is accepted.
    fn begin(&mut self) -> Answer {
        Answer::Accept
    }
    /// A run of content; together they are the message.
    fn bytes(&mut self, content: &[u8]);
    /// The content is whole: whether the message is accepted.
    fn end(&mut self) -> Answer {
        Answer::Accept
    }
    /// The transaction is over or given up; what was kept of it may go. After [`Receiver::end`] too.
    fn reset(&mut self) {}
}

/// What the next octets are.
#[derive(Debug)]
enum Expect {
    Command,
    /// The rest of a command line that is too long.
    LineEnd,
    /// Content after DATA; the octets so far.
    Content(Content, u64),
    /// So many octets of a chunk.
    Chunk {
        left: u64,
        last: bool,
        /// Accepted: its octets are content. Else they are thrown away and this is the reply.
        refusal: Option<&'static str>,
    },
    /// Nothing: the owner runs the TLS handshake.
    Handshake,
    /// Nothing: the session is over.
    End,
}

/// How far the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    None,
    Mail,
    /// Some chunks have come, so many octets.
    Chunks(u64),
    /// A chunk failed: what is left of the content is refused until its last chunk, or RSET.
    Failed,
}

const OK: &str = "250 2.0.0 Ok";
const SEQUENCE: &str = "503 5.5.1 Bad sequence of commands";
const NO_RECIPIENT: &str = "554 5.5.1 No valid recipients";
const TOO_BIG: &str = "552 5.3.4 Message too big";
const SYNTAX: &str = "501 5.5.4 Syntax error in parameters";

/// A server session.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    expect: Expect,
    stage: Stage,
    greeted: bool,
    tls: bool,
    logged_in: bool,
    /// The next line is a response to AUTH.
    login_step: Option<login::Step>,
    recipients: usize,
    junk: u32,
    /// The beginning of a command line whose end has not come.
    line: Vec<u8>,
}

impl Session {
    /// A session on a connection that was just accepted; the greeting is in `out`.
    pub fn new<R: Receiver>(config: Arc<Config>, receiver: &mut R, out: &mut Out) -> Self {
        let mut session = Self {
            config,
            expect: Expect::Command,
            stage: Stage::None,
            greeted: false,
            tls: false,
            logged_in: false,
            login_step: None,
            recipients: 0,
            junk: 0,
            line: Vec::new(),
        };
        match receiver.greet() {
            Answer::Accept => {
                out.append(b"220 ");
                out.append(session.config.hostname.as_bytes());
                reply(out, " ESMTP");
            }
            Answer::Refuse(text) => {
                reply(out, text);
                session.expect = Expect::End;
            }
            Answer::Close => session.expect = Expect::End,
        }
        session
    }

    /// Whether the session is over: send what is in `out`, then close.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.expect, Expect::End)
    }

    /// Whether STARTTLS was just accepted: send what is in `out`, then run a handshake. Input that stood behind the
    /// command was thrown away (RFC 3207 §4).
    #[must_use]
    pub fn wants_handshake(&self) -> bool {
        matches!(self.expect, Expect::Handshake)
    }

    /// The handshake is done: the client begins anew (RFC 3207 §4.2).
    pub fn handle_tls(&mut self) {
        if self.wants_handshake() {
            (self.expect, self.tls, self.greeted, self.logged_in) = (Expect::Command, true, false, false);
        }
    }

    /// Octets came (inside TLS: plain text).
    pub fn handle_input<R: Receiver>(&mut self, mut input: &[u8], receiver: &mut R, out: &mut Out) {
        while !input.is_empty() {
            let used = match &mut self.expect {
                Expect::Command => self.command_line(input, receiver, out),
                Expect::LineEnd => self.line_end(input, out),
                Expect::Content(content, size) => {
                    let (used, ended) = content.feed(input, &mut |octets| receiver.bytes(octets));
                    *size += used as u64;
                    if ended {
                        let too_big = *size > self.config.size_max;
                        self.finish(too_big.then_some(TOO_BIG), receiver, out);
                    }
                    used
                }
                Expect::Chunk { left, refusal, .. } => {
                    let used = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    *left -= used as u64;
                    let ended = *left == 0;
                    if refusal.is_none() {
                        receiver.bytes(&input[..used]);
                    }
                    if ended {
                        self.chunk_end(receiver, out);
                    }
                    used
                }
                Expect::Handshake | Expect::End => return,
            };
            input = input.get(used..).unwrap_or_default();
        }
    }

    /// The connection is gone.
    pub fn handle_closed<R: Receiver>(&mut self, receiver: &mut R) {
        self.expect = Expect::End;
        self.reset(receiver);
    }

    fn command_line<R: Receiver>(&mut self, input: &[u8], receiver: &mut R, out: &mut Out) -> usize {
        let Some(end) = memchr(b'\n', input) else {
            if self.line.len() + input.len() > LINE_MAX {
                self.line = Vec::new();
                self.expect = Expect::LineEnd;
            } else {
                self.line.extend_from_slice(input);
            }
            return input.len();
        };
        if self.line.len() + end > LINE_MAX {
            self.line = Vec::new();
            self.junk(out, "500 5.5.2 Line too long");
        } else if self.line.is_empty() {
            self.command(&input[..end], receiver, out);
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&input[..end]);
            self.command(&line, receiver, out);
            line.clear();
            self.line = line;
        }
        end + 1
    }

    fn line_end(&mut self, input: &[u8], out: &mut Out) -> usize {
        let Some(end) = memchr(b'\n', input) else { return input.len() };
        self.expect = Expect::Command;
        self.junk(out, "500 5.5.2 Line too long");
        end + 1
    }

    fn junk(&mut self, out: &mut Out, text: &str) {
        self.junk += 1;
        if self.junk > JUNK_MAX {
            reply(out, "421 4.7.0 Too many errors");
            self.expect = Expect::End;
        } else {
            reply(out, text);
        }
    }

    fn command<R: Receiver>(&mut self, line: &[u8], receiver: &mut R, out: &mut Out) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let (Some(step), Some(login)) = (self.login_step.take(), &self.config.login) {
            let next = login::respond(login, step, line);
            return self.after_auth(next, out);
        }
        let (verb, rest) = line.split_at(line.iter().position(|&b| b == b' ').unwrap_or(line.len()));
        let rest = rest.trim_ascii();
        let mut word = [0; 4];
        let known_length = verb.len() == 4 || verb.eq_ignore_ascii_case(b"STARTTLS");
        if let (true, Some(upper), Some(head)) = (known_length, word.get_mut(..4), verb.get(..4)) {
            upper.copy_from_slice(head);
            upper.make_ascii_uppercase();
        }
        match &word {
            b"MAIL" => self.mail(rest, receiver, out),
            b"RCPT" => self.rcpt(rest, receiver, out),
            b"BDAT" => self.bdat(rest, receiver, out),
            b"DATA" => self.data(rest, receiver, out),
            b"EHLO" | b"HELO" if rest.is_empty() => reply(out, SYNTAX),
            b"EHLO" | b"HELO" => match receiver.hello(rest) {
                Answer::Accept if word == *b"EHLO" => self.ehlo(receiver, out),
                Answer::Accept => self.helo(receiver, out),
                refusal => self.answer(refusal, "", out),
            },
            b"RSET" => {
                self.reset(receiver);
                reply(out, OK);
            }
            b"STAR" if verb.eq_ignore_ascii_case(b"STARTTLS") => self.starttls(rest, receiver, out),
            b"AUTH" => self.auth(rest, out),
            b"NOOP" => reply(out, OK),
            b"VRFY" => reply(out, "252 2.0.0 Cannot VRFY user, but will accept message"),
            b"QUIT" => {
                self.reset(receiver);
                reply(out, "221 2.0.0 Bye");
                self.expect = Expect::End;
            }
            _ => self.junk(out, "500 5.5.2 Command not recognized"),
        }
    }

    fn helo<R: Receiver>(&mut self, receiver: &mut R, out: &mut Out) {
        self.reset(receiver);
        self.greeted = true;
        out.append(b"250 ");
        out.append(self.config.hostname.as_bytes());
        reply(out, "");
    }

    fn ehlo<R: Receiver>(&mut self, receiver: &mut R, out: &mut Out) {
        self.reset(receiver);
        self.greeted = true;
        out.append(b"250-");
        out.append(self.config.hostname.as_bytes());
        out.append(b"\r\n");
        if self.config.pipelining {
            out.append(b"250-PIPELINING\r\n");
        }
        if self.config.chunking {
            out.append(b"250-CHUNKING\r\n");
        }
        if self.config.starttls && !self.tls {
            out.append(b"250-STARTTLS\r\n");
        }
        out.append(format!("250-SIZE {}\r\n", self.config.size_max).as_bytes());
        if self.config.login.is_some() {
            out.append(b"250-AUTH PLAIN LOGIN\r\n");
        }
        if self.tls {
            out.append(b"250-REQUIRETLS\r\n");
        }
        out.append(b"250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n");
        reply(out, "250 ENHANCEDSTATUSCODES");
    }

    fn starttls<R: Receiver>(&mut self, rest: &[u8], receiver: &mut R, out: &mut Out) {
        if !self.config.starttls || self.tls {
            return self.junk(out, "502 5.5.1 STARTTLS not offered");
        }
        if !rest.is_empty() {
            return reply(out, SYNTAX);
        }
        self.reset(receiver);
        reply(out, "220 2.0.0 Ready to start TLS");
        self.expect = Expect::Handshake;
    }

    fn auth(&mut self, rest: &[u8], out: &mut Out) {
        let Some(login) = &self.config.login else { return self.junk(out, "502 5.5.1 AUTH not offered") };
        if !self.greeted || self.logged_in || self.stage != Stage::None {
            return reply(out, SEQUENCE);
        }
        let next = login::begin(login, rest);
        self.after_auth(next, out);
    }

    fn after_auth(&mut self, next: login::Next, out: &mut Out) {
        match next {
            login::Next::Ask(challenge, step) => {
                self.login_step = Some(step);
                reply(out, challenge);
            }
            login::Next::Welcome => {
                self.logged_in = true;
                reply(out, "235 2.7.0 Authentication successful");
            }
            login::Next::Refuse(text) => self.junk(out, text),
        }
    }

    fn mail<R: Receiver>(&mut self, rest: &[u8], receiver: &mut R, out: &mut Out) {
        if !self.greeted || self.stage != Stage::None {
            return reply(out, SEQUENCE);
        }
        let Some((path, parameters)) = path(rest, b"FROM:") else { return reply(out, SYNTAX) };
        if self.config.login.is_some() && !self.logged_in {
            return reply(out, "530 5.7.0 Authentication required");
        }
        if let Err(refusal) = parameters::mail(parameters, &self.config, self.tls) {
            return reply(out, refusal);
        }
        let answer = receiver.mail(path);
        if answer == Answer::Accept {
            self.stage = Stage::Mail;
        }
        self.answer(answer, "250 2.1.0 Ok", out);
    }

    fn rcpt<R: Receiver>(&mut self, rest: &[u8], receiver: &mut R, out: &mut Out) {
        if self.stage != Stage::Mail {
            return reply(out, SEQUENCE);
        }
        let Some((path, parameters)) = path(rest, b"TO:") else { return reply(out, SYNTAX) };
        if path.is_empty() {
            return reply(out, "501 5.1.3 Bad recipient address");
        }
        if let Err(refusal) = parameters::rcpt(parameters) {
            return reply(out, refusal);
        }
        if self.recipients >= self.config.recipients_max {
            return reply(out, "452 4.5.3 Too many recipients");
        }
        let answer = receiver.rcpt(path);
        self.recipients += usize::from(answer == Answer::Accept);
        self.answer(answer, "250 2.1.5 Ok", out);
    }

    fn data<R: Receiver>(&mut self, rest: &[u8], receiver: &mut R, out: &mut Out) {
        if !rest.is_empty() {
            return reply(out, SYNTAX);
        }
        // RFC 3030 §2: DATA and BDAT do not mix in one transaction.
        if self.stage != Stage::Mail {
            return reply(out, SEQUENCE);
        }
        if self.recipients == 0 {
            return reply(out, NO_RECIPIENT);
        }
        let answer = receiver.begin();
        if answer == Answer::Accept {
            self.expect = Expect::Content(Content::new(self.config.unstuff), 0);
        }
        self.answer(answer, "354 End data with <CR><LF>.<CR><LF>", out);
    }

    fn bdat<R: Receiver>(&mut self, rest: &[u8], receiver: &mut R, out: &mut Out) {
        let (size, last) = rest.split_at(memchr(b' ', rest).unwrap_or(rest.len()));
        let last = last.trim_ascii();
        let Some(size) = number(size).filter(|_| last.is_empty() || last.eq_ignore_ascii_case(b"LAST")) else {
            // Without a length there is no telling chunk from command: nothing that follows can be trusted.
            reply(out, SYNTAX);
            self.expect = Expect::End;
            return;
        };
        let refusal = match self.stage {
            _ if !self.config.chunking => Some("502 5.5.1 BDAT not offered"),
            Stage::None | Stage::Failed => Some(SEQUENCE),
            Stage::Mail if self.recipients == 0 => Some(NO_RECIPIENT),
            Stage::Chunks(octets) if octets.saturating_add(size) > self.config.size_max => Some(TOO_BIG),
            Stage::Mail if size > self.config.size_max => Some(TOO_BIG),
            Stage::Mail => match receiver.begin() {
                Answer::Accept => None,
                Answer::Refuse(text) => Some(text),
                Answer::Close => return self.expect = Expect::End,
            },
            Stage::Chunks(_) => None,
        };
        if refusal.is_none() {
            let before = if let Stage::Chunks(octets) = self.stage { octets } else { 0 };
            self.stage = Stage::Chunks(before + size);
        }
        self.expect = Expect::Chunk { left: size, last: !last.is_empty(), refusal };
        if size == 0 {
            self.chunk_end(receiver, out);
        }
    }

    /// A chunk has come whole. RFC 3030 §2: each is answered; one that is refused is taken and thrown away, and so are
    /// those of the same content that follow it.
    fn chunk_end<R: Receiver>(&mut self, receiver: &mut R, out: &mut Out) {
        let Expect::Chunk { last, refusal, .. } = std::mem::replace(&mut self.expect, Expect::Command) else { return };
        match (refusal, last) {
            (refusal, true) if refusal.is_none() || self.stage != Stage::None => self.finish(refusal, receiver, out),
            (Some(text), last) => {
                self.answer(Answer::Refuse(text), "", out);
                if !last && self.stage != Stage::None {
                    self.stage = Stage::Failed;
                }
            }
            (None, _) => reply(out, OK),
        }
    }

    /// The content is whole, or its last octet was refused: the transaction is over.
    fn finish<R: Receiver>(&mut self, refusal: Option<&'static str>, receiver: &mut R, out: &mut Out) {
        self.expect = Expect::Command;
        let answer = match refusal {
            Some(text) => Answer::Refuse(text),
            None => receiver.end(),
        };
        self.answer(answer, "250 2.0.0 Ok: taken", out);
        self.reset(receiver);
    }

    fn answer(&mut self, answer: Answer, accepted: &str, out: &mut Out) {
        match answer {
            Answer::Accept => reply(out, accepted),
            Answer::Refuse(text) => {
                reply(out, text);
                if text.starts_with("421") {
                    self.expect = Expect::End;
                }
            }
            Answer::Close => self.expect = Expect::End,
        }
    }

    fn reset<R: Receiver>(&mut self, receiver: &mut R) {
        if self.stage != Stage::None {
            receiver.reset();
        }
        (self.stage, self.recipients) = (Stage::None, 0);
    }
}

fn reply(out: &mut Out, text: &str) {
    out.append(text.as_bytes());
    out.append(b"\r\n");
}

/// The path in `FROM:<path> parameters`, and the parameters.
fn path<'a>(rest: &'a [u8], keyword: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (head, rest) = rest.split_at_checked(keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_ascii_start().strip_prefix(b"<")?;
    let mut quoted = false;
    let mut escaped = false;
    let end = rest.iter().position(|&b| {
        let closes = b == b'>' && !quoted;
        quoted ^= b == b'"' && !escaped;
        escaped = b == b'\\' && quoted && !escaped;
        closes
    })?;
    let (path, parameters) = (&rest[..end], &rest[end + 1..]);
    let clean = path.iter().all(|&b| b >= b' ' && b != 0x7f);
    let apart = parameters.is_empty() || parameters.starts_with(b" ");
    (clean && apart).then(|| (path, parameters.trim_ascii()))
}

/// A decimal number of at most 19 digits.
fn number(text: &[u8]) -> Option<u64> {
    if !(1..=19).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}
