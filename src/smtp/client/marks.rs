//! When the phases of a transaction ended: for those who want to know where the time went.

use crate::base::clock::Instant;
use crate::smtp::ledger::Expected;

/// The milestones of one transaction, in the order in which they are passed; `None`: not passed, or not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// MAIL was given out.
    pub began: Option<Instant>,
    /// The reply to MAIL came.
    pub mail: Option<Instant>,
    /// The last reply to RCPT came, so far.
    pub rcpt: Option<Instant>,
    /// The reply to DATA came.
    pub data: Option<Instant>,
    /// The last octet of the content was given out. With BDAT that is long before the replies to MAIL and RCPT.
    pub sent: Option<Instant>,
}

impl Marks {
    /// A reply came.
    pub(super) fn answered(&mut self, expected: Expected, now: Instant) {
        match expected {
            Expected::Mail => self.mail = Some(now),
            Expected::Rcpt => self.rcpt = Some(now),
            Expected::Data => self.data = Some(now),
            _ => {}
        }
    }
}
