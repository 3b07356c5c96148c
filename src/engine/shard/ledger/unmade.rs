//! Recipients for whom no message could be made.
//!
//! One of them among others for whom it could is a row that is wrong: it bounces. While there is no other it may be the
//! template, of which no recipient knows: they are kept until somebody's message was made, by whichever shard.
//! Guarantees: who is kept is in flight, and is given back when the shard drains; they are few, for the mailing is held at
//! [`UNMADE_MAX`] of them. Leaves to others: holding the mailing (`refused`).

use super::Ledger;
use crate::base::clock::Now;
use crate::engine::board::Board;
use crate::mail::{Enhanced, Reply};
use crate::queue::{DomainId, Queue};

/// So many fail, and no message was made, before the mailing is held.
const UNMADE_MAX: u32 = 20;

/// A recipient: its domain, row, attempt, and why there is no message.
type Failed = (DomainId, u32, u16, String);

/// See the head of this file.
#[derive(Default)]
pub(super) struct Unmade {
    /// A message was made, as far as is known here.
    any_made: bool,
    kept: Vec<Failed>,
    /// What the brake has not counted: recipients whose message was made, and why those that bounced have none.
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
    pub(super) fn note_unmade(&mut self, failed: Failed, now: Now) {
        self.unmade.any_made |= self.board.halt().has_made();
        if self.unmade.any_made || !self.brakes {
            self.bounce_unmade(failed, now);
        } else {
            self.unmade.kept.push(failed);
        }
    }

    /// Whether anybody is kept.
    pub(in crate::engine::shard) fn has_unmade(&self) -> bool {
        !self.unmade.kept.is_empty()
    }

    /// Why the mailing is to be held, if so many are kept, or nobody else is left: then `last`. Bounces them where messages
    /// were made since.
    pub(in crate::engine::shard) fn judge_unmade(&mut self, last: bool, now: Now) -> Option<(u32, String)> {
        self.unmade.any_made |= self.board.halt().has_made();
        if self.unmade.any_made {
            std::mem::take(&mut self.unmade.kept).into_iter().for_each(|failed| self.bounce_unmade(failed, now));
        }
        let count = u32::try_from(self.unmade.kept.len()).unwrap_or(u32::MAX);
        let (.., why) = self.unmade.kept.first()?;
        (last || count >= UNMADE_MAX).then(|| (count, why.clone()))
    }

    /// What the brake has not counted yet: made, and why not.
    pub(in crate::engine::shard) fn take_unmade(&mut self) -> Option<(u32, Vec<Box<str>>)> {
        let said = std::mem::take(&mut self.unmade.said);
        (!said.is_empty()).then(|| (std::mem::take(&mut self.unmade.made), said))
    }

    fn bounce_unmade(&mut self, (domain, row, attempts, why): Failed, now: Now) {
        self.counters.render_failures += 1;
        let reply = Reply::own(554, Enhanced::new(5, 6, 0), &why);
        self.refuse_locally_attempted(domain, row, attempts, &reply, now);
        if self.brakes {
            self.unmade.said.push(why.into());
        }
    }

    pub(super) fn release_unmade(&mut self, queue: &mut Queue, now: Now) {
        for (domain, row, attempts, _) in std::mem::take(&mut self.unmade.kept) {
            self.release(domain, vec![row], attempts, None, queue, now);
        }
    }
}
