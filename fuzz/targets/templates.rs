//! Templates and values of any text: the content is refused with its place, or each message is whole, canonical, and
//! holds the header fields of its campaign and no others, whatever a value says.
//!
//! The octets are texts, separated by 0x1e: name of From, To, Subject, text, HTML, a header, an unsubscription URL, a
//! reverse-path; then the values of the row.

use posthaste::base::clock::UnixTime;
use posthaste::content::{Composed, Composer, RowRef, Scratch, Source, Spec};

const DATE: UnixTime = UnixTime(1_700_000_000);

/// The fields that this campaign may have.
const FIELDS: [&str; 13] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "x-fuzz",
    "list-id",
    "feedback-id",
];

pub fn run(data: &[u8]) {
    let texts: Vec<&[u8]> = data.split(|&o| o == 0x1e).collect();
    let text = |at: usize| texts.get(at).map(|t| String::from_utf8_lossy(t).into_owned()).filter(|t| !t.is_empty());
    let source = |at: usize, file: &str| text(at).map(|text| Source { file: file.into(), text });
    let spec = Spec {
        name: "fuzz".into(),
        from: format!("{} <news@acme.example>", text(0).unwrap_or_default()),
        to: text(1),
        subject: text(2).unwrap_or_default(),
        text: source(3, "a.txt"),
        html: source(4, "a.html"),
        headers: text(5).map(|value| ("X-Fuzz".to_owned(), value)).into_iter().collect(),
        unsubscribe_url: text(6).map(|path| format!("https://acme.example/{path}")),
        return_path: text(7),
        identity_key: [7; 32],
        share_block: 100,
        ..Spec::default()
    };
    let columns = ["email", "name", "city"].map(str::to_owned);
    let composer = match Composer::compile(spec, &columns, "email") {
        Ok(composer) => composer,
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty()));
            return;
        }
    };
    let values = [
        b"ann@site.example".as_slice(),
        texts.get(8).copied().unwrap_or(b"Ann"),
        texts.get(9).copied().unwrap_or(b"Ulm"),
    ];
    let fields: Vec<&[u8]> = composer.columns_used().iter().filter_map(|&at| values.get(at).copied()).collect();
    let row = RowRef { number: 3, mailbox: "ann@site.example", fields: &fields };
    let mut scratch = Scratch::default();
    let mut out = Composed::default();
    if let Err(error) = composer.compose(&mut scratch, &row, DATE, &mut out) {
        assert!(!error.to_string().is_empty());
        return;
    }
    canonical(&out.content);
    fields_of(&out.content);
    assert!(!out.reverse_path.iter().any(|o| o.is_ascii_control() || b"<> ".contains(o)), "{:?}", out.reverse_path);
    assert!(out.eight_bit || out.content.is_ascii());
    let mut again = Composed::default();
    composer.compose(&mut scratch, &row, DATE, &mut again).expect("as the first time");
    assert_eq!(out, again);
}

/// What a session is promised (`smtp::client::Transaction`).
fn canonical(content: &[u8]) {
    assert!(content.ends_with(b"\r\n"));
    for line in content.strip_suffix(b"\n").unwrap_or(content).split(|&o| o == b'\n') {
        let shown = String::from_utf8_lossy(line);
        let line = line.strip_suffix(b"\r").unwrap_or_else(|| panic!("a bare LF behind {shown:?}"));
        assert!(line.len() <= 990 && !line.starts_with(b"."), "{shown:?}");
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{shown:?}");
    }
}

/// The header holds known fields, each once.
fn fields_of(content: &[u8]) {
    let mut seen: Vec<String> = Vec::new();
    for line in content.split(|&o| o == b'\n') {
        match line {
            b"\r" => return assert!(["from", "to", "date", "message-id"].iter().all(|f| seen.iter().any(|s| s == f))),
            [b' ' | b'\t', rest @ ..] => assert!(!rest.trim_ascii().is_empty(), "a folded line of blanks alone"),
            _ => {
                let colon = line.iter().position(|&o| o == b':').expect("a field's name");
                let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
                assert!(FIELDS.contains(&&*name), "{name:?} got into the header");
                assert!(!seen.contains(&name), "{name:?} twice");
                seen.push(name);
            }
        }
    }
    panic!("the header has no end");
}
