//! Recipients who are done without being sent to: suppressed or withdrawn.
//!
//! Guarantees: they leave as all others do, once their record is durable; an attempt that was cleared for one and led to
//! nothing counts as none. Leaves to others: who they are.

use super::{Ledger, NOTHING_SAID, own};
use crate::base::clock::Now;
use crate::engine::message::{Chunk, Withdrawn};
use crate::journal::record::Kind;
use crate::mail::event::{Event, Outcome, Told};
use crate::mail::{Disposition, Enhanced, Reply, ReplyRef};
use crate::queue::DomainId;

impl Ledger {
    /// From here on a message must have been rendered under this edition of the suppression list; whether it is another one.
    pub(in crate::engine::shard) fn asks_for(&mut self, edition: u32) -> bool {
        std::mem::replace(&mut self.edition, edition) != edition
    }

    /// A recipient that was found on the suppression list when it was about to be handed over: no attempt took place.
    pub(super) fn suppress(&mut self, domain: DomainId, row: u32, attempts: u16, now: Now) {
        let reply = Reply::own(550, Enhanced::new(5, 7, 0), "on the suppression list");
        self.tell(Kind::Suppressed, row, attempts, &reply, now);
        let context = self.own_context(&Reply { code: 0, ..reply });
        self.pasts.take(row);
        self.outcome(domain, row, attempts, Kind::Suppressed, 0, context, now);
    }

    /// A recipient is withdrawn while it waits.
    pub(in crate::engine::shard) fn withdraw(&mut self, domain: DomainId, withdrawn: &Withdrawn, now: Now) {
        let &Withdrawn { row, attempts, .. } = withdrawn;
        self.counters.in_flight += 1;
        let reply = Reply::own(550, Enhanced::new(5, 7, 0), "no longer on the list");
        self.tell(Kind::Cancelled, row, attempts, &reply, now);
        let context = self.own_context(&Reply { code: 0, ..reply });
        self.outcome(domain, row, attempts, Kind::Cancelled, 0, context, now);
    }

    /// Tells watchers of the suppressed rows of a chunk.
    pub(in crate::engine::shard) fn tell_suppressed(&mut self, chunk: &Chunk, now: Now) {
        let Some(lane) = &mut self.lane else { return };
        let reply = ReplyRef { text: b"on the suppression list", ..NOTHING_SAID };
        for row in chunk.suppressed_rows() {
            let told = own(Kind::Released, row, 0, reply);
            lane.write(now, &Event::Recipient(Told { outcome: Outcome::Stands(Disposition::Suppressed), ..told }));
        }
    }
}
