//! `posthaste probe`, the program, against DNS and servers of the tests' own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/dns_server.rs"]
mod dns_server;
#[path = "support/nobody.rs"]
mod nobody;

use dns_server::{Answer, DnsServer, Zone};
use hickory_resolver::proto::rr::RecordType;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// A sink with STARTTLS and a certificate for one name.
struct Sink {
    child: Child,
    /// Kept open: a sink that cannot speak ends.
    _stderr: BufReader<ChildStderr>,
    port: String,
}

impl Sink {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.args(["sink", "--listen", "127.0.0.1:0"]).args(flags);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().to_owned();
        Self { child, _stderr: stderr, port }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}

/// A folder with a root, a server's certificate that it signed, and a configuration.
struct Desk {
    folder: TempDir,
    dns: DnsServer,
    /// The SHA-256 of the certificate's key.
    key_digest: [u8; 32],
}

impl Desk {
    fn new(zone: Zone) -> Self {
        Self::answering(move |owner, kind, _| zone.answer(owner, kind))
    }

    /// `answer` is told the digest of the certificate's key, too.
    fn answering(answer: impl Fn(&str, RecordType, [u8; 32]) -> Answer + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut root, root_key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(rcgen::DnType::CommonName, "a root of tests");
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let issuer = Issuer::new(root, root_key);
        let (mut leaf, key) =
            (CertificateParams::new(vec!["mx1.a.example".to_owned()]).unwrap(), KeyPair::generate().unwrap());
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "mx1.a.example");
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
        let key_digest: [u8; 32] = digest.as_ref().try_into().unwrap();
        let dns = DnsServer::answering(move |owner, kind| answer(owner, kind, key_digest));
        let desk = Self { folder, dns, key_digest };
        desk.put("root.pem", &root_pem);
        desk.put("leaf.pem", &leaf.pem());
        desk.put("key.pem", &key.serialize_pem());
        desk.configure("opportunistic");
        desk
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn configure(&self, level: &str) {
        self.configure_with(level, "");
    }

    fn configure_with(&self, level: &str, dns: &str) {
        let text = format!(
            "[engine]\nhostname = \"me.example\"\ndata = {:?}\n[delivery]\ntls = {level:?}\n\
             [tls]\nroots = \"root.pem\"\nmta_sts_port = 1\n[dns]\nservers = [\"{}\"]\ntimeout = \"2s\"\nallow_loopback = true\n{dns}\n",
            self.path("data"),
            self.dns.address(),
        );
        self.put("engine.toml", &text);
    }

    fn tls_sink(&self) -> Sink {
        Sink::start(&["--tls-cert", &self.path("leaf.pem"), "--tls-key", &self.path("key.pem")])
    }

    /// Probes: the code, and what was said.
    fn probe(&self, flags: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(self.folder.path())
            .args(["probe", "--config", "engine.toml"])
            .args(flags)
            .output()
            .unwrap();
        (status.code(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }

    #[track_caller]
    fn says(&self, flags: &[&str], code: i32, expected: &[&str]) {
        let (found, text) = self.probe(flags);
        assert_eq!(found, Some(code), "{text}");
        for line in expected {
            assert!(text.contains(line), "{line:?} is not in:\n{text}");
        }
    }
}

fn zone() -> Zone {
    Zone::new()
        .mx("a.example", &[(10, "mx1.a.example"), (20, "mx2.a.example")])
        .address("mx1.a.example", "127.0.0.1")
        .address("mx2.a.example", "127.0.0.1")
        .mx("b.example", &[(10, "mx2.a.example")])
        .mx("null.example", &[(0, ".")])
}

#[test]
fn a_domain_is_shown_from_its_records_to_what_would_become_of_mail() {
    let desk = Desk::new(zone());
    let sink = desk.tls_sink();
    desk.says(
        &["a.example", "--port", &sink.port],
        0,
        &[
            "a.example, as me.example",
            "  MX             10 mx1.a.example  127.0.0.1\n                 20 mx2.a.example  127.0.0.1\n",
            "  site          (mx1|mx2).a.example\n",
            "  DNSSEC        switched off\n",
            "  MTA-STS       no policy\n",
            &format!("mx1.a.example at 127.0.0.1:{}\n", sink.port),
            "  TLS demanded  opportunistic, by the configuration\n",
            "  TLS           TLS 1.3, TLS_AES_256_GCM_SHA384, in ",
            "  certificate   CN=mx1.a.example, ECDSA P-256, good for ",
            "                for mx1.a.example\n",
            "  issued by     CN=a root of tests\n",
            "  identity      not verified: any certificate will do\n",
            "  transactions  chunked: several messages a round trip, up to 1000 recipients\n",
            "\nMail to a.example would be delivered to mx1.a.example over TLS 1.3, though nothing proves who the server is.\n",
        ],
    );
}

#[test]
fn a_name_that_is_demanded_is_verified_or_mail_waits() {
    let desk = Desk::new(zone());
    let sink = desk.tls_sink();
    desk.configure("verified");
    desk.says(
        &["a.example", "--port", &sink.port],
        0,
        &[
            "  identity      verified: a trusted chain, and the name mx1.a.example\n",
            "  identity      certificate-host-mismatch: the certificate is of mx1.a.example, and mx2.a.example was expected\n",
            "Mail to a.example would be delivered to mx1.a.example over TLS 1.3, and the server proves its name.",
        ],
    );
    desk.says(
        &["b.example", "--port", &sink.port],
        1,
        &["Mail to b.example would be deferred: mx2.a.example: the certificate is of mx1.a.example, and mx2.a.example was"],
    );
    // One server, by its address: the certificate has no such name.
    desk.says(
        &[&format!("127.0.0.1:{}", sink.port)],
        1,
        &["would be deferred: 127.0.0.1: the certificate is of mx1.a.example"],
    );
}

#[test]
fn without_tls_mail_goes_in_clear_text_or_waits() {
    let desk = Desk::new(zone());
    let sink = Sink::start(&["--no-chunking"]);
    desk.says(
        &["b.example", "--port", &sink.port],
        0,
        &[
            "overlapped: 1 round trip a message",
            "Mail to b.example would be delivered to mx2.a.example in clear text: it does not offer STARTTLS.",
        ],
    );
    for level in ["required", "verified"] {
        desk.configure(level);
        let why = "would be deferred: mx2.a.example: TLS is demanded, and it does not offer STARTTLS.";
        desk.says(&["b.example", "--port", &sink.port], 1, &[why]);
    }
    desk.configure("off");
    desk.says(&["b.example", "--port", &sink.port], 0, &["in clear text: TLS is switched off."]);
}

#[test]
fn a_domain_without_a_server_says_what_its_mail_would_get() {
    let desk = Desk::new(zone());
    desk.says(&["null.example"], 1, &["Mail to null.example would bounce: 556 5.1.10 "]);
    desk.says(&["nobody.example"], 1, &["Mail to nobody.example would bounce: 550 5.1.2 "]);
    desk.says(&[nobody::NOBODY], 1, &["would be deferred: 127.0.0.1: it cannot be reached: Connection refused"]);
}

#[test]
fn a_policy_that_is_announced_and_not_to_be_had_is_told() {
    let desk = Desk::new(
        zone()
            .txt("_mta-sts.b.example", &["v=STSv1; id=1"])
            .txt("_smtp._tls.b.example", &["v=TLSRPTv1; rua=mailto:r@b.example"]),
    );
    let sink = desk.tls_sink();
    desk.says(
        &["b.example", "--port", &sink.port],
        0,
        &[
            "  MTA-STS       announced, and not to be had: sts-policy-fetch-error\n",
            "  TLS reports   mailto:r@b.example\n",
        ],
    );
}

#[test]
fn tlsa_records_that_are_proven_go_before_all_else() {
    for (right, code, identity, end) in [
        (true, 0, "  identity      verified: the TLSA record 3 1 1 ", "over TLS 1.3, and DANE vouches for the server."),
        (
            false,
            1,
            "  identity      tlsa-invalid: the certificate does not fit the TLSA record 3 1 1 ",
            "would be deferred: ",
        ),
    ] {
        let desk = Desk::answering(move |owner, kind, key_digest| {
            let digest = if right { key_digest } else { [7; 32] };
            let port = owner.split('.').next().unwrap_or_default();
            let all = zone().tlsa(&format!("{port}._tcp.mx2.a.example"), digest);
            Answer { authentic: true, ..all.answer(owner, kind) }
        });
        let sink = desk.tls_sink();
        desk.configure_with("opportunistic", "dnssec = \"trust\"\ndane = true");
        let digest: String = desk.key_digest.iter().map(|octet| format!("{octet:02x}")).collect();
        // The certificate is of mx1: with DANE-EE(3) names do not matter.
        desk.says(
            &["b.example", "--port", &sink.port],
            code,
            &[
                "  DNSSEC        the MX records are proven\n",
                "  DNSSEC        the addresses are proven\n",
                "  TLSA          3 1 1 ",
                "  TLS demanded  verified, by DANE\n",
                &format!("                TLSA 3 1 1 {digest}\n"),
                identity,
                end,
            ],
        );
    }
}

/// A policy as it is kept, fetched just now.
fn kept(desk: &Desk, domain: &str, policy: &str) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let kept = serde_json::json!({
        "domain": domain, "id": "1", "fetched_unix_s": now,
        "policy": format!("version: STSv1\n{policy}\nmax_age: 604800"),
    });
    std::fs::create_dir_all(desk.path("data/mta-sts")).unwrap();
    desk.put(&format!("data/mta-sts/{domain}.json"), &kept.to_string());
}

#[test]
fn a_policy_of_mta_sts_is_obeyed_or_tested() {
    let desk =
        Desk::new(zone().txt("_mta-sts.b.example", &["v=STSv1; id=1"]).txt("_mta-sts.a.example", &["v=STSv1; id=1"]));
    let sink = desk.tls_sink();
    kept(&desk, "a.example", "mode: enforce\nmx: mx1.a.example");
    desk.says(
        &["a.example", "--port", &sink.port],
        0,
        &[
            "  MTA-STS       enforce, mx1.a.example, for 7d\n",
            "  TLS demanded  verified, by MTA-STS\n",
            "mx2.a.example\n  not used      the domain's MTA-STS policy does not name it\n",
            "Mail to a.example would be delivered to mx1.a.example over TLS 1.3, and the server proves its name.\n",
        ],
    );
    kept(&desk, "b.example", "mode: enforce\nmx: *.a.example");
    desk.says(
        &["b.example", "--port", &sink.port],
        1,
        &["would be deferred: mx2.a.example: the certificate is of mx1.a.example"],
    );
    kept(&desk, "b.example", "mode: enforce\nmx: mx1.a.example");
    desk.says(
        &["b.example", "--port", &sink.port],
        1,
        &["would be deferred: mx2.a.example: the domain's MTA-STS policy does"],
    );
    kept(&desk, "b.example", "mode: testing\nmx: mx2.a.example");
    desk.says(
        &["b.example", "--port", &sink.port],
        0,
        &[
            "  TLS demanded  opportunistic, by the configuration\n",
            "  MTA-STS       is testing; enforced, mail would wait: the certificate is of mx1.a.example, and mx2.a.example",
            "over TLS 1.3, though nothing proves who the server is.\n",
        ],
    );
}

#[test]
fn json_holds_the_same_facts() {
    let desk = Desk::new(zone());
    let sink = desk.tls_sink();
    desk.configure("verified");
    let (code, text) = desk.probe(&["b.example", "--port", &sink.port, "--json"]);
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!((code, text.lines().count()), (Some(1), 1));
    assert_eq!(json["delivers"], false);
    assert_eq!(json["route"]["site"], "mx2.a.example");
    let call = &json["hosts"][0]["calls"][0];
    assert_eq!(json["hosts"][0]["demanded"]["level"], "verified");
    assert_eq!(call["tls_failure"], "certificate-host-mismatch");
    assert_eq!(call["tls"]["version"], "TLSv1_3");
    assert_eq!(call["tls"]["certificates"][0]["names"], serde_json::json!(["mx1.a.example"]));
    assert_eq!(call["session"]["mode"], "chunked");
    assert_eq!(call["outcome"], "deferred");
    assert_eq!(call["replies"][0]["code"], 220);
}

/// Says these lines to whoever comes, whatever it hears, then hangs up.
fn scripted(lines: &'static str) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _told = stream.write_all(lines.as_bytes());
        let _rest = std::io::copy(&mut stream.try_clone().unwrap(), &mut std::io::sink());
    });
    (address, thread)
}

#[test]
fn what_a_server_says_is_shown_and_does_no_harm() {
    let desk = Desk::new(zone());
    for (lines, expected) in [
        ("554 5.7.1 go \u{1b}[31maway\r\n", "it turned us away: 554 5.7.1 go \\x1b[31maway (greeting)"),
        ("421 later\r\n", "it turned us away: 421 later (greeting)"),
        ("nonsense\r\n", " (greeting)"),
        ("220 hello\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n", ""),
    ] {
        let (address, thread) = scripted(lines);
        let (code, text) = desk.probe(&[&address.to_string()]);
        assert!(text.contains(expected) && !text.contains('\u{1b}'), "{lines:?}: {text}");
        assert!(matches!(code, Some(0 | 1)), "{text}");
        assert!(text.trim_end().lines().next_back().unwrap().starts_with("Mail through 127.0.0.1:"), "{text}");
        thread.join().unwrap();
    }
}

#[test]
fn what_is_no_target_is_refused_with_a_hint() {
    let desk = Desk::new(zone());
    desk.says(&["a b.example"], 2, &["is neither a domain nor HOST:PORT", "hint: "]);
    desk.says(&["a.example", "--source", "203.0.113.9"], 2, &["203.0.113.9 is no address to send from here", "hint: "]);
    desk.says(&["a.example", "--port", "0"], 2, &["--port"]);
}
