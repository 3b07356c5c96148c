//! Slips of the pen in addresses: `https://https://…`, `http:/…`, `www.…` without its scheme, blanks, paths of a disk.
//!
//! Guarantees: what is told leads nowhere, or elsewhere than it looks, in every mail reader or in some; the address that was meant is
//! told where it can be known. Leaves to others: addresses that are right and lead astray (`astray`), relative ones (`links`).

use super::links::{SHOWN_CHARACTERS, host_of, shown};
use super::page::{CODE, VALUE};
use crate::base::letters::is_invisible;
use crate::content::names::identifier;
use crate::mail::Mailbox;
use crate::mail::address::parse_domain_into;
use psl::Psl as _;
use std::net::IpAddr;

/// A slip: the check, what is there, and how to mend it.
pub(super) type Slip = (&'static str, String, String);

/// Schemes of what stands on one machine, or in one program.
const LOCAL: [&str; 14] = [
    "file",
    "blob",
    "about",
    "filesystem",
    "applewebdata",
    "webkit-fake-url",
    "x-apple-data-detectors",
    "chrome-extension",
    "moz-extension",
    "view-source",
    "mhtml",
    "outbind",
    "content",
    "message",
];
/// Ends of domains that people write without a scheme.
const ENDS: [&str; 28] = [
    "com", "org", "net", "info", "biz", "shop", "online", "de", "at", "ch", "fr", "eu", "uk", "nl", "be", "it", "es",
    "pt", "se", "dk", "fi", "no", "us", "ca", "au", "jp", "br", "example",
];

/// What is wrong with an address by its form. `what`: a link, a picture; `whole`: the value that it stands in, with template code.
pub(super) fn of(what: &str, url: &str, whole: &str) -> Option<Slip> {
    let show = shown(url);
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    let scheme = scheme.to_ascii_lowercase();
    let nowhere = |check, better: Option<String>| {
        let hint = better.map_or_else(|| "write it whole, beginning with https://".to_owned(), |better| write(&better));
        Some((check, format!("the {what} {show} leads nowhere"), hint))
    };
    if url.starts_with("\\\\")
        || (scheme.len() == 1 && scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic))
        || LOCAL.contains(&scheme.as_str())
    {
        let says = format!("the {what} {show} leads to the reader's own disk, or to a program there");
        return Some(("local-link", says, "write an address that everybody reaches".to_owned()));
    }
    if matches!(scheme.as_str(), "mailto" | "tel" | "sms") {
        return person(what, &scheme, rest);
    }
    if let Some(better) = doubled_or_torn(url) {
        let says = format!("the {what} {show} leads nowhere: its beginning is not written as https:// is");
        // What is written anew is written encrypted.
        let better = better.strip_prefix("http://").map_or(better.clone(), |behind| format!("https://{behind}"));
        return Some(("link-scheme", says, write(&better)));
    }
    if !url.contains(':') || url.starts_with("www.") {
        let first = url.split(['/', '?', '#']).next().unwrap_or_default();
        if Mailbox::parse(first.as_bytes()).is_ok() && first == url {
            return nowhere("relative-link", Some(format!("mailto:{url}")));
        }
        return if is_domain(first) { nowhere("relative-link", Some(format!("https://{url}"))) } else { None };
    }
    if matches!(scheme.as_str(), "http" | "https") {
        return of_http(what, url, whole);
    }
    None
}

/// The host that a link leads to, where its words are an address at another domain.
pub(super) fn said_otherwise(words: &str, url: &str) -> Option<String> {
    let words = words.trim().to_ascii_lowercase();
    let is_one = ["http://", "https://", "www."].iter().any(|front| words.starts_with(front));
    let is_plain =
        |text: &str| !text.contains([char::from(VALUE), char::from(CODE)]) && !text.contains(char::is_whitespace);
    let scheme = if words.contains("://") { "" } else { "https://" };
    let said = format!("{scheme}{words}");
    let (said, real) = (host_of(&said), host_of(url).to_ascii_lowercase());
    let differ = !said.is_empty() && !real.is_empty() && organisation(said) != organisation(&real);
    (is_one && is_plain(&words) && is_plain(&real) && differ).then_some(real)
}

/// The domain that somebody has registered, of which a host is one.
fn organisation(host: &str) -> &str {
    let domain = psl::List.domain(host.as_bytes()).map(|domain| domain.as_bytes());
    domain.and_then(|domain| std::str::from_utf8(domain).ok()).unwrap_or(host)
}

/// An address as it is to be written.
fn write(better: &str) -> String {
    match better.chars().count() > SHOWN_CHARACTERS {
        true => format!("write it so that it begins with {}", shown(better)),
        false => format!("write {}", shown(better)),
    }
}

/// The same address with one scheme that is whole, where its own is doubled or torn.
fn doubled_or_torn(url: &str) -> Option<String> {
    let (scheme, rest) = http(url)?;
    let bare = rest.trim_start_matches([':', '/', '\\', ';', ' ', '.']);
    let between = rest.get(..rest.len() - bare.len()).unwrap_or_default();
    if between == "://" {
        // Another one may begin at once.
        let (_, behind) = http(bare)?;
        let is_scheme = [":", "//", ";//"].iter().any(|mark| behind.starts_with(mark));
        return is_scheme.then(|| doubled_or_torn(bare).unwrap_or_else(|| bare.to_owned()));
    }
    // `http.html`, and an address whose beginning a row tells.
    let is_torn = between.contains([':', ';']) || between.contains("//");
    let is_told = bare.bytes().next().is_none_or(|octet| matches!(octet, VALUE | CODE));
    (is_torn && !is_told).then(|| match http(bare).filter(|(_, behind)| behind.starts_with(':')) {
        Some(_) => doubled_or_torn(bare).unwrap_or_else(|| bare.to_owned()),
        None => format!("{scheme}://{bare}"),
    })
}

/// What an address of http or https begins with, and what stands behind.
fn http(url: &str) -> Option<(&'static str, &str)> {
    let begins = |scheme: &'static str| {
        let front = url.get(..scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then(|| (scheme, url.get(scheme.len()..).unwrap_or_default()))
    };
    begins("https").or_else(|| begins("http"))
}

/// An address of http or https: its host, and signs that do not stand in one.
fn of_http(what: &str, url: &str, whole: &str) -> Option<Slip> {
    let (_, authority) = url.split_once("://")?;
    if let Some(slip) = unopened(what, url) {
        return Some(slip);
    }
    let (show, host) = (shown(url), host_of(url));
    let is_fixed = !host.contains([char::from(VALUE), char::from(CODE)]);
    let is_literal = authority.starts_with('[') || host.parse::<IpAddr>().is_ok();
    if is_fixed && !is_literal && !authority.split(['/', '?', '#']).next().unwrap_or_default().contains('@') {
        if host.is_empty() {
            let says = format!("the {what} {show} leads nowhere: no host stands in it");
            return Some(("broken-link", says, "write the name of the server behind https://".to_owned()));
        }
        if !host.contains('.') && !host.eq_ignore_ascii_case("localhost") {
            let says = format!(
                "the {what} {show} leads nowhere, or into your own network: `{host}` is no whole name of a host"
            );
            return Some(("local-link", says, "write an address that everybody reaches".to_owned()));
        }
        let plain = host.trim_end_matches('.').replace('_', "x");
        if let Err(why) = parse_domain_into(plain.as_bytes(), &mut Vec::new())
            && host.contains(['.'])
        {
            let says =
                format!("the {what} {show} leads nowhere: `{}` is no name of a host: {why}", host.escape_debug());
            return Some(("broken-link", says, "write the name of the server as a browser shows it".to_owned()));
        }
    }
    if url.contains(is_invisible) {
        let says =
            format!("the {what} {show} has a character in it that nobody sees: it leads elsewhere than it looks");
        return Some((
            "broken-link",
            says,
            "write it anew by hand: it was copied from a chat or a document".to_owned(),
        ));
    }
    // A browser takes line breaks out; what a statement of a template stands between may have blanks.
    if url.contains([' ', '\u{a0}']) && !whole.contains(char::from(CODE)) {
        let says = format!("the {what} {show} has a blank in it, at which mail readers end it");
        return Some(("broken-link", says, "write %20 in its place, or take it out".to_owned()));
    }
    let query = url.split('#').next().unwrap_or_default().split_once('?').map_or("", |(_, query)| query);
    let (_, second) = query.split_once('?').filter(|(first, _)| !first.contains("://"))?;
    let is_parameter = second.split_once('=').is_some_and(|(name, _)| !name.is_empty() && identifier(name) == name);
    is_parameter.then(|| {
        let says = format!(
            "the {what} {show} has `?` twice: what stands behind the second one is part of the value before it"
        );
        ("broken-link", says, "write & in the place of the second ?".to_owned())
    })
}

/// An address with parameters and no `?` before them: `https://acme.example/spring&ref=mail`.
pub(super) fn unopened(what: &str, url: &str) -> Option<Slip> {
    let (_, behind) = url.split_once("://").filter(|_| http(url).is_some())?;
    let behind = behind.replace("&amp;", "&");
    let (front, rest) = behind.split('#').next().unwrap_or_default().split_once('&')?;
    // A page may take parameters in its path, with `;` between them, and a row may bring the `?`.
    let is_plain = !front.is_empty() && !front.contains(['?', ';', '=', char::from(VALUE), char::from(CODE)]);
    let (name, _) = rest.split_once('=').filter(|_| is_plain)?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(c));
    is_name.then(|| {
        let says = format!(
            "the {what} {} has `&{name}=` and no `?` before it: that is part of the path, and no parameter",
            shown(url)
        );
        ("broken-link", says, "write ? in the place of the first &".to_owned())
    })
}

/// An address of a person.
fn person(what: &str, scheme: &str, rest: &str) -> Option<Slip> {
    let value = rest.split('?').next().unwrap_or_default();
    let is_known = !value.contains([char::from(VALUE), char::from(CODE)]);
    let show = shown(&format!("{scheme}:{rest}"));
    match scheme {
        // Without anybody's address it asks for one: a way to pass a letter on.
        "mailto" if value.is_empty() && rest.contains('?') => None,
        _ if value.trim().is_empty() => Some((
            "empty-link",
            format!("the {what} {show} leads to nobody"),
            format!("write whom behind {scheme}:, or take it out"),
        )),
        "mailto" if is_known => {
            let plain = value.trim_start_matches('/').trim();
            let is_one =
                |one: &str| Mailbox::parse(one.replace("%40", "@").replace("%2B", "+").trim().as_bytes()).is_ok();
            let is_right = plain == value && value.split([',', ';']).filter(|one| !one.trim().is_empty()).all(is_one);
            (!is_right).then(|| {
                let hint = if is_one(plain) {
                    write(&format!("mailto:{plain}"))
                } else {
                    "write mailto:name@domain".to_owned()
                };
                ("link-scheme", format!("the {what} {show} leads to nobody: that is no address"), hint)
            })
        }
        "tel" | "sms" if is_known && !value.contains(|c: char| c.is_ascii_digit()) => Some((
            "empty-link",
            format!("the {what} {show} has no number in it"),
            format!("write {scheme}:+1…, with the code of the country"),
        )),
        _ => None,
    }
}

/// Whether the front of an address is the name of a host.
fn is_domain(first: &str) -> bool {
    let lower = first.to_ascii_lowercase();
    let is_name = lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) && lower.contains('.');
    let end = lower.rsplit('.').next().unwrap_or_default();
    is_name
        && (lower.starts_with("www.") || ENDS.contains(&end))
        && parse_domain_into(lower.as_bytes(), &mut Vec::new()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> Option<(&'static str, String)> {
        of("link", url, url).map(|(check, _, hint)| (check, hint))
    }

    #[test]
    fn slips_are_told_with_the_address_that_was_meant() {
        for (url, check, hint) in [
            ("https://https://acme.example/x", "link-scheme", "write `https://acme.example/x`"),
            ("http://https://acme.example/x", "link-scheme", "write `https://acme.example/x`"),
            ("https://http//acme.example", "link-scheme", "write `https://acme.example`"),
            ("https:https://acme.example", "link-scheme", "write `https://acme.example`"),
            ("http:/acme.example/x", "link-scheme", "write `https://acme.example/x`"),
            ("https:acme.example", "link-scheme", "write `https://acme.example`"),
            ("https:///acme.example/", "link-scheme", "write `https://acme.example/`"),
            ("https//acme.example", "link-scheme", "write `https://acme.example`"),
            ("https;//acme.example", "link-scheme", "write `https://acme.example`"),
            ("HTTPS:\\\\acme.example", "link-scheme", "write `https://acme.example`"),
            ("https:// acme.example", "link-scheme", "write `https://acme.example`"),
            ("www.acme.example/x", "relative-link", "write `https://www.acme.example/x`"),
            ("acme.com", "relative-link", "write `https://acme.com`"),
            ("acme.co.uk/x?y=1", "relative-link", "write `https://acme.co.uk/x?y=1`"),
            ("help@acme.example", "relative-link", "write `mailto:help@acme.example`"),
            ("C:\\Users\\me\\logo.png", "local-link", ""),
            ("\\\\server\\share\\logo.png", "local-link", ""),
            ("file:///C:/x", "local-link", ""),
            ("blob:https://acme.example/1", "local-link", ""),
            ("https://intranet/news", "local-link", ""),
            ("https://", "broken-link", ""),
            ("https://acme..example/", "broken-link", ""),
            ("https://acme,example.com/", "broken-link", ""),
            ("https://acme.example/my page", "broken-link", "write %20"),
            ("https://acme.example/\u{200b}x", "broken-link", "write it anew"),
            ("https://acme.example/?a=1?utm_source=b", "broken-link", "write & "),
            ("https://acme.example/spring&ref=mail", "broken-link", "write ? in the place of the first &"),
            ("https://acme.example&ref=mail&x=1#y", "broken-link", "write ? in the place of the first &"),
            ("mailto:", "empty-link", ""),
            ("mailto://help@acme.example", "link-scheme", "write `mailto:help@acme.example`"),
            ("mailto: help@acme.example", "link-scheme", "write `mailto:help@acme.example`"),
            ("mailto:www.acme.example", "link-scheme", ""),
            ("tel:", "empty-link", ""),
            ("tel:us", "empty-link", ""),
        ] {
            let said = told(url);
            assert!(
                said.as_ref().is_some_and(|(one, mend)| *one == check && mend.starts_with(hint)),
                "{url}: {said:?}"
            );
        }
    }

    #[test]
    fn words_that_are_an_address_lead_to_its_domain() {
        for (words, url) in [
            ("https://acme.example/", "https://other.example/"),
            (" www.acme.co.uk ", "https://other.co.uk/x"),
            ("HTTP://acme.example/a", "https://acme.example.other.example/a"),
        ] {
            let host = url.split('/').nth(2).map(str::to_owned);
            assert_eq!(said_otherwise(words, url), host, "{words}");
        }
        for (words, url) in [
            ("https://acme.example/spring", "https://links.acme.example/x?y"),
            ("www.acme.example", "https://acme.example/"),
            ("shop.acme.example", "https://other.example/"),
            ("See https://acme.example", "https://other.example/"),
            ("https://\u{1}\u{1}", "https://other.example/"),
            ("https://acme.example", "https://\u{1}\u{1}/"),
            ("https://acme.example", "mailto:a@other.example"),
            ("", "https://other.example/"),
        ] {
            assert_eq!(said_otherwise(words, url), None, "{words}");
        }
    }

    #[test]
    fn addresses_as_they_should_be_are_no_slips() {
        for url in [
            "https://acme.example",
            "https://acme.example:8443/x?y=1&z=https://b.example/?q=1#f",
            "https://web.archive.org/web/2026/https://acme.example/",
            "https://b\u{fc}cher.example/",
            "https://my_shop.acme.example/",
            "https://user@acme.example/",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/x",
            "https://localhost:3000/",
            "https://acme.example./",
            "https://acme.example/a?b=c?",
            "https://acme.example/a&b",
            "https://acme.example/x;a=1&b=2",
            "https://acme.example/#/x&y=1",
            "https://acme.example/\u{1}\u{1}&y=1",
            "https://acme.example/\u{1}\u{1}/x",
            "https://\u{1}\u{1}/x",
            "https:\u{1}\u{1}",
            "http.html",
            "https-guide.html",
            "spring.html",
            "img/acme.com.png",
            "read.me",
            "mailto:help@acme.example?subject=Hi there",
            "mailto:?subject=Look",
            "mailto:a@acme.example,b@acme.example",
            "mailto:\u{1}\u{1}",
            "tel:+15550100",
            "tel:*111#",
            "sms:+15550100?body=x",
            "whatsapp://send?text=x",
            "webcal://acme.example/x.ics",
            "cid:logo",
            "#top",
            "data:image/png;base64,x",
        ] {
            assert_eq!(told(url), None, "{url}");
        }
    }
}
