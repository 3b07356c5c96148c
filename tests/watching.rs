//! What watchers see of a send, through the real program: the event log adds up to the result and survives a kill; a
//! trace shows the dialogue, and nothing that it should not; both name what is wrong with their files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/nobody.rs"]
mod nobody;

use nobody::NOBODY;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CAMPAIGN: &str = "\
name = \"w\"
from = \"Acme <news@acme.example>\"
subject = \"Hello {{ first }}\"
text = \"w.txt\"
retry = [\"1s\"]
[recipients]
file = \"w.csv\"
email = \"email\"
";

/// A folder with a campaign to this many recipients, three of them suppressed.
fn desk(recipients: usize) -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(desk.path().join(name), text).unwrap();
    let mut list = String::from("email,first\n");
    for n in 0..recipients {
        writeln!(list, "u{n}@d{}.example,U{n}", n % 50).unwrap();
    }
    put("w.toml", CAMPAIGN);
    put("w.txt", "Dear {{ first }},\nhello.\n");
    put("w.csv", &list);
    put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
    put("no.txt", "u1@d1.example\nu2@d2.example\nu3@d3.example\n");
    desk
}

fn program(desk: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk).args(words);
    command
}

fn send(desk: &Path, more: &[&str]) -> Output {
    let words = ["send", "w.toml", "--config", "e.toml", "--data", "data", "--json"];
    program(desk, &[&words, more].concat()).output().unwrap()
}

/// A receiver of its own, as long as this lives.
struct Receiver {
    child: Child,
    address: String,
}

impl Receiver {
    fn start(desk: &Path, more: &[&str]) -> Self {
        let mut child = program(desk, &[&["sink", "--listen", "127.0.0.1:0"], more].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let at = said.find("127.0.0.1:").unwrap_or_else(|| panic!("no address in {said:?}"));
        let address = said[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        Self { child, address }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// How many events there are of each kind, and how many recipients have their last one.
fn tally(events: &[Value]) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let (mut kinds, mut last) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
    for event in events {
        *kinds.entry(event["event"].as_str().unwrap().to_owned()).or_default() += 1;
        if event["final"] == true {
            *last.entry(event["recipient"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    (kinds, last)
}

#[test]
fn the_event_log_adds_up_to_the_result() {
    let desk = desk(1000);
    let sink = Receiver::start(desk.path(), &["--reject", "5", "--defer", "20"]);
    let sent = send(desk.path(), &["--smarthost", &sink.address, "--events", "events.jsonl"]);
    let said = String::from_utf8(sent.stderr).unwrap();
    assert_eq!(sent.status.code(), Some(0), "{said}");
    assert!(!said.contains("u5@d5.example"), "an address stands in the log:\n{said}");
    let result: Value = serde_json::from_slice(&sent.stdout).unwrap();
    let events = lines(&std::fs::read(desk.path().join("events.jsonl")).unwrap());
    let (kinds, last) = tally(&events);
    assert_eq!(last.len(), 1000);
    assert!(last.values().all(|&n| n == 1), "a recipient is settled twice");
    for (key, event) in
        [("delivered", "delivered"), ("bounced", "bounced"), ("deferrals", "deferred"), ("suppressed", "suppressed")]
    {
        assert_eq!(Some(&result[key]), kinds.get(event).map(|&n| n.into()).as_ref(), "{key}");
        assert_ne!(result[key], 0, "{key}: the scenario shows nothing");
    }
    assert_eq!((&result["deferred"], &result["waiting"]), (&0.into(), &0.into()), "nobody waits any more");
    assert_eq!(kinds["session_opened"], kinds["session_ended"]);
    let bounced = events.iter().find(|e| e["event"] == "bounced").unwrap();
    assert!(bounced["code"].as_u64().unwrap() >= 500 && bounced["phase"] == "RCPT", "{bounced}");
    assert_eq!(bounced["cause"], "address", "{bounced}");
    let deferred = events.iter().find(|e| e["event"] == "deferred").unwrap();
    assert_eq!(deferred["cause"], "mailbox", "{deferred}");
    let delivered = events.iter().find(|e| e["event"] == "delivered").unwrap();
    for field in ["time", "session", "site", "host", "address", "ehlo", "latency_ms", "octets", "table_row"] {
        assert!(!delivered[field].is_null(), "{field} is missing in {delivered}");
    }
    assert!(delivered["cause"].is_null(), "{delivered}");
    assert!(events.iter().any(|e| e["event"] == "delivered" && e["attempt"] == 2), "nobody was tried twice");
}

#[test]
fn events_may_go_to_standard_output() {
    let desk = desk(50);
    let sent = send(desk.path(), &["--sink", "--events", "-"]);
    let (summary, events) = lines(&sent.stdout).split_last().map(|(a, b)| (a.clone(), b.to_vec())).unwrap();
    assert_eq!(summary["delivered"], 47);
    assert_eq!(tally(&events).0["delivered"], 47);
}

#[test]
fn a_kill_leaves_whole_lines_and_the_next_run_goes_on_behind_them() {
    let desk = desk(20_000);
    let sink = Receiver::start(desk.path(), &["--rtt-ms", "5"]);
    let words = ["send", "w.toml", "--config", "e.toml", "--data", "data", "--smarthost", &sink.address];
    let words = [&words[..], &["--events", "events.jsonl"]].concat();
    let path = desk.path().join("events.jsonl");
    let mut child = program(desk.path(), &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while std::fs::metadata(&path).map_or(0, |m| m.len()) < 500_000 {
        assert!(began.elapsed() < Duration::from_secs(60), "no events come");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = std::fs::read(&path).unwrap();
    let whole = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let killed = lines(&before[..whole]);
    let again = program(desk.path(), &[&words[..], &["--json"]].concat()).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let events = lines(&std::fs::read(&path).unwrap());
    assert!(events.len() > killed.len());
    let result: Value = serde_json::from_slice(&again.stdout).unwrap();
    let (_, last) = tally(&events);
    // What was durable in the journal and not yet written here is the journal's to tell; all others have their event.
    assert!(last.len() as u64 <= result["loaded"].as_u64().unwrap());
    let (_, after) = tally(&events[killed.len()..]);
    assert!(after.values().all(|&n| n == 1), "a recipient is settled twice in one run");
}

#[test]
fn a_file_that_cannot_be_the_log_is_refused_before_anything_is_sent() {
    let desk = desk(5);
    for (file, said) in
        [("no/such/e.jsonl", "the folder must exist"), (".", "name a file"), ("w.csv", "is no event log")]
    {
        let sent = send(desk.path(), &["--sink", "--events", file]);
        let message = String::from_utf8(sent.stderr).unwrap();
        assert_eq!(sent.status.code(), Some(2), "{file}:\n{message}");
        assert!(message.contains(said) && message.contains("hint:"), "{file}:\n{message}");
        assert!(sent.stdout.is_empty(), "{file}");
    }
}

#[test]
fn a_full_disk_is_said_loudly_and_stops_no_mail() {
    let desk = desk(5);
    let sent = send(desk.path(), &["--sink", "--events", "/dev/full"]);
    let message = String::from_utf8(sent.stderr).unwrap();
    assert_eq!(sent.status.code(), Some(1), "{message}");
    assert!(message.contains("events are lost") && message.contains("No space left"), "{message}");
    let result: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!(result["delivered"].as_u64().unwrap() + result["suppressed"].as_u64().unwrap(), 5);
}

/// A trace without its times: whether each line has one, and what it says.
fn dialogue(text: &str) -> Vec<(bool, String)> {
    let line = |line: &str| {
        let (at, _) = [" > ", " < ", " * "].iter().filter_map(|mark| Some((line.find(mark)?, mark))).min().unwrap();
        (!line[..at].ends_with("         "), line[at + 1..].to_owned())
    };
    text.lines().map(line).collect()
}

#[test]
fn a_trace_shows_the_dialogue_and_elides_the_content() {
    let desk = desk(5);
    let key = rcgen::generate_simple_self_signed(["mx.test".to_owned()]).unwrap();
    std::fs::write(desk.path().join("cert.pem"), key.cert.pem()).unwrap();
    std::fs::write(desk.path().join("key.pem"), key.signing_key.serialize_pem()).unwrap();
    let sink = Receiver::start(desk.path(), &["--no-chunking", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    std::fs::write(desk.path().join("e.toml"), "[engine]\nhostname = \"me.example\"\nsuppression = [\"no.txt\"]\n")
        .unwrap();
    let sent = send(desk.path(), &["--smarthost", &sink.address, "--trace", "127.0.0.1", "--trace-file", "t.txt"]);
    assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
    let result: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert!(result["tls_handshakes"].as_u64().unwrap() >= 1, "{result}");
    let text = std::fs::read_to_string(desk.path().join("t.txt")).unwrap();
    assert!(!text.contains("Dear") && !text.contains("Subject"), "content stands in\n{text}");
    let first: String =
        text.lines().filter(|line| line.starts_with("#1 ")).map(|line| line.to_owned() + "\n").collect();
    let lines = dialogue(&first);
    assert!(lines[0].1.contains(&format!("connecting to {}", sink.address)), "{text}");
    for expected in [
        (true, "* connected"),
        (true, "> EHLO me.example"),
        (false, "< 250-STARTTLS"),
        (true, "> STARTTLS"),
        (false, "> DATA"),
        (false, "> ."),
    ] {
        assert!(lines.contains(&(expected.0, expected.1.to_owned())), "{expected:?} is missing in\n{text}");
    }
    for start in ["< 220 ", "* TLSv1.3, TLS13_AES_256_GCM_SHA384, full handshake; certificate of CN=", "> MAIL FROM:<"]
    {
        assert!(lines.iter().any(|(timed, line)| *timed && line.starts_with(start)), "{start} is missing in\n{text}");
    }
    assert!(lines.iter().any(|(_, line)| line.starts_with("> <") && line.ends_with(" octets of content>")), "{text}");
    assert!(lines.last().unwrap().1.starts_with("* done; transactions "), "{text}");
}

#[test]
fn a_trace_of_one_recipient_shows_no_other() {
    let desk = desk(300);
    let sent = send(desk.path(), &["--sink", "--trace", "U77@d27.example", "--trace-file", "-"]);
    let text = String::from_utf8(sent.stdout).unwrap();
    let (trace, _) = text.trim_end().rsplit_once('\n').unwrap();
    let recipients: Vec<_> = dialogue(trace).into_iter().filter(|(_, line)| line.starts_with("> RCPT")).collect();
    assert!(recipients.iter().any(|(_, line)| line == "> RCPT TO:<u77@d27.example>"), "{trace}");
    // What travels in one group with it is seen with it.
    assert!(recipients.len() < 100, "{trace}");
    assert!(trace.contains("< 220 "), "{trace}");
}

#[test]
fn a_trace_says_why_a_host_could_not_be_reached() {
    let desk = desk(5);
    let words = ["send", "w.toml", "--data", "data", "--smarthost", NOBODY, "--trace", "d4.example"];
    let mut child = program(desk.path(), &words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.map(Result::unwrap).find(|line| line.contains("unreachable at connect: Connection refused"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.is_some_and(|line| line.starts_with('#')));
}

#[test]
fn what_cannot_be_traced_is_said_with_a_hint() {
    let desk = desk(5);
    for (words, said) in [
        (&["--trace", "a b"][..], "is no domain, address, site or host"),
        (&["--trace", "a.example", "--trace-file", "no/such/t.txt"], "cannot be opened"),
        (&["--trace", "a.example", "--trace-file", "w.csv"], "is no trace"),
        (&["--trace-file", "t.txt"], "--trace"),
    ] {
        let sent = send(desk.path(), &[&["--sink"], words].concat());
        let message = String::from_utf8(sent.stderr).unwrap();
        assert_eq!(sent.status.code(), Some(2), "{words:?}:\n{message}");
        assert!(message.contains(said), "{words:?}:\n{message}");
        assert!(sent.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn a_slow_log_slows_the_sending_and_loses_nothing() {
    let recipients = 40_000;
    let desk = desk(recipients);
    let pipe = desk.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let words = ["send", "w.toml", "--config", "e.toml", "--data", "data", "--sink", "--events", "pipe"];
    let mut child = program(desk.path(), &words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Nobody reads the pipe: the sending stops, and says what it waits for.
    assert!(said.any(|line| line.contains("bound by the event log")), "it never waits for the log");
    let reader = std::thread::spawn(move || std::fs::read(pipe).unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{:?}", said.collect::<Vec<_>>());
    let (_, last) = tally(&lines(&reader.join().unwrap()));
    assert_eq!(last.len(), recipients);
}
