//! An address where nobody listens, and nobody will. Include it with `#[path = "…/tests/support/nobody.rs"] mod nobody;`.
//!
//! A port that the system gave for port 0 and that was let go is no such address: the system gives it to the next test
//! that asks for one, and may even choose it for the connection that is made to it, which then talks with itself.

/// TCPMUX (RFC 1078) on loopback: below the ports that the system gives to whoever asks for any, and served nowhere.
pub const NOBODY: &str = "127.0.0.1:1";
