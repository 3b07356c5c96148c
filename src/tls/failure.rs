//! Why TLS failed, in the words that mail servers report to each other (RFC 8460 §4.3).

use serde::{Deserialize, Serialize};

/// A result type of TLS-RPT (RFC 8460 §4.3); serialised as the word that the RFC gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The exchanger does not offer STARTTLS.
    #[serde(rename = "starttls-not-supported")]
    StartTlsNotSupported,
    /// The certificate is of another name.
    CertificateHostMismatch,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate does not lead to an anchor that is trusted: unknown issuer, self-signed, not valid yet, a broken
    /// chain.
    CertificateNotTrusted,
    /// Any other failure of the handshake.
    ValidationFailure,
    /// The TLSA records do not fit the certificate.
    TlsaInvalid,
    /// An answer of DNS was bogus, or DNSSEC could not be validated.
    DnssecInvalid,
    /// DANE was demanded by configuration, and the exchanger has no TLSA records.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is no policy, or names none of the exchangers.
    StsPolicyInvalid,
    /// The server of the MTA-STS policy did not prove who it is.
    StsWebpkiInvalid,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::StartTlsNotSupported,
        Self::CertificateHostMismatch,
        Self::CertificateExpired,
        Self::CertificateNotTrusted,
        Self::ValidationFailure,
        Self::TlsaInvalid,
        Self::DnssecInvalid,
        Self::DaneRequired,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
    ];

    /// The word of RFC 8460 §4.3: "certificate-expired".
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::StartTlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_written_and_read_as_the_rfc_s_word() {
        for failure in Failure::ALL {
            let json = serde_json::to_string(&failure).unwrap();
            assert_eq!(json, format!("\"{failure}\""));
            assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
        }
    }
}
