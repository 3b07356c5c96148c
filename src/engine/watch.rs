//! What a shard's watchers are: the event log and the trace, where they are wanted.
//!
//! Leaves to others: what is told (`shard`), and how it is written (`observe`).

use crate::engine::policy::tally::Teller;
use crate::observe::events::Lane;
use crate::observe::trace::Tracer;

/// The watchers of one shard.
#[derive(Debug, Default)]
pub struct Watch {
    /// The way into the event log; `None`: nobody keeps one.
    pub events: Option<Lane>,
    /// The way into the trace; `None`: nothing is traced.
    pub trace: Option<Tracer>,
    /// Who is told how TLS goes (RFC 8460); `None`: nobody reports it.
    pub tls: Option<Teller>,
}
