//! Floor 2: SMTP itself (RFC 5321, 1870, 2920, 3030, 3207, 9422), as state machines over bytes. No IO, no clock.
//!
//! [`client`] is the sending side, [`server`] the receiving one; [`reader`] takes replies off a stream.

pub mod client;
pub mod server;
