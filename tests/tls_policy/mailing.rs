//! The reports that domains ask for, mailed (RFC 8460 §3, §5.3): each once, signed, and again only what nobody took.

use crate::world::World;
use posthaste::sink::Options;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

/// Mails the reports of all that was counted, by the configuration of the campaign that was sent last.
fn mail(world: &World) -> (Option<i32>, String, String) {
    let folder = world.folder.path();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .args(["tls-report", "--mail", "--until", "2100-01-01", "--contact", "tls@me.example", "--config"])
        .arg(folder.join("engine.toml"))
        .arg("--data")
        .arg(folder.join("data"))
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn key(file: &Path) {
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(file).output();
    assert!(made.expect("this test needs openssl").status.success());
}

/// The report in a mail.
fn report(mail: &str, work: &Path) -> Value {
    let (_, attached) = mail.split_once("filename=").unwrap();
    let (_, base64) = attached.split_once("\r\n\r\n").unwrap();
    let (base64, _) = base64.split_once("\r\n--").unwrap();
    let (coded, packed) = (work.join("coded"), work.join("report.json.gz"));
    std::fs::write(&coded, base64.replace('\r', "")).unwrap();
    let octets = Command::new("base64").arg("-d").arg(&coded).output().unwrap();
    assert!(octets.status.success(), "{base64}");
    std::fs::write(&packed, octets.stdout).unwrap();
    let text = Command::new("gzip").arg("-dc").arg(&packed).output().unwrap();
    serde_json::from_slice(&text.stdout).unwrap()
}

/// A server that agrees to STARTTLS and then talks nonsense; in clear text it takes mail. Gives the first message.
fn without_a_handshake(address: SocketAddr) -> JoinHandle<String> {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut content = None::<String>;
            stream.write_all(b"220 mx.broken.example ESMTP\r\n").unwrap();
            while let Some(Ok(line)) = lines.next() {
                let reply = match (&mut content, line.split(' ').next().unwrap()) {
                    (Some(_), ".") => "250 2.0.0 taken\r\n",
                    (Some(content), "QUIT") => return std::mem::take(content),
                    (Some(content), _) => {
                        content.push_str(&(line + "\n"));
                        continue;
                    }
                    (None, "EHLO") => "250-mx.broken.example\r\n250 STARTTLS\r\n",
                    (None, "STARTTLS") => {
                        stream.write_all(b"220 go\r\n").unwrap();
                        let _hello = stream.read(&mut [0; 4096]).unwrap();
                        let _nonsense = stream.write_all(b"nonsense\r\n");
                        break;
                    }
                    (None, "DATA") => {
                        content = Some(String::new());
                        "354 go\r\n"
                    }
                    (None, _) => "250 2.1.0 fine\r\n",
                };
                stream.write_all(reply.as_bytes()).unwrap();
            }
        }
        unreachable!()
    })
}

fn wants(world: &World, domain: &str, address: &str) {
    let (owner, text) = (format!("_smtp._tls.{domain}"), format!("v=TLSRPTv1; rua=mailto:{address}"));
    world.zone(|zone| zone.without(&owner).txt(&owner, &[&text]));
}

#[test]
fn a_report_is_mailed_once_and_signed_and_what_is_refused_is_mailed_by_the_next_run() {
    let mut world = World::new();
    key(&world.folder.path().join("dkim.pem"));
    world.tls = "report = true\n".to_owned();
    world.more = "[[dkim]]\ndomain = \"me.example\"\nselector = \"s1\"\nkey = \"dkim.pem\"\n".to_owned();
    let kept = world.folder.path().join("kept");
    let identity = world.authority.issue(&["mx.taking.example"]);
    let takes = world.exchanger("mx.taking.example", Some(&identity));
    let reads = Options { keep: Some(kept.clone()), ..Options::default() };
    // Its certificate is of another name: that keeps no report back.
    let identity = world.authority.issue(&["other.example"]);
    let reads = world.exchanger_that("mx.reading.example", Some(&identity), reads);
    let shut = Options { reject_percent: 100.0, ..Options::default() };
    let shut = world.exchanger_that("mx.shut.example", None, shut);
    for domain in ["a.example", "b.example", "c.example", "d.example"] {
        world.domain(domain, &[(10, "mx.taking.example")]);
    }
    world.domain("reading.example", &[(10, "mx.reading.example")]);
    world.domain("shut.example", &[(10, "mx.shut.example")]);
    world.domain("broken.example", &[(10, "mx.broken.example")]);
    world.zone(|zone| zone.address("mx.broken.example", "127.0.0.9"));
    let broken = without_a_handshake(SocketAddr::from(([127, 0, 0, 9], world.port)));
    wants(&world, "d.example", "tls@broken.example");
    wants(&world, "a.example", "tls@reading.example");
    wants(&world, "b.example", "tls@shut.example");
    world.send(&["x@a.example", "y@b.example", "z@c.example", "d@d.example"]).expect(4, 0);

    let (code, said, hint) = mail(&world);
    assert_eq!(code, Some(3), "{said}{hint}");
    assert!(
        said.contains("a.example: 1 sessions as they should be, 0 not: mailed to tls@reading.example: 250"),
        "{said}"
    );
    assert!(said.contains("b.example: not mailed: tls@shut.example: mx.shut.example [127.0.0.4] said 550"), "{said}");
    assert!(
        said.contains("d.example: 1 sessions as they should be, 0 not: mailed to tls@broken.example: 250"),
        "{said}"
    );
    assert!(broken.join().unwrap().contains("TLS-Report-Domain: d.example"));
    assert!(said.contains("that are dropped: 1"), "{said}");
    assert!(hint.contains("the same command goes on") && !hint.contains("warning"), "{hint}");

    // Again: what was taken is not mailed again, and what was refused has another address by now.
    wants(&world, "b.example", "tls@reading.example");
    let (code, said, hint) = mail(&world);
    assert_eq!(code, Some(0), "{said}{hint}");
    assert!(said.starts_with("b.example: 1 sessions") && said.lines().count() == 1, "{said}");
    let (code, said, _) = mail(&world);
    assert!(code == Some(0) && said.starts_with("Nothing was counted"), "{said}");

    takes.took(4);
    let counters = reads.stop();
    assert_eq!((counters.messages, counters.unique_messages, counters.tls_sessions), (2, 2, 2), "{counters:?}");
    assert_eq!(shut.stop().messages, 0);
    for (file, domain) in [("00000001.eml", "a.example"), ("00000002.eml", "b.example")] {
        let mail = std::fs::read_to_string(kept.join(file)).unwrap();
        for field in [
            "Return-Path: <>\r\n",
            "\r\nDKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=me.example;\r\n s=s1;",
            "\r\nFrom: tls@me.example\r\n",
            &format!("\r\nTLS-Report-Domain: {domain}\r\n"),
            "\r\nTLS-Report-Submitter: me.example\r\n",
            "\r\nTLS-Required: No\r\n",
        ] {
            assert!(mail.contains(field), "no {field:?} in\n{mail}");
        }
        let policy = &report(&mail, world.folder.path())["policies"][0];
        assert_eq!(policy["policy"]["policy-domain"], domain);
        assert_eq!(policy["summary"]["total-successful-session-count"], 1);
        assert_eq!(policy["summary"]["total-failure-session-count"], 0);
    }
}

#[test]
fn nothing_is_mailed_while_nobody_said_where_mail_goes() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .args(["tls-report", "--mail", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let hint = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{hint}");
    assert!(hint.contains("no report is mailed") && hint.contains("hint: delivery.route = \"mx\""), "{hint}");
}
