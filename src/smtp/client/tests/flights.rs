//! The four modes: what leaves together.

use super::play::{config, open, play};
use crate::smtp::client::Config;

#[test]
fn lockstep_says_one_command_at_a_time() {
    let script = open(&["SIZE 1000"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           C: MAIL FROM:<b1@us> SIZE=5
           S: 250 2.1.0 ok
           C: RCPT TO:<a@x>
           S: 250 2.1.5 ok
           C: RCPT TO:<b@x>
           S: 251 will forward
           C: DATA
           S: 354 go
           C: one
           C: .
           D
           S: 250 2.0.0 queued
           E: 1.0 accepted: 250 2.0.0 queued
           E: 1.1 accepted: 250 2.0.0 queued
           E: 1 finished
           C: MAIL FROM:<b2@us> SIZE=5
           S: 250 ok
           C: RCPT TO:<c@x>
           S: 252 perhaps
           C: DATA
           S: 354 go
           C: two
           C: .
           S: 250 ok 7
           E: 2.0 accepted: 250 ok 7
           E: 2 finished
           Q
           C: QUIT
           S: 221 bye
           E: done";
    play(&config(), &script);
}

#[test]
fn pipelined_says_the_envelope_at_once_and_the_content_after_354() {
    let config = Config { transactions_max: 1, ..config() };
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 550 5.1.1 who
           S: 354 go
           E: 1.1 refused at rcpt: 550 5.1.1 who
           C: one
           C: .
           S: 250 ok 7
           E: 1.0 accepted: 250 ok 7
           E: 1 finished
           C: QUIT
           X
           E: done";
    play(&config, &script);
}

#[test]
fn overlapped_says_the_next_envelope_behind_the_content() {
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
           S: 250 ok
           S: 354 go
           E: 1.0 accepted: 250 1st
           E: 1 finished
           C: two
           C: .
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: DATA
           S: 452 4.2.2 full
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 2.0 refused at end: 452 4.2.2 full
           E: 2 finished
           C: three
           C: .
           S: 250 3rd
           E: 3.0 accepted: 250 3rd
           E: 3 finished";
    play(&config(), &script);
}

#[test]
fn what_was_not_said_yet_is_taken_back_and_another_one_has_its_place() {
    let config = Config { transactions_max: 3, ..config() };
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           B: 3 c@x e@x | three
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
           K
           E: 3 returned [0, 1]
           E: 3 finished
           B: 4 d@x | four
           S: 250 1st
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 1.0 accepted: 250 1st
           E: 1 finished
           C: two
           C: .
           C: MAIL FROM:<b4@us>
           C: RCPT TO:<d@x>
           C: DATA
           S: 250 2nd
           S: 250 ok
           S: 250 ok
           S: 354 go
           E: 2.0 accepted: 250 2nd
           E: 2 finished
           C: four
           C: .
           S: 250 4th
           E: 4.0 accepted: 250 4th
           E: 4 finished
           C: QUIT
           S: 221 bye
           E: done";
    play(&config, &script);
}

#[test]
fn a_late_transaction_follows_the_content_as_soon_as_it_is_begun() {
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
           B: 2 b@x | two
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           B: 3 c@x | three
           S: 250 1st
           S: 250 ok
           E: 1.0 accepted: 250 1st
           E: 1 finished
           S: 250 ok
           S: 354 go
           C: two
           C: .
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: DATA";
    play(&config(), &script);
}

#[test]
fn chunked_says_whole_transactions_up_to_the_window() {
    let config = Config { window_transactions_max: 2, ..config() };
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           B: 3 d@x | three
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
           S: 550 no
           S: 250 ok
           S: 250 1st
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<d@x>
           C: BDAT 7 LAST
           C: three
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 250 2nd
           S: 250 reset
           S: 250 ok
           S: 250 ok
           S: 250 3rd
           E: 1.0 refused at rcpt: 550 no
           E: 1.1 accepted: 250 1st
           E: 1 finished
           E: 2.0 accepted: 250 2nd
           E: 2 finished
           B: 4 e@x | four
           C: MAIL FROM:<b4@us>
           C: RCPT TO:<e@x>
           C: BDAT 6 LAST
           C: four
           S: 250 ok
           E: 3.0 accepted: 250 3rd
           E: 3 finished";
    play(&config, &script);
}

#[test]
fn the_window_is_bounded_in_octets_but_one_may_always_go() {
    let config = Config { window_bytes_max: 12, ..config() };
    let script = open(&["PIPELINING", "CHUNKING"])
        + "B: 1 a@x | much too long
           B: 2 b@x | b
           B: 3 c@x | c
           B: 4 d@x | and also too long
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: BDAT 15 LAST
           C: much too long
           S: 250 ok
           S: 250 ok
           S: 250 1st
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: BDAT 3 LAST
           C: b
           C: RSET
           C: MAIL FROM:<b3@us>
           C: RCPT TO:<c@x>
           C: BDAT 3 LAST
           C: c
           S: 250 ok
           E: 1.0 accepted: 250 1st
           E: 1 finished";
    play(&config, &script);
}

#[test]
fn chunking_without_pipelining_is_not_used() {
    let script = open(&["CHUNKING"]) + "B: 1 a@x | one\nC: MAIL FROM:<b1@us>";
    play(&config(), &script);
    let config = Config { pipelining: false, ..config() };
    play(&config, &(open(&["CHUNKING", "PIPELINING"]) + "B: 1 a@x | one\nC: MAIL FROM:<b1@us>"));
}
