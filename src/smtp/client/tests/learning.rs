//! One session after another with a server that lies or has limits it never told: every recipient is delivered once, and
//! each session makes no more mistakes than the one before it.

use super::ear::{Ear, path};
use super::play::{config, transaction};
use crate::base::clock::Instant;
use crate::smtp::client::{Config, End, Event, Known, Session, Verdict};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vice {
    None,
    /// It throws away what is pipelined behind a command.
    Flushes,
    /// It hangs up on whoever pipelines.
    HangsUp,
    /// It says "synchronization error" to whoever pipelines, and hangs up.
    Protests,
    /// It does not know the BDAT that it offers, and takes the content for commands.
    NoBdat,
    /// It hangs up at BDAT.
    BdatKills,
    /// `452 4.5.3` to the fourth MAIL of a session.
    MailLimit,
    /// It closes without a word behind the third message.
    Closes,
    /// `452 4.5.3` to the third RCPT of a transaction.
    RcptLimit,
    /// `550` and words to the third RCPT of a transaction.
    RcptWords,
    /// `552` and words to the third RCPT of a transaction, and then DATA is refused, too.
    Rejects,
    /// DATA is refused behind more than two recipients.
    DataLimit,
    /// The content is, of more than two recipients.
    EndLimit,
    /// `550 5.7.0` to the fourth MAIL of a session.
    MailWords,
    /// `451 4.7.1` to RCPT in the fourth transaction of a session.
    RcptTells,
    /// The same by 550, and it hangs up.
    RcptDrops,
    /// `451 4.5.3` to the eighth RCPT of a session.
    SessionRcptLimit,
    /// It knows no EHLO.
    NoEhlo,
    /// 421 to every fifth RCPT of a session.
    Tires,
}

/// A server on one connection.
struct Server<'a> {
    vice: Vice,
    delivered: &'a mut BTreeMap<String, u32>,
    ear: Ear,
    to: Vec<String>,
    from: bool,
    /// Too many recipients were named.
    crowded: bool,
    mails: usize,
    rcpts: usize,
    messages: usize,
    closed: bool,
}

impl Server<'_> {
    fn answer(&mut self) -> String {
        let mut said = String::new();
        while let (false, Some(command)) = (self.closed, self.command()) {
            let text = self.obey(&command);
            if !text.is_empty() {
                said.push_str(&format!("{text}\r\n"));
            }
        }
        said
    }

    fn command(&mut self) -> Option<String> {
        let (command, _) = self.ear.command()?;
        if matches!(command.get(..4), Some("MAIL" | "RCPT")) && !self.ear.octets.is_empty() {
            match self.vice {
                Vice::Flushes => self.ear.octets.clear(),
                Vice::HangsUp => self.closed = true,
                Vice::Protests => {
                    self.ear.octets.clear();
                    return Some("PROTEST".to_owned());
                }
                _ => {}
            }
        }
        Some(command)
    }

    fn obey(&mut self, command: &str) -> String {
        if self.closed {
            return String::new();
        }
        match command.split(' ').next().unwrap() {
            "EHLO" if self.vice == Vice::NoEhlo => return "500 what".into(),
            "EHLO" => {
                let bdat = matches!(self.vice, Vice::NoBdat | Vice::BdatKills);
                let chunking = if bdat { "250-CHUNKING\r\n" } else { "" };
                return format!("250-mx\r\n250-PIPELINING\r\n{chunking}250 HELP");
            }
            "MAIL" => {
                self.mails += 1;
                if self.vice == Vice::MailLimit && self.mails > 3 {
                    return "452 4.5.3 Too many messages sent".into();
                }
                if self.vice == Vice::MailWords && self.mails > 3 {
                    return "550 5.7.0 Too many messages in this connection".into();
                }
                self.crowded = false;
                self.from = true;
            }
            "RCPT" if !self.from => return "503 5.5.1 MAIL first".into(),
            "RCPT" => {
                self.rcpts += 1;
                match self.vice {
                    Vice::RcptLimit if self.to.len() == 2 => return "452 4.5.3 Too many recipients".into(),
                    Vice::RcptWords if self.to.len() == 2 => return "550 Zu viele Empfaenger".into(),
                    Vice::Rejects if self.to.len() == 2 => {
                        self.crowded = true;
                        return "552 too many recipients".into();
                    }
                    Vice::RcptTells if self.mails > 3 => return "451 4.7.1 max messages per connection reached".into(),
                    Vice::RcptDrops if self.mails > 3 => {
                        self.closed = true;
                        return "550 too many messages for this session".into();
                    }
                    Vice::SessionRcptLimit if self.rcpts > 7 => return "451 4.5.3 Too many recipients".into(),
                    Vice::Tires if self.rcpts == 5 => {
                        self.closed = true;
                        return "421 4.7.0 tired".into();
                    }
                    _ => self.to.push(path(command).to_owned()),
                }
            }
            "DATA" if self.to.is_empty() => return "503 5.5.1 RCPT first".into(),
            "DATA" if self.crowded || self.vice == Vice::DataLimit && self.to.len() > 2 => {
                return "554 too many recipients".into();
            }
            "DATA" => {
                self.ear.content = true;
                return "354 go".into();
            }
            "BDAT" if self.vice == Vice::BdatKills => {
                self.closed = true;
                return String::new();
            }
            "BDAT" if self.vice == Vice::NoBdat => return "500 what".into(),
            "CONTENT" if self.vice == Vice::EndLimit && self.to.len() > 2 => {
                self.reset();
                return "550 5.7.1 Too many recipients in one message, limit is 2".into();
            }
            "CONTENT" | "BDAT" => self.take(),
            "RSET" | "HELO" => self.reset(),
            "QUIT" => {
                self.closed = true;
                return "221 bye".into();
            }
            "PROTEST" => {
                self.closed = true;
                return "554 SMTP synchronization error".into();
            }
            _ => return "500 what".into(),
        }
        "250 2.0.0 ok".into()
    }

    fn take(&mut self) {
        for to in self.to.drain(..) {
            *self.delivered.entry(to).or_default() += 1;
        }
        self.messages += 1;
        self.closed |= self.vice == Vice::Closes && self.messages == 3;
        self.reset();
    }

    fn reset(&mut self) {
        self.to.clear();
        self.from = false;
        self.crowded = false;
    }
}

/// What one session came to.
#[derive(Default)]
struct Outcome {
    /// Recipients that come back, those that are deferred, those that are uncertain.
    again: Vec<String>,
    deferred: usize,
    uncertain: usize,
    done: bool,
}

/// Runs one session; `waiting` loses whom it delivers to.
fn session(
    config: &Config,
    vice: Vice,
    known: &mut Known,
    waiting: &mut VecDeque<String>,
    delivered: &mut BTreeMap<String, u32>,
) -> Outcome {
    let mut now = Instant(1);
    let mut session = Session::new(Arc::new(config.clone()), *known, now);
    let mut server = Server {
        vice,
        delivered,
        ear: Ear { knows_no_bdat: vice == Vice::NoBdat, ..Ear::default() },
        to: Vec::new(),
        from: false,
        crowded: false,
        mails: 0,
        rcpts: 0,
        messages: 0,
        closed: false,
    };
    let (mut outcome, mut begun): (_, Vec<Vec<String>>) = (Outcome::default(), Vec::new());
    let (mut input, mut ended) = (String::from("220 mx\r\n"), false);
    for _ in 0..300 {
        let mut events = |event: Event<'_>| match event {
            Event::Learnt(lesson) => assert!(known.learn(&lesson), "{lesson:?} is no news"),
            Event::Returned { key, recipients, .. } => {
                outcome.again.extend(recipients.iter().map(|&index| begun[key as usize][index].clone()));
            }
            Event::Recipient { key, index, verdict, .. } => match verdict {
                Verdict::Accepted(_) => {}
                Verdict::Refused(reply, _) | Verdict::Cut(reply, _) => {
                    assert!(reply.code < 500, "{vice:?} bounces {key}.{index}: {reply}");
                    outcome.deferred += 1;
                    outcome.again.push(begun[key as usize][index].clone());
                }
                Verdict::Uncertain => {
                    outcome.uncertain += 1;
                    outcome.again.push(begun[key as usize][index].clone());
                }
            },
            Event::Ended(end) => {
                ended = true;
                outcome.done = end == End::Done;
            }
            _ => {}
        };
        if !input.is_empty() {
            session.handle_input(now, input.as_bytes(), &mut events);
        }
        if server.closed {
            session.handle_closed(now, &mut events);
        } else if input.is_empty() {
            now = now.after(Duration::from_secs(1000));
            session.handle_deadline(now, &mut events);
        }
        if ended {
            break;
        }
        while session.room() > 0 && !waiting.is_empty() {
            let count = 4.min(session.recipients_max()).min(waiting.len());
            let batch: Vec<String> = waiting.drain(..count).collect();
            let to: Vec<&str> = batch.iter().map(String::as_str).collect();
            session.begin(transaction(begun.len() as u64, &to, "hi\r\n")).unwrap();
            begun.push(batch);
        }
        if waiting.is_empty() {
            session.quit();
        }
        server.ear.hear(&mut session, now);
        input = server.answer();
    }
    assert!(ended, "the session never ends");
    outcome
}

/// Sends to forty recipients; the outcomes of all the sessions that it took.
fn campaign(vice: Vice) -> (Vec<Outcome>, Known) {
    let (mut known, mut delivered, mut outcomes) = (Known::default(), BTreeMap::new(), Vec::new());
    let mut waiting: VecDeque<String> = (0..40).map(|n| format!("{n}@x")).collect();
    while !waiting.is_empty() {
        let config = Config { transactions_max: 4, ..config() };
        let outcome = session(&config, vice, &mut known, &mut waiting, &mut delivered);
        waiting.extend(outcome.again.iter().cloned());
        outcomes.push(outcome);
        assert!(outcomes.len() < 30, "{vice:?} is never done with");
    }
    assert_eq!(delivered.len(), 40, "{vice:?}");
    assert!(delivered.values().all(|&times| times == 1), "{vice:?}: {delivered:?}");
    (outcomes, known)
}

#[test]
fn each_vice_is_learnt_and_then_costs_nothing_more() {
    // How many sessions may go wrong in some way (not end well, defer, leave uncertain), before none does.
    for (vice, mistakes) in [
        (Vice::None, 0),
        (Vice::Flushes, 2),
        (Vice::HangsUp, 2),
        (Vice::Protests, 1),
        (Vice::NoBdat, 0),
        (Vice::BdatKills, 1),
        (Vice::MailLimit, 0),
        (Vice::RcptLimit, 0),
        (Vice::RcptWords, 0),
        (Vice::Rejects, 0),
        (Vice::DataLimit, 0),
        (Vice::EndLimit, 0),
        (Vice::MailWords, 0),
        (Vice::RcptTells, 0),
        (Vice::RcptDrops, 0),
        (Vice::SessionRcptLimit, 0),
        (Vice::NoEhlo, 0),
    ] {
        let (outcomes, known) = campaign(vice);
        let wrong: Vec<bool> = outcomes.iter().map(|o| !o.done || o.deferred + o.uncertain > 0).collect();
        assert_eq!(wrong.iter().filter(|&&wrong| wrong).count(), mistakes, "{vice:?}: {wrong:?}, {known:?}");
        assert!(!wrong.last().unwrap(), "{vice:?}: {wrong:?}");
        assert!(outcomes.last().unwrap().again.is_empty(), "{vice:?}");
    }
}

#[test]
fn what_was_learnt_is_what_is_wrong() {
    let known = |vice| campaign(vice).1;
    assert!(known(Vice::None).pipelining_works);
    assert!(known(Vice::Flushes).pipelining_broken && known(Vice::HangsUp).pipelining_broken);
    assert!(known(Vice::Protests).pipelining_broken);
    assert!(known(Vice::NoBdat).chunking_broken && known(Vice::NoBdat).pipelining_works);
    assert!(known(Vice::BdatKills).chunking_broken);
    assert_eq!(known(Vice::MailLimit).transactions_max, Some(3));
    assert_eq!(known(Vice::Closes).transactions_max, Some(3));
    for vice in [Vice::RcptLimit, Vice::RcptWords, Vice::Rejects, Vice::DataLimit, Vice::EndLimit] {
        assert_eq!(known(vice).recipients_max, Some(2), "{vice:?}");
    }
    for vice in [Vice::MailWords, Vice::RcptTells, Vice::RcptDrops] {
        assert_eq!(known(vice).transactions_max, Some(3), "{vice:?}");
    }
    assert!(known(Vice::NoEhlo).ehlo_refused);
}

#[test]
fn a_server_that_tires_at_a_recipient_starves_nobody() {
    let (outcomes, _) = campaign(Vice::Tires);
    // Each session defers the one recipient that was answered so, and goes on with others next time.
    assert!(outcomes.iter().all(|o| o.deferred <= 1 && o.uncertain == 0));
    assert!(outcomes.len() <= 11, "{}", outcomes.len());
}
