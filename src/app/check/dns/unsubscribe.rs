//! The way out: the host of the one-click URL (RFC 8058), and, when asked for, the POST that mailbox providers make.
//!
//! Guarantees: nothing is posted unless somebody asked for it and named whom it may unsubscribe, and nobody of the list can be
//! meant; loopback is connected to only where the configuration allows it.

use super::super::super::cli::CheckArgs;
use super::super::super::config::{CampaignConfig, EngineConfig};
use super::super::super::exit::Failure;
use super::super::super::send::{prepare, sample, tls, way_out};
use super::Judged;
use crate::content::Composed;
use crate::identity::{Answer, Facts, Kind, Question, Record, is_routable};
use crate::mail::finding::{Finding, Severity};
use crate::mail::reply::Printable;
use crate::wire::dns::{Resolver, is_host_name};
use crate::wire::https::{Fetcher, Options, Posted};
use hyper::Uri;
use std::net::IpAddr;

const FORM: &str = "List-Unsubscribe=One-Click";
const CHECK: &str = "unsubscribe-post";

/// The host of the URL, where it is one that DNS can know.
pub(super) fn host_of(campaign: &CampaignConfig, letters: &[Composed]) -> Option<String> {
    campaign.unsubscribe.as_ref()?.url.as_ref()?;
    let uri: Uri = way_out::url_of(&letters.first()?.content)?.parse().ok()?;
    uri.host().map(str::to_ascii_lowercase).filter(|host| is_host_name(host))
}

/// `is_lab`: servers may be on this machine.
pub(super) fn judge(facts: &Facts, host: &str, is_lab: bool) -> Judged {
    let addresses = facts.addresses(host)?;
    let says = match addresses.first() {
        None => format!("the host of the unsubscribe URL, {host}, has no address"),
        Some(first) if !is_lab && !addresses.iter().any(|address| is_routable(*address)) => {
            format!("the host of the unsubscribe URL, {host}, has an address that nobody outside reaches ({first})")
        }
        Some(_) => return Ok(Vec::new()),
    };
    let hint =
        "mend [unsubscribe] url, or publish an A record for it: without a way out, people report the mail as spam";
    Ok(vec![Finding::new(Severity::Error, "unsubscribe-host", host, says).hint(hint)])
}

/// Makes the POST for `letter`, which is for the address that `--post-unsubscribe` names.
///
/// # Errors
/// The machine.
pub(in super::super) fn try_post(
    args: &CheckArgs,
    config: &EngineConfig,
    campaign: &CampaignConfig,
    letter: Option<&Composed>,
) -> Result<Option<Finding>, Failure> {
    let Some(for_whom) = &args.post_unsubscribe else { return Ok(None) };
    let finding = |severity, says: String, hint: &str| Ok(Some(Finding::new(severity, CHECK, "", says).hint(hint)));
    let others = sample::columns_of_unsubscribing(campaign);
    if !others.is_empty() {
        let says = format!(
            "no POST was made: the URL is made from {}, so that it would unsubscribe somebody of the list",
            others.join(", ")
        );
        return finding(Severity::Warning, says, "make it of {{ token }} or {{ email }}");
    }
    let Some(url) = letter.and_then(|letter| way_out::url_of(&letter.content)) else {
        let says = "no POST was made: no letter could be made with an https URL in List-Unsubscribe".to_owned();
        return finding(Severity::Warning, says, "see the other findings");
    };
    let wrong = || format!("the unsubscribe URL {url} cannot be read");
    let Ok(uri) = url.parse::<Uri>() else { return finding(Severity::Error, wrong(), "mend [unsubscribe] url") };
    let Some(host) = uri.host().map(str::to_ascii_lowercase).filter(|host| is_host_name(host)) else {
        return finding(Severity::Error, wrong(), "it needs a host's name");
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let options = Options { port: uri.port_u16().unwrap_or(443), ..Options::default() };
    let fetcher = Fetcher::new(tls::web(config)?, options);
    let resolver = Resolver::new(&prepare::resolver(config)).map_err(|e| Failure::usage(e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the POST cannot start: {e}")))?;
    let addresses = match runtime.block_on(addresses_of(&resolver, &host)) {
        Ok(addresses) => addresses,
        Err(why) => {
            let says = format!("no POST was made: nobody said where {host} is ({why})");
            return finding(Severity::Warning, says, "look again; if it stays so, mend the resolver ([dns] servers)");
        }
    };
    let here = addresses.iter().find(|address| is_here(**address) && !config.dns.allow_loopback);
    let posted = match here {
        Some(address) => Err(format!("it leads to this machine ({address})")),
        None => runtime
            .block_on(fetcher.post(&host, &addresses, path, FORM))
            .map_err(|error| Printable(error.to_string().as_bytes()).to_string()),
    };
    Ok(verdict(for_whom.as_str(), &url, posted))
}

/// The addresses; none where there are none.
///
/// # Errors
/// Of no family there is one, and of one nobody could say: why.
async fn addresses_of(resolver: &Resolver, host: &str) -> Result<Vec<IpAddr>, String> {
    let (mut addresses, mut unknown) = (Vec::new(), None);
    for kind in [Kind::A, Kind::Aaaa] {
        match resolver.answer(&Question { name: host.to_owned(), kind }).await {
            Answer::Found(records) => addresses.extend(records.iter().filter_map(Record::address)),
            Answer::NoRecord | Answer::NoName => {}
            Answer::Unknown(why) => unknown = Some(format!("{}: {why}", kind.word())),
        }
    }
    // One way there is enough.
    unknown.filter(|_| addresses.is_empty()).map_or(Ok(addresses), Err)
}

fn is_here(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// What an answer means (RFC 8058 §3.1, and Google's guidelines: 2xx, and no redirect).
fn verdict(for_whom: &str, url: &str, posted: Result<Posted, String>) -> Option<Finding> {
    let finding = |severity, says: String, hint: &str| Some(Finding::new(severity, CHECK, "", says).hint(hint));
    let what = format!("a POST to {url} for {for_whom}");
    match posted {
        Ok(Posted { status: 200..=299, .. }) => None,
        Ok(Posted { status: status @ 300..=399, location }) => {
            let says =
                format!("{what} is answered with a redirect ({status} {location}), which providers do not follow");
            finding(Severity::Error, says, "answer the POST itself with 200, where the URL says")
        }
        Ok(Posted { status: status @ (400 | 404 | 410 | 422), .. }) => {
            let says = format!(
                "{what} is answered {status}; that may be for a token that nobody has, and a real one must get 200"
            );
            finding(Severity::Warning, says, "answer 200 to whoever is not known, too: there is nothing left to do")
        }
        Ok(Posted { status, .. }) => {
            let says = format!("{what} is answered {status}, not 200");
            finding(Severity::Error, says, "the page must take a POST without a login, a cookie or a confirmation")
        }
        Err(why) => {
            let hint = "the host must be reached from outside, with a certificate that is believed";
            finding(Severity::Error, format!("{what} fails: {why}"), hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(header: &str) -> Composed {
        let content = format!("From: a@a.example\r\n{header}Subject: x\r\n\r\nHi.\r\n").into_bytes();
        Composed { content, ..Composed::default() }
    }

    #[test]
    fn the_url_is_read_as_receivers_read_it() {
        for (header, url) in [
            ("List-Unsubscribe: <https://a.example/u/1>\r\n", Some("https://a.example/u/1")),
            (
                "List-Unsubscribe: <mailto:u@a.example>,\r\n <HTTPS://a.example/u/\r\n 1>\r\n",
                Some("HTTPS://a.example/u/1"),
            ),
            ("List-Unsubscribe: <http://a.example/u/1>\r\n", None),
            ("List-Unsubscribe: <mailto:u@a.example>\r\n", None),
            ("", None),
        ] {
            assert_eq!(way_out::url_of(&letter(header).content).as_deref(), url, "{header}");
        }
    }

    #[test]
    fn answers_are_judged_as_providers_do() {
        let judged = |status, location: &str| {
            let posted = Posted { status, location: location.to_owned() };
            verdict("you@a.example", "https://a.example/u", Ok(posted)).map(|finding| finding.severity)
        };
        for (status, severity) in [
            (200, None),
            (202, None),
            (204, None),
            (302, Some(Severity::Error)),
            (307, Some(Severity::Error)),
            (401, Some(Severity::Error)),
            (404, Some(Severity::Warning)),
            (405, Some(Severity::Error)),
            (500, Some(Severity::Error)),
        ] {
            assert_eq!(judged(status, "/elsewhere"), severity, "{status}");
        }
    }
}
