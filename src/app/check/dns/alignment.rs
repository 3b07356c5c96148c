//! Whether what SPF and DKIM prove is the From domain (RFC 7489 §3.1): by one of them it must be, by both it should.

use super::dkim;
use super::{Judged, Path};
use crate::content::dkim::Signer;
use crate::identity::{Dmarc, Facts, Found, are_aligned, discover};
use crate::mail::finding::{Finding, Severity};

/// What Google answers.
const DRAWS: &str = "550 5.7.32";

/// `is_direct`: nobody else signs on the way.
pub(super) fn judge(facts: &Facts, from: &str, signers: &[Signer], paths: &[Path], is_direct: bool) -> Judged {
    let record: Option<Dmarc> = match discover(facts, from)? {
        Found::One { says: Ok(dmarc), .. } => Some(dmarc),
        _ => None,
    };
    let strict = |of: fn(&Dmarc) -> bool| record.as_ref().is_some_and(of);
    let (dkim_strict, spf_strict) = (strict(|dmarc| dmarc.strict_dkim), strict(|dmarc| dmarc.strict_spf));
    let by_dkim = signers.iter().any(|signer| are_aligned(signer.domain(), from, dkim_strict));
    let stranger = paths.iter().find(|path| !are_aligned(&path.domain, from, spf_strict));
    let mut findings: Vec<Finding> = dkim::only_ed25519(signers).into_iter().collect();
    let as_strict = |is_strict| if is_strict { " (the DMARC record asks for the very domain)" } else { "" };
    let by_spf = format!(
        "the reverse-path's domain {} is not that of From, {from}{}",
        stranger.map_or("", |path| path.domain.as_str()),
        as_strict(spf_strict)
    );
    let spf_hint = format!(
        "return_path = \"b+{{token}}@{}\"",
        if spf_strict { from.to_owned() } else { format!("bounce.{from}") }
    );
    let not_dkim = match signers.first() {
        Some(signer) => {
            format!("the signing domain {} is not that of From, {from}{}", signer.domain(), as_strict(dkim_strict))
        }
        None => "no key of ours signs".to_owned(),
    };
    let dkim_hint = format!("[[dkim]] domain = \"{from}\" with a key of its own");
    match (by_dkim, stranger.is_none()) {
        (true, true) => {}
        (false, false) if is_direct || !signers.is_empty() => {
            let says = format!("neither SPF nor DKIM speaks for {from}, so that DMARC fails: {by_spf}; {not_dkim}");
            let finding =
                Finding::new(Severity::Error, "alignment", from, says).hint(format!("{spf_hint}, or {dkim_hint}"));
            findings.push(finding.draws(DRAWS));
        }
        (_, false) => {
            let unless = if by_dkim { "DKIM alone speaks for it" } else { "DMARC fails unless the smarthost signs" };
            let says = format!("{by_spf}: {unless}");
            findings.push(Finding::new(Severity::Warning, "alignment", from, says).hint(spf_hint));
        }
        // That nobody signs is told without DNS.
        (false, true) if signers.is_empty() => {}
        (false, true) => {
            let says = format!("{not_dkim}: SPF alone speaks for it, and is gone once the mail is forwarded");
            findings.push(Finding::new(Severity::Warning, "alignment", from, says).hint(dkim_hint));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Answer, Kind, Question, Record};

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    fn found(dmarc: &str, signer: Option<&str>, path: &str, is_direct: bool) -> Vec<(Severity, &'static str)> {
        let mut facts = Facts::default();
        let question = Question { name: "_dmarc.acme.example".to_owned(), kind: Kind::Txt };
        facts.learn(question, Answer::Found(vec![Record::Text(dmarc.to_owned())]));
        let signers: Vec<Signer> =
            signer.map(|domain| Signer::from_pem(domain, "s1", PEM, "s1.pem").unwrap()).into_iter().collect();
        let paths = [Path { local: "b".into(), domain: path.to_owned() }];
        let found = judge(&facts, "acme.example", &signers, &paths, is_direct).unwrap();
        found.iter().map(|finding| (finding.severity, finding.check)).collect()
    }

    #[test]
    fn one_of_both_must_speak_for_from_and_both_should() {
        const RELAXED: &str = "v=DMARC1; p=none";
        let ed25519 = (Severity::Warning, "dkim-algorithm");
        let (error, warning) = ((Severity::Error, "alignment"), (Severity::Warning, "alignment"));
        for (dmarc, signer, path, is_direct, wanted) in [
            (RELAXED, Some("acme.example"), "bounce.acme.example", true, vec![ed25519]),
            (RELAXED, Some("mail.acme.example"), "bounce.acme.example", true, vec![ed25519]),
            (RELAXED, Some("acme.example"), "relay.example", true, vec![ed25519, warning]),
            (RELAXED, None, "relay.example", true, vec![error]),
            (RELAXED, None, "relay.example", false, vec![warning]),
            (RELAXED, None, "acme.example", true, vec![]),
            (
                "v=DMARC1; p=none; adkim=s",
                Some("mail.acme.example"),
                "bounce.acme.example",
                true,
                vec![ed25519, warning],
            ),
            ("v=DMARC1; p=none; aspf=s", Some("acme.example"), "bounce.acme.example", true, vec![ed25519, warning]),
            (
                "v=DMARC1; p=none; adkim=s; aspf=s",
                Some("mail.acme.example"),
                "bounce.acme.example",
                true,
                vec![ed25519, error],
            ),
        ] {
            assert_eq!(found(dmarc, signer, path, is_direct), wanted, "{dmarc} {signer:?} {path}");
        }
    }
}
