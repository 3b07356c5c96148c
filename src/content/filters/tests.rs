//! Filters and methods of text, each against what Python gives.

use super::register;
use minijinja::Environment;

fn eval(expression: &str) -> Result<String, String> {
    let mut env = Environment::new();
    register(&mut env, super::order::Cells::Typed);
    env.compile_expression(expression).and_then(|e| e.eval(())).map(|v| v.to_string()).map_err(|e| e.to_string())
}

#[track_caller]
fn gives(expression: &str, want: &str) {
    assert_eq!(eval(expression).as_deref(), Ok(want), "{expression}");
}

#[test]
fn text_is_cut_and_wrapped_as_jinja2_does_it() {
    gives("'one two three four'|truncate(11)", "one two...");
    gives("'one two three four'|truncate(11, true)", "one two ...");
    gives("'one two three'|truncate(11)", "one two three");
    gives("'one two three four'|truncate(length=9, end='\u{2026}', leeway=0)", "one two\u{2026}");
    gives("'abc'|center(6)", " abc  ");
    gives("'ab'|center(5)", "  ab ");
    gives("'a fine, day_off 3'|wordcount", "4");
    gives("'aaa bbb ccc'|wordwrap(7)", "aaa bbb\nccc");
    gives("'aaaaaaaaa bb'|wordwrap(4, wrapstring='|')", "aaaa|aaaa|a bb");
    gives("'aaaaaaaaa bb'|wordwrap(4, false)", "aaaaaaaaa\nbb");
    gives("'well-known thing'|wordwrap(6)", "well-\nknown\nthing");
    gives("{'a': 1, 'b': none, 'c': '<'}|xmlattr", " a=\"1\" c=\"&lt;\"");
    gives("'<b>'|forceescape|forceescape", "&amp;lt;b&amp;gt;");
    assert!(eval("'x'|truncate(2)").is_err());
    assert!(eval("{'a b': 1}|xmlattr").is_err());
    assert!(eval("'x'|center(100000)").is_err());
}

#[test]
fn methods_of_text_are_python_s() {
    for (expression, want) in [
        ("\"they're bill's\".title()", "They'Re Bill'S"),
        ("'aBc'.swapcase()", "AbC"),
        ("'7'.zfill(3)", "007"),
        ("'-7'.zfill(4)", "-007"),
        ("'ab'.ljust(4, '.')", "ab.."),
        ("'ab'.rjust(4)", "  ab"),
        ("'a=b=c'.partition('=')", "('a', '=', 'b=c')"),
        ("'a=b=c'.rpartition('=')", "('a=b', '=', 'c')"),
        ("'abc'.partition('=')", "('abc', '', '')"),
        ("'prefix'.removeprefix('pre')", "fix"),
        ("'a b c'.rsplit(' ', 1)", "['a b', 'c']"),
        ("' a  b '.rsplit()", "['a', 'b']"),
        ("'abc'.index('c')", "2"),
        ("'Ab Cd'.istitle()", "True"),
        ("'12'.isdecimal()", "True"),
        ("[1, 2].index(2)", "1"),
        ("'a\\tb'.expandtabs(4)", "a   b"),
    ] {
        gives(expression, want);
    }
    assert!(eval("'abc'.index('x')").is_err());
    assert!(eval("'abc'.nothing()").is_err());
}

#[test]
fn no_pattern_and_no_number_of_a_row_makes_a_text_without_bound() {
    for wide in [
        "'{:>300000000}'.format('x')",
        "'{:.300000000f}'.format(1.5)",
        "('{:' ~ '9' * 30 ~ '}').format(1)",
        "('{:9999999}' * 400000).format(1)",
        "'x'|indent(300000000)",
        "('\\n' * 4000000)|indent('xx')",
        "[1]|tojson(indent=300000000)",
        "('a b ' * 10000)|wordwrap(1, wrapstring='x' * 100000)",
        "('\\t' * 1000000).expandtabs(100)",
        "'x'.zfill(300000000)",
    ] {
        let said = eval(wide).expect_err(wide);
        assert!(said.contains("longer than") || said.contains("wider than") || said.contains("an indent of"), "{said}");
    }
    gives("'{:>5}|{:.2f}'.format('x', 1.5)", "    x|1.50");
    gives("'call 49301234567: {}'.format('x')", "call 49301234567: x");
}

#[test]
fn a_text_that_is_no_date_is_told_with_how_it_may_be_written() {
    for (date, way) in [
        ("12/24/2026", "date(…, from=\"%m/%d/%Y\")"),
        ("24/12/26", "date(…, from=\"%d/%m/%y\")"),
        ("03/04/2026", "date(…, from=\"%m/%d/%Y\", or from=\"%d/%m/%Y\")"),
        ("46380", "it may be a sheet's number of a day"),
        ("soon", "write it as 2026-12-24 in the list"),
        ("Dec 24, 2026", "date(…, from=\"%b %d, %Y\")"),
    ] {
        let said = eval(&format!("'{date}'|date")).expect_err(date);
        assert!(said.contains(way), "{date}: {said}");
    }
}

#[test]
fn amounts_are_read_as_books_write_them_and_never_in_another_currency() {
    for (expression, want) in [
        ("'1.234,50 €'|money('EUR', locale='de_DE')", "1.234,50\u{a0}€"),
        ("'(1,000.00)'|money('EUR', locale='de_DE')", "-1.000,00\u{a0}€"),
        ("'1.234,50'|number(2, locale='en_US')", "1,234.50"),
        ("'€ 12.50'|money('EUR', locale='en_US')", "€12.50"),
        ("'EUR 12.50'|money('EUR', locale='en_US')", "€12.50"),
        ("'0.125'|number(3, locale='de_DE')", "0,125"),
        ("'1,234,567.5'|number(locale='de_DE')", "1.234.567,5"),
    ] {
        gives(expression, want);
    }
    for (expression, why) in [
        ("'12.50 $'|money('EUR', locale='en_US')", "is an amount in $, and not in EUR"),
        ("'USD 1'|money('EUR', locale='en_US')", "is an amount in USD, and not in EUR"),
        ("'12,50 €'|money('EUR', locale='en_US')", "is no number; locale = \"de_DE\" reads it"),
        ("'1,23.4'|number(locale='de_DE')", "is no number"),
        ("'1.2,3.4'|number(locale='de_DE')", "is no number"),
        ("'(x)'|number(locale='de_DE')", "is no number"),
    ] {
        let said = eval(expression).expect_err(expression);
        assert!(said.contains(why), "{expression}: {said}");
    }
}

#[test]
fn tags_are_stripped_and_text_stays() {
    gives("'Price < 5 and rest is kept'|striptags", "Price < 5 and rest is kept");
    gives("'<p>a  b</p>\\n<!-- <b>x</b> -->c &amp; d &lt;e&gt; &eacute;'|striptags", "a b c & d <e> \u{e9}");
    gives("'a&nbsp;b <b'|striptags", "a\u{a0}b <b");
}

#[test]
fn what_has_no_order_is_not_ordered() {
    for mixed in [
        "[1, 'a']|sort",
        "['2', 1]|max",
        "['2', 1]|min",
        "[1, '2']|select('gt', 0)|list",
        "[{'a': 1}, {'a': 'x'}]|sort(attribute='a')",
        "[{'a': 1}, {'a': 'x'}]|selectattr('a', 'ge', 1)|list",
        "[{'a': 1}, {'a': 'x'}]|groupby('a')",
        "{'a': 1, 'b': 'x'}|dictsort(by='value')",
    ] {
        let said = eval(mixed).expect_err(mixed);
        assert!(said.contains("is compared with"), "{mixed}: {said}");
    }
    for (expression, want) in [
        ("['b', 'A', 'c']|sort(true)", "['c', 'b', 'A']"),
        ("['b', 'A', 'c']|sort(false, true)", "['A', 'b', 'c']"),
        ("['b', 'B']|unique(true)", "['b', 'B']"),
        ("{'b': 1, 'C': 0, 'a': 2}|dictsort(true)", "[('C', 0), ('a', 2), ('b', 1)]"),
        ("{'b': 1, 'a': 2}|dictsort(false, 'value', true)", "[('a', 2), ('b', 1)]"),
        ("[{'a': 2, 'b': 1}, {'a': 1, 'b': 1}]|sort(attribute='b,a')|map(attribute='a')|join", "12"),
        ("[3, 1.5, true]|min", "True"),
        ("['b', 'a']|max", "b"),
        ("[]|max|default('none')", "none"),
        ("'a\\nb\\n\\nc'|indent('> ')", "a\n> b\n\n> c"),
        ("'a\\nb'|indent(2, true)", "  a\n  b"),
        ("'1' in [1, 2]", "False"),
    ] {
        gives(expression, want);
    }
}

#[test]
fn numbers_are_rounded_away_from_zero_by_their_digits() {
    for (expression, want) in [
        ("2.5|round(0, 'away')", "3.0"),
        ("-2.5|round(0, 'away')|int", "-3"),
        ("0.5|round(method='away')", "1.0"),
        ("2.675|round(2, 'away')", "2.68"),
        ("1.005|round(2, method='away')", "1.01"),
        ("9.995|round(2, 'away')", "10.0"),
        ("3|round(2, 'away')", "3"),
        ("1250|round(-2, 'away')", "1300"),
        ("-1250|round(-2, 'away')", "-1300"),
        ("1249.9|round(-2, 'away')", "1200"),
        ("0.0000001|round(2, 'away')", "0.0"),
        // Jinja2's own are as they were.
        ("2.5|round", "2.0"),
        ("42.55|round(1, 'floor')", "42.5"),
    ] {
        gives(expression, want);
    }
    assert!(eval("'x'|round(0, 'away')").is_err());
    assert!(eval("1.5|round(0, 'up')").is_err());
    assert!(eval("5|round(-99, 'away')").is_err());
}

#[test]
fn texts_have_parts_and_objects_have_values() {
    for (expression, want) in [
        ("'a,b,,c,,'|parts(',')", "['a', 'b', '', 'c']"),
        ("''|parts(',')", "[]"),
        ("','|parts(',')", "[]"),
        ("' a  b '|parts", "['a', 'b']"),
        ("'ab'|parts('')", "['a', 'b']"),
        ("none|parts(',')", "[]"),
        ("12|parts('')", "['1', '2']"),
        ("{'a': 1, 'b': [2]}|values", "[1, [2]]"),
        ("[1, 2]|values", "[1, 2]"),
        ("'ab'|values|list", "[]"),
        ("3|values|list", "[]"),
        ("none|values|list", "[]"),
        ("{'a': 1, 'b': 2}|pairs", "[['a', 1], ['b', 2]]"),
        ("['x', 'y']|pairs", "[[0, 'x'], [1, 'y']]"),
        ("'ab'|pairs", "[]"),
        ("none|pairs", "[]"),
    ] {
        gives(expression, want);
    }
}

#[test]
fn bool_reads_words_for_yes_and_no() {
    for (expression, want) in [
        ("'FALSE'|bool", "False"),
        ("' Yes '|bool", "True"),
        ("['nein'|bool, 'ja'|bool, '✗'|bool, 'はい'|bool]", "[False, True, False, True]"),
        ("['0'|bool, '0.00'|bool, '12'|bool]", "[False, False, True]"),
        ("[''|bool, ' '|bool, none|bool, []|bool, 0|bool]", "[False, False, False, False, False]"),
        ("[true|bool, [0]|bool, 2|bool]", "[True, True, True]"),
    ] {
        gives(expression, want);
    }
    assert!(eval("'perhaps'|bool").is_err_and(|why| why.contains("neither true nor false")));
}

/// Jinja2's own.
const JINJA2: &str = "abs attr batch capitalize center count d default dictsort e escape filesizeformat first float forceescape format \
                      groupby indent int items join last length list lower map max min pprint reject rejectattr replace reverse round \
                      safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper urlencode \
                      wordcount wordwrap xmlattr";

#[test]
fn the_readme_names_each_filter_that_jinja2_has_not() {
    let readme = include_str!("../../../README.md");
    let is_own = |name: &str| !name.starts_with("__") && !JINJA2.split_whitespace().any(|known| known == name);
    let own: Vec<&str> = super::FILTERS.iter().map(|(name, ..)| *name).filter(|name| is_own(name)).collect();
    let is_named = |name: &str| readme.contains(&format!("`{name}`"));
    assert!(["date", "money", "number", "plural"].iter().all(|name| own.contains(name)), "{own:?}");
    let missing: Vec<&&str> = own.iter().filter(|name| !is_named(name)).collect();
    assert!(missing.is_empty(), "README does not name {missing:?}");
}
