//! Replies of the field, and what they have to mean.

use super::refusal::{Mailing, NextHop, Refusal, Rests};
use super::*;
use crate::mail::Enhanced;
use proptest::prelude::*;

fn reply(text: &str) -> (u16, Option<Enhanced>, &[u8]) {
    let (code, text) = text.split_at(3);
    let (enhanced, text) = Enhanced::split(text.trim_start().as_bytes());
    (code.parse().unwrap(), enhanced, text)
}

fn judge(text: &str, phase: Phase, hop: NextHop) -> Judgement {
    let (code, enhanced, text) = reply(text);
    classify(ReplyRef { code, enhanced, text }, phase, hop)
}

fn refused(text: &str, phase: Phase, hop: NextHop) -> Option<Refusal> {
    judge(text, phase, hop).refusal.map(|(refusal, _)| refusal)
}

#[test]
fn replies_seen_in_the_field_mean_what_their_writers_meant() {
    use Disposition::{Bounced as B, Deferred as D, Delivered};
    use Phase::{Content as C, Mail, Rcpt, Session};
    use Scope::{Recipient as R, Site, Source, Transaction as T};
    let cases = [
        ("250 2.0.0 Ok: queued", C, Delivered, R, Cause::None),
        ("550 5.1.1 <x@y.example>: user unknown", Rcpt, B, R, Cause::Address),
        ("550 no such user here", Rcpt, B, R, Cause::Address),
        ("550 5.4.1 Recipient address rejected: Access denied", Rcpt, B, R, Cause::Address),
        (
            "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using Spamhaus",
            Rcpt,
            D,
            Source,
            Cause::Reputation,
        ),
        ("550 5.7.1 Relaying denied", Rcpt, B, R, Cause::Policy),
        ("550 5.7.1 message looks like spam", C, B, T, Cause::Content),
        ("550 5.7.1 rejected by policy", Mail, D, Site, Cause::Sender),
        ("550 5.7.515 sending domain does not pass", C, D, Site, Cause::Sender),
        ("552 5.3.4 message too big", Mail, B, T, Cause::Content),
        ("552 5.2.2 mailbox over quota", Rcpt, B, R, Cause::MailboxFull),
        ("552 too many recipients", Rcpt, D, T, Cause::Volume),
        ("550 Too many recipients", Rcpt, D, T, Cause::Volume),
        ("501 Too many recipients", Rcpt, D, T, Cause::Volume),
        ("451 4.7.1 Too many recipients", Rcpt, D, T, Cause::Volume),
        ("550 5.7.1 Too many recipients in one message, limit is 50", C, D, T, Cause::Volume),
        ("550 5.7.1 too many recipients today", Rcpt, D, Site, Cause::Volume),
        ("550 Too many unknown users", Rcpt, D, Site, Cause::Volume),
        ("550 too many messages for this session", Rcpt, D, Site, Cause::Volume),
        ("550 5.7.1 message rate limit exceeded", Rcpt, D, Site, Cause::Volume),
        ("552 5.2.2 mailbox has too many messages", Rcpt, B, R, Cause::MailboxFull),
        ("554 no SMTP service here", Session, D, Site, Cause::Unclassified),
        ("521 host does not accept mail", Session, D, Site, Cause::Unclassified),
        ("556 no mail is taken here", Rcpt, B, Site, Cause::Technical),
        ("501 5.5.4 Syntax error", Mail, D, Scope::Session, Cause::Technical),
        ("552 5.2.2 message exceeds the storage allocation", Mail, B, R, Cause::MailboxFull),
        ("421 4.7.0 [TSS04] messages deferred due to unexpected volume", Mail, D, Site, Cause::Volume),
        ("451 4.7.500 Server busy. Please try again later", Rcpt, D, Site, Cause::Volume),
        ("451 4.7.650 rate limited due to IP reputation", Mail, D, Site, Cause::Reputation),
        ("450 4.2.0 <x@y.example>: Recipient address rejected: Greylisted", Rcpt, D, R, Cause::Greylisted),
        ("451 4.7.1 Greylisting in action, please come back later", Rcpt, D, R, Cause::Greylisted),
        ("452 4.2.2 The email account is over quota", Rcpt, D, R, Cause::MailboxFull),
        ("450 4.2.1 receiving mail at a rate that prevents", Rcpt, D, R, Cause::Mailbox),
        ("452 4.3.1 Insufficient system storage", Mail, D, Site, Cause::Technical),
        ("452 too many recipients", Rcpt, D, T, Cause::Volume),
        ("500 5.5.2 Error: bad syntax", Mail, D, Scope::Session, Cause::Technical),
        ("502 5.5.2 Error: command not recognized", Rcpt, D, Scope::Session, Cause::Technical),
        ("503 bad sequence of commands", C, D, Scope::Session, Cause::Technical),
        ("500 unknown user", Rcpt, B, R, Cause::Address),
        ("503 AUTH first", Rcpt, D, Scope::Session, Cause::Technical),
        ("502 5.7.0 Please authenticate", Rcpt, D, Scope::Session, Cause::Technical),
        ("500 5.1.1 no", Rcpt, B, R, Cause::Address),
        ("555 5.5.4 Unsupported option: SIZE", Mail, D, Scope::Session, Cause::Technical),
        ("555 5.5.2 Syntax error", Rcpt, B, T, Cause::Technical),
        ("550 5.7.1 an unusual rate of unsolicited mail originating from your IP address", C, D, Site, Cause::Volume),
        ("550 5.7.606 banned sending IP", Rcpt, D, Source, Cause::Reputation),
        ("501 5.1.3 Bad recipient address syntax", Rcpt, B, R, Cause::Address),
        ("451 temporary failure", Rcpt, D, R, Cause::Unclassified),
        ("451 too many connections from your host", Session, D, Site, Cause::Volume),
        ("550 5.7.28 an unusual rate of unsolicited mail", C, D, Site, Cause::Volume),
    ];
    for (reply, phase, disposition, scope, cause) in cases {
        let judged = judge(reply, phase, NextHop::Exchanger);
        assert_eq!(
            (judged.disposition, judged.scope, judged.cause),
            (disposition, scope, cause),
            "{reply} at {phase:?}"
        );
    }
}

/// What is said, at which phase; what a smarthost means by it, and what an exchanger does (`None`: no refusal of us).
const REFUSALS: &[(&str, Phase, Option<Refusal>, Option<Refusal>)] = {
    use Phase::{Content as C, Mail, Rcpt, Session};
    use Refusal::{
        Account, Authentication, ListedAddress, ListedContent, Login, Name, Relay, Reputation, ReverseName, Sender,
        Tls, Unwelcome,
    };
    &[
        ("530 5.7.0 Authentication required", Mail, Some(Login), Some(Login)),
        ("530 5.7.57 Client not authenticated to send mail", Rcpt, Some(Login), Some(Login)),
        ("535 5.7.8 Error: authentication failed", Session, Some(Login), Some(Login)),
        ("538 5.7.11 Encryption required for requested authentication mechanism", Session, Some(Tls), Some(Tls)),
        ("534 5.7.9 Application-specific password required", Session, Some(Login), Some(Login)),
        ("432 5.7.12 A password transition is needed", Session, Some(Login), Some(Login)),
        ("550 5.7.1 Authentication required", Rcpt, Some(Login), None),
        ("550 SMTP AUTH is required for this address", Rcpt, Some(Login), None),
        ("553 5.7.1 Unauthenticated senders not allowed", Mail, Some(Login), Some(Sender)),
        ("530 5.7.0 Must issue a STARTTLS command first", Mail, Some(Tls), Some(Tls)),
        ("503 5.5.1 STARTTLS first", Mail, Some(Tls), Some(Tls)),
        ("530 5.7.0 TLS is required", Mail, Some(Tls), Some(Tls)),
        ("530 5.7.0 a secure connection is needed", Mail, Some(Tls), Some(Tls)),
        ("554 5.7.1 Client certificate required", Mail, Some(Tls), Some(Tls)),
        ("554 5.7.1 <ann@a.example>: Relay access denied", Rcpt, Some(Relay), None),
        ("454 4.7.1 <ann@a.example>: Relay access denied", Rcpt, Some(Relay), None),
        ("550 relay denied", Rcpt, Some(Relay), None),
        ("554 relay denied", Rcpt, Some(Relay), None),
        ("550 5.7.1 Relaying denied", Rcpt, Some(Relay), None),
        ("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Rcpt, Some(Relay), None),
        ("550 not permitted to relay through this server", Rcpt, Some(Relay), None),
        ("571 5.7.1 Relay not allowed", Rcpt, Some(Relay), None),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Rcpt, Some(Relay), None),
        ("551 we do not relay", Rcpt, Some(Relay), None),
        ("504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", Rcpt, Some(Name), Some(Name)),
        ("504 bad EHLO name", Session, Some(Name), Some(Name)),
        ("501 Syntactically invalid HELO argument(s)", Session, Some(Name), Some(Name)),
        ("550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", Mail, Some(Name), Some(Name)),
        ("450 4.7.1 <box>: Helo command rejected: Host not found", Rcpt, Some(Name), Some(Name)),
        (
            "550 5.7.25 The IP address sending this message does not have a PTR record",
            C,
            Some(ReverseName),
            Some(ReverseName),
        ),
        (
            "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
            Rcpt,
            Some(ReverseName),
            Some(ReverseName),
        ),
        ("554 5.7.1 Reverse DNS lookup of your address failed", Session, Some(ReverseName), Some(ReverseName)),
        ("550 5.1.8 <news@acme.example>: Sender address rejected: Domain not found", Rcpt, Some(Sender), Some(Sender)),
        ("450 4.1.8 <news@acme.example>: Sender address rejected: Domain not found", Rcpt, Some(Sender), Some(Sender)),
        ("553 5.1.8 sender domain must exist", Mail, Some(Sender), Some(Sender)),
        ("553 5.1.7 invalid address", Mail, Some(Sender), Some(Sender)),
        ("553 sender not allowed", Mail, Some(Sender), Some(Sender)),
        ("553 sender not allowed", Rcpt, Some(Sender), Some(Sender)),
        (
            "553 5.7.1 <news@acme.example>: Sender address rejected: not owned by user jo",
            Rcpt,
            Some(Sender),
            Some(Sender),
        ),
        ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", C, Some(Sender), Some(Sender)),
        ("554 Message rejected: Email address is not verified.", C, Some(Sender), Some(Sender)),
        ("504 5.5.2 <news>: Sender address rejected: need fully-qualified address", Rcpt, Some(Sender), Some(Sender)),
        ("550 account suspended", Rcpt, Some(Account), None),
        ("550 5.7.0 Your account has been suspended", Mail, Some(Account), Some(Sender)),
        ("554 Message rejected: Sending suspended for this account", C, Some(Account), None),
        ("535 5.7.8 this account is disabled", Session, Some(Account), Some(Login)),
        ("550 5.4.5 Daily user sending quota exceeded", C, Some(Account), None),
        ("550 quota exceeded", Rcpt, Some(Account), None),
        ("550 5.7.1 sending limit exceeded", Rcpt, Some(Account), None),
        ("454 Throttling failure: Daily message quota exceeded.", C, Some(Account), None),
        ("550 Domain acme.example has exceeded the max emails per hour (101/100) allowed.", C, Some(Account), None),
        ("550 5.7.501 Access denied, spam abuse detected", C, Some(Account), Some(Reputation)),
        (
            "550 5.7.26 This mail is unauthenticated, which poses a security risk",
            C,
            Some(Authentication),
            Some(Authentication),
        ),
        (
            "421 4.7.27 Your email has been rate limited because SPF did not pass",
            C,
            Some(Authentication),
            Some(Authentication),
        ),
        (
            "550 5.7.515 Access denied, sending domain acme.example does not meet the required authentication level",
            C,
            Some(Authentication),
            Some(Authentication),
        ),
        ("550 5.7.23 SPF validation failed", Rcpt, Some(Authentication), Some(Authentication)),
        ("554 5.7.1 rejected by DMARC policy of acme.example", C, Some(Authentication), Some(Authentication)),
        ("554 5.7.1 URL in message is listed by dbl.spamhaus.org", C, Some(ListedContent), Some(ListedContent)),
        ("550 5.7.1 blacklisted by multi.surbl.org", C, Some(ListedContent), Some(ListedContent)),
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            Rcpt,
            Some(ListedAddress),
            Some(ListedAddress),
        ),
        (
            "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1",
            Session,
            Some(ListedAddress),
            Some(ListedAddress),
        ),
        (
            "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent (S3150)",
            Mail,
            Some(ListedAddress),
            Some(ListedAddress),
        ),
        ("550 192.0.2.1 blocked by bl.spamcop.net", Rcpt, Some(ListedAddress), Some(ListedAddress)),
        (
            "550 5.7.1 blocked: error 127.255.255.254 open resolver, zen.spamhaus.org",
            Rcpt,
            Some(Reputation),
            Some(Reputation),
        ),
        ("550 5.7.1 Your IP has been blocked", Rcpt, Some(Reputation), Some(Reputation)),
        ("554 No SMTP service for you", Session, Some(Unwelcome), None),
        ("550 5.7.1 not you", Mail, Some(Unwelcome), Some(Sender)),
        (
            "554 5.7.1 Service unavailable; Sender address blocked using dbl.spamhaus.org",
            Rcpt,
            Some(ListedContent),
            Some(ListedContent),
        ),
        (
            "554 relay.a.example: Client host [192.0.2.1] blocked using zen.spamhaus.org",
            Rcpt,
            Some(ListedAddress),
            Some(ListedAddress),
        ),
        ("451 4.3.0 Monthly limit reached", C, Some(Account), None),
        ("503 5.5.1 Error: send HELO/EHLO first", Mail, Some(Unwelcome), None),
        ("521 5.3.2 mail.example does not accept mail from you", Mail, Some(Unwelcome), Some(Unwelcome)),
        ("521 mail.example does not accept mail", Mail, Some(Unwelcome), Some(Unwelcome)),
        ("521 5.7.1 Service refused", Mail, Some(Unwelcome), Some(Unwelcome)),
        ("521 5.5.1 no", Mail, Some(Unwelcome), Some(Unwelcome)),
        ("521 5.2.1 AOL will not accept delivery of this message.", Mail, Some(Unwelcome), Some(Unwelcome)),
        (
            "521 192.0.2.1 blocked by ldap:ou=rblmx,dc=att,dc=net Error - Blocked for abuse",
            Mail,
            Some(Reputation),
            Some(Reputation),
        ),
        ("521 Error - Blocked for abuse. See http://att.net/blocks", Rcpt, Some(Reputation), Some(Reputation)),
        ("500 5.5.1 Command unrecognized", Mail, Some(Unwelcome), None),
        ("502 5.5.1 Command not implemented", Mail, Some(Unwelcome), None),
        ("503 5.5.1 Bad sequence of commands", Mail, Some(Unwelcome), None),
        ("501 5.5.4 Syntax error", Mail, Some(Unwelcome), None),
        ("555 5.5.4 Unsupported option: SIZE", Mail, Some(Unwelcome), None),
        ("556 no mail is taken here", Mail, Some(Unwelcome), Some(Unwelcome)),
        ("552 5.7.1 Account has insufficient credits", Mail, Some(Account), Some(Sender)),
        ("552 5.7.1 Account has insufficient credits", Rcpt, Some(Account), None),
        ("552 5.2.2 Sender mailbox over quota", Mail, Some(Account), Some(Sender)),
        ("552 5.2.2 Sender mailbox over quota", C, Some(Account), None),
        ("550 5.2.2 sender over quota", Rcpt, Some(Account), None),
        ("553 5.5.4 <b@bounce>... Domain name required for sender address", Mail, Some(Sender), Some(Sender)),
        ("553 5.5.4 <b@bounce>... Domain name required for sender address", Rcpt, Some(Sender), Some(Sender)),
        ("502 5.7.0 Please authenticate before sending emails", Mail, Some(Login), None),
        ("502 5.7.0 Please authenticate before sending emails", Rcpt, Some(Login), None),
        ("503 AUTH first", Mail, Some(Login), None),
        ("503 AUTH first", Rcpt, Some(Login), None),
        ("503 5.5.4 Error: send AUTH command first", Mail, Some(Login), None),
        ("503 5.5.4 Error: send AUTH command first", Rcpt, Some(Login), None),
        ("503 5.5.1 Authentication first", Mail, Some(Login), None),
        ("503 5.5.1 Authentication first", Rcpt, Some(Login), None),
        ("503 You must authenticate first (#5.5.1)", Mail, Some(Login), None),
        ("503 You must authenticate first (#5.5.1)", Rcpt, Some(Login), None),
        (
            "503 This mail server requires authentication when attempting to send to a non-local e-mail address.",
            Mail,
            Some(Login),
            None,
        ),
        (
            "503 This mail server requires authentication when attempting to send to a non-local e-mail address.",
            Rcpt,
            Some(Login),
            None,
        ),
        ("505 5.7.3 Must set up authentication first", Rcpt, Some(Login), None),
        ("550 must be authenticated", Rcpt, Some(Login), None),
        ("554 <ann@a.example>: Recipient address rejected: Relay access denied", Rcpt, Some(Relay), None),
        ("550 5.1.1 Mail Refused - relay not allowed", Rcpt, Some(Relay), None),
        ("550 5.1.2 Relay not allowed.", Rcpt, Some(Relay), None),
        ("553 5.7.1 sorry, that domain isn't allowed to be relayed thru this MTA (#5.7.1)", Rcpt, Some(Relay), None),
        ("571 Delivery not authorized, message refused", Rcpt, Some(Relay), None),
        ("550 5.7.1 Invalid credentials for relay [192.0.2.1].", Rcpt, Some(Relay), None),
        ("554 5.7.1 Your IP is not in the list of allowed relay clients", Rcpt, Some(Relay), None),
        (
            "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail'",
            C,
            Some(Relay),
            None,
        ),
        ("550 5.7.1 Sender blocked", Rcpt, Some(Sender), None),
        ("551 5.7.1 sender is blacklisted", Rcpt, Some(Sender), None),
        ("553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)", Rcpt, Some(Sender), Some(Sender)),
        (
            "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
            C,
            Some(Account),
            None,
        ),
        (
            "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
            Rcpt,
            Some(Account),
            None,
        ),
        (
            "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit",
            C,
            Some(Account),
            None,
        ),
        (
            "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit",
            Rcpt,
            Some(Account),
            None,
        ),
        ("550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit", C, Some(Account), None),
        (
            "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit",
            Rcpt,
            Some(Account),
            None,
        ),
        (
            "550 5.2.0 RecipientRateLimitExceeded: The recipient rate limit is exceeded for this mailbox",
            C,
            Some(Account),
            None,
        ),
        (
            "550 5.2.0 RecipientRateLimitExceeded: The recipient rate limit is exceeded for this mailbox",
            Rcpt,
            Some(Account),
            None,
        ),
        ("550 5.7.1 Spam detected by OVH. Your account is blocked", C, Some(Account), None),
        ("550 5.7.1 Spam detected by OVH. Your account is blocked", Rcpt, Some(Account), None),
        ("550 Too many messages sent today", C, Some(Account), None),
        ("550 Too many messages sent today", Rcpt, Some(Account), None),
        ("550 Outgoing mail disabled", C, Some(Account), None),
        ("550 Outgoing mail disabled", Rcpt, Some(Account), None),
        ("554 5.7.1 License expired", C, Some(Account), None),
        ("554 5.7.1 License expired", Rcpt, Some(Account), None),
        ("554 Transaction failed: Sending paused for this account.", C, Some(Account), None),
        ("554 5.7.1 Message rejected: Your account is in the sandbox", C, Some(Account), None),
        ("554 5.7.1 Message rejected: Your account is in the sandbox", Rcpt, Some(Account), None),
        ("550 5.7.1 Sandbox subdomains are for test purposes only.", C, Some(Account), None),
        ("550 5.7.1 Sandbox subdomains are for test purposes only.", Rcpt, Some(Account), None),
        (
            "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
            Rcpt,
            Some(Reputation),
            Some(Reputation),
        ),
        (
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal visit https://sender.office.com/",
            Rcpt,
            Some(Reputation),
            Some(Reputation),
        ),
        (
            "550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal forward this message",
            Mail,
            Some(Reputation),
            Some(Reputation),
        ),
        ("550 OU-002 mail rejected by Outlook.com for policy reasons", Mail, Some(Reputation), Some(Reputation)),
        (
            "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred",
            Mail,
            Some(Reputation),
            Some(Reputation),
        ),
        ("550 5.7.0 [BL01] blocked", Mail, Some(Reputation), Some(Reputation)),
        (
            "550 5.7.1 The IP you're using to send mail is not authorized to send email directly to our servers.",
            C,
            Some(Reputation),
            Some(Reputation),
        ),
        ("550 5.7.708 Access denied, traffic not accepted from this IP", C, Some(Account), Some(Reputation)),
        ("550 5.7.705 Access denied, tenant has exceeded threshold", C, Some(Account), Some(Reputation)),
        (
            "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
            C,
            Some(Account),
            Some(Reputation),
        ),
        ("554 5.7.9 Message not accepted for policy reasons.", C, None, Some(Unwelcome)),
        // These are about somebody else.
        ("552 message exceeds the maximum size", Mail, None, None),
        ("552 exceeded storage allocation", Mail, None, None),
        ("554 5.6.3 the message needs 8BITMIME", Mail, None, None),
        ("550 5.7.1 [192.0.2.1] an unusual rate of unsolicited mail originating from your IP address", C, None, None),
        (
            "550 5.1.1 <x@a.example>: Recipient address rejected: User unknown in relay recipient table",
            Rcpt,
            None,
            None,
        ),
        ("550 5.1.1 user unknown, relaying denied", Rcpt, None, None),
        ("550 5.2.1 This account is disabled", Rcpt, None, None),
        ("550 Requested action not taken: mailbox unavailable", Rcpt, None, None),
        ("550 mailbox unavailable", Rcpt, None, None),
        ("550 No such user", Rcpt, None, None),
        ("502 5.5.1 Command not implemented", Rcpt, None, None),
        ("555 5.5.2 Syntax error", Rcpt, None, None),
        ("550 User spamhaus unknown", Rcpt, None, None),
        ("550 'pbl': no such mailbox", Rcpt, None, None),
        ("550 relay.a.example: mailbox not available", Rcpt, None, None),
        ("552 user has exceeded message quota", Rcpt, None, None),
        ("452 4.2.2 user has exceeded message quota", Rcpt, None, None),
        ("554 5.4.6 message has exceeded the maximum hop count", C, None, None),
        ("554 message exceeds the maximum size", C, None, None),
        ("421 4.7.0 Too many messages in this session, limit exceeded", Mail, None, None),
        ("450 4.7.1 sending rate limit exceeded", Rcpt, None, None),
        ("550 5.7.1 Recipient address rejected: Access denied", Rcpt, None, None),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Rcpt, None, None),
        ("554 5.2.2 mailbox is over quota", C, None, None),
        ("550 Mailbox unavailable or access denied", Rcpt, None, None),
        ("550 5.1.1 user unknown: sender must check the address", Rcpt, None, None),
        ("550 5.1.1 <spamhaus@a.example>: Recipient address rejected: User unknown", Rcpt, None, None),
        ("550 No such user <relay-denied@a.example>", Rcpt, None, None),
        ("550 User <zen@a.example> unknown", Rcpt, None, None),
        (
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient pbl@a.example not found by SMTP address lookup",
            Rcpt,
            None,
            None,
        ),
        ("550 5.2.1 The email account that you tried to reach is disabled", Rcpt, None, None),
        ("552 5.2.2 Mailbox quota exceeded", Rcpt, None, None),
        ("552 5.2.2 The email account that you tried to reach is over quota", Rcpt, None, None),
        ("504 5.5.2 <x>: Recipient address rejected: need fully-qualified address", Rcpt, None, None),
        ("550 5.7.1 sender is not allowed to send to this group", Rcpt, None, None),
        ("550 5.7.133 sender not authenticated for group", C, None, None),
        ("552 5.3.4 Message size exceeds fixed limit", Mail, None, None),
        ("550 Too many recipients", Rcpt, None, None),
        ("554 too many recipients", C, None, None),
        ("550 Too many invalid recipients", Rcpt, None, None),
        ("550 5.7.0 Too many messages in this connection", Mail, None, None),
        ("503 too many transactions", Mail, None, None),
        ("550 5.7.1 message looks like spam", C, None, None),
        ("451 4.7.1 Greylisted, see http://spamhaus.example", Rcpt, None, None),
        ("454 4.7.0 TLS not available due to local problem", Session, None, None),
        ("452 4.3.1 Insufficient system storage", Mail, None, None),
        ("450 4.2.1 rate limit exceeded for this user", Rcpt, None, None),
        ("421 4.7.28 unusual rate", C, None, None),
    ]
};

#[test]
fn refusals_of_us_are_told_from_refusals_of_recipients_by_who_says_them() {
    for &(reply, phase, smarthost, exchanger) in REFUSALS {
        assert_eq!(refused(reply, phase, NextHop::Smarthost), smarthost, "a smarthost at {phase:?}: {reply}");
        assert_eq!(refused(reply, phase, NextHop::Exchanger), exchanger, "an exchanger at {phase:?}: {reply}");
    }
}

#[test]
fn a_refusal_of_us_bounces_nobody_and_something_stops() {
    for &(reply, phase, ..) in REFUSALS {
        for hop in [NextHop::Smarthost, NextHop::Exchanger, NextHop::Provider] {
            let judged = judge(reply, phase, hop);
            let Some((_, follows)) = judged.refusal else { continue };
            assert_eq!(judged.disposition, Disposition::Deferred, "{reply}");
            assert!(follows.mailing != Mailing::GoesOn || follows.rests != Rests::Nothing, "{reply}: nothing stops");
        }
    }
    for hop in [NextHop::Exchanger, NextHop::Provider] {
        for refusal in Refusal::ALL {
            for class in [Class::Transient, Class::Permanent] {
                let follows = refusal.consequence(class, hop);
                assert!(
                    follows.rests != Rests::Nothing && !follows.rest.is_zero(),
                    "{refusal:?}: the site is asked on and on"
                );
            }
        }
    }
}

#[test]
fn large_providers_are_known_by_the_names_of_their_exchangers() {
    for host in
        ["gmail-smtp-in.l.google.com", "ACME.mail.protection.outlook.com.", "mx-eu.mail.am0.yahoodns.net", "google.com"]
    {
        assert_eq!(NextHop::exchanger(host), NextHop::Provider, "{host}");
    }
    for host in ["mx.a.example", "notgoogle.com", "google.com.example", "", ".", "com"] {
        assert_eq!(NextHop::exchanger(host), NextHop::Exchanger, "{host}");
    }
}

#[test]
fn an_enhanced_code_of_another_class_is_none() {
    for (code, class) in [(550, 4), (451, 5), (550, 2), (421, 5)] {
        let judged = |enhanced| classify(ReplyRef { code, enhanced, text: b"no" }, Phase::Rcpt, NextHop::Exchanger);
        for (subject, detail) in [(1, 7), (7, 28), (2, 2), (3, 0)] {
            assert_eq!(judged(Some(Enhanced::new(class, subject, detail))), judged(None), "{code} {class}.{subject}");
        }
    }
}

#[test]
fn a_used_up_quota_pauses_the_site_for_ten_minutes_at_least() {
    let reply = ReplyRef { code: 421, enhanced: Some(Enhanced::new(4, 7, 28)), text: b"unusual rate" };
    let advice = classify(reply, Phase::Content, NextHop::Provider).advice;
    assert!(matches!(advice, Advice::Pause(span) if span.as_secs() >= 600));
}

/// README's table: who, phases; examples; recipient, mailing, site or source.
fn readme_table() -> Vec<(Vec<String>, Vec<String>, [String; 3])> {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let chapter = readme.split("\n## ").find(|chapter| chapter.starts_with("When a server refuses\n")).unwrap();
    let rows = chapter.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [who, says, recipient, mailing, rests] = cells.as_slice() else { panic!("{line}") };
        let who = who.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let says = says.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (who, says, [recipient, mailing, rests].map(|cell| (*cell).to_owned()))
    };
    rows.map(row).collect()
}

#[test]
fn readme_says_what_becomes_of_each_kind_of_refusal() {
    let table = readme_table();
    assert!(table.len() >= 20, "{} rows", table.len());
    let mut kinds = std::collections::HashSet::new();
    // What resolvers deny is no reply.
    let (denied, replies): (Vec<_>, Vec<_>) = table.iter().partition(|(who, ..)| who[0] == "resolver");
    assert!(denied.len() >= 4);
    for (who, says, becomes) in replies {
        let (hop, phases) = who.split_first().unwrap();
        let hop = match hop.as_str() {
            "smarthost" => NextHop::Smarthost,
            "exchanger" => NextHop::Exchanger,
            "provider" => NextHop::Provider,
            other => panic!("{other} is nobody"),
        };
        assert!(!phases.is_empty() && !says.is_empty(), "{who:?}: {says:?}");
        for (phase, reply) in phases.iter().flat_map(|phase| says.iter().map(move |reply| (phase, reply))) {
            let phase = match phase.as_str() {
                "session" => Phase::Session,
                "MAIL" => Phase::Mail,
                "RCPT" => Phase::Rcpt,
                "content" => Phase::Content,
                other => panic!("{other} is no phase"),
            };
            let judged = judge(reply, phase, hop);
            assert_eq!(judged.words().map(str::to_owned), *becomes, "{hop:?} at {phase:?}: {reply}");
            kinds.extend(judged.refusal.map(|(refusal, _)| refusal));
        }
    }
    for refusal in Refusal::ALL {
        assert!(kinds.contains(&refusal), "no example of {refusal:?}");
    }
}

proptest! {
    #[test]
    fn before_anybody_is_named_only_the_message_is_judged(
        code in 500u16..600, s in 0u16..10, d in 0u16..700, text in any::<Vec<u8>>(), has in any::<bool>(),
    ) {
        let enhanced = has.then_some(Enhanced::new(5, s, d));
        let is_message = code == 552 || has && matches!((s, d), (3, 4) | (2, 3) | (6, _));
        for phase in [Phase::Session, Phase::Mail] {
            for hop in [NextHop::Smarthost, NextHop::Exchanger, NextHop::Provider] {
                let judged = classify(ReplyRef { code, enhanced, text: &text }, phase, hop);
                prop_assert!(judged.disposition == Disposition::Deferred || phase == Phase::Mail && is_message);
            }
        }
    }

    #[test]
    fn the_class_decides(code in 200u16..600, s in 0u16..10, d in 0u16..700, text in any::<Vec<u8>>(), has in any::<bool>()) {
        let enhanced = has.then_some(Enhanced::new((code / 100) as u8, s, d));
        for phase in [Phase::Session, Phase::Mail, Phase::Rcpt, Phase::Content] {
            for hop in [NextHop::Smarthost, NextHop::Exchanger, NextHop::Provider] {
                let judgement = classify(ReplyRef { code, enhanced, text: &text }, phase, hop);
                match code / 100 {
                    2 => prop_assert_eq!(judgement.disposition, Disposition::Delivered),
                    5 => prop_assert_ne!(judgement.disposition, Disposition::Delivered),
                    _ => prop_assert_eq!(judgement.disposition, Disposition::Deferred),
                }
            }
        }
    }
}
