//! The way out of a letter: the URL that its List-Unsubscribe names.
//!
//! Guarantees: a URL that is the same for several recipients is found, whatever it is made of. Leaves to others: whether a host
//! answers there (`check`).

use super::super::config::CampaignConfig;
use super::places::place_of;
use crate::mail::finding::{Finding, Severity};
use mail_parser::MessageParser;

/// The https URL of a letter's List-Unsubscribe.
#[must_use]
pub fn url_of(letter: &[u8]) -> Option<String> {
    let message = MessageParser::default().parse_headers(letter)?;
    let value: String = message.header_raw("List-Unsubscribe")?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let urls = value.split(',').filter_map(|url| url.strip_prefix('<')?.strip_suffix('>'));
    let mut https = urls.filter(|url| url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")));
    https.next().map(str::to_owned)
}

/// That the URLs of several letters are one, if they are: a POST to it tells nobody who wants to leave.
#[must_use]
pub fn same_url(campaign: &CampaignConfig, urls: &[Option<String>]) -> Option<Finding> {
    let (first, rest) = urls.split_first()?;
    if first.is_none() || rest.is_empty() || rest.iter().any(|url| url != first) {
        return None;
    }
    let place = match place_of(campaign, "unsubscribe.url") {
        Some((line, column)) => format!("{}:{line}:{column}", campaign.file.display()),
        None => campaign.file.display().to_string(),
    };
    let says = "the unsubscribe URL is the same in each letter: who clicks in the mailbox cannot be told from others";
    let hint = "put {{ token }} into it: it names the recipient, and nobody can make one up";
    Some(Finding::new(Severity::Warning, "unsubscribe-url", place, says).hint(hint))
}
