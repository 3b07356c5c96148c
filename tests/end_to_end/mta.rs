//! Real mail servers, private to one test: a scratch folder each, a free port on loopback, STARTTLS with a certificate
//! made for the occasion where they know it, and gone when dropped. Each puts every message into a file of one folder.

mod exim;
mod opensmtpd;
mod postfix;
mod scripts;
mod smtp_sink;

pub use exim::Exim;
pub use opensmtpd::OpenSmtpd;
pub use postfix::Postfix;
pub use scripts::Script;
pub use smtp_sink::SmtpSink;

use crate::free_port::free_port;
use crate::letters::Letter;
use crate::program::{PATIENCE, tool, wait_for};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What tests ask of a server.
pub trait Server {
    /// Where it listens.
    fn address(&self) -> String;

    /// The folder that holds a file for each message delivered so far.
    fn delivered(&self) -> PathBuf;

    /// Takes off what the server put before the content; a letter for each recipient that the message was stored for.
    fn stored(&self, stored: &[u8]) -> Vec<Letter>;

    /// Whether it still runs.
    fn runs(&mut self) -> bool;

    /// Its log so far.
    fn log(&self) -> String;

    /// All letters, once there are `files` files.
    fn letters(&self, files: usize) -> Vec<Letter> {
        let folder = self.delivered();
        let files = wait_for(&format!("{files} messages in {}", folder.display()), PATIENCE, || {
            let found: Vec<PathBuf> = std::fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path()).collect();
            (found.len() >= files).then_some(found)
        });
        files.iter().flat_map(|file| self.stored(&std::fs::read(file).expect("a message of the server"))).collect()
    }
}

/// What `tests/mta/setup` has fetched below this name.
fn fetched(name: &str) -> PathBuf {
    let parent = std::env::var_os("POSTHASTE_MTA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mta"), PathBuf::from);
    let folder = parent.join(name);
    assert!(folder.is_dir(), "{} is missing: run tests/mta/setup (as root) to fetch it", folder.display());
    folder
}

/// A file of the tests that a server is given.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mta").join(name)
}

/// A copy of a server's unpacked package: where the checkout lies, its users need not be able to look.
fn unpacked(name: &str, to: &Path) -> PathBuf {
    let from = fetched(name);
    let user = tool("id", &["-u".as_ref()]);
    assert!(user == b"0\n", "this test starts a real {name}, which changes to users of its own: run it as root");
    tool("cp", &["-a".as_ref(), from.as_os_str(), to.as_os_str()]);
    to.join(name)
}

/// A self-signed certificate and its key, in two files.
pub fn certificate(host: &str, certificate: &Path, key: &Path) {
    let subject = format!("/CN={host}");
    let mut arguments: Vec<&OsStr> =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject].map(OsStr::new).to_vec();
    arguments.extend(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()]);
    tool("openssl", &arguments);
}

/// Runs a program that sets something up; it must succeed.
fn set_up(command: &mut Command) {
    let done = command.output().unwrap_or_else(|e| panic!("{} does not start: {e}", command.get_program().display()));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Waits until a server greets.
fn wait_until_it_greets(address: &str, mut why_not: impl FnMut() -> Option<String>) {
    wait_for(&format!("a greeting at {address}"), Duration::from_secs(60), || {
        if let Some(reason) = why_not() {
            panic!("the server ended at once: {reason}");
        }
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        line.starts_with("220").then_some(())
    });
}

/// Hands one message to a server, a command at a time, without TLS: what the harness itself is proved with.
fn hand_over(address: &str, from: &str, to: &str, content: &str) {
    let mut stream = TcpStream::connect(address).expect("a server that has greeted");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let mut replies = BufReader::new(stream.try_clone().expect("a socket")).lines();
    let mut expect = |class: char| {
        let last =
            replies.by_ref().map(|line| line.expect("a reply")).find(|line| line.as_bytes().get(3) != Some(&b'-'));
        let last = last.expect("a reply");
        assert!(last.starts_with(class), "{last}");
    };
    expect('2');
    for (command, class) in [
        ("EHLO harness.test\r\n", '2'),
        (&*format!("MAIL FROM:<{from}>\r\n"), '2'),
        (&*format!("RCPT TO:<{to}>\r\n"), '2'),
        ("DATA\r\n", '3'),
        (&*format!("{content}.\r\n"), '2'),
        ("QUIT\r\n", '2'),
    ] {
        stream.write_all(command.as_bytes()).expect("the server listens");
        expect(class);
    }
}

/// A message that finds out whether a server, or the harness, changes what it is given.
const DELICATE: &str = "From: A \"B\" <a@a.example>\r\nTo: b@b.test\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
    Message-ID: <1@a.example>\r\nSubject: =?utf-8?Q?W=C3=A9?=\r\n folded\r\nReceived: from nowhere\r\n\r\n \
    leading\r\ntrailing \t\r\n\r\n\r\nFrom the start\r\n=2E\r\n\r\n";

fn keeps_what_it_is_given(server: &dyn Server) {
    hand_over(&server.address(), "b+token@bounce.a.example", "Some.One+tag@b.test", DELICATE);
    let letters = server.letters(1);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].recipient, "Some.One+tag@b.test");
    assert_eq!(letters[0].return_path, "b+token@bounce.a.example");
    assert_eq!(String::from_utf8_lossy(&letters[0].content), DELICATE);
}

#[test]
fn a_private_postfix_keeps_what_it_is_given() {
    keeps_what_it_is_given(&Postfix::start());
}

#[test]
fn a_private_exim_keeps_what_it_is_given() {
    keeps_what_it_is_given(&Exim::start());
}

#[test]
fn a_private_opensmtpd_keeps_what_it_is_given() {
    keeps_what_it_is_given(&OpenSmtpd::start());
}

#[test]
fn smtp_sink_keeps_what_it_is_given() {
    keeps_what_it_is_given(&SmtpSink::start());
}

#[test]
fn aiosmtpd_keeps_what_it_is_given() {
    keeps_what_it_is_given(&Script::aiosmtpd());
}

#[test]
fn smtp_server_keeps_what_it_is_given() {
    keeps_what_it_is_given(&Script::smtp_server());
}

#[test]
fn haraka_keeps_what_it_is_given() {
    keeps_what_it_is_given(&Script::haraka());
}
