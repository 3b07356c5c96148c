//! SPF (RFC 7208): which addresses may send in the name of a domain.
//!
//! `record` reads a record, `evaluate` asks whether one address may send ([`check_host`]), `survey` looks at all of a record with
//! what it includes, whoever sends. Own code, over our own look-ups: mail-auth (0.13), the library of the field, answers with a
//! verdict and not with its reason, stops where it matches, counts no look-ups in vain, and brings a resolver of its own, which knows
//! nothing of `[dns]`, and with it a second way to the system's roots.
//!
//! Guarantees: at most [`LOOKUPS_MAX`] terms that ask, and [`VOID_MAX`] questions in vain, as receivers have it (RFC 7208 §4.6.4);
//! a survey ends after [`SURVEYED_MAX`] records, also where records include each other.
//! Leaves to others: `exp=`, which is words for the sender's postmaster and nothing more.

mod evaluate;
mod expand;
mod record;
mod survey;

pub use evaluate::{Checked, Sender, Verdict, check_host};
pub use record::{Directive, Fault, Mechanism, Network, Qualifier, Record, is_record, reads_as_record};
pub use survey::{SURVEYED_MAX, Survey, survey};

/// No more terms that ask are looked at (RFC 7208 §4.6.4).
pub const LOOKUPS_MAX: usize = 10;
/// No more questions may be in vain (RFC 7208 §4.6.4: "void lookups").
pub const VOID_MAX: usize = 2;
/// Of a domain no more exchangers, and of an address no more names are looked at (RFC 7208 §4.6.4).
const NAMES_MAX: usize = 10;

#[cfg(test)]
mod tests;
