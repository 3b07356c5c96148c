//! What tells a refusal of us: one table, asked from the top; the first rule that holds tells.
//!
//! Guarantees: a rule that names recipients' own matters ends the search, so that no word of a text makes a refusal of us
//! of `5.1.1 user unknown`. Leaves to others: what follows from a refusal (`refusal`).

use super::Phase;
use super::refusal::{NextHop, Refusal};
use crate::mail::words::Words;
use crate::mail::{Class, ReplyRef};

/// Who has to say it for a rule to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Anybody,
    Smarthost,
    Exchanger,
}

/// In answer to what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Any,
    /// Before MAIL.
    Opening,
    Mail,
    /// From RCPT on.
    Recipients,
}

/// Everything that is given has to hold.
struct Rule {
    /// `None`: the reply is about the recipient, or about the message, and no rule below is asked.
    tells: Option<Refusal>,
    by: By,
    at: At,
    class: Option<Class>,
    /// One of these codes.
    codes: &'static [u16],
    /// One of these subjects and details.
    enhanced: &'static [(u16, u16)],
    /// One word of each; words stand between bars.
    words: &'static [&'static str],
    /// None of these.
    without: &'static str,
}

const ANY: Rule =
    Rule { tells: None, by: By::Anybody, at: At::Any, class: None, codes: &[], enhanced: &[], words: &[], without: "" };

const fn tells(refusal: Refusal) -> Rule {
    Rule { tells: Some(refusal), ..ANY }
}

const fn smarthost(refusal: Refusal) -> Rule {
    Rule { by: By::Smarthost, ..tells(refusal) }
}

/// By 5yz only: the same words in a 4yz are about now.
const fn lasting(refusal: Refusal) -> Rule {
    Rule { class: Some(Class::Permanent), ..tells(refusal) }
}

const BLOCKED: &str = "blocked|block list|blocklist|blacklist|black list|denylist|banned|listed";
const RELAY: &str = "relay denied|relay access denied|relaying denied|relay not|relaying not|not relay|relay is not|relaying is not|\
    relaying disallowed|relay prohibited|relaying prohibited|relay rejected|relaying rejected|relay refused|relaying refused|\
    relay forbidden|cannot relay|can't relay|unable to relay|permitted to relay|allowed to relay|authorized to relay|\
    permission to relay|no relay|no relaying|refusing to relay|relay attempt|relaying mail to|relaying to|rcpthosts|\
    allowed to be relayed|allowed relay clients|credentials for relay|delivery not authorized";
/// What says that there is no such recipient.
const UNKNOWN: &str = "user unknown|unknown user|no such user|no mailbox|no such recipient|unknown recipient|recipient not found|\
    no such mailbox|does not exist|unknown in";
/// What is about whom the mail is for, although it speaks of senders.
const ABOUT_RECIPIENT: &str =
    "recipient|recipients|rcpt|this group|distribution|mailing list|to this user|to this address|deliver to";

const RULES: &[Rule] = &[
    // The sender, in words that leave no doubt whatever code stands before them.
    Rule {
        words: &[
            "sender address rejected|sender verify failed|sender domain must|domain of sender|required for sender|badmailfrom",
        ],
        ..tells(Refusal::Sender)
    },
    Rule {
        by: By::Smarthost,
        words: &["sender blocked|sender is blocked|sender is blacklisted|sender blacklisted|sender rejected"],
        ..lasting(Refusal::Sender)
    },
    // What a smarthost says in the code of an unknown recipient, and means us by.
    Rule { words: &[RELAY], without: UNKNOWN, ..smarthost(Refusal::Relay) },
    Rule {
        words: &[
            "sender mailbox over quota|sender over quota|sender is over quota|sender's mailbox|recipientratelimit",
        ],
        ..smarthost(Refusal::Account)
    },
    // Exchange: what an account or a tenant may send in a day.
    Rule { enhanced: &[(1, 90), (7, 232), (7, 233)], ..smarthost(Refusal::Account) },
    // The recipient.
    Rule { at: At::Recipients, enhanced: &[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 10)], ..ANY },
    Rule { at: At::Recipients, enhanced: &[(2, 1), (2, 2), (2, 3), (2, 4)], ..ANY },
    Rule {
        at: At::Recipients,
        words: &[
            "user unknown|unknown user|no such user|no mailbox|no such recipient|unknown recipient|recipient not found|no such mailbox",
        ],
        ..ANY
    },
    Rule { words: &["recipient address rejected"], ..ANY },
    // Exchange: closed groups and mailboxes.
    Rule { enhanced: &[(7, 129), (7, 133), (7, 134), (7, 135), (7, 136)], ..ANY },
    // Our account at a smarthost, which may be suspended or have sent what it may.
    Rule {
        class: Some(Class::Permanent),
        codes: &[525, 535, 550, 551, 553, 554, 571],
        words: &[
            "sending|submission|outbound|outgoing|daily|hourly|monthly|messages|emails|message|credits",
            "quota|quotas|limit|limits|credits|allowance|max|maximum",
            "exceed|reached|used up|over|exhausted",
        ],
        without: "recipient|recipients|mailbox|size|too large|rate|connection|connections|concurrent|hop|hops|headers|attachment|lines",
        ..smarthost(Refusal::Account)
    },
    Rule {
        class: Some(Class::Transient),
        codes: &[450, 451, 452, 454],
        words: &[
            "daily|hourly|monthly|per day|per hour|per month|credits",
            "quota|quotas|limit|limits|credits|allowance|max|maximum",
            "exceed|reached|used up|over|exhausted",
        ],
        without: "recipient|mailbox|size|rate|connection|concurrent",
        ..smarthost(Refusal::Account)
    },
    Rule {
        words: &[
            "insufficient credit|insufficient credits|insufficient balance|insufficient funds|not enough credits|no credits|\
             out of credits|license expired|license has expired|licence expired|licence has expired|subscription expired|\
             subscription has expired|messages sent today|emails sent today|sent too many|sandbox subdomains",
        ],
        ..smarthost(Refusal::Account)
    },
    Rule {
        class: Some(Class::Permanent),
        words: &[
            "your account|this account|sending|outgoing mail|outgoing messages|outbound mail",
            "paused|sandbox|blocked|stopped|restricted|disabled",
        ],
        without: "recipient|that you tried to reach|mailbox|ip|ip address|host|server|domain|domains",
        ..smarthost(Refusal::Account)
    },
    Rule {
        words: &[
            "account|sending|tenant|smtp access",
            "suspend|disabled|deactivated|locked|not activated|not yet activated|terminated|on hold",
        ],
        without: "recipient|that you tried to reach|mailbox",
        ..smarthost(Refusal::Account)
    },
    Rule {
        class: Some(Class::Permanent),
        codes: &[550, 551, 553, 554, 571],
        words: &["quota", "exceed|reached|over|used up"],
        without: "mailbox|recipient|storage|space|size|user",
        ..smarthost(Refusal::Account)
    },
    // Office 365: banned senders, tenants over their threshold.
    Rule { enhanced: &[(7, 501), (7, 502), (7, 503), (7, 705), (7, 708), (7, 750)], ..smarthost(Refusal::Account) },
    Rule {
        by: By::Exchanger,
        enhanced: &[(7, 501), (7, 502), (7, 503), (7, 705), (7, 708), (7, 750)],
        ..lasting(Refusal::Reputation)
    },
    Rule { at: At::Recipients, enhanced: &[(2, 0)], ..ANY },
    // RFC 3207 §4, and who wants a client's certificate.
    Rule {
        codes: &[454, 503, 523, 530, 538, 550, 554],
        words: &[
            "starttls|encryption|tls required|tls is required|require tls|requires tls|client certificate|without tls|use tls|\
             need tls|secure connection",
        ],
        ..tells(Refusal::Tls)
    },
    Rule { enhanced: &[(7, 10)], codes: &[523, 530, 550, 554], ..tells(Refusal::Tls) },
    // RFC 7372, and what large providers made of it.
    Rule {
        enhanced: &[(7, 23), (7, 26), (7, 27), (7, 30), (7, 31), (7, 32), (7, 40), (7, 509), (7, 515)],
        ..tells(Refusal::Authentication)
    },
    // RFC 4954 §6.
    Rule { codes: &[432, 525, 530, 534, 535, 538], ..tells(Refusal::Login) },
    Rule {
        words: &[
            "authentication required|authentication is required|authentication needed|must authenticate|authenticate first|\
            not authenticated|not logged in|log in first|login first|unauthenticated|smtp auth|unauthorized ip|auth required|\
            need to authenticate|pop before smtp|auth first|auth command first|authentication first|must be authenticated|\
            requires authentication|please authenticate|authenticate before",
        ],
        without: "spf|dkim|dmarc",
        ..smarthost(Refusal::Login)
    },
    // A command that is not wanted before another one.
    Rule {
        codes: &[500, 502, 503, 505],
        words: &["auth|authenticate|authenticated|authentication|login|log in|logged in"],
        without: "already",
        ..smarthost(Refusal::Login)
    },
    // Relaying: ours if a smarthost says so, the domain's if its own exchanger does.
    Rule { enhanced: &[(7, 54)], ..smarthost(Refusal::Relay) },
    // Amazon: what the user of the login may do.
    Rule { words: &["not authorized to perform"], ..smarthost(Refusal::Relay) },
    Rule { by: By::Exchanger, at: At::Recipients, words: &[RELAY], ..ANY },
    // Who we say we are.
    Rule {
        codes: &[450, 451, 500, 501, 504, 521, 550, 552, 553, 554, 571],
        words: &[
            "helo|ehlo",
            "rejected|invalid|fully-qualified|fully qualified|fqdn|bad|bogus|forged|syntactically|resolve|hostname|name|argument|\
             domain|not|access denied",
        ],
        without: "send helo|polite|say helo|say ehlo|not implemented",
        ..tells(Refusal::Name)
    },
    Rule {
        codes: &[450, 501, 504, 550, 553, 554],
        words: &[
            "fully-qualified hostname|fully qualified hostname|fully-qualified host name|fully qualified domain name",
        ],
        without: "sender",
        ..tells(Refusal::Name)
    },
    Rule { at: At::Opening, codes: &[504], ..tells(Refusal::Name) },
    Rule { enhanced: &[(7, 25)], ..tells(Refusal::ReverseName) },
    Rule {
        words: &["reverse dns|rdns|ptr|reverse lookup|reverse hostname|reverse host name|reverse mapping|no reverse|\
            cannot find your hostname|cannot find your reverse|reverse record|fcrdns"],
        ..tells(Refusal::ReverseName)
    },
    // Our address, in words that speak of senders: Office 365, Outlook.com, Yahoo, Gmail, Apple.
    Rule {
        enhanced: &[(7, 511), (7, 606), (7, 607), (7, 608), (7, 609), (7, 610), (7, 649)],
        ..lasting(Refusal::Reputation)
    },
    Rule {
        words: &["ou-002|[tss09]|[bl01]|ip you're using|banned sending ip|traffic not accepted from this ip"],
        ..lasting(Refusal::Reputation)
    },
    // Who we say the sender is.
    Rule { enhanced: &[(7, 20), (7, 21), (7, 22), (7, 24)], ..lasting(Refusal::Authentication) },
    Rule {
        words: &[
            "spf|dkim|dmarc",
            "fail|failed|failure|softfail|not pass|does not designate|policy|missing|required|invalid|violat|not permitted|\
             not authorized|no spf|reject|rejected|unauthenticated",
        ],
        ..lasting(Refusal::Authentication)
    },
    Rule { enhanced: &[(1, 7), (1, 8)], ..tells(Refusal::Sender) },
    Rule { at: At::Mail, enhanced: &[(1, 0), (1, 1), (1, 2), (1, 3), (1, 9)], ..lasting(Refusal::Sender) },
    Rule {
        codes: &[501, 505, 517, 550, 551, 552, 553, 554, 571],
        words: &[
            "sender|sender's|sending domain|mail from|from address|from header|return path|return-path|envelope from|reverse-path|\
             originator|not owned by|address is not verified|not allowed to send|not authorized to send|not permitted to send",
            "not|no|denied|rejected|refused|must|invalid|unknown|bad|disallowed|forbidden|does not exist|unverified|mismatch|spoof|\
             cannot|unable",
        ],
        without: ABOUT_RECIPIENT,
        ..lasting(Refusal::Sender)
    },
    // What is in the content, before where it came from: both lists are Spamhaus'.
    Rule {
        words: &[
            "dbl|dbl.spamhaus|surbl|multi.surbl|uribl|multi.uribl|ivmuri|query/dbl|query/domain|blocked url|blacklisted url|\
            url blacklist|url block|uri block|uri blacklist|domain block list|listed url|listed domain|domain is listed",
        ],
        ..tells(Refusal::ListedContent)
    },
    // A list that answers an error to the site's own resolver lists nobody.
    Rule { words: &["127.255.255|open resolver|public resolver"], ..tells(Refusal::Reputation) },
    Rule {
        words: &[
            "zen.spamhaus|spamhaus.org|barracudacentral|spamcop.net|dnsbl|rbl|rbls|s3140|s3150|sc-001|ou-001|dy-001|[bl21]|[bl23]",
        ],
        ..tells(Refusal::ListedAddress)
    },
    Rule {
        words: &[
            "zen|sbl|pbl|xbl|spamhaus|barracuda|spamcop|ivmsip|invaluement|uceprotect|sorbs|psbl|mailspike|abusix|hostkarma|nixspam|\
             spamrats",
            "blocked|block list|blocklist|blacklist|listed|using|reputation|see|http|https|client host|ip",
        ],
        ..tells(Refusal::ListedAddress)
    },
    Rule {
        words: &[
            BLOCKED,
            "ip|client host|your host|host|network|mail server|your server|sending server|address [|connect from",
        ],
        ..lasting(Refusal::Reputation)
    },
    Rule { words: &["reputation|client host rejected|blocked for abuse|rblmx"], ..lasting(Refusal::Reputation) },
    // Yahoo, which gives no other reason.
    Rule {
        by: By::Exchanger,
        at: At::Recipients,
        enhanced: &[(7, 9)],
        words: &["policy reasons"],
        ..lasting(Refusal::Unwelcome)
    },
    // A limit of the message is no refusal of us…
    Rule { at: At::Recipients, codes: &[552, 555], ..ANY },
    Rule { at: At::Mail, enhanced: &[(3, 4), (2, 3), (6, 0), (6, 1), (6, 3), (6, 5), (6, 7)], ..ANY },
    Rule {
        at: At::Mail,
        codes: &[552],
        words: &["size|too large|too big|too long|larger than|message exceeds|storage allocation"],
        ..ANY
    },
    // RFC 7504: the host takes no mail, which is said at its greeting; behind EHLO it means us.
    Rule { by: By::Exchanger, at: At::Mail, codes: &[521, 556], ..tells(Refusal::Unwelcome) },
    // …and neither is a word of the protocol, unless it is said to whoever has nowhere else to go.
    Rule { by: By::Exchanger, at: At::Mail, enhanced: &[(5, 0), (5, 1), (5, 2), (5, 4)], ..ANY },
    Rule { by: By::Exchanger, at: At::Mail, codes: &[500, 502, 503, 555], ..ANY },
    // Nobody was named yet: whatever is refused here, it is us.
    Rule { at: At::Opening, class: Some(Class::Permanent), ..smarthost(Refusal::Unwelcome) },
    Rule { at: At::Mail, class: Some(Class::Permanent), ..smarthost(Refusal::Unwelcome) },
    Rule { by: By::Exchanger, at: At::Mail, ..lasting(Refusal::Sender) },
];

impl Rule {
    fn holds(&self, reply: ReplyRef<'_>, phase: Phase, hop: NextHop, words: &Words) -> bool {
        let by = match self.by {
            By::Anybody => true,
            By::Smarthost => hop == NextHop::Smarthost,
            By::Exchanger => hop != NextHop::Smarthost,
        };
        let at = match self.at {
            At::Any => true,
            At::Opening => phase == Phase::Session,
            At::Mail => phase == Phase::Mail,
            At::Recipients => matches!(phase, Phase::Rcpt | Phase::Content),
        };
        let subject = reply.enhanced.map(|e| (e.subject, e.detail));
        by && at
            && self.class.is_none_or(|class| class == reply.class())
            && (self.codes.is_empty() || self.codes.contains(&reply.code))
            && (self.enhanced.is_empty() || subject.is_some_and(|subject| self.enhanced.contains(&subject)))
            && self.words.iter().all(|any| words.has_one(any))
            && !words.has_one(self.without)
    }
}

/// What of us is refused by this reply to `phase`, if it is not about somebody else.
pub(super) fn refusal(reply: ReplyRef<'_>, phase: Phase, hop: NextHop, words: &Words) -> Option<Refusal> {
    RULES.iter().find(|rule| rule.holds(reply, phase, hop, words)).and_then(|rule| rule.tells)
}
