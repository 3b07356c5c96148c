//! Every file of a campaign, damaged in every way at seeded places: each start is right, or says what is damaged and sends
//! nothing; nobody is lost, and each second copy has a name.
//!
//! Two campaigns are sent by the real program to a receiver that keeps every letter: one was killed, gone on with and ended in
//! order, one was killed last. Each damage is done to a copy, which is opened as a start opens it and compared with the
//! letters; what a start then does with those who are open is held elsewhere (the simulator). Some are started by the program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whatever is not as it should be ends the test, and says where"
)]

mod harm;
mod sent;

use harm::{Failing, Harm, WAYS, Way};
use posthaste::base::clock::UnixTime;
use posthaste::engine::campaign::{Campaign, OpenError, Opening, journal_of};
use posthaste::engine::settings::OnUncertain;
use posthaste::engine::table::RowBlock;
use posthaste::journal::state::Standing;
use posthaste::mail::Disposition;
use posthaste::wire::disk::Files;
use sent::{Sent, copy};
use std::collections::BTreeMap;
use std::path::Path;

const PLACES: u64 = 500;
/// Each so many-th place at which a start fails is started by the program too.
const BY_PROGRAM: usize = 20;
const NOW: UnixTime = UnixTime(2_000_000_000);

fn is_open(standing: &Standing) -> bool {
    matches!(standing.disposition, Disposition::Waiting | Disposition::Deferred | Disposition::InFlight)
}

fn opened(home: &Path, harm: &Harm, how: &Opening) -> Result<Campaign, OpenError> {
    let marks = home.parent().and_then(Path::parent).map(|data| data.join("marks"));
    let files = Files::open(&journal_of(home))?.with_marks_in(marks);
    Campaign::open(home, &mut Failing { files, harm: harm.clone() }, how)
}

/// Whether a start from here does right by everybody.
fn check(sent: &Sent, campaign: &Campaign, place: &str) {
    let table = campaign.table.reader().unwrap_or_else(|e| panic!("{place}: {e}"));
    let mut block = RowBlock::new();
    for (row, standing) in (0u32..).zip(campaign.state.standings()) {
        let name = &sent.rows[row as usize];
        let got = sent.letters.get(name).copied().unwrap_or(0);
        match table.read(row, 1, &mut block) {
            Ok(()) => assert_eq!(block.row(0).unwrap().mailbox, name, "{place}: row {row} is somebody else"),
            Err(e) => {
                assert!(e.to_string().contains("is damaged") || e.to_string().contains("cannot read"), "{place}: {e}")
            }
        }
        if standing.disposition == Disposition::Delivered {
            assert!(got > 0, "{place}: {name} counts as delivered, and got nothing");
        }
        // Whatever is lost, nobody is older than the campaign: a lifetime that began in 1970 is over at the next deferral.
        let created = UnixTime(campaign.table.manifest().created_unix_s);
        assert!(standing.attempts == 0 || standing.first >= created, "{place}: {name} expires early: {standing:?}");
        let named = standing.possible_duplicate() || standing.disposition == Disposition::InFlight;
        assert!(!is_open(standing) || got == 0 || named, "{place}: {name} would get a second copy without a name");
    }
    if campaign.table.manifest().loaded.is_some() {
        assert_eq!(campaign.state.len(), sent.rows.len(), "{place}: somebody is lost");
    }
}

/// Damage that was accepted is not asked about again, and leaves nobody without a name.
fn check_accepted(sent: &Sent, home: &Path, harm: &Harm, place: &str) {
    let how = Opening { accept_damage: Some(OnUncertain::Hold), ..Opening::at(NOW) };
    let campaign = opened(home, harm, &how).unwrap_or_else(|e| panic!("{place}, accepted: {e}"));
    check(sent, &campaign, place);
    assert_eq!(campaign.state.standings().iter().filter(|s| is_open(s)).count(), 0, "{place}: all of them are held");
    let again = opened(home, harm, &Opening::at(NOW)).unwrap_or_else(|e| panic!("{place}, asked again: {e}"));
    check(sent, &again, place);
    assert_eq!(again.state.standings(), campaign.state.standings(), "{place}");
}

#[test]
fn whatever_is_damaged_is_told_or_harmless() {
    let campaigns = [Sent::in_order(), Sent::killed()];
    let mut told: BTreeMap<(String, Way), (u32, u32)> = BTreeMap::new();
    let mut failed = 0;
    for seed in 0..PLACES {
        let mut random = fastrand::Rng::with_seed(seed);
        let (sent, other) = (&campaigns[(seed % 2) as usize], &campaigns[(seed % 2) as usize ^ 1]);
        let data = sent::folder();
        copy(&sent.data, data.path());
        let home = data.path().join("campaign/made-up");
        let files = harm::files(&home);
        let file = &files[(seed / 2) as usize % files.len()];
        let way = WAYS[(seed / 2) as usize / files.len() % WAYS.len()];
        let harm = Harm::done(&home, file, way, &sent.older, &other.home(), &mut random);
        let place = format!("place {seed}, {} campaign: {file}, {way:?} {harm:?}", sent.name);
        let outcome = opened(&home, &harm, &Opening::at(NOW));
        let count = told.entry((file.clone(), way)).or_default();
        match outcome {
            Ok(campaign) => {
                count.0 += 1;
                check(sent, &campaign, &place);
            }
            Err(error) => {
                count.1 += 1;
                failed += 1;
                let said = error.to_string();
                assert!(harm.names().iter().any(|name| said.contains(name)), "{place} is not named: {said}");
                if failed % BY_PROGRAM == 0 && !harm.is_injected() {
                    let (code, stderr) = sent.start_again(data.path());
                    assert_eq!(code, Some(1), "{place}: {stderr}");
                    // A manifest that is missing is told of by the program in words of its own.
                    let named = harm.names().iter().any(|name| stderr.contains(name));
                    assert!(named || stderr.contains(said.lines().next().unwrap()), "{place}: {said}\n{stderr}");
                }
                if matches!(error, OpenError::Damaged(_)) {
                    check_accepted(sent, &home, &harm, &place);
                }
            }
        }
    }
    for ((file, way), (right, stopped)) in &told {
        eprintln!("{file:12} {way:?}: {right} right, {stopped} stopped");
    }
    assert!(failed > 100, "{failed} of {PLACES} places stopped the start: the test does not test");
    campaigns.iter().for_each(Sent::nobody_got_anything_since);
}

/// Places of a second damage.
const PLACES_AGAIN: u64 = 120;

#[test]
fn a_second_damage_behind_an_acceptance_takes_no_name_away() {
    let mut sent = Sent::killed();
    let first = journal_of(&sent.home()).join("0001.jnl");
    let mut octets = std::fs::read(&first).unwrap();
    let used = octets.iter().rposition(|o| *o != 0).unwrap();
    octets[used / 4..used / 2].fill(0);
    std::fs::write(&first, octets).unwrap();
    let (code, stderr) = sent.start_again(&sent.data);
    assert!(code == Some(1) && stderr.contains("--accept-damage"), "{stderr}");
    sent.go_on(&["--accept-damage"]);
    let doubled: Vec<&String> = sent.letters.iter().filter(|(_, got)| **got > 1).map(|(name, _)| name).collect();
    assert!(!doubled.is_empty(), "nobody got a second copy: the test does not test");
    let listed = sent.possible_duplicates();
    assert!(doubled.iter().all(|name| listed.contains(*name)), "before the second damage");
    let files: Vec<String> = harm::files(&sent.home()).into_iter().filter(|name| name.starts_with("j/")).collect();
    let mut stopped = 0;
    for seed in 0..PLACES_AGAIN {
        let mut random = fastrand::Rng::with_seed(seed);
        let data = sent::folder();
        copy(&sent.data, data.path());
        let home = data.path().join("campaign/made-up");
        let file = &files[seed as usize % files.len()];
        let way = WAYS[seed as usize / files.len() % WAYS.len()];
        let harm = Harm::done(&home, file, way, &sent.older, &sent.older, &mut random);
        let place = format!("place {seed}: {file}, {way:?} {harm:?}");
        let campaign = match opened(&home, &harm, &Opening::at(NOW)) {
            Ok(campaign) => campaign,
            Err(OpenError::Damaged(_)) => {
                stopped += 1;
                let how = Opening { accept_damage: Some(OnUncertain::Retry), ..Opening::at(NOW) };
                opened(&home, &harm, &how).unwrap_or_else(|e| panic!("{place}, accepted: {e}"))
            }
            Err(_) => continue,
        };
        check(&sent, &campaign, &place);
        for (name, standing) in sent.rows.iter().zip(campaign.state.standings()) {
            let named = standing.possible_duplicate() || standing.disposition == Disposition::InFlight;
            assert!(named || !doubled.contains(&name), "{place}: {name} got two copies, and has no name");
        }
    }
    assert!(stopped > 20, "{stopped} of {PLACES_AGAIN} places stopped the start: the test does not test");
}

#[test]
fn accepted_damage_is_held_and_listed_by_the_program() {
    let sent = Sent::in_order();
    let segments = std::fs::read_dir(journal_of(&sent.home())).unwrap().map(|f| f.unwrap().path());
    let last = segments.filter(|path| path.extension().is_some_and(|e| e == "jnl")).max().unwrap();
    std::fs::remove_file(&last).unwrap();
    let (code, stderr) = sent.start_again(&sent.data);
    assert!(code == Some(1) && stderr.contains("--accept-damage") && stderr.contains("nothing was sent"), "{stderr}");
    let (code, stderr) = sent.start_with(&sent.data, &["--accept-damage"]);
    assert_eq!(code, Some(3), "everybody is done or held: {stderr}");
    assert!(stderr.contains(" recipients are held") && stderr.contains("--retry-held"), "{stderr}");
    let again = sent.start_again(&sent.data);
    assert!(again.0 == Some(3) && again.1.contains("--cancel-held") && !again.1.contains("is complete"), "{again:?}");
    sent.nobody_got_anything_since();
    let (listed, delivered) = (sent.possible_duplicates(), sent.delivered());
    let unsure = sent.letters.keys().filter(|name| !delivered.contains(*name)).count();
    assert!(unsure > 0, "the last segment told of nobody: the test does not test");
    for name in sent.rows.iter().filter(|name| !delivered.contains(*name)) {
        assert!(listed.contains(name), "{name} may have got a letter, and is not listed");
    }
    let (code, stderr) = sent.start_with(&sent.data, &["--cancel-held"]);
    assert!(code == Some(0) && stderr.contains("is complete"), "{stderr}");
    assert_eq!(sent.start_again(&sent.data).0, Some(0), "it stays complete");
    assert_eq!((sent.possible_duplicates(), sent.delivered()), (listed, delivered), "what is known of them stays");
    // Neither mark can be read, and in the place of one lies something that is no file.
    std::fs::remove_dir_all(sent.data.join("marks")).unwrap();
    let mark = journal_of(&sent.home()).join("mark");
    std::fs::remove_file(&mark).unwrap();
    std::fs::create_dir_all(mark.join("something")).unwrap();
    let (code, stderr) = sent.start_again(&sent.data);
    assert!(code == Some(1) && stderr.contains("j/mark") && stderr.contains("--accept-damage"), "{stderr}");
    let (code, stderr) = sent.start_with(&sent.data, &["--accept-damage"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(mark.is_file() && mark.with_extension("aside-1").join("something").is_dir(), "it is put aside, and kept");
    assert_eq!(sent.start_again(&sent.data).0, Some(0), "and not asked about again");
    sent.nobody_got_anything_since();
}

#[test]
fn a_whole_campaign_put_back_from_an_older_copy_sends_nothing_and_everybody_has_a_name() {
    for sent in [Sent::in_order(), Sent::killed()] {
        let (data, moved) = (sent::folder(), sent::folder());
        let newest = moved.path().join("campaign/made-up");
        copy(&sent.data, moved.path());
        copy(&sent.data, data.path());
        let home = data.path().join("campaign/made-up");
        std::fs::remove_dir_all(&home).unwrap();
        copy(&sent.older, &home);
        let (code, stderr) = sent.start_again(data.path());
        assert_eq!(code, Some(1), "{}: {stderr}", sent.name);
        for words in ["is a copy of an earlier time", "nothing was sent", "are lost", "--accept-damage"] {
            assert!(stderr.contains(words), "{}: {words:?} is missing in {stderr}", sent.name);
        }
        let none = Harm::none();
        check_accepted(&sent, &home, &none, &format!("{}, an older copy", sent.name));

        // The newest copy goes on there, wherever it was moved to, and without what is kept outside of it.
        std::fs::remove_dir_all(&home).unwrap();
        copy(&newest, &home);
        let _ = std::fs::remove_dir_all(data.path().join("marks"));
        for place in [&newest, &home] {
            let campaign = opened(place, &none, &Opening::at(NOW)).unwrap_or_else(|e| panic!("{}: {e}", sent.name));
            check(&sent, &campaign, sent.name);
            assert_eq!(campaign.replayed.damage, [], "{}", sent.name);
        }
        sent.nobody_got_anything_since();
    }
}
