//! TLS-RPT (RFC 8460): telling domains how TLS with their exchangers went.
//!
//! Results are tallied for each day (UTC), domain and policy; a day that is over becomes a report for each domain that asks
//! for one, as JSON, and a mail around it.
//!
//! Guarantees: memory is bounded, what has no place is counted as dropped; what came from a peer is escaped by JSON, and
//! never reaches a header. Leaves to others: asking DNS for `_smtp._tls`, the clock, and sending the report (`engine`).

mod mail;
mod rua;
mod tally;
#[cfg(test)]
mod tests;

pub use mail::{Mail, MailIds};
pub use rua::{RUA_MAX, Rua};
pub use tally::{DETAILS_MAX, Details, POLICIES_MAX, Policy, PolicyKind, Report, Submitter, Tallies};
