//! How sessions end, and what is uncertain then.

use super::play::{config, open, play};

/// Up to the point where the content of 1 and the envelope of 2 are on their way.
fn overlapped() -> String {
    open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           B: 2 c@x | two
           B: 3 d@x | three
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 550 no
           S: 354 go
           E: 1.1 refused at rcpt: 550 no
           C: one
           C: .
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<c@x>
           C: DATA
           "
}

fn chunked() -> String {
    open(&["PIPELINING", "CHUNKING"])
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
           "
}

#[test]
fn a_connection_lost_after_the_content_leaves_its_recipients_uncertain() {
    let ending = "1.0 uncertain|1 finished|2 returned [0]|2 finished|3 returned [0]|3 finished|lost at ";
    let ending = |phase: &str| {
        ending
            .split('|')
            .map(|e| format!("E: {e}\n"))
            .collect::<String>()
            .replace("lost at ", &format!("lost at {phase}"))
    };
    play(&config(), &(overlapped() + "X\n" + &ending("content")));
    play(&config(), &(overlapped() + "D\nX\n" + &ending("end")));
}

#[test]
fn a_lost_window_is_uncertain_except_for_those_refused_by_name() {
    let script = chunked()
        + "S: 250 ok
           S: 550 no
           X
           E: 1.0 refused at rcpt: 550 no
           E: 1.1 uncertain
           E: 1 finished
           E: 2.0 uncertain
           E: 2 finished
           E: lost at rcpt";
    play(&config(), &script);
}

#[test]
fn whose_content_did_not_leave_whole_is_not_uncertain() {
    // One octet, so that the second chunk is not whole; as many as leave the first one not whole either.
    let second = "RSET\r\nMAIL FROM:<b2@us>\r\nRCPT TO:<c@x>\r\nBDAT 5 LAST\r\ntwo\r\n".len();
    let ends = |first: &str| format!("X\n{first}E: 1 finished\nE: 2 returned [0]\nE: 2 finished\nE: lost at ");
    let uncertain = "E: 1.0 uncertain\nE: 1.1 uncertain\n";
    for unsent in [1, second] {
        play(&config(), &format!("{}U: {unsent}\n{}mail", chunked(), ends(uncertain)));
    }
    let returned = "E: 1 returned [0, 1]\n";
    play(&config(), &format!("{}U: {}\n{}mail", chunked(), second + 1, ends(returned)));
    // It was being answered, and the peer does not read on.
    let cut = "the server did not answer in time; the message was not sent";
    let cut = format!("E: 1.0 cut at data: 451 4.4.2 {cut}\nE: 1.1 cut at data: 451 4.4.2 {cut}\n");
    let ends = ends(&cut).replace("X\n", "T: 60\n").replace("lost", "timeout");
    play(&config(), &format!("{}S: 250 ok\nS: 250 ok\nS: 250 ok\nU: {}\n{ends}content", chunked(), second + 1));
    // The dot of a content.
    let ends =
        "X\nE: 1 returned [0]\nE: 1 finished\nE: 2 returned [0]\nE: 2 finished\nE: 3 returned [0]\nE: 3 finished";
    let behind = "MAIL FROM:<b2@us>\r\nRCPT TO:<c@x>\r\nDATA\r\n".len();
    let cut = "E: 1.0 cut at data: 451 4.4.2 the connection was lost before the message was sent\n";
    let ends = ends.replace("E: 1 returned [0]\n", cut);
    play(&config(), &format!("{}U: {}\n{ends}\nE: lost at content", overlapped(), behind + 1));
}

#[test]
fn a_connection_lost_before_the_content_defers_those_being_tried() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x c@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: RCPT TO:<c@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 550 no
           X
           E: 1.0 cut at rcpt: 451 4.4.2 the connection was lost before the message was sent
           E: 1.2 cut at rcpt: 451 4.4.2 the connection was lost before the message was sent
           E: 1.1 refused at rcpt: 550 no
           E: 1 finished
           E: lost at rcpt";
    play(&config(), &script);
}

#[test]
fn a_close_or_421_while_idle_is_no_failure() {
    play(&config(), &(open(&["PIPELINING"]) + "X\nE: done"));
    play(&config(), &(open(&["PIPELINING"]) + "S: 421 4.4.2 idle\nE: done"));
    play(&config(), "X\nE: lost at greeting");
    play(&config(), "S: 220 mx\nC: EHLO me.example\nX\nE: learnt EhloClosed(true)\nE: lost at hello");
}

#[test]
fn a_421_returns_what_is_not_past_its_content() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 421 4.7.0 slow down
           S: 250 never heard
           E: 1.1 refused at rcpt: 421 4.7.0 slow down
           E: 1 returned [0]: 421 4.7.0 slow down
           E: 1 finished
           E: session refused at rcpt: 421 4.7.0 slow down";
    play(&config(), &script);
    let script = overlapped()
        + "D
           S: 421 4.3.2 shutting down
           E: 3 returned [0]: 421 4.3.2 shutting down
           E: 3 finished
           E: 1.0 refused at end: 421 4.3.2 shutting down
           E: 1 finished
           E: 2 returned [0]: 421 4.3.2 shutting down
           E: 2 finished
           E: session refused at end: 421 4.3.2 shutting down";
    play(&config(), &script);
    let script = overlapped()
        + "D
           S: 250 1st
           S: 250 ok
           S: 250 ok
           S: 421 4.3.0 no disk
           E: 1.0 accepted: 250 1st
           E: 1 finished
           E: 2.0 refused at data: 421 4.3.0 no disk
           E: 3 returned [0]: 421 4.3.0 no disk
           E: 3 finished
           E: 2 finished
           E: session refused at data: 421 4.3.0 no disk";
    play(&config(), &script);
}

#[test]
fn a_421_ahead_of_whole_transactions_returns_them_once_the_connection_closes_without_another_word() {
    let refused = chunked()
        + "B: 3 d@x | three\nC: RSET\nC: MAIL FROM:<b3@us>\nC: RCPT TO:<d@x>\nC: BDAT 7 LAST\nC: three\nS: 421 bye\n";
    let closed = "X
                  E: 1 returned [0, 1]: 421 bye
                  E: 1 finished
                  E: 2 returned [0]
                  E: 2 finished
                  E: 3 returned [0]
                  E: 3 finished
                  E: session refused at mail: 421 bye";
    play(&config(), &format!("{refused}{closed}"));
    // It says that it closes and does not: nothing is known of what stands behind.
    let silent = "T: 4
                  T: 1
                  E: 1 returned [0, 1]: 421 bye
                  E: 1 finished
                  E: 2.0 uncertain
                  E: 2 finished
                  E: 3.0 uncertain
                  E: 3 finished
                  E: session refused at mail: 421 bye";
    play(&config(), &format!("{refused}{silent}"));
    // It goes on: its words count, and what they leave open is uncertain.
    let goes_on = "S: 503 no
                   S: 503 no
                   S: 503 no
                   S: 250 reset
                   S: 250 ok
                   S: 250 ok
                   S: 250 2nd
                   E: 1 returned [0, 1]: 421 bye
                   E: 1 finished
                   X
                   E: 2.0 accepted: 250 2nd
                   E: 2 finished
                   E: 3.0 uncertain
                   E: 3 finished
                   E: session refused at mail: 421 bye";
    play(&config(), &format!("{refused}{goes_on}"));
    // All was answered: no reason to wait for the close.
    let ends = "S: 503 no
                S: 503 no
                S: 503 no
                S: 250 reset
                S: 250 ok
                S: 250 ok
                S: 250 2nd
                S: 250 reset
                S: 250 ok
                S: 550 who
                S: 503 nobody
                E: 1 returned [0, 1]: 421 bye
                E: 1 finished
                E: 2.0 accepted: 250 2nd
                E: 2 finished
                E: 3.0 refused at rcpt: 550 who
                E: 3 finished
                E: session refused at mail: 421 bye";
    play(&config(), &format!("{refused}{ends}"));
}

#[test]
fn a_broken_protocol_ends_the_session_at_once() {
    let script = overlapped()
        + "D
           S: hello there
           E: 1.0 uncertain
           E: 1 finished
           E: 2 returned [0]
           E: 2 finished
           E: 3 returned [0]
           E: 3 finished
           E: protocol error at end: a reply does not begin with a code from 200 to 599";
    play(&config(), &script);
    let script = open(&["PIPELINING"])
        + "S: 250 surprise
           E: learnt PipeliningBroken
           E: protocol error at idle: a reply came that no command had asked for";
    play(&config(), &script);
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 ok
           S: 250 ok
           S: 250 ok
           E: learnt PipeliningBroken
           E: 1.0 cut at data: 451 4.5.0 the reply to DATA is neither 354 nor a refusal
           E: 1 finished
           E: protocol error at data: the reply to DATA is neither 354 nor a refusal";
    play(&config(), &script);
}

#[test]
fn each_phase_has_its_timeout() {
    play(&config(), "T: 9\nT: 1\nE: timeout at greeting");
    play(&config(), "S: 220 mx\nC: EHLO me.example\nT: 19\nT: 1\nE: timeout at hello");
    let tls = "S: 220 mx\nC: EHLO me.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nE: starttls\n";
    play(&config(), &format!("{tls}T: 19\nT: 1\nE: learnt StarttlsBroken\nE: timeout at starttls"));
    let begun = open(&["PIPELINING"])
        + "T: 100000
           B: 1 a@x b@x | one
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: RCPT TO:<b@x>
           C: DATA
           T: 29
           ";
    let returned = "E: 1 returned [0, 1]\nE: 1 finished\n";
    let cut = |at: &str| {
        let cut = |index| {
            format!("E: 1.{index} cut at {at}: 451 4.4.2 the server did not answer in time; the message was not sent\n")
        };
        format!("{}{}E: 1 finished\nE: timeout at {at}", cut(0), cut(1))
    };
    play(&config(), &format!("{begun}T: 1\n{returned}E: timeout at mail"));
    let mailed = begun + "S: 250 ok\nT: 39\n";
    play(&config(), &format!("{mailed}T: 1\n{}", cut("rcpt")));
    let named = mailed + "S: 250 ok\nT: 39\nS: 250 ok\nT: 49\n";
    play(&config(), &format!("{named}T: 1\n{}", cut("data")));
    let sent = named + "S: 354 go\nC: one\nC: .\nT: 59\n";
    let uncertain = "E: 1.0 uncertain\nE: 1.1 uncertain\nE: 1 finished\n";
    play(&config(), &format!("{sent}T: 1\n{uncertain}E: timeout at content"));
    let drained = sent + "D\nT: 69\n";
    play(&config(), &format!("{drained}T: 1\n{uncertain}E: timeout at end"));
    play(&config(), &(open(&[]) + "Q\nC: QUIT\nT: 4\nT: 1\nE: done"));
}

#[test]
fn a_peer_that_never_answers_quit_changes_nothing() {
    play(&config(), &(open(&[]) + "Q\nC: QUIT\nS: 500 what\nE: done"));
    play(&config(), &(open(&[]) + "Q\nC: QUIT\nS: garbage\nE: done"));
    play(&config(), &(open(&[]) + "Q\nC: QUIT\nX\nE: done"));
    play(&config(), "Q\nS: 220 mx\nC: EHLO me.example\nS: 250 mx\nE: ready\nC: QUIT\nS: 221 bye\nE: done");
}
