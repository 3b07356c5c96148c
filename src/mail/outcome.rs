//! What became of a recipient, and how far a trouble reaches.
//!
//! A refusal by a peer is data, never an `Error`. Leaves to others: deciding it (`shape::classify`), recording it
//! (`journal`).

use std::fmt;

/// The disposition of one recipient: where it stands in the campaign. The numbers are those of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Disposition {
    /// In the queue; never tried, or due again.
    Waiting = 0,
    /// Tried, refused for now (4yz), due again later.
    Deferred = 1,
    /// Accepted by the next hop (2yz after the content).
    Delivered = 2,
    /// Refused for good (5yz), or undeliverable by its address.
    Bounced = 3,
    /// Not deliverable within its lifetime.
    Expired = 4,
    /// On the suppression list: never tried.
    Suppressed = 5,
    /// Withdrawn by the sender.
    Cancelled = 6,
    /// The content was sent and its reply never came: it may have been delivered. Held, not retried.
    Uncertain = 7,
    /// An attempt is under way.
    InFlight = 8,
}

impl Disposition {
    /// Every disposition, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Deferred,
        Self::Delivered,
        Self::Bounced,
        Self::Expired,
        Self::Suppressed,
        Self::Cancelled,
        Self::Uncertain,
        Self::InFlight,
    ];

    /// The word that reports, metrics and journals use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Uncertain => "uncertain",
            Self::InFlight => "in_flight",
        }
    }

    /// Whether the recipient is done: nothing more will be tried for it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Deferred | Self::InFlight)
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How far a trouble reaches (Postfix's `smtp_trouble`): what else it would be unwise to try now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// This recipient only.
    Recipient,
    /// All recipients of this transaction (its content, its reverse-path).
    Transaction,
    /// This session; another one may work.
    Session,
    /// The whole site, from this source.
    Site,
    /// The egress source, at any site.
    Source,
}
