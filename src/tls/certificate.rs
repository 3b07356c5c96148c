//! A certificate, told to people.
//!
//! Guarantees: whatever octets a peer sent, there is a description; every text of the peer's is escaped and cut. Leaves to
//! others: whether it is to be believed ([`Verification`](super::Verification)).

use super::names::{self, CommonName};
use crate::mail::reply::Printable;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use std::fmt::Write as _;
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc5912, rfc8410};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;

/// Texts are cut to this length, in characters.
const TEXT_MAX: usize = 200;
/// So many names are told.
pub const NAMES_MAX: usize = 16;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whose it is: `CN=mx.example,O=Example`.
    pub subject: String,
    /// Who made it.
    pub issuer: String,
    /// Its DNS names; at most [`NAMES_MAX`].
    pub names: Vec<String>,
    /// How many more names it has.
    pub more_names: usize,
    /// From when it is valid, in seconds since 1970.
    pub not_before_s: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after_s: i64,
    /// "RSA 2048", "ECDSA P-256", "Ed25519".
    pub key: String,
    /// The SHA-256 of its public key (SubjectPublicKeyInfo): the data of a TLSA record `3 1 1`.
    pub spki_sha256: String,
}

impl Description {
    /// Reads a certificate. `None`: it is none.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let tbs = &certificate.tbs_certificate;
        let mut names = names::dns_names(&CertificateDer::from(der), CommonName::Ignored);
        let more_names = names.len().saturating_sub(NAMES_MAX);
        names.truncate(NAMES_MAX);
        let spki = tbs.subject_public_key_info.to_der().ok()?;
        Some(Self {
            subject: shown(&tbs.subject.to_string()),
            issuer: shown(&tbs.issuer.to_string()),
            names: names.iter().map(|name| shown(name)).collect(),
            more_names,
            not_before_s: seconds(&tbs.validity.not_before),
            not_after_s: seconds(&tbs.validity.not_after),
            key: key(&tbs.subject_public_key_info),
            spki_sha256: digest(&SHA256, &spki).as_ref().iter().fold(String::new(), |mut text, octet| {
                let _infallible = write!(text, "{octet:02x}");
                text
            }),
        })
    }

    /// Whether it names itself as its issuer.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

fn shown(text: &str) -> String {
    Printable(text.as_bytes()).to_string().chars().take(TEXT_MAX).collect()
}

fn seconds(time: &Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn key(spki: &SubjectPublicKeyInfoOwned) -> String {
    let oid = spki.algorithm.oid;
    if oid == rfc5912::RSA_ENCRYPTION {
        return format!("RSA {}", rsa_bits(spki.subject_public_key.raw_bytes()).unwrap_or(0));
    }
    if oid == rfc5912::ID_EC_PUBLIC_KEY {
        let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        return match curve {
            Some(rfc5912::SECP_256_R_1) => "ECDSA P-256".to_owned(),
            Some(rfc5912::SECP_384_R_1) => "ECDSA P-384".to_owned(),
            Some(rfc5912::SECP_521_R_1) => "ECDSA P-521".to_owned(),
            Some(other) => format!("ECDSA on curve {other}"),
            None => "ECDSA".to_owned(),
        };
    }
    match oid {
        rfc8410::ID_ED_25519 => "Ed25519".to_owned(),
        rfc8410::ID_ED_448 => "Ed448".to_owned(),
        other => format!("algorithm {other}"),
    }
}

/// The bits of the modulus: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 §A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    use x509_cert::der::asn1::UintRef;
    use x509_cert::der::{Reader, SliceReader};
    let mut outer = SliceReader::new(key).ok()?;
    let modulus = outer.sequence(|inner| {
        let modulus: UintRef<'_> = inner.decode()?;
        let _exponent: UintRef<'_> = inner.decode()?;
        Ok(modulus.as_bytes().to_vec())
    });
    let modulus = modulus.ok()?;
    let zeros = modulus.first()?.leading_zeros() as usize;
    Some(modulus.len() * 8 - zeros)
}
