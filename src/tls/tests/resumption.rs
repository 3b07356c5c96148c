//! What is resumed, and what must never be.

use super::authority::{Authority, self_signed};
use super::*;
use crate::tls::dane::{Dane, Tlsa};
use ::aws_lc_rs::digest::{SHA256, digest};

fn pair(config: &ClientConfig, verification: &Verification, server: &ServerConfig) -> Pair {
    Pair::under(config, "mx1.acme.example", verification, server, usize::MAX)
}

/// Whether a session under `verification` is resumed.
fn resumed(config: &ClientConfig, verification: &Verification, server: &ServerConfig) -> bool {
    let mut pair = pair(config, verification, server);
    pair.settle();
    assert!(!pair.client.is_handshaking());
    pair.client.is_resumed()
}

/// Whether the client refuses the server under `verification`.
fn refused(config: &ClientConfig, verification: &Verification, server: &ServerConfig) -> bool {
    let mut pair = pair(config, verification, server);
    let (mut out, mut failed) = (Out::new(), false);
    for _ in 0..4 {
        pair.client.write(&[], &mut out).unwrap();
        failed |= pair.server.read(&take(&mut out), &mut pair.at_server).is_err();
        if pair.server.write(&[], &mut out).is_ok() {
            failed |= pair.client.read(&take(&mut out), &mut pair.at_client).is_err();
        }
    }
    failed && pair.client.is_handshaking()
}

fn names(name: &str) -> Verification {
    Verification::Names(Arc::from([Box::from(name)]))
}

fn dane_of(der: &[u8]) -> Verification {
    let data = digest(&SHA256, der).as_ref().into();
    let record = Tlsa { usage: 3, selector: 0, matching: 1, data };
    Verification::Dane(Arc::new(Dane { records: vec![record], names: Vec::new() }))
}

#[test]
fn a_session_is_resumed_under_its_own_verification_only() {
    let root = Authority::new("root");
    let leaf = root.issue(&["mx1.acme.example"]);
    for tls12 in [false, true] {
        let (chain, key) = (leaf.certificate.pem(), leaf.key.serialize_pem());
        let versions: &[&rustls::SupportedProtocolVersion] =
            if tls12 { &[&rustls::version::TLS12] } else { rustls::DEFAULT_VERSIONS };
        let server = ServerConfig::of_versions(chain.as_bytes(), key.as_bytes(), versions).unwrap();
        let config = ClientConfig::new(&ClientOptions { roots: root.roots(), ..ClientOptions::default() }).unwrap();
        let all =
            [Verification::Opportunistic, names("mx1.acme.example"), names("*.acme.example"), dane_of(&leaf.der())];
        for verification in &all {
            assert!(!resumed(&config, verification, &server), "{verification:?} took another's session");
            assert!(resumed(&config, verification, &server), "{verification:?}");
            // An equal one, made anew, is the same.
            assert!(resumed(&config, &verification.clone(), &server), "{verification:?}");
        }
        for verification in &all {
            assert!(resumed(&config, verification, &server), "{verification:?} after all others");
        }
    }
}

#[test]
fn a_lax_session_opens_no_strict_one() {
    let root = Authority::new("root");
    let server = self_signed(&["mx1.acme.example"]).server(&[]);
    let config = ClientConfig::new(&ClientOptions { roots: root.roots(), ..ClientOptions::default() }).unwrap();
    assert!(!resumed(&config, &Verification::Opportunistic, &server));
    assert!(resumed(&config, &Verification::Opportunistic, &server));
    for strict in [names("mx1.acme.example"), dane_of(b"another certificate")] {
        assert!(refused(&config, &strict, &server), "{strict:?}");
        assert!(refused(&config, &strict, &server), "{strict:?}");
    }
    assert!(resumed(&config, &Verification::Opportunistic, &server));
}

#[test]
fn peers_are_forgotten_in_turn_over_all_verifications() {
    let server = server_config();
    let config = ClientConfig::new(&ClientOptions { peers_max: 2, ..ClientOptions::default() }).unwrap();
    let visit = |host: &str| {
        let mut pair = Pair::under(&config, host, &Verification::Opportunistic, &server, usize::MAX);
        pair.settle();
        pair.client.is_resumed()
    };
    assert!(!visit("mx1.a.example") && !visit("mx2.a.example"));
    assert!(visit("mx1.a.example") && visit("mx2.a.example"));
    assert!(!visit("mx3.a.example"));
    assert!(visit("mx2.a.example") && visit("mx3.a.example"));
    assert!(!visit("mx1.a.example"));
    let none = ClientConfig::new(&ClientOptions { peers_max: 0, ..ClientOptions::default() }).unwrap();
    assert!(!resumed(&none, &Verification::Opportunistic, &server));
    assert!(!resumed(&none, &Verification::Opportunistic, &server));
}

#[test]
fn ten_sessions_at_one_time_need_few_handshakes_afterwards() {
    let (server, config) = (server_config(), client_config());
    let mut full = 0;
    for _round in 0..20 {
        let pairs: Vec<Pair> = (0..10).map(|_| Pair::new(&config, &server, usize::MAX)).collect();
        for mut pair in pairs {
            pair.settle();
            full += u32::from(!pair.client.is_resumed());
        }
    }
    // The first ten begin before there is a ticket; later ones find those of the round before.
    assert!(full <= 10 + 20 * 2, "{full} full handshakes of 200");
}

#[test]
fn the_lowest_version_is_kept_to() {
    let strict = ClientOptions { minimum: Version::Tls13, ..ClientOptions::default() };
    let config = ClientConfig::new(&strict).unwrap();
    assert!(refused(&config, &Verification::Opportunistic, &tls12_config()));
    assert!(!resumed(&config, &Verification::Opportunistic, &server_config()));
}

#[test]
fn a_certificate_of_our_own_is_shown_and_a_wrong_file_is_named() {
    use rustls::server::WebPkiClientVerifier;
    let root = Authority::new("root");
    let ours = root.issue(&["client.example"]);
    let pem = |file: &str, text: String| Pem { file: file.into(), text: text.into_bytes().into() };
    let chain = || pem("tls/chain.pem", ours.certificate.pem());
    let key = || pem("tls/key.pem", ours.key.serialize_pem());
    let options = |chain, key| ClientOptions { identity: Some(Identity { chain, key }), ..ClientOptions::default() };
    let config = ClientConfig::new(&options(chain(), key())).unwrap();
    assert!(!format!("{:?}", options(chain(), key())).contains("PRIVATE"));
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(root.certificate.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::new(provider())).build().unwrap();
    let leaf = root.issue(&["mx1.acme.example"]);
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![leaf.certificate.der().clone()],
            PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap(),
        )
        .unwrap();
    let server = ServerConfig(Arc::new(server));
    let mut pair = pair(&config, &Verification::Opportunistic, &server);
    pair.settle();
    pair.say(b"EHLO");
    assert_eq!(pair.at_server, b"EHLO", "the server wants a certificate and got ours");
    assert!(refused_by_server(&client_config(), &server), "without one it refuses");

    let other = root.issue(&["client.example"]);
    for (chain, key, expected) in [
        (pem("tls/chain.pem", String::new()), key(), "tls/chain.pem: no certificate in there"),
        (chain(), pem("tls/key.pem", String::new()), "tls/key.pem: no private key in there"),
        (chain(), pem("tls/key.pem", ours.certificate.pem()), "tls/key.pem: no private key in there"),
        (
            chain(),
            pem("tls/key.pem", other.key.serialize_pem()),
            "tls/key.pem: the key is not that of the first certificate of tls/chain.pem",
        ),
    ] {
        let error = ClientConfig::new(&options(chain, key)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("hint: "), "{error}");
    }
}

fn refused_by_server(config: &ClientConfig, server: &ServerConfig) -> bool {
    let mut pair = pair(config, &Verification::Opportunistic, server);
    let mut out = Out::new();
    for _ in 0..4 {
        if pair.client.write(&[], &mut out).is_err() || pair.server.read(&take(&mut out), &mut Vec::new()).is_err() {
            return true;
        }
        pair.server.write(&[], &mut out).unwrap();
        pair.client.read(&take(&mut out), &mut Vec::new()).unwrap();
    }
    false
}
