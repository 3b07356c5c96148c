//! The real Prometheus scrapes a page that the engine's observer serves and evaluates every panel and every alert.
//!
//! Guarantees: each expression is accepted, and each panel has something to show once every number has moved.
//! Needs Debian's `prometheus`, unpacked by `tests/mta/setup` or installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use posthaste::base::clock::UnixTime;
use posthaste::mail::{Disposition, Enhanced, ReplyRef};
use posthaste::observe::{
    DnsCounters, JournalCounters, LoaderCounters, Observer, Publisher, RenderCounters, ShardCounters, SiteCounters,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long Prometheus may take to start, scrape and answer.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap();
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

/// Moves every number once more.
fn work(round: u64, publishers: &mut [Publisher; 6]) {
    let n = round * 10;
    let mut shard =
        ShardCounters { deferrals: n, messages: n, transactions: n, content_octets: n, ..Default::default() };
    let mut site =
        SiteCounters { deferrals: n, sessions_open: 2, window: 3, waiting: 5, backoff_s: 60, ..Default::default() };
    for disposition in Disposition::ALL {
        shard.recipients.add(disposition, n);
        site.recipients.add(disposition, n);
    }
    for code in [250, 451, 550] {
        let enhanced = Some(Enhanced::new((code / 100) as u8, 7, 1));
        (0..n).for_each(|_| shard.replies.count(ReplyRef { code, enhanced, text: b"" }));
    }
    (shard.sessions_opened, shard.sessions_failed, shard.session_reuses, shard.sessions_open) = (n, n, n, 7);
    (shard.waiting, shard.scheduled, shard.in_flight, shard.ring_enters, shard.ring_completions) = (9, 9, 9, n, n);
    let mut journal = JournalCounters { commits: n, octets: n, ..Default::default() };
    let mut render = RenderCounters { messages: n, ..Default::default() };
    let mut dns = DnsCounters { lookups: n, failures: n, ..Default::default() };
    for spread in [&mut shard.delivery, &mut journal.sync, &mut render.spent, &mut dns.answer] {
        (0..n).for_each(|i| spread.record(Duration::from_millis(i % 50)));
    }
    let loader = LoaderCounters { rows: n, rejected: n, duplicates: n, suppressed: n, loaded: n, oldest_s: round };
    let [a, b, c, d, e, f] = publishers;
    a.publish(&shard);
    b.publish(&site);
    c.publish(&journal);
    d.publish(&render);
    e.publish(&dns);
    f.publish(&loader);
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
    let binary = binary();
    let (observer, page) = Observer::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    observer.started(UnixTime(1_800_000_000));
    let mut publishers = [(); 6].map(|()| observer.publisher());
    publishers[1] = observer.site("mx.a.example").unwrap();
    work(1, &mut publishers);
    let prometheus = Prometheus::start(&binary, page);
    let mut left = expressions();
    let whole = left.len();
    let start = Instant::now();
    for round in 2.. {
        work(round, &mut publishers);
        left.retain(|(place, expr, panel)| match prometheus.series(place, expr) {
            Some(series) => series == 0 && *panel,
            None => true,
        });
        if left.is_empty() {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{} of {whole} expressions stay empty: {left:#?}", left.len());
        std::thread::sleep(Duration::from_millis(250));
    }
    let rules = prometheus.get("/api/v1/rules").unwrap();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 10 && rules.iter().all(|rule| rule["health"] != "err"), "{rules:#?}");
}
