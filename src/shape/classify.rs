//! What a reply means: for the recipient, for what else it would be unwise to try now, and for the pace of the site.
//!
//! Guarantees: judged by class first (RFC 5321 §4.2.1), then by enhanced code (RFC 3463), then by phase, and by words of
//! the text only where codes are known to be used loosely; a 4yz never bounces, a 2yz always delivers. Reads 512 octets
//! of the text at most.
//! Leaves to others: "too many recipients" and idle closes (`smtp` returns these as not attempted).

use crate::mail::{Class, Disposition, Enhanced, ReplyRef, Scope};
use memchr::memmem;
use std::time::Duration;

/// How long nothing is sent after a provider said that a quota is used up (Gmail's 4.7.28: at least 10 minutes).
pub const QUOTA_PAUSE: Duration = Duration::from_secs(11 * 60);

/// Which command was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The connection, the greeting, EHLO, STARTTLS: no transaction yet.
    Session,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, the content, its end.
    Content,
}

/// What the trouble is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No trouble.
    None,
    /// The address does not exist.
    Address,
    /// The mailbox exists and takes nothing now, or is disabled.
    Mailbox,
    /// The mailbox is full.
    MailboxFull,
    /// The site wants to see the same recipient again later.
    Greylisted,
    /// Our reverse-path, our domain or its authentication.
    Sender,
    /// The content, or its size.
    Content,
    /// The reputation of our address.
    Reputation,
    /// Too much, too fast.
    Volume,
    /// The site's own trouble, or the protocol.
    Technical,
    /// Policy, with no word on what it is about.
    Policy,
    /// Nothing more is known.
    Unclassified,
}

/// What the site's pace should make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing.
    Keep,
    /// Fewer sessions.
    SlowDown,
    /// Nothing at all for so long, then one session.
    Pause(Duration),
}

/// What a reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// `Delivered`, `Deferred` or `Bounced`.
    pub disposition: Disposition,
    /// How far the trouble reaches.
    pub scope: Scope,
    /// What it is about.
    pub cause: Cause,
    /// What the pace should make of it.
    pub advice: Advice,
}

/// Words by which filters say that they block our address, in lower case.
const BLOCK_WORDS: &[&str] = &[
    "blocked",
    "block list",
    "blocklist",
    "blacklist",
    "black list",
    "denylist",
    "dnsbl",
    "spamhaus",
    "spamcop",
    "barracuda",
    "reputation",
    "banned",
    "listed at",
    "listed in",
    "listed by",
    "reverse dns",
    "ptr record",
];
const GREY_WORDS: &[&str] = &["greylist", "graylist", "grey list", "gray list", "grey-list", "gray-list"];
const FULL_WORDS: &[&str] = &["mailbox full", "mailbox is full", "over quota", "quota exceeded", "overquota"];
const VOLUME_WORDS: &[&str] = &[
    "rate limit",
    "too many connections",
    "too many messages",
    "too many concurrent",
    "too fast",
    "slow down",
    "throttl",
    "unexpected volume",
    "try fewer",
];
const UNKNOWN_WORDS: &[&str] = &["user unknown", "unknown user", "no such user", "does not exist", "no mailbox"];
const CROWD_WORDS: &[&str] = &["too many recipients"];

/// Judges `reply`, which answered `phase`.
#[must_use]
pub fn classify(reply: ReplyRef<'_>, phase: Phase) -> Judgement {
    let words = Words::of(reply.text);
    match reply.class() {
        Class::Positive => Judgement {
            disposition: Disposition::Delivered,
            scope: Scope::Recipient,
            cause: Cause::None,
            advice: Advice::Keep,
        },
        // An answer that asks for more where nothing more was to come.
        Class::Intermediate => deferred(Scope::Session, Cause::Technical, Advice::Keep),
        Class::Transient => transient(reply, phase, &words),
        Class::Permanent => permanent(reply, phase, &words),
    }
}

fn deferred(scope: Scope, cause: Cause, advice: Advice) -> Judgement {
    Judgement { disposition: Disposition::Deferred, scope, cause, advice }
}

fn bounced(scope: Scope, cause: Cause, advice: Advice) -> Judgement {
    Judgement { disposition: Disposition::Bounced, scope, cause, advice }
}

fn transient(reply: ReplyRef<'_>, phase: Phase, words: &Words) -> Judgement {
    use Advice::{Keep, Pause, SlowDown};
    let subject = reply.enhanced.map(|e| (e.subject, e.detail));
    match (reply.code, subject) {
        // Gmail: the quota of our address and our domains is used up.
        (_, Some((7, 28))) => deferred(Scope::Site, Cause::Volume, Pause(QUOTA_PAUSE)),
        (450 | 451, _) if words.any(GREY_WORDS) => deferred(Scope::Recipient, Cause::Greylisted, Keep),
        // RFC 5321 §3.8: the service closes the channel.
        (421, _) => deferred(Scope::Site, volume_or_reputation(words), SlowDown),
        (_, Some((7, 23))) => deferred(Scope::Site, Cause::Reputation, SlowDown),
        (_, Some((7, 27 | 30 | 31 | 32 | 40))) => deferred(Scope::Site, Cause::Sender, SlowDown),
        (_, Some((7, _))) => deferred(Scope::Site, volume_or_reputation(words), SlowDown),
        (_, Some((2, detail))) => deferred(Scope::Recipient, mailbox(detail, words), Keep),
        (_, Some((3, _))) => deferred(Scope::Site, Cause::Technical, SlowDown),
        (_, Some((1, 7 | 8))) => deferred(Scope::Transaction, Cause::Sender, Keep),
        (_, Some((1, _))) => deferred(Scope::Recipient, Cause::Address, Keep),
        (_, Some((4, 5))) => deferred(Scope::Site, Cause::Volume, SlowDown),
        (_, Some((4, 2))) => deferred(Scope::Session, Cause::Technical, Keep),
        (_, Some((4, _))) if phase == Phase::Rcpt => deferred(Scope::Recipient, Cause::Technical, Keep),
        (_, Some((4, _))) => deferred(Scope::Site, Cause::Technical, Keep),
        (_, Some((5, 3))) => deferred(Scope::Transaction, Cause::Volume, Keep),
        (_, Some((6, _))) => deferred(Scope::Transaction, Cause::Content, Keep),
        _ if words.any(FULL_WORDS) => deferred(Scope::Recipient, Cause::MailboxFull, Keep),
        _ if words.any(CROWD_WORDS) => deferred(Scope::Transaction, Cause::Volume, Keep),
        _ if words.any(VOLUME_WORDS) => deferred(Scope::Site, Cause::Volume, SlowDown),
        // RFC 5321 §4.5.3.1.10: at RCPT a bare 452 means too many recipients; elsewhere, no storage.
        (452, _) if phase == Phase::Rcpt => deferred(Scope::Transaction, Cause::Volume, Keep),
        (452, _) => deferred(Scope::Site, Cause::Technical, SlowDown),
        _ => match phase {
            Phase::Session => deferred(Scope::Site, Cause::Unclassified, SlowDown),
            Phase::Rcpt => deferred(Scope::Recipient, Cause::Unclassified, Keep),
            Phase::Mail | Phase::Content => deferred(Scope::Transaction, Cause::Unclassified, Keep),
        },
    }
}

fn permanent(reply: ReplyRef<'_>, phase: Phase, words: &Words) -> Judgement {
    use Advice::{Keep, SlowDown};
    let blocks = words.any(BLOCK_WORDS);
    // RFC 7504: no mail is taken here, by anybody.
    if matches!(reply.code, 521 | 556) && !blocks {
        return bounced(Scope::Site, Cause::Technical, Keep);
    }
    // A site that turns the session away has judged no recipient: these keep their lifetime.
    if phase == Phase::Session {
        return deferred(Scope::Site, if blocks { Cause::Reputation } else { Cause::Unclassified }, SlowDown);
    }
    // RFC 5321 §4.5.3.1.10: a 552 for too many recipients is to be treated as a 452.
    if reply.code == 552 && (reply.enhanced == Some(Enhanced::new(5, 5, 3)) || words.any(CROWD_WORDS)) {
        return deferred(Scope::Transaction, Cause::Volume, Keep);
    }
    match reply.enhanced.map(|e| (e.subject, e.detail)) {
        Some((1, 7 | 8)) => bounced(Scope::Transaction, Cause::Sender, Keep),
        Some((1, _)) => bounced(Scope::Recipient, Cause::Address, Keep),
        Some((2, 3)) => bounced(Scope::Recipient, Cause::Content, Keep),
        Some((2, detail)) => bounced(Scope::Recipient, mailbox(detail, words), Keep),
        Some((3, 4)) => bounced(Scope::Transaction, Cause::Content, Keep),
        Some((3, _)) => bounced(Scope::Site, Cause::Technical, Keep),
        Some((4, _)) => bounced(Scope::Recipient, Cause::Address, Keep),
        Some((5, _)) => bounced(Scope::Transaction, Cause::Technical, Keep),
        Some((6, _)) => bounced(Scope::Transaction, Cause::Content, Keep),
        // No reverse name; Outlook's banned addresses.
        Some((7, 25 | 511 | 606..=649)) => bounced(Scope::Site, Cause::Reputation, SlowDown),
        Some((7, 26 | 27 | 30 | 31 | 32 | 40 | 509 | 515)) => bounced(Scope::Transaction, Cause::Sender, Keep),
        _ if blocks => bounced(Scope::Site, Cause::Reputation, SlowDown),
        Some((7, _)) => match phase {
            Phase::Rcpt => bounced(Scope::Recipient, Cause::Policy, Keep),
            Phase::Content => bounced(Scope::Transaction, Cause::Content, Keep),
            Phase::Mail | Phase::Session => bounced(Scope::Transaction, Cause::Sender, Keep),
        },
        _ => match phase {
            Phase::Rcpt if words.any(FULL_WORDS) => bounced(Scope::Recipient, Cause::MailboxFull, Keep),
            Phase::Rcpt if words.any(UNKNOWN_WORDS) => bounced(Scope::Recipient, Cause::Address, Keep),
            Phase::Rcpt => bounced(Scope::Recipient, Cause::Unclassified, Keep),
            Phase::Mail => bounced(Scope::Transaction, Cause::Sender, Keep),
            Phase::Content | Phase::Session => bounced(Scope::Transaction, Cause::Unclassified, Keep),
        },
    }
}

fn mailbox(detail: u16, words: &Words) -> Cause {
    if detail == 2 || words.any(FULL_WORDS) { Cause::MailboxFull } else { Cause::Mailbox }
}

fn volume_or_reputation(words: &Words) -> Cause {
    if words.any(BLOCK_WORDS) { Cause::Reputation } else { Cause::Volume }
}

/// The beginning of a text, in lower case.
struct Words {
    text: [u8; 512],
    len: usize,
}

impl Words {
    fn of(text: &[u8]) -> Self {
        let mut words = Self { text: [0; 512], len: text.len().min(512) };
        for (to, from) in words.text.iter_mut().zip(text) {
            // The lines of a reply are joined by line breaks; words are told apart by blanks.
            *to = if *from == b'\n' { b' ' } else { from.to_ascii_lowercase() };
        }
        words
    }

    fn any(&self, needles: &[&str]) -> bool {
        let text = self.text.get(..self.len).unwrap_or_default();
        needles.iter().any(|needle| memmem::find(text, needle.as_bytes()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(reply: &str, phase: Phase) -> (Disposition, Scope, Cause) {
        let (code, text) = reply.split_at(3);
        let (enhanced, text) = Enhanced::split(text.trim_start().as_bytes());
        let j = classify(ReplyRef { code: code.parse().unwrap(), enhanced, text }, phase);
        (j.disposition, j.scope, j.cause)
    }

    #[test]
    fn replies_seen_in_the_field_mean_what_their_writers_meant() {
        use Disposition::{Bounced as B, Deferred as D, Delivered};
        use Phase::{Content as C, Mail, Rcpt, Session};
        use Scope::{Recipient as R, Site, Transaction as T};
        let cases = [
            ("250 2.0.0 Ok: queued", C, Delivered, R, Cause::None),
            ("550 5.1.1 <x@y.example>: user unknown", Rcpt, B, R, Cause::Address),
            ("550 no such user here", Rcpt, B, R, Cause::Address),
            ("550 5.4.1 Recipient address rejected: Access denied", Rcpt, B, R, Cause::Address),
            (
                "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using Spamhaus",
                Rcpt,
                B,
                Site,
                Cause::Reputation,
            ),
            ("550 5.7.1 Relaying denied", Rcpt, B, R, Cause::Policy),
            ("550 5.7.1 message looks like spam", C, B, T, Cause::Content),
            ("550 5.7.1 rejected by policy", Mail, B, T, Cause::Sender),
            ("550 5.7.515 sending domain does not pass", C, B, T, Cause::Sender),
            ("552 5.3.4 message too big", Mail, B, T, Cause::Content),
            ("552 5.2.2 mailbox over quota", Rcpt, B, R, Cause::MailboxFull),
            ("552 too many recipients", Rcpt, D, T, Cause::Volume),
            ("554 no SMTP service here", Session, D, Site, Cause::Unclassified),
            ("521 host does not accept mail", Session, B, Site, Cause::Technical),
            ("421 4.7.0 [TSS04] messages deferred due to unexpected volume", Mail, D, Site, Cause::Volume),
            ("451 4.7.500 Server busy. Please try again later", Rcpt, D, Site, Cause::Volume),
            ("451 4.7.650 rate limited due to IP reputation", Mail, D, Site, Cause::Reputation),
            ("450 4.2.0 <x@y.example>: Recipient address rejected: Greylisted", Rcpt, D, R, Cause::Greylisted),
            ("451 4.7.1 Greylisting in action, please come back later", Rcpt, D, R, Cause::Greylisted),
            ("452 4.2.2 The email account is over quota", Rcpt, D, R, Cause::MailboxFull),
            ("450 4.2.1 receiving mail at a rate that prevents", Rcpt, D, R, Cause::Mailbox),
            ("452 4.3.1 Insufficient system storage", Mail, D, Site, Cause::Technical),
            ("452 too many recipients", Rcpt, D, T, Cause::Volume),
            ("451 temporary failure", Rcpt, D, R, Cause::Unclassified),
            ("451 too many connections from your host", Session, D, Site, Cause::Volume),
        ];
        for (reply, phase, disposition, scope, cause) in cases {
            assert_eq!(judged(reply, phase), (disposition, scope, cause), "{reply} at {phase:?}");
        }
    }

    #[test]
    fn a_used_up_quota_pauses_the_site_for_ten_minutes_at_least() {
        let reply = ReplyRef { code: 421, enhanced: Some(Enhanced::new(4, 7, 28)), text: b"unusual rate" };
        assert!(matches!(classify(reply, Phase::Content).advice, Advice::Pause(span) if span.as_secs() >= 600));
    }

    proptest! {
        #[test]
        fn the_class_decides(code in 200u16..600, s in 0u16..10, d in 0u16..700, text in any::<Vec<u8>>(), has in any::<bool>()) {
            let enhanced = has.then_some(Enhanced::new((code / 100) as u8, s, d));
            for phase in [Phase::Session, Phase::Mail, Phase::Rcpt, Phase::Content] {
                let judgement = classify(ReplyRef { code, enhanced, text: &text }, phase);
                match code / 100 {
                    2 => prop_assert_eq!(judgement.disposition, Disposition::Delivered),
                    5 => prop_assert_ne!(judgement.disposition, Disposition::Delivered),
                    _ => prop_assert_eq!(judgement.disposition, Disposition::Deferred),
                }
            }
        }
    }
}
