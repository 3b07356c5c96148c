//! Why mail was refused, or put off, in the words of people: from the last reply, as the engine judges it.
//!
//! Guarantees: the words for programs are those of the event log's `cause`, and `domain` for domains that take no mail at all.
//! Leaves to others: what a reply means (`shape::classify`).

use crate::mail::ReplyRef;
use crate::shape::classify::refusal::NextHop;
use crate::shape::classify::{Cause, Phase, classify};
use hashbrown::HashMap;

/// Replies whose reason is kept.
const KEPT_MAX: usize = 10_000;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason {
    /// The word for programs.
    pub word: &'static str,
    /// The words for people.
    pub says: &'static str,
}

const fn reason(word: &'static str, says: &'static str) -> Reason {
    Reason { word, says }
}

const DOMAIN: Reason = reason("domain", "the domain does not exist, or takes no mail");
const NOT_ASCII: Reason = reason("content", "the server takes no addresses beyond ASCII (SMTPUTF8)");
const RENDERING: Reason = reason("content", "no message could be made for the row");

/// Why a reply refuses: `phase` is the word of the journal for what it answered; where nobody was asked (`host` is empty) it is
/// of our own making.
#[must_use]
pub fn of(reply: ReplyRef<'_>, phase: &str, host: &str) -> Reason {
    if host.is_empty() && reply.code >= 500 {
        match reply.enhanced.map(|enhanced| (enhanced.subject, enhanced.detail)) {
            Some((6, 0)) => return RENDERING,
            Some((1, 2 | 10) | (4, 4 | 6)) => return DOMAIN,
            _ => {}
        }
    }
    // RFC 6531 §4.2: "Non-ASCII addresses not permitted for that sender/recipient".
    if reply.code >= 500 && reply.enhanced.is_some_and(|enhanced| (enhanced.subject, enhanced.detail) == (6, 7)) {
        return NOT_ASCII;
    }
    let phase = match phase {
        "MAIL" => Phase::Mail,
        "DATA" | "content" | "end of content" => Phase::Content,
        "" | "RCPT" => Phase::Rcpt,
        _ => Phase::Session,
    };
    of_cause(classify(reply, phase, NextHop::exchanger(host)).cause)
}

/// The reasons of replies that came before: most replies of a campaign are a few.
#[derive(Clone, Debug, Default)]
pub struct Reasons(HashMap<Vec<u8>, Reason>, Vec<u8>);

impl Reasons {
    /// See [`of`].
    pub fn of(&mut self, reply: ReplyRef<'_>, phase: &str, host: &str) -> Reason {
        let Self(known, key) = self;
        if reply.code / 100 == 2 {
            return of_cause(Cause::None);
        }
        key.clear();
        let enhanced = reply.enhanced.map_or([0; 3], |e| [e.class.into(), e.subject, e.detail]);
        for number in [reply.code].into_iter().chain(enhanced) {
            key.extend_from_slice(&number.to_le_bytes());
        }
        for part in [phase.as_bytes(), host.as_bytes(), reply.text] {
            key.extend_from_slice(part);
            key.push(0);
        }
        if let Some(reason) = known.get(key) {
            return *reason;
        }
        let reason = of(reply, phase, host);
        if known.len() < KEPT_MAX {
            known.insert(key.clone(), reason);
        }
        reason
    }
}

fn of_cause(cause: Cause) -> Reason {
    let says = match cause {
        Cause::Address => "the address does not exist",
        Cause::Mailbox => "the mailbox takes no mail",
        Cause::MailboxFull => "the mailbox is full",
        Cause::Greylisted => "first-time senders have to come again",
        Cause::Sender => "the sender's domain or its authentication is refused",
        Cause::Content => "the content or its size is refused",
        Cause::Reputation => "the sending address has a bad name",
        Cause::Volume => "too much mail, or too fast",
        Cause::Technical => "technical trouble",
        Cause::Policy => "refused by policy",
        Cause::None | Cause::Unclassified => "other reasons",
    };
    let word = if cause == Cause::None { Cause::Unclassified.word() } else { cause.word() };
    Reason { word, says }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Enhanced;

    #[test]
    fn a_server_without_smtputf8_refuses_neither_content_nor_size() {
        let enhanced = Some(Enhanced::new(5, 6, 7));
        let text = b"the address needs SMTPUTF8, which the server does not offer; it was not sent";
        let reason = of(ReplyRef { code: 553, enhanced, text }, "RCPT", "mx.example");
        assert_eq!(reason.says, "the server takes no addresses beyond ASCII (SMTPUTF8)");
    }

    #[test]
    fn a_reply_has_one_reason_and_what_nobody_said_is_told_apart() {
        let said = |code, enhanced: (u8, u16, u16), text: &str, phase, host| {
            let enhanced = (enhanced.0 > 0).then(|| Enhanced::new(enhanced.0, enhanced.1, enhanced.2));
            of(ReplyRef { code, enhanced, text: text.as_bytes() }, phase, host).word
        };
        assert_eq!(said(550, (5, 1, 1), "no such user", "RCPT", "mx.example"), "address");
        assert_eq!(said(552, (5, 2, 2), "over quota", "RCPT", "mx.example"), "mailbox_full");
        assert_eq!(said(554, (5, 7, 1), "spam", "end of content", "mx.example"), "content");
        assert_eq!(said(451, (4, 7, 1), "greylisted, try again", "RCPT", "mx.example"), "greylisted");
        assert_eq!(said(550, (5, 1, 2), "the domain does not exist", "", ""), "domain");
        assert_eq!(said(554, (5, 6, 0), "unknown filter", "", ""), "content");
        assert_eq!(said(556, (5, 1, 10), "null MX", "", ""), "domain");
        assert_eq!(said(0, (0, 0, 0), "", "", ""), "unclassified");
    }
}
