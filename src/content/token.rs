//! The token that names one recipient of one campaign, signed so that nobody can make one up.
//!
//! It stands in return paths and unsubscribe links: 32 characters of `a-z2-7`, which every local-part and URL carries
//! unharmed, and which are read back in either case. Guarantees: a token that verifies was made with the same key.

use crate::base::base64::{decode32, encode32};
use aws_lc_rs::{constant_time, hmac};

/// Octets of the signature that a token carries.
const TAG_LEN: usize = 12;
/// Octets that a Message-ID tells.
pub const MESSAGE_ID_LEN: usize = 16;
/// Campaign, row, tag.
const RAW_LEN: usize = 4 + 4 + TAG_LEN;

/// A signed name for one row of one campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token([u8; Token::LEN]);

impl Token {
    /// Characters of a token.
    pub const LEN: usize = RAW_LEN / 5 * 8;

    /// The token of `row` in campaign number `campaign`.
    #[must_use]
    pub fn make(key: &IdentityKey, campaign: u32, row: u32) -> Self {
        Self::assemble(campaign, row, &key.recipient_tag(campaign, row))
    }

    pub(crate) fn assemble(campaign: u32, row: u32, tag: &[u8; 32]) -> Self {
        let mut raw = [0; RAW_LEN];
        raw[..4].copy_from_slice(&campaign.to_be_bytes());
        raw[4..8].copy_from_slice(&row.to_be_bytes());
        raw[8..].copy_from_slice(&tag[..TAG_LEN]);
        let mut text = [0; Self::LEN];
        encode32(&raw, &mut text);
        Self(text)
    }

    /// The campaign and the row that `text` (in either case) names, if it was made with `key`.
    #[must_use]
    pub fn verify(key: &IdentityKey, text: &str) -> Option<(u32, u32)> {
        let raw = decode(text)?;
        let (campaign, row) = (number(&raw[..4])?, number(&raw[4..8])?);
        let tag = key.recipient_tag(campaign, row);
        constant_time::verify_slices_are_equal(&tag[..TAG_LEN], &raw[8..]).ok()?;
        Some((campaign, row))
    }

    /// The campaign number that `text` claims: which key to [`verify`](Self::verify) it with. Proves nothing.
    #[must_use]
    pub fn claimed_campaign(text: &str) -> Option<u32> {
        number(&decode(text)?[..4])
    }

    /// The token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn decode(text: &str) -> Option<[u8; RAW_LEN]> {
    let mut raw = [0; RAW_LEN];
    decode32(text.as_bytes(), &mut raw)?;
    Some(raw)
}

fn number(octets: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(octets.try_into().ok()?))
}

/// The secret of a campaign, ready to sign with. Tokens, Message-IDs and MIME boundaries derive from it.
#[derive(Clone, Debug)]
pub struct IdentityKey(hmac::Key);

impl IdentityKey {
    /// The key with these octets.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What a token and a Message-ID of one recipient are cut from: its first octets are the token's tag, its last 16
    /// the Message-ID's, so that neither tells the other.
    pub(crate) fn recipient_tag(&self, campaign: u32, row: u32) -> [u8; 32] {
        let mut input = *b"r\0\0\0\0\0\0\0\0";
        input[1..5].copy_from_slice(&campaign.to_be_bytes());
        input[5..].copy_from_slice(&row.to_be_bytes());
        self.tag(&input)
    }

    /// What the Message-ID of a message that several rows share is cut from: rows of one block, with the same values.
    pub(crate) fn shared_tag<'f>(
        &self,
        campaign: u32,
        block: u32,
        fields: impl IntoIterator<Item = &'f [u8]>,
    ) -> [u8; 32] {
        let mut input = vec![b's'];
        input.extend_from_slice(&campaign.to_be_bytes());
        input.extend_from_slice(&block.to_be_bytes());
        for field in fields {
            input.extend_from_slice(&(field.len() as u64).to_be_bytes());
            input.extend_from_slice(field);
        }
        self.tag(&input)
    }

    /// The local-part of a recipient's Message-ID, as octets; in the header they stand in hexadecimal.
    #[must_use]
    pub fn message_id(&self, campaign: u32, row: u32) -> [u8; MESSAGE_ID_LEN] {
        id_of(&self.recipient_tag(campaign, row))
    }

    /// The same of a message that the rows of a block with these values share.
    #[must_use]
    pub fn shared_message_id<'f>(
        &self,
        campaign: u32,
        block: u32,
        fields: impl IntoIterator<Item = &'f [u8]>,
    ) -> [u8; MESSAGE_ID_LEN] {
        id_of(&self.shared_tag(campaign, block, fields))
    }

    /// HMAC-SHA256 of `input`.
    pub(crate) fn tag(&self, input: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.0, input).as_ref());
        out
    }
}

/// The octets of a tag that a Message-ID tells.
pub(crate) fn id_of(tag: &[u8; 32]) -> [u8; MESSAGE_ID_LEN] {
    tag.last_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_verifies_in_either_case_and_only_with_its_key() {
        let key = IdentityKey::new(&[7; 32]);
        let token = Token::make(&key, 3, 4_000_000_000);
        assert_eq!(token.as_str().len(), Token::LEN);
        assert!(token.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_eq!(Token::verify(&key, token.as_str()), Some((3, 4_000_000_000)));
        assert_eq!(Token::verify(&key, &token.as_str().to_uppercase()), Some((3, 4_000_000_000)));
        assert_eq!(Token::verify(&IdentityKey::new(&[8; 32]), token.as_str()), None);
        assert_eq!(Token::claimed_campaign(token.as_str()), Some(3));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let key = IdentityKey::new(&[7; 32]);
        let token = Token::make(&key, 1, 2);
        for i in 0..Token::LEN {
            let mut text = token.as_str().to_owned().into_bytes();
            text[i] = if text[i] == b'a' { b'b' } else { b'a' };
            assert_eq!(Token::verify(&key, std::str::from_utf8(&text).unwrap()), None, "at {i}");
        }
        for text in ["", "aaaa", "\u{e9}", &"a".repeat(33), &"!".repeat(32)] {
            assert_eq!(Token::verify(&key, text), None);
            assert_eq!(Token::claimed_campaign(text), None);
        }
    }
}
