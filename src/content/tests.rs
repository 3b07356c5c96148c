//! Whole messages: golden ones, what cannot be injected, what is found wrong before sending, and Python's parser as an
//! outside judge of the MIME.

use super::*;
use crate::base::clock::UnixTime;
use proptest::prelude::*;
use std::io::Write as _;
use std::process::{Command, Stdio};

mod letters;

const DATE: UnixTime = UnixTime(1_700_000_000);

fn source(file: &str, text: &str) -> Option<Source> {
    Some(Source { file: file.into(), text: text.into() })
}

fn spec() -> Spec {
    Spec {
        name: "welcome".into(),
        from: "Acme <news@acme.example>".into(),
        subject: "Welcome, {{ first_name }}".into(),
        text: source("welcome.txt", "Hi {{ first_name }},\nwelcome.\n"),
        identity_key: [7; 32],
        campaign_number: 9,
        share_block: 100,
        ..Spec::default()
    }
}

fn columns() -> Vec<String> {
    ["email", "first_name", "city"].map(str::to_owned).to_vec()
}

fn compile(spec: Spec) -> Composer {
    Composer::compile(spec, &columns(), "email").unwrap_or_else(|e| panic!("{}", said(&e)))
}

fn said(errors: &[ContentError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn errors(spec: Spec) -> String {
    said(&Composer::compile(spec, &columns(), "email").expect_err("this content is wrong"))
}

fn composed(composer: &Composer, fields: &[&str]) -> Result<Composed, ComposeError> {
    let fields: Vec<&[u8]> = fields.iter().map(|f| f.as_bytes()).collect();
    let row = RowRef { number: 3, mailbox: "ann@site.example", fields: &fields };
    let mut out = Composed::default();
    composer.compose(&mut Scratch::default(), &row, DATE, &mut out)?;
    Ok(out)
}

fn text_of(composer: &Composer, fields: &[&str]) -> String {
    String::from_utf8(composed(composer, fields).unwrap().content).unwrap()
}

/// The decoded leaves and some headers of a message, as Python's email package reads them.
fn python(message: &[u8]) -> serde_json::Value {
    const PROGRAM: &str = "import sys,json,email,email.policy as p\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=p.default)\n\
        parts=[[q.get_content_type(),q.get_filename(),q.get_content() if q.get_content_maintype()=='text' else list(q.get_content())] for q in m.walk() if not q.is_multipart()]\n\
        print(json.dumps({'subject':m['subject'],'to':[[a.display_name,a.addr_spec] for a in m['to'].addresses],'from':[[a.display_name,a.addr_spec] for a in m['from'].addresses],'tree':[q.get_content_type() for q in m.walk()],'parts':parts,'keys':m.keys(),'defects':[str(d) for q in m.walk() for d in q.defects]}))";
    serde_json::from_slice(&run_python(PROGRAM, message)).unwrap()
}

fn run_python(program: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need python3");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    out.stdout
}

fn assert_canonical(content: &[u8]) {
    assert!(content.ends_with(b"\r\n"));
    let text = content.strip_suffix(b"\r\n").unwrap();
    for line in text.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 990 && !line.starts_with(b"."), "{:?}", String::from_utf8_lossy(line));
        assert!(!line.contains(&b'\r') && !line.contains(&0));
    }
    let (feeds, pairs) =
        (memchr::memchr_iter(b'\n', content).count(), memchr::memmem::find_iter(content, b"\r\n").count());
    assert_eq!(feeds, pairs, "a bare line feed");
}

#[test]
fn a_small_message_is_as_expected() {
    let message = text_of(&compile(spec()), &["Ann"]);
    let id = message.lines().find_map(|l| l.strip_prefix("Message-ID: ")).unwrap().to_owned();
    assert_eq!(
        message.replace(&id, "<ID>"),
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <ID>\r\nFrom: Acme <news@acme.example>\r\n\
         To: ann@site.example\r\nSubject: Welcome, Ann\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         Hi=20Ann=\r\n,\r\nwelcome.\r\n"
    );
}

#[test]
fn every_part_arrives_as_it_was_written() {
    let composer = compile(Spec {
        to: Some("{{ first_name }} <{{ email }}>".into()),
        reply_to: Some("\"Help, please\" <help@acme.example>".into()),
        html: source(
            "w.html",
            "<p>{{ first_name }} in {{ city }}</p>\n.<a href='{{ unsubscribe_url }}'>out</a>\n<img src=\"cid:logo\">\n",
        ),
        unsubscribe_url: Some("https://acme.example/u/{{ token }}?c={{ city }}".into()),
        unsubscribe_mailto: Some("out@acme.example?subject={{ token }}".into()),
        list_id: Some("Acme news <news.acme.example>".into()),
        feedback_id: Some("{{ campaign }}:acme".into()),
        headers: vec![("X-Campaign".into(), "welcome \u{e9}".into())],
        attachments: vec![
            Attachment {
                file_name: "Preis\u{fc}bersicht.bin".into(),
                media_type: "application/x-a".into(),
                bytes: vec![0, 255, 46],
                inline_id: None,
                alternative: false,
            },
            Attachment {
                file_name: "logo.png".into(),
                media_type: "image/png".into(),
                bytes: vec![7; 200],
                inline_id: Some("logo".into()),
                alternative: false,
            },
        ],
        ..spec()
    });
    let out = composed(&composer, &["J\u{f6}rg, \"<x@y>\"", "\u{5e9}\u{5dc}\u{5d5}\u{5dd} & co"]).unwrap();
    assert_canonical(&out.content);
    assert!(!out.eight_bit);
    let read = python(&out.content);
    assert_eq!(read["defects"], serde_json::json!([]));
    assert_eq!(read["subject"], "Welcome, J\u{f6}rg, \"<x@y>\"");
    assert_eq!(read["to"], serde_json::json!([["J\u{f6}rg, \"<x@y>\"", "ann@site.example"]]));
    assert_eq!(
        read["tree"],
        serde_json::json!([
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "application/x-a"
        ])
    );
    let parts = &read["parts"];
    assert_eq!(parts[0][2], "Hi J\u{f6}rg, \"<x@y>\",\r\nwelcome.");
    let html = parts[1][2].as_str().unwrap();
    assert!(html.starts_with("<p>J\u{f6}rg, &#34;&lt;x@y&gt;&#34; in \u{5e9}\u{5dc}\u{5d5}\u{5dd} &amp; co</p>\r\n.<a href='https://acme.example/u/"), "{html}");
    assert!(html.contains("?c=%D7%A9%D7%9C%D7%95%D7%9D%20%26%20co'"), "{html}");
    assert_eq!(parts[2][2], serde_json::json!(vec![7; 200]));
    assert_eq!(parts[3][1], "Preis\u{fc}bersicht.bin");
    assert_eq!(parts[3][2], serde_json::json!([0, 255, 46]));
}

#[test]
fn unsubscription_is_one_click_and_by_mail() {
    let message = text_of(
        &compile(Spec {
            unsubscribe_url: Some("https://acme.example/u".into()),
            unsubscribe_mailto: Some("mailto:out@acme.example".into()),
            ..spec()
        }),
        &["Ann"],
    );
    assert!(message.contains(
        "List-Unsubscribe: <https://acme.example/u>,\r\n <mailto:out@acme.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    ));
}

#[test]
fn a_verp_path_carries_a_token_that_verifies() {
    let out = composed(&compile(Spec { return_path: Some("b+{token}@bounce.acme.example".into()), ..spec() }), &["A"]);
    let path = String::from_utf8(out.unwrap().reverse_path).unwrap();
    let token = path.strip_prefix("b+").unwrap().strip_suffix("@bounce.acme.example").unwrap();
    assert_eq!(Token::verify(&IdentityKey::new(&[7; 32]), token), Some((9, 3)));
    let null = compile(Spec { return_path: Some(String::new()), ..spec() });
    assert_eq!(composed(&null, &["A"]).unwrap().reverse_path, b"");
}

#[test]
fn a_token_stands_in_a_path_as_any_other_word_does() {
    let path = |path: &str| {
        let out = composed(&compile(Spec { return_path: Some(path.into()), ..spec() }), &["A"]);
        String::from_utf8(out.unwrap().reverse_path).unwrap()
    };
    let token = path("{token}@x.example").replace("@x.example", "");
    assert_eq!(Token::verify(&IdentityKey::new(&[7; 32]), &token), Some((9, 3)));
    for (given, sent) in [
        ("b+{token}@Bounce.ACME.example", "b+TOKEN@bounce.acme.example"),
        (" {token}@b\u{fc}ro.example", "TOKEN@xn--bro-hoa.example"),
        ("{{ token }}-x@acme.example", "TOKEN-x@acme.example"),
        ("b@{token}.acme.example", "b@TOKEN.acme.example"),
        ("{token}@{token}.example", "TOKEN@TOKEN.example"),
        ("{{ campaign }}+{token}@acme.example", "welcome+TOKEN@acme.example"),
    ] {
        assert_eq!(path(given), sent.replace("TOKEN", &token), "{given}");
    }
}

#[test]
fn a_retry_has_the_same_message_id() {
    let composer = compile(spec());
    let id = |date, number| {
        let mut out = Composed::default();
        let row = RowRef { number, mailbox: "a@b.example", fields: &[b"Ann"] };
        composer.compose(&mut Scratch::default(), &row, UnixTime(date), &mut out).unwrap();
        let text = String::from_utf8(out.content).unwrap();
        text.lines().find(|l| l.starts_with("Message-ID")).unwrap().to_owned()
    };
    assert_eq!(id(1, 5), id(90_000, 5));
    assert_ne!(id(1, 5), id(1, 6));
}

#[test]
fn rows_with_the_same_bytes_share_within_a_block() {
    let composer = compile(Spec { to: Some("list@acme.example".into()), ..spec() });
    assert!(composer.is_shareable());
    let row = |number, field: &'static [&'static [u8]]| RowRef { number, mailbox: "a@b.example", fields: field };
    let (ann, bob): (&[&[u8]], &[&[u8]]) = (&[b"Ann"], &[b"Bob"]);
    assert!(composer.same_bytes(&row(0, ann), &row(99, ann)));
    assert!(!composer.same_bytes(&row(0, ann), &row(99, bob)));
    assert!(!composer.same_bytes(&row(99, ann), &row(100, ann)));
    let bytes = |row| {
        let mut out = Composed::default();
        composer.compose(&mut Scratch::default(), &row, DATE, &mut out).unwrap();
        out
    };
    assert_eq!(bytes(row(0, ann)), bytes(row(99, ann)));
    assert_ne!(bytes(row(0, ann)), bytes(row(100, ann)), "another block, another Message-ID");
    assert!(!compile(spec()).is_shareable(), "To names the recipient");
}

#[test]
fn only_what_is_read_is_asked_for() {
    let composer = compile(Spec { text: source("t", "{{ city }}"), ..spec() });
    let used = composer.columns_used().to_vec();
    assert_eq!(used, [1, 2], "in the order of the list");
    assert_eq!(composer.columns_in_headers(), [1], "first_name is in the subject, city only in the body");
    assert!(composed(&composer, &["one"]).unwrap_err().to_string().contains("1 fields"));
}

#[test]
fn a_column_that_a_template_sets_anew_is_still_a_column() {
    let text = "{% set first_name = first_name|upper %}{{ first_name }}";
    let composer = compile(Spec { subject: "x".into(), text: source("t", text), ..spec() });
    assert!(text_of(&composer, &["Ann"]).ends_with("\r\n\r\nANN\r\n"));
}

#[test]
fn control_characters_reach_no_header_and_no_envelope() {
    let composer = compile(Spec {
        to: Some("{{ first_name }} <{{ email }}>".into()),
        return_path: Some("b+{{ city }}@acme.example".into()),
        ..spec()
    });
    let path_index = 1;
    for bad in ["a\r\nBcc: x@y.example", "a\nb", "a\0b", "\u{85}", "x> SIZE=1\r\nRCPT TO:<y"] {
        assert!(composed(&composer, &["Ann", bad]).is_err(), "{bad:?} in the path");
        match composed(&composer, &[bad, "Rome"]) {
            Err(_) => assert!(bad.contains('\0'), "{bad:?}"),
            Ok(out) => {
                let read = python(&out.content);
                let name = bad.replace("\r\n", " ").replace(['\n', '\u{85}'], " ");
                assert_eq!(read["to"], serde_json::json!([[name.trim(), "ann@site.example"]]));
                assert!(!read["keys"].as_array().unwrap().contains(&"Bcc".into()));
            }
        }
    }
    for bad in ["a b", "a>b", "a@b", ""] {
        let mut fields = ["Ann", "Rome"];
        fields[path_index] = bad;
        let out = composed(&composer, &fields);
        assert!(out.is_err() || bad.is_empty(), "{bad:?}");
    }
}

#[test]
fn an_unknown_name_is_found_before_anything_is_sent() {
    let said = errors(Spec {
        subject: "Hi {{ frist_name }}".into(),
        text: source("welcome.txt", "Hi\n  {{ ctiy }} {% if colour %}x{% endif %}"),
        ..spec()
    });
    assert_eq!(
        said,
        "campaign key `subject`, column 7: no column of the list is called `frist_name`\n\
         hint: did you mean `first_name`? There are: email, first_name, city, token, campaign, unsubscribe_url\n\
         welcome.txt:2:6: no column of the list is called `ctiy`\n\
         hint: did you mean `city`? There are: email, first_name, city, token, campaign, unsubscribe_url\n\
         welcome.txt:2:20: no column of the list is called `colour`\n\
         hint: there are: email, first_name, city, token, campaign, unsubscribe_url"
    );
}

#[test]
fn no_number_of_faults_makes_the_look_last() {
    let text: String = (0..100_000).map(|n| format!("{{{{ x{n}x }}}}\n")).collect();
    let errors = Composer::compile(Spec { text: source("t.txt", &text), ..spec() }, &columns(), "email").unwrap_err();
    assert_eq!((errors.len(), errors[99_999].position), (100_000, Some((100_000, 4))));
}

#[test]
fn a_template_error_has_its_place() {
    let said = errors(Spec { text: source("welcome.txt", "Hi\n{% if first_name %}\n{{ first_name"), ..spec() });
    assert!(said.starts_with("welcome.txt:3:"), "{said}");
    let said = errors(Spec { text: source("t.txt", "a\n {% include 'x' %}"), ..spec() });
    assert!(said.starts_with("t.txt:2:13: there is no file `x` in the campaign's folder"), "{said}");
}

#[test]
fn what_else_can_be_wrong_is_said_in_full() {
    let with = |change: fn(&mut Spec)| {
        let mut spec = spec();
        change(&mut spec);
        errors(spec)
    };
    let cases = [
        (with(|s| s.from = "news".into()), "campaign key `from`, column 1: `news` is no address"),
        (
            with(|s| s.from = "A <a@x.example>, B <b@x.example>".into()),
            "campaign key `from`: there is more than one address",
        ),
        (with(|s| s.from = "a@x.example, b@x.example".into()), "campaign key `from`: there is more than one address"),
        (with(|s| s.from = "A <{{ email }}>".into()), "campaign key `from`: the address depends on the row"),
        (with(|s| s.subject = "a\nb".into()), "campaign key `subject`, column 2: a control character (U+000A)"),
        (
            with(|s| s.unsubscribe_url = Some("http://a.example".into())),
            "campaign key `unsubscribe.url`, column 1: the URL does not begin with https://",
        ),
        (with(|s| s.text = None), "campaign key `html`: the campaign has neither"),
        (
            with(|s| s.headers = vec![("To".into(), "x".into())]),
            "campaign key `headers.To`: this header is not the campaign's to set here\nhint: use the key `to`",
        ),
        (
            with(|s| s.headers = vec![(".X".into(), "x".into())]),
            "campaign key `headers..X`: this is no valid header name",
        ),
        (
            with(|s| s.headers = vec![("content-type".into(), "x".into())]),
            "campaign key `headers.content-type`: this header describes the body",
        ),
        (
            with(|s| s.text = source("t.txt", "{{ unsubscribe_url }}")),
            "t.txt:1:4: the template uses `unsubscribe_url`, and the campaign has none",
        ),
        (with(|s| s.list_id = Some("a b".into())), "campaign key `list_id`: this is no list identifier"),
        (
            with(|s| s.return_path = Some("nobody".into())),
            "campaign key `return_path`, column 1: `nobody` is no address",
        ),
    ];
    for (said, want) in cases {
        assert!(said.starts_with(want), "{said}\n  wanted: {want}");
        assert!(said.contains("\nhint: "), "{said}");
    }
}

#[test]
fn only_a_local_part_beyond_ascii_needs_eight_bits() {
    let composer = compile(Spec { to: Some("{{ first_name }} <{{ email }}>".into()), ..spec() });
    let eight_bit = |mailbox| {
        let row = RowRef { number: 0, mailbox, fields: &["J\u{f6}rg".as_bytes()] };
        let mut out = Composed::default();
        composer.compose(&mut Scratch::default(), &row, DATE, &mut out).unwrap();
        out.eight_bit
    };
    assert!(!eight_bit("joerg@b.example"));
    assert!(eight_bit("j\u{f6}rg@b.example"));
}

#[test]
fn endless_templates_end() {
    let slow = "{% for a in range(10000) %}{% for b in range(10000) %}{{ a }}{% endfor %}{% endfor %}";
    let composer = compile(Spec { subject: "x".into(), text: source("t.txt", slow), ..spec() });
    let said = composed(&composer, &[]).unwrap_err().to_string();
    assert!(said.starts_with("t.txt, line 1, column ") && said.contains("the template runs for more than"), "{said}");
    let composer = compile(Spec { text: source("t.txt", "{{ first_name / 2 }}"), ..spec() });
    assert!(
        composed(&composer, &["x"]).unwrap_err().to_string().starts_with("t.txt, line 1, column 1: `first_name / 2`: ")
    );
}

#[test]
fn texts_end_at_their_bound() {
    let long = |n: usize| format!("{{% for a in range({n}) %}}{{{{ first_name }}}}{{% endfor %}}");
    let thousand = "x".repeat(1000);
    let made = |n: usize| {
        let composer = compile(Spec { text: source("t.txt", &long(n)), ..spec() });
        composed(&composer, &[thousand.as_str()]).map(|composed| composed.content.len())
    };
    assert!(made(4000).unwrap() > 4_000_000);
    let said = made(4200).unwrap_err().to_string();
    assert!(said.contains("text of t.txt") && said.contains("4194304"), "{said}");
}

/// A template text, and the same behind a comment, which minijinja must interpret.
fn both_ways(html: bool, text: &str, fields: &[&str]) -> (String, String) {
    let read = |text: &str| {
        let file = source("t", text);
        let (html, text) = if html { (file, None) } else { (None, file) };
        let composer =
            compile(Spec { subject: "{{ first_name and '' }}{{ city and '' }}".into(), html, text, ..spec() });
        let content = composed(&composer, fields).unwrap().content;
        assert_canonical(&content);
        let body = memchr::memmem::find(&content, b"\r\n\r\n").unwrap() + 4;
        String::from_utf8(qp::decode(&content[body..])).unwrap()
    };
    (read(text), read(&format!("{{# #}}{text}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_skeleton_and_minijinja_decode_to_the_same_text(
        parts in proptest::collection::vec("([ .=a-z<\\n\u{e9}]{0,90}|\\{\\{ (first_name|city|email) \\}\\})", 0..8),
        a in "[ .=a<&'\"/\\r\\n\u{e9}\u{1f600}\\x00]{0,90}",
        b in "\\PC{0,40}",
        html in any::<bool>(),
    ) {
        let (skeleton, whole) = both_ways(html, &format!("x{}", parts.concat()), &[&a, &b]);
        prop_assert_eq!(skeleton, whole);
    }

    #[test]
    fn no_value_breaks_out_of_its_header(a in "[\\PC\\r\\n<>\",:@]{0,80}", b in any::<Vec<u8>>()) {
        let composer = compile(Spec { to: Some("{{ first_name }} <{{ email }}>".into()), headers: vec![("X-City".into(), "{{ city }}".into())], ..spec() });
        let row = RowRef { number: 0, mailbox: "a@b.example", fields: &[a.as_bytes(), &b] };
        let mut out = Composed::default();
        if composer.compose(&mut Scratch::default(), &row, DATE, &mut out).is_ok() {
            assert_canonical(&out.content);
            let end = memchr::memmem::find(&out.content, b"\r\n\r\n").unwrap();
            let head = std::str::from_utf8(&out.content[..end]).unwrap();
            let names: Vec<&str> = head.split("\r\n").filter(|l| !l.starts_with(' ')).map(|l| l.split(':').next().unwrap()).collect();
            prop_assert_eq!(names, ["Date", "Message-ID", "From", "To", "Subject", "X-City", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]);
        }
    }
}
