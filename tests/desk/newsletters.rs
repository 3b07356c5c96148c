//! Newsletters as web editors, Word and people make them, from their files to a reader: each goes through `send`, and Python's
//! `email` and `html.parser` say what arrived.

use crate::check::check;
use crate::folder::Folder;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Reads letters as a mail reader does: their parts, and of the HTML what can be seen and clicked at.
const READER: &str = r#"
import email, email.policy, html.parser, json, sys

class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.images, self.text, self.styles, self.skip, self.open = [], [], [], {}, 0, None
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a" and "href" in attrs:
            self.open = len(self.links)
            self.links.append(["", attrs["href"]])
        for key in ("src", "background"):
            if key in attrs:
                self.images.append([attrs[key], attrs.get("alt")])
        if "style" in attrs:
            self.styles.setdefault(attrs.get("class") or tag, attrs["style"])
        self.skip += tag in ("style", "title", "script")
    def handle_endtag(self, tag):
        self.skip -= tag in ("style", "title", "script")
        self.open = None if tag == "a" else self.open
    def handle_data(self, data):
        if self.skip:
            return
        self.text.append(data)
        if self.open is not None:
            self.links[self.open][0] += data.strip()

def read(octets):
    letter = email.message_from_bytes(octets, policy=email.policy.default)
    parts = list(letter.walk())
    told = {"types": [part.get_content_type() for part in parts], "subject": letter["Subject"], "parts": {}}
    told["defects"] = [str(defect) for part in parts for defect in part.defects]
    for part in parts:
        if part["Content-ID"]:
            told["parts"][part["Content-ID"].strip("<>")] = [part.get_content_type(), len(part.get_payload(decode=True))]
    text, page = letter.get_body(("plain",)), letter.get_body(("html",))
    told["text"] = text and text.get_content().replace("\r\n", "\n")
    if page:
        told["html"], seen = page.get_content().replace("\r\n", "\n"), Page()
        seen.feed(told["html"])
        told |= {"links": seen.links, "images": seen.images, "styles": seen.styles, "seen": " ".join("".join(seen.text).split())}
    return told

octets, letters = sys.stdin.buffer.read(), []
while octets:
    length, octets = octets.split(b"\n", 1)
    letters.append(read(octets[: int(length)]))
    octets = octets[int(length) :]
print(json.dumps(letters))
"#;

/// What a reader sees of each letter.
pub fn as_read(letters: &[Vec<u8>]) -> Vec<Value> {
    let mut reader = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut input = reader.stdin.take().unwrap();
    for letter in letters {
        input.write_all(format!("{}\n", letter.len()).as_bytes()).unwrap();
        input.write_all(letter).unwrap();
    }
    drop(input);
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is wrong indeed with a newsletter, though it can be sent.
fn known_of(file: &str) -> &'static [&'static str] {
    match file {
        // A word of a parcel, which nobody can unsubscribe from.
        "stripo.html" => &["unsubscribe-link"],
        // Where it is said that there shall be none.
        "plain.html" => &["no-text"],
        _ => &[],
    }
}

/// Sends a page to Ann, who is a VIP, and to Bob, who is not.
fn arrives(file: &str, page: &str, keys: &str, tables: &str, more: &[(&str, &[u8])]) -> [Value; 2] {
    let folder = Folder::new();
    folder.put(file, page);
    for (name, octets) in more {
        folder.put(name, octets);
    }
    folder.put("w.csv", "email,first,vip,colour\nann@a.example,Ann <3,yes,#00aa66\nbob@b.example,Bob,no,#cc0000\n");
    folder.put(
        "w.toml",
        format!(
            "name = \"w\"\nfrom = \"Acme <news@acme.example>\"\nsubject = \"News for {{{{ first }}}}\"\nhtml = \"{file}\"\n{keys}\n\
             [unsubscribe]\nurl = \"https://acme.example/u/{{{{ token }}}}\"\n{tables}\n\
             [recipients]\nfile = \"w.csv\"\nemail = \"email\"\n"
        ),
    );
    let (ran, found) = check(&folder, "w.toml");
    let against: Vec<_> = found.iter().filter(|found| found.severity != "note").collect();
    let words: Vec<&str> = against.iter().map(|found| found.check.as_str()).collect();
    assert!(ran.code == Some(0) && words.iter().all(|word| known_of(file).contains(word)), "{against:#?}");
    let mut letters = as_read(&folder.delivers(&[]));
    letters.sort_by_key(|letter| letter["subject"].to_string());
    for letter in &letters {
        assert_eq!(letter["defects"], serde_json::json!([]), "{letter:#}");
        for part in ["html", "text", "seen"] {
            let text = letter[part].as_str().unwrap_or_default();
            assert!(!["{{", "}}", "{%", "%}", "jqzx"].iter().any(|tag| text.contains(tag)), "{part}: {text}");
        }
    }
    letters.try_into().unwrap_or_else(|letters: Vec<Value>| panic!("{} letters", letters.len()))
}

/// The addresses behind the words of links.
fn link<'a>(letter: &'a Value, words: &str) -> &'a str {
    let links = letter["links"].as_array().unwrap();
    let found = links.iter().find(|link| link[0] == words).unwrap_or_else(|| panic!("{words}: {links:?}"));
    found[1].as_str().unwrap()
}

fn text<'a>(letter: &'a Value, part: &str) -> &'a str {
    letter[part].as_str().unwrap_or_else(|| panic!("no {part}: {letter:#}"))
}

const UTM: &str = "[links]\nutm = { source = \"newsletter\", medium = \"email\", campaign = \"{{ campaign }}\" }\n";
const QUERY: &str = "utm_source=newsletter&utm_medium=email&utm_campaign=w";

#[test]
fn tables_and_outlooks_comments() {
    let page = include_str!("newsletters/outlook.html");
    let [ann, bob] = arrives("outlook.html", page, "inline_css = true", UTM, &[]);
    assert_eq!(ann["types"], serde_json::json!(["multipart/alternative", "text/plain", "text/html"]));
    assert!(text(&ann, "seen").starts_with("Hello Ann <3, spring is here. Your private sale begins today."), "{ann:#}");
    assert!(text(&bob, "seen").contains("The sale begins on Friday."), "{bob:#}");
    let sale = link(&ann, "Shop now");
    assert!(sale.starts_with("https://acme.example/sale?from=mail&who=") && sale.ends_with(QUERY), "{sale}");
    let html = text(&ann, "html");
    assert_eq!(html.matches("utm_source").count(), 2, "Outlook's button leads there, too: {html}");
    assert!(
        link(&ann, "Unsubscribe").starts_with("https://acme.example/u/") && !link(&ann, "Unsubscribe").contains("utm")
    );
    assert!(text(&ann["styles"], "lead").starts_with("font-size: 18px;color: #333333; padding:0 20px"), "{ann:#}");
    for kept in [
        "<!--[if (gte mso 9)|(IE)]><table width=\"600\" align=\"center\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\"><tr><td><![endif]-->",
        "@media only screen and (max-width: 480px) { td.lead { font-size: 16px !important; } }",
        "<!--[if !mso]><!-->",
        "<o:PixelsPerInch>96</o:PixelsPerInch>",
    ] {
        assert!(html.contains(kept), "{kept}: {html}");
    }
    let said = text(&ann, "text");
    assert!(
        said.starts_with(
            "[Acme]\n\nHello Ann <3, spring is here.\n\nYour private sale begins today.\n\nShop now <https://"
        ),
        "{said}"
    );
    assert!(said.contains(" · Unsubscribe <https://acme.example/u/") && said.contains(QUERY), "{said}");
    assert!(text(&bob, "text").contains("The sale begins on Friday.\n\nShop now"), "{bob:#}");
}

#[test]
fn a_mailchimp_export() {
    let page = include_str!("newsletters/mailchimp.html");
    let keys = "preheader = \"{{ first }}: three things & more\"";
    let [ann, _] = arrives("mailchimp.html", page, keys, "", &[]);
    let html = text(&ann, "html");
    let (_, body) = html.split_once("<body>").unwrap();
    assert!(
        body.starts_with("<div style=\"display:none;") && body.contains(">Ann &lt;3: three things &amp; more&#847;"),
        "{html}"
    );
    let rest = page.split_once("<body>").unwrap().1;
    assert!(body.contains(rest.split_once("<center>").unwrap().0.trim()), "the page's own stays: {html}");
    assert_eq!(link(&ann, "what we learnt"), "https://acme.example/blog?id=7");
    assert!(text(&ann, "seen").contains("It's time, Ann <3"), "{ann:#}");
    let said = text(&ann, "text");
    let begins = "Acme Coffee <https://acme.example/>\n\nIt's time, Ann <3\n\nRead what we learnt <https://acme.example/blog?id=7> this month…\n\nCopyright © Acme Coffee, All rights reserved.\n\nYou can unsubscribe from this list <https://acme.example/u/";
    assert!(said.starts_with(begins), "{said}");
}

#[test]
fn mjml_with_a_branch_and_a_part_of_its_own() {
    let page = include_str!("newsletters/letter.mjml");
    let footer: &[u8] = include_bytes!("newsletters/footer.mjml");
    let [ann, bob] = arrives("letter.mjml", page, "", UTM, &[("parts/footer.mjml", footer)]);
    assert!(text(&ann, "seen").contains("Hello Ann <3, spring is & will be here."), "{ann:#}");
    let door = link(&ann, "Open the door");
    assert!(door.starts_with("https://acme.example/vip/") && door.ends_with(&format!("?{QUERY}")), "{door}");
    assert!(!text(&bob, "html").contains("Open the door") && !text(&bob, "text").contains("Only for you"), "{bob:#}");
    assert!(text(&ann["styles"], "strong").contains("color: #aa0000"), "{ann:#}");
    assert!(
        text(&ann, "html").contains("mj-column-per-50") && text(&ann, "html").contains("<!--[if mso | IE]>"),
        "{ann:#}"
    );
    let said = text(&ann, "text");
    assert!(
        said.starts_with(&format!(
            "Spring <https://acme.example/spring?{QUERY}>\n\nHello Ann <3, spring is & will be here.\n\n"
        )),
        "{said}"
    );
    assert!(said.contains("Only for you\n\nOpen the door <https://acme.example/vip/"), "{said}");
    assert!(said.contains("Acme Ltd, 1 Main Street. Unsubscribe <https://acme.example/u/"), "{said}");
    assert_eq!(ann["images"], serde_json::json!([["https://cdn.acme.example/hero.jpg", "Spring"]]));
}

#[test]
fn an_editors_page_with_media_queries() {
    let page = include_str!("newsletters/stripo.html");
    let [ann, _] = arrives("stripo.html", page, "inline_css = true", UTM, &[]);
    let html = text(&ann, "html");
    let (_, media) = page.split_once("@media").unwrap();
    assert!(html.contains(media.split_once("</style>").unwrap().0), "{html}");
    assert!(html.contains("a:hover.es-button { background:#1155cc!important; }"), "{html}");
    let track = link(&ann, "Follow it");
    assert!(track.contains(&format!("?{QUERY}#status")), "{track}");
    assert!(text(&ann["styles"], "es-button").contains("text-decoration"), "{ann:#}");
    assert!(text(&ann["styles"], "es-p20").contains("padding: 20px"), "{ann:#}");
    let said = text(&ann, "text");
    assert!(
        said.starts_with("Dear Ann <3,\n\nyour box leaves today.\n\nFollow it <https://shop.acme.example/track/"),
        "{said}"
    );
    assert!(said.trim_end().ends_with("\n\nBeans 1 kg | 2 | 24.00\nFilter | 1 | 4.50"), "{said}");
}

#[test]
fn a_page_written_by_hand() {
    let page = include_str!("newsletters/plain.html");
    let [ann, _] = arrives("plain.html", page, "", "", &[]);
    let written = page.replace("{{ first }}", "Ann &lt;3");
    assert!(text(&ann, "html").starts_with(written.split_once("{{").unwrap().0), "{ann:#}");
    let said = text(&ann, "text");
    let begins = "Hello Ann <3,\n\nwe have moved. Our new address is:\n\nAcme Ltd\n1 Main Street\nSpringfield\n\nWrite to help@acme.example, or see the map <https://acme.example/map>.\n\n* Monday: 9 – 17\n* Friday: 9 – 12\n\nBest,\nJo\n\nNo more mail <https://acme.example/u/";
    assert!(said.starts_with(begins), "{said}");
    let [ann, _] = arrives("plain.html", page, "text_from_html = false", "", &[]);
    assert_eq!(ann["types"], serde_json::json!(["text/html"]));
}

#[test]
fn words_export() {
    let page = include_str!("newsletters/word.html");
    let [ann, _] = arrives("word.html", page, "inline_css = true", "", &[]);
    assert!(text(&ann["styles"], "MsoNormal").contains("font-size: 11.0pt"), "{ann:#}");
    assert!(
        text(&ann, "html").contains("<w:View>Normal</w:View>") && text(&ann, "html").contains("<o:p></o:p>"),
        "{ann:#}"
    );
    let said = text(&ann, "text");
    let begins = "Dear Ann <3,\n\nPlease join us for the annual “open day”, see the programme <https://acme.example/day?year=2026>.\n\nUnsubscribe <https://acme.example/u/";
    assert!(said.starts_with(begins), "{said}");
}

#[test]
fn pictures_that_go_along() {
    let page = include_str!("newsletters/pictures.html");
    let png: &[u8] = b"\x89PNG\r\n\x1a\npicture";
    let tables = "[[attachments]]\nfile = \"img/logo.png\"\ninline_id = \"logo\"\n";
    let files = [("img/logo.png", png), ("img/back.png", png), ("img/a dog.png", png)];
    let [ann, _] = arrives("pictures.html", page, "embed_images = true", tables, &files);
    assert_eq!(
        ann["images"],
        serde_json::json!([
            ["cid:back-1.png", null],
            ["cid:logo", "Acme"],
            ["cid:a-dog-2.png", "A dog"],
            ["cid:a-dog-2.png", "The same dog"],
            ["https://cdn.acme.example/far.png", "Far away"],
        ])
    );
    let part = serde_json::json!(["image/png", png.len()]);
    assert_eq!(ann["parts"], serde_json::json!({"logo": part, "back-1.png": part, "a-dog-2.png": part}));
    assert_eq!(
        ann["types"],
        serde_json::json!([
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            "image/png",
            "image/png",
            "image/png"
        ])
    );
    assert!(text(&ann, "text").contains("A dog <https://acme.example/a>"), "{ann:#}");
}

#[test]
fn light_and_dark() {
    let page = include_str!("newsletters/dark.html");
    let keys = "inline_css = true\nbase_url = \"https://acme.example/news\"";
    let [ann, bob] = arrives("dark.html", page, keys, UTM, &[]);
    let html = text(&ann, "html");
    let (_, dark) = page.split_once("@media (prefers-color-scheme: dark)").unwrap();
    assert!(html.contains(dark.split_once("</style>").unwrap().0), "{html}");
    assert!(html.contains(".button:hover { background: #000000; }"), "{html}");
    assert_eq!(link(&ann, "Come in"), format!("https://acme.example/news/visit?from=mail&{QUERY}"));
    assert_eq!(ann["images"], serde_json::json!([["https://acme.example/news/img/lamp.png", "A lamp"]]));
    assert!(text(&ann["styles"], "button").contains("background: #00aa66"), "{ann:#}");
    assert!(text(&bob["styles"], "card").contains("border: 1px solid #cc0000"), "{bob:#}");
    assert!(text(&ann["styles"], "body").contains("background: #ffffff"), "{ann:#}");
    assert!(
        text(&ann, "text").starts_with("Hi Ann <3\n\nDay or night, your lounge is open.\n\nCome in <https://"),
        "{ann:#}"
    );
    assert!(text(&bob, "text").contains("Day or night, we are open.\n"), "{bob:#}");
}

#[test]
fn what_is_wrong_stops_the_start_with_its_place() {
    let folder = Folder::new();
    folder.put("w.html", "<p>Hello {{ frist }}</p>\n<img src=\"none.png\">\n<img src=\"../w.png\">");
    let campaign =
        |keys: &str| crate::folder::CAMPAIGN.replace("text = \"w.txt\"\n", &format!("html = \"w.html\"\n{keys}\n"));
    folder.put("w.toml", campaign("embed_images = true"));
    let (ran, letters) = folder.send(&[]);
    assert!(ran.code == Some(2) && letters.is_empty(), "{ran:?}");
    for place in [
        "w.html:1:13: no column of the list is called `frist`",
        "w.html:2:11: the picture `none.png` cannot be read: there is no such file",
        "w.html:3:11: the picture `../w.png` cannot be read: it leads out of the campaign's folder",
    ] {
        assert!(ran.err.contains(place), "{place}: {}", ran.err);
    }
    for (keys, says) in [
        ("text = \"w.txt\"\ntext_from_html = true", "w.toml:6:18: text_from_html: the campaign has a text of its own"),
        ("base_url = \"acme.example\"", "w.toml:5:12: campaign key `base_url`: this is no address"),
        ("links.utm = { medium = \"x\" }", "w.toml:5:13: links.utm: lacks the source"),
        ("links.utm = { sauce = \"x\" }", "did you mean \"links.utm.source\"?"),
        ("preheader = \"{{ frist }}\"", "w.toml:5:17: campaign key `preheader`: no column"),
        ("inline_css = \"yes\"", "w.toml:5:14: inline_css: must be true or false"),
    ] {
        folder.put("w.html", "<p>Hello");
        folder.put("w.toml", campaign(keys));
        let (ran, letters) = folder.send(&[]);
        assert!(ran.code == Some(2) && letters.is_empty() && ran.err.contains(says), "{keys}: {ran:?}");
    }
    folder.put("w.toml", format!("inline_css = true\n{}", crate::folder::CAMPAIGN));
    let (ran, _) = folder.send(&[]);
    assert!(ran.code == Some(2) && ran.err.contains("w.toml:1:14: inline_css: has no HTML to act on"), "{ran:?}");
}
