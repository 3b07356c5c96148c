//! Floor 2: what a reply means for a recipient and its site, when to try again, and how many sessions a site may have.
//!
//! Guarantees: pure; `now` and the random numbers are arguments. Everything that holds a site back has an instant at
//! which it ends, and a sentence that names it.
//! Leaves to others: doing it (`engine`), and the rows that wait meanwhile (`queue`).

pub mod classify;
pub mod retry;
pub mod site;

pub use classify::refusal::{Consequence, Mailing, NextHop, Refusal, Rests};
pub use classify::{Advice, Cause, Judgement, Phase, classify};
pub use retry::{Next, Schedule};
pub use site::{Binding, Limits, Pace, Trouble};
