//! A certificate authority for tests.

use crate::tls::{Pem, Roots, ServerConfig};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

/// When the tests' certificates are valid: today and for long.
const VALID: (i32, i32) = (2020, 2090);

pub(super) struct Authority {
    pub(super) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate, its key, and those that go with it.
pub(super) struct Issued {
    pub(super) certificate: Certificate,
    pub(super) key: KeyPair,
}

impl Issued {
    pub(super) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// A server that shows the certificate and `others` behind it.
    pub(super) fn server(&self, others: &[&Certificate]) -> ServerConfig {
        let chain = std::iter::once(&self.certificate).chain(others.iter().copied()).map(Certificate::pem);
        let chain: String = chain.collect();
        ServerConfig::from_pem(chain.as_bytes(), self.key.serialize_pem().as_bytes()).unwrap()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (date_time_ymd(VALID.0, 1, 1), date_time_ymd(VALID.1, 1, 1));
    params
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        Self { certificate: params.self_signed(&key).unwrap(), issuer: Issuer::new(params, key) }
    }

    /// One that this one signed.
    pub(super) fn under(&self, name: &str) -> Self {
        let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
        Self { certificate: params.signed_by(&key, &self.issuer).unwrap(), issuer: Issuer::new(params, key) }
    }

    pub(super) fn roots(&self) -> Roots {
        Roots::Pem(Pem { file: "roots.pem".into(), text: self.certificate.pem().into_bytes().into() })
    }

    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_for(names, VALID)
    }

    /// Valid from the first day of one year to that of another.
    pub(super) fn issue_for(&self, names: &[&str], years: (i32, i32)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (mut params, key) = (CertificateParams::new(names).unwrap(), KeyPair::generate().unwrap());
        params.distinguished_name.push(rcgen::DnType::CommonName, "a leaf");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        Issued { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

/// A certificate that signs itself.
pub(super) fn self_signed(names: &[&str]) -> Issued {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    Issued { certificate: CertificateParams::new(names).unwrap().self_signed(&key).unwrap(), key }
}
