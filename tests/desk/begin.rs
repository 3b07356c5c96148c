//! What a send tells before and after it, to whoever never ran `check`; and a campaign that is begun in two places.

use crate::folder::{CAMPAIGN, Folder, Ran, Receiver};
use std::fs;
use std::process::Stdio;

const PAGE: &str =
    "<p>Hello {{ first }}, a letter of some length</p><p><a href=\"{{ unsubscribe_url }}\">leave</a></p>";

/// A campaign whose rows and whose way out have what `check` warns of.
fn folder() -> Folder {
    let folder = Folder::new();
    let way_out = "[unsubscribe]\nurl = \"https://acme.example/u\"\n[recipients]";
    folder.put("w.toml", CAMPAIGN.replace("text = \"w.txt\"", "html = \"w.html\"").replace("[recipients]", way_out));
    folder.put("w.html", PAGE);
    folder.put("w.csv", "email,first\ninfo@p.example,\nabuse@p.example,=?utf-8?Q?J=C3=BCrgen?=\nbob@p.example,\n");
    folder
}

fn says(ran: &Ran, all: &str, words: &[&str]) {
    for word in words {
        assert!(all.contains(word), "{word:?} is missing: {ran:?}");
    }
}

const OF_ROWS: [&str; 4] = [
    "the unsubscribe URL is the same in each letter",
    "w.csv:2: 2 of 3 rows have nothing in \"first\" (such as info@p.example)",
    "w.csv:3: 1 address is no person's (such as abuse@p.example)",
    "w.csv:3: 1 of 3 rows have words that are encoded as in mail headers",
];

#[test]
fn a_send_and_a_dry_run_tell_what_check_tells_of_rows_and_of_the_way_out_also_whoever_wants_quiet() {
    let folder = folder();
    let checked = folder.run(&["check", "w.toml", "--data", "data", "--offline"]);
    says(&checked, &checked.out, &OF_ROWS);
    let quiet = folder.run(&["send", "w.toml", "--data", "quiet", "--sink", "--quiet"]);
    assert_eq!((quiet.code, quiet.out.as_str()), (Some(0), ""), "{quiet:?}");
    says(&quiet, &quiet.err, &OF_ROWS);
    assert_eq!(quiet.err.matches("warning: ").count(), OF_ROWS.len(), "{quiet:?}");
    let dry = folder.run(&["send", "w.toml", "--data", "dry", "--sink", "--dry-run"]);
    says(&dry, &dry.out, &OF_ROWS);
    // What is told no more is counted.
    let more = "{{ first }} Lorem ipsum [Company] <img src=\"a.png\"> <a href=\"#\">x</a> *|FNAME|*";
    folder.put("w.html", PAGE.replace("{{ first }}", more));
    let ran = folder.run(&["send", "w.toml", "--data", "more", "--sink", "--progress", "none"]);
    let checked = folder.run(&["check", "w.toml", "--data", "data", "--offline"]);
    let warnings = checked.out.matches("warning: ").count();
    says(&ran, &ran.err, &[&format!("{} more warnings: see posthaste check", warnings - 5)]);
}

#[test]
fn who_is_suppressed_or_got_it_already_is_not_warned_of() {
    let folder = folder();
    folder.put("stop.txt", "abuse@p.example\n");
    folder.put("e.toml", "[engine]\nsuppression = [\"stop.txt\"]\n");
    let send = || folder.run(&["send", "w.toml", "--data", "data", "--sink", "--quiet", "--config", "e.toml"]);
    let ran = send();
    assert!(ran.err.contains("2 of 2 rows have nothing") && !ran.err.contains("no person's"), "{ran:?}");
    let ran = send();
    assert!(ran.code == Some(0) && !ran.err.contains("rows have nothing"), "{ran:?}");
}

#[test]
fn rejected_rows_are_told_with_reasons_and_their_file_also_whoever_wants_quiet() {
    let folder = Folder::new();
    folder.put("w.toml", CAMPAIGN.replace("[recipients]", "[recipients]\nmax_rejected = \"100%\""));
    folder.put("w.csv", "email,first\nann@a.example,Ann\nnobody,N\n@b.example,B\nc d@c.example,C\nd@,D\n");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--quiet"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    says(
        &ran,
        &ran.err,
        &[
            "warning: 4 rows of w.csv are rejected, and they get no letter",
            "w.csv:3: \"nobody\": the address has no @",
            "w.csv:4: \"@b.example\"",
            "data/sink/w/rejects.csv",
        ],
    );
    assert!(!ran.err.contains("w.csv:6"), "three are quoted: {ran:?}");
}

#[test]
fn where_all_rows_are_rejected_nothing_is_sent_and_that_is_no_success() {
    let folder = Folder::new();
    folder.put("w.toml", CAMPAIGN.replace("[recipients]", "[recipients]\nmax_rejected = \"100%\""));
    folder.put("w.csv", "email,first\nnobody,N\nno one,O\n");
    for more in [&[][..], &["--quiet"], &["--dry-run"], &["--limit", "1"]] {
        let ran = folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
        assert_eq!(ran.code, Some(2), "{more:?}: {ran:?}");
        says(&ran, &ran.err, &["all of the 2 rows of the list are rejected: nobody gets a letter"]);
    }
    let ran = folder.run(&["check", "w.toml", "--data", "data", "--offline"]);
    assert!(ran.code == Some(2) && ran.out.contains("nobody gets a letter"), "{ran:?}");
    // Mended, it goes under the same name.
    folder.put("w.csv", "email,first\nann@a.example,N\n");
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0));
}

#[test]
fn the_number_of_the_table_is_not_called_a_row_for_rows_are_those_of_the_list() {
    let folder = Folder::new();
    let list: String = (0..10).map(|n| format!("u{n}@d{}.example,N{n}\n", n % 3)).collect();
    folder.put("w.csv", format!("email,first\n{list}"));
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0));
    for form in ["--csv", "--attempts"] {
        let ran = folder.run(&["report", "w", "--data", "data", "--sink", form, "-"]);
        let heading: Vec<&str> = ran.out.lines().next().unwrap().split(',').collect();
        assert!(heading.contains(&"table_row") && !heading.contains(&"row"), "{heading:?}");
    }
    let csv = folder.run(&["report", "w", "--data", "data", "--sink", "--csv", "-"]).out;
    let token = csv.lines().find(|line| line.starts_with("u4@")).unwrap().split(',').nth(12).unwrap().to_owned();
    let ran = folder.run(&["token", &token, "--data", "data"]);
    assert!(ran.out.starts_with("u4@d1.example: ") && !ran.out.contains("row"), "{ran:?}");
    let found = folder.run(&["token", &token, "--data", "data", "--json"]).out;
    assert!(found.contains("\"table_row\":") && !found.contains("\"row\":"), "{found}");
}

#[test]
fn a_campaign_that_has_begun_beside_its_file_or_above_is_not_begun_again_elsewhere() {
    let folder = Folder::new();
    for file in ["w.toml", "w.txt", "w.csv"] {
        folder.put(&format!("spring/{file}"), folder.read(file));
    }
    let kept = folder.path().join("kept");
    let receiver = Receiver::start(&kept);
    let run = |at: &str, arguments: &[&str]| {
        let mut command = folder.command(arguments);
        let output = command.current_dir(folder.path().join(at)).stderr(Stdio::piped()).output().unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    let to = ["--smarthost", &receiver.address];
    let ran = run("spring", &[&["send", "w.toml"], &to[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for more in [&[][..], &["--quiet"]] {
        let ran = run(".", &[&["send", "spring/w.toml"], &to[..], more].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        says(&ran, &ran.err, &["the campaign w has begun in ", "spring/posthaste-data", "nothing is sent", "--data "]);
    }
    // From below it, and by a configuration that says the same.
    folder.put("spring/deep/e.toml", "[engine]\ndata = \"posthaste-data\"\n");
    let ran = run("spring/deep", &[&["send", "../w.toml", "--config", "e.toml"], &to[..]].concat());
    assert!(ran.code == Some(2) && ran.err.contains("has begun in"), "{ran:?}");
    let ran = run("spring/deep", &["report", "w"]);
    says(&ran, &ran.err, &["there is no data directory posthaste-data", "hint: there is one above: --data "]);
    let ran = run("spring/deep", &["token", "x"]);
    says(&ran, &ran.err, &["hint: there is one above: --data "]);
    // What is named is meant; and where it began it goes on.
    let ran = run(".", &[&["send", "spring/w.toml", "--data", "spring/posthaste-data"], &to[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(run("spring", &[&["send", "w.toml"], &to[..]].concat()).code, Some(0));
    receiver.end();
    assert_eq!(fs::read_dir(kept).unwrap().count(), 1, "one recipient, one letter");
    // Rehearsals mail nobody, wherever they are.
    assert_eq!(run(".", &["send", "spring/w.toml", "--sink"]).code, Some(0));
}

#[test]
fn a_csv_file_has_the_mark_that_excel_needs_and_a_program_gets_none() {
    let folder = Folder::new();
    folder.put("w.csv", "email,first\nann@a.example,J\u{fc}rgen\n");
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0));
    let report = |more: &[&str]| folder.run(&[&["report", "w", "--data", "data", "--sink"], more].concat());
    for form in ["--csv", "--attempts"] {
        assert_eq!(report(&[form, "out.csv"]).code, Some(0));
        let marked = folder.read("out.csv");
        assert!(marked.starts_with("\u{feff}recipient,"), "{marked}");
        assert_eq!(report(&[form, "raw.csv", "--raw"]).code, Some(0));
        let out = report(&[form, "-"]).out;
        assert!(out.starts_with("recipient,") && folder.read("raw.csv").starts_with("recipient,"));
        assert_eq!(marked.strip_prefix('\u{feff}'), Some(out.as_str()));
    }
    // As a list it is read with the mark.
    assert_eq!(report(&["--csv", "w.csv"]).code, Some(0));
    folder.put("w.toml", CAMPAIGN.replace("name = \"w\"", "name = \"v\"").replace("\"email\"", "\"recipient\""));
    folder.put("w.txt", "Dear {{ row[\"list.first\"] }},\n");
    folder.put("w.toml", folder.read("w.toml").replace("Hello {{ first }}", "Hello"));
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--json"]);
    assert!(ran.code == Some(0) && ran.out.contains("\"delivered\":1"), "{ran:?}");
}

#[test]
fn what_is_said_twice_or_by_a_way_around_is_said_once_and_straight() {
    let folder = Folder::new();
    folder.put("stop.txt", "ann@a.example\n");
    folder.put("e.toml", "[engine]\nsuppression = [\"stop.txt\"]\n");
    let ran = folder.run(&[
        "send",
        "w.toml",
        "--data",
        "data",
        "--sink",
        "--config",
        "e.toml",
        "--test",
        "ann@a.example",
        "--row",
        "1",
    ]);
    assert_eq!(ran.err.matches("is on the suppression list").count(), 1, "{ran:?}");
    folder.put("deep/x", "");
    folder.put("w.csv", "email,first\nann@a.example,A\nbob@b.example,B\n");
    let ran = folder.run(&["send", "deep/../w.toml", "--data", "deep/../data", "--sink", "--limit", "1"]);
    let hints: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("hint: ")).collect();
    assert!(ran.code == Some(3) && !hints.is_empty() && !hints.iter().any(|hint| hint.contains("..")), "{ran:?}");
}

#[test]
fn a_hundred_refusals_are_a_line_in_the_log_that_names_nobody() {
    let folder = Folder::new();
    let list: String = (0..100).map(|n| format!("u{n}@d{}.example,N{n}\n", n % 7)).collect();
    folder.put("w.csv", format!("email,first\n{list}"));
    let receiver = Receiver::start_with(&folder.path().join("kept"), &["--reject", "100"]);
    let to = ["--smarthost", &receiver.address];
    let more = ["send", "w.toml", "--data", "data", "--progress", "none", "--ignore-bounces"];
    let ran = folder.run(&[&more[..], &to[..]].concat());
    receiver.end();
    let lines: Vec<&str> = ran.err.lines().filter(|line| line.contains("a recipient bounced")).collect();
    assert!((1..=2).contains(&lines.len()), "{ran:?}");
    assert!(lines[0].contains("code=550") && lines.last().unwrap().contains("(99 times more)"), "{lines:?}");
    assert!(!lines.concat().contains(".example"), "{lines:?}");
}
