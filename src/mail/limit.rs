//! The limit that a refusal says was reached: whoever is told so was not judged.
//!
//! Servers say that they take no more in every code (`452`, `552`, `550 5.7.1`) and in many words, and mean by it the
//! transaction, the session, or how many errors they bear. Guarantees: a limit of sessions at once is none of these, nor
//! one of a mailbox, of a message's size, or of messages over time; a 2yz or 3yz reaches none. Leaves to others: a code
//! that is a limit where it stands (a bare 452 to RCPT), and what follows.

use super::ReplyRef;
use super::words::Words;

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Recipients of a transaction.
    Recipients,
    /// What one session carries: transactions, messages, their recipients.
    Session,
    /// Recipients that the server does not know, or other errors of the peer.
    Errors,
    /// Recipients over time: a day, an hour.
    Rate,
}

/// What is limited by itself, whatever else is said.
const TOO_MANY_RECIPIENTS: &str = "too many recipient|too many rcpt|too much recipient|too many addressees|\
    too many envelope recipient|no more recipient|any more recipient|reciplimit|recipientlimit|zu viele empf|zuviele empf|\
    trop de destinataire|demasiados destinatario|troppi destinatari|muitos destinat|demasiados recipient|te veel ontvanger|\
    f\u{f6}r m\u{e5}nga mottagare|for mange modtagere|for mange mottakere|liian monta vastaanottaja|zbyt wielu odbiorc|\
    p\u{159}\u{ed}li\u{161} mnoho p\u{159}\u{ed}jemc|\u{43b}\u{438}\u{448}\u{43a}\u{43e}\u{43c} \u{43c}\u{43d}\u{43e}\u{433}\u{43e} \u{43f}\u{43e}\u{43b}\u{443}\u{447}\u{430}\u{442}\u{435}\u{43b}|\
    \u{6536}\u{4ef6}\u{4eba}\u{8fc7}\u{591a}|\u{6536}\u{4ef6}\u{4eba}\u{592a}\u{591a}";
/// The same, of which more has to be said.
const RECIPIENTS: &str = "recipient limit|recipients limit|recipient count|recipients count|number of recipients|\
    number of rcpt|maximum recipients|max recipients|maximum rcpt|max rcpt|recipients per|rcpts per|recipients exceed|\
    recipients allowed|limit of recipients|limit on recipients";
const REACHED: &str = "exceed|reached|limit|limited|too many|too high|maximum|max|no more";
/// What a session carries.
const CARRIED: &str = "messages|mails|emails|e-mails|transactions|recipients|rcpts|message limit|mail limit|transaction limit|\
    message count|mail count|message per|mail per|email per|nachrichten|mail transactions";
const OF_SESSION: &str = "session|connection|this smtp session|verbindung|sitzung|connexion|conexi";
const TOO_MANY_TRANSACTIONS: &str =
    "too many transactions|too many mail transactions|too many smtp transactions|transaction limit|transactions limit";
/// A limit over time, or of sessions at once, is another.
const OTHERWISE: &str = "day|days|daily|today|hour|hours|hourly|week|weekly|month|monthly|minute|minutes|second|seconds|\
    rate|per user|credits|quota|mailbox|inbox|storage|concurrent|simultaneous|parallel|connections|sessions";
const TOO_MANY_ERRORS: &str = "too many unknown|too many invalid|too many bad|too many failed|too many failures|\
    too many rejected|too many refused|too many nonexist|too many non-exist|too many non exist|too many wrong|\
    too many undeliverable|too many unrecognized|too many unrecognised|too many unrouteable|too many unroutable|\
    too many inexistent|too many errors|too many protocol errors|too many syntax|too many nonmail|too many non-mail|\
    too many user unknown|too many no such|too many incorrect|too many illegal|zu viele unbekannte|zu viele ung|\
    zu viele fehler|zu viele falsche|trop d'erreur|trop d'utilisateurs inconnus|trop de destinataires inconnus|\
    trop de destinataires invalides|demasiados errores|troppi errori|muitos erros";
/// Errors of another kind.
const OF_LOGIN: &str = "login|logins|auth|authentication|password|passwords";
const ERRORS: &str = "failed recipients|invalid recipients|unknown recipients|bad recipients|rejected recipients|unknown users|\
    invalid users|failed rcpt|invalid rcpt|bad rcpt|rejected rcpt";

impl Limit {
    /// Which limit this refusal says was reached, if it says so in words, or by 4.5.3 or 5.5.3 (RFC 3463 §3.6).
    #[must_use]
    pub fn of(reply: ReplyRef<'_>) -> Option<Self> {
        if reply.code < 400 {
            return None;
        }
        Self::said(reply, &Words::of(reply.text))
    }

    /// The same, of words that were looked at.
    #[must_use]
    pub fn said(reply: ReplyRef<'_>, words: &Words) -> Option<Self> {
        if reply.code < 400 {
            return None;
        }
        let numbered = reply.enhanced.is_some_and(|e| (e.subject, e.detail) == (5, 3));
        let reached = words.has_one(REACHED);
        if (words.has_one(TOO_MANY_ERRORS) || words.has_one(ERRORS) && reached) && !words.has_one(OF_LOGIN) {
            return Some(Self::Errors);
        }
        let otherwise = words.has_one(OTHERWISE);
        let of_session = reached && words.has_one(CARRIED) && words.has_one(OF_SESSION);
        if !otherwise && (of_session || words.has_one(TOO_MANY_TRANSACTIONS)) {
            return Some(Self::Session);
        }
        let named = words.has_one(TOO_MANY_RECIPIENTS) || words.has_one(RECIPIENTS) && reached;
        match (numbered, named) {
            (false, false) => None,
            (false, true) if otherwise => Some(Self::Rate),
            _ => Some(Self::Recipients),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Enhanced;

    fn limit(said: &str) -> Option<Limit> {
        let (code, text) = said.split_at(3);
        let (enhanced, text) = Enhanced::split(text.trim_start().as_bytes());
        Limit::of(ReplyRef { code: code.parse().unwrap(), enhanced, text })
    }

    #[test]
    fn whoever_is_told_of_too_many_is_told_of_a_limit_in_whatever_words() {
        for said in [
            "550 Too many recipients.",
            "501 Too many recipients",
            "552 too many recipients",
            "554 too many recipients",
            "451 4.7.1 Too many recipients",
            "452 4.5.3 Error: too many recipients",
            "550 5.5.3 RESOLVER.ADR.RecipLimit; too many recipients",
            "550 5.7.1 Too many recipients in one message, limit is 50",
            "550 Zu viele Empfaenger",
            "550 zu viele Empf\u{e4}nger",
            "550 Trop de destinataires",
            "550 5.7.1 Recipient limit exceeded",
            "552 Maximum number of recipients reached",
            "554 5.5.0 The number of recipients exceeds the limit of 100",
            "452 4.5.3 no",
            "452 4.5.3 Too many recipients, try again in some minutes",
            "550 5.5.3 no",
            "550 \u{421}\u{43b}\u{438}\u{448}\u{43a}\u{43e}\u{43c} \u{43c}\u{43d}\u{43e}\u{433}\u{43e} \u{43f}\u{43e}\u{43b}\u{443}\u{447}\u{430}\u{442}\u{435}\u{43b}\u{435}\u{439}",
        ] {
            assert_eq!(limit(said), Some(Limit::Recipients), "{said}");
        }
        for said in [
            "550 Too many unknown users",
            "550 REJECTED - Number of failed recipients exceeded.  Come back in a few\n hours.",
            "550 Number of failed recipients exceeded. Come back in a few hours.",
            "550 5.5.0 Too many invalid recipients",
            "550 5.7.1 Too many invalid recipients",
            "550 too many bad recipients",
            "554 5.5.0 Too many unknown recipients",
            "550 5.7.0 Too many unknown recipients specified",
            "421 4.7.0 Error: too many errors",
            "554 Too many nonmail commands",
        ] {
            assert_eq!(limit(said), Some(Limit::Errors), "{said}");
        }
        for said in [
            "550 too many messages for this session",
            "450 4.7.0 Too many messages in this session",
            "451 4.7.1 max messages per connection reached",
            "503 too many transactions",
            "554 5.7.0 Too many messages in this connection",
            "421 4.7.0 Too many messages in this session, limit exceeded",
            "550 too many recipients in this session",
        ] {
            assert_eq!(limit(said), Some(Limit::Session), "{said}");
        }
    }

    #[test]
    fn limits_of_mailboxes_and_of_sessions_at_once_are_others() {
        for said in [
            "250 2.1.5 too many recipients",
            "550 Too many messages sent today",
            "550 5.1.90 you've reached your daily limit for message recipients",
            "550 5.2.0 RecipientRateLimitExceeded: The recipient rate limit is exceeded for this mailbox",
            "421 Too many concurrent SMTP connections; please try again later.",
            "554 5.7.1 Too many connections from your host",
            "554 5.4.6 Too many hops",
            "552 5.2.2 mailbox has too many messages",
            "552 message exceeds the maximum size",
            "550 5.1.1 <too-many-recipients@a.example>: user unknown",
            "550 5.1.1 unknown recipient",
            "550 5.7.1 invalid recipients are rejected",
            "550 only local recipients allowed",
            "550 5.7.1 messages are taken over an encrypted connection only",
            "535 5.7.8 too many failed login attempts",
            "550 this recipient only accepts mail from members",
            "450 4.2.1 rate limit exceeded for this user",
            "550 no more messages from you",
        ] {
            assert_eq!(limit(said), None, "{said}");
        }
        for said in ["550 5.7.1 too many recipients today", "450 4.7.1 Recipient limit per hour exceeded"] {
            assert_eq!(limit(said), Some(Limit::Rate), "{said}");
        }
    }
}
