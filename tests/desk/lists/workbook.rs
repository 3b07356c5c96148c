//! Workbooks: of Excel and of LibreOffice, sheets by name, and archives that are none.

use super::super::check::check;
use super::{arrives, assert_checked, campaign, got};
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;

/// An archive of these parts.
pub fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const XMLNS: &str = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
                     xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"";
const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A workbook of Excel: each sheet a name, whether it is hidden, and its rows as XML.
pub fn excel(strings: &[&str], sheets: &[(&str, bool, &str)]) -> Vec<u8> {
    excel_with(&[], strings, sheets)
}

/// The same with more formats, as XML has them: the styles from 3 on.
pub fn excel_with(formats: &[&str], strings: &[&str], sheets: &[(&str, bool, &str)]) -> Vec<u8> {
    let codes: String =
        (166..).zip(formats).map(|(id, code)| format!("<numFmt numFmtId=\"{id}\" formatCode=\"{code}\"/>")).collect();
    let styles: String = (166..).zip(formats).map(|(id, _)| format!("<xf numFmtId=\"{id}\"/>")).collect();
    let named: String = (1..)
        .zip(sheets)
        .map(|(n, (name, hidden, _))| {
            let state = if *hidden { " state=\"hidden\"" } else { "" };
            format!("<sheet name=\"{name}\" sheetId=\"{n}\"{state} r:id=\"rId{n}\"/>")
        })
        .collect();
    let related: String = (1..=sheets.len())
        .map(|n| {
            format!("<Relationship Id=\"rId{n}\" Type=\"{RELATION}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>")
        })
        .collect();
    let package = "http://schemas.openxmlformats.org/package/2006";
    let strings: String = strings.iter().map(|text| format!("<si><t xml:space=\"preserve\">{text}</t></si>")).collect();
    let mut parts = vec![
        ("[Content_Types].xml".to_owned(), format!("<Types xmlns=\"{package}/content-types\"/>")),
        (
            "_rels/.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{RELATION}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        ("xl/workbook.xml".to_owned(), format!("<workbook {XMLNS}><sheets>{named}</sheets></workbook>")),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!("<Relationships xmlns=\"{package}/relationships\">{related}</Relationships>"),
        ),
        (
            "xl/styles.xml".to_owned(),
            format!(
                "<styleSheet {XMLNS}><numFmts count=\"1\"><numFmt numFmtId=\"165\" formatCode=\"00000\"/>{codes}</numFmts><cellXfs count=\"3\"><xf numFmtId=\"0\"/>\
                 <xf numFmtId=\"14\" applyNumberFormat=\"1\"/><xf numFmtId=\"165\" applyNumberFormat=\"1\"/>{styles}</cellXfs></styleSheet>"
            ),
        ),
        ("xl/sharedStrings.xml".to_owned(), format!("<sst {XMLNS} uniqueCount=\"9\">{strings}</sst>")),
    ];
    for (n, (_, _, rows)) in (1..).zip(sheets) {
        let sheet = format!("<worksheet {XMLNS}><sheetData>{rows}</sheetData></worksheet>");
        parts.push((format!("xl/worksheets/sheet{n}.xml"), sheet));
    }
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    archive(&parts)
}

/// A list of which a filter shows one row of three.
pub fn filtered() -> Vec<u8> {
    let strings = ["email", "first_name", "city", "ann@a.example", "Ann", "Oslo", "bob@b.example", "cyd@c.example"];
    let row = |number: usize, hidden: &str, cells: [usize; 3]| {
        let cell = |(column, text): (char, usize)| format!("<c r=\"{column}{number}\" t=\"s\"><v>{text}</v></c>");
        format!("<row r=\"{number}\"{hidden}>{}</row>", ('A'..).zip(cells).map(cell).collect::<String>())
    };
    let hidden = " hidden=\"1\"";
    let rows = [row(1, "", [0, 1, 2]), row(2, "", [3, 4, 5]), row(3, hidden, [6, 4, 5]), row(4, hidden, [7, 4, 5])];
    excel(&strings, &[("Contacts", false, &(rows.concat() + "<row r=\"5\" hidden=\"1\"/>"))])
}

/// Two people with names of their own.
const PEOPLE: [[&str; 2]; 3] = [["Email", "First Name"], ["ann@a.example", "Ann"], ["bob@a.example", "Bob"]];

pub fn people_of_excel() -> Vec<u8> {
    let cell = |(column, row, text): (char, usize, &str)| {
        format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
    };
    let row = |(n, [email, name]): (usize, [&str; 2])| {
        format!("<row r=\"{n}\">{}{}</row>", cell(('A', n, email)), cell(('B', n, name)))
    };
    excel(&[], &[("People", false, &(1..).zip(PEOPLE).map(row).collect::<String>())])
}

pub fn people_of_libreoffice() -> Vec<u8> {
    let cell = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let row = |[email, name]: [&str; 2]| format!("<table:table-row>{}{}</table:table-row>", cell(email), cell(name));
    open_document(&PEOPLE.map(row).concat())
}

/// With a header in its second row, dates, numbers, truths, an error, a line break, and rows of nothing.
fn contacts() -> Vec<u8> {
    let strings = [
        "Email",
        "First name",
        "Since",
        "Points",
        "Price",
        "VIP",
        "ann@a.example",
        "Zoë\n&quot;Z&quot;, Lee",
        " bob@a.example ",
    ];
    let rows = "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"B2\" t=\"s\"><v>1</v></c><c r=\"C2\" t=\"s\"><v>2</v></c>\
                <c r=\"D2\" t=\"s\"><v>3</v></c><c r=\"E2\" t=\"s\"><v>4</v></c><c r=\"F2\" t=\"s\"><v>5</v></c></row>\
                <row r=\"4\"><c r=\"A4\" t=\"s\"><v>6</v></c><c r=\"B4\" t=\"s\"><v>7</v></c><c r=\"C4\" s=\"1\"><v>46355</v></c>\
                <c r=\"D4\"><v>1200</v></c><c r=\"E4\"><v>19.899999999999999</v></c><c r=\"F4\" t=\"b\"><v>1</v></c></row>\
                <row r=\"5\"><c r=\"A5\" t=\"s\"><v>8</v></c><c r=\"D5\"><v>7</v></c></row>\
                <row r=\"6\"><c r=\"A6\" t=\"inlineStr\"><is><t>no address</t></is></c></row>\
                <row r=\"9\" spans=\"1:6\"/><row r=\"10\"><c r=\"F10\" s=\"1\"/></row>";
    let other = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>mail</t></is></c></row>\
                 <row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>cyd@a.example</t></is></c></row>";
    excel(&strings, &[("Old", true, other), ("Contacts", false, rows), ("More", false, other)])
}

#[test]
fn a_workbook_of_excel_is_a_list() {
    let text = "{{ Points }}|{{ since }}|{{ Price }}|{{ VIP }}";
    let recipients = "email = \"Email\"\nmax_rejected = \"50%\"\ncolumns = { since = \"Since\" }";
    let folder = campaign("Contacts.xlsx", contacts(), recipients, text);
    assert_checked(&folder, &["rejected-row", "cell-format", "boolean-printed"]);
    let (ran, letters) = folder.send(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(got(&letters), ["ann@a.example: 1200|2026-11-29|19.9|true", "bob@a.example: 7|||"]);
    for said in [
        "the sheet \"Contacts\" (not \"More\": sheet names another); it has 6 columns",
        "1 address was cleaned",
        "rejects.csv",
    ] {
        assert!([&ran.err, &ran.out].iter().any(|text| text.contains(said)), "{said}\n{ran:?}");
    }
    let rejects = folder.read("data/campaign/w/rejects.csv");
    assert!(rejects.contains("\n6,\"the address has no @\",\"no address\""), "{rejects}");
    // Run again it is the same list.
    assert_eq!(folder.run(&["send", "w.toml", "--data", "data", "--sink"]).code, Some(0));
}

#[test]
fn a_sheet_is_named_or_its_names_are_told() {
    let folder = campaign("c.xlsx", contacts(), "email = \"mail\"\nsheet = \"Old\"", "hello");
    assert_eq!(arrives(&folder), ["cyd@a.example: hello"]);
    let folder = campaign("c.xlsx", contacts(), "email = \"Email\"\nsheet = \"Contact\"", "hello");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.err.contains("a workbook without a sheet \"Contact\"") && ran.err.contains("did you mean \"Contacts\"?"),
        "{ran:?}"
    );
}

/// A workbook of LibreOffice.
pub fn open_document(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\" \
         xmlns:calcext=\"c\"><office:body><office:spreadsheet><table:table table:name=\"Sheet1\">{rows}</table:table>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    let manifest =
        "<manifest:manifest xmlns:manifest=\"m\"><manifest:file-entry manifest:full-path=\"/\"/></manifest:manifest>";
    archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", &content),
    ])
}

#[test]
fn a_workbook_of_libreoffice_is_a_list() {
    let text = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let value = |kind: &str, value: &str, shown: &str| {
        format!("<table:table-cell office:value-type=\"{kind}\" {value}><text:p>{shown}</text:p></table:table-cell>")
    };
    let end = "<table:table-cell table:number-columns-repeated=\"16380\"/>";
    let rows = [
        format!("<table:table-row table:number-rows-repeated=\"2\">{end}</table:table-row>"),
        format!(
            "<table:table-row>{}{}{}{}{end}</table:table-row>",
            text("email"),
            text("name"),
            text("since"),
            text("price")
        ),
        format!(
            "<table:table-row>{}{}{}{}{end}</table:table-row>",
            text("ann@a.example"),
            text("Zoë &amp; Ann"),
            value("date", "office:date-value=\"2026-11-29\"", "29.11.26"),
            value("currency", "office:value=\"1200\"", "1.200,00 €")
        ),
        format!("<table:table-row table:number-rows-repeated=\"3\">{end}</table:table-row>"),
        format!(
            "<table:table-row>{}<table:table-cell table:number-columns-repeated=\"2\"/>{}</table:table-row>",
            text("bob@a.example"),
            value("float", "office:value=\"0.5\"", "0,5")
        ),
        format!("<table:table-row>{}{end}</table:table-row>", text("nobody")),
        format!("<table:table-row table:number-rows-repeated=\"1048000\">{end}</table:table-row>"),
    ];
    let recipients = "max_rejected = \"50%\"";
    let folder = campaign("Liste.ods", open_document(&rows.concat()), recipients, "{{ name }}|{{ since }}|{{ price }}");
    assert_checked(&folder, &["rejected-row", "cell-format", "boolean-printed"]);
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: Zoë & Ann|2026-11-29|1200.00", "bob@a.example: ||0.5"]);
    let rejects = folder.read("data/campaign/w/rejects.csv");
    assert!(rejects.contains("\n9,\"the address has no @\",\"nobody\""), "{rejects}");
}

#[test]
fn archives_that_are_no_workbook_are_named() {
    for (file, octets, said) in [
        (
            "a.zip",
            archive(&[("subscribed.csv", "email\n")]),
            &["a zip archive of subscribed.csv", "hint: unpack it"][..],
        ),
        ("a.xlsx", b"PK\x03\x04 cut off".to_vec(), &["cannot be read", "hint: save the sheet as CSV"]),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), &["Excel 97 to 2003", "save it as .xlsx"]),
        ("a.xlsx", archive(&[("xl/workbook.xml", "<workbook/>")]), &["cannot be read", "hint: save the sheet as CSV"]),
    ] {
        let folder = campaign(file, octets, "", "hello");
        let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
        assert_eq!(ran.code, Some(2), "{file}: {ran:?}");
        for words in said.iter().chain(&[file]) {
            assert!(ran.err.contains(words), "{words}\n{ran:?}");
        }
    }
}

/// A row of Excel from cells as XML.
pub fn row_of(number: usize, cells: &[&str]) -> String {
    let cells: String =
        ('A'..).zip(cells).map(|(column, cell)| cell.replace("<c", &format!("<c r=\"{column}{number}\""))).collect();
    format!("<row r=\"{number}\">{cells}</row>")
}

pub fn inline(text: &str) -> String {
    format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn numbers_keep_the_zeros_that_their_format_shows() {
    let rows = [
        row_of(1, &[&inline("email"), &inline("plz"), &inline("n")]),
        row_of(2, &[&inline("ann@a.example"), "<c s=\"2\"><v>1067</v></c>", "<c><v>1067</v></c>"]),
    ];
    let folder = campaign("l.xlsx", excel(&[], &[("People", false, &rows.concat())]), "", "{{ plz }} {{ n }}");
    assert_eq!(arrives(&folder), ["ann@a.example: 01067 1067"]);
}

#[test]
fn formulas_that_nobody_has_calculated_are_told() {
    let rows = [
        row_of(1, &[&inline("email"), &inline("name"), &inline("x")]),
        row_of(
            2,
            &[&inline("ann@a.example"), "<c><f>PROPER(\"ann\")</f><v></v></c>", "<c t=\"str\"><f>\"\"</f><v></v></c>"],
        ),
        row_of(
            3,
            &[
                &inline("bob@a.example"),
                "<c t=\"str\"><f>PROPER(\"bob\")</f><v>Bob</v></c>",
                "<c><f>1-1</f><v>0</v></c>",
            ],
        ),
    ];
    let folder = campaign("l.xlsx", excel(&[], &[("People", false, &rows.concat())]), "", "{{ name }} {{ x }}");
    let (_, found) = check(&folder, "w.toml");
    let found = found.iter().find(|found| found.check == "formula-without-value").expect("told");
    assert_eq!(found.place, "l.xlsx:2");
    assert!(
        found.says.starts_with("1 cell is a formula without a value, and read as empty (the first: row 2, column 2)"),
        "{found:?}"
    );
}

#[test]
fn a_workbook_whose_first_sheet_is_a_cover_names_the_others() {
    let cover = row_of(1, &[&inline("Kundenliste 2026")]);
    let people =
        row_of(1, &[&inline("email"), &inline("name")]) + &row_of(2, &[&inline("ann@a.example"), &inline("Ann")]);
    let book = excel(&[], &[("Deckblatt", false, &cover), ("Kunden 2026", false, &people)]);
    let folder = campaign("l.xlsx", book, "", "Hello {{ name }}");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert!(ran.code == Some(2) && ran.err.contains("that is the sheet \"Deckblatt\""), "{ran:?}");
    assert!(ran.err.contains("sheet = \"Kunden 2026\""), "{ran:?}");
    let ran = folder.run(&["new", "spring", "--from", "l.xlsx"]);
    assert!(ran.code == Some(2) && ran.err.contains("--sheet 'Kunden 2026'"), "{ran:?}");
    let ran = folder.run(&["new", "spring", "--from", "l.xlsx", "--sheet", "Kunden 2026"]);
    assert!(ran.code == Some(0) && folder.read("spring/campaign.toml").contains("sheet = \"Kunden 2026\""), "{ran:?}");
    let ran = folder.run(&["check", "spring/campaign.toml", "--offline"]);
    assert!(ran.code != Some(2) && ran.out.contains("1 recipient"), "{ran:?}");
}
