//! What a workbook shows of its cells by their formats, and what of that arrives; headings below a title.

use super::super::check::{Found, check};
use super::opendocument::{document, row, text, value};
use super::workbook::{excel, excel_with, inline, row_of};
use super::{arrives, assert_checked, campaign, got};

fn of_format(found: &[Found]) -> Vec<(&str, &str)> {
    let is_it = |found: &&Found| found.check == "cell-format";
    found.iter().filter(is_it).map(|found| (found.says.as_str(), found.hint.as_str())).collect()
}

#[test]
fn cells_arrive_as_everybody_sees_them_and_what_is_left_out_is_told_with_how_to_write_it() {
    let formats =
        ["0.0%", "#,##0.00\\ &quot;€&quot;", "dd.mm.yyyy", "&quot;Nr. &quot;000", "#,##0", "0.00", "0&quot; kg&quot;"];
    let number = |style: usize, value: &str| format!("<c s=\"{style}\"><v>{value}</v></c>");
    let cells = |values: [&str; 7]| (3..).zip(values).map(|(style, value)| number(style, value)).collect::<Vec<_>>();
    let line = |n: usize, email: &str, cells: Vec<String>| {
        let email = inline(email);
        row_of(n, &[email.as_str()].into_iter().chain(cells.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let names = ["off", "total", "due", "no", "points", "price", "weight"].map(inline).to_vec();
    let rows = [
        line(1, "email", names),
        line(2, "ann@a.example", cells(["0.125", "1234.5", "46380", "7", "1200", "19.9", "5"])),
        line(3, "bob@a.example", cells(["0.05", "7", "46380.5", "1234", "0", "2.675", "0.4"])),
    ];
    let book = excel_with(&formats, &[], &[("People", false, &rows.concat())]);
    let letter = "{{ off }}|{{ total }}|{{ due }}|{{ no }}|{{ points }}|{{ price }}|{{ weight }}";
    let folder = campaign("l.xlsx", book.clone(), "", letter);
    let (_, found) = check(&folder, "w.toml");
    assert_eq!(
        of_format(&found),
        [
            (
                "of the column \"total\" the letter prints 1234.50, where the sheet shows 1,234.50 €",
                "{{ total|money(\"EUR\") }} writes it as locale says"
            ),
            (
                "of the column \"due\" the letter prints 2026-12-24, where the sheet shows it as dd.mm.yyyy",
                "{{ due|date(\"%d.%m.%Y\") }} writes it so, with names as locale says"
            ),
            (
                "of the column \"points\" the letter prints 1200, where the sheet shows 1,200",
                "{{ points|number }} writes it as locale says"
            ),
            (
                "of the column \"weight\" the letter prints 5, where the sheet shows 5 kg",
                "write in the letter what the sheet adds to it, or enter it in cells of the format Text"
            ),
        ]
    );
    assert_eq!(
        got(&folder.delivers(&[])),
        [
            "ann@a.example: 12.5%|1234.50|2026-12-24|Nr. 007|1200|19.90|5",
            "bob@a.example: 5.0%|7.00|2026-12-24T12:00:00|Nr. 1234|0|2.68|0"
        ]
    );
    // Written so, they are as the author sees them; and they are numbers.
    let letter =
        "{{ total|money('EUR') }}|{{ due|date('%d.%m.%Y') }}|{{ points|number }}|{{ points > 100 }}|{{ price * 2 }}";
    let folder = campaign("l.xlsx", book, "", letter);
    folder.put("w.toml", format!("locale = \"de_DE\"\n{}", folder.read("w.toml")));
    assert_eq!(
        arrives(&folder),
        [
            "ann@a.example: 1.234,50\u{a0}€|24.12.2026|1.200|True|39.8",
            "bob@a.example: 7,00\u{a0}€|24.12.2026|0|False|5.36"
        ]
    );
}

#[test]
fn an_open_document_s_cells_arrive_so_too() {
    let rows = [
        row("", &[&text("email"), &text("off"), &text("total"), &text("no"), &text("due"), &text("price")]),
        row(
            "",
            &[
                &text("ann@a.example"),
                &value("percentage", "office:value=\"0.125\"", "12,5 %"),
                &value("currency", "office:currency=\"EUR\" office:value=\"1234.5\"", "1.234,50 €"),
                &value("float", "office:value=\"7\"", "Nr. 007"),
                &value("date", "office:date-value=\"2026-12-24\"", "24.12.26"),
                &value("float", "office:value=\"19.9\"", "19.90"),
            ],
        ),
    ];
    let letter = "{{ off }}|{{ total }}|{{ no }}|{{ due }}|{{ price }}";
    let folder = campaign("l.ods", document(&[("S", true, &rows.concat())]), "", letter);
    let (_, found) = check(&folder, "w.toml");
    let (total, due) = match of_format(&found).as_slice() {
        [total, due] => (*total, *due),
        other => panic!("{other:?}"),
    };
    assert!(total.0.ends_with("prints 1234.50, where the sheet shows 1.234,50 €"), "{total:?}");
    assert!(total.1.starts_with("{{ total|money(\"EUR\") }}"), "{total:?}");
    assert!(due.0.ends_with("prints 2026-12-24, where the sheet shows 24.12.26"), "{due:?}");
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: 12,5 %|1234.50|Nr. 007|2026-12-24|19.90"]);
}

#[test]
fn headings_below_a_title_are_found_and_told() {
    let list = "Kundenliste 2026\n\nStand: Mai;;\nE-Mail;Vorname;Ort\nann@a.example;Ann;Köln\n";
    let folder = campaign("l.csv", list, "email = \"E-Mail\"", "{{ Vorname }} {{ Ort }}");
    let (ran, _) = check(&folder, "w.toml");
    let told = "l.csv is read as separated by semicolons, a table whose headings stand in line 4; it has 3 columns";
    assert!(ran.out.contains(told), "{ran:?}");
    assert_eq!(arrives(&folder), ["ann@a.example: Ann Köln"]);
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0), "the same list");
    let ran = folder.run(&["new", "spring", "--from", "l.csv"]);
    assert!(ran.code == Some(0) && ran.out.contains("Vorname"), "{ran:?}");
    let list = "Kunden, Mai 2026\nE-Mail;Vorname\nann@a.example;Ann\n";
    assert_eq!(arrives(&campaign("l.csv", list, "email = \"E-Mail\"", "{{ Vorname }}")), ["ann@a.example: Ann"]);
    let title = row_of(1, &[&inline("Kunden")]);
    let names = row_of(4, &[&inline("email"), &inline("name")]);
    let people = row_of(5, &[&inline("ann@a.example"), &inline("Ann")]);
    let book = excel(&[], &[("People", false, &[title, names, people].concat())]);
    assert_eq!(arrives(&campaign("l.xlsx", book, "", "{{ name }}")), ["ann@a.example: Ann"]);
}

#[test]
fn a_campaign_says_on_which_line_the_headings_stand() {
    let list = "email,name\nemail,name\nann@a.example,Ann\n";
    let folder = campaign("l.csv", list, "header_line = 2", "{{ name }}");
    assert_checked(&folder, &[]);
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: Ann"]);
    let refused = |line: &str, told: &str| {
        folder.put("w.toml", folder.read("w.toml").replace("header_line = 2", line));
        let ran = folder.run(&["send", "w.toml", "--data", "other", "--sink"]);
        assert!(ran.code == Some(2) && ran.err.contains(told), "{ran:?}");
        folder.put("w.toml", folder.read("w.toml").replace(line, "header_line = 2"));
    };
    refused("header_line = 9", "the header line is said to be line 9 (header_line), and no row begins there");
    refused("header_line = 0", "header_line");
    // Read otherwise, it is another list.
    folder.put("l.csv", list.replace("ann@a.example,Ann\n", "ann@a.example,Ann\nbob@a.example,Bob\n"));
    folder.put("w.toml", folder.read("w.toml").replace("name = \"w\"", "name = \"v\""));
    let send = |more: &[&str]| folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
    assert_eq!(send(&["--limit", "1"]).code, Some(3));
    folder.put("w.toml", folder.read("w.toml").replace("header_line = 2", "header_line = 1"));
    let ran = send(&[]);
    assert!(ran.code == Some(2) && ran.err.contains("headings in line 2"), "{ran:?}");
}

#[test]
fn cells_come_without_what_shows_nothing_and_with_whole_letters() {
    let list = "email,first,city\nann@a.example,Zoe\u{308},\u{200b}Rome\nbob@a.example,\"Bo\u{7}b\",\u{645}\u{6cc}\u{200c}\u{62e}\n";
    let folder = campaign("l.csv", list, "", "{{ first }} {{ city }}");
    let (_, found) = check(&folder, "w.toml");
    let told: Vec<_> = found.iter().filter(|found| found.check == "cell-invisible").collect();
    let says: Vec<_> =
        told.iter().map(|found| (found.place.as_str(), found.severity.as_str(), found.says.as_str())).collect();
    assert_eq!(
        says,
        [
            (
                "l.csv:2",
                "warning",
                "2 cells hold characters that show nothing, and that are taken out (the first in \"city\": `\\u{200b}Rome`)"
            ),
            (
                "l.csv:2",
                "note",
                "1 cell has letters in pieces (a letter, and its accent apart), which are put together (the first in \"first\": `Zoe\u{308}`)"
            ),
        ]
    );
    assert_eq!(
        got(&folder.delivers(&[])),
        ["ann@a.example: Zo\u{eb} Rome", "bob@a.example: Bob \u{645}\u{6cc}\u{200c}\u{62e}"]
    );
}

#[test]
fn addresses_with_dots_in_odd_places_are_mailed_in_quotes_and_localhost_is_told() {
    let list = "email\n.ann@docomo.example\nbob..b@docomo.example\ncyd@localhost\n";
    let folder = campaign("l.csv", list, "", "hello");
    let (_, found) = check(&folder, "w.toml");
    let slip = found.iter().find(|found| found.check == "domain-slip").expect("told");
    assert!(slip.place == "l.csv:4 cyd@localhost" && slip.says.contains("the domain localhost is that of"), "{slip:?}");
    let (ran, letters) = folder.send(&[]);
    assert!(ran.out.contains("2 addresses were cleaned") || ran.err.contains("2 addresses were cleaned"), "{ran:?}");
    assert_eq!(letters.len(), 3);
    let to: Vec<String> = letters.iter().map(|letter| String::from_utf8_lossy(letter).into_owned()).collect();
    assert!(to.iter().any(|letter| letter.contains("\".ann\"@docomo.example")), "{to:?}");
    assert!(to.iter().any(|letter| letter.contains("\"bob..b\"@docomo.example")), "{to:?}");
}

#[test]
fn a_list_in_the_place_of_a_campaign_is_told_what_to_do_with() {
    let folder = campaign("people.csv", "email\nann@a.example\n", "", "hello");
    for command in [&["check", "people.csv"][..], &["send", "people.csv", "--sink"], &["preview", "people.csv"]] {
        let ran = folder.run(command);
        let said = ran.err.clone() + &ran.out;
        assert_eq!(ran.code, Some(2), "{command:?}: {ran:?}");
        assert!(
            said.contains("people.csv is a list, and no campaign")
                || said.contains("people.csv: is a list, and no campaign"),
            "{said}"
        );
        assert!(said.contains("posthaste new NAME --from people.csv"), "{said}");
    }
}

#[test]
fn hidden_columns_are_told() {
    let rows = row_of(1, &[&inline("email"), &inline("name"), &inline("note")])
        + &row_of(2, &[&inline("ann@a.example"), &inline("Ann"), &inline("x")]);
    let sheet = format!("{rows}</sheetData><cols><col min=\"3\" max=\"9\" hidden=\"1\"/></cols><sheetData>");
    let folder = campaign("l.xlsx", excel(&[], &[("People", false, &sheet)]), "", "{{ name }} {{ note }}");
    let (_, found) = check(&folder, "w.toml");
    let hidden = found.iter().find(|found| found.check == "hidden-columns").expect("told");
    assert_eq!(hidden.says, "1 column is hidden on the sheet, and read as all others: \"note\"");
}

#[test]
fn amounts_that_a_sheet_shows_in_several_currencies_or_units_are_told_before_they_are_one() {
    let formats = ["#,##0.00\\ &quot;€&quot;", "&quot;$&quot;#,##0.00", "0&quot; kg&quot;", "0&quot; g&quot;", "h:mm"];
    let number = |style: usize, value: &str| format!("<c s=\"{style}\"><v>{value}</v></c>");
    let line = |n: usize, email: &str, cells: [String; 3]| {
        let email = inline(email);
        row_of(n, &[email.as_str()].into_iter().chain(cells.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let rows = [
        line(1, "email", ["total", "weight", "at"].map(inline)),
        line(2, "ann@a.example", [number(3, "5"), number(5, "5"), number(7, "0.604166666666667")]),
        line(3, "bob@a.example", [number(4, "5"), number(6, "300"), number(7, "0.375")]),
    ];
    let book = excel_with(&formats, &[], &[("People", false, &rows.concat())]);
    for (letter, says) in [
        (
            "{{ total|money('EUR') }}",
            "`total` holds amounts of different kinds, which are no numbers of one: l.xlsx, line 2, has \"5.00 €\", and line 3 has \"$5.00\"",
        ),
        ("{{ 'A' if total > 3 }}", "line 2, has \"5.00 €\", and line 3 has \"$5.00\""),
        ("{{ weight + 1 }}", "line 2, has \"5 kg\", and line 3 has \"300 g\""),
    ] {
        let (ran, found) = check(&campaign("l.xlsx", book.clone(), "", letter), "w.toml");
        let told = found.iter().find(|found| found.severity == "error" && found.says.contains(says));
        assert!(told.is_some() && ran.code == Some(2), "{letter}: {ran:?}");
    }
    let (_, found) = check(&campaign("l.xlsx", book.clone(), "", "{{ total }}|{{ at }}"), "w.toml");
    assert_eq!(
        of_format(&found),
        [
            (
                "of the column \"total\" the letter prints 5.00, where the sheet shows 5.00 €, and in row 3 $5.00",
                "enter them in cells of the format Text, with what the sheet adds to each"
            ),
            (
                "of the column \"at\" the letter prints 14:30:00, where the sheet shows it as h:mm",
                "{{ at|date(\"%-H:%M\") }} writes it so, with names as locale says"
            ),
        ]
    );
    let letters = arrives(&campaign("l.xlsx", book, "", "{{ at|date(\"%-H:%M\") }}"));
    assert_eq!(letters, ["ann@a.example: 14:30", "bob@a.example: 9:00"]);
}
