//! Who a sender is by DNS: SPF (RFC 7208), DMARC (RFC 7489), names of addresses; judged as receivers judge them.
//!
//! No look-up is made here. A judgement asks [`Facts`] for what it needs; what is not known yet is left there as an open
//! question, and the judgement says [`Lack::Open`]. Whoever has a resolver asks those questions, tells the answers, and has it
//! judged again, until nothing is open.
//!
//! Guarantees: a judgement is the same for the same facts; what nobody could answer is never taken for "there is none"; what
//! an answer holds is read without trust in it, and the number of questions is bounded by RFC 7208's own limits and [`spf`]'s.
//! Leaves to others: asking (`wire::dns`), keys and signatures (`content::dkim`), and what is told to people (`app`).

mod address;
mod dmarc;
mod domain;
mod facts;
pub mod spf;

pub use address::{generic_part, is_routable, reverse_name};
pub use dmarc::{Dmarc, DmarcError, Found, Policy, Report, discover, is_policy, reads_as_policy};
pub use domain::{are_aligned, is_below, organisation_of};
pub use facts::{Answer, Facts, Kind, Lack, Looked, Question, Record};
