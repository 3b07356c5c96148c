//! What a reply means: for the recipient, for what else it would be unwise to try now, and for the pace of the site.
//!
//! Guarantees: judged by class first (RFC 5321 §4.2.1), then by whether it is us who are refused (`rules`), then by
//! enhanced code (RFC 3463), then by phase, and by words of the text only where codes are known to be used loosely; a 4yz
//! never bounces, a 2yz always delivers, a refusal of us never bounces. Reads 512 octets of the text at most, and none
//! that a reply quotes.
//! Leaves to others: limits (`smtp` returns whoever is beyond one as not attempted, and what is judged here are those that
//! meet one before anybody else) and idle closes, and doing what follows (`engine`).

pub mod refusal;
mod rules;
#[cfg(test)]
mod tests;

use crate::mail::words::Words;
use crate::mail::{Class, Disposition, Limit, ReplyRef, Scope};
use refusal::{Consequence, Mailing, NextHop, Refusal, Rests};
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

impl Cause {
    /// The word for programs; empty where there is no trouble.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Address => "address",
            Self::Mailbox => "mailbox",
            Self::MailboxFull => "mailbox_full",
            Self::Greylisted => "greylisted",
            Self::Sender => "sender",
            Self::Content => "content",
            Self::Reputation => "reputation",
            Self::Volume => "volume",
            Self::Technical => "technical",
            Self::Policy => "policy",
            Self::Unclassified => "unclassified",
        }
    }
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
    /// What of us is refused, and what follows; `None`: the reply is not about us.
    pub refusal: Option<(Refusal, Consequence)>,
}

impl Judgement {
    /// A bounce that says nothing of the recipient's mailbox: it may be about whoever sends, or about the letter.
    #[must_use]
    pub fn is_general(&self) -> bool {
        let of_mailbox = matches!(self.cause, Cause::Address | Cause::Mailbox | Cause::MailboxFull);
        self.disposition == Disposition::Bounced && !of_mailbox
    }

    /// What becomes of the recipient, of the mailing, and of the site or source, in the words of README's table.
    #[must_use]
    pub fn words(&self) -> [&'static str; 3] {
        let mailing = match self.refusal {
            Some((_, follows)) => follows.mailing,
            None if self.is_general() => Mailing::HeldByAll,
            None => Mailing::GoesOn,
        };
        let recipient = match self.disposition {
            Disposition::Deferred if mailing == Mailing::Held => "waits",
            disposition => disposition.word(),
        };
        let rests = match (self.refusal.map(|(_, follows)| follows.rests), self.advice) {
            (Some(Rests::Source), _) => "source rests",
            (Some(Rests::Site), _) | (_, Advice::Pause(_)) => "site rests",
            (_, Advice::SlowDown) => "site slows down",
            (_, Advice::Keep) => "–",
        };
        [recipient, mailing.words(), rests]
    }
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
/// By which servers that give no code for it, or policy's, say that it is this address that they do not know.
const NAMED_WORDS: &[&str] = &[
    "unknown recipient",
    "recipient unknown",
    "unknown mailbox",
    "mailbox unknown",
    "unknown address",
    "address unknown",
    "unknown local",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such person",
    "not a valid mailbox",
    "invalid recipient",
    "invalid mailbox",
    "recipient invalid",
    "user not found",
    "recipient not found",
    "mailbox not found",
    "address not found",
    "doesn't exist",
    "unrouteable address",
    "unroutable address",
    "benutzer unbekannt",
    "empf\u{e4}nger unbekannt",
    "unbekannter benutzer",
    "unbekannter empf\u{e4}nger",
    "utilisateur inconnu",
    "destinataire inconnu",
    "adresse inconnue",
    "usuario desconocido",
    "destinatario desconocido",
    "utente sconosciuto",
    "destinatario sconosciuto",
    "usuario desconhecido",
];
const MAILBOX_WORDS: &[&str] = &["mailbox", "inbox", "user has", "user is", "account has"];
const UNKNOWN_HERE_WORDS: &[&str] = &["recipient address rejected"];
const RATE_WORDS: &[&str] = &["unusual rate of unsolicited"];

/// Judges the `reply` of `hop`, which answered `phase`.
#[must_use]
pub fn classify(reply: ReplyRef<'_>, phase: Phase, hop: NextHop) -> Judgement {
    // RFC 3463 §2: of another class than the code it is no enhanced code. The code decides.
    let enhanced = reply.enhanced.filter(|e| u16::from(e.class) == reply.code / 100);
    let reply = ReplyRef { enhanced, ..reply };
    if reply.class() == Class::Positive {
        return Judgement {
            disposition: Disposition::Delivered,
            ..deferred(Scope::Recipient, Cause::None, Advice::Keep)
        };
    }
    let words = Words::of(reply.text);
    let limit = Limit::said(reply, &words).filter(|_| phase != Phase::Session);
    let is_passing = is_passing(reply, &words);
    if !is_passing
        && matches!(limit, None | Some(Limit::Rate))
        && let Some(refusal) = rules::refusal(reply, phase, hop, &words)
    {
        let class = if refusal == Refusal::Unwelcome { lasting(reply, phase) } else { reply.class() };
        return of_us(refusal, class, hop);
    }
    // RFC 5321 §3.8: by 421 the service closes the channel.
    if let Some(limit) = limit.filter(|_| !is_passing && reply.code != 421) {
        return limited(limit);
    }
    match reply.class() {
        // An answer that asks for more where nothing more was to come.
        Class::Positive | Class::Intermediate => deferred(Scope::Session, Cause::Technical, Advice::Keep),
        Class::Transient => transient(reply, phase, &words),
        Class::Permanent => permanent(reply, phase, &words),
    }
}

/// Whether it will be over by itself, whoever is named: greylisting, a quota of messages.
fn is_passing(reply: ReplyRef<'_>, words: &Words) -> bool {
    let quota = reply.enhanced.is_some_and(|e| (e.subject, e.detail) == (7, 28));
    match reply.class() {
        Class::Transient => quota || words.any(GREY_WORDS),
        Class::Positive | Class::Intermediate | Class::Permanent => false,
    }
}

/// The class that tells how long it lasts. A command that is not known or not wanted now may be one reply too many, or one
/// of ours too few: who says so again and again means it.
fn lasting(reply: ReplyRef<'_>, phase: Phase) -> Class {
    let passes = phase == Phase::Mail && matches!(reply.code, 500 | 502 | 503 | 555);
    if passes { Class::Transient } else { reply.class() }
}

fn of_us(refusal: Refusal, class: Class, hop: NextHop) -> Judgement {
    let follows = refusal.consequence(class, hop);
    let advice = if follows.rests == Rests::Site { Advice::Pause(follows.rest) } else { Advice::Keep };
    Judgement { refusal: Some((refusal, follows)), ..deferred(refusal.scope(), refusal.cause(), advice) }
}

fn deferred(scope: Scope, cause: Cause, advice: Advice) -> Judgement {
    Judgement { disposition: Disposition::Deferred, scope, cause, advice, refusal: None }
}

fn bounced(scope: Scope, cause: Cause, advice: Advice) -> Judgement {
    Judgement { disposition: Disposition::Bounced, ..deferred(scope, cause, advice) }
}

/// Whoever is told of a limit was not judged: it is kept better next time.
fn limited(limit: Limit) -> Judgement {
    match limit {
        Limit::Recipients => deferred(Scope::Transaction, Cause::Volume, Advice::Keep),
        Limit::Session | Limit::Errors | Limit::Rate => deferred(Scope::Site, Cause::Volume, Advice::SlowDown),
    }
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
        (_, Some((7, _))) => deferred(Scope::Site, volume_or_reputation(words), SlowDown),
        (_, Some((2, detail))) => deferred(Scope::Recipient, mailbox(detail, words), Keep),
        (_, Some((3, _))) => deferred(Scope::Site, Cause::Technical, SlowDown),
        (_, Some((1, _))) => deferred(Scope::Recipient, Cause::Address, Keep),
        (_, Some((4, 5))) => deferred(Scope::Site, Cause::Volume, SlowDown),
        (_, Some((4, 2))) => deferred(Scope::Session, Cause::Technical, Keep),
        (_, Some((4, _))) if phase == Phase::Rcpt => deferred(Scope::Recipient, Cause::Technical, Keep),
        (_, Some((4, _))) => deferred(Scope::Site, Cause::Technical, Keep),
        (_, Some((6, _))) => deferred(Scope::Transaction, Cause::Content, Keep),
        _ if words.any(FULL_WORDS) => deferred(Scope::Recipient, Cause::MailboxFull, Keep),
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
    // A site that turns the session away has judged no recipient: these keep their lifetime.
    if phase == Phase::Session {
        return deferred(Scope::Site, Cause::Unclassified, SlowDown);
    }
    // Nobody was named yet: what is not about the message is about the command.
    if phase == Phase::Mail && !is_about_the_message(reply) {
        return deferred(Scope::Session, Cause::Technical, Keep);
    }
    // RFC 7504: no mail is taken here, by anybody.
    if matches!(reply.code, 521 | 556) {
        return bounced(Scope::Site, Cause::Technical, Keep);
    }
    // RFC 5321 §4.2.4: a command that is not known, or not wanted now. The recipient has no part in it.
    if is_about_the_command(reply, phase, words) {
        return deferred(Scope::Session, Cause::Technical, Keep);
    }
    // Gmail's 5.7.28, before it had that number.
    if words.any(RATE_WORDS) {
        return deferred(Scope::Site, Cause::Volume, Advice::Pause(QUOTA_PAUSE));
    }
    // Too much, too fast: the next recipient would have been told so too.
    let of_mailbox = matches!(reply.enhanced.map(|e| e.subject), Some(1 | 2)) || words.any(MAILBOX_WORDS);
    if phase == Phase::Rcpt && !of_mailbox && words.any(VOLUME_WORDS) {
        return deferred(Scope::Site, Cause::Volume, SlowDown);
    }
    match reply.enhanced.map(|e| (e.subject, e.detail)) {
        // Gmail: the quota of our address and our domains is used up, by 550 where it was before.
        Some((7, 28)) => deferred(Scope::Site, Cause::Volume, Advice::Pause(QUOTA_PAUSE)),
        Some((1, _)) => bounced(Scope::Recipient, Cause::Address, Keep),
        Some((2, 3)) => bounced(Scope::Recipient, Cause::Content, Keep),
        Some((2, detail)) => bounced(Scope::Recipient, mailbox(detail, words), Keep),
        Some((3, 4)) => bounced(Scope::Transaction, Cause::Content, Keep),
        Some((3, _)) => bounced(Scope::Site, Cause::Technical, Keep),
        // Exchange says so of a recipient that it does not know; else it is about a way, a loop, or a name (RFC 3463 §3.5).
        Some((4, 1)) if words.any(UNKNOWN_HERE_WORDS) => bounced(Scope::Recipient, Cause::Address, Keep),
        Some((4, _)) => bounced(Scope::Recipient, Cause::Technical, Keep),
        Some((5, _)) => bounced(Scope::Transaction, Cause::Technical, Keep),
        Some((6, _)) => bounced(Scope::Transaction, Cause::Content, Keep),
        Some((7, _)) => match phase {
            Phase::Rcpt if names_recipient(words) => bounced(Scope::Recipient, Cause::Address, Keep),
            Phase::Rcpt => bounced(Scope::Recipient, Cause::Policy, Keep),
            Phase::Content => bounced(Scope::Transaction, Cause::Content, Keep),
            Phase::Mail | Phase::Session => bounced(Scope::Transaction, Cause::Sender, Keep),
        },
        _ => match phase {
            Phase::Rcpt if words.any(FULL_WORDS) => bounced(Scope::Recipient, Cause::MailboxFull, Keep),
            Phase::Rcpt if names_recipient(words) => bounced(Scope::Recipient, Cause::Address, Keep),
            Phase::Rcpt => bounced(Scope::Recipient, Cause::Unclassified, Keep),
            Phase::Mail => bounced(Scope::Transaction, Cause::Sender, Keep),
            Phase::Content | Phase::Session => bounced(Scope::Transaction, Cause::Unclassified, Keep),
        },
    }
}

fn names_recipient(words: &Words) -> bool {
    words.any(UNKNOWN_WORDS) || words.any(NAMED_WORDS)
}

/// Of the replies to MAIL that are no refusal of us: its size, its octets.
fn is_about_the_message(reply: ReplyRef<'_>) -> bool {
    match reply.enhanced.map(|e| (e.subject, e.detail)) {
        Some((3, 4) | (2, 3) | (6, _)) => true,
        subject => reply.code == 552 && !matches!(subject, Some((5, _))),
    }
}

fn is_about_the_command(reply: ReplyRef<'_>, phase: Phase, words: &Words) -> bool {
    let of_command = reply.enhanced.is_none_or(|e| !matches!(e.subject, 1 | 2));
    let code = matches!(reply.code, 500 | 502 | 503) || (reply.code == 555 && phase == Phase::Mail);
    code && of_command && !words.any(UNKNOWN_WORDS)
}

fn mailbox(detail: u16, words: &Words) -> Cause {
    if detail == 2 || words.any(FULL_WORDS) { Cause::MailboxFull } else { Cause::Mailbox }
}

fn volume_or_reputation(words: &Words) -> Cause {
    if words.any(BLOCK_WORDS) { Cause::Reputation } else { Cause::Volume }
}
