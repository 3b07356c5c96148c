//! Floor 3: who goes next, and when. The rows of one shard that wait for an attempt, and nothing else.
//!
//! Guarantees: every row that was put in comes out exactly once, through a cut or [`Queue::take_all`]; every row that
//! waits has an owner (a site, or whoever routes its domain) or an instant at which it is due; the domains of a site
//! take turns, so a large one starves no small one; a run of rows costs about 9 octets, a scheduled retry 16, a domain
//! with waiting rows 64 and a drained one that has a site about 20, whatever else it held.
//! Leaves to others: rows that are in flight (a batch that was cut is its holder's), when a retry is due
//! (`shape::retry`), and how many sessions a site may have (`shape::site`).

mod domain;
mod fifo;
mod shard;
mod site;
mod turn;
mod wait;

pub use shard::Queue;
pub use wait::Wait;

/// A domain, by its number in the recipient table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainId(pub u32);

/// A site, by the number that its shard gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// Recipients to try together: of one domain, with as many attempts behind them, and of one block if blocks were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The domain.
    pub domain: DomainId,
    /// Attempts made before.
    pub attempts: u16,
    /// The recipients.
    pub rows: Rows,
}

/// Rows of the recipient table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Rows that lie together.
    Run {
        /// The first row.
        first: u32,
        /// How many; at least 1.
        count: u32,
    },
    /// Rows that do not; at least 2.
    List(Vec<u32>),
}

impl Rows {
    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Run { count, .. } => *count as usize,
            Self::List(rows) => rows.len(),
        }
    }

    /// Whether there is none; never so in a batch that was cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each row, in the order of the queue.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (run, list) = match self {
            Self::Run { first, count } => (*first..first.saturating_add(*count), &[][..]),
            Self::List(rows) => (0..0, rows.as_slice()),
        };
        run.chain(list.iter().copied())
    }
}

/// Rows of a domain that was taken whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The first row.
    pub first: u32,
    /// How many; at least 1.
    pub count: u32,
    /// Attempts made before.
    pub attempts: u16,
}

impl Taken {
    /// Each row.
    pub fn rows(&self) -> impl Iterator<Item = u32> + use<> {
        self.first..self.first.saturating_add(self.count)
    }

    /// The same rows as a batch of this domain.
    #[must_use]
    pub fn batch(&self, domain: DomainId) -> Batch {
        Batch { domain, attempts: self.attempts, rows: Rows::Run { first: self.first, count: self.count } }
    }
}

/// How many rows wait, by what they wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Their site may take them now.
    pub ready: u64,
    /// Nobody has yet said to which site their domain belongs.
    pub unrouted: u64,
    /// They are due later.
    pub scheduled: u64,
}

impl Counts {
    /// All rows that the queue holds.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.ready + self.unrouted + self.scheduled
    }
}

#[cfg(test)]
mod tests;
