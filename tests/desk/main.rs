//! The sender's desk: what people bring (lists, templates, letters, commands typed in a hurry) works, or is explained before
//! anything is sent. The real program, in folders of its own, with its own receiver on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod commands;
mod folder;
mod jinja;
mod letters;
mod lists;
mod newsletters;
mod preview;
mod sample;
mod share;
mod terminal;
mod types;
