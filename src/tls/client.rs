//! The sending side of TLS, and whom it believes.

use super::{Progress, TlsError, provider, pump};
use crate::base::out::Out;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::sync::Arc;

/// How much of a peer's certificate must be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Any certificate will do (RFC 7435, opportunistic security): self-signed, expired, of another name. The handshake
    /// must still be signed by the certificate's key. This keeps out those who only listen; **it does not tell who the
    /// peer is**, and whoever can change packets can read the mail. The alternative would be clear text.
    #[default]
    Opportunistic,
}

/// What all sessions of one verification mode share; cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientConfig(Arc<rustls::ClientConfig>);

impl ClientConfig {
    /// Sessions of at most this many peers are kept when nothing else is asked for: about 30 KB each at the most.
    pub const PEERS_MAX: usize = 1024;

    /// A configuration: TLS 1.2 and 1.3, sessions of `peers_max` peers kept for resumption (the oldest peer goes first).
    ///
    /// # Errors
    /// The provider supports no version: never with the one that is built in.
    pub fn new(verification: Verification, peers_max: usize) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let verifier = match verification {
            Verification::Opportunistic => Arc::new(AnyCertificate(provider.signature_verification_algorithms)),
        };
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::config(&e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // rustls counts tickets, eight to a peer.
        config.resumption = Resumption::in_memory_sessions(peers_max.saturating_mul(8));
        Ok(Self(Arc::new(config)))
    }
}

/// One connection to a server.
#[derive(Debug)]
pub struct Client(ClientConnection);

impl Client {
    /// A connection that is about to shake hands with `server_name`, a host name, an IP address, or an address
    /// literal as mail writes it (`[192.0.2.1]`, `[IPv6:2001:db8::1]`). Its first octets are ready: call
    /// [`Client::write`].
    ///
    /// # Errors
    /// [`TlsError::ServerName`].
    pub fn new(config: &ClientConfig, server_name: &str) -> Result<Self, TlsError> {
        let name = ServerName::try_from(bare(server_name)).map_err(|_| TlsError::ServerName(server_name.into()))?;
        let name = name.to_owned();
        ClientConnection::new(config.0.clone(), name).map(Self).map_err(|e| TlsError::config(&e))
    }

    /// Encrypts `plain` and appends it to `out`, behind whatever else TLS has to say. With an empty `plain`: only that.
    ///
    /// # Errors
    /// [`TlsError::TooEarly`], or the error that [`Client::read`] gave. Nothing of `plain` was sent then.
    pub fn write(&mut self, plain: &[u8], out: &mut Out) -> Result<(), TlsError> {
        pump::write(&mut self.0, plain, out)
    }

    /// Takes octets of the peer, split anywhere, and appends the plain text in them to `plain`: at most
    /// `cipher.len()` octets and one record (16 KiB).
    ///
    /// # Errors
    /// [`TlsError::Peer`]: the connection is of no more use. Plain text of whole records before the error is kept.
    /// [`Client::write`] with nothing gives the alert for the peer.
    pub fn read(&mut self, cipher: &[u8], plain: &mut Vec<u8>) -> Result<Progress, TlsError> {
        pump::read(&mut self.0, cipher, plain)
    }

    /// Says that nothing more will be sent (close_notify); [`Client::write`] takes it out.
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

    /// The version agreed on: "TLSv1_3".
    #[must_use]
    pub fn version(&self) -> Option<&'static str> {
        pump::version(&self.0)
    }

    /// The cipher suite agreed on, as IANA names it: "TLS13_AES_256_GCM_SHA384".
    #[must_use]
    pub fn cipher(&self) -> Option<&'static str> {
        pump::cipher(&self.0)
    }
}

/// Without the final dot, or the brackets of an address literal (RFC 5321 §4.1.3).
fn bare(name: &str) -> &str {
    match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some(literal) => literal.strip_prefix("IPv6:").unwrap_or(literal),
        None => name.strip_suffix('.').unwrap_or(name),
    }
}

/// [`Verification::Opportunistic`].
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
