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
