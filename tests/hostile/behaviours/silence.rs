//! Peers that never answer, drip, or do not read.

use super::{CHUNKING, MODES, PIPELINING, cut};
use crate::scenario::Fate::{Deferred, Delivered, Lawful, Uncertain};
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, Wait, say};

pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (mode, offers) in MODES {
        let chunks = offers == CHUNKING;
        let honest = || Play::honest(offers);
        let ends = if chunks { On::Bdat } else { On::Dot };
        let mut phases = vec![(On::Ehlo, "EHLO"), (On::Mail, "MAIL"), (On::Rcpt, "RCPT"), (ends, "end of content")];
        if !chunks {
            phases.push((On::Data, "DATA"));
        }
        for (on, phase) in phases {
            let fate = match on {
                On::Ehlo => Delivered,
                _ if on == ends || chunks => Uncertain,
                On::Mail => Delivered,
                On::Data => Deferred(451),
                _ => cut(offers),
            };
            all.push(
                Scenario::new(
                    format!("never an answer at {phase}, {mode}"),
                    [honest().nth(on, 0, [Act::Deaf]), honest()],
                )
                .impatient()
                .all(fate)
                .in_sessions(1, 2)
                .logs(phase, "timed out"),
            );
        }
        let deaf = honest().nth(On::Quit, 0, [Act::Deaf]);
        all.push(
            Scenario::new(format!("QUIT is not answered, {mode}"), [deaf]).impatient().all(Delivered).in_sessions(1, 1),
        );
        let closes = honest().nth(On::Quit, 0, [Act::Fin]);
        all.push(Scenario::new(format!("QUIT is closed over, {mode}"), [closes]).all(Delivered).in_sessions(1, 1));
    }
    // Octets that trickle in do not make a reply: the wait is for all of it.
    let drip: Vec<Act> =
        b"250 2.1.0 ok and so on".iter().flat_map(|&b| [Act::Say(vec![b]), Act::Wait(Wait::Long)]).collect();
    for (on, phase, fate, least) in
        [(On::Mail, "MAIL", Delivered, 2), (On::Rcpt, "RCPT", Delivered, 2), (On::Dot, "end of content", Uncertain, 1)]
    {
        let mut drip = drip.clone();
        drip.push(Act::Deaf);
        let scenario = Scenario::new(
            format!("the reply at {phase} drips"),
            [Play::honest(PIPELINING).nth(on, 0, drip), Play::honest(PIPELINING)],
        );
        all.push(scenario.impatient().all(fate).in_sessions(least, 2).logs(phase, "timed out"));
    }
    // Each reply comes just in time: slow, and nothing wrong with it.
    let slow = |on| (on, [Act::Wait(Wait::Long), Act::Honest]);
    let play = [On::Connect, On::Ehlo, On::Mail, On::Rcpt, On::Data, On::Dot].into_iter().map(slow);
    let play = play.fold(Play::honest(PIPELINING), |play, (on, acts)| play.on(on, acts));
    let scenario = Scenario::new("every reply comes just in time", [play]).all(Delivered).in_sessions(1, 1);
    all.push(Scenario { minutes: 120, ..scenario });
    reads(&mut all);
    let goes = Play::honest(PIPELINING).nth(On::Data, 0, [Act::Wait(Wait::Long), say("354 go")]);
    all.push(Scenario::new("the 354 is late", [goes]).all(Delivered).in_sessions(1, 1));
    all
}

/// Peers that read slowly, or not at all.
fn reads(all: &mut Vec<Scenario>) {
    for (mode, offers) in MODES {
        let chunks = offers == CHUNKING;
        // More than fits on the way, and in time only because some of it always moves.
        let slow = Play::honest(offers).on(On::Connect, [Act::ReadSlowly, Act::Honest]);
        let scenario = Scenario::new(format!("the peer reads slowly, {mode}"), [slow]).all(Delivered).in_sessions(1, 1);
        all.push(Scenario { padding: 2 << 20, ..scenario });
        let stops = Play::honest(offers).nth(On::ContentAt(1000), 0, [Act::StopReading]);
        let scenario = Scenario::new(
            format!("the peer stops reading inside a long content, {mode}"),
            [stops, Play::honest(offers)],
        );
        let scenario = scenario.impatient().all(Deferred(451)).in_sessions(1, 2);
        all.push(Scenario { padding: 8 << 20, ..scenario.logs("content", "timed out") });
        if chunks {
            // The first message, or a window of whole messages, is on its way when it stops: nothing can be told of what may
            // have left, and the others are not held.
            for (nth, what) in [(0, "the first message"), (1, "a full window")] {
                let stops = Play::honest(offers).nth(On::ContentAt(1000), nth, [Act::StopReading]);
                let scenario = Scenario::new(format!("the peer stops reading {what}"), [stops, Play::honest(offers)]);
                let scenario = scenario.to(16, 1).impatient().all(Lawful).in_sessions(2, 2);
                all.push(Scenario { padding: 200 << 10, ..scenario });
            }
        }
    }
}
