//! Bad input, given to the real program: each ends with the right code and a message that names the place and says what
//! to do, and nothing panics. With `BAD_INPUT_MESSAGES=FILE` each message is also appended to that file, for people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod campaign;
mod denied;
#[path = "../support/free_port.rs"]
mod free_port;
mod machine;
#[path = "../support/nobody.rs"]
mod nobody;
mod process;
mod tls_files;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const CAMPAIGN: &str = "\
name = \"w\"
from = \"Acme <news@acme.example>\"
subject = \"Hello {{ first }}\"
text = \"w.txt\"
[recipients]
file = \"w.csv\"
email = \"email\"
";

/// A folder with a campaign that can be sent.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("w.toml", CAMPAIGN);
        desk.put("w.txt", "Dear {{ first }},\nhello.\n");
        desk.put("w.csv", "email,first\nann@a.example,Ann\n");
        desk
    }

    fn put(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), octets).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Sends the campaign: the code, and what was said.
    fn send(&self, more: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(self.path())
            .args(["send", "w.toml", "--sink", "--data", "data"])
            .args(more)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Sends the campaign, which must end with this code and say all of these.
    fn refused(&self, title: &str, more: &[&str], code: i32, said: &[&str]) {
        let (found, message) = self.send(more);
        if let Some(file) = std::env::var_os("BAD_INPUT_MESSAGES") {
            let mut to = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
            writeln!(to, "## {title} (exit {found:?})\n{message}").unwrap();
        }
        assert!(!message.contains("panicked"), "{title}:\n{message}");
        assert_eq!(found, Some(code), "{title}:\n{message}");
        for words in said {
            assert!(message.contains(words), "{title}: {words:?} is missing in\n{message}");
        }
    }
}

#[test]
fn the_campaign_that_the_others_spoil_can_be_sent() {
    let (code, message) = Desk::new().send(&[]);
    assert_eq!(code, Some(0), "{message}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    for (file, said) in [("w.toml", "w.toml"), ("w.txt", "w.txt"), ("w.csv", "w.csv")] {
        let desk = Desk::new();
        fs::remove_file(desk.path().join(file)).unwrap();
        desk.refused(&format!("{file} is missing"), &[], 2, &["error: ", said]);
    }
    Desk::new().refused("the configuration is missing", &["--config", "no.toml"], 2, &["no.toml"]);
}

#[test]
fn what_is_wrong_in_toml_is_named_by_line_with_the_nearest_key() {
    let cases = [
        ("a TOML error", CAMPAIGN.replace("text = \"w.txt\"", "text = \"w.txt"), &["w.toml:4"][..]),
        ("an unknown key", CAMPAIGN.replace("subject", "subjct"), &["w.toml:3", "subjct", "subject"]),
        ("an unknown key in a section", CAMPAIGN.replace("email =", "emial ="), &["w.toml:7", "emial", "email"]),
        ("a value of the wrong type", CAMPAIGN.replace("\"w.txt\"", "7"), &["w.toml:4", "text"]),
    ];
    for (title, toml, said) in cases {
        let desk = Desk::new();
        desk.put("w.toml", toml);
        desk.refused(title, &[], 2, said);
    }
    let desk = Desk::new();
    desk.put("e.toml", "[delivery]\nsesions_per_site = 3\n");
    desk.refused("an unknown key of the engine", &["--config", "e.toml"], 2, &["e.toml:2", "sessions_per_site"]);
}

#[test]
fn what_is_wrong_in_a_template_is_named_by_place() {
    let desk = Desk::new();
    desk.put("w.txt", "Dear,\n{{ first \n");
    desk.refused("a template error", &[], 2, &["w.txt:"]);
    let desk = Desk::new();
    desk.put("w.txt", "Dear,\nand {{ fist }}\n");
    desk.refused("an unknown column", &[], 2, &["w.txt:2", "fist", "first"]);
    let desk = Desk::new();
    desk.put("w.csv", "mail,first\nann@a.example,Ann\n");
    desk.refused(
        "a list without the column of addresses",
        &[],
        2,
        &["w.toml", "email", "did you mean \"mail\"? (the list has mail, first)"],
    );
}

#[test]
fn a_list_without_recipients_is_refused() {
    let desk = Desk::new();
    desk.put("w.csv", "");
    desk.refused("an empty list", &[], 2, &["w.csv"]);
}

#[test]
fn a_key_that_cannot_sign_is_named() {
    let desk = Desk::new();
    desk.put("e.toml", "[[dkim]]\ndomain = \"acme.example\"\nselector = \"s\"\nkey = \"s.pem\"\n");
    let dkim = ["--config", "e.toml"];
    desk.refused("a DKIM key that is missing", &dkim, 2, &["s.pem"]);
    desk.put("s.pem", "no key at all\n");
    desk.refused("a DKIM key that is none", &dkim, 2, &["s.pem", "hint:"]);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let desk = Desk::new();
    desk.put("data", "a file");
    desk.refused("a data directory that is a file", &[], 1, &["data", "hint:"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Desk::new().refused("the metrics port is in use", &["--metrics", &address], 1, &[&address, "in use"]);
}

#[test]
fn nonsense_in_a_list_stops_nothing_else() {
    for (title, list) in [
        ("CRLF in a field", b"email,first\nann@a.example,\"A\r\nBcc: x@y.example\"\n".to_vec()),
        ("NUL", b"email,first\nann@a.example,A\0nn\nb\0b@a.example,Bob\n".to_vec()),
        ("8-bit", b"email,first\nann@a.example,Ann\nb\xff@a.example,B\xfeb\n".to_vec()),
        ("an unbalanced quote", b"email,first\nann@a.example,\"Ann\nbob@a.example,Bob\n".to_vec()),
        ("wrong column counts", b"email,first\nann@a.example\nbob@a.example,Bob,x,y\n".to_vec()),
        ("a line of 5 MB", [b"email,first\nann@a.example,".as_slice(), &vec![b'x'; 5 << 20], b"\n"].concat()),
    ] {
        let desk = Desk::new();
        desk.put("w.csv", &list);
        let (code, message) = desk.send(&[]);
        if let Some(file) = std::env::var_os("BAD_INPUT_MESSAGES") {
            let mut to = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
            writeln!(to, "## list with {title} (exit {code:?})\n{message}").unwrap();
        }
        assert!(matches!(code, Some(0 | 2 | 3)) && !message.contains("panicked"), "{title}: {code:?}\n{message}");
    }
}
