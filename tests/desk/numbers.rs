//! Numbers of lists in a campaign with a locale: those of workbooks and of JSON stay what they are, and text is read by the
//! locale, where nothing shows that it is written otherwise.

use super::check::check;
use super::folder::Folder;
use super::lists::workbook::{excel_with, open_document};
use super::lists::{campaign, got};

const GERMAN: &str = "locale = \"de_DE\"\n";
const EMAIL: &str = "email = \"email\"";

/// A list in a file of this name, with these lines above all tables of the campaign, and these below.
fn list(file: &str, list: impl AsRef<[u8]>, above: &str, below: &str, text: &str) -> Folder {
    let folder = campaign(file, list, EMAIL, text);
    folder.put("w.toml", format!("{above}{}{below}", folder.read("w.toml")));
    folder
}

fn csv(rows: &str, above: &str, text: &str) -> Folder {
    list("w.csv", rows, above, "", text)
}

/// What the one row of it gets.
fn letter(folder: &Folder) -> String {
    let letters = got(&folder.delivers(&[]));
    letters[0].split_once(": ").unwrap().1.replace('\u{a0}', " ")
}

/// A workbook with a row, of which these are the number and its style, and a cell of text.
fn workbook(number: &str, style: usize, text: &str) -> Vec<u8> {
    let cell = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let rows = format!(
        "<row r=\"1\">{}{}{}</row><row r=\"2\">{}<c r=\"B2\" s=\"{style}\"><v>{number}</v></c>{}</row>",
        cell("A1", "email"),
        cell("B1", "price"),
        cell("C1", "other"),
        cell("A2", "ann@a.example"),
        cell("C2", text)
    );
    excel_with(&["0.000"], &[], &[("Sheet1", false, &rows)])
}

#[test]
fn a_number_of_a_workbook_stays_that_in_every_locale() {
    let text = "{{ price }}|{{ price|money(\"EUR\") }}|{{ price|number }}|{{ price == \"1.799\" }}|{{ price > 2 }}|{{ price * 2 }}\
                {% set p = price %}|{{ p|number }}|{{ p > 2 }}{% macro f(p) %}{{ p|number }}{% endmacro %}|{{ f(price) }}\
                |{{ price|default(\"-\")|trim|number }}|{{ price|plural(\"a\", \"b\") }}";
    for (locale, money, number, plural) in [
        ("de_DE", "1,80 €", "1,799", "b"),
        ("es_ES", "1,80 €", "1,799", "b"),
        ("fr_FR", "1,80 €", "1,799", "a"),
        ("en_US", "€1.80", "1.799", "b"),
    ] {
        let above = format!("locale = \"{locale}\"\n");
        for types in ["", "[recipients.types]\nprice = \"number\"\n"] {
            let folder = list("w.xlsx", workbook("1.799", 0, "x"), &above, types, text);
            if types.is_empty() {
                let told = format!("1.799|{money}|{number}|True|False|3.598|{number}|False|{number}|{number}|{plural}");
                assert_eq!(letter(&folder), told, "{locale}");
            } else {
                folder.put("w.txt", "{{ price }}|{{ price|money(\"EUR\") }}|{{ price > 2 }}|{{ price * 2 }}\n");
                assert_eq!(letter(&folder), format!("1.799|{money}|False|3.598"), "{locale}");
            }
        }
    }
    let folder = list("w.xlsx", workbook("1.25", 3, "x"), GERMAN, "", "{{ price }}|{{ price|number }}");
    assert_eq!(letter(&folder), "1.250|1,25", "as its format shows it");
}

#[test]
fn a_number_of_a_sheet_of_libreoffice_and_one_of_json_stay_that_too() {
    let cell = |kind: &str, text: &str| format!("<table:table-cell {kind}><text:p>{text}</text:p></table:table-cell>");
    let string = |text: &str| cell("office:value-type=\"string\"", text);
    let row = |cells: [String; 2]| format!("<table:table-row>{}</table:table-row>", cells.concat());
    let number = cell("office:value-type=\"float\" office:value=\"1.799\"", "1,799");
    let rows = row([string("email"), string("price")]) + &row([string("ann@a.example"), number]);
    let text = "{{ price }}|{{ price|number }}|{{ price|trim|number }}";
    let folder = list("w.ods", open_document(&rows), GERMAN, "", text);
    assert_eq!(letter(&folder), "1.799|1,799|1,799");
    let json = "{\"email\": \"ann@a.example\", \"price\": 1.799, \"text\": \"1.799\"}\n";
    let folder = list("w.jsonl", json, GERMAN, "", text);
    assert_eq!(letter(&folder), "1.799|1,799|1,799");
    let types = "[recipients.types]\nprice = \"number\"\ntext = \"number\"\n";
    let folder = list("w.jsonl", json, GERMAN, types, "{{ price * 2 }}|{{ text * 2 }}");
    assert_eq!(letter(&folder), "3.598|3598");
}

#[test]
fn text_of_a_workbook_is_read_by_the_locale() {
    let folder = list("w.xlsx", workbook("12.5", 0, "1.799"), GERMAN, "", "{{ other|number }} {{ price|number }}");
    assert_eq!(letter(&folder), "1.799 12,5");
    let folder = list("w.xlsx", workbook("1.5", 0, "x"), "", "", "{{ price }}");
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "kept"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = folder.run(&["report", "w", "--data", "kept", "--sink", "--csv", "-"]);
    assert!(ran.code == Some(0) && ran.out.contains(",1.5\n") && !ran.out.contains('\0'), "{ran:?}");
}

#[test]
fn a_mark_that_is_for_decimals_in_its_column_is_read_as_no_other() {
    let rows = |one: &str, other: &str| format!("email,price\nann@a.example,\"{one}\"\nbob@a.example,\"{other}\"\n");
    for (above, one, other, word, code) in [
        (GERMAN, "1.125", "12.5", "point", "price|float"),
        ("locale = \"es_ES\"\n", "1.125", "0.500", "point", "price|float"),
        ("locale = \"en_US\"\n", "1,125", "12,5", "comma", "price|replace(\",\", \".\")|float"),
        ("", "1,125", "12,5", "comma", "price|replace(\",\", \".\")|float"),
        (GERMAN, "1.125 €", "12.50 €", "point", "price|replace(\" €\", \"\")|float"),
        (GERMAN, "1,234", "350.50", "point", "price|replace(\",\", \"\")|float"),
        (GERMAN, "1,234", "1,234.50", "point", "price|replace(\",\", \"\")|float"),
        ("locale = \"en_US\"\n", "1.234", "350,50", "comma", "price|replace(\".\", \"\")|replace(\",\", \".\")|float"),
    ] {
        for (one, other) in [(one, other), (other, one)] {
            let folder = csv(&rows(one, other), above, "Hi {{ price|money(\"EUR\") }}");
            let (ran, letters) = folder.send(&[]);
            assert!(ran.code == Some(2) && letters.is_empty(), "{ran:?}");
            assert!(ran.err.contains(&format!("so that its {word} is for decimals, and ")), "{}", ran.err);
            assert!(ran.err.contains("w.txt:1:7: `price` has"), "{}", ran.err);
            assert!(ran.err.contains(&format!("hint: write {code} in its place, which")), "{}", ran.err);
            folder.put("w.txt", format!("Hi {{{{ {code}|number }}}}\n"));
            assert!(folder.delivers(&[]).len() == 2, "{above} {one} {other}");
        }
    }
    let folder = csv(&rows("1.125", "12.5"), GERMAN, "{% if price > 1000 %}x{% endif %}.");
    let (ran, _) = folder.send(&[]);
    assert!(ran.code == Some(2) && ran.err.contains("(line 2) as 1125"), "{ran:?}");
    let folder = csv(&rows("1.125", ""), GERMAN, "{{ price|number }}");
    assert_eq!(letter(&folder), "1.125", "by the locale");
}

#[test]
fn a_column_that_is_declared_a_number_is_looked_at_and_each_row_by_its_own_locale() {
    let rows = "email,price,language\nann@a.example,1.125,de\nbob@a.example,12.5,en\n";
    let types = "[recipients.types]\nprice = \"number\"\n";
    let text = "{% set p = price %}{{ p * 2 }}";
    let folder = list("w.csv", rows, GERMAN, types, text);
    let (ran, found) = check(&folder, "w.toml");
    assert!(ran.code == Some(1) || ran.code == Some(2), "{ran:?}");
    let told = found.iter().find(|one| one.says.contains("so that its point is for decimals")).expect("it is told");
    assert!(
        told.hint.starts_with("leave price out of [recipients.types], and write price|float in its place"),
        "{told:?}"
    );
    folder.put("w.toml", format!("{GERMAN}{}", folder.read("w.toml").replace(GERMAN, "").replace(types, "")));
    folder.put("w.txt", "{% set p = price|float %}{{ p * 2 }}\n");
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: 2.25", "bob@a.example: 25.0"]);
    let folder = list("w.csv", rows, "locale = \"{{ language }}\"\n", types, text);
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: 2250", "bob@a.example: 25.0"]);
    // Which way a row takes may be by the column's marks.
    let text = "{% if language == \"de\" %}{{ price|number }}{% else %}{{ price|number(locale=\"en\") }}{% endif %}";
    let folder = csv(rows, GERMAN, text);
    let (_, found) = check(&folder, "w.toml");
    assert!(found.iter().any(|one| one.check == "decimal-mark" && one.severity == "warning"), "{found:?}");
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: 1.125", "bob@a.example: 12.5"]);
}

#[test]
fn a_sum_of_columns_of_text_is_told_and_text_that_is_joined_is_not() {
    let rows = "email,pts,qty,price,first,last,zip,tel\nann@a.example,9,10,\"1,50\",Ann,Lee,01067,5\n\
                bob@a.example,20,,\"2,00\",Bob,Ray,1000,7\n";
    for (text, sum, hint) in [
        ("{{ pts + qty }}", "pts + qty", "write pts|int + qty|int; to join them as text, write pts ~ qty"),
        ("{{ (pts + pts)|money }}", "pts + pts", "[recipients.types]: pts = \"number\", or write pts|int + pts|int;"),
        ("{% set t = pts + qty %}{{ t }}", "pts + qty", "write pts|int + qty|int"),
        ("{% set p = pts %}{{ p + qty }}", "p + qty", "write p|int + qty|int"),
        ("{{ pts|default(0) + qty|default(0) + pts }}", "pts + qty + pts", "write pts|int + qty|int + pts|int"),
        ("{{ (row['pts'] + qty) ~ ' points' }}", "row['pts'] + qty", "write row['pts']|int + qty|int"),
        ("{{ price + price }}", "price + price", "price = \"number\", or write price|replace(\",\", \".\")|float + "),
        ("{% macro f(a, b) %}{{ a + b }}{% endmacro %}{{ f(pts, qty) }}", "a + b", "write a|int + b|int"),
        ("{% if pts + qty > pts %}x{% endif %}", "pts + qty", "write pts|int + qty|int"),
    ] {
        let folder = csv(rows, GERMAN, text);
        let (ran, letters) = folder.send(&[]);
        assert!(ran.code == Some(2) && letters.is_empty(), "{text}: {ran:?}");
        assert!(ran.err.contains(&format!("`{sum}` joins text, and these columns hold numbers: ")), "{text}: {ran:?}");
        assert!(ran.err.contains(hint), "{text}: {}", ran.err);
    }
    let mended = |types: &str, text: &str| got(&list("w.csv", rows, GERMAN, types, text).delivers(&[])).join("|");
    assert_eq!(mended("", "{{ pts|int + qty|int }}"), "ann@a.example: 19|bob@a.example: 20");
    assert_eq!(mended("", "{{ pts ~ qty }}"), "ann@a.example: 910|bob@a.example: 20");
    let types = "[recipients.types]\nprice = \"number\"\n";
    assert_eq!(mended(types, "{{ (price + price)|number }}"), "ann@a.example: 3|bob@a.example: 4");
    for (text, arrives) in [
        ("{{ first + last }}", "ann@a.example: AnnLee|bob@a.example: BobRay"),
        ("{{ first + ' ' + last }}", "ann@a.example: Ann Lee|bob@a.example: Bob Ray"),
        ("{{ pts + '/' + qty|default('-') }}", "ann@a.example: 9/10|bob@a.example: 20/-"),
        ("{{ pts + pts + ' points' }}", "ann@a.example: 99 points|bob@a.example: 2020 points"),
        ("{{ first + pts }}", "ann@a.example: Ann9|bob@a.example: Bob20"),
        ("{{ zip + tel }}", "ann@a.example: 010675|bob@a.example: 10007"),
        ("{% if pts + pts > 30 %}x{% else %}y{% endif %}", "ann@a.example: y|bob@a.example: x"),
        ("{{ (pts + tel) * 2 }}", "ann@a.example: 28|bob@a.example: 54"),
        ("{{ pts + tel + 1 }}", "ann@a.example: 15|bob@a.example: 28"),
    ] {
        let folder = csv(rows, GERMAN, text);
        super::lists::assert_checked(&folder, &[]);
        assert_eq!(got(&folder.delivers(&[])).join("|"), arrives, "{text}");
    }
}

#[test]
fn money_reads_amounts_that_are_negative_and_dollars_by_their_country() {
    for (cell, written) in [
        ("($5.00)", "-$5.00"),
        ("-$5.00", "-$5.00"),
        ("\u{2212}$5.00", "-$5.00"),
        ("US$5", "$5.00"),
        ("(US$1,234.50)", "-$1,234.50"),
        ("(5.00)", "-$5.00"),
        ("$-5", "-$5.00"),
    ] {
        let folder = csv(&format!("email,price\nann@a.example,\"{cell}\"\n"), "", "{{ price|money }}");
        assert_eq!(letter(&folder), written, "{cell}");
    }
    for cell in ["A$5", "(CA$5)", "-(5", "$(x)"] {
        let folder = csv(&format!("email,price\nann@a.example,\"{cell}\"\n"), "", "{{ price|money }}");
        assert_ne!(folder.send(&[]).0.code, Some(0), "{cell}");
    }
    let folder = csv("email,price\nann@a.example,A$5\n", "", "{{ price|money(\"AUD\") }}");
    assert_eq!(letter(&folder), "AUD 5.00");
}

#[test]
fn seconds_of_unix_are_dates_as_text_and_as_numbers() {
    for cell in ["1767225600", "1767225600000", "1767225600.25", "2026-01-01T00:00:00"] {
        let rows = format!("email,due\nann@a.example,{cell}\n");
        let folder = csv(&rows, "", "{{ due|date(\"%Y-%m-%d %H:%M\") }}");
        assert_eq!(letter(&folder), "2026-01-01 00:00", "{cell}");
        let types = "[recipients.types]\ndue = \"date\"\n";
        let folder = list("w.csv", rows, "", types, "{% if due < \"2026-01-02\" %}x{% endif %}");
        assert_eq!(letter(&folder), "x", "{cell}");
    }
    let json = "{\"email\": \"ann@a.example\", \"due\": 1767225600000}\n";
    let folder = list("w.jsonl", json, "", "", "{{ due|date(\"%Y-%m-%d\") }}");
    assert_eq!(letter(&folder), "2026-01-01");
    for cell in ["2026010112", "17672256", "176722560012"] {
        let folder = csv(&format!("email,due\nann@a.example,{cell}\n"), "", "{{ due|date }}");
        assert_ne!(folder.send(&[]).0.code, Some(0), "{cell}");
    }
}

#[test]
fn a_word_for_nothing_that_the_letter_asks_for_is_told_by_nobody() {
    let rows = "email,plan,city\nann@a.example,none,Null\nbob@a.example,gold,Ulm\n";
    let asks =
        "{% if plan == \"none\" %}no plan{% else %}{{ plan }}{% endif %} {% if city == 'Null' %}x{% endif %}{{ city }}";
    for types in ["", "[recipients.types]\nplan = \"text\"\n"] {
        let folder = list("w.csv", rows, "", types, asks);
        super::lists::assert_checked(&folder, &[]);
    }
    for text in [
        "{{ plan }} {% if plan == \"gold\" %}x{% endif %}",
        "{{ plan }} {% if city == \"none\" %}x{% endif %}",
        "{{ plan }} {% if plan == \"None\" %}x{% endif %}",
    ] {
        let (_, found) = check(&csv(rows, "", text), "w.toml");
        assert!(
            found.iter().any(|one| one.check == "cell-nothing" && one.says.contains("`none`")),
            "{text}: {found:?}"
        );
    }
    let (_, found) = check(&csv(rows, "", "{{ plan }} {% if plan|lower in [\"None\", \"x\"] %}x{% endif %}"), "w.toml");
    assert!(found.iter().all(|one| one.check != "cell-nothing"), "{found:?}");
}

#[test]
fn a_date_whose_text_sorts_otherwise_than_time_is_put_in_no_order() {
    let rows = |cell: &str| format!("email,due\nann@a.example,{cell}\n");
    for (cell, asks, hint, mended) in [
        (
            "12/25/2026",
            "due < \"12/31/2026\"",
            "write due|date(\"%Y-%m-%d\", from=\"%m/%d/%Y\") and \"2026-12-31\", whose",
            "due|date(\"%Y-%m-%d\", from=\"%m/%d/%Y\") < \"2026-12-31\"",
        ),
        (
            "25.12.2026",
            "\"31.12.2026\" >= due",
            "write due|date(\"%Y-%m-%d\") and \"2026-12-31\", whose",
            "\"2026-12-31\" >= due|date(\"%Y-%m-%d\")",
        ),
        (
            "10/12/2026",
            "due is lt(\"11/12/2026\")",
            "from=\"%m/%d/%Y\") and \"2026-11-12\", or, as it is meant, due|date(\"%Y-%m-%d\", from=\"%d/%m/%Y\") and \"2026-12-11\"",
            "due|date(\"%Y-%m-%d\", from=\"%d/%m/%Y\") < \"2026-12-11\"",
        ),
        (
            "2026-12-25",
            "due|date(\"%m/%d/%Y\") < \"12/31/2026\"",
            "write the pattern \"%Y-%m-%d\", and \"2026-12-31\"",
            "due|date(\"%Y-%m-%d\") < \"2026-12-31\"",
        ),
    ] {
        let folder = csv(&rows(cell), "", &format!("{{% if {asks} %}}x{{% endif %}}."));
        let (ran, letters) = folder.send(&[]);
        assert!(ran.code == Some(2) && letters.is_empty(), "{asks}: {ran:?}");
        assert!(
            ran.err.contains("is compared as text, which sorts by its first digits and not by time"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(hint), "{}", ran.err);
        let folder = csv(&rows(cell), "", &format!("{{% if {mended} %}}x{{% endif %}}."));
        super::lists::assert_checked(&folder, &[]);
        assert_eq!(letter(&folder), "x.", "{mended}");
    }
    let types = "[recipients.types]\ndue = \"date\"\n";
    let folder = list("w.csv", rows("25.12.2026"), "", types, "{% if due < \"31.12.2026\" %}x{% endif %}");
    assert!(folder.send(&[]).0.err.contains("hint: write \"2026-12-31\", whose order is that of time"));
    for asks in ["due < \"2026-12-31\"", "due == \"12/31/2026\"", "due < \"b\"", "due < \"2026/12/31\""] {
        let folder = csv(&rows("2026-12-25"), "", &format!("{{% if {asks} %}}x{{% endif %}}."));
        super::lists::assert_checked(&folder, &[]);
    }
}
