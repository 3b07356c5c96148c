//! The key of a certificate that the PKIX library does not read: X.509 version 1, or with fields that no standard allows.
//!
//! Where any certificate will do, so will one that only just is one; what counts is that the handshake was signed by the
//! key in it. Guarantees: the signature is checked as for any other certificate, with the key taken from where X.509
//! puts it (RFC 5280 §4.1), and nothing else of the certificate is believed. Bounded: one pass over a certificate that
//! the handshake has bounded.

use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, PeerMisbehaved, SignatureScheme};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// Whether the certificate's key signed `message` (TLS 1.2).
pub(super) fn verify_tls12(
    message: &[u8],
    cert: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), rustls::Error> {
    let key = key_info(cert)?;
    let key = SubjectPublicKeyInfoRef::from_der(&key).map_err(|_| bad())?;
    let of_key = key.algorithm.to_der().map_err(|_| bad())?;
    let of_key = AnyRef::from_der(&of_key).map_err(|_| bad())?;
    let bits = key.subject_public_key.as_bytes().ok_or_else(bad)?;
    let fits = |scheme: &SignatureScheme| *scheme == signed.scheme;
    let candidates = algorithms.mapping.iter().filter(|(scheme, _)| fits(scheme)).flat_map(|(_, all)| all.iter());
    // RFC 5246 §7.4.1.4.1: a scheme of TLS 1.2 names no curve, so each of its algorithms is a candidate.
    let mut known = candidates.filter(|a| a.public_key_alg_id().as_ref() == of_key.value()).peekable();
    if known.peek().is_none() {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    if known.any(|a| a.verify_signature(bits, message, signed.signature()).is_ok()) {
        return Ok(());
    }
    Err(CertificateError::BadSignature.into())
}

/// Whether the certificate's key signed `message` (TLS 1.3).
pub(super) fn verify_tls13(
    message: &[u8],
    cert: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), rustls::Error> {
    let key = SubjectPublicKeyInfoDer::from(key_info(cert)?);
    verify_tls13_signature_with_raw_key(message, &key, signed, algorithms).map(|_valid| ())
}

/// The SubjectPublicKeyInfo, as DER: the sixth field of the certificate's body, behind the version if it has one.
pub(super) fn key_info(cert: &CertificateDer<'_>) -> Result<Vec<u8>, rustls::Error> {
    walk(cert).map_err(|_| bad())
}

fn walk(cert: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    let whole = AnyRef::from_der(cert)?;
    let mut fields = SliceReader::new(whole.value())?;
    let body = AnyRef::decode(&mut fields)?;
    let mut fields = SliceReader::new(body.value())?;
    let version = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };
    if fields.peek_tag()? == version {
        AnyRef::decode(&mut fields)?;
    }
    // Serial number, signature, issuer, validity, subject.
    for _ in 0..5 {
        AnyRef::decode(&mut fields)?;
    }
    AnyRef::decode(&mut fields)?.to_der()
}

fn bad() -> rustls::Error {
    CertificateError::BadEncoding.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_key_is_found_in_certificates_of_every_version() {
        let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).unwrap();
        let key = rcgen::PublicKeyData::subject_public_key_info(&made.signing_key);
        assert_eq!(key_info(made.cert.der()).unwrap(), key);
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..200), at in any::<usize>()) {
            let _ = key_info(&CertificateDer::from(octets.clone()));
            let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).unwrap();
            let mut genuine = made.cert.der().to_vec();
            let at = at % genuine.len();
            genuine[at] ^= octets.pop().unwrap_or(1);
            let _ = key_info(&CertificateDer::from(genuine));
        }
    }
}
