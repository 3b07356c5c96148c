//! DKIM signatures (RFC 6376; Ed25519: RFC 8463): relaxed/relaxed, RSA-SHA256 and Ed25519-SHA256.
//!
//! Guarantees: From, To and Subject are signed once more than they are there, so none can be added; there is no `l=`; a
//! signature covers the octets as they are sent. Leaves to others: reading the key file, publishing the record, and looking it up.

mod canon;
mod key;
mod published;
mod signature;
mod verify;
mod whole;

pub use key::{KeyError, Signer};
pub use published::{Published, PublishedError};
pub use verify::{VerifyError, verify};
pub use whole::sign;

pub(crate) use canon::{body_hash, body_hash_with, relaxed_header, whole_body};
pub(crate) use signature::Prepared;

/// The fields to sign when they are there (RFC 6376 §5.4.1, RFC 8058 §4).
const SIGNED: [&str; 16] = [
    "Date",
    "Message-ID",
    "From",
    "Sender",
    "To",
    "Reply-To",
    "Subject",
    "In-Reply-To",
    "References",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Whether a field of this name is signed.
pub(crate) fn is_signed(name: &str) -> bool {
    SIGNED.iter().any(|s| s.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
