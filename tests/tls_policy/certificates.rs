//! Certificates: an authority that the program is told to trust, and what goes wrong with them.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Identity {
    pub chain: String,
    pub key: String,
    /// The public key as certificates carry it (SubjectPublicKeyInfo).
    pub spki: Vec<u8>,
}

/// Who signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate: a file of roots.
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "a root of tests");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_for(names, (2020, 2090))
    }

    pub fn expired(&self, names: &[&str]) -> Identity {
        self.issue_for(names, (2020, 2021))
    }

    fn issue_for(&self, names: &[&str], years: (i32, i32)) -> Identity {
        let (mut params, key) = (params(names), KeyPair::generate().unwrap());
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        identity(chain, &key)
    }
}

pub fn self_signed(names: &[&str]) -> Identity {
    let key = KeyPair::generate().unwrap();
    let chain = params(names).self_signed(&key).unwrap().pem();
    identity(chain, &key)
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn identity(chain: String, key: &KeyPair) -> Identity {
    Identity { chain, key: key.serialize_pem(), spki: rcgen::PublicKeyData::subject_public_key_info(key) }
}
