//! DKIM signatures, judged from outside by dkimpy: RSA, Ed25519, both at once, and that a changed message fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use posthaste::base::clock::UnixTime;
use posthaste::content::dkim::{Signer, sign};
use posthaste::content::{Composed, Composer, RowRef, Scratch, Source, Spec};
use std::io::Write as _;
use std::process::{Command, Stdio};

const JUDGE: &str = "
import sys, json, dkim
given = json.load(sys.stdin)
records = {k.rstrip('.'): v for k, v in given['records'].items()}
dns = lambda name, timeout=5: records[(name.decode() if isinstance(name, bytes) else name).rstrip('.')].encode()
verdicts = []
for message in given['messages']:
    message = message.encode()
    d = dkim.DKIM(message)
    count = len([h for h in d.headers if h[0].lower() == b'dkim-signature'])
    verdict = []
    for i in range(count):
        try:
            verdict.append(dkim.DKIM(message).verify(idx=i, dnsfunc=dns))
        except dkim.DKIMException as e:
            verdict.append(False)
    verdicts.append(verdict)
print(json.dumps(verdicts))
";

fn key(algorithm: &[&str]) -> String {
    let out = Command::new("openssl").arg("genpkey").args(algorithm).output().expect("this test needs openssl");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn judge(signers: &[&Signer], messages: &[String]) -> serde_json::Value {
    let knows = |python: &&str| {
        let tried = Command::new(python).args(["-c", "import dkim, nacl.signing"]).output();
        tried.is_ok_and(|out| out.status.success())
    };
    let pythons = ["/usr/bin/python3", "python3"];
    let python =
        pythons.iter().find(|python| knows(python)).expect("no python3 here has dkimpy: run tests/mta/setup (as root)");
    let records: serde_json::Map<_, _> = signers.iter().map(|s| (s.record_name(), s.record().into())).collect();
    let input = serde_json::json!({ "records": records, "messages": messages }).to_string();
    let mut child = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

fn message(signers: Vec<Signer>, html: &str, name: &str) -> String {
    let spec = Spec {
        name: "welcome".into(),
        from: "Acme <news@acme.example>".into(),
        to: Some("{{ name }} <{{ email }}>".into()),
        subject: "Welcome, {{ name }}: a subject that is long enough to be folded at least once, or even twice".into(),
        html: Some(Source { file: "a.html".into(), text: html.into() }),
        text: Some(Source { file: "a.txt".into(), text: "Hi {{ name }}\n\n\n".into() }),
        unsubscribe_url: Some("https://acme.example/u/{{ token }}".into()),
        list_id: Some("news.acme.example".into()),
        feedback_id: Some("a:b:c".into()),
        signers,
        ..Spec::default()
    };
    let columns = ["email".to_owned(), "name".to_owned()];
    let composer = Composer::compile(spec, &columns, "email").expect("valid content");
    let mut out = Composed::default();
    let mut scratch = Scratch::default();
    // Twice, so that the second one uses the remembered body hash.
    for _ in 0..2 {
        let row = RowRef { number: 1, mailbox: "ann@site.example", fields: &[name.as_bytes()] };
        composer.compose(&mut scratch, &row, UnixTime(1_700_000_000), &mut out).expect("a message");
    }
    String::from_utf8(out.content).unwrap()
}

#[test]
fn dkimpy_accepts_what_we_sign_and_refuses_what_was_changed() {
    let rsa = key(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let rsa = Signer::from_pem("acme.example", "s1", &rsa, "s1.pem").unwrap();
    let ed = Signer::from_pem("acme.example", "e1", &key(&["-algorithm", "ED25519"]), "e1.pem").unwrap();
    let both = || vec![rsa.clone(), ed.clone()];
    let messages = [
        message(vec![rsa.clone()], "<p>Hi {{ name }}</p>", "Ann"),
        message(vec![ed.clone()], "<p>  Hi   {{ name }}</p>\n\n  x \n\n\n", "Ann"),
        message(both(), "  <p>\t{{ name }}</p> \n", "J\u{f6}rg, \"x\"  y"),
        message(both(), "{% if name %}{{ name }}{% endif %}", &"\u{65e5}\u{672c} ".repeat(60)),
        message(both(), "<p>Hi</p>", "Ann").replace("<p>Hi", "<p>Ho"),
        message(both(), "<p>Hi</p>", "Ann").replace("\r\nSubject:", "\r\nSubject: Buy\r\nSubject:"),
    ];
    let verdicts = judge(&[&rsa, &ed], &messages);
    assert_eq!(
        verdicts,
        serde_json::json!([[true], [true], [true, true], [true, true], [false, false], [false, false]])
    );
}

#[test]
fn a_message_that_no_template_made_verifies_and_keeps_its_octets() {
    let rsa = Signer::from_pem("a.example", "r", &key(&["-algorithm", "RSA"]), "r.pem").unwrap();
    let ed = Signer::from_pem("a.example", "e", &key(&["-algorithm", "ED25519"]), "e.pem").unwrap();
    let plain = "From: tls@a.example\r\nTo: b@b.example\r\nSubject: Report\r\n  Domain: b.example\r\n\
                 TLS-Report-Domain: b.example\r\nX-Other: 1\r\n\r\nGood  day\t\r\n\r\n";
    let signed = sign(plain.as_bytes(), vec![rsa.clone(), ed.clone()], UnixTime(1_700_000_000)).unwrap();
    let signed = String::from_utf8(signed).unwrap();
    assert!(signed.ends_with(plain));
    let other = signed.replace("Domain: b.example\r\nX", "Domain: c.example\r\nX");
    let verdicts = judge(&[&rsa, &ed], &[signed, other]);
    assert_eq!(verdicts, serde_json::json!([[true, true], [false, false]]));
}
