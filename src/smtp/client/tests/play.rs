//! Plays a script against a session, again and again, with the peer's octets cut in every way.
//!
//! A script is lines. `S:` the server says a line (lines in a row come as one input). `C:` the client says a line; lines in a
//! row, up to what follows, are exactly one flight: the output of one poll. `E:` an event, in order. `B: key to… | content`
//! begins a transaction, `N` the next of the test's own. `Q` asks for QUIT, `M: more` says that more is to come, `K` takes back
//! what was not begun to be said, `D` says drained, `U: n` that the last n octets did not leave, `H: n` that the last n had not
//! reached the peer when it said what comes next, `TLS` that the handshake is done, `X` that the connection closed, `R:` that
//! exactly these octets come (`\r`, `\n`, `\0`, `\xNN`), `T: s` lets seconds pass.

use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::mail::Envelope;
use crate::smtp::client::{Config, End, Event, Known, Phase, Session, Starttls, Timeouts, Transaction, Verdict};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn config() -> Config {
    Config {
        ehlo: "me.example".into(),
        pipelining: true,
        chunking: true,
        starttls: Starttls::Offered,
        auth: None,
        refused_max: 1000,
        transactions_max: 1000,
        window_transactions_max: 16,
        window_bytes_max: 1 << 20,
        timeouts: Timeouts {
            greeting: Duration::from_secs(10),
            hello: Duration::from_secs(20),
            mail: Duration::from_secs(30),
            rcpt: Duration::from_secs(40),
            data: Duration::from_secs(50),
            content: Duration::from_secs(60),
            end: Duration::from_secs(70),
            quit: Duration::from_secs(5),
        },
    }
}

/// The script of a session up to its readiness.
pub(super) fn open(capabilities: &[&str]) -> String {
    let mut script = String::from("S: 220 mx\nC: EHLO me.example\n");
    for capability in capabilities {
        writeln!(script, "S: 250-{capability}").unwrap();
    }
    // The first line is the server's name.
    script.replacen("S: 250-", "S: 250-mx\nS: 250-", 1) + "S: 250 HELP\nE: ready\n"
}

pub(super) fn transaction(key: u64, to: &[&str], content: &str) -> Transaction {
    let mut envelope = Envelope::new(format!("b{key}@us").as_bytes());
    to.iter().for_each(|to| envelope.push(to.as_bytes()));
    let eight_bit = content.contains('8');
    Transaction { key, envelope, content: content.as_bytes().to_vec().into(), eight_bit, options: None }
}

fn phase(phase: Phase) -> String {
    format!("{phase:?}").to_lowercase()
}

pub(super) fn shown(event: &Event<'_>) -> String {
    match event {
        Event::Ready => "ready".into(),
        Event::StartTls => "starttls".into(),
        Event::Learnt(lesson) => format!("learnt {lesson:?}"),
        Event::Recipient { key, index, verdict, .. } => match verdict {
            Verdict::Accepted(reply) => format!("{key}.{index} accepted: {reply}"),
            Verdict::Refused(reply, at) => format!("{key}.{index} refused at {}: {reply}", phase(*at)),
            Verdict::Cut(reply, at) => format!("{key}.{index} cut at {}: {reply}", phase(*at)),
            Verdict::Uncertain => format!("{key}.{index} uncertain"),
        },
        Event::Finished { key } => format!("{key} finished"),
        Event::Returned { key, recipients, reply: Some(reply) } => format!("{key} returned {recipients:?}: {reply}"),
        Event::Returned { key, recipients, reply: None } => format!("{key} returned {recipients:?}"),
        Event::Ended(End::Done) => "done".into(),
        Event::Ended(End::Refused(reply, at)) => format!("session refused at {}: {reply}", phase(*at)),
        Event::Ended(End::Timeout(at)) => format!("timeout at {}", phase(*at)),
        Event::Ended(End::Lost(at)) => format!("lost at {}", phase(*at)),
        Event::Ended(End::Protocol(rule, at)) => format!("protocol error at {}: {rule}", phase(*at)),
        Event::Ended(End::NoTls(why)) => format!("no TLS: {why}"),
        Event::Ended(End::Unauthenticated(reply)) => format!("unauthenticated: {reply}"),
        Event::Ended(End::LoginWithheld(reply)) => format!("login withheld: {reply}"),
    }
}

/// How the peer's octets are cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Whole,
    Octets,
    At(usize),
}

struct Play {
    session: Session,
    now: Instant,
    out: Out,
    said: String,
    told: VecDeque<String>,
    unheard: u64,
}

/// A host that proved its adverts in an earlier session.
pub(super) fn proven() -> Known {
    Known { pipelining_works: true, chunking_works: true, ..Known::default() }
}

/// Plays the script with every cut, against a host that has proved its adverts.
pub(super) fn play(config: &Config, script: &str) {
    play_with(config, proven(), script);
}

/// Plays the script with each group of replies in one read, against a host that has proved its adverts.
pub(super) fn play_whole(config: &Config, script: &str) {
    once(config, proven(), script, Vec::new(), Cut::Whole);
}

/// Plays the script with every cut, with this knowledge of the host.
pub(super) fn play_with(config: &Config, known: Known, script: &str) {
    play_transactions(config, known, script, &Vec::new);
}

/// The same; each `N` begins the next of these transactions.
pub(super) fn play_transactions(
    config: &Config,
    known: Known,
    script: &str,
    transactions: &dyn Fn() -> Vec<Transaction>,
) {
    let longest = once(config, known, script, transactions(), Cut::Whole);
    once(config, known, script, transactions(), Cut::Octets);
    // Of an endless reply some hundred places.
    for at in (1..longest).step_by(1 + longest / 500) {
        once(config, known, script, transactions(), Cut::At(at));
    }
}

/// Returns the length of the longest input.
fn once(config: &Config, known: Known, script: &str, transactions: Vec<Transaction>, cut: Cut) -> usize {
    let mut transactions = transactions.into_iter();
    let now = Instant(1_000_000);
    let session = Session::new(Arc::new(config.clone()), known, now);
    let mut play = Play { session, now, out: Out::new(), said: String::new(), told: VecDeque::new(), unheard: 0 };
    let mut lines = script.lines().map(str::trim).filter(|l| !l.is_empty()).peekable();
    let mut longest = 0;
    while let Some(line) = lines.next() {
        let (verb, rest) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        match verb {
            "C" => play.expect_said(rest, script, cut),
            "E" => {
                let told = play.told.pop_front();
                assert_eq!(told.as_deref(), Some(rest), "{cut:?}, events left {:?}, in\n{script}", play.told);
            }
            _ => play.expect_nothing_more(line, script, cut),
        }
        match verb {
            "C" | "E" => continue,
            "S" => {
                let mut input = format!("{rest}\r\n");
                while let Some(next) = lines.next_if(|l| l.starts_with("S: ")) {
                    writeln!(input, "{}\r", &next[3..]).unwrap();
                }
                longest = longest.max(input.len());
                play.hear(input.as_bytes(), cut);
            }
            "R" => {
                let input = raw(rest);
                longest = longest.max(input.len());
                play.hear(&input, cut);
            }
            "B" => {
                play.begin(rest);
                while let Some(next) = lines.next_if(|l| l.starts_with("B: ")) {
                    play.begin(&next[3..]);
                }
            }
            "N" => assert!(play.session.begin(transactions.next().unwrap()).is_ok(), "no room"),
            "Q" => play.session.quit(),
            "M" => play.session.expect_more(rest == "more"),
            "K" => play.session.take_back(&mut |e| play.told.push_back(shown(&e))),
            "U" => play.session.handle_unsent(rest.parse().unwrap()),
            "H" => play.unheard = rest.parse().unwrap(),
            "D" => play.session.handle_drained(play.now),
            "TLS" => play.session.handle_tls(play.now),
            "X" => play.session.handle_closed(play.now, &mut |e| play.told.push_back(shown(&e))),
            "T" => {
                play.now = play.now.after(Duration::from_secs_f64(rest.parse().unwrap()));
                play.session.handle_deadline(play.now, &mut |e| play.told.push_back(shown(&e)));
            }
            _ => panic!("no such verb: {line}"),
        }
        play.poll();
    }
    play.expect_nothing_more("the end", script, cut);
    longest
}

/// The octets that `text` stands for: `\r`, `\n`, `\0` and `\xNN` are one each.
fn raw(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('r')) => octets.push(b'\r'),
            (_, Some('n')) => octets.push(b'\n'),
            (_, Some('0')) => octets.push(0),
            (_, Some('x')) => {
                let digits: String = chars.by_ref().take(2).collect();
                octets.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            (c, None) => octets.extend(c.to_string().bytes()),
            (_, Some(other)) => panic!("no such escape: {other}"),
        }
    }
    octets
}

impl Play {
    fn begin(&mut self, line: &str) {
        let (envelope, content) = line.split_once(" | ").unwrap();
        let mut words = envelope.split_whitespace();
        let key = words.next().unwrap().parse().unwrap();
        let to: Vec<&str> = words.collect();
        let taken = self.session.begin(transaction(key, &to, &format!("{content}\r\n")));
        assert!(taken.is_ok(), "no room for {line}");
    }

    fn hear(&mut self, input: &[u8], cut: Cut) {
        let pieces: Vec<&[u8]> = match cut {
            Cut::Whole => vec![input],
            Cut::Octets => input.chunks(1).collect(),
            Cut::At(at) => <[&[u8]; 2]>::from(input.split_at(at.min(input.len()))).to_vec(),
        };
        for piece in pieces {
            if self.session.awaits_verdict(piece) {
                self.session.handle_unheard(self.unheard);
            }
            self.session.handle_input(self.now, piece, &mut |e| self.told.push_back(shown(&e)));
        }
        self.unheard = 0;
    }

    fn poll(&mut self) {
        self.session.poll_transmit(self.now, &mut self.out);
        while let Some(piece) = self.out.take() {
            self.said.push_str(&String::from_utf8_lossy(piece.as_slice()));
        }
    }

    fn expect_said(&mut self, line: &str, script: &str, cut: Cut) {
        let rest = self.said.strip_prefix(line).and_then(|r| r.strip_prefix("\r\n"));
        let Some(rest) = rest else {
            panic!("{cut:?}: the client should say {line:?}, but says {:?}, in\n{script}", self.said);
        };
        self.said = rest.to_string();
    }

    fn expect_nothing_more(&self, before: &str, script: &str, cut: Cut) {
        assert_eq!(self.said, "", "{cut:?}: said too much before {before:?} in\n{script}");
        assert!(self.told.is_empty(), "{cut:?}: told too much before {before:?}: {:?} in\n{script}", self.told);
    }
}
