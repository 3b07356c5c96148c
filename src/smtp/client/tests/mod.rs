//! Dialogues with a session, and what must hold whatever the peer says.

mod accounting;
mod endings;
mod flights;
mod foreign;
mod hello;
mod lies;
mod limits;
mod play;
mod refusals;
