//! What of a key is the same for every row is judged when it is compiled, as strictly as what is rendered later.
//!
//! Guarantees: what is refused here could be right for no row; what cannot be told without a row is left to it.

use super::super::compose::fits_url;
use super::super::syntax;
use super::super::tags::{self, Part};
use super::parse;
use crate::mail::address::parse_domain_into;
use std::net::{IpAddr, Ipv6Addr};

/// A token has as many characters.
const TOKEN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Why no row can make an address of this template.
pub(super) fn fault_of_address(text: &str, campaign: &str) -> Option<String> {
    let parts = tags::parts(text);
    let at_sign = text.bytes().zip(&parts).rposition(|(octet, part)| octet == b'@' && *part == Part::Fixed);
    let is_known = |tag: &str| matches!(tag, "token" | "campaign");
    let mut sample = String::new();
    let mut all_known = true;
    let mut at = 0;
    while at < text.len() {
        let end = parts.iter().skip(at).position(|part| *part != Part::Tag).map_or(text.len(), |fixed| at + fixed);
        if end == at {
            let fixed = parts.iter().skip(at).position(|part| *part == Part::Tag).map_or(text.len(), |tag| at + tag);
            sample.push_str(text.get(at..fixed)?);
            at = fixed;
            continue;
        }
        // Two tags side by side are one stretch.
        for tag in text.get(at..end)?.split_inclusive("}}") {
            let name = tag.strip_prefix("{{").and_then(|tag| tag.strip_suffix("}}"))?.trim();
            all_known &= is_known(name);
            sample.push_str(match name {
                "token" => TOKEN,
                "campaign" => campaign,
                "email" => "x@x.example",
                _ if at_sign.is_some_and(|sign| sign < at) => "x.example",
                _ => "x",
            });
        }
        at = end;
    }
    if at_sign.is_none() && !all_known {
        return None;
    }
    parse(syntax::shown(sample.trim()).as_ref()).err()
}

/// The octet of a URL where a character stands that no URL may have, in what is the same for every row.
pub(super) fn unfit_for_url(text: &str) -> Option<(usize, char)> {
    let parts = tags::parts(text);
    let found = text.char_indices().find(|&(at, c)| parts.get(at) != Some(&Part::Tag) && !fits_url(c));
    found.map(|(at, c)| (at, if c == syntax::BRACE { '{' } else { c }))
}

/// Why an https URL leads to no host, if its host is the same for every row.
pub(super) fn fault_of_host(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if tags::has_tags(authority) || rest.starts_with("{{") || rest.starts_with("{%") {
        return None;
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Some("its port is no number from 1 to 65535".to_owned());
    }
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if host.parse::<IpAddr>().is_ok() || literal.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()) {
        return None;
    }
    if host.is_empty() {
        return Some("it names no host".to_owned());
    }
    let error = parse_domain_into(host.as_bytes(), &mut Vec::new()).err()?;
    Some(format!("`{}` is no host: {error}", host.escape_debug()))
}

/// Why the addresses of a mailto URL (without `mailto:`) can be right for no row.
pub(super) fn fault_of_mailto(mailto: &str, campaign: &str) -> Option<String> {
    // A question mark within a tag is none of the URL.
    let parts = tags::parts(mailto);
    let end = mailto.bytes().zip(parts).position(|(octet, part)| octet == b'?' && part != Part::Tag);
    let address = mailto.get(..end.unwrap_or(mailto.len())).unwrap_or_default();
    let address = percent_decoded(address)?;
    if address.trim().is_empty() {
        return Some("it names no address".to_owned());
    }
    fault_of_address(&address, campaign).map(|why| format!("`{}` is no address: {why}", address.escape_debug()))
}

/// Why a text is JSON for no row. What stands in blocks is not judged.
pub(super) fn fault_of_json(text: &str) -> Option<String> {
    let parts = tags::parts(text);
    if parts.contains(&Part::Block) || text.contains("{%") {
        return None;
    }
    // A digit may stand for a value within quotes and outside of them.
    let mut sample = Vec::with_capacity(text.len());
    for (at, (octet, part)) in text.bytes().zip(&parts).enumerate() {
        let begins = at.checked_sub(1).and_then(|before| parts.get(before)) != Some(&Part::Tag);
        match part {
            Part::Tag if begins => sample.push(b'1'),
            Part::Tag => {}
            _ => sample.push(octet),
        }
    }
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(&sample).err()?;
    Some(format!("it begins as JSON and is none: {}", error.to_string().split(" at line").next().unwrap_or_default()))
}

/// With `%XX` decoded; `None` where that makes no text.
pub(in crate::content) fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, behind)) = rest.split_first() {
        let code = (octet == b'%').then(|| behind.get(..2)).flatten();
        let code =
            code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| u8::from_str_radix(code, 16).ok());
        octets.push(code.unwrap_or(octet));
        rest = behind.get(if code.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_no_row_can_make_right_is_known_before() {
        for (text, why) in [
            ("b {{ token }}@bounce.acme.example", "blank"),
            ("b+{{ token }}@bounce acme.example", "blank"),
            ("b+{{ token }}@bounce..example", "two in a row"),
            ("b+{{ token }}@acme", "no dot"),
            ("b+{{ token }}-{{ token }}@acme.example", "longer than 64 octets"),
            ("b+{{ email }}@acme.example", ""),
            ("b+{{ token }}", "no @"),
            ("<{{ name }}@acme.example>", "< or >"),
            ("{{ name | lower }}, x@acme.example", ""),
        ] {
            let fault = fault_of_address(text, "welcome");
            assert!(fault.as_ref().is_some_and(|fault| fault.contains(why)), "{text}: {fault:?}");
        }
        for text in [
            "b+{{ token }}@bounce.acme.example",
            "{{ email }}",
            "{{ boss }}",
            "{{ name }}@{{ domain }}",
            "{{ name }}.{{ last }}@{{ country }}.acme.example",
            "{{ name | replace(\"@\", \"-\") }}@acme.example",
            "{% if boss %}x y{% endif %}@acme.example",
        ] {
            assert_eq!(fault_of_address(text, "welcome"), None, "{text}");
        }
    }

    #[test]
    fn urls_are_looked_at_outside_of_their_tags() {
        assert_eq!(unfit_for_url("https://a.example/{{ a b }}?x=1"), None);
        assert_eq!(unfit_for_url("https://a.example/{{ a }} b"), Some((25, ' ')));
        assert_eq!(unfit_for_url("https://a.example/{% if x %}\u{e9}{% endif %}"), Some((28, '\u{e9}')));
        for (url, why) in [
            ("https://", "it names no host"),
            ("https:///u", "it names no host"),
            ("https://acme/u", "`acme` is no host: the domain has no dot"),
            ("https://acme..example/{{ token }}", "two in a row"),
            ("https://acme.example:x/u", "its port is no number"),
        ] {
            let fault = fault_of_host(url);
            assert!(fault.as_ref().is_some_and(|fault| fault.contains(why)), "{url}: {fault:?}");
        }
        for url in [
            "https://acme.example:8443/u",
            "https://{{ host }}/u",
            "https://192.0.2.1/",
            "https://[2001:db8::1]:8443/u",
        ] {
            assert_eq!(fault_of_host(url), None, "{url}");
        }
        assert!(fault_of_mailto("out acme.example?subject=x", "c").is_some());
        assert!(fault_of_mailto("?subject=x", "c").is_some());
        for mailto in ["out%2Bnews@acme.example?subject=a%20b", "out+{{ token }}@acme.example", "{{ owner }}?subject=x"]
        {
            assert_eq!(fault_of_mailto(mailto, "c"), None, "{mailto}");
        }
    }
}
