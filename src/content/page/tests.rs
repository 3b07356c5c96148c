//! What becomes of a letter's HTML, and that its template tags come out as they went in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod embedded;
mod live;
mod notes;
mod spoken;

use super::super::compose::{Composed, Composer, RowRef, Scratch};
use super::*;
use crate::base::clock::UnixTime;

/// Files by their names.
struct Shelf(Vec<(&'static str, Vec<u8>)>);

impl Files for Shelf {
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, octets)| octets.clone()).ok_or_else(|| "there is no such file".to_owned())
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn shelf() -> Shelf {
    Shelf(vec![
        ("logo.png", PNG.to_vec()),
        ("a b.png", PNG.to_vec()),
        ("page.txt", b"no picture".to_vec()),
        ("style.css", b"p{color:red}".to_vec()),
        ("foot.mjml", b"<mj-section><mj-column><mj-text>Bye {{ first }}</mj-text></mj-column></mj-section>".to_vec()),
        ("self.mjml", b"<mj-include path=\"self.mjml\" />".to_vec()),
        ("bad.mjml", b"<mj-section>\n  <mj-wrong/>\n</mj-section>".to_vec()),
    ])
}

fn spec(file: &str, html: &str) -> Spec {
    Spec {
        name: "spring".into(),
        from: "Acme <news@acme.example>".into(),
        subject: "Hello".into(),
        html: Some(Source { file: file.into(), text: html.into() }),
        unsubscribe_url: Some("https://acme.example/u/{{ token }}".into()),
        ..Spec::default()
    }
}

fn treated_as(file: &str, html: &str, wanted: &Treatment) -> Spec {
    let mut spec = spec(file, html);
    treat(&mut spec, wanted, &mut shelf());
    spec
}

fn html_of(html: &str, wanted: &Treatment) -> String {
    let spec = treated_as("w.html", html, wanted);
    assert_eq!(spec.errors, [], "{html}");
    spec.html.unwrap().text
}

fn errors_of(file: &str, html: &str, wanted: &Treatment) -> Vec<String> {
    let columns = ["email", "first", "url", "n"].map(str::to_owned);
    let spec = treated_as(file, html, wanted);
    Composer::compile(spec, &columns, "email").unwrap_err().iter().map(ToString::to_string).collect()
}

fn utm() -> Treatment {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Treatment { utm: vec![pair("source", "news letter"), pair("campaign", "{{ campaign }}")], ..Treatment::default() }
}

fn text_of(html: &str) -> String {
    let wanted = Treatment { text: true, ..Treatment::default() };
    let spec = treated_as("w.html", html, &wanted);
    assert_eq!(spec.errors, [], "{html}");
    spec.text.map(|text| text.text).unwrap_or_default()
}

/// The whole message of a row of `email,first,url,n`, compiled with this treatment, without its soft line breaks.
fn message(html: &str, wanted: &Treatment, row: [&str; 4]) -> String {
    let columns = ["email", "first", "url", "n"].map(str::to_owned);
    let spec = treated_as("w.html", html, wanted);
    let composer = Composer::compile(spec, &columns, "email").unwrap_or_else(|errors| panic!("{errors:?}"));
    let fields: Vec<&[u8]> = composer.columns_used().iter().map(|&column| row[column].as_bytes()).collect();
    let mut out = Composed::default();
    let row = RowRef { number: 0, mailbox: row[0], fields: &fields };
    composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).unwrap();
    String::from_utf8(out.content).unwrap().replace("=\r\n", "").replace("=3D", "=").replace("\r\n", "\n")
}

/// A page with a tag of the template in every place.
const EVERYWHERE: &str = "<!DOCTYPE html>\n<html lang=\"{{ lang }}\"><head><title>{{ t }}</title>\n\
    <style>{# c #}p.x { color: {{ brand }}; } @media (max-width:600px) { p { margin: {{ m }}px !important } }</style>\n\
    <style>{% if dark %}p { background: black }{% endif %}{% raw %}#id{color:{{x}}}{% endraw %}</style></head>\n\
    <body {% if a %}class=\"b\"{% else %}bgcolor='{{ c }}'{% endif %}>\n\
    <!-- {% if hidden %} --><p class=\"x\" style=\"margin:0;{% if y %}padding:{{ p }}px{% endif %}\">{{ first|default(\"a > b\") }}</p><!-- {% endif %} -->\n\
    <!--[if mso]><v:rect href=\"{{ url }}\" style=\"width:{{ w }}px\"><![endif]-->\n\
    <table>{% for r in rows %}<tr><td width={{ r.w }}>{{ r }}</td></tr>{% else %}{# none #}{% endfor %}</table>\n\
    <a href=\"https://acme.example/{{ path }}?a={{ a }}#{{ f }}\">go</a> <a href='{{ url }}'>to</a>\n\
    <img src=\"{{ pic }}\" alt=\"{{ alt }}\"><p class=x>{% raw %}{{ no tag }}{% endraw %}</p>\n\
    jqzx1z</body></html>\n";

fn tags_in(text: &str) -> Vec<String> {
    let mut tags = Tags::default();
    let written = Written::new(Place::File("x".into()), text);
    let hidden = tags.hide(&written).unwrap();
    let mut found: Vec<String> = tags.words(&hidden.text).map(|(_, tag)| tag.text.clone()).collect();
    found.sort();
    found
}

#[test]
fn what_is_not_asked_for_changes_nothing() {
    assert_eq!(html_of(EVERYWHERE, &Treatment::default()), EVERYWHERE);
    let text = Treatment { text: true, ..Treatment::default() };
    assert_eq!(html_of(EVERYWHERE, &text), EVERYWHERE);
}

#[test]
fn tags_of_the_template_survive_everything_wherever_they_stand() {
    let base = Treatment { base_url: Some("https://acme.example/n".into()), ..Treatment::default() };
    let embed = Treatment { embed_images: true, ..Treatment::default() };
    let preheader = Treatment { preheader: Some("Only today".into()), ..Treatment::default() };
    for wanted in [base, embed, preheader] {
        let mut tags = tags_in(&html_of(EVERYWHERE, &wanted));
        tags.retain(|tag| !tag.starts_with("{% filter __absolute(") && tag != "{% endfilter %}");
        assert_eq!(tags, tags_in(EVERYWHERE), "{wanted:?}");
    }
    // Those of a rule come again where it is inlined: no more than that, and all else stays.
    let inlined = html_of(EVERYWHERE, &Treatment { inline_css: true, ..Treatment::default() });
    let mut more = tags_in(&inlined);
    for tag in tags_in(EVERYWHERE) {
        more.remove(more.iter().position(|other| *other == tag).unwrap_or_else(|| panic!("{tag} is gone")));
    }
    assert_eq!(more, ["{{ brand }}", "{{ brand }}"], "{inlined}");
    assert!(inlined.contains("<p style=\"color: {{ brand }}\" class=x>"), "{inlined}");
    let own = "style=\"color: {{ brand }}; margin:0;{% if y %}padding:{{ p }}px{% endif %}\"";
    assert!(inlined.contains(own), "{inlined}");
    let marked = html_of(EVERYWHERE, &utm());
    let filter = "{% filter __marked(\"utm_source=news%20letter&utm_campaign=\" ~ ((campaign)|urlencode)) %}";
    assert_eq!(marked.matches(filter).count(), 3, "{marked}");
    for tag in tags_in(EVERYWHERE) {
        assert!(marked.contains(&tag), "{tag}: {marked}");
    }
}

#[test]
fn styles_are_inlined_and_stay() {
    let wanted = Treatment { inline_css: true, ..Treatment::default() };
    let page = "<style>p{color:red}a:hover{color:blue}@media (prefers-color-scheme: dark){p{color:#fff}}</style>\
                <!--[if mso]><p class=mso></p><style>p{color:green}</style><![endif]--><P CLASS='a'>x<p style='margin:0'>y<a>z</a>";
    assert_eq!(
        html_of(page, &wanted),
        page.replace("<P CLASS", "<P style=\"color: red\" CLASS").replace("'margin:0'", "'color: red; margin:0'")
    );
    let file = "<link rel=\"stylesheet\" href=\"style.css\"><link rel=stylesheet href=https://fonts.example/x><p>x";
    let made = html_of(file, &wanted);
    let expected =
        "<style>p{color:red}</style><link rel=stylesheet href=https://fonts.example/x><p style=\"color: red\">x";
    assert_eq!(made, expected);
    // The important stays so, print stays out, quotes stay whole.
    let page = "<style media=print>p{color:red}</style><style>p{font-family:\"A B\",x}td{width:1px!important}</style>\
                <p style='x:y'><table><tr><td style=\"width:2px\">";
    let made = html_of(page, &wanted);
    assert!(!made.contains("style='color"), "{made}");
    let values = tags_free_styles(&made);
    assert!(values.iter().any(|value| value.contains("A B") && value.ends_with("; x:y")), "{values:?}");
    assert!(values.iter().any(|value| value.contains("!important; width:2px")), "{values:?}");
}

fn tags_free_styles(page: &str) -> Vec<String> {
    scan::scan(page)
        .into_iter()
        .filter_map(|token| match token {
            scan::Token::Start(start) => Some(start.value(page, "style").to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_style_cannot_take_is_told_with_its_place() {
    let wanted = Treatment { inline_css: true, ..Treatment::default() };
    let page = "<style>p{color:red}</style>\n<p {% if n %}style=\"margin:0\"{% endif %}>x";
    let errors = errors_of("w.html", page, &wanted);
    assert!(errors.len() == 1 && errors[0].starts_with("w.html:2:14: a style attribute that is there"), "{errors:?}");
    let errors = errors_of("w.html", "<p>\n <link rel=stylesheet href='none.css'>", &wanted);
    assert!(errors[0].starts_with("w.html:2:29: the style sheet `none.css` cannot be read"), "{errors:?}");
    let mut spec = spec("w.html", "<p>\n<style>{% if n %}p{color:red}{% endif %}</style><p>");
    let notes = treat(&mut spec, &wanted, &mut shelf()).notes;
    let told: Vec<_> = notes.iter().map(|note| (note.check, note.position)).collect();
    assert_eq!(told, [("style-kept", Some((2, 8)))], "{notes:?}");
    assert_eq!(spec.html.unwrap().text, "<p>\n<style>{% if n %}p{color:red}{% endif %}</style><p>");
}

#[test]
fn links_are_marked_where_they_lead_to_the_web() {
    let query = "utm_source=news%20letter&amp;utm_campaign={{ (campaign)|urlencode }}";
    for (href, marked) in [
        ("https://a.example", format!("https://a.example?{query}")),
        ("HTTP://a.example/?b=1", format!("HTTP://a.example/?b=1&amp;{query}")),
        ("https://a.example/#top", format!("https://a.example/?{query}#top")),
        ("https://a.example/?a&amp;b=&#38;c#d", format!("https://a.example/?a&amp;b=&#38;c&amp;{query}#d")),
        ("https://a.example/?", format!("https://a.example/?{query}")),
        (
            "https://a.example/{{ n|urlencode }}#{{ n }}",
            format!("https://a.example/{{{{ n|urlencode }}}}?{query}#{{{{ n }}}}"),
        ),
        ("https://a.example/{{ token }}", format!("https://a.example/{{{{ token }}}}?{query}")),
    ] {
        assert_eq!(html_of(&format!("<a href=\"{href}\">x"), &utm()), format!("<a href=\"{marked}\">x"));
    }
    for href in [
        "mailto:a@b.example",
        "tel:+1",
        "#top",
        "sms:1",
        "https://a.example/?utm_source=b",
        "{{ unsubscribe_url }}",
        "https://acme.example/u/{{ token }}",
        "page.html",
        "",
        "cid:x",
        "javascript:x",
    ] {
        let page = format!("<a href=\"{href}\">x");
        assert_eq!(html_of(&page, &utm()), page);
    }
    assert_eq!(
        html_of("<link href=\"https://a.example\"><img src=\"https://a.example\">", &utm()).matches("utm").count(),
        0
    );
    let unquoted = html_of("<a href=https://a.example>x", &utm());
    assert_eq!(unquoted, format!("<a href=\"https://a.example?{query}\">x"));
}

#[test]
fn marked_links_say_what_the_row_says() {
    let page = "<a href=\"{{ url }}\">x</a> <a href=\"https://a.example/{{ n }}\">y</a>";
    for (url, shown) in [
        ("https://b.example/?a=1#c", "https://b.example/?a=1&amp;utm_source=news%20letter&amp;utm_campaign=spring#c"),
        ("https://b.example", "https://b.example?utm_source=news%20letter&amp;utm_campaign=spring"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("https://b.example/?utm_source=x", "https://b.example/?utm_source=x"),
    ] {
        let message = message(page, &utm(), ["ann@a.example", "Ann", url, "7"]);
        assert!(message.contains(&format!("<a href=\"{shown}\">x")), "{message}");
        let other = "https://a.example/7?utm_source=news%20letter&amp;utm_campaign=spring";
        assert!(message.contains(&format!("<a href=\"{other}\">y")), "{message}");
    }
}

#[test]
fn links_of_a_text_are_marked_too() {
    let query = "utm_source=news%20letter&utm_campaign={{ (campaign)|urlencode }}";
    for html in [None, Some(Source { file: "w.html".into(), text: "<p>x".into() })] {
        let text = "See https://a.example/b?c=1#d. (http://e.example)\nOr {{ unsubscribe_url }}, or {{ first }}.\n";
        let text = Some(Source { file: "w.txt".into(), text: text.into() });
        let mut spec = Spec { html, text, ..spec("w.html", "") };
        treat(&mut spec, &utm(), &mut shelf());
        assert_eq!(
            spec.text.unwrap().text,
            format!(
                "See https://a.example/b?c=1&{query}#d. (http://e.example?{query})\nOr {{{{ unsubscribe_url }}}}, or {{{{ first }}}}.\n"
            )
        );
    }
}

#[test]
fn relative_addresses_are_completed() {
    let wanted = Treatment { base_url: Some("https://acme.example/news".into()), ..Treatment::default() };
    for (page, made) in [
        ("<img src=\"a.png\">", "<img src=\"https://acme.example/news/a.png\">"),
        ("<img src=./img/a.png>", "<img src=\"https://acme.example/news/img/a.png\">"),
        ("<img src='/a.png'>", "<img src='https://acme.example/a.png'>"),
        ("<a href=\"../b?c=1\">", "<a href=\"https://acme.example/b?c=1\">"),
        ("<img src=\"//cdn.example/a.png\">", "<img src=\"https://cdn.example/a.png\">"),
        ("<td background=\"a.png\">", "<td background=\"https://acme.example/news/a.png\">"),
        ("<td style=\"background:url('a.png')\">", "<td style=\"background:url('https://acme.example/news/a.png')\">"),
        (
            "<style>p{background:url( a.png )}</style>",
            "<style>p{background:url( https://acme.example/news/a.png )}</style>",
        ),
        (
            "<img srcset=\"a.png 1x, b.png 2x\">",
            "<img srcset=\"https://acme.example/news/a.png 1x, https://acme.example/news/b.png 2x\">",
        ),
        (
            "<!--[if mso]><v:fill src=\"a.png\"/><![endif]-->",
            "<!--[if mso]><v:fill src=\"https://acme.example/news/a.png\"/><![endif]-->",
        ),
        ("<img src=\"img/{{ n }}.png\">", "<img src=\"https://acme.example/news/img/{{ n }}.png\">"),
    ] {
        assert_eq!(html_of(page, &wanted), made);
    }
    for page in [
        "<a href=\"#top\">",
        "<a href=\"mailto:a@b.example\">",
        "<a href=\"{{ unsubscribe_url }}\">",
        "<img src=\"cid:x\">",
        "<img src=\"data:image/png;base64,x\">",
        "<a href=\"https://x.example\">",
        "<a name=\"x\">",
    ] {
        assert_eq!(html_of(page, &wanted), page);
    }
    for base in ["acme.example", "ftp://acme.example", "https://", "https://a.example/?b", "https://{{ n }}"] {
        let wanted = Treatment { base_url: Some(base.into()), ..Treatment::default() };
        let errors = errors_of("w.html", "<p>x", &wanted);
        assert!(errors[0].starts_with("campaign key `base_url`: this is no address"), "{errors:?}");
    }
}

#[test]
fn local_pictures_go_along_once() {
    let wanted =
        Treatment { embed_images: true, base_url: Some("https://acme.example".into()), ..Treatment::default() };
    let page = "<img src=\"logo.png\"><td background='./logo.png'><img src=\"https://x.example/a.png\">\
                <p style=\"background:url(a%20b.png)\"><a href=\"logo.png\"><img src=\"{{ url }}\"><img src=\"cid:mine\">";
    let spec = treated_as("w.html", page, &wanted);
    assert_eq!(spec.errors, []);
    assert_eq!(
        spec.html.unwrap().text,
        "<img src=\"cid:logo-1.png\"><td background='cid:logo-1.png'><img src=\"https://x.example/a.png\">\
         <p style=\"background:url(cid:a-b-2.png)\"><a href=\"https://acme.example/logo.png\"><img src=\"{{ url }}\"><img src=\"cid:mine\">"
    );
    let parts: Vec<_> = spec
        .attachments
        .iter()
        .map(|p| (p.file_name.as_str(), p.media_type.as_str(), p.inline_id.as_deref()))
        .collect();
    assert_eq!(parts, [("logo.png", "image/png", Some("logo-1.png")), ("a b.png", "image/png", Some("a-b-2.png"))]);

    let page = "<img src=\"logo.png\">\n <img src=\"none.png\"><img src=\"page.txt\">\n<img src=\"{{ n }}x\"><img src=\"x{{ n }}\">";
    let errors = errors_of("w.html", page, &wanted);
    let places: Vec<_> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["w.html:2:12", "w.html:2:32", "w.html:3:31"], "{errors:?}");
}

#[test]
fn a_preheader_is_hidden_and_alone() {
    let wanted = Treatment { preheader: Some("{{ first }}, 2 < 3 & more".into()), text: true, ..Treatment::default() };
    let page = "<html><body class=\"x\"><p>Hello</p></body></html>";
    let spec = treated_as("w.html", page, &wanted);
    let html = spec.html.unwrap().text;
    assert!(html.starts_with("<html><body class=\"x\"><div style=\"display:none"), "{html}");
    assert!(html.contains(">{{ first }}, 2 &lt; 3 &amp; more&#847;"), "{html}");
    assert_eq!(spec.text.unwrap().text, "Hello\n");
    let errors =
        errors_of("w.html", page, &Treatment { preheader: Some("Hi {{ frist }}".into()), ..Treatment::default() });
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("campaign key `preheader`, column 7: "), "{errors:?}");
}

#[test]
fn everything_wrong_is_told_at_once_and_once() {
    let wanted = Treatment { embed_images: true, text: true, inline_css: true, ..utm() };
    let page = "<style>p{color:red}</style>\n<p>{{ frist }}<img src='none.png'>\n<a href=\"{{ urll }}\">x</a>";
    let errors = errors_of("w.html", page, &wanted);
    let places: Vec<_> = errors.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["w.html:2:25", "w.html:2:7", "w.html:3:13"], "{errors:?}");
    let wanted = Treatment { utm: vec![("source".into(), "{% if n %}a{% endif %}".into())], ..Treatment::default() };
    let errors = errors_of("w.html", "<p>", &wanted);
    assert!(errors[0].starts_with("campaign key `links.utm.source`: only {{"), "{errors:?}");
}

#[test]
fn a_tag_without_its_end_is_for_the_template() {
    let wanted = Treatment { embed_images: true, text: true, inline_css: true, ..utm() };
    let errors = errors_of("w.html", "<p>\n{{ first", &wanted);
    assert!(errors.len() == 1 && errors[0].starts_with("w.html:2:"), "{errors:?}");
}

#[test]
fn the_text_says_what_the_html_says() {
    for (html, text) in [
        ("<p>Hello  <b>you</b>,\n there</p><p>Bye</p>", "Hello you, there\n\nBye\n"),
        ("<h1>News</h1><ul><li>a</li><li>b</li></ul>x", "News\n\n* a\n* b\n\nx\n"),
        ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b\n"),
        ("a<br>b<br><br>c", "a\nb\n\nc\n"),
        (
            "<table><tr><td>Beans</td><td>2</td><td>5 &euro;</td></tr><tr><td>Milk</td><td></td><td>1 &euro;</td></tr></table>",
            "Beans | 2 | 5 \u{20ac}\nMilk | 1 \u{20ac}\n",
        ),
        ("<table><tr><td><table><tr><td><h1>A</h1><p>b</p></td></tr></table></td></tr></table>", "A\n\nb\n"),
        ("<a href=\"https://a.example/?b=1&amp;c=2\">Shop</a> now", "Shop <https://a.example/?b=1&c=2> now\n"),
        ("<a href=\"https://a.example\">https://a.example</a>", "https://a.example\n"),
        (
            "<a href=\"mailto:a@b.example?subject=x\">Write</a> <a href=\"mailto:c@d.example\">c@d.example</a>",
            "Write <a@b.example> c@d.example\n",
        ),
        ("<a href=\"tel:+1555\">+1 555</a> <a href=\"#top\">up</a>", "+1 555 up\n"),
        (
            "<a href=\"https://a.example\"><img src=x alt=\"Shop\"></a> <img alt=\"A dog\">",
            "Shop <https://a.example> [A dog]\n",
        ),
        ("<a href=\"https://a.example\"><img src=x></a>", "<https://a.example>\n"),
        ("<title>t</title><style>p{}</style><p>x<!-- c --><!--[if mso]><p>m</p><![endif]--></p>", "x\n"),
        ("<div style=\"display: none\">pre<div>more</div></div><span hidden>h</span>x", "x\n"),
        ("<style>.pre{display:none}</style><span class=\"pre\">pre</span>x", "x\n"),
        (
            "<p>a</p><STYLE media=x>p > b{}</STYLE ><svg><style>c{}</style></svg><style>{% if d %}e{}{% endif %}",
            "a\n\n{% if d %}{% endif %}\n",
        ),
        ("<img src=x width=1 height=1 alt=\"open\">x&nbsp;y&zwnj;&nbsp;", "x y\u{200c}\n"),
        ("<p>a &lt;b&gt; {# c #}&#123;&#123; x }}</p>", "a <b> {{ \"{\" }}{ x }}\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("a<hr>b", "a\n\n---\n\nb\n"),
        ("<p>1</p><p>&nbsp;</p><p>&zwnj;&#847; </p><p>2</p>", "1\n\n2\n"),
    ] {
        assert_eq!(text_of(html), text, "{html}");
    }
}

#[test]
fn branches_and_loops_stay_in_the_text() {
    for (html, text) in [
        ("<p>Hello {{ first }}</p>", "Hello {{ first }}\n"),
        ("<p>One</p>{% if n %}<p>Two</p>{% endif %}<p>Three</p>", "One\n\n{% if n %}Two\n\n{% endif %}Three\n"),
        ("Hello {% if n %}dear {% endif %}friend", "Hello {% if n %}dear {% endif %}friend\n"),
        (
            "<p>x</p><td>{% if n %}Dear {{ first }}{% else %}Dear friend{% endif %}, hi</td>",
            "x\n\n{% if n %}Dear {{ first }}{% else %}Dear friend{% endif %}, hi\n",
        ),
        (
            "Do:<ul>{% for r in n %}<li>{{ r }}</li>{% endfor %}</ul>Bye",
            "Do:\n\n{% for r in n %}* {{ r }}\n{% endfor %}\nBye\n",
        ),
        (
            "<table>{% for r in n %}<tr><td>{{ r }}</td><td>2</td></tr>{% endfor %}</table><p>x",
            "{% for r in n %}{{ r }} | 2\n{% endfor %}\nx\n",
        ),
        ("<!-- {% if n %} --><p>a</p><!-- {% endif %} -->b", "{% if n %}a\n\n{% endif %}b\n"),
        (
            "<a {% if n %}href=\"https://a.example\"{% else %}href=\"{{ url }}\"{% endif %}>go</a>",
            "go{% filter __beside(\" \") %}{% if n %}https://a.example{% else %}{{ url }}{% endif %}{% endfilter %}\n",
        ),
        ("<p>{{ first|safe }} {{ url | e }} {{ n|upper }}</p>", "{{ (first)|striptags }} {{ url }} {{ n|upper }}\n"),
        ("<div style=\"display:none\">{% set a = 1 %}{{ a }}</div>{{ a }}", "{% set a = 1 %}{{ a }}\n"),
        ("<p>{% raw %}{{ x }}{% endraw %}</p>", "{{ \"{\" }}{ x }}\n"),
    ] {
        assert_eq!(text_of(html), text, "{html}");
    }
}

#[test]
fn a_letter_has_a_text_only_where_it_is_wanted() {
    let none = treated_as("w.html", "<p>x", &Treatment::default());
    assert_eq!(none.text, None);
    let wanted = Treatment { text: true, ..Treatment::default() };
    let own = Some(Source { file: "w.txt".into(), text: "mine".into() });
    let mut spec = Spec { text: own.clone(), ..spec("w.html", "<p>x") };
    treat(&mut spec, &wanted, &mut shelf());
    assert_eq!(spec.text, own);
    assert_eq!(treated_as("w.html", "<img src=x>", &wanted).text, None, "nothing to say");
    let message = message("<p>H\u{e9} {{ first }} &amp; you</p>", &wanted, ["a@a.example", "Ann <3", "", ""]);
    assert!(message.contains("H=C3=A9=20Ann <3 & you\n"), "{message}");
    assert!(message.contains("<p>H=C3=A9=20Ann &lt;3 &amp; you</p>"), "{message}");
}

#[test]
fn mjml_becomes_html() {
    let wanted = Treatment { text: true, ..utm() };
    let letter = "<mjml>\n<mj-head><mj-title>{{ first }}</mj-title><mj-style>.x { color: {{ n }} }</mj-style>\
        <mj-style inline=\"inline\">.y { color: red }</mj-style></mj-head>\n<mj-body>\n{% if n %}\n<mj-section background-color=\"{{ n }}\">\n\
        <mj-column>{% for a in n %}<mj-text>Hello {{ first|default(\"you\") }}, <b class=\"y\">now</b>{% if n %} and {% endif %}</mj-text>{% endfor %}\n\
        <mj-button href=\"https://a.example/{{ n }}\">Go</mj-button><mj-raw><!-- {# c #} --></mj-raw></mj-column>\n</mj-section>\n{% endif %}\n\
        <mj-include path=\"./foot.mjml\" />\n</mj-body></mjml>\n";
    let spec = treated_as("w.mjml", letter, &wanted);
    assert_eq!(spec.errors, []);
    let html = spec.html.unwrap().text;
    for part in [
        "<title>{{ first }}</title>",
        ".x { color: {{ n }} }",
        "Hello {{ first|default(\"you\") }}, <b",
        "{% if n %} and {% endif %}",
        "href=\"{% filter __marked(\"utm_source=news%20letter&utm_campaign=\" ~ ((campaign)|urlencode)) %}https://a.example/{{ n }}{% endfilter %}\"",
        "{% for a in n %}",
        "{% endfor %}",
        "Bye {{ first }}",
        "background-color:{{ n }}",
        "style=\"color: red\"",
        "{# c #}",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<mj-"), "{html}");
    let text = spec.text.unwrap().text;
    assert!(text.contains("Hello {{ first|default(\"you\") }}, now{% if n %} and {% endif %}"), "{text}");
    assert!(
        text.contains(
            "Go <{% filter __marked(\"utm_source=news%20letter&utm_campaign=\" ~ ((campaign)|urlencode)) %}https://a.example/{{ n }}{% endfilter %}>"
        ),
        "{text}"
    );
    assert!(text.ends_with("Bye {{ first }}\n"), "{text}");
}

#[test]
fn wrong_mjml_is_told_with_its_place() {
    let plain = Treatment::default();
    let whole = |inside: &str| format!("<mjml>\n<mj-body>\n{inside}\n</mj-body>\n</mjml>");
    for (letter, place) in [
        (
            whole("  <mj-section><mj-column><mj-wrong/></mj-column></mj-section>"),
            "w.mjml:3:26: MJML has no element `mj-wrong`\nhint: write HTML",
        ),
        (
            whole("<mj-section><mj-column><mj-imgae/></mj-column></mj-section>"),
            "w.mjml:3:24: MJML has no element `mj-imgae`\nhint: did you mean `mj-image`",
        ),
        (whole("  <mj-section>{{ n }}<mj-column></mj-section>"), "w.mjml:3:22: `<mj-column>` is not closed"),
        (
            whole("<mj-section><mj-column><mj-text>\n<p>x</mj-text></mj-column></mj-section>"),
            "w.mjml:4:1: `<p>` is not closed",
        ),
        (whole("</mj-section>"), "w.mjml:3:1: `</mj-section>` closes nothing"),
        (whole("<mj-section><mj-text foo=\"a\"b></mj-text></mj-section>"), "w.mjml:3:"),
        (whole("  <mj-include path=\"none.mjml\" />"), "w.mjml:3:3: `none.mjml` cannot be included"),
        (whole("<mj-include path=\"self.mjml\" />"), "self.mjml:1:1: `self.mjml` is one file too many"),
        (whole("<mj-include path=\"bad.mjml\" />"), "bad.mjml:2:"),
        (whole("<mj-include />"), "w.mjml:3:1: mj-include has no path"),
        ("<p>Hello</p>".to_owned(), "w.mjml:1:"),
        ("<mjml><mj-body></mj-body>".to_owned(), "w.mjml:1:1: `<mjml>` is not closed"),
        (String::new(), "w.mjml"),
        (
            whole("<mj-section><mj-column><mj-text>\n {{ frist }}</mj-text></mj-column></mj-section>"),
            "w.mjml:4:5: no column",
        ),
    ] {
        let errors = errors_of("w.mjml", &letter, &plain);
        assert!(errors.iter().any(|error| error.starts_with(place)), "{letter}\n{errors:?}");
        assert!(errors.len() == 1, "{letter}\n{errors:?}");
    }
    let preview = "<mjml><mj-head>\n<mj-preview>x</mj-preview></mj-head><mj-body></mj-body></mjml>";
    let errors = errors_of("w.mjml", preview, &Treatment { preheader: Some("y".into()), ..plain });
    assert!(errors[0].starts_with("w.mjml:2:1: the letter has an mj-preview"), "{errors:?}");
}

#[test]
fn a_row_that_fails_is_told_where_people_wrote() {
    let columns = ["email", "first", "url", "n"].map(str::to_owned);
    let letter = "<mjml><mj-body>\n<mj-section><mj-column><mj-text>\n\n{{ first|round }}</mj-text></mj-column></mj-section></mj-body></mjml>";
    let composer = Composer::compile(treated_as("w.mjml", letter, &Treatment::default()), &columns, "email").unwrap();
    let row = RowRef { number: 0, mailbox: "a@a.example", fields: &[b"Ann"] };
    let error = composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut Composed::default()).unwrap_err();
    assert!(error.to_string().starts_with("w.mjml, line 4: "), "{error}");
}

#[test]
fn files_that_the_letter_reads_are_treated_with_it() {
    let file = |name: &str, text: &str| (name.to_owned(), Ok(Source { file: name.to_owned(), text: text.to_owned() }));
    let base = "<style>p{color:red}.h{display:none}</style><body>{% block main %}{% endblock %}{% include 'foot.html' %}</body>";
    let foot = "<p>Bye <a href=\"https://a.example\">{{ first }}</a><img src=\"logo.png\"><i class=h>x</i></p>";
    let letter = "{% extends \"base.html\" %}{% block main %}<p>Hello</p>{% endblock %}";
    let pair = ("source".to_owned(), "mail".to_owned());
    let wanted = Treatment {
        text: true,
        inline_css: true,
        preheader: Some("Pre".into()),
        utm: vec![pair],
        embed_images: true,
        base_url: None,
    };
    let mut spec = Spec {
        partials: [file("base.html", base), file("foot.html", foot), file("other.txt", "<p>")].into(),
        ..spec("w.html", letter)
    };
    treat(&mut spec, &wanted, &mut shelf());
    assert_eq!(spec.errors, []);
    let text = |name: &str| spec.partials.get(name).and_then(|file| file.as_ref().ok()).unwrap().text.clone();
    assert_eq!(text("other.txt"), "<p>");
    assert!(text("base.html").contains("<body><div style=\"display:none"), "{}", text("base.html"));
    let expected = "<p style=\"color: red\">Bye <a href=\"https://a.example?utm_source=mail\">{{ first }}</a><img src=\"cid:logo-1.png\"><i style=\"display: none\" class=h>x</i></p>";
    assert_eq!(text("foot.html"), expected);
    assert_eq!(spec.attachments.len(), 1);
    assert_eq!(
        text("as-text/foot.html"),
        "Bye <https://a.example?utm_source=mail>\n".replace("Bye ", "Bye {{ first }} ")
    );
    let columns = ["email", "first"].map(str::to_owned);
    let html = spec.html.clone().unwrap().text;
    assert!(html.contains("<p style=\"color: red\">Hello</p>") && !html.contains("display:none"), "{html}");
    let composer = Composer::compile(spec, &columns, "email").unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut out = Composed::default();
    let row = RowRef { number: 0, mailbox: "a@a.example", fields: &[b"Ann"] };
    composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).unwrap();
    let message = String::from_utf8(out.content).unwrap().replace("=\r\n", "").replace("\r\n", "\n");
    assert!(message.contains("\n\nHello\n\nBye Ann <https://a.example?utm_source=3Dmail>\n"), "{message}");

    let mut spec = Spec {
        partials: [file("foot.html", "<p>\n{{ frist }}</p>")].into(),
        ..self::spec("w.html", "<p>{% include 'foot.html' %}")
    };
    treat(&mut spec, &wanted, &mut shelf());
    let errors = Composer::compile(spec, &columns, "email").unwrap_err();
    assert!(errors.len() == 1 && errors[0].to_string().starts_with("foot.html:2:4: "), "{errors:?}");
}
