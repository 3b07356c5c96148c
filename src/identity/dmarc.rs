//! DMARC (RFC 7489): what a domain wants to become of mail that is not proven to be its own.
//!
//! Guarantees: a record that receivers pass over is an error with its reason; tags that nobody knows are passed over, as RFC
//! 7489 §6.3 has it, and named. Leaves to others: whether mail is aligned ([`are_aligned`](super::are_aligned)).

use super::domain::organisation_of;
use super::facts::{Facts, Lack};
use crate::mail::tag_list::Tags;

const VERSION: &str = "DMARC1";
/// The tags of RFC 7489 §6.3, and of the drafts that follow it.
const KNOWN: [&str; 14] = ["v", "p", "sp", "np", "adkim", "aspf", "rua", "ruf", "fo", "pct", "rf", "ri", "psd", "t"];

/// What is to become of mail that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing: reports only.
    None,
    /// It is to be looked at with suspicion.
    Quarantine,
    /// It is to be refused.
    Reject,
}

impl Policy {
    /// As records write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject].into_iter().find(|policy| text.eq_ignore_ascii_case(policy.word()))
    }
}

/// Where reports go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As it is written.
    pub uri: String,
    /// The domain of a `mailto:` address, in lower case; `None`: it is none.
    pub domain: Option<String>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dmarc {
    /// For the domain, and for those below it unless `subdomains` says else.
    pub policy: Policy,
    /// Why that is none though the record does not say so: it says nothing that is known, and where reports go (RFC 7489 §6.6.3).
    pub assumed: Option<DmarcError>,
    /// For those below it.
    pub subdomains: Option<Policy>,
    /// Whether the signing domain must be the From domain itself.
    pub strict_dkim: bool,
    /// Whether the reverse-path's domain must be the From domain itself.
    pub strict_spf: bool,
    /// Where aggregate reports go.
    pub reports: Vec<Report>,
    /// The share of mail that the policy is for, in percent.
    pub percent: u8,
    /// Tags that receivers pass over: unknown ones, and those with a value that means nothing.
    pub ignored: Vec<String>,
}

/// Why receivers pass a record over: a half sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DmarcError {
    /// It is no tag list.
    #[error("{0}")]
    Tags(#[from] crate::mail::tag_list::TagError),
    /// It does not begin with the version (RFC 7489 §6.3: "It MUST be the first tag").
    #[error("it does not begin with `v=DMARC1;`")]
    Version,
    /// There is no policy.
    #[error("it has no p=")]
    NoPolicy,
    /// The policy is none that there is.
    #[error("its p= is `{0}`, and can be none, quarantine or reject")]
    Policy(String),
}

/// What stands where a domain's record is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing. Texts that were meant to be one, if there are any.
    Nothing(Vec<String>),
    /// Several: receivers use none of them (RFC 7489 §6.6.3).
    Several(String, usize),
    /// One, and what it says.
    One {
        /// The name at which it stands.
        name: String,
        /// As it stands there.
        text: String,
        /// Whether it is the organisation's, and the domain is another one.
        is_above: bool,
        /// What it says.
        says: Result<Dmarc, DmarcError>,
    },
}

impl Dmarc {
    /// Reads a record.
    ///
    /// # Errors
    /// [`DmarcError`].
    pub fn read(text: &str) -> Result<Self, DmarcError> {
        let tags = Tags::read(text)?;
        if tags.first() != Some(("v", VERSION)) {
            return Err(DmarcError::Version);
        }
        let reports = tags.get("rua").map(reports).unwrap_or_default();
        let policy = tags.get("p").ok_or(DmarcError::NoPolicy);
        let policy = policy.and_then(|p| Policy::of(p).ok_or_else(|| DmarcError::Policy(p.to_owned())));
        let (policy, assumed) = match policy {
            Ok(policy) => (policy, None),
            Err(why) if reports.iter().any(|report| report.domain.is_some()) => (Policy::None, Some(why)),
            Err(why) => return Err(why),
        };
        let mut ignored: Vec<String> =
            tags.names().filter(|name| !KNOWN.contains(name)).map(|name| format!("{name}=")).collect();
        let mut ignore = |name: &str, value: &str| ignored.push(format!("{name}={value}"));
        let subdomains = tags.get("sp").and_then(|value| {
            let policy = Policy::of(value);
            if policy.is_none() {
                ignore("sp", value);
            }
            policy
        });
        let mut is_strict = |name| match tags.get(name) {
            Some("s" | "S") => true,
            None | Some("r" | "R") => false,
            Some(value) => {
                ignore(name, value);
                false
            }
        };
        let (strict_dkim, strict_spf) = (is_strict("adkim"), is_strict("aspf"));
        let percent = match tags.get("pct") {
            None => 100,
            Some(value) => value.parse().ok().filter(|percent| *percent <= 100).unwrap_or_else(|| {
                ignore("pct", value);
                100
            }),
        };
        Ok(Self { policy, assumed, subdomains, strict_dkim, strict_spf, reports, percent, ignored })
    }

    /// What is asked for mail from a domain below the one that has the record.
    #[must_use]
    pub fn below(&self) -> Policy {
        self.subdomains.unwrap_or(self.policy)
    }
}

fn reports(value: &str) -> Vec<Report> {
    let report = |uri: &str| {
        let address = uri.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto:"));
        // RFC 7489 §6.2: a size may stand behind an exclamation mark.
        let domain = address.and_then(|(_, address)| address.split(['!', '?']).next()?.rsplit_once('@'));
        let domain = domain.filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
        Report { uri: uri.to_owned(), domain: domain.map(|(_, domain)| domain.to_ascii_lowercase()) }
    };
    value.split(',').map(str::trim).filter(|uri| !uri.is_empty()).map(report).collect()
}

/// Whether a text is a DMARC record for receivers (RFC 7489 §6.6.3: others are "discarded").
#[must_use]
pub fn is_policy(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix('v').map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
    let value = rest.map(|rest| rest.split(';').next().unwrap_or_default().trim());
    value == Some(VERSION)
}

/// Whether a text is none, and was meant to be one.
#[must_use]
pub fn reads_as_policy(text: &str) -> bool {
    !is_policy(text) && text.to_ascii_lowercase().replace(' ', "").contains("v=dmarc")
}

/// The record that is for mail from `domain`: its own, else its organisation's (RFC 7489 §6.6.3).
///
/// # Errors
/// [`Lack`].
pub fn discover(facts: &Facts, domain: &str) -> Result<Found, Lack> {
    let mut meant = Vec::new();
    let organisation = organisation_of(domain).filter(|organisation| *organisation != domain);
    // Both are left open at once.
    let places = [Some(domain), organisation].map(|place| place.map(|place| format!("_dmarc.{place}")));
    let looked = places.each_ref().map(|name| name.as_ref().map(|name| facts.texts(name)));
    for (number, (name, texts)) in places.iter().zip(looked).enumerate() {
        let (Some(name), Some(texts)) = (name, texts) else { continue };
        let texts = texts?;
        let records: Vec<&str> = texts.iter().copied().filter(|text| is_policy(text)).collect();
        meant.extend(texts.iter().filter(|text| reads_as_policy(text)).map(|text| format!("{name}: {text}")));
        match records.as_slice() {
            [] => {}
            [text] => {
                let (name, text, says) = (name.clone(), (*text).to_owned(), Dmarc::read(text));
                return Ok(Found::One { name, text, is_above: number > 0, says });
            }
            several => return Ok(Found::Several(name.clone(), several.len())),
        }
    }
    Ok(Found::Nothing(meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_policy_that_says_where_reports_go_asks_for_none() {
        for (text, why) in [
            ("v=DMARC1; rua=mailto:d@acme.example", DmarcError::NoPolicy),
            ("v=DMARC1; p=block; rua=mailto:d@acme.example", DmarcError::Policy("block".into())),
        ] {
            let read = Dmarc::read(text).unwrap();
            assert_eq!((read.policy, read.assumed, read.reports.len()), (Policy::None, Some(why), 1), "{text}");
        }
    }

    #[test]
    fn records_are_read_with_their_defaults() {
        let read = Dmarc::read(
            "v=DMARC1; p=Reject; sp=quarantine; adkim=s; rua=mailto:a@acme.example!10m, mailto:b@B.example; pct=50;",
        )
        .unwrap();
        assert_eq!((read.policy, read.below()), (Policy::Reject, Policy::Quarantine));
        assert_eq!((read.strict_dkim, read.strict_spf, read.percent), (true, false, 50));
        let domains: Vec<_> = read.reports.iter().map(|report| report.domain.as_deref()).collect();
        assert_eq!(domains, [Some("acme.example"), Some("b.example")]);
        assert!(read.ignored.is_empty());
        let least = Dmarc::read("v=DMARC1;p=none").unwrap();
        assert_eq!((least.below(), least.percent, least.reports.len()), (Policy::None, 100, 0));
    }

    #[test]
    fn what_receivers_pass_over_is_named() {
        let read = Dmarc::read(
            "v=DMARC1; p=none; adkim=x; aspf=strict; pct=101; sp=no; rau=mailto:a@b.example; rua=a@b.example",
        )
        .unwrap();
        assert_eq!(read.ignored, ["rau=", "sp=no", "adkim=x", "aspf=strict", "pct=101"]);
        assert_eq!(read.reports[0].domain, None);
        for (text, error) in [
            ("v=DMARC1", DmarcError::NoPolicy),
            ("v=DMARC1; sp=none", DmarcError::NoPolicy),
            ("v=DMARC1; p=monitor", DmarcError::Policy("monitor".into())),
            ("v=DMARC1; p=monitor; rua=https://acme.example", DmarcError::Policy("monitor".into())),
            ("p=none; v=DMARC1", DmarcError::Version),
        ] {
            assert_eq!(Dmarc::read(text), Err(error), "{text}");
        }
        assert!(matches!(Dmarc::read("v=DMARC1; p=none; p=reject"), Err(DmarcError::Tags(_))));
        assert!(matches!(Dmarc::read("v=DMARC1 p=none"), Err(DmarcError::Version)));
    }

    #[test]
    fn a_policy_is_the_domains_own_or_its_organisations() {
        let mut facts = Facts::of(
            "_dmarc.acme.example TXT v=DMARC1; p=reject
             _dmarc.own.acme.example TXT v=DMARC1; p=none
             _dmarc.two.example TXT v=DMARC1; p=none
             _dmarc.two.example TXT v=DMARC1; p=reject
             _dmarc.off.example TXT V=DMARC1; p=none
             _dmarc.bad.example TXT v=DMARC1; q=none
             _dmarc.silent.example TXT ? SERVFAIL",
        );
        let mut found = |domain: &str| facts.judged(|facts| discover(facts, domain));
        for (domain, name, above) in [
            ("acme.example", "_dmarc.acme.example", false),
            ("news.acme.example", "_dmarc.acme.example", true),
            ("own.acme.example", "_dmarc.own.acme.example", false),
        ] {
            let Ok(Found::One { name: at, is_above, says: Ok(_), .. }) = found(domain) else { panic!("{domain}") };
            assert_eq!((at.as_str(), is_above), (name, above), "{domain}");
        }
        assert_eq!(found("two.example"), Ok(Found::Several("_dmarc.two.example".into(), 2)));
        assert_eq!(found("off.example"), Ok(Found::Nothing(vec!["_dmarc.off.example: V=DMARC1; p=none".into()])));
        assert_eq!(found("gone.example"), Ok(Found::Nothing(vec![])));
        assert!(matches!(found("bad.example"), Ok(Found::One { says: Err(DmarcError::NoPolicy), .. })));
        assert!(matches!(found("a.silent.example"), Err(Lack::Unknown(_))));
    }
}
