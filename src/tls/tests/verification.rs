//! Whom a client believes, and what it says when it does not.

use super::authority::{Authority, Issued, self_signed};
use super::take;
use crate::base::out::Out;
use crate::tls::certificate::Description;
use crate::tls::dane::{Dane, Tlsa};
use crate::tls::{
    Client, ClientConfig, ClientOptions, Failure, Proof, Roots, Server, ServerConfig, TlsError, Verification,
};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rcgen::Certificate;
use std::sync::Arc;

const HOST: &str = "mx1.a.example";
/// 2026, in seconds since 1970.
const NOW_S: u64 = 1_795_000_000;

fn config(roots: Roots) -> ClientConfig {
    ClientConfig::new(&ClientOptions { roots, ..ClientOptions::default() }).unwrap()
}

fn names(all: &[&str]) -> Verification {
    Verification::Names(all.iter().map(|name| Box::from(*name)).collect())
}

/// Shakes hands; the error is the client's.
fn shake(config: &ClientConfig, verification: &Verification, server: &ServerConfig) -> Result<Client, TlsError> {
    let (mut client, mut server) = (Client::new(config, HOST, verification).unwrap(), Server::new(server).unwrap());
    let (mut out, mut plain) = (Out::new(), Vec::new());
    for _ in 0..10 {
        client.write(&[], &mut out)?;
        server.read(&take(&mut out), &mut plain).unwrap();
        server.write(&[], &mut out).unwrap();
        client.read(&take(&mut out), &mut plain)?;
    }
    assert!(!client.is_handshaking());
    Ok(client)
}

fn refusal(config: &ClientConfig, verification: &Verification, server: &ServerConfig) -> (Failure, String) {
    let error = shake(config, verification, server).unwrap_err();
    assert!(error.to_string().contains("hint: "), "{error}");
    (error.failure().unwrap(), error.to_string())
}

#[test]
fn a_chain_to_a_root_and_the_right_name_are_believed() {
    let root = Authority::new("root");
    let middle = root.under("middle");
    let config = config(root.roots());
    let leaf = middle.issue(&[HOST, "mx2.a.example"]);
    let server = leaf.server(&[&middle.certificate]);
    for good in [&[HOST][..], &["nobody.example", "MX2.A.example"], &["*.a.example"]] {
        let client = shake(&config, &names(good), &server).unwrap();
        assert_eq!(client.chain(), [leaf.der(), middle.certificate.der().to_vec()]);
        assert!(matches!(config.judge(&names(good), &client.chain(), NOW_S), Ok(Proof::Name(_))));
    }
    shake(&config, &names(&[HOST]), &root.issue(&["*.a.example"]).server(&[])).unwrap();
    let (failure, text) = refusal(&config, &names(&["mx3.a.example"]), &server);
    assert_eq!(failure, Failure::CertificateHostMismatch);
    assert!(text.contains("is of mx1.a.example, mx2.a.example, and mx3.a.example was expected"), "{text}");
    for bad in [&["a.example"][..], &["*.mx1.a.example"], &["*.example"], &[]] {
        assert_eq!(refusal(&config, &names(bad), &server).0, Failure::CertificateHostMismatch, "{bad:?}");
    }
}

#[test]
fn each_fault_of_a_certificate_has_its_word() {
    let (root, stranger) = (Authority::new("root"), Authority::new("stranger"));
    let middle = root.under("middle");
    let config = config(root.roots());
    let wanted = names(&[HOST]);
    let cases: [(ServerConfig, Failure, &str); 6] = [
        (
            root.issue_for(&[HOST], (2000, 2001)).server(&[]),
            Failure::CertificateExpired,
            "expired at 2001-01-01 00:00:00 UTC",
        ),
        (
            root.issue_for(&[HOST], (2080, 2081)).server(&[]),
            Failure::CertificateNotTrusted,
            "not valid before 2080-01-01",
        ),
        (stranger.issue(&[HOST]).server(&[&stranger.certificate]), Failure::CertificateNotTrusted, "issuer is unknown"),
        (self_signed(&[HOST]).server(&[]), Failure::CertificateNotTrusted, "self-signed"),
        (middle.issue(&[HOST]).server(&[]), Failure::CertificateNotTrusted, "issuer is unknown"),
        (root.issue(&["mx9.b.example"]).server(&[]), Failure::CertificateHostMismatch, "mx9.b.example"),
    ];
    for (server, failure, text) in cases {
        let said = refusal(&config, &wanted, &server);
        assert!(said.0 == failure && said.1.contains(text), "{said:?}");
        shake(&config, &Verification::Opportunistic, &server).unwrap();
    }
    // Someone who calls himself by the authority's name.
    let impostor = Authority::new("root");
    assert_eq!(refusal(&config, &wanted, &impostor.issue(&[HOST]).server(&[])).0, Failure::CertificateNotTrusted);
}

#[test]
fn a_certificate_that_is_itself_a_root_is_believed_while_it_lasts() {
    let own = self_signed(&[HOST]);
    let roots = |issued: &Issued| {
        let text = issued.certificate.pem().into_bytes().into();
        config(Roots::Pem(crate::tls::Pem { file: "own.pem".into(), text }))
    };
    shake(&roots(&own), &names(&[HOST]), &own.server(&[])).unwrap();
    assert_eq!(refusal(&roots(&own), &names(&["b.example"]), &own.server(&[])).0, Failure::CertificateHostMismatch);
    let other = self_signed(&[HOST]);
    assert_eq!(refusal(&roots(&own), &names(&[HOST]), &other.server(&[])).0, Failure::CertificateNotTrusted);
    for (years, failure) in
        [((2000, 2001), Failure::CertificateExpired), ((2080, 2081), Failure::CertificateNotTrusted)]
    {
        let old = Authority::new("root").issue_for(&[HOST], years);
        assert_eq!(refusal(&roots(&old), &names(&[HOST]), &old.server(&[])).0, failure);
    }
}

#[test]
fn addresses_are_names_too() {
    let root = Authority::new("root");
    let config = config(root.roots());
    let server = root.issue(&["192.0.2.1", "2001:db8::1"]).server(&[]);
    shake(&config, &names(&["192.0.2.1"]), &server).unwrap();
    shake(&config, &names(&["2001:db8::1"]), &server).unwrap();
    assert_eq!(refusal(&config, &names(&["192.0.2.2"]), &server).0, Failure::CertificateHostMismatch);
}

#[test]
fn without_roots_nothing_can_be_verified_and_that_is_said() {
    let pem = |text: &str| Roots::Pem(crate::tls::Pem { file: "conf/roots.pem".into(), text: text.as_bytes().into() });
    for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = ClientConfig::new(&ClientOptions { roots: pem(bad), ..ClientOptions::default() }).unwrap_err();
        assert!(error.to_string().contains("conf/roots.pem: ") && error.failure().is_none(), "{error}");
    }
}

fn record(usage: u8, selector: u8, matching: u8, certificate: &Certificate) -> Tlsa {
    let spki = rustls::server::ParsedCertificate::try_from(certificate.der()).unwrap().subject_public_key_info();
    let selected: &[u8] = if selector == 0 { certificate.der() } else { &spki };
    let data = match matching {
        0 => selected.to_vec(),
        1 => digest(&SHA256, selected).as_ref().to_vec(),
        _ => digest(&SHA512, selected).as_ref().to_vec(),
    };
    Tlsa { usage, selector, matching, data: data.into() }
}

fn dane(records: &[Tlsa]) -> Verification {
    Verification::Dane(Arc::new(Dane::of(records, vec![HOST.into(), "a.example".into()]).unwrap()))
}

#[test]
fn dane_ee_wants_the_certificate_or_its_key_and_nothing_else() {
    let config = config(Roots::System);
    // RFC 7672 §3.1.1: neither names nor dates matter.
    let leaf = Authority::new("nobody").issue_for(&["other.example"], (2000, 2001));
    let server = leaf.server(&[]);
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let good = record(3, selector, matching, &leaf.certificate);
        let client = shake(&config, &dane(std::slice::from_ref(&good)), &server).unwrap();
        assert_eq!(
            config.judge(&dane(std::slice::from_ref(&good)), &client.chain(), NOW_S),
            Ok(Proof::Dane(good.clone()))
        );
        let mut bad = good.clone();
        bad.data[5] ^= 1;
        // A certificate whose bits are flipped may be none any more: then the record is unusable.
        if bad.is_usable() {
            assert_eq!(refusal(&config, &dane(std::slice::from_ref(&bad)), &server).0, Failure::TlsaInvalid);
            shake(&config, &dane(&[bad, good]), &server).unwrap();
        }
    }
    let other = self_signed(&[HOST]);
    let (failure, text) = refusal(&config, &dane(&[record(3, 1, 1, &other.certificate)]), &server);
    assert_eq!(failure, Failure::TlsaInvalid);
    assert!(text.contains("does not fit the TLSA record 3 1 1 "), "{text}");
    // The key of the right certificate under the wrong selector or digest is nothing.
    let mut mixed = record(3, 1, 1, &leaf.certificate);
    mixed.selector = 0;
    assert_eq!(refusal(&config, &dane(&[mixed]), &server).0, Failure::TlsaInvalid);
}

#[test]
fn with_dane_the_handshake_asks_for_the_name_at_which_the_records_stand() {
    let record = Tlsa { usage: 3, selector: 1, matching: 1, data: [7; 32].into() };
    let names = vec!["base.example".into(), HOST.into()];
    let dane = Verification::Dane(Arc::new(Dane { records: vec![record], names }));
    let asks_for = |verification: &Verification, name: &str| {
        let mut out = Out::new();
        Client::new(&config(Roots::System), HOST, verification).unwrap().write(&[], &mut out).unwrap();
        take(&mut out).windows(name.len()).any(|octets| octets == name.as_bytes())
    };
    assert!(asks_for(&dane, "base.example") && !asks_for(&dane, HOST));
    assert!(asks_for(&Verification::Opportunistic, HOST));
}

#[test]
fn dane_ta_wants_a_chain_to_the_anchor_today_and_a_name() {
    let config = config(Roots::System);
    let root = Authority::new("root");
    let middle = root.under("middle");
    let leaf = middle.issue(&["a.example"]);
    let whole = leaf.server(&[&middle.certificate, &root.certificate]);
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        // The anchor may be the root, or one in the middle that did not sign itself.
        for anchor in [&root.certificate, &middle.certificate] {
            shake(&config, &dane(&[record(2, selector, matching, anchor)]), &whole).unwrap();
        }
    }
    shake(&config, &dane(&[record(2, 1, 1, &middle.certificate)]), &leaf.server(&[&middle.certificate])).unwrap();
    // Whole certificates need not be sent, digests must be.
    shake(&config, &dane(&[record(2, 0, 0, &root.certificate)]), &leaf.server(&[&middle.certificate])).unwrap();
    let absent = leaf.server(&[&middle.certificate]);
    assert_eq!(refusal(&config, &dane(&[record(2, 1, 1, &root.certificate)]), &absent).0, Failure::TlsaInvalid);
    // A leaf is no anchor, and an anchor that signed something else is none of this chain.
    assert_eq!(refusal(&config, &dane(&[record(2, 1, 1, &leaf.certificate)]), &whole).0, Failure::TlsaInvalid);
    let stranger = Authority::new("stranger");
    let appended = self_signed(&["a.example"]).server(&[&stranger.certificate]);
    let record_of_stranger = dane(&[record(2, 1, 1, &stranger.certificate)]);
    assert_eq!(refusal(&config, &record_of_stranger, &appended).0, Failure::CertificateNotTrusted);
    // Names and dates matter (§3.1.2).
    let of_anchor = dane(&[record(2, 1, 1, &root.certificate)]);
    let named = |issued: Issued| refusal(&config, &of_anchor, &issued.server(&[&root.certificate])).0;
    assert_eq!(named(root.issue(&["b.example"])), Failure::CertificateHostMismatch);
    assert_eq!(named(root.issue_for(&[HOST], (2000, 2001))), Failure::CertificateExpired);
}

#[test]
fn records_that_are_no_use_are_left_out_and_the_stronger_digest_outdoes_the_weaker() {
    let leaf = self_signed(&[HOST]);
    let right = |usage, selector, matching| record(usage, selector, matching, &leaf.certificate);
    let other = self_signed(&["b.example"]);
    let short = Tlsa { data: Box::from([0; 31]), ..right(3, 1, 1) };
    let empty = Tlsa { data: Box::from([]), ..right(3, 1, 0) };
    let unknown = [
        Tlsa { usage: 4, ..right(3, 1, 1) },
        Tlsa { selector: 2, ..right(3, 1, 1) },
        Tlsa { matching: 3, ..right(3, 1, 1) },
    ];
    let useless: Vec<Tlsa> = [right(0, 1, 1), right(1, 1, 1), short, empty].into_iter().chain(unknown).collect();
    assert!(useless.iter().all(|record| !record.is_usable()));
    assert_eq!(Dane::of(&useless, Vec::new()), None);
    assert_eq!(Dane::of(&[], Vec::new()), None);
    // RFC 7671 §9: with a SHA-512 of the same usage and selector the SHA-256 does not count, even if it fits.
    let strong = record(3, 1, 2, &other.certificate);
    let all = dane(&[right(3, 1, 1), strong.clone()]);
    assert_eq!(refusal(&config(Roots::System), &all, &leaf.server(&[])).0, Failure::TlsaInvalid);
    shake(&config(Roots::System), &dane(&[right(3, 0, 1), strong.clone()]), &leaf.server(&[])).unwrap();
    shake(&config(Roots::System), &dane(&[right(3, 1, 0), strong]), &leaf.server(&[])).unwrap();
    assert!(Dane::of(&vec![right(3, 1, 1); 1000], Vec::new()).unwrap().records.len() <= crate::tls::dane::RECORDS_MAX);
}

#[test]
fn a_deep_or_huge_chain_costs_little_and_ends() {
    let root = Authority::new("root");
    let config = config(root.roots());
    let mut deep = vec![root.under("level 0")];
    while deep.len() < 60 {
        let next = deep.last().unwrap().under(&format!("level {}", deep.len()));
        deep.push(next);
    }
    let leaf = deep.last().unwrap().issue(&[HOST]);
    let chain: Vec<&Certificate> = deep.iter().rev().map(|authority| &authority.certificate).collect();
    let server = leaf.server(&chain);
    assert_eq!(refusal(&config, &names(&[HOST]), &server).0, Failure::CertificateNotTrusted);
    assert_eq!(refusal(&config, &dane(&[record(2, 1, 1, &root.certificate)]), &server).0, Failure::TlsaInvalid);
    // More than 64 KiB of certificates is more than a handshake may hold, whoever is asked for.
    let huge: Vec<&Certificate> = chain.iter().copied().cycle().take(400).collect();
    let error = shake(&config, &Verification::Opportunistic, &leaf.server(&huge)).unwrap_err();
    assert_eq!(error.failure(), Some(Failure::ValidationFailure), "{error}");
}

#[test]
fn a_certificate_is_described_and_its_words_are_harmless() {
    let root = Authority::new("a\u{1b}[31m root");
    let leaf = root.issue(&[HOST, "mx2.a.example"]);
    let description = Description::of(&leaf.der()).unwrap();
    assert_eq!(
        (&*description.subject, &*description.names),
        ("CN=a leaf", &[HOST.to_owned(), "mx2.a.example".to_owned()][..])
    );
    assert!(description.issuer.starts_with("CN=a") && !description.issuer.contains('\u{1b}'), "{}", description.issuer);
    assert_eq!((description.not_before_s, description.not_after_s), (1_577_836_800, 3_786_912_000));
    assert_eq!(description.key, "ECDSA P-256");
    let fits = record(3, 1, 1, &leaf.certificate).presentation();
    assert_eq!(fits, format!("3 1 1 {}", description.spki_sha256));
    assert!(!description.is_self_issued() && Description::of(root.certificate.der()).unwrap().is_self_issued());
    for cut in 0..leaf.der().len() {
        assert_eq!(Description::of(&leaf.der()[..cut]), None);
    }
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..2000 {
        let mut der = leaf.der();
        let at = rng.usize(..der.len());
        der[at] = rng.u8(..);
        if let Some(description) = Description::of(&der) {
            assert!(description.subject.chars().chain(description.issuer.chars()).all(|c| !c.is_control()));
        }
    }
}
