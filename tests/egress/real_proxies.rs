//! Proxies of others, as `tests/mta/setup` fetches them: microsocks (SOCKS5) and HAProxy, which connects from the address
//! that the PROXY header names (as root: the address need not be its own).

use super::{Desk, PATIENCE, mx, source, to};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A proxy that runs while it is kept.
struct Proxy {
    child: Child,
    address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// Starts what `command` makes for a port, and waits until it listens there. Neither can be given port 0 and tell
    /// what it got: a free one may be taken by another in between, so that several are tried.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap();
            let mut command = command(address.port());
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut proxy = Self { child, address };
            let began = Instant::now();
            while proxy.child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE {
                if TcpStream::connect(address).is_ok() {
                    return proxy;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("the proxy does not start");
    }
}

fn fetched(package: &str, path: &str) -> Command {
    let folder = std::env::var_os("POSTHASTE_MTA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mta"), PathBuf::from);
    let found = folder.join(package).join(path);
    assert!(found.exists(), "{} is missing: run tests/mta/setup (as root) to fetch it", found.display());
    Command::new(found)
}

#[test]
fn microsocks_takes_our_login_and_connects_us() {
    let proxy = Proxy::start(|port| {
        let mut command = fetched("microsocks", "usr/bin/microsocks");
        command.args(["-i", "127.0.0.1", "-u", "jo", "-P", "hunter2", "-p", &port.to_string()]);
        command
    });
    let (desk, mx) = (Desk::new(100), mx());
    let way = format!(
        "proxy = {{ kind = \"socks5\", address = \"{}\", user = \"jo\", password_env = \"EGRESS_PASSWORD\" }}",
        proxy.address
    );
    desk.delivers(&(to(mx.address) + &source("a", &way)));
    assert_eq!(mx.seen().messages, 100);
}

#[test]
fn haproxy_connects_from_the_address_that_the_header_names() {
    let (desk, mx) = (Desk::new(100), mx());
    let proxy = Proxy::start(|port| {
        let config = format!(
            "global\n maxconn 200\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             frontend out\n bind 127.0.0.1:{port} accept-proxy\n default_backend any\n\
             backend any\n server any 0.0.0.0:0 source 0.0.0.0 usesrc clientip\n"
        );
        desk.put("haproxy.cfg", &config);
        let mut command = fetched("haproxy", "usr/sbin/haproxy");
        command.arg("-db").arg("-f").arg(desk.path().join("haproxy.cfg"));
        command
    });
    let way = format!("address = \"127.0.0.77\"\nproxy = {{ kind = \"haproxy\", address = \"{}\" }}", proxy.address);
    desk.delivers(&(to(mx.address) + &source("a", &way)));
    let seen = mx.seen();
    assert_eq!((seen.messages, seen.from("127.0.0.77")), (100, seen.sessions.len()));
}
