//! Macro strings (RFC 7208 §7): names that are made from who sends.
//!
//! Guarantees: what is expanded is no longer than a name may be. Leaves to others: finding what `%{p}` stands for; `%{c}`, `%{r}`
//! and `%{t}`, which stand in explanations only.

use super::Sender;
use std::net::IpAddr;

/// The longest name, in octets.
const NAME_MAX: usize = 253;
const DELIMITERS: &str = ".-+,/_=";
const LETTERS: &str = "slodiphvSLODIPHV";

/// One piece of a macro string.
enum Piece<'t> {
    Plain(&'t str),
    Macro { letter: char, keep: usize, reversed: bool, delimiters: &'t str },
}

/// Whether a text is a macro string.
///
/// # Errors
/// Why not: a half sentence.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    pieces(text).map(drop)
}

/// Whether a text has the macro that asks for the sender's name.
pub(super) fn asks_for_name(text: &str) -> bool {
    text.contains("%{p") || text.contains("%{P")
}

/// What a macro string stands for, where `domain` is looked at, and the sender is called `named`.
///
/// # Errors
/// It is none.
pub(super) fn expand(text: &str, sender: &Sender<'_>, domain: &str, named: &str) -> Result<String, &'static str> {
    let mut name = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Plain(plain) => name.push_str(plain),
            Piece::Macro { letter, keep, reversed, delimiters } => {
                let value = value(letter.to_ascii_lowercase(), sender, domain, named);
                let value = transformed(&value, keep, reversed, delimiters);
                if letter.is_ascii_uppercase() { escape(&value, &mut name) } else { name.push_str(&value) }
            }
        }
    }
    // RFC 7208 §7.3: "the left side is truncated to fit, by removing successive domain labels".
    let mut rest = name.as_str();
    while rest.len() > NAME_MAX {
        rest = rest.split_once('.').map_or("", |(_, rest)| rest);
    }
    Ok(rest.to_owned())
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("has a character beyond ASCII, or none that is seen");
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        pieces.push(Piece::Plain(plain));
        let after = after.get(1..).unwrap_or_default();
        let (stands, end) = match after.as_bytes().first() {
            Some(b'%') => (Piece::Plain("%"), 1),
            Some(b'_') => (Piece::Plain(" "), 1),
            Some(b'-') => (Piece::Plain("%20"), 1),
            Some(b'{') => {
                let end = after.find('}').ok_or("has a macro without its end: }")?;
                (one(after.get(1..end).unwrap_or_default())?, end + 1)
            }
            _ => return Err("has a % that begins no macro"),
        };
        pieces.push(stands);
        rest = after.get(end..).unwrap_or_default();
    }
    pieces.push(Piece::Plain(rest));
    Ok(pieces)
}

/// What stands between the braces.
fn one(text: &str) -> Result<Piece<'_>, &'static str> {
    const UNKNOWN: &str = "has a macro that nobody knows";
    let letter = text.chars().next().filter(|c| LETTERS.contains(*c)).ok_or(UNKNOWN)?;
    let rest = text.get(1..).unwrap_or_default();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    let keep = match number {
        "" => usize::MAX,
        number => number.parse().unwrap_or(usize::MAX),
    };
    if keep == 0 {
        return Err("has a macro that keeps nothing");
    }
    let (reversed, delimiters) = match rest.strip_prefix(['r', 'R']) {
        Some(delimiters) => (true, delimiters),
        None => (false, rest),
    };
    if !delimiters.chars().all(|c| DELIMITERS.contains(c)) {
        return Err(UNKNOWN);
    }
    Ok(Piece::Macro { letter, keep, reversed, delimiters: if delimiters.is_empty() { "." } else { delimiters } })
}

fn value(letter: char, sender: &Sender<'_>, domain: &str, named: &str) -> String {
    match letter {
        's' => format!("{}@{}", sender.local, sender.domain),
        'l' => sender.local.to_owned(),
        'o' => sender.domain.to_owned(),
        'd' => domain.to_owned(),
        'h' => sender.ehlo.to_owned(),
        'i' => dotted(sender.address),
        'v' if sender.address.to_canonical().is_ipv4() => "in-addr".to_owned(),
        'v' => "ip6".to_owned(),
        _ => named.to_owned(),
    }
}

/// An address with a dot behind each number of IPv4 or digit of IPv6.
fn dotted(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let digits: String = v6.octets().into_iter().map(|octet| format!("{octet:02x}")).collect();
            digits.chars().map(String::from).collect::<Vec<_>>().join(".")
        }
    }
}

fn transformed(value: &str, keep: usize, reversed: bool, delimiters: &str) -> String {
    let mut parts: Vec<&str> = value.split(|c| delimiters.contains(c)).collect();
    if reversed {
        parts.reverse();
    }
    let skipped = parts.len().saturating_sub(keep);
    parts.into_iter().skip(skipped).collect::<Vec<_>>().join(".")
}

/// RFC 7208 §7.3: "all characters not in the 'unreserved' set" of RFC 3986.
fn escape(value: &str, out: &mut String) {
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, address: &str) -> String {
        let sender = Sender {
            address: address.parse().unwrap(),
            local: "strong-bad",
            domain: "email.example.com",
            ehlo: "mail.example.com",
        };
        expand(text, &sender, "email.example.com", "unknown").unwrap()
    }

    #[test]
    fn macros_are_those_of_rfc_7208() {
        // RFC 7208 §7.4.
        for (text, name) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            ("a%%b%_c%-%{S}", "a%b c%20strong-bad%40email.example.com"),
            ("%{h}.%{p}", "mail.example.com.unknown"),
        ] {
            assert_eq!(expanded(text, "192.0.2.3"), name, "{text}");
        }
        assert_eq!(
            expanded("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01"),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
        );
    }

    #[test]
    fn what_is_no_macro_is_refused() {
        for text in ["%", "%a", "%{", "%{}", "%{x}", "%{c}", "%{d0}", "%{d!}", "%{d2r", "b\u{fc}cher", "a b"] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check("%{d99999999999999999999}").is_ok());
    }

    #[test]
    fn long_names_lose_labels_at_their_left() {
        let name = expanded(&format!("{}b.%{{d}}", "a123456789.".repeat(30)), "192.0.2.3");
        assert!(name.len() <= NAME_MAX && name.starts_with("a123456789.") && name.ends_with("b.email.example.com"));
        assert_eq!(expanded(&"a".repeat(300), "192.0.2.3"), "");
    }
}
