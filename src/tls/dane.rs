//! DANE (RFC 6698, RFC 7672): what a TLSA record says.
//!
//! Guarantees: a record is carried as it was published; nothing is judged here by the one who looks it up.
//! Leaves to others: the look-up and its proof (`wire::dns`).

/// A TLSA record (RFC 6698 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// Certificate usage: 2 is DANE-TA, 3 is DANE-EE; others are not usable for mail (RFC 7672 §3.1.3).
    pub usage: u8,
    /// 0: the whole certificate; 1: its public key.
    pub selector: u8,
    /// 0: as it is; 1: SHA-256; 2: SHA-512.
    pub matching: u8,
    /// What the selected part must be, or its digest.
    pub data: Box<[u8]>,
}
