//! Addresses that only a row makes whole are marked and completed as those are that everybody gets.

use super::*;

const QUERY: &str = "utm_source=news%20letter&amp;utm_campaign=spring";

fn row<'r>(url: &'r str, n: &'r str) -> [&'r str; 4] {
    ["ann@a.example", "Ann", url, n]
}

#[test]
fn parameters_stand_where_the_address_of_the_row_wants_them() {
    for (href, url, n, shown) in [
        ("https://s.example/{{ url }}", "shoes?id=7", "", "https://s.example/shoes?id=7&amp;UTM"),
        ("https://s.example/{{ url }}", "shoes#size", "", "https://s.example/shoes?UTM#size"),
        ("https://s.example/{{ url }}", "a?b=1&c='#d", "", "https://s.example/a?b=1&amp;c=&#39;&amp;UTM#d"),
        ("https://s.example/?a=1&amp;b={{ url }}#{{ n }}", "2#3", "4", "https://s.example/?a=1&amp;b=2&amp;UTM#3#4"),
        (
            "{% if n %}https://s.example/{{ n }}{% else %}https://t.example/?a{% endif %}",
            "",
            "7",
            "https://s.example/7?UTM",
        ),
        (
            "{% if n %}https://s.example/{{ n }}{% else %}https://t.example/?a{% endif %}",
            "",
            "",
            "https://t.example/?a&amp;UTM",
        ),
        ("{{ url }}{% if n %}&z={{ n }}{% endif %}", "https://u.example?y=1", "5", "https://u.example?y=1&z=5&amp;UTM"),
        ("{{ url }}", "", "", ""),
        ("{{ url }}", "mailto:a@b.example", "", "mailto:a@b.example"),
        ("{{ url|safe }}", "https://u.example/?a=1&amp;b=2", "", "https://u.example/?a=1&amp;b=2&amp;UTM"),
        ("https://s.example/{{ url }}", "?utm_source=mine", "", "https://s.example/?utm_source=mine"),
        ("{{ url }}/sale", "https://u.example", "", "https://u.example/sale?UTM"),
    ] {
        let wanted = Treatment { text: true, ..utm() };
        let message = message(&format!("<p>x <a href=\"{href}\">y</a></p>"), &wanted, row(url, n));
        let shown = shown.replace("UTM", QUERY);
        assert!(message.contains(&format!("<a href=\"{shown}\">y")), "{href}, {url}: {message}");
        let plain = shown.replace("&amp;", "&").replace("&#39;", "'");
        // What a row does not have leaves no brackets.
        let beside = if plain.is_empty() { "x y\n".to_owned() } else { format!("y <{plain}>") };
        assert!(
            plain.contains("mailto:") || href.contains("safe") || message.contains(&beside),
            "{href}, {url}: {message}"
        );
    }
}

#[test]
fn links_of_a_text_are_marked_as_the_row_has_them() {
    for (text, url, n, said) in [
        ("See https://s.example/{{ url }}.", "a?b=1", "", "See https://s.example/a?b=1&UTM."),
        (
            "See {% if n %}https://s.example/{{ n }}{% else %}https://t.example#x{% endif %}, you",
            "",
            "",
            "See https://t.example?UTM#x, you",
        ),
        ("See https://s.example/{% if n %}{{ n }}#b{% endif %} now", "", "3", "See https://s.example/3?UTM#b now"),
        ("{% if n %}(https://s.example/?a=1){% endif %}", "", "3", "(https://s.example/?a=1&UTM)"),
        ("See {{ url }}.", "https://s.example/a", "", "See https://s.example/a?UTM."),
        (
            "See:\n{% if n %}{{ n }}{% endif %}\n",
            "",
            "https://s.example/?a#b",
            "See:\r\nhttps://s.example/?a&UTM#b\r\n",
        ),
        ("See <{{ n }}>", "", "https://s.example/", "See <https://s.example/?UTM>"),
        (
            "{{ n }}/b?c=1 and\n{{ n }}/d",
            "",
            "https://s.example",
            "https://s.example/b?c=1 and\r\nhttps://s.example/d?UTM",
        ),
        ("{{ n }}", "", "https://s.example/ is new", "https://s.example/ is new"),
        ("{{ n }}", "", "no link", "no link"),
        ("#{{ url }} {{ n }}!", "https://s.example", "https://t.example", "#https://s.example https://t.example!"),
    ] {
        let columns = ["email", "first", "url", "n"].map(str::to_owned);
        let text = Some(Source { file: "w.txt".into(), text: text.into() });
        let mut spec = Spec { html: None, text, ..spec("w.html", "") };
        treat(&mut spec, &utm(), &mut shelf());
        let composer = Composer::compile(spec, &columns, "email").unwrap();
        let fields = row(url, n);
        let fields: Vec<&[u8]> = composer.columns_used().iter().map(|&column| fields[column].as_bytes()).collect();
        let mut out = Composed::default();
        let row = RowRef { number: 0, mailbox: "ann@a.example", fields: &fields };
        composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).unwrap();
        let message =
            String::from_utf8(out.content).unwrap().replace("=\r\n", "").replace("=3D", "=").replace("=20", " ");
        let said = said.replace("UTM", "utm_source=news%20letter&utm_campaign=spring");
        assert!(message.contains(&said), "{said}: {message}");
    }
}

#[test]
fn relative_addresses_of_a_row_are_completed() {
    let wanted = Treatment { base_url: Some("https://acme.example/n".into()), ..Treatment::default() };
    for (url, shown) in [
        ("b.png", "https://acme.example/n/b.png"),
        ("/b.png?a=1&b='", "https://acme.example/b.png?a=1&amp;b=&#39;"),
        ("../b.png", "https://acme.example/b.png"),
        ("//cdn.example/b.png", "https://cdn.example/b.png"),
        ("https://i.example/b.png", "https://i.example/b.png"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("tel:+1", "tel:+1"),
        ("cid:x", "cid:x"),
        ("data:image/png;base64,x", "data:image/png;base64,x"),
        ("#top", "#top"),
        ("", ""),
    ] {
        for (page, made) in [
            ("<p>x<img src=\"{{ url }}\" alt=y>", "<img src=\"URL\" alt=y>"),
            ("<p>x<img src={{ url }}>", "<img src=\"URL\">"),
            ("<p>x<a href=\"{% if n %}{{ url }}{% endif %}\">", "<a href=\"URL\">"),
            ("<p style=\"background:url('{{ url }}')\">x", "url('URL')"),
            ("<style>p{background:url({{ url }})}</style><p>x", "url(URL)"),
            ("<p>x<td background='{{ url }}'>", "<td background='URL'>"),
        ] {
            let message = message(page, &wanted, row(url, "1"));
            assert!(message.contains(&made.replace("URL", shown)), "{page}, {url}: {message}");
        }
    }
    let set = message("<p>x<img srcset=\"{{ url }} 1x, c.png 2x\">", &wanted, row("b.png", ""));
    let made = "srcset=\"https://acme.example/n/b.png 1x, https://acme.example/n/c.png 2x\"";
    assert!(set.contains(made), "{set}");
    let both = Treatment { base_url: wanted.base_url, ..utm() };
    let message = message("<p>x<a href=\"{{ url }}\">", &both, row("s?a=1#b", ""));
    assert!(message.contains(&format!("\"https://acme.example/n/s?a=1&amp;{QUERY}#b\"")), "{message}");
}

#[test]
fn an_address_that_a_block_tears_is_told_with_its_place() {
    let page = "<p>x</p>\n<a href=\"{% if n %}https://a.example\">y</a><a href=\"b{% endif %}\">z</a>";
    let both = Treatment { base_url: Some("https://acme.example/n".into()), ..utm() };
    let mut letter = spec("w.html", page);
    let treated = treat(&mut letter, &both, &mut shelf());
    let told = |note: &Remark| (note.check, note.position);
    let told: Vec<_> = treated.notes.iter().map(told).collect();
    assert_eq!(
        told,
        [("relative-link", Some((2, 10))), ("unmarked-link", Some((2, 10))), ("unmarked-link", Some((2, 54)))]
    );
}

#[test]
fn a_base_that_may_complete_what_a_row_has_changes_something() {
    let wanted = Treatment { base_url: Some("https://acme.example/n".into()), ..Treatment::default() };
    for page in ["<img src=\"{{ url }}\">", "<style>p{background:url({{ url }})}</style>"] {
        assert_eq!(treat(&mut spec("w.html", page), &wanted, &mut shelf()).notes, [], "{page}");
    }
}

#[test]
fn a_value_that_the_html_links_to_is_marked_in_the_text_of_its_own_too() {
    let columns = ["email", "first", "url", "n"].map(str::to_owned);
    let text = Some(Source { file: "w.txt".into(), text: "Go to {{ n }}, {{ first }} ({{ unsubscribe_url }})".into() });
    let mut spec = Spec { text, ..spec("w.html", "<p>x <a href=\"{{ n }}\">y</a> <img src=\"{{ first }}\">") };
    treat(&mut spec, &utm(), &mut shelf());
    let composer = Composer::compile(spec, &columns, "email").unwrap();
    let fields: [&[u8]; 2] = [b"https://f.example", b"https://n.example/"];
    let row = RowRef { number: 0, mailbox: "ann@a.example", fields: &fields };
    let mut out = Composed::default();
    composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).unwrap();
    let message = String::from_utf8(out.content).unwrap().replace("=\r\n", "").replace("=3D", "=");
    let both = ["<a href=\"https://n.example/?UTM\">", "Go to https://n.example/?UTM, https://f.example (https://acme"];
    for (said, query) in both.iter().zip([QUERY, &QUERY.replace("&amp;", "&")]) {
        assert!(message.contains(&said.replace("UTM", query)), "{said}: {message}");
    }
}
