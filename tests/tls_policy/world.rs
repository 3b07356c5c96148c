//! The world of one test: names, exchangers, the web, and campaigns through the real program.

use crate::certificates::{Authority, Identity};
use crate::dns_server::{Answer, DnsServer, Zone};
use crate::web::Web;
use aws_lc_rs::digest::{SHA256, digest};
use hickory_resolver::proto::op::ResponseCode;
use posthaste::sink::{self, Options, Running};
use posthaste::tls::ServerConfig;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Nothing here takes longer, on the slowest machine that is still of use.
const PATIENCE: Duration = Duration::from_secs(240);

/// One exchanger: a host with an address of its own.
pub struct Exchanger {
    running: Running,
}

/// See the head of this file.
pub struct World {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub web: Web,
    dns: DnsServer,
    zone: Arc<Mutex<Zone>>,
    unsigned: Arc<Mutex<Vec<String>>>,
    /// Of all exchangers, from the first one on.
    pub port: u16,
    hosts: u8,
    sent: u32,
    pub retry: &'static str,
    pub lifetime: &'static str,
    /// More lines of the engine's configuration, by section: `delivery`, `tls`, and what follows at its end.
    pub delivery: String,
    pub tls: String,
    pub dns_lines: String,
    pub more: String,
    /// More lines of the campaigns.
    pub campaign: String,
}

impl World {
    pub fn new() -> Self {
        let authority = Authority::new();
        let web = Web::start(authority.issue(&["mta-sts.a.example", "mta-sts.b.example"]));
        let zone = Arc::new(Mutex::new(Zone::new().ttl(1)));
        let unsigned = Arc::new(Mutex::new(Vec::<String>::new()));
        let dns = DnsServer::answering({
            let (zone, unsigned) = (zone.clone(), unsigned.clone());
            move |owner, kind| {
                let authentic = !unsigned.lock().unwrap().iter().any(|end| owner.ends_with(end.as_str()));
                Answer { authentic, ..zone.lock().unwrap().answer(owner, kind) }
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("roots.pem"), &authority.pem).unwrap();
        Self {
            folder,
            authority,
            web,
            dns,
            zone,
            unsigned,
            port: 0,
            hosts: 1,
            sent: 0,
            retry: "1s",
            lifetime: "3s",
            delivery: String::new(),
            tls: String::new(),
            dns_lines: String::new(),
            more: String::new(),
            campaign: String::new(),
        }
    }

    /// Changes what DNS says.
    pub fn zone(&self, change: impl FnOnce(Zone) -> Zone) {
        let mut zone = self.zone.lock().unwrap();
        *zone = change(std::mem::take(&mut *zone));
    }

    /// A domain with these exchangers.
    pub fn domain(&self, domain: &str, exchangers: &[(u16, &str)]) {
        self.zone(|zone| zone.mx(domain, exchangers));
    }

    /// DNSSEC does not prove what ends so.
    pub fn unsigned(&self, end: &str) {
        self.unsigned.lock().unwrap().push(end.to_owned());
    }

    /// From now on the program looks for TLSA records, and believes the server's AD bit.
    pub fn with_dane(&mut self) {
        self.dns_lines = "dnssec = \"trust\"\ndane = true\n".to_owned();
    }

    /// The TLSA record of a host is this digest of a public key, and no other.
    pub fn tlsa(&self, host: &str, spki: &[u8]) {
        let owner = format!("_{}._tcp.{host}", self.port);
        let digest: [u8; 32] = digest(&SHA256, spki).as_ref().try_into().unwrap();
        self.zone(|zone| zone.without(&owner).tlsa(&owner, digest));
    }

    /// Nobody can say what the TLSA records of a host are.
    pub fn tlsa_fails(&self, host: &str) {
        let owner = format!("_{}._tcp.{host}", self.port);
        self.zone(|zone| zone.without(&owner).code(&owner, None, ResponseCode::ServFail));
    }

    /// The domain announces a policy under this id, and the web has it.
    pub fn announce(&self, domain: &str, id: &str, policy: &str) {
        let (owner, text) = (format!("_mta-sts.{domain}"), format!("v=STSv1; id={id};"));
        self.zone(|zone| zone.without(&owner).txt(&owner, &[&text]));
        self.zone(|zone| zone.without(&format!("mta-sts.{domain}")).address(&format!("mta-sts.{domain}"), "127.0.0.1"));
        self.web.answers(crate::web::policy(policy));
    }

    /// An exchanger of this name, which offers STARTTLS with `identity`, or not at all.
    pub fn exchanger(&mut self, host: &str, identity: Option<&Identity>) -> Exchanger {
        self.exchanger_that(host, identity, Options::default())
    }

    pub fn exchanger_that(&mut self, host: &str, identity: Option<&Identity>, options: Options) -> Exchanger {
        self.hosts += 1;
        let address = Ipv4Addr::new(127, 0, 0, self.hosts);
        let tls = identity.map(|i| ServerConfig::from_pem(i.chain.as_bytes(), i.key.as_bytes()).unwrap());
        let options = Options { hostname: host.to_owned(), tls, ..options };
        let running = sink::spawn(SocketAddr::new(IpAddr::V4(address), self.port), options).unwrap();
        // All exchangers of the world are on one port.
        self.port = running.address().port();
        self.zone(|zone| zone.address(host, &address.to_string()));
        Exchanger { running }
    }

    /// Sends one message to each address, and waits for the end.
    #[track_caller]
    pub fn send(&mut self, addresses: &[&str]) -> Sent {
        self.begin(addresses).wait()
    }

    /// Begins to send one message to each address, as a campaign of its own.
    pub fn begin(&mut self, addresses: &[&str]) -> Sending {
        self.sent += 1;
        let name = format!("c{}", self.sent);
        let write = |file: String, text: String| {
            let path = self.folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            path
        };
        let engine = write(
            "engine.toml".to_owned(),
            format!(
                "[engine]\nhostname = \"me.example\"\nshards = 1\nrender_threads = 1\n\
                 [delivery]\nroute = \"mx\"\nport = {}\nretry = [\"{}\"]\nlifetime = \"{}\"\n{}\n\
                 [dns]\nservers = [\"{}\"]\ntimeout = \"2s\"\nallow_loopback = true\n{}\n\
                 [tls]\nroots = \"roots.pem\"\nmta_sts_port = {}\n{}\n{}\n",
                self.port,
                self.retry,
                self.lifetime,
                self.delivery,
                self.dns.address(),
                self.dns_lines,
                self.web.address.port(),
                self.tls,
                self.more,
            ),
        );
        write(format!("{name}.csv"), format!("email\n{}\n", addresses.join("\n")));
        write("text.txt".to_owned(), "Good day,\n\nthis is short.\n".to_owned());
        let campaign = write(
            format!("{name}.toml"),
            format!(
                "name = \"{name}\"\nfrom = \"news@me.example\"\nsubject = \"A day\"\ntext = \"text.txt\"\n{}\n\
                 [recipients]\nfile = \"{name}.csv\"\n",
                self.campaign,
            ),
        );
        let (data, log) = (self.folder.path().join("data"), self.folder.path().join(format!("{name}.log")));
        let output = self.folder.path().join(format!("{name}.json"));
        let events = self.folder.path().join(format!("{name}.jsonl"));
        let child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(["send", "--json", "--config"])
            .args([&engine, &campaign])
            .arg("--data")
            .arg(&data)
            .arg("--events")
            .arg(&events)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&output).unwrap())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Sending { child, output, log, events }
    }
}

/// A campaign under way. Dropped, it is killed.
pub struct Sending {
    child: Child,
    output: PathBuf,
    log: PathBuf,
    events: PathBuf,
}

impl Sending {
    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < end, "never said {words:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a metric, over all its labels, has reached a value.
    #[track_caller]
    pub fn wait_for_metric(&self, name: &str, value: u64) {
        self.wait_for("metrics on http://");
        let log = self.log();
        let (_, rest) = log.split_once("metrics on http://").unwrap();
        let address = rest.split('/').next().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let page = page(address);
            let lines = page.lines().filter(|line| line.starts_with(name));
            let sum: f64 = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
            if sum >= value as f64 {
                return;
            }
            assert!(Instant::now() < end, "{name} is {sum}, not {value}:\n{page}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub fn wait(mut self) -> Sent {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "it still runs:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        let text = std::fs::read_to_string(&self.output).unwrap();
        let last = text.lines().next_back().unwrap_or_default();
        let summary =
            serde_json::from_str(last).unwrap_or_else(|e| panic!("no summary ({e}):\n{text}\n{}", self.log()));
        let events = std::fs::read_to_string(&self.events).unwrap();
        Sent { summary, log: self.log(), events }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page of metrics.
fn page(address: &str) -> String {
    let mut page = String::new();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let _read = stream.read_to_string(&mut page);
    page
}

/// A campaign that has ended.
pub struct Sent {
    summary: Value,
    pub log: String,
    events: String,
}

impl Sent {
    fn count(&self, key: &str) -> u64 {
        self.summary[key].as_u64().unwrap_or_else(|| panic!("no number {key:?} in {}", self.summary))
    }

    /// Checks what became of the recipients: so many delivered, so many given up.
    #[track_caller]
    pub fn expect(&self, delivered: u64, expired: u64) -> &Self {
        let is = (self.count("delivered"), self.count("expired"));
        assert_eq!(is, (delivered, expired), "{}\n{}", self.summary, self.log);
        self
    }

    /// Checks that a recipient was deferred with such a reply: its event holds all of these words.
    #[track_caller]
    pub fn deferred_with(&self, words: &[&str]) -> &Self {
        let found = self.events.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no event with {words:?}:\n{}\n{}", self.events, self.log);
        self
    }

    /// Checks that it said why.
    #[track_caller]
    pub fn said(&self, words: &str) -> &Self {
        assert!(self.log.contains(words), "never said {words:?}:\n{}", self.log);
        self
    }
}

impl Exchanger {
    /// Ends it: what it counted.
    pub fn stop(self) -> sink::Counters {
        self.running.stop().unwrap().counters
    }

    /// Ends it: it must have taken so many messages, all of them inside TLS, and not even an envelope more.
    #[track_caller]
    pub fn took(self, messages: u64) {
        let counters = self.stop();
        assert_eq!((counters.messages, counters.transactions), (messages, messages), "{counters:?}");
        assert!(messages == 0 || counters.tls_sessions > 0, "in clear text: {counters:?}");
    }

    /// The same in clear text.
    #[track_caller]
    pub fn took_in_clear(self, messages: u64) {
        let counters = self.stop();
        assert_eq!((counters.messages, counters.tls_sessions), (messages, 0), "{counters:?}");
    }
}
