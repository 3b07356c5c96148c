//! A folder with a campaign, the program run in it, and the letters that arrived.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A campaign that is as it should be; tests change parts of it.
pub const CAMPAIGN: &str = "\
name = \"w\"
from = \"Acme <news@acme.example>\"
subject = \"Hello {{ first }}\"
text = \"w.txt\"
[recipients]
file = \"w.csv\"
email = \"email\"
";

/// What a run of the program ended with and said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// See the head of this file.
pub struct Folder(TempDir);

impl Folder {
    /// With `w.toml`, `w.txt` and `w.csv`, whose one recipient is `ann@a.example`.
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("w.toml", CAMPAIGN);
        folder.put("w.txt", "Dear {{ first }},\nhello.\n");
        folder.put("w.csv", "email,first\nann@a.example,Ann\n");
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders that it lies in.
    pub fn put(&self, name: &str, octets: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The program with these arguments, in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        // Empty: the defaults, whatever this machine has in /etc.
        command.env("POSTHASTE_CONFIG", "").env_remove("NO_COLOR");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Sends `w.toml` to a receiver; what the run said, and each letter that arrived as the receiver got it, by the name of
    /// its file.
    pub fn send(&self, more: &[&str]) -> (Ran, Vec<Vec<u8>>) {
        let kept = self.path().join("kept");
        let _ = fs::remove_dir_all(&kept);
        let receiver = Receiver::start(&kept);
        let mut arguments = vec!["send", "w.toml", "--data", "data", "--smarthost", &receiver.address];
        arguments.extend(more);
        let ran = self.run(&arguments);
        receiver.end();
        let mut paths: Vec<PathBuf> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        (ran, paths.into_iter().map(|path| fs::read(path).unwrap()).collect())
    }

    /// The same, where everybody gets a letter.
    pub fn delivers(&self, more: &[&str]) -> Vec<Vec<u8>> {
        let (ran, letters) = self.send(more);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        letters
    }
}

/// `posthaste sink`, which keeps what it gets.
pub struct Receiver {
    child: Child,
    pub address: String,
}

impl Receiver {
    pub fn start(kept: &Path) -> Self {
        Self::start_with(kept, &[])
    }

    /// The same with more flags.
    pub fn start_with(kept: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(["sink", "--listen", "127.0.0.1:0", "--for", "300", "--keep"])
            .arg(kept)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, address }
    }

    /// Ends it: everything that it got is in its folder then.
    pub fn end(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_campaign_as_it_should_be_arrives() {
    let letters = Folder::new().delivers(&[]);
    assert_eq!(letters.len(), 1);
    let letter = mail_parser::MessageParser::default().parse(&letters[0]).unwrap();
    assert_eq!(letter.subject(), Some("Hello Ann"));
    assert_eq!(letter.body_text(0).unwrap().replace("\r\n", "\n"), "Dear Ann,\nhello.\n");
}
