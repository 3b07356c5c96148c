//! Dialogues with a session, and what must hold whatever the peer says.

mod accounting;
mod asks;
mod attack;
mod ear;
mod early;
mod endings;
mod flights;
mod foreign;
mod hello;
mod learning;
mod lies;
mod limits;
mod login;
mod play;
mod refusals;
mod surplus;
