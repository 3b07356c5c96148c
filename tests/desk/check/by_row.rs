//! Links and pictures that rows have a part in: what a row makes of them is told once, by the column that has it, and a hint that is
//! followed by the letter leaves nothing to tell.

use super::{CAMPAIGN, HTML, LIST, TEXT, check, spring};

const LINK: &str = "https://acme.example/spring";
const PICTURE: &str = "https://acme.example/tulips.jpg";

/// What is changed: file, what, and by what.
type Change<'c> = (&'c str, &'c str, &'c str);

struct Case<'c> {
    /// What stands in the column `x` of the four rows.
    cells: [&'c str; 4],
    changes: &'c [Change<'c>],
    /// The check, the line of the list, what it says of the rows and the address, and the hint.
    told: (&'c str, usize, &'c str, &'c str),
    /// What follows the hint.
    mends: &'c [Change<'c>],
}

const GOOD: [&str; 4] =
    ["https://acme.example/a", "https://acme.example/b?c=1", "https://acme.example/c", "https://acme.example/d"];

/// The findings of a campaign with these changes.
fn found(cells: [&str; 4], changes: &[Change]) -> Vec<(String, String, String, String)> {
    let folder = spring();
    let lines = LIST.lines().zip(["x"].into_iter().chain(cells)).map(|(line, cell)| format!("{line},{cell}\n"));
    let files =
        [("letter.html", HTML), ("letter.txt", TEXT), ("w.toml", CAMPAIGN), ("list.csv", &lines.collect::<String>())];
    for (file, start) in files {
        let of_file = changes.iter().filter(|(of, ..)| *of == file);
        let text = of_file.fold(start.to_owned(), |text, (_, from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        folder.put(file, text);
    }
    let (_, found) = check(&folder, "w.toml");
    found.into_iter().map(|one| (one.check, one.place, one.says, one.hint)).collect()
}

#[test]
fn each_address_is_judged_by_what_the_row_makes_of_it_and_the_hint_mends_it() {
    let link = |to: &'static str| ("letter.html", LINK, to);
    let text = |to: &'static str| ("letter.txt", LINK, to);
    let cell = |from: &'static str, to: &'static str| ("list.csv", from, to);
    let write = "in the list: write `https://acme.example/x`";
    let everybody = "in the list: write an address that everybody reaches";
    let whole = "write {{ x }} alone, and whole addresses (https://…) in all rows of the list";
    let with = |index: usize, bad: &'static str| {
        let mut cells = GOOD;
        cells[index] = bad;
        cells
    };
    let cases = [
        (
            with(1, "C:\\x"),
            vec![link("{{ x }}")],
            ("local-link", 3, "the link `C:\\x` leads to the reader's own disk", everybody),
            vec![cell("C:\\x", "https://acme.example")],
        ),
        (
            with(1, "https:/acme.example/x"),
            vec![link("{{ x }}"), text("{{ x }}")],
            ("link-scheme", 3, "the link `https:/acme.example/x` leads nowhere", write),
            vec![cell("https:/acme", "https://acme")],
        ),
        (
            with(2, "https://acme"),
            vec![link("{{ x }}")],
            ("local-link", 4, "`acme` is no whole name of a host", everybody),
            vec![cell("https://acme\n", "https://acme.example\n")],
        ),
        (
            with(0, "https://acme.example/a b"),
            vec![link("{{ x }}")],
            ("broken-link", 2, "has a blank in it", "in the list: write %20 in its place, or take it out"),
            vec![cell("a b", "a%20b")],
        ),
        (
            with(3, "/d"),
            vec![link("{{ x }}")],
            (
                "relative-link",
                5,
                "the link `/d` leads nowhere",
                "write whole addresses in the list, as a browser shows them (https://…), or set base_url = \"https://…\"",
            ),
            vec![("w.toml", "html = ", "base_url = \"https://acme.example\"\nhtml = ")],
        ),
        (
            with(0, "t.jpg"),
            vec![("letter.html", PICTURE, "{{ x }}")],
            ("relative-link", 2, "the picture `t.jpg` leads nowhere", "write whole addresses in the list"),
            vec![cell(",t.jpg", ",https://acme.example/t.jpg")],
        ),
        (
            ["https://a.example", "https:/b.example", "https://c.example", "https://d.example"],
            vec![link("{{ x }}/x?u={{ city }}")],
            (
                "link-scheme",
                3,
                "the link `https:/b.example/x?u=Bergen` leads nowhere",
                "in the list: write `https://b.example`",
            ),
            vec![cell("https:/b", "https://b")],
        ),
        (
            ["https://a.example", "https:/b.example", "https://c.example", "https://d.example"],
            vec![text("{{ x }}/x?u={{ city }}")],
            (
                "link-scheme",
                3,
                "the link `https:/b.example/x?u=Bergen` leads nowhere",
                "in the list: write `https://b.example`",
            ),
            vec![cell("https:/b", "https://b")],
        ),
        // In a branch, only whose letter has it.
        (
            ["C:\\a", "C:\\b", "C:\\c", "C:\\d"],
            vec![("letter.html", "opens at ten.", "<a href=\"{{ x }}\">opens</a>.")],
            ("local-link", 2, "in 2 of 4 rows, by what they have in \"x\", the link `C:\\a`", everybody),
            vec![cell("C:\\", "https://acme.example/")],
        ),
        // An address in another one, also where there is a base.
        (
            GOOD,
            vec![
                link("https://shop.example/{{ x }}"),
                ("letter.html", PICTURE, "tulips.jpg"),
                ("w.toml", "html = ", "base_url = \"https://acme.example\"\nhtml = "),
            ],
            (
                "link-scheme",
                2,
                "in 4 of 4 rows, by what they have in \"x\", the link `https://shop.example/https://acme.example/a` leads nowhere",
                whole,
            ),
            vec![link("{{ x }}")],
        ),
        (
            GOOD,
            vec![link("https://{{ x }}")],
            (
                "link-scheme",
                2,
                "in 4 of 4 rows, by what they have in \"x\", the link `https://https://acme.example/a`",
                whole,
            ),
            vec![link("{{ x }}")],
        ),
        // Values in a query.
        (
            ["A & B", "B", "C", "D"],
            vec![link("https://acme.example/?n={{ x }}")],
            (
                "unencoded-value",
                2,
                "`&` in a value changes the link `https://acme.example/?n=A & B`",
                "write {{ x|urlencode }}",
            ),
            vec![link("https://acme.example/?n={{ x|urlencode }}")],
        ),
        (
            ["A", "B C", "C", "D"],
            vec![text("https://acme.example/?n={{ x }}&m=1")],
            ("unencoded-value", 3, "a blank in a value changes the link", "write {{ x|urlencode }}"),
            vec![text("https://acme.example/?n={{ x|urlencode }}&m=1")],
        ),
        (
            ["A", "New York", "C", "D"],
            vec![link("https://acme.example/{{ x }}")],
            ("broken-link", 3, "has a blank in it", "write {{ x|urlencode }}"),
            vec![link("https://acme.example/{{ x|urlencode }}")],
        ),
        (
            GOOD,
            vec![link("https://acme.example/?e={{ email }}"), cell("ann@", "ann+x@")],
            (
                "unencoded-value",
                2,
                "in 1 of 4 rows, by what they have in \"email\", `+` in a value",
                "write {{ email|urlencode }}",
            ),
            vec![link("https://acme.example/?e={{ email|urlencode }}"), cell("ann@", "ann+x@")],
        ),
        // By the heading, and by names that the template gives.
        (
            ["A & B", "B", "C", "D"],
            vec![link("https://acme.example/?n={{ row[\"x\"] }}")],
            (
                "unencoded-value",
                2,
                "`&` in a value changes the link `https://acme.example/?n=A & B`",
                "write {{ row[\"x\"]|urlencode }}",
            ),
            vec![link("https://acme.example/?n={{ row[\"x\"]|urlencode }}")],
        ),
        (
            ["A & B", "B", "C", "D"],
            vec![link("{% set to = \"https://acme.example/?n=\" ~ x %}{{ to }}")],
            ("unencoded-value", 2, "`&` in a value changes", "in the tag that puts x into the link, write x|urlencode"),
            vec![link("{% set to = \"https://acme.example/?n=\" ~ x|urlencode %}{{ to }}")],
        ),
        (
            ["A & B", "B", "C", "D"],
            vec![
                ("letter.html", "<body>", "<body>{% set to %}https://acme.example/?m=1&amp;n={{ x }}{% endset %}"),
                link("{{ to }}"),
            ],
            ("unencoded-value", 2, "`&` in a value changes", "write {{ x|urlencode }}"),
            vec![(
                "letter.html",
                "<body>",
                "<body>{% set to %}https://acme.example/?m=1&amp;n={{ x|urlencode }}{% endset %}",
            )],
        ),
        (
            with(1, "/b"),
            vec![link("{% with to = row.x %}{{ to }}{% endwith %}")],
            ("relative-link", 3, "in 1 of 4 rows, by what they have in \"x\", the link `/b`", "write whole addresses"),
            vec![cell(",/b", ",https://acme.example/b")],
        ),
        (
            with(2, "https://acme.example/a b"),
            vec![(
                "letter.html",
                "opens at ten.",
                "{% macro go(to, say=\"x\") %}<a href=\"{{ to|trim }}\">{{ say }}</a>{% endmacro %}{{ go(x, say=\"opens\") }}.",
            )],
            ("broken-link", 4, "has a blank in it", "in the list: write %20 in its place, or take it out"),
            vec![cell("a b", "a%20b")],
        ),
        (
            ["New York", "b", "c", "d"],
            vec![(
                "letter.html",
                "opens at ten.",
                "{% macro go(n) %}<a href=\"https://acme.example/?n={{ n }}\">x</a>{% endmacro %}{{ go(x) }}.",
            )],
            ("unencoded-value", 2, "a blank in a value changes", "write {{ n|urlencode }}"),
            vec![(
                "letter.html",
                "opens at ten.",
                "{% macro go(n) %}<a href=\"https://acme.example/?n={{ n|urlencode }}\">x</a>{% endmacro %}{{ go(x) }}.",
            )],
        ),
        (
            with(1, "https:/acme.example/x"),
            vec![text("{% set to = x %}{{ to }}")],
            ("link-scheme", 3, "the link `https:/acme.example/x` leads nowhere", write),
            vec![cell("https:/acme", "https://acme")],
        ),
        // Parameters behind a link that has none, or has some.
        (
            GOOD,
            vec![link("{{ x }}&amp;ref=mail")],
            (
                "broken-link",
                2,
                "in 3 of 4 rows, by what they have in \"x\", the link `https://acme.example/a&ref=mail` has `&ref=` and no `?`",
                "write {{ x|add_query(\"ref=mail\") }}",
            ),
            vec![link("{{ x|add_query(\"ref=mail\") }}")],
        ),
        (
            GOOD,
            vec![text("{{ x }}&ref={{ city }}&m=1")],
            (
                "broken-link",
                2,
                "`https://acme.example/a&ref=Oslo&m=1` has `&ref=` and no `?`",
                "write {{ x|add_query(\"ref=\" ~ city|urlencode ~ \"&m=1\") }}",
            ),
            vec![text("{{ x|add_query(\"ref=\" ~ city|urlencode ~ \"&m=1\") }}")],
        ),
        (
            with(3, "https://acme.example/d&ref=x"),
            vec![link("{{ x }}")],
            ("broken-link", 5, "has `&ref=` and no `?`", "in the list: write ? in the place of the first &"),
            vec![cell("d&ref", "d?ref")],
        ),
    ];
    for (cells, changes, told, mends) in cases {
        let case = Case { cells, changes: &changes, told, mends: &mends };
        let (word, line, says, hint) = case.told;
        let known = found(case.cells, case.changes);
        let [(check, place, said, mend)] = &known[..] else { panic!("{:?}: {known:#?}", case.told) };
        assert_eq!((check.as_str(), place.as_str()), (word, &*format!("list.csv:{line}")), "{known:#?}");
        assert!(said.contains(says) && mend.starts_with(hint), "{says}\n{hint}\n{known:#?}");
        // A mend of a file takes the place of what was changed there, that of a row comes to it.
        let is_left = |change: &&Change| !case.mends.iter().any(|mend| mend.0 == change.0 && mend.1 == change.1);
        let all: Vec<Change> = case.changes.iter().filter(is_left).chain(case.mends).copied().collect();
        assert_eq!(found(case.cells, &all), [], "{hint}");
    }
}

#[test]
fn addresses_that_are_right_in_each_row_are_let_be() {
    let names = ["Ann", "spring+sale", "M%C3%BCller", "a=b"];
    for (cells, changes) in [
        (
            GOOD,
            vec![
                ("letter.html", LINK, "{{ x }}"),
                ("letter.txt", LINK, "{{ x }}"),
                ("letter.html", PICTURE, "{{ x }}"),
            ],
        ),
        (GOOD, vec![("letter.html", LINK, "https://web.archive.org/web/2026/{{ x }}")]),
        (GOOD, vec![("letter.html", LINK, "https://acme.example/to?u={{ x }}")]),
        (
            names,
            vec![
                ("letter.html", LINK, "https://acme.example/?n={{ x }}"),
                ("letter.txt", LINK, "https://acme.example/{{ x }}"),
            ],
        ),
        (["a=1&b=2", "c=3", "d=4", "e=5"], vec![("letter.html", LINK, "https://acme.example/?{{ x }}")]),
        // By other names, and in the order in which the template binds them.
        (
            names,
            vec![
                ("letter.html", LINK, "{% set to = \"https://acme.example/?n=\" ~ x|urlencode %}{{ to }}"),
                (
                    "letter.txt",
                    LINK,
                    "{% with to = row[\"x\"]|urlencode %}https://acme.example/?n={{ to }}{% endwith %}",
                ),
            ],
        ),
        (
            ["C:\\x", "y", "/x", "a b"],
            vec![(
                "letter.html",
                "opens at ten.",
                "{% macro go(to) %}<a href=\"{{ to }}\">x</a>{% endmacro %}{% if x == \"no\" %}{{ go(x) }}{% endif %}\
                 {{ go(\"https://acme.example\") }}",
            )],
        ),
        (["see", "1", "b", "c"], vec![("letter.html", LINK, "https://acme.example/a?b={{ x }}&amp;c=1&amp;d=2")]),
        // What another branch shows, and a name that the template has for itself.
        (
            ["C:\\x"; 4],
            vec![("letter.html", "opens at ten.", "{% if x == \"no\" %}<a href=\"{{ x }}\">opens</a>{% endif %}.")],
        ),
        (["C:\\x"; 4], vec![("letter.html", LINK, "{% set x = \"https://acme.example\" %}{{ x }}")]),
        (["see C:\\x", "1 / 2", "b", "c"], vec![("letter.txt", LINK, "{{ x }} {{ x }}/{{ city }}")]),
    ] {
        assert_eq!(found(cells, &changes), [], "{changes:?}");
    }
}

#[test]
fn a_gap_is_told_by_whatever_name_the_letter_prints_the_column() {
    let cells = ["a", "", "c", ""];
    let says = "2 of 4 rows have nothing in \"x\" (such as bob@b.example): readers see a gap";
    for (file, print, given) in [
        ("letter.html", "{{ row[\"x\"] }}", "{{ row[\"x\"]|default(\"y\", true) }}"),
        ("letter.txt", "{{ row.x|upper }}", "{{ x|default(\"y\", true)|upper }}"),
        ("letter.html", "{% set n = x %}{{ n }}", "{% set n = x|default(\"y\", true) %}{{ n }}"),
        ("letter.txt", "{% with n = x|trim %}{{ n }}{% endwith %}", "{% with n = x or \"y\" %}{{ n }}{% endwith %}"),
        (
            "letter.html",
            "{% macro hi(n) %}Dear {{ n }}{% endmacro %}{{ hi(x) }}",
            "{% macro hi(n) %}Dear {{ n }}{% endmacro %}{{ hi(x|default(\"y\", true)) }}",
        ),
        ("letter.txt", "{% set x = x|trim %}{{ x }}", "{% set x = x|default(\"y\", true) %}{{ x }}"),
        (
            "letter.html",
            "{% block hi %}{{ x }}{% endblock %}",
            "{% macro hi(n) %}{% if n %}{{ n }}{% endif %}{% endmacro %}{{ hi(x) }}{% if x %}{{ x }}{% endif %}",
        ),
    ] {
        // In each letter, and not in those of one city.
        let end = if file == "letter.html" { "</body>" } else { "Acme Garden" };
        let with = |print: &str| found(cells, &[(file, end, &format!("{print} {end}"))]);
        let told: Vec<_> = with(print).into_iter().filter(|one| one.0 != "jinja2").collect();
        let [(check, place, said, hint)] = &told[..] else { panic!("{print}: {told:#?}") };
        assert_eq!((&**check, &**place, &**said), ("empty-field", "list.csv:3", says), "{print}");
        assert!(hint.contains("{{ x|default(\"\u{2026}\", true) }}"), "{hint}");
        assert_eq!(with(given), [], "{given}");
    }
}
