//! The sending side of TLS: one connection to a server.

use super::{ClientConfig, Progress, TlsError, Verification, pump};
use crate::base::out::Out;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

/// One connection to a server.
#[derive(Debug)]
pub struct Client(ClientConnection);

impl Client {
    /// A connection that is about to shake hands with `server_name`, a host name, an IP address, or an address
    /// literal as mail writes it (`[192.0.2.1]`, `[IPv6:2001:db8::1]`). Its first octets are ready: call
    /// [`Client::write`]. A host name is sent as SNI, whatever `verification` expects; sessions are resumed by it.
    ///
    /// # Errors
    /// [`TlsError::ServerName`]; [`TlsError::NoRoots`].
    pub fn new(config: &ClientConfig, server_name: &str, verification: &Verification) -> Result<Self, TlsError> {
        // RFC 7672 §8.1: "the SMTP client MUST send the SNI extension containing the TLSA base domain".
        let server_name = match verification {
            Verification::Dane(dane) => dane.server_name().unwrap_or(server_name),
            Verification::Opportunistic | Verification::Names(_) => server_name,
        };
        let name = ServerName::try_from(bare(server_name)).map_err(|_| TlsError::ServerName(server_name.into()))?;
        let name = name.to_owned();
        ClientConnection::new(config.of(verification)?, name).map(Self).map_err(|e| TlsError::config(&e))
    }

    /// The peer's certificates, DER, leaf first; empty until the handshake is done.
    #[must_use]
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.0.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
    }

    /// Encrypts `plain` and appends it to `out`, behind whatever else TLS has to say. With an empty `plain`: only that.
    ///
    /// # Errors
    /// [`TlsError::TooEarly`], or the error that [`Client::read`] gave. Nothing of `plain` was sent then.
    pub fn write(&mut self, plain: &[u8], out: &mut Out) -> Result<(), TlsError> {
        pump::write(&mut self.0, plain, out)
    }

    /// As [`Client::write`], of all that is in `plain`, whose pieces are gathered into full records.
    ///
    /// # Errors
    /// As there; what was in `plain` is lost then.
    pub fn send(&mut self, plain: &mut Out, out: &mut Out) -> Result<(), TlsError> {
        pump::send(&mut self.0, plain, out)
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
