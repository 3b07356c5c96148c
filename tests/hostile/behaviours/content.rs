//! Around the content: leaving before, inside and after it; DATA answered wrongly; recipients that are all refused.

use super::{CHUNKING, LOCKSTEP, MODES, PIPELINING, cut};
use crate::scenario::Fate::{Bounced, Deferred, Delivered, Kept, Uncertain};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    leaves(&mut all);
    wrong_data(&mut all);
    refused(&mut all);
    all
}

/// The peer closes or resets at each point of a transaction.
fn leaves(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let chunks = offers == CHUNKING;
        for (how, act) in [("closes", Act::Fin), ("resets", Act::Reset)] {
            let honest = || Play::honest(offers);
            let mut before = vec![(On::Mail, "at MAIL"), (On::Rcpt, "at RCPT")];
            if !chunks {
                before.push((On::Data, "at DATA"));
            }
            for (on, place) in before {
                // In chunks the content is out before the first reply comes. At MAIL nobody was tried yet, and a group
                // whose recipients were answered is no lie about PIPELINING.
                let fate = match on {
                    _ if chunks => Uncertain,
                    On::Mail => Delivered,
                    // A reset may swallow the replies before it.
                    On::Data if how == "resets" => Kept,
                    On::Data => Deferred(451),
                    _ => cut(offers),
                };
                let scenario = Scenario::new(
                    format!("the peer {how} {place}, {mode}"),
                    [honest().nth(on, 0, [act.clone()]), honest()],
                );
                all.push(scenario.all(fate).in_sessions(1, 2));
            }
            let scenario = Scenario::new(
                format!("the peer {how} inside a short content, {mode}"),
                [honest().nth(On::ContentAt(10), 0, [act.clone()]), honest()],
            );
            // A reset may swallow the replies before it.
            let at = if how == "resets" { "" } else { "end of content" };
            all.push(scenario.all(Uncertain).in_sessions(1, 2).logs(at, "lost"));
            let ends = if chunks { On::Bdat } else { On::Dot };
            let scenario = Scenario::new(
                format!("the peer {how} after the content, {mode}"),
                [honest().nth(ends, 0, [act.clone()]), honest()],
            );
            all.push(scenario.all(Uncertain).in_sessions(1, 2).logs(at, "lost"));
            let scenario = Scenario::new(
                format!("the peer {how} inside the reply to the content, {mode}"),
                [honest().nth(ends, 0, [Act::Say(b"250-taken\r\n25".to_vec()), act.clone()]), honest()],
            );
            all.push(scenario.all(Uncertain).in_sessions(1, 2).logs(at, "lost"));
        }
        let ends = if chunks { On::Bdat } else { On::Dot };
        let leaves = Play::honest(offers).nth(ends, 0, [Act::Honest, Act::Fin]);
        all.push(
            Scenario::new(format!("the peer closes behind its reply, {mode}"), [leaves])
                .all(Delivered)
                .in_sessions(1, 1),
        );
        let late = Play::honest(offers).nth(ends, 0, [Act::Wait(Wait::Long), Act::Honest]);
        all.push(
            Scenario::new(format!("the reply to the content is late, {mode}"), [late]).all(Delivered).in_sessions(1, 1),
        );
        let shuts = Play::honest(offers).nth(ends, 0, [say("421 4.3.2 shutting down"), Act::Fin]);
        all.push(
            Scenario::new(format!("the content is answered 421, {mode}"), [shuts, Play::honest(offers)])
                .all(Deferred(421))
                .in_sessions(1, 2),
        );
    }
}

/// DATA is answered by what is neither 354 nor a refusal.
fn wrong_data(all: &mut Vec<Scenario>) {
    for (mode, offers) in [("in lockstep", LOCKSTEP), ("pipelined", PIPELINING)] {
        for (reply, words) in [
            ("250 ok", "neither 354"),
            ("250 2.0.0 Ok: queued as 1234", "neither 354"),
            ("221 bye", "farewell"),
            ("220 mx.hostile.example", "greeting"),
        ] {
            let wrong = Play::honest(offers).nth(On::Data, 0, [say(reply)]);
            all.push(
                Scenario::new(format!("DATA is answered {reply}, {mode}"), [wrong, Play::honest(offers)])
                    .all(cut(offers))
                    .in_sessions(1, 2)
                    .dialogue(
                        0,
                        if offers == LOCKSTEP { "EHLO MAIL RCPT RCPT DATA" } else { "EHLO MAIL +RCPT +RCPT +DATA" },
                    )
                    .logs("DATA", words),
            );
        }
        for reply in ["350 go", "399 go"] {
            // 3yz means "go on" (RFC 5321 §4.2.1), whichever it is.
            let other = Play::honest(offers).nth(On::Data, 0, [say(reply)]);
            all.push(
                Scenario::new(format!("DATA is answered {reply}, {mode}"), [other]).all(Delivered).in_sessions(1, 1),
            );
        }
        for (reply, code) in [("451 4.3.0 queue", 451), ("452 4.3.1 full", 452)] {
            let refuses = Play::honest(offers).nth(On::Data, 0, [say(reply)]);
            all.push(
                Scenario::new(format!("DATA is refused: {reply}, {mode}"), [refuses])
                    .all(Deferred(code))
                    .in_sessions(1, 1),
            );
        }
        let refuses = Play::honest(offers).nth(On::Data, 0, [say("554 5.7.1 no")]);
        let scenario = Scenario::new(format!("DATA is refused for good, {mode}"), [refuses]).to(4, 2);
        all.push(scenario.fates(&[Bounced(554), Bounced(554), Delivered, Delivered]).in_sessions(1, 1));
    }
}

/// All recipients are refused; what DATA is answered then, and whether the next transaction is sound.
fn refused(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        for (reply, dot) in [
            ("354 go", Some("554 5.5.1 no valid recipients")),
            ("354 go", Some("250 2.0.0 taken, for nobody")),
            ("503 5.5.1 no valid recipients", None),
            ("554 5.5.1 no valid recipients", None),
            ("451 4.3.0 confused", None),
        ] {
            let ends = if offers == CHUNKING { On::Bdat } else { On::Data };
            let refusing = Play::honest(offers).nth(On::Rcpt, 0, [say("550 5.1.1 nobody")]).nth(
                On::Rcpt,
                1,
                [say("550 5.1.1 nobody")],
            );
            let refusing = match (dot, offers == CHUNKING) {
                (Some(_), true) => continue,
                (Some(dot), false) => {
                    refusing.nth(On::Data, 0, [say(reply)]).nth(On::Dot, 0, [Act::Means(b'5'), say(dot)])
                }
                (None, _) => refusing.nth(ends, 0, [say(reply)]),
            };
            // In lockstep nobody says DATA when there is nobody to say it for.
            if offers == LOCKSTEP && reply.starts_with("354") {
                continue;
            }
            let refusing =
                if offers == LOCKSTEP { Play { rules: refusing.rules[..2].to_vec(), ..refusing } } else { refusing };
            let dots = dot.map(|d| format!(" and the dot {d}")).unwrap_or_default();
            all.push(
                Scenario::new(format!("all RCPT refused, DATA answered {reply}{dots}, {mode}"), [refusing])
                    .to(4, 2)
                    .fates(&[Bounced(550), Bounced(550), Delivered, Delivered])
                    .in_sessions(1, 1),
            );
        }
        let mail = Play::honest(offers).nth(On::Mail, 0, [say("552 5.3.4 too large for us")]);
        all.push(
            Scenario::new(format!("MAIL is refused for good, {mode}"), [mail])
                .to(4, 2)
                .fates(&[Bounced(552), Bounced(552), Delivered, Delivered])
                .in_sessions(1, 1),
        );
        // Nobody was named yet: it is us who are refused.
        let sender = Play::honest(offers).on(On::Mail, [say("550 5.7.1 not from you")]);
        all.push(
            Scenario::new(format!("the sender is refused, {mode}"), [sender]).to(4, 2).all(Kept).never_says(0, "."),
        );
    }
}
