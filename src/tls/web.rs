//! TLS for those whose octets another library carries: the same configuration, roots and reasons.

use super::{ClientConfig, TlsError, Verification};
use std::io;
use std::sync::Arc;

impl ClientConfig {
    /// What a library that runs rustls itself is to be given for connections under `verification`.
    ///
    /// # Errors
    /// [`TlsError::NoRoots`].
    pub fn shared(&self, verification: &Verification) -> Result<Arc<rustls::ClientConfig>, TlsError> {
        self.of(verification)
    }
}

impl TlsError {
    /// Why such a library's handshake failed.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::peer(error),
            None => Self::peer(&rustls::Error::General(error.to_string())),
        }
    }
}
