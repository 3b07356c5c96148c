//! What a transaction asks of the next hop beyond delivery: delivery status notifications (RFC 3461) and REQUIRETLS
//! (RFC 8689).
//!
//! Guarantees: a DSN parameter is said only where DSN is offered, and nothing that its owner gives can break out of a
//! command (xtext). Leaves to others: whether it is wanted.

/// What a transaction asks for beyond delivery; shared by those that ask for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Notifications; said only where the server offers DSN.
    pub dsn: Option<Dsn>,
    /// The message may only travel under TLS, from here to its last hop (RFC 8689): where the session is not inside TLS
    /// or the server does not offer REQUIRETLS, its recipients are refused by a reply of our own (550 5.7.30).
    pub require_tls: bool,
}

/// Parameters of RFC 3461. `ORCPT=rfc822;…` is said for each recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dsn {
    /// RET: how much of the message a notification brings back.
    pub ret: Option<Ret>,
    /// ENVID: comes back in notifications. At most 100 octets are said, encoded (RFC 3461 §4.4); a longer one is left out.
    pub envid: Option<Box<[u8]>>,
    /// NOTIFY, the same for each recipient.
    pub notify: Option<Notify>,
}

/// RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// RFC 3461 §4.1: of what a notification is wanted; of nothing is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify {
    /// Of a delivery.
    pub success: bool,
    /// Of a bounce.
    pub failure: bool,
    /// Of a delay.
    pub delay: bool,
}
