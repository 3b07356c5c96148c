//! The scripted peer: octets in, actions out. No IO and no clock, so that the same peer stands behind the simulated
//! network and behind real sockets.
//!
//! Guarantees: what it says leaves in order, each reply one round trip after its command, so that a command which comes
//! earlier than the reply before it is known to be pipelined; it notes every command and every message that it took.

use crate::script::{Act, On, Play, Wait};
use memchr::memmem;
use posthaste::base::clock::Instant;
use posthaste::base::out::Out;
use posthaste::tls::{Server, ServerConfig};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How what a peer says is cut, in each session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As it is said.
    Whole,
    /// In two at this octet of the session.
    At(usize),
    /// Octet by octet.
    Octets,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From a command to its reply.
    pub reply: Duration,
    /// Between two pieces of what is cut.
    pub gap: Duration,
    pub moment: Duration,
    pub long: Duration,
}

/// What a peer does to its connection.
#[derive(Debug)]
pub enum Outward {
    Octets(Vec<u8>),
    Fin,
    Reset,
    StopReading,
    ReadSlowly,
}

enum Item {
    Say {
        octets: Vec<u8>,
        secure: bool,
    },
    /// What TLS itself has to say: no reply.
    Sealed(Vec<u8>),
    Endless {
        pattern: Vec<u8>,
        secure: bool,
    },
    Do(Outward),
}

/// A message that a peer took: it said 2yz to the content.
#[derive(Clone, Debug)]
pub struct Taken {
    pub rows: Vec<u32>,
    pub content: Vec<u8>,
}

/// What a session was like, as its peer saw it.
#[derive(Clone, Debug, Default)]
pub struct SessionLog {
    /// The commands, by their verbs: `+` before one that was pipelined, `.` for a content's end.
    pub heard: Vec<String>,
    pub taken: Vec<Taken>,
    /// Lines that were no commands.
    pub unknown: Vec<String>,
    /// Octets that the peer said.
    pub said: usize,
    /// What a client must not do, if it did.
    pub wrong: Vec<String>,
}

enum Mode {
    Lines,
    Content,
    Chunk {
        left: usize,
        last: bool,
    },
    /// The client should begin TLS; the peer may have other plans.
    Handshake,
    Deaf,
}

pub struct Peer {
    play: Arc<Play>,
    cut: Cut,
    pace: Pace,
    mode: Mode,
    input: Vec<u8>,
    out: VecDeque<(Instant, Item)>,
    free_at: Instant,
    counts: HashMap<On, usize>,
    rows: Vec<u32>,
    /// The domains that RCPT was said for since MAIL.
    domains: Vec<String>,
    mail: bool,
    content: Vec<u8>,
    tls_config: Option<ServerConfig>,
    tls: Option<Server>,
    log: SessionLog,
}

impl Peer {
    /// A peer on a connection that stands.
    pub fn new(play: Arc<Play>, cut: Cut, pace: Pace, tls_config: Option<ServerConfig>, now: Instant) -> Self {
        let mut peer = Self {
            play,
            cut,
            pace,
            mode: Mode::Lines,
            input: Vec::new(),
            out: VecDeque::new(),
            free_at: now,
            counts: HashMap::new(),
            rows: Vec::new(),
            domains: Vec::new(),
            mail: false,
            content: Vec::new(),
            tls_config,
            tls: None,
            log: SessionLog::default(),
        };
        peer.fire(now, On::Connect, "220 mx.hostile.example ESMTP");
        peer
    }

    pub fn log(&self) -> &SessionLog {
        &self.log
    }

    /// When [`Peer::poll`] has something.
    pub fn due(&self) -> Option<Instant> {
        self.out.front().map(|(at, _)| *at)
    }

    /// The next thing to do, once it is due.
    pub fn poll(&mut self, now: Instant) -> Option<Outward> {
        let (at, _) = self.out.front()?;
        if *at > now {
            return None;
        }
        let (_, item) = self.out.pop_front()?;
        Some(match item {
            Item::Do(outward) => outward,
            Item::Sealed(octets) => Outward::Octets(octets),
            Item::Say { octets, secure } => Outward::Octets(self.sealed(octets, secure)),
            Item::Endless { pattern, secure } => {
                let octets = pattern.repeat(16_384_usize.div_ceil(pattern.len().max(1)));
                let again = now.after(Duration::from_millis(1));
                self.out.push_front((again, Item::Endless { pattern, secure }));
                Outward::Octets(self.sealed(octets, secure))
            }
        })
    }

    fn sealed(&mut self, octets: Vec<u8>, secure: bool) -> Vec<u8> {
        let Some(tls) = self.tls.as_mut().filter(|_| secure) else { return octets };
        let mut out = Out::new();
        tls.write(&octets, &mut out).unwrap();
        drained(&mut out)
    }

    /// Octets came from the client.
    pub fn hear(&mut self, now: Instant, octets: &[u8]) {
        match (&self.mode, &mut self.tls) {
            (Mode::Deaf, _) => {}
            (Mode::Handshake, _) => {
                self.mode = Mode::Deaf;
                self.fire(now, On::Handshake, "");
            }
            (_, None) => {
                self.input.extend_from_slice(octets);
                self.read(now);
            }
            (_, Some(tls)) => {
                let mut plain = Vec::new();
                // An alert is the client's right: its session ends with it.
                let _ = tls.read(octets, &mut plain);
                let mut out = Out::new();
                let _ = tls.write(&[], &mut out);
                if !out.is_empty() {
                    self.out.push_back((self.free_at.max(now), Item::Sealed(drained(&mut out))));
                }
                self.input.extend_from_slice(&plain);
                self.read(now);
            }
        }
    }

    fn read(&mut self, now: Instant) {
        loop {
            match self.mode {
                Mode::Lines => {
                    let Some(end) = memchr::memchr(b'\n', &self.input) else { return };
                    let line: Vec<u8> = self.input.drain(..=end).collect();
                    self.command(now, line.trim_ascii_end());
                }
                Mode::Content => {
                    if !self.read_content(now) {
                        return;
                    }
                }
                Mode::Chunk { left, last } => {
                    let take = left.min(self.input.len());
                    let before = self.content.len();
                    self.content.extend(self.input.drain(..take));
                    self.mode = Mode::Chunk { left: left - take, last };
                    if self.passed(now, before) || matches!(self.mode, Mode::Deaf) {
                        return;
                    }
                    if take < left {
                        return;
                    }
                    self.mode = Mode::Lines;
                    self.chunk_ended(now, last);
                }
                Mode::Handshake | Mode::Deaf => return self.input.clear(),
            }
        }
    }

    /// Whether the content is whole.
    fn read_content(&mut self, now: Instant) -> bool {
        let before = self.content.len();
        self.content.append(&mut self.input);
        let from = before.saturating_sub(4);
        let found = if self.content.starts_with(b".\r\n") {
            Some((0, 3))
        } else {
            let rest = self.content.get(from..).unwrap_or_default();
            memmem::find(rest, b"\r\n.\r\n").map(|at| (from + at + 2, from + at + 5))
        };
        if self.passed(now, before) || matches!(self.mode, Mode::Deaf) {
            return false;
        }
        let Some((end, behind)) = found else { return false };
        self.input = self.content.split_off(behind);
        self.content.truncate(end);
        self.mode = Mode::Lines;
        self.note(".", false);
        let honest = if self.rows.is_empty() { "554 5.5.1 no valid recipients" } else { "250 2.0.0 taken" };
        let digit = self.fire(now, On::Dot, honest);
        self.end_of_message(digit);
        true
    }

    /// A mark in the content was passed, and the peer reacts to it.
    fn passed(&mut self, now: Instant, before: usize) -> bool {
        let marks = self.play.rules.iter().filter_map(|r| match r.on {
            On::ContentAt(mark) => Some(mark),
            _ => None,
        });
        let Some(mark) = marks.filter(|mark| before < *mark && *mark <= self.content.len()).min() else {
            return false;
        };
        self.fire(now, On::ContentAt(mark), "");
        true
    }

    fn chunk_ended(&mut self, now: Instant, last: bool) {
        let honest = if self.rows.is_empty() { "503 5.5.1 no valid recipients" } else { "250 2.0.0 taken" };
        let digit = self.fire(now, On::Bdat, honest);
        if last {
            self.end_of_message(digit);
        }
    }

    fn end_of_message(&mut self, digit: Option<u8>) {
        let (rows, content) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.content));
        self.mail = false;
        if digit == Some(b'2') {
            self.log.taken.push(Taken { rows, content });
        }
    }

    fn note(&mut self, verb: &str, pipelined: bool) {
        self.log.heard.push(format!("{}{verb}", if pipelined { "+" } else { "" }));
    }

    fn command(&mut self, now: Instant, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        // The greeting is no reply to a command: EHLO may not overtake it either.
        let pipelined = self.out.iter().any(|(_, item)| !matches!(item, Item::Sealed(_)));
        let known = ["EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "NOOP"];
        if !known.contains(&verb.as_str()) {
            self.log.unknown.push(text);
            if self.log.unknown.len() < 50 {
                self.fire(now, On::Unknown, "500 5.5.2 what");
            }
            return;
        }
        self.note(&verb, pipelined);
        if pipelined && self.play.drops_pipelined {
            return;
        }
        if pipelined && self.play.acts(On::Pipelined, 0).is_some() {
            self.fire(now, On::Pipelined, "");
            return;
        }
        match verb.as_str() {
            "EHLO" => {
                let mut reply = "250-mx.hostile.example".to_owned();
                for offer in self.play.offers.clone() {
                    reply += &format!("\r\n250-{offer}");
                }
                self.fire(now, On::Ehlo, &(reply + "\r\n250 HELP"));
                (self.mail, self.rows) = (false, Vec::new());
            }
            "HELO" => drop(self.fire(now, On::Helo, "250 mx.hostile.example")),
            "STARTTLS" => self.start_tls(now),
            "MAIL" => {
                let honest = if self.mail { "503 5.5.1 one at a time" } else { "250 2.1.0 ok" };
                self.domains.clear();
                self.mail |= self.fire(now, On::Mail, honest) == Some(b'2');
            }
            "RCPT" => {
                let domain = text.split(['@', '>']).nth(1).unwrap_or_default().to_owned();
                if !self.domains.contains(&domain) {
                    self.domains.push(domain);
                }
                let most = self.play.offers.iter().find_map(|o| o.strip_prefix("LIMITS RCPTDOMAINMAX="));
                if most.is_some_and(|most| self.domains.len() > most.parse().unwrap()) {
                    self.log.wrong.push(format!("{text:?} is for a domain more than the server takes"));
                }
                let honest = if self.mail { "250 2.1.5 ok" } else { "503 5.5.1 MAIL first" };
                let special = self.play.rules.iter().find_map(|r| match r.on {
                    On::RcptBeyond(most) if self.rows.len() >= most => Some(r.on),
                    On::RcptOf(row) if row_of(&text) == Some(row) => Some(r.on),
                    _ => None,
                });
                if self.fire(now, special.unwrap_or(On::Rcpt), honest) == Some(b'2') {
                    self.rows.extend(row_of(&text));
                }
            }
            "DATA" => {
                let honest = if self.rows.is_empty() { "503 5.5.1 no valid recipients" } else { "354 go" };
                if self.fire(now, On::Data, honest) == Some(b'3') {
                    self.content.clear();
                    self.mode = Mode::Content;
                }
            }
            "BDAT" => self.bdat(now, &text),
            "RSET" => {
                (self.mail, self.rows) = (false, Vec::new());
                self.fire(now, On::Rset, "250 2.0.0 ok");
            }
            "NOOP" => self.say(now, b"250 2.0.0 ok\r\n"),
            _ => {
                if self.play.acts(On::Quit, 0).is_none() {
                    self.say(now, b"221 2.0.0 bye\r\n");
                    self.act(now, &[Act::Fin], "");
                } else {
                    self.fire(now, On::Quit, "");
                }
            }
        }
    }

    fn bdat(&mut self, now: Instant, text: &str) {
        let knows = self.play.offers.contains(&"CHUNKING");
        if self.play.misreads || !knows {
            self.fire(now, On::Bdat, "500 5.5.1 command not recognized");
            return;
        }
        let mut words = text.split_ascii_whitespace().skip(1);
        let left = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        self.mode = Mode::Chunk { left, last: words.next() == Some("LAST") };
    }

    fn start_tls(&mut self, now: Instant) {
        let digit = self.fire(now, On::StartTls, "220 2.0.0 go");
        if digit != Some(b'2') || matches!(self.mode, Mode::Deaf) {
            return;
        }
        if self.play.rules.iter().any(|r| r.on == On::Handshake) {
            self.mode = Mode::Handshake;
        } else {
            self.tls = self.tls_config.as_ref().map(|config| Server::new(config).unwrap());
        }
    }

    /// Answers by the script, or as an honest server would; the first digit of what is said.
    fn fire(&mut self, now: Instant, on: On, honest: &str) -> Option<u8> {
        let count = self.counts.entry(on).or_default();
        let nth = *count;
        *count += 1;
        let play = self.play.clone();
        match play.acts(on, nth) {
            Some(acts) => self.act(now, acts, honest),
            None if honest.is_empty() => None,
            None => self.act(now, &[Act::Honest], honest),
        }
    }

    fn act(&mut self, now: Instant, acts: &[Act], honest: &str) -> Option<u8> {
        let mut digit = None;
        for act in acts {
            match act {
                Act::Honest => {
                    digit = digit.or(honest.bytes().next());
                    self.say(now, format!("{honest}\r\n").as_bytes());
                }
                Act::Means(meant) => digit = Some(*meant),
                Act::Say(octets) => {
                    digit = digit.or(octets.first().copied());
                    self.say(now, octets);
                }
                Act::Dribble(octets) => {
                    digit = digit.or(octets.first().copied());
                    let cut = std::mem::replace(&mut self.cut, Cut::Octets);
                    self.say(now, octets);
                    self.cut = cut;
                }
                Act::Raw(octets) => {
                    let at = self.next(now);
                    self.out.push_back((at, Item::Say { octets: octets.clone(), secure: false }));
                }
                Act::Wait(wait) => {
                    let span = match wait {
                        Wait::Moment => self.pace.moment,
                        Wait::Long => self.pace.long,
                    };
                    self.free_at = self.free_at.max(now).after(span);
                }
                Act::Endless(pattern) => {
                    let (at, secure) = (self.next(now), self.tls.is_some());
                    self.out.push_back((at, Item::Endless { pattern: pattern.clone(), secure }));
                    self.mode = Mode::Deaf;
                }
                Act::Deaf => self.mode = Mode::Deaf,
                Act::Fin => self.plan(now, Outward::Fin),
                Act::Reset => self.plan(now, Outward::Reset),
                // At once: what is said before goes on its own time.
                Act::StopReading => self.out.push_front((now, Item::Do(Outward::StopReading))),
                Act::ReadSlowly => self.plan(now, Outward::ReadSlowly),
            }
        }
        digit
    }

    fn plan(&mut self, now: Instant, outward: Outward) {
        if matches!(outward, Outward::Fin | Outward::Reset) {
            self.mode = Mode::Deaf;
        }
        let at = self.next(now);
        self.out.push_back((at, Item::Do(outward)));
    }

    /// When the next thing happens at the earliest.
    fn next(&mut self, now: Instant) -> Instant {
        self.free_at = self.free_at.max(now.after(self.pace.reply));
        self.free_at
    }

    fn say(&mut self, now: Instant, octets: &[u8]) {
        let from = self.log.said;
        self.log.said += octets.len();
        let pieces: Vec<&[u8]> = match self.cut {
            Cut::At(at) if from < at && at < from + octets.len() => {
                let (a, b) = octets.split_at(at - from);
                vec![a, b]
            }
            Cut::Octets => octets.chunks(1).collect(),
            _ => vec![octets],
        };
        let secure = self.tls.is_some();
        for (nth, piece) in pieces.into_iter().enumerate() {
            let mut at = self.next(now);
            if nth > 0 {
                at = at.after(self.pace.gap);
                self.free_at = at;
            }
            self.out.push_back((at, Item::Say { octets: piece.to_vec(), secure }));
        }
    }
}

fn drained(out: &mut Out) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some(piece) = out.take() {
        octets.extend_from_slice(piece.as_slice());
    }
    octets
}

/// The row in `RCPT TO:<r17@them.example>`.
fn row_of(command: &str) -> Option<u32> {
    let (_, rest) = command.split_once(":<r")?;
    rest.split('@').next()?.parse().ok()
}
