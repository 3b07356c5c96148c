//! Whom a client believes: the three ways of looking at a peer's certificates, and what became of it.
//!
//! Guarantees: a certificate is judged by one function, [`Verification::judge`], whether in a handshake or afterwards; the
//! reason of a refusal is one of RFC 8460's. The handshake must be signed by the certificate's key in each mode.

use super::dane::{Dane, Tlsa};
use super::{Failure, leaf_key, names};
use crate::mail::reply::Printable;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// How much of a peer's certificate must be right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Any certificate will do (RFC 7435, opportunistic security): self-signed, expired, of another name. The handshake
    /// must still be signed by the certificate's key. This keeps out those who only listen; **it does not tell who the
    /// peer is**, and whoever can change packets can read the mail. The alternative would be clear text.
    #[default]
    Opportunistic,
    /// The chain leads to one of the roots (PKIX), today, and the certificate is of one of these names: host names,
    /// IP addresses, or patterns (`*.example.com`: exactly one label in the place of the star).
    Names(Arc<[Box<str>]>),
    /// The chain fits the TLSA records of the exchanger (RFC 7672).
    Dane(Arc<Dane>),
}

/// What proved who the peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing did; nothing was asked for.
    None,
    /// A chain to a root, and this name of those that were expected.
    Name(Box<str>),
    /// This TLSA record.
    Dane(Tlsa),
}

/// "not verified", "verified: PKIX, mx.example", "verified: DANE 3 1 1 d2abde24…".
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not verified"),
            Self::Name(name) => write!(f, "verified: PKIX, {name}"),
            Self::Dane(record) => write!(f, "verified: DANE {record}"),
        }
    }
}

/// Why a chain was refused.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    /// A sentence; what came from the peer is escaped.
    pub(super) what: Box<str>,
}

impl Refused {
    pub(super) fn new(failure: Failure, what: impl Into<Box<str>>) -> Self {
        Self { failure, what: what.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refused {}

impl Verification {
    /// Whether a chain, leaf first, is what was asked for.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        roots: &RootCertStore,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        now: UnixTime,
    ) -> Result<Proof, Refused> {
        match self {
            Self::Opportunistic => Ok(Proof::None),
            Self::Names(wanted) => {
                judge_chain(roots, leaf, others, algorithms, now)?;
                names::judge(leaf, wanted, names::CommonName::Ignored).map(|name| Proof::Name(name.into()))
            }
            Self::Dane(dane) => dane.judge(leaf, others, algorithms, now),
        }
    }
}

/// Whether the chain leads to one of `roots`, today; the work is bounded (rustls: 100 signatures, 6 certificates deep).
pub(super) fn judge_chain(
    roots: &RootCertStore,
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    now: UnixTime,
) -> Result<(), Refused> {
    if is_root(leaf, roots) {
        return judge_dates(leaf, now);
    }
    ParsedCertificate::try_from(leaf)
        .and_then(|leaf| verify_server_cert_signed_by_trust_anchor(&leaf, roots, others, now, algorithms))
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => refusal(&error, leaf),
            other => Refused::new(Failure::CertificateNotTrusted, escaped(&other)),
        })
}

/// Whether the certificate's key is that of a root: a server of one's own, whose self-signed certificate stands in the file
/// of roots. Who holds a root's key could sign any other certificate as well.
fn is_root(leaf: &CertificateDer<'_>, roots: &RootCertStore) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(leaf) else { return false };
    let spki = parsed.subject_public_key_info();
    // An anchor's key stands without the outermost tag and length.
    let header = |anchor: &[u8]| spki.strip_suffix(anchor).is_some_and(|head| (2..=5).contains(&head.len()));
    roots.roots.iter().any(|anchor| header(&anchor.subject_public_key_info))
}

fn judge_dates(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), Refused> {
    let Ok(parsed) = Certificate::from_der(leaf) else {
        return Err(refusal(&CertificateError::BadEncoding, leaf));
    };
    let validity = &parsed.tbs_certificate.validity;
    let at = |time: &x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    let (not_before, not_after) = (at(&validity.not_before), at(&validity.not_after));
    if now > not_after {
        return Err(refusal(&CertificateError::ExpiredContext { time: now, not_after }, leaf));
    }
    if now < not_before {
        return Err(refusal(&CertificateError::NotValidYetContext { time: now, not_before }, leaf));
    }
    Ok(())
}

fn refusal(error: &CertificateError, leaf: &CertificateDer<'_>) -> Refused {
    let untrusted = |what: String| Refused::new(Failure::CertificateNotTrusted, what);
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            Refused::new(Failure::CertificateExpired, format!("the certificate expired at {}", time(*not_after)))
        }
        CertificateError::Expired => Refused::new(Failure::CertificateExpired, "the certificate has expired"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            untrusted(format!("the certificate is not valid before {}", time(*not_before)))
        }
        CertificateError::UnknownIssuer if is_self_issued(leaf) => {
            untrusted("the certificate is self-signed, and not one that is trusted".into())
        }
        CertificateError::UnknownIssuer => untrusted("the certificate's issuer is unknown".into()),
        CertificateError::BadEncoding => untrusted("a certificate of the chain is malformed".into()),
        CertificateError::BadSignature => untrusted("a signature in the chain of certificates is wrong".into()),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            untrusted("the certificate is not for servers".into())
        }
        CertificateError::Other(_) if is_self_issued(leaf) => {
            untrusted("the certificate is self-signed, and not one that is trusted".into())
        }
        other => untrusted(escaped(other)),
    }
}

fn is_self_issued(leaf: &CertificateDer<'_>) -> bool {
    let parsed = Certificate::from_der(leaf);
    parsed.is_ok_and(|c| c.tbs_certificate.subject == c.tbs_certificate.issuer)
}

fn escaped(what: &dyn fmt::Display) -> String {
    Printable(what.to_string().as_bytes()).to_string()
}

/// "2026-11-25 22:14:00 UTC".
fn time(at: UnixTime) -> String {
    let second = i64::try_from(at.as_secs()).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    second.map_or_else(|| format!("second {}", at.as_secs()), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// [`Verification`] in a handshake.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) verification: Verification,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Passes when `error` only says that a certificate cannot be read: [`Verification::judge`] has taken it all the same, so
/// its key is looked for by other means. A wrong signature stays one.
fn unreadable(error: rustls::Error) -> Result<(), rustls::Error> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding | CertificateError::Other(_)) => Ok(()),
        other => Err(other),
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verification
            .judge(end_entity, intermediates, &self.roots, self.algorithms.all, now)
            .map(|_proof| ServerCertVerified::assertion())
            .map_err(|refused| CertificateError::Other(OtherError(Arc::new(refused))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms).or_else(|error| {
            unreadable(error)?;
            leaf_key::verify_tls12(message, cert, dss, &self.algorithms)?;
            Ok(HandshakeSignatureValid::assertion())
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms).or_else(|error| {
            unreadable(error)?;
            leaf_key::verify_tls13(message, cert, dss, &self.algorithms)?;
            Ok(HandshakeSignatureValid::assertion())
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
