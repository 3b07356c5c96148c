//! What domains demand of TLS, obeyed by the real program on the real ring: against a DNS server, a web server and
//! exchangers of our own on loopback, with certificates that are right, expired, of another name, self-signed, or gone.
//!
//! In each case a delivery that must not happen is counted at the exchanger: none arrives, not even an envelope.
//! Leaves to others: what exactly makes a certificate good (`tls`), and the proofs of DNSSEC (`wire::dns`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../support/dns_server.rs"]
mod dns_server;

mod certificates;
mod configured;
mod dane;
mod mailing;
mod mta_sts;
mod reports;
mod web;
mod world;
