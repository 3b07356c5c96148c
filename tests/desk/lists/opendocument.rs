//! What stands in workbooks beside plain text, in OpenDocument's as in Excel's: sheets and rows that nobody sees, formulas, errors,
//! merged cells, dates, truths, numbers of many digits and numbers with zeros before them.

use super::super::check::{Found, check};
use super::workbook::{archive, excel, inline, row_of};
use super::{campaign, got};

const NAMESPACES: &str = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
                          xmlns:style=\"urn:oasis:names:tc:opendocument:xmlns:style:1.0\" \
                          xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" \
                          xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
                          xmlns:number=\"urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0\" \
                          xmlns:calcext=\"urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0\"";

/// A workbook as LibreOffice writes it: each sheet a name, whether people see it, and its rows.
pub fn document(sheets: &[(&str, bool, &str)]) -> Vec<u8> {
    let tables: String = sheets
        .iter()
        .map(|(name, is_seen, rows)| {
            let style = if *is_seen { "ta1" } else { "ta2" };
            format!(
                "<table:table table:name=\"{name}\" table:style-name=\"{style}\"><table:table-column table:style-name=\"co1\" \
                 table:number-columns-repeated=\"16384\" table:default-cell-style-name=\"Default\"/>{rows}</table:table>"
            )
        })
        .collect();
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document-content {NAMESPACES} office:version=\"1.3\">\
         <office:scripts/><office:automatic-styles>\
         <style:style style:name=\"ta1\" style:family=\"table\" style:master-page-name=\"Default\">\
         <style:table-properties table:display=\"true\" style:writing-mode=\"lr-tb\"/></style:style>\
         <style:style style:name=\"ta2\" style:family=\"table\" style:master-page-name=\"Default\">\
         <style:table-properties table:display=\"false\" style:writing-mode=\"lr-tb\"/></style:style>\
         <number:number-style style:name=\"N117\"><number:number number:decimal-places=\"0\" number:min-decimal-places=\"0\" \
         number:min-integer-digits=\"5\"/></number:number-style>\
         <style:style style:name=\"ce1\" style:family=\"table-cell\" style:parent-style-name=\"Default\" \
         style:data-style-name=\"N117\"/></office:automatic-styles><office:body><office:spreadsheet>\
         <table:calculation-settings table:automatic-find-labels=\"false\"/>{tables}<table:named-expressions/>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<manifest:manifest \
                    xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" manifest:version=\"1.3\">\
                    <manifest:file-entry manifest:full-path=\"/\" manifest:version=\"1.3\" \
                    manifest:media-type=\"application/vnd.oasis.opendocument.spreadsheet\"/>\
                    <manifest:file-entry manifest:full-path=\"content.xml\" manifest:media-type=\"text/xml\"/></manifest:manifest>";
    archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", &content),
        ("META-INF/manifest.xml", manifest),
    ])
}

pub fn row(about: &str, cells: &[&str]) -> String {
    let end = "<table:table-cell table:number-columns-repeated=\"16376\"/>";
    format!("<table:table-row table:style-name=\"ro1\"{about}>{}{end}</table:table-row>", cells.concat())
}

pub fn text(text: &str) -> String {
    format!(
        "<table:table-cell office:value-type=\"string\" calcext:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
    )
}

pub fn value(kind: &str, value: &str, shown: &str) -> String {
    format!(
        "<table:table-cell {value} office:value-type=\"{kind}\" calcext:value-type=\"{kind}\"><text:p>{shown}</text:p></table:table-cell>"
    )
}

const EMPTY: &str = "<table:table-cell/>";
const COLUMNS: [&str; 8] = ["email", "plz", "since", "vip", "phone", "name", "team", "card"];
const LETTER: &str = "{{ plz }}|{{ since }}|{{ vip }}|{{ phone }}|{{ name }}|{{ team }}";

/// Four people and what may stand in their cells.
fn contacts() -> String {
    let link = "<text:a xlink:href=\"mailto:ann@a.example\" xlink:type=\"simple\">ann@a.example</text:a>";
    let ann = [
        text(link),
        value("float", "table:style-name=\"ce1\" office:value=\"1067\"", "01067"),
        value("date", "office:date-value=\"2026-11-29\"", "29.11.26"),
        value("boolean", "office:boolean-value=\"true\"", "WAHR"),
        value("float", "office:value=\"49170123456\"", "4,9E+010"),
        "<table:table-cell table:formula=\"of:=PROPER(&quot;ann&quot;)\"/>".to_owned(),
        "<table:table-cell table:number-columns-spanned=\"1\" table:number-rows-spanned=\"2\" office:value-type=\"string\">\
         <text:p>North</text:p></table:table-cell>"
            .to_owned(),
        value("float", "office:value=\"4111111111111110\"", "4,11111111111111E+015"),
    ];
    let bob = [
        text("bob@b.example"),
        value("float", "table:style-name=\"ce1\" office:value=\"80331\"", "80331"),
        value("date", "office:date-value=\"2026-11-29T14:30:00\"", "29.11.26 14:30"),
        value("boolean", "office:boolean-value=\"false\"", "FALSCH"),
        text("+49<text:s text:c=\"2\"/>170"),
        value("string", "table:formula=\"of:=PROPER(&quot;bob&quot;)\" office:string-value=\"Bob\"", "Bob"),
        "<table:covered-table-cell/>".to_owned(),
    ];
    let cyd = [
        text("cyd@c.example"),
        EMPTY.repeat(4),
        "<table:table-cell table:formula=\"of:=NA()\" office:value-type=\"string\" office:string-value=\"\" \
         calcext:value-type=\"error\"><text:p>#N/A</text:p></table:table-cell>"
            .to_owned(),
    ];
    let dan = [
        text("dan@d.example"),
        EMPTY.repeat(4),
        "<table:table-cell table:formula=\"of:=FOO(\" office:value-type=\"string\" office:string-value=\"\" \
         calcext:value-type=\"error\"><text:p>Err:510</text:p></table:table-cell>"
            .to_owned(),
    ];
    let of = |about: &str, cells: &[String]| row(about, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    let end = "<table:table-row table:style-name=\"ro1\" table:number-rows-repeated=\"1048570\"><table:table-cell \
               table:number-columns-repeated=\"16384\"/></table:table-row>";
    let heading: String = COLUMNS.map(text).concat();
    [
        row("", &[&heading]),
        of("", &ann),
        of(" table:visibility=\"filter\"", &bob),
        of("", &cyd),
        of("", &dan),
        end.to_owned(),
    ]
    .concat()
}

/// What is told of a list, by the name of the check.
fn told<'f>(found: &'f [Found], name: &str) -> &'f Found {
    found.iter().find(|found| found.check == name).unwrap_or_else(|| panic!("no {name}: {found:#?}"))
}

#[test]
fn what_an_open_document_holds_is_read_as_people_see_it_and_what_is_odd_is_told() {
    let other = row("", &[&text("email")]) + &row("", &[&text("nobody@x.example")]);
    let book = document(&[("Old", false, &other), ("Contacts", true, &contacts()), ("More", true, &other)]);
    let folder = campaign("Liste.ods", book, "max_rejected = \"60%\"", LETTER);
    let (_, found) = check(&folder, "w.toml");
    for (name, place, says) in [
        ("list-form", "Liste.ods", "the sheet \"Contacts\" (not \"More\": sheet names another)"),
        ("hidden-rows", "Liste.ods:3", "1 row is hidden on the sheet, and read as all others (the first: row 3)"),
        ("formula-without-value", "Liste.ods:2", "(the first: row 2, column 6)"),
        ("merged-cells", "Liste.ods:2", "1 area of the sheet is merged cells (the first: row 2, column 7)"),
        ("digits-lost", "Liste.ods:2", "1 cell holds a number of more than 15 digits (the first: row 2, column 8)"),
    ] {
        let found = told(&found, name);
        assert!(found.place == place && found.says.contains(says), "{found:?}");
    }
    let rejected: Vec<&Found> = found.iter().filter(|found| found.check == "rejected-row").collect();
    let places: Vec<&str> = rejected.iter().map(|found| found.place.as_str()).collect();
    assert_eq!(places, ["Liste.ods:4", "Liste.ods:5"]);
    assert!(rejected.iter().all(|found| found.says.contains("column name: an error of the sheet")), "{rejected:?}");
    assert_eq!(
        got(&folder.delivers(&[])),
        [
            "ann@a.example: 01067|2026-11-29|true|49170123456||North",
            "bob@b.example: 80331|2026-11-29T14:30:00|false|+49  170|Bob|"
        ]
    );
}

#[test]
fn formulas_without_values_are_told_where_nothing_else_stands_in_their_column_or_row() {
    let formula = "<table:table-cell table:formula=\"of:=A1\"/>";
    let rows = [row("", &[&text("email")]), row("", &[&text("ann@a.example"), formula, formula]), row("", &[formula])];
    let folder = campaign("l.ods", document(&[("S", true, &rows.concat())]), "", "hello");
    let (_, found) = check(&folder, "w.toml");
    let found = told(&found, "formula-without-value");
    assert!(found.says.starts_with("3 cells are formulas without a value"), "{found:?}");
    assert!(found.says.contains("(the first: row 2, column 2)"), "{found:?}");
}

#[test]
fn merged_cells_and_numbers_that_lost_their_digits_are_told_of_excels_workbooks_too() {
    let rows = [
        row_of(2, &[&inline("email"), &inline("team"), &inline("card")]),
        row_of(3, &[&inline("ann@a.example"), &inline("North"), "<c><v>4111111111111110</v></c>"]),
        row_of(4, &[&inline("bob@b.example"), "<c/>", "<c><v>411111111111111</v></c>"]),
    ];
    // What is merged over the list is a title.
    let merged = "<mergeCells count=\"2\"><mergeCell ref=\"A1:B1\"/><mergeCell ref=\"B3:B4\"/></mergeCells>";
    let sheet = format!("{}</sheetData>{merged}<sheetData>", rows.concat());
    let folder = campaign("l.xlsx", excel(&[], &[("People", false, &sheet)]), "", "{{ team }}");
    let (_, found) = check(&folder, "w.toml");
    let says = &told(&found, "merged-cells").says;
    assert!(says.starts_with("1 area of the sheet is merged cells (the first: row 3, column 2)"), "{says}");
    let says = &told(&found, "digits-lost").says;
    assert!(says.starts_with("1 cell holds a number of more than 15 digits (the first: row 3, column 3)"), "{says}");
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: North", "bob@b.example: "]);
}

#[test]
fn a_number_that_a_sheet_has_shortened_in_a_csv_is_told() {
    let list = "email,phone\nann@a.example,4.91701E+11\nbob@b.example,491701234567\n";
    let folder = campaign("l.csv", list, "", "{{ phone }}");
    let (_, found) = check(&folder, "w.toml");
    let found = told(&found, "cell-shortened");
    assert!(found.place == "l.csv:2" && found.says.contains("`4.91701E+11`"), "{found:?}");
}
