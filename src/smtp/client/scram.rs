//! SCRAM-SHA-256, the client's side of it (RFC 5802, 7677): the password is never said, and the server proves that it
//! knows it.
//!
//! Guarantees: work is bounded ([`ITERATIONS_MAX`]); a server that does not know the password is found out. Channel
//! binding is not offered. Leaves to others: the command lines (`auth`), SASLprep of names that are not ASCII (they are
//! said as they are).

use crate::base::base64;
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// Fewer would let an eavesdropper guess passwords cheaply (RFC 7677 §4).
pub(super) const ITERATIONS_MIN: u32 = 4096;
/// More would hold up the other sessions: about 50 ms.
pub(super) const ITERATIONS_MAX: u32 = 100_000;

/// The password, salted: what costs the iterations; kept for the next session.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Salted {
    salt: Vec<u8>,
    iterations: u32,
    key: [u8; 32],
}

/// One exchange.
pub(super) struct Scram {
    nonce: Vec<u8>,
    /// client-first-message-bare.
    first: Vec<u8>,
    /// What the server has to prove.
    signature: Option<hmac::Tag>,
    pub(super) proven: bool,
}

impl Scram {
    pub(super) fn new(user: &str, nonce: Vec<u8>) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = [b"n=", user.as_bytes(), b",r=", &nonce].concat();
        Self { nonce, first, signature: None, proven: false }
    }

    /// client-first-message.
    pub(super) fn first(&self) -> Vec<u8> {
        [b"n,,".as_slice(), &self.first].concat()
    }

    /// client-final-message, the answer to server-first-message; `salted` is used when it fits, and renewed when not.
    ///
    /// # Errors
    /// What is wrong with the server's message.
    pub(super) fn last(
        &mut self,
        password: &str,
        server_first: &[u8],
        salted: &mut Option<Salted>,
    ) -> Result<Vec<u8>, &'static [u8]> {
        let Challenge { nonce, salt, iterations } = Challenge::parse(server_first)?;
        // The server adds to our nonce (RFC 5802 §5.1).
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(b"AUTH: the server's nonce does not begin with ours");
        }
        let fits = salted.as_ref().is_some_and(|s| s.salt == salt && s.iterations == iterations.get());
        if !fits {
            let mut key = [0; 32];
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut key);
            *salted = Some(Salted { salt, iterations: iterations.get(), key });
        }
        let key = salted.as_ref().map(|s| s.key).unwrap_or_default();
        let client_key = sign(&key, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let without_proof = [b"c=biws,r=", nonce].concat();
        let exchange = [&self.first, b",".as_slice(), server_first, b",", &without_proof].concat();
        let client_signature = sign(stored_key.as_ref(), &exchange);
        let proof: Vec<u8> = client_key.as_ref().iter().zip(client_signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.signature = Some(sign(sign(&key, b"Server Key").as_ref(), &exchange));
        let mut message = without_proof;
        message.extend_from_slice(b",p=");
        base64::encode(&proof, &mut message);
        Ok(message)
    }

    /// Checks server-final-message.
    ///
    /// # Errors
    /// It proves nothing.
    pub(super) fn verify(&mut self, server_final: &[u8]) -> Result<(), &'static [u8]> {
        let said = attribute(server_final.split(|&b| b == b',').next(), b"v=").and_then(decode);
        let expected = self.signature.take();
        self.proven = match (said, expected) {
            (Some(said), Some(expected)) => constant_time::verify_slices_are_equal(&said, expected.as_ref()).is_ok(),
            _ => false,
        };
        if self.proven { Ok(()) } else { Err(b"AUTH: the server did not prove that it knows the password") }
    }

    /// Whether the server's proof is what comes next.
    pub(super) fn awaits_proof(&self) -> bool {
        self.signature.is_some()
    }
}

fn sign(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// server-first-message, taken apart.
struct Challenge<'a> {
    nonce: &'a [u8],
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> Challenge<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, &'static [u8]> {
        let garbled: &'static [u8] = b"AUTH: the server's challenge cannot be read";
        // A mandatory extension comes first, and we know none (RFC 5802 §5.1, `m=`).
        let mut parts = message.split(|&b| b == b',');
        let nonce = attribute(parts.next(), b"r=").ok_or(garbled)?;
        let salt = attribute(parts.next(), b"s=").and_then(decode).filter(|s| !s.is_empty()).ok_or(garbled)?;
        let digits = attribute(parts.next(), b"i=").filter(|d| d.len() <= 9).ok_or(garbled)?;
        let iterations: u32 = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).ok_or(garbled)?;
        if !nonce.iter().all(u8::is_ascii_graphic) {
            return Err(garbled);
        }
        match NonZeroU32::new(iterations) {
            Some(iterations) if (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations.get()) => {
                Ok(Self { nonce, salt, iterations })
            }
            _ => Err(b"AUTH: the server asks for fewer than 4096 or more than 100000 iterations"),
        }
    }
}

fn attribute<'a>(part: Option<&'a [u8]>, name: &[u8]) -> Option<&'a [u8]> {
    part?.strip_prefix(name)
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    base64::decode(std::str::from_utf8(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8] = b"rOprNGfwEbeRWgbNEkqO";
    const CHALLENGE: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_exchange_of_rfc_7677_comes_out_the_same() {
        let mut salted = None;
        for _ in 0..2 {
            let mut scram = Scram::new("user", NONCE.to_vec());
            assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
            let last = scram.last("pencil", CHALLENGE, &mut salted).unwrap();
            assert_eq!(
                String::from_utf8(last).unwrap(),
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            );
            assert!(scram.awaits_proof() && !scram.proven);
            scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
            assert!(scram.proven && salted.is_some());
        }
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_found_out() {
        for proof in [&b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="[..], b"v=", b"", b"e=other-error"] {
            let mut scram = Scram::new("user", NONCE.to_vec());
            scram.last("pencil", CHALLENGE, &mut None).unwrap();
            assert!(scram.verify(proof).is_err() && !scram.proven);
        }
        assert!(Scram::new("user", NONCE.to_vec()).verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
    }

    #[test]
    fn a_challenge_that_is_none_or_asks_for_too_much_is_refused() {
        for challenge in [
            "",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096",
            "r=another,s=W22Z,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4095",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=100001",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4294967296",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z",
            "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx\r\nRSET,s=W22Z,i=4096",
        ] {
            let mut scram = Scram::new("user", NONCE.to_vec());
            assert!(scram.last("pencil", challenge.as_bytes(), &mut None).is_err(), "{challenge}");
        }
    }

    #[test]
    fn a_name_cannot_add_an_attribute() {
        assert_eq!(Scram::new("a,b=c", b"n".to_vec()).first(), b"n,,n=a=2Cb=3Dc,r=n");
    }
}
