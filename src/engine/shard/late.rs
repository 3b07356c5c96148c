//! What is left of a shard that has ended: what may still become durable of what it recorded, and what came too late for it.
//!
//! A shard that is told to stop waits for nobody, and the recorder ends after it: outcomes that were not yet durable
//! when it ended become so behind its back. One that broke is told more, too, until others hear of it. Guarantees: its counts
//! then say of each recipient what the journal and the table say (G2), never less. Leaves to others: acting on it, which is the next run's.

use crossbeam_channel::Receiver;

use crate::engine::board::Counters;
use crate::engine::message::{Recorded, ToShard};
use crate::engine::shard::ledger::Ledger;
use crate::engine::shard::{Shard, count_of};
use crate::wire::io::Io;

/// See the head of this file.
pub struct Late {
    ledger: Ledger,
    inbox: Receiver<ToShard>,
}

impl<I: Io> Shard<I> {
    /// What is left of it.
    pub fn into_late(self) -> Late {
        Late { ledger: self.ledger, inbox: self.ports.inbox }
    }
}

impl Late {
    /// Once nobody tells the shard anything any more: its last counts, which are shown too.
    pub fn settle(mut self) -> Counters {
        for message in self.inbox.try_iter() {
            let counters = &mut self.ledger.counters;
            match message {
                ToShard::Chunk(chunk) => counters.load(&chunk),
                ToShard::Resumed(resumed) => {
                    counters.waiting += resumed.runs.iter().map(|run| u64::from(run.count)).sum::<u64>();
                    counters.waiting += resumed.retries.len() as u64;
                    counters.deferred += resumed.retries.iter().filter(|retry| retry.attempts > 0).count() as u64;
                    counters.in_flight += resumed.reopened.len() as u64;
                    resumed.withdrawn.iter().for_each(|withdrawn| counters.stay(withdrawn));
                }
                ToShard::Adopted(_, rows, _) => {
                    counters.taken_over += count_of(&rows);
                    counters.wait(&rows);
                }
                ToShard::Recorded(Recorded::Durable(ticket)) => self.ledger.settle_late(ticket),
                _ => {}
            }
        }
        self.ledger.show();
        self.ledger.counters
    }
}
