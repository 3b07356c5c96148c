//! Lists of every kind, good and bad, whole and cut off.
//! Long: one house, and what each kind of list comes to in it.

mod compared;
mod forms;
mod judged;
mod rehearsed;

use super::*;
use crate::engine::table::{Manifest, Table};
use std::fs;
use std::io::Write as _;
use tempfile::TempDir;

/// A campaign's directory and a list beside it.
struct House {
    home: TempDir,
    list: PathBuf,
    suppression: Suppression,
    email: String,
    columns: Vec<String>,
    header_columns: Vec<String>,
    letter: Option<Composer>,
    max_rejected: f64,
    dialect: Dialect,
    several: Several,
}

impl House {
    fn new(name: &str, list: impl AsRef<[u8]>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(name);
        fs::write(&path, list).unwrap();
        Self {
            list: path,
            home,
            suppression: Suppression::new([5; 16]),
            email: "email".to_owned(),
            columns: vec!["name".to_owned()],
            header_columns: Vec::new(),
            letter: None,
            max_rejected: 1.0,
            dialect: Dialect::default(),
            several: Several::Refuse,
        }
    }

    fn campaign(&self) -> PathBuf {
        self.home.path().join("campaign")
    }

    fn writer(&self) -> TableWriter {
        match TableWriter::open(&self.campaign()) {
            Ok((writer, _)) => writer,
            Err(_) => {
                TableWriter::create(&self.campaign(), Manifest::new("test", 1, 0, [9; 32], &self.columns)).unwrap()
            }
        }
    }

    fn spec(&self) -> LoadSpec<'_> {
        LoadSpec {
            list: List { dialect: self.dialect.clone(), several: self.several, ..List::at(self.list.clone()) },
            email: self.email.clone(),
            header_columns: self.header_columns.clone(),
            letter: self.letter.as_ref(),
            max_rejected: self.max_rejected,
            suppression: &self.suppression,
            readmitted: &[],
            quiet: Duration::ZERO,
            onlooker: None,
        }
    }

    /// How what lies at the list's path now differs from the table.
    fn compared(&self, withdrawn: &[u32]) -> Result<Difference, LoadError> {
        let LoadSpec { list, email, header_columns, max_rejected, quiet, .. } = self.spec();
        let (list, email, header_columns) = (&list, email.as_str(), header_columns.as_slice());
        Comparison { list, email, header_columns, max_rejected, withdrawn, quiet, rejects: None }.with(&self.writer())
    }

    /// Loads until the end, or until `chunks` of them have come.
    fn load_some(&self, chunks: usize) -> Vec<Loaded> {
        let mut told = Vec::new();
        load(&self.spec(), &mut self.writer(), &AtomicBool::new(false), |loaded| {
            told.push(loaded);
            if told.len() == chunks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        told
    }

    /// Puts what lies at the list's path now in the place of the list; how it differs from the table.
    fn take_another(&self) -> Difference {
        let difference = self.compared(&[]).unwrap();
        self.writer().begin_adding(difference.print.clone(), false, false).unwrap();
        difference
    }

    fn load(&self) -> Vec<Loaded> {
        self.load_some(usize::MAX)
    }

    fn totals(&self) -> Totals {
        match self.load().pop() {
            Some(Loaded::End(totals)) => totals,
            other => panic!("{other:?}"),
        }
    }

    fn error(&self) -> String {
        match self.load().pop() {
            Some(Loaded::Failed(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// `mailbox|field|…` of each row, in the order of the table.
    fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let table = Table::open(&self.campaign()).unwrap();
        table
            .walk(|row| {
                let fields = row.fields.map(|f| String::from_utf8(f.to_vec()).unwrap());
                rows.push(std::iter::once(row.mailbox.to_owned()).chain(fields).collect::<Vec<_>>().join("|"));
                ControlFlow::Continue(())
            })
            .unwrap();
        rows
    }

    fn rejects(&self) -> Vec<String> {
        let text = fs::read_to_string(self.campaign().join("rejects.csv")).unwrap();
        assert!(text.starts_with("line,reason,text\n"), "{text}");
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(octets).unwrap();
    gz.finish().unwrap()
}

/// More than a short list has.
const LONG: usize = 70_000;

/// A list of `count` people over 97 domains.
fn people(count: usize) -> String {
    let mut list = String::from("name,email\n");
    for i in 0..count {
        list.push_str(&format!("Person {i},p{i}@d{}.example\n", i % 97));
    }
    list
}

#[test]
fn a_list_becomes_a_table() {
    let house = House::new(
        "l.csv",
        "\u{feff}email, name ,x\r\nada@b.example,\"Ada, \"\"A\"\"\",1\r\n\r\nbob@a.example,Bob,\"\n\n\"\r\nC@B.example,C,3",
    );
    let totals = house.totals();
    assert_eq!(house.rows(), ["ada@b.example|Ada, \"A\"", "C@b.example|C", "bob@a.example|Bob"]);
    assert_eq!((totals.records, totals.rows, totals.rejected, totals.domains), (3, 3, 0, 2));
}

#[test]
fn every_format_and_compression_gives_the_same_table() {
    let csv = "name,email\n\"Zoë\",zoe@b.example\n,bob@a.example\n";
    let tsv = "email\tname\nzoe@b.example\tZoë\nbob@a.example\t\n";
    let jsonl =
        "{\"email\":\"zoe@b.example\",\"name\":\"Zo\\u00eb\",\"deep\":{\"a\":[1]}}\n{\"email\":\"bob@a.example\"}\n";
    let (first, second) = csv.split_at(20);
    let members = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    let zst = zstd::encode_all(jsonl.as_bytes(), 1).unwrap();
    for (name, list) in [
        ("l.csv", csv.into()),
        ("l.tsv", tsv.into()),
        ("l.jsonl", jsonl.into()),
        ("l.csv.gz", members),
        ("l.ndjson.zst", zst),
        ("l.tab.gz", gzip(tsv.as_bytes())),
    ] as [(&str, Vec<u8>); 6]
    {
        let house = House::new(name, list);
        house.totals();
        assert_eq!(house.rows(), ["zoe@b.example|Zoë", "bob@a.example|"], "{name}");
    }
}

#[test]
fn bad_records_are_rejected_with_line_and_reason_and_the_others_stay() {
    let mut list = b"email,name\nada@b.example,Ada\nno address,x\nbob@b.example\nc@b.example,C,3\n,nobody\n".to_vec();
    list.extend_from_slice(
        b"d@b.example,\xff\ne@b.example,a\0b\nf@b.example,\x1b[2J\ng@b.example,\"a\tb\r\nBcc: x@y.example\"\n",
    );
    list.extend_from_slice(b"\x1b[2Jh@b.example,H\ni@b.example,I\n");
    let mut house = House::new("l.csv", list);
    house.header_columns = vec!["name".to_owned()];
    let totals = house.totals();
    assert_eq!(house.rows(), ["ada@b.example|Ada", "g@b.example|a\tb\r\nBcc: x@y.example", "i@b.example|I"]);
    assert_eq!((totals.records, totals.rows, totals.rejected), (11, 3, 8));
    assert_eq!(
        house.rejects(),
        [
            r#"3,"the address has no @","no address""#,
            r#"4,"1 field where the header has 2","bob@b.example""#,
            r#"5,"3 fields where the header has 2","c@b.example,C,3""#,
            r#"6,"the address is empty",",nobody""#,
            r#"7,"column name: not UTF-8, the encoding of the list (encoding in [recipients] names another one)","d@b.example""#,
            r#"8,"column name: a NUL character","e@b.example""#,
            r#"9,"column name: a control character, which a header may not hold","f@b.example""#,
            r#"12,"the address has a control or invisible character in it","\x1b[2Jh@b.example""#,
        ]
    );
}

#[test]
fn line_breaks_in_a_column_of_the_body_are_fine() {
    let house = House::new("l.csv", "email,name\nada@b.example,\"a\r\nb\"\nbob@b.example,B\n");
    house.totals();
    assert_eq!(house.rows(), ["ada@b.example|a\r\nb", "bob@b.example|B"]);
}

#[test]
fn an_unbalanced_quote_costs_its_own_line_and_no_other() {
    for (bad, wanted) in [
        ("x@b.example,\"open", "a quote"),
        ("x@b.example,\"a\"b", "text behind a closing quote"),
        ("x@b.example,\"\"\"open", "a quote"),
        ("\"x@b.example,open", "quote"),
    ] {
        for tail in ["c@b.example,C\n", "c@b.example,\"C\"\n", "c@b.example,\"C \"\"c\"\"\"\n", "\"c@b.example\",C\n"] {
            let list = format!("email,name\na@b.example,A\n{bad}\n{tail}d@b.example,D\n");
            let house = House::new("l.csv", &list);
            let totals = house.totals();
            let kept: Vec<_> = house.rows().iter().map(|r| r[..1].to_owned()).collect();
            assert_eq!(kept, ["a", "c", "d"], "{list}");
            assert_eq!(totals.rejected, 1, "{list}");
            let rejects = house.rejects();
            assert!(
                rejects[0].starts_with("3,") && (rejects[0].contains(wanted) || rejects[0].contains("quote")),
                "{rejects:?}"
            );
        }
    }
}

#[test]
fn a_quote_that_swallows_megabytes_is_given_up_with_its_line_only() {
    let mut list = String::from("email,name\na@b.example,\"open\n");
    for i in 0..60_000 {
        list.push_str(&format!("p{i}@b.example,Some longer name of person {i}\n"));
    }
    assert!(list.len() > 2 * RECORD_OCTETS_MAX);
    let house = House::new("l.csv", &list);
    let totals = house.totals();
    assert_eq!((totals.rows, totals.rejected), (60_000, 1));
    assert!(house.rejects()[0].starts_with("2,\"a quote that begins here is not closed within 1 MiB\""));
}

#[test]
fn endless_lines_and_great_rows_are_rejected() {
    let long = "x".repeat(5 << 20);
    let great = "y".repeat(70_000);
    let quoted = format!("\"{}\"", "z\n".repeat(40_000));
    let list = format!("email,name\n{long}\na@b.example,{great}\nq@b.example,{quoted}\nb@b.example,B\n{long}");
    let house = House::new("l.csv", list);
    house.totals();
    assert_eq!(house.rows(), ["b@b.example|B"]);
    let rejects = house.rejects();
    assert_eq!(rejects.len(), 4);
    assert!(rejects[0].starts_with("2,\"a line of over 1 MiB\",\"xxx") && rejects[0].len() < 250);
    assert!(rejects[1].starts_with("3,\"its columns together are longer than 64 KiB\",\"a@b.example\""));
    assert!(rejects[2].starts_with("4,\"its columns together are longer than 64 KiB\",\"q@b.example\""));
    assert!(rejects[3].starts_with("40006,\"a line of over 1 MiB\""), "{}", rejects[3]);
}

#[test]
fn duplicates_are_dropped_and_suppressed_ones_marked() {
    let mut house = House::new(
        "l.csv",
        "email,name\nAda@b.example,1\nada@B.Example,2\nbob@b.example,3\neve@c.example,4\nADA@b.example,5\n",
    );
    house.suppression.add(b"BOB@b.example").unwrap();
    house.suppression.add(b"@c.example").unwrap();
    let told = house.load();
    assert!(matches!(&told[0], Loaded::Chunk(c) if (c.rows, c.suppressed, c.runs.len()) == (3, 2, 1)), "{told:?}");
    assert!(matches!(told[1], Loaded::End(t) if (t.records, t.rows, t.duplicates, t.suppressed) == (5, 3, 2, 2)));
    assert_eq!(house.rows(), ["Ada@b.example|1", "bob@b.example|3", "eve@c.example|4"]);
}

#[test]
fn a_load_that_was_cut_off_goes_on_where_it_was() {
    let mut list = people(70_000);
    for (at, line) in [(11, "nonsense,no address\n"), (50_000, "again,P7@d7.example\n")] {
        let at = list.match_indices('\n').nth(at).unwrap().0 + 1;
        list.insert_str(at, line);
    }
    let whole = House::new("l.csv", &list);
    let told = whole.load();
    assert_eq!(told.len(), 4, "10,000 first, then 40,000, then the rest, then the end");
    for name in ["l.csv", "l.csv.gz", "l.csv.zst"] {
        let octets = match name.rsplit_once('.').unwrap().1 {
            "gz" => gzip(list.as_bytes()),
            "zst" => zstd::encode_all(list.as_bytes(), 1).unwrap(),
            _ => list.clone().into_bytes(),
        };
        let (house, whole) = (House::new(name, &octets), House::new(name, &octets));
        assert_eq!(house.load_some(1).len(), 1);
        // What a crash leaves behind: rows and rejects that no chunk has.
        for file in ["rows.dat", "rows.idx", "rejects.csv", "domains.dir"] {
            let mut file = fs::OpenOptions::new().append(true).open(house.campaign().join(file)).unwrap();
            file.write_all(b"torn").unwrap();
        }
        assert_eq!(house.load_some(1).len(), 1);
        assert_eq!(house.totals(), whole.totals(), "{name}");
        assert_eq!(house.rows(), whole.rows(), "{name}");
        assert_eq!(house.rejects(), whole.rejects(), "{name}");
    }
}

#[test]
fn a_pipe_is_read_and_skipped_when_a_load_goes_on() {
    let mut house = House::new("l.csv", "");
    house.list = house.home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&house.list).status().unwrap().success());
    let feed = || {
        let pipe = house.list.clone();
        // The reader goes away after its first chunk: that the rest cannot be written is as it should be.
        std::thread::spawn(move || fs::write(pipe, people(LONG)).is_ok())
    };
    let feeder = feed();
    assert_eq!(house.load_some(1).len(), 1);
    feeder.join().unwrap();
    let feeder = feed();
    assert_eq!(house.totals().rows, LONG as u64);
    assert!(feeder.join().unwrap());
    let whole = House::new("l.csv", people(LONG));
    whole.totals();
    let [rows, whole] = [house.rows(), whole.rows()].map(|mut rows| {
        rows.sort_unstable();
        rows
    });
    assert_eq!(rows, whole);
}

#[test]
fn a_complete_load_does_not_open_its_list_again() {
    let house = House::new("l.csv", people(10));
    let totals = house.totals();
    fs::remove_file(&house.list).unwrap();
    let again = house.load();
    assert!(matches!(again[..], [Loaded::End(t)] if t == totals), "{again:?}");
}

#[test]
fn another_list_is_refused_when_a_load_goes_on() {
    let house = House::new("l.csv", people(LONG));
    house.load_some(1);
    fs::write(&house.list, people(LONG + 1)).unwrap();
    assert!(house.error().contains("has changed since the campaign was begun (it was "), "{}", house.error());
    fs::write(&house.list, people(LONG).replacen("Person 0", "Nobody 0", 1)).unwrap();
    assert!(house.error().contains("(its beginning differs)\nhint: "), "{}", house.error());
}

#[test]
fn a_list_that_changes_while_it_is_read_is_not_loaded_to_its_end() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 4] = [
        ("has ", |list| fs::OpenOptions::new().append(true).open(list).unwrap().write_all(b"\n").unwrap()),
        ("has 1000 now", |list| fs::OpenOptions::new().write(true).open(list).unwrap().set_len(1000).unwrap()),
        ("cannot be found any more", |list| fs::remove_file(list).unwrap()),
        ("another file stands in its place", |list| {
            fs::copy(list, list.with_extension("new")).unwrap();
            fs::rename(list.with_extension("new"), list).unwrap();
        }),
    ];
    let zst = zstd::encode_all(people(LONG).as_bytes(), 1).unwrap();
    for (what, spoil) in spoils {
        // Of a plain list more or less was read ahead by then.
        for (name, at_least, list) in [
            ("l.csv", 10_000, people(LONG).into()),
            ("l.csv.gz", TOGETHER_MAX, gzip(people(LONG).as_bytes())),
            ("l.csv.zst", TOGETHER_MAX, zst.clone()),
        ] as [(&str, u64, Vec<u8>); 3]
        {
            let house = House::new(name, list.clone());
            let mut told = Vec::new();
            load(&house.spec(), &mut house.writer(), &AtomicBool::new(false), |loaded| {
                if told.is_empty() && matches!(loaded, Loaded::Chunk(_)) {
                    spoil(&house.list);
                }
                told.push(loaded);
                ControlFlow::Continue(())
            });
            let [Loaded::Chunk(_), .., Loaded::Failed(error)] = &told[..] else { panic!("{name}, {what}: {told:?}") };
            let error = error.to_string();
            assert!(error.contains("changed while it was read: ") && error.contains(what), "{name}: {error}");
            let first = house.rows().len() as u64;
            assert!((at_least..=TOGETHER_MAX).contains(&first), "{name}, {what}: {first}");
            assert_eq!(house.writer().manifest().loaded, None, "{name}, {what}");
            // With a list that rests it goes on.
            fs::write(&house.list, list).unwrap();
            let found = house.take_another();
            assert_eq!((found.new, found.gone.len()), (LONG as u64 - first, 0));
            assert_eq!(house.totals().rows, LONG as u64, "{name}, {what}");
        }
    }
}

#[test]
fn what_stands_behind_a_compressed_list_is_no_end() {
    for (name, mut list) in [
        ("l.csv.gz", gzip(people(100).as_bytes())),
        ("l.csv.zst", zstd::encode_all(people(100).as_bytes(), 1).unwrap()),
    ] {
        list.extend_from_slice(b"and more");
        let house = House::new(name, list);
        assert!(house.error().contains("cannot read on: "), "{name}: {}", house.error());
        assert_eq!(house.writer().manifest().loaded, None);
    }
}

#[test]
fn a_list_is_known_again_by_its_mark_or_its_hash() {
    let house = House::new("l.csv", people(300));
    house.totals();
    let known = house.writer().manifest().list.clone().unwrap();
    let changed = |list: &Path, email| print::changed(&known, &List::at(list.to_owned()), email).unwrap();
    assert_eq!(changed(&house.list, "email"), None);
    let other = house.list.with_file_name("other.csv");
    fs::copy(&house.list, &other).unwrap();
    assert_eq!(changed(&other, "email"), None, "the same content elsewhere");
    assert!(changed(&house.list, "name").unwrap().contains("column \"email\", and now it is \"name\""));
    fs::write(&other, people(300).replace("p299@", "p298@")).unwrap();
    assert_eq!(changed(&other, "email").unwrap(), "its content differs");
    fs::write(&other, people(299)).unwrap();
    assert!(changed(&other, "email").unwrap().starts_with("it was "));
}

#[test]
fn a_load_ends_when_it_is_told_to() {
    let house = House::new("l.csv", people(30_000));
    let list = List::at(house.list.clone());
    let suppression = &house.suppression;
    let (email, header_columns, quiet) = ("email".into(), Vec::new(), Duration::ZERO);
    let spec = LoadSpec {
        list,
        email,
        header_columns,
        letter: None,
        max_rejected: 1.0,
        suppression,
        readmitted: &[],
        quiet,
        onlooker: None,
    };
    load(&spec, &mut house.writer(), &AtomicBool::new(true), |loaded| panic!("{loaded:?}"));
}

#[test]
fn each_bad_list_has_its_clear_error() {
    let cut = gzip(people(5000).as_bytes());
    let cut = cut[..cut.len() / 2].to_vec();
    let zst = zstd::encode_all(people(5000).as_bytes(), 1).unwrap();
    let zst = zst[..zst.len() - 5].to_vec();
    for (name, list, wanted) in [
        ("l.csv", b"".to_vec(), "is empty: it has no recipient"),
        ("l.csv", b"name,email\n\n".to_vec(), "is empty: it has no recipient"),
        ("l.csv", b"\xef\xbb\xbf".to_vec(), "is empty: it has no recipient"),
        ("l.jsonl", b"\n".to_vec(), "is empty: it has no recipient"),
        ("l.csv", b"name,e-mail\n".to_vec(), "l.csv:1: no column \"email\"\nhint: did you mean \"e-mail\"?"),
        ("l.csv", b"name,address\n".to_vec(), "no column \"email\"\nhint: the list has name, address"),
        ("l.csv", b"name / address\n".to_vec(), "hint: the list has name / address alone; if something else separates"),
        ("l.csv", b"{\"email\":\"a@b.example\"}\n".to_vec(), "hint: it looks like JSON: say format = \"jsonl\""),
        ("l.csv", b"sep=;\n\nname;mail\n".to_vec(), "l.csv:3: no column \"email\"\nhint: did you mean \"mail\"?"),
        ("l.csv", b"email,Name\n".to_vec(), "no column \"name\"\nhint: did you mean \"Name\"?"),
        ("l.csv", b"email,name,name\n".to_vec(), "names the column \"name\" twice\nhint: "),
        (
            "l.csv",
            b"email,n\xff\n".to_vec(),
            "l.csv:1: the header line is not UTF-8, and its encoding is not certain\nhint: ",
        ),
        (
            "l.csv",
            b"email,\xce\xe2\xe0\n\xcf\xee\xee\n\xcf\xe8\xe8\n".to_vec(),
            "l.csv:1:7: its encoding cannot be told: ",
        ),
        (
            "l.csv",
            b"ann@b.example,Ann\nbob@b.example,Bob\n".to_vec(),
            "l.csv:1: the header line is missing: the first line is ann@b.example,Ann\nhint: ",
        ),
        ("l.csv", b"\xff\xfee\0m\0".to_vec(), "no column \"email\"\nhint: "),
        ("l.csv", b"PK\x03\x04xxxx".to_vec(), "is an archive that cannot be read: "),
        (
            "l.csv",
            b"\xd0\xcf\x11\xe0xxxx".to_vec(),
            "is a workbook of Excel 97 to 2003 (.xls), or one with a password\nhint: save",
        ),
        (
            "l.json",
            b"[{\"email\":\"a@b.example\"},\n{\"email\":\"b".to_vec(),
            "l.json:2: cannot read on: the JSON array has no end",
        ),
        ("l.xls", b"\n<HTML><table><tr><td>email".to_vec(), "is a page of HTML, whatever its name says"),
        ("l.xml", b"\xef\xbb\xbf<?xml version=\"1.0\"?>".to_vec(), "is an XML document"),
        ("l.xlsx.gz", gzip(b"PK\x03\x04xxxx"), "is a workbook, or another archive, that is compressed once more"),
        ("l.csv.xz", b"\xfd7zXZ\0\0".to_vec(), "is compressed with xz\nhint: "),
        ("l.csv.gz", cut, "cannot read on: "),
        ("l.csv.zst", zst, "cannot read on: "),
    ] as [(&str, Vec<u8>, &str); 24]
    {
        let error = House::new(name, list).error();
        assert!(error.contains(wanted) && error.contains(name), "{error}");
    }
    let mut house = House::new("l.csv", "");
    house.list = house.home.path().join("none.csv");
    assert!(house.error().starts_with("cannot read the list ") && house.error().contains("No such file"));
    house.list = house.home.path().to_owned();
    assert!(house.error().contains("is a directory\nhint: "));
}

#[test]
fn the_columns_of_a_list_are_told() {
    let of = |house: &House| look_at(&List::at(house.list.clone())).map(|look| look.columns);
    assert_eq!(of(&House::new("l.tsv", "email\t first name\n")).unwrap(), ["email", "first name"]);
    assert_eq!(of(&House::new("l.jsonl", "{\"a\":1}\nbad\n{\"b\":{},\"a\":2}")).unwrap(), ["a", "b"]);
    assert!(matches!(of(&House::new("l.jsonl", "")), Err(LoadError::Empty { .. })));
}

mod odd_lists {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_the_list_holds_every_record_is_counted_once(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "a@b.example,A\n", "\"", ",", "\n", "\r", "\"\"", "\0", "c@d.example,\"x\ny\"\r\n", "zz", "\u{e4}",
                ]),
                0..40,
            )
        ) {
            let house = House::new("l.csv", format!("email,name\n{}", pieces.concat()));
            match house.load().pop() {
                Some(Loaded::End(t)) => {
                    prop_assert_eq!(t.records, t.rows + t.rejected + t.duplicates);
                    prop_assert_eq!(t.rows, house.rows().len() as u64);
                    prop_assert_eq!(t.rejected, house.rejects().len() as u64);
                }
                Some(Loaded::Failed(LoadError::Empty { .. })) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
