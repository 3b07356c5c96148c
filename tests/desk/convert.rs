//! Templates of other engines: each pair of template and row gives what the original's engine gives for it, and the command
//! says what it cannot translate.

use crate::folder::Folder;
use crate::jinja::body_of;
use posthaste::content::convert::{Cells, Engine, Holds, convert};
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

/// A row of a JSON list as the table of recipients keeps it.
fn fields(row: &BTreeMap<String, serde_json::Value>) -> Vec<String> {
    let field = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => format!("{}{value}", char::from(JSON_MARK)),
    };
    row.values().map(field).collect()
}

/// What the columns of a JSON list of this one row hold.
fn holds(row: &BTreeMap<String, serde_json::Value>) -> Vec<Holds> {
    let of = |field: &String| {
        let mut holds = Holds::default();
        holds.add(field);
        holds
    };
    fields(row).iter().map(of).collect()
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
    let fields: Vec<Vec<u8>> = fields(row).into_iter().map(String::into_bytes).collect();
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
        let made = convert(&pair.template, engine(&pair.engine), &columns, Cells::Typed(&holds(&pair.row)), syntax);
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

/// What Liquid (Ruby, 5.4), Handlebars (4.7) and Mustache (its JavaScript) themselves made of templates and rows: rows, an
/// empty line, and for each template the engine, the place of the row from 0, whether it is HTML, and what came of it.
const JUDGED: &str = include_str!("convert/judged.jsonl");

/// A text whose signs are written in one of the ways that HTML has for them.
fn one_way(text: &str) -> String {
    let ways = [("&quot;", "&#34;"), ("&#x27;", "&#39;"), ("&#x60;", "`"), ("&#x3D;", "=")];
    ways.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

#[test]
fn translations_give_what_the_original_s_engine_gave() {
    type Judged = (String, String, usize, bool, String);
    let (rows, judged) = JUDGED.split_once("\n\n").unwrap();
    let rows: Vec<BTreeMap<String, serde_json::Value>> =
        rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let judged: Vec<Judged> = judged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(judged.len() > 1000, "only {} templates", judged.len());
    let mut wrong = Vec::new();
    for (word, template, row, html, expected) in &judged {
        let row = &rows[*row];
        let columns: Vec<String> = row.keys().cloned().collect();
        let made = convert(template, engine(word), &columns, Cells::Typed(&holds(row)), Syntax::Jinja);
        let got = rendered(&made.text, *html, Syntax::Jinja, row);
        // The line break at a template's end is none of ours.
        let same = |got: &String| one_way(got).trim_end_matches('\n') == one_way(expected).trim_end_matches('\n');
        if !got.as_ref().is_ok_and(same) {
            wrong.push(format!("{word}: {template}\n  ours: {}\n  want: {expected:?}\n  got:  {got:?}", made.text));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), judged.len(), wrong.join("\n"));
}

#[test]
fn cells_of_text_are_computed_with_as_numbers() {
    let columns = ["a", "b", "c"].map(str::to_owned);
    for (template, expected) in [
        (
            "{{ a | plus: b }} {{ a | minus: b }} {{ a | times: b }} {{ a | plus: 1 }} {{ c | plus: a }}",
            "19 1 90 11 10",
        ),
        ("{{ a | at_least: b }} {{ a | at_most: b }} {{ b | at_least: 9.5 }}", "10 9 9.5"),
        ("{% if a > b %}more{% endif %}{% if c < 1 %}x{% endif %}{% if c == 0 %}y{% endif %}", "more"),
        ("{% assign sum = 0 %}{% for i in (1..2) %}{% assign sum = sum | plus: a %}{% endfor %}{{ sum }}", "20"),
    ] {
        let made = convert(template, Engine::Liquid, &columns, Cells::Text, Syntax::Jinja);
        let spec = Spec {
            name: "n".into(),
            from: "news@acme.example".into(),
            to: Some("list@acme.example".into()),
            subject: "s".into(),
            text: Some(Source { file: "t".into(), text: made.text.clone() }),
            unsubscribe_url: Some("https://a.example/u".into()),
            ..Spec::default()
        };
        let fields = ["10", "9", ""].map(|cell| cell.as_bytes().to_vec());
        assert_eq!(body_of(spec, &columns, &fields).as_deref(), Ok(expected), "{template}\n{}", made.text);
    }
}

/// What the table of translations in README begins with.
const TRANSLATIONS: &str = "| from | template | a row of the list | becomes |";

/// The cells of a line of README's table, without the backquotes.
fn cells(line: &str) -> Vec<String> {
    let cell = |cell: &str| cell.trim().trim_matches('`').replace("\\|", "|").replace('\u{1}', "|");
    line.replace("\\|", "\u{1}").trim_matches('|').split('|').map(cell).collect()
}

#[test]
fn the_table_in_readme_says_what_becomes_of_what() {
    let readme = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme.split_once(TRANSLATIONS).expect("README has the table of translations").1;
    let lines: Vec<Vec<String>> = table.lines().skip(2).take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(lines.len() >= 12, "{lines:?}");
    for line in &lines {
        let [word, template, row, becomes] = line.as_slice() else { panic!("{line:?}") };
        let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(row).unwrap();
        let columns: Vec<String> = row.keys().cloned().collect();
        let made = convert(template, engine(word), &columns, Cells::Typed(&holds(&row)), Syntax::Jinja);
        assert_eq!(&made.text, becomes, "{template}");
    }
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
            let made = convert(template, engine(word), &["name".to_owned()], Cells::Unknown, syntax);
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
            let card = convert(card, engine(word), &[], Cells::Unknown, syntax);
            let made = convert(template, engine(word), &columns, Cells::Typed(&holds(&row)), syntax);
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
        let made = convert(template, engine(word), &columns, Cells::Text, Syntax::Jinja);
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
            let _ = convert(&piece.repeat(20_000), engine, &[], Cells::Unknown, Syntax::Jinja);
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
                let _ = convert(
                    &format!("{open}{}{end}", close.repeat(50_000)),
                    engine,
                    &[],
                    Cells::Unknown,
                    Syntax::Jinja,
                );
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
                    let _ = convert(&format!("{a}{b}x{c}"), engine, &[], Cells::Unknown, Syntax::Jinja);
                }
            }
        }
    }
}

#[test]
fn what_mailchimp_asks_of_a_field_is_told_where_the_list_says_no_in_text() {
    let list = "email,PTS,VIP\np0@a.example,0,no\np1@a.example,5,yes\np2@a.example,,\n";
    let old = "*|IF:PTS|*[*|PTS|*]*|END:IF|**|IF:PTS=0|*none*|ELSEIF:PTS|*some*|END:IF|**|IFNOT:VIP|*-*|ELSE:|*+*|END:IF|**|IF:VIP=yes|*!*|END:IF|*";
    let ours = "{% if PTS %}[{{ PTS }}]{% endif %}{% if PTS == \"0\" %}none{% elif PTS %}some{% endif %}{% if not VIP %}-{% else %}+{% endif %}{% if VIP == \"yes\" %}!{% endif %}";
    let folder = super::lists::campaign("w.csv", list, "", "");
    folder.put("old.txt", old);
    let ran = folder.run(&["convert", "old.txt", "--from", "mailchimp", "--list", "w.csv"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ours), "{ran:?}");
    folder.put("w.txt", ours);
    let (_, found) = super::check::check(&folder, "w.toml");
    let told: Vec<(&str, &str)> = found
        .iter()
        .filter(|found| found.says.contains("counts as true here"))
        .map(|found| (found.place.as_str(), found.hint.as_str()))
        .collect();
    let any = "; if any text is to count: `is defined` behind it";
    let (points, not_vip) = ("{% if PTS and PTS != \"0\" %}", "{% if not (VIP == \"yes\") %}");
    let hints = [format!("write {points}{any}"), format!("write {not_vip}{any}")];
    assert_eq!(told, [("w.txt:1:7", hints[0].as_str()), ("w.txt:1:97", hints[1].as_str())]);
    let mended = ours.replacen("{% if PTS %}", points, 1).replace("{% if not VIP %}", not_vip);
    let letters = super::lists::arrives(&super::lists::campaign("w.csv", list, "", &mended));
    assert_eq!(letters, ["p0@a.example: none-", "p1@a.example: [5]some+!", "p2@a.example: -"]);
    // Whoever means what Mailchimp did says so.
    let kept = ours.replacen("{% if PTS %}", "{% if PTS is defined %}", 1).replace("not VIP", "not VIP is defined");
    let letters = super::lists::arrives(&super::lists::campaign("w.csv", list, "", &kept));
    assert_eq!(letters, ["p0@a.example: [0]none+", "p1@a.example: [5]some+!", "p2@a.example: -"]);
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
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out, "Hi [% if name %][[ name ]][% endif %][[ x|safe ]]");
    assert!(ran.err.contains("note: hi.txt:1:4: what the columns hold is not known"), "{}", ran.err);
    // The list says what they hold.
    folder.put("people.jsonl", "{\"email\": \"ann@a.example\", \"name\": \"Ann\", \"x\": true}\n");
    folder.put("x.txt", "{{x}}{{#if x}}!{{/if}}");
    let ran = folder.run(&["convert", "x.txt", "--from", "handlebars", "--list", "people.jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.out, "{{ x|string|lower }}{% if x %}!{% endif %}");
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

#[test]
fn zero_of_a_list_of_texts_and_nothing_in_a_list_are_what_they_are_there() {
    let folder = Folder::new();
    let campaign = |list: &str| {
        format!(
            "name = \"c\"\nfrom = \"a@acme.example\"\nsubject = \"s\"\ntext = \"l.txt\"\ntransactional = true\n\
             [recipients]\nfile = \"{list}\"\n"
        )
    };
    folder.put("people.csv", "email,points\nann@a.example,0\nbo@b.example,5\ncy@c.example,\n");
    folder.put(
        "people.jsonl",
        "{\"email\": \"ann@a.example\", \"t\": [\"b\", null, \"a\"], \"s\": \"x y z\", \"n\": 0}\n",
    );
    for (engine, template, list, said) in [
        (
            "handlebars",
            "<{{#if points}}has {{points}}{{else}}none{{/if}}>",
            "people.csv",
            &["<none>", "<has 5>", "<none>"][..],
        ),
        ("sendgrid", "<{{#unless points}}none{{/unless}}>", "people.csv", &["<none>", "<>", "<none>"]),
        ("liquid", "<{{ t | sort | join: \",\" }}> <{{ s | truncatewords: n }}>", "people.jsonl", &["<a,b,> <x...>"]),
    ] {
        folder.put("old.txt", template);
        folder.put("c.toml", campaign(list));
        let ran = folder.run(&["convert", "old.txt", "--from", engine, "--list", list, "-o", "l.txt", "--force"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let ran = folder.run(&["send", "c.toml", "--data", "data", "--dry-run"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines: Vec<&str> = ran.out.lines().map(str::trim).filter(|line| line.starts_with('<')).collect();
        assert_eq!(lines, said, "{engine}: {}", ran.out);
    }
}
