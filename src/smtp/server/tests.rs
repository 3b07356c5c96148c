//! Dialogues with the server session.

use super::*;

/// Takes everything but `no@…`, `later@…` and content that begins with "spam".
#[derive(Default)]
struct Clerk {
    messages: Vec<(Vec<String>, Vec<u8>)>,
    to: Vec<String>,
    content: Vec<u8>,
}

impl Receiver for Clerk {
    fn hello(&mut self, name: &[u8]) -> Answer {
        if name == b"box" { Answer::Refuse("504 5.5.2 Not a full name") } else { Answer::Accept }
    }
    fn mail(&mut self, reverse_path: &[u8]) -> Answer {
        if reverse_path == b"hangup@x.example" { Answer::Close } else { Answer::Accept }
    }
    fn rcpt(&mut self, forward_path: &[u8]) -> Answer {
        let path = String::from_utf8_lossy(forward_path).into_owned();
        match path.split('@').next() {
            Some("no") => Answer::Refuse("550 5.1.1 No such mailbox"),
            Some("later") => Answer::Refuse("450 4.2.0 Greylisted"),
            Some("busy") => Answer::Refuse("421 4.3.2 Going down"),
            _ => {
                self.to.push(path);
                Answer::Accept
            }
        }
    }
    fn bytes(&mut self, content: &[u8]) {
        assert!(!content.is_empty());
        self.content.extend_from_slice(content);
    }
    fn end(&mut self) -> Answer {
        if self.content.starts_with(b"spam") {
            return Answer::Refuse("554 5.7.1 Spam");
        }
        self.messages.push((std::mem::take(&mut self.to), std::mem::take(&mut self.content)));
        Answer::Accept
    }
    fn reset(&mut self) {
        self.to.clear();
        self.content.clear();
    }
}

fn config() -> Config {
    Config {
        hostname: "mx.sink.example".into(),
        chunking: true,
        pipelining: true,
        size_max: 1000,
        recipients_max: 3,
        unstuff: true,
        starttls: false,
        login: None,
    }
}

fn drain(out: &mut Out) -> String {
    let mut text = Vec::new();
    while let Some(piece) = out.take() {
        text.extend_from_slice(piece.as_slice());
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn who_is_refused_for_its_name_has_not_been_greeted_and_may_say_another() {
    let (said, ..) = talk_in(config(), b"EHLO box\r\nHELO box\r\nMAIL FROM:<>\r\nHELO a.example\r\n", 7);
    let replies: Vec<_> = said.lines().map(|line| line.get(..9).unwrap_or(line)).collect();
    assert_eq!(replies, ["220 mx.si", "504 5.5.2", "504 5.5.2", "503 5.5.1", "250 mx.si"]);
}

/// The replies to `input`, given in pieces of `step` octets, and the clerk.
fn talk_in(config: Config, input: &[u8], step: usize) -> (String, Clerk, bool) {
    let (mut clerk, mut out) = (Clerk::default(), Out::new());
    let mut session = Session::new(Arc::new(config), &mut clerk, &mut out);
    for piece in input.chunks(step) {
        session.handle_input(piece, &mut clerk, &mut out);
    }
    (drain(&mut out), clerk, session.is_over())
}

fn talk(input: &str) -> (String, Clerk, bool) {
    let whole = talk_in(config(), input.as_bytes(), usize::MAX);
    for step in [1, 2, 3, 7] {
        let split = talk_in(config(), input.as_bytes(), step);
        assert_eq!(
            (&split.0, &split.1.messages, split.2),
            (&whole.0, &whole.1.messages, whole.2),
            "in steps of {step}"
        );
    }
    whole
}

/// The reply codes, a letter for each line: `-` for all but the last line of a reply.
fn codes(replies: &str) -> Vec<&str> {
    replies.lines().filter(|l| l.as_bytes().get(3) != Some(&b'-')).map(|l| &l[..3]).collect()
}

#[test]
fn a_pipelined_flight_is_answered_in_order() {
    let (replies, clerk, over) = talk(
        "EHLO c.example\r\nMAIL FROM:<a@x.example> SIZE=10 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<one@y.example>\r\n\
         rcpt to: <two@y.example>\r\nDATA\r\nhello\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<three@y.example>\r\n\
         BDAT 3\r\nab\nBDAT 2 LAST\r\n.\nQUIT\r\n",
    );
    assert_eq!(
        replies,
        "220 mx.sink.example ESMTP\r\n250-mx.sink.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1000\r\n\
         250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n\
         354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 Ok: taken\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok\r\n\
         250 2.0.0 Ok: taken\r\n221 2.0.0 Bye\r\n"
    );
    assert!(over);
    let message = |to: &[&str], content: &str| (to.iter().map(ToString::to_string).collect(), content.into());
    assert_eq!(
        clerk.messages,
        [message(&["one@y.example", "two@y.example"], "hello\r\n.dot\r\n"), message(&["three@y.example"], "ab\n.\n")]
    );
}

#[test]
fn refused_recipients_do_not_get_the_content() {
    let (replies, clerk, _) = talk(
        "HELO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<no@y>\r\nRCPT TO:<later@y>\r\nDATA\r\nRSET\r\nMAIL FROM:<a@x>\r\n\
         RCPT TO:<no@y>\r\nRCPT TO:<yes@y>\r\nDATA\r\nx\r\n.\r\n",
    );
    assert_eq!(codes(&replies), ["220", "250", "250", "550", "450", "554", "250", "250", "550", "250", "354", "250"]);
    assert_eq!(clerk.messages, [(vec!["yes@y".to_string()], b"x\r\n".to_vec())]);
}

#[test]
fn a_refused_chunk_is_taken_and_the_next_transaction_stands() {
    let (replies, clerk, _) = talk(
        "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<no@y>\r\nBDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<a@x>\r\nRCPT TO:<yes@y>\r\n\
         BDAT 4 LAST\r\ngoodBDAT 6 LAST\r\nQUIT\r\n",
    );
    assert_eq!(codes(&replies), ["220", "250", "250", "550", "554", "250", "250", "250", "503"]);
    assert_eq!(clerk.messages, [(vec!["yes@y".to_string()], b"good".to_vec())]);
}

#[test]
fn a_failed_chunk_fails_the_rest_of_its_content() {
    let (replies, clerk, _) =
        talk("EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<yes@y>\r\nBDAT 4\r\naaaaDATA\r\nMAIL FROM:<b@x>\r\nBDAT 1001\r\n");
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "250", "503", "503"]);
    let big = format!(
        "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<yes@y>\r\nBDAT 1001\r\n{}BDAT 2\r\nbbMAIL FROM:<b@x>\r\nBDAT 2 LAST\r\ncc\
         MAIL FROM:<b@x>\r\n",
        "a".repeat(1001)
    );
    let (replies, big, _) = talk(&big);
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "552", "503", "503", "503", "250"]);
    assert!(clerk.messages.is_empty() && big.messages.is_empty());
}

#[test]
fn commands_out_of_order_and_bad_parameters_are_refused() {
    let (replies, ..) = talk(
        "MAIL FROM:<a@x>\r\nEHLO\r\nEHLO c\r\nRCPT TO:<a@y>\r\nDATA\r\nMAIL FROM:a@x\r\nMAIL TO:<a@x>\r\n\
         MAIL FROM:<a@x> SIZE=x\r\nMAIL FROM:<a@x> SIZE=1001\r\nMAIL FROM:<a@x> FOO=1\r\nMAIL FROM:<a@x>SIZE=1\r\n\
         MAIL FROM:<a\u{1}@x>\r\nMAIL FROM:<\"a> b\"@x>\r\nMAIL FROM:<a@x>\r\nRCPT TO:<>\r\nRCPT TO:<a@y> X=1\r\nVRFY a\r\n\
         NOOP\r\nDATA x\r\n",
    );
    assert_eq!(
        codes(&replies),
        [
            "220", "503", "501", "250", "503", "503", "501", "501", "501", "552", "555", "501", "501", "250", "503",
            "501", "555", "252", "250", "501"
        ]
    );
}

#[test]
fn bounds_hold_and_junk_ends_the_session() {
    let line = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(LINE_MAX));
    assert_eq!(codes(&talk(&line).0), ["220", "500", "250"]);
    let (replies, _, over) = talk(&"\u{0}\u{ff}HELLO?\r\n".repeat(50));
    assert!(over && replies.ends_with("421 4.7.0 Too many errors\r\n"));
    assert_eq!(codes(&replies).len(), 2 + JUNK_MAX as usize);
    let many = format!("HELO c\r\nMAIL FROM:<a@x>\r\n{}", "RCPT TO:<b@y>\r\n".repeat(5));
    assert_eq!(codes(&talk(&many).0), ["220", "250", "250", "250", "250", "250", "452", "452"]);
    for bad in ["BDAT\r\n", "BDAT x\r\n", "BDAT 99999999999999999999\r\n", "BDAT 3 FIRST\r\n"] {
        let (replies, _, over) = talk(&format!("EHLO c\r\n{bad}"));
        assert!(over && codes(&replies) == ["220", "250", "501"], "{bad}");
    }
}

#[test]
fn content_over_the_limit_or_refused_gets_one_reply() {
    let (replies, clerk, _) = talk(&format!(
        "HELO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n{}\r\n.\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n\
         spam\r\n.\r\nNOOP\r\n",
        "a".repeat(1001)
    ));
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "354", "552", "250", "250", "354", "554", "250"]);
    assert!(clerk.messages.is_empty());
}

#[test]
fn a_421_or_a_hang_up_is_the_end() {
    let (replies, _, over) = talk("HELO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<busy@y>\r\nNOOP\r\n");
    assert!(over && codes(&replies) == ["220", "250", "250", "421"]);
    let (replies, _, over) = talk("HELO c\r\nMAIL FROM:<hangup@x.example>\r\nNOOP\r\n");
    assert!(over && codes(&replies) == ["220", "250"]);
}

#[test]
fn what_is_not_offered_is_not_there() {
    let plain = Config { chunking: false, pipelining: false, ..config() };
    let (replies, ..) = talk_in(plain, b"EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nBDAT 2 LAST\r\nhi", usize::MAX);
    assert!(!replies.contains("CHUNKING") && !replies.contains("PIPELINING"));
    assert_eq!(codes(&replies), ["220", "250", "250", "250", "502"]);
}

#[test]
fn after_starttls_the_client_begins_anew_and_what_was_pipelined_behind_it_is_thrown_away() {
    let offering = Config { starttls: true, ..config() };
    let input = b"EHLO c\r\nMAIL FROM:<a@x>\r\nSTARTTLS\r\nRCPT TO:<injected@y>\r\n";
    for step in 1..=input.len() {
        let (mut clerk, mut out) = (Clerk::default(), Out::new());
        let mut session = Session::new(Arc::new(offering.clone()), &mut clerk, &mut out);
        input.chunks(step).for_each(|piece| session.handle_input(piece, &mut clerk, &mut out));
        let clear = drain(&mut out);
        assert!(session.wants_handshake() && clear.contains("250-STARTTLS"), "{clear}");
        assert_eq!(codes(&clear), ["220", "250", "250", "220"]);
        session.handle_tls();
        session.handle_input(b"MAIL FROM:<a@x>\r\nEHLO c\r\nSTARTTLS\r\n", &mut clerk, &mut out);
        let inside = drain(&mut out);
        assert!(!inside.contains("STARTTLS\r\n"), "{inside}");
        assert_eq!(codes(&inside), ["503", "250", "502"]);
        assert!(clerk.to.is_empty());
    }
    let (replies, ..) = talk_in(config(), b"EHLO c\r\nSTARTTLS\r\n", usize::MAX);
    assert_eq!(codes(&replies), ["220", "250", "502"]);
}

#[test]
fn dsn_parameters_are_read_and_garbled_ones_refused() {
    let (replies, ..) = talk(
        "EHLO c\r\nMAIL FROM:<a@x> RET=ALL\r\nMAIL FROM:<a@x> ENVID=a+b\r\nMAIL FROM:<a@x> ENVID=\r\n\
         MAIL FROM:<a@x> REQUIRETLS\r\nMAIL FROM:<a@x> RET=hdrs ENVID=job+207\r\nRCPT TO:<b@y> NOTIFY=NEVER,DELAY\r\n\
         RCPT TO:<b@y> ORCPT=b@y\r\nRCPT TO:<b@y> ORCPT=rfc822;b+4\r\nRCPT TO:<b@y> NOTIFY=SUCCESS,failure ORCPT=rfc822;b+2Bc@y\r\n\
         RCPT TO:<c@y> NOTIFY=NEVER ORCPT=utf-8;d\u{f6}ra@y\r\n",
    );
    let expected = ["220", "250", "501", "501", "501", "555", "250", "501", "501", "501", "250", "250"];
    assert_eq!(codes(&replies), expected);
}

#[test]
fn without_a_login_there_is_no_mail_and_with_one_there_is() {
    let config = || Config { login: Some(Login { user: "tim".into(), password: "tanstaaf".into() }), ..config() };
    let codes_of = |input: &str| {
        let (replies, ..) = talk_in(config(), input.as_bytes(), 1);
        codes(&replies).join(" ")
    };
    assert_eq!(codes_of("EHLO c\r\nMAIL FROM:<a@x>\r\n"), "220 250 530");
    let plain = "AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n";
    assert_eq!(codes_of(&format!("EHLO c\r\n{plain}{plain}MAIL FROM:<a@x>\r\n")), "220 250 235 503 250");
    let asked = "auth plain\r\nAHRpbQB0YW5zdGFhZg==\r\nMAIL FROM:<a@x>\r\n";
    assert_eq!(codes_of(&format!("EHLO c\r\n{asked}")), "220 250 334 235 250");
    let login = "AUTH LOGIN\r\ndGlt\r\ndGFuc3RhYWY=\r\nMAIL FROM:<a@x>\r\n";
    assert_eq!(codes_of(&format!("EHLO c\r\n{login}")), "220 250 334 334 235 250");
    for wrong in
        ["AUTH PLAIN AHRpbQB4", "AUTH PLAIN\r\n*", "AUTH PLAIN !", "AUTH SCRAM-SHA-1", "AUTH PLAIN a b", "AUTH"]
    {
        let said = codes_of(&format!("EHLO c\r\n{wrong}\r\nMAIL FROM:<a@x>\r\n"));
        assert!(said.ends_with("530") && !said.contains("235"), "{wrong}: {said}");
    }
    assert_eq!(codes(&talk("EHLO c\r\nAUTH PLAIN AHRpbQB4\r\n").0), ["220", "250", "502"]);
    let shown = format!("{:?}", config());
    assert!(shown.contains("tim") && !shown.contains("tanstaaf"), "{shown}");
}
