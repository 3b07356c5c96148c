//! Which sessions are traced.

use std::net::IpAddr;

/// What `--trace` was given, and is not: the value, for the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "--trace {0:?} is no domain, address, site or host\nhint: write it like a.example, ann@a.example, mx.a.example or 192.0.2.1"
)]
pub struct NoFilter(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// Every session.
    All,
    /// A host's address.
    Ip(IpAddr),
    /// A recipient.
    Mailbox(String),
    /// A site, a host, or the domain of recipients.
    Name(String),
}

/// A choice of sessions. Names and addresses are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Wanted>);

impl Filter {
    /// Every session.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![Wanted::All])
    }

    /// The sessions that any of these values names.
    ///
    /// # Errors
    /// A value that names nothing.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, NoFilter> {
        values.into_iter().map(wanted).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all of a session with this host is wanted, whoever its recipients are.
    #[must_use]
    pub fn wants_host(&self, site: &str, host: &str, address: IpAddr) -> bool {
        let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|wanted| match wanted {
            Wanted::All => true,
            Wanted::Ip(ip) => *ip == address,
            Wanted::Mailbox(_) => false,
            Wanted::Name(name) => *name == bare(site) || *name == bare(host),
        })
    }

    /// Whether the recipients of a session can make it wanted.
    #[must_use]
    pub fn wants_recipients(&self) -> bool {
        self.0.iter().any(|wanted| !matches!(wanted, Wanted::Ip(_)))
    }

    /// Whether mail to some recipient of this domain is wanted.
    #[must_use]
    pub fn wants_domain(&self, domain: &str) -> bool {
        self.0.iter().any(|wanted| match wanted {
            Wanted::All => true,
            Wanted::Ip(_) => false,
            Wanted::Mailbox(mailbox) => mailbox.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)),
            Wanted::Name(name) => name.eq_ignore_ascii_case(domain),
        })
    }

    /// Whether mail to this recipient is wanted.
    #[must_use]
    pub fn wants_path(&self, path: &[u8]) -> bool {
        let domain = memchr::memrchr(b'@', path).and_then(|at| path.get(at + 1..)).unwrap_or_default();
        self.0.iter().any(|wanted| match wanted {
            Wanted::All => true,
            Wanted::Ip(_) => false,
            Wanted::Mailbox(mailbox) => path.eq_ignore_ascii_case(mailbox.as_bytes()),
            Wanted::Name(name) => domain.eq_ignore_ascii_case(name.as_bytes()),
        })
    }
}

fn wanted(value: &str) -> Result<Wanted, NoFilter> {
    let bare = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')).unwrap_or(value);
    if let Ok(ip) = bare.parse() {
        return Ok(Wanted::Ip(ip));
    }
    let fails = || NoFilter(value.to_owned());
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"/*?".contains(c);
    if value.chars().any(odd) {
        return Err(fails());
    }
    match value.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => {
            Ok(Wanted::Mailbox(value.to_ascii_lowercase()))
        }
        Some(_) => Err(fails()),
        None if bare.trim_end_matches('.').is_empty() => Err(fails()),
        None => Ok(Wanted::Name(value.trim_end_matches('.').to_ascii_lowercase())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_a_host_a_site_a_domain_or_a_recipient() {
        let filter = |value| Filter::parse([value]).unwrap();
        let ip = "192.0.2.1".parse().unwrap();
        let other = "192.0.2.2".parse().unwrap();
        assert!(filter("192.0.2.1").wants_host("s", "h", ip) && !filter("192.0.2.1").wants_host("s", "h", other));
        assert!(filter("[2001:db8::1]").wants_host("s", "h", "2001:db8::1".parse().unwrap()));
        assert!(filter("MX.a.example.").wants_host("s", "mx.A.example", ip));
        assert!(filter("a.example").wants_host("a.example", "h", ip) && filter("a.example").wants_path(b"x@A.example"));
        assert!(
            filter("Ann@a.example").wants_path(b"ann@A.example")
                && !filter("ann@a.example").wants_path(b"bob@a.example")
        );
        assert!(
            filter("ann@a.example").wants_domain("a.example")
                && !filter("ann@a.example").wants_host("a.example", "h", ip)
        );
        assert!(!filter("192.0.2.1").wants_recipients() && filter("a.example").wants_recipients());
        assert!(!filter("a.example").wants_path(b"a.example") && !filter("a.example").wants_domain("b.a.example"));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for value in ["", ".", "@", "ann@", "@a.example", "a b", "<ann@a.example>", "*.example", "[]"] {
            let error = Filter::parse([value]).unwrap_err().to_string();
            assert!(error.contains("hint:"), "{value}: {error}");
        }
    }
}
