//! Adverts that are lies: PIPELINING and CHUNKING. What one session finds out, the next one knows.

use super::{CHUNKING, MODES, PIPELINING};
use crate::scenario::Fate::{Delivered, Lawful};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    let drops = || Play::honest(PIPELINING).dropping_pipelined();
    all.push(
        Scenario::new("PIPELINING is offered, and what is pipelined is dropped", [drops()])
            .impatient()
            .all(Delivered)
            .in_sessions(2, 3)
            .never_says(2, "+"),
    );
    for (reply, closes) in
        [("554 5.5.0 SMTP synchronization error", true), ("503 5.5.0 improper command pipelining", false)]
    {
        let mut acts = vec![say(reply)];
        acts.extend(closes.then_some(Act::Fin));
        let refuses = Play::honest(PIPELINING).on(On::Pipelined, acts);
        let scenario = Scenario::new(format!("PIPELINING is offered, and answered {reply}"), [refuses]);
        all.push(Scenario { ..scenario.all(Delivered).in_sessions(1, 3).never_says(2, "+") });
    }
    for reply in
        ["500 5.5.1 command not recognized", "502 5.5.1 not implemented", "503 5.5.1 bad sequence", "504 5.5.4 no"]
    {
        let reads = Play::honest(CHUNKING).misreading().on(On::Bdat, [say(reply)]);
        all.push(
            Scenario::new(
                format!("CHUNKING is offered, BDAT answered {reply} and its content read as commands"),
                [reads],
            )
            .to(4, 2)
            .all(Delivered)
            .in_sessions(2, 3)
            .never_says(1, "BDAT"),
        );
        // It skips the content, as it should.
        let skips = Play::honest(CHUNKING).on(On::Bdat, [say(reply)]);
        all.push(
            Scenario::new(format!("CHUNKING is offered, BDAT answered {reply}"), [skips])
                .to(4, 2)
                .all(Delivered)
                .in_sessions(1, 3)
                .never_says(1, "BDAT"),
        );
    }
    surplus(&mut all);
    all
}

/// How servers speak: to MAIL, to RCPT, to a content.
const MANNERS: [(&str, [&str; 3]); 3] = [
    ("with enhanced codes", ["250 2.1.0 ok", "250 2.1.5 ok", "250 2.0.0 taken"]),
    ("with queue ids", ["250 OK", "250 Accepted", "250 OK id=1rXY-00"]),
    ("in one word", ["250 ok", "250 ok", "250 ok"]),
];

/// A command is answered twice, at each place, in the same breath or later; some recipients and a content are refused.
fn surplus(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let end = if offers == CHUNKING { On::Bdat } else { On::Dot };
        for (manner, [mail, rcpt, taken]) in MANNERS {
            let places =
                [(On::Connect, "220 mx"), (On::Mail, mail), (On::Rcpt, rcpt), (On::Data, "354 go"), (end, taken)];
            for (on, words) in places.into_iter().chain([(On::Rset, "250 2.0.0 ok")]) {
                for (when, wait) in [("at once", None), ("later", Some(Act::Wait(Wait::Moment)))] {
                    let twice: Vec<Act> = [say(words)].into_iter().chain(wait).chain([say(words)]).collect();
                    let play = Play::honest(offers)
                        .nth(on, 0, twice)
                        .on(On::Mail, [say(mail)])
                        .nth(On::Rcpt, 1, [say("550 5.1.1 nobody")])
                        .on(On::Rcpt, [say(rcpt)])
                        .nth(end, 1, [say("554 5.6.0 spam")])
                        .on(end, [say(taken)]);
                    all.push(
                        Scenario::new(format!("{on:?} is answered twice {when}, {manner}, {mode}"), [play])
                            .to(6, 2)
                            .all(Lawful)
                            .miscounting(),
                    );
                }
            }
        }
    }
}
