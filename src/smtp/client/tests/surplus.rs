//! A reply too many, at each place, in each mode, in each manner of speaking, in the same read or later: nobody is told
//! of as delivered who has no copy, nobody as refused or returned who has one, and nobody is refused for another.

use super::ear::{Ear, MODES, RECIPIENTS, TRANSACTIONS, keyed, path, recipient};
use super::play::{config, open, play, proven, shown};
use crate::base::clock::Instant;
use crate::mail::Class;
use crate::smtp::client::{Config, Event, Known, Session, Verdict};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How a server speaks: to MAIL, RCPT, RSET, and a content it takes.
type Manner = (&'static str, [&'static str; 4]);

const MANNERS: [Manner; 3] = [
    ("enhanced codes", ["250 2.1.0 ok", "250 2.1.5 ok", "250 2.0.0 ok", "250 2.0.0 taken"]),
    ("queue ids", ["250 OK", "250 Accepted", "250 Reset OK", "250 OK id=1rXY-00"]),
    ("one word for all", ["250 ok"; 4]),
];

/// How replies come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// All that was said, in one read.
    Together,
    /// Each by itself, with time to act on it.
    Apart,
    /// Each by itself, and the one to a content takes a while.
    Slow,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    mode: (&'static str, &'static str),
    manner: Manner,
    /// The reply that is said twice, by its number; and the second one's words, if they are others.
    surplus: Option<usize>,
    words: Option<&'static str>,
    reads: Reads,
    /// A bit for each recipient that is refused, then for each content.
    refuses: usize,
    works: bool,
    /// It hangs up instead of answering the last content, which it does not take.
    hangs_up: bool,
}

#[derive(Default)]
struct Server {
    ear: Ear,
    from: bool,
    to: Vec<(u64, usize)>,
    /// Replies on their way, and whether each is about a content.
    said: VecDeque<(String, bool)>,
    answers: usize,
    has_copy: BTreeSet<(u64, usize)>,
    refused: BTreeSet<(u64, usize)>,
    closes: bool,
}

impl Server {
    fn answer(&mut self, case: &Case) {
        while !self.closes {
            let Some((command, content)) = self.ear.command() else { return };
            let reply = self.obey(case, &command, content.as_deref());
            self.say(case, reply, content.is_some());
        }
    }

    fn say(&mut self, case: &Case, reply: String, content: bool) {
        if reply.is_empty() {
            return;
        }
        self.said.push_back((format!("{reply}\r\n"), content));
        if case.surplus == Some(self.answers) {
            let again = case.words.map_or(reply, str::to_owned);
            self.said.push_back((format!("{again}\r\n"), false));
        }
        self.answers += 1;
    }

    fn obey(&mut self, case: &Case, command: &str, content: Option<&str>) -> String {
        let [mail, rcpt, reset, taken] = case.manner.1;
        match command.split(' ').next().unwrap() {
            "EHLO" => format!("250-mx\r\n{}250 HELP", case.mode.1),
            "HELO" => "250 mx".into(),
            "MAIL" if self.from => "503 5.5.1 nested".into(),
            "MAIL" => {
                self.from = true;
                mail.into()
            }
            "RCPT" if !self.from => "503 5.5.1 MAIL first".into(),
            "RCPT" => {
                let recipient = recipient(path(command));
                let bit = (recipient.0 as usize - 1) * RECIPIENTS + recipient.1;
                if case.refuses & (1 << bit) != 0 {
                    self.refused.insert(recipient);
                    return "550 5.1.1 who".into();
                }
                self.to.push(recipient);
                rcpt.into()
            }
            "DATA" if self.to.is_empty() => "503 5.5.1 RCPT first".into(),
            "DATA" => {
                self.ear.content = true;
                "354 go".into()
            }
            "CONTENT" | "BDAT" => {
                let to = std::mem::take(&mut self.to);
                let Some(&(key, _)) = to.first() else { return "503 5.5.1 RCPT first".into() };
                self.from = false;
                assert_eq!(content, Some(&*format!("for {key}\r\n")), "{to:?} got another's content");
                if case.hangs_up && key == TRANSACTIONS {
                    self.closes = true;
                    return String::new();
                }
                if case.refuses & (1 << (RECIPIENTS * TRANSACTIONS as usize + key as usize - 1)) != 0 {
                    self.refused.extend(to);
                    return "554 5.6.0 no".into();
                }
                self.has_copy.extend(to);
                taken.into()
            }
            "RSET" => {
                (self.from, self.to) = (false, Vec::new());
                reset.into()
            }
            "QUIT" => {
                self.closes = true;
                "221 bye".into()
            }
            other => panic!("the client says {other:?}"),
        }
    }
}

#[derive(Default)]
struct Books {
    told: BTreeMap<(u64, usize), &'static str>,
    ended: bool,
}

impl Books {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Recipient { key, index, verdict, .. } => {
                let what = match verdict {
                    Verdict::Accepted(_) => "accepted",
                    // A word about a command is none about a recipient: whoever judges it defers (`shape::classify`).
                    Verdict::Refused(reply, _) if matches!(reply.code, 500 | 502) => "deferred",
                    Verdict::Refused(reply, _) if reply.class() == Class::Permanent => "refused",
                    Verdict::Refused(..) | Verdict::Cut(..) => "deferred",
                    Verdict::Uncertain => "uncertain",
                };
                assert_eq!(self.told.insert((*key, *index), what), None);
            }
            Event::Returned { key, recipients, .. } => {
                recipients.iter().for_each(|&i| assert_eq!(self.told.insert((*key, i), "returned"), None));
            }
            Event::Ended(_) => self.ended = true,
            _ => {}
        }
    }
}

/// Runs a session; how many replies the server meant to say.
fn run(config: &Config, case: &Case) -> usize {
    let mut now = Instant(1_000_000);
    let known = if case.works { proven() } else { Known::default() };
    let mut session = Session::new(Arc::new(config.clone()), known, now);
    let (mut server, mut books) = (Server::default(), Books::default());
    server.say(case, "220 mx".into(), false);
    let mut begun = 0;
    for _ in 0..300 {
        while session.room() > 0 && begun < TRANSACTIONS {
            begun += 1;
            assert!(session.begin(keyed(begun)).is_ok());
        }
        server.ear.hear(&mut session, now);
        server.answer(case);
        if books.ended {
            break;
        }
        let count = if case.reads == Reads::Together { server.said.len() } else { 1 };
        let slow = case.reads == Reads::Slow && server.said.front().is_some_and(|(_, content)| *content);
        if slow && session.deadline().is_some_and(|at| at <= now.after(Duration::from_secs(1))) {
            now = now.after(Duration::from_secs(1));
            session.handle_deadline(now, &mut |e| books.note(&e));
            continue;
        }
        let input: String = server.said.drain(..count.min(server.said.len())).map(|(line, _)| line).collect();
        if !input.is_empty() {
            session.handle_input(now, input.as_bytes(), &mut |e| books.note(&e));
        } else if server.closes {
            session.handle_closed(now, &mut |e| books.note(&e));
        } else if let Some(deadline) = session.deadline() {
            now = now.max(deadline);
            session.handle_deadline(now, &mut |e| books.note(&e));
        } else {
            session.quit();
        }
    }
    assert!(books.ended, "the session never ends");
    assert_eq!((session.under_way(), session.deadline()), (0, None));
    assert_eq!(books.told.len(), begun as usize * RECIPIENTS, "{:?}", books.told);
    for (recipient, what) in &books.told {
        let has_copy = server.has_copy.contains(recipient);
        match *what {
            "accepted" => assert!(has_copy, "{recipient:?} is accepted, and has no copy"),
            "refused" => assert!(server.refused.contains(recipient), "{recipient:?} is refused, and was not"),
            "deferred" | "returned" => assert!(!has_copy, "{recipient:?} is {what}, and has a copy"),
            _ => assert!(case.surplus.is_some() || case.hangs_up, "{recipient:?} is uncertain for nothing"),
        }
    }
    if case.surplus.is_none() && !case.hangs_up {
        let right = |(recipient, what): (&(u64, usize), &&str)| match *what {
            "accepted" => server.has_copy.contains(recipient),
            "refused" => server.refused.contains(recipient),
            _ => false,
        };
        assert!(books.told.iter().all(right), "{:?}", books.told);
    }
    server.answers
}

fn run_named(config: &Config, case: &Case) -> usize {
    std::panic::catch_unwind(|| run(config, case)).unwrap_or_else(|cause| {
        eprintln!("in {case:?}");
        std::panic::resume_unwind(cause)
    })
}

/// Each case with these words for the surplus.
fn all(words: Option<&'static str>) {
    all_in(&MODES, words);
}

fn all_in(modes: &[(&'static str, &'static str)], words: Option<&'static str>) {
    let config = config();
    let bits = (RECIPIENTS + 1) * TRANSACTIONS as usize;
    for &mode in modes {
        for manner in MANNERS {
            for reads in [Reads::Together, Reads::Apart, Reads::Slow] {
                for works in [true, false] {
                    // Each bit alone, and a spread of what there is.
                    let spread = (0..16).map(|n: usize| n.wrapping_mul(0x9e37) % (1 << bits));
                    for refuses in (0..bits).map(|bit| 1 << bit).chain([0]).chain(spread) {
                        let case = Case { mode, manner, surplus: None, words, reads, refuses, works, hangs_up: false };
                        for at in 0..run_named(&config, &case) {
                            // Some offer CHUNKING and do not know BDAT: the first reply to it is believed.
                            let first_chunk = mode.0 == "chunked" && !works && at == 2 + RECIPIENTS;
                            if first_chunk && words.is_some_and(|words| words.starts_with("500")) {
                                continue;
                            }
                            run_named(&config, &Case { surplus: Some(at), ..case });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_reply_that_is_said_twice_makes_no_verdict_wrong() {
    all(None);
}

/// Whose words tell a content's answer from others'. (Where none do, nobody can know.)
#[test]
fn a_peer_that_says_a_reply_twice_and_then_hangs_up_has_nobody_told_as_delivered_who_has_no_copy() {
    let config = config();
    let mode = *MODES.iter().find(|mode| mode.0 == "chunked").unwrap();
    for manner in MANNERS.into_iter().filter(|manner| manner.1[1] != manner.1[3]) {
        for reads in [Reads::Together, Reads::Apart, Reads::Slow] {
            let case =
                Case { mode, manner, surplus: None, words: None, reads, refuses: 0, works: true, hangs_up: true };
            for at in 0..run_named(&config, &case) {
                run_named(&config, &Case { surplus: Some(at), ..case });
            }
        }
    }
}

/// The first content was answered twice; the second is not taken, and the peer hangs up.
#[test]
fn the_answer_to_a_recipient_in_the_place_of_the_contents_makes_it_uncertain_once_the_peer_hangs_up() {
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 5 LAST
           C: one
           C: RSET
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: two
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           S: 250 2.0.0 queued
           S: 250 2.0.0 queued
           S: 250 2.0.0 reset
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           ";
    let ends = "E: 1.0 uncertain\nE: 1 finished\nE: 2.0 uncertain\nE: 2 finished\n";
    play(&config(), &format!("{script}X\nE: learnt ClosedAfter(2)\n{ends}E: done"));
}

#[test]
fn a_reply_of_other_words_that_nobody_asked_for_makes_no_verdict_wrong() {
    all(Some("250 and so on"));
}

#[test]
fn a_refusal_of_a_content_that_nobody_asked_for_makes_no_verdict_wrong() {
    all(Some("554 5.6.0 no"));
}

#[test]
fn a_refusal_of_a_recipient_that_nobody_asked_for_makes_no_verdict_wrong() {
    all(Some("550 5.1.1 user unknown"));
}

#[test]
fn a_deferral_that_nobody_asked_for_makes_no_verdict_wrong() {
    all(Some("451 4.3.0 later"));
}

#[test]
fn a_command_that_is_said_not_to_be_known_makes_no_verdict_wrong() {
    all(Some("500 5.5.2 bad syntax"));
}

#[test]
fn a_reply_in_the_words_of_an_accepted_chunk_that_nobody_asked_for_makes_no_verdict_wrong() {
    let chunked: Vec<_> = MODES.into_iter().filter(|mode| mode.0 == "chunked").collect();
    for words in ["250 2.0.0 stray", "250 2.6.0 stray 7", "250 2.5.0 stray", "250 stray 7", "250 2.0.0 taken"] {
        all_in(&chunked, Some(words));
    }
}

/// A chunk to a server that speaks in enhanced codes, and its replies up to that of RCPT.
fn chunk() -> String {
    open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 5 LAST
           C: one
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           "
}

/// One word too many, and the chunk's answer comes behind it: at once, in the place of the answer to what was said
/// meanwhile, or when the session asks.
#[test]
fn a_stray_word_behind_the_last_recipient_is_not_the_answer_to_the_chunk() {
    let ends = "E: learnt PipeliningBroken
                E: 1.0 uncertain
                E: 1 finished
                ";
    let idle = "E: protocol error at idle: a reply came that no command had asked for";
    for verdict in ["550 5.1.1 mailbox gone", "451 4.3.0 later", "250 2.0.0 queued"] {
        play(&config(), &format!("{}S: 250 2.0.0 stray\nS: {verdict}\n{ends}{idle}", chunk()));
    }
    let asked = chunk() + "S: 250 2.0.0 stray\nT: 1\nC: RSET\n";
    play(&config(), &format!("{asked}S: 550 5.1.1 gone\nC: QUIT\nS: 250 2.0.0 reset\nS: 221 bye\n{ends}E: done"));
    let next = chunk()
        + "S: 250 2.0.0 stray
           B: 2 b@x | two
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: two
           S: 451 4.3.0 later
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           S: 250 2.0.0 queued
           ";
    play(&config(), &format!("{next}{ends}E: 2.0 uncertain\nE: 2 finished\n{idle}"));
}

#[test]
fn two_answers_to_a_chunk_that_contradict_each_other_leave_it_uncertain() {
    for [first, second] in [["451 4.3.0 later", "250 2.0.0 queued"], ["250 2.0.0 queued", "451 4.3.0 later"]] {
        let ends = "E: learnt PipeliningBroken
                    E: 1.0 uncertain
                    E: 1 finished
                    E: protocol error at idle: a reply came that no command had asked for";
        play(&config(), &format!("{}S: {first}\nS: {second}\n{ends}", chunk()));
    }
}

/// Behind a 354, in one read: the peer's octets are not cut here.
#[test]
fn two_answers_to_a_content_that_contradict_each_other_in_one_read_leave_it_uncertain() {
    for mode in ["", "250-PIPELINING\r\n"] {
        for more in [1, 3] {
            for said in ["451 4.3.0 later\r\n250 2.0.0 queued\r\n", "250 2.0.0 queued\r\n550 5.6.0 spam\r\n"] {
                let now = Instant(1);
                let mut session = Session::new(Arc::new(config()), proven(), now);
                let (mut ear, mut told) = (Ear::default(), Vec::new());
                session.handle_input(now, b"220 mx\r\n", &mut |_| {});
                let mut begun = 0;
                loop {
                    while begun < more && session.room() > 0 {
                        begun += 1;
                        assert!(session.begin(keyed(begun)).is_ok());
                    }
                    ear.hear(&mut session, now);
                    let (mut replies, mut ended) = (String::new(), false);
                    while let Some((command, _)) = ear.command() {
                        ear.content |= command == "DATA";
                        ended |= command == "CONTENT";
                        replies += &match command.split(' ').next().unwrap() {
                            "EHLO" => format!("250-mx\r\n{mode}250 HELP\r\n"),
                            "DATA" => "354 go\r\n".to_owned(),
                            "CONTENT" => said.to_owned(),
                            "MAIL" => "250 2.1.0 ok\r\n".to_owned(),
                            _ => "250 2.1.5 ok\r\n".to_owned(),
                        };
                    }
                    session.handle_input(now, replies.as_bytes(), &mut |e| told.push(shown(&e)));
                    if ended {
                        break;
                    }
                }
                let firsts = told.iter().filter(|told| told.starts_with("1."));
                let firsts: Vec<_> = firsts.map(String::as_str).collect();
                assert_eq!(firsts, ["1.0 uncertain", "1.1 uncertain"], "{mode:?} {more} {said:?}: {told:?}");
                assert!(session.is_ended(), "{told:?}");
            }
        }
    }
}

#[test]
fn a_chunk_waits_for_the_next_mail_or_asks_for_itself() {
    let told = "E: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished\n";
    let taken = chunk() + "S: 250 2.0.0 queued\n";
    let mail = "B: 2 b@x | two\nC: MAIL FROM:<b2@us>\nC: RCPT TO:<b@x>\nC: BDAT 5 LAST\nC: two\nS: 250 2.1.0 ok\n";
    play(&config(), &format!("{taken}{mail}{told}"));
    play(&config(), &format!("{taken}T: 1\nC: RSET\nS: 250 2.0.0 reset\n{told}"));
    play(&config(), &format!("{taken}Q\nC: QUIT\nS: 221 2.0.0 bye\n{told}E: done"));
    play(&config(), &format!("{taken}X\nE: learnt ClosedAfter(1)\n{told}E: done"));
}

#[test]
fn a_chunk_waits_for_long_only_where_more_is_to_come() {
    let taken = chunk() + "S: 250 2.0.0 queued\n";
    let asked = "T: 0.001\nC: RSET\nS: 250 2.0.0 reset\nE: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished\n";
    play(&config(), &format!("{taken}T: 0.004\n{asked}"));
    play(&config(), &format!("M: more\n{taken}T: 0.249\n{asked}"));
    // What was to come went to others.
    play(&config(), &format!("M: more\n{taken}T: 0.05\nM: no more\n{asked}"));
}

/// A window of two transactions in chunks, to a server whose words tell nothing.
fn chunks() -> String {
    open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: one
           "
}

#[test]
fn mail_answered_twice_in_chunks_leaves_all_uncertain_and_the_host_is_remembered() {
    // The first recipient was taken, the second refused, the content refused.
    let said = "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 550 who\n";
    let ends = "E: learnt PipeliningBroken
                E: 1.0 uncertain
                E: 1.1 uncertain
                E: 1 finished
                E: protocol error at idle: a reply came that no command had asked for";
    play(&config(), &format!("{}{said}S: 554 no\n{ends}", chunks()));
    // It comes when the session has begun to part.
    let parted = ends.split("E: protocol").next().unwrap();
    play(&config(), &format!("{}{said}T: 1\nC: QUIT\nS: 554 no\nS: 221 bye\n{parted}E: done", chunks()));
}

#[test]
fn a_server_whose_words_tell_nothing_is_told_of_at_the_end_of_its_session() {
    let told = "E: 1.1 refused at rcpt: 550 who\nE: 1.0 accepted: 250 ok\nE: 1 finished\n";
    let script = chunks()
        + "S: 250 ok
           S: 250 ok
           S: 550 who
           S: 250 ok
           T: 1
           C: QUIT
           ";
    play(&config(), &format!("{script}S: 221 bye\n{told}E: done"));
    // It closes, or does not know QUIT.
    play(&config(), &format!("{script}X\n{told}E: done"));
    play(&config(), &format!("{script}S: 500 what\nX\n{told}E: done"));
    play(&config(), &format!("{script}S: 250 bye\nT: 4\nT: 1\n{told}E: done"));
}

#[test]
fn the_next_354_tells_of_the_content_before_it() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 354 go
           C: one
           C: .
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 1.0 accepted: 250 ok
           E: 1 finished
           C: two
           C: .";
    play(&config(), &script);
}
