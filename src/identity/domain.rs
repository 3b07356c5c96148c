//! Domains that belong together: what is below another, and whose organisation's they are (RFC 7489 §3.2).
//!
//! Leaves to others: names beyond ASCII, which are A-labels by the time they come here.

use psl::Psl as _;

/// The domain that an organisation has registered, of this one or of one below it; `None` for one under which anybody
/// registers (`co.uk`).
#[must_use]
pub fn organisation_of(domain: &str) -> Option<&str> {
    std::str::from_utf8(psl::List.domain(domain.as_bytes())?.as_bytes()).ok()
}

/// Whether `domain` is `above` or stands below it; both in lower case.
#[must_use]
pub fn is_below(domain: &str, above: &str) -> bool {
    domain.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether DMARC takes two domains for one sender's (RFC 7489 §3.1): the same, or, unless `strict`, of one organisation.
#[must_use]
pub fn are_aligned(domain: &str, from: &str, strict: bool) -> bool {
    if domain.eq_ignore_ascii_case(from) {
        return true;
    }
    let (domain, from) = (domain.to_ascii_lowercase(), from.to_ascii_lowercase());
    let organisation = organisation_of(&domain);
    !strict && organisation.is_some() && organisation == organisation_of(&from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_of_one_organisation_are_aligned_unless_that_is_not_enough() {
        for (domain, from, relaxed, strict) in [
            ("acme.example", "acme.example", true, true),
            ("Acme.Example", "acme.example", true, true),
            ("bounce.acme.example", "acme.example", true, false),
            ("a.acme.example", "b.acme.example", true, false),
            ("acme.example", "notacme.example", false, false),
            ("acme.co.uk", "other.co.uk", false, false),
            ("co.uk", "co.uk", true, true),
            ("", "acme.example", false, false),
        ] {
            let is = (are_aligned(domain, from, false), are_aligned(domain, from, true));
            assert_eq!(is, (relaxed, strict), "{domain} {from}");
        }
    }

    #[test]
    fn what_is_below_a_domain_ends_at_a_dot() {
        assert!(is_below("acme.example", "acme.example") && is_below("a.acme.example", "acme.example"));
        assert!(!is_below("notacme.example", "acme.example") && !is_below("acme.example", "a.acme.example"));
    }
}
