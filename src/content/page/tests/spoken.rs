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
fn what_is_crossed_out_raised_or_lowered_is_so_in_the_text() {
    for (html, text) in [
        ("<s>99 \u{20ac}</s> 49 \u{20ac}", "~~99 \u{20ac}~~ 49 \u{20ac}\n"),
        ("Was <del> $10 </del>now <strike>$9</strike> $8", "Was ~~$10~~ now ~~$9~~ $8\n"),
        (
            "<span style=\"color:red; TEXT-DECORATION: line-through\">9 <b>or</b> <span>8</span></span> 7",
            "~~9 or 8~~ 7\n",
        ),
        ("<style>.o{text-decoration:line-through}</style><span class=o>9</span> 7", "~~9~~ 7\n"),
        ("<s></s>x<s> </s>y", "x y\n"),
        ("<s>{{ n }}</s> now", "{{ (n)|__struck }} now\n"),
        ("<s>{{ n|safe }}</s>", "{{ ((n)|striptags)|__struck }}\n"),
        ("<s>{{ n }} kr</s> now", "~~{{ n }} kr~~ now\n"),
        ("<s>{% if n %}{{ n }} kr{% endif %}</s> now", "{% if n %}~~{{ n }} kr~~{% endif %} now\n"),
        ("<s>a{% if n %}b{% else %}c{% endif %}</s>", "~~a~~{% if n %}~~b~~{% else %}~~c~~{% endif %}\n"),
        ("<table><tr><td><s>9</s></td><td>8</td></tr></table>", "~~9~~ | 8\n"),
        ("<p><s>9</s></p><p><ins>8</ins></p>", "~~9~~\n\n8\n"),
        ("He said <q>no</q>.", "He said \u{201c}no\u{201d}.\n"),
        ("10<sup>3</sup> m<sup>2</sup>, H<sub>2</sub>O", "10\u{b3} m\u{b2}, H\u{2082}O\n"),
        (
            "99<sup>90</sup> 10<sup>-3</sup> 1<sup>st</sup> x<sup>\u{ae}</sup> 5<sup>,95</sup>",
            "99\u{2079}\u{2070} 10\u{207b}\u{b3} 1st x\u{ae} 5,95\n",
        ),
        ("10<sup>3a</sup> a<sup>3a</sup> b<sup>1,2</sup>", "10^3a a3a b\u{b9},\u{b2}\n"),
        ("99<sup>{{ n }}</sup> CO<sub>{{ n }}</sub>", "99{{ (n)|__raised }} CO{{ (n)|__lowered }}\n"),
    ] {
        assert_eq!(text_of(html), text, "{html}");
    }
    let wanted = Treatment { text: true, ..Treatment::default() };
    for (n, said) in [("90", "a ~~90~~ 5=E2=81=B9=E2=81=B0 b"), ("", "a  5 b")] {
        let message = message("a <s>{{ n }}</s> 5<sup>{{ n }}</sup> b", &wanted, ["a@a.example", "Ann", "", n]);
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn what_no_reader_of_the_page_sees_is_not_in_the_text() {
    for html in [
        "<div style=\"font-size:0\">no</div>",
        "<div style=\"font-size: 0px !important\">no<b>no</b></div>",
        "<div style=\"font:0/0 a\">no</div>",
        "<span style=\"font-size:1px;color:#fff\">no</span>",
        "<div style=\"visibility: hidden\">no</div>",
        "<div style=\"height:0;overflow:hidden\">no</div>",
        "<div style=\"position:absolute;left:-9999px\">no</div>",
        "<div style=\"text-indent:-9999px\">no</div>",
        "<div style=\"display : none\">no</div>",
        "<style>.p{font-size:0}</style><div class=p>no</div>",
        "<div style=\"mso-hide:all;font-size:0\">no</div>",
    ] {
        assert_eq!(text_of(&format!("{html}<p>yes</p>")), "yes\n", "{html}");
    }
    for html in [
        "<div style=\"font-size:0\"><span style=\"font-size:14px\">yes</span></div>",
        "<td style=\"font-size:0px\"><div style=\"font-size:13px\"><b>yes</b></div></td>",
        "<div style=\"font-size:0\"><table><tr><td>yes</table></div>",
        "<div style=\"font-size:0\"></div>yes",
        "<div style=\"mso-hide:all\">yes</div>",
        "<div style=\"height:0\">yes</div>",
        "<div style=\"font-size:{{ n }}px\">yes</div>",
        "<div style=\"font-size:0.9em\">yes</div>",
    ] {
        assert_eq!(text_of(html), "yes\n", "{html}");
    }
    let branch = "<p style=\"font-size:0\">{% if n %}no</p><p>yes</p>{% endif %}";
    assert_eq!(text_of(branch), "{% if n %}yes\n\n{% endif %}\n");
}

#[test]
fn no_length_makes_a_text_last() {
    for piece in [
        "<ol><li>x</ol>",
        "<a href=\"{{ n }}\">x</a>",
        "{% if n %}<li>x{% endif %}",
        "{{ n }} ",
        "{{ url }}",
        "<s>x",
        "<sup>{{ n }}",
    ] {
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
