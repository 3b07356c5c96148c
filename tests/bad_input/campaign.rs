//! What a campaign is, seen by the real program: where it goes, whom it is for, and what happens to it when either is
//! another one. Receivers are `posthaste sink` on loopback.

mod cancelled;
mod columns;
mod cut_off;
mod held;
mod other_letter;
mod put_back;
mod suppressed;

use super::Desk;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A receiver of its own, which keeps its messages in a folder, as long as this lives.
struct Receiver {
    child: Child,
    address: String,
    kept: tempfile::TempDir,
}

impl Receiver {
    fn start(more: &[&str]) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().to_str().unwrap().to_owned();
        Self::begin(&[more, &["--keep", &folder]].concat(), kept)
    }

    /// One that counts only, for many.
    fn fast() -> Self {
        Self::begin(&[], tempfile::tempdir().unwrap())
    }

    fn begin(more: &[&str], kept: tempfile::TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(["sink", "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        let at = said.find("127.0.0.1:").unwrap_or_else(|| panic!("no address in {said:?}"));
        let address = said[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        Self { child, address, kept }
    }

    /// Who got mail, sorted, with second copies.
    fn got(&self) -> Vec<String> {
        let mut got = Vec::new();
        for file in std::fs::read_dir(self.kept.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let to = text.lines().filter_map(|line| line.strip_prefix("Delivered-To: "));
            got.extend(to.map(|address| address.trim_matches(['<', '>']).to_owned()));
        }
        got.sort();
        got
    }

    /// Checks who got mail, with second copies. The last messages may still be on their way to the folder.
    #[track_caller]
    fn delivered(&self, expected: &[String]) {
        let began = Instant::now();
        while self.got().len() < expected.len() && began.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
        }
        assert_eq!(self.got(), expected);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Desk {
    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.path()).args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Sends `w` with these words only; it must leave with this code. What it said, and its JSON, if it wrote any.
    #[track_caller]
    fn sends(&self, more: &[&str], code: i32) -> (String, Value) {
        told(self.run(&[&["send", "w.toml", "--data", "data", "--json"], more].concat()), code)
    }

    /// The same with a list on standard input.
    #[track_caller]
    fn pipes(&self, list: &str, more: &[&str], code: i32) -> (String, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.path()).args(["send", "w.toml", "--data", "data", "--json"]).args(more);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may refuse before it reads all.
        let _ = child.stdin.take().unwrap().write_all(list.as_bytes());
        told(child.wait_with_output().unwrap(), code)
    }

    /// Begins to send `w` and interrupts that once so many recipients had this outcome of an attempt, or that.
    #[track_caller]
    fn interrupted_after(&self, count: usize, outcomes: &[&str], to: &[&str]) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(self.path())
            .args(["send", "w.toml", "--data", "data", "--events", "e.jsonl"])
            .args(to)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let told = || {
            let events = std::fs::read_to_string(self.path().join("e.jsonl")).unwrap_or_default();
            outcomes.iter().map(|outcome| events.matches(&format!("\"{outcome}\"")).count()).sum::<usize>()
        };
        while told() < count {
            assert!(began.elapsed() < PATIENCE, "{} of {count} are {outcomes:?}", told());
            std::thread::sleep(LOOK);
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }

    fn report(&self, more: &[&str]) -> Value {
        let output = self.run(&[&["report", "w", "--data", "data", "--json"], more].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }
}

#[track_caller]
fn told(output: Output, code: i32) -> (String, Value) {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    let last = output.stdout.rsplit(|b| *b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    (said, serde_json::from_slice(last).unwrap_or(Value::Null))
}

/// A list of people of these names.
fn list(names: &[&str]) -> String {
    names.iter().fold("email,first\n".to_owned(), |mut list, name| {
        writeln!(list, "{name}@a.example,{name}").unwrap();
        list
    })
}

fn addresses(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}@a.example")).collect()
}

#[track_caller]
fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in\n{said}");
    }
}

mod destination {
    use super::*;

    #[test]
    fn without_a_destination_nothing_is_sent_and_the_ways_are_named() {
        let desk = Desk::new();
        let (said, _) = desk.sends(&[], 2);
        says(&said, &["where the mail of w goes", "--sink", "--smarthost", "delivery.route = \"mx\""]);
        assert!(!desk.path().join("data").exists(), "it left something behind");
        desk.put("e.toml", "[delivery]\nsink = true\nroute = \"mx\"\n");
        says(&desk.sends(&["--config", "e.toml"], 2).0, &["delivery.sink", "delivery.route"]);
        let (said, _) = told(desk.run(&["send", "w.toml", "--data", "data", "--dry-run"]), 0);
        assert_eq!(said, "", "a dry run sends nothing anywhere");
    }

    #[test]
    fn a_rehearsal_never_counts_as_the_campaign() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.csv", list(&["ann", "bob"]));
        let (said, json) = desk.sends(&["--sink"], 0);
        assert!(said.starts_with("Campaign w, destination: sink (built in: nobody gets mail)\n"), "{said}");
        assert_eq!((&json["destination"], &json["delivered"]), (&"sink".into(), &2.into()));
        assert_eq!(desk.report(&[])["destination"], "sink");
        let (said, json) = desk.sends(&["--smarthost", &mx.address], 0);
        let smarthost = format!("smarthost {}", mx.address);
        let begins = format!("It begins: nothing of it is in {} yet.\n", desk.path().join("data").display());
        assert!(said.starts_with(&format!("Campaign w, destination: {smarthost}\n{begins}")), "{said}");
        assert_eq!((&json["destination"], &json["delivered"]), (&smarthost.as_str().into(), &2.into()));
        mx.delivered(&addresses(&["ann", "bob"]));
        assert_eq!(desk.report(&[])["destination"], smarthost.as_str());
        assert_eq!(desk.report(&["--sink"])["destination"], "sink");
        // The rehearsal goes on being one, and the table for people ends with where it went.
        let output = desk.run(&["send", "w.toml", "--data", "data", "--smarthost", &mx.address]);
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.ends_with(&format!("  destination: {smarthost}\n")), "{table}");
        mx.delivered(&addresses(&["ann", "bob"]));
    }

    #[test]
    fn a_campaign_that_has_begun_stays_with_its_destination() {
        let (desk, mx, other) = (Desk::new(), Receiver::start(&["--defer", "50"]), Receiver::start(&[]));
        let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        desk.put("w.csv", list(&names));
        desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", "retry = [\"1h\"]\n[recipients]"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(desk.path())
            .args(["send", "w.toml", "--data", "data", "--smarthost", &mx.address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while mx.got().is_empty() {
            assert!(began.elapsed() < PATIENCE, "nothing is delivered");
            std::thread::sleep(LOOK);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (said, _) = desk.sends(&["--smarthost", &other.address], 2);
        let as_before = format!("--smarthost {}", mx.address);
        says(&said, &["was begun to smarthost", &as_before, "--move-destination", "another name"]);
        desk.put("e.toml", "[delivery]\nroute = \"mx\"\n");
        says(&desk.sends(&["--config", "e.toml"], 2).0, &["would go to mx", "--move-destination"]);
        says(&desk.sends(&[], 2).0, &["nobody has said", &as_before]);
        assert!(other.got().is_empty(), "somebody got it elsewhere");
        desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", "retry = [\"1s\"]\n[recipients]"));
        desk.sends(&["--smarthost", &other.address, "--move-destination"], 0);
        let all = || {
            let mut got = [mx.got(), other.got()].concat();
            got.sort();
            got.dedup();
            got.len()
        };
        let began = Instant::now();
        while all() < names.len() && began.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
        }
        assert_eq!(all(), names.len());
        assert_eq!(desk.report(&[])["moved_from"][0]["destination"], format!("smarthost {}", mx.address));
    }

    #[test]
    fn a_move_is_told_with_what_went_where_and_only_who_waits_can_move() {
        let (desk, mx, other) = (Desk::new(), Receiver::start(&[]), Receiver::start(&[]));
        let to_mx = ["--smarthost", &mx.address, "--add"];
        let to_other = ["--smarthost", &other.address, "--move-destination", "--add"];
        desk.put("w.csv", list(&["ann", "bob"]));
        desk.sends(&to_mx[..2], 0);
        let (said, _) = desk.sends(&to_other[..2], 2);
        assert!(!said.contains("--move-destination\n"), "{said}");
        let to_the_new = format!("--smarthost {} --json --move-destination --add", other.address);
        for words in [2, 3] {
            let (said, _) = desk.sends(&to_other[..words], 2);
            says(&said, &["was begun to smarthost", "nobody of it waits", "nothing could move", &to_the_new]);
            says(&said, &["another letter needs another name"]);
            assert!(!said.contains("from the beginning"), "{said}");
        }
        // A run that is refused moves nothing, and is offered with what it was asked for.
        desk.put("w.csv", list(&["ann", "bob", "cy"]));
        let (said, _) = desk.sends(&["--smarthost", &other.address, "--add"], 2);
        says(&said, &[&to_the_new, &format!("--smarthost {} --json --add", mx.address)]);
        says(&said, &["under another name everybody gets it, also who has it already"]);
        desk.put("w.txt", "Dear {{ frist }}\n");
        desk.sends(&to_other, 2);
        desk.put("w.txt", "Dear {{ first }}\n");
        let (_, json) = desk.sends(&to_mx, 0);
        assert_eq!((&json["delivered"], &json["moved_from"]), (&3.into(), &serde_json::json!([])));
        desk.put("w.csv", list(&["ann", "bob", "cy", "dora"]));
        let (_, json) = desk.sends(&to_other, 0);
        mx.delivered(&addresses(&["ann", "bob", "cy"]));
        other.delivered(&addresses(&["dora"]));
        assert_eq!(json["destination"], format!("smarthost {}", other.address));
        let left = serde_json::json!([{ "destination": format!("smarthost {}", mx.address), "attempts": 3 }]);
        assert_eq!((&json["moved_from"], &desk.report(&[])["moved_from"]), (&left, &left));
        let whole = desk.run(&["report", "w", "--data", "data"]);
        let before = format!("; before it moved: smarthost {} (3 attempts)", mx.address);
        says(&String::from_utf8(whole.stdout).unwrap(), &[&before]);
    }

    #[test]
    fn while_nobody_got_anything_it_goes_wherever_it_is_told() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.txt", "Dear {{ frist }}\n");
        desk.sends(&["--smarthost", "127.0.0.1:9"], 2);
        desk.put("w.txt", "Dear {{ first }}\n");
        desk.sends(&["--smarthost", &mx.address], 0);
        mx.delivered(&addresses(&["ann"]));
        assert!(Path::new(&desk.path().join("data/campaign/w/manifest")).exists());
    }
}

/// Sends `w` to this receiver.
fn to(mx: &Receiver) -> [&str; 2] {
    ["--smarthost", &mx.address]
}

/// As [`to`], with more words.
fn to_with<'a>(mx: &'a Receiver, more: &[&'a str]) -> Vec<&'a str> {
    [&to(mx)[..], more].concat()
}

mod lists {
    use super::*;

    #[test]
    fn a_longer_list_is_noticed_and_added_to_on_request() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.csv", list(&["ann", "bob"]));
        desk.sends(&to(&mx), 0);
        desk.sends(&to(&mx), 0);
        desk.put("w.csv", list(&["cyd", "ann", "bob", "dan"]));
        let (said, json) = desk.sends(&to(&mx), 2);
        says(&said, &["w.csv has changed", "2 recipients on it are new", "--add", "another name"]);
        assert_eq!(json, Value::Null);
        mx.delivered(&addresses(&["ann", "bob"]));
        let (said, json) = desk.sends(&to_with(&mx, &["--add"]), 0);
        says(&said, &["2 new recipients are added"]);
        assert_eq!((&json["loaded"], &json["delivered"]), (&4.into(), &4.into()));
        mx.delivered(&addresses(&["ann", "bob", "cyd", "dan"]));
        let (said, _) = desk.sends(&to(&mx), 0);
        says(&said, &["is complete"]);
        mx.delivered(&addresses(&["ann", "bob", "cyd", "dan"]));
    }

    #[test]
    fn a_list_of_other_people_or_words_is_noticed_wherever_it_lies() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.csv", list(&["ann", "bob"]));
        desk.sends(&to(&mx), 0);
        // The same size, the same time, other people.
        let old = std::fs::metadata(desk.path().join("w.csv")).unwrap().modified().unwrap();
        desk.put("w.csv", list(&["eve", "bob"]));
        let file = std::fs::File::options().write(true).open(desk.path().join("w.csv")).unwrap();
        file.set_modified(old).unwrap();
        says(&desk.sends(&to(&mx), 2).0, &["1 recipient on it is new", "1 of the campaign are no longer on it"]);
        // The same people in another file are the same list; other columns are told.
        desk.put("x.csv", list(&["ann", "bob"]));
        desk.put("w.toml", super::super::CAMPAIGN.replace("w.csv", "x.csv"));
        says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
        desk.put("x.csv", list(&["ann", "bob"]).replace(",ann", ",Anna"));
        says(&desk.sends(&to(&mx), 2).0, &["x.csv has changed", "0 recipients on it are new", "--add"]);
        says(&desk.sends(&to(&mx), 2).0, &["1 on it have other values than they were loaded with", "another name"]);
        desk.put("x.csv", "");
        says(&desk.sends(&to_with(&mx, &["--add", "--cancel-removed"]), 2).0, &["x.csv"]);
        std::fs::remove_file(desk.path().join("x.csv")).unwrap();
        says(&desk.sends(&to(&mx), 0).0, &["the list is gone", "is complete"]);
        mx.delivered(&addresses(&["ann", "bob"]));
    }

    #[test]
    fn the_same_people_sorted_or_packed_anew_are_the_same_list() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        let packed = |level, names: &[&str]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            packed.write_all(list(names).as_bytes()).unwrap();
            desk.put("w.csv.gz", packed.finish().unwrap());
        };
        packed(1, &["ann", "bob", "not an address", "cyd"]);
        desk.put(
            "w.toml",
            super::super::CAMPAIGN
                .replace("w.csv", "w.csv.gz")
                .replace("[recipients]", "[recipients]\nmax_rejected = \"50%\""),
        );
        says(&desk.sends(&to_with(&mx, &["--limit", "1"]), 3).0, &[]);
        packed(9, &["ann", "bob", "not an address", "cyd"]);
        let anew =
            ["w.csv.gz has changed (", "), but not in its recipients and their values: nothing follows from it."];
        let (said, json) = desk.sends(&to(&mx), 0);
        says(&said, &anew);
        assert_eq!((&json["loaded"], &json["delivered"], &json["rejected"]), (&3.into(), &3.into(), &1.into()));
        // It is the list from here on.
        let (said, _) = desk.sends(&to(&mx), 0);
        says(&said, &["is complete"]);
        assert!(!said.contains("has changed"), "{said}");
        packed(9, &["cyd", "bob", "ann", "not an address"]);
        for more in [&[][..], &["--cancel-removed"], &["--add"]] {
            packed(
                9,
                if more.is_empty() {
                    &["cyd", "bob", "ann", "no address"]
                } else {
                    &["bob", "ann", "no address", "cyd"]
                },
            );
            let (said, json) = desk.sends(&to_with(&mx, more), 0);
            says(&said, &["but not in its recipients", "is complete"]);
            assert_eq!(json["cancelled"], 0, "{more:?}");
        }
        // One more that cannot be read may be anybody.
        packed(9, &["ann", "bob", "cyd", "not an address", "nor this"]);
        says(&desk.sends(&to(&mx), 2).0, &["has changed", "0 recipients on it are new"]);
        packed(9, &["ann", "bob", "dan", "not an address"]);
        says(&desk.sends(&to(&mx), 2).0, &["1 recipient on it is new", "1 of the campaign are no longer on it"]);
        mx.delivered(&addresses(&["ann", "bob", "cyd"]));
    }

    #[test]
    fn another_list_by_pipe_is_noticed_and_the_same_one_goes_on() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.toml", super::super::CAMPAIGN.replace("w.csv", "-"));
        desk.pipes(&list(&["ann", "bob"]), &to(&mx), 0);
        says(&desk.pipes(&list(&["ann", "bob"]), &to(&mx), 0).0, &["is complete"]);
        says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
        let (said, _) = desk.pipes(&list(&["ann", "cyd"]), &to(&mx), 2);
        says(&said, &["standard input has changed", "1 recipient on it is new", "--add"]);
        desk.pipes(&list(&["ann", "cyd"]), &to_with(&mx, &["--add"]), 0);
        says(&desk.pipes(&list(&["ann", "cyd"]), &to(&mx), 0).0, &["is complete"]);
        mx.delivered(&addresses(&["ann", "bob", "cyd"]));
    }

    #[test]
    fn who_is_gone_from_the_list_is_cancelled_on_request() {
        let (desk, busy, mx) = (Desk::new(), Receiver::start(&["--defer", "100"]), Receiver::start(&[]));
        desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", "retry = [\"1h\"]\n[recipients]"));
        desk.put("w.csv", list(&["ann", "bob", "cyd"]));
        desk.interrupted_after(3, &["deferred"], &to(&busy));
        desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", "retry = [\"1s\"]\n[recipients]"));
        desk.put("w.csv", list(&["ann", "cyd"]));
        let moved = to_with(&mx, &["--move-destination"]);
        let (said, _) = desk.sends(&moved, 2);
        says(&said, &["1 of the campaign are no longer on it", "1 of these still wait", "--cancel-removed"]);
        let (said, json) = desk.sends(&[&moved[..], &["--cancel-removed"]].concat(), 0);
        says(&said, &["1 that still wait are cancelled"]);
        assert_eq!((&json["cancelled"], &json["delivered"], &json["loaded"]), (&1.into(), &2.into(), &3.into()));
        mx.delivered(&addresses(&["ann", "cyd"]));
        says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
        assert_eq!(desk.report(&[])["cancelled"], 1);
    }

    #[test]
    fn a_refused_list_template_or_pipe_does_not_burn_the_name() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.csv", "email,first\nnobody,x\nnowhere,y\nann@a.example,Ann\n");
        says(&desk.sends(&to(&mx), 2).0, &["rejected"]);
        desk.put("w.txt", "Dear {{ frist }}\n");
        says(&desk.sends(&to(&mx), 2).0, &["frist"]);
        desk.put("w.txt", "Dear {{ first }}, again\n");
        desk.put("w.csv", list(&["ann"]));
        desk.sends(&to(&mx), 0);
        mx.delivered(&addresses(&["ann"]));

        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("w.toml", super::super::CAMPAIGN.replace("w.csv", "-"));
        desk.pipes("mail,first\nann@a.example,Ann\n", &to(&mx), 2);
        assert!(!desk.path().join("data/campaign/w").exists(), "a refused pipe leaves something behind");
        assert_eq!(std::fs::read_dir(desk.path().join("data/campaign")).unwrap().count(), 0);
        desk.pipes("email,first\nnobody,x\n", &to(&mx), 2);
        desk.pipes(&list(&["bob"]), &to(&mx), 0);
        mx.delivered(&addresses(&["bob"]));
    }

    #[test]
    fn a_list_that_stops_for_its_bad_rows_says_what_gets_further() {
        let (desk, mx) = (Desk::new(), Receiver::fast());
        let good: String = (0..10_000).map(|n| format!("p{n}@a.example,x\n")).collect();
        // They are so long that somebody is mailed before too many of them are read; if nobody was, it begins anew.
        let bad = format!("nobody,{}\n", "x".repeat(100_000));
        desk.put("w.csv", format!("email,first\n{good}{}", bad.repeat(1300)));
        let got_some = |_| {
            let (said, json) = desk.sends(&to(&mx), 3);
            says(
                &said,
                &["raise recipients.max_rejected in w.toml", "--add", "posthaste check w.toml looks at all of them"],
            );
            let rejects = json["rejects_file"].as_str().map(|file| desk.path().join(file).is_file());
            assert!(json["rejected"].as_u64() > Some(500) && rejects == Some(true), "{json}");
            json["delivered"].as_u64() > Some(0)
        };
        assert!((0..100).any(got_some), "a hundred runs mailed nobody");
        let (said, _) = desk.sends(&to(&mx), 3);
        says(&said, &["raise recipients.max_rejected in w.toml"]);
        // Both ways get further.
        desk.put("w.csv", format!("email,first\n{good}last@a.example,x\n"));
        // Of the list before, more may have stood behind.
        let behind = "of the list before only 10,";
        says(&desk.sends(&to(&mx), 2).0, &[behind, "rows were read", "keep all others that were read"]);
        let (said, json) = desk.sends(&to_with(&mx, &["--add"]), 0);
        says(&said, &[behind, "gets nothing unless on this one"]);
        assert_eq!((&json["loaded"], &json["delivered"]), (&10_001.into(), &10_001.into()));
    }

    #[test]
    fn a_list_that_is_still_written_is_not_taken_for_whole() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        let path = desk.path().join("w.csv");
        let mut writer = std::fs::File::create(&path).unwrap();
        writer.write_all(b"email,first\nann@a.example,Ann\nbob@a.examp").unwrap();
        let (done, goes_on) = std::sync::mpsc::channel::<()>();
        let slow = std::thread::spawn(move || {
            while goes_on.recv_timeout(LOOK).is_err() {
                writer.write_all(b"le,Bob\nbob@a.examp").unwrap();
            }
            writer.write_all(b"le,Bob\n").unwrap();
        });
        let (said, _) = desk.sends(&to(&mx), 2);
        says(&said, &["changed while it was read", "hint: ", "--add"]);
        done.send(()).unwrap();
        slow.join().unwrap();
        assert_eq!(mx.got(), Vec::<String>::new(), "half an address was mailed to");
        desk.sends(&to(&mx), 0);
        mx.delivered(&addresses(&["ann", "bob"]));
    }
}

mod suppression {
    use super::*;

    #[test]
    fn who_is_suppressed_between_two_runs_gets_nothing() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        let quoted = "\"\"\"b.ob\"\"@a.example\",Bob\neve@sub.b.example,Eve\nfay@b.example,Fay\n";
        desk.put("w.csv", list(&["ann", "cyd", "dan"]) + quoted);
        desk.put("no.txt", "");
        desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
        let words = ["send", "w.toml", "--data", "data", "--config", "e.toml", "--events", "e.jsonl", "--smarthost"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(desk.path())
            .args(words)
            .arg(crate::nobody::NOBODY)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains("the site rests")), "it never tried");
        let began = Instant::now();
        // It is heeded while it runs…
        desk.put("no.txt", "CYD@A.example\n");
        while !std::fs::read_to_string(desk.path().join("e.jsonl")).unwrap_or_default().contains("\"suppressed\"") {
            assert!(began.elapsed() < PATIENCE, "the change is not heeded");
            std::thread::sleep(LOOK);
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        said.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(3));
        // …and at the next start.
        desk.put("no.txt", "cyd@a.example\nb.ob@a.example\n*.b.example\n");
        let words = to_with(&mx, &["--move-destination", "--config", "e.toml"]);
        let (_, json) = desk.sends(&words, 0);
        assert_eq!((&json["suppressed"], &json["delivered"], &json["loaded"]), (&3.into(), &3.into(), &6.into()));
        mx.delivered(&["ann@a.example", "dan@a.example", "fay@b.example"].map(str::to_owned));
        let report = desk.report(&[]);
        assert_eq!(
            (&report["suppressed"], &report["delivered"], &report["waiting"]),
            (&3.into(), &3.into(), &0.into())
        );
    }

    #[test]
    fn a_line_that_cannot_act_is_named_with_its_place() {
        let (desk, mx) = (Desk::new(), Receiver::start(&[]));
        desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
        for (line, place) in
            [("an*@a.example", "no.txt:2:3: "), ("ann@a.example;left", "no.txt:2:14: "), ("*", "no.txt:2:1: ")]
        {
            desk.put("no.txt", format!("# never\n{line}\n"));
            says(&desk.sends(&to_with(&mx, &["--config", "e.toml"]), 2).0, &[place, "hint: "]);
        }
        // Nobody writes to it: it would be waited for without end.
        std::fs::remove_file(desk.path().join("no.txt")).unwrap();
        assert!(Command::new("mkfifo").arg(desk.path().join("no.txt")).status().unwrap().success());
        says(&desk.sends(&to_with(&mx, &["--config", "e.toml"]), 2).0, &["no.txt", "it is a pipe", "hint: "]);
        assert!(mx.got().is_empty());
    }
}
