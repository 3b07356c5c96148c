//! Refusals of us: replies that turn the sender away, whoever the recipient is, and what becomes of recipient, mailing
//! and source after them.
//!
//! A refusal of us is never a bounce. What it stops depends on who says it. A smarthost's word is about everything that
//! would go through it: the mailing is held. One site's word is about that site: it rests and its recipients wait, until
//! several sites say the same ([`SITES_MIN`] of them, and [`SHARE_MIN`] of all that have answered). Large providers are
//! believed at once where they say what each of them will say: that the sender's domain does not exist or does not prove
//! itself.
//! Leaves to others: what they are told by (`rules`), counting sites and holding the mailing (`engine`).

use super::Cause;
use crate::mail::{Class, Scope};
use std::time::Duration;

/// So many sites have to refuse us for the same reason before the mailing is held.
pub const SITES_MIN: u32 = 3;
/// And they have to be this share of the sites that have answered, in per cent: some odd site is in every list.
pub const SHARE_MIN: u32 = 10;
/// A smarthost refuses so many recipients in a row, and takes none between, before that is no longer about them.
pub const ROW_MAX: usize = 3;

/// How long a site rests that does not want us.
const REST: Duration = Duration::from_secs(15 * 60);
/// How long a source rests at a site that says that its address is on a block list.
pub const LISTED_REST: Duration = Duration::from_secs(2 * 3600);
/// How long a smarthost rests that does not want us for now.
const SMARTHOST_REST: Duration = Duration::from_secs(60);

/// Who replied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// An exchanger of the recipient's domain.
    Exchanger,
    /// One of a large provider: what it says of us is not its own matter.
    Provider,
    /// The server that takes everything.
    Smarthost,
}

/// What the names of large providers' exchangers end in.
const PROVIDERS: &[&str] = &[
    "google.com",
    "googlemail.com",
    "protection.outlook.com",
    "mx.microsoft",
    "yahoodns.net",
    "mail.icloud.com",
    "comcast.net",
    "gmx.net",
    "web.de",
    "orange.fr",
    "qq.com",
    "netease.com",
];

impl NextHop {
    /// The exchanger of this name.
    #[must_use]
    pub fn exchanger(host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
        let ends_in = |name: &&str| {
            let from = host.len().checked_sub(name.len());
            let ends =
                from.and_then(|from| host.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()));
            ends && (host.len() == name.len() || from.and_then(|from| host.get(from.wrapping_sub(1))) == Some(&b'.'))
        };
        if PROVIDERS.iter().any(ends_in) { Self::Provider } else { Self::Exchanger }
    }
}

/// What of us is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// We have to log in, or our credentials are not taken.
    Login,
    /// We have to use TLS, or show a certificate.
    Tls,
    /// We may not send through this server.
    Relay,
    /// The name that we say in EHLO.
    Name,
    /// The name that our address has in DNS.
    ReverseName,
    /// Our reverse-path, or its domain.
    Sender,
    /// Our account there: suspended, or it has sent what it may.
    Account,
    /// The sender's domain does not prove itself: SPF, DKIM, DMARC.
    Authentication,
    /// A domain in the content is on a block list.
    ListedContent,
    /// Our address is on a block list.
    ListedAddress,
    /// Our address has a bad name there.
    Reputation,
    /// All of us, without a reason that we know.
    Unwelcome,
}

/// What a refusal does to the mailing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mailing {
    /// Nothing.
    GoesOn,
    /// Nothing more begins until the command is run again.
    Held,
    /// The same, once several sites say it.
    HeldBySeveral,
    /// The same, once a smarthost has said it again and again.
    HeldIfItLasts,
    /// The same, once no source is left.
    HeldWithoutSource,
    /// The same, while a smarthost takes nobody.
    HeldByAll,
}

impl Mailing {
    /// The words of README's table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::GoesOn => "goes on",
            Self::Held => "held",
            Self::HeldBySeveral => "held if several sites say so",
            Self::HeldIfItLasts => "held if it lasts",
            Self::HeldWithoutSource => "held if no source is left",
            Self::HeldByAll => "held if nobody is taken",
        }
    }
}

/// What rests for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rests {
    /// Nothing.
    Nothing,
    /// The site, from all sources.
    Site,
    /// The source: at that site, and everywhere once several sites say it; without another source, the mailing is held.
    Source,
}

/// What becomes of everything after a refusal of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Consequence {
    /// The mailing.
    pub mailing: Mailing,
    /// The site or the source.
    pub rests: Rests,
    /// For how long.
    pub rest: Duration,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 12] = [
        Self::Login,
        Self::Tls,
        Self::Relay,
        Self::Name,
        Self::ReverseName,
        Self::Sender,
        Self::Account,
        Self::Authentication,
        Self::ListedContent,
        Self::ListedAddress,
        Self::Reputation,
        Self::Unwelcome,
    ];

    /// The word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Tls => "tls",
            Self::Relay => "relay",
            Self::Name => "name",
            Self::ReverseName => "reverse_name",
            Self::Sender => "sender",
            Self::Account => "account",
            Self::Authentication => "authentication",
            Self::ListedContent => "listed_content",
            Self::ListedAddress => "listed_address",
            Self::Reputation => "reputation",
            Self::Unwelcome => "unwelcome",
        }
    }

    /// What is refused, as a clause: "mx.example does not …".
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            Self::Login => "does not take our login",
            Self::Tls => "wants TLS that the session does not have",
            Self::Relay => "does not relay for us",
            Self::Name => "does not take our EHLO name",
            Self::ReverseName => "does not take an address whose name in DNS does not lead back to it",
            Self::Sender => "does not take our sender address",
            Self::Account => "does not take more from our account",
            Self::Authentication => "does not take mail of a domain that does not prove itself (SPF, DKIM, DMARC)",
            Self::ListedContent => "does not take the content: a domain in it is on a block list",
            Self::ListedAddress => "does not take mail from our address: it is on a block list",
            Self::Reputation => "does not take mail from our address",
            Self::Unwelcome => "turns us away",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Login => {
                "give [smarthost] user and password_file as the server expects them, or have it trust this address"
            }
            Self::Tls => {
                "let delivery.tls be \"opportunistic\" or \"required\", and give tls.certificate where one is asked for"
            }
            Self::Relay => "have the server relay for this address, or log in with [smarthost] user and password_file",
            Self::Name => "set engine.hostname, or ehlo of the [[source]], to this machine's name in DNS",
            Self::ReverseName => {
                "give the sending address a PTR record, and its name an address record that leads back"
            }
            Self::Sender => {
                "send from an address whose domain exists and that this server lets us use: from, return_path of the campaign"
            }
            Self::Account => "ask the provider of the account, or go on when its limit has passed",
            Self::Authentication => {
                "publish SPF, DKIM and DMARC records of the sender's domain that cover this server, and sign with [[dkim]]"
            }
            Self::ListedContent => "take the listed domain out of the content, or have it taken off the list",
            Self::ListedAddress => "have the address taken off the list, or send from another [[source]]",
            Self::Reputation => "ask the postmaster of that server, or send from another [[source]]",
            Self::Unwelcome => "ask the operator of that server",
        }
    }

    /// What causes it, for the pace.
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::ListedAddress | Self::Reputation | Self::ReverseName => Cause::Reputation,
            Self::ListedContent => Cause::Content,
            Self::Account => Cause::Volume,
            Self::Unwelcome => Cause::Unclassified,
            _ => Cause::Sender,
        }
    }

    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Name | Self::ReverseName | Self::ListedAddress | Self::Reputation => Scope::Source,
            Self::ListedContent => Scope::Transaction,
            _ => Scope::Site,
        }
    }

    /// What follows from it.
    #[must_use]
    pub fn consequence(self, class: Class, hop: NextHop) -> Consequence {
        use Mailing::{GoesOn, Held, HeldBySeveral, HeldIfItLasts, HeldWithoutSource};
        // A server that is set up not to take us says so by 4yz too (Postfix: 454 4.7.1 Relay access denied).
        let lasts = class == Class::Permanent || matches!(self, Self::Tls | Self::Relay | Self::Name | Self::Account);
        let (mailing, rests) = match (hop, self) {
            (NextHop::Smarthost, Self::ListedAddress) => (HeldWithoutSource, Rests::Source),
            (NextHop::Smarthost, _) if lasts => (Held, Rests::Nothing),
            (NextHop::Smarthost, _) => (HeldIfItLasts, Rests::Site),
            (NextHop::Provider, Self::Sender | Self::Authentication | Self::ReverseName) => (Held, Rests::Site),
            (_, Self::ListedAddress) => (HeldBySeveral, Rests::Source),
            // What a block list says of an address others read too; what a site thinks of it, it thinks alone.
            (_, Self::Reputation) => (GoesOn, Rests::Source),
            (_, Self::Login | Self::Relay | Self::Account) => (GoesOn, Rests::Site),
            _ => (HeldBySeveral, Rests::Site),
        };
        let rest = match (hop, rests) {
            (_, Rests::Source) => LISTED_REST,
            (NextHop::Smarthost, _) => SMARTHOST_REST,
            _ => REST,
        };
        Consequence { mailing, rests, rest }
    }
}
