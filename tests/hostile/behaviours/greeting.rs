//! Greetings: late, absent, refusing, garbled, doubled.

use super::{LOCKSTEP, PIPELINING};
use crate::scenario::Fate::{Delivered, Kept, Waiting};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

fn honest() -> Play {
    Play::honest(PIPELINING)
}

pub fn all() -> Vec<Scenario> {
    let mut all = vec![
        Scenario::new("the greeting is late", [honest().on(On::Connect, [Act::Wait(Wait::Long), Act::Honest])])
            .all(Delivered)
            .dialogue(0, "EHLO MAIL +RCPT +RCPT +DATA . QUIT")
            .in_sessions(1, 1),
        // When time is up it rests between two sessions.
        Scenario {
            minutes: 25,
            ..Scenario::new("the greeting never comes", [honest().on(On::Connect, [Act::Deaf])])
                .impatient()
                .all(Waiting)
                .never_says(0, "EHLO")
                .in_sessions(2, 6)
                .logs("greeting", "timed out")
        },
        Scenario::new("the greeting never comes, once", [honest().on(On::Connect, [Act::Deaf]), honest()])
            .impatient()
            .all(Delivered)
            .in_sessions(2, 2)
            .logs("greeting", "timed out"),
        Scenario::new(
            "the greeting has many lines, octet by octet",
            [honest()
                .on(On::Connect, [Act::Dribble(b"220-mx.hostile.example\r\n220-no spam\r\n220 ready\r\n".to_vec())])],
        )
        .all(Delivered)
        .in_sessions(1, 1),
        Scenario::new("the greeting comes twice", [honest().on(On::Connect, [say("220 mx"), say("220 mx")])])
            .miscounting()
            .all(Waiting)
            .in_sessions(2, 12)
            .never_says(0, "."),
        Scenario::new(
            "a reply comes with the greeting",
            [Play::honest(LOCKSTEP).on(On::Connect, [say("220 mx"), say("250 mx")]).nth(
                On::Rcpt,
                0,
                [say("550 5.1.1 no")],
            )],
        )
        .miscounting()
        .all(Kept)
        .in_sessions(1, 12)
        .never_says(0, "."),
    ];
    for refusal in ["421 4.7.0 too busy", "421 busy", "554 5.7.1 go away", "554 no", "450 4.3.2 not now", "354 go on"] {
        let refuses = || honest().on(On::Connect, [say(refusal), Act::Fin]);
        let phase = "greeting";
        let words = if refusal.starts_with("354") { "intermediate" } else { refusal };
        all.push(
            Scenario::new(format!("the greeting is always {refusal}"), [refuses()])
                .all(Waiting)
                .never_says(0, "EHLO")
                .in_sessions(2, 12)
                .logs(phase, words),
        );
        all.push(
            Scenario::new(format!("the greeting is once {refusal}"), [refuses(), honest()])
                .all(Delivered)
                .in_sessions(2, 2)
                .logs(phase, words),
        );
        // The peer leaves closing to the client.
        all.push(
            Scenario::new(
                format!("the greeting is once {refusal}, and it stays"),
                [honest().on(On::Connect, [say(refusal)]), honest()],
            )
            .all(Delivered)
            .in_sessions(2, 2)
            .logs(phase, words),
        );
    }
    for (how, act) in [("closes", Act::Fin), ("resets", Act::Reset)] {
        all.push(
            Scenario::new(
                format!("the peer {how} instead of a greeting"),
                [honest().on(On::Connect, [act.clone()]), honest()],
            )
            .all(Delivered)
            .in_sessions(2, 2)
            .logs("greeting", "lost"),
        );
        all.push(
            Scenario::new(
                format!("the peer {how} inside the greeting"),
                [honest().on(On::Connect, [Act::Say(b"220-mx.hosti".to_vec()), act]), honest()],
            )
            .all(Delivered)
            .in_sessions(2, 2)
            .logs("greeting", "lost"),
        );
    }
    all
}
