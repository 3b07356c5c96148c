//! How a trace looks: golden text, and what must never stand in it.

use super::*;
use crate::base::clock::{Instant, Now, UnixTime};
use crate::mail::event::{Tls, Via};

const START: Now = Now { mono: Instant(7_000_000), unix: UnixTime(1_767_225_599) };

fn at(us: u64) -> Instant {
    Instant(START.mono.0 + us)
}

fn via() -> Via<'static> {
    Via {
        session: 12,
        site: "a.example",
        host: "mx.a.example",
        remote: "192.0.2.1:25".parse().unwrap(),
        source: "a",
        local: Some("192.0.2.9".parse().unwrap()),
        ehlo: "mail.acme.example",
        tls: None,
    }
}

/// What a trace with this filter has to say of a dialogue.
fn traced(filter: &str, likely: bool, play: impl FnOnce(&mut Dialogue)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.txt");
    let trace = Trace::begin(Filter::parse([filter]).unwrap(), &Target::File(path.clone())).unwrap();
    let via = via();
    if let Some(mut dialogue) = Dialogue::begin(&trace.tracer(), &Opening { via: &via, likely }, START) {
        play(&mut dialogue);
    }
    trace.end();
    std::fs::read_to_string(path).unwrap()
}

fn said(dialogue: &mut Dialogue, us: u64, text: &str) {
    dialogue.said(at(us), std::iter::once(text.as_bytes()));
}

fn hello(dialogue: &mut Dialogue) {
    dialogue.remark(at(12_100), "connected");
    dialogue.heard(at(24_000), b"220 mx.a.example ESM");
    dialogue.heard(at(24_100), b"TP\r\n");
    said(dialogue, 24_100, "EHLO mail.acme.example\r\n");
    dialogue.heard(at(36_100), b"250-mx.a.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    dialogue.ready();
}

#[test]
fn a_session_reads_well() {
    let text = traced("mx.a.example", false, |d| {
        hello(d);
        said(d, 36_200, "STARTTLS\r\n");
        d.heard(at(48_000), b"220 2.0.0 go ahead\r\n");
        let tls = Tls { version: "TLSv1.3", cipher: "TLS13_AES_256_GCM_SHA384", resumed: false, verified: "dane" };
        d.encrypted(at(75_500), &tls, Some(("CN=mx.a.example", "CN=Some CA")));
        let content = [b'x'; 10_240];
        let group: [&[u8]; 4] = [
            b"MAIL FROM:<b@acme.example> SIZE=10240\r\nRCPT TO:<ann@a",
            b".example>\r\nBDAT 10240 LAST\r\n",
            &content,
            b"RSET\r\n",
        ];
        d.said(at(80_000), group.into_iter());
        d.heard(at(99_900), b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 queued as \x1b[31m\xff\r\n");
        said(d, 100_000, "DATA\r\n");
        d.heard(at(110_000), b"354 go on\r\n");
        d.said(at(110_000), [&b"a: b\r\n\r\n.. no end\r\n"[..], b".", b"\r\nQUIT\r\n"].into_iter());
        d.ended(at(1_120_000), "done: 2 transactions, 2 recipients delivered");
    });
    assert_eq!(
        text,
        "\
#12 mx.a.example      0.0000 * 2025-12-31T23:59:59Z connecting to 192.0.2.1:25, site a.example, from 192.0.2.9 (source a)
#12 mx.a.example      0.0121 * connected
#12 mx.a.example      0.0241 < 220 mx.a.example ESMTP
#12 mx.a.example      0.0241 > EHLO mail.acme.example
#12 mx.a.example      0.0361 < 250-mx.a.example
#12 mx.a.example             < 250-PIPELINING
#12 mx.a.example             < 250 CHUNKING
#12 mx.a.example      0.0362 > STARTTLS
#12 mx.a.example      0.0480 < 220 2.0.0 go ahead
#12 mx.a.example      0.0755 * TLSv1.3, TLS13_AES_256_GCM_SHA384, full handshake; certificate of CN=mx.a.example, issued by CN=Some CA; verified: dane
#12 mx.a.example      0.0800 > MAIL FROM:<b@acme.example> SIZE=10240
#12 mx.a.example             > RCPT TO:<ann@a.example>
#12 mx.a.example             > BDAT 10240 LAST
#12 mx.a.example             > <10,240 octets of content>
#12 mx.a.example             > RSET
#12 mx.a.example      0.0999 < 250 2.1.0 Ok
#12 mx.a.example             < 250 2.1.5 Ok
#12 mx.a.example             < 250 2.0.0 queued as \\x1b[31m\\xff
#12 mx.a.example      0.1000 > DATA
#12 mx.a.example      0.1100 < 354 go on
#12 mx.a.example      0.1100 > <19 octets of content>
#12 mx.a.example             > .
#12 mx.a.example             > QUIT
#12 mx.a.example      1.1200 * done: 2 transactions, 2 recipients delivered
"
    );
}

#[test]
fn credentials_are_left_out() {
    let text = traced("192.0.2.1", false, |d| {
        for (line, reply) in [
            ("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n", "535 5.7.8 no\r\n"),
            ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"),
            ("YW5u\r\n", "334 UGFzc3dvcmQ6\r\n"),
            ("c2VjcmV0\r\n", "235-2.7.0 well\r\n235 2.7.0 done\r\n"),
            ("MAIL FROM:<>\r\n", "250 ok\r\n"),
        ] {
            said(d, 5, line);
            d.heard(at(6), reply.as_bytes());
        }
        d.ended(at(7), "done");
    });
    for secret in ["AGFubgBzZWNyZXQ", "YW5u", "c2VjcmV0", "UGFzc3dvcmQ6"] {
        assert!(!text.contains(secret), "{secret} stands in\n{text}");
    }
    for shown in ["> AUTH PLAIN <credentials>", "< 535 5.7.8 no", "> AUTH LOGIN\n", "< 334\n", "> MAIL FROM:<>"] {
        assert!(text.contains(shown), "{shown} is missing in\n{text}");
    }
    assert_eq!(text.matches("> <credentials>").count(), 2, "{text}");
}

#[test]
fn a_recipient_is_shown_and_not_those_around_it() {
    let text = traced("ann@a.example", true, |d| {
        hello(d);
        for (key, name) in [(1, "bob"), (2, "Ann"), (3, "cid")] {
            let path = format!("{name}@a.example");
            d.begun(key, std::iter::once(path.as_bytes()));
            said(d, key * 1000, &format!("RCPT TO:<{path}>\r\n"));
            d.heard(at(key * 1000 + 1), format!("250 {name} is fine\r\n").as_bytes());
            d.finished(key);
        }
        d.ended(at(9_000), "done");
    });
    assert!(text.starts_with("#12 mx.a.example      0.0000 * 2025"), "{text}");
    assert!(text.contains("220 mx") && text.contains("* 2 lines are left out"), "{text}");
    assert!(text.contains("> RCPT TO:<Ann@a.example>") && text.contains("< 250 Ann is fine"), "{text}");
    assert!(!text.contains("bob") && !text.contains("cid"), "{text}");
    assert!(text.ends_with("* done\n"), "{text}");
}

#[test]
fn a_session_without_the_wanted_is_shown_only_if_it_failed_on_the_way_to_them() {
    let fails = |d: &mut Dialogue| {
        d.heard(at(9), b"554 5.7.1 go away\r\n");
        d.ended(at(10), "refused at greeting");
    };
    let text = traced("b.example", true, fails);
    assert!(text.contains("< 554 5.7.1 go away") && text.contains("* refused at greeting"), "{text}");
    assert_eq!(traced("b.example", false, fails), "");
    assert_eq!(traced("192.0.2.77", true, fails), "");
    let works = |d: &mut Dialogue| {
        hello(d);
        d.ended(at(99_000), "done");
    };
    assert_eq!(traced("b.example", true, works), "");
}

#[test]
fn endless_lines_and_endless_sessions_are_bounded() {
    let text = traced("a.example", false, |d| {
        for _ in 0..1000 {
            d.heard(at(1), &[b'x'; 1000]);
        }
        d.heard(at(2), b"\r\n220 short\r\n");
        for n in 0..20_000 {
            d.heard(at(n), b"250 ok\r\n");
        }
        d.ended(at(30_000), "done");
    });
    assert!(text.lines().all(|line| line.len() < 600));
    assert!(text.lines().nth(1).unwrap().ends_with("x… (a longer line)") && text.contains("220 short"));
    assert!(text.ends_with("the rest is left out\n"), "{}", &text[text.len() - 200..]);
    assert!(text.lines().count() <= 5_000);
}

#[test]
fn what_did_not_end_is_said() {
    let text = traced("a.example", false, |d| {
        said(d, 1, "BDAT 1000 LAST\r\n0123456789");
        d.heard(at(2), b"250 not yet");
        d.ended(at(3), "lost at content");
    });
    assert!(text.contains("* 10 of 1,000 octets of content were handed out"), "{text}");
    assert!(text.contains("< 250 not yet… (the line did not end)"), "{text}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| {
        let filter = Filter::parse(["a.example"]).unwrap();
        Trace::begin(filter, &Target::File(path.to_owned())).err().unwrap().to_string()
    };
    assert!(error(&folder.path().join("no/t.txt")).contains("hint:"));
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "email\n").unwrap();
    assert!(error(&list).contains("list.csv is no trace"));
}

#[test]
fn a_full_disk_costs_the_trace_and_nothing_else() {
    let trace = Trace::begin(Filter::parse(["a.example"]).unwrap(), &Target::File("/dev/full".into())).unwrap();
    let via = via();
    let mut dialogue = Dialogue::begin(&trace.tracer(), &Opening { via: &via, likely: false }, START).unwrap();
    for n in 0..1000 {
        dialogue.heard(at(n), b"250 ok\r\n");
    }
    drop(dialogue);
    trace.end();
}
