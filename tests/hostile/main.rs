//! Hostile peers: each bad behaviour as a script, played against the real sending shard over the simulated network, cut
//! at every octet, and over real sockets; with what must become of every recipient.
//!
//! `POSTHASTE_HOSTILE=words` plays only the scenarios whose names hold these words, and shows what was said.
//! Leaves to others: whole campaigns under foul weather (`tests/simulator`), and real servers (`tests/end_to_end`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod behaviours;
mod exchangers;
mod lasting;
mod logs;
mod machine;
mod over_sim;
mod over_sockets;
mod peer;
mod pem;
mod scenario;
mod script;
mod sender;

use peer::Cut;
use scenario::{Outcome, Scenario};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn chosen() -> Vec<Scenario> {
    let words = std::env::var("POSTHASTE_HOSTILE").unwrap_or_default();
    let all: Vec<Scenario> = behaviours::all().into_iter().filter(|s| s.name.contains(&words)).collect();
    assert!(!all.is_empty(), "no scenario is called {words:?}");
    all
}

fn show(scenario: &Scenario, outcome: &Outcome) {
    if std::env::var("POSTHASTE_HOSTILE").is_ok() {
        println!("{}", scenario.name);
        outcome.sessions.iter().take(9).for_each(|s| println!("    {}", s.heard.join(" ")));
        outcome.lines.iter().take(9).for_each(|l| println!("    {}", l.all));
    }
}

/// Plays one scenario so; a panic is a failure like others.
fn judged(scenario: &Scenario, whole: bool, play: impl FnOnce() -> Outcome) -> Result<Outcome, String> {
    let outcome = catch_unwind(AssertUnwindSafe(play)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        format!("panic: {}", text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default())
    })?;
    if whole {
        show(scenario, &outcome);
    }
    scenario.verdict(&outcome, whole).inspect_err(|_| show(scenario, &outcome))?;
    Ok(outcome)
}

/// Plays each scenario on one of some threads; panics with all that failed.
fn play_all(threads: usize, scenarios: &[Scenario], play: impl Fn(&Scenario) -> Result<usize, String> + Sync) {
    let (next, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match play(scenario) {
                        Ok(count) => drop(runs.fetch_add(count, Ordering::Relaxed)),
                        Err(error) => failed.lock().unwrap().push(format!("- {}: {error}", scenario.name)),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{} scenarios, {} runs", scenarios.len(), runs.into_inner());
    assert!(failed.is_empty(), "{} of {} scenarios fail:\n{}", failed.len(), scenarios.len(), failed.join("\n"));
}

#[test]
fn every_behaviour_over_the_simulated_network() {
    play_all(2, &chosen(), |scenario| {
        let outcome = judged(scenario, true, || over_sim::play(scenario, Cut::Whole))?;
        let said = outcome.sessions.iter().map(|s| s.said).max().unwrap_or_default();
        judged(scenario, false, || over_sim::play(scenario, Cut::Octets))
            .map_err(|e| format!("octet by octet: {e}"))?;
        for at in 1..said {
            judged(scenario, false, || over_sim::play(scenario, Cut::At(at)))
                .map_err(|e| format!("split at {at}: {e}"))?;
        }
        Ok(said + 1)
    });
}

#[test]
fn every_behaviour_over_real_sockets() {
    play_all(8, &chosen(), |scenario| judged(scenario, true, || over_sockets::play(scenario)).map(|_| 1));
}

/// The most that a reply without end may cost, in octets: over the simulated network that counts what is on its way,
/// and the peer itself.
const ENDLESS_MAX: (isize, isize) = (2 << 20, 1 << 20);

#[test]
fn replies_without_end_cost_bounded_memory() {
    let endless: Vec<Scenario> = behaviours::all().into_iter().filter(|s| s.name.contains("endless")).collect();
    assert!(endless.len() > 10);
    for scenario in &endless {
        let (outcome, held) = machine::most_held(|| over_sim::play(scenario, Cut::Whole));
        scenario.verdict(&outcome, true).unwrap();
        assert!(held < ENDLESS_MAX.0, "{}: {held} octets over the simulated network", scenario.name);
        // The peer has a thread of its own: what is counted is the sender's.
        let (outcome, held) = machine::most_held(|| over_sockets::play(scenario));
        scenario.verdict(&outcome, true).unwrap();
        assert!(held < ENDLESS_MAX.1, "{}: {held} octets over sockets", scenario.name);
    }
}

/// The most that a peer which does not read may cost beyond the contents that it was to get, in octets.
const UNREAD_MAX: isize = 2 << 20;

#[test]
fn peers_that_do_not_read_cost_bounded_memory() {
    let silent: Vec<Scenario> = behaviours::all().into_iter().filter(|s| s.name.contains("stops reading")).collect();
    assert!(silent.len() > 4);
    for scenario in &silent {
        let (outcome, held) = machine::most_held(|| over_sockets::play(scenario));
        scenario.verdict(&outcome, true).unwrap();
        let contents = scenario.padding * scenario.recipients.div_ceil(scenario.per_message) as usize;
        let beyond = held - contents as isize;
        println!("{}: {beyond}", scenario.name);
        assert!(beyond < UNREAD_MAX, "{}: {beyond} octets over sockets", scenario.name);
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<String> = behaviours::all().into_iter().map(|s| s.name).collect();
    names.sort();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:#?}");
}
