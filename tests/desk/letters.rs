//! Letters: fields, names, signatures, attachments and pictures arrive as they were meant, or are explained with their place
//! in the campaign's file. Python's email package, mail-parser and dkimpy are the judges.

use crate::folder::Folder;
use mail_parser::{MessageParser, MimeHeaders as _};
use std::path::Path;
use std::process::Command;

/// The campaign of `folder.rs` with more lines before its tables.
fn campaign(more: &str) -> String {
    crate::folder::CAMPAIGN.replace("[recipients]", &format!("{more}\n[recipients]"))
}

fn python(program: &str, arguments: &[&Path]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = root.join("target/venv/bin/python3");
    let pythons = [venv.as_os_str(), "/usr/bin/python3".as_ref(), "python3".as_ref()];
    let has_dkimpy = |python: &&&std::ffi::OsStr| {
        let tried = Command::new(python).args(["-c", "import dkim, nacl.signing"]).output();
        tried.is_ok_and(|done| done.status.success())
    };
    let python = pythons.iter().find(has_dkimpy).expect("no python3 here has dkimpy: run tests/mta/setup (as root)");
    let mut command = Command::new(python);
    match program.strip_prefix("file:") {
        Some(file) => command.arg(root.join(file)),
        None => command.args(["-c", program]),
    };
    let done = command.args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A field of a letter, unfolded, as it stands there.
fn field(letter: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(letter).replace("\r\n ", " ");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

#[test]
fn what_is_wrong_in_a_key_is_told_with_its_own_line_and_column() {
    for (more, place, problem) in [
        ("reply_to = \"Help <help@acme>\"", "w.toml:5:19", "`help@acme` is no address: the domain has no dot"),
        ("return_path = 'b {token}@bounce.acme.example'", "w.toml:5:16", "the address has a blank in it"),
        (
            "headers = { X-A = \"a\", List-Help = \"<https://a.example/a b>\" }",
            "w.toml:5:36",
            "` ` may not stand in a URL",
        ),
        (
            "unsubscribe = { url = \"https://acme.example/\\u0041/ {{ token }}\" }",
            "w.toml:5:52",
            "` ` may not stand in a URL",
        ),
        (
            "unsubscribe = { mailto = \"out@acme.example?subject={{ token }} x\" }",
            "w.toml:5:63",
            "` ` may not stand in a URL",
        ),
        (
            "attachments = [{ file = \"w.txt\", type = \"text\" }]",
            "w.toml:5:25",
            "`text` is not of the form type/subtype",
        ),
    ] {
        let folder = Folder::new();
        folder.put("w.toml", campaign(more));
        let (ran, letters) = folder.send(&[]);
        assert_eq!((ran.code, letters.len()), (Some(2), 0), "{ran:?}");
        assert!(
            ran.err.contains(&format!("{place}: campaign key ")) && ran.err.contains(problem),
            "{more}: {}",
            ran.err
        );
        assert!(ran.err.contains("hint: "), "{}", ran.err);
    }
}

#[test]
fn fields_are_built_by_what_they_are_made_of() {
    let folder = Folder::new();
    let identifiers = (0..6).map(|n| format!("<{n}-0123456789abcdef@mail.acme.example>")).collect::<Vec<_>>().join(" ");
    let words = "word ".repeat(300);
    let more = format!(
        "reply_to = 'Acme, Inc. <help@acme.example>, \"Lee, {{{{ first }}}}\" <b@b\u{fc}cher.example>'\n[headers]\n\
         Cc = \"B\u{fc}ro <buero@acme.example>, The team: x@acme.example, Y <y@acme.example>;\"\nReferences = \"{identifiers}\"\n\
         X-Orders = '{{\"who\": \"{{{{ first }}}}\", \"where\": [\"K\u{f6}ln\", 1], \"note\": \"{words}\"}}'\n"
    );
    folder.put("w.toml", campaign(&more));
    folder.put("w.csv", "email,first\nann@a.example,\"J\u{f6}rg \"\"Jo\"\" Lee\"\n");
    let letters = folder.delivers(&[]);
    folder.put("letter", &letters[0]);
    let program = "import sys,json,email,email.policy as p\n\
        m=email.message_from_bytes(open(sys.argv[1],'rb').read(),policy=p.default)\n\
        print(json.dumps({k:[[a.display_name,a.addr_spec] for a in m[k].addresses] for k in ('Reply-To','Cc')}))";
    let read: serde_json::Value = serde_json::from_str(&python(program, &[&folder.path().join("letter")])).unwrap();
    let reply_to = [["Acme, Inc.", "help@acme.example"], ["Lee, J\u{f6}rg \"Jo\" Lee", "b@xn--bcher-kva.example"]];
    assert_eq!(read["Reply-To"], serde_json::json!(reply_to));
    let cc = [["B\u{fc}ro", "buero@acme.example"], ["", "x@acme.example"], ["Y", "y@acme.example"]];
    assert_eq!(read["Cc"], serde_json::json!(cc));
    assert_eq!(field(&letters[0], "References"), identifiers);
    let orders: serde_json::Value = serde_json::from_str(&field(&letters[0], "X-Orders")).unwrap();
    assert_eq!(orders, serde_json::json!({"who": "J\u{f6}rg \"Jo\" Lee", "where": ["K\u{f6}ln", 1], "note": words}));
    let head = String::from_utf8(letters[0].clone()).unwrap().split("\r\n\r\n").next().unwrap().to_owned();
    assert!(head.is_ascii() && head.lines().all(|line| line.len() <= 990), "{head}");
    // Encoded words (RFC 2047) stand in the Subject and in the two names that need them, and nowhere else.
    assert_eq!(head.to_ascii_lowercase().matches("=?utf-8?").count(), 3, "{head}");
}

#[test]
fn names_with_tabs_line_breaks_and_quotes_get_their_letter() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("to = \"{{ first }} <{{ email }}>\""));
    folder.put(
        "w.csv",
        "email,first\na@a.example,Ann\tLee\nb@b.example,\"Bo\nBerg\"\nc@c.example,\"Cy \"\"The Rock\"\" Lee\"\n",
    );
    let letters = folder.delivers(&[]);
    let mut names: Vec<_> = letters
        .iter()
        .map(|letter| {
            let parsed = MessageParser::default().parse(letter).unwrap();
            let to = parsed.to().and_then(|to| to.first()).and_then(|one| one.name()).unwrap().to_owned();
            assert_eq!(parsed.subject().unwrap(), format!("Hello {to}"));
            to
        })
        .collect();
    names.sort();
    assert_eq!(names, ["Ann Lee", "Bo Berg", "Cy \"The Rock\" Lee"]);
}

#[test]
fn subjects_that_come_out_empty_are_counted() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("").replace("Hello {{ first }}", "{{ first }}"));
    folder.put("w.csv", "email,first\na@a.example,\nb@b.example, \nc@c.example,Cy\n");
    let dry = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]);
    assert!(dry.out.contains("no subject    2\n"), "{dry:?}");
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(0), 3));
    assert!(ran.err.contains("warning: 2 letters have an empty Subject"), "{}", ran.err);
}

/// A key by openssl, and its record.
fn key(folder: &Folder) -> String {
    let pem = folder.path().join("s1.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&pem).output().unwrap();
    assert!(made.status.success());
    let args = ["pkey", "-pubout", "-outform", "DER", "-in"];
    let der = Command::new("openssl").args(args).arg(&pem).output().unwrap().stdout;
    folder.put("public", &der[der.len() - 32..]);
    let args = ["base64", "-A", "-in"];
    let text = Command::new("openssl").args(args).arg(folder.path().join("public")).output().unwrap().stdout;
    format!("v=DKIM1; k=ed25519; p={}", String::from_utf8(text).unwrap().trim())
}

#[test]
fn a_domain_in_its_own_letters_and_with_its_last_dot_signs_in_ascii() {
    for (domain, from) in [
        ("b\u{fc}cher.example", "B\u{fc}cher <news@b\u{fc}cher.example>"),
        ("XN--bcher-kva.example.", "B\u{fc}cher <news@B\u{fc}cher.example>"),
    ] {
        let folder = Folder::new();
        let record = key(&folder);
        folder.put("e.toml", format!("[[dkim]]\ndomain = \"{domain}\"\nselector = \"s1\"\nkey = \"s1.pem\"\n"));
        folder.put("w.toml", campaign("").replace("Acme <news@acme.example>", from));
        let letters = folder.delivers(&["--config", "e.toml"]);
        let letter = &letters[0];
        assert!(field(letter, "DKIM-Signature").contains("d=xn--bcher-kva.example;"));
        assert_eq!(field(letter, "From"), "=?UTF-8?Q?B=C3=BCcher?= <news@xn--bcher-kva.example>");
        folder.put("letter.eml", letter);
        folder.put("dns.json", format!("{{\"s1._domainkey.xn--bcher-kva.example\": \"{record}\"}}"));
        let paths = [folder.path().join("dns.json"), folder.path().join("letter.eml")];
        let verdict = python("file:tests/end_to_end/dkim_check.py", &[&paths[0], &paths[1]]);
        assert_eq!(verdict.trim(), "{\"ed25519-sha256\": 1, \"failed\": []}");
    }
}

#[test]
fn letters_that_nobody_signs_are_told_at_the_start() {
    let folder = Folder::new();
    let (ran, _) = folder.send(&[]);
    assert!(ran.err.contains("warning: w.toml:2:8: no [[dkim]] key is configured"), "{}", ran.err);
    let _ = key(&folder);
    folder.put("e.toml", "[[dkim]]\ndomain = \"other.example\"\nselector = \"s1\"\nkey = \"s1.pem\"\n");
    folder.put("w.toml", campaign("").replace("name = \"w\"", "name = \"v\""));
    let (ran, letters) = folder.send(&["--config", "e.toml"]);
    assert_eq!((ran.code, letters.len()), (Some(0), 1));
    let told = "no [[dkim]] key is for the From domain acme.example (there are keys for other.example)";
    assert!(
        ran.err.contains(told) && ran.err.contains("hint: in the engine's configuration: [[dkim]] domain"),
        "{}",
        ran.err
    );
    folder.put(
        "e.toml",
        "[[dkim]]\ndomain = \"acme.example\"\nselector = \"s1._domainkey.acme.example\"\nkey = \"s1.pem\"\n",
    );
    let (ran, _) = folder.send(&["--config", "e.toml"]);
    assert!(ran.code == Some(2) && ran.err.contains("hint: write selector = \"s1\""), "{}", ran.err);
}

#[test]
fn files_and_pictures_arrive_as_what_they_are() {
    let folder = Folder::new();
    let more = "html = \"w.html\"\n[[attachments]]\nfile = \"invite.ics\"\ntype = \"text/calendar; method=REQUEST\"\n\
                [[attachments]]\nfile = \"Preis\u{fc}bersicht.docx\"\n[[attachments]]\nfile = \"Zahlen.xlsx\"\n[[attachments]]\nfile = \"letter.eml\"\n\
                [[attachments]]\nfile = \"logo.png\"\ninline_id = \"logo\"\n";
    folder.put("w.toml", campaign(more));
    folder.put("w.html", "<p>Dear {{ first }}</p><img src=\"cid:logo\" alt=\"Acme\">\n");
    folder.put("invite.ics", "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n");
    folder.put("Preis\u{fc}bersicht.docx", [7; 100]);
    folder.put("Zahlen.xlsx", [8; 100]);
    folder.put("logo.png", [9; 100]);
    folder.put("letter.eml", "Subject: within\n\n.dot\n");
    let letters = folder.delivers(&[]);
    let parsed = MessageParser::default().parse(&letters[0]).unwrap();
    let told: Vec<_> = parsed
        .attachments()
        .map(|part| {
            let kind = part.content_type().unwrap();
            let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
            (kind, part.attachment_name().unwrap_or_default().to_owned())
        })
        .collect();
    let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (kind, name) in [
        ("text/calendar", "invite.ics"),
        (office, "Preis\u{fc}bersicht.docx"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Zahlen.xlsx"),
        ("message/rfc822", "letter.eml"),
        ("image/png", "logo.png"),
    ] {
        assert!(told.contains(&(kind.to_owned(), name.to_owned())), "{told:?}");
    }
    folder.put("letter", &letters[0]);
    let program = "import sys,email,email.policy as p\n\
        m=email.message_from_bytes(open(sys.argv[1],'rb').read(),policy=p.default)\n\
        print([(q.get_content_type(),q.get_filename(),q['content-transfer-encoding']) for q in m.iter_attachments()])\n\
        print([(q.get_content_type(),q.get_param('method'),q.get_param('type')) for q in m.walk()])";
    let read = python(program, &[&folder.path().join("letter")]);
    assert!(read.contains("('message/rfc822', 'letter.eml', '7bit')"), "{read}");
    assert!(read.contains("('text/calendar', 'REQUEST', None)"), "{read}");
    assert!(read.contains("('multipart/related', None, 'text/html')"), "{read}");
    assert!(read.contains(&format!("('{office}', 'Preis\u{fc}bersicht.docx', 'base64')")), "{read}");
    assert!(field(&letters[0], "Content-Type").starts_with("multipart/mixed;"));
}

#[test]
fn who_gets_no_copy_and_what_readers_must_guess_is_told() {
    let folder = Folder::new();
    folder.put(
        "w.toml",
        campaign("headers = { Cc = \"Boss <boss@acme.example>\" }\nattachments = [{ file = \"a.csv\" }]"),
    );
    folder.put("a.csv", b"caf\xe9\n");
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(0), 1), "{ran:?}");
    assert!(ran.err.contains("warning: w.toml:5:18: Cc names people who get no copy"), "{}", ran.err);
    assert!(
        ran.err.contains("warning: w.toml:6:25: a.csv is a text whose octets do not tell its charset"),
        "{}",
        ran.err
    );
    assert_eq!(field(&letters[0], "Cc"), "Boss <boss@acme.example>");
}

#[test]
fn a_picture_that_is_not_there_is_told_with_its_place() {
    let folder = Folder::new();
    folder.put("w.toml", campaign("html = \"w.html\"\nattachments = [{ file = \"logo.png\", inline_id = \"logo\" }]"));
    folder.put("w.html", "<p>\n<img src=\"cid:lgoo\"></p>\n");
    folder.put("logo.png", [9; 100]);
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(2), 0));
    assert!(ran.err.contains("w.html:2:11: no attachment has the inline id `lgoo`"), "{}", ran.err);
    assert!(
        ran.err.contains("w.toml:6:25: campaign key `attachments[1]`: the HTML does not show `logo.png`"),
        "{}",
        ran.err
    );
}

#[test]
fn a_large_attachment_is_held_once() {
    const OCTETS: usize = 4 << 20;
    let folder = Folder::new();
    folder.put("w.toml", campaign("attachments = [{ file = \"big.bin\" }]"));
    folder.put("big.bin", vec![7; OCTETS]);
    let rows: String = (0..100).map(|n| format!("r{n}@a{n}.example,R{n}\n")).collect();
    folder.put("w.csv", format!("email,first\n{rows}"));
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["delivered"], 100);
    // The file, its base 64, what sessions hold of it, and the program; a copy for each of 16 messages ahead is 90 MB more.
    let peak = told["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 100 << 20, "{} MiB", peak >> 20);
}
