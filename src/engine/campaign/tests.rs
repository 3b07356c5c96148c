//! Campaigns on a real directory and a simulated disk: killed, damaged, mixed up, and gone on with.

use super::*;
use crate::base::clock::Instant;
use crate::engine::table::Pending;
use crate::journal::disk::FaultKind;
use crate::journal::frame::PAGE;
use crate::journal::record::{Define, Kind, Record};
use crate::journal::sim::SimDisk;
use crate::journal::writer::{Config, Journal};

const NOW: UnixTime = UnixTime(1_800_000_000);
const ROWS: u32 = 100;

struct Made {
    home: tempfile::TempDir,
    disk: SimDisk,
}

impl Made {
    /// A campaign whose list is loaded, and to whom nothing was sent.
    fn new() -> Self {
        Self::with_key(1)
    }

    fn with_key(key: u8) -> Self {
        let mut made = Self { home: tempfile::tempdir().unwrap(), disk: SimDisk::new(1) };
        let home = made.home.path().join("c");
        let mut campaign = Campaign::create(&home, Manifest::new("c", 1, 0, [key; 32], &[]), &mut made.disk).unwrap();
        let mut pending = Pending::new();
        for row in 0..ROWS {
            let domain = campaign.table.domain("d.example");
            let mailbox = format!("u{row}@d.example");
            assert!(pending.push(mailbox.as_bytes(), mailbox.find('@').unwrap(), domain, false, [], []));
        }
        campaign.table.commit(&mut pending, Default::default(), None).unwrap();
        campaign.table.complete(Default::default(), 0, None).unwrap();
        made
    }

    fn home(&self) -> PathBuf {
        self.home.path().join("c")
    }

    fn open(&mut self, how: &Opening) -> Result<Campaign, OpenError> {
        Campaign::open(&self.home(), &mut self.disk, how)
    }

    /// A process goes on with the campaign, commits a record for each of `rows`, and ends, in order or not.
    fn send(&mut self, how: &Opening, rows: std::ops::Range<u32>, kind: Kind, in_order: bool) -> Campaign {
        let campaign = self.open(how).unwrap();
        let mut journal = Journal::new(Config { commit_octets: 1, ..Config::default() }, campaign.start());
        self.disk.set_mark(&journal.mark(), true).unwrap();
        for recipient in rows {
            let mut batch = Vec::new();
            Record { recipient, at: NOW, code: 250, kind, attempts: 1, extra: 0 }.encode_into(&mut batch);
            journal.append(0, u64::from(recipient), &batch, Instant(0)).unwrap();
            self.write(&mut journal);
        }
        if in_order {
            journal.close();
            self.write(&mut journal);
            self.disk.set_mark(&Mark { octets: 0, ..journal.mark() }, true).unwrap();
        } else {
            self.disk.crash();
        }
        campaign
    }

    fn write(&mut self, journal: &mut Journal) {
        if let Some(wanted) = journal.poll_prepare(Instant(0)) {
            self.disk.prepare(wanted.segment, wanted.octets);
            self.disk.prepared(true).unwrap().unwrap();
            journal.handle_prepared();
        }
        while let Some(write) = journal.poll_write(Instant(0)) {
            self.disk.write(write.segment, write.offset, write.block.octets()).unwrap();
            journal.handle_synced(write.lsn, write.block);
            self.disk.set_mark(&journal.mark(), false).unwrap();
        }
    }
}

fn usual() -> Opening {
    Opening::at(NOW)
}

fn accepting(on_uncertain: OnUncertain) -> Opening {
    Opening { accept_damage: Some(on_uncertain), ..usual() }
}

fn said(result: Result<Campaign, OpenError>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_start_that_ends_before_its_first_commit_behind_a_snapshot_costs_nothing() {
    let mut made = Made::new();
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    made.send(&how, 0..40, Kind::Delivered, false);
    made.disk.prepare(2, 1 << 20);
    // The snapshot is made by this one, which is killed, and counts the blank segment that it removes.
    made.send(&how, 0..0, Kind::Delivered, false);
    assert!(snapshot_of(&made.home()).exists());
    made.open(&how).unwrap();
    made.send(&how, 40..80, Kind::Delivered, false);
    made.send(&how, 0..0, Kind::Delivered, true);
    for without_snapshot in [false, true] {
        if without_snapshot {
            std::fs::remove_file(snapshot_of(&made.home())).unwrap();
        }
        let campaign = made.open(&usual()).unwrap();
        assert_eq!(campaign.replayed.damage, []);
        assert_eq!(campaign.state.count(Disposition::Delivered), 80, "without a snapshot: {without_snapshot}");
    }
}

#[test]
fn damage_stops_the_start_and_changes_nothing() {
    let mut made = Made::new();
    made.send(&usual(), 0..40, Kind::Delivered, true);
    made.disk.octets_mut(1).unwrap()[10 * PAGE..13 * PAGE].fill(0);
    let before = (made.disk.clone(), std::fs::read_dir(made.home()).unwrap().count());
    let told = said(made.open(&usual()));
    let place = "segment 0001 offset 40960: zeros instead of a frame; acknowledged commits 11 to 13 are lost";
    assert!(told.contains(place) && told.contains("nothing was sent") && told.contains("--accept-damage"), "{told}");
    assert!(told.contains("of 100 recipients, 63 have no final one"), "{told}");
    let mut after = made.disk.clone();
    assert_eq!(after.segments(), before.0.clone().segments());
    assert_eq!((after.mark(), std::fs::read_dir(made.home()).unwrap().count()), (before.0.clone().mark(), before.1));
    assert_eq!(said(made.open(&usual())), told, "and again");
}

#[test]
fn accepted_damage_gives_everybody_without_an_outcome_a_name_and_is_not_asked_about_again() {
    for on_uncertain in [OnUncertain::Retry, OnUncertain::Hold] {
        let mut made = Made::new();
        made.send(&usual(), 0..40, Kind::Delivered, true);
        made.disk.octets_mut(1).unwrap()[10 * PAGE..13 * PAGE].fill(0);
        let campaign = made.open(&accepting(on_uncertain)).unwrap();
        let held = on_uncertain == OnUncertain::Hold;
        let check = |campaign: &Campaign| {
            let state = &campaign.state;
            let named: Vec<u32> = state.possible_duplicates().collect();
            assert_eq!(named, (10..13).chain(40..100).collect::<Vec<_>>());
            assert_eq!(state.count(Disposition::Uncertain), if held { 63 } else { 0 });
            assert_eq!(state.count(Disposition::Waiting), if held { 0 } else { 63 });
            assert_eq!(campaign.settled().possible_duplicates, 63);
        };
        check(&campaign);
        assert_eq!(campaign.is_complete(), held);
        let again = made.open(&usual()).unwrap();
        check(&again);
        assert_eq!((again.state.clone(), again.start()), (campaign.state.clone(), campaign.start()));
        // Other damage is asked about.
        made.disk.octets_mut(1).unwrap()[20 * PAGE + 70] ^= 1;
        let told = said(made.open(&usual()));
        assert!(told.contains("commits 21 to 21") && !told.contains("commits 11"), "{told}");
    }
}

#[test]
fn however_many_places_were_accepted_none_of_them_is_asked_about_again() {
    let mut made = Made::new();
    for segment in 1..=25 {
        made.send(&usual(), 0..90, Kind::Delivered, true);
        // As packing does; there is less to read.
        made.disk.octets_mut(segment).unwrap().truncate(92 * PAGE);
    }
    for segment in 1..=25 {
        let octets = made.disk.octets_mut(segment).unwrap();
        (0..90).step_by(2).for_each(|frame| octets[frame * PAGE..(frame + 1) * PAGE].fill(0));
    }
    assert!(said(made.open(&usual())).contains(" more damaged places"));
    let campaign = made.open(&accepting(OnUncertain::Retry)).unwrap();
    assert!(campaign.replayed.damage.len() > 1_000, "{}: the test does not test", campaign.replayed.damage.len());
    let again = made.open(&usual()).unwrap();
    assert_eq!(again.state, campaign.state);
    made.send(&usual(), 90..95, Kind::Delivered, true);
    assert_eq!(made.open(&usual()).unwrap().state.count(Disposition::Delivered), 45 + 5);
    // Another place is asked about, and told.
    made.disk.octets_mut(1).unwrap()[PAGE + 70] ^= 1;
    let told = said(made.open(&usual()));
    assert!(told.contains("acknowledged commits 1 to 3 are lost") && !told.contains("more damaged places"), "{told}");
}

#[test]
fn a_second_damage_takes_away_no_name_that_a_first_one_gave() {
    for on_uncertain in [OnUncertain::Retry, OnUncertain::Hold] {
        let mut made = Made::new();
        made.send(&usual(), 0..40, Kind::Delivered, true);
        made.disk.octets_mut(1).unwrap()[10 * PAGE..13 * PAGE].fill(0);
        let mut campaign = made.open(&accepting(on_uncertain)).unwrap();
        campaign.release(&mut made.disk, Some(Release::Retry), on_uncertain, NOW).unwrap();
        drop(campaign);
        made.send(&usual(), 40..100, Kind::Attempt, false);
        made.send(&usual(), 40..100, Kind::Delivered, true);
        let campaign = made.send(&usual(), 10..13, Kind::Delivered, true);
        let given: Vec<u32> = campaign.state.possible_duplicates().collect();
        assert_eq!(given, (10..13).chain(40..100).collect::<Vec<_>>());
        let (whole, segments) = (made.disk.clone(), made.disk.segments().unwrap().len() as u32);
        let mut told = 0;
        for seed in 0..40 {
            made.disk = whole.clone();
            let mut random = fastrand::Rng::with_seed(seed);
            for segment in [1, 2, random.u32(1..=segments)].into_iter().skip((seed % 3) as usize) {
                let Some(octets) = made.disk.octets_mut(segment) else { continue };
                let used = octets.iter().rposition(|octet| *octet != 0).map_or(0, |at| at + 1);
                let at = random.usize(..used.max(1));
                match random.u32(..4) {
                    0 => octets[at] ^= 1,
                    1 => octets[at..(at + 300).min(used)].fill(0),
                    2 => octets[..used].fill(0),
                    _ => made.disk.lose(segment),
                }
            }
            let place = format!("{on_uncertain:?}, place {seed}");
            let campaign = match made.open(&usual()) {
                Ok(campaign) => campaign,
                Err(error) => {
                    let said = error.to_string();
                    let known = made.open(&accepting(on_uncertain)).unwrap();
                    let doubted = known.state.standings().iter().filter(|s| s.disposition.is_final() && s.is_doubted());
                    let doubted = doubted.count();
                    told += usize::from(doubted > 0);
                    let words = format!("Of those who have one {doubted} may have got a second copy");
                    assert!(doubted == 0 || said.contains(&words), "{place}: {said}");
                    made.open(&usual()).unwrap_or_else(|e| panic!("{place}, asked again: {e}"))
                }
            };
            let names: Vec<u32> = campaign.state.possible_duplicates().collect();
            let lost: Vec<&u32> = given.iter().filter(|row| !names.contains(row)).collect();
            assert!(lost.is_empty(), "{place}: {lost:?} have lost their names");
        }
        assert!(told > 2, "{told} places took the names: the test does not test");
    }
}

#[test]
fn whoever_s_first_attempt_is_lost_counts_from_what_is_known_and_does_not_expire_at_once() {
    for on_uncertain in [OnUncertain::Retry, OnUncertain::Hold] {
        let mut made = Made::new();
        made.send(&usual(), 0..40, Kind::Attempt, false);
        made.send(&usual(), 0..40, Kind::Deferred, true);
        made.disk.octets_mut(1).unwrap()[10 * PAGE..13 * PAGE].fill(0);
        let mut campaign = made.open(&accepting(on_uncertain)).unwrap();
        // And once more: of those who are to be tried, and of what was accepted.
        made.disk.octets_mut(2).unwrap()[20 * PAGE..23 * PAGE].fill(0);
        assert!(matches!(made.open(&usual()), Err(OpenError::Damaged(_))));
        for again in [false, true] {
            if again {
                campaign = made.open(&accepting(on_uncertain)).unwrap();
            }
            campaign.release(&mut made.disk, Some(Release::Retry), on_uncertain, NOW).unwrap();
            let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
            let retry = Schedule { steps: vec![days(1)], lifetime: days(4) };
            let rest = campaign.rest(&retry, NOW).unwrap();
            let young = |one: &Retry| retry.ends(one.past.first).0 >= NOW.0 + 4 * 86_400;
            assert_eq!((rest.retries.len(), rest.retries.iter().filter(|one| young(one)).count()), (40, 40), "{again}");
        }
    }
}

#[test]
fn who_is_held_stays_so_until_somebody_says_what_becomes_of_them() {
    for (release, became) in [(Release::Retry, Disposition::Waiting), (Release::Cancel, Disposition::Cancelled)] {
        let mut made = Made::new();
        made.send(&usual(), 0..90, Kind::Delivered, true);
        made.send(&usual(), 90..95, Kind::UncertainHeld, true);
        assert_eq!(made.open(&usual()).unwrap().state.count(Disposition::Uncertain), 5);
        let mut campaign = made.open(&usual()).unwrap();
        campaign.release(&mut made.disk, Some(release), OnUncertain::Hold, NOW).unwrap();
        let check = |campaign: &Campaign| {
            let count = |disposition| campaign.state.count(disposition);
            assert_eq!((count(Disposition::Uncertain), count(Disposition::Delivered)), (0, 90));
            let five = (90..95).all(|row| campaign.state.get(row).is_some_and(|s| s.disposition == became));
            assert!(five && campaign.state.possible_duplicates().eq(90..95), "{release:?}: they keep their names");
        };
        check(&campaign);
        let again = made.open(&usual()).unwrap();
        check(&again);
        assert_eq!((again.state.clone(), again.start()), (campaign.state.clone(), campaign.start()));
        check(&made.send(&usual(), 95..100, Kind::Delivered, true));
        assert_eq!(made.open(&usual()).unwrap().is_complete(), release == Release::Cancel);
    }
}

#[test]
fn a_crash_while_damage_is_accepted_means_to_be_asked_again() {
    let mut made = Made::new();
    made.send(&usual(), 0..40, Kind::Delivered, true);
    made.disk.octets_mut(1).unwrap()[10 * PAGE..13 * PAGE].fill(0);
    made.disk.fail_after(0);
    assert!(matches!(made.open(&accepting(OnUncertain::Hold)), Err(OpenError::Journal(_))));
    made.disk.crash();
    assert!(matches!(made.open(&usual()), Err(OpenError::Damaged(_))));
}

#[test]
fn a_journal_whose_end_is_gone_whatever_was_done_to_it_stops_the_start() {
    type Harm = fn(&mut SimDisk);
    let harm: [(&str, Harm); 5] = [
        ("cut", |disk| disk.octets_mut(1).unwrap().truncate(30 * PAGE)),
        ("deleted", |disk| disk.lose(1)),
        ("zeroed", |disk| disk.octets_mut(1).unwrap().fill(0)),
        ("unreadable", |disk| (0..60).for_each(|page| disk.spoil(1, page * PAGE as u64))),
        ("without its mark", |disk| disk.mark_mut().clear()),
    ];
    for (what, harm) in harm {
        for in_order in [false, true] {
            let mut made = Made::new();
            made.send(&usual(), 0..40, Kind::Delivered, in_order);
            harm(&mut made.disk);
            let place = format!("{what}, ended in order: {in_order}");
            assert!(matches!(made.open(&usual()), Err(OpenError::Damaged(_))), "{place}");
            let campaign = made.open(&accepting(OnUncertain::Retry)).unwrap();
            let delivered = campaign.state.count(Disposition::Delivered);
            assert_eq!(campaign.state.possible_duplicates().count() as u64, 100 - delivered, "{place}");
            assert!(made.open(&usual()).is_ok(), "{place}: not asked again");
            made.send(&usual(), 40..50, Kind::Delivered, true);
            assert!(made.open(&usual()).is_ok_and(|c| c.state.count(Disposition::Delivered) >= 10), "{place}");
        }
    }
}

#[test]
fn a_segment_that_may_not_be_read_stops_every_start() {
    let mut made = Made::new();
    made.send(&usual(), 0..40, Kind::Delivered, true);
    made.disk.forbid(1);
    for how in [usual(), accepting(OnUncertain::Retry)] {
        assert!(matches!(made.open(&how), Err(OpenError::Journal(fault)) if fault.kind == FaultKind::Denied));
    }
}

#[test]
fn what_is_of_another_campaign_or_missing_is_named() {
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    let mut made = Made::new();
    let mut other = Made::with_key(2);
    for one in [&mut made, &mut other] {
        one.send(&how, 0..40, Kind::Delivered, true);
        one.send(&how, 40..41, Kind::Delivered, true);
    }
    let (home, foreign) = (made.home(), other.home());
    let exchanged = |made: &mut Made, name: &str, part: &str| {
        let own = std::fs::read(home.join(name)).unwrap();
        std::fs::copy(foreign.join(name), home.join(name)).unwrap();
        let told = said(made.open(&how));
        assert!(told.contains("different campaigns") || told.contains("of another campaign"), "{name}: {told}");
        assert!(told.contains(part), "{name}: {told}");
        std::fs::write(home.join(name), own).unwrap();
    };
    exchanged(&mut made, "domains.dir", "domains.dir");
    exchanged(&mut made, "state.snap", "state.snap");
    exchanged(&mut made, "manifest", "domains.dir");
    let own = std::mem::replace(made.disk.mark_mut(), other.disk.mark_mut().clone());
    let told = said(made.open(&how));
    assert!(told.contains("are of different campaigns") && told.contains("j/mark"), "{told}");
    *made.disk.mark_mut() = own;
    let own = std::mem::replace(made.disk.octets_mut(2).unwrap(), other.disk.octets_mut(2).unwrap().clone());
    let told = said(made.open(&usual()));
    assert!(told.contains("a frame that does not belong here"), "{told}");
    *made.disk.octets_mut(2).unwrap() = own;

    std::fs::rename(home.join("manifest"), home.join("kept")).unwrap();
    let told = said(Campaign::create(&home, Manifest::new("c", 1, 0, [1; 32], &[]), &mut made.disk));
    assert!(told.contains("manifest is missing, and") && told.contains("rows.dat is there"), "{told}");
    for name in ["rows.dat", "rows.idx", "domains.dir", "state.snap"] {
        std::fs::rename(home.join(name), home.join(format!("kept-{name}"))).unwrap();
    }
    assert!(is_there(&home, &mut made.disk).is_err(), "its journal is there");
    made.disk.lose(1);
    made.disk.lose(2);
    assert!(is_there(&home, &mut made.disk).is_err(), "its mark is there");
    made.disk.mark_mut().clear();
    assert!(is_there(&home, &mut made.disk).is_ok_and(|there| !there), "nothing is there");
}

#[test]
fn what_lies_behind_the_end_of_a_file_is_told_with_the_way_to_be_rid_of_it() {
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    let mut made = Made::new();
    made.send(&how, 0..40, Kind::Delivered, true);
    made.send(&how, 40..50, Kind::Delivered, true);
    let home = made.home();
    for name in ["rows.dat", "rows.idx", "domains.dir"] {
        let good = std::fs::read(home.join(name)).unwrap();
        std::fs::write(home.join(name), [&good[..], b"garbage"].concat()).unwrap();
        let told = said(made.open(&usual()));
        let place = home.join(name).display().to_string();
        let (end, octets) = (good.len(), format!("{name} is damaged at octet {}: 7 octets lie behind", good.len()));
        assert!(told.contains(&octets) && told.contains(&format!("truncate -s {end} {place}")), "{told}");
        std::fs::write(home.join(name), good).unwrap();
    }
    made.disk.mark_mut().extend_from_slice(b"garbage");
    let told = said(made.open(&usual()));
    assert!(told.contains("j/mark is damaged at octet 8192: 7 octets") && told.contains("truncate -s 8192 "), "{told}");
    made.disk.mark_mut().truncate(2 * PAGE);

    let snapshot = std::fs::read(snapshot_of(&home)).unwrap();
    assert!(snapshot::decode(&mut &snapshot[..]).is_ok());
    let longer = [&snapshot[..], b"x"].concat();
    assert!(snapshot::decode(&mut &longer[..]).unwrap_err().to_string().contains("behind"));

    assert_eq!(made.open(&usual()).unwrap().replayed.behind, None);
    let segment = made.disk.octets_mut(2).unwrap();
    let end = segment.len();
    segment.extend_from_slice(&[b'x'; PAGE]);
    let campaign = made.open(&usual()).unwrap();
    assert_eq!(campaign.replayed.behind.map(|b| (b.segment, b.offset)), Some((2, end as u64)));
    assert_eq!((campaign.state.count(Disposition::Delivered), campaign.replayed.torn), (50, None));
}

#[test]
fn what_is_missing_below_the_snapshot_is_told_and_changes_nobody() {
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    let mut made = Made::new();
    for segment in 1..=6 {
        made.send(&usual(), 10 * segment..10 * segment + 10, Kind::Delivered, segment % 2 == 0);
        if segment == 3 {
            // A process that is killed leaves a segment behind that it made ahead; the next one removes it.
            made.disk.prepare(4, 1 << 20);
        }
    }
    made.send(&how, 70..80, Kind::Delivered, true);
    assert!(snapshot_of(&made.home()).exists());
    assert_eq!(made.open(&usual()).unwrap().missing_below, [], "a number that was never used is no damage");
    let whole = made.disk.clone();
    let segments: Vec<u32> = whole.clone().segments().unwrap().iter().map(|(segment, _)| *segment).collect();
    assert!(!segments.contains(&4), "{segments:?}: the test does not test");
    let (last, covered) = segments.split_last().unwrap();
    type Harms = fn(&mut SimDisk, u32);
    let harm: [(&str, Harms); 3] = [
        ("deleted", SimDisk::lose),
        ("zeroed", |disk, segment| disk.octets_mut(segment).unwrap().fill(0)),
        ("another's", |disk, segment| *disk.octets_mut(segment).unwrap() = vec![7; 3 * PAGE]),
    ];
    for segment in covered {
        for (what, harm) in harm {
            made.disk = whole.clone();
            harm(&mut made.disk, *segment);
            let campaign = made.open(&usual()).unwrap();
            let told: u64 = campaign.missing_below.iter().map(|d| d.last_lsn - d.first_lsn + 1).sum();
            let all: Vec<String> = campaign.missing_below.iter().map(ToString::to_string).collect();
            assert!((10..=11).contains(&told), "{what} {segment}: {all:?}");
            assert_eq!(campaign.state.count(Disposition::Delivered), 70, "{what} {segment}");
            assert_eq!(campaign.replayed.damage, [], "{what} {segment}");
        }
    }
    made.disk = whole;
    covered.iter().for_each(|segment| made.disk.lose(*segment));
    assert_eq!(made.open(&usual()).unwrap().missing_below.len(), 1, "all that is below {last}");
}

#[test]
fn a_snapshot_that_cannot_be_used_costs_nothing() {
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    let mut made = Made::new();
    made.send(&how, 0..40, Kind::Delivered, true);
    made.send(&how, 40..50, Kind::Delivered, true);
    std::fs::write(snapshot_of(&made.home()), b"posthaste-s1 and nonsense").unwrap();
    assert_eq!(made.open(&usual()).unwrap().state.count(Disposition::Delivered), 50);
}

#[test]
fn a_table_that_shrank_below_what_the_journal_or_the_snapshot_knows_is_damage() {
    let how = Opening { snapshot_after_octets: 64, ..usual() };
    let mut made = Made::new();
    made.send(&usual(), 0..40, Kind::Delivered, true);
    // As if the list had not been loaded to its end.
    let mut manifest = Manifest::read(&made.home()).unwrap();
    manifest.loaded = None;
    manifest.write(&made.home()).unwrap();
    let directory = made.home().join("domains.dir");
    let whole = std::fs::read(&directory).unwrap();
    std::fs::write(&directory, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(made.open(&how), Err(OpenError::Astray { strays: 40, .. })));
    assert_eq!(std::fs::read(&directory).unwrap().len(), whole.len() - 1, "nothing was cut off");
    std::fs::write(&directory, &whole).unwrap();
    made.open(&how).unwrap();
    std::fs::write(&directory, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(made.open(&how), Err(OpenError::Shrunk { snapshot: 100, table: 0, .. })));
}

#[test]
fn a_campaign_of_which_nobody_was_asked_anything_has_not_begun() {
    let mut made = Made::new();
    let mut campaign = made.open(&usual()).unwrap();
    let record = |recipient, kind, attempts, extra| Record { recipient, at: NOW, code: 554, kind, attempts, extra };
    let define = |id, host, phase| Define { id, site: "", host, code: 554, enhanced: None, phase, text: b"no" };
    campaign.state.learn(&define(1, "", ""));
    campaign.state.learn(&define(2, "mx.d.example", "RCPT"));
    // No route, no message, no mail to them, no time left.
    for (row, kind, attempts) in [
        (0, Kind::Bounced, 0),
        (1, Kind::Bounced, 1),
        (2, Kind::Suppressed, 0),
        (3, Kind::Cancelled, 0),
        (4, Kind::Expired, 0),
    ] {
        campaign.state.apply(&record(row, kind, attempts, 1));
        assert!(campaign.has_outcomes() && !campaign.has_begun(), "{kind:?}");
    }
    for (first, last) in [
        (record(5, Kind::Attempt, 1, 0), record(5, Kind::Bounced, 1, 2)),
        (record(6, Kind::Deferred, 1, 2), record(6, Kind::Bounced, 1, 1)),
        (record(7, Kind::Deferred, 1, 2), record(7, Kind::Suppressed, 1, 1)),
        (record(8, Kind::UncertainRetry, 1, 2), record(8, Kind::Bounced, 1, 1)),
        (record(9, Kind::Attempt, 1, 0), record(9, Kind::Delivered, 1, 2)),
    ] {
        let before = campaign.handed_over();
        campaign.state.apply(&first);
        campaign.state.apply(&last);
        assert_eq!(campaign.handed_over(), before + 1, "{last:?}");
    }
}

#[test]
fn a_run_for_some_leaves_the_others_as_they_are_and_counts_them() {
    let mut made = Made::new();
    made.send(&usual(), 0..30, Kind::Delivered, true);
    made.send(&usual(), 30..40, Kind::Attempt, true);
    let mut campaign = made.open(&usual()).unwrap();
    campaign.withdrawn = (90..ROWS).collect();
    let all = campaign.settled();
    assert_eq!((all.loaded, all.delivered, all.waiting), (100, 30, 0));
    campaign.reach = Some((35..60).collect());
    let rest = campaign.rest(&Schedule { steps: Vec::new(), lifetime: BEHIND }, NOW).unwrap();
    assert_eq!(rest.runs, [Run { domain: 0, first: 40, count: 20 }]);
    assert_eq!(rest.reopened.iter().map(|one| one.row).collect::<Vec<_>>(), [35, 36, 37, 38, 39]);
    // Who is withdrawn is, whomever the run is for.
    assert_eq!(rest.withdrawn.len(), 10);
    let settled = campaign.settled();
    assert_eq!((settled.waiting, settled.deferred), (5 + 30, 5));
    let here = rest.runs.iter().map(|run| u64::from(run.count)).sum::<u64>() + 5 + 10;
    assert_eq!(settled.loaded, settled.delivered + settled.waiting + here);
}
