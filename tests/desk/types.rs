//! What the columns of a list hold: numbers of JSON, cells that a template computes with, types that the campaign declares,
//! files that templates read.

use super::folder::{CAMPAIGN, Folder};

fn text_of(letter: &[u8]) -> String {
    let letter = mail_parser::MessageParser::default().parse(letter).unwrap();
    letter.body_text(0).unwrap().replace("\r\n", "\n")
}

fn csv(template: &str, list: &str) -> Folder {
    let folder = Folder::new();
    folder.put("w.toml", CAMPAIGN.replace("Hello {{ first }}", "Hello"));
    folder.put("w.txt", template);
    folder.put("w.csv", list);
    folder
}

#[test]
fn numbers_of_a_csv_list_compare_as_numbers_and_print_as_they_stand() {
    let list = "email,points,plan\nann@a.example,99,a\nbob@a.example,120,b\ncat@a.example,1000,c\n";
    let folder = csv("{{ points }}: {% if points > 100 %}gold{% else %}silver{% endif %}\n", list);
    let mut texts: Vec<String> = folder.delivers(&[]).iter().map(|l| text_of(l)).collect();
    texts.sort();
    assert_eq!(texts, ["1000: gold\n", "120: gold\n", "99: silver\n"]);
    let ran = folder.run(&["send", "w.toml", "--dry-run", "--sink", "--data", "dry"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("`points` is read as a number: so are all 3 cells that are not empty"), "{}", ran.out);
    // So does a real one at its end, whatever goes to the log, and when it goes on.
    folder.put("e.toml", "[log]\nlevel = \"error\"\n");
    let send = |more: &[&str]| {
        folder.run(&[&["send", "w.toml", "--sink", "--data", "real", "--config", "e.toml"], more].concat())
    };
    let ran = send(&["--limit", "1"]);
    assert!(ran.code == Some(3) && ran.out.contains("\n  read as numbers: points\n"), "{ran:?}");
    for _ in 0..2 {
        let ran = send(&["--json"]);
        let summary: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.code, &summary["read_as_numbers"]), (Some(0), &serde_json::json!(["points"])), "{ran:?}");
    }
    folder.put("w.toml", folder.read("w.toml") + "[recipients.types]\npoints = \"number\"\n");
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "declared"]);
    assert!(ran.code == Some(0) && !ran.out.contains("read as numbers"), "{ran:?}");
}

#[test]
fn a_number_as_another_place_writes_it_is_told_with_its_locale() {
    let folder = csv("{% if points > 1 %}gold{% endif %}\n", "email,points\nann@a.example,\"1,5\"\nbob@a.example,2\n");
    let campaign = folder.read("w.toml") + "max_rejected = \"60%\"\n";
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "a"]);
    let hint = "[recipients.types]: points = \"number\", and how it is written, above all tables: locale = \"de_DE\"";
    assert!(ran.code == Some(2) && ran.err.contains(hint), "{ran:?}");
    // Half of it done, the other half is told.
    folder.put("w.toml", format!("{campaign}[recipients.types]\npoints = \"number\"\n"));
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.out.contains("`points` is no number: \"1,5\", which is one with locale = \"de_DE\""), "{ran:?}");
    folder.put("w.txt", "{{ points }}\n");
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.out.contains("say how numbers are written there (locale = \"de_DE\": 1.234,5)"), "{ran:?}");
    folder.put("w.txt", "{% if points > 1 %}gold{% endif %}\n");
    folder.put("w.toml", format!("locale = \"de_DE\"\n{}", folder.read("w.toml")));
    assert_eq!(folder.delivers(&[]).iter().map(|letter| text_of(letter)).collect::<String>(), "gold\ngold\n");
    // What is a number nowhere has no such hint.
    let folder = csv("{% if points > 1 %}gold{% endif %}\n", "email,points\nann@a.example,n/a\n");
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "a"]);
    assert!(ran.code == Some(2) && !ran.err.contains("locale"), "{ran:?}");
}

#[test]
fn bool_reads_what_cells_say_and_fails_on_what_says_neither() {
    let folder =
        csv("{% if c|bool %}A{% else %}B{% endif %}\n", "email,c\na@b.example,FALSE\nb@b.example,✓\nc@b.example,\n");
    let mut texts: Vec<String> = folder.delivers(&[]).iter().map(|letter| text_of(letter)).collect();
    texts.sort();
    assert_eq!(texts, ["A\n", "B\n", "B\n"]);
    folder.put("w.csv", "email,c\na@b.example,yes\nb@b.example,later\n");
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.code == Some(2) && ran.out.contains("\"later\" is neither true nor false"), "{ran:?}");
}

#[test]
fn a_campaign_says_whether_an_empty_cell_is_something() {
    let text = "{{ first|default('you') }}|{{ first is defined }}|{% if first %}x{% endif %}\n";
    for (setting, gives) in [
        ("", "you|False|\n"),
        ("empty_cells = \"undefined\"\n", "you|False|\n"),
        ("empty_cells = \"text\"\n", "|True|\n"),
    ] {
        let folder = csv(text, "email,first\nann@a.example,\n");
        folder.put("w.toml", folder.read("w.toml") + setting);
        assert_eq!(text_of(&folder.delivers(&[])[0]), gives, "{setting}");
    }
}

#[test]
fn a_column_that_is_no_number_is_told_before_anything_is_sent() {
    let list = "email,points,age\nann@a.example,99,1\nbob@a.example,n/a,\n";
    let folder = csv("Hi\n{% if points > 100 %}gold{% endif %} {{ age + 1 }}{{ age|default(0) > 1 }}\n", list);
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(2), 0), "{ran:?}");
    let told = "w.txt:2:7: a number is needed here, and `points` is text: w.csv, line 3, has \"n/a\"";
    assert!(ran.err.contains(told), "{}", ran.err);
    let told = "w.txt:2:41: a number is needed here, and `age` is empty in 1 of 2 rows, first in line 3 of w.csv";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert!(ran.err.contains("hint: say what an empty cell counts as: age|default(0)"), "{}", ran.err);
    assert_eq!(ran.err.matches("`age`").count(), 1, "{}", ran.err);
}

#[test]
fn what_asks_for_a_cell_before_it_computes_is_sent_with_empty_cells() {
    let list = "email,points\nann@a.example,150\nbob@a.example,\ncat@a.example,20\n";
    for condition in ["points is defined and points > 100", "points and points > 100", "points|default(0) > 100"] {
        let folder = csv(&format!("{{% if {condition} %}}gold{{% else %}}silver{{% endif %}}\n"), list);
        let mut texts: Vec<String> = folder.delivers(&[]).iter().map(|l| text_of(l)).collect();
        texts.sort();
        assert_eq!(texts, ["gold\n", "silver\n", "silver\n"], "{condition}");
    }
    let folder = csv("{% if email %}{% if points > 100 %}gold{% endif %}{% endif %}.\n", list);
    let (ran, _) = folder.send(&[]);
    assert!(ran.err.contains("`points` is empty, and a number is needed"), "{ran:?}");
}

#[test]
fn a_campaign_says_what_its_columns_hold() {
    let list = "email,points,vip,code\nann@a.example,\"1.234,5\",yes,007\n";
    let folder = csv(
        "{{ points }} {{ points > 1000 }} {{ total|money }} {% if vip %}VIP{% endif %} {{ code|default('x') }}\n",
        list,
    );
    let more = "[recipients.types]\npoints = \"number\"\nvip = \"boolean\"\n[recipients.columns]\ntotal = \"points\"\n";
    let campaign = folder.read("w.toml").replace("[recipients]", "locale = \"de_DE\"\n[recipients]");
    folder.put("w.toml", campaign + more);
    let letters = folder.delivers(&[]);
    assert_eq!(text_of(&letters[0]), "1.234,5 True 1.234,50\u{a0}\u{20ac} VIP 007\n");
    folder.put("w.toml", folder.read("w.toml").replace("\"boolean\"", "\"bool\""));
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "other"]);
    assert!(ran.err.contains("\"bool\" is no type of a column") && ran.code == Some(2), "{ran:?}");
    folder.put("w.toml", folder.read("w.toml").replace("vip = \"bool\"", "vib = \"boolean\""));
    let ran = folder.run(&["send", "w.toml", "--sink", "--data", "other"]);
    assert!(ran.err.contains("recipients.types.vib names the column \"vib\"") && ran.code == Some(2), "{ran:?}");
}

#[test]
fn a_no_that_would_count_as_true_is_told_before_anything_is_sent() {
    let ask = "Hi\n{% if vip %}VIP{% else %}you{% endif %}\n";
    for (yes, no) in [("TRUE", "FALSE"), ("WAHR", "FALSCH"), ("yes", "no"), ("ja", "nein"), ("oui", "non"), ("1", "0")]
    {
        let folder = csv(ask, &format!("email,vip\nann@a.example,{yes}\nbob@a.example,{no}\n"));
        let (ran, letters) = folder.send(&[]);
        assert_eq!((ran.code, letters.len()), (Some(2), 0), "{ran:?}");
        let told = format!("w.txt:2:7: `vip` is text, and any text counts as true here: w.csv, line 3, has {no:?}");
        assert!(ran.err.contains(&told), "{}", ran.err);
        assert!(ran.err.contains("say so under [recipients.types]: vip = \"boolean\""), "{}", ran.err);
        let ran = folder.run(&["check", "w.toml"]);
        assert!(ran.out.contains(told.split_once(": ").unwrap().1), "{ran:?}");
        folder.put("w.toml", folder.read("w.toml") + "[recipients.types]\nvip = \"boolean\"\n");
        let mut texts: Vec<String> = folder.delivers(&[]).iter().map(|l| text_of(l)).collect();
        texts.sort();
        assert_eq!(texts, ["Hi\nVIP\n", "Hi\nyou\n"], "{yes}");
    }
    let list = "email,vip\nann@a.example,yes\nbob@a.example,no\n";
    for (asks, column) in [
        ("{% if not vip %}x{% endif %}", 11),
        ("{% if email and vip %}x{% endif %}", 17),
        ("{{ 'a' if vip else 'b' }}", 11),
        ("{% if vip|default(false) %}x{% endif %}", 7),
        ("{% if row['vip'] %}x{% endif %}", 7),
        ("{{ vip and 'x' }}", 4),
    ] {
        let (ran, letters) = csv(asks, list).send(&[]);
        assert!(ran.err.contains(&format!("w.txt:1:{column}: `vip` is text")) && letters.is_empty(), "{asks}: {ran:?}");
    }
    let folder = csv(ask, "");
    folder.put("w.toml", folder.read("w.toml").replace("w.csv", "w.jsonl"));
    folder.put(
        "w.jsonl",
        "{\"email\":\"ann@a.example\",\"vip\":true}\n{\"email\":\"bob@a.example\",\"vip\":\"false\"}\n",
    );
    let (ran, letters) = folder.send(&[]);
    assert!(ran.err.contains("w.jsonl, line 2, has \"false\"") && letters.is_empty(), "{ran:?}");
}

#[test]
fn a_text_is_never_compared_with_true_or_false() {
    let list = "email,vip,city\nann@a.example,True,Ulm\nbob@a.example,False,\n";
    for (asks, column) in
        [("vip == True", 7), ("vip is true", 7), ("vip == false", 7), ("vip is not false", 7), ("true != vip", 15)]
    {
        let (ran, letters) = csv(&format!("{{% if {asks} %}}x{{% endif %}}"), list).send(&[]);
        let told =
            format!("w.txt:1:{column}: `vip` is text, which is neither true nor false: w.csv, line 2, has \"True\"");
        assert!(ran.err.contains(&told) && letters.is_empty(), "{asks}: {ran:?}");
        assert!(ran.err.contains("say so under [recipients.types]: vip = \"boolean\""), "{}", ran.err);
    }
    let (ran, _) = csv("{% if city == true %}x{% endif %}", list).send(&[]);
    assert!(ran.err.contains("hint: compare it with text in quotes"), "{ran:?}");
    let folder = csv("{{ vip == true }} {{ vip is false }}\n", list);
    folder.put("w.toml", folder.read("w.toml") + "[recipients.types]\nvip = \"boolean\"\n");
    let mut texts: Vec<String> = folder.delivers(&[]).iter().map(|l| text_of(l)).collect();
    texts.sort();
    assert_eq!(texts, ["False True\n", "True False\n"]);
}

#[test]
fn what_is_meant_as_text_is_no_yes_or_no() {
    let row = |cells: &str| format!("email,vip,first\nann@a.example,yes,Ann\nbob@a.example,{cells}\n");
    for (asks, list) in [
        ("{% if vip and vip == 'yes' %}x{% endif %}", row("no,Bob")),
        ("{% if vip %}x{% endif %}", row("perhaps,Bob")),
        ("{% if vip %}x{% endif %}", row(",Bob")),
        ("{% if vip is defined %}x{% endif %}", row("no,")),
        ("{{ vip or 'no answer' }}", row("no,Bob")),
        ("{% if first %}{{ first }}{% endif %}", row("no,Bob")),
        ("{% if n and n > 0 %}x{% endif %}", "email,n\nann@a.example,0\nbob@a.example,1\n".to_owned()),
    ] {
        assert_eq!(csv(asks, &list).delivers(&[]).len(), 2, "{asks}");
    }
    // An answer that is printed where there is one: it is told, and sent.
    let folder = csv(
        "{% if vip %}You said {{ vip }}.{% endif %}\n",
        &row("no,Bob").replace("ann@a.example,yes", "ann@a.example,"),
    );
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.out.contains("`vip` is text, and any text counts as true here: w.csv, line 3, has \"no\""), "{ran:?}");
    assert_eq!(folder.delivers(&[]).len(), 2);
}

#[test]
fn a_zero_that_counts_as_something_is_told_before_anything_is_sent() {
    let list = "email,pts,total,last\nann@a.example,120,\"12,50 €\",2026-01-02\nbob@a.example,0,\"0,00 €\",0000-00-00\n\
                cat@a.example,,,\n";
    let told = |asks: &str| {
        let folder = csv(&format!("{asks}\n"), list);
        let (ran, letters) = folder.send(&[]);
        assert_eq!((ran.code, letters.len()), (Some(2), 0), "{asks}: {ran:?}");
        ran.err
    };
    for asks in [
        "{% if pts %}You have {{ pts }} points{% endif %}",
        "{{ pts * 2 if pts else '' }}",
        "{% if not pts %}none{% endif %}",
        "{% if pts|default('') %}x{% endif %}",
        "{% if email and pts %}x{% endif %}",
    ] {
        let err = told(asks);
        assert!(err.contains("`pts` is text, and any text counts as true here: w.csv, line 3, has \"0\""), "{err}");
        let written = if asks.contains("not") { "not (pts|float > 0)" } else { "pts|float > 0" };
        let hint = format!("pts = \"number\", by which 0 is false; or write {{% if {written} %}}; if any text");
        assert!(err.contains(&hint), "{err}");
    }
    for (asks, name) in [
        ("{% set p = pts %}{% if p %}x{% endif %}", "p"),
        ("{% set q = pts %}{% set p = q|trim %}{% if p %}x{% endif %}", "p"),
        ("{% with p = pts %}{% if p %}x{% endif %}{% endwith %}", "p"),
        ("{% macro m(n, p='') %}{% if p %}{{ n }}{% endif %}{% endmacro %}{{ m('a', pts) }}", "p"),
        ("{% macro m(p) %}{% if p %}x{% endif %}{% endmacro %}{{ m(p=row['pts']) }}", "p"),
        ("{% for p in [pts] %}{% if p %}x{% endif %}{% endfor %}", "p"),
        ("{% for n, p in [('a', pts)] %}{{ n if p }}{% endfor %}", "p"),
    ] {
        let err = told(asks);
        assert!(err.contains(&format!("`{name}` is `pts`, which is text, and any text counts as true here")), "{err}");
        assert!(err.contains(&format!("{{% if {name}|float > 0 %}}")), "{err}");
    }
    let err = told("{% if total %}x{% endif %}");
    assert!(err.contains("write {% if total and total != \"0,00 €\" %}"), "{err}");
    assert!(told("{% if last %}x{% endif %}").contains("line 3, has \"0000-00-00\""));
    // What the hints say, and what asks for more than whether there is something.
    for asks in [
        "{% if pts|float > 0 %}x{% endif %}",
        "{% if pts and pts|float > 0 %}x{% endif %}",
        "{% if pts is defined %}{{ pts }}{% endif %}",
        "{% if pts and pts != \"0\" %}x{% endif %}",
        "{% if total and total != \"0,00 €\" %}x{% endif %}",
        "{% set p = pts|float %}{% if p %}x{% endif %}",
        "{% set p = pts %}{% if p != '0' %}{{ 'x' if p }}{% endif %}",
        "{% macro m(p) %}{% if p %}x{% endif %}{% endmacro %}{{ m(pts|int) }}{{ m(last is defined) }}",
    ] {
        assert_eq!(csv(&format!("{asks}\n"), list).delivers(&[]).len(), 3, "{asks}");
    }
    let folder = csv("{% if pts %}x{% else %}-{% endif %}\n", list);
    folder.put("w.toml", folder.read("w.toml") + "[recipients.types]\npts = \"number\"\n");
    let texts: Vec<String> = folder.delivers(&[]).iter().map(|letter| text_of(letter)).collect();
    assert_eq!(texts.iter().filter(|text| *text == "-\n").count(), 2, "{texts:?}");
    // Codes, and words beside zeros, are left alone.
    for list in
        ["email,pts\nann@a.example,0\nbob@a.example,none\n", "email,pts\nann@a.example,000\nbob@a.example,017\n"]
    {
        assert_eq!(csv("{% if pts %}x{% endif %}\n", list).delivers(&[]).len(), 2, "{list}");
    }
}

#[test]
fn values_of_a_json_list_stay_what_they_are_up_to_the_letter() {
    let folder = csv(
        "{{ n }} {{ n + 1 }}{% for t in tags %} {{ t.name }}{% endfor %} {{ who|default('you') }}{% if ok %}!{% endif %}\n",
        "",
    );
    folder.put("w.toml", folder.read("w.toml").replace("w.csv", "w.jsonl"));
    let list = "{\"email\":\"ann@a.example\",\"n\":19.90,\"tags\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"who\":null,\"ok\":true}\n";
    folder.put("w.jsonl", list);
    assert_eq!(text_of(&folder.delivers(&[])[0]), "19.90 20.9 a b you!\n");
}

#[test]
fn dates_money_numbers_and_words_are_written_as_people_of_the_locale_write_them() {
    let folder = csv(
        "{{ name|urlencode }}|{{ due|date('%e. %B %Y') }}|{{ total|money('EUR') }}|{{ total|number(1) }}|{{ n|plural('Punkt', 'Punkte') }}|\
         {{ 1|plural('Punkt', 'Punkte') }}|{{ note|truncate(11) }}|{{ name|title }}|{{ due|date('%b', locale='fr_FR') }}\n",
        "email,name,due,total,n,note\nann@a.example,anna maria,2026-08-05,\"1.234,5\",5,one two three four\n",
    );
    let types = "[recipients.types]\ntotal = \"number\"\n";
    folder.put("w.toml", format!("locale = \"de_DE\"\n{}{types}", folder.read("w.toml")));
    assert_eq!(
        text_of(&folder.delivers(&[])[0]),
        "anna%20maria|5. August 2026|1.234,50\u{a0}\u{20ac}|1.234,5|Punkte|Punkt|one two...|Anna Maria|ao\u{fb}t\n"
    );
}

#[test]
fn columns_of_any_heading_are_reached_from_all_that_jinja2_has() {
    for (template, gives) in [
        (
            "{{ first_name }} {{ row['first name'] }} {{ row['if'] }} {{ _if }} {{ class }} {{ row['Stra\u{df}e'] }}",
            "Ann Ann x x A Weg 1",
        ),
        ("{% if class == 'A' %}{% set mark = first_name %}{% else %}{% set mark = '-' %}{% endif %}{{ mark }}", "Ann"),
        (
            "{% macro hi(who, sign='!') %}Hi {{ who }}{{ sign }}{% endmacro %}{{ hi(first_name) }}{{ hi(_if, sign='?') }}",
            "Hi Ann!Hi x?",
        ),
        ("{% for c in first_name %}{{ loop.index }}{{ c }}{{ ',' if not loop.last }}{% endfor %}", "1A,2n,3n"),
        ("{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6"),
        ("{% import 'parts/m.txt' as m %}{{ m.big(first_name) }} {% include 'parts/foot.txt' %}", "ANN of Ann"),
    ] {
        let folder =
            csv(&format!("{template}\n"), "email,first name,if,class,Stra\u{df}e\nann@a.example,Ann,x,A,Weg 1\n");
        folder.put("parts/m.txt", "{% macro big(x) %}{{ x|upper }}{% endmacro %}");
        folder.put("parts/foot.txt", "of {{ first_name }}");
        assert_eq!(text_of(&folder.delivers(&[])[0]), format!("{gives}\n"), "{template}");
    }
}

#[test]
fn templates_read_files_of_the_campaign_s_folder_and_no_others() {
    let folder = csv(
        "{% extends 'parts/base.txt' %}{% block body %}Dear {{ first }}{% include 'foot.txt' %}{% endblock %}\n",
        "email,first\nann@a.example,Ann\n",
    );
    folder.put("parts/base.txt", "{% block body %}{% endblock %}, {{ first|upper }}");
    folder.put("foot.txt", " ~{{ first }}");
    assert_eq!(text_of(&folder.delivers(&[])[0]), "Dear Ann ~Ann, ANN\n");
    let refused = |template: &str, told: &str| {
        folder.put("w.txt", template);
        let ran = folder.run(&["send", "w.toml", "--sink", "--data", "refused"]);
        assert!(ran.err.contains(told) && ran.code == Some(2), "{ran:?}");
    };
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.txt")).unwrap();
    refused(
        "x {% include 'link.txt' ignore missing %}",
        "w.txt:1:14: `link.txt` cannot be read: it is a link that leads out",
    );
    refused("{% include '../x.txt' ignore missing %}", "w.txt:1:12: `../x.txt` leads out of the campaign's folder");
    refused("{% include 'nix.txt' %}", "w.txt:1:12: there is no file `nix.txt` in the campaign's folder");
    folder.put("foot.txt", "a\n{{ frist }}");
    refused("{% include 'foot.txt' %}", "foot.txt:2:4: no column of the list is called `frist`");
}

#[test]
fn a_letter_whose_values_are_read_otherwise_is_another_one() {
    for (recipients, changed) in [
        ("", "empty_cells = \"text\"\n"),
        ("", "[recipients.types]\npoints = \"text\"\n"),
        ("[recipients.columns]\nfirst = \"name\"\n", "[recipients.columns]\nfirst = \"city\"\n"),
    ] {
        let folder = Folder::new();
        let campaign = |more: &str| CAMPAIGN.replace("{{ first }}", "you") + more;
        folder.put("w.csv", "email,points,name,city\nann@a.example,1,Ann,Oslo\nbob@a.example,,Bob,Rome\n");
        let named = if recipients.is_empty() { "" } else { "{{ first }} " };
        folder.put("w.txt", format!("{named}{{{{ points|default('none') }}}} {{{{ name }}}} {{{{ city }}}}\n"));
        folder.put("w.toml", campaign(recipients));
        let run = |more: &[&str]| folder.run(&[&["send", "w.toml", "--data", "data", "--sink"], more].concat());
        let ran = run(&["--limit", "1"]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        folder.put("w.toml", campaign(changed));
        let ran = run(&[]);
        assert!(ran.code == Some(0) && ran.err.contains("content has changed since"), "{changed}: {ran:?}");
    }
}

#[test]
fn a_plural_goes_with_the_number_that_a_cell_of_text_is() {
    let list = super::conditions::list_of("c", &["3", "1", "0", "1.5", ""]);
    let letters = super::lists::arrives(&super::lists::campaign(
        "w.csv",
        list,
        "",
        "{{ c }} item{{ c|pluralize }}, {{ c|pluralize('y', 'ies') }}",
    ));
    let said: Vec<&str> = letters.iter().map(|letter| letter.split_once(": ").unwrap().1).collect();
    assert_eq!(said, ["3 items, ies", "1 item, y", "0 items, ies", "1.5 items, ies", " items, ies"]);
}
