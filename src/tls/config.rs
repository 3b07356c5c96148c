//! What all connections of a client share: versions, roots, a certificate of our own, and the sessions to resume.
//!
//! Guarantees: each [`Verification`] has a rustls configuration of its own, so that a session is only ever resumed under
//! the verification that it began under; how many of these are kept is bounded.

use super::sessions::Sessions;
use super::verify::{Refused, Verifier};
use super::{Proof, TlsError, Verification, provider};
use hashbrown::HashMap;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, SupportedProtocolVersion};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The configurations of so many verifications are kept; the one that came first goes first, and its sessions with it.
const VERIFICATIONS_MAX: usize = 4096;

/// The lowest version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// Whose certificates lead to trust where names are verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the operating system; read when they are first needed.
    #[default]
    System,
    /// Those of a PEM file.
    Pem(Pem),
}

/// The text of a PEM file, and what to call it in messages. Its text is in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The file's path, or another name that a person knows it by.
    pub file: Box<str>,
    /// What is in it.
    pub text: Box<[u8]>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({:?}, {} octets)", self.file, self.text.len())
    }
}

/// A certificate of our own, shown to servers that ask for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate chain, leaf first.
    pub chain: Pem,
    /// The leaf's private key: PKCS#8, PKCS#1 or SEC1.
    pub key: Pem,
}

/// What a [`ClientConfig`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The lowest version that is spoken.
    pub minimum: Version,
    /// Whose certificates lead to trust where names are verified.
    pub roots: Roots,
    /// A certificate of our own.
    pub identity: Option<Identity>,
    /// Sessions of so many peers are kept for resumption: a few KB each, at the most eight tickets and chains of 64 KiB.
    pub peers_max: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            minimum: Version::default(),
            roots: Roots::default(),
            identity: None,
            peers_max: ClientConfig::PEERS_MAX,
        }
    }
}

/// What all connections share; cheap to clone.
#[derive(Clone)]
pub struct ClientConfig(Arc<Shared>);

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").field("minimum", &self.0.minimum).finish_non_exhaustive()
    }
}

struct Shared {
    provider: Arc<CryptoProvider>,
    minimum: Version,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    /// Empty for [`Roots::System`] until they are needed.
    roots: OnceLock<Result<Arc<RootCertStore>, TlsError>>,
    sessions: Sessions,
    opportunistic: Arc<rustls::ClientConfig>,
    others: Mutex<Others>,
}

#[derive(Default)]
struct Others {
    known: HashMap<Verification, Arc<rustls::ClientConfig>>,
    order: VecDeque<Verification>,
    /// How many there have been: the number of the next one's sessions.
    made: u64,
}

impl ClientConfig {
    /// Sessions of at most this many peers are kept when nothing else is asked for.
    pub const PEERS_MAX: usize = 1024;

    /// A configuration.
    ///
    /// # Errors
    /// [`TlsError::Config`]: a PEM file holds no certificate or no key, or these do not belong together; says which file.
    pub fn new(options: &ClientOptions) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let roots = OnceLock::new();
        if let Roots::Pem(pem) = &options.roots {
            let _first = roots.set(Ok(Arc::new(roots_of(pem).map_err(TlsError::of_roots)?)));
        }
        let identity = options.identity.as_ref().map(|identity| resolver(identity, &provider)).transpose()?;
        let sessions = Sessions::new(options.peers_max);
        let any = Verifier {
            verification: Verification::Opportunistic,
            roots: Arc::new(RootCertStore::empty()),
            algorithms: provider.signature_verification_algorithms,
        };
        let opportunistic = Arc::new(build(&provider, options.minimum, identity.as_ref(), any, &sessions, 0)?);
        let others = Mutex::new(Others::default());
        Ok(Self(Arc::new(Shared {
            provider,
            minimum: options.minimum,
            identity,
            roots,
            sessions,
            opportunistic,
            others,
        })))
    }

    /// The rustls configuration of a verification: the same for the same one.
    pub(super) fn of(&self, verification: &Verification) -> Result<Arc<rustls::ClientConfig>, TlsError> {
        let shared = &*self.0;
        if *verification == Verification::Opportunistic {
            return Ok(shared.opportunistic.clone());
        }
        let mut others = shared.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others.known.get(verification) {
            return Ok(known.clone());
        }
        let verifier = Verifier {
            verification: verification.clone(),
            roots: self.roots_for(verification)?,
            algorithms: shared.provider.signature_verification_algorithms,
        };
        others.made += 1;
        let (made, identity) = (others.made, shared.identity.as_ref());
        let config = Arc::new(build(&shared.provider, shared.minimum, identity, verifier, &shared.sessions, made)?);
        if others.known.len() >= VERIFICATIONS_MAX
            && let Some(oldest) = others.order.pop_front()
        {
            others.known.remove(&oldest);
        }
        others.order.push_back(verification.clone());
        others.known.insert(verification.clone(), config.clone());
        Ok(config)
    }

    /// Judges a chain of certificates, leaf first, as a handshake under `verification` would at `unix_s` (seconds since
    /// 1970): for those who want to know more of a peer than that the handshake failed.
    ///
    /// # Errors
    /// [`TlsError::Peer`], or [`TlsError::Config`] if there are no roots.
    pub fn judge(&self, verification: &Verification, chain: &[Vec<u8>], unix_s: u64) -> Result<Proof, TlsError> {
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let Some((leaf, others)) = chain.split_first() else {
            return Err(TlsError::refused(&Refused::new(super::Failure::ValidationFailure, "there is no certificate")));
        };
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(unix_s));
        let roots = self.roots_for(verification)?;
        let algorithms = self.0.provider.signature_verification_algorithms.all;
        verification.judge(leaf, others, &roots, algorithms, now).map_err(|refused| TlsError::refused(&refused))
    }

    /// The roots, if the verification needs any.
    fn roots_for(&self, verification: &Verification) -> Result<Arc<RootCertStore>, TlsError> {
        match verification {
            Verification::Names(_) => self.0.roots.get_or_init(system_roots).clone(),
            Verification::Opportunistic | Verification::Dane(_) => Ok(Arc::new(RootCertStore::empty())),
        }
    }
}

fn build(
    provider: &Arc<CryptoProvider>,
    minimum: Version,
    identity: Option<&Arc<dyn ResolvesClientCert>>,
    verifier: Verifier,
    sessions: &Sessions,
    number: u64,
) -> Result<rustls::ClientConfig, TlsError> {
    let versions: &[&SupportedProtocolVersion] = match minimum {
        Version::Tls12 => rustls::DEFAULT_VERSIONS,
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|e| TlsError::config(&e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.clone()),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::store(sessions.of(number));
    Ok(config)
}

/// The certificates of a PEM file: at least one.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(TlsError::file(&pem.file, &"no certificate in there")),
        Ok(all) => Ok(all),
        Err(error) => Err(TlsError::file(&pem.file, &error)),
    }
}

fn resolver(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<dyn ResolvesClientCert>, TlsError> {
    let chain = certificates(&identity.chain)?;
    let key_file = &identity.key.file;
    let key = PrivateKeyDer::from_pem_slice(&identity.key.text).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::file(key_file, &"no private key in there"),
        other => TlsError::file(key_file, &other),
    })?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let what = format!("the key is not that of the first certificate of {}", identity.chain.file);
            TlsError::file(key_file, &what)
        }
        rustls::Error::InvalidCertificate(_) => TlsError::file(&identity.chain.file, &"the certificate is malformed"),
        other => TlsError::file(key_file, &other),
    })?;
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

fn roots_of(pem: &Pem) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for (at, certificate) in certificates(pem)?.into_iter().enumerate() {
        if store.add(certificate).is_err() {
            return Err(TlsError::file(&pem.file, &format!("certificate {} of the file is malformed", at + 1)));
        }
    }
    Ok(store)
}

fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Systems carry certificates that nobody can read; the good ones still count.
    let (_good, _bad) = store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why = found.errors.first().map_or_else(|| "none was found".to_owned(), ToString::to_string);
        return Err(TlsError::NoRoots(super::error::escaped(&why)));
    }
    Ok(Arc::new(store))
}
