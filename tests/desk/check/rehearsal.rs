//! Rows of which the letter makes no message: they are rejected with their line before anything is sent, and bounce nowhere.

use crate::folder::Folder;
use serde_json::Value;

/// A list of `rows`, of whom those that `is_bad` says have no number.
fn list(rows: usize, is_bad: impl Fn(usize) -> bool) -> String {
    let row = |n: usize| format!("p{n}@a.example,{}\n", if is_bad(n) { "x" } else { "1" });
    format!("email,first\n{}", (0..rows).map(row).collect::<String>())
}

fn folder(text: &str, list: String) -> Folder {
    let folder = Folder::new();
    folder.put("w.txt", text);
    folder.put("w.csv", list);
    folder
}

fn figure(out: &str, key: &str) -> u64 {
    serde_json::from_str::<Value>(out).unwrap()[key].as_u64().unwrap_or_else(|| panic!("{key}: {out}"))
}

#[test]
fn a_letter_that_fails_on_everybody_is_refused_and_its_name_is_free() {
    let folder = folder("Dear {{ first }},\n{{ first|int }}\n", list(5, |_| true));
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(2), 0), "{ran:?}");
    for said in ["5 of 5 records rejected", "line 2: p0@a.example: w.txt, line 2: ", "rejects.csv"] {
        assert!(ran.err.contains(said), "{said}: {ran:?}");
    }
    let rejects = folder.read("data/campaign/w/rejects.csv");
    assert!(rejects.contains("\n6,\"w.txt, line 2: ") && rejects.contains(",\"p4@a.example\"\n"), "{rejects}");
    folder.put("w.txt", "Dear {{ first }},\nhello.\n");
    assert_eq!(folder.delivers(&[]).len(), 5);
}

#[test]
fn the_few_rows_that_fail_are_rejected_and_the_others_get_their_letter() {
    let folder = folder("{{ first|int }} hello.\n", list(100, |n| n == 7 || n == 70));
    let (ran, letters) = folder.send(&["--json"]);
    assert_eq!((ran.code, letters.len()), (Some(0), 98), "{ran:?}");
    let figures = ["rejected", "bounced", "waiting", "loaded"].map(|key| figure(&ran.out, key));
    assert_eq!(figures, [2, 0, 0, 98], "{ran:?}");
    let rejects = folder.read("data/campaign/w/rejects.csv");
    let lines: Vec<&str> = rejects.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["9", "72"], "{rejects}");
    // A mended letter is for them, too.
    folder.put("w.txt", "{{ first }} hello.\n");
    let (ran, letters) = folder.send(&["--add", "--move-destination", "--json"]);
    assert_eq!((ran.code, letters.len()), (Some(0), 2), "{ran:?}");
}

#[test]
fn rows_far_down_the_list_stop_a_letter_with_branches_before_its_first_message() {
    let folder = folder("{% if first|int > 0 %}a{% endif %} hello.\n", list(30_000, |n| n >= 27_000));
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(2), 0), "{ran:?}");
    assert!(ran.err.contains("line 27002: p27000@a.example: w.txt, line 1: "), "{ran:?}");
    folder.put("w.txt", "{% if first == 'x' %}a{% endif %} hello.\n");
    folder.put("w.toml", folder.read("w.toml").replace("text =", "on_uncertain = \"retry\"\ntext ="));
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0));
}

#[test]
fn headers_and_addresses_that_come_out_wrong_reject_their_row() {
    for (key, value, says) in [
        ("reply_to", "{{ first }}@a.example", "Reply-To is no valid address"),
        ("return_path", "{{ first }}+{token}@b.example", "return path is no valid address"),
        ("to", "Ann <{{ first }}@a.example>", "To is no valid address"),
    ] {
        let folder = folder("hello.\n", "email,first\nann@a.example,a@b\nbob@b.example,bob\n".to_owned());
        let toml = folder
            .read("w.toml")
            .replace("[recipients]", &format!("{key} = \"{value}\"\n[recipients]\nmax_rejected = \"50%\""));
        folder.put("w.toml", toml);
        let (ran, letters) = folder.send(&[]);
        assert_eq!((ran.code, letters.len()), (Some(0), 1), "{key}: {ran:?}");
        let rejects = folder.read("data/campaign/w/rejects.csv");
        assert!(rejects.contains("\n2,") && rejects.contains(says), "{key}: {rejects}");
    }
}

#[test]
fn a_dry_run_and_a_check_name_the_rows_that_a_send_would_reject() {
    let folder = folder("{{ first|int }} hello.\n", list(100, |n| n == 7));
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("rejected") && ran.out.contains("99"), "{ran:?}");
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.out.contains("w.csv:9: the row of \"p7@a.example\" is rejected: w.txt, line 1: "), "{ran:?}");
    folder.put("w.csv", list(10, |n| n > 1));
    for arguments in [&["send", "w.toml", "--data", "data", "--dry-run"][..], &["check", "w.toml"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("line 4: p2@a.example: w.txt, line 1: "), "{said}");
    }
}
