//! Every recipient is accounted for, and nobody gets another's mail: each fault at each reply, and each pair of faults,
//! in each mode, against a server that keeps a transaction's state whenever the standards let it.

use super::ear::{Ear, MODES, RECIPIENTS, TRANSACTIONS, keyed, path, recipient};
use super::play::{config, proven};
use crate::base::clock::Instant;
use crate::smtp::client::{Config, Event, Known, Session, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What goes wrong instead of the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Say(&'static str),
    Close,
}

const FAULTS: [Fault; 9] = [
    Fault::Say("250 ok"),
    Fault::Say("354 go"),
    Fault::Say("450 4.2.0 later"),
    Fault::Say("452 4.5.3 too many"),
    Fault::Say("550 5.1.1 no"),
    Fault::Say("503 5.5.1 sequence"),
    Fault::Say("421 4.7.0 bye"),
    Fault::Say("hello"),
    Fault::Close,
];

/// A server that keeps MAIL and RCPT after a refused BDAT or DATA until it hears RSET, and refuses a nested MAIL.
#[derive(Default)]
struct Server {
    ear: Ear,
    offers: &'static str,
    from: Option<String>,
    to: Vec<String>,
    delivered: Vec<(String, Vec<String>, String)>,
    answers: usize,
    closed: bool,
    /// It refused a RSET, which no server may (RFC 5321 §4.1.1.5): nothing can be promised then.
    keeps_state: bool,
}

impl Server {
    /// Answers all that was heard.
    fn answer(&mut self, faults: &[(usize, Fault)]) -> String {
        let mut said = String::new();
        while !self.closed {
            let Some(command) = self.command() else { break };
            let fault = faults.iter().find(|(at, _)| *at == self.answers).map(|(_, fault)| *fault);
            self.answers += 1;
            match fault {
                Some(Fault::Close) => self.closed = true,
                Some(Fault::Say(text)) => {
                    self.faulty(&command, text);
                    self.closed = text.starts_with("421");
                    said.push_str(&format!("{text}\r\n"));
                }
                None => said.push_str(&format!("{}\r\n", self.obey(&command))),
            }
        }
        said
    }

    /// The next whole command; a content stands behind its verb.
    fn command(&mut self) -> Option<String> {
        let (line, content) = self.ear.command()?;
        let verb = line.split(' ').next().unwrap();
        Some(content.map_or_else(|| line.clone(), |content| format!("{verb} {content}")))
    }

    /// A command that is answered wrongly has its effect only if the answer says so.
    fn faulty(&mut self, command: &str, text: &str) {
        let verb = command.split(' ').next().unwrap();
        match (verb, &text[..1]) {
            ("MAIL" | "RCPT" | "CONTENT" | "BDAT" | "RSET", "2") | ("DATA", "3") => {
                self.obey(command);
                // Saying 354 obliges a server to read a content, whoever it is for.
                self.ear.content |= verb == "DATA";
            }
            ("CONTENT", _) => self.reset(),
            ("RSET", _) => self.keeps_state = true,
            _ => {}
        }
    }

    fn obey(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "EHLO" => return format!("250-mx\r\n{}250 HELP", self.offers),
            "MAIL" if self.from.is_some() => return "503 5.5.1 nested MAIL".into(),
            "MAIL" => self.from = Some(path(rest).to_owned()),
            "RCPT" if self.from.is_none() => return "503 5.5.1 MAIL first".into(),
            "RCPT" => self.to.push(path(rest).to_owned()),
            "DATA" | "BDAT" if self.to.is_empty() => return "503 5.5.1 RCPT first".into(),
            "DATA" => {
                self.ear.content = true;
                return "354 go".into();
            }
            "CONTENT" | "BDAT" => {
                if let (Some(from), false) = (self.from.take(), self.to.is_empty()) {
                    self.delivered.push((from, std::mem::take(&mut self.to), rest.trim().to_string()));
                }
                self.reset();
            }
            "RSET" => self.reset(),
            "QUIT" => {
                self.closed = true;
                return "221 bye".into();
            }
            _ => return "500 what".into(),
        }
        "250 2.0.0 ok".into()
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// What was told of each recipient and transaction.
#[derive(Default)]
struct Books {
    told: BTreeMap<(u64, usize), &'static str>,
    finished: BTreeSet<u64>,
    ended: bool,
}

impl Books {
    fn note(&mut self, event: &Event<'_>) {
        assert!(!self.ended, "{event:?} came after the end");
        match event {
            Event::Ready | Event::StartTls | Event::Learnt(_) => {}
            Event::Recipient { key, index, verdict, .. } => self.tell(
                *key,
                *index,
                match verdict {
                    Verdict::Accepted(_) => "accepted",
                    Verdict::Refused(..) => "refused",
                    Verdict::Cut(..) => "cut",
                    Verdict::Uncertain => "uncertain",
                },
            ),
            Event::Returned { key, recipients, .. } => {
                assert!(!recipients.is_empty());
                recipients.iter().for_each(|&index| self.tell(*key, index, "returned"));
            }
            Event::Finished { key } => assert!(self.finished.insert(*key), "{key} finished twice"),
            Event::Ended(_) => self.ended = true,
        }
    }

    fn tell(&mut self, key: u64, index: usize, what: &'static str) {
        assert!(!self.finished.contains(&key), "{key}.{index} {what} after its transaction finished");
        let before = self.told.insert((key, index), what);
        assert_eq!(before, None, "{key}.{index} told twice, now {what}");
    }
}

/// Runs a session against the server; returns how many answers the server gave.
fn run(config: &Config, known: Known, offers: &'static str, faults: &[(usize, Fault)]) -> usize {
    let mut now = Instant(1);
    let mut session = Session::new(Arc::new(config.clone()), known, now);
    let (mut server, mut books) = (Server { offers, ..Server::default() }, Books::default());
    let (mut begun, mut input) = (0, String::from("220 mx\r\n"));
    for _ in 0..200 {
        session.handle_input(now, input.as_bytes(), &mut |e| books.note(&e));
        while session.room() > 0 && begun < TRANSACTIONS {
            begun += 1;
            if session.begin(keyed(begun)).is_err() {
                // A limit of one recipient was learnt.
                assert!(session.recipients_max() < RECIPIENTS, "there was room for {begun}");
                begun -= 1;
                session.quit();
            }
        }
        if begun == TRANSACTIONS {
            session.quit();
        }
        server.ear.hear(&mut session, now);
        input = server.answer(faults);
        if books.ended {
            break;
        }
        if server.closed {
            session.handle_input(now, input.as_bytes(), &mut |e| books.note(&e));
            session.handle_closed(now, &mut |e| books.note(&e));
        } else if input.is_empty() {
            now = now.after(Duration::from_secs(1000));
            session.handle_deadline(now, &mut |e| books.note(&e));
        }
    }
    assert!(books.ended, "the session never ends");
    assert_eq!((session.under_way(), session.room(), session.deadline()), (0, 0, None));
    assert_eq!(books.finished.len() as u64, begun);
    assert_eq!(books.told.len() as u64, begun * RECIPIENTS as u64, "{:?}", books.told);
    check_deliveries(&server, &books, faults);
    server.answers
}

/// Nobody gets another's mail; who is told of as accepted or refused or returned is right by the server.
fn check_deliveries(server: &Server, books: &Books, faults: &[(usize, Fault)]) {
    if server.keeps_state {
        return;
    }
    let mut delivered = BTreeSet::new();
    for (from, to, content) in &server.delivered {
        if content.is_empty() {
            // A lone dot: the server was told that nobody is meant.
            continue;
        }
        let key: u64 = content.strip_prefix("for ").unwrap().parse().unwrap();
        assert_eq!(from, &format!("b{key}@us"), "sent under another's reverse-path");
        for to in to {
            let owner = recipient(to);
            assert_eq!(owner.0, key, "{to} got the mail of {key}");
            delivered.insert(owner);
        }
    }
    // Where a server says yes to a command that it does not obey, its words and its deeds differ.
    let liar = faults.iter().any(|(_, f)| matches!(f, Fault::Say("250 ok" | "354 go" | "hello")));
    for (recipient, what) in &books.told {
        match *what {
            "accepted" => assert!(liar || delivered.contains(recipient), "{recipient:?} was not delivered"),
            "uncertain" => {}
            _ => assert!(liar || !delivered.contains(recipient), "{recipient:?} is {what}, but was delivered"),
        }
    }
}

#[test]
fn each_fault_at_each_reply_leaves_the_books_in_order() {
    for (mode, offers) in MODES {
        let config = config();
        let answers = run_named(mode, &config, offers, &[]);
        for at in 0..answers {
            for fault in FAULTS {
                run_named(mode, &config, offers, &[(at, fault)]);
            }
        }
    }
}

#[test]
fn each_pair_of_faults_leaves_the_books_in_order() {
    for (mode, offers) in MODES {
        let config = config();
        let answers = run_named(mode, &config, offers, &[]) + 4;
        for first in 0..answers {
            for second in first + 1..answers {
                for a in FAULTS {
                    for b in FAULTS {
                        run_named(mode, &config, offers, &[(first, a), (second, b)]);
                    }
                }
            }
        }
    }
}

/// Runs it, and says which case it was when it fails.
fn run_named(mode: &str, config: &Config, offers: &'static str, faults: &[(usize, Fault)]) -> usize {
    let result = std::panic::catch_unwind(|| {
        run(config, Known::default(), offers, faults).max(run(config, proven(), offers, faults))
    });
    match result {
        Ok(answers) => answers,
        Err(cause) => {
            eprintln!("in {mode} with {faults:?}");
            std::panic::resume_unwind(cause)
        }
    }
}
