//! Comparisons that stand around a condition: which of them tell what a cell says there, and which do not.

use super::conditions::{Case, list_of};
use super::lists::{arrives, campaign};

#[test]
fn a_comparison_somewhere_else_is_no_guard() {
    let (answers, points) = (&["yes", "no", "yes"][..], &["0", "5", "7"][..]);
    let (says_yes, above) = ("write {% if c == \"yes\" %}; if any", "write {% if c and c != \"0\" %}; if any");
    for (cells, letter, hint, mended, texts) in [
        (
            answers,
            "{% if c %}A{% endif %}{% if c == 'yes' %}B{% endif %}.",
            says_yes,
            "{% if c == \"yes\" %}A{% endif %}{% if c == 'yes' %}B{% endif %}.",
            &["AB.", ".", "AB."][..],
        ),
        (
            answers,
            "{{ 'A' if c }}{{ 'B' if c != 'no' }}.",
            says_yes,
            "{{ 'A' if c == \"yes\" }}{{ 'B' if c != 'no' }}.",
            &["AB.", ".", "AB."],
        ),
        (
            answers,
            "{% if email == 'p1@a.example' and c == 'yes' %}A{% elif c %}B{% endif %}.",
            says_yes,
            "{% if email == 'p1@a.example' and c == 'yes' %}A{% elif c == \"yes\" %}B{% endif %}.",
            &["B.", ".", "B."],
        ),
        (
            answers,
            "{% if c == 'yes' or c %}A{% endif %}.",
            says_yes,
            "{% if c == 'yes' or c == \"yes\" %}A{% endif %}.",
            &["A.", ".", "A."],
        ),
        (
            answers,
            "{% if c == 'yes' or email %}{% if c %}A{% endif %}{% endif %}.",
            says_yes,
            "{% if c == 'yes' or email %}{% if c == \"yes\" %}A{% endif %}{% endif %}.",
            &["A.", ".", "A."],
        ),
        (
            answers,
            "{% if c %}A{% if c == 'yes' %}B{% endif %}{% endif %}.",
            says_yes,
            "{% if c == \"yes\" %}A{% if c == 'yes' %}B{% endif %}{% endif %}.",
            &["AB.", ".", "AB."],
        ),
        (
            answers,
            "{% if c %}A{% else %}{% if c == 'yes' %}B{% endif %}{% endif %}.",
            says_yes,
            "{% if c == \"yes\" %}A{% else %}{% if c == 'yes' %}B{% endif %}{% endif %}.",
            &["A.", ".", "A."],
        ),
        (
            answers,
            "{% if c != '' and email %}{% if c %}A{% endif %}{% endif %}.",
            says_yes,
            "{% if c != '' and email %}{% if c == \"yes\" %}A{% endif %}{% endif %}.",
            &["A.", ".", "A."],
        ),
        (
            points,
            "{% if c %}{{ c }} points{% endif %}{{ '!' if c != '0' }}.",
            above,
            "{% if c and c not in [\"0\"] %}{{ c }} points{% endif %}{{ '!' if c != '0' }}.",
            &[".", "5 points!.", "7 points!."],
        ),
        (
            points,
            "{% if c == '7' %}seven{% elif c %}{{ c }} points{% endif %}.",
            above,
            "{% if c == '7' %}seven{% elif c and c not in [\"0\"] %}{{ c }} points{% endif %}.",
            &[".", "5 points.", "seven."],
        ),
        (
            points,
            "{% macro m(p) %}{% if p %}A{% endif %}{% endmacro %}{% if c != '0' %}{{ m(c) }}{% endif %}{{ m(c) }}.",
            "write {% if p and p != \"0\" %}",
            "{% macro m(p) %}{% if p and p not in [\"0\"] %}A{% endif %}{% endmacro %}{% if c != '0' %}{{ m(c) }}{% endif %}{{ m(c) }}.",
            &[".", "AA.", "AA."],
        ),
    ] {
        let list = list_of("c", cells);
        let found = &["counts as true here: w.csv"][..];
        Case { list, letter, found, hint, mended, types: "", arrives: texts }.holds(&[]);
    }
}

#[test]
fn a_word_that_a_name_of_the_template_has_in_small_letters_is_the_same_word() {
    let cells = &["Yes", "no", "YES"];
    for letter in [
        "{% set a = c|lower %}{% if a == 'yes' %}A{% endif %}.",
        "{% set a = c|trim|lower %}{% if a == 'yes' %}A{% endif %}.",
        "{% set a = c|upper %}{{ 'A' if a == 'YES' }}.",
        "{% with a = c|lower %}{% if a == 'yes' %}A{% endif %}{% endwith %}.",
        "{% macro m(a) %}{% if a == 'yes' %}A{% endif %}{% endmacro %}{{ m(c|lower) }}.",
        "{% set a = (c|default('no', true))|lower %}{% if a == 'yes' %}A{% endif %}.",
    ] {
        let letters = arrives(&campaign("w.csv", list_of("c", cells), "", letter));
        let said: Vec<&str> =
            letters.iter().map(|letter| letter.split_once(": ").map_or("", |(_, text)| text)).collect();
        assert_eq!(said, ["A.", ".", "A."], "{letter}");
    }
    let folder = campaign("w.csv", list_of("c", cells), "", "{% set a = c|trim %}{% if a == 'yes' %}A{% endif %}.");
    let (ran, found) = super::check::check(&folder, "w.toml");
    assert!(ran.code == Some(2) && found.iter().any(|found| found.says.contains("other words for yes")), "{found:#?}");
}

#[test]
fn a_comparison_that_guards_the_place_is_enough() {
    let (answers, points) = (&["yes", "no", "yes"][..], &["0", "5", "7"][..]);
    for (cells, letter, texts) in [
        (points, "{% if c != '0' and c %}A{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c and c != '0' %}A{% endif %}.", [".", "A.", "A."]),
        (points, "{% if not (c == '0') and c %}A{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c %}{% if c != '0' %}A{% endif %}{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c %}<p>{% if c != '0' %}A{% endif %}</p>{% endif %}.", ["<p></p>.", "<p>A</p>.", "<p>A</p>."]),
        (points, "{% if c %}{{ 'A' if c != '0' }}{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c != '0' %}{% if c %}A{% endif %}{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c == '0' %}B{% elif c %}A{% endif %}.", ["B.", "A.", "A."]),
        (points, "{% if not c %}B{% elif c == '0' %}B{% else %}A{% endif %}.", ["B.", "A.", "A."]),
        (
            points,
            "{% if c == '0' %}B{% else %}{% if email %}{{ 'A' if c else 'B' }}{% endif %}{% endif %}.",
            ["B.", "A.", "A."],
        ),
        (points, "{{ ('A' if c else 'B') if c != '0' else 'B' }}.", ["B.", "A.", "A."]),
        (points, "{{ ('A' if c != '0' else 'B') if c else 'B' }}.", ["B.", "A.", "A."]),
        (points, "{% if c|float > 0 and c %}A{% endif %}.", [".", "A.", "A."]),
        (points, "{% if c > 0 %}{% if c %}A{% endif %}{% endif %}.", [".", "A.", "A."]),
        (points, "{% set none_left = c == '0' %}{% if c and not none_left %}A{% endif %}.", [".", "A.", "A."]),
        (
            points,
            "{% set has = false %}{% if c != '0' %}{% set has = true %}{% endif %}{% if has and c %}A{% endif %}.",
            [".", "A.", "A."],
        ),
        (points, "{% set p = c if c != '0' else '' %}{% if p %}A{% endif %}.", [".", "A.", "A."]),
        (points, "{% for p in [c] if p != '0' %}{% if p %}A{% endif %}{% endfor %}.", [".", "A.", "A."]),
        (
            points,
            "{% for p in [c] %}{% if p == '0' %}{% continue %}{% endif %}{% if p %}A{% endif %}{% endfor %}.",
            [".", "A.", "A."],
        ),
        (points, "{% for p in [c]|reject('eq', '0') %}{% if p %}A{% endif %}{% endfor %}.", [".", "A.", "A."]),
        (
            points,
            "{% macro m(p) %}{% if p %}A{% endif %}{% endmacro %}{% if c != '0' %}{{ m(c) }}{% endif %}.",
            [".", "A.", "A."],
        ),
        (answers, "{% if c == 'yes' %}A{% elif c %}B{% endif %}.", ["A.", "B.", "A."]),
        (answers, "{% if not c or c == 'no' %}B{% else %}A{% endif %}.", ["A.", "B.", "A."]),
        (answers, "{% if c == 'no' or not c %}B{% else %}A{% endif %}.", ["A.", "B.", "A."]),
        (answers, "{% if not c or c|lower in ['no', 'nein'] %}B{% else %}A{% endif %}.", ["A.", "B.", "A."]),
        (points, "{% if not c or c == '0' %}B{% else %}A{% endif %}.", ["B.", "A.", "A."]),
        (points, "{{ 'B' if c in ['0', '0.00'] or not c else 'A' }}.", ["B.", "A.", "A."]),
        (answers, "{% if c %}{% if c == 'yes' %}A{% else %}B{% endif %}{% endif %}.", ["A.", "B.", "A."]),
    ] {
        let letters = arrives(&campaign("w.csv", list_of("c", cells), "", letter));
        let said: Vec<&str> =
            letters.iter().map(|letter| letter.split_once(": ").map_or("", |(_, text)| text)).collect();
        assert_eq!(said, texts, "{letter}");
    }
}
