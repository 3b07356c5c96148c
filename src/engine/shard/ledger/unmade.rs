//! Recipients for whom no message could be made.
//!
//! The row may be wrong or the template, and neither is the recipient's fault: it waits for a mended template, the others get
//! theirs, and at the end the mailing is held. Where the user goes on whoever bounces, it bounces.
//! Guarantees: who waits for that is in no queue any more, and the attempt is taken back; the mailing is held at once where
//! [`UNMADE_MAX`] have no message and nobody has one. Leaves to others: holding the mailing (`refused`), and its share among
//! those whose message was made (`brake`).

use super::{Ledger, own};
use crate::base::clock::Now;
use crate::engine::board::Board;
use crate::journal::record::Kind;
use crate::mail::event::Event;
use crate::mail::{Enhanced, Reply};
use crate::queue::DomainId;

/// So many fail, and no message was made, before the mailing is held.
const UNMADE_MAX: u64 = 20;

/// A recipient: its domain, row, attempt, and why there is no message.
type Failed = (DomainId, u32, u16, String);

/// See the head of this file.
#[derive(Default)]
pub(super) struct Unmade {
    /// A message was made, as far as is known here.
    any_made: bool,
    /// Why the first one here has none.
    first: Option<String>,
    /// What the brake has not counted: recipients whose message was made, and why others have none.
    made: u32,
    said: Vec<Box<str>>,
}

impl Unmade {
    pub(super) fn note_made(&mut self, count: usize, board: &Board) {
        self.made = self.made.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        if count > 0 && !self.any_made {
            self.any_made = true;
            board.halt().note_made();
        }
    }
}

impl Ledger {
    /// No message can be made for a recipient whose attempt is cleared.
    pub(super) fn note_unmade(&mut self, (domain, row, attempts, why): Failed, now: Now) {
        self.counters.render_failures += 1;
        let reply = Reply::own(554, Enhanced::new(5, 6, 0), &why);
        if !self.brakes {
            return self.refuse_locally_attempted(domain, row, attempts, &reply, now);
        }
        if let Some(lane) = &mut self.lane {
            lane.write(now, &Event::Recipient(own(Kind::Released, row, attempts, reply.by_ref())));
        }
        self.take_back(&[row], attempts, now);
        if self.board.halt().note_unmade() == 1 {
            let why = why.replace("\nhint: ", "; ");
            tracing::warn!(why, "no message can be made for a recipient, who waits for a template that copes with it");
        }
        self.unmade.said.push(why.as_str().into());
        self.unmade.first.get_or_insert(why);
    }

    /// Whether anybody has no message.
    pub(in crate::engine::shard) fn has_unmade(&self) -> bool {
        self.unmade.first.is_some()
    }

    /// Why the mailing is to be held, if so many have no message and nobody has one, or nobody else is left: then `last`. How
    /// many they are, whether anybody has a message, and what the first was told.
    pub(in crate::engine::shard) fn judge_unmade(&mut self, last: bool) -> Option<(u64, bool, String)> {
        let why = self.unmade.first.as_ref()?;
        self.unmade.any_made |= self.board.halt().has_made();
        let count = self.board.halt().unmade();
        let is_many = !self.unmade.any_made && count >= UNMADE_MAX;
        (last || is_many).then(|| (count, self.unmade.any_made, why.clone()))
    }

    /// What the brake has not counted yet: made, and why not.
    pub(in crate::engine::shard) fn take_unmade(&mut self) -> Option<(u32, Vec<Box<str>>)> {
        let said = std::mem::take(&mut self.unmade.said);
        (!said.is_empty()).then(|| (std::mem::take(&mut self.unmade.made), said))
    }
}
