//! A run: one seed, from the list to the end of the campaign and beyond, through all the crashes it has in store, and
//! what must hold at each of them.

use crate::after::{self, AtStart};
use crate::counts::{same_as, settled_within};
use crate::ground::{Ground, Left};
use crate::process::{HOME, live};
use crate::scenario::{Ending, Mutation, Scenario, Temper};
use crate::seen::Seen;
use crate::town::Town;
use crate::trace::Trace;
use crate::words::Words;
use posthaste::content::{Composer, Source, Spec};
use posthaste::engine::campaign::{Campaign, Opening};
use posthaste::engine::settings::OnUncertain;
use posthaste::engine::suppression::Suppression;
use posthaste::engine::table::Manifest;
use posthaste::journal::sim::SimDisk;
use posthaste::journal::state::State;
use posthaste::mail::Disposition;
use posthaste::tls;
use posthaste::wire::io::Io as _;
use posthaste::wire::sim::Network;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Where the campaigns of the runs lie: in memory, if there is such a place, for each run makes and syncs files.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// What a run that broke no guarantee came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    /// The digest of all that happened.
    pub digest: u64,
    pub turns: u64,
    pub recipients: u64,
    pub delivered: u64,
    pub duplicates: u64,
    pub expired: u64,
    pub seen: Seen,
}

/// The longest rest for a refusal of us.
pub const LISTED_REST: Duration = Duration::from_secs(7200);
/// So many processes more than were to be end a campaign, whoever refuses us.
const MORE_LIVES_MAX: usize = 12;

/// Runs a scenario.
///
/// # Errors
/// The guarantee that was broken, and how.
pub fn run(scenario: &Scenario, tls: &tls::ClientConfig, mutation: Mutation) -> Result<Ran, String> {
    let folder = folder();
    let (home, list) = (folder.path().join("campaign"), folder.path().join("list.csv"));
    std::fs::write(&list, list_of(scenario)).unwrap();
    let composer = composer_of(scenario);
    let columns = composer.columns_used().iter().map(|&at| COLUMNS[at].to_owned()).collect::<Vec<_>>();
    let manifest = Manifest::new("simulated", 1, 1_800_000_000, [scenario.seed as u8; 32], &columns);
    let network = Network::new(scenario.seed, scenario.weather);
    if let Some(sockets) = scenario.sockets {
        network.limit_sockets(HOME, sockets);
    }
    let mut ground = Ground {
        scenario,
        mutation,
        town: Town::new(scenario, &network, mutation),
        disk: SimDisk::new(scenario.seed),
        home: &home,
        list: &list,
        composer: Arc::new(composer),
        suppression: suppression_of(scenario),
        memory: Arc::default(),
        tls: tls.clone(),
        rng: fastrand::Rng::with_seed(scenario.seed ^ 0x7072_6f63),
        clock: network.party(IpAddr::V4(Ipv4Addr::new(10, 2, 0, 1))),
        network,
        trace: Trace::default(),
        told: Vec::new(),
        ignores_bounces: false,
        held: 0,
        mended_at: None,
        seen: Seen::default(),
        words: Words::new(after::uncounted(scenario)),
    };
    let mut campaign = Campaign::create(&home, manifest, &mut ground.disk).map_err(|e| e.to_string())?;
    let mut lives = Vec::new();
    let planned = scenario.endings.len();
    for life in 0..=planned + MORE_LIVES_MAX {
        let ending = scenario.endings.get(life).copied().unwrap_or(Ending::Through);
        let at_start = AtStart::of(&ground, ending);
        lives.push(at_start.began);
        let left = live(&mut ground, campaign, ending).map_err(|e| format!("life {life}, {ending:?}: {e}"))?;
        at_start.check(&ground, &left).map_err(|e| format!("refusals: life {life}, {ending:?}: {e}"))?;
        at_start.note(&mut ground, &left);
        campaign = reopen(&mut ground, &left).map_err(|e| format!("after life {life}, {ending:?}: {e}"))?;
        after::mend(&mut ground, &left);
        let seconds = [0, 1, 600, 86_400][ground.rng.usize(..4)];
        let downtime = scenario.downtimes.as_ref().and_then(|all| all.get(life).copied()).unwrap_or(seconds);
        after::note_stop(&mut ground, &campaign.state, downtime);
        pass_downtime(&mut ground, downtime);
        if life >= planned && campaign.is_complete() {
            break;
        }
    }
    if !campaign.is_complete() {
        return Err(format!("G3: the campaign went through and is not complete: {:?}", counts(&campaign.state)));
    }
    // What was still on its way to the sinks arrives.
    pass_downtime(&mut ground, 3600);
    let before = (ground.town.counters(), campaign.state.clone());
    let again = live(&mut ground, campaign, Ending::Through).map_err(|e| format!("sending again: {e}"))?;
    let campaign = reopen(&mut ground, &again).map_err(|e| format!("after sending again: {e}"))?;
    if ground.town.counters() != before.0
        || !is_same(&campaign.state, &before.1)
        || again.appended > 0
        || again.counters.sessions_tried > 0
    {
        return Err(format!("G7: sending again did something: {before:?}, then {:?}", ground.town.counters()));
    }
    crate::lifetime::check(scenario, &ground.told, &lives, &campaign.state)?;
    check_end(scenario, ground, &home, &campaign)
}

/// Opens the campaign as the next process does, and compares it with what the last one knew.
fn reopen(ground: &mut Ground<'_>, left: &Left) -> Result<Campaign, String> {
    ground.disk.crash();
    // Now and then a snapshot: the next life begins with it.
    let snapshot_after_octets = if ground.rng.bool() { 4096 } else { u64::MAX };
    let how = Opening { snapshot_after_octets, ..Opening::at(ground.clock.now().unix) };
    let campaign = Campaign::open(ground.home, &mut ground.disk, &how).map_err(|e| e.to_string())?;
    if let Some(damage) = campaign.replayed.damage.first() {
        return Err(format!("G5: a crash is no damage: {damage}"));
    }
    let state = &campaign.state;
    settled_within(&left.counters, state).map_err(|e| format!("G1: {e}"))?;
    for (row, (then, now)) in left.acknowledged.standings().iter().zip(state.standings()).enumerate() {
        let open = [Disposition::Waiting, Disposition::Deferred, Disposition::InFlight];
        let settled = !open.contains(&then.disposition);
        if settled && then != now || then.possible_duplicate() && !now.possible_duplicate() {
            return Err(format!("G1: row {row} stood at {then:?}, and now at {now:?}"));
        }
    }
    if left.exact {
        same_as(&left.counters, state).map_err(|e| format!("the last summary: {e}"))?;
    }
    if left.in_order && state.count(Disposition::InFlight) > 0 {
        return Err(format!("an orderly end leaves attempts open: {:?}", counts(state)));
    }
    if left.in_order && !is_same(&left.acknowledged, state) {
        let differs = state.standings().iter().zip(left.acknowledged.standings()).find(|(a, b)| a != b);
        return Err(format!(
            "an orderly end leaves {:?}, not {:?}: {differs:?}",
            counts(state),
            counts(&left.acknowledged)
        ));
    }
    if left.through && !campaign.is_complete() {
        return Err(format!("G3: it ended, and left recipients behind: {:?}", counts(state)));
    }
    Ok(campaign)
}

/// Whether both say the same of everybody, the words of the last reply included for those that are not done: a snapshot
/// leaves the others' words out.
fn is_same(a: &State, b: &State) -> bool {
    let open = [Disposition::Waiting, Disposition::Deferred, Disposition::InFlight];
    let mut waits = a.standings().iter().filter(|standing| open.contains(&standing.disposition));
    let worded = waits.all(|s| a.words().encoded(s.context) == b.words().encoded(s.context));
    // Nobody waits for the word that a pause goes on: the journal may have a later one than was acknowledged.
    let held = a.holds().iter().all(|(what, since)| b.holds().get(what).is_none_or(|later| later >= since));
    a.standings() == b.standings() && held && worded
}

/// Nobody sends for a while.
fn pass_downtime(ground: &mut Ground<'_>, seconds: u64) {
    let until = ground.network.now().after(Duration::from_secs(seconds));
    while ground.network.now() < until {
        ground.town.turn(ground.network.now());
        ground.clock.poll(Some(until), &mut Vec::new()).unwrap();
        let _ = ground.network.step();
    }
}

/// What must hold when all is over.
fn check_end(scenario: &Scenario, mut ground: Ground<'_>, home: &Path, campaign: &Campaign) -> Result<Ran, String> {
    let state = &campaign.state;
    let (digest, turns) = (ground.trace.digest(), ground.trace.turns);
    let seen = ground.town.counters();
    let mut rows: HashMap<String, u32> = HashMap::new();
    let walked = campaign.table.reader().and_then(|table| {
        table.walk(|row| {
            rows.insert(row.mailbox.to_owned(), row.number);
            ControlFlow::Continue(())
        })
    });
    walked.map_err(|e| format!("{}: {e}", home.display()))?;
    let suppressed = state.count(Disposition::Suppressed);
    if rows.len() as u64 != state.len() as u64 || state.len() as u32 != loadable(scenario) {
        return Err(format!("G3: {} rows of {} recipients, {}", state.len(), loadable(scenario), rows.len()));
    }
    after::note_all(&mut ground, state);
    let outlasts = after::refusals_outlast(&ground);
    let duplicated = ground.town.duplicated();
    for name in &duplicated {
        let row = rows.get(name).copied();
        let standing = row.and_then(|row| state.get(row));
        if !standing.is_some_and(|s| s.possible_duplicate()) {
            return Err(format!("G3: {name} got a second copy, and is no possible duplicate: {row:?} {standing:?}"));
        }
    }
    if duplicated.len() as u64 != seen.duplicates {
        return Err(format!("the sinks list {} duplicates of {}", duplicated.len(), seen.duplicates));
    }
    if scenario.fair && (seen.duplicates > 0 || state.possible_duplicates().count() > 0) {
        return Err(format!("nothing went wrong, and there are {} duplicates: {:?}", seen.duplicates, counts(state)));
    }
    if scenario.delivery.on_uncertain == OnUncertain::Hold && seen.duplicates > 0 {
        return Err(format!("G3: {} second copies although uncertain recipients are held", seen.duplicates));
    }
    // Who got a copy: everybody who counts as delivered, and besides them only those whose fate was once unknown.
    let reached = seen.recipients - seen.duplicates;
    let delivered = state.count(Disposition::Delivered);
    let doubtful =
        |s: &&posthaste::journal::state::Standing| s.possible_duplicate() && s.disposition != Disposition::Delivered;
    let perhaps = state.standings().iter().filter(doubtful).count() as u64;
    if reached < delivered || reached > delivered + perhaps {
        return Err(format!("G3: {delivered} are delivered, {perhaps} more perhaps; {reached} got a copy"));
    }
    let calm = scenario.reject_percent == 0.0 && scenario.defer_percent == 0.0 && scenario.lost_percent == (0, 0);
    let calm = calm && scenario.tempers.iter().all(|temper| *temper == Temper::Takes);
    let expired = state.count(Disposition::Expired);
    let excused = if outlasts { expired } else { 0 };
    if scenario.fair && calm && delivered + suppressed + excused != state.len() as u64 {
        return Err(format!("nothing else went wrong, and not all are delivered: {:?}", counts(state)));
    }
    Ok(Ran {
        digest,
        turns,
        recipients: state.len() as u64,
        delivered,
        duplicates: seen.duplicates,
        expired,
        seen: ground.seen,
    })
}

/// How many recipients have each disposition.
fn counts(state: &State) -> Vec<(Disposition, u64)> {
    Disposition::ALL.iter().map(|&d| (d, state.count(d))).filter(|(_, count)| *count > 0).collect()
}

const COLUMNS: [&str; 2] = ["email", "name"];

fn mailbox(scenario: &Scenario, number: u32) -> String {
    // Not by turns: domains of one recipient and of many.
    let domain = number.wrapping_mul(2_654_435_761) % (1 + number % scenario.domains);
    format!("user{number}@d{domain}.example")
}

/// The list: good lines, and between them bad ones and repeated ones.
fn list_of(scenario: &Scenario) -> String {
    let mut list = "email,name\n".to_owned();
    for number in 0..scenario.recipients {
        let _ = writeln!(list, "{},Name {number}", mailbox(scenario, number));
        match number % 29 {
            7 => list.push_str("no address at all,Nobody\n"),
            11 => drop(writeln!(list, "{},Again", mailbox(scenario, number / 2))),
            _ => {}
        }
    }
    list
}

fn loadable(scenario: &Scenario) -> u32 {
    scenario.recipients
}

fn suppression_of(scenario: &Scenario) -> Suppression {
    let mut suppression = Suppression::new([3; 16]);
    let stopped = (0..scenario.recipients).filter(|number| number * 37 % 100 < scenario.suppressed_percent);
    // Of all hundred percent only a part: somebody is to be sent to.
    stopped.filter(|number| number % 3 == 0).for_each(|number| {
        suppression.add(mailbox(scenario, number).as_bytes()).unwrap();
    });
    suppression
}

fn composer_of(scenario: &Scenario) -> Composer {
    let file = |text: &str| Some(Source { file: "simulated.txt".to_owned(), text: text.to_owned() });
    let spec = Spec {
        name: "simulated".to_owned(),
        from: "Acme <news@acme.example>".to_owned(),
        to: scenario.shareable.then(|| "Everybody <all@acme.example>".to_owned()),
        subject: if scenario.shareable { "Hello" } else { "Hello {{ name }}" }.to_owned(),
        text: file(if scenario.shareable {
            "Dear reader,\nthis is it.\n"
        } else {
            "Dear {{ name }},\n.\nthis is it.\n"
        }),
        identity_key: [scenario.seed as u8; 32],
        campaign_number: 1,
        share_block: scenario.delivery.recipients_per_transaction,
        ..Spec::default()
    };
    let columns = COLUMNS.map(str::to_owned);
    let composer = Composer::compile(spec, &columns, "email").unwrap();
    assert_eq!(composer.is_shareable(), scenario.shareable);
    composer
}
