//! Greeting, EHLO, HELO, STARTTLS, and what the capabilities forbid.

use super::play::{config, open, play, play_with};
use crate::smtp::client::{Config, Known, Starttls};

#[test]
fn a_refused_greeting_ends_the_session() {
    play(&config(), "S: 554-5.7.1 go\nS: 554 5.7.1 away\nE: session refused at greeting: 554 5.7.1 go away");
    play(&config(), "S: 421 busy\nE: session refused at greeting: 421 busy");
    play(&config(), "S: 354 what\nE: protocol error at greeting: the greeting has an intermediate code");
}

#[test]
fn helo_follows_a_refused_ehlo_and_nothing_is_offered_then() {
    let script = "S: 220 mx
                  C: EHLO me.example
                  S: 502 what
                  C: HELO me.example
                  S: 250 mx
                  E: learnt EhloRefused
                  E: ready
                  B: 1 a@x | one
                  C: MAIL FROM:<b1@us>";
    play(&config(), script);
    let known = Known { ehlo_refused: true, ..Known::default() };
    play_with(&config(), known, "S: 220 mx\nC: HELO me.example\nS: 250 mx\nE: ready");
    let needs_tls = Config { starttls: Starttls::Required, ..config() };
    play_with(&needs_tls, known, "S: 220 mx\nC: EHLO me.example");
    // A refusal of us is not ignorance of EHLO.
    play(&config(), "S: 220 mx\nC: EHLO me.example\nS: 550 a\nC: HELO me.example\nS: 250 mx\nE: ready");
    play(&config(), "S: 220 mx\nC: EHLO me.example\nS: 451 later\nE: session refused at hello: 451 later");
    play(
        &config(),
        "S: 220 mx\nC: EHLO me.example\nS: 550 a\nC: HELO me.example\nS: 550 b\nE: session refused at hello: 550 b",
    );
}

#[test]
fn starttls_goes_alone_and_what_stands_behind_its_reply_is_dropped() {
    let script = "S: 220 mx
                  C: EHLO me.example
                  S: 250-mx
                  S: 250-PIPELINING
                  S: 250-CHUNKING
                  S: 250 STARTTLS
                  C: STARTTLS
                  S: 220 go
                  S: 250-evil
                  S: 250 injected
                  E: starttls
                  S: 250 still in clear text
                  TLS
                  C: EHLO me.example
                  S: 250-mx
                  S: 250-STARTTLS
                  S: 250 SIZE
                  E: ready
                  B: 1 a@x | one
                  C: MAIL FROM:<b1@us> SIZE=5";
    play(&config(), script);
}

#[test]
fn a_refused_starttls_goes_on_in_clear_text() {
    let script = "S: 220 mx
                  C: EHLO me.example
                  S: 250-mx
                  S: 250 STARTTLS
                  C: STARTTLS
                  S: 454 4.7.0 not now
                  E: ready
                  Q
                  C: QUIT";
    play(&config(), script);
    let config = Config { starttls: Starttls::Never, ..config() };
    play(&config, &open(&["STARTTLS"]));
}

#[test]
fn too_large_a_content_is_refused_without_asking() {
    let script = open(&["SIZE 10"])
        + "B: 1 a@x b@x | more than ten octets
           T: 0
           E: 1.0 refused at mail: 552 5.3.4 the message is larger than the SIZE that the server announced; it was not sent
           E: 1.1 refused at mail: 552 5.3.4 the message is larger than the SIZE that the server announced; it was not sent
           E: 1 finished
           B: 2 a@x | fits
           C: MAIL FROM:<b2@us> SIZE=6";
    play(&config(), &script);
}

#[test]
fn octets_above_127_need_8bitmime() {
    play(&config(), &(open(&["8BITMIME"]) + "B: 1 a@x | 8\nC: MAIL FROM:<b1@us> BODY=8BITMIME"));
    let script = open(&["SIZE"])
        + "B: 1 a@x | 8
           T: 0
           E: 1.0 refused at mail: 554 5.6.3 the message needs 8BITMIME, which the server does not offer; it was not sent
           E: 1 finished";
    play(&config(), &script);
}

#[test]
fn an_address_above_ascii_needs_smtputf8() {
    let script = open(&["SMTPUTF8", "PIPELINING"])
        + "B: 1 ä@x b@x | one
           C: MAIL FROM:<b1@us> SMTPUTF8
           C: RCPT TO:<ä@x>
           C: RCPT TO:<b@x>
           C: DATA";
    play(&config(), &script);
    let script = open(&["PIPELINING"])
        + "B: 1 ä@x b@x ö@x c@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 ok
           E: 1.0 refused at rcpt: 553 5.6.7 the address needs SMTPUTF8, which the server does not offer; it was not sent
           E: 1.2 refused at rcpt: 553 5.6.7 the address needs SMTPUTF8, which the server does not offer; it was not sent
           S: 550 no b
           S: 250 ok
           S: 354 go
           E: 1.1 refused at rcpt: 550 no b
           C: one
           C: .
           S: 250 ok 7
           E: 1.3 accepted: 250 ok 7
           E: 1 finished";
    play(&config(), &script);
    let script = open(&["PIPELINING"])
        + "B: 1 ä@x | one
           T: 0
           E: 1.0 refused at rcpt: 553 5.6.7 the address needs SMTPUTF8, which the server does not offer; it was not sent
           E: 1 finished";
    play(&config(), &script);
}

#[test]
fn a_session_takes_no_more_transactions_than_the_server_allows() {
    let script = open(&["LIMITS MAILMAX=1", "PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 550 5.7.1 no
           S: 503 no
           S: 503 no
           C: QUIT
           S: 221 bye
           E: 1.0 refused at mail: 550 5.7.1 no
           E: 1 finished
           E: done";
    play(&config(), &script);
}
