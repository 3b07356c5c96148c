//! Reports over a table and a journal that were made by their own writers.

use crate::app::report::*;
use crate::base::clock::Instant;
use crate::engine::campaign::{journal_of, snapshot_of};
use crate::engine::table::{Manifest, Pending, TableWriter};
use crate::journal::disk::Disk as _;
use crate::journal::mark::Mark;
use crate::journal::record::{Define, Kind, Record};
use crate::journal::snapshot::{self, Covered};
use crate::journal::state::State;
use crate::journal::writer::{Config, Journal, Start};
use crate::wire::disk::{Files, Lock};
use std::path::PathBuf;
use tempfile::TempDir;

const T0: u32 = 1_800_000_000;

fn manifest() -> Manifest {
    Manifest::new("welcome", 1, T0, [3; 32], &[])
}

/// Where its journal begins.
fn begin() -> Start {
    Start::fresh(manifest().identity())
}

/// A data directory with the campaign `welcome`.
struct Made {
    data: TempDir,
    writer: TableWriter,
}

impl Made {
    fn new(mailboxes: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let home = data.path().join("campaign").join("welcome");
        let writer = TableWriter::create(&home, manifest()).unwrap();
        Files::open(&journal_of(&home)).unwrap().set_mark(&Mark::fresh(manifest().identity()), true).unwrap();
        let mut made = Self { data, writer };
        made.load(mailboxes);
        made
    }

    fn home(&self) -> PathBuf {
        self.writer.home().to_owned()
    }

    /// Adds a chunk; a `!` in front marks a suppressed row.
    fn load(&mut self, mailboxes: &[&str]) {
        if mailboxes.is_empty() {
            return;
        }
        let mut pending = Pending::new();
        for mailbox in mailboxes {
            let (suppressed, mailbox) = mailbox.strip_prefix('!').map_or((false, *mailbox), |m| (true, m));
            let (local, domain) = mailbox.split_once('@').unwrap();
            let domain = self.writer.domain(domain);
            assert!(pending.push(mailbox.as_bytes(), local.len(), domain, suppressed, [], []));
        }
        let mut progress = self.writer.progress();
        progress.records += mailboxes.len() as u64 + 3;
        progress.rejected += 2;
        progress.duplicates += 1;
        self.writer.commit(&mut pending, progress, None).unwrap();
    }

    /// Writes batches of entries to the journal, a commit each.
    fn journal(&self, start: Start, commits: &[Vec<u8>]) {
        let mut disk = Files::open(&journal_of(&self.home())).unwrap();
        let mut journal = Journal::new(Config { commit_octets: 1, ..Config::default() }, start);
        disk.set_mark(&journal.mark(), true).unwrap();
        for (ticket, entries) in (1..).zip(commits) {
            while let Some(asked) = journal.poll_prepare(Instant(0)) {
                disk.prepare(asked.segment, asked.octets);
                disk.prepared(true).unwrap().unwrap();
                journal.handle_prepared();
            }
            journal.append(0, ticket, entries, Instant(0)).unwrap();
            let write = journal.poll_write(Instant(0)).unwrap();
            disk.write(write.segment, write.offset, write.block.octets()).unwrap();
            journal.handle_synced(write.lsn, write.block);
        }
    }

    fn report(&self, args: &ReportArgs) -> String {
        let facts = Stored::open(&self.home()).unwrap();
        let mut out = Vec::new();
        let written = write(args, &Look::default(), &facts, &mut out).map_err(|failure| failure.exit);
        assert_eq!(written, if facts.is_damaged() { Err(Exit::Failed) } else { Ok(Exit::Settled) });
        String::from_utf8(out).unwrap()
    }

    fn csv(&self) -> String {
        front(&self.report(&ReportArgs { csv: Some("-".into()), ..args() }))
    }

    fn timeline(&self, recipient: &str) -> String {
        self.report(&ReportArgs { recipient: Some(recipient.into()), ..args() })
    }
}

/// The columns that tell what became of a recipient.
fn front(csv: &str) -> String {
    csv.lines().map(|line| line.split(',').take(11).collect::<Vec<_>>().join(",") + "\n").collect()
}

fn args() -> ReportArgs {
    ReportArgs {
        sink: false,
        name: "welcome".into(),
        data: None,
        config: None,
        json: false,
        csv: None,
        attempts: None,
        raw: false,
        html: None,
        recipient: None,
        possible_duplicates: None,
        utc: true,
    }
}

fn record(recipient: u32, at: u32, kind: Kind, attempts: u16, code: u16, extra: u32) -> Vec<u8> {
    let mut out = Vec::new();
    Record { recipient, at: UnixTime(T0 + at), code, kind, attempts, extra }.encode_into(&mut out);
    out
}

fn define(id: u32, enhanced: Enhanced, text: &str) -> Vec<u8> {
    let (site, host, phase) = ("mx.b.example", "mx1.b.example", "RCPT");
    let mut out = Vec::new();
    Define { id, site, host, enhanced: Some(enhanced), phase, text: text.as_bytes(), ..Define::default() }
        .encode_into(&mut out);
    out
}

/// Ann is deferred and then delivered, Bob bounces, Cid is under way, Dan was let go, Eve's reply never came.
fn story() -> Vec<Vec<u8>> {
    vec![
        record(0, 0, Kind::Attempt, 1, 0, 0),
        [define(1, Enhanced::new(4, 2, 0), "later"), record(0, 1, Kind::Deferred, 1, 450, 1)].concat(),
        [record(1, 2, Kind::Attempt, 1, 0, 0), record(0, 60, Kind::Attempt, 2, 0, 0)].concat(),
        [
            define(2, Enhanced::new(5, 1, 1), "no such user"),
            record(1, 3, Kind::Bounced, 1, 550, 2),
            define(3, Enhanced::new(2, 0, 0), "Ok"),
            record(0, 61, Kind::Delivered, 2, 250, 3),
        ]
        .concat(),
        [record(2, 70, Kind::Attempt, 1, 0, 0), record(3, 70, Kind::Attempt, 1, 0, 0)].concat(),
        [record(3, 71, Kind::Released, 0, 0, 0), record(4, 72, Kind::Attempt, 1, 0, 0)].concat(),
        record(4, 80, Kind::UncertainRetry, 1, 0, 0),
    ]
}

const PEOPLE: [&str; 6] =
    ["ann@b.example", "bob@b.example", "cid@b.example", "dan@b.example", "eve@b.example", "!zoe@b.example"];

const ROWS: &str = "\
recipient,disposition,code,enhanced,text,site,host,attempts,first_at,last_at,tried_at
ann@b.example,delivered,250,2.0.0,Ok,mx.b.example,mx1.b.example,2,2027-01-15T08:00:00Z,2027-01-15T08:01:01Z,2027-01-15T08:01:01Z
bob@b.example,bounced,550,5.1.1,no such user,mx.b.example,mx1.b.example,1,2027-01-15T08:00:02Z,2027-01-15T08:00:03Z,2027-01-15T08:00:03Z
cid@b.example,in_flight,,,,,,1,2027-01-15T08:01:10Z,2027-01-15T08:01:10Z,
dan@b.example,waiting,,,,,,0,,2027-01-15T08:01:11Z,
eve@b.example,deferred,,,,,,1,2027-01-15T08:01:12Z,2027-01-15T08:01:20Z,2027-01-15T08:01:20Z
zoe@b.example,suppressed,,,,,,0,,,
";

#[test]
fn each_recipient_has_its_last_reply_and_its_times() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    assert_eq!(made.csv(), ROWS);
    let list = ReportArgs { possible_duplicates: Some("-".into()), ..args() };
    assert_eq!(made.report(&list), "cid@b.example\neve@b.example\n", "nobody has it: the attempt was cut off");
    let held = Lock::take(&made.home()).unwrap();
    assert_eq!(made.report(&list), "eve@b.example\n", "in flight is in flight");
    drop(held);
}

#[test]
fn each_attempt_has_its_time_its_host_and_its_reply() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    let csv = made.report(&ReportArgs { attempts: Some("-".into()), ..args() });
    assert_eq!(
        csv,
        "recipient,table_row,attempt,at,outcome,code,enhanced,text,phase,site,host\n\
         ann@b.example,0,1,2027-01-15T08:00:01Z,deferred,450,4.2.0,later,RCPT,mx.b.example,mx1.b.example\n\
         ann@b.example,0,2,2027-01-15T08:01:01Z,delivered,250,2.0.0,Ok,RCPT,mx.b.example,mx1.b.example\n\
         bob@b.example,1,1,2027-01-15T08:00:03Z,bounced,550,5.1.1,no such user,RCPT,mx.b.example,mx1.b.example\n\
         eve@b.example,4,1,2027-01-15T08:01:20Z,uncertain_to_be_retried,,,,,,\n"
    );
}

#[test]
fn a_row_has_its_token_and_what_the_list_says() {
    let mut made = Made::new(&[]);
    let domain = made.writer.domain("b.example");
    let mut pending = Pending::new();
    assert!(pending.push(b"ann@b.example", 3, domain, false, [], [&b"=Ann@B.example"[..]]));
    assert!(pending.push(b"bob@b.example", 3, domain, false, [], []));
    made.writer.commit(&mut pending, made.writer.progress(), None).unwrap();
    let csv = |raw| made.report(&ReportArgs { csv: Some("-".into()), raw, ..args() });
    let token = crate::content::Token::make(&crate::content::IdentityKey::new(&[3; 32]), 1, 0);
    let ends = |line: &str, end: String| assert!(line.ends_with(&end), "{line} and {end}");
    let safe = csv(false);
    let lines: Vec<&str> = safe.lines().collect();
    ends(lines[0], ",table_row,token,list.email".to_owned());
    ends(lines[1], format!(",0,{},'=Ann@B.example", token.as_str()));
    ends(lines[2], ",bob@b.example".to_owned());
    ends(csv(true).lines().nth(1).unwrap(), format!(",0,{},=Ann@B.example", token.as_str()));
}

#[test]
fn a_campaign_is_sent_paused_or_stopped_as_its_process_and_its_note_say() {
    let made = Made::new(&PEOPLE);
    let stage = || Digest::of(&Stored::open(&made.home()).unwrap()).unwrap().stage();
    assert_eq!(stage(), Stage::NotBegun);
    made.journal(begin(), &story());
    assert_eq!(stage(), Stage::Stopped);
    let process = Lock::take(&made.home()).unwrap();
    assert_eq!(stage(), Stage::Sending);
    Note::of_pause().write(&made.home()).unwrap();
    assert_eq!(stage(), Stage::Paused);
    let json = made.report(&ReportArgs { json: true, ..args() });
    assert!(json.contains("\"state\":\"paused\"") && json.contains("\"held\":null"), "{json}");
    drop(process);
    assert_eq!(stage(), Stage::Stopped, "whoever paused it is gone");
    Note { reason: "rendering".into(), says: "no".into(), ..Note::default() }.write(&made.home()).unwrap();
    assert_eq!(stage(), Stage::Held);
}

#[test]
fn a_campaign_that_has_sent_nothing_has_a_report() {
    let made = Made::new(&PEOPLE);
    let table = made.report(&args());
    assert!(table.contains("waiting                  5") && table.contains("suppressed               1"), "{table}");
    assert!(table.contains("so far\n  rows rejected 2, duplicates 1\n"), "{table}");
    assert!(!table.contains("DAMAGED"), "{table}");
}

#[test]
fn a_timeline_tells_every_record_in_order() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    assert_eq!(
        made.timeline("ann@b.example"),
        "ann@b.example: delivered\n\
         \x20 2027-01-15T08:00:00Z  attempt 1  begins\n\
         \x20 2027-01-15T08:00:01Z  attempt 1  deferred    450 4.2.0 later  at RCPT  [mx1.b.example]\n\
         \x20 2027-01-15T08:01:00Z  attempt 2  begins\n\
         \x20 2027-01-15T08:01:01Z  attempt 2  delivered   250 2.0.0 Ok  at RCPT  [mx1.b.example]\n"
    );
    assert_eq!(
        made.timeline("zoe@b.example"),
        "zoe@b.example: suppressed\n  is on the suppression list: never tried\n"
    );
    let facts = Stored::open(&made.home()).unwrap();
    let missing = ReportArgs { recipient: Some("x@b.example".into()), ..args() };
    let failure = write(&missing, &Look::default(), &facts, &mut Vec::new()).unwrap_err();
    assert_eq!(
        (failure.exit, failure.message.as_str()),
        (Exit::Usage, "x@b.example is not on the list of campaign welcome")
    );
}

#[test]
fn who_expired_keeps_its_last_reply_its_host_and_its_time_everywhere() {
    let made = Made::new(&PEOPLE);
    let day = 86_400;
    let story = vec![
        [record(0, 0, Kind::Attempt, 1, 0, 0), define(1, Enhanced::new(4, 7, 1), "greylisted")].concat(),
        [record(0, 5, Kind::Deferred, 1, 451, 1), record(0, day, Kind::Attempt, 300, 0, 0)].concat(),
        [record(0, day + 5, Kind::Deferred, 300, 451, 1), record(0, 4 * day, Kind::Expired, 300, 451, 1)].concat(),
        [
            define(2, Enhanced::new(5, 4, 7), "not delivered within its lifetime; 192.0.2.1:25 at connect: refused"),
            record(1, 4 * day, Kind::Expired, 0, 550, 2),
        ]
        .concat(),
    ];
    made.journal(begin(), &story);
    let timeline = made.timeline("ann@b.example");
    let last = timeline.lines().last().unwrap();
    assert_eq!(
        last,
        "  2027-01-19T08:00:00Z  attempt 300 expired     after 300 attempts in 4d; last: 451 4.7.1 greylisted  at RCPT  \
         [mx1.b.example, 2027-01-16T08:00:05Z]"
    );
    let csv = made.csv();
    let row = "ann@b.example,expired,451,4.7.1,greylisted,mx.b.example,mx1.b.example,300,2027-01-15T08:00:00Z,\
               2027-01-19T08:00:00Z,2027-01-16T08:00:05Z";
    assert!(csv.contains(row), "{csv}");
    assert!(
        csv.contains("bob@b.example,expired,550,5.4.7,not delivered within its lifetime; 192.0.2.1:25 at"),
        "{csv}"
    );
    let table = made.report(&args());
    assert!(table.contains("451 4.7.1    expired; last: greylisted"), "{table}");
    let page = made.report(&ReportArgs { html: Some("-".into()), ..args() });
    assert!(page.contains("451 4.7.1</td><td class=\"l\">expired; last: greylisted"), "{page}");
    let json = made.report(&ReportArgs { json: true, ..args() });
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["replies"][0]["code"], &json["replies"][0]["expired"]), (&451.into(), &true.into()));
}

#[test]
fn a_snapshot_changes_nothing_and_covers_for_what_the_journal_lost() {
    let made = Made::new(&PEOPLE);
    let story = story();
    made.journal(begin(), &story);
    let mut state = State::new();
    state.load(6, 1);
    story.iter().for_each(|entries| state.fold(entries));
    let covered = Covered { lsn: story.len() as u64, segment: 2, epoch: 1, journal: manifest().identity() };
    let mut file = std::fs::File::create(snapshot_of(&made.home())).unwrap();
    snapshot::encode(&state, covered, &mut file).unwrap();
    assert_eq!(made.csv(), ROWS);

    flip(&made, 3 * 4096 + 100);
    let facts = Stored::open(&made.home()).unwrap();
    assert_eq!(facts.damage().len(), 1, "{:?}", facts.damage());
    let csv = made.csv();
    assert!(csv.contains("ann@b.example,delivered,450,4.2.0,later,"), "who got it is known, its reply is not: {csv}");

    std::fs::write(snapshot_of(&made.home()), b"posthaste-s1 and nonsense").unwrap();
    let facts = Stored::open(&made.home()).unwrap();
    assert_eq!(facts.damage().len(), 2, "{:?}", facts.damage());
    assert!(facts.damage().first().unwrap().contains("state.snap"));
}

/// Flips an octet of the first segment.
fn flip(made: &Made, place: usize) {
    let segment = journal_of(&made.home()).join("0001.jnl");
    let mut octets = std::fs::read(&segment).unwrap();
    *octets.get_mut(place).unwrap() ^= 0x40;
    std::fs::write(&segment, octets).unwrap();
}

#[test]
fn damage_is_told_in_every_form_and_the_rest_is_read() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    flip(&made, 3 * 4096 + 100);
    let table = made.report(&args());
    let told = "segment 0001 offset 12288: a frame whose entries are damaged; acknowledged commits 4 to 4 are lost";
    assert!(table.contains("DAMAGED: ") && table.contains(told), "{table}");
    let json = made.report(&ReportArgs { json: true, ..args() });
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["damage"][0].as_str().unwrap().ends_with(told) && json["state"] == "damaged", "{json}");
    assert_eq!((&json["in_flight"], &json["delivered"], &json["loaded"]), (&3.into(), &0.into(), &6.into()));
    let page = made.report(&ReportArgs { html: Some("-".into()), ..args() });
    assert!(page.contains("<p class=\"note damage\">Damaged: ") && page.contains(told));
}

#[test]
fn a_torn_tail_is_no_damage() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    flip(&made, 6 * 4096 + 30);
    let facts = Stored::open(&made.home()).unwrap();
    assert_eq!(facts.damage(), [] as [String; 0]);
    assert!(made.csv().contains("eve@b.example,in_flight,"));
}

#[test]
fn rows_that_come_while_a_report_is_made_are_left_for_the_next() {
    let mut made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    let facts = Stored::open(&made.home()).unwrap();
    made.load(&["new@b.example"]);
    made.journal(Start { epoch: 2, segment: 2, lsn: 8, ..begin() }, &[record(6, 90, Kind::Attempt, 1, 0, 0)]);
    let mut seen = 0;
    facts
        .each(&mut |_| {
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 6);
    let next = Stored::open(&made.home()).unwrap();
    assert_eq!((next.damage().len(), next.rows().rejected), (0, 4));
    assert!(made.csv().contains("new@b.example,in_flight,"));
}

#[test]
fn a_record_without_a_row_is_damage() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &[record(77, 90, Kind::Attempt, 1, 0, 0)]);
    let facts = Stored::open(&made.home()).unwrap();
    assert!(facts.damage().first().unwrap().ends_with("tells of row 77, which the table does not have"));
}

#[test]
fn a_campaign_is_found_by_its_name_and_a_wrong_one_gets_a_hint() {
    let made = Made::new(&PEOPLE);
    let data = made.data.path();
    assert_eq!(place::find(data, "welcome", false).unwrap(), made.home());
    let all = data.join("campaign");
    std::fs::rename(made.home(), all.join("1")).unwrap();
    for name in ["1", "welcome"] {
        assert_eq!(
            place::find(data, name, false).unwrap(),
            all.join("1"),
            "by the name that send knows, and the first"
        );
    }
    assert_eq!(Stored::open(&all.join("1")).unwrap().name(), "1");
    let copy = |name: &str| {
        std::fs::create_dir(all.join(name)).unwrap();
        std::fs::copy(all.join("1/manifest"), all.join(name).join("manifest")).unwrap();
    };
    copy("welcome");
    assert_eq!(place::find(data, "welcome", false).unwrap(), all.join("welcome"), "no copy goes before it");
    std::fs::rename(all.join("welcome"), all.join("welcome.bak")).unwrap();
    let several = place::find(data, "welcome", false).unwrap_err().message;
    assert!(
        several.contains("2 directories are of a campaign that was begun as \"welcome\": 1, welcome.bak"),
        "{several}"
    );
    std::fs::remove_dir_all(all.join("welcome.bak")).unwrap();
    std::fs::rename(all.join("1"), all.join("welcome")).unwrap();
    let expected =
        format!("there is no campaign \"welcom\" in {}\nhint: did you mean welcome? There are: welcome", all.display());
    let failure = place::find(data, "welcom", false).unwrap_err();
    assert_eq!((failure.exit, failure.message), (Exit::Usage, expected));
    let failure = place::find(data, "../campaign/welcome", false).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage, "a name is no path");
    let failure = place::find(&data.join("nowhere"), "welcome", false).unwrap_err();
    assert!(failure.exit == Exit::Usage && failure.message.contains("no data directory"), "{}", failure.message);
    let empty = tempfile::tempdir().unwrap();
    assert!(place::find(empty.path(), "welcome", false).unwrap_err().message.contains("there is none at all"));
}

#[test]
fn an_end_that_the_mark_knows_of_is_damage_when_it_is_gone_and_so_is_the_mark() {
    let made = Made::new(&PEOPLE);
    let story = story();
    made.journal(begin(), &story);
    let mut disk = Files::open(&journal_of(&made.home())).unwrap();
    let lsn = story.len() as u64;
    disk.set_mark(&Mark { epoch: 1, segment: 1, lsn, ..Mark::fresh(manifest().identity()) }, true).unwrap();
    assert_eq!(Stored::open(&made.home()).unwrap().damage().len(), 0);
    flip(&made, (story.len() - 1) * 4096 + 70);
    let facts = Stored::open(&made.home()).unwrap();
    let told = format!("acknowledged commits {lsn} to {lsn} are lost");
    assert!(facts.damage().len() == 1 && facts.damage()[0].ends_with(&told), "{:?}", facts.damage());
    std::fs::remove_file(journal_of(&made.home()).join("mark")).unwrap();
    let facts = Stored::open(&made.home()).unwrap();
    assert!(facts.damage()[0].contains("the mark is missing or damaged"), "{:?}", facts.damage());
}

#[test]
fn rows_that_cannot_be_read_are_told_by_number_and_everybody_else_is_named() {
    let made = Made::new(&PEOPLE);
    made.journal(begin(), &story());
    // A letter of ann; where ann ends, and bob begins; a letter of eve.
    let eve = memchr::memmem::find(&std::fs::read(made.home().join("rows.dat")).unwrap(), b"eve").unwrap();
    for (file, place, lost) in [("rows.dat", 3, &[0usize][..]), ("rows.idx", 2, &[0, 1]), ("rows.dat", eve, &[4])] {
        let path = made.home().join(file);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[place] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let facts = Stored::open(&made.home()).unwrap();
        let told = |args: &ReportArgs| {
            let mut out = Vec::new();
            let failure = write(args, &Look::default(), &facts, &mut out).unwrap_err();
            assert_eq!(failure.exit, Exit::Failed, "{file} {place}");
            let numbers: Vec<String> = lost.iter().map(usize::to_string).collect();
            let rows = format!(
                "these rows of the table (not of the list) cannot be read, and have no address here: {}\n",
                numbers.join(", ")
            );
            assert!(failure.message.contains(&rows) && failure.message.contains(file), "{}", failure.message);
            String::from_utf8(out).unwrap()
        };
        let mut wanted: Vec<String> = ROWS.lines().map(str::to_owned).collect();
        for &row in lost {
            let line = &mut wanted[row + 1];
            line.replace_range(..line.find(',').unwrap(), "");
        }
        let csv = front(&told(&ReportArgs { csv: Some("-".into()), ..args() }));
        assert!(csv.lines().eq(wanted.iter().map(String::as_str)), "{csv}");
        let list = told(&ReportArgs { possible_duplicates: Some("-".into()), ..args() });
        assert_eq!(list, if lost == [4] { "cid@b.example\n" } else { "cid@b.example\neve@b.example\n" });
        let table = told(&args());
        assert!(table.contains("delivered                1") && table.contains("DAMAGED: these rows"), "{table}");
        let json: serde_json::Value = serde_json::from_str(&told(&ReportArgs { json: true, ..args() })).unwrap();
        assert_eq!(
            (&json["loaded"], &json["possible_duplicates"]),
            (&6.into(), &2.into()),
            "where they stand is known"
        );
        assert!(
            json["damage"][0].as_str().unwrap().starts_with("these rows of the table (not of the list) cannot be read"),
            "{json}"
        );
        assert!(told(&ReportArgs { html: Some("-".into()), ..args() }).contains("Damaged: these rows"));

        assert!(made.timeline("dan@b.example").starts_with("dan@b.example: "), "another row of its domain");
        let missing = ReportArgs { recipient: Some("x@b.example".into()), ..args() };
        let failure = write(&missing, &Look::default(), &facts, &mut Vec::new()).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed, "nobody knows whether it is on the list");
        assert!(
            failure.message.starts_with("x@b.example may be in a row that cannot be read: "),
            "{}",
            failure.message
        );
        std::fs::write(&path, good).unwrap();
    }
}
