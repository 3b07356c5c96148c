//! A campaign whose files are damaged, in a report: what can still be read is shown, and nobody takes it for the whole.

use crate::folder::{Folder, Ran};
use posthaste::base::clock::UnixTime;
use posthaste::engine::campaign::{Campaign, Opening, journal_of};
use posthaste::wire::disk::Files;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Who is sent to before the files are harmed, and of how many.
const SENT: u64 = 5;
const PEOPLE: u64 = 12;

/// The files of a campaign, and whether others have all that they say, so that nothing is lost with them.
const FILES: [(&str, bool); 6] = [
    ("manifest", false),
    ("domains.dir", false),
    ("rows.dat", false),
    ("rows.idx", false),
    ("j/0001.jnl", false),
    // It is kept a second time in `marks`.
    ("j/mark", true),
];

const FORMS: [&[&str]; 7] = [
    &["--json"],
    &[],
    &["--csv", "-"],
    &["--attempts", "-"],
    &["--possible-duplicates", "-"],
    &["--html", "-"],
    &["--recipient", "p0@a.example"],
];

/// A way to harm the octets of a file: what is there instead.
type Harm = fn(&[u8]) -> Vec<u8>;
/// Those that leave a file there.
const HARMS: [(&str, Harm); 5] = [
    ("emptied", |_| Vec::new()),
    ("cut", |octets| octets[..used(octets) / 2].to_vec()),
    ("garbage", |octets| (0..octets.len().clamp(64, 100_000)).map(|n| (n * 7 + n / 13) as u8 | 1).collect()),
    ("zeroed", |octets| vec![0; octets.len()]),
    ("a bit flipped", |octets| {
        let mut octets = octets.to_vec();
        let at = 60.min(used(&octets) / 2);
        octets[at] ^= 16;
        octets
    }),
];

/// A segment's unused end is zeros.
fn used(octets: &[u8]) -> usize {
    octets.iter().rposition(|octet| *octet != 0).map_or(0, |at| at + 1)
}

/// A campaign that has sent to some.
fn begun() -> Folder {
    let folder = Folder::new();
    let people = (0..PEOPLE).map(|n| format!("p{n}@{}.example,P{n}\n", ["a", "b", "c"][n as usize % 3]));
    folder.put("w.csv", "email,first\n".to_owned() + &people.collect::<String>());
    let (ran, _) = folder.send(&["--limit", &SENT.to_string()]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    folder
}

fn home(folder: &Folder) -> PathBuf {
    folder.path().join("data/campaign/w")
}

fn report(folder: &Folder, form: &[&str]) -> Ran {
    folder.run(&[&["report", "w", "--data", "data", "--utc"], form].concat())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

/// Harms a file in each way, one after the other, and puts it back.
fn in_each_way(path: &Path, mut look: impl FnMut(&str)) {
    let whole = fs::read(path).unwrap();
    for (way, harm) in HARMS {
        fs::write(path, harm(&whole)).unwrap();
        look(way);
    }
    fs::remove_file(path).unwrap();
    look("deleted");
    fs::create_dir(path).unwrap();
    look("a folder, which no user can read as a file");
    fs::remove_dir(path).unwrap();
    fs::write(path, whole).unwrap();
}

/// A report in this form, of a campaign that has lost something.
fn is_no_whole_report(form: &[&str], ran: &Ran, place: &str) {
    assert_eq!(ran.code, Some(1), "{place}: {ran:?}");
    assert!(ran.err.contains("hint: "), "{place}: {ran:?}");
    let told = match form {
        _ if place.starts_with("manifest") => return assert_eq!(ran.out, "", "{place}: without it nothing is known"),
        ["--json"] => {
            let whole = json(ran);
            assert_eq!(whole["state"], "damaged", "{place}: {ran:?}");
            assert_eq!(whole["loaded"], PEOPLE, "{place}: {ran:?}");
            assert!(!whole["damage"].as_array().unwrap().is_empty(), "{place}: {ran:?}");
            if !place.starts_with("j/") {
                assert_eq!(
                    (&whole["delivered"], &whole["waiting"]),
                    (&SENT.into(), &(PEOPLE - SENT).into()),
                    "{place}"
                );
            }
            return;
        }
        [] => "Campaign w: damaged\n",
        ["--csv", _] => "recipient,disposition,",
        ["--attempts", _] => "recipient,table_row,",
        ["--html", _] => "<span class=\"pill damaged\">damaged</span>",
        _ => "",
    };
    assert!(ran.out.contains(told), "{place}: {ran:?}");
}

#[test]
fn a_report_of_a_damaged_campaign_says_so_in_each_form_and_leaves_with_code_1() {
    let folder = begun();
    let whole = FORMS.map(|form| report(&folder, form));
    assert!(whole.iter().all(|ran| ran.code == Some(0)), "{whole:?}");
    assert_eq!(json(&whole[0])["state"], "stopped");
    for (file, is_kept_elsewhere) in FILES {
        in_each_way(&home(&folder).join(file), |way| {
            for (form, whole) in FORMS.iter().zip(&whole) {
                let (ran, place) = (report(&folder, form), format!("{file} {way}, {form:?}"));
                // A row is looked at where it is told of.
                let is_narrow =
                    file.starts_with("rows.") && ["--attempts", "--recipient"].contains(form.first().unwrap_or(&""));
                if (is_kept_elsewhere || is_narrow) && ran.code == Some(0) {
                    assert_eq!((timeless(&ran.out), &*ran.err), (timeless(&whole.out), ""), "{place}");
                } else {
                    is_no_whole_report(form, &ran, &place);
                }
            }
        });
    }
    assert_eq!(report(&folder, &["--csv", "-"]).out, whole[2].out, "all is as it was");
}

/// A page has the time at which it was made.
fn timeless(out: &str) -> &str {
    out.split_once("<dt>Made at").map_or(out, |(page, _)| page)
}

#[test]
fn damage_below_a_snapshot_and_of_the_snapshot_is_told_and_so_is_that_of_both_marks() {
    let folder = begun();
    let how = Opening { snapshot_after_octets: 1, ..Opening::at(UnixTime(1_900_000_000)) };
    let marks = folder.path().join("data/marks");
    let mut disk = Files::open(&journal_of(&home(&folder))).unwrap().with_marks_in(Some(marks.clone()));
    drop(Campaign::open(&home(&folder), &mut disk, &how).unwrap());
    drop(disk);
    let state = |ran: &Ran| json(ran)["state"].as_str().unwrap().to_owned();
    for file in ["domains.dir", "j/0001.jnl", "state.snap"] {
        in_each_way(&home(&folder).join(file), |way| {
            let ran = report(&folder, &["--json"]);
            let whole = json(&ran);
            assert_eq!(
                (&whole["loaded"], &whole["delivered"]),
                (&PEOPLE.into(), &SENT.into()),
                "{file} {way}: {ran:?}"
            );
            let told = whole["damage"].as_array().unwrap().len();
            if file == "state.snap" {
                // The journal has all of it.
                assert_eq!((ran.code, &*state(&ran)), (Some(0), "stopped"), "{file} {way}: {ran:?}");
                assert_eq!(told, usize::from(way != "deleted"), "{file} {way}: {ran:?}");
            } else {
                assert_eq!((ran.code, &*state(&ran)), (Some(1), "damaged"), "{file} {way}: {ran:?}");
                assert!(told > 0, "{file} {way}: {ran:?}");
            }
        });
    }
    fs::remove_dir_all(&marks).unwrap();
    in_each_way(&home(&folder).join("j/mark"), |way| {
        let ran = report(&folder, &["--json"]);
        // It says the same twice: half of it will do.
        let is_half = ["cut", "a bit flipped"].contains(&way);
        let right = if is_half { (Some(0), "stopped") } else { (Some(1), "damaged") };
        assert_eq!((ran.code, &*state(&ran)), right, "both marks, {way}: {ran:?}");
    });
}

#[test]
fn what_a_token_tells_of_a_damaged_campaign_is_not_taken_for_the_whole() {
    let folder = begun();
    let csv = report(&folder, &["--csv", "-"]).out;
    let token = csv.lines().nth(1).and_then(|line| line.split(',').nth(12)).unwrap().to_owned();
    let tell = || folder.run(&["token", &token, "--data", "data"]);
    assert_eq!(tell().code, Some(0), "{:?}", tell());
    for file in ["domains.dir", "j/0001.jnl"] {
        let path = home(&folder).join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, []).unwrap();
        let ran = tell();
        assert!(ran.code == Some(1) && ran.err.contains("warning: damaged: "), "{file}: {ran:?}");
        assert!(ran.out.contains("@a.example"), "{file}: who it is is known: {ran:?}");
        fs::write(&path, whole).unwrap();
    }
}
