//! Hints that are followed by the letter: what was found is gone then, and nothing else comes in its place.

use super::{CAMPAIGN, FILES, Found, HTML, LIST, check, spring};

const LINK: &str = "https://acme.example/spring";
const NAME: &str = "{{ first_name }}";
const BODY: &str = "<p>Dear {{ first_name }},</p>";
const OUT: &str = "<a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a>";
const HEADER: &str = "[unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n";

/// A file, what is replaced in it by what, the word of what is found, and how its hint begins.
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Faults of which the hint says what to write in the place of what is wrong.
const WRITTEN: [Fault; 22] = [
    ("letter.html", LINK, "www.acme.example", "relative-link", "write `"),
    ("letter.html", LINK, "help@acme.example", "relative-link", "write `mailto:"),
    ("letter.html", LINK, "https://https://acme.example/x", "link-scheme", "write `"),
    ("letter.html", LINK, "https:///acme.example/x", "link-scheme", "write `"),
    ("letter.html", LINK, "http:/acme.example/x", "link-scheme", "write `"),
    ("letter.txt", LINK, "http:/acme.example/spring", "link-scheme", "write `"),
    ("letter.txt", LINK, "http//acme.example/spring", "link-scheme", "write `"),
    ("letter.html", LINK, "mailto: help@acme.example", "link-scheme", "write `mailto:"),
    ("letter.html", LINK, "http://acme.example/spring", "http-link", "write `"),
    ("letter.txt", LINK, "http://acme.example/spring", "http-link", "write `"),
    (
        "letter.html",
        LINK,
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Facme.example&amp;data=05",
        "wrapped-link",
        "write `",
    ),
    ("letter.txt", LINK, "https://www.google.com/url?q=https://acme.example/", "wrapped-link", "write `"),
    ("letter.html", NAME, "*|FNAME|*", "foreign-tag", "write {{ first_name }}"),
    ("letter.html", NAME, "%%first_name%%", "foreign-tag", "write {{ first_name }}"),
    ("letter.html", NAME, "[[first_name]]", "foreign-tag", "write {{ first_name }}"),
    ("letter.html", NAME, "{ first_name }", "foreign-tag", "write {{ first_name }}"),
    ("letter.html", NAME, "%FIRST_NAME%", "foreign-tag", "write {{ first_name }}"),
    ("letter.txt", NAME, "[[var:first_name]]", "foreign-tag", "write {{ first_name }}"),
    ("letter.txt", NAME, "{{var:first_name:\"friend\"}}", "template", "write {{ first_name|default(\"friend\") }}"),
    ("letter.txt", NAME, "{{ .Subscriber.FirstName }}", "template", "write {{ first_name }}"),
    ("letter.html", NAME, "{{ first_name&nbsp;}}", "template", "write {{ first_name"),
    ("letter.html", NAME, "{{#if first_name}}x{% endif %}", "template", "write {% if first_name %}"),
];

/// Faults, and what whoever follows the hint writes in the place of what is wrong.
const FOLLOWED: [(Fault, &str); 20] = [
    (
        ("letter.html", LINK, "/spring", "relative-link", "write it whole: https://…/spring"),
        "https://acme.example/spring",
    ),
    (("letter.html", LINK, "https://acme.example/a b", "broken-link", "write %20"), "https://acme.example/a%20b"),
    (
        ("letter.html", LINK, "https://acme.example/?a=1?b=2", "broken-link", "write & in the place"),
        "https://acme.example/?a=1&b=2",
    ),
    (("letter.html", LINK, "#", "empty-link", "write where it leads"), LINK),
    (
        (
            "letter.html",
            LINK,
            "https://acme.example/survey?email=me@acme.example",
            "one-person-link",
            "write email={{ email|urlencode }}",
        ),
        "https://acme.example/survey?email={{ email|urlencode }}",
    ),
    (
        (
            "letter.html",
            "https://acme.example/u/{{ token }}",
            "https://acme.example/unsubscribe?u=1&amp;e=3",
            "one-person-link",
            "write {{ unsubscribe_url }}",
        ),
        "{{ unsubscribe_url }}",
    ),
    (
        (
            "letter.html",
            "https://acme.example/u/{{ token }}",
            "https://acme.example/out?email=me@acme.example",
            "way-out-of-one",
            "write {{ unsubscribe_url }}, or put {{ token }} into it",
        ),
        "https://acme.example/out?who={{ token }}",
    ),
    (
        ("letter.html", " alt=\"Tulips in a row\"", "", "image-alt", "write alt=\"what it says\", or alt=\"\""),
        " alt=\"\"",
    ),
    (
        ("letter.html", OUT, "Bye", "unsubscribe-link", "write one, like: Unsubscribe: {{ unsubscribe_url }}"),
        "Unsubscribe: {{ unsubscribe_url }}",
    ),
    (
        ("letter.txt", "Unsubscribe: https://acme.example/u/{{ token }}", "Bye", "unsubscribe-link", "write one, like"),
        "Unsubscribe: {{ unsubscribe_url }}",
    ),
    (
        ("w.toml", HEADER, "", "list-unsubscribe", "[unsubscribe] url = \"https://…/{{ token }}\""),
        "[unsubscribe]\nurl = \"https://acme.example/{{ token }}\"\n",
    ),
    (("letter.html", "</body>", "<!-- old footer", "open-comment", "write -->"), "<!-- old footer --></body>"),
    (
        ("letter.html", "</body>", "<style>p { color: red }", "open-element", "write </style>"),
        "<style>p { color: red }</style></body>",
    ),
    (
        ("letter.html", "</body>", "<p class=\"foot", "open-tag", "write the second quotation mark"),
        "<p class=\"foot\"></body>",
    ),
    (("letter.html", BODY, "<p>Lorem ipsum dolor</p>", "placeholder", ""), "<p>Welcome</p>"),
    (
        ("letter.html", ">see what is new<", ">https://acme.test/<", "link-text", "write in words what is there"),
        ">our spring<",
    ),
    (
        (
            "list.csv",
            "bob@b.example,Bob",
            "bob@b.example,",
            "empty-field",
            "give it a default: {{ first_name|default(\"…\", true) }}, or fill the column",
        ),
        "bob@b.example,Bob",
    ),
    (
        (
            "w.toml",
            "html = \"letter.html\"\ntext = \"letter.txt\"\n",
            "html = \"letter.html\"\ntext_from_html = false\n",
            "no-text",
            "add text = \"FILE\"",
        ),
        "html = \"letter.html\"\ntext = \"letter.txt\"\n",
    ),
    (
        (
            "letter.html",
            BODY,
            "<p>{<b>{first_name}</b>}</p>",
            "foreign-tag",
            "put the HTML around the whole tag, such as <b>{{ name }}</b>",
        ),
        "<p><b>{{ first_name }}</b></p>",
    ),
    (
        (
            "w.toml",
            "Spring is here, {{ first_name }}",
            "Re: Spring is here",
            "fake-reply",
            "begin with what the letter is about",
        ),
        "Spring is here",
    ),
];

/// The findings with this in the place of what stands there.
fn found((file, from, ..): Fault, to: &str) -> Vec<Found> {
    let folder = spring();
    let text = FILES.iter().find(|(name, _)| *name == file).unwrap().1;
    assert!(text.contains(from), "{from}");
    folder.put(file, text.replacen(from, to, 1));
    check(&folder, "w.toml").1
}

/// What a hint says to write: what stands between its first marks, or its tag.
fn to_write(hint: &str) -> Option<&str> {
    let what = hint.strip_prefix("write ")?;
    match what.strip_prefix('`') {
        Some(quoted) => quoted.split('`').next(),
        None => Some(what.split("; ").next().unwrap_or(what)),
    }
}

#[test]
fn what_a_hint_says_to_write_is_right_when_it_is_written() {
    let mut wrong = Vec::new();
    for fault in WRITTEN {
        let told = found(fault, fault.2);
        let is_it = |found: &&Found| found.check == fault.3 && found.hint.starts_with(fault.4);
        let Some(hint) = told.iter().find(is_it).map(|found| found.hint.clone()) else {
            wrong.push(format!("{fault:?}: {told:#?}"));
            continue;
        };
        let mended = match fault.2.contains("{{#if") {
            true => fault.2.replace("{{#if first_name}}", to_write(&hint).unwrap()),
            false => to_write(&hint).unwrap().to_owned(),
        };
        let mut left = found(fault, &mended);
        left.retain(|found| found.severity != "note");
        if !left.is_empty() {
            wrong.push(format!("{fault:?} as {mended}: {left:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hint_that_is_followed_leaves_nothing_to_tell() {
    let mut wrong = Vec::new();
    for (fault, mended) in FOLLOWED {
        let told = found(fault, fault.2);
        if !told.iter().any(|found| found.check == fault.3 && found.hint.starts_with(fault.4)) {
            wrong.push(format!("{fault:?}: {told:#?}"));
        }
        let left = found(fault, mended);
        if !left.is_empty() {
            wrong.push(format!("{fault:?} as {mended}: {left:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_default_that_a_hint_says_fills_the_gap() {
    let folder = spring();
    folder.put("list.csv", LIST.replace("bob@b.example,Bob", "bob@b.example,"));
    let with = |text: &str| text.replace(NAME, "{{ first_name|default(\"friend\", true) }}");
    folder.put("letter.html", with(HTML));
    folder.put("letter.txt", with(super::TEXT));
    folder.put(
        "w.toml",
        with(CAMPAIGN).replace(
            "\"Spring is here, {{ first_name|default(\"friend\", true) }}\"",
            "'Spring is here, {{ first_name|default(\"friend\", true) }}'",
        ),
    );
    let (_, found) = check(&folder, "w.toml");
    assert!(found.is_empty(), "{found:#?}");
}
