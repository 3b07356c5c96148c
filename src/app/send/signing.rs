//! Who signs a campaign's mail (DKIM, RFC 6376), and what receivers will make of it (DMARC, RFC 7489 §3.1).
//!
//! Guarantees: a key signs only for a From of its own domain, one below it, or one of the same organisation; mail that nobody
//! signs is told before it is sent. Leaves to others: reading keys' octets (`content::dkim`), and what DNS says of them.

use super::super::config::{EngineConfig, engine};
use super::super::exit::Failure;
use super::content::read;
use crate::base::many::Many;
use crate::content::dkim::Signer;
use crate::identity::{is_below, organisation_of};
use crate::mail::address::parse_domain_into;
use crate::mail::finding::{Finding, Severity};
use std::path::PathBuf;

/// The size of an Ed25519 key.
const ED25519_BITS: usize = 256;
/// RSA keys under this are warned about (RFC 8301 §3.2).
const RSA_BITS_ADVISED: usize = 2048;
/// The check that finds mail which nobody signs.
pub const UNSIGNED: &str = "dkim-unsigned";
/// Domains that are named in a sentence.
const NAMED: usize = 5;

/// The signers of mail that is from there: an address, or a name and an address.
///
/// # Errors
/// A key that cannot be read or used.
pub fn signers(config: &EngineConfig, from: &str) -> Result<Vec<Signer>, Failure> {
    let mut signers = Vec::new();
    for dkim in of_domain(config, &domain_of(from)) {
        for key in [Some(&dkim.key), dkim.second.as_ref()].into_iter().flatten() {
            signers.push(signer(dkim, key)?);
        }
    }
    Ok(signers)
}

/// The domains that mail from there is signed for.
#[must_use]
pub fn domains<'c>(config: &'c EngineConfig, from: &str) -> Vec<&'c str> {
    of_domain(config, &domain_of(from)).into_iter().map(|dkim| dkim.domain.as_str()).collect()
}

/// The files of all keys.
#[must_use]
pub fn key_files(config: &EngineConfig) -> Vec<PathBuf> {
    let keys = config.dkim.iter().flat_map(|dkim| [Some(&dkim.key), dkim.second.as_ref()]);
    keys.flatten().map(|key| key.file.clone()).collect()
}

/// What receivers miss about the signatures of mail that is from there. `place`: where the campaign says from whom.
#[must_use]
pub fn findings(config: &EngineConfig, from: &str, place: &str) -> Vec<Finding> {
    let domain = domain_of(from);
    if !of_domain(config, &domain).is_empty() {
        return Vec::new();
    }
    let says = if config.dkim.is_empty() {
        "no [[dkim]] key is configured: unless a smarthost signs them, the messages leave without a signature"
            .to_owned()
    } else {
        let named: Vec<&str> = config.dkim.iter().take(NAMED).map(|dkim| dkim.domain.as_str()).collect();
        let more = config.dkim.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {}", Many(more as u64, "other", "others")) } else { String::new() };
        format!(
            "no [[dkim]] key is for the From domain {domain} (there are keys for {}{more}): the messages leave without a \
             signature, for another domain's would not align",
            named.join(", ")
        )
    };
    let hint = format!(
        "in the engine's configuration: [[dkim]] domain = \"{domain}\", selector = \"s1\", key = \"s1.pem\"; engine.toml tells \
         how to make keys"
    );
    vec![Finding::new(Severity::Warning, UNSIGNED, place, says).hint(hint).draws("550 5.7.26")]
}

/// Those that sign for a domain: its own keys and those of domains above it; where there are none, those of its
/// organisation, which DMARC takes for aligned unless the domain asks for more.
fn of_domain<'c>(config: &'c EngineConfig, domain: &str) -> Vec<&'c engine::Dkim> {
    let above: Vec<_> = config.dkim.iter().filter(|dkim| is_below(domain, &dkim.domain)).collect();
    if !above.is_empty() {
        return above;
    }
    let organisation = organisation_of(domain);
    let is_of_it = |dkim: &&engine::Dkim| organisation.is_some() && organisation_of(&dkim.domain) == organisation;
    config.dkim.iter().filter(is_of_it).collect()
}

/// The domain of an address, perhaps behind a name, in lower case and A-labels.
#[must_use]
pub fn domain_of(from: &str) -> String {
    let domain = from.rsplit_once('@').map_or("", |(_, rest)| rest.trim_end_matches(['>', ' ']));
    let mut ascii = Vec::new();
    match parse_domain_into(domain.as_bytes(), &mut ascii) {
        Ok(()) => String::from_utf8_lossy(&ascii).into_owned(),
        Err(_) => domain.to_ascii_lowercase(),
    }
}

fn signer(dkim: &engine::Dkim, key: &engine::DkimKey) -> Result<Signer, Failure> {
    let octets = read(&key.file, "the DKIM key")?;
    let pem = String::from_utf8_lossy(&octets);
    let file = key.file.display().to_string();
    let signer =
        Signer::from_pem(&dkim.domain, &key.selector, &pem, &file).map_err(|e| Failure::usage(e.to_string()))?;
    if signer.bits() != ED25519_BITS && signer.bits() < RSA_BITS_ADVISED {
        tracing::warn!(key = %file, bits = signer.bits(), "a key under 2048 bits: receivers trust it less");
    }
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::config::document::Document;
    use std::path::Path;

    fn with(domains: &[&str]) -> EngineConfig {
        let tables =
            domains.iter().map(|d| format!("[[dkim]]\ndomain = \"{d}\"\nselector = \"s1\"\nkey = \"s1.pem\"\n"));
        EngineConfig::from_document(&Document::new(Path::new("engine.toml"), tables.collect())).unwrap()
    }

    #[test]
    fn keys_sign_for_their_domain_those_below_and_their_organisation() {
        for (domains, from, expected) in [
            (vec!["acme.example"], "News <n@ACME.example>", vec!["acme.example"]),
            (vec!["acme.example"], "n@news.acme.example", vec!["acme.example"]),
            (vec!["acme.example"], "n@notacme.example", vec![]),
            (vec!["mail.acme.example"], "n@acme.example", vec!["mail.acme.example"]),
            (vec!["mail.acme.example", "acme.example"], "n@acme.example", vec!["acme.example"]),
            (vec!["acme.co.uk"], "n@other.co.uk", vec![]),
            (vec!["ACME.example."], "n@acme.example", vec!["acme.example"]),
            (vec!["b\u{fc}cher.example"], "n@xn--bcher-kva.example", vec!["xn--bcher-kva.example"]),
            (vec!["xn--bcher-kva.example"], "B\u{fc}cher <n@b\u{fc}cher.example>", vec!["xn--bcher-kva.example"]),
        ] {
            let config = with(&domains);
            let found: Vec<&str> = of_domain(&config, &domain_of(from)).iter().map(|d| d.domain.as_str()).collect();
            assert_eq!(found, expected, "{from}");
            assert_eq!(findings(&config, from, "").is_empty(), !expected.is_empty());
        }
    }

    #[test]
    fn mail_that_nobody_signs_is_told_with_the_lines_to_write() {
        let found = findings(&with(&["other.example"]), "n@acme.example", "w.toml:2:8");
        assert_eq!((found.len(), found[0].check, found[0].place.as_str()), (1, "dkim-unsigned", "w.toml:2:8"));
        assert!(
            found[0]
                .says
                .contains("no [[dkim]] key is for the From domain acme.example (there are keys for other.example)")
        );
        assert!(found[0].hint.contains("domain = \"acme.example\""));
        assert!(findings(&with(&[]), "n@acme.example", "")[0].says.contains("no [[dkim]] key is configured"));
    }
}
