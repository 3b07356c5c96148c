//! NSD, which `tests/mta/setup` fetches, on a port of loopback, with zones of a test. Include it with
//! `#[path = "…/tests/support/nsd.rs"] mod nsd;`.
#![allow(dead_code, reason = "each test that includes this file uses a part of it")]

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that was unpacked.
pub fn program(package: &str, path: &str) -> Command {
    let unpacked = match std::env::var_os("POSTHASTE_MTA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mta"),
    };
    let found = unpacked.join(package).join(path);
    assert!(found.exists(), "{} is missing: run tests/mta/setup (as root) to fetch it", found.display());
    Command::new(found)
}

/// A zone's text: what every zone has, and these records.
pub fn zone(apex: &str, records: &str) -> String {
    format!(
        "$ORIGIN {apex}\n$TTL 3600\n@ SOA ns.example. root.example. 1 3600 600 86400 3600\n@ NS ns.example.\n{records}\n"
    )
}

/// A server that runs until it is dropped.
pub struct Nsd {
    child: Child,
    port: u16,
}

impl Drop for Nsd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nsd {
    /// Serves zones: each its apex, and the file that holds it. What NSD needs to write goes to `folder`.
    pub fn start(folder: &Path, zones: &[(String, PathBuf)]) -> Self {
        // NSD cannot be given port 0; should another process get this one first, it ends, and the next is tried.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
            let mut served = Self { child: spawn(folder, zones, port), port };
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            while served.child.try_wait().unwrap().is_none() {
                // The root's SOA: any answer will do.
                let question = b"\x12\x34\x00\x00\0\x01\0\0\0\0\0\0\0\0\x06\0\x01";
                if socket.send_to(question, ("127.0.0.1", port)).is_ok() && socket.recv(&mut [0; 512]).is_ok() {
                    return served;
                }
            }
        }
        panic!("NSD does not start: {}", std::fs::read_to_string(folder.join("log")).unwrap());
    }

    /// `127.0.0.1:port`, as `[dns] servers` takes it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn spawn(folder: &Path, zones: &[(String, PathBuf)], port: u16) -> Child {
    let mut config = format!(
        "server:\n ip-address: 127.0.0.1\n port: {port}\n username: \"\"\n zonesdir: {folder:?}\n database: \"\"\n \
         pidfile: \"\"\n xfrdfile: \"{0}/xfrd\"\n zonelistfile: \"{0}/list\"\n xfrdir: {folder:?}\n server-count: 1\n\
         remote-control:\n control-enable: no\n",
        folder.display()
    );
    for (apex, path) in zones {
        config.push_str(&format!("zone:\n name: {apex:?}\n zonefile: {path:?}\n"));
    }
    std::fs::write(folder.join("nsd.conf"), config).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut nsd = program("nsd", "usr/sbin/nsd");
    nsd.arg("-d").arg("-c").arg(folder.join("nsd.conf"));
    nsd.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}
