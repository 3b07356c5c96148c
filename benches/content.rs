//! What a message costs: rendering, signing, and a bare RSA-2048 signature as the reference.
//!
//! `cargo bench --bench content`. The newsletter is 10 KB of HTML with text beside it and personal in both.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench ends by panicking when its ground is missing")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use posthaste::base::clock::UnixTime;
use posthaste::content::dkim::Signer;
use posthaste::content::{Composed, Composer, RowRef, Scratch, Source, Spec};

const NAME: &[u8] = b"Ann";
const DATE: UnixTime = UnixTime(1_700_000_000);

fn main() {
    divan::main();
}

fn key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).expect("a key")
}

fn signer() -> Signer {
    let der: Pkcs8V1Der = key().as_der().expect("DER");
    let lines: String = der.as_ref().chunks(48).map(base64).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n");
    Signer::from_pem("acme.example", "s1", &pem, "s1.pem").expect("a signer")
}

fn base64(line: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in line.chunks(3) {
        let bits = group.iter().fold(0u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out + "\n"
}

/// A newsletter. `kind`: personal in the body, interpreted by minijinja, or personal in the headers only.
fn composer(kind: Kind, signers: Vec<Signer>) -> Composer {
    let paragraph = "  <p style=\"margin: 0\">What is new at Acme this week: <a href=\"https://acme.example/\">all of it</a>.</p>\n";
    let (greeting, extra) = match kind {
        Kind::Skeleton => ("{{ name }}", ""),
        Kind::Interpreted => ("{{ name }}", "{% if name %} {% endif %}"),
        Kind::SameBody => ("friend", ""),
    };
    let html = format!(
        "<html><body>\n<h1>Hi {greeting}</h1>{extra}\n{}<p>Bye {greeting}</p></body></html>\n",
        paragraph.repeat(90)
    );
    let spec = Spec {
        name: "bench".into(),
        from: "Acme <news@acme.example>".into(),
        to: Some("{{ name }} <{{ email }}>".into()),
        subject: "News for {{ name }}".into(),
        return_path: Some("b+{token}@bounce.acme.example".into()),
        html: Some(Source { file: "a.html".into(), text: html }),
        text: Some(Source {
            file: "a.txt".into(),
            text: format!("Hi {greeting},\nread it at https://acme.example/\n"),
        }),
        unsubscribe_url: Some("https://acme.example/u/{{ token }}".into()),
        signers,
        ..Spec::default()
    };
    Composer::compile(spec, &["email".into(), "name".into()], "email").expect("content")
}

#[derive(Clone, Copy)]
enum Kind {
    Skeleton,
    Interpreted,
    SameBody,
}

fn run(bencher: divan::Bencher, composer: &Composer) {
    let mut scratch = Scratch::default();
    let mut out = Composed::default();
    let mut number = 0u32;
    bencher.bench_local(|| {
        number = number.wrapping_add(1);
        let name = [NAME, if number.is_multiple_of(2) { b"a" } else { b"e" }].concat();
        let row = RowRef { number, mailbox: "ann@site.example", fields: &[&name] };
        composer.compose(&mut scratch, &row, DATE, &mut out).expect("a message");
        out.content.len()
    });
}

#[divan::bench]
fn render_skeleton(bencher: divan::Bencher) {
    run(bencher, &composer(Kind::Skeleton, Vec::new()));
}

#[divan::bench]
fn render_interpreted(bencher: divan::Bencher) {
    run(bencher, &composer(Kind::Interpreted, Vec::new()));
}

#[divan::bench]
fn render_and_sign(bencher: divan::Bencher) {
    run(bencher, &composer(Kind::Skeleton, vec![signer()]));
}

#[divan::bench]
fn render_and_sign_same_body(bencher: divan::Bencher) {
    run(bencher, &composer(Kind::SameBody, vec![signer()]));
}

#[divan::bench]
fn bare_rsa_2048(bencher: divan::Bencher) {
    let key = key();
    let random = SystemRandom::new();
    let mut signature = vec![0; key.public_modulus_len()];
    bencher.bench_local(|| key.sign(&RSA_PKCS1_SHA256, &random, &[7; 1200], &mut signature).expect("signed"));
}
