//! Floor 2: TLS over bytes (RFC 8446, RFC 5246), without sockets. The only room that names rustls.
//!
//! [`Client`] and [`Server`] are one connection each: octets of the peer go in through `read`, octets to the peer come
//! out of `write`; what carries them is the caller's business. rustls' buffered interface is used with the aws-lc-rs
//! provider; AES-GCM comes before ChaCha20, and sessions are kept and resumed, for a full handshake costs as much as
//! dozens of messages.
//!
//! Guarantees: no octet of a peer makes this room panic or grow without bound; plain text is never sent before the
//! handshake is done.
//! Leaves to others: when to start TLS and what to do without it (`smtp::client`), timeouts, closing the connection.

pub mod certificate;
mod client;
mod config;
pub mod dane;
mod error;
mod failure;
mod leaf_key;
mod names;
pub mod policy;
mod pump;
pub mod report;
mod server;
mod sessions;
pub mod sts;
#[cfg(test)]
mod tests;
mod txt;
mod verify;
mod web;

pub use client::Client;
pub use config::{ClientConfig, ClientOptions, Identity, Pem, Roots, Version};
pub use error::TlsError;
pub use failure::Failure;
pub use pump::Progress;
pub use server::{Server, ServerConfig};
pub use verify::{Proof, Verification};

use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// aws-lc-rs with its default suites, those without AES hardware support last: mail servers have it.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        )
    });
    provider
}
