//! The real Prometheus scrapes a send that is under way, and evaluates every panel and every alert.
//!
//! Guarantees: each expression is accepted, and each panel has something to show. Needs Debian's `prometheus`, unpacked by
//! `tests/mta/setup` or installed. Leaves to others: that dashboards name known metrics only (`dashboards.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/dns_server.rs"]
mod dns_server;
#[path = "support/free_port.rs"]
mod free_port;

use dns_server::{DnsServer, Zone};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Prometheus may take to start, scrape and answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Recipients of the campaign that runs meanwhile: enough to outlast the look at it.
const RECIPIENTS: usize = 200_000;
/// Their domains, over three sites.
const DOMAINS: usize = 30;

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> PathBuf {
    let unpacked = match std::env::var_os("POSTHASTE_MTA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mta"),
    };
    let found = [unpacked.join("prometheus/usr/bin/prometheus"), "/usr/bin/prometheus".into()];
    found.into_iter().find(|path| path.exists()).expect("no prometheus here: run tests/mta/setup (as root)")
}

impl Prometheus {
    fn start(binary: &Path, page: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/alerts.yml");
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: [{alerts:?}]\nscrape_configs:\n- {{job_name: posthaste, static_configs: [{{targets: ['{page}']}}]}}\n"
        );
        std::fs::write(&config, text).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port::free_port()));
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(binary)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address, _folder: folder }
    }

    fn get(&self, path: &str) -> Option<serde_json::Value> {
        let mut peer = TcpStream::connect(self.address).ok()?;
        peer.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(peer, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        peer.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The number of series that an expression gives now; an error is a failure of the test.
    fn series(&self, place: &str, expr: &str) -> Option<usize> {
        let expr = expr.replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$site", ".*");
        let query: String = expr.bytes().map(|b| format!("%{b:02x}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={query}"))?;
        assert_ne!(answer["status"], "error", "{place}: {} in {expr}", answer["error"]);
        Some(answer["data"]["result"].as_array()?.len())
    }
}

/// A campaign that a receiver defers and refuses parts of, sent by the real program by MX, with metrics on a page.
struct Sending {
    send: Child,
    _receiver: posthaste::sink::Running,
    _dns: DnsServer,
    folder: tempfile::TempDir,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let _ = self.send.kill();
        let _ = self.send.wait();
    }
}

impl Sending {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = posthaste::sink::Options {
            rtt: Duration::from_millis(20),
            defer_percent: 20.0,
            reject_percent: 5.0,
            ..Default::default()
        };
        let receiver = posthaste::sink::spawn("127.0.0.1:0".parse().unwrap(), options).unwrap();
        let mut zone = Zone::new();
        for n in 1..DOMAINS {
            let (domain, host) = (format!("d{n}.example"), format!("mx{}.example", n % 3));
            zone = zone.mx(&domain, &[(10, &host)]).address(&host, "127.0.0.1");
        }
        // Nobody listens there: its site is paused.
        zone = zone.mx("d0.example", &[(10, "down.example")]).address("down.example", "127.0.0.2");
        let dns = DnsServer::start(zone);
        // One domain of the list does not exist: a look-up fails, and its recipients bounce.
        let rows: String = (0..RECIPIENTS).map(|n| format!("u{n}@d{}.example\n", n % (DOMAINS + 1))).collect();
        let files = [
            ("list.csv", format!("email\n{rows}not an address\nu0@d0.example\n")),
            ("hello.txt", "Hello {{ email }}\n".to_owned()),
            ("suppressed", "u1@d1.example\n".to_owned()),
            (
                "campaign.toml",
                "name = 'c'\nfrom = 'a@acme.example'\nsubject = 'Hello'\ntext = 'hello.txt'\nretry = ['1s']\n\
                 [recipients]\nfile = 'list.csv'\nemail = 'email'\n"
                    .to_owned(),
            ),
            (
                "engine.toml",
                format!(
                    "[engine]\nsuppression = ['suppressed']\n[delivery]\nroute = 'mx'\nport = {}\nsessions_per_site = 2\n\
                     chunking = false\n[dns]\nallow_loopback = true\nservers = ['{}']\n",
                    receiver.address().port(),
                    dns.address()
                ),
            ),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let send = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(["send", "campaign.toml", "--config", "engine.toml", "--metrics", "127.0.0.1:0"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { send, _receiver: receiver, _dns: dns, folder }
    }

    /// Where it says that its page is.
    fn page(&self) -> SocketAddr {
        let start = Instant::now();
        loop {
            let log = self.log();
            if let Some((page, _)) = log.split_once("metrics on http://").and_then(|(_, rest)| rest.split_once('/')) {
                return page.parse().unwrap();
            }
            assert!(start.elapsed() < PATIENCE, "there is no page:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// (where it stands, expression, whether it is a panel)
fn expressions() -> Vec<(String, String, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let mut found = Vec::new();
    for name in ["overview", "sites", "engine"] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let board: serde_json::Value = serde_json::from_str(&text).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("{name}: {}", panel["title"].as_str().unwrap());
                found.push((place, target["expr"].as_str().unwrap().to_owned(), true));
            }
        }
    }
    let alerts = std::fs::read_to_string(folder.join("alerts.yml")).unwrap();
    for rule in alerts.split("- alert: ").skip(1) {
        let body = rule.split_once("expr:").and_then(|(_, rest)| rest.split_once("        labels:")).unwrap().0;
        let expr = body.trim_start().trim_start_matches('|').split("        for:").next().unwrap();
        found.push((format!("alert {}", rule.lines().next().unwrap()), expr.trim().to_owned(), false));
    }
    found
}

#[test]
fn every_panel_shows_something_and_every_alert_is_accepted() {
    let mut sending = Sending::start();
    let prometheus = Prometheus::start(&binary(), sending.page());
    let mut left = expressions();
    let whole = left.len();
    let start = Instant::now();
    while !left.is_empty() {
        let running = sending.send.try_wait().unwrap().is_none();
        left.retain(|(place, expr, panel)| match prometheus.series(place, expr) {
            Some(series) => series == 0 && *panel,
            None => true,
        });
        assert!(left.is_empty() || running, "the send ended, and these show nothing: {left:#?}\n{}", sending.log());
        assert!(start.elapsed() < PATIENCE, "{} of {whole} stay empty: {left:#?}\n{}", left.len(), sending.log());
        std::thread::sleep(Duration::from_millis(250));
    }
    let rules = prometheus.get("/api/v1/rules").unwrap();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 10 && rules.iter().all(|rule| rule["health"] != "err"), "{rules:#?}");
}
