//! The bad behaviours, one scenario or more for each.

mod content;
mod greeting;
mod hello;
mod lies;
mod limits;
mod replies;
mod silence;
mod tls;

use crate::scenario::Scenario;

/// No extension: one command at a time.
pub const LOCKSTEP: &[&str] = &["8BITMIME"];
pub const PIPELINING: &[&str] = &["PIPELINING", "8BITMIME"];
pub const CHUNKING: &[&str] = &["PIPELINING", "CHUNKING"];

/// How a client speaks to a server with these.
pub const MODES: [(&str, &[&str]); 3] = [("in lockstep", LOCKSTEP), ("pipelined", PIPELINING), ("in chunks", CHUNKING)];

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
