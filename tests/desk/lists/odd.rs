//! Lists and letters that programs of other countries write, exports that hold less or more than they seem to, and what is said
//! of them before anything is sent.

use super::super::check::check;
use super::super::folder::Folder;
use super::{campaign, got};

fn encoded(label: &str, text: &str) -> Vec<u8> {
    encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(text).0.into_owned()
}

/// What `check` finds under this name, and what `send` warns of beside it.
fn warned(folder: &Folder, name: &str, more: &[&str]) -> (String, String) {
    let (_, found) = check(folder, "w.toml");
    let found = found.iter().find(|found| found.check == name).unwrap_or_else(|| panic!("{name}: {found:#?}"));
    let mut words = vec!["send", "w.toml", "--data", "data", "--sink"];
    words.extend(more);
    let ran = folder.run(&words);
    assert!(ran.err.contains(&found.says), "{name}: {}\n{ran:?}", found.says);
    (found.place.clone(), format!("{}; {}", found.says, found.hint))
}

#[test]
fn a_letter_is_read_in_what_it_declares_and_declares_what_it_is_then() {
    let folder = campaign("l.csv", "email,first\nann@a.example,Ann\n", "", "");
    let page = "<html><head><meta http-equiv=Content-Type content=\"text/html; charset=windows-1250\"></head>\
                <body><p>Dobrý den {{ first }}, přijďte a těšte se</p></body></html>";
    folder.put("l.html", encoded("windows-1250", page));
    folder.put("w.toml", folder.read("w.toml").replace("text = \"w.txt\"", "html = \"l.html\""));
    let letters = folder.delivers(&[]);
    assert_eq!(got(&letters), ["ann@a.example: Dobrý den Ann, přijďte a těšte se"]);
    let message = mail_parser::MessageParser::new().parse(&letters[0]).unwrap();
    assert!(message.body_html(0).unwrap().contains("charset=utf-8\""), "{:?}", message.body_html(0));
    // A contradiction is told with both, and the key decides.
    folder.put("l.html", encoded("windows-1250", &page.replace("windows-1250", "utf-8")));
    let ran = folder.run(&["send", "w.toml", "--data", "other", "--sink"]);
    for says in [
        "l.html:1:",
        "utf-8, as it says itself",
        "\"přijďte\" in windows-1250",
        "[content]",
        "encoding = \"windows-1250\"",
    ] {
        assert!(ran.code == Some(2) && ran.err.contains(says), "{says}\n{ran:?}");
    }
    let toml = folder.read("w.toml").replace("[recipients]", "[content]\nencoding = \"windows-1250\"\n[recipients]");
    folder.put("w.toml", toml.replace("name = \"w\"", "name = \"w2\""));
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: Dobrý den Ann, přijďte a těšte se"]);
}

#[test]
fn a_list_that_is_not_western_for_certain_is_refused_with_its_cells_and_read_when_it_is_said() {
    for (label, cells, shown) in [
        ("windows-1254", "Şükrü,İzmir", "\"Þükrü\" in windows-1252, \"Şükrü\" in windows-1254"),
        ("windows-1250", "Győző,Győr", "\"Gyõzõ\" in windows-1252, \"Győző\" in windows-1250"),
        ("windows-1250", "Ionuţ,Timişoara", "\"Ionuþ\" in windows-1252, \"Ionuţ\" in windows-1250"),
    ] {
        // Many rows of ASCII, and the odd ones far behind.
        let rows: String = (0..4000).map(|i| format!("u{i}@a.example,Ann,Oslo\n")).collect();
        let odd = format!("a@b.example,{cells}\n").repeat(3).replace("\na@", "\nb@");
        let list = encoded(label, &format!("email,first,city\n{rows}{odd}"));
        let folder = campaign("l.csv", &list, "", "{{ first }} {{ city }}");
        let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
        for says in ["l.csv:4002:", "encoding cannot be told", "line 4002: ", shown, "encoding = "] {
            assert!(ran.code == Some(2) && ran.err.contains(says), "{says}\n{ran:?}");
        }
        let toml = folder.read("w.toml").replace("file = ", &format!("encoding = \"{label}\"\nfile = "));
        folder.put("w.toml", toml);
        let ran = folder.run(&["preview", "w.toml", "--row", "a@b.example", "--write", "o"]);
        let text = folder.read("o/w-4001.txt");
        assert_eq!(text.lines().next().unwrap().trim(), cells.replace(',', " "), "{ran:?}");
    }
}

#[test]
fn a_list_whose_columns_are_called_otherwise_by_now_is_added_to() {
    let new = "ann@a.example,Ann\nbob@b.example,Bob\ncid@c.example,Cid\n";
    for (began, mapped, later, json) in [
        ("first", "", "Vorname", false),
        ("Vorname", "[recipients.columns]\nfirst = \"Vorname\"\n", "first", false),
        ("first", "", "Vorname", true),
    ] {
        let file = if json { "l.jsonl" } else { "l.csv" };
        let list = |heading: &str, rows: &str| match json {
            false => format!("email,{heading}\n{rows}"),
            true => rows
                .lines()
                .map(|row| row.split_once(',').unwrap())
                .map(|(email, first)| format!("{{\"email\":\"{email}\",\"{heading}\":\"{first}\"}}\n"))
                .collect(),
        };
        let folder = campaign(file, list(began, "ann@a.example,Ann\nbob@b.example,Bob\n"), "", "Hello {{ first }}");
        folder.put("w.toml", folder.read("w.toml") + mapped);
        let sends = ["send", "w.toml", "--data", "data", "--sink"];
        let ran = folder.run(&[&sends[..], &["--limit", "1"]].concat());
        assert_eq!(ran.code, Some(3), "{ran:?}");
        folder.put(file, list(later, new));
        if mapped.is_empty() {
            folder.put("w.toml", folder.read("w.toml") + "[recipients.columns]\nfirst = \"Vorname\"\n");
        }
        let ran = folder.run(&[&sends[..], &["--add"]].concat());
        assert!(ran.code == Some(0) && ran.err.contains("1 new recipient is added"), "{began} {json}: {ran:?}");
        let ran = folder.run(&["report", "w", "--data", "data", "--sink", "--csv", "-"]);
        let cid = ran.out.lines().find(|line| line.starts_with("cid@c.example")).unwrap();
        assert!(cid.contains("delivered") && cid.contains("Cid"), "{cid}");
    }
}

#[test]
fn a_file_of_addresses_in_utf_16_is_one() {
    for mark in ["\u{feff}", ""] {
        let folder = campaign("l.csv", "email\nann@a.example\nbob@b.example\n", "", "hello");
        let wide: Vec<u8> = format!("{mark}bob@b.example\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
        folder.put("only.txt", wide);
        let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--json", "--only", "only.txt"]);
        assert!(ran.code == Some(3) && ran.out.contains("\"delivered\":1"), "{ran:?}");
    }
}

#[test]
fn an_array_within_an_object_is_named() {
    for list in [
        "{\"contacts\":[{\"email\":\"ann@a.example\"}]}\n",
        "{\n \"total\": 1,\n \"contacts\": [\n {\"email\":\"ann@a.example\"}\n]}\n",
    ] {
        let folder = campaign("l.json", list, "", "hello");
        let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
        assert!(ran.code == Some(2) && ran.err.contains("jq .contacts "), "{ran:?}");
        let ran = folder.run(&["new", "spring", "--from", "l.json"]);
        assert!(ran.code == Some(2) && ran.err.contains("jq .contacts "), "{ran:?}");
    }
}

#[test]
fn a_new_campaign_is_made_for_an_export_where_few_rows_have_an_address() {
    let rows: String =
        (0..40).map(|i| if i % 3 == 0 { format!("{i},u{i}@a.example\n") } else { format!("{i},\n") }).collect();
    let hubspot = "\u{feff}\"Record ID\",\"First Name\",\"Email\",\"Contact owner\"\n\"101\",\"Ann\",\"ann@a.example\",\"\"\n\
                   \"102\",\"\",\"bob@a.example;bob2@a.example\",\"\"\n\"103\",\"\",\"\",\"\"\n";
    for (name, list) in [("a", format!("Record ID,Email\n{rows}")), ("b", hubspot.to_owned())] {
        let folder = Folder::new();
        folder.put("hub.csv", list);
        let ran = folder.run(&["new", name, "--from", "hub.csv"]);
        assert!(ran.code == Some(0) && ran.out.contains("addresses: Email"), "{ran:?}");
    }
}

#[test]
fn a_suppression_file_without_entries_is_told() {
    for text in ["", "# nobody yet\n\n", "\u{feff}\r\n"] {
        let folder = campaign("l.csv", "email\nann@a.example\n", "", "hello");
        folder.put("s.txt", text);
        folder.put("engine.toml", "[engine]\nhostname = \"mail.acme.example\"\nsuppression = [\"s.txt\"]\n");
        let (place, says) = warned(&folder, "empty-suppression", &["--config", "engine.toml"]);
        assert!(place.ends_with("s.txt") && says.contains("no entry"), "{place} {says}");
    }
}

#[test]
fn columns_that_say_who_shall_get_nothing_are_told_where_nothing_acts_on_them() {
    let list = "email,name,status,opt_out\na@b.example,A,enabled,false\nb@b.example,B,blocklisted,true\nc@b.example,C,unsubscribed,\n";
    let folder = campaign("l.csv", list, "", "{{ name }}");
    let (place, says) = warned(&folder, "status-unused", &[]);
    assert_eq!(place, "l.csv:3");
    assert!(says.contains("\"status\" 2 of 3 rows shall get nothing (blocklisted 1, unsubscribed 1)"), "{says}");
    assert!(says.contains("engine.suppression"), "{says}");
    let (_, found) = check(&folder, "w.toml");
    assert_eq!(found.iter().filter(|found| found.check == "status-unused").count(), 2);
    let told = |text: &str| {
        folder.put("w.txt", format!("{text}\n"));
        check(&folder, "w.toml").1.iter().filter(|found| found.check == "status-unused").count()
    };
    // Who is told what stands there gets the letter all the same; a letter that asks knows what it does.
    assert_eq!(told("{{ name }} {{ status|upper }} {{ opt_out|default('-') }}"), 2);
    assert_eq!(told("{{ name }} {% if status == 'enabled' %}!{% endif %} {{ opt_out }}"), 1);
    assert_eq!(told("{{ 'Hi' if status|title == 'Enabled' and opt_out != 'true' else 'Bye' }}"), 0);
    assert_eq!(
        told("{% set s = status %}{% for o in [opt_out] if o == 'false' %}{{ '!' if s == 'enabled' }}{% endfor %}."),
        0
    );
    // By a word that nobody has, or by whether there is one, nothing is decided about those who left.
    assert_eq!(told("{{ name }} {% if status == 'vip' %}!{% endif %} {{ opt_out }}"), 2);
    assert_eq!(told("{{ name }} {% if status %}Status: {{ status }}{% endif %} {{ opt_out }}"), 2);
    assert_eq!(told("{{ name }} {% if status != 'unsubscribed' %}!{% endif %} {{ opt_out }}"), 1);
    // So does one that answers to what somebody did.
    folder.put("w.txt", "{{ name }}, you are {{ status }} now.\n");
    folder.put("w.toml", format!("transactional = true\n{}", folder.read("w.toml")));
    assert_eq!(told("{{ name }}, you are {{ status }} now."), 1);
}

#[test]
fn columns_that_say_who_shall_get_nothing_are_not_told_of_whom_the_suppression_stops() {
    let list = "email,name,Kontakt erlaubt\na@b.example,A,ja\nB@b.example,B,nein\nc@c.example,C,nein\n";
    let folder = campaign("l.csv", list, "", "{{ name }}");
    folder.put("engine.toml", "[engine]\nhostname = \"mail.acme.example\"\nsuppression = [\"s.txt\"]\n");
    for (entries, says) in [
        ("x@b.example\n", Some(("l.csv:3", "2 of 3 rows shall get nothing (nein 2)"))),
        ("b@b.example\n", Some(("l.csv:4", "1 of 3 rows shall get nothing (nein 1)"))),
        ("b@b.example\nc@c.example\n", None),
        ("b@b.example\n@c.example\n", None),
    ] {
        folder.put("s.txt", entries);
        let ran = folder.run(&["check", "w.toml", "--offline", "--json", "--config", "engine.toml"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let found = report["findings"].as_array().unwrap().iter().find(|found| found["check"] == "status-unused");
        let told = found.map(|found| (found["place"].as_str().unwrap(), found["says"].as_str().unwrap()));
        assert_eq!(told.is_some(), says.is_some(), "{entries}: {ran:?}");
        if let (Some((at, told)), Some((place, part))) = (told, says) {
            assert!(at == place && told.contains(part), "{entries}: {at} {told}");
        }
    }
}

#[test]
fn cells_that_hardly_say_what_they_should_are_told_by_check_and_by_send() {
    let list = "email,name,city\na@b.example,Zo&euml;,Oslo\nb@b.example,ZoÃ«,Oslo\nc@b.example, Cid ,N/A\nd@b.example,null,Oslo\n";
    for (check, line, shown) in [
        (
            "cell-entity",
            2,
            "1 cell holds an entity of HTML, which readers see as it stands (the first in \"name\": `Zo&euml;`)",
        ),
        ("cell-mojibake", 3, "`ZoÃ«`"),
        ("cell-blanks", 4, "\"name\": ` Cid `"),
        (
            "cell-nothing",
            4,
            "2 cells hold a word for nothing, which readers see as it stands (the first in \"city\": `N/A`)",
        ),
    ] {
        for letter in ["{{ name }} {{ city }}", "{{ name|default('you', true) }} {{ city|default('', true)|upper }}"] {
            let folder = campaign("l.csv", list, "", letter);
            let (place, says) = warned(&folder, check, &[]);
            assert!(place == format!("l.csv:{line}") && says.contains(shown), "{place} {says}");
        }
    }
}

#[test]
fn characters_that_a_program_could_not_read_are_told_and_question_marks_are_let_be() {
    let list = "email,name\na@b.example,Ann\nb@b.example,Z\u{fffd}rich\nc@b.example,Z\u{fffd}g\nd@b.example,Z?rich\n";
    let (place, says) = warned(&campaign("l.csv", list, "", "{{ name }}"), "cell-mojibake", &[]);
    assert_eq!(place, "l.csv:3");
    assert!(says.starts_with("2 cells hold U+FFFD") && says.contains("\"name\": `Z\u{fffd}rich`"), "{says}");
}

#[test]
fn a_column_of_consent_and_a_word_of_leaving_in_any_column_are_told() {
    let list = "email,name,Accepts Marketing,Remark,City\na@b.example,A,yes,,Oslo\nb@b.example,B,no,,no\nc@b.example,C,no,Abgemeldet,no\n";
    let folder = campaign("l.csv", list, "", "{{ name }}");
    let (_, found) = check(&folder, "w.toml");
    let told: Vec<_> = found.iter().filter(|found| found.check == "status-unused").collect();
    let said: Vec<&str> = told.iter().map(|found| found.place.as_str()).collect();
    assert_eq!(said, ["l.csv:3", "l.csv:4"], "{told:#?}");
    assert!(told[0].says.contains("\"Accepts Marketing\" 2 of 3 rows shall get nothing (no 2)"), "{told:#?}");
    assert!(told[1].says.contains("\"Remark\" 1 of 3 rows shall get nothing (abgemeldet 1)"), "{told:#?}");
}
