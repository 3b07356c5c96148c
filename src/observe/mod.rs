//! Floor 4: what the outside may see of a running engine: metrics, logs, the live lines of a terminal.
//!
//! Guarantees: names and labels are a closed, bounded set ([`names`]); no recipient is ever a label, and none is logged
//! above debug; publishing costs nothing when nobody listens. Leaves to others: counting (plain numbers, kept by whoever
//! does the work, handed to a [`Publisher`] a few times a second).

pub mod counters;
pub mod events;
pub mod logs;
pub mod names;
mod page;
mod patience;
mod private;
pub mod publish;
pub mod terminal;
pub mod trace;

#[cfg(test)]
mod tests;

pub use counters::{
    DnsCounters, JournalCounters, LoaderCounters, Outcomes, RenderCounters, ShardCounters, SiteCounters, Spread,
};
pub use names::Metric;
pub use publish::{Observer, Publisher};
