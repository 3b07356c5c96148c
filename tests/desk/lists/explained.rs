//! What lists cannot be taken for, and what is done about it.

use super::{campaign, got};

/// What is said where nothing is sent.
fn refused(list: impl AsRef<[u8]>, recipients: &str, text: &str) -> String {
    let folder = campaign("l.csv", list, recipients, text);
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.err
}

fn says(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "{words:?} is missing in\n{said}");
    }
}

#[test]
fn a_mapping_that_cannot_act_is_an_error_with_the_way_on() {
    let list = "email,first,given,note,note\nann@a.example,A,B,x,y\n";
    let of = |columns: &str| refused(list, &format!("columns = {{ {columns} }}"), "hello");
    says(
        &of("first = \"given\""),
        &["w.toml:7:", "recipients.columns.first cannot act", "has a column \"first\" of its own", "hint: "],
    );
    says(
        &of("token = \"given\""),
        &["w.toml:7:", "recipients.columns.token cannot act", "means something already", "hint: "],
    );
    says(
        &of("nick = \"gievn\""),
        &["w.toml:7:", "\"gievn\"", "l.csv (line 1) does not have", "did you mean \"given\"?"],
    );
    says(&of("nick = \"note\""), &["\"note\", and 2 columns of ", "hint: rename all but one"]);
    // All of them at once.
    says(&of("a = \"x1\", b = \"x2\", first = \"given\""), &["columns.a ", "columns.b ", "columns.first "]);
    // What acts, or says what is so anyway.
    let folder = campaign(
        "l.csv",
        list,
        "columns = { first = \"first\", email = \"email\", nick = \"given\" }",
        "{{ first }}{{ nick }} {{ email }}",
    );
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: AB ann@a.example"]);
}

#[test]
fn a_name_that_means_two_things_is_an_error_where_it_is_used() {
    says(&refused("email,note,note\nann@a.example,x,y\n", "", "{{ note }}"), &["w.txt:1", "note", "two columns"]);
    says(
        &refused("email,First Name,first_name\nann@a.example,x,y\n", "", "{{ first_name }}"),
        &["w.txt:1", "first_name"],
    );
    says(&refused("email,token\nann@a.example,x\n", "", "{{ token }}"), &["w.txt:1", "token", "hint"]);
}

#[test]
fn a_header_that_is_missing_is_said_with_the_first_line() {
    says(
        &refused("ann@a.example,Ann\nbob@a.example,Bob\n", "", "hello"),
        &["l.csv:1: the header line is missing: the first line is ann@a.example,Ann", "hint: put a line"],
    );
    let long = format!("ann@a.example,\x1b[2J{}\n", "x".repeat(5000));
    let said = refused(long, "", "hello");
    assert!(said.len() < 1000 && !said.contains('\x1b'), "{said}");
    says(&said, &["is missing", "…"]);
}

#[test]
fn the_column_of_addresses_is_looked_for_by_name() {
    says(
        &refused("E-Mail,Name\nann@a.example,A\n", "", "hello"),
        &["recipients.email", "did you mean \"E-Mail\"?", "recipients.email = "],
    );
    says(
        &refused("sep=;\nE-Mail;Name\n", "email = \"Mail\"", "hello"),
        &["w.toml:7:9: recipients.email", "(line 2)", "\"E-Mail\""],
    );
}

#[test]
fn an_encoding_that_is_not_certain_is_asked_for() {
    let russian =
        encoding_rs::WINDOWS_1251.encode("email,name\nann@a.example,Анна\nbob@a.example,Борис\ncyd@a.example,Сид\n").0;
    says(
        &refused(&russian, "", "hello"),
        &["l.csv:2:15: its encoding cannot be told", "encoding = \"windows-1252\"", "\"windows-1251\""],
    );
    let folder = campaign("l.csv", &russian, "encoding = \"windows-1251\"", "{{ name }}");
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: Анна", "bob@a.example: Борис", "cyd@a.example: Сид"]);
}

#[test]
fn settings_that_mean_nothing_are_refused_with_their_place() {
    for (line, words) in [
        ("delimiter = \"ab\"", &["w.toml:7:", "one character", "hint: "][..]),
        ("delimiter = \"@\"", &["w.toml:7:", "one character"]),
        ("encoding = \"klingon\"", &["w.toml:7:", "\"klingon\" is no encoding", "hint: "]),
        ("several = \"all\"", &["w.toml:7:", "\"refuse\", \"first\" or \"each\""]),
        ("format = \"xlsx\"", &["w.toml:7:", "leave format out"]),
    ] {
        says(&refused("email\nann@a.example\n", line, "hello"), words);
    }
}

#[test]
fn two_addresses_in_a_cell_are_refused_by_name_or_taken_as_asked() {
    let list = "email,name\n\"ann@a.example; bob@a.example\",AB\ncyd@a.example,C\n";
    says(
        &refused(list, "", "{{ name }}"),
        &[
            "l.csv",
            "line 2: 2 addresses in one cell (ann@a.example, bob@a.example)",
            "several = \"first\" or \"each\"",
            "rejects.csv",
        ],
    );
    let taken = |several: &str| got(&campaign("l.csv", list, several, "{{ name }}").delivers(&[]));
    assert_eq!(taken("several = \"first\""), ["ann@a.example: AB", "cyd@a.example: C"]);
    assert_eq!(taken("several = \"each\""), ["ann@a.example: AB", "bob@a.example: AB", "cyd@a.example: C"]);
}

#[test]
fn what_stands_around_an_address_is_taken_away_and_counted() {
    let cells = [
        "  a@x.example\t",
        "\u{a0}b@x.example",
        "\u{200b}c@x.example\u{200d}",
        "\u{feff}d@x.example",
        "mailto:e@x.example",
        "<f@x.example>",
        "Gil <g@x.example>",
        "h@x.example.",
        "'i@x.example'",
    ];
    let rows: String = cells.iter().map(|cell| format!("{cell}\n")).collect();
    let folder = campaign("l.csv", format!("email\n{rows}z@x.example\n"), "", "hello");
    let (ran, letters) = folder.send(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    says(&ran.out, &["9 addresses were cleaned of blanks, names, mailto:"]);
    let all: Vec<String> = "abcdefghiz".chars().map(|name| format!("{name}@x.example: hello")).collect();
    assert_eq!(got(&letters), all);
}

#[test]
fn a_dry_run_tells_what_was_cleaned_and_is_odd_and_keeps_the_rejected_rows() {
    let list = "email,name\nAnn <ann@a.example>,A\nbob@gmial.com,B\nnobody,N\nmailto:cyd@a.example,C\n";
    let folder = campaign("l.csv", list, "max_rejected = \"50%\"", "{{ name }}");
    let dry = ["send", "w.toml", "--data", "data", "--dry-run"];
    let ran = folder.run(&dry);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    says(
        &ran.out,
        &[
            "cleaned       2",
            "l.csv:3 bob@gmial.com: the domain gmial.com",
            "gmail.com",
            "rejects file  ",
            "data/rejects/w.csv",
        ],
    );
    assert!(folder.read("data/rejects/w.csv").contains("\n4,\"the address has no @\",\"nobody\""));
    // Too many: the file is named, and is there.
    folder.put("w.toml", folder.read("w.toml").replace("50%", "1%"));
    let ran = folder.run(&dry);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    says(&ran.err, &["line 4: the address has no @", "all of them are in ", "data/rejects/w.csv"]);
    assert!(folder.read("data/rejects/w.csv").contains("nobody"));
    // None are left, and so is no file.
    folder.put("l.csv", "email,name\nann@a.example,A\n");
    assert_eq!(folder.run(&dry).code, Some(0));
    assert!(!folder.path().join("data/rejects/w.csv").exists());
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 1, "the scratch goes");
}

#[test]
fn a_run_ends_with_the_rejects_file_and_the_cleaned_in_words_and_json() {
    let list = "email,name\n Ann <ann@a.example>,A\nbob@hotmial.com,B\nnobody,N\n";
    let folder = campaign("l.csv", list, "max_rejected = \"50%\"", "{{ name }}");
    let send = ["send", "w.toml", "--data", "data", "--sink", "--json"];
    for run in ["first", "again"] {
        let ran = folder.run(&send);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&json["cleaned"], &json["rejected"]), (&1.into(), &1.into()), "{run}: {ran:?}");
        let file = json["rejects_file"].as_str().unwrap();
        assert!(std::fs::read_to_string(folder.path().join(file)).unwrap().contains("nobody"), "{file}");
        if run == "first" {
            says(&ran.err, &["l.csv:3: the domain hotmial.com", "hotmail.com"]);
        }
    }
}

#[test]
fn a_list_that_other_settings_read_in_another_way_is_another_list() {
    let list = super::western(
        "email;name\nann@a.example;J\u{fc}rgen\nbob@a.example;Zo\u{eb}\ncyd@a.example;Ren\u{e9}\ndan@a.example;I\u{f1}igo\n",
    );
    let folder = campaign("l.csv", list, "", "{{ name }}");
    let send = |more: &[&str]| folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
    let begun = send(&["--limit", "1"]);
    assert_eq!(begun.code, Some(3), "{begun:?}");
    let toml = folder.read("w.toml");
    for (setting, now) in [
        ("encoding = \"windows-1250\"", "windows-1250, separated by semicolons"),
        ("delimiter = \",\"\nemail = \"email;name\"", "separated by commas"),
    ] {
        folder.put("w.toml", format!("{toml}\n{setting}\n"));
        let ran = send(&[]);
        assert_eq!(ran.code, Some(2), "{setting}: {ran:?}");
        if !setting.contains("delimiter") {
            let was = "has changed since the campaign was begun (it was read as Windows-1252, separated by semicolons, and now it would be as ";
            says(&ran.err, &[was, now, "nothing is sent"]);
        }
    }
    // What makes nothing else of it changes nothing, nor does what is said and was found before.
    folder.put("w.toml", format!("{toml}\nseveral = \"first\"\n"));
    let ran = send(&["--limit", "1"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    says(&ran.err, &["the first of several addresses in a cell", "but not in its recipients and their values"]);
    folder.put("w.toml", format!("{toml}\nencoding = \"windows-1252\"\ndelimiter = \";\"\n"));
    let ran = send(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_suppression_file_stops_whom_the_list_means() {
    let folder = campaign("l.csv", "email\n Ann <ann@a.example>\nbob@a.example\ncyd@a.example\n", "", "hello");
    folder.put(
        "no.txt",
        "\u{feff}ann@a.example,\r\nCyd <cyd@a.example>\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>(),
    );
    folder.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
    assert_eq!(got(&folder.delivers(&["--config", "e.toml"])), ["bob@a.example: hello"]);
}
