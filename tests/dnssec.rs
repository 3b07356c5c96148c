//! DNSSEC against zones that another program signed and another one serves: ldns-signzone and NSD, which
//! `tests/mta/setup` fetches. What happens to zones that are tampered with is tested in `wire::dns`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/nsd.rs"]
mod nsd;

use nsd::{Nsd, program};
use posthaste::wire::dns::{Dnssec, Resolver, ResolverConfig, Route, RouteError, TlsaAnswer};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const IN_2001: &str = "20010101";
const IN_2002: &str = "20020101";
const IN_2060: &str = "20600101";
const DIGEST: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// How a zone is signed.
#[derive(Clone, Copy)]
struct Signing {
    algorithm: &'static str,
    expires: &'static str,
    nsec3: bool,
}

/// A folder with zones, and NSD that serves them.
struct Served {
    folder: tempfile::TempDir,
    zones: Vec<(String, PathBuf)>,
    server: Option<Nsd>,
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

impl Served {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), zones: Vec::new(), server: None }
    }

    /// Writes a zone, signs it if asked to, and gives its DS record, or of the root the DNSKEY record.
    fn zone(&mut self, apex: &str, records: &str, signing: Option<Signing>) -> String {
        let path = self.folder.path().join(if apex == "." { "root".to_owned() } else { apex.replace('.', "_") });
        std::fs::write(&path, nsd::zone(apex, records)).unwrap();
        let Some(signing) = signing else {
            self.zones.push((apex.to_owned(), path));
            return String::new();
        };
        let mut keygen = program("ldns", "usr/bin/ldns-keygen");
        keygen.current_dir(self.folder.path()).args(["-r", "/dev/urandom", "-a", signing.algorithm, "-k", apex]);
        let key = self.folder.path().join(run(&mut keygen).trim());
        let mut signzone = program("ldns", "usr/bin/ldns-signzone");
        signzone.args(["-i", IN_2001, "-e", signing.expires, "-o", apex]);
        if signing.nsec3 {
            signzone.arg("-n");
        }
        run(signzone.arg(&path).arg(&key));
        self.zones.push((apex.to_owned(), path.with_extension("signed")));
        let published = if apex == "." { "key" } else { "ds" };
        std::fs::read_to_string(format!("{}.{published}", key.display())).unwrap()
    }

    fn start(&mut self) {
        self.server = Some(Nsd::start(self.folder.path(), &self.zones));
    }

    fn route(&self, anchor: &str, domain: &str) -> Result<Route, RouteError> {
        let file = self.folder.path().join("anchor");
        std::fs::write(&file, anchor).unwrap();
        let config = ResolverConfig {
            servers: vec![self.server.as_ref().unwrap().address()],
            timeout: Duration::from_secs(20),
            dnssec: Dnssec::Validate,
            trust_anchor: Some(file),
            dane: true,
            ..ResolverConfig::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Resolver::new(&config).unwrap().resolve_mx(domain))
    }
}

fn digests(route: &Route) -> Vec<&[u8]> {
    match &route.exchangers[0].tlsa {
        TlsaAnswer::Records(records) => records.iter().map(|record| &*record.data).collect(),
        TlsaAnswer::Absent => Vec::new(),
        TlsaAnswer::Unknown(reason) => panic!("{reason}"),
    }
}

#[test]
fn zones_that_ldns_signs_and_nsd_serves_are_proven() {
    for (algorithm, nsec3) in [("ECDSAP256SHA256", true), ("RSASHA256", false), ("ED25519", true)] {
        let good = Signing { algorithm, expires: IN_2060, nsec3 };
        let acme = format!(
            "@ MX 10 mx\n@ MX 20 alias\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\nbare A 192.0.2.2\nalias CNAME mx\n\
             _25._tcp.mx TLSA 3 1 1 {DIGEST}\n*.wild MX 10 mx\n"
        );
        let mut served = Served::new();
        let acme = served.zone("acme.example.", &acme, Some(good));
        let old = Signing { expires: IN_2002, ..good };
        let old = served.zone("old.example.", "@ MX 10 mx\nmx A 192.0.2.3\n", Some(old));
        served.zone("plain.example.", "@ MX 10 mx\nmx A 192.0.2.4\n", None);
        let cuts = format!("acme NS ns\nold NS ns\nplain NS ns\nns A 127.0.0.1\n{acme}\n{old}\n");
        let example = served.zone("example.", &cuts, Some(good));
        let anchor = served.zone(".", &format!("example. NS ns.example.\n{example}"), Some(good));
        served.start();

        let acme = served.route(&anchor, "acme.example").unwrap();
        assert!(acme.authentic && acme.exchangers.iter().all(|e| e.authentic), "{algorithm}: {acme:?}");
        assert_eq!(digests(&acme), [[7; 32]], "{algorithm}");
        assert_eq!(acme.exchangers[0].tlsa, acme.exchangers[1].tlsa, "the alias leads to the same records");
        let bare = served.route(&anchor, "bare.acme.example").unwrap();
        assert!(bare.authentic && digests(&bare).is_empty(), "{algorithm}: {bare:?}");
        // With NSEC, hickory does not take the wildcard's own record for the proof that it is: a failure, no downgrade.
        match served.route(&anchor, "any.wild.acme.example") {
            Ok(wild) => assert!(nsec3 && wild.authentic && digests(&wild).len() == 1, "{algorithm}: {wild:?}"),
            Err(error) => assert!(!nsec3 && !error.permanent, "{algorithm}: {}", error.reply),
        }
        let plain = served.route(&anchor, "plain.example").unwrap();
        assert!(!plain.authentic && !plain.exchangers[0].authentic, "{algorithm}: {plain:?}");
        let gone = served.route(&anchor, "gone.acme.example").unwrap_err();
        assert!(gone.permanent && gone.reply.to_string().contains("does not exist"), "{algorithm}: {}", gone.reply);
        let old = served.route(&anchor, "old.example").unwrap_err();
        assert!(!old.permanent && old.reply.to_string().contains("DNSSEC"), "{algorithm}: {}", old.reply);
    }
}
