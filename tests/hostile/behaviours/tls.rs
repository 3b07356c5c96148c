//! STARTTLS: refused, closed over, answered with garbage, with octets injected in clear text behind the reply.

use crate::scenario::Fate::{Deferred, Delivered, Uncertain};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, say};

const OFFERS: &[&str] = &["PIPELINING", "STARTTLS"];

fn honest() -> Play {
    Play::honest(OFFERS)
}

fn scenario(name: &str, plays: impl Into<Vec<Play>>) -> Scenario {
    Scenario { starttls: true, ..Scenario::new(name, plays) }
}

pub fn all() -> Vec<Scenario> {
    let secure = "EHLO STARTTLS EHLO MAIL +RCPT +RCPT +DATA . QUIT";
    let clear = "EHLO MAIL +RCPT +RCPT +DATA . QUIT";
    let mut all = vec![
        scenario("TLS as it should be", [honest()]).all(Delivered).dialogue(0, secure).in_sessions(1, 1),
        scenario("TLS ends without a word behind the reply", [honest().nth(On::Dot, 0, [Act::Honest, Act::Fin])])
            .all(Delivered)
            .in_sessions(1, 1),
        scenario("TLS is cut inside the content", [honest().nth(On::ContentAt(10), 0, [Act::Reset])])
            .all(Uncertain)
            .in_sessions(1, 1)
            .logs("end of content", "lost"),
        scenario("clear text inside TLS", [honest().nth(On::Mail, 0, [Act::Raw(b"250 ok\r\n".to_vec())]), honest()])
            .all(Delivered)
            .in_sessions(2, 2),
    ];
    for offers in [OFFERS, &["PIPELINING", "CHUNKING", "STARTTLS"]] {
        let chunks = offers.contains(&"CHUNKING");
        // Each octet of a reply that never ends has the session look whether it may say more.
        let half = b"250-2.0.0 a reply that comes octet by octet, and never to its end".to_vec();
        let stops = Play::honest(offers).nth(On::ContentAt(1000), 0, [Act::StopReading, Act::Dribble(half)]);
        let name = format!("TLS to a peer that stops reading, {}", if chunks { "in chunks" } else { "pipelined" });
        let scenario = scenario(&name, [stops, Play::honest(offers)]).impatient().all(Deferred(451)).in_sessions(1, 2);
        all.push(Scenario { padding: 8 << 20, ..scenario.logs("content", "timed out") });
    }
    for reply in ["454 4.7.0 TLS not available", "502 5.5.1 no", "554 5.7.1 no"] {
        let refuses = honest().on(On::StartTls, [say(reply)]);
        all.push(
            scenario(&format!("STARTTLS is refused: {reply}"), [refuses])
                .all(Delivered)
                .dialogue(0, "EHLO STARTTLS MAIL +RCPT +RCPT +DATA . QUIT")
                .in_sessions(1, 1),
        );
    }
    let injected = b"220 2.0.0 go\r\n250-mx.evil.example\r\n250-AUTH PLAIN\r\n250 CHUNKING\r\n".to_vec();
    let injects = honest().on(On::StartTls, [Act::Say(injected)]);
    let unheeded = scenario("clear text is injected behind the reply to STARTTLS", [injects]).all(Delivered);
    all.push(unheeded.dialogue(0, secure).never_says(0, "BDAT").never_says(0, "AUTH").in_sessions(1, 2));
    let garbage = b"\x16\x03\x01\xff\xffthis is no handshake at all\r\n220 really\r\n".to_vec();
    for (what, acts) in [
        ("garbage answers the handshake", vec![Act::Raw(garbage)]),
        ("text answers the handshake", vec![Act::Raw(b"500 5.5.1 what is that\r\n".to_vec())]),
        ("endless octets answer the handshake", vec![Act::Endless(vec![0x16, 3, 3])]),
        ("the handshake is closed over", vec![Act::Fin]),
        ("the handshake is reset", vec![Act::Reset]),
    ] {
        all.push(
            scenario(what, [honest().on(On::Handshake, acts)])
                .all(Delivered)
                .dialogue(1, clear)
                .in_sessions(2, 2)
                .logs("STARTTLS", ""),
        );
    }
    all.push(
        scenario("the handshake is never answered", [honest().on(On::Handshake, [Act::Deaf])])
            .impatient()
            .all(Delivered)
            .in_sessions(2, 3)
            .logs("STARTTLS", "timed out"),
    );
    for (how, act) in [("closed over", Act::Fin), ("reset", Act::Reset)] {
        all.push(
            scenario(&format!("STARTTLS is {how}"), [honest().on(On::StartTls, [act])])
                .all(Delivered)
                .in_sessions(2, 3)
                .logs("STARTTLS", "lost"),
        );
    }
    all.push(
        scenario("STARTTLS is answered by garbage", [honest().on(On::StartTls, [say("22x go")]), honest()])
            .all(Delivered)
            .in_sessions(2, 2)
            .logs("STARTTLS", "code"),
    );
    all
}
