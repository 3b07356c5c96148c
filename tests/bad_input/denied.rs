//! Files of a campaign that the user may not read: each error names the file and says what to do, and nothing is called damage.
//! As root the program runs as another user; as anybody else the files are closed to their owner.

use super::Desk;
use super::free_port::free_port;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A user of no files.
const OTHER: u32 = 65_534;
/// How long the receiver may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// The program, as a user to whom file permissions mean something.
fn posthaste(desk: &Desk, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args(words).stdin(Stdio::null());
    if is_root() {
        command.uid(OTHER).gid(OTHER);
    }
    command
}

fn below(path: &Path, found: &mut Vec<PathBuf>) {
    found.push(path.to_owned());
    if path.is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| below(&entry.path(), found));
    }
}

/// Gives a folder with all that is in it to the user that the program runs as.
fn give(folder: &Path) {
    let mut all = Vec::new();
    below(folder, &mut all);
    if is_root() {
        all.iter().for_each(|path| chown(path, Some(OTHER), Some(OTHER)).unwrap());
    }
}

/// A file or folder that nobody but root may use until this goes.
struct Closed<'p>(&'p Path, u32);

impl<'p> Closed<'p> {
    fn new(path: &'p Path) -> Self {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        if is_root() {
            chown(path, Some(0), Some(0)).unwrap();
        }
        Self(path, mode)
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.0, Permissions::from_mode(self.1));
        if is_root() {
            let _ = chown(self.0, Some(OTHER), Some(OTHER));
        }
    }
}

/// A receiver of mail, killed when it goes.
pub(super) struct Receiver(Child, String);

impl Receiver {
    pub(super) fn start(desk: &Desk) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let child =
            posthaste(desk, &["sink", "--listen", &address]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let receiver = Self(child.unwrap(), address);
        let start = Instant::now();
        while std::net::TcpStream::connect(&receiver.1).is_err() {
            assert!(start.elapsed() < PATIENCE, "nobody listens on {}", receiver.1);
            std::thread::sleep(Duration::from_millis(20));
        }
        receiver
    }

    pub(super) fn address(&self) -> &str {
        &self.1
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The code, and what was said.
fn ran(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_file_that_may_not_be_read_is_named_with_what_to_do_and_is_no_damage() {
    let desk = Desk::new();
    desk.put("w.csv", "email,first\nann@a.example,Ann\nbob@a.example,Bob\n");
    give(desk.path());
    let receiver = Receiver::start(&desk);
    let sends = |more: &[&str]| {
        let all = [&["send", "w.toml", "--data", "data", "--smarthost", &receiver.1], more].concat();
        ran(posthaste(&desk, &all))
    };
    let (code, said) = sends(&["--limit", "1"]);
    assert_eq!(code, Some(3), "{said}");
    let mut files = Vec::new();
    below(&desk.path().join("data"), &mut files);
    let is_read = |path: &&PathBuf| !path.ends_with("lock") && !path.ends_with("rejects.csv");
    let names = ["manifest", "rows.dat", "rows.idx", "domains.dir", "0001.jnl", "mark", "w.name"];
    for name in names {
        assert!(files.iter().any(|path| path.ends_with(name)), "{name} is not among {files:?}");
    }
    for path in files.iter().filter(is_read) {
        let closed = Closed::new(path);
        for (what, (code, said)) in
            [("send", sends(&[])), ("report", ran(posthaste(&desk, &["report", "w", "--data", "data"])))]
        {
            let is_needed =
                what == "send" || !["data/hosts.jsonl", "names", "w.name"].iter().any(|end| path.ends_with(end));
            if !is_needed {
                continue;
            }
            assert_eq!(code, Some(1), "{what}, {}: {said}", path.display());
            let place = path.strip_prefix(desk.path()).unwrap().display().to_string();
            assert!(said.contains("Permission denied") && said.contains(&place), "{what}, {place}: {said}");
            assert!(!said.contains("It begins"), "{what}, {place}: {said}");
            let hint = said.rsplit("hint: ").next().unwrap_or_default();
            assert!(hint.contains("give ") && !said.contains("damaged"), "{what}, {place}: {said}");
        }
        drop(closed);
    }
    for (path, code) in [("w.csv", 2), ("w.txt", 2), ("w.toml", 2)] {
        let path = desk.path().join(path);
        let _closed = Closed::new(&path);
        let (found, said) = sends(&[]);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(found == Some(code) && said.contains(&name) && said.contains("Permission denied"), "{said}");
        assert!(said.contains("hint: run this as the user") || said.contains("hint: the user that runs"), "{said}");
    }
    let (code, said) = sends(&[]);
    assert_eq!(code, Some(0), "nothing was changed meanwhile: {said}");
}

/// Whose each file below a folder is.
fn owners(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = Vec::new();
    below(folder, &mut all);
    all.into_iter().map(|path| (path.clone(), fs::metadata(path).unwrap().uid())).collect()
}

/// Anybody else makes no files there anyhow.
#[test]
fn root_is_sent_away_from_another_users_data_directory_and_leaves_no_file_there() {
    if !is_root() {
        return;
    }
    let desk = Desk::new();
    desk.put("w.csv", "email,first\nann@a.example,Ann\nbob@a.example,Bob\n");
    give(desk.path());
    let receiver = Receiver::start(&desk);
    let words = ["send", "w.toml", "--data", "data", "--smarthost", receiver.address()];
    let (code, said) = ran(posthaste(&desk, &[&words[..], &["--limit", "1"]].concat()));
    assert_eq!(code, Some(3), "{said}");
    let data = desk.path().join("data");
    let before = owners(&data);
    assert!(before.iter().all(|(_, owner)| *owner == OTHER), "{before:?}");
    let as_root = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        ran({
            command.current_dir(desk.path()).args(words).stdin(Stdio::null());
            command
        })
    };
    for more in [&[][..], &["--dry-run"], &["--test", "me@acme.example"]] {
        let (code, said) = as_root(&[&words[..], more].concat());
        assert_eq!(code, Some(1), "{more:?}: {said}");
        let way = format!("sudo -u nobody {} {}", env!("CARGO_BIN_EXE_posthaste"), words.join(" "));
        let way = if more.is_empty() { way } else { format!("{way} {}", more.join(" ")) };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("is the user nobody's, and this is root") && said.contains(&way), "{more:?}: {said}");
        assert_eq!(owners(&data), before, "{more:?}");
    }
    for (words, right) in [
        (&["tls-report", "--data", "data", "--write", "out"][..], 1),
        (&["report", "w", "--data", "data"], 0),
        (&["token", "x", "--data", "data"], 1),
        (&["check", "w.toml", "--data", "data"], 2),
    ] {
        let (code, said) = as_root(words);
        assert_eq!(code, Some(right), "{words:?}: {said}");
        assert_eq!(owners(&data), before, "{words:?}");
    }
    // The directory is root's, and the campaign is not.
    for path in [data.clone(), data.join("campaign"), data.join("lock")] {
        chown(path, Some(0), Some(0)).unwrap();
    }
    let before = owners(&data);
    let (code, said) = as_root(&words);
    assert!(code == Some(1) && said.contains("data/campaign/w is the user nobody's"), "{said}");
    assert_eq!(owners(&data), before);
    give(&data);
    let (code, said) = ran(posthaste(&desk, &words));
    assert_eq!(code, Some(0), "{said}");
}

/// Where there is no other user, as in a container, root has to be able to: it is told.
#[test]
fn root_that_begins_in_another_users_folder_is_warned_and_that_user_is_told_whose_it_is() {
    if !is_root() {
        return;
    }
    let desk = Desk::new();
    desk.put("w.csv", "email,first\nann@a.example,Ann\nbob@a.example,Bob\n");
    give(desk.path());
    let receiver = Receiver::start(&desk);
    let words = ["send", "w.toml", "--data", "data", "--smarthost", receiver.address()];
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args(words).args(["--limit", "1"]).stdin(Stdio::null());
    let (code, said) = ran(command);
    assert_eq!(code, Some(3), "{said}");
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "the data directory data will be root's, in a folder of the user nobody";
    assert!(flat.contains(told) && flat.contains("sudo -u nobody "), "{said}");
    let (code, said) = ran(posthaste(&desk, &words));
    assert!(code == Some(1) && said.contains("it is the user root's"), "{said}");
}
