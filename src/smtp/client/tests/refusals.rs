//! Refusals, and what the protocol needs after them.

use super::play::{config, open, play};

#[test]
fn a_refused_mail_refuses_every_recipient_and_needs_no_rset() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 450 4.7.1 sender unknown
           S: 503 no
           S: 503 no
           S: 503 no
           E: 1.0 refused at mail: 450 4.7.1 sender unknown
           E: 1.1 refused at mail: 450 4.7.1 sender unknown
           E: 1 finished
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<c@x>
           C: DATA";
    play(&config(), &script);
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us> SIZE=5
           S: 550 no
           C: MAIL FROM:<b2@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<c@x>
           S: 250 ok
           C: DATA
           S: 354 go
           E: 1.0 refused at mail: 550 no
           E: 1 finished
           C: two
           C: .";
    play(&config(), &script);
}

#[test]
fn no_recipient_left_a_354_gets_a_lone_dot_whose_reply_is_nobodys() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 550 no
           S: 354 go
           E: 1.0 refused at rcpt: 550 no
           E: 1 finished
           C: .
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           S: 554 no recipients
           S: 250 ok
           S: 250 ok
           S: 354 go
           C: two
           C: .
           S: 250 ok 7
           E: 2.0 accepted: 250 ok 7
           E: 2 finished";
    play(&config(), &script);
}

#[test]
fn no_recipient_left_and_data_refused_needs_a_rset_which_rides_along() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           B: 3 c@x | three
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
           S: 250 1st
           S: 250 ok
           S: 450 4.2.0 greylisted
           S: 554 no valid recipients
           E: 1.0 accepted: 250 1st
           E: 1 finished
           E: 2.0 refused at rcpt: 450 4.2.0 greylisted
           E: 2 finished
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 354 go
           C: three
           C: .";
    play(&config(), &script);
}

#[test]
fn lockstep_says_no_data_without_a_recipient_and_a_rset_before_the_next() {
    let script = open(&["SIZE"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 550 no a
           C: RCPT TO:<b@x>
           S: 450 no b
           C: RSET
           S: 250 ok
           C: MAIL FROM:<b2@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<c@x>
           S: 250 ok
           C: DATA
           S: 354 go
           E: 1.0 refused at rcpt: 550 no a
           E: 1.1 refused at rcpt: 450 no b
           E: 1 finished
           C: two
           C: .";
    play(&config(), &script);
}

#[test]
fn a_session_that_ends_needs_no_rset() {
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us> SIZE=5
           Q
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 550 no a
           C: QUIT
           S: 221 bye
           E: 1.0 refused at rcpt: 550 no a
           E: 1 finished
           E: done";
    play(&config(), &script);
}

#[test]
fn a_refused_data_refuses_those_that_rcpt_had_accepted() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 550 no
           S: 250 ok
           S: 451 4.3.0 no disk
           C: RSET
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 1.0 refused at rcpt: 550 no
           E: 1.1 refused at data: 451 4.3.0 no disk
           E: 1 finished
           C: two
           C: .";
    play(&config(), &script);
}

#[test]
fn too_many_recipients_splits_the_batch_and_is_remembered() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x c@x d@x e@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: RCPT TO:<d@x>
           C: RCPT TO:<e@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 250 ok
           S: 452 4.5.3 too many
           S: 452 too many
           S: 452 4.2.2 full
           S: 354 go
           E: 1 returned [2]: 452 4.5.3 too many
           E: learnt RecipientsMax(2)
           E: 1 returned [3]: 452 too many
           E: 1.4 refused at rcpt: 452 4.2.2 full
           C: one
           C: .
           S: 250 ok 7
           E: 1.0 accepted: 250 ok 7
           E: 1.1 accepted: 250 ok 7
           E: 1 finished";
    play(&config(), &script);
}

#[test]
fn a_452_to_the_first_recipient_is_its_refusal() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 452 4.5.3 too many
           S: 250 ok
           S: 354 go
           E: 1.0 refused at rcpt: 452 4.5.3 too many
           C: one
           C: .";
    play(&config(), &script);
}

#[test]
fn a_452_to_mail_ends_the_session_but_not_the_attempt() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           B: 3 c@x | three
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
           S: 250 1st
           S: 452 4.3.1 no space
           E: 2 returned [0]: 452 4.3.1 no space
           E: 3 returned [0]: 452 4.3.1 no space
           E: 3 finished
           S: 503 no
           S: 354 go
           E: 1.0 accepted: 250 1st
           E: 1 finished
           E: 2 finished
           C: .
           S: 554 nothing
           C: QUIT
           X
           E: session refused at mail: 452 4.3.1 no space";
    play(&config(), &script);
}

#[test]
fn a_failed_chunk_leaves_the_ones_behind_it_alone() {
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
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: BDAT 7 LAST
           C: three
           S: 250 ok
           S: 550 who
           S: 503 no recipients
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 451 4.3.0 disk
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 250 3rd
           E: 1.0 refused at rcpt: 550 who
           E: 1 finished
           E: 2.0 refused at end: 451 4.3.0 disk
           E: 2 finished
           T: 1
           C: RSET
           S: 250 reset
           E: 3.0 accepted: 250 3rd
           E: 3 finished";
    play(&config(), &script);
}

#[test]
fn a_bad_sequence_behind_a_failed_chunk_is_nobodys_fault() {
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | one
           B: 2 b@x c@x | two
           B: 3 d@x | three
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 5 LAST
           C: one
           C: RSET
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: BDAT 5 LAST
           C: two
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<d@x>
           C: BDAT 7 LAST
           C: three
           S: 250 ok
           S: 550 who
           S: 503 no recipients
           S: 250 reset
           S: 503 nested
           S: 503 no
           S: 503 no
           S: 503 no
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 250 3rd
           E: 1.0 refused at rcpt: 550 who
           E: 1 finished
           E: 2 returned [0, 1]: 503 nested
           E: 2 finished
           B: 4 e@x | four
           B: 5 f@x | five
           C: MAIL FROM:<b4@us>
           C: RCPT TO:<e@x>
           C: BDAT 6 LAST
           C: four
           S: 250 ok
           E: 3.0 accepted: 250 3rd
           E: 3 finished";
    play(&config(), &script);
}

#[test]
fn a_503_or_530_to_mail_that_follows_nothing_bad_is_about_the_session() {
    for refusal in ["503 5.5.1 AUTH first", "530 5.7.0 Must issue a STARTTLS command first"] {
        let script = open(&["PIPELINING", "CHUNKING"])
            + &format!(
                "B: 1 a@x | one
                 C: MAIL FROM:<b1@us>
                 C: RCPT TO:<a@x>
                 C: BDAT 5 LAST
                 C: one
                 S: {refusal}
                 S: 503 no
                 S: 503 no
                 C: QUIT
                 S: 221 bye
                 E: 1 returned [0]: {refusal}
                 E: 1 finished
                 E: session refused at mail: {refusal}"
            );
        play(&config(), &script);
    }
}

#[test]
fn a_server_without_rset_gets_no_new_transaction() {
    let script = open(&["SIZE"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<a@x>
           S: 450 no
           E: 1.0 refused at rcpt: 450 no
           E: 1 finished
           B: 2 b@x | two
           C: RSET
           S: 500 what
           E: 2 returned [0]: 500 what
           E: 2 finished
           C: QUIT";
    play(&config(), &script);
}
