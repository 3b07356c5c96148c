//! DANE for SMTP (RFC 7672, RFC 7671): TLSA records, and whether a chain of certificates fits them.
//!
//! Guarantees: a record that is not understood is never taken for one that fits; a certificate that a peer made up costs
//! a bounded number of digests. Leaves to others: that the records were proven by DNSSEC, which they must be (`wire::dns`).

use super::verify::{Proof, Refused, judge_chain};
use super::{Failure, leaf_key, names};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use std::fmt::{self, Write as _};

/// No more records of one exchanger are used: the first ones of the answer.
pub const RECORDS_MAX: usize = 32;
/// No more octets of a record are quoted: the longest digest has as many.
const PRESENTED_MAX: usize = 64;
/// No more certificates of a chain are compared with an anchor's record.
const CHAIN_MAX: usize = 16;

/// A TLSA record (RFC 6698 §2.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// 0 the whole certificate, 1 its public key (SubjectPublicKeyInfo).
    pub selector: u8,
    /// 0 the octets themselves, 1 their SHA-256, 2 their SHA-512.
    pub matching: u8,
    /// What the selected octets are compared with.
    pub data: Box<[u8]>,
}

impl Tlsa {
    /// Whether the record can be of use to a mail client. RFC 7672 §3.1.3: usages 0 and 1 are "unusable"; and so is what
    /// is not understood, or has a digest of the wrong length (RFC 7671 §4.1).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let data = match (self.selector, self.matching) {
            (0, 0) => ParsedCertificate::try_from(&CertificateDer::from(&*self.data)).is_ok(),
            (1, 0) => !self.data.is_empty(),
            (0 | 1, 1) => self.data.len() == SHA256.output_len(),
            (0 | 1, 2) => self.data.len() == SHA512.output_len(),
            _ => false,
        };
        data && matches!(self.usage, 2 | 3)
    }

    /// As in a zone file, whole: what a report quotes (RFC 8460 §4.4).
    #[must_use]
    pub fn presentation(&self) -> String {
        let mut text = format!("{} {} {} ", self.usage, self.selector, self.matching);
        for octet in self.data.iter().take(PRESENTED_MAX) {
            let _infallible = write!(text, "{octet:02x}");
        }
        text
    }

    /// Whether the record names this certificate.
    fn fits(&self, certificate: &[u8]) -> bool {
        let whole = CertificateDer::from(certificate);
        let spki = match self.selector {
            0 => None,
            // Old certificates have keys too, and nothing else of them is looked at.
            1 => match leaf_key::key_info(&whole) {
                Ok(key) => Some(key),
                Err(_) => return false,
            },
            _ => return false,
        };
        let selected = spki.as_deref().unwrap_or(certificate);
        match self.matching {
            0 => *selected == *self.data,
            1 => digest(&SHA256, selected).as_ref() == &*self.data,
            2 => digest(&SHA512, selected).as_ref() == &*self.data,
            _ => false,
        }
    }
}

/// As in a zone file, the data cut short: `3 1 1 d2abde24…`.
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().take(8).try_for_each(|octet| write!(f, "{octet:02x}"))?;
        if self.data.len() > 8 { f.write_str("…") } else { Ok(()) }
    }
}

impl fmt::Debug for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an exchanger must show: one of these records, and with usage 2 one of these names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dane {
    /// The records that are compared: see [`Dane::of`].
    pub records: Vec<Tlsa>,
    /// The reference identifiers of usage 2 (RFC 7672 §3.2.2): the exchanger's name, its name behind CNAMEs, and when the
    /// MX records are proven too, the domain.
    /// The first is the name at which the records stand, and goes out as SNI (RFC 7672 §8.1).
    pub names: Vec<Box<str>>,
}

impl Dane {
    /// The name that the handshake asks for: the one at which the records stand.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.names.first().map(|name| &**name)
    }

    /// Takes the usable ones of the records of an exchanger. Of digests of one usage and selector only the strongest stay
    /// (RFC 7671 §9, digest agility), so that a broken one cannot be used against a good one.
    ///
    /// `None`: there are no usable ones. If there are records at all, the exchanger wants TLS without authentication then,
    /// and clear text is out of the question (RFC 7672 §2.2).
    #[must_use]
    pub fn of(records: &[Tlsa], names: Vec<Box<str>>) -> Option<Self> {
        let usable: Vec<&Tlsa> = records.iter().filter(|record| record.is_usable()).take(RECORDS_MAX).collect();
        let outdone = |record: &Tlsa| {
            let same = |other: &&Tlsa| (other.usage, other.selector) == (record.usage, record.selector);
            record.matching == 1 && usable.iter().filter(|other| same(other)).any(|other| other.matching == 2)
        };
        let records: Vec<Tlsa> =
            usable.iter().filter(|record| !outdone(record)).map(|&record| record.clone()).collect();
        (!records.is_empty()).then_some(Self { records, names })
    }

    /// Whether the chain, leaf first, fits; `now` only matters to usage 2.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        now: UnixTime,
    ) -> Result<Proof, Refused> {
        // RFC 7672 §3.1.1: with DANE-EE(3) "the server certificate's expiration date MUST be ignored", and so are names.
        let of_usage = |usage: u8| self.records.iter().filter(move |record| record.usage == usage);
        if let Some(record) = of_usage(3).find(|record| record.fits(leaf)) {
            return Ok(Proof::Dane(record.clone()));
        }
        let anchors: Vec<(&Tlsa, TrustAnchor<'static>)> =
            of_usage(2).filter_map(|r| Some((r, anchor(r, others)?))).collect();
        let Some((record, _)) = anchors.first() else {
            let what = match self.records.as_slice() {
                [one] => format!("the certificate does not fit the TLSA record {one}"),
                all => format!("the certificate fits none of the {} usable TLSA records", all.len()),
            };
            return Err(Refused::new(Failure::TlsaInvalid, what));
        };
        let store = RootCertStore { roots: anchors.iter().map(|(_, anchor)| anchor.clone()).collect() };
        judge_chain(&store, leaf, others, algorithms, now)?;
        names::judge(leaf, &self.names, names::CommonName::WithoutDnsName)?;
        Ok(Proof::Dane((*record).clone()))
    }
}

/// The anchor that a record of usage 2 names: a certificate that the peer sent behind its own, self-signed or not, or the
/// one that stands in the record (RFC 7671 §5.2). A bare key that is in no certificate of the chain gives none: publishers
/// may not count on it (§5.2.2).
fn anchor(record: &Tlsa, others: &[CertificateDer<'_>]) -> Option<TrustAnchor<'static>> {
    let sent = others.iter().take(CHAIN_MAX).find(|certificate| record.fits(certificate));
    let stated = ((record.selector, record.matching) == (0, 0)).then(|| CertificateDer::from(record.data.to_vec()));
    let certificate = sent.map(|certificate| certificate.clone().into_owned()).or(stated)?;
    let mut store = RootCertStore::empty();
    store.add(certificate).ok()?;
    store.roots.pop()
}
