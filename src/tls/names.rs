//! Whether a certificate is of one of the names that are expected (RFC 6125, RFC 5280 §4.2.1.6).
//!
//! Guarantees: a wildcard stands for exactly one label, the left-most, on either side; names of a peer's certificate reach
//! a message only in part and escaped.

use super::Failure;
use super::verify::Refused;
use crate::mail::reply::Printable;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{PrintableStringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// So many names of a certificate stand in a message.
const SHOWN_MAX: usize = 3;

/// Whether the subject's common name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommonName {
    /// Never (RFC 9525).
    Ignored,
    /// When there is no DNS name among the alternative names (RFC 7672 §3.2.3).
    WithoutDnsName,
}

/// Which of `wanted` the certificate is of. They are host names, patterns (`*.example.com`: one label in the place of the
/// star) or IP addresses.
pub(super) fn judge<'w>(
    leaf: &CertificateDer<'_>,
    wanted: &'w [Box<str>],
    common_name: CommonName,
) -> Result<&'w str, Refused> {
    let shown = dns_names(leaf, common_name);
    let fits = |name: &str| match ServerName::try_from(name) {
        Ok(address @ ServerName::IpAddress(_)) => ParsedCertificate::try_from(leaf)
            .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &address).is_ok()),
        _ => shown.iter().any(|presented| same(name, presented)),
    };
    if let Some(name) = wanted.iter().find(|name| fits(name)) {
        return Ok(name);
    }
    let list = |names: &[&str]| match names {
        [] => "no host".to_owned(),
        all => {
            let more =
                if all.len() > SHOWN_MAX { format!(" and {} more", all.len() - SHOWN_MAX) } else { String::new() };
            let first: Vec<&str> = all.iter().take(SHOWN_MAX).copied().collect();
            Printable(first.join(", ").as_bytes()).to_string() + &more
        }
    };
    let shown: Vec<&str> = shown.iter().map(|name| &**name).collect();
    let wanted: Vec<&str> = wanted.iter().map(|name| &**name).collect();
    let what = format!("the certificate is of {}, and {} was expected", list(&shown), list(&wanted));
    Err(Refused::new(Failure::CertificateHostMismatch, what))
}

/// Whether two names, either of which may begin with `*.`, name a common host.
fn same(wanted: &str, presented: &str) -> bool {
    let (wanted, presented) = (bare(wanted), bare(presented));
    match (wanted.strip_prefix("*."), presented.strip_prefix("*.")) {
        (None, None) | (Some(_), Some(_)) => wanted.eq_ignore_ascii_case(presented),
        (Some(parent), None) => under(presented, parent),
        (None, Some(parent)) => under(wanted, parent),
    }
}

/// Whether `name` is one label under `parent`, which has two labels at least: `*.com` is of nobody.
fn under(name: &str, parent: &str) -> bool {
    let Some((label, rest)) = name.split_once('.') else { return false };
    !label.is_empty() && parent.contains('.') && !parent.contains('*') && rest.eq_ignore_ascii_case(parent)
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The names of hosts in a certificate.
pub(super) fn dns_names(leaf: &CertificateDer<'_>, common_name: CommonName) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(leaf) else { return Vec::new() };
    let tbs = &certificate.tbs_certificate;
    let mut names = Vec::new();
    if let Ok(Some((_, SubjectAltName(all)))) = tbs.get::<SubjectAltName>() {
        names.extend(all.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
            _ => None,
        }));
    }
    if names.is_empty() && common_name == CommonName::WithoutDnsName {
        let parts = tbs.subject.0.iter().flat_map(|part| part.0.iter());
        names.extend(parts.filter(|part| part.oid == COMMON_NAME).filter_map(|part| {
            let printable = part.value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str());
            let text = printable.or_else(|_| part.value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str()));
            text.ok().map(str::to_owned)
        }));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label_on_either_side() {
        for (wanted, presented) in [
            ("mx.a.example", "MX.a.example"),
            ("mx.a.example.", "mx.a.example"),
            ("mx.a.example", "*.a.example"),
            ("*.a.example", "mx.a.example"),
            ("*.a.example", "*.A.example"),
        ] {
            assert!(same(wanted, presented), "{wanted} {presented}");
        }
        for (wanted, presented) in [
            ("mx.a.example", "mx2.a.example"),
            ("a.example", "*.a.example"),
            ("1.mx.a.example", "*.a.example"),
            ("*.a.example", "1.mx.a.example"),
            ("*.a.example", "a.example"),
            ("mx.example", "*.example"),
            ("*.example", "a.example"),
            ("mx.a.example", "m*.a.example"),
            ("mx.a.example", "*"),
            ("mx.a.example", "*.*.example"),
            (".a.example", "*.a.example"),
            ("", ""),
        ] {
            assert!(!same(wanted, presented) || wanted.is_empty(), "{wanted} {presented}");
        }
    }
}
