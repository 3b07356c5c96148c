//! Two ends in memory, and the wire between them cut anywhere.

mod authority;
mod resumption;
mod verification;

use super::*;
use crate::base::out::Out;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, OnceLock};

/// A self-signed certificate of another name, and its key.
fn pem() -> &'static (String, String) {
    static PEM: OnceLock<(String, String)> = OnceLock::new();
    PEM.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["mx.wrong-name.example".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    })
}

fn server_config() -> ServerConfig {
    let (chain, key) = pem();
    ServerConfig::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn tls12_config() -> ServerConfig {
    let (chain, key) = pem();
    ServerConfig::of_versions(chain.as_bytes(), key.as_bytes(), &[&rustls::version::TLS12]).unwrap()
}

fn client_config() -> ClientConfig {
    ClientConfig::new(&ClientOptions { peers_max: 16, ..ClientOptions::default() }).unwrap()
}

fn take(out: &mut Out) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(piece) = out.take() {
        all.extend_from_slice(piece.as_slice());
    }
    all
}

struct Pair {
    client: Client,
    server: Server,
    /// How many octets a read gets at once.
    step: usize,
    at_client: Vec<u8>,
    at_server: Vec<u8>,
}

impl Pair {
    fn new(client: &ClientConfig, server: &ServerConfig, step: usize) -> Self {
        Self::under(client, "mx1.acme.example", &Verification::Opportunistic, server, step)
    }

    fn under(
        client: &ClientConfig,
        host: &str,
        verification: &Verification,
        server: &ServerConfig,
        step: usize,
    ) -> Self {
        Self {
            client: Client::new(client, host, verification).unwrap(),
            server: Server::new(server).unwrap(),
            step,
            at_client: Vec::new(),
            at_server: Vec::new(),
        }
    }

    /// Carries octets to and fro until both are silent.
    fn settle(&mut self) {
        let mut out = Out::new();
        for _ in 0..20 {
            self.client.write(&[], &mut out).unwrap();
            let to_server = take(&mut out);
            for piece in to_server.chunks(self.step) {
                self.server.read(piece, &mut self.at_server).unwrap();
            }
            self.server.write(&[], &mut out).unwrap();
            let to_client = take(&mut out);
            for piece in to_client.chunks(self.step) {
                self.client.read(piece, &mut self.at_client).unwrap();
            }
            if to_server.is_empty() && to_client.is_empty() {
                return;
            }
        }
        panic!("the two ends never come to rest");
    }

    fn say(&mut self, plain: &[u8]) {
        let mut out = Out::new();
        self.client.write(plain, &mut out).unwrap();
        for piece in take(&mut out).chunks(self.step) {
            self.server.read(piece, &mut self.at_server).unwrap();
        }
    }

    fn answer(&mut self, plain: &[u8]) {
        let mut out = Out::new();
        self.server.write(plain, &mut out).unwrap();
        for piece in take(&mut out).chunks(self.step) {
            self.client.read(piece, &mut self.at_client).unwrap();
        }
    }
}

#[test]
fn a_handshake_and_a_dialogue_survive_every_split_of_the_wire() {
    let (client, server) = (client_config(), server_config());
    for step in [1, 2, 3, 5, 7, 64, 1000, 4096, 16 * 1024, usize::MAX] {
        let mut pair = Pair::new(&client, &server, step);
        pair.settle();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking(), "step {step}");
        assert_eq!(pair.client.version(), Some("TLSv1_3"));
        assert!(pair.client.cipher().unwrap().contains("AES"), "{:?}", pair.client.cipher());
        pair.say(b"EHLO a.example\r\n");
        pair.answer(b"250-b.example\r\n");
        pair.answer(b"250 SIZE\r\n");
        assert_eq!(pair.at_server, b"EHLO a.example\r\n");
        assert_eq!(pair.at_client, b"250-b.example\r\n250 SIZE\r\n");
    }
}

#[test]
fn the_second_session_resumes_the_first_one_of_its_peer_only() {
    let (client, server) = (client_config(), server_config());
    let mut first = Pair::new(&client, &server, usize::MAX);
    first.settle();
    assert!(!first.client.is_resumed());
    let mut second = Pair::new(&client.clone(), &server, usize::MAX);
    second.settle();
    assert!(second.client.is_resumed() && second.server.is_resumed());
    let mut other = Pair::new(&client, &server, usize::MAX);
    other.client = Client::new(&client, "mx2.acme.example", &Verification::Opportunistic).unwrap();
    other.settle();
    assert!(!other.client.is_resumed());
}

#[test]
fn tls_1_2_is_spoken_and_resumed_too() {
    let (client, server) = (client_config(), tls12_config());
    for resumed in [false, true] {
        for step in [1, 100, usize::MAX] {
            let mut pair = Pair::new(&client, &server, step);
            pair.settle();
            pair.say(b"EHLO a.example\r\n");
            pair.answer(b"250 b.example\r\n");
            assert_eq!(pair.client.version(), Some("TLSv1_2"));
            assert!(pair.client.is_resumed() || !resumed);
            assert_eq!((&*pair.at_server, &*pair.at_client), (&b"EHLO a.example\r\n"[..], &b"250 b.example\r\n"[..]));
        }
    }
}

/// Shows whatever certificate it has with whatever key it has.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl ResolvesServerCert for Impostor {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[test]
fn any_certificate_will_do_but_its_key_must_have_signed() {
    let shown = rcgen::generate_simple_self_signed(["mx1.acme.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["mx1.acme.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(other.signing_key.serialize_der()).unwrap();
    let certified = CertifiedKey::new(vec![shown.cert.der().clone()], any_supported_type(&key).unwrap());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Impostor(Arc::new(certified.clone()))));
        let mut pair = Pair::new(&client_config(), &ServerConfig(Arc::new(config)), usize::MAX);
        let mut out = Out::new();
        pair.client.write(&[], &mut out).unwrap();
        pair.server.read(&take(&mut out), &mut pair.at_server).unwrap();
        pair.server.write(&[], &mut out).unwrap();
        let error = pair.client.read(&take(&mut out), &mut pair.at_client).unwrap_err();
        assert!(matches!(error, TlsError::Peer { .. }) && pair.client.is_handshaking(), "{error}");
        pair.client.write(&[], &mut out).unwrap();
        assert!(!out.is_empty(), "the peer is told by an alert");
    }
}

/// A certificate whose version octet was changed from 3 to 1: readable, but not by a PKIX library.
fn version_1(certificate: &[u8]) -> rustls::pki_types::CertificateDer<'static> {
    let mut octets = certificate.to_vec();
    let at = octets.windows(5).position(|w| w == [0xa0, 3, 2, 1, 2]).unwrap();
    octets[at + 4] = 0;
    octets.into()
}

#[test]
fn an_old_certificate_will_do_too_if_its_key_has_signed() {
    let shown = rcgen::generate_simple_self_signed(["mx1.acme.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["mx1.acme.example".to_owned()]).unwrap();
    for (signer, genuine) in [(&shown, true), (&other, false)] {
        let key = PrivateKeyDer::try_from(signer.signing_key.serialize_der()).unwrap();
        let certified = CertifiedKey::new(vec![version_1(shown.cert.der())], any_supported_type(&key).unwrap());
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Impostor(Arc::new(certified.clone()))));
            let mut pair = Pair::new(&client_config(), &ServerConfig(Arc::new(config)), usize::MAX);
            let mut out = Out::new();
            pair.client.write(&[], &mut out).unwrap();
            pair.server.read(&take(&mut out), &mut pair.at_server).unwrap();
            pair.server.write(&[], &mut out).unwrap();
            let read = pair.client.read(&take(&mut out), &mut pair.at_client);
            assert_eq!(read.is_ok(), genuine, "{version:?}: {read:?}");
        }
    }
}

#[test]
fn a_big_content_arrives_whole() {
    let mut pair = Pair::new(&client_config(), &server_config(), 2048);
    pair.settle();
    let content: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    pair.say(&content);
    assert!(pair.at_server == content);
}

#[test]
fn pieces_are_gathered_into_full_records() {
    let mut pair = Pair::new(&client_config(), &server_config(), 2048);
    let (mut plain, mut out) = (Out::new(), Out::new());
    plain.append(b"EHLO");
    assert_eq!(pair.client.send(&mut plain, &mut out), Err(TlsError::TooEarly));
    assert!(plain.is_empty(), "what could not be sent must not go to somebody else");
    pair.settle();
    let (mut plain, mut expected) = (Out::new(), Vec::new());
    for n in 0..40_usize {
        let content = bytes::Bytes::from(vec![n as u8; if n % 3 == 0 { 20_000 } else { 100 }]);
        expected.extend_from_slice(&content);
        plain.share(&content);
        plain.append(b".\r\n");
        expected.extend_from_slice(b".\r\n");
    }
    pair.client.send(&mut plain, &mut out).unwrap();
    let cipher = take(&mut out);
    let records = expected.len().div_ceil(16 * 1024);
    // A record costs 22 octets; where rustls' buffer ends, a short one may stand.
    let overhead = cipher.len() - expected.len();
    assert!(overhead <= (records + expected.len() / (48 * 1024) + 1) * 22, "{overhead} octets for {records} records");
    for piece in cipher.chunks(2048) {
        pair.server.read(piece, &mut pair.at_server).unwrap();
    }
    assert!(pair.at_server == expected);
    assert!(plain.is_empty());
    pair.client.send(&mut plain, &mut out).unwrap();
    assert!(out.is_empty());
}

#[test]
fn one_read_gives_no_more_than_it_was_given_and_one_record() {
    let mut pair = Pair::new(&client_config(), &server_config(), usize::MAX);
    pair.settle();
    let mut out = Out::new();
    pair.server.write(&vec![7; 200_000], &mut out).unwrap();
    for piece in take(&mut out).chunks(2000) {
        let progress = pair.client.read(piece, &mut pair.at_client).unwrap();
        assert!(progress.plain <= piece.len() + 16 * 1024);
    }
    assert_eq!(pair.at_client.len(), 200_000);
}

#[test]
fn nothing_is_sent_before_the_handshake_is_done() {
    let mut pair = Pair::new(&client_config(), &server_config(), usize::MAX);
    assert_eq!(pair.client.write(b"EHLO", &mut Out::new()), Err(TlsError::TooEarly));
    pair.settle();
    assert!(pair.at_server.is_empty());
}

#[test]
fn garbage_instead_of_a_handshake_is_an_error_with_a_hint_and_an_alert() {
    let config = client_config();
    let mut rng = fastrand::Rng::with_seed(7);
    let samples = [&b"220 mx.example ESMTP\r\n"[..], &[0x16, 3, 1, 0, 0], &[0x15, 3, 3, 0, 2, 2, 40]];
    let noise = (0..500).map(|_| std::iter::repeat_with(|| rng.u8(..)).take(3000).collect::<Vec<u8>>());
    for bytes in samples.iter().map(|s| s.to_vec()).chain(noise) {
        let mut client = Client::new(&config, "mx.example", &Verification::Opportunistic).unwrap();
        let mut plain = Vec::new();
        // Some noise begins like a record whose end is still to come; none of it may become text.
        if let Err(error) = client.read(&bytes, &mut plain) {
            assert!(error.to_string().contains("hint: "), "{error}");
            assert!(client.read(b"more", &mut plain).is_err(), "a broken connection stays broken");
            client.write(&[], &mut Out::new()).unwrap();
        }
        assert!(plain.is_empty() && client.is_handshaking());
    }
    let mut client = Client::new(&config, "mx.example", &Verification::Opportunistic).unwrap();
    assert!(client.read(samples[0], &mut Vec::new()).is_err(), "an SMTP greeting is no TLS");
}

#[test]
fn a_flipped_bit_ends_the_connection_and_keeps_what_came_before() {
    let mut pair = Pair::new(&client_config(), &server_config(), usize::MAX);
    pair.settle();
    let mut out = Out::new();
    pair.server.write(b"250 good\r\n", &mut out).unwrap();
    let mut bytes = take(&mut out);
    pair.server.write(b"250 bad\r\n", &mut out).unwrap();
    let mut bad = take(&mut out);
    bad[10] ^= 1;
    bytes.append(&mut bad);
    let error = pair.client.read(&bytes, &mut pair.at_client).unwrap_err();
    assert!(matches!(error, TlsError::Peer { .. }), "{error}");
    assert_eq!(pair.at_client, b"250 good\r\n");
    assert!(pair.client.write(b"QUIT\r\n", &mut Out::new()).is_err());
}

#[test]
fn close_notify_is_seen_and_what_stands_behind_it_is_thrown_away() {
    let mut pair = Pair::new(&client_config(), &server_config(), usize::MAX);
    pair.settle();
    let mut out = Out::new();
    pair.server.write(b"221 bye\r\n", &mut out).unwrap();
    pair.server.close();
    pair.server.write(&[], &mut out).unwrap();
    let mut bytes = take(&mut out);
    bytes.extend_from_slice(b"appended by someone else");
    let progress = pair.client.read(&bytes, &mut pair.at_client).unwrap();
    assert!(progress.closed);
    assert_eq!(pair.at_client, b"221 bye\r\n");
    assert!(pair.client.read(b"still", &mut pair.at_client).unwrap().closed);
}

#[test]
fn names_that_fit_in_no_handshake_are_refused_and_addresses_are_taken() {
    let config = client_config();
    for good in [
        "mx.example",
        "mx.example.",
        "192.0.2.1",
        "2001:db8::1",
        "under_score.example",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
    ] {
        assert!(Client::new(&config, good, &Verification::Opportunistic).is_ok(), "{good}");
    }
    for bad in ["", ".", "a b.example", "[]", "[IPv6:]", "\r\n", &"a".repeat(300)] {
        let error = Client::new(&config, bad, &Verification::Opportunistic).unwrap_err();
        assert!(matches!(error, TlsError::ServerName(_)) && !error.to_string().contains('\r'), "{error}");
    }
}

#[test]
fn pem_without_a_certificate_or_key_is_refused() {
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (chain, key) in [("", &*key), (&*chain, ""), ("junk", "junk"), (&*chain, &*other.signing_key.serialize_pem())] {
        let error = ServerConfig::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(matches!(error, TlsError::Config(..)), "{error}");
    }
}

#[test]
fn aes_comes_before_chacha() {
    let names: Vec<_> = provider().cipher_suites.iter().map(|s| format!("{:?}", s.suite())).collect();
    let first_chacha = names.iter().position(|n| n.contains("CHACHA")).unwrap();
    assert!(names[first_chacha..].iter().all(|n| n.contains("CHACHA")), "{names:?}");
}
