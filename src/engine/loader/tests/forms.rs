//! Lists as programs write them: other separators, encodings, line ends, JSON arrays, columns and rows of nothing.

use super::*;

fn rows(name: &str, list: impl AsRef<[u8]>) -> Vec<String> {
    let house = House::new(name, list);
    house.totals();
    house.rows()
}

fn western(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn look(house: &House) -> Look {
    look_at(&house.spec().list).unwrap()
}

const TWO: [&str; 2] = ["zoe@b.example|Zoë, \"Z\"", "bob@a.example|Bob"];

#[test]
fn what_separates_and_ends_is_found() {
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let semicolons = "email;name\r\nzoe@b.example;\"Zoë, \"\"Z\"\"\"\r\nbob@a.example;Bob\r\n";
    let tabs = "email\tname\nzoe@b.example\t\"Zoë, \"\"Z\"\"\"\nbob@a.example\tBob";
    for (list, form) in [
        (semicolons.into(), &["separated by semicolons"][..]),
        (["sep=;\r\n", semicolons].concat().into(), &["separated by semicolons"]),
        (["\u{feff}\u{feff}sep=;\n", semicolons].concat().into(), &["separated by semicolons"]),
        (semicolons.replace(';', "|").into(), &["separated by '|'"]),
        (semicolons.replace("\r\n", "\r").into(), &["separated by semicolons", "with lines that end with CR"]),
        (western(semicolons), &["Windows-1252 (\"Zoë\")", "separated by semicolons"]),
        (utf_16(&["\u{feff}", tabs].concat()), &["UTF-16LE (\"Zoë\")", "separated by tabs"]),
        (utf_16(tabs), &["UTF-16LE (\"Zoë\")", "separated by tabs"]),
        (semicolons.replace(';', ",").into(), &[]),
    ] as [(Vec<u8>, &[&str]); 9]
    {
        let house = House::new("l.csv", &list);
        house.totals();
        assert_eq!(house.rows(), TWO, "{form:?}");
        assert_eq!(look(&house).form, form);
        assert_eq!(House::new("l.csv.gz", gzip(&list)).totals().rows, 2);
    }
}

#[test]
fn what_is_said_of_a_list_goes_before_what_would_be_found() {
    let mut house = House::new("l.csv", encoding_rs::WINDOWS_1251.encode("email#name\na@b.example#Иван; П\n").0);
    house.dialect = Dialect { delimiter: Some(b'#'), charset: Charset::named("cp1251"), ..Dialect::default() };
    house.totals();
    assert_eq!(house.rows(), ["a@b.example|Иван; П"]);
    let mut house = House::new("l.csv", encoding_rs::SHIFT_JIS.encode("email,name\na@b.example,表示\n").0);
    house.dialect.charset = Charset::named("shift_jis");
    house.totals();
    assert_eq!(house.rows(), ["a@b.example|表示"]);
}

#[test]
fn a_letter_that_comes_late_tells_the_encoding_and_a_load_goes_on_with_it() {
    let mut list = western(&people(LONG));
    list.extend(western("Frau Müller,mueller@b.example\nHerr Weiß,weiss@b.example\nZoë,zoe@b.example\n"));
    let whole = House::new("l.csv", &list);
    assert_eq!(whole.totals().rejected, 0);
    assert!(whole.rows().contains(&"mueller@b.example|Frau Müller".to_owned()));
    let house = House::new("l.csv", &list);
    assert_eq!(house.load_some(1).len(), 1);
    assert_eq!(house.totals(), whole.totals());
    assert_eq!(house.rows(), whole.rows());
}

#[test]
fn transcoded_lists_and_arrays_go_on_where_a_load_was_cut_off() {
    let people: Vec<String> =
        (0..LONG).map(|i| format!("{{\n\"name\": \"Zoë {i}\",\n\"email\": \"p{i}@d{}.example\"}}", i % 9)).collect();
    let array = format!("[\n{}\n]\n", people.join(",\n"));
    let wide: Vec<u8> = array.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for list in [array.into_bytes(), wide] {
        let whole = House::new("l.json", &list);
        assert_eq!(whole.totals().rows, LONG as u64);
        let house = House::new("l.json", &list);
        assert_eq!(house.load_some(1).len(), 1);
        assert_eq!(house.totals(), whole.totals());
        assert_eq!(house.rows(), whole.rows());
    }
}

#[test]
fn what_is_no_object_of_an_array_is_rejected_by_its_line() {
    let list = "[ {\"email\":\"a@b.example\"}, 17,\n [1,\n2], {\"email\":\"b@b.example\",\"name\":\"x}\\\"{\"}\n, \"x\" ,{}\n]\n";
    let house = House::new("l.json", list);
    house.totals();
    assert_eq!(house.rows(), ["a@b.example|", "b@b.example|x}\"{"]);
    let rejects = house.rejects();
    let lines: Vec<&str> = rejects.iter().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["1", "2", "4", "4"], "{rejects:?}");
    assert!(rejects[3].contains("the address is empty"), "{rejects:?}");
    let behind = House::new("l.json", "[{\"email\":\"a@b.example\"}]\n{\"email\":\"b@b.example\"}\n");
    assert_eq!((behind.totals().rejected, behind.rows().len()), (1, 1));
    assert!(look_at(&List::at(House::new("l.json", "[]").list)).is_err());
}

#[test]
fn columns_and_rows_of_nothing_are_nothing() {
    for list in [
        "email,name,,\nzoe@b.example,\"Zoë, \"\"Z\"\"\",,\nbob@a.example,Bob,,\n,,,\n,,,\n",
        "\n,,\nemail,name\nzoe@b.example,\"Zoë, \"\"Z\"\"\",,,\n\"\",\"\"\n , \nbob@a.example,Bob, \n",
        "email,name,city,note\nzoe@b.example,\"Zoë, \"\"Z\"\"\"\nbob@a.example,Bob,Ulm\n",
        "email,,name,\nzoe@b.example,x,\"Zoë, \"\"Z\"\"\",y\nbob@a.example,,Bob,\n",
    ] {
        let house = House::new("l.csv", list);
        let totals = house.totals();
        assert_eq!((house.rows(), totals.records), (TWO.map(str::to_owned).to_vec(), 2), "{list}");
    }
    // What is wanted must be there, and the last line must have its end to be taken for whole.
    let house = House::new("l.csv", "email,city,name\na@b.example,Ulm\nb@b.example,Ulm,B,\nc@b.example,Ulm,C,x\n");
    assert_eq!((house.totals().rejected, house.rows()), (2, vec!["b@b.example|B".to_owned()]));
    let mut house = House::new("l.csv", "email,city\na@b.example\nb@b.exam");
    house.columns.clear();
    assert_eq!((house.totals().rejected, house.rows()), (1, vec!["a@b.example".to_owned()]));
}

#[test]
fn headings_are_called_as_people_see_them_and_two_alike_matter_where_they_are_used() {
    let list = "\u{a0}email\u{200b},\"first\n name\",Straße,note,note\na@b.example,Ann,B 1,x,y\n";
    let mut house = House::new("l.csv", list);
    assert_eq!(look(&house).columns, ["email", "first name", "Straße", "note", "note"]);
    house.columns = vec!["first name".to_owned(), "Straße".to_owned()];
    house.totals();
    assert_eq!(house.rows(), ["a@b.example|Ann|B 1"]);
    let mut house = House::new("l.csv", list);
    house.columns = vec!["note".to_owned()];
    let error = house.error();
    assert!(
        error.contains(
            "l.csv:1: the header line names the column \"note\" twice\nhint: rename one of them: the columns 4 and 5"
        ),
        "{error}"
    );
}

#[test]
fn keys_that_come_late_are_columns() {
    let mut list = "{\"email\":\"a@b.example\"}\n".repeat(5000);
    list.push_str("{\"points\":7,\"email\":\"b@b.example\"}\n");
    let found = look(&House::new("l.jsonl", &list));
    assert_eq!((found.columns, found.is_open), (vec!["email".to_owned(), "points".to_owned()], false));
    let found = look(&House::new("l.jsonl", list.repeat(3)));
    assert!(found.is_open && found.columns.len() == 2);
}

#[test]
fn addresses_are_cleaned_and_counted_and_several_are_taken_as_asked() {
    let list = "email,name\n Ann <ann@B.example> ,A\nmailto:bob@b.example.,B\n\u{a0}cyd@b.example,C\ndan@b.example,D\n\
                \"eve@b.example, fay@c.example\",E\nANN@b.example,again\n";
    let mut house = House::new("l.csv", list);
    let totals = house.totals();
    assert_eq!((totals.rows, totals.cleaned, totals.rejected, totals.duplicates), (4, 3, 1, 1));
    assert!(
        house.rejects()[0]
            .starts_with("6,\"2 addresses in one cell (eve@b.example, fay@c.example); recipients.several")
    );
    house = House::new("l.csv", list);
    house.several = Several::First;
    assert_eq!((house.totals().rows, house.rows().len()), (5, 5));
    house = House::new("l.csv", list);
    house.several = Several::Each;
    house.suppression.add(b"fay@c.example").unwrap();
    let totals = house.totals();
    assert_eq!((totals.rows, totals.records, totals.suppressed, totals.duplicates), (6, 7, 1, 1));
    assert!(house.rows().contains(&"fay@c.example|E".to_owned()));
    // Whoever is compared with it later is on it.
    assert_eq!(house.compared(&[]).map(|found| (found.new, found.gone.len(), found.altered)).unwrap(), (0, 0, 0));
}

#[test]
fn counts_outlive_a_load_that_was_cut_off() {
    let list = people(LONG).replace(",p2", ",mailto:p2");
    let whole = House::new("l.csv", &list).totals();
    assert!(whole.cleaned > 10_000);
    let house = House::new("l.csv", &list);
    assert_eq!(house.load_some(1).len(), 1);
    assert_eq!(house.totals(), whole);
}

#[test]
fn slips_of_large_domains_are_told_once_with_their_place() {
    let mut list = "email,name\n".to_owned();
    for (i, domain) in ["gmial.com", "gmail.com", "gmial.com", "hotmial.com"].iter().enumerate() {
        list.push_str(&format!("p{i}@{domain},x\n"));
    }
    let house = House::new("l.csv", list);
    let told = house.load();
    let found: Vec<(String, String)> = told
        .iter()
        .filter_map(|told| match told {
            Loaded::Found(found) => Some((found.place.clone(), found.says.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 2, "{told:?}");
    assert!(found[0].0.ends_with("l.csv:2 p0@gmial.com") && found[0].1.ends_with("away from gmail.com"), "{found:?}");
    assert!(found[1].0.ends_with("l.csv:5 p3@hotmial.com"), "{found:?}");
    assert!(matches!(told[0], Loaded::Found(_)), "before the first rows");
}

#[test]
fn errors_of_a_sheet_and_escapes_are_no_values() {
    let house = House::new("l.csv", "email,name\na@b.example,#N/A\nb@b.example,a\x1b[31mb\nc@b.example,# 1\n");
    house.totals();
    assert_eq!(house.rows(), ["c@b.example|# 1"]);
    let rejects = house.rejects();
    assert!(rejects[0].contains("an error of the sheet") && rejects[1].contains("(ESC)"), "{rejects:?}");
    assert_eq!(rows("l.csv", "email,name\na@b.example,#REF\n"), ["a@b.example|#REF"]);
}

#[test]
fn a_key_that_is_the_address_can_be_a_column_too() {
    let mut house = House::new("l.jsonl", "{\"email\":\"Ann <ann@a.example>\",\"name\":\"A\"}\n");
    house.columns = vec!["email".to_owned(), "name".to_owned()];
    house.totals();
    assert_eq!(house.rows(), ["ann@a.example|Ann <ann@a.example>|A"]);
}

#[test]
fn objects_that_are_no_list_are_said_to_be_none() {
    for list in [
        "{\n  \"contacts\": [\n    {\n      \"email\": \"a@b.example\"\n    }\n  ]\n}\n",
        "email,name\na@b.example,A\n",
    ] {
        let house = House::new("l.json", list);
        let error = look_at(&house.spec().list).unwrap_err().to_string();
        assert!(
            error.contains("l.json:1: no line of the list is a JSON object: ") && error.contains("\nhint: "),
            "{error}"
        );
    }
}

#[test]
fn a_list_that_is_half_loaded_goes_on_as_it_was_read_or_not_at_all() {
    let mut house = House::new("l.csv", people(LONG));
    assert!(matches!(house.load_some(1)[..], [Loaded::Chunk(_)]));
    let plain = house.dialect.clone();
    let cyrillic = Charset::named("windows-1251");
    for (dialect, several, now) in [
        (Dialect { delimiter: Some(b';'), ..plain.clone() }, Several::Refuse, "separated by semicolons"),
        (Dialect { charset: cyrillic, ..plain.clone() }, Several::Refuse, "windows-1251, separated by commas"),
        (plain.clone(), Several::Each, "each of several addresses in a cell"),
    ] {
        (house.dialect, house.several) = (dialect, several);
        let said = house.error();
        let was = "has changed since the campaign was begun (it was read as UTF-8, separated by commas, and now it would be as ";
        assert!(said.contains(was) && said.contains(now), "{said}");
    }
    // What is said, and was found before, changes nothing.
    house.dialect = Dialect { delimiter: Some(b','), charset: Some(Charset::UTF_8), ..plain };
    house.several = Several::Refuse;
    assert_eq!(house.totals().rows, LONG as u64);
}

#[test]
fn json_values_stay_what_they_are_as_they_were_written() {
    let mut house = House::new(
        "l.jsonl",
        "{\"email\":\"a@b.example\",\"v\":19.90}\n{\"email\":\"b@b.example\",\"v\":true}\n{\"email\":\"c@b.example\",\"v\":null}\n\
         {\"email\":[\"d@b.example\"]}\n{\"email\":\"e@b.example\",\n[]\n{\"email\":\"f@b.example\",\"v\":\"\\\"x\\\\\"}\n\
         {\"email\":\"g@b.example\",\"v\":[1, {\"a\":\"\u{e9}\"}]}\n{\"email\":\"h@b.example\"}\n\
         {\"email\":\"i@b.example\",\"v\":\"\\u0000true\"}\n{\"email\":\"j@b.example\",\"v\":\"a\\u0000\"}\n",
    );
    house.columns = vec!["v".to_owned()];
    house.totals();
    let rows = [
        "a@b.example|\u{0}19.90",
        "b@b.example|\u{0}true",
        "c@b.example|\u{0}null",
        "f@b.example|\"x\\",
        "g@b.example|\u{0}[1, {\"a\":\"\u{e9}\"}]",
        "h@b.example|",
    ];
    assert_eq!(house.rows(), rows);
    let rejects = house.rejects();
    assert!(rejects[0].starts_with("4,\"not usable JSON: \"\"email\"\" is not a plain value"), "{rejects:?}");
    assert!(rejects[1].starts_with("5,\"not usable JSON: EOF while parsing"), "{rejects:?}");
    assert!(rejects[2].starts_with("6,\"not usable JSON: invalid type: sequence, expected an object"), "{rejects:?}");
    assert_eq!(look_at(&List::at(house.list.clone())).unwrap().columns, ["email", "v"]);
    assert!(rejects[3].starts_with("10,\"not usable JSON: \"\"v\"\" has a NUL character"), "{rejects:?}");
    assert!(rejects[4].starts_with("11,\"column v: a NUL character"), "{rejects:?}");
}

#[test]
fn a_row_may_have_64_kib_to_the_last_octet_and_no_octet_more() {
    // Two octets before the mailbox and each field; the address as it is written, where that is another one.
    for (address, beside) in [("a@b.example", 0), ("A <a@b.example>", 2 + "A <a@b.example>".len())] {
        let longest = crate::engine::table::ROW_OCTETS_MAX - 2 - "a@b.example".len() - 2 - beside;
        for (octets, rows) in [(longest, 1), (longest + 1, 0)] {
            let house = House::new("l.csv", format!("email,name\n{address},{}\n", "y".repeat(octets)));
            let totals = house.totals();
            assert_eq!((totals.rows, totals.rejected), (rows, 1 - rows), "{address} {octets}");
        }
    }
}
