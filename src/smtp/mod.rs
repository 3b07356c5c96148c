//! Floor 2: SMTP itself (RFC 5321, 1870, 2920, 3030, 3207, 3461, 4954, 5802, 6531, 8689,
//! 9422), as state machines over bytes. No IO, no clock.
//!
//! [`client`] is the sending side, `server` the receiving one; [`reader`] takes replies off a stream,
//! [`capabilities`] reads what EHLO said, [`ledger`] holds what is to be answered.

pub mod capabilities;
pub mod client;
pub mod ledger;
pub mod reader;
pub mod server;
