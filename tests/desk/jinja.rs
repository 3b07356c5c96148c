//! The same templates and rows through Python's Jinja2 and through the composer: text for text. What differs stands in
//! README's table, with a template for each difference, and is held to it here.

use posthaste::base::clock::UnixTime;
use posthaste::content::{Composed, Composer, JSON_MARK, RowRef, Scratch, Source, Spec};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What the table of differences in README begins with.
const DIFFERENCES: &str = "| template | row | Jinja2 | posthaste |";

/// A template, whether it makes HTML, and the row as the list writes it.
#[derive(Clone)]
struct Case {
    template: String,
    html: bool,
    row: String,
}

/// A file of this project.
fn read(name: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn files() -> BTreeMap<String, String> {
    serde_json::from_str(&read("tests/desk/jinja/files.json")).unwrap()
}

/// What Jinja2 makes of each; `None` where it refuses.
fn theirs(cases: &[Case]) -> Vec<Option<String>> {
    let knows = |python: &&str| {
        let tried = Command::new(python).args(["-c", "import jinja2"]).output();
        tried.is_ok_and(|out| out.status.success())
    };
    let pythons = ["/usr/bin/python3", "python3"];
    let python =
        pythons.iter().find(|python| knows(python)).expect("no python3 here has jinja2: run tests/mta/setup (as root)");
    // The row as it stands: the order of its keys counts.
    let of =
        |case: &Case| format!("{{\"template\":{},\"html\":{},\"row\":{}}}", json!(case.template), case.html, case.row);
    let cases: Vec<String> = cases.iter().map(of).collect();
    let input = format!("{{\"files\":{},\"cases\":[{}]}}", json!(files()), cases.join(","));
    let mut child = Command::new(python)
        .arg("-c")
        .arg(read("tests/desk/jinja/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || to.write_all(input.as_bytes()).unwrap());
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

/// What we make of it, or why we refuse.
fn ours(case: &Case) -> Result<String, String> {
    let row: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(&case.row).unwrap();
    let columns: Vec<String> = row.keys().cloned().collect();
    // As the loader stores them.
    let field = |json: &str| match json.starts_with('"') {
        true => serde_json::from_str::<String>(json).unwrap().into_bytes(),
        false => [&[JSON_MARK], json.as_bytes()].concat(),
    };
    let fields: Vec<Vec<u8>> = row.values().map(|json| field(json.get())).collect();
    let part = Some(Source { file: "t".into(), text: case.template.clone() });
    let file = |(name, text)| (name, Ok(Source { file: String::new(), text }));
    let spec = Spec {
        name: "n".into(),
        from: "news@acme.example".into(),
        to: Some("list@acme.example".into()),
        subject: "s".into(),
        html: part.clone().filter(|_| case.html),
        text: part.filter(|_| !case.html),
        partials: files().into_iter().map(file).collect(),
        is_json: true,
        ..Spec::default()
    };
    body_of(spec, &columns, &fields)
}

/// What ann@a.example reads of a letter of one part, by a row with these columns.
pub(crate) fn body_of(spec: Spec, columns: &[String], fields: &[Vec<u8>]) -> Result<String, String> {
    let composer = Composer::compile(spec, columns, "email").map_err(|errors| errors[0].to_string())?;
    let used: Vec<&[u8]> = composer.columns_used().iter().map(|&i| fields[i].as_slice()).collect();
    let row = RowRef { number: 0, mailbox: "ann@a.example", fields: &used };
    let mut out = Composed::default();
    composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).map_err(|e| e.to_string())?;
    let body = out.content.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let text = decoded(&out.content[body..]).replace("\r\n", "\n");
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

fn decoded(quoted_printable: &[u8]) -> String {
    let mut out = Vec::new();
    let mut rest = quoted_printable;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind) {
            (b'=', [b'\r', b'\n', behind @ ..]) => rest = behind,
            (b'=', [a, b, behind @ ..]) => {
                let digits = [*a, *b];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = behind;
            }
            (octet, _) => out.push(octet),
        }
    }
    String::from_utf8(out).unwrap()
}

/// A template of the file: `\n` is a line break, `\\` a backslash.
fn template(line: &str) -> String {
    line.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\")
}

#[test]
fn every_pair_of_template_and_row_gives_what_jinja2_gives() {
    let mut cases = Vec::new();
    let (templates, rows) = (read("tests/desk/jinja/templates.txt"), read("tests/desk/jinja/rows.jsonl"));
    for line in templates.lines() {
        for row in rows.lines() {
            for html in [false, true] {
                cases.push(Case { template: template(line), html, row: row.to_owned() });
            }
        }
    }
    assert!(cases.len() >= 300, "only {} pairs", cases.len());
    let mut differ = Vec::new();
    for (case, theirs) in cases.iter().zip(theirs(&cases)) {
        let ours = ours(case);
        if ours.as_ref().ok() != theirs.as_ref() {
            differ.push(format!("{}\n  Jinja2: {theirs:?}\n  here:   {ours:?}\n  row:    {}", case.template, case.row));
        }
    }
    let rendered = cases.len() - differ.len();
    assert!(differ.is_empty(), "{} of {} pairs differ:\n{}", differ.len(), rendered + differ.len(), differ.join("\n"));
}

/// The cells of a line of a Markdown table, without the backticks.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "\u{0}");
    let cells = line.trim_matches('|').split('|');
    cells.map(|cell| cell.trim().trim_matches('`').replace('\u{0}', "|")).collect()
}

#[test]
fn each_difference_that_readme_tells_of_is_one() {
    let readme = read("README.md");
    let table = readme.split_once(DIFFERENCES).expect("README has the table of differences").1;
    let lines: Vec<Vec<String>> = table.lines().skip(2).take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    let case = |line: &Vec<String>| Case { template: line[0].clone(), html: false, row: line[1].clone() };
    let cases: Vec<Case> = lines.iter().map(case).collect();
    let shown = |result: Option<&String>| result.map_or("refused".to_owned(), |text| text.trim().to_owned());
    for ((line, case), theirs) in lines.iter().zip(&cases).zip(theirs(&cases)) {
        let ours = ours(case);
        assert_eq!(shown(theirs.as_ref()), line[2], "Jinja2: {}", case.template);
        assert_eq!(shown(ours.as_ref().ok()), line[3], "posthaste: {}: {ours:?}", case.template);
        assert_ne!(line[2], line[3], "{} is no difference", case.template);
    }
}
