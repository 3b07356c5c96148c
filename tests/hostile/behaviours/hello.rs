//! EHLO: refused, closed over, dribbled; HELO in its place.

use super::PIPELINING;
use crate::scenario::Fate::{Delivered, Waiting};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

fn honest() -> Play {
    Play::honest(PIPELINING)
}

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for refusal in ["500 what", "502 5.5.1 not implemented", "504 5.5.4 no", "550 no"] {
        all.push(
            Scenario::new(format!("EHLO is refused: {refusal}"), [honest().on(On::Ehlo, [say(refusal)])])
                .all(Delivered)
                .dialogue(0, "EHLO HELO MAIL RCPT RCPT DATA . QUIT")
                .in_sessions(1, 1),
        );
    }
    let refuses = || honest().on(On::Ehlo, [say("502 5.5.1 what")]);
    all.push(
        Scenario::new("EHLO and HELO are refused", [refuses().on(On::Helo, [say("550 5.7.1 not you")])])
            .all(Waiting)
            .never_says(0, "MAIL")
            .in_sessions(2, 12)
            .logs("EHLO", "550 5.7.1 not you"),
    );
    all.push(
        Scenario::new("EHLO is closed over", [honest().on(On::Ehlo, [Act::Fin])])
            .all(Delivered)
            .in_sessions(2, 3)
            .logs("EHLO", "lost"),
    );
    all.push(
        Scenario::new("EHLO is refused, and closed over", [honest().on(On::Ehlo, [say("500 what"), Act::Fin])])
            .all(Delivered)
            .in_sessions(2, 3),
    );
    for refusal in ["421 4.3.2 shutting down", "450 4.7.1 later", "451 later"] {
        let refuses = || honest().on(On::Ehlo, [say(refusal), Act::Fin]);
        all.push(
            Scenario::new(format!("EHLO is once answered {refusal}"), [refuses(), honest()])
                .all(Delivered)
                .in_sessions(2, 2)
                .logs("EHLO", refusal),
        );
        all.push(
            Scenario::new(format!("EHLO is always answered {refusal}"), [refuses()])
                .all(Waiting)
                .never_says(0, "MAIL")
                .in_sessions(2, 12)
                .logs("EHLO", refusal),
        );
    }
    let lines = "250-mx.hostile.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10000000\r\n250 HELP\r\n";
    all.push(
        Scenario::new("EHLO is answered octet by octet", [honest().on(On::Ehlo, [Act::Dribble(lines.into())])])
            .all(Delivered)
            .dialogue(0, "EHLO MAIL +RCPT +RCPT +DATA . QUIT")
            .in_sessions(1, 1),
    );
    all.push(
        Scenario::new("the reply to EHLO is late", [honest().on(On::Ehlo, [Act::Wait(Wait::Long), Act::Honest])])
            .all(Delivered)
            .in_sessions(1, 1),
    );
    let odd = b"250-PIPELINING\r\n250-\r\n250-SIZE=\r\n250-\0\xff\x80 \t\r\n250-pipelining\r\n250-LIMITS RCPTMAX=0\r\n250 \r\n";
    all.push(
        Scenario::new("the reply to EHLO is odd", [honest().on(On::Ehlo, [Act::Say(odd.to_vec())])])
            .all(Delivered)
            .in_sessions(1, 1),
    );
    all
}
