//! What servers of these tests share: the commands that they hear, each with its content, the transactions that they are
//! sent, and the modes that they bring about.

use super::play::transaction;
use crate::base::clock::Instant;
use crate::base::out::Out;
use crate::smtp::client::{Session, Transaction};

/// The modes of a session, and the capabilities that bring them about.
pub(super) const MODES: [(&str, &str); 4] = [
    ("lockstep", ""),
    ("pipelined", "250-PIPELINING\r\n250-LIMITS MAILMAX=1\r\n"),
    ("overlapped", "250-PIPELINING\r\n"),
    ("chunked", "250-PIPELINING\r\n250-CHUNKING\r\n"),
];

/// So many transactions are sent, to so many recipients each.
pub(super) const TRANSACTIONS: u64 = 3;
/// See above.
pub(super) const RECIPIENTS: usize = 2;

/// A transaction of which each recipient and the content name the key.
pub(super) fn keyed(key: u64) -> Transaction {
    let to = [format!("{key}.0@x"), format!("{key}.1@x")];
    transaction(key, &[&to[0], &to[1]], &format!("for {key}\r\n"))
}

/// The key and the index of a recipient of such a transaction.
pub(super) fn recipient(path: &str) -> (u64, usize) {
    let (key, index) = path.trim_end_matches("@x").split_once('.').unwrap();
    (key.parse().unwrap(), index.parse().unwrap())
}

/// What is between the brackets of a command.
pub(super) fn path(command: &str) -> &str {
    command.split(['<', '>']).nth(1).unwrap_or_default()
}

/// What a client says, cut into commands.
#[derive(Default)]
pub(super) struct Ear {
    pub(super) octets: Vec<u8>,
    /// 354 was said: a content follows.
    pub(super) content: bool,
    /// BDAT is not known: its content is taken for commands.
    pub(super) knows_no_bdat: bool,
}

impl Ear {
    /// Hears all that the session says now.
    pub(super) fn hear(&mut self, session: &mut Session, now: Instant) {
        let mut out = Out::new();
        session.poll_transmit(now, &mut out);
        while let Some(piece) = out.take() {
            self.octets.extend_from_slice(piece.as_slice());
        }
        session.handle_drained(now);
    }

    /// The next whole command, and its content: what DATA brings is called CONTENT.
    pub(super) fn command(&mut self) -> Option<(String, Option<String>)> {
        let heard = String::from_utf8_lossy(&self.octets).into_owned();
        let (taken, length) = if self.content {
            let end = if heard.starts_with(".\r\n") { 0 } else { heard.find("\r\n.\r\n")? + 2 };
            (("CONTENT".to_owned(), Some(heard[..end].to_owned())), end + 3)
        } else {
            let end = heard.find("\r\n")? + 2;
            let line = heard[..end].trim().to_owned();
            let octets: Option<usize> =
                line.strip_prefix("BDAT ").map(|rest| rest.split(' ').next().unwrap().parse().unwrap());
            match octets.filter(|_| !self.knows_no_bdat) {
                Some(octets) if heard.len() < end + octets => return None,
                Some(octets) => ((line, Some(heard[end..end + octets].to_owned())), end + octets),
                None => ((line, None), end),
            }
        };
        self.content = false;
        self.octets.drain(..length);
        Some(taken)
    }
}
