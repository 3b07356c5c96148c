//! Lists as people export them, sent to a receiver; and lists that cannot be meant so, explained.

mod explained;
mod formats;
mod odd;
mod opendocument;
pub mod workbook;

use super::check::check;
use super::folder::Folder;
use mail_parser::MessageParser;

/// Each letter as `address: first line of its text`, in order.
pub fn got(letters: &[Vec<u8>]) -> Vec<String> {
    let one = |letter: &Vec<u8>| {
        let message = MessageParser::new().parse(letter).unwrap();
        let to = message.to().unwrap().first().unwrap().address().unwrap().to_owned();
        format!("{to}: {}", message.body_text(0).unwrap().lines().next().unwrap().trim_end())
    };
    let mut all: Vec<String> = letters.iter().map(one).collect();
    all.sort();
    all
}

/// What `check` warns of in every campaign of these tests: they have no way out, and rows with gaps.
const LACKS: [&str; 2] = ["no-way-out", "empty-field"];

/// What arrives of a campaign against which `check` has found nothing.
pub fn arrives(folder: &Folder) -> Vec<String> {
    assert_checked(folder, &[]);
    got(&folder.delivers(&[]))
}

/// Nothing but this is found against a campaign.
pub fn assert_checked(folder: &Folder, known: &[&str]) {
    let (ran, found) = check(folder, "w.toml");
    let is_new = |word: &str| !LACKS.contains(&word) && !known.contains(&word);
    let against: Vec<_> = found.iter().filter(|found| found.severity != "note" && is_new(&found.check)).collect();
    let stops = found.iter().any(|found| found.severity == "error");
    assert!(ran.code == Some(if stops { 2 } else { 0 }) && against.is_empty(), "{against:#?}\n{ran:?}");
}

/// A folder whose campaign takes this list, with these lines of [recipients] and this text.
pub fn campaign(file: &str, list: impl AsRef<[u8]>, recipients: &str, text: &str) -> Folder {
    let folder = Folder::new();
    folder.put(file, list);
    let toml = super::folder::CAMPAIGN
        .replace("Hello {{ first }}", "Hello")
        .replace("file = \"w.csv\"\nemail = \"email\"", &format!("file = \"{file}\"\n{recipients}"));
    folder.put("w.toml", toml);
    folder.put("w.txt", format!("{text}\n"));
    folder
}

pub fn western(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn excels_csv_of_a_german_desk() {
    let list = "sep=;\r\nE-Mail;Vorname;Straße;Betrag;;\r\nmueller@a.example;Jürgen;Hauptstraße 5, Köln;1,50;;\r\n\
                 Weiß <weiss@b.example>;Zoë;\"Weg \"\"Am Bach\"\"\r\n12\";2;;\r\n;;;;;\r\n;;;;;\r\n";
    let recipients = "email = \"E-Mail\"\ncolumns = { first = \"Vorname\", street = \"Straße\", amount = \"Betrag\" }";
    let folder = campaign("Kunden.csv", western(list), recipients, "Hallo {{ first }}, {{ street }}: {{ amount }}");
    assert_checked(&folder, &[]);
    let (ran, letters) = folder.send(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        got(&letters),
        ["mueller@a.example: Hallo Jürgen, Hauptstraße 5, Köln: 1,50", "weiss@b.example: Hallo Zoë, Weg \"Am Bach\"",]
    );
    for said in [
        "Kunden.csv is read as Windows-1252 (\"Straße\"), separated by semicolons; it has 4 columns.\n",
        "1 address was cleaned",
    ] {
        assert!([&ran.err, &ran.out].iter().any(|text| text.contains(said)), "{said}\n{ran:?}");
    }
}

#[test]
fn excels_unicode_text() {
    let list = "\u{feff}Email\tName\tNote\r\nann@a.example\tŁukasz\t\"two\r\nlines\"\r\nbob@a.example\t山田\t\r\n";
    let folder = campaign("export.txt", wide(list), "email = \"Email\"", "Dear {{ Name }}");
    assert_eq!(arrives(&folder), ["ann@a.example: Dear Łukasz", "bob@a.example: Dear 山田"]);
}

#[test]
fn google_sheets_csv() {
    let list = "\"Email\",\"First\nName\",Joined,,\"Notes, long\"\nann@a.example,Ann,2026-01-05,,\"a \"\"b\"\"\nc\"\n\
                \"bob@a.example\u{a0}\",Bob,2025-12-31,,\nmailto:cyd@a.example,Cyd,2025-01-01,,x\n,,,,\n";
    let recipients = "email = \"Email\"\ncolumns = { joined = \"Joined\" }";
    let folder = campaign("Responses - Form 1.csv", list, recipients, "Hi {{ first_name }}, since {{ joined }}");
    assert_eq!(
        arrives(&folder),
        [
            "ann@a.example: Hi Ann, since 2026-01-05",
            "bob@a.example: Hi Bob, since 2025-12-31",
            "cyd@a.example: Hi Cyd, since 2025-01-01",
        ]
    );
}

#[test]
fn libreoffices_csv() {
    let list = "E-Mail,Anrede,Name,Kundennr,Betrag,Seit\nann@a.example,Frau,\"Lee, Ann\",00071,\"1.234,50\",24.12.2025\n\
                bob@a.example,Herr,\"B\u{f3}b \"\"B\"\" Kay\",00072,\"0,5\",01.01.2026\n,,,,,\n";
    let recipients = "email = \"E-Mail\"\n[recipients.types]\nBetrag = \"number\"\nSeit = \"date\"";
    let text = "{{ anrede }} {{ name }} ({{ kundennr }}): {{ betrag|money(\"EUR\", locale=\"de_DE\") }}, {{ seit|date(\"%Y\") }}";
    let columns = "[recipients.columns]\nanrede = \"Anrede\"\nname = \"Name\"\nkundennr = \"Kundennr\"\nbetrag = \"Betrag\"\nseit = \"Seit\"";
    let folder = campaign("Kunden.csv", list, &format!("{recipients}\n{columns}"), text);
    folder.put("w.toml", format!("locale = \"de_DE\"\n{}", folder.read("w.toml")));
    assert_eq!(
        arrives(&folder),
        [
            "ann@a.example: Frau Lee, Ann (00071): 1.234,50\u{a0}\u{20ac}, 2025",
            "bob@a.example: Herr B\u{f3}b \"B\" Kay (00072): 0,50\u{a0}\u{20ac}, 2026",
        ]
    );
}

#[test]
fn mailchimps_audience() {
    let list = "\"Email Address\",\"First Name\",\"Last Name\",Address,MEMBER_RATING,OPTIN_TIME,NOTES,TAGS\r\n\
                ann@a.example,Ann,O'Neil,\"1 High St  , Ulm\",2,,\"\",\"\"\"VIP\"\",\"\"Beta, two\"\"\"\r\n\
                bob@a.example,\"Bob \"\"B\"\"\",Lee,,5,\"2026-03-01 10:00:00\",,\"\"\r\n";
    let recipients = "email = \"Email Address\"";
    let text = "{{ first_name }} {{ last_name }} ({{ MEMBER_RATING }}) {{ TAGS }}";
    let folder = campaign("subscribed_members_export_1a2b.csv", list, recipients, text);
    assert_eq!(
        arrives(&folder),
        ["ann@a.example: Ann O'Neil (2) \"VIP\",\"Beta, two\"", "bob@a.example: Bob \"B\" Lee (5)"]
    );
}

#[test]
fn hubspots_contacts() {
    let list = "\u{feff}\u{feff}Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Associated Company,Associated Company\n\
                51,Ann,Lee,ann@a.example,+49 171 1234567,,Acme,x\n52,Bób,\"Kay; Jr.\",BOB@A.example,,Kim,,\n";
    let folder =
        campaign("hubspot-crm-exports-all-contacts.csv", list, "email = \"Email\"", "{{ first_name }} {{ last_name }}");
    assert_eq!(arrives(&folder), ["BOB@a.example: Bób Kay; Jr.", "ann@a.example: Ann Lee"]);
}

#[test]
fn listmonks_subscribers() {
    let list = "uuid,email,name,attributes,status,created_at,updated_at\n\
                3d8a,ann@a.example,Ann Lee,\"{\"\"city\"\": \"\"Ulm\"\", \"\"n\"\": [1, 2]}\",enabled,2026-01-01 00:00:00+00,\n";
    let folder = campaign("subscribers.csv", list, "", "{{ name }}: {{ attributes }}");
    assert_eq!(arrives(&folder), ["ann@a.example: Ann Lee: {\"city\": \"Ulm\", \"n\": [1, 2]}"]);
    let list = "[\n  {\n    \"id\": 1,\n    \"email\": \"ann@a.example\",\n    \"name\": \"Ann [1]\"\n  },\n  {\"id\": 2, \"email\": \
                \"bob@a.example\", \"name\": \"B\\u00f3b\", \"lists\": [{\"id\": 3}], \"vip\": true}\n]\n";
    let folder = campaign("subscribers.json", list, "", "{{ name }} {{ vip }}");
    // A value of programs, which is told.
    assert_checked(&folder, &["boolean-printed"]);
    assert_eq!(got(&folder.delivers(&[])), ["ann@a.example: Ann [1]", "bob@a.example: Bób True"]);
}

#[test]
fn whatever_separates_ends_and_is_missing_is_read_and_what_is_said_goes_first() {
    let [ann, bob] = ["ann@a.example: Ann, Ulm", "bob@b.example: Bo;b, K\u{f6}ln"];
    let late: String = (0..3000).map(|n| format!("{{\"email\":\"p{n}@c.example\"}}\n")).collect();
    for (file, list, setting) in [
        ("l.csv", "email|first|city\nann@a.example|Ann|Ulm\nbob@b.example|Bo;b|K\u{f6}ln\n".to_owned(), ""),
        ("l.csv", "email\tfirst\tcity\nann@a.example\tAnn\tUlm\nbob@b.example\tBo;b\tK\u{f6}ln\n".to_owned(), ""),
        ("l.csv", "email,first,city\rann@a.example,Ann,Ulm\rbob@b.example,Bo;b,K\u{f6}ln\r".to_owned(), ""),
        ("l.csv", "email#first#city\nann@a.example#Ann#Ulm\nbob@b.example#Bo;b#K\u{f6}ln\n".to_owned(), "delimiter = \"#\""),
        ("l.csv", "email,first,city,,\nann@a.example,Ann,Ulm,,\n,,,,\nbob@b.example,Bo;b,K\u{f6}ln\n,,,,\n".to_owned(), ""),
        ("l.json", "[{\"email\":\"ann@a.example\",\"first\":\"Ann\",\"city\":\"Ulm\"},\n {\"city\":\"K\u{f6}ln\",\"email\":\"bob@b.example\",\"first\":\"Bo;b\"}]".to_owned(), ""),
        ("l.jsonl", late + "{\"city\":\"K\u{f6}ln\",\"first\":\"Bo;b\",\"email\":\"bob@b.example\"}\n", ""),
    ] {
        let text = "{{ first|default('you') }}, {{ city|default('there') }}";
        let got = got(&campaign(file, &list, setting, text).delivers(&[]));
        match file {
            // Keys that come late are columns, and whoever lacks them gets a letter, too.
            "l.jsonl" => {
                assert_eq!((got.len(), got[0].as_str()), (3001, bob));
                assert!(got[1..].iter().all(|letter| letter.ends_with("@c.example: you, there")), "{:?}", got[1]);
            }
            _ => assert_eq!(got, [ann, bob], "{list}"),
        }
    }
}
