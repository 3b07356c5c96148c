//! `posthaste sink` as a program: where it says what, how it ends, and what stops it from starting.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

/// A running sink and the address that it told.
struct Sink {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    address: String,
}

impl Sink {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, stderr, address }
    }

    /// Hands over a message with this identity to this recipient.
    fn send(&self, id: &str, recipient: &str) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let mut hear = || {
            let mut line = String::new();
            replies.read_line(&mut line).unwrap();
            line
        };
        assert!(hear().starts_with("220 "));
        let envelope = format!("HELO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        for command in envelope.split_inclusive('\n') {
            stream.write_all(command.as_bytes()).unwrap();
            assert!(matches!(hear().as_bytes()[0], b'2' | b'3'));
        }
        stream.write_all(format!("Message-ID: <{id}@x>\r\n\r\nhello\r\n.\r\nQUIT\r\n").as_bytes()).unwrap();
        assert!(hear().starts_with("250 "));
        assert!(hear().starts_with("221 "));
    }

    /// Sends a signal, and waits: the code, standard output, the rest of standard error.
    fn end(mut self, signal: Option<&str>) -> (Option<i32>, String, String) {
        if let Some(signal) = signal {
            let pid = self.child.id().to_string();
            assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        }
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), stderr)
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.arg("sink").args(["--listen", "127.0.0.1:0"]).args(arguments);
    command
}

fn refused(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_signal_ends_it_with_one_json_object_and_the_list_of_second_copies() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("again.txt");
        let sink = Sink::start(&["--duplicates", list.to_str().unwrap()]);
        sink.send("1", "ann@a.example");
        sink.send("2", "bob@a.example");
        sink.send("1", "ann@a.example");
        let (code, stdout, stderr) = sink.end(Some(signal));
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(
            stdout,
            "{\"sessions\":3,\"transactions\":3,\"messages\":3,\"recipients\":3,\"unique_messages\":2,\"duplicates\":1,\
             \"bytes\":84,\"rejected\":0,\"deferred\":0,\"tls_sessions\":0,\"tls_resumed\":0}\n"
        );
        assert!(stderr.contains("  second copies                        1\n"), "{stderr}");
        assert_eq!(std::fs::read_to_string(list).unwrap(), "ann@a.example\n");
    }
}

#[test]
fn it_ends_by_itself_and_quietly_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("mail");
    let sink = Sink::start(&["--for", "1", "--json", "--keep", keep.to_str().unwrap()]);
    sink.send("1", "ann@a.example");
    let (code, stdout, stderr) = sink.end(None);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with('{') && stdout.matches('\n').count() == 1, "{stdout}");
    let kept = std::fs::read_to_string(keep.join("00000001.eml")).unwrap();
    assert!(kept.starts_with("Return-Path: <>\r\nDelivered-To: ann@a.example\r\nMessage-ID: <1@x>\r\n"), "{kept}");
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    let (code, stderr) = refused(command.args(["sink", "--listen", &address]));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with(&format!("error: cannot listen on {address}: Address already in use")), "{stderr}");
    assert!(stderr.contains("\n  hint: choose another port"), "{stderr}");
}

#[test]
fn what_cannot_be_listened_on_or_written_is_named() {
    let bin = env!("CARGO_BIN_EXE_posthaste");
    let (code, stderr) = refused(Command::new(bin).args(["sink", "--listen", "localhost"]));
    assert!(code == Some(2) && stderr.contains("localhost"), "{stderr}");
    let (code, stderr) = refused(Command::new(bin).args(["sink", "--listen", "192.0.2.1:0"]));
    assert!(code == Some(1) && stderr.contains("cannot listen on 192.0.2.1:0"), "{stderr}");
    let folder = tempfile::NamedTempFile::new().unwrap();
    let inside = folder.path().join("mail").display().to_string();
    let (code, stderr) = refused(&mut command(&["--keep", &inside]));
    assert!(code == Some(1) && stderr.contains(&inside) && stderr.contains("hint:"), "{stderr}");
    let (code, stderr) = refused(&mut command(&["--duplicates", &inside]));
    assert!(code == Some(1) && stderr.contains(&inside) && stderr.contains("hint:"), "{stderr}");
}
