//! The public half of a key, as DNS has it (RFC 6376 §3.6.1, RFC 8463 §4).
//!
//! Guarantees: what receivers would take for no key is an error with its reason. Leaves to others: looking it up.

use super::Signer;
use crate::base::base64;
use crate::mail::tag_list::{TagError, Tags};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

/// The size of an Ed25519 key, in octets.
const ED25519_OCTETS: usize = 32;

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    kind: Kind,
    octets: Vec<u8>,
    bits: usize,
    /// `t=y`: receivers are to treat mail as if it were unsigned.
    pub is_test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ed25519,
}

/// Why a record is no key: a half sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishedError {
    /// It is no tag list.
    #[error("it is no list of tags: {0}")]
    Tags(#[from] TagError),
    /// It is a record of something else.
    #[error("its version is `{0}`, not DKIM1")]
    Version(String),
    /// Its version stands behind others (RFC 6376 §3.6.1: "MUST be the first tag in the record").
    #[error("its v=DKIM1 is not its first tag, and receivers pass such a record over")]
    Late,
    /// It has no key.
    #[error("it has no p=")]
    NoKey,
    /// The key was revoked (RFC 6376 §3.6.1: "An empty value means that this public key has been revoked").
    #[error("its p= is empty: the key is revoked")]
    Revoked,
    /// A type that nobody verifies.
    #[error("its k= is `{0}`, and can be rsa or ed25519")]
    Kind(String),
    /// The key cannot be read.
    #[error("its p= is no {0} key: it is cut, or something got between")]
    Key(&'static str),
    /// It is not for SHA-256.
    #[error("its h= is `{0}`, and signatures here are made with sha256")]
    Hash(String),
    /// It is not for mail.
    #[error("its s= is `{0}`: it is not for email")]
    Service(String),
}

impl Published {
    /// Reads a record.
    ///
    /// # Errors
    /// [`PublishedError`].
    pub fn read(text: &str) -> Result<Self, PublishedError> {
        let tags = Tags::read(text)?;
        if let Some(version) = tags.get("v").filter(|version| *version != "DKIM1") {
            return Err(PublishedError::Version(version.to_owned()));
        }
        if tags.get("v").is_some() && tags.first().is_some_and(|(name, _)| name != "v") {
            return Err(PublishedError::Late);
        }
        let key = tags.get("p").ok_or(PublishedError::NoKey)?;
        if key.is_empty() {
            return Err(PublishedError::Revoked);
        }
        let list = |tag| tags.get(tag).map(|value: &str| value.split(':').map(str::trim).collect::<Vec<_>>());
        if let Some(hashes) = list("h").filter(|hashes| !hashes.contains(&"sha256")) {
            return Err(PublishedError::Hash(hashes.join(":")));
        }
        if let Some(services) = list("s").filter(|services| !services.iter().any(|s| matches!(*s, "*" | "email"))) {
            return Err(PublishedError::Service(services.join(":")));
        }
        let (kind, word) = match tags.get("k").unwrap_or("rsa") {
            "rsa" => (Kind::Rsa, "RSA"),
            "ed25519" => (Kind::Ed25519, "Ed25519"),
            other => return Err(PublishedError::Kind(other.to_owned())),
        };
        let octets = base64::decode(key).ok_or(PublishedError::Key(word))?;
        let bits = kind.bits(&octets).ok_or(PublishedError::Key(word))?;
        let is_test = list("t").is_some_and(|flags| flags.contains(&"y"));
        Ok(Self { kind, octets, bits, is_test })
    }

    /// The size of the key: 256 for Ed25519.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The type for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Rsa => "RSA",
            Kind::Ed25519 => "Ed25519",
        }
    }

    /// Whether it is the public half of this key.
    #[must_use]
    pub fn is_of(&self, signer: &Signer) -> bool {
        let own = Self::read(&signer.record());
        // An RSA key may be published with what says that it is one, and without (RFC 6376 erratum 3017).
        own.is_ok_and(|own| own.kind == self.kind && (own.octets == self.octets || own.octets.ends_with(&self.octets)))
    }

    /// Whether a signature over `signed` was made by the private half; `sha256` is what an Ed25519 key signs (RFC 8463 §3).
    pub(super) fn verifies(&self, signed: &[u8], sha256: &[u8], signature: &[u8]) -> bool {
        match self.kind {
            Kind::Rsa => {
                let key = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.octets);
                key.verify(signed, signature).is_ok()
            }
            Kind::Ed25519 => UnparsedPublicKey::new(&ED25519, &self.octets).verify(sha256, signature).is_ok(),
        }
    }
}

impl Kind {
    /// The size of a key, if it is one.
    fn bits(self, octets: &[u8]) -> Option<usize> {
        match self {
            Self::Rsa => rsa::PublicKey::from_der(octets).ok().map(|key| key.modulus_len() * 8),
            Self::Ed25519 => (octets.len() == ED25519_OCTETS).then_some(256),
        }
    }
}
