//! What the reports tell of attempts whose process was killed, against the copies that the receiver has.

use super::*;
use std::collections::BTreeSet;

fn start(desk: &Desk, to: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args(["send", "w.toml", "--data", "data"]).args(to);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the receiver has a copy more than `before`.
fn another_copy(mx: &Receiver, before: usize) {
    let began = Instant::now();
    while mx.got().len() <= before {
        assert!(began.elapsed() < PATIENCE, "nothing is delivered");
        std::thread::sleep(LOOK);
    }
}

/// The lines of a report that is no JSON.
fn lines(desk: &Desk, more: &[&str]) -> Vec<String> {
    let output = desk.run(&[&["report", "w", "--data", "data"], more].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn listed(desk: &Desk) -> BTreeSet<String> {
    lines(desk, &["--possible-duplicates", "-"]).into_iter().collect()
}

/// Who stands there.
fn with_disposition(desk: &Desk, word: &str) -> BTreeSet<String> {
    let rows = lines(desk, &["--csv", "-"]);
    let words = rows.iter().map(|row| row.split(',').collect::<Vec<_>>());
    words.filter(|words| words[1] == word).map(|words| words[0].to_owned()).collect()
}

#[test]
fn who_was_cut_off_by_a_kill_is_named_before_anybody_sends_again() {
    let (desk, mx) = (Desk::new(), Receiver::start(&["--rtt-ms", "100"]));
    let names: Vec<String> = (0..400).map(|n| format!("p{n}")).collect();
    desk.put("w.csv", list(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    // A message takes a round trip and more, one after the other.
    desk.put("slow.toml", "[delivery]\nchunking = false\nsessions_per_site = 2\n");
    let mut child = start(&desk, &to_with(&mx, &["--config", "slow.toml"]));
    another_copy(&mx, 0);
    // While it is sent, who is in flight is in flight.
    let json = desk.report(&[]);
    assert_eq!((&json["cut_off"], &json["possible_duplicates"]), (&0.into(), &0.into()), "{json}");
    assert_eq!(listed(&desk), BTreeSet::new());
    child.kill().unwrap();
    child.wait().unwrap();
    let (json, named) = (desk.report(&[]), listed(&desk));
    let in_flight = with_disposition(&desk, "in_flight");
    assert!(!in_flight.is_empty(), "nothing was cut off: {json}");
    assert_eq!(named, in_flight);
    for key in ["in_flight", "cut_off", "possible_duplicates"] {
        assert_eq!(json[key], in_flight.len(), "{key}: {json}");
    }
    let table = lines(&desk, &[]).join("\n");
    let told = format!("nobody is sending it now: {} attempt", in_flight.len());
    says(&table, &[&told, "cut off", "--possible-duplicates FILE"]);
    let delivered = with_disposition(&desk, "delivered");
    let unnamed = |copy: &String| !delivered.contains(copy) && !named.contains(copy);
    assert_eq!(mx.got().into_iter().find(unnamed), None, "has a copy, and no report says so");
    desk.sends(&to(&mx), 0);
    let json = desk.report(&[]);
    assert_eq!((&json["cut_off"], &json["delivered"]), (&0.into(), &names.len().into()), "{json}");
    assert_eq!(listed(&desk), named, "who may have got a second copy was named before it went out");
}

#[test]
fn what_each_destination_was_tried_with_is_told_the_same_everywhere_also_after_kills() {
    let (desk, mx, other) = (Desk::new(), Receiver::start(&["--rtt-ms", "100"]), Receiver::start(&["--rtt-ms", "100"]));
    let names: Vec<String> = (0..200).map(|n| format!("p{n}")).collect();
    desk.put("w.csv", list(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", "retry = [\"1s\"]\n[recipients]"));
    desk.put("slow.toml", "[delivery]\nchunking = false\nsessions_per_site = 2\n");
    let mut copies = Vec::new();
    for there in [&mx, &other] {
        let mut child = start(&desk, &to_with(there, &["--config", "slow.toml", "--move-destination"]));
        another_copy(there, 3);
        child.kill().unwrap();
        child.wait().unwrap();
        copies.push(there.got().len() as u64);
    }
    let (_, sent) = desk.sends(&to_with(&mx, &["--move-destination"]), 0);
    let json = desk.report(&[]);
    assert_eq!(sent["moved_from"], json["moved_from"]);
    let left = json["moved_from"].as_array().unwrap();
    assert_eq!(left.len(), 2, "{json}");
    let mut told = String::new();
    for ((one, there), copies) in left.iter().zip([&mx, &other]).zip(copies) {
        let attempts = one["attempts"].as_u64().unwrap();
        assert_eq!(one["destination"], format!("smarthost {}", there.address));
        assert!(attempts >= copies && attempts < 200, "{copies} copies: {json}");
        write!(told, "; before it moved: smarthost {} ({attempts} attempts)", there.address).unwrap();
    }
    says(&lines(&desk, &[]).join("\n"), &[&told]);
}
