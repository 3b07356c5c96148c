//! The sender's desk: what people bring (lists, templates, letters, commands typed in a hurry) works, or is explained before
//! anything is sent. The real program, in folders of its own, with its own receiver on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod begin;
mod braces;
#[allow(dead_code, reason = "a part of it is for tests of TLS")]
#[path = "../tls_policy/certificates.rs"]
mod certificates;
mod check;
mod commands;
mod conditions;
mod convert;
mod damage;
mod encodings;
mod folder;
mod guards;
mod jinja;
mod letters;
mod lists;
mod newsletters;
#[path = "../support/nsd.rs"]
mod nsd;
mod numbers;
mod preview;
mod reports;
mod sample;
mod share;
mod terminal;
mod types;
#[allow(dead_code, reason = "a part of it is for tests of TLS")]
#[path = "../tls_policy/web.rs"]
mod web;
