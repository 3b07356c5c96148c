//! What is done to the process itself: signals at any moment, readers that do not read, a lock that is deleted, limits on
//! files, a disk that runs short, files that go; and who may read what it leaves on disk.

mod limits;
mod removed;

use super::Desk;
use super::free_port::free_port;
use super::machine::Mount;
use super::nobody::NOBODY;
use std::fs::{self, File};
use std::io::{PipeReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long anything here may take; what is promised is far less.
const PATIENCE: Duration = Duration::from_secs(90);
/// The end that a second Ctrl-C asks for: promised within a second, with time for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A send that runs by itself; killed when it goes.
struct Sending(Child);

impl Drop for Sending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, which hears of hang-ups also where the tests themselves run under `nohup`.
fn posthaste(desk: &Desk, words: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_posthaste")]);
    command.current_dir(desk.path()).args(words).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The same from a shell that has said something first.
fn after(desk: &Desk, said: &str, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_posthaste");
    command.current_dir(desk.path()).args(["-c", &format!("{said}; exec \"$0\" \"$@\""), program]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Sending {
    fn start(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    #[track_caller]
    fn ends(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < limit, "it still runs after {limit:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a file of the desk says once it says `words`.
    #[track_caller]
    fn says(&mut self, file: &Path, words: &str) -> String {
        let start = Instant::now();
        loop {
            let said = fs::read_to_string(file).unwrap_or_default();
            if said.contains(words) {
                return said;
            }
            assert!(self.runs() && start.elapsed() < PATIENCE, "{words:?} was never said:\n{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[track_caller]
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn many(desk: &Desk, rows: usize) {
    let rows: String = (0..rows).map(|n| format!("person{n}@d{}.example,Ann\n", n % 50)).collect();
    desk.put("w.csv", format!("email,first\n{rows}"));
}

fn report(desk: &Desk, key: &str) -> u64 {
    let output = posthaste(desk, &["report", "w", "--data", "data", "--json"]).stdout(Stdio::piped()).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"))
}

fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // What a pipe holds by default.
    writer.write_all(&vec![b'.'; 64 << 10]).unwrap();
    (reader, writer.into())
}

/// A server that takes connections and says nothing.
fn silent() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn nobody_reads_standard_error_and_all_mail_arrives() {
    let desk = Desk::new();
    many(&desk, 3_000);
    let address = format!("127.0.0.1:{}", free_port());
    let (_unread, stderr) = full_pipe();
    let mut command = posthaste(&desk, &["send", "w.toml", "--smarthost", &address, "--data", "data"]);
    command.stderr(stderr);
    let mut sending = Sending::start(command);
    wait_for("a journal", || desk.path().join("data/campaign/w/j/0001.jnl").exists());
    // A shard that says so finds no smarthost at first, and then there is one.
    std::thread::sleep(Duration::from_millis(500));
    let sink = Sending::start(posthaste(&desk, &["sink", "--listen", &address]));
    assert_eq!(sending.ends(PATIENCE).code(), Some(0));
    assert_eq!(report(&desk, "delivered"), 3_000);
    drop(sink);
}

#[test]
fn nobody_reads_standard_output_and_the_end_is_said_on_standard_error() {
    let desk = Desk::new();
    let (_unread, stdout) = full_pipe();
    let mut command = posthaste(&desk, &["send", "w.toml", "--sink", "--data", "data", "--json"]);
    let said = desk.path().join("said");
    command.stdout(stdout).stderr(File::create(&said).unwrap());
    let status = Sending::start(command).ends(PATIENCE);
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("standard output cannot be written: nobody reads it"), "{said}");
    assert_eq!(report(&desk, "delivered"), 1);
}

#[test]
fn a_table_that_cannot_be_written_hides_neither_why_it_ended_nor_what_goes_on() {
    let desk = Desk::new();
    let (_listener, address) = silent();
    let said = desk.path().join("said");
    let mut command = posthaste(&desk, &["send", "w.toml", "--smarthost", &address, "--data", "data"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap()).stderr(File::create(&said).unwrap());
    let mut sending = Sending::start(command);
    sending.says(&said, "destination: smarthost");
    wait_for("a journal", || desk.path().join("data/campaign/w/j/0001.jnl").exists());
    sending.signal("INT");
    let status = sending.ends(PATIENCE);
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("hint: go on with: posthaste send /") && said.contains("/w.toml --data /"), "{said}");
}

#[test]
fn nobody_reads_the_events_and_all_mail_arrives_and_what_is_lost_is_counted() {
    let desk = Desk::new();
    many(&desk, 2_000);
    assert!(Command::new("mkfifo").arg(desk.path().join("events")).status().unwrap().success());
    let said = desk.path().join("said");
    let mut command = posthaste(&desk, &["send", "w.toml", "--sink", "--data", "data", "--events", "events"]);
    command.stderr(File::create(&said).unwrap());
    let status = Sending::start(command).ends(PATIENCE);
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("events are lost: nobody reads the event log events"), "{said}");
    assert_eq!(report(&desk, "delivered"), 2_000);
}

#[test]
fn a_second_interrupt_ends_it_whatever_stalls() {
    let desk = Desk::new();
    many(&desk, 40_000);
    desk.put("e.toml", "[log]\nlevel = \"trace\"\n");
    assert!(Command::new("mkfifo").arg(desk.path().join("events")).status().unwrap().success());
    let (_listener, address) = silent();
    let words = ["send", "w.toml", "--data", "data", "--config", "e.toml"];
    let cases: [&[&str]; 3] = [
        &["--smarthost", &address],
        &["--smarthost", &address, "--events", "events", "--trace", "127.0.0.1"],
        &["--sink", "--events", "events"],
    ];
    for more in cases {
        let _ = fs::remove_dir_all(desk.path().join("data"));
        let ((_unread, stderr), (_unseen, stdout)) = (full_pipe(), full_pipe());
        let mut command = posthaste(&desk, &[&words, more].concat());
        command.stderr(stderr).stdout(stdout);
        let mut sending = Sending::start(command);
        let journals = ["campaign", "sink"].map(|folder| desk.path().join(format!("data/{folder}/w/j/0001.jnl")));
        wait_for("a journal", || journals.iter().any(|journal| journal.exists()));
        std::thread::sleep(Duration::from_millis(500));
        assert!(sending.runs(), "{more:?}: nothing stalls");
        sending.signal("INT");
        std::thread::sleep(Duration::from_millis(300));
        sending.signal("INT");
        let status = sending.ends(AT_ONCE);
        assert_eq!((status.code(), status.signal()), (Some(3), None), "{more:?}");
    }
}

#[test]
fn a_second_interrupt_ends_a_sink_whose_output_nobody_reads() {
    let desk = Desk::new();
    let said = desk.path().join("said");
    let (_unread, stdout) = full_pipe();
    let mut command = posthaste(&desk, &["sink", "--listen", "127.0.0.1:0"]);
    command.stdout(stdout).stderr(File::create(&said).unwrap());
    let mut sink = Sending::start(command);
    sink.says(&said, "listening on");
    sink.signal("INT");
    sink.says(&said, "sessions");
    sink.signal("INT");
    let status = sink.ends(AT_ONCE);
    assert_eq!((status.code(), status.signal()), (Some(3), None));
}

/// A rehearsal of a list that never comes to its end, and the file of what it says.
fn endless(desk: &Desk) -> (Command, PathBuf) {
    let campaign = fs::read_to_string(desk.path().join("w.toml")).unwrap();
    desk.put("w.toml", campaign.replace("\"w.csv\"", "\"-\""));
    let said = desk.path().join("said");
    let mut command = posthaste(desk, &["send", "w.toml", "--sink", "--data", "data"]);
    command.stdin(Stdio::piped()).stderr(File::create(&said).unwrap());
    (command, said)
}

#[test]
fn an_interrupt_before_the_engine_runs_ends_with_code_3_and_a_word() {
    for signals in [&["INT"][..], &["INT", "INT"], &["TERM"], &["HUP"]] {
        let desk = Desk::new();
        let (command, said) = endless(&desk);
        let mut sending = Sending::start(command);
        let mut list = sending.0.stdin.take().unwrap();
        list.write_all(b"email,first\n").unwrap();
        wait_for("a data directory", || desk.path().join("data/lock").exists());
        std::thread::sleep(Duration::from_millis(200));
        assert!(sending.runs());
        signals.iter().for_each(|signal| sending.signal(signal));
        let status = sending.ends(AT_ONCE);
        let said = fs::read_to_string(said).unwrap();
        assert_eq!((status.code(), status.signal()), (Some(3), None), "{signals:?}: {said}");
        assert_eq!(said.matches("error: interrupted before anything was sent").count(), 1, "{signals:?}: {said}");
        assert!(said.contains("hint: go on with: posthaste send /") && said.contains("/w.toml --data /"), "{said}");
        drop(list);
    }
}

/// The process begins with this signal blocked, and waiting: it came before the program.
#[expect(unsafe_code, reason = "the mask of signals is set between fork and exec, which std cannot do")]
fn with_waiting(mut command: Command, signal: i32) -> Command {
    let wait = move || {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `set` is initialised by the first call; all of them take it, or plain numbers.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), signal);
            libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            libc::raise(signal);
        }
        Ok(())
    };
    // SAFETY: `wait` makes four system calls and allocates nothing.
    unsafe { command.pre_exec(wait) };
    command
}

#[test]
fn a_signal_that_came_before_the_program_ends_it_with_code_3_and_a_word() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let desk = Desk::new();
        let (command, said) = endless(&desk);
        let mut sending = Sending::start(with_waiting(command, signal));
        let _list = sending.0.stdin.take().unwrap();
        let status = sending.ends(AT_ONCE);
        let said = fs::read_to_string(said).unwrap();
        assert_eq!((status.code(), status.signal()), (Some(3), None), "{signal}: {said}");
        assert_eq!(said.matches("error: interrupted before anything was ").count(), 1, "{signal}: {said}");
    }
}

#[test]
fn a_terminal_that_goes_away_is_an_end_in_order_unless_it_was_to_be_nobodys_business() {
    let desk = Desk::new();
    let said = desk.path().join("said");
    let words = ["send", "w.toml", "--data", "data", "--smarthost", NOBODY];
    let mut command = posthaste(&desk, &words);
    command.stderr(File::create(&said).unwrap());
    let mut sending = Sending::start(command);
    sending.says(&said, "the site rests");
    sending.signal("HUP");
    sending.signal("HUP");
    assert_eq!(sending.ends(AT_ONCE).code(), Some(3));
    let told = fs::read_to_string(&said).unwrap();
    assert_eq!(told.matches("The terminal is gone (SIGHUP). Finishing what is under way").count(), 1, "{told}");

    let mut command = after(&desk, "trap '' HUP", &words);
    command.stderr(File::create(&said).unwrap());
    let mut sending = Sending::start(command);
    sending.says(&said, "the site rests");
    sending.signal("HUP");
    std::thread::sleep(Duration::from_millis(300));
    assert!(sending.runs(), "nohup is not obeyed");
    sending.signal("TERM");
    assert_eq!(sending.ends(AT_ONCE).code(), Some(3));
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_kills_nobody() {
    let desk = Desk::new();
    let mut command = after(&desk, "ulimit -f 2048", &["send", "w.toml", "--sink", "--data", "data"]);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.status.signal()), (Some(1), None), "{said}");
    assert!(said.contains("File too large") && said.contains("ulimit -f"), "{said}");
    assert_eq!(desk.send(&[]).0, Some(0), "and the same command goes on without it");
}

#[test]
fn every_file_that_may_not_grow_is_named_with_the_limit_and_how_to_raise_it() {
    let desk = Desk::new();
    // The table of a long list grows beyond 8 MiB with its second chunk, and the first segment of the journal has 4.
    let wide: String = (0..66_000)
        .map(|n| {
            format!(
                "person{n}@d{}.example,{n:0>600}
",
                n % 50
            )
        })
        .collect();
    desk.put("w.csv", format!("email,first\n{wide}"));
    let limited = |blocks: u32, words: &[&str], file: &str| {
        let mut command = after(&desk, &format!("ulimit -f {blocks}"), words);
        command.stdin(File::open(desk.path().join("w.csv")).unwrap());
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (Some(1), None), "{words:?}: {said}");
        for part in [file, "File too large", "ulimit -f"] {
            assert!(said.contains(part), "{words:?}: {part:?} is missing in\n{said}");
        }
    };
    let send = ["send", "w.toml", "--data", "data", "--smarthost", NOBODY];
    limited(16_384, &send, "rows.dat");
    let campaign = fs::read_to_string(desk.path().join("w.toml")).unwrap();
    desk.put("piped.toml", campaign.replace("\"w.csv\"", "\"-\"").replace("\"w\"", "\"piped\""));
    limited(16_384, &["send", "piped.toml", "--data", "data", "--smarthost", NOBODY], "the list on standard input");
    for (form, file) in [("--csv", "r.csv"), ("--html", "r.html")] {
        limited(2, &["report", "w", "--data", "data", form, file], file);
    }
}

#[test]
fn a_report_that_finds_no_room_says_so() {
    let desk = Desk::new();
    assert_eq!(desk.send(&[]).0, Some(0));
    for form in ["--csv", "--html"] {
        let mut command = posthaste(&desk, &["report", "w", "--data", "data", form, "/dev/full"]);
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("/dev/full") && said.contains("No space left") && said.contains("hint: make room"),
            "{said}"
        );
    }
}

#[test]
fn a_deleted_lock_lets_nobody_in_and_neither_does_another_way_to_the_campaign() {
    let desk = Desk::new();
    let said = desk.path().join("said");
    let mut command = posthaste(&desk, &["send", "w.toml", "--data", "data", "--smarthost", NOBODY]);
    command.stderr(File::create(&said).unwrap());
    let mut first = Sending::start(command);
    first.says(&said, "the site rests");
    let holder = format!("the process {} is using it", first.0.id());
    fs::remove_file(desk.path().join("data/lock")).unwrap();
    desk.refused("a data directory in use whose lock was deleted", &[], 1, &["data", &holder, "hint: "]);
    fs::create_dir(desk.path().join("other")).unwrap();
    std::os::unix::fs::symlink("../data/campaign", desk.path().join("other/campaign")).unwrap();
    let output =
        posthaste(&desk, &["send", "w.toml", "--data", "other", "--smarthost", NOBODY]).stderr(Stdio::piped()).output();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(told.contains("other/campaign/w") && told.contains(&holder), "{told}");
    first.signal("INT");
    assert_eq!(first.ends(AT_ONCE).code(), Some(3));
}

#[test]
fn a_send_that_waits_begins_once_the_other_one_has_ended_and_can_be_interrupted_before() {
    let desk = Desk::new();
    let (said, waits, left) = (desk.path().join("said"), desk.path().join("waits"), desk.path().join("left"));
    desk.put("v.toml", super::CAMPAIGN.replace("\"w\"", "\"v\""));
    let mut command = posthaste(&desk, &["send", "w.toml", "--data", "data", "--smarthost", NOBODY]);
    command.stderr(File::create(&said).unwrap());
    let mut first = Sending::start(command);
    first.says(&said, "the site rests");
    let waiting = |file: &Path| {
        let mut command = posthaste(&desk, &["send", "v.toml", "--data", "data", "--sink", "--wait"]);
        command.stderr(File::create(file).unwrap());
        let mut sending = Sending::start(command);
        sending.says(file, "waiting for the end of another command: ");
        sending
    };
    let (mut patient, mut impatient) = (waiting(&waits), waiting(&left));
    impatient.signal("INT");
    assert_eq!(impatient.ends(AT_ONCE).code(), Some(3));
    assert!(patient.runs());
    first.signal("INT");
    assert_eq!(first.ends(AT_ONCE).code(), Some(3));
    assert_eq!(patient.ends(PATIENCE).code(), Some(0), "{}", fs::read_to_string(&waits).unwrap());
}

#[test]
fn what_systemd_hands_to_a_unit_is_found_where_it_puts_it() {
    let desk = Desk::new();
    desk.put("e.toml", "[engine]\nsuppression = [\"$CREDENTIALS_DIRECTORY/keys_gone.txt\"]\n");
    fs::create_dir(desk.path().join("handed")).unwrap();
    desk.put("handed/keys_gone.txt", "ann@a.example\n");
    let mut command = posthaste(&desk, &["send", "w.toml", "--config", "e.toml", "--data", "data", "--sink", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.env("CREDENTIALS_DIRECTORY", desk.path().join("handed")).output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((summary["suppressed"].as_u64(), summary["delivered"].as_u64()), (Some(1), Some(0)), "{output:?}");
    let output = command.env_remove("CREDENTIALS_DIRECTORY").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("$CREDENTIALS_DIRECTORY/keys_gone.txt"), "{said}");
    // Whoever looks at the configuration outside of the unit is told how to look as the unit does.
    let signs = "[[dkim]]\ndomain = \"a.example\"\nselector = \"s\"\nkey = \"$CREDENTIALS_DIRECTORY/keys_s.pem\"\n";
    let logs_in = "[smarthost]\nuser = \"jo\"\npassword_file = \"$CREDENTIALS_DIRECTORY/keys_s.txt\"\n";
    for text in [signs, logs_in] {
        desk.put("e.toml", text);
        let mut command = posthaste(&desk, &["config", "e.toml"]);
        command.env_remove("CREDENTIALS_DIRECTORY").stderr(Stdio::piped());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("systemd-run --pipe -p LoadCredential="), "{said}");
    }
}

#[test]
fn a_disk_that_runs_short_ends_it_in_order_before_the_last_page_and_says_how_much_it_takes() {
    let desk = Desk::new();
    many(&desk, 60_000);
    let mount = Mount::new(&desk, "data", "size=24m");
    let (code, said) = desk.send(&[]);
    assert_eq!(code, Some(1), "{said}");
    let estimate = ["recipients who wait take about ", " MiB of free space, of which 8 MiB are kept free"];
    for words in ["No space left on device", "KiB are free; it takes ", "are kept"].iter().chain(&estimate) {
        assert!(said.contains(words), "{words:?} is missing in\n{said}");
    }
    let free = posthaste::wire::disk::free_octets(&desk.path().join("data")).unwrap();
    assert!(free > 4 << 20, "new work took the reserve: {free} octets are left");
    let delivered = report(&desk, "delivered");
    assert!(delivered > 0 && delivered < 60_000, "{delivered}: the scenario shows nothing");
    assert_eq!((report(&desk, "in_flight"), report(&desk, "possible_duplicates")), (0, 0));
    mount.run("mount", &["-o", "remount,size=200m"]);
    let (code, said) = desk.send(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((report(&desk, "delivered"), report(&desk, "possible_duplicates")), (60_000, 0));
}

/// Everything below a directory, and itself.
fn below(path: &Path, found: &mut Vec<PathBuf>) {
    found.push(path.to_owned());
    if path.is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| below(&entry.path(), found));
    }
}

/// Checks the permissions of everything that a send and its reports left, and their group.
#[track_caller]
fn modes(desk: &Desk, file: u32, directory: u32, group: Option<u32>) {
    let mut found = Vec::new();
    below(&desk.path().join("data"), &mut found);
    found.extend(["e.jsonl", "trace", "r.csv", "r.html", "r.dup"].map(|name| desk.path().join(name)));
    assert!(found.len() > 15, "{found:?}");
    for path in found {
        let about = fs::symlink_metadata(&path).unwrap();
        let wanted = if about.is_dir() { directory } else { file };
        assert_eq!(about.mode() & 0o7777, wanted, "{}: {:o}", path.display(), about.mode());
        assert!(group.is_none_or(|group| group == about.gid()), "{} is of group {}", path.display(), about.gid());
    }
}

#[test]
fn what_it_writes_is_for_its_user_alone_or_for_a_group_whatever_the_umask() {
    let settings = "[tls]\nreport = true\n[events]\nfile = \"e.jsonl\"\n";
    for (umask, engine, file, directory, group) in [
        ("000", "", 0o600, 0o700, None),
        ("022", "", 0o600, 0o700, None),
        ("077", "[engine]\ngroup = \"1\"\n", 0o640, 0o750, Some(1)),
        ("000", "[engine]\ngroup = \"daemon\"\n", 0o640, 0o750, Some(1)),
    ] {
        let desk = Desk::new();
        desk.put("e.toml", format!("{engine}{settings}"));
        desk.put(
            "w.csv",
            "email,first\nann@a.example,Ann\nno address,Bob\n".to_owned() + &"x@b.example,X\n".repeat(40),
        );
        let umask = format!("umask {umask}");
        let send = ["send", "w.toml", "--sink", "--data", "data", "--config", "e.toml"];
        let traced = [&send[..], &["--trace", "a.example", "--trace-file", "trace"]].concat();
        let sent = after(&desk, &umask, &traced).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
        for (form, to) in [("--csv", "r.csv"), ("--html", "r.html"), ("--possible-duplicates", "r.dup")] {
            let words = ["report", "w", "--data", "data", "--config", "e.toml", form, to];
            assert!(after(&desk, &umask, &words).status().unwrap().success());
        }
        modes(&desk, file, directory, group);

        // What an earlier version left wider is tightened by the next start.
        let mut found = Vec::new();
        below(&desk.path().join("data"), &mut found);
        for path in &found {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        assert!(after(&desk, &umask, &send).stderr(Stdio::null()).status().unwrap().success());
        modes(&desk, file, directory, group);
    }
}
