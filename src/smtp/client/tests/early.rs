//! A word about a content that comes before all of it has reached the peer, in each manner of sending: it accepts nobody, and
//! refuses nobody unless the peer hangs up behind it.

use super::ear::MODES;
use super::play::{config, open, play, play_whole, proven, shown, transaction};
use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::smtp::client::{OUT_MAX, Session};
use std::sync::Arc;

/// Up to the content, one command at a time.
fn lockstep() -> String {
    open(&[])
        + "B: 1 a@x | one
           C: MAIL FROM:<b1@us>
           S: 250 2.1.0 ok
           C: RCPT TO:<a@x>
           S: 250 2.1.5 ok
           C: DATA
           S: 354 go
           C: one
           C: .
           "
}

const EARLY: &str = "a content was accepted before all of it was there";

#[test]
fn an_acceptance_that_comes_before_the_dot_is_there_accepts_nobody() {
    let ends = format!("E: 1.0 uncertain\nE: 1 finished\nE: protocol error at content: {EARLY}");
    for unheard in [1, 3, 8] {
        play(&config(), &format!("{}H: {unheard}\nS: 250 2.0.0 queued\n{ends}", lockstep()));
    }
    // The dot never left this machine, and does not any more.
    let cut = format!("E: 1.0 cut at data: 451 4.5.0 {EARLY}\nE: 1 finished\nE: protocol error at content: {EARLY}");
    let mut sliced = Sliced::of("", "one\r\n");
    sliced.told.clear();
    sliced.session.handle_unsent(1);
    sliced.session.handle_unheard(1);
    sliced.hear("250 2.0.0 queued\r\n");
    assert_eq!(sliced.told.iter().map(|told| format!("E: {told}")).collect::<Vec<_>>().join("\n"), cut);
    let taken = "E: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished";
    play(&config(), &format!("{}H: 0\nS: 250 2.0.0 queued\n{taken}", lockstep()));
}

#[test]
fn what_is_pipelined_behind_a_content_may_be_on_its_way_when_that_is_accepted() {
    let behind = "MAIL FROM:<b2@us>\r\nRCPT TO:<b@x>\r\nDATA\r\n".len();
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           S: 354 go
           C: one
           C: .
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           ";
    let early = format!(
        "E: learnt PipeliningBroken\nE: 1.0 uncertain\nE: 1 finished\nE: 2 returned [0]\nE: 2 finished\n\
         E: protocol error at content: {EARLY}"
    );
    play(&config(), &format!("{script}H: {}\nS: 250 2.0.0 queued\n{early}", behind + 1));
    let goes_on = "E: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished\nC: two\nC: .";
    play(
        &config(),
        &format!("{script}H: {behind}\nS: 250 2.0.0 queued\nS: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 354 go\n{goes_on}"),
    );
}

#[test]
fn whoever_answers_the_data_behind_a_content_has_read_it_and_a_word_too_many_shows_there() {
    let script = open(&["PIPELINING"])
        + "B: 1 a@x | one
           B: 2 b@x | two
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a@x>
           C: DATA
           S: 250 2.1.0 ok
           S: 250 2.1.5 ok
           S: 354 go
           C: one
           C: .
           C: MAIL FROM:<b2@us>
           C: RCPT TO:<b@x>
           C: DATA
           H: 40
           ";
    let read = "S: 250 2.0.0 queued\nS: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 354 go\n";
    play_whole(&config(), &format!("{script}{read}E: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished\nC: two\nC: ."));
    let rule = "the reply to DATA is neither 354 nor a refusal";
    let surplus = format!(
        "E: learnt PipeliningBroken\nE: 1.0 uncertain\nE: 1 finished\nE: 2.0 cut at data: 451 4.5.0 {rule}\nE: 2 finished\n\
         E: protocol error at data: {rule}"
    );
    play_whole(&config(), &format!("{script}S: 250 2.0.0 queued\n{read}{surplus}"));
}

#[test]
fn a_chunk_is_accepted_once_its_last_octet_is_there() {
    let behind = "RSET\r\nMAIL FROM:<b2@us>\r\nRCPT TO:<b@x>\r\nBDAT 5 LAST\r\ntwo\r\n".len();
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
           ";
    let early = format!(
        "E: learnt PipeliningBroken\nE: 1.0 uncertain\nE: 1 finished\nE: 2.0 uncertain\nE: 2 finished\n\
         E: protocol error at content: {EARLY}"
    );
    play(&config(), &format!("{script}H: {}\nS: 250 2.0.0 queued\n{early}", behind + 1));
    let rest = "S: 250 2.0.0 reset\nS: 250 2.1.0 ok\nE: 1.0 accepted: 250 2.0.0 queued\nE: 1 finished";
    play(&config(), &format!("{script}H: {behind}\nS: 250 2.0.0 queued\n{rest}"));
}

/// A refusal ahead of the dot is one if the peer hangs up, or the replies are in step behind it.
#[test]
fn a_refusal_that_comes_before_the_dot_is_there_waits_for_what_follows_it() {
    let early = format!("{}H: 1\nS: 552 5.3.4 too big\n", lockstep());
    let refused = "E: 1.0 refused at end: 552 5.3.4 too big\nE: 1 finished\n";
    play(&config(), &format!("{early}C: QUIT\nX\n{refused}E: done"));
    play(&config(), &format!("{early}C: QUIT\nS: 221 bye\n{refused}E: done"));
    // It was meant for nobody: the content is taken all the same.
    let uncertain = "E: 1.0 uncertain\nE: 1 finished\n";
    play(&config(), &format!("{early}C: QUIT\nS: 250 2.0.0 queued\nS: 221 bye\n{uncertain}E: done"));
}

#[test]
fn a_refusal_behind_354_is_one_if_the_peer_hangs_up_and_else_a_deferral() {
    let early = lockstep().replace("C: one\n", "").replace("           C: .\n", "") + "S: 552 5.3.4 too big\n";
    let early = early.replacen("           S: 552", "S: 552", 1);
    play(&config(), &format!("{early}X\nE: 1.0 refused at end: 552 5.3.4 too big\nE: 1 finished\nE: done"));
    let cut = |why: &str| format!("E: 1.0 cut at data: 451 4.5.0 {why}\nE: 1 finished\n");
    let silent =
        "a refusal came before the whole content was sent, and the server did not hang up; it was not sent whole";
    play(&config(), &format!("{early}T: 4\nT: 1\n{}E: timeout at content", cut(silent)));
    let another = "a reply came that no command had asked for";
    let ends = format!("{}E: protocol error at content: {another}", cut(another));
    play(&config(), &format!("{early}S: 250 2.0.0 queued\n{ends}"));
}

/// A session with a content of which one slice was given out, and what it told.
struct Sliced {
    session: Session,
    told: Vec<String>,
}

const NOW: Instant = Instant(1);

impl Sliced {
    /// The first slice is out; with BDAT nothing was answered yet.
    fn of(mode: &str, content: &str) -> Self {
        let session = Session::new(Arc::new(config()), proven(), NOW);
        let mut sliced = Self { session, told: Vec::new() };
        sliced.hear("220 mx\r\n");
        sliced.poll();
        sliced.hear(&format!("250-mx\r\n{mode}250 HELP\r\n"));
        assert!(sliced.session.begin(transaction(1, &["a@x"], content)).is_ok());
        loop {
            let said = sliced.poll();
            let replies: Vec<_> = said.lines().take(3).filter_map(answer).collect();
            if replies.is_empty() || said.contains("BDAT") {
                break;
            }
            sliced.hear(&replies.concat());
        }
        sliced
    }

    fn poll(&mut self) -> String {
        let (mut out, mut said) = (Out::new(), String::new());
        self.session.poll_transmit(NOW, &mut out);
        while let Some(piece) = out.take() {
            said.push_str(&String::from_utf8_lossy(piece.as_slice()));
        }
        said
    }

    fn hear(&mut self, input: &str) {
        self.session.handle_input(NOW, input.as_bytes(), &mut |e| self.told.push(shown(&e)));
    }

    /// What became of the recipient.
    fn of_it(&self) -> Vec<&str> {
        self.told.iter().filter(|told| told.starts_with("1.") || told.starts_with("1 r")).map(String::as_str).collect()
    }
}

fn answer(line: &str) -> Option<&'static str> {
    match line.split(' ').next().unwrap_or_default() {
        "MAIL" => Some("250 2.1.0 ok\r\n"),
        "RCPT" => Some("250 2.1.5 ok\r\n"),
        "DATA" => Some("354 go\r\n"),
        _ => None,
    }
}

fn long() -> String {
    "long\r\n".repeat(OUT_MAX / 3)
}

#[test]
fn between_two_slices_of_a_content_no_word_accepts_it() {
    for (name, mode) in MODES {
        let mut sliced = Sliced::of(mode, &long());
        if name == "chunked" {
            sliced.hear("250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
        }
        sliced.hear("250 2.0.0 queued\r\n");
        let why = if name == "chunked" { EARLY } else { "a reply came that no command had asked for" };
        assert_eq!(sliced.of_it(), [format!("1.0 cut at data: 451 4.5.0 {why}")], "{name}: {:?}", sliced.told);
        assert!(sliced.session.is_ended(), "{name}");
    }
}

#[test]
fn between_two_slices_of_a_content_a_refusal_is_one_once_the_peer_has_hung_up() {
    for (name, mode) in MODES {
        for hangs_up in [true, false] {
            let mut sliced = Sliced::of(mode, &long());
            if name == "chunked" {
                sliced.hear("250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
            }
            sliced.hear("552 5.3.4 too big\r\n");
            assert_eq!((sliced.poll(), sliced.of_it()), (String::new(), vec![]), "{name}: {:?}", sliced.told);
            let Sliced { session, told, .. } = &mut sliced;
            match hangs_up {
                true => session.handle_closed(NOW, &mut |e| told.push(shown(&e))),
                false => session.handle_deadline(session.deadline().unwrap(), &mut |e| told.push(shown(&e))),
            }
            let what = if hangs_up { "1.0 refused at end: 552 5.3.4" } else { "1.0 cut at data: 451 4.5.0 a refusal" };
            assert!(sliced.of_it().len() == 1 && sliced.of_it()[0].starts_with(what), "{name}: {:?}", sliced.told);
            assert!(sliced.session.is_ended(), "{name}");
        }
    }
}

/// The rest of the chunk would have to follow, or the next command would be taken for it.
#[test]
fn a_chunk_that_is_refused_between_two_slices_for_want_of_recipients_ends_the_session() {
    let mut sliced = Sliced::of("250-PIPELINING\r\n250-CHUNKING\r\n", &long());
    assert!(sliced.session.begin(transaction(2, &["b@x"], "two\r\n")).is_ok());
    sliced.hear("250 2.1.0 ok\r\n550 5.1.1 who\r\n503 5.5.1 no recipients\r\n");
    assert_eq!(sliced.of_it(), ["1.0 refused at rcpt: 550 5.1.1 who"]);
    assert!(sliced.told.iter().any(|told| told.starts_with("2 returned [0]")), "{:?}", sliced.told);
    assert!(sliced.session.is_ended() && sliced.poll().is_empty(), "{:?}", sliced.told);
}
