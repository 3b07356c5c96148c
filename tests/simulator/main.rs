//! The simulator: the real loader, dispatch, shards, render presses, journal and sinks in one thread, on a simulated
//! network and a simulated disk, under virtual time. Each seed is another campaign, with its own list, weather, sites,
//! refusals, crashes, drains and broken disks; after each run the guarantees G1, G2, G3 and G7 are compared with what
//! the disk and the sinks know.
//!
//! A seed that fails is printed as `POSTHASTE_SIM_SEED=n`; with that variable set only it is run, and it fails in the
//! same way. `POSTHASTE_SIM_SEEDS=n` runs so many seeds instead of the usual number.
//! Leaves to others: TLS, the ring, and real disks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod lifetime;
mod process;
mod run;
mod scenario;
mod storage;
mod town;
mod trace;

use posthaste::tls;
use run::{Ran, run};
use scenario::{Ending, Mutation, Scenario};
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of a usual run.
const SEEDS: u64 = 3000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

fn tls_config() -> tls::ClientConfig {
    tls::ClientConfig::new(&tls::ClientOptions::default()).unwrap()
}

/// Runs one seed; a panic is a failure like others.
fn run_seed(seed: u64, tls: &tls::ClientConfig, mutation: Mutation) -> Result<Ran, String> {
    let run = || run(&Scenario::of(seed), tls, mutation);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()))
    })
}

/// Runs all seeds of a range on two threads; what they came to, in no order.
fn run_all(from: u64, count: u64, mutation: Mutation) -> Vec<(u64, Result<Ran, String>)> {
    let (next, tls) = (AtomicU64::new(from), tls_config());
    let work = || {
        let mut results = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return results;
            }
            results.push((seed, run_seed(seed, &tls, mutation)));
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn no_seed_breaks_a_guarantee() {
    if let Some(seed) = number("POSTHASTE_SIM_SEED") {
        let scenario = Scenario::of(seed);
        println!("{scenario:#?}");
        let ran = run(&scenario, &tls_config(), Mutation::None);
        println!("{ran:?}");
        assert!(ran.is_ok(), "POSTHASTE_SIM_SEED={seed}: {ran:?}");
        return;
    }
    let began = std::time::Instant::now();
    let mut results = run_all(1, number("POSTHASTE_SIM_SEEDS").unwrap_or(SEEDS), Mutation::None);
    results.sort_by_key(|(seed, _)| *seed);
    let failed: Vec<String> = results
        .iter()
        .filter_map(|(seed, result)| Some(format!("POSTHASTE_SIM_SEED={seed}: {}", result.as_ref().err()?)))
        .collect();
    let ran = || results.iter().filter_map(|(_, result)| result.as_ref().ok());
    println!(
        "{} seeds in {:.1?}: {} recipients, {} delivered, {} second copies, {} turns",
        results.len(),
        began.elapsed(),
        ran().map(|r| r.recipients).sum::<u64>(),
        ran().map(|r| r.delivered).sum::<u64>(),
        ran().map(|r| r.duplicates).sum::<u64>(),
        ran().map(|r| r.turns).sum::<u64>(),
    );
    let shown = failed.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(failed.is_empty(), "{} of {} seeds fail:\n{shown}", failed.len(), results.len());
    // A simulator in which nothing happens proves nothing.
    assert!(ran().map(|r| r.duplicates).sum::<u64>() > 0, "no seed made a second copy");
}

#[test]
fn nobody_outlives_its_lifetime_and_nobody_expires_early() {
    let (tls, one) = (tls_config(), number("POSTHASTE_SIM_SEED"));
    let seeds = one.map_or(1..=number("POSTHASTE_SIM_SEEDS").unwrap_or(SEEDS / 10), |seed| seed..=seed);
    let (mut failed, mut expired, mut all) = (Vec::new(), 0, 0);
    for seed in seeds {
        let scenario = lifetime::scenario(seed);
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&scenario, &tls, Mutation::None)))
            .unwrap_or_else(|_| Err("panic".to_owned()));
        match ran {
            Ok(ran) => (expired, all) = (expired + ran.expired, all + ran.recipients),
            Err(error) => failed.push(format!("POSTHASTE_SIM_SEED={seed}: {error}\n{scenario:?}")),
        }
    }
    assert!(failed.is_empty(), "{} seeds fail:\n{}", failed.len(), failed[..failed.len().min(10)].join("\n"));
    assert!(one.is_some() || expired > 0, "of {all} recipients none has expired");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let tls = tls_config();
    for seed in 1..40 {
        let scenario = Scenario::of(seed);
        let twice = [0, 1].map(|_| run(&scenario, &tls, Mutation::None));
        assert_eq!(twice[0], twice[1], "seed {seed}");
    }
}

#[test]
fn settling_before_the_sync_is_found() {
    let results = run_all(1, 300, Mutation::SettleBeforeSync);
    let crashes =
        |seed: u64| Scenario::of(seed).endings.iter().any(|e| !matches!(e, Ending::Through | Ending::Drain { .. }));
    let found = |guarantee: &str| {
        results.iter().filter(|(_, result)| result.as_ref().is_err_and(|error| error.contains(guarantee))).count()
    };
    println!("settled before the sync: {} of {} seeds break G1, {} G3", found("G1"), results.len(), found("G3"));
    assert!(found("G1") > 0, "an engine that settles before the sync passes as sound");
    for (seed, result) in &results {
        assert!(result.is_ok() || crashes(*seed), "POSTHASTE_SIM_SEED={seed} fails without a crash: {result:?}");
    }
}
