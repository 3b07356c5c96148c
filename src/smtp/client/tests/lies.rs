//! Adverts that are lies and limits that nobody told: what becomes of each recipient, and what the next session knows.

use super::play::{config, open, play, play_with, proven};
use crate::smtp::client::{Config, Known, Starttls};

const ONE: &str = "B: 1 a@x b@x | one
                   B: 2 c@x | two
                   C: MAIL FROM:<b1@us>
                   C: RCPT TO:<a@x>
                   C: RCPT TO:<b@x>
                   C: DATA
                   ";

fn fresh() -> String {
    open(&["PIPELINING"]) + ONE
}

fn unknown(script: &str) {
    play_with(&config(), Known::default(), script);
}

#[test]
fn a_server_that_throws_pipelined_commands_away_is_asked_one_by_one_next_time() {
    let returned = "E: learnt PipeliningSuspect
                    E: 1 returned [0, 1]
                    E: 1 finished
                    E: 2 returned [0]
                    E: 2 finished
                    ";
    unknown(&(fresh() + "S: 250 ok\nT: 40\n" + returned + "E: timeout at rcpt"));
    unknown(&(fresh() + "S: 250 ok\nX\n" + returned + "E: lost at rcpt"));
    unknown(&(fresh() + "X\n" + returned + "E: lost at mail"));
    let garbled = "E: protocol error at rcpt: a reply does not begin with a code from 200 to 599";
    unknown(&(fresh() + "S: 250 ok\nS: what\n" + returned + garbled));
    let lockstep = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 250 ok
           C: DATA
           S: 354 go
           C: one
           C: .
           S: 250 ok 7
           ";
    let taken = "E: 1.0 accepted: 250 ok 7\nE: 1 finished";
    let suspect = Known { pipelining_suspect: true, ..Known::default() };
    play_with(&config(), suspect, &(lockstep.clone() + "E: learnt LockstepWorks\n" + taken));
    // That was better: one more try, and it was the server's fault, or just bad weather.
    let tried = Known { lockstep_works: true, ..suspect };
    let broken = fresh() + "S: 250 ok\nX\n" + returned + "E: lost at rcpt";
    play_with(&config(), tried, &broken.replace("PipeliningSuspect", "PipeliningBroken"));
    let works = fresh() + "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nE: learnt PipeliningWorks\nC: one\nC: .";
    play_with(&config(), tried, &(works + "\nC: MAIL FROM:<b2@us>\nC: RCPT TO:<c@x>\nC: DATA"));
    let known = Known { pipelining_broken: true, ..tried };
    play_with(&config(), known, &(lockstep + taken));
}

#[test]
fn a_connection_that_idled_away_before_its_first_group_proves_nothing() {
    let script = open(&["PIPELINING"])
        + "T: 3
           B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           X
           E: 1 returned [0]
           E: 1 finished
           E: lost at mail";
    unknown(&script);
}

#[test]
fn a_host_whose_pipelining_worked_is_not_blamed_for_a_broken_session() {
    let cut = "the connection was lost before the message was sent";
    let script = fresh()
        + &format!(
            "S: 250 ok
             X
             E: 1.0 cut at rcpt: 451 4.4.2 {cut}
             E: 1.1 cut at rcpt: 451 4.4.2 {cut}
             E: 1 finished
             E: 2 returned [0]
             E: 2 finished
             E: lost at rcpt"
        );
    play(&config(), &script);
    // It worked in this very session.
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: learnt PipeliningWorks
           C: one
           C: .
           S: 250 ok 7
           E: 1.0 accepted: 250 ok 7
           E: 1 finished
           B: 2 b@x | two
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           T: 40
           E: 2.0 cut at rcpt: 451 4.4.2 the server did not answer in time; the message was not sent
           E: 2 finished
           E: timeout at rcpt";
    unknown(&script);
}

#[test]
fn a_refusal_of_pipelining_is_nobodys_refusal() {
    let sync = "554 SMTP synchronization error";
    let script = fresh()
        + &format!(
            "S: 250 ok
             S: {sync}
             S: {sync}
             S: {sync}
             E: learnt PipeliningBroken
             E: 1 returned [0]: {sync}
             E: 2 returned [0]: {sync}
             E: 2 finished
             E: 1 returned [1]: {sync}
             E: 1 finished
             C: QUIT
             S: 221 bye
             E: done"
        );
    unknown(&script);
    // Words are believed, whatever was seen before.
    play(&config(), &script);
    let script = fresh()
        + "S: 250 ok
           S: 250 ok
           S: 250 ok
           S: 503 5.5.1 RCPT first
           E: learnt PipeliningBroken
           E: 1 returned [0, 1]: 503 5.5.1 RCPT first
           E: 2 returned [0]: 503 5.5.1 RCPT first
           E: 2 finished
           E: 1 finished
           C: QUIT
           S: 221 bye
           E: done";
    unknown(&script);
    let script = fresh()
        + "S: 250 ok
           S: 503 5.5.1 MAIL first
           S: 250 ok
           S: 354 go
           E: learnt PipeliningBroken
           E: 1 returned [0]: 503 5.5.1 MAIL first
           E: 2 returned [0]: 503 5.5.1 MAIL first
           E: 2 finished
           C: one
           C: .
           S: 250 taken 1
           E: 1.1 accepted: 250 taken 1
           E: 1 finished
           C: QUIT
           S: 221 bye
           E: done";
    unknown(&script);
    // In lockstep the same words are a refusal.
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 503 5.5.1 AUTH first
           Q
           C: QUIT
           S: 221 bye
           E: 1.0 refused at rcpt: 503 5.5.1 AUTH first
           E: 1 finished
           E: done";
    unknown(&script);
}

#[test]
fn a_server_that_does_not_know_bdat_gets_data_next_time_and_nobody_is_bounced() {
    let first = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: one
           S: 250 ok
           S: 550 who
           S: 250 ok
           ";
    for refusal in ["500 what", "502 5.5.1 not implemented", "503 5.5.1 unexpected"] {
        // The content is read as a command: what is said of it is not looked at.
        let script = first.clone()
            + &format!(
                "S: {refusal}
                 S: 500 what
                 E: 1.0 refused at rcpt: 550 who
                 E: 1 returned [1]: {refusal}
                 E: learnt ChunkingBroken
                 E: 1 finished
                 E: 2 returned [0]: {refusal}
                 E: 2 finished
                 E: done"
            );
        unknown(&script);
    }
    // It hangs up, or says nothing: whether it took the content is not known, and DATA is tried next time.
    let ends = "E: learnt ChunkingBroken
                E: 1.0 uncertain
                E: 1 finished
                E: 2 returned [0]
                E: 2 finished
                ";
    let accepted = first.replace("550 who", "250 ok").replace("a@x b@x", "a@x").replace("C: RCPT TO:<b@x>\n", "");
    let accepted =
        accepted.replace("S: 250 ok\n           S: 250 ok\n           S: 250 ok", "S: 250 ok\n           S: 250 ok\nD");
    unknown(&format!("{accepted}X\n{ends}E: lost at end"));
    unknown(&format!("{accepted}T: 70\n{ends}E: timeout at end"));
    let known = Known { chunking_broken: true, ..Known::default() };
    let next = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA";
    play_with(&config(), known, &next);
}

#[test]
fn a_host_whose_chunking_worked_once_and_does_no_longer_leaves_the_window_uncertain() {
    let window = open(&["PIPELINING", "CHUNKING"])
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
           S: 250 ok
           S: 250 ok
           S: 502 what
           E: 1.0 uncertain
           E: learnt ChunkingBroken
           E: 1 finished
           E: 2.0 uncertain
           E: 2 finished
           E: done";
    play(&config(), &window);
}

#[test]
fn the_first_chunk_goes_alone_until_one_was_taken() {
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 5 LAST
           C: one
           S: 250 ok
           S: 250 ok
           S: 250 1st
           E: learnt PipeliningWorks
           E: learnt ChunkingWorks
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: BDAT 5 LAST
           C: two
           B: 3 c@x | three
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: BDAT 7 LAST
           C: three
           S: 250 ok
           S: 250 ok
           S: 502 not today
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 250 3rd
           E: 1.0 accepted: 250 1st
           E: 1 finished
           E: 2.0 refused at end: 502 not today
           E: 2 finished
           T: 1
           C: RSET
           S: 250 reset
           E: 3.0 accepted: 250 3rd
           E: 3 finished";
    unknown(&script);
}

#[test]
fn the_101st_mail_of_a_session_is_the_next_sessions_first() {
    for refusal in ["452 4.5.3 Too many messages sent", "421 4.7.0 too many messages in this session"] {
        let shut = refusal.starts_with("421");
        let script = open(&["SIZE"])
            + &format!(
                "B: 1 a@x | one
                 B: 2 b@x | two
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
                 C: MAIL FROM:<b2@us> SIZE=5
                 B: 3 c@x | three
                 S: {refusal}
                 E: 2 returned [0]: {refusal}
                 {}",
                if shut {
                    format!(
                        "E: 3 returned [0]: {refusal}
                         E: 3 finished
                         E: learnt TransactionsMax(1)
                         E: 2 finished
                         E: done"
                    )
                } else {
                    format!(
                        "E: learnt TransactionsMax(1)
                         E: 3 returned [0]: {refusal}
                         E: 3 finished
                         E: 2 finished
                         C: QUIT
                         S: 221 bye
                         E: done"
                    )
                }
            );
        unknown(&script);
    }
    let known = Known { transactions_max: Some(1), ..proven() };
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 354 go
           C: one
           C: .
           S: 250 ok 7
           E: 1.0 accepted: 250 ok 7
           E: 1 finished
           C: QUIT";
    play_with(&config(), known, &script);
}

#[test]
fn the_1001st_recipient_of_a_session_is_the_next_sessions_first() {
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           B: 2 b@x c@x | two
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
           C: MAIL FROM:<b2@us> SIZE=5
           B: 3 d@x | three
           S: 250 ok
           C: RCPT TO:<b@x>
           S: 451 4.5.3 Too many recipients
           E: 2 returned [0]: 451 4.5.3 Too many recipients
           E: 3 returned [0]: 451 4.5.3 Too many recipients
           E: 3 finished
           C: RCPT TO:<c@x>
           S: 451 4.5.3 Too many recipients
           E: 2 returned [1]: 451 4.5.3 Too many recipients
           E: 2 finished
           C: QUIT
           S: 221 bye
           E: done";
    unknown(&script);
    let known = Known { recipients_max: Some(1), ..Known::default() };
    let limit = open(&["LIMITS RCPTMAX=5"]) + "B: 1 a@x | one\nC: MAIL FROM:<b1@us>";
    play_with(&config(), known, &limit);
}

#[test]
fn a_silent_close_right_after_a_message_is_noted_and_one_after_a_pause_is_not() {
    let one = open(&["SIZE"])
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
           ";
    unknown(&(one.clone() + "X\nE: learnt ClosedAfter(1)\nE: done"));
    unknown(&(one.clone() + "T: 3\nX\nE: done"));
    // The same number again is a limit; another one is not.
    let closed_after = |count| Known { closed_after: Some(count), ..Known::default() };
    play_with(&config(), closed_after(1), &(one.clone() + "X\nE: learnt TransactionsMax(1)\nE: done"));
    play_with(&config(), closed_after(2), &(one.clone() + "X\nE: learnt ClosedAfter(1)\nE: done"));
    let mail = "B: 2 b@x | two\nC: MAIL FROM:<b2@us> SIZE=5\n";
    let returned = "E: 2 returned [0]\nE: 2 finished\nE: lost at mail";
    unknown(&(one.clone() + mail + "T: 9\nX\nE: learnt ClosedAfter(1)\n" + returned));
    unknown(&(one + "T: 3\n" + mail + "X\n" + returned));
}

#[test]
fn a_session_that_has_earned_many_refusals_makes_room_for_another() {
    let config = Config { refused_max: 2, ..config() };
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x c@x | one
           B: 2 d@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 ok
           S: 550 no a
           S: 450 no b
           S: 250 ok
           S: 354 go
           E: 2 returned [0]
           E: 2 finished
           E: 1.0 refused at rcpt: 550 no a
           E: 1.1 refused at rcpt: 450 no b
           C: one
           C: .
           S: 250 ok 7
           E: 1.2 accepted: 250 ok 7
           E: 1 finished
           C: QUIT
           S: 221 bye
           E: done";
    play(&config, &script);
}

#[test]
fn starttls_that_is_offered_and_refused_for_good_is_not_asked_for_again() {
    let hello = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\n";
    unknown(&format!("{hello}C: STARTTLS\nS: 502 what\nE: learnt StarttlsBroken\nE: ready"));
    unknown(&format!("{hello}C: STARTTLS\nX\nE: learnt StarttlsBroken\nE: lost at starttls"));
    let inside = format!("{hello}C: STARTTLS\nS: 220 go\nE: starttls\nTLS\nC: EHLO me.example\n");
    unknown(&format!("{inside}X\nE: learnt StarttlsBroken\nE: lost at hello"));
    unknown(&format!("{inside}S: 250 mx\nE: ready\nX\nE: done"));
    let known = Known { starttls_broken: true, ..Known::default() };
    play_with(&config(), known, &format!("{hello}E: ready"));
    let required = Config { starttls: Starttls::Required, ..config() };
    play_with(&required, known, &format!("{hello}C: STARTTLS\nX\nE: lost at starttls"));
}
