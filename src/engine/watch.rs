//! What a shard's watchers are: the event log, if there is one.
//!
//! Leaves to others: what is told (`shard`), and how it is written (`observe`).

use crate::observe::events::Lane;

/// The watchers of one shard.
#[derive(Debug, Default)]
pub struct Watch {
    /// The way into the event log; `None`: nobody keeps one.
    pub events: Option<Lane>,
}
