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
    for said in ["5 of 5 records rejected", "line 2: p0@a.example: w.txt, line 2, column ", "rejects.csv"] {
        assert!(ran.err.contains(said), "{said}: {ran:?}");
    }
    let rejects = folder.read("data/campaign/w/rejects.csv");
    assert!(rejects.contains("\n6,\"w.txt, line 2, column ") && rejects.contains(",\"p4@a.example\"\n"), "{rejects}");
    folder.put("w.txt", "Dear {{ first }},\nhello.\n");
    assert_eq!(folder.delivers(&[]).len(), 5);
}

#[test]
fn what_no_row_can_be_rendered_with_is_told_before_the_first_message_and_leaves_the_name_free() {
    let endless = "{% for a in range(10000) %}{% for b in range(10000) %}{{ a }}{% endfor %}{% endfor %}";
    for (template, says) in [
        ("{{ first|titlecase }}", "w.txt:1:10: there is no filter `titlecase`"),
        ("{{ first.titel() }}", "w.txt:1:4: text has no method `titel`"),
        ("{{ first.given }}", "w.txt:1:4: a cell of a column is text, and has no attribute `given`"),
        ("{% if first is emtpy %}x{% endif %}", "w.txt:1:16: there is no test `emtpy`"),
        ("{{ greet(first) }}", "w.txt:1:4: there is no function `greet`"),
        ("{{ first|truncate('x') }}", "w.txt:1:10: `truncate` fails with these arguments on every row"),
        (endless, "line 2: p0@a.example: w.txt, line 1, column 55: `a`: the template runs for more than 1000000 steps"),
        (
            "{% for a in range(9000) %}{{ 'x' * 1000 }}{% endfor %}",
            "line 2: p0@a.example: the text of w.txt is longer than 4194304 octets",
        ),
    ] {
        let folder = folder(template, list(3, |_| false));
        let (ran, letters) = folder.send(&[]);
        assert_eq!((ran.code, letters.len()), (Some(2), 0), "{template}: {ran:?}");
        assert!(ran.err.contains(says), "{template}: {}", ran.err);
        folder.put("w.txt", "Dear {{ first }}\n");
        assert_eq!(folder.delivers(&[]).len(), 3, "{template}");
    }
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
    assert!(ran.err.contains("line 27002: p27000@a.example: w.txt, line 1, column 1: "), "{ran:?}");
    folder.put("w.txt", "{% if first == 'z' %}a{% endif %} hello.\n");
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
    assert!(ran.out.contains("w.csv:9: the row of \"p7@a.example\" is rejected: w.txt, line 1, column 1: "), "{ran:?}");
    folder.put("w.csv", list(10, |n| n > 1));
    for arguments in [&["send", "w.toml", "--data", "data", "--dry-run"][..], &["check", "w.toml"]] {
        let ran = folder.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("line 4: p2@a.example: w.txt, line 1, column 1: "), "{said}");
    }
}

/// Everything about this campaign is refused, by `check` and by `send`, and nobody is mailed.
fn is_refused(folder: &Folder, said: &[&str]) {
    let ran = folder.run(&["check", "w.toml"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let (sent, letters) = folder.send(&[]);
    assert_eq!((sent.code, letters.len()), (Some(2), 0), "{sent:?}");
    for word in said {
        assert!(ran.out.contains(word) && sent.err.contains(word), "{word}: {ran:?} {sent:?}");
    }
}

#[test]
fn a_filter_with_a_wrong_argument_is_told_with_its_place_however_alike_the_rows_are() {
    let folder = folder("", list(2000, |_| false));
    for filter in ["truncate(\"x\")", "truncate(2)", "center(\"x\")", "replace(1)", "upper(1,2)"] {
        folder.put("w.txt", format!("Dear,\n{{{{ first|{filter} }}}}\n"));
        let name = filter.split('(').next().unwrap();
        is_refused(&folder, &["w.txt:2:10: ", &format!("`{name}` fails with these arguments on every row: ")]);
    }
    folder.put("w.txt", "hello.\n");
    folder.put("w.toml", folder.read("w.toml").replace("{{ first }}", "{{ first|truncate(1) }}"));
    is_refused(&folder, &["w.toml:3:27: ", "`truncate` fails"]);
}

#[test]
fn rows_that_fail_among_others_of_their_kind_are_all_counted() {
    // One row in ten; of those that stand for others one fails.
    let row = |n: usize| format!("p{n}@a.example,{}\n", if n % 10 == 4 { "x" } else { "z" });
    let folder = folder("hello.\n", "email,first\n".to_owned() + &(0..2000).map(row).collect::<String>());
    let long = format!("{{{{ first|replace('x', '{}') }}}}", "y".repeat(9000));
    folder.put("w.toml", folder.read("w.toml").replace("{{ first }}", &long));
    is_refused(&folder, &["200 of 2,000 records rejected", "p4@a.example: the Subject header is longer than"]);
    // A value of another kind, in few rows and many.
    let folder = Folder::new();
    folder.put("w.txt", "{{ first|first|upper }}\n");
    folder.put("w.toml", folder.read("w.toml").replace("w.csv", "w.jsonl").replace("{{ first }}", "s"));
    let row = |n: usize, every: usize| {
        let first = if n % every == 4 { "17".to_owned() } else { format!("[\"a{n}\"]") };
        format!("{{\"email\": \"p{n}@a.example\", \"first\": {first}}}\n")
    };
    folder.put("w.jsonl", (0..2000).map(|n| row(n, 10)).collect::<String>());
    is_refused(&folder, &["200 of 2,000 records rejected", "w.txt, line 1, column 1: "]);
    folder.put("w.jsonl", (0..2000).map(|n| row(n, 100)).collect::<String>());
    let (ran, letters) = folder.send(&["--json"]);
    assert_eq!((ran.code, letters.len(), figure(&ran.out, "rejected")), (Some(0), 1980, 20), "{ran:?}");
}

#[test]
fn of_a_list_of_fifty_thousand_rows_all_is_known_before_the_first_message() {
    let row = |n: usize| format!("p{n}@a.example,{}\n", if n > 11_000 { "a b@c" } else { "x" });
    let folder = folder("hello.\n", "email,first\n".to_owned() + &(0..50_000).map(row).collect::<String>());
    let toml = folder.read("w.toml").replace("[recipients]", "reply_to = \"{{ first }}@a.example\"\n[recipients]");
    folder.put("w.toml", toml);
    is_refused(&folder, &["38,999 of 50,000 records rejected", "Reply-To is no valid address"]);
    assert_eq!(folder.read("data/campaign/w/rejects.csv").lines().count(), 39_000);
}

#[test]
fn each_way_of_ending_counts_the_rejected_rows_for_programs_and_names_their_file() {
    let folder = folder("{{ first|int }} hello.\n", list(5, |_| true));
    let file_of = |out: &str| {
        let json: Value = serde_json::from_str(out).unwrap_or_else(|_| panic!("{out}"));
        assert_eq!(json["rejected"], 5, "{out}");
        folder.read(json["rejects_file"].as_str().unwrap_or_else(|| panic!("{out}"))).lines().count()
    };
    let (ran, _) = folder.send(&["--json"]);
    assert_eq!((ran.code, file_of(&ran.out)), (Some(2), 6), "{ran:?}");
    let (ran, _) = folder.send(&["--json", "--limit", "2"]);
    assert_eq!((ran.code, file_of(&ran.out)), (Some(2), 6), "{ran:?}");
    let dry = ["send", "w.toml", "--data", "data", "--dry-run", "--json"];
    let ran = folder.run(&dry);
    assert_eq!((ran.code, file_of(&ran.out)), (Some(2), 6), "{ran:?}");
    let ran = folder.run(&["check", "w.toml", "--json"]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["list"]["rejected"], &json["list"]["recipients"]), (Some(2), &5.into(), &Value::Null));
    // One that is not stopped.
    folder.put("w.csv", list(100, |n| n == 7));
    let ran = folder.run(&dry);
    let keys = ["loaded", "rejected", "messages", "domains"].map(|key| figure(&ran.out, key));
    assert_eq!((ran.code, keys), (Some(0), [99, 1, 99, 1]), "{ran:?}");
}
