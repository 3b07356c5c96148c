//! Replies that are none: garbled, endless, too many, too few; and such that only look odd.

use super::{CHUNKING, LOCKSTEP, MODES, PIPELINING, cut};
use crate::scenario::Fate::{Bounced, Deferred, Delivered, Kept, Uncertain, Unsure, Waiting};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, say};

/// What breaks the protocol, and the rule's words.
const GARBLED: [(&str, &str, &str); 11] = [
    ("code 000", "000 nothing\r\n", "code"),
    ("code 999", "999 too much\r\n", "code"),
    ("code 25x", "25x ok\r\n", "code"),
    ("two digits", "25\r\n", "code"),
    ("four digits", "2500 ok\r\n", "code"),
    ("no code", "hello there\r\n", "code"),
    ("a blank line", "\r\n", "code"),
    ("an HTTP reply", "HTTP/1.1 400 Bad Request\r\n", "code"),
    ("a tab behind the code", "250\tok\r\n", "code"),
    ("other codes in its lines", "250-ok\r\n550 no\r\n", "codes"),
    ("other codes the other way", "550-no\r\n250 ok\r\n", "codes"),
];

const PHASES: [(On, &str); 6] = [
    (On::Connect, "greeting"),
    (On::Ehlo, "EHLO"),
    (On::Mail, "MAIL"),
    (On::Rcpt, "RCPT"),
    (On::Data, "DATA"),
    (On::Dot, "end of content"),
];

fn say_all(octets: &[u8]) -> Act {
    Act::Say(octets.to_vec())
}

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    garbled(&mut all);
    endless(&mut all);
    miscounted(&mut all);
    odd(&mut all);
    all
}

/// A malformed reply defers the session, and bounces nobody; behind the content it leaves everybody uncertain.
fn garbled(all: &mut Vec<Scenario>) {
    for (what, reply, rule) in GARBLED {
        for (on, phase) in PHASES {
            let bad = Play::honest(PIPELINING).nth(on, 0, [say_all(reply.as_bytes())]);
            let fate = if on == On::Dot { Uncertain } else { Delivered };
            let least = if on == On::Dot { 1 } else { 2 };
            let scenario = Scenario::new(format!("{what} at {phase}"), [bad, Play::honest(PIPELINING)]);
            all.push(scenario.all(fate).in_sessions(least, 2).logs(phase, rule));
        }
        let bad = Play::honest(CHUNKING).nth(On::Bdat, 0, [say_all(reply.as_bytes())]);
        let scenario = Scenario::new(format!("{what} at a chunk"), [bad, Play::honest(CHUNKING)]);
        all.push(scenario.all(Uncertain).in_sessions(1, 2).logs("end of content", rule));
    }
}

/// Lines without end and replies without end, at each phase.
fn endless(all: &mut Vec<Scenario>) {
    let long = [b"250 ".as_slice(), &[b'x'; 2100], b"\r\n"].concat();
    for (on, phase) in PHASES {
        for (what, act) in [
            ("an endless line", Act::Endless(b"250 for ever and ever ".to_vec())),
            ("a reply of endless lines", Act::Endless(b"250-for ever and ever\r\n".to_vec())),
            ("endless octets of no line", Act::Endless(vec![0])),
            ("a line that is too long", say_all(&long)),
        ] {
            let bad = Play::honest(PIPELINING).nth(on, 0, [act]);
            let (fate, least) = if on == On::Dot { (Uncertain, 1) } else { (Delivered, 2) };
            let scenario = Scenario::new(format!("{what} at {phase}"), [bad, Play::honest(PIPELINING)]);
            all.push(scenario.all(fate).in_sessions(least, 2).logs(phase, "a reply"));
        }
    }
}

/// One reply too many, or too few.
fn miscounted(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let honest = || Play::honest(offers);
        let twice = [say("250 2.1.5 ok"), say("250 2.1.5 ok")];
        for on in [On::Mail, On::Rcpt] {
            // The replies behind it are taken for another command's, until one of them cannot be.
            let doubled = honest().nth(on, 0, twice.clone());
            let chunks = offers == CHUNKING;
            let scenario = Scenario::new(format!("{on:?} is answered twice, {mode}"), [doubled, honest()]);
            // In chunks the content has left with the rest.
            let fate = if chunks { Uncertain } else { cut(offers) };
            all.push(scenario.miscounting().all(fate).in_sessions(1, 2));
        }
        let doubled = honest().nth(On::Mail, 0, twice.clone()).nth(On::Rcpt, 0, [say("550 5.1.1 nobody")]);
        // Whose refusal it was cannot be told: nobody is bounced for it.
        let scenario =
            Scenario::new(format!("MAIL is answered twice and a recipient refused, {mode}"), [doubled, honest()]);
        let fate = if offers == CHUNKING { Uncertain } else { cut(offers) };
        all.push(scenario.miscounting().all(fate).in_sessions(1, 2));
        let missing = honest().nth(On::Rcpt, 0, [Act::Means(b'2')]);
        let scenario = Scenario::new(format!("RCPT is not answered, {mode}"), [missing, honest()]).impatient();
        all.push(if offers == CHUNKING {
            scenario.all(Uncertain).in_sessions(1, 2)
        } else {
            scenario.all(cut(offers)).in_sessions(1, 2)
        });
        let ends = if offers == CHUNKING { On::Bdat } else { On::Dot };
        // One of the two was said of something else, and which one cannot be told. It shows if both come in one read, or if the
        // second comes before the RSET that asks; both say the same, so that nobody is wronged where it does not.
        let twice = honest().nth(ends, 0, [say("250 2.0.0 taken"), say("250 2.0.0 taken")]);
        all.push(
            Scenario::new(format!("a content is answered twice, {mode}"), [twice, honest()])
                .miscounting()
                .all(Unsure)
                .in_sessions(1, 1),
        );
    }
    // Everything at once, at the end of the group.
    let together = Play::honest(PIPELINING)
        .nth(On::Mail, 0, [Act::Means(b'2')])
        .nth(On::Rcpt, 0, [Act::Means(b'2')])
        .nth(On::Rcpt, 1, [Act::Means(b'5')])
        .nth(On::Data, 0, [Act::Means(b'3'), say("250 ok\r\n250 ok\r\n550-5.1.1 nobody\r\n550 5.1.1 here\r\n354 go")]);
    all.push(
        Scenario::new("the replies of a group come together", [together])
            .fates(&[Delivered, Bounced(550)])
            .in_sessions(1, 1),
    );
    for (offers, mode) in [(LOCKSTEP, "in lockstep"), (PIPELINING, "pipelined")] {
        let unasked = Play::honest(offers).nth(On::Dot, 0, [Act::Honest, say("250 and more")]);
        all.push(
            Scenario::new(format!("a reply comes that nobody asked for, {mode}"), [unasked, Play::honest(offers)])
                .miscounting()
                .to(4, 2)
                .fates(&[Unsure, Unsure, Kept, Kept]),
        );
    }
}

/// Odd, and right all the same.
fn odd(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let ends = if offers == CHUNKING { On::Bdat } else { On::Dot };
        let bare = Play::honest(offers)
            .on(On::Connect, [say_all(b"220-mx\n220 ready\n")])
            .on(On::Mail, [say_all(b"250 ok\n")])
            .on(On::Rcpt, [say_all(b"250-o\n250 k\n")])
            .on(On::Data, [say_all(b"354 go\n")])
            .on(ends, [say_all(b"250 taken\n")]);
        all.push(Scenario::new(format!("lines end with a bare LF, {mode}"), [bare]).all(Delivered).in_sessions(1, 1));
        let foreign = Play::honest(offers)
            .on(On::Connect, [say_all(b"220 \0\xff\xfe \xe2\x80\xae\r\n")])
            .on(On::Mail, [say_all(b"250 \0\0\r\n")])
            .nth(On::Rcpt, 0, [say_all(b"250 \xff\r\n")])
            .nth(On::Rcpt, 1, [say_all(b"550 5.1.1 \0 gone\x1b[2J \xff\r\n")])
            .on(ends, [say_all(b"250 2.0.0 \x80\r\n")]);
        all.push(
            Scenario::new(format!("NUL and octets above 127, {mode}"), [foreign])
                .fates(&[Delivered, Bounced(550)])
                .words(1, "gone")
                .in_sessions(1, 1),
        );
        let bare_codes = Play::honest(offers)
            .on(On::Connect, [say_all(b"220\r\n")])
            .on(On::Mail, [say_all(b"250\r\n")])
            .on(On::Rcpt, [say_all(b"250 \r\n")])
            .on(On::Data, [say_all(b"354\r\n")])
            .on(ends, [say_all(b"250\r\n")]);
        all.push(Scenario::new(format!("codes without text, {mode}"), [bare_codes]).all(Delivered).in_sessions(1, 1));
    }
    for (reply, fate) in [
        ("250 5.1.1 ok", Delivered),
        ("250 2.1 ok", Delivered),
        ("251 2.1.5 will forward", Delivered),
        ("252 2.1.5 cannot verify", Delivered),
        ("259 whatever", Delivered),
        ("550 2.1.1 no", Bounced(550)),
        ("550 no", Bounced(550)),
        ("550 5.1.10.1 no", Bounced(550)),
        ("553 5.1.3 no", Bounced(553)),
        ("599 strange", Bounced(599)),
        ("450 4.2.0 greylisted", Deferred(450)),
        ("450 5.1.1 confused", Deferred(450)),
        ("451 4.7.500 server busy", Deferred(451)),
        ("499 strange", Deferred(499)),
    ] {
        let play = Play::honest(PIPELINING).on(On::Rcpt, [Act::Honest]).nth(On::Rcpt, 1, [say(reply)]);
        // The first rule that fits counts.
        let play = Play { rules: play.rules.into_iter().rev().collect(), ..play };
        let fates = [Delivered, fate];
        all.push(Scenario::new(format!("a recipient is answered {reply}"), [play]).fates(&fates).in_sessions(1, 1));
    }
    let busy = Play::honest(PIPELINING).nth(On::Rcpt, 1, [say("451 4.7.500 server busy")]);
    all.push(
        Scenario::new("an enhanced code of three digits", [busy])
            .fates(&[Delivered, Deferred(451)])
            .words(1, "4.7.500 server busy"),
    );
    for (reply, fate) in [
        ("354 more", Uncertain),
        ("251 ok", Delivered),
        ("450 4.3.0 not now", Deferred(450)),
        ("554 5.6.0 spam", Bounced(554)),
    ] {
        for (mode, offers) in MODES {
            let ends = if offers == CHUNKING { On::Bdat } else { On::Dot };
            let play = Play::honest(offers).nth(ends, 0, [say(reply)]);
            let play = if reply.starts_with("354") { play.nth(ends, 0, [Act::Deaf]) } else { play };
            all.push(
                Scenario::new(format!("a content is answered {reply}, {mode}"), [play, Play::honest(offers)])
                    .all(fate)
                    .in_sessions(1, 2),
            );
        }
    }
    let all_waiting = Play::honest(PIPELINING).on(On::Mail, [say("550-a\r\n551 b")]);
    all.push(
        Scenario::new("every session is garbled", [all_waiting])
            .all(Waiting)
            .never_says(0, ".")
            .in_sessions(2, 12)
            .logs("MAIL", "codes"),
    );
}
