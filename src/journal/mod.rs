//! Floor 2: the journal: what became of each recipient, in a form that survives kill -9 and power loss. Pure: octets
//! come and go through slices, `now` is an argument, the disk is a trait that `wire` implements.
//!
//! [`record`] is what is written, [`context`] and [`words`] keep the words of replies once; [`writer`] groups entries into
//! commits, [`frame`] is a commit's form on the disk; [`replay`] reads it back and says what is damaged; [`state`] folds it
//! into sixteen octets a recipient, [`snapshot`] keeps those, [`mark`] how far all of it had come. [`disk`] is the disk's
//! face, [`sim`] a disk that crashes.
//!
//! # Guarantees
//! - What was acknowledged is read back, in order, after a crash at any instant (G1, G3).
//! - Damage to what was acknowledged is reported and costs the damaged frames only (G5). An unfinished tail is no damage, and
//!   what cannot be read is no unfinished tail.
//! - Acknowledged octets are never rewritten in place: each opening of a journal (an *epoch*) begins in a new segment, and
//!   a full segment gives way only to a packed copy of itself that is durable already.

pub mod context;
pub mod disk;
pub mod frame;
pub mod mark;
pub mod record;
pub mod replay;
pub mod sim;
pub mod snapshot;
pub mod state;
pub mod words;
pub mod writer;

#[cfg(test)]
mod crash_tests;
