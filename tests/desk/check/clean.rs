//! Campaigns in which there is nothing to find, though a hasty look would: words that mean something in another language,
//! brackets, percent signs, comments for one mail reader, links within the page.

use super::{CAMPAIGN, HTML, LIST, TEXT, check, spring};
use crate::folder::Folder;
use std::path::Path;

/// What is other than in the campaign that is as it should be: file, what, and by what; nothing: all of the file.
type Other = (&'static str, &'static str, &'static str);

const BODY: &str = "<p>Dear {{ first_name }},</p>";

const CLEAN: [(&str, &[Other]); 9] = [
    ("as it is", &[]),
    ("text only", &[("w.toml", "html = \"letter.html\"\n", "")]),
    (
        "Spanish",
        &[
            ("letter.html", "see what is new", "TODO A MITAD DE PRECIO"),
            ("letter.html", "Unsubscribe", "Darse de baja"),
            ("letter.txt", "Unsubscribe", "Para darse de baja"),
            ("w.toml", "Spring is here, {{ first_name }}", "\u{a1}TODO fuera! Re-apertura: 50% hoy, 20% ma\u{f1}ana"),
        ],
    ),
    (
        "German",
        &[
            (
                "letter.html",
                BODY,
                "<p>Liebe {{ first_name }},</p><h2>Test</h2><p>Im Test: f\u{fc}nf M\u{e4}her [1]</p>",
            ),
            ("letter.html", "Unsubscribe", "Newsletter abbestellen"),
            ("letter.txt", "Unsubscribe", "Abmelden"),
            ("w.toml", "Spring is here", "Testsieger: der Fr\u{fc}hling"),
        ],
    ),
    (
        "Japanese",
        &[
            ("letter.html", "Unsubscribe", "\u{914d}\u{4fe1}\u{505c}\u{6b62}"),
            ("letter.txt", "Unsubscribe", "\u{914d}\u{4fe1}\u{505c}\u{6b62}"),
            ("w.toml", "Spring is here, ", "\u{6625}\u{304c}\u{6765}\u{307e}\u{3057}\u{305f} "),
        ],
    ),
    (
        "tables for Outlook",
        &[
            (
                "letter.html",
                BODY,
                "<!--[if mso]><table><tr><td><a href=\"#\"><img src=\"x.png\"></a><![endif]-->\
                 <table role=presentation width=600><tr><td style='background:url(https://acme.example/b.png)'>\
                 <img src='https://acme.example/spacer.gif' alt='' width=1 height=1>{{ first_name }} &amp; friends, \
                 100% cotton, 20%&nbsp;off</td></tr></table><!--[if !mso]><!--><p>&nbsp;</p><!--<![endif]-->",
            ),
            (
                "letter.html",
                "a { color: #2a6; }",
                "a{color:#2a6}.name{margin:0}@media(max-width:600px){.first_name{width:100%!important}}",
            ),
        ],
    ),
    (
        "ways through the page, and a built-in URL",
        &[
            (
                "letter.html",
                BODY,
                "<p><a href=\"#offers\">Offers</a></p><a name=\"offers\"></a><p>Dear {{ first_name }}, [View in browser], \u{ab} oui \u{bb}</p>",
            ),
            (
                "letter.html",
                "<a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a>",
                "<a href=\"{{ unsubscribe_url }}\">No more of this</a>",
            ),
            ("letter.html", "https://acme.example/spring", "{{ 'https://acme.example/' ~ city }}"),
            ("letter.txt", "Unsubscribe: https://acme.example/u/{{ token }}", "No more of this: {{ unsubscribe_url }}"),
        ],
    ),
    (
        "JSON lines and branches",
        &[
            ("w.toml", "list.csv", "list.jsonl"),
            (
                "letter.txt",
                "Dear {{ first_name }},",
                "{% if first_name %}Dear {{ first_name }}{% else %}Hello{% endif %},",
            ),
            (
                "letter.html",
                BODY,
                "<p>{% for n in range(2) %}{{ n }}{% if not loop.last %} {{ first_name }} {% endif %}{% endfor %}</p>",
            ),
            ("w.toml", ", {{ first_name }}", ""),
        ],
    ),
    (
        "pictures and files that go along",
        &[
            (
                "w.toml",
                "\n[headers]",
                "attachments = [{ file = \"logo.png\", inline_id = \"logo\" }, { file = \"plan.pdf\" }]\n\n[headers]",
            ),
            ("letter.html", "<img src=\"https://acme.example/tulips.jpg\"", "<img src=\"cid:logo\""),
        ],
    ),
];

#[test]
fn nothing_is_found_in_campaigns_that_are_as_they_should_be() {
    for (name, others) in CLEAN {
        let folder = spring();
        folder.put("list.jsonl", "{\"email\":\"ann@a.example\",\"first_name\":\"Ann Lee\",\"city\":\"Oslo\"}\n{\"email\":\"bob@b.example\",\"first_name\":\"\",\"city\":\"Bergen\"}\n");
        folder.put("logo.png", b"\x89PNG\r\n\x1a\n");
        folder.put("plan.pdf", b"%PDF-1.4\n");
        for (file, start) in [("w.toml", CAMPAIGN), ("letter.html", HTML), ("letter.txt", TEXT), ("list.csv", LIST)] {
            let changed = others.iter().filter(|(of, ..)| *of == file).fold(start.to_owned(), |text, (_, from, to)| {
                assert!(text.contains(from), "{name}: {from}");
                text.replace(from, to)
            });
            folder.put(file, changed);
        }
        let (ran, found) = check(&folder, "w.toml");
        assert!(found.is_empty() && ran.code == Some(0), "{name}: {found:#?}");
    }
}

#[test]
fn nothing_is_found_in_the_campaign_that_comes_along() {
    let campaign = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/campaign/welcome.toml");
    let folder = Folder::new();
    let (ran, found) = check(&folder, campaign.to_str().unwrap());
    assert!(found.is_empty() && ran.code == Some(0), "{found:#?}");
}
