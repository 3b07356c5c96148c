//! The exchange of AUTH (RFC 4954) with PLAIN, LOGIN or SCRAM-SHA-256.
//!
//! Guarantees: nothing secret is said outside of TLS unless its owner allowed that, and nothing of it shows in Debug
//! output. Leaves to others: when it begins, and what its end means (`opening`).

use crate::base::base64;
use crate::base::out::Out;
use crate::mail::{Enhanced, ReplyRef};
use crate::smtp::capabilities::Auth;
use crate::smtp::client::running::own;
use crate::smtp::client::scram::Scram;
use crate::smtp::client::{Credentials, Mechanism};
use std::fmt;
use std::sync::Arc;

/// The longest command line that any server takes (RFC 5321 §4.5.3.1.4): a longer response waits for its challenge.
const LINE_MAX: usize = 510;

const NOT_IN_CLEAR: ReplyRef<'static> = own(
    538,
    Enhanced::new(5, 7, 11),
    b"the session has no encryption (TLS), and the password is not said outside of it",
);
const NO_MECHANISM: ReplyRef<'static> = own(
    504,
    Enhanced::new(5, 5, 4),
    b"the server offers no mechanism of AUTH that is wanted (SCRAM-SHA-256, PLAIN, LOGIN)",
);
const GARBLED: ReplyRef<'static> =
    own(535, Enhanced::new(5, 5, 6), b"AUTH: the server asks for more than the mechanism has");

/// An exchange that is under way.
pub(super) struct Exchange {
    credentials: Arc<Credentials>,
    mechanism: Mechanism,
    /// Responses that were made so far.
    step: u8,
    /// What is to be said next, without its line end.
    line: Vec<u8>,
    scram: Option<Scram>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).field("step", &self.step).finish_non_exhaustive()
    }
}

impl Exchange {
    /// Chooses a mechanism; the AUTH command is what is to be said then.
    ///
    /// # Errors
    /// Nothing may be said here, as a reply of our own.
    pub(super) fn begin(credentials: Arc<Credentials>, offered: Auth, tls: bool) -> Result<Self, ReplyRef<'static>> {
        if !tls && !credentials.in_clear {
            return Err(NOT_IN_CLEAR);
        }
        let offers = |mechanism: Mechanism| match mechanism {
            Mechanism::ScramSha256 => offered.scram_sha_256,
            Mechanism::Plain => offered.plain,
            Mechanism::Login => offered.login,
        };
        let wanted = [Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];
        let mechanism = wanted
            .into_iter()
            .find(|&m| offers(m) && credentials.mechanism.is_none_or(|only| only == m))
            .ok_or(NO_MECHANISM)?;
        let mut exchange = Self { credentials, mechanism, step: 0, line: b"AUTH ".to_vec(), scram: None };
        exchange.line.extend_from_slice(mechanism.name().as_bytes());
        // LOGIN has no initial response: some servers take one, and others count it as a wrong name.
        if mechanism != Mechanism::Login {
            let bare = exchange.line.len();
            exchange.line.push(b' ');
            exchange.respond(b"")?;
            if exchange.line.len() > LINE_MAX {
                exchange.line.truncate(bare);
                exchange.step = 0;
            }
        }
        Ok(exchange)
    }

    /// Takes a challenge in; its response is what is to be said then.
    ///
    /// # Errors
    /// The exchange cannot go on, as a reply of our own.
    pub(super) fn answer(&mut self, challenge: &[u8]) -> Result<(), ReplyRef<'static>> {
        self.line.clear();
        self.respond(challenge)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<(), ReplyRef<'static>> {
        let credentials = self.credentials.clone();
        let response = match (self.mechanism, self.step) {
            // A server that did not look at the initial response asks for it with an empty challenge.
            (Mechanism::Plain, 0 | 1) => ["", &*credentials.user, &*credentials.password].join("\0").into_bytes(),
            (Mechanism::Login, 0) => credentials.user.as_bytes().to_vec(),
            (Mechanism::Login, 1) => credentials.password.as_bytes().to_vec(),
            (Mechanism::ScramSha256, step) => self.scram(step, challenge)?,
            _ => return Err(GARBLED),
        };
        self.step += 1;
        base64::encode(&response, &mut self.line);
        Ok(())
    }

    fn scram(&mut self, step: u8, challenge: &[u8]) -> Result<Vec<u8>, ReplyRef<'static>> {
        let credentials = self.credentials.clone();
        let nonce = &credentials;
        let scram = self.scram.get_or_insert_with(|| Scram::new(&credentials.user, nonce.nonce()));
        let challenge = std::str::from_utf8(challenge).ok().and_then(base64::decode).ok_or(GARBLED)?;
        let failed = |text: &'static [u8]| own(535, Enhanced::new(5, 7, 8), text);
        match step {
            // An empty challenge asks for the initial response again.
            0 | 1 if challenge.is_empty() => Ok(scram.first()),
            1 | 2 if !scram.awaits_proof() && !scram.proven => {
                let mut salted = credentials.salted();
                let known = salted.clone();
                let last = scram.last(&credentials.password, &challenge, &mut salted).map_err(failed)?;
                if salted != known {
                    credentials.keep_salted(salted);
                }
                Ok(last)
            }
            _ if scram.awaits_proof() => {
                scram.verify(&challenge).map_err(failed)?;
                Ok(Vec::new())
            }
            _ => Err(GARBLED),
        }
    }

    /// Whether the exchange may end with a yes now: a server that had to prove itself has done so.
    pub(super) fn is_satisfied(&self) -> bool {
        self.mechanism != Mechanism::ScramSha256 || self.scram.as_ref().is_some_and(|scram| scram.proven)
    }

    pub(super) fn say(&mut self, out: &mut Out) {
        out.append(&self.line);
        out.append(b"\r\n");
        self.line.clear();
    }
}
