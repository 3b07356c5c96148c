//! Limits: of recipients, of transactions, of sessions, of patience with errors; and closing after so many messages.

use super::{CHUNKING, LOCKSTEP, MODES, PIPELINING};
use crate::scenario::Fate::{Bounced, Deferred, Delivered, Uncertain, Unsure, Waiting};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    recipients(&mut all);
    domains(&mut all);
    transactions(&mut all);
    sessions(&mut all);
    errors(&mut all);
    all
}

/// "Too many recipients" after three of a transaction.
fn recipients(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        for reply in ["452 4.5.3 too many recipients", "452 too many recipients", "552 5.5.3 too many recipients"] {
            let play = Play::honest(offers).on(On::RcptBeyond(3), [say(reply)]);
            let scenario = Scenario::new(format!("RCPT beyond three is answered {reply}, {mode}"), [play])
                .to(9, 9)
                .all(Delivered)
                .in_sessions(3, 8)
                .says_at_most(1, "RCPT", 3);
            all.push(Scenario { messages_per_session: 1, ..scenario });
        }
        let play = Play::honest(offers).on(On::RcptBeyond(0), [say("452 4.5.3 too many recipients")]);
        let scenario = Scenario::new(format!("not one recipient is taken: 452, {mode}"), [play]);
        all.push(scenario.all(Deferred(452)).in_sessions(1, 2));
    }
}

/// RCPTDOMAINMAX (RFC 9422 §4): one content for recipients of more domains than a transaction may have.
fn domains(all: &mut Vec<Scenario>) {
    for (limit, most) in [("LIMITS RCPTDOMAINMAX=1", 1), ("LIMITS RCPTDOMAINMAX=2", 2), ("LIMITS RCPTDOMAINMAX=9", 9)] {
        for (mode, offers) in MODES {
            let offers: Vec<&'static str> = offers.iter().copied().chain([limit]).collect();
            let scenario =
                Scenario::new(format!("{limit}, four domains in a message, {mode}"), [Play::honest(&offers)])
                    .to(12, 12)
                    .all(Delivered)
                    .in_sessions(1, 1)
                    .says_at_most(0, "MAIL", 4_usize.div_ceil(most));
            all.push(Scenario { domains: 4, ..scenario });
        }
    }
    // Limits of each kind at once, each smaller than the message.
    let offers = ["PIPELINING", "LIMITS RCPTDOMAINMAX=2", "LIMITS RCPTMAX=2 MAILMAX=2"];
    let scenario = Scenario::new("all limits at once, four domains in a message", [Play::honest(&offers)]);
    let scenario = scenario.to(12, 12).all(Delivered).in_sessions(3, 8).says_at_most(0, "MAIL", 2);
    all.push(Scenario { domains: 4, ..scenario.says_at_most(0, "RCPT", 4) });
}

/// 452 and 421 at MAIL, a silent close after some messages.
fn transactions(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let chunks = offers == CHUNKING;
        let honest = || Play::honest(offers);
        for reply in ["452 4.5.3 too many messages sent", "421 4.7.0 too many messages in this session"] {
            let once = honest().nth(On::Mail, 0, [say(reply)]);
            let scenario = Scenario::new(format!("MAIL is once answered {reply}, {mode}"), [once, honest()]);
            all.push(scenario.all(Delivered).in_sessions(1, 2).logs("MAIL", reply));
            if !chunks {
                let always = honest().on(On::Mail, [say(reply)]);
                let scenario = Scenario::new(format!("MAIL is always answered {reply}, {mode}"), [always]);
                all.push(scenario.all(Waiting).never_says(0, ".").in_sessions(2, 12).logs("MAIL", reply));
            }
        }
        let some = honest().from(On::Mail, 2, [say("452 4.5.3 too many messages sent")]);
        let scenario = Scenario::new(format!("452 at the third MAIL of each session, {mode}"), [some]);
        all.push(scenario.to(12, 2).all(Delivered).in_sessions(3, 4).says_at_most(1, "MAIL", 2));
        let group = honest().nth(On::Rcpt, 1, [say("421 4.3.2 shutting down"), Act::Fin]);
        let scenario = Scenario::new(format!("421 in the middle of a group, {mode}"), [group, honest()]);
        // Whom it answers has been refused for now; the others were not tried.
        let scenario = scenario.to(3, 3).fates(&[Delivered, Deferred(421), Delivered]);
        all.push(scenario.in_sessions(1, 2).logs("RCPT", "421 4.3.2 shutting down"));
        if !chunks {
            let closes = honest().from(On::Mail, 3, [Act::Fin]);
            let scenario = Scenario::new(format!("a silent close after three messages, {mode}"), [closes]);
            all.push(scenario.to(12, 1).all(Delivered).in_sessions(4, 6));
            let resets = honest().from(On::Mail, 3, [Act::Wait(Wait::Moment), Act::Reset]);
            let scenario = Scenario::new(format!("a silent reset after three messages, {mode}"), [resets]);
            all.push(scenario.to(12, 1).all(Delivered).in_sessions(4, 6));
        }
    }
    let closes = || Play::honest(CHUNKING).from(On::Mail, 3, [Act::Fin]);
    // What was under way in chunks cannot be told from what was taken. Twice is a limit: from the third session on nothing is
    // lost any more.
    let scenario = Scenario::new("a silent close after three messages, in chunks", [closes()]).to(40, 1).all(Unsure);
    let scenario = scenario.in_sessions(8, 16).says_at_most(2, "MAIL", 3);
    all.push(Scenario { uncertain_max: 14, ..scenario });
}

/// How many sessions, and for how long.
fn sessions(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let honest = || Play::honest(offers);
        let ends = if offers == CHUNKING { On::Bdat } else { On::Dot };
        // The close and the next MAIL pass each other.
        let races = honest().nth(ends, 0, [Act::Honest, Act::Wait(Wait::Moment), Act::Fin]);
        let scenario = Scenario::new(format!("an idle close races the reuse, {mode}"), [races, honest()]);
        // Which comes first depends on the driver and the cut: chunks that the close has overtaken are uncertain, others
        // go in a session of their own.
        let either = if offers == CHUNKING { [Delivered, Delivered, Unsure, Unsure] } else { [Delivered; 4] };
        all.push(scenario.later(Wait::Moment, 2).fates(&either).in_sessions(1, 2));
        let closed = honest().nth(On::Mail, 1, [Act::Fin]);
        let fates = if offers == CHUNKING { [Delivered, Delivered, Uncertain, Uncertain] } else { [Delivered; 4] };
        let scenario = Scenario::new(format!("MAIL is said to a closed connection, {mode}"), [closed, honest()]);
        all.push(scenario.later(Wait::Moment, 2).fates(&fates).in_sessions(1, 2));
        let idle = honest().nth(ends, 0, [Act::Honest, say("421 4.4.2 idle for too long"), Act::Fin]);
        let scenario = Scenario::new(format!("421 while idle, {mode}"), [idle, honest()]);
        all.push(scenario.later(Wait::Moment, 2).all(Delivered).in_sessions(2, 2));
    }
    for (how, acts) in [
        ("421", vec![say("421 4.7.0 too many connections from your address"), Act::Fin]),
        ("a close", vec![Act::Fin]),
        ("a reset", vec![Act::Reset]),
    ] {
        let crowd = Play::honest(PIPELINING).on(On::Connect, acts);
        let slow = Play::honest(PIPELINING).on(On::Dot, [Act::Wait(Wait::Moment), Act::Honest]);
        let scenario = Scenario::new(format!("beyond two sessions there is {how}"), [slow]).to(24, 1).all(Delivered);
        all.push(Scenario { crowd: Some((2, crowd)), sessions: 6, minutes: 120, ..scenario.in_sessions(2, 30) });
    }
    let crowd = Play::honest(LOCKSTEP).on(On::Connect, [say("421 4.7.0 too many connections"), Act::Fin]);
    let scenario =
        Scenario::new("one session at a time, without extensions", [Play::honest(LOCKSTEP)]).to(8, 1).all(Delivered);
    all.push(Scenario { crowd: Some((1, crowd)), sessions: 3, minutes: 120, ..scenario.in_sessions(1, 30) });
}

/// Refusals are punished by waits: the session is left after a bounded number of them.
fn errors(all: &mut Vec<Scenario>) {
    for (mode, offers) in [("in lockstep", LOCKSTEP), ("pipelined", PIPELINING)] {
        let tarpit = Play::honest(offers).on(On::Rcpt, [Act::Wait(Wait::Moment), say("550 5.1.1 nobody")]);
        let scenario =
            Scenario::new(format!("every refusal costs a wait, {mode}"), [tarpit]).to(300, 5).all(Bounced(550));
        // Nothing but the farewell shows that these replies are in step: it comes after four transactions.
        let scenario = scenario.in_sessions(12, 18).says_at_most(0, "RCPT", 24);
        all.push(Scenario { minutes: 120, ..scenario });
    }
}
