//! Ctrl-C, and sending again what is complete: an interrupted send is a durable, resumable thing, and nobody gets
//! anything twice (G7).

use crate::campaign::{Campaign, adds_up};
use crate::letters::{kept_in, one_each};
use crate::program::{Ended, PATIENCE, Running, SinkProcess, number, run, wait_for};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A campaign that has been sent in part, and its sink.
struct Begun {
    campaign: Campaign,
    engine: PathBuf,
    sink: SinkProcess,
    kept: PathBuf,
    sending: Running,
}

/// Begins to send, and waits until a few are delivered.
fn begin(recipients: usize, sink: &[&str]) -> Begun {
    let campaign = Campaign::made_up(recipients, "");
    let kept = campaign.scratch.at("kept");
    let folder = kept.display().to_string();
    let sink = SinkProcess::start(&campaign.scratch, &[sink, &["--keep", &folder]].concat());
    let engine = campaign.engine("engine", "[delivery]\nchunking = false\nsessions_per_site = 8\n");
    let sending = Running::start(&campaign.scratch, "send", campaign.send(&engine, &sink.address));
    wait_for("the first letters", PATIENCE, || kept.read_dir().ok()?.nth(5).map(|_| ()));
    Begun { campaign, engine, sink, kept, sending }
}

#[test]
fn an_interrupted_send_drains_and_its_own_words_resume_it() {
    for signal in ["INT", "TERM"] {
        let Begun { campaign, sink, kept, sending, .. } = begin(8_000, &["--rtt-ms", "5"]);
        sending.signal(signal);
        let interrupted = sending.wait(PATIENCE).expect_code(3);
        let summary = interrupted.json();
        adds_up(&summary);
        assert_eq!(number(&summary, "in_flight"), 0, "drained: {summary}");
        assert!(number(&summary, "delivered") < number(&summary, "loaded"), "it had ended: {summary}");
        let resumed = run(&campaign.scratch, "resumed", resume_command(&interrupted)).expect_code(0).json();
        adds_up(&resumed);
        assert_eq!(number(&resumed, "delivered"), 8_000, "{resumed}");
        assert_eq!(number(&resumed, "possible_duplicates"), 0, "a drained send leaves no doubt: {resumed}");
        sink.stop();
        let letters = one_each(kept_in(&kept).into_values().flatten());
        assert!(letters.keys().eq(&campaign.recipients), "the letters are not for the people on the list");
    }
}

/// A server that lets each session in and answers no transaction; how many it was asked for.
fn stalling() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap().to_string(), Arc::<AtomicUsize>::default());
    let counted = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || {
                let _ = stream.write_all(b"220 mx.test\r\n");
                for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                    if line.starts_with("EHLO") {
                        let _ = stream.write_all(b"250 mx.test\r\n");
                    }
                    counted.fetch_add(usize::from(line.starts_with("MAIL")), Ordering::Relaxed);
                }
            });
        }
    });
    (address, asked)
}

#[test]
fn a_second_interrupt_stops_at_once_and_still_loses_nobody() {
    // A transaction under way is waited for: only who does not wait is gone before.
    let campaign = Campaign::made_up(300, "");
    let kept = campaign.scratch.at("kept");
    let folder = kept.display().to_string();
    let (far, asked) = stalling();
    let engine = campaign.engine("engine", "[delivery]\nsessions_per_site = 8\n");
    let mut sending = Running::start(&campaign.scratch, "send", campaign.send(&engine, &far));
    wait_for("a transaction", PATIENCE, || (asked.load(Ordering::Relaxed) > 0).then_some(()));
    wait_for("a campaign on disk", PATIENCE, || {
        let report = campaign.report(&["--json"]);
        (report.status.code() == Some(0) && number(&report.json(), "loaded") == 300).then_some(())
    });
    sending.signal("INT");
    std::thread::sleep(Duration::from_millis(500));
    assert!(sending.runs(), "it did not drain: {}", sending.said());
    sending.signal("INT");
    adds_up(&sending.wait(Duration::from_secs(10)).expect_code(3).json());
    let near = SinkProcess::start(&campaign.scratch, &["--keep", &folder]);
    let mut resumes = campaign.send(&engine, &near.address);
    resumes.arg("--move-destination");
    let summary = run(&campaign.scratch, "resumed", resumes).expect_code(0).json();
    assert_eq!(number(&summary, "delivered"), 300, "{summary}");
    near.stop();
    assert_eq!(kept_in(&kept).len(), 300);
}

#[test]
fn what_is_complete_is_not_sent_again() {
    let Begun { campaign, engine, sink, sending, .. } = begin(1_000, &[]);
    let first = sending.wait(PATIENCE).expect_code(0).json();
    assert_eq!(number(&first, "delivered"), 1_000, "{first}");
    let again = run(&campaign.scratch, "again", campaign.send(&engine, &sink.address)).expect_code(0);
    let said = format!("{}{}", again.stdout, again.stderr);
    assert!(said.contains("complete"), "nothing says that it is complete: {said}");
    let summary = again.json();
    assert_eq!(outcome(&summary), outcome(&first));
    assert_eq!((number(&summary, "messages"), number(&summary, "sessions")), (0, 0), "{summary}");
    let seen = sink.stop();
    assert_eq!((number(&seen, "recipients"), number(&seen, "duplicates")), (1_000, 0), "{seen}");
}

/// Where the recipients of a campaign stand.
fn outcome(summary: &Value) -> [u64; 4] {
    ["loaded", "delivered", "bounced", "waiting"].map(|key| number(summary, key))
}

/// The command that an interrupted send tells its user.
fn resume_command(interrupted: &Ended) -> Command {
    let said = format!("{}\n{}", interrupted.stderr, interrupted.stdout);
    let line = said.lines().find_map(|line| line.split_once("posthaste send ").map(|(_, rest)| rest));
    let words = line.unwrap_or_else(|| panic!("no command that resumes: {said}"));
    // A shell reads it as its user's would.
    let mut command = Command::new("sh");
    let program = Path::new(env!("CARGO_BIN_EXE_posthaste"));
    command.arg("-c").arg(format!("exec '{}' send {words}", program.display()));
    command
}
