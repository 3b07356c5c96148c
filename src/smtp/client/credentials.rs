//! Who we are to a smarthost (RFC 4954).
//!
//! Guarantees: neither the password nor the seed shows in Debug output. Leaves to others: where the secrets come from.

use crate::base::base64;
use crate::smtp::client::scram::Salted;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A mechanism of AUTH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN (never standardised, offered everywhere).
    Login,
    /// SCRAM-SHA-256 (RFC 5802, 7677).
    ScramSha256,
}

impl Mechanism {
    /// The name in the AUTH command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
        }
    }
}

/// A user and its password; shared by all sessions of a route.
pub struct Credentials {
    pub(super) user: Box<str>,
    pub(super) password: Box<str>,
    /// The only mechanism to use; `None`: the best that is offered (SCRAM-SHA-256, PLAIN, LOGIN).
    pub(super) mechanism: Option<Mechanism>,
    /// Say the password outside of TLS too.
    pub(super) in_clear: bool,
    seed: [u8; 32],
    nonces: AtomicU64,
    /// The password as the server salts it; it costs many milliseconds to make.
    salted: Mutex<Option<Salted>>,
}

impl Credentials {
    /// `seed`: octets that nobody can guess, from the system's random source; nonces are derived from it.
    #[must_use]
    pub fn new(user: &str, password: &str, mechanism: Option<Mechanism>, in_clear: bool, seed: [u8; 32]) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            mechanism,
            in_clear,
            seed,
            nonces: AtomicU64::new(0),
            salted: Mutex::new(None),
        }
    }

    pub(super) fn salted(&self) -> Option<Salted> {
        self.salted.lock().map_or(None, |salted| salted.clone())
    }

    pub(super) fn keep_salted(&self, salted: Option<Salted>) {
        if let Ok(mut kept) = self.salted.lock() {
            *kept = salted;
        }
    }

    /// A nonce that no session had before: the seed's keyed hash of a count, in base64.
    pub(super) fn nonce(&self) -> Vec<u8> {
        let count = self.nonces.fetch_add(1, Ordering::Relaxed);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.seed);
        let tag = aws_lc_rs::hmac::sign(&key, &count.to_be_bytes());
        let mut text = Vec::new();
        base64::encode(tag.as_ref().get(..18).unwrap_or_default(), &mut text);
        text
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("mechanism", &self.mechanism)
            .field("in_clear", &self.in_clear)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_are_not_shown() {
        let credentials = Credentials::new("jo", "hunter2", None, false, [99; 32]);
        let shown = format!("{credentials:?}");
        assert!(shown.contains("jo") && !shown.contains("hunter2") && !shown.contains("99"), "{shown}");
    }

    #[test]
    fn each_nonce_is_another_one() {
        let credentials = Credentials::new("jo", "x", None, false, [7; 32]);
        let (a, b) = (credentials.nonce(), credentials.nonce());
        assert!(a != b && a.len() == 24, "{a:?} {b:?}");
        assert_eq!(Credentials::new("jo", "x", None, false, [7; 32]).nonce(), a);
    }
}
