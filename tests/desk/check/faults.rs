//! The faults: what is changed in a campaign that is as it should be, and what is then found, and where.

mod astray;

use super::{FILES, check, place_of, spring};

/// A file, what is replaced in it by what (nothing: all of it), the words of what is found (the first must be, where there are two
/// with a stroke one of them; the others may be), the severity, and in which file, at which text, it is found ("": the file as a whole).
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str, (&'static str, &'static str));

const LINK: &str = "https://acme.example/spring";
const BODY: &str = "<p>Dear {{ first_name }},</p>";

/// See [`Fault`].
const LETTER: [Fault; 68] = [
    ("letter.html", LINK, "/spring", "relative-link", "warning", ("letter.html", "/spring")),
    ("letter.html", LINK, "spring.html", "relative-link", "warning", ("letter.html", "spring.html")),
    (
        "letter.html",
        LINK,
        "//acme.example/spring",
        "relative-link",
        "warning",
        ("letter.html", "//acme.example/spring"),
    ),
    ("letter.html", LINK, "www.acme.example", "relative-link", "warning", ("letter.html", "www.acme.example")),
    (
        "letter.html",
        "https://acme.example/tulips.jpg",
        "img/t.jpg",
        "relative-link",
        "warning",
        ("letter.html", "img/t.jpg"),
    ),
    ("letter.html", BODY, "<table background=\"b.png\"></table>", "relative-link", "warning", ("letter.html", "b.png")),
    (
        "letter.html",
        "alt=\"Tulips in a row\"",
        "alt=\"Tulips\" srcset=\"https://acme.example/t.jpg 1x, t2.jpg 2x\"",
        "relative-link",
        "warning",
        ("letter.html", "https://acme.example/t.jpg 1x"),
    ),
    (
        "letter.html",
        BODY,
        "<video poster=\"v.png\"></video>",
        "relative-link active-content",
        "warning",
        ("letter.html", "v.png"),
    ),
    ("letter.html", LINK, "#", "empty-link", "warning", ("letter.html", "#\">see")),
    ("letter.html", LINK, "#offers", "broken-link", "warning", ("letter.html", "#offers")),
    (
        "letter.html",
        "https://acme.example/u/{{ token }}",
        "#unsubscribe",
        "broken-link",
        "warning",
        ("letter.html", "#unsubscribe"),
    ),
    (
        "letter.html",
        LINK,
        "https://acme.example/x&amp;a=1",
        "broken-link",
        "warning",
        ("letter.html", "https://acme.example/x&"),
    ),
    (
        "letter.txt",
        LINK,
        "https://acme.example/x&a=1",
        "broken-link",
        "warning",
        ("letter.txt", "https://acme.example/x&"),
    ),
    ("letter.html", LINK, "{{ \"www.acme.example\" }}/spring", "relative-link", "warning", ("letter.html", "{{ \"www")),
    (
        "letter.html",
        BODY,
        "{% macro go(to) %}<a href=\"{{ to }}\">x</a>{% endmacro %}{{ go(\"/spring\") }}",
        "relative-link",
        "warning",
        ("letter.html", "{{ to }}"),
    ),
    ("letter.html", BODY, "<p>Dear <First Name>,</p>", "placeholder", "warning", ("letter.html", "<First")),
    ("letter.txt", "{{ first_name }}", "%first_name", "foreign-tag", "warning", ("letter.txt", "%first")),
    ("letter.txt", "{{ first_name }}", "__FIRST_NAME__", "foreign-tag", "warning", ("letter.txt", "__FIRST")),
    ("letter.html", LINK, "", "empty-link", "warning", ("letter.html", "\">see")),
    (
        "letter.html",
        "<a href=\"https://acme.example/spring\">",
        "<a class=\"x\">",
        "empty-link",
        "warning",
        ("letter.html", "<a class"),
    ),
    ("letter.html", LINK, "javascript:open()", "active-content", "warning", ("letter.html", "javascript:")),
    ("letter.html", LINK, "file:///C:/spring.html", "local-link", "warning", ("letter.html", "file:")),
    ("letter.html", LINK, "https://localhost:8080/x", "local-link", "warning", ("letter.html", "https://localhost")),
    ("letter.html", LINK, "http://192.168.0.7/x", "local-link", "warning", ("letter.html", "http://192")),
    ("letter.txt", LINK, "https://staging.local/x", "local-link", "warning", ("letter.txt", "https://staging")),
    ("letter.html", LINK, "http://acme.example/spring", "http-link", "warning", ("letter.html", "http://acme")),
    (
        "letter.html",
        "https://acme.example/tulips",
        "http://acme.example/tulips",
        "http-link",
        "warning",
        ("letter.html", "http://acme"),
    ),
    ("letter.txt", LINK, "http://acme.example/spring", "http-link", "warning", ("letter.txt", "http://acme")),
    ("letter.html", LINK, "htps://acme.example/spring", "link-scheme", "warning", ("letter.html", "htps:")),
    ("letter.html", LINK, "https://bit.ly/abc", "short-link", "warning", ("letter.html", "https://bit.ly")),
    ("letter.txt", LINK, "https://tinyurl.com/abc", "short-link", "warning", ("letter.txt", "https://tiny")),
    ("letter.html", " alt=\"Tulips in a row\"", "", "image-alt", "warning", ("letter.html", "<img")),
    (
        "letter.html",
        "https://acme.example/tulips.jpg",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "image-data",
        "warning",
        ("letter.html", "data:image"),
    ),
    ("letter.html", BODY, "<script>x()</script>", "active-content", "warning", ("letter.html", "<script")),
    (
        "letter.html",
        BODY,
        "<form action=\"https://acme.example\"></form>",
        "active-content",
        "warning",
        ("letter.html", "<form"),
    ),
    (
        "letter.html",
        BODY,
        "<iframe src=\"https://acme.example\"></iframe>",
        "active-content",
        "warning",
        ("letter.html", "<iframe"),
    ),
    ("letter.html", "</body>", "<!-- old footer", "open-comment", "warning", ("letter.html", "<!-- old")),
    ("letter.html", "</body>", "<style>p { color: red }", "open-element", "warning", ("letter.html", "<style>p {")),
    ("letter.html", "</body>", "<p class=\"foot", "open-tag", "warning", ("letter.html", "\"foot")),
    (
        "letter.html",
        BODY,
        "<p style=\"background:url(bg.png)\"></p>",
        "relative-link",
        "warning",
        ("letter.html", "bg.png"),
    ),
    ("letter.html", LINK, "https://www.example.com/", "placeholder", "warning", ("letter.html", "https://www.example")),
    (
        "letter.html",
        "",
        "<a href=\"https://acme.example/unsubscribe/{{ token }}\"><img src=\"https://acme.example/1.png\" alt=\"\"></a>",
        "image-only",
        "warning",
        ("letter.html", ""),
    ),
    (
        "letter.html",
        "<a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a>",
        "Bye",
        "unsubscribe-link",
        "warning",
        ("letter.html", ""),
    ),
    (
        "letter.txt",
        "Unsubscribe: https://acme.example/u/{{ token }}",
        "Bye",
        "unsubscribe-link",
        "warning",
        ("letter.txt", ""),
    ),
    ("letter.html", BODY, "<p>Lorem ipsum dolor</p>", "placeholder", "warning", ("letter.html", "Lorem")),
    ("letter.html", BODY, "<p>Your text here</p>", "placeholder", "warning", ("letter.html", "Your text")),
    ("letter.html", BODY, "<p>TODO: greeting</p>", "placeholder", "warning", ("letter.html", "TODO:")),
    ("letter.txt", "Acme Garden", "[Company]", "placeholder", "warning", ("letter.txt", "[Company]")),
    ("letter.txt", "{{ first_name }}", "[First Name]", "placeholder", "warning", ("letter.txt", "[First")),
    ("letter.txt", "the beds", "XXX\nthe beds", "placeholder", "warning", ("letter.txt", "XXX")),
    ("letter.txt", "the beds", "FIXME the beds", "placeholder", "warning", ("letter.txt", "FIXME")),
    ("letter.html", "{{ first_name }}", "*|FNAME|*", "foreign-tag", "warning", ("letter.html", "*|FNAME|*")),
    ("letter.html", "{{ first_name }}", "%%first_name%%", "foreign-tag", "warning", ("letter.html", "%%first")),
    ("letter.html", "{{ first_name }}", "[[first_name]]", "foreign-tag", "warning", ("letter.html", "[[first")),
    ("letter.html", "{{ first_name }}", "{first_name}", "foreign-tag", "warning", ("letter.html", "{first_name}")),
    ("letter.html", "{{ first_name }}", "{ first_name }", "foreign-tag", "warning", ("letter.html", "{ first_name }")),
    ("letter.html", "{{ first_name }}", "%FIRST_NAME%", "foreign-tag", "warning", ("letter.html", "%FIRST")),
    (
        "letter.html",
        "{{ first_name }}",
        "\u{ab}First_Name\u{bb}",
        "foreign-tag",
        "warning",
        ("letter.html", "\u{ab}First"),
    ),
    ("letter.html", "{{ first_name }}", "<%= first_name %>", "foreign-tag", "warning", ("letter.html", "<%=")),
    ("letter.html", "u/{{ token }}", "u/%7B%7B%20token%20%7D%7D", "foreign-tag", "warning", ("letter.html", "%7B%7B")),
    (
        "letter.html",
        "{{ first_name }}",
        "&#123;&#123; first_name &#125;&#125;",
        "foreign-tag",
        "warning",
        ("letter.html", "&#123;"),
    ),
    (
        "letter.txt",
        "{{ first_name }}",
        "%recipient.first_name%",
        "foreign-tag",
        "warning",
        ("letter.txt", "%recipient"),
    ),
    ("letter.txt", "{{ first_name }}", "##FNAME##", "foreign-tag", "warning", ("letter.txt", "##FNAME")),
    ("letter.html", "{{ first_name }}", "{{ frist_name }}", "template", "error", ("letter.html", "frist_name")),
    ("letter.html", "{% endif %}", "", "template", "error", ("letter.html", "~")),
    ("letter.txt", "{{ first_name }}", "{{ first_name", "template", "error", ("letter.txt", "~")),
    ("letter.txt", "{{ first_name }}", "{{ unsubscribe_ur }}", "template", "error", ("letter.txt", "unsubscribe_ur")),
    ("letter.txt", "{{ first_name }}", "{{ first_name|wrongfilter }}", "template/rejected-row list", "", ("", "")),
];

/// Faults of the campaign's file, the list and the engine's configuration.
const REST: [Fault; 68] = [
    (
        "w.toml",
        "news@acme.example>\"\nreply",
        "news@example.com>\"\nreply",
        "placeholder dkim-unsigned",
        "warning",
        ("w.toml", "example.com"),
    ),
    ("w.toml", "help@acme.example", "help@mail.example.org", "placeholder", "warning", ("w.toml", "mail.example.org")),
    ("w.toml", "https://acme.example/u/", "https://www.example.net/u/", "placeholder", "warning", ("w.toml", "https:")),
    ("w.toml", "html = ", "preheader = \"For *|FNAME|*\"\nhtml = ", "foreign-tag", "warning", ("w.toml", "*|FNAME|*")),
    ("w.toml", "html = ", "preheader = \"[First Name]!\"\nhtml = ", "placeholder", "warning", ("w.toml", "[First")),
    ("w.toml", "html = ", "preheader = \"Test\"\nhtml = ", "placeholder", "warning", ("w.toml", "Test")),
    ("w.toml", "html = ", "preheader = \"Beds &amp; more\"\nhtml = ", "markup-in-text", "warning", ("w.toml", "&amp;")),
    ("w.toml", "Spring is here", "Spring is <b>here</b>", "markup-in-text", "warning", ("w.toml", "<b>here")),
    ("w.toml", "{{ first_name }}", "*|FNAME|*", "foreign-tag", "warning", ("w.toml", "*|FNAME|*")),
    ("w.toml", "Spring is here, {{ first_name }}", "Test", "placeholder", "warning", ("w.toml", "Test")),
    ("w.toml", "Spring is here", "[Test] Spring", "placeholder", "warning", ("w.toml", "[Test]")),
    ("w.toml", "Spring is here", "Re: your order", "fake-reply", "warning", ("w.toml", "Re:")),
    ("w.toml", "Spring is here", "Fwd: spring", "fake-reply", "warning", ("w.toml", "Fwd:")),
    ("w.toml", "Spring is here", "=?utf-8?Q?Spring?=", "encoded-word", "warning", ("w.toml", "=?utf")),
    ("w.toml", "Acme Garden <", "{{ first_name }} <", "display-name", "warning", ("w.toml", "{{ first_name }} <")),
    ("w.toml", "Acme Garden <", "Acme (2) <", "display-name", "warning", ("w.toml", "(2)")),
    ("w.toml", "Acme Garden <", "Acme \u{2714} <", "display-name", "warning", ("w.toml", "\u{2714}")),
    (
        "w.toml",
        "news@acme.example>\"\nreply",
        "acme.garden@gmail.com>\"\nreply",
        "free-mail-sender",
        "warning",
        ("w.toml", "gmail.com"),
    ),
    (
        "w.toml",
        "news@acme.example>\"\nreply",
        "acme.garden@yahoo.co.uk>\"\nreply",
        "free-mail-sender",
        "warning",
        ("w.toml", "yahoo.co"),
    ),
    (
        "w.toml",
        "news@acme.example>\"\nreply",
        "news@acme.local>\"\nreply",
        "sender-domain",
        "warning",
        ("w.toml", "acme.local"),
    ),
    ("w.toml", "bounce.acme.example", "mailhost.internal", "sender-domain", "warning", ("w.toml", "mailhost")),
    ("w.toml", "X-Campaign = ", "X-SMTPAPI = ", "control-header", "warning", ("w.toml", "spring\"\n\n[uns")),
    (
        "w.toml",
        "[unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n",
        "",
        "list-unsubscribe",
        "warning",
        ("w.toml", ""),
    ),
    (
        "w.toml",
        "url = \"https://acme.example/u/{{ token }}\"",
        "mailto = \"u@acme.example\"",
        "list-unsubscribe",
        "warning",
        ("w.toml", ""),
    ),
    ("w.toml", "text = \"letter.txt\"\n", "text_from_html = false\n", "no-text", "warning", ("w.toml", "")),
    (
        "w.toml",
        "\n[headers]",
        "attachments = [{ file = \"run.exe\" }]\n[headers]",
        "attachment-type",
        "warning",
        ("w.toml", "run.exe"),
    ),
    (
        "w.toml",
        "\n[headers]",
        "attachments = [{ file = \"big.pdf\" }]\n[headers]",
        "message-size",
        "warning",
        ("w.toml", ""),
    ),
    (
        "w.toml",
        "Spring is here, {{ first_name }}",
        "{{ ' '|trim }}",
        "empty-subject",
        "warning",
        ("w.toml", "\"{{ ' '"),
    ),
    ("w.toml", "letter.html", "gone.html", "content", "error", ("", "")),
    ("w.toml", "\n[headers]", "attachments = [{ file = \"gone.pdf\" }]\n[headers]", "content", "error", ("", "")),
    ("w.toml", "subject = ", "subjekt = ", "campaign", "error", ("w.toml", "subjekt")),
    ("w.toml", "\"30%\"", "30", "campaign", "error", ("w.toml", "30\n")),
    ("w.toml", "name = \"spring\"", "name = \"Spring Sale\"", "campaign", "error", ("w.toml", "\"Spring Sale")),
    (
        "w.toml",
        "https://acme.example/u",
        "http://acme.example/u",
        "campaign",
        "error",
        ("w.toml", "\"http://acme.example/u"),
    ),
    ("w.toml", "X-Campaign", "Message-ID", "campaign", "error", ("w.toml", "\"spring\"\n\n")),
    ("w.toml", "Acme Garden <news@acme.example>", "news@acme", "from sender-domain", "error", ("w.toml", "news@acme")),
    ("w.toml", "Acme Garden <news@acme.example>", "Acme Garden", "from", "error", ("w.toml", "Acme Garden")),
    (
        "w.toml",
        "<news@acme.example>\"\nreply",
        "<news@acme.example>, shop@acme.example\"\nreply",
        "from",
        "error",
        ("w.toml", "\"Acme Garden"),
    ),
    ("w.toml", "\"help@acme.example\"", "\"help at acme\"", "reply-to", "error", ("w.toml", "help at")),
    ("w.toml", "b+{token}@bounce", "b+{token} bounce", "return-path", "error", ("w.toml", "b+{token} bounce")),
    ("w.toml", "<news.acme.example>", "<news acme>", "list-id", "error", ("w.toml", "\"Acme news")),
    ("w.toml", "list.csv", "gone.csv", "list", "error", ("", "")),
    ("w.toml", "email = \"email\"", "email = \"mail\"", "list", "error", ("", "")),
    ("list.csv", "", "email,first_name,city\n", "list", "error", ("", "")),
    ("list.csv", "cem@c.example", "cem at c.example", "rejected-row", "warning", ("list.csv:4", "")),
    ("list.csv", "Cem,Oslo", ",Oslo", "empty-field", "warning", ("list.csv:4", "")),
    ("list.csv", "Cem,Oslo", "Cem,'01067", "cell-apostrophe", "warning", ("list.csv:4", "")),
    ("list.csv", "Cem", "Ce\u{ad}m", "cell-invisible", "warning", ("list.csv:4", "")),
    ("list.csv", "cem@", "noreply@", "role-address", "warning", ("list.csv:4", "")),
    ("list.csv", "cem@c.example,Cem", "ANN@a.example,Ann", "duplicates", "note", ("list.csv:4", "")),
    ("suppressed.txt", "nobody@z.example", "ann@a.example", "suppressed", "note", ("list.csv:2", "")),
    ("list.csv", "cem@c.example", "\u{a0}mailto:cem@c.example.", "cleaned", "note", ("list.csv:4", "")),
    ("list.csv", "bob@b.example", "bob@gmial.com", "domain-slip", "warning", ("list.csv:3 bob@gmial.com", "")),
    ("list.csv", "Cem", "=?utf-8?Q?Cem?=", "encoded-word", "warning", ("list.csv:4", "")),
    (
        "list.csv",
        "",
        "email;first_name;city\r\nann@a.example;Ann;Oslo\r\nbob@b.example;Bob;Bergen\r\n",
        "list-form",
        "note",
        ("list.csv", ""),
    ),
    (
        "w.toml",
        "\"30%\"",
        "\"30%\"\n[recipients.types]\nfirst_name = \"number\"",
        "column-type",
        "warning",
        ("list.csv:2", ""),
    ),
    (
        "w.toml",
        "Spring is here, {{ first_name }}",
        "{{ first_name if city == 'Oslo' }}",
        "empty-subject",
        "warning",
        ("list.csv:3", ""),
    ),
    ("w.toml", "<news@", "<n\u{e9}ws@", "raw-8-bit", "warning", ("w.toml", "")),
    ("w.toml", "text = \"letter.txt\"\n", "", "text-part", "note", ("letter.html", "")),
    ("w.toml", "text = ", "embed_images = true\ntext = ", "without-effect", "note", ("w.toml", "")),
    (
        "w.toml",
        "text = ",
        "base_url = \"https://acme.example/\"\ntext = ",
        "without-effect",
        "note",
        ("w.toml", "\"https://acme.example/\""),
    ),
    (
        "w.toml",
        "text = ",
        "base_url = \"http://acme.example/\"\ntext = ",
        "http-link without-effect",
        "warning",
        ("w.toml", "http://acme.example/\""),
    ),
    ("engine.toml", "suppressed.txt", "gone.txt", "suppression", "error", ("", "")),
    ("engine.toml", "[[dkim]]", "[tls]\nmta_sts = false\n[[dkim]]", "tls-fallback", "warning", ("", "")),
    ("engine.toml", "route", "rout", "configuration", "error", ("engine.toml", "rout =")),
    ("engine.toml", "mail.acme.example", "localhost", "ehlo-name", "warning", ("", "")),
    (
        "engine.toml",
        "domain = \"acme.example\"",
        "domain = \"other.example\"",
        "dkim-unsigned",
        "warning",
        ("w.toml", "~"),
    ),
    ("letter.txt", "the beds", "{{ 7 / city }} the beds", "template/rejected-row list", "", ("", "")),
];

/// What receivers answer to what is found on this machine; to anything else nobody is known to answer.
const DRAWN: [(&str, &str); 11] = [
    ("attachment-type", "552 5.7.0"),
    ("dkim-unsigned", "550 5.7.26"),
    ("ehlo-name", "504 5.5.2"),
    ("encoded-word", "550 5.7.1"),
    ("free-mail-sender", "550 5.7.26"),
    ("message-size", "552 5.3.4"),
    ("raw-8-bit", "550 5.7.1"),
    ("sender-domain", "550 5.1.8"),
    ("short-link", "554 5.7.1"),
    ("tls-fallback", "550 5.7.29"),
    ("tls-off", "550 5.7.29"),
];

/// Puts one fault in; what is wrong with what is found.
fn miss(fault: &Fault) -> Option<String> {
    let &(file, from, to, words, severity, (place, at)) = fault;
    let folder = spring();
    let text = FILES.iter().find(|(name, _)| *name == file).unwrap().1;
    assert!(text.contains(from), "{fault:?}");
    let text = if from.is_empty() { to.to_owned() } else { text.replacen(from, to, 1) };
    folder.put(file, &text);
    folder.put("run.exe", "MZ");
    folder.put("empty.pdf", "");
    folder.put("page.pdf", "<!DOCTYPE html><title>404</title>");
    folder.put("photo.png", b"\xff\xd8\xff\xe0JFIF");
    folder.put("~$plan.docx", "\u{3}Ann");
    folder.put("meet.ics", "BEGIN:VCALENDAR\r\nSUMMARY:Hi {{ first_name }}\r\nEND:VCALENDAR\r\n");
    folder.put("big.pdf", [&b"%PDF-1.7\n"[..], &vec![b'x'; 8 << 20]].concat());
    let (ran, found) = check(&folder, "w.toml");
    let mut known = words.split(' ');
    let word = known.next().unwrap();
    let at = match at {
        "" => place.to_owned(),
        "~" => format!("{place}:"),
        at => format!("{place}:{}", place_of(if place == file { &text } else { "" }, at)),
    };
    let is_it = |found: &super::Found| {
        let is_there = place.is_empty()
            || found.place == at
            || (fault.5.1 == "~" && found.place.starts_with(at.trim_end_matches(':')));
        word.split('/').any(|word| found.check == word)
            && is_there
            && (severity.is_empty() || found.severity == severity)
    };
    let is_found = found.iter().any(is_it);
    let others = found.iter().any(|found| !words.split([' ', '/']).any(|word| word == found.check));
    let stops = found.iter().any(|found| found.severity == "error");
    let is_coded = ran.code == Some(if stops { 2 } else { 0 });
    let is_hinted = found
        .iter()
        .all(|found| found.severity != "warning" || !found.hint.is_empty() || found.says.contains("more row"));
    // Of rows an encoded word draws nothing: it stands in the text.
    let draws = |found: &super::Found| {
        let known = DRAWN.iter().find(|(check, _)| *check == found.check && !found.place.starts_with("list."));
        known.map_or("", |(_, code)| *code)
    };
    let is_drawn = found.iter().all(|found| found.draws == draws(found));
    (!is_found || others || !is_coded || !is_hinted || !is_drawn)
        .then(|| format!("{fault:?}\n  wanted at {at:?}, got {:?}: {found:#?}", ran.code))
}

#[test]
fn each_fault_is_found_in_its_place_and_nothing_else() {
    let faults: Vec<&Fault> = LETTER.iter().chain(&REST).chain(&astray::LINKS).chain(&astray::FILES).collect();
    assert!(faults.len() >= 60, "{}", faults.len());
    let missed: Vec<String> = faults.iter().filter_map(|fault| miss(fault)).collect();
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), faults.len(), missed.join("\n"));
}

#[test]
fn a_page_that_gmail_cuts_off_is_found() {
    let folder = spring();
    let page =
        super::HTML.replace("</body>", &format!("<p>{}</p>\n</body>", "A sentence of a long letter. ".repeat(4000)));
    folder.put("letter.html", page);
    let (_, found) = check(&folder, "w.toml");
    assert_eq!(found.iter().map(|found| found.check.as_str()).collect::<Vec<_>>(), ["gmail-clips"], "{found:?}");
    assert!(found[0].says.contains(" kB: Gmail cuts it off at 104 kB,"), "{found:?}");
}

#[test]
fn the_readme_tells_the_codes_that_are_drawn() {
    let readme = include_str!("../../../README.md");
    for (check, code) in DRAWN {
        let mut rows = readme.lines().filter(|line| line.starts_with('|') && line.contains(&format!("`{check}`")));
        assert!(rows.any(|row| row.contains(&format!("`{code}`"))), "{check} draws {code}");
    }
}
