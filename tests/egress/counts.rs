//! Counts that are of one moment: what a scrape shows adds up while recipients move between threads, and the last
//! summary says what the report says, however the send was ended.

use super::Desk;
use super::limits::{by_mx, desk_of, many, zone};
use super::refusals::{figure, refusing, rotten, two_of_five};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A send of `w`, which says its result on standard output.
fn start(desk: &Desk, config: &str, more: &[&str]) -> Child {
    desk.put("e.toml", config);
    let words = ["send", "w.toml", "--data", "data", "--config", "e.toml", "--json"];
    Command::new(env!("CARGO_BIN_EXE_posthaste"))
        .current_dir(desk.path())
        .args(words)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where it says that its page is; what else it says is read by somebody.
fn page_of(sending: &mut Child) -> SocketAddr {
    let mut said = BufReader::new(sending.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = said.find(|line| line.contains("metrics on http://")).expect("it shows a page");
    std::thread::spawn(move || said.for_each(drop));
    line.split_once("metrics on http://").and_then(|(_, rest)| rest.split_once('/')).unwrap().0.parse().unwrap()
}

/// The page, if somebody shows it.
fn scrape(page: SocketAddr) -> Option<String> {
    let mut peer = TcpStream::connect(page).ok()?;
    peer.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(peer, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    peer.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, page)| page.to_owned())
}

/// The sum of the values of all series of a metric.
fn sum(page: &str, metric: &str) -> u64 {
    let lines = page.lines().filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' '])));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
}

#[test]
fn what_one_scrape_shows_adds_up() {
    let desk = desk_of(3000, 30);
    let ((port, _servers), dns) = (many(3), zone(30, 3));
    let config = by_mx(port, &dns, "[engine]\nshards = 3\n");
    let mut child = start(&desk, &config, &["--metrics", "127.0.0.1:0"]);
    let page = page_of(&mut child);
    let (mut scraped, mut between) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let Some(text) = scrape(page) else { continue };
        let (loaded, settled) = (sum(&text, "posthaste_recipients_loaded"), sum(&text, "posthaste_recipients_total"));
        let queued = sum(&text, "posthaste_queue_recipients");
        assert_eq!(loaded, settled + queued, "{text}");
        scraped += 1;
        between += u64::from(settled > 0 && queued > 0);
    }
    assert!(scraped > 5 && between > 0, "{scraped} scrapes, {between} of them under way: nothing was seen");
}

#[test]
fn the_last_summary_says_what_the_report_says_after_a_second_interrupt() {
    for round in 0..4 {
        let desk = desk_of(4000, 30);
        let ((port, servers), dns) = (many(3), zone(30, 3));
        let child = start(&desk, &by_mx(port, &dns, "[engine]\nshards = 3\n"), &[]);
        servers[0].wait_for(|seen| seen.messages > 20 * round);
        let interrupt = || {
            assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        };
        interrupt();
        std::thread::sleep(Duration::from_millis(5 * round as u64));
        interrupt();
        let output = child.wait_with_output().unwrap();
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let report: Value = serde_json::from_str(&desk.report("w")).unwrap();
        for key in [
            "loaded",
            "delivered",
            "bounced",
            "expired",
            "suppressed",
            "cancelled",
            "uncertain",
            "waiting",
            "in_flight",
            "deferred",
            "cut_off",
            "possible_duplicates",
        ] {
            assert_eq!(summary[key], report[key], "{key}: {summary}\n{report}");
        }
    }
}

#[test]
fn a_mailing_that_is_held_when_nobody_is_left_to_wait_is_complete_and_says_that_nothing_is_held() {
    let mx = refusing(two_of_five);
    let (desk, config) = rotten(&mx, 100, "");
    let output = start(&desk, &config, &[]).wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, last) = said.split_once("The mailing is held").expect(&said);
    assert!(!before.contains("nothing is held any more"), "{said}");
    let last_word =
        "warning: nothing is held any more, for nobody waits; it was, because 40 of the last 100 recipients bounced";
    assert!(last.contains(last_word), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["held"].is_null() && summary["held_sites"] == serde_json::json!([]), "{summary}");
    assert_eq!((&summary["delivered"], &summary["bounced"]), (&60.into(), &40.into()), "{summary}");
    assert_eq!(figure(&desk.report("w"), "state"), "complete");
}
