//! What a session takes, and when it takes nothing.

use super::play::{config, open as open_script, play, proven, transaction};
use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::smtp::client::{Config, Event, GROUP_MAX, Marks, Mode, RECIPIENTS_MAX, Session};
use std::sync::Arc;

const NOW: Instant = Instant(1);

fn hear(session: &mut Session, input: &str) {
    let mut out = Out::new();
    session.handle_input(NOW, input.as_bytes(), &mut |_| {});
    session.poll_transmit(NOW, &mut out);
}

fn open(config: Config, offers: &str) -> Session {
    let mut session = Session::new(Arc::new(config), proven(), NOW);
    assert_eq!((session.room(), session.mode()), (0, Mode::Lockstep));
    assert!(session.begin(transaction(1, &["a@x"], "early\r\n")).is_err());
    hear(&mut session, "220 mx\r\n");
    hear(&mut session, &format!("250-mx\r\n{offers}250 HELP\r\n"));
    session
}

#[test]
fn each_mode_holds_enough_to_fill_the_next_flight() {
    let pipelining = "250-PIPELINING\r\n";
    let chunking = "250-PIPELINING\r\n250-CHUNKING\r\n";
    let once = || Config { transactions_max: 1, ..config() };
    for (config, offers, mode, room) in [
        (config(), "", Mode::Lockstep, 2),
        (once(), pipelining, Mode::Pipelined, 1),
        (config(), pipelining, Mode::Overlapped, 4),
        (config(), chunking, Mode::Chunked, 8),
        (once(), chunking, Mode::Chunked, 1),
        (Config { chunking: false, ..config() }, chunking, Mode::Overlapped, 4),
        (Config { pipelining: false, ..config() }, chunking, Mode::Lockstep, 2),
    ] {
        let session = open(config, offers);
        assert_eq!((session.mode(), session.room()), (mode, room));
    }
}

#[test]
fn quit_and_end_leave_no_room() {
    let mut session = open(config(), "");
    session.quit();
    assert_eq!(session.room(), 0);
    let mut session = open(config(), "");
    session.handle_closed(NOW, &mut |_| {});
    assert_eq!((session.room(), session.is_ended()), (0, true));
}

#[test]
fn a_batch_over_the_limits_is_given_back() {
    let mut session = open(config(), "250-PIPELINING\r\n250-LIMITS RCPTMAX=2 RCPTDOMAINMAX=1\r\n");
    assert_eq!((session.recipients_max(), session.recipient_domains_max()), (2, 1));
    let given_back = session.begin(transaction(7, &["a@x", "b@x", "c@x"], "three\r\n")).unwrap_err();
    assert_eq!(given_back.key, 7);
    assert!(session.begin(transaction(8, &["a@x", "b@y"], "two domains\r\n")).is_err());
    assert!(session.begin(transaction(9, &[], "nobody\r\n")).is_err());
    assert!(session.begin(transaction(10, &["a@x", "b@X"], "fine\r\n")).is_ok());
    assert_eq!(session.under_way(), 1);
}

#[test]
fn groups_ahead_of_data_are_small() {
    for (offers, max) in [
        ("", RECIPIENTS_MAX),
        ("250-PIPELINING\r\n", GROUP_MAX),
        ("250-PIPELINING\r\n250-LIMITS RCPTMAX=7\r\n", 7),
        ("250-PIPELINING\r\n250-LIMITS RCPTMAX=5000 MAILMAX=1\r\n", GROUP_MAX),
        ("250-PIPELINING\r\n250-CHUNKING\r\n", RECIPIENTS_MAX),
    ] {
        assert_eq!(open(config(), offers).recipients_max(), max, "{offers:?}");
    }
}

#[test]
fn too_many_recipients_lowers_the_limit() {
    let mut session = open(config(), "250-PIPELINING\r\n");
    assert!(session.begin(transaction(1, &["a@x", "b@x", "c@x", "d@x"], "one\r\n")).is_ok());
    hear(&mut session, "");
    hear(&mut session, "250 ok\r\n250 ok\r\n250 ok\r\n452 4.5.3 many\r\n452 4.5.3 many\r\n354 go\r\n");
    assert_eq!(session.recipients_max(), 2);
    hear(&mut session, "250 ok\r\n");
    assert!(session.begin(transaction(2, &["c@x", "d@x", "e@x"], "two\r\n")).is_err());
    assert!(session.begin(transaction(3, &["c@x", "d@x"], "two\r\n")).is_ok());
    let counters = session.counters();
    assert_eq!((counters.transactions, counters.messages, counters.accepted), (1, 1, 2));
}

#[test]
fn the_window_grows_with_good_ends_and_halves_with_a_transient_one() {
    let mut session = open(config(), "250-PIPELINING\r\n250-CHUNKING\r\n");
    let mut run = |end: &str| {
        let resets = session.counters().resets;
        assert!(session.begin(transaction(1, &["a@x"], "one\r\n")).is_ok());
        hear(&mut session, "");
        if session.counters().resets > resets {
            hear(&mut session, "250 reset\r\n");
        }
        hear(&mut session, &format!("250 ok\r\n250 ok\r\n{end}\r\n"));
        session.window()
    };
    assert_eq!((run("250 ok"), run("250 ok"), run("554 no")), (5, 6, 6));
    assert_eq!((run("250 ok"), run("450 no"), run("250 ok")), (7, 3, 3));
    assert_eq!(session.counters().resets, 2);
}

#[test]
fn a_verdict_comes_with_its_path_and_the_milestones_before_it() {
    let mut session = open(Config { chunking: false, pipelining: false, ..config() }, "");
    session.begin(transaction(1, &["ann@a.example"], "hi\r\n")).unwrap();
    let (mut out, mut told) = (Out::new(), Vec::new());
    session.poll_transmit(Instant(10), &mut out);
    for (at, reply) in [(20, "250 a\r\n"), (30, "250 b\r\n"), (40, "354 c\r\n"), (60, "250 d 1\r\n")] {
        session.handle_input(Instant(at), reply.as_bytes(), &mut |event| {
            if let Event::Recipient { path, marks, .. } = event {
                told.push((path.to_owned(), marks));
            }
        });
        session.poll_transmit(Instant(at + 1), &mut out);
    }
    let at = |at| Some(Instant(at));
    let marks = Marks { began: at(10), mail: at(20), rcpt: at(30), data: at(40), sent: at(41) };
    assert_eq!(told, [(b"ann@a.example".to_vec(), marks)]);
}

/// Two transactions; the first one's recipients are answered so, and its content is taken if one of them was.
fn told(recipients: &str, said: &str) -> String {
    let to: String = recipients.split(' ').map(|path| format!("C: RCPT TO:<{path}>\n")).collect();
    open_script(&["PIPELINING"])
        + &format!("B: 1 {recipients} | one\nB: 2 z@x | two\nC: MAIL FROM:<b1@us>\n{to}C: DATA\nS: 250 ok\n{said}")
}

#[test]
fn whoever_meets_a_limit_on_unknown_users_comes_back_and_another_session_is_taken() {
    let said = "550 Too many unknown users";
    let taken = "C: one\nC: .\nS: 250 ok 7\nE: 1.0 accepted: 250 ok 7\nE: 1 finished\nC: QUIT";
    let script = told("a@x b@x c@x d@x", &format!("S: 250 ok\nS: 550 who\nS: {said}\nS: {said}\nS: 354 go\n"))
        + &format!(
            "E: 1 returned [2]: {said}\nE: 2 returned [0]: {said}\nE: 2 finished\nE: 1 returned [3]: {said}\n\
             E: 1.1 refused at rcpt: 550 who\n{taken}"
        );
    play(&config(), &script);
}

#[test]
fn a_server_that_hangs_up_behind_its_limit_has_all_the_others_come_back() {
    let said = "550 Number of failed recipients exceeded. Come back in a few hours.";
    let script = told("a@x b@x c@x d@x", &format!("S: 250 ok\nS: 550 who\nS: {said}\n"))
        + &format!(
            "E: 1 returned [2]: {said}\nE: 2 returned [0]: {said}\nE: 2 finished\n\
             X\nE: 1.1 refused at rcpt: 550 who\nE: 1 returned [0, 3]\nE: 1 finished\nE: done"
        );
    play(&config(), &script);
}

#[test]
fn a_limit_that_is_met_before_anybody_was_taken_or_judged_is_told_of() {
    for said in ["550 Too many recipients", "550 Too many unknown users", "550 too many messages for this session"] {
        let script = told("a@x", &format!("S: {said}\nS: 554 no\n"))
            + &format!(
                "C: RSET\nC: MAIL FROM:<b2@us>\nC: RCPT TO:<z@x>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n\
                 E: 1.0 refused at rcpt: {said}\nE: 1 finished\nC: two\nC: ."
            );
        play(&config(), &script);
    }
}

#[test]
fn a_surplus_in_whatever_words_comes_back_and_the_others_get_their_mail() {
    for said in [
        "552 too many recipients",
        "550 5.7.1 Too many recipients in one message, limit is 2",
        "550 Trop de destinataires",
    ] {
        let script = told("a@x b@x c@x d@x", &format!("S: 250 ok\nS: 250 ok\nS: {said}\nS: {said}\nS: 354 go\n"))
            + &format!(
                "E: 1 returned [2]: {said}\nE: learnt RecipientsMax(2)\nE: 1 returned [3]: {said}\nC: one\nC: .\n\
                 C: MAIL FROM:<b2@us>\nC: RCPT TO:<z@x>\nC: DATA\n\
                 S: 250 ok 7\nS: 250 ok\nE: 1.0 accepted: 250 ok 7\nE: 1.1 accepted: 250 ok 7\nE: 1 finished"
            );
        play(&config(), &script);
    }
}

#[test]
fn a_content_that_is_refused_for_too_many_recipients_comes_back_with_half_of_them_unless_it_is_one() {
    let said = "554 too many recipients";
    let again = "C: RSET\nC: MAIL FROM:<b2@us>\nC: RCPT TO:<z@x>\nC: DATA";
    let script = told("a@x b@x c@x d@x", &format!("{}S: {said}\n", "S: 250 ok\n".repeat(4)))
        + &format!("E: learnt RecipientsMax(2)\nE: 1 returned [0, 1, 2, 3]: {said}\nE: 1 finished\n{again}");
    play(&config(), &script);
    // Behind a surplus, what was taken before it is the limit.
    let surplus = "S: 552 too many recipients\n";
    let script = told("a@x b@x c@x", &format!("S: 250 ok\nS: 250 ok\n{surplus}S: {said}\n"))
        + &format!(
            "E: 1 returned [2]: 552 too many recipients\nE: learnt RecipientsMax(2)\n\
             E: 1 returned [0, 1]: {said}\nE: 1 finished\n{again}"
        );
    play(&config(), &script);
    let script = told("a@x", &format!("S: 250 ok\nS: {said}\n"))
        + &format!(
            "{again}\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nE: 1.0 refused at data: {said}\nE: 1 finished\nC: two\nC: ."
        );
    play(&config(), &script);
}
