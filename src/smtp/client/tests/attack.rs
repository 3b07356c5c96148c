//! A peer that says what no peer may say, at each phase of a transaction: whatever it is, nobody is bounced and nobody is
//! taken for delivered.

use super::play::{config, open, play, play_with};
use crate::smtp::client::{Config, Known};
use crate::smtp::reader::{LINE_MAX, LINES_MAX};

const CODE: &str = "a reply does not begin with a code from 200 to 599";
const SEPARATOR: &str = "a reply code is followed by neither a blank nor a hyphen";

/// Replies that are none, as script lines, and the rule that each breaks.
fn malformed() -> Vec<(String, &'static str)> {
    let line = |text: &str| format!("S: {text}\n");
    vec![
        (line("000 ok"), CODE),
        (line("999 ok"), CODE),
        (line("199 ok"), CODE),
        (line("600 ok"), CODE),
        (line("25x ok"), CODE),
        (line("-250 ok"), CODE),
        (line("hello"), CODE),
        ("R: \\r\\n\n".into(), CODE),
        ("R: \\0\\0\\0\\n\n".into(), CODE),
        ("R: \\xff\\xfe250 ok\\r\\n\n".into(), CODE),
        (line("2500 ok"), SEPARATOR),
        (line("250_ok"), SEPARATOR),
        ("R: 250\\0ok\\r\\n\n".into(), SEPARATOR),
        (line("250-one") + &line("251 two"), "the lines of a reply have different codes"),
        (line("250-one") + &line("550 two"), "the lines of a reply have different codes"),
        (line(&format!("250 {}", "x".repeat(LINE_MAX))), "a reply line is longer than 2048 octets"),
        // Without an end: as many octets as it takes.
        (format!("R: 250 {}\n", "x".repeat(2 * LINE_MAX)), "a reply line is longer than 2048 octets"),
        (line("250-x").repeat(LINES_MAX + 1), "a reply has more than 128 lines"),
    ]
}

#[test]
fn before_a_transaction_it_ends_the_session() {
    for (said, rule) in malformed() {
        play(&config(), &format!("{said}E: protocol error at greeting: {rule}"));
        let hello = "S: 220 mx\nC: EHLO me.example\n";
        play(&config(), &format!("{hello}{said}E: protocol error at hello: {rule}"));
        let helo = format!("{hello}S: 500 what\nC: HELO me.example\n");
        play(&config(), &format!("{helo}{said}E: protocol error at hello: {rule}"));
        let tls = format!("{hello}S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n");
        play(&config(), &format!("{tls}{said}E: protocol error at starttls: {rule}"));
        play(&config(), &format!("{}{said}E: protocol error at idle: {rule}", open(&[])));
    }
}

#[test]
fn in_lockstep_it_defers_whom_it_answers_and_returns_the_rest() {
    for (said, rule) in malformed() {
        let open = open(&["SIZE"]) + "B: 1 a@x b@x | one\nB: 2 c@x | two\nC: MAIL FROM:<b1@us> SIZE=5\n";
        let second = "E: 1 finished\nE: 2 returned [0]\nE: 2 finished\n";
        let ends = |at: &str| format!("{second}E: protocol error at {at}: {rule}");
        let cut = |index: u32, at: &str| format!("E: 1.{index} cut at {at}: 451 4.5.0 {rule}\n");
        play(&config(), &format!("{open}{said}E: 1 returned [0, 1]\n{}", ends("mail")));
        let mail = open + "S: 250 ok\nC: RCPT TO:<a@x>\n";
        play(&config(), &format!("{mail}{said}{}{}{}", cut(0, "rcpt"), cut(1, "rcpt"), ends("rcpt")));
        let rcpt = mail + "S: 550 who\nC: RCPT TO:<b@x>\nS: 250 ok\nC: DATA\n";
        // Whose refusal the 550 was is not sure either.
        play(&config(), &format!("{rcpt}{said}{}{}{}", cut(0, "data"), cut(1, "data"), ends("data")));
        let data = rcpt + "S: 354 go\nE: 1.0 refused at rcpt: 550 who\nC: one\nC: .\nD\n";
        play(&config(), &format!("{data}{said}E: 1.1 uncertain\n{}", ends("end")));
    }
}

#[test]
fn in_a_pipelined_group_it_does_the_same() {
    for (said, rule) in malformed() {
        let group = "C: MAIL FROM:<b1@us>\nC: RCPT TO:<a@x>\nC: RCPT TO:<b@x>\nC: DATA\n";
        let open = open(&["PIPELINING"]) + "B: 1 a@x b@x | one\nB: 2 c@x | two\n" + group;
        let second = "E: 1 finished\nE: 2 returned [0]\nE: 2 finished\n";
        let ends = |at: &str| format!("{second}E: protocol error at {at}: {rule}");
        let cut = |index: u32, at: &str| format!("E: 1.{index} cut at {at}: 451 4.5.0 {rule}\n");
        play(&config(), &format!("{open}{said}E: 1 returned [0, 1]\n{}", ends("mail")));
        let mail = format!("{open}S: 250 ok\n");
        play(&config(), &format!("{mail}{said}{}{}{}", cut(0, "rcpt"), cut(1, "rcpt"), ends("rcpt")));
        // It has not shown yet that it can be pipelined to: one command at a time is tried next.
        let blamed = format!("E: learnt PipeliningSuspect\nE: 1 returned [0, 1]\n{}", ends("rcpt"));
        play_with(&config(), Known::default(), &format!("{mail}{said}{blamed}"));
        let content = mail
            + "S: 250 ok
               S: 250 ok
               S: 354 go
               C: one
               C: .
               C: MAIL FROM:<b2@us>
               C: RCPT TO:<c@x>
               C: DATA
               D
               ";
        let uncertain = "E: 1.0 uncertain\nE: 1.1 uncertain\n";
        play(&config(), &format!("{content}{said}{uncertain}{}", ends("end")));
    }
}

#[test]
fn in_chunked_mode_all_that_left_is_uncertain() {
    for (said, rule) in malformed() {
        let script = open(&["PIPELINING", "CHUNKING"])
            + "B: 1 a@x b@x | one
               B: 2 c@x | two
               C: MAIL FROM:<b1@us>
               C: RCPT TO:<a@x>
               C: RCPT TO:<b@x>
               C: BDAT 5 LAST
               C: one
               C: RSET
               C: MAIL FROM:<b2@us>
               C: RCPT TO:<c@x>
               C: BDAT 5 LAST
               C: two
               S: 250 ok
               S: 550 who
               ";
        // Whose refusal the 550 was is not sure either.
        let ends = "E: 1.0 uncertain\nE: 1.1 uncertain\nE: 1 finished\nE: 2.0 uncertain\nE: 2 finished\n";
        play(&config(), &format!("{script}{said}{ends}E: protocol error at rcpt: {rule}"));
    }
}

#[test]
fn bare_line_feeds_nul_and_octets_above_127_are_read_as_replies() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           R: 250 ok\\n250\\n550 5.1.1 \\xffno\\0one\\r here\\n354\\r\\n
           E: 1.1 refused at rcpt: 550 5.1.1 \\xffno\\x00one\\x0d here
           C: one
           C: .
           R: 250-2.0.0 a\\n250 2.0.0 b\\n
           E: 1.0 accepted: 250 2.0.0 a b
           E: 1 finished";
    play(&config(), &script);
}

#[test]
fn an_enhanced_code_of_another_class_does_not_change_the_verdict() {
    let script = open(&["PIPELINING", "ENHANCEDSTATUSCODES"])
        + "B: 1 a@x b@x c@x d@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: RCPT TO:<d@x>
           C: DATA
           S: 250 5.7.1 fine
           S: 550 4.2.2 full
           S: 450 5.1.1 later
           S: 451 4.7.500 busy
           S: 250
           S: 354 2.0.0 go
           E: 1.0 refused at rcpt: 550 4.2.2 full
           E: 1.1 refused at rcpt: 450 5.1.1 later
           E: 1.2 refused at rcpt: 451 4.7.500 busy
           C: one
           C: .
           S: 250 4.0.0 taken
           E: 1.3 accepted: 250 4.0.0 taken
           E: 1 finished";
    play(&config(), &script);
}

#[test]
fn a_reply_too_many_ends_the_session_before_the_content() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 250 again
           S: 354 go
           E: learnt PipeliningBroken
           E: 1.0 cut at data: 451 4.5.0 the reply to DATA is neither 354 nor a refusal
           E: 1 finished
           E: protocol error at data: the reply to DATA is neither 354 nor a refusal";
    play(&config(), &script);
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 250 ok
           C: DATA
           S: 354 go
           C: one
           C: .
           S: 250 taken 1
           E: 1.0 accepted: 250 taken 1
           E: 1 finished
           S: 250 taken 1
           E: protocol error at idle: a reply came that no command had asked for";
    play(&config(), &script);
}

#[test]
fn a_reply_too_few_is_waited_for_and_no_longer() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: learnt PipeliningBroken
           E: 1.0 cut at rcpt: 451 4.5.0 the reply to RCPT has an intermediate code
           E: 1.1 cut at rcpt: 451 4.5.0 the reply to RCPT has an intermediate code
           E: 1 finished
           E: protocol error at rcpt: the reply to RCPT has an intermediate code";
    play(&config(), &script);
}

#[test]
fn the_endless_part_of_a_reply_does_not_put_its_deadline_off() {
    let dribbled = "R: 25\nT: 5\nR: 0-a\\r\\n250-b\nT: 4\nR: c\\r\\n\nT: 1\n";
    play(&config(), &format!("{dribbled}E: timeout at greeting"));
}

#[test]
fn a_reader_that_stands_still_with_a_full_window_is_given_up() {
    let config = Config { window_transactions_max: 2, ..config() };
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           B: 3 c@x | three
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 5 LAST
           C: one
           C: RSET
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: two
           S: 250 ok
           S: 250 ok
           T: 59
           T: 1
           E: 1.0 uncertain
           E: 1 finished
           E: 2.0 uncertain
           E: 2 finished
           E: 3 returned [0]
           E: 3 finished
           E: timeout at content";
    play(&config, &script);
}

#[test]
fn mail_refused_and_the_rest_accepted_gets_no_dot() {
    // A dot would send an empty message to those that the server took.
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 550 no
           S: 250 ok
           S: 354 go
           E: 1.0 cut at data: 451 4.5.0 DATA and RCPT were accepted although MAIL was refused
           E: 1 finished
           E: 2 returned [0]
           E: 2 finished
           E: protocol error at data: DATA and RCPT were accepted although MAIL was refused";
    play(&config(), &script);
}

#[test]
fn no_content_goes_out_behind_a_rset_that_was_refused() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 450 who
           S: 503 nobody
           E: 1.0 refused at rcpt: 450 who
           E: 1 finished
           B: 2 b@x | two
           B: 3 c@x | three
           C: RSET
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           S: 502 what
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 3 returned [0]: 502 what
           E: 3 finished
           E: 2 returned [0]
           E: 2 finished
           E: protocol error at mail: RSET was refused";
    play(&config(), &script);
}

#[test]
fn a_greeting_or_a_farewell_is_no_answer() {
    for said in ["220 mx ready", "221 bye"] {
        let rule = "a greeting or a farewell came instead of an answer";
        let open = open(&["SIZE"]) + "B: 1 a@x | one\nC: MAIL FROM:<b1@us> SIZE=5\n";
        let ends = |at: &str| format!("E: 1 finished\nE: protocol error at {at}: {rule}");
        play(&config(), &format!("{open}S: {said}\nE: 1 returned [0]\n{}", ends("mail")));
        let rcpt = open + "S: 250 ok\nC: RCPT TO:<a@x>\n";
        play(&config(), &format!("{rcpt}S: {said}\nE: 1.0 cut at rcpt: 451 4.5.0 {rule}\n{}", ends("rcpt")));
        let content = rcpt + "S: 250 ok\nC: DATA\nS: 354 go\nC: one\nC: .\nD\n";
        play(&config(), &format!("{content}S: {said}\nE: 1.0 uncertain\n{}", ends("end")));
    }
    play(&config(), &(open(&[]) + "S: 221 timeout\nE: done"));
}

#[test]
fn a_421_for_too_many_errors_is_not_the_fault_of_the_recipient_it_answers() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x c@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 ok
           S: 550 no
           S: 421 4.7.0 Error: too many errors
           E: 1 returned [1]: 421 4.7.0 Error: too many errors
           E: 1.0 refused at rcpt: 550 no
           E: 1 returned [2]: 421 4.7.0 Error: too many errors
           E: 1 finished
           E: session refused at rcpt: 421 4.7.0 Error: too many errors";
    play(&config(), &script);
}

#[test]
fn behind_a_reply_too_many_nobody_is_refused_for_another() {
    // The second 250 passes as the first recipient's, the 550 as the second's; no 250 can be the answer to DATA.
    let said = "S: 250 ok\nS: 250 ok\nS: 550 who\nS: 250 ok\nS: 354 go\n";
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           "
        + said
        + "E: learnt PipeliningBroken
           E: 1.0 cut at data: 451 4.5.0 the reply to DATA is neither 354 nor a refusal
           E: 1.1 cut at data: 451 4.5.0 the reply to DATA is neither 354 nor a refusal
           E: 1 finished
           E: protocol error at data: the reply to DATA is neither 354 nor a refusal";
    play(&config(), &script);
}

#[test]
fn a_server_that_closes_over_ehlo_is_said_helo_and_then_ehlo_again() {
    let known = Known { ehlo_closed: true, ..Known::default() };
    let begun = "S: 220 mx\nC: HELO me.example\n";
    play_with(&config(), known, &format!("{begun}S: 250 mx\nE: learnt EhloClosed(false)\nE: ready"));
    // It may have been chance: the session without TLS and PIPELINING is a short one.
    let mut short = format!("{begun}S: 250 mx\nE: learnt EhloClosed(false)\nE: ready\n");
    for n in 1..=10 {
        short += &format!(
            "B: {n} a@x | one\nC: MAIL FROM:<b{n}@us>\nS: 450 no {n}\nE: {n}.0 refused at mail: 450 no {n}\nE: {n} finished\n"
        );
    }
    play_with(&config(), known, &(short + "C: QUIT\nS: 221 bye\nE: done"));
    play_with(&config(), known, &format!("{begun}X\nE: learnt EhloClosed(false)\nE: lost at hello"));
    let refused = "S: 220 mx\nC: EHLO me.example\nS: 500 what\nC: HELO me.example\n";
    play(&config(), &format!("{refused}X\nE: learnt EhloClosed(true)\nE: lost at hello"));
    play(
        &config(),
        "S: 220 mx\nC: EHLO me.example\nS: 220 mx\nE: protocol error at hello: a greeting or a farewell came instead of an answer",
    );
}
