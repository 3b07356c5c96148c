//! Templates of other engines: each pair of template and row gives what the original's engine gives for it, and the command
//! says what it cannot translate.

use crate::folder::Folder;
use crate::jinja::body_of;
use posthaste::content::convert::{Engine, convert};
use posthaste::content::{JSON_MARK, Source, Spec, Syntax};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A template of another engine, and what that makes of a row.
#[derive(Deserialize)]
struct Pair {
    engine: String,
    template: String,
    row: BTreeMap<String, serde_json::Value>,
    expected: String,
    html: bool,
}

fn pairs() -> Vec<Pair> {
    include_str!("convert/pairs.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn engine(word: &str) -> Engine {
    Engine::WORDS.iter().find(|(known, _)| *known == word).unwrap().1
}

/// What our template makes of a row of a JSON list.
fn rendered(
    template: &str,
    html: bool,
    syntax: Syntax,
    row: &BTreeMap<String, serde_json::Value>,
) -> Result<String, String> {
    rendered_with(&[], template, html, syntax, row)
}

/// The same of one that reads files.
fn rendered_with(
    files: &[(&str, String)],
    template: &str,
    html: bool,
    syntax: Syntax,
    row: &BTreeMap<String, serde_json::Value>,
) -> Result<String, String> {
    let columns: Vec<String> = row.keys().cloned().collect();
    let field = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => [&[JSON_MARK], value.to_string().as_bytes()].concat(),
    };
    let fields: Vec<Vec<u8>> = row.values().map(field).collect();
    let part = Some(Source { file: "t".into(), text: syntax.in_braces(template).into_owned() });
    let spec = Spec {
        name: "n".into(),
        syntax,
        from: "news@acme.example".into(),
        to: Some("list@acme.example".into()),
        subject: "s".into(),
        html: part.clone().filter(|_| html),
        text: part.filter(|_| !html),
        unsubscribe_url: Some("https://a.example/u".into()),
        partials: files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Ok(Source { file: (*name).into(), text: text.clone() })))
            .collect(),
        is_json: true,
        ..Spec::default()
    };
    body_of(spec, &columns, &fields)
}

/// Pairs that come out otherwise, in tags of this kind.
fn wrong(syntax: Syntax) -> Vec<String> {
    let mut wrong = Vec::new();
    for pair in pairs() {
        let columns: Vec<String> = pair.row.keys().cloned().collect();
        let made = convert(&pair.template, engine(&pair.engine), &columns, syntax);
        // A blank that our tags in braces need in a style sheet means nothing there.
        let got = rendered(&made.text, pair.html, syntax, &pair.row).map(|got| got.replace("{ #", "{#"));
        let is_left = made.notes.iter().any(|note| note.is_left);
        if got.as_ref() != Ok(&pair.expected) || is_left {
            let Pair { engine, template, expected, .. } = pair;
            let notes = made.notes;
            wrong.push(format!(
                "{engine}: {template}\n  ours: {}\n  want: {expected:?}\n  got:  {got:?} {notes:?}",
                made.text
            ));
        }
    }
    wrong
}

#[test]
fn translations_give_what_the_original_gives() {
    assert!(pairs().len() >= 60, "only {} pairs", pairs().len());
    let wrong = wrong(Syntax::Jinja);
    assert!(wrong.is_empty(), "{} pairs differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn translations_into_brackets_give_the_same() {
    let wrong = wrong(Syntax::Brackets);
    assert!(wrong.is_empty(), "{} pairs differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_has_no_translation_is_told_and_still_compiles() {
    for (word, template) in [
        (
            "mailchimp",
            "*|CURRENT_YEAR|* *|LIST:ADDRESS|* *|ARCHIVE|* *|IF:NOPE!|*x*|END:IF|* *|END:IF|* *|ELSE:|* *|MERGE7|*",
        ),
        ("mailchimp", "*|IF:name|*open *|RSSITEMS:|* *|DATE:jS|*"),
        (
            "handlebars",
            "{{formatPrice name}} {{#list name}}a{{else}}b{{/list}} {{../x}} {{/if}} {{else}} {{> (lookup . 'x')}}",
        ),
        ("handlebars", "{{#if name}}{{#each name}}{{@root}}{{this.[}}{{/if}}{{name"),
        (
            "liquid",
            "{{ name | img_url: 'x' }} {% tablerow i in name %}{% endtablerow %} {{ 'now' | date: '%Y' }} {% endif %}",
        ),
        (
            "liquid",
            "{% if name %}{% for x %}{% endfor %}{{ name | }}{{ 'x }}{% when 3 %}{% form 'a' %}{{ name }}{% endform %}",
        ),
        (
            "liquid",
            "{% case name %}a{% else %}b{% endcase %}{% else %}{% include name %}{{ forloop.parentloop }}{% foo %}",
        ),
        (
            "mailchimp",
            "*|INTERESTED:name:|*x*|END:INTERESTED|* *|IF:name > inf|*y*|END:IF|* *|IF:name < 99999999999999999999|*z*|END:IF|*",
        ),
        (
            "handlebars",
            "{{{{raw}}}}{{name}}{{{{/raw}}}} {{#if name limit=3}}x{{/if}} {{upper name by=2}} {{eq name -99999999999999999999}}",
        ),
        (
            "liquid",
            "{{ name | escape_once }} {% for i in name offset: continue %}{% endfor %} {{ name | plus: 99999999999999999999 }}",
        ),
        ("liquid", "{% for i in name %}{% if i %}{% cycle 'a', 'b' %}{% endif %}{% endfor %}"),
        (
            "liquid",
            "{% for i in name %}{% cycle 'a', 'b' %}{% endfor %}{% for i in name %}{% cycle 'a', 'b' %}{% endfor %}",
        ),
        ("sendgrid", "<%asm_preferences_raw_url%> {{customHelper 1}} [%nope%] {{#equals name}}x{{/equals}}"),
    ] {
        let row = BTreeMap::from([("name".to_owned(), serde_json::json!("Ann"))]);
        for syntax in [Syntax::Jinja, Syntax::Brackets] {
            let made = convert(template, engine(word), &["name".to_owned()], syntax);
            assert!(made.notes.iter().any(|note| note.is_left), "{template}: {made:?}");
            let got = rendered(&made.text, false, syntax, &row);
            assert!(got.is_ok(), "{template}\n{}\n{got:?}", made.text);
        }
    }
}

/// A template, the file `card` that it reads, and what comes of both.
const CARDS: [(&str, &str, &str, &str); 10] = [
    ("handlebars", "{{> card title=name n=3}}!", "{{title}}{{#if nick}}x{{/if}}{{n}}", "Ann3!"),
    ("handlebars", "{{#each items}}{{> card title=t up=../name}};{{/each}}", "{{title}} {{up}}", "A Ann;B Ann;"),
    ("handlebars", "{{> card title=o.none}}", "[{{title}}{{#if title}}x{{/if}}]", "[]"),
    ("liquid", "{% render 'card', title: name, n: 3 %}!", "{{ title }}{{ n }}", "Ann3!"),
    ("liquid", "{% include 'card' title: nick %}", "{{ title | default: 'you' }}", "you"),
    (
        "liquid",
        "{% for i in items %}{%- render 'card', title: i.t, q: i.q -%} {% endfor %}",
        "{{ title }}{{ q | default: '-' }}",
        "A-B-",
    ),
    ("liquid", "{% render 'card' with o as place %}!", "{{ place.city }}", "Ulm!"),
    ("liquid", "{% include 'card' with name %}", "{{ card }}", "Ann"),
    ("liquid", "{% render 'card' for items as product, of: name %}", "{{ product.t }}{{ of }} ", "AAnn BAnn "),
    ("liquid", "{% assign n = 'x' %}{% include 'card' %}", "{{ name }}{{ n }}", "Annx"),
];

#[test]
fn a_file_that_is_handed_values_reads_them() {
    let row = serde_json::json!({"name": "Ann", "nick": "", "o": {"city": "Ulm"}, "items": [{"t": "A"}, {"t": "B"}]});
    let row: BTreeMap<String, serde_json::Value> = serde_json::from_value(row).unwrap();
    let columns: Vec<String> = row.keys().cloned().collect();
    for (word, template, card, expected) in CARDS {
        for syntax in [Syntax::Jinja, Syntax::Brackets] {
            let card = convert(card, engine(word), &[], syntax);
            let made = convert(template, engine(word), &columns, syntax);
            let files = [("card.html", syntax.in_braces(&card.text).into_owned())];
            let got = rendered_with(&files, &made.text, true, syntax, &row);
            assert_eq!(got.as_deref(), Ok(expected), "{template}\n{}\n{}", made.text, card.text);
            assert!(made.notes.iter().all(|note| !note.is_left), "{:?}", made.notes);
            assert!(made.notes.iter().any(|note| note.says.contains("reads card.html")), "{:?}", made.notes);
        }
    }
}

#[test]
fn a_file_whose_names_are_those_of_something_else_is_left_with_its_place() {
    let columns = ["name", "items", "a", "b"].map(str::to_owned);
    for (word, template, why) in [
        ("handlebars", "x\n {{> card name}}", "names in that file are those of what stands behind the file's name"),
        ("handlebars", "{{#each items}}\n {{> card}}{{/each}}", "names in that file are those of the block around it"),
        ("handlebars", "\n {{> (lookup . 'x')}}", "which file it reads is known for each row only"),
        ("handlebars", "\n {{> card a=b b=a}}", "is made of `a`, which is another one in the file"),
        ("handlebars", "\n {{> ../card}}", "names no file of the campaign's folder"),
        ("liquid", "\n {% render name %}", "which file it reads is known for each row only"),
        ("liquid", "\n {% render 'card', a: b, b: a %}", "is made of `a`, which is another one in the file"),
        ("liquid", "\n {% include 'card', size: gone %}", "the list has no column `gone`"),
        ("liquid", "\n {% include '/etc/passwd' %}", "names no file of the campaign's folder"),
    ] {
        let made = convert(template, engine(word), &columns, Syntax::Jinja);
        let [note] = made.notes.as_slice() else { panic!("{template}: {made:?}") };
        assert!(note.is_left && note.position == (2, 2) && note.says.contains(why), "{template}: {note:?}");
    }
}

#[test]
fn no_length_and_no_depth_makes_a_translation_fail_or_last() {
    for (_, engine) in Engine::WORDS {
        for piece in [
            "{{",
            "{{{",
            "{{!--",
            "{{!",
            "{%",
            "{% raw %}",
            "{% comment %}",
            "{{'",
            "{{#if x}}",
            "{{#each x}}",
            "*|",
            "*|IF:X|*",
            "{% if x %}",
            "{% for i in x %}",
            "[",
            "<%",
            "-",
            "%",
            "<style>{#",
            "{{x}}",
            "{% assign aa = 1 %}",
            "\\{{",
        ] {
            let _ = convert(&piece.repeat(20_000), engine, &[], Syntax::Jinja);
        }
        for (open, close) in [
            ("{{ a ", "(b "),
            ("{{ ", "a["),
            ("{{ a", ".b"),
            ("{% for i in ", "("),
            ("{% if a", " and a"),
            ("{{ x", " | truncatewords: 1"),
            ("{{ x", " | append: 'a'"),
            ("{{> a b=", "(b "),
        ] {
            for end in ["", " }}", " %}"] {
                let _ = convert(&format!("{open}{}{end}", close.repeat(50_000)), engine, &[], Syntax::Jinja);
            }
        }
    }
}

#[test]
fn no_text_makes_a_translation_fail() {
    let parts = [
        "*|",
        "|*",
        "{{",
        "}}",
        "{%",
        "%}",
        "{{{",
        "#if ",
        "each x",
        "'",
        "\"",
        "IF:",
        "END:IF",
        "/if",
        "\u{e9}",
        "for i in ",
        "-",
        "[",
        "<%",
        "\n",
    ];
    for (_, engine) in Engine::WORDS {
        for a in parts {
            for b in parts {
                for c in parts {
                    let _ = convert(&format!("{a}{b}x{c}"), engine, &[], Syntax::Jinja);
                }
            }
        }
    }
}

#[test]
fn the_command_writes_ours_and_tells_the_lines_of_what_is_left() {
    let folder = Folder::new();
    folder.put("people.csv", "email,First Name\nann@a.example,Ann\n");
    folder.put(
        "old.html",
        "<p>*|IF:FNAME|*Dear *|FNAME|**|END:IF|*\n<a href=\"*|UNSUB|*\">out</a>\n(c) *|CURRENT_YEAR|*\n",
    );
    let ran = folder.run(&["convert", "old.html", "--from", "mailchimp", "--list", "people.csv", "-o", "new.html"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(
        ran.err.contains("left: old.html:3:5: `*|CURRENT_YEAR|*` is not translated: templates have no clock"),
        "{}",
        ran.err
    );
    let made = std::fs::read_to_string(folder.path().join("new.html")).unwrap();
    assert_eq!(
        made,
        "<p>{% if first_name %}Dear {{ first_name }}{% endif %}\n<a href=\"{{ unsubscribe_url }}\">out</a>\n\
         (c) {# not translated: *|CURRENT_YEAR|* #}\n"
    );
    // It is there now, and stays.
    let again = folder.run(&["convert", "old.html", "--from", "mailchimp", "-o", "new.html"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("new.html is there already"), "{}", again.err);
    let forced = folder.run(&["convert", "old.html", "--from", "mailchimp", "-o", "new.html", "--force"]);
    assert_eq!(forced.code, Some(1), "{forced:?}");
    // To standard output, in brackets, with nothing left.
    folder.put("hi.txt", "Hi {{#if name}}{{name}}{{/if}}{{{x}}}");
    let ran = folder.run(&["convert", "hi.txt", "--from", "handlebars", "--syntax", "brackets"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.out, "Hi [% if name %][[ name ]][% endif %][[ x|safe ]]");
    // What it was read as is told: the letter shows whether that was right.
    folder.put("west.txt", b"Gr\xfc\xdfe, {{name}}: sch\xf6ne Gr\xfc\xdfe");
    let ran = folder.run(&["convert", "west.txt", "--from", "handlebars"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "Gr\u{fc}\u{df}e, {{ name }}: sch\u{f6}ne Gr\u{fc}\u{df}e"),
        "{ran:?}"
    );
    assert!(
        ran.err.contains("note: west.txt: the template is read as ") && ran.err.contains("Gr\u{fc}\u{df}e"),
        "{ran:?}"
    );
    for wrong in [
        &["convert", "gone.html", "--from", "liquid"][..],
        &["convert", "hi.txt", "--from", "erb"],
        &["convert", "hi.txt"],
    ] {
        assert_eq!(folder.run(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_converted_letter_is_sent_as_its_author_meant_it() {
    let folder = Folder::new();
    folder.put("people.csv", "email,first,points\nann@a.example,Ann,120\nbo@b.example,,7\n");
    folder.put("old.html", "<p>Hi {{ First | default: 'friend' }}{% if POINTS > 100 %}, gold{% endif %}! <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a> from all of our letters");
    let ran = folder.run(&["convert", "old.html", "--from", "liquid", "--list", "people.csv", "-o", "letter.html"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    folder.put(
        "c.toml",
        "name = \"c\"\nfrom = \"News <news@acme.example>\"\nsubject = \"Points\"\nhtml = \"letter.html\"\n\
         [unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n[recipients]\nfile = \"people.csv\"\n",
    );
    let ran = folder.run(&["send", "c.toml", "--data", "data", "--dry-run"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("Hi Ann, gold!") && ran.out.contains("Hi friend!"), "{}", ran.out);
}
