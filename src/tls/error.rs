//! What can go wrong in TLS, said so that a person can act on it.
//!
//! Guarantees: whatever part of a message came from the peer is escaped.

use super::Failure;
use super::verify::Refused;
use crate::mail::reply::Printable;
use rustls::{CertificateError, OtherError};

const PAIR: &str = "give a PEM file with the certificate chain, leaf first, and one with its private key";
const ROOTS: &str = "give a PEM file of root certificates, like /etc/ssl/certs/ca-certificates.crt";

/// Why a TLS connection can not be made, or can not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The peer's name fits in no TLS handshake (neither a host name nor an IP address).
    #[error("TLS: {0:?} is neither a host name nor an IP address. hint: check the MX record or the smarthost")]
    ServerName(Box<str>),
    /// The handshake or a record broke the protocol, or nothing in common was found. The connection is of no more use;
    /// `write` still gives the alert that tells the peer.
    #[error("TLS: {what}. hint: {hint}")]
    Peer {
        /// What rustls says of it, escaped.
        what: Box<str>,
        /// What to do.
        hint: &'static str,
        /// What to report it as.
        failure: Failure,
    },
    /// Plain text was to be sent before the handshake was done: a fault of the caller's.
    #[error("TLS: data before the end of the handshake. hint: wait until `is_handshaking` is false")]
    TooEarly,
    /// Our own certificate, key or configuration is of no use.
    #[error("TLS: {0}. hint: {1}")]
    Config(Box<str>, &'static str),
    /// Names are to be verified, and there is no root that leads to trust.
    #[error("TLS: no root certificates: {0}. hint: install the system's (Debian: ca-certificates), or name a PEM file")]
    NoRoots(Box<str>),
}

impl TlsError {
    /// A trouble with the peer.
    pub(super) fn peer(error: &rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) = error
            && let Some(refused) = other.downcast_ref::<Refused>()
        {
            return Self::refused(refused);
        }
        Self::Peer { what: escaped(error), hint: hint(error), failure: Failure::ValidationFailure }
    }

    /// The peer's certificates are not what was asked for.
    pub(super) fn refused(refused: &Refused) -> Self {
        let hint = match refused.failure {
            Failure::CertificateHostMismatch => "its postmaster must get a certificate of that name",
            Failure::CertificateExpired => "its postmaster must renew it; is the clock of this machine right?",
            Failure::CertificateNotTrusted => "its postmaster must install the whole chain of a known authority",
            Failure::TlsaInvalid => "its postmaster must publish TLSA records of the new certificate before using it",
            _ => "someone between us may be changing the connection",
        };
        Self::Peer { what: refused.what.clone(), hint, failure: refused.failure }
    }

    /// A trouble with a file that we were configured with: a chain or its key.
    pub(super) fn file(file: &str, what: &dyn std::fmt::Display) -> Self {
        Self::Config(format!("{}: {}", escaped(&file), escaped(what)).into(), PAIR)
    }

    /// The same trouble, with a file of roots.
    pub(super) fn of_roots(self) -> Self {
        match self {
            Self::Config(what, _) => Self::Config(what, ROOTS),
            other => other,
        }
    }

    /// What to report it as (RFC 8460 §4.3), if the peer is to blame.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Peer { failure, .. } => Some(*failure),
            Self::ServerName(_) | Self::TooEarly | Self::Config(..) | Self::NoRoots(_) => None,
        }
    }

    /// A trouble with what we were configured with.
    pub(super) fn config(error: &dyn std::fmt::Display) -> Self {
        Self::Config(escaped(error), PAIR)
    }
}

pub(super) fn escaped(error: &dyn std::fmt::Display) -> Box<str> {
    Printable(error.to_string().as_bytes()).to_string().into()
}

fn hint(error: &rustls::Error) -> &'static str {
    use rustls::Error;
    match error {
        Error::InvalidMessage(_) => "the peer does not speak TLS here, or something between us changes its octets",
        Error::PeerIncompatible(_) => {
            "the peer shares no version, cipher or signature with us: TLS 1.2 or later is needed"
        }
        Error::AlertReceived(_) => "the peer ended it: its log says why",
        Error::InvalidCertificate(_) => "the peer's certificate is not usable; ask its postmaster to renew it",
        Error::DecryptError | Error::PeerMisbehaved(_) | Error::PeerSentOversizedRecord => {
            "the peer, or something between us, breaks the protocol"
        }
        _ => "try again; if it stays, try without TLS",
    }
}
