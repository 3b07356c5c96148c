//! Large mail domains, and names that are hardly anything but a slip of one.
//!
//! Guarantees: a domain that is large itself, or that is known to have mailboxes, is no slip; what is told is a suggestion,
//! and nothing is changed. Leaves to others: telling it.

/// The first label, and what may follow it. Domains whose neighbours are in use (`aol`, `live`, `web.de`) are not here.
const LARGE: &[(&str, &[&str])] = &[
    ("gmail", &["com"]),
    ("googlemail", &["com"]),
    ("hotmail", &["com", "co.uk", "fr", "de", "it", "es", "be", "nl", "se", "ch", "com.br", "com.ar"]),
    ("outlook", &["com", "de", "fr", "es", "it", "com.br", "com.au"]),
    ("yahoo", &["com", "co.uk", "fr", "de", "it", "es", "co.jp", "co.in", "ca", "com.br", "com.au", "com.mx"]),
    ("icloud", &["com"]),
    ("protonmail", &["com"]),
    ("comcast", &["net"]),
    ("verizon", &["net"]),
    ("sbcglobal", &["net"]),
    ("bellsouth", &["net"]),
    ("btinternet", &["com"]),
    ("t-online", &["de"]),
    ("freenet", &["de"]),
    ("wanadoo", &["fr"]),
    ("laposte", &["net"]),
    ("libero", &["it"]),
    ("bluewin", &["ch"]),
    ("rediffmail", &["com"]),
    ("naver", &["com"]),
];
/// Labels that are one letter away from one of those, and have mailboxes of their own.
const OTHERS: &[&str] = &["mail", "email", "ymail", "tmail", "gmails", "navel", "liberto"];

/// The large domain that is meant where `domain`, in lower case, is one slip away from it: a letter too many, too few,
/// another one, or two in the wrong order.
#[must_use]
pub fn meant_by(domain: &str) -> Option<String> {
    let (label, rest) = domain.split_once('.')?;
    if OTHERS.contains(&label) {
        return None;
    }
    LARGE.iter().find_map(|(large, ends)| {
        if label == *large {
            // Many countries have one; nobody has a top-level domain of three letters that is nearly `com`.
            let is_country = rest.rsplit('.').next().is_some_and(|top| top.len() == 2) && ends.len() > 1;
            let end = ends.iter().find(|end| one_slip(rest, end)).filter(|_| !is_country && !ends.contains(&rest))?;
            return Some(format!("{large}.{end}"));
        }
        (ends.contains(&rest) && one_slip(label, large)).then(|| format!("{large}.{rest}"))
    })
}

/// Most names are told by their lengths and ends, without a look at what stands between.
fn one_slip(text: &str, wanted: &str) -> bool {
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let front = text.bytes().zip(wanted.bytes()).take_while(same).count();
    let back = text.bytes().rev().zip(wanted.bytes().rev()).take_while(same).count();
    text.len().abs_diff(wanted.len()) <= 1
        && front + back + 2 >= text.len().max(wanted.len())
        && strsim::osa_distance(text, wanted) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_and_domains_are_not() {
        for (slip, meant) in [
            ("gmial.com", "gmail.com"),
            ("gmai.com", "gmail.com"),
            ("gmaill.com", "gmail.com"),
            ("gmail.con", "gmail.com"),
            ("gmail.co", "gmail.com"),
            ("gmail.cmo", "gmail.com"),
            ("hotmial.com", "hotmail.com"),
            ("hotmal.fr", "hotmail.fr"),
            ("outlok.com", "outlook.com"),
            ("yaho.com", "yahoo.com"),
            ("yahooo.co.uk", "yahoo.co.uk"),
            ("yahoo.comm", "yahoo.com"),
            ("iclod.com", "icloud.com"),
            ("t-onlin.de", "t-online.de"),
        ] {
            assert_eq!(meant_by(slip).as_deref(), Some(meant), "{slip}");
        }
        for domain in [
            "gmail.com",
            "mail.com",
            "ymail.com",
            "email.com",
            "hotmail.dk",
            "hotmail.be",
            "yahoo.co",
            "yahoo.ca",
            "yahoo.co.nz",
            "outlook.pt",
            "acme.example",
            "gmail",
            "googlemail.com",
            "example.com",
            "a.b",
            "gmail.example",
        ] {
            assert_eq!(meant_by(domain), None, "{domain}");
        }
        for (label, ends) in LARGE {
            for end in *ends {
                assert_eq!(meant_by(&format!("{label}.{end}")), None);
            }
        }
    }
}
