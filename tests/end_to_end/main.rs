//! End to end: the program as people run it, as a process of its own, against real servers and a receiver that lives
//! through everything that is done to the sender.
//!
//! Guarantees: loopback only, ports chosen by the system, everything in scratch folders, every wait bounded, every
//! process that a test starts is gone when it ends. Leaves to others: what single rooms promise (their own tests).
//!
//! The real servers come from `tests/mta/setup`. Postfix, Exim, OpenSMTPD need root: they change to users of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whatever is not as it should be ends the test, and says where"
)]

mod campaign;
mod client_certificate;
mod damage;
mod dkim;
mod early;
mod every_server;
#[path = "../support/free_port.rs"]
mod free_port;
mod interrupts;
mod kills;
mod letters;
mod login;
mod mta;
mod probe;
mod program;
mod real_servers;
mod scratch;
