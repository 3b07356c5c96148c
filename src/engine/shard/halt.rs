//! The end of a shard that something broke, and of all others with it.
//!
//! Three ways. When the journal fails nothing more could be remembered: everything stops at once. When only what is not yet
//! under way cannot go on (a damaged row, no room for more), what is under way is finished, so that nobody becomes a
//! possible duplicate. When the shard itself breaks, driver or code, the others finish what they have under way. Guarantees:
//! after each nobody else is sent to, by any shard, and the engine ends with the first reason.

use super::{Shard, Stage};
use crate::base::clock::Now;
use crate::engine::message::ToShard;
use crate::wire::io::Io;
use std::sync::Arc;

impl<I: Io> Shard<I> {
    /// Storage broke: nothing more may be sent, for nothing more could be remembered.
    pub(super) fn fail(&mut self, reason: Arc<str>) {
        if self.failed.is_none() {
            // The others must not wait for what this one will never do.
            self.ports.peers.iter().for_each(|peer| peer.tell(ToShard::Drain));
        }
        self.note(reason);
        self.stop();
    }

    /// The shard's own state is not to be relied on: it is touched no more, but for its counts.
    pub(super) fn give_out(&mut self, what: &str) {
        self.ports.peers.iter().for_each(|peer| peer.tell(ToShard::Drain));
        self.note(format!("shard {} cannot go on: {what}", self.ledger.shard()).into());
        self.stage = Stage::Ended;
    }

    /// What is under way is finished, and nothing else begins in any shard.
    pub(super) fn halt(&mut self, reason: Arc<str>, now: Now) {
        self.note(reason);
        if self.stage == Stage::Running {
            self.ports.peers.iter().for_each(|peer| peer.tell(ToShard::Drain));
            self.drain(now);
        }
    }

    fn note(&mut self, reason: Arc<str>) {
        if self.failed.is_none() {
            tracing::error!(%reason, "the engine stops");
            self.failed = Some(reason);
        }
    }
}
