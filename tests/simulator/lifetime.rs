//! The weather for lifetimes: sites that refuse for now for ever, that nobody reaches, or whose look-ups fail; short steps
//! and short lifetimes; long stops of the process; wall clocks that are set forward and back, while it runs and between.
//!
//! What must hold, in true time: whoever expires does so at the end of its lifetime, give or take half a step, and at most
//! a rest later than that, or than the start of the process that found it overdue; nobody expires early, and nobody that
//! was overdue when a process began does so without a try of that process. Where clocks are set forward between processes
//! only the last holds.

use crate::run::LISTED_REST;
use crate::scenario::{Ending, Loads, Routing, Scenario, Temper};
use fastrand::Rng;
use posthaste::base::clock::Instant;
use posthaste::journal::record::{Kind, Record};
use posthaste::journal::state::State;
use posthaste::mail::Disposition;
use posthaste::shape::retry::Schedule;
use std::collections::HashMap;
use std::time::Duration;

/// The longest rest of a site or a domain, with its jitter.
const REST_MAX: Duration = Duration::from_secs(4400);
/// A try that comes to nothing takes so long at most.
const TRY_MAX: Duration = Duration::from_secs(400);

/// The scenario of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let rng = &mut Rng::with_seed(seed ^ 0x6c69_6665);
    let mut scenario = Scenario::without_refusals(seed);
    let sites = rng.usize(1..=4);
    let tempers = [Temper::Takes, Temper::Defers, Temper::Silent, Temper::Lost];
    scenario.tempers = (0..sites).map(|_| tempers[rng.usize(..4)]).collect();
    scenario.routing = Routing::Sites(sites);
    scenario.recipients = rng.u32(1..=12);
    scenario.lost_percent = (0, 0);
    scenario.pause = None;
    let (step_s, lifetime_s) = [(1, 300), (1, 60), (60, 3600), (3600, 86_400), (300, 345_600)][rng.usize(..5)];
    let steps = [Duration::from_secs(step_s), Duration::from_secs(step_s * 2)][..rng.usize(1..=2)].to_vec();
    scenario.delivery.retry = Schedule { steps, lifetime: Duration::from_secs(lifetime_s) };
    let drain = |rng: &mut Rng| Ending::Drain { turn: rng.u64(1..2000) };
    let crash = |rng: &mut Rng| Ending::Crash { turn: 200 + rng.u64(..2000), loads: Loads::Everything };
    scenario.endings = (0..rng.usize(..4)).map(|_| if rng.bool() { drain(rng) } else { crash(rng) }).collect();
    scenario.fair &= scenario.endings.iter().all(|ending| matches!(ending, Ending::Drain { .. }));
    let stops = [0, 30, lifetime_s / 2, lifetime_s, 3 * lifetime_s];
    scenario.downtimes = Some((0..4).map(|_| stops[rng.usize(..5)]).collect());
    let by = |rng: &mut Rng| [-86_400 * 400, -3600, 3600, 86_400 * 400][rng.usize(..4)];
    scenario.jumps = (0..rng.usize(..3)).map(|_| (rng.u64(1..1000), by(rng))).collect();
    scenario
}

/// What is known of one recipient.
#[derive(Clone, Copy, Default)]
struct Course {
    first: Option<Instant>,
    attempted: Option<Instant>,
    expired: Option<Instant>,
}

/// Compares what was recorded with what must hold. `lives` are the starts of the processes.
pub fn check(scenario: &Scenario, told: &[(Instant, Record)], lives: &[Instant], state: &State) -> Result<(), String> {
    let mut courses: HashMap<u32, Course> = HashMap::new();
    // Of the attempts that a crash did not lose the first one counts.
    let counts = |record: &Record| state.get(record.recipient).is_some_and(|standing| standing.first == record.at);
    for (at, record) in told {
        let course = courses.entry(record.recipient).or_default();
        match record.kind {
            Kind::Attempt => {
                course.first = course.first.or(counts(record).then_some(*at));
                course.attempted = Some(*at);
            }
            // A crash may have lost it: the last one counts.
            Kind::Expired => course.expired = Some(*at),
            _ => {}
        }
    }
    for (row, standing) in (0u32..).zip(state.standings()) {
        if standing.disposition != Disposition::Expired {
            continue;
        }
        let course = courses.get(&row).copied().unwrap_or_default();
        let says = |what: &str| {
            Err(format!(
                "lifetime: row {row} {what}: {standing:?}, began {:?}, expired {:?}",
                course.first, course.expired
            ))
        };
        let Some(expired) = course.expired else { return says("expired without a record") };
        check_one(scenario, lives, course, expired).or_else(says)?;
    }
    Ok(())
}

fn check_one(scenario: &Scenario, lives: &[Instant], course: Course, expired: Instant) -> Result<(), &'static str> {
    let Schedule { steps, lifetime } = &scenario.delivery.retry;
    let Some(step) = steps.iter().max() else { return Ok(()) };
    let rest_max = if scenario.refusals.is_some() { REST_MAX.max(LISTED_REST * 5 / 4) } else { REST_MAX };
    let begun = lives.first().copied().unwrap_or_default();
    let start = lives.iter().filter(|start| **start <= expired).max().copied().unwrap_or_default();
    let end = course.first.unwrap_or(begun).after(*lifetime);
    // A process does not see that the clock was set under it: the next one does.
    let jumps = |sign: i64| start > begun && scenario.jumps.iter().any(|(_, by)| by.signum() == sign);
    if !jumps(1) && expired.after(*step / 2 + Duration::from_secs(3)) < end {
        return Err("expired early");
    }
    if !jumps(-1) && course.first.is_some() {
        let late = end.max(start).after((*step * 2).max(rest_max) + TRY_MAX);
        if expired > late {
            return Err("outlived its lifetime");
        }
    }
    let weather = scenario.weather;
    let fails = scenario.tempers.iter().any(|temper| matches!(temper, Temper::Silent | Temper::Lost))
        || scenario.refusals.is_some()
        || scenario.surplus_percent > 0.0
        || weather.refusal + weather.reset + weather.silence + scenario.lost_percent.0 as f64 > 0.0;
    if !fails && end < start && course.attempted.is_some_and(|at| at < start) {
        return Err("was overdue and had no last attempt");
    }
    Ok(())
}
