//! The event log on a real disk: rotation, packing, torn ends, files that are not ours, and disks that are full.

use super::file::rotated;
use super::*;
use crate::base::clock::UnixTime;
use crate::mail::event::{Outcome, Spans, Told};
use crate::mail::{Disposition, ReplyRef};
use std::path::Path;

const NOW: Now = Now { mono: Instant(1), unix: UnixTime(1_767_225_599) };

fn options(path: &Path) -> Options {
    Options {
        target: Target::File(path.to_owned()),
        rotate_octets: 1 << 20,
        rotate_age: Duration::from_secs(86_400),
        keep: 0,
        compress: true,
    }
}

fn open(options: Options) -> EventLog {
    let look_up = |row: u32, to: &mut Vec<u8>| {
        to.extend_from_slice(format!("row{row}@table.example").as_bytes());
        true
    };
    EventLog::open(options, "news", Box::new(look_up)).unwrap()
}

fn told(row: u32, path: Option<&[u8]>) -> Event<'_> {
    Event::Recipient(Told {
        outcome: Outcome::Stands(Disposition::Delivered),
        row,
        path,
        attempt: 1,
        via: None,
        last: None,
        phase: "",
        cause: "",
        reply: ReplyRef { code: 250, enhanced: None, text: b"Ok" },
        octets: 0,
        spans: Spans::default(),
    })
}

fn rows(text: &[u8]) -> Vec<u64> {
    let lines = std::str::from_utf8(text).unwrap().lines();
    lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["table_row"].as_u64().unwrap()).collect()
}

#[test]
fn rotated_files_are_packed_and_hold_every_line_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut expected = 0;
    for _ in 0..2 {
        let log = open(Options { rotate_octets: 200_000, ..options(&path) });
        let mut lane = log.lane();
        for _ in 0..5_000 {
            lane.write(NOW, &told(expected, Some(b"ann@a.example")));
            expected += 1;
        }
        drop(lane);
        assert_eq!(log.close(), Written { lines: 5_000, lost: 0, why: None });
    }
    let files = rotated(&path);
    assert!(files.len() >= 4, "{files:?}");
    assert!(files.iter().zip(1..).all(|((number, file), n)| *number == n && file.extension().unwrap() == "zst"));
    let mut all: Vec<u64> = Vec::new();
    for (_, file) in files {
        all.extend(rows(&zstd::stream::decode_all(std::fs::File::open(file).unwrap()).unwrap()));
    }
    all.extend(rows(&std::fs::read(&path).unwrap()));
    assert!(all.into_iter().eq(0..u64::from(expected)));
}

#[test]
fn old_files_go_and_what_an_earlier_process_left_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    for number in [3, 4, 5] {
        std::fs::write(folder.path().join(format!("e.jsonl.{number:06}")), "{\"row\":1}\n").unwrap();
    }
    std::fs::write(folder.path().join("e.jsonl.backup"), "mine").unwrap();
    let log = open(Options { keep: 2, ..options(&path) });
    let _ = log.close();
    let names: Vec<String> =
        rotated(&path).into_iter().map(|(_, file)| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["e.jsonl.000004.zst", "e.jsonl.000005.zst"]);
    assert!(folder.path().join("e.jsonl.backup").exists());
}

#[test]
fn a_file_is_rotated_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    let log = open(Options { rotate_age: Duration::ZERO, compress: false, ..options(&path) });
    let mut lane = log.lane();
    lane.write(NOW, &told(1, None));
    drop(lane);
    let _ = log.close();
    let text = std::fs::read_to_string(folder.path().join("e.jsonl.000001")).unwrap();
    assert!(
        text.contains("\"recipient\":\"row1@table.example\",\"domain\":\"table.example\",\"table_row\":1,"),
        "{text}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn a_torn_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    let torn = format!("{{\"table_row\":1}}\n{{\"table_row\":2}}\n{{\"text\":\"{}", "x".repeat(200_000));
    std::fs::write(&path, torn).unwrap();
    let log = open(options(&path));
    let mut lane = log.lane();
    lane.write(NOW, &told(3, Some(b"a@b")));
    drop(lane);
    let _ = log.close();
    assert_eq!(rows(&std::fs::read(&path).unwrap()), [1, 2, 3]);
}

#[test]
fn files_that_cannot_be_used_are_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| {
        let opened = EventLog::open(options(path), "news", Box::new(|_, _| false));
        opened.err().map(|e| e.to_string()).unwrap_or_default()
    };
    let missing = error(&folder.path().join("no/such/e.jsonl"));
    assert!(missing.contains("no/such/e.jsonl") && missing.contains("hint: the folder must exist"), "{missing}");
    let directory = error(folder.path());
    assert!(directory.contains("hint: name a file in that folder"), "{directory}");
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "email\nann@a.example").unwrap();
    let foreign = error(&list);
    assert!(foreign.contains("list.csv is no event log") && foreign.contains("hint:"), "{foreign}");
    assert_eq!(std::fs::read(&list).unwrap(), b"email\nann@a.example");
    let path = folder.path().join("e.jsonl");
    let log = open(options(&path));
    let locked = error(&path);
    assert!(locked.contains("in use by another process") && locked.contains("hint:"), "{locked}");
    let _ = log.close();
}

#[test]
fn a_full_disk_crowds_the_lanes_and_loses_nothing_in_silence() {
    let log = open(options(Path::new("/dev/full")));
    let mut lane = log.lane();
    let mut lines = 0;
    while !lane.is_crowded() {
        lane.write(NOW, &told(lines, Some(b"ann@a.example")));
        lines += 1;
        assert!(lines < 1_000_000, "it never says that it is crowded");
    }
    drop(lane);
    let written = log.close();
    assert_eq!((written.lines, written.lost), (0, u64::from(lines)));
    assert!(written.why.unwrap().contains("/dev/full cannot be written: No space left"));
}

#[test]
fn a_writer_that_panics_loses_lines_aloud_and_crowds_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let look_up = |row: u32, _: &mut Vec<u8>| {
        assert!(row != 1, "no such row");
        true
    };
    let log = EventLog::open(options(&folder.path().join("e.jsonl")), "news", Box::new(look_up)).unwrap();
    let mut lane = log.lane();
    for row in 0..3 {
        lane.write(NOW, &told(row, None));
        lane.send();
    }
    let queued = lane.queued.clone();
    drop(lane);
    let Written { lines, lost, why } = log.close();
    assert_eq!((lines, lost, queued.load(Ordering::Relaxed)), (1, 2, 0));
    let why = why.unwrap();
    assert!(why.ends_with("e.jsonl cannot be written: its writer panicked: no such row"), "{why}");
}

#[test]
fn a_batch_goes_when_it_is_old_and_buffers_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    let log = open(options(&path));
    let mut lane = log.lane();
    lane.write(NOW, &told(1, Some(b"a@b")));
    let due = lane.next_due().unwrap();
    lane.flush_due(NOW.mono);
    assert_eq!(lane.next_due(), Some(due));
    lane.flush_due(due);
    assert_eq!(lane.next_due(), None);
    drop(lane);
    let spare = log.spare.clone();
    assert_eq!(log.close().lines, 1);
    assert!(spare.try_recv().unwrap().octets.capacity() > 0);
}

/// Writes rows, and waits until they are in the file.
fn written(lane: &mut Lane, path: &Path, rows_of: std::ops::Range<u32>) {
    let wanted: Vec<u64> = rows_of.clone().map(u64::from).collect();
    rows_of.for_each(|row| lane.write(NOW, &told(row, Some(b"a@b"))));
    lane.send();
    let start = std::time::Instant::now();
    while !std::fs::read(path).is_ok_and(|text| rows(&text).ends_with(&wanted)) {
        assert!(start.elapsed() < Duration::from_secs(60), "{wanted:?} are never written to {}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_file_that_is_removed_takes_its_lines_along_aloud_and_the_rest_goes_to_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    for removed_last in [false, true] {
        let _ = std::fs::remove_file(&path);
        let log = open(options(&path));
        let mut lane = log.lane();
        written(&mut lane, &path, 0..7);
        std::fs::remove_file(&path).unwrap();
        written(&mut lane, &path, 7..10);
        if removed_last {
            std::fs::remove_file(&path).unwrap();
        } else {
            assert_eq!(rows(&std::fs::read(&path).unwrap()), [7, 8, 9]);
        }
        drop(lane);
        let Written { lines, lost, why } = log.close();
        assert_eq!((lines, lost), if removed_last { (0, 10) } else { (3, 7) });
        assert_eq!(why, Some(format!("the event log {} was removed while this run wrote to it", path.display())));
    }
}

#[test]
fn a_file_that_is_moved_away_keeps_its_lines_and_a_new_one_gets_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("e.jsonl"), folder.path().join("old.jsonl"));
    let log = open(options(&path));
    let mut lane = log.lane();
    written(&mut lane, &path, 0..5);
    std::fs::rename(&path, &away).unwrap();
    written(&mut lane, &path, 5..9);
    // What lies there now is no log: nothing is written to it.
    std::fs::remove_file(&away).unwrap();
    std::fs::rename(&path, &away).unwrap();
    std::fs::write(&path, "mine").unwrap();
    lane.write(NOW, &told(9, Some(b"a@b")));
    drop(lane);
    let Written { lines, lost, why } = log.close();
    assert_eq!((lines, lost), (9, 1));
    assert!(why.unwrap().contains("e.jsonl is no event log"));
    assert_eq!(
        (rows(&std::fs::read(&away).unwrap()), std::fs::read(&path).unwrap()),
        (vec![5, 6, 7, 8], b"mine".to_vec())
    );
}
