//! Conditions over columns of yes and no, of amounts and of zeros: each is told before anything is sent, and the hint that is
//! followed by the letter is a mend.

use super::check::{Found, check};
use super::folder::Folder;
use super::lists::{arrives, campaign};

/// A list of one column beside the addresses.
pub fn list_of(column: &str, cells: &[&str]) -> String {
    let row = |(n, cell): (usize, &&str)| format!("p{n}@a.example,\"{}\"\n", cell.replace('"', "\"\""));
    format!("email,{column}\n") + &cells.iter().enumerate().map(row).collect::<String>()
}

/// A campaign, what is found against it, and how that is mended.
pub struct Case<'a> {
    pub list: String,
    pub letter: &'a str,
    /// Where it is found, and parts of what is said.
    pub found: &'a [&'a str],
    pub hint: &'a str,
    /// The letter as the hint has it, and what it says under [recipients.types].
    pub mended: &'a str,
    pub types: &'a str,
    /// What then arrives, for each row.
    pub arrives: &'a [&'a str],
}

fn is_told(found: &Found, part: &str) -> bool {
    format!("{}: {}", found.place, found.says).contains(part)
}

impl Case<'_> {
    fn folder(&self, letter: &str, types: &str, files: &[(&str, &str)]) -> Folder {
        let types = if types.is_empty() { String::new() } else { format!("[recipients.types]\n{types}\n") };
        let folder = campaign("w.csv", &self.list, &types, letter);
        files.iter().for_each(|(name, text)| folder.put(name, text));
        folder
    }

    pub fn holds(&self, files: &[(&str, &str)]) {
        let (ran, found) = check(&self.folder(self.letter, "", files), "w.toml");
        let told = found.iter().find(|found| self.found.iter().all(|part| is_told(found, part)));
        let told = told.unwrap_or_else(|| panic!("{}: {:?}\n{ran:?}", self.letter, self.found));
        assert!(told.hint.contains(self.hint), "{}: {}", self.letter, told.hint);
        let letters = arrives(&self.folder(self.mended, self.types, files));
        let texts: Vec<&str> =
            letters.iter().map(|letter| letter.split_once(": ").map_or("", |(_, text)| text)).collect();
        assert_eq!(texts, self.arrives, "{}", self.mended);
    }
}

#[test]
fn an_odd_cell_among_yes_and_no_or_zeros_takes_nothing_away_from_the_guard() {
    for (cells, letter, found, hint, mended, texts) in [
        (
            &["yes", "no", "?", "yes", ""][..],
            "{% if c %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "counts as true here: w.csv, line 3, has \"no\"; beside yes and no it has \"?\" (line 4)"][..],
            "write {% if c == \"yes\" %}",
            "{% if c == \"yes\" %}A{% else %}B{% endif %}",
            &["A", "B", "B", "A", "B"][..],
        ),
        (
            &["ja", "nein", "JA", "weiß nicht"],
            "{{ 'A' if c else 'B' }}",
            &["w.txt:1:11", "line 3, has \"nein\"; beside yes and no it has \"weiß nicht\" (line 5)"],
            "write {% if c in [\"ja\", \"JA\"] %}",
            "{{ 'A' if c in [\"ja\", \"JA\"] else 'B' }}",
            &["A", "B", "A", "B"],
        ),
        (
            &["no", "no", "unknown"],
            "{% if c %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "has \"no\"", "\"unknown\" (line 4)"],
            "write {% if c and c not in [\"no\", \"unknown\"] %}",
            "{% if c and c not in [\"no\", \"unknown\"] %}A{% else %}B{% endif %}",
            &["B", "B", "B"],
        ),
        (
            &["True", "False", "?"],
            "{% if c == true %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "neither true nor false"],
            "write c == \"True\", without `true`",
            "{% if c == \"True\" %}A{% else %}B{% endif %}",
            &["A", "B", "B"],
        ),
        (
            &["0", "5", "12", "viele", "-"],
            "{% if c %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "line 2, has \"0\"; beside amounts it has \"viele\" (line 5), \"-\" (line 6)"],
            "write {% if c and c not in [\"0\", \"-\"] %}",
            "{% if c and c not in [\"0\", \"-\"] %}A{% else %}B{% endif %}",
            &["B", "A", "A", "A", "B"],
        ),
        (
            &["0,00 €", "5 €", "0", "-", "0\u{a0}€"],
            "{% if c %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "line 2, has \"0,00 €\"; beside amounts it has \"-\" (line 5)"],
            "write {% if c and c not in [\"0,00 €\", \"0\", \"0\\u00a0€\", \"-\"] %}",
            "{% if c and c not in [\"0,00 €\", \"0\", \"0\\u00a0€\", \"-\"] %}A{% else %}B{% endif %}",
            &["B", "A", "B", "B", "B"],
        ),
    ] {
        let list = list_of("c", cells);
        Case { list, letter, found, hint, mended, types: "", arrives: texts }.holds(&[]);
    }
    // More odd cells than a few make another column of it.
    for cells in [&["yes", "no", "later", "perhaps"][..], &["0", "many"], &["no", "?", "-"]] {
        let letters = arrives(&campaign("w.csv", list_of("c", cells), "", "{% if c %}A{% endif %}."));
        assert_eq!(letters.len(), cells.len(), "{cells:?}");
    }
}

#[test]
fn a_comparison_with_one_word_is_no_guard_against_the_others() {
    let both = "{% if c %}A{% else %}B{% endif %}";
    for (cells, letter, found, hint, mended, texts) in [
        (
            &["0", "5 €", "0,00 €", "0 €", "0.00"][..],
            "{% if c and c != \"0,00 €\" %}A{% else %}B{% endif %}",
            &["w.txt:1:13", "compared with \"0,00 €\"", "other words for zero", "line 2, has \"0\""][..],
            "write c not in [\"0\", \"0,00 €\", \"0 €\", \"0.00\"]",
            "{% if c and c not in [\"0\", \"0,00 €\", \"0 €\", \"0.00\"] %}A{% else %}B{% endif %}",
            &["B", "A", "B", "B", "B"][..],
        ),
        (
            &["0", "5", "0.0"],
            "{% if c == '0' %}B{% elif c %}A{% endif %}",
            &["w.txt:1:7", "compared with \"0\"", "line 4, has \"0.0\""],
            "write c in [\"0\", \"0.0\"]",
            "{% if c in [\"0\", \"0.0\"] %}B{% elif c %}A{% endif %}",
            &["B", "A", "B"],
        ),
        (
            &["yes", "Yes", "no", "JA"],
            "{% if c == 'yes' %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "compared with \"yes\"", "other words for yes", "line 3, has \"Yes\""],
            "write c in [\"yes\", \"Yes\", \"JA\"]",
            "{% if c in [\"yes\", \"Yes\", \"JA\"] %}A{% else %}B{% endif %}",
            &["A", "A", "B", "A"],
        ),
        (
            &["no", "ja", "Nein"],
            "{% if c|lower not in ['no'] %}A{% else %}B{% endif %}",
            &["w.txt:1:7", "other words for no", "line 4, has \"Nein\""],
            "write c not in [\"no\", \"Nein\"]",
            "{% if c not in [\"no\", \"Nein\"] %}A{% else %}B{% endif %}",
            &["B", "A", "B"],
        ),
    ] {
        let list = list_of("c", cells);
        Case { list, letter, found, hint, mended, types: "", arrives: texts }.holds(&[]);
    }
    // The column asked elsewhere whether it holds is not excused by it.
    let list = list_of("c", &["0", "5", "0.0"]);
    let letter = format!("{both}{{% if c != '0' %}}!{{% endif %}}");
    let (_, found) = check(&campaign("w.csv", &list, "", &letter), "w.toml");
    assert!(found.iter().any(|found| is_told(found, "counts as true here: w.csv, line 2, has \"0\"")));
    // What knows all words, in whatever way, is left alone.
    for (cells, letter) in [
        (&["yes", "YES", "no"][..], "{{ 1 if c|lower == 'yes' else 2 }}"),
        (&["yes", "no"], "{% if c == 'yes' %}1{% elif c == 'no' %}2{% endif %}"),
        (&["yes", "no"], "{% if c == 'yes' %}1{% elif c %}2{% endif %}"),
        (&["NO", "DE", "no-one"], "{{ 1 if c == 'NO' else 2 }}"),
        (&["0", "5", "7"], "{{ 1 if c and c != '0' else 2 }}"),
        (&["100", "0", "7"], "{{ 1 if c == '100' else 2 }}"),
        (&["S", "T", "X"], "{{ 1 if c == 'S' else 2 }}"),
        (&["1", "x", "1"], "{{ 1 if c == 'x' else 2 }}"),
    ] {
        assert_eq!(arrives(&campaign("w.csv", list_of("c", cells), "", letter)).len(), cells.len(), "{letter}");
    }
}

#[test]
fn a_hint_for_what_is_denied_denies_it_too() {
    for (cells, letter, hint, mended, texts) in [
        (
            &["yes", "no", "?", "yes"][..],
            "{% if not c %}B{% endif %}.",
            "write {% if not (c == \"yes\") %}",
            "{% if not (c == \"yes\") %}B{% endif %}.",
            &[".", "B.", "B.", "."][..],
        ),
        (
            &["0", "5", ""],
            "{{ 'B' if not c else 'A' }}",
            "write {% if not (c|float > 0) %}",
            "{{ 'B' if not (c|float > 0) else 'A' }}",
            &["B", "A", "B"],
        ),
    ] {
        let (list, found) = (list_of("c", cells), &["counts as true here"][..]);
        Case { list, letter, found, hint, mended, types: "", arrives: texts }.holds(&[]);
    }
}

#[test]
fn a_dash_or_a_blank_where_nothing_is_meant_is_told() {
    for (cells, letter, found, hint, mended, texts) in [
        (
            &["A1", "-", "B2", ""][..],
            "{% if c %}Yours: {{ c }}{% endif %}.",
            &[
                "w.txt:1:7",
                "`c` is text, and any text counts as true here: w.csv, line 3, has \"-\", by which nothing is meant",
            ][..],
            "leave such cells empty in the list, or write {% if c and c != \"-\" %}",
            "{% if c and c != \"-\" %}Yours: {{ c }}{% endif %}.",
            &["Yours: A1.", ".", "Yours: B2.", "."][..],
        ),
        (
            &["A1", "–", "\u{a0}", "--"],
            "{% if not c %}B{% endif %}.",
            &["line 3, has \"–\""],
            "write {% if not (c|trim and c|trim not in [\"–\", \"--\"]) %}",
            "{% if not (c|trim and c|trim not in [\"–\", \"--\"]) %}B{% endif %}.",
            &[".", "B.", "B.", "B."],
        ),
        (
            &["A1", "\u{a0}"],
            "{% if c %}A{% endif %}.",
            &["line 3, has \"\\u{a0}\""],
            "write {% if c|trim %}",
            "{% if c|trim %}A{% endif %}.",
            &["A.", "."],
        ),
    ] {
        let list = list_of("c", cells);
        Case { list, letter, found, hint, mended, types: "", arrives: texts }.holds(&[]);
    }
    // Signs among signs mean something, and so does a dash within a word.
    for cells in [&["+", "-", "o"][..], &["A-1", "B"]] {
        let letters = arrives(&campaign("w.csv", list_of("c", cells), "", "{% if c %}A{% endif %}."));
        assert_eq!(letters.len(), cells.len(), "{cells:?}");
    }
}

#[test]
fn what_stands_in_objects_and_lists_is_asked_as_columns_are() {
    let row = |(n, value): (usize, &str)| format!("{{\"email\":\"p{n}@a.example\",\"c\":{value}}}\n");
    let list = |values: &[&str]| values.iter().copied().enumerate().map(row).collect::<String>();
    for (values, letter, says, hint, mended, texts) in [
        (
            &["{\"vip\":\"true\"}", "{\"vip\":\"false\"}", "{\"vip\":\"true\"}", "{}"][..],
            "{{ 'A' if c.vip else 'B' }}",
            "`c.vip` is text, and any text counts as true here: w.jsonl, line 2, has \"false\"",
            "write {% if c.vip == \"true\" %}, or true and false without quotes in the list",
            "{{ 'A' if c.vip == \"true\" else 'B' }}",
            &["A", "B", "A", "B"][..],
        ),
        (
            &["{\"a\":{\"pts\":\"0\"}}", "{\"a\":{\"pts\":\"5\"}}"],
            "{% set p = c['a'].pts %}{{ 'A' if p else 'B' }}",
            "`p` is text, and any text counts as true here: w.jsonl, line 1, has \"0\"",
            "write {% if p|float > 0 %}, or numbers without quotes in the list",
            "{% set p = c['a'].pts %}{{ 'A' if p|float > 0 else 'B' }}",
            &["B", "A"],
        ),
        (
            &["[{\"paid\":\"yes\"},{\"paid\":\"no\"}]", "[]"],
            "{% for o in c %}{{ 'A' if o.paid else 'B' }}{% endfor %}.",
            "`o.paid` is text, and any text counts as true here: w.jsonl, line 1, has \"no\"",
            "write {% if o.paid == \"yes\" %}",
            "{% for o in c %}{{ 'A' if o.paid == \"yes\" else 'B' }}{% endfor %}.",
            &["AB.", "."],
        ),
        (
            &["{\"vip\":\"Yes\"}", "{\"vip\":\"yes\"}", "{\"vip\":\"no\"}"],
            "{{ 'A' if c.vip == 'yes' else 'B' }}",
            "`c.vip` is compared with \"yes\", and the list has other words for yes",
            "write c.vip in [\"Yes\", \"yes\"]",
            "{{ 'A' if c.vip in [\"Yes\", \"yes\"] else 'B' }}",
            &["A", "A", "B"],
        ),
    ] {
        let (_, found) = check(&campaign("w.jsonl", list(values), "", letter), "w.toml");
        let told = found.iter().find(|found| is_told(found, says)).unwrap_or_else(|| panic!("{letter}: {found:#?}"));
        assert!(told.severity == "error" && told.hint.contains(hint), "{letter}: {}", told.hint);
        let letters = arrives(&campaign("w.jsonl", list(values), "", mended));
        let said: Vec<&str> =
            letters.iter().map(|letter| letter.split_once(": ").map_or("", |(_, text)| text)).collect();
        assert_eq!(said, texts, "{mended}");
    }
    for (values, letter) in [
        (&["{\"vip\":true}", "{\"vip\":false}"][..], "{{ 'A' if c.vip else 'B' }}"),
        (&["{\"vip\":\"true\"}", "{\"vip\":\"false\"}"], "{{ 'A' if c.vip == 'true' and c.vip else 'B' }}"),
        (&["{\"name\":\"Ann\"}", "{\"name\":\"\"}"], "{{ c.name if c.name else 'you' }}"),
        (&["{\"pts\":0}", "{\"pts\":5}"], "{{ 'A' if c.pts else 'B' }}"),
    ] {
        assert_eq!(arrives(&campaign("w.jsonl", list(values), "", letter)).len(), values.len(), "{letter}");
    }
}

#[test]
fn columns_are_followed_through_files_namespaces_lists_and_objects() {
    let files = [
        ("m.txt", "{% macro b(v) %}{{ 'A' if v else 'B' }}{% endmacro %}"),
        ("n.txt", "{% from 'm.txt' import b %}{% macro c(v) %}{{ b(v) }}{% endmacro %}"),
        ("i.txt", "{{ 'A' if p else 'B' }}"),
        ("f.txt", "{% macro b(v) %}{{ 'A' if v|float > 0 else 'B' }}{% endmacro %}"),
        ("g.txt", "{% from 'f.txt' import b %}{% macro c(v) %}{{ b(v) }}{% endmacro %}"),
        ("j.txt", "{{ 'A' if p|float > 0 else 'B' }}"),
    ];
    for (letter, name, place, mended) in [
        ("{% import 'm.txt' as m %}{{ m.b(c) }}", "v", "m.txt", "{% import 'f.txt' as m %}{{ m.b(c) }}"),
        ("{% from 'm.txt' import b as d %}{{ d(v=c) }}", "v", "m.txt", "{% from 'f.txt' import b as d %}{{ d(v=c) }}"),
        ("{% import 'n.txt' as n %}{{ n.c(c) }}", "v", "m.txt", "{% import 'g.txt' as n %}{{ n.c(c) }}"),
        ("{% set p = c %}{% include 'i.txt' %}", "p", "i.txt", "{% set p = c %}{% include 'j.txt' %}"),
        (
            "{% for p in [c] %}{% include 'i.txt' %}{% endfor %}",
            "p",
            "i.txt",
            "{% for p in [c] %}{% include 'j.txt' %}{% endfor %}",
        ),
        (
            "{% set n = namespace(p=c) %}{{ 'A' if n.p else 'B' }}",
            "n.p",
            "w.txt",
            "{% set n = namespace(p=c) %}{{ 'A' if n.p|float > 0 else 'B' }}",
        ),
        (
            "{% set n = namespace() %}{% set n.p = c %}{{ 'A' if n.p else 'B' }}",
            "n.p",
            "w.txt",
            "{% set n = namespace() %}{% set n.p = c %}{{ 'A' if n.p|float > 0 else 'B' }}",
        ),
        (
            "{% set d = {'p': c} %}{{ 'A' if d['p'] else 'B' }}",
            "d['p']",
            "w.txt",
            "{% set d = {'p': c} %}{{ 'A' if d['p']|float > 0 else 'B' }}",
        ),
        (
            "{% for k, v in {'p': c}|items %}{{ 'A' if v else 'B' }}{% endfor %}",
            "v",
            "w.txt",
            "{% for k, v in {'p': c}|items %}{{ 'A' if v|float > 0 else 'B' }}{% endfor %}",
        ),
        (
            "{% for r in [{'n': 'x', 'v': c}] %}{{ 'A' if r.v else 'B' }}{% endfor %}",
            "r.v",
            "w.txt",
            "{% for r in [{'n': 'x', 'v': c}] %}{{ 'A' if r.v|float > 0 else 'B' }}{% endfor %}",
        ),
        (
            "{% macro l() %}{{ caller(c) }}{% endmacro %}{% call(q) l() %}{{ 'A' if q else 'B' }}{% endcall %}",
            "q",
            "w.txt",
            "{% macro l() %}{{ caller(c) }}{% endmacro %}{% call(q) l() %}{{ 'A' if q|float > 0 else 'B' }}{% endcall %}",
        ),
        (
            "{% macro m(p) %}{{ 'A' if p else 'B' }}{% endmacro %}{{ m(c) }}{{ m(email|length)|replace('A', '') }}",
            "p",
            "w.txt",
            "{% macro m(p) %}{{ 'A' if p|float > 0 else 'B' }}{% endmacro %}{{ m(c) }}{{ m(email|length)|replace('A', '') }}",
        ),
    ] {
        let told =
            format!("`{name}` is `c`, which is text, and any text counts as true here: w.csv, line 2, has \"0\"");
        let hint = format!("c = \"number\", by which 0 is false; or write {{% if {name}|float > 0 %}}");
        let list = list_of("c", &["0", "5", ""]);
        let case =
            Case { list, letter, found: &[place, &told], hint: &hint, mended, types: "", arrives: &["B", "A", "B"] };
        case.holds(&files);
        Case { mended: letter, types: "c = \"number\"", ..case }.holds(&files);
    }
    // A name is what its place binds it to.
    for letter in [
        "{% for p in [c] %}{{ p }}{% endfor %}{% for p in email %}{{ '.' if p }}{% endfor %}",
        "{% set p = c %}{% set p = p|float %}{{ 'A' if p }}.",
        "{% for k in {'c': c} %}{{ 'A' if k }}{% endfor %}",
        "{% set d = {'p': c|float, 'q': c} %}{{ 'A' if d.p }}.",
        "{% set n = namespace(p=c) %}{% set n.p = c|int %}{{ 'A' if n.p }}.",
    ] {
        assert_eq!(arrives(&campaign("w.csv", list_of("c", &["0", "5"]), "", letter)).len(), 2, "{letter}");
    }
}

#[test]
fn what_is_asked_of_several_columns_at_one_place_is_mended_for_all_of_them() {
    let list = "email,pts,total\nann@a.example,0,5 €\nbob@a.example,5,\"0,00 €\"\n".to_owned();
    let letter = "{% for p in [pts, total] %}{{ 'A' if p else 'B' }}{% endfor %}";
    let mended = "{% for p in [pts, total] %}{{ 'A' if p and p not in [\"0\", \"0,00 €\"] else 'B' }}{% endfor %}";
    let (found, hint) = (&["w.txt:1:38", "`p` is `pts`"][..], "write {% if p and p not in [\"0\", \"0,00 €\"] %}");
    Case { list, letter, found, hint, mended, types: "", arrives: &["BA", "AB"] }.holds(&[]);
}

#[test]
fn a_truth_of_programs_is_not_printed_to_readers() {
    for (file, list, letter, types, hint, mended) in [
        (
            "w.csv",
            list_of("c", &["TRUE", "FALSE"]),
            "Paid: {{ c }}",
            "c = \"boolean\"",
            "say under [recipients.types]: c = \"boolean\", and write {{ \"yes\" if c else \"no\" }}",
            "Paid: {{ \"yes\" if c else \"no\" }}",
        ),
        (
            "w.csv",
            list_of("c", &["WAHR", "FALSCH"]),
            "{% set d = c %}Paid: {{ d }}",
            "c = \"boolean\"",
            "say under [recipients.types]: c = \"boolean\", and write {{ \"yes\" if d else \"no\" }}",
            "{% set d = c %}Paid: {{ \"yes\" if d else \"no\" }}",
        ),
        (
            "w.jsonl",
            "{\"email\":\"p0@a.example\",\"c\":true}\n{\"email\":\"p1@a.example\",\"c\":false}\n".to_owned(),
            "Paid: {{ c|default('?') }}",
            "",
            "write {{ \"yes\" if c else \"no\" }}",
            "Paid: {{ \"yes\" if c else \"no\" }}",
        ),
    ] {
        let (ran, found) = check(&campaign(file, &list, "", letter), "w.toml");
        let told = found.iter().find(|found| found.check == "boolean-printed").unwrap_or_else(|| panic!("{ran:?}"));
        assert_eq!(told.severity, "warning");
        assert!(told.says.contains("is printed as it stands in the list") && told.hint.contains(hint), "{told:?}");
        let types = if types.is_empty() { String::new() } else { format!("[recipients.types]\n{types}\n") };
        assert_eq!(
            arrives(&campaign(file, &list, &types, mended)),
            ["p0@a.example: Paid: yes", "p1@a.example: Paid: no"]
        );
    }
    let list = list_of("c", &["true", "false"]);
    for letter in [
        "See https://acme.example/?c={{ c }}",
        "{{ 'yes' if c == 'true' else 'no' }}",
        "{{ c|replace('true', 'paid') }}",
    ] {
        assert_eq!(arrives(&campaign("w.csv", &list, "", letter)).len(), 2, "{letter}");
    }
    assert_eq!(arrives(&campaign("w.csv", list_of("c", &["yes", "no"]), "", "You said {{ c }}.")).len(), 2);
}

#[test]
fn what_is_computed_with_amounts_is_told_with_what_reads_each_of_them() {
    for (cells, letter, found, hint, mended, types, texts) in [
        (
            &["5 €", "12,50 €", "0,00 €"][..],
            "{{ 'A' if c > 5 else 'B' }}",
            &["w.txt:1:11", "a number is needed here, and `c` is text: w.csv, line 2, has \"5 €\""][..],
            "write c|replace(\" €\", \"\")|replace(\",\", \".\")|float in its place",
            "{{ 'A' if c|replace(\" €\", \"\")|replace(\",\", \".\")|float > 5 else 'B' }}",
            "",
            &["B", "A", "B"][..],
        ),
        (
            &["5%", "7.5%", ""],
            "{{ 'A' if c > 5 else 'B' }}",
            &["w.txt:1:11", "line 2, has \"5%\""],
            "write c|default(\"0\", true)|replace(\"%\", \"\")|float in its place",
            "{{ 'A' if c|default(\"0\", true)|replace(\"%\", \"\")|float > 5 else 'B' }}",
            "",
            &["B", "A", "B"],
        ),
        (
            &["5", "many"],
            "{{ c * 2 }}",
            &["w.txt:1:4", "line 3, has \"many\""],
            "write c|float(0) in its place, by which a word counts as 0",
            "{{ c|float(0) * 2 }}",
            "",
            &["10.0", "0"],
        ),
        (
            &["007", "5", ""],
            "{{ c * 2 }}",
            &["w.txt:1:4", "line 2, has \"007\""],
            "[recipients.types]: c = \"number\"; and what an empty cell counts as: c|default(0, true)",
            "{{ c|default(0, true) * 2 }}",
            "c = \"number\"",
            &["14", "10", "0"],
        ),
        (
            &["5", ""],
            "{{ c * 2 }}",
            &["w.txt:1:4", "`c` is empty in 1 of 2 rows"],
            "c|default(0)",
            "{{ c|default(0, true) * 2 }}",
            "",
            &["10", "0"],
        ),
    ] {
        let list = list_of("c", cells);
        Case { list, letter, found, hint, mended, types, arrives: texts }.holds(&[]);
    }
}

#[test]
fn amounts_of_different_kinds_are_told_with_both_cells() {
    for (cells, letter, at, second) in [
        (&["5 €", "$5"][..], "{{ 'A' if c > 3 }}", "w.txt:1:11", "$5"),
        (&["5 kg", "300 g"], "{{ c * 2 }}", "w.txt:1:4", "300 g"),
        (&["5 %", "0.05"], "{{ 'A' if c > 3 }}", "w.txt:1:11", "0.05"),
        (&["5 €", "$5"], "{{ c|money('EUR') }}", "w.txt:1:4", "$5"),
    ] {
        let (ran, found) = check(&campaign("w.csv", list_of("c", cells), "", letter), "w.toml");
        let says = format!("w.csv, line 2, has {:?}, and line 3 has {second:?}", cells[0]);
        let told = found.iter().find(|found| found.place == at && found.says.contains(&says));
        assert!(told.is_some_and(|told| told.severity == "error" && ran.code == Some(2)), "{letter}: {ran:?}");
    }
    // Each with a column of its own, as the hint says.
    let list = "email,euros,dollars\nann@a.example,5 €,\nbob@a.example,,$5\n";
    let letter = "{{ euros|money('EUR') }}{{ dollars|money('USD') }}";
    assert_eq!(arrives(&campaign("w.csv", list, "", letter)), ["ann@a.example: €5.00", "bob@a.example: $5.00"]);
    // Rows that are written each in their currency, and one currency in several spellings.
    let list = "email,c,cur\nann@a.example,5 €,EUR\nbob@a.example,$5,USD\n";
    for letter in
        ["{{ c|money(cur) }}", "{% if cur == 'USD' %}{{ c|money('USD') }}{% else %}{{ c|money('EUR') }}{% endif %}"]
    {
        assert_eq!(
            arrives(&campaign("w.csv", list, "", letter)),
            ["ann@a.example: €5.00", "bob@a.example: $5.00"],
            "{letter}"
        );
    }
    let letters = arrives(&campaign("w.csv", list_of("c", &["5 €", "5", "EUR 5"]), "", "{{ c|money('EUR') }}"));
    assert_eq!(letters.len(), 3);
}

#[test]
fn a_word_that_cells_have_in_other_letters_is_told() {
    for (cells, letter, told) in [
        (&["DE", "EN"][..], "{% if c == 'de' %}A{% endif %}.", Some(("line 2, has: \"DE\"", "c|lower == \"de\""))),
        (
            &["gold", "Gold"],
            "{% if c != 'gold' %}A{% endif %}.",
            Some(("line 3, has: \"Gold\"", "c|lower != \"gold\"")),
        ),
        (&["Gold"], "{% set p = c %}{{ 'A' if p == 'gold' }}.", Some(("line 2, has: \"Gold\"", "p|lower == \"gold\""))),
        (&["DE", "EN"], "{% if c|lower == 'de' %}A{% endif %}.", None),
        (&["gold", "Gold"], "{% if c in ['gold', 'Gold'] %}A{% endif %}.", None),
        (&["gold", "Gold"], "{% if c == 'gold' %}A{% elif c == 'Gold' %}B{% endif %}.", None),
        (&["gold", "silver"], "{% if c == 'gold' %}A{% endif %}.", None),
    ] {
        let (ran, found) = check(&campaign("w.csv", list_of("c", cells), "", letter), "w.toml");
        let found = found.iter().find(|found| found.check == "word-spelling");
        assert_eq!(found.is_some(), told.is_some(), "{letter}: {ran:?}");
        if let (Some(found), Some((says, hint))) = (found, told) {
            assert!(found.says.contains(says) && found.hint.contains(hint), "{letter}: {found:#?}");
            assert_eq!(found.severity, "warning");
        }
    }
}

#[test]
fn a_word_for_nothing_is_told_where_it_is_asked_whether_there_is_something() {
    let letter = "{% if c %}Thank you for being a member{% else %}Join us{% endif %}.";
    for word in ["NULL", "\\N", "nan", "nil", "undefined", "N/A", "none"] {
        let (ran, found) = check(&campaign("w.csv", list_of("c", &[word, "Gold", word]), "", letter), "w.toml");
        let told =
            found.iter().find(|found| found.check == "cell-nothing").unwrap_or_else(|| panic!("{word}: {ran:?}"));
        assert!(told.place == "w.txt:1:7" && told.says.contains("by which nothing is meant"), "{told:#?}");
        let mended = format!("{{% if c and c != {word:?} %}}");
        assert!(told.hint.contains(&mended), "{mended}: {told:#?}");
    }
}

#[test]
fn codes_of_languages_and_countries_say_neither_yes_nor_no() {
    for (column, cells, letter) in [
        ("lang", &["no", "da"][..], "{% if lang %}{{ lang }}{% endif %}."),
        ("Language_Code", &["no", "en", "no", "da"], "{% if Language_Code %}A{% endif %}."),
        ("country", &["NO", "SI", "DA", "SE"], "{% if country == 'NO' %}A{% endif %}."),
    ] {
        let (ran, found) = check(&campaign("w.csv", list_of(column, cells), "", letter), "w.toml");
        let told = found.iter().find(|found| found.says.contains("is text") || found.says.contains("other words"));
        assert!(told.is_none(), "{letter}: {ran:?}");
    }
    let cells = &["no", "NULL", "da"];
    let (ran, found) = check(&campaign("w.csv", list_of("lang", cells), "", "{% if lang %}A{% endif %}."), "w.toml");
    assert!(found.iter().any(|found| found.check == "cell-nothing"), "{ran:?}");
    let (ran, _) = check(&campaign("w.csv", list_of("vip", &["no", "da"]), "", "{% if vip %}A{% endif %}."), "w.toml");
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn a_time_of_the_day_is_written_as_a_pattern_says() {
    let list = list_of("c", &["14:30", "9:05", "2:30 PM"]);
    let letters = arrives(&campaign("w.csv", &list, "", "{{ c|date('%H.%M') }}"));
    assert_eq!(letters, ["p0@a.example: 14.30", "p1@a.example: 09.05", "p2@a.example: 14.30"]);
    let (_, found) = check(&campaign("w.csv", &list, "", "{{ c|date('%d.%m.%Y') }}"), "w.toml");
    assert!(found.iter().any(|found| found.says.contains("is a time without a day, and `%d`")), "{found:#?}");
}
