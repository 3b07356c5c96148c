//! The receiving side of TLS: what the built-in MX and the tests answer with.

use super::{Progress, TlsError, provider, pump};
use crate::base::out::Out;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConnection, SupportedProtocolVersion};
use std::sync::Arc;

/// What all connections of a server share; cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerConfig(pub(super) Arc<rustls::ServerConfig>);

impl ServerConfig {
    /// A configuration from PEM text: the certificate chain, leaf first, and the leaf's private key. TLS 1.2 and 1.3;
    /// sessions are resumed from tickets, so the server keeps nothing for each.
    ///
    /// # Errors
    /// [`TlsError::Config`]: no certificate or key in there, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Self::of_versions(chain, key, rustls::DEFAULT_VERSIONS)
    }

    pub(super) fn of_versions(
        chain: &[u8],
        key: &[u8],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Self, TlsError> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|e| TlsError::config(&e))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| TlsError::config(&e))?;
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(versions)
            .map_err(|e| TlsError::config(&e))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| TlsError::config(&e))?;
        config.ticketer = Ticketer::new().map_err(|e| TlsError::config(&e))?;
        Ok(Self(Arc::new(config)))
    }
}

/// One connection from a client.
#[derive(Debug)]
pub struct Server(ServerConnection);

impl Server {
    /// A connection that awaits a client's first octets.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn new(config: &ServerConfig) -> Result<Self, TlsError> {
        ServerConnection::new(config.0.clone()).map(Self).map_err(|e| TlsError::config(&e))
    }

    /// As [`super::Client::write`].
    ///
    /// # Errors
    /// As there.
    pub fn write(&mut self, plain: &[u8], out: &mut Out) -> Result<(), TlsError> {
        pump::write(&mut self.0, plain, out)
    }

    /// As [`super::Client::read`].
    ///
    /// # Errors
    /// As there.
    pub fn read(&mut self, cipher: &[u8], plain: &mut Vec<u8>) -> Result<Progress, TlsError> {
        pump::read(&mut self.0, cipher, plain)
    }

    /// Says that nothing more will be sent (close_notify); [`Server::write`] takes it out.
    pub fn close(&mut self) {
        self.0.send_close_notify();
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Whether the handshake resumed an earlier session.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        pump::resumed(&self.0)
    }
}
