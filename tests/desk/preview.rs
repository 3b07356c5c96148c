//! `posthaste preview`: the page over HTTP, as a browser and as somebody else's page would ask for it, and the files of `--write`.

use crate::folder::{CAMPAIGN, Folder};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

/// A running preview.
struct Preview {
    child: Child,
    address: String,
    key: String,
}

/// An answer: its status, its head, its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Preview {
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let mut command = folder.command(&["preview", "w.toml"]);
        let mut child = command.args(more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let rest = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line:?}"));
        let (address, key) = rest.trim_end_matches('/').split_once('/').unwrap();
        assert!(address.starts_with("127.0.0.1:") && key.len() >= 32, "{line}");
        let (address, key) = (address.to_owned(), key.to_owned());
        Self { child, address, key }
    }

    /// Asks for a path behind the key.
    fn get(&self, path: &str) -> Answer {
        self.ask("GET", &format!("/{}/{path}", self.key), &self.address, "")
    }

    fn ask(&self, method: &str, path: &str, host: &str, more: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n").unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).unwrap();
        let text = String::from_utf8(octets).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn letter(&self, row: &str) -> Value {
        let answer = self.get(&format!("letter.json?row={row}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    fn edition(&self) -> u64 {
        let answer: Value = serde_json::from_str(&self.get("edition.json").body).unwrap();
        answer["edition"].as_u64().unwrap()
    }

    /// Ctrl-C; how it ended.
    fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const HTML: &str = "<!doctype html><html><head><style>@media (prefers-color-scheme: dark) { p { color: white } }</style></head>\
                    <body><p>Grüße, {{ first }}!</p><img src=\"https://a.example/p.png\"><script>alert(1)</script></body></html>";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("w.toml", CAMPAIGN.replace("text = \"w.txt\"", "text = \"w.txt\"\nhtml = \"w.html\""));
    folder.put("w.html", HTML);
    folder.put(
        "w.csv",
        "email,first\nann@a.example,Ann\nbob@b.example,Bob\nnobody\ncid@a.example,Cid\nAnn@a.example,Again\n",
    );
    folder
}

#[test]
fn each_row_is_shown_decoded_with_its_line_and_found_by_number_address_or_a_part_of_it() {
    let folder = folder();
    let preview = Preview::start(&folder, &[]);
    let first = preview.letter("");
    assert_eq!(
        (first["rows"].as_u64(), first["rejected"].as_u64(), first["duplicates"].as_u64()),
        (Some(3), Some(1), Some(1))
    );
    assert_eq!((first["row"]["number"].as_u64(), first["row"]["line"].as_u64()), (Some(1), Some(2)));
    assert_eq!(first["letter"]["subject"], "Hello Ann");
    assert!(first["letter"]["snippet"].as_str().unwrap().contains("Grüße, Ann!"), "{first}");
    assert_eq!((first["letter"]["remote"].as_u64(), first["letter"]["has_dark"].as_bool()), (Some(1), Some(true)));
    // In the order of the list, whatever the order of the table is.
    let third = preview.letter("3");
    assert_eq!((third["row"]["address"].as_str(), third["row"]["line"].as_u64()), (Some("cid@a.example"), Some(5)));
    for wanted in ["bob@b.example", "BOB", "2"] {
        assert_eq!(preview.letter(wanted)["row"]["address"], "bob@b.example", "{wanted}");
    }
    // A part that several have finds one after the other, and then the first again.
    for (after, address) in [(0, "ann@a.example"), (1, "cid@a.example"), (3, "ann@a.example")] {
        assert_eq!(preview.letter(&format!("A.EXAMPLE&after={after}"))["row"]["address"], address, "after {after}");
    }
    assert_eq!(preview.letter("2&after=2")["row"]["address"], "bob@b.example");
    for (wanted, said) in [("4", "rows 1 to 3"), ("0", "rows 1 to 3"), ("zoe@a.example", "nobody on the list")] {
        assert!(preview.letter(wanted)["missing"].as_str().unwrap().contains(said), "{wanted}");
    }
    let text = first["letter"]["text"].as_str().unwrap();
    assert!(text.contains("Dear Ann,\nhello."), "{text}");
    assert!(first["letter"]["source"].as_str().unwrap().contains("Gr=C3=BC=C3=9Fe"), "{first}");
    assert_eq!(preview.end(), Some(0));
    assert!(!folder.path().join("posthaste-data").exists(), "a look leaves nothing behind");
}

#[test]
fn a_letter_runs_no_scripts_and_fetches_nothing_unless_asked_to() {
    let folder = folder();
    let preview = Preview::start(&folder, &[]);
    let plain = preview.get("letter.html?row=1&images=0");
    assert!(plain.body.contains("Grüße, Ann!") && plain.head.contains("text/html"), "{}\n{}", plain.head, plain.body);
    let policy = |answer: &Answer| {
        let line = answer.head.lines().find(|line| line.starts_with("content-security-policy:")).unwrap();
        line.to_owned()
    };
    let off = policy(&plain);
    assert!(off.contains("default-src 'none'") && off.contains("sandbox") && !off.contains("https:"), "{off}");
    assert!(
        !off.contains("allow-scripts") && !off.contains("script-src") && !off.contains("allow-same-origin"),
        "{off}"
    );
    let on = policy(&preview.get("letter.html?row=1&images=1"));
    assert!(on.contains("img-src data: https:") && !on.contains("script-src"), "{on}");
    let dark = preview.get("letter.html?row=1&dark=1").body;
    assert!(dark.contains("@media (min-width:0px)") && !dark.contains("prefers-color-scheme"), "{dark}");
    let page = preview.get("");
    let policy = policy(&page);
    assert!(policy.contains("script-src 'nonce-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    for from_elsewhere in ["https://", "http://", "src=\"//"] {
        assert!(!page.body.contains(from_elsewhere), "the page brings along all that it needs");
    }
    for line in ["referrer-policy: no-referrer", "cache-control: no-store", "x-content-type-options: nosniff"] {
        assert!(page.head.contains(line), "{}", page.head);
    }
    assert!(!page.head.contains("access-control-allow"), "{}", page.head);
}

#[test]
fn whoever_does_not_know_the_address_or_is_another_site_sees_nothing() {
    let folder = folder();
    let preview = Preview::start(&folder, &[]);
    let path = format!("/{}/letter.json?row=1", preview.key);
    let port = preview.address.rsplit_once(':').unwrap().1;
    let good = preview.ask("GET", &path, &format!("localhost:{port}"), "Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(good.status, 200);
    let wrong = "0".repeat(preview.key.len());
    for (method, path, host, more, status) in [
        ("GET", "/", preview.address.as_str(), "", 404),
        ("GET", "/letter.json?row=1", &preview.address, "", 404),
        ("GET", &format!("/{wrong}/letter.json?row=1"), &preview.address, "", 404),
        ("GET", &format!("/{}", preview.key), &preview.address, "", 404),
        ("GET", &path, "evil.example", "", 421),
        ("GET", &path, &format!("evil.example:{port}"), "", 421),
        ("GET", &path, "127.0.0.1", "", 421),
        ("GET", &path, &preview.address, "Sec-Fetch-Site: cross-site\r\n", 403),
        ("GET", &path, &preview.address, "Sec-Fetch-Site: same-site\r\n", 403),
        ("POST", &path, &preview.address, "Content-Length: 0\r\n", 405),
        ("OPTIONS", &path, &preview.address, "Origin: http://evil.example\r\n", 405),
    ] {
        let answer = preview.ask(method, path, host, more);
        assert_eq!(answer.status, status, "{method} {path} {host} {more}");
        assert!(!answer.body.contains("ann@a.example") && !answer.head.contains("access-control"), "{}", answer.body);
    }
    let ran = Folder::new().run(&["preview", "w.toml", "--listen", "0.0.0.0:0"]);
    assert!(ran.code == Some(2) && ran.err.contains("for this machine alone"), "{ran:?}");
}

#[test]
fn the_page_follows_the_files_and_shows_what_is_wrong_with_them_where_it_is() {
    let folder = folder();
    let preview = Preview::start(&folder, &[]);
    assert_eq!(preview.letter("1")["letter"]["subject"], "Hello Ann");
    let before = preview.edition();
    assert_eq!(preview.edition(), before);
    folder.put("w.html", "<p>{{ first }}</p>\n<p>{{ frist }}</p>\n");
    assert!(preview.edition() > before);
    let wrong = preview.letter("1");
    let error = wrong["error"].as_str().unwrap();
    assert!(error.contains("w.html:2:7") && error.contains("frist"), "{error}");
    folder.put("w.html", "<p>Mended, {{ first }}</p>\n");
    assert!(preview.letter("1")["letter"]["snippet"].as_str().unwrap().contains("Mended, Ann"));
    folder.put("w.csv", "email,first\nzoe@z.example,Zoe\n");
    let other = preview.letter("1");
    assert_eq!((other["rows"].as_u64(), other["row"]["address"].as_str()), (Some(1), Some("zoe@z.example")));
    folder.put("w.toml", "name = \"w\"\nfrm = 1\n");
    assert!(preview.letter("1")["error"].as_str().unwrap().contains("w.toml:2:1"));
    assert_eq!(preview.end(), Some(0));
}

#[test]
fn a_row_whose_letter_cannot_be_made_says_why_and_the_others_are_shown() {
    let folder = folder();
    folder.put("w.txt", "{% if first == \"Bob\" %}{{ 1 / 0 }}{% endif %}\n");
    let preview = Preview::start(&folder, &["--row", "bob@b.example"]);
    assert!(preview.get("").body.contains("let row = \"bob@b.example\""));
    let bob = preview.letter("2");
    assert!(bob["letter"].is_null(), "{bob}");
    let error = bob["error"].as_str().unwrap();
    assert!(error.contains("line 3, bob@b.example") && error.contains("w.txt"), "{error}");
    assert_eq!(preview.letter("3")["letter"]["subject"], "Hello Cid");
}

#[test]
fn the_letter_can_be_written_as_files() {
    let folder = folder();
    let ran = folder.run(&["preview", "w.toml", "--row", "bob@b.example", "--write", "out"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out, "out/w-2.eml\nout/w-2.html\nout/w-2.txt\n");
    assert!(folder.read("out/w-2.eml").contains("Subject: Hello Bob\r\n"));
    assert!(folder.read("out/w-2.html").contains("<p>Grüße, Bob!</p>"));
    assert!(folder.read("out/w-2.txt").starts_with("Dear Bob,\nhello."));
    folder.put("w.html", "{{ frist }}");
    let ran = folder.run(&["preview", "w.toml", "--write", "out"]);
    assert!(ran.code == Some(2) && ran.err.contains("w.html:1:4"), "{ran:?}");
    let ran = folder.run(&["preview", "nowhere.toml"]);
    assert!(ran.code == Some(2) && ran.err.contains("nowhere.toml"), "{ran:?}");
}

#[test]
fn what_check_tells_stands_beside_the_letter_and_follows_the_files() {
    let folder = folder();
    let preview = Preview::start(&folder, &[]);
    let words = |page: &Value| -> Vec<String> {
        let all = page["findings"].as_array().unwrap().iter();
        all.map(|found| format!("{} {}", found["check"].as_str().unwrap(), found["place"].as_str().unwrap())).collect()
    };
    let has = |page: &Value, wanted: &str| words(page).iter().any(|found| found == wanted);
    let first = preview.letter("1");
    for found in ["active-content w.html:1:175", "rejected-row w.csv:4", "duplicates w.csv:6", "no-way-out w.toml"] {
        assert!(has(&first, found), "{found}: {:#?}", words(&first));
    }
    assert!(preview.get("").body.contains("\"Findings\""));
    // A file that the letter reads, whatever it is called, and a picture that goes along.
    folder.put(
        "w.html",
        "<p>{{ first }}</p>{% include \"parts/deep/er/still/foot.inc\" %}<img src=\"p.jfif\" alt=\"\">\n",
    );
    folder.put("w.toml", folder.read("w.toml").replace("text =", "embed_images = true\ntext ="));
    let missing = preview.letter("1");
    assert!(missing["error"].as_str().unwrap().contains("parts/deep/er/still/foot.inc"), "{missing}");
    assert!(words(&missing).iter().any(|found| found.starts_with("template w.html:1:")), "{:#?}", words(&missing));
    folder.put("parts/deep/er/still/foot.inc", "\n[Company]");
    folder.put("p.jfif", b"\xff\xd8\xff\xe0");
    let mended = preview.letter("1");
    assert!(mended["error"].is_null() && has(&mended, "placeholder parts/deep/er/still/foot.inc:2:1"), "{mended:#}");
    let before = preview.edition();
    assert_eq!(preview.edition(), before);
    folder.put("parts/deep/er/still/foot.inc", "Bye, {{ first }}");
    assert!(preview.edition() > before);
    assert!(preview.letter("1")["letter"]["snippet"].as_str().unwrap().contains("Bye, Ann"));
    let before = preview.edition();
    folder.put("p.jfif", b"\xff\xd8\xff\xe0 and more");
    assert!(preview.edition() > before);
    // Rows that would have no letter.
    folder.put("w.txt", "{{ 1 / (first != \"Bob\")|int }}\n");
    let page = preview.letter("1");
    assert!(has(&page, "rejected-row w.csv:3"), "{:#?}", words(&page));
    assert_eq!(preview.end(), Some(0));
}

#[test]
fn the_page_has_a_view_of_each_kind_and_the_letter_has_what_they_show() {
    let folder = folder();
    folder
        .put("w.toml", folder.read("w.toml").replace("text =", "reply_to = \"h\u{e9}lp <help@acme.example>\"\ntext ="));
    let preview = Preview::start(&folder, &[]);
    let page = preview.get("").body;
    let views = page.split("const VIEWS = ").nth(1).unwrap().split(';').next().unwrap();
    let views: Vec<String> = serde_json::from_str(views).unwrap();
    assert_eq!(views, ["Desktop", "Phone", "Dark", "Text", "Source", "Headers", "Findings"]);
    // A phone is narrow, and a desktop is not.
    let phone = page.lines().find(|line| line.contains(".phone iframe")).unwrap_or_default();
    assert!(phone.contains("width: 3"), "{phone:?}");
    // Pictures from elsewhere wait to be switched on.
    let switch = page.split('<').find(|tag| tag.contains("id=\"images\"")).unwrap();
    assert!(switch.contains("type=\"checkbox\"") && !switch.contains("checked"), "{switch}");
    // It asks by itself whether the files have changed.
    assert!(page.contains("get(\"edition.json\")") && page.matches("setTimeout(poll, POLL_MS)").count() == 2);
    let letter = &preview.letter("2")["letter"];
    let source = letter["source"].as_str().unwrap();
    // Each of its lines ends with one octet more.
    let size = format!("{} B", source.len() + source.matches('\n').count());
    assert_eq!((letter["size"].as_str(), page.contains("letter.size")), (Some(size.as_str()), true));
    let headers = letter["headers"].as_array().unwrap();
    let header = |name: &str| headers.iter().find(|field| field[0] == name).map(|field| field[1].as_str().unwrap());
    assert_eq!((header("Subject"), header("To")), (Some("Hello Bob"), Some("bob@b.example")));
    assert!(header("Reply-To").unwrap().contains("h\u{e9}lp"), "{headers:?}");
    assert!(header("Message-ID").is_some() && header("Date").is_some(), "{headers:?}");
}

#[test]
fn the_page_is_opened_in_the_browser_of_people_or_its_address_is_told() {
    let folder = folder();
    let path = std::env::var("PATH").unwrap();
    folder.put("bin/xdg-open", "#!/bin/sh\nprintf %s \"$1\" > opened.part && mv opened.part opened\n");
    let program = folder.path().join("bin/xdg-open");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bin = folder.path().join("bin").display().to_string();
    for (path, opens) in [(format!("{bin}:{path}"), true), ("/nonexistent".to_owned(), false)] {
        let mut command = folder.command(&["preview", "w.toml", "--open"]);
        command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped());
        // It ends with this, whatever becomes of the test.
        let mut preview = Preview { child: command.spawn().unwrap(), address: String::new(), key: String::new() };
        let child = &mut preview.child;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("http://127.0.0.1:"), "{line}");
        let opened = folder.path().join("opened");
        let start = std::time::Instant::now();
        while opens && !opened.exists() {
            assert!(start.elapsed().as_secs() < 60, "no browser was opened");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        if opens {
            assert_eq!(folder.read("opened"), line.trim());
        } else {
            let mut said = BufReader::new(child.stderr.as_mut().unwrap()).lines().map(Result::unwrap);
            assert!(said.any(|line| line.starts_with("warning: no browser opens by xdg-open")));
        }
    }
}

#[test]
fn a_file_of_the_same_length_and_time_and_a_key_that_is_put_there_are_changes() {
    let folder = folder();
    let engine = "[[dkim]]\ndomain = \"acme.example\"\nselector = \"s1\"\nkey = \"keys/s1.pem\"\n";
    folder.put("engine.toml", engine);
    let preview = Preview::start(&folder, &["--config", "engine.toml"]);
    let error = preview.letter("1")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("keys/s1.pem"), "{error}");
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICCi43KxyiaaVxAQpoDAjT/cWBZMHiVp876I1V/Pr+cF\n-----END PRIVATE KEY-----\n";
    folder.put("keys/s1.pem", key);
    let mended = preview.letter("1");
    assert!(mended["error"].is_null(), "{mended}");
    // What copies a file with its times.
    let text = folder.path().join("w.txt");
    let written = std::fs::metadata(&text).unwrap().modified().unwrap();
    let before = preview.edition();
    folder.put("w.txt", folder.read("w.txt").replace("hello", "HELLO"));
    std::fs::File::options().write(true).open(&text).unwrap().set_modified(written).unwrap();
    assert!(preview.edition() > before);
    let text = preview.letter("1")["letter"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("HELLO"), "{text}");
}
