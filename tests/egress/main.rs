//! Egress, over real sockets and with the real program: sources, pools, limits, families, proxies, logins, and what is
//! remembered of hosts. Sources are addresses of 127.0.0.0/8, all of which are this machine's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod counts;
mod denials;
#[path = "../support/dns_server.rs"]
mod dns_server;
mod hasty;
mod limits;
#[path = "../support/nobody.rs"]
mod nobody;
mod real_proxies;
mod refusals;
mod servers;
mod smarthost;
mod surplus;
mod templates;
mod ways;

use nobody::NOBODY;
use servers::{Server, deaf};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a program may take to say what it should.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a campaign to so many recipients at `a.example`.
struct Desk(TempDir);

impl Desk {
    fn new(recipients: usize) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let rows: String = (0..recipients).map(|n| format!("p{n}@a.example,Ann\n")).collect();
        desk.put("w.csv", &format!("email,first\n{rows}"));
        desk.put("w.txt", "Dear {{ first }},\nhello.\n");
        desk.campaign("w", "");
        desk
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// A campaign of this name with more keys.
    fn campaign(&self, name: &str, more: &str) {
        let text = format!(
            "name = \"{name}\"\nfrom = \"Acme <news@acme.example>\"\nsubject = \"Hello {{{{ first }}}}\"\n\
             text = \"w.txt\"\n{more}\n[recipients]\nfile = \"w.csv\"\n"
        );
        self.put(&format!("{name}.toml"), &text);
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Sends a campaign by this configuration.
    fn start(&self, name: &str, config: &str) -> Sending {
        self.start_with(name, config, &[])
    }

    fn start_with(&self, name: &str, config: &str, more: &[&str]) -> Sending {
        self.put("e.toml", config);
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.path()).args(["send", &format!("{name}.toml"), "--data", "data"]);
        command.args(["--config", "e.toml"]).args(more).env("EGRESS_PASSWORD", "hunter2");
        Sending(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// What became of a campaign, as JSON.
    fn report(&self, name: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.path()).args(["report", name, "--data", "data", "--json"]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    /// Sends a campaign, to its end; the code, and what was said.
    fn send(&self, name: &str, config: &str) -> (Option<i32>, String) {
        self.start(name, config).wait()
    }

    /// Sends `w`, and everybody gets it.
    fn delivers(&self, config: &str) -> String {
        let (code, said) = self.send("w", config);
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

/// A send under way; killed when it goes.
struct Sending(Child);

impl Drop for Sending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Sending {
    fn says(&mut self, words: &str) -> String {
        let mut lines = BufReader::new(self.0.stderr.as_mut().unwrap());
        let (mut said, start) = (String::new(), Instant::now());
        while !said.contains(words) {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{words:?} was never said:\n{said}");
            assert!(start.elapsed() < PATIENCE, "{words:?} was not said in time:\n{said}");
        }
        said
    }

    fn signal(&self, name: &str) {
        let signal = format!("-{name}");
        assert!(Command::new("kill").args([&signal, &self.0.id().to_string()]).status().unwrap().success());
    }

    fn interrupt(self) -> (Option<i32>, String) {
        self.signal("INT");
        self.wait()
    }

    fn wait(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

fn mx() -> Server {
    Server::smtp(TcpListener::bind("127.0.0.1:0").unwrap(), |_| None)
}

/// Everything to one server, five messages in a session.
fn to(server: SocketAddr) -> String {
    format!("[delivery]\nsmarthost = \"{server}\"\nmessages_per_session = 5\n")
}

fn source(name: &str, more: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nehlo = \"{name}.test\"\n{more}\n")
}

#[test]
fn sessions_leave_by_each_source_as_its_weight_says_and_under_its_name() {
    let (desk, mx) = (Desk::new(400), mx());
    let a = source("a", "address = \"127.0.0.2\"\nweight = 3");
    let b = source("b", "address = \"127.0.0.3\"");
    desk.delivers(&(to(mx.address) + &a + &b));
    let seen = mx.seen();
    assert_eq!(seen.messages, 400);
    for (peer, name) in &seen.sessions {
        let expected = if peer.to_string() == "127.0.0.2" { "a.test" } else { "b.test" };
        assert_eq!(name, expected, "{peer}");
    }
    let (a, b) = (seen.from("127.0.0.2"), seen.from("127.0.0.3"));
    assert!(a + b == seen.sessions.len() && a > 2 * b && b * 5 > a, "{a} and {b} sessions, not 3 to 1");
}

#[test]
fn the_campaigns_pool_goes_before_the_engines_and_a_pool_without_sources_is_told_of() {
    let (desk, mx) = (Desk::new(20), mx());
    let a = source("a", "address = \"127.0.0.2\"\npool = \"slow\"");
    let b = source("b", "address = \"127.0.0.3\"\npool = \"fast\"");
    let config = format!("{}pool = \"slow\"\n{a}{b}", to(mx.address));
    desk.delivers(&config);
    assert!(mx.seen().from("127.0.0.2") > 0 && mx.seen().from("127.0.0.3") == 0);
    desk.campaign("other", "pool = \"fast\"");
    assert_eq!(desk.send("other", &config).0, Some(0));
    assert!(mx.seen().from("127.0.0.3") > 0);
    desk.campaign("third", "pool = \"fats\"");
    let (code, said) = desk.send("third", &config);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("third.toml:5:8: pool: no [[source]] is in the pool \"fats\""), "{said}");
    assert!(said.contains("hint: pools that there are: fast, slow"), "{said}");
}

#[test]
fn a_source_has_no_more_sessions_than_it_may() {
    let (desk, mx) = (Desk::new(300), mx());
    let limited = source("a", "address = \"127.0.0.2\"\nsessions_max = 2");
    desk.delivers(&(to(mx.address) + &limited));
    let seen = mx.seen();
    assert_eq!((seen.messages, seen.open.1), (300, 2));
}

#[test]
fn a_source_sends_no_more_messages_in_an_hour_than_it_may() {
    let (desk, mx) = (Desk::new(40), mx());
    // Two a second, and those of ten seconds ahead.
    let limited = source("a", "address = \"127.0.0.2\"\nmessages_per_hour = 7200");
    let began = Instant::now();
    let said = desk.delivers(&(to(mx.address) + &limited));
    assert!(said.contains("bound by ") && said.contains("messages_per_hour"), "{said}");
    assert!(began.elapsed() > Duration::from_secs(8), "40 messages took {:?}", began.elapsed());
    assert_eq!(mx.seen().messages, 40);
}

#[test]
fn an_address_that_is_not_ours_is_told_of_at_the_start() {
    let desk = Desk::new(1);
    let config = to(mx().address) + &source("a", "address = [\"127.0.0.2\", \"2001:db8:bad::1\"]");
    let (code, said) = desk.send("w", &config);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("e.toml:7:11: source \"a\": 2001:db8:bad::1 is no address to send from here"), "{said}");
    assert!(said.contains("hint: add the address to an interface"), "{said}");
}

#[test]
fn a_socks_proxy_is_logged_in_to_and_connects_us() {
    let (desk, mx, socks) = (Desk::new(30), mx(), Server::socks(Some(("jo", "hunter2"))));
    let proxy = format!(
        "proxy = {{ kind = \"socks5\", address = \"{}\", user = \"jo\", password_env = \"EGRESS_PASSWORD\" }}",
        socks.address
    );
    let said = desk.delivers(&(to(mx.address) + &source("a", &proxy)));
    assert_eq!(mx.seen().messages, 30);
    assert!(socks.seen().said(&mx.address.to_string()) >= 1);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_proxy_that_turns_us_away_is_held_against_its_source_and_not_against_the_site() {
    let (desk, mx, socks) = (Desk::new(30), mx(), Server::socks(Some(("jo", "another"))));
    let proxy = format!(
        "proxy = {{ kind = \"socks5\", address = \"{}\", user = \"jo\", password_env = \"EGRESS_PASSWORD\" }}",
        socks.address
    );
    let bad = source("bad", &proxy);
    let mut sending = desk.start("w", &(to(mx.address) + &bad));
    let said = sending.says("the source rests");
    assert!(said.contains("bad") && said.contains("it does not take our user and password"), "{said}");
    let (code, said) = sending.interrupt();
    assert_eq!(code, Some(3), "{said}");
    assert!(!said.contains("the site rests") && said.contains("30 recipients wait"), "{said}");
    // With another source beside it everybody gets the message, now.
    desk.delivers(&(to(mx.address) + &bad + &source("good", "address = \"127.0.0.2\"")));
    assert_eq!(mx.seen().from("127.0.0.2"), mx.seen().sessions.len());
}

#[test]
fn what_a_socks_proxy_cannot_reach_is_the_sites_trouble() {
    let (desk, socks) = (Desk::new(1), Server::socks(None));
    let proxy = format!("proxy = {{ kind = \"socks5\", address = \"{}\" }}", socks.address);
    let mut sending = desk.start("w", &(to(NOBODY.parse().unwrap()) + &source("a", &proxy)));
    let said = sending.says("the site rests");
    assert!(said.contains("the connection was refused behind it") && !said.contains("the source rests"), "{said}");
    assert_eq!(sending.interrupt().0, Some(3));
}

#[test]
fn a_proxy_is_told_by_a_header_where_from_and_where_to() {
    let (desk, mx, proxy) = (Desk::new(30), mx(), Server::haproxy());
    let way = format!("address = \"127.0.0.9\"\nproxy = {{ kind = \"haproxy\", address = \"{}\" }}", proxy.address);
    desk.delivers(&(to(mx.address) + &source("a", &way)));
    assert_eq!(mx.seen().from("127.0.0.9"), mx.seen().sessions.len());
    assert_eq!(mx.seen().messages, 30);
    assert!(proxy.seen().said(&format!("127.0.0.9 to {}", mx.address)) >= 1);
}

/// One port on both loopback addresses: the IPv6 one deaf or serving, the IPv4 one serving.
fn on_both(six: impl Fn(SocketAddr)) -> (Server, u16) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if TcpListener::bind(("::1", port)).is_ok() {
            six(SocketAddr::new(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), port));
            return (Server::smtp(listener, |_| None), port);
        }
    }
}

/// DNS that knows `relay.test` by both addresses.
fn dns() -> dns_server::DnsServer {
    let zone = dns_server::Zone::new().address("relay.test", "127.0.0.1").address("relay.test", "::1");
    dns_server::DnsServer::start(zone)
}

#[test]
fn families_are_chosen_and_ordered_as_the_source_says() {
    for (family, six, four) in [("only-ipv4", false, true), ("only-ipv6", true, false), ("prefer-ipv6", true, false)] {
        let sixth = std::sync::Mutex::new(None);
        let (mx, port) = on_both(|address| {
            *sixth.lock().unwrap() = Some(Server::smtp(TcpListener::bind(address).unwrap(), |_| None));
        });
        let (desk, dns, sixth) = (Desk::new(20), dns(), sixth.into_inner().unwrap().unwrap());
        let head = format!("[delivery]\nsmarthost = \"relay.test:{port}\"\n[dns]\nservers = [\"{}\"]\n", dns.address());
        desk.delivers(&(head + &source("a", &format!("family = \"{family}\""))));
        let used = (sixth.seen().messages > 0, mx.seen().messages > 0);
        assert_eq!(used, (six, four), "{family}");
    }
}

#[test]
fn in_a_race_the_second_family_starts_soon_and_the_loser_counts_as_no_failure() {
    let held = std::sync::Mutex::new(None);
    let (mx, port) = on_both(|address| *held.lock().unwrap() = Some(deaf(address)));
    let (desk, dns) = (Desk::new(20), dns());
    let head = format!(
        "[delivery]\nsmarthost = \"relay.test:{port}\"\nconnect_timeout = \"60s\"\n[dns]\nservers = [\"{}\"]\n",
        dns.address()
    );
    let began = Instant::now();
    let said = desk.delivers(&(head + &source("a", "family = \"race\"")));
    assert_eq!(mx.seen().messages, 20);
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for the deaf address: {:?}", began.elapsed());
    assert!(!said.contains("rests"), "{said}");
}

#[test]
fn what_a_host_did_wrong_is_known_to_the_next_process() {
    let desk = Desk::new(20);
    let broken: servers::Odd = |command| match command.split(' ').next() {
        Some("EHLO") => Some("250-mx.test\r\n250 STARTTLS\r\n"),
        Some("STARTTLS") => Some("220 go ahead\r\n"),
        _ => None,
    };
    let mx = Server::smtp(TcpListener::bind("127.0.0.1:0").unwrap(), broken);
    desk.delivers(&to(mx.address));
    let first = mx.seen().said("STARTTLS");
    assert!(first > 0 && mx.seen().messages == 20);
    desk.campaign("second", "");
    let (code, said) = desk.send("second", &to(mx.address));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((mx.seen().said("STARTTLS"), mx.seen().messages), (first, 40), "{said}");
    // A file that is damaged is set aside, and nothing else happens.
    std::fs::write(desk.path().join("data/hosts.jsonl"), "nonsense").unwrap();
    desk.campaign("third", "");
    let (code, said) = desk.send("third", &to(mx.address));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("hosts.jsonl: line 1:") && said.contains("set aside"), "{said}");
    assert!(desk.path().join("data/hosts.jsonl.damaged").exists());
    // One that cannot be read is no damage: nothing begins, and it stays.
    let hosts = desk.path().join("data/hosts.jsonl");
    std::fs::remove_file(&hosts).unwrap();
    std::fs::create_dir(&hosts).unwrap();
    desk.campaign("fourth", "");
    let (code, said) = desk.send("fourth", &to(mx.address));
    assert_eq!((code, mx.seen().messages, hosts.is_dir()), (Some(1), 60, true), "{said}");
    assert!(said.contains("error: cannot read what hosts taught from ") && said.contains("hint: "), "{said}");
}

/// The files that a process may open are few: it sends all the same, or says what to do.
#[test]
fn whoever_may_open_few_files_is_told_so_wherever_that_shows() {
    let (desk, mx) = (Desk::new(3), mx());
    desk.put("e.toml", &to(mx.address));
    for limit in (12..30).step_by(2) {
        let (sh, data) = (format!("ulimit -n {limit} && exec \"$0\" \"$@\""), format!("data-{limit}"));
        let mut command = Command::new("sh");
        command.current_dir(desk.path()).args(["-c", &sh, env!("CARGO_BIN_EXE_posthaste"), "send", "w.toml"]);
        let output = command.args(["--config", "e.toml", "--data", &data]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(0) || said.contains("ulimit -n"), "{limit}: {said}");
        assert!(!said.contains("is lost"), "{limit}: {said}");
    }
}

#[test]
fn a_site_that_no_source_reaches_waits_and_its_recipients_too() {
    let (desk, mx) = (Desk::new(3), mx());
    let mut sending = desk.start("w", &(to(mx.address) + &source("a", "family = \"only-ipv6\"")));
    let said = sending.says("the site rests");
    assert!(said.contains("no source sends to addresses of the families that the site has"), "{said}");
    let (code, said) = sending.interrupt();
    assert_eq!((code, mx.seen().messages), (Some(3), 0), "{said}");
}

/// An address that this machine has while it is kept.
struct Lent(&'static str);

impl Lent {
    fn new(address: &'static str) -> Self {
        let lent = Self(address);
        assert!(lent.ip("add"), "ip address add {address} dev lo (these tests need root)");
        lent
    }

    fn ip(&self, verb: &str) -> bool {
        let mut command = Command::new("ip");
        command.args(["address", verb, &format!("{}/32", self.0), "dev", "lo"]);
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.ip("del");
    }
}

#[test]
fn a_source_whose_address_goes_away_rests_and_the_others_go_on() {
    let (desk, mx) = (Desk::new(400), mx());
    let lent = Lent::new("198.51.100.77");
    // So slow that the address is gone before the end.
    let a = source("a", "address = \"198.51.100.77\"\nmessages_per_hour = 36000\nsessions_max = 1");
    let b = source("b", "address = \"127.0.0.3\"\nmessages_per_hour = 36000\nsessions_max = 1");
    let mut sending = desk.start("w", &(to(mx.address) + &a + &b));
    mx.wait_for(|seen| seen.from("198.51.100.77") > 0 && seen.from("127.0.0.3") > 0);
    // Paused, sessions end in order: none is left that would hang on an address that is gone.
    sending.signal("USR1");
    sending.says("Paused");
    mx.wait_for(|seen| seen.open.0 == 0);
    drop(lent);
    sending.signal("USR1");
    let said = sending.says("the source rests");
    assert!(said.contains("source=\"a\"") && said.contains("others=true"), "{said}");
    let (code, said) = sending.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("the site rests"), "{said}");
    assert!(mx.seen().messages >= 400);
}

#[test]
fn a_proxy_that_is_silent_or_gone_is_held_against_its_source() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = NOBODY.parse().unwrap();
    for (kind, address, why) in [
        ("socks5", silent.local_addr().unwrap(), "it does not answer"),
        ("socks5", gone, "cannot be reached: Connection refused"),
        ("haproxy", gone, "cannot be reached: Connection refused"),
    ] {
        let (desk, mx) = (Desk::new(30), mx());
        let way = format!("address = \"127.0.0.2\"\nproxy = {{ kind = \"{kind}\", address = \"{address}\" }}");
        let head = format!("{}connect_timeout = \"500ms\"\n", to(mx.address));
        let said = desk.delivers(&(head + &source("bad", &way) + &source("good", "address = \"127.0.0.3\"")));
        assert!(said.contains(why) && said.contains(&address.to_string()), "{kind}: {said}");
        assert!(!said.contains("the site rests"), "{kind}: {said}");
        let seen = mx.seen();
        assert_eq!((seen.messages, seen.from("127.0.0.3")), (30, seen.sessions.len()), "{kind}");
    }
}

#[test]
fn a_pause_and_its_end_count_as_two_however_close_they_are() {
    let (desk, mx) = (Desk::new(2000), mx());
    let a = source("a", "messages_per_hour = 36000\nsessions_max = 1");
    let mut sending = desk.start("w", &(to(mx.address) + &a));
    mx.wait_for(|seen| seen.messages > 0);
    for _ in 0..5 {
        let both = format!("kill -USR1 {0}; sleep 0.01; kill -USR1 {0}", sending.0.id());
        assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
        let said = sending.says("Going on");
        assert!(said.contains("Paused"), "{said}");
    }
    let before = mx.seen().messages;
    mx.wait_for(|seen| seen.messages > before);
    let (code, said) = sending.interrupt();
    assert_eq!(code, Some(3), "{said}");
}
