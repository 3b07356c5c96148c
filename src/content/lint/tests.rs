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
        way: Way::Unknown,
        preheader: None,
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
            found.iter().all(|(check, _)| ["active-content", "unsubscribe-link", "open-tag"].contains(check)),
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
        "<a href='https://u.list-manage.com/unsubscribe?e=1'>unsubscribe",
        "<area href='https://acme.example/?a=1&a=1'><code>",
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
    assert_eq!(bare_columns(&spec, &columns, "email"), [0, 1, 5]);
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
    let found = look_at(&Letter {
        spec: &spec,
        written: &written,
        columns: &columns,
        way: Way::Unknown,
        preheader: None,
        is_transactional: false,
    });
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
    spec.html = Some(source("l.html", "<p>x <a href=\"http://a.example\">x</a>{% include 'foot.html' %}"));
    let letter = Letter {
        spec: &spec,
        written: &written,
        columns: &[],
        way: Way::Unknown,
        preheader: None,
        is_transactional: false,
    };
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
    let told = |header: &str, way: Way<'_>| {
        let spec = Spec {
            from: "a@acme.example".into(),
            subject: "Hello".into(),
            headers: vec![(header.into(), "x".into())],
            unsubscribe_url: Some("https://acme.example/u".into()),
            ..Spec::default()
        };
        let letter = Letter {
            spec: &spec,
            written: &Manuscript::of(&spec),
            columns: &[],
            way,
            preheader: None,
            is_transactional: false,
        };
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
        assert!(
            told(header, Way::Exchangers)
                && told(header, Way::Unknown)
                && !told(header, Way::Smarthost("mx.acme.example")),
            "{header}"
        );
    }
    for header in ["X-Campaign", "X-PMO", "X-Session", "X-SMTP"] {
        assert!(!told(header, Way::Exchangers), "{header}");
    }
}

#[test]
fn what_begins_and_does_not_end_is_told_where_it_begins() {
    for (html, check, at) in [
        ("<p>Hi</p>\n<a href=\"https://a.example/\"", "open-tag", (2, 1)),
        ("<p>Hi</p>\n<img src=x.png alt", "open-tag", (2, 1)),
        ("<p>Hi</p>\n</p", "open-tag", (2, 1)),
        ("<p>Hi\n  <a href=\"https://a.example/", "open-tag", (2, 11)),
        ("<p>Hi <a href='https://a.example>x</a>\n<p class='y'>z", "open-tag", (1, 15)),
        ("<p>Hi\n<!-- old: <b>x</b>", "open-comment", (2, 1)),
        ("<p>Hi\n<!DOCTYPE html", "open-tag", (2, 1)),
        ("<p>Hi\n <style>p { color: red } <p>you", "open-element", (2, 2)),
        ("<p>Hi\n <title>News <p>you</p>", "open-element", (2, 2)),
        ("<p>Hi\n <textarea>x <p>you</p>", "open-element", (2, 2)),
    ] {
        let found = remarks(html);
        let opens: Vec<_> = found.iter().filter(|(check, _)| check.starts_with("open-")).collect();
        assert_eq!(opens, [&(check, Some(at))], "{html}: {found:?}");
    }
    for html in [
        "<title>News</title><style>p{}</STYLE ><script>if (a < b) {}</script><!-- x --><![endif]--><p>1 < 2",
        "<a href=\"{% if a > b %}https://a.example{% else %}<x{% endif %}\" title=\"a > <b>b</b>\">x</a><br/><style/>",
        "<p title='<b>x</b>' class=a>x</p><a href=\"<%= url %>\">y</a><a {% if n %}class=\"x\">{% else %}>{% endif %}z</a>",
    ] {
        let found = remarks(&format!("{html}{REST}"));
        assert!(found.iter().all(|(check, _)| !check.starts_with("open-")), "{html}: {found:?}");
    }
}

#[test]
fn a_letter_of_pictures_is_told_and_a_short_one_is_not() {
    const OUT: &str = "<a href=\"https://acme.example/unsubscribe\">Unsubscribe here</a>";
    let is_told = |html: &str| remarks(html).iter().any(|(check, _)| *check == "image-only");
    let picture = "<title>Spring sale</title><img src=\"https://acme.example/1.png\" alt=\"Half price\">";
    for text in ["", "<p style=\"display:none\">Half price in all our shops</p>", "<p>&nbsp;</p>"] {
        assert!(is_told(&format!("{picture}{text}{OUT}")), "{text}");
    }
    for text in ["<p>Sale!</p>", "<p>Half price</p>", "{{ email }}", "<p>All shops, {{ first_name }}"] {
        assert!(!is_told(&format!("{picture}{text}{OUT}")), "{text}");
    }
    assert!(!is_told(OUT));
}

#[test]
fn addresses_of_style_sheets_lead_somewhere_too() {
    let html = "<style>\np { background: url(bg.png) } @font-face { src: url('f.woff2') }\n@namespace url(http://www.w3.org/1999/xhtml);\n\
                v\\:* { behavior: url(#default#VML) }</style>\n<td style=\"background:url('td.png')\" background=\"td.png\">\
                <p style=\"background: url({{ email }}) url(https://acme.example/x.png) url(data:image/png;base64,x)\">";
    let found = remarks(&format!("{html}{REST}"));
    let told: Vec<_> = found.iter().filter(|(check, _)| *check != "unsubscribe-link").collect();
    let at = |line, column| ("relative-link", Some((line, column)));
    assert_eq!(told, [&at(5, 50), &at(2, 21), &at(2, 54), &at(5, 28)], "{found:?}");
}

#[test]
fn what_a_web_editor_leaves_in_is_told_once_with_what_to_do() {
    let columns = ["email".to_owned(), "First Name".to_owned()];
    let told = |html: &str| {
        let spec = Spec {
            html: Some(Source { file: "l.html".into(), text: format!("{html}{REST}") }),
            unsubscribe_url: Some("https://acme.example/u".into()),
            ..Spec::default()
        };
        let written = Manuscript::of(&spec);
        let letter = Letter {
            spec: &spec,
            written: &written,
            columns: &columns,
            way: Way::Unknown,
            preheader: None,
            is_transactional: false,
        };
        look_at(&letter).into_iter().map(|remark| (remark.check, remark.hint)).collect::<Vec<_>>()
    };
    for (html, check, hint) in [
        ("<a href=\"*|ARCHIVE|*\">x</a>", "foreign-tag", "there is no page of the letter on the web"),
        ("<a href=\"*|UNSUB|*\">x</a>", "foreign-tag", "write {{ unsubscribe_url }}"),
        ("<p>*|LIST:COMPANY|*</p>", "foreign-tag", "write what the list is called"),
        ("<title>*|MC:SUBJECT|*</title>", "foreign-tag", "take it out: keys of the campaign say it"),
        ("<p>*|IFNOT:ARCHIVE_PAGE|*</p>", "foreign-tag", "write {% if true %}; `posthaste convert"),
        ("<p>*|CITY|*</p>", "foreign-tag", "write {{ name }} with the name of a column"),
        ("<a href=\"[[link]]\">x</a>", "foreign-tag", "write {{ name }}"),
        ("<a href=\"{# not translated: *|ARCHIVE|* #}\">x</a>", "untranslated", "write what is meant"),
        ("<a href=\"https://viewstripo.email/\">x</a>", "placeholder", "write where it leads"),
        ("<img alt=\"\" src=\"http://www.example.com/x.png\">", "placeholder", "write where it leads"),
        ("<title>New email template 2026-11-29</title>", "placeholder", ""),
        ("<a href=\"{optout_page}\">x</a>", "foreign-tag", "write {{ unsubscribe_url }}"),
        ("<a href=\"[page:leave]\">Unsubscribe</a>", "foreign-tag", "write {{ unsubscribe_url }}"),
        ("<a href=\"{some_page}\">x</a>", "foreign-tag", "write {{ name }} with the name of a column"),
    ] {
        let found = told(html);
        let found: Vec<_> = found.iter().filter(|(check, _)| *check != "http-link").collect();
        assert!(
            matches!(found.as_slice(), [(one, mend)] if *one == check && mend.starts_with(hint)),
            "{html}: {found:?}"
        );
    }
    let pixel = "<img src=\"https://acme.example/o.gif?{{ email }}\" width=\"1\" height=1>";
    assert_eq!(told(pixel), [], "nobody reads what a pixel shows");
    let many = told(&"<p>*|FNAME|*</p>".repeat(9));
    assert!(many.last().is_some_and(|(_, hint)| hint.contains("convert FILE --from mailchimp")), "{many:?}");
    let many = told(&"<p>##FNAME##</p>".repeat(9));
    assert!(many.last().is_some_and(|(_, hint)| hint == "look for all that has the same form"), "{many:?}");
}
