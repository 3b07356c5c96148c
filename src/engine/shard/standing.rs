//! What the hosts of a site have said of us in this run, and whether what they say of one recipient is believed.
//!
//! Guarantees: a smarthost that takes others, in this run or an earlier one, is not believed by one recipient that it
//! refuses us for: it may be about that one, which then waits by its schedule. Nor by several, where it takes others in
//! the same transaction, or where the user goes on whoever is refused. Its bounces that say nothing of a mailbox are not
//! believed before it has taken a message in this run: the first recipients wait, and the third such refusal holds the
//! mailing. Nor is a long row of them, with nothing taken between.
//! Leaves to others: which replies are refusals of us (`shape::classify`), and what follows (`refused`).

use std::time::Duration;

use crate::base::clock::Instant;
use crate::shape::Mailing;
use crate::shape::classify::refusal::ROW_MAX;
use crate::smtp::client::Phase;

/// So many recipients in a row are refused by a smarthost that took others before, without a word on any mailbox, before
/// that is no longer about them.
const GENERAL_MAX: u32 = 20;
/// How long those rest who were refused by a smarthost that has taken nothing yet: until it has, or refuses others, too.
pub(super) const DOUBT_REST: Duration = Duration::from_secs(3);

/// What the hosts of a site have said of us in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// They have taken a message; a smarthost: in any run, for any shard.
    pub(super) accepts: bool,
    /// Recipients for whom we were refused since they last judged one, as many as matter.
    row: [Option<u32>; ROW_MAX],
    /// Rests for refusals that may pass, since they last took a message.
    again: u32,
    again_after: Instant,
    /// They have taken a message in this run; a smarthost: for any shard.
    pub(super) takes: bool,
    /// Recipients whose bounces are not believed: before a message was taken.
    doubted: [Option<u32>; ROW_MAX],
    /// Such bounces since the last message was taken, or the last mailbox judged.
    general: u32,
}

/// What becomes of a bounce that says nothing of the recipient's mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is believed.
    Bounces,
    /// The recipient waits, not for long.
    WaitsBriefly,
    /// The recipient waits by its schedule.
    Waits,
    /// The mailing is held.
    Holds,
}

impl Standing {
    pub(super) fn accepted(&mut self) {
        *self = Self { accepts: true, takes: true, ..Self::default() };
    }

    /// A recipient was judged: whoever does that does not mean us.
    pub(super) fn judged(&mut self) {
        self.row = Default::default();
        if self.takes {
            self.general = 0;
        }
    }

    /// A smarthost bounces this recipient for a reason that may be anybody's.
    pub(super) fn general(&mut self, recipient: Option<u32>) -> Doubt {
        self.general = self.general.saturating_add(1);
        if self.takes {
            return if self.general >= GENERAL_MAX { Doubt::Holds } else { Doubt::Bounces };
        }
        note(&mut self.doubted, recipient);
        let is_many = self.doubted.iter().all(Option::is_some);
        let insists = self.general >= ROW_MAX as u32;
        match (is_many, insists) {
            (true, _) => Doubt::Holds,
            // One that took others in an earlier run may mean these alone, who then are no reason to hold it for ever.
            (_, true) if self.accepts => Doubt::Waits,
            (_, true) => Doubt::Holds,
            _ => Doubt::WaitsBriefly,
        }
    }

    /// We are refused in answer to `phase` of this recipient's transaction: whether that holds the mailing. `insists`: once
    /// a recipient is named it is about that one, where others are taken.
    pub(super) fn refused(
        &mut self,
        mailing: Mailing,
        phase: Phase,
        recipient: Option<u32>,
        (has_another_source, insists): (bool, bool),
    ) -> bool {
        note(&mut self.row, recipient);
        match mailing {
            // Once a recipient is named it may be about that one, where others are taken.
            Mailing::Held => {
                let is_many = !insists && self.row.iter().all(Option::is_some);
                !names_recipient(phase) || !self.accepts || is_many
            }
            Mailing::HeldWithoutSource => !has_another_source,
            Mailing::GoesOn | Mailing::HeldBySeveral | Mailing::HeldIfItLasts | Mailing::HeldByAll => false,
        }
    }

    pub(super) fn again(&mut self, rest: Duration, now: Instant) -> u32 {
        if now >= self.again_after {
            self.again = self.again.saturating_add(1);
            self.again_after = now.after(rest);
        }
        self.again
    }
}

/// One that is refused again and again is one.
fn note(row: &mut [Option<u32>; ROW_MAX], recipient: Option<u32>) {
    if !row.contains(&recipient)
        && let Some(place) = row.iter_mut().find(|place| place.is_none())
    {
        *place = recipient;
    }
}

/// Whether a recipient is named in the transaction by then.
pub(super) fn names_recipient(phase: Phase) -> bool {
    matches!(phase, Phase::Rcpt | Phase::Data | Phase::Content | Phase::End)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(standing: &mut Standing, rows: std::ops::Range<u32>) -> Vec<Doubt> {
        rows.map(|row| standing.general(Some(row))).collect()
    }

    #[test]
    fn a_smarthost_that_takes_nobody_is_believed_by_none_and_the_third_holds() {
        let mut standing = Standing::default();
        let told = general(&mut standing, 0..5);
        assert_eq!(told, [Doubt::WaitsBriefly, Doubt::WaitsBriefly, Doubt::Holds, Doubt::Holds, Doubt::Holds]);
        // A mailbox that is not there says nothing of the others.
        let mut standing = Standing::default();
        general(&mut standing, 0..2);
        standing.judged();
        assert_eq!(general(&mut standing, 2..3), [Doubt::Holds]);
    }

    #[test]
    fn one_recipient_alone_holds_it_unless_others_were_taken_in_an_earlier_run() {
        for (accepts, third) in [(false, Doubt::Holds), (true, Doubt::Waits)] {
            let mut standing = Standing { accepts, ..Standing::default() };
            let told: Vec<_> = (0..3).map(|_| standing.general(Some(7))).collect();
            assert_eq!(told, [Doubt::WaitsBriefly, Doubt::WaitsBriefly, third], "{accepts}");
        }
    }

    #[test]
    fn once_it_takes_messages_it_is_believed_up_to_a_long_row() {
        let mut standing = Standing::default();
        general(&mut standing, 0..2);
        standing.accepted();
        assert_eq!(general(&mut standing, 0..19), [Doubt::Bounces; 19]);
        standing.judged();
        assert_eq!(general(&mut standing, 0..19), [Doubt::Bounces; 19]);
        standing.accepted();
        assert_eq!(general(&mut standing, 0..21)[18..], [Doubt::Bounces, Doubt::Holds, Doubt::Holds]);
    }
}
