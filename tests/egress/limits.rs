//! Limits that are one for all threads: sessions at a site, sessions of a source, and what the system lets a process open.

use super::dns_server::{DnsServer, Zone};
use super::servers::Server;
use super::{Desk, source};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Each transaction takes a moment, so that sessions are open at one time.
fn slow(listener: TcpListener) -> Server {
    Server::smtp(listener, |command| {
        if command == "DATA" {
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    })
}

/// Servers at so many addresses of loopback, on one port.
pub fn many(count: u8) -> (u16, Vec<Server>) {
    let first = TcpListener::bind("127.0.0.11:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let others = (1..count).map(|n| TcpListener::bind(SocketAddr::from(([127, 0, 0, 11 + n], port))).unwrap());
    let listeners: Vec<TcpListener> = std::iter::once(first).chain(others).collect();
    (port, listeners.into_iter().map(slow).collect())
}

/// So many domains, `d0.example` and so on, the servers by turns.
pub fn zone(domains: usize, servers: usize) -> DnsServer {
    let mut zone = Zone::new();
    for n in 0..domains {
        let (domain, host) = (format!("d{n}.example"), format!("mx{}.example", n % servers));
        zone = zone.mx(&domain, &[(10, &host)]).address(&host, &format!("127.0.0.{}", 11 + n % servers));
    }
    DnsServer::start(zone)
}

/// Recipients at so many domains.
pub fn desk_of(recipients: usize, domains: usize) -> Desk {
    let desk = Desk::new(0);
    let rows: String = (0..recipients).map(|n| format!("p{n}@d{}.example,Ann\n", n % domains)).collect();
    desk.put("w.csv", &format!("email,first\n{rows}"));
    desk
}

pub fn by_mx(port: u16, dns: &DnsServer, more: &str) -> String {
    format!(
        "[dns]\nallow_loopback = true\nservers = [\"{}\"]\n[delivery]\nroute = \"mx\"\nport = {port}\nchunking = false\n{more}",
        dns.address()
    )
}

#[test]
fn a_smarthost_has_the_sessions_that_it_may_for_any_number_of_threads() {
    // A list of one domain gives each thread its share of the sessions' work, too.
    for (shards, most, domains) in [(1, 3, 10), (2, 3, 10), (3, 3, 10), (8, 3, 10), (3, 7, 10), (3, 7, 1), (8, 1, 10)] {
        let desk = desk_of(300, domains);
        let mx = slow(TcpListener::bind("127.0.0.1:0").unwrap());
        desk.delivers(&format!(
            "[engine]\nshards = {shards}\n[delivery]\nsmarthost = \"{}\"\nsessions_per_site = {most}\n\
             messages_per_session = 5\nchunking = false\n",
            mx.address
        ));
        let seen = mx.seen();
        assert_eq!((seen.messages, seen.open.1), (300, most), "{shards} shards, {domains} domains");
    }
}

#[test]
fn each_site_has_the_sessions_that_it_may_for_any_number_of_threads() {
    for shards in [1, 2, 8] {
        let desk = desk_of(300, 3);
        let ((port, servers), dns) = (many(3), zone(3, 3));
        let more = format!("sessions_per_site = 3\n[engine]\nshards = {shards}\n");
        desk.delivers(&by_mx(port, &dns, &more));
        for server in &servers {
            let seen = server.seen();
            assert_eq!((seen.messages, seen.open.1), (100, 3), "{shards} shards");
        }
    }
}

#[test]
fn a_source_has_its_sessions_over_all_sites_and_threads_and_no_site_starves() {
    let desk = desk_of(200, 4);
    let ((port, servers), dns) = (many(4), zone(4, 4));
    let limited = source("a", "address = \"127.0.0.2\"\nsessions_max = 1");
    let more = format!("messages_per_session = 5\n[engine]\nshards = 8\n{limited}");
    desk.delivers(&by_mx(port, &dns, &more));
    for server in &servers {
        assert_eq!((server.seen().messages, server.seen().open.1), (50, 1));
    }
}

/// Sends `w` with no more than so many open files.
fn with_files(desk: &Desk, files: u32, config: &str) -> (Option<i32>, String) {
    desk.put("e.toml", config);
    let program = env!("CARGO_BIN_EXE_posthaste");
    let line = format!("ulimit -n {files}; exec '{program}' send w.toml --data data --config e.toml --json");
    let output =
        Command::new("sh").current_dir(desk.path()).args(["-c", &line]).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said + &String::from_utf8_lossy(&output.stdout))
}

#[test]
fn a_low_limit_on_open_files_slows_the_sending_and_blames_nobody() {
    for (files, shards) in [(64, 1), (80, 2)] {
        let desk = desk_of(2000, 10);
        let mx = slow(TcpListener::bind("127.0.0.1:0").unwrap());
        let config = format!(
            "[engine]\nhostname = \"me.example\"\nshards = {shards}\n[delivery]\nsmarthost = \"{}\"\nsessions_per_site = 500\n\
             messages_per_session = 3\nchunking = false\n",
            mx.address
        );
        let (code, said) = with_files(&desk, files, &config);
        assert_eq!(code, Some(0), "{files}: {said}");
        assert!(said.contains("\"delivered\":2000") && said.contains("\"deferrals\":0"), "{said}");
        assert!(!said.contains("rests") && !said.contains("WARN"), "{said}");
        assert!(mx.seen().open.1 < files as usize, "{:?}", mx.seen().open);
    }
}

#[test]
fn many_sites_share_few_descriptors() {
    let desk = desk_of(240, 24);
    let ((port, servers), dns) = (many(24), zone(24, 24));
    let (code, said) = with_files(&desk, 80, &by_mx(port, &dns, "[engine]\nhostname = \"me.example\"\nshards = 2\n"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"delivered\":240") && said.contains("\"deferrals\":0") && !said.contains("WARN"), "{said}");
    assert!(servers.iter().all(|server| server.seen().messages == 10));
}
