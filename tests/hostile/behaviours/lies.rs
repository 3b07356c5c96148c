//! Adverts that are lies: PIPELINING and CHUNKING. What one session finds out, the next one knows.

use super::{CHUNKING, PIPELINING};
use crate::scenario::Fate::Delivered;
use crate::scenario::Scenario;
use crate::script::{Act, On, Play, say};

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
    all
}
