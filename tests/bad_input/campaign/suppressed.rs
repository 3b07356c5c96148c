//! What a campaign's suppression holds through: mistakes in it, files that are forgotten, changed badly, or while it rests.

use super::*;
use crate::nobody::NOBODY;
use std::process::ChildStderr;

const WITH: [&str; 2] = ["--config", "e.toml"];

/// A desk with a suppression file.
fn desk(names: &[&str], suppressed: &str) -> Desk {
    let desk = Desk::new();
    desk.put("w.csv", list(names));
    desk.put("no.txt", suppressed);
    desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n[delivery]\nsessions_per_site = 1\n");
    desk
}

fn start(desk: &Desk, to: &[&str]) -> (Child, std::io::Lines<BufReader<ChildStderr>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .current_dir(desk.path())
        .args(["send", "w.toml", "--data", "data", "--config", "e.toml", "--events", "e.jsonl"])
        .args(to)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, said)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn events(desk: &Desk, word: &str) -> usize {
    let text = std::fs::read_to_string(desk.path().join("e.jsonl")).unwrap_or_default();
    text.lines().filter(|line| line.contains(&format!("\"{word}\""))).count()
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(LOOK);
    }
}

#[test]
fn a_mistake_that_suppressed_everybody_costs_no_name() {
    let (desk, mx) = (desk(&["ann", "bob"], "@a.example\n"), Receiver::start(&[]));
    for _ in 0..2 {
        let (_, json) = desk.sends(&to_with(&mx, &WITH), 0);
        assert_eq!((&json["suppressed"], &json["delivered"]), (&2.into(), &0.into()), "it still applies");
    }
    desk.put("no.txt", "bob@a.example\n");
    let (said, json) = desk.sends(&to_with(&mx, &WITH), 0);
    says(&said, &["Nobody has got anything of campaign w: it begins anew"]);
    assert_eq!((&json["suppressed"], &json["delivered"], &json["loaded"]), (&1.into(), &1.into(), &2.into()));
    // Once anybody has got it nothing begins anew.
    desk.put("no.txt", "");
    says(&desk.sends(&to_with(&mx, &WITH), 0).0, &["is complete"]);
    mx.delivered(&addresses(&["ann"]));
}

#[test]
fn a_suppression_file_that_is_forgotten_is_named_and_nothing_is_sent() {
    let (desk, mx) = (desk(&["ann"], "bob@a.example\ndan@a.example\n"), Receiver::start(&[]));
    desk.sends(&to_with(&mx, &WITH), 0);
    says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
    desk.put("w.csv", list(&["ann", "bob", "cyd"]));
    let (said, _) = desk.sends(&to_with(&mx, &["--add"]), 2);
    says(
        &said,
        &[
            "/no.txt (1 of 1 recipients)",
            "nothing is sent",
            "hint: ",
            "engine.suppression",
            "--drop-suppression --json --add",
        ],
    );
    desk.put("f.toml", "[engine]\nsuppression = [\"more.txt\"]\n");
    desk.put("more.txt", "");
    says(&desk.sends(&to_with(&mx, &["--add", "--config", "f.toml"]), 2).0, &["/no.txt ", "f.toml"]);
    mx.delivered(&addresses(&["ann"]));
    let (_, json) = desk.sends(&to_with(&mx, &["--add", "--config", "e.toml"]), 0);
    assert_eq!((&json["suppressed"], &json["delivered"]), (&1.into(), &2.into()));
    // The flag is for one run.
    desk.put("w.csv", list(&["ann", "bob", "cyd", "dan"]));
    desk.sends(&to_with(&mx, &["--add"]), 2);
    desk.sends(&to_with(&mx, &["--add", "--drop-suppression"]), 0);
    mx.delivered(&addresses(&["ann", "cyd", "dan"]));
}

/// Releases that are swapped behind a link, with the configuration inside of them or not; and one file by two names.
#[test]
fn a_suppression_file_is_known_by_its_name_wherever_the_links_on_the_way_lead() {
    let (desk, mx) = (desk(&["ann"], ""), Receiver::start(&[]));
    let config = |place: &str| format!("[engine]\nsuppression = [\"{place}\"]\n");
    let links = |to: &str| {
        let _ = std::fs::remove_file(desk.path().join("current"));
        std::os::unix::fs::symlink(to, desk.path().join("current")).unwrap();
    };
    for (release, who) in [("r1", "bob@a.example\n"), ("r2", "bob@a.example\ncyd@a.example\n")] {
        std::fs::create_dir(desk.path().join(release)).unwrap();
        desk.put(&format!("{release}/no.txt"), who);
        desk.put(&format!("{release}/e.toml"), config("no.txt"));
    }
    desk.put("e.toml", config("current/no.txt"));
    links("r1");
    desk.sends(&to_with(&mx, &WITH), 0);
    desk.put("w.csv", list(&["ann", "bob", "cyd"]));
    links("r2");
    std::fs::remove_dir_all(desk.path().join("r1")).unwrap();
    let (_, json) = desk.sends(&to_with(&mx, &["--add", "--config", "e.toml"]), 0);
    assert_eq!((&json["suppressed"], &json["delivered"]), (&2.into(), &1.into()));
    desk.put("f.toml", config("other.txt"));
    desk.put("other.txt", "");
    let mut names = vec!["ann", "bob", "cyd"];
    for (more, place, code) in [("dan", "current/e.toml", 0), ("eve", "r2/e.toml", 0), ("fay", "f.toml", 2)] {
        names.push(more);
        desk.put("w.csv", list(&names));
        let (said, _) = desk.sends(&to_with(&mx, &["--add", "--config", place]), code);
        assert!(code == 0 || said.contains("/current/no.txt ("), "{said}");
    }
    mx.delivered(&addresses(&["ann", "dan", "eve"]));
}

#[test]
fn a_suppression_that_is_spoilt_while_sending_holds_the_mailing() {
    for spoil in ["a line", "removed", "a directory"] {
        let desk = desk(&["ann", "bob"], "");
        let (mut child, mut said) = start(&desk, &["--smarthost", NOBODY]);
        assert!(said.any(|line| line.unwrap().contains("the site rests")), "it never tried");
        let path = desk.path().join("no.txt");
        std::fs::remove_file(&path).unwrap();
        match spoil {
            "a line" => desk.put("no.txt", "bob@a.example\nann smith@x.example\n"),
            "removed" => {}
            _ => std::fs::create_dir(&path).unwrap(),
        }
        let rest: String = said.map(|line| line.unwrap() + "\n").collect();
        assert_eq!(child.wait().unwrap().code(), Some(3), "{spoil}:\n{rest}");
        let place = if spoil == "a line" { "no.txt:2:4: " } else { "the suppression file " };
        says(&rest, &["held: the suppression has changed", place, "hint: mend it", "--config"]);
        assert_eq!(desk.report(&[])["held"]["reason"], "suppression", "{spoil}");
    }
}

#[test]
fn a_pause_ends_with_the_suppression_of_now() {
    let names: Vec<String> = (0..200).map(|n| format!("u{n:03}")).collect();
    let desk = desk(&names.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let mx = Receiver::start(&["--rtt-ms", "20"]);
    let (mut child, mut said) = start(&desk, &to(&mx));
    wait_for("nobody got anything", || events(&desk, "delivered") > 0);
    signal(&child, "-USR1");
    assert!(said.any(|line| line.unwrap().starts_with("Paused")), "it did not pause");
    wait_for("its session does not end", || events(&desk, "session_ended") > 0);
    let got = events(&desk, "delivered");
    assert!(got < names.len(), "it was over before it paused");
    desk.put("no.txt", "@a.example\n");
    signal(&child, "-USR1");
    let rest: String = said.map(|line| line.unwrap() + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    let report = desk.report(&[]);
    assert_eq!((&report["delivered"], &report["suppressed"]), (&got.into(), &(names.len() - got).into()));
}

/// As by Ctrl-Z, or a laptop that sleeps: what a session has under way is all that goes out by the suppression of then.
#[test]
fn a_send_that_was_stopped_goes_on_with_the_suppression_of_now() {
    let names: Vec<String> = (0..400).map(|n| format!("u{n:03}")).collect();
    let desk = desk(&names.iter().map(String::as_str).collect::<Vec<_>>(), "");
    desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n[delivery]\nsessions_per_site = 1\nchunking = false\n");
    let mx = Receiver::start(&["--rtt-ms", "20"]);
    let (mut child, said) = start(&desk, &to(&mx));
    wait_for("nobody got anything", || mx.got().len() > 3);
    signal(&child, "-STOP");
    desk.put("no.txt", "@a.example\n");
    // However long that takes: what is promised is promised for each stop that is longer than two seconds.
    std::thread::sleep(Duration::from_secs(4));
    let got = mx.got().len();
    signal(&child, "-CONT");
    let rest: String = said.map(|line| line.unwrap() + "\n").collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    let report = desk.report(&[]);
    let [delivered, suppressed] = ["delivered", "suppressed"].map(|key| report[key].as_u64().unwrap() as usize);
    assert!(got < names.len() && delivered + suppressed == names.len(), "{report}");
    // The content, and the MAIL behind it, that were on their way.
    assert!(delivered <= got + 2, "{delivered} got it, {got} of them before");
}

/// Whom RCPT was said of.
fn named(desk: &Desk) -> std::collections::BTreeSet<String> {
    let text = std::fs::read_to_string(desk.path().join("t.txt")).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once("> RCPT TO:<")).map(|(_, rest)| rest.to_owned()).collect()
}

/// With a server that takes long for each message, what a session has been given ahead would go out long after.
#[test]
fn nobody_who_is_suppressed_before_their_mail_is_said_gets_it_however_slow_the_server_is() {
    for chunking in [false, true] {
        let names: Vec<String> = (0..200).map(|n| format!("u{n:03}")).collect();
        let desk = desk(&names.iter().map(String::as_str).collect::<Vec<_>>(), "");
        let config = "[engine]\nsuppression = [\"no.txt\"]\n[delivery]\nsessions_per_site = 1\n";
        desk.put("e.toml", format!("{config}chunking = {chunking}\n"));
        let mx = Receiver::start(&["--rtt-ms", "1200"]);
        let (mut child, said) = start(&desk, &to_with(&mx, &["--trace", "a.example", "--trace-file", "t.txt"]));
        wait_for("nobody was named", || !named(&desk).is_empty());
        desk.put("no.txt", "@a.example\n");
        // It is in force within two seconds.
        std::thread::sleep(Duration::from_secs(3));
        let before = named(&desk);
        let rest: String = said.map(|line| line.unwrap() + "\n").collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
        assert_eq!(named(&desk), before, "chunking {chunking}");
        let report = desk.report(&[]);
        let [delivered, suppressed] = ["delivered", "suppressed"].map(|key| report[key].as_u64().unwrap() as usize);
        assert_eq!(
            (delivered, suppressed),
            (before.len(), names.len() - before.len()),
            "chunking {chunking}: {report}"
        );
        assert!(suppressed > 0, "all was said before");
    }
}

#[test]
fn letters_beyond_ascii_have_a_case_and_two_spellings_too() {
    let (desk, mx) = (Desk::new(), Receiver::start(&[]));
    desk.put("w.csv", "email,first\n\u{fc}n\u{ef}@a.example,A\n\u{dc}N\u{cf}@a.example,B\nzoe\u{308}@a.example,C\n");
    desk.put("no.txt", "\u{dc}n\u{cf}@a.example\nZO\u{cb}@a.example\n");
    desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
    let (_, json) = desk.sends(&to_with(&mx, &WITH), 0);
    assert_eq!((&json["loaded"], &json["duplicates"], &json["suppressed"]), (&2.into(), &1.into(), &2.into()));
    assert!(mx.got().is_empty());
}

/// The program's own hint is run elsewhere, as cron would: it is the same campaign.
#[test]
fn the_command_of_a_hint_means_the_same_in_any_directory() {
    let (desk, mx) = (desk(&["ann"], ""), Receiver::start(&[]));
    let words = ["send", "w.toml", "--config", "e.toml", "--smarthost", &mx.address];
    told(desk.run(&words), 0);
    desk.put("w.csv", list(&["ann", "bob"]));
    let (said, _) = told(desk.run(&words), 2);
    let line = said.lines().find(|line| line.ends_with(" --add")).unwrap_or_else(|| panic!("{said}"));
    let (_, command) = line.split_once(": posthaste ").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .current_dir(elsewhere.path())
        .args(["-c", &format!("exec '{}' {command}", env!("CARGO_BIN_EXE_posthaste"))])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    told(output, 0);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "it began anew there");
    mx.delivered(&addresses(&["ann", "bob"]));
}

#[test]
fn no_hint_sends_a_campaign_that_may_have_begun_to_another_directory() {
    let desk = desk(&["ann"], "");
    let (mut child, mut said) = start(&desk, &["--smarthost", NOBODY]);
    assert!(said.any(|line| line.unwrap().contains("the site rests")), "it never tried");
    let (refused, _) = desk.sends(&["--smarthost", NOBODY], 1);
    signal(&child, "-INT");
    said.for_each(drop);
    child.wait().unwrap();
    says(&refused, &["is using it", "hint: "]);
    assert!(!refused.contains("another"), "{refused}");
    // The folder of campaigns is there, and is none: what lies behind that cannot be known.
    let campaigns = desk.path().join("data/campaign");
    std::fs::rename(&campaigns, desk.path().join("data/away")).unwrap();
    std::os::unix::fs::symlink("campaign", &campaigns).unwrap();
    let (refused, _) = desk.sends(&["--smarthost", NOBODY], 1);
    says(&refused, &["data cannot be used: ", "hint: "]);
    assert!(!refused.contains("another"), "{refused}");
}
