//! TLS for both sides: a certificate that nobody signed, made once.

use posthaste::tls::{ClientConfig, ClientOptions, ServerConfig};
use std::sync::OnceLock;

/// The server's side, if there is one.
pub fn server(wanted: bool) -> Option<ServerConfig> {
    static SERVER: OnceLock<ServerConfig> = OnceLock::new();
    wanted.then(|| {
        SERVER
            .get_or_init(|| {
                let key = rcgen::generate_simple_self_signed(["mx.hostile.example".to_owned()]).unwrap();
                ServerConfig::from_pem(key.cert.pem().as_bytes(), key.signing_key.serialize_pem().as_bytes()).unwrap()
            })
            .clone()
    })
}

/// The client's.
pub fn client() -> ClientConfig {
    static CLIENT: OnceLock<ClientConfig> = OnceLock::new();
    CLIENT.get_or_init(|| ClientConfig::new(&ClientOptions::default()).unwrap()).clone()
}
