//! The bad behaviours, one scenario or more for each.

mod content;
mod greeting;
mod hello;
mod lies;
mod limits;
mod replies;
mod silence;
mod tls;

use crate::scenario::{Fate, Scenario};

/// No extension: one command at a time.
pub const LOCKSTEP: &[&str] = &["8BITMIME"];
pub const PIPELINING: &[&str] = &["PIPELINING", "8BITMIME"];
pub const CHUNKING: &[&str] = &["PIPELINING", "CHUNKING"];

/// How a client speaks to a server with these.
pub const MODES: [(&str, &[&str]); 3] = [("in lockstep", LOCKSTEP), ("pipelined", PIPELINING), ("in chunks", CHUNKING)];

/// What becomes of a transaction that a session breaks off while it is being answered. It counts as tried: somebody whom
/// a server chokes on may not come back first for ever. But the first group of a host that has not yet shown that it can
/// keep count of commands is taken for a lie about PIPELINING, and goes again, one command at a time.
pub fn cut(offers: &[&str]) -> Fate {
    if offers == PIPELINING { Fate::Delivered } else { Fate::Deferred(451) }
}

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    let lists = [
        greeting::all(),
        hello::all(),
        replies::all(),
        content::all(),
        silence::all(),
        limits::all(),
        lies::all(),
        tls::all(),
    ];
    lists.into_iter().flatten().collect()
}
