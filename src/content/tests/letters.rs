//! The structure of letters: fields by their kinds, parts, attachments, a long end that is shared. Python's email package and
//! mail-parser read every one of them.

use super::*;
use crate::content::dkim::Signer;
use mail_parser::{Address, HeaderValue, MessageParser, MimeHeaders as _};

/// RFC 8463 §A.2.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

fn header(name: &str, value: &str) -> Spec {
    Spec { headers: vec![(name.into(), value.into())], ..spec() }
}

/// The addresses of a field, as mail-parser reads them: groups flat.
fn addresses(message: &[u8], field: &str) -> Vec<(String, String)> {
    let parsed = MessageParser::default().parse(message).unwrap();
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let one = |addr: &mail_parser::Addr| (text(addr.name()), text(addr.address()));
    match parsed.header(field) {
        Some(HeaderValue::Address(Address::List(list))) => list.iter().map(one).collect(),
        Some(HeaderValue::Address(Address::Group(groups))) => {
            groups.iter().flat_map(|group| &group.addresses).map(one).collect()
        }
        other => panic!("{field}: {other:?}"),
    }
}

/// The same as Python reads them.
fn python_addresses(message: &[u8], field: &str) -> Vec<(String, String)> {
    let program = format!(
        "import sys,json,email,email.policy as p\n\
         m=email.message_from_bytes(sys.stdin.buffer.read(),policy=p.default)\n\
         print(json.dumps([[a.display_name,a.addr_spec] for a in m['{field}'].addresses]))"
    );
    serde_json::from_slice(&run_python(&program, message)).unwrap()
}

fn file(name: &str, media_type: &str, bytes: &[u8], inline_id: Option<&str>) -> Attachment {
    Attachment {
        file_name: name.into(),
        media_type: media_type.into(),
        bytes: bytes.to_vec(),
        inline_id: inline_id.map(str::to_owned),
        alternative: false,
    }
}

#[test]
fn address_lists_read_as_they_were_meant_in_each_field_that_has_them() {
    for field in ["Reply-To", "Cc", "Disposition-Notification-To", "Errors-To"] {
        for (value, expected) in [
            ("help@acme.example", vec![("", "help@acme.example")]),
            (
                "Acme, Inc. <a@acme.example>, \"Lee, {{ first_name }}\" <b@acme.example>",
                vec![("Acme, Inc.", "a@acme.example"), ("Lee, J\u{f6}rg \"Jo\"", "b@acme.example")],
            ),
            ("B\u{fc}ro <buero@b\u{fc}cher.example>", vec![("B\u{fc}ro", "buero@xn--bcher-kva.example")]),
            ("The team: a@acme.example, B <b@acme.example>;", vec![("", "a@acme.example"), ("B", "b@acme.example")]),
            ("{{ city }}, x@acme.example", vec![("", "x@acme.example")]),
        ] {
            let spec = match field {
                "Reply-To" => Spec { reply_to: Some(value.into()), ..spec() },
                field => header(field, value),
            };
            let fields: &[&str] =
                if value.contains("city") { &["J\u{f6}rg \"Jo\"", ""] } else { &["J\u{f6}rg \"Jo\""] };
            let message = composed(&compile(spec), fields).unwrap().content;
            assert_canonical(&message);
            let expected: Vec<_> = expected.into_iter().map(|(n, a)| (n.to_owned(), a.to_owned())).collect();
            if matches!(field, "Reply-To" | "Cc") {
                assert_eq!(addresses(&message, field), expected, "{field}: {value}");
                assert_eq!(python_addresses(&message, field), expected, "{field}: {value}");
            }
            let text = String::from_utf8(message).unwrap();
            let written = text.split(&format!("\r\n{field}: ")).nth(1).unwrap();
            let written = written.replace("\r\n ", " ");
            let written = written.split("\r\n").next().unwrap();
            expected.iter().for_each(|(_, address)| assert!(written.contains(address.as_str()), "{written}"));
        }
    }
}

#[test]
fn a_field_without_any_address_is_left_out() {
    let composer = compile(Spec { reply_to: Some("{{ city }}".into()), ..spec() });
    assert!(!text_of(&composer, &["Ann", ""]).contains("Reply-To"));
    assert!(
        text_of(&composer, &["Ann", "Acme Help <help@acme.example>"])
            .contains("Reply-To: Acme Help <help@acme.example>\r\n")
    );
    assert!(composed(&composer, &["Ann", "a@b.example, c@d.example"]).is_err(), "a value is one mailbox at most");
    let groups = compile(Spec { to: Some("undisclosed-recipients:;".into()), ..spec() });
    assert!(text_of(&groups, &["Ann"]).contains("\r\nTo: undisclosed-recipients:;\r\n"));
}

#[test]
fn a_block_around_addresses_is_rendered_before_it_is_told_apart() {
    let to = "{% if first_name %}{{ first_name }} <{{ email }}>{% else %}{{ email }}{% endif %}";
    let composer = compile(Spec { to: Some(to.into()), ..spec() });
    let read = |name: &str| python(&composed(&composer, &[name]).unwrap().content)["to"].clone();
    assert_eq!(read("Ann"), serde_json::json!([["Ann", "ann@site.example"]]));
    assert_eq!(read(""), serde_json::json!([["", "ann@site.example"]]));
    assert_eq!(read("<x@y.example>, Ann"), serde_json::json!([["<x@y.example>, Ann", "ann@site.example"]]));
}

#[test]
fn identifiers_and_json_are_never_encoded() {
    let spec = Spec {
        headers: vec![
            ("In-Reply-To".into(), "<{{ first_name }}@mail.acme.example>".into()),
            ("X-SMTPAPI".into(), "{\"category\":\"gr\u{fc}n\",\"name\":\"{{ city }}\",\"n\":1}".into()),
        ],
        ..spec()
    };
    let composer = compile(spec);
    let message = text_of(&composer, &["id1", "Rome \"the\" \\ caf\u{e9} \u{1f600}"]);
    assert!(message.contains("\r\nIn-Reply-To: <id1@mail.acme.example>\r\n"), "{message}");
    let value = message.split("\r\nX-SMTPAPI:").nth(1).unwrap().replace("\r\n ", " ");
    let value: serde_json::Value = serde_json::from_str(value.split("\r\n").next().unwrap()).unwrap();
    assert_eq!(
        value,
        serde_json::json!({"category": "gr\u{fc}n", "name": "Rome \"the\" \\ caf\u{e9} \u{1f600}", "n": 1})
    );
    let said = composed(&composer, &["J\u{f6}rg", "Rome"]).unwrap_err().to_string();
    assert!(said.contains("is no identifier like <left@right>"), "{said}");
}

#[test]
fn fixed_parts_are_judged_as_strictly_as_rendered_ones() {
    let with = |change: &dyn Fn(&mut Spec)| {
        let mut spec = spec();
        change(&mut spec);
        errors(spec)
    };
    for (said, want) in [
        (
            with(&|s| s.unsubscribe_mailto = Some("out@acme.example?subject={{ token }} x".into())),
            "campaign key `unsubscribe.mailto`, column 37: ` ` may not stand in a URL",
        ),
        (
            with(&|s| s.unsubscribe_mailto = Some("mailto:out.acme.example".into())),
            "campaign key `unsubscribe.mailto`, column 8: `out.acme.example` is no address: the address has no @",
        ),
        (
            with(&|s| s.unsubscribe_url = Some("https://acme.example/\u{fc}/{{ token }}".into())),
            "campaign key `unsubscribe.url`, column 22: `\u{fc}` may not stand in a URL",
        ),
        (
            with(&|s| s.unsubscribe_url = Some("https:///u/{{ token }}".into())),
            "campaign key `unsubscribe.url`, column 9: the URL leads nowhere: it names no host",
        ),
        (
            with(&|s| s.return_path = Some("b {token}@bounce.acme.example".into())),
            "campaign key `return_path`, column 1: `b {token}@bounce.acme.example` is no address",
        ),
        (
            with(&|s| s.return_path = Some("b+{token}@bounce..example".into())),
            "campaign key `return_path`, column 1: `b+{token}@bounce..example` is no address: the domain has a dot",
        ),
        (
            with(&|s| s.to = Some("{{ first_name }} <{{ city }}@acme>".into())),
            "campaign key `to`, column 19: `{{ city }}@acme` is no address: the domain has no dot",
        ),
        (
            with(&|s| s.reply_to = Some("a@acme.example (Ann)".into())),
            "campaign key `reply_to`, column 16: a comment in parentheses stands beside an address",
        ),
        (
            with(&|s| s.headers = vec![("References".into(), "<a@b.example>, <c@d.example>".into())]),
            "campaign key `headers.References`: the References header: `<a@b.example>,` is no identifier",
        ),
        (
            with(&|s| s.headers = vec![("X-SMTPAPI".into(), "{\"a\": \"{{ city }}\",}".into())]),
            "campaign key `headers.X-SMTPAPI`: it begins as JSON and is none: key must be a string",
        ),
        (
            with(&|s| s.headers = vec![("Precedence".into(), "{{ city }} b\u{fc}lk".into())]),
            "campaign key `headers.Precedence`, column 13: `\u{fc}` is not ASCII",
        ),
        (
            with(&|s| s.headers = vec![("X-Long".into(), "x".repeat(9000))]),
            "campaign key `headers.X-Long`: the X-Long header is longer than 8192 octets",
        ),
        (
            with(&|s| s.headers = vec![("Sender".into(), "a@b.example, c@d.example".into())]),
            "campaign key `headers.Sender`: there is more than one address",
        ),
    ] {
        assert!(said.starts_with(want), "{said}\n  wanted: {want}");
        assert!(said.contains("\nhint: ") && said.matches("campaign key").count() == 1, "{said}");
    }
}

#[test]
fn pictures_and_the_html_name_each_other() {
    let html = "<p>\n <img src=\"cid:logo\"> <img src='cid:photo'>";
    let with = |files: Vec<Attachment>, html: &str| Spec { html: source("w.html", html), attachments: files, ..spec() };
    let logo = || file("logo.png", "image/png", b"x", Some("logo"));
    let said = errors(with(vec![logo()], html));
    assert_eq!(
        said,
        "w.html:2:33: no attachment has the inline id `photo`\n\
         hint: add [[attachments]] with inline_id = \"photo\"; there are: logo"
    );
    let photo = || file("photo.png", "image/png", b"y", Some("photo"));
    compile(with(vec![logo(), photo()], html));
    let said = errors(with(vec![logo(), photo()], "<img src=\"cid:logo\">"));
    assert!(said.starts_with("campaign key `attachments[2]`: the HTML does not show `photo.png`"), "{said}");
    compile(with(vec![logo(), photo()], "<img src=\"cid:{{ city }}\">"));
    let said = errors(with(vec![logo(), logo()], "<img src=\"cid:logo\">"));
    assert!(
        said.starts_with("campaign key `attachments[2]`: another attachment has the inline id `logo` too"),
        "{said}"
    );
    // What words of the letter say means nothing to that.
    let said = errors(with(vec![logo()], "<p>Important: safe, and autoescape is included."));
    assert!(said.contains("the HTML does not show `logo.png`"), "{said}");
    compile(with(vec![logo()], "<p>{{ city|safe }}"));
    let said = errors(with(vec![file("logo", "image/png", b"x", None)], "<img src=\"cid:logo\">"));
    assert!(said.ends_with("hint: add inline_id = \"logo\" to its [[attachments]]"), "{said}");
}

#[test]
fn pictures_of_files_that_the_html_reads_are_looked_for_too() {
    let with = |foot: &str| {
        let partials = [("foot.html".to_owned(), Ok(source("foot.html", foot).unwrap()))];
        Spec {
            html: source("w.html", "<p>{% include 'foot.html' %}"),
            attachments: vec![file("logo.png", "image/png", b"x", Some("logo"))],
            partials: partials.into(),
            ..spec()
        }
    };
    compile(with("<img src=\"cid:logo\">"));
    let said = errors(with("<br>\n<img src=\"cid:lago\">"));
    assert!(said.contains("foot.html:2:11: no attachment has the inline id `lago`"), "{said}");
    assert!(said.contains("the HTML does not show `logo.png`"), "{said}");
}

#[test]
fn attachments_arrive_as_what_they_are() {
    let forwarded = "From: x@y.example\nSubject: in\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
                     Content-Transfer-Encoding: 8bit\n\n.Gr\u{fc}\u{df}e\n";
    let name = "\u{dc}bersicht f\u{fc}r \"Ann\", mit einem sehr langen Namen von mehr als einer Zeile.pdf";
    let composer = compile(Spec {
        html: source("w.html", "<img src=\"cid:logo\">"),
        attachments: vec![
            file("logo.png", "image/png", &[7; 90], Some("logo")),
            file("invite.ics", "text/calendar; method=REQUEST", "BEGIN:VCALENDAR\r\nX:\u{e9}\r\n".as_bytes(), None),
            file("letter.eml", "message/rfc822", forwarded.as_bytes(), None),
            file(name, "application/pdf", b"%PDF", None),
            file("old.csv", "text/csv; charset=windows-1252", b"caf\xe9", None),
        ],
        ..spec()
    });
    let message = composed(&composer, &["Ann"]).unwrap().content;
    assert_canonical(&message);
    const PROGRAM: &str = "import sys,json,email,email.policy as p\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=p.default)\n\
        r=[q for q in m.walk() if q.get_content_type()=='multipart/related'][0]\n\
        a=list(m.iter_attachments())\n\
        e=[q for q in a if q.get_content_type()=='message/rfc822'][0]\n\
        print(json.dumps({'tree':[q.get_content_type() for q in m.walk()],'type':r.get_param('type'),\
        'names':[q.get_filename() for q in a],'method':a[0].get_param('method'),'charset':a[0].get_content_charset(),\
        'ics':a[0].get_content(),'csv':a[3].get_content(),'eml':e.get_content().get_content(),'how':e['content-transfer-encoding'],\
        'defects':[str(d) for q in m.walk() for d in q.defects]}))";
    let read: serde_json::Value = serde_json::from_slice(&run_python(PROGRAM, &message)).unwrap();
    assert_eq!(
        read["tree"],
        serde_json::json!([
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "text/calendar",
            "message/rfc822",
            "text/plain",
            "application/pdf",
            "text/csv"
        ])
    );
    assert_eq!(read["type"], "text/html");
    assert_eq!(read["names"], serde_json::json!(["invite.ics", "letter.eml", name, "old.csv"]));
    assert_eq!((&read["method"], &read["charset"]), (&"REQUEST".into(), &"utf-8".into()));
    assert_eq!(read["ics"], "BEGIN:VCALENDAR\r\nX:\u{e9}\r\n");
    assert_eq!(read["csv"], "caf\u{e9}");
    assert_eq!(read["eml"].as_str().unwrap().trim_end(), ".Gr\u{fc}\u{df}e");
    assert_eq!(read["how"], "7bit");
    assert_eq!(read["defects"], serde_json::json!([]));

    let parsed = MessageParser::default().parse(&message).unwrap();
    let names: Vec<_> = parsed.attachments().filter_map(|part| part.attachment_name().map(str::to_owned)).collect();
    assert!(["invite.ics", name, "old.csv"].iter().all(|wanted| names.iter().any(|n| n == wanted)), "{names:?}");
    let said = errors(Spec { attachments: vec![file("a.pdf", "pdf", b"x", None)], ..spec() });
    assert!(
        said.starts_with("campaign key `attachments[1]`: `a.pdf` cannot be sent as `pdf`: `pdf` is not of the form"),
        "{said}"
    );
}

#[test]
fn a_long_end_is_shared_and_the_letter_is_the_same() {
    let signer = Signer::from_pem("acme.example", "s1", ED25519, "e.pem").unwrap();
    for text in ["Hi {{ first_name }},\n\n\nwelcome.  \n", "{% if first_name %}Hi{% endif %}", "Hello"] {
        let composer = compile(Spec {
            text: source("t.txt", text),
            attachments: vec![file("a.pdf", "application/pdf", &[9; 200_000], None)],
            signers: vec![signer.clone()],
            ..spec()
        });
        let row = RowRef { number: 3, mailbox: "ann@site.example", fields: &[b"Ann"] };
        let (mut whole, mut apart) = (Composed::default(), Composed::default());
        let mut scratch = Scratch::default();
        composer.compose(&mut scratch, &row, DATE, &mut whole).unwrap();
        composer.compose_apart(&mut scratch, &row, DATE, &mut apart).unwrap();
        assert!(whole.shared.is_empty() && apart.shared.len() > 200_000 && apart.content.len() < 4_000);
        assert_eq!(whole.content, [&apart.content[..], &apart.shared[..]].concat());
        let octets = composer.octets_min();
        assert_eq!(octets.all, octets.own + apart.shared.len() as u64);
        assert_canonical(&whole.content);
        // The body hash is that of the whole body.
        let end = memchr::memmem::find(&whole.content, b"\r\n\r\n").unwrap();
        let mut hash = Vec::new();
        crate::base::base64::encode(&dkim::body_hash(&whole.content[end + 4..], &mut Vec::new()), &mut hash);
        let head = String::from_utf8(whole.content[..end].to_vec()).unwrap();
        assert!(head.contains(&format!("bh={};", String::from_utf8(hash).unwrap())), "{head}");
        let mut again = Composed::default();
        composer.compose_apart(&mut scratch, &row, DATE, &mut again).unwrap();
        assert_eq!(apart.shared.as_ptr(), again.shared.as_ptr(), "one end for all");
    }
}

#[test]
fn an_empty_subject_is_told() {
    let composer = compile(Spec { subject: "{{ first_name }}".into(), text: source("t", "x"), ..spec() });
    assert!(composed(&composer, &[" \t"]).unwrap().subject_is_empty);
    assert!(!composed(&composer, &["Ann"]).unwrap().subject_is_empty);
}

#[test]
fn a_name_with_a_tab_a_line_break_or_quotes_arrives() {
    let composer = compile(Spec { to: Some("\"{{ first_name }}\" <{{ email }}>".into()), ..spec() });
    for (name, expected) in [
        ("Ann\tLee", "Ann Lee"),
        ("Ann\r\nLee", "Ann Lee"),
        ("Dwayne \"The Rock\" Johnson", "Dwayne \"The Rock\" Johnson"),
        ("\"Ann\"", "\"Ann\""),
        ("back\\slash", "back\\slash"),
    ] {
        let message = composed(&composer, &[name]).unwrap().content;
        assert_eq!(python_addresses(&message, "To"), [(expected.to_owned(), "ann@site.example".to_owned())]);
        assert_eq!(addresses(&message, "To"), [(expected.to_owned(), "ann@site.example".to_owned())]);
        assert_eq!(python(&message)["subject"], format!("Welcome, {expected}"));
    }
}

#[test]
fn an_invitation_stands_beside_text_and_html() {
    let calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n";
    let invitation =
        |media_type: &str, bytes: &[u8]| Attachment { alternative: true, ..file("i.ics", media_type, bytes, None) };
    let with = |invitation: Attachment| Spec {
        text: Some(Source { file: "w.txt".into(), text: "Come\n".into() }),
        html: Some(Source { file: "w.html".into(), text: "<p>Come\n".into() }),
        attachments: vec![invitation, file("a.pdf", "application/pdf", b"x", None)],
        ..spec()
    };
    let composer = compile(with(invitation("text/calendar", calendar)));
    let out = composed(&composer, &["Ann"]).unwrap();
    let text = String::from_utf8(out.content).unwrap();
    let types: Vec<&str> =
        text.split("Content-Type: ").skip(1).filter_map(|part| part.split(['\r', ';']).next()).collect();
    assert_eq!(
        types,
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/pdf"]
    );
    let head = text.split("Content-Type: text/calendar").nth(1).unwrap().split("\r\n\r\n").next().unwrap();
    assert!(head.starts_with("; charset=utf-8; method=REQUEST") && !head.contains("Disposition"), "{head}");
    for (media_type, bytes, why) in [
        ("application/pdf", &calendar[..], "only an invitation"),
        ("text/calendar", b"BEGIN:VCALENDAR\r\n", "METHOD:REQUEST"),
        ("text/calendar; method=CANCEL", calendar, "its type says method=CANCEL, and within it stands METHOD:REQUEST"),
    ] {
        let errors = Composer::compile(with(invitation(media_type, bytes)), &columns(), "email").unwrap_err();
        assert!(errors.len() == 1 && errors[0].problem.contains(why), "{errors:?}");
    }
}
