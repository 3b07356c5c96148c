//! posthaste: a bulk mailing engine for Linux on io_uring.
//!
//! This page is the map. A *room* is a folder here; rooms stand on *floors*, and a room imports only from lower
//! floors: rooms on one floor are blind to each other. `tests/tidy.rs` reads the source and holds this.
//!
//! | floor | rooms | what they are |
//! |---|---|---|
//! | 6 | [`app`] | the command line, configuration, reports |
//! | 5 | [`engine`], [`sink`] | the sending engine; a receiving MX to send to |
//! | 4 | [`wire`], [`observe`] | the ring, sockets, DNS, disk; metrics and logs: the only places that touch the world |
//! | 3 | [`queue`] | who goes next, and when |
//! | 2 | [`smtp`], [`tls`], [`content`], [`identity`], [`journal`], [`shape`] | pure crafts: no IO, no clock, blind to each other |
//! | 1 | [`mail`] | the words: addresses, envelope, reply, outcome, event |
//! | 0 | [`base`] | the ground, knows no mail: clock types, output buffer, timer wheel, token bucket |
//!
//! Below floor 4 `now` is an argument and bytes come and go through slices, so all of the sending logic also runs
//! under a virtual clock, repeatable from a seed.
//!
//! # Guarantees
//! - **G1** A recipient leaves the queue only after the record of its outcome is durable.
//! - **G2** `loaded = delivered + bounced + expired + suppressed + cancelled + uncertain + waiting + in flight`, at
//!   every instant and after kill -9.
//! - **G3** After kill -9 or power loss no recipient is lost. A second copy is possible only for a recipient whose
//!   attempt was journaled and whose outcome was not yet durable; these are known by name.
//! - **G5** Damaged storage is reported, never skipped in silence; a full disk refuses new work and loses nothing.
//! - **G6** No input from a peer and no row of a list can crash the engine, grow its memory without bound, or reach a
//!   log, a header or a command line unescaped.
//! - **G7** Sending the same campaign twice sends nothing twice: it resumes, or says that it is complete.

pub mod app;
pub mod base;
pub mod content;
pub mod engine;
pub mod identity;
pub mod journal;
pub mod mail;
pub mod observe;
pub mod queue;
pub mod shape;
pub mod sink;
pub mod smtp;
pub mod tls;
pub mod wire;
