//! The public half of a key in DNS (RFC 6376 §3.6): it is there, it is the one, and a letter verifies with it.

use super::{Judged, txt_line};
use crate::content::Composed;
use crate::content::dkim::{Published, PublishedError, Signer, VerifyError, verify};
use crate::identity::{Facts, Lack, organisation_of};
use crate::mail::finding::{Finding, Severity};

/// What Google answers.
const DRAWS: &str = "550 5.7.30";

pub(super) fn judge(facts: &Facts, signer: &Signer, letters: &[Composed]) -> Judged {
    let name = signer.record_name();
    let line = txt_line(&name, &signer.record());
    let error = |check, says: String| Finding::new(Severity::Error, check, &name, says).draws(DRAWS);
    let texts = facts.texts(&name)?;
    let text = match texts.as_slice() {
        [] => return Ok(vec![missing(facts, signer, &name)?.hint(line).draws(DRAWS)]),
        [one] => *one,
        several => {
            let says = format!("{} TXT records stand there, and receivers take any of them", several.len());
            return Ok(vec![error("dkim-several", says).hint(format!("leave one: {line}"))]);
        }
    };
    let published = match Published::read(text) {
        Ok(published) => published,
        Err(PublishedError::Revoked) => {
            let hint = format!("if that was not meant: {line}; if it was, make a new key under another selector");
            return Ok(vec![error("dkim-revoked", "the key is revoked: its p= is empty".to_owned()).hint(hint)]);
        }
        Err(why) => return Ok(vec![error("dkim-record", format!("the record is no key: {why}")).hint(line)]),
    };
    if !published.is_of(signer) {
        let says = format!(
            "the key there is another one ({}, {} bits) than the one that signs ({} bits): no signature verifies",
            published.kind(),
            published.bits(),
            signer.bits()
        );
        return Ok(vec![error("dkim-mismatch", says).hint(line)]);
    }
    let mut findings = Vec::new();
    if published.is_test {
        let says = "the record says t=y: receivers treat the mail as if it were not signed";
        findings.push(Finding::new(Severity::Warning, "dkim-testing", &name, says).hint(line));
    }
    let failed =
        letters.iter().find_map(|letter| verify(&letter.content, signer.domain(), signer.selector(), &published).err());
    // A letter without the signature is one that another key was chosen for.
    if let Some(why) = failed.filter(|why| *why != VerifyError::Unsigned) {
        let says = format!("a letter does not verify with the key there: {why}");
        findings.push(error("dkim-verify", says).hint("report this: the key is the right one"));
    }
    Ok(findings)
}

/// There is none. Panels that put the domain behind every name make it one of another place.
fn missing(facts: &Facts, signer: &Signer, name: &str) -> Result<Finding, Lack> {
    let doubled = organisation_of(signer.domain()).map(|organisation| format!("{name}.{organisation}"));
    let strayed = match &doubled {
        Some(doubled) => match facts.texts(doubled) {
            Err(Lack::Open) => return Err(Lack::Open),
            texts => texts.is_ok_and(|texts| !texts.is_empty()),
        },
        None => false,
    };
    let says = match doubled.filter(|_| strayed) {
        Some(doubled) => {
            format!("there is no key, but one at {doubled}: what published it put the domain behind the name once more")
        }
        None => "there is no key: the signatures verify nowhere".to_owned(),
    };
    Ok(Finding::new(Severity::Error, "dkim-missing", name, says))
}

/// Keys of which none is one that all receivers verify.
pub(super) fn only_ed25519(signers: &[Signer]) -> Option<Finding> {
    let first = signers.first().filter(|_| signers.iter().all(Signer::is_ed25519))?;
    let says = "the letters have an Ed25519 signature alone, which Microsoft, Google and others do not verify";
    let hint = "let an RSA key of 2048 bits sign, and this one as `second` (engine.toml tells how to make them)";
    Some(Finding::new(Severity::Warning, "dkim-algorithm", first.domain(), says).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::UnixTime;
    use crate::content::dkim::sign;

    /// RFC 8463 §A.2: the secret key, as PKCS#8, and the record of its public half.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    fn signer() -> Signer {
        Signer::from_pem("acme.example", "s1", KEY, "s1.pem").unwrap()
    }

    #[test]
    fn a_letter_that_does_not_verify_with_its_own_key_is_told() {
        let facts = &mut Facts::of(
            "s1._domainkey.acme.example TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        );
        let message = b"From: Ann <ann@acme.example>\r\nSubject: Hello\r\n\r\nHello.\r\n";
        let whole = sign(message, vec![signer()], UnixTime(1)).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        let altered = text.replace("\r\nHello.", "\r\nHullo.").into_bytes();
        let mut found = |content: &[u8]| {
            let letters = [Composed { content: content.to_vec(), ..Composed::default() }];
            let findings = facts.judged(|facts| judge(facts, &signer(), &letters)).unwrap();
            findings.into_iter().map(|finding| (finding.check, finding.severity, finding.draws)).collect::<Vec<_>>()
        };
        assert_eq!(found(&whole), []);
        assert_eq!(found(&altered), [("dkim-verify", Severity::Error, DRAWS)]);
    }
}
