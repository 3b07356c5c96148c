//! Pages that no parser agrees on, and what a look at a letter makes of them.

use super::*;

fn remarks(html: &str) -> Vec<(&'static str, Option<(usize, usize)>)> {
    let spec = Spec {
        from: "a@acme.example".into(),
        subject: "Hello".into(),
        html: Some(Source { file: "l.html".into(), text: html.into() }),
        unsubscribe_url: Some("https://acme.example/u".into()),
        ..Spec::default()
    };
    let columns = ["email".to_owned(), "First Name".to_owned()];
    let letter = Letter {
        spec: &spec,
        written: &Manuscript::of(&spec),
        columns: &columns,
        direct: None,
        is_transactional: false,
    };
    look_at(&letter).into_iter().map(|remark| (remark.check, remark.position)).collect()
}

const REST: &str = " Enough text to be read, and a way to unsubscribe.";

#[test]
fn template_code_is_no_text_and_no_tag() {
    for html in [
        "<p>{% if a > b %}<a href='{{ url }}'>x</a>{% endif %}</p>",
        "<a {% if a %}class=\"b\"{% endif %} href=\"https://acme.example/{{ \"x>y\" }}\">x</a>",
        "<a href={{ url }}>x</a>{# <img src=x> #}",
        "<style>a{color:red}</style><script type=x></script",
    ] {
        let found = remarks(&format!("{html}{REST}"));
        assert!(
            found.iter().all(|(check, _)| *check == "active-content" || *check == "unsubscribe-link"),
            "{html}: {found:?}"
        );
    }
}

#[test]
fn no_text_makes_the_look_fail() {
    for html in [
        "<",
        "<a",
        "<a href",
        "<a href=",
        "<a href='",
        "<!",
        "<!--",
        "</",
        "<style",
        "{{",
        "{%",
        "<a\u{e9}=\u{e9}>",
        "*|",
        "[[",
        "%%",
        "<%",
    ] {
        for end in ["", "\u{e9}", ">", "'>"] {
            remarks(&format!("{html}{end}"));
        }
    }
}

#[test]
fn no_length_makes_the_look_last() {
    for piece in [
        "{{",
        "{%",
        "{#",
        "{# ",
        "<style>",
        "<script></script>",
        "<!--",
        "[",
        "{<",
        "*|",
        "%%",
        "-",
        "<a href=x>",
        "*|FNAME|*",
        "{# not translated: ",
        "<a href='",
    ] {
        // Lines of minijinja have 65,535 columns.
        remarks(&format!("{piece}\n").repeat(30_000));
    }
}

#[test]
fn of_one_kind_no_more_are_told_than_people_read() {
    let found = remarks(&format!("{}{REST}", "<a href=\"x\">y</a>\n".repeat(40)));
    assert_eq!(found.len(), EACH_MAX + 1, "{found:?}");
    assert_eq!(found[1], ("relative-link", Some((2, 10))));
}

#[test]
fn columns_without_a_default_are_told_from_others() {
    let spec = Spec {
        subject: "{{ b }}".into(),
        text: Some(Source {
            file: "t".into(),
            text: "{{ a }}{{ c|default('x') }}{% if d %}{{ d }}{% endif %}{{- first_name -}}{# {{ e }} #}".into(),
        }),
        ..Spec::default()
    };
    let columns = ["a", "b", "c", "d", "e", "First Name"].map(str::to_owned);
    assert_eq!(bare_columns(&spec, &columns), [0, 1, 5]);
}

#[test]
fn tags_are_translated_where_the_list_has_the_column() {
    let spec = Spec {
        from: "a@acme.example".into(),
        subject: "*|FNAME|*".into(),
        unsubscribe_url: Some("https://acme.example/u".into()),
        ..Spec::default()
    };
    let columns = ["email".to_owned(), "First Name".to_owned()];
    let written = Manuscript::of(&spec);
    let found =
        look_at(&Letter { spec: &spec, written: &written, columns: &columns, direct: None, is_transactional: false });
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].says.contains("`*|FNAME|*` is a tag of Mailchimp") && found[0].hint == "write {{ first_name }}",
        "{found:?}"
    );
}

#[test]
fn what_is_found_has_its_place_in_what_was_written_and_in_each_file_that_is_read() {
    let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
    let mut spec = Spec {
        from: "a@acme.example".into(),
        subject: "Hello".into(),
        html: Some(source("l.html", "\u{feff}<p>x\r\n<a href=\"http://a.example\">x</a>{% include 'foot.html' %}")),
        text: Some(source("l.txt", "Enough\n{% include 'foot.txt' %}")),
        unsubscribe_url: Some("https://acme.example/u".into()),
        ..Spec::default()
    };
    let foot = format!("<img src=\"x.png\" srcset=\"y.png 2x\" alt=\"\"><table background='z.png'></table>{REST}");
    spec.partials.insert("foot.html".into(), Ok(source("foot.html", &foot)));
    spec.partials.insert("foot.txt".into(), Ok(source("foot.txt", "\n[Company] unsubscribe: {{ unsubscribe_url }}")));
    let written = Manuscript::of(&spec).with(&[source("part.mjml", "<mj-button>*|FNAME|*</mj-button>")]);
    // What is made of it is of one line.
    spec.html = Some(source("l.html", "<p>x <a href=\"http://a.example\">x</a>"));
    let letter = Letter { spec: &spec, written: &written, columns: &[], direct: None, is_transactional: false };
    let mut found: Vec<_> = look_at(&letter)
        .into_iter()
        .map(|remark| (remark.place.map(|place| place.to_string()).unwrap_or_default(), remark.check, remark.position))
        .collect();
    found.sort();
    let at = |file: &str, check: &'static str, line, column| (file.to_owned(), check, Some((line, column)));
    assert_eq!(
        found,
        [
            at("foot.html", "relative-link", 1, 11),
            at("foot.html", "relative-link", 1, 26),
            at("foot.html", "relative-link", 1, 62),
            at("foot.txt", "placeholder", 2, 1),
            at("l.html", "http-link", 2, 10),
            at("part.mjml", "empty-link", 1, 1),
            at("part.mjml", "foreign-tag", 1, 12),
        ]
    );
}

#[test]
fn orders_for_a_provider_s_servers_are_told_where_the_mail_goes_by_another_way() {
    let told = |header: &str, direct: Option<bool>| {
        let spec = Spec {
            from: "a@acme.example".into(),
            subject: "Hello".into(),
            headers: vec![(header.into(), "x".into())],
            unsubscribe_url: Some("https://acme.example/u".into()),
            ..Spec::default()
        };
        let letter =
            Letter { spec: &spec, written: &Manuscript::of(&spec), columns: &[], direct, is_transactional: false };
        look_at(&letter).iter().any(|remark| remark.check == "control-header" && remark.says.contains(header))
    };
    for header in [
        "X-SMTPAPI",
        "X-PM-Tag",
        "X-Mailgun-Tag",
        "X-MC-Tags",
        "X-Mandrill-Track",
        "X-SES-CONFIGURATION-SET",
        "X-SparkPost-Data",
        "X-MSYS-API",
    ] {
        assert!(told(header, Some(true)) && told(header, None) && !told(header, Some(false)), "{header}");
    }
    for header in ["X-Campaign", "X-PMO", "X-Session", "X-SMTP"] {
        assert!(!told(header, Some(true)), "{header}");
    }
}
