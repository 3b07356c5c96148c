//! What the text part says of addresses, lists and pictures.

use super::*;

#[test]
fn an_address_says_in_the_text_what_it_says_in_its_attribute() {
    let query = "?price=1&currency=EUR&region=eu&section=2&copy=3";
    let page = format!("<a href=\"https://a.example/{query}\">Shop</a> <img src=x alt=\"a&section=1 &copy 2 &lt;\">");
    assert_eq!(text_of(&page), format!("Shop <https://a.example/{query}> [a&section=1 \u{a9} 2 <]\n"));
    let mjml = format!(
        "<mjml><mj-body><mj-section><mj-column><mj-button href=\"https://a.example/{query}\">Shop</mj-button>\
         </mj-column></mj-section></mj-body></mjml>"
    );
    let wanted = Treatment { text: true, ..utm() };
    for (file, page) in [("w.html", page), ("w.mjml", mjml)] {
        let text = treated_as(file, &page, &wanted).text.unwrap().text;
        assert!(text.contains(&format!("<https://a.example/{query}&utm_source=news%20letter&utm_")), "{text}");
    }
}

#[test]
fn items_of_lists_stand_in_lines_of_their_own_with_their_numbers() {
    for (html, text) in [
        // End tags may be left out.
        ("x<ul>{% for r in n %}<li>{{ r }}{% endfor %}</ul>y", "x\n\n{% for r in n %}* {{ r }}\n{% endfor %}\ny\n"),
        (
            "x<ul>{% for r in n %}{% if r %}<li>{{ r }}{% endif %}{% endfor %}</ul>y",
            "x\n\n{% for r in n %}{% if r %}* {{ r }}\n{% endif %}{% endfor %}\ny\n",
        ),
        ("x<p>{% for r in n %}<p>{{ r }}{% endfor %}<p>y", "x\n\n{% for r in n %}{{ r }}\n\n{% endfor %}y\n"),
        (
            "<table>{% for r in n %}<tr><td>{{ r }}<td>2{% endfor %}</table>y",
            "{% for r in n %}{{ r }}\n\n2\n\n{% endfor %}y\n",
        ),
        ("x<br>{% for r in n %}{{ r }}, {% endfor %}y", "x\n{% for r in n %}{{ r }}, {% endfor %}y\n"),
        ("<p>x</p>{% if n %}<p>y{% endif %}<p>z", "x\n\n{% if n %}y\n\n{% endif %}z\n"),
        (
            "<p>x</p>{% if n %}<p>Dear {{ n }}{% else %}<p>Hello{% endif %}, you",
            "x\n\n{% if n %}Dear {{ n }}{% else %}Hello{% endif %}, you\n",
        ),
        ("<ul><li></ul>x", "x\n"),
        // Lists in lists are moved in.
        ("<ul><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ul>", "* a\n  * b\n  * c\n* d\n"),
        ("<ol><li>a<ul><li>b<ol><li>c</ol></ul><li>d</ol>", "1. a\n   * b\n     1. c\n2. d\n"),
        // Numbers are those that the HTML shows.
        ("<ol start=\"9\"><li>a</li><li>b</li></ol>", "9. a\n10. b\n"),
        ("<ol start=-1><li>a<li value=5>b<li>c</ol>", "-1. a\n5. b\n6. c\n"),
        ("<ol reversed><li>a<li>b<li>c</ol>", "3. a\n2. b\n1. c\n"),
        ("<ol type=a start=26><li>x<li>y</ol><ol type=A><li>z</ol>", "z. x\n27. y\n\nA. z\n"),
        ("{% if n %}<ol><li>a<li>b</ol>{% endif %}", "{% if n %}1. a\n2. b\n\n{% endif %}\n"),
        ("<ol>{% for r in n %}<li>{{ r }}{% endfor %}<li>b</ol>", "{% for r in n %}* {{ r }}\n{% endfor %}* b\n"),
        ("<ol start=\"{{ n }}\"><li>a</ol>", "* a\n"),
    ] {
        assert_eq!(text_of(html), text, "{html}");
    }
}

#[test]
fn a_link_that_leads_nowhere_says_nothing_of_it() {
    for (html, text) in [
        ("<a href=\"\">x</a> <a href=\" \">y</a> <a>z</a> <a href>w</a>", "x y z w\n"),
        ("<a href=\"{# none #}\">x</a> <a href=\"mailto:\">y</a> <a href=\"tel:\">z</a>", "x y z\n"),
        ("<a href=\"{{ unsubscribe_url }}\">out</a>", "out <{{ unsubscribe_url }}>\n"),
        (
            "<a href=\"https://a.example\"><img src=x alt=\"\"></a> <a href=\"https://b.example\"><img src=y></a>\
             <p><a href=\"https://a.example\">Shop</a>",
            "<https://b.example>\n\nShop <https://a.example>\n",
        ),
        ("<a href=\"https://a.example/{{ n }}\">x</a>", "x <https://a.example/{{ n }}>\n"),
        ("<a href=\"{{ url }}\">x</a>", "x{{ (url)|__beside(\" \") }}\n"),
        ("<a href=\"mailto:{{ url }}?subject=a\">x</a>", "x{{ (url)|__beside(\" \") }}\n"),
        ("<a href=\"{{ url }}\"><img src=x></a>", "{{ (url)|__beside(\"\") }}\n"),
    ] {
        assert_eq!(text_of(html), text, "{html}");
    }
    let wanted = Treatment { text: true, ..Treatment::default() };
    let page =
        "<p>See <a href=\"{{ url }}\">this</a>, <a {% if n %}href=\"https://b.example\"{% endif %}>that</a>.</p>";
    for (url, n, said) in [
        ("https://a.example", "1", "See this <https://a.example>, that <https://b.example>.\n"),
        ("", "", "See this, that.\n"),
    ] {
        let message = message(page, &wanted, ["a@a.example", "Ann", url, n]);
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn no_length_makes_a_text_last() {
    for piece in ["<ol><li>x</ol>", "<a href=\"{{ n }}\">x</a>", "{% if n %}<li>x{% endif %}", "{{ n }} ", "{{ url }}"]
    {
        text_of(&piece.repeat(5_000));
        let text = Some(Source { file: "w.txt".into(), text: piece.repeat(5_000) });
        treat(&mut Spec { html: None, text, ..spec("w.html", "") }, &utm(), &mut shelf());
    }
}

#[test]
fn a_page_that_is_deeper_than_a_document_can_be_is_read_all_the_same() {
    let deep = format!("<style>p{{color:red}}</style>{}x", "<div>".repeat(60_000));
    assert_eq!(text_of(&deep), "x\n");
    let errors = errors_of("w.html", &deep, &Treatment { inline_css: true, ..Treatment::default() });
    assert!(errors.len() == 1 && errors[0].contains("more than 500 deep"), "{errors:?}");
    let unclosed = format!("<style>p{{color:red}}</style>{}", "<p>x<br>".repeat(2_000));
    let made = html_of(&unclosed, &Treatment { inline_css: true, ..Treatment::default() });
    assert_eq!(made.matches("<p style=\"color: red\">").count(), 2_000);
}
